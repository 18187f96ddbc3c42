/* gs1_uri_parts.h: what the files of gs1_uri.h share. */
#ifndef LIB_GS1_URI_PARTS_H
#define LIB_GS1_URI_PARTS_H

#include "lib/gs1_uri.h"

#define GS1_DOMAIN "https://id.gs1.org/"

/* ---- gs1_uri.c: writing a Digital Link ---- */

/* Where it is written to: GS1_URI_SIZE bytes. What is longer was refused before. */
struct gs1_out {
    char *text;
    size_t len;
};

void gs1_put(struct gs1_out *o, const char *s, size_t n);
void gs1_put_text(struct gs1_out *o, const char *s);
/* An escaped text anew: only what a Digital Link can't have as it is is escaped, in one way. */
void gs1_put_serial(struct gs1_out *o, const char *s);
/* The characters that an escaped text stands for, at most max, all of set 82 ('X') or of set 39 ('Y'); false otherwise. */
bool gs1_decode(const char *s, char *out, size_t max, char type);

/* ---- gs1_value.c ---- */

/* 1 to max characters, all digits ('N'), of set 82 ('X') or of set 39 ('Y'). */
bool gs1_is_of(char type, const char *s, size_t max);

/* ---- gs1_epc.c ---- */

struct gs1_scheme;
/* The scheme of an EPC URI, and what stands behind it; NULL for another URI. */
const struct gs1_scheme *gs1_scheme_of(const char *uri, const char **rest);
/* Its canonical form; false when the scheme's grammar does not allow it. */
bool gs1_put_epc(const struct gs1_scheme *scheme, const char *rest, struct gs1_out *o);

#endif
