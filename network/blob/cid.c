/* CIDv1: multibase 'b', version, codec, multihash (0x12 sha2-256, 0x20 bytes). */
#include "blob/blob.h"

#include "base/hash.h"

#include <string.h>

static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

static void base32(const uint8_t *in, size_t len, char *out)
{
    uint32_t bits = 0;
    int n = 0;
    size_t i;

    for (i = 0; i < len; i++) {
        bits = (bits << 8) | in[i];
        n += 8;
        while (n >= 5) {
            *out++ = alphabet[(bits >> (n - 5)) & 31];
            n -= 5;
        }
    }
    if (n > 0)
        *out++ = alphabet[(bits << (5 - n)) & 31];
    *out = '\0';
}

void blob_cid(uint64_t codec, fcc_bytes content, char out[BLOB_CID_MAX])
{
    fcc__sha256 d = fcc__sha256_of(content);
    uint8_t raw[1 + 9 + 2 + FCC__SHA256_LEN];
    size_t n = 0;

    raw[n++] = 1;
    codec &= INT64_MAX;
    for (; codec >= 0x80; codec >>= 7)
        raw[n++] = (uint8_t)(codec | 0x80);
    raw[n++] = (uint8_t)codec;
    raw[n++] = 0x12;
    raw[n++] = FCC__SHA256_LEN;
    memcpy(raw + n, d.bytes, FCC__SHA256_LEN);
    n += FCC__SHA256_LEN;
    out[0] = 'b';
    base32(raw, n, out + 1);
}

fcc_status blob_cid_parse(const char *cid, uint64_t *codec, uint8_t digest[32])
{
    uint8_t raw[BLOB_CID_MAX];
    size_t n = 0, at = 1, i;
    uint32_t bits = 0;
    int have = 0, shift = 0;
    uint64_t code = 0;

    if (cid[0] != 'b' || strlen(cid) >= BLOB_CID_MAX)
        return FCC_ERR_ARG;
    for (i = 1; cid[i]; i++) {
        const char *p = strchr(alphabet, cid[i]);

        if (!p)
            return FCC_ERR_ARG;
        bits = ((bits << 5) | (uint32_t)(p - alphabet)) & 0xfff;
        have += 5;
        if (have >= 8) {
            have -= 8;
            raw[n++] = (uint8_t)(bits >> have);
        }
    }
    /* what is left over must be less than a digit, and zero: one text for one identifier */
    if (have >= 5 || (bits & ((1u << have) - 1)) != 0 || n < 4 || raw[0] != 1)
        return FCC_ERR_ARG;
    do {
        if (at >= n || shift > 56)
            return FCC_ERR_ARG;
        code |= (uint64_t)(raw[at] & 0x7f) << shift;
        shift += 7;
    } while (raw[at++] & 0x80);
    if (n != at + 2 + 32 || raw[at] != 0x12 || raw[at + 1] != 32 || (raw[at - 1] == 0 && at > 2))
        return FCC_ERR_ARG;
    *codec = code;
    memcpy(digest, raw + at + 2, 32);
    return FCC_OK;
}
