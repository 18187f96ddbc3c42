/*
 * gs1.h: the rules of GS1 for what is printed on a pack and on a case: keys with their check digits, serials and lots,
 * dates. After the GS1 General Specifications; the names of the rules are those of the GS1 Barcode Syntax Dictionary.
 * Pure functions on C strings. URIs of GS1 keys: gs1_uri.h.
 */
#ifndef LIB_GS1_H
#define LIB_GS1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    GS1_GTIN = 14,   /* digits of AI 01 */
    GS1_SSCC = 18,   /* AI 00 */
    GS1_GLN = 13,    /* AI 414 */
    GS1_SERIAL = 20, /* most characters of AI 21, and of a lot, AI 10 */
    GS1_DATE = 6     /* YYMMDD, AI 17 */
};

/* csum: exactly so many digits, the last one their check digit. */
bool gs1_is_key(const char *s, size_t digits);
/* The check digit of these many digits, '0' to '9'. */
char gs1_check_digit(const char *digits, size_t count);
/* 1 to max characters of GS1's set 82, of set 39, of digits. */
bool gs1_is_cset82(const char *s, size_t max);
bool gs1_is_cset39(const char *s, size_t max);
bool gs1_is_digits(const char *s, size_t min, size_t max);
/* yymmd0: a day of the calendar, or DD 00 for the month as a whole; yymmdd has no 00. */
bool gs1_is_yymmd0(const char *s);
bool gs1_is_yymmdd(const char *s);
/*
 * The first second at which what says "use by" this date may no longer be used, in epoch seconds: the midnight, UTC,
 * behind the day; behind the month's last one where DD is 00. The century is the one that lies nearest to `now` (GS1
 * General Specifications, 7.12). `s` has the form of gs1_is_yymmd0; false otherwise.
 */
bool gs1_date_end(const char *s, int64_t now, int64_t *end);

#endif
