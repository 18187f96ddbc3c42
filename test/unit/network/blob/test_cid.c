/* Content identifiers, by known values and by the fixtures of the IPFS project where they are at hand. */
#include "blob/blob.h"

#include "../../../support/skip.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static const char hello[] = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";

static void hello_world_has_the_identifier_that_everybody_knows(void **state)
{
    char cid[BLOB_CID_MAX];

    blob_cid(BLOB_CODEC_RAW, FCC_LIT("hello world"), cid);
    assert_string_equal(cid, hello);
}

static void an_identifier_gives_codec_and_digest_back(void **state)
{
    static const uint64_t codecs[] = { 0x55, 0x70, 0x71, 0x0129, 0x7fffffff };
    char cid[BLOB_CID_MAX], again[BLOB_CID_MAX];
    uint8_t digest[32];
    uint64_t codec;
    size_t i;

    for (i = 0; i < sizeof(codecs) / sizeof(codecs[0]); i++) {
        blob_cid(codecs[i], FCC_LIT("x"), cid);
        assert_int_equal(blob_cid_parse(cid, &codec, digest), FCC_OK);
        assert_int_equal(codec, codecs[i]);
        blob_cid(codec, FCC_LIT("x"), again);
        assert_string_equal(cid, again);
    }
}

static void what_is_no_cid_of_this_kind_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "b",
        "bafkrei",
        "QmRgutAxd8t7oGkSm4wmeuByG6M51wcTso6cubDdQtuEfL",
        "zb2rhe5P4gXftAwvA4eXQ5HJwsER2owDyS9sKaQRRVQPn93bA",
        "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5f", /* a bit behind the end is set */
        "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5",
        "BAFKREIFZJUT3TE2NHYEKKLSS27NH3K72YSCO7Y32KOAO5EEI66WOF36N5E",
        "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5eaa",
        "../../etc/passwd",
    };
    uint8_t digest[32];
    uint64_t codec;
    size_t i;

    assert_int_equal(blob_cid_parse(hello, &codec, digest), FCC_OK);
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(blob_cid_parse(bad[i], &codec, digest), FCC_ERR_ARG);
}

static size_t check_file(const char *path, const char *name, const char *ending, uint64_t codec)
{
    static uint8_t data[1 << 20];
    size_t n = strlen(name), e = strlen(ending), len;
    char want[256], cid[BLOB_CID_MAX];
    FILE *f;

    if (n <= e || strcmp(name + n - e, ending) != 0 || name[0] != 'b' || n - e >= sizeof(want))
        return 0;
    memcpy(want, name, n - e);
    want[n - e] = '\0';
    f = fopen(path, "rb");
    assert_non_null(f);
    len = fread(data, 1, sizeof(data), f);
    fclose(f);
    blob_cid(codec, fcc_bytes_of(data, len), cid);
    assert_string_equal(cid, want);
    return 1;
}

static void the_fixtures_of_the_codecs_have_the_identifiers_that_they_are_named_by(void **state)
{
    const char *shared = getenv("MEDSYNC_SHARED");
    char dir[2048], sub[2400], path[2800];
    struct dirent *d, *e;
    size_t checked = 0;
    DIR *outer, *inner;

    snprintf(dir, sizeof(dir), "%s/data/ipfs-multiformats/codec-fixtures", shared ? shared : "../shared");
    outer = opendir(dir);
    if (!outer)
        SKIP("%s is not there", dir);
    while ((d = readdir(outer))) {
        if (d->d_name[0] == '.')
            continue;
        snprintf(sub, sizeof(sub), "%s/%.255s", dir, d->d_name);
        inner = opendir(sub);
        while (inner && (e = readdir(inner))) {
            snprintf(path, sizeof(path), "%s/%.255s", sub, e->d_name);
            checked += check_file(path, e->d_name, ".dag-json", 0x0129);
            checked += check_file(path, e->d_name, ".dag-cbor", 0x71);
            checked += check_file(path, e->d_name, ".dag-pb", 0x70);
        }
        if (inner)
            closedir(inner);
    }
    closedir(outer);
    assert_true(checked > 0);
}

static int nibble(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c - 'a' + 10;
}

static void digests_are_those_of_the_multihash_vectors(void **state)
{
    const char *shared = getenv("MEDSYNC_SHARED");
    char path[2048], line[4096], input[2048], hash[512], cid[BLOB_CID_MAX];
    uint8_t digest[32];
    size_t i, checked = 0;
    uint64_t codec;
    FILE *f;

    snprintf(path, sizeof(path), "%s/data/ipfs-multiformats/multihash-test_cases.csv", shared ? shared : "../shared");
    f = fopen(path, "r");
    if (!f)
        SKIP("%s is not there", path);
    while (fgets(line, sizeof(line), f)) {
        if (sscanf(line, "sha2-256,256,%2047[0-9a-f],1220%511[0-9a-f]", input, hash) != 2)
            continue;
        /* the input is hashed as the text it is */
        blob_cid(BLOB_CODEC_RAW, fcc_str(input), cid);
        assert_int_equal(blob_cid_parse(cid, &codec, digest), FCC_OK);
        for (i = 0; i < 32; i++)
            assert_int_equal(digest[i], nibble(hash[2 * i]) << 4 | nibble(hash[2 * i + 1]));
        checked++;
    }
    fclose(f);
    assert_true(checked > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hello_world_has_the_identifier_that_everybody_knows),
        cmocka_unit_test(an_identifier_gives_codec_and_digest_back),
        cmocka_unit_test(what_is_no_cid_of_this_kind_is_refused),
        cmocka_unit_test(the_fixtures_of_the_codecs_have_the_identifiers_that_they_are_named_by),
        cmocka_unit_test(digests_are_those_of_the_multihash_vectors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
