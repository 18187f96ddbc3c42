/*
 * events.c: gateway.Gateway/ChaincodeEvents. A stream reads the ledger's blocks one after the other, those that are
 * committed already and those to come, and slows down when its client does.
 */
#include "devnet/internal.h"

#include "protos/unpack.h"

#include "common/common.pb-c.h"
#include "peer/chaincode_event.pb-c.h"

#include <stdlib.h>

enum { BACKLOG_MAX = 1 << 20, RETRY_MS = 20, BLOCKS_AT_ONCE = 64, BLOCK_ARENA = 1024 * 1024 * 1024 };

struct devnet_events {
    devnet_peer *peer;
    rpc_call *rpc;
    devnet_events *next;
    fcc__arena *arena; /* the request */
    fcc_bytes chaincode;
    fcc_bytes after; /* transaction id; empty once it has been passed */
    uint64_t block;  /* the next to be read */
    bool started;
    rpc_timer *timer;
};

static void refuse(devnet_events *s, rpc_code code, const char *text)
{
    rpc_finish(s->rpc, code, fcc_str(text), FCC_LIT(""));
}

/* ---- one block --------------------------------------------------------------------------------------------------- */

/* Fabric passes over an event that misses one of these. */
static bool is_whole(const Protos__ChaincodeEvent *event)
{
    return event->chaincode_id.len > 0 && event->event_name.len > 0 && event->tx_id.len > 0;
}

/* Does the client get this event? Up to and including the checkpoint's transaction it doesn't. */
static bool matches(devnet_events *s, const Protos__ChaincodeEvent *event)
{
    if (s->after.len > 0) {
        if (fcc_bytes_equal(fcc__of_pb(event->tx_id), s->after))
            s->after.len = 0;
        return false;
    }
    return fcc_bytes_equal(fcc__of_pb(event->chaincode_id), s->chaincode);
}

static fcc_status send_block(devnet_events *s, fcc__arena *arena)
{
    Gateway__ChaincodeEventsResponse response = GATEWAY__CHAINCODE_EVENTS_RESPONSE__INIT;
    Common__Block *block;
    fcc_bytes wire, filter = { NULL, 0 };
    fcc_status st;

    if ((st = ledger_block(s->peer->net->ledger, s->block, arena, &wire)) != FCC_OK)
        return st;
    if ((st = FCC__UNPACK(common__block, wire, arena, &block)) != FCC_OK)
        return st;
    if (!block->data || !block->metadata)
        return FCC_ERR_CORRUPT;
    if (block->metadata->n_metadata > COMMON__BLOCK_METADATA_INDEX__TRANSACTIONS_FILTER)
        filter = fcc__of_pb(block->metadata->metadata[COMMON__BLOCK_METADATA_INDEX__TRANSACTIONS_FILTER]);
    response.events = fcc__arena_zalloc(arena, block->data->n_data, sizeof(*response.events));
    if (!response.events)
        return FCC_ERR_LIMIT;
    for (size_t i = 0; i < block->data->n_data; i++) {
        Protos__ChaincodeEvent *event;
        ledger_tx tx;

        if (i >= filter.len || filter.data[i] != 0 ||
            ledger_tx_parse(fcc__of_pb(block->data->data[i]), arena, &tx) != FCC_OK || tx.event.len == 0)
            continue;
        if (FCC__UNPACK(protos__chaincode_event, tx.event, arena, &event) == FCC_OK && is_whole(event) &&
            matches(s, event))
            response.events[response.n_events++] = event;
    }
    if (response.n_events == 0)
        return FCC_OK;
    response.block_number = s->block;
    if ((st = fcc__pack(&response, arena, &wire)) != FCC_OK)
        return st;
    return rpc_send(s->rpc, wire);
}

static void pump_later(void *ctx);

/* All blocks that are there, as far as the client keeps up. */
static void pump(devnet_events *s)
{
    struct devnet *net = s->peer->net;
    fcc__arena *arena;
    fcc_status st = FCC_OK;

    if (!s->started || s->timer || s->block >= ledger_height(net->ledger))
        return;
    arena = fcc__arena_new(BLOCK_ARENA);
    if (!arena)
        st = FCC_ERR_NOMEM;
    for (int n = 0; st == FCC_OK && s->block < ledger_height(net->ledger); n++) {
        if (n == BLOCKS_AT_ONCE || rpc_backlog(s->rpc) > BACKLOG_MAX) {
            s->timer = rpc_timer_start(net->loop, n == BLOCKS_AT_ONCE ? 0 : RETRY_MS, pump_later, s);
            break;
        }
        st = send_block(s, arena);
        s->block++;
        fcc__arena_reset(arena);
    }
    fcc__arena_free(arena);
    if (st != FCC_OK) {
        s->started = false;
        refuse(s, RPC_ABORTED, fcc_status_text(st));
    }
}

static void pump_later(void *ctx)
{
    devnet_events *s = ctx;

    s->timer = NULL;
    pump(s);
}

void devnet_events_committed(struct devnet *net)
{
    for (devnet_events *s = net->streams; s; s = s->next)
        pump(s);
}

/* ---- the request ------------------------------------------------------------------------------------------------- */

static bool find_start(devnet_events *s, const Gateway__ChaincodeEventsRequest *request)
{
    const ledger *l = s->peer->net->ledger;
    const Orderer__SeekPosition *position = request->start_position;
    ledger_place place;

    if (request->after_transaction_id.len > 0 &&
        ledger_find_tx(l, fcc__of_pb(request->after_transaction_id), &place) == FCC_OK) {
        s->block = place.block;
        return true;
    }
    s->block = ledger_height(l);
    if (!position)
        return true;
    switch (position->type_case) {
    case ORDERER__SEEK_POSITION__TYPE_SPECIFIED:
        s->block = position->specified->number;
        return true;
    case ORDERER__SEEK_POSITION__TYPE_OLDEST:
        refuse(s, RPC_INVALID_ARGUMENT, "invalid start position type: *orderer.SeekPosition_Oldest");
        return false;
    case ORDERER__SEEK_POSITION__TYPE_NEWEST:
        refuse(s, RPC_INVALID_ARGUMENT, "invalid start position type: *orderer.SeekPosition_Newest");
        return false;
    default:
        return true;
    }
}

static void on_message(rpc_call *rpc, void *ctx, fcc_bytes message)
{
    devnet_events *s = ctx;
    Gateway__SignedChaincodeEventsRequest *wrapped;
    Gateway__ChaincodeEventsRequest *request;
    fcc_error why;

    (void)rpc;
    if (s->started)
        return;
    if (FCC__UNPACK(gateway__signed_chaincode_events_request, message, s->arena, &wrapped) != FCC_OK)
        refuse(s, RPC_INTERNAL,
               "grpc: failed to unmarshal the received message: proto: cannot parse invalid wire-format "
               "data");
    else if (wrapped->request.len == 0)
        refuse(s, RPC_INVALID_ARGUMENT, "a chaincode events request is required");
    else if (FCC__UNPACK(gateway__chaincode_events_request, fcc__of_pb(wrapped->request), s->arena, &request) != FCC_OK)
        refuse(s, RPC_INVALID_ARGUMENT,
               "invalid chaincode events request: proto: cannot parse invalid wire-format data");
    else if (devnet_permit(s->peer, "gateway/ChaincodeEvents", fcc__of_pb(request->channel_id),
                           fcc__of_pb(wrapped->request), fcc__of_pb(request->identity), fcc__of_pb(wrapped->signature),
                           &why) != FCC_OK)
        refuse(s, RPC_PERMISSION_DENIED, why.text);
    else if (!devnet_knows(s->peer->net, fcc__of_pb(request->channel_id))) {
        fcc_error_set(&why, FCC_ERR_NOT_FOUND, "channel does not exist: " FCC_FMT,
                      FCC_ARG(fcc__of_pb(request->channel_id)));
        refuse(s, RPC_NOT_FOUND, why.text);
    } else if (find_start(s, request)) {
        s->chaincode = fcc__of_pb(request->chaincode_id);
        s->after = fcc__of_pb(request->after_transaction_id);
        s->started = true;
        pump(s);
    }
}

static void on_closed(rpc_call *rpc, void *ctx, const rpc_status *status)
{
    devnet_events *s = ctx, **link;

    (void)rpc;
    (void)status;
    for (link = &s->peer->net->streams; *link; link = &(*link)->next)
        if (*link == s) {
            *link = s->next;
            break;
        }
    s->peer->gateway_calls--;
    rpc_timer_cancel(s->timer);
    fcc__arena_free(s->arena);
    free(s);
}

static const rpc_events stream_events = { .on_message = on_message, .on_closed = on_closed };

static const rpc_events *accept_stream(rpc_call *rpc, void *ctx, void **call_ctx)
{
    devnet_peer *peer = ctx;
    devnet_events *s;

    if (!devnet_gateway_enter(peer, rpc))
        return NULL;
    s = calloc(1, sizeof(*s));
    if (s)
        s->arena = fcc__arena_new(1 << 22);
    if (!s || !s->arena) {
        free(s);
        peer->gateway_calls--;
        rpc_finish(rpc, RPC_RESOURCE_EXHAUSTED, FCC_LIT("out of memory"), FCC_LIT(""));
        return NULL;
    }
    s->peer = peer;
    s->rpc = rpc;
    s->next = peer->net->streams;
    peer->net->streams = s;
    *call_ctx = s;
    return &stream_events;
}

fcc_status devnet_events_serve(devnet_peer *peer)
{
    return rpc_server_method(peer->server, "/gateway.Gateway/ChaincodeEvents", accept_stream, peer);
}
