/* Strict JSON in, canonical JSON out. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <openssl/sha.h>

#include <stdlib.h>

#include "lib/json.h"

static void refused(const char *text, const char *because)
{
    const char *why = "";
    json_t *value = lib_json_load(fcc_str(text), &why);

    assert_null(value);
    assert_string_equal(why, because);
}

static char *canonical_of(const char *text)
{
    const char *why = "";
    json_t *value = lib_json_load(fcc_str(text), &why);
    size_t len = 0;
    char *out, *copy;

    if (!value)
        fail_msg("%s: %s", text, why);
    out = lib_json_canonical(value, &len);
    json_decref(value);
    if (!out)
        return NULL;
    copy = calloc(1, len + 1);
    memcpy(copy, out, len);
    free(out);
    return copy;
}

static void becomes(const char *text, const char *wanted)
{
    char *have = canonical_of(text);

    assert_non_null(have);
    assert_string_equal(have, wanted);
    free(have);
}

static void malformed_text_is_refused_with_a_reason(void **state)
{
    refused("", "empty");
    refused("{", "not valid JSON");
    refused("{\"a\":1}x", "something follows the end");
    refused("{\"a\":1,\"a\":2}", "a name occurs twice");
    refused("[\"\xff\"]", "not valid UTF-8");
    refused("[\"\xc0\xaf\"]", "not valid UTF-8");
    refused("[\"\\u0000\"]", "U+0000 in a string");
    refused("[\"\\ud800\"]", "not valid JSON");
    refused("1", "not a JSON object or array");
    refused("[1,]", "not valid JSON");
    refused("[NaN]", "not valid JSON");
    refused("null", "not a JSON object or array");
    refused("[1e309]", "a number is too large");
}

static void depth_is_looked_at_before_parsing(void **state)
{
    enum { levels = 30000 };
    char *deep = malloc(2 * levels + 1);

    memset(deep, '[', levels);
    memset(deep + levels, ']', levels);
    deep[2 * levels] = 0;
    refused(deep, "nested more than 16 levels");
    free(deep);
    refused("[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]", "nested more than 16 levels");
    becomes("[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]", "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]");
    becomes("[\"[[[[[[[[[[[[[[[[[[[[\\\"[[\"]", "[\"[[[[[[[[[[[[[[[[[[[[\\\"[[\"]");
}

static void more_than_64_kib_is_refused(void **state)
{
    size_t n = LIB_JSON_MAX_BYTES;
    char *text = malloc(n + 2);

    memset(text, ' ', n + 1);
    text[0] = '[';
    text[n - 1] = ']';
    text[n] = 0;
    becomes(text, "[]");
    text[n] = ' ';
    text[n + 1] = 0;
    refused(text, "more than 65536 bytes");
    free(text);
}

static void names_are_sorted_by_utf16_units(void **state)
{
    becomes("{\"b\":1,\"a\":2,\"\":3,\"aa\":4}", "{\"\":3,\"a\":2,\"aa\":4,\"b\":1}");
    /* U+1F600 is D83D DE00 in UTF-16 and sorts before U+FB33 */
    becomes("{\"\xef\xac\xb3\":1,\"\xf0\x9f\x98\x80\":2}", "{\"\xf0\x9f\x98\x80\":2,\"\xef\xac\xb3\":1}");
}

static void strings_are_escaped_as_little_as_possible(void **state)
{
    becomes("[\"\\u0001\\u001f\\b\\f\\n\\r\\t\\\"\\\\\\/\\u007f\\u20ac\"]",
            "[\"\\u0001\\u001f\\b\\f\\n\\r\\t\\\"\\\\/\x7f\xe2\x82\xac\"]");
}

static void integers_go_as_far_as_every_reader_is_exact(void **state)
{
    becomes("[0,-0,-1,9007199254740991,-9007199254740991]", "[0,0,-1,9007199254740991,-9007199254740991]");
    assert_null(canonical_of("[9007199254740992]"));
    assert_null(canonical_of("[1.5]"));
    assert_null(canonical_of("[1e3]"));
    assert_null(canonical_of("[123456789012345678901234567890]"));
    assert_null(canonical_of("[1,18446744073709551616]"));
}

/* ... in documents of our own; others' may have any number. */
static void numbers_of_other_documents_are_doubles(void **state)
{
    static const char text[] = "[1.50,1e3,-0.0,18446744073709551616,9007199254740993,1e-7,{\"a\":0.1}]";
    const char *why;
    json_t *value = lib_json_load(fcc_str(text), &why);
    uint8_t hash[32], wanted[32];
    size_t len = 0;
    char *have = lib_json_canonical_foreign(value, &len);

    assert_non_null(have);
    assert_int_equal(len, strlen("[1.5,1000,0,18446744073709552000,9007199254740992,1e-7,{\"a\":0.1}]"));
    assert_memory_equal(have, "[1.5,1000,0,18446744073709552000,9007199254740992,1e-7,{\"a\":0.1}]", len);
    assert_true(lib_json_hash(value, hash));
    SHA256((const unsigned char *)have, len, wanted);
    assert_memory_equal(hash, wanted, 32);
    free(have);
    json_decref(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(malformed_text_is_refused_with_a_reason),
        cmocka_unit_test(depth_is_looked_at_before_parsing),
        cmocka_unit_test(more_than_64_kib_is_refused),
        cmocka_unit_test(names_are_sorted_by_utf16_units),
        cmocka_unit_test(strings_are_escaped_as_little_as_possible),
        cmocka_unit_test(integers_go_as_far_as_every_reader_is_exact),
        cmocka_unit_test(numbers_of_other_documents_are_doubles),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
