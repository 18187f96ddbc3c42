/* See newcomers.h. */
#include "native/newcomers.h"

#include "client/update.h"
#include "msp/channel.h"
#include "msp/edit.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { NEWCOMERS_ARENA = 64 << 20, PAUSE_MS = 250 };

struct adding {
    const join_options *options;
    fcc__arena *arena;
    client **admins; /* of the network's organisations, in its order */
    fcc_error *error;
};

static void tell(const struct adding *a, const char *format, ...)
{
    char line[512];
    va_list ap;

    if (!a->options->tell)
        return;
    va_start(ap, format);
    vsnprintf(line, sizeof(line), format, ap);
    va_end(ap);
    a->options->tell(a->options->ctx, line);
}

static bool on_channel(const msp_channel *channel, const char *mspid)
{
    for (size_t i = 0; i < msp_channel_org_count(channel); i++)
        if (strcmp(msp_channel_org_at(channel, i)->mspid, mspid) == 0)
            return true;
    return false;
}

/* The channel as the orderers have it, who have no leader yet when they have just started. */
static fcc_status channel_now(const struct adding *a, client *c, client_config *now, msp_channel **channel)
{
    const struct timespec pause = { 0, PAUSE_MS * 1000000L };
    fcc_bytes block;
    fcc_status st = client_config_block(c, CLIENT_ORDERED, NULL, a->arena, &block, a->error);

    for (int tries = a->options->seconds * 1000 / PAUSE_MS; st != FCC_OK && tries > 0; tries--) {
        nanosleep(&pause, NULL);
        st = client_config_block(c, CLIENT_ORDERED, NULL, a->arena, &block, a->error);
    }
    if (st == FCC_OK)
        st = msp_channel_from_block(block, channel, a->error);
    return st == FCC_OK ? client_config_now(c, a->arena, now, a->error) : st;
}

/* The configuration with all of them in it; *count of them. */
static fcc_status edit(const struct adding *a, const msp_channel *channel, fcc_bytes config, fcc_bytes *updated,
                       size_t *count)
{
    const join_options *o = a->options;
    msp_edit *edit = NULL;
    fcc_status st = msp_edit_open(o->network->channel, config, &edit, a->error);

    *count = 0;
    for (size_t i = 0; st == FCC_OK && i < o->network->org_count; i++) {
        const config_org *org = &o->network->orgs[i];

        if (!org->newcomer || on_channel(channel, org->mspid))
            continue;
        st = msp_edit_add_org(edit, o->network, org, o->crypto_dir, a->error);
        ++*count;
    }
    if (st == FCC_OK && *count)
        st = msp_edit_finish(edit, a->arena, updated, a->error);
    msp_edit_free(edit);
    return st;
}

/* Signed by all that are on the channel, of whom its policy wants most. */
static fcc_status update(const struct adding *a, client *asks)
{
    const config_network *network = a->options->network;
    client **signers = fcc__arena_zalloc(a->arena, network->org_count, sizeof(client *));
    msp_channel *channel = NULL;
    client_config now;
    fcc_bytes updated;
    uint64_t block;
    size_t count = 0, signing = 0;
    fcc_status st = signers ? channel_now(a, asks, &now, &channel)
                            : fcc_error_set(a->error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));

    if (st == FCC_OK)
        st = edit(a, channel, now.config, &updated, &count);
    for (size_t i = 0; st == FCC_OK && i < network->org_count; i++)
        if (on_channel(channel, network->orgs[i].mspid))
            signers[signing++] = a->admins[i];
    if (st == FCC_OK && count) {
        st = client_config_update(asks, &now, updated, signers, signing, a->arena, &block, a->error);
        if (st == FCC_OK)
            tell(a, "channel %s: %zu newcomers by an update in block %llu, which %zu organisations have signed",
                 network->channel, count, (unsigned long long)block, signing);
    }
    msp_channel_free(channel);
    return st;
}

fcc_status newcomers_add(const join_options *options, fcc_error *error)
{
    const config_network *network = options->network;
    struct adding a = { .options = options, .arena = fcc__arena_new(NEWCOMERS_ARENA), .error = error };
    client *founder = NULL;
    bool any = false;
    fcc_status st;

    a.admins = a.arena ? fcc__arena_zalloc(a.arena, network->org_count, sizeof(client *)) : NULL;
    st = a.admins ? FCC_OK : fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
    for (size_t i = 0; i < network->org_count; i++)
        any = any || network->orgs[i].newcomer;
    for (size_t i = 0; any && st == FCC_OK && i < network->org_count; i++) {
        const client_options open = { .dir = options->dir, .org = network->orgs[i].mspid };

        st = client_open(&open, &a.admins[i], error);
        if (!founder && !network->orgs[i].newcomer)
            founder = a.admins[i];
    }
    if (any && st == FCC_OK)
        st = founder ? update(&a, founder)
                     : fcc_error_set(error, FCC_ERR_CONFIG, "%s: every organisation is a newcomer", network->path);
    for (size_t i = 0; a.admins && i < network->org_count; i++)
        client_close(a.admins[i]);
    fcc__arena_free(a.arena);
    return st;
}
