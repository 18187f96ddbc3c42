/* The stream of chaincode events. */
#include "client/private.h"

#include "protos/unpack.h"

#include "gateway/gateway.pb-c.h"

#include <time.h>

enum { EVENTS_ARENA_MAX = 64 << 20 };

typedef struct stream {
    client_on_event on_event;
    void *ctx;
    fcc__arena *arena; /* of one message */
    bool ended;        /* on_closed came */
    bool stopped;      /* by the callback */
    bool heard;        /* since the last look */
    fcc_status st;
    fcc_error *error;
} stream;

static void on_message(rpc_call *call, void *ctx, fcc_bytes message)
{
    stream *s = ctx;
    Gateway__ChaincodeEventsResponse *m;
    size_t i;

    if (s->stopped)
        return;
    s->heard = true;
    fcc__arena_reset(s->arena);
    s->st = FCC__UNPACK(gateway__chaincode_events_response, message, s->arena, &m);
    if (s->st != FCC_OK) {
        fcc_error_set(s->error, s->st, "the gateway sent something that is no event");
        s->stopped = true;
        rpc_cancel(call);
        return;
    }
    for (i = 0; i < m->n_events && !s->stopped; i++) {
        client_event e;

        e.block = m->block_number;
        e.txid = fcc__of_pb(m->events[i]->tx_id);
        e.chaincode = fcc__of_pb(m->events[i]->chaincode_id);
        e.name = fcc__of_pb(m->events[i]->event_name);
        e.payload = fcc__of_pb(m->events[i]->payload);
        if (!s->on_event(s->ctx, &e)) {
            s->stopped = true;
            rpc_cancel(call);
        }
    }
}

static void on_closed(rpc_call *call, void *ctx, const rpc_status *status)
{
    stream *s = ctx;
    client_answer answer = { 0 };

    s->ended = true;
    if (!s->stopped && status->code != RPC_OK) {
        fcc__arena_reset(s->arena);
        s->st = client__ended(status->code, status->message, status->details, s->arena, &answer, s->error);
    }
}

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

fcc_status client_events(client *c, const client_events_options *o, client_on_event on_event, void *ctx,
                         fcc_error *error)
{
    static const rpc_events events = { .on_message = on_message, .on_closed = on_closed };
    fcc_status st = FCC_ERR_NOMEM;
    fcc_bytes bytes, signature;
    stream s = { 0 };
    int64_t heard_at;
    rpc_call *call;
    Orderer__SeekNextCommit next = ORDERER__SEEK_NEXT_COMMIT__INIT;
    Orderer__SeekSpecified specified = ORDERER__SEEK_SPECIFIED__INIT;
    Orderer__SeekPosition position = ORDERER__SEEK_POSITION__INIT;
    Gateway__ChaincodeEventsRequest request = GATEWAY__CHAINCODE_EVENTS_REQUEST__INIT;
    Gateway__SignedChaincodeEventsRequest outer = GATEWAY__SIGNED_CHAINCODE_EVENTS_REQUEST__INIT;

    s.on_event = on_event;
    s.ctx = ctx;
    s.error = error;
    s.arena = fcc__arena_new(EVENTS_ARENA_MAX);
    if (!s.arena) {
        fcc_error_set(error, st, "out of memory");
        goto out;
    }
    if (o->from_block < 0) {
        position.type_case = ORDERER__SEEK_POSITION__TYPE_NEXT_COMMIT;
        position.next_commit = &next;
    } else {
        specified.number = (uint64_t)o->from_block;
        position.type_case = ORDERER__SEEK_POSITION__TYPE_SPECIFIED;
        position.specified = &specified;
    }
    request.channel_id = fcc__pb(fcc_str(c->channel));
    request.chaincode_id = fcc__pb(fcc_str(o->chaincode));
    request.identity = fcc__pb(msp_signer_identity(c->signer));
    request.start_position = &position;
    request.after_transaction_id = fcc__pb(fcc_str(o->after_txid));
    if ((st = fcc__pack(&request, s.arena, &bytes)) != FCC_OK ||
        (st = msp_sign(c->signer, &bytes, 1, s.arena, &signature)) != FCC_OK) {
        fcc_error_set(error, st, "the request for events cannot be made: %s", fcc_status_text(st));
        goto out;
    }
    outer.request = fcc__pb(bytes);
    outer.signature = fcc__pb(signature);
    if ((st = fcc__pack(&outer, s.arena, &bytes)) != FCC_OK ||
        (st = rpc_open(c->connection, "/gateway.Gateway/ChaincodeEvents", -1, false, &events, &s, &call)) != FCC_OK) {
        fcc_error_set(error, st, "the stream of events cannot be opened: %s", fcc_status_text(st));
        goto out;
    }
    st = rpc_send(call, bytes);
    rpc_half_close(call);
    if (st != FCC_OK) {
        fcc_error_set(error, st, "the request for events cannot be sent: %s", fcc_status_text(st));
        s.stopped = true;
        rpc_cancel(call);
    }
    heard_at = now_ms();
    while (!s.ended) {
        s.heard = false;
        rpc_loop_poll(c->loop, o->idle_ms > 0 && o->idle_ms < 1000 ? (int)o->idle_ms : 1000);
        if (s.heard)
            heard_at = now_ms();
        else if (!s.stopped && !s.ended && o->idle_ms > 0 && now_ms() - heard_at >= o->idle_ms) {
            s.stopped = true;
            rpc_cancel(call);
        }
    }
    if (st == FCC_OK)
        st = s.st;
out:
    fcc__arena_free(s.arena);
    return st;
}
