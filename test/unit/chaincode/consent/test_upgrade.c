/* State that the first version wrote is read, judged and continued by this one. */
#include "asking.h"
#include "test/support/state.h"

static int make_channel(void **state)
{
    health_start(NULL);
    health_install("consent", state_with_load(&consent_chaincode));
    install_asking("ehr");
    state_load("consent", "test/unit/chaincode/consent/state-1.tsv", 23);
    as_patient();
    return 0;
}
HEALTH_SETUP(set_up, make_channel)

static fcc_test_result invoke(const char *function, const char *in)
{
    put_in(in);
    return fcc_test_submit(world, "consent", function, FCC_END);
}

static fcc_test_result query(const char *function, const char *in)
{
    put_in(in);
    return fcc_test_evaluate(world, "consent", function, FCC_END);
}

#define AS_D3 ACTOR("d3", "doctor", C1, "ClinicMSP")
#define AS_D7 ACTOR("d7", "doctor", H1, "HospitalMSP")
#define GENERAL "{\"recId\":\"rec2\",\"category\":\"general\",\"sens\":\"N\",\"status\":\"current\"}"
#define WHOSE(pid) "{\"pid\":\"" pid "\"}"
#define D1_ACT "3675b83d7b790878030e138ff1454edc" /* of A's grant to d1 */

static void what_was_said_before_is_judged_as_before(void **state)
{
    assert_decided(PID_A, AS_D1, "TREAT", GENERAL, true, "grant");
    assert_decided(PID_A, ACTOR("n1", "nurse", H1, "HospitalMSP"), "TREAT", GENERAL, true, "grant");
    assert_decided(PID_A, AS_D7, "TREAT", GENERAL, false, "revoked");
    assert_decided(PID_A, AS_D3, "TREAT", OF_LAB("R", ""), true, "base");
    assert_decided(PID_A, AS_D3, "TREAT", GENERAL, false, "category");
    assert_decided(PID_B, AS_D1, "TREAT", GENERAL, false, "revoked");
    assert_decided(PID_B, AS_D3, "TREAT", GENERAL, true, "grant");
    fcc_test_set_time(world, NOW + 366 * 86400);
    assert_decided(PID_A, AS_D1, "TREAT", GENERAL, false, "expired");
}

static void what_was_said_before_is_listed_and_its_commits_hold(void **state)
{
    char in[1000];
    fcc_test_result r;

    assert_accepted(query("GetBase", WHOSE(PID_A)));
    assert_has(query("ListGrants", WHOSE(PID_A)).payload, "\"grantee\":\"u:d7\"");
    assert_has(query("ConsentHistory", WHOSE(PID_A)).payload, "\"v\":2}");
    snprintf(in, sizeof(in), "{\"record\":%s}", held("consent", "subject", "~CONS~" PID_A "~u:d1~"));
    put_in(in);
    r = fcc_test_evaluate(world, "consent", "VerifyCommit", D1_ACT, FCC_END);
    assert_string_equal(r.payload, "true");
    assert_accepted(fcc_test_evaluate(world, "consent", "ActHistory", D1_ACT, FCC_END));
}

static void what_was_said_before_is_continued_under_the_same_act(void **state)
{
#define RULE "{\"effect\":\"permit\",\"purpose\":[\"TREAT\"],\"ops\":[\"read\"],\"cat\":[\"lab\"],\"maxSens\":\"N\"}"
    fcc_test_result r;

    /* the salt of the version before is still refused */
    assert_refused(
        invoke("Grant", "{\"pid\":\"" PID_A "\",\"grantee\":\"u:d1\",\"rules\":[" RULE "],\"salt\":\"" SALT2 "\"}"),
        409, "ALREADY");
    r = invoke("Revoke", "{\"pid\":\"" PID_A "\",\"grantee\":\"u:d1\",\"salt\":\"" SALT3 "\"}");
    assert_accepted(r);
    assert_string_equal(r.payload, "{\"id\":\"" D1_ACT "\",\"v\":3}");
    assert_has(held("consent", "", "~ACT~" D1_ACT "~"), "\"status\":\"revoked\",\"v\":3}");
    assert_non_null(held("consent", "subject", "~CONSV~" PID_A "~u:d1~000003~"));
    assert_decided(PID_A, AS_D1, "TREAT", GENERAL, false, "revoked");
    assert_refused(invoke("Revoke", "{\"pid\":\"" PID_A "\",\"grantee\":\"u:d7\",\"salt\":\"" SALT3 "\"}"), 409,
                   "ALREADY");
    assert_accepted(
        invoke("Grant", "{\"pid\":\"" PID_A "\",\"grantee\":\"u:d7\",\"rules\":[" RULE "],\"salt\":\"" SALT3 "\"}"));
    assert_decided(PID_A, AS_D7, "TREAT", OF_LAB("N", ""), true, "grant");
    assert_accepted(invoke("RevokeAll", "{\"pid\":\"" PID_A "\",\"salt\":\"" SALT3 "\"}"));
    assert_has(held("consent", "subject", "~CBASE~" PID_A "~"), "\"epoch\":1");
    assert_decided(PID_A, AS_D7, "TREAT", OF_LAB("N", ""), false, "revoked");
    assert_decided(PID_A, AS_D3, "TREAT", OF_LAB("R", ""), true, "base");

    as_other_patient();
    assert_accepted(invoke("SetBase", "{\"pid\":\"" PID_B "\",\"rules\":[],\"btg\":\"forbid\",\"btgMaxSens\":\"N\","
                                      "\"salt\":\"" SALT3 "\"}"));
    assert_has(held("consent", "subject", "~CBASE~" PID_B "~"), "\"epoch\":1");
    assert_decided(PID_B, AS_D3, "TREAT", GENERAL, true, "grant");
}

static void a_base_of_before_limits_an_emergency(void **state)
{
    as_staff("doctor", "d2", "02");
    put_in("{\"id\":\"case1\",\"pid\":\"" PID_A "\",\"reasonCode\":\"unable\",\"reason\":\"x\",\"salt\":\"" SALT1
           "\"}");
    assert_accepted(fcc_test_submit(world, "consent", "BreakGlass", FCC_END));
    assert_decided(PID_A, AS_D2, "BTG", OF_LAB("R", ""), true, "emergency");
    assert_decided(PID_A, AS_D2, "BTG", OF_LAB("V", ""), false, "sensitivity");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, health_stop)
    const struct CMUnitTest tests[] = {
        TEST(what_was_said_before_is_judged_as_before),
        TEST(what_was_said_before_is_listed_and_its_commits_hold),
        TEST(what_was_said_before_is_continued_under_the_same_act),
        TEST(a_base_of_before_limits_an_emergency),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
