/* Configuration updates from the client's side. What an update consists of is network/msp's. */
#include "client/update.h"
#include "client/private.h"
#include "msp/configtx.h"

#include "common/configtx.pb-c.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

enum { SCRATCH_MAX = 64 << 20 };

fcc_status client_config_now(client *c, fcc__arena *arena, client_config *out, fcc_error *error)
{
    fcc_status st;
    fcc_bytes bytes;
    Common__Block *block;
    Common__Envelope *envelope;
    Common__Payload *payload;
    Common__ConfigEnvelope *config;

    if ((st = client_config_block(c, CLIENT_ORDERED, NULL, arena, &bytes, error)) != FCC_OK)
        return st;
    if (FCC__UNPACK(common__block, bytes, arena, &block) != FCC_OK || !block->header || !block->data ||
        block->data->n_data != 1 ||
        FCC__UNPACK(common__envelope, fcc__of_pb(block->data->data[0]), arena, &envelope) != FCC_OK ||
        FCC__UNPACK(common__payload, fcc__of_pb(envelope->payload), arena, &payload) != FCC_OK ||
        FCC__UNPACK(common__config_envelope, fcc__of_pb(payload->data), arena, &config) != FCC_OK || !config->config)
        return fcc_error_set(error, FCC_ERR_PROTO, "the orderer's newest config block holds no configuration");
    if ((st = fcc__pack(config->config, arena, &out->config)) != FCC_OK)
        return client__no_memory(error, st);
    out->block = block->header->number;
    return FCC_OK;
}

/* ---- until it is in a block --------------------------------------------------------------------------------------- */

typedef struct waiter {
    fcc__arena *arena;
    fcc_bytes update; /* the payload of what was sent */
    int64_t until_ms;
    bool found;
    uint64_t block;
    uint64_t other; /* the newest block with somebody else's update; 0: none */
} waiter;

/* The configuration that a block brings; NULL: it brings transactions. */
static const Common__ConfigEnvelope *config_in(fcc_bytes message, fcc__arena *arena)
{
    Common__Block *b;
    Common__Envelope *e;
    Common__Payload *p;
    Common__ChannelHeader *h;
    Common__ConfigEnvelope *config;

    /* a configuration is alone in its block */
    if (FCC__UNPACK(common__block, message, arena, &b) != FCC_OK || !b->data || b->data->n_data != 1 ||
        FCC__UNPACK(common__envelope, fcc__of_pb(b->data->data[0]), arena, &e) != FCC_OK ||
        FCC__UNPACK(common__payload, fcc__of_pb(e->payload), arena, &p) != FCC_OK || !p->header ||
        FCC__UNPACK(common__channel_header, fcc__of_pb(p->header->channel_header), arena, &h) != FCC_OK ||
        h->type != COMMON__HEADER_TYPE__CONFIG ||
        FCC__UNPACK(common__config_envelope, fcc__of_pb(p->data), arena, &config) != FCC_OK)
        return NULL;
    return config;
}

/* An update that another one has overtaken may still follow, when they don't touch: it is waited for. */
static bool look(void *ctx, uint64_t number, fcc_bytes message)
{
    waiter *w = ctx;
    const Common__ConfigEnvelope *config;

    fcc__arena_reset(w->arena);
    config = config_in(message, w->arena);
    w->found = config && config->last_update && fcc_bytes_equal(fcc__of_pb(config->last_update->payload), w->update);
    if (config && !w->found)
        w->other = number;
    w->block = number;
    return !w->found && client__now_ms() < w->until_ms;
}

/*
 * From the orderer, because who may update its settings need not be a reader of the peers' blocks. An update that concerns the
 * orderers themselves ends their streams, or takes the leader away for some seconds: they are asked again.
 */
static fcc_status wait_behind(client *c, uint64_t block, fcc_bytes envelope, fcc__arena *arena, uint64_t *out,
                              fcc_error *error)
{
    const client_blocks_options o = {
        .source = CLIENT_ORDERED, .from = (int64_t)block + 1, .to = CLIENT_FOREVER, .idle_ms = c->timeout_ms
    };
    const struct timespec pause = { 0, 250 * 1000000 };
    char overtaken[96] = "";
    Common__Envelope *sent;
    waiter w = { .arena = fcc__arena_new(SCRATCH_MAX), .until_ms = client__now_ms() + c->timeout_ms };
    fcc_error why = { 0 };
    fcc_status st = w.arena ? FCC__UNPACK(common__envelope, envelope, arena, &sent) : FCC_ERR_NOMEM;

    if (st == FCC_OK)
        w.update = fcc__of_pb(sent->payload);
    while (st == FCC_OK && !w.found && client__now_ms() < w.until_ms) {
        why.text[0] = '\0';
        st = client_blocks(c, &o, look, &w, &why);
        if (st != FCC_ERR_IO && st != FCC_ERR_TIMEOUT && st != FCC_ERR_PEER)
            continue;
        st = FCC_OK;
        nanosleep(&pause, NULL);
    }
    if (w.other > 0)
        snprintf(overtaken, sizeof(overtaken), "; block %" PRIu64 " has another one, which may have made it void",
                 w.other);
    if (w.found)
        *out = w.block;
    else
        st = fcc_error_set(error, st == FCC_OK ? FCC_ERR_TIMEOUT : st,
                           "the orderer took the update, but no block with it came in time%s%s%s", overtaken,
                           why.text[0] ? ": " : "", why.text);
    fcc__arena_free(w.arena);
    return w.found ? FCC_OK : st;
}

/* ---- the update --------------------------------------------------------------------------------------------------- */

static int64_t now_s(const client *c)
{
    struct timespec clock;

    clock_gettime(CLOCK_REALTIME, &clock);
    return clock.tv_sec + c->clock_offset_s;
}

/* What the orderer would say, asked here: nothing is sent that cannot be accepted, and the words are the same. */
static fcc_status judge(const client *c, const client_config *now, fcc_bytes envelope, fcc__arena *arena,
                        fcc_error *error)
{
    msp_channel *channel = NULL;
    fcc_bytes config;
    fcc_error why = { 0 };
    fcc_status st = msp_channel_from_config(c->channel, now->config, &channel, error);

    if (st != FCC_OK)
        return st;
    if (msp_configtx_propose(channel, envelope, arena, &config, &why) != FCC_OK)
        st = fcc_error_set(error, FCC_ERR_CONFIG, "%s", why.text);
    msp_channel_free(channel);
    return st;
}

fcc_status client_config_submit(client *c, fcc_bytes envelope, fcc__arena *arena, uint64_t *block, fcc_error *error)
{
    client_config now;
    fcc_bytes sealed;
    fcc_status st;

    if (!c->signer)
        return fcc_error_set(error, FCC_ERR_ARG, "who submits the update has a certificate and no key");
    if ((st = client_config_now(c, arena, &now, error)) != FCC_OK ||
        (st = msp_configtx_seal(envelope, c->signer, now_s(c), arena, &sealed, error)) != FCC_OK ||
        (st = judge(c, &now, sealed, arena, error)) != FCC_OK || (st = client_broadcast(c, sealed, error)) != FCC_OK)
        return st;
    *block = now.block + 1;
    return wait_behind(c, now.block, sealed, arena, block, error);
}

fcc_status client_config_update(client *c, const client_config *now, fcc_bytes updated, client *const *signers,
                                size_t signer_count, fcc__arena *arena, uint64_t *block, fcc_error *error)
{
    const msp_signer **keys = fcc__arena_zalloc(arena, signer_count + 1, sizeof(msp_signer *));
    fcc_bytes update, envelope;
    fcc_status st;
    size_t i;

    if (!keys)
        return client__no_memory(error, FCC_ERR_LIMIT);
    for (i = 0; i < signer_count; i++)
        if (!(keys[i] = signers[i]->signer))
            return fcc_error_set(error, FCC_ERR_ARG, "a signer of %s has a certificate and no key", signers[i]->mspid);
    if (!c->signer)
        return fcc_error_set(error, FCC_ERR_ARG, "who submits the update has a certificate and no key");
    if ((st = msp_configtx_compute(c->channel, now->config, updated, arena, &update, error)) != FCC_OK)
        return st;
    st = msp_configtx_sign(c->channel, update, keys, signer_count, c->signer, now_s(c), arena, &envelope);
    if (st != FCC_OK)
        return fcc_error_set(error, st, "the update cannot be signed: %s", fcc_status_text(st));
    if ((st = client_broadcast(c, envelope, error)) != FCC_OK)
        return st;
    *block = now->block + 1;
    return wait_behind(c, now->block, envelope, arena, block, error);
}
