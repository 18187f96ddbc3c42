/* Consent on paper: one registrar enters it, another countersigns; and consent that a doctor asks for. */
#include "asking.h"

#define RULE                                                                                                       \
    "{\"effect\":\"permit\",\"purpose\":[\"TREAT\"],\"ops\":[\"read\"],\"cat\":[\"general\",\"lab\"],\"maxSens\":" \
    "\"N\"}"
#define FORM "\"evidenceHash\":\"" FP("ef") "\",\"salt\":\"" SALT1 "\"}"
#define GRANT_FOR(id, pid, grantee) \
    "{\"id\":\"" id "\",\"pid\":\"" pid "\",\"grantee\":\"" grantee "\",\"rules\":[" RULE "]," FORM
#define BASE_FOR(id, pid, rules, btg) \
    "{\"id\":\"" id "\",\"pid\":\"" pid "\",\"rules\":[" rules "],\"btg\":\"" btg "\",\"btgMaxSens\":\"R\"," FORM
#define SIGN(id, salt) "{\"id\":\"" id "\",\"salt\":\"" salt "\"}"
#define WHOSE(pid) "{\"pid\":\"" pid "\"}"
#define ASK(id, pid)                    \
    "{\"id\":\"" id "\",\"pid\":\"" pid \
    "\",\"purpose\":\"TREAT\",\"scope\":{\"categories\":[\"lab\"]},\"salt\":\"" SALT1 "\"}"
#define YES(id, salt) "{\"id\":\"" id "\",\"answer\":\"grant\",\"rules\":[" RULE "],\"salt\":\"" salt "\"}"
#define NO(id, salt) "{\"id\":\"" id "\",\"answer\":\"refuse\",\"salt\":\"" salt "\"}"

static int make_channel(void **state)
{
    health_start(NULL);
    health_install("consent", &consent_chaincode);
    install_asking("ehr");
    as_staff("registrar", "reg1", "12");
    return 0;
}
HEALTH_SETUP(set_up, make_channel)

static fcc_test_result invoke(const char *function, const char *in)
{
    put_in(in);
    return fcc_test_submit(world, "consent", function, FCC_END);
}

static fcc_test_result endorse(const char *function, const char *in)
{
    put_in(in);
    return fcc_test_endorse(world, "consent", function, FCC_END);
}

static fcc_test_result query(const char *function, const char *in)
{
    put_in(in);
    return fcc_test_evaluate(world, "consent", function, FCC_END);
}

static void as_first(void)
{
    as_staff("registrar", "reg1", "12");
}

static void as_second(void)
{
    as_staff("registrar", "reg2", "1a");
}

static void as_guardian(void)
{
    as("HospitalMSP", "patient", NULL, NULL, "9a");
}

/* ---- paper ---- */

static void a_grant_on_paper_holds_when_another_registrar_countersigns(void **state)
{
    fcc_test_result r = invoke("GrantFor", GRANT_FOR("form1", PID_E, "u:d1"));
    const char *kept;

    assert_accepted(r);
    assert_string_equal(r.payload, "{\"id\":\"form1\",\"until\":\"2026-01-02T00:00:00Z\"}");
    assert_string_equal(r.event, "");
    assert_has(held("consent", "subject", "~PEND~form1~"), "\"by\":\"reg1\"");
    assert_decided(PID_E, AS_D1, "TREAT", OF_LAB("N", ""), false, "no_consent");
    assert_refused(invoke("Countersign", SIGN("form1", SALT2)), 403, "DENIED:self");
    assert_decided(PID_E, AS_D1, "TREAT", OF_LAB("N", ""), false, "no_consent");

    as_second();
    r = query("GetPending", "{\"id\":\"form1\"}");
    assert_accepted(r);
    assert_has(r.payload, "\"grantee\":\"u:d1\"");
    r = invoke("Countersign", SIGN("form1", SALT2));
    assert_accepted(r);
    assert_string_equal(r.event, "ConsentChanged");
    assert_has(r.payload, "\"v\":1");
    kept = held("consent", "subject", "~CONS~" PID_E "~u:d1~");
    assert_has(kept, "\"source\":{\"by\":[\"reg1\",\"reg2\"],\"evidenceHash\":\"" FP("ef") "\"}");
    assert_has(kept, "\"salt\":\"" SALT2 "\"");
    assert_has(held("consent", "subject", "~PEND~form1~"), "\"countersigned\":\"reg2\"");
    assert_true(fcc_test_public_has(world, "\"docType\":\"grant\""));
    assert_false(fcc_test_public_has(world, PID_E));
    assert_false(fcc_test_public_has(world, "form1"));
    assert_decided(PID_E, AS_D1, "TREAT", OF_LAB("N", ""), true, "grant");
    assert_refused(invoke("Countersign", SIGN("form1", SALT3)), 409, "ALREADY");
    as_staff("privacy_officer", "po1", "13");
    assert_has(query("ListGrants", WHOSE(PID_E)).payload, "\"source\"");
}

static void a_base_on_paper_holds_the_same_way_and_keeps_the_epoch(void **state)
{
    assert_accepted(invoke("SetBaseFor", BASE_FOR("form1", PID_E, RULE, "notify")));
    as("ClinicMSP", "registrar", "reg3", C1, "1b");
    assert_accepted(invoke("Countersign", SIGN("form1", SALT2)));
    assert_has(held("consent", "subject", "~CBASE~" PID_E "~"), "\"source\":{\"by\":[\"reg1\",\"reg3\"]");
    assert_decided(PID_E, AS_D1, "TREAT", OF_LAB("N", ""), true, "base");
}

static void paper_is_for_patients_without_a_key_alone(void **state)
{
    assert_refused(invoke("GrantFor", GRANT_FOR("form1", PID_A, "u:d1")), 412, "PRECONDITION");
    assert_refused(invoke("GrantFor", GRANT_FOR("form1", PID_LINKED, "u:d1")), 412, "PRECONDITION");
    assert_refused(invoke("SetBaseFor", BASE_FOR("form1", PID_A, RULE, "notify")), 412, "PRECONDITION");
    assert_refused(invoke("GrantFor", GRANT_FOR("form1", PID_DEAD, "u:d1")), 412, "PRECONDITION");
    assert_refused(invoke("GrantFor", GRANT_FOR("form1", PID_NOBODY, "u:d1")), 404, "NOT_FOUND");
    assert_refused(invoke("RevokeFor", "{\"pid\":\"" PID_A "\",\"grantee\":\"u:d1\"," FORM), 412, "PRECONDITION");
    assert_refused(invoke("GrantFor", GRANT_FOR("form1", PID_E, "u:nobody")), 404, "NOT_FOUND");
    as_doctor();
    assert_refused(invoke("GrantFor", GRANT_FOR("form1", PID_E, "u:d1")), 403, "DENIED:role");
    assert_refused(invoke("Countersign", SIGN("form1", SALT2)), 403, "DENIED:role");
    assert_refused(query("GetPending", "{\"id\":\"form1\"}"), 403, "DENIED:role");
    as_patient();
    assert_refused(invoke("SetBaseFor", BASE_FOR("form1", PID_E, RULE, "notify")), 403, "DENIED:role");
    as_first();
    assert_refused(invoke("Countersign", SIGN("form9", SALT2)), 404, "NOT_FOUND");
    assert_refused(invoke("GrantFor", "{\"id\":\"f\",\"pid\":\"" PID_E "\",\"grantee\":\"u:d1\",\"rules\":[" RULE
                                      "],\"salt\":\"" SALT1 "\"}"),
                   400, "BAD_INPUT");
}

static void a_patient_who_got_a_key_meanwhile_decides_alone(void **state)
{
    assert_accepted(invoke("GrantFor", GRANT_FOR("form1", PID_E, "u:d1")));
    health_bind_key(PID_E, "ee");
    as_second();
    assert_refused(invoke("Countersign", SIGN("form1", SALT2)), 412, "PRECONDITION");
    assert_null(held("consent", "subject", "~CONS~" PID_E "~u:d1~"));
    as("HospitalMSP", "patient", NULL, NULL, "ee");
    assert_accepted(query("ListGrants", WHOSE(PID_E)));
}

static void no_registrar_has_a_part_in_a_grant_to_themself(void **state)
{
    assert_refused(invoke("GrantFor", GRANT_FOR("form1", PID_E, "u:reg1")), 403, "DENIED:self");
    assert_refused(invoke("GrantFor", GRANT_FOR("form1", PID_E, "r:registrar@" H1)), 403, "DENIED:self");
    assert_refused(invoke("SetBaseFor", BASE_FOR("form1", PID_E,
                                                 "{\"actor\":\"u:reg1\",\"effect\":\"permit\",\"purpose\":[\"TREAT\"],"
                                                 "\"ops\":[\"read\"],\"cat\":[\"*\"],\"maxSens\":\"V\"}",
                                                 "notify")),
                   403, "DENIED:self");
    assert_accepted(invoke("GrantFor", GRANT_FOR("form1", PID_E, "u:reg2")));
    assert_accepted(invoke("GrantFor", GRANT_FOR("form2", PID_E, "m:HospitalMSP")));
    as_second();
    assert_refused(invoke("Countersign", SIGN("form1", SALT2)), 403, "DENIED:self");
    assert_accepted(invoke("Countersign", SIGN("form2", SALT2)));
    as("ClinicMSP", "registrar", "reg3", C1, "1b");
    assert_accepted(invoke("Countersign", SIGN("form1", SALT2)));
    /* nor to another job of their own */
    assert_accepted(invoke("GrantFor", GRANT_FOR("form3", PID_E, "r:privacy_officer@" H1)));
    as_staff("registrar", "po2", "24");
    assert_refused(invoke("GrantFor", GRANT_FOR("form4", PID_E, "r:privacy_officer@" H1)), 403, "DENIED:self");
    assert_refused(invoke("Countersign", SIGN("form3", SALT3)), 403, "DENIED:self");
    assert_accepted(invoke("GrantFor", GRANT_FOR("form4", PID_E, "r:privacy_officer@" C1)));
}

static void what_nobody_countersigns_within_a_day_lapses(void **state)
{
    assert_accepted(invoke("GrantFor", GRANT_FOR("form1", PID_E, "u:d1")));
    assert_refused(invoke("GrantFor", GRANT_FOR("form1", PID_E, "u:d3")), 409, "ALREADY");
    assert_accepted(invoke("GrantFor", GRANT_FOR("form2", PID_E, "u:d3")));
    as_second();
    fcc_test_set_time(world, NOW + 86401);
    assert_refused(invoke("Countersign", SIGN("form1", SALT2)), 410, "GONE");
    fcc_test_set_time(world, NOW + 86400);
    assert_accepted(invoke("Countersign", SIGN("form2", SALT2)));
}

static void a_form_for_a_minor_does_not_forbid_emergencies(void **state)
{
    assert_refused(invoke("SetBaseFor", BASE_FOR("form1", PID_M, RULE, "forbid")), 403, "DENIED:minor");
    assert_accepted(invoke("SetBaseFor", BASE_FOR("form1", PID_W, RULE, "forbid")));
    assert_accepted(invoke("SetBaseFor", BASE_FOR("form2", PID_M, RULE, "allow")));
}

static void one_registrar_revokes_on_paper(void **state)
{
#define REVOKE_FOR \
    "{\"pid\":\"" PID_E "\",\"grantee\":\"u:d1\",\"evidenceHash\":\"" FP("ee") "\",\"salt\":\"" SALT3 "\"}"
    assert_refused(invoke("RevokeFor", REVOKE_FOR), 404, "NOT_FOUND");
    assert_accepted(invoke("GrantFor", GRANT_FOR("form1", PID_E, "u:d1")));
    as_second();
    assert_accepted(invoke("Countersign", SIGN("form1", SALT2)));
    assert_accepted(invoke("RevokeFor", REVOKE_FOR));
    assert_has(held("consent", "subject", "~CONS~" PID_E "~u:d1~"),
               "\"source\":{\"by\":[\"reg2\"],\"evidenceHash\":\"" FP("ee") "\"},\"status\":\"revoked\",\"v\":2}");
    assert_decided(PID_E, AS_D1, "TREAT", OF_LAB("N", ""), false, "revoked");
    assert_refused(invoke("RevokeFor", REVOKE_FOR), 409, "ALREADY");
}

static void of_two_countersignatures_in_a_block_the_first_counts(void **state)
{
    fcc_test_block block;

    assert_accepted(invoke("GrantFor", GRANT_FOR("form1", PID_E, "u:d1")));
    as_second();
    assert_accepted(endorse("Countersign", SIGN("form1", SALT2)));
    as("ClinicMSP", "registrar", "reg3", C1, "1b");
    assert_accepted(endorse("Countersign", SIGN("form1", SALT3)));
    block = fcc_test_commit(world);
    assert_int_equal(block.tx[0].code, FCC_TEST_VALID);
    assert_int_equal(block.tx[1].code, FCC_TEST_MVCC_READ_CONFLICT);
    assert_refused(invoke("Countersign", SIGN("form1", SALT3)), 409, "ALREADY");
}

/* ---- guardians ---- */

static void a_guardian_acts_in_scope_and_time(void **state)
{
#define WARD_GRANT(pid) "{\"pid\":\"" pid "\",\"grantee\":\"u:d1\",\"rules\":[" RULE "],\"salt\":\"" SALT1 "\"}"
    as_guardian();
    assert_accepted(invoke("Grant", WARD_GRANT(PID_M)));
    assert_decided(PID_M, AS_D1, "TREAT", OF_LAB("N", ""), true, "grant");
    assert_decided(PID_M, AS_PATIENT(PID_G), "TREAT", OF_LAB("V", ""), true, "guardian");
    assert_has(query("ListGrants", WHOSE(PID_M)).payload, "u:d1");
    assert_refused(invoke("Grant", WARD_GRANT(PID_A)), 403, "DENIED:not_owner");
    assert_decided(PID_A, AS_PATIENT(PID_G), "TREAT", OF_LAB("N", ""), false, "no_consent");
    fcc_test_set_time(world, NOW + 86401);
    assert_refused(query("ListGrants", WHOSE(PID_M)), 403, "DENIED:not_owner");
    assert_decided(PID_M, AS_PATIENT(PID_G), "TREAT", OF_LAB("N", ""), false, "no_consent");
    as_other_patient();
    assert_refused(invoke("Grant", WARD_GRANT(PID_W)), 403, "DENIED:not_owner");
}

static void a_linked_pid_is_judged_as_the_one_that_it_turned_out_to_be(void **state)
{
#define GRANT_AS(pid) "{\"pid\":\"" pid "\",\"grantee\":\"u:d1\",\"rules\":[" RULE "],\"salt\":\"" SALT1 "\"}"
    as_patient();
    assert_accepted(invoke("Grant", GRANT_AS(PID_LINKED)));
    assert_non_null(held("consent", "subject", "~CONS~" PID_A "~u:d1~"));
    assert_null(held("consent", "subject", "~CONS~" PID_LINKED "~u:d1~"));
    assert_decided(PID_LINKED, AS_D1, "TREAT", OF_LAB("N", ""), true, "grant");
    assert_decided(PID_LINKED, AS_PATIENT(PID_A), "TREAT", OF_LAB("N", ""), true, "owner");
}

/* ---- requests ---- */

static void an_assigned_doctor_asks_and_the_patient_grants(void **state)
{
    fcc_test_result r;

    as_doctor();
    r = invoke("RequestConsent", ASK("ask1", PID_A));
    assert_accepted(r);
    assert_string_equal(r.payload, "{\"id\":\"ask1\"}");
    assert_has(held("consent", "subject", "~CREQ~" PID_A "~ask1~"), "\"status\":\"open\",\"uid\":\"d1\",\"v\":1}");
    assert_false(fcc_test_public_has(world, "ask1"));
    assert_refused(invoke("RequestConsent", ASK("ask1", PID_A)), 409, "ALREADY");
    assert_decided(PID_A, AS_D1, "TREAT", OF_LAB("N", ""), false, "no_consent");
    as_patient();
    assert_has(query("ListRequests", WHOSE(PID_A)).payload, "\"id\":\"ask1\"");
    r = invoke("AnswerRequest", YES("ask1", SALT2));
    assert_accepted(r);
    assert_string_equal(r.event, "ConsentChanged");
    assert_has(held("consent", "subject", "~CREQ~" PID_A "~ask1~"), "\"status\":\"granted\"");
    assert_has(held("consent", "", "~ACT~ask1~"), "\"docType\":\"request\",\"id\":\"ask1\",\"status\":\"granted\"");
    assert_has(held("consent", "subject", "~CONS~" PID_A "~u:d1~"), "\"status\":\"active\"");
    assert_decided(PID_A, AS_D1, "TREAT", OF_LAB("N", ""), true, "grant");
    assert_refused(invoke("AnswerRequest", NO("ask1", SALT3)), 409, "ALREADY");
    r = fcc_test_evaluate(world, "consent", "ActHistory", "ask1", FCC_END);
    assert_accepted(r);
}

static void a_patient_refuses_a_request(void **state)
{
    as_doctor();
    assert_accepted(invoke("RequestConsent", ASK("ask1", PID_A)));
    as_patient();
    assert_refused(invoke("AnswerRequest", "{\"id\":\"ask1\",\"answer\":\"grant\",\"salt\":\"" SALT2 "\"}"), 400,
                   "BAD_INPUT");
    assert_refused(
        invoke("AnswerRequest", "{\"id\":\"ask1\",\"answer\":\"refuse\",\"rules\":[" RULE "],\"salt\":\"" SALT2 "\"}"),
        400, "BAD_INPUT");
    assert_refused(invoke("AnswerRequest", NO("ask9", SALT2)), 404, "NOT_FOUND");
    assert_accepted(invoke("AnswerRequest", NO("ask1", SALT2)));
    assert_null(held("consent", "subject", "~CONS~" PID_A "~u:d1~"));
    assert_has(held("consent", "", "~ACT~ask1~"), "\"status\":\"refused\",\"v\":2}");
    assert_refused(invoke("AnswerRequest", YES("ask1", SALT3)), 409, "ALREADY");
}

static void only_an_assigned_doctor_asks_and_only_the_owner_answers(void **state)
{
    as_clinic_doctor();
    assert_refused(invoke("RequestConsent", ASK("ask1", PID_A)), 403, "DENIED:not_assigned");
    as_doctor();
    assert_refused(invoke("RequestConsent", ASK("ask1", PID_NOBODY)), 403, "DENIED:not_assigned");
    assert_refused(invoke("RequestConsent", ASK("ask1", PID_DEAD)), 412, "PRECONDITION");
    assert_refused(invoke("RequestConsent", "{\"id\":\"ask1\",\"pid\":\"" PID_A "\",\"purpose\":\"TREAT\",\"scope\":{},"
                                            "\"salt\":\"" SALT1 "\"}"),
                   400, "BAD_INPUT");
    assert_refused(invoke("RequestConsent", "{\"id\":\"ask1\",\"pid\":\"" PID_A "\",\"purpose\":\"FUN\",\"scope\":{"
                                            "\"encId\":\"e1\"},\"salt\":\"" SALT1 "\"}"),
                   400, "BAD_INPUT");
    assert_accepted(invoke("RequestConsent", ASK("ask1", PID_A)));
    assert_refused(invoke("AnswerRequest", YES("ask1", SALT2)), 403, "DENIED:not_owner");
    as_staff("nurse", "n1", "11");
    assert_refused(invoke("RequestConsent", ASK("ask2", PID_A)), 403, "DENIED:role");
    as_other_patient();
    assert_refused(invoke("AnswerRequest", YES("ask1", SALT2)), 404, "NOT_FOUND");
    assert_refused(
        invoke("AnswerRequest", "{\"id\":\"ask1\",\"pid\":\"" PID_A "\",\"answer\":\"refuse\",\"salt\":\"" SALT2 "\"}"),
        403, "DENIED:not_owner");
    assert_refused(query("ListRequests", WHOSE(PID_A)), 403, "DENIED:not_owner");
}

/* A request's id becomes a public act when it is answered: it must not take over the act of somebody else. */
static void a_request_does_not_take_the_id_of_another_act(void **state)
{
    char in[400], id[33];
    fcc_test_result r;

    as_other_patient();
    r = invoke("Grant", "{\"pid\":\"" PID_B "\",\"grantee\":\"u:d3\",\"rules\":[" RULE "],\"salt\":\"" SALT1 "\"}");
    assert_accepted(r);
    snprintf(id, sizeof(id), "%.32s", strstr(r.payload, "\"id\":\"") + 6);
    as_doctor();
    snprintf(in, sizeof(in), ASK("%s", PID_A), id);
    assert_refused(invoke("RequestConsent", in), 409, "ALREADY");
}

static void of_an_answer_and_a_grant_in_a_block_the_first_counts(void **state)
{
    fcc_test_block block;

    as_doctor();
    assert_accepted(invoke("RequestConsent", ASK("ask1", PID_A)));
    as_patient();
    assert_accepted(endorse("Grant", GRANT_AS(PID_A)));
    assert_accepted(endorse("AnswerRequest", YES("ask1", SALT2)));
    block = fcc_test_commit(world);
    assert_int_equal(block.tx[0].code, FCC_TEST_VALID);
    assert_int_equal(block.tx[1].code, FCC_TEST_MVCC_READ_CONFLICT);
    assert_accepted(invoke("AnswerRequest", YES("ask1", SALT2)));
    assert_has(held("consent", "subject", "~CONS~" PID_A "~u:d1~"), "\"v\":2");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, health_stop)
    const struct CMUnitTest tests[] = {
        TEST(a_grant_on_paper_holds_when_another_registrar_countersigns),
        TEST(a_base_on_paper_holds_the_same_way_and_keeps_the_epoch),
        TEST(paper_is_for_patients_without_a_key_alone),
        TEST(a_patient_who_got_a_key_meanwhile_decides_alone),
        TEST(no_registrar_has_a_part_in_a_grant_to_themself),
        TEST(what_nobody_countersigns_within_a_day_lapses),
        TEST(a_form_for_a_minor_does_not_forbid_emergencies),
        TEST(one_registrar_revokes_on_paper),
        TEST(of_two_countersignatures_in_a_block_the_first_counts),
        TEST(a_guardian_acts_in_scope_and_time),
        TEST(a_linked_pid_is_judged_as_the_one_that_it_turned_out_to_be),
        TEST(an_assigned_doctor_asks_and_the_patient_grants),
        TEST(a_patient_refuses_a_request),
        TEST(only_an_assigned_doctor_asks_and_only_the_owner_answers),
        TEST(a_request_does_not_take_the_id_of_another_act),
        TEST(of_an_answer_and_a_grant_in_a_block_the_first_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
