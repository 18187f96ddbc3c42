/* key.c: see key.h. */
#include "msp/key.h"

#include "msp/internal.h"
#include "msp/issue.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>

enum { PASSPHRASES_MAX = 64, SCRATCH = 2 << 20 };

/* What OpenSSL is told when it asks, and that it asked. */
typedef struct asked {
    fcc_bytes passphrase;
    bool was;
} asked;

static int give(char *out, int size, int writing, void *ctx)
{
    asked *a = ctx;

    (void)writing;
    a->was = true;
    if (!a->passphrase.data || a->passphrase.len > (size_t)size)
        return -1;
    memcpy(out, a->passphrase.data, a->passphrase.len);
    return (int)a->passphrase.len;
}

static EVP_PKEY *read_with(fcc_bytes pem, asked *a)
{
    BIO *bio = pem.len && pem.len <= MSP__MAX_FILE ? BIO_new_mem_buf(pem.data, (int)pem.len) : NULL;
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, give, a) : NULL;

    BIO_free(bio);
    return key;
}

/* Does the queue say that the cipher is not there? (Decoders that try their luck say "unsupported" as well.) */
static bool cipher_missing(void)
{
    bool missing = false;
    unsigned long e;

    while ((e = ERR_get_error()) != 0)
        missing |= (ERR_GET_LIB(e) == ERR_LIB_EVP && ERR_GET_REASON(e) == ERR_R_UNSUPPORTED) ||
                   (ERR_GET_LIB(e) == ERR_LIB_PEM && ERR_GET_REASON(e) == PEM_R_UNSUPPORTED_ENCRYPTION);
    return missing;
}

/* All that are given; none is no failure. */
static fcc_status passphrases(const char *what, fcc__arena *arena, fcc_bytes *list, size_t *count, fcc_error *error)
{
    const char *path = getenv(MSP_PASSPHRASE_FILE), *one = getenv(MSP_PASSPHRASE);
    fcc_bytes text = { 0 };
    fcc_error why = { 0 };
    size_t at = 0, end;

    *count = 0;
    if (path && *path) {
        if (msp__read_file(path, arena, &text, &why) != FCC_OK)
            return fcc_error_set(error, FCC_ERR_CONFIG,
                                 "%.400s: the private key is encrypted, and %s cannot be read: %.400s", what,
                                 MSP_PASSPHRASE_FILE, why.text);
    } else if (one && *one) {
        list[(*count)++] = fcc_str(one);
    }
    for (; at < text.len && *count < PASSPHRASES_MAX; at = end + 1) {
        const uint8_t *newline = memchr(text.data + at, '\n', text.len - at);
        size_t len;

        end = newline ? (size_t)(newline - text.data) : text.len;
        len = end - at;
        if (len > 0 && text.data[end - 1] == '\r')
            len--;
        if (len > 0)
            list[(*count)++] = fcc_bytes_of(text.data + at, len);
    }
    return FCC_OK;
}

static fcc_status try_all(const char *what, fcc_bytes pem, EVP_PKEY **out, fcc_error *error)
{
    fcc__arena *arena = fcc__arena_new(SCRATCH);
    fcc_bytes list[PASSPHRASES_MAX];
    size_t count = 0, i;
    EVP_PKEY *key = NULL;
    bool missing = false;
    fcc_status st = arena ? passphrases(what, arena, list, &count, error)
                          : fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));

    for (i = 0; st == FCC_OK && !key && i < count; i++) {
        asked a = { .passphrase = list[i] };

        key = read_with(pem, &a);
        if (!key)
            missing |= cipher_missing();
    }
    if (st == FCC_OK && !key && count == 0)
        st = fcc_error_set(
            error, FCC_ERR_CONFIG,
            "%.500s: the private key is encrypted and no passphrase is given: put it into a file and name "
            "that in %s, or set %s",
            what, MSP_PASSPHRASE_FILE, MSP_PASSPHRASE);
    else if (st == FCC_OK && !key && missing)
        st = fcc_error_set(
            error, FCC_ERR_CONFIG,
            "%.500s: the private key is encrypted with a cipher that is not supported: encrypt it anew, for "
            "example with openssl pkcs8 -topk8 -v2 aes256",
            what);
    else if (st == FCC_OK && !key)
        st = fcc_error_set(error, FCC_ERR_CONFIG,
                           "%.500s: the private key is encrypted, and %s does not open it: wrong "
                           "passphrase, or the file is damaged",
                           what,
                           count > 1                     ? "no line of the file in " MSP_PASSPHRASE_FILE
                           : getenv(MSP_PASSPHRASE_FILE) ? "the passphrase in the file of " MSP_PASSPHRASE_FILE
                                                         : "the passphrase in " MSP_PASSPHRASE);
    for (i = 0; i < count; i++)
        if (getenv(MSP_PASSPHRASE_FILE) && *getenv(MSP_PASSPHRASE_FILE))
            OPENSSL_cleanse((void *)(uintptr_t)list[i].data, list[i].len);
    fcc__arena_free(arena);
    if (st == FCC_OK)
        *out = key;
    return st;
}

fcc_status msp__key_read(const char *what, fcc_bytes pem, EVP_PKEY **out, fcc_error *error)
{
    asked a = { 0 };
    EVP_PKEY *key = read_with(pem, &a);
    fcc_status st = FCC_OK;

    ERR_clear_error();
    if (key)
        *out = key;
    else if (a.was)
        st = try_all(what, pem, out, error);
    else
        st = fcc_error_set(error, FCC_ERR_CONFIG, "%.500s: no private key in PEM (PKCS#8, SEC 1 or PKCS#1)", what);
    ERR_clear_error();
    return st;
}

fcc_status msp_key_open(const char *what, fcc_bytes pem, fcc__arena *arena, fcc_bytes *plain, fcc_error *error)
{
    asked a = { 0 };
    EVP_PKEY *key = read_with(pem, &a);
    fcc_status st = FCC_OK;

    ERR_clear_error();
    if (!a.was) {
        EVP_PKEY_free(key);
        *plain = pem;
        return FCC_OK;
    }
    EVP_PKEY_free(key);
    key = NULL;
    st = try_all(what, pem, &key, error);
    if (st == FCC_OK) {
        *plain = msp__pem_of_key(key, arena);
        if (plain->len == 0)
            st = fcc_error_set(error, FCC_ERR_LIMIT, "%s: too large", what);
    }
    EVP_PKEY_free(key);
    ERR_clear_error();
    return st;
}

bool msp_key_locked(fcc_bytes pem)
{
    const char *file = getenv(MSP_PASSPHRASE_FILE), *one = getenv(MSP_PASSPHRASE);
    asked a = { 0 };

    EVP_PKEY_free(read_with(pem, &a));
    ERR_clear_error();
    return a.was && !(file && *file) && !(one && *one);
}
