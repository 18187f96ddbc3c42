/* What referees' processes find around them: every kind of condition, and one at a time where there are enough of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "devnet/conditions.h"

#include <stdlib.h>
#include <string.h>

static unsigned kinds_of(const devnet_conditions *c)
{
    return (c->clock_s ? 1u : 0) | (c->time_zone[0] ? 2u : 0) | (c->locale[0] ? 4u : 0) | (c->heap ? 8u : 0) |
           (c->stack ? 16u : 0) | (c->other_environment ? 32u : 0);
}

static void every_kind_is_tried_however_many_processes_there_are(void **state)
{
    for (size_t count = 1; count <= 32; count++) {
        unsigned all = 0;

        for (size_t i = 0; i < count; i++) {
            devnet_conditions c;

            devnet_conditions_choose(i, count, "clock.so", &c);
            all |= kinds_of(&c);
            assert_true(c.text[0] != '\0');
        }
        assert_int_equal(all, 63);
    }
}

static void of_eight_six_have_one_condition_and_one_has_none(void **state)
{
    devnet_conditions c;

    for (size_t i = 0; i < 6; i++) {
        devnet_conditions_choose(i, 8, "clock.so", &c);
        assert_int_equal(__builtin_popcount(kinds_of(&c)), 1);
    }
    devnet_conditions_choose(6, 8, "clock.so", &c);
    assert_int_equal(kinds_of(&c), 0);
    assert_string_equal(c.text, "once more");
    devnet_conditions_choose(7, 8, "clock.so", &c);
    assert_int_equal(kinds_of(&c), 63);
}

static void the_clock_is_far_off_only_where_nothing_else_is(void **state)
{
    devnet_conditions c;

    devnet_conditions_choose(0, 8, "clock.so", &c);
    assert_true(c.only_clock && c.clock_s > 365 * 86400);
    devnet_conditions_choose(0, 1, "clock.so", &c);
    assert_true(!c.only_clock && c.clock_s > 0 && c.clock_s < 120);
    devnet_conditions_choose(0, 8, NULL, &c); /* no library: nothing is claimed */
    assert_int_equal(kinds_of(&c), 0);
    assert_string_equal(c.text, "once more");
}

static const char *find(char *const *environment, const char *name)
{
    for (; *environment; environment++)
        if (strncmp(*environment, name, strlen(name)) == 0)
            return *environment + strlen(name);
    return NULL;
}

static void the_environment_says_so(void **state)
{
    char **environment = calloc(6, sizeof(*environment));
    devnet_conditions c;

    assert_non_null(environment);
    environment[0] = strdup("PATH=/bin");
    environment[1] = strdup("SECRET=1");
    environment[2] = strdup("TZ=UTC");
    environment[3] = strdup("LD_PRELOAD=first.so");
    environment[4] = strdup("CHAINCODE_ID=cc:1");
    devnet_conditions_choose(0, 1, "clock.so", &c);
    assert_true(devnet_conditions_environment(&c, &environment));
    assert_null(find(environment, "SECRET="));
    assert_string_equal(find(environment, "PATH="), "/bin");
    assert_string_equal(find(environment, "CHAINCODE_ID="), "cc:1");
    assert_string_equal(find(environment, "TZ="), c.time_zone);
    assert_string_equal(find(environment, "LC_ALL="), c.locale);
    assert_string_equal(find(environment, "LD_PRELOAD="), "first.so:clock.so");
    assert_string_equal(find(environment, "MEDSYNC_CLOCK_AHEAD="), "97");
    assert_non_null(find(environment, "MALLOC_PERTURB_="));
    for (size_t i = 0; environment[i]; i++)
        free(environment[i]);
    free(environment);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_tried_however_many_processes_there_are),
        cmocka_unit_test(of_eight_six_have_one_condition_and_one_has_none),
        cmocka_unit_test(the_clock_is_far_off_only_where_nothing_else_is),
        cmocka_unit_test(the_environment_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
