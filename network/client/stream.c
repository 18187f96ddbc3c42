/* A call that gets one message from here and any number back. */
#include "client/private.h"

#include <time.h>

int64_t client__now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void on_message(rpc_call *call, void *ctx, fcc_bytes message)
{
    client__stream *s = ctx;

    rpc_loop_stop(s->loop); /* who waits for this looks at once */
    if (s->stopped)
        return;
    s->heard = true;
    if (!s->on_message(s->ctx, message)) {
        s->stopped = true;
        rpc_cancel(call);
    }
}

static void on_closed(rpc_call *call, void *ctx, const rpc_status *status)
{
    client__stream *s = ctx;
    client_answer answer = { 0 };
    fcc__arena *arena;

    (void)call;
    rpc_loop_stop(s->loop);
    s->ended = true;
    if (s->stopped || status->code == RPC_OK)
        return;
    arena = fcc__arena_new(1 << 20);
    s->st = arena ? client__ended(status->code, status->message, status->details, arena, &answer, s->error)
                  : fcc_error_set(s->error, FCC_ERR_NOMEM, "out of memory");
    fcc__arena_free(arena);
}

fcc_status client__stream_open(client *c, rpc_channel *connection, client__stream *s, fcc_bytes request,
                               fcc_error *error)
{
    static const rpc_events events = { .on_message = on_message, .on_closed = on_closed };
    fcc_status st;

    s->st = FCC_OK;
    s->error = error;
    s->loop = c->loop;
    st = rpc_open(connection, s->path, s->deadline_ms, false, &events, s, &s->call);
    if (st != FCC_OK)
        return fcc_error_set(error, st, "%s at %s: %s", s->path, s->address, fcc_status_text(st));
    st = rpc_send(s->call, request);
    rpc_half_close(s->call);
    if (st == FCC_OK)
        return FCC_OK;
    client__stream_stop(c, s);
    return fcc_error_set(error, st, "%s at %s: the request cannot be sent: %s", s->path, s->address,
                         fcc_status_text(st));
}

fcc_status client__stream_run(client *c, client__stream *s)
{
    int64_t heard_at = client__now_ms();

    while (!s->ended) {
        s->heard = false;
        rpc_loop_poll(c->loop, s->idle_ms > 0 && s->idle_ms < 1000 ? (int)s->idle_ms : 1000);
        if (s->heard) {
            heard_at = client__now_ms();
        } else if (!s->stopped && !s->ended && s->idle_ms > 0 && client__now_ms() - heard_at >= s->idle_ms) {
            s->stopped = true;
            s->idle = true;
            rpc_cancel(s->call);
        }
    }
    return s->st;
}

void client__stream_stop(client *c, client__stream *s)
{
    if (s->ended || !s->call)
        return;
    if (!s->stopped) {
        s->stopped = true;
        rpc_cancel(s->call);
    }
    while (!s->ended)
        rpc_loop_poll(c->loop, 1000);
}
