/* The chaincode consent: every function's good path and its refusals. */
#include "test/support/health.h"

#include "consent/consent.h"

#define RULE                                                                                                       \
    "{\"effect\":\"permit\",\"purpose\":[\"TREAT\"],\"ops\":[\"read\"],\"cat\":[\"general\",\"lab\"],\"maxSens\":" \
    "\"N\"}"
#define GRANT(grantee, rules, salt) \
    "{\"pid\":\"" PID_A "\",\"grantee\":\"" grantee "\",\"rules\":" rules ",\"salt\":\"" salt "\"}"
#define BASE(rules, salt) \
    "{\"pid\":\"" PID_A "\",\"rules\":" rules ",\"btg\":\"notify\",\"btgMaxSens\":\"R\",\"salt\":\"" salt "\"}"
#define REVOKE(grantee, salt) "{\"pid\":\"" PID_A "\",\"grantee\":\"" grantee "\",\"salt\":\"" salt "\"}"
#define WHOSE(pid) "{\"pid\":\"" pid "\"}"

static int make_channel(void **state)
{
    health_start(NULL);
    health_install("consent", &consent_chaincode);
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

static void a_grant_is_kept_in_the_collection_and_its_act_in_public(void **state)
{
    fcc_test_result r = invoke("Grant", GRANT("u:d1", "[" RULE "]", SALT1));
    const char *kept = held("consent", "subject", "~CONS~" PID_A "~u:d1~");

    assert_accepted(r);
    assert_string_equal(r.event, "ConsentChanged");
    assert_has_not(r.event_payload, PID_A);
    assert_has_not(r.payload, PID_A);
    assert_has(kept, "{\"at\":\"2026-01-01T00:00:00Z\",\"epoch\":0,\"fmt\":1,\"grantee\":\"u:d1\",\"id\":\"");
    assert_has(kept, "\"salt\":\"" SALT1 "\",\"status\":\"active\",\"v\":1}");
    assert_string_equal(kept, held("consent", "subject", "~CONSV~" PID_A "~u:d1~000001~"));
    assert_true(fcc_test_public_has(world, "\"docType\":\"grant\""));
    assert_false(fcc_test_public_has(world, PID_A));
    assert_false(fcc_test_public_has(world, "u:d1"));
    assert_false(fcc_test_public_has(world, "\"cat\""));
    assert_false(fcc_test_public_has(world, "TREAT"));
}

static void a_grant_made_again_is_a_new_version_of_the_same_act(void **state)
{
    char first[64];
    fcc_test_result r = invoke("Grant", GRANT("u:d1", "[" RULE "]", SALT1));

    snprintf(first, sizeof(first), "%.40s", r.payload);
    assert_refused(invoke("Grant", GRANT("u:d1", "[" RULE "]", SALT1)), 409, "ALREADY");
    r = invoke("Grant", GRANT("u:d1", "[" RULE "]", SALT2));
    assert_accepted(r);
    assert_has(r.payload, "\"v\":2");
    assert_true(strncmp(r.payload, first, 40) == 0);
}

static void roles_and_organisations_are_grantees_too(void **state)
{
    assert_accepted(invoke("Grant", GRANT("r:nurse@" H1, "[" RULE "]", SALT1)));
    assert_accepted(invoke("Grant", GRANT("m:ClinicMSP", "[" RULE "]", SALT1)));
    assert_refused(invoke("Grant", GRANT("r:pharmacist@" H1, "[" RULE "]", SALT1)), 404, "NOT_FOUND");
    assert_refused(invoke("Grant", GRANT("r:patient@" H1, "[" RULE "]", SALT1)), 404, "NOT_FOUND");
    assert_refused(invoke("Grant", GRANT("r:nurse@9", "[" RULE "]", SALT1)), 404, "NOT_FOUND");
    assert_refused(invoke("Grant", GRANT("m:OtherMSP", "[" RULE "]", SALT1)), 404, "NOT_FOUND");
    assert_refused(invoke("Grant", GRANT("u:nobody", "[" RULE "]", SALT1)), 404, "NOT_FOUND");
    assert_refused(invoke("Grant", GRANT("u:" PID_A, "[" RULE "]", SALT1)), 400, "BAD_INPUT");
}

static void only_the_patient_changes_consent(void **state)
{
    as_clinic_doctor();
    assert_refused(invoke("Grant", GRANT("u:d3", "[" RULE "]", SALT1)), 403, "DENIED:not_owner");
    as_other_patient();
    assert_refused(invoke("Grant", GRANT("u:d3", "[" RULE "]", SALT1)), 403, "DENIED:not_owner");
    assert_refused(invoke("SetBase", BASE("[]", SALT1)), 403, "DENIED:not_owner");
    assert_refused(invoke("Revoke", REVOKE("u:d3", SALT1)), 403, "DENIED:not_owner");
    assert_refused(invoke("RevokeAll", "{\"pid\":\"" PID_A "\",\"salt\":\"" SALT1 "\"}"), 403, "DENIED:not_owner");
    assert_refused(query("GetBase", WHOSE(PID_A)), 403, "DENIED:not_owner");
    assert_refused(query("ListGrants", WHOSE(PID_A)), 403, "DENIED:not_owner");
    as("HospitalMSP", "patient", NULL, NULL, "dd");
    assert_refused(invoke("Revoke", "{\"pid\":\"" PID_DEAD "\",\"grantee\":\"u:d1\",\"salt\":\"" SALT1 "\"}"), 412,
                   "PRECONDITION");
}

static void a_rule_has_exactly_the_known_fields_and_words(void **state)
{
#define WITH(text) GRANT("u:d1", "[{\"effect\":\"permit\",\"purpose\":[\"TREAT\"],\"ops\":[\"read\"]," text "}]", SALT1)
#define PLAIN "\"cat\":[\"lab\"],\"maxSens\":\"N\""
    static const char *const bad[] = {
        GRANT("u:d1", "[]", SALT1),
        GRANT("u:d1", "[1]", SALT1),
        GRANT("u:d1", "{}", SALT1),
        GRANT("u:d1", "[{}]", SALT1),
        GRANT("d1", "[" RULE "]", SALT1),
        GRANT("u:d1", "[" RULE "]", "1"),
        WITH("\"cat\":[\"lab\"]"),
        WITH("\"cat\":[],\"maxSens\":\"N\""),
        WITH("\"cat\":[\"dental\"],\"maxSens\":\"N\""),
        WITH("\"cat\":[\"lab\",\"lab\"],\"maxSens\":\"N\""),
        WITH("\"cat\":[\"*\",\"lab\"],\"maxSens\":\"N\""),
        WITH("\"cat\":[\"lab\"],\"maxSens\":\"X\""),
        WITH(PLAIN ",\"actor\":\"*\""),
        WITH(PLAIN ",\"unknown\":1"),
        WITH(PLAIN ",\"rec\":[]"),
        WITH(PLAIN ",\"validUntil\":\"2025-12-31T23:59:59Z\""),
        WITH(PLAIN ",\"validUntil\":\"soon\""),
        WITH(PLAIN ",\"from\":\"2026-02-01T00:00:00Z\",\"to\":\"2026-01-01T00:00:00Z\""),
        GRANT("u:d1", "[{\"effect\":\"permit\",\"purpose\":[\"FUN\"],\"ops\":[\"read\"]," PLAIN "}]", SALT1),
        GRANT("u:d1", "[{\"effect\":\"permit\",\"purpose\":[\"BTG\"],\"ops\":[\"read\"]," PLAIN "}]", SALT1),
        GRANT("u:d1", "[{\"effect\":\"permit\",\"purpose\":[\"TREAT\"],\"ops\":[\"erase\"]," PLAIN "}]", SALT1),
        GRANT("u:d1", "[{\"effect\":\"maybe\",\"purpose\":[\"TREAT\"],\"ops\":[\"read\"]," PLAIN "}]", SALT1),
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        fcc_test_result r = invoke("Grant", bad[i]);

        if (r.status != 400 || !strstr(r.message, "\"BAD_INPUT\""))
            fail_msg("%s: %d %s", bad[i], (int)r.status, r.message);
    }
    assert_accepted(invoke("Grant", WITH("\"cat\":[\"*\"],\"maxSens\":\"V\",\"author\":\"d1\",\"enc\":\"e\","
                                         "\"rec\":[\"r\"],\"from\":\"2026-01-01T00:00:00Z\","
                                         "\"validUntil\":\"2026-01-01T00:00:00Z\"")));
}

static void malformed_transient_data_is_refused(void **state)
{
    static const char *const bad[] = {
        NULL,
        "",
        "[]",
        "1",
        "{",
        "{}",
        "{\"pid\":\"" PID_A "\",\"pid\":\"" PID_A "\"}",
        "[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]",
        "{\"pid\":\"\xff\"}",
        "{\"pid\":\"short\",\"salt\":\"" SALT1 "\"}",
        "{\"pid\":1,\"salt\":\"" SALT1 "\"}",
        "{\"pid\":\"" PID_A "\",\"salt\":\"" SALT1 "\",\"birthDate\":\"1970-01-01\"}",
    };
    static char large[70000];

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_refused(invoke("RevokeAll", bad[i]), 400, "BAD_INPUT");
    memset(large, ' ', sizeof(large) - 1);
    large[0] = '{';
    large[sizeof(large) - 2] = '}';
    assert_refused(invoke("RevokeAll", large), 400, "BAD_INPUT");
}

static void a_refusal_never_repeats_what_was_sent(void **state)
{
    fcc_test_result r = invoke("RevokeAll", "{\"pid\":\"" PID_A "\",\"salt\":\"secret\"}");

    assert_refused(r, 400, "BAD_INPUT");
    assert_has_not(r.message, "secret");
    assert_has_not(r.message, PID_A);
    r = invoke("RevokeAll", "{\"pid\":\"" PID_A "\",\"salt\":\"" SALT1 "\",\"secret\":\"secret\"}");
    assert_has_not(r.message, "secret");
}

static void unknown_functions_and_argument_counts_are_refused(void **state)
{
    assert_refused(fcc_test_submit(world, "consent", "Nothing", FCC_END), 400, "BAD_INPUT");
    assert_has(fcc_test_submit(world, "consent", "Nothing", FCC_END).message, "unknown function");
    assert_has(fcc_test_submit(world, "consent", "Grant", "x", FCC_END).message, "Grant takes 0 arguments, got 1");
    assert_refused(fcc_test_submit(world, "consent", "Grant", "x", FCC_END), 400, "BAD_INPUT");
    assert_refused(fcc_test_evaluate(world, "consent", "ActHistory", FCC_END), 400, "BAD_INPUT");
    assert_refused(fcc_test_evaluate(world, "consent", "ActHistory", "a b", FCC_END), 400, "BAD_INPUT");
    put_in("{}");
    assert_refused(fcc_test_evaluate(world, "consent", "ActHistory", "a", FCC_END), 400, "BAD_INPUT");
}

static void personal_fields_in_public_arguments_are_refused(void **state)
{
    assert_refused(fcc_test_submit(world, "consent", "Grant", "{\"birthDate\" : \"1970-01-01\"}", FCC_END), 400,
                   "PHI_IN_ARGS");
    assert_refused(fcc_test_evaluate(world, "consent", "ActHistory", "[{\"name\":[]}]", FCC_END), 400, "PHI_IN_ARGS");
    assert_refused(fcc_test_evaluate(world, "consent", "ActHistory", "{\"text\":\"x\"}", FCC_END), 400, "PHI_IN_ARGS");
}

static int64_t early(void)
{
    return fcc_test_time(world) - 121;
}

static int64_t late(void)
{
    return fcc_test_time(world) + 121;
}

static int64_t just_in_time(void)
{
    return fcc_test_time(world) + 120;
}

static void writing_outside_of_the_time_window_is_refused(void **state)
{
    lib_set_clock(early);
    assert_refused(invoke("SetBase", BASE("[]", SALT1)), 400, "TIME_WINDOW");
    lib_set_clock(late);
    assert_refused(invoke("SetBase", BASE("[]", SALT1)), 400, "TIME_WINDOW");
    assert_accepted(query("ListGrants", WHOSE(PID_A)));
    lib_set_clock(just_in_time);
    assert_accepted(invoke("SetBase", BASE("[]", SALT1)));
}

static void callers_are_refused_in_the_order_role_key_job(void **state)
{
    static const struct {
        const char *msp, *role, *uid, *site, *key;
        int32_t status;
        const char *code;
    } callers[] = {
        { "HospitalMSP", NULL, "d1", H1, "01", 401, "NO_ROLE" },
        { "HospitalMSP", "wizard", "d1", H1, "01", 401, "NO_ROLE" },
        { "HospitalMSP", "auditor", "d1", H1, "01", 401, "NO_ROLE" },
        { "PharmacyMSP", "doctor", "d1", H1, "99", 401, "NO_ROLE" },
        { "PharmacyMSP", "patient", NULL, NULL, "a1", 401, "NO_ROLE" },
        { "StrangeMSP", "doctor", "d1", H1, "01", 401, "NO_ROLE" },
        { "HospitalMSP", "doctor", "d1", H1, "99", 403, "DENIED:unbound_key" },
        { "HospitalMSP", "doctor", "d7", H1, "01", 403, "DENIED:unbound_key" },
        { "HospitalMSP", "doctor", NULL, H1, "01", 403, "DENIED:unbound_key" },
        { "ClinicMSP", "doctor", "d1", H1, "01", 403, "DENIED:unbound_key" },
        { "HospitalMSP", "doctor", "d1", H1, "a1", 403, "DENIED:unbound_key" },
        { "HospitalMSP", "patient", NULL, NULL, "01", 403, "DENIED:unbound_key" },
        { "HospitalMSP", "patient", NULL, NULL, "99", 403, "DENIED:unbound_key" },
        { "ClinicMSP", "patient", NULL, NULL, "a1", 403, "DENIED:unbound_key" },
        { "HospitalMSP", "doctor", "d1", C1, "01", 403, "DENIED:suspended" },
        { "HospitalMSP", "doctor", "d1", NULL, "01", 403, "DENIED:suspended" },
        { "HospitalMSP", "nurse", "d1", H1, "01", 403, "DENIED:suspended" },
        { "HospitalMSP", "doctor", "d5", H1, "05", 403, "DENIED:suspended" },
        { "HospitalMSP", "doctor", "d6", W1, "06", 403, "DENIED:suspended" },
    };

    health_start(stranger_orgs);
    health_install("consent", &consent_chaincode);
    for (size_t i = 0; i < sizeof(callers) / sizeof(callers[0]); i++) {
        as(callers[i].msp, callers[i].role, callers[i].uid, callers[i].site, callers[i].key);
        assert_refused(query("GetBase", WHOSE(PID_A)), callers[i].status, callers[i].code);
    }
    as_staff("privacy_officer", "po1", "13");
    assert_refused(query("GetBase", WHOSE(PID_A)), 404, "NOT_FOUND");
}

static void a_base_is_set_changed_and_read(void **state)
{
    fcc_test_result r;

    assert_refused(query("GetBase", WHOSE(PID_A)), 404, "NOT_FOUND");
    assert_accepted(invoke("SetBase", BASE("[]", SALT1)));
    assert_refused(invoke("SetBase", BASE("[]", SALT1)), 409, "ALREADY");
    assert_accepted(
        invoke("SetBase", BASE("[{\"actor\":\"r:nurse@" H1 "\",\"effect\":\"deny\",\"purpose\":[\"TREAT\"],\"ops\":"
                               "[\"read\"],\"cat\":[\"lab\"],\"maxSens\":\"V\"}]",
                               SALT2)));
    r = query("GetBase", WHOSE(PID_A));
    assert_accepted(r);
    assert_has(r.payload, "\"epoch\":0");
    assert_has(r.payload, "\"v\":2");
    assert_refused(invoke("SetBase", "{\"pid\":\"" PID_A "\",\"rules\":[],\"btg\":\"sometimes\",\"btgMaxSens\":\"R\","
                                     "\"salt\":\"" SALT3 "\"}"),
                   400, "BAD_INPUT");
}

static void a_grant_is_revoked_once(void **state)
{
    assert_refused(invoke("Revoke", REVOKE("u:d1", SALT1)), 404, "NOT_FOUND");
    assert_accepted(invoke("Grant", GRANT("u:d1", "[" RULE "]", SALT1)));
    assert_refused(invoke("Revoke", REVOKE("u:d1", SALT1)), 400, "BAD_INPUT");
    assert_accepted(invoke("Revoke", REVOKE("u:d1", SALT2)));
    assert_has(held("consent", "subject", "~CONS~" PID_A "~u:d1~"), "\"status\":\"revoked\",\"v\":2");
    assert_refused(invoke("Revoke", REVOKE("u:d1", SALT3)), 409, "ALREADY");
}

static void revoking_all_raises_the_epoch(void **state)
{
    assert_accepted(invoke("RevokeAll", "{\"pid\":\"" PID_A "\",\"salt\":\"" SALT1 "\"}"));
    assert_has(held("consent", "subject", "~CBASE~" PID_A "~"), "\"epoch\":1");
    assert_refused(invoke("RevokeAll", "{\"pid\":\"" PID_A "\",\"salt\":\"" SALT1 "\"}"), 409, "ALREADY");
    assert_accepted(invoke("SetBase", BASE("[]", SALT2)));
    assert_has(held("consent", "subject", "~CBASE~" PID_A "~"), "\"epoch\":1");
    assert_accepted(invoke("Grant", GRANT("u:d1", "[" RULE "]", SALT1)));
    assert_has(held("consent", "subject", "~CONS~" PID_A "~u:d1~"), "\"epoch\":1");
}

static void grants_are_listed_by_page(void **state)
{
    char in[600], next[80];
    fcc_test_result r;

    for (int i = 0; i < 3; i++) {
        static const char *const who[] = { "u:d1", "u:d3", "m:ClinicMSP" };

        snprintf(in, sizeof(in),
                 "{\"pid\":\"" PID_A "\",\"grantee\":\"%s\",\"rules\":[" RULE "],\"salt\":\"" SALT1 "\"}", who[i]);
        assert_accepted(invoke("Grant", in));
    }
    r = query("ListGrants", WHOSE(PID_A));
    assert_accepted(r);
    assert_has(r.payload, "\"grantee\":\"m:ClinicMSP\"");
    assert_has(r.payload, "\"grantee\":\"u:d3\"");
    assert_has_not(r.payload, "\"next\"");
    snprintf(next, sizeof(next), "{\"pid\":\"" PID_A "\",\"page\":\"u:d1\"}");
    r = query("ListGrants", next);
    assert_has(r.payload, "\"grantee\":\"u:d3\"");
    assert_has_not(r.payload, "\"grantee\":\"u:d1\"");
}

static const char *act_id(const char *payload)
{
    static char id[33];

    assert_has(payload, "{\"id\":\"");
    snprintf(id, sizeof(id), "%.32s", payload + 7);
    return id;
}

static void the_history_of_an_act_is_for_its_owner_and_the_auditor(void **state)
{
    const char *id = act_id(invoke("Grant", GRANT("u:d1", "[" RULE "]", SALT1)).payload);
    fcc_test_result r;

    assert_accepted(invoke("Revoke", REVOKE("u:d1", SALT2)));
    r = fcc_test_evaluate(world, "consent", "ActHistory", id, FCC_END);
    assert_accepted(r);
    assert_true(strstr(r.payload, "\"status\":\"active\"") < strstr(r.payload, "\"status\":\"revoked\""));
    as_auditor();
    assert_accepted(fcc_test_evaluate(world, "consent", "ActHistory", id, FCC_END));
    assert_refused(fcc_test_evaluate(world, "consent", "ActHistory", "none", FCC_END), 404, "NOT_FOUND");
    as_other_patient();
    assert_refused(fcc_test_evaluate(world, "consent", "ActHistory", id, FCC_END), 403, "DENIED:not_owner");
    as_doctor();
    assert_refused(fcc_test_evaluate(world, "consent", "ActHistory", id, FCC_END), 403, "DENIED:role");
}

static void a_commit_is_that_of_the_record_and_its_salt(void **state)
{
    const char *id = act_id(invoke("Grant", GRANT("u:d1", "[" RULE "]", SALT1)).payload);
    char in[2000];
    fcc_test_result r;

    snprintf(in, sizeof(in), "{\"record\":%s}", held("consent", "subject", "~CONS~" PID_A "~u:d1~"));
    put_in(in);
    r = fcc_test_evaluate(world, "consent", "VerifyCommit", id, FCC_END);
    assert_accepted(r);
    assert_string_equal(r.payload, "true");
    *strstr(in, "lab") = 'L';
    put_in(in);
    r = fcc_test_evaluate(world, "consent", "VerifyCommit", id, FCC_END);
    assert_string_equal(r.payload, "false");
    put_in("{\"record\":{}}");
    assert_refused(fcc_test_evaluate(world, "consent", "VerifyCommit", id, FCC_END), 400, "BAD_INPUT");
    put_in("{\"record\":{\"salt\":\"" SALT1 "\",\"x\":1.5}}");
    assert_refused(fcc_test_evaluate(world, "consent", "VerifyCommit", id, FCC_END), 400, "BAD_INPUT");
    put_in("{\"record\":{\"salt\":\"" SALT1 "\"}}");
    assert_refused(fcc_test_evaluate(world, "consent", "VerifyCommit", "none", FCC_END), 404, "NOT_FOUND");
}

static void evaluate_is_not_for_clients(void **state)
{
    assert_refused(fcc_test_evaluate(world, "consent", "Evaluate", PID_A, "{}", "TREAT", "read", "[]", FCC_END), 403,
                   "DENIED:internal");
}

/* ---- what only a network shows ---- */

static void only_the_peers_of_care_organisations_have_consent(void **state)
{
    static const char key[] = "~CONS~" PID_A "~u:d1~";
    fcc_test_result r;

    assert_accepted(invoke("Grant", GRANT("u:d1", "[" RULE "]", SALT1)));
    assert_accepted(invoke("SetBase", BASE("[]", SALT1)));
    assert_non_null(held_at("HospitalMSP", "consent", "subject", key));
    assert_string_equal(held_at("ClinicMSP", "consent", "subject", key), held("consent", "subject", key));
    assert_null(held_at("RegulatorMSP", "consent", "subject", key));
    assert_null(held_at("PharmacyMSP", "consent", "subject", key));
    assert_accepted(query("GetBase", WHOSE(PID_A)));
    fcc_test_at(world, "RegulatorMSP", FCC_END);
    r = query("GetBase", WHOSE(PID_A));
    assert_int_equal(r.status, 500);
    assert_has(r.message, "GET_STATE failed");
    assert_has_not(r.message, PID_A);
    assert_int_equal(r.payload_len, 0);
    fcc_test_at(world, "PharmacyMSP", FCC_END);
    r = query("GetBase", WHOSE(PID_A));
    assert_int_equal(r.status, 500);
    assert_has(r.message, "chaincode is not installed");
}

static void consent_takes_both_care_organisations(void **state)
{
    fcc_test_result r;

    fcc_test_at(world, "HospitalMSP", FCC_END);
    r = invoke("Grant", GRANT("u:d1", "[" RULE "]", SALT1));
    assert_int_equal(r.status, 200);
    assert_int_equal(r.code, FCC_TEST_ENDORSEMENT_POLICY_FAILURE);
    assert_null(held("consent", "subject", "~CONS~" PID_A "~u:d1~"));
    assert_has(r.why, "is endorsed by HospitalMSP");
    /* who patients are is in a collection that the regulator is no member of */
    fcc_test_at(world, "HospitalMSP", "RegulatorMSP", FCC_END);
    r = invoke("Grant", GRANT("u:d1", "[" RULE "]", SALT1));
    assert_int_equal(r.status, 500);
    assert_has(r.message, "private data matching public hash version is not available");
    fcc_test_at(world, "HospitalMSP", "ClinicMSP", FCC_END);
    assert_accepted(invoke("Grant", GRANT("u:d1", "[" RULE "]", SALT1)));
}

static fcc_test_result endorse(const char *function, const char *in)
{
    put_in(in);
    return fcc_test_endorse(world, "consent", function, FCC_END);
}

static void of_two_changes_to_one_grant_in_a_block_the_first_counts(void **state)
{
    fcc_test_block block;

    assert_accepted(invoke("Grant", GRANT("u:d1", "[" RULE "]", SALT1)));
    assert_accepted(endorse("Revoke", REVOKE("u:d1", SALT2)));
    assert_accepted(endorse("Grant", GRANT("u:d1", "[" RULE "]", SALT3)));
    assert_accepted(endorse("Grant", GRANT("u:d3", "[" RULE "]", SALT3)));
    block = fcc_test_commit(world);
    assert_int_equal(block.count, 3);
    assert_accepted(block.tx[0]);
    assert_int_equal(block.tx[1].code, FCC_TEST_MVCC_READ_CONFLICT);
    assert_has(block.tx[1].why, "Grant of HospitalMSP (transaction 1 of block ");
    assert_has(block.tx[1].why, "which was then written by Revoke of HospitalMSP (transaction 0 of block ");
    assert_accepted(block.tx[2]);
    assert_has(held("consent", "subject", "~CONS~" PID_A "~u:d1~"), "\"status\":\"revoked\"");
    assert_accepted(invoke("Grant", GRANT("u:d1", "[" RULE "]", SALT3)));
}

static void a_grant_that_a_revocation_of_all_overtakes_is_invalid(void **state)
{
    fcc_test_block block;

    assert_accepted(endorse("Grant", GRANT("u:d1", "[" RULE "]", SALT1)));
    assert_accepted(invoke("RevokeAll", "{\"pid\":\"" PID_A "\",\"salt\":\"" SALT2 "\"}"));
    block = fcc_test_commit(world);
    assert_int_equal(block.tx[0].code, FCC_TEST_MVCC_READ_CONFLICT);
    assert_has(block.tx[0].why, "~CBASE~" PID_A "~");
    assert_null(held("consent", "subject", "~CONS~" PID_A "~u:d1~"));
}

/* ---- what the chaincode says of itself ---- */

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = calloc(1, 100000);

    if (!file || !text)
        fail_msg("%s can't be read", path);
    (void)!fread(text, 1, 99999, file);
    fclose(file);
    return text;
}

static void the_readme_has_the_table_of_the_code(void **state)
{
    char *readme = read_file("chaincode/consent/README.md"), *table = NULL, *at;
    size_t len = 0;
    FILE *out = open_memstream(&table, &len);

    assert_true(out && lib_describe(out, &consent_table));
    fclose(out);
    at = strstr(readme, "| function | arguments |");
    if (!at || strncmp(at, table, len) != 0)
        fail_msg("chaincode/consent/README.md: put there what `consent --describe` prints");
    assert_true(strncmp(at + len, "<!-- end -->", 12) == 0);
    free(table);
    free(readme);
}

static void the_contracts_metadata_names_every_function(void **state)
{
    fcc_test_result r = fcc_test_evaluate(world, "consent", LIB_METADATA, FCC_END);

    assert_accepted(r);
    for (size_t i = 0; i < consent_table.count; i++) {
        char name[80];

        snprintf(name, sizeof(name), "\"name\":\"%s\"", consent_table.entries[i].name);
        assert_has(r.payload, name);
    }
}

static void every_version_of_consent_is_in_its_history(void **state)
{
    char in[400], next[200];
    fcc_test_result r;
    const char *at;

    for (int i = 0; i < 60; i++) {
        snprintf(in, sizeof(in), "{\"pid\":\"" PID_A "\",\"salt\":\"%032x\"}", i);
        assert_accepted(invoke("RevokeAll", in));
        snprintf(in, sizeof(in), GRANT("u:d1", "[" RULE "]", "%032x"), i);
        assert_accepted(invoke("Grant", in));
    }
    r = query("ConsentHistory", WHOSE(PID_A));
    assert_accepted(r);
    assert_true(strstr(r.payload, "\"epoch\":59") < strstr(r.payload, "\"grantee\":\"u:d1\""));
    at = strstr(r.payload, "\"next\":\"");
    assert_non_null(at);
    snprintf(next, sizeof(next), "{\"pid\":\"" PID_A "\",\"page\":\"%.*s\"}", (int)strcspn(at + 8, "\""), at + 8);
    assert_non_null(strstr(next, "u:d1~000040"));
    r = query("ConsentHistory", next);
    assert_has(r.payload, "\"v\":41}");
    assert_has(r.payload, "\"v\":60}");
    assert_has_not(r.payload, "\"v\":40}");
    assert_has_not(r.payload, "next");

    /* just one page of bases: the grants begin on the next */
    for (int i = 60; i < 100; i++) {
        snprintf(in, sizeof(in), "{\"pid\":\"" PID_A "\",\"salt\":\"%032x\"}", i);
        assert_accepted(invoke("RevokeAll", in));
    }
    assert_has(query("ConsentHistory", WHOSE(PID_A)).payload, "\"next\":\"999999\"");
    r = query("ConsentHistory", "{\"pid\":\"" PID_A "\",\"page\":\"999999\"}");
    assert_has(r.payload, "{\"history\":[{\"at\"");
    assert_has(r.payload, "\"grantee\":\"u:d1\"");
    as_other_patient();
    assert_refused(query("ConsentHistory", WHOSE(PID_A)), 403, "DENIED:not_owner");
    as_doctor();
    assert_refused(query("ConsentHistory", WHOSE(PID_A)), 403, "DENIED:not_owner");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, health_stop)
    const struct CMUnitTest tests[] = {
        TEST(a_grant_is_kept_in_the_collection_and_its_act_in_public),
        TEST(a_grant_made_again_is_a_new_version_of_the_same_act),
        TEST(roles_and_organisations_are_grantees_too),
        TEST(only_the_patient_changes_consent),
        TEST(a_rule_has_exactly_the_known_fields_and_words),
        TEST(malformed_transient_data_is_refused),
        TEST(a_refusal_never_repeats_what_was_sent),
        TEST(unknown_functions_and_argument_counts_are_refused),
        TEST(personal_fields_in_public_arguments_are_refused),
        TEST(writing_outside_of_the_time_window_is_refused),
        TEST(callers_are_refused_in_the_order_role_key_job),
        TEST(a_base_is_set_changed_and_read),
        TEST(a_grant_is_revoked_once),
        TEST(revoking_all_raises_the_epoch),
        TEST(grants_are_listed_by_page),
        TEST(the_history_of_an_act_is_for_its_owner_and_the_auditor),
        TEST(a_commit_is_that_of_the_record_and_its_salt),
        TEST(evaluate_is_not_for_clients),
        TEST(only_the_peers_of_care_organisations_have_consent),
        TEST(consent_takes_both_care_organisations),
        TEST(of_two_changes_to_one_grant_in_a_block_the_first_counts),
        TEST(a_grant_that_a_revocation_of_all_overtakes_is_invalid),
        TEST(the_readme_has_the_table_of_the_code),
        TEST(the_contracts_metadata_names_every_function),
        TEST(every_version_of_consent_is_in_its_history),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
