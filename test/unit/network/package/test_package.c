/* Packages: written the same each time, read as a peer reads them, refused where a peer refuses. */
#include "package/package.h"

#include "base/buf.h"
#include "test/support/skip.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

static fcc__arena *arena;
static package_fault fault;

static int make_arena(void **state)
{
    (void)state;
    arena = fcc__arena_new(256 << 20);
    return arena ? 0 : -1;
}

static int free_arena(void **state)
{
    (void)state;
    fcc__arena_free(arena);
    return 0;
}

/* ---- archives as others make them ---- */

typedef struct part {
    const char *name;
    unsigned int type; /* AE_IFREG and so on */
    fcc_bytes content; /* of a link: its target */
} part;

static fcc_bytes archive_of(const part *parts, size_t count)
{
    size_t room = 65536, used = 0, i;
    uint8_t *data;
    struct archive *a = archive_write_new();

    for (i = 0; i < count; i++)
        room += parts[i].content.len + 2048;
    data = fcc__arena_alloc(arena, room);
    assert_non_null(data);
    archive_write_add_filter_gzip(a);
    archive_write_set_format_pax_restricted(a);
    assert_int_equal(archive_write_open_memory(a, data, room, &used), ARCHIVE_OK);
    for (i = 0; i < count; i++) {
        struct archive_entry *e = archive_entry_new();

        archive_entry_set_pathname(e, parts[i].name);
        archive_entry_set_filetype(e, parts[i].type);
        archive_entry_set_perm(e, 0755);
        if (parts[i].type == AE_IFLNK)
            archive_entry_set_symlink(e, (const char *)parts[i].content.data);
        if (parts[i].type == AE_IFREG)
            archive_entry_set_size(e, (la_int64_t)parts[i].content.len);
        assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
        if (parts[i].type == AE_IFREG && parts[i].content.len)
            archive_write_data(a, parts[i].content.data, parts[i].content.len);
        archive_entry_free(e);
    }
    assert_int_equal(archive_write_close(a), ARCHIVE_OK);
    archive_write_free(a);
    return fcc_bytes_of(data, used);
}

#define METADATA FCC_LIT("{\"type\":\"ccaas\",\"label\":\"good_1\"}")
#define CONNECTION FCC_LIT("{\"address\":\"a:1\",\"dial_timeout\":\"10s\"}")

static fcc_bytes good_code(void)
{
    part inner[] = { { "connection.json", AE_IFREG, CONNECTION } };

    return archive_of(inner, 1);
}

static void refuses(fcc_bytes package, fcc__code code, const char *words)
{
    package_content content = { 0 };
    fcc_status st = package_read(arena, package, &content, &fault);

    assert_int_not_equal(st, FCC_OK);
    assert_string_equal(fcc__code_info_of(fault.code)->code, fcc__code_info_of(code)->code);
    if (!strstr(fault.error.text, words))
        fail_msg("\"%s\" does not say \"%s\"", fault.error.text, words);
    assert_null(content.id);
}

static void refuses_metadata(fcc_bytes metadata, fcc__code code, const char *words)
{
    part parts[] = { { "metadata.json", AE_IFREG, metadata }, { "code.tar.gz", AE_IFREG, good_code() } };

    refuses(archive_of(parts, 2), code, words);
}

static void refuses_code(fcc_bytes code, fcc__code expected, const char *words)
{
    part parts[] = { { "metadata.json", AE_IFREG, METADATA }, { "code.tar.gz", AE_IFREG, code } };

    refuses(archive_of(parts, 2), expected, words);
}

/* ---- writing ---- */

static void a_package_that_was_written_is_read_back(void **state)
{
    package_content content;
    fcc_bytes package;

    (void)state;
    assert_int_equal(package_write(arena, "mine_1.0", CONNECTION, NULL, 0, &package, &fault), FCC_OK);
    assert_int_equal(package_read(arena, package, &content, &fault), FCC_OK);
    assert_string_equal(content.label, "mine_1.0");
    assert_true(fcc_bytes_equal(content.connection, CONNECTION));
    assert_null(content.ignored);
    assert_string_equal(content.id, package_id(arena, "mine_1.0", package));
}

static void the_same_input_gives_the_same_bytes_for_ever(void **state)
{
    fcc_bytes package;

    (void)state;
    assert_int_equal(package_write(arena, "mine_1.0", CONNECTION, NULL, 0, &package, &fault), FCC_OK);
    /* a change of this id is a change for everybody who has a package installed */
    assert_string_equal(package_id(arena, "mine_1.0", package),
                        "mine_1.0:e0ae10aa4687c18c03a1118340432f59ded96eec7cbf42ab2d5b443ed0076494");
}

static void a_label_that_peers_refuse_is_refused(void **state)
{
    static const char *const bad[] = { "", "_a", "-a", ".a", "+a", "a b", "a/b", "a:b", "\xc3\xa4" };
    static const char *const good[] = { "a", "1", "a_b.c+d-e", "A1" };
    fcc_bytes package;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(package_write(arena, bad[i], CONNECTION, NULL, 0, &package, &fault), FCC_ERR_ARG);
        assert_int_equal(fault.code, FCC__E_PKG_METADATA);
    }
    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_int_equal(package_write(arena, good[i], CONNECTION, NULL, 0, &package, &fault), FCC_OK);
}

/* Larger than a stored block of deflate, and with names that take a prefix: read by who knows the formats. */
static void large_files_and_long_names_are_read_back(void **state)
{
    static char big[200001], name[160] = "META-INF/statedb/couchdb/collections/";
    package_file file = { .name = name };
    package_content content;
    fcc_bytes package;

    (void)state;
    memset(big, ' ', sizeof(big) - 1);
    memcpy(big, "{\"index\":{\"fields\":[]}}", 23);
    memset(name + 37, 'c', 60);
    strcpy(name + 97, "/indexes/i.json");
    file.content = fcc_str(big);
    assert_int_equal(package_metadata_check(&file, &fault), FCC_OK);
    assert_int_equal(package_write(arena, "mine_1.0", CONNECTION, &file, 1, &package, &fault), FCC_OK);
    assert_int_equal(package_read(arena, package, &content, &fault), FCC_OK);
    assert_true(fcc_bytes_equal(content.connection, CONNECTION));
    memset(name + 97, 'c', 20);
    strcpy(name + 117, "/indexes/i.json");
    assert_int_equal(package_write(arena, "mine_1.0", CONNECTION, &file, 1, &package, &fault), FCC_OK);
}

static void indexes_are_taken_where_and_as_a_peer_takes_them(void **state)
{
    static const struct {
        const char *name, *content, *words; /* NULL: it is taken */
    } cases[] = {
        { "META-INF/statedb/couchdb/indexes/i.json", "{\"index\":{\"fields\":[\"a\",{\"b\":\"DESC\"}]},\"ddoc\":\"d\"}",
          NULL },
        { "META-INF/statedb/couchdb/collections/a_B-1/indexes/i.json", "{\"index\":{\"fields\":[]},\"type\":\"json\"}",
          NULL },
        { "META-INF/statedb/couchdb/indexes/i.json", "{\"index\":{\"partial_filter_selector\":{}}}", NULL },
        { "META-INF/statedb/couchdb/indexes/deeper/i.json", "{\"index\":{}}", NULL },
        { "META-INF/i.json", "{}", "must begin with META-INF/statedb" },
        { "META-INF/statedb/i.json", "{}", "must include a database and index directory" },
        { "META-INF/statedb/leveldb/indexes/i.json", "{}", "database name is not supported" },
        { "META-INF/statedb/couchdb/views/i.json", "{}", "does not have an indexes directory" },
        { "META-INF/statedb/couchdb/collections/a/i.json", "{}", "must include a collections and index directory" },
        { "META-INF/statedb/couchdb/indexes/i.txt", "{}", "artifact file name is not valid" },
        { "META-INF/statedb/couchdb/indexes/i.json", "{", "is not a valid JSON" },
        { "META-INF/statedb/couchdb/indexes/i.json", "[]", "is not a valid JSON" },
        { "META-INF/statedb/couchdb/indexes/i.json", "{}", "must include a \"fields\" definition" },
        { "META-INF/statedb/couchdb/indexes/i.json", "{\"index\":1}", "\"index\" must be a JSON" },
        { "META-INF/statedb/couchdb/indexes/i.json", "{\"index\":{},\"x\":1}", "Invalid entry" },
        { "META-INF/statedb/couchdb/indexes/i.json", "{\"index\":{},\"ddoc\":1}", "must be strings" },
        { "META-INF/statedb/couchdb/indexes/i.json", "{\"index\":{},\"type\":\"text\"}", "Index type must be json" },
        { "META-INF/statedb/couchdb/indexes/i.json", "{\"index\":{\"fields\":{}}}",
          "Expecting a JSON array of fields" },
        { "META-INF/statedb/couchdb/indexes/i.json", "{\"index\":{\"fields\":[{\"a\":\"up\"}]}}", "Sort must be" },
        { "META-INF/statedb/couchdb/indexes/i.json", "{\"index\":{\"more\":1}}", "partial_filter_selector only" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const package_file file = { .name = cases[i].name, .content = fcc_str(cases[i].content) };
        const fcc_status st = package_metadata_check(&file, &fault);

        if (!cases[i].words) {
            assert_int_equal(st, FCC_OK);
            continue;
        }
        assert_int_equal(st, FCC_ERR_ARG);
        assert_int_equal(fault.code, FCC__E_PKG_META_INF);
        assert_non_null(strstr(fault.error.text, cases[i].name));
        assert_non_null(strstr(fault.error.text, cases[i].words));
    }
}

static void a_service_has_one_package_without_address_certificate_or_key(void **state)
{
    const package_service service = { .chaincode = "9-lives", .label = "lives_1", .mutual_tls = true };
    const package_service plain = { .chaincode = "ehr", .label = "ehr_1" };
    package_content content;
    package_connection connection;
    fcc_bytes package;
    const char *id;

    (void)state;
    assert_int_equal(package_of_service(arena, &plain, &package, &id, &fault), FCC_OK);
    assert_int_equal(package_read(arena, package, &content, &fault), FCC_OK);
    assert_string_equal(content.id, id);
    assert_int_equal(package_connection_read(arena, content.connection, FCC_LIT("{\"ehr\":\"cc.example:7052\"}"),
                                             &connection, &fault),
                     FCC_OK);
    assert_string_equal(connection.address, "cc.example:7052");
    assert_false(connection.use_tls);
    assert_int_equal(package_of_service(arena, &service, &package, &id, &fault), FCC_OK);
    assert_int_equal(package_read(arena, package, &content, &fault), FCC_OK);
    assert_true(fcc_bytes_equal(content.connection,
                                FCC_LIT("{\"address\":\"{{._9_lives}}\",\"dial_timeout\":\"10s\",\"tls_required\":true,"
                                        "\"client_auth_required\":true,\"root_cert\":\"{{.root_cert}}\","
                                        "\"client_cert\":\"{{.client_cert}}\",\"client_key\":\"{{.client_key}}\"}\n")));
    /* a change of this id is a change for everybody who has a package installed */
    assert_string_equal(id, "lives_1:5e32aeb257978100205c819b4901df5ecce6c4e1ec307c3ea8fabca61df1367b");
}

/* ---- reading ---- */

static void what_is_no_archive_is_refused(void **state)
{
    part parts[] = { { "metadata.json", AE_IFREG, METADATA }, { "code.tar.gz", AE_IFREG, good_code() } };
    fcc_bytes whole = archive_of(parts, 2);
    size_t cut;

    (void)state;
    refuses(FCC_LIT(""), FCC__E_PKG_FORMAT, "gzip");
    refuses(FCC_LIT("x"), FCC__E_PKG_FORMAT, "gzip");
    refuses(FCC_LIT("PK\3\4 a zip"), FCC__E_PKG_FORMAT, "gzip");
    refuses(FCC_LIT("\x1f\x8bnothing of the kind"), FCC__E_PKG_FORMAT, "no gzip-compressed tar archive");
    for (cut = 2; cut < whole.len - 9; cut++) {
        package_content content;

        assert_int_not_equal(package_read(arena, fcc_bytes_of(whole.data, cut), &content, &fault), FCC_OK);
    }
}

static void only_regular_files_are_taken(void **state)
{
    part folder[] = { { "pkg/", AE_IFDIR, { NULL, 0 } }, { "metadata.json", AE_IFREG, METADATA } };
    part link[] = { { "metadata.json", AE_IFLNK, FCC_LIT("/etc/passwd") } };
    part pipe[] = { { "metadata.json", AE_IFIFO, { NULL, 0 } } };

    (void)state;
    refuses(archive_of(folder, 2), FCC__E_PKG_ENTRY, "pkg/ is not a regular file");
    refuses(archive_of(link, 1), FCC__E_PKG_ENTRY, "metadata.json is not a regular file");
    refuses(archive_of(pipe, 1), FCC__E_PKG_ENTRY, "not a regular file");
}

static void the_two_parts_have_exactly_their_names(void **state)
{
    part dotted[] = { { "./metadata.json", AE_IFREG, METADATA }, { "./code.tar.gz", AE_IFREG, good_code() } };
    part lonely[] = { { "metadata.json", AE_IFREG, METADATA } };
    part headless[] = { { "code.tar.gz", AE_IFREG, good_code() } };
    part more[] = { { "README", AE_IFREG, FCC_LIT("hello") },
                    { "metadata.json", AE_IFREG, METADATA },
                    { "code.tar.gz", AE_IFREG, good_code() } };
    package_content content;

    (void)state;
    refuses(archive_of(dotted, 2), FCC__E_PKG_PARTS, "./ in front");
    refuses(archive_of(lonely, 1), FCC__E_PKG_PARTS, "no code.tar.gz");
    refuses(archive_of(headless, 1), FCC__E_PKG_PARTS, "no metadata.json");
    refuses(archive_of(NULL, 0), FCC__E_PKG_PARTS, "no code.tar.gz");
    assert_int_equal(package_read(arena, archive_of(more, 3), &content, &fault), FCC_OK);
    assert_string_equal(content.ignored, "README");
}

static void the_metadata_must_be_right(void **state)
{
    (void)state;
    refuses_metadata(FCC_LIT("type: ccaas"), FCC__E_PKG_METADATA, "no JSON object");
    refuses_metadata(FCC_LIT("[]"), FCC__E_PKG_METADATA, "no JSON object");
    refuses_metadata(FCC_LIT(""), FCC__E_PKG_METADATA, "no JSON object");
    refuses_metadata(FCC_LIT("{\"type\":\"ccaas\"}"), FCC__E_PKG_METADATA, "label");
    refuses_metadata(FCC_LIT("{\"type\":\"ccaas\",\"label\":\"a b\"}"), FCC__E_PKG_METADATA, "a b");
    refuses_metadata(FCC_LIT("{\"type\":\"golang\",\"label\":\"a\"}"), FCC__E_PKG_TYPE, "golang");
    refuses_metadata(FCC_LIT("{\"label\":\"a\"}"), FCC__E_PKG_TYPE, "not \"ccaas\"");
}

static void the_code_may_have_folders_but_no_links_and_no_way_out(void **state)
{
    part good[] = { { "META-INF/", AE_IFDIR, { NULL, 0 } },
                    { "META-INF/statedb/couchdb/i.json", AE_IFREG, FCC_LIT("{}") },
                    { "./connection.json", AE_IFREG, CONNECTION } };
    part up[] = { { "a/../../connection.json", AE_IFREG, CONNECTION } };
    part root[] = { { "/connection.json", AE_IFREG, CONNECTION } };
    part link[] = { { "connection.json", AE_IFLNK, FCC_LIT("other") } };
    part deep[] = { { "src/connection.json", AE_IFREG, CONNECTION } };
    part parts[] = { { "metadata.json", AE_IFREG, METADATA }, { "code.tar.gz", AE_IFREG, archive_of(good, 3) } };
    package_content content;

    (void)state;
    assert_int_equal(package_read(arena, archive_of(parts, 2), &content, &fault), FCC_OK);
    refuses_code(archive_of(up, 1), FCC__E_PKG_CODE, "escaping path");
    refuses_code(archive_of(root, 1), FCC__E_PKG_CODE, "absolute");
    refuses_code(archive_of(link, 1), FCC__E_PKG_CODE, "not a regular file");
    refuses_code(archive_of(deep, 1), FCC__E_PKG_CONNECTION, "connection.json");
    refuses_code(FCC_LIT("no archive"), FCC__E_PKG_CODE, "code.tar.gz is no gzip-compressed tar archive");
}

static void a_small_archive_that_grows_without_end_is_refused(void **state)
{
    size_t size = PACKAGE_MAX_BYTES + 1;
    uint8_t *zeros = calloc(1, size);
    part bomb[] = { { "zeros", AE_IFREG, { zeros, size } } };
    fcc_bytes package;

    (void)state;
    assert_non_null(zeros);
    package = archive_of(bomb, 1);
    free(zeros);
    assert_true(package.len < size / 100);
    refuses(package, FCC__E_PKG_READ, "64 MiB");
}

static void packages_of_real_networks_have_the_ids_that_real_peers_gave_them(void **state)
{
    static const char *const versions[] = { "v3.1.5", "v2.5.16" };
    const char *shared = getenv("MEDSYNC_SHARED");
    char path[4096], ids[1024], id[256];
    package_content content;
    fcc__buf file;
    uint8_t piece[4096];
    size_t i, n;
    FILE *f;

    (void)state;
    for (i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "%s/fabric/%s/package_ids.txt", shared ? shared : "../shared", versions[i]);
        f = fopen(path, "r");
        if (!f)
            SKIP("no recordings here");
        ids[fread(ids, 1, sizeof(ids) - 1, f)] = '\0';
        fclose(f);
        snprintf(path, sizeof(path), "%s/fabric/%s/probe-1.tgz", shared ? shared : "../shared", versions[i]);
        f = fopen(path, "rb");
        assert_non_null(f);
        fcc__buf_init(&file, 1 << 20);
        while ((n = fread(piece, 1, sizeof(piece), f)) > 0)
            fcc__buf_append(&file, piece, n);
        fclose(f);
        assert_int_equal(package_read(arena, fcc__buf_bytes(&file), &content, &fault), FCC_OK);
        snprintf(id, sizeof(id), "%s", content.id);
        if (!strstr(ids, id))
            fail_msg("%s is not among %s", id, ids);
        fcc__buf_clear(&file);
    }
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, make_arena, free_arena)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_package_that_was_written_is_read_back),
        CASE(the_same_input_gives_the_same_bytes_for_ever),
        CASE(large_files_and_long_names_are_read_back),
        CASE(indexes_are_taken_where_and_as_a_peer_takes_them),
        CASE(a_service_has_one_package_without_address_certificate_or_key),
        CASE(a_label_that_peers_refuse_is_refused),
        CASE(what_is_no_archive_is_refused),
        CASE(only_regular_files_are_taken),
        CASE(the_two_parts_have_exactly_their_names),
        CASE(the_metadata_must_be_right),
        CASE(the_code_may_have_folders_but_no_links_and_no_way_out),
        CASE(a_small_archive_that_grows_without_end_is_refused),
        CASE(packages_of_real_networks_have_the_ids_that_real_peers_gave_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
