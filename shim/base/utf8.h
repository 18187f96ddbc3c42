/* utf8.h: what Go accepts as UTF-8, because Fabric's peers refuse everything else in a string field. */
#ifndef FCC_BASE_UTF8_H
#define FCC_BASE_UTF8_H

#include <fcc/bytes.h>

/* Surrogates, overlong forms and code points above U+10FFFF are not valid; 0x00 is. Linear in the length. */
bool fcc__utf8_valid(fcc_bytes text);

/*
 * Decode the code point at *pos and move *pos behind it. *pos < text.len is required.
 * Returns UINT32_MAX for an invalid byte, having moved by one, as Go's range over a string does.
 */
uint32_t fcc__utf8_next(fcc_bytes text, size_t *pos);

#endif
