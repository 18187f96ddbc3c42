/* Buffers, UTF-8, and bytes as hexadecimal and base64 text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/utf8.h"

/* ---- UTF-8 ---- */

static void valid_utf8_is_what_go_takes(void **state)
{
    assert_true(fcc__utf8_valid(fcc_bytes_of(NULL, 0)));
    assert_true(fcc__utf8_valid(FCC_LIT("plain, and \0 too")));
    assert_true(fcc__utf8_valid(FCC_LIT("\xc2\x80\xdf\xbf")));
    assert_true(fcc__utf8_valid(FCC_LIT("\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf")));
    assert_true(fcc__utf8_valid(FCC_LIT("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf")));
}

static void invalid_utf8_is_refused_wherever_it_stands(void **state)
{
    static const struct {
        const char *text;
        size_t len;
    } bad[] = {
        { "\x80", 1 },     /* continuation alone */
        { "\xc0\x80", 2 }, /* overlong */
        { "\xc1\xbf", 2 },
        { "\xe0\x9f\xbf", 3 },
        { "\xf0\x8f\xbf\xbf", 4 },
        { "\xed\xa0\x80", 3 }, /* surrogates */
        { "\xed\xbf\xbf", 3 },
        { "\xf4\x90\x80\x80", 4 }, /* above U+10FFFF */
        { "\xf5\x80\x80\x80", 4 },
        { "\xff", 1 },
        { "\xc3", 1 }, /* cut off */
        { "\xe2\x82", 2 },
        { "\xf0\x9f\x98", 3 },
        { "\xe2\x28\xa1", 3 },
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char text[64];

        for (size_t pad = 0; pad < 40; pad++) {
            memset(text, 'x', sizeof(text));
            memcpy(text + pad, bad[i].text, bad[i].len);
            assert_false(fcc__utf8_valid(fcc_bytes_of(text, pad + bad[i].len)));
            assert_false(fcc__utf8_valid(fcc_bytes_of(text, pad + bad[i].len + 9)));
        }
    }
}

static void decoding_moves_by_one_behind_an_invalid_byte(void **state)
{
    const fcc_bytes text = FCC_LIT("a\xc3\xa9\xff\xf4\x8f\xbf\xbf\xe2\x82");
    static const uint32_t expected[] = { 'a', 0xe9, UINT32_MAX, 0x10ffff, UINT32_MAX, UINT32_MAX };
    size_t pos = 0;

    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
        assert_int_equal(fcc__utf8_next(text, &pos), expected[i]);
    assert_int_equal(pos, text.len);
}

/* ---- buffers ---- */

static void a_buffer_collects_what_is_appended(void **state)
{
    fcc__buf buf;

    fcc__buf_init(&buf, 1 << 20);
    assert_string_equal(fcc__buf_cstr(&buf), "");
    fcc__buf_puts(&buf, "a");
    fcc__buf_putc(&buf, 'b');
    fcc__buf_add(&buf, FCC_LIT("cd"));
    fcc__buf_printf(&buf, "%d", 42);
    fcc__buf_hex(&buf, FCC_LIT("\x00\xfe"));
    assert_string_equal(fcc__buf_cstr(&buf), "abcd4200fe");
    fcc__buf_reset(&buf);
    fcc__buf_uvarint(&buf, 300);
    fcc__buf_uvarint(&buf, 0);
    fcc__buf_uvarint(&buf, UINT64_MAX);
    assert_int_equal(buf.len, 2 + 1 + 10);
    assert_memory_equal(buf.data, "\xac\x02\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 13);
    for (unsigned i = 0; i < 1000; i++)
        fcc__buf_printf(&buf, "%0100d", i);
    assert_int_equal(buf.len, 13 + 100000);
    fcc__buf_clear(&buf);
}

static void a_full_buffer_stays_failed_until_reset(void **state)
{
    fcc__buf buf;

    fcc__buf_init(&buf, 10);
    fcc__buf_puts(&buf, "0123456789");
    assert_true(fcc__buf_ok(&buf));
    fcc__buf_putc(&buf, 'x');
    assert_int_equal(buf.status, FCC_ERR_LIMIT);
    fcc__buf_reset(&buf);
    fcc__buf_puts(&buf, "again");
    assert_true(fcc__buf_ok(&buf));
    fcc__buf_clear(&buf);
    fcc__buf_clear(&buf);
}

/* ---- hexadecimal, base64, SHA-256 ---- */

static void hexadecimal_goes_both_ways(void **state)
{
    fcc__arena *arena = fcc__arena_new(1 << 16);
    fcc_bytes out;

    assert_true(fcc_bytes_equal(fcc__hex(arena, FCC_LIT("\x00\x9f\xff")), FCC_LIT("009fff")));
    assert_int_equal(fcc__unhex(arena, FCC_LIT("009FfF"), &out), FCC_OK);
    assert_true(fcc_bytes_equal(out, FCC_LIT("\x00\x9f\xff")));
    assert_int_equal(fcc__unhex(arena, FCC_LIT("0"), &out), FCC_ERR_ARG);
    assert_int_equal(fcc__unhex(arena, FCC_LIT("0g"), &out), FCC_ERR_ARG);
    assert_int_equal(fcc__unhex(arena, FCC_LIT("\0\0"), &out), FCC_ERR_ARG);
    fcc__arena_free(arena);
}

static void base64_goes_both_ways(void **state)
{
    static const char *const pairs[][2] = { { "", "" },        { "f", "Zg==" },        { "fo", "Zm8=" },
                                            { "foo", "Zm9v" }, { "foob", "Zm9vYg==" }, { "\xff\xfe", "//4=" } };
    fcc__arena *arena = fcc__arena_new(1 << 16);
    fcc_bytes out;

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        assert_true(fcc_bytes_equal(fcc__base64(arena, fcc_str(pairs[i][0])), fcc_str(pairs[i][1])));
        assert_int_equal(fcc__unbase64(arena, fcc_str(pairs[i][1]), &out), FCC_OK);
        assert_true(fcc_bytes_equal(out, fcc_str(pairs[i][0])));
    }
    assert_int_equal(fcc__unbase64(arena, FCC_LIT("Zg="), &out), FCC_ERR_ARG);
    assert_int_equal(fcc__unbase64(arena, FCC_LIT("Z!=="), &out), FCC_ERR_ARG);
    fcc__arena_free(arena);
}

static void the_hash_of_pieces_is_that_of_the_whole(void **state)
{
    const fcc_bytes parts[] = { FCC_LIT("a"), fcc_bytes_of(NULL, 0), FCC_LIT("bc") };
    fcc__arena *arena = fcc__arena_new(1 << 16);
    fcc__sha256 whole = fcc__sha256_of(FCC_LIT("abc")), many = fcc__sha256_of_many(parts, 3);

    assert_memory_equal(whole.bytes, many.bytes, FCC__SHA256_LEN);
    assert_true(fcc_bytes_equal(fcc__hex(arena, fcc__sha256_bytes(&whole)),
                                FCC_LIT("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")));
    fcc__arena_free(arena);
}

static void statuses_have_names_texts_and_kinds(void **state)
{
    fcc_error error;

    assert_string_equal(fcc_status_name(FCC_ERR_ARG), "ERR_ARG");
    assert_int_equal(fcc_status_kind(FCC_ERR_IO), FCC_KIND_CONN);
    assert_non_null(fcc_status_text((fcc_status)9999));
    assert_int_equal(fcc_error_set(&error, FCC_ERR_CONFIG, "%s is missing", "X"), FCC_ERR_CONFIG);
    assert_string_equal(error.text, "X is missing");
    assert_int_equal(fcc_error_set(NULL, FCC_ERR_IO, "x"), FCC_ERR_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_utf8_is_what_go_takes),
        cmocka_unit_test(invalid_utf8_is_refused_wherever_it_stands),
        cmocka_unit_test(decoding_moves_by_one_behind_an_invalid_byte),
        cmocka_unit_test(a_buffer_collects_what_is_appended),
        cmocka_unit_test(a_full_buffer_stays_failed_until_reset),
        cmocka_unit_test(hexadecimal_goes_both_ways),
        cmocka_unit_test(base64_goes_both_ways),
        cmocka_unit_test(the_hash_of_pieces_is_that_of_the_whole),
        cmocka_unit_test(statuses_have_names_texts_and_kinds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
