/* State that the first version wrote is read, judged and continued by this one. */
#include "test/unit/chaincode/prescriptions/pharmacy.h"
#include "test/support/state.h"

enum { lines_of_state = 29 };

static int make_state(void **state)
{
    set_up_with(state_with_load(&prescriptions_chaincode));
    state_load("prescriptions", "test/unit/chaincode/prescriptions/state-1.tsv", lines_of_state);
    as_pharmacist();
    return 0;
}
HEALTH_SETUP(set_up_state, make_state)

static void what_was_prescribed_before_is_read(void **state)
{
    as_patient();
    assert_has(query("GetRx", "{\"rxId\":\"r1\"}").payload, "\"seq\":2");
    assert_has(query("ListPrescriptions", OF(PID_A)).payload, "\"rxId\":\"r3\"");
    assert_has(query("Reminders", OF(PID_A)).payload, "\"from\":\"2026-01-31T00:00:00Z\"");
    as_pharmacist();
    assert_has(query_id("Queue", P1, NULL).payload, "\"rxId\":\"r2\"");
}

static void the_commits_of_before_hold(void **state)
{
    char in[3000];

    as_patient();
    snprintf(in, sizeof(in), "{\"record\":%s}", rx_value("r1"));
    assert_string_equal(query_id("VerifyCommit", "r1", in).payload, "true");
}

static void what_was_prescribed_before_goes_on(void **state)
{
    assert_refused(invoke_id("Dispense", "r1", TAKE_ONE("3", "a3")), 412, "PRECONDITION");
    assert_refused(invoke_id("Dispense", "r1", TAKE_ONE("2", "a3")), 409, "ALREADY");
    assert_refused(invoke_id("ReverseDispense", "r1", REVERSE("1")), 412, "PRECONDITION");
    assert_accepted(invoke_id("HandOver", "r1", SEQ("2")));
    fcc_test_set_time(world, NOW + 30 * DAY);
    assert_accepted(invoke_id("Dispense", "r1", TAKE_ONE("3", "a3")));
    assert_has(rx_value("r1"), "\"v\":5");
}

static void what_was_accepted_before_is_returned_and_accepted_elsewhere(void **state)
{
    assert_accepted(invoke_id("HandOver", "r1", SEQ("2")));
    assert_accepted(invoke_id("Return", "r1", BECAUSE("patient_request")));
    as_other_pharmacist();
    assert_refused(invoke_id("Accept", "r1", NO_CODE), 403, "DENIED:code");
    assert_accepted(invoke_id("Accept", "r1", ACCEPT));
}

static void what_was_marked_before_is_cancelled_on_return(void **state)
{
    assert_accepted(invoke_id("Return", "r2", BECAUSE("not_collected")));
    assert_has(rx_value("r2"), "\"status\":\"cancelled\"");
    assert_null(held("prescriptions", "rx", "~RXQ~" P1 "~r2~"));
}

static void what_was_cancelled_before_is(void **state)
{
    assert_refused(invoke_id("Accept", "r3", ACCEPT), 410, "GONE");
    as_doctor();
    assert_refused(invoke("Issue", ISSUE("r3")), 409, "ALREADY");
    assert_accepted(invoke("Issue", ISSUE("r4")));
    assert_has(rx_value("r4"), "\"nominee\":\"" P1 "\"");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up_state, health_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_was_prescribed_before_is_read),
        CASE(the_commits_of_before_hold),
        CASE(what_was_prescribed_before_goes_on),
        CASE(what_was_accepted_before_is_returned_and_accepted_elsewhere),
        CASE(what_was_marked_before_is_cancelled_on_return),
        CASE(what_was_cancelled_before_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
