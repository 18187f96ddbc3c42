/* What is said of certificates, keys and clocks that are wrong. */
#include "test/unit/network/msp/fixture.h"

#include "msp/check.h"

typedef struct seen {
    msp_checker checker;
    fcc__code code;
    char text[1200];
    fix_ca ca, other;
    fcc__arena *arena;
} seen;

static void note(void *ctx, const msp_finding *finding)
{
    seen *s = ctx;

    s->code = finding->code;
    assert_string_equal(finding->what, "it");
    snprintf(s->text, sizeof s->text, "%s", finding->text);
}

static int begin(void **state)
{
    seen *s = calloc(1, sizeof *s);

    s->arena = fcc__arena_new(8 << 20);
    s->ca = fix_authority("ca.a.test", NULL);
    s->other = fix_authority("ca.b.test", NULL);
    s->checker = (msp_checker){ .now_s = FIX_NOW + 86400, .warn_days = 30, .report = note, .ctx = s };
    *state = s;
    return 0;
}

static int end(void **state)
{
    seen *s = *state;

    fix_ca_clear(&s->ca);
    fix_ca_clear(&s->other);
    fcc__arena_free(s->arena);
    free(s);
    return 0;
}

static void expect(seen *s, bool ok, fcc__code code, const char *words)
{
    assert_false(ok);
    assert_int_equal(s->checker.errors, 1);
    assert_int_equal(s->code, code);
    if (!strstr(s->text, words))
        fail_msg("%s: %s", words, s->text);
    s->checker.errors = 0;
}

static fcc_bytes pem_of(seen *s, const fix_person *person)
{
    return msp__pem_of_cert(person->cert, s->arena);
}

static void times_are_told_with_the_distance(void **state)
{
    seen *s = *state;
    fix_person p = fix_person_of(&s->ca, "peer"); /* for a year from FIX_NOW on */
    const fcc_bytes pem = pem_of(s, &p);

    assert_true(msp_check_times(&s->checker, "it", pem));
    s->checker.now_s = FIX_NOW - 3600;
    expect(s, msp_check_times(&s->checker, "it", pem), FCC__E_CRT_NOT_YET, "in 60 minutes by this machine's clock");
    s->checker.now_s = FIX_NOW + FIX_YEAR + 3 * 86400;
    expect(s, msp_check_times(&s->checker, "it", pem), FCC__E_CRT_EXPIRED,
           "expired on 2028-01-15T08:00:00Z, 3 days ago");
    s->checker.now_s = FIX_NOW + FIX_YEAR - 29 * 86400;
    assert_true(msp_check_times(&s->checker, "it", pem));
    assert_int_equal(s->checker.warnings, 1);
    assert_int_equal(s->code, FCC__E_CRT_EXPIRES);
    s->checker.warn_days = 28;
    assert_true(msp_check_times(&s->checker, "it", pem));
    assert_int_equal(s->checker.warnings, 1);
    expect(s, msp_check_times(&s->checker, "it", FCC_LIT("nothing")), FCC__E_CRT_FORM, "no X.509 certificate");
    fix_person_clear(&p);
}

static void a_key_has_to_be_its_certificates(void **state)
{
    seen *s = *state;
    fix_person p = fix_person_of(&s->ca, "peer"), q = fix_person_of(&s->ca, "peer");

    assert_true(msp_check_pair(&s->checker, "it", pem_of(s, &p), msp__pem_of_key(p.key, s->arena)));
    expect(s, msp_check_pair(&s->checker, "it", pem_of(s, &p), msp__pem_of_key(q.key, s->arena)), FCC__E_CRT_PAIR,
           "belongs to another certificate");
    expect(s, msp_check_pair(&s->checker, "it", pem_of(s, &p), pem_of(s, &p)), FCC__E_CRT_KEY, "no private key in PEM");
    fix_person_clear(&p);
    fix_person_clear(&q);
}

static void only_alternative_names_count(void **state)
{
    static const char *const good[] = { "peer0.a.test", "127.0.0.1", "::1" }, *const bad[] = { "peer0.b.test" },
                             *const common[] = { "cn.a.test" }, *const ip[] = { "10.0.0.1" };
    const msp__request request = { .use = MSP__USE_TLS,
                                   .name = "cn.a.test",
                                   .alt_names = "DNS:peer0.a.test,IP:127.0.0.1,IP:::1",
                                   .not_before = FIX_NOW,
                                   .not_after = FIX_NOW + FIX_YEAR };
    seen *s = *state;
    fix_person p = fix_issue(&s->ca, &request);
    const fcc_bytes pem = pem_of(s, &p);

    assert_true(msp_check_names(&s->checker, "it", pem, good, 3));
    expect(s, msp_check_names(&s->checker, "it", pem, bad, 1), FCC__E_CRT_NAME,
           "is for peer0.a.test, 127.0.0.1, 0:0:0:0:0:0:0:1, and not for peer0.b.test");
    expect(s, msp_check_names(&s->checker, "it", pem, common, 1), FCC__E_CRT_NAME, "not for cn.a.test");
    expect(s, msp_check_names(&s->checker, "it", pem, ip, 1), FCC__E_CRT_NAME, "not for 10.0.0.1");
    fix_person_clear(&p);
}

static void a_tls_certificate_comes_from_its_authority(void **state)
{
    seen *s = *state;
    fix_person p = fix_person_of(&s->ca, "peer");
    const fcc_bytes ca = msp__pem_of_cert(s->ca.cert, s->arena), other = msp__pem_of_cert(s->other.cert, s->arena);
    fcc_bytes both = fcc_str(fcc__arena_printf(s->arena, FCC_FMT FCC_FMT, FCC_ARG(other), FCC_ARG(ca)));

    assert_true(msp_check_issued(&s->checker, "it", pem_of(s, &p), ca));
    assert_true(msp_check_issued(&s->checker, "it", pem_of(s, &p), both));
    expect(s, msp_check_issued(&s->checker, "it", pem_of(s, &p), other), FCC__E_CRT_CHAIN, "\"ca.a.test\" issued it");
    fix_person_clear(&p);
}

static void an_authority_of_the_same_name_is_another_one(void **state)
{
    seen *s = *state;
    fix_ca again = fix_authority("ca.a.test", NULL);
    fix_person p = fix_person_of(&s->ca, "peer");

    expect(s, msp_check_issued(&s->checker, "it", pem_of(s, &p), msp__pem_of_cert(again.cert, s->arena)),
           FCC__E_CRT_CHAIN, "does not come from the authority");
    fix_person_clear(&p);
    fix_ca_clear(&again);
}

static void members_of_others_are_named(void **state)
{
    seen *s = *state;
    msp_org *a = fix_org(s->arena, "AMSP", &s->ca, NULL, NULL), *b = fix_org(s->arena, "BMSP", &s->other, NULL, NULL);
    const msp_org *const orgs[] = { a, b };
    fix_person peer = fix_person_of(&s->ca, "peer"), theirs = fix_person_of(&s->other, "peer"),
               bare = fix_person_of(&s->ca, NULL);

    assert_true(msp_check_member(&s->checker, "it", pem_of(s, &peer), a, MSP_PEER, orgs, 2));
    expect(s, msp_check_member(&s->checker, "it", pem_of(s, &theirs), a, MSP_PEER, orgs, 2), FCC__E_CRT_CHAIN,
           "is a certificate of BMSP (issued by \"ca.b.test\"), and should be one of AMSP");
    expect(s, msp_check_member(&s->checker, "it", pem_of(s, &theirs), a, MSP_PEER, NULL, 0), FCC__E_CRT_CHAIN,
           "does not come from an authority of AMSP");
    expect(s, msp_check_member(&s->checker, "it", pem_of(s, &peer), a, MSP_ORDERER, orgs, 2), FCC__E_CRT_ROLE,
           "is peer of AMSP by its organisational unit, and should be orderer");
    expect(s, msp_check_member(&s->checker, "it", pem_of(s, &bare), a, MSP_PEER, orgs, 2), FCC__E_CRT_ROLE,
           "does not have an OU");
    assert_true(
        msp_check_identity(&s->checker, "it", fix_serialized(s->arena, "AMSP", peer.cert), "AMSP", MSP_PEER, orgs, 2));
    expect(
        s,
        msp_check_identity(&s->checker, "it", fix_serialized(s->arena, "BMSP", peer.cert), "AMSP", MSP_PEER, orgs, 2),
        FCC__E_CRT_MSPID, "says that it is of BMSP, and is listed as one of AMSP");
    expect(
        s,
        msp_check_identity(&s->checker, "it", fix_serialized(s->arena, "CMSP", peer.cert), "CMSP", MSP_PEER, orgs, 2),
        FCC__E_CRT_MSPID, "no organisation of the channel");
    expect(s, msp_check_identity(&s->checker, "it", FCC_LIT("\xff"), "CMSP", MSP_PEER, orgs, 2), FCC__E_CRT_FORM,
           "is no identity");
    fix_person_clear(&peer);
    fix_person_clear(&theirs);
    fix_person_clear(&bare);
    msp_org_free(a);
    msp_org_free(b);
}

static void clocks_are_compared(void **state)
{
    seen *s = *state;
    const int64_t now = s->checker.now_s;
    int64_t theirs = 0;

    assert_true(msp_check_clock(&s->checker, "it", now + 60, MSP_CHECK_CLOCK_S));
    expect(s, msp_check_clock(&s->checker, "it", now + 7200, MSP_CHECK_CLOCK_S), FCC__E_CRT_CLOCK,
           "is 2 hours ahead of this machine's (2027-01-16T08:00:00Z)");
    expect(s, msp_check_clock(&s->checker, "it", now - 3600, MSP_CHECK_CLOCK_S), FCC__E_CRT_CLOCK,
           "is 60 minutes behind this machine's");
    assert_true(msp_clock_of_refusal("request unauthorized due to incorrect timestamp 2027-01-16T08:00:00Z, peer time "
                                     "2027-01-16T09:00:00Z, peer.authentication.timewindow 15m0s",
                                     &theirs));
    assert_int_equal(theirs, now + 3600);
    assert_true(msp_clock_of_refusal("envelope timestamp 2027-01-16 08:00:00 +0000 UTC is more than 15m0s apart from "
                                     "current server time 2027-01-16 10:00:00.123456 +0100 CET m=+12.5",
                                     &theirs));
    assert_int_equal(theirs, now + 3600);
    assert_false(msp_clock_of_refusal("access denied", &theirs));
    assert_false(msp_clock_of_refusal(", peer time noon", &theirs));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(times_are_told_with_the_distance, begin, end),
        cmocka_unit_test_setup_teardown(a_key_has_to_be_its_certificates, begin, end),
        cmocka_unit_test_setup_teardown(only_alternative_names_count, begin, end),
        cmocka_unit_test_setup_teardown(a_tls_certificate_comes_from_its_authority, begin, end),
        cmocka_unit_test_setup_teardown(an_authority_of_the_same_name_is_another_one, begin, end),
        cmocka_unit_test_setup_teardown(members_of_others_are_named, begin, end),
        cmocka_unit_test_setup_teardown(clocks_are_compared, begin, end),
    };

    return cmocka_run_group_tests_name("msp/check", tests, NULL, NULL);
}
