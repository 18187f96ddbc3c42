/*
 * internal.h: a coroutine's record, and the jump from one stack to another with all that sanitizers want to know of it.
 * Nobody outside this folder includes it.
 */
#ifndef FCC_EXEC_INTERNAL_H
#define FCC_EXEC_INTERNAL_H

#include "exec/coroutine.h"

#include "base/require.h"
#include "exec/switch.h"

#include <stdint.h>

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define WITH_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WITH_TSAN 1
#endif
#endif

#ifdef WITH_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef WITH_TSAN
#include <sanitizer/tsan_interface.h>
#endif

/* Where a stack was left, and what the sanitizers call it. */
typedef struct fcc__place {
    fcc__context context;
#ifdef WITH_ASAN
    const void *stack; /* lowest byte */
    size_t stack_bytes;
    void *fake_stack;
#endif
#ifdef WITH_TSAN
    void *fiber;
#endif
} fcc__place;

enum fcc__co_state { FCC__CO_NEW, FCC__CO_SUSPENDED, FCC__CO_RUNNING, FCC__CO_DETACHED, FCC__CO_FINISHED };

struct fcc__worker;

struct fcc__co {
    fcc__place self;   /* where it was left, while it does not run */
    fcc__place caller; /* where fcc__co_resume was called, while it runs */
    enum fcc__co_state state;
    fcc__co_main main;
    fcc__co_main back; /* NULL: it can't be detached */
    void *arg;
    fcc__co_pool *pool;
    fcc__co *next;              /* in the pool's idle list */
    struct fcc__worker *worker; /* whose thread it was last resumed on, in a pool with a crew */
    uint8_t *stack;             /* lowest usable byte */
    size_t stack_bytes;
};

struct fcc__co_pool {
    fcc__co *idle_list;
    size_t idle;
    size_t max_idle;
    size_t active;
    size_t guard;     /* bytes */
    size_t map_bytes; /* guard, stack and record */
    fcc__crew *crew;  /* NULL: nothing is detached */
};

/*
 * Leave `from` and go on at `to`; returns when somebody jumps to `from`. What is announced before and, on the other
 * stack, after the switch is inlined together with it, for tsan counts frames.
 *
 * @param for_good  nobody will ever come back
 */
static inline __attribute__((always_inline)) void fcc__jump(fcc__place *from, fcc__place *to, bool for_good)
{
#ifdef WITH_ASAN
    __sanitizer_start_switch_fiber(for_good ? NULL : &from->fake_stack, to->stack, to->stack_bytes);
#endif
#ifdef WITH_TSAN
    __tsan_switch_to_fiber(to->fiber, 0);
#endif
#ifdef FCC__SWITCH_UCONTEXT
    FCC_REQUIRE(swapcontext(&from->context, &to->context) == 0);
#else
    fcc__switch(&from->context, to->context);
#endif
    (void)for_good;
}

/* The first thing after a jump to `here`. `last`, unless NULL, learns the bounds of the stack that was left for it. */
static inline __attribute__((always_inline)) void fcc__arrived(fcc__place *here, fcc__place *last)
{
#ifdef WITH_ASAN
    __sanitizer_finish_switch_fiber(here->fake_stack, last ? &last->stack : NULL, last ? &last->stack_bytes : NULL);
#endif
    (void)here;
    (void)last;
}

/* ---- crew.c ---- */

/* The worker whose thread runs the loop, and with it what the loop resumes. */
struct fcc__worker *fcc__crew_runner(const fcc__crew *crew);
/* Where its thread is to go on once what it ran has been detached and wants to attach. */
fcc__place *fcc__worker_place(struct fcc__worker *worker);
/* fcc__co_detachable. */
void fcc__crew_open(fcc__crew *crew, fcc__co *co);
/* fcc__co_attach: false when the coroutine has been detached; then its worker is told, and it must jump there. */
bool fcc__crew_close(fcc__crew *crew, fcc__co *co);
/* For the thread of a worker, which does not run a coroutine any more. */
void fcc__co_forget_current(void);

#endif
