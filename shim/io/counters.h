/*
 * counters.h: what a chaincode process counts, laid out so that it can lie in memory that fcc-host shares with it.
 *
 * One process writes, one thread of it at a time; any process reads. Each number is read and written whole, and no
 * order among them is promised. What is counted stays when the process is replaced: fcc-host gives the same memory to
 * the next one, after fcc__counters_restart. A reader trusts nothing here, because the writer runs an author's code:
 * numbers are any number, and names need fcc__counters_name.
 */
#ifndef FCC_IO_COUNTERS_H
#define FCC_IO_COUNTERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FCC__COUNTERS_LAYOUT = 0xfcc00004, /* another number with each change of the layout */
    FCC__COUNTED_FUNCTIONS = 128,      /* INIT, the table's first ones, and one for all others */
    FCC__COUNTED_CALLS = 32,           /* by the message type's number; 0 for those beyond */
    FCC__NAME_BYTES = 64,
    FCC__BUCKETS_OF_TIME = 16,
    FCC__SHOWN = 64, /* transactions that are shown while they run */
    FCC__SHOWN_BYTES = 80,
};

/* How a process exits that is to be replaced: a handler in it does not end (EX_TEMPFAIL of sysexits.h). */
enum { FCC__EXIT_REPLACE = 75 };

/* Upper bounds in microseconds; what took longer is in none of them, but in the sum and the count. */
extern const uint64_t fcc__bucket_us[FCC__BUCKETS_OF_TIME];

typedef _Atomic uint64_t fcc__count;

typedef enum fcc__serving { FCC__STARTING, FCC__SERVING, FCC__DRAINING } fcc__serving;

/* How a transaction ended, by what the peer was told. */
typedef enum fcc__outcome {
    FCC__ENDED_OK,      /* a response below 400: it may be endorsed */
    FCC__ENDED_REFUSED, /* 400 to 499 */
    FCC__ENDED_FAILED,  /* 500 and above, or ERROR */
    FCC__ENDED_LOST,    /* the stream was gone */
    FCC__OUTCOMES
} fcc__outcome;

/* Why a transaction was not begun; what it was is not known. */
typedef enum fcc__turned_away {
    FCC__TURNED_LIMIT,  /* E-STREAM-05 */
    FCC__TURNED_DRAIN,  /* E-DRAIN-01 */
    FCC__TURNED_MEMORY, /* E-CRASH-05 */
    FCC__TURNED_REASONS
} fcc__turned_away;

typedef struct fcc__function_counters {
    char name[FCC__NAME_BYTES]; /* empty: not in use */
    fcc__count ended[FCC__OUTCOMES];
    fcc__count took_ns;
    fcc__count within[FCC__BUCKETS_OF_TIME]; /* each counts its own interval alone */
} fcc__function_counters;

/* A transaction that runs: who ends a process without a warning leaves this to tell what it was at. */
typedef struct fcc__shown {
    fcc__count function; /* one more than its place in `functions`; 0: none runs here */
    char channel[FCC__SHOWN_BYTES];
    char tx_id[FCC__SHOWN_BYTES];
} fcc__shown;

typedef struct fcc__counters {
    fcc__count layout;  /* FCC__COUNTERS_LAYOUT, by whoever made the memory */
    fcc__count serving; /* fcc__serving */
    fcc__count running; /* transactions that have begun and not ended */
    fcc__count turned_away[FCC__TURNED_REASONS];
    fcc__count streams_open;
    fcc__count streams_total;
    fcc__count received_messages;
    fcc__count received_bytes;
    fcc__count sent_messages;
    fcc__count sent_bytes;
    fcc__count batched_writes;
    fcc__count failed_handshakes; /* TLS, of who connects */
    fcc__count cert_expires;      /* seconds since 1970, the earliest of the TLS files; 0: no TLS */
    struct {
        char name[FCC__NAME_BYTES];
        fcc__count count;
        fcc__count took_ns; /* from the request to the answer */
    } calls[FCC__COUNTED_CALLS];
    fcc__function_counters functions[FCC__COUNTED_FUNCTIONS];
    fcc__shown shown[FCC__SHOWN]; /* the first ones, where more run */
} fcc__counters;

static inline uint64_t fcc__counted(const fcc__count *c)
{
    return atomic_load_explicit(c, memory_order_relaxed);
}

static inline void fcc__set(fcc__count *c, uint64_t value)
{
    atomic_store_explicit(c, value, memory_order_relaxed);
}

/* One writer: cheaper than an atomic addition. */
static inline void fcc__add(fcc__count *c, uint64_t more)
{
    fcc__set(c, fcc__counted(c) + more);
}

/* Before another process takes the memory over: what was only true of the last one is forgotten. */
void fcc__counters_restart(fcc__counters *counters);
/* The name, cut at its first byte that is not printable ASCII; `out` has room for FCC__NAME_BYTES. */
void fcc__counters_name(const char *name, char *out);
/* The same for what is shown; room for FCC__SHOWN_BYTES. */
void fcc__counters_shown(const char *text, char *out);

#endif
