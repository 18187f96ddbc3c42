/* The devnet's servers, found by its endpoints.json. */
#include "replay.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PEM_MAX = 1 << 20 };

static fcc_status read_pem(replay_net *net, const char *path, fcc_bytes *out, fcc_error *error)
{
    FILE *f = path ? fopen(path, "rb") : NULL;
    uint8_t *data = fcc__arena_alloc(net->arena, PEM_MAX);
    fcc_status st = FCC_OK;

    if (!f || !data)
        st = fcc_error_set(error, FCC_ERR_IO, "%s: %s", path ? path : "no path", strerror(errno));
    else
        *out = fcc_bytes_of(data, fread(data, 1, PEM_MAX, f));
    if (f)
        fclose(f);
    return st;
}

static fcc_status add_server(replay_net *net, const char *name, const json_t *at, fcc_error *error)
{
    replay_server *s = &net->servers[net->server_count];
    const char *address = json_string_value(json_object_get(at, "address"));
    const char *mspid = json_string_value(json_object_get(at, "mspId"));
    const char *domain = json_string_value(json_object_get(at, "domain"));
    rpc_tls tls = { .cert = net->tls_cert, .key = net->tls_key };
    fcc_status st;

    if (!address || !mspid || net->server_count == MAX_SERVERS)
        return fcc_error_set(error, FCC_ERR_CONFIG, "endpoints.json: %s needs \"address\" and \"mspId\"", name);
    snprintf(s->name, sizeof(s->name), "%s", name);
    s->mspid = fcc__arena_printf(net->arena, "%s", mspid);
    s->domain = fcc__arena_printf(net->arena, "%s", domain ? domain : "");
    if ((st = read_pem(net, json_string_value(json_object_get(at, "tlsCa")), &tls.ca, error)) != FCC_OK ||
        (st = rpc_channel_new(net->loop, address, &tls, &s->channel, error)) != FCC_OK)
        return st;
    net->server_count++;
    return FCC_OK;
}

static int by_domain(const void *left, const void *right)
{
    const char *a = json_string_value(json_object_get(*(json_t *const *)left, "domain"));
    const char *b = json_string_value(json_object_get(*(json_t *const *)right, "domain"));

    return strcmp(a ? a : "", b ? b : "");
}

static fcc_status read_endpoints(replay_net *net, const json_t *root, fcc_error *error)
{
    const json_t *peers = json_object_get(root, "peers"), *sorted[MAX_SERVERS];
    const char *channel = json_string_value(json_object_get(root, "channel"));
    size_t count = json_array_size(peers);
    fcc_status st;

    if (!channel || count == 0 || count >= MAX_SERVERS)
        return fcc_error_set(error, FCC_ERR_CONFIG, "endpoints.json: \"channel\" and \"peers\" are needed");
    net->channel = fcc__arena_printf(net->arena, "%s", channel);
    for (size_t i = 0; i < count; i++)
        sorted[i] = json_array_get(peers, i);
    qsort(sorted, count, sizeof(sorted[0]), by_domain);
    st = add_server(net, "orderer", json_object_get(root, "orderer"), error);
    for (size_t i = 0; i < count && st == FCC_OK; i++) {
        char name[32];

        snprintf(name, sizeof(name), "peer%zu", i + 1);
        st = add_server(net, name, sorted[i], error);
    }
    return st;
}

static fcc_status read_client(replay_net *net, const char *dir, fcc_error *error)
{
    fcc_status st = read_pem(net, fcc__arena_printf(net->arena, "%s/client.crt", dir), &net->tls_cert, error);

    if (st == FCC_OK)
        st = read_pem(net, fcc__arena_printf(net->arena, "%s/client.key", dir), &net->tls_key, error);
    return st;
}

fcc_status replay_open(const char *dir, const char *tls_dir, replay_net *out, fcc_error *error)
{
    json_error_t why;
    json_t *root = NULL;
    char path[4096];
    fcc_status st;

    *out = (replay_net){ .arena = fcc__arena_new(1 << 30) };
    if (!out->arena)
        return fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
    out->crypto_dir = fcc__arena_printf(out->arena, "%s/crypto", dir);
    if ((st = rpc_loop_new(&out->loop, error)) != FCC_OK ||
        (tls_dir && (st = read_client(out, tls_dir, error)) != FCC_OK))
        return st;
    snprintf(path, sizeof(path), "%s/endpoints.json", dir);
    root = json_load_file(path, 0, &why);
    if (!root)
        st = fcc_error_set(error, FCC_ERR_NOT_FOUND, "%s: %s", path, why.text);
    else
        st = read_endpoints(out, root, error);
    json_decref(root);
    return st;
}

void replay_close(replay_net *net)
{
    for (size_t i = 0; i < net->server_count; i++)
        rpc_channel_free(net->servers[i].channel);
    rpc_loop_free(net->loop);
    fcc__arena_free(net->arena);
}

const replay_server *replay_find(const replay_net *net, const char *name)
{
    for (size_t i = 0; i < net->server_count; i++)
        if (strcmp(net->servers[i].name, name) == 0)
            return &net->servers[i];
    return NULL;
}
