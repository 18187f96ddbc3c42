/* proof_sign.c: making Data Integrity proofs, for clients and tests. */
#include "lib/proof_suite.h"

#include "lib/multibase.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <stdlib.h>

static const lib_proof_suite *suite_for(EVP_PKEY *key)
{
    char group[32] = "";

    if (EVP_PKEY_is_a(key, "ED25519"))
        return lib_proof_suite_for(LIB_KEY_ED25519);
    if (!EVP_PKEY_is_a(key, "EC") || EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) != 1)
        return NULL;
    if (strcmp(group, "prime256v1") == 0)
        return lib_proof_suite_for(LIB_KEY_P256);
    return strcmp(group, "secp384r1") == 0 ? lib_proof_suite_for(LIB_KEY_P384) : NULL;
}

/* DER as r and s behind each other */
static bool from_der(const uint8_t *der, size_t der_len, uint8_t *out, size_t len)
{
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)der_len);
    int half = (int)(len / 2);
    bool ok = sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, half) == half &&
              BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + half, half) == half;

    ECDSA_SIG_free(sig);
    return ok;
}

static bool sign(const lib_proof_suite *suite, EVP_PKEY *key, const uint8_t *hashes, size_t hashes_len, uint8_t *out)
{
    bool edwards = suite->key == LIB_KEY_ED25519;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t made[LIB_PROOF_MAX_SIGNATURE + 16]; /* DER is a few bytes longer */
    size_t len = sizeof(made);
    bool ok = ctx && EVP_DigestSignInit_ex(ctx, NULL, edwards ? NULL : suite->digest, NULL, NULL, key, NULL) == 1 &&
              EVP_DigestSign(ctx, made, &len, hashes, hashes_len) == 1;

    if (ok && edwards)
        memcpy(out, made, suite->signature_len);
    else if (ok)
        ok = from_der(made, len, out, suite->signature_len);
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return ok;
}

/* The document's proofs as a list, with room for one more; a single one stays alone when it is the first. */
static int append_proof(json_t *document, json_t *proof)
{
    json_t *old = json_object_get(document, "proof");

    if (!old)
        return json_object_set(document, "proof", proof);
    if (json_is_array(old))
        return json_array_append(old, proof);
    return json_object_set_new(document, "proof", json_pack("[O,O]", old, proof));
}

fcc_status lib_proof_sign(const json_t *document, const json_t *options, EVP_PKEY *key, json_t **out)
{
    const lib_proof_suite *suite = suite_for(key);
    const json_t *context = json_object_get(document, "@context");
    uint8_t hashes[LIB_PROOF_MAX_HASHES], signature[LIB_PROOF_MAX_SIGNATURE];
    size_t hashes_len;
    json_t *signed_one = json_deep_copy(document), *proof = json_deep_copy(options);
    char *value = NULL;
    fcc_status st = FCC_ERR_ARG;

    if (!suite || !json_is_object(document) || !json_is_string(json_object_get(options, "verificationMethod")) ||
        !json_is_string(json_object_get(options, "proofPurpose")) || json_object_get(options, "previousProof"))
        goto out;
    st = FCC_ERR_NOMEM;
    if (!signed_one || !proof || json_object_set_new(proof, "type", json_string("DataIntegrityProof")) != 0 ||
        json_object_set_new(proof, "cryptosuite", json_string(suite->name)) != 0 ||
        (context && json_object_set(proof, "@context", (json_t *)context) != 0))
        goto out;
    if (!lib_proof_hashes(suite, document, proof, hashes, &hashes_len))
        goto out;
    st = FCC_ERR_INTERNAL;
    if (!sign(suite, key, hashes, hashes_len, signature))
        goto out;
    st = FCC_ERR_NOMEM;
    value = lib_base58_encode('z', fcc_bytes_of(signature, suite->signature_len));
    if (!value || json_object_set_new(proof, "proofValue", json_string(value)) != 0 ||
        append_proof(signed_one, proof) != 0)
        goto out;
    *out = signed_one;
    signed_one = NULL;
    st = FCC_OK;
out:
    free(value);
    json_decref(proof);
    json_decref(signed_one);
    return st;
}
