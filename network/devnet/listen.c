/* listen.c: the addresses at which the peers and the orderer are reached, and the files that the devnet reads whole. */
#include "devnet/internal.h"

#include "msp/material.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

static fcc_status listen_tls(struct devnet *net, rpc_server *server, const char *address, const char *tls_dir,
                             char **bound, fcc_error *error)
{
    rpc_tls tls = { .ca = { NULL, 0 } };
    const char *colon, *host;
    fcc_status st;
    int port = 0;

    if (!tls_dir)
        return no_memory(error);
    if ((st = devnet_read(net, devnet_path(net, tls_dir, "server.crt"), &tls.cert, error)) != FCC_OK ||
        (st = devnet_read(net, devnet_path(net, tls_dir, "server.key"), &tls.key, error)) != FCC_OK)
        return st;
    if (!address && !net->options->auto_ports)
        return fcc_error_set(error, FCC_ERR_CONFIG, "%s gives no port for %s: take free ones with --ports auto",
                             net->network->path, tls_dir);
    address = address ? address : "127.0.0.1:0";
    colon = strrchr(address, ':');
    if (!colon)
        return fcc_error_set(error, FCC_ERR_CONFIG, "%s: %s is no host:port", net->network->path, address);
    host = fcc__arena_printf(net->arena, "%.*s", (int)(colon - address), address);
    if (net->options->auto_ports)
        address = fcc__arena_printf(net->arena, "%s:0", host ? host : "127.0.0.1");
    if (!host || !address)
        return no_memory(error);
    if ((st = rpc_server_listen(server, address, &tls, &port, error)) != FCC_OK)
        return st;
    if ((st = rpc_server_start(server)) != FCC_OK)
        return fcc_error_set(error, st, "the listener on %s cannot be started: %s", address, fcc_status_text(st));
    *bound = fcc__arena_printf(net->arena, "%s:%d", host, port);
    return *bound ? FCC_OK : no_memory(error);
}

fcc_status devnet_listen(struct devnet *net, rpc_server **orderer_server, fcc_error *error)
{
    char *address;
    fcc_status st;

    for (size_t i = 0; i < net->peer_count; i++) {
        devnet_peer *peer = &net->peers[i];

        if ((st = rpc_server_new(net->loop, &peer->server, error)) != FCC_OK)
            return st;
        if ((st = devnet_gateway_serve(peer)) != FCC_OK || (st = devnet_endorser_serve(peer)) != FCC_OK ||
            (st = devnet_deliver_serve(peer)) != FCC_OK)
            return fcc_error_set(error, st, "the services of %s: %s", peer->org->mspid, fcc_status_text(st));
        st = listen_tls(net, peer->server, peer->org->peer_address,
                        msp_path_peer_tls(net->arena, net->crypto_dir, peer->org), &peer->address, error);
        if (st != FCC_OK)
            return st;
    }
    if ((st = rpc_server_new(net->loop, orderer_server, error)) != FCC_OK)
        return st;
    if ((st = devnet_orderer_serve(net->orderer, *orderer_server)) != FCC_OK)
        return fcc_error_set(error, st, "the orderer: %s", fcc_status_text(st));
    st = listen_tls(net, *orderer_server, net->network->orderer.address,
                    msp_path_orderer_tls(net->arena, net->crypto_dir, &net->network->orderer), &address, error);
    if (st == FCC_OK)
        net->network->orderer.address = address;
    return st;
}
