/* x509.c: certificates and ECDSA signatures as Fabric wants them. */
#include "msp/internal.h"
#include "base/require.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>

X509 *msp__cert_of_pem(fcc_bytes pem)
{
    uint8_t *der = pem.len && pem.len <= MSP__MAX_FILE ? malloc(pem.len) : NULL;
    const unsigned char *p = der;
    size_t len = 0;
    X509 *cert = NULL;

    if (der && msp__pem_first(pem, der, &len)) {
        cert = d2i_X509(NULL, &p, (long)len);
        if (cert && p != der + len) {
            X509_free(cert);
            cert = NULL;
        }
    }
    free(der);
    ERR_clear_error();
    return cert;
}

fcc_bytes msp__pem_of_cert(X509 *cert, fcc__arena *arena)
{
    BIO *bio = BIO_new(BIO_s_mem());
    fcc_bytes out = { 0 };
    char *data;
    long len;

    if (bio && PEM_write_bio_X509(bio, cert) == 1 && (len = BIO_get_mem_data(bio, &data)) > 0)
        if (!fcc__arena_copy(arena, fcc_bytes_of(data, (size_t)len), &out))
            out = fcc_bytes_of(NULL, 0);
    BIO_free(bio);
    return out;
}

fcc_bytes msp__der_of_cert(X509 *cert, fcc__arena *arena)
{
    int len = i2d_X509(cert, NULL);
    uint8_t *der = len > 0 ? fcc__arena_alloc(arena, (size_t)len) : NULL;
    unsigned char *p = der;

    if (!der || i2d_X509(cert, &p) != len)
        return fcc_bytes_of(NULL, 0);
    return fcc_bytes_of(der, (size_t)len);
}

fcc__sha256 msp__spki_digest(X509 *cert)
{
    unsigned char *der = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
    fcc__sha256 digest;

    FCC_REQUIRE(len > 0);
    digest = fcc__sha256_of(fcc_bytes_of(der, (size_t)len));
    OPENSSL_free(der);
    return digest;
}

void msp__sha3_of_many(const fcc_bytes *parts, size_t count, fcc__sha256 *out)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha3_256(), NULL) == 1;
    size_t i;

    for (i = 0; i < count && ok; i++)
        ok = EVP_DigestUpdate(ctx, parts[i].data, parts[i].len) == 1;
    FCC_REQUIRE(ok && EVP_DigestFinal_ex(ctx, out->bytes, NULL) == 1);
    EVP_MD_CTX_free(ctx);
}

void msp__hex(char out[2 * FCC__SHA256_LEN + 1], const fcc__sha256 *digest)
{
    static const char digits[] = "0123456789abcdef";
    size_t i;

    for (i = 0; i < FCC__SHA256_LEN; i++) {
        out[2 * i] = digits[digest->bytes[i] >> 4];
        out[2 * i + 1] = digits[digest->bytes[i] & 15];
    }
    out[2 * FCC__SHA256_LEN] = '\0';
}

static int64_t seconds_of(const ASN1_TIME *time)
{
    ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
    int days = 0, seconds = 0;
    int64_t result = 0;

    if (epoch && ASN1_TIME_diff(&days, &seconds, epoch, time) == 1)
        result = (int64_t)days * 86400 + seconds;
    ASN1_TIME_free(epoch);
    return result;
}

int64_t msp__not_after(X509 *cert)
{
    return seconds_of(X509_get0_notAfter(cert));
}

int64_t msp__not_before(X509 *cert)
{
    return seconds_of(X509_get0_notBefore(cert));
}

/* ---- low S -------------------------------------------------------------------------------------------------------- */

/*
 * Of a key of OpenSSL's older interface, which tells the curve's name and not its order. P-256's is known (SEC 2, 2.4.2), as
 * making a curve takes as long as a signature.
 */
static BIGNUM *order_by_name(EVP_PKEY *key)
{
    static const uint8_t p256[] = { 0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff,
                                    0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
                                    0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51 };
    char name[64];
    EC_GROUP *group;
    BIGNUM *order;

    if (EVP_PKEY_get_group_name(key, name, sizeof name, NULL) != 1)
        return NULL;
    if (OBJ_txt2nid(name) == NID_X9_62_prime256v1)
        return BN_bin2bn(p256, sizeof p256, NULL);
    group = EC_GROUP_new_by_curve_name(OBJ_txt2nid(name));
    order = group ? BN_dup(EC_GROUP_get0_order(group)) : NULL;

    EC_GROUP_free(group);
    return order;
}

/* The order of a key's curve; NULL for other keys. */
BIGNUM *msp__order(EVP_PKEY *key)
{
    BIGNUM *order = NULL;

    if (key && EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_ORDER, &order) != 1)
        order = order_by_name(key);
    ERR_clear_error();
    return order;
}

/* A signature that is exactly one DER SEQUENCE {r, s}, both positive; NULL. */
static ECDSA_SIG *parse_signature(fcc_bytes der)
{
    const unsigned char *p = der.data;
    ECDSA_SIG *sig = der.len && der.len <= 1024 ? d2i_ECDSA_SIG(NULL, &p, (long)der.len) : NULL;

    ERR_clear_error();
    if (!sig)
        return NULL;
    if (p != der.data + der.len || BN_is_negative(ECDSA_SIG_get0_r(sig)) || BN_is_zero(ECDSA_SIG_get0_r(sig)) ||
        BN_is_negative(ECDSA_SIG_get0_s(sig)) || BN_is_zero(ECDSA_SIG_get0_s(sig))) {
        ECDSA_SIG_free(sig);
        return NULL;
    }
    return sig;
}

/* s <= order / 2 */
static bool is_low(const BIGNUM *s, const BIGNUM *order, BIGNUM *half)
{
    return BN_rshift1(half, order) == 1 && BN_cmp(s, half) <= 0;
}

msp__s msp__check_s(const BIGNUM *order, fcc_bytes signature)
{
    ECDSA_SIG *sig = parse_signature(signature);
    BIGNUM *half = BN_new();
    msp__s result = MSP__S_BAD;

    if (sig && order && half)
        result = is_low(ECDSA_SIG_get0_s(sig), order, half) ? MSP__S_LOW : MSP__S_HIGH;
    ECDSA_SIG_free(sig);
    BN_free(half);
    return result;
}

/* Take an element of this kind off the front; its length must be in the shortest form. */
static bool take_der(fcc_bytes *from, uint8_t tag, fcc_bytes *content)
{
    size_t len, at = 2, more;

    if (from->len < 2 || from->data[0] != tag)
        return false;
    len = from->data[1];
    if (len >= 0x80) {
        more = len & 0x7f;
        if (more == 0 || more > 3 || from->len < 2 + more || from->data[2] == 0)
            return false;
        for (len = 0; at < 2 + more; at++)
            len = len << 8 | from->data[at];
        if (len < 0x80)
            return false;
    }
    if (len > from->len - at)
        return false;
    *content = fcc_bytes_of(from->data + at, len);
    *from = fcc_bytes_of(from->data + at + len, from->len - at - len);
    return true;
}

fcc_bytes msp__trim_signature(fcc_bytes signature, uint8_t room[MSP__SIGNATURE])
{
    fcc_bytes rest = signature, sequence, parts[2];
    size_t len, at = 0, i;

    if (!take_der(&rest, 0x30, &sequence) || !take_der(&sequence, 0x02, &parts[0]) ||
        !take_der(&sequence, 0x02, &parts[1]) || (rest.len == 0 && sequence.len == 0) || parts[0].len > MSP__NUMBER ||
        parts[1].len > MSP__NUMBER)
        return fcc_bytes_of(NULL, 0);
    len = 2 + parts[0].len + 2 + parts[1].len;
    room[at++] = 0x30;
    if (len >= 0x80)
        room[at++] = 0x81;
    room[at++] = (uint8_t)len;
    for (i = 0; i < 2; i++) {
        room[at++] = 0x02;
        room[at++] = (uint8_t)parts[i].len;
        if (parts[i].len)
            memcpy(room + at, parts[i].data, parts[i].len);
        at += parts[i].len;
    }
    return fcc_bytes_of(room, at);
}

bool msp__low_s(const BIGNUM *order, fcc_bytes signature, fcc__arena *arena, fcc_bytes *out)
{
    ECDSA_SIG *sig = parse_signature(signature);
    BIGNUM *r = NULL, *s = NULL, *half = BN_new();
    uint8_t *der = NULL;
    unsigned char *p;
    int len;
    bool ok = false;

    if (!sig || !order || !half)
        goto out;
    r = BN_dup(ECDSA_SIG_get0_r(sig));
    s = BN_dup(ECDSA_SIG_get0_s(sig));
    if (!r || !s)
        goto out;
    if (!is_low(s, order, half) && BN_sub(s, order, s) != 1)
        goto out;
    if (ECDSA_SIG_set0(sig, r, s) != 1)
        goto out;
    r = s = NULL; /* moved */
    len = i2d_ECDSA_SIG(sig, NULL);
    der = len > 0 ? fcc__arena_alloc(arena, (size_t)len) : NULL;
    p = der;
    if (!der || i2d_ECDSA_SIG(sig, &p) != len)
        goto out;
    *out = fcc_bytes_of(der, (size_t)len);
    ok = true;
out:
    ECDSA_SIG_free(sig);
    BN_free(half);
    BN_free(r);
    BN_free(s);
    return ok;
}

static X509 *with_low_s(X509 *cert, const BIGNUM *order)
{
    const ASN1_BIT_STRING *value = NULL;
    fcc_bytes old, low;
    fcc__arena *arena;
    X509 *copy = NULL;
    unsigned char *der = NULL;
    const unsigned char *p;
    int len;

    X509_get0_signature(&value, NULL, cert);
    old = fcc_bytes_of(value->data, (size_t)value->length);
    if (msp__check_s(order, old) != MSP__S_HIGH) /* low, or not ECDSA */
        return X509_up_ref(cert) == 1 ? cert : NULL;
    arena = fcc__arena_new(1 << 16);
    if (arena && msp__low_s(order, old, arena, &low)) {
        copy = X509_dup(cert);
        X509_get0_signature(&value, NULL, copy ? copy : cert);
        /* the signature lies outside of what is signed: exchange it and parse the whole anew */
        if (copy && ASN1_STRING_set((ASN1_STRING *)(uintptr_t)value, low.data, (int)low.len) == 1 &&
            (len = i2d_X509(copy, &der)) > 0) {
            X509_free(copy);
            p = der;
            copy = d2i_X509(NULL, &p, len);
        } else {
            X509_free(copy);
            copy = NULL;
        }
    }
    OPENSSL_free(der);
    fcc__arena_free(arena);
    return copy;
}

X509 *msp__sanitise(X509 *cert, EVP_PKEY *issuer_key)
{
    BIGNUM *order = msp__order(issuer_key);
    X509 *clean = with_low_s(cert, order);

    BN_free(order);
    return clean;
}
