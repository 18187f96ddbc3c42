/*
 * stub.h: one transaction inside the core: what the session and the stub's calls share. No other area includes it.
 */
#ifndef FCC_CORE_STUB_H
#define FCC_CORE_STUB_H

#include "core/session.h"

#include "base/arena.h"
#include "base/buf.h"
#include "identity/identity.h"
#include "protos/unpack.h"

#include "peer/chaincode.pb-c.h"
#include "peer/chaincode_shim.pb-c.h"

typedef enum fcc__state { FCC__CREATED, FCC__ESTABLISHED, FCC__READY } fcc__state;

enum { FCC__BUCKETS = 256, FCC__SPARE_TRANSACTIONS = 128 };

/* What is read of a ChaincodeMessage that came in. Borrows from it. */
typedef struct fcc__message {
    int type; /* Protos__ChaincodeMessage__Type, or a number that is none */
    fcc_bytes payload;
    fcc_bytes tx_id;
    fcc_bytes channel;
    bool has_proposal;
    fcc_bytes proposal; /* Proposal */
    fcc_bytes signature;
} fcc__message;

struct fcc__session {
    const fcc_chaincode *chaincode;
    const fcc__session_events *events;
    void *ctx;
    fcc__session_options options;
    fcc__state state;
    bool over; /* nothing is sent or received any more */
    bool draining;
    bool busy; /* inside receive or closed: callbacks must not come back */
    bool use_batch;
    bool use_multiple;
    uint32_t max_batch;
    uint32_t max_multiple;
    fcc__arena *out; /* the message being written; reset once it is sent */
    fcc_stub *buckets[FCC__BUCKETS];
    fcc_stub *all;  /* that run, the newest first */
    unsigned ticks; /* the clock of budgets */
    size_t running;
    size_t asking;             /* of these, those that wait for an answer */
    size_t requests;           /* ever */
    size_t away;               /* of these, those that are detached */
    size_t abandoned;          /* of these, those that have been answered: nobody waits for them */
    struct fcc__stray *strays; /* answers that are still to come for transactions that are over */
    size_t stray_count;
    bool told_drained;
    bool orphan;      /* freed by its owner, while some are away */
    fcc__arena *in;   /* a large message lies in it while it is received; who needs it for longer takes it over */
    fcc_stub *spares; /* finished ones, for reuse */
    size_t spare_count;
};

/* One element of a map<string, bytes>. */
typedef struct fcc__entry {
    fcc_bytes name;
    fcc_bytes value;
} fcc__entry;

typedef struct fcc__entries {
    const fcc__entry *v; /* sorted by name, each name once */
    size_t n;
} fcc__entries;

/* What the signed proposal tells, beyond what every transaction needs: computed when first asked for. */
struct fcc__proposal {
    fcc_bytes bytes;
    fcc_bytes signature;
    fcc_bytes nonce;
    fcc_bytes creator;
    uint64_t epoch;
    bool has_timestamp;
    int64_t seconds;
    int32_t nanos;
    fcc_bytes extension;
    bool extension_read;
    fcc_bytes outermost; /* chaincode's name, once extension_read */
    fcc_bytes binding;   /* empty until asked for */
};

/* The rest of a message whose payload's longest part is sent from where it is. */
struct fcc__lent {
    fcc_bytes body;
    fcc_bytes tail;
    void *handle; /* for fcc__arena_return */
};

struct fcc__batch;

struct fcc_stub {
    /* what each message of the peer needs, side by side: with many transactions at once it is not in the cache */
    fcc_stub *next;  /* in its bucket, or among the spares */
    uint32_t hash;   /* chooses the bucket */
    unsigned inside; /* calls of the core: 0 while the author's code runs */
    fcc_bytes tx_id;
    fcc_bytes channel;
    fcc__session *session;
    fcc__co *co;
    fcc__arena *arena;
    const fcc__message *reply;  /* valid until the next yield; NULL: the stream is gone */
    fcc_bytes out;              /* what is to be sent when the coroutine next yields or ends */
    void *out_memory;           /* of a large one: from malloc */
    struct fcc__lent *out_lent; /* of a message in pieces: what follows `out`; in the session's arena */
    bool waiting;               /* suspended in a stub call */
    bool answered;              /* over its budget: ERROR was sent, and nothing else will be */
    bool duplicate; /* another transaction of this (channel, id) runs: the peer would drop this one's requests */
    bool away;      /* detached: it computes on another thread, and touches only what is its own */
    bool held;      /* answered, and it was told that it does not end */
    bool told;      /* the observer knows of its end */
    bool is_init;
    bool responded;
    bool has_event;
    unsigned error;           /* of `errors` */
    struct fcc__batch *batch; /* NULL: writes are sent at once */
    fcc__seen seen;           /* for the observer */

    fcc_stub *newer, *older; /* among all that run */
    unsigned began;          /* in ticks */
    fcc__message message;    /* INIT or TRANSACTION */
    fcc_args args;
    fcc__entries decorations;
    fcc__entries transient;
    struct fcc__proposal *proposal; /* NULL: the peer sent none */
    const fcc__identity *identity;  /* NULL until asked for */

    fcc_response response;
    /* A large response's payload, with room for what stands before it in the last message; NULL: it is in the arena. */
    uint8_t *block;
    size_t block_room;
    size_t block_bytes;
    fcc_bytes event_name;
    fcc_bytes event_payload;
    fcc_iter *iters;

    fcc__buf errors[2]; /* the last text, and the one before: a text may be made from it */
};

/* ---- input.c ---- */

/* False for what is no ChaincodeMessage; then *out is anything. */
bool fcc__message_read(fcc_bytes wire, fcc__message *out);
/* What was read of `from`, in a copy of it. */
fcc__message fcc__message_moved(const fcc__message *message, fcc_bytes from, fcc_bytes to);
/* Fill in args and decorations, and what the proposal tells; the text of a failure is what the Go shim answers. */
fcc_status fcc__read_input(fcc_stub *stub) FCC_MUST_CHECK;
fcc_status fcc__read_proposal(fcc_stub *stub) FCC_MUST_CHECK;

/* ---- transaction.c ---- */

/* The coroutine of INIT and TRANSACTION: runs the handler and leaves the final message in stub->out. */
void fcc__transaction_main(void *stub);
/* Go back to an empty stub, keeping the memory that is worth keeping. */
void fcc__stub_reset(fcc_stub *stub);
fcc_stub *fcc__stub_new(fcc__session *session);
/* Forget a large response. */
void fcc__block_drop(fcc_stub *stub);
void fcc__stub_free(fcc_stub *stub);

/* ---- write.c ---- */

/* One field: a number or bytes. Zero and none are not written. */
typedef struct fcc__part {
    uint8_t field; /* below 16 */
    uint64_t number;
    fcc_bytes bytes;
} fcc__part;

/* A message of a transaction; its payload is one of three. */
typedef struct fcc__outgoing {
    int type;
    bool with_event;
    const void *message; /* of protobuf-c; NULL: */
    const fcc__part *parts;
    size_t part_count;
    fcc_bytes bytes; /* where `parts` is NULL too */
} fcc__outgoing;

/*
 * Write a ChaincodeMessage for this stream into session->out.
 *
 * @return FCC_OK         *out is borrowed until the arena is reset
 *         FCC_ERR_LIMIT  longer than options.max_message_bytes
 */
fcc_status fcc__write_message(fcc__session *session, const Protos__ChaincodeMessage *message,
                              fcc_bytes *out) FCC_MUST_CHECK;

/* The same into stub->out; large messages in memory of their own. */
fcc_status fcc__write_out(fcc_stub *stub, const fcc__outgoing *message) FCC_MUST_CHECK;
size_t fcc__outgoing_size(const fcc_stub *stub, const fcc__outgoing *message);
/* COMPLETED with stub->response and the event. */
fcc_status fcc__write_completed(fcc_stub *stub) FCC_MUST_CHECK;
fcc_status fcc__write_error(fcc_stub *stub, fcc_bytes text, bool with_event) FCC_MUST_CHECK;

/* ---- request.c ---- */

/*
 * Between these the handler may touch what is the session's; outside of them, in the author's code, it may be detached
 * and run beside the loop. They nest. fcc__leave returns `status`.
 */
void fcc__enter(fcc_stub *stub);
fcc_status fcc__leave(fcc_stub *stub, fcc_status status);
#define FCC__INSIDE(stub, call) fcc__leave((stub), (fcc__enter(stub), (call)))
/* session.c: a handler that was detached wants to go on inside; on the caller's thread. */
void fcc__came_back(void *stub);

/* "GET_STATE"; the number for types that we do not know. `digits` has room for 12 bytes. */
const char *fcc__type_name(int type, char *digits);
/* The first 8 bytes. */
fcc_bytes fcc__short_id(fcc_bytes tx_id);

/* What a reply brought lives only until the next one: let it live as long as `arena`. */
fcc_status fcc__keep_reply(fcc_stub *stub, fcc__arena *arena, fcc_bytes payload, fcc_bytes *out) FCC_MUST_CHECK;

/*
 * Send a request and wait for its answer.
 *
 * @param payload  a message of the type that belongs to `type`
 * @param reply    on FCC_OK the payload of RESPONSE; borrowed until the next call that waits
 *
 * @return as fcc_get_state says; the text is set. Coroutine switch inside.
 */
fcc_status fcc__ask(fcc_stub *stub, Protos__ChaincodeMessage__Type type, const void *payload,
                    fcc_bytes *reply) FCC_MUST_CHECK;
/* The same with the fields of the message, in the order of their numbers. */
fcc_status fcc__ask_parts(fcc_stub *stub, Protos__ChaincodeMessage__Type type, const fcc__part *parts, size_t count,
                          fcc_bytes *reply) FCC_MUST_CHECK;

/* ---- failures: each sets the text and returns `status` ---- */

/* Pieces are joined as they are, for texts that hold bytes from outside (which may contain 0x00). */
fcc_status fcc__fail_parts(fcc_stub *stub, fcc_status status, const fcc_bytes *parts, size_t count);
#define FCC__FAIL_PARTS(stub, status, ...)                            \
    fcc__fail_parts(stub, status, (const fcc_bytes[]){ __VA_ARGS__ }, \
                    sizeof((const fcc_bytes[]){ __VA_ARGS__ }) / sizeof(fcc_bytes))
/* The transaction's memory cap. */
fcc_status fcc__fail_memory(fcc_stub *stub);
/* FCC_ERR_ARG "WHAT is not valid UTF-8", or FCC_OK. */
fcc_status fcc__check_text(fcc_stub *stub, const char *what, fcc_bytes text) FCC_MUST_CHECK;
/* FCC_ERR_ARG for an empty collection. */
fcc_status fcc__check_collection(fcc_stub *stub, fcc_bytes collection) FCC_MUST_CHECK;

/* ---- query.c ---- */

/* Free what the transaction's iterators hold. */
void fcc__iters_clear(fcc_stub *stub);

/* ---- batch.c ---- */

typedef enum fcc__write { FCC__WRITE_PUT, FCC__WRITE_DEL, FCC__WRITE_PURGE, FCC__WRITE_POLICY } fcc__write;

/* Keep a write for the flush; the last one of a key and kind (data or policy) counts. Needs stub->batch. */
fcc_status fcc__batch_add(fcc_stub *stub, fcc__write write, fcc_bytes collection, fcc_bytes key,
                          fcc_bytes value) FCC_MUST_CHECK;

/* The metadata name of a key's endorsement policy. */
#define FCC__POLICY_METAKEY FCC_LIT("VALIDATION_PARAMETER")

#endif
