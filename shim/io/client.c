/* See client.h. */
#include "io/client.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum {
    LEAST_MS = 200,
    MOST_MS = 10000,
    CALMER_PING_MS = 120000,
};

static const char register_method[] = "/protos.ChaincodeSupport/Register";

struct fcc__client {
    fcc__host *host;
    rpc_keepalive keepalive;
    rpc_channel *channel;
    rpc_timer *timer;  /* until the next try */
    unsigned failures; /* since a stream was registered */
};

int64_t fcc__backoff_ms(unsigned failures, uint64_t random)
{
    int64_t most = LEAST_MS;

    for (unsigned i = 0; i < failures && most < MOST_MS; i++)
        most *= 2;
    if (most > MOST_MS)
        most = MOST_MS;
    return LEAST_MS + (int64_t)(random % (uint64_t)(most - LEAST_MS + 1));
}

static uint64_t any_number(void)
{
    uint64_t n = 0;

    if (getrandom(&n, sizeof(n), GRND_NONBLOCK) != sizeof(n))
        n = (uint64_t)getpid() * 2654435761u; /* early at boot: still another one for each process */
    return n;
}

static void dial(void *ctx);

/* `registered`: the peer had taken the registration; otherwise it may be what it does not like. */
static void try_later(fcc__client *client, bool registered, const char *cause)
{
    const fcc__config *c = client->host->config;
    int64_t pause;

    client->failures = registered ? 1 : client->failures + 1;
    pause = fcc__backoff_ms(client->failures, any_number());
    fcc__log_code(FCC__WARN, FCC__E_STREAM_NONE, "no stream to the peer at %s: %s; next try in %lld ms", c->address,
                  cause, (long long)pause);
    client->timer = rpc_timer_start(client->host->loop, pause, dial, client);
    if (!client->timer) {
        fcc__log_code(FCC__ERROR, FCC__E_STAT_RES, "out of memory");
        rpc_loop_stop(client->host->loop);
    }
}

static bool contains(fcc_bytes text, const char *word)
{
    return text.len && memmem(text.data, text.len, word, strlen(word)) != NULL;
}

/* The peer's stream has ended: `host->closed`. */
static void closed(void *ctx, const rpc_status *status, bool registered)
{
    fcc__client *client = ctx;
    const fcc__config *c = client->host->config;
    char cause[900];

    rpc_channel_free(client->channel); /* the next try resolves the name again and waits for nothing of this one */
    client->channel = NULL;
    if (client->host->stopping)
        return;
    if (rpc_pinged_too_often() && client->keepalive.ping_ms < CALMER_PING_MS) {
        client->keepalive.ping_ms = CALMER_PING_MS;
        fcc__log_code(FCC__WARN, FCC__E_STREAM_PINGS,
                      "the peer sent GOAWAY too_many_pings: pinging it every %d s from now on", CALMER_PING_MS / 1000);
    }
    snprintf(cause, sizeof(cause), "%s " FCC_FMT, rpc_code_name(status->code), FCC_ARG(status->message));
    if (!registered && status->code == RPC_OK) /* all that a peer lets the other side know */
        snprintf(cause, sizeof(cause),
                 "the peer did not take the registration of \"%s\" (its log tells why: not the package id that is "
                 "installed, or it is registered already)",
                 c->ccid);
    else if (contains(status->message, "CERTIFICATE_VERIFY_FAILED") ||
             contains(status->message, "certificate verify failed"))
        snprintf(cause, sizeof(cause),
                 "the peer's certificate does not come from the CA in %s, or is not for %s: " FCC_FMT,
                 "CORE_PEER_TLS_ROOTCERT_FILE", c->address, FCC_ARG(status->message));
    try_later(client, registered, cause);
}

static void dial(void *ctx)
{
    fcc__client *client = ctx;
    const fcc__config *c = client->host->config;
    fcc__stream *stream = NULL;
    rpc_call *call = NULL;
    fcc_error error = { .text = "out of memory" };
    fcc_status st;

    client->timer = NULL;
    fcc__log(FCC__INFO, "connecting to the peer at %s, %s", c->address, c->use_tls ? "TLS" : "plaintext");
    st = rpc_channel_new_with(client->host->loop, c->address, c->use_tls ? &c->tls : NULL, &client->keepalive,
                              &client->channel, &error);
    if (st == FCC_OK) {
        stream = fcc__stream_new(client->host);
        st = stream ? rpc_open(client->channel, register_method, -1, false, &fcc__stream_events, stream, &call)
                    : FCC_ERR_NOMEM;
    }
    if (st == FCC_OK && fcc__stream_start(stream, call) == FCC_OK)
        return;
    if (call) {
        rpc_cancel(call); /* its end comes to `closed` */
        return;
    }
    fcc__stream_free(stream);
    rpc_channel_free(client->channel);
    client->channel = NULL;
    try_later(client, false, error.text);
}

fcc__client *fcc__client_new(fcc__host *host)
{
    fcc__client *client = calloc(1, sizeof(*client));

    if (!client)
        return NULL;
    client->host = host;
    client->keepalive = host->config->keepalive;
    host->closed = closed;
    host->closed_ctx = client;
    dial(client);
    return client;
}

void fcc__client_free(fcc__client *client)
{
    if (!client)
        return;
    rpc_timer_cancel(client->timer);
    rpc_channel_free(client->channel);
    client->host->closed = NULL;
    free(client);
}
