/* State that the first version wrote is read, judged and continued by this one. */
#include "test/unit/chaincode/appointments/diary.h"
#include "test/support/state.h"

static int make_state(void **state)
{
    health_start(NULL);
    health_install("appointments", state_with_load(&appointments_chaincode));
    state_load("appointments", "test/unit/chaincode/appointments/state-1.tsv", 104);
    as_patient();
    return 0;
}
HEALTH_SETUP(set_up_state, make_state)

static const char *offer_in(const char *start)
{
    return text_of("{\"uid\":\"d1\",\"date\":\"" DAY "\",\"class\":\"normal\",\"start\":\"%s\",\"salt\":\"" SALT3 "\"}",
                   start);
}

static void what_was_taken_is_taken(void **state)
{
    assert_refused(invoke("Hold", hold_in("x1", PID_A, "d3", NINE, 20)), 409, "CONFLICT"); /* v1 */
    as_other_patient();
    assert_refused(invoke("Hold", urgent_in("x1", PID_B, "d1", AT("09:15"), 15)), 409, "CONFLICT");
    assert_refused(invoke("Hold", hold_in("v3", PID_B, "d1", AT("09:30"), 15)), 409, "ALREADY");
    as_admin();
    assert_refused(invoke("Setup", "{\"salt\":\"" FP("5b") "\"}"), 409, "ALREADY");
    as_desk();
    assert_refused(invoke("PublishDay", publish_in("d1", NINE_O_CLOCK, 4, 15, 0)), 409, "ALREADY");
    as_guardian(); /* the override is W's as well */
    assert_refused(invoke("Hold", hold_in("x1", PID_W, "d1", AT("20:00"), 15)), 400, "BAD_INPUT");
    assert_has(query("Reminders", "{\"pid\":\"" PID_W "\"}").payload, "v5");
}

/* What was held before in a stretch that was blocked then is given up, and published again. */
static int make_published(void **state)
{
    set_up_state(state);
    assert_refused(invoke("Book", id_in("v2")), 409, "CONFLICT");
    assert_accepted(invoke("Cancel", cancel_in("v2")));
    assert_has(act("v2"), "\"status\":\"cancelled\",\"v\":2");
    as_desk();
    assert_accepted(invoke("PublishDay", publish_in("d1", NINE_O_CLOCK + 3600, 2, 15, 0)));
    as_patient();
    return 0;
}
HEALTH_SETUP(set_up_published, make_published)

static void who_waited_before_is_not_overtaken(void **state)
{
    fcc_test_result r;

    assert_refused(invoke("Reschedule", move_in("v1", AT("10:00"))), 409, "CONFLICT");
    r = invoke("OfferNext", offer_in(AT("09:30")));
    assert_string_equal(r.payload, "{\"id\":\"w3\",\"v\":1}");
    assert_has(held("appointments", "subject",
                    text_of("~WAITV~%s~" DAY "~normal~000002~000002~", "1a7271ab68aaf140fcee395beca45bac")),
               "\"status\":\"offered\"");
    assert_refused(invoke("OfferNext", offer_in(AT("10:00"))), 404, "NOT_FOUND");
    assert_accepted(invoke("Reschedule", move_in("v1", AT("10:00"))));
    assert_has(act("v1"), "\"status\":\"booked\",\"v\":3");
}

static void what_was_held_before_takes_its_course(void **state)
{
    as_desk();
    assert_accepted(invoke("Book", id_in("w1")));
    fcc_test_set_time(world, NINE_O_CLOCK);
    assert_accepted(invoke("CheckIn", id_in("w1")));
    assert_has(query("DaySheet", "{\"uid\":\"d1\",\"date\":\"" DAY "\"}").payload, "v5");
}

static void what_was_booked_before_takes_its_course(void **state)
{
    fcc_test_set_time(world, NINE_O_CLOCK);
    as_clinic_doctor();
    assert_accepted(invoke("CheckIn", id_in("v4")));
    assert_accepted(invoke("Complete", id_in("v4")));
}

static void the_limits_of_before_hold(void **state)
{
    fcc_test_result r;

    as_admin();
    r = invoke("SetLimits", "{\"uid\":\"d1\",\"caps\":{\"perDay\":1,\"urgentPerDay\":1},\"salt\":\"" SALT1 "\"}");
    assert_string_equal(r.payload, "{\"v\":2}");
    as_patient(); /* v1 and v2 are on this day */
    assert_refused(invoke("Hold", urgent_in("x2", PID_A, "d1", AT("10:30"), 15)), 429, "LIMIT");
}

static void its_acts_verify(void **state)
{
    fcc_test_result r;

    put_in(text_of("{\"record\":%s}", visit("v4")));
    r = fcc_test_evaluate(world, "appointments", "VerifyCommit", "v4", FCC_END);
    assert_string_equal(r.payload, "true");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_state, health_stop)
    const struct CMUnitTest tests[] = {
        TEST(what_was_taken_is_taken),
        cmocka_unit_test_setup_teardown(who_waited_before_is_not_overtaken, set_up_published, health_stop),
        TEST(what_was_held_before_takes_its_course),
        TEST(what_was_booked_before_takes_its_course),
        TEST(the_limits_of_before_hold),
        TEST(its_acts_verify),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
