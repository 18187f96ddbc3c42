/* The stream of chaincode events. */
#include "client/private.h"

#include "protos/unpack.h"

#include "gateway/gateway.pb-c.h"

enum { EVENTS_ARENA_MAX = 64 << 20 };

typedef struct listener {
    client_on_event on_event;
    void *ctx;
    fcc__arena *arena; /* of one message */
    fcc_status st;
    fcc_error *error;
} listener;

static bool on_message(void *ctx, fcc_bytes message)
{
    listener *l = ctx;
    Gateway__ChaincodeEventsResponse *m;
    size_t i;

    fcc__arena_reset(l->arena);
    l->st = FCC__UNPACK(gateway__chaincode_events_response, message, l->arena, &m);
    if (l->st != FCC_OK) {
        fcc_error_set(l->error, l->st, "the gateway sent something that is no event");
        return false;
    }
    for (i = 0; i < m->n_events; i++) {
        client_event e;

        e.block = m->block_number;
        e.txid = fcc__of_pb(m->events[i]->tx_id);
        e.chaincode = fcc__of_pb(m->events[i]->chaincode_id);
        e.name = fcc__of_pb(m->events[i]->event_name);
        e.payload = fcc__of_pb(m->events[i]->payload);
        if (!l->on_event(l->ctx, &e))
            return false;
    }
    return true;
}

fcc_status client_events_request(client *c, const client_events_options *o, fcc__arena *arena, fcc_bytes *out,
                                 fcc_error *error)
{
    Orderer__SeekNextCommit next = ORDERER__SEEK_NEXT_COMMIT__INIT;
    Orderer__SeekSpecified specified = ORDERER__SEEK_SPECIFIED__INIT;
    Orderer__SeekPosition position = ORDERER__SEEK_POSITION__INIT;
    Gateway__ChaincodeEventsRequest request = GATEWAY__CHAINCODE_EVENTS_REQUEST__INIT;
    fcc_status st;

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
    request.identity = fcc__pb(c->identity);
    request.start_position = &position;
    request.after_transaction_id = fcc__pb(fcc_str(o->after_txid));
    st = fcc__pack(&request, arena, out);
    return st == FCC_OK ? st : client__no_memory(error, st);
}

fcc_status client_events(client *c, const client_events_options *o, client_on_event on_event, void *ctx,
                         fcc_error *error)
{
    listener l = { .on_event = on_event, .ctx = ctx, .arena = fcc__arena_new(EVENTS_ARENA_MAX), .error = error };
    client__stream s = { .path = "/gateway.Gateway/ChaincodeEvents",
                         .address = c->gateway->address,
                         .on_message = on_message,
                         .ctx = &l,
                         .idle_ms = o->idle_ms,
                         .deadline_ms = -1 };
    Gateway__SignedChaincodeEventsRequest outer = GATEWAY__SIGNED_CHAINCODE_EVENTS_REQUEST__INIT;
    fcc_bytes bytes = o->request, signature = o->signature;
    fcc_status st;

    if (!l.arena)
        return fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
    if (bytes.len == 0 &&
        ((st = client_events_request(c, o, l.arena, &bytes, error)) != FCC_OK ||
         (st = client__sign(c, "the request for events", bytes, l.arena, &signature, error)) != FCC_OK))
        goto out;
    outer.request = fcc__pb(bytes);
    outer.signature = fcc__pb(signature);
    if ((st = fcc__pack(&outer, l.arena, &bytes)) != FCC_OK) {
        client__no_memory(error, st);
        goto out;
    }
    if ((st = client__stream_open(c, c->connection, &s, bytes, error)) == FCC_OK)
        st = client__stream_run(c, &s);
    if (st == FCC_OK)
        st = l.st;
out:
    fcc__arena_free(l.arena);
    return st;
}
