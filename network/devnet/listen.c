/* listen.c: the addresses at which the peers and the orderer are reached, and the files that the devnet reads whole. */
#include "devnet/internal.h"

#include "base/log.h"
#include "msp/material.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CLIENT_CAS_MAX = 64 << 20 };

static fcc_status no_memory(fcc_error *error)
{
    return fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
}

const char *devnet_path(struct devnet *net, const char *dir, const char *name)
{
    return fcc__arena_printf(net->arena, "%s/%s", dir, name);
}

fcc_status devnet_read(struct devnet *net, const char *path, fcc_bytes *out, fcc_error *error)
{
    struct stat info;
    uint8_t *bytes;
    ssize_t n;
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

    if (fd < 0 || fstat(fd, &info) != 0) {
        if (fd >= 0)
            close(fd);
        return fcc_error_set(error, FCC_ERR_IO, "%s: %s", path ? path : "(no path)", strerror(errno));
    }
    bytes = fcc__arena_alloc(net->arena, (size_t)info.st_size);
    n = bytes ? read(fd, bytes, (size_t)info.st_size) : -1;
    close(fd);
    if (n != info.st_size)
        return fcc_error_set(error, FCC_ERR_IO, "%s cannot be read", path);
    *out = fcc_bytes_of(bytes, (size_t)n);
    return FCC_OK;
}

/* ---- whose clients may connect ------------------------------------------------------------------------------------ */

/*
 * The TLS authorities of the channel's organisations: of those that endorse for a peer, of all for the orderer. With the
 * server's own, as Fabric's peer has it and Fabric's orderer is set up.
 */
static fcc_status client_cas(const struct devnet *net, bool orderer, fcc_bytes own, fcc__arena *arena, fcc_bytes *out)
{
    const msp_channel *channel = ledger_channel(net->ledger);
    const size_t count = msp_channel_org_count(channel);
    size_t len = own.len;
    uint8_t *pem;

    for (size_t i = 0; i < count; i++)
        if (orderer || msp_channel_org_at(channel, i)->application)
            len += msp_channel_org_at(channel, i)->tls_cas.len;
    pem = fcc__arena_alloc(arena, len);
    if (!pem)
        return FCC_ERR_LIMIT;
    memcpy(pem, own.data, own.len);
    *out = fcc_bytes_of(pem, len);
    pem += own.len;
    for (size_t i = 0; i < count; i++) {
        const msp_channel_org *org = msp_channel_org_at(channel, i);

        if (!orderer && !org->application)
            continue;
        if (org->tls_cas.len > 0)
            memcpy(pem, org->tls_cas.data, org->tls_cas.len);
        pem += org->tls_cas.len;
    }
    return FCC_OK;
}

/* The server's certificate with the authorities of now, in the arena. */
static fcc_status with_clients(const struct devnet *net, const rpc_tls *server, bool orderer, fcc__arena *arena,
                               rpc_tls *out)
{
    *out = *server;
    out->ca = fcc_bytes_of(NULL, 0);
    return net->options->client_auth ? client_cas(net, orderer, server->ca, arena, &out->ca) : FCC_OK;
}

static void renew(struct devnet *net, rpc_server *server, const rpc_tls *own, bool orderer, fcc__arena *arena)
{
    fcc_error error = { 0 };
    rpc_tls tls;
    fcc_status st = with_clients(net, own, orderer, arena, &tls);

    if (st != FCC_OK)
        fcc_error_set(&error, st, "%s", fcc_status_text(st));
    else
        st = rpc_server_renew_tls(server, &tls, &error);
    if (st != FCC_OK)
        fcc__log(FCC__WARN,
                 "the channel's new TLS authorities are not taken, clients of those of before may connect: %s",
                 error.text);
}

void devnet_listen_committed(struct devnet *net)
{
    const uint64_t sequence = msp_channel_sequence(ledger_channel(net->ledger));
    fcc__arena *arena;

    if (!net->options->client_auth || !net->orderer_server || sequence == net->clients_of)
        return;
    net->clients_of = sequence;
    arena = fcc__arena_new(CLIENT_CAS_MAX);
    for (size_t i = 0; arena && i < net->peer_count; i++)
        renew(net, net->peers[i].server, &net->peers[i].tls, false, arena);
    if (arena)
        renew(net, net->orderer_server, &net->orderer_tls, true, arena);
    else
        fcc__log(FCC__WARN, "the channel's new TLS authorities are not taken: out of memory");
    fcc__arena_free(arena);
}

/* ---- listening ---------------------------------------------------------------------------------------------------- */

static fcc_status read_tls(struct devnet *net, const char *dir, rpc_tls *out, fcc_error *error)
{
    fcc_status st;

    if (!dir)
        return no_memory(error);
    if ((st = devnet_read(net, devnet_path(net, dir, "server.crt"), &out->cert, error)) != FCC_OK ||
        (st = devnet_read(net, devnet_path(net, dir, "server.key"), &out->key, error)) != FCC_OK)
        return st;
    return net->options->client_auth ? devnet_read(net, devnet_path(net, dir, "ca.crt"), &out->ca, error) : FCC_OK;
}

/*
 * Where a listener of the network file listens and where it is found, host:port both: they differ when it listens at all of
 * the machine's addresses, of which clients use one. `number`: 0 the orderer, then the peers.
 */
static fcc_status place(struct devnet *net, const char *asked, const char *tls_dir, size_t number, const char **host,
                        const char **address, fcc_error *error)
{
    const devnet_options *o = net->options;
    const char *colon;
    int port = 0;

    if (!asked && !o->auto_ports && !o->first_port)
        return fcc_error_set(error, FCC_ERR_CONFIG, "%s gives no port for %s: take free ones with --ports auto",
                             net->network->path, tls_dir);
    asked = asked ? asked : "127.0.0.1:0";
    colon = strrchr(asked, ':');
    if (!colon)
        return fcc_error_set(error, FCC_ERR_CONFIG, "%s: %s is no host:port", net->network->path, asked);
    if (o->first_port && net->peer_count > (size_t)(o->last_port - o->first_port)) /* before anything listens */
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "--ports %d-%d are %d, and an orderer with %zu peers needs %zu: give more", o->first_port,
                             o->last_port, o->last_port - o->first_port + 1, net->peer_count, net->peer_count + 1);
    if (o->first_port)
        port = o->first_port + (int)number;
    else if (!o->auto_ports)
        port = atoi(colon + 1);
    *host = fcc__arena_printf(net->arena, "%.*s", (int)(colon - asked), asked);
    *address = *host ? fcc__arena_printf(net->arena, "%s:%d", o->listen ? o->listen : *host, port) : NULL;
    return *address ? FCC_OK : no_memory(error);
}

/* Fills `own` from the folder. */
static fcc_status listen_tls(struct devnet *net, rpc_server *server, const char *asked, const char *tls_dir,
                             size_t number, rpc_tls *own, char **bound, fcc_error *error)
{
    const char *host = NULL, *address = NULL;
    rpc_tls tls;
    fcc_status st;
    int port = 0;

    if ((st = read_tls(net, tls_dir, own, error)) != FCC_OK)
        return st;
    if (with_clients(net, own, own == &net->orderer_tls, net->arena, &tls) != FCC_OK)
        return no_memory(error);
    if ((st = place(net, asked, tls_dir, number, &host, &address, error)) != FCC_OK ||
        (st = rpc_server_listen(server, address, &tls, &port, error)) != FCC_OK)
        return st;
    if ((st = rpc_server_start(server)) != FCC_OK)
        return fcc_error_set(error, st, "the listener on %s cannot be started: %s", address, fcc_status_text(st));
    *bound = fcc__arena_printf(net->arena, "%s:%d", host, port);
    return *bound ? FCC_OK : no_memory(error);
}

fcc_status devnet_listen(struct devnet *net, fcc_error *error)
{
    config_orderer_node *node = fcc__arena_zalloc(net->arena, 1, sizeof(*node));
    char *address;
    fcc_status st;

    if (!node)
        return fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
    *node = net->network->orderer.nodes[0];
    net->clients_of = msp_channel_sequence(ledger_channel(net->ledger));
    for (size_t i = 0; i < net->peer_count; i++) {
        devnet_peer *peer = &net->peers[i];

        if ((st = rpc_server_new(net->loop, &peer->server, error)) != FCC_OK)
            return st;
        if ((st = devnet_gateway_serve(peer)) != FCC_OK || (st = devnet_endorser_serve(peer)) != FCC_OK ||
            (st = devnet_discovery_serve(peer)) != FCC_OK || (st = devnet_deliver_serve(peer)) != FCC_OK)
            return fcc_error_set(error, st, "the services of %s: %s", peer->org->mspid, fcc_status_text(st));
        st = listen_tls(net, peer->server, peer->org->peer_address,
                        msp_path_peer_tls(net->arena, net->crypto_dir, peer->org), i + 1, &peer->tls, &peer->address,
                        error);
        if (st != FCC_OK)
            return st;
    }
    if ((st = rpc_server_new(net->loop, &net->orderer_server, error)) != FCC_OK)
        return st;
    if ((st = devnet_orderer_serve(net->orderer, net->orderer_server)) != FCC_OK)
        return fcc_error_set(error, st, "the orderer: %s", fcc_status_text(st));
    st = listen_tls(net, net->orderer_server, node->address,
                    msp_path_orderer_tls(net->arena, net->crypto_dir, &net->network->orderer, 0), 0, &net->orderer_tls,
                    &address, error);
    if (st == FCC_OK) {
        node->address = address;
        net->network->orderer.nodes = node;
    }
    return st;
}
