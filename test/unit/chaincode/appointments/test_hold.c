/* Holding, booking and cancelling: whose slots are whose, and who may. */
#include "test/unit/chaincode/appointments/diary.h"

static void a_patient_holds_and_books(void **state)
{
    fcc_test_result r = invoke("Hold", hold_in("v1", PID_A, "d1", NINE, 30));

    assert_accepted(r);
    assert_string_equal(r.payload, "{\"id\":\"v1\",\"v\":1}");
    assert_string_equal(r.event, "SlotHeld");
    assert_string_equal(r.event_payload, "{\"id\":\"v1\"}");
    assert_has(visit("v1"), "\"status\":\"pending\"");
    assert_has(visit("v1"), "\"until\":\"2026-01-01T00:10:00Z\"");
    assert_has(visit("v1"), "\"site\":\"" H1 "\"");
    assert_has(act("v1"), "\"docType\":\"appointment\",\"id\":\"v1\",\"status\":\"pending\",\"v\":1");
    assert_non_null(held("appointments", "subject", "~APPTP~" PID_A "~1767603600~v1~"));
    assert_non_null(held("appointments", "subject", "~PCELL~" PID_A "~0005892012~"));
    assert_non_null(held("appointments", "subject", "~PCELL~" PID_A "~0005892017~"));
    assert_null(held("appointments", "subject", "~PCELL~" PID_A "~0005892018~"));
    r = invoke("Book", id_in("v1"));
    assert_accepted(r);
    assert_string_equal(r.payload, "{\"id\":\"v1\",\"v\":2}");
    assert_string_equal(r.event, "Booked");
    assert_has(visit("v1"), "\"status\":\"booked\"");
    assert_has_not(visit("v1"), "until");
    assert_string_equal(visit("v1"), held("appointments", "subject", "~APPTV~v1~000002~"));
    assert_refused(invoke("Book", id_in("v1")), 409, "ALREADY");
    assert_refused(invoke("Hold", hold_in("v1", PID_A, "d1", AT("10:00"), 15)), 409, "ALREADY");
    assert_false(fcc_test_public_has(world, PID_A));
    assert_false(fcc_test_public_has(world, DAY));
}

static void a_taken_slot_is_named_and_whose_it_is(void **state)
{
    fcc_test_result r;

    hold("v1", PID_A, "d1", NINE, 30);
    as_other_patient();
    r = invoke("Hold", hold_in("v2", PID_B, "d1", AT("09:15"), 15));
    assert_refused(r, 409, "CONFLICT");
    assert_has(r.message, "2026-01-05T09:15:00Z: the doctor is busy");
    assert_has_not(r.message, PID_A);
    assert_has_not(r.message, "v1");
    as_patient(); /* another doctor on another grid */
    r = invoke("Hold", hold_in("v2", PID_A, "d3", AT("09:20"), 20));
    assert_refused(r, 409, "CONFLICT");
    assert_has(r.message, "2026-01-05T09:20:00Z: the patient is busy");
    assert_accepted(invoke("Hold", hold_in("v2", PID_A, "d3", AT("09:40"), 20)));
}

static void of_two_in_one_block_one_wins(void **state)
{
    fcc_test_block block;

    assert_accepted(endorse("Hold", hold_in("v1", PID_A, "d1", NINE, 30)));
    as_other_patient();
    assert_accepted(endorse("Hold", hold_in("v2", PID_B, "d1", AT("09:15"), 30)));
    block = fcc_test_commit(world);
    assert_int_equal(block.tx[0].code, FCC_TEST_VALID);
    assert_int_equal(block.tx[1].code, FCC_TEST_MVCC_READ_CONFLICT);
    assert_refused(invoke("Hold", hold_in("v2", PID_B, "d1", AT("09:15"), 30)), 409, "CONFLICT");
    assert_null(visit("v2"));
}

static void only_published_units_are_held(void **state)
{
    assert_refused(invoke("Hold", hold_in("v1", PID_A, "d1", AT("09:05"), 15)), 400, "BAD_INPUT");
    assert_refused(invoke("Hold", hold_in("v1", PID_A, "d1", AT("09:02"), 15)), 400, "BAD_INPUT");
    assert_refused(invoke("Hold", hold_in("v1", PID_A, "d1", AT("08:45"), 15)), 400, "BAD_INPUT");
    assert_refused(invoke("Hold", hold_in("v1", PID_A, "d1", AT("11:45"), 30)), 400, "BAD_INPUT");
    assert_refused(invoke("Hold", hold_in("v1", PID_A, "d1", "2025-12-31T09:00:00Z", 15)), 400, "BAD_INPUT");
    assert_refused(invoke("Hold", hold_in("v1", PID_A, "d7", NINE, 15)), 400, "BAD_INPUT");
    assert_refused(invoke("Hold", hold_in("v1", PID_A, "d1", NINE, 12)), 400, "BAD_INPUT");
    assert_refused(invoke("Hold", hold_in("v1", PID_A, "d1", NINE, 0)), 400, "BAD_INPUT");
    assert_refused(invoke("Hold", hold_in("v1", PID_A, "d1", NINE, 245)), 400, "BAD_INPUT");
    assert_accepted(invoke("Hold", hold_in("v1", PID_A, "d1", NINE, 180)));
}

static void owners_and_the_sites_desk_hold(void **state)
{
    assert_refused(invoke("Hold", hold_in("v1", PID_B, "d1", NINE, 15)), 403, "DENIED:not_owner");
    assert_refused(invoke("Hold", hold_in("v1", PID_NOBODY, "d1", NINE, 15)), 403, "DENIED:not_owner");
    as_guardian();
    hold("v1", PID_W, "d1", NINE, 15);
    assert_refused(invoke("Hold", hold_in("v2", PID_M, "d1", AT("10:00"), 15)), 403, "DENIED:not_owner");
    as_clinic_desk();
    assert_refused(invoke("Hold", hold_in("v2", PID_A, "d1", AT("10:00"), 15)), 403, "DENIED:not_site");
    as_desk();
    hold("v2", PID_A, "d1", AT("10:00"), 15);
    hold("v3", PID_UNKNOWN, "d1", AT("10:15"), 15);
    assert_refused(invoke("Hold", hold_in("v4", PID_NOBODY, "d1", AT("10:30"), 15)), 404, "NOT_FOUND");
    assert_refused(invoke("Hold", hold_in("v4", PID_DEAD, "d1", AT("10:30"), 15)), 412, "PRECONDITION");
    as_doctor();
    assert_refused(invoke("Hold", hold_in("v4", PID_A, "d1", AT("10:30"), 15)), 403, "DENIED:role");
    as("HospitalMSP", "patient", NULL, NULL, "dd");
    assert_refused(invoke("Hold", hold_in("v4", PID_DEAD, "d1", AT("10:30"), 15)), 412, "PRECONDITION");
}

static void a_linked_pid_is_the_other_one(void **state)
{
    as_desk();
    hold("v1", PID_LINKED, "d1", NINE, 15);
    assert_has(visit("v1"), "\"pid\":\"" PID_A "\"");
    as_patient();
    assert_refused(invoke("Hold", hold_in("v2", PID_A, "d3", NINE, 20)), 409, "CONFLICT");
    assert_accepted(invoke("Book", id_in("v1")));
}

static void find_out_who_it_is(void)
{
    as("HospitalMSP", "registrar", "reg1", H1, "12");
    put_in("{\"prov\":\"" PID_UNKNOWN "\",\"pid\":\"" PID_A "\"}");
    assert_accepted(fcc_test_submit(world, "credentials", "LinkPatient", FCC_END));
}

static void what_was_booked_under_a_provisional_pid_stands_in_the_way(void **state)
{
    fcc_test_result r;

    as_desk();
    book("v1", PID_UNKNOWN, "d1", NINE, 30);
    as_patient();
    hold("v2", PID_A, "d3", NINE, 20); /* nobody knows yet */
    assert_accepted(invoke("Cancel", cancel_in("v2")));
    find_out_who_it_is();
    as_patient();
    r = invoke("Hold", hold_in("v3", PID_A, "d3", AT("09:20"), 20));
    assert_refused(r, 409, "CONFLICT");
    assert_has(r.message, "slot " AT("09:20") ": the patient is busy");
    hold("v3", PID_A, "d3", AT("09:40"), 20);
    as_admin();
    put_in("{\"id\":\"v4\",\"pid\":\"" PID_A "\",\"uid\":\"d1\",\"start\":\"" NINE
           "\",\"minutes\":15,\"reasonCode\":\"other\",\"salt\":\"" SALT1 "\"}");
    assert_refused(fcc_test_submit(world, "appointments", "BookOverride", FCC_END), 409, "CONFLICT");
    as_desk();
    assert_refused(invoke("Reschedule", move_in("v1", AT("09:30"))), 409, "CONFLICT");
    assert_accepted(invoke("Cancel", cancel_in("v1")));
    as_patient();
    hold("v5", PID_A, "d3", NINE, 20);
}

static void a_hold_under_a_provisional_pid_is_not_booked_beside_another_visit(void **state)
{
    as_desk();
    hold("v1", PID_UNKNOWN, "d1", NINE, 30);
    hold("v2", PID_UNKNOWN, "d1", AT("10:00"), 30);
    as_patient();
    book("v3", PID_A, "d3", NINE, 20);
    find_out_who_it_is();
    as_desk();
    assert_refused(invoke("Book", id_in("v1")), 409, "CONFLICT");
    assert_accepted(invoke("Book", id_in("v2")));
}

static void a_doctor_without_a_licence_has_no_patients(void **state)
{
    as_desk();
    assert_accepted(invoke("PublishDay", publish_in("d4", NINE_O_CLOCK, 2, 15, 0)));
    assert_accepted(invoke("PublishDay", publish_in("d8", NINE_O_CLOCK, 2, 15, 0)));
    as_patient();
    assert_refused(invoke("Hold", hold_in("v1", PID_A, "d4", NINE, 15)), 403, "DENIED:licence");
    assert_refused(invoke("Hold", hold_in("v1", PID_A, "d8", NINE, 15)), 403, "DENIED:licence");
    hold("v1", PID_A, "d1", NINE, 15);
    as_world_admin("RegulatorMSP", "admk", K1, "26");
    assert_accepted(fcc_test_submit(world, "credentials", "SetStatus", "licences", "0", "1", FCC_END));
    as_patient();
    assert_refused(invoke("Book", id_in("v1")), 403, "DENIED:licence");
    as_world_admin("RegulatorMSP", "admk", K1, "26");
    assert_accepted(fcc_test_submit(world, "credentials", "SetStatus", "licences", "0", "0", FCC_END));
    as_patient();
    assert_accepted(invoke("Book", id_in("v1")));
}

static void a_doctor_who_is_suspended_has_no_patients(void **state)
{
    hold("v1", PID_A, "d1", NINE, 15);
    as_hospitals_admin();
    assert_accepted(fcc_test_submit(world, "credentials", "SuspendPractitioner", "d1", H1, FCC_END));
    as_patient();
    assert_refused(invoke("Book", id_in("v1")), 412, "PRECONDITION");
    assert_refused(invoke("Hold", hold_in("v2", PID_A, "d1", AT("10:00"), 15)), 412, "PRECONDITION");
}

static void a_hold_lives_ten_minutes(void **state)
{
    hold("v1", PID_A, "d1", NINE, 15);
    hold("v2", PID_A, "d1", AT("09:30"), 15);
    fcc_test_set_time(world, NOW + 600);
    assert_accepted(invoke("Book", id_in("v1")));
    fcc_test_set_time(world, NOW + 601);
    assert_refused(invoke("Book", id_in("v2")), 410, "GONE");
    /* its owner has it anew at once, others W later */
    as_other_patient();
    assert_refused(invoke("Hold", hold_in("v3", PID_B, "d1", AT("09:30"), 15)), 409, "CONFLICT");
    as_patient();
    hold("v4", PID_A, "d1", AT("09:30"), 15);
    assert_has(visit("v2"), "\"status\":\"cancelled\"");
    assert_has(visit("v2"), "\"reasonCode\":\"expired\"");
    assert_has(act("v2"), "\"status\":\"cancelled\",\"v\":2");
    assert_refused(invoke("Book", id_in("v2")), 410, "GONE");
    assert_accepted(invoke("Book", id_in("v4")));
}

static void an_expired_hold_is_displaced(void **state)
{
    hold("v1", PID_A, "d1", NINE, 60);
    as_other_patient();
    fcc_test_set_time(world, NOW + 720);
    assert_refused(invoke("Hold", hold_in("v2", PID_B, "d1", AT("09:15"), 15)), 409, "CONFLICT");
    fcc_test_set_time(world, NOW + 721);
    hold("v2", PID_B, "d1", AT("09:15"), 15);
    assert_has(visit("v1"), "\"status\":\"cancelled\"");
    assert_has_not(visit("v1"), SALT1); /* two private values of one call have two salts */
    assert_null(held("appointments", "subject", "~PCELL~" PID_A "~0005892012~"));
    assert_null(held("appointments", "subject", "~PCELL~" PID_A "~0005892023~"));
    as_patient();
    hold("v3", PID_A, "d1", NINE, 15);
    hold("v4", PID_A, "d1", AT("09:30"), 15);
    assert_refused(invoke("Hold", hold_in("v5", PID_A, "d1", AT("09:15"), 15)), 409, "CONFLICT");
}

static void an_expired_hold_elsewhere_frees_the_patient(void **state)
{
    hold("v1", PID_A, "d1", NINE, 60);
    fcc_test_set_time(world, NOW + 601);
    hold("v2", PID_A, "d3", NINE, 20);
    assert_has(visit("v1"), "\"status\":\"cancelled\"");
    as_other_patient();
    hold("v3", PID_B, "d1", NINE, 15);
}

static void cancelling_gives_the_slots_back(void **state)
{
    fcc_test_result r;

    book("v1", PID_A, "d1", NINE, 30);
    as_other_patient();
    assert_refused(invoke("Cancel", cancel_in("v1")), 403, "DENIED:not_owner");
    as_clinic_desk();
    assert_refused(invoke("Cancel", cancel_in("v1")), 403, "DENIED:not_site");
    as("HospitalMSP", "doctor", "d7", H1, "07");
    assert_refused(invoke("Cancel", cancel_in("v1")), 403, "DENIED:not_author");
    as_patient();
    assert_refused(invoke("Cancel", cancel_in("v9")), 404, "NOT_FOUND");
    assert_refused(invoke("Cancel", "{\"id\":\"v1\",\"reasonCode\":\"why not\",\"salt\":\"" SALT1 "\"}"), 400,
                   "BAD_INPUT");
    r = invoke("Cancel", cancel_in("v1"));
    assert_accepted(r);
    assert_string_equal(r.event, "Cancelled");
    assert_has(visit("v1"), "\"status\":\"cancelled\"");
    assert_refused(invoke("Cancel", cancel_in("v1")), 409, "ALREADY");
    assert_refused(invoke("Book", id_in("v1")), 410, "GONE");
    assert_refused(invoke("Reschedule", move_in("v1", AT("10:00"))), 410, "GONE");
    assert_refused(invoke("Hold", hold_in("v1", PID_A, "d1", NINE, 15)), 409, "ALREADY");
    as_other_patient();
    book("v2", PID_B, "d1", NINE, 15);
    as_patient();
    book("v3", PID_A, "d1", AT("09:15"), 15);
    as_doctor();
    assert_accepted(invoke("Cancel", cancel_in("v2")));
    as_desk();
    assert_accepted(invoke("Cancel", cancel_in("v3")));
}

static void a_patient_has_so_many_in_a_day(void **state)
{
    static const char *const caps = "{\"uid\":\"d1\",\"caps\":{\"perDay\":2,\"urgentPerDay\":1},\"salt\":\"" SALT1
                                    "\"}";

    as_admin();
    assert_accepted(invoke("SetLimits", caps));
    as_patient();
    hold("v1", PID_A, "d1", NINE, 15);
    assert_accepted(invoke("Hold", urgent_in("v2", PID_A, "d1", AT("09:15"), 15)));
    assert_refused(invoke("Hold", hold_in("v3", PID_A, "d1", AT("09:30"), 15)), 429, "LIMIT");
    assert_accepted(invoke("Cancel", cancel_in("v1")));
    assert_refused(invoke("Hold", urgent_in("v3", PID_A, "d1", AT("09:30"), 15)), 429, "LIMIT");
    hold("v3", PID_A, "d1", AT("09:30"), 15);
    assert_refused(invoke("Hold", hold_in("v4", PID_A, "d1", AT("09:45"), 15)), 429, "LIMIT");
    /* holds whose time is over do not count */
    fcc_test_set_time(world, NOW + 601);
    hold("v4", PID_A, "d1", AT("09:45"), 15);
    assert_accepted(invoke("Hold", urgent_in("v5", PID_A, "d1", AT("10:00"), 15)));
    assert_refused(invoke("Hold", hold_in("v6", PID_A, "d1", AT("10:15"), 15)), 429, "LIMIT");
    as_other_patient();
    hold("v6", PID_B, "d1", AT("10:15"), 15);
}

static void without_limits_four_and_one_of_them_urgent(void **state)
{
    hold("v1", PID_A, "d1", NINE, 15);
    assert_accepted(invoke("Hold", urgent_in("v2", PID_A, "d1", AT("09:15"), 15)));
    assert_refused(invoke("Hold", urgent_in("v3", PID_A, "d1", AT("09:30"), 15)), 429, "LIMIT");
    hold("v3", PID_A, "d1", AT("09:30"), 15);
    hold("v4", PID_A, "d3", AT("10:00"), 20);
    assert_refused(invoke("Hold", hold_in("v5", PID_A, "d3", AT("10:20"), 20)), 429, "LIMIT");
}

static void nothing_goes_before_setup(void **state)
{
    health_start(NULL);
    health_install("appointments", &appointments_chaincode);
    as_patient();
    assert_refused(invoke("Hold", hold_in("v1", PID_A, "d1", NINE, 15)), 412, "PRECONDITION");
    as_admin();
    assert_refused(invoke("PublishDay", publish_in("d1", NINE_O_CLOCK, 2, 15, 0)), 412, "PRECONDITION");
    assert_refused(invoke("Setup", "{\"salt\":\"5a\"}"), 400, "BAD_INPUT");
    assert_accepted(invoke("Setup", "{\"salt\":\"" FP("5a") "\"}"));
    assert_refused(invoke("Setup", "{\"salt\":\"" FP("5b") "\"}"), 409, "ALREADY");
    as_desk();
    assert_refused(invoke("Setup", "{\"salt\":\"" FP("5b") "\"}"), 403, "DENIED:role");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_days, health_stop)
    const struct CMUnitTest tests[] = {
        TEST(a_patient_holds_and_books),
        TEST(a_taken_slot_is_named_and_whose_it_is),
        TEST(of_two_in_one_block_one_wins),
        TEST(only_published_units_are_held),
        TEST(owners_and_the_sites_desk_hold),
        TEST(a_linked_pid_is_the_other_one),
        TEST(what_was_booked_under_a_provisional_pid_stands_in_the_way),
        TEST(a_hold_under_a_provisional_pid_is_not_booked_beside_another_visit),
        TEST(a_doctor_without_a_licence_has_no_patients),
        TEST(a_doctor_who_is_suspended_has_no_patients),
        TEST(a_hold_lives_ten_minutes),
        TEST(an_expired_hold_is_displaced),
        TEST(an_expired_hold_elsewhere_frees_the_patient),
        TEST(cancelling_gives_the_slots_back),
        TEST(a_patient_has_so_many_in_a_day),
        TEST(without_limits_four_and_one_of_them_urgent),
        TEST(nothing_goes_before_setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
