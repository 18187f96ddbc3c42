/* The chaincode ehr, with consent beside it: every function's good path and its refusals. */
#include "test/unit/chaincode/ehr/chart.h"

/* ---- setup and encounters ---- */

static void setup_is_for_an_admin_of_a_care_organisation_and_once(void **state)
{
    assert_refused(invoke("Setup", "{\"salt\":\"" FP("5a") "\"}"), 403, "DENIED:role");
    as("RegulatorMSP", "admin", "admr", A1, "19");
    assert_refused(invoke("Setup", "{\"salt\":\"" FP("5a") "\"}"), 403, "DENIED:role");
    as_staff("admin", "adm1", "16");
    assert_refused(invoke("Setup", "{\"salt\":\"" FP("5b") "\"}"), 409, "ALREADY");
    assert_refused(invoke("Setup", "{\"salt\":\"5a\"}"), 400, "BAD_INPUT");
    assert_has(held("ehr", "subject", "~SALT~"), FP("5a"));
}

static void an_organisation_has_one_custody_key_at_a_time(void **state)
{
    as("ClinicMSP", "admin", "adm2", C1, "20");
    assert_refused(set("SetCustodyKey", "cc", NULL, NULL), 400, "BAD_INPUT");
    assert_accepted(set("SetCustodyKey", FP("c1"), NULL, NULL));
    assert_string_equal(held("ehr", "", "~CUST~ClinicMSP~"),
                        "{\"fmt\":1,\"msp\":\"ClinicMSP\",\"pub\":\"" FP("c1") "\",\"v\":1}");
    assert_refused(set("SetCustodyKey", FP("c1"), NULL, NULL), 409, "ALREADY");
    assert_accepted(set("SetCustodyKey", FP("c2"), NULL, NULL));
    assert_has(held("ehr", "", "~CUST~ClinicMSP~"), "\"v\":2");
    assert_has(held("ehr", "", "~CUST~HospitalMSP~"), FP("cc"));
    as_doctor();
    assert_refused(set("SetCustodyKey", FP("c3"), NULL, NULL), 403, "DENIED:role");
    as("RegulatorMSP", "admin", "admr", A1, "19");
    assert_refused(set("SetCustodyKey", FP("c3"), NULL, NULL), 403, "DENIED:role");
}

static void a_site_says_how_long_it_keeps_what(void **state)
{
    char of_another_class[] = ADD(RECORD("r3"));
    fcc_test_result r;
    static const char *const bad[] = { "-1", "1001", "ten", "", "010", "1.5", "10 " };

    as_staff("admin", "adm1", "16");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_refused(set("SetRetention", H1, "imaging", bad[i]), 400, "BAD_INPUT");
    assert_refused(set("SetRetention", H1, "a b", "1"), 400, "BAD_INPUT");
    assert_refused(set("SetRetention", "4000000000907", "imaging", "1"), 404, "NOT_FOUND");
    assert_refused(set("SetRetention", C1, "imaging", "1"), 403, "DENIED:role");
    assert_refused(set("SetRetention", H1, "general", "10"), 409, "ALREADY");
    start();
    assert_accepted(invoke("AddRecords", ADD(RECORD("r1"))));
    as_staff("admin", "adm1", "16");
    assert_accepted(set("SetRetention", H1, "general", "5"));
    assert_has(held("ehr", "", "~CLASS~" H1 "~"), "\"classes\":{\"general\":5");
    /* no public read tells which class a record has */
    assert_accepted(set("SetRetention", H1, "imaging", "30"));
    as_doctor();
    memcpy(strstr(of_another_class, "general"), "imaging", 7);
    r = invoke("AddRecords", of_another_class);
    assert_accepted(r);
    assert_null(strstr(r.trace, "imaging"));
    assert_accepted(invoke("AddRecords", ADD(RECORD("r2"))));
    /* what exists keeps its end */
    assert_has(held("ehr", "subject", "~REC~" PID_A "~r1~"), "\"retainUntil\":\"2036-01-01T00:00:00Z\"");
    assert_has(held("ehr", "subject", "~REC~" PID_A "~r2~"), "\"retainUntil\":\"2031-01-01T00:00:00Z\"");
    assert_refused(set("SetRetention", H1, "general", "5"), 403, "DENIED:role");
}

static void an_encounter_is_opened_by_a_licensed_doctor(void **state)
{
    fcc_test_result r = invoke("StartEncounter", START);

    assert_accepted(r);
    assert_string_equal(r.payload, "{\"id\":\"e1\",\"v\":1}");
    assert_string_equal(r.event, "EncounterStarted");
    assert_has(held("ehr", "subject", "~ENC~e1~"), "\"pid\":\"" PID_A "\"");
    assert_non_null(held("ehr", "subject", "~ENCV~e1~000001~"));
    assert_non_null(held("ehr", "subject", "~ENCP~" PID_A "~8232774399~e1~"));
    assert_has(held("ehr", "", "~ACT~e1~"), "\"docType\":\"encounter\",\"id\":\"e1\",\"status\":\"open\",\"v\":1}");
    assert_false(fcc_test_public_has(world, PID_A));

    assert_refused(invoke("StartEncounter", START), 409, "ALREADY");
    as("HospitalMSP", "doctor", "d4", H1, "04");
    assert_refused(invoke("StartEncounter", START), 403, "DENIED:licence");
    as_staff("nurse", "n1", "11");
    assert_refused(invoke("StartEncounter", START), 403, "DENIED:role");
    as("PharmacyMSP", "doctor", "d1", H1, "01");
    assert_refused(invoke("StartEncounter", START), 401, "NO_ROLE");
    as_doctor();
    assert_refused(invoke("StartEncounter", "{\"encId\":\"e2\",\"pid\":\"" PID_NOBODY "\",\"salt\":\"" SALT1 "\"}"),
                   404, "NOT_FOUND");
    assert_refused(invoke("StartEncounter", "{\"encId\":\"e2\",\"pid\":\"" PID_DEAD "\",\"salt\":\"" SALT1 "\"}"), 412,
                   "PRECONDITION");
    assert_refused(invoke("StartEncounter", "{\"encId\":\"e 2\",\"pid\":\"" PID_A "\",\"salt\":\"" SALT1 "\"}"), 400,
                   "BAD_INPUT");
}

static fcc_test_result close_it(const char *id)
{
    put_in("{\"salt\":\"" SALT2 "\"}");
    return fcc_test_submit(world, "ehr", "CloseEncounter", id, FCC_END);
}

static void an_encounter_is_closed_by_its_doctor_and_then_takes_nothing(void **state)
{
    start();
    assert_refused(close_it("e9"), 404, "NOT_FOUND");
    as("HospitalMSP", "doctor", "d7", H1, "07");
    assert_refused(close_it("e1"), 403, "DENIED:not_author");
    as_doctor();
    assert_accepted(close_it("e1"));
    assert_has(held("ehr", "", "~ACT~e1~"), "\"status\":\"closed\",\"v\":2}");
    assert_refused(close_it("e1"), 409, "ALREADY");
    assert_refused(invoke("AddRecords", ADD(RECORD("r1"))), 412, "PRECONDITION");
}

/* ---- records ---- */

static void records_are_added_at_the_encounters_site(void **state)
{
    const char *kept;
    fcc_test_result r;

    start();
    r = invoke("AddRecords", ADD(RECORD("r1") "," RECORD_OF("r2", "general", "R", ",\"enc\":\"e1\"")));
    assert_accepted(r);
    assert_string_equal(r.payload, "{\"count\":2}");
    assert_string_equal(r.event, "RecordsAdded");
    assert_string_equal(r.event_payload, "{\"ids\":[\"r1\",\"r2\"]}");
    kept = held("ehr", "subject", "~REC~" PID_A "~r1~");
    assert_has(kept, "\"author\":\"d1\"");
    assert_has(kept, "\"custody\":\"HospitalMSP\"");
    assert_has(kept, "\"enc\":\"e1\"");
    assert_has(kept, "\"origin\":\"site\"");
    assert_has(kept, "\"retainUntil\":\"2036-01-01T00:00:00Z\"");
    assert_has(kept, "\"status\":\"current\"");
    assert_has_not(kept, "dek");
    assert_string_equal(kept, held("ehr", "subject", "~RECV~" PID_A "~r1~000001~"));
    assert_non_null(held("ehr", "subject", "~RECP~" PID_A "~8251263999~r1~"));
    assert_string_equal(held("ehr", "_implicit_org_HospitalMSP", "~DEK~r1~"), "{\"dek\":\"" DEK "\",\"fmt\":1}");
    assert_has(held("ehr", "", "~ACT~r2~"), "\"docType\":\"record\"");
    assert_false(fcc_test_public_has(world, PID_A));
    assert_false(fcc_test_public_has(world, "\"category\""));
    assert_false(fcc_test_public_has(world, CID));

    as_staff("nurse", "n1", "11");
    assert_accepted(invoke("AddRecords", ADD(RECORD("r3"))));
}

static void records_are_not_added_by_others(void **state)
{
    start();
    as_clinic_doctor();
    assert_refused(invoke("AddRecords", ADD(RECORD("r1"))), 403, "DENIED:not_author");
    as("HospitalMSP", "doctor", "d4", H1, "04");
    assert_refused(invoke("AddRecords", ADD(RECORD("r1"))), 403, "DENIED:licence");
    as_staff("registrar", "reg1", "12");
    assert_refused(invoke("AddRecords", ADD(RECORD("r1"))), 403, "DENIED:role");
    as_doctor();
    assert_refused(invoke("AddRecords", "{\"encId\":\"e9\",\"records\":[" RECORD("r1") "]}"), 404, "NOT_FOUND");
}

static void a_record_id_is_used_once(void **state)
{
    start();
    assert_refused(invoke("AddRecords", ADD(RECORD("r1") "," RECORD("r1"))), 400, "BAD_INPUT");
    assert_accepted(invoke("AddRecords", ADD(RECORD("r1"))));
    assert_refused(invoke("AddRecords", ADD(RECORD("r2") "," RECORD("r1"))), 409, "ALREADY");
    assert_null(held("ehr", "subject", "~REC~" PID_A "~r2~"));
    assert_refused(invoke("AddRecords", ADD(RECORD("e1"))), 409, "ALREADY");
    as_staff("registrar", "reg1", "12");
    assert_refused(invoke("ImportRecords", "{\"pid\":\"" PID_B "\",\"records\":[" RECORD("r1") "]}"), 409, "ALREADY");
}

/* A good record with one piece of its text replaced. */
static fcc_test_result with(const char *piece, const char *other)
{
    static char in[2000];
    static const char good[] = ADD(RECORD("r1"));
    const char *at = strstr(good, piece);

    assert_non_null(at);
    snprintf(in, sizeof(in), "%.*s%s%s", (int)(at - good), good, other, at + strlen(piece));
    return invoke("AddRecords", in);
}

static void a_record_has_exactly_its_fields(void **state)
{
    static const struct {
        const char *piece, *other;
    } bad[] = {
        { CID, "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyk" },
        { CID, "QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n" },
        { SHA, "e3b0" },
        { "\"" SHA, "\"" FP("00") },
        { "\"size\":10", "\"size\":0" },
        { "\"size\":10", "\"size\":67108865" },
        { "\"size\":10", "\"size\":1.5" },
        { "\"size\":10", "\"size\":\"10\"" },
        { "\"size\":10,", "" },
        { "\"size\":10", "\"size\":10,\"text\":\"a rash\"" },
        { "\"kind\":\"lab\"", "\"kind\":\"blood\"" },
        { "Observation", "Observation!" },
        { "application/fhir+json", "json" },
        { "\"category\":\"lab\"", "\"category\":\"dental\"" },
        { "\"sens\":\"N\"", "\"sens\":\"X\"" },
        { "2025-06-01T00:00:00Z", "2025-06-01" },
        { DEK, "d0" },
        { SALT1, "1" },
        { "\"class\":\"general\"", "\"class\":\"general\",\"enc\":\"e2\"" },
    };

    start();
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        fcc_test_result r = with(bad[i].piece, bad[i].other);

        if (r.status != 400 || !strstr(r.message, "\"BAD_INPUT\""))
            fail_msg("%s: %d %s", bad[i].other, (int)r.status, r.message);
    }
    assert_refused(with("\"class\":\"general\"", "\"class\":\"other\""), 412, "PRECONDITION");
    assert_refused(invoke("AddRecords", ADD("")), 400, "BAD_INPUT");
    assert_refused(invoke("AddRecords", ADD("1")), 400, "BAD_INPUT");
    assert_accepted(with("\"size\":10", "\"size\":67108864"));
}

static void imported_records_need_no_encounter(void **state)
{
    as_staff("registrar", "reg1", "12");
    assert_accepted(invoke("ImportRecords", IMPORT(RECORD("r1"))));
    assert_has(held("ehr", "subject", "~REC~" PID_A "~r1~"), "\"origin\":\"import\"");
    assert_refused(invoke("ImportRecords", IMPORT(RECORD_OF("r2", "lab", "N", ",\"enc\":\"e1\""))), 400, "BAD_INPUT");
    assert_refused(invoke("ImportRecords", "{\"pid\":\"" PID_NOBODY "\",\"records\":[" RECORD("r2") "]}"), 404,
                   "NOT_FOUND");
    as_staff("nurse", "n1", "11");
    assert_refused(invoke("ImportRecords", IMPORT(RECORD("r2"))), 403, "DENIED:role");
    as_clinic_doctor();
    assert_refused(invoke("ImportRecords", IMPORT(RECORD("r2"))), 412, "PRECONDITION");
}

static void a_hundred_records_go_into_one_call(void **state)
{
    static char in[80000];
    size_t at = (size_t)sprintf(in, "{\"pid\":\"" PID_A "\",\"records\":[");
    fcc_test_result r;

    for (int i = 0; i < 100; i++) {
        static const char one[] = RECORD("0000");
        char id[16];

        snprintf(id, sizeof(id), "%04d", i);
        at += (size_t)sprintf(in + at, "%s%s", i ? "," : "", one);
        memcpy(in + at - sizeof(one) + 1 + 10, id, 4);
    }
    sprintf(in + at, "]}");
    as_staff("registrar", "reg1", "12");
    r = invoke("ImportRecords", in);
    assert_accepted(r);
    assert_string_equal(r.payload, "{\"count\":100}");
    as_patient();
    r = query("ListRecords", "{\"pid\":\"" PID_A "\"}");
    assert_accepted(r);
    assert_has(r.payload, "\"recId\":\"0099\"");
    assert_has_not(r.payload, "\"next\"");
}

static void the_patient_lists_records_newest_first_by_page(void **state)
{
    fcc_test_result r;

    start();
    assert_accepted(invoke("AddRecords", ADD(RECORD("r1"))));
    assert_accepted(with("\"recId\":\"r1\"", "\"recId\":\"r2\""));
    as_patient();
    r = query("ListRecords", "{\"pid\":\"" PID_A "\",\"page\":\"8251263999~r1\"}");
    assert_accepted(r);
    assert_has(r.payload, "\"recId\":\"r2\"");
    assert_has_not(r.payload, "\"recId\":\"r1\"");
    assert_refused(query("ListRecords", "{\"pid\":\"" PID_B "\"}"), 403, "DENIED:not_owner");
    as_doctor();
    assert_refused(query("ListRecords", "{\"pid\":\"" PID_A "\"}"), 403, "DENIED:not_owner");
}

static void a_commit_and_a_history_speak_of_a_record(void **state)
{
    char in[2000];
    fcc_test_result r;

    start();
    assert_accepted(invoke("AddRecords", ADD(RECORD("r1"))));
    snprintf(in, sizeof(in), "{\"record\":%s}", held("ehr", "subject", "~REC~" PID_A "~r1~"));
    assert_string_equal(query_id("VerifyCommit", "r1", in).payload, "true");
    *strstr(in, "\"N\"") = ' ';
    in[strlen(in)] = 0;
    assert_refused(query_id("VerifyCommit", "r1", in), 400, "BAD_INPUT");
    snprintf(in, sizeof(in), "{\"record\":%s}", held("ehr", "subject", "~REC~" PID_A "~r1~"));
    strstr(in, "\"N\"")[1] = 'R';
    assert_string_equal(query_id("VerifyCommit", "r1", in).payload, "false");
    assert_refused(query_id("VerifyCommit", "r1", NULL), 400, "BAD_INPUT");

    as_auditor();
    r = query_id("ActHistory", "r1", NULL);
    assert_accepted(r);
    assert_has(r.payload, "\"at\":\"2026-01-01T00:00:00Z\",\"deleted\":false");
    as_patient();
    assert_accepted(query_id("ActHistory", "r1", NULL));
    assert_accepted(query_id("ActHistory", "e1", NULL));
    assert_refused(query_id("ActHistory", "none", NULL), 403, "DENIED:not_owner");
    as_other_patient();
    assert_refused(query_id("ActHistory", "r1", NULL), 403, "DENIED:not_owner");
    assert_refused(query_id("ActHistory", "e1", NULL), 403, "DENIED:not_owner");
}

/* ---- access ---- */

static void before_consent_a_request_is_denied_and_kept(void **state)
{
    fcc_test_result r;

    as_clinic_doctor();
    r = invoke("RequestAccess", ASK("q1"));
    assert_accepted(r);
    assert_string_equal(r.payload, "{\"auditId\":\"q1\"}");
    assert_string_equal(r.event_payload, "{\"auditId\":\"q1\"}");
    r = query_id("Decision", "q1", NULL);
    assert_accepted(r);
    assert_has(r.payload, "\"decision\":\"deny\"");
    assert_has(r.payload, "\"reason\":\"no_consent\"");
    assert_refused(query_id("ReadIndex", "q1", NULL), 403, "DENIED:no_consent");
    as_staff("custodian", "cust1", "14");
    assert_refused(fcc_test_evaluate(world, "ehr", "GetKey", "q1", "r1", FCC_END), 403, "DENIED:no_consent");
    assert_false(fcc_test_public_has(world, "q1"));
}

static void a_granted_request_opens_what_it_reaches(void **state)
{
    fcc_test_result r;

    allow();
    assert_has(query_id("Decision", "q1", NULL).payload, "\"decision\":\"allow\"");
    r = query_id("ReadIndex", "q1", NULL);
    assert_accepted(r);
    assert_has(r.payload, "\"recId\":\"r1\"");
    assert_has_not(r.payload, "\"recId\":\"r2\"");
    assert_has_not(r.payload, "\"recId\":\"r3\"");
    r = query_id("ReadIndex", "q1", "{\"recIds\":[\"r1\",\"r2\",\"r3\",\"r9\"]}");
    assert_accepted(r);
    assert_has(r.payload,
               "\"refused\":[{\"reason\":\"scope\",\"recId\":\"r2\"},{\"reason\":\"sensitivity\",\"recId\":\"r3\"},"
               "{\"reason\":\"not_found\",\"recId\":\"r9\"}]");
    assert_refused(query_id("ReadIndex", "q1", "{\"recIds\":[\"r1\"],\"page\":\"x\"}"), 400, "BAD_INPUT");
    assert_refused(query_id("ReadIndex", "q1", "{\"recIds\":[]}"), 400, "BAD_INPUT");
}

static void allow_and_deny_look_alike(void **state)
{
    char denied[4000], *at;
    fcc_test_result r;

    as_clinic_doctor();
    r = invoke("RequestAccess", ASK("q1"));
    snprintf(denied, sizeof(denied), "%s", r.trace);
    grant("u:d3", "lab", SALT1);
    as_clinic_doctor();
    r = invoke("RequestAccess", ASK("q2"));
    assert_has(query_id("Decision", "q2", NULL).payload, "allow");
    as_clinic_doctor();
    r = invoke("RequestAccess", ASK("q3"));
    while ((at = strstr(denied, "q1")) != NULL)
        at[1] = '3';
    assert_string_equal(r.trace, denied);
    assert_string_equal(r.payload, "{\"auditId\":\"q3\"}");
}

static void an_unknown_patient_is_answered_as_any_other(void **state)
{
    as_clinic_doctor();
    assert_accepted(invoke("RequestAccess", ASK_FOR("q1", PID_NOBODY, "TREAT", LABS)));
    assert_has(query_id("Decision", "q1", NULL).payload, "\"reason\":\"unknown_patient\"");
    as_patient();
    assert_accepted(invoke("RequestAccess", ASK_FOR("q2", PID_B, "TREAT", LABS)));
    assert_has(query_id("Decision", "q2", NULL).payload, "\"decision\":\"deny\"");
}

static void what_the_consent_does_not_reach_is_named(void **state)
{
    grant("u:d3", "lab", SALT1);
    as_clinic_doctor();
    assert_accepted(invoke("RequestAccess", ASK_FOR("q1", PID_A, "TREAT", "{\"categories\":[\"psychiatry\"]}")));
    assert_has(query_id("Decision", "q1", NULL).payload, "\"reason\":\"category\"");
    assert_accepted(invoke("RequestAccess", ASK_FOR("q2", PID_A, "HPAYMT", LABS)));
    assert_has(query_id("Decision", "q2", NULL).payload, "\"reason\":\"purpose\"");
    assert_accepted(
        invoke("RequestAccess", ASK_FOR("q3", PID_A, "TREAT", "{\"categories\":[\"psychiatry\",\"lab\"]}")));
    assert_has(query_id("Decision", "q3", NULL).payload, "\"decision\":\"allow\"");
}

static void a_revoked_grant_ends_the_request(void **state)
{
    allow();
    revoke("u:d3", SALT2);
    as_clinic_doctor();
    assert_refused(query_id("ReadIndex", "q1", NULL), 403, "DENIED:revoked");
    assert_accepted(invoke("RequestAccess", ASK("q2")));
    assert_has(query_id("Decision", "q2", NULL).payload, "\"reason\":\"revoked\"");
    as_staff("custodian", "cust1", "14");
    assert_refused(fcc_test_evaluate(world, "ehr", "GetKey", "q1", "r1", FCC_END), 403, "DENIED:revoked");
}

static void a_request_holds_30_minutes_for_one_uid_and_key(void **state)
{
    allow();
    as_doctor();
    assert_refused(query_id("Decision", "q1", NULL), 403, "DENIED:not_holder");
    assert_refused(query_id("ReadIndex", "q1", NULL), 403, "DENIED:not_holder");
    as_clinic_doctor();
    assert_refused(query_id("Decision", "q9", NULL), 404, "NOT_FOUND");
    assert_refused(query_id("ReadIndex", "q9", NULL), 404, "NOT_FOUND");
    fcc_test_set_time(world, NOW + 1800);
    assert_accepted(query_id("ReadIndex", "q1", NULL));
    fcc_test_set_time(world, NOW + 1801);
    assert_refused(query_id("ReadIndex", "q1", NULL), 403, "DENIED:expired");
    assert_accepted(query_id("Decision", "q1", NULL));
    as_staff("custodian", "cust1", "14");
    assert_refused(fcc_test_evaluate(world, "ehr", "GetKey", "q1", "r1", FCC_END), 403, "DENIED:expired");
}

static int64_t real_now(void)
{
    return NOW + 3600;
}

static void a_backdated_query_does_not_stretch_a_request(void **state)
{
    allow();
    lib_set_clock(real_now);
    assert_refused(query_id("ReadIndex", "q1", NULL), 400, "TIME_WINDOW");
    as_staff("custodian", "cust1", "14");
    assert_refused(fcc_test_evaluate(world, "ehr", "GetKey", "q1", "r1", FCC_END), 400, "TIME_WINDOW");
}

static void a_request_is_checked_before_it_is_kept(void **state)
{
    static const char *const bad[] = {
        ASK_FOR("q1", PID_A, "TREAT", "{}"),
        ASK_FOR("q1", PID_A, "TREAT", "[]"),
        ASK_FOR("q1", PID_A, "TREAT", "{\"categories\":[]}"),
        ASK_FOR("q1", PID_A, "TREAT", "{\"categories\":[\"*\"]}"),
        ASK_FOR("q1", PID_A, "TREAT", "{\"categories\":[\"lab\"],\"encId\":\"e1\"}"),
        ASK_FOR("q1", PID_A, "TREAT", "{\"everything\":true}"),
        ASK_FOR("q1", PID_A, "BTG", LABS),
        ASK_FOR("q1", PID_A, "FUN", LABS),
        ASK_FOR("q1", "someone", "TREAT", LABS),
    };

    as_clinic_doctor();
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_refused(invoke("RequestAccess", bad[i]), 400, "BAD_INPUT");
    assert_accepted(invoke("RequestAccess", ASK("q1")));
    assert_refused(invoke("RequestAccess", ASK("q1")), 409, "ALREADY");
    as_staff("registrar", "reg1", "12");
    assert_refused(invoke("RequestAccess", ASK("q2")), 403, "DENIED:role");
    as_auditor();
    assert_refused(invoke("RequestAccess", ASK("q2")), 403, "DENIED:role");
}

static void without_setup_nothing_is_requested(void **state)
{
    health_start(NULL);
    health_install("consent", &consent_chaincode);
    health_install("ehr", &ehr_chaincode);
    as_doctor();
    assert_refused(invoke("RequestAccess", ASK("q1")), 412, "PRECONDITION");
}

static void the_own_site_reads_by_encounter_while_it_treats(void **state)
{
    start();
    assert_accepted(invoke("AddRecords", ADD(RECORD_OF("r1", "psychiatry", "V", ""))));
    as("HospitalMSP", "doctor", "d7", H1, "07");
    assert_accepted(invoke("RequestAccess", ASK_FOR("q1", PID_A, "TREAT", "{\"encId\":\"e1\"}")));
    assert_has(query_id("Decision", "q1", NULL).payload, "\"reason\":\"author_site\"");
    assert_has(query_id("ReadIndex", "q1", NULL).payload, "\"recId\":\"r1\"");
    assert_accepted(invoke("RequestAccess", ASK_FOR("q2", PID_A, "TREAT", "{\"recIds\":[\"r1\",\"r9\"]}")));
    assert_has(query_id("ReadIndex", "q2", NULL).payload, "\"refused\":[{\"reason\":\"not_found\",\"recId\":\"r9\"}]");
    as_clinic_doctor();
    assert_accepted(invoke("RequestAccess", ASK_FOR("q3", PID_A, "TREAT", "{\"encId\":\"e1\"}")));
    assert_has(query_id("Decision", "q3", NULL).payload, "\"decision\":\"deny\"");
    assert_accepted(invoke("RequestAccess", ASK_FOR("q4", PID_A, "TREAT", "{\"recIds\":[\"r9\"]}")));
    assert_has(query_id("Decision", "q4", NULL).payload, "\"reason\":\"not_found\"");
    as_doctor();
    assert_accepted(close_it("e1"));
    fcc_test_set_time(world, NOW + 30 * 86400);
    assert_accepted(invoke("RequestAccess", ASK_FOR("q5", PID_A, "TREAT", "{\"encId\":\"e1\"}")));
    assert_has(query_id("Decision", "q5", NULL).payload, "\"reason\":\"no_consent\"");
}

static void an_encounter_of_another_patient_opens_nothing(void **state)
{
    start();
    assert_accepted(invoke("RequestAccess", ASK_FOR("q1", PID_B, "TREAT", "{\"encId\":\"e1\"}")));
    assert_has(query_id("Decision", "q1", NULL).payload, "\"reason\":\"no_consent\"");
}

static void the_patient_reads_everything_of_their_own(void **state)
{
    fcc_test_result r;

    allow();
    as_patient();
    assert_accepted(
        invoke("RequestAccess", ASK_FOR("q2", PID_A, "TREAT", "{\"categories\":[\"lab\",\"psychiatry\"]}")));
    r = query_id("ReadIndex", "q2", NULL);
    assert_has(r.payload, "\"recId\":\"r1\"");
    assert_has(r.payload, "\"recId\":\"r2\"");
    assert_has(r.payload, "\"recId\":\"r3\"");
}

static void the_custodian_gets_keys_of_its_own_custody(void **state)
{
    char want[512];
    fcc_test_result r;

    allow();
    as_clinic_doctor();
    assert_refused(fcc_test_evaluate(world, "ehr", "GetKey", "q1", "r1", FCC_END), 403, "DENIED:role");
    as_staff("custodian", "cust1", "14");
    r = fcc_test_evaluate(world, "ehr", "GetKey", "q1", "r1", FCC_END);
    assert_accepted(r);
    snprintf(want, sizeof(want),
             "{\"cid\":\"" CID "\",\"custody\":\"HospitalMSP\",\"dek\":\"" DEK "\",\"fp\":\"%s\",\"recId\":\"r1\"}",
             fcc_test_fingerprint("03"));
    assert_string_equal(r.payload, want);
    assert_refused(fcc_test_evaluate(world, "ehr", "GetKey", "q1", "r2", FCC_END), 403, "DENIED:scope");
    assert_refused(fcc_test_evaluate(world, "ehr", "GetKey", "q1", "r3", FCC_END), 403, "DENIED:sensitivity");
    assert_refused(fcc_test_evaluate(world, "ehr", "GetKey", "q1", "r9", FCC_END), 404, "NOT_FOUND");
    assert_refused(fcc_test_evaluate(world, "ehr", "GetKey", "q9", "r1", FCC_END), 404, "NOT_FOUND");
    as("ClinicMSP", "custodian", "cust2", C1, "15");
    assert_refused(fcc_test_evaluate(world, "ehr", "GetKey", "q1", "r1", FCC_END), 403, "DENIED:not_custody");
}

/* ---- audit ---- */

static void the_trail_shows_every_request_newest_first(void **state)
{
    fcc_test_result r;

    as_clinic_doctor();
    assert_accepted(invoke("RequestAccess", ASK("q1")));
    fcc_test_set_time(world, NOW + 60);
    grant("u:d3", "lab", SALT1);
    as_clinic_doctor();
    assert_accepted(invoke("RequestAccess", ASK("q2")));
    as_doctor();
    assert_accepted(invoke("RequestAccess", ASK("q3")));

    as_auditor();
    r = query("AuditTrail", "{\"pid\":\"" PID_A "\"}");
    assert_accepted(r);
    assert_true(strstr(r.payload, "\"auditId\":\"q2\"") < strstr(r.payload, "\"auditId\":\"q3\""));
    assert_true(strstr(r.payload, "\"auditId\":\"q3\"") < strstr(r.payload, "\"auditId\":\"q1\""));
    assert_has(r.payload, "\"decision\":\"deny\"");
    assert_has(r.payload, "\"decision\":\"allow\"");
    assert_has_not(r.payload, "\"mac\"");
    r = query("AuditTrail", "{\"uid\":\"d3\"}");
    assert_has(r.payload, "\"auditId\":\"q1\"");
    assert_has_not(r.payload, "\"auditId\":\"q3\"");
    r = query("AuditTrail", "{\"pid\":\"" PID_A "\",\"page\":\"8232774339~q3\"}");
    assert_has(r.payload, "\"auditId\":\"q1\"");
    assert_has_not(r.payload, "\"auditId\":\"q2\"");
    as_patient();
    assert_accepted(query("AuditTrail", "{\"pid\":\"" PID_A "\"}"));
}

static void the_trail_is_not_for_others(void **state)
{
    as_clinic_doctor();
    assert_accepted(invoke("RequestAccess", ASK("q1")));
    assert_refused(query("AuditTrail", "{\"pid\":\"" PID_A "\"}"), 403, "DENIED:role");
    as_other_patient();
    assert_refused(query("AuditTrail", "{\"pid\":\"" PID_A "\"}"), 403, "DENIED:not_owner");
    assert_refused(query("AuditTrail", "{\"uid\":\"d3\"}"), 403, "DENIED:not_owner");
    as_staff("privacy_officer", "po1", "13");
    assert_refused(query("AuditTrail", "{\"uid\":\"d3\"}"), 403, "DENIED:role");
    assert_refused(query("AuditTrail", "{\"uid\":\"nobody\"}"), 403, "DENIED:role");
    assert_accepted(query("AuditTrail", "{\"uid\":\"d1\"}"));
    assert_string_equal(query("AuditTrail", "{\"pid\":\"" PID_A "\"}").payload, "{\"entries\":[]}");
    as_auditor();
    assert_refused(query("AuditTrail", "{\"pid\":\"" PID_A "\",\"uid\":\"d3\"}"), 400, "BAD_INPUT");
    assert_refused(query("AuditTrail", "{}"), 400, "BAD_INPUT");
}

/* ---- what only a network shows ---- */

static void each_organisation_has_what_it_may_have(void **state)
{
    static const char record[] = "~REC~" PID_A "~r1~", dek[] = "~DEK~r1~";
    fcc_test_result r;

    allow();
    assert_string_equal(held_at("ClinicMSP", "ehr", "subject", record), held("ehr", "subject", record));
    assert_null(held_at("RegulatorMSP", "ehr", "subject", record));
    assert_non_null(held("ehr", "_implicit_org_HospitalMSP", dek));
    assert_null(held_at("ClinicMSP", "ehr", "_implicit_org_HospitalMSP", dek));
    assert_null(held_at("RegulatorMSP", "ehr", "_implicit_org_HospitalMSP", dek));
    /* the regulator's peer reads the trail, and nothing of the patient */
    as_auditor();
    assert_has(query("AuditTrail", "{\"pid\":\"" PID_A "\"}").payload, "\"auditId\":\"q1\"");
    as_patient();
    fcc_test_at(world, "RegulatorMSP", FCC_END);
    r = query("ListRecords", "{\"pid\":\"" PID_A "\"}");
    assert_has_not(r.payload, "recId"); /* as in Fabric, a range there is empty */
    /* nor does another peer than the custodian's have the key to give */
    as_staff("custodian", "cust1", "14");
    fcc_test_at(world, "ClinicMSP", FCC_END);
    r = fcc_test_evaluate(world, "ehr", "GetKey", "q1", "r1", FCC_END);
    assert_true(r.status >= 400);
    assert_has_not(r.payload, DEK);
}

static void records_take_both_care_organisations(void **state)
{
    fcc_test_result r;

    start();
    fcc_test_at(world, "HospitalMSP", FCC_END);
    r = invoke("AddRecords", ADD(RECORD("r1")));
    assert_int_equal(r.status, 200);
    assert_int_equal(r.code, FCC_TEST_ENDORSEMENT_POLICY_FAILURE);
    assert_null(held("ehr", "subject", "~REC~" PID_A "~r1~"));
    assert_null(held("ehr", "_implicit_org_HospitalMSP", "~DEK~r1~"));
    assert_accepted(invoke("AddRecords", ADD(RECORD("r1"))));
}

static void access_asks_the_chaincode_consent(void **state)
{
    fcc_test_result r;

    grant("u:d3", "lab", SALT1);
    as_clinic_doctor();
    r = invoke("RequestAccess", ASK("q1"));
    assert_accepted(r);
    assert_has(r.trace, "ehr call - consent\n");
    assert_has(r.trace, "consent get subject ~CONS~" PID_A "~u:d3~\n");
}

static void a_request_endorsed_before_a_revoke_and_ordered_after_it_is_invalid(void **state)
{
    fcc_test_block block;
    fcc_test_result r;

    grant("u:d3", "lab", SALT1);
    as_clinic_doctor();
    assert_accepted(endorse("ehr", "RequestAccess", ASK("q1")));
    revoke("u:d3", SALT2);
    block = fcc_test_commit(world);
    assert_int_equal(block.count, 1);
    r = block.tx[0];
    assert_int_equal(r.code, FCC_TEST_MVCC_READ_CONFLICT);
    assert_has(r.why, "RequestAccess of ClinicMSP (transaction 0 of block ");
    assert_has(r.why, "has read key ~CONS~" PID_A "~u:d3~ of consent, collection subject, which was then written by "
                      "Revoke of HospitalMSP (transaction 0 of block ");
    as_clinic_doctor();
    assert_refused(query_id("Decision", "q1", NULL), 404, "NOT_FOUND");
    assert_refused(query_id("ReadIndex", "q1", NULL), 404, "NOT_FOUND");
}

static void a_revoke_and_a_request_in_one_block_count_in_their_order(void **state)
{
    static const char in[] = "{\"pid\":\"" PID_A "\",\"grantee\":\"u:d3\",\"salt\":\"" SALT2 "\"}";
    fcc_test_block block;

    grant("u:d3", "lab", SALT1);
    as_clinic_doctor();
    assert_accepted(endorse("ehr", "RequestAccess", ASK("q1")));
    as_patient();
    assert_accepted(endorse("consent", "Revoke", in));
    as_clinic_doctor();
    assert_accepted(endorse("ehr", "RequestAccess", ASK("q2")));
    block = fcc_test_commit(world);
    assert_int_equal(block.count, 3);
    assert_accepted(block.tx[0]);
    assert_accepted(block.tx[1]);
    assert_int_equal(block.tx[2].code, FCC_TEST_MVCC_READ_CONFLICT);
    assert_has(block.tx[2].why, "which was then written by Revoke of HospitalMSP (transaction 1 of block ");
    /* the first was before the revoke, and ends with it */
    assert_has(query_id("Decision", "q1", NULL).payload, "\"decision\":\"allow\"");
    assert_refused(query_id("ReadIndex", "q1", NULL), 403, "DENIED:revoked");
    assert_refused(query_id("Decision", "q2", NULL), 404, "NOT_FOUND");
}

static void a_grant_that_comes_before_a_denied_request_invalidates_it_too(void **state)
{
    fcc_test_block block;

    as_clinic_doctor();
    assert_accepted(endorse("ehr", "RequestAccess", ASK("q1")));
    grant("u:d3", "lab", SALT1);
    block = fcc_test_commit(world);
    assert_int_equal(block.tx[0].code, FCC_TEST_MVCC_READ_CONFLICT);
    assert_has(block.tx[0].why, "which was then written by Grant of HospitalMSP");
}

static void one_record_id_twice_in_a_block_is_kept_once(void **state)
{
    fcc_test_block block;

    start();
    assert_accepted(endorse("ehr", "AddRecords", ADD(RECORD("r1"))));
    assert_accepted(endorse("ehr", "AddRecords", ADD(RECORD_OF("r1", "general", "R", ""))));
    assert_accepted(endorse("ehr", "AddRecords", ADD(RECORD("r2"))));
    as_staff("registrar", "reg1", "12");
    assert_accepted(endorse("ehr", "ImportRecords", "{\"pid\":\"" PID_B "\",\"records\":[" RECORD("r1") "]}"));
    block = fcc_test_commit(world);
    assert_int_equal(block.count, 4);
    assert_accepted(block.tx[0]);
    assert_int_equal(block.tx[1].code, FCC_TEST_MVCC_READ_CONFLICT);
    assert_has(block.tx[1].why, "has read key ~ACT~r1~ of ehr, which was then written by AddRecords of HospitalMSP "
                                "(transaction 0 of block ");
    assert_accepted(block.tx[2]);
    assert_int_equal(block.tx[3].code, FCC_TEST_MVCC_READ_CONFLICT);
    assert_has(held("ehr", "subject", "~REC~" PID_A "~r1~"), "\"category\":\"lab\"");
    assert_null(held("ehr", "subject", "~REC~" PID_B "~r1~"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, health_stop)
    const struct CMUnitTest tests[] = {
        TEST(setup_is_for_an_admin_of_a_care_organisation_and_once),
        TEST(an_organisation_has_one_custody_key_at_a_time),
        TEST(a_site_says_how_long_it_keeps_what),
        TEST(an_encounter_is_opened_by_a_licensed_doctor),
        TEST(an_encounter_is_closed_by_its_doctor_and_then_takes_nothing),
        TEST(records_are_added_at_the_encounters_site),
        TEST(records_are_not_added_by_others),
        TEST(a_record_id_is_used_once),
        TEST(a_record_has_exactly_its_fields),
        TEST(imported_records_need_no_encounter),
        TEST(a_hundred_records_go_into_one_call),
        TEST(the_patient_lists_records_newest_first_by_page),
        TEST(a_commit_and_a_history_speak_of_a_record),
        TEST(before_consent_a_request_is_denied_and_kept),
        TEST(a_granted_request_opens_what_it_reaches),
        TEST(allow_and_deny_look_alike),
        TEST(an_unknown_patient_is_answered_as_any_other),
        TEST(what_the_consent_does_not_reach_is_named),
        TEST(a_revoked_grant_ends_the_request),
        TEST(a_request_holds_30_minutes_for_one_uid_and_key),
        TEST(a_backdated_query_does_not_stretch_a_request),
        TEST(a_request_is_checked_before_it_is_kept),
        TEST(without_setup_nothing_is_requested),
        TEST(the_own_site_reads_by_encounter_while_it_treats),
        TEST(an_encounter_of_another_patient_opens_nothing),
        TEST(the_patient_reads_everything_of_their_own),
        TEST(the_custodian_gets_keys_of_its_own_custody),
        TEST(the_trail_shows_every_request_newest_first),
        TEST(the_trail_is_not_for_others),
        TEST(each_organisation_has_what_it_may_have),
        TEST(records_take_both_care_organisations),
        TEST(access_asks_the_chaincode_consent),
        TEST(a_request_endorsed_before_a_revoke_and_ordered_after_it_is_invalid),
        TEST(a_revoke_and_a_request_in_one_block_count_in_their_order),
        TEST(a_grant_that_comes_before_a_denied_request_invalidates_it_too),
        TEST(one_record_id_twice_in_a_block_is_kept_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
