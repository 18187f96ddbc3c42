/* See assemble.h. Fabric: internal/pkg/gateway/submit.go prepareTransaction, protoutil/txutils.go. */
#include "peer/assemble.h"

#include "protos/unpack.h"

#include "common/common.pb-c.h"
#include "peer/proposal_response.pb-c.h"
#include "peer/transaction.pb-c.h"

static bool has_endorser(Protos__Endorsement *const *list, size_t count, fcc_bytes endorser)
{
    for (size_t i = 0; i < count; i++)
        if (fcc_bytes_equal(fcc__of_pb(list[i]->endorser), endorser))
            return true;
    return false;
}

fcc_status peer_assemble(const peer_proposal *proposal, const peer_endorsed *endorsed, size_t count, fcc__arena *arena,
                         fcc_bytes *envelope_payload, fcc_error *error)
{
    Protos__ChaincodeProposalPayload proposal_payload = PROTOS__CHAINCODE_PROPOSAL_PAYLOAD__INIT;
    Protos__ChaincodeEndorsedAction action = PROTOS__CHAINCODE_ENDORSED_ACTION__INIT;
    Protos__ChaincodeActionPayload action_payload = PROTOS__CHAINCODE_ACTION_PAYLOAD__INIT;
    Protos__TransactionAction transaction_action = PROTOS__TRANSACTION_ACTION__INIT;
    Protos__TransactionAction *actions[1] = { &transaction_action };
    Protos__Transaction transaction = PROTOS__TRANSACTION__INIT;
    Common__Header header = COMMON__HEADER__INIT;
    Common__Payload payload = COMMON__PAYLOAD__INIT;
    Protos__Endorsement **list = fcc__arena_zalloc(arena, count, sizeof(*list));
    Protos__Endorsement *room = fcc__arena_zalloc(arena, count, sizeof(*room));
    fcc_bytes bytes;
    size_t n = 0;

    if (count == 0)
        return fcc_error_set(error, FCC_ERR_ARG, "at least one proposal response is required");
    if (!list || !room)
        goto full;
    for (size_t i = 0; i < count; i++) {
        if (!fcc_bytes_equal(endorsed[i].payload, endorsed[0].payload))
            return fcc_error_set(error, FCC_ERR_PEER, "ProposalResponsePayloads do not match: %s",
                                 peer_difference(proposal, &endorsed[0], &endorsed[i], arena));
        if (has_endorser(list, n, endorsed[i].endorser))
            continue;
        protos__endorsement__init(&room[n]);
        room[n].endorser = fcc__pb(endorsed[i].endorser);
        room[n].signature = fcc__pb(endorsed[i].signature);
        list[n] = &room[n];
        n++;
    }

    proposal_payload.input = fcc__pb(proposal->invocation);
    if (fcc__pack(&proposal_payload, arena, &bytes) != FCC_OK)
        goto full;
    action.proposal_response_payload = fcc__pb(endorsed[0].payload);
    action.endorsements = list;
    action.n_endorsements = n;
    action_payload.chaincode_proposal_payload = fcc__pb(bytes);
    action_payload.action = &action;
    if (fcc__pack(&action_payload, arena, &bytes) != FCC_OK)
        goto full;
    transaction_action.header = fcc__pb(proposal->signature_header);
    transaction_action.payload = fcc__pb(bytes);
    transaction.actions = actions;
    transaction.n_actions = 1;
    if (fcc__pack(&transaction, arena, &bytes) != FCC_OK)
        goto full;
    header.channel_header = fcc__pb(proposal->channel_header);
    header.signature_header = fcc__pb(proposal->signature_header);
    payload.header = &header;
    payload.data = fcc__pb(bytes);
    if (fcc__pack(&payload, arena, envelope_payload) != FCC_OK)
        goto full;
    return FCC_OK;
full:
    return fcc_error_set(error, FCC_ERR_LIMIT, "the transaction is too large");
}
