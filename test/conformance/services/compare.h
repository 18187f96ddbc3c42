/*
 * compare.h: are two answers of Fabric's services the same, field by field? Bytes that hold messages (payloads, envelopes,
 * actions, read-write sets, blocks) are decoded and compared as messages.
 */
#ifndef TEST_CONFORMANCE_SERVICES_COMPARE_H
#define TEST_CONFORMANCE_SERVICES_COMPARE_H

#include "base/arena.h"

#include <protobuf-c/protobuf-c.h>

enum { COMPARE_SHOWN = 224 };

/* Fields that are known to differ, with reasons: known.txt. */
typedef struct known_list known_list;

fcc_status known_load(const char *file, known_list **out, fcc_error *error);
void known_free(known_list *list); /* takes NULL */

typedef struct comparison {
    fcc__arena *arena;
    const known_list *known;
    const char *version; /* of the recording, for the known differences: "v3.1.5" */
    const char *method;  /* "protos.Endorser/ProcessProposal" */
    long call;           /* its number */
    /* What Response.payload holds here, as the request tells; NULL: just bytes. */
    const ProtobufCMessageDescriptor *result;

    /* Outcome. */
    bool differs;
    size_t known_count;           /* differences that known.txt names */
    char path[512];               /* where the first difference is */
    char expected[COMPARE_SHOWN]; /* what was recorded there, and what came; hex where it is no text, shortened */
    char actual[COMPARE_SHOWN];

    size_t left_aside; /* differences in what isn't compared */
    int depth;
    bool block_signature; /* within a block's signature */
} comparison;

/* false, and the outcome says where. Further calls with the same comparison keep the first difference. */
bool compare_messages(comparison *c, const ProtobufCMessageDescriptor *type, fcc_bytes expected, fcc_bytes actual);
/* The same for what isn't a message: a status, its text. */
bool compare_bytes(comparison *c, const char *path, fcc_bytes expected, fcc_bytes actual);
bool compare_numbers(comparison *c, const char *path, int64_t expected, int64_t actual);

/* What a field's bytes hold; NULL: nothing that is known. `message` is the field's own message, `at` its place in a list. */
const ProtobufCMessageDescriptor *nested_type(const comparison *c, const ProtobufCMessage *message,
                                              const ProtobufCFieldDescriptor *field, size_t at);
/* What a call of this system chaincode's function answers; NULL for other chaincodes. */
const ProtobufCMessageDescriptor *result_type(fcc_bytes chaincode, fcc_bytes function);

#endif
