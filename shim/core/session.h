/*
 * session.h: one conversation with one peer, as a state machine: messages go in, messages come out.
 *
 * The caller owns the stream, the thread and the clock. Handlers run on coroutines inside fcc__session_receive and
 * fcc__session_closed, on the caller's thread; one that computes for long may go on beside it, where the pool of stacks
 * has a crew (exec/crew.h). Each stub call that needs the peer leaves its handler suspended, and the RESPONSE or ERROR of
 * its (channel, transaction) resumes it. The callbacks are called on the caller's own stack, never on a handler's, and
 * must not call into the session.
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

/*
 * What is told of each transaction, for counters and logs: the core itself has no clock. Always called by the thread
 * that calls the session, and but for FCC__TX_CALLS never on a handler's stack.
 */
typedef enum fcc__moment {
    FCC__TX_BEGINS,  /* INIT or TRANSACTION came; the function is not known yet */
    FCC__TX_CALLS,   /* the function is known and will be called */
    FCC__TX_ASKS,    /* a request goes to the peer */
    FCC__TX_GOES_ON, /* its answer came, or the stream is gone */
    FCC__TX_ENDS,    /* its last message goes out, unless the stream is gone */
} fcc__moment;

#define FCC__NO_FUNCTION SIZE_MAX

typedef struct fcc__seen {
    fcc_bytes channel; /* this and tx_id are borrowed until return */
    fcc_bytes tx_id;
    size_t function; /* in the chaincode's table; FCC__NO_FUNCTION: INIT, or none has the name */
    bool is_init;
    bool lost;      /* at the end: the stream is gone, nobody got the response */
    int32_t status; /* at the end: the response's; 0: ERROR was answered instead */
    int call;       /* the last request's type */
    size_t writes;  /* in the last request, when it is a batch */
    int64_t began;  /* this and what follows are the observer's own, 0 at the beginning */
    int64_t asked;
    unsigned shown;
} fcc__seen;

/* Why a transaction was answered with ERROR instead of being begun. */
typedef enum fcc__away {
    FCC__AWAY_LIMIT,  /* E-STREAM-05: this peer, or all peers together, have as many as may be */
    FCC__AWAY_DRAIN,  /* E-DRAIN-01 */
    FCC__AWAY_MEMORY, /* E-CRASH-05 */
    FCC__AWAY_REASONS
} fcc__away;

typedef struct fcc__session_events {
    /* Send one ChaincodeMessage. Borrowed until return. */
    void (*send)(void *ctx, fcc_bytes message);
    /* The session ended the conversation: end the stream with this reason. Borrowed until return. At most once. */
    void (*close)(void *ctx, const char *reason);
    /* After fcc__session_drain: the last transaction has ended. May be NULL. */
    void (*drained)(void *ctx);
    /*
     * A transaction is over its budget and was answered with ERROR. Once more with `held` when its handler computes on
     * even so: it may never end. Borrowed until return; may be NULL.
     */
    void (*overdue)(void *ctx, const fcc__seen *seen, bool held);
    /* May be NULL. */
    void (*observe)(void *ctx, fcc__moment moment, fcc__seen *seen);
    /* A transaction came that nothing else is told of. May be NULL. */
    void (*turned_away)(void *ctx, fcc__away why);
    /*
     * There is no memory for a transaction, or for an answer; what came is answered with ERROR if that is possible, or
     * the conversation ends. May be NULL; need not return.
     */
    void (*exhausted)(void *ctx);
    /*
     * As send, for a message of at least FCC__LARGE_BYTES, which lies in `memory`: taken over, to be freed with free().
     * May be NULL: then send gets all.
     */
    void (*send_own)(void *ctx, void *memory, fcc_bytes message);
    /*
     * As send, for a message in three pieces: the outer ones are borrowed until return, that in the middle until
     * `give_back(lent)`, from any thread. May be NULL: then messages are whole.
     */
    void (*send_pieces)(void *ctx, const fcc_bytes pieces[3], void (*give_back)(void *lent), void *lent);
} fcc__session_events;

typedef struct fcc__session_options {
    size_t memory_bytes;      /* cap of one transaction's memory; 0: FCC__MEMORY_BYTES */
    size_t max_message_bytes; /* longest message that is sent; 0: FCC__MAX_MESSAGE_BYTES */
    size_t max_running;       /* transactions at once, the others are answered with ERROR; 0: FCC__MAX_RUNNING */
    size_t max_stacks;        /* of all sessions that share `stacks`; 0: FCC__MAX_STACKS */
    fcc__co_pool *stacks;     /* required; borrowed until fcc__session_free; sessions of one thread may share it */
    /*
     * What FCC__PROCESS_FUNCTION answers of the process; borrowed as long as the session. NULL: no such function. A
     * function of the chaincode with this name comes first.
     */
    fcc_bytes (*describe_process)(void);
} fcc__session_options;

#define FCC__PROCESS_FUNCTION "fcc:GetProcess"

enum {
    FCC__LARGE_BYTES = 8 * 1024, /* from here on messages and values are moved rather than copied */
    FCC__LENT_BYTES = 64 * 1024, /* from here on a value that lies in its transaction's memory is sent from there */
    FCC__MEMORY_BYTES = 256 * 1024 * 1024, /* one message may have 100 MiB, and its value is copied */
    FCC__MAX_MESSAGE_BYTES = 100 * 1024 * 1024,
    /*
     * A stack is two of the mappings of which Linux gives a process 65,530: a peer that begins transactions without end
     * must not take them from the others. Fabric's peers have 2,500 at once.
     */
    FCC__MAX_RUNNING = 8 * 1024,
    FCC__MAX_STACKS = 24 * 1024,
    FCC__FAIR_RUNNING = 256, /* so many a session may have even so */
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

/*
 * The same for a message in `memory`, from malloc, which is taken over: transactions keep what they need of it, and a
 * value of 100 MiB is not copied again.
 */
void fcc__session_receive_own(fcc__session *session, void *memory, fcc_bytes message);

/* The stream is gone: every suspended handler's call returns FCC_ERR_IO, and so does each that it makes until it ends. */
void fcc__session_closed(fcc__session *session);

/* Answer new transactions with ERROR from now on; `drained` is called when none runs any more (maybe before return). */
void fcc__session_drain(fcc__session *session);

/*
 * The clock by which transactions have a budget: call it at even times. One that began more than `budget` calls ago is
 * answered with ERROR; its handler, if it waits for the peer, gets FCC_ERR_TIMEOUT, and so does each call that it makes.
 *
 * @param budget_ms  what is said about it in the ERROR
 */
void fcc__session_tick(fcc__session *session, unsigned budget, unsigned budget_ms);

/* Transactions that have begun and not been answered. */
size_t fcc__session_running(const fcc__session *session);
/* Of these, those that wait for the peer's answer to a request. */
size_t fcc__session_asking(const fcc__session *session);
/* How many requests all of them have made so far. */
size_t fcc__session_requests(const fcc__session *session);
/* Handlers that are detached. */
size_t fcc__session_detached(const fcc__session *session);

/*
 * Closes it first where that was not done. Handlers that are detached go on, with a stream that is gone; the memory is
 * given back when the last of them has ended. Takes NULL.
 */
void fcc__session_free(fcc__session *session);

/*
 * For a signal handler: tell of each transaction that runs, at most `most`. How many there were.
 */
size_t fcc__session_list(const fcc__session *session, size_t most,
                         void (*tell)(fcc_bytes function, fcc_bytes channel, fcc_bytes tx_id));

/* The function's name in the chaincode's table, "INIT", or "(unknown)": never what a caller sent. */
fcc_bytes fcc__function_of(const fcc_chaincode *chaincode, const fcc__seen *seen);

/*
 * For a signal handler: whose handler has this argument of a coroutine (fcc__co_current_arg).
 */
void fcc__session_culprit(const void *co_arg, fcc_bytes *function, fcc_bytes *channel, fcc_bytes *tx_id);

#endif
