/* See hash.h. */
#include "base/hash.h"
#include "base/require.h"

#include <openssl/evp.h>
#include <stdatomic.h>

/* EVP_sha256() is looked up by its name, under locks, at each use: as expensive as the hash of a few hundred bytes. */
static const EVP_MD *sha256(void)
{
    static _Atomic(EVP_MD *) found;
    EVP_MD *md = atomic_load_explicit(&found, memory_order_acquire), *none = NULL;

    if (md)
        return md;
    md = EVP_MD_fetch(NULL, "SHA256", NULL);
    FCC_REQUIRE(md);
    if (atomic_compare_exchange_strong(&found, &none, md))
        return md;
    EVP_MD_free(md); /* another thread was first */
    return none;
}

fcc__sha256 fcc__sha256_of_many(const fcc_bytes *parts, size_t count)
{
    fcc__sha256 digest;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    FCC_REQUIRE(ctx && EVP_DigestInit_ex(ctx, sha256(), NULL) == 1);
    for (size_t i = 0; i < count; i++)
        FCC_REQUIRE(EVP_DigestUpdate(ctx, parts[i].data, parts[i].len) == 1);
    FCC_REQUIRE(EVP_DigestFinal_ex(ctx, digest.bytes, NULL) == 1);
    EVP_MD_CTX_free(ctx);
    return digest;
}

fcc__sha256 fcc__sha256_of(fcc_bytes bytes)
{
    return fcc__sha256_of_many(&bytes, 1);
}

fcc_bytes fcc__hex(fcc__arena *arena, fcc_bytes bytes)
{
    static const char digits[] = "0123456789abcdef";
    char *p = bytes.len < SIZE_MAX / 2 ? fcc__arena_alloc(arena, bytes.len * 2 + 1) : NULL;

    if (!p)
        return fcc_bytes_of(NULL, 0);
    for (size_t i = 0; i < bytes.len; i++) {
        p[2 * i] = digits[bytes.data[i] >> 4];
        p[2 * i + 1] = digits[bytes.data[i] & 15];
    }
    p[2 * bytes.len] = 0;
    return fcc_bytes_of(p, bytes.len * 2);
}

static int digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

fcc_status fcc__unhex(fcc__arena *arena, fcc_bytes text, fcc_bytes *out)
{
    uint8_t *p;

    if (text.len % 2 != 0)
        return FCC_ERR_ARG;
    p = fcc__arena_alloc(arena, text.len / 2 + 1);
    if (!p)
        return FCC_ERR_LIMIT;
    for (size_t i = 0; i < text.len; i += 2) {
        int high = digit(text.data[i]), low = digit(text.data[i + 1]);

        if (high < 0 || low < 0)
            return FCC_ERR_ARG;
        p[i / 2] = (uint8_t)(high << 4 | low);
    }
    p[text.len / 2] = 0;
    *out = fcc_bytes_of(p, text.len / 2);
    return FCC_OK;
}

fcc_bytes fcc__base64(fcc__arena *arena, fcc_bytes bytes)
{
    uint8_t *p = bytes.len < INT32_MAX / 2 ? fcc__arena_alloc(arena, (bytes.len + 2) / 3 * 4 + 1) : NULL;

    if (!p)
        return fcc_bytes_of(NULL, 0);
    return fcc_bytes_of(p, (size_t)EVP_EncodeBlock(p, bytes.data, (int)bytes.len));
}

fcc_status fcc__unbase64(fcc__arena *arena, fcc_bytes text, fcc_bytes *out)
{
    uint8_t *p;
    int n;
    size_t padding = 0;

    if (text.len % 4 != 0 || text.len > INT32_MAX / 2)
        return FCC_ERR_ARG;
    p = fcc__arena_alloc(arena, text.len / 4 * 3 + 1);
    if (!p)
        return FCC_ERR_LIMIT;
    while (padding < 2 && padding < text.len && text.data[text.len - 1 - padding] == '=')
        padding++;
    n = text.len ? EVP_DecodeBlock(p, text.data, (int)text.len) : 0;
    if (n < 0)
        return FCC_ERR_ARG;
    *out = fcc_bytes_of(p, (size_t)n - padding);
    return FCC_OK;
}
