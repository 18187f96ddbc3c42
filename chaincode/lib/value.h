/* value.h: the forms that single values have: ids, digests, times, CIDs. Pure functions on C strings. */
#ifndef LIB_VALUE_H
#define LIB_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LIB_SHA256_LEN = 32,
    LIB_TIME_SIZE = 21,   /* "2024-01-31T23:59:59Z" and its terminator */
    LIB_EPOCH_SIZE = 11,  /* ten digits and the terminator */
    LIB_TAG_HEX_SIZE = 33 /* 128 bits in hexadecimal and the terminator */
};

/* ^[A-Za-z0-9._:-]{1,64}$ */
bool lib_is_id(const char *s);
/* 128 bits in base32: 26 characters of a-z2-7 */
bool lib_is_pid(const char *s);
/* exactly `digits` lower-case hexadecimal digits */
bool lib_is_hex(const char *s, size_t digits);
/* type/subtype, at most 128 characters */
bool lib_is_mime(const char *s);
bool lib_is_letters(const char *s, size_t max);
/* 13 digits with GS1's check digit */
bool lib_is_gln(const char *s);
/* ISO 3166-2: a country (DE) or a part of it (DE-BE) */
bool lib_is_region(const char *s);
/* Whether a region is this one or in it: DE-BE is in DE. */
bool lib_region_covers(const char *covers, const char *region);
/* YYYY-MM-DD of the Gregorian calendar; the epoch of its midnight in UTC. */
bool lib_date_parse(const char *s, int64_t *epoch);
/* 1 to max bytes, none of them a control character */
bool lib_is_display(const char *s, size_t max);
/* scheme, ':' and something, all of it printable ASCII without blanks, at most max characters */
bool lib_is_uri(const char *s, size_t max);
/* "u:UID", "r:ROLE@GLN", "m:MSPID" */
bool lib_is_grantee(const char *s);
/*
 * A CIDv1 in lower-case base32 ("b...") with a sha2-256 digest of 32 bytes.
 * `raw` tells whether its codec says that the digest is that of the bytes themselves.
 */
bool lib_cid_parse(const char *s, uint8_t digest[LIB_SHA256_LEN], bool *raw);

/* RFC 3339 in UTC with whole seconds, years 0001 to 9999; anything else is refused. No locale, no time zone. */
bool lib_time_parse(const char *s, int64_t *epoch);
void lib_time_format(int64_t epoch, char out[LIB_TIME_SIZE]);
/* The same day and time so many years later; 29 February becomes 1 March. */
int64_t lib_years_later(int64_t epoch, int years);
/* 9999999999 - epoch in ten digits, so that the newest sorts first; times before 1970 count as 1970. */
void lib_rev_epoch(int64_t epoch, char out[LIB_EPOCH_SIZE]);

void lib_to_hex(const uint8_t *bytes, size_t len, char *out);
/* `hex` has 2 * len digits, checked before */
void lib_from_hex(const char *hex, uint8_t *out, size_t len);

#endif
