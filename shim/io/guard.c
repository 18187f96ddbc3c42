/* See guard.h. */
#include "io/guard.h"

#include "base/log.h"
#include "exec/crew.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    TICKS = 8, /* of a budget */
    GRACE = 3, /* more, for handlers whose stream is gone */
    LEAST_TICK_MS = 5,
    PATIENCE_MS = 1000, /* at the end */
    SIGNAL_STACK_BYTES = 64 * 1024,
    LIST_MOST = 100, /* lines of transactions that ran */
};

struct fcc__guard {
    fcc__crew *crew;
    fcc__host *host;
    rpc_timer *timer;
    rpc_task replace;
    unsigned tick_ms;
    unsigned forsaken; /* ticks in a row with handlers that no stream knows of any more */
    bool stuck;
};

/* ---- last words ---- */

static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS };
static const char *const fault_texts[] = {
    "SIGSEGV in a handler", "SIGBUS in a handler",  "SIGFPE in a handler", "SIGILL in a handler",
    "SIGABRT in a handler", "SIGTRAP in a handler", "SIGSYS in a handler",
};
static const char *const fault_texts_outside[] = {
    "SIGSEGV outside of handlers", "SIGBUS outside of handlers",  "SIGFPE outside of handlers",
    "SIGILL outside of handlers",  "SIGABRT outside of handlers", "SIGTRAP outside of handlers",
    "SIGSYS outside of handlers",
};

enum { FAULTS = sizeof(faults) / sizeof(faults[0]) };

static struct sigaction before[FAULTS]; /* how these signals were handled */
static const fcc__host *guarded;        /* whose transactions are told of at the end */

static size_t culprit(const void *co_arg, fcc__log_field fields[3])
{
    fcc_bytes function, channel, tx_id;

    if (!co_arg)
        return 0;
    fcc__session_culprit(co_arg, &function, &channel, &tx_id);
    fields[0] = (fcc__log_field){ "channel", channel, false };
    fields[1] = (fcc__log_field){ "tx", tx_id, false };
    fields[2] = (fcc__log_field){ "function", function, false };
    return 3;
}

static void tell_ran(fcc_bytes function, fcc_bytes channel, fcc_bytes tx_id)
{
    const fcc__log_field fields[] = { { "channel", channel, false },
                                      { "tx", tx_id, false },
                                      { "function", function, false } };

    fcc__log_dying(FCC__E_CRASH_RAN, "it ran then, and is lost", fields, 3);
}

/* No handler was at work: any that has not ended may be the cause. Once, since their lists may be what is damaged. */
static void tell_all_that_ran(void)
{
    const fcc__host *host = guarded;

    guarded = NULL;
    if (host)
        fcc__host_list(host, LIST_MOST, tell_ran);
}

/* Says who, and lets the signal do what it would have done. */
static void on_fault(int signal_number, siginfo_t *info, void *context)
{
    fcc__log_field fields[3];
    bool overrun;
    const void *co_arg = fcc__co_current_arg(info->si_addr, &overrun);
    size_t count = culprit(co_arg, fields), i = 0;

    (void)context;
    while (faults[i] != signal_number)
        i++;
    overrun = overrun && (signal_number == SIGSEGV || signal_number == SIGBUS);
    fcc__log_dying(overrun  ? FCC__E_CRASH_STACK
                   : co_arg ? FCC__E_CRASH_SIGNAL
                            : FCC__E_CRASH_OUTSIDE,
                   overrun  ? "stack overflow in a handler"
                   : co_arg ? fault_texts[i]
                            : fault_texts_outside[i],
                   fields, count);
    sigaction(signal_number, &before[i], NULL);
    if (!co_arg)
        tell_all_that_ran();
    if (info->si_code <= 0) /* sent, not caused by an instruction that will be tried again */
        raise(signal_number);
}

/* A handler that has run over its stack leaves none to handle that on. Once a thread; the memory stays. */
static void give_signal_stack(void *ctx)
{
    stack_t old, own = { .ss_size = SIGNAL_STACK_BYTES };

    (void)ctx;
    if (sigaltstack(NULL, &old) == 0 && !(old.ss_flags & SS_DISABLE))
        return; /* a sanitizer's */
    own.ss_sp = mmap(NULL, own.ss_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (own.ss_sp != MAP_FAILED)
        sigaltstack(&own, NULL);
}

static void watch_faults(void)
{
    struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };

    give_signal_stack(NULL);
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < FAULTS; i++)
        sigaction(faults[i], &action, &before[i]);
}

/*
 * Nothing that needs memory can be done in order any more, and gRPC would abort at its next allocation. Whoever starts
 * processes has the next one ready sooner than this one could get over it.
 */
static void exhausted(const fcc__host *host)
{
    (void)host;
    fcc__log_dying(FCC__E_CRASH_MEMORY, "out of memory: the process ends", NULL, 0);
    tell_all_that_ran();
    _exit(EXIT_FAILURE);
}

/* ---- budgets ---- */

static void replace(fcc__guard *guard)
{
    rpc_task task = guard->replace;

    guard->replace = NULL;
    if (task)
        task(guard->host);
}

static void overdue(void *ctx, const fcc__seen *seen, bool held)
{
    fcc__guard *guard = ctx;
    char budget[16];

    snprintf(budget, sizeof(budget), "%d", guard->host->config->budget_ms);
    fcc__log_code_with(FCC__ERROR, held ? FCC__E_TIME_HELD : FCC__E_TIME_TX,
                       held ? "a handler does not end: the process will be replaced"
                            : "transaction answered: it exceeded its budget",
                       (const fcc__log_field[]){
                           { "channel", seen->channel, false },
                           { "tx", seen->tx_id, false },
                           { "function", fcc__function_of(guard->host->chaincode, seen), false },
                           { "budget_ms", fcc_str(budget), true },
                       },
                       4);
    guard->stuck |= held; /* from inside the session, which must not be drained here */
}

static void tick(void *ctx)
{
    fcc__guard *guard = ctx;
    size_t known = fcc__host_tick(guard->host, TICKS);

    if (guard->stuck)
        replace(guard);
    guard->forsaken = fcc__crew_detached(guard->crew) > known ? guard->forsaken + 1 : 0;
    if (guard->forsaken > TICKS + GRACE) {
        fcc__log_code(FCC__ERROR, FCC__E_TIME_HELD,
                      "a handler whose stream is gone does not end: the process will be replaced");
        replace(guard);
    }
    guard->timer = rpc_timer_start(guard->host->loop, guard->tick_ms, tick, guard);
    if (!guard->timer)
        fcc__log_code(FCC__ERROR, FCC__E_TIME_NONE, "out of memory: transactions have no budget any more");
}

/* ---- the crew ---- */

static void post(void *ctx, fcc__co_main task, void *arg)
{
    fcc__guard *guard = ctx;

    rpc_post(guard->host->loop, task, arg);
}

/* As many handlers as there may be threads do not end, and now one holds the loop: nothing can be answered any more. */
static void held(void *ctx, void *co_arg)
{
    fcc__log_field fields[3];

    (void)ctx;
    fcc__log_dying(FCC__E_TIME_THREADS,
                   "a handler does not end, and no thread is left to go on without it: the process ends", fields,
                   culprit(co_arg, fields));
    _exit(FCC__EXIT_REPLACE);
}

fcc__guard *fcc__guard_new(void)
{
    enum { HELD_MS = 25000 };
    fcc__guard *guard = calloc(1, sizeof(*guard));
    fcc__crew_options options = {
        .post = post, .held = held, .held_ms = HELD_MS, .thread_starts = give_signal_stack, .ctx = guard
    };

    if (!guard)
        return NULL;
    guard->crew = fcc__crew_new(&options);
    if (!guard->crew) {
        free(guard);
        return NULL;
    }
    watch_faults();
    return guard;
}

void fcc__guard_free(fcc__guard *guard)
{
    if (!guard)
        return;
    fcc__crew_free(guard->crew);
    free(guard);
}

void fcc__guard_run(fcc__guard *guard, fcc__co_main main, void *arg)
{
    fcc__crew_run(guard->crew, main, arg);
}

fcc_status fcc__guard_start(fcc__guard *guard, fcc__host *host, rpc_task replace_process)
{
    int budget = host->config->budget_ms;

    guard->host = host;
    guard->replace = replace_process;
    host->overdue = overdue;
    host->overdue_ctx = guard;
    host->exhausted = exhausted;
    guarded = host;
    fcc__co_pool_set_crew(host->stacks, guard->crew);
    if (budget == 0)
        return FCC_OK;
    guard->tick_ms = budget / TICKS > LEAST_TICK_MS ? (unsigned)(budget / TICKS) : LEAST_TICK_MS;
    guard->timer = rpc_timer_start(host->loop, guard->tick_ms, tick, guard);
    return guard->timer ? FCC_OK : FCC_ERR_NOMEM;
}

static void time_is_up(void *ctx)
{
    *(bool *)ctx = true;
}

bool fcc__guard_end(fcc__guard *guard)
{
    enum { POLL_MS = 10 };
    bool late = false;
    rpc_timer *timer;

    if (!guard->host) /* it was never started */
        return true;
    guarded = NULL;
    rpc_timer_cancel(guard->timer);
    guard->timer = NULL;
    if (fcc__crew_detached(guard->crew) == 0)
        return true;
    timer = rpc_timer_start(guard->host->loop, PATIENCE_MS, time_is_up, &late);
    while (timer && !late && fcc__crew_detached(guard->crew))
        rpc_loop_poll(guard->host->loop, POLL_MS);
    if (!late)
        rpc_timer_cancel(timer);
    return fcc__crew_detached(guard->crew) == 0;
}
