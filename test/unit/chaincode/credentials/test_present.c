/* What is shown with a signature: the word of a person's own key for another one, and presentations of credentials. */
#include "test/unit/chaincode/credentials/registry.h"
#include "test/unit/chaincode/lib/keys.h"

#include <openssl/x509.h>

#include "lib/vc.h"

#define HASH "cc00000000000000000000000000000000000000000000000000000000000000"
#define VC_ID "urn:uuid:5a1c8f6e-0b7d-4c7e-9f51-000000000001"

static void hex_of(const uint8_t *bytes, size_t len, char *out)
{
    lib_to_hex(bytes, len, out);
}

/* ---- vouching ---- */

struct own_key {
    EVP_PKEY *key;
    char spki[512], fp[65];
};

static struct own_key new_key(void)
{
    struct own_key new = { .key = test_ec_key("prime256v1") };
    uint8_t *der = NULL, digest[32];
    int len = i2d_PUBKEY(new.key, &der);

    assert_true(len > 0 && (size_t)len < sizeof(new.spki) / 2);
    SHA256(der, (size_t)len, digest);
    hex_of(der, (size_t)len, new.spki);
    hex_of(digest, sizeof(digest), new.fp);
    OPENSSL_free(der);
    return new;
}

/* SPKI.SIGNATURE by this key over a text. */
static const char *vouch(const struct own_key *by, const char *text)
{
    static char sig[1100];
    uint8_t signature[256];
    char hex[513];
    size_t len = sizeof(signature);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, by->key), 1);
    assert_int_equal(EVP_DigestSign(ctx, signature, &len, (const uint8_t *)text, strlen(text)), 1);
    EVP_MD_CTX_free(ctx);
    hex_of(signature, len, hex);
    snprintf(sig, sizeof(sig), "%s.%s", by->spki, hex);
    return sig;
}

static fcc_test_result apply_at_clinic(const char *sig)
{
    as("ClinicMSP", "doctor", "d1", CLINIC, "kc");
    return submit("RegisterPractitioner", "d1", CLINIC, "[\"doctor\"]", "[]", sig, "");
}

/* The doctor d1's at the hospital, once a case has it. */
static struct own_key own;

static int make_employed(void **state)
{
    registry_start(state);
    open_sites();
    employ("doctor", "d1", "k1");
    return 0;
}
HEALTH_SETUP(set_up_employed, make_employed)

static int make_own_key(void **state)
{
    set_up_employed(state);
    own = new_key();
    as("HospitalMSP", "doctor", "d1", HOSPITAL, "k1");
    assert_accepted(submit("RotateKey", own.fp));
    return 0;
}
HEALTH_SETUP(set_up_own_key, make_own_key)

static void a_persons_own_key_vouches_for_a_second_employer(void **state)
{
    struct own_key other = new_key();
    char text[512], wrong[512];

    snprintf(text, sizeof(text), "medsync/vouch/1\n%s\nd1\n" CLINIC "\n%s", "test", fcc_test_fingerprint("kc"));
    snprintf(wrong, sizeof(wrong), "medsync/vouch/1\n%s\nd1\n" HOSPITAL "\n%s", "test", fcc_test_fingerprint("kc"));
    assert_refused(apply_at_clinic(vouch(&own, wrong)), 403, "DENIED:signature");
    assert_refused(apply_at_clinic(vouch(&other, text)), 403, "DENIED:signature");
    assert_accepted(apply_at_clinic(vouch(&own, text)));
    as_clinic_admin();
    assert_accepted(submit("ApprovePractitioner", "d1", CLINIC));
    as("ClinicMSP", "doctor", "d1", CLINIC, "kc");
    assert_accepted(query("Caller"));
    EVP_PKEY_free(other.key);
}

/* What a key says for another one: it vouches for d1, who applies at this site with a new key. */
static const char *word_for(const char *site, const char *key)
{
    char text[512];

    snprintf(text, sizeof(text), "medsync/vouch/1\ntest\nd1\n%s\n%s", site, fcc_test_fingerprint(key));
    return vouch(&own, text);
}

static fcc_test_result apply_anew(const char *sig)
{
    as("HospitalMSP", "doctor", "d1", HOSPITAL, "k3");
    return submit("RegisterPractitioner", "d1", HOSPITAL, "[\"doctor\"]", "[]", sig, "");
}

static void the_key_of_a_suspended_job_vouches_for_nothing(void **state)
{
    as_hospital_admin();
    assert_accepted(submit("SuspendPractitioner", "d1", HOSPITAL));
    assert_refused(apply_anew(word_for(HOSPITAL, "k3")), 403, "DENIED:signature");
    as_hospital_admin();
    assert_accepted(submit("Reinstate", "d1", HOSPITAL));
    assert_accepted(apply_at_clinic(word_for(CLINIC, "kc")));
}

static void what_the_regulator_suspended_comes_back_by_no_new_application(void **state)
{
    own = new_key();
    assert_accepted(apply_at_clinic(""));
    as_regulator();
    assert_accepted(submit("ApprovePractitioner", "d1", CLINIC));
    as("ClinicMSP", "doctor", "d1", CLINIC, "kc");
    assert_accepted(submit("RotateKey", own.fp));
    as_regulator();
    assert_accepted(submit("SuspendPractitioner", "d1", HOSPITAL));
    for (int i = 0; i < 2; i++) {
        assert_accepted(apply_anew(word_for(HOSPITAL, "k3")));
        as_hospital_admin();
        assert_refused(submit("ApprovePractitioner", "d1", HOSPITAL), 403, "DENIED:role");
        if (i == 0)
            assert_accepted(submit("RejectPractitioner", "d1", HOSPITAL));
    }
    as_regulator();
    assert_accepted(submit("ApprovePractitioner", "d1", HOSPITAL));
    /* from then on the site decides again */
    as_hospital_admin();
    assert_accepted(submit("SuspendPractitioner", "d1", HOSPITAL));
    assert_accepted(submit("Reinstate", "d1", HOSPITAL));
}

/* ---- presentations ---- */

static struct test_key council, holder;

static void as_council(void)
{
    as_admin_of("RegulatorMSP", "rk", R2, "rk");
}

static json_t *credential(void)
{
    json_t *plain = json_pack("{s:[s,s],s:s,s:[s,s],s:s,s:s,s:s,s:{s:s}}", "@context",
                              "https://www.w3.org/ns/credentials/v2", "https://medsync.example/licences/v1", "id",
                              VC_ID, "type", "VerifiableCredential", "MedicalLicence", "issuer", council.did,
                              "validFrom", "2025-01-01T00:00:00Z", "validUntil", "2027-01-01T00:00:00Z",
                              "credentialSubject", "id", holder.did);
    json_t *out = test_signed(plain, &council, "assertionMethod", NULL);

    json_decref(plain);
    return out;
}

static json_t *presentation(json_t *vc)
{
    json_t *plain = json_pack("{s:[s],s:[s],s:s,s:[o]}", "@context", "https://www.w3.org/ns/credentials/v2", "type",
                              "VerifiablePresentation", "holder", holder.did, "verifiableCredential", vc);
    json_t *out = test_signed(plain, &holder, "authentication", json_pack("{s:s}", "challenge", "c-1"));

    json_decref(plain);
    return out;
}

/* Takes the presentation over. */
static fcc_test_result verify(json_t *vp, const char *challenge)
{
    json_t *in = json_pack("{s:o,s:s}", "vp", vp, "challenge", challenge);
    char *text = json_dumps(in, 0);
    fcc_test_result r = query_in("VerifyPresentation", text);

    free(text);
    json_decref(in);
    return r;
}

/* A council that is accredited, and a doctor who has a DID and a licence. */
static int make_licensed(void **state)
{
    char hash[65];
    uint8_t digest[32];
    json_t *vc;

    council = test_key_of(LIB_KEY_ED25519, "council");
    holder = test_key_of(LIB_KEY_ED25519, "holder");
    vc = credential();
    assert_true(lib_vc_hash(vc, digest));
    hex_of(digest, sizeof(digest), hash);
    json_decref(vc);
    set_up_employed(state);
    as("HospitalMSP", "doctor", "d1", HOSPITAL, "k1");
    assert_accepted(submit("PutDid", holder.did, HASH, "n1"));
    as_regulator();
    assert_accepted(submit("RegisterOrg", R2, "council", "DE", "", "A council"));
    assert_accepted(submit("ApproveOrg", R2));
    as_council();
    assert_accepted(submit("RegisterPractitioner", "rk", R2, "[\"admin\"]", "[]", "", ""));
    as_regulator();
    assert_accepted(submit("ApprovePractitioner", "rk", R2));
    as_council();
    assert_accepted(submit("PutDid", council.did, HASH, "n1"));
    as_regulator();
    assert_accepted(submit("Accredit", council.did, "MedicalLicence"));
    as_council();
    assert_accepted(submit("CreateStatusList", "list1", "suspension", "131072"));
    assert_accepted(submit("IssueCredential", VC_ID, hash, "MedicalLicence", "d1", "list1", "7", "2025-01-01T00:00:00Z",
                           "2027-01-01T00:00:00Z", "[\"DE-BE\"]"));
    return 0;
}
HEALTH_SETUP(set_up_licensed, make_licensed)

static void a_licence_that_is_shown_is_believed_by_what_is_on_the_ledger(void **state)
{
    fcc_test_result r;
    json_t *changed;

    as_hospital_admin();
    assert_string_equal(verify(presentation(credential()), "c-1").payload,
                        "{\"credentials\":1,\"findings\":[],\"verified\":true}");
    assert_has(verify(presentation(credential()), "c-2").payload, "WRONG_CHALLENGE");
    changed = credential();
    json_object_set_new(changed, "validUntil", json_string("2030-01-01T00:00:00Z"));
    r = verify(presentation(changed), "c-1");
    assert_has(r.payload, "BAD_SIGNATURE");
}

static void a_licence_is_not_believed_while_it_or_its_issuer_is_suspended(void **state)
{
    as_council();
    assert_accepted(submit("SetStatus", "list1", "7", "1"));
    assert_has(verify(presentation(credential()), "c-1").payload, "\"code\":\"SUSPENDED\"");
    assert_accepted(submit("SetStatus", "list1", "7", "0"));
    as_regulator();
    assert_accepted(submit("Withdraw", council.did, "MedicalLicence"));
    assert_has(verify(presentation(credential()), "c-1").payload, "NOT_ACCREDITED");
}

static void what_is_no_presentation_is_found_out(void **state)
{
    as_hospital_admin();
    assert_has(verify(json_object(), "c-1").payload, "\"verified\":false");
    assert_refused(query("VerifyPresentation"), 400, "BAD_INPUT");
    assert_refused(query_in("VerifyPresentation", "{\"vp\":1}"), 400, "BAD_INPUT");
    as("HospitalMSP", "doctor", "d9", HOSPITAL, "k9");
    assert_refused(query_in("VerifyPresentation", "{\"vp\":{}}"), 403, "DENIED:unbound_key");
}

int main(void)
{
#define TEST(name, set_up) cmocka_unit_test_setup_teardown(name, set_up, health_stop)
    const struct CMUnitTest tests[] = {
        TEST(a_persons_own_key_vouches_for_a_second_employer, set_up_own_key),
        TEST(the_key_of_a_suspended_job_vouches_for_nothing, set_up_own_key),
        TEST(what_the_regulator_suspended_comes_back_by_no_new_application, set_up_employed),
        TEST(a_licence_that_is_shown_is_believed_by_what_is_on_the_ledger, set_up_licensed),
        TEST(a_licence_is_not_believed_while_it_or_its_issuer_is_suspended, set_up_licensed),
        TEST(what_is_no_presentation_is_found_out, set_up_licensed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
