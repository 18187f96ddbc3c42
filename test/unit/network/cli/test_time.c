/* A moment as text. */
#include "cli/cli.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static int64_t at(const char *text)
{
    int64_t ns = -1;

    if (!cli_time(text, &ns))
        fail_msg("%s", text);
    return ns;
}

static void a_moment_is_counted_from_1970(void **state)
{
    (void)state;
    assert_int_equal(at("1970-01-01T00:00:00Z"), 0);
    assert_int_equal(at("2026-11-21T11:45:52Z"), (int64_t)1795261552 * 1000000000);
    assert_int_equal(at("2024-02-29T23:59:59.25Z"), (int64_t)1709251199 * 1000000000 + 250000000);
    assert_int_equal(at("2026-11-21t11:45:52.000000001z"), (int64_t)1795261552 * 1000000000 + 1);
}

static void a_zone_is_taken_off(void **state)
{
    (void)state;
    assert_int_equal(at("2026-11-21T12:45:52+01:00"), at("2026-11-21T11:45:52Z"));
    assert_int_equal(at("2026-11-20T23:15:52-12:30"), at("2026-11-21T11:45:52Z"));
}

static void what_is_no_moment_is_refused(void **state)
{
    static const char *const wrong[] = { "",
                                         "now",
                                         "2026-11-21",
                                         "2026-11-21T11:45:52",
                                         "2026-11-21T11:45Z",
                                         "2026-11-21T11:45:52Z ",
                                         "2026-11-31T11:45:52Z",
                                         "2026-00-21T11:45:52Z",
                                         "2023-02-29T11:45:52Z",
                                         "2026-11-21T24:00:00Z",
                                         "2026-11-21T11:60:00Z",
                                         "2026-11-21T11:45:60Z",
                                         "2026-11-21T11:45:52.Z",
                                         "2026-11-21T11:45:52+1:00",
                                         "1969-12-31T23:59:59Z",
                                         "9999-01-01T00:00:00Z" };
    int64_t ns;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        if (cli_time(wrong[i], &ns))
            fail_msg("%s", wrong[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_moment_is_counted_from_1970),
        cmocka_unit_test(a_zone_is_taken_off),
        cmocka_unit_test(what_is_no_moment_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
