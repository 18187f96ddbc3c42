/* internal.h: what the ledger's own files share. */
#ifndef NETWORK_LEDGER_INTERNAL_H
#define NETWORK_LEDGER_INTERNAL_H

#include "ledger/block.h"
#include "ledger/files.h"
#include "ledger/ledger.h"
#include "ledger/map.h"
#include "ledger/store.h"
#include "ledger/transaction.h"

enum {
    LEDGER__ARENA_CAP = 1 << 30,
    LEDGER__KEY_MAX = 1 << 28,
    LEDGER__MAX_DEGREE = 50, /* results of a range query that are recorded one by one; more are hashed */
    LEDGER__VERSION_LEN = 16,
};

/* The end of every refusal of damaged files, with the ledger's directory. */
#define LEDGER__RESTORE "put back a copy of %s made before, or start over with an empty directory"

/* Where a commit stops as if the process had been killed there. Tests only. */
typedef enum ledger__step {
    LEDGER__NEVER,
    LEDGER__AFTER_APPEND /* the block is safe, the state has not followed */
} ledger__step;
extern ledger__step ledger__fault;

typedef struct ledger__definitions ledger__definitions;

struct ledger {
    char *dir;
    ledger__store store;
    ledger__files files;
    int lock;    /* descriptor that holds the lock; -1: none */
    bool broken; /* a commit failed half-way: only closing and opening again tells what is on disk */
    char **orgs;
    size_t org_count;
    fcc_status (*definition)(void *ctx, fcc_bytes name, ledger_definition *out);
    void *definition_ctx;
    ledger__definitions *definitions; /* of the committed state */
    uint64_t definitions_changed;
    msp_channel *channel;
    const msp_channel *lent; /* options->genesis_channel: not freed */
    uint64_t height;
    uint64_t config_block;
    fcc__sha256 hash;
    fcc__sha256 commit_hash;
    bool has_commit_hash;
    fcc__buf key; /* scratch: a database key, used at once */
};

/* ---- state.c: keys and values of the state ------------------------------------------------------------------------ */

typedef struct ledger__version {
    uint64_t block;
    uint64_t tx;
} ledger__version;

typedef struct ledger__entry {
    bool exists;
    ledger__version version;
    fcc_bytes metadata; /* kvrwset.KVMetadataWrite with entries alone; empty without metadata */
    fcc_bytes value;
} ledger__entry;

/* With a collection, `key` is the hash of the key. Borrowed from l->key until the next of these calls. */
fcc_bytes ledger__state_key(ledger *l, fcc_bytes ns, fcc_bytes collection, fcc_bytes key);
/* kind 'k': the plain key's value; 'h': from the key's hash to the plain key. */
fcc_bytes ledger__private_key(ledger *l, const char *mspid, fcc_bytes ns, fcc_bytes collection, char kind,
                              fcc_bytes key);
/* Of LEDGER__HISTORY: it ends in LEDGER__VERSION_LEN bytes of its version, which ledger__history_version takes off it. */
fcc_bytes ledger__history_key(ledger *l, fcc_bytes ns, fcc_bytes key, ledger__version version);
bool ledger__history_version(fcc_bytes key, ledger__version *out);
/* Of LEDGER__CHAINS. */
fcc_bytes ledger__chain_key(ledger *l, ledger__version version);
fcc_bytes ledger__number_key(ledger *l, char kind, uint64_t number);

/* FCC_OK also when it doesn't exist. A key past LEDGER__KEY_MAX ({NULL, 0}) is FCC_ERR_LIMIT. */
fcc_status ledger__entry_get(const ledger *l, MDB_txn *txn, ledger__table table, fcc_bytes key,
                             ledger__entry *out) FCC_MUST_CHECK;
fcc_status ledger__entry_parse(fcc_bytes stored, ledger__entry *out) FCC_MUST_CHECK;
fcc_status ledger__entry_put(const ledger *l, MDB_txn *txn, ledger__table table, fcc_bytes key,
                             const ledger__entry *entry) FCC_MUST_CHECK;
bool ledger__version_is(const ledger__entry *entry, const Kvrwset__Version *version);
fcc_status ledger__metadata_pack(Kvrwset__KVMetadataEntry **entries, size_t count, fcc__arena *arena,
                                 fcc_bytes *out) FCC_MUST_CHECK;
/* The value of one entry; empty when it is not there. */
fcc_status ledger__metadata_find(fcc_bytes metadata, fcc_bytes name, fcc__arena *arena, fcc_bytes *out) FCC_MUST_CHECK;

/* ---- lifecycle.c: chaincode definitions ---------------------------------------------------------------------------- */

/* What a state says about chaincodes, as far as somebody has asked. Counted users. */
ledger__definitions *ledger__definitions_new(void);
ledger__definitions *ledger__definitions_use(ledger__definitions *definitions);
void ledger__definitions_drop(ledger__definitions *definitions); /* takes NULL */
/* The committed state's are to be read anew. */
fcc_status ledger__definitions_renew(ledger *l) FCC_MUST_CHECK;

/* A snapshot of the state and its definitions. In calls, NULL is the committed state. */
typedef struct ledger__view {
    ledger__definitions *definitions;
    MDB_txn *txn;
} ledger__view;

/* The definition of a namespace, `_lifecycle` included. Lives as long as the view's definitions. */
fcc_status ledger__definition(const ledger *l, const ledger__view *view, fcc_bytes name,
                              ledger_definition *out) FCC_MUST_CHECK;

/* ---- collections.c: private data collections and who is in them ---------------------------------------------------- */

typedef struct ledger__collection {
    bool implicit;
    fcc_bytes owner;         /* MSP id of an implicit collection */
    fcc_bytes member_policy; /* common.SignaturePolicyEnvelope; empty for an implicit one */
    bool member_only_read;
    bool member_only_write;
    uint64_t block_to_live;
    fcc_bytes endorsement_policy; /* protos.ApplicationPolicy; empty: the chaincode's */
} ledger__collection;

/* FCC_ERR_NOT_FOUND. In the arena. */
fcc_status ledger__find_collection(const ledger *l, const ledger__view *view, fcc_bytes ns, fcc_bytes name,
                                   fcc__arena *arena, ledger__collection *out) FCC_MUST_CHECK;
bool ledger__is_member(const ledger__collection *collection, const char *mspid);

/* ---- range.c: what a range query has seen -------------------------------------------------------------------------- */

typedef struct ledger__hashes {
    fcc_bytes *v;
    size_t count, room;
} ledger__hashes;

enum { LEDGER__MAX_LEVELS = 64 };

typedef struct ledger__range {
    fcc__arena *arena;
    uint32_t max_degree;
    Kvrwset__KVRead **pending;
    size_t pending_count, pending_room;
    ledger__hashes levels[LEDGER__MAX_LEVELS]; /* 0: leaves, Fabric's level 1 */
    uint32_t max_level;
} ledger__range;

void ledger__range_init(ledger__range *range, fcc__arena *arena, uint32_t max_degree);
fcc_status ledger__range_add(ledger__range *range, fcc_bytes key, ledger__version version) FCC_MUST_CHECK;
/* Fills reads_info. */
fcc_status ledger__range_done(ledger__range *range, Kvrwset__RangeQueryInfo *info) FCC_MUST_CHECK;

/* ---- rwset.c: building the result of a simulation ------------------------------------------------------------------ */

typedef struct ledger__builder {
    fcc__arena *arena;
    ledger__map namespaces;
} ledger__builder;

void ledger__builder_init(ledger__builder *builder, fcc__arena *arena);
fcc_status ledger__add_read(ledger__builder *builder, fcc_bytes ns, fcc_bytes collection, fcc_bytes key,
                            const ledger__entry *entry) FCC_MUST_CHECK;
fcc_status ledger__add_write(ledger__builder *builder, fcc_bytes ns, fcc_bytes collection, fcc_bytes key,
                             fcc_bytes value, bool purge) FCC_MUST_CHECK;
fcc_status ledger__add_metadata(ledger__builder *builder, fcc_bytes ns, fcc_bytes collection, fcc_bytes key,
                                const ledger_metadata *entries, size_t count) FCC_MUST_CHECK;
fcc_status ledger__add_range(ledger__builder *builder, fcc_bytes ns, Kvrwset__RangeQueryInfo *info) FCC_MUST_CHECK;
/* Both in `arena`. */
fcc_status ledger__build(ledger__builder *builder, fcc__arena *arena, fcc_bytes *rwset,
                         fcc_bytes *private_rwset) FCC_MUST_CHECK;

/* ---- validate.c: is each transaction well-formed, signed and endorsed? --------------------------------------------- */

/* One transaction on its way through the phases of validation. */
typedef struct ledger__candidate {
    ledger__transaction tx;
    ledger__rwset rwset; /* of a readable endorser transaction */
    bool has_rwset;
    uint8_t code;
    ledger_conflict conflict; /* of one that fails for its reads */
} ledger__candidate;

/*
 * Phases 1 and 2, for all transactions of a block, against the state before it. A configuration that doesn't follow from
 * the channel's has no code: FCC_ERR_CORRUPT, and nobody takes the block. `*next` is the channel after a good one.
 */
fcc_status ledger__validate(ledger *l, MDB_txn *txn, const ledger__block *block, ledger__candidate *candidates,
                            fcc__arena *arena, msp_channel **next, fcc_error *error) FCC_MUST_CHECK;

/* ---- apply.c: what the valid transactions change ------------------------------------------------------------------- */

/* What a block does to one key. */
typedef struct ledger__update {
    fcc_bytes ns, collection, key;
    bool is_delete;
    fcc_bytes value;
    uint32_t index; /* the last transaction that changed it */
} ledger__update;

typedef struct ledger__updates {
    ledger *l;
    MDB_txn *txn;
    fcc__arena *arena;
    uint64_t block;
    ledger__map map;         /* state key to the last update of the block */
    ledger__map collections; /* looked up so far */
    bool defines;            /* something in `_lifecycle` is written */
} ledger__updates;

void ledger__updates_init(ledger__updates *updates, ledger *l, MDB_txn *txn, fcc__arena *arena, uint64_t block);
fcc_status ledger__apply(ledger__updates *updates, const ledger__rwset *rwset, uint32_t index) FCC_MUST_CHECK;
/* The deterministic bytes that go into the commit hash. */
fcc_status ledger__updates_pack(ledger__updates *updates, fcc__buf *out) FCC_MUST_CHECK;

/* ---- history.c: which versions a public key has had ---------------------------------------------------------------- */

/* Note what a valid transaction's public writes replace. Before any of them has changed the state. */
fcc_status ledger__history_note(const ledger__updates *updates, const ledger__rwset *rwset,
                                uint32_t index) FCC_MUST_CHECK;
/*
 * A transaction has changed a public key, which had the version `before`. `written`: not its metadata alone; `stands`:
 * the key is in the state now, with this transaction as its version.
 */
fcc_status ledger__history_move(const ledger__updates *updates, fcc_bytes state_key, bool written, bool stands,
                                uint32_t index, ledger__version before) FCC_MUST_CHECK;
/* FCC_ERR_NOT_FOUND: the key was never written. */
fcc_status ledger__history_newest(ledger *l, MDB_txn *txn, fcc_bytes ns, fcc_bytes key,
                                  ledger__version *out) FCC_MUST_CHECK;
/* The version before `at`, in which the key is that write of the transaction, from 0, counted over all namespaces. */
fcc_status ledger__history_before(ledger *l, MDB_txn *txn, fcc_bytes ns, fcc_bytes key, ledger__version at,
                                  size_t write, ledger__version *out) FCC_MUST_CHECK;

/* ---- conflicts.c: has what a transaction read been changed since? --------------------------------------------------- */

/*
 * Phase 3: VALID, MVCC_READ_CONFLICT or PHANTOM_READ_CONFLICT, after the block's earlier transactions. What the conflict
 * is about is borrowed from the set and the updates' arena.
 */
fcc_status ledger__check_reads(ledger__updates *updates, const ledger__rwset *rwset, uint8_t *code,
                               ledger_conflict *conflict) FCC_MUST_CHECK;

/* ---- private.c: private data on their way from endorsement to the members' stores ---------------------------------- */

/* Forget the write sets of these transactions, which a block has now. */
fcc_status ledger__transient_drop(ledger__updates *updates, const ledger__candidate *candidates,
                                  size_t count) FCC_MUST_CHECK;
/* Give a valid transaction's private data to the member organisations. */
fcc_status ledger__private_apply(ledger__updates *updates, const ledger__candidate *candidate,
                                 uint32_t index) FCC_MUST_CHECK;
/* A hash was deleted: nobody keeps the value. */
fcc_status ledger__private_forget(ledger *l, MDB_txn *txn, fcc_bytes ns, fcc_bytes collection, fcc_bytes key_hash,
                                  const ledger__version *only) FCC_MUST_CHECK;
/* A hash was written: it may end with a later block. */
fcc_status ledger__expiry_note(ledger__updates *updates, fcc_bytes ns, fcc_bytes collection, fcc_bytes key_hash,
                               uint32_t index) FCC_MUST_CHECK;
/* Remove what ends with this block. */
fcc_status ledger__expire(ledger__updates *updates) FCC_MUST_CHECK;

/* ---- writesets.c: the private write sets of each block ----------------------------------------------------------- */

/* Keep one for the member organisations. `rwset` are its bytes. */
fcc_status ledger__writeset_keep(ledger__updates *updates, fcc_bytes ns, fcc_bytes name,
                                 const ledger__collection *collection, fcc_bytes rwset, const Kvrwset__KVRWSet *set,
                                 uint32_t index) FCC_MUST_CHECK;
/* Take what this transaction purges out of all of them. After its own are kept. */
fcc_status ledger__writesets_purge(ledger__updates *updates, const ledger__rwset *rwset) FCC_MUST_CHECK;
/* Keep for `org` as well what `source` has of a collection. Walks over all write sets. */
fcc_status ledger__writesets_copy(ledger__updates *updates, const char *source, const char *org, fcc_bytes ns,
                                  fcc_bytes name, const ledger__collection *collection) FCC_MUST_CHECK;
/* Remove those that end with this block. */
fcc_status ledger__writesets_expire(ledger__updates *updates) FCC_MUST_CHECK;

/* ---- ledger.c ------------------------------------------------------------------------------------------------------ */

/* Free it, unless it is somebody else's. Takes NULL. */
void ledger__channel_free(const ledger *l, msp_channel *channel);
/* The block's place; FCC_ERR_NOT_FOUND. */
fcc_status ledger__block_at(const ledger *l, MDB_txn *txn, uint64_t number, fcc__arena *arena,
                            ledger__block *out) FCC_MUST_CHECK;

#endif
