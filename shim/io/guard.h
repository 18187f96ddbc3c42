/*
 * guard.h: what one handler can do to the others is held back here. One that computes for long keeps a thread of its own
 * (exec/crew.h); one that exceeds its budget is answered, and a process that can't get rid of it is replaced; and of a
 * process that a handler kills, the last words are which.
 *
 * Test: test/unit/shim/io/test_guard.c
 */
#ifndef FCC_IO_GUARD_H
#define FCC_IO_GUARD_H

#include "io/stream.h"

typedef struct fcc__guard fcc__guard;

/* One a process: signals that tell of a fault are handled from here on. NULL when out of memory. */
fcc__guard *fcc__guard_new(void);
/* Not while it runs. Takes NULL. */
void fcc__guard_free(fcc__guard *guard);
/* Run main(arg), which turns the loop; it may come to run on another thread. Returns when main has returned. Once. */
void fcc__guard_run(fcc__guard *guard, fcc__co_main main, void *arg);

/*
 * In main, before handlers run: the host's loop is taken over from those that compute, and transactions have
 * host->config->budget_ms.
 *
 * @param replace  called on the loop, once, with `host`, when a handler does not end
 */
fcc_status fcc__guard_start(fcc__guard *guard, fcc__host *host, rpc_task replace) FCC_MUST_CHECK;
/*
 * In main, with all streams gone: wait for handlers that still compute, for a moment.
 *
 * @return false when some do not end: the process can only exit
 */
bool fcc__guard_end(fcc__guard *guard);

#endif
