/* transaction.c: see transaction.h. Every message is read with the caps of protos/unpack.h. */
#include "ledger/transaction.h"

#include "protos/unpack.h"

/* FCC_ERR_PROTO leaves NULL and goes on, a limit ends it. */
#define TAKE(type, wire, out)                                       \
    do {                                                            \
        fcc_status take_ = FCC__UNPACK_ANY(type, wire, arena, out); \
        if (take_ == FCC_ERR_PROTO)                                 \
            return FCC_OK;                                          \
        if (take_ != FCC_OK)                                        \
            return take_;                                           \
    } while (0)

fcc_bytes ledger__txid(fcc_bytes nonce, fcc_bytes creator, fcc__arena *arena)
{
    fcc_bytes parts[2] = { nonce, creator };
    fcc__sha256 digest = fcc__sha256_of_many(parts, 2);

    return fcc__hex(arena, fcc__sha256_bytes(&digest));
}

static fcc_status unpack_endorser(fcc__arena *arena, ledger__transaction *out)
{
    TAKE(protos__transaction, fcc__of_pb(out->payload->data), &out->transaction);
    if (out->transaction->n_actions == 0)
        return FCC_OK;
    TAKE(protos__chaincode_action_payload, fcc__of_pb(out->transaction->actions[0]->payload), &out->action_payload);
    if (!out->action_payload->action)
        return FCC_OK;
    TAKE(protos__proposal_response_payload, fcc__of_pb(out->action_payload->action->proposal_response_payload),
         &out->response_payload);
    if (out->response_payload->extension.len)
        TAKE(protos__chaincode_action, fcc__of_pb(out->response_payload->extension), &out->action);
    return FCC_OK;
}

fcc_status ledger__transaction_unpack(fcc_bytes envelope, fcc__arena *arena, ledger__transaction *out)
{
    memset(out, 0, sizeof *out);
    TAKE(common__envelope, envelope, &out->envelope);
    TAKE(common__payload, fcc__of_pb(out->envelope->payload), &out->payload);
    if (!out->payload->header)
        return FCC_OK;
    TAKE(common__channel_header, fcc__of_pb(out->payload->header->channel_header), &out->channel_header);
    out->txid = fcc__of_pb(out->channel_header->tx_id);
    TAKE(common__signature_header, fcc__of_pb(out->payload->header->signature_header), &out->signature_header);
    if (!out->txid.len) {
        out->txid = ledger__txid(fcc__of_pb(out->signature_header->nonce), fcc__of_pb(out->signature_header->creator),
                                 arena);
        if (!out->txid.len)
            return FCC_ERR_LIMIT;
    }
    if (out->channel_header->type != COMMON__HEADER_TYPE__ENDORSER_TRANSACTION)
        return FCC_OK;
    return unpack_endorser(arena, out);
}

fcc_status ledger_tx_parse(fcc_bytes envelope, fcc__arena *arena, ledger_tx *out)
{
    ledger__transaction tx;
    fcc_status st = ledger__transaction_unpack(envelope, arena, &tx);

    if (st != FCC_OK)
        return st;
    memset(out, 0, sizeof *out);
    if (!tx.channel_header)
        return FCC_ERR_PROTO;
    out->type = tx.channel_header->type;
    out->channel = fcc__of_pb(tx.channel_header->channel_id);
    out->txid = tx.txid;
    if (tx.channel_header->timestamp) {
        out->seconds = tx.channel_header->timestamp->seconds;
        out->nanos = tx.channel_header->timestamp->nanos;
    }
    if (!tx.signature_header)
        return FCC_ERR_PROTO;
    out->creator = fcc__of_pb(tx.signature_header->creator);
    out->nonce = fcc__of_pb(tx.signature_header->nonce);
    if (out->type != COMMON__HEADER_TYPE__ENDORSER_TRANSACTION)
        return FCC_OK;
    if (!tx.action)
        return FCC_ERR_PROTO;
    if (tx.action->chaincode_id)
        out->chaincode = fcc__of_pb(tx.action->chaincode_id->name);
    out->event = fcc__of_pb(tx.action->events);
    if (tx.action->response) {
        out->response = fcc__of_pb(tx.action->response->payload);
        out->status = tx.action->response->status;
    }
    out->rwset = fcc__of_pb(tx.action->results);
    return FCC_OK;
}

fcc_status ledger__rwset_unpack(fcc_bytes bytes, fcc__arena *arena, ledger__rwset *out)
{
    Rwset__TxReadWriteSet *set;
    ledger__rwset result;
    fcc_status st = FCC__UNPACK_ANY(rwset__tx_read_write_set, bytes, arena, &set);
    size_t i, j;

    if (st != FCC_OK)
        return st;
    result.count = set->n_ns_rwset;
    result.namespaces = fcc__arena_zalloc(arena, result.count, sizeof *result.namespaces);
    if (!result.namespaces)
        return FCC_ERR_LIMIT;
    for (i = 0; i < result.count; i++) {
        Rwset__NsReadWriteSet *from = set->ns_rwset[i];
        ledger__ns_rwset *ns = &result.namespaces[i];

        ns->name = fcc__of_pb(from->namespace_);
        st = FCC__UNPACK_ANY(kvrwset__kvrwset, fcc__of_pb(from->rwset), arena, &ns->set);
        if (st != FCC_OK)
            return st;
        ns->count = from->n_collection_hashed_rwset;
        ns->collections = fcc__arena_zalloc(arena, ns->count, sizeof *ns->collections);
        if (!ns->collections)
            return FCC_ERR_LIMIT;
        for (j = 0; j < ns->count; j++) {
            Rwset__CollectionHashedReadWriteSet *hashed = from->collection_hashed_rwset[j];

            ns->collections[j].name = fcc__of_pb(hashed->collection_name);
            ns->collections[j].private_hash = fcc__of_pb(hashed->pvt_rwset_hash);
            st = FCC__UNPACK_ANY(kvrwset__hashed_rwset, fcc__of_pb(hashed->hashed_rwset), arena,
                                 &ns->collections[j].set);
            if (st != FCC_OK)
                return st;
        }
    }
    *out = result;
    return FCC_OK;
}

bool ledger__ns_writes(const ledger__ns_rwset *ns)
{
    size_t i;

    if (ns->set->n_writes || ns->set->n_metadata_writes)
        return true;
    for (i = 0; i < ns->count; i++) {
        if (ns->collections[i].set->n_hashed_writes || ns->collections[i].set->n_metadata_writes)
            return true;
    }
    return false;
}

#define CODE(name)                           \
    case PROTOS__TX_VALIDATION_CODE__##name: \
        return #name

const char *ledger_code_name(uint8_t code)
{
    switch ((Protos__TxValidationCode)code) {
        CODE(VALID);
        CODE(NIL_ENVELOPE);
        CODE(BAD_PAYLOAD);
        CODE(BAD_COMMON_HEADER);
        CODE(BAD_CREATOR_SIGNATURE);
        CODE(INVALID_ENDORSER_TRANSACTION);
        CODE(INVALID_CONFIG_TRANSACTION);
        CODE(UNSUPPORTED_TX_PAYLOAD);
        CODE(BAD_PROPOSAL_TXID);
        CODE(DUPLICATE_TXID);
        CODE(ENDORSEMENT_POLICY_FAILURE);
        CODE(MVCC_READ_CONFLICT);
        CODE(PHANTOM_READ_CONFLICT);
        CODE(UNKNOWN_TX_TYPE);
        CODE(TARGET_CHAIN_NOT_FOUND);
        CODE(MARSHAL_TX_ERROR);
        CODE(NIL_TXACTION);
        CODE(EXPIRED_CHAINCODE);
        CODE(CHAINCODE_VERSION_CONFLICT);
        CODE(BAD_HEADER_EXTENSION);
        CODE(BAD_CHANNEL_HEADER);
        CODE(BAD_RESPONSE_PAYLOAD);
        CODE(BAD_RWSET);
        CODE(ILLEGAL_WRITESET);
        CODE(INVALID_WRITESET);
        CODE(INVALID_CHAINCODE);
        CODE(NOT_VALIDATED);
        CODE(INVALID_OTHER_REASON);
    default:
        return "UNKNOWN";
    }
}
