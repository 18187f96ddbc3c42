/*
 * range.c: what a range query has seen, in the form that goes into the read-write set.
 *
 * Up to max_degree results are listed. From the next one on they are hashed, max_degree + 1 at a time, into a tree: a
 * level that holds more than max_degree hashes collapses into one of the level above. Only the top level is recorded.
 */
#include "ledger/internal.h"

#include "protos/unpack.h"

void ledger__range_init(ledger__range *range, fcc__arena *arena, uint32_t max_degree)
{
    memset(range, 0, sizeof *range);
    range->arena = arena;
    range->max_degree = max_degree;
    range->max_level = 1;
}

/* Room for one more in an array of the arena. */
static void *more(fcc__arena *arena, void *old, size_t count, size_t *room, size_t size)
{
    size_t wanted = *room ? 2 * *room : 16;
    void *fresh;

    if (count < *room)
        return old;
    fresh = fcc__arena_zalloc(arena, wanted, size);
    if (!fresh)
        return NULL;
    if (count)
        memcpy(fresh, old, count * size);
    *room = wanted;
    return fresh;
}

static fcc_status push(ledger__range *range, uint32_t level, fcc__sha256 digest)
{
    ledger__hashes *hashes;

    if (level >= LEDGER__MAX_LEVELS)
        return FCC_ERR_LIMIT;
    hashes = &range->levels[level];
    hashes->v = more(range->arena, hashes->v, hashes->count, &hashes->room, sizeof *hashes->v);
    if (!hashes->v || !fcc__arena_copy(range->arena, fcc__sha256_bytes(&digest), &hashes->v[hashes->count]))
        return FCC_ERR_LIMIT;
    hashes->count++;
    return FCC_OK;
}

static fcc_status lift(ledger__range *range, uint32_t level)
{
    ledger__hashes *hashes = &range->levels[level];
    fcc__sha256 digest = fcc__sha256_of_many(hashes->v, hashes->count);

    hashes->count = 0;
    return push(range, level + 1, digest);
}

/* The pending results become a leaf. */
static fcc_status hash_pending(ledger__range *range)
{
    Kvrwset__QueryReads reads = KVRWSET__QUERY_READS__INIT;
    fcc_bytes bytes;
    uint32_t level;
    fcc_status st;

    reads.n_kv_reads = range->pending_count;
    reads.kv_reads = range->pending;
    st = fcc__pack(&reads, range->arena, &bytes);
    if (st == FCC_OK)
        st = push(range, 0, fcc__sha256_of(bytes));
    range->pending_count = 0;
    for (level = 0; st == FCC_OK && range->levels[level].count > range->max_degree; level++) {
        st = lift(range, level);
        if (st == FCC_OK && level + 2 > range->max_level)
            range->max_level = level + 2;
    }
    return st;
}

fcc_status ledger__range_add(ledger__range *range, fcc_bytes key, ledger__version version)
{
    Kvrwset__KVRead *read = fcc__arena_alloc(range->arena, sizeof *read);
    Kvrwset__Version *v = fcc__arena_alloc(range->arena, sizeof *v);

    range->pending = more(range->arena, range->pending, range->pending_count, &range->pending_room,
                          sizeof *range->pending);
    if (!read || !v || !range->pending || !fcc__arena_copy(range->arena, key, &key))
        return FCC_ERR_LIMIT;
    kvrwset__kvread__init(read);
    kvrwset__version__init(v);
    v->block_num = version.block;
    v->tx_num = version.tx;
    read->key = fcc__pb(key);
    read->version = v;
    range->pending[range->pending_count++] = read;
    return range->pending_count > range->max_degree ? hash_pending(range) : FCC_OK;
}

/* What is left on the lower levels goes up, so that the top level covers everything. */
static fcc_status complete(ledger__range *range)
{
    fcc_status st = FCC_OK;
    uint32_t level;

    for (level = 0; st == FCC_OK && level + 1 < range->max_level; level++) {
        ledger__hashes *hashes = &range->levels[level];

        if (hashes->count == 1) {
            fcc__sha256 alone;

            memcpy(alone.bytes, hashes->v[0].data, sizeof alone.bytes);
            hashes->count = 0;
            st = push(range, level + 1, alone);
        } else if (hashes->count > 1) {
            st = lift(range, level);
        }
    }
    if (st == FCC_OK && range->levels[range->max_level - 1].count > range->max_degree) {
        st = lift(range, range->max_level - 1);
        range->max_level++;
    }
    return st;
}

fcc_status ledger__range_done(ledger__range *range, Kvrwset__RangeQueryInfo *info)
{
    Kvrwset__QueryReadsMerkleSummary *summary;
    Kvrwset__QueryReads *reads;
    ledger__hashes *top;
    fcc_status st = FCC_OK;
    size_t i;

    if (range->max_level == 1 && range->levels[0].count == 0) {
        if (!range->pending_count)
            return FCC_OK;
        reads = fcc__arena_alloc(range->arena, sizeof *reads);
        if (!reads)
            return FCC_ERR_LIMIT;
        kvrwset__query_reads__init(reads);
        reads->n_kv_reads = range->pending_count;
        reads->kv_reads = range->pending;
        info->reads_info_case = KVRWSET__RANGE_QUERY_INFO__READS_INFO_RAW_READS;
        info->raw_reads = reads;
        return FCC_OK;
    }
    if (range->pending_count)
        st = hash_pending(range);
    if (st == FCC_OK)
        st = complete(range);
    summary = fcc__arena_alloc(range->arena, sizeof *summary);
    if (st != FCC_OK || !summary)
        return st != FCC_OK ? st : FCC_ERR_LIMIT;
    kvrwset__query_reads_merkle_summary__init(summary);
    top = &range->levels[range->max_level - 1];
    summary->max_degree = range->max_degree;
    summary->max_level = range->max_level;
    summary->n_max_level_hashes = top->count;
    summary->max_level_hashes = fcc__arena_zalloc(range->arena, top->count, sizeof *summary->max_level_hashes);
    if (!summary->max_level_hashes)
        return FCC_ERR_LIMIT;
    for (i = 0; i < top->count; i++)
        summary->max_level_hashes[i] = fcc__pb(top->v[i]);
    info->reads_info_case = KVRWSET__RANGE_QUERY_INFO__READS_INFO_READS_MERKLE_HASHES;
    info->reads_merkle_hashes = summary;
    return FCC_OK;
}
