/*
 * peer.h: the peer's side of the chaincode protocol, as far as it takes to keep a chaincode busy: one connection, several
 * streams, a fixed number of transactions in flight, each answered at once from made-up state.
 */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include "base/buf.h"
#include "rpc/rpc.h"

enum { BENCH_MAX_IN_FLIGHT = 4096, BENCH_MAX_STREAMS = 64, BENCH_SUB_BUCKETS = 32 };

/* One kind of transaction: what is invoked, and what the state holds. */
typedef struct bench_work {
    const char *name;
    const char *args[4]; /* NULL-terminated */
    unsigned puts;       /* `run` with so many PutState steps instead of `args` */
    unsigned gets;       /* ... with so many GetState steps */
    bool batch;          /* ... inside a write batch */
    unsigned rows;       /* of a range */
    size_t value_len;    /* of what a get finds and a put keeps; 0: 100 */
    unsigned every_ms;   /* one begins each so many milliseconds, if there is room; 0: as soon as another ends */
    const char *burn_us; /* one in ten computes for so long instead, and its time does not count */
} bench_work;

/* NULL for an unknown name. */
const bench_work *bench_work_named(const char *name);
/* The table, ended by a row without a name. */
extern const bench_work bench_works[];

/* How long transactions took: counts by time in ns, 32 steps to the doubling. */
typedef struct bench_times {
    unsigned counts[64 * BENCH_SUB_BUCKETS];
    unsigned total;
} bench_times;

/* The time, in microseconds, that `share` (0 to 1) of them did not exceed. */
double bench_times_at(const bench_times *times, double share);

typedef struct bench_peer bench_peer;

/* Connect and wait until every stream is registered. `address` and `tls` as for rpc_channel_new. Exits on failure. */
bench_peer *bench_peer_new(rpc_loop *loop, const char *address, const rpc_tls *tls, unsigned streams,
                           bool with_proposal);
/* Where the values of GetState come from instead: `get` gives one that lives until it is called again. */
void bench_peer_read_from(bench_peer *peer, fcc_bytes (*get)(void *ctx), void *ctx);
/* Keep `in_flight` of these (for those with a pace, at most so many) running until bench_peer_stop, which waits for the last of them. */
void bench_peer_start(bench_peer *peer, const bench_work *work, unsigned in_flight);
void bench_peer_stop(bench_peer *peer);
/* Forget the times and the count so far. */
void bench_peer_mark(bench_peer *peer);
const bench_times *bench_peer_times(const bench_peer *peer);
void bench_peer_free(bench_peer *peer);

double bench_now_us(void);

#endif
