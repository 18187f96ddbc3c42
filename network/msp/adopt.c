/* adopt.c: the consortium that somebody else's key material and genesis block describe. See material.h. */
#include "msp/channel.h"
#include "msp/internal.h"
#include "msp/material.h"

#include "common/configtx.pb-c.h"
#include "common/configuration.pb-c.h"
#include "peer/configuration.pb-c.h"
#include "protos/unpack.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

enum { ARENA_CAP = 16 << 20, MAX_DIRS = 1024 };

typedef struct adoption {
    fcc__arena *arena;
    const char *crypto_dir, *genesis_path;
    msp_channel *channel;
    Common__Config *config;
    config_network *net;
    fcc_error *error;
} adoption;

static fcc_status no_room(adoption *a)
{
    return fcc_error_set(a->error, FCC_ERR_LIMIT, "%s: too much key material", a->crypto_dir);
}

/* ---- directories -------------------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* What lies in a directory, in byte order; nothing when it isn't there. NULL past the arena's cap. */
static const char **entries_of(fcc__arena *arena, const char *dir, size_t *count)
{
    const char **names = fcc__arena_zalloc(arena, MAX_DIRS, sizeof *names);
    struct dirent *entry;
    DIR *open = dir ? opendir(dir) : NULL;
    size_t n = 0;

    while (names && open && n < MAX_DIRS && (entry = readdir(open)) != NULL)
        if (entry->d_name[0] != '.' && !(names[n++] = fcc__arena_printf(arena, "%s", entry->d_name)))
            names = NULL;
    if (open)
        closedir(open);
    if (names)
        qsort(names, n, sizeof *names, by_name);
    *count = n;
    return names;
}

/* Is the identity in this MSP directory one of `mspid`, as the channel sees it? */
static bool belongs(const adoption *a, const char *msp_dir, const char *mspid)
{
    const msp_identity *identity;
    msp_signer *signer = NULL;
    bool yes = msp_dir && msp_signer_load(msp_dir, mspid, &signer, NULL) == FCC_OK &&
               msp_deserialize(msp_channel_manager(a->channel), msp_signer_identity(signer), &identity, NULL) ==
                   FCC_OK &&
               msp_validate(identity, NULL) == FCC_OK;

    msp_signer_free(signer);
    return yes;
}

/* The first node (a peer, an orderer) that is this organisation's: its domain's directory and its own. */
static fcc_status find_node(adoption *a, const char *orgs, const char *nodes, const char *mspid, const char **domain,
                            const char **node)
{
    const char *top = fcc__arena_printf(a->arena, "%s/%s", a->crypto_dir, orgs), **domains, **names;
    size_t n, m, i, k;

    *node = NULL;
    domains = entries_of(a->arena, top, &n);
    if (!top || !domains)
        return no_room(a);
    for (i = 0; i < n; i++) {
        const char *dir = fcc__arena_printf(a->arena, "%s/%s/%s", top, domains[i], nodes);

        names = entries_of(a->arena, dir, &m);
        if (!dir || !names)
            return no_room(a);
        for (k = 0; k < m; k++)
            if (belongs(a, fcc__arena_printf(a->arena, "%s/%s/msp", dir, names[k]), mspid)) {
                *domain = domains[i];
                *node = names[k];
                return FCC_OK;
            }
    }
    return FCC_OK;
}

/* ---- the channel -------------------------------------------------------------------------------------------------- */

static const Common__ConfigGroup *group_in(const Common__ConfigGroup *group, const char *key)
{
    size_t i;

    for (i = 0; group && i < group->n_groups; i++)
        if (fcc_bytes_equal(fcc__of_pb(group->groups[i]->key), fcc_str(key)))
            return group->groups[i]->value;
    return NULL;
}

static bool value_in(const Common__ConfigGroup *group, const char *key, fcc_bytes *out)
{
    size_t i;

    for (i = 0; group && i < group->n_values; i++)
        if (fcc_bytes_equal(fcc__of_pb(group->values[i]->key), fcc_str(key)) && group->values[i]->value) {
            *out = fcc__of_pb(group->values[i]->value->value);
            return true;
        }
    return false;
}

/* "host:port" as one of ours: the port counts, the host is this machine. NULL without a port. */
static const char *here(fcc__arena *arena, fcc_bytes address)
{
    const uint8_t *colon = address.len ? memrchr(address.data, ':', address.len) : NULL;

    if (!colon)
        return NULL;
    return fcc__arena_printf(arena, "127.0.0.1%.*s", (int)(address.data + address.len - colon), (const char *)colon);
}

static const char *orderer_address(adoption *a, const char *org)
{
    const Common__ConfigGroup *root = a->config->channel_group, *group = group_in(group_in(root, "Orderer"), org);
    Common__OrdererAddresses *addresses;
    fcc_bytes value;

    if ((value_in(group, "Endpoints", &value) || value_in(root, "OrdererAddresses", &value)) &&
        FCC__UNPACK(common__orderer_addresses, value, a->arena, &addresses) == FCC_OK && addresses->n_addresses > 0)
        return here(a->arena, fcc__of_pb(addresses->addresses[0]));
    return NULL;
}

static void anchor_of(adoption *a, config_org *org)
{
    const Common__ConfigGroup *group = group_in(group_in(a->config->channel_group, "Application"), org->name);
    Protos__AnchorPeers *anchors;
    fcc_bytes value;

    if (!value_in(group, "AnchorPeers", &value) ||
        FCC__UNPACK(protos__anchor_peers, value, a->arena, &anchors) != FCC_OK || anchors->n_anchor_peers == 0)
        return;
    org->anchor_host = fcc__arena_printf(a->arena, FCC_FMT, FCC_ARG(fcc__of_pb(anchors->anchor_peers[0]->host)));
    org->anchor_port = anchors->anchor_peers[0]->port;
    org->peer_address = fcc__arena_printf(a->arena, "127.0.0.1:%d", org->anchor_port);
}

static fcc_status adopt_org(adoption *a, const msp_channel_org *found, config_org *org)
{
    fcc_status st;

    org->name = fcc__arena_printf(a->arena, "%s", found->name);
    org->mspid = fcc__arena_printf(a->arena, "%s", found->mspid);
    if (!org->name || !org->mspid)
        return no_room(a);
    st = find_node(a, "peerOrganizations", "peers", org->mspid, &org->domain, &org->peer_name);
    if (st == FCC_OK && !org->peer_name)
        return fcc_error_set(a->error, FCC_ERR_CONFIG,
                             "%s has no peer of %s, an organisation of the channel in %s: give the crypto directory "
                             "that this genesis block was made from",
                             a->crypto_dir, org->mspid, a->genesis_path);
    if (st == FCC_OK)
        anchor_of(a, org);
    return st;
}

static fcc_status adopt_orderer(adoption *a, const msp_channel_org *found)
{
    config_orderer *orderer = &a->net->orderer;
    config_orderer_node *node = fcc__arena_zalloc(a->arena, 1, sizeof *node);
    fcc_status st;

    if (!node)
        return no_room(a);
    st = find_node(a, "ordererOrganizations", "orderers", found->mspid, &orderer->domain, &node->name);
    if (st != FCC_OK || !node->name)
        return st;
    orderer->name = fcc__arena_printf(a->arena, "%s", found->name);
    orderer->mspid = fcc__arena_printf(a->arena, "%s", found->mspid);
    node->address = orderer_address(a, found->name);
    orderer->nodes = node;
    orderer->node_count = 1;
    return orderer->name && orderer->mspid ? FCC_OK : no_room(a);
}

static fcc_status adopt_all(adoption *a)
{
    const size_t count = msp_channel_org_count(a->channel);
    config_org *orgs = fcc__arena_zalloc(a->arena, count + 1, sizeof *orgs);
    config_network *net = a->net;
    fcc_status st = FCC_OK;
    size_t i;

    net->channel = fcc__arena_printf(a->arena, "%s", msp_channel_id(a->channel));
    net->path = fcc__arena_printf(a->arena, "%s", a->genesis_path);
    if (!orgs || !net->channel || !net->path)
        return no_room(a);
    net->batch.timeout_ms = msp_channel_batch_timeout_ms(a->channel);
    net->batch.max_message_count = msp_channel_max_message_count(a->channel);
    net->batch.absolute_max_bytes = msp_channel_absolute_max_bytes(a->channel);
    net->batch.preferred_max_bytes = msp_channel_preferred_max_bytes(a->channel);
    net->orgs = orgs;
    for (i = 0; i < count && st == FCC_OK; i++) {
        const msp_channel_org *org = msp_channel_org_at(a->channel, i);

        if (org->application)
            st = adopt_org(a, org, &orgs[net->org_count++]);
        else if (net->orderer.node_count == 0)
            st = adopt_orderer(a, org);
    }
    if (st == FCC_OK && net->orderer.node_count == 0)
        st = fcc_error_set(a->error, FCC_ERR_CONFIG,
                           "%s has no orderer of an ordering organisation of the channel in %s: give the crypto "
                           "directory that this genesis block was made from",
                           a->crypto_dir, a->genesis_path);
    return st;
}

fcc_status msp_adopt(const char *crypto_dir, fcc_bytes genesis, const char *genesis_path, config_network **out,
                     fcc_error *error)
{
    adoption a = { .crypto_dir = crypto_dir, .genesis_path = genesis_path, .error = error };
    fcc_error why = { 0 };
    fcc_status st;

    a.arena = fcc__arena_new(ARENA_CAP);
    a.net = a.arena ? fcc__arena_zalloc(a.arena, 1, sizeof *a.net) : NULL;
    if (!a.net) {
        fcc__arena_free(a.arena);
        return fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
    }
    a.net->arena = a.arena;
    st = msp_channel_from_block(genesis, &a.channel, &why);
    if (st != FCC_OK)
        fcc_error_set(error, FCC_ERR_CONFIG, "%s is not a channel's genesis block: %.800s", genesis_path, why.text);
    else if (FCC__UNPACK(common__config, msp_channel_config(a.channel), a.arena, &a.config) != FCC_OK)
        st = no_room(&a);
    if (st == FCC_OK)
        st = adopt_all(&a);
    msp_channel_free(a.channel);
    if (st == FCC_OK) {
        *out = a.net;
        return FCC_OK;
    }
    config_free(a.net);
    return st == FCC_ERR_PROTO ? FCC_ERR_CONFIG : st;
}
