/* issue.c: keys and certificates as Fabric's cryptogen makes them. */
#define OPENSSL_SUPPRESS_DEPRECATED /* EC_KEY: see msp__new_key */
#include "msp/issue.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

enum { SCRATCH = 1 << 16 };

/*
 * By OpenSSL's older interface: with a key of EVP_EC_gen, X509_set_pubkey takes fifty times as long, and writing the key
 * ten times, as it is encoded, looked up by name in every provider, and decoded.
 */
EVP_PKEY *msp__new_key(void)
{
    EC_KEY *pair = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
    EVP_PKEY *key = pair && EC_KEY_generate_key(pair) == 1 ? EVP_PKEY_new() : NULL;

    if (key && EVP_PKEY_assign_EC_KEY(key, pair) == 1)
        return key;
    EVP_PKEY_free(key);
    EC_KEY_free(pair);
    return NULL;
}

fcc_bytes msp__pem_of_key(EVP_PKEY *key, fcc__arena *arena)
{
    BIO *bio = BIO_new(BIO_s_mem());
    fcc_bytes out = { 0 };
    char *data;
    long len;

    if (bio && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1 &&
        (len = BIO_get_mem_data(bio, &data)) > 0)
        if (!fcc__arena_copy(arena, fcc_bytes_of(data, (size_t)len), &out))
            out = fcc_bytes_of(NULL, 0);
    BIO_free(bio);
    return out;
}

bool msp__random_base32(size_t count, char *out, size_t out_size)
{
    static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
    unsigned char bytes[32];
    size_t i, n = 0;
    unsigned bits = 0, value = 0;

    if (count > sizeof bytes || out_size < (count * 8 + 4) / 5 + 1 || RAND_bytes(bytes, (int)count) != 1)
        return false;
    for (i = 0; i < count; i++) {
        value = value << 8 | bytes[i];
        for (bits += 8; bits >= 5; bits -= 5)
            out[n++] = digits[value >> (bits - 5) & 31];
        value &= 0xff;
    }
    if (bits)
        out[n++] = digits[value << (5 - bits) & 31];
    out[n] = '\0';
    return true;
}

static bool add_name(X509_NAME *name, const char *type, const char *value)
{
    return !value ||
           X509_NAME_add_entry_by_txt(name, type, MBSTRING_UTF8, (const unsigned char *)value, -1, -1, 0) == 1;
}

static bool set_subject(X509 *cert, const msp__request *request)
{
    X509_NAME *name = X509_get_subject_name(cert);

    if (request->subject)
        return X509_set_subject_name(cert, request->subject) == 1;
    return add_name(name, "C", "DE") && add_name(name, "O", request->organisation) &&
           add_name(name, "OU", request->unit) && add_name(name, "OU", request->unit2) &&
           add_name(name, "CN", request->name);
}

static bool set_serial(X509 *cert, const char *serial_of)
{
    unsigned char bytes[16];
    fcc__sha256 digest;
    BIGNUM *number;
    bool ok;

    if (serial_of) {
        digest = fcc__sha256_of(fcc_str(serial_of));
        memcpy(bytes, digest.bytes, sizeof bytes);
    } else if (RAND_bytes(bytes, sizeof bytes) != 1) {
        return false;
    }
    bytes[0] &= 0x7f;
    bytes[0] |= 0x40; /* positive, and never shorter than the others */
    number = BN_bin2bn(bytes, sizeof bytes, NULL);
    ok = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL;
    BN_free(number);
    return ok;
}

static bool add_text_extension(X509 *cert, X509V3_CTX *ctx, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, ctx, nid, value);
    bool ok = extension && X509_add_ext(cert, extension, -1) == 1;

    X509_EXTENSION_free(extension);
    return ok;
}

/* Fabric's key identifier: SHA-256 of the point, where OpenSSL's own would be SHA-1. */
static bool add_subject_key_id(X509 *cert)
{
    ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
    const ASN1_BIT_STRING *point = X509_get0_pubkey_bitstr(cert);
    const fcc__sha256 digest = fcc__sha256_of(fcc_bytes_of(point->data, (size_t)point->length));
    bool ok = id && ASN1_OCTET_STRING_set(id, digest.bytes, sizeof digest.bytes) == 1 &&
              X509_add1_ext_i2d(cert, NID_subject_key_identifier, id, 0, X509V3_ADD_DEFAULT) == 1;

    ASN1_OCTET_STRING_free(id);
    return ok;
}

static bool add_authority_key_id(X509 *cert, X509 *issuer)
{
    const ASN1_OCTET_STRING *ski = X509_get0_subject_key_id(issuer);
    AUTHORITY_KEYID *id = ski ? AUTHORITY_KEYID_new() : NULL;
    bool ok = false;

    if (id && (id->keyid = ASN1_OCTET_STRING_dup(ski)) != NULL)
        ok = X509_add1_ext_i2d(cert, NID_authority_key_identifier, id, 0, X509V3_ADD_DEFAULT) == 1;
    AUTHORITY_KEYID_free(id);
    return ok;
}

/* The attributes that chaincodes read: raw JSON, not wrapped into an ASN.1 string. */
static bool add_attributes(X509 *cert, const char *json)
{
    ASN1_OBJECT *oid = OBJ_txt2obj("1.2.3.4.5.6.7.8.1", 1);
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    X509_EXTENSION *extension = NULL;
    bool ok = oid && value && ASN1_OCTET_STRING_set(value, (const unsigned char *)json, (int)strlen(json)) == 1 &&
              (extension = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, value)) != NULL &&
              X509_add_ext(cert, extension, -1) == 1;

    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(value);
    ASN1_OBJECT_free(oid);
    return ok;
}

static bool add_extensions(X509 *cert, const msp__request *request, X509 *issuer)
{
    const bool ca = request->use == MSP__USE_CA;
    X509V3_CTX ctx;

    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, issuer ? issuer : cert, cert, NULL, NULL, 0);
    if (!add_text_extension(cert, &ctx, NID_key_usage,
                            ca ? "critical,digitalSignature,keyEncipherment,keyCertSign,cRLSign"
                            : request->use == MSP__USE_SIGN ? "critical,digitalSignature"
                                                            : "critical,digitalSignature,keyEncipherment"))
        return false;
    if (request->use != MSP__USE_SIGN &&
        !add_text_extension(cert, &ctx, NID_ext_key_usage, ca ? "clientAuth,serverAuth" : "serverAuth,clientAuth"))
        return false;
    if (!add_text_extension(cert, &ctx, NID_basic_constraints, ca ? "critical,CA:TRUE" : "critical,CA:FALSE"))
        return false;
    if (ca && !add_subject_key_id(cert))
        return false;
    if (issuer && !add_authority_key_id(cert, issuer))
        return false;
    if (request->alt_names && !add_text_extension(cert, &ctx, NID_subject_alt_name, request->alt_names))
        return false;
    return !request->attributes || add_attributes(cert, request->attributes);
}

/* ECDSA gives a high S half of the time. Fabric would rewrite such a certificate, and so change its identity. */
static bool sign_low(X509 *cert, EVP_PKEY *issuer_key)
{
    BIGNUM *order = msp__order(issuer_key);
    fcc__arena *arena = fcc__arena_new(SCRATCH);
    const ASN1_BIT_STRING *value;
    fcc_bytes low;
    bool ok = false;

    if (order && arena && X509_sign(cert, issuer_key, EVP_sha256()) > 0) {
        X509_get0_signature(&value, NULL, cert);
        ok = msp__low_s(order, fcc_bytes_of(value->data, (size_t)value->length), arena, &low) &&
             ASN1_STRING_set((ASN1_STRING *)(uintptr_t)value, low.data, (int)low.len) == 1;
    }
    fcc__arena_free(arena);
    BN_free(order);
    return ok;
}

X509 *msp__issue(const msp__request *request, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key)
{
    X509 *cert = X509_new();
    bool ok = cert && X509_set_version(cert, X509_VERSION_3) == 1 && set_serial(cert, request->serial_of) &&
              ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)request->not_before) &&
              ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)request->not_after) && set_subject(cert, request) &&
              X509_set_issuer_name(cert, X509_get_subject_name(issuer ? issuer : cert)) == 1 &&
              X509_set_pubkey(cert, key) == 1 && add_extensions(cert, request, issuer) && sign_low(cert, issuer_key);

    ERR_clear_error();
    if (ok)
        return cert;
    X509_free(cert);
    return NULL;
}
