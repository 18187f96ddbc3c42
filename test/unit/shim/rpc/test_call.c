/* The life of a call: cancelled, finished, paused, held up by who does not read, refused, out of time. */
#include "test/unit/shim/rpc/fixture.h"

/* The client's end of a call whose other end, `f->held`, has begun and does nothing by itself. */
static rpc_call *held_call(struct fixture *f, rpc_channel *channel, struct client *c)
{
    rpc_call *call;

    assert_int_equal(rpc_open(channel, hold_path, -1, false, &client_events, c, &call), FCC_OK);
    rpc_send(call, FCC_LIT("hold"));
    while (!f->held)
        rpc_loop_poll(f->loop, 5);
    return call;
}

static void a_client_cancels_and_the_server_learns_it(void **state)
{
    struct fixture *f = *state;
    rpc_channel *channel = connect_to(f, NULL);
    struct client c = { 0 };
    rpc_call *call = held_call(f, channel, &c);

    rpc_cancel(call);
    wait_for(f->loop, &c.closed);
    assert_int_equal(c.code, RPC_CANCELLED);
    wait_for(f->loop, &f->held_closed);
    assert_int_equal(f->held_code, RPC_CANCELLED);
    rpc_channel_free(channel);
}

static void a_client_cancels_before_anything_was_sent(void **state)
{
    struct fixture *f = *state;
    rpc_channel *channel = connect_to(f, NULL);
    struct client c = { 0 };
    rpc_call *call;

    assert_int_equal(rpc_open(channel, hold_path, -1, false, &client_events, &c, &call), FCC_OK);
    rpc_cancel(call);
    rpc_send(call, FCC_LIT("dropped"));
    assert_false(c.closed);
    wait_for(f->loop, &c.closed);
    assert_int_equal(c.code, RPC_CANCELLED);
    rpc_channel_free(channel);
}

static void a_client_cancels_from_its_own_callback(void **state)
{
    struct fixture *f = *state;
    rpc_channel *channel = connect_to(f, NULL);
    struct client c = { .cancel_after = 3 };
    rpc_call *call;

    assert_int_equal(rpc_open(channel, echo_path, -1, false, &client_events, &c, &call), FCC_OK);
    for (int i = 0; i < 10; i++)
        rpc_send(call, FCC_LIT("x"));
    wait_for(f->loop, &c.closed);
    assert_int_equal(c.code, RPC_CANCELLED);
    assert_int_equal(c.messages, 3);
    rpc_channel_free(channel);
}

static void a_server_cancels_and_the_client_learns_it(void **state)
{
    struct fixture *f = *state;
    rpc_channel *channel = connect_to(f, NULL);
    struct client c = { 0 };

    held_call(f, channel, &c);
    rpc_cancel(f->held);
    wait_for(f->loop, &c.closed);
    assert_int_equal(c.code, RPC_CANCELLED);
    wait_for(f->loop, &f->held_closed);
    rpc_channel_free(channel);
}

static void what_was_queued_is_written_before_the_finish(void **state)
{
    struct fixture *f = *state;
    rpc_channel *channel = connect_to(f, NULL);
    struct client c = { .in_order = true };

    held_call(f, channel, &c);
    for (uint32_t i = 0; i < 500; i++)
        rpc_send(f->held, fcc_bytes_of(&i, 4));
    rpc_finish(f->held, RPC_UNAVAILABLE, FCC_LIT("going"), FCC_LIT(""));
    rpc_send(f->held, FCC_LIT("after the end"));
    wait_for(f->loop, &c.closed);
    assert_int_equal(c.code, RPC_UNAVAILABLE);
    assert_string_equal(c.text, "going");
    assert_int_equal(c.messages, 500);
    assert_true(c.in_order);
    assert_int_equal(f->held_code, f->held_closed ? RPC_UNAVAILABLE : 0);
    rpc_channel_free(channel);
}

/* Nobody wants what has come meanwhile. */
static void a_paused_call_that_is_finished_is_over(void **state)
{
    struct fixture *f = *state;
    rpc_channel *channel = connect_to(f, NULL);
    struct client c = { 0 };
    rpc_call *call = held_call(f, channel, &c);

    rpc_pause(f->held);
    rpc_send(call, FCC_LIT("too late"));
    rpc_loop_poll(f->loop, 50);
    rpc_finish(f->held, RPC_UNAVAILABLE, FCC_LIT("going"), FCC_LIT(""));
    wait_for(f->loop, &c.closed);
    assert_int_equal(c.code, RPC_UNAVAILABLE);
    wait_for(f->loop, &f->held_closed);
    assert_int_equal(f->held_code, RPC_UNAVAILABLE);
    rpc_channel_free(channel);
}

static void a_paused_call_reads_on_when_resumed(void **state)
{
    struct fixture *f = *state;
    rpc_channel *channel = connect_to(f, NULL);
    struct client c = { .in_order = true };
    rpc_call *call;

    assert_int_equal(rpc_open(channel, echo_path, -1, false, &client_events, &c, &call), FCC_OK);
    rpc_pause(call);
    for (uint32_t i = 0; i < 100; i++)
        rpc_send(call, fcc_bytes_of(&i, 4));
    rpc_half_close(call);
    rpc_loop_poll(f->loop, 20);
    assert_int_equal(c.messages, 0);
    assert_false(c.closed);
    rpc_resume(call);
    assert_int_equal(c.messages, 0);
    wait_for(f->loop, &c.closed);
    assert_int_equal(c.code, RPC_OK);
    assert_int_equal(c.messages, 100);
    assert_true(c.in_order);
    rpc_channel_free(channel);
}

static void a_sender_waits_for_a_slow_reader_and_is_told_when_to_go_on(void **state)
{
    struct fixture *f = *state;
    rpc_channel *channel = connect_to(f, NULL);
    struct client c = { .in_order = true };
    uint32_t seen;
    rpc_call *call;

    assert_int_equal(rpc_open(channel, flood_path, -1, false, &client_events, &c, &call), FCC_OK);
    rpc_pause(call);
    assert_int_equal(rpc_send(call, FCC_LIT("go")), FCC_OK);
    for (int i = 0; i < 2000 && f->flooded == 0; i++)
        rpc_loop_poll(f->loop, 5);
    do { /* until the transport takes no more */
        seen = f->flooded;
        for (int i = 0; i < 20; i++)
            rpc_loop_poll(f->loop, 5);
    } while (f->flooded != seen);
    assert_true(f->flooded < FLOOD / 2);
    rpc_resume(call);
    wait_for(f->loop, &c.closed);
    assert_int_equal(c.code, RPC_OK);
    assert_int_equal(c.messages, FLOOD);
    assert_true(c.in_order);
    rpc_channel_free(channel);
}

static void client_fires_back(rpc_call *call, void *ctx, fcc_bytes message)
{
    struct client *c = ctx;

    client_message(call, ctx, message);
    if (c->messages == 1)
        assert_int_equal(rpc_send(call, FCC_LIT("go")), FCC_OK);
    else if (c->messages == 2)
        fire(call);
}

static void both_sides_may_send_more_than_there_is_room_for(void **state)
{
    static const rpc_events events = { .on_message = client_fires_back, .on_closed = client_closed };
    struct fixture *f = *state;
    rpc_channel *channel = connect_to(f, NULL);
    struct client c = { .in_order = true };
    rpc_call *call;

    assert_int_equal(rpc_open(channel, volley_path, -1, false, &events, &c, &call), FCC_OK);
    assert_int_equal(rpc_send(call, FCC_LIT("go")), FCC_OK);
    for (int i = 0; i < 6000 && (c.messages < VOLLEY + 1 || f->volleys < VOLLEY + 2); i++)
        rpc_loop_poll(f->loop, 5);
    assert_int_equal(c.messages, VOLLEY + 1);
    assert_int_equal(f->volleys, VOLLEY + 2);
    assert_true(c.in_order);
    half_close_and_wait(f, call, &c);
    assert_int_equal(c.code, RPC_OK);
    rpc_channel_free(channel);
}

static void a_call_that_is_not_accepted_ends_with_the_reason(void **state)
{
    struct fixture *f = *state;
    rpc_channel *channel = connect_to(f, NULL);
    rpc_reply reply;

    for (int i = 0; i < 20; i++) {
        assert_int_equal(rpc_unary(channel, none_path, FCC_LIT("a message that nobody takes"), 10000, &reply), FCC_OK);
        assert_int_equal(reply.code, RPC_RESOURCE_EXHAUSTED);
        assert_true(fcc_bytes_equal(reply.message, FCC_LIT("too many")));
        rpc_reply_clear(&reply);
    }
    rpc_channel_free(channel);
}

static void a_deadline_ends_the_call(void **state)
{
    struct fixture *f = *state;
    rpc_channel *channel = connect_to(f, NULL);
    rpc_reply reply;

    assert_int_equal(rpc_unary(channel, hold_path, FCC_LIT("x"), 50, &reply), FCC_OK);
    assert_int_equal(reply.code, RPC_DEADLINE_EXCEEDED);
    rpc_reply_clear(&reply);
    rpc_channel_free(channel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_client_cancels_and_the_server_learns_it, setup_plain, teardown),
        cmocka_unit_test_setup_teardown(a_client_cancels_before_anything_was_sent, setup_plain, teardown),
        cmocka_unit_test_setup_teardown(a_client_cancels_from_its_own_callback, setup_plain, teardown),
        cmocka_unit_test_setup_teardown(a_server_cancels_and_the_client_learns_it, setup_plain, teardown),
        cmocka_unit_test_setup_teardown(what_was_queued_is_written_before_the_finish, setup_plain, teardown),
        cmocka_unit_test_setup_teardown(a_paused_call_reads_on_when_resumed, setup_plain, teardown),
        cmocka_unit_test_setup_teardown(a_paused_call_that_is_finished_is_over, setup_plain, teardown),
        cmocka_unit_test_setup_teardown(a_sender_waits_for_a_slow_reader_and_is_told_when_to_go_on, setup_plain,
                                        teardown),
        cmocka_unit_test_setup_teardown(both_sides_may_send_more_than_there_is_room_for, setup_plain, teardown),
        cmocka_unit_test_setup_teardown(a_call_that_is_not_accepted_ends_with_the_reason, setup_plain, teardown),
        cmocka_unit_test_setup_teardown(a_deadline_ends_the_call, setup_plain, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
