/*
 * block.h: one block, in its three forms: as a message (common.Block), as a record of Fabric's block files, and taken
 * apart in memory.
 */
#ifndef NETWORK_LEDGER_BLOCK_H
#define NETWORK_LEDGER_BLOCK_H

#include "base/buf.h"
#include "ledger/ledger.h"
#include "ledger/store.h"

/* Metadata slots, as common.BlockMetadataIndex. */
enum { LEDGER__SIGNATURES, LEDGER__LAST_CONFIG, LEDGER__FILTER, LEDGER__ORDERER, LEDGER__COMMIT_HASH, LEDGER__SLOTS };

typedef struct ledger__block {
    uint64_t number;
    fcc_bytes previous_hash;
    fcc_bytes data_hash;
    const fcc_bytes *envelopes;
    size_t count;
    fcc_bytes metadata[LEDGER__SLOTS]; /* empty where the block has fewer */
} ledger__block;

/* Everything is copied into the arena. FCC_ERR_PROTO. */
fcc_status ledger__block_unpack(fcc_bytes message, fcc__arena *arena, ledger__block *out) FCC_MUST_CHECK;
fcc_status ledger__block_pack(const ledger__block *block, fcc__arena *arena, fcc_bytes *message) FCC_MUST_CHECK;

/* A record without its length prefix; what is read is borrowed from `record`. FCC_ERR_CORRUPT. */
fcc_status ledger__block_read(fcc_bytes record, fcc__arena *arena, ledger__block *out) FCC_MUST_CHECK;
void ledger__block_write(const ledger__block *block, fcc__buf *record);

/* DER of SEQUENCE { INTEGER number, OCTET STRING previous, OCTET STRING data }: what is hashed and signed. */
void ledger__header_der(fcc__buf *der, uint64_t number, fcc_bytes previous_hash, fcc_bytes data_hash);

/*
 * Is the block signed as the channel's /Channel/Orderer/BlockValidation asks, and does it name `last_config` as the newest
 * config block? FCC_ERR_CORRUPT.
 */
fcc_status ledger__verify_block(const msp_channel *channel, const ledger__block *block, uint64_t last_config,
                                fcc_error *error) FCC_MUST_CHECK;
/* Is one of its transactions a CONFIG? */
bool ledger__has_config(const ledger__block *block, fcc__arena *arena);

/* Slot 4's content: the 32 bytes in common.Metadata. Empty when the slot is. FCC_ERR_PROTO. */
fcc_status ledger__commit_hash_unpack(fcc_bytes slot, fcc__arena *arena, fcc_bytes *hash) FCC_MUST_CHECK;

#endif
