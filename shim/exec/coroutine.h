/*
 * coroutine.h: functions that can be left in the middle and entered again there, each on a stack of its own.
 *
 * - A switch is a few instructions and no system call. It keeps what the ABI has a callee keep, and nothing that is
 *   thread-local: errno, OpenSSL's error queue and the like may have other content after fcc__co_yield.
 * - Stacks end in a guard page: running over one is SIGSEGV, never another coroutine's memory.
 * - Stacks are reused through a pool. One pool, one thread at a time; nothing here locks.
 * - Sanitizers are told of each switch.
 *
 * Test: test/unit/shim/exec/test_coroutine.c
 */
#ifndef FCC_EXEC_COROUTINE_H
#define FCC_EXEC_COROUTINE_H

#include <stdbool.h>
#include <stddef.h>

enum { FCC__CO_STACK_BYTES = 256 * 1024 };

typedef struct fcc__co fcc__co;
typedef struct fcc__co_pool fcc__co_pool;
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
/* Stacks in use, and stacks waiting for use. */
size_t fcc__co_pool_active(const fcc__co_pool *pool);
size_t fcc__co_pool_idle(const fcc__co_pool *pool);

/* A coroutine that will run main(arg), not started yet. NULL when there is no memory for a stack. */
fcc__co *fcc__co_new(fcc__co_pool *pool, fcc__co_main main, void *arg);
/* Run it until it yields or main returns. Not for a finished one, nor for one that is running. */
void fcc__co_resume(fcc__co *co);
/* Return from the fcc__co_resume that runs `co`, which must be the coroutine that calls; go on at the next one. */
void fcc__co_yield(fcc__co *co);
/* Whether main has returned. */
bool fcc__co_finished(const fcc__co *co);
/* Give the stack back: finished, or never started. Takes NULL. */
void fcc__co_free(fcc__co *co);

#endif
