/*
 * orderer.c: takes signed transactions in order, cuts them into blocks and has them committed.
 *
 * Checks, cutting rules and texts are Fabric's: orderer/common/{broadcast,msgprocessor,blockcutter}. An envelope is
 * acknowledged when it is enqueued, so what a kill loses was never reported as committed.
 */
#include "devnet/internal.h"

#include "base/log.h"
#include "protos/unpack.h"

#include "common/common.pb-c.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
    BLOCK_ARENA = 1024 * 1024 * 1024,
    TRANSIENT_BLOCKS = 1000, /* private data of proposals that were never submitted are forgotten after so many */
    TRANSIENT_PURGE = 100,
};

struct pending {
    struct pending *next;
    size_t len;
    uint8_t bytes[];
};

struct devnet_orderer {
    struct devnet *net;
    msp_signer *signer;
    uint32_t timeout_ms;
    struct pending *first, **last;
    size_t count;
    size_t size; /* payloads and signatures */
    rpc_timer *timer;
};

/* ---- blocks ------------------------------------------------------------------------------------------------------ */

static void commit(devnet_orderer *o, const fcc_bytes *envelopes, size_t count)
{
    struct devnet *net = o->net;
    fcc__arena *arena = fcc__arena_new(BLOCK_ARENA);
    ledger_committed committed;
    fcc_error error = { 0 };
    fcc_bytes block;
    size_t invalid = 0;
    fcc_status st;

    st = arena ? ledger_next_block(net->ledger, envelopes, count, o->signer, arena, &block) : FCC_ERR_NOMEM;
    if (st != FCC_OK)
        fcc_error_set(&error, st, "the next block cannot be made: %s", fcc_status_text(st));
    else
        st = ledger_commit(net->ledger, block, arena, &committed, &error);
    if (st != FCC_OK) {
        devnet_fail(net, st, error.text);
        fcc__arena_free(arena);
        return;
    }
    for (size_t i = 0; i < committed.count; i++)
        if (committed.codes[i] != 0) {
            invalid++;
            fcc__log(FCC__WARN, "transaction " FCC_FMT " is invalid: %s: %s", FCC_ARG(committed.txids[i]),
                     ledger_code_name(committed.codes[i]), ledger_why(net->ledger, &committed, i, NULL, arena));
        }
    fcc__log(FCC__DEBUG, "block %" PRIu64 ": %zu transactions, %zu invalid", committed.number, committed.count,
             invalid);
    if (committed.number > TRANSIENT_BLOCKS && committed.number % TRANSIENT_PURGE == 0)
        ledger_transient_purge(net->ledger, committed.number - TRANSIENT_BLOCKS);
    devnet_gateway_committed(net, &committed);
    devnet_events_committed(net);
    devnet_deliver_committed(net);
    fcc__arena_free(arena);
}

/* Everything that is pending becomes a block. */
static void cut(devnet_orderer *o)
{
    struct pending *p = o->first, *next;
    fcc_bytes *envelopes;
    size_t count = o->count, n = 0;

    rpc_timer_cancel(o->timer);
    o->timer = NULL;
    if (count == 0)
        return;
    o->first = NULL;
    o->last = &o->first;
    o->count = 0;
    o->size = 0;
    envelopes = calloc(count, sizeof(*envelopes));
    if (envelopes) {
        for (struct pending *e = p; e; e = e->next)
            envelopes[n++] = fcc_bytes_of(e->bytes, e->len);
        commit(o, envelopes, n);
    } else
        devnet_fail(o->net, FCC_ERR_NOMEM, "out of memory while cutting a block");
    for (; p; p = next) {
        next = p->next;
        free(p);
    }
    free(envelopes);
}

static void on_timeout(void *ctx)
{
    devnet_orderer *o = ctx;

    o->timer = NULL;
    cut(o);
}

static bool enqueue(devnet_orderer *o, fcc_bytes envelope, size_t size)
{
    struct pending *p = malloc(sizeof(*p) + envelope.len);

    if (!p)
        return false;
    p->next = NULL;
    p->len = envelope.len;
    memcpy(p->bytes, envelope.data, envelope.len);
    *o->last = p;
    o->last = &p->next;
    o->count++;
    o->size += size;
    return true;
}

static bool order(devnet_orderer *o, fcc_bytes envelope, size_t size)
{
    const msp_channel *channel = ledger_channel(o->net->ledger);
    size_t preferred = msp_channel_preferred_max_bytes(channel);

    if (size > preferred) { /* alone in a block of its own */
        cut(o);
        if (!enqueue(o, envelope, size))
            return false;
        cut(o);
        return true;
    }
    if (o->size + size > preferred)
        cut(o);
    if (!enqueue(o, envelope, size))
        return false;
    if (o->count >= msp_channel_max_message_count(channel))
        cut(o);
    else if (!o->timer)
        o->timer = rpc_timer_start(o->net->loop, o->timeout_ms, on_timeout, o);
    return true;
}

void devnet_orderer_flush(devnet_orderer *o)
{
    cut(o);
}

/* ---- what may come in -------------------------------------------------------------------------------------------- */

static devnet_broadcast answer(Common__Status status, const char *info)
{
    return (devnet_broadcast){ .status = status, .info = info ? info : "" };
}

/* /Channel/Writers, as Fabric's SigFilter asks it. */
static devnet_broadcast check_writer(devnet_orderer *o, const Common__SignatureHeader *header,
                                     const Common__Envelope *envelope, fcc__arena *arena)
{
    const msp_channel *channel = ledger_channel(o->net->ledger);
    const fcc_bytes payload = fcc__of_pb(envelope->payload);
    const int64_t expires = peer_creator_expires(fcc__of_pb(header->creator));
    const msp_identity *creator = NULL;
    fcc_error why = { 0 };
    fcc_status st;

    if (expires != 0 && expires < devnet_now_ns(o->net) / 1000000000)
        return answer(COMMON__STATUS__BAD_REQUEST, "broadcast client identity expired");
    st = msp_deserialize(msp_channel_manager(channel), fcc__of_pb(header->creator), &creator, &why);
    if (st == FCC_OK)
        st = msp_validate(creator, &why);
    if (st == FCC_OK)
        st = msp_verify(creator, &payload, 1, fcc__of_pb(envelope->signature), &why);
    if (st == FCC_OK)
        st = msp_channel_evaluate(channel, "/Channel/Writers", &creator, 1, &why);
    else
        fcc_error_set(
            &why, FCC_ERR_AUTH,
            "implicit policy evaluation failed - 0 sub-policies were satisfied, but this policy requires 1 of "
            "the 'Writers' sub-policies to be satisfied");
    if (st == FCC_OK)
        return answer(COMMON__STATUS__SUCCESS, "");
    return answer(COMMON__STATUS__FORBIDDEN, fcc__arena_printf(arena, "%s: permission denied", why.text));
}

devnet_broadcast devnet_orderer_submit(devnet_orderer *o, const Common__Envelope *envelope, fcc__arena *arena)
{
    const msp_channel *channel = ledger_channel(o->net->ledger);
    size_t size = envelope->payload.len + envelope->signature.len, most = msp_channel_absolute_max_bytes(channel);
    Common__Payload *payload;
    Common__ChannelHeader *channel_header;
    Common__SignatureHeader *signature_header;
    devnet_broadcast judged;
    fcc_bytes wire;

    if (FCC__UNPACK(common__payload, fcc__of_pb(envelope->payload), arena, &payload) != FCC_OK || !payload->header)
        return answer(COMMON__STATUS__BAD_REQUEST, "could not determine channel ID: bad payload or missing header");
    if (FCC__UNPACK(common__channel_header, fcc__of_pb(payload->header->channel_header), arena, &channel_header) !=
            FCC_OK ||
        FCC__UNPACK(common__signature_header, fcc__of_pb(payload->header->signature_header), arena,
                    &signature_header) != FCC_OK)
        return answer(COMMON__STATUS__BAD_REQUEST, "could not determine channel ID: bad header");
    if (!fcc_bytes_equal(fcc__of_pb(channel_header->channel_id), fcc_str(msp_channel_id(channel))))
        return answer(COMMON__STATUS__BAD_REQUEST, "channel does not exist");
    if (channel_header->type == COMMON__HEADER_TYPE__CONFIG ||
        channel_header->type == COMMON__HEADER_TYPE__CONFIG_UPDATE)
        return answer(COMMON__STATUS__BAD_REQUEST, "message is of type that cannot be processed directly");
    if (envelope->payload.len == 0 || payload->data.len == 0)
        return answer(COMMON__STATUS__BAD_REQUEST, "message payload is empty");
    if (size > most)
        return answer(
            COMMON__STATUS__BAD_REQUEST,
            fcc__arena_printf(arena, "message payload is %zu bytes and exceeds maximum allowed %zu bytes", size, most));
    judged = check_writer(o, signature_header, envelope, arena);
    if (judged.status != COMMON__STATUS__SUCCESS)
        return judged;
    if (fcc__pack(envelope, arena, &wire) != FCC_OK || !ledger_envelope_canonical(wire, arena))
        return answer(COMMON__STATUS__BAD_REQUEST, "the envelope is not in its canonical form");
    if (o->net->status != FCC_OK || !order(o, wire, size))
        return answer(COMMON__STATUS__SERVICE_UNAVAILABLE, "the orderer is stopping");
    return answer(COMMON__STATUS__SUCCESS, "");
}

/* ---- orderer.AtomicBroadcast ------------------------------------------------------------------------------------- */

static void on_envelope(rpc_call *call, void *ctx, fcc_bytes message)
{
    devnet_orderer *o = ctx;
    Orderer__BroadcastResponse response = ORDERER__BROADCAST_RESPONSE__INIT;
    devnet_broadcast judged = answer(COMMON__STATUS__BAD_REQUEST, "the message is no Envelope");
    fcc__arena *arena = fcc__arena_new(PEER_ARENA_CAP);
    Common__Envelope *envelope;
    fcc_bytes wire;

    if (arena && FCC__UNPACK(common__envelope, message, arena, &envelope) == FCC_OK)
        judged = devnet_orderer_submit(o, envelope, arena);
    response.status = judged.status;
    response.info = fcc__pb(fcc_str(judged.info));
    if (!arena || fcc__pack(&response, arena, &wire) != FCC_OK || rpc_send(call, wire) != FCC_OK)
        rpc_cancel(call);
    else if (judged.status != COMMON__STATUS__SUCCESS)
        rpc_finish(call, RPC_OK, FCC_LIT(""), FCC_LIT(""));
    fcc__arena_free(arena);
}

static void on_half_close(rpc_call *call, void *ctx)
{
    (void)ctx;
    rpc_finish(call, RPC_OK, FCC_LIT(""), FCC_LIT(""));
}

static const rpc_events broadcast_events = { .on_message = on_envelope, .on_half_close = on_half_close };

static const rpc_events *accept_broadcast(rpc_call *call, void *ctx, void **call_ctx)
{
    (void)call;
    *call_ctx = ctx;
    return &broadcast_events;
}

fcc_status devnet_orderer_serve(devnet_orderer *o, rpc_server *server)
{
    fcc_status st = rpc_server_method(server, "/orderer.AtomicBroadcast/Broadcast", accept_broadcast, o);

    return st == FCC_OK ? devnet_deliver_serve_orderer(o->net, server) : st;
}

/* ---- from start to end ------------------------------------------------------------------------------------------- */

fcc_status devnet_orderer_new(struct devnet *net, const char *msp_dir, uint32_t timeout_ms, devnet_orderer **out,
                              fcc_error *error)
{
    devnet_orderer *o = calloc(1, sizeof(*o));
    fcc_status st;

    if (!o)
        return fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
    st = msp_signer_load(msp_dir, net->network->orderer.mspid, &o->signer, error);
    if (st != FCC_OK) {
        free(o);
        return st;
    }
    o->net = net;
    o->timeout_ms = timeout_ms;
    o->last = &o->first;
    *out = o;
    return FCC_OK;
}

void devnet_orderer_free(devnet_orderer *o)
{
    struct pending *next;

    if (!o)
        return;
    rpc_timer_cancel(o->timer);
    for (struct pending *p = o->first; p; p = next) {
        next = p->next;
        free(p);
    }
    msp_signer_free(o->signer);
    free(o);
}
