/* json.h: JSON as the chaincodes take it (strict) and keep it (canonical). No ledger here. */
#ifndef LIB_JSON_H
#define LIB_JSON_H

#include <jansson.h>

#include <fcc/bytes.h>

enum { LIB_JSON_MAX_DEPTH = 16, LIB_JSON_MAX_BYTES = 64 * 1024 };

/*
 * Parse one document: at most 64 KiB, nested at most 16 levels (both looked at before parsing, because the parser
 * recurses), valid UTF-8, no duplicate names, no U+0000 in strings, nothing behind the end. With an integer of more than
 * 64 bits in it, all of its numbers become reals, which no field of ours takes.
 *
 * @return the value, to be freed with json_decref; NULL with `why` naming the fault in a few words, never the content
 */
json_t *lib_json_load(fcc_bytes text, const char **why);

/*
 * The same for a document of our own, read back from the ledger or answered by a sister chaincode: any value, `true` as
 * well as an object, and no limit of size, because nobody else wrote it.
 */
json_t *lib_json_load_own(fcc_bytes text);

/*
 * RFC 8785. Numbers are integers within +-(2^53 - 1): our own fields have no others.
 *
 * @return a malloc'ed text of *len bytes; NULL without memory or for a number that is no such integer
 */
char *lib_json_canonical(const json_t *value, size_t *len);

/*
 * RFC 8785 of somebody else's document, whose numbers may be any: each is read as an IEEE 754 double and written as
 * ECMAScript does. Only for hashing and comparing; such a document itself is kept as it came.
 *
 * @return a malloc'ed text of *len bytes; NULL without memory
 */
char *lib_json_canonical_foreign(const json_t *value, size_t *len);
/* SHA-256 of it; false without memory. */
bool lib_json_hash(const json_t *value, uint8_t out[32]);

/* A finite double as ECMAScript writes it, of at most LIB_JSON_NUMBER_SIZE - 1 characters; returns their count. */
enum { LIB_JSON_NUMBER_SIZE = 32 };
size_t lib_json_number(double value, char out[LIB_JSON_NUMBER_SIZE]);

#endif
