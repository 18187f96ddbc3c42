/* Which bytes hold which messages. */
#include "compare.h"

#include "protos/unpack.h"

#include "common/common.pb-c.h"
#include "common/configtx.pb-c.h"
#include "common/ledger.pb-c.h"
#include "gateway/gateway.pb-c.h"
#include "google/protobuf/any.pb-c.h"
#include "ledger/rwset/kvrwset/kv_rwset.pb-c.h"
#include "ledger/rwset/rwset.pb-c.h"
#include "orderer/ab.pb-c.h"
#include "peer/chaincode.pb-c.h"
#include "peer/chaincode_event.pb-c.h"
#include "peer/lifecycle/lifecycle.pb-c.h"
#include "peer/proposal.pb-c.h"
#include "peer/proposal_response.pb-c.h"
#include "peer/query.pb-c.h"
#include "peer/transaction.pb-c.h"

#include <string.h>

static const struct {
    const char *message, *field;
    const ProtobufCMessageDescriptor *type;
} always[] = {
    { "common.Envelope", "payload", &common__payload__descriptor },
    { "common.Header", "channel_header", &common__channel_header__descriptor },
    { "common.Header", "signature_header", &common__signature_header__descriptor },
    { "common.BlockData", "data", &common__envelope__descriptor },
    { "common.MetadataSignature", "signature_header", &common__signature_header__descriptor },
    { "common.Metadata", "value", &common__orderer_block_metadata__descriptor },
    { "common.ConfigUpdateEnvelope", "config_update", &common__config_update__descriptor },
    { "common.ConfigSignature", "signature_header", &common__signature_header__descriptor },
    { "protos.ProposalResponse", "payload", &protos__proposal_response_payload__descriptor },
    { "protos.ProposalResponsePayload", "extension", &protos__chaincode_action__descriptor },
    { "protos.ChaincodeAction", "results", &rwset__tx_read_write_set__descriptor },
    { "protos.ChaincodeAction", "events", &protos__chaincode_event__descriptor },
    { "protos.TransactionAction", "header", &common__signature_header__descriptor },
    { "protos.TransactionAction", "payload", &protos__chaincode_action_payload__descriptor },
    { "protos.ChaincodeActionPayload", "chaincode_proposal_payload", &protos__chaincode_proposal_payload__descriptor },
    { "protos.ChaincodeProposalPayload", "input", &protos__chaincode_invocation_spec__descriptor },
    { "protos.ChaincodeEndorsedAction", "proposal_response_payload", &protos__proposal_response_payload__descriptor },
    { "rwset.NsReadWriteSet", "rwset", &kvrwset__kvrwset__descriptor },
    { "rwset.CollectionHashedReadWriteSet", "hashed_rwset", &kvrwset__hashed_rwset__descriptor },
    { "rwset.CollectionPvtReadWriteSet", "rwset", &kvrwset__kvrwset__descriptor },
};

/* By the type in the header beside them. */
static const ProtobufCMessageDescriptor *payload_data(const comparison *c, const Common__Payload *payload)
{
    Common__ChannelHeader *header;

    if (!payload->header ||
        FCC__UNPACK(common__channel_header, fcc__of_pb(payload->header->channel_header), c->arena, &header) != FCC_OK)
        return NULL;
    switch (header->type) {
    case COMMON__HEADER_TYPE__CONFIG:
        return &common__config_envelope__descriptor;
    case COMMON__HEADER_TYPE__CONFIG_UPDATE:
        return &common__config_update_envelope__descriptor;
    case COMMON__HEADER_TYPE__ENDORSER_TRANSACTION:
        return &protos__transaction__descriptor;
    case COMMON__HEADER_TYPE__DELIVER_SEEK_INFO:
        return &orderer__seek_info__descriptor;
    default:
        return NULL;
    }
}

/* The transaction filter is bytes; the other slots hold Metadata. */
static const ProtobufCMessageDescriptor *metadata_slot(size_t slot)
{
    return slot == COMMON__BLOCK_METADATA_INDEX__TRANSACTIONS_FILTER ? NULL : &common__metadata__descriptor;
}

const ProtobufCMessageDescriptor *nested_type(const comparison *c, const ProtobufCMessage *message,
                                              const ProtobufCFieldDescriptor *field, size_t at)
{
    const char *of = message->descriptor->name;

    if (message->descriptor == &common__payload__descriptor && strcmp(field->name, "data") == 0)
        return payload_data(c, (const Common__Payload *)message);
    if (message->descriptor == &common__block_metadata__descriptor)
        return metadata_slot(at);
    if (message->descriptor == &protos__response__descriptor && strcmp(field->name, "payload") == 0)
        return c->result;
    if (message->descriptor == &google__protobuf__any__descriptor && strcmp(field->name, "value") == 0)
        return &gateway__error_detail__descriptor;
    for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
        if (strcmp(of, always[i].message) == 0 && strcmp(field->name, always[i].field) == 0)
            return always[i].type;
    return NULL;
}

static const struct {
    const char *chaincode, *function;
    const ProtobufCMessageDescriptor *type;
} results[] = {
    { "qscc", "GetChainInfo", &common__blockchain_info__descriptor },
    { "qscc", "GetBlockByNumber", &common__block__descriptor },
    { "qscc", "GetBlockByHash", &common__block__descriptor },
    { "qscc", "GetBlockByTxID", &common__block__descriptor },
    { "qscc", "GetTransactionByID", &protos__processed_transaction__descriptor },
    { "cscc", "GetChannels", &protos__channel_query_response__descriptor },
    { "cscc", "GetConfigBlock", &common__block__descriptor },
    { "cscc", "GetChannelConfig", &common__config__descriptor },
    { "_lifecycle", "InstallChaincode", &lifecycle__install_chaincode_result__descriptor },
    { "_lifecycle", "QueryInstalledChaincode", &lifecycle__query_installed_chaincode_result__descriptor },
    { "_lifecycle", "QueryInstalledChaincodes", &lifecycle__query_installed_chaincodes_result__descriptor },
    { "_lifecycle", "GetInstalledChaincodePackage", &lifecycle__get_installed_chaincode_package_result__descriptor },
    { "_lifecycle", "CheckCommitReadiness", &lifecycle__check_commit_readiness_result__descriptor },
    { "_lifecycle", "QueryApprovedChaincodeDefinition",
      &lifecycle__query_approved_chaincode_definition_result__descriptor },
    { "_lifecycle", "QueryApprovedChaincodeDefinitions",
      &lifecycle__query_approved_chaincode_definitions_result__descriptor },
    { "_lifecycle", "QueryChaincodeDefinition", &lifecycle__query_chaincode_definition_result__descriptor },
    { "_lifecycle", "QueryChaincodeDefinitions", &lifecycle__query_chaincode_definitions_result__descriptor },
};

const ProtobufCMessageDescriptor *result_type(fcc_bytes chaincode, fcc_bytes function)
{
    for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++)
        if (fcc_bytes_equal(chaincode, fcc_str(results[i].chaincode)) &&
            fcc_bytes_equal(function, fcc_str(results[i].function)))
            return results[i].type;
    return NULL;
}
