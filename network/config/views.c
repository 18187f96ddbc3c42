/* views.c: a network that has been read, as somebody else is to see it. */
#include "config/config.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static fcc_status no_memory(fcc_error *error)
{
    return fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
}

/* is_address has seen to the colon and the number */
static const char *by_name(const config_network *network, const char *name, const char *address)
{
    return name ? fcc__arena_printf(network->arena, "%s%s", name, strrchr(address, ':')) : NULL;
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
        if (orgs[i].custodian_address)
            orgs[i].custodian_address = by_name(
                network, fcc__arena_printf(network->arena, "custodian.%s", orgs[i].domain), orgs[i].custodian_address);
        if (!orgs[i].peer_address || !orgs[i].custodian_address != !network->orgs[i].custodian_address)
            return no_memory(error);
    }
    network->orderer.nodes = nodes;
    network->orgs = orgs;
    return FCC_OK;
}

/* "Hospital" and "_CUSTODIAN" are HOSPITAL_CUSTODIAN. */
static fcc_status put_port(const config_network *network, const char *(*port_of)(const char *name), const char *who,
                           const char *what, const char **address, fcc_error *error)
{
    char *name = fcc__arena_printf(network->arena, "%.*s%s", (int)strcspn(who, "."), who, what);
    const char *port;
    char *end;
    long number;

    if (!name)
        return no_memory(error);
    for (char *c = name; *c; c++)
        *c = isalnum((unsigned char)*c) ? (char)toupper((unsigned char)*c) : '_';
    port = port_of(name);
    if (!port)
        return FCC_OK;
    number = strtol(port, &end, 10);
    if (!isdigit((unsigned char)*port) || *end || number < 1 || number > 65535)
        return fcc_error_set(error, FCC_ERR_CONFIG, "the port of %s: \"%s\" is none, expected 1 to 65535", name, port);
    *address = fcc__arena_printf(network->arena, "%.*s:%ld", (int)(strrchr(*address, ':') - *address), *address,
                                 number);
    return *address ? FCC_OK : no_memory(error);
}

fcc_status config_ports(config_network *network, const char *(*port_of)(const char *name), fcc_error *error)
{
    const size_t count = network->orderer.node_count;
    config_orderer_node *nodes = fcc__arena_zalloc(network->arena, count + 1, sizeof *nodes);
    config_org *orgs = fcc__arena_zalloc(network->arena, network->org_count + 1, sizeof *orgs);
    fcc_status st = nodes && orgs ? FCC_OK : no_memory(error);

    for (size_t i = 0; st == FCC_OK && i < count; i++) {
        nodes[i] = network->orderer.nodes[i];
        st = put_port(network, port_of, nodes[i].name, "", &nodes[i].address, error);
    }
    for (size_t i = 0; st == FCC_OK && i < network->org_count; i++) {
        orgs[i] = network->orgs[i];
        st = put_port(network, port_of, orgs[i].name, "", &orgs[i].peer_address, error);
        if (st == FCC_OK && orgs[i].custodian_address)
            st = put_port(network, port_of, orgs[i].name, "_CUSTODIAN", &orgs[i].custodian_address, error);
    }
    if (st != FCC_OK)
        return st;
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
