/*
 * external.c: chaincodes that somebody else runs. A package says where its chaincode listens; when a transaction wants it,
 * the peer connects there, as a Fabric peer does, and keeps the stream for as long as it lasts. Fabric:
 * core/container/externalbuilder, core/chaincode/extcc.
 */
#include "devnet/internal.h"

#include "base/log.h"
#include "package/package.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXTERNAL_ARENA = 160 << 20 };

/* One stream from a peer to a chaincode server. */
struct devnet_external {
    devnet_external *next; /* of the peer's */
    devnet_peer *peer;
    char *package_id;
    char *address;
    rpc_channel *channel;
    rpc_call *call;
    peer_session *session;
    rpc_timer *deadline; /* for the connection, until it is registered */
    bool late;
};

static void describe(const devnet_external *x, const char *what, const char *detail)
{
    fcc__log(FCC__WARN, "chaincode package %s of %s: %s %s%s%s", x->package_id, x->peer->org->mspid, what, x->address,
             *detail ? ": " : "", detail);
}

static void discard(devnet_external *x)
{
    for (devnet_external **link = &x->peer->externals; *link; link = &(*link)->next)
        if (*link == x) {
            *link = x->next;
            break;
        }
    rpc_timer_cancel(x->deadline);
    rpc_channel_free(x->channel);
    peer_session_free(x->session);
    free(x->package_id);
    free(x->address);
    free(x);
}

/* ---- the stream -------------------------------------------------------------------------------------------------- */

static void send_message(void *ctx, fcc_bytes message)
{
    devnet_external *x = ctx;

    if (x->call && rpc_send(x->call, message) != FCC_OK)
        rpc_cancel(x->call);
}

static void registered(void *ctx)
{
    devnet_external *x = ctx;

    rpc_timer_cancel(x->deadline);
    x->deadline = NULL;
    fcc__log(FCC__INFO, "chaincode package %s of %s runs at %s", x->package_id, x->peer->org->mspid, x->address);
}

static void on_message(rpc_call *call, void *ctx, fcc_bytes message)
{
    devnet_external *x = ctx;
    fcc_error error;

    if (peer_session_receive(x->session, message, &error) == FCC_OK)
        return;
    describe(x, "the chaincode at", error.text);
    rpc_cancel(call);
}

static void on_closed(rpc_call *call, void *ctx, const rpc_status *status)
{
    devnet_external *x = ctx;
    peer_host *host = x->peer->host;
    char *id = strdup(x->package_id), why[1024];
    const bool was_connecting = x->deadline || x->late;
    const fcc_bytes reason = x->late                   ? FCC_LIT("context deadline exceeded")
                             : status->message.len > 0 ? status->message
                                                       : FCC_LIT("the stream ended before the chaincode registered");

    (void)call;
    if (was_connecting)
        snprintf(
            why, sizeof(why),
            "connection to %s failed: error cannot create connection for %s: error creating grpc connection to %s: "
            "%.*s",
            x->package_id, x->package_id, x->address, (int)reason.len, (const char *)reason.data);
    fcc__log(FCC__INFO, "chaincode package %s of %s: the stream to %s has ended: %.*s", x->package_id,
             x->peer->org->mspid, x->address, (int)status->message.len, (const char *)status->message.data);
    x->call = NULL;
    discard(x);
    if (was_connecting && id)
        peer_host_launch_failed(host, id, why);
    free(id);
}

static const rpc_events stream_events = { .on_message = on_message, .on_closed = on_closed };

static void on_deadline(void *ctx)
{
    devnet_external *x = ctx;

    x->deadline = NULL;
    x->late = true;
    rpc_cancel(x->call);
}

/* ---- where it is ------------------------------------------------------------------------------------------------- */

/* --cc-address NAME=HOST:PORT: by the package's label, or by the name of a chaincode that runs it. */
static const char *other_address(const devnet_peer *peer, const package_content *content, fcc__arena *arena)
{
    const struct devnet *net = peer->net;
    scc_chaincode found;

    for (size_t i = 0; i < net->options->cc_address_count; i++) {
        const devnet_cc_address *a = &net->options->cc_addresses[i];

        if (strcmp(a->name, content->label) == 0)
            return a->address;
        if (scc_resolve(net->ledger, peer->org->mspid, peer->store, fcc_str(a->name), arena, &found) == FCC_OK &&
            found.package_id && strcmp(found.package_id, content->id) == 0)
            return a->address;
    }
    return NULL;
}

/*
 * The variable that a Fabric peer's builder has: the environment's, or, for chaincodes that others run, the organisation's
 * file. That is read for each connection, so that new certificates are taken without a restart; a Fabric peer keeps what
 * was there when a package was installed.
 */
static json_t *builder_config(const devnet_peer *peer, fcc__arena *arena, fcc_error *error)
{
    const char *given = getenv("CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG"), *path;
    json_error_t why = { .line = 0 };
    json_t *values;

    if (!peer->net->options->services) {
        values = given && *given ? json_loads(given, 0, NULL) : NULL;
        if (!json_is_object(values)) {
            json_decref(values);
            values = json_object();
        }
        return values;
    }
    path = fcc__arena_printf(arena, "%s/services/%s/builder.json", peer->net->options->dir, peer->org->domain);
    values = path ? json_load_file(path, JSON_REJECT_DUPLICATES, &why) : NULL;
    if (json_is_object(values))
        return values;
    fcc_error_set(error, FCC_ERR_CONFIG, "%s:%d: %s", path ? path : "services", why.line,
                  values ? "expected an object" : why.text);
    json_decref(values);
    return NULL;
}

/* With the peer's name, and --cc-address under the names that package_of_service uses. */
fcc_status devnet_builder_values(const devnet_peer *peer, fcc__arena *arena, const char **out, fcc_error *error)
{
    json_t *values = builder_config(peer, arena, error);
    const char *name;
    char *text = NULL;
    bool ok;

    if (!values)
        return FCC_ERR_CONFIG;
    ok = json_object_set_new(values, "peername", json_string(peer->org->peer_name ? peer->org->peer_name : "peer")) ==
         0;
    for (size_t i = 0; ok && i < peer->net->options->cc_address_count; i++) {
        const devnet_cc_address *a = &peer->net->options->cc_addresses[i];

        name = package_template_name(a->name, arena);
        ok = name && json_object_set_new(values, name, json_string(a->address)) == 0;
    }
    text = ok ? json_dumps(values, JSON_COMPACT) : NULL;
    *out = text ? fcc__arena_printf(arena, "%s", text) : NULL;
    free(text);
    json_decref(values);
    return *out ? FCC_OK : fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
}

static fcc_status find_connection(const devnet_peer *peer, const char *package_id, fcc__arena *arena,
                                  package_connection *out, fcc_error *error)
{
    const char *values, *address;
    package_content content;
    package_fault fault;
    fcc_bytes bytes;
    fcc_status st = scc_store_load(peer->store, fcc_str(package_id), arena, &bytes);

    if (st != FCC_OK)
        return fcc_error_set(error, st, "its package cannot be read: %s", fcc_status_text(st));
    if ((st = devnet_builder_values(peer, arena, &values, error)) != FCC_OK)
        return st;
    if ((st = package_read(arena, bytes, &content, &fault)) != FCC_OK ||
        (st = package_connection_read(arena, content.connection, fcc_str(values), out, &fault)) != FCC_OK)
        return fcc_error_set(error, st, "error building chaincode: %s", fault.error.text);
    /* an address that templates give has been asked for by name already */
    address = content.connection.len && memmem(content.connection.data, content.connection.len, "{{", 2)
                  ? NULL
                  : other_address(peer, &content, arena);
    if (address && (st = package_address(arena, address, out, &fault)) != FCC_OK)
        return fcc_error_set(error, st, "%s", fault.error.text);
    return FCC_OK;
}

static fcc_status open_stream(devnet_external *x, const package_connection *c, fcc_error *error)
{
    const peer_stream stream = { .send = send_message, .ready = registered, .ctx = x };
    const rpc_tls tls = { .cert = c->client_cert, .key = c->client_key, .ca = c->root_cert };
    rpc_loop *loop = x->peer->net->loop;
    fcc_status st = rpc_channel_new(loop, x->address, c->use_tls ? &tls : NULL, &x->channel, error);

    if (st != FCC_OK)
        return st;
    x->session = peer_session_new(x->peer->host, x->package_id, &stream);
    x->deadline = rpc_timer_start(loop, c->dial_timeout_ms, on_deadline, x);
    if (!x->session || !x->deadline)
        return fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
    st = rpc_open(x->channel, "/protos.Chaincode/Connect", -1, false, &stream_events, x, &x->call);
    return st == FCC_OK ? FCC_OK : fcc_error_set(error, st, "the stream to %s cannot be opened", x->address);
}

static fcc_status connect_to(devnet_peer *peer, const char *package_id, fcc__arena *arena, fcc_error *error)
{
    package_connection connection;
    devnet_external *x;
    fcc_status st = find_connection(peer, package_id, arena, &connection, error);

    if (st != FCC_OK)
        return st;
    x = calloc(1, sizeof(*x));
    if (!x)
        return fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
    x->peer = peer;
    x->next = peer->externals;
    peer->externals = x;
    x->package_id = strdup(package_id);
    x->address = strdup(connection.address);
    st = x->package_id && x->address ? open_stream(x, &connection, error)
                                     : fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
    if (st != FCC_OK)
        discard(x);
    return st;
}

bool devnet_launch(void *ctx, const char *package_id)
{
    devnet_peer *peer = ctx;
    fcc__arena *arena;
    fcc_error error;
    fcc_status st;
    bool told;

    if (devnet_chaincodes_launch(peer, package_id, &told))
        return told;
    for (const devnet_external *x = peer->externals; x; x = x->next)
        if (strcmp(x->package_id, package_id) == 0)
            return true;
    arena = fcc__arena_new(EXTERNAL_ARENA);
    st = arena ? connect_to(peer, package_id, arena, &error)
               : fcc_error_set(&error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
    fcc__arena_free(arena);
    if (st != FCC_OK)
        peer_host_launch_failed(peer->host, package_id, error.text);
    return true;
}

void devnet_externals_free(devnet_peer *peer)
{
    for (devnet_external *x = peer->externals; x; x = x->next)
        if (x->call)
            rpc_cancel(x->call);
    while (peer->externals)
        rpc_loop_poll(peer->net->loop, 10);
}
