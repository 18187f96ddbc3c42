/*
 * fcc/bytes.h: borrowed bytes, passed by value.
 *
 * Nothing here depends on a terminator: Fabric's composite keys start with and contain 0x00, so no key or value
 * is ever a C string. A zero length means "absent" wherever the ledger is concerned: Fabric knows no empty value.
 */
#ifndef FCC_BYTES_H
#define FCC_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fcc_bytes {
    const uint8_t *data; /* may be NULL when len is 0 */
    size_t len;
} fcc_bytes;

static inline fcc_bytes fcc_bytes_of(const void *data, size_t len)
{
    fcc_bytes b;

    b.data = (const uint8_t *)data;
    b.len = len;
    return b;
}

/* The bytes of a C string, without its terminator; NULL gives none. */
static inline fcc_bytes fcc_str(const char *s)
{
    return fcc_bytes_of(s, s ? strlen(s) : 0);
}

/* A string literal, which may contain 0x00. */
#define FCC_LIT(literal) fcc_bytes_of("" literal, sizeof(literal) - 1)

/* printf("... " FCC_FMT, FCC_ARG(bytes)) */
#define FCC_FMT "%.*s"
#define FCC_ARG(b) (int)(b).len, (b).len ? (const char *)(b).data : ""

static inline bool fcc_bytes_equal(fcc_bytes a, fcc_bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* Byte order, as the ledger sorts keys: negative, 0 or positive. */
static inline int fcc_bytes_compare(fcc_bytes a, fcc_bytes b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n ? memcmp(a.data, b.data, n) : 0;

    return c ? c : (a.len > b.len) - (a.len < b.len);
}

static inline bool fcc_bytes_starts_with(fcc_bytes b, fcc_bytes prefix)
{
    return b.len >= prefix.len && (prefix.len == 0 || memcmp(b.data, prefix.data, prefix.len) == 0);
}

#ifdef __cplusplus
}
#endif
#endif
