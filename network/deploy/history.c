/*
 * history.c: the definitions that a chaincode had before, from the channel's blocks: each was committed by a valid transaction
 * of `_lifecycle` whose argument is the whole definition.
 */
#include "deploy/internal.h"

#include "protos/unpack.h"

#include "client/direct.h"
#include "common/common.pb-c.h"
#include "peer/chaincode.pb-c.h"
#include "peer/proposal.pb-c.h"
#include "peer/transaction.pb-c.h"

#include <string.h>

enum { MOST_PAST = 4096, BLOCK_ARENA = 256 << 20 };

struct reading {
    const char *name;
    fcc__arena *arena;   /* what is kept */
    fcc__arena *block;   /* of the block at hand */
    deploy__past *found; /* by sequence, ascending */
    size_t count;
    bool out_of_memory;
};

/* The argument of a call of CommitChaincodeDefinition; false for anything else. */
static bool read_commit(struct reading *r, fcc_bytes wire, Lifecycle__CommitChaincodeDefinitionArgs **out)
{
    Common__Envelope *envelope;
    Common__Payload *payload;
    Common__ChannelHeader *header;
    Protos__Transaction *transaction;
    Protos__ChaincodeActionPayload *action;
    Protos__ChaincodeProposalPayload *proposal;
    Protos__ChaincodeInvocationSpec *invocation;
    const Protos__ChaincodeSpec *spec;

    if (FCC__UNPACK(common__envelope, wire, r->block, &envelope) != FCC_OK ||
        FCC__UNPACK(common__payload, fcc__of_pb(envelope->payload), r->block, &payload) != FCC_OK || !payload->header ||
        FCC__UNPACK(common__channel_header, fcc__of_pb(payload->header->channel_header), r->block, &header) != FCC_OK ||
        header->type != COMMON__HEADER_TYPE__ENDORSER_TRANSACTION ||
        FCC__UNPACK(protos__transaction, fcc__of_pb(payload->data), r->block, &transaction) != FCC_OK ||
        transaction->n_actions == 0 ||
        FCC__UNPACK(protos__chaincode_action_payload, fcc__of_pb(transaction->actions[0]->payload), r->block,
                    &action) != FCC_OK ||
        FCC__UNPACK(protos__chaincode_proposal_payload, fcc__of_pb(action->chaincode_proposal_payload), r->block,
                    &proposal) != FCC_OK ||
        FCC__UNPACK(protos__chaincode_invocation_spec, fcc__of_pb(proposal->input), r->block, &invocation) != FCC_OK)
        return false;
    spec = invocation->chaincode_spec;
    return spec && spec->chaincode_id && spec->input && spec->input->n_args == 2 &&
           fcc_bytes_equal(fcc__of_pb(spec->chaincode_id->name), FCC_LIT("_lifecycle")) &&
           fcc_bytes_equal(fcc__of_pb(spec->input->args[0]), FCC_LIT("CommitChaincodeDefinition")) &&
           FCC__UNPACK(lifecycle__commit_chaincode_definition_args, fcc__of_pb(spec->input->args[1]), r->block, out) ==
               FCC_OK;
}

static const char *text_of(struct reading *r, ProtobufCBinaryData b)
{
    return b.len ? fcc__arena_printf(r->arena, FCC_FMT, FCC_ARG(fcc__of_pb(b))) : NULL;
}

static void keep(struct reading *r, const Lifecycle__CommitChaincodeDefinitionArgs *args, uint64_t block)
{
    deploy__past *p = &r->found[r->count];
    client_definition *d = &p->definition;

    if (r->count == MOST_PAST || !fcc_bytes_equal(fcc__of_pb(args->name), fcc_str(r->name)))
        return;
    *d = (client_definition){ .name = r->name,
                              .version = text_of(r, args->version),
                              .sequence = args->sequence,
                              .endorsement_plugin = text_of(r, args->endorsement_plugin),
                              .validation_plugin = text_of(r, args->validation_plugin),
                              .init_required = args->init_required };
    p->block = block;
    if (!d->version || !fcc__arena_copy(r->arena, fcc__of_pb(args->validation_parameter), &d->policy) ||
        (args->collections && args->collections->n_config &&
         fcc__pack(args->collections, r->arena, &d->collections) != FCC_OK))
        r->out_of_memory = true;
    else
        r->count++;
}

static bool on_block(void *ctx, uint64_t number, fcc_bytes message)
{
    struct reading *r = ctx;
    Common__Block *block;
    fcc_bytes filter = { 0 };

    fcc__arena_free(r->block);
    r->block = fcc__arena_new(BLOCK_ARENA);
    if (!r->block || FCC__UNPACK(common__block, message, r->block, &block) != FCC_OK) {
        r->out_of_memory = true;
        return false;
    }
    if (block->metadata && block->metadata->n_metadata > COMMON__BLOCK_METADATA_INDEX__TRANSACTIONS_FILTER)
        filter = fcc__of_pb(block->metadata->metadata[COMMON__BLOCK_METADATA_INDEX__TRANSACTIONS_FILTER]);
    for (size_t i = 0; block->data && i < block->data->n_data; i++) {
        Lifecycle__CommitChaincodeDefinitionArgs *args;

        if (i < filter.len && filter.data[i] == 0 && read_commit(r, fcc__of_pb(block->data->data[i]), &args))
            keep(r, args, number);
    }
    return !r->out_of_memory;
}

fcc_status deploy__history(client *admin, const char *name, fcc__arena *arena, deploy__past **out, size_t *count,
                           fcc_error *error)
{
    const client_blocks_options blocks = { .source = CLIENT_BLOCKS, .from = CLIENT_OLDEST, .to = CLIENT_NEWEST };
    struct reading r = { .name = name, .arena = arena };
    fcc_status st;

    r.found = fcc__arena_zalloc(arena, MOST_PAST + 1, sizeof(*r.found));
    if (!r.found)
        return fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
    st = client_blocks(admin, &blocks, on_block, &r, error);
    fcc__arena_free(r.block);
    if (st == FCC_OK && r.out_of_memory)
        st = fcc_error_set(error, FCC_ERR_LIMIT, "the channel's blocks cannot be read: %s",
                           fcc_status_text(FCC_ERR_LIMIT));
    *out = r.found;
    *count = r.count;
    return st;
}
