/*
 * deliver.c: protos.Deliver on the peers and orderer.AtomicBroadcast/Deliver: streams of blocks, those that are there
 * and those to come. Fabric: common/deliver, core/peer/deliverevents.go, orderer/common/server.
 *
 * A stream serves one request after the other; while one runs, nothing is read from it. It reads a block when it can be
 * sent and never ahead of its client: what is queued is bounded, and goes on when the transport has taken it.
 */
#include "devnet/internal.h"

#include "base/log.h"
#include "devnet/seek.h"
#include "msp/acl.h"
#include "protos/unpack.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    BACKLOG_MAX = 1 << 20,
    BLOCKS_AT_ONCE = 64, /* of one stream, before others get their turn */
    BLOCK_ARENA = 1024 * 1024 * 1024,
    REQUEST_ARENA = 16 << 20,
    TIME_WINDOW_S = 15 * 60,
    CONCURRENT = 2500,
};

/* What is sent of a block. */
enum form { BLOCKS, FILTERED, WITH_PRIVATE_DATA, AS_ORDERED };

struct devnet_deliver {
    struct devnet *net;
    devnet_peer *peer; /* NULL: the orderer's */
    enum form form;
    rpc_call *rpc;
    devnet_deliver *next;
    fcc__arena *arena; /* the request that runs */
    bool running;
    bool blocked; /* until the transport has taken what is queued */
    rpc_timer *timer;
    devnet_seek seek;
    msp_signed request;
    int64_t expires; /* the client's certificate, seconds since 1970; 0: never */
    bool judged;
    uint64_t judged_at; /* sequence of the configuration by which it may */
};

/* ---- may the client have it? -------------------------------------------------------------------------------------- */

static const char *service(const devnet_deliver *s)
{
    return s->peer ? s->peer->org->mspid : s->net->network->orderer.mspid;
}

static void say(const devnet_deliver *s, const char *what)
{
    fcc__log(FCC__INFO, "deliver of %s to %s: %s", service(s), rpc_peer(s->rpc), what);
}

static bool policy_allows(devnet_deliver *s, fcc_error *why)
{
    const msp_channel *channel = ledger_channel(s->net->ledger);
    const msp_acl acl = { .channel = channel, .channel_id = fcc_str(msp_channel_id(channel)) };
    const msp_identity *signer;
    size_t count;

    if (s->form != AS_ORDERED)
        return msp_acl_check(&acl, s->form == FILTERED ? "event/FilteredBlock" : "event/Block", MSP_ACL_DATA,
                             &s->request, why) == FCC_OK;
    msp_signers_of(msp_channel_manager(channel), &s->request, 1, &signer, &count);
    return msp_channel_evaluate(channel, "/Channel/Readers", &signer, count, why) == FCC_OK;
}

/* Asked before each block: the configuration may have changed, or the certificate ended. */
static bool allowed(devnet_deliver *s)
{
    const uint64_t sequence = msp_channel_sequence(ledger_channel(s->net->ledger));
    fcc_error why = { 0 };

    if (s->expires != 0 && devnet_now_ns(s->net) > s->expires * 1000000000) {
        say(s, "deliver client identity expired");
        return false;
    }
    if (s->judged && sequence <= s->judged_at)
        return true;
    s->judged = true;
    s->judged_at = sequence;
    if (policy_allows(s, &why))
        return true;
    say(s, why.text);
    return false;
}

/* ---- answers ------------------------------------------------------------------------------------------------------ */

/* A DeliverResponse with one field that is a message: the orderer's and the peer's number them alike. */
static fcc_status send_field(devnet_deliver *s, uint8_t field, fcc_bytes message)
{
    uint8_t *memory = malloc(message.len + 11);
    size_t n = 0;
    uint64_t len = message.len;

    if (!memory)
        return FCC_ERR_NOMEM;
    memory[n++] = (uint8_t)(field << 3 | 2);
    for (; len >= 0x80; len >>= 7)
        memory[n++] = (uint8_t)(len | 0x80);
    memory[n++] = (uint8_t)len;
    memcpy(memory + n, message.data, message.len);
    return rpc_send_own(s->rpc, memory, fcc_bytes_of(memory, n + message.len));
}

static fcc_status send_status(devnet_deliver *s, Common__Status status)
{
    Orderer__DeliverResponse response = ORDERER__DELIVER_RESPONSE__INIT;
    uint8_t bytes[16];

    response.type_case = ORDERER__DELIVER_RESPONSE__TYPE_STATUS;
    response.status = status;
    return rpc_send(s->rpc, fcc_bytes_of(bytes, protobuf_c_message_pack(&response.base, bytes)));
}

/* The request has been served: the next one may come, or after a refusal none. */
static void end_request(devnet_deliver *s, Common__Status status)
{
    s->running = false;
    if (send_status(s, status) != FCC_OK)
        rpc_cancel(s->rpc);
    else if (status != COMMON__STATUS__SUCCESS)
        rpc_finish(s->rpc, RPC_OK, FCC_LIT(""), FCC_LIT(""));
    else
        rpc_resume(s->rpc);
}

static void fail(devnet_deliver *s, fcc_status st)
{
    s->running = false;
    rpc_finish(s->rpc, RPC_UNKNOWN, fcc_str(fcc_status_text(st)), FCC_LIT(""));
}

static fcc_status send_filtered(devnet_deliver *s, fcc_bytes block, fcc__arena *arena)
{
    Protos__FilteredBlock *filtered;
    fcc_bytes wire;
    fcc_status st = devnet_block_filter(block, arena, &filtered);

    if (st == FCC_ERR_PROTO) /* as a peer does: it says so, and goes on with the next block */
        return send_status(s, COMMON__STATUS__BAD_REQUEST);
    if (st == FCC_OK)
        st = fcc__pack(filtered, arena, &wire);
    return st == FCC_OK ? send_field(s, 3, wire) : st;
}

/* May this client see it, as the collection was defined then? */
static bool may_see(const devnet_deliver *s, const ledger_private *set)
{
    msp_manager *manager = msp_channel_manager(ledger_channel(s->net->ledger));
    const msp_identity *signer;
    size_t count;

    if (set->members.len == 0)
        return true;
    msp_signers_of(manager, &s->request, 1, &signer, &count);
    return msp_policy_evaluate(set->members, &signer, count, NULL) == FCC_OK;
}

/* Append to an array of the arena that has room for all. NULL past its cap. */
static Rwset__NsPvtReadWriteSet *namespace_of(Rwset__TxPvtReadWriteSet *tx, fcc_bytes ns, size_t most,
                                              fcc__arena *arena)
{
    Rwset__NsPvtReadWriteSet *new;

    if (tx->n_ns_pvt_rwset > 0 && fcc_bytes_equal(fcc__of_pb(tx->ns_pvt_rwset[tx->n_ns_pvt_rwset - 1]->namespace_), ns))
        return tx->ns_pvt_rwset[tx->n_ns_pvt_rwset - 1];
    new = fcc__arena_alloc(arena, sizeof(*new));
    if (!new)
        return NULL;
    rwset__ns_pvt_read_write_set__init(new);
    new->namespace_ = fcc__pb(ns);
    new->collection_pvt_rwset = fcc__arena_zalloc(arena, most, sizeof(*new->collection_pvt_rwset));
    if (!new->collection_pvt_rwset)
        return NULL;
    tx->ns_pvt_rwset[tx->n_ns_pvt_rwset++] = new;
    return new;
}

static Rwset__TxPvtReadWriteSet *tx_of(Protos__BlockAndPrivateData *data, uint32_t index, size_t most,
                                       fcc__arena *arena)
{
    Protos__PrivateDataEntry *entry;
    Rwset__TxPvtReadWriteSet *tx;

    if (data->n_private_data_map > 0 && data->private_data_map[data->n_private_data_map - 1]->key == index)
        return data->private_data_map[data->n_private_data_map - 1]->value;
    entry = fcc__arena_alloc(arena, sizeof(*entry));
    tx = fcc__arena_alloc(arena, sizeof(*tx));
    if (!entry || !tx)
        return NULL;
    protos__private_data_entry__init(entry);
    rwset__tx_pvt_read_write_set__init(tx);
    tx->ns_pvt_rwset = fcc__arena_zalloc(arena, most, sizeof(*tx->ns_pvt_rwset));
    if (!tx->ns_pvt_rwset)
        return NULL;
    entry->key = index;
    entry->value = tx;
    data->private_data_map[data->n_private_data_map++] = entry;
    return tx;
}

/* What this peer has of the block's private data and the client may see, by transaction. */
static fcc_status gather_private(const devnet_deliver *s, uint64_t number, fcc__arena *arena,
                                 Protos__BlockAndPrivateData *out)
{
    const ledger_private *sets;
    size_t count;
    fcc_status st = ledger_private_of(s->net->ledger, number, s->peer->org->mspid, arena, &sets, &count);

    if (st != FCC_OK)
        return st;
    out->private_data_map = fcc__arena_zalloc(arena, count, sizeof(*out->private_data_map));
    if (!out->private_data_map)
        return FCC_ERR_LIMIT;
    for (size_t i = 0; i < count; i++) {
        Rwset__CollectionPvtReadWriteSet *collection = fcc__arena_alloc(arena, sizeof(*collection));
        Rwset__TxPvtReadWriteSet *tx;
        Rwset__NsPvtReadWriteSet *ns;

        if (!may_see(s, &sets[i]))
            continue;
        tx = tx_of(out, sets[i].index, count, arena);
        ns = tx ? namespace_of(tx, sets[i].ns, count, arena) : NULL;
        if (!collection || !ns)
            return FCC_ERR_LIMIT;
        rwset__collection_pvt_read_write_set__init(collection);
        collection->collection_name = fcc__pb(sets[i].collection);
        collection->rwset = fcc__pb(sets[i].rwset);
        ns->collection_pvt_rwset[ns->n_collection_pvt_rwset++] = collection;
    }
    return FCC_OK;
}

static fcc_status send_with_private_data(devnet_deliver *s, uint64_t number, fcc_bytes block, fcc__arena *arena)
{
    Protos__BlockAndPrivateData data = PROTOS__BLOCK_AND_PRIVATE_DATA__INIT;
    Common__Block *unpacked;
    fcc_bytes wire;
    fcc_status st = FCC__UNPACK_BORROWED(common__block, block, arena, &unpacked);

    if (st != FCC_OK || (st = gather_private(s, number, arena, &data)) != FCC_OK)
        return st;
    data.block = unpacked;
    st = fcc__pack(&data, arena, &wire);
    return st == FCC_OK ? send_field(s, 4, wire) : st;
}

static fcc_status send_block(devnet_deliver *s, uint64_t number, fcc__arena *arena)
{
    fcc_bytes block;
    fcc_status st = ledger_block(s->net->ledger, number, arena, &block);

    if (st == FCC_OK && s->seek.headers && s->net->settings.fabric == DEVNET_FABRIC_3_1)
        st = devnet_block_headers(block, arena, &block);
    if (st != FCC_OK)
        return st;
    switch (s->form) {
    case FILTERED:
        return send_filtered(s, block, arena);
    case WITH_PRIVATE_DATA:
        return send_with_private_data(s, number, block, arena);
    case AS_ORDERED:
        st = devnet_block_as_ordered(block, arena, &block);
        return st == FCC_OK ? send_field(s, 2, block) : st;
    default:
        return send_field(s, 2, block);
    }
}

/* ---- a request on its way ----------------------------------------------------------------------------------------- */

static void pump_later(void *ctx);

static void pump(devnet_deliver *s)
{
    struct devnet *net = s->net;
    fcc__arena *arena = NULL;
    Common__Status status;
    fcc_status st = FCC_OK;
    int sent = 0;

    while (s->running && !s->blocked && !s->timer) {
        const devnet_turn turn = devnet_seek_turn(&s->seek, ledger_height(net->ledger), &status);

        if (turn == DEVNET_TURN_WAIT)
            break;
        if (turn == DEVNET_TURN_END) {
            end_request(s, status);
        } else if (rpc_backlog(s->rpc) > BACKLOG_MAX) {
            s->blocked = true;
        } else if (sent++ == BLOCKS_AT_ONCE) {
            s->timer = rpc_timer_start(net->loop, 0, pump_later, s);
        } else if (!allowed(s)) {
            end_request(s, COMMON__STATUS__FORBIDDEN);
        } else {
            if (!arena && !(arena = fcc__arena_new(BLOCK_ARENA)))
                st = FCC_ERR_NOMEM;
            if (st == FCC_OK)
                st = send_block(s, s->seek.next, arena);
            if (st != FCC_OK) {
                fail(s, st);
                break;
            }
            fcc__arena_reset(arena);
            devnet_seek_sent(&s->seek);
        }
    }
    fcc__arena_free(arena);
}

static void pump_later(void *ctx)
{
    devnet_deliver *s = ctx;

    s->timer = NULL;
    pump(s);
}

void devnet_deliver_committed(struct devnet *net)
{
    for (devnet_deliver *s = net->listeners; s; s = s->next)
        pump(s);
}

/* ---- the request -------------------------------------------------------------------------------------------------- */

static bool in_time(const devnet_deliver *s, const Common__ChannelHeader *header)
{
    const int64_t now_s = devnet_now_ns(s->net) / 1000000000;

    return header->timestamp && header->timestamp->seconds >= now_s - TIME_WINDOW_S &&
           header->timestamp->seconds <= now_s + TIME_WINDOW_S;
}

/*
 * With client certificates an envelope belongs to the connection that it comes through: its header has the hash of the
 * client's TLS certificate.
 */
static bool is_bound(const devnet_deliver *s, const Common__ChannelHeader *header)
{
    const fcc_bytes claimed = fcc__of_pb(header->tls_cert_hash);
    fcc_bytes certificate;
    fcc__sha256 hash;
    fcc_status st;

    if (!s->net->options->client_auth)
        return true;
    if (claimed.len == 0) {
        say(s, "client didn't include its TLS cert hash");
        return false;
    }
    certificate = rpc_peer_certificate(s->rpc);
    st = msp_certificate_hash(certificate, &hash);
    free((void *)(uintptr_t)certificate.data);
    if (st != FCC_OK)
        say(s, "client didn't send a TLS certificate");
    else if (!fcc_bytes_equal(claimed, fcc__sha256_bytes(&hash)))
        say(s, "claimed TLS cert hash is not that of the client's TLS certificate");
    else
        return true;
    return false;
}

/* Reads the envelope as far as it goes. SUCCESS: it may start. */
static Common__Status begin(devnet_deliver *s, const Common__Envelope *envelope)
{
    const struct devnet *net = s->net;
    Common__Payload *payload;
    Common__ChannelHeader *header;
    Common__SignatureHeader *signature_header;
    Orderer__SeekInfo *info;

    if (FCC__UNPACK_BORROWED(common__payload, fcc__of_pb(envelope->payload), s->arena, &payload) != FCC_OK ||
        !payload->header ||
        FCC__UNPACK_BORROWED(common__channel_header, fcc__of_pb(payload->header->channel_header), s->arena, &header) !=
            FCC_OK ||
        FCC__UNPACK_BORROWED(common__signature_header, fcc__of_pb(payload->header->signature_header), s->arena,
                             &signature_header) != FCC_OK) {
        say(s, "the envelope cannot be read");
        return COMMON__STATUS__BAD_REQUEST;
    }
    if (!in_time(s, header)) {
        say(s, "the envelope's timestamp is missing, or more than 15m0s apart from the server's time");
        return COMMON__STATUS__BAD_REQUEST;
    }
    if (!is_bound(s, header))
        return COMMON__STATUS__BAD_REQUEST;
    if (!fcc_bytes_equal(fcc__of_pb(header->channel_id), fcc_str(net->network->channel)))
        return COMMON__STATUS__NOT_FOUND;
    if (FCC__UNPACK_BORROWED(orderer__seek_info, fcc__of_pb(payload->data), s->arena, &info) != FCC_OK) {
        say(s, "malformed seekInfo payload");
        return COMMON__STATUS__BAD_REQUEST;
    }
    s->request = (msp_signed){ .data = { fcc__of_pb(envelope->payload) },
                               .identity = fcc__of_pb(signature_header->creator),
                               .signature = fcc__of_pb(envelope->signature) };
    s->expires = peer_creator_expires(s->request.identity);
    s->judged = false;
    if (!allowed(s))
        return COMMON__STATUS__FORBIDDEN;
    return devnet_seek_start(info, ledger_height(net->ledger), &s->seek);
}

static void on_envelope(rpc_call *rpc, void *ctx, fcc_bytes message)
{
    devnet_deliver *s = ctx;
    Common__Envelope *envelope;
    Common__Status status;
    fcc_bytes copy;

    rpc_pause(rpc);
    fcc__arena_reset(s->arena);
    if (!fcc__arena_copy(s->arena, message, &copy) ||
        FCC__UNPACK_BORROWED(common__envelope, copy, s->arena, &envelope) != FCC_OK) {
        rpc_finish(rpc, RPC_INTERNAL, FCC_LIT("grpc: error unmarshalling request: not an Envelope"), FCC_LIT(""));
        return;
    }
    status = begin(s, envelope);
    s->running = true;
    if (status == COMMON__STATUS__SUCCESS)
        pump(s);
    else
        end_request(s, status);
}

/* Nothing is read while a request runs, so it has been served. */
static void on_half_close(rpc_call *rpc, void *ctx)
{
    (void)ctx;
    rpc_finish(rpc, RPC_OK, FCC_LIT(""), FCC_LIT(""));
}

static void on_drained(rpc_call *rpc, void *ctx)
{
    devnet_deliver *s = ctx;

    (void)rpc;
    if (!s->blocked)
        return;
    s->blocked = false;
    pump(s);
}

static void on_closed(rpc_call *rpc, void *ctx, const rpc_status *status)
{
    devnet_deliver *s = ctx, **link;

    (void)rpc;
    (void)status;
    for (link = &s->net->listeners; *link; link = &(*link)->next)
        if (*link == s) {
            *link = s->next;
            break;
        }
    if (s->peer)
        s->peer->delivering--;
    rpc_timer_cancel(s->timer);
    fcc__arena_free(s->arena);
    free(s);
}

static const rpc_events stream_events = {
    .on_message = on_envelope, .on_half_close = on_half_close, .on_drained = on_drained, .on_closed = on_closed
};

/* ---- the services ------------------------------------------------------------------------------------------------- */

static const rpc_events *accept(rpc_call *rpc, struct devnet *net, devnet_peer *peer, enum form form, void **call_ctx)
{
    devnet_deliver *s;
    char text[100];

    if (peer && peer->delivering >= CONCURRENT) {
        snprintf(text, sizeof(text), "too many requests for /protos.Deliver, exceeding concurrency limit (%d)",
                 CONCURRENT);
        rpc_finish(rpc, RPC_UNKNOWN, fcc_str(text), FCC_LIT(""));
        return NULL;
    }
    s = calloc(1, sizeof(*s));
    if (s)
        s->arena = fcc__arena_new(REQUEST_ARENA);
    if (!s || !s->arena) {
        free(s);
        rpc_finish(rpc, RPC_RESOURCE_EXHAUSTED, FCC_LIT("out of memory"), FCC_LIT(""));
        return NULL;
    }
    s->net = net;
    s->peer = peer;
    s->form = form;
    s->rpc = rpc;
    s->next = net->listeners;
    net->listeners = s;
    if (peer)
        peer->delivering++;
    *call_ctx = s;
    return &stream_events;
}

static const rpc_events *accept_blocks(rpc_call *rpc, void *ctx, void **call_ctx)
{
    devnet_peer *peer = ctx;

    return accept(rpc, peer->net, peer, BLOCKS, call_ctx);
}

static const rpc_events *accept_filtered(rpc_call *rpc, void *ctx, void **call_ctx)
{
    devnet_peer *peer = ctx;

    return accept(rpc, peer->net, peer, FILTERED, call_ctx);
}

static const rpc_events *accept_private(rpc_call *rpc, void *ctx, void **call_ctx)
{
    devnet_peer *peer = ctx;

    return accept(rpc, peer->net, peer, WITH_PRIVATE_DATA, call_ctx);
}

static const rpc_events *accept_ordered(rpc_call *rpc, void *ctx, void **call_ctx)
{
    return accept(rpc, ctx, NULL, AS_ORDERED, call_ctx);
}

fcc_status devnet_deliver_serve(devnet_peer *peer)
{
    fcc_status st = rpc_server_method(peer->server, "/protos.Deliver/Deliver", accept_blocks, peer);

    if (st == FCC_OK)
        st = rpc_server_method(peer->server, "/protos.Deliver/DeliverFiltered", accept_filtered, peer);
    if (st == FCC_OK)
        st = rpc_server_method(peer->server, "/protos.Deliver/DeliverWithPrivateData", accept_private, peer);
    return st;
}

fcc_status devnet_deliver_serve_orderer(struct devnet *net, rpc_server *server)
{
    return rpc_server_method(server, "/orderer.AtomicBroadcast/Deliver", accept_ordered, net);
}
