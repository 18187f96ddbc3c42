/* See seek.h. */
#include "devnet/seek.h"

#include "protos/unpack.h"

#include "peer/chaincode_event.pb-c.h"
#include "peer/proposal.pb-c.h"
#include "peer/transaction.pb-c.h"

/* ---- which blocks ------------------------------------------------------------------------------------------------- */

Common__Status devnet_seek_start(const Orderer__SeekInfo *info, uint64_t height, devnet_seek *out)
{
    const Orderer__SeekPosition *start = info->start, *stop = info->stop;
    devnet_seek seek = { 0 };

    if (!start || !stop)
        return COMMON__STATUS__BAD_REQUEST;
    switch (start->type_case) {
    case ORDERER__SEEK_POSITION__TYPE_OLDEST:
        break;
    case ORDERER__SEEK_POSITION__TYPE_NEWEST:
        seek.next = height - 1;
        break;
    case ORDERER__SEEK_POSITION__TYPE_SPECIFIED:
        seek.next = start->specified->number;
        seek.nowhere = seek.next > height;
        break;
    case ORDERER__SEEK_POSITION__TYPE_NEXT_COMMIT:
        seek.next = height;
        break;
    default:
        seek.nowhere = true;
    }
    if (seek.nowhere)
        seek.next = 0;
    switch (stop->type_case) {
    case ORDERER__SEEK_POSITION__TYPE_OLDEST:
        seek.stop = seek.next;
        break;
    case ORDERER__SEEK_POSITION__TYPE_NEWEST: /* from newest to newest is one block, whatever comes meanwhile */
        seek.stop = start->type_case == stop->type_case ? seek.next : height - 1;
        break;
    case ORDERER__SEEK_POSITION__TYPE_SPECIFIED:
        seek.stop = stop->specified->number;
        if (seek.stop < seek.next)
            return COMMON__STATUS__BAD_REQUEST;
        break;
    default: /* Fabric leaves 0: ends there or never */
        break;
    }
    seek.impatient = info->behavior == ORDERER__SEEK_INFO__SEEK_BEHAVIOR__FAIL_IF_NOT_READY;
    seek.headers = info->content_type == ORDERER__SEEK_INFO__SEEK_CONTENT_TYPE__HEADER_WITH_SIG;
    *out = seek;
    return COMMON__STATUS__SUCCESS;
}

devnet_turn devnet_seek_turn(const devnet_seek *seek, uint64_t height, Common__Status *status)
{
    *status = COMMON__STATUS__SUCCESS;
    if (seek->done)
        return DEVNET_TURN_END;
    *status = COMMON__STATUS__NOT_FOUND;
    if (seek->nowhere || (seek->impatient && seek->next >= height))
        return DEVNET_TURN_END;
    return seek->next < height ? DEVNET_TURN_SEND : DEVNET_TURN_WAIT;
}

void devnet_seek_sent(devnet_seek *seek)
{
    seek->done = seek->next == seek->stop;
    seek->next++;
}

/* ---- what of a block ---------------------------------------------------------------------------------------------- */

fcc_status devnet_block_as_ordered(fcc_bytes bytes, fcc__arena *arena, fcc_bytes *out)
{
    static const int slots[] = { COMMON__BLOCK_METADATA_INDEX__TRANSACTIONS_FILTER,
                                 COMMON__BLOCK_METADATA_INDEX__COMMIT_HASH };
    Common__Block *block;
    fcc_status st = FCC__UNPACK_BORROWED(common__block, bytes, arena, &block);

    for (size_t i = 0; st == FCC_OK && i < sizeof(slots) / sizeof(slots[0]); i++)
        if (block->metadata && block->metadata->n_metadata > (size_t)slots[i])
            block->metadata->metadata[slots[i]] = fcc__pb(fcc_bytes_of(NULL, 0));
    return st == FCC_OK ? fcc__pack(block, arena, out) : st;
}

static fcc_status unpack_header(const Common__Payload *payload, fcc__arena *arena, Common__ChannelHeader **out)
{
    return FCC__UNPACK_BORROWED(common__channel_header, fcc__of_pb(payload->header->channel_header), arena, out);
}

static bool is_config(const Common__Block *block, fcc__arena *arena)
{
    Common__Envelope *envelope;
    Common__Payload *payload;
    Common__ChannelHeader *header;

    return block->data && block->data->n_data == 1 &&
           FCC__UNPACK_BORROWED(common__envelope, fcc__of_pb(block->data->data[0]), arena, &envelope) == FCC_OK &&
           FCC__UNPACK_BORROWED(common__payload, fcc__of_pb(envelope->payload), arena, &payload) == FCC_OK &&
           payload->header && unpack_header(payload, arena, &header) == FCC_OK &&
           header->type == COMMON__HEADER_TYPE__CONFIG;
}

fcc_status devnet_block_headers(fcc_bytes bytes, fcc__arena *arena, fcc_bytes *out)
{
    Common__Block *block;
    fcc_status st = FCC__UNPACK_BORROWED(common__block, bytes, arena, &block);

    if (st != FCC_OK)
        return st;
    if (!is_config(block, arena))
        block->data = NULL;
    return fcc__pack(block, arena, out);
}

static fcc_status read_event(const Protos__TransactionAction *action, fcc__arena *arena, Protos__ChaincodeEvent **out)
{
    Protos__ChaincodeActionPayload *payload;
    Protos__ProposalResponsePayload *response;
    Protos__ChaincodeAction *chaincode_action;
    fcc_status st;

    *out = NULL;
    if ((st = FCC__UNPACK_BORROWED(protos__chaincode_action_payload, fcc__of_pb(action->payload), arena, &payload)) !=
            FCC_OK ||
        !payload->action)
        return st;
    if ((st = FCC__UNPACK_BORROWED(protos__proposal_response_payload,
                                   fcc__of_pb(payload->action->proposal_response_payload), arena, &response)) !=
            FCC_OK ||
        (st = FCC__UNPACK_BORROWED(protos__chaincode_action, fcc__of_pb(response->extension), arena,
                                   &chaincode_action)) != FCC_OK)
        return st;
    return FCC__UNPACK_BORROWED(protos__chaincode_event, fcc__of_pb(chaincode_action->events), arena, out);
}

static fcc_status filter_actions(fcc_bytes data, fcc__arena *arena, Protos__FilteredTransactionActions **out)
{
    Protos__FilteredTransactionActions *filtered = fcc__arena_alloc(arena, sizeof(*filtered));
    Protos__Transaction *tx;
    fcc_status st = FCC__UNPACK_BORROWED(protos__transaction, data, arena, &tx);

    if (st != FCC_OK || !filtered)
        return st != FCC_OK ? st : FCC_ERR_LIMIT;
    protos__filtered_transaction_actions__init(filtered);
    filtered->chaincode_actions = fcc__arena_zalloc(arena, tx->n_actions, sizeof(*filtered->chaincode_actions));
    for (size_t i = 0; i < tx->n_actions; i++) {
        Protos__FilteredChaincodeAction *action = fcc__arena_alloc(arena, sizeof(*action));
        Protos__ChaincodeEvent *event;

        if (!action || !filtered->chaincode_actions)
            return FCC_ERR_LIMIT;
        if ((st = read_event(tx->actions[i], arena, &event)) != FCC_OK)
            return st;
        if (!event || event->chaincode_id.len == 0)
            continue;
        event->payload = fcc__pb(fcc_bytes_of(NULL, 0));
        protos__filtered_chaincode_action__init(action);
        action->chaincode_event = event;
        filtered->chaincode_actions[filtered->n_chaincode_actions++] = action;
    }
    *out = filtered;
    return FCC_OK;
}

/* FCC_ERR_NOT_FOUND: it is left out. */
static fcc_status filter_tx(fcc_bytes bytes, uint8_t code, fcc__arena *arena, Protos__FilteredTransaction *out,
                            fcc_bytes *channel)
{
    Common__Envelope *envelope;
    Common__Payload *payload;
    Common__ChannelHeader *header;
    fcc_status st = FCC__UNPACK_BORROWED(common__envelope, bytes, arena, &envelope);

    if (st != FCC_OK)
        return st == FCC_ERR_PROTO ? FCC_ERR_NOT_FOUND : st;
    if ((st = FCC__UNPACK_BORROWED(common__payload, fcc__of_pb(envelope->payload), arena, &payload)) != FCC_OK)
        return st;
    if (!payload->header)
        return FCC_ERR_NOT_FOUND;
    if ((st = unpack_header(payload, arena, &header)) != FCC_OK)
        return st;
    protos__filtered_transaction__init(out);
    *channel = fcc__of_pb(header->channel_id);
    out->txid = header->tx_id;
    out->type = (Common__HeaderType)header->type;
    out->tx_validation_code = (Protos__TxValidationCode)code;
    if (header->type != COMMON__HEADER_TYPE__ENDORSER_TRANSACTION)
        return FCC_OK;
    out->data_case = PROTOS__FILTERED_TRANSACTION__DATA_TRANSACTION_ACTIONS;
    return filter_actions(fcc__of_pb(payload->data), arena, &out->transaction_actions);
}

fcc_status devnet_block_filter(fcc_bytes bytes, fcc__arena *arena, Protos__FilteredBlock **out)
{
    Protos__FilteredBlock *filtered = fcc__arena_alloc(arena, sizeof(*filtered));
    Common__Block *block;
    fcc_bytes codes = { NULL, 0 }, channel = { NULL, 0 };
    fcc_status st = FCC__UNPACK_BORROWED(common__block, bytes, arena, &block);
    size_t count;

    if (st != FCC_OK)
        return st;
    if (!filtered || !block->header || !block->data || !block->metadata)
        return filtered ? FCC_ERR_PROTO : FCC_ERR_LIMIT;
    protos__filtered_block__init(filtered);
    filtered->number = block->header->number;
    if (block->metadata->n_metadata > COMMON__BLOCK_METADATA_INDEX__TRANSACTIONS_FILTER)
        codes = fcc__of_pb(block->metadata->metadata[COMMON__BLOCK_METADATA_INDEX__TRANSACTIONS_FILTER]);
    count = block->data->n_data;
    filtered->filtered_transactions = fcc__arena_zalloc(arena, count, sizeof(*filtered->filtered_transactions));
    for (size_t i = 0; i < count; i++) {
        Protos__FilteredTransaction *tx = fcc__arena_alloc(arena, sizeof(*tx));

        if (!tx || !filtered->filtered_transactions)
            return FCC_ERR_LIMIT;
        st = filter_tx(fcc__of_pb(block->data->data[i]),
                       i < codes.len ? codes.data[i] : PROTOS__TX_VALIDATION_CODE__NOT_VALIDATED, arena, tx, &channel);
        if (st == FCC_OK)
            filtered->filtered_transactions[filtered->n_filtered_transactions++] = tx;
        else if (st != FCC_ERR_NOT_FOUND)
            return st;
    }
    filtered->channel_id = fcc__pb(channel);
    *out = filtered;
    return FCC_OK;
}
