/* AES-256-GCM, and data keys sealed to custody keys. */
#include "blob/seal.h"
#include "blob/blob.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NONCE = 12, TAG = 16, POINT = 32, SEALED = POINT + NONCE + BLOB_KEY_LEN + TAG, PIECE = 1 << 20 };

#define LABEL FCC_LIT("medsync data key 1")

struct blob_custody {
    EVP_PKEY *key;
    uint8_t public_key[POINT];
};

void blob_wipe(void *data, size_t len)
{
    OPENSSL_cleanse(data, len);
}

/* EVP counts in int: large content goes in pieces. */
static bool gcm(EVP_CIPHER_CTX *ctx, const uint8_t *in, size_t len, uint8_t *out)
{
    int n;

    while (len > 0) {
        int piece = len < PIECE ? (int)len : PIECE;

        if (EVP_CipherUpdate(ctx, out, &n, in, piece) != 1 || n != piece)
            return false;
        in += piece;
        out += piece;
        len -= (size_t)piece;
    }
    return true;
}

bool blob__encrypt(const uint8_t key[32], fcc_bytes content, uint8_t *out)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t rest[TAG];
    int n;
    bool ok = ctx && RAND_bytes(out, NONCE) == 1 && EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, out, 1) == 1 &&
              gcm(ctx, content.data, content.len, out + NONCE) && EVP_CipherFinal_ex(ctx, rest, &n) == 1 && n == 0 &&
              EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG, out + NONCE + content.len) == 1;

    EVP_CIPHER_CTX_free(ctx);
    return ok;
}

bool blob__decrypt(const uint8_t key[32], fcc_bytes stored, uint8_t *out)
{
    EVP_CIPHER_CTX *ctx = NULL;
    uint8_t tag[TAG], rest[TAG];
    size_t len;
    int n;
    bool ok;

    if (stored.len < NONCE + TAG)
        return false;
    len = stored.len - NONCE - TAG;
    memcpy(tag, stored.data + NONCE + len, TAG);
    ctx = EVP_CIPHER_CTX_new();
    ok = ctx && EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, stored.data, 0) == 1 &&
         gcm(ctx, stored.data + NONCE, len, out) && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG, tag) == 1 &&
         EVP_CipherFinal_ex(ctx, rest, &n) == 1;
    if (!ok)
        blob_wipe(out, len);
    EVP_CIPHER_CTX_free(ctx);
    return ok;
}

static fcc_status custody_of(EVP_PKEY *key, const char *name, blob_custody **out, fcc_error *error)
{
    blob_custody *c;
    size_t len = POINT;

    if (!key || EVP_PKEY_get_base_id(key) != EVP_PKEY_X25519) {
        EVP_PKEY_free(key);
        return fcc_error_set(error, FCC_ERR_CONFIG, "%s: not an X25519 private key in PEM", name);
    }
    c = calloc(1, sizeof(*c));
    if (!c || EVP_PKEY_get_raw_public_key(key, c->public_key, &len) != 1) {
        free(c);
        EVP_PKEY_free(key);
        return fcc_error_set(error, FCC_ERR_NOMEM, "%s: out of memory", name);
    }
    c->key = key;
    *out = c;
    return FCC_OK;
}

fcc_status blob_custody_load(const char *path, blob_custody **out, fcc_error *error)
{
    FILE *f = fopen(path, "r");
    EVP_PKEY *key;

    if (!f)
        return fcc_error_set(error, FCC_ERR_IO, "%s: %s", path, strerror(errno));
    key = PEM_read_PrivateKey(f, NULL, NULL, (void *)(uintptr_t) ""); /* nobody is asked at a terminal */
    fclose(f);
    return custody_of(key, path, out, error);
}

fcc_status blob_custody_parse(fcc_bytes pem, const char *name, blob_custody **out, fcc_error *error)
{
    BIO *bio = pem.len <= 1 << 20 ? BIO_new_mem_buf(pem.data, (int)pem.len) : NULL;
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)(uintptr_t) "") : NULL;

    BIO_free(bio);
    return custody_of(key, name, out, error);
}

void blob_custody_free(blob_custody *c)
{
    if (!c)
        return;
    EVP_PKEY_free(c->key);
    free(c);
}

const uint8_t *blob_custody_public(const blob_custody *c)
{
    return c->public_key;
}

bool blob__agree(EVP_PKEY *own, EVP_PKEY *other, const uint8_t *ephemeral, const uint8_t *reader, size_t point_len,
                 fcc_bytes label, fcc_bytes context, uint8_t out[32])
{
    uint8_t secret[BLOB__SECRET_MAX], salt[2 * BLOB__POINT_MAX];
    size_t secret_len = sizeof(secret), len = 32;
    EVP_PKEY_CTX *derive = EVP_PKEY_CTX_new(own, NULL), *kdf = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);
    bool ok;

    memcpy(salt, ephemeral, point_len);
    memcpy(salt + point_len, reader, point_len);
    ok = derive && kdf && EVP_PKEY_derive_init(derive) == 1 && EVP_PKEY_derive_set_peer(derive, other) == 1 &&
         EVP_PKEY_derive(derive, secret, &secret_len) == 1 && EVP_PKEY_derive_init(kdf) == 1 &&
         EVP_PKEY_CTX_set_hkdf_md(kdf, EVP_sha256()) == 1 &&
         EVP_PKEY_CTX_set1_hkdf_salt(kdf, salt, (int)(2 * point_len)) == 1 &&
         EVP_PKEY_CTX_set1_hkdf_key(kdf, secret, (int)secret_len) == 1 &&
         EVP_PKEY_CTX_add1_hkdf_info(kdf, label.data, (int)label.len) == 1 &&
         (context.len == 0 || EVP_PKEY_CTX_add1_hkdf_info(kdf, context.data, (int)context.len) == 1) &&
         EVP_PKEY_derive(kdf, out, &len) == 1;
    blob_wipe(secret, sizeof(secret));
    EVP_PKEY_CTX_free(derive);
    EVP_PKEY_CTX_free(kdf);
    return ok;
}

fcc_status blob_seal(const uint8_t custody_public[32], const uint8_t key[BLOB_KEY_LEN], char out[BLOB_SEALED_HEX + 1],
                     fcc_error *error)
{
    fcc_status st = FCC_ERR_INTERNAL;
    uint8_t sealed[SEALED], wrap[32];
    size_t len = POINT, i;
    EVP_PKEY *ephemeral = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
    EVP_PKEY *custody = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, custody_public, POINT);

    if (!ephemeral || !custody || EVP_PKEY_get_raw_public_key(ephemeral, sealed, &len) != 1 ||
        !blob__agree(ephemeral, custody, sealed, custody_public, POINT, LABEL, (fcc_bytes){ 0 }, wrap) ||
        !blob__encrypt(wrap, fcc_bytes_of(key, BLOB_KEY_LEN), sealed + POINT)) {
        fcc_error_set(error, st, "OpenSSL cannot seal a data key to this custody key");
        goto out;
    }
    for (i = 0; i < SEALED; i++)
        snprintf(out + 2 * i, 3, "%02x", sealed[i]);
    st = FCC_OK;
out:
    blob_wipe(wrap, sizeof(wrap));
    EVP_PKEY_free(ephemeral);
    EVP_PKEY_free(custody);
    return st;
}

static int digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

fcc_status blob_unseal(const blob_custody *custody, fcc_bytes hex, uint8_t key[BLOB_KEY_LEN], fcc_error *error)
{
    fcc_status st;
    uint8_t sealed[SEALED], wrap[32] = { 0 }, plain[BLOB_KEY_LEN];
    EVP_PKEY *ephemeral = NULL;
    size_t i;

    if (hex.len != BLOB_SEALED_HEX)
        return fcc_error_set(error, FCC_ERR_ARG, "a sealed data key has %d hexadecimal digits, not %zu",
                             BLOB_SEALED_HEX, hex.len);
    for (i = 0; i < SEALED; i++) {
        int high = digit(hex.data[2 * i]), low = digit(hex.data[2 * i + 1]);

        if (high < 0 || low < 0)
            return fcc_error_set(error, FCC_ERR_ARG, "a sealed data key is lower-case hexadecimal");
        sealed[i] = (uint8_t)(high << 4 | low);
    }
    ephemeral = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, sealed, POINT);
    if (!ephemeral ||
        !blob__agree(custody->key, ephemeral, sealed, custody->public_key, POINT, LABEL, (fcc_bytes){ 0 }, wrap) ||
        !blob__decrypt(wrap, fcc_bytes_of(sealed + POINT, SEALED - POINT), plain)) {
        st = fcc_error_set(error, FCC_ERR_AUTH, "the data key is damaged, or sealed to another custody key");
        goto out;
    }
    memcpy(key, plain, BLOB_KEY_LEN);
    blob_wipe(plain, sizeof(plain));
    st = FCC_OK;
out:
    blob_wipe(wrap, sizeof(wrap));
    EVP_PKEY_free(ephemeral);
    return st;
}
