/*
 * coroutine.h: functions that can be left in the middle and entered again there, each on a stack of its own.
 *
 * - A switch is a few instructions and no system call. It keeps what the ABI has a callee keep, and nothing that is
 *   thread-local: errno, OpenSSL's error queue and the like may have other content after fcc__co_yield.
 * - Stacks end in guard pages: running over one is SIGSEGV, never another coroutine's memory.
 * - Stacks are reused through a pool. One pool, one thread at a time; nothing here locks.
 * - In a pool with a crew (crew.h) a coroutine can be detached: it goes on where it is, and so does who resumed it.
 * - Sanitizers are told of each switch.
 *
 * Test: test/unit/shim/exec/test_coroutine.c, test_crew.c
 */
#ifndef FCC_EXEC_COROUTINE_H
#define FCC_EXEC_COROUTINE_H

#include <stdbool.h>
#include <stddef.h>

enum { FCC__CO_STACK_BYTES = 256 * 1024 };

typedef struct fcc__co fcc__co;
typedef struct fcc__co_pool fcc__co_pool;
typedef struct fcc__crew fcc__crew;
typedef void (*fcc__co_main)(void *arg);

/*
 * A pool of stacks.
 *
 * @param stack_bytes  usable size of each, rounded up to whole pages; 0: FCC__CO_STACK_BYTES
 * @param max_idle     how many unused stacks are kept for the next coroutine
 *
 * @return NULL when out of memory
 */
fcc__co_pool *fcc__co_pool_new(size_t stack_bytes, size_t max_idle);
/* All coroutines of the pool must have been freed. Takes NULL. */
void fcc__co_pool_free(fcc__co_pool *pool);
/* Before the first coroutine; `crew` must outlive the pool. */
void fcc__co_pool_set_crew(fcc__co_pool *pool, fcc__crew *crew);
/* Stacks in use, and stacks waiting for use. */
size_t fcc__co_pool_active(const fcc__co_pool *pool);
size_t fcc__co_pool_idle(const fcc__co_pool *pool);

/* A coroutine that will run main(arg), not started yet. NULL when there is no memory for a stack. */
fcc__co *fcc__co_new(fcc__co_pool *pool, fcc__co_main main, void *arg);
/* Run it until it yields, is detached, or main returns. Not for a finished one, nor for one that is running. */
void fcc__co_resume(fcc__co *co);
/* Return from the fcc__co_resume that runs `co`, which must be the coroutine that calls; go on at the next one. */
void fcc__co_yield(fcc__co *co);
/* Whether main has returned. */
bool fcc__co_finished(const fcc__co *co);
/* Give the stack back: finished, or never started. Takes NULL. */
void fcc__co_free(fcc__co *co);

/*
 * The coroutine that calls touches nothing of its resumer's from here on, until fcc__co_attach: when it takes long,
 * fcc__co_resume returns in between, on another thread, and fcc__co_detached tells so.
 *
 * @param back  what fcc__co_attach then has called with the coroutine's `arg`, on the resumer's thread: resume it there
 */
void fcc__co_detachable(fcc__co *co, fcc__co_main back);
/* From here on the coroutine runs on its resumer's thread; that may be another one than before. */
void fcc__co_attach(fcc__co *co);
/* For the resumer: it was detached, and `back` has not been called yet. */
bool fcc__co_detached(const fcc__co *co);

/*
 * What the calling thread runs, for a signal handler that wants to tell.
 *
 * @param overrun  whether the stack's guard holds this address
 *
 * @return the innermost coroutine's `arg`, NULL outside of coroutines
 */
void *fcc__co_current_arg(const void *address, bool *overrun);

#endif
