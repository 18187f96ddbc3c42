/*
 * buf.h: a growing byte buffer with a maximum, for output whose size is not known beforehand.
 *
 * Errors stick: after the first failed append, all later ones do nothing and fcc__buf_ok is false, so that a
 * writer checks once, at its end.
 */
#ifndef FCC_BASE_BUF_H
#define FCC_BASE_BUF_H

#include <fcc/bytes.h>
#include <fcc/status.h>

typedef struct fcc__buf {
    uint8_t *data; /* owned; NULL until something is appended */
    size_t len;
    size_t cap;
    size_t max;
    fcc_status status; /* FCC_OK, FCC_ERR_LIMIT or FCC_ERR_NOMEM */
} fcc__buf;

void fcc__buf_init(fcc__buf *buf, size_t max);
void fcc__buf_clear(fcc__buf *buf); /* frees; takes a zeroed one */
void fcc__buf_reset(fcc__buf *buf); /* length 0, no error, memory kept */
void fcc__buf_append(fcc__buf *buf, const void *data, size_t len);
void fcc__buf_add(fcc__buf *buf, fcc_bytes bytes);
void fcc__buf_puts(fcc__buf *buf, const char *s);
void fcc__buf_putc(fcc__buf *buf, uint8_t byte);
void fcc__buf_printf(fcc__buf *buf, const char *format, ...) FCC_PRINTF(2, 3);
/* Lower-case hexadecimal digits of `bytes`. */
void fcc__buf_hex(fcc__buf *buf, fcc_bytes bytes);
/* protobuf's and Fabric's base-128 unsigned number. */
void fcc__buf_uvarint(fcc__buf *buf, uint64_t n);

static inline bool fcc__buf_ok(const fcc__buf *buf)
{
    return buf->status == FCC_OK;
}

/* Borrowed until the next append, reset or clear. */
static inline fcc_bytes fcc__buf_bytes(const fcc__buf *buf)
{
    return fcc_bytes_of(buf->data, buf->len);
}

/* The content with a terminator behind it; "" when empty, NULL after a failure. Borrowed as above. */
const char *fcc__buf_cstr(fcc__buf *buf);

#endif
