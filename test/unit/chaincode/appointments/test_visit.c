/* What becomes of a visit: moved, seen, missed; and the override that overbooks a doctor. */
#include "test/unit/chaincode/appointments/diary.h"

#define OVERRIDE(id, pid, uid, start, minutes)                                                                \
    "{\"id\":\"" id "\",\"pid\":\"" pid "\",\"uid\":\"" uid "\",\"start\":\"" start "\",\"minutes\":" minutes \
    ",\"reasonCode\":\"clinical_need\",\"salt\":\"" SALT1 "\"}"

/* v1, half an hour from nine on. */
static int make_booked(void **state)
{
    set_up_days(state);
    book("v1", PID_A, "d1", NINE, 30);
    return 0;
}
HEALTH_SETUP(set_up_booked, make_booked)

/* A quarter of an hour later. */
static int make_moved(void **state)
{
    set_up_booked(state);
    assert_accepted(invoke("Reschedule", move_in("v1", AT("09:15"))));
    return 0;
}
HEALTH_SETUP(set_up_moved, make_moved)

static void a_visit_is_moved_in_one_transaction(void **state)
{
    fcc_test_result r;

    r = invoke("Reschedule", move_in("v1", AT("09:15"))); /* over a part of itself */
    assert_accepted(r);
    assert_string_equal(r.payload, "{\"id\":\"v1\",\"v\":3}");
    assert_string_equal(r.event, "Rescheduled");
    assert_has(visit("v1"), "\"start\":\"" AT("09:15") "\"");
    assert_has(visit("v1"), "\"status\":\"booked\"");
    assert_null(held("appointments", "subject", "~APPTP~" PID_A "~1767603600~v1~"));
    assert_non_null(held("appointments", "subject", "~APPTP~" PID_A "~1767604500~v1~"));
}

static void what_a_moved_visit_leaves_is_free_and_what_it_takes_is_not(void **state)
{
    as_other_patient();
    hold("v2", PID_B, "d1", NINE, 15);
    assert_refused(invoke("Hold", hold_in("v3", PID_B, "d1", AT("09:15"), 15)), 409, "CONFLICT");
    assert_refused(invoke("Hold", hold_in("v3", PID_B, "d1", AT("09:30"), 15)), 409, "CONFLICT");
    hold("v3", PID_B, "d1", AT("09:45"), 15);
    as_patient();
    assert_refused(invoke("Reschedule", move_in("v1", NINE)), 409, "CONFLICT");
}

static void a_visit_is_moved_to_where_its_patient_is_free(void **state)
{
    assert_refused(invoke("Reschedule", move_in("v1", AT("09:15"))), 409, "ALREADY");
    assert_refused(invoke("Reschedule", move_in("v1", AT("11:45"))), 400, "BAD_INPUT");
    assert_refused(invoke("Reschedule", move_in("v1", AT("09:05"))), 400, "BAD_INPUT");
    assert_refused(invoke("Reschedule", move_in("v1", "2025-12-31T09:00:00Z")), 400, "BAD_INPUT");
    assert_refused(invoke("Reschedule", move_in("v9", AT("10:00"))), 404, "NOT_FOUND");
    hold("v4", PID_A, "d3", AT("11:00"), 20);
    assert_refused(invoke("Reschedule", move_in("v1", AT("11:00"))), 409, "CONFLICT");
    assert_refused(invoke("Reschedule", move_in("v4", AT("10:00"))), 412, "PRECONDITION");
}

static void the_owner_and_the_site_move_a_visit(void **state)
{
    as_other_patient();
    assert_refused(invoke("Reschedule", move_in("v1", AT("10:00"))), 403, "DENIED:not_owner");
    as_clinic_desk();
    assert_refused(invoke("Reschedule", move_in("v1", AT("10:00"))), 403, "DENIED:not_site");
    as_desk();
    assert_accepted(invoke("Reschedule", move_in("v1", AT("10:00"))));
}

static void moving_keeps_the_limit_of_the_new_day(void **state)
{
    static const char *const caps = "{\"uid\":\"d1\",\"caps\":{\"perDay\":1,\"urgentPerDay\":1},\"salt\":\"" SALT1
                                    "\"}";

    as_desk();
    assert_accepted(invoke("PublishDay", publish_in("d1", NINE_O_CLOCK + 86400, 4, 15, 0)));
    as_admin();
    assert_accepted(invoke("SetLimits", caps));
    as_patient();
    book("v1", PID_A, "d1", NINE, 15);
    hold("v2", PID_A, "d1", "2026-01-06T09:00:00Z", 15);
    assert_accepted(invoke("Reschedule", move_in("v1", AT("10:00"))));
    assert_refused(invoke("Reschedule", move_in("v1", "2026-01-06T09:15:00Z")), 429, "LIMIT");
    assert_accepted(invoke("Cancel", cancel_in("v2")));
    assert_accepted(invoke("Reschedule", move_in("v1", "2026-01-06T09:15:00Z")));
    hold("v3", PID_A, "d1", NINE, 15);
    assert_refused(invoke("Hold", hold_in("v4", PID_A, "d1", "2026-01-06T09:00:00Z", 15)), 429, "LIMIT");
}

static void a_doctor_with_two_employers_is_moved_by_the_owner(void **state)
{
    as_desk();
    assert_accepted(invoke("PublishDay", publish_in("d10", NINE_O_CLOCK, 2, 30, 0)));
    as_clinic_desk();
    assert_accepted(invoke("PublishDay", publish_in("d10", NINE_O_CLOCK + 3600, 2, 30, 0)));
    as_patient();
    book("v1", PID_A, "d10", NINE, 30);
    as_desk();
    assert_refused(invoke("Reschedule", move_in("v1", AT("10:00"))), 403, "DENIED:not_site");
    as_patient();
    assert_accepted(invoke("Reschedule", move_in("v1", AT("10:00"))));
    assert_has(visit("v1"), "\"site\":\"" C1 "\"");
}

static void the_site_checks_in_on_the_day(void **state)
{
    as_desk();
    assert_refused(invoke("CheckIn", id_in("v1")), 412, "PRECONDITION");
    fcc_test_set_time(world, NINE_O_CLOCK - 12 * 3600 - 1);
    assert_refused(invoke("CheckIn", id_in("v1")), 412, "PRECONDITION");
    fcc_test_set_time(world, NINE_O_CLOCK - 12 * 3600);
    as_patient();
    assert_refused(invoke("CheckIn", id_in("v1")), 403, "DENIED:role");
    as_clinic_desk();
    assert_refused(invoke("CheckIn", id_in("v1")), 403, "DENIED:not_site");
    as_desk();
    assert_refused(invoke("Complete", id_in("v1")), 412, "PRECONDITION");
    assert_accepted(invoke("CheckIn", id_in("v1")));
    assert_has(act("v1"), "\"status\":\"arrived\",\"v\":3");
    assert_refused(invoke("CheckIn", id_in("v1")), 409, "ALREADY");
}

static int make_arrived(void **state)
{
    set_up_booked(state);
    fcc_test_set_time(world, NINE_O_CLOCK - 12 * 3600);
    as_desk();
    assert_accepted(invoke("CheckIn", id_in("v1")));
    return 0;
}
HEALTH_SETUP(set_up_arrived, make_arrived)

static void who_arrived_is_seen_by_the_doctor(void **state)
{
    assert_refused(invoke("NoShow", id_in("v1")), 412, "PRECONDITION");
    assert_refused(invoke("Book", id_in("v1")), 412, "PRECONDITION");
    as_patient();
    assert_refused(invoke("Cancel", cancel_in("v1")), 412, "PRECONDITION");
    as("HospitalMSP", "doctor", "d7", H1, "07");
    assert_refused(invoke("Complete", id_in("v1")), 403, "DENIED:not_author");
    as_doctor();
    assert_accepted(invoke("Complete", id_in("v1")));
    assert_has(visit("v1"), "\"status\":\"fulfilled\"");
    assert_refused(invoke("Complete", id_in("v1")), 409, "ALREADY");
    assert_refused(invoke("Cancel", cancel_in("v1")), 412, "PRECONDITION");
    /* the patient has the time again, the doctor's day keeps the visit */
    as_patient();
    hold("v2", PID_A, "d3", AT("09:20"), 20);
    assert_refused(invoke("Hold", hold_in("v3", PID_A, "d1", NINE, 15)), 409, "CONFLICT");
}

static void who_is_late_is_waited_for(void **state)
{
    as_doctor();
    fcc_test_set_time(world, NINE_O_CLOCK + 720);
    assert_refused(invoke("NoShow", id_in("v1")), 412, "PRECONDITION");
    fcc_test_set_time(world, NINE_O_CLOCK + 721);
    as_patient();
    assert_refused(invoke("Cancel", cancel_in("v1")), 412, "PRECONDITION");
    assert_refused(invoke("Reschedule", move_in("v1", AT("11:00"))), 412, "PRECONDITION");
    as_doctor();
    assert_accepted(invoke("NoShow", id_in("v1")));
    assert_has(visit("v1"), "\"status\":\"noshow\"");
    assert_refused(invoke("NoShow", id_in("v1")), 409, "ALREADY");
    assert_refused(invoke("CheckIn", id_in("v1")), 412, "PRECONDITION");
}

static void who_arrived_and_left_is_cancelled_by_the_site(void **state)
{
    fcc_test_set_time(world, NINE_O_CLOCK - 600);
    assert_accepted(invoke("Cancel", cancel_in("v1")));
}

static void an_override_is_the_administrators_and_well_formed(void **state)
{
    as_desk();
    assert_refused(invoke("BookOverride", OVERRIDE("v2", PID_B, "d1", NINE, "15")), 403, "DENIED:role");
    as_admin();
    assert_refused(invoke("BookOverride", OVERRIDE("v2", PID_B, "d3", NINE, "15")), 403, "DENIED:not_site");
    assert_refused(invoke("BookOverride", OVERRIDE("v2", PID_B, "d4", NINE, "15")), 403, "DENIED:licence");
    assert_refused(invoke("BookOverride", OVERRIDE("v2", PID_A, "d1", AT("09:15"), "15")), 409, "CONFLICT");
    assert_refused(invoke("BookOverride", OVERRIDE("v1", PID_B, "d1", NINE, "15")), 409, "ALREADY");
    assert_refused(invoke("BookOverride", OVERRIDE("v2", PID_DEAD, "d1", NINE, "15")), 412, "PRECONDITION");
    assert_refused(invoke("BookOverride", OVERRIDE("v2", PID_NOBODY, "d1", NINE, "15")), 404, "NOT_FOUND");
    assert_refused(invoke("BookOverride", OVERRIDE("v2", PID_B, "d1", AT("09:01"), "15")), 400, "BAD_INPUT");
    assert_refused(invoke("BookOverride", OVERRIDE("v2", PID_B, "d1", "2025-12-31T09:00:00Z", "15")), 400, "BAD_INPUT");
}

static void an_override_overbooks_the_doctor_and_says_why(void **state)
{
    fcc_test_result r;

    as_admin();
    r = invoke("BookOverride", OVERRIDE("v2", PID_B, "d1", NINE, "15"));
    assert_accepted(r);
    assert_string_equal(r.event, "Booked");
    assert_has(visit("v2"), "\"override\":true");
    assert_has(visit("v2"), "\"status\":\"booked\"");
    assert_has(strstr(r.trace, "~OVR~"), "~v2~");
    /* the patient is not overbooked by it, and off the hours it goes as well */
    as_other_patient();
    assert_refused(invoke("Hold", hold_in("v3", PID_B, "d3", NINE, 20)), 409, "CONFLICT");
    as_admin();
    assert_accepted(invoke("BookOverride", OVERRIDE("v3", PID_B, "d1", AT("20:05"), "55")));
}

static void the_slots_under_an_override_are_the_first_ones_still(void **state)
{
    as_admin();
    assert_accepted(invoke("BookOverride", OVERRIDE("v2", PID_B, "d1", NINE, "15")));
    as_other_patient();
    assert_accepted(invoke("Cancel", cancel_in("v2")));
    assert_refused(invoke("Hold", hold_in("v4", PID_B, "d1", NINE, 15)), 409, "CONFLICT");
}

static void an_override_that_is_moved_into_published_units_is_one_no_more(void **state)
{
    as_admin();
    assert_accepted(invoke("BookOverride", OVERRIDE("v3", PID_B, "d1", AT("20:05"), "55")));
    as_other_patient();
    assert_accepted(invoke("Reschedule", move_in("v3", AT("10:00"))));
    assert_has_not(visit("v3"), "override");
    as_patient();
    assert_refused(invoke("Hold", hold_in("v5", PID_A, "d1", AT("10:45"), 15)), 409, "CONFLICT");
    as_doctor();
    fcc_test_set_time(world, NINE_O_CLOCK);
    assert_accepted(invoke("CheckIn", id_in("v3")));
}

static void the_dead_keep_no_appointments(void **state)
{
    hold("v2", PID_A, "d1", AT("10:00"), 30);
    as("HospitalMSP", "registrar", "reg1", H1, "12");
    put_in("{\"pid\":\"" PID_A "\",\"date\":\"2025-12-31T00:00:00Z\",\"evidenceHash\":\"" FP("0e") "\"}");
    assert_accepted(fcc_test_submit(world, "credentials", "Decease", FCC_END));
    as_patient();
    assert_refused(invoke("Book", id_in("v2")), 412, "PRECONDITION");
    assert_refused(invoke("Cancel", cancel_in("v1")), 412, "PRECONDITION");
    assert_refused(invoke("Reschedule", move_in("v1", AT("11:00"))), 412, "PRECONDITION");
    as_desk();
    assert_refused(invoke("Reschedule", move_in("v1", AT("11:00"))), 412, "PRECONDITION");
    assert_accepted(invoke("Cancel", cancel_in("v1")));
    assert_accepted(invoke("Cancel", cancel_in("v2")));
}

int main(void)
{
#define TEST(name) TEST_WITH(name, set_up_days)
#define TEST_WITH(name, set_up) cmocka_unit_test_setup_teardown(name, set_up, health_stop)
    const struct CMUnitTest tests[] = {
        TEST_WITH(a_visit_is_moved_in_one_transaction, set_up_booked),
        TEST_WITH(what_a_moved_visit_leaves_is_free_and_what_it_takes_is_not, set_up_moved),
        TEST_WITH(a_visit_is_moved_to_where_its_patient_is_free, set_up_moved),
        TEST_WITH(the_owner_and_the_site_move_a_visit, set_up_moved),
        TEST(moving_keeps_the_limit_of_the_new_day),
        TEST(a_doctor_with_two_employers_is_moved_by_the_owner),
        TEST_WITH(the_site_checks_in_on_the_day, set_up_booked),
        TEST_WITH(who_arrived_is_seen_by_the_doctor, set_up_arrived),
        TEST_WITH(who_is_late_is_waited_for, set_up_booked),
        TEST_WITH(who_arrived_and_left_is_cancelled_by_the_site, set_up_arrived),
        TEST_WITH(an_override_is_the_administrators_and_well_formed, set_up_booked),
        TEST_WITH(an_override_overbooks_the_doctor_and_says_why, set_up_booked),
        TEST_WITH(the_slots_under_an_override_are_the_first_ones_still, set_up_booked),
        TEST_WITH(an_override_that_is_moved_into_published_units_is_one_no_more, set_up_booked),
        TEST_WITH(the_dead_keep_no_appointments, set_up_booked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
