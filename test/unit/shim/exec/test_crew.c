/* A crew: a loop goes on while one of its coroutines computes, and coroutines come home to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "exec/crew.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

/* ---- a loop: tasks in the order in which they came ---- */

struct task {
    struct task *next;
    fcc__co_main run;
    void *arg;
};

struct loop {
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct task *first, **end;
    fcc__crew *crew;
    fcc__co_pool *pool;
    size_t left; /* coroutines that have not ended: the loop's own, without a lock */
    unsigned turns;
    atomic_uint held;
};

static void post(void *ctx, fcc__co_main run, void *arg)
{
    struct loop *loop = ctx;
    struct task *task = malloc(sizeof(*task));

    *task = (struct task){ .run = run, .arg = arg };
    pthread_mutex_lock(&loop->lock);
    *loop->end = task;
    loop->end = &task->next;
    pthread_cond_signal(&loop->more);
    pthread_mutex_unlock(&loop->lock);
}

static void loop_main(void *arg)
{
    struct loop *loop = arg;

    while (loop->left) {
        struct task *task;

        pthread_mutex_lock(&loop->lock);
        while (!loop->first)
            pthread_cond_wait(&loop->more, &loop->lock);
        task = loop->first;
        loop->first = task->next;
        if (!loop->first)
            loop->end = &loop->first;
        pthread_mutex_unlock(&loop->lock);
        task->run(task->arg);
        free(task);
        loop->turns++;
    }
}

static void count_held(void *ctx, void *arg)
{
    struct loop *loop = ctx;

    assert_non_null(arg);
    atomic_fetch_add(&loop->held, 1);
}

static void set_up(struct loop *loop, size_t max_threads)
{
    fcc__crew_options options = { .max_threads = max_threads, .post = post, .held = count_held, .ctx = loop };

    memset(loop, 0, sizeof(*loop));
    pthread_mutex_init(&loop->lock, NULL);
    pthread_cond_init(&loop->more, NULL);
    loop->end = &loop->first;
    loop->crew = fcc__crew_new(&options);
    loop->pool = fcc__co_pool_new(0, 8);
    assert_non_null(loop->crew);
    assert_non_null(loop->pool);
    fcc__co_pool_set_crew(loop->pool, loop->crew);
}

static void tear_down(struct loop *loop)
{
    assert_null(loop->first);
    assert_int_equal(fcc__crew_detached(loop->crew), 0);
    fcc__co_pool_free(loop->pool);
    fcc__crew_free(loop->crew);
    pthread_cond_destroy(&loop->more);
    pthread_mutex_destroy(&loop->lock);
}

/* ---- coroutines on it ---- */

struct job {
    struct loop *loop;
    fcc__co *co;
    struct job *other;
    atomic_bool *flag;
    unsigned id, steps, detached;
    uint64_t sum;
};

static void go_on(void *arg)
{
    struct job *job = arg;
    struct loop *loop = job->loop;

    fcc__co_resume(job->co);
    if (fcc__co_detached(job->co)) {
        job->detached++;
    } else if (fcc__co_finished(job->co)) {
        fcc__co_free(job->co);
        loop->left--;
    } else {
        post(loop, go_on, job);
    }
}

static void add(struct loop *loop, struct job *job, fcc__co_main main)
{
    job->loop = loop;
    job->co = fcc__co_new(loop->pool, main, job);
    assert_non_null(job->co);
    loop->left++;
    post(loop, go_on, job);
}

/* Computes until another one has run. */
static void wait_for_flag(void *arg)
{
    struct job *job = arg;
    volatile double local = 1.5;

    fcc__co_detachable(job->co, go_on);
    while (!atomic_load(job->flag))
        ;
    fcc__co_attach(job->co);
    job->loop->turns += 100; /* the loop's, not locked */
    assert_true(local == 1.5);
    fcc__co_yield(job->co);
    job->steps++;
}

/* The same without computing. */
static void sleep_until_flag(void *arg)
{
    const struct timespec moment = { .tv_nsec = 1000000 };
    struct job *job = arg;

    fcc__co_detachable(job->co, go_on);
    while (!atomic_load(job->flag))
        nanosleep(&moment, NULL);
    fcc__co_attach(job->co);
    job->steps++;
}

static void set_flag(void *arg)
{
    struct job *job = arg;

    fcc__co_detachable(job->co, go_on);
    atomic_store(job->flag, true);
    fcc__co_attach(job->co);
}

static void the_loop_goes_on_while_a_coroutine_computes(void **state)
{
    atomic_bool flag = false;
    struct job waits = { .flag = &flag }, sets = { .flag = &flag };
    struct loop loop;

    set_up(&loop, 0);
    add(&loop, &waits, wait_for_flag);
    add(&loop, &sets, set_flag);
    fcc__crew_run(loop.crew, loop_main, &loop);
    assert_int_equal(waits.detached, 1);
    assert_int_equal(waits.steps, 1);
    assert_true(loop.turns > 100);
    tear_down(&loop);
}

static void the_loop_goes_on_while_a_coroutine_waits_for_something_else(void **state)
{
    atomic_bool flag = false;
    struct job waits = { .flag = &flag }, sets = { .flag = &flag };
    struct loop loop;

    set_up(&loop, 0);
    add(&loop, &waits, sleep_until_flag);
    add(&loop, &sets, set_flag);
    fcc__crew_run(loop.crew, loop_main, &loop);
    assert_int_equal(waits.detached, 1);
    assert_int_equal(waits.steps, 1);
    tear_down(&loop);
}

static void several_that_compute_at_once_each_keep_a_thread(void **state)
{
    enum { N = 8 };
    atomic_bool flag = false;
    struct job waits[N] = { 0 }, sets = { .flag = &flag };
    struct loop loop;

    set_up(&loop, 0);
    for (size_t i = 0; i < N; i++) {
        waits[i].flag = &flag;
        add(&loop, &waits[i], wait_for_flag);
    }
    add(&loop, &sets, set_flag);
    fcc__crew_run(loop.crew, loop_main, &loop);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(waits[i].steps, 1);
    tear_down(&loop);
}

/* Computes until it is told that nobody takes over. */
static void wait_until_held(void *arg)
{
    struct job *job = arg;

    fcc__co_detachable(job->co, go_on);
    while (!atomic_load(&job->loop->held))
        ;
    fcc__co_attach(job->co);
}

static void without_a_thread_left_it_is_told_that_the_loop_is_held(void **state)
{
    struct job job = { 0 };
    struct loop loop;

    set_up(&loop, 2);
    add(&loop, &job, wait_until_held);
    fcc__crew_run(loop.crew, loop_main, &loop);
    assert_int_equal(job.detached, 0);
    tear_down(&loop);
}

static uint64_t compute(uint64_t seed, unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++)
        seed = seed * 6364136223846793005u + 1442695040888963407u;
    return seed;
}

/* Some steps are short, some last longer than a tick; in between it works on what is the loop's. */
static void mixed(void *arg)
{
    enum { STEPS = 20 };
    struct job *job = arg;

    for (unsigned i = 0; i < STEPS; i++) {
        unsigned kept = i;

        fcc__co_detachable(job->co, go_on);
        job->sum += compute(job->id + i, (job->id * 7 + i) % 13 == 0 ? 600000 : 50);
        fcc__co_attach(job->co);
        job->loop->turns++;
        if ((job->id + i) % 3)
            fcc__co_yield(job->co);
        job->loop->turns--;
        assert_int_equal(kept, i);
        job->steps++;
    }
}

static void hundreds_come_and_go_and_the_loop_is_one_threads_at_a_time(void **state)
{
    enum { N = 200 };
    struct job *jobs = calloc(N, sizeof(*jobs));
    struct loop loop;

    set_up(&loop, 6);
    for (unsigned i = 0; i < N; i++) {
        jobs[i].id = i;
        add(&loop, &jobs[i], mixed);
    }
    fcc__crew_run(loop.crew, loop_main, &loop);
    for (unsigned i = 0; i < N; i++)
        assert_int_equal(jobs[i].steps, 20);
    tear_down(&loop);
    free(jobs);
}

static void nothing(void *arg)
{
}

static void a_crew_that_had_nothing_to_do_ends_at_once(void **state)
{
    struct loop loop;

    set_up(&loop, 0);
    fcc__crew_run(loop.crew, nothing, NULL);
    tear_down(&loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_loop_goes_on_while_a_coroutine_computes),
        cmocka_unit_test(the_loop_goes_on_while_a_coroutine_waits_for_something_else),
        cmocka_unit_test(several_that_compute_at_once_each_keep_a_thread),
        cmocka_unit_test(without_a_thread_left_it_is_told_that_the_loop_is_held),
        cmocka_unit_test(hundreds_come_and_go_and_the_loop_is_one_threads_at_a_time),
        cmocka_unit_test(a_crew_that_had_nothing_to_do_ends_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
