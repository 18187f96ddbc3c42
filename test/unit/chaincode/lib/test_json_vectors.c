/* JSON and its canonical form against what others have published: JSONTestSuite, RFC 8785's vectors, ECMAScript's numbers. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "lib/json.h"
#include "test/support/shared_data.h"
#include "test/support/tally.h"

/* ---- numbers ---- */

static void number_is(uint64_t bits, const char *wanted)
{
    char text[LIB_JSON_NUMBER_SIZE];
    double value;

    memcpy(&value, &bits, sizeof(value));
    assert_int_equal(lib_json_number(value, text), strlen(wanted));
    assert_string_equal(text, wanted);
}

/* RFC 8785, appendix B, and what lies beside powers of two. */
static void doubles_are_written_as_rfc_8785_lists_them(void **state)
{
    number_is(0x0000000000000000, "0");
    number_is(0x8000000000000000, "0");
    number_is(0x0000000000000001, "5e-324");
    number_is(0x8000000000000001, "-5e-324");
    number_is(0x7fefffffffffffff, "1.7976931348623157e+308");
    number_is(0xffefffffffffffff, "-1.7976931348623157e+308");
    number_is(0x4340000000000000, "9007199254740992");
    number_is(0xc340000000000000, "-9007199254740992");
    number_is(0x4430000000000000, "295147905179352830000");
    number_is(0x44b52d02c7e14af5, "9.999999999999997e+22");
    number_is(0x44b52d02c7e14af6, "1e+23");
    number_is(0x44b52d02c7e14af7, "1.0000000000000001e+23");
    number_is(0x444b1ae4d6e2ef4e, "999999999999999700000");
    number_is(0x444b1ae4d6e2ef4f, "999999999999999900000");
    number_is(0x444b1ae4d6e2ef50, "1e+21");
    number_is(0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7");
    number_is(0x3eb0c6f7a0b5ed8d, "0.000001");
    number_is(0x41b3de4355555553, "333333333.3333332");
    number_is(0x41b3de4355555554, "333333333.33333325");
    number_is(0x41b3de4355555555, "333333333.3333333");
    number_is(0x41b3de4355555556, "333333333.3333334");
    number_is(0x41b3de4355555557, "333333333.33333343");
    number_is(0xbecbf647612f3696, "-0.0000033333333333333333");
    number_is(0x43143ff3c1cb0959, "1424953923781206.2");
    number_is(0x3d30000000000000, "5.684341886080802e-14"); /* 2^-44: its nearest decimal of 16 digits misses it */
    number_is(0x0010000000000000, "2.2250738585072014e-308");
    number_is(0x000fffffffffffff, "2.225073858507201e-308");
}

/* No decimal of fewer digits reads back: tried by leaving the last one out, rounded down and up. */
static void digits_read_back_and_are_the_fewest(void **state)
{
    uint64_t x = 88172645463325252u;

    for (int i = 0; i < 20000; i++) {
        char text[LIB_JSON_NUMBER_SIZE], digits[32];
        double value;
        int count = 0;

        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        memcpy(&value, &x, sizeof(value));
        if (value != value || value - value != 0)
            continue;
        lib_json_number(value, text);
        assert_true(strtod(text, NULL) == value);
        for (const char *p = text; *p && *p != 'e'; p++) {
            if (*p >= '0' && *p <= '9' && (count || *p != '0'))
                digits[count++] = *p;
        }
        while (count > 1 && digits[count - 1] == '0')
            count--;
        if (count > 1) {
            double magnitude = value < 0 ? -value : value;
            char fewer[64];

            snprintf(fewer, sizeof(fewer), "%.*e", count - 2, magnitude);
            assert_true(strtod(fewer, NULL) != magnitude);
        }
    }
}

/* ---- RFC 8785 ---- */

static void hex_of(const char *text, size_t len, char *out)
{
    for (size_t i = 0; i < len; i++)
        out += sprintf(out, "%02x", (unsigned char)text[i]);
    *out = 0;
}

/* "7b 22 ..." in lines, as published */
static void squeeze(char *text)
{
    char *to = text;

    for (const char *from = text; *from; from++) {
        if (*from > ' ')
            *to++ = *from;
    }
    *to = 0;
}

static void rfc_8785_vectors_come_out_as_published(void **state)
{
    struct dirent **names;
    int n = shared_list("jcs-rfc8785/input", &names);
    tally t = { .set = "jcs-rfc8785" };

    for (int i = 0; i < n; i++) {
        const char *file = names[i]->d_name, *why = "";
        char other[300];
        size_t len, have_len = 0, wanted_len;
        char *text = shared_read("jcs-rfc8785/input", file, &len);
        char *wanted = shared_read("jcs-rfc8785/output", file, &wanted_len), *have, *hex, *have_hex;
        json_t *value = lib_json_load(fcc_bytes_of(text, len), &why);

        snprintf(other, sizeof(other), "%.*s.txt", (int)(strlen(file) - 5), file);
        hex = shared_read("jcs-rfc8785/outhex", other, NULL);
        assert_true(text && wanted && hex);
        squeeze(hex);
        have = value ? lib_json_canonical_foreign(value, &have_len) : NULL;
        have_hex = malloc(2 * have_len + 1);
        hex_of(have, have_len, have_hex);
        if (!have)
            tally_fail(&t, "%s: refused: %s", file, why);
        else if (have_len != wanted_len || memcmp(have, wanted, wanted_len) != 0 || strcmp(have_hex, hex) != 0)
            tally_fail(&t, "%s: became %.*s", file, (int)have_len, have);
        else
            tally_pass(&t);
        free(have_hex);
        free(have);
        free(hex);
        free(wanted);
        free(text);
        json_decref(value);
    }
    shared_list_free(names, n);
    assert_true(tally_print(&t));
}

/* ---- JSONTestSuite ---- */

/*
 * Where JSON leaves the choice (i_...), where its writer may expect more than we take (y_...), and what becomes of numbers
 * and strings that readers differ about (test_transform): NULL is refused, anything else the canonical form.
 *
 * Documents are objects or arrays; strings end at U+0000, so none may contain it; of two members of one name another
 * reader may take the other one; half a surrogate pair and a number beyond a double would become something else.
 */
static const char *const choices[][2] = {
    { "i_number_double_huge_neg_exp.json", "[0]" },
    { "i_number_real_underflow.json", "[0]" },
    { "i_number_too_big_neg_int.json", "[-1.2312312312312312e+29]" },
    { "i_number_too_big_pos_int.json", "[100000000000000000000]" },
    { "i_number_very_big_negative_int.json", "[-2.374623746732769e+47]" },
    { "y_object_duplicated_key.json", NULL },
    { "y_object_duplicated_key_and_value.json", NULL },
    { "y_object_escaped_null_in_key.json", NULL },
    { "y_string_null_escape.json", NULL },
    { "y_structure_lonely_false.json", NULL },
    { "y_structure_lonely_int.json", NULL },
    { "y_structure_lonely_negative_real.json", NULL },
    { "y_structure_lonely_null.json", NULL },
    { "y_structure_string_empty.json", NULL },
    { "number_-9223372036854775808.json", "[-9223372036854776000]" },
    { "number_-9223372036854775809.json", "[-9223372036854776000]" },
    { "number_1.0.json", "[1]" },
    { "number_10000000000000000999.json", "[10000000000000000000]" },
    { "number_1e6.json", "[1000000]" },
    { "number_9223372036854775807.json", "[9223372036854776000]" },
    { "object_key_nfc_nfd.json", "{\"e\xcc\x81\":\"NFD\",\"\xc3\xa9\":\"NFC\"}" },
    { "object_key_nfd_nfc.json", "{\"e\xcc\x81\":\"NFD\",\"\xc3\xa9\":\"NFC\"}" },
};

/* "y_..." without a choice of ours is accepted, everything else refused. */
static bool is_as_chosen(const char *file, const char *have)
{
    for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
        if (strcmp(choices[i][0], file) == 0)
            return choices[i][1] ? have && strcmp(have, choices[i][1]) == 0 : !have;
    }
    return file[0] == 'y' ? have != NULL : !have;
}

/* What was written reads back as itself. */
static bool is_stable(const char *text)
{
    const char *why;
    json_t *again = lib_json_load(fcc_str(text), &why);
    size_t len = 0;
    char *have = again ? lib_json_canonical_foreign(again, &len) : NULL;
    bool same = have && len == strlen(text) && memcmp(have, text, len) == 0;

    free(have);
    json_decref(again);
    return same;
}

static void take_set(const char *set)
{
    struct dirent **names;
    int n = shared_list(set, &names);
    tally t = { .set = set };

    for (int i = 0; i < n; i++) {
        const char *file = names[i]->d_name, *why = "";
        size_t len, have_len = 0;
        char *text = shared_read(set, file, &len);
        json_t *value = lib_json_load(fcc_bytes_of(text, len), &why);
        char *raw = value ? lib_json_canonical_foreign(value, &have_len) : NULL, *have = NULL;

        if (raw)
            have = strndup(raw, have_len);
        if (!is_as_chosen(file, have))
            tally_fail(&t, "%s: %s", file, have ? have : why);
        else if (have && !is_stable(have))
            tally_fail(&t, "%s: %s doesn't read back", file, have);
        else
            tally_pass(&t);
        free(have);
        free(raw);
        free(text);
        json_decref(value);
    }
    shared_list_free(names, n);
    assert_true(tally_print(&t));
}

static void what_others_call_json_is_taken_and_what_is_none_refused(void **state)
{
    take_set("json-parsing/test_parsing");
}

static void what_readers_differ_about_is_refused_or_becomes_one_thing(void **state)
{
    take_set("json-parsing/test_transform");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubles_are_written_as_rfc_8785_lists_them),
        cmocka_unit_test(digits_read_back_and_are_the_fewest),
        cmocka_unit_test(rfc_8785_vectors_come_out_as_published),
        cmocka_unit_test(what_others_call_json_is_taken_and_what_is_none_refused),
        cmocka_unit_test(what_readers_differ_about_is_refused_or_becomes_one_thing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
