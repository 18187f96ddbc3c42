/* views.c: a network that has been read, as somebody else is to see it. */
#include "config/config.h"

#include <stdlib.h>

static fcc_status no_memory(fcc_error *error)
{
    return fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
}

/* is_address has seen to the colon and the number */
static const char *by_name(const config_network *network, const char *name, const char *address)
{
    return fcc__arena_printf(network->arena, "%s%s", name, strrchr(address, ':'));
}

fcc_status config_addresses_by_name(config_network *network, fcc_error *error)
{
    const size_t count = network->orderer.node_count;
    config_orderer_node *nodes = fcc__arena_zalloc(network->arena, count, sizeof *nodes);
    config_org *orgs = fcc__arena_zalloc(network->arena, network->org_count, sizeof *orgs);
    size_t i;

    if (!nodes || !orgs)
        return no_memory(error);
    for (i = 0; i < count; i++) {
        nodes[i] = network->orderer.nodes[i];
        nodes[i].address = by_name(network, nodes[i].name, nodes[i].address);
        if (!nodes[i].address)
            return no_memory(error);
    }
    for (i = 0; i < network->org_count; i++) {
        orgs[i] = network->orgs[i];
        orgs[i].peer_address = by_name(network, orgs[i].peer_name, orgs[i].peer_address);
        if (!orgs[i].peer_address)
            return no_memory(error);
    }
    network->orderer.nodes = nodes;
    network->orgs = orgs;
    return FCC_OK;
}

fcc_status config_founders(const config_network *network, config_network *out, fcc_error *error)
{
    config_org *orgs = fcc__arena_zalloc(network->arena, network->org_count, sizeof *orgs);
    size_t i;

    if (!orgs)
        return no_memory(error);
    *out = *network;
    out->orgs = orgs;
    out->org_count = 0;
    for (i = 0; i < network->org_count; i++)
        if (!network->orgs[i].newcomer)
            orgs[out->org_count++] = network->orgs[i];
    return out->org_count ? FCC_OK
                          : fcc_error_set(error, FCC_ERR_CONFIG,
                                          "%s: every organisation is a newcomer: who shall add them to the channel?",
                                          network->path);
}
