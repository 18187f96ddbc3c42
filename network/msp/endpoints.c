/* endpoints.c: endpoints.json, by which clients find the network. */
#include "msp/material.h"

#include "base/durable.h"

#include <jansson.h>
#include <limits.h>
#include <stdlib.h>

static const char *absolute(fcc__arena *arena, const char *path)
{
    char resolved[PATH_MAX];

    if (!path)
        return NULL;
    return realpath(path, resolved) ? fcc__arena_printf(arena, "%s", resolved) : path;
}

fcc_status msp_write_endpoints(const char *dir, const config_network *network, const char *crypto_dir,
                               const char *const *addresses, bool client_auth, fcc_error *error)
{
    fcc__arena *arena = fcc__arena_new(1 << 20);
    json_t *root = NULL, *peers = json_array(), *orderers = json_array();
    char *text = NULL;
    const char *tls, *path;
    fcc_status st = FCC_ERR_NOMEM;

    if (!arena || !peers || !orderers)
        goto out;
    for (size_t i = 0; i < network->org_count; i++) {
        const config_org *org = &network->orgs[i];
        json_t *peer;

        tls = absolute(arena, msp_path_org_tlsca(arena, crypto_dir, org));
        if (!tls)
            goto out;
        peer = json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", org->peer_name, "address", addresses[i], "mspId",
                         org->mspid, "domain", org->domain, "tlsCa", tls);
        if (!peer || json_array_append_new(peers, peer) != 0)
            goto out;
    }
    for (size_t i = 0; i < network->orderer.node_count; i++) {
        const config_orderer_node *node = &network->orderer.nodes[i];
        json_t *orderer;

        tls = msp_path_orderer_tls(arena, crypto_dir, &network->orderer, i);
        tls = tls ? fcc__arena_printf(arena, "%s/ca.crt", tls) : NULL;
        tls = absolute(arena, tls);
        orderer = json_pack("{s:s, s:s, s:s, s:s}", "name", node->name, "address", node->address, "mspId",
                            network->orderer.mspid, "tlsCa", tls ? tls : "");
        if (!tls || !orderer || json_array_append_new(orderers, orderer) != 0)
            goto out;
    }
    /* "orderer" is the first one, for clients that know of no more */
    root = json_pack("{s:s, s:O, s:O, s:O}", "channel", network->channel, "orderer", json_array_get(orderers, 0),
                     "orderers", orderers, "peers", peers);
    if (!root || (client_auth && json_object_set_new(root, "clientAuth", json_true()) != 0))
        goto out;
    text = json_dumps(root, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    if (!text)
        goto out;
    path = fcc__arena_printf(arena, "%s/endpoints.json", dir);
    if (path)
        st = fcc__write_whole(path, fcc_str(text), error);
out:
    if (st == FCC_ERR_NOMEM)
        fcc_error_set(error, st, "%s/endpoints.json: %s", dir, fcc_status_text(st));
    free(text);
    json_decref(root);
    json_decref(peers);
    json_decref(orderers);
    fcc__arena_free(arena);
    return st;
}
