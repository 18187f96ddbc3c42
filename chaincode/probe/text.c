/* See text.h. */
#include "probe/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void probe_text_clear(probe_text *text)
{
    free(text->data);
    *text = (probe_text){ .data = NULL };
}

static char *reserve(probe_text *text, size_t more)
{
    if (text->failed)
        return NULL;
    if (text->cap - text->len < more) {
        size_t cap = 2 * text->cap + more + 64;
        char *data = realloc(text->data, cap);

        if (!data) {
            text->failed = true;
            return NULL;
        }
        text->data = data;
        text->cap = cap;
    }
    return text->data + text->len;
}

void probe_text_add(probe_text *text, fcc_bytes bytes)
{
    char *at = reserve(text, bytes.len);

    if (!at || !bytes.len)
        return;
    memcpy(at, bytes.data, bytes.len);
    text->len += bytes.len;
}

/* For numbers and short names; anything of a caller's length goes through probe_text_add. */
void probe_text_printf(probe_text *text, const char *format, ...)
{
    char piece[160];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(piece, sizeof(piece), format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof(piece))
        text->failed = true;
    else
        probe_text_add(text, fcc_bytes_of(piece, (size_t)n));
}

void probe_text_hex(probe_text *text, fcc_bytes bytes)
{
    static const char digits[] = "0123456789abcdef";
    char *at = reserve(text, 2 * bytes.len);

    if (!at)
        return;
    for (size_t i = 0; i < bytes.len; i++) {
        *at++ = digits[bytes.data[i] >> 4];
        *at++ = digits[bytes.data[i] & 15];
    }
    text->len += 2 * bytes.len;
}

/* How many bytes the character at `p` has; 0 when it is not UTF-8 (surrogates and overlong forms included). */
static size_t character(const uint8_t *p, size_t left, uint32_t *code)
{
    static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t n = p[0] < 0x80 ? 1 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : p[0] >= 0xe0 && p[0] < 0xf0 ? 3 : 4;
    uint32_t c = n == 1 ? p[0] : n == 2 ? p[0] & 0x1fu : n == 3 ? p[0] & 0x0fu : p[0] & 0x07u;

    if ((n == 4 && (p[0] < 0xf0 || p[0] > 0xf4)) || n > left)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3fu);
    }
    if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return 0;
    *code = c;
    return n;
}

void probe_text_json(probe_text *text, fcc_bytes bytes)
{
    size_t plain = 0; /* where the text begins that needs no escape */

    probe_text_printf(text, "\"");
    for (size_t i = 0; i < bytes.len;) {
        static const char named[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
        uint32_t code = 0;
        size_t n = character(bytes.data + i, bytes.len - i, &code);
        const char *short_form = n && code && code < 0x80 ? strchr(named, (int)code) : NULL;
        bool escape = !n || code < 0x20 || short_form || code == '<' || code == '>' || code == '&' || code == 0x2028 ||
                      code == 0x2029;

        if (escape) {
            probe_text_add(text, fcc_bytes_of(bytes.data + plain, i - plain));
            if (!n)
                probe_text_printf(text, "\\ufffd");
            else if (short_form)
                probe_text_printf(text, "\\%c", letters[short_form - named]);
            else
                probe_text_printf(text, "\\u%04x", code);
            plain = i + (n ? n : 1);
        }
        i += n ? n : 1;
    }
    probe_text_add(text, fcc_bytes_of(bytes.data + plain, bytes.len - plain));
    probe_text_printf(text, "\"");
}
