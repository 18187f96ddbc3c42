/* Varints, multihashes and CIDs as others may write them. */
#include "blob/id.h"

#include <openssl/evp.h>
#include <string.h>

enum { CODEC_DAG_PB = 0x70, ID_MAX = 256, SHA256_LEN = 32 };

size_t blob_varint(fcc_bytes bytes, uint64_t *out)
{
    uint64_t n = 0;
    size_t i;

    for (i = 0; i < bytes.len && i < 9; i++) {
        n |= (uint64_t)(bytes.data[i] & 0x7f) << (7 * i);
        if (bytes.data[i] & 0x80)
            continue;
        if (bytes.data[i] == 0 && i > 0)
            return 0;
        *out = n;
        return i + 1;
    }
    return 0;
}

/* ---- multihash ---- */

/* clang-format off */
static const struct { uint64_t code; const char *name, *openssl; } functions[] = {
    { 0x00, "identity",  NULL },
    { 0x11, "sha1",      "SHA1" },
    { 0x12, "sha2-256",  "SHA256" },
    { 0x13, "sha2-512",  "SHA512" },
    { 0x14, "sha3-512",  "SHA3-512" },
    { 0x15, "sha3-384",  "SHA3-384" },
    { 0x16, "sha3-256",  "SHA3-256" },
    { 0x17, "sha3-224",  "SHA3-224" },
    { 0x20, "sha2-384",  "SHA384" },
};
/* clang-format on */
enum { FUNCTIONS = sizeof(functions) / sizeof(functions[0]) };

fcc_status blob_multihash_parse(fcc_bytes bytes, blob_multihash *out, size_t *used)
{
    uint64_t code, len;
    size_t n = blob_varint(bytes, &code), m;

    if (n == 0 || (m = blob_varint(fcc_bytes_of(bytes.data + n, bytes.len - n), &len)) == 0 || len > bytes.len - n - m)
        return FCC_ERR_ARG;
    out->code = code;
    out->digest = fcc_bytes_of(bytes.data + n + m, (size_t)len);
    *used = n + m + (size_t)len;
    return FCC_OK;
}

const char *blob_multihash_name(uint64_t code)
{
    size_t i;

    for (i = 0; i < FUNCTIONS; i++)
        if (functions[i].code == code)
            return functions[i].name;
    return NULL;
}

fcc_status blob_multihash_verify(const blob_multihash *hash, fcc_bytes content)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    size_t i;
    EVP_MD *md;
    bool ok;

    for (i = 0; i < FUNCTIONS && functions[i].code != hash->code; i++)
        ;
    if (i == FUNCTIONS)
        return FCC_ERR_NOT_FOUND;
    if (!functions[i].openssl)
        return fcc_bytes_equal(hash->digest, content) ? FCC_OK : FCC_ERR_CORRUPT;
    md = EVP_MD_fetch(NULL, functions[i].openssl, NULL);
    ok = md && EVP_Digest(content.len ? content.data : digest, content.len, digest, &len, md, NULL) == 1;
    EVP_MD_free(md);
    if (!ok)
        return FCC_ERR_NOT_FOUND;
    return hash->digest.len > 0 && hash->digest.len <= len && !memcmp(hash->digest.data, digest, hash->digest.len)
               ? FCC_OK
               : FCC_ERR_CORRUPT;
}

/* ---- CID ---- */

fcc_status blob_id_parse(fcc_bytes bytes, blob_id *out, size_t *used)
{
    uint64_t version, codec;
    size_t n, m, rest = 0;
    blob_id id;

    /* version 0 is a bare SHA-256 multihash of a dag-pb block */
    if (bytes.len >= 2 && bytes.data[0] == BLOB_HASH_SHA256 && bytes.data[1] == SHA256_LEN) {
        id.version = 0;
        id.codec = CODEC_DAG_PB;
        n = m = 0;
    } else {
        n = blob_varint(bytes, &version);
        if (n == 0 || version != 1 || (m = blob_varint(fcc_bytes_of(bytes.data + n, bytes.len - n), &codec)) == 0)
            return FCC_ERR_ARG;
        id.version = 1;
        id.codec = codec;
    }
    if (blob_multihash_parse(fcc_bytes_of(bytes.data + n + m, bytes.len - n - m), &id.hash, &rest) != FCC_OK)
        return FCC_ERR_ARG;
    *out = id;
    *used = n + m + rest;
    return FCC_OK;
}

fcc_status blob_id_of_text(const char *text, fcc__arena *arena, blob_id *out)
{
    fcc_bytes bytes;
    size_t used = 0;
    fcc_status st;
    blob_id id;
    bool old = strlen(text) == 46 && text[0] == 'Q' && text[1] == 'm';

    if (old && !(text = fcc__arena_printf(arena, "z%s", text)))
        return FCC_ERR_LIMIT;
    if ((st = blob_multibase_decode(text, arena, &bytes)) != FCC_OK)
        return st;
    if (blob_id_parse(bytes, &id, &used) != FCC_OK || used != bytes.len || (id.version == 0) != old)
        return FCC_ERR_ARG;
    *out = id;
    return FCC_OK;
}

static size_t put_varint(uint8_t *out, uint64_t n)
{
    size_t len = 0;

    for (; n >= 0x80; n >>= 7)
        out[len++] = (uint8_t)(n | 0x80);
    out[len++] = (uint8_t)n;
    return len;
}

const char *blob_id_text(const blob_id *id, fcc__arena *arena)
{
    uint8_t bytes[ID_MAX];
    const char *text = NULL;
    size_t n = 0;

    if (id->hash.digest.len > sizeof(bytes) - 40)
        return NULL;
    bytes[n++] = 1;
    n += put_varint(bytes + n, id->codec);
    n += put_varint(bytes + n, id->hash.code);
    n += put_varint(bytes + n, id->hash.digest.len);
    if (id->hash.digest.len)
        memcpy(bytes + n, id->hash.digest.data, id->hash.digest.len);
    n += id->hash.digest.len;
    return blob_multibase_encode("base32", fcc_bytes_of(bytes, n), arena, &text) == FCC_OK ? text : NULL;
}
