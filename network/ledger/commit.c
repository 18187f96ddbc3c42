/*
 * commit.c: one block from its arrival to the disk.
 *
 * One transaction of the database is opened, in which the block is validated and applied, then the block goes into its
 * file, and is indexed while the disk writes it. It is synced, from when on it counts as committed, and last that transaction
 * commits. The private write sets of the block's transactions have been on disk since they were endorsed. Whatever moment
 * the power goes at, the file has the block whole or not, and the database follows the file.
 */
#include "ledger/commit.h"

#include "protos/unpack.h"

#include <errno.h>

#define CODE(name) ((uint8_t)PROTOS__TX_VALIDATION_CODE__##name)

ledger__step ledger__fault = LEDGER__NEVER;

static const ledger__teller nobody;

/* What is on its way to the disk. */
struct commit {
    ledger *l;
    MDB_txn *txn;
    fcc__arena *arena;
    ledger__block *block;
    ledger__mode mode;
    ledger__candidate *candidates;
    ledger__updates updates;
    msp_channel *channel; /* of a config block, until it has become the ledger's */
    fcc__sha256 hash;     /* of the header */
    fcc__sha256 commit_hash;
    bool has_commit_hash;
    ledger__spot spot; /* of the block in its file */
    bool written;      /* it is there, the database must follow */
};

fcc_bytes ledger__hash_key(ledger *l, fcc_bytes hash)
{
    fcc__buf_reset(&l->key);
    fcc__buf_putc(&l->key, 'h');
    fcc__buf_add(&l->key, hash);
    return fcc__buf_bytes(&l->key);
}

/* Does the block continue this chain, and is its header about its data? */
static fcc_status check_chain(struct commit *c, fcc_error *error)
{
    const ledger *l = c->l;
    const ledger__block *block = c->block;
    fcc_bytes previous = l->height ? fcc__sha256_bytes(&l->hash) : fcc_bytes_of(NULL, 0);
    fcc__sha256 data = ledger_data_hash(block->envelopes, block->count);

    if (block->number != l->height)
        return fcc_error_set(error, FCC_ERR_CORRUPT, "block %llu where %llu comes next",
                             (unsigned long long)block->number, (unsigned long long)l->height);
    if (!fcc_bytes_equal(block->previous_hash, previous))
        return fcc_error_set(error, FCC_ERR_CORRUPT, "block %llu does not continue this chain: previous hash differs",
                             (unsigned long long)block->number);
    if (!fcc_bytes_equal(block->data_hash, fcc__sha256_bytes(&data)))
        return fcc_error_set(error, FCC_ERR_CORRUPT, "block %llu: its data hash is not that of its data",
                             (unsigned long long)block->number);
    c->hash = ledger_header_hash(block->number, block->previous_hash, block->data_hash);
    return FCC_OK;
}

static fcc_status unpack_candidates(struct commit *c)
{
    fcc_status st = FCC_OK;
    size_t i;

    c->candidates = fcc__arena_zalloc(c->arena, c->block->count, sizeof *c->candidates);
    if (!c->candidates)
        return FCC_ERR_LIMIT;
    for (i = 0; st == FCC_OK && i < c->block->count; i++) {
        ledger__candidate *one = &c->candidates[i];

        st = ledger__transaction_unpack(c->block->envelopes[i], c->arena, &one->tx);
        if (st != FCC_OK || !one->tx.action)
            continue;
        st = ledger__rwset_unpack(fcc__of_pb(one->tx.action->results), c->arena, &one->rwset);
        one->has_rwset = st == FCC_OK;
        if (st == FCC_ERR_PROTO)
            st = FCC_OK;
    }
    return st;
}

/* Are the codes our own? */
static bool validates(const struct commit *c)
{
    return c->mode == LEDGER__VALIDATING || c->mode == LEDGER__JUDGING;
}

static bool is_config(const ledger__candidate *one)
{
    return one->tx.channel_header && one->tx.channel_header->type == COMMON__HEADER_TYPE__CONFIG;
}

/* The genesis block is trusted as it is; every other one is signed by the orderers that the channel has before it. */
static fcc_status check_orderers(const struct commit *c, fcc_error *error)
{
    const ledger *l = c->l;
    bool config = false;
    size_t i;

    if (c->mode == LEDGER__REPLAY || c->block->number == 0)
        return FCC_OK;
    for (i = 0; i < c->block->count; i++)
        config = config || is_config(&c->candidates[i]);
    return ledger__verify_block(l->channel, c->block, config ? c->block->number : l->config_block, error);
}

/* Codes from the first phases: the genesis block's are given, a recorded block's are its own. */
static fcc_status first_codes(struct commit *c, fcc_error *error)
{
    fcc_bytes filter = c->block->metadata[LEDGER__FILTER];
    size_t i;

    if (c->block->number == 0) {
        if (c->block->count != 1 || !is_config(&c->candidates[0]))
            return fcc_error_set(error, FCC_ERR_CORRUPT, "the genesis block must hold one CONFIG transaction");
        return FCC_OK;
    }
    if (validates(c))
        return ledger__validate(c->l, c->txn, c->block, c->candidates, c->arena, &c->channel, error);
    if (filter.len != c->block->count)
        return fcc_error_set(error, FCC_ERR_CORRUPT, "block %llu has no code for each transaction",
                             (unsigned long long)c->block->number);
    for (i = 0; i < c->block->count; i++)
        c->candidates[i].code = filter.data[i];
    return FCC_OK;
}

static fcc_status borrow_channel(struct commit *c)
{
    c->channel = (msp_channel *)(uintptr_t)c->l->lent;
    return FCC_OK;
}

/* The channel's configuration is state too, and decides about all later blocks. */
static fcc_status apply_config(struct commit *c, size_t i, fcc_error *error)
{
    fcc_bytes none = { NULL, 0 }, message;
    ledger__entry entry;
    fcc_status st = c->channel ? FCC_OK : ledger__block_pack(c->block, c->arena, &message);

    if (st == FCC_OK && !c->channel)
        st = c->block->number == 0 && c->l->lent ? borrow_channel(c)
                                                 : msp_channel_from_block(message, &c->channel, error);
    if (st != FCC_OK)
        return st == FCC_ERR_PROTO || st == FCC_ERR_CONFIG ? FCC_ERR_CORRUPT : st;
    memset(&entry, 0, sizeof entry);
    entry.exists = true;
    entry.version.block = c->block->number;
    entry.version.tx = i;
    entry.value = fcc__of_pb(c->candidates[i].tx.payload->data);
    return ledger__entry_put(c->l, c->txn, LEDGER__STATE,
                             ledger__state_key(c->l, none, none, FCC_LIT("CHANNEL_CONFIG_ENV_BYTES")), &entry);
}

static fcc_status apply_one(struct commit *c, size_t i, fcc_error *error)
{
    ledger__candidate *one = &c->candidates[i];
    fcc_status st = FCC_OK;

    if (one->code != CODE(VALID))
        return FCC_OK;
    if (is_config(one))
        return apply_config(c, i, error);
    if (!one->tx.action || !one->has_rwset) {
        if (!validates(c))
            return fcc_error_set(error, FCC_ERR_CORRUPT,
                                 "block %llu: transaction %zu is recorded as valid, but unreadable",
                                 (unsigned long long)c->block->number, i);
        one->code = one->tx.action ? CODE(INVALID_OTHER_REASON) : CODE(NIL_TXACTION);
        return FCC_OK;
    }
    if (validates(c))
        st = ledger__check_reads(&c->updates, &one->rwset, &one->code, &one->conflict);
    if (st == FCC_OK && one->code == CODE(VALID)) {
        st = ledger__apply(&c->updates, &one->rwset, (uint32_t)i);
        if (st == FCC_OK)
            st = ledger__private_apply(&c->updates, one, (uint32_t)i);
        if (st == FCC_OK)
            st = ledger__writesets_purge(&c->updates, &one->rwset);
    }
    return st;
}

/* The first transaction of an id is the one that is found later. */
static fcc_status index_txs(struct commit *c)
{
    fcc_status st = FCC_OK;
    fcc_bytes stored;
    fcc__buf value;
    size_t i;

    fcc__buf_init(&value, 64);
    for (i = 0; st == FCC_OK && i < c->block->count; i++) {
        fcc_bytes txid = c->candidates[i].tx.txid;

        if (!txid.len)
            continue;
        st = ledger__get(&c->l->store, c->txn, LEDGER__TXS, txid, &stored);
        if (st != FCC_ERR_NOT_FOUND)
            continue;
        fcc__buf_reset(&value);
        fcc__buf_uvarint(&value, c->block->number);
        fcc__buf_uvarint(&value, i);
        fcc__buf_uvarint(&value, c->candidates[i].code);
        st = fcc__buf_ok(&value) ? ledger__put(&c->l->store, c->txn, LEDGER__TXS, txid, fcc__buf_bytes(&value))
                                 : value.status;
    }
    fcc__buf_clear(&value);
    return st;
}

/* Slots 2 and 4. H(n) = SHA-256(number of codes, codes, updates, H(n-1)), from block 1 on. */
static fcc_status seal(struct commit *c)
{
    Common__Metadata metadata = COMMON__METADATA__INIT;
    uint8_t *codes = fcc__arena_alloc(c->arena, c->block->count);
    fcc__buf bytes;
    fcc_status st;
    size_t i;

    if (!codes)
        return FCC_ERR_LIMIT;
    for (i = 0; i < c->block->count; i++)
        codes[i] = c->candidates[i].code;
    c->block->metadata[LEDGER__FILTER] = fcc_bytes_of(codes, c->block->count);
    c->block->metadata[LEDGER__COMMIT_HASH] = fcc_bytes_of(NULL, 0);
    if (c->block->number == 0)
        return FCC_OK;
    fcc__buf_init(&bytes, SIZE_MAX / 2);
    fcc__buf_uvarint(&bytes, c->block->count);
    fcc__buf_append(&bytes, codes, c->block->count);
    st = ledger__updates_pack(&c->updates, &bytes);
    fcc__buf_add(&bytes, ledger_commit_hash(c->l));
    if (st == FCC_OK)
        st = bytes.status;
    if (st == FCC_OK) {
        c->commit_hash = fcc__sha256_of(fcc__buf_bytes(&bytes));
        c->has_commit_hash = true;
        metadata.value = fcc__pb(fcc__sha256_bytes(&c->commit_hash));
        st = fcc__pack(&metadata, c->arena, &c->block->metadata[LEDGER__COMMIT_HASH]);
    }
    fcc__buf_clear(&bytes);
    return st;
}

/* Where the block lies, and how far the database has come. */
static fcc_status index_block(struct commit *c)
{
    const ledger__spot spot = c->spot;
    ledger *l = c->l;
    fcc__buf value;
    fcc_status st;

    fcc__buf_init(&value, 256);
    fcc__buf_uvarint(&value, spot.file);
    fcc__buf_uvarint(&value, spot.offset);
    fcc__buf_uvarint(&value, spot.len);
    fcc__buf_add(&value, fcc__sha256_bytes(&spot.hash));
    st = ledger__put(&l->store, c->txn, LEDGER__BLOCKS, ledger__number_key(l, 'n', c->block->number),
                     fcc__buf_bytes(&value));
    fcc__buf_reset(&value);
    fcc__buf_uvarint(&value, c->block->number);
    if (st == FCC_OK)
        st = ledger__put(&l->store, c->txn, LEDGER__BLOCKS, ledger__hash_key(l, fcc__sha256_bytes(&c->hash)),
                         fcc__buf_bytes(&value));
    fcc__buf_reset(&value);
    fcc__buf_uvarint(&value, c->block->number + 1);
    fcc__buf_uvarint(&value, spot.file);
    fcc__buf_uvarint(&value, spot.offset + spot.len);
    fcc__buf_uvarint(&value, c->channel ? c->block->number : l->config_block);
    ledger__add_piece(&value, fcc__sha256_bytes(&c->hash));
    ledger__add_piece(&value, c->has_commit_hash ? fcc__sha256_bytes(&c->commit_hash) : fcc_bytes_of(NULL, 0));
    if (st == FCC_OK)
        st = value.status;
    if (st == FCC_OK)
        st = ledger__put(&l->store, c->txn, LEDGER__META, FCC_LIT("savepoint"), fcc__buf_bytes(&value));
    fcc__buf_clear(&value);
    return st;
}

/* The disk is full, or fails. */
static fcc_status disk_failed(const struct commit *c, const char *folder, const char *file, fcc_error *error)
{
    return fcc_error_set(error, FCC_ERR_IO,
                         "%s/%s/%s: %s: block %llu was not committed, those before it are safe: make room or mend the "
                         "disk, then start again",
                         c->l->dir, folder, file, strerror(errno), (unsigned long long)c->block->number);
}

/* The block files can't be written: nothing is, until they are opened again. */
static void files_failed(struct commit *c, fcc_error *error)
{
    char name[LEDGER__FILE_NAME];

    c->l->broken = true;
    ledger__files_name(c->l->files.file, name);
    disk_failed(c, "blocks", name, error);
}

static fcc_status write_block(struct commit *c, fcc_error *error)
{
    fcc__buf record;
    fcc_status st;

    fcc__buf_init(&record, SIZE_MAX / 2);
    ledger__block_write(c->block, &record);
    st = record.status;
    if (st == FCC_OK)
        st = ledger__files_write(&c->l->files, fcc__buf_bytes(&record), &c->spot);
    c->written = st == FCC_OK;
    if (st == FCC_ERR_IO)
        files_failed(c, error);
    fcc__buf_clear(&record);
    return st;
}

static fcc_status sync_block(struct commit *c, fcc_error *error)
{
    fcc_status st = ledger__files_sync(&c->l->files, &c->spot);

    if (st != FCC_OK)
        files_failed(c, error);
    else if (ledger__fault == LEDGER__AFTER_APPEND)
        st = FCC_ERR_INTERNAL;
    return st;
}

/* All that happens inside the database's transaction, which is left open. */
static fcc_status fill(struct commit *c, const ledger__spot *known, fcc_error *error)
{
    fcc_bytes recorded = c->block->metadata[LEDGER__COMMIT_HASH];
    fcc_status st = first_codes(c, error);
    size_t i;

    ledger__updates_init(&c->updates, c->l, c->txn, c->arena, c->block->number);
    for (i = 0; st == FCC_OK && i < c->block->count; i++)
        st = apply_one(c, i, error);
    if (st == FCC_OK)
        st = seal(c);
    if (st == FCC_OK && c->mode == LEDGER__REPLAY &&
        !fcc_bytes_equal(recorded, c->block->metadata[LEDGER__COMMIT_HASH]))
        st = fcc_error_set(error, FCC_ERR_CORRUPT, "block %llu: the state does not give its commit hash",
                           (unsigned long long)c->block->number);
    if (c->mode == LEDGER__JUDGING)
        return st;
    if (st == FCC_OK)
        st = ledger__expire(&c->updates);
    if (st == FCC_OK)
        st = ledger__writesets_expire(&c->updates);
    if (st == FCC_OK)
        st = ledger__transient_drop(&c->updates, c->candidates, c->block->count);
    if (st == FCC_OK && known)
        c->spot = *known;
    else if (st == FCC_OK)
        st = write_block(c, error);
    if (st == FCC_OK)
        st = index_txs(c);
    return st == FCC_OK ? index_block(c) : st;
}

static fcc_status report(const struct commit *c, fcc__arena *arena, ledger_committed *out)
{
    ledger_committed result;
    fcc_bytes *txids = fcc__arena_zalloc(arena, c->block->count, sizeof *txids), codes;
    ledger_conflict *conflicts = fcc__arena_zalloc(arena, c->block->count, sizeof *conflicts);
    fcc_status st;
    size_t i;

    if (!txids || !conflicts || !fcc__arena_copy(arena, c->block->metadata[LEDGER__FILTER], &codes))
        return FCC_ERR_LIMIT;
    for (i = 0; i < c->block->count; i++) {
        if (!fcc__arena_copy(arena, c->candidates[i].tx.txid, &txids[i]))
            return FCC_ERR_LIMIT;
        conflicts[i] = c->candidates[i].conflict;
        if (!fcc__arena_copy(arena, conflicts[i].ns, &conflicts[i].ns) ||
            !fcc__arena_copy(arena, conflicts[i].collection, &conflicts[i].collection) ||
            !fcc__arena_copy(arena, conflicts[i].key, &conflicts[i].key))
            return FCC_ERR_LIMIT;
    }
    result.number = c->block->number;
    result.count = c->block->count;
    result.codes = codes.data;
    result.txids = txids;
    result.conflicts = conflicts;
    st = ledger__block_pack(c->block, arena, &result.block);
    if (st == FCC_OK)
        *out = result;
    return st;
}

/* The block is on disk: now the ledger stands behind it. */
static fcc_status advance(struct commit *c)
{
    ledger *l = c->l;
    fcc_status st;
    bool renew = c->updates.defines || c->channel; /* policies of `_lifecycle` are the channel's */

    l->height = c->block->number + 1;
    l->hash = c->hash;
    if (c->has_commit_hash) {
        l->commit_hash = c->commit_hash;
        l->has_commit_hash = true;
    }
    if (c->channel) {
        ledger__channel_free(l, l->channel);
        l->channel = c->channel;
        l->config_block = c->block->number;
        c->channel = NULL;
    }
    st = renew ? ledger__definitions_renew(l) : FCC_OK;
    return st == FCC_OK && c->updates.defines ? ledger_reconcile(l, fcc_bytes_of(NULL, 0)) : st;
}

fcc_status ledger__commit_block(ledger *l, ledger__block *block, ledger__mode mode, const ledger__spot *spot,
                                ledger__teller teller, fcc__arena *arena, ledger_committed *out, fcc_error *error)
{
    struct commit c = { .l = l, .block = block, .mode = mode };
    ledger_committed result;
    fcc_status st;

    if (l->broken)
        return fcc_error_set(error, FCC_ERR_IO, "an earlier commit failed half-way: open the ledger again");
    if (error)
        error->status = FCC_OK;
    c.arena = fcc__arena_new(LEDGER__ARENA_CAP);
    st = c.arena ? check_chain(&c, error) : FCC_ERR_NOMEM;
    if (st == FCC_OK)
        st = unpack_candidates(&c);
    if (st == FCC_OK)
        st = check_orderers(&c, error);
    if (st == FCC_OK)
        st = ledger__begin(&l->store, true, &c.txn);
    if (st == FCC_OK)
        st = fill(&c, spot, error);
    if (st == FCC_OK && out)
        st = report(&c, arena, &result);
    if (st == FCC_OK && c.written)
        st = sync_block(&c, error);
    if (st == FCC_OK && out && teller.call)
        teller.call(teller.ctx, &result);
    if (st == FCC_OK && mode != LEDGER__JUDGING) {
        st = ledger__commit_txn(c.txn);
        c.txn = NULL;
    }
    if (st == FCC_OK) {
        if (mode != LEDGER__JUDGING) {
            st = advance(&c);
            l->broken = st != FCC_OK;
        }
        if (out)
            *out = result;
    } else {
        l->broken = l->broken || c.written;
        if (st == FCC_ERR_IO && error && error->status != st)
            disk_failed(&c, "state", "data.mdb", error);
        else if (error && error->status != st)
            fcc_error_set(error, st, "block %llu: %s", (unsigned long long)block->number, fcc_status_text(st));
    }
    if (c.txn)
        mdb_txn_abort(c.txn);
    ledger__channel_free(l, c.channel);
    fcc__arena_free(c.arena);
    return st;
}

static fcc_status commit_message(ledger *l, fcc_bytes message, ledger__mode mode, ledger__teller teller,
                                 fcc__arena *arena, ledger_committed *out, fcc_error *error)
{
    fcc__arena *scratch = fcc__arena_new(LEDGER__ARENA_CAP);
    ledger__block block;
    fcc_status st = FCC_ERR_NOMEM;

    if (scratch)
        st = ledger__block_unpack(message, scratch, &block);
    if (st == FCC_OK)
        st = ledger__commit_block(l, &block, mode, NULL, teller, arena, out, error);
    else if (st == FCC_ERR_PROTO)
        st = fcc_error_set(error, FCC_ERR_CORRUPT, "not a block");
    else
        fcc_error_set(error, st, "%s", fcc_status_text(st));
    fcc__arena_free(scratch);
    return st;
}

fcc_status ledger_commit(ledger *l, fcc_bytes block, fcc__arena *arena, ledger_committed *out, fcc_error *error)
{
    return commit_message(l, block, LEDGER__VALIDATING, nobody, arena, out, error);
}

fcc_status ledger_commit_telling(ledger *l, fcc_bytes block, ledger_safe safe, void *ctx, fcc__arena *arena,
                                 ledger_committed *out, fcc_error *error)
{
    return commit_message(l, block, LEDGER__VALIDATING, (ledger__teller){ safe, ctx }, arena, out, error);
}

fcc_status ledger_commit_recorded(ledger *l, fcc_bytes block, fcc__arena *arena, ledger_committed *out,
                                  fcc_error *error)
{
    return commit_message(l, block, LEDGER__RECORDED, nobody, arena, out, error);
}

fcc_status ledger_judge(ledger *l, fcc_bytes block, fcc__arena *arena, ledger_committed *out, fcc_error *error)
{
    return commit_message(l, block, LEDGER__JUDGING, nobody, arena, out, error);
}
