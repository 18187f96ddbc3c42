/*
 * submit.c: the gateway's Submit and CommitStatus. Fabric: internal/pkg/gateway/submit.go, commitstatus.go.
 */
#include "devnet/internal.h"

#include "msp/acl.h"
#include "protos/unpack.h"

/* ---- Submit ------------------------------------------------------------------------------------------------------ */

static const char *status_name(Common__Status status)
{
    const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(&common__status__descriptor, (int)status);

    return v ? v->name : "UNKNOWN";
}

void devnet_submit(devnet_call *call, fcc_bytes message)
{
    struct devnet *net = call->peer->net;
    Gateway__SubmitResponse response = GATEWAY__SUBMIT_RESPONSE__INIT;
    Gateway__SubmitRequest *request;
    devnet_broadcast judged;

    if (FCC__UNPACK(gateway__submit_request, message, call->arena, &request) != FCC_OK)
        devnet_refuse_message(call);
    else if (!request->prepared_transaction)
        devnet_refuse(call, RPC_INVALID_ARGUMENT, NULL, 0, "a prepared transaction is required");
    else if (request->prepared_transaction->signature.len == 0)
        devnet_refuse(call, RPC_INVALID_ARGUMENT, NULL, 0, "prepared transaction must be signed");
    else if (!devnet_knows(net, fcc__of_pb(request->channel_id)))
        devnet_refuse(call, RPC_FAILED_PRECONDITION, NULL, 0, DEVNET_NO_CONFIG,
                      FCC_ARG(fcc__of_pb(request->channel_id)), FCC_ARG(fcc__of_pb(request->channel_id)));
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

bool devnet_knows(const struct devnet *net, fcc_bytes channel)
{
    return fcc_bytes_equal(channel, fcc_str(msp_channel_id(ledger_channel(net->ledger))));
}

fcc_status devnet_permit(const devnet_peer *peer, const char *resource, fcc_bytes channel, fcc_bytes request,
                         fcc_bytes identity, fcc_bytes signature, fcc_error *why)
{
    const msp_signed made = { .data = { request }, .identity = identity, .signature = signature };
    msp_acl acl = { .channel_id = channel };

    if (devnet_knows(peer->net, channel))
        acl.channel = ledger_channel(peer->net->ledger);
    return msp_acl_check(&acl, resource, MSP_ACL_DATA, &made, why);
}

void devnet_stop_waiting(devnet_call *call)
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

static void reply_place(devnet_call *call, uint64_t block, uint8_t code)
{
    Gateway__CommitStatusResponse response = GATEWAY__COMMIT_STATUS_RESPONSE__INIT;

    response.result = (Protos__TxValidationCode)code;
    response.block_number = block;
    devnet_reply(call, &response);
}

/* What Fabric 3.x asks of a request; 2.5 leaves it to who looks at the identity. NULL: nothing. */
static const char *missing_argument(const Gateway__CommitStatusRequest *request)
{
    if (request->identity.len == 0)
        return "no identity provided";
    if (request->channel_id.len == 0)
        return "no channel ID provided";
    return request->transaction_id.len == 0 ? "transaction ID should not be empty" : NULL;
}

/* Answer now, or when it is committed. */
static void find_or_wait(devnet_call *call, const Gateway__CommitStatusRequest *request)
{
    struct devnet *net = call->peer->net;
    ledger_place place;

    if (ledger_find_tx(net->ledger, fcc__of_pb(request->transaction_id), &place) == FCC_OK) {
        reply_place(call, place.block, place.code);
        return;
    }
    call->txid = fcc__of_pb(request->transaction_id);
    call->waiting = true;
    call->next = net->waiting;
    net->waiting = call;
}

void devnet_commit_status(devnet_call *call, fcc_bytes message)
{
    struct devnet *net = call->peer->net;
    Gateway__SignedCommitStatusRequest *wrapped;
    Gateway__CommitStatusRequest *request;
    const char *missing = NULL;
    fcc_bytes channel;
    fcc_error why;

    if (FCC__UNPACK(gateway__signed_commit_status_request, message, call->arena, &wrapped) != FCC_OK) {
        devnet_refuse_message(call);
        return;
    }
    if (wrapped->request.len == 0) {
        devnet_refuse(call, RPC_INVALID_ARGUMENT, NULL, 0, "a commit status request is required");
        return;
    }
    if (FCC__UNPACK(gateway__commit_status_request, fcc__of_pb(wrapped->request), call->arena, &request) != FCC_OK) {
        devnet_refuse(call, RPC_INVALID_ARGUMENT, NULL, 0,
                      "invalid status request: proto: cannot parse invalid wire-format data");
        return;
    }
    if (net->settings.fabric != DEVNET_FABRIC_2_5)
        missing = missing_argument(request);
    channel = fcc__of_pb(request->channel_id);
    if (missing)
        devnet_refuse(call, RPC_INVALID_ARGUMENT, NULL, 0, "%s", missing);
    else if (devnet_permit(call->peer, "gateway/CommitStatus", channel, fcc__of_pb(wrapped->request),
                           fcc__of_pb(request->identity), fcc__of_pb(wrapped->signature), &why) != FCC_OK)
        devnet_refuse(call, RPC_PERMISSION_DENIED, NULL, 0, "%s", why.text);
    else if (!devnet_knows(net, channel))
        devnet_refuse(call, RPC_ABORTED, NULL, 0, "channel does not exist: " FCC_FMT, FCC_ARG(channel));
    else
        find_or_wait(call, request);
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
