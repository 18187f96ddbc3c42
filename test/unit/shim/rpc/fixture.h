/*
 * fixture.h: a server and a client on one loop, over real sockets, for the tests of shim/rpc.
 */
#ifndef TEST_UNIT_SHIM_RPC_FIXTURE_H
#define TEST_UNIT_SHIM_RPC_FIXTURE_H

#include "rpc/rpc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static inline void echo_message(rpc_call *call, void *ctx, fcc_bytes message)
{
    assert_int_equal(rpc_send(call, message), FCC_OK);
}

static inline void echo_half_close(rpc_call *call, void *ctx)
{
    rpc_finish(call, RPC_OK, FCC_LIT(""), FCC_LIT(""));
}

static inline void reverse_message(rpc_call *call, void *ctx, fcc_bytes message)
{
    uint8_t out[64];

    assert_true(message.len <= sizeof(out));
    for (size_t i = 0; i < message.len; i++)
        out[i] = message.data[message.len - 1 - i];
    rpc_send(call, fcc_bytes_of(out, message.len));
    rpc_finish(call, RPC_OK, FCC_LIT(""), FCC_LIT(""));
}

static inline void fail_message(rpc_call *call, void *ctx, fcc_bytes message)
{
    rpc_finish(call, RPC_ABORTED, FCC_LIT("not \xc3\xa4t all"), FCC_LIT("\x08\x0a\x00\xff"));
}

static inline void hold_message(rpc_call *call, void *ctx, fcc_bytes message)
{
    struct fixture *f = ctx;

    f->held = call;
}

/* Flood: many large messages, but never more of them queued than BACKLOG. */
enum { FLOOD = 400, FLOOD_LEN = 65536, BACKLOG = 4 * FLOOD_LEN };

static inline void flood_on(rpc_call *call, void *ctx)
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

static inline void flood_message(rpc_call *call, void *ctx, fcc_bytes message)
{
    flood_on(call, ctx);
}

/* Volley: at the second message, more of them at once than there is room for, all of which could be requests. */
enum { VOLLEY = 300, VOLLEY_LEN = 8192 };

static inline void fire(rpc_call *call)
{
    static uint8_t bytes[VOLLEY_LEN];

    for (uint32_t i = 0; i < VOLLEY; i++) {
        memcpy(bytes, &i, 4);
        assert_int_equal(rpc_send(call, fcc_bytes_of(bytes, sizeof(bytes))), FCC_OK);
    }
    rpc_expect(call, VOLLEY, VOLLEY);
}

static inline void volley_message(rpc_call *call, void *ctx, fcc_bytes message)
{
    struct fixture *f = ctx;

    if (f->volleys++ == 0)
        assert_int_equal(rpc_send(call, FCC_LIT("ok")), FCC_OK);
    else if (f->volleys == 2)
        fire(call);
}

static inline void nothing_closed(rpc_call *call, void *ctx, const rpc_status *status)
{
}

static inline void hold_closed(rpc_call *call, void *ctx, const rpc_status *status)
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

static inline const rpc_events *accept_echo(rpc_call *call, void *ctx, void **call_ctx)
{
    ((struct fixture *)ctx)->accepted++;
    return &echo_events;
}

static inline const rpc_events *accept_reverse(rpc_call *call, void *ctx, void **call_ctx)
{
    assert_non_null(strstr(rpc_peer(call), "127.0.0.1"));
    return &reverse_events;
}

static inline const rpc_events *accept_fail(rpc_call *call, void *ctx, void **call_ctx)
{
    return &fail_events;
}

static inline const rpc_events *accept_hold(rpc_call *call, void *ctx, void **call_ctx)
{
    *call_ctx = ctx;
    return &hold_events;
}

static inline const rpc_events *accept_flood(rpc_call *call, void *ctx, void **call_ctx)
{
    *call_ctx = ctx;
    return &flood_events;
}

static inline const rpc_events *accept_volley(rpc_call *call, void *ctx, void **call_ctx)
{
    *call_ctx = ctx;
    return &volley_events;
}

/* Not accepted, with a reason, while the client's message is on its way. */
static inline const rpc_events *accept_none(rpc_call *call, void *ctx, void **call_ctx)
{
    rpc_finish(call, RPC_RESOURCE_EXHAUSTED, FCC_LIT("too many"), FCC_LIT(""));
    return NULL;
}

static inline void serve(struct fixture *f, const rpc_tls *tls)
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

static inline int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    fcc_error error;

    assert_int_equal(rpc_loop_new(&f->loop, &error), FCC_OK);
    *state = f;
    return 0;
}

static inline int setup_plain(void **state)
{
    setup(state);
    serve(*state, NULL);
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;

    rpc_server_free(f->server);
    rpc_loop_free(f->loop);
    free(f);
    return 0;
}

static inline rpc_channel *connect_to(struct fixture *f, const rpc_tls *tls)
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

static inline void client_message(rpc_call *call, void *ctx, fcc_bytes message)
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

static inline void client_closed(rpc_call *call, void *ctx, const rpc_status *status)
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

static inline void wait_for(rpc_loop *loop, const bool *flag)
{
    for (int i = 0; i < 6000 && !*flag; i++)
        rpc_loop_poll(loop, 5);
    assert_true(*flag);
}

static inline void half_close_and_wait(struct fixture *f, rpc_call *call, struct client *c)
{
    rpc_half_close(call);
    wait_for(f->loop, &c->closed);
}

static inline void set_flag(void *ctx)
{
    *(bool *)ctx = true;
}

#endif
