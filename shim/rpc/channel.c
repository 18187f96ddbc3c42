/* channel.c: connections to servers, and the calls that start on them. */
#include "rpc/internal.h"

#include <arpa/inet.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * A chaincode process that has just been started listens a few milliseconds later; gRPC itself waits at least 100 ms
 * between two attempts. So while a call waits for its server, the pause is cut short: often at first, seldom later.
 */
enum { RETRY_FIRST_MS = 10, RETRY_EAGER_MS = 2000, RETRY_LATER_MS = 200 };

/* What a peer's server and its clients ask of each other. */
const rpc_keepalive rpc__keepalive_of_peers = { .ping_ms = 60000, .timeout_ms = 20000, .accept_ms = 60000 };

/* gRPC's own log, at level error, is where it says so for sure: the connection's end may come first to the call. */
static _Atomic bool sent_away;

void rpc__heard_of_goaway(const char *message)
{
    if (strstr(message, "GOAWAY") && strstr(message, "too_many_pings"))
        sent_away = true;
}

bool rpc_pinged_too_often(void)
{
    return atomic_exchange(&sent_away, false);
}

/*
 * IP addresses are told to gRPC as such, so that no resolver is asked; names go to the resolver, and what has a scheme
 * already (unix:) passes through.
 */
char *rpc__target(const char *address)
{
    const char *colon = strrchr(address, ':');
    struct in_addr v4;
    char host[64] = "", *target = NULL;

    if (colon && (size_t)(colon - address) < sizeof(host))
        memcpy(host, address, (size_t)(colon - address));
    if (host[0] == '[')
        return asprintf(&target, "ipv6:%s", address) < 0 ? NULL : target;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return asprintf(&target, "ipv4:%s", address) < 0 ? NULL : target;
    return strdup(address);
}

static fcc_status credentials(const rpc_tls *tls, grpc_channel_credentials **out, fcc_error *error)
{
    fcc_status st = FCC_ERR_NOMEM;
    grpc_ssl_pem_key_cert_pair pair;
    char *cert = NULL, *key = NULL, *ca = NULL;

    if (!tls) {
        *out = grpc_insecure_credentials_create();
        return FCC_OK;
    }
    if (!tls->ca.len)
        return fcc_error_set(error, FCC_ERR_CONFIG, "a TLS connection needs the CA that the server must chain to");
    if (!tls->cert.len != !tls->key.len)
        return fcc_error_set(error, FCC_ERR_CONFIG, "a client certificate and its key come together");
    ca = strndup((const char *)tls->ca.data, tls->ca.len);
    if (tls->cert.len) {
        cert = strndup((const char *)tls->cert.data, tls->cert.len);
        key = strndup((const char *)tls->key.data, tls->key.len);
    }
    if (!ca || (tls->cert.len && (!cert || !key)))
        goto out;
    pair = (grpc_ssl_pem_key_cert_pair){ .private_key = key, .cert_chain = cert };
    *out = grpc_ssl_credentials_create_ex(ca, cert ? &pair : NULL, NULL, NULL);
    st = *out ? FCC_OK : FCC_ERR_CONFIG;
out:
    free(cert);
    free(key);
    free(ca);
    if (st == FCC_OK)
        return st;
    return fcc_error_set(error, st, "TLS certificate, key or CA not accepted");
}

fcc_status rpc_channel_new(rpc_loop *loop, const char *address, const rpc_tls *tls, rpc_channel **out, fcc_error *error)
{
    return rpc_channel_new_with(loop, address, tls, &rpc__keepalive_of_peers, out, error);
}

fcc_status rpc_channel_new_with(rpc_loop *loop, const char *address, const rpc_tls *tls, const rpc_keepalive *keepalive,
                                rpc_channel **out, fcc_error *error)
{
    rpc_channel *channel = NULL;
    grpc_channel_credentials *creds = NULL;
    char *target = NULL;
    fcc_status st;
    grpc_arg args[] = {
        rpc__int_arg(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, RPC_MAX_MESSAGE),
        rpc__int_arg(GRPC_ARG_MAX_SEND_MESSAGE_LENGTH, RPC_MAX_MESSAGE),
        rpc__int_arg(GRPC_ARG_MAX_METADATA_SIZE, RPC__MAX_METADATA),
        rpc__int_arg(GRPC_ARG_KEEPALIVE_TIME_MS, keepalive->ping_ms),
        rpc__int_arg(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, keepalive->timeout_ms),
        rpc__int_arg(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1),
        rpc__int_arg(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0),
        rpc__int_arg(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1),
        rpc__int_arg(GRPC_ARG_ENABLE_RETRIES, 0),
        rpc__int_arg(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1),
        rpc__int_arg(GRPC_ARG_ENABLE_HTTP_PROXY, 0),
        rpc__int_arg(GRPC_ARG_TCP_MIN_READ_CHUNK_SIZE, RPC__READ_ROOM),
        rpc__int_arg(GRPC_ARG_TCP_MAX_READ_CHUNK_SIZE, RPC__READ_PIECE),
        /*
         * The server is told of room for 64 KB, and for a megabyte of a message that has begun. gRPC would let that grow with
         * what it measures, up to all of a message, which the server then encrypts as a whole: a chaincode's memory.
         */
        rpc__int_arg(GRPC_ARG_HTTP2_BDP_PROBE, 0),
        rpc__int_arg(GRPC_ARG_ENABLE_CHANNELZ, 0),
        RPC__NO_COMPRESSION,
        rpc__int_arg(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100),
        rpc__int_arg(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000),
        rpc__int_arg(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 5000), /* how long one attempt may take, despite its name */
        { .type = GRPC_ARG_STRING },
    };
    grpc_channel_args channel_args = { sizeof(args) / sizeof(args[0]) - 1, args };

    FCC_REQUIRE(loop && loop->magic == RPC__LOOP_MAGIC && address && keepalive);
    st = credentials(tls, &creds, error);
    if (st != FCC_OK)
        return st;
    if (tls && tls->server_name) {
        grpc_arg *name = &args[channel_args.num_args++];

        name->key = (char *)(uintptr_t)GRPC_SSL_TARGET_NAME_OVERRIDE_ARG;
        name->value.string = (char *)(uintptr_t)tls->server_name;
    }
    channel = calloc(1, sizeof(*channel));
    target = rpc__target(address);
    if (!channel || !target) {
        st = fcc_error_set(error, FCC_ERR_NOMEM, "no memory for a connection to %s", address);
        goto out;
    }
    channel->magic = RPC__CHANNEL_MAGIC;
    channel->refs = 1;
    channel->loop = loop;
    channel->channel = grpc_channel_create(target, creds, &channel_args);
    channel->next = loop->channels;
    if (loop->channels)
        loop->channels->prev = channel;
    loop->channels = channel;
    *out = channel;
    channel = NULL;
out:
    free(channel);
    free(target);
    grpc_channel_credentials_release(creds);
    return st;
}

void rpc__channel_unref(rpc_channel *channel)
{
    if (--channel->refs)
        return;
    grpc_channel_destroy(channel->channel);
    channel->magic = 0;
    free(channel);
}

void rpc_channel_free(rpc_channel *channel)
{
    if (!channel)
        return;
    FCC_REQUIRE(channel->magic == RPC__CHANNEL_MAGIC);
    if (channel->prev)
        channel->prev->next = channel->next;
    else
        channel->loop->channels = channel->next;
    if (channel->next)
        channel->next->prev = channel->prev;
    rpc__channel_unref(channel);
}

static void retry(void *ctx)
{
    rpc_call *call = ctx;
    int64_t pause = call->retry_ms < RETRY_EAGER_MS ? RETRY_FIRST_MS : RETRY_LATER_MS;

    grpc_channel_reset_connect_backoff(call->channel->channel);
    call->retry_ms += pause;
    call->retry = rpc_timer_start(call->loop, pause, retry, call);
}

fcc_status rpc_open(rpc_channel *channel, const char *path, int64_t timeout_ms, bool wait_for_ready,
                    const rpc_events *events, void *ctx, rpc_call **out)
{
    rpc_call *call;

    FCC_REQUIRE(channel && channel->magic == RPC__CHANNEL_MAGIC && path && events);
    call = rpc__call_new(channel->loop);
    if (!call)
        return FCC_ERR_NOMEM;
    grpc_channel_reset_connect_backoff(channel->channel);
    call->channel = channel;
    channel->refs++;
    call->events = events;
    call->ctx = ctx;
    call->wait_for_ready = wait_for_ready;
    call->call = grpc_channel_create_call(
        channel->channel, NULL, GRPC_PROPAGATE_DEFAULTS, channel->loop->cq, grpc_slice_from_static_string(path), NULL,
        rpc__deadline(timeout_ms < 0 ? RPC__FOREVER : rpc__now_ms() + timeout_ms), NULL);
    if (wait_for_ready)
        call->retry = rpc_timer_start(call->loop, RETRY_FIRST_MS, retry, call);
    rpc__call_mark_dirty(call);
    *out = call;
    return FCC_OK;
}
