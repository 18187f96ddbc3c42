/*
 * multiples.c: verification with a key that has verified many signatures before.
 *
 * Most of an ECDSA verification is the multiple u2*Q of the public key Q, while u1*G is cheap, as OpenSSL has a table of
 * multiples of P-256's generator G. It makes such a table for any generator (EC_GROUP_precompute_mult): with one for Q a
 * verification takes half. Making it takes as long as some hundred verifications, and it holds 150 KB, so it is for keys
 * that are used all the time. All arithmetic is OpenSSL's; here is FIPS 186-5, 6.4.2, for signatures that are good. What
 * doesn't come out as good is left to OpenSSL's own verification.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* EC_GROUP_precompute_mult has no successor */
#include "msp/internal.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <stdlib.h>

enum { POINT_MAX = 133 };

struct msp__multiples {
    EC_GROUP *group; /* P-256 */
    EC_GROUP *own;   /* the same with the key for its generator */
    EC_POINT *first, *second;
    BN_CTX *ctx;
};

void msp__multiples_free(msp__multiples *m)
{
    if (!m)
        return;
    EC_POINT_free(m->first);
    EC_POINT_free(m->second);
    EC_GROUP_free(m->group);
    EC_GROUP_free(m->own);
    BN_CTX_free(m->ctx);
    free(m);
}

static bool set_up(msp__multiples *m, const unsigned char *point, size_t len)
{
    m->ctx = BN_CTX_new();
    m->group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    m->own = m->group ? EC_GROUP_dup(m->group) : NULL;
    m->first = m->own ? EC_POINT_new(m->group) : NULL;
    m->second = m->own ? EC_POINT_new(m->own) : NULL;
    /* refuses what is not on the curve; EC_GROUP_set_generator copies it */
    return m->ctx && m->first && m->second && EC_POINT_oct2point(m->group, m->first, point, len, m->ctx) == 1 &&
           EC_GROUP_set_generator(m->own, m->first, EC_GROUP_get0_order(m->group), BN_value_one()) == 1 &&
           EC_GROUP_precompute_mult(m->own, m->ctx) == 1 && EC_GROUP_have_precompute_mult(m->own) == 1;
}

msp__multiples *msp__multiples_new(EVP_PKEY *key)
{
    unsigned char point[POINT_MAX];
    msp__multiples *m = NULL;
    char curve[64];
    size_t len = 0;

    if (EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, curve, sizeof curve, NULL) == 1 &&
        OBJ_txt2nid(curve) == NID_X9_62_prime256v1 &&
        EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &len) == 1)
        m = calloc(1, sizeof *m);
    if (m && !set_up(m, point, len)) {
        msp__multiples_free(m);
        m = NULL;
    }
    ERR_clear_error();
    return m;
}

static bool in_range(const BIGNUM *n, const BIGNUM *order)
{
    return !BN_is_negative(n) && !BN_is_zero(n) && BN_cmp(n, order) < 0;
}

/* Is r the x of (e/s)G + (r/s)Q? */
static bool holds(msp__multiples *m, const BIGNUM *r, const BIGNUM *s, const fcc__sha256 *digest)
{
    const BIGNUM *order = EC_GROUP_get0_order(m->group);
    BIGNUM *inverse, *u1, *u2, *x;
    bool good = false;

    BN_CTX_start(m->ctx);
    inverse = BN_CTX_get(m->ctx);
    u1 = BN_CTX_get(m->ctx);
    u2 = BN_CTX_get(m->ctx);
    x = BN_CTX_get(m->ctx); /* NULL when one of them is */
    if (x && in_range(r, order) && in_range(s, order) && BN_mod_inverse(inverse, s, order, m->ctx) &&
        BN_bin2bn(digest->bytes, sizeof digest->bytes, x) && BN_mod_mul(u1, x, inverse, order, m->ctx) == 1 &&
        BN_mod_mul(u2, r, inverse, order, m->ctx) == 1 &&
        EC_POINT_mul(m->group, m->first, u1, NULL, NULL, m->ctx) == 1 &&
        EC_POINT_mul(m->own, m->second, u2, NULL, NULL, m->ctx) == 1 &&
        EC_POINT_add(m->group, m->first, m->first, m->second, m->ctx) == 1 &&
        EC_POINT_is_at_infinity(m->group, m->first) == 0 &&
        EC_POINT_get_affine_coordinates(m->group, m->first, x, NULL, m->ctx) == 1 && BN_nnmod(x, x, order, m->ctx) == 1)
        good = BN_cmp(x, r) == 0;
    BN_CTX_end(m->ctx);
    return good;
}

bool msp__multiples_verify(msp__multiples *m, const fcc__sha256 *digest, fcc_bytes signature)
{
    const unsigned char *at = signature.data;
    unsigned char *der = NULL;
    ECDSA_SIG *sig = signature.len < INT_MAX ? d2i_ECDSA_SIG(NULL, &at, (long)signature.len) : NULL;
    int len = sig ? i2d_ECDSA_SIG(sig, &der) : -1;
    bool good = false;

    /* one encoding alone, as OpenSSL wants it */
    if (len > 0 && (size_t)len == signature.len && memcmp(der, signature.data, signature.len) == 0)
        good = holds(m, ECDSA_SIG_get0_r(sig), ECDSA_SIG_get0_s(sig), digest);
    OPENSSL_free(der);
    ECDSA_SIG_free(sig);
    return good;
}
