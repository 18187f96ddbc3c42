/* Evaluate and Explain, asked by a sister chaincode: the order of decision on a ledger, and what is read for it. */
#include "asking.h"

#define RULE_OF(effect, purpose, cat, sens, more)                                                 \
    "{\"effect\":\"" effect "\",\"purpose\":[\"" purpose "\"],\"ops\":[\"read\"],\"cat\":[\"" cat \
    "\"],\"maxSens\":\"" sens "\"" more "}"
#define PERMIT RULE_OF("permit", "TREAT", "lab", "R", "")
#define PERMIT_CANONICAL \
    "{\"cat\":[\"lab\"],\"effect\":\"permit\",\"maxSens\":\"R\",\"ops\":[\"read\"],\"purpose\":[\"TREAT\"]}"
#define DENY RULE_OF("deny", "TREAT", "lab", "R", "")
#define AS_N1 ACTOR("n1", "nurse", H1, "HospitalMSP")
#define AS_D3 ACTOR("d3", "doctor", C1, "ClinicMSP")
#define AS_PO ACTOR("po1", "privacy_officer", H1, "HospitalMSP")
#define STATUS(status, more) \
    "{\"recId\":\"rec1\",\"category\":\"lab\",\"sens\":\"N\",\"site\":\"" H1 "\",\"status\":\"" status "\"" more "}"

static int salt_number;

static int make_channel(void **state)
{
    health_start(NULL);
    health_install("consent", &consent_chaincode);
    install_asking("ehr");
    as_patient();
    return 0;
}
HEALTH_SETUP(set_up, make_channel)

/* A call of the owner with a new salt. */
static void owner_says(const char *function, const char *pid, const char *more)
{
    char in[2500];

    snprintf(in, sizeof(in), "{\"pid\":\"%s\"%s,\"salt\":\"%032x\"}", pid, more, ++salt_number);
    put_in(in);
    assert_accepted(fcc_test_submit(world, "consent", function, FCC_END));
}

static void grants(const char *grantee, const char *rules)
{
    char more[2000];

    snprintf(more, sizeof(more), ",\"grantee\":\"%s\",\"rules\":[%s]", grantee, rules);
    owner_says("Grant", PID_A, more);
}

static void sets_base(const char *rules)
{
    char more[2000];

    snprintf(more, sizeof(more), ",\"rules\":[%s],\"btg\":\"notify\",\"btgMaxSens\":\"R\"", rules);
    owner_says("SetBase", PID_A, more);
}

static void revokes(const char *grantee)
{
    char more[200];

    snprintf(more, sizeof(more), ",\"grantee\":\"%s\"", grantee);
    owner_says("Revoke", PID_A, more);
}

#define LAB OF_LAB("N", "")

/* ---- the order of decision ---- */

static void an_erased_record_is_denied_to_everybody(void **state)
{
    grants("u:d1", PERMIT);
    assert_decided(PID_A, AS_PATIENT(PID_A), "TREAT", STATUS("erased", ""), false, "erased");
    assert_decided(PID_A, AS_D1, "TREAT", STATUS("erased", ",\"encState\":\"open\""), false, "erased");
    assert_decided(PID_A, AS_PO, "HLEGAL", STATUS("erased", ""), false, "erased");
}

static void the_owner_comes_before_restriction_and_death(void **state)
{
    assert_decided(PID_A, AS_PATIENT(PID_A), "TREAT", STATUS("restricted", ""), true, "owner");
    assert_decided(PID_DEAD, AS_PATIENT(PID_DEAD), "TREAT", LAB, true, "owner");
    assert_decided(PID_A, AS_PATIENT(PID_B), "TREAT", LAB, false, "no_consent");
}

static void a_restricted_record_is_for_a_privacy_officer_of_its_site_and_legal_claims(void **state)
{
    grants("u:d1", PERMIT);
    assert_decided(PID_A, AS_D1, "TREAT", STATUS("restricted", ",\"encState\":\"open\""), false, "restricted");
    assert_decided(PID_A, AS_PO, "HLEGAL", STATUS("restricted", ""), true, "privacy_officer");
    assert_decided(PID_A, AS_PO, "HOPERAT", STATUS("restricted", ""), false, "restricted");
    assert_decided(PID_A, ACTOR("po3", "privacy_officer", C1, "ClinicMSP"), "HLEGAL", STATUS("restricted", ""), false,
                   "restricted");
}

static void the_authors_site_treats_whatever_the_patient_denies_and_death_comes_after_it(void **state)
{
    grants("u:d1", DENY);
    assert_decided(PID_A, AS_D1, "TREAT", STATUS("current", ",\"encState\":\"open\""), true, "author_site");
    assert_decided(PID_A, AS_D1, "TREAT",
                   STATUS("current", ",\"encState\":\"closed\",\"encClosed\":\"2025-12-02T00:00:01Z\""), true,
                   "author_site");
    assert_decided(PID_A, AS_D1, "TREAT",
                   STATUS("current", ",\"encState\":\"closed\",\"encClosed\":\"2025-12-02T00:00:00Z\""), false,
                   "denied");
    assert_decided(PID_A, AS_PO, "HOPERAT",
                   STATUS("current", ",\"encState\":\"closed\",\"encClosed\":\"2020-01-01T00:00:00Z\""), true,
                   "privacy_officer");
    assert_decided(PID_A, AS_PO, "TREAT",
                   STATUS("current", ",\"encState\":\"closed\",\"encClosed\":\"2020-01-01T00:00:00Z\""), false,
                   "no_consent");
    assert_decided(PID_DEAD, AS_D1, "TREAT", STATUS("current", ",\"encState\":\"open\""), true, "author_site");
    assert_decided(PID_DEAD, AS_D3, "TREAT", STATUS("current", ",\"encState\":\"open\""), false, "deceased");
    assert_decided(PID_NOBODY, AS_D3, "TREAT", LAB, false, "unknown_patient");
}

/* Each of nine levels of consent is said, from the weakest on, and changes the decision. */
static void denies_of_grants_permits_of_grants_denies_of_the_base_permits_of_the_base(void **state)
{
    assert_decided(PID_A, AS_D1, "TREAT", LAB, false, "no_consent");
    sets_base(PERMIT);
    assert_decided(PID_A, AS_D1, "TREAT", LAB, true, "base");
    assert_decided(PID_A, AS_D3, "TREAT", LAB, true, "base");
    sets_base(PERMIT "," RULE_OF("deny", "TREAT", "*", "V", ",\"actor\":\"r:doctor@" H1 "\""));
    assert_decided(PID_A, AS_D1, "TREAT", LAB, false, "denied");
    assert_decided(PID_A, AS_D3, "TREAT", LAB, true, "base");
    assert_decided(PID_A, AS_N1, "TREAT", LAB, true, "base");
    grants("m:HospitalMSP", PERMIT);
    assert_decided(PID_A, AS_D1, "TREAT", LAB, true, "grant");
    grants("r:doctor@" H1, DENY);
    assert_decided(PID_A, AS_D1, "TREAT", LAB, false, "denied");
    assert_decided(PID_A, AS_N1, "TREAT", LAB, true, "grant");
    grants("u:d1", PERMIT);
    assert_decided(PID_A, AS_D1, "TREAT", LAB, false, "denied");
    revokes("r:doctor@" H1);
    assert_decided(PID_A, AS_D1, "TREAT", LAB, true, "grant");
    revokes("m:HospitalMSP");
    assert_decided(PID_A, AS_D1, "TREAT", LAB, true, "grant");
    revokes("u:d1");
    assert_decided(PID_A, AS_D1, "TREAT", LAB, false, "denied");
    owner_says("RevokeAll", PID_A, "");
    assert_decided(PID_A, AS_N1, "TREAT", LAB, true, "base");
    sets_base("");
    assert_decided(PID_A, AS_D1, "TREAT", LAB, false, "revoked");
    assert_decided(PID_A, AS_D3, "TREAT", LAB, false, "no_consent");
}

static void one_call_revokes_every_grant_and_later_ones_count_again(void **state)
{
    grants("u:d1", PERMIT);
    grants("m:ClinicMSP", PERMIT);
    owner_says("RevokeAll", PID_A, "");
    assert_decided(PID_A, AS_D1, "TREAT", LAB, false, "revoked");
    assert_decided(PID_A, AS_D3, "TREAT", LAB, false, "revoked");
    grants("m:ClinicMSP", PERMIT);
    assert_decided(PID_A, AS_D3, "TREAT", LAB, true, "grant");
    assert_decided(PID_A, AS_D1, "TREAT", LAB, false, "revoked");
}

static void a_rule_holds_in_its_time(void **state)
{
    grants("u:d1", RULE_OF("permit", "TREAT", "lab", "R",
                           ",\"validFrom\":\"2026-01-01T01:00:00Z\",\"validUntil\":\"2026-01-01T02:00:00Z\""));
    assert_decided(PID_A, AS_D1, "TREAT", LAB, false, "period");
    fcc_test_set_time(world, NOW + 3600);
    assert_decided(PID_A, AS_D1, "TREAT", LAB, true, "grant");
    fcc_test_set_time(world, NOW + 7200);
    assert_decided(PID_A, AS_D1, "TREAT", LAB, true, "grant");
    fcc_test_set_time(world, NOW + 7201);
    assert_decided(PID_A, AS_D1, "TREAT", LAB, false, "expired");
}

/* ---- what is asked ---- */

static fcc_test_result ask(const char *pid, const char *actor, const char *purpose, const char *op, const char *attrs)
{
    return fcc_test_evaluate(world, "ehr", "Evaluate", pid, actor, purpose, op, attrs, FCC_END);
}

static void a_question_of_another_form_is_refused(void **state)
{
    assert_refused(ask("x", AS_D1, "TREAT", "read", "[]"), 400, "BAD_INPUT");
    assert_refused(ask(PID_A, "{}", "TREAT", "read", "[]"), 400, "BAD_INPUT");
    assert_refused(ask(PID_A, "{\"uid\":\"d1\",\"msp\":\"HospitalMSP\"}", "TREAT", "read", "[]"), 400, "BAD_INPUT");
    assert_refused(ask(PID_A, "{\"uid\":\"d1\",\"pid\":\"" PID_A "\",\"msp\":\"x\"}", "TREAT", "read", "[]"), 400,
                   "BAD_INPUT");
    assert_refused(ask(PID_A, AS_D1, "FUN", "read", "[]"), 400, "BAD_INPUT");
    assert_refused(ask(PID_A, AS_D1, "TREAT", "burn", "[]"), 400, "BAD_INPUT");
    assert_refused(ask(PID_A, AS_D1, "TREAT", "read", "["), 400, "BAD_INPUT");
    assert_refused(ask(PID_A, AS_D1, "TREAT", "read", "[{\"colour\":\"red\"}]"), 400, "BAD_INPUT");
    assert_refused(ask(PID_A, AS_D1, "TREAT", "read", "[{\"category\":\"dental\"}]"), 400, "BAD_INPUT");
    assert_refused(ask(PID_A, AS_D1, "TREAT", "read", "[[]]"), 400, "BAD_INPUT");
    assert_has(ask(PID_A, AS_D1, "TREAT", "read", "[1]").message, "attrs is not an object");
    assert_refused(ask(PID_A, AS_D1, "TREAT", "read", "{}"), 400, "BAD_INPUT");
    assert_string_equal(ask(PID_A, AS_D1, "TREAT", "read", "[]").payload, "[]");
}

static void only_sisters_ask(void **state)
{
    install_asking("appointments");
    assert_refused(fcc_test_evaluate(world, "appointments", "Evaluate", PID_A, AS_D1, "TREAT", "read", "[]", FCC_END),
                   403, "DENIED:internal");
    assert_refused(fcc_test_evaluate(world, "appointments", "Explain", PID_A, "{}", FCC_END), 403, "DENIED:internal");
    install_asking("research");
    assert_accepted(fcc_test_evaluate(world, "research", "Evaluate", PID_A, AS_D1, "TREAT", "read", "[]", FCC_END));
    assert_refused(fcc_test_evaluate(world, "research", "Explain", PID_A, "{}", FCC_END), 403, "DENIED:internal");
}

/* The lines of a trace that are consent's reads. */
static const char *reads_of(const char *trace)
{
    static char lines[2][4000];
    static int turn;
    char *out = lines[turn = !turn];
    size_t n = 0;

    for (const char *line = trace; *line; line += strcspn(line, "\n") + 1) {
        if (strncmp(line, "consent get ", 12) == 0)
            n += (size_t)snprintf(out + n, sizeof(lines[0]) - n, "%.*s\n", (int)strcspn(line, "\n"), line);
        if (!line[strcspn(line, "\n")])
            break;
    }
    return out;
}

static void the_same_keys_are_read_whatever_is_decided(void **state)
{
    static const char want[] = "consent get subject ~CBASE~" PID_A "~\nconsent get subject ~CONS~" PID_A
                               "~u:d1~\nconsent get subject ~CONS~" PID_A "~r:doctor@" H1
                               "~\nconsent get subject ~CONS~" PID_A "~m:HospitalMSP~\n";
    static const char emergency[] = "consent get subject ~CBASE~" PID_A "~\nconsent get emergency ~BTGCUR~" PID_A
                                    "~d1~\nconsent get emergency ~BTGCUR~" PID_A "~d1~\nconsent get emergency ~BTG~\n";
    fcc_test_result r = ask(PID_A, AS_D1, "TREAT", "read", "[]");

    assert_has(r.trace, "consent get subject");
    assert_string_equal(reads_of(r.trace), want);
    assert_string_equal(reads_of(ask(PID_A, AS_D1, "TREAT", "read", "[" LAB "]").trace), want);
    assert_string_equal(reads_of(ask(PID_A, AS_D1, "HLEGAL", "append", "[" STATUS("erased", "") "]").trace), want);
    grants("u:d1", PERMIT);
    sets_base(DENY);
    assert_string_equal(reads_of(ask(PID_A, AS_D1, "TREAT", "read", "[" LAB "]").trace), want);
    assert_string_equal(reads_of(ask(PID_A, AS_D1, "BTG", "read", "[" LAB "]").trace), emergency);
}

/* ---- a reader and a change in one block ---- */

static fcc_test_block read_against(const char *actor, const char *function, const char *in, bool change_first)
{
    for (int i = 0; i < 2; i++) {
        if ((i == 0) == change_first) {
            as_patient();
            put_in(in);
            assert_accepted(fcc_test_endorse(world, "consent", function, FCC_END));
        } else {
            as_doctor();
            assert_accepted(
                fcc_test_endorse(world, "ehr", "Evaluate", PID_A, actor, "TREAT", "read", "[" LAB "]", FCC_END));
        }
    }
    return fcc_test_commit(world);
}

static void a_read_that_a_revocation_overtakes_is_invalid(void **state)
{
    static const char revoke[] = "{\"pid\":\"" PID_A "\",\"grantee\":\"u:d1\",\"salt\":\"" SALT1 "\"}";
    fcc_test_block block;

    grants("u:d1", PERMIT);
    block = read_against(AS_D1, "Revoke", revoke, true);
    assert_int_equal(block.tx[0].code, FCC_TEST_VALID);
    assert_int_equal(block.tx[1].code, FCC_TEST_MVCC_READ_CONFLICT);
    assert_decided(PID_A, AS_D1, "TREAT", LAB, false, "revoked");
}

static void a_read_before_a_revocation_counts(void **state)
{
    static const char revoke[] = "{\"pid\":\"" PID_A "\",\"grantee\":\"u:d1\",\"salt\":\"" SALT1 "\"}";
    fcc_test_block block;

    grants("u:d1", PERMIT);
    block = read_against(AS_D1, "Revoke", revoke, false);
    assert_int_equal(block.tx[0].code, FCC_TEST_VALID);
    assert_int_equal(block.tx[1].code, FCC_TEST_VALID);
}

static void a_read_that_a_first_deny_or_a_revocation_of_all_overtakes_is_invalid(void **state)
{
    static const char deny[] = "{\"pid\":\"" PID_A "\",\"grantee\":\"r:doctor@" H1 "\",\"rules\":[" DENY
                               "],\"salt\":\"" SALT1 "\"}";
    static const char all[] = "{\"pid\":\"" PID_A "\",\"salt\":\"" SALT1 "\"}";
    fcc_test_block block;

    grants("u:d1", PERMIT);
    /* neither the grant nor the base existed when the reader asked: their absence was read */
    block = read_against(AS_D1, "Grant", deny, true);
    assert_int_equal(block.tx[1].code, FCC_TEST_MVCC_READ_CONFLICT);
    block = read_against(AS_D1, "RevokeAll", all, true);
    assert_int_equal(block.tx[1].code, FCC_TEST_MVCC_READ_CONFLICT);
}

static void a_grant_to_one_and_a_read_by_another_do_not_meet(void **state)
{
    static const char grant[] = "{\"pid\":\"" PID_A "\",\"grantee\":\"u:d1\",\"rules\":[" PERMIT "],\"salt\":\"" SALT1
                                "\"}";
    fcc_test_block block = read_against(AS_D3, "Grant", grant, true);

    assert_int_equal(block.tx[0].code, FCC_TEST_VALID);
    assert_int_equal(block.tx[1].code, FCC_TEST_VALID);
}

static void two_grants_to_different_grantees_in_a_block_both_count(void **state)
{
    static const char *const in[] = {
        "{\"pid\":\"" PID_A "\",\"grantee\":\"u:d1\",\"rules\":[" PERMIT "],\"salt\":\"" SALT1 "\"}",
        "{\"pid\":\"" PID_A "\",\"grantee\":\"u:d3\",\"rules\":[" PERMIT "],\"salt\":\"" SALT1 "\"}",
        "{\"pid\":\"" PID_A "\",\"grantee\":\"u:d1\",\"rules\":[" DENY "],\"salt\":\"" SALT2 "\"}",
    };
    fcc_test_block block;

    for (int i = 0; i < 3; i++) {
        put_in(in[i]);
        assert_accepted(fcc_test_endorse(world, "consent", "Grant", FCC_END));
    }
    block = fcc_test_commit(world);
    assert_int_equal(block.tx[0].code, FCC_TEST_VALID);
    assert_int_equal(block.tx[1].code, FCC_TEST_VALID);
    assert_int_equal(block.tx[2].code, FCC_TEST_MVCC_READ_CONFLICT);
}

/* ---- Explain ---- */

static const char *explain(const char *attrs)
{
    fcc_test_result r = fcc_test_evaluate(world, "ehr", "Explain", PID_A, attrs, FCC_END);

    assert_accepted(r);
    return r.payload;
}

static void everybody_whom_something_speaks_of_is_explained_with_the_rule(void **state)
{
    const char *seen;

    sets_base(RULE_OF("permit", "HRESCH", "*", "N", "") "," RULE_OF("deny", "TREAT", "*", "V", ",\"actor\":\"u:d4\""));
    grants("u:d1", RULE_OF("permit", "TREAT", "psychiatry", "R", "") "," PERMIT);
    grants("r:doctor@" H1, RULE_OF("permit", "HPAYMT", "lab", "N", ""));
    grants("m:ClinicMSP", DENY);
    grants("u:d3", PERMIT);
    grants("u:d7", PERMIT);
    revokes("u:d7");
    seen = explain(LAB);
    assert_has(seen, "\"who\":\"owner\",\"words\":\"The patient may read it, and guardians for records.\"");
    assert_has(seen, "\"words\":\"d1 may read it for treatment: rule 2 of the patient's grant to u:d1 permits it.\"");
    assert_has(seen, "\"words\":\"d1, as doctor at " H1 ", may read it for payment: rule 1 of the patient's grant to "
                     "r:doctor@" H1 " permits it.\"");
    assert_has(seen, "\"words\":\"Every doctor at " H1 " may not read it for treatment, running the site and legal "
                     "claims: no consent for this purpose.\"");
    assert_has(seen, "\"words\":\"Everybody at ClinicMSP may not read it for treatment: rule 1 of the patient's grant "
                     "to m:ClinicMSP denies it.\"");
    assert_has(seen,
               "\"words\":\"d3 may not read it for treatment: rule 1 of the patient's grant to m:ClinicMSP denies "
               "it.\"");
    assert_has(seen, "\"words\":\"d4 may not read it for treatment: rule 2 of the patient's base denies it.\"");
    assert_has(seen, "\"words\":\"Any other member of staff may read it for research: rule 1 of the patient's base "
                     "permits it.\"");
    assert_has(seen,
               "\"words\":\"A doctor who declares an emergency may read it for three hours; somebody else reviews "
               "that.\"");
    assert_has(seen, "\"of\":\"u:d1\"");
    assert_has(seen, "\"rule\":" PERMIT_CANONICAL);
    assert_has_not(seen, "d7");
}

static void the_authors_site_and_emergencies_are_explained(void **state)
{
    const char *seen = explain("{\"recId\":\"rec1\",\"category\":\"lab\",\"sens\":\"V\",\"site\":\"" H1
                               "\",\"encState\":\"open\",\"status\":\"current\"}");

    assert_has(seen,
               "\"words\":\"Who treats the patient at " H1 " may read it for treatment: the record was made there, "
               "in an encounter that is open or closed for less than 30 days.\"");
    assert_has(seen, "\"words\":\"A privacy officer at " H1
                     " may read it for running the site and legal claims: the record was made there.\"");
    assert_has(seen,
               "\"words\":\"A doctor who declares an emergency may not read it for three hours: the record is more "
               "sensitive than the consent reaches.\"");
    as_staff("doctor", "d2", "02");
    put_in("{\"id\":\"case1\",\"pid\":\"" PID_A "\",\"reasonCode\":\"unable\",\"reason\":\"x\",\"salt\":\"" SALT1
           "\"}");
    assert_accepted(fcc_test_submit(world, "consent", "BreakGlass", FCC_END));
    seen = explain(LAB);
    assert_has(seen, "\"words\":\"d2 declared an emergency and may read it until 2026-01-01T03:00:00Z.\"");
    assert_string_equal(explain(STATUS("erased", "")), "{\"sees\":[]}");
    assert_refused(fcc_test_evaluate(world, "ehr", "Explain", "x", "{}", FCC_END), 400, "BAD_INPUT");
    assert_refused(fcc_test_evaluate(world, "ehr", "Explain", PID_A, "[]", FCC_END), 400, "BAD_INPUT");
}

/* What is explained of a person in a job is what Evaluate decides of them. */
static void an_explanation_agrees_with_the_decision(void **state)
{
    grants("m:HospitalMSP", RULE_OF("permit", "TREAT", "lab", "N", ""));
    grants("r:nurse@" H1, DENY);
    grants("u:n1", PERMIT);
    assert_decided(PID_A, AS_N1, "TREAT", LAB, false, "denied");
    assert_has(explain(LAB), "n1, as nurse at " H1 ", may not read it for treatment");
    assert_decided(PID_A, AS_D1, "TREAT", LAB, true, "grant");
    assert_has(explain(LAB), "Everybody at HospitalMSP may read it for treatment");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, health_stop)
    const struct CMUnitTest tests[] = {
        TEST(an_erased_record_is_denied_to_everybody),
        TEST(the_owner_comes_before_restriction_and_death),
        TEST(a_restricted_record_is_for_a_privacy_officer_of_its_site_and_legal_claims),
        TEST(the_authors_site_treats_whatever_the_patient_denies_and_death_comes_after_it),
        TEST(denies_of_grants_permits_of_grants_denies_of_the_base_permits_of_the_base),
        TEST(one_call_revokes_every_grant_and_later_ones_count_again),
        TEST(a_rule_holds_in_its_time),
        TEST(a_question_of_another_form_is_refused),
        TEST(only_sisters_ask),
        TEST(the_same_keys_are_read_whatever_is_decided),
        TEST(a_read_that_a_revocation_overtakes_is_invalid),
        TEST(a_read_before_a_revocation_counts),
        TEST(a_read_that_a_first_deny_or_a_revocation_of_all_overtakes_is_invalid),
        TEST(a_grant_to_one_and_a_read_by_another_do_not_meet),
        TEST(two_grants_to_different_grantees_in_a_block_both_count),
        TEST(everybody_whom_something_speaks_of_is_explained_with_the_rule),
        TEST(the_authors_site_and_emergencies_are_explained),
        TEST(an_explanation_agrees_with_the_decision),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
