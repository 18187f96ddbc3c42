/* utf8.h: what Go accepts as UTF-8, because Fabric's peers refuse everything else in a string field. */
#ifndef FCC_BASE_UTF8_H
#define FCC_BASE_UTF8_H

#include <fcc/bytes.h>

/* Eight bytes at a time, the last of them perhaps twice: nearly all text is ASCII. */
static inline bool fcc__is_ascii(fcc_bytes text)
{
    uint64_t all = 0, word;
    uint32_t first, last;

    if (text.len < sizeof(first)) {
        for (size_t i = 0; i < text.len; i++)
            all |= text.data[i];
        return !(all & 0x80);
    }
    if (text.len < sizeof(word)) {
        memcpy(&first, text.data, sizeof(first));
        memcpy(&last, text.data + text.len - sizeof(last), sizeof(last));
        return !((first | last) & 0x80808080u);
    }
    for (size_t pos = 0; pos < text.len - sizeof(word); pos += sizeof(word)) {
        memcpy(&word, text.data + pos, sizeof(word));
        all |= word;
    }
    memcpy(&word, text.data + text.len - sizeof(word), sizeof(word));
    return !((all | word) & 0x8080808080808080u);
}

bool fcc__utf8_valid_slow(fcc_bytes text);

/* Surrogates, overlong forms and code points above U+10FFFF are not valid; 0x00 is. Linear in the length. */
static inline bool fcc__utf8_valid(fcc_bytes text)
{
    return fcc__is_ascii(text) || fcc__utf8_valid_slow(text);
}

/*
 * Decode the code point at *pos and move *pos behind it. *pos < text.len is required.
 * Returns UINT32_MAX for an invalid byte, having moved by one, as Go's range over a string does.
 */
uint32_t fcc__utf8_next(fcc_bytes text, size_t *pos);

#endif
