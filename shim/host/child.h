/*
 * child.h: one chaincode's process: started with its own user, environment and limits, and started again when it ends.
 *
 * The first time it is started again at once, then after 50 ms, and twice as long each time, up to 10 s; who ran well
 * for 2 s begins anew. A process that ended with exit status 0 had been told to, and stays ended. One that served and
 * ended with FCC__EXIT_REPLACE asks to be replaced: that is done at once, and is no failure.
 */
#ifndef FCC_HOST_CHILD_H
#define FCC_HOST_CHILD_H

#include "host/config.h"
#include "io/counters.h"

typedef enum host_state { HOST_DOWN, HOST_STARTING, HOST_SERVING, HOST_DRAINING, HOST_ENDED } host_state;

typedef struct host_child {
    const host_chaincode *chaincode;
    int64_t drain_seconds;
    int counters_fd;
    fcc__counters *counters; /* written by the process */
    pid_t pid;               /* 0: none runs */
    int64_t started_ms;
    int64_t oom_kills;     /* of the kernel, by then; -1: not known */
    int64_t start_at_ms;   /* when the next one starts; 0: it won't */
    unsigned failures;     /* in a row */
    uint64_t restarts;     /* after it ended unasked */
    uint64_t replacements; /* at its own wish */
    bool ended;            /* by itself, with exit status 0 */
    bool stopping;         /* it will not be started again */
    /* The file has changed, and the process that runs is on its way out. */
    bool leaving;
    const host_chaincode *next; /* who follows; NULL: nobody */
    int64_t kill_at_ms;         /* ... when it has not ended by itself */
    bool gone;                  /* it has, and nobody follows */
} host_child;

/* Milliseconds that never go back. */
int64_t host_now_ms(void);

/* Makes the memory for the counters. Nothing is started: start_at_ms is now. `chaincode` is borrowed. */
fcc_status host_child_init(host_child *child, const host_chaincode *chaincode, int64_t drain_seconds,
                           fcc_error *error) FCC_MUST_CHECK;
void host_child_clear(host_child *child);

/* Start the process if it is due. A failure is logged, and tried again later. */
void host_child_start_if_due(host_child *child);
/* Take note of its end, if it has ended. */
void host_child_reap(host_child *child);
/* Have it end: SIGTERM lets it end its transactions, SIGKILL doesn't. */
void host_child_stop(host_child *child, int signal_number);

/*
 * What the file says now: `chaincode` is as before (then its certificates are read again), another, or NULL. Lives as
 * long as the child.
 */
void host_child_change(host_child *child, const host_chaincode *chaincode, int64_t drain_seconds);

host_state host_child_state(const host_child *child);
/* "serving" and so on. */
const char *host_state_name(host_state state);

#endif
