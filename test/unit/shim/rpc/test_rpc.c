/* gRPC behind rpc.h: both sides on one loop, over real sockets. */
#include "rpc/rpc.h"
#include "test/support/certs.h"

#include <grpc/byte_buffer.h>
#include <grpc/compression.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <grpc/support/time.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

static const char echo_path[] = "/test.Echo/Stream";
static const char reverse_path[] = "/test.Echo/Reverse";
static const char fail_path[] = "/test.Echo/Fail";
static const char hold_path[] = "/test.Echo/Hold";
static const char none_path[] = "/test.Echo/None";
static const char flood_path[] = "/test.Echo/Flood";
static const char volley_path[] = "/test.Echo/Volley";

/* ---- the server: Stream sends back what comes; Reverse is unary; Fail refuses with details; Hold says nothing ---- */

struct fixture {
    rpc_loop *loop;
    rpc_server *server;
    int port;
    char address[64];
    rpc_call *held;
    bool held_closed;
    rpc_code held_code;
    int accepted;
    uint32_t flooded; /* messages that Flood has queued */
    uint32_t volleys; /* messages that Volley has got */
};

static void echo_message(rpc_call *call, void *ctx, fcc_bytes message)
{
    assert_int_equal(rpc_send(call, message), FCC_OK);
}

static void echo_half_close(rpc_call *call, void *ctx)
{
    rpc_finish(call, RPC_OK, FCC_LIT(""), FCC_LIT(""));
}

static void reverse_message(rpc_call *call, void *ctx, fcc_bytes message)
{
    uint8_t out[64];

    assert_true(message.len <= sizeof(out));
    for (size_t i = 0; i < message.len; i++)
        out[i] = message.data[message.len - 1 - i];
    rpc_send(call, fcc_bytes_of(out, message.len));
    rpc_finish(call, RPC_OK, FCC_LIT(""), FCC_LIT(""));
}

static void fail_message(rpc_call *call, void *ctx, fcc_bytes message)
{
    rpc_finish(call, RPC_ABORTED, FCC_LIT("not \xc3\xa4t all"), FCC_LIT("\x08\x0a\x00\xff"));
}

static void hold_message(rpc_call *call, void *ctx, fcc_bytes message)
{
    struct fixture *f = ctx;

    f->held = call;
}

/* Flood: many large messages, but never more of them queued than BACKLOG. */
enum { FLOOD = 400, FLOOD_LEN = 65536, BACKLOG = 4 * FLOOD_LEN };

static void flood_on(rpc_call *call, void *ctx)
{
    static uint8_t bytes[FLOOD_LEN];
    struct fixture *f = ctx;

    while (f->flooded < FLOOD && rpc_backlog(call) < BACKLOG) {
        memcpy(bytes, &f->flooded, 4);
        f->flooded++;
        assert_int_equal(rpc_send(call, fcc_bytes_of(bytes, sizeof(bytes))), FCC_OK);
    }
    if (f->flooded == FLOOD)
        rpc_finish(call, RPC_OK, FCC_LIT(""), FCC_LIT(""));
}

static void flood_message(rpc_call *call, void *ctx, fcc_bytes message)
{
    flood_on(call, ctx);
}

/* Volley: at the second message, more of them at once than there is room for, all of which could be requests. */
enum { VOLLEY = 300, VOLLEY_LEN = 8192 };

static void fire(rpc_call *call)
{
    static uint8_t bytes[VOLLEY_LEN];

    for (uint32_t i = 0; i < VOLLEY; i++) {
        memcpy(bytes, &i, 4);
        assert_int_equal(rpc_send(call, fcc_bytes_of(bytes, sizeof(bytes))), FCC_OK);
    }
    rpc_expect(call, VOLLEY, VOLLEY);
}

static void volley_message(rpc_call *call, void *ctx, fcc_bytes message)
{
    struct fixture *f = ctx;

    if (f->volleys++ == 0)
        assert_int_equal(rpc_send(call, FCC_LIT("ok")), FCC_OK);
    else if (f->volleys == 2)
        fire(call);
}

static void nothing_closed(rpc_call *call, void *ctx, const rpc_status *status)
{
}

static void hold_closed(rpc_call *call, void *ctx, const rpc_status *status)
{
    struct fixture *f = ctx;

    f->held = NULL;
    f->held_closed = true;
    f->held_code = status->code;
}

static const rpc_events echo_events = { .on_message = echo_message,
                                        .on_half_close = echo_half_close,
                                        .on_closed = nothing_closed };
static const rpc_events reverse_events = { .on_message = reverse_message, .on_closed = nothing_closed };
static const rpc_events fail_events = { .on_message = fail_message, .on_closed = nothing_closed };
static const rpc_events flood_events = { .on_message = flood_message,
                                         .on_closed = nothing_closed,
                                         .on_drained = flood_on };
static const rpc_events volley_events = { .on_message = volley_message,
                                          .on_half_close = echo_half_close,
                                          .on_closed = nothing_closed };
static const rpc_events hold_events = { .on_message = hold_message, .on_closed = hold_closed };

static const rpc_events *accept_echo(rpc_call *call, void *ctx, void **call_ctx)
{
    ((struct fixture *)ctx)->accepted++;
    return &echo_events;
}

static const rpc_events *accept_reverse(rpc_call *call, void *ctx, void **call_ctx)
{
    assert_non_null(strstr(rpc_peer(call), "127.0.0.1"));
    return &reverse_events;
}

static const rpc_events *accept_fail(rpc_call *call, void *ctx, void **call_ctx)
{
    return &fail_events;
}

static const rpc_events *accept_hold(rpc_call *call, void *ctx, void **call_ctx)
{
    *call_ctx = ctx;
    return &hold_events;
}

static const rpc_events *accept_flood(rpc_call *call, void *ctx, void **call_ctx)
{
    *call_ctx = ctx;
    return &flood_events;
}

static const rpc_events *accept_volley(rpc_call *call, void *ctx, void **call_ctx)
{
    *call_ctx = ctx;
    return &volley_events;
}

/* Not accepted, with a reason, while the client's message is on its way. */
static const rpc_events *accept_none(rpc_call *call, void *ctx, void **call_ctx)
{
    rpc_finish(call, RPC_RESOURCE_EXHAUSTED, FCC_LIT("too many"), FCC_LIT(""));
    return NULL;
}

static void serve(struct fixture *f, const rpc_tls *tls)
{
    fcc_error error;

    assert_int_equal(rpc_server_new(f->loop, &f->server, &error), FCC_OK);
    assert_int_equal(rpc_server_method(f->server, echo_path, accept_echo, f), FCC_OK);
    assert_int_equal(rpc_server_method(f->server, reverse_path, accept_reverse, f), FCC_OK);
    assert_int_equal(rpc_server_method(f->server, fail_path, accept_fail, f), FCC_OK);
    assert_int_equal(rpc_server_method(f->server, hold_path, accept_hold, f), FCC_OK);
    assert_int_equal(rpc_server_method(f->server, flood_path, accept_flood, f), FCC_OK);
    assert_int_equal(rpc_server_method(f->server, volley_path, accept_volley, f), FCC_OK);
    assert_int_equal(rpc_server_method(f->server, none_path, accept_none, f), FCC_OK);
    assert_int_equal(rpc_server_listen(f->server, "127.0.0.1:0", tls, &f->port, &error), FCC_OK);
    assert_int_equal(rpc_server_start(f->server), FCC_OK);
    snprintf(f->address, sizeof(f->address), "127.0.0.1:%d", f->port);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    fcc_error error;

    assert_int_equal(rpc_loop_new(&f->loop, &error), FCC_OK);
    *state = f;
    return 0;
}

static int setup_plain(void **state)
{
    setup(state);
    serve(*state, NULL);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    rpc_server_free(f->server);
    rpc_loop_free(f->loop);
    free(f);
    return 0;
}

static rpc_channel *connect_to(struct fixture *f, const rpc_tls *tls)
{
    rpc_channel *channel;
    fcc_error error;

    assert_int_equal(rpc_channel_new(f->loop, f->address, tls, &channel, &error), FCC_OK);
    return channel;
}

/* ---- the client: remembers what came ---- */

struct client {
    size_t messages;
    size_t bytes;
    uint32_t next; /* messages of at least 4 bytes start with their number */
    bool in_order;
    bool closed;
    rpc_code code;
    char text[128];
    uint8_t details[16];
    size_t details_len;
    size_t cancel_after;
};

static void client_message(rpc_call *call, void *ctx, fcc_bytes message)
{
    struct client *c = ctx;
    uint32_t number;

    c->messages++;
    c->bytes += message.len;
    if (message.len >= 4) {
        memcpy(&number, message.data, 4);
        c->in_order = c->in_order && number == c->next++;
    }
    if (c->messages == c->cancel_after)
        rpc_cancel(call);
}

static void client_closed(rpc_call *call, void *ctx, const rpc_status *status)
{
    struct client *c = ctx;

    assert_false(c->closed);
    c->closed = true;
    c->code = status->code;
    snprintf(c->text, sizeof(c->text), FCC_FMT, FCC_ARG(status->message));
    c->details_len = status->details.len < sizeof(c->details) ? status->details.len : sizeof(c->details);
    if (c->details_len)
        memcpy(c->details, status->details.data, c->details_len);
}

static const rpc_events client_events = { .on_message = client_message, .on_closed = client_closed };

static void wait_for(rpc_loop *loop, const bool *flag)
{
    for (int i = 0; i < 6000 && !*flag; i++)
        rpc_loop_poll(loop, 5);
    assert_true(*flag);
}

static void half_close_and_wait(struct fixture *f, rpc_call *call, struct client *c)
{
    rpc_half_close(call);
    wait_for(f->loop, &c->closed);
}

/* ---- tests ---- */

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

static void a_client_cancels_and_the_server_learns_it(void **state)
{
    struct fixture *f = *state;
    rpc_channel *channel = connect_to(f, NULL);
    struct client c = { 0 };
    rpc_call *call;

    assert_int_equal(rpc_open(channel, hold_path, -1, false, &client_events, &c, &call), FCC_OK);
    rpc_send(call, FCC_LIT("hold"));
    while (!f->held)
        rpc_loop_poll(f->loop, 5);
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
    rpc_call *call;

    assert_int_equal(rpc_open(channel, hold_path, -1, false, &client_events, &c, &call), FCC_OK);
    rpc_send(call, FCC_LIT("hold"));
    while (!f->held)
        rpc_loop_poll(f->loop, 5);
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
    rpc_call *call;

    assert_int_equal(rpc_open(channel, hold_path, -1, false, &client_events, &c, &call), FCC_OK);
    rpc_send(call, FCC_LIT("hold"));
    while (!f->held)
        rpc_loop_poll(f->loop, 5);
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

static void nobody_listening_is_unavailable_at_once(void **state)
{
    struct fixture *f = *state;
    rpc_channel *channel;
    rpc_reply reply;

    rpc_server_free(f->server);
    f->server = NULL;
    channel = connect_to(f, NULL);
    assert_int_equal(rpc_unary(channel, reverse_path, FCC_LIT("x"), 10000, &reply), FCC_OK);
    assert_int_equal(reply.code, RPC_UNAVAILABLE);
    assert_true(reply.message.len > 0);
    rpc_reply_clear(&reply);
    rpc_channel_free(channel);
}

static void a_call_can_wait_for_its_server(void **state)
{
    struct fixture *f = *state;
    rpc_server *first;
    rpc_channel *channel;
    rpc_call *call;
    struct client c = { 0 };
    fcc_error error;

    /* a port that was free a moment ago */
    serve(f, NULL);
    rpc_server_free(f->server);
    channel = connect_to(f, NULL);
    assert_int_equal(rpc_open(channel, echo_path, 20000, true, &client_events, &c, &call), FCC_OK);
    rpc_send(call, FCC_LIT("early"));
    rpc_half_close(call);
    rpc_loop_poll(f->loop, 50);
    assert_false(c.closed);
    assert_int_equal(rpc_server_new(f->loop, &first, &error), FCC_OK);
    assert_int_equal(rpc_server_method(first, echo_path, accept_echo, f), FCC_OK);
    assert_int_equal(rpc_server_listen(first, f->address, NULL, NULL, &error), FCC_OK);
    assert_int_equal(rpc_server_start(first), FCC_OK);
    f->server = first;
    wait_for(f->loop, &c.closed);
    assert_int_equal(c.code, RPC_OK);
    assert_int_equal(c.messages, 1);
    rpc_channel_free(channel);
}

static void a_taken_port_is_an_error_that_names_it(void **state)
{
    struct fixture *f = *state;
    rpc_server *second;
    fcc_error error;

    assert_int_equal(rpc_server_new(f->loop, &second, &error), FCC_OK);
    assert_int_equal(rpc_server_listen(second, f->address, NULL, NULL, &error), FCC_ERR_IO);
    assert_non_null(strstr(error.text, f->address));
    assert_non_null(strstr(error.text, "in use"));
    assert_int_equal(rpc_server_listen(second, "no port here", NULL, NULL, &error), FCC_ERR_IO);
    assert_non_null(strstr(error.text, "no port here"));
    rpc_server_free(second);
}

static void set_flag(void *ctx)
{
    *(bool *)ctx = true;
}

static void a_draining_server_lets_calls_end(void **state)
{
    struct fixture *f = *state;
    rpc_channel *channel = connect_to(f, NULL), *late;
    struct client c = { 0 };
    bool drained = false;
    rpc_call *call;
    rpc_reply reply;

    assert_int_equal(rpc_open(channel, echo_path, -1, false, &client_events, &c, &call), FCC_OK);
    rpc_send(call, FCC_LIT("one"));
    while (c.messages < 1)
        rpc_loop_poll(f->loop, 5);
    rpc_server_drain(f->server, set_flag, &drained);
    late = connect_to(f, NULL);
    assert_int_equal(rpc_unary(late, reverse_path, FCC_LIT("x"), 10000, &reply), FCC_OK);
    assert_int_equal(reply.code, RPC_UNAVAILABLE);
    rpc_reply_clear(&reply);
    rpc_send(call, FCC_LIT("two"));
    while (c.messages < 2)
        rpc_loop_poll(f->loop, 5);
    assert_false(drained);
    half_close_and_wait(f, call, &c);
    assert_int_equal(c.code, RPC_OK);
    wait_for(f->loop, &drained);
    rpc_channel_free(late);
    rpc_channel_free(channel);
}

static void draining_an_idle_server_is_done_at_once(void **state)
{
    struct fixture *f = *state;
    bool drained = false;

    rpc_server_drain(f->server, set_flag, &drained);
    wait_for(f->loop, &drained);
}

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

/* ---- TLS ---- */

static rpc_reply try_tls(struct fixture *f, const rpc_tls *tls)
{
    rpc_channel *channel = connect_to(f, tls);
    rpc_reply reply;

    assert_int_equal(rpc_unary(channel, reverse_path, FCC_LIT("tls"), 10000, &reply), FCC_OK);
    rpc_channel_free(channel);
    return reply;
}

static void tls_is_verified_by_address_or_by_name(void **state)
{
    struct fixture *f = *state;
    test_cert ca = test_cert_make("ca", NULL), other_ca = test_cert_make("other", NULL);
    test_cert server = test_cert_make("peer0.test", &ca);
    rpc_tls server_tls = { .cert = server.cert_pem, .key = server.key_pem };
    rpc_tls by_address = { .ca = ca.cert_pem }, by_name = { .ca = ca.cert_pem, .server_name = "peer0.test" };
    rpc_tls wrong_name = { .ca = ca.cert_pem, .server_name = "peer1.test" }, wrong_ca = { .ca = other_ca.cert_pem };
    rpc_reply reply;

    serve(f, &server_tls);
    reply = try_tls(f, &by_address);
    assert_int_equal(reply.code, RPC_OK);
    assert_true(fcc_bytes_equal(reply.body, FCC_LIT("slt")));
    rpc_reply_clear(&reply);
    reply = try_tls(f, &by_name);
    assert_int_equal(reply.code, RPC_OK);
    rpc_reply_clear(&reply);
    reply = try_tls(f, &wrong_name);
    assert_int_equal(reply.code, RPC_UNAVAILABLE);
    rpc_reply_clear(&reply);
    reply = try_tls(f, &wrong_ca);
    assert_int_equal(reply.code, RPC_UNAVAILABLE);
    rpc_reply_clear(&reply);
    reply = try_tls(f, NULL);
    assert_int_equal(reply.code, RPC_UNAVAILABLE);
    rpc_reply_clear(&reply);
    test_cert_clear(&ca);
    test_cert_clear(&other_ca);
    test_cert_clear(&server);
}

static void with_a_client_ca_only_its_clients_are_let_in(void **state)
{
    struct fixture *f = *state;
    test_cert ca = test_cert_make("ca", NULL), other_ca = test_cert_make("other", NULL);
    test_cert server = test_cert_make("peer0.test", &ca), client = test_cert_make("client", &ca);
    test_cert stranger = test_cert_make("stranger", &other_ca);
    rpc_tls server_tls = { .cert = server.cert_pem, .key = server.key_pem, .ca = ca.cert_pem };
    rpc_tls good = { .cert = client.cert_pem, .key = client.key_pem, .ca = ca.cert_pem };
    rpc_tls none = { .ca = ca.cert_pem };
    rpc_tls bad = { .cert = stranger.cert_pem, .key = stranger.key_pem, .ca = ca.cert_pem };
    rpc_reply reply;

    serve(f, &server_tls);
    reply = try_tls(f, &none);
    assert_int_equal(reply.code, RPC_UNAVAILABLE);
    rpc_reply_clear(&reply);
    reply = try_tls(f, &bad);
    assert_int_equal(reply.code, RPC_UNAVAILABLE);
    rpc_reply_clear(&reply);
    reply = try_tls(f, &good);
    assert_int_equal(reply.code, RPC_OK);
    rpc_reply_clear(&reply);
    test_cert_clear(&ca);
    test_cert_clear(&other_ca);
    test_cert_clear(&server);
    test_cert_clear(&client);
    test_cert_clear(&stranger);
}

static void tls_without_its_files_is_a_configuration_error(void **state)
{
    struct fixture *f = *state;
    rpc_tls empty = { .server_name = NULL };
    rpc_channel *channel;
    rpc_server *server;
    fcc_error error;

    assert_int_equal(rpc_channel_new(f->loop, "127.0.0.1:1", &empty, &channel, &error), FCC_ERR_CONFIG);
    assert_int_equal(rpc_server_new(f->loop, &server, &error), FCC_OK);
    assert_int_equal(rpc_server_listen(server, "127.0.0.1:0", &empty, NULL, &error), FCC_ERR_CONFIG);
    rpc_server_free(server);
}

/* ---- the loop ---- */

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

static void timers_run_in_the_order_of_their_times(void **state)
{
    struct fixture *f = *state;
    rpc_timer *never;

    order = (struct order){ .loop = f->loop };
    rpc_timer_start(f->loop, 30, add, "d");
    rpc_timer_start(f->loop, 10, add, "b");
    never = rpc_timer_start(f->loop, 15, add, "x");
    rpc_timer_start(f->loop, 10, add, "c");
    rpc_timer_start(f->loop, 0, add, "a");
    rpc_timer_start(f->loop, 60, stop, f->loop);
    rpc_timer_cancel(never);
    rpc_timer_cancel(NULL);
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
        cmocka_unit_test_setup_teardown(a_client_cancels_and_the_server_learns_it, setup_plain, teardown),
        cmocka_unit_test_setup_teardown(a_client_cancels_before_anything_was_sent, setup_plain, teardown),
        cmocka_unit_test_setup_teardown(a_client_cancels_from_its_own_callback, setup_plain, teardown),
        cmocka_unit_test_setup_teardown(a_server_cancels_and_the_client_learns_it, setup_plain, teardown),
        cmocka_unit_test_setup_teardown(what_was_queued_is_written_before_the_finish, setup_plain, teardown),
        cmocka_unit_test_setup_teardown(a_paused_call_reads_on_when_resumed, setup_plain, teardown),
        cmocka_unit_test_setup_teardown(a_sender_waits_for_a_slow_reader_and_is_told_when_to_go_on, setup_plain,
                                        teardown),
        cmocka_unit_test_setup_teardown(both_sides_may_send_more_than_there_is_room_for, setup_plain, teardown),
        cmocka_unit_test_setup_teardown(a_call_that_is_not_accepted_ends_with_the_reason, setup_plain, teardown),
        cmocka_unit_test_setup_teardown(a_deadline_ends_the_call, setup_plain, teardown),
        cmocka_unit_test_setup_teardown(nobody_listening_is_unavailable_at_once, setup_plain, teardown),
        cmocka_unit_test_setup_teardown(a_call_can_wait_for_its_server, setup, teardown),
        cmocka_unit_test_setup_teardown(a_taken_port_is_an_error_that_names_it, setup_plain, teardown),
        cmocka_unit_test_setup_teardown(a_draining_server_lets_calls_end, setup_plain, teardown),
        cmocka_unit_test_setup_teardown(draining_an_idle_server_is_done_at_once, setup_plain, teardown),
        cmocka_unit_test(freeing_the_loop_ends_what_still_runs),
        cmocka_unit_test_setup_teardown(tls_is_verified_by_address_or_by_name, setup, teardown),
        cmocka_unit_test_setup_teardown(with_a_client_ca_only_its_clients_are_let_in, setup, teardown),
        cmocka_unit_test_setup_teardown(tls_without_its_files_is_a_configuration_error, setup, teardown),
        cmocka_unit_test_setup_teardown(timers_run_in_the_order_of_their_times, setup, teardown),
        cmocka_unit_test_setup_teardown(many_timers_can_be_cancelled, setup, teardown),
        cmocka_unit_test_setup_teardown(tasks_of_other_threads_run_on_the_loop, setup, teardown),
        cmocka_unit_test_setup_teardown(a_signal_becomes_a_task, setup, teardown),
        cmocka_unit_test_setup_teardown(the_idle_task_runs_once_the_queue_is_empty, setup_plain, teardown),
        cmocka_unit_test(codes_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
