/* directory.c: the organisations of a running network, from its directory's endpoints.json: for commands without a network file. */
#include "deploy/internal.h"

#include <jansson.h>
#include <string.h>

static const char *text_of(const json_t *in, const char *key, fcc__arena *arena)
{
    const char *text = json_string_value(json_object_get(in, key));

    return text ? fcc__arena_printf(arena, "%s", text) : NULL;
}

fcc_status deploy__directory(const char *dir, fcc__arena *arena, config_network **out, fcc_error *error)
{
    const char *path = fcc__arena_printf(arena, "%s/endpoints.json", dir);
    config_network *network = fcc__arena_zalloc(arena, 1, sizeof(*network));
    json_error_t why;
    json_t *root = path ? json_load_file(path, 0, &why) : NULL, *peers = json_object_get(root, "peers"), *peer;
    const size_t count = json_array_size(peers);
    config_org *orgs = fcc__arena_zalloc(arena, count + 1, sizeof(*orgs));
    size_t i;
    fcc_status st = FCC_ERR_NOMEM;

    if (!path || !network || !orgs) {
        fcc_error_set(error, st, "%s", fcc_status_text(st));
        goto out;
    }
    if (!root) {
        st = fcc_error_set(error, FCC_ERR_NOT_FOUND, "%s: %s: no network is in this directory", path, why.text);
        goto out;
    }
    network->path = path;
    network->channel = text_of(root, "channel", arena);
    network->orderer.mspid = text_of(json_object_get(root, "orderer"), "mspId", arena);
    json_array_foreach(peers, i, peer)
    {
        orgs[i].mspid = text_of(peer, "mspId", arena);
        orgs[i].domain = text_of(peer, "domain", arena);
        orgs[i].name = orgs[i].domain
                           ? fcc__arena_printf(arena, "%.*s", (int)strcspn(orgs[i].domain, "."), orgs[i].domain)
                           : NULL;
        orgs[i].peer_name = text_of(peer, "name", arena);
        orgs[i].peer_address = text_of(peer, "address", arena);
        if (!orgs[i].mspid || !orgs[i].name || !orgs[i].peer_name || !orgs[i].peer_address) {
            st = fcc_error_set(error, FCC_ERR_CONFIG, "%s: peer %zu lacks its name, address, mspId or domain", path, i);
            goto out;
        }
    }
    network->orgs = orgs;
    network->org_count = count;
    if (!network->channel || count == 0) {
        st = fcc_error_set(error, FCC_ERR_CONFIG, "%s: \"channel\" and \"peers\" are needed", path);
        goto out;
    }
    *out = network;
    st = FCC_OK;
out:
    json_decref(root);
    return st;
}
