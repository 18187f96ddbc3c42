/* A prescription's way from the doctor to the patient: issued, accepted with its code, dispensed in parts and windows. */
#include "test/unit/chaincode/prescriptions/pharmacy.h"

/* ---- Issue ---- */

static void a_doctor_prescribes_in_an_open_encounter(void **state)
{
    fcc_test_result r = invoke("Issue", ISSUE("r1"));

    assert_accepted(r);
    assert_string_equal(r.payload, "{\"id\":\"r1\",\"v\":1}");
    assert_string_equal(r.event, "RxIssued");
    assert_string_equal(r.event_payload, "{\"id\":\"r1\"}");
    assert_has(rx_value("r1"), "\"status\":\"active\"");
    assert_has(rx_value("r1"), "\"auth\":60");
    assert_has(rx_value("r1"), "\"done\":0");
    assert_has(rx_value("r1"), "\"regions\":[\"DE\"]");
    assert_string_equal(rx_value("r1"), held("prescriptions", "rx", "~RXV~r1~000001~"));
    assert_string_equal(rx_value("r1"), held_at("PharmacyMSP", "prescriptions", "rx", "~RX~r1~"));
    assert_has(act_value("r1"), "\"docType\":\"prescription\",\"id\":\"r1\",\"status\":\"active\",\"v\":1");
    assert_non_null(held("prescriptions", "rx", "~RXP~" PID_A "~8232774399~r1~"));
    assert_false(fcc_test_public_has(world, PID_A));
    assert_false(fcc_test_public_has(world, "01234567"));
    assert_refused(invoke("Issue", ISSUE("r1")), 409, "ALREADY");
}

static void nobody_prescribes_without_licence_encounter_or_for_oneself(void **state)
{
    assert_refused(invoke("Issue", ISSUE_OF("r1", PID_A, "e9", ITEM, "")), 404, "NOT_FOUND");
    assert_refused(invoke("Issue", ISSUE_OF("r1", PID_B, "e1", ITEM, "")), 403, "DENIED:not_author");
    assert_refused(invoke("Issue", ISSUE_OF("r1", PID_DEAD, "e1", ITEM, "")), 412, "PRECONDITION");
    assert_refused(invoke("Issue", ISSUE_OF("r1", PID_NOBODY, "e1", ITEM, "")), 404, "NOT_FOUND");
    as("HospitalMSP", "doctor", "d7", H1, "07");
    assert_refused(invoke("Issue", ISSUE("r1")), 403, "DENIED:not_author");
    as("HospitalMSP", "doctor", "d8", H1, "08");
    assert_refused(invoke("Issue", ISSUE("r1")), 403, "DENIED:licence");
    as("ClinicMSP", "doctor", "d9", C1, "09"); /* who is PID_B */
    start_encounter("e2", PID_B);
    assert_refused(invoke("Issue", ISSUE_OF("r1", PID_B, "e2", ITEM, "")), 403, "DENIED:self");
    as_pharmacist();
    assert_refused(invoke("Issue", ISSUE("r1")), 403, "DENIED:role");
    as("PharmacyMSP", "doctor", "d1", H1, "01");
    assert_refused(invoke("Issue", ISSUE("r1")), 401, "NO_ROLE");
    as_doctor();
    put_in("{\"salt\":\"" SALT2 "\"}");
    assert_accepted(fcc_test_submit(world, "ehr", "CloseEncounter", "e1", FCC_END));
    assert_refused(invoke("Issue", ISSUE("r1")), 412, "PRECONDITION");
}

/* ---- Accept ---- */

static void a_pharmacy_accepts_with_the_code_and_no_other_one_then(void **state)
{
    fcc_test_result r;

    assert_accepted(invoke("Issue", ISSUE_OF("r1", PID_A, "e1", ITEM, ",\"regions\":[\"DE\"]")));
    as_pharmacist();
    assert_refused(invoke_id("Accept", "r9", ACCEPT), 404, "NOT_FOUND");
    assert_refused(invoke_id("Accept", "r1", NO_CODE), 403, "DENIED:code");
    assert_refused(invoke_id("Accept", "r1", "{\"code\":\"0123\",\"salt\":\"" SALT2 "\"}"), 403, "DENIED:code");
    r = invoke_id("Accept", "r1", ACCEPT);
    assert_accepted(r);
    assert_string_equal(r.event, "RxAccepted");
    assert_has(rx_value("r1"), "\"lock\":\"" P1 "\"");
    assert_has(rx_value("r1"), "\"status\":\"accepted\"");
    assert_refused(invoke_id("Accept", "r1", ACCEPT), 409, "ALREADY");
    as_other_pharmacist();
    assert_refused(invoke_id("Accept", "r1", NO_CODE), 403, "DENIED:code");
    assert_refused(invoke_id("Accept", "r1", ACCEPT), 409, "CONFLICT");
}

/* ---- Dispense ---- */

static void packs_are_dispensed_in_parts_until_the_window_is_used(void **state)
{
    fcc_test_result r;

    issue_and_accept();
    r = invoke_id("Dispense", "r1", TAKE_ONE("1", "a1"));
    assert_accepted(r);
    assert_string_equal(r.event, "RxDispensed");
    assert_has(rx_value("r1"), "\"done\":30");
    assert_has(rx_value("r1"), "\"status\":\"partial\"");
    assert_has(rx_value("r1"), "\"lock\":\"" P1 "\"");
    assert_has(held("prescriptions", "rx", "~RXD~r1~0001~"), "\"serial\":\"a1\"");
    assert_has(held("prescriptions", "rx", "~RXD~r1~0001~"), "\"lot\":\"L1\"");
    assert_has(act_value("r1:1"), "\"docType\":\"dispense\",\"id\":\"r1:1\",\"status\":\"dispensed\",\"v\":1");
    assert_refused(invoke_id("Dispense", "r1", TAKE_ONE("1", "a2")), 409, "ALREADY");
    assert_refused(invoke_id("Dispense", "r1", TAKE_ONE("2", "a1")), 410, "GONE");
    assert_accepted(invoke_id("Dispense", "r1", TAKE_ONE("2", "a2")));
    assert_has(rx_value("r1"), "\"done\":0");
    assert_has(rx_value("r1"), "\"used\":1");
    assert_has(rx_value("r1"), "\"notBefore\":\"2026-01-31T00:00:00Z\"");
    assert_refused(invoke_id("Dispense", "r1", TAKE_ONE("3", "a3")), 412, "PRECONDITION");
    fcc_test_set_time(world, NOW + 30 * DAY);
    assert_accepted(invoke_id("Dispense", "r1", TAKE_ONE("3", "a3")));
    assert_false(fcc_test_public_has(world, PID_A));
}

static void no_more_than_what_is_left_and_no_pack_twice(void **state)
{
    issue_and_accept();
    assert_refused(invoke_id("Dispense", "r1", DISPENSE("1", LINE("1", PACK(GTIN_A, "a1", "70")))), 422, "INVARIANT");
    assert_refused(
        invoke_id("Dispense", "r1", DISPENSE("1", LINE("1", PACK(GTIN_A, "a1", "30") "," PACK(GTIN_A, "a1", "30")))),
        422, "INVARIANT");
    assert_refused(invoke_id("Dispense", "r1", DISPENSE("1", LINE("2", PACK(GTIN_A, "a1", "30")))), 404, "NOT_FOUND");
    assert_refused(invoke_id("Dispense", "r1", DISPENSE("1", LINE("1", PACK(GTIN_A, "a1", "0")))), 400, "BAD_INPUT");
    assert_refused(invoke_id("Dispense", "r1", DISPENSE("1", LINE("1", PACK(GTIN_A, "a1", "1.5")))), 400, "BAD_INPUT");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, health_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_doctor_prescribes_in_an_open_encounter),
        CASE(nobody_prescribes_without_licence_encounter_or_for_oneself),
        CASE(a_pharmacy_accepts_with_the_code_and_no_other_one_then),
        CASE(packs_are_dispensed_in_parts_until_the_window_is_used),
        CASE(no_more_than_what_is_left_and_no_pack_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
