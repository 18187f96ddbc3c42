/* unary.c: one call from start to end while the loop is polled, for command-line programs. */
#include "rpc/internal.h"

#include <stdlib.h>
#include <string.h>

struct unary {
    rpc_reply *out;
    bool ended;
    bool no_memory;
};

static bool copy(fcc_bytes from, fcc_bytes *to)
{
    uint8_t *data = NULL;

    if (from.len) {
        data = malloc(from.len);
        if (!data)
            return false;
        memcpy(data, from.data, from.len);
    }
    *to = fcc_bytes_of(data, from.len);
    return true;
}

static void on_message(rpc_call *call, void *ctx, fcc_bytes message)
{
    struct unary *u = ctx;

    (void)call;
    free((void *)(uintptr_t)u->out->body.data);
    u->out->body = (fcc_bytes){ NULL, 0 };
    if (!copy(message, &u->out->body))
        u->no_memory = true;
}

static void on_closed(rpc_call *call, void *ctx, const rpc_status *status)
{
    struct unary *u = ctx;

    (void)call;
    u->ended = true;
    u->out->code = status->code;
    if (!copy(status->message, &u->out->message) || !copy(status->details, &u->out->details))
        u->no_memory = true;
}

static const rpc_events events = { .on_message = on_message, .on_closed = on_closed };

fcc_status rpc_unary(rpc_channel *channel, const char *path, fcc_bytes request, int64_t timeout_ms, rpc_reply *out)
{
    rpc_reply reply = { .code = RPC_OK };
    struct unary u = { .out = &reply };
    rpc_call *call;
    fcc_status st;

    FCC_REQUIRE(channel && channel->magic == RPC__CHANNEL_MAGIC && !channel->loop->in_callback);
    if (request.len > RPC_MAX_MESSAGE)
        return FCC_ERR_LIMIT;
    st = rpc_open(channel, path, timeout_ms, false, &events, &u, &call);
    if (st != FCC_OK)
        return st;
    st = rpc_send(call, request);
    if (st == FCC_OK)
        rpc_half_close(call);
    else
        rpc_cancel(call);
    while (!u.ended)
        rpc__turn(channel->loop, RPC__FOREVER);
    if (st == FCC_OK && u.no_memory)
        st = FCC_ERR_NOMEM;
    if (st != FCC_OK) {
        rpc_reply_clear(&reply);
        return st;
    }
    *out = reply;
    return FCC_OK;
}

void rpc_reply_clear(rpc_reply *reply)
{
    free((void *)(uintptr_t)reply->message.data);
    free((void *)(uintptr_t)reply->details.data);
    free((void *)(uintptr_t)reply->body.data);
    *reply = (rpc_reply){ .code = RPC_OK };
}
