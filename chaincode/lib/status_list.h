/*
 * status_list.h: W3C Bitstring Status Lists v1.0, with a status of one bit.
 *
 * The ledger keeps a list in chunks of 1,024 bits (128 bytes); bit 0 is the left-most of the first byte. The encoded
 * list is compressed, and another zlib may compress otherwise: it belongs into queries, never into what is endorsed.
 */
#ifndef LIB_STATUS_LIST_H
#define LIB_STATUS_LIST_H

#include <jansson.h>

#include <fcc/bytes.h>
#include <fcc/status.h>

enum {
    LIB_STATUS_MIN_BITS = 131072, /* the specification's, so that an index hides among many */
    LIB_STATUS_MAX_BITS = 1048576,
    LIB_STATUS_CHUNK_BITS = 1024,
    LIB_STATUS_CHUNK_BYTES = LIB_STATUS_CHUNK_BITS / 8
};

/* "revocation" or "suspension": the purposes that we keep. */
bool lib_status_is_purpose(const char *s);
/* A size that a list may be created with: whole chunks, between the minimum and the maximum. */
bool lib_status_is_size(int64_t bits);

/* ---- chunks ---- */

/* Where an index of a list of `bits` lies; false when it is negative or behind the end. */
bool lib_status_locate(int64_t index, int64_t bits, unsigned *chunk, unsigned *bit);
bool lib_status_get(const uint8_t *bytes, size_t bit);
void lib_status_set(uint8_t *bytes, size_t bit, bool value);

/*
 * Put a chunk into the list that is assembled: `list` has bits / 8 bytes, zeroed where there is no chunk. A chunk is
 * LIB_STATUS_CHUNK_BYTES long; false for another length or a chunk behind the end.
 */
bool lib_status_place(uint8_t *list, int64_t bits, unsigned chunk, fcc_bytes content);

/* ---- the encoded list ---- */

/* "u" and base64url of the GZIP of the bytes: a malloc'ed C string; NULL without memory. Queries only. */
char *lib_status_encode(fcc_bytes list);
/*
 * The bytes of an encoded list: malloc'ed, *len of them.
 *
 * @return FCC_OK           LIB_STATUS_MIN_BITS to LIB_STATUS_MAX_BITS
 *         FCC_ERR_CORRUPT  not base64url, not one whole GZIP member, or another size; *why says which, in static words
 *         FCC_ERR_NOMEM
 */
fcc_status lib_status_decode(const char *text, uint8_t **list, size_t *len, const char **why) FCC_MUST_CHECK;

/* ---- in credentials ---- */

/* A BitstringStatusListEntry; strings are the entry's own. */
typedef struct lib_status_entry {
    const char *credential; /* the status list credential's URL */
    const char *purpose;
    int64_t index;
} lib_status_entry;

/* False, with the member that is wrong in *at, for what is no entry of one bit. */
bool lib_status_entry_parse(const json_t *entry, lib_status_entry *out, const char **at);

/*
 * The status list as an unsigned credential, for its issuer to sign: `id` is its URL, valid_from an RFC 3339 time.
 * NULL without memory.
 */
json_t *lib_status_credential(const char *id, const char *issuer, const char *valid_from, const char *purpose,
                              fcc_bytes list);
/*
 * The list in a status list credential whose proof was verified before.
 *
 * @return as lib_status_decode; FCC_ERR_CORRUPT also when it is none or of another purpose
 */
fcc_status lib_status_credential_read(const json_t *credential, const char *purpose, uint8_t **list, size_t *len,
                                      const char **why) FCC_MUST_CHECK;

#endif
