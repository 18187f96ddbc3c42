/* See join.h. */
#include "native/join.h"

#include "client/direct.h"
#include "msp/channel.h"
#include "msp/material.h"
#include "native/newcomers.h"
#include "native/participation.h"
#include "protos/unpack.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { JOIN_ARENA = 64 << 20, PAUSE_MS = 200 };

struct joining {
    const join_options *options;
    fcc__arena *arena;
    struct timespec until;
    fcc_error *error;
};

static void tell(const struct joining *j, const char *format, ...)
{
    char line[512];
    va_list ap;

    if (!j->options->tell)
        return;
    va_start(ap, format);
    vsnprintf(line, sizeof(line), format, ap);
    va_end(ap);
    j->options->tell(j->options->ctx, line);
}

static bool takes_part(const struct joining *j, const char *mspid)
{
    return !j->options->only || strcmp(j->options->only, mspid) == 0;
}

/* false: the time is over */
static bool nap(const struct joining *j)
{
    const struct timespec pause = { 0, PAUSE_MS * 1000000L };
    struct timespec now;

    nanosleep(&pause, NULL);
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec < j->until.tv_sec;
}

static fcc_status join_orderer(const struct joining *j, size_t i)
{
    const join_options *o = j->options;
    const char *tls = msp_path_orderer_tls(j->arena, o->crypto_dir, &o->network->orderer, i);
    const participation_admin admin = { .address = o->orderer_admins[i],
                                        .ca = fcc__arena_printf(j->arena, "%s/ca.crt", tls ? tls : ""),
                                        .cert = fcc__arena_printf(j->arena, "%s/server.crt", tls ? tls : ""),
                                        .key = fcc__arena_printf(j->arena, "%s/server.key", tls ? tls : "") };
    fcc_status st;

    if (!tls || !admin.ca || !admin.cert || !admin.key)
        return fcc_error_set(j->error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
    do
        st = participation_join(&admin, o->network->channel, o->genesis, j->error);
    while (st == FCC_ERR_IO && nap(j));
    return st;
}

static bool has_channel(const Protos__ChannelQueryResponse *r, const char *channel)
{
    for (size_t i = 0; i < r->n_channels; i++)
        if (fcc_bytes_equal(fcc__of_pb(r->channels[i]->channel_id), fcc_str(channel)))
            return true;
    return false;
}

/* A peer that has just begun to listen may not answer yet. */
static fcc_status join_peer(const struct joining *j, const config_org *org)
{
    const fcc_bytes args[] = { FCC_LIT("JoinChain"), j->options->genesis };
    const client_options open = { .dir = j->options->dir, .org = org->mspid };
    const client_call call = { .chaincode = "cscc", .channel = "", .args = args, .arg_count = 2 };
    Protos__ChannelQueryResponse *channels;
    fcc_bytes answer;
    client *c = NULL;
    fcc_status st = client_open(&open, &c, j->error);

    if (st != FCC_OK)
        return st;
    do
        st = client_channels(c, NULL, j->arena, &channels, j->error);
    while (st == FCC_ERR_IO && nap(j));
    if (st == FCC_OK && !has_channel(channels, j->options->network->channel))
        st = client_query_at(c, &call, NULL, j->arena, &answer, j->error);
    client_close(c);
    return st;
}

/* Was this organisation on the channel from its beginning? */
static bool in_genesis(const msp_channel *genesis, const config_org *org)
{
    for (size_t i = 0; i < msp_channel_org_count(genesis); i++)
        if (!strcmp(msp_channel_org_at(genesis, i)->mspid, org->mspid))
            return true;
    return false;
}

/*
 * A peer whose organisation an update has brought in knows nobody of it, not even its administrator, until it has committed
 * that update's block. Where the ordering service does not know the organisation either, there is nothing to wait for.
 */
static fcc_status await_own(const struct joining *j, const config_org *org)
{
    const client_options open = { .dir = j->options->dir, .org = org->mspid };
    Common__BlockchainInfo *info;
    fcc_bytes block;
    client *c = NULL;
    fcc_status st = client_open(&open, &c, j->error);

    if (st != FCC_OK)
        return st;
    /* orderers that have just started have no leader yet */
    do
        st = client_config_block(c, CLIENT_ORDERED, NULL, j->arena, &block, j->error);
    while (st != FCC_OK && st != FCC_ERR_AUTH && nap(j));
    if (st == FCC_OK)
        do
            st = client_chain_info(c, NULL, j->arena, &info, j->error);
        while (st != FCC_OK && nap(j));
    else
        st = FCC_OK;
    client_close(c);
    return st;
}

static fcc_status await_newcomers(const struct joining *j)
{
    const config_network *network = j->options->network;
    msp_channel *genesis = NULL;
    fcc_status st = msp_channel_from_block(j->options->genesis, &genesis, j->error);

    for (size_t i = 0; st == FCC_OK && i < network->org_count; i++)
        if (takes_part(j, network->orgs[i].mspid) && !in_genesis(genesis, &network->orgs[i]))
            st = await_own(j, &network->orgs[i]);
    msp_channel_free(genesis);
    return st;
}

fcc_status join_run(const join_options *options, fcc_error *error)
{
    struct joining j = { .options = options, .arena = fcc__arena_new(JOIN_ARENA), .error = error };
    const config_network *network = options->network;
    size_t orderers = 0, peers = 0;
    fcc_status st = j.arena ? FCC_OK : fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));

    clock_gettime(CLOCK_MONOTONIC, &j.until);
    j.until.tv_sec += options->seconds;
    if (takes_part(&j, network->orderer.mspid))
        for (; st == FCC_OK && orderers < network->orderer.node_count; orderers++)
            st = join_orderer(&j, orderers);
    if (st == FCC_OK && !options->only)
        st = newcomers_add(options, error);
    for (size_t i = 0; st == FCC_OK && i < network->org_count; i++)
        if (takes_part(&j, network->orgs[i].mspid)) {
            st = join_peer(&j, &network->orgs[i]);
            peers++;
        }
    if (st == FCC_OK)
        st = await_newcomers(&j);
    if (st == FCC_OK)
        tell(&j, "channel %s: %zu orderers and %zu peers have joined", network->channel, orderers, peers);
    fcc__arena_free(j.arena);
    return st;
}
