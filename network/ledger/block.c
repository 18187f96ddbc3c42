/* block.c: hashes of blocks, their forms, and the orderer's part in making one. */
#include "ledger/block.h"

#include "common/common.pb-c.h"
#include "protos/unpack.h"

#include <sys/random.h>

enum { NONCE_LEN = 24 };

void ledger__header_der(fcc__buf *der, uint64_t number, fcc_bytes previous_hash, fcc_bytes data_hash)
{
    uint8_t digits[9];
    size_t n = 0;
    fcc__buf body;

    /* big-endian and minimal, with a 0x00 before a first byte that would make it negative */
    do {
        memmove(digits + 1, digits, n);
        digits[0] = (uint8_t)number;
        number >>= 8;
        n++;
    } while (number);
    if (digits[0] & 0x80) {
        memmove(digits + 1, digits, n);
        digits[0] = 0;
        n++;
    }
    fcc__buf_init(&body, 1024);
    fcc__buf_putc(&body, 0x02);
    fcc__buf_putc(&body, (uint8_t)n);
    fcc__buf_append(&body, digits, n);
    fcc__buf_putc(&body, 0x04);
    fcc__buf_putc(&body, (uint8_t)previous_hash.len);
    fcc__buf_add(&body, previous_hash);
    fcc__buf_putc(&body, 0x04);
    fcc__buf_putc(&body, (uint8_t)data_hash.len);
    fcc__buf_add(&body, data_hash);
    fcc__buf_putc(der, 0x30);
    fcc__buf_putc(der, (uint8_t)body.len);
    fcc__buf_add(der, fcc__buf_bytes(&body));
    fcc__buf_clear(&body);
}

fcc__sha256 ledger_header_hash(uint64_t number, fcc_bytes previous_hash, fcc_bytes data_hash)
{
    fcc__sha256 digest = { { 0 } };
    fcc__buf der;

    /* longer hashes than SHA-256's would need a long form of length, and are no hashes of this chain */
    if (previous_hash.len > FCC__SHA256_LEN || data_hash.len > FCC__SHA256_LEN)
        return digest;
    fcc__buf_init(&der, 1024);
    ledger__header_der(&der, number, previous_hash, data_hash);
    digest = fcc__sha256_of(fcc__buf_bytes(&der));
    fcc__buf_clear(&der);
    return digest;
}

fcc__sha256 ledger_data_hash(const fcc_bytes *envelopes, size_t count)
{
    return fcc__sha256_of_many(envelopes, count);
}

fcc_status ledger__block_unpack(fcc_bytes message, fcc__arena *arena, ledger__block *out)
{
    Common__Block *block;
    fcc_bytes *envelopes;
    fcc_status st = FCC__UNPACK(common__block, message, arena, &block);
    size_t i;

    if (st != FCC_OK)
        return st;
    if (!block->header || !block->data)
        return FCC_ERR_PROTO;
    memset(out, 0, sizeof *out);
    out->number = block->header->number;
    out->previous_hash = fcc__of_pb(block->header->previous_hash);
    out->data_hash = fcc__of_pb(block->header->data_hash);
    out->count = block->data->n_data;
    envelopes = fcc__arena_zalloc(arena, out->count, sizeof *envelopes);
    if (!envelopes)
        return FCC_ERR_LIMIT;
    for (i = 0; i < out->count; i++)
        envelopes[i] = fcc__of_pb(block->data->data[i]);
    out->envelopes = envelopes;
    for (i = 0; block->metadata && i < block->metadata->n_metadata && i < LEDGER__SLOTS; i++)
        out->metadata[i] = fcc__of_pb(block->metadata->metadata[i]);
    return FCC_OK;
}

fcc_status ledger__block_pack(const ledger__block *block, fcc__arena *arena, fcc_bytes *message)
{
    Common__Block out = COMMON__BLOCK__INIT;
    Common__BlockHeader header = COMMON__BLOCK_HEADER__INIT;
    Common__BlockData data = COMMON__BLOCK_DATA__INIT;
    Common__BlockMetadata metadata = COMMON__BLOCK_METADATA__INIT;
    ProtobufCBinaryData slots[LEDGER__SLOTS];
    size_t i;

    header.number = block->number;
    header.previous_hash = fcc__pb(block->previous_hash);
    header.data_hash = fcc__pb(block->data_hash);
    data.n_data = block->count;
    data.data = fcc__arena_zalloc(arena, block->count, sizeof *data.data);
    if (!data.data)
        return FCC_ERR_LIMIT;
    for (i = 0; i < block->count; i++)
        data.data[i] = fcc__pb(block->envelopes[i]);
    for (i = 0; i < LEDGER__SLOTS; i++)
        slots[i] = fcc__pb(block->metadata[i]);
    metadata.n_metadata = LEDGER__SLOTS;
    metadata.metadata = slots;
    out.header = &header;
    out.data = &data;
    out.metadata = &metadata;
    return fcc__pack(&out, arena, message);
}

fcc_status ledger__block_read(fcc_bytes record, fcc__arena *arena, ledger__block *out)
{
    fcc_bytes *envelopes, ignored;
    uint64_t n, i;

    memset(out, 0, sizeof *out);
    if (!ledger__take_uvarint(&record, &out->number) || !ledger__take_piece(&record, &out->data_hash) ||
        !ledger__take_piece(&record, &out->previous_hash) || !ledger__take_uvarint(&record, &n) || n > record.len)
        return FCC_ERR_CORRUPT;
    out->count = (size_t)n;
    envelopes = fcc__arena_zalloc(arena, out->count, sizeof *envelopes);
    if (!envelopes)
        return FCC_ERR_LIMIT;
    for (i = 0; i < n; i++) {
        if (!ledger__take_piece(&record, &envelopes[i]))
            return FCC_ERR_CORRUPT;
    }
    out->envelopes = envelopes;
    if (!ledger__take_uvarint(&record, &n))
        return FCC_ERR_CORRUPT;
    for (i = 0; i < n; i++) {
        if (!ledger__take_piece(&record, i < LEDGER__SLOTS ? &out->metadata[i] : &ignored))
            return FCC_ERR_CORRUPT;
    }
    return record.len ? FCC_ERR_CORRUPT : FCC_OK;
}

void ledger__block_write(const ledger__block *block, fcc__buf *record)
{
    size_t i;

    fcc__buf_uvarint(record, block->number);
    ledger__add_piece(record, block->data_hash);
    ledger__add_piece(record, block->previous_hash);
    fcc__buf_uvarint(record, block->count);
    for (i = 0; i < block->count; i++)
        ledger__add_piece(record, block->envelopes[i]);
    fcc__buf_uvarint(record, LEDGER__SLOTS);
    for (i = 0; i < LEDGER__SLOTS; i++)
        ledger__add_piece(record, block->metadata[i]);
}

fcc_status ledger__commit_hash_unpack(fcc_bytes slot, fcc__arena *arena, fcc_bytes *hash)
{
    Common__Metadata *metadata;
    fcc_status st = FCC__UNPACK(common__metadata, slot, arena, &metadata);

    if (st == FCC_OK)
        *hash = fcc__of_pb(metadata->value);
    return st;
}

bool ledger_envelope_canonical(fcc_bytes envelope, fcc__arena *arena)
{
    Common__Envelope *parsed;
    fcc_bytes again;

    return FCC__UNPACK(common__envelope, envelope, arena, &parsed) == FCC_OK && parsed->payload.len &&
           parsed->signature.len && parsed->base.n_unknown_fields == 0 && fcc__pack(parsed, arena, &again) == FCC_OK &&
           fcc_bytes_equal(again, envelope);
}

/* Metadata{value} or, with a signature, Metadata{value, signatures}. */
static fcc_status pack_metadata(fcc_bytes value, Common__MetadataSignature *signature, fcc__arena *arena,
                                fcc_bytes *out)
{
    Common__Metadata metadata = COMMON__METADATA__INIT;

    metadata.value = fcc__pb(value);
    metadata.n_signatures = signature ? 1 : 0;
    metadata.signatures = &signature;
    return fcc__pack(&metadata, arena, out);
}

/* Slots 0 and 1: the newest config block, and the orderer's signature over that and the header. */
static fcc_status sign_block(ledger__block *block, uint64_t config_block, const msp_channel *channel,
                             const msp_signer *orderer, fcc__arena *arena)
{
    Common__LastConfig last = COMMON__LAST_CONFIG__INIT;
    Common__OrdererBlockMetadata metadata = COMMON__ORDERER_BLOCK_METADATA__INIT;
    Common__SignatureHeader header = COMMON__SIGNATURE_HEADER__INIT;
    Common__MetadataSignature signature = COMMON__METADATA_SIGNATURE__INIT;
    fcc_bytes last_bytes, value, header_bytes, signature_bytes, parts[3];
    uint8_t nonce[NONCE_LEN];
    fcc_status st;
    fcc__buf der;

    if (getrandom(nonce, sizeof nonce, 0) != (ssize_t)sizeof nonce)
        return FCC_ERR_INTERNAL;
    fcc__buf_init(&der, 1024);
    last.index = config_block;
    metadata.last_config = &last;
    header.creator = fcc__pb(msp_signer_identity(orderer));
    header.nonce = fcc__pb(fcc_bytes_of(nonce, sizeof nonce));
    st = fcc__pack(&last, arena, &last_bytes);
    if (st == FCC_OK)
        st = fcc__pack(&metadata, arena, &value);
    if (st == FCC_OK)
        st = fcc__pack(&header, arena, &header_bytes);
    if (st != FCC_OK)
        goto out;
    ledger__header_der(&der, block->number, block->previous_hash, block->data_hash);
    parts[0] = value;
    parts[1] = header_bytes;
    parts[2] = fcc__buf_bytes(&der);
    st = msp_sign_known(orderer, msp_channel_manager(channel), parts, 3, arena, &signature_bytes);
    if (st != FCC_OK)
        goto out;
    signature.signature_header = fcc__pb(header_bytes);
    signature.signature = fcc__pb(signature_bytes);
    st = pack_metadata(value, &signature, arena, &block->metadata[LEDGER__SIGNATURES]);
    if (st == FCC_OK)
        st = pack_metadata(last_bytes, NULL, arena, &block->metadata[LEDGER__LAST_CONFIG]);
out:
    fcc__buf_clear(&der);
    return st;
}

fcc_status ledger_next_block(const ledger *l, const fcc_bytes *envelopes, size_t count, const msp_signer *orderer,
                             fcc__arena *arena, fcc_bytes *out)
{
    ledger__block block;
    fcc__sha256 previous = ledger_hash(l), data = ledger_data_hash(envelopes, count);
    bool config;
    fcc_status st;
    size_t i;

    if (ledger_height(l) == 0 || count == 0)
        return FCC_ERR_ARG;
    memset(&block, 0, sizeof block);
    block.envelopes = envelopes;
    block.count = count;
    config = ledger__has_config(&block, arena);
    if (config && count > 1)
        return FCC_ERR_ARG;
    for (i = 0; i < count; i++) {
        if (!ledger_envelope_canonical(envelopes[i], arena))
            return FCC_ERR_ARG;
    }
    block.number = ledger_height(l);
    block.previous_hash = fcc__sha256_bytes(&previous);
    block.data_hash = fcc__sha256_bytes(&data);
    st = sign_block(&block, config ? block.number : ledger_config_block(l), ledger_channel(l), orderer, arena);
    return st == FCC_OK ? ledger__block_pack(&block, arena, out) : st;
}
