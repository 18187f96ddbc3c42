/*
 * recover.c: what opening does with blocks that the state hasn't followed.
 *
 * At most two records can lie behind the savepoint, since a block is appended when the state has followed the one before
 * and the database makes one transaction durable with the next. The last of them may be half written. It was never
 * acknowledged then, and is cut off. A record that is damaged in any other way may be one that was acknowledged: that is
 * said, and nothing is changed.
 *
 * A disk writes sectors, in any order: what is missing of a record that was being written is its end, or whole sectors,
 * which hold 0, since nothing is ever written where a file ended without cutting it and syncing that.
 */
#include "ledger/commit.h"

#include "protos/unpack.h"

#include "common/common.pb-c.h"

#include <errno.h>
#include <stdio.h>

enum { SECTOR = 512, HEADER_MOST = 96 /* number and two hashes, with the record's length */, REST_MOST = 1 << 29 };

/* One record behind the savepoint. */
struct found {
    uint32_t file;
    uint64_t start, end; /* in the file; the end may be beyond the file's */
    ledger__spot spot;
    bool last;     /* nothing is behind it */
    bool gaps;     /* sectors of it hold 0 alone */
    char why[160]; /* it is damaged; "" when it isn't */
};

static fcc_status refuse(const ledger *l, const struct found *at, fcc_error *error)
{
    char name[LEDGER__FILE_NAME];

    ledger__files_name(at->file, name);
    return fcc_error_set(error, FCC_ERR_CORRUPT,
                         "%s/blocks/%s: block %llu, at byte %llu, is damaged (%s): " LEDGER__RESTORE, l->dir, name,
                         (unsigned long long)l->height, (unsigned long long)at->start, at->why, l->dir);
}

static bool holds_only_0(fcc_bytes bytes)
{
    size_t i;

    for (i = 0; i < bytes.len && bytes.data[i] == 0; i++)
        ;
    return i == bytes.len;
}

/* Does a sector of the first `most` of these bytes, which lie at `start` of their file, hold only 0? */
static bool has_gap(fcc_bytes bytes, uint64_t start, size_t most)
{
    size_t at = 0;

    while (at < bytes.len && at < most) {
        size_t len = SECTOR - (size_t)((start + at) % SECTOR);

        if (len > bytes.len - at)
            len = bytes.len - at;
        if (holds_only_0(fcc_bytes_of(bytes.data + at, len)))
            return true;
        at += len;
    }
    return false;
}

/* The metadata that the commit hash doesn't cover: the orderer's signature, and where the newest config block is. */
static fcc_status signed_well(const ledger *l, const ledger__block *block, fcc__arena *arena, bool *well)
{
    uint64_t last_config = ledger__has_config(block, arena) ? block->number : l->config_block;
    Common__Metadata *metadata;
    Common__LastConfig *last;
    fcc_status st;

    *well = true;
    if (!block->metadata[LEDGER__SIGNATURES].len || !l->channel)
        return FCC_OK;
    st = ledger__verify_block(l->channel, block, last_config, NULL);
    if (st == FCC_OK && block->metadata[LEDGER__LAST_CONFIG].len) {
        st = FCC__UNPACK(common__metadata, block->metadata[LEDGER__LAST_CONFIG], arena, &metadata);
        if (st == FCC_OK)
            st = FCC__UNPACK(common__last_config, fcc__of_pb(metadata->value), arena, &last);
        if (st == FCC_OK && last->index != last_config)
            st = FCC_ERR_CORRUPT;
    }
    if (st == FCC_ERR_NOMEM || st == FCC_ERR_LIMIT)
        return st;
    *well = st == FCC_OK;
    return FCC_OK;
}

/* Is it the next block, and whole? Fills at->why. */
static fcc_status examine(const ledger *l, struct found *at, fcc_bytes record, fcc__arena *arena, ledger__block *block)
{
    fcc_bytes previous = l->height ? fcc__sha256_bytes(&l->hash) : fcc_bytes_of(NULL, 0), commit_hash;
    const char *why = "";
    fcc__sha256 data;
    bool well = true;
    fcc_status st = ledger__block_read(record, arena, block);

    if (st == FCC_ERR_CORRUPT) {
        snprintf(at->why, sizeof at->why, "no whole block");
        return FCC_OK;
    }
    if (st != FCC_OK)
        return st;
    data = ledger_data_hash(block->envelopes, block->count);
    if (block->number != l->height)
        why = "its number is another";
    else if (!fcc_bytes_equal(block->previous_hash, previous))
        why = "its previous hash is not that of the block before";
    else if (!fcc_bytes_equal(block->data_hash, fcc__sha256_bytes(&data)))
        why = "its data hash is not that of its data";
    else if (block->metadata[LEDGER__FILTER].len != block->count)
        why = "it has no code for each transaction";
    if (!why[0] && block->number) {
        st = ledger__commit_hash_unpack(block->metadata[LEDGER__COMMIT_HASH], arena, &commit_hash);
        if (st == FCC_ERR_PROTO || (st == FCC_OK && commit_hash.len != FCC__SHA256_LEN))
            why = "it has no commit hash";
        else if (st != FCC_OK)
            return st;
    }
    if (!why[0] && block->number == 0 && !holds_only_0(block->metadata[LEDGER__FILTER]))
        why = "its code is not VALID";
    if (!why[0] && block->number) {
        st = signed_well(l, block, arena, &well);
        if (st != FCC_OK)
            return st;
        if (!well)
            why = "its signature is not the orderer's";
    }
    snprintf(at->why, sizeof at->why, "%s", why);
    return FCC_OK;
}

/*
 * Was this record being written when the power went, rather than damaged later? `rest` is all from its start to the end
 * of the file, `behind` how many records behind the savepoint it is.
 */
static fcc_status unfinished(const ledger *l, const struct found *at, fcc_bytes rest, uint64_t behind,
                             fcc__arena *arena, bool *out)
{
    fcc_bytes previous = l->height ? fcc__sha256_bytes(&l->hash) : fcc_bytes_of(NULL, 0), content = rest, header;
    fcc_bytes data_hash, previous_hash;
    uint64_t ignored, number;
    ledger__block block;
    fcc__sha256 next, data;
    fcc_status st;

    *out = false;
    if (holds_only_0(rest)) {
        *out = true; /* a file that had grown, but not been filled */
        return FCC_OK;
    }
    if (!ledger__take_uvarint(&content, &ignored)) {
        *out = true; /* not even its length is whole */
        return FCC_OK;
    }
    header = content;
    if (!ledger__take_uvarint(&header, &number) || !ledger__take_piece(&header, &data_hash) ||
        !ledger__take_piece(&header, &previous_hash) || number != l->height || data_hash.len != FCC__SHA256_LEN ||
        !fcc_bytes_equal(previous_hash, previous)) {
        /* too little of it, or a sector of its beginning that was never written */
        *out = rest.len < HEADER_MOST || (has_gap(rest, at->start, HEADER_MOST) && behind < 2);
        return FCC_OK;
    }
    next = ledger_header_hash(number, previous_hash, data_hash);
    if (memmem(content.data, content.len, next.bytes, sizeof next.bytes))
        return FCC_OK; /* the next block follows: this one was finished */
    st = ledger__block_read(content, arena, &block);
    if (st == FCC_OK) {
        data = ledger_data_hash(block.envelopes, block.count);
        if (at->end != at->start + rest.len && fcc_bytes_equal(block.data_hash, fcc__sha256_bytes(&data)))
            return FCC_OK; /* all of it is there, and its length is wrong */
    } else if (st != FCC_ERR_CORRUPT) {
        return st;
    }
    *out = at->end > at->start + rest.len || at->gaps;
    return FCC_OK;
}

/* A state that was removed can be made again from the blocks, but for private data. */
static fcc_status check_private(const ledger *l, const ledger__block *block, fcc__arena *arena, fcc_error *error)
{
    fcc_status st = FCC_OK;
    size_t i, j;

    for (i = 0; i < block->count; i++) {
        ledger__transaction tx;
        ledger__rwset set;

        if (block->metadata[LEDGER__FILTER].data[i] != PROTOS__TX_VALIDATION_CODE__VALID ||
            ledger__transaction_unpack(block->envelopes[i], arena, &tx) != FCC_OK || !tx.action)
            continue;
        st = ledger__rwset_unpack(fcc__of_pb(tx.action->results), arena, &set);
        if (st != FCC_OK)
            return st == FCC_ERR_PROTO ? FCC_OK : st;
        for (j = 0; j < set.count; j++) {
            if (set.namespaces[j].count)
                return fcc_error_set(
                    error, FCC_ERR_CORRUPT,
                    "%s/state is gone and with it private data, which the blocks don't hold (the first "
                    "of block %llu): put back a copy of %s/state, or make an empty file "
                    "%s/without-private-data to have the rest of the state made again",
                    l->dir, (unsigned long long)block->number, l->dir, l->dir);
        }
    }
    return FCC_OK;
}

/* Before anything is made again, so that the next start says the same. Damage is told by the replay. */
static fcc_status check_all_private(const ledger *l, fcc__arena *arena, fcc_error *error)
{
    fcc_status st = FCC_OK;
    uint64_t offset = 0;
    uint32_t file = 0;

    for (;;) {
        ledger__block block;
        ledger__spot spot;
        fcc_bytes record;
        bool torn;

        fcc__arena_reset(arena);
        st = ledger__files_next(&l->files, &file, &offset, &spot, &torn);
        if (st == FCC_OK)
            st = ledger__files_read(&l->files, spot, arena, &record);
        if (st == FCC_OK)
            st = ledger__block_read(record, arena, &block);
        if (st != FCC_OK || block.metadata[LEDGER__FILTER].len != block.count)
            return st == FCC_ERR_NOT_FOUND || st == FCC_ERR_CORRUPT ? FCC_OK : st;
        st = check_private(l, &block, arena, error);
        if (st != FCC_OK)
            return st;
    }
}

/* Read the record at file and offset into *at and *block, and move both behind it. at->why tells of damage. */
static fcc_status next_record(const ledger *l, uint32_t *file, uint64_t *offset, fcc__arena *arena, struct found *at,
                              fcc_bytes *rest, ledger__block *block)
{
    uint32_t was = *file;
    uint64_t start = *offset;
    fcc_bytes record;
    bool torn;
    fcc_status st = ledger__files_next(&l->files, file, offset, &at->spot, &torn);

    at->file = *file;
    at->start = *file == was ? start : 0;
    at->end = *offset;
    at->why[0] = '\0';
    if (st != FCC_OK && st != FCC_ERR_CORRUPT && !torn)
        return st;
    at->last = *file == l->files.file && (st != FCC_OK || *offset == l->files.size);
    if (*file == l->files.file && l->files.size - at->start <= REST_MOST) {
        ledger__spot all = { .file = *file, .offset = at->start, .len = l->files.size - at->start };
        fcc_status read = ledger__files_read(&l->files, all, arena, rest);

        if (read != FCC_OK)
            return read;
    } else {
        *rest = fcc_bytes_of(NULL, 0);
    }
    if (st != FCC_OK) {
        at->end = UINT64_MAX;
        snprintf(at->why, sizeof at->why, "it runs past the end of the file");
        return FCC_OK;
    }
    st = ledger__files_read(&l->files, at->spot, arena, &record);
    if (st == FCC_OK)
        at->spot.hash = fcc__sha256_of(record);
    at->gaps = at->last && has_gap(fcc_bytes_of(rest->data, (size_t)(at->end - at->start)), at->start, SIZE_MAX);
    return st == FCC_OK ? examine(l, at, record, arena, block) : st;
}

fcc_status ledger__check_reach(const ledger *l, uint32_t file, uint64_t offset, fcc_error *error)
{
    char name[LEDGER__FILE_NAME];

    if (file < l->files.file || (file == l->files.file && offset <= l->files.size))
        return FCC_OK;
    ledger__files_name(file, name);
    return fcc_error_set(
        error, FCC_ERR_CORRUPT,
        "%s/blocks/%s: missing or cut short: the state has %llu blocks, the last of which ends there at "
        "byte %llu: " LEDGER__RESTORE,
        l->dir, name, (unsigned long long)l->height, (unsigned long long)offset, l->dir);
}

fcc_status ledger__catch_up(ledger *l, uint32_t file, uint64_t offset, fcc_error *error)
{
    fcc__arena *arena = fcc__arena_new(LEDGER__ARENA_CAP);
    uint64_t savepoint = l->height;
    fcc_status st = FCC_OK;

    if (!arena)
        return fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
    if (savepoint == 0 && !ledger__files_exists(l->dir, "without-private-data"))
        st = check_all_private(l, arena, error);
    while (st == FCC_OK) {
        struct found at = { .file = file };
        fcc_bytes rest = { NULL, 0 };
        ledger__block block;
        bool cut = false;

        fcc__arena_reset(arena);
        st = next_record(l, &file, &offset, arena, &at, &rest, &block);
        if (st == FCC_ERR_NOT_FOUND) {
            st = FCC_OK;
            break;
        }
        if (st == FCC_OK && !at.why[0] && at.last)
            st = ledger__files_settle(&l->files, at.start, rest);
        if (st == FCC_OK && !at.why[0]) {
            fcc_error problem = { FCC_OK, "" };

            st = ledger__commit_block(l, &block, LEDGER__REPLAY, &at.spot, (ledger__teller){ 0 }, arena, NULL,
                                      &problem);
            if (st == FCC_ERR_CORRUPT)
                snprintf(at.why, sizeof at.why, "%.150s", problem.text);
            else if (st != FCC_OK && error)
                *error = problem;
        }
        if ((st != FCC_OK && st != FCC_ERR_CORRUPT) || !at.why[0])
            continue;
        st = rest.len ? unfinished(l, &at, rest, l->height - savepoint, arena, &cut) : FCC_OK;
        if (st == FCC_OK)
            st = cut ? ledger__files_cut(&l->files, at.file, at.start) : refuse(l, &at, error);
        break;
    }
    if (st != FCC_OK && error && error->status != st)
        fcc_error_set(error, st, "%s/blocks: block %llu: %s", l->dir, (unsigned long long)l->height,
                      st == FCC_ERR_IO ? strerror(errno) : fcc_status_text(st));
    fcc__arena_free(arena);
    return st;
}
