/* discovery_config.c: what service discovery tells of the channel's configuration. See discovery.h. */
#include "devnet/discovery.h"

#include "protos/unpack.h"

#include "common/configtx.pb-c.h"
#include "common/configuration.pb-c.h"
#include "msp/msp_config.pb-c.h"

#include <stdlib.h>

/* What is gathered from all groups. */
struct gathering {
    fcc__arena *arena;
    Discovery__ConfigResult *out;
    fcc_bytes everybodys; /* common.OrdererAddresses of the channel; empty without */
    bool somebodys;       /* an organisation has addresses of its own: then those count */
};

static const Common__ConfigGroup *group_in(const Common__ConfigGroup *group, fcc_bytes name)
{
    for (size_t i = 0; group && i < group->n_groups; i++)
        if (fcc_bytes_equal(fcc__of_pb(group->groups[i]->key), name))
            return group->groups[i]->value;
    return NULL;
}

static fcc_bytes value_in(const Common__ConfigGroup *group, fcc_bytes name)
{
    for (size_t i = 0; group && i < group->n_values; i++)
        if (fcc_bytes_equal(fcc__of_pb(group->values[i]->key), name) && group->values[i]->value)
            return fcc__of_pb(group->values[i]->value->value);
    return fcc_bytes_of(NULL, 0);
}

/* ---- addresses -------------------------------------------------------------------------------------------------------- */

/* host:port or [host]:port; what is neither is passed over, as Fabric does. */
static fcc_status add_endpoint(fcc_bytes address, fcc__arena *arena, Discovery__Endpoints *to)
{
    const uint8_t *colon = address.len ? memrchr(address.data, ':', address.len) : NULL;
    Discovery__Endpoint *endpoint;
    char digits[6], *end;
    size_t host, len;
    unsigned long port;

    if (!colon)
        return FCC_OK;
    host = (size_t)(colon - address.data);
    len = address.len - host - 1;
    if (len == 0 || len >= sizeof(digits))
        return FCC_OK;
    memcpy(digits, colon + 1, len);
    digits[len] = '\0';
    port = strtoul(digits, &end, 10);
    if (*end)
        return FCC_OK;
    endpoint = fcc__arena_alloc(arena, sizeof(*endpoint));
    if (!endpoint)
        return FCC_ERR_LIMIT;
    discovery__endpoint__init(endpoint);
    endpoint->host = host > 2 && address.data[0] == '[' ? fcc__pb(fcc_bytes_of(address.data + 1, host - 2))
                                                        : fcc__pb(fcc_bytes_of(address.data, host));
    endpoint->port = (uint32_t)port;
    to->endpoint[to->n_endpoint++] = endpoint;
    return FCC_OK;
}

static fcc_status list_endpoints(fcc_bytes packed, fcc__arena *arena, Discovery__Endpoints **out)
{
    Common__OrdererAddresses *addresses;
    fcc_status st;

    *out = fcc__arena_alloc(arena, sizeof(**out));
    if (!*out)
        return FCC_ERR_LIMIT;
    discovery__endpoints__init(*out);
    st = FCC__UNPACK_BORROWED(common__orderer_addresses, packed, arena, &addresses);
    if (st != FCC_OK)
        return st;
    (*out)->endpoint = fcc__arena_zalloc(arena, addresses->n_addresses, sizeof(*(*out)->endpoint));
    if (!(*out)->endpoint)
        return FCC_ERR_LIMIT;
    for (size_t i = 0; st == FCC_OK && i < addresses->n_addresses; i++)
        st = add_endpoint(fcc__of_pb(addresses->addresses[i]), arena, *out);
    return st;
}

static fcc_status add_orderers(struct gathering *g, fcc_bytes mspid, const Common__ConfigGroup *org)
{
    Discovery__ConfigResult__OrderersEntry *entry = fcc__arena_alloc(g->arena, sizeof(*entry));

    if (!entry)
        return FCC_ERR_LIMIT;
    discovery__config_result__orderers_entry__init(entry);
    entry->key = fcc__pb(mspid);
    g->out->orderers[g->out->n_orderers++] = entry;
    return list_endpoints(g->somebodys ? value_in(org, FCC_LIT("Endpoints")) : g->everybodys, g->arena, &entry->value);
}

/* ---- membership services ------------------------------------------------------------------------------------------------ */

/* NULL in *out: none of Fabric's kind. */
static fcc_status membership(const Common__ConfigGroup *org, fcc__arena *arena, Msp__FabricMSPConfig **out)
{
    Msp__MSPConfig *config;
    fcc_status st = FCC__UNPACK_BORROWED(msp__mspconfig, value_in(org, FCC_LIT("MSP")), arena, &config);

    *out = NULL;
    if (st != FCC_OK || config->type != 0)
        return st;
    return FCC__UNPACK_BORROWED(msp__fabric_mspconfig, fcc__of_pb(config->config), arena, out);
}

static fcc_status add_membership(struct gathering *g, Msp__FabricMSPConfig *config)
{
    Discovery__ConfigResult__MspsEntry *entry;

    for (size_t i = 0; i < g->out->n_msps; i++)
        if (fcc_bytes_equal(fcc__of_pb(g->out->msps[i]->key), fcc__of_pb(config->name)))
            return FCC_OK;
    entry = fcc__arena_alloc(g->arena, sizeof(*entry));
    if (!entry)
        return FCC_ERR_LIMIT;
    discovery__config_result__msps_entry__init(entry);
    entry->key = config->name;
    entry->value = config;
    g->out->msps[g->out->n_msps++] = entry;
    return FCC_OK;
}

static fcc_status add_organisations(struct gathering *g, const Common__ConfigGroup *group, bool orderers)
{
    Msp__FabricMSPConfig *config;
    fcc_status st = FCC_OK;

    for (size_t i = 0; st == FCC_OK && group && i < group->n_groups; i++) {
        st = membership(group->groups[i]->value, g->arena, &config);
        if (st != FCC_OK || !config)
            continue;
        st = add_membership(g, config);
        if (st == FCC_OK && orderers)
            st = add_orderers(g, fcc__of_pb(config->name), group->groups[i]->value);
    }
    return st;
}

fcc_status devnet_discovery_config(const struct devnet *net, fcc__arena *arena, Discovery__QueryResult *out)
{
    struct gathering g = { .arena = arena, .out = fcc__arena_alloc(arena, sizeof(*g.out)) };
    const Common__ConfigGroup *orderer, *application;
    Common__Config *config;
    fcc_status st = FCC__UNPACK_BORROWED(common__config, msp_channel_config(ledger_channel(net->ledger)), arena,
                                         &config);

    if (st != FCC_OK || !g.out)
        return st != FCC_OK ? st : FCC_ERR_LIMIT;
    discovery__config_result__init(g.out);
    orderer = group_in(config->channel_group, FCC_LIT("Orderer"));
    application = group_in(config->channel_group, FCC_LIT("Application"));
    g.everybodys = value_in(config->channel_group, FCC_LIT("OrdererAddresses"));
    for (size_t i = 0; orderer && i < orderer->n_groups; i++)
        g.somebodys = g.somebodys || value_in(orderer->groups[i]->value, FCC_LIT("Endpoints")).len > 0;
    g.out->msps = fcc__arena_zalloc(
        arena, (orderer ? orderer->n_groups : 0) + (application ? application->n_groups : 0), sizeof(*g.out->msps));
    g.out->orderers = fcc__arena_zalloc(arena, orderer ? orderer->n_groups : 0, sizeof(*g.out->orderers));
    if (!g.out->msps || !g.out->orderers)
        return FCC_ERR_LIMIT;
    st = add_organisations(&g, orderer, true);
    if (st == FCC_OK)
        st = add_organisations(&g, application, false);
    out->result_case = DISCOVERY__QUERY_RESULT__RESULT_CONFIG_RESULT;
    out->config_result = g.out;
    return st;
}
