/*
 * discovery.c: discovery.Discovery on one organisation's peer, which clients older than the gateway ask for the channel's
 * configuration, its peers, and who can endorse a call. What is asked for wrongly is the call's status, what is refused an
 * error among the results. Fabric: discovery/service.go, internal/peer/node/start.go.
 *
 * A request may name the TLS certificate of its connection by its hash. Fabric's service never compares them, because it
 * doesn't keep the setting that asks for it, and its own `discover` sends the hash of something else: nor do we.
 */
#include "devnet/discovery.h"

#include "base/log.h"
#include "protos/unpack.h"

#include <stdlib.h>

/* One call: it is answered as soon as its message is there. */
typedef struct discovering {
    const devnet_peer *peer;
    fcc__arena *arena;
    bool asked;
} discovering;

/* ---- who may ask --------------------------------------------------------------------------------------------------- */

/* Of the channel its writers, of the peer its organisation's administrators. */
static bool may_ask(const devnet_peer *peer, fcc_bytes channel, const msp_signed *request, fcc__arena *arena)
{
    const msp_channel *of = ledger_channel(peer->net->ledger);
    const msp_identity *identity;
    const char *admins;
    fcc_bytes policy;
    size_t count;

    msp_signers_of(channel.len ? msp_channel_manager(of) : peer->local, request, 1, &identity, &count);
    if (channel.len)
        return msp_channel_evaluate(of, "/Channel/Application/Writers", &identity, count, NULL) == FCC_OK;
    admins = fcc__arena_printf(arena, "OR('%s.admin')", peer->org->mspid);
    return admins && msp_policy_parse(admins, arena, &policy, NULL) == FCC_OK &&
           msp_policy_evaluate(policy, &identity, count, NULL) == FCC_OK;
}

/* ---- a request ------------------------------------------------------------------------------------------------------ */

static fcc_status answer_query(const devnet_peer *peer, const Discovery__Query *query, const msp_signed *request,
                               fcc__arena *arena, Discovery__QueryResult *out)
{
    const fcc_bytes channel = fcc__of_pb(query->channel);

    discovery__query_result__init(out);
    if ((channel.len && (!devnet_knows(peer->net, channel) || !devnet_on_channel(peer))) ||
        !may_ask(peer, channel, request, arena)) {
        fcc__log(FCC__INFO, "discovery of %s: access denied", peer->org->mspid);
        return devnet_discovery_error(out, "access denied", arena);
    }
    if (channel.len && query->query_case == DISCOVERY__QUERY__QUERY_CONFIG_QUERY)
        return devnet_discovery_config(peer->net, arena, out);
    if (channel.len && query->query_case == DISCOVERY__QUERY__QUERY_PEER_QUERY)
        return devnet_discovery_peers(peer->net, query->peer_query->filter, arena, out);
    if (channel.len && query->query_case == DISCOVERY__QUERY__QUERY_CC_QUERY)
        return devnet_discovery_endorsers(peer->net, query->cc_query, arena, out);
    if (!channel.len && query->query_case == DISCOVERY__QUERY__QUERY_LOCAL_PEERS)
        return devnet_discovery_members(peer->net, arena, out);
    return devnet_discovery_error(out, "unknown or missing request type", arena);
}

static fcc_status answer(const devnet_peer *peer, const Discovery__Request *request, const msp_signed *by,
                         fcc__arena *arena, fcc_bytes *wire)
{
    Discovery__Response response = DISCOVERY__RESPONSE__INIT;
    Discovery__QueryResult *results = fcc__arena_zalloc(arena, request->n_queries, sizeof(*results));
    fcc_status st = FCC_OK;

    response.results = fcc__arena_zalloc(arena, request->n_queries, sizeof(*response.results));
    if (!results || !response.results)
        return FCC_ERR_LIMIT;
    response.n_results = request->n_queries;
    for (size_t i = 0; st == FCC_OK && i < request->n_queries; i++) {
        response.results[i] = &results[i];
        st = answer_query(peer, request->queries[i], by, arena, &results[i]);
    }
    return st == FCC_OK ? fcc__pack(&response, arena, wire) : st;
}

static void refuse(const discovering *d, rpc_call *rpc, const char *text)
{
    fcc__log(FCC__INFO, "discovery of %s: %s", d->peer->org->mspid, text);
    rpc_finish(rpc, RPC_UNKNOWN, fcc_str(text), FCC_LIT(""));
}

static void on_request(rpc_call *rpc, void *ctx, fcc_bytes message)
{
    discovering *d = ctx;
    Discovery__SignedRequest *outer;
    Discovery__Request *request;
    msp_signed by = { .data = { { NULL, 0 }, { NULL, 0 } } };
    fcc_bytes wire;

    if (d->asked)
        return;
    d->asked = true;
    if (FCC__UNPACK_BORROWED(discovery__signed_request, message, d->arena, &outer) != FCC_OK) {
        rpc_finish(rpc, RPC_INTERNAL, FCC_LIT("grpc: error unmarshalling request: not a SignedRequest"), FCC_LIT(""));
        return;
    }
    by.data[0] = fcc__of_pb(outer->payload);
    by.signature = fcc__of_pb(outer->signature);
    if (FCC__UNPACK_BORROWED(discovery__request, by.data[0], d->arena, &request) != FCC_OK) {
        refuse(d, rpc, "failed parsing request: proto: cannot parse invalid wire-format data");
        return;
    }
    if (!request->authentication) {
        refuse(d, rpc, "access denied, no authentication info in request");
        return;
    }
    by.identity = fcc__of_pb(request->authentication->client_identity);
    if (by.identity.len == 0) {
        refuse(d, rpc, "access denied, client identity wasn't supplied");
        return;
    }
    if (answer(d->peer, request, &by, d->arena, &wire) != FCC_OK || rpc_send(rpc, wire) != FCC_OK)
        rpc_finish(rpc, RPC_RESOURCE_EXHAUSTED, FCC_LIT("the answer is too large"), FCC_LIT(""));
    else
        rpc_finish(rpc, RPC_OK, FCC_LIT(""), FCC_LIT(""));
}

/* ---- the service ----------------------------------------------------------------------------------------------------- */

static void on_closed(rpc_call *rpc, void *ctx, const rpc_status *status)
{
    discovering *d = ctx;

    (void)rpc;
    (void)status;
    fcc__arena_free(d->arena);
    free(d);
}

static const rpc_events discovery_events = { .on_message = on_request, .on_closed = on_closed };

static const rpc_events *accept_discovery(rpc_call *rpc, void *ctx, void **call_ctx)
{
    discovering *d = calloc(1, sizeof(*d));

    if (d)
        d->arena = fcc__arena_new(PEER_ARENA_CAP);
    if (!d || !d->arena) {
        free(d);
        rpc_finish(rpc, RPC_RESOURCE_EXHAUSTED, FCC_LIT("out of memory"), FCC_LIT(""));
        return NULL;
    }
    d->peer = ctx;
    *call_ctx = d;
    return &discovery_events;
}

fcc_status devnet_discovery_serve(devnet_peer *peer)
{
    return rpc_server_method(peer->server, "/discovery.Discovery/Discover", accept_discovery, peer);
}
