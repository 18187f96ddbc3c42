/*
 * epcis.h: EPCIS 2.0 events in JSON: read without losing a digit, checked, and reduced to the hash of the Core Business
 * Vocabulary 2.0 (section 8.9), which is the same however the event was written down. No ledger here.
 *
 * Strings that must be freed come from malloc.
 */
#ifndef SUPPLY_EPCIS_H
#define SUPPLY_EPCIS_H

#include <jansson.h>

#include <fcc/bytes.h>

enum { EPCIS_MAX_EVENTS = 100, EPCIS_WHY = 160, EPCIS_HASH = 65 };

/*
 * Parse JSON that was found to be well-formed before. Numbers come as strings with EPCIS_NUMBER in front, since a double
 * would change what they say. NULL without memory, or when a string begins with U+0001 itself.
 */
#define EPCIS_NUMBER '\x01'
json_t *epcis_load(fcc_bytes text);

/* A document's events, which the document owns. */
typedef struct epcis_events {
    const json_t *v[EPCIS_MAX_EVENTS];
    size_t n;
    const json_t *context; /* of the document; the events may have one of their own */
    const json_t *ignored; /* names of fields that a repository has added: they are not hashed */
} epcis_events;

/*
 * Check a capture document, a query document, or a single event with its context, and find the events in it.
 *
 * @return false with `why` saying what is wrong and where, without the content
 */
bool epcis_read(const json_t *document, epcis_events *out, char why[EPCIS_WHY]);

/* The pre-hash string of one event; NULL without memory. */
char *epcis_prehash(const epcis_events *events, size_t i);
/* Its SHA-256 in hexadecimal: the event's identity is ni:///sha-256;HASH?ver=CBV2.0. False without memory. */
bool epcis_hash(const epcis_events *events, size_t i, char out[EPCIS_HASH]);

/* A term of the vocabulary, bare, as a URN or as a URI, brought to the URI of CBV 2.0: "bizStep" and "shipping". */
enum epcis_vocabulary {
    EPCIS_BIZ_STEP,
    EPCIS_DISPOSITION,
    EPCIS_TRANSACTION,
    EPCIS_SOURCE_DEST,
    EPCIS_SENSOR,
    EPCIS_COMPONENT
};
/* Whether this is the term of that name, however it is written. */
bool epcis_is_term(enum epcis_vocabulary vocabulary, const char *written, const char *name);
/* Whether it is one of CBV 2.0's own, or a URI of somebody else's vocabulary. */
bool epcis_is_known_term(enum epcis_vocabulary vocabulary, const char *written);
/* Its URI; written itself when it has none. Borrowed from `written` or from `buffer`. */
const char *epcis_term(enum epcis_vocabulary vocabulary, const char *written, char *buffer, size_t size);

/* A moment of EPCIS in UTC: seconds since 1970, and milliseconds rounded half to even. False for another form. */
bool epcis_time(const char *s, int64_t *seconds, int *milliseconds);

#endif
