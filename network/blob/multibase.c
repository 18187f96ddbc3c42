/* Texts that say in which base they are written. One table; digits by groups of bits, or of one large number. */
#include "blob/id.h"

#include <string.h>

#define DIGITS "0123456789"
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

typedef struct base {
    const char *name;
    char prefix;
    int bits; /* of a digit; 0: the bytes are one number, and zeros before it stand for zero bytes */
    int pad;  /* '=' up to a multiple of so many digits; 0: none */
    bool any_case;
    const char *alphabet;
} base;

/* clang-format off */
static const base bases[] = {
    { "base2",             '0', 1, 0, false, "01" },
    { "base8",             '7', 3, 0, false, "01234567" },
    { "base10",            '9', 0, 0, false, DIGITS },
    { "base16",            'f', 4, 0, true,  DIGITS "abcdef" },
    { "base16upper",       'F', 4, 0, true,  DIGITS "ABCDEF" },
    { "base32hex",         'v', 5, 0, true,  DIGITS "abcdefghijklmnopqrstuv" },
    { "base32hexupper",    'V', 5, 0, true,  DIGITS "ABCDEFGHIJKLMNOPQRSTUV" },
    { "base32hexpad",      't', 5, 8, true,  DIGITS "abcdefghijklmnopqrstuv" },
    { "base32hexpadupper", 'T', 5, 8, true,  DIGITS "ABCDEFGHIJKLMNOPQRSTUV" },
    { "base32",            'b', 5, 0, true,  LOWER "234567" },
    { "base32upper",       'B', 5, 0, true,  UPPER "234567" },
    { "base32pad",         'c', 5, 8, true,  LOWER "234567" },
    { "base32padupper",    'C', 5, 8, true,  UPPER "234567" },
    { "base32z",           'h', 5, 0, false, "ybndrfg8ejkmcpqxot1uwisza345h769" },
    { "base36",            'k', 0, 0, true,  DIGITS LOWER },
    { "base36upper",       'K', 0, 0, true,  DIGITS UPPER },
    { "base58btc",         'z', 0, 0, false, "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz" },
    { "base58flickr",      'Z', 0, 0, false, "123456789abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ" },
    { "base64",            'm', 6, 0, false, UPPER LOWER DIGITS "+/" },
    { "base64pad",         'M', 6, 4, false, UPPER LOWER DIGITS "+/" },
    { "base64url",         'u', 6, 0, false, UPPER LOWER DIGITS "-_" },
    { "base64urlpad",      'U', 6, 4, false, UPPER LOWER DIGITS "-_" },
};
/* clang-format on */

static int digit_of(const base *b, char c)
{
    const char *p = c ? strchr(b->alphabet, c) : NULL;

    if (!p && b->any_case && c)
        p = strchr(b->alphabet, c >= 'a' && c <= 'z' ? c - 32 : c >= 'A' && c <= 'Z' ? c + 32 : c);
    return p ? (int)(p - b->alphabet) : -1;
}

/* ---- a digit is so many bits, the first ones first ---- */

static fcc_status bits_decode(const base *b, const char *text, size_t len, uint8_t *out, size_t *out_len)
{
    uint32_t bits = 0;
    int have = 0;
    size_t i, n = 0, padded = len;

    while (b->pad && len > 0 && text[len - 1] == '=')
        len--;
    if (b->pad && (padded % (size_t)b->pad != 0 || padded - len >= (size_t)b->pad))
        return FCC_ERR_ARG;
    for (i = 0; i < len; i++) {
        int digit = digit_of(b, text[i]);

        if (digit < 0)
            return FCC_ERR_ARG;
        bits = (bits << b->bits | (uint32_t)digit) & 0xffff;
        have += b->bits;
        if (have >= 8) {
            have -= 8;
            out[n++] = (uint8_t)(bits >> have);
        }
    }
    /* what is left over is less than a digit, and zero: one text for one content */
    if (have >= b->bits || (bits & ((1u << have) - 1)) != 0)
        return FCC_ERR_ARG;
    *out_len = n;
    return FCC_OK;
}

static size_t bits_encode(const base *b, fcc_bytes bytes, char *out)
{
    uint32_t bits = 0;
    int have = 0;
    size_t i, n = 0;

    for (i = 0; i < bytes.len; i++) {
        bits = (bits << 8 | bytes.data[i]) & 0xffff;
        for (have += 8; have >= b->bits; have -= b->bits)
            out[n++] = b->alphabet[bits >> (have - b->bits) & ((1u << b->bits) - 1)];
    }
    if (have > 0)
        out[n++] = b->alphabet[bits << (b->bits - have) & ((1u << b->bits) - 1)];
    while (b->pad && n % (size_t)b->pad != 0)
        out[n++] = '=';
    return n;
}

/* ---- the bytes are one number ---- */

static fcc_status number_decode(const base *b, const char *text, size_t len, uint8_t *out, size_t *out_len)
{
    size_t zeros = 0, used = 0, i, k;
    uint32_t radix = (uint32_t)strlen(b->alphabet);

    while (zeros < len && text[zeros] == b->alphabet[0])
        zeros++;
    /* little-endian behind the zeros, turned round at the end */
    for (i = zeros; i < len; i++) {
        int digit = digit_of(b, text[i]);
        uint32_t carry = (uint32_t)digit;

        if (digit < 0)
            return FCC_ERR_ARG;
        for (k = 0; k < used; k++) {
            carry += out[zeros + k] * radix;
            out[zeros + k] = (uint8_t)carry;
            carry >>= 8;
        }
        if (carry)
            out[zeros + used++] = (uint8_t)carry;
    }
    memset(out, 0, zeros);
    for (k = 0; k < used / 2; k++) {
        uint8_t swap = out[zeros + k];

        out[zeros + k] = out[zeros + used - 1 - k];
        out[zeros + used - 1 - k] = swap;
    }
    *out_len = zeros + used;
    return FCC_OK;
}

static size_t number_encode(const base *b, fcc_bytes bytes, char *out)
{
    size_t zeros = 0, used = 0, i, k;
    uint32_t radix = (uint32_t)strlen(b->alphabet);

    while (zeros < bytes.len && bytes.data[zeros] == 0)
        zeros++;
    for (i = zeros; i < bytes.len; i++) {
        uint32_t carry = bytes.data[i];

        for (k = 0; k < used; k++) {
            carry += (uint32_t)(uint8_t)out[zeros + k] << 8;
            out[zeros + k] = (char)(carry % radix);
            carry /= radix;
        }
        for (; carry; carry /= radix)
            out[zeros + used++] = (char)(carry % radix);
    }
    memset(out, b->alphabet[0], zeros);
    for (k = 0; k < used / 2; k++) {
        char swap = out[zeros + k];

        out[zeros + k] = out[zeros + used - 1 - k];
        out[zeros + used - 1 - k] = swap;
    }
    for (k = 0; k < used; k++)
        out[zeros + k] = b->alphabet[(uint8_t)out[zeros + k]];
    return zeros + used;
}

/* ---- both ---- */

fcc_status blob_multibase_decode(const char *text, fcc__arena *arena, fcc_bytes *out)
{
    size_t len = strlen(text), i, n = 0;
    uint8_t *bytes;
    fcc_status st;

    if (len > BLOB_TEXT_MAX)
        return FCC_ERR_LIMIT;
    for (i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
        if (len == 0 || bases[i].prefix != text[0])
            continue;
        bytes = fcc__arena_alloc(arena, len);
        if (!bytes)
            return FCC_ERR_LIMIT;
        st = (bases[i].bits ? bits_decode : number_decode)(&bases[i], text + 1, len - 1, bytes, &n);
        if (st == FCC_OK)
            *out = fcc_bytes_of(bytes, n);
        return st;
    }
    return FCC_ERR_ARG;
}

fcc_status blob_multibase_encode(const char *name, fcc_bytes bytes, fcc__arena *arena, const char **out)
{
    size_t i, n;
    char *text;

    if (bytes.len > BLOB_TEXT_MAX)
        return FCC_ERR_LIMIT;
    for (i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
        if (strcmp(bases[i].name, name) != 0)
            continue;
        /* base2 needs the most: eight digits a byte */
        text = fcc__arena_alloc(arena, 8 * bytes.len + 16);
        if (!text)
            return FCC_ERR_LIMIT;
        text[0] = bases[i].prefix;
        n = 1 + (bases[i].bits ? bits_encode : number_encode)(&bases[i], bytes, text + 1);
        text[n] = '\0';
        *out = text;
        return FCC_OK;
    }
    return FCC_ERR_NOT_FOUND;
}
