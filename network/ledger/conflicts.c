/*
 * conflicts.c: has what a transaction read been changed since? The sequential part of validation: against the state, in
 * which the earlier transactions of the block are already, and the list of keys that they have touched, which conflict
 * whatever their version. What is found first is also told: which key, and who wrote it.
 */
#include "ledger/internal.h"

#include "peer/transaction.pb-c.h"
#include "protos/unpack.h"

/* One transaction's reads being checked. */
struct reads {
    ledger__updates *u;
    ledger_conflict conflict; /* of the first that is no longer so */
    bool same;
};

static const fcc_bytes none = { NULL, 0 };

static void blame(struct reads *r, fcc_bytes ns, fcc_bytes collection, fcc_bytes key)
{
    r->same = false;
    r->conflict = (ledger_conflict){ .ns = ns, .collection = collection, .key = key };
}

static void blame_writer(struct reads *r, uint64_t block, uint64_t index)
{
    r->conflict.writer_known = true;
    r->conflict.writer_block = block;
    r->conflict.writer_index = (uint32_t)index;
}

/* Who deleted a key that isn't there any more: its history's newest entry. Private keys have no history. */
static fcc_status blame_deleter(struct reads *r)
{
    ledger__version version;
    fcc_status st;

    if (r->conflict.collection.len)
        return FCC_OK;
    st = ledger__history_newest(r->u->l, r->u->txn, r->conflict.ns, r->conflict.key, &version);
    if (st == FCC_OK)
        blame_writer(r, version.block, version.tx);
    return st == FCC_ERR_NOT_FOUND ? FCC_OK : st;
}

static fcc_status check_read(struct reads *r, fcc_bytes ns, fcc_bytes collection, fcc_bytes key,
                             const Kvrwset__Version *version)
{
    ledger__updates *u = r->u;
    fcc_bytes state_key = ledger__state_key(u->l, ns, collection, key);
    const ledger__update *update = ledger__map_find(&u->map, state_key);
    ledger__entry entry;
    fcc_status st;

    if (update) {
        blame(r, ns, collection, key);
        blame_writer(r, u->block, update->index);
        return FCC_OK;
    }
    st = ledger__entry_get(u->l, u->txn, LEDGER__STATE, state_key, &entry);
    if (st != FCC_OK || ledger__version_is(&entry, version))
        return st;
    blame(r, ns, collection, key);
    if (!entry.exists)
        return blame_deleter(r);
    blame_writer(r, entry.version.block, entry.version.tx);
    return FCC_OK;
}

/* ---- ranges -------------------------------------------------------------------------------------------------------- */

/*
 * A walk over a range as it is now. Where the end key belongs to it, it comes last, whatever its place: also behind the
 * keys of a range that starts behind its end, and behind all keys when it is empty.
 */
struct walk {
    struct reads *reads;
    fcc_bytes ns, prefix, end;
    bool end_follows;
    ledger__cursor cursor;
    fcc_bytes key;
    ledger__version version;
    bool at_end, done;
};

/* The cursor is behind the range: the end key, once. */
static fcc_status look_at_end(struct walk *w)
{
    const ledger__updates *u = w->reads->u;
    ledger__entry entry;
    fcc_status st = FCC_OK;

    w->done = !w->end_follows;
    if (w->done)
        return FCC_OK;
    w->end_follows = false;
    st = ledger__entry_get(u->l, u->txn, LEDGER__STATE, ledger__state_key(u->l, w->ns, none, w->end), &entry);
    w->done = st != FCC_OK || !entry.exists;
    w->key = w->end;
    w->version = entry.version;
    w->at_end = true;
    return st;
}

/* The entry under the cursor, if it belongs to the range. */
static fcc_status look(struct walk *w)
{
    ledger__entry entry;
    fcc_status st;

    if (!w->cursor.key.data || !fcc_bytes_starts_with(w->cursor.key, w->prefix))
        return look_at_end(w);
    w->key = fcc_bytes_of(w->cursor.key.data + w->prefix.len, w->cursor.key.len - w->prefix.len);
    if (w->end.len && fcc_bytes_compare(w->key, w->end) >= 0)
        return look_at_end(w);
    st = ledger__entry_parse(w->cursor.value, &entry);
    if (st == FCC_OK)
        w->version = entry.version;
    return st;
}

static fcc_status walk_open(struct reads *r, fcc_bytes ns, const Kvrwset__RangeQueryInfo *info, struct walk *w)
{
    ledger *l = r->u->l;
    fcc_bytes from;
    fcc_status st;

    memset(w, 0, sizeof *w);
    w->reads = r;
    w->ns = ns;
    w->end = fcc__of_pb(info->end_key);
    w->end_follows = !info->itr_exhausted;
    if (!fcc__arena_copy(r->u->arena, ledger__state_key(l, ns, none, none), &w->prefix))
        return FCC_ERR_LIMIT;
    from = ledger__state_key(l, ns, none, fcc__of_pb(info->start_key));
    if (!from.len)
        return FCC_ERR_LIMIT;
    st = ledger__cursor_open(&l->store, r->u->txn, LEDGER__STATE, from, &w->cursor);
    return st == FCC_OK ? look(w) : st;
}

static fcc_status walk_next(struct walk *w)
{
    fcc_status st = w->at_end ? FCC_OK : ledger__cursor_next(&w->cursor);

    if (st != FCC_OK)
        return st;
    return w->at_end ? look_at_end(w) : look(w);
}

/* `key`, which the walk is at or has passed, is not as it was recorded. */
static fcc_status blame_result(struct reads *r, fcc_bytes ns, fcc_bytes key, const struct walk *present)
{
    const ledger__update *update;

    blame(r, ns, none, key);
    if (!fcc__arena_copy(r->u->arena, key, &r->conflict.key)) /* the cursor's */
        return FCC_ERR_LIMIT;
    update = ledger__map_find(&r->u->map, ledger__state_key(r->u->l, ns, none, key));
    if (update)
        blame_writer(r, r->u->block, update->index);
    else if (present)
        blame_writer(r, present->version.block, present->version.tx);
    else
        return blame_deleter(r);
    return FCC_OK;
}

static bool version_is(const ledger__version *version, const Kvrwset__Version *recorded)
{
    return recorded && recorded->block_num == version->block && recorded->tx_num == version->tx;
}

/* Each result was recorded: they must come again, in order, and no others. */
static fcc_status check_results(struct reads *r, fcc_bytes ns, const Kvrwset__RangeQueryInfo *info)
{
    size_t count = info->reads_info_case ? info->raw_reads->n_kv_reads : 0, i = 0;
    struct walk w;
    fcc_status st = walk_open(r, ns, info, &w);

    for (; st == FCC_OK && r->same && (i < count || !w.done); i++) {
        const Kvrwset__KVRead *read = i < count ? info->raw_reads->kv_reads[i] : NULL;
        int order = !read ? -1 : w.done ? 1 : fcc_bytes_compare(w.key, fcc__of_pb(read->key));

        if (order > 0)
            st = blame_result(r, ns, fcc__of_pb(read->key), NULL);
        else if (order < 0 || !version_is(&w.version, read->version))
            st = blame_result(r, ns, w.key, &w);
        else
            st = walk_next(&w);
    }
    ledger__cursor_close(&w.cursor);
    return st;
}

/*
 * Only hashes of the results were recorded, so which of them changed can't be known: the newest write in the range is
 * named, unless it was a deletion of an earlier block.
 */
static fcc_status blame_newest(struct reads *r, fcc_bytes ns, const Kvrwset__RangeQueryInfo *info)
{
    const ledger__updates *u = r->u;
    fcc_bytes start = fcc__of_pb(info->start_key), end = fcc__of_pb(info->end_key);
    struct walk w;
    fcc_status st = walk_open(r, ns, info, &w);

    blame(r, ns, none, none);
    for (; st == FCC_OK && !w.done; st = walk_next(&w)) {
        if (r->conflict.writer_known &&
            (w.version.block < r->conflict.writer_block ||
             (w.version.block == r->conflict.writer_block && w.version.tx <= r->conflict.writer_index)))
            continue;
        blame_writer(r, w.version.block, w.version.tx);
        if (!fcc__arena_copy(u->arena, w.key, &r->conflict.key)) {
            st = FCC_ERR_LIMIT;
            break;
        }
    }
    ledger__cursor_close(&w.cursor);
    for (size_t i = 0; st == FCC_OK && i < u->map.count; i++) {
        const ledger__update *update = u->map.items[i]->value;

        if (!update->is_delete || update->collection.len || !fcc_bytes_equal(update->ns, ns) ||
            fcc_bytes_compare(update->key, start) < 0 || (end.len && fcc_bytes_compare(update->key, end) > 0) ||
            (r->conflict.writer_known && r->conflict.writer_block == u->block &&
             r->conflict.writer_index >= update->index))
            continue;
        blame_writer(r, u->block, update->index);
        r->conflict.key = update->key;
    }
    return st;
}

static fcc_status check_hashes(struct reads *r, fcc_bytes ns, const Kvrwset__RangeQueryInfo *info)
{
    Kvrwset__RangeQueryInfo now = KVRWSET__RANGE_QUERY_INFO__INIT;
    fcc_bytes recorded, found;
    ledger__range range;
    struct walk w;
    fcc_status st;

    if (info->reads_merkle_hashes->max_degree < 2) {
        blame(r, ns, none, none);
        return FCC_OK;
    }
    ledger__range_init(&range, r->u->arena, info->reads_merkle_hashes->max_degree);
    st = walk_open(r, ns, info, &w);
    for (; st == FCC_OK && !w.done; st = st == FCC_OK ? walk_next(&w) : st)
        st = ledger__range_add(&range, w.key, w.version);
    ledger__cursor_close(&w.cursor);
    if (st == FCC_OK)
        st = ledger__range_done(&range, &now);
    if (st != FCC_OK)
        return st;
    if (now.reads_info_case != info->reads_info_case)
        return blame_newest(r, ns, info);
    st = fcc__pack(info->reads_merkle_hashes, r->u->arena, &recorded);
    if (st == FCC_OK)
        st = fcc__pack(now.reads_merkle_hashes, r->u->arena, &found);
    return st == FCC_OK && !fcc_bytes_equal(recorded, found) ? blame_newest(r, ns, info) : st;
}

/* ---- all of it ----------------------------------------------------------------------------------------------------- */

/* One namespace, in Fabric's order; *phantom tells which kind ended it. */
static fcc_status check_namespace(struct reads *r, const ledger__ns_rwset *ns, bool *phantom)
{
    fcc_status st = FCC_OK;
    size_t i, j;

    *phantom = false;
    for (i = 0; st == FCC_OK && r->same && i < ns->set->n_reads; i++)
        st = check_read(r, ns->name, none, fcc__of_pb(ns->set->reads[i]->key), ns->set->reads[i]->version);
    for (i = 0; st == FCC_OK && r->same && i < ns->set->n_range_queries_info; i++) {
        const Kvrwset__RangeQueryInfo *info = ns->set->range_queries_info[i];

        st = info->reads_info_case == KVRWSET__RANGE_QUERY_INFO__READS_INFO_READS_MERKLE_HASHES
                 ? check_hashes(r, ns->name, info)
                 : check_results(r, ns->name, info);
        *phantom = !r->same;
    }
    for (i = 0; i < ns->count; i++) {
        const ledger__collection_rwset *c = &ns->collections[i];

        for (j = 0; st == FCC_OK && r->same && j < c->set->n_hashed_reads; j++)
            st = check_read(r, ns->name, c->name, fcc__of_pb(c->set->hashed_reads[j]->key_hash),
                            c->set->hashed_reads[j]->version);
    }
    return st;
}

fcc_status ledger__check_reads(ledger__updates *u, const ledger__rwset *rwset, uint8_t *code, ledger_conflict *conflict)
{
    struct reads r = { .u = u, .same = true };
    fcc_status st = FCC_OK;
    bool phantom = false;

    for (size_t i = 0; st == FCC_OK && r.same && i < rwset->count; i++)
        st = check_namespace(&r, &rwset->namespaces[i], &phantom);
    if (st != FCC_OK)
        return st;
    *conflict = r.conflict;
    *code = r.same    ? PROTOS__TX_VALIDATION_CODE__VALID
            : phantom ? PROTOS__TX_VALIDATION_CODE__PHANTOM_READ_CONFLICT
                      : PROTOS__TX_VALIDATION_CODE__MVCC_READ_CONFLICT;
    return FCC_OK;
}
