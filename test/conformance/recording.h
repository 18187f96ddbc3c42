/*
 * recording.h: what a recorded network said, and how two messages are compared.
 *
 * A recording is a folder with a transcript.txt: one ChaincodeMessage a line, stream number, direction (`>` peer to
 * chaincode, `<` chaincode to peer), type, tx id, the message in hex. A conversation is one (stream, tx id).
 */
#ifndef TEST_CONFORMANCE_RECORDING_H
#define TEST_CONFORMANCE_RECORDING_H

#include "base/arena.h"

enum { MAX_TYPES = 32 };

typedef struct recorded {
    int stream;
    bool to_chaincode;
    fcc_bytes type; /* its name in the transcript */
    fcc_bytes txid;
    fcc_bytes message;
    size_t line;
} recorded;

typedef struct recording {
    fcc__arena *arena;
    recorded *lines;
    size_t count;
} recording;

/* FCC_ERR_NOT_FOUND when the folder has no transcript. */
fcc_status recording_load(const char *folder, recording *out, fcc_error *error);
void recording_clear(recording *rec);

/* The type and tx id inside a message; false when it cannot be read. */
bool message_head(fcc__arena *arena, fcc_bytes message, int *type, fcc_bytes *txid);
const char *message_type_name(int type);
/* The package id in a REGISTER message; false when there is none. */
bool message_ccid(fcc__arena *arena, fcc_bytes message, fcc_bytes *ccid);
bool message_is_batch(fcc__arena *arena, fcc_bytes message);

/* Prints as TAP comments where two messages differ. */
void print_difference(const char *what, fcc_bytes txid, fcc_bytes expected, fcc_bytes actual);

/* The records of one flush of a write batch: their order and their split are the map order of Go's runtime. */
typedef struct flush_set {
    fcc_bytes *records;
    size_t count;
    size_t cap;
    size_t messages;
    size_t sizes[64]; /* records of each message */
} flush_set;

/* false when the message is no WRITE_BATCH_STATE, or has anything else set than type, payload, tx id and channel. */
bool flush_add(fcc__arena *arena, flush_set *set, fcc_bytes message);
/* Sorts both. Prints what differs. */
bool flush_equal(fcc_bytes txid, flush_set *expected, flush_set *actual);
void flush_clear(flush_set *set);

#endif
