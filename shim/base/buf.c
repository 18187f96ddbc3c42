/* See buf.h. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void fcc__buf_init(fcc__buf *b, size_t max)
{
    *b = (fcc__buf){ .max = max };
}

void fcc__buf_clear(fcc__buf *b)
{
    free(b->data);
    *b = (fcc__buf){ .max = b->max };
}

void fcc__buf_reset(fcc__buf *b)
{
    b->len = 0;
    b->status = FCC_OK;
}

/* Room for n more bytes and a terminator. */
static bool reserve(fcc__buf *b, size_t n)
{
    size_t cap = b->cap ? b->cap : 64;
    uint8_t *p;

    if (b->status != FCC_OK)
        return false;
    if (n > b->max || b->len > b->max - n || b->max == SIZE_MAX) {
        b->status = FCC_ERR_LIMIT;
        return false;
    }
    if (b->cap > b->len + n)
        return true;
    while (cap <= b->len + n)
        cap = cap > SIZE_MAX / 2 ? b->len + n + 1 : cap * 2;
    p = realloc(b->data, cap);
    if (!p) {
        b->status = FCC_ERR_NOMEM;
        return false;
    }
    b->data = p;
    b->cap = cap;
    return true;
}

void fcc__buf_append(fcc__buf *b, const void *data, size_t len)
{
    if (len == 0 || !reserve(b, len))
        return;
    memcpy(b->data + b->len, data, len);
    b->len += len;
}

void fcc__buf_add(fcc__buf *b, fcc_bytes bytes)
{
    fcc__buf_append(b, bytes.data, bytes.len);
}

void fcc__buf_puts(fcc__buf *b, const char *s)
{
    fcc__buf_append(b, s, strlen(s));
}

void fcc__buf_putc(fcc__buf *b, uint8_t byte)
{
    fcc__buf_append(b, &byte, 1);
}

void fcc__buf_printf(fcc__buf *b, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0 || !reserve(b, (size_t)n))
        return;
    va_start(args, format);
    vsnprintf((char *)b->data + b->len, (size_t)n + 1, format, args);
    va_end(args);
    b->len += (size_t)n;
}

void fcc__buf_hex(fcc__buf *b, fcc_bytes bytes)
{
    static const char digits[] = "0123456789abcdef";

    if (bytes.len > SIZE_MAX / 2 || !reserve(b, bytes.len * 2))
        return;
    for (size_t i = 0; i < bytes.len; i++) {
        b->data[b->len++] = (uint8_t)digits[bytes.data[i] >> 4];
        b->data[b->len++] = (uint8_t)digits[bytes.data[i] & 15];
    }
}

void fcc__buf_uvarint(fcc__buf *b, uint64_t n)
{
    uint8_t out[10];
    size_t len = 0;

    while (n >= 0x80) {
        out[len++] = (uint8_t)(n | 0x80);
        n >>= 7;
    }
    out[len++] = (uint8_t)n;
    fcc__buf_append(b, out, len);
}

const char *fcc__buf_cstr(fcc__buf *b)
{
    if (b->status != FCC_OK)
        return NULL;
    if (b->len == 0)
        return "";
    b->data[b->len] = 0; /* reserve always leaves room for it */
    return (const char *)b->data;
}
