/* fcc_main: a chaincode process, from its environment to its exit status. */
#include "io/client.h"
#include "io/config.h"
#include "io/guard.h"
#include "io/health.h"
#include "io/metrics.h"
#include "io/process.h"
#include "io/stream.h"

#include "base/codes.h"
#include "base/log.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    IDLE_STACKS = 256,
    CONFIG_BYTES = 16 * 1024 * 1024,
    RENEW_DAYS = 60, /* certificates that expire within are warned of */
};

static const char connect_method[] = "/protos.Chaincode/Connect";

/* ---- ending ---- */

struct process {
    fcc__host host; /* first: host.emptied gets it */
    fcc__health *health;
    rpc_server *server;  /* server mode */
    fcc__client *client; /* client mode */
    bool replaced;       /* a handler does not end */
    fcc__config config;  /* of `host` */
    fcc__arena *renewed; /* holds the TLS texts since the first SIGHUP */
};

static void stop(void *ctx)
{
    struct process *p = ctx;

    rpc_loop_stop(p->host.loop);
}

static void stop_late(void *ctx)
{
    struct process *p = ctx;

    fcc__log_code(FCC__WARN, FCC__E_DRAIN_LATE, "stopping: what has not ended within %d s is given up",
                  p->host.config->drain_ms / 1000);
    rpc_loop_stop(p->host.loop);
}

/* No stream is open any more. Those who watch the health would keep the server up. */
static void go_down(void *ctx)
{
    struct process *p = ctx;

    if (!p->server) {
        stop(p);
        return;
    }
    fcc__health_end(p->health);
    rpc_server_drain(p->server, stop, p);
}

/* The first signal lets transactions end; a second one, or the end of the time to drain, ends at once. */
static void on_signal(void *ctx)
{
    struct process *p = ctx;

    if (p->host.stopping) {
        rpc_loop_stop(p->host.loop);
        return;
    }
    fcc__log(FCC__INFO, "stopping: transactions that run may end, no new ones begin");
    rpc_timer_start(p->host.loop, p->host.config->drain_ms, stop_late, p);
    fcc__set(&p->host.counters->serving, FCC__DRAINING);
    if (p->health)
        fcc__health_drain(p->health);
    fcc__host_drain(&p->host);
    if (!p->host.streams)
        go_down(p);
}

static void replace(void *ctx)
{
    struct process *p = ctx;

    p->replaced = true;
    if (!p->host.stopping)
        on_signal(p);
}

/* ---- certificates ---- */

static void tell_of_certificate(const struct process *p)
{
    const fcc__tls_facts *facts = &p->config.tls_facts;
    int64_t days = fcc__tls_days_left(facts, (int64_t)time(NULL));

    if (facts->not_after > 0)
        fcc__set(&p->host.counters->cert_expires, (uint64_t)facts->not_after);
    if (days < RENEW_DAYS)
        fcc__log_code(FCC__WARN, FCC__E_TLS_EXPIRES, "the certificate in %s expires in %lld days", facts->expiring,
                      (long long)days);
    else
        fcc__log(FCC__INFO, "the certificate in %s expires in %lld days", facts->expiring, (long long)days);
}

/* SIGHUP: the TLS files are read again. Connections that are there go on with what they began with. */
static void on_renew(void *ctx)
{
    struct process *p = ctx;
    fcc__config renewed = p->config;
    fcc__arena *arena;
    fcc_error error = { .text = "out of memory" };
    fcc_status st;

    if (!p->config.use_tls) {
        fcc__log(FCC__INFO, "SIGHUP: without TLS there is nothing to be read again");
        return;
    }
    arena = fcc__arena_new(CONFIG_BYTES);
    st = arena ? fcc__config_renew_tls(arena, &renewed, &error) : FCC_ERR_NOMEM;
    if (st == FCC_OK && p->server)
        st = rpc_server_renew_tls(p->server, &renewed.tls, &error);
    if (st != FCC_OK) {
        fcc__log_code(FCC__ERROR, FCC__E_TLS_RELOAD, "SIGHUP: the certificates stay those of before: %s", error.text);
        fcc__arena_free(arena);
        return;
    }
    p->config = renewed;
    fcc__arena_free(p->renewed);
    p->renewed = arena;
    fcc__log(FCC__INFO, "SIGHUP: key, certificate and CA are those of the files now, for new connections");
    tell_of_certificate(p);
}

static fcc_status watch_signals(struct process *p, fcc_error *error)
{
    signal(SIGPIPE, SIG_IGN);
    if (rpc_on_signal(p->host.loop, SIGTERM, on_signal, p) != FCC_OK ||
        rpc_on_signal(p->host.loop, SIGINT, on_signal, p) != FCC_OK ||
        rpc_on_signal(p->host.loop, SIGHUP, on_renew, p) != FCC_OK)
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
    fcc_status st = rpc_server_new_with(p->host.loop, &c->keepalive, &p->server, error);

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

/* ---- the process ---- */

static void tell_of_settings(const struct process *p)
{
    const fcc__config *c = p->host.config;

    for (size_t i = 0; c->warnings[i]; i++)
        fcc__log(FCC__WARN, "%s", c->warnings[i]);
    if (c->use_tls)
        tell_of_certificate(p);
}

/* What runs under the guard, and how it ended. */
struct job {
    const fcc_chaincode *chaincode;
    const fcc__config *config;
    fcc__guard *guard;
    fcc_error *error;
    fcc_status status;
    bool replaced;
};

static void run(void *arg)
{
    struct job *job = arg;
    const fcc__config *config = job->config;
    struct process p = { .host = { .chaincode = job->chaincode }, .config = *config };
    fcc_error *error = job->error;
    fcc_status st = rpc_loop_new(&p.host.loop, error);

    job->status = st;
    if (st != FCC_OK)
        return;
    p.host.config = &p.config;
    p.host.emptied = go_down;
    p.host.stacks = fcc__co_pool_new(0, IDLE_STACKS);
    st = p.host.stacks ? watch_signals(&p, error) : fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
    if (st == FCC_OK)
        st = fcc__metrics_open(job->chaincode, config->counters_fd, &p.host.counters, error);
    if (st == FCC_OK)
        rpc_count_failed_handshakes(&p.host.counters->failed_handshakes);
    if (st == FCC_OK && fcc__guard_start(job->guard, &p.host, replace) != FCC_OK)
        st = fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
    if (st == FCC_OK)
        tell_of_settings(&p);
    if (st == FCC_OK && !config->is_client)
        st = serve(&p, error);
    if (st == FCC_OK && config->is_client) {
        p.client = fcc__client_new(&p.host);
        st = p.client ? FCC_OK : fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
    }
    if (st == FCC_OK)
        rpc_loop_run(p.host.loop);
    p.host.stopping = true;
    rpc_server_free(p.server);
    fcc__health_free(p.health);
    fcc__client_free(p.client);
    if (!fcc__guard_end(job->guard)) { /* what they use can't be freed */
        fcc__log_code(FCC__WARN, FCC__E_DRAIN_LATE, "the process exits while handlers run");
        _exit(p.replaced ? FCC__EXIT_REPLACE : st == FCC_OK ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    rpc_loop_free(p.host.loop);
    fcc__co_pool_free(p.host.stacks);
    fcc__arena_free(p.renewed);
    job->status = st;
    job->replaced = p.replaced;
}

/* What `medsync explain` tells more about. */
static const char *code_of(fcc_status st, const fcc__config *config)
{
    fcc__code code = fcc__code_of_status(st);

    if (st == FCC_ERR_CONFIG)
        code = FCC__E_CFG_START;
    else if (st == FCC_ERR_IO && !config->is_client)
        code = FCC__E_CFG_LISTEN;
    return fcc__code_info_of(code)->code;
}

FCC_API int fcc_main(int argc, char **argv, const fcc_chaincode *chaincode)
{
    const char *program = argc > 0 && argv[0] ? argv[0] : "chaincode";
    fcc__arena *arena = fcc__arena_new(CONFIG_BYTES);
    fcc__config config = { 0 };
    fcc_error error = { .status = FCC_ERR_NOMEM, .text = "out of memory" };
    struct job job = { .chaincode = chaincode, .config = &config, .error = &error };
    fcc_status st = !chaincode ? fcc_error_set(&error, FCC_ERR_CONFIG, "chaincode must be specified")
                    : arena    ? fcc__config_read(arena, argc, argv, &config, &error)
                               : FCC_ERR_NOMEM;

    if (strrchr(program, '/'))
        program = strrchr(program, '/') + 1;
    if (st == FCC_OK && config.help) {
        fputs(fcc__config_help(), stdout);
    } else if (st == FCC_OK) {
        fcc__log_ccid(config.ccid);
        fcc__process_is(config.ccid);
        fcc__log_level(config.log_level);
        job.guard = fcc__guard_new();
        job.status = FCC_ERR_NOMEM;
        if (job.guard)
            fcc__guard_run(job.guard, run, &job);
        fcc__guard_free(job.guard);
        st = job.status;
    }
    if (st != FCC_OK)
        fprintf(stderr, "%s: %s %s\n", program, code_of(st, &config), error.text);
    fcc__arena_free(arena);
    return st != FCC_OK ? EXIT_FAILURE : job.replaced ? FCC__EXIT_REPLACE : EXIT_SUCCESS;
}
