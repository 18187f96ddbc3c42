/* Budgets: a transaction that takes too long is answered, and its handler ends; and handlers that are detached. */
#include "test/unit/shim/core/peer.h"

#include "exec/crew.h"

#include <pthread.h>
#include <stdatomic.h>

/* ---- handlers ---- */

static fcc_status seen_status;
static char seen_text[256];
static atomic_bool go;
static atomic_int computing;

static fcc_status get_twice(fcc_stub *stub, fcc_args args)
{
    fcc_bytes value;

    seen_status = fcc_get_state(stub, args.v[0], &value);
    snprintf(seen_text, sizeof(seen_text), FCC_FMT, FCC_ARG(fcc_error_text(stub)));
    if (seen_status != FCC_OK && fcc_get_state(stub, args.v[0], &value) != seen_status)
        seen_status = FCC_ERR_INTERNAL;
    return fcc_reply(stub, seen_status == FCC_OK ? value : FCC_LIT("none"));
}

/* Computes until it is told to go on, then asks the peer. */
static fcc_status compute(fcc_stub *stub, fcc_args args)
{
    fcc_bytes value;

    atomic_fetch_add(&computing, 1);
    while (!atomic_load(&go))
        ;
    atomic_fetch_sub(&computing, 1);
    seen_status = fcc_get_state(stub, args.v[0], &value);
    return seen_status == FCC_OK ? fcc_reply(stub, value) : seen_status;
}

static const fcc_function functions[] = { { "get", get_twice, 1 }, { "compute", compute, 1 } };
static const fcc_chaincode chaincode = { functions, 2, NULL, NULL, NULL };

static void expect_error(struct peer *p, const char *tx_id, const char *text)
{
    Protos__ChaincodeMessage *m = peer_take_type(p, TYPE(ERROR));

    assert_text(fcc__of_pb(m->txid), tx_id);
    assert_text(fcc__of_pb(m->channel_id), "ch");
    assert_text(fcc__of_pb(m->payload), text);
}

/* ---- waiting for the peer ---- */

static void a_transaction_that_waits_for_too_long_is_answered_and_its_calls_fail(void **state)
{
    struct peer p;

    peer_open(&p, &chaincode, (fcc__session_options){ 0 });
    peer_ready(&p, NONE);
    peer_call(&p, "tx1", "get", "a");
    peer_take_type(&p, TYPE(GET_STATE));
    fcc__session_tick(p.session, 2, 500);
    fcc__session_tick(p.session, 2, 500);
    assert_false(peer_has(&p));
    peer_call(&p, "tx2", "get", "b");
    peer_take_type(&p, TYPE(GET_STATE));
    fcc__session_tick(p.session, 2, 500);
    expect_error(&p, "tx1", "E-TIME-01 function get of transaction tx1 exceeded its budget of 500 ms");
    assert_int_equal(p.overdue, 1);
    assert_int_equal(seen_status, FCC_ERR_TIMEOUT);
    assert_string_equal(seen_text, "[tx1] error sending GET_STATE: the budget of the transaction is used up");
    assert_false(peer_has(&p));
    assert_int_equal(fcc__session_running(p.session), 1);

    peer_respond(&p, "tx2", FCC_LIT("B"));
    peer_expect(&p, "tx2", 200, "", "B");
    assert_int_equal(p.held, 0);
    peer_close(&p);
}

static void the_answer_that_comes_too_late_is_dropped_and_the_next_one_is_an_error(void **state)
{
    struct peer p;

    peer_open(&p, &chaincode, (fcc__session_options){ 0 });
    peer_ready(&p, NONE);
    peer_call(&p, "tx1", "get", "a");
    peer_take_type(&p, TYPE(GET_STATE));
    fcc__session_tick(p.session, 0, 1);
    expect_error(&p, "tx1", "E-TIME-01 function get of transaction tx1 exceeded its budget of 1 ms");
    peer_respond(&p, "tx1", FCC_LIT("late"));
    assert_false(peer_has(&p));
    assert_string_equal(p.closed, "");
    peer_respond(&p, "tx1", FCC_LIT("later"));
    peer_take_type(&p, TYPE(ERROR));
    assert_string_equal(p.closed, "error handling message: [tx1] responseChannel does not exist");
    peer_close(&p);
}

static void many_late_answers_are_remembered_up_to_a_limit(void **state)
{
    enum { N = 1500 };
    struct peer p;
    char id[16];

    peer_open(&p, &chaincode, (fcc__session_options){ 0 });
    peer_ready(&p, NONE);
    for (int i = 0; i < N; i++) {
        snprintf(id, sizeof(id), "tx%d", i);
        peer_call(&p, id, "get", "a");
        fcc__session_tick(p.session, 0, 1);
    }
    assert_int_equal(p.overdue, N);
    assert_int_equal(fcc__session_running(p.session), 0);
    peer_respond(&p, id, NONE);
    assert_string_equal(p.closed, "");
    peer_close(&p);
}

static void a_session_that_drains_does_not_wait_for_an_answered_transaction(void **state)
{
    struct peer p;

    peer_open(&p, &chaincode, (fcc__session_options){ 0 });
    peer_ready(&p, NONE);
    peer_call(&p, "tx1", "get", "a");
    fcc__session_drain(p.session);
    assert_int_equal(p.drained, 0);
    fcc__session_tick(p.session, 0, 1);
    assert_int_equal(p.drained, 1);
    peer_close(&p);
}

/* ---- computing: with a crew, whose loop is the test's own steps ---- */

struct crew_peer {
    struct peer peer;
    fcc__crew *crew;
    pthread_mutex_t lock;
    pthread_cond_t more;
    void (*tasks[16])(void *);
    void *args[16];
    size_t count;
    void (*steps)(struct crew_peer *);
};

static void post(void *ctx, fcc__co_main task, void *arg)
{
    struct crew_peer *c = ctx;

    pthread_mutex_lock(&c->lock);
    c->tasks[c->count] = task;
    c->args[c->count++] = arg;
    pthread_cond_signal(&c->more);
    pthread_mutex_unlock(&c->lock);
}

/* Run one task of those that come home. */
static void wait_for_task(struct crew_peer *c)
{
    fcc__co_main task;
    void *arg;

    pthread_mutex_lock(&c->lock);
    while (c->count == 0)
        pthread_cond_wait(&c->more, &c->lock);
    task = c->tasks[0];
    arg = c->args[0];
    c->count--;
    memmove(&c->tasks[0], &c->tasks[1], c->count * sizeof(c->tasks[0]));
    memmove(&c->args[0], &c->args[1], c->count * sizeof(c->args[0]));
    pthread_mutex_unlock(&c->lock);
    task(arg);
}

/* Any handler may be detached on a busy machine: go on when only `left` are. */
static void settle(struct crew_peer *c, size_t left)
{
    while (fcc__crew_detached(c->crew) > left)
        wait_for_task(c);
}

static void with_crew(void *arg)
{
    struct crew_peer *c = arg;

    peer_open(&c->peer, &chaincode, (fcc__session_options){ 0 });
    fcc__co_pool_set_crew(c->peer.stacks, c->crew);
    peer_ready(&c->peer, NONE);
    c->steps(c);
}

static void run_with_crew(void (*steps)(struct crew_peer *))
{
    struct crew_peer *c = calloc(1, sizeof(*c));
    fcc__crew_options options = { .post = post, .ctx = c };

    atomic_store(&go, false);
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->more, NULL);
    c->steps = steps;
    c->crew = fcc__crew_new(&options);
    assert_non_null(c->crew);
    fcc__crew_run(c->crew, with_crew, c);
    fcc__crew_free(c->crew);
    pthread_cond_destroy(&c->more);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

static void others_steps(struct crew_peer *c)
{
    struct peer *p = &c->peer;

    peer_call(p, "tx1", "compute", "a"); /* comes back because another thread has taken the loop over */
    assert_int_equal(fcc__crew_detached(c->crew), 1);
    peer_call(p, "tx2", "get", "b");
    settle(c, 1);
    peer_take_type(p, TYPE(GET_STATE));
    peer_respond(p, "tx2", FCC_LIT("B"));
    settle(c, 1);
    peer_expect(p, "tx2", 200, "", "B");
    atomic_store(&go, true);
    settle(c, 0);
    peer_take_type(p, TYPE(GET_STATE));
    peer_respond(p, "tx1", FCC_LIT("A"));
    settle(c, 0);
    peer_expect(p, "tx1", 200, "", "A");
    peer_close(p);
}

static void while_one_computes_others_run_and_it_goes_on_afterwards(void **state)
{
    run_with_crew(others_steps);
}

static void overdue_steps(struct crew_peer *c)
{
    struct peer *p = &c->peer;

    peer_call(p, "tx1", "compute", "a");
    fcc__session_tick(p->session, 0, 7);
    expect_error(p, "tx1", "E-TIME-01 function compute of transaction tx1 exceeded its budget of 7 ms");
    assert_int_equal(p->overdue, 1);
    fcc__session_drain(p->session);
    assert_int_equal(p->drained, 1); /* nobody waits for it */
    fcc__session_tick(p->session, 0, 7);
    assert_int_equal(p->held, 0);
    fcc__session_tick(p->session, 0, 7);
    fcc__session_tick(p->session, 0, 7);
    assert_int_equal(p->held, 1);
    atomic_store(&go, true);
    settle(c, 0);
    assert_int_equal(seen_status, FCC_ERR_TIMEOUT);
    assert_false(peer_has(p));
    assert_int_equal(p->drained, 1);
    peer_close(p);
}

static void one_that_computes_for_too_long_is_answered_and_told_of_again(void **state)
{
    run_with_crew(overdue_steps);
}

static void orphan_steps(struct crew_peer *c)
{
    struct peer *p = &c->peer;
    fcc__co_pool *stacks = p->stacks;

    peer_call(p, "tx1", "compute", "a");
    peer_call(p, "tx2", "compute", "b");
    fcc__session_free(p->session);
    atomic_store(&go, true);
    settle(c, 0);
    assert_int_equal(seen_status, FCC_ERR_IO);
    assert_int_equal(fcc__co_pool_active(stacks), 0);
    assert_false(peer_has(p));
    fcc__co_pool_free(stacks);
    fcc__arena_free(p->arena);
}

static void a_session_outlives_its_stream_until_its_handlers_have_ended(void **state)
{
    run_with_crew(orphan_steps);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_transaction_that_waits_for_too_long_is_answered_and_its_calls_fail),
        cmocka_unit_test(the_answer_that_comes_too_late_is_dropped_and_the_next_one_is_an_error),
        cmocka_unit_test(many_late_answers_are_remembered_up_to_a_limit),
        cmocka_unit_test(a_session_that_drains_does_not_wait_for_an_answered_transaction),
        cmocka_unit_test(while_one_computes_others_run_and_it_goes_on_afterwards),
        cmocka_unit_test(one_that_computes_for_too_long_is_answered_and_told_of_again),
        cmocka_unit_test(a_session_outlives_its_stream_until_its_handlers_have_ended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
