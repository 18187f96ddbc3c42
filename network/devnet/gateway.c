/*
 * gateway.c: gateway.Gateway on one organisation's peer: how its calls begin and end, and what a peer is asked and
 * answers. Codes, texts and details are Fabric's: internal/pkg/gateway, apiutils.go.
 */
#include "devnet/internal.h"

#include "base/log.h"
#include "protos/unpack.h"

#include "google/protobuf/any.pb-c.h"
#include "google/rpc/status.pb-c.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    CONCURRENT = 500, /* calls of one gateway: limits.concurrency.gatewayService of Fabric's sample configuration */
    FEW = 4,          /* answers under way; and how long each is watched for */
    WATCH_US = 100,
};

static const char detail_type[] = "type.googleapis.com/gateway.ErrorDetail";

/* ---- ending a call ----------------------------------------------------------------------------------------------- */

void devnet_reply(devnet_call *call, const void *message)
{
    rpc_call *rpc = call->rpc;
    fcc_bytes wire;

    if (!rpc)
        return;
    if (fcc__pack(message, call->arena, &wire) != FCC_OK || rpc_send(rpc, wire) != FCC_OK) {
        devnet_refuse(call, RPC_RESOURCE_EXHAUSTED, NULL, 0, "the answer is too large");
        return;
    }
    rpc_finish(rpc, RPC_OK, FCC_LIT(""), FCC_LIT(""));
}

static fcc_status pack_details(fcc__arena *arena, rpc_code code, fcc_bytes text, const devnet_detail *details,
                               size_t count, fcc_bytes *out)
{
    Google__Rpc__Status status = GOOGLE__RPC__STATUS__INIT;
    Google__Protobuf__Any *room = fcc__arena_zalloc(arena, count, sizeof(*room));
    fcc_bytes packed;
    fcc_status st;

    status.code = (int32_t)code;
    status.message = fcc__pb(text);
    status.details = fcc__arena_zalloc(arena, count, sizeof(*status.details));
    if (!room || !status.details)
        return FCC_ERR_LIMIT;
    for (size_t i = 0; i < count; i++) {
        Gateway__ErrorDetail detail = GATEWAY__ERROR_DETAIL__INIT;

        detail.address = fcc__pb(fcc_str(details[i].peer->address));
        detail.msp_id = fcc__pb(fcc_str(details[i].peer->org->mspid));
        detail.message = fcc__pb(fcc_str(details[i].message));
        if ((st = fcc__pack(&detail, arena, &packed)) != FCC_OK)
            return st;
        google__protobuf__any__init(&room[i]);
        room[i].type_url = fcc__pb(fcc_str(detail_type));
        room[i].value = fcc__pb(packed);
        status.details[i] = &room[i];
    }
    status.n_details = count;
    return fcc__pack(&status, arena, out);
}

/* As much of a text as may be logged: a chaincode's own words and the keys of a read-write set may not. */
static fcc_bytes loggable(fcc_bytes text)
{
    static const char *const ends[] = { "chaincode response ", "transaction returned with failure",
                                        "ProposalResponsePayloads do not match" };
    size_t end;

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        const uint8_t *at = text.len ? memmem(text.data, text.len, ends[i], strlen(ends[i])) : NULL;

        if (!at)
            continue;
        end = (size_t)(at - text.data) + strlen(ends[i]);
        while (end < text.len && text.data[end] >= '0' && text.data[end] <= '9') /* the response's status */
            end++;
        text.len = end;
    }
    return text;
}

void devnet_refuse(devnet_call *call, rpc_code code, const devnet_detail *details, size_t count, const char *format,
                   ...)
{
    fcc_bytes packed = { NULL, 0 }, text;
    char *formatted = NULL;
    va_list args;
    int len;

    if (!call->rpc)
        return;
    va_start(args, format);
    len = vasprintf(&formatted, format, args);
    va_end(args);
    text = len < 0 ? FCC_LIT("out of memory") : fcc_bytes_of(formatted, (size_t)len);
    if (count > 0 && pack_details(call->arena, code, text, details, count, &packed) != FCC_OK)
        packed = fcc_bytes_of(NULL, 0);
    fcc__log(FCC__INFO, "gateway of %s: %s: " FCC_FMT, call->peer->org->mspid, rpc_code_name(code),
             FCC_ARG(loggable(text)));
    for (size_t i = 0; i < count; i++)
        fcc__log(FCC__INFO, "gateway of %s: %s: " FCC_FMT, call->peer->org->mspid, details[i].peer->org->mspid,
                 FCC_ARG(loggable(fcc_str(details[i].message))));
    rpc_finish(call->rpc, code, text, packed);
    free(formatted);
}

void devnet_refuse_message(devnet_call *call)
{
    devnet_refuse(call, RPC_INTERNAL, NULL, 0,
                  "grpc: error unmarshalling request: proto: cannot parse invalid wire-format data");
}

static void free_call(devnet_call *call)
{
    call->peer->gateway_calls--;
    fcc__arena_free(call->arena);
    free(call);
}

/*
 * While few answers are under way their chaincodes have nothing else to do, and what they send comes sooner than this thread
 * would wake up: three times in a lone endorsement. Among many there is always something to do.
 */
static void watch_if_few(const struct devnet *net)
{
    rpc_watch(net->loop, net->asked > 0 && net->asked <= FEW ? WATCH_US : 0);
}

/* The call stays for one thing more, until devnet_call_release. */
static void keep(devnet_call *call)
{
    call->pending++;
    call->peer->net->asked++;
    watch_if_few(call->peer->net);
}

void devnet_call_release(devnet_call *call)
{
    call->pending--;
    call->peer->net->asked--;
    watch_if_few(call->peer->net);
    if (call->pending == 0 && !call->rpc)
        free_call(call);
}

static void on_closed(rpc_call *rpc, void *ctx, const rpc_status *status)
{
    devnet_call *call = ctx;

    (void)rpc;
    (void)status;
    devnet_stop_waiting(call);
    call->rpc = NULL;
    if (call->pending == 0)
        free_call(call);
}

/* ---- asking a peer ------------------------------------------------------------------------------------------------- */

/* Where the text of peer_proposal_unpack is not the gateway's own. */
static const char *unreadable(fcc__arena *arena, const char *what)
{
    const char *text = fcc__arena_printf(arena, "error unmarshalling %s: proto: cannot parse invalid wire-format data",
                                         what);

    return text ? text : "out of memory";
}

const char *devnet_request_read(const Protos__SignedProposal *signed_proposal, fcc__arena *arena, devnet_request *out)
{
    Protos__ChaincodeInvocationSpec *invocation;
    Protos__ChaincodeProposalPayload *payload;
    Common__ChannelHeader *channel_header;
    Common__SignatureHeader *signature_header;
    Protos__Proposal *proposal;
    Common__Header *header;
    fcc_error error;

    if (FCC__UNPACK(protos__proposal, fcc__of_pb(signed_proposal->proposal_bytes), arena, &proposal) != FCC_OK)
        return unreadable(arena, "Proposal");
    if (FCC__UNPACK(common__header, fcc__of_pb(proposal->header), arena, &header) != FCC_OK)
        return unreadable(arena, "Header");
    if (FCC__UNPACK(common__channel_header, fcc__of_pb(header->channel_header), arena, &channel_header) != FCC_OK)
        return unreadable(arena, "ChannelHeader");
    if (FCC__UNPACK(protos__chaincode_proposal_payload, fcc__of_pb(proposal->payload), arena, &payload) != FCC_OK)
        return unreadable(arena, "ChaincodeProposalPayload");
    if (FCC__UNPACK(protos__chaincode_invocation_spec, fcc__of_pb(payload->input), arena, &invocation) != FCC_OK)
        return unreadable(arena, "ChaincodeInvocationSpec");
    out->channel = fcc__of_pb(channel_header->channel_id);
    out->spec = invocation->chaincode_spec;
    if (out->spec && out->spec->chaincode_id)
        out->chaincode = fcc__of_pb(out->spec->chaincode_id->name);
    out->transient = payload->n_transientmap > 0;
    if (peer_proposal_unpack(signed_proposal, arena, &out->proposal, &error) == FCC_OK) {
        out->unfiltered = out->proposal;
        out->unfiltered.unfiltered = true;
        return NULL;
    }
    out->filtered = FCC__UNPACK(common__signature_header, fcc__of_pb(header->signature_header), arena,
                                &signature_header) != FCC_OK;
    out->problem = fcc__arena_printf(arena, "%s", error.text);
    if (!out->problem)
        out->problem = "out of memory";
    return NULL;
}

/* What a peer says to a proposal that can't be read: its filters come first. */
static peer_outcome refusal_of(const devnet_request *request, bool filters, fcc__arena *arena)
{
    peer_outcome refused = { .verdict = PEER_REFUSED, .refusal = request->problem };

    if (!request->filtered || !filters)
        return refused;
    refused.filtered = true;
    refused.refusal = fcc__arena_printf(arena, "failed parsing signature header: %s", request->problem);
    if (!refused.refusal)
        refused.refusal = "out of memory";
    return refused;
}

void devnet_ask(devnet_call *call, const devnet_request *request, devnet_peer *peer, bool transaction, peer_done done,
                void *ctx)
{
    /* Fabric 2.5's gateway calls its own peer's endorser itself */
    bool filters = peer != call->peer || peer->net->settings.fabric != DEVNET_FABRIC_2_5;
    const peer_proposal *proposal = filters ? &request->proposal : &request->unfiltered;
    peer_outcome refused;

    keep(call);
    if (request->problem) {
        refused = refusal_of(request, filters, call->arena);
        done(ctx, &refused);
    } else if (transaction) {
        devnet_referee_endorse(peer, proposal, call->arena, done, ctx);
    } else {
        peer_evaluate(peer->host, proposal, call->arena, done, ctx);
    }
}

devnet_judgement devnet_judge(const peer_outcome *outcome, bool local, fcc__arena *arena)
{
    const Protos__Response *response = outcome->response.response;
    devnet_judgement judged = { RPC_OK, "", false };

    if (outcome->verdict == PEER_REFUSED && local && !outcome->filtered) {
        judged.code = RPC_FAILED_PRECONDITION;
        judged.message = outcome->refusal;
    } else if (outcome->verdict ==
               PEER_REFUSED) { /* over the wire an error has no body: as if the peer weren't there */
        judged.code = RPC_UNAVAILABLE;
        judged.retry = true;
        judged.message = local ? outcome->refusal
                               : fcc__arena_printf(arena, "rpc error: code = Unknown desc = %s", outcome->refusal);
    } else if (response->status < 200 || response->status >= 400) {
        if (outcome->response.payload.len == 0 && response->status == 500) {
            judged.code = RPC_ABORTED;
            judged.retry = true;
            judged.message = fcc__arena_printf(arena, FCC_FMT, FCC_ARG(fcc__of_pb(response->message)));
        } else {
            judged.code = RPC_UNKNOWN;
            judged.message = fcc__arena_printf(arena, "chaincode response %d, " FCC_FMT, (int)response->status,
                                               FCC_ARG(fcc__of_pb(response->message)));
        }
    }
    if (!judged.message)
        judged.message = "out of memory";
    return judged;
}

/* ---- the service ------------------------------------------------------------------------------------------------- */

static void run(void *ctx, fcc_bytes message, void (*method)(devnet_call *, fcc_bytes))
{
    devnet_call *call = ctx;

    if (call->state || call->waiting)
        return; /* a second message on a unary call: gRPC doesn't let it through, and we would not answer twice */
    keep(call); /* while the method runs */
    method(call, message);
    devnet_call_release(call);
}

static void on_evaluate(rpc_call *rpc, void *ctx, fcc_bytes message)
{
    (void)rpc;
    run(ctx, message, devnet_evaluate);
}

static void on_endorse(rpc_call *rpc, void *ctx, fcc_bytes message)
{
    (void)rpc;
    run(ctx, message, devnet_endorse);
}

static void on_submit(rpc_call *rpc, void *ctx, fcc_bytes message)
{
    (void)rpc;
    run(ctx, message, devnet_submit);
}

static void on_commit_status(rpc_call *rpc, void *ctx, fcc_bytes message)
{
    (void)rpc;
    run(ctx, message, devnet_commit_status);
}

bool devnet_gateway_enter(devnet_peer *peer, rpc_call *rpc)
{
    char text[100];

    if (peer->gateway_calls < CONCURRENT) {
        peer->gateway_calls++;
        return true;
    }
    snprintf(text, sizeof(text), "too many requests for /gateway.Gateway, exceeding concurrency limit (%d)",
             CONCURRENT);
    rpc_finish(rpc, RPC_UNKNOWN, fcc_str(text), FCC_LIT(""));
    return false;
}

static devnet_call *new_call(rpc_call *rpc, devnet_peer *peer)
{
    devnet_call *call = calloc(1, sizeof(*call));

    if (!call)
        return NULL;
    call->peer = peer;
    call->rpc = rpc;
    call->arena = fcc__arena_new(PEER_ARENA_CAP);
    if (call->arena)
        return call;
    free(call);
    return NULL;
}

static const rpc_events *accept(rpc_call *rpc, void *ctx, void **call_ctx, const rpc_events *events)
{
    devnet_peer *peer = ctx;
    devnet_call *call;

    if (!devnet_gateway_enter(peer, rpc))
        return NULL;
    call = new_call(rpc, peer);
    if (!call) {
        peer->gateway_calls--;
        rpc_finish(rpc, RPC_RESOURCE_EXHAUSTED, FCC_LIT("out of memory"), FCC_LIT(""));
        return NULL;
    }
    *call_ctx = call;
    return events;
}

static const rpc_events evaluate_events = { .on_message = on_evaluate, .on_closed = on_closed };
static const rpc_events endorse_events = { .on_message = on_endorse, .on_closed = on_closed };
static const rpc_events submit_events = { .on_message = on_submit, .on_closed = on_closed };
static const rpc_events commit_status_events = { .on_message = on_commit_status, .on_closed = on_closed };

static const rpc_events *accept_evaluate(rpc_call *rpc, void *ctx, void **call_ctx)
{
    return accept(rpc, ctx, call_ctx, &evaluate_events);
}

static const rpc_events *accept_endorse(rpc_call *rpc, void *ctx, void **call_ctx)
{
    return accept(rpc, ctx, call_ctx, &endorse_events);
}

static const rpc_events *accept_submit(rpc_call *rpc, void *ctx, void **call_ctx)
{
    return accept(rpc, ctx, call_ctx, &submit_events);
}

static const rpc_events *accept_commit_status(rpc_call *rpc, void *ctx, void **call_ctx)
{
    return accept(rpc, ctx, call_ctx, &commit_status_events);
}

fcc_status devnet_gateway_serve(devnet_peer *peer)
{
    fcc_status st;

    if ((st = rpc_server_method(peer->server, "/gateway.Gateway/Evaluate", accept_evaluate, peer)) != FCC_OK ||
        (st = rpc_server_method(peer->server, "/gateway.Gateway/Endorse", accept_endorse, peer)) != FCC_OK ||
        (st = rpc_server_method(peer->server, "/gateway.Gateway/Submit", accept_submit, peer)) != FCC_OK ||
        (st = rpc_server_method(peer->server, "/gateway.Gateway/CommitStatus", accept_commit_status, peer)) != FCC_OK)
        return st;
    return devnet_events_serve(peer);
}
