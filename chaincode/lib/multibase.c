/* multibase.c: base58btc and base64url. */
#include "lib/multibase.h"

#include <stdlib.h>

/* ---- base58 ---- */

static const char base58[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

bool lib_base58_decode(const char *text, uint8_t *out, size_t cap, size_t *len)
{
    /* the number, least significant byte first; 58^256 has 188 bytes */
    uint8_t number[LIB_BASE58_MAX];
    size_t n = 0, zeros = 0, chars = strlen(text);

    if (chars > LIB_BASE58_MAX)
        return false;
    while (text[zeros] == '1')
        zeros++;
    for (size_t i = zeros; i < chars; i++) {
        const char *at = strchr(base58, text[i]);
        unsigned carry;

        if (!at)
            return false;
        carry = (unsigned)(at - base58);
        for (size_t k = 0; k < n; k++) {
            carry += number[k] * 58u;
            number[k] = (uint8_t)carry;
            carry >>= 8;
        }
        if (carry)
            number[n++] = (uint8_t)carry;
    }
    if (zeros + n > cap)
        return false;
    memset(out, 0, zeros);
    for (size_t i = 0; i < n; i++)
        out[zeros + i] = number[n - 1 - i];
    *len = zeros + n;
    return true;
}

char *lib_base58_encode(char prefix, fcc_bytes bytes)
{
    uint8_t digits[LIB_BASE58_MAX + 8]; /* least significant first; a byte takes 1.37 digits */
    size_t n = 0, zeros = 0, at = 0;
    char *text;

    if (bytes.len > LIB_BASE58_MAX_BYTES)
        return NULL;
    while (zeros < bytes.len && bytes.data[zeros] == 0)
        zeros++;
    for (size_t i = zeros; i < bytes.len; i++) {
        unsigned carry = bytes.data[i];

        for (size_t k = 0; k < n; k++) {
            carry += digits[k] * 256u;
            digits[k] = (uint8_t)(carry % 58);
            carry /= 58;
        }
        for (; carry; carry /= 58)
            digits[n++] = (uint8_t)(carry % 58);
    }
    text = malloc((prefix ? 1 : 0) + zeros + n + 1);
    if (!text)
        return NULL;
    if (prefix)
        text[at++] = prefix;
    memset(text + at, '1', zeros);
    at += zeros;
    while (n)
        text[at++] = base58[digits[--n]];
    text[at] = 0;
    return text;
}

/* ---- base64url ---- */

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

bool lib_base64url_decode_into(const char *text, uint8_t *out, size_t cap, size_t *len)
{
    size_t chars = strlen(text), n = 0;
    unsigned bits = 0, held = 0;

    /* one character more than whole bytes need says nothing */
    if (chars % 4 == 1 || chars / 4 * 3 + (chars % 4 ? chars % 4 - 1 : 0) > cap)
        return false;
    for (size_t i = 0; i < chars; i++) {
        int value = base64_value(text[i]);

        if (value < 0)
            return false;
        bits = (bits << 6 | (unsigned)value) & 0xffff;
        held += 6;
        if (held >= 8) {
            held -= 8;
            out[n++] = (uint8_t)(bits >> held);
        }
    }
    if (bits & ((1u << held) - 1))
        return false;
    *len = n;
    return true;
}

uint8_t *lib_base64url_decode(const char *text, size_t *len)
{
    size_t cap = strlen(text) / 4 * 3 + 3;
    uint8_t *out = malloc(cap);

    if (out && !lib_base64url_decode_into(text, out, cap, len)) {
        free(out);
        return NULL;
    }
    return out;
}

char *lib_base64url_encode(char prefix, fcc_bytes bytes)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    char *text = malloc(bytes.len / 3 * 4 + 6);
    unsigned bits = 0, held = 0;
    size_t n = 0;

    if (!text)
        return NULL;
    if (prefix)
        text[n++] = prefix;
    for (size_t i = 0; i < bytes.len; i++) {
        bits = (bits << 8 | bytes.data[i]) & 0xffff;
        for (held += 8; held >= 6; held -= 6)
            text[n++] = alphabet[bits >> (held - 6) & 63];
    }
    if (held)
        text[n++] = alphabet[bits << (6 - held) & 63];
    text[n] = 0;
    return text;
}
