/* The forms of single values. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "lib/value.h"

static void ids_have_1_to_64_characters_of_the_set(void **state)
{
    assert_true(lib_is_id("a"));
    assert_true(lib_is_id("A.b_c:d-9"));
    assert_true(lib_is_id("0123456789012345678901234567890123456789012345678901234567890123"));
    assert_false(lib_is_id("01234567890123456789012345678901234567890123456789012345678901234"));
    assert_false(lib_is_id(""));
    assert_false(lib_is_id("a b"));
    assert_false(lib_is_id("a~b"));
    assert_false(lib_is_id("\xc3\xa4"));
}

static void a_pid_is_26_characters_of_base32(void **state)
{
    assert_true(lib_is_pid("abcdefghijklmnopqrstuvwx27"));
    assert_false(lib_is_pid("abcdefghijklmnopqrstuvwx2"));
    assert_false(lib_is_pid("abcdefghijklmnopqrstuvwx277"));
    assert_false(lib_is_pid("Abcdefghijklmnopqrstuvwx27"));
    assert_false(lib_is_pid("abcdefghijklmnopqrstuvwx18"));
}

static void hex_is_lower_case_and_of_exact_length(void **state)
{
    uint8_t bytes[2];
    char back[5];

    assert_true(lib_is_hex("00ff", 4));
    assert_false(lib_is_hex("00fF", 4));
    assert_false(lib_is_hex("00ff0", 4));
    assert_false(lib_is_hex("00f", 4));
    lib_from_hex("a0ff", bytes, 2);
    lib_to_hex(bytes, 2, back);
    assert_string_equal(back, "a0ff");
}

static void media_types_have_two_parts(void **state)
{
    assert_true(lib_is_mime("application/fhir+json"));
    assert_false(lib_is_mime("application"));
    assert_false(lib_is_mime("/json"));
    assert_false(lib_is_mime("application/"));
    assert_false(lib_is_mime("a/b/c"));
    assert_false(lib_is_mime("text/plain; charset=utf-8"));
}

static void grantees_name_a_person_a_role_or_an_organisation(void **state)
{
    assert_true(lib_is_grantee("u:d1"));
    assert_true(lib_is_grantee("r:doctor@4000000000001"));
    assert_true(lib_is_grantee("m:HospitalMSP"));
    assert_false(lib_is_grantee(""));
    assert_false(lib_is_grantee("u"));
    assert_false(lib_is_grantee("u:"));
    assert_false(lib_is_grantee("r:doctor"));
    assert_false(lib_is_grantee("r:@x"));
    assert_false(lib_is_grantee("r:doctor@"));
    assert_false(lib_is_grantee("x:d1"));
    assert_false(lib_is_grantee("u:a~b"));
}

static void times_are_read_and_written_alike(void **state)
{
    static const struct {
        const char *text;
        int64_t epoch;
    } times[] = {
        { "1970-01-01T00:00:00Z", 0 },
        { "2000-02-29T12:34:56Z", 951827696 },
        { "1969-12-31T23:59:59Z", -1 },
        { "2026-01-01T00:00:00Z", 1767225600 },
        { "1900-03-01T00:00:00Z", -2203891200 },
        { "0001-01-01T00:00:00Z", -62135596800 },
        { "9999-12-31T23:59:59Z", 253402300799 },
    };

    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        char text[LIB_TIME_SIZE];
        int64_t epoch = 42;

        assert_true(lib_time_parse(times[i].text, &epoch));
        assert_int_equal(epoch, times[i].epoch);
        lib_time_format(epoch, text);
        assert_string_equal(text, times[i].text);
    }
}

static void what_is_no_time_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "2026-01-01",
        "2026-01-01T00:00:00",
        "2026-01-01T00:00:00+00:00",
        "2026-01-01T00:00:00.5Z",
        "2026-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-01-32T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:60Z",
        "0000-01-01T00:00:00Z",
        "2026-01-01t00:00:00Z",
        " 026-01-01T00:00:00Z",
        "+026-01-01T00:00:00Z",
    };
    int64_t epoch;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (lib_time_parse(texts[i], &epoch))
            fail_msg("%s was taken", texts[i]);
}

static void retention_ends_on_the_same_day_years_later(void **state)
{
    int64_t epoch;
    char text[LIB_TIME_SIZE];

    assert_true(lib_time_parse("2024-02-29T08:00:01Z", &epoch));
    lib_time_format(lib_years_later(epoch, 10), text);
    assert_string_equal(text, "2034-03-01T08:00:01Z");
    lib_time_format(lib_years_later(epoch, 4), text);
    assert_string_equal(text, "2028-02-29T08:00:01Z");
}

static void the_newest_sorts_first(void **state)
{
    char old[LIB_EPOCH_SIZE], recent[LIB_EPOCH_SIZE];

    lib_rev_epoch(0, old);
    assert_string_equal(old, "9999999999");
    lib_rev_epoch(-86400, recent);
    assert_string_equal(recent, old);
    lib_rev_epoch(1767225600, recent);
    assert_string_equal(recent, "8232774399");
    assert_true(strcmp(recent, old) < 0);
}

static void a_cid_has_version_1_and_a_sha2_256_digest(void **state)
{
    uint8_t digest[LIB_SHA256_LEN];
    bool raw = false;
    char cid[80];

    /* of the empty text: e3b0c442... */
    assert_true(lib_cid_parse("bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku", digest, &raw));
    assert_true(raw);
    assert_int_equal(digest[0], 0xe3);
    assert_int_equal(digest[31], 0x55);
    /* dag-pb: the digest is that of the tree, not of the content */
    assert_true(lib_cid_parse("bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi", digest, &raw));
    assert_false(raw);

    assert_false(lib_cid_parse("", digest, &raw));
    assert_false(lib_cid_parse("b", digest, &raw));
    assert_false(lib_cid_parse("QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n", digest, &raw));
    assert_false(lib_cid_parse("bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyk", digest, &raw));
    assert_false(lib_cid_parse("bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvykuaa", digest, &raw));
    assert_false(lib_cid_parse("BAFKREIHDWDCEFGH4DQKJV67UZCMW7OJEE6XEDZDETOJUZJEVTENXQUVYKU", digest, &raw));
    /* other padding bits than zero would give one content two names */
    strcpy(cid, "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvykv");
    assert_false(lib_cid_parse(cid, digest, &raw));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_have_1_to_64_characters_of_the_set),
        cmocka_unit_test(a_pid_is_26_characters_of_base32),
        cmocka_unit_test(hex_is_lower_case_and_of_exact_length),
        cmocka_unit_test(media_types_have_two_parts),
        cmocka_unit_test(grantees_name_a_person_a_role_or_an_organisation),
        cmocka_unit_test(times_are_read_and_written_alike),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(retention_ends_on_the_same_day_years_later),
        cmocka_unit_test(the_newest_sorts_first),
        cmocka_unit_test(a_cid_has_version_1_and_a_sha2_256_digest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
