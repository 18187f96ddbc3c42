/* signer.c: a certificate with its private key, and signatures with it. */
#include "msp/internal.h"
#include "msp/issue.h"
#include "msp/key.h"

#include "base/buf.h"

#include "msp/identities.pb-c.h"
#include "protos/unpack.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>

struct msp_signer {
    fcc__arena *arena;
    const char *mspid;
    fcc_bytes certificate;
    fcc_bytes serialized;
    char fingerprint[2 * FCC__SHA256_LEN + 1];
    int64_t expires;
    EVP_PKEY *key;
    BIGNUM *order; /* of the key's curve; NULL for other keys */
};

fcc_status msp__signer_of(const char *mspid, X509 *cert, EVP_PKEY *key, msp_signer **out, fcc_error *error)
{
    Msp__SerializedIdentity identity = MSP__SERIALIZED_IDENTITY__INIT;
    msp_signer *signer = calloc(1, sizeof *signer);
    fcc__sha256 digest;
    fcc_bytes copy;
    fcc_status st = FCC_ERR_NOMEM;

    if (!signer || !(signer->arena = fcc__arena_new(1 << 20)) ||
        !fcc__arena_copy(signer->arena, fcc_str(mspid), &copy) || EVP_PKEY_up_ref(key) != 1)
        goto out;
    signer->mspid = (const char *)copy.data;
    signer->key = key;
    signer->order = msp__order(key);
    /* re-encoded, so that what is signed for is exactly one certificate without text around it */
    st = FCC_ERR_LIMIT;
    signer->certificate = msp__pem_of_cert(cert, signer->arena);
    if (signer->certificate.len == 0)
        goto out;
    identity.mspid = fcc__pb(fcc_str(signer->mspid));
    identity.id_bytes = fcc__pb(signer->certificate);
    st = fcc__pack(&identity, signer->arena, &signer->serialized);
    if (st != FCC_OK)
        goto out;
    digest = msp__spki_digest(cert);
    msp__hex(signer->fingerprint, &digest);
    signer->expires = msp__not_after(cert);
    *out = signer;
    signer = NULL; /* moved */
out:
    if (st != FCC_OK)
        st = fcc_error_set(error, st, "%s: out of memory for a signing identity", mspid);
    msp_signer_free(signer);
    return st;
}

fcc_status msp_signer_new(const char *mspid, fcc_bytes cert_pem, fcc_bytes key_pem, msp_signer **out, fcc_error *error)
{
    X509 *cert = msp__cert_of_pem(cert_pem);
    EVP_PKEY *public_key = cert ? X509_get0_pubkey(cert) : NULL, *key = NULL;
    fcc_status st;

    if (!public_key) {
        st = fcc_error_set(error, FCC_ERR_CONFIG, "%s: the signing certificate is not a PEM certificate", mspid);
        goto out;
    }
    st = msp__key_read(mspid, key_pem, &key, error);
    if (st != FCC_OK)
        goto out;
    if (!EVP_PKEY_is_a(key, "EC") && !EVP_PKEY_is_a(key, "ED25519"))
        st = fcc_error_set(
            error, FCC_ERR_CONFIG,
            "%s: the private key is %s, and Fabric takes ECDSA and Ed25519 only: issue the identity with a "
            "P-256 key",
            mspid, EVP_PKEY_get0_type_name(key));
    else if (EVP_PKEY_eq(public_key, key) != 1)
        st = fcc_error_set(error, FCC_ERR_CONFIG, "%s: the private key does not belong to the certificate", mspid);
    else
        st = msp__signer_of(mspid, cert, key, out, error);
out:
    X509_free(cert);
    EVP_PKEY_free(key);
    return st;
}

fcc_status msp_signer_load(const char *msp_dir, const char *mspid, msp_signer **out, fcc_error *error)
{
    fcc__arena *arena = fcc__arena_new(MSP__ARENA);
    msp__files certs = { 0 }, keys = { 0 };
    X509 *cert = NULL;
    EVP_PKEY *wanted;
    fcc_error unread = { 0 };
    char *dir;
    size_t i;
    fcc_status st = FCC_ERR_NOMEM;

    if (!arena || !(dir = fcc__arena_printf(arena, "%s/signcerts", msp_dir)))
        goto out;
    st = msp__read_dir(dir, arena, &certs, error);
    if (st != FCC_OK)
        goto out;
    st = FCC_ERR_NOMEM;
    if (certs.n == 0) {
        st = fcc_error_set(error, FCC_ERR_IO, "%s: no certificate there", dir);
        goto out;
    }
    cert = msp__cert_of_pem(certs.contents[0]);
    wanted = cert ? X509_get0_pubkey(cert) : NULL;
    if (!wanted) {
        st = fcc_error_set(error, FCC_ERR_CONFIG, "%s/%s: expected a PEM certificate", dir, certs.names[0]);
        goto out;
    }
    if (!(dir = fcc__arena_printf(arena, "%s/keystore", msp_dir)))
        goto out;
    st = msp__read_dir(dir, arena, &keys, error);
    if (st != FCC_OK)
        goto out;
    for (i = 0; i < keys.n; i++) {
        const char *path = fcc__arena_printf(arena, "%s/%s", dir, keys.names[i]);
        fcc_error this_one = { 0 };
        EVP_PKEY *key = NULL;
        bool fits = path && msp__key_read(path, keys.contents[i], &key, &this_one) == FCC_OK &&
                    EVP_PKEY_eq(wanted, key) == 1;

        ERR_clear_error();
        EVP_PKEY_free(key);
        if (fits)
            break;
        if (this_one.status != FCC_OK && unread.status == FCC_OK)
            unread = this_one;
    }
    if (i == keys.n) {
        /* a key that cannot be opened may be the one */
        if (unread.status != FCC_OK)
            st = fcc_error_set(error, FCC_ERR_CONFIG, "%s", unread.text);
        else
            st = fcc_error_set(error, FCC_ERR_CONFIG, "%s: no private key there belongs to the certificate %s", dir,
                               certs.names[0]);
        goto out;
    }
    st = msp_signer_new(mspid, certs.contents[0], keys.contents[i], out, error);
out:
    if (st == FCC_ERR_NOMEM)
        st = fcc_error_set(error, st, "%s: out of memory for a signing identity", msp_dir);
    X509_free(cert);
    fcc__arena_free(arena);
    return st;
}

void msp_signer_free(msp_signer *signer)
{
    if (!signer)
        return;
    EVP_PKEY_free(signer->key);
    BN_free(signer->order);
    fcc__arena_free(signer->arena);
    free(signer);
}

const char *msp_signer_mspid(const msp_signer *signer)
{
    return signer->mspid;
}

fcc_bytes msp_signer_identity(const msp_signer *signer)
{
    return signer->serialized;
}

fcc_bytes msp_signer_certificate(const msp_signer *signer)
{
    return signer->certificate;
}

const char *msp_signer_fingerprint(const msp_signer *signer)
{
    return signer->fingerprint;
}

int64_t msp_signer_expires(const msp_signer *signer)
{
    return signer->expires;
}

/* Over the message itself, without a digest. */
static fcc_status sign_ed25519(const msp_signer *signer, const fcc_bytes *parts, size_t count, fcc__arena *arena,
                               fcc_bytes *signature)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned char raw[64];
    size_t len = sizeof raw, i;
    fcc__buf message;
    fcc_status st;

    fcc__buf_init(&message, SIZE_MAX / 2);
    for (i = 0; i < count; i++)
        fcc__buf_add(&message, parts[i]);
    st = message.status;
    if (st == FCC_OK && (!ctx || EVP_DigestSignInit(ctx, NULL, NULL, NULL, signer->key) != 1 ||
                         EVP_DigestSign(ctx, raw, &len, message.data, message.len) != 1))
        st = FCC_ERR_INTERNAL;
    if (st == FCC_OK && !fcc__arena_copy(arena, fcc_bytes_of(raw, len), signature))
        st = FCC_ERR_LIMIT;
    fcc__buf_clear(&message);
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return st;
}

static fcc_status sign_ecdsa(const msp_signer *signer, const fcc_bytes *parts, size_t count, fcc__arena *arena,
                             fcc_bytes *signature)
{
    const fcc__sha256 digest = fcc__sha256_of_many(parts, count);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(signer->key, NULL);
    unsigned char raw[256];
    size_t len = sizeof raw;
    fcc_status st = FCC_ERR_INTERNAL;

    if (ctx && EVP_PKEY_sign_init(ctx) == 1 && EVP_PKEY_sign(ctx, raw, &len, digest.bytes, sizeof digest.bytes) == 1)
        st = msp__low_s(signer->order, fcc_bytes_of(raw, len), arena, signature) ? FCC_OK : FCC_ERR_LIMIT;
    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
    return st;
}

fcc_status msp_sign(const msp_signer *signer, const fcc_bytes *parts, size_t count, fcc__arena *arena,
                    fcc_bytes *signature)
{
    return EVP_PKEY_is_a(signer->key, "EC") ? sign_ecdsa(signer, parts, count, arena, signature)
                                            : sign_ed25519(signer, parts, count, arena, signature);
}

fcc_status msp_signer_key(const msp_signer *signer, fcc__arena *arena, fcc_bytes *pem)
{
    *pem = msp__pem_of_key(signer->key, arena);
    return pem->len ? FCC_OK : FCC_ERR_LIMIT;
}
