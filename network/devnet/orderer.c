/*
 * orderer.c: takes signed transactions in order, cuts them into blocks and has them committed.
 *
 * Checks, cutting rules and texts are Fabric's: orderer/common/{broadcast,msgprocessor,blockcutter}. An envelope is
 * acknowledged when it is enqueued, so what a kill loses was never reported as committed.
 */
#include "devnet/internal.h"

#include "base/log.h"
#include "base/require.h"
#include "msp/configtx.h"
#include "protos/unpack.h"

#include "common/common.pb-c.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

enum {
    BLOCK_ARENA = 1024 * 1024 * 1024,
    TRANSIENT_BLOCKS = 1000, /* private data of proposals that were never submitted are forgotten after so many */
    TRANSIENT_PURGE = 100,
    WAKING_NS = 80 * 1000, /* from SIGALRM to devnet_orderer_alarm, by way of the thread that takes signals, at first */
    WAKING_MOST_NS = 250 * 1000,
    WAKING_STEP_NS = 2 * 1000,
};

struct pending {
    struct pending *next;
    size_t len;
    uint8_t bytes[];
};

struct devnet_orderer {
    struct devnet *net;
    msp_signer *signer;
    int64_t timeout_ms; /* negative: as the channel's configuration says */
    struct pending *first, **last;
    size_t count;
    size_t size;           /* payloads and signatures */
    int64_t due_ns;        /* when what is pending is cut; 0 without */
    int64_t alarm_ns;      /* when SIGALRM comes */
    int64_t waking_ns;     /* what it takes from there, for who comes alone: three of four times less than that */
    fcc__arena *ready;     /* holds `block`; NULL without */
    fcc_bytes ready_block; /* the next one, if nothing comes after the first transaction */
};

/* ---- blocks ------------------------------------------------------------------------------------------------------ */

/* Who waits hears of it before the state follows, and nobody else can ask before it has. */
static void tell(void *ctx, const ledger_committed *block)
{
    struct devnet *net = ctx;

    devnet_gateway_committed(net, block);
    rpc_flush(net->loop);
}

static void commit(devnet_orderer *o, const fcc_bytes *envelopes, size_t count)
{
    struct devnet *net = o->net;
    fcc__arena *arena = o->ready && count == 1 ? o->ready : fcc__arena_new(BLOCK_ARENA);
    ledger_committed committed;
    fcc_error error = { 0 };
    fcc_bytes block = o->ready_block;
    size_t invalid = 0;
    fcc_status st = arena ? FCC_OK : FCC_ERR_NOMEM;

    if (arena != o->ready) {
        fcc__arena_free(o->ready);
        if (arena)
            st = ledger_next_block(net->ledger, envelopes, count, o->signer, arena, &block);
    }
    o->ready = NULL;
    if (st != FCC_OK)
        fcc_error_set(&error, st, "the next block cannot be made: %s", fcc_status_text(st));
    else
        st = ledger_commit_telling(net->ledger, block, tell, net, arena, &committed, &error);
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
    if (committed.number > TRANSIENT_BLOCKS && committed.number % TRANSIENT_PURGE == 0 &&
        (st = ledger_transient_purge(net->ledger, committed.number - TRANSIENT_BLOCKS)) != FCC_OK)
        devnet_fail(net, st, "old private data cannot be removed from the transient store");
    devnet_listen_committed(net);
    devnet_events_committed(net);
    devnet_deliver_committed(net);
    fcc__arena_free(arena);
}

/* gRPC's timers count in milliseconds and are up to one late, which a transaction alone would wait for. */
static int64_t monotonic_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* No batch is waiting any more. */
static void no_alarm(void)
{
    const struct itimerval none = { 0 };

    FCC_REQUIRE(setitimer(ITIMER_REAL, &none, NULL) == 0);
}

/* How long before a batch is due the alarm is set. Where several wait the machine has something else to do meanwhile. */
static int64_t lead_ns(const devnet_orderer *o)
{
    return o->count > 1 ? WAKING_NS : o->waking_ns;
}

/* devnet_orderer_alarm when it is due, or a little sooner. */
static void set_alarm(devnet_orderer *o)
{
    const int64_t now_ns = monotonic_ns(), ns = o->due_ns - lead_ns(o) - now_ns;
    const int64_t us = ns > 1000 ? ns / 1000 : 1;
    const struct itimerval timer = { .it_value = { .tv_sec = us / 1000000, .tv_usec = us % 1000000 } };

    o->alarm_ns = now_ns + us * 1000;
    FCC_REQUIRE(setitimer(ITIMER_REAL, &timer, NULL) == 0);
}

/* It took so long from SIGALRM to here, where nothing but a lone transaction kept the loop. */
static void learn_waking(devnet_orderer *o, int64_t took_ns)
{
    if (took_ns > o->waking_ns && o->waking_ns < WAKING_MOST_NS)
        o->waking_ns += 3 * WAKING_STEP_NS;
    else if (took_ns < o->waking_ns && o->waking_ns > WAKING_STEP_NS)
        o->waking_ns -= WAKING_STEP_NS;
}

/* Everything that is pending becomes a block. */
static void cut(devnet_orderer *o)
{
    struct pending *p = o->first, *next;
    fcc_bytes *envelopes;
    size_t count = o->count, n = 0;

    if (o->due_ns)
        no_alarm();
    o->due_ns = 0;
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

/*
 * The batch's time begins when its first transaction arrives. Meanwhile the block of that one alone is made and signed, so
 * that who comes alone doesn't wait for it afterwards.
 */
static void start_waiting(devnet_orderer *o, int64_t arrived_ns)
{
    const fcc_bytes envelope = fcc_bytes_of(o->first->bytes, o->first->len);
    const int64_t ms = o->timeout_ms >= 0 ? o->timeout_ms
                                          : msp_channel_batch_timeout_ms(ledger_channel(o->net->ledger));

    o->due_ns = arrived_ns + ms * 1000000;
    set_alarm(o);
    o->ready = fcc__arena_new(BLOCK_ARENA);
    if (o->ready && ledger_next_block(o->net->ledger, &envelope, 1, o->signer, o->ready, &o->ready_block) != FCC_OK) {
        fcc__arena_free(o->ready);
        o->ready = NULL;
    }
}

void devnet_orderer_alarm(devnet_orderer *o)
{
    const int64_t now_ns = monotonic_ns();
    int64_t left_ns = o->due_ns - now_ns;

    if (o->due_ns == 0)
        return;                                  /* it was on its way when its batch was cut */
    if (left_ns > lead_ns(o) + WAKING_STEP_NS) { /* an earlier batch's, or more came than the first */
        set_alarm(o);
        return;
    }
    if (o->count == 1)
        learn_waking(o, now_ns - o->alarm_ns);
    while (left_ns > 0) /* awake sooner than expected; never is a batch cut before its time */
        left_ns = o->due_ns - monotonic_ns();
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

static bool order(devnet_orderer *o, fcc_bytes envelope, size_t size, int64_t arrived_ns)
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
    else if (o->due_ns == 0)
        start_waiting(o, arrived_ns);
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

/* Which channel it is for and what it is: NULL, or why that can't be said. */
static const char *read_header(const Common__Envelope *envelope, fcc__arena *arena, Common__ChannelHeader **out)
{
    Common__Payload *payload;

    if (FCC__UNPACK_BORROWED(common__payload, fcc__of_pb(envelope->payload), arena, &payload) != FCC_OK)
        return "could not determine channel ID: error unmarshalling Payload: proto: cannot parse invalid wire-format "
               "data";
    if (!payload->header)
        return "could not determine channel ID: header not set";
    if (payload->header->channel_header.len == 0)
        return "could not determine channel ID: channel header not set";
    if (FCC__UNPACK_BORROWED(common__channel_header, fcc__of_pb(payload->header->channel_header), arena, out) != FCC_OK)
        return "could not determine channel ID: error unmarshalling channel header: error unmarshalling "
               "ChannelHeader: proto: cannot parse invalid wire-format data";
    return NULL;
}

/* Is it for this orderer at all? NULL, or why not. */
static const char *check_kind(const devnet_orderer *o, const Common__ChannelHeader *header)
{
    const bool old = o->net->settings.fabric == DEVNET_FABRIC_2_5;

    if (!fcc_bytes_equal(fcc__of_pb(header->channel_id), fcc_str(o->net->network->channel)))
        return old ? "channel creation request not allowed because the orderer system channel is not defined"
                   : "channel does not exist";
    if (header->type == COMMON__HEADER_TYPE__CONFIG ||
        (old && header->type == COMMON__HEADER_TYPE__ORDERER_TRANSACTION))
        return "message is of type that cannot be processed directly";
    if (header->type == COMMON__HEADER_TYPE__ORDERER_TRANSACTION)
        return "message is of type that is no longer supported";
    return NULL;
}

static devnet_broadcast refusal(fcc_status st, const fcc_error *why, fcc__arena *arena)
{
    return answer(st == FCC_ERR_AUTH ? COMMON__STATUS__FORBIDDEN : COMMON__STATUS__BAD_REQUEST,
                  fcc__arena_printf(arena, "%s", why->text));
}

static devnet_broadcast submit_config(devnet_orderer *o, fcc_bytes update, fcc__arena *arena)
{
    const msp_channel *channel = ledger_channel(o->net->ledger);
    fcc_error why = { 0 };
    fcc_bytes config;
    fcc_status st = msp_configtx_order(channel, update, o->signer, devnet_now_ns(o->net) / 1000000000, arena, &config,
                                       &why);

    if (st != FCC_OK)
        return refusal(st, &why, arena);
    cut(o); /* what came before it is judged by the configuration it came under */
    if (o->net->status != FCC_OK || !enqueue(o, config, config.len))
        return answer(COMMON__STATUS__SERVICE_UNAVAILABLE, "the orderer is stopping");
    cut(o);
    return answer(COMMON__STATUS__SUCCESS, "");
}

static devnet_broadcast submit_normal(devnet_orderer *o, fcc_bytes wire, size_t size, int64_t arrived_ns,
                                      fcc__arena *arena)
{
    const msp_channel *channel = ledger_channel(o->net->ledger);
    fcc_error why = { 0 };
    fcc_status st;

    if (msp_channel_in_maintenance(channel))
        return answer(COMMON__STATUS__SERVICE_UNAVAILABLE, "normal transactions are rejected: maintenance mode");
    st = msp_admit(channel, wire, devnet_now_ns(o->net) / 1000000000, &why);
    if (st != FCC_OK)
        return refusal(st, &why, arena);
    if (!ledger_envelope_canonical(wire, arena))
        return answer(COMMON__STATUS__BAD_REQUEST, "the envelope is not in its canonical form");
    if (o->net->status != FCC_OK || !order(o, wire, size, arrived_ns))
        return answer(COMMON__STATUS__SERVICE_UNAVAILABLE, "the orderer is stopping");
    return answer(COMMON__STATUS__SUCCESS, "");
}

devnet_broadcast devnet_orderer_submit(devnet_orderer *o, const Common__Envelope *envelope, fcc__arena *arena)
{
    const int64_t arrived_ns = monotonic_ns();
    Common__ChannelHeader *header;
    const char *problem = read_header(envelope, arena, &header);
    fcc_bytes wire;

    if (!problem)
        problem = check_kind(o, header);
    if (problem)
        return answer(COMMON__STATUS__BAD_REQUEST, problem);
    if (fcc__pack(envelope, arena, &wire) != FCC_OK)
        return answer(COMMON__STATUS__BAD_REQUEST, "the message is too large");
    return header->type == COMMON__HEADER_TYPE__CONFIG_UPDATE
               ? submit_config(o, wire, arena)
               : submit_normal(o, wire, envelope->payload.len + envelope->signature.len, arrived_ns, arena);
}

/* ---- orderer.AtomicBroadcast ------------------------------------------------------------------------------------- */

static void on_envelope(rpc_call *call, void *ctx, fcc_bytes message)
{
    devnet_orderer *o = ctx;
    Orderer__BroadcastResponse response = ORDERER__BROADCAST_RESPONSE__INIT;
    fcc__arena *arena = fcc__arena_new(PEER_ARENA_CAP);
    Common__Envelope *envelope;
    devnet_broadcast judged;
    fcc_bytes wire;

    if (!arena || FCC__UNPACK_BORROWED(common__envelope, message, arena, &envelope) != FCC_OK) {
        rpc_finish(call, RPC_INTERNAL, FCC_LIT("grpc: error unmarshalling request: not an Envelope"), FCC_LIT(""));
        fcc__arena_free(arena);
        return;
    }
    judged = devnet_orderer_submit(o, envelope, arena);
    if (judged.status != COMMON__STATUS__SUCCESS)
        fcc__log(FCC__INFO, "broadcast from %s: %d %s", rpc_peer(call), (int)judged.status, judged.info);
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

fcc_status devnet_orderer_new(struct devnet *net, const char *msp_dir, int64_t timeout_ms, devnet_orderer **out,
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
    o->waking_ns = WAKING_NS;
    o->last = &o->first;
    *out = o;
    return FCC_OK;
}

void devnet_orderer_free(devnet_orderer *o)
{
    struct pending *next;

    if (!o)
        return;
    no_alarm();
    fcc__arena_free(o->ready);
    for (struct pending *p = o->first; p; p = next) {
        next = p->next;
        free(p);
    }
    msp_signer_free(o->signer);
    free(o);
}
