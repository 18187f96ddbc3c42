/*
 * calls.h: recorded gRPC calls, calls.txt: one message a line, call number, server (`peer1`, `orderer`), method,
 * direction (`>` to the server, `<` from it, `half-close`, `status`), and the message in hex or the status. Lines that
 * start with `#` are the commands that made them.
 */
#ifndef TEST_CONFORMANCE_SERVICES_CALLS_H
#define TEST_CONFORMANCE_SERVICES_CALLS_H

#include "base/arena.h"

typedef enum call_step { CALL_SEND, CALL_RECEIVE, CALL_HALF_CLOSE, CALL_STATUS } call_step;

typedef struct call_line {
    size_t line;
    size_t call; /* index in calls */
    call_step step;
    fcc_bytes message; /* sent or received */
    int code;          /* of a status: gRPC's number */
    fcc_bytes text;
    int details; /* how many messages the status' details hold */
} call_line;

typedef struct recorded_call {
    long number;
    const char *server;
    const char *method;  /* "/protos.Endorser/ProcessProposal" */
    const char *command; /* the line with `#` before it; "" without */
    size_t received;     /* how many messages came */
} recorded_call;

typedef struct call_recording {
    fcc__arena *arena;
    call_line *lines;
    size_t line_count;
    recorded_call *calls; /* in the order of their first lines */
    size_t call_count;
} call_recording;

/* FCC_ERR_IO, or FCC_ERR_CONFIG with the line that can't be read. */
fcc_status calls_load(const char *file, call_recording *out, fcc_error *error);
void calls_clear(call_recording *r);

#endif
