/* Data keys sealed to a reader's own certificate. */
#include "blob/blob.h"
#include "blob/seal.h"

#include "base/hash.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

enum { POINT_MAX = BLOB__POINT_MAX, PEM_MAX = 1 << 16, GROUP_MAX = 32 };

#define LABEL fcc_bytes_of("medsync release 1", sizeof("medsync release 1")) /* with its terminator */

/* The curve's name and the uncompressed point; 0 when it is no key of a curve that is taken. */
static size_t point_of(EVP_PKEY *key, char group[GROUP_MAX], uint8_t point[POINT_MAX])
{
    size_t len = 0, want;

    if (!key || !EVP_PKEY_is_a(key, "EC") || EVP_PKEY_get_group_name(key, group, GROUP_MAX, &len) != 1)
        return 0;
    want = !strcmp(group, "prime256v1") ? 65 : !strcmp(group, "secp384r1") ? 97 : 0;
    if (!want || EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, POINT_MAX, &len) != 1)
        return 0;
    return len == want && point[0] == 4 ? len : 0;
}

static EVP_PKEY *key_of_point(const char *group, const uint8_t *point, size_t len)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)(uintptr_t)group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (uint8_t *)(uintptr_t)point, len),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY *key = NULL;

    /* a point that is not on the curve is refused here */
    if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1 || EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static X509 *cert_of(fcc_bytes pem)
{
    BIO *bio = pem.len && pem.len <= PEM_MAX ? BIO_new_mem_buf(pem.data, (int)pem.len) : NULL;
    X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

    BIO_free(bio);
    return cert;
}

fcc_status blob_fingerprint(fcc_bytes cert_pem, char out[65], fcc_error *error)
{
    X509 *cert = cert_of(cert_pem);
    unsigned char *der = NULL;
    int n = cert ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der) : -1;
    fcc__sha256 digest;
    size_t i;

    X509_free(cert);
    if (n <= 0)
        return fcc_error_set(error, FCC_ERR_ARG, "not a certificate in PEM");
    digest = fcc__sha256_of(fcc_bytes_of(der, (size_t)n));
    OPENSSL_free(der);
    for (i = 0; i < FCC__SHA256_LEN; i++)
        snprintf(out + 2 * i, 3, "%02x", digest.bytes[i]);
    return FCC_OK;
}

fcc_status blob_release(fcc_bytes cert_pem, fcc_bytes context, const uint8_t key[BLOB_KEY_LEN],
                        uint8_t out[BLOB_RELEASED_MAX], size_t *len, fcc_error *error)
{
    fcc_status st;
    X509 *cert = cert_of(cert_pem);
    EVP_PKEY *reader = cert ? X509_get0_pubkey(cert) : NULL, *ephemeral = NULL;
    uint8_t theirs[POINT_MAX], ours[POINT_MAX], wrap[32];
    char group[GROUP_MAX];
    size_t n = point_of(reader, group, theirs);

    if (n == 0 || context.len == 0) {
        st = fcc_error_set(error, FCC_ERR_ARG,
                           "the reader's certificate has no ECDSA key on P-256 or P-384: nothing can be sealed to it");
        goto out;
    }
    ephemeral = EVP_PKEY_Q_keygen(NULL, NULL, "EC", group);
    if (point_of(ephemeral, group, ours) != n ||
        !blob__agree(ephemeral, reader, ours, theirs, n, LABEL, context, wrap) ||
        !blob__encrypt(wrap, fcc_bytes_of(key, BLOB_KEY_LEN), out + n)) {
        st = fcc_error_set(error, FCC_ERR_INTERNAL, "OpenSSL cannot seal a data key to this certificate");
        goto out;
    }
    memcpy(out, ours, n);
    *len = n + BLOB_KEY_LEN + BLOB_OVERHEAD;
    st = FCC_OK;
out:
    blob_wipe(wrap, sizeof(wrap));
    EVP_PKEY_free(ephemeral);
    X509_free(cert);
    return st;
}

fcc_status blob_accept(fcc_bytes key_pem, fcc_bytes context, fcc_bytes released, uint8_t key[BLOB_KEY_LEN],
                       fcc_error *error)
{
    fcc_status st = FCC_ERR_AUTH;
    BIO *bio = key_pem.len && key_pem.len <= PEM_MAX ? BIO_new_mem_buf(key_pem.data, (int)key_pem.len) : NULL;
    EVP_PKEY *own = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)(uintptr_t) "") : NULL, *ephemeral = NULL;
    uint8_t point[POINT_MAX], wrap[32] = { 0 }, plain[BLOB_KEY_LEN];
    char group[GROUP_MAX];
    size_t n = point_of(own, group, point);

    if (n == 0) {
        st = fcc_error_set(error, FCC_ERR_ARG, "the reader's key is no ECDSA key on P-256 or P-384");
        goto out;
    }
    if (released.len == n + BLOB_KEY_LEN + BLOB_OVERHEAD)
        ephemeral = key_of_point(group, released.data, n);
    if (!ephemeral || !blob__agree(own, ephemeral, released.data, point, n, LABEL, context, wrap) ||
        !blob__decrypt(wrap, fcc_bytes_of(released.data + n, released.len - n), plain)) {
        fcc_error_set(error, st, "the released data key is damaged, or not for this certificate and record");
        goto out;
    }
    memcpy(key, plain, BLOB_KEY_LEN);
    blob_wipe(plain, sizeof(plain));
    st = FCC_OK;
out:
    blob_wipe(wrap, sizeof(wrap));
    EVP_PKEY_free(ephemeral);
    EVP_PKEY_free(own);
    BIO_free(bio);
    return st;
}
