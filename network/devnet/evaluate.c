/*
 * evaluate.c: the gateway's Evaluate: one peer runs the function, the own one if it can. Fabric:
 * internal/pkg/gateway/evaluate.go.
 */
#include "devnet/plan.h"

#include "protos/unpack.h"

struct evaluation {
    devnet_request request;
    devnet_peer **plan; /* whom to ask, in this order */
    size_t planned, asked;
    devnet_detail *details;
    size_t failed;
};

static void ask_next(devnet_call *call);

static void evaluated(void *ctx, const peer_outcome *outcome)
{
    devnet_call *call = ctx;
    struct evaluation *e = call->state;
    devnet_peer *peer = e->plan[e->asked - 1];
    devnet_judgement judged = devnet_judge(outcome, peer == call->peer, call->arena);
    Gateway__EvaluateResponse response = GATEWAY__EVALUATE_RESPONSE__INIT;

    if (judged.code == RPC_OK) {
        response.result = outcome->response.response;
        devnet_reply(call, &response);
    } else {
        e->details[e->failed].peer = peer;
        e->details[e->failed].message = judged.message;
        e->failed++;
        if (!judged.retry)
            devnet_refuse(call, judged.code, e->details, e->failed, "evaluate call to endorser returned error: %s",
                          judged.message);
        else if (e->asked < e->planned && call->rpc)
            ask_next(call);
        else
            devnet_refuse(call, judged.code, e->details, e->failed,
                          "failed to evaluate transaction, see attached details for more info");
    }
    devnet_call_release(call);
}

static void ask_next(devnet_call *call)
{
    struct evaluation *e = call->state;
    devnet_peer *peer = e->plan[e->asked++];

    devnet_ask(call, &e->request, peer, false, evaluated, call);
}

/* What is wrong with the request; NULL: nothing. */
static const char *read_request(const Gateway__EvaluateRequest *request, fcc__arena *arena, devnet_request *out)
{
    const char *problem, *missing;

    if (!request->proposed_transaction || request->proposed_transaction->proposal_bytes.len == 0)
        return "a signed proposal is required";
    if ((problem = devnet_request_read(request->proposed_transaction, arena, out)))
        return problem;
    if (out->channel.len == 0)
        return "no channel id provided";
    missing = !out->spec ? "spec" : !out->spec->chaincode_id ? "id" : out->chaincode.len == 0 ? "name" : NULL;
    if (!missing)
        return NULL;
    problem = fcc__arena_printf(arena, "no chaincode %s is provided, channel id [" FCC_FMT "]", missing,
                                FCC_ARG(out->channel));
    return problem ? problem : "out of memory";
}

/* Those of the named organisations, in their order; without names, all. The own peer first. */
static void make_plan(devnet_call *call, struct evaluation *e, const Gateway__EvaluateRequest *request, bool own_only)
{
    struct devnet *net = call->peer->net;
    bool all = request->n_target_organizations == 0;
    bool own = all;

    for (size_t n = 0; n < request->n_target_organizations; n++)
        own = own || fcc_bytes_equal(fcc__of_pb(request->target_organizations[n]), fcc_str(call->peer->org->mspid));
    if (own && devnet_serves(call->peer, e->request.channel, e->request.chaincode))
        e->plan[e->planned++] = call->peer;
    for (size_t n = 0; n < (all ? 1 : request->n_target_organizations) && !own_only; n++)
        for (size_t i = 0; i < net->peer_count; i++) {
            devnet_peer *peer = &net->peers[i];

            if (peer != call->peer && devnet_serves(peer, e->request.channel, e->request.chaincode) &&
                (all || fcc_bytes_equal(fcc__of_pb(request->target_organizations[n]), fcc_str(peer->org->mspid))))
                e->plan[e->planned++] = peer;
        }
}

void devnet_evaluate(devnet_call *call, fcc_bytes message)
{
    struct devnet *net = call->peer->net;
    struct evaluation *e = fcc__arena_zalloc(call->arena, 1, sizeof(*e));
    Gateway__EvaluateRequest *request;
    const char *problem;
    size_t most;
    bool own_only;

    if (FCC__UNPACK(gateway__evaluate_request, message, call->arena, &request) != FCC_OK) {
        devnet_refuse_message(call);
        return;
    }
    most = net->peer_count + request->n_target_organizations;
    if (e) {
        e->plan = fcc__arena_zalloc(call->arena, most, sizeof(*e->plan));
        e->details = fcc__arena_zalloc(call->arena, most, sizeof(*e->details));
    }
    if (!e || !e->plan || !e->details) {
        devnet_refuse(call, RPC_RESOURCE_EXHAUSTED, NULL, 0, "out of memory");
        return;
    }
    problem = read_request(request, call->arena, &e->request);
    if (problem) {
        devnet_refuse(call, RPC_INVALID_ARGUMENT, NULL, 0, "failed to unpack transaction proposal: %s", problem);
        return;
    }
    if (!devnet_knows(net, e->request.channel)) {
        devnet_refuse(call, RPC_UNAVAILABLE, NULL, 0, DEVNET_NO_CONFIG, FCC_ARG(e->request.channel),
                      FCC_ARG(e->request.channel));
        return;
    }
    own_only = e->request.transient && request->n_target_organizations == 0;
    call->state = e;
    make_plan(call, e, request, own_only);
    if (e->planned > 0)
        ask_next(call);
    else
        devnet_refuse(call, RPC_FAILED_PRECONDITION, NULL, 0,
                      "%sno peers available to evaluate chaincode " FCC_FMT " in channel " FCC_FMT,
                      own_only ? "no endorsers found in the gateway's organization; retry specifying target "
                                 "organization(s) to protect transient data: "
                               : "",
                      FCC_ARG(e->request.chaincode), FCC_ARG(e->request.channel));
}
