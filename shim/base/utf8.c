/* See utf8.h. The limits of the second byte follow the Unicode Standard's table of well-formed sequences. */
#include "base/utf8.h"

uint32_t fcc__utf8_next(fcc_bytes text, size_t *pos)
{
    const uint8_t *p = text.data + *pos;
    size_t left = text.len - *pos;
    uint8_t low = 0x80, high = 0xbf;
    uint32_t c;
    size_t n;

    *pos += 1;
    if (p[0] < 0x80)
        return p[0];
    if (p[0] >= 0xc2 && p[0] <= 0xdf) {
        n = 2;
        c = p[0] & 0x1f;
    } else if (p[0] >= 0xe0 && p[0] <= 0xef) {
        n = 3;
        c = p[0] & 0x0f;
        if (p[0] == 0xe0)
            low = 0xa0;
        else if (p[0] == 0xed)
            high = 0x9f;
    } else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        n = 4;
        c = p[0] & 0x07;
        if (p[0] == 0xf0)
            low = 0x90;
        else if (p[0] == 0xf4)
            high = 0x8f;
    } else {
        return UINT32_MAX;
    }
    if (left < n || p[1] < low || p[1] > high)
        return UINT32_MAX;
    c = c << 6 | (p[1] & 0x3f);
    for (size_t i = 2; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return UINT32_MAX;
        c = c << 6 | (p[i] & 0x3f);
    }
    *pos += n - 1;
    return c;
}

bool fcc__utf8_valid_slow(fcc_bytes text)
{
    size_t pos = 0;

    while (pos < text.len) {
        if (text.data[pos] < 0x80)
            pos++;
        else if (fcc__utf8_next(text, &pos) == UINT32_MAX)
            return false;
    }
    return true;
}
