/* Data Integrity proofs: the W3C's vectors, another implementation's signatures, and everything that a proof can lack. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "lib/json.h"
#include "lib/multibase.h"
#include "lib/proof_suite.h"
#include "test/support/shared_data.h"
#include "test/support/tally.h"
#include "test/unit/chaincode/lib/keys.h"
#include "test/unit/chaincode/lib/signed.h"

static const int64_t now = 1735689600; /* 2025-01-01 */

static json_t *load(const char *text)
{
    const char *why = "";
    json_t *value = lib_json_load(fcc_str(text), &why);

    if (!value)
        fail_msg("%s: %s", text, why);
    return value;
}

static lib_proof_code verify_with(const json_t *document, const lib_proof_expect *expect)
{
    lib_proof_code code = LIB_PROOF_NONE;

    assert_int_equal(lib_proof_verify(document, expect, &code), FCC_OK);
    return code;
}

static lib_proof_code verify(const json_t *document)
{
    lib_proof_expect expect = { .purpose = "assertionMethod", .now = now };

    return verify_with(document, &expect);
}

static void is(lib_proof_code have, lib_proof_code wanted)
{
    assert_string_equal(lib_proof_word(have), lib_proof_word(wanted));
}

/* ---- signatures of others ---- */

static void signatures_of_another_implementation_are_good(void **state)
{
    for (size_t i = 0; i < sizeof(signed_elsewhere) / sizeof(signed_elsewhere[0]); i++) {
        json_t *document = load(signed_elsewhere[i]);

        is(verify(document), LIB_PROOF_OK);
        json_decref(document);
    }
}

static void any_change_makes_the_signature_bad(void **state)
{
    for (size_t i = 0; i < sizeof(signed_elsewhere) / sizeof(signed_elsewhere[0]); i++) {
        json_t *document = load(signed_elsewhere[i]), *proof = json_object_get(document, "proof");
        json_t *subject = json_object_get(document, "credentialSubject");

        json_object_set_new(subject, "weight", json_real(70.500000000000014));
        is(verify(document), LIB_PROOF_SIGNATURE);
        json_object_set_new(subject, "weight", json_real(70.5));
        is(verify(document), LIB_PROOF_OK);
        json_object_set_new(document, "more", json_null());
        is(verify(document), LIB_PROOF_SIGNATURE);
        json_object_del(document, "more");
        json_object_set_new(proof, "created", json_string("2024-01-02T03:04:06Z"));
        is(verify(document), LIB_PROOF_SIGNATURE);
        json_object_set_new(proof, "created", json_string("2024-01-02T03:04:05Z"));
        json_object_set_new(proof, "nonce", json_string("a"));
        is(verify(document), LIB_PROOF_SIGNATURE);
        json_decref(document);
    }
}

/* Each character of the signature replaced by its neighbour: never good. */
static void any_other_signature_is_bad(void **state)
{
    for (size_t i = 0; i < sizeof(signed_elsewhere) / sizeof(signed_elsewhere[0]); i++) {
        json_t *document = load(signed_elsewhere[i]), *proof = json_object_get(document, "proof");
        char *value = strdup(json_string_value(json_object_get(proof, "proofValue")));

        for (size_t k = 0; value[k]; k++) {
            char old = value[k];
            lib_proof_code code;

            value[k] = old == 'x' ? 'y' : 'x';
            json_object_set_new(proof, "proofValue", json_string(value));
            code = verify(document);
            assert_true(code == LIB_PROOF_SIGNATURE || code == LIB_PROOF_MALFORMED);
            value[k] = old;
        }
        free(value);
        json_decref(document);
    }
}

/* ---- the W3C's vectors ---- */

static bool starts_with(const char *name, const char *prefix)
{
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

static void compare_text(tally *t, const char *set, const char *file, const char *have, size_t len)
{
    size_t wanted_len = 0;
    char *wanted = shared_read(set, file, &wanted_len);

    while (wanted_len && wanted[wanted_len - 1] == '\n')
        wanted_len--;
    if (len == wanted_len && memcmp(have, wanted, len) == 0)
        tally_pass(t);
    else
        tally_fail(t, "%s/%s: %.*s", set, file, (int)len, have);
    free(wanted);
}

static void compare_hex(tally *t, const char *set, const char *file, const uint8_t *bytes, size_t len)
{
    char hex[2 * LIB_PROOF_MAX_HASHES + 1] = "";

    for (size_t i = 0; i < len; i++)
        snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
    compare_text(t, set, file, hex, 2 * len);
}

static void compare_canonical(tally *t, const char *set, const char *file, const json_t *value)
{
    size_t len = 0;
    char *text = lib_json_canonical_foreign(value, &len);

    compare_text(t, set, file, text, len);
    free(text);
}

static void compare_options(tally *t, const char *set, const char *file, const json_t *proof)
{
    char *text = shared_read(set, file, NULL);
    json_t *options = load(text);

    if (json_equal(options, proof))
        tally_pass(t);
    else
        tally_fail(t, "%s/%s: differs from the signed document's proof", set, file);
    json_decref(options);
    free(text);
}

/* One suite's folder: every intermediate value is compared, and the signed document verified. */
static void take_suite(tally *t, const char *set, struct dirent **files, int n)
{
    json_t *document = NULL, *proof, *unsecured;
    uint8_t hashes[LIB_PROOF_MAX_HASHES], signature[LIB_PROOF_MAX_SIGNATURE];
    size_t len, half;
    const lib_proof_suite *suite = lib_proof_suite_for(strstr(set, "eddsa")  ? LIB_KEY_ED25519
                                                       : strstr(set, "p384") ? LIB_KEY_P384
                                                                             : LIB_KEY_P256);

    for (int i = 0; i < n; i++) {
        char *text = starts_with(files[i]->d_name, "signed") ? shared_read(set, files[i]->d_name, NULL) : NULL;

        if (text)
            document = load(text);
        free(text);
    }
    if (!document) {
        tally_fail(t, "%s: no signed document", set);
        return;
    }
    unsecured = json_copy(document);
    proof = json_copy(json_object_get(document, "proof"));
    json_object_del(unsecured, "proof");
    json_object_del(proof, "proofValue");
    assert_true(lib_proof_hashes(suite, document, proof, hashes, &len));
    half = len / 2;
    for (int i = 0; i < n; i++) {
        const char *file = files[i]->d_name;
        const char *value = json_string_value(json_object_get(json_object_get(document, "proof"), "proofValue"));

        if (starts_with(file, "canonDoc")) {
            compare_canonical(t, set, file, unsecured);
        } else if (starts_with(file, "proofCanon")) {
            compare_canonical(t, set, file, proof);
        } else if (starts_with(file, "proofHash")) {
            compare_hex(t, set, file, hashes, half);
        } else if (starts_with(file, "docHash")) {
            compare_hex(t, set, file, hashes + half, half);
        } else if (starts_with(file, "combinedHash")) {
            compare_hex(t, set, file, hashes, 2 * half);
        } else if (starts_with(file, "sigBTC58")) {
            compare_text(t, set, file, value, strlen(value));
        } else if (starts_with(file, "sigHex")) {
            assert_true(lib_base58_decode(value + 1, signature, sizeof(signature), &len));
            compare_hex(t, set, file, signature, len);
        } else if (starts_with(file, "proofConfig")) {
            compare_options(t, set, file, proof);
        } else if (starts_with(file, "signed")) {
            lib_proof_code code = verify(document);

            if (code == LIB_PROOF_OK)
                tally_pass(t);
            else
                tally_fail(t, "%s/%s: %s", set, file, lib_proof_word(code));
        } else {
            tally_fail(t, "%s/%s: unknown kind of file", set, file);
        }
    }
    json_decref(unsecured);
    json_decref(proof);
    json_decref(document);
}

static void w3c_vectors_of_our_suites_pass_and_the_others_are_named(void **state)
{
    static const char *const families[] = { "vc-data-integrity-vectors/ecdsa", "vc-data-integrity-vectors/eddsa" };
    tally t = { .set = "vc-data-integrity-vectors" };

    for (size_t f = 0; f < 2; f++) {
        struct dirent **names, **files;
        int n = shared_list(families[f], &names);

        for (int i = 0; i < n; i++) {
            char set[300];
            int file_count;

            if (names[i]->d_type != DT_DIR)
                continue;
            snprintf(set, sizeof(set), "%s/%s", families[f], names[i]->d_name);
            file_count = shared_list(set, &files);
            if (strstr(names[i]->d_name, "-jcs-"))
                take_suite(&t, set, files, file_count);
            else
                for (int k = 0; k < file_count; k++)
                    tally_skip(&t, "need RDF canonical form: %s", names[i]->d_name);
            shared_list_free(files, file_count);
        }
        shared_list_free(names, n);
    }
    assert_true(tally_print(&t));
}

/* Everything in the W3C's files of other suites is refused by its name, not by accident. */
static void proofs_of_other_suites_say_so(void **state)
{
    static const char *const files[] = { "ecdsa/ecdsa-rdfc-2019-p384/signedECDSAP384.json",
                                         "eddsa/Ed25519Signature2020/signedEdSig.json",
                                         "eddsa/proof-set-chain/signedProofSet2.json" };

    shared_need("vc-data-integrity-vectors");
    for (size_t i = 0; i < 3; i++) {
        char *text = shared_read("vc-data-integrity-vectors", files[i], NULL);
        json_t *document = load(text);

        is(verify(document), LIB_PROOF_SUITE);
        json_decref(document);
        free(text);
    }
}

/* ---- our own ---- */

#define CREDENTIAL                                                                                \
    "{\"@context\":[\"https://www.w3.org/ns/credentials/v2\",{\"a\":\"https://example.org/a\"}]," \
    "\"type\":[\"VerifiableCredential\"],\"credentialSubject\":{\"id\":\"did:example:a\",\"n\":1.25}}"

static void what_is_signed_verifies_with_every_kind_of_key(void **state)
{
    json_t *document = load(CREDENTIAL);

    for (int type = LIB_KEY_ED25519; type <= LIB_KEY_P384; type++) {
        struct test_key key = test_key_of((lib_key_type)type, "one");
        json_t *with_proof = test_signed(document, &key, "assertionMethod", NULL);

        is(verify(with_proof), LIB_PROOF_OK);
        json_object_set_new(with_proof, "x", json_true());
        is(verify(with_proof), LIB_PROOF_SIGNATURE);
        json_decref(with_proof);
        EVP_PKEY_free(key.key);
    }
    json_decref(document);
}

static void every_proof_of_a_set_must_hold(void **state)
{
    struct test_key a = test_key_of(LIB_KEY_ED25519, "a"), b = test_key_of(LIB_KEY_P256, "b");
    json_t *document = load(CREDENTIAL), *one = test_signed(document, &a, "assertionMethod", NULL);
    json_t *two = test_signed(one, &b, "assertionMethod", NULL), *more = json_deep_copy(two);
    json_t *proofs = json_object_get(two, "proof");

    assert_int_equal(json_array_size(proofs), 2);
    is(verify(two), LIB_PROOF_OK);
    json_object_set_new(json_array_get(proofs, 1), "created", json_string("2024-01-02T03:04:06Z"));
    is(verify(two), LIB_PROOF_SIGNATURE);
    json_array_clear(proofs);
    is(verify(two), LIB_PROOF_NONE);
    while (json_array_size(json_object_get(more, "proof")) <= LIB_PROOF_MAX) {
        json_t *longer = test_signed(more, &a, "assertionMethod", NULL);

        json_decref(more);
        more = longer;
    }
    is(verify(more), LIB_PROOF_TOO_MANY);
    json_decref(more);
    json_decref(two);
    json_decref(one);
    json_decref(document);
    EVP_PKEY_free(a.key);
    EVP_PKEY_free(b.key);
}

/* The proof's member set to this (NULL: removed) before it is signed. */
static lib_proof_code with_option(const char *name, json_t *value, const lib_proof_expect *expect)
{
    struct test_key key = test_key_of(LIB_KEY_ED25519, "a");
    json_t *document = load(CREDENTIAL);
    json_t *with_proof = test_signed(document, &key, "assertionMethod", json_pack("{s:o}", name, value));
    lib_proof_code code = verify_with(with_proof, expect);

    json_decref(with_proof);
    json_decref(document);
    EVP_PKEY_free(key.key);
    return code;
}

static void a_proof_is_made_for_a_purpose_a_challenge_and_a_domain(void **state)
{
    lib_proof_expect plain = { .purpose = "assertionMethod", .now = now };
    lib_proof_expect asked = { .purpose = "assertionMethod", .challenge = "c", .domain = "d", .now = now };
    lib_proof_expect domain = { .purpose = "assertionMethod", .domain = "d", .now = now };
    lib_proof_expect other = { .purpose = "authentication", .now = now };

    is(with_option("nonce", json_string("n"), &other), LIB_PROOF_PURPOSE);
    is(with_option("challenge", json_string("c"), &plain), LIB_PROOF_OK);
    is(with_option("challenge", json_string("c"), &asked), LIB_PROOF_DOMAIN);
    is(with_option("challenge", json_string("x"), &asked), LIB_PROOF_CHALLENGE);
    is(with_option("domain", json_string("d"), &asked), LIB_PROOF_CHALLENGE);
    is(with_option("domain", json_string("d"), &domain), LIB_PROOF_OK);
    is(with_option("domain", json_pack("[s]", "d"), &domain), LIB_PROOF_OK);
    is(with_option("domain", json_pack("[s,s]", "d", "e"), &domain), LIB_PROOF_DOMAIN);
    is(with_option("domain", json_array(), &domain), LIB_PROOF_DOMAIN);
    is(with_option("domain", json_string("e"), &domain), LIB_PROOF_DOMAIN);
}

static void a_proof_has_its_time(void **state)
{
    lib_proof_expect plain = { .purpose = "assertionMethod", .now = now };

    is(with_option("expires", json_string("2025-01-01T00:00:01Z"), &plain), LIB_PROOF_OK);
    is(with_option("expires", json_string("2025-01-01T00:00:00Z"), &plain), LIB_PROOF_EXPIRED);
    is(with_option("expires", json_string("2025-01-01T01:00:00+01:00"), &plain), LIB_PROOF_EXPIRED);
    is(with_option("created", json_string("2025-01-01T00:02:00Z"), &plain), LIB_PROOF_OK);
    is(with_option("created", json_string("2025-01-01T00:02:01Z"), &plain), LIB_PROOF_FUTURE);
    is(with_option("created", json_string("2025-01-01T00:00:00"), &plain), LIB_PROOF_MALFORMED);
    is(with_option("created", json_string("yesterday"), &plain), LIB_PROOF_MALFORMED);
    is(with_option("created", json_integer(now), &plain), LIB_PROOF_MALFORMED);
    is(with_option("expires", json_null(), &plain), LIB_PROOF_MALFORMED);
}

/* The first proof's member changed after signing. */
static lib_proof_code spoiled(const char *name, json_t *value)
{
    json_t *document = load(signed_elsewhere[0]), *proof = json_object_get(document, "proof");
    lib_proof_code code;

    if (value)
        json_object_set_new(proof, name, value);
    else
        json_object_del(proof, name);
    code = verify(document);
    json_decref(document);
    return code;
}

static void what_a_proof_lacks_is_named(void **state)
{
    json_t *none = load("{\"a\":1}");

    is(verify(none), LIB_PROOF_NONE);
    json_decref(none);
    is(spoiled("type", NULL), LIB_PROOF_MALFORMED);
    is(spoiled("type", json_string("RsaSignature2018")), LIB_PROOF_SUITE);
    is(spoiled("cryptosuite", NULL), LIB_PROOF_MALFORMED);
    is(spoiled("cryptosuite", json_string("eddsa-rdfc-2022")), LIB_PROOF_SUITE);
    is(spoiled("cryptosuite", json_string("ecdsa-jcs-2019")), LIB_PROOF_KEY_UNREADABLE); /* with an Ed25519 key */
    is(spoiled("previousProof", json_string("urn:a")), LIB_PROOF_CHAIN);
    is(spoiled("proofPurpose", NULL), LIB_PROOF_MALFORMED);
    is(spoiled("proofPurpose", json_string("authentication")), LIB_PROOF_PURPOSE);
    is(spoiled("verificationMethod", NULL), LIB_PROOF_MALFORMED);
    is(spoiled("verificationMethod", json_string("key-1")), LIB_PROOF_MALFORMED);
    is(spoiled("verificationMethod", json_string("https://example.org/#a")), LIB_PROOF_MALFORMED);
    is(spoiled("verificationMethod", json_string("did:web:example.org#a")), LIB_PROOF_DID);
    is(spoiled("verificationMethod", json_string("did:key:zzz#zzz")), LIB_PROOF_DID);
    is(spoiled("proofValue", NULL), LIB_PROOF_MALFORMED);
    is(spoiled("proofValue", json_string("")), LIB_PROOF_MALFORMED);
    is(spoiled("proofValue", json_string("z")), LIB_PROOF_MALFORMED);
    is(spoiled("proofValue", json_string("uAAAA")), LIB_PROOF_MALFORMED);
    is(spoiled("proofValue", json_string("z111")), LIB_PROOF_MALFORMED);
    is(spoiled("@context", json_string("https://example.org/")), LIB_PROOF_CONTEXT);
    is(spoiled("@context", json_string("https://www.w3.org/ns/credentials/v2")), LIB_PROOF_SIGNATURE);
    is(spoiled("@context", json_pack("[s,s]", "https://www.w3.org/ns/credentials/v2", "https://example.org/")),
       LIB_PROOF_CONTEXT);
}

/* The contexts behind those that were signed are not: what is added there is seen by the credential's hash. */
static void contexts_may_be_added_behind_the_signed_ones_only(void **state)
{
    json_t *document = load(signed_elsewhere[0]), *context = json_object_get(document, "@context");

    json_array_append_new(context, json_string("https://example.org/more"));
    is(verify(document), LIB_PROOF_OK);
    json_array_insert_new(context, 0, json_string("https://example.org/more"));
    is(verify(document), LIB_PROOF_CONTEXT);
    json_object_del(document, "@context");
    is(verify(document), LIB_PROOF_CONTEXT);
    json_decref(document);
}

/* ---- documents of DIDs ---- */

struct registry {
    json_t *document;
    fcc_status status;
    unsigned asked;
};

static fcc_status resolve(void *user, const char *did, const json_t **document)
{
    struct registry *registry = user;

    registry->asked++;
    if (strcmp(did, "did:medsync:council") == 0)
        *document = registry->document;
    return registry->status;
}

static void keys_of_other_dids_come_from_the_resolver(void **state)
{
    struct registry registry = { .status = FCC_OK };
    lib_proof_expect expect = { .purpose = "assertionMethod", .now = now, .resolve = resolve, .user = &registry };
    struct test_key key = test_key_of(LIB_KEY_P384, "council");
    json_t *document = load(CREDENTIAL), *with_proof;
    lib_proof_code code = LIB_PROOF_NONE;

    registry.document = json_pack("{s:s,s:[{s:s,s:s,s:s,s:s}],s:[s]}", "id", "did:medsync:council",
                                  "verificationMethod", "id", "did:medsync:council#k", "type", "Multikey", "controller",
                                  "did:medsync:council", "publicKeyMultibase", key.did + strlen("did:key:"),
                                  "assertionMethod", "did:medsync:council#k");
    snprintf(key.url, sizeof(key.url), "did:medsync:council#k");
    with_proof = test_signed(document, &key, "assertionMethod", NULL);
    is(verify_with(with_proof, &expect), LIB_PROOF_OK);
    assert_int_equal(registry.asked, 1);
    expect.controller = "did:medsync:council";
    is(verify_with(with_proof, &expect), LIB_PROOF_OK);
    expect.controller = "did:medsync:other";
    is(verify_with(with_proof, &expect), LIB_PROOF_CONTROLLER);
    expect.controller = NULL;
    json_object_set_new(registry.document, "id", json_string("did:medsync:other"));
    is(verify_with(with_proof, &expect), LIB_PROOF_DID);
    json_object_set_new(registry.document, "id", json_string("did:medsync:council"));
    json_object_set_new(registry.document, "assertionMethod", json_array());
    is(verify_with(with_proof, &expect), LIB_PROOF_KEY_NOT_FOR_THIS);
    registry.status = FCC_ERR_IO;
    assert_int_equal(lib_proof_verify(with_proof, &expect, &code), FCC_ERR_IO);
    is(code, LIB_PROOF_NONE);
    json_decref(with_proof);
    json_decref(document);
    json_decref(registry.document);
    EVP_PKEY_free(key.key);
}

static void what_cannot_be_signed_is_refused(void **state)
{
    struct test_key key = test_key_of(LIB_KEY_ED25519, "a");
    EVP_PKEY *rsa = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048), *p521 = test_ec_key("secp521r1");
    json_t *document = load(CREDENTIAL), *list = load("[]"), *out = NULL;
    json_t *right = json_pack("{s:s,s:s}", "verificationMethod", key.url, "proofPurpose", "assertionMethod");
    json_t *wrong = json_pack("{s:s}", "proofPurpose", "assertionMethod");

    assert_int_equal(lib_proof_sign(document, right, rsa, &out), FCC_ERR_ARG);
    assert_int_equal(lib_proof_sign(document, right, p521, &out), FCC_ERR_ARG);
    assert_int_equal(lib_proof_sign(list, right, key.key, &out), FCC_ERR_ARG);
    assert_int_equal(lib_proof_sign(document, wrong, key.key, &out), FCC_ERR_ARG);
    json_object_set_new(right, "previousProof", json_string("urn:a"));
    assert_int_equal(lib_proof_sign(document, right, key.key, &out), FCC_ERR_ARG);
    assert_null(out);
    json_decref(document);
    json_decref(list);
    json_decref(right);
    json_decref(wrong);
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(p521);
    EVP_PKEY_free(key.key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_of_another_implementation_are_good),
        cmocka_unit_test(any_change_makes_the_signature_bad),
        cmocka_unit_test(any_other_signature_is_bad),
        cmocka_unit_test(w3c_vectors_of_our_suites_pass_and_the_others_are_named),
        cmocka_unit_test(proofs_of_other_suites_say_so),
        cmocka_unit_test(what_is_signed_verifies_with_every_kind_of_key),
        cmocka_unit_test(every_proof_of_a_set_must_hold),
        cmocka_unit_test(a_proof_is_made_for_a_purpose_a_challenge_and_a_domain),
        cmocka_unit_test(a_proof_has_its_time),
        cmocka_unit_test(what_a_proof_lacks_is_named),
        cmocka_unit_test(contexts_may_be_added_behind_the_signed_ones_only),
        cmocka_unit_test(keys_of_other_dids_come_from_the_resolver),
        cmocka_unit_test(what_cannot_be_signed_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
