/* What goes over a call: answers, refusals, many messages and large ones, from clients of ours and from others. */
#include "test/unit/shim/rpc/fixture.h"

#include <grpc/byte_buffer.h>
#include <grpc/compression.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <grpc/support/time.h>
#include <pthread.h>

static void a_unary_call_is_answered(void **state)
{
    struct fixture *f = *state;
    rpc_channel *channel = connect_to(f, NULL);
    rpc_reply reply;

    for (int i = 0; i < 3; i++) {
        assert_int_equal(rpc_unary(channel, reverse_path, FCC_LIT("abc\0d"), 10000, &reply), FCC_OK);
        assert_int_equal(reply.code, RPC_OK);
        assert_int_equal(reply.body.len, 5);
        assert_memory_equal(reply.body.data, "d\0cba", 5);
        rpc_reply_clear(&reply);
    }
    rpc_channel_free(channel);
}

static void a_refusal_brings_its_text_and_details(void **state)
{
    struct fixture *f = *state;
    rpc_channel *channel = connect_to(f, NULL);
    rpc_reply reply;

    assert_int_equal(rpc_unary(channel, fail_path, FCC_LIT("x"), 10000, &reply), FCC_OK);
    assert_int_equal(reply.code, RPC_ABORTED);
    assert_true(fcc_bytes_equal(reply.message, FCC_LIT("not \xc3\xa4t all")));
    assert_true(fcc_bytes_equal(reply.details, FCC_LIT("\x08\x0a\x00\xff")));
    assert_int_equal(reply.body.len, 0);
    rpc_reply_clear(&reply);
    rpc_channel_free(channel);
}

static void an_unknown_method_is_unimplemented(void **state)
{
    struct fixture *f = *state;
    rpc_channel *channel = connect_to(f, NULL);
    rpc_reply reply;

    for (int i = 0; i < 2; i++) {
        assert_int_equal(rpc_unary(channel, "/test.Echo/Nope", FCC_LIT("x"), 10000, &reply), FCC_OK);
        assert_int_equal(reply.code, RPC_UNIMPLEMENTED);
        assert_true(fcc_bytes_equal(reply.message, FCC_LIT("unknown method Nope for service test.Echo")));
        rpc_reply_clear(&reply);
    }
    assert_int_equal(rpc_unary(channel, "/other.Service/Nope", FCC_LIT("x"), 10000, &reply), FCC_OK);
    assert_int_equal(reply.code, RPC_UNIMPLEMENTED);
    assert_true(fcc_bytes_equal(reply.message, FCC_LIT("unknown service other.Service")));
    rpc_reply_clear(&reply);
    rpc_channel_free(channel);
}

static void many_messages_go_both_ways_in_order(void **state)
{
    struct fixture *f = *state;
    rpc_channel *channel = connect_to(f, NULL);
    struct client c = { .in_order = true };
    rpc_call *call;

    assert_int_equal(rpc_open(channel, echo_path, -1, false, &client_events, &c, &call), FCC_OK);
    for (uint32_t i = 0; i < 20000; i++) {
        uint8_t message[40] = { 0 };

        memcpy(message, &i, 4);
        assert_int_equal(rpc_send(call, fcc_bytes_of(message, 4 + i % 37)), FCC_OK);
        if (i % 1000 == 0)
            rpc_loop_poll(f->loop, 0);
    }
    assert_true(rpc_backlog(call) > 0);
    half_close_and_wait(f, call, &c);
    assert_int_equal(c.code, RPC_OK);
    assert_int_equal(c.messages, 20000);
    assert_true(c.in_order);
    rpc_channel_free(channel);
}

static void count_return(void *lent)
{
    ++*(int *)lent;
}

static void a_message_in_pieces_arrives_as_one_and_what_was_lent_comes_back(void **state)
{
    struct fixture *f = *state;
    rpc_channel *channel = connect_to(f, NULL);
    struct client c = { .in_order = true };
    uint8_t first[4] = { 0 }, body[100000] = { 0 };
    fcc_bytes pieces[3] = { { first, 4 }, { body, sizeof(body) }, { first, 3 } };
    int back = 0;
    rpc_call *call;

    assert_int_equal(rpc_open(channel, echo_path, -1, false, &client_events, &c, &call), FCC_OK);
    for (uint8_t i = 0; i < 10; i++) { /* more than there is room for at first */
        first[0] = i;
        assert_int_equal(rpc_send_pieces(call, pieces, count_return, &back), FCC_OK);
    }
    assert_int_equal(rpc_backlog(call), 10 * (sizeof(body) + 7));
    assert_int_equal(back, 0);
    half_close_and_wait(f, call, &c);
    assert_int_equal(c.code, RPC_OK);
    assert_int_equal(c.messages, 10);
    assert_int_equal(c.bytes, 10 * (sizeof(body) + 7));
    assert_true(c.in_order);
    assert_int_equal(back, 10);
    c = (struct client){ .in_order = true };
    assert_int_equal(rpc_open(channel, echo_path, -1, false, &client_events, &c, &call), FCC_OK);
    assert_int_equal(rpc_send_pieces(call, pieces, count_return, &back), FCC_OK);
    pieces[1].len = (size_t)RPC_MAX_MESSAGE;
    assert_int_equal(rpc_send_pieces(call, pieces, count_return, &back), FCC_ERR_LIMIT);
    assert_int_equal(back, 11);
    rpc_cancel(call);
    assert_int_equal(back, 12);
    assert_int_equal(rpc_send_pieces(call, pieces, count_return, &back), FCC_OK); /* on_closed will tell */
    assert_int_equal(back, 13);
    wait_for(f->loop, &c.closed);
    rpc_channel_free(channel);
}

static void empty_messages_are_messages(void **state)
{
    struct fixture *f = *state;
    rpc_channel *channel = connect_to(f, NULL);
    struct client c = { 0 };
    rpc_call *call;

    assert_int_equal(rpc_open(channel, echo_path, -1, false, &client_events, &c, &call), FCC_OK);
    rpc_send(call, FCC_LIT(""));
    rpc_send(call, FCC_LIT(""));
    half_close_and_wait(f, call, &c);
    assert_int_equal(c.messages, 2);
    assert_int_equal(c.bytes, 0);
    rpc_channel_free(channel);
}

static void a_message_of_20_mib_arrives_whole(void **state)
{
    struct fixture *f = *state;
    rpc_channel *channel = connect_to(f, NULL);
    struct client c = { .in_order = true };
    size_t len = 20 * 1024 * 1024;
    uint8_t *big = calloc(1, len);
    rpc_call *call;

    assert_int_equal(rpc_open(channel, echo_path, -1, false, &client_events, &c, &call), FCC_OK);
    assert_int_equal(rpc_send(call, fcc_bytes_of(big, len)), FCC_OK);
    free(big);
    half_close_and_wait(f, call, &c);
    assert_int_equal(c.code, RPC_OK);
    assert_int_equal(c.messages, 1);
    assert_int_equal(c.bytes, len);
    rpc_channel_free(channel);
}

static void an_oversized_message_is_not_sent(void **state)
{
    struct fixture *f = *state;
    rpc_channel *channel = connect_to(f, NULL);
    struct client c = { 0 };
    uint8_t byte = 0;
    rpc_call *call;

    assert_int_equal(rpc_open(channel, echo_path, -1, false, &client_events, &c, &call), FCC_OK);
    assert_int_equal(rpc_send(call, fcc_bytes_of(&byte, (size_t)RPC_MAX_MESSAGE + 1)), FCC_ERR_LIMIT);
    half_close_and_wait(f, call, &c);
    assert_int_equal(c.code, RPC_OK);
    assert_int_equal(c.messages, 0);
    rpc_channel_free(channel);
}

/* A client that keeps no limit: gRPC itself, on a thread of its own. */
struct raw {
    const char *address;
    size_t mib; /* length of its message */
    bool compresses;
    grpc_status_code code;
    bool done;
};

static void *send_raw(void *ctx)
{
    struct raw *raw = ctx;
    grpc_arg gzip = { .type = GRPC_ARG_INTEGER,
                      .key = (char *)(uintptr_t)GRPC_COMPRESSION_CHANNEL_DEFAULT_ALGORITHM,
                      .value.integer = GRPC_COMPRESS_GZIP };
    grpc_channel_args args = { raw->compresses, &gzip };
    grpc_completion_queue *cq = grpc_completion_queue_create_for_pluck(NULL);
    grpc_channel_credentials *creds = grpc_insecure_credentials_create();
    grpc_channel *channel = grpc_channel_create(raw->address, creds, &args);
    grpc_call *call = grpc_channel_create_call(
        channel, NULL, GRPC_PROPAGATE_DEFAULTS, cq, grpc_slice_from_static_string(echo_path), NULL,
        gpr_time_add(gpr_now(GPR_CLOCK_REALTIME), gpr_time_from_seconds(60, GPR_TIMESPAN)), NULL);
    grpc_slice mib = grpc_slice_malloc(1024 * 1024), parts[RPC_MAX_MESSAGE / 1024 / 1024 + 1];
    grpc_metadata_array initial, trailing;
    grpc_slice text;
    grpc_byte_buffer *message;
    grpc_op ops[5];

    memset(GRPC_SLICE_START_PTR(mib), 0, 1024 * 1024);
    for (size_t i = 0; i < raw->mib; i++)
        parts[i] = mib;
    message = grpc_raw_byte_buffer_create(parts, raw->mib);
    grpc_metadata_array_init(&initial);
    grpc_metadata_array_init(&trailing);
    memset(ops, 0, sizeof(ops));
    ops[0].op = GRPC_OP_SEND_INITIAL_METADATA;
    ops[1].op = GRPC_OP_SEND_MESSAGE;
    ops[1].data.send_message.send_message = message;
    ops[2].op = GRPC_OP_SEND_CLOSE_FROM_CLIENT;
    ops[3].op = GRPC_OP_RECV_STATUS_ON_CLIENT;
    ops[3].data.recv_status_on_client.trailing_metadata = &trailing;
    ops[3].data.recv_status_on_client.status = &raw->code;
    ops[3].data.recv_status_on_client.status_details = &text;
    ops[4].op = GRPC_OP_RECV_INITIAL_METADATA;
    ops[4].data.recv_initial_metadata.recv_initial_metadata = &initial;
    grpc_call_start_batch(call, ops, 5, call, NULL);
    grpc_completion_queue_pluck(cq, call, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
    grpc_slice_unref(text);
    grpc_slice_unref(mib);
    grpc_byte_buffer_destroy(message);
    grpc_metadata_array_destroy(&initial);
    grpc_metadata_array_destroy(&trailing);
    grpc_call_unref(call);
    grpc_channel_destroy(channel);
    grpc_channel_credentials_release(creds);
    grpc_completion_queue_shutdown(cq);
    grpc_completion_queue_destroy(cq);
    __atomic_store_n(&raw->done, true, __ATOMIC_RELEASE);
    return NULL;
}

/* The status that a message of a foreign client gets; the server serves others as before. */
static grpc_status_code answer_to_raw(struct fixture *f, struct raw raw)
{
    rpc_channel *channel;
    rpc_reply reply;
    pthread_t thread;

    raw.address = f->address;
    assert_int_equal(pthread_create(&thread, NULL, send_raw, &raw), 0);
    for (int i = 0; i < 6000 && !__atomic_load_n(&raw.done, __ATOMIC_ACQUIRE); i++)
        rpc_loop_poll(f->loop, 5);
    pthread_join(thread, NULL);
    channel = connect_to(f, NULL);
    assert_int_equal(rpc_unary(channel, reverse_path, FCC_LIT("ab"), 10000, &reply), FCC_OK);
    assert_int_equal(reply.code, RPC_OK);
    rpc_reply_clear(&reply);
    rpc_channel_free(channel);
    return raw.code;
}

static void an_oversized_message_of_another_ends_its_call_only(void **state)
{
    assert_int_equal(answer_to_raw(*state, (struct raw){ .mib = 101 }), GRPC_STATUS_RESOURCE_EXHAUSTED);
}

static void a_compressed_message_is_not_unpacked(void **state)
{
    assert_int_equal(answer_to_raw(*state, (struct raw){ .mib = 1, .compresses = true }), GRPC_STATUS_UNIMPLEMENTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_unary_call_is_answered, setup_plain, teardown),
        cmocka_unit_test_setup_teardown(a_refusal_brings_its_text_and_details, setup_plain, teardown),
        cmocka_unit_test_setup_teardown(an_unknown_method_is_unimplemented, setup_plain, teardown),
        cmocka_unit_test_setup_teardown(many_messages_go_both_ways_in_order, setup_plain, teardown),
        cmocka_unit_test_setup_teardown(a_message_in_pieces_arrives_as_one_and_what_was_lent_comes_back, setup_plain,
                                        teardown),
        cmocka_unit_test_setup_teardown(empty_messages_are_messages, setup_plain, teardown),
        cmocka_unit_test_setup_teardown(a_message_of_20_mib_arrives_whole, setup_plain, teardown),
        cmocka_unit_test_setup_teardown(an_oversized_message_is_not_sent, setup_plain, teardown),
        cmocka_unit_test_setup_teardown(an_oversized_message_of_another_ends_its_call_only, setup_plain, teardown),
        cmocka_unit_test_setup_teardown(a_compressed_message_is_not_unpacked, setup_plain, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
