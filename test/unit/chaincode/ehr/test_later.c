/* What becomes of records later, what owners supply, and what the owner lists; encounters for sister chaincodes. */
#include "test/unit/chaincode/ehr/chart.h"

#define OF_RECORD(pid, id) "{\"pid\":\"" pid "\",\"recId\":\"" id "\",\"salt\":\"" SALT2 "\"}"
#define R1 OF_RECORD(PID_A, "r1")
#define NEW(prev, record) "{\"pid\":\"" PID_A "\",\"prev\":\"" prev "\",\"record\":" record "}"
#define OWN(records) "{\"records\":[" records "]}"

static const char *value(const char *id)
{
    static char key[128];

    snprintf(key, sizeof(key), "~REC~" PID_A "~%s~", id);
    return held("ehr", "subject", key);
}

/* r1 of the doctor, in an encounter. */
static void write_r1(void)
{
    start();
    assert_accepted(invoke("AddRecords", ADD(RECORD("r1"))));
}

static void as_guardian(void)
{
    as("HospitalMSP", "patient", NULL, NULL, "9a");
}

/* ---- attest ---- */

static void a_doctor_vouches_for_an_imported_record(void **state)
{
    fcc_test_result r;

    as_staff("registrar", "reg1", "12");
    assert_accepted(invoke("ImportRecords", IMPORT(RECORD("r1"))));
    assert_has(value("r1"), "\"attested\":false");
    assert_refused(invoke("Attest", R1), 403, "DENIED:role");
    as("HospitalMSP", "doctor", "d4", H1, "04");
    assert_refused(invoke("Attest", R1), 403, "DENIED:licence");
    as_clinic_doctor();
    assert_refused(invoke("Attest", R1), 403, "DENIED:not_author");
    as_doctor();
    assert_refused(invoke("Attest", OF_RECORD(PID_A, "r9")), 403, "DENIED:not_author");
    assert_refused(invoke("Attest", OF_RECORD(PID_B, "r1")), 403, "DENIED:not_author");
    r = invoke("Attest", R1);
    assert_accepted(r);
    assert_string_equal(r.payload, "{\"id\":\"r1\",\"v\":2}");
    assert_has(value("r1"), "\"attested\":true,\"attestedBy\":\"d1\",\"author\":\"reg1\"");
    assert_has(held("ehr", "", "~ACT~r1~"), "\"status\":\"current\",\"v\":2");
    assert_non_null(held("ehr", "subject", "~RECV~" PID_A "~r1~000001~"));
    assert_string_equal(value("r1"), held("ehr", "subject", "~RECV~" PID_A "~r1~000002~"));
    assert_refused(invoke("Attest", R1), 409, "ALREADY");
}

/* ---- supersede and error ---- */

static void the_author_supersedes_and_the_content_stays(void **state)
{
    char before[2000];
    fcc_test_result r;

    write_r1();
    snprintf(before, sizeof(before), "%s", value("r1"));
    r = invoke("Supersede", NEW("r1", RECORD_OF("r2", "general", "R", "")));
    assert_accepted(r);
    assert_string_equal(r.payload, "{\"id\":\"r2\",\"v\":1}");
    assert_string_equal(r.event_payload, "{\"ids\":[\"r2\"]}");
    assert_has(value("r2"), "\"prev\":\"r1\"");
    assert_has(value("r2"), "\"enc\":\"e1\"");
    assert_has(value("r1"), "\"status\":\"superseded\"");
    assert_has(value("r1"), "\"next\":\"r2\"");
    assert_has(value("r1"), "\"cid\":\"" CID "\"");
    assert_string_equal(before, held("ehr", "subject", "~RECV~" PID_A "~r1~000001~"));
    assert_has(held("ehr", "", "~ACT~r1~"), "\"status\":\"superseded\",\"v\":2");
    assert_has(held("ehr", "", "~ACT~r2~"), "\"status\":\"current\",\"v\":1");
    assert_non_null(held("ehr", "_implicit_org_HospitalMSP", "~DEK~r1~"));
    assert_non_null(held("ehr", "_implicit_org_HospitalMSP", "~DEK~r2~"));
    assert_refused(invoke("Supersede", NEW("r1", RECORD("r3"))), 409, "ALREADY");
    assert_refused(invoke("Supersede", NEW("r2", RECORD("r1"))), 409, "ALREADY");
    assert_refused(invoke("Supersede", NEW("r2", "{}")), 400, "BAD_INPUT");
    assert_refused(invoke("Supersede", NEW("r2", RECORD_OF("r3", "lab", "N", ",\"enc\":\"e2\""))), 400, "BAD_INPUT");
    assert_refused(invoke("MarkError", R1), 409, "ALREADY");
}

static void only_the_author_does(void **state)
{
    write_r1();
    as("HospitalMSP", "doctor", "d7", H1, "07");
    assert_refused(invoke("Supersede", NEW("r1", RECORD("r2"))), 403, "DENIED:not_author");
    assert_refused(invoke("MarkError", R1), 403, "DENIED:not_author");
    assert_refused(invoke("MarkError", OF_RECORD(PID_A, "r9")), 403, "DENIED:not_author");
    as_clinic_doctor();
    assert_refused(invoke("MarkError", R1), 403, "DENIED:not_author");
    as_patient();
    assert_refused(invoke("Supersede", NEW("r1", RECORD("r2"))), 403, "DENIED:not_author");
    assert_refused(invoke("MarkError", R1), 403, "DENIED:not_author");
    as_other_patient();
    assert_refused(invoke("MarkError", R1), 403, "DENIED:not_owner");
    as_staff("privacy_officer", "po1", "13");
    assert_refused(invoke("MarkError", R1), 403, "DENIED:role");
}

static void retention_is_never_shortened(void **state)
{
    write_r1();
    assert_has(value("r1"), "\"retainUntil\":\"2036-01-01T00:00:00Z\"");
    as_staff("admin", "adm1", "16");
    assert_accepted(set("SetRetention", H1, "general", "1"));
    as_doctor();
    assert_accepted(invoke("Supersede", NEW("r1", RECORD("r2"))));
    assert_has(value("r2"), "\"retainUntil\":\"2036-01-01T00:00:00Z\"");
    assert_accepted(invoke("AddRecords", ADD(RECORD("r3"))));
    assert_has(value("r3"), "\"retainUntil\":\"2027-01-01T00:00:00Z\"");
}

static void a_record_in_error_stays_so(void **state)
{
    write_r1();
    assert_accepted(invoke("MarkError", R1));
    assert_has(value("r1"), "\"status\":\"error\"");
    assert_has(held("ehr", "", "~ACT~r1~"), "\"status\":\"error\",\"v\":2");
    assert_refused(invoke("MarkError", R1), 409, "ALREADY");
    assert_refused(invoke("Supersede", NEW("r1", RECORD("r2"))), 412, "PRECONDITION");
    assert_refused(invoke("Attest", R1), 412, "PRECONDITION");
}

static void one_record_is_superseded_once_in_a_block(void **state)
{
    fcc_test_block block;

    write_r1();
    assert_accepted(endorse("ehr", "Supersede", NEW("r1", RECORD("r2"))));
    assert_accepted(endorse("ehr", "Supersede", NEW("r1", RECORD("r3"))));
    assert_accepted(endorse("ehr", "MarkError", R1));
    block = fcc_test_commit(world);
    assert_accepted(block.tx[0]);
    assert_int_equal(block.tx[1].code, FCC_TEST_MVCC_READ_CONFLICT);
    assert_int_equal(block.tx[2].code, FCC_TEST_MVCC_READ_CONFLICT);
    assert_null(value("r3"));
}

/* ---- what owners supply ---- */

static void a_patient_supplies_documents(void **state)
{
    fcc_test_result r;

    as_patient();
    r = invoke("AddOwn", OWN(RECORD("r1") "," RECORD_OF("r2", "general", "N", "")));
    assert_accepted(r);
    assert_string_equal(r.payload, "{\"count\":2}");
    assert_has(value("r1"), "\"author\":\"" PID_A "\"");
    assert_has(value("r1"), "\"origin\":\"own\"");
    assert_has(value("r1"), "\"custody\":\"HospitalMSP\"");
    assert_has(value("r1"), "\"retainUntil\":\"2026-01-01T00:00:00Z\"");
    assert_has_not(value("r1"), "\"site\"");
    assert_non_null(held("ehr", "_implicit_org_HospitalMSP", "~DEK~r1~"));
    assert_false(fcc_test_public_has(world, PID_A));
    assert_refused(invoke("AddOwn", OWN(RECORD("r1"))), 409, "ALREADY");
    assert_refused(invoke("AddOwn", OWN(RECORD_OF("r3", "lab", "N", ",\"enc\":\"e1\""))), 400, "BAD_INPUT");
    assert_refused(invoke("AddOwn", "{\"pid\":\"" PID_B "\",\"records\":[" RECORD("r3") "]}"), 403, "DENIED:not_owner");
    as_doctor();
    assert_refused(invoke("AddOwn", OWN(RECORD("r3"))), 403, "DENIED:role");
    /* the site's doctor may vouch for it, and nobody but the owner replaces it */
    assert_accepted(invoke("Attest", R1));
    assert_refused(invoke("MarkError", OF_RECORD(PID_A, "r2")), 403, "DENIED:not_author");
    as_patient();
    assert_accepted(invoke("Supersede", NEW("r2", RECORD("r4"))));
    assert_has(value("r4"), "\"origin\":\"own\"");
    assert_accepted(invoke("MarkError", OF_RECORD(PID_A, "r4")));
}

static void a_guardian_acts_for_the_ward_in_scope_and_time(void **state)
{
    as_guardian();
    assert_accepted(invoke("AddOwn", "{\"pid\":\"" PID_M "\",\"records\":[" RECORD("r1") "]}"));
    assert_has(held("ehr", "subject", "~REC~" PID_M "~r1~"), "\"author\":\"" PID_G "\"");
    assert_has(query("ListRecords", "{\"pid\":\"" PID_M "\"}").payload, "\"recId\":\"r1\"");
    assert_accepted(query_id("ActHistory", "r1", "{\"pid\":\"" PID_M "\"}"));
    assert_accepted(invoke("RequestErasure", OF_RECORD(PID_M, "r1")));
    assert_refused(query("ListRecords", "{\"pid\":\"" PID_A "\"}"), 403, "DENIED:not_owner");
    fcc_test_set_time(world, NOW + 86401);
    assert_refused(query("ListRecords", "{\"pid\":\"" PID_M "\"}"), 403, "DENIED:not_owner");
    assert_accepted(query("ListRecords", "{\"pid\":\"" PID_W "\"}"));
}

static void a_patient_found_out_later_owns_what_was_written_before(void **state)
{
    as_doctor();
    assert_accepted(invoke("StartEncounter", "{\"encId\":\"e1\",\"pid\":\"" PID_UNKNOWN "\",\"salt\":\"" SALT1 "\"}"));
    assert_accepted(invoke("AddRecords", ADD(RECORD("r1"))));
    assert_non_null(held("ehr", "subject", "~REC~" PID_UNKNOWN "~r1~"));
    /* of a pid that was linked, what is new goes to the other one */
    assert_accepted(invoke("StartEncounter", "{\"encId\":\"e2\",\"pid\":\"" PID_LINKED "\",\"salt\":\"" SALT1 "\"}"));
    assert_has(held("ehr", "subject", "~ENC~e2~"), "\"pid\":\"" PID_A "\"");
    as_patient();
    assert_accepted(query("ListRecords", "{\"pid\":\"" PID_LINKED "\"}"));
    assert_refused(query("ListRecords", "{\"pid\":\"" PID_UNKNOWN "\"}"), 403, "DENIED:not_owner");
}

static void the_dead_own_nothing_anew(void **state)
{
    as("HospitalMSP", "patient", NULL, NULL, "dd");
    assert_refused(invoke("AddOwn", OWN(RECORD("r1"))), 412, "PRECONDITION");
    assert_refused(invoke("RequestErasure", OF_RECORD(PID_DEAD, "r1")), 412, "PRECONDITION");
    assert_accepted(query("ListRecords", "{\"pid\":\"" PID_DEAD "\"}"));
}

/* ---- export ---- */

static void an_export_names_each_blob_and_its_commit(void **state)
{
    char want[128], in[2200];
    fcc_test_result r;

    write_r1();
    as_patient();
    r = query("ExportRecords", "{\"pid\":\"" PID_A "\"}");
    assert_accepted(r);
    assert_has(r.payload, "\"cid\":\"" CID "\"");
    snprintf(want, sizeof(want), "%.*s", (int)(strlen("{\"commit\":\"") + 64), held("ehr", "", "~ACT~r1~"));
    assert_has(r.payload, want + 1);
    assert_has_not(r.payload, "dek");
    assert_refused(query("ExportRecords", "{\"pid\":\"" PID_B "\"}"), 403, "DENIED:not_owner");
    as_doctor();
    assert_refused(query("ExportRecords", "{\"pid\":\"" PID_A "\"}"), 403, "DENIED:not_owner");
    snprintf(in, sizeof(in), "{\"record\":%s}", value("r1"));
    assert_string_equal(query_id("VerifyCommit", "r1", in).payload, "true");
}

/* ---- for sister chaincodes ---- */

static void an_encounter_is_checked_by_sisters_only(void **state)
{
    start();
    assert_refused(fcc_test_evaluate(world, "ehr", "CheckEncounter", "e1", PID_A, "d1", FCC_END), 403,
                   "DENIED:internal");
}

/* A sister: its function Issue asks ehr, and answers what it was told. */
static fcc_status issue(fcc_stub *stub, fcc_args args)
{
    const fcc_bytes all[] = { FCC_LIT("CheckEncounter"), args.v[0], args.v[1], args.v[2] };
    fcc_response answer;
    fcc_status st = fcc_invoke_chaincode(stub, FCC_LIT("ehr"), all, 4, fcc_bytes_of(NULL, 0), &answer);

    return st == FCC_OK ? fcc_reply_status(stub, answer.status, answer.message, answer.payload) : st;
}

static void a_sister_learns_whose_the_encounter_is(void **state)
{
    static const fcc_function functions[] = { { "Issue", issue, 3 } };
    static const fcc_chaincode sister = { functions, 1, NULL, NULL, NULL };
    static const char *const at[] = { "HospitalMSP", "ClinicMSP", NULL };
    fcc_test_chaincode cc = { "prescriptions", &sister, NULL, NULL, at };

    fcc_test_install(world, &cc);
    start();
#define CHECK(enc, pid, uid) fcc_test_evaluate(world, "prescriptions", "Issue", enc, pid, uid, FCC_END)
    assert_string_equal(CHECK("e1", PID_A, "d1").payload,
                        "{\"site\":\"" H1 "\",\"start\":\"2026-01-01T00:00:00Z\",\"status\":\"open\"}");
    assert_accepted(CHECK("e1", PID_LINKED, "d1"));
    assert_refused(CHECK("e1", PID_B, "d1"), 403, "DENIED:not_author");
    assert_refused(CHECK("e1", PID_A, "d3"), 403, "DENIED:not_author");
    assert_refused(CHECK("e9", PID_A, "d1"), 404, "NOT_FOUND");
    assert_refused(CHECK("e1", PID_NOBODY, "d1"), 404, "NOT_FOUND");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, health_stop)
    const struct CMUnitTest tests[] = {
        TEST(a_doctor_vouches_for_an_imported_record),
        TEST(the_author_supersedes_and_the_content_stays),
        TEST(only_the_author_does),
        TEST(retention_is_never_shortened),
        TEST(a_record_in_error_stays_so),
        TEST(one_record_is_superseded_once_in_a_block),
        TEST(a_patient_supplies_documents),
        TEST(a_guardian_acts_for_the_ward_in_scope_and_time),
        TEST(a_patient_found_out_later_owns_what_was_written_before),
        TEST(the_dead_own_nothing_anew),
        TEST(an_export_names_each_blob_and_its_commit),
        TEST(an_encounter_is_checked_by_sisters_only),
        TEST(a_sister_learns_whose_the_encounter_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
