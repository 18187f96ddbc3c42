/*
 * What an answer to a request tells, and what it opens: silence whatever was decided, whole charts, emergencies with one
 * organisation's peers, guardians, and the trail of it all.
 */
#include "test/support/state.h"
#include "test/unit/chaincode/ehr/chart.h"

#include <stdlib.h>

#define BREAK_GLASS(id, pid)            \
    "{\"id\":\"" id "\",\"pid\":\"" pid \
    "\",\"reasonCode\":\"unable\",\"reason\":\"found unconscious\",\"salt\":\"" SALT1 "\"}"
#define EMERGENCY_OF(id, case_id, pid, scope) \
    "{\"reqId\":\"" id "\",\"pid\":\"" pid "\",\"caseId\":\"" case_id "\",\"scope\":" scope "}"
#define EMERGENCY(id) EMERGENCY_OF(id, "case1", PID_A, LABS)

enum { hour = 3600 };

static void as_emergency_doctor(void)
{
    as_staff("doctor", "d2", "02");
}

static void as_guardian(void)
{
    as("HospitalMSP", "patient", NULL, NULL, "9a");
}

static void break_glass(void)
{
    as_emergency_doctor();
    put_in(BREAK_GLASS("case1", PID_A));
    assert_accepted(fcc_test_submit(world, "consent", "BreakGlass", FCC_END));
}

/* ---- silence ---- */

/* What somebody can look at who has an answer endorsed and never submits it. */
struct seen {
    char *trace, *payload, *event;
};

static char *copy(const char *text)
{
    char *out = strdup(text);

    assert_non_null(out);
    return out;
}

static struct seen look(fcc_test_result r)
{
    assert_int_equal(r.status, 200);
    return (struct seen){ copy(r.trace), copy(r.payload), copy(r.event_payload) };
}

/* The same request once evaluated and once endorsed; neither reaches a block. */
static struct seen try_out(const char *in)
{
    struct seen evaluated = look(query("RequestAccess", in)), endorsed = look(endorse("ehr", "RequestAccess", in));

    assert_string_equal(evaluated.trace, endorsed.trace);
    assert_string_equal(evaluated.payload, endorsed.payload);
    free(evaluated.trace);
    free(evaluated.payload);
    free(evaluated.event);
    return endorsed;
}

static void assert_alike(struct seen *a, struct seen *b)
{
    assert_string_equal(a->trace, b->trace);
    assert_string_equal(a->payload, b->payload);
    assert_string_equal(a->event, b->event);
    free(b->trace);
    free(b->payload);
    free(b->event);
}

static void what_was_never_committed_tells_nothing(void **state)
{
    static const char *const scopes[] = { LABS, "{\"encId\":\"e1\"}", "{\"recIds\":[\"r1\",\"r2\"]}",
                                          "{\"categories\":[\"psychiatry\",\"genetic\"]}" };
    enum { n = sizeof(scopes) / sizeof(scopes[0]) };
    struct seen before[n], after[n];
    char in[400];

    start();
    assert_accepted(invoke("AddRecords", ADD(RECORD("r1") "," RECORD("r2"))));
    for (size_t i = 0; i < n; i++) {
        snprintf(in, sizeof(in), ASK_FOR("q1", PID_A, "TREAT", "%s"), scopes[i]);
        as_clinic_doctor();
        before[i] = try_out(in);
    }
    grant("u:d3", "*", SALT1);
    for (size_t i = 0; i < n; i++) {
        snprintf(in, sizeof(in), ASK_FOR("q1", PID_A, "TREAT", "%s"), scopes[i]);
        as_clinic_doctor();
        after[i] = try_out(in);
        assert_alike(&before[i], &after[i]);
    }
    /* the decisions do differ */
    assert_accepted(invoke("RequestAccess", ASK_FOR("q2", PID_A, "TREAT", "{\"recIds\":[\"r1\",\"r2\"]}")));
    assert_has(query_id("Decision", "q2", NULL).payload, "\"decision\":\"allow\"");
    assert_refused(query_id("Decision", "q1", NULL), 404, "NOT_FOUND");
    for (size_t i = 0; i < n; i++) {
        free(before[i].trace);
        free(before[i].payload);
        free(before[i].event);
    }
}

/* The same text with each pid B and Z as pid A. */
static void as_pid_a(char *text)
{
    static const char *const others[] = { PID_B, PID_NOBODY, PID_DEAD };
    char *at;

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        while ((at = strstr(text, others[i])) != NULL)
            memcpy(at, PID_A, strlen(PID_A));
}

static void patients_who_are_unknown_dead_or_silent_look_alike(void **state)
{
    static const char *const requests[] = { ASK_FOR("q1", PID_B, "TREAT", LABS),
                                            ASK_FOR("q1", PID_NOBODY, "TREAT", LABS),
                                            ASK_FOR("q1", PID_DEAD, "TREAT", LABS) };
    struct seen first, other;

    as_clinic_doctor();
    first = try_out(ASK("q1"));
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        other = try_out(requests[i]);
        as_pid_a(other.trace);
        assert_alike(&first, &other);
    }
    free(first.trace);
    free(first.payload);
    free(first.event);
}

static void guardians_and_strangers_look_alike(void **state)
{
    struct seen ward, stranger;

    as_guardian();
    ward = try_out(ASK_FOR("q1", PID_M, "TREAT", LABS));
    fcc_test_set_time(world, NOW + 86401); /* the guardianship has ended */
    stranger = try_out(ASK_FOR("q1", PID_M, "TREAT", LABS));
    /* the time is in the keys of the trail */
    for (char *at = stranger.trace; (at = strstr(at, "8232687998")) != NULL;)
        memcpy(at, "8232774399", 10);
    assert_alike(&ward, &stranger);
    free(ward.trace);
    free(ward.payload);
    free(ward.event);
}

static void nothing_public_is_written_by_a_request(void **state)
{
    fcc_test_result r;

    as_clinic_doctor();
    r = invoke("RequestAccess", ASK("q1"));
    assert_accepted(r);
    assert_has_not(r.trace, "put - ");
    assert_has_not(r.trace, "put subject");
    assert_has(held("ehr", "audit", "~ACC~q1~"), "\"mac\":\"");
    assert_string_equal(held_at("RegulatorMSP", "ehr", "audit", "~ACC~q1~"), held("ehr", "audit", "~ACC~q1~"));
}

/* ---- a chart ---- */

static void a_chart_of_500_records_is_opened_by_one_request(void **state)
{
    static char in[80000];
    char want[32], next[128] = "", page[160];
    size_t seen = 0, pages = 0;
    fcc_test_result r;

    as_staff("registrar", "reg1", "12");
    for (int batch = 0; batch < 10; batch++) {
        size_t at = (size_t)sprintf(in, "{\"pid\":\"" PID_A "\",\"records\":[");

        for (int i = 0; i < 50; i++) {
            static const char one[] = RECORD("0000");
            char id[16];

            snprintf(id, sizeof(id), "%04d", batch * 50 + i);
            at += (size_t)sprintf(in + at, "%s%s", i ? "," : "", one);
            memcpy(in + at - sizeof(one) + 1 + 10, id, 4);
        }
        sprintf(in + at, "]}");
        assert_accepted(invoke("ImportRecords", in));
    }
    grant("u:d3", "lab", SALT1);
    as_clinic_doctor();
    assert_accepted(invoke("RequestAccess", ASK("q1")));
    do {
        const char *at;

        snprintf(page, sizeof(page), "{\"page\":\"%s\"}", next);
        r = query_id("ReadIndex", "q1", *next ? page : NULL);
        assert_accepted(r);
        for (at = r.payload; (at = strstr(at, "\"recId\"")) != NULL; at++)
            seen++;
        at = strstr(r.payload, "\"next\":\"");
        next[0] = 0;
        if (at)
            sscanf(at, "\"next\":\"%127[^\"]", next);
    } while (*next && ++pages < 10);
    assert_int_equal(seen, 500);
    as_staff("custodian", "cust1", "14");
    for (int i = 0; i < 500; i += 499) {
        snprintf(want, sizeof(want), "%04d", i);
        assert_accepted(fcc_test_evaluate(world, "ehr", "GetKey", "q1", want, FCC_END));
    }
}

/* ---- guardians ---- */

static void a_guardian_reads_what_the_ward_may_read(void **state)
{
    as_staff("registrar", "reg1", "12");
    assert_accepted(invoke("ImportRecords", "{\"pid\":\"" PID_M "\",\"records\":[" RECORD("r1") "]}"));
    as_guardian();
    assert_accepted(invoke("RequestAccess", ASK_FOR("q1", PID_M, "TREAT", LABS)));
    assert_has(query_id("ReadIndex", "q1", NULL).payload, "\"recId\":\"r1\"");
    assert_has(query("AuditTrail", "{\"pid\":\"" PID_M "\"}").payload, "\"auditId\":\"q1\"");
    assert_accepted(invoke("RequestAccess", ASK_FOR("q2", PID_A, "TREAT", LABS)));
    assert_has(query_id("Decision", "q2", NULL).payload, "\"decision\":\"deny\"");
    assert_refused(query("AuditTrail", "{\"pid\":\"" PID_A "\"}"), 403, "DENIED:not_owner");
}

static int64_t two_days_later(void)
{
    return NOW + 2 * (int64_t)86400;
}

static void a_guardian_whose_time_is_over_does_not_read_on_by_an_own_clock(void **state)
{
    static const char ward[] = "{\"pid\":\"" PID_M "\"}";
    static const char *const functions[] = { "ListRecords", "ExportRecords", "ErasureState" };

    as_staff("registrar", "reg1", "12");
    assert_accepted(invoke("ImportRecords", "{\"pid\":\"" PID_M "\",\"records\":[" RECORD("r1") "]}"));
    as_guardian();
    for (size_t i = 0; i < 3; i++)
        assert_accepted(query(functions[i], ward));
    lib_set_clock(two_days_later); /* the proposal says what it said before */
    for (size_t i = 0; i < 3; i++)
        assert_refused(query(functions[i], ward), 400, "TIME_WINDOW");
    assert_refused(query_id("ActHistory", "r1", ward), 400, "TIME_WINDOW");
    put_in(ward);
    assert_refused(fcc_test_evaluate(world, "consent", "ListGrants", FCC_END), 400, "TIME_WINDOW");
    put_in(ward);
    assert_refused(fcc_test_evaluate(world, "credentials", "GetPatient", FCC_END), 400, "TIME_WINDOW");
    /* who has no part in it is told nothing else than before, and the owner needs no clock */
    as_other_patient();
    assert_refused(query("ListRecords", ward), 403, "DENIED:not_owner");
    assert_accepted(query("ListRecords", "{\"pid\":\"" PID_B "\"}"));
}

/* ---- emergencies ---- */

/* What one organisation's peers may have written alone is a case's, or nothing. */
static void a_request_among_the_emergencies_opens_nothing_without_a_case(void **state)
{
    static const char forged[] =
        "{\"at\":\"2026-01-01T00:00:00Z\",\"auditId\":\"q1\",\"decision\":\"allow\",\"fmt\":1,\"fp\":\"%s\",\"mac\":"
        "\"m\",\"msp\":\"ClinicMSP\",\"pid\":\"" PID_A "\",\"purpose\":\"TREAT\",\"reason\":\"grant\",\"role\":"
        "\"doctor\",\"scope\":" LABS ",\"site\":\"" C1 "\",\"uid\":\"d3\",\"until\":\"2026-01-01T00:30:00Z\"}";
    char value[1000];
    fcc_bytes args[4] = { FCC_LIT("Load"), FCC_LIT("emergency"), FCC_LIT(""), FCC_LIT("") };

    health_stop(state);
    set_up_with(state_with_load(&ehr_chaincode));
    allow();
    snprintf(value, sizeof(value), forged, fcc_test_fingerprint("03"));
    args[2] = key_of("~ACC~q0~");
    args[3] = fcc_str(value);
    fcc_test_at(world, "ClinicMSP", FCC_END);
    assert_accepted(fcc_test_call(world, FCC_TEST_SUBMIT, "ehr", args, 4));
    assert_accepted(query_id("ReadIndex", "q1", NULL)); /* the committed request, by the same consent */
    assert_refused(query_id("ReadIndex", "q0", NULL), 404, "NOT_FOUND");
    assert_refused(query_id("Decision", "q0", NULL), 404, "NOT_FOUND");
    as_staff("custodian", "cust1", "14");
    assert_accepted(fcc_test_evaluate(world, "ehr", "GetKey", "q1", "r1", FCC_END));
    assert_refused(fcc_test_evaluate(world, "ehr", "GetKey", "q0", "r1", FCC_END), 404, "NOT_FOUND");
}

static void one_organisations_peers_open_a_chart_in_an_emergency(void **state)
{
    fcc_test_result r;

    as_staff("registrar", "reg1", "12");
    assert_accepted(invoke("ImportRecords", IMPORT(RECORD("r1") "," RECORD_OF(
                                                "r2", "psychiatry", "R", "") "," RECORD_OF("r3", "lab", "V", ""))));
    as_emergency_doctor();
    assert_accepted(invoke("EmergencyAccess", EMERGENCY("q0")));
    assert_has(query_id("Decision", "q0", NULL).payload, "\"decision\":\"deny\"");
    break_glass();
    fcc_test_at(world, "HospitalMSP", FCC_END);
    r = invoke("EmergencyAccess", EMERGENCY_OF("q1", "case1", PID_A, "{\"categories\":[\"lab\",\"psychiatry\"]}"));
    assert_accepted(r);
    assert_string_equal(r.payload, "{\"auditId\":\"q1\"}");
    assert_string_equal(r.event, "AccessRequested");
    assert_has_not(r.trace, "put - ");
    assert_has_not(r.trace, "put subject");
    assert_has_not(r.trace, "put audit");
    assert_has(held("ehr", "emergency", "~ACC~q1~"), "\"caseId\":\"case1\"");
    assert_has(held("ehr", "emergency", "~ACC~q1~"), "\"purpose\":\"BTG\"");
    assert_null(held("ehr", "audit", "~ACC~q1~"));
    assert_has(query_id("Decision", "q1", NULL).payload, "\"decision\":\"allow\"");
    r = query_id("ReadIndex", "q1", NULL);
    assert_accepted(r);
    assert_has(r.payload, "\"recId\":\"r1\"");
    assert_has(r.payload, "\"recId\":\"r2\"");
    assert_has_not(r.payload, "\"recId\":\"r3\""); /* more sensitive than the patient allows in an emergency */
    as_staff("custodian", "cust1", "14");
    assert_accepted(fcc_test_evaluate(world, "ehr", "GetKey", "q1", "r1", FCC_END));
    assert_refused(fcc_test_evaluate(world, "ehr", "GetKey", "q1", "r3", FCC_END), 403, "DENIED:sensitivity");
}

static void an_emergency_is_for_who_opened_it_while_it_is_open(void **state)
{
    as_staff("registrar", "reg1", "12");
    assert_accepted(invoke("ImportRecords", IMPORT(RECORD("r1"))));
    break_glass();
    assert_accepted(invoke("EmergencyAccess", EMERGENCY("q1")));
    assert_refused(invoke("EmergencyAccess", EMERGENCY("q1")), 409, "ALREADY");
    assert_refused(invoke("EmergencyAccess", ASK("q2")), 400, "BAD_INPUT");
    as_doctor();
    assert_accepted(invoke("EmergencyAccess", EMERGENCY("q2")));
    assert_has(query_id("Decision", "q2", NULL).payload, "\"decision\":\"deny\"");
    as_staff("nurse", "n1", "11");
    assert_refused(invoke("EmergencyAccess", EMERGENCY("q3")), 403, "DENIED:role");
    as_emergency_doctor();
    assert_accepted(invoke("EmergencyAccess", EMERGENCY_OF("q4", "case1", PID_B, LABS)));
    assert_has(query_id("Decision", "q4", NULL).payload, "\"decision\":\"deny\"");
    /* the case that is named is the one that opens, or none does */
    assert_accepted(invoke("EmergencyAccess", EMERGENCY_OF("q8", "case2", PID_A, LABS)));
    assert_has(query_id("Decision", "q8", NULL).payload, "\"reason\":\"no_case\"");
    assert_refused(query_id("ReadIndex", "q8", NULL), 403, "DENIED:no_case");
    /* a request as if there were no emergency is judged by consent alone */
    assert_accepted(invoke("RequestAccess", ASK("q5")));
    assert_has(query_id("Decision", "q5", NULL).payload, "\"decision\":\"deny\"");
    fcc_test_set_time(world, NOW + 3 * hour - 60);
    assert_accepted(invoke("EmergencyAccess", EMERGENCY("q6")));
    assert_accepted(query_id("ReadIndex", "q6", NULL));
    fcc_test_set_time(world, NOW + 3 * hour + 60);
    assert_refused(query_id("ReadIndex", "q6", NULL), 403, "DENIED:expired");
    assert_accepted(invoke("EmergencyAccess", EMERGENCY("q7")));
    assert_has(query_id("Decision", "q7", NULL).payload, "\"reason\":\"expired\"");
}

static void a_closed_case_ends_what_it_opened(void **state)
{
    as_staff("registrar", "reg1", "12");
    assert_accepted(invoke("ImportRecords", IMPORT(RECORD("r1"))));
    break_glass();
    assert_accepted(invoke("EmergencyAccess", EMERGENCY("q1")));
    assert_accepted(query_id("ReadIndex", "q1", NULL));
    assert_accepted(fcc_test_submit(world, "consent", "CloseBreakGlass", "case1", FCC_END));
    assert_true(query_id("ReadIndex", "q1", NULL).status == 403);
}

/* ---- the trail ---- */

static void the_trail_has_requests_and_emergencies_in_one_order(void **state)
{
    static const char *const order[] = { "\"auditId\":\"q3\"", "\"auditId\":\"q2\"", "\"id\":\"case1\"",
                                         "\"auditId\":\"q1\"" };
    const char *at;
    fcc_test_result r;

    as_clinic_doctor();
    assert_accepted(invoke("RequestAccess", ASK("q1")));
    fcc_test_set_time(world, NOW + 60);
    break_glass();
    fcc_test_set_time(world, NOW + 120);
    assert_accepted(invoke("EmergencyAccess", EMERGENCY("q2")));
    fcc_test_set_time(world, NOW + 180);
    as_clinic_doctor();
    assert_accepted(invoke("RequestAccess", ASK("q3")));
    as_auditor();
    r = query("AuditTrail", "{\"pid\":\"" PID_A "\"}");
    assert_accepted(r);
    at = r.payload;
    for (size_t i = 0; i < 4; i++) {
        at = strstr(at, order[i]);
        if (!at)
            fail_msg("%s is not in its place in %s", order[i], r.payload);
    }
    assert_has_not(r.payload, "\"salt\"");
    assert_has_not(r.payload, "\"mac\"");
    r = query("AuditTrail", "{\"uid\":\"d2\"}");
    assert_has(r.payload, "\"id\":\"case1\"");
    assert_has(r.payload, "\"auditId\":\"q2\"");
    assert_has_not(r.payload, "\"auditId\":\"q3\"");
    as_patient();
    assert_has(query("AuditTrail", "{\"pid\":\"" PID_A "\"}").payload, "\"id\":\"case1\"");
    as_staff("privacy_officer", "po1", "13");
    r = query("AuditTrail", "{\"pid\":\"" PID_A "\"}");
    assert_has(r.payload, "\"id\":\"case1\"");
    assert_has_not(r.payload, "\"auditId\":\"q1\""); /* the clinic's */
    /* of who has two employers, either's officer sees what was done for the own one */
    as("ClinicMSP", "doctor", "d10", C1, "2a");
    assert_accepted(invoke("RequestAccess", ASK("q4")));
    as("ClinicMSP", "privacy_officer", "po3", C1, "1c");
    assert_has(query("AuditTrail", "{\"uid\":\"d10\"}").payload, "\"auditId\":\"q4\"");
    assert_refused(query("AuditTrail", "{\"uid\":\"d2\"}"), 403, "DENIED:role");
    as_staff("privacy_officer", "po1", "13");
    assert_string_equal(query("AuditTrail", "{\"uid\":\"d10\"}").payload, "{\"entries\":[]}");
}

/* Fetch the whole trail by pages; each id must come once. */
static size_t count_trail(size_t ids, size_t *pages)
{
    char next[128] = "", in[260];
    size_t found = 0;

    *pages = 0;
    do {
        fcc_test_result r;
        const char *at;

        snprintf(in, sizeof(in), *next ? "{\"pid\":\"" PID_A "\",\"page\":\"%s\"}" : "{\"pid\":\"" PID_A "\"}", next);
        r = query("AuditTrail", in);
        assert_accepted(r);
        for (at = r.payload; (at = strstr(at, "\"auditId\"")) != NULL; at++)
            found++;
        at = strstr(r.payload, "\"next\":\"");
        next[0] = 0;
        if (at)
            sscanf(at, "\"next\":\"%127[^\"]", next);
    } while (*next && ++*pages < ids);
    return found;
}

static void ask_as(bool emergency, int id)
{
    char in[300];

    snprintf(in, sizeof(in),
             emergency ? EMERGENCY_OF("q%03d", "case1", PID_A, LABS) : ASK_FOR("q%03d", PID_A, "TREAT", LABS), id);
    assert_accepted(invoke(emergency ? "EmergencyAccess" : "RequestAccess", in));
}

static void a_long_trail_comes_by_pages_and_whole(void **state)
{
    size_t pages;

    break_glass();
    for (int i = 0; i < 240; i++) {
        fcc_test_set_time(world, NOW + i / 3);
        ask_as(i % 2, i);
    }
    as_auditor();
    assert_int_equal(count_trail(240, &pages), 240);
    assert_int_equal(pages, 2);
}

static void nobody_hides_an_emergency_behind_a_page(void **state)
{
    size_t pages;

    break_glass();
    ask_as(false, 0);
    fcc_test_set_time(world, NOW + 1);
    ask_as(false, 1); /* one id at one second in both collections, just where a page ends */
    ask_as(true, 1);
    fcc_test_set_time(world, NOW + 2);
    for (int i = 2; i < 101; i++)
        ask_as(false, i);
    as_auditor();
    assert_int_equal(count_trail(102, &pages), 102);
    assert_int_equal(pages, 1);
}

/* ---- explain ---- */

static void the_owner_learns_who_can_see_a_record(void **state)
{
    fcc_test_result r;

    start();
    assert_accepted(invoke("AddRecords", ADD(RECORD("r1"))));
    grant("u:d3", "lab", SALT1);
    as_patient();
    r = query("Explain", "{\"pid\":\"" PID_A "\",\"recId\":\"r1\"}");
    assert_accepted(r);
    assert_has(r.payload, "\"status\":\"current\"");
    assert_has(r.payload, "\"who\":\"owner\"");
    assert_has(r.payload, "\"who\":\"site:" H1 "\"");
    assert_has(r.payload, "\"who\":\"u:d3\"");
    assert_refused(query("Explain", "{\"pid\":\"" PID_A "\",\"recId\":\"r9\"}"), 404, "NOT_FOUND");
    as_other_patient();
    assert_refused(query("Explain", "{\"pid\":\"" PID_A "\",\"recId\":\"r1\"}"), 403, "DENIED:not_owner");
    as_staff("privacy_officer", "po1", "13");
    assert_accepted(query("Explain", "{\"pid\":\"" PID_A "\",\"recId\":\"r1\"}"));
    as("ClinicMSP", "privacy_officer", "po3", C1, "1c");
    assert_refused(query("Explain", "{\"pid\":\"" PID_A "\",\"recId\":\"r1\"}"), 403, "DENIED:not_author");
    as_doctor();
    assert_refused(query("Explain", "{\"pid\":\"" PID_A "\",\"recId\":\"r1\"}"), 403, "DENIED:role");
}

static void of_a_result_both_sites_are_named(void **state)
{
    as_staff("admin", "adm1", "16");
    assert_accepted(set("SetRetention", L1, "general", "10"));
    start();
    assert_accepted(invoke("OrderTest", "{\"encId\":\"e1\",\"orderId\":\"o1\",\"labSite\":\"" L1
                                        "\",\"loinc\":\"718-7\",\"salt\":\"" SALT1 "\"}"));
    as("HospitalMSP", "labtech", "lab1", L1, "21");
    assert_accepted(invoke_id("AddLabResult", "o1", "{\"record\":" RECORD("r1") "}"));
    as_patient();
    assert_has(query("Explain", "{\"pid\":\"" PID_A "\",\"recId\":\"r1\"}").payload, "\"who\":\"site:" L1 "\"");
    assert_has(query("Explain", "{\"pid\":\"" PID_A "\",\"recId\":\"r1\"}").payload, "\"who\":\"site:" H1 "\"");
}

/* ---- the README ---- */

static void the_readme_has_the_tables_of_the_code(void **state)
{
    static char readme[65536];
    char *tables = NULL;
    size_t len = 0;
    FILE *f = fopen("chaincode/ehr/README.md", "r"), *out = open_memstream(&tables, &len);

    assert_non_null(f);
    assert_non_null(out);
    assert_true(fread(readme, 1, sizeof(readme) - 1, f) > 0);
    fclose(f);
    assert_true(lib_describe(out, &ehr_table));
    fclose(out);
    if (!strstr(readme, tables))
        fail_msg("chaincode/ehr/README.md has other tables than `ehr --describe` prints");
    free(tables);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, health_stop)
    const struct CMUnitTest tests[] = {
        TEST(what_was_never_committed_tells_nothing),
        TEST(patients_who_are_unknown_dead_or_silent_look_alike),
        TEST(guardians_and_strangers_look_alike),
        TEST(nothing_public_is_written_by_a_request),
        TEST(a_chart_of_500_records_is_opened_by_one_request),
        TEST(a_guardian_reads_what_the_ward_may_read),
        TEST(a_guardian_whose_time_is_over_does_not_read_on_by_an_own_clock),
        TEST(a_request_among_the_emergencies_opens_nothing_without_a_case),
        TEST(one_organisations_peers_open_a_chart_in_an_emergency),
        TEST(an_emergency_is_for_who_opened_it_while_it_is_open),
        TEST(a_closed_case_ends_what_it_opened),
        TEST(the_trail_has_requests_and_emergencies_in_one_order),
        TEST(a_long_trail_comes_by_pages_and_whole),
        TEST(nobody_hides_an_emergency_behind_a_page),
        TEST(the_owner_learns_who_can_see_a_record),
        TEST(of_a_result_both_sites_are_named),
        cmocka_unit_test(the_readme_has_the_tables_of_the_code),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
