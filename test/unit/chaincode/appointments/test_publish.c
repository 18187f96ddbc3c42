/* Publishing and blocking a doctor's time, limits, and urgent units. */
#include "test/unit/chaincode/appointments/diary.h"

#define BLOCK(uid, from, to) "{\"uid\":\"" uid "\",\"from\":\"" from "\",\"to\":\"" to "\",\"salt\":\"" SALT2 "\"}"
#define PUBLISH(slots, unit, more) \
    "{\"uid\":\"d1\",\"slots\":[" slots "],\"unit\":" unit more ",\"salt\":\"" SALT3 "\"}"

static void a_desk_publishes_its_doctors_days(void **state)
{
    fcc_test_result r;

    as_clinic_desk();
    assert_refused(invoke("PublishDay", publish_in("d7", NINE_O_CLOCK, 2, 15, 0)), 403, "DENIED:not_site");
    as_desk();
    assert_refused(invoke("PublishDay", publish_in("n1", NINE_O_CLOCK, 2, 15, 0)), 403, "DENIED:not_site");
    assert_refused(invoke("PublishDay", publish_in("d5", NINE_O_CLOCK, 2, 15, 0)), 403, "DENIED:not_site");
    assert_refused(invoke("PublishDay", publish_in("nobody", NINE_O_CLOCK, 2, 15, 0)), 403, "DENIED:not_site");
    r = invoke("PublishDay", publish_in("d7", NINE_O_CLOCK, 2, 15, 0));
    assert_accepted(r);
    assert_string_equal(r.payload, "{\"units\":2}");
    assert_string_equal(r.event, "");
    assert_false(fcc_test_public_has(world, DAY));
    /* the same again is there; a part of it, or otherwise, stands in the way */
    assert_refused(invoke("PublishDay", publish_in("d7", NINE_O_CLOCK, 2, 15, 0)), 409, "ALREADY");
    assert_refused(invoke("PublishDay", publish_in("d7", NINE_O_CLOCK + 900, 1, 15, 0)), 409, "ALREADY");
    assert_refused(invoke("PublishDay", publish_in("d7", NINE_O_CLOCK, 1, 30, 0)), 409, "CONFLICT");
    assert_refused(invoke("PublishDay", publish_in("d7", NINE_O_CLOCK, 2, 15, 1)), 409, "CONFLICT");
    r = invoke("PublishDay", publish_in("d7", NINE_O_CLOCK + 900, 2, 15, 0));
    assert_refused(r, 409, "CONFLICT");
    assert_has(r.message, "2026-01-05T09:15:00Z: published before");
    assert_accepted(invoke("PublishDay", publish_in("d7", NINE_O_CLOCK + 1800, 2, 15, 0)));
}

static void units_are_multiples_of_five_minutes_in_one_day_to_come(void **state)
{
    as_desk();
    assert_refused(invoke("PublishDay", PUBLISH("\"" AT("09:01") "\"", "15", "")), 400, "BAD_INPUT");
    assert_refused(invoke("PublishDay", PUBLISH("\"" NINE "\"", "12", "")), 400, "BAD_INPUT");
    assert_refused(invoke("PublishDay", PUBLISH("\"" NINE "\"", "0", "")), 400, "BAD_INPUT");
    assert_refused(invoke("PublishDay", PUBLISH("\"" NINE "\"", "245", "")), 400, "BAD_INPUT");
    assert_refused(invoke("PublishDay", PUBLISH("", "15", "")), 400, "BAD_INPUT");
    assert_refused(invoke("PublishDay", PUBLISH("7", "15", "")), 400, "BAD_INPUT");
    assert_refused(invoke("PublishDay", PUBLISH("\"2026-01-01T00:00:00Z\"", "15", "")), 400, "BAD_INPUT");
    assert_refused(invoke("PublishDay", PUBLISH("\"" NINE "\",\"" AT("09:10") "\"", "15", "")), 400, "BAD_INPUT");
    assert_refused(invoke("PublishDay", PUBLISH("\"" NINE "\",\"" NINE "\"", "15", "")), 400, "BAD_INPUT");
    assert_refused(invoke("PublishDay", PUBLISH("\"" NINE "\",\"2026-01-06T09:00:00Z\"", "15", "")), 400, "BAD_INPUT");
    assert_refused(invoke("PublishDay", PUBLISH("\"" NINE "\"", "15", ",\"urgent\":[\"" AT("09:15") "\"]")), 400,
                   "BAD_INPUT");
    assert_refused(invoke("PublishDay", PUBLISH("\"" AT("13:00") "\"", "15", ",\"name\":1")), 400, "BAD_INPUT");
    /* in any order, as long as a day: an evening and the morning after it */
    assert_accepted(invoke("PublishDay", PUBLISH("\"2026-01-06T08:00:00Z\",\"" AT("20:00") "\"", "60", "")));
}

static void a_whole_day_is_published_at_once(void **state)
{
    fcc_test_result r;

    as_desk();
    assert_refused(invoke("PublishDay", publish_in("d7", NINE_O_CLOCK, 145, 10, 0)), 400, "BAD_INPUT");
    r = invoke("PublishDay", publish_in("d7", NINE_O_CLOCK, 288, 5, 288));
    assert_accepted(r);
    assert_string_equal(r.payload, "{\"units\":288}");
}

/* d10 at the hospital from nine to eleven, then at the clinic. */
static int make_two_employers(void **state)
{
    set_up_days(state);
    as_desk();
    assert_accepted(invoke("PublishDay", publish_in("d10", NINE_O_CLOCK, 4, 30, 0)));
    as_clinic_desk();
    assert_accepted(invoke("PublishDay", publish_in("d10", NINE_O_CLOCK + 7200, 2, 20, 0)));
    as_patient();
    return 0;
}
HEALTH_SETUP(set_up_two_employers, make_two_employers)

static void two_employers_do_not_publish_the_same_time(void **state)
{
    fcc_test_result r;

    as_desk();
    r = invoke("PublishDay", publish_in("d10", NINE_O_CLOCK + 6600, 2, 20, 0));
    assert_refused(r, 409, "CONFLICT");
    as_clinic_desk();
    r = invoke("PublishDay", publish_in("d10", NINE_O_CLOCK + 6600, 2, 20, 0));
    assert_refused(r, 409, "CONFLICT");
    assert_has(r.message, "2026-01-05T10:50:00Z: the doctor is at another site");
}

static void no_visit_reaches_from_one_employer_into_the_other(void **state)
{
    assert_refused(invoke("Hold", hold_in("v1", PID_A, "d10", AT("10:30"), 60)), 400, "BAD_INPUT");
    hold("v1", PID_A, "d10", AT("10:30"), 30);
    hold("v2", PID_A, "d10", AT("11:00"), 20);
    assert_has(visit("v1"), "\"site\":\"" H1 "\"");
    assert_has(visit("v2"), "\"site\":\"" C1 "\"");
}

static void each_employer_decides_about_its_own(void **state)
{
    hold("v2", PID_A, "d10", AT("11:00"), 20);
    as_desk();
    assert_refused(invoke("Cancel", cancel_in("v2")), 403, "DENIED:not_site");
    assert_refused(invoke("Block", BLOCK("d10", "2026-01-05T11:00:00Z", "2026-01-05T12:00:00Z")), 404, "NOT_FOUND");
    as("HospitalMSP", "doctor", "d10", H1, "29");
    assert_refused(invoke("Cancel", cancel_in("v2")), 403, "DENIED:not_site");
    as("ClinicMSP", "doctor", "d10", C1, "2a");
    assert_accepted(invoke("Cancel", cancel_in("v2")));
}

static void a_desk_blocks_its_doctors_time(void **state)
{
    fcc_test_result r;

    as_clinic_desk();
    assert_refused(invoke("Block", BLOCK("d1", NINE, "2026-01-05T10:30:00Z")), 403, "DENIED:not_site");
    as_desk();
    assert_refused(invoke("Block", BLOCK("d1", NINE, NINE)), 400, "BAD_INPUT");
    assert_refused(invoke("Block", BLOCK("d1", "2026-01-05T09:01:00Z", "2026-01-05T10:30:00Z")), 400, "BAD_INPUT");
    assert_refused(invoke("Block", BLOCK("d1", NINE, "2026-01-06T09:05:00Z")), 400, "BAD_INPUT");
    r = invoke("Block", BLOCK("d1", NINE, "2026-01-05T10:30:00Z"));
    assert_accepted(r);
    assert_string_equal(r.payload, "{\"blocked\":18,\"taken\":0}");
    assert_refused(invoke("Block", BLOCK("d1", NINE, "2026-01-05T10:30:00Z")), 409, "ALREADY");
}

/* From nine to half past ten, with v1, booked from half past nine to ten, and v2, held for a quarter from quarter past ten. */
static int make_blocked(void **state)
{
    fcc_test_result r;

    set_up_days(state);
    book("v1", PID_A, "d1", AT("09:30"), 30);
    hold("v2", PID_A, "d1", AT("10:15"), 15);
    as_desk();
    r = invoke("Block", BLOCK("d1", NINE, "2026-01-05T10:30:00Z"));
    assert_string_equal(r.payload, "{\"blocked\":9,\"taken\":9}");
    as_patient();
    return 0;
}
HEALTH_SETUP(set_up_blocked, make_blocked)

static void what_is_blocked_is_nobodys(void **state)
{
    fcc_test_result r;

    /* what is taken stays so; again there is nothing new */
    as_desk();
    assert_refused(invoke("Block", BLOCK("d1", NINE, "2026-01-05T10:30:00Z")), 409, "ALREADY");
    as_other_patient();
    r = invoke("Hold", hold_in("v3", PID_B, "d1", NINE, 15));
    assert_refused(r, 409, "CONFLICT");
    assert_has(r.message, "2026-01-05T09:00:00Z: the doctor is away");
    as_patient();
    assert_refused(invoke("Book", id_in("v2")), 409, "CONFLICT");
}

static void what_is_given_up_of_a_blocked_time_is_free_when_it_is_published(void **state)
{
    assert_accepted(invoke("Cancel", cancel_in("v2")));
    assert_accepted(invoke("Reschedule", move_in("v1", AT("11:00"))));
    /* given up, they are not free */
    assert_refused(invoke("Hold", hold_in("v4", PID_A, "d1", AT("09:30"), 15)), 409, "CONFLICT");
    assert_refused(invoke("Hold", hold_in("v4", PID_A, "d1", AT("10:15"), 15)), 409, "CONFLICT");
    as_desk();
    assert_refused(invoke("Block", BLOCK("d1", NINE, "2026-01-05T10:30:00Z")), 409, "ALREADY");
    assert_accepted(invoke("PublishDay", publish_in("d1", NINE_O_CLOCK, 3, 30, 0)));
    as_patient();
    hold("v4", PID_A, "d1", AT("09:30"), 30);
}

static void blocking_and_holding_in_one_block_do_not_both_win(void **state)
{
    fcc_test_block block;

    as_desk();
    assert_accepted(endorse("Block", BLOCK("d1", NINE, "2026-01-05T10:30:00Z")));
    as_patient();
    assert_accepted(endorse("Hold", hold_in("v1", PID_A, "d1", NINE, 15)));
    block = fcc_test_commit(world);
    assert_int_equal(block.tx[0].code, FCC_TEST_VALID);
    assert_int_equal(block.tx[1].code, FCC_TEST_MVCC_READ_CONFLICT);
    assert_refused(invoke("Hold", hold_in("v1", PID_A, "d1", NINE, 15)), 409, "CONFLICT");
}

static void urgent_units_are_kept_until_the_day_before(void **state)
{
    as_desk();
    assert_accepted(invoke("PublishDay", publish_in("d7", NINE_O_CLOCK, 4, 15, 2)));
    as_patient();
    assert_refused(invoke("Hold", hold_in("v1", PID_A, "d7", AT("09:30"), 15)), 412, "PRECONDITION");
    assert_refused(invoke("Hold", hold_in("v1", PID_A, "d7", AT("09:15"), 30)), 412, "PRECONDITION");
    assert_accepted(invoke("Hold", urgent_in("v1", PID_A, "d7", AT("09:30"), 15)));
    hold("v2", PID_A, "d7", NINE, 15);
    fcc_test_set_time(world, NOW + 3 * 86400 - 1);
    assert_refused(invoke("Hold", hold_in("v3", PID_A, "d7", AT("09:45"), 15)), 412, "PRECONDITION");
    fcc_test_set_time(world, NOW + 3 * 86400);
    hold("v3", PID_A, "d7", AT("09:45"), 15);
}

static void limits_are_the_administrators(void **state)
{
#define LIMITS(uid, caps) "{\"uid\":\"" uid "\",\"caps\":" caps ",\"salt\":\"" SALT1 "\"}"
    as_desk();
    assert_refused(invoke("SetLimits", LIMITS("d1", "{\"perDay\":2,\"urgentPerDay\":1}")), 403, "DENIED:role");
    as_admin();
    assert_refused(invoke("SetLimits", LIMITS("d3", "{\"perDay\":2,\"urgentPerDay\":1}")), 403, "DENIED:not_site");
    assert_refused(invoke("SetLimits", LIMITS("d1", "{\"perDay\":2}")), 400, "BAD_INPUT");
    assert_refused(invoke("SetLimits", LIMITS("d1", "{\"perDay\":2,\"urgentPerDay\":51}")), 400, "BAD_INPUT");
    assert_refused(invoke("SetLimits", LIMITS("d1", "{\"perDay\":-1,\"urgentPerDay\":1}")), 400, "BAD_INPUT");
    assert_refused(invoke("SetLimits", LIMITS("d1", "{\"perDay\":2,\"urgentPerDay\":1,\"week\":1}")), 400, "BAD_INPUT");
}

static void limits_hold_from_then_on_for_one_doctor(void **state)
{
    fcc_test_result r;

    as_admin();
    r = invoke("SetLimits", LIMITS("d1", "{\"perDay\":0,\"urgentPerDay\":0}"));
    assert_accepted(r);
    assert_string_equal(r.payload, "{\"v\":1}");
    assert_refused(invoke("SetLimits", LIMITS("d1", "{\"perDay\":0,\"urgentPerDay\":0}")), 409, "ALREADY");
    as_patient();
    assert_refused(invoke("Hold", hold_in("v1", PID_A, "d1", NINE, 15)), 429, "LIMIT");
    hold("v1", PID_A, "d3", NINE, 20);
    as_admin();
    r = invoke("SetLimits", LIMITS("d1", "{\"perDay\":2,\"urgentPerDay\":0}"));
    assert_string_equal(r.payload, "{\"v\":2}");
    as_patient();
    hold("v2", PID_A, "d1", AT("10:00"), 15);
    assert_refused(invoke("Hold", hold_in("v3", PID_A, "d1", AT("10:15"), 15)), 429, "LIMIT");
}

int main(void)
{
#define TEST(name) TEST_WITH(name, set_up_days)
#define TEST_WITH(name, set_up) cmocka_unit_test_setup_teardown(name, set_up, health_stop)
    const struct CMUnitTest tests[] = {
        TEST(a_desk_publishes_its_doctors_days),
        TEST(units_are_multiples_of_five_minutes_in_one_day_to_come),
        TEST(a_whole_day_is_published_at_once),
        TEST_WITH(two_employers_do_not_publish_the_same_time, set_up_two_employers),
        TEST_WITH(no_visit_reaches_from_one_employer_into_the_other, set_up_two_employers),
        TEST_WITH(each_employer_decides_about_its_own, set_up_two_employers),
        TEST(a_desk_blocks_its_doctors_time),
        TEST_WITH(what_is_blocked_is_nobodys, set_up_blocked),
        TEST_WITH(what_is_given_up_of_a_blocked_time_is_free_when_it_is_published, set_up_blocked),
        TEST(blocking_and_holding_in_one_block_do_not_both_win),
        TEST(urgent_units_are_kept_until_the_day_before),
        TEST(limits_are_the_administrators),
        TEST(limits_hold_from_then_on_for_one_doctor),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
