/*
 * gs1_uri.h: the URIs that carry a GS1 key: EPC URIs (urn:epc:id:..., urn:epc:class:..., urn:epc:idpat:...; GS1 Tag Data
 * Standard) and GS1 Digital Link URIs. One key has many spellings; the canonical one is a Digital Link at id.gs1.org with
 * the finest level of identification, as the Core Business Vocabulary's event hash takes it.
 */
#ifndef LIB_GS1_URI_H
#define LIB_GS1_URI_H

#include <stdbool.h>
#include <stddef.h>

enum { GS1_URI_MAX = 512, GS1_URI_SIZE = 1024 /* bytes that the canonical form of a URI takes at most */ };

/*
 * The canonical form; false when the URI carries no GS1 key, or is an EPC URI that its scheme's grammar does not allow.
 * An EPC URI has no check digit: it is computed. That of a Digital Link is taken as it is.
 */
bool gs1_uri_canonical(const char *uri, char out[GS1_URI_SIZE]);
/* The canonical form of a pack's name, as its EPC URI has it. */
void gs1_uri_of_pack(const char *gtin, const char *serial, char out[GS1_URI_SIZE]);
/* Whether it begins as an EPC URI of a scheme that is known here, but has not its form. */
bool gs1_uri_is_malformed(const char *uri);

/* What a canonical form names. Empty strings for what it doesn't have. */
struct gs1_name {
    char ai[5];               /* of the key: "01", "00", "414", "417", ... */
    char key[31];             /* with its check digit */
    char lot[21], serial[21]; /* decoded */
};
/* False when it is no canonical form, or a part is too long or not of GS1's set. */
bool gs1_uri_read(const char *canonical, struct gs1_name *out);

/*
 * Whether a value has the form that GS1 gives an application identifier: digits or characters, how many, check digit,
 * date. For those that packs, containers, places and the keys above have; others are not known: false.
 */
bool gs1_is_value(const char *ai, const char *value);

#endif
