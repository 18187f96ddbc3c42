/* Erasure: who asks, who decides, on what ground, what is left; holds. */
#include "test/unit/chaincode/ehr/chart.h"

#define ASK_ERASURE(id) "{\"pid\":\"" PID_A "\",\"recId\":\"" id "\",\"salt\":\"" SALT2 "\"}"
#define DECIDE(id, answer, basis)                                                                  \
    "{\"pid\":\"" PID_A "\",\"recId\":\"" id "\",\"answer\":\"" answer "\",\"basisCode\":\"" basis \
    "\",\"salt\":\"" SALT3 "\"}"
#define HOLD(id) "{\"pid\":\"" PID_A "\",\"recId\":\"" id "\",\"basisCode\":\"court_order\"}"

static void as_officer(void)
{
    as_staff("privacy_officer", "po1", "13");
}

static const char *value(const char *id)
{
    static char key[128];

    snprintf(key, sizeof(key), "~REC~" PID_A "~%s~", id);
    return held("ehr", "subject", key);
}

/* r1 of the doctor, o1 supplied by the patient; the erasure of both is asked for. */
static void ask_for_both(void)
{
    start();
    assert_accepted(invoke("AddRecords", ADD(RECORD("r1"))));
    as_patient();
    assert_accepted(invoke("AddOwn", "{\"records\":[" RECORD("o1") "]}"));
    assert_accepted(invoke("RequestErasure", ASK_ERASURE("r1")));
    assert_accepted(invoke("RequestErasure", ASK_ERASURE("o1")));
}

/* ---- asking ---- */

static void the_owner_asks_and_the_record_stays_for_now(void **state)
{
    fcc_test_result r;

    start();
    assert_accepted(invoke("AddRecords", ADD(RECORD("r1"))));
    assert_refused(invoke("RequestErasure", ASK_ERASURE("r1")), 403, "DENIED:role");
    as_other_patient();
    assert_refused(invoke("RequestErasure", ASK_ERASURE("r1")), 403, "DENIED:not_owner");
    as_patient();
    assert_refused(invoke("RequestErasure", ASK_ERASURE("r9")), 404, "NOT_FOUND");
    r = invoke("RequestErasure", ASK_ERASURE("r1"));
    assert_accepted(r);
    assert_string_equal(r.payload, "{\"id\":\"r1\",\"v\":2}");
    assert_has(value("r1"), "\"asked\":\"2026-01-01T00:00:00Z\"");
    assert_has(value("r1"), "\"status\":\"current\"");
    assert_refused(invoke("RequestErasure", ASK_ERASURE("r1")), 409, "ALREADY");
}

static void open_requests_are_listed_with_their_day(void **state)
{
    fcc_test_result r;

    ask_for_both();
    r = query("ErasureState", "{\"pid\":\"" PID_A "\"}");
    assert_accepted(r);
    assert_has(r.payload, "\"asked\":\"2026-01-01T00:00:00Z\",\"due\":\"2026-01-31T00:00:00Z\",\"recId\":\"o1\"");
    assert_has(r.payload, "\"recId\":\"r1\"");
    as_officer();
    assert_has(query("ErasureState", "{\"pid\":\"" PID_A "\"}").payload, "\"recId\":\"r1\"");
    assert_accepted(invoke("DecideErasure", DECIDE("r1", "restrict", "retention_duty")));
    assert_has(query("ErasureState", "{\"pid\":\"" PID_A "\"}").payload,
               "\"basisCode\":\"retention_duty\",\"decided\":\"2026-01-01T00:00:00Z\",\"recId\":\"r1\"");
    as("ClinicMSP", "privacy_officer", "po3", C1, "1c");
    assert_string_equal(query("ErasureState", "{\"pid\":\"" PID_A "\"}").payload, "{\"entries\":[]}");
    as_other_patient();
    assert_refused(query("ErasureState", "{\"pid\":\"" PID_A "\"}"), 403, "DENIED:not_owner");
    as_doctor();
    assert_refused(query("ErasureState", "{\"pid\":\"" PID_A "\"}"), 403, "DENIED:role");
}

static void an_officer_finds_what_is_to_be_answered(void **state)
{
    fcc_test_result r;

    ask_for_both();
    as_officer();
    fcc_test_set_time(world, NOW + 60);
    r = query("ErasureState", "{}");
    assert_accepted(r);
    assert_has(r.payload, "\"due\":\"2026-01-31T00:00:00Z\",\"pid\":\"" PID_A "\",\"recId\":\"o1\"");
    assert_has(r.payload, "\"recId\":\"r1\"");
    assert_accepted(invoke("DecideErasure", DECIDE("o1", "erase", "supplied")));
    assert_accepted(invoke("DecideErasure", DECIDE("r1", "restrict", "retention_duty")));
    assert_string_equal(query("ErasureState", "{}").payload, "{\"entries\":[]}");
    as_patient();
    assert_refused(query("ErasureState", "{}"), 400, "BAD_INPUT");
    assert_accepted(invoke("RequestErasure", ASK_ERASURE("r1")));
    as_officer();
    assert_has(query("ErasureState", "{}").payload, "\"asked\":\"2026-01-01T00:01:00Z\"");
    as("ClinicMSP", "privacy_officer", "po3", C1, "1c");
    assert_string_equal(query("ErasureState", "{}").payload, "{\"entries\":[]}");
    assert_false(fcc_test_public_has(world, PID_A));
}

/* ---- deciding ---- */

static void what_the_patient_supplied_is_erased_everywhere(void **state)
{
    static const char *const msps[] = { "HospitalMSP", "ClinicMSP" };
    char record[2000], in[2200];
    fcc_test_result r;

    ask_for_both();
    snprintf(record, sizeof(record), "%s", value("o1"));
    as_officer();
    r = invoke("DecideErasure", DECIDE("o1", "erase", "supplied"));
    assert_accepted(r);
    assert_string_equal(r.payload, "{\"id\":\"o1\",\"v\":3}");
    assert_string_equal(r.event, "ErasureDecided");
    assert_string_equal(r.event_payload, "{\"id\":\"o1\"}");
    for (size_t i = 0; i < 2; i++) {
        assert_null(held_at(msps[i], "ehr", "subject", "~REC~" PID_A "~o1~"));
        assert_null(held_at(msps[i], "ehr", "subject", "~RECV~" PID_A "~o1~000001~"));
        assert_null(held_at(msps[i], "ehr", "subject", "~RECV~" PID_A "~o1~000002~"));
        assert_null(held_at(msps[i], "ehr", "subject", "~RECP~" PID_A "~8251263999~o1~"));
        assert_null(held_at(msps[i], "ehr", "_implicit_org_HospitalMSP", "~DEK~o1~"));
    }
    /* the act stays, and who kept the record shows what it was */
    assert_has(held("ehr", "", "~ACT~o1~"), "\"status\":\"erased\",\"v\":3");
    snprintf(in, sizeof(in), "{\"record\":%s}", record);
    assert_string_equal(query_id("VerifyCommit", "o1", in).payload, "true");
    assert_has_not(query("ErasureState", "{\"pid\":\"" PID_A "\"}").payload, "\"o1\"");
    as_patient();
    assert_refused(invoke("RequestErasure", ASK_ERASURE("o1")), 410, "GONE");
    assert_refused(invoke("AddOwn", "{\"records\":[" RECORD("o1") "]}"), 409, "ALREADY");
    assert_has_not(query("ListRecords", "{\"pid\":\"" PID_A "\"}").payload, "\"recId\":\"o1\"");
    /* neither index nor key is released any more */
    assert_accepted(invoke("RequestAccess", ASK_FOR("q1", PID_A, "TREAT", "{\"categories\":[\"lab\"]}")));
    assert_refused(query_id("ReadIndex", "q1", "{\"recIds\":[\"o1\"]}"), 410, "GONE");
    assert_has(query_id("ReadIndex", "q1", "{\"recIds\":[\"o1\",\"r1\"]}").payload,
               "\"refused\":[{\"reason\":\"erased\",\"recId\":\"o1\"}]");
    as_staff("custodian", "cust1", "14");
    assert_refused(fcc_test_evaluate(world, "ehr", "GetKey", "q1", "o1", FCC_END), 410, "GONE");
    assert_accepted(fcc_test_evaluate(world, "ehr", "GetKey", "q1", "r1", FCC_END));
}

static void an_allowed_request_ends_with_the_record(void **state)
{
    ask_for_both();
    assert_accepted(invoke("RequestAccess", ASK_FOR("q1", PID_A, "TREAT", "{\"recIds\":[\"o1\"]}")));
    assert_has(query_id("Decision", "q1", NULL).payload, "\"decision\":\"allow\"");
    as_officer();
    assert_accepted(invoke("DecideErasure", DECIDE("o1", "erase", "supplied")));
    as_patient();
    assert_refused(query_id("ReadIndex", "q1", NULL), 410, "GONE");
    assert_accepted(invoke("RequestAccess", ASK_FOR("q2", PID_A, "TREAT", "{\"recIds\":[\"o1\"]}")));
    assert_has(query_id("Decision", "q2", NULL).payload, "\"decision\":\"deny\"");
}

static void what_has_to_be_kept_is_restricted(void **state)
{
    ask_for_both();
    grant("u:d3", "lab", SALT1);
    as_officer();
    assert_refused(invoke("DecideErasure", DECIDE("r1", "erase", "retention_over")), 412, "RETENTION");
    assert_refused(invoke("DecideErasure", DECIDE("r1", "erase", "consent_only")), 412, "RETENTION");
    assert_refused(invoke("DecideErasure", DECIDE("r1", "erase", "supplied")), 412, "RETENTION");
    assert_refused(invoke("DecideErasure", DECIDE("r1", "erase", "error_unused")), 412, "RETENTION");
    assert_refused(invoke("DecideErasure", DECIDE("r1", "erase", "retention_duty")), 400, "BAD_INPUT");
    assert_refused(invoke("DecideErasure", DECIDE("r1", "restrict", "supplied")), 400, "BAD_INPUT");
    assert_refused(invoke("DecideErasure", DECIDE("r1", "maybe", "supplied")), 400, "BAD_INPUT");
    assert_accepted(invoke("DecideErasure", DECIDE("r1", "restrict", "retention_duty")));
    assert_has(value("r1"), "\"status\":\"restricted\"");
    assert_has(held("ehr", "", "~ACT~r1~"), "\"status\":\"restricted\",\"v\":3");
    assert_refused(invoke("DecideErasure", DECIDE("r1", "restrict", "retention_duty")), 409, "ALREADY");
    /* the author can't replace it, nor a granted doctor read it */
    as_doctor();
    assert_refused(invoke("Supersede", "{\"pid\":\"" PID_A "\",\"prev\":\"r1\",\"record\":" RECORD("r2") "}"), 412,
                   "PRECONDITION");
    assert_accepted(invoke("RequestAccess", ASK_FOR("q1", PID_A, "TREAT", "{\"recIds\":[\"r1\"]}")));
    assert_has(query_id("Decision", "q1", NULL).payload, "\"reason\":\"restricted\"");
    as_clinic_doctor();
    assert_accepted(invoke("RequestAccess", ASK_FOR("q2", PID_A, "TREAT", "{\"recIds\":[\"r1\"]}")));
    assert_has(query_id("Decision", "q2", NULL).payload, "\"reason\":\"restricted\"");
    as_officer();
    assert_accepted(invoke("RequestAccess", ASK_FOR("q3", PID_A, "HLEGAL", "{\"recIds\":[\"r1\"]}")));
    assert_has(query_id("Decision", "q3", NULL).payload, "\"decision\":\"allow\"");
    as_patient();
    assert_accepted(invoke("RequestErasure", ASK_ERASURE("r1")));
    assert_has(value("r1"), "\"status\":\"restricted\"");
}

static void a_class_of_no_years_rests_on_consent_alone(void **state)
{
    as_staff("admin", "adm1", "16");
    assert_accepted(set("SetRetention", H1, "general", "0"));
    ask_for_both();
    as_officer();
    assert_refused(invoke("DecideErasure", DECIDE("r1", "erase", "consent_only")), 412, "RETENTION");
    fcc_test_set_time(world, NOW + 60);
    assert_accepted(invoke("DecideErasure", DECIDE("r1", "erase", "consent_only")));
    assert_null(value("r1"));
}

static void after_its_time_a_site_erases_unasked(void **state)
{
    start();
    assert_accepted(invoke("AddRecords", ADD(RECORD("r1"))));
    as_officer();
    assert_refused(invoke("DecideErasure", DECIDE("r1", "erase", "retention_over")), 412, "PRECONDITION");
    assert_refused(invoke("DecideErasure", DECIDE("r1", "restrict", "contested")), 412, "PRECONDITION");
    fcc_test_set_time(world, NOW + (int64_t)3652 * 86400 + 1);
    assert_accepted(invoke("DecideErasure", DECIDE("r1", "erase", "retention_over")));
}

static void what_was_in_error_and_never_used_is_erased(void **state)
{
    ask_for_both();
    as_doctor();
    assert_accepted(invoke("MarkError", ASK_ERASURE("r1")));
    as_officer();
    assert_accepted(invoke("DecideErasure", DECIDE("r1", "erase", "error_unused")));
    assert_null(value("r1"));
}

static void the_officer_of_the_site_decides_and_nobody_else(void **state)
{
    ask_for_both();
    assert_refused(invoke("DecideErasure", DECIDE("o1", "erase", "supplied")), 403, "DENIED:role");
    as_doctor();
    assert_refused(invoke("DecideErasure", DECIDE("o1", "erase", "supplied")), 403, "DENIED:role");
    as("ClinicMSP", "privacy_officer", "po3", C1, "1c");
    assert_refused(invoke("DecideErasure", DECIDE("o1", "erase", "supplied")), 403, "DENIED:not_author");
    assert_refused(invoke("DecideErasure", DECIDE("r1", "restrict", "contested")), 403, "DENIED:not_author");
    as_officer();
    assert_refused(invoke("DecideErasure", DECIDE("r9", "restrict", "contested")), 403, "DENIED:not_author");
}

static void nobody_decides_about_what_they_wrote(void **state)
{
    as_staff("registrar", "po2", "24");
    assert_accepted(invoke("ImportRecords", IMPORT(RECORD("r1"))));
    as_patient();
    assert_accepted(invoke("RequestErasure", ASK_ERASURE("r1")));
    as_staff("privacy_officer", "po2", "24");
    assert_refused(invoke("DecideErasure", DECIDE("r1", "restrict", "contested")), 403, "DENIED:self");
    as_officer();
    assert_accepted(invoke("DecideErasure", DECIDE("r1", "restrict", "contested")));
}

/* ---- holds ---- */

static void a_hold_keeps_what_could_be_erased(void **state)
{
    ask_for_both();
    as_officer();
    assert_refused(invoke("LiftHold", HOLD("o1")), 404, "NOT_FOUND");
    assert_string_equal(invoke("SetHold", HOLD("o1")).payload, "{\"id\":\"o1\",\"v\":1}");
    assert_has(held("ehr", "subject", "~LHOLD~o1~"), "\"status\":\"held\"");
    assert_has(held("ehr", "subject", "~LHOLD~o1~"), "\"mac\":\"");
    assert_refused(invoke("SetHold", HOLD("o1")), 409, "ALREADY");
    assert_refused(invoke("DecideErasure", DECIDE("o1", "erase", "supplied")), 412, "RETENTION");
    assert_accepted(invoke("LiftHold", HOLD("o1")));
    assert_refused(invoke("LiftHold", HOLD("o1")), 409, "ALREADY");
    assert_non_null(held("ehr", "subject", "~LHOLDV~o1~000001~"));
    assert_non_null(held("ehr", "subject", "~LHOLDV~o1~000002~"));
    as("ClinicMSP", "privacy_officer", "po3", C1, "1c");
    assert_refused(invoke("SetHold", HOLD("o1")), 403, "DENIED:not_author");
    as_officer();
    assert_refused(invoke("SetHold", "{\"pid\":\"" PID_A "\",\"recId\":\"o1\",\"basisCode\":\"fun\"}"), 400,
                   "BAD_INPUT");
    assert_accepted(invoke("DecideErasure", DECIDE("o1", "erase", "supplied")));
    assert_false(fcc_test_public_has(world, "court_order"));
}

static void a_hold_in_the_same_block_stops_the_erasure(void **state)
{
    fcc_test_block block;

    ask_for_both();
    as_officer();
    assert_accepted(endorse("ehr", "SetHold", HOLD("o1")));
    assert_accepted(endorse("ehr", "DecideErasure", DECIDE("o1", "erase", "supplied")));
    block = fcc_test_commit(world);
    assert_accepted(block.tx[0]);
    assert_int_equal(block.tx[1].code, FCC_TEST_MVCC_READ_CONFLICT);
    assert_non_null(value("o1"));
    assert_refused(invoke("DecideErasure", DECIDE("o1", "erase", "supplied")), 412, "RETENTION");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, health_stop)
    const struct CMUnitTest tests[] = {
        TEST(the_owner_asks_and_the_record_stays_for_now), TEST(open_requests_are_listed_with_their_day),
        TEST(an_officer_finds_what_is_to_be_answered),     TEST(what_the_patient_supplied_is_erased_everywhere),
        TEST(an_allowed_request_ends_with_the_record),     TEST(what_has_to_be_kept_is_restricted),
        TEST(a_class_of_no_years_rests_on_consent_alone),  TEST(after_its_time_a_site_erases_unasked),
        TEST(what_was_in_error_and_never_used_is_erased),  TEST(the_officer_of_the_site_decides_and_nobody_else),
        TEST(nobody_decides_about_what_they_wrote),        TEST(a_hold_keeps_what_could_be_erased),
        TEST(a_hold_in_the_same_block_stops_the_erasure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
