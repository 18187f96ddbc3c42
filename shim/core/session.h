/*
 * session.h: one conversation with one peer, as a state machine: messages go in, messages come out.
 *
 * The caller owns the stream, the thread and the clock. Handlers run on coroutines inside fcc__session_receive and
 * fcc__session_closed, on the caller's thread; each stub call that needs the peer leaves its handler suspended, and the
 * RESPONSE or ERROR of its (channel, transaction) resumes it. The callbacks are called on the caller's own stack, never
 * on a handler's, and must not call into the session.
 *
 * States, as in fabric-chaincode-go v2.3.0, shim/handler.go: created (REGISTER was sent), established (REGISTERED came),
 * ready (READY came). A message that does not fit the state is answered with ERROR, and the conversation ends.
 *
 * Test: test/unit/shim/core/
 */
#ifndef FCC_CORE_SESSION_H
#define FCC_CORE_SESSION_H

#include <fcc/chaincode.h>

#include "exec/coroutine.h"

typedef struct fcc__session fcc__session;

typedef struct fcc__session_events {
    /* Send one ChaincodeMessage. Borrowed until return. */
    void (*send)(void *ctx, fcc_bytes message);
    /* The session ended the conversation: end the stream with this reason. Borrowed until return. At most once. */
    void (*close)(void *ctx, const char *reason);
    /* After fcc__session_drain: the last transaction has ended. May be NULL. */
    void (*drained)(void *ctx);
} fcc__session_events;

typedef struct fcc__session_options {
    size_t memory_bytes;      /* cap of one transaction's memory; 0: FCC__MEMORY_BYTES */
    size_t max_message_bytes; /* longest message that is sent; 0: FCC__MAX_MESSAGE_BYTES */
    fcc__co_pool *stacks;     /* required; borrowed until fcc__session_free; sessions of one thread may share it */
} fcc__session_options;

enum {
    FCC__MEMORY_BYTES = 256 * 1024 * 1024, /* one message may have 100 MiB, and its value is copied */
    FCC__MAX_MESSAGE_BYTES = 100 * 1024 * 1024,
};

/*
 * Start a conversation: REGISTER goes out before this returns.
 *
 * @param chaincode  what answers; borrowed until fcc__session_free, with its table
 * @param ccid       the package id, copied
 * @param options    copied
 * @param events     borrowed until fcc__session_free
 *
 * @return FCC_OK
 *         FCC_ERR_ARG  ccid is empty or not UTF-8
 */
fcc_status fcc__session_new(const fcc_chaincode *chaincode, fcc_bytes ccid, const fcc__session_options *options,
                            const fcc__session_events *events, void *ctx, fcc__session **out) FCC_MUST_CHECK;

/* One message from the peer; borrowed until return. Ignored once the conversation is over. */
void fcc__session_receive(fcc__session *session, fcc_bytes message);

/* The stream is gone: every suspended handler's call returns FCC_ERR_IO, and so does each that it makes until it ends. */
void fcc__session_closed(fcc__session *session);

/* Answer new transactions with ERROR from now on; `drained` is called when none runs any more (maybe before return). */
void fcc__session_drain(fcc__session *session);

/* Transactions that have begun and not ended. */
size_t fcc__session_running(const fcc__session *session);

/* Closes it first where that was not done. Takes NULL. */
void fcc__session_free(fcc__session *session);

#endif
