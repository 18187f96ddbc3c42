/*
 * crew.h: threads that keep a loop going when one of the coroutines it resumes computes for long.
 *
 * The loop runs as a coroutine itself. While it runs, on one thread, another thread watches: when a coroutine that is
 * detachable (coroutine.h) computes for more than a tick without giving the loop back, the watcher goes on with the loop
 * in its place, as if the coroutine had yielded; so it does, later, for one that holds the loop and only waits. The coroutine stays where it is, on its thread, and when it wants to attach it
 * is handed to the loop as a task, while its thread becomes one more that can watch. One thread runs the loop at any
 * time; what belongs to the loop needs no lock.
 *
 * A look costs about 15 us of CPU time, most of it the kernel's for waking a thread. The watcher looks every eight ticks,
 * a tick later again at what it found running, and for two seconds after one that computed for long at each tick. While
 * nothing runs it sleeps.
 *
 * Test: test/unit/shim/exec/test_crew.c
 */
#ifndef FCC_EXEC_CREW_H
#define FCC_EXEC_CREW_H

#include "exec/coroutine.h"

enum { FCC__CREW_THREADS = 32, FCC__CREW_TICK_US = 500 };

typedef struct fcc__crew_options {
    size_t max_threads; /* the loop's, the watcher's, and one for each detached coroutine; 0: FCC__CREW_THREADS */
    unsigned tick_us;   /* 0: FCC__CREW_TICK_US */
    /* Have task(arg) called by the loop, soon. Called on any thread. */
    void (*post)(void *ctx, fcc__co_main task, void *arg);
    /*
     * With no thread left to take over, the loop has been held for held_ms by the coroutine of this arg. On the
     * watcher's thread; the coroutine runs meanwhile. May be NULL.
     */
    void (*held)(void *ctx, void *arg);
    unsigned held_ms;
    /* Called on each new thread before it does anything. May be NULL. */
    void (*thread_starts)(void *ctx);
    void *ctx;
} fcc__crew_options;

/* NULL when out of memory. */
fcc__crew *fcc__crew_new(const fcc__crew_options *options);
/* Not while it runs. Takes NULL. */
void fcc__crew_free(fcc__crew *crew);
/*
 * Run main(arg), the loop: at first on this thread, later perhaps on others. Returns on this thread once main has
 * returned, which it must not do while a coroutine is detached. Once.
 */
void fcc__crew_run(fcc__crew *crew, fcc__co_main main, void *arg);
/* How many coroutines are detached now. For the loop. */
size_t fcc__crew_detached(const fcc__crew *crew);

#endif
