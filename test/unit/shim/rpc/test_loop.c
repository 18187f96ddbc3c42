/* The loop itself: its end, timers, tasks of other threads, signals, idleness. */
#include "test/unit/shim/rpc/fixture.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

static void freeing_the_loop_ends_what_still_runs(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    rpc_channel *channel;
    struct client c = { 0 };
    fcc_error error;
    rpc_call *call;

    assert_int_equal(rpc_loop_new(&f->loop, &error), FCC_OK);
    serve(f, NULL);
    channel = connect_to(f, NULL);
    assert_int_equal(rpc_open(channel, hold_path, -1, false, &client_events, &c, &call), FCC_OK);
    rpc_send(call, FCC_LIT("x"));
    while (!f->held)
        rpc_loop_poll(f->loop, 5);
    rpc_timer_start(f->loop, 1000000, set_flag, NULL);
    rpc_loop_free(f->loop);
    assert_true(c.closed);
    assert_true(f->held_closed);
    free(f);
}

struct order {
    rpc_loop *loop;
    char text[16];
};

static struct order order;

static void add(void *ctx)
{
    strcat(order.text, ctx);
}

static void stop(void *ctx)
{
    rpc_loop_stop(ctx);
}

static int64_t milliseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/*
 * A timer's time counts from its start: where the machine was elsewhere in between, another order is the right one, and it
 * is tried anew.
 */
static void timers_run_in_the_order_of_their_times(void **state)
{
    struct fixture *f = *state;
    rpc_timer *never, *all[5];
    int64_t begun;

    order = (struct order){ .loop = f->loop };
    for (;;) {
        begun = milliseconds();
        all[0] = rpc_timer_start(f->loop, 30, add, "d");
        all[1] = rpc_timer_start(f->loop, 10, add, "b");
        never = rpc_timer_start(f->loop, 15, add, "x");
        all[2] = rpc_timer_start(f->loop, 10, add, "c");
        all[3] = rpc_timer_start(f->loop, 0, add, "a");
        all[4] = rpc_timer_start(f->loop, 60, stop, f->loop);
        rpc_timer_cancel(never);
        rpc_timer_cancel(NULL);
        if (milliseconds() - begun < 5) /* two of them are 10 ms apart */
            break;
        for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
            rpc_timer_cancel(all[i]);
    }
    rpc_loop_run(f->loop);
    assert_string_equal(order.text, "abcd");
}

static void many_timers_can_be_cancelled(void **state)
{
    struct fixture *f = *state;
    rpc_timer *timers[200];

    order = (struct order){ .loop = f->loop };
    for (int i = 0; i < 200; i++)
        timers[i] = rpc_timer_start(f->loop, (i * 37) % 50, add, i == 77 ? "y" : "x");
    for (int i = 0; i < 200; i++)
        if (i != 77)
            rpc_timer_cancel(timers[i]);
    for (int i = 0; i < 100 && !order.text[0]; i++)
        rpc_loop_poll(f->loop, 60);
    assert_string_equal(order.text, "y");
}

struct posting {
    rpc_loop *loop;
    size_t ran;
};

static void count_post(void *ctx)
{
    struct posting *p = ctx;

    if (++p->ran == 4000)
        rpc_loop_stop(p->loop);
}

static void *post_many(void *ctx)
{
    struct posting *p = ctx;

    for (int i = 0; i < 1000; i++)
        rpc_post(p->loop, count_post, p);
    return NULL;
}

static void tasks_of_other_threads_run_on_the_loop(void **state)
{
    struct fixture *f = *state;
    struct posting p = { .loop = f->loop };
    pthread_t threads[4];

    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, post_many, &p), 0);
    rpc_loop_run(f->loop);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(p.ran, 4000);
}

static void *post_later(void *ctx)
{
    struct posting *p = ctx;
    const struct timespec pause = { 0, 20 * 1000 * 1000 };

    nanosleep(&pause, NULL);
    rpc_post(p->loop, count_post, p);
    return NULL;
}

/* Neither a timer nor who posts has to wait until it would have slept. */
static void a_loop_that_watches_misses_nothing(void **state)
{
    struct fixture *f = *state;
    struct posting p = { .loop = f->loop, .ran = 3999 };
    const time_t began = time(NULL);
    bool ran = false;
    pthread_t thread;

    rpc_watch(f->loop, 3600U * 1000 * 1000);
    assert_non_null(rpc_timer_start(f->loop, 20, set_flag, &ran));
    while (!ran)
        rpc_loop_poll(f->loop, 5);
    assert_int_equal(pthread_create(&thread, NULL, post_later, &p), 0);
    rpc_loop_run(f->loop);
    pthread_join(thread, NULL);
    assert_int_equal(p.ran, 4000);
    assert_true(time(NULL) - began < 60);
    rpc_watch(f->loop, 0);
}

static void a_signal_becomes_a_task(void **state)
{
    struct fixture *f = *state;
    bool first = false, second = false;

    assert_int_equal(rpc_on_signal(f->loop, SIGUSR1, set_flag, &first), FCC_OK);
    assert_int_equal(rpc_on_signal(f->loop, SIGUSR2, set_flag, &second), FCC_OK);
    kill(getpid(), SIGUSR1);
    wait_for(f->loop, &first);
    assert_false(second);
    kill(getpid(), SIGUSR2);
    wait_for(f->loop, &second);
}

static void count_idle(void *ctx)
{
    ++*(int *)ctx;
}

static void the_idle_task_runs_once_the_queue_is_empty(void **state)
{
    struct fixture *f = *state;
    rpc_channel *channel = connect_to(f, NULL);
    int idle = 0;
    rpc_reply reply;

    rpc_on_idle(f->loop, count_idle, &idle);
    assert_int_equal(rpc_unary(channel, reverse_path, FCC_LIT("x"), 10000, &reply), FCC_OK);
    rpc_reply_clear(&reply);
    assert_true(idle > 0);
    rpc_on_idle(f->loop, NULL, NULL);
    idle = 0;
    assert_int_equal(rpc_unary(channel, reverse_path, FCC_LIT("x"), 10000, &reply), FCC_OK);
    rpc_reply_clear(&reply);
    assert_int_equal(idle, 0);
    rpc_channel_free(channel);
}

static void codes_have_names(void **state)
{
    assert_string_equal(rpc_code_name(RPC_UNAVAILABLE), "UNAVAILABLE");
    assert_string_equal(rpc_code_name(RPC_UNAUTHENTICATED), "UNAUTHENTICATED");
    assert_string_equal(rpc_code_name((rpc_code)99), "UNKNOWN");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(freeing_the_loop_ends_what_still_runs),
        cmocka_unit_test_setup_teardown(timers_run_in_the_order_of_their_times, setup, teardown),
        cmocka_unit_test_setup_teardown(many_timers_can_be_cancelled, setup, teardown),
        cmocka_unit_test_setup_teardown(tasks_of_other_threads_run_on_the_loop, setup, teardown),
        cmocka_unit_test_setup_teardown(a_loop_that_watches_misses_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_signal_becomes_a_task, setup, teardown),
        cmocka_unit_test_setup_teardown(the_idle_task_runs_once_the_queue_is_empty, setup_plain, teardown),
        cmocka_unit_test(codes_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
