/*
 * verify_block.c: was a block made by the channel's orderers? Their signatures are over the metadata's value, a header of
 * their own and the block's header, and have to satisfy /Channel/Orderer/BlockValidation. Fabric's
 * protoutil/blockutils.go and common/deliverclient.
 */
#include "ledger/internal.h"

#include "msp/policy.h"
#include "protos/unpack.h"

enum { SCRATCH = 64 << 20 };

static const char policy[] = "/Channel/Orderer/BlockValidation";

/* Who signed, and what. A consenter of a BFT channel may be named by its number alone; an unknown one counts for nothing. */
static fcc_status signer_of(const msp_channel *channel, const Common__MetadataSignature *signature, fcc__arena *arena,
                            fcc_bytes *identity, fcc_bytes *header)
{
    Common__IdentifierHeader *identifier;
    Common__SignatureHeader *named;
    fcc_status st;

    *header = fcc__of_pb(signature->signature_header);
    if (msp_channel_is_bft(channel) && header->len == 0 && signature->identifier_header.len) {
        *header = fcc__of_pb(signature->identifier_header);
        st = FCC__UNPACK(common__identifier_header, *header, arena, &identifier);
        return st == FCC_OK ? msp_channel_consenter(channel, identifier->identifier, arena, identity) : st;
    }
    st = FCC__UNPACK(common__signature_header, *header, arena, &named);
    if (st == FCC_OK)
        *identity = fcc__of_pb(named->creator);
    return st;
}

/* The set of those signatures that name somebody. */
static fcc_status gather(const msp_channel *channel, const Common__Metadata *metadata, fcc_bytes der, fcc__arena *arena,
                         msp_signed *set, size_t *count)
{
    fcc_status st = FCC_OK;
    size_t i;

    *count = 0;
    for (i = 0; i < metadata->n_signatures && st == FCC_OK; i++) {
        msp_signed *one = &set[*count];
        fcc_bytes identity, header;
        uint8_t *tail;

        st = signer_of(channel, metadata->signatures[i], arena, &identity, &header);
        if (st == FCC_ERR_NOT_FOUND) {
            st = FCC_OK;
            continue;
        }
        tail = st == FCC_OK ? fcc__arena_alloc(arena, header.len + der.len) : NULL;
        if (!tail)
            return st == FCC_OK ? FCC_ERR_LIMIT : st;
        if (header.len)
            memcpy(tail, header.data, header.len);
        memcpy(tail + header.len, der.data, der.len);
        one->data[0] = fcc__of_pb(metadata->value);
        one->data[1] = fcc_bytes_of(tail, header.len + der.len);
        one->identity = identity;
        one->signature = fcc__of_pb(metadata->signatures[i]->signature);
        (*count)++;
    }
    return st;
}

static fcc_status unpack_slot(const ledger__block *block, int slot, fcc__arena *arena, Common__Metadata **out)
{
    return FCC__UNPACK(common__metadata, block->metadata[slot], arena, out);
}

static fcc_status unreadable(const ledger__block *block, fcc_status st, const char *what, fcc_error *error)
{
    return fcc_error_set(error, st == FCC_ERR_PROTO ? FCC_ERR_CORRUPT : st, "block %llu: %s can't be read",
                         (unsigned long long)block->number, what);
}

static fcc_status check_signatures(const msp_channel *channel, const ledger__block *block, fcc__arena *arena,
                                   fcc_error *error)
{
    const msp_identity **signers;
    Common__Metadata *metadata;
    msp_signed *set;
    size_t count, signer_count;
    fcc_error why = { 0 };
    fcc__buf der;
    fcc_status st = unpack_slot(block, LEDGER__SIGNATURES, arena, &metadata);

    if (st != FCC_OK)
        return unreadable(block, st, "the signatures in its metadata", error);
    set = fcc__arena_zalloc(arena, metadata->n_signatures + 1, sizeof *set);
    signers = fcc__arena_zalloc(arena, metadata->n_signatures + 1, sizeof *signers);
    if (!set || !signers)
        return unreadable(block, FCC_ERR_LIMIT, "the signatures in its metadata", error);
    fcc__buf_init(&der, 1024);
    ledger__header_der(&der, block->number, block->previous_hash, block->data_hash);
    st = der.status;
    if (st == FCC_OK)
        st = gather(channel, metadata, fcc__buf_bytes(&der), arena, set, &count);
    fcc__buf_clear(&der);
    if (st != FCC_OK)
        return unreadable(block, st, "the header of a signature", error);
    msp_signers_of(msp_channel_manager(channel), set, count, signers, &signer_count);
    st = msp_channel_evaluate(channel, policy, signers, signer_count, &why);
    if (st == FCC_OK || st == FCC_ERR_NOMEM || st == FCC_ERR_LIMIT)
        return st == FCC_OK ? st : fcc_error_set(error, st, "%s", why.text);
    return fcc_error_set(error, FCC_ERR_CORRUPT, "block %llu is not signed as %s asks: %.800s",
                         (unsigned long long)block->number, policy, why.text);
}

/* From the value that the orderer signs; blocks of orderers before 1.4.1 have it in a slot of its own. */
static fcc_status last_config_of(const ledger__block *block, fcc__arena *arena, uint64_t *index)
{
    Common__OrdererBlockMetadata *value;
    Common__Metadata *metadata;
    Common__LastConfig *last;
    fcc_status st = unpack_slot(block, LEDGER__SIGNATURES, arena, &metadata);

    if (st != FCC_OK)
        return st;
    if (metadata->value.len) {
        st = FCC__UNPACK(common__orderer_block_metadata, fcc__of_pb(metadata->value), arena, &value);
        if (st == FCC_OK)
            *index = value->last_config ? value->last_config->index : 0;
        return st;
    }
    st = unpack_slot(block, LEDGER__LAST_CONFIG, arena, &metadata);
    if (st == FCC_OK)
        st = FCC__UNPACK(common__last_config, fcc__of_pb(metadata->value), arena, &last);
    if (st == FCC_OK)
        *index = last->index;
    return st;
}

fcc_status ledger__verify_block(const msp_channel *channel, const ledger__block *block, uint64_t last_config,
                                fcc_error *error)
{
    fcc__arena *scratch = fcc__arena_new(SCRATCH);
    uint64_t index;
    fcc_status st;

    if (!scratch)
        return fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
    st = check_signatures(channel, block, scratch, error);
    if (st == FCC_OK && (st = last_config_of(block, scratch, &index)) != FCC_OK)
        st = unreadable(block, st, "its last config index", error);
    else if (st == FCC_OK && index != last_config)
        st = fcc_error_set(error, FCC_ERR_CORRUPT,
                           "block %llu says that block %llu has the newest configuration, which is in block %llu",
                           (unsigned long long)block->number, (unsigned long long)index,
                           (unsigned long long)last_config);
    fcc__arena_free(scratch);
    return st;
}

/* Is there a CONFIG transaction in it? */
bool ledger__has_config(const ledger__block *block, fcc__arena *arena)
{
    size_t i;

    for (i = 0; i < block->count; i++) {
        Common__Envelope *envelope;
        Common__Payload *payload;
        Common__ChannelHeader *header;

        if (FCC__UNPACK_BORROWED(common__envelope, block->envelopes[i], arena, &envelope) == FCC_OK &&
            FCC__UNPACK_BORROWED(common__payload, fcc__of_pb(envelope->payload), arena, &payload) == FCC_OK &&
            payload->header &&
            FCC__UNPACK(common__channel_header, fcc__of_pb(payload->header->channel_header), arena, &header) ==
                FCC_OK &&
            header->type == COMMON__HEADER_TYPE__CONFIG)
            return true;
    }
    return false;
}

fcc_status ledger_verify_block(const msp_channel *channel, fcc_bytes message, uint64_t last_config, fcc_error *error)
{
    fcc__arena *arena = fcc__arena_new(LEDGER__ARENA_CAP);
    ledger__block block;
    fcc__sha256 data;
    bool config;
    fcc_status st;
    size_t i;

    if (!arena)
        return fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
    st = ledger__block_unpack(message, arena, &block);
    if (st != FCC_OK) {
        st = fcc_error_set(error, st == FCC_ERR_PROTO ? FCC_ERR_CORRUPT : st, "not a block");
        goto out;
    }
    data = ledger_data_hash(block.envelopes, block.count);
    if (!fcc_bytes_equal(block.data_hash, fcc__sha256_bytes(&data)))
        st = fcc_error_set(error, FCC_ERR_CORRUPT, "block %llu: its data hash is not that of its data",
                           (unsigned long long)block.number);
    config = ledger__has_config(&block, arena);
    for (i = 0; i < block.count && st == FCC_OK && !config; i++)
        if (!ledger_envelope_canonical(block.envelopes[i], arena))
            st = fcc_error_set(error, FCC_ERR_CORRUPT, "block %llu: transaction %zu does not match its raw form",
                               (unsigned long long)block.number, i);
    if (st == FCC_OK && block.number > 0)
        st = ledger__verify_block(channel, &block, config ? block.number : last_config, error);
out:
    fcc__arena_free(arena);
    return st;
}
