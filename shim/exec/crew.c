/*
 * See crew.h. What decides is one word, `open`: the coroutine that may be detached now. The coroutine itself takes it
 * out again when it attaches, or the watcher does and has detached it; the exchange can succeed for one of them only.
 */
#include "exec/crew.h"
#include "exec/internal.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

enum {
    LOOP_STACK_BYTES = 8 * 1024 * 1024, /* gRPC and TLS run on it; only what is used takes memory */
    WORKER_STACK_BYTES = 256 * 1024,    /* the same */
    CALM_TICKS = 8,                     /* as long as a look takes while nobody computes for long */
    ALERT_TICKS = 4000,                 /* looks at each tick after one that did */
    BLOCKED_TICKS = 20,                 /* for one that holds the loop without computing */
    QUIET_LOOKS = 8,                    /* without anything to watch, and the watcher sleeps */
};

struct fcc__worker {
    fcc__place native; /* its thread's own stack */
    fcc__crew *crew;
    pthread_t thread;
    struct fcc__worker *next;
    fcc__co *home; /* came back to be attached */
};

struct fcc__crew {
    fcc__crew_options options;
    _Atomic(fcc__co *) open;
    _Atomic unsigned turn; /* counts how often something was opened; written by the loop's thread alone */
    atomic_bool asleep;    /* the watcher waits to be woken, or there is none yet */
    atomic_bool ended;

    struct fcc__worker *runner; /* this and `detached` are the loop's */
    size_t detached;
    fcc__co_pool *loop_stack;
    fcc__co *loop;
    fcc__co_main main;
    void *arg;
    _Atomic clockid_t loop_clock; /* CPU time of the thread that runs the loop */
    unsigned alert;               /* ticks to go; the watcher's */

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t wake_watcher;
    pthread_cond_t wake_idle;
    struct fcc__worker *watcher;
    struct fcc__worker *workers; /* all threads but the first */
    size_t threads;
    size_t idle;
    struct fcc__worker first;
};

/* ---- the coroutine's side ---- */

static void wake(fcc__crew *crew);

struct fcc__worker *fcc__crew_runner(const fcc__crew *crew)
{
    return crew->runner;
}

fcc__place *fcc__worker_place(struct fcc__worker *worker)
{
    return &worker->native;
}

void fcc__crew_open(fcc__crew *crew, fcc__co *co)
{
    unsigned turn = atomic_load_explicit(&crew->turn, memory_order_relaxed);

    atomic_store_explicit(&crew->turn, turn + 1, memory_order_relaxed);
    atomic_store(&crew->open, co);
    if (atomic_load(&crew->asleep))
        wake(crew);
}

bool fcc__crew_close(fcc__crew *crew, fcc__co *co)
{
    fcc__co *expected = co;

    if (atomic_compare_exchange_strong(&crew->open, &expected, NULL))
        return true;
    co->worker->home = co;
    return false;
}

/* ---- threads ---- */

/* What the sanitizers need to know of a thread's own stack before something jumps to it. */
static void describe_thread(struct fcc__worker *w)
{
#ifdef WITH_ASAN
    pthread_attr_t attr;
    void *stack = NULL;

    FCC_REQUIRE(pthread_getattr_np(pthread_self(), &attr) == 0);
    FCC_REQUIRE(pthread_attr_getstack(&attr, &stack, &w->native.stack_bytes) == 0);
    w->native.stack = stack;
    pthread_attr_destroy(&attr);
#endif
#ifdef WITH_TSAN
    w->native.fiber = __tsan_get_current_fiber();
#endif
    (void)w;
}

static void work(struct fcc__worker *w);

static void *thread_main(void *arg)
{
    struct fcc__worker *w = arg;

    if (w->crew->options.thread_starts)
        w->crew->options.thread_starts(w->crew->options.ctx);
    describe_thread(w);
    work(w);
    return NULL;
}

/* With the lock. Signals are for the first thread, but those that tell of a fault come where it happens. */
static bool start_thread(fcc__crew *crew)
{
    static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS };
    struct fcc__worker *w;
    pthread_attr_t attr;
    sigset_t none, old;
    bool started;

    if (crew->threads >= crew->options.max_threads)
        return false;
    w = calloc(1, sizeof(*w));
    if (!w || pthread_attr_init(&attr) != 0) {
        free(w);
        return false;
    }
    w->crew = crew;
    sigfillset(&none);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
        sigdelset(&none, faults[i]);
    pthread_attr_setstacksize(&attr, WORKER_STACK_BYTES);
    pthread_sigmask(SIG_SETMASK, &none, &old);
    started = pthread_create(&w->thread, &attr, thread_main, w) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    if (!started) {
        free(w);
        return false;
    }
    w->next = crew->workers;
    crew->workers = w;
    crew->threads++;
    return true;
}

/* Something is open, and nobody watches: the first time, because there is no second thread yet. */
static void wake(fcc__crew *crew)
{
    pthread_mutex_lock(&crew->lock);
    if (atomic_load(&crew->asleep)) {
        atomic_store(&crew->asleep, false);
        if (crew->watcher)
            pthread_cond_signal(&crew->wake_watcher);
        else if (crew->idle)
            pthread_cond_signal(&crew->wake_idle);
        else if (!start_thread(crew))
            atomic_store(&crew->asleep, true);
    }
    pthread_mutex_unlock(&crew->lock);
}

/* ---- watching ---- */

/* Until something is opened. */
static void sleep_until_woken(fcc__crew *crew, unsigned turn)
{
    pthread_mutex_lock(&crew->lock);
    atomic_store(&crew->asleep, true);
    if (atomic_load(&crew->open) || atomic_load_explicit(&crew->turn, memory_order_relaxed) != turn)
        atomic_store(&crew->asleep, false);
    while (atomic_load(&crew->asleep) && !atomic_load(&crew->ended))
        pthread_cond_wait(&crew->wake_watcher, &crew->lock);
    atomic_store(&crew->asleep, false);
    pthread_mutex_unlock(&crew->lock);
}

/* Somebody else will watch when this worker takes the loop. */
static bool find_next_watcher(fcc__crew *crew)
{
    bool found = true;

    pthread_mutex_lock(&crew->lock);
    if (crew->idle == 0)
        found = start_thread(crew);
    pthread_mutex_unlock(&crew->lock);
    return found;
}

static int64_t now_us(clockid_t clock)
{
    struct timespec ts;

    if (clock_gettime(clock, &ts) != 0)
        return 0;
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* One that holds the loop: since when it was seen to. */
struct holder {
    fcc__co *co; /* NULL: nobody */
    unsigned turn;
    unsigned ticks;
    int64_t cpu_us; /* of the loop's thread */
    int64_t since_us;
};

/*
 * What holds the loop computes, or waits for something. A thread that only waits for a processor does neither: with no
 * processor free nothing is won by another thread.
 */
static bool holds_on(fcc__crew *crew, struct holder *h)
{
    int64_t cpu_us = now_us(atomic_load(&crew->loop_clock)) - h->cpu_us;

    return ++h->ticks >= BLOCKED_TICKS || cpu_us >= (int64_t)crew->options.tick_us / 4;
}

/* No thread can take over. */
static void tell_held(fcc__crew *crew, struct holder *h)
{
    int64_t now = now_us(CLOCK_MONOTONIC);

    if (!h->since_us)
        h->since_us = now;
    if (!crew->options.held || now - h->since_us < (int64_t)crew->options.held_ms * 1000)
        return;
    crew->options.held(crew->options.ctx, h->co->arg);
    h->since_us = now;
}

static void nap(fcc__crew *crew, const struct holder *h)
{
    unsigned ticks = h->co || crew->alert ? 1 : CALM_TICKS;
    uint64_t us = (uint64_t)crew->options.tick_us * ticks;
    struct timespec time = { .tv_sec = (time_t)(us / 1000000), .tv_nsec = (long)(us % 1000000) * 1000 };

    if (crew->alert)
        crew->alert--;
    nanosleep(&time, NULL);
}

/* Returns with the coroutine that held the loop, which is detached now; or NULL, at the end. */
static fcc__co *watch(fcc__crew *crew)
{
    struct holder h = { 0 };
    unsigned last_turn = 0, quiet = 0;

    while (!atomic_load(&crew->ended)) {
        fcc__co *co;
        unsigned turn;

        nap(crew, &h);
        turn = atomic_load_explicit(&crew->turn, memory_order_relaxed);
        co = atomic_load(&crew->open);
        if (!co || co != h.co || turn != h.turn) {
            h = (struct holder){ .co = co, .turn = turn };
            if (co)
                h.cpu_us = now_us(atomic_load(&crew->loop_clock));
        } else if (holds_on(crew, &h)) {
            if (!find_next_watcher(crew)) {
                tell_held(crew, &h);
            } else if (atomic_compare_exchange_strong(&crew->open, &co, NULL)) {
                crew->alert = ALERT_TICKS;
                return h.co;
            }
        }
        quiet = co || turn != last_turn ? 0 : quiet + 1;
        if (quiet >= QUIET_LOOKS) {
            sleep_until_woken(crew, turn);
            quiet = 0;
        }
        last_turn = turn;
    }
    return NULL;
}

/* ---- working ---- */

/* On the loop, for a coroutine that wants to attach. */
static void came_home(void *arg)
{
    fcc__co *co = arg;

    FCC_REQUIRE(co->state == FCC__CO_DETACHED);
    co->state = FCC__CO_SUSPENDED;
    co->pool->crew->detached--;
    co->back(co->arg);
}

/* The thread is on its own stack again: what it ran came home, or the loop has ended. */
static void returned(struct fcc__worker *w)
{
    fcc__crew *crew = w->crew;
    fcc__co *co = w->home;

    fcc__co_forget_current();
    if (co) {
        w->home = NULL;
        crew->options.post(crew->options.ctx, came_home, co);
        return;
    }
    pthread_mutex_lock(&crew->lock);
    atomic_store(&crew->ended, true);
    pthread_cond_broadcast(&crew->wake_idle);
    pthread_cond_broadcast(&crew->wake_watcher);
    pthread_mutex_unlock(&crew->lock);
}

/* On this worker's thread. */
static void run_loop_on(fcc__crew *crew, struct fcc__worker *w)
{
    clockid_t clock = CLOCK_MONOTONIC; /* without the other, time counts as if it had been computed through */

    (void)pthread_getcpuclockid(pthread_self(), &clock);
    atomic_store(&crew->loop_clock, clock);
    crew->runner = w;
}

/* Go on with the loop where it waits for `co`. */
static void take_over(struct fcc__worker *w, fcc__co *co)
{
    fcc__crew *crew = w->crew;

    pthread_mutex_lock(&crew->lock);
    crew->watcher = NULL;
    if (crew->idle)
        pthread_cond_signal(&crew->wake_idle);
    pthread_mutex_unlock(&crew->lock);
    co->state = FCC__CO_DETACHED;
    crew->detached++;
    run_loop_on(crew, w);
    fcc__jump(&w->native, &co->caller, false);
    fcc__arrived(&w->native, NULL);
}

/* Watch in turn with the others, until the end. */
static void work(struct fcc__worker *w)
{
    fcc__crew *crew = w->crew;

    for (;;) {
        fcc__co *co;

        pthread_mutex_lock(&crew->lock);
        crew->idle++;
        while (crew->watcher && !atomic_load(&crew->ended))
            pthread_cond_wait(&crew->wake_idle, &crew->lock);
        crew->idle--;
        if (atomic_load(&crew->ended)) {
            pthread_mutex_unlock(&crew->lock);
            return;
        }
        crew->watcher = w;
        pthread_mutex_unlock(&crew->lock);
        co = watch(crew);
        if (!co)
            return;
        take_over(w, co);
        returned(w);
    }
}

/* The loop's coroutine. It is left for whichever thread it is on by then. */
static void loop_main(void *arg)
{
    fcc__crew *crew = arg;

    crew->main(crew->arg);
    FCC_REQUIRE(crew->detached == 0);
    crew->loop->state = FCC__CO_FINISHED;
    fcc__jump(&crew->loop->self, &crew->runner->native, true);
    abort();
}

/* ---- life ---- */

fcc__crew *fcc__crew_new(const fcc__crew_options *options)
{
    fcc__crew *crew = calloc(1, sizeof(*crew));

    if (!crew)
        return NULL;
    FCC_REQUIRE(options->post);
    crew->options = *options;
    if (!crew->options.max_threads)
        crew->options.max_threads = FCC__CREW_THREADS;
    if (!crew->options.tick_us)
        crew->options.tick_us = FCC__CREW_TICK_US;
    crew->loop_stack = fcc__co_pool_new(LOOP_STACK_BYTES, 0);
    crew->loop = crew->loop_stack ? fcc__co_new(crew->loop_stack, loop_main, crew) : NULL;
    if (!crew->loop) {
        fcc__co_pool_free(crew->loop_stack);
        free(crew);
        return NULL;
    }
    pthread_mutex_init(&crew->lock, NULL);
    pthread_cond_init(&crew->wake_watcher, NULL);
    pthread_cond_init(&crew->wake_idle, NULL);
    atomic_init(&crew->asleep, true);
    crew->threads = 1;
    crew->first.crew = crew;
    return crew;
}

void fcc__crew_run(fcc__crew *crew, fcc__co_main main, void *arg)
{
    struct fcc__worker *w = &crew->first;

    crew->main = main;
    crew->arg = arg;
    run_loop_on(crew, w);
    crew->loop->state = FCC__CO_RUNNING;
    describe_thread(w);
    fcc__jump(&w->native, &crew->loop->self, false);
    fcc__arrived(&w->native, NULL);
    returned(w);
    work(w);
    for (w = crew->workers; w; w = w->next)
        pthread_join(w->thread, NULL);
}

void fcc__crew_free(fcc__crew *crew)
{
    if (!crew)
        return;
    fcc__co_free(crew->loop);
    fcc__co_pool_free(crew->loop_stack);
    while (crew->workers) {
        struct fcc__worker *w = crew->workers;

        crew->workers = w->next;
        free(w);
    }
    pthread_cond_destroy(&crew->wake_idle);
    pthread_cond_destroy(&crew->wake_watcher);
    pthread_mutex_destroy(&crew->lock);
    free(crew);
}

size_t fcc__crew_detached(const fcc__crew *crew)
{
    return crew->detached;
}
