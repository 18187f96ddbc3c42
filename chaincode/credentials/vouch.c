/* vouch.c: a signature by a key that the registry knows by its fingerprint only, so the key comes with it. */
#include "credentials/vouch.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <string.h>

static bool read_hex(const char *text, size_t len, uint8_t *out, size_t *out_len)
{
    char hex[2 * CRED_VOUCH_MAX + 1];

    if (len == 0 || len % 2 || len >= sizeof(hex))
        return false;
    memcpy(hex, text, len);
    hex[len] = 0;
    if (!lib_is_hex(hex, len))
        return false;
    *out_len = len / 2;
    lib_from_hex(hex, out, *out_len);
    return true;
}

bool cred_vouching_read(const char *sig, struct cred_vouching *out)
{
    const char *dot = strchr(sig, '.');
    uint8_t digest[LIB_SHA256_LEN];

    if (!dot || !read_hex(sig, (size_t)(dot - sig), out->spki, &out->spki_len) ||
        !read_hex(dot + 1, strlen(dot + 1), out->signature, &out->signature_len))
        return false;
    SHA256(out->spki, out->spki_len, digest);
    lib_to_hex(digest, sizeof(digest), out->fp);
    return true;
}

bool cred_vouching_holds(const struct cred_vouching *vouching, fcc_bytes channel, const char *uid, const char *gln,
                         const char *fp)
{
    const fcc_bytes parts[] = { FCC_LIT("medsync/vouch/1\n"),
                                channel,
                                FCC_LIT("\n"),
                                fcc_str(uid),
                                FCC_LIT("\n"),
                                fcc_str(gln),
                                FCC_LIT("\n"),
                                fcc_str(fp) };
    const uint8_t *at = vouching->spki;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)vouching->spki_len);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool holds = key && ctx && at == vouching->spki + vouching->spki_len && EVP_PKEY_base_id(key) == EVP_PKEY_EC &&
                 EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1;

    for (size_t i = 0; holds && i < sizeof(parts) / sizeof(parts[0]); i++)
        holds = EVP_DigestVerifyUpdate(ctx, parts[i].data, parts[i].len) == 1;
    holds = holds && EVP_DigestVerifyFinal(ctx, vouching->signature, vouching->signature_len) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    return holds;
}
