/*
 * keys.c: private keys that follow from names, so that state with fingerprints in it can be kept for another process.
 *
 * A transaction takes five signatures, and most of what one takes is a new random nonce k and the point k*G, as two with the
 * same k tell the private key. Here anybody can have that from its name. So all keys share one k, and a signature takes a
 * tenth of the time. It is one of ECDSA as any other, made by OpenSSL, and verified as any other.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* EC_KEY, whose method of signing can be chosen */
#include "testing/internal.h"

#include "base/hash.h"

#include <openssl/bn.h>
#include <openssl/ec.h>

typedef int sign_function(int type, const unsigned char *digest, int len, unsigned char *signature,
                          unsigned int *signature_len, const BIGNUM *k_inverse, const BIGNUM *r, EC_KEY *key);

/* Kept until the process ends. */
static struct {
    EC_GROUP *group; /* P-256; the others are not there before it */
    BIGNUM *k_inverse, *r;
    sign_function *sign;   /* OpenSSL's */
    EC_KEY_METHOD *method; /* OpenSSL's with our own */
} shared;

/* 0, or what is not below the order, is not to be expected before 2^32 names. */
static BIGNUM *number_of(const char *kind, const char *name)
{
    const fcc_bytes parts[] = { fcc_str(kind), fcc_str(name) };
    const fcc__sha256 digest = fcc__sha256_of_many(parts, 2);

    return testing_memory(BN_bin2bn(digest.bytes, sizeof(digest.bytes), NULL));
}

static int sign(int type, const unsigned char *digest, int len, unsigned char *signature, unsigned int *signature_len,
                const BIGNUM *k_inverse, const BIGNUM *r, EC_KEY *key)
{
    return shared.sign(type, digest, len, signature, signature_len, shared.k_inverse, shared.r, key);
}

static void make_nonce(void)
{
    const BIGNUM *order = EC_GROUP_get0_order(shared.group);
    BIGNUM *k = number_of("fcc_test nonce", "");
    EC_POINT *point = EC_POINT_new(shared.group);
    BN_CTX *ctx = BN_CTX_new();

    shared.r = BN_new();
    if (!point || !ctx || !shared.r || EC_POINT_mul(shared.group, point, k, NULL, NULL, ctx) != 1 ||
        EC_POINT_get_affine_coordinates(shared.group, point, shared.r, NULL, ctx) != 1 ||
        BN_nnmod(shared.r, shared.r, order, ctx) != 1 ||
        (shared.k_inverse = BN_mod_inverse(NULL, k, order, ctx)) == NULL)
        testing_die("OpenSSL can't make a nonce");
    BN_CTX_free(ctx);
    EC_POINT_free(point);
    BN_free(k);
}

static void make_shared(void)
{
    int (*prepare)(EC_KEY *, BN_CTX *, BIGNUM **, BIGNUM **);
    ECDSA_SIG *(*sign_parts)(const unsigned char *, int, const BIGNUM *, const BIGNUM *, EC_KEY *);

    shared.group = testing_memory(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
    make_nonce();
    shared.method = testing_memory(EC_KEY_METHOD_new(EC_KEY_OpenSSL()));
    EC_KEY_METHOD_get_sign(shared.method, &shared.sign, &prepare, &sign_parts);
    EC_KEY_METHOD_set_sign(shared.method, sign, prepare, sign_parts);
}

EVP_PKEY *testing_key(const char *kind, const char *name)
{
    EC_KEY *pair = EC_KEY_new();
    EVP_PKEY *key = EVP_PKEY_new();
    BIGNUM *secret = number_of(kind, name);
    EC_POINT *public;

    if (!shared.group)
        make_shared();
    public = EC_POINT_new(shared.group);
    if (!pair || !key || !public || EC_KEY_set_method(pair, shared.method) != 1 ||
        EC_KEY_set_group(pair, shared.group) != 1 || EC_KEY_set_private_key(pair, secret) != 1 ||
        EC_POINT_mul(shared.group, public, secret, NULL, NULL, NULL) != 1 || EC_KEY_set_public_key(pair, public) != 1 ||
        EVP_PKEY_assign_EC_KEY(key, pair) != 1)
        testing_die("OpenSSL can't make a key");
    BN_clear_free(secret);
    EC_POINT_free(public);
    return key;
}
