/* Strict JSON in, canonical JSON out. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/json.h"
#include "test/support/skip.h"

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
    refused("{", "not a JSON object or array");
    refused("{\"a\":1}x", "something follows the end");
    refused("{\"a\":1,\"a\":2}", "a name occurs twice");
    refused("[\"\xff\"]", "not valid UTF-8");
    refused("[\"\xc0\xaf\"]", "not valid UTF-8");
    refused("[\"\\u0000\"]", "U+0000 in a string");
    refused("[\"\\ud800\"]", "not a JSON object or array");
    refused("1", "not a JSON object or array");
    refused("[1,]", "not a JSON object or array");
    refused("[NaN]", "not a JSON object or array");
    refused("[123456789012345678901234567890]", "a number is too large");
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
}

static char *file_text(const char *folder, const char *kind, const char *name, size_t *len)
{
    char path[1024], *text = malloc(1 << 20);
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s/%s", folder, kind, name);
    f = fopen(path, "rb");
    assert_non_null(f);
    *len = fread(text, 1, (1 << 20) - 1, f);
    text[*len] = 0;
    fclose(f);
    return text;
}

static void the_published_vectors_come_out_as_published(void **state)
{
    const char *shared = getenv("MEDSYNC_SHARED");
    char folder[512], input[600];
    struct dirent *entry;
    int compared = 0, with_floats = 0;
    DIR *dir;

    snprintf(folder, sizeof(folder), "%s/data/jcs-rfc8785", shared ? shared : "../shared");
    snprintf(input, sizeof(input), "%s/input", folder);
    dir = opendir(input);
    if (!dir)
        SKIP("no published vectors in %s", folder);
    while ((entry = readdir(dir)) != NULL) {
        size_t len, wanted_len;
        char *text, *wanted, *have;

        if (entry->d_name[0] == '.')
            continue;
        text = file_text(folder, "input", entry->d_name, &len);
        wanted = file_text(folder, "output", entry->d_name, &wanted_len);
        have = canonical_of(text);
        if (have) {
            assert_string_equal(have, wanted);
            compared++;
        } else {
            with_floats++;
        }
        free(text);
        free(wanted);
        free(have);
    }
    closedir(dir);
    print_message("%d vectors compared, %d have numbers that are no integers\n", compared, with_floats);
    assert_true(compared > 0);
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
        cmocka_unit_test(the_published_vectors_come_out_as_published),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
