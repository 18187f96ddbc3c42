/*
 * loop.c: one completion queue and who waits on it: delivery of events, timers, tasks of other threads, signals.
 *
 * The order of one turn is what makes the loop fast. As long as the queue has events they are delivered; what they
 * send is only queued. When the queue is empty the idle task runs, and then everything that was queued is written.
 */
#include "rpc/internal.h"

#include "base/log.h"

#include <grpc/support/log.h>
#include <malloc.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

struct rpc__post {
    struct rpc__post *next;
    rpc_task task;
    void *ctx;
};

struct rpc_timer {
    rpc_loop *loop;
    int64_t due;
    uint64_t serial; /* equal times fire in the order of their start */
    size_t index;    /* in the heap; NOT_IN_HEAP while its task runs */
    rpc_task task;
    void *ctx;
};

#define NOT_IN_HEAP SIZE_MAX

enum { MAX_SIGNALS = 8 };

/* Events of a burst between looks at the clock, which costs as much as little work does. A flush starts anew. */
enum { CLOCK_EVERY = 32 };

/* Turns of rpc_loop_poll after its time, for what was ready by then. */
enum { MAX_LATE = 4096 };

struct rpc__signals {
    rpc_loop *loop;
    pthread_t thread;
    int fd;      /* signalfd over `set` */
    int wake_fd; /* eventfd that ends the thread */
    sigset_t set;
    size_t count;
    struct {
        int number;
        rpc_task task;
        void *ctx;
    } entries[MAX_SIGNALS];
};

const char *rpc_code_name(rpc_code code)
{
    static const char *const names[] = {
        "OK",        "CANCELLED",       "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
        "NOT_FOUND", "ALREADY_EXISTS",  "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
        "ABORTED",   "OUT_OF_RANGE",    "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
        "DATA_LOSS", "UNAUTHENTICATED",
    };

    return (size_t)code < sizeof(names) / sizeof(names[0]) ? names[code] : "UNKNOWN";
}

int64_t rpc__now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

gpr_timespec rpc__deadline(int64_t at_ms)
{
    gpr_timespec ts;

    if (at_ms == RPC__FOREVER)
        return gpr_inf_future(GPR_CLOCK_MONOTONIC);
    ts = gpr_time_from_millis(at_ms, GPR_TIMESPAN);
    ts.clock_type = GPR_CLOCK_MONOTONIC;
    return ts;
}

/* gRPC's own messages matter to who debugs gRPC; what failed is told by our statuses, but for these two. */
static void log_of_grpc(gpr_log_func_args *args)
{
    if (args->severity == GPR_LOG_SEVERITY_INFO)
        rpc__heard_of_connection(args->message);
    if (args->severity != GPR_LOG_SEVERITY_ERROR)
        return;
    fcc__log(FCC__DEBUG, "grpc: %s", args->message);
    rpc__heard_of_handshake(args->message);
    rpc__heard_of_goaway(args->message);
}

/* ---- timers ---- */

static bool earlier(const rpc_timer *a, const rpc_timer *b)
{
    return a->due != b->due ? a->due < b->due : a->serial < b->serial;
}

static void heap_place(rpc_loop *loop, size_t i, rpc_timer *t)
{
    loop->timers[i] = t;
    t->index = i;
}

static void heap_up(rpc_loop *loop, size_t i, rpc_timer *t)
{
    while (i > 0 && earlier(t, loop->timers[(i - 1) / 2])) {
        heap_place(loop, i, loop->timers[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    heap_place(loop, i, t);
}

static void heap_down(rpc_loop *loop, size_t i, rpc_timer *t)
{
    for (;;) {
        size_t child = 2 * i + 1;

        if (child >= loop->timer_count)
            break;
        if (child + 1 < loop->timer_count && earlier(loop->timers[child + 1], loop->timers[child]))
            child++;
        if (!earlier(loop->timers[child], t))
            break;
        heap_place(loop, i, loop->timers[child]);
        i = child;
    }
    heap_place(loop, i, t);
}

static void heap_remove(rpc_loop *loop, rpc_timer *t)
{
    size_t i = t->index;
    rpc_timer *last = loop->timers[--loop->timer_count];

    t->index = NOT_IN_HEAP;
    if (last == t)
        return;
    if (earlier(last, t))
        heap_up(loop, i, last);
    else
        heap_down(loop, i, last);
}

rpc_timer *rpc_timer_start(rpc_loop *loop, int64_t ms, rpc_task task, void *ctx)
{
    rpc_timer *t;

    FCC_REQUIRE(loop && loop->magic == RPC__LOOP_MAGIC && task);
    if (loop->timer_count == loop->timer_cap) {
        size_t cap = loop->timer_cap ? 2 * loop->timer_cap : 16;
        rpc_timer **more = realloc(loop->timers, cap * sizeof(*more));

        if (!more)
            return NULL;
        loop->timers = more;
        loop->timer_cap = cap;
    }
    t = malloc(sizeof(*t));
    if (!t)
        return NULL;
    *t = (rpc_timer){ .loop = loop, .due = rpc__now_ms() + (ms > 0 ? ms : 0), .task = task, .ctx = ctx };
    t->serial = loop->timer_serial++;
    heap_up(loop, loop->timer_count++, t);
    return t;
}

void rpc_timer_cancel(rpc_timer *timer)
{
    if (!timer || timer->index == NOT_IN_HEAP) /* its task runs now and frees it */
        return;
    heap_remove(timer->loop, timer);
    free(timer);
}

static void run_task(rpc_loop *loop, rpc_task task, void *ctx)
{
    loop->in_callback = true;
    task(ctx);
    loop->in_callback = false;
}

/* Those due at the start of this turn; a task that starts a timer of 0 ms must not keep the queue waiting. */
static bool run_timers(rpc_loop *loop)
{
    int64_t now = rpc__now_ms();
    uint64_t serial = loop->timer_serial;
    bool ran = false;

    while (loop->timer_count && loop->timers[0]->due <= now && loop->timers[0]->serial < serial) {
        rpc_timer *t = loop->timers[0];

        heap_remove(loop, t);
        loop->busy = ran = true;
        run_task(loop, t->task, t->ctx);
        free(t);
    }
    return ran;
}

/* ---- tasks of other threads ---- */

void rpc_post(rpc_loop *loop, rpc_task task, void *ctx)
{
    struct rpc__post *post = malloc(sizeof(*post));

    FCC_REQUIRE(post && loop && loop->magic == RPC__LOOP_MAGIC && task);
    *post = (struct rpc__post){ .task = task, .ctx = ctx };
    pthread_mutex_lock(&loop->lock);
    *loop->posts_end = post;
    loop->posts_end = &post->next;
    if (!loop->posted) {
        loop->posted = true;
        FCC_REQUIRE(grpc_call_start_batch(loop->wake_call, NULL, 0, &loop->post_tag, NULL) == GRPC_CALL_OK);
    }
    pthread_mutex_unlock(&loop->lock);
}

static struct rpc__post *take_posts(rpc_loop *loop)
{
    struct rpc__post *posts;

    pthread_mutex_lock(&loop->lock);
    posts = loop->posts;
    loop->posts = NULL;
    loop->posts_end = &loop->posts;
    loop->posted = false;
    pthread_mutex_unlock(&loop->lock);
    return posts;
}

static void posts_done(void *owner, bool ok)
{
    rpc_loop *loop = owner;
    struct rpc__post *posts = take_posts(loop);

    (void)ok;
    while (posts) {
        struct rpc__post *next = posts->next;

        run_task(loop, posts->task, posts->ctx);
        free(posts);
        posts = next;
    }
}

/* ---- signals ---- */

static void *signal_thread(void *arg)
{
    struct rpc__signals *s = arg;
    struct pollfd fds[2] = { { .fd = s->fd, .events = POLLIN }, { .fd = s->wake_fd, .events = POLLIN } };

    for (;;) {
        struct signalfd_siginfo info;

        if (poll(fds, 2, -1) < 0)
            continue;
        if (fds[1].revents)
            return NULL;
        if (!(fds[0].revents & POLLIN) || read(s->fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
            continue;
        for (size_t i = 0; i < s->count; i++)
            if (s->entries[i].number == (int)info.ssi_signo)
                rpc_post(s->loop, s->entries[i].task, s->entries[i].ctx);
    }
}

static void signals_end(rpc_loop *loop)
{
    struct rpc__signals *s = loop->signals;
    uint64_t one = 1;

    if (!s)
        return;
    if (s->count) {
        while (write(s->wake_fd, &one, sizeof(one)) < 0)
            ;
        pthread_join(s->thread, NULL);
    }
    if (s->fd >= 0)
        close(s->fd);
    if (s->wake_fd >= 0)
        close(s->wake_fd);
    free(s);
    loop->signals = NULL;
}

/* The thread is ended and started again, so that it never reads entries that change. */
fcc_status rpc_on_signal(rpc_loop *loop, int signal_number, rpc_task task, void *ctx)
{
    struct rpc__signals *s = loop->signals;
    sigset_t all, old;
    uint64_t count;
    int failed;

    FCC_REQUIRE(loop->magic == RPC__LOOP_MAGIC && task);
    if (!s) {
        s = calloc(1, sizeof(*s));
        if (!s)
            return FCC_ERR_NOMEM;
        loop->signals = s;
        s->loop = loop;
        sigemptyset(&s->set);
        s->fd = signalfd(-1, &s->set, SFD_CLOEXEC);
        s->wake_fd = eventfd(0, EFD_CLOEXEC);
        if (s->fd < 0 || s->wake_fd < 0)
            return FCC_ERR_IO;
    }
    if (s->count == MAX_SIGNALS)
        return FCC_ERR_LIMIT;
    if (s->count) {
        uint64_t one = 1;

        while (write(s->wake_fd, &one, sizeof(one)) < 0)
            ;
        pthread_join(s->thread, NULL);
        while (read(s->wake_fd, &count, sizeof(count)) < 0)
            ;
    }
    sigaddset(&s->set, signal_number);
    pthread_sigmask(SIG_BLOCK, &s->set, NULL);
    if (signalfd(s->fd, &s->set, SFD_CLOEXEC) < 0)
        return FCC_ERR_IO;
    s->entries[s->count].number = signal_number;
    s->entries[s->count].task = task;
    s->entries[s->count].ctx = ctx;
    s->count++;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    failed = pthread_create(&s->thread, NULL, signal_thread, s);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (failed) {
        s->count = 0;
        return FCC_ERR_NOMEM;
    }
    return FCC_OK;
}

/* ---- the loop ---- */

/*
 * glibc gives the end of the heap back at 128 KB, and takes it again for the next few messages: page faults for nothing.
 * call.c trims after large ones, which it can in the main heap only: threads get none of their own.
 */
static void keep_some_heap(void)
{
#ifdef __GLIBC__
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_TRIM_THRESHOLD, 32 * 1024 * 1024);
    mallopt(M_MMAP_THRESHOLD, 4 * 1024 * 1024);
#endif
}

/*
 * Debian builds Abseil, whose mutexes gRPC uses, with its search for deadlocks on: a twentieth of the CPU time of a small
 * transaction. It can be turned off, but only through its C++ name; where that is another one, nothing happens.
 */
void set_deadlock_search(int mode) __asm__("_ZN4absl7debian329SetMutexDeadlockDetectionModeENS0_15OnDeadlockCycleE")
    __attribute__((weak));

static void stop_deadlock_search(void)
{
    enum { IGNORE = 0 };

    if (set_deadlock_search)
        set_deadlock_search(IGNORE);
}

/*
 * gRPC 1.51 can read in pieces of 64 KB, as many as it thinks will come: after large messages a connection keeps several
 * megabytes for that. Without, it reads in one piece, which RPC__READ_PIECE limits.
 */
static void read_in_one_piece(void)
{
    setenv("GRPC_EXPERIMENTS", "-tcp_read_chunks", 0);
}

fcc_status rpc_loop_new(rpc_loop **out, fcc_error *error)
{
    rpc_loop *loop = calloc(1, sizeof(*loop));
    sigset_t all, old;

    if (!loop)
        return fcc_error_set(error, FCC_ERR_NOMEM, "no memory for the event loop");
    loop->magic = RPC__LOOP_MAGIC;
    loop->processors = sysconf(_SC_NPROCESSORS_ONLN);
    loop->dirty_end = &loop->dirty;
    loop->ready_end = &loop->ready;
    loop->ended_end = &loop->ended;
    loop->posts_end = &loop->posts;
    loop->post_tag = rpc__tag_of(posts_done, loop);
    pthread_mutex_init(&loop->lock, NULL);
    keep_some_heap();
    stop_deadlock_search();
    read_in_one_piece();
    gpr_set_log_function(log_of_grpc);
    /* gRPC's threads must not take the signals that rpc_on_signal will wait for */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    grpc_init();
    loop->cq = grpc_completion_queue_create_for_next(NULL);
    loop->wake_channel = grpc_lame_client_channel_create(NULL, GRPC_STATUS_UNAVAILABLE, "no server");
    loop->wake_call = grpc_channel_create_call(loop->wake_channel, NULL, GRPC_PROPAGATE_DEFAULTS, loop->cq,
                                               grpc_slice_from_static_string("/"), NULL, rpc__deadline(RPC__FOREVER),
                                               NULL);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    *out = loop;
    return FCC_OK;
}

static void drain_queue(rpc_loop *loop)
{
    grpc_event ev;

    grpc_completion_queue_shutdown(loop->cq);
    do
        ev = grpc_completion_queue_next(loop->cq, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
    while (ev.type != GRPC_QUEUE_SHUTDOWN);
    grpc_completion_queue_destroy(loop->cq);
}

void rpc_loop_free(rpc_loop *loop)
{
    struct rpc__post *posts;

    if (!loop)
        return;
    FCC_REQUIRE(loop->magic == RPC__LOOP_MAGIC && !loop->in_callback);
    signals_end(loop);
    loop->idle_task = NULL;
    while (loop->servers)
        rpc_server_free(loop->servers);
    for (rpc_call *call = loop->calls; call; call = call->next)
        rpc_cancel(call);
    while (loop->calls)
        rpc__turn(loop, RPC__FOREVER);
    while (loop->channels)
        rpc_channel_free(loop->channels);
    while (loop->timer_count)
        rpc_timer_cancel(loop->timers[loop->timer_count - 1]);
    free(loop->timers);
    posts = take_posts(loop);
    while (posts) {
        struct rpc__post *next = posts->next;

        free(posts);
        posts = next;
    }
    grpc_call_unref(loop->wake_call);
    grpc_channel_destroy(loop->wake_channel);
    drain_queue(loop);
    grpc_shutdown_blocking();
    pthread_mutex_destroy(&loop->lock);
    loop->magic = 0;
    free(loop);
}

/* Calls that become dirty or ready meanwhile wait for the next round. What is read for takes longer: all is sent first. */
static void flush(rpc_loop *loop)
{
    rpc_call *first = loop->dirty, *next;

    loop->unflushed = 0;
    loop->dirty = NULL;
    loop->dirty_end = &loop->dirty;
    for (rpc_call *call = first; call; call = call->next_dirty)
        rpc__call_flush(call);
    for (rpc_call *call = first; call; call = next) {
        next = call->next_dirty;
        call->is_dirty = false;
        call->next_dirty = NULL;
        rpc__call_read(call);
    }
}

void rpc_flush(rpc_loop *loop)
{
    FCC_REQUIRE(loop && loop->magic == RPC__LOOP_MAGIC);
    flush(loop);
}

static void deliver_ready(rpc_loop *loop)
{
    rpc_call *call = loop->ready;

    loop->ready = call->next_ready;
    if (!loop->ready)
        loop->ready_end = &loop->ready;
    call->is_ready = false;
    call->next_ready = NULL;
    loop->busy = true;
    rpc__call_ready(call);
}

/*
 * Most operations end when they are started: what is sent under the hint is taken at once, what is read is there already.
 * gRPC can keep one such event for the thread instead of putting it into its queue, which is made for many threads: up to
 * a tenth of the CPU time of a small transaction. Nothing in between may go on on another thread.
 */
void rpc__start(rpc_loop *loop, grpc_call *call, const grpc_op *ops, size_t count, rpc__tag *tag)
{
    void *ended = NULL;
    int ok = 0;

    grpc_completion_queue_thread_local_cache_init(loop->cq);
    FCC_REQUIRE(grpc_call_start_batch(call, ops, count, tag, NULL) == GRPC_CALL_OK);
    if (!grpc_completion_queue_thread_local_cache_flush(loop->cq, &ended, &ok))
        return;
    tag = ended; /* perhaps another one's, which has ended meanwhile */
    FCC_REQUIRE(tag && tag->magic == RPC__TAG_MAGIC);
    tag->next = NULL;
    tag->ok = ok != 0;
    *loop->ended_end = tag;
    loop->ended_end = &tag->next;
}

static rpc__tag *take_ended(rpc_loop *loop)
{
    rpc__tag *tag = loop->ended;

    loop->ended = tag->next;
    if (!loop->ended)
        loop->ended_end = &loop->ended;
    return tag;
}

static void deliver(rpc_loop *loop, rpc__tag *tag, bool ok)
{
    FCC_REQUIRE(tag && tag->magic == RPC__TAG_MAGIC);
    loop->busy = true;
    tag->done(tag->owner, ok);
    if (++loop->unflushed >= RPC__FLUSH_EVERY)
        flush(loop);
}

static int64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* What comes while the loop doesn't sleep yet. Who else wants the processor gets it. */
static grpc_event watch(rpc_loop *loop, int64_t until_ms)
{
    int64_t end = now_ns() + loop->watch_ns;
    grpc_event ev;

    if (until_ms < end / 1000000)
        end = until_ms * 1000000;
    for (;;) {
        ev = grpc_completion_queue_next(loop->cq, gpr_inf_past(GPR_CLOCK_MONOTONIC), NULL);
        if (ev.type == GRPC_OP_COMPLETE || now_ns() >= end)
            return ev;
        sched_yield();
    }
}

bool rpc__turn(rpc_loop *loop, int64_t until_ms)
{
    grpc_event ev = { .type = GRPC_QUEUE_TIMEOUT };
    bool work, idle;
    gpr_timespec deadline;

    /* whoever turns the loop may wait for just this: come back before sleeping */
    if (loop->timer_count && loop->unflushed % CLOCK_EVERY == 0 && run_timers(loop))
        return true;
    if (loop->ready) {
        deliver_ready(loop);
        return true;
    }
    if (loop->ended) {
        rpc__tag *tag = take_ended(loop);

        deliver(loop, tag, tag->ok);
        return true;
    }
    idle = loop->busy && loop->idle_task;
    work = idle || loop->dirty;
    if (loop->timer_count && loop->timers[0]->due < until_ms)
        until_ms = loop->timers[0]->due;
    if (work || loop->stop) {
        deadline = gpr_inf_past(GPR_CLOCK_MONOTONIC);
    } else {
        deadline = rpc__deadline(until_ms);
        loop->waits++;
        if (loop->watch_ns > 0)
            ev = watch(loop, until_ms);
    }
    if (ev.type != GRPC_OP_COMPLETE)
        ev = grpc_completion_queue_next(loop->cq, deadline, NULL);
    if (ev.type == GRPC_OP_COMPLETE) {
        deliver(loop, ev.tag, ev.success != 0);
        return true;
    }
    FCC_REQUIRE(ev.type == GRPC_QUEUE_TIMEOUT);
    loop->waits++;
    if (idle) {
        loop->busy = false;
        run_task(loop, loop->idle_task, loop->idle_ctx);
    }
    flush(loop);
    return false;
}

void rpc_loop_run(rpc_loop *loop)
{
    FCC_REQUIRE(loop && loop->magic == RPC__LOOP_MAGIC && !loop->in_callback);
    while (!loop->stop)
        rpc__turn(loop, RPC__FOREVER);
    flush(loop);
    loop->stop = false;
}

void rpc_loop_poll(rpc_loop *loop, int timeout_ms)
{
    int64_t until;
    unsigned late = 0;
    bool more;

    FCC_REQUIRE(loop && loop->magic == RPC__LOOP_MAGIC && !loop->in_callback);
    until = rpc__now_ms() + (timeout_ms > 0 ? timeout_ms : 0);
    do {
        more = rpc__turn(loop, until) || loop->dirty || loop->ready || loop->ended;
        if (rpc__now_ms() < until)
            more = true;
        else if (++late > MAX_LATE)
            more = false;
    } while (more && !loop->stop);
    loop->stop = false;
}

void rpc_loop_stop(rpc_loop *loop)
{
    FCC_REQUIRE(loop && loop->magic == RPC__LOOP_MAGIC);
    loop->stop = true;
}

void rpc_watch(rpc_loop *loop, unsigned microseconds)
{
    FCC_REQUIRE(loop && loop->magic == RPC__LOOP_MAGIC);
    loop->watch_ns = loop->processors > 1 ? (int64_t)microseconds * 1000 : 0;
}

uint64_t rpc_loop_waits(const rpc_loop *loop)
{
    FCC_REQUIRE(loop && loop->magic == RPC__LOOP_MAGIC);
    return loop->waits;
}

void rpc_on_idle(rpc_loop *loop, rpc_task task, void *ctx)
{
    FCC_REQUIRE(loop && loop->magic == RPC__LOOP_MAGIC);
    loop->idle_task = task;
    loop->idle_ctx = ctx;
}
