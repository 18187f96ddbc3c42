/* The conversation: registering, states, what ends it, and transactions side by side. */
#include "peer.h"

static fcc_status echo(fcc_stub *stub, fcc_args args)
{
    return fcc_reply(stub, args.n ? args.v[0] : NONE);
}

static fcc_status get(fcc_stub *stub, fcc_args args)
{
    fcc_bytes value;
    fcc_status st = fcc_get_state(stub, args.v[0], &value);

    return st == FCC_OK ? fcc_reply(stub, value) : st;
}

/* Answers how often a call failed with FCC_ERR_IO, which only the closing test reads. */
static unsigned io_failures;

static fcc_status get_twice(fcc_stub *stub, fcc_args args)
{
    fcc_bytes value;

    for (unsigned i = 0; i < 2; i++)
        if (fcc_get_state(stub, args.v[0], &value) == FCC_ERR_IO)
            io_failures++;
    return FCC_OK;
}

static fcc_status init(fcc_stub *stub, fcc_args args)
{
    int32_t status = args.n > 1 ? atoi((const char *)args.v[1].data) : 200;
    fcc_status st = fcc_set_event(stub, FCC_LIT("started"), FCC_LIT("now"));

    return st == FCC_OK ? fcc_reply_status(stub, status, FCC_LIT("why"), FCC_LIT("what")) : st;
}

static const fcc_function functions[] = {
    { "echo", echo, FCC_ANY_ARGS },
    { "get", get, 1 },
    { "get_twice", get_twice, 1 },
};
static const fcc_chaincode chaincode = { functions, 3, init, NULL, NULL };

static void open_ready(struct peer *p)
{
    peer_open(p, &chaincode, (fcc__session_options){ 0 });
    peer_ready(p, NONE);
}

static void it_registers_with_the_package_id_before_anything_is_said(void **state)
{
    struct peer p;
    Protos__ChaincodeMessage *m;
    Protos__ChaincodeID *id;

    peer_open(&p, &chaincode, (fcc__session_options){ 0 });
    m = peer_take_type(&p, TYPE(REGISTER));
    PEER_PAYLOAD(&p, protos__chaincode_id, m, &id);
    assert_text(fcc__of_pb(id->name), "cc:0123");
    assert_bytes(p.sent_wire[0], FCC_LIT("\x08\x01\x1a\x09\x12\x07"
                                         "cc:0123"));
    peer_close(&p);
}

static void an_empty_package_id_is_refused(void **state)
{
    static const fcc__session_events events = { .send = peer_on_send, .close = peer_on_close };
    fcc__co_pool *stacks = fcc__co_pool_new(0, 0);
    fcc__session_options options = { .stacks = stacks };
    fcc__session *session;

    assert_int_equal(fcc__session_new(&chaincode, NONE, &options, &events, NULL, &session), FCC_ERR_ARG);
    assert_int_equal(fcc__session_new(&chaincode, FCC_LIT("\xff"), &options, &events, NULL, &session), FCC_ERR_ARG);
    fcc__co_pool_free(stacks);
}

static void a_transaction_is_answered_with_its_ids(void **state)
{
    struct peer p;

    open_ready(&p);
    peer_call(&p, "tx1", "echo", "hello");
    assert_bytes(p.sent_wire[1], FCC_LIT("\x08\x06\x1a\x0a\x08\xc8\x01\x1a\x05hello\x22\x03tx1\x3a\x02"
                                         "ch"));
    peer_expect(&p, "tx1", 200, "", "hello");
    assert_int_equal(fcc__session_running(p.session), 0);
    peer_close(&p);
}

/* Say `type` in the state that `ready` and `established` make; expect ERROR with this text and the end. */
static void expect_refused(unsigned states, Protos__ChaincodeMessage__Type type, const char *text)
{
    struct peer p;
    Protos__ChaincodeMessage *m;
    char reason[512];

    peer_open(&p, &chaincode, (fcc__session_options){ 0 });
    peer_take(&p);
    if (states > 0)
        peer_say_type(&p, TYPE(REGISTERED), "", NONE);
    if (states > 1)
        peer_say_type(&p, TYPE(READY), "", NONE);
    peer_say_type(&p, type, "tx1", NONE);
    m = peer_take_type(&p, TYPE(ERROR));
    assert_text(fcc__of_pb(m->payload), text);
    assert_text(fcc__of_pb(m->txid), "tx1");
    assert_int_equal(m->channel_id.len, 0);
    snprintf(reason, sizeof(reason), "error handling message: %s", text);
    assert_string_equal(p.closed, reason);
    peer_call(&p, "tx2", "echo", "too late");
    assert_false(peer_has(&p));
    peer_close(&p);
}

static void a_message_that_does_not_fit_the_state_is_answered_with_error_and_the_end(void **state)
{
    expect_refused(0, TYPE(READY), "[tx1] Chaincode h cannot handle message (READY) while in state: created");
    expect_refused(0, TYPE(TRANSACTION),
                   "[tx1] Chaincode h cannot handle message (TRANSACTION) while in state: created");
    expect_refused(1, TYPE(REGISTERED),
                   "[tx1] Chaincode h cannot handle message (REGISTERED) while in state: established");
    expect_refused(2, TYPE(REGISTERED), "[tx1] Chaincode h cannot handle message (REGISTERED) while in state: ready");
    expect_refused(2, TYPE(READY), "[tx1] Chaincode h cannot handle message (READY) while in state: ready");
    expect_refused(2, TYPE(GET_STATE), "[tx1] Chaincode h cannot handle message (GET_STATE) while in state: ready");
    expect_refused(2, (Protos__ChaincodeMessage__Type)12,
                   "[tx1] Chaincode h cannot handle message (12) while in state: ready");
    expect_refused(2, TYPE(RESPONSE), "[tx1] responseChannel does not exist");
    expect_refused(2, TYPE(ERROR), "[tx1] responseChannel does not exist");
}

static void bytes_that_are_no_message_end_the_stream_without_an_answer(void **state)
{
    struct peer p;

    open_ready(&p);
    fcc__session_receive(p.session, FCC_LIT("\x1a\x7f"));
    assert_false(peer_has(&p));
    assert_memory_equal(p.closed, "receive failed: 2 bytes", 23);
    peer_close(&p);
}

static void a_transaction_id_that_is_not_utf8_ends_the_stream(void **state)
{
    struct peer p;

    open_ready(&p);
    fcc__session_receive(p.session, FCC_LIT("\x08\x05\x22\x01\xff"));
    assert_false(peer_has(&p));
    assert_memory_equal(p.closed, "receive failed", 14);
    peer_close(&p);
}

static void keepalive_comes_straight_back_in_every_state(void **state)
{
    const fcc_bytes wire = FCC_LIT("\x08\x12\x1a\x02hi");
    struct peer p;

    peer_open(&p, &chaincode, (fcc__session_options){ 0 });
    peer_take(&p);
    for (unsigned i = 0; i < 3; i++) {
        fcc__session_receive(p.session, wire);
        peer_take_type(&p, TYPE(KEEPALIVE));
        assert_bytes(p.sent_wire[p.taken - 1], wire);
        if (i < 2)
            peer_say_type(&p, i ? TYPE(READY) : TYPE(REGISTERED), "", NONE);
    }
    peer_call(&p, "tx1", "echo", "x");
    peer_expect(&p, "tx1", 200, "", "x");
    peer_close(&p);
}

static void an_offer_that_cannot_be_read_is_no_offer(void **state)
{
    struct peer p;

    peer_open(&p, &chaincode, (fcc__session_options){ 0 });
    peer_ready(&p, FCC_LIT("\x08"));
    peer_call(&p, "tx1", "echo", "x");
    peer_expect(&p, "tx1", 200, "", "x");
    peer_close(&p);
}

static void init_below_500_completes_and_from_500_on_is_an_error_with_the_event(void **state)
{
    struct peer p;
    Protos__ChaincodeMessage *m;

    open_ready(&p);
    peer_say_type(&p, TYPE(INIT), "tx1", peer_input(&p, (const char *const[]){ "init", "499", NULL }));
    assert_text(fcc__of_pb(p.sent[p.taken]->chaincode_event->event_name), "started");
    peer_expect(&p, "tx1", 499, "why", "what");
    peer_say_type(&p, TYPE(INIT), "tx2", peer_input(&p, (const char *const[]){ "init", "500", NULL }));
    m = peer_take_type(&p, TYPE(ERROR));
    assert_text(fcc__of_pb(m->payload), "why");
    assert_text(fcc__of_pb(m->channel_id), "ch");
    assert_text(fcc__of_pb(m->chaincode_event->event_name), "started");
    assert_text(fcc__of_pb(m->chaincode_event->payload), "now");
    assert_string_equal(p.closed, "");
    peer_close(&p);
}

static void init_without_a_handler_answers_200(void **state)
{
    static const fcc_chaincode bare = { functions, 3, NULL, NULL, NULL };
    struct peer p;

    peer_open(&p, &bare, (fcc__session_options){ 0 });
    peer_ready(&p, NONE);
    peer_say_type(&p, TYPE(INIT), "tx1", peer_input(&p, (const char *const[]){ NULL }));
    peer_expect(&p, "tx1", 200, "", "");
    peer_close(&p);
}

static void a_thousand_transactions_wait_side_by_side_and_get_their_own_answers(void **state)
{
    enum { N = 1000 };
    struct peer p;
    char tx[16], value[16];

    open_ready(&p);
    for (int i = 0; i < N; i++) {
        snprintf(tx, sizeof(tx), "tx%d", i);
        peer_call(&p, tx, "get", tx);
        peer_take_type(&p, TYPE(GET_STATE));
    }
    assert_int_equal(fcc__session_running(p.session), N);
    for (int i = N - 1; i >= 0; i--) {
        snprintf(tx, sizeof(tx), "tx%d", i);
        snprintf(value, sizeof(value), "value%d", i);
        peer_respond(&p, tx, fcc_str(value));
        peer_expect(&p, tx, 200, "", value);
    }
    assert_int_equal(fcc__session_running(p.session), 0);
    peer_close(&p);
}

static void channel_and_id_are_a_pair_and_not_glued_together(void **state)
{
    Protos__ChaincodeMessage m = PROTOS__CHAINCODE_MESSAGE__INIT;
    struct peer p;

    open_ready(&p);
    peer_call(&p, "atx", "get", "k"); /* channel "ch" */
    peer_take_type(&p, TYPE(GET_STATE));
    m.type = TYPE(TRANSACTION);
    m.channel_id = fcc__pb(FCC_LIT("cha"));
    m.txid = fcc__pb(FCC_LIT("tx"));
    m.payload = fcc__pb(peer_input(&p, (const char *const[]){ "get", "k", NULL }));
    peer_say(&p, &m);
    peer_take_type(&p, TYPE(GET_STATE));
    peer_respond(&p, "atx", FCC_LIT("first"));
    peer_expect(&p, "atx", 200, "", "first");
    assert_int_equal(fcc__session_running(p.session), 1);
    peer_close(&p);
}

static void a_second_transaction_of_the_same_id_cannot_ask_the_peer(void **state)
{
    struct peer p;

    open_ready(&p);
    peer_call(&p, "tx1", "get", "k");
    peer_take_type(&p, TYPE(GET_STATE));
    peer_call(&p, "tx1", "get", "k");
    peer_expect(&p, "tx1", 500, "[tx1] error sending GET_STATE: [chtx1] channel exists", "");
    peer_respond(&p, "tx1", FCC_LIT("v"));
    peer_expect(&p, "tx1", 200, "", "v");
    peer_close(&p);
}

static void a_closed_stream_ends_every_waiting_handler(void **state)
{
    struct peer p;

    open_ready(&p);
    io_failures = 0;
    peer_call(&p, "tx1", "get_twice", "k");
    peer_call(&p, "tx2", "get_twice", "k");
    peer_take_type(&p, TYPE(GET_STATE));
    peer_take_type(&p, TYPE(GET_STATE));
    fcc__session_closed(p.session);
    assert_int_equal(io_failures, 4);
    assert_int_equal(fcc__session_running(p.session), 0);
    assert_false(peer_has(&p));
    assert_string_equal(p.closed, "");
    peer_close(&p);
}

static void freeing_a_session_ends_its_waiting_handlers(void **state)
{
    struct peer p;

    open_ready(&p);
    io_failures = 0;
    peer_call(&p, "tx1", "get_twice", "k");
    peer_close(&p);
    assert_int_equal(io_failures, 2);
}

static void draining_lets_transactions_end_and_refuses_new_ones(void **state)
{
    struct peer p;
    Protos__ChaincodeMessage *m;

    open_ready(&p);
    peer_call(&p, "tx1", "get", "k");
    peer_take_type(&p, TYPE(GET_STATE));
    fcc__session_drain(p.session);
    assert_int_equal(p.drained, 0);
    peer_call(&p, "tx2", "echo", "x");
    m = peer_take_type(&p, TYPE(ERROR));
    assert_text(fcc__of_pb(m->payload), "E-DRAIN-01 the chaincode is shutting down: retry on another endorser");
    assert_text(fcc__of_pb(m->txid), "tx2");
    assert_int_equal(p.turned_away[FCC__AWAY_DRAIN], 1);
    peer_respond(&p, "tx1", FCC_LIT("v"));
    peer_expect(&p, "tx1", 200, "", "v");
    assert_int_equal(p.drained, 1);
    peer_close(&p);
}

static void draining_an_idle_session_is_done_at_once(void **state)
{
    struct peer p;

    open_ready(&p);
    fcc__session_drain(p.session);
    fcc__session_drain(p.session);
    assert_int_equal(p.drained, 1);
    peer_close(&p);
}

static void more_transactions_than_one_peer_may_have_are_turned_away(void **state)
{
    const char refused[] = "E-STREAM-05 2 transactions of this peer run: retry on another endorser";
    struct peer p;
    Protos__ChaincodeMessage *m;

    peer_open(&p, &chaincode, (fcc__session_options){ .max_running = 2 });
    peer_ready(&p, NONE);
    for (int i = 0; i < 2; i++) {
        peer_call(&p, i ? "tx2" : "tx1", "get", "k");
        peer_take_type(&p, TYPE(GET_STATE));
    }
    peer_call(&p, "tx3", "get", "k");
    m = peer_take_type(&p, TYPE(ERROR));
    assert_text(fcc__of_pb(m->payload), refused);
    assert_text(fcc__of_pb(m->txid), "tx3");
    assert_int_equal(p.turned_away[FCC__AWAY_LIMIT], 1);
    peer_respond(&p, "tx1", FCC_LIT("v"));
    peer_expect(&p, "tx1", 200, "", "v");
    peer_call(&p, "tx3", "get", "k");
    peer_take_type(&p, TYPE(GET_STATE));
    peer_close(&p);
}

/* What one peer has taken up must not be missing to the others. */
static void a_peer_with_few_transactions_may_begin_more_where_another_has_taken_all(void **state)
{
    enum { ALL = FCC__FAIR_RUNNING + 2 };
    fcc__session_options options = { .max_stacks = ALL };
    struct peer greedy, modest;
    char tx[16];

    peer_open(&greedy, &chaincode, options);
    peer_ready(&greedy, NONE);
    for (int i = 0; i < ALL; i++) {
        snprintf(tx, sizeof(tx), "tx%d", i);
        peer_call(&greedy, tx, "get", "k");
        peer_take_type(&greedy, TYPE(GET_STATE));
    }
    peer_call(&greedy, "more", "get", "k");
    peer_take_type(&greedy, TYPE(ERROR));
    peer_open_beside(&modest, &greedy, &chaincode, options);
    peer_ready(&modest, NONE);
    peer_call(&modest, "tx1", "get", "k");
    peer_take_type(&modest, TYPE(GET_STATE));
    peer_respond(&modest, "tx1", FCC_LIT("v"));
    peer_expect(&modest, "tx1", 200, "", "v");
    peer_close(&modest);
    peer_close(&greedy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_registers_with_the_package_id_before_anything_is_said),
        cmocka_unit_test(an_empty_package_id_is_refused),
        cmocka_unit_test(a_transaction_is_answered_with_its_ids),
        cmocka_unit_test(a_message_that_does_not_fit_the_state_is_answered_with_error_and_the_end),
        cmocka_unit_test(bytes_that_are_no_message_end_the_stream_without_an_answer),
        cmocka_unit_test(a_transaction_id_that_is_not_utf8_ends_the_stream),
        cmocka_unit_test(keepalive_comes_straight_back_in_every_state),
        cmocka_unit_test(an_offer_that_cannot_be_read_is_no_offer),
        cmocka_unit_test(init_below_500_completes_and_from_500_on_is_an_error_with_the_event),
        cmocka_unit_test(init_without_a_handler_answers_200),
        cmocka_unit_test(a_thousand_transactions_wait_side_by_side_and_get_their_own_answers),
        cmocka_unit_test(channel_and_id_are_a_pair_and_not_glued_together),
        cmocka_unit_test(a_second_transaction_of_the_same_id_cannot_ask_the_peer),
        cmocka_unit_test(a_closed_stream_ends_every_waiting_handler),
        cmocka_unit_test(freeing_a_session_ends_its_waiting_handlers),
        cmocka_unit_test(draining_lets_transactions_end_and_refuses_new_ones),
        cmocka_unit_test(draining_an_idle_session_is_done_at_once),
        cmocka_unit_test(more_transactions_than_one_peer_may_have_are_turned_away),
        cmocka_unit_test(a_peer_with_few_transactions_may_begin_more_where_another_has_taken_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
