/* server.c: listening, accepting calls for registered methods, and going down. */
#include "rpc/internal.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST_FILES = 1 << 20 };

/* One request for the next call of a method is outstanding at any time. */
struct method {
    struct method *next;
    rpc_server *server;
    const char *path;
    void *handle;
    rpc_accept accept;
    void *ctx;
    grpc_call *call;
    gpr_timespec deadline;
    grpc_metadata_array metadata;
    rpc__tag tag;
};

/*
 * What a TLS listener shows and asks for. gRPC fetches it at each handshake, on whatever thread that is, and keeps it
 * until there is a newer one.
 */
struct identity {
    struct identity *next;
    pthread_mutex_t lock;
    bool asks; /* for a client certificate */
    int port;
    grpc_ssl_server_certificate_config *renewed; /* not fetched yet; NULL: nothing new */
};

struct rpc_server {
    uint32_t magic;
    rpc_loop *loop;
    rpc_server *prev, *next;
    grpc_server *server;
    struct method *methods;
    struct identity *identities;
    int plain_port; /* the last one without TLS; 0: none */
    bool started, shutting, down;
    size_t pending; /* requests that the queue has not given back */
    size_t calls;
    rpc_task drained;
    void *drained_ctx;
    rpc__tag down_tag;

    grpc_call *stray; /* a call for a method that nobody registered */
    grpc_call_details stray_details;
    grpc_metadata_array stray_metadata;
    rpc__tag stray_tag;
};

static void down_done(void *owner, bool ok);
static void stray_done(void *owner, bool ok);
static void method_done(void *owner, bool ok);

/*
 * gRPC ends a listener for good once it finds no descriptor for who connects, and as a rule a process begins with 1,024 of
 * many that it may have: somebody's connections that say nothing would be enough. Go's runtime takes all of them as well.
 */
static void take_descriptors(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= files.rlim_max || files.rlim_cur >= MOST_FILES)
        return;
    files.rlim_cur = files.rlim_max < MOST_FILES ? files.rlim_max : MOST_FILES;
    (void)setrlimit(RLIMIT_NOFILE, &files); /* else it goes on with what there is */
}

fcc_status rpc_server_new(rpc_loop *loop, rpc_server **out, fcc_error *error)
{
    return rpc_server_new_with(loop, &rpc__keepalive_of_peers, out, error);
}

fcc_status rpc_server_new_with(rpc_loop *loop, const rpc_keepalive *keepalive, rpc_server **out, fcc_error *error)
{
    rpc_server *server = calloc(1, sizeof(*server));
    grpc_arg args[] = {
        rpc__int_arg(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, RPC_MAX_MESSAGE),
        rpc__int_arg(GRPC_ARG_MAX_SEND_MESSAGE_LENGTH, RPC_MAX_MESSAGE),
        rpc__int_arg(GRPC_ARG_MAX_METADATA_SIZE, RPC__MAX_METADATA),
        rpc__int_arg(GRPC_ARG_KEEPALIVE_TIME_MS, keepalive->ping_ms),
        rpc__int_arg(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, keepalive->timeout_ms),
        rpc__int_arg(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1),
        rpc__int_arg(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0),
        rpc__int_arg(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, keepalive->accept_ms),
        rpc__int_arg(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, 5000),
        rpc__int_arg(GRPC_ARG_ALLOW_REUSEPORT, 0), /* a taken port is an error, not a second listener */
        rpc__int_arg(GRPC_ARG_TCP_MIN_READ_CHUNK_SIZE, RPC__READ_ROOM),
        rpc__int_arg(GRPC_ARG_TCP_MAX_READ_CHUNK_SIZE, RPC__READ_PIECE),
        rpc__int_arg(GRPC_ARG_ENABLE_CHANNELZ, 0),
        RPC__NO_COMPRESSION,
    };
    grpc_channel_args channel_args = { sizeof(args) / sizeof(args[0]), args };

    FCC_REQUIRE(loop && loop->magic == RPC__LOOP_MAGIC && keepalive);
    if (!server)
        return fcc_error_set(error, FCC_ERR_NOMEM, "no memory for a server");
    take_descriptors();
    server->magic = RPC__SERVER_MAGIC;
    server->loop = loop;
    server->down_tag = rpc__tag_of(down_done, server);
    server->stray_tag = rpc__tag_of(stray_done, server);
    server->server = grpc_server_create(&channel_args, NULL);
    grpc_server_register_completion_queue(server->server, loop->cq, NULL);
    grpc_call_details_init(&server->stray_details);
    grpc_metadata_array_init(&server->stray_metadata);
    server->next = loop->servers;
    if (loop->servers)
        loop->servers->prev = server;
    loop->servers = server;
    *out = server;
    return FCC_OK;
}

fcc_status rpc_server_method(rpc_server *server, const char *path, rpc_accept accept, void *ctx)
{
    struct method *m;

    FCC_REQUIRE(server && server->magic == RPC__SERVER_MAGIC && !server->started && accept);
    m = calloc(1, sizeof(*m));
    if (!m)
        return FCC_ERR_NOMEM;
    m->handle = grpc_server_register_method(server->server, path, NULL, GRPC_SRM_PAYLOAD_NONE, 0);
    if (!m->handle) {
        free(m);
        return FCC_ERR_EXISTS;
    }
    m->server = server;
    m->path = path;
    m->accept = accept;
    m->ctx = ctx;
    m->tag = rpc__tag_of(method_done, m);
    grpc_metadata_array_init(&m->metadata);
    m->next = server->methods;
    server->methods = m;
    return FCC_OK;
}

/* ---- listening ---- */

/* gRPC tells only that it could not listen: try it alone, to learn why. */
static const char *reason_for(const char *address)
{
    const char *colon = strrchr(address, ':');
    char host[256];
    size_t len = colon ? (size_t)(colon - address) : 0;
    struct addrinfo hints = { .ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM }, *found = NULL;
    const char *reason = "cannot listen there";
    int fd, one = 1, failed;

    if (!colon || len >= sizeof(host))
        return "expected HOST:PORT";
    memcpy(host, address, len);
    host[len] = 0;
    if (host[0] == '[' && host[len - 1] == ']') {
        memmove(host, host + 1, len - 2);
        host[len - 2] = 0;
    }
    failed = getaddrinfo(host[0] ? host : NULL, colon + 1, &hints, &found);
    if (failed)
        return gai_strerror(failed);
    fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (fd < 0 || bind(fd, found->ai_addr, found->ai_addrlen) || listen(fd, 1))
        reason = strerror(errno);
    if (fd >= 0)
        close(fd);
    freeaddrinfo(found);
    return reason;
}

static fcc_status make_config(const rpc_tls *tls, grpc_ssl_server_certificate_config **out, fcc_error *error)
{
    fcc_status st = FCC_ERR_NOMEM;
    grpc_ssl_pem_key_cert_pair pair;
    char *cert = NULL, *key = NULL, *ca = NULL;

    if (!tls->cert.len || !tls->key.len)
        return fcc_error_set(error, FCC_ERR_CONFIG, "a TLS server needs a certificate and its key");
    cert = strndup((const char *)tls->cert.data, tls->cert.len);
    key = strndup((const char *)tls->key.data, tls->key.len);
    /* gRPC wants one also where no client is asked for its certificate */
    ca = tls->ca.len ? strndup((const char *)tls->ca.data, tls->ca.len) : strdup(cert ? cert : "");
    if (!cert || !key || !ca)
        goto out;
    pair = (grpc_ssl_pem_key_cert_pair){ .private_key = key, .cert_chain = cert };
    *out = grpc_ssl_server_certificate_config_create(ca, &pair, 1);
    st = *out ? FCC_OK : FCC_ERR_CONFIG;
out:
    free(cert);
    free(key);
    free(ca);
    return st == FCC_OK ? st : fcc_error_set(error, st, "TLS certificate or key not accepted");
}

static grpc_ssl_certificate_config_reload_status fetch(void *user_data, grpc_ssl_server_certificate_config **config)
{
    struct identity *identity = user_data;

    pthread_mutex_lock(&identity->lock);
    *config = identity->renewed;
    identity->renewed = NULL;
    pthread_mutex_unlock(&identity->lock);
    return *config ? GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW : GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
}

static void set_config(struct identity *identity, grpc_ssl_server_certificate_config *config)
{
    grpc_ssl_server_certificate_config *unfetched;

    pthread_mutex_lock(&identity->lock);
    unfetched = identity->renewed;
    identity->renewed = config;
    pthread_mutex_unlock(&identity->lock);
    if (unfetched)
        grpc_ssl_server_certificate_config_destroy(unfetched);
}

static fcc_status credentials(rpc_server *server, const rpc_tls *tls, grpc_server_credentials **out, fcc_error *error)
{
    grpc_ssl_server_certificate_config *config;
    struct identity *identity;
    fcc_status st;

    if (!tls) {
        *out = grpc_insecure_server_credentials_create();
        return FCC_OK;
    }
    st = make_config(tls, &config, error);
    if (st != FCC_OK)
        return st;
    identity = calloc(1, sizeof(*identity));
    if (!identity) {
        grpc_ssl_server_certificate_config_destroy(config);
        return fcc_error_set(error, FCC_ERR_NOMEM, "no memory for a server");
    }
    pthread_mutex_init(&identity->lock, NULL);
    identity->asks = tls->ca.len > 0;
    identity->renewed = config;
    identity->next = server->identities;
    server->identities = identity;
    *out = grpc_ssl_server_credentials_create_with_options(
        grpc_ssl_server_credentials_create_options_using_config_fetcher(
            identity->asks ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
                           : GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE,
            fetch, identity));
    return *out ? FCC_OK : fcc_error_set(error, FCC_ERR_CONFIG, "TLS certificate or key not accepted");
}

fcc_status rpc_server_renew_tls(rpc_server *server, const rpc_tls *tls, fcc_error *error)
{
    FCC_REQUIRE(server && server->magic == RPC__SERVER_MAGIC && tls);
    for (struct identity *identity = server->identities; identity; identity = identity->next) {
        grpc_ssl_server_certificate_config *config;
        fcc_status st = make_config(tls, &config, error);

        FCC_REQUIRE(identity->asks == (tls->ca.len > 0));
        if (st != FCC_OK)
            return st;
        set_config(identity, config);
    }
    return FCC_OK;
}

static void free_identities(rpc_server *server)
{
    while (server->identities) {
        struct identity *next = server->identities->next;

        set_config(server->identities, NULL);
        if (server->identities->port)
            rpc__listens_no_more(server->identities->port);
        pthread_mutex_destroy(&server->identities->lock);
        free(server->identities);
        server->identities = next;
    }
}

fcc_status rpc_server_listen(rpc_server *server, const char *address, const rpc_tls *tls, int *port, fcc_error *error)
{
    grpc_server_credentials *creds = NULL;
    char any[300];
    int bound;
    fcc_status st;

    FCC_REQUIRE(server && server->magic == RPC__SERVER_MAGIC && !server->started && address);
    st = credentials(server, tls, &creds, error);
    if (st != FCC_OK)
        return st;
    /* ":7052", as Go takes it, is every address of this machine */
    snprintf(any, sizeof(any), "%s%s", address[0] == ':' ? "[::]" : "", address);
    bound = grpc_server_add_http2_port(server->server, any, creds);
    grpc_server_credentials_release(creds);
    if (!bound) {
        const char *reason = reason_for(address);

        if (tls && strcmp(reason, "cannot listen there") == 0)
            return fcc_error_set(error, FCC_ERR_CONFIG,
                                 "cannot listen on %s: TLS certificate, key or client CA not accepted", address);
        return fcc_error_set(error, FCC_ERR_IO, "cannot listen on %s: %s", address, reason);
    }
    if (tls) {
        server->identities->port = bound;
    } else {
        server->plain_port = bound;
    }
    rpc__listens(bound, tls != NULL);
    if (port)
        *port = bound;
    return FCC_OK;
}

/* ---- accepting ---- */

static void request_next(struct method *m)
{
    rpc_server *server = m->server;

    server->pending++;
    FCC_REQUIRE(grpc_server_request_registered_call(server->server, m->handle, &m->call, &m->deadline, &m->metadata,
                                                    NULL, server->loop->cq, server->loop->cq, &m->tag) == GRPC_CALL_OK);
}

static void request_stray(rpc_server *server)
{
    server->pending++;
    FCC_REQUIRE(grpc_server_request_call(server->server, &server->stray, &server->stray_details,
                                         &server->stray_metadata, server->loop->cq, server->loop->cq,
                                         &server->stray_tag) == GRPC_CALL_OK);
}

fcc_status rpc_server_start(rpc_server *server)
{
    FCC_REQUIRE(server && server->magic == RPC__SERVER_MAGIC && !server->started);
    grpc_server_start(server->server);
    server->started = true;
    for (struct method *m = server->methods; m; m = m->next)
        request_next(m);
    request_stray(server);
    return FCC_OK;
}

static void ignore_message(rpc_call *call, void *ctx, fcc_bytes message)
{
    (void)call;
    (void)ctx;
    (void)message;
}

static void ignore_closed(rpc_call *call, void *ctx, const rpc_status *status)
{
    (void)call;
    (void)ctx;
    (void)status;
}

static const rpc_events ignore = { .on_message = ignore_message, .on_closed = ignore_closed };

static rpc_call *take_call(rpc_server *server, grpc_call *from)
{
    rpc_call *call = rpc__call_new(server->loop);

    if (!call) {
        grpc_call_cancel_with_status(from, GRPC_STATUS_RESOURCE_EXHAUSTED, "out of memory", NULL);
        grpc_call_unref(from);
        return NULL;
    }
    call->call = from;
    call->server = server;
    server->calls++;
    return call;
}

static void method_done(void *owner, bool ok)
{
    struct method *m = owner;
    rpc_server *server = m->server;
    const rpc_events *events;
    void *ctx = NULL;
    rpc_call *call;

    FCC_REQUIRE(server->magic == RPC__SERVER_MAGIC);
    server->pending--;
    if (!ok)
        return; /* the server goes down */
    grpc_metadata_array_destroy(&m->metadata);
    grpc_metadata_array_init(&m->metadata);
    call = take_call(server, m->call);
    m->call = NULL;
    if (!server->shutting)
        request_next(m);
    if (!call)
        return;
    server->loop->in_callback = true;
    events = m->accept(call, m->ctx, &ctx);
    server->loop->in_callback = false;
    if (!events) {
        rpc_finish(call, RPC_UNAVAILABLE, FCC_LIT("not accepted"), (fcc_bytes){ NULL, 0 });
        events = &ignore;
    }
    rpc__call_serve(call, events, ctx);
}

static void refuse_stray(rpc_server *server, rpc_call *call)
{
    fcc_bytes path = fcc_bytes_of(GRPC_SLICE_START_PTR(server->stray_details.method),
                                  GRPC_SLICE_LENGTH(server->stray_details.method));
    size_t slash = path.len;
    bool known = false;
    char text[300];

    while (slash > 1 && path.data[slash - 1] != '/')
        slash--;
    for (const struct method *m = server->methods; m && slash > 1; m = m->next)
        known = known || strncmp(m->path, (const char *)path.data, slash) == 0;
    /* the words of Go's server, which clients of peers know */
    if (slash <= 1)
        snprintf(text, sizeof(text), "malformed method name: \"%.*s\"", (int)(path.len < 200 ? path.len : 200),
                 path.len ? (const char *)path.data : "");
    else if (known)
        snprintf(text, sizeof(text), "unknown method %.*s for service %.*s",
                 (int)(path.len - slash < 100 ? path.len - slash : 100), (const char *)path.data + slash,
                 (int)(slash - 2 < 100 ? slash - 2 : 100), (const char *)path.data + 1);
    else
        snprintf(text, sizeof(text), "unknown service %.*s", (int)(slash - 2 < 200 ? slash - 2 : 200),
                 (const char *)path.data + 1);
    rpc_finish(call, RPC_UNIMPLEMENTED, fcc_str(text), (fcc_bytes){ NULL, 0 });
}

static void stray_done(void *owner, bool ok)
{
    rpc_server *server = owner;
    rpc_call *call;

    FCC_REQUIRE(server->magic == RPC__SERVER_MAGIC);
    server->pending--;
    if (!ok)
        return;
    call = take_call(server, server->stray);
    server->stray = NULL;
    if (call)
        refuse_stray(server, call);
    grpc_call_details_destroy(&server->stray_details);
    grpc_call_details_init(&server->stray_details);
    grpc_metadata_array_destroy(&server->stray_metadata);
    grpc_metadata_array_init(&server->stray_metadata);
    if (!server->shutting)
        request_stray(server);
    if (call)
        rpc__call_serve(call, &ignore, NULL);
}

void rpc__server_call_gone(rpc_server *server)
{
    server->calls--;
}

/* ---- going down ---- */

static void down_done(void *owner, bool ok)
{
    rpc_server *server = owner;

    (void)ok;
    FCC_REQUIRE(server->magic == RPC__SERVER_MAGIC);
    server->down = true;
    if (server->drained) {
        server->loop->in_callback = true;
        server->drained(server->drained_ctx);
        server->loop->in_callback = false;
    }
}

static void shut(rpc_server *server)
{
    if (server->shutting)
        return;
    server->shutting = true;
    grpc_server_shutdown_and_notify(server->server, server->loop->cq, &server->down_tag);
}

void rpc_server_drain(rpc_server *server, rpc_task done, void *ctx)
{
    FCC_REQUIRE(server && server->magic == RPC__SERVER_MAGIC);
    server->drained = done;
    server->drained_ctx = ctx;
    shut(server);
}

void rpc_server_free(rpc_server *server)
{
    if (!server)
        return;
    FCC_REQUIRE(server->magic == RPC__SERVER_MAGIC && !server->loop->in_callback);
    shut(server);
    grpc_server_cancel_all_calls(server->server);
    while (!server->down || server->pending || server->calls)
        rpc__turn(server->loop, RPC__FOREVER);
    grpc_server_destroy(server->server);
    free_identities(server);
    if (server->plain_port)
        rpc__listens_no_more(server->plain_port);
    while (server->methods) {
        struct method *next = server->methods->next;

        grpc_metadata_array_destroy(&server->methods->metadata);
        free(server->methods);
        server->methods = next;
    }
    grpc_call_details_destroy(&server->stray_details);
    grpc_metadata_array_destroy(&server->stray_metadata);
    if (server->prev)
        server->prev->next = server->next;
    else
        server->loop->servers = server->next;
    if (server->next)
        server->next->prev = server->prev;
    server->magic = 0;
    free(server);
}
