/* config.c: from network.yaml to one config_network, checked as a whole. */
#include "config/config.h"
#include "config/load.h"
#include "config/sections.h"

#include <string.h>
#include <strings.h>

enum { ARENA_CAP = 16 << 20 };

/* ---- sections ----------------------------------------------------------------------------------------------------- */

static fcc_status read_batch(config_reader *r, yaml_node_t *node, config_network *net)
{
    int64_t timeout = 0, count = 0, absolute = 0, preferred = 0;
    const config_field fields[] = {
        NUMBER("timeout_ms", true, &timeout, 1, 600000),
        NUMBER("max_message_count", true, &count, 1, 100000),
        NUMBER("absolute_max_bytes", true, &absolute, 1024, 100 << 20),
        NUMBER("preferred_max_bytes", true, &preferred, 1024, 100 << 20),
    };
    fcc_status st;

    TRY(config_read_mapping(r, node, "batch", fields, COUNT(fields)));
    if (preferred > absolute)
        return config_fail(r, node, "batch.preferred_max_bytes",
                           fcc__arena_printf(r->arena, "%lld", (long long)preferred),
                           "no more than absolute_max_bytes");
    net->batch.timeout_ms = (uint32_t)timeout;
    net->batch.max_message_count = (uint32_t)count;
    net->batch.absolute_max_bytes = (uint32_t)absolute;
    net->batch.preferred_max_bytes = (uint32_t)preferred;
    return FCC_OK;
}

/* A certificate's common name has at most 64 characters; the longest that are made of these. */
fcc_status config__check_common_name(config_reader *r, const yaml_node_t *node, const char *name, const char *domain)
{
    if (strlen(name) + 1 + strlen(domain) <= 64 && strlen("tlsca.") + strlen(domain) <= 64)
        return FCC_OK;
    return config_fail(r, node, "domain", domain,
                       "names that make at most 64 characters together with their domain, a certificate's limit");
}

static fcc_status read_orderer_node(config_reader *r, const yaml_node_t *node, const char *domain, const char *host,
                                    const char *address, config_orderer_node *out)
{
    fcc_status st;

    TRY(config__check_common_name(r, node, host, domain));
    out->name = fcc__arena_printf(r->arena, "%s.%s", host, domain);
    out->address = address;
    return out->name ? FCC_OK : config_fail(r, node, "orderer", NULL, NULL);
}

static fcc_status read_orderer_nodes(config_reader *r, yaml_node_t *node, config_orderer *out)
{
    config_orderer_node *nodes;
    size_t count = 0, i, k;
    fcc_status st;

    TRY(config_read_sequence(r, node, "orderer.nodes", &count));
    nodes = fcc__arena_zalloc(r->arena, count + 1, sizeof *nodes);
    if (!nodes || count == 0)
        return config_fail(r, node, "orderer.nodes", NULL, nodes ? "at least one orderer" : NULL);
    for (i = 0; i < count; i++) {
        yaml_node_t *item = config_item(r, node, i);
        const char *host = NULL, *address = NULL;
        const config_field fields[] = {
            TEXT("name", true, &host, config__is_name, NAME_EXPECTED),
            TEXT("address", true, &address, config__is_address, ADDRESS_EXPECTED),
        };

        TRY(config_read_mapping(r, item, "orderer.nodes", fields, COUNT(fields)));
        TRY(read_orderer_node(r, item, out->domain, host, address, &nodes[i]));
        for (k = 0; k < i; k++) {
            if (strcasecmp(nodes[k].name, nodes[i].name) == 0)
                return config_fail(r, item, "orderer.nodes", host, "each orderer once");
            if (strcmp(nodes[k].address, address) == 0)
                return config_fail(r, item, "orderer.nodes", address, "an address of its own");
        }
    }
    out->nodes = nodes;
    out->node_count = count;
    return FCC_OK;
}

static fcc_status read_orderer(config_reader *r, yaml_node_t *node, config_orderer *out)
{
    const char *host = NULL, *address = NULL;
    yaml_node_t *nodes = NULL;
    config_orderer_node *single;
    const config_field fields[] = {
        TEXT("name", true, &out->name, config__is_name, NAME_EXPECTED),
        TEXT("mspid", true, &out->mspid, config__is_mspid, MSPID_EXPECTED),
        TEXT("domain", true, &out->domain, config__is_domain, DOMAIN_EXPECTED),
        NODE("nodes", false, &nodes),
        TEXT("node", false, &host, config__is_name, NAME_EXPECTED),
        TEXT("address", false, &address, config__is_address, ADDRESS_EXPECTED),
    };
    fcc_status st;

    TRY(config_read_mapping(r, node, "orderer", fields, COUNT(fields)));
    if (nodes ? host || address : !host || !address)
        return config_fail(r, node, "orderer", out->name, "either nodes, or node and address of a single one");
    if (nodes)
        return read_orderer_nodes(r, nodes, out);
    single = fcc__arena_zalloc(r->arena, 1, sizeof *single);
    if (!single)
        return config_fail(r, node, "orderer", NULL, NULL);
    out->nodes = single;
    out->node_count = 1;
    return read_orderer_node(r, node, out->domain, host, address, single);
}

static fcc_status read_acls(config_reader *r, yaml_node_t *node, config_network *net)
{
    config_acl *acls;
    size_t count = 0, i, k;
    fcc_status st;

    TRY(config_read_sequence(r, node, "acls", &count));
    acls = fcc__arena_zalloc(r->arena, count + 1, sizeof *acls);
    if (!acls)
        return config_fail(r, node, "acls", NULL, NULL);
    for (i = 0; i < count; i++) {
        yaml_node_t *item = config_item(r, node, i);
        const config_field fields[] = {
            TEXT("resource", true, &acls[i].resource, config__is_resource, "a resource such as peer/Propose"),
            TEXT("policy", true, &acls[i].policy, config__is_policy_path,
                 "a policy of the channel such as /Channel/Application/Readers"),
        };

        TRY(config_read_mapping(r, item, "acls", fields, COUNT(fields)));
        for (k = 0; k < i; k++)
            if (strcmp(acls[k].resource, acls[i].resource) == 0)
                return config_fail(r, item, "acls.resource", acls[i].resource, "each resource once");
    }
    net->acls = acls;
    net->acl_count = count;
    return FCC_OK;
}

static fcc_status read_retention(config_reader *r, yaml_node_t *node, config_network *net)
{
    config_retention *classes;
    size_t count = 0, i;
    fcc_status st;

    TRY(config_read_sequence(r, node, "retention", &count));
    classes = fcc__arena_zalloc(r->arena, count + 1, sizeof *classes);
    if (!classes)
        return config_fail(r, node, "retention", NULL, NULL);
    for (i = 0; i < count; i++) {
        yaml_node_t *item = config_item(r, node, i);
        int64_t years = 0;
        const config_field fields[] = {
            TEXT("gln", true, &classes[i].gln, config_gln_valid, GLN_EXPECTED),
            TEXT("class", true, &classes[i].class_name, config__is_id, ID_EXPECTED),
            NUMBER("years", true, &years, 0, 200),
        };

        TRY(config_read_mapping(r, item, "retention", fields, COUNT(fields)));
        classes[i].years = (int)years;
        if (!config__site_belongs(net, classes[i].gln, NULL))
            return config_fail(r, item, "retention.gln", classes[i].gln, "the GLN of a site");
    }
    net->retention = classes;
    net->retention_count = count;
    return FCC_OK;
}

static fcc_status read_network(config_reader *r, config_network *net)
{
    yaml_node_t *batch = NULL, *orderer = NULL, *orgs = NULL, *acls = NULL, *retention = NULL, *chaincodes = NULL;
    const config_field fields[] = {
        TEXT("channel", true, &net->channel, config__is_channel, "a channel name: a-z first, then a-z 0-9 . -"),
        NODE("batch", true, &batch),
        NODE("orderer", true, &orderer),
        NODE("organisations", true, &orgs),
        NODE("acls", false, &acls),
        NODE("retention", false, &retention),
        FLAG("chaincode_tls", &net->chaincode_tls),
        NODE("chaincodes", false, &chaincodes),
    };
    fcc_status st;

    TRY(config_read_mapping(r, yaml_document_get_root_node(&r->document), "network", fields, COUNT(fields)));
    TRY(read_batch(r, batch, net));
    TRY(read_orderer(r, orderer, &net->orderer));
    TRY(config__read_orgs(r, orgs, net));
    if (acls)
        TRY(read_acls(r, acls, net));
    if (retention)
        TRY(read_retention(r, retention, net));
    if (chaincodes)
        TRY(config__read_chaincodes(r, chaincodes, net));
    return FCC_OK;
}

/* ---- entry points ------------------------------------------------------------------------------------------------- */

fcc_status config_parse(fcc_bytes yaml, const char *path, config_network **out, fcc_error *error)
{
    config_reader r = { .error = error };
    fcc__arena *arena = fcc__arena_new(ARENA_CAP);
    config_network *net = arena ? fcc__arena_zalloc(arena, 1, sizeof *net) : NULL;
    fcc_bytes path_copy;
    fcc_status st;

    if (!net || !fcc__arena_copy(arena, fcc_str(path), &path_copy)) {
        fcc__arena_free(arena);
        return fcc_error_set(error, FCC_ERR_NOMEM, "%s: out of memory", path);
    }
    net->arena = arena;
    net->path = (const char *)path_copy.data;
    r.arena = arena;
    r.path = net->path;
    st = config_load_document(yaml, &r);
    if (st == FCC_OK) {
        st = read_network(&r, net);
        yaml_document_delete(&r.document);
    }
    if (st == FCC_OK)
        *out = net;
    else
        fcc__arena_free(arena);
    return st;
}

fcc_status config_load(const char *path, config_network **out, fcc_error *error)
{
    fcc__buf text;
    fcc_status st = config_slurp(path, &text, error);

    if (st == FCC_ERR_NOT_FOUND)
        st = fcc_error_set(error, FCC_ERR_IO, "%s: no such file", path);
    if (st == FCC_OK)
        st = config_parse(fcc__buf_bytes(&text), path, out, error);
    fcc__buf_clear(&text);
    return st;
}

void config_free(config_network *network)
{
    if (network)
        fcc__arena_free(network->arena);
}
