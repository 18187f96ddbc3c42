/* probe's JSON strings: what Go's encoding/json writes. */
#include "probe/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void expect(fcc_bytes in, const char *out)
{
    probe_text text = { .data = NULL };

    probe_text_json(&text, in);
    assert_false(text.failed);
    assert_int_equal(text.len, strlen(out));
    assert_memory_equal(text.data, out, text.len);
    probe_text_clear(&text);
}

static void plain_text_stays_as_it_is(void **state)
{
    expect(FCC_LIT(""), "\"\"");
    expect(FCC_LIT("a/b'c"), "\"a/b'c\"");
    expect(FCC_LIT("\xc3\xa4\xe2\x82\xac\xf0\x9f\x94\x91\x7f"), "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x94\x91\x7f\"");
}

static void quotes_and_control_bytes_are_escaped(void **state)
{
    expect(FCC_LIT("\"\\\b\f\n\r\t"), "\"\\\"\\\\\\b\\f\\n\\r\\t\"");
    expect(FCC_LIT("\x00x\x1f\x01"), "\"\\u0000x\\u001f\\u0001\"");
}

static void what_html_could_mistake_is_escaped(void **state)
{
    expect(FCC_LIT("<&>"), "\"\\u003c\\u0026\\u003e\"");
    expect(FCC_LIT("a\xe2\x80\xa8"
                   "b\xe2\x80\xa9"),
           "\"a\\u2028b\\u2029\"");
}

static void each_byte_that_is_not_utf8_becomes_the_replacement(void **state)
{
    expect(FCC_LIT("a\xff\xfe"
                   "b"),
           "\"a\\ufffd\\ufffdb\"");
    expect(FCC_LIT("\xc0\x80"), "\"\\ufffd\\ufffd\"");            /* overlong */
    expect(FCC_LIT("\xed\xa0\x80"), "\"\\ufffd\\ufffd\\ufffd\""); /* a surrogate */
    expect(FCC_LIT("\xe2\x82"), "\"\\ufffd\\ufffd\"");            /* cut off */
    expect(FCC_LIT("\xf4\x90\x80\x80"), "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
    expect(FCC_LIT("\xef\xbf\xbd"), "\"\xef\xbf\xbd\""); /* U+FFFD itself */
}

static void hexadecimal_is_lower_case(void **state)
{
    probe_text text = { .data = NULL };

    probe_text_hex(&text, FCC_LIT("\x00\xab"));
    probe_text_printf(&text, ":%d", 7);
    assert_memory_equal(text.data, "00ab:7", 6);
    probe_text_clear(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_text_stays_as_it_is),
        cmocka_unit_test(quotes_and_control_bytes_are_escaped),
        cmocka_unit_test(what_html_could_mistake_is_escaped),
        cmocka_unit_test(each_byte_that_is_not_utf8_becomes_the_replacement),
        cmocka_unit_test(hexadecimal_is_lower_case),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
