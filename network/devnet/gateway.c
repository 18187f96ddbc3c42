/*
 * gateway.c: gateway.Gateway on one organisation's peer: Evaluate, Submit, CommitStatus, and what the methods share.
 * Codes, texts and details are Fabric's: internal/pkg/gateway.
 */
#include "devnet/internal.h"

#include "base/log.h"
#include "protos/unpack.h"

#include "google/protobuf/any.pb-c.h"
#include "google/rpc/status.pb-c.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

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

static void free_call(devnet_call *call)
{
    fcc__arena_free(call->arena);
    free(call);
}

void devnet_call_release(devnet_call *call)
{
    call->pending--;
    if (call->pending == 0 && !call->rpc)
        free_call(call);
}

static void stop_waiting(devnet_call *call)
{
    devnet_call **link = &call->peer->net->waiting;

    if (!call->waiting)
        return;
    for (; *link; link = &(*link)->next)
        if (*link == call) {
            *link = call->next;
            break;
        }
    call->waiting = false;
}

static void on_closed(rpc_call *rpc, void *ctx, const rpc_status *status)
{
    devnet_call *call = ctx;

    (void)rpc;
    (void)status;
    stop_waiting(call);
    call->rpc = NULL;
    if (call->pending == 0)
        free_call(call);
}

/* ---- judging an endorser's answer -------------------------------------------------------------------------------- */

devnet_judgement devnet_judge(const peer_outcome *outcome, fcc__arena *arena)
{
    const Protos__Response *response = outcome->response.response;
    devnet_judgement judged = { RPC_OK, "", false };

    if (outcome->verdict == PEER_REFUSED) {
        judged.code = RPC_FAILED_PRECONDITION;
        judged.message = outcome->refusal;
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

/* ---- Evaluate ---------------------------------------------------------------------------------------------------- */

struct evaluation {
    peer_proposal proposal;
    devnet_peer **plan; /* whom to ask, in this order */
    size_t planned, asked;
    devnet_detail *details;
    size_t failed;
};

static void evaluate_next(devnet_call *call);

static void evaluated(void *ctx, const peer_outcome *outcome)
{
    devnet_call *call = ctx;
    struct evaluation *e = call->state;
    devnet_judgement judged = devnet_judge(outcome, call->arena);
    Gateway__EvaluateResponse response = GATEWAY__EVALUATE_RESPONSE__INIT;

    if (judged.code == RPC_OK) {
        response.result = outcome->response.response;
        devnet_reply(call, &response);
    } else {
        e->details[e->failed].peer = e->plan[e->asked - 1];
        e->details[e->failed].message = judged.message;
        e->failed++;
        if (!judged.retry)
            devnet_refuse(call, judged.code, e->details, e->failed, "evaluate call to endorser returned error: %s",
                          judged.message);
        else if (e->asked < e->planned && call->rpc)
            evaluate_next(call);
        else
            devnet_refuse(call, judged.code, e->details, e->failed,
                          "failed to evaluate transaction, see attached details for more info");
    }
    devnet_call_release(call);
}

static void evaluate_next(devnet_call *call)
{
    struct evaluation *e = call->state;
    devnet_peer *peer = e->plan[e->asked++];

    call->pending++;
    peer_endorse(peer->host, &e->proposal, call->arena, evaluated, call);
}

static bool is_target(const Gateway__EvaluateRequest *request, const devnet_peer *peer)
{
    if (request->n_target_organizations == 0)
        return true;
    for (size_t i = 0; i < request->n_target_organizations; i++)
        if (fcc_bytes_equal(fcc__of_pb(request->target_organizations[i]), fcc_str(peer->org->mspid)))
            return true;
    return false;
}

static void evaluate(devnet_call *call, fcc_bytes message)
{
    struct devnet *net = call->peer->net;
    struct evaluation *e = fcc__arena_zalloc(call->arena, 1, sizeof(*e));
    Gateway__EvaluateRequest *request;
    fcc_error error;
    bool own_only;

    if (FCC__UNPACK(gateway__evaluate_request, message, call->arena, &request) != FCC_OK) {
        devnet_refuse(call, RPC_INVALID_ARGUMENT, NULL, 0, "the request is no EvaluateRequest");
        return;
    }
    if (!request->proposed_transaction || request->proposed_transaction->proposal_bytes.len == 0) {
        devnet_refuse(call, RPC_INVALID_ARGUMENT, NULL, 0,
                      "failed to unpack transaction proposal: a signed proposal is required");
        return;
    }
    if (!e || peer_proposal_unpack(request->proposed_transaction, call->arena, &e->proposal, &error) != FCC_OK) {
        devnet_refuse(call, RPC_INVALID_ARGUMENT, NULL, 0, "failed to unpack transaction proposal: %s",
                      e ? error.text : "out of memory");
        return;
    }
    e->plan = fcc__arena_zalloc(call->arena, net->peer_count, sizeof(*e->plan));
    e->details = fcc__arena_zalloc(call->arena, net->peer_count, sizeof(*e->details));
    if (!e->plan || !e->details) {
        devnet_refuse(call, RPC_RESOURCE_EXHAUSTED, NULL, 0, "out of memory");
        return;
    }
    own_only = e->proposal.transient_count > 0 && request->n_target_organizations == 0;
    call->state = e;
    if (is_target(request, call->peer) && peer_host_installed(call->peer->host, e->proposal.chaincode))
        e->plan[e->planned++] = call->peer;
    for (size_t i = 0; i < net->peer_count && !own_only; i++)
        if (&net->peers[i] != call->peer && is_target(request, &net->peers[i]) &&
            peer_host_installed(net->peers[i].host, e->proposal.chaincode))
            e->plan[e->planned++] = &net->peers[i];
    if (e->planned == 0) {
        devnet_refuse(call, RPC_FAILED_PRECONDITION, NULL, 0,
                      "%sno peers available to evaluate chaincode " FCC_FMT " in channel " FCC_FMT,
                      own_only ? "no endorsers found in the gateway's organization; retry specifying target "
                                 "organization(s) to protect transient data: "
                               : "",
                      FCC_ARG(e->proposal.chaincode), FCC_ARG(e->proposal.channel));
        return;
    }
    evaluate_next(call);
}

/* ---- Submit ------------------------------------------------------------------------------------------------------ */

static const char *status_name(Common__Status status)
{
    const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(&common__status__descriptor, (int)status);

    return v ? v->name : "UNKNOWN";
}

static void submit(devnet_call *call, fcc_bytes message)
{
    struct devnet *net = call->peer->net;
    Gateway__SubmitResponse response = GATEWAY__SUBMIT_RESPONSE__INIT;
    Gateway__SubmitRequest *request;
    devnet_broadcast judged;

    if (FCC__UNPACK(gateway__submit_request, message, call->arena, &request) != FCC_OK)
        devnet_refuse(call, RPC_INVALID_ARGUMENT, NULL, 0, "the request is no SubmitRequest");
    else if (!request->prepared_transaction)
        devnet_refuse(call, RPC_INVALID_ARGUMENT, NULL, 0, "a prepared transaction is required");
    else if (request->prepared_transaction->signature.len == 0)
        devnet_refuse(call, RPC_INVALID_ARGUMENT, NULL, 0, "prepared transaction must be signed");
    else {
        judged = devnet_orderer_submit(net->orderer, request->prepared_transaction, call->arena);
        if (judged.status == COMMON__STATUS__SUCCESS)
            devnet_reply(call, &response);
        else if (judged.status >= 400 && judged.status < 500)
            devnet_refuse(call, RPC_ABORTED, NULL, 0, "received unsuccessful response from orderer: status=%s, info=%s",
                          status_name(judged.status), judged.info);
        else
            devnet_refuse(call, RPC_UNAVAILABLE, NULL, 0, "no orderers could successfully process transaction");
    }
}

/* ---- CommitStatus ------------------------------------------------------------------------------------------------ */

bool devnet_may_read(struct devnet *net, fcc_bytes request, fcc_bytes identity, fcc_bytes signature,
                     fcc_bytes channel_id, fcc_error *why)
{
    const msp_channel *channel = ledger_channel(net->ledger);
    const msp_identity *reader;
    fcc_error inner = { 0 };

    if (!fcc_bytes_equal(channel_id, fcc_str(msp_channel_id(channel)))) {
        fcc_error_set(why, FCC_ERR_NOT_FOUND, "failed to get policy manager for channel [" FCC_FMT "]",
                      FCC_ARG(channel_id));
        return false;
    }
    if (msp_deserialize(msp_channel_manager(channel), identity, &reader, &inner) == FCC_OK &&
        msp_validate(reader, &inner) == FCC_OK && msp_verify(reader, &request, 1, signature, &inner) == FCC_OK &&
        msp_channel_evaluate(channel, "/Channel/Application/Readers", &reader, 1, &inner) == FCC_OK)
        return true;
    fcc_error_set(why, FCC_ERR_AUTH,
                  "failed evaluating policy on signed data during check policy [/Channel/Application/Readers]: [%s]",
                  inner.text);
    return false;
}

static void reply_place(devnet_call *call, uint64_t block, uint8_t code)
{
    Gateway__CommitStatusResponse response = GATEWAY__COMMIT_STATUS_RESPONSE__INIT;

    response.result = (Protos__TxValidationCode)code;
    response.block_number = block;
    devnet_reply(call, &response);
}

static void commit_status(devnet_call *call, fcc_bytes message)
{
    struct devnet *net = call->peer->net;
    Gateway__SignedCommitStatusRequest *wrapped;
    Gateway__CommitStatusRequest *request;
    ledger_place place;
    fcc_error why;

    if (FCC__UNPACK(gateway__signed_commit_status_request, message, call->arena, &wrapped) != FCC_OK ||
        wrapped->request.len == 0) {
        devnet_refuse(call, RPC_INVALID_ARGUMENT, NULL, 0, "a commit status request is required");
        return;
    }
    if (FCC__UNPACK(gateway__commit_status_request, fcc__of_pb(wrapped->request), call->arena, &request) != FCC_OK) {
        devnet_refuse(call, RPC_INVALID_ARGUMENT, NULL, 0, "invalid status request: it cannot be decoded");
        return;
    }
    if (request->identity.len == 0)
        devnet_refuse(call, RPC_INVALID_ARGUMENT, NULL, 0, "no identity provided");
    else if (request->channel_id.len == 0)
        devnet_refuse(call, RPC_INVALID_ARGUMENT, NULL, 0, "no channel ID provided");
    else if (request->transaction_id.len == 0)
        devnet_refuse(call, RPC_INVALID_ARGUMENT, NULL, 0, "transaction ID should not be empty");
    else if (!devnet_may_read(net, fcc__of_pb(wrapped->request), fcc__of_pb(request->identity),
                              fcc__of_pb(wrapped->signature), fcc__of_pb(request->channel_id), &why))
        devnet_refuse(call, RPC_PERMISSION_DENIED, NULL, 0, "%s", why.text);
    else if (ledger_find_tx(net->ledger, fcc__of_pb(request->transaction_id), &place) == FCC_OK)
        reply_place(call, place.block, place.code);
    else {
        call->txid = fcc__of_pb(request->transaction_id);
        call->waiting = true;
        call->next = net->waiting;
        net->waiting = call;
    }
}

void devnet_gateway_committed(struct devnet *net, const ledger_committed *block)
{
    devnet_call **link = &net->waiting;

    while (*link) {
        devnet_call *call = *link;
        size_t i = 0;

        while (i < block->count && !fcc_bytes_equal(call->txid, block->txids[i]))
            i++;
        if (i == block->count) {
            link = &call->next;
            continue;
        }
        *link = call->next;
        call->waiting = false;
        reply_place(call, block->number, block->codes[i]);
    }
}

/* ---- the service ------------------------------------------------------------------------------------------------- */

static void run(void *ctx, fcc_bytes message, void (*method)(devnet_call *, fcc_bytes))
{
    devnet_call *call = ctx;

    if (call->state || call->waiting)
        return;      /* a second message on a unary call: gRPC doesn't let it through, and we would not answer twice */
    call->pending++; /* the call stays while the method runs */
    method(call, message);
    devnet_call_release(call);
}

static void on_evaluate(rpc_call *rpc, void *ctx, fcc_bytes message)
{
    (void)rpc;
    run(ctx, message, evaluate);
}

static void on_endorse(rpc_call *rpc, void *ctx, fcc_bytes message)
{
    (void)rpc;
    run(ctx, message, devnet_endorse);
}

static void on_submit(rpc_call *rpc, void *ctx, fcc_bytes message)
{
    (void)rpc;
    run(ctx, message, submit);
}

static void on_commit_status(rpc_call *rpc, void *ctx, fcc_bytes message)
{
    (void)rpc;
    run(ctx, message, commit_status);
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
    devnet_call *call = new_call(rpc, ctx);

    if (!call) {
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
