/*
 * Reading messages: the first byte chooses the type. What is read is written and read again; both ways of reading agree,
 * and so does protobuf-c's own.
 */
#include "fuzz.h"

#include "base/require.h"
#include "protos/unpack.h"

#include "common/common.pb-c.h"
#include "common/policies.pb-c.h"
#include "ledger/queryresult/kv_query_result.pb-c.h"
#include "ledger/rwset/kvrwset/kv_rwset.pb-c.h"
#include "ledger/rwset/rwset.pb-c.h"
#include "msp/identities.pb-c.h"
#include "msp/msp_principal.pb-c.h"
#include "peer/chaincode.pb-c.h"
#include "peer/chaincode_shim.pb-c.h"
#include "peer/collection.pb-c.h"
#include "peer/proposal.pb-c.h"
#include "peer/proposal_response.pb-c.h"
#include "peer/transaction.pb-c.h"

/* The order is part of the corpus: new ones go to the end. */
static const ProtobufCMessageDescriptor *const types[] = {
    &protos__chaincode_message__descriptor,
    &protos__chaincode_input__descriptor,
    &protos__chaincode_additional_params__descriptor,
    &protos__query_response__descriptor,
    &protos__query_response_metadata__descriptor,
    &protos__get_state_multiple_result__descriptor,
    &protos__state_metadata_result__descriptor,
    &protos__write_batch_state__descriptor,
    &protos__response__descriptor,
    &protos__proposal__descriptor,
    &protos__chaincode_proposal_payload__descriptor,
    &protos__chaincode_header_extension__descriptor,
    &common__header__descriptor,
    &common__channel_header__descriptor,
    &common__signature_header__descriptor,
    &queryresult__kv__descriptor,
    &queryresult__key_modification__descriptor,
    &msp__serialized_identity__descriptor,
    &common__mspprincipal__descriptor,
    &common__signature_policy_envelope__descriptor,
    &common__block__descriptor,
    &common__envelope__descriptor,
    &kvrwset__kvrwset__descriptor,
    &rwset__tx_read_write_set__descriptor,
    &protos__collection_config_package__descriptor,
    &protos__transaction__descriptor,
    &protos__chaincode_action_payload__descriptor,
};

static void *allocate(void *arena, size_t size)
{
    return fcc__arena_alloc(arena, size);
}

static void keep(void *arena, void *pointer)
{
    (void)arena;
    (void)pointer;
}

/* A message that comes twice is merged. protobuf-c forgets some of the first, and Go's library, as ours, nothing. */
static bool has_single_message(const ProtobufCMessageDescriptor *type, unsigned depth)
{
    for (unsigned i = 0; depth < 6 && i < type->n_fields; i++) {
        if (type->fields[i].type != PROTOBUF_C_TYPE_MESSAGE)
            continue;
        if (type->fields[i].label != PROTOBUF_C_LABEL_REPEATED ||
            has_single_message(type->fields[i].descriptor, depth + 1))
            return true;
    }
    return false;
}

static void compare(const ProtobufCMessage *message, fcc_bytes expected, fcc__arena *arena)
{
    fcc_bytes wire;

    FCC_REQUIRE(fcc__pack(message, arena, &wire) == FCC_OK);
    FCC_REQUIRE(fcc_bytes_equal(wire, expected));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const ProtobufCMessageDescriptor *type = size ? types[data[0] % (sizeof(types) / sizeof(types[0]))] : types[0];
    fcc_bytes wire = fcc_bytes_of(data + (size > 0), size - (size > 0)), again;
    fcc__arena *arena = fcc__arena_new(64 * 1024 * 1024);
    ProtobufCAllocator allocator = { allocate, keep, arena };
    ProtobufCMessage *copied, *borrowed, *theirs;
    fcc_status st;

    FCC_REQUIRE(arena);
    st = fcc__unpack(type, wire, arena, &copied);
    FCC_REQUIRE(st == fcc__unpack_borrowed(type, wire, arena, &borrowed));
    if (st == FCC_OK) {
        FCC_REQUIRE(fcc__pack(copied, arena, &again) == FCC_OK);
        compare(borrowed, again, arena);
        FCC_REQUIRE(fcc__unpack(type, again, arena, &copied) == FCC_OK);
        compare(copied, again, arena);
        theirs = protobuf_c_message_unpack(type, &allocator, again.len, again.data);
        FCC_REQUIRE(theirs);
        compare(theirs, again, arena);
        theirs = has_single_message(type, 0) ? NULL : protobuf_c_message_unpack(type, &allocator, wire.len, wire.data);
        if (theirs)
            compare(theirs, again, arena);
    } else {
        FCC_REQUIRE(st == FCC_ERR_PROTO || st == FCC_ERR_LIMIT);
    }
    fcc__arena_free(arena);
    return 0;
}
