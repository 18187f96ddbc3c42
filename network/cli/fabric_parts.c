/* See fabric.h: prepare, join, endpoints. */
#include "cli/cli.h"
#include "cli/fabric.h"

#include "msp/material.h"
#include "native/custodians.h"
#include "native/join.h"
#include "native/nodes.h"
#include "native/parts.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { PARTS_SCRATCH = 16 << 20, JOIN_SECONDS = 120 };

/* MSP id of --org. */
static fcc_status find_only(const fabric_parts *o, const char **only, fcc_error *error)
{
    const config_orderer *orderer = &o->network->orderer;
    const config_org *org = o->org ? config_find_org(o->network, o->org) : NULL;

    *only = NULL;
    if (!o->org)
        return FCC_OK;
    if (org)
        *only = org->mspid;
    else if (strcasecmp(o->org, orderer->name) == 0 || strcmp(o->org, orderer->mspid) == 0 ||
             strcasecmp(o->org, orderer->domain) == 0)
        *only = orderer->mspid;
    else
        return fcc_error_set(error, FCC_ERR_CONFIG, "%s names no organisation %s", o->network->path, o->org);
    return FCC_OK;
}

static fcc_status prepare(const fabric_parts *o, const char *only, fcc__arena *arena, fcc_error *error)
{
    const parts_options parts = { .dir = o->dir,
                                  .network = o->network,
                                  .out = o->parts ? o->parts : fcc__arena_printf(arena, "%s/nodes", o->dir),
                                  .config_dir = o->config_dir,
                                  .bin_dir = o->bin_dir,
                                  .fabric = o->fabric,
                                  .only = only,
                                  .tell = o->tell };
    fcc_status st = config_addresses_by_name(o->network, error);

    if (st != FCC_OK)
        return st;
    return parts.out ? parts_write(&parts, error) : fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
}

static fcc_status join(const fabric_parts *o, const char *only, fcc__arena *arena, fcc_error *error)
{
    const size_t count = o->network->orderer.node_count;
    const char **admins = fcc__arena_zalloc(arena, count, sizeof(*admins));
    join_options join = { .dir = o->dir,
                          .network = o->network,
                          .crypto_dir = fcc__arena_printf(arena, "%s/crypto", o->dir),
                          .orderer_admins = admins,
                          .only = only,
                          .seconds = JOIN_SECONDS,
                          .tell = o->tell };
    fcc_status st = config_addresses_by_name(o->network, error);

    if (st == FCC_OK)
        st = node_read_file(fcc__arena_printf(arena, "%s/genesis.block", o->dir), arena, &join.genesis, error);
    if (st != FCC_OK)
        return st;
    for (size_t i = 0; admins && i < count; i++) {
        admins[i] = fcc__arena_printf(arena, "%s:%d", o->network->orderer.nodes[i].name, PARTS_ADMIN_PORT);
        if (!admins[i])
            admins = NULL;
    }
    return admins && join.crypto_dir ? join_run(&join, error) : fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
}

/* Where the network file says, which is how the machine reaches them that publishes the nodes' ports. */
static fcc_status endpoints(const fabric_parts *o, fcc__arena *arena, fcc_error *error)
{
    const char **peers = fcc__arena_zalloc(arena, o->network->org_count + 1, sizeof(*peers));
    const char *crypto = fcc__arena_printf(arena, "%s/crypto", o->dir);
    const custodians_options custodians = { .dir = o->dir, .crypto = crypto, .network = o->network };
    fcc_status st;

    if (!peers || !crypto)
        return fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
    if ((st = config_ports(o->network, cli_published_port, error)) != FCC_OK ||
        (st = custodians_tell(&custodians, arena, error)) != FCC_OK)
        return st;
    for (size_t i = 0; i < o->network->org_count; i++)
        peers[i] = o->network->orgs[i].peer_address;
    return msp_write_endpoints(o->dir, o->network, crypto, peers, false, error);
}

fcc_status fabric_parts_run(const fabric_parts *o, fcc_error *error)
{
    fcc__arena *arena = fcc__arena_new(PARTS_SCRATCH);
    const char *only;
    fcc_status st = arena ? find_only(o, &only, error) : fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");

    if (st == FCC_OK && strcmp(o->what, "prepare") == 0)
        st = prepare(o, only, arena, error);
    else if (st == FCC_OK && strcmp(o->what, "join") == 0)
        st = join(o, only, arena, error);
    else if (st == FCC_OK)
        st = endpoints(o, arena, error);
    fcc__arena_free(arena);
    return st;
}
