/*
 * State that the chaincode's first version wrote is read and continued. first_light.tsv has it: each line is a
 * collection ("-" is public state), a key with ~ for U+0000 and a value, in the order in which they were written by
 * Setup, StartEncounter e1, AddRecords r1 r2, StartEncounter e2, CloseEncounter e2, ImportRecords r3 and RequestAccess
 * q1 (denied) and q2 (allowed) of the version at commit 1c4318d, on the channel and with the ids of
 * test/support/health.h at NOW: every "put" of a call's trace, and the value that was then held.
 */
#include "test/support/state.h"
#include "test/unit/chaincode/ehr/chart.h"

static int make_first_light(void **state)
{
    health_start(NULL);
    health_install("consent", &consent_chaincode);
    health_install("ehr", state_with_load(&ehr_chaincode));
    state_load("ehr", "test/unit/chaincode/ehr/first_light.tsv", 33);
    /* the keys and times that used to be in the registry's file */
    as_staff("admin", "adm1", "16");
    assert_accepted(set("SetCustodyKey", FP("cc"), NULL, NULL));
    assert_accepted(set("SetRetention", H1, "general", "10"));
    as_doctor();
    return 0;
}
HEALTH_SETUP(set_up_first_light, make_first_light)

static void the_salt_is_the_one_that_was_set(void **state)
{
    as_staff("admin", "adm1", "16");
    assert_refused(invoke("Setup", "{\"salt\":\"" FP("5b") "\"}"), 409, "ALREADY");
}

static void an_open_encounter_is_continued_and_a_closed_one_stays_closed(void **state)
{
    assert_refused(invoke("StartEncounter", START), 409, "ALREADY");
    assert_accepted(invoke("AddRecords", ADD(RECORD("r4"))));
    assert_refused(invoke("AddRecords", ADD(RECORD("r1"))), 409, "ALREADY");
    assert_accepted(invoke_id("CloseEncounter", "e1", "{\"salt\":\"" SALT2 "\"}"));
    assert_has(held("ehr", "", "~ACT~e1~"), "\"status\":\"closed\",\"v\":2");
    assert_refused(invoke_id("CloseEncounter", "e2", "{\"salt\":\"" SALT2 "\"}"), 409, "ALREADY");
}

static void records_get_their_next_versions(void **state)
{
    char in[2200];

    snprintf(in, sizeof(in), "{\"record\":%s}", held("ehr", "subject", "~REC~" PID_A "~r1~"));
    assert_string_equal(query_id("VerifyCommit", "r1", in).payload, "true");
    assert_accepted(invoke("Supersede", "{\"pid\":\"" PID_A "\",\"prev\":\"r1\",\"record\":" RECORD("r4") "}"));
    assert_has(held("ehr", "", "~ACT~r1~"), "\"status\":\"superseded\",\"v\":2");
    assert_accepted(invoke("Attest", "{\"pid\":\"" PID_A "\",\"recId\":\"r3\",\"salt\":\"" SALT2 "\"}"));
}

static void a_record_is_erased_when_its_time_is_over(void **state)
{
    as_patient();
    assert_has(query("ListRecords", "{\"pid\":\"" PID_A "\"}").payload, "\"recId\":\"r2\"");
    assert_accepted(invoke("RequestErasure", "{\"pid\":\"" PID_A "\",\"recId\":\"r2\",\"salt\":\"" SALT2 "\"}"));
    as_staff("privacy_officer", "po1", "13");
    fcc_test_set_time(world, NOW + (int64_t)3652 * 86400 + 1);
    assert_accepted(invoke("DecideErasure", "{\"pid\":\"" PID_A "\",\"recId\":\"r2\",\"answer\":\"erase\","
                                            "\"basisCode\":\"retention_over\",\"salt\":\"" SALT3 "\"}"));
    assert_null(held("ehr", "subject", "~REC~" PID_A "~r2~"));
    assert_null(held("ehr", "subject", "~RECV~" PID_A "~r2~000001~"));
    assert_null(held("ehr", "_implicit_org_HospitalMSP", "~DEK~r2~"));
}

static void an_allowed_request_still_opens_under_the_grant(void **state)
{
    as_clinic_doctor();
    assert_has(query_id("Decision", "q1", NULL).payload, "\"reason\":\"no_consent\"");
    assert_has(query_id("Decision", "q2", NULL).payload, "\"decision\":\"allow\"");
    assert_refused(query_id("ReadIndex", "q2", NULL), 403, "DENIED:no_consent"); /* consent's state is not loaded */
    grant("u:d3", "lab", SALT1);
    as_clinic_doctor();
    assert_has(query_id("ReadIndex", "q2", NULL).payload, "\"recId\":\"r1\"");
    as_staff("custodian", "cust1", "14");
    assert_accepted(fcc_test_evaluate(world, "ehr", "GetKey", "q2", "r1", FCC_END));
}

static void requests_of_before_and_new_ones_are_in_one_trail(void **state)
{
    grant("u:d3", "lab", SALT1);
    as_clinic_doctor();
    assert_refused(invoke("RequestAccess", ASK("q1")), 409, "ALREADY");
    assert_accepted(invoke("RequestAccess", ASK("q3")));
    as_auditor();
    assert_has(query("AuditTrail", "{\"pid\":\"" PID_A "\"}").payload, "\"auditId\":\"q1\"");
    assert_has(query("AuditTrail", "{\"pid\":\"" PID_A "\"}").payload, "\"auditId\":\"q3\"");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_first_light, health_stop)
    const struct CMUnitTest tests[] = {
        TEST(the_salt_is_the_one_that_was_set),
        TEST(an_open_encounter_is_continued_and_a_closed_one_stays_closed),
        TEST(records_get_their_next_versions),
        TEST(a_record_is_erased_when_its_time_is_over),
        TEST(an_allowed_request_still_opens_under_the_grant),
        TEST(requests_of_before_and_new_ones_are_in_one_trail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
