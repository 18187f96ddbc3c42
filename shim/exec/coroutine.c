/*
 * See coroutine.h. A coroutine's record lies at the high end of its own mapping, above its stack:
 *
 *     | guard page | stack, growing down ............ | struct fcc__co |
 *
 * so that a new one from the pool costs no allocation at all.
 */
#include "exec/coroutine.h"

#include "base/require.h"
#include "exec/switch.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

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

enum state { NEW, SUSPENDED, RUNNING, FINISHED };

struct fcc__co {
    fcc__context self;   /* where it was left, while it does not run */
    fcc__context caller; /* where fcc__co_resume was called, while it runs */
    enum state state;
    fcc__co_main main;
    void *arg;
    fcc__co_pool *pool;
    fcc__co *next;  /* in the pool's idle list */
    uint8_t *stack; /* lowest usable byte */
    size_t stack_bytes;
#ifdef WITH_ASAN
    const void *caller_stack;
    size_t caller_stack_bytes;
    void *caller_fake_stack;
    void *fake_stack;
#endif
#ifdef WITH_TSAN
    void *fiber;
    void *caller_fiber;
#endif
};

struct fcc__co_pool {
    fcc__co *idle_list;
    size_t idle;
    size_t max_idle;
    size_t active;
    size_t page;
    size_t map_bytes; /* guard page, stack and record */
};

/* ---- what sanitizers are told: before a switch and, on the other stack, after it; inlined, for tsan counts frames ---- */

static inline __attribute__((always_inline)) void before_resume(fcc__co *co)
{
#ifdef WITH_ASAN
    __sanitizer_start_switch_fiber(&co->caller_fake_stack, co->stack, co->stack_bytes);
#endif
#ifdef WITH_TSAN
    co->caller_fiber = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(co->fiber, 0);
#endif
    (void)co;
}

static inline __attribute__((always_inline)) void after_resume(fcc__co *co)
{
#ifdef WITH_ASAN
    __sanitizer_finish_switch_fiber(co->fake_stack, &co->caller_stack, &co->caller_stack_bytes);
#endif
    (void)co;
}

static inline __attribute__((always_inline)) void before_leave(fcc__co *co, bool for_good)
{
#ifdef WITH_ASAN
    __sanitizer_start_switch_fiber(for_good ? NULL : &co->fake_stack, co->caller_stack, co->caller_stack_bytes);
#endif
#ifdef WITH_TSAN
    __tsan_switch_to_fiber(co->caller_fiber, 0);
#endif
    (void)co;
    (void)for_good;
}

static inline __attribute__((always_inline)) void after_leave(fcc__co *co)
{
#ifdef WITH_ASAN
    __sanitizer_finish_switch_fiber(co->caller_fake_stack, NULL, NULL);
#endif
    (void)co;
}

/* ---- switching ---- */

#ifdef FCC__SWITCH_UCONTEXT

static void switch_to(fcc__context *from, fcc__context *to)
{
    FCC_REQUIRE(swapcontext(from, to) == 0);
}

#else

static void switch_to(fcc__context *from, fcc__context *to)
{
    fcc__switch(from, *to);
}

#endif

/* The first frame of every coroutine. It never returns: the last switch leaves it behind. */
static void run(fcc__co *co)
{
    after_resume(co);
    co->main(co->arg);
    co->state = FINISHED;
    before_leave(co, true);
    switch_to(&co->self, &co->caller);
    abort();
}

#ifdef FCC__SWITCH_UCONTEXT

/* makecontext passes ints only */
static void run_from_halves(unsigned high, unsigned low)
{
    run((fcc__co *)(((uintptr_t)high << 16 << 16) | low));
}

static void prepare(fcc__co *co)
{
    uintptr_t p = (uintptr_t)co;

    FCC_REQUIRE(getcontext(&co->self) == 0);
    co->self.uc_stack.ss_sp = co->stack;
    co->self.uc_stack.ss_size = co->stack_bytes;
    co->self.uc_link = NULL;
    makecontext(&co->self, (void (*)(void))run_from_halves, 2, (unsigned)(p >> 16 >> 16), (unsigned)p);
}

#else

/* Lay out the stack as if fcc__switch had been called by fcc__switch_start. */
static void prepare(fcc__co *co)
{
    uintptr_t *top = (uintptr_t *)(void *)(co->stack + co->stack_bytes);
    uintptr_t *sp;

#if defined(__x86_64__)
    uint32_t control[2] = { 0x1f80, 0x037f }; /* the ABI's initial MXCSR and x87 control word */

    sp = top - 10;
    memset(sp, 0, 10 * sizeof(*sp));
    memcpy(sp, control, sizeof(control));
    sp[3] = (uintptr_t)co;                /* r13 */
    sp[4] = (uintptr_t)run;               /* r12 */
    sp[7] = (uintptr_t)fcc__switch_start; /* return address; behind it the stack is aligned to 16 for the call */
#else
    sp = top - 20;
    memset(sp, 0, 20 * sizeof(*sp));
    sp[0] = (uintptr_t)run;                /* x19 */
    sp[1] = (uintptr_t)co;                 /* x20 */
    sp[11] = (uintptr_t)fcc__switch_start; /* x30 */
#endif
    co->self = sp;
}

#endif

/* ---- the pool ---- */

/* Room for the record, such that the stack's top stays aligned to 64. */
static size_t record_bytes(void)
{
    return (sizeof(fcc__co) + 63) & ~(size_t)63;
}

fcc__co_pool *fcc__co_pool_new(size_t stack_bytes, size_t max_idle)
{
    fcc__co_pool *pool = calloc(1, sizeof(*pool));
    long page = sysconf(_SC_PAGESIZE);

    if (!pool)
        return NULL;
    pool->page = page > 0 ? (size_t)page : 4096;
    pool->max_idle = max_idle;
    if (!stack_bytes)
        stack_bytes = FCC__CO_STACK_BYTES;
    stack_bytes += record_bytes();
    pool->map_bytes = (stack_bytes + pool->page - 1) / pool->page * pool->page + pool->page;
    return pool;
}

static fcc__co *map_stack(fcc__co_pool *pool)
{
    uint8_t *map = mmap(NULL, pool->map_bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    fcc__co *co;

    if (map == MAP_FAILED)
        return NULL;
    if (mprotect(map, pool->page, PROT_NONE) != 0) {
        munmap(map, pool->map_bytes);
        return NULL;
    }
    co = (fcc__co *)(void *)(map + pool->map_bytes - record_bytes());
    co->pool = pool;
    co->stack = map + pool->page;
    co->stack_bytes = (size_t)((uint8_t *)co - co->stack);
    return co;
}

static void unmap_stack(fcc__co *co)
{
    munmap(co->stack - co->pool->page, co->pool->map_bytes);
}

void fcc__co_pool_free(fcc__co_pool *pool)
{
    if (!pool)
        return;
    FCC_REQUIRE(pool->active == 0);
    while (pool->idle_list) {
        fcc__co *co = pool->idle_list;

        pool->idle_list = co->next;
        unmap_stack(co);
    }
    free(pool);
}

size_t fcc__co_pool_active(const fcc__co_pool *pool)
{
    return pool->active;
}

size_t fcc__co_pool_idle(const fcc__co_pool *pool)
{
    return pool->idle;
}

/* ---- coroutines ---- */

fcc__co *fcc__co_new(fcc__co_pool *pool, fcc__co_main main, void *arg)
{
    fcc__co *co = pool->idle_list;

    if (co) {
        pool->idle_list = co->next;
        pool->idle--;
    } else {
        co = map_stack(pool);
        if (!co)
            return NULL;
    }
    pool->active++;
    co->next = NULL;
    co->state = NEW;
    co->main = main;
    co->arg = arg;
#ifdef WITH_ASAN
    __asan_unpoison_memory_region(co->stack, co->stack_bytes); /* what frames left behind for good had marked */
    co->fake_stack = NULL;
#endif
#ifdef WITH_TSAN
    co->fiber = __tsan_create_fiber(0);
#endif
    prepare(co);
    return co;
}

void fcc__co_resume(fcc__co *co)
{
    FCC_REQUIRE(co->state == NEW || co->state == SUSPENDED);
    co->state = RUNNING;
    before_resume(co);
    switch_to(&co->caller, &co->self);
    after_leave(co);
}

void fcc__co_yield(fcc__co *co)
{
    FCC_REQUIRE(co->state == RUNNING);
    co->state = SUSPENDED;
    before_leave(co, false);
    switch_to(&co->self, &co->caller);
    after_resume(co);
}

bool fcc__co_finished(const fcc__co *co)
{
    return co->state == FINISHED;
}

void fcc__co_free(fcc__co *co)
{
    fcc__co_pool *pool;

    if (!co)
        return;
    FCC_REQUIRE(co->state == FINISHED || co->state == NEW);
    pool = co->pool;
    FCC_REQUIRE(pool->active > 0);
    pool->active--;
#ifdef WITH_TSAN
    __tsan_destroy_fiber(co->fiber);
#endif
    if (pool->idle >= pool->max_idle) {
        unmap_stack(co);
        return;
    }
    co->next = pool->idle_list;
    pool->idle_list = co;
    pool->idle++;
}
