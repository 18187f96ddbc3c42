/* Error codes: each is told apart, explained, and found by its name. */
#include "base/codes.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static const fcc__code_info *at(size_t i)
{
    return fcc__code_info_of((fcc__code)i);
}

static void every_code_says_what_where_from_and_what_to_do(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < FCC__CODE_COUNT; i++) {
        assert_true(strlen(at(i)->text) > 10);
        assert_true(strlen(at(i)->cause) > 10);
        assert_true(strlen(at(i)->remedy) > 10);
        assert_int_not_equal(at(i)->text[strlen(at(i)->text) - 1], '.');
    }
}

static void codes_have_one_form_and_none_is_there_twice(void **state)
{
    size_t i, j;

    (void)state;
    for (i = 0; i < FCC__CODE_COUNT; i++) {
        const char *c = at(i)->code, *p = c + 2;

        assert_true(c[0] == 'E' && c[1] == '-');
        while (isupper((unsigned char)*p))
            p++;
        assert_true(p > c + 2 && p[0] == '-' && isdigit((unsigned char)p[1]) && isdigit((unsigned char)p[2]) && !p[3]);
        for (j = 0; j < i; j++)
            assert_string_not_equal(c, at(j)->code);
    }
}

static void a_code_is_found_in_either_case(void **state)
{
    (void)state;
    assert_ptr_equal(fcc__code_find("E-REG-03"), fcc__code_info_of(FCC__E_REG_CCID));
    assert_ptr_equal(fcc__code_find("e-reg-03"), fcc__code_info_of(FCC__E_REG_CCID));
    assert_null(fcc__code_find("E-REG-99"));
    assert_null(fcc__code_find(""));
    assert_int_equal(fcc__code_of(fcc__code_find("E-REG-03")), FCC__E_REG_CCID);
}

static void every_failing_status_has_the_code_of_its_kind(void **state)
{
    (void)state;
#define CHECK(name, kind, text)                                               \
    if (FCC_KIND_##kind == FCC_KIND_APP)                                      \
        assert_int_equal(fcc__code_of_status(FCC_##name), FCC__E_TX_REFUSED); \
    else if (FCC_KIND_##kind != FCC_KIND_NONE)                                \
        assert_memory_equal(fcc__code_info_of(fcc__code_of_status(FCC_##name))->code, "E-STAT-", 7);
    FCC_STATUS_TABLE(CHECK)
#undef CHECK
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_says_what_where_from_and_what_to_do),
        cmocka_unit_test(codes_have_one_form_and_none_is_there_twice),
        cmocka_unit_test(a_code_is_found_in_either_case),
        cmocka_unit_test(every_failing_status_has_the_code_of_its_kind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
