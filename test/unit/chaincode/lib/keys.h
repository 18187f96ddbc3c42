/* keys.h: private keys of tests, from words, with the did:key that each has. */
#ifndef TEST_KEYS_H
#define TEST_KEYS_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include <stdio.h>
#include <stdlib.h>

#include "lib/did.h"
#include "lib/proof.h"

struct test_key {
    EVP_PKEY *key;
    char did[160];
    char url[320]; /* of its verification method */
};

static inline EVP_PKEY *test_ec_key(const char *curve)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", curve);

    assert_non_null(key);
    return key;
}

static inline EVP_PKEY *test_ed_key(const char *word)
{
    uint8_t seed[32];

    SHA256((const unsigned char *)word, strlen(word), seed);
    return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
}

static inline struct test_key test_key_of(lib_key_type type, const char *word)
{
    struct test_key out = { 0 };
    lib_public_key key = { .type = type, .len = sizeof(key.bytes) };
    char *text;

    if (type == LIB_KEY_ED25519) {
        out.key = test_ed_key(word);
        assert_int_equal(EVP_PKEY_get_raw_public_key(out.key, key.bytes, &key.len), 1);
    } else {
        uint8_t point[133];

        out.key = test_ec_key(type == LIB_KEY_P256 ? "prime256v1" : "secp384r1");
        assert_int_equal(EVP_PKEY_get_octet_string_param(out.key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point,
                                                         sizeof(point), &key.len),
                         1);
        /* uncompressed: 4, x, y */
        key.len = 1 + (key.len - 1) / 2;
        key.bytes[0] = (uint8_t)(2 + (point[2 * key.len - 2] & 1));
        memcpy(key.bytes + 1, point + 1, key.len - 1);
    }
    text = lib_key_to_multibase(&key);
    snprintf(out.did, sizeof(out.did), "did:key:%s", text);
    snprintf(out.url, sizeof(out.url), "did:key:%s#%s", text, text);
    free(text);
    return out;
}

/* The document with a proof by this key; `more` (may be NULL) are further options and is taken over. */
static inline json_t *test_signed(const json_t *document, const struct test_key *key, const char *purpose, json_t *more)
{
    json_t *options = json_pack("{s:s,s:s,s:s}", "verificationMethod", key->url, "proofPurpose", purpose, "created",
                                "2024-01-02T03:04:05Z");
    json_t *out = NULL;

    if (more)
        json_object_update(options, more);
    assert_int_equal(lib_proof_sign(document, options, key->key, &out), FCC_OK);
    json_decref(options);
    json_decref(more);
    return out;
}

#endif
