/* A prescription's way: issued by a doctor, accepted by one pharmacy at a time, returned, cancelled, expired. */
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
    assert_string_equal(held("prescriptions", "rx", "~RXP~" PID_A "~8232774399~r1~"), "{\"fmt\":1}");
    assert_false(fcc_test_public_has(world, PID_A));
    assert_false(fcc_test_public_has(world, "387207008\",\"n\""));
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
    as("HospitalMSP", "doctor", "d4", H1, "04"); /* licensed elsewhere */
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

/* No registrar has said who d4 is, who has a licence here now. */
static void who_was_never_linked_to_a_person_does_not_prescribe(void **state)
{
    as_world_admin("RegulatorMSP", "admk", K1, "26");
    assert_accepted(fcc_test_submit(world, "credentials", "IssueCredential", "urn:licence:here", FP("0c"),
                                    "MedicalLicence", "d4", "licences", "900", "2020-01-01T00:00:00Z",
                                    "2099-12-31T23:59:59Z", "[\"DE\"]", FCC_END));
    as("HospitalMSP", "doctor", "d4", H1, "04");
    start_encounter("e4", PID_A);
    assert_refused(invoke("Issue", ISSUE_OF("r1", PID_A, "e4", ITEM, "")), 412, "PRECONDITION");
}

static void malformed_prescriptions_are_refused(void **state)
{
    static const char *const items[] = {
        "", /* none */
        ITEM_OF("\"auth\":0"),
        ITEM_OF("\"auth\":-1"),
        ITEM_OF("\"auth\":1.5"),
        ITEM_OF("\"auth\":\"60\""),
        ITEM_OF("\"auth\":1000001"),
        ITEM_OF("\"auth\":60,\"repeats\":1"), /* how far apart? */
        ITEM_OF("\"auth\":60,\"interval\":0"),
        ITEM_OF("\"auth\":60,\"colour\":\"red\""),
        ITEM_OF("\"auth\":60,\"substitution\":\"maybe\""),
        ITEM_OF("\"auth\":60,\"done\":60"),
        "{" DRUG ",\"dose\":\"1\",\"auth\":60,\"substitution\":\"allowed\"}", /* by what? */
        "{" DRUG ",\"dose\":\" \",\"auth\":60}",
        "{\"dose\":\"1\",\"auth\":60}",
        "{\"drug\":{\"system\":\"http://fhir.de/CodeSystem/ifa/pzn\",\"code\":\"1234567\"},\"dose\":\"1\",\"auth\":60}",
        "{\"drug\":{\"system\":\"http://fhir.de/CodeSystem/ifa/pzn\",\"code\":\"123456789\"},\"dose\":\"1\","
        "\"auth\":60}",
        "{\"drug\":{\"system\":\"http://snomed.info/sct\",\"code\":\"38720700x\"},\"dose\":\"1\",\"auth\":60}",
        "{\"drug\":{\"system\":\"no uri\",\"code\":\"1\"},\"dose\":\"1\",\"auth\":60}",
    };
    char in[2000];

    for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
        snprintf(in, sizeof(in),
                 "{\"rxId\":\"r1\",\"pid\":\"" PID_A "\",\"encId\":\"e1\",\"items\":[%s],\"codeHash\":\"" FP(
                     "0a") "\",\"codeSalt\":\"" CODE_SALT "\",\"validUntil\":\"" UNTIL "\",\"salt\":\"" SALT1 "\"}",
                 items[i]);
        put_in(in);
        assert_refused(fcc_test_submit(world, "prescriptions", "Issue", FCC_END), 400, "BAD_INPUT");
    }
    assert_refused(invoke("Issue", ISSUE_OF("r:1", PID_A, "e1", ITEM, "")), 400, "BAD_INPUT");
    assert_refused(invoke("Issue", ISSUE_OF("r1", PID_A, "e1", ITEM, ",\"regions\":[\"Berlin\"]")), 400, "BAD_INPUT");
    assert_refused(invoke("Issue", ISSUE_OF("r1", PID_A, "e1", ITEM, ",\"nominee\":\"" P1 "\"")), 400, "BAD_INPUT");
    fcc_test_set_time(world, UNTIL_EPOCH);
    assert_refused(invoke("Issue", ISSUE("r1")), 400, "BAD_INPUT");
    put_in(NULL);
    assert_refused(fcc_test_submit(world, "prescriptions", "Issue", "{\"name\":\"A\"}", FCC_END), 400, "PHI_IN_ARGS");
    lib_set_clock(NULL);
    assert_refused(invoke("Issue", ISSUE("r1")), 400, "TIME_WINDOW");
    lib_set_clock(health_now);
}

/* ---- Accept ---- */

static void a_pharmacy_accepts_with_the_code_and_no_other_one_then(void **state)
{
    fcc_test_result r;

    issue();
    as_pharmacist();
    assert_refused(invoke_id("Accept", "r9", ACCEPT), 404, "NOT_FOUND");
    assert_refused(invoke_id("Accept", "r1", NO_CODE), 403, "DENIED:code");
    assert_refused(invoke_id("Accept", "r1", "{\"code\":\"0123\",\"salt\":\"" SALT2 "\"}"), 403, "DENIED:code");
    r = invoke_id("Accept", "r1", ACCEPT);
    assert_accepted(r);
    assert_string_equal(r.event, "RxAccepted");
    assert_has(rx_value("r1"), "\"lock\":\"" P1 "\"");
    assert_has(rx_value("r1"), "\"status\":\"accepted\"");
    assert_has(rx_value("r1"), "\"last\":{\"act\":\"Accept\",\"at\":\"2026-01-01T00:00:00Z\",\"by\":\"ph1\"");
    assert_has(act_value("r1"), "\"status\":\"accepted\",\"v\":2");
    assert_refused(invoke_id("Accept", "r1", ACCEPT), 409, "ALREADY");
    as_other_pharmacist();
    assert_refused(invoke_id("Accept", "r1", NO_CODE), 403, "DENIED:code");
    assert_refused(invoke_id("Accept", "r1", ACCEPT), 409, "CONFLICT");
}

static void two_pharmacies_after_one_prescription_in_one_block_are_one(void **state)
{
    fcc_test_block block;

    issue();
    as_pharmacist();
    assert_accepted(endorse_id("Accept", "r1", ACCEPT));
    as_other_pharmacist();
    assert_accepted(endorse_id("Accept", "r1", ACCEPT));
    block = fcc_test_commit(world);
    assert_int_equal(block.count, 2);
    assert_int_equal(block.tx[0].code, FCC_TEST_VALID);
    assert_int_equal(block.tx[1].code, FCC_TEST_MVCC_READ_CONFLICT);
    assert_has(rx_value("r1"), "\"lock\":\"" P1 "\"");
    assert_refused(invoke_id("Accept", "r1", ACCEPT), 409, "CONFLICT");
}

static void a_prescription_is_dispensed_in_its_regions(void **state)
{
    assert_accepted(invoke("Issue", ISSUE_OF("r1", PID_A, "e1", ITEM, ",\"regions\":[\"DE-BB\"]")));
    as_pharmacist();
    assert_refused(invoke_id("Accept", "r1", ACCEPT), 422, "REGION");
    as_other_pharmacist();
    assert_accepted(invoke_id("Accept", "r1", ACCEPT));
}

/* ---- Nominate ---- */

static void the_nominated_pharmacy_needs_no_code(void **state)
{
    as_other_patient();
    assert_refused(invoke("Nominate", NOMINATE(PID_A, P1)), 403, "DENIED:not_owner");
    as_patient();
    assert_refused(invoke("Nominate", NOMINATE(PID_A, H1)), 404, "NOT_FOUND");
    assert_refused(invoke("Nominate", NOMINATE(PID_A, "4000000000112")), 404, "NOT_FOUND");
    assert_refused(invoke("Nominate", NO_NOMINEE(PID_A)), 409, "ALREADY");
    assert_accepted(invoke("Nominate", NOMINATE(PID_A, P1)));
    assert_refused(invoke("Nominate", NOMINATE(PID_A, P1)), 409, "ALREADY");
    assert_has(held("prescriptions", "rx", "~NOM~" PID_A "~"), "\"gln\":\"" P1 "\"");
    issue();
    assert_has(rx_value("r1"), "\"nominee\":\"" P1 "\"");
    assert_string_equal(held("prescriptions", "rx", "~RXQ~" P1 "~r1~"), "{\"fmt\":1}");
    as_patient();
    assert_accepted(invoke("Nominate", NO_NOMINEE(PID_A)));
    as_other_pharmacist();
    assert_refused(query_id("Queue", P1, NULL), 403, "DENIED:not_site");
    assert_refused(invoke_id("Accept", "r1", NO_CODE), 403, "DENIED:code");
    as_pharmacist();
    assert_string_equal(query_id("Queue", P1, NULL).payload,
                        "{\"queue\":[{\"issued\":\"2026-01-01T00:00:00Z\",\"rxId\":\"r1\",\"status\":\"active\","
                        "\"validUntil\":\"" UNTIL "\"}]}");
    assert_accepted(invoke_id("Accept", "r1", NO_CODE));
    assert_has(query_id("Queue", P1, NULL).payload, "\"status\":\"accepted\"");
    assert_accepted(invoke_id("Reject", "r1", BECAUSE("suspected_forgery")));
    assert_null(held("prescriptions", "rx", "~RXQ~" P1 "~r1~"));
    assert_string_equal(query_id("Queue", P1, NULL).payload, "{\"queue\":[]}");
}

/* ---- Return, Reject ---- */

static void a_pharmacy_gives_a_prescription_back(void **state)
{
    fcc_test_result r;

    issue();
    as_pharmacist();
    assert_refused(invoke_id("Return", "r1", BECAUSE("patient_request")), 403, "DENIED:not_lock");
    assert_refused(invoke_id("Reject", "r1", BECAUSE("unclear")), 403, "DENIED:not_lock");
    assert_accepted(invoke_id("Accept", "r1", ACCEPT));
    assert_refused(invoke_id("Return", "r1", BECAUSE("because")), 400, "BAD_INPUT");
    as_other_pharmacist();
    assert_refused(invoke_id("Return", "r1", BECAUSE("patient_request")), 409, "CONFLICT");
    as_pharmacist();
    r = invoke_id("Return", "r1", BECAUSE("patient_request"));
    assert_accepted(r);
    assert_string_equal(r.event, "RxReturned");
    assert_has(rx_value("r1"), "\"status\":\"active\"");
    assert_has_not(rx_value("r1"), "\"lock\"");
    as_other_pharmacist();
    assert_accepted(invoke_id("Accept", "r1", ACCEPT));
    r = invoke_id("Reject", "r1", BECAUSE("suspected_forgery"));
    assert_accepted(r);
    assert_string_equal(r.event, "RxCancelled");
    assert_has(rx_value("r1"), "\"reasonCode\":\"suspected_forgery\"");
    assert_refused(invoke_id("Accept", "r1", ACCEPT), 410, "GONE");
    assert_refused(invoke_id("Return", "r1", BECAUSE("patient_request")), 410, "GONE");
}

/* ---- Cancel, MarkForCancel ---- */

static void issuer_and_owner_cancel_what_no_pharmacy_has(void **state)
{
    fcc_test_result r;

    issue();
    as("HospitalMSP", "doctor", "d7", H1, "07");
    assert_refused(invoke_id("Cancel", "r1", BECAUSE("patient_request")), 403, "DENIED:not_issuer");
    as_other_patient();
    assert_refused(invoke_id("Cancel", "r1", BECAUSE("patient_request")), 403, "DENIED:not_owner");
    as_pharmacist();
    assert_refused(invoke_id("Cancel", "r1", BECAUSE("patient_request")), 403, "DENIED:role");
    as_patient();
    assert_refused(invoke_id("Cancel", "r9", BECAUSE("patient_request")), 404, "NOT_FOUND");
    assert_refused(invoke_id("MarkForCancel", "r1", BECAUSE("patient_request")), 412, "PRECONDITION");
    r = invoke_id("Cancel", "r1", BECAUSE("patient_request"));
    assert_accepted(r);
    assert_string_equal(r.event, "RxCancelled");
    assert_has(rx_value("r1"), "\"status\":\"cancelled\"");
    assert_refused(invoke_id("Cancel", "r1", BECAUSE("patient_request")), 410, "GONE");
    as_pharmacist();
    assert_refused(invoke_id("Accept", "r1", ACCEPT), 410, "GONE");
    as_doctor();
    assert_accepted(invoke("Issue", ISSUE("r2")));
    assert_accepted(invoke_id("Cancel", "r2", BECAUSE("prescribing_error")));
}

static void what_a_pharmacy_has_is_marked_and_cancelled_on_return(void **state)
{
    fcc_test_result r;

    issue_and_accept();
    as_patient();
    assert_refused(invoke_id("Cancel", "r1", BECAUSE("patient_request")), 409, "CONFLICT");
    as_doctor();
    assert_refused(invoke_id("Cancel", "r1", BECAUSE("prescribing_error")), 409, "CONFLICT");
    r = invoke_id("MarkForCancel", "r1", BECAUSE("prescribing_error"));
    assert_accepted(r);
    assert_string_equal(r.event, "RxMarked");
    assert_has(rx_value("r1"), "\"marked\":true");
    assert_has(act_value("r1"), "\"status\":\"accepted\"");
    as_patient();
    assert_refused(invoke_id("MarkForCancel", "r1", BECAUSE("patient_request")), 409, "ALREADY");
    as_pharmacist();
    assert_accepted(invoke_id("Dispense", "r1", TAKE_ONE("1", "a1"))); /* it has the drugs in its hand */
    r = invoke_id("Return", "r1", BECAUSE("not_collected"));
    assert_accepted(r);
    assert_string_equal(r.event, "RxCancelled");
    assert_has(rx_value("r1"), "\"status\":\"cancelled\"");
    assert_accepted(invoke_id("ReverseDispense", "r1", REVERSE("1"))); /* and they go back to the shelf */
    assert_has(rx_value("r1"), "\"status\":\"cancelled\"");
    assert_has(shelf_pack(GTIN_A, "a1"), "\"state\":\"received\"");
}

/* A guardian for prescriptions acts as the owner does; a guardian for something else would not. */
static void a_guardian_acts_for_a_ward(void **state)
{
    start_encounter("e3", PID_M);
    assert_accepted(invoke("Issue", ISSUE_OF("r3", PID_M, "e3", ITEM, "")));
    as("HospitalMSP", "patient", NULL, NULL, "9a");
    assert_accepted(invoke("Nominate", NOMINATE(PID_M, P2)));
    assert_has(query("ListPrescriptions", OF(PID_M)).payload, "\"rxId\":\"r3\"");
    assert_has(query("GetRx", "{\"rxId\":\"r3\"}").payload, "\"pid\":\"" PID_M "\"");
    assert_accepted(invoke_id("Cancel", "r3", BECAUSE("not_needed")));
    as_patient();
    assert_refused(query("ListPrescriptions", OF(PID_M)), 403, "DENIED:not_owner");
}

/* ---- Expire ---- */

static void a_prescription_expires(void **state)
{
    fcc_test_result r;

    issue();
    fcc_test_set_time(world, UNTIL_EPOCH);
    as_pharmacist();
    assert_accepted(invoke_id("Accept", "r1", ACCEPT)); /* the last second counts */
    assert_refused(invoke_id("Expire", "r1", NO_CODE), 412, "PRECONDITION");
    fcc_test_set_time(world, UNTIL_EPOCH + 1);
    assert_refused(invoke_id("Dispense", "r1", TAKE_ONE("1", "a1")), 410, "GONE");
    fcc_test_set_time(world, UNTIL_EPOCH + 120);
    assert_refused(invoke_id("Expire", "r1", NO_CODE), 412, "PRECONDITION");
    fcc_test_set_time(world, UNTIL_EPOCH + 121);
    as_auditor();
    assert_refused(invoke_id("Expire", "r1", NO_CODE), 403, "DENIED:role");
    as("HospitalMSP", "nurse", "n1", H1, "11");
    r = invoke_id("Expire", "r1", NO_CODE);
    assert_accepted(r);
    assert_string_equal(r.event, "RxExpired");
    assert_has(rx_value("r1"), "\"status\":\"expired\"");
    assert_has_not(rx_value("r1"), "\"lock\"");
    assert_refused(invoke_id("Expire", "r1", NO_CODE), 410, "GONE");
}

static void nothing_is_accepted_for_who_has_died_and_the_issuer_tidies_up(void **state)
{
    issue();
    as("HospitalMSP", "registrar", "reg1", H1, "12");
    put_in("{\"pid\":\"" PID_A "\",\"date\":\"2026-01-01T00:00:00Z\",\"evidenceHash\":\"" FP("0e") "\"}");
    assert_accepted(fcc_test_submit(world, "credentials", "Decease", FCC_END));
    as_pharmacist();
    assert_refused(invoke_id("Accept", "r1", ACCEPT), 412, "PRECONDITION");
    as_patient(); /* somebody has the key */
    assert_refused(invoke_id("Cancel", "r1", BECAUSE("not_needed")), 412, "PRECONDITION");
    assert_refused(invoke("Nominate", NOMINATE(PID_A, P1)), 412, "PRECONDITION");
    as_doctor();
    assert_accepted(invoke_id("Cancel", "r1", BECAUSE("death")));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, health_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_doctor_prescribes_in_an_open_encounter),
        CASE(nobody_prescribes_without_licence_encounter_or_for_oneself),
        CASE(who_was_never_linked_to_a_person_does_not_prescribe),
        CASE(malformed_prescriptions_are_refused),
        CASE(a_pharmacy_accepts_with_the_code_and_no_other_one_then),
        CASE(two_pharmacies_after_one_prescription_in_one_block_are_one),
        CASE(a_prescription_is_dispensed_in_its_regions),
        CASE(the_nominated_pharmacy_needs_no_code),
        CASE(a_pharmacy_gives_a_prescription_back),
        CASE(issuer_and_owner_cancel_what_no_pharmacy_has),
        CASE(what_a_pharmacy_has_is_marked_and_cancelled_on_return),
        CASE(a_guardian_acts_for_a_ward),
        CASE(a_prescription_expires),
        CASE(nothing_is_accepted_for_who_has_died_and_the_issuer_tidies_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
