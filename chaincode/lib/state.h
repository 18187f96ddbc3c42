/* state.h: records, their versions, public acts, salted commits and tags. A collection of NULL is public state. */
#ifndef LIB_STATE_H
#define LIB_STATE_H

#include "lib/call.h"

/* The key TYPE~a~b…; a part may be NULL, which ends the list. len 0 without memory or for parts that no key takes. */
fcc_bytes lib_key(lib_call *call, const char *type, const char *a, const char *b, const char *c);

/* *out is NULL when the key does not exist. */
fcc_status lib_read(lib_call *call, const char *collection, fcc_bytes key, const json_t **out) FCC_MUST_CHECK;
fcc_status lib_read_many(lib_call *call, const char *collection, const fcc_bytes *keys, size_t count,
                         const json_t **out) FCC_MUST_CHECK;
/* Write in canonical JSON; takes the value over. */
fcc_status lib_write(lib_call *call, const char *collection, fcc_bytes key, json_t *value) FCC_MUST_CHECK;
/* An entry of an index: {"fmt":1}, because an empty value would be a delete. */
fcc_status lib_write_mark(lib_call *call, const char *collection, fcc_bytes key) FCC_MUST_CHECK;

/*
 * Write a private record under TYPE~a~b and, because collections have no history, its version under TYPEV~a~b~v; the
 * record has "v". b may be NULL. Does not take the record over.
 */
fcc_status lib_write_version(lib_call *call, const char *collection, const char *type, const char *a, const char *b,
                             const json_t *record) FCC_MUST_CHECK;
/* The same, and the public act ACT~id with the record's commit; the record has "salt" as well. */
fcc_status lib_write_record(lib_call *call, const char *collection, const char *type, const char *a, const char *b,
                            const json_t *record, const char *doc_type, const char *id,
                            const char *status) FCC_MUST_CHECK;

/* Its "v"; 0 for NULL. */
int lib_version(const json_t *record);
/* The next version of a private record under its salt: a copy that the call owns. NULL without memory. */
json_t *lib_next(lib_call *call, const json_t *record, const char *salt);
/* Set a field; NULL removes it. */
fcc_status lib_set(json_t *record, const char *name, const char *value) FCC_MUST_CHECK;
/* The salt of a second record that a call writes: it follows from the call's one and this id, and not the other way round. */
fcc_status lib_second_salt(lib_call *call, const char *salt, const char *id, const char **out) FCC_MUST_CHECK;
/*
 * A collection's own salt, SALT {"fmt","salt"}: in->salt is kept, once (ALREADY); and read again. PRECONDITION: Setup has
 * not been called.
 */
fcc_status lib_keep_salt(lib_call *call, const char *collection) FCC_MUST_CHECK;
fcc_status lib_kept_salt(lib_call *call, const char *collection, const char **salt) FCC_MUST_CHECK;
/* The event `name` {"id"} (NULL: none) and the answer {"id","v"}. */
fcc_status lib_answer_act(lib_call *call, const char *event, const char *id, int v) FCC_MUST_CHECK;

/* SHA-256(salt's bytes || canonical record) in hexadecimal; false when it has no salt or cannot be written. */
bool lib_commit_of(const json_t *record, char out[2 * LIB_SHA256_LEN + 1]);
/* The first 128 bits of SHA-256(salt || key): a public id that nobody guesses who does not know the salt. */
fcc_status lib_derive_id(lib_call *call, const char *salt, fcc_bytes key, char out[LIB_TAG_HEX_SIZE]) FCC_MUST_CHECK;
/* SHA-256 in hexadecimal; false without memory. */
bool lib_sha256_hex(fcc_bytes text, char out[2 * LIB_SHA256_LEN + 1]);
/* HMAC-SHA-256 in hexadecimal: all of it, or 128 bits for tag(x). */
fcc_status lib_hmac(const char *salt_hex, fcc_bytes text, char out[2 * LIB_SHA256_LEN + 1]) FCC_MUST_CHECK;
fcc_status lib_tag(const char *salt_hex, fcc_bytes text, char out[LIB_TAG_HEX_SIZE]) FCC_MUST_CHECK;

/* The event with this payload; takes it over. */
fcc_status lib_event(lib_call *call, const char *name, json_t *payload) FCC_MUST_CHECK;

/* A call's time in RFC 3339. */
const char *lib_time(lib_call *call, int64_t epoch);

/* The functions VerifyCommit(id, T{record}) and ActHistory(id), which are the same everywhere. */
fcc_status lib_verify_commit(lib_call *call);
fcc_status lib_act_history(lib_call *call, const char *id);
extern const lib_field lib_verify_fields[1];

#endif
