/* proof.c: verifying Data Integrity proofs. */
#include "lib/proof_suite.h"

#include "lib/multibase.h"
#include "lib/vc.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>

const char *lib_proof_word(lib_proof_code code)
{
    static const char *const words[] = {
#define LIB_PROOF_TEXT(name, word) word,
        LIB_PROOF_CODES(LIB_PROOF_TEXT)
#undef LIB_PROOF_TEXT
    };

    return words[code];
}

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* ---- what a proof says ---- */

/* Of a suite that we have, and with everything that one needs. */
static lib_proof_code look(const json_t *proof)
{
    const char *type = text_of(proof, "type"), *suite = text_of(proof, "cryptosuite");

    if (!type)
        return LIB_PROOF_MALFORMED;
    if (strcmp(type, "DataIntegrityProof") != 0)
        return LIB_PROOF_SUITE;
    if (!suite)
        return LIB_PROOF_MALFORMED;
    if (!lib_proof_suite_known(suite))
        return LIB_PROOF_SUITE;
    if (!text_of(proof, "verificationMethod") || !text_of(proof, "proofPurpose") || !text_of(proof, "proofValue"))
        return LIB_PROOF_MALFORMED;
    return json_object_get(proof, "previousProof") ? LIB_PROOF_CHAIN : LIB_PROOF_OK;
}

/* One string, or an array of nothing but it. */
static bool is_domain(const json_t *have, const char *wanted)
{
    if (json_is_string(have))
        return strcmp(json_string_value(have), wanted) == 0;
    if (json_array_size(have) == 0)
        return false;
    for (size_t i = 0; i < json_array_size(have); i++) {
        const char *domain = json_string_value(json_array_get(have, i));

        if (!domain || strcmp(domain, wanted) != 0)
            return false;
    }
    return true;
}

/* Made for this. */
static lib_proof_code look_for(const json_t *proof, const lib_proof_expect *expect)
{
    const char *challenge = text_of(proof, "challenge");

    if (strcmp(text_of(proof, "proofPurpose"), expect->purpose) != 0)
        return LIB_PROOF_PURPOSE;
    if (expect->challenge && (!challenge || strcmp(challenge, expect->challenge) != 0))
        return LIB_PROOF_CHALLENGE;
    if (expect->domain && !is_domain(json_object_get(proof, "domain"), expect->domain))
        return LIB_PROOF_DOMAIN;
    return LIB_PROOF_OK;
}

static lib_proof_code look_at_time(const json_t *proof, int64_t now)
{
    const json_t *created = json_object_get(proof, "created"), *expires = json_object_get(proof, "expires");
    int64_t from = INT64_MIN, until = INT64_MAX;

    if ((created && !json_is_string(created)) || (expires && !json_is_string(expires)))
        return LIB_PROOF_MALFORMED;
    if ((created && !lib_vc_time_parse(json_string_value(created), &from)) ||
        (expires && !lib_vc_time_parse(json_string_value(expires), &until)))
        return LIB_PROOF_MALFORMED;
    if (from > now + LIB_PROOF_SKEW_S)
        return LIB_PROOF_FUTURE;
    return until <= now ? LIB_PROOF_EXPIRED : LIB_PROOF_OK;
}

/* A context or a list of them, as a list. */
static size_t context_count(const json_t *context)
{
    return json_is_array(context) ? json_array_size(context) : 1;
}

static const json_t *context_at(const json_t *context, size_t i)
{
    return json_is_array(context) ? json_array_get(context, i) : context;
}

/* The document's contexts start with the proof's. */
static lib_proof_code look_at_context(const json_t *document, const json_t *proof)
{
    const json_t *own = json_object_get(proof, "@context"), *whole = json_object_get(document, "@context");

    if (!own)
        return LIB_PROOF_OK;
    if (!whole || context_count(own) > context_count(whole))
        return LIB_PROOF_CONTEXT;
    for (size_t i = 0; i < context_count(own); i++) {
        if (!json_equal(context_at(own, i), context_at(whole, i)))
            return LIB_PROOF_CONTEXT;
    }
    return LIB_PROOF_OK;
}

/* ---- whose key ---- */

static lib_proof_code code_of(lib_did_key_result result)
{
    switch (result) {
    case LIB_DID_KEY_OK:
        return LIB_PROOF_OK;
    case LIB_DID_KEY_UNKNOWN:
        return LIB_PROOF_KEY_UNKNOWN;
    case LIB_DID_KEY_NOT_FOR_THIS:
        return LIB_PROOF_KEY_NOT_FOR_THIS;
    case LIB_DID_KEY_EXPIRED:
        return LIB_PROOF_KEY_EXPIRED;
    case LIB_DID_KEY_REVOKED:
        return LIB_PROOF_KEY_REVOKED;
    case LIB_DID_KEY_UNREADABLE:
        break;
    }
    return LIB_PROOF_KEY_UNREADABLE;
}

static fcc_status find_key(const json_t *proof, const lib_proof_expect *expect, lib_public_key *key,
                           lib_proof_code *code)
{
    const char *url = text_of(proof, "verificationMethod"), *hash = strchr(url, '#'), *id;
    size_t len = hash ? (size_t)(hash - url) : 0;
    const json_t *document = NULL;
    json_t *own = NULL;
    char did[LIB_DID_MAX + 1];
    fcc_status st = FCC_OK;

    *code = LIB_PROOF_MALFORMED;
    if (!hash || len > LIB_DID_MAX)
        return FCC_OK;
    memcpy(did, url, len);
    did[len] = 0;
    if (!lib_did_is_any(did))
        return FCC_OK;
    *code = LIB_PROOF_CONTROLLER;
    if (expect->controller && strcmp(expect->controller, did) != 0)
        return FCC_OK;
    *code = LIB_PROOF_DID;
    if (strncmp(did, "did:key:", 8) == 0) {
        if (lib_did_parse(did) != LIB_DID_KEY)
            return FCC_OK;
        document = own = lib_did_key_document(did);
        if (!own)
            return FCC_ERR_NOMEM;
    } else if (expect->resolve) {
        st = expect->resolve(expect->user, did, &document);
    }
    id = text_of(document, "id");
    if (st == FCC_OK && id && strcmp(id, did) == 0)
        *code = code_of(lib_did_find_key(document, url, expect->purpose, expect->now, key));
    json_decref(own);
    return st;
}

/* ---- the signature ---- */

/* r and s behind each other, as DER; 0 without memory */
static int to_der(const uint8_t *signature, size_t len, uint8_t **der)
{
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature, (int)(len / 2), NULL);
    BIGNUM *s = BN_bin2bn(signature + len / 2, (int)(len / 2), NULL);
    int n = 0;

    if (sig && r && s && ECDSA_SIG_set0(sig, r, s) == 1) {
        r = s = NULL; /* moved into sig */
        n = i2d_ECDSA_SIG(sig, der);
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(sig);
    return n > 0 ? n : 0;
}

static fcc_status check(const lib_proof_suite *suite, const lib_public_key *key, const uint8_t *hashes,
                        size_t hashes_len, const uint8_t *signature, bool *good)
{
    bool edwards = suite->key == LIB_KEY_ED25519;
    EVP_PKEY *opened = lib_key_open(key);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t *der = NULL;
    int der_len = edwards ? 0 : to_der(signature, suite->signature_len, &der);
    fcc_status st = FCC_ERR_NOMEM;

    *good = false;
    if (!opened || !ctx || (!edwards && !der_len))
        goto out;
    if (EVP_DigestVerifyInit_ex(ctx, NULL, edwards ? NULL : suite->digest, NULL, NULL, opened, NULL) != 1)
        goto out;
    *good = EVP_DigestVerify(ctx, edwards ? signature : der, edwards ? suite->signature_len : (size_t)der_len, hashes,
                             hashes_len) == 1;
    st = FCC_OK;
out:
    OPENSSL_free(der);
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(opened);
    ERR_clear_error();
    return st;
}

static fcc_status verify_signature(const json_t *document, const json_t *proof, const lib_public_key *key,
                                   lib_proof_code *code)
{
    const lib_proof_suite *suite = lib_proof_suite_of(text_of(proof, "cryptosuite"), key->type);
    const char *value = text_of(proof, "proofValue");
    uint8_t signature[LIB_PROOF_MAX_SIGNATURE], hashes[LIB_PROOF_MAX_HASHES];
    size_t signature_len, hashes_len;
    bool good;
    fcc_status st;

    *code = LIB_PROOF_KEY_UNREADABLE;
    if (!suite)
        return FCC_OK;
    *code = LIB_PROOF_MALFORMED;
    if (value[0] != 'z' || !lib_base58_decode(value + 1, signature, sizeof(signature), &signature_len) ||
        signature_len != suite->signature_len)
        return FCC_OK;
    if (!lib_proof_hashes(suite, document, proof, hashes, &hashes_len))
        return FCC_ERR_NOMEM;
    st = check(suite, key, hashes, hashes_len, signature, &good);
    *code = good ? LIB_PROOF_OK : LIB_PROOF_SIGNATURE;
    return st;
}

static fcc_status verify_one(const json_t *document, const json_t *proof, const lib_proof_expect *expect,
                             lib_proof_code *code)
{
    lib_public_key key;
    fcc_status st;

    *code = look(proof);
    if (*code == LIB_PROOF_OK)
        *code = look_for(proof, expect);
    if (*code == LIB_PROOF_OK)
        *code = look_at_time(proof, expect->now);
    if (*code == LIB_PROOF_OK)
        *code = look_at_context(document, proof);
    if (*code != LIB_PROOF_OK)
        return FCC_OK;
    st = find_key(proof, expect, &key, code);
    if (st != FCC_OK || *code != LIB_PROOF_OK)
        return st;
    return verify_signature(document, proof, &key, code);
}

fcc_status lib_proof_verify(const json_t *document, const lib_proof_expect *expect, lib_proof_code *code)
{
    const json_t *proofs = json_object_get(document, "proof");
    size_t count = json_is_array(proofs) ? json_array_size(proofs) : 1;
    lib_proof_code found = proofs && count ? LIB_PROOF_OK : LIB_PROOF_NONE;
    fcc_status st = FCC_OK;

    if (count > LIB_PROOF_MAX)
        found = LIB_PROOF_TOO_MANY;
    for (size_t i = 0; found == LIB_PROOF_OK && st == FCC_OK && i < count; i++)
        st = verify_one(document, json_is_array(proofs) ? json_array_get(proofs, i) : proofs, expect, &found);
    if (st == FCC_OK)
        *code = found;
    return st;
}
