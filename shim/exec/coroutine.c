/*
 * See coroutine.h. A coroutine's record lies at the high end of its own mapping, above its stack:
 *
 *     | guard pages | stack, growing down ............ | struct fcc__co |
 *
 * so that a new one from the pool costs no allocation at all.
 */
#include "exec/internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* More than a page, so that a frame with a large array does not step over it. */
enum { GUARD_BYTES = 64 * 1024 };

/*
 * What this thread runs. Read and written through calls that are not inlined: a function that jumps may come back on
 * another thread, where an address that the compiler has kept would be the first thread's.
 */
static _Thread_local fcc__co *current;

static __attribute__((noinline)) fcc__co *get_current(void)
{
    return current;
}

static __attribute__((noinline)) void set_current(fcc__co *co)
{
    current = co;
}

void *fcc__co_current_arg(const void *address, bool *overrun)
{
    const fcc__co *co = get_current();
    uintptr_t a = (uintptr_t)address, end = co ? (uintptr_t)co->stack : 0;

    *overrun = co && a < end && a >= end - co->pool->guard;
    return co ? co->arg : NULL;
}

/* ---- the first frame ---- */

/* The first frame of every coroutine. It never returns: the last switch leaves it behind. */
static void run(fcc__co *co)
{
    fcc__arrived(&co->self, &co->caller);
    co->main(co->arg);
    co->state = FCC__CO_FINISHED;
    fcc__jump(&co->self, &co->caller, true);
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
    ucontext_t *context = &co->self.context;

    FCC_REQUIRE(getcontext(context) == 0);
    context->uc_stack.ss_sp = co->stack;
    context->uc_stack.ss_size = co->stack_bytes;
    context->uc_link = NULL;
    makecontext(context, (void (*)(void))run_from_halves, 2, (unsigned)(p >> 16 >> 16), (unsigned)p);
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
    co->self.context = sp;
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
    long asked = sysconf(_SC_PAGESIZE);
    size_t page = asked > 0 ? (size_t)asked : 4096;

    if (!pool)
        return NULL;
    pool->guard = page > GUARD_BYTES ? page : GUARD_BYTES;
    pool->max_idle = max_idle;
    if (!stack_bytes)
        stack_bytes = FCC__CO_STACK_BYTES;
    stack_bytes += record_bytes();
    pool->map_bytes = (stack_bytes + page - 1) / page * page + pool->guard;
    return pool;
}

void fcc__co_pool_set_crew(fcc__co_pool *pool, fcc__crew *crew)
{
    FCC_REQUIRE(pool->active == 0);
    pool->crew = crew;
}

static fcc__co *map_stack(fcc__co_pool *pool)
{
    uint8_t *map = mmap(NULL, pool->map_bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    fcc__co *co;

    if (map == MAP_FAILED)
        return NULL;
    if (mprotect(map, pool->guard, PROT_NONE) != 0) {
        munmap(map, pool->map_bytes);
        return NULL;
    }
    co = (fcc__co *)(void *)(map + pool->map_bytes - record_bytes());
    co->pool = pool;
    co->stack = map + pool->guard;
    co->stack_bytes = (size_t)((uint8_t *)co - co->stack);
    return co;
}

static void unmap_stack(fcc__co *co)
{
    munmap(co->stack - co->pool->guard, co->pool->map_bytes);
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
    co->state = FCC__CO_NEW;
    co->main = main;
    co->back = NULL;
    co->arg = arg;
#ifdef WITH_ASAN
    __asan_unpoison_memory_region(co->stack, co->stack_bytes); /* what frames left behind for good had marked */
    co->self.stack = co->stack;
    co->self.stack_bytes = co->stack_bytes;
    co->self.fake_stack = NULL;
#endif
#ifdef WITH_TSAN
    co->self.fiber = __tsan_create_fiber(0);
#endif
    prepare(co);
    return co;
}

void fcc__co_resume(fcc__co *co)
{
    fcc__co *outer = get_current();

    FCC_REQUIRE(co->state == FCC__CO_NEW || co->state == FCC__CO_SUSPENDED);
    co->state = FCC__CO_RUNNING;
    if (co->pool->crew)
        co->worker = fcc__crew_runner(co->pool->crew);
#ifdef WITH_TSAN
    co->caller.fiber = __tsan_get_current_fiber();
#endif
    set_current(co);
    fcc__jump(&co->caller, &co->self, false);
    fcc__arrived(&co->caller, NULL);
    set_current(outer);
}

void fcc__co_yield(fcc__co *co)
{
    FCC_REQUIRE(co->state == FCC__CO_RUNNING);
    co->state = FCC__CO_SUSPENDED;
    fcc__jump(&co->self, &co->caller, false);
    fcc__arrived(&co->self, &co->caller);
}

bool fcc__co_finished(const fcc__co *co)
{
    return co->state == FCC__CO_FINISHED;
}

void fcc__co_free(fcc__co *co)
{
    fcc__co_pool *pool;

    if (!co)
        return;
    FCC_REQUIRE(co->state == FCC__CO_FINISHED || co->state == FCC__CO_NEW);
    pool = co->pool;
    FCC_REQUIRE(pool->active > 0);
    pool->active--;
#ifdef WITH_TSAN
    __tsan_destroy_fiber(co->self.fiber);
#endif
    if (pool->idle >= pool->max_idle) {
        unmap_stack(co);
        return;
    }
    co->next = pool->idle_list;
    pool->idle_list = co;
    pool->idle++;
}

bool fcc__co_detached(const fcc__co *co)
{
    return co->state == FCC__CO_DETACHED;
}

void fcc__co_detachable(fcc__co *co, fcc__co_main back)
{
    co->back = back;
    if (co->pool->crew)
        fcc__crew_open(co->pool->crew, co);
}

void fcc__co_attach(fcc__co *co)
{
    if (!co->pool->crew || fcc__crew_close(co->pool->crew, co))
        return;
    fcc__jump(&co->self, fcc__worker_place(co->worker), false);
    fcc__arrived(&co->self, &co->caller);
}

void fcc__co_forget_current(void)
{
    set_current(NULL);
}
