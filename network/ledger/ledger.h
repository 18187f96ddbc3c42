/*
 * ledger.h: the channel's ledger. Blocks, world state, history, private data, simulation, validation, commit.
 *
 * Single-threaded: one thread uses a ledger and its simulators. Blocks, public state, hashes and history are kept once
 * (validation is deterministic), private data once for each organisation that may have it. A commit returns when the
 * block is on disk: it survives kill -9 and power loss. Any call can also return FCC_ERR_NOMEM, FCC_ERR_LIMIT (an arena's
 * cap) and FCC_ERR_IO (the disk); outputs are written on FCC_OK only. Keys, names and values are bytes; an empty value
 * is an absent one. Texts of refusals are Fabric's.
 */
#ifndef NETWORK_LEDGER_LEDGER_H
#define NETWORK_LEDGER_LEDGER_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/hash.h"
#include "msp/channel.h"

/* ---- opening ------------------------------------------------------------------------------------------------------ */

typedef struct ledger ledger;

/* What the channel has agreed on about one chaincode. Borrowed: see whom you have it from. */
typedef struct ledger_definition {
    int64_t sequence; /* from 1; 0 from a callback that doesn't know */
    fcc_bytes version;
    bool init_required;
    fcc_bytes endorsement_plugin;
    fcc_bytes validation_plugin;
    fcc_bytes policy;      /* protos.ApplicationPolicy: the validation parameter */
    fcc_bytes collections; /* protos.CollectionConfigPackage; empty without collections */
} ledger_definition;

/* All that a ledger in memory holds, for another one to begin with. */
typedef struct ledger_image {
    fcc_bytes blocks, state; /* the block file, the database */
} ledger_image;

typedef struct ledger_options {
    const char *dir;         /* made when missing. NULL: nothing outlives ledger_close (unlinked files in /dev/shm) */
    const char *const *orgs; /* MSP ids whose peers' private data are kept here; copied */
    size_t org_count;
    /*
     * Definitions from outside the ledger, for tests of chaincodes. FCC_ERR_NOT_FOUND: no such chaincode. Must answer the
     * same while blocks are replayed in ledger_open. NULL: they are what the channel has committed in `_lifecycle`.
     */
    fcc_status (*definition)(void *ctx, fcc_bytes name, ledger_definition *out);
    void *definition_ctx;
    /*
     * What the genesis block configures, where the caller has it already, as many short-lived ledgers of one channel do:
     * borrowed until ledger_close. NULL: it is read from the block.
     */
    const msp_channel *genesis_channel;
    /*
     * In memory only: begin with what this one holds, which is in memory as well and has the same organisations, up to its
     * newest block. NULL: empty.
     */
    const ledger *copy_of;
    /* In memory only: begin with what another one held, perhaps in another process. Borrowed for ledger_open. */
    const ledger_image *image;
} ledger_options;

/*
 * Open or make; DIR's parent must exist. A record that was being written when the process or the power went is cut off;
 * blocks that the state hasn't seen are replayed. A state that was lost is made again from the blocks only where they tell
 * of no private data, or a file DIR/without-private-data accepts their loss.
 *
 * @return FCC_OK
 *         FCC_ERR_CORRUPT  what was stored is damaged; `error` says which file and block, and what to do
 *         FCC_ERR_EXISTS   another process has it open
 */
fcc_status ledger_open(const ledger_options *options, ledger **out, fcc_error *error) FCC_MUST_CHECK;
void ledger_close(ledger *l); /* takes NULL; free simulators first */
/* Of a ledger in memory. */
fcc_status ledger_image_of(const ledger *l, fcc__arena *arena, ledger_image *out) FCC_MUST_CHECK;

/* ---- asking ------------------------------------------------------------------------------------------------------- */

/* Number of blocks; 0 before the genesis block. */
uint64_t ledger_height(const ledger *l);
/* Header hash of the last block; zeros before the genesis block. */
fcc__sha256 ledger_hash(const ledger *l);
/* The commit hash of the last block (Fabric's slot 4); empty until block 1. Borrowed until the next commit. */
fcc_bytes ledger_commit_hash(const ledger *l);
/* From the newest config block. NULL before the genesis block. Borrowed until the next config block. */
const msp_channel *ledger_channel(const ledger *l);
/* Number of the newest config block. */
uint64_t ledger_config_block(const ledger *l);

/*
 * The definition in force for the next block, that of `_lifecycle` included. Borrowed until the next commit.
 * FCC_ERR_NOT_FOUND.
 */
fcc_status ledger_find_definition(const ledger *l, fcc_bytes name, ledger_definition *out) FCC_MUST_CHECK;
/* Grows whenever a block has written to `_lifecycle` (approvals too) or configured the channel. */
uint64_t ledger_definitions_changed(const ledger *l);
/* Do definitions come from options->definition? */
bool ledger_defined_outside(const ledger *l);

/* A serialized common.Block with all its metadata, in the arena. FCC_ERR_NOT_FOUND. */
fcc_status ledger_block(const ledger *l, uint64_t number, fcc__arena *arena, fcc_bytes *block) FCC_MUST_CHECK;
fcc_status ledger_block_number_by_hash(const ledger *l, fcc_bytes header_hash, uint64_t *number) FCC_MUST_CHECK;

/* Where a transaction lies: its first occurrence, valid or not. */
typedef struct ledger_place {
    uint64_t block;
    uint32_t index; /* in the block */
    uint8_t code;   /* protos.TxValidationCode */
} ledger_place;

bool ledger_has_tx(const ledger *l, fcc_bytes txid);
fcc_status ledger_find_tx(const ledger *l, fcc_bytes txid, ledger_place *out) FCC_MUST_CHECK; /* FCC_ERR_NOT_FOUND */
/* Its Envelope, in the arena. FCC_ERR_NOT_FOUND. */
fcc_status ledger_envelope(const ledger *l, ledger_place place, fcc__arena *arena, fcc_bytes *out) FCC_MUST_CHECK;

/* What one transaction of a block has written to one private collection. */
typedef struct ledger_private {
    uint32_t index; /* of the transaction in the block */
    fcc_bytes ns, collection;
    fcc_bytes rwset; /* kvrwset.KVRWSet, without the keys that were purged */
    fcc_bytes
        members; /* common.SignaturePolicyEnvelope that a reader must satisfy; empty: whoever may read the block */
} ledger_private;

/*
 * All that an organisation's peer has of a block's private data, by transaction, namespace and collection; in the arena.
 * Nothing for a block that has none, or none any more.
 */
fcc_status ledger_private_of(const ledger *l, uint64_t block, const char *mspid, fcc__arena *arena,
                             const ledger_private **out, size_t *count) FCC_MUST_CHECK;

/* "MVCC_READ_CONFLICT"; "UNKNOWN" for a number without a name. */
const char *ledger_code_name(uint8_t code);

/* ---- simulating --------------------------------------------------------------------------------------------------- */

/*
 * One proposal at one organisation's peer, on one snapshot of the state: later commits are not seen, and neither are
 * its own writes. Holds a slot of the database's reader table until it is freed. What its calls give is borrowed until
 * ledger_sim_free.
 *
 * In all calls `ns` is the chaincode's name; `collection` is empty for public state. A call that is refused returns
 * FCC_ERR_PEER, and ledger_sim_error gives the cause, to be sent to the chaincode behind
 * `GET_STATE failed: transaction ID: ...: `. Key and collection are expected to be UTF-8.
 */
typedef struct ledger_sim ledger_sim;

typedef struct ledger_sim_options {
    const char *mspid; /* the endorsing organisation: its private data are seen */
    fcc_bytes txid;
    fcc_bytes creator; /* of the proposal, msp.SerializedIdentity: member-only collections ask who it is */
} ledger_sim_options;

fcc_status ledger_sim_new(ledger *l, const ledger_sim_options *options, ledger_sim **out) FCC_MUST_CHECK;
void ledger_sim_free(ledger_sim *sim);               /* takes NULL; closes its iterators */
const char *ledger_sim_error(const ledger_sim *sim); /* cause of the last failure; "" when none */

/* A chaincode is about to run: records the read of its Sequence in `_lifecycle`, as each Fabric transaction has it. */
fcc_status ledger_sim_enter(ledger_sim *sim, fcc_bytes ns) FCC_MUST_CHECK;

/* The definition in the snapshot; reads nothing into the set. Borrowed until ledger_sim_free. FCC_ERR_NOT_FOUND. */
fcc_status ledger_sim_definition(ledger_sim *sim, fcc_bytes ns, ledger_definition *out) FCC_MUST_CHECK;

/* Read; {NULL, 0} when the key is absent. Records the version. */
fcc_status ledger_sim_get(ledger_sim *sim, fcc_bytes ns, fcc_bytes collection, fcc_bytes key,
                          fcc_bytes *value) FCC_MUST_CHECK;
/* GET_STATE_MULTIPLE: one value for each key; `values` has room for `count`. */
fcc_status ledger_sim_get_multiple(ledger_sim *sim, fcc_bytes ns, fcc_bytes collection, const fcc_bytes *keys,
                                   size_t count, fcc_bytes *values) FCC_MUST_CHECK;
/* SHA-256 of a private value; empty when absent. Every organisation may ask. */
fcc_status ledger_sim_get_hash(ledger_sim *sim, fcc_bytes ns, fcc_bytes collection, fcc_bytes key,
                               fcc_bytes *hash) FCC_MUST_CHECK;
/* Write (an empty value deletes), delete, purge (private only). */
fcc_status ledger_sim_put(ledger_sim *sim, fcc_bytes ns, fcc_bytes collection, fcc_bytes key,
                          fcc_bytes value) FCC_MUST_CHECK;
fcc_status ledger_sim_delete(ledger_sim *sim, fcc_bytes ns, fcc_bytes collection, fcc_bytes key) FCC_MUST_CHECK;
fcc_status ledger_sim_purge(ledger_sim *sim, fcc_bytes ns, fcc_bytes collection, fcc_bytes key) FCC_MUST_CHECK;

/* A key's metadata, sorted by name; in practice one entry, VALIDATION_PARAMETER. */
typedef struct ledger_metadata {
    fcc_bytes name;
    fcc_bytes value;
} ledger_metadata;

fcc_status ledger_sim_get_metadata(ledger_sim *sim, fcc_bytes ns, fcc_bytes collection, fcc_bytes key,
                                   const ledger_metadata **entries, size_t *count) FCC_MUST_CHECK;
/* Replaces all metadata of the key; none deletes them. */
fcc_status ledger_sim_put_metadata(ledger_sim *sim, fcc_bytes ns, fcc_bytes collection, fcc_bytes key,
                                   const ledger_metadata *entries, size_t count) FCC_MUST_CHECK;

/* ---- queries with many results ------------------------------------------------------------------------------------ */

/* Borrowed from its simulator; closed with it. */
typedef struct ledger_iter ledger_iter;

enum {
    LEDGER_BATCH = 100,         /* results in one answer */
    LEDGER_QUERY_LIMIT = 10000, /* results of one query; then it ends silently */
};

/*
 * Keys from `start` to before `end` (empty: open) in byte order. page_size and bookmark are those of the request's
 * QueryMetadata, 0 and empty when it has none; collections ignore them, as in Fabric.
 */
fcc_status ledger_sim_range(ledger_sim *sim, fcc_bytes ns, fcc_bytes collection, fcc_bytes start, fcc_bytes end,
                            int32_t page_size, fcc_bytes bookmark, ledger_iter **out) FCC_MUST_CHECK;
/* Every valid write of a public key, newest first. Adds nothing to the read-write set. */
fcc_status ledger_sim_history(ledger_sim *sim, fcc_bytes ns, fcc_bytes key, ledger_iter **out) FCC_MUST_CHECK;

/* One QUERY answer: copy it into a QueryResponse. */
typedef struct ledger_page {
    const fcc_bytes *results; /* serialized queryresult.KV or queryresult.KeyModification */
    size_t count;
    bool has_more;
    bool paginated;     /* fetched and bookmark belong into the answer's metadata */
    int32_t fetched;    /* results of the query so far */
    fcc_bytes bookmark; /* next key; empty at the end */
} ledger_page;

/* The next batch; what it gives lives in `arena`. When has_more is false the iterator is done: ledger_iter_close it. */
fcc_status ledger_iter_page(ledger_iter *iter, fcc__arena *arena, ledger_page *out) FCC_MUST_CHECK;
void ledger_iter_close(ledger_iter *iter); /* takes NULL */

/* ---- the result of a simulation ----------------------------------------------------------------------------------- */

typedef struct ledger_results {
    fcc_bytes rwset; /* rwset.TxReadWriteSet: ChaincodeAction.results */
    fcc_bytes
        private_rwset; /* rwset.TxPvtReadWriteSet for ledger_transient_put; empty when nothing private is written */
    /* What has to endorse it, for planning with msp_channel_satisfied_by_orgs: protos.ApplicationPolicy each. */
    const fcc_bytes *policies;
    size_t policy_count;
    fcc_bytes interest; /* the same as Fabric's peers tell it: protos.ChaincodeInterest */
} ledger_results;

/* Once, when the chaincode has answered. The bytes live in `arena`. */
fcc_status ledger_sim_finish(ledger_sim *sim, fcc__arena *arena, ledger_results *out) FCC_MUST_CHECK;

/*
 * Keep the private write sets of an endorsed proposal until its transaction commits. Copied. Calling it for each
 * endorsing organisation is right: equal ones are kept once. On disk when it returns: whoever has the endorsements may
 * submit them after a crash. At the commit only member organisations get the data, and only if their hash is the one in the transaction.
 */
fcc_status ledger_transient_put(ledger *l, fcc_bytes txid, fcc_bytes private_rwset) FCC_MUST_CHECK;
/* Forget proposals that were put while the ledger was lower than `below_height`. */
fcc_status ledger_transient_purge(ledger *l, uint64_t below_height) FCC_MUST_CHECK;

/*
 * Give organisations that have become members of a chaincode's collections what other ones have of them: private values
 * and the write sets of all blocks so far. The ledger does it itself when `_lifecycle` changes; who gives definitions from
 * outside calls it at each change, the first one included. Empty `chaincode`: all that `_lifecycle` defines. Costs little
 * when no membership has changed.
 */
fcc_status ledger_reconcile(ledger *l, fcc_bytes chaincode) FCC_MUST_CHECK;

/* ---- blocks ------------------------------------------------------------------------------------------------------- */

/* SHA-256 of the header's DER form, and of the joined envelopes. */
fcc__sha256 ledger_header_hash(uint64_t number, fcc_bytes previous_hash, fcc_bytes data_hash);
fcc__sha256 ledger_data_hash(const fcc_bytes *envelopes, size_t count);

/*
 * The orderer's part: the next block over these envelopes, signed, as serialized common.Block in the arena. FCC_ERR_ARG
 * for an envelope that is not its own canonical form (Fabric's peers refuse such blocks), for a CONFIG that is not alone,
 * or before the genesis block.
 */
fcc_status ledger_next_block(const ledger *l, const fcc_bytes *envelopes, size_t count, const msp_signer *orderer,
                             fcc__arena *arena, fcc_bytes *block) FCC_MUST_CHECK;
/* The check that ledger_next_block makes of each envelope. */
bool ledger_envelope_canonical(fcc_bytes envelope, fcc__arena *arena);

/*
 * Is this block, from wherever it comes, one that the channel's orderers made? Its data hash, the canonical form of its
 * transactions, the orderers' signatures by /Channel/Orderer/BlockValidation (in a BFT channel also of consenters by
 * number), and the newest config block that it names. Block 0 has no signature. Neither the transactions' codes nor the
 * commit hash are the orderer's: those are not looked at, nor is the block's place in the chain.
 *
 * @param channel      as the blocks before this one have it
 * @param last_config  number of the newest config block before this one
 *
 * @return FCC_OK; FCC_ERR_CORRUPT with the reason
 */
fcc_status ledger_verify_block(const msp_channel *channel, fcc_bytes block, uint64_t last_config,
                               fcc_error *error) FCC_MUST_CHECK;

/* One transaction of a block. Everything is borrowed from the arena and the envelope. */
typedef struct ledger_tx {
    int32_t type; /* common.HeaderType */
    fcc_bytes channel;
    fcc_bytes txid; /* computed when the header has none, as for config transactions */
    int64_t seconds;
    int32_t nanos;
    fcc_bytes creator;
    fcc_bytes nonce;
    fcc_bytes chaincode; /* empty unless it is an endorser transaction */
    fcc_bytes event;     /* serialized protos.ChaincodeEvent; empty without event */
    fcc_bytes response;  /* payload of the chaincode's response */
    int32_t status;
    fcc_bytes rwset;
} ledger_tx;

/* Take an envelope apart. FCC_ERR_PROTO when it can't be read; then *out has what could be read. */
fcc_status ledger_tx_parse(fcc_bytes envelope, fcc__arena *arena, ledger_tx *out) FCC_MUST_CHECK;

/*
 * What a transaction with MVCC_READ_CONFLICT or PHANTOM_READ_CONFLICT ran into. In a range of more than 50 results only
 * hashes are recorded: then the newest write in it is named, or nothing when that can't be told.
 */
typedef struct ledger_conflict {
    fcc_bytes ns;         /* empty: no conflict */
    fcc_bytes collection; /* empty for a public key */
    fcc_bytes key;        /* for a collection the key's hash; empty when it can't be told */
    bool writer_known;    /* false for deleted private keys */
    uint64_t writer_block;
    uint32_t writer_index;
} ledger_conflict;

/* What a commit has decided. In the arena. */
typedef struct ledger_committed {
    uint64_t number;
    size_t count;
    const uint8_t *codes;   /* the transaction filter */
    const fcc_bytes *txids; /* may be empty for an unreadable transaction */
    const ledger_conflict *conflicts;
    fcc_bytes block; /* serialized, with filter and commit hash */
} ledger_committed;

/*
 * Validate the next block and commit it: block file, then state, history, indexes and private data in one go. The block
 * is common.Block as the orderer made it; slots 2 and 4 are overwritten. The genesis block comes first; the channel's
 * configuration is taken from it.
 *
 * @return FCC_OK           durable; some transactions may be invalid
 *         FCC_ERR_CORRUPT  not the next block of this chain (number, hashes), not signed by its orderers, a configuration
 *                          that does not follow from the channel's, or not readable: nothing was written
 *         FCC_ERR_IO       the ledger must be closed and opened again
 */
fcc_status ledger_commit(ledger *l, fcc_bytes block, fcc__arena *arena, ledger_committed *out,
                         fcc_error *error) FCC_MUST_CHECK;

/*
 * The same for who doesn't want to wait for the state: `safe` is called once the block is decided and on disk, where any
 * later start takes it from, whatever becomes of this one. It must not use the ledger. FCC_ERR_IO may still follow.
 */
typedef void (*ledger_safe)(void *ctx, const ledger_committed *block);
fcc_status ledger_commit_telling(ledger *l, fcc_bytes block, ledger_safe safe, void *ctx, fcc__arena *arena,
                                 ledger_committed *out, fcc_error *error) FCC_MUST_CHECK;

/* A key for a person: composite ones with ~ for their separator. */
void ledger_show_key(fcc__buf *out, fcc_bytes key);

/* For a person: the plain keys of private data, where somebody knows them. */
typedef struct ledger_names {
    bool (*key_of_hash)(void *ctx, fcc_bytes hash, fcc_bytes *key);
    void *ctx;
} ledger_names;

/*
 * Why transaction `index` of a block that was just committed is invalid: its function and its caller's organisation, and
 * for a read conflict the key and the transaction that wrote it, with its function. Never a value. In the arena.
 *
 * @param names  may be NULL
 */
const char *ledger_why(const ledger *l, const ledger_committed *block, size_t index, const ledger_names *names,
                       fcc__arena *arena);

/*
 * What ledger_commit would decide about this block, and how it would come out: as ledger_commit, but nothing is written
 * and the ledger stays where it is. Costs what a commit costs, without its syncs.
 */
fcc_status ledger_judge(ledger *l, fcc_bytes block, fcc__arena *arena, ledger_committed *out,
                        fcc_error *error) FCC_MUST_CHECK;

/*
 * For a reader of somebody else's blocks: as ledger_commit, but with the codes that the block's filter records instead
 * of own validation, so that the commit hash follows from them.
 */
fcc_status ledger_commit_recorded(ledger *l, fcc_bytes block, fcc__arena *arena, ledger_committed *out,
                                  fcc_error *error) FCC_MUST_CHECK;

#endif
