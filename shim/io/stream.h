/*
 * stream.h: a gRPC stream to a peer, joined to a session. Both the server and the client mode are made of these.
 * Everything is called on the loop's thread.
 */
#ifndef FCC_IO_STREAM_H
#define FCC_IO_STREAM_H

#include "core/session.h"
#include "io/config.h"
#include "io/counters.h"
#include "rpc/rpc.h"

typedef struct fcc__stream fcc__stream;

/* The process: what all its streams share. */
typedef struct fcc__host {
    const fcc_chaincode *chaincode;
    const fcc__config *config;
    rpc_loop *loop;
    fcc__co_pool *stacks;
    fcc__counters *counters;
    fcc__stream *streams; /* open ones */
    bool stopping;
    rpc_task emptied; /* gets the fcc__host when, after fcc__host_drain, the last stream has closed; may be NULL */
    /* A stream has ended; `registered`: its peer had taken it. May be NULL. */
    void (*closed)(void *ctx, const rpc_status *status, bool registered);
    void *closed_ctx;
    /* As in fcc__session_events. May be NULL. */
    void (*overdue)(void *ctx, const fcc__seen *seen, bool held);
    void *overdue_ctx;
    void (*exhausted)(const struct fcc__host *host); /* the same */
} fcc__host;

/* The callbacks of a stream's call; their ctx is the stream. */
extern const rpc_events fcc__stream_events;

/* NULL when out of memory. */
fcc__stream *fcc__stream_new(fcc__host *host);
/* Start the conversation on `call`, whose callbacks have the stream as ctx: REGISTER goes out. */
fcc_status fcc__stream_start(fcc__stream *stream, rpc_call *call) FCC_MUST_CHECK;
/* For one that was not started. Takes NULL. */
void fcc__stream_free(fcc__stream *stream);

/*
 * Let the transactions that run end, and end the streams when there are none left. Until then new ones are answered with
 * an ERROR that sends their client to another endorser.
 */
void fcc__host_drain(fcc__host *host);

/* For a signal handler: fcc__session_list for each stream, `most` in all. */
void fcc__host_list(const fcc__host *host, size_t most,
                    void (*tell)(fcc_bytes function, fcc_bytes channel, fcc_bytes tx_id));

/* fcc__session_tick for each stream. How many handlers of these streams are detached. */
size_t fcc__host_tick(fcc__host *host, unsigned budget);

#endif
