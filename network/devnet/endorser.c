/*
 * endorser.c: protos.Endorser/ProcessProposal on one organisation's peer. What is wrong with the proposal itself is the
 * call's status, everything else an answer with a status of its own. Fabric: core/endorser, core/handlers/auth/filter,
 * internal/peer/node/grpc_limiters.go.
 */
#include "devnet/internal.h"

#include "base/log.h"
#include "protos/unpack.h"

#include <stdio.h>
#include <stdlib.h>

enum { CONCURRENT = 2500 };

typedef struct proposing {
    devnet_peer *peer;
    rpc_call *rpc; /* NULL once the client has gone or is answered */
    fcc__arena *arena;
    peer_proposal proposal;
    bool running; /* the peer still uses the arena */
    bool asked;
} proposing;

static void refuse(proposing *p, const char *text)
{
    if (p->rpc)
        rpc_finish(p->rpc, RPC_UNKNOWN, fcc_str(text), FCC_LIT(""));
}

static void free_proposing(proposing *p)
{
    p->peer->endorsing--;
    fcc__arena_free(p->arena);
    free(p);
}

static void endorsed(void *ctx, const peer_outcome *outcome)
{
    proposing *p = ctx;
    fcc_bytes private = outcome->results.private_rwset, wire;
    ledger *l = p->peer->net->ledger;

    p->running = false;
    if (outcome->verdict == PEER_REFUSED) {
        fcc__log(FCC__INFO, "endorser of %s: %s", p->peer->org->mspid, outcome->refusal);
        refuse(p, outcome->refusal);
    } else if (outcome->response.endorsement && private.len > 0 &&
               ledger_transient_put(l, p->proposal.txid, private) != FCC_OK)
        refuse(p, "the private data cannot be kept");
    else if (p->rpc) {
        if (fcc__pack(&outcome->response, p->arena, &wire) != FCC_OK || rpc_send(p->rpc, wire) != FCC_OK)
            rpc_finish(p->rpc, RPC_RESOURCE_EXHAUSTED, FCC_LIT("the answer is too large"), FCC_LIT(""));
        else
            rpc_finish(p->rpc, RPC_OK, FCC_LIT(""), FCC_LIT(""));
    }
    if (!p->rpc)
        free_proposing(p);
}

static void on_proposal(rpc_call *rpc, void *ctx, fcc_bytes message)
{
    proposing *p = ctx;
    Protos__SignedProposal *signed_proposal;
    fcc_error error = { 0 };

    if (p->asked)
        return;
    p->asked = true;
    if (FCC__UNPACK_BORROWED(protos__signed_proposal, message, p->arena, &signed_proposal) != FCC_OK)
        rpc_finish(rpc, RPC_INTERNAL, FCC_LIT("grpc: error unmarshalling request: not a SignedProposal"), FCC_LIT(""));
    else if (peer_proposal_unpack(signed_proposal, p->arena, &p->proposal, &error) != FCC_OK)
        refuse(p, error.text);
    else {
        p->running = true;
        devnet_referee_endorse(p->peer, &p->proposal, p->arena, endorsed, p);
    }
}

static void on_closed(rpc_call *rpc, void *ctx, const rpc_status *status)
{
    proposing *p = ctx;

    (void)rpc;
    (void)status;
    p->rpc = NULL;
    if (!p->running)
        free_proposing(p);
}

static const rpc_events proposal_events = { .on_message = on_proposal, .on_closed = on_closed };

static const rpc_events *accept_proposal(rpc_call *rpc, void *ctx, void **call_ctx)
{
    devnet_peer *peer = ctx;
    proposing *p;
    char text[100];

    if (peer->endorsing >= CONCURRENT) {
        snprintf(text, sizeof(text), "too many requests for /protos.Endorser, exceeding concurrency limit (%d)",
                 CONCURRENT);
        rpc_finish(rpc, RPC_UNKNOWN, fcc_str(text), FCC_LIT(""));
        return NULL;
    }
    p = calloc(1, sizeof(*p));
    if (p)
        p->arena = fcc__arena_new(PEER_ARENA_CAP);
    if (!p || !p->arena) {
        free(p);
        rpc_finish(rpc, RPC_RESOURCE_EXHAUSTED, FCC_LIT("out of memory"), FCC_LIT(""));
        return NULL;
    }
    p->peer = peer;
    p->rpc = rpc;
    peer->endorsing++;
    *call_ctx = p;
    return &proposal_events;
}

fcc_status devnet_endorser_serve(devnet_peer *peer)
{
    return rpc_server_method(peer->server, "/protos.Endorser/ProcessProposal", accept_proposal, peer);
}
