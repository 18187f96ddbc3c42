/* fcc_main: a chaincode process, from its environment to its exit status. */
#include "io/config.h"
#include "io/health.h"
#include "io/metrics.h"
#include "io/stream.h"

#include "base/log.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    IDLE_STACKS = 256,
    DRAIN_MS = 8000, /* below the 10 s that container runtimes wait before they kill */
    CONFIG_BYTES = 16 * 1024 * 1024,
};

static const char connect_method[] = "/protos.Chaincode/Connect";
static const char register_method[] = "/protos.ChaincodeSupport/Register";

/* ---- ending ---- */

struct process {
    fcc__host host; /* first: host.emptied gets it */
    fcc__health *health;
    rpc_server *server;   /* server mode */
    rpc_channel *channel; /* client mode */
};

static void stop(void *ctx)
{
    struct process *p = ctx;

    rpc_loop_stop(p->host.loop);
}

/* No stream is open any more. Those who watch the health would keep the server up. */
static void go_down(void *ctx)
{
    struct process *p = ctx;

    if (!p->server)
        return;
    fcc__health_end(p->health);
    rpc_server_drain(p->server, stop, p);
}

/* The first signal lets transactions end; a second one, or DRAIN_MS later, ends at once. */
static void on_signal(void *ctx)
{
    struct process *p = ctx;

    if (p->host.stopping) {
        rpc_loop_stop(p->host.loop);
        return;
    }
    fcc__log(FCC__INFO, "stopping: transactions that run may end, no new ones begin");
    rpc_timer_start(p->host.loop, DRAIN_MS, stop, p);
    fcc__set(&p->host.counters->serving, FCC__DRAINING);
    if (p->health)
        fcc__health_drain(p->health);
    fcc__host_drain(&p->host);
    if (!p->host.streams)
        go_down(p);
}

static fcc_status watch_signals(struct process *p, fcc_error *error)
{
    signal(SIGPIPE, SIG_IGN);
    if (rpc_on_signal(p->host.loop, SIGTERM, on_signal, p) != FCC_OK ||
        rpc_on_signal(p->host.loop, SIGINT, on_signal, p) != FCC_OK)
        return fcc_error_set(error, FCC_ERR_INTERNAL, "cannot watch for signals");
    return FCC_OK;
}

/* ---- server mode: every peer that connects is a stream ---- */

static const rpc_events *accept_peer(rpc_call *call, void *ctx, void **call_ctx)
{
    fcc__host *host = ctx;
    fcc__stream *stream = host->stopping ? NULL : fcc__stream_new(host);

    if (!stream || fcc__stream_start(stream, call) != FCC_OK) {
        fcc__stream_free(stream);
        return NULL;
    }
    *call_ctx = stream;
    return &fcc__stream_events;
}

static fcc_status serve(struct process *p, fcc_error *error)
{
    const fcc__config *c = p->host.config;
    int port;
    fcc_status st = rpc_server_new(p->host.loop, &p->server, error);

    if (st == FCC_OK)
        st = rpc_server_method(p->server, connect_method, accept_peer, &p->host);
    if (st == FCC_OK)
        p->health = fcc__health_new(c->ccid);
    if (st == FCC_OK)
        st = p->health ? fcc__health_serve(p->health, p->server) : fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
    if (st == FCC_OK)
        st = rpc_server_listen(p->server, c->address, c->use_tls ? &c->tls : NULL, &port, error);
    if (st != FCC_OK)
        return st;
    st = rpc_server_start(p->server);
    if (st != FCC_OK)
        return fcc_error_set(error, st, "cannot serve at %s", c->address);
    fcc__set(&p->host.counters->serving, FCC__SERVING);
    fcc__log(FCC__INFO, "serving at %s, port %d, %s", c->address, port,
             !c->use_tls     ? "plaintext"
             : c->tls.ca.len ? "TLS with client certificates"
                             : "TLS");
    return FCC_OK;
}

/* ---- client mode: one stream to the peer that launched the process ---- */

static fcc_status dial(struct process *p, fcc_error *error)
{
    const fcc__config *c = p->host.config;
    fcc__stream *stream = NULL;
    rpc_call *call;
    fcc_status st = rpc_channel_new(p->host.loop, c->address, c->use_tls ? &c->tls : NULL, &p->channel, error);

    if (st != FCC_OK)
        return st;
    stream = fcc__stream_new(&p->host);
    if (!stream)
        return fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
    st = rpc_open(p->channel, register_method, -1, false, &fcc__stream_events, stream, &call);
    if (st == FCC_OK)
        st = fcc__stream_start(stream, call);
    if (st != FCC_OK) {
        fcc__stream_free(stream);
        return fcc_error_set(error, st, "cannot talk to the peer at %s: %s", c->address, fcc_status_text(st));
    }
    fcc__log(FCC__INFO, "connecting to the peer at %s, %s", c->address, c->use_tls ? "TLS" : "plaintext");
    return FCC_OK;
}

/* ---- the process ---- */

static fcc_status run(const fcc_chaincode *chaincode, const fcc__config *config, fcc_error *error)
{
    struct process p = { .host = { .chaincode = chaincode, .config = config } };
    fcc_status st = rpc_loop_new(&p.host.loop, error);

    if (st != FCC_OK)
        return st;
    p.host.emptied = go_down;
    p.host.stacks = fcc__co_pool_new(0, IDLE_STACKS);
    st = p.host.stacks ? watch_signals(&p, error) : fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
    if (st == FCC_OK)
        st = fcc__metrics_open(chaincode, -1, &p.host.counters, error);
    if (st == FCC_OK)
        st = config->is_client ? dial(&p, error) : serve(&p, error);
    if (st == FCC_OK) {
        rpc_loop_run(p.host.loop);
        if (p.host.lost)
            st = fcc_error_set(error, FCC_ERR_IO, "the stream to the peer at %s ended", config->address);
    }
    p.host.stopping = true;
    rpc_server_free(p.server);
    fcc__health_free(p.health);
    rpc_channel_free(p.channel);
    rpc_loop_free(p.host.loop);
    fcc__co_pool_free(p.host.stacks);
    return st;
}

FCC_API int fcc_main(int argc, char **argv, const fcc_chaincode *chaincode)
{
    const char *program = argc > 0 && argv[0] ? argv[0] : "chaincode";
    fcc__arena *arena = fcc__arena_new(CONFIG_BYTES);
    fcc__config config;
    fcc_error error = { .status = FCC_ERR_NOMEM, .text = "out of memory" };
    fcc_status st = arena ? fcc__config_read(arena, argc, argv, &config, &error) : FCC_ERR_NOMEM;

    if (strrchr(program, '/'))
        program = strrchr(program, '/') + 1;
    if (st == FCC_OK && config.help) {
        fputs(fcc__config_help(), stdout);
    } else if (st == FCC_OK) {
        fcc__log_ccid(config.ccid);
        st = run(chaincode, &config, &error);
    }
    if (st != FCC_OK)
        fprintf(stderr, "%s: %s\n", program, error.text);
    fcc__arena_free(arena);
    return st == FCC_OK ? 0 : 1;
}
