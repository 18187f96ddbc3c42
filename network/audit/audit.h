/*
 * audit.h: are a channel's blocks, to the last byte, what the network agreed on?
 *
 * A peer takes a block when its hashes, its form and its orderer's signature are right, decides about its transactions,
 * and never looks at the stored bytes again. An auditor has to account for every byte: what is signed or hashed is
 * verified, what follows from the chain before it (codes, commit hash, last configuration) is computed again, and what is
 * left has only one right form. Beside each finding stands what Fabric makes of it. Works offline, from the blocks alone.
 *
 * Sources: fabric v3.1.5 protoutil/blockutils.go, internal/peer/gossip/mcs.go, common/deliverclient/block_verification.go
 */
#ifndef NETWORK_AUDIT_AUDIT_H
#define NETWORK_AUDIT_AUDIT_H

#include "ledger/ledger.h"

/* Something that is not as it must be. Borrowed for the call. */
typedef struct audit_finding {
    uint64_t block;   /* the block that was expected at this place */
    int64_t tx;       /* index of the one transaction that it is about; -1: none */
    const char *part; /* "block", "header.number", "header.previous_hash", "header.data_hash", "data",
                         "metadata.SIGNATURES", "metadata.LAST_CONFIG", "metadata.TRANSACTIONS_FILTER",
                         "metadata.ORDERER", "metadata.COMMIT_HASH" */
    const char *text; /* what it is, and what it should be; never a value of the ledger */
    bool refused;     /* Fabric's verdict: does a peer that is sent this block refuse it? */
} audit_finding;

typedef struct audit_options {
    const char *dir;        /* where the auditor keeps its own state; NULL: in memory */
    fcc_bytes genesis_hash; /* header hash of block 0 as the auditor knows it from elsewhere; empty: not known */
    void (*found)(void *ctx, const audit_finding *finding);
    void *ctx;
} audit_options;

typedef struct audit audit;

/* Errors as ledger_open's. */
fcc_status audit_open(const audit_options *options, audit **out, fcc_error *error) FCC_MUST_CHECK;
void audit_close(audit *a); /* takes NULL */

/* How many blocks have been taken. */
uint64_t audit_height(const audit *a);

/*
 * Check the next block, a serialized common.Block with the metadata that a peer has given it. `*findings` is how many there
 * were; 0 means that every byte is accounted for. Costs what its validation costs.
 *
 * @return FCC_OK  checked, whatever was found
 *         FCC_ERR_NOMEM, FCC_ERR_LIMIT, FCC_ERR_IO  it could not be checked; `error` says why
 */
fcc_status audit_check(audit *a, fcc_bytes block, size_t *findings, fcc_error *error) FCC_MUST_CHECK;

/*
 * The same, and go on behind it. FCC_ERR_CORRUPT: what was found is such that nothing can be said about later blocks;
 * the auditor stays before this block.
 */
fcc_status audit_take(audit *a, fcc_bytes block, size_t *findings, fcc_error *error) FCC_MUST_CHECK;

/* How many transactions a block has, and how many of them its filter records as valid. FCC_ERR_PROTO, FCC_ERR_LIMIT. */
fcc_status audit_count(fcc_bytes block, fcc__arena *arena, uint64_t *transactions, uint64_t *valid) FCC_MUST_CHECK;
/* The hash of its header. FCC_ERR_PROTO, FCC_ERR_LIMIT. */
fcc_status audit_hash(fcc_bytes block, fcc__arena *arena, fcc__sha256 *hash) FCC_MUST_CHECK;

#endif
