/* json.h: JSON as the chaincodes take it (strict) and keep it (canonical). No ledger here. */
#ifndef LIB_JSON_H
#define LIB_JSON_H

#include <jansson.h>

#include <fcc/bytes.h>

enum { LIB_JSON_MAX_DEPTH = 16, LIB_JSON_MAX_BYTES = 64 * 1024 };

/*
 * Parse one document: at most 64 KiB, nested at most 16 levels (both looked at before parsing, because the parser
 * recurses), valid UTF-8, no duplicate names, nothing behind the end.
 *
 * @return the value, to be freed with json_decref; NULL with `why` naming the fault in a few words, never the content
 */
json_t *lib_json_load(fcc_bytes text, const char **why);

/* The same for a document of our own, read back from the ledger: no limit of size, because nobody else wrote it. */
json_t *lib_json_load_own(fcc_bytes text);

/*
 * RFC 8785. Numbers are integers within +-(2^53 - 1): our own fields have no others.
 *
 * @return a malloc'ed text of *len bytes; NULL without memory or for a number that is no such integer
 */
char *lib_json_canonical(const json_t *value, size_t *len);

#endif
