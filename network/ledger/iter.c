/*
 * iter.c: queries with many results, cut into answers as Fabric's peer cuts them: it pulls one result more than an answer
 * holds to know whether there are more, and that one counts as read.
 */
#include "ledger/sim.h"

#include "ledger/queryresult/kv_query_result.pb-c.h"
#include "protos/unpack.h"

enum { HOLD_CAP = 1 << 29 };

static fcc_status new_iter(ledger_sim *sim, ledger__query query, fcc_bytes ns, ledger_iter **out)
{
    ledger_iter *iter = fcc__arena_zalloc(sim->arena, 1, sizeof *iter);

    if (!iter || !fcc__arena_copy(sim->arena, ns, &iter->ns))
        return FCC_ERR_LIMIT;
    iter->sim = sim;
    iter->query = query;
    iter->limit = LEDGER_QUERY_LIMIT;
    ledger__range_init(&iter->seen, sim->arena, LEDGER__MAX_DEGREE);
    *out = iter;
    return FCC_OK;
}

/* Into the simulation. */
static void enter(ledger_iter *iter)
{
    iter->open = true;
    *iter->sim->iters_end = iter;
    iter->sim->iters_end = &iter->next;
}

/* Open the cursor at the prefix followed by `from`. */
static fcc_status start(ledger_iter *iter, ledger__table table, fcc_bytes prefix, fcc_bytes from)
{
    ledger_sim *sim = iter->sim;
    fcc__buf at;
    fcc_status st;

    if (!prefix.len || !fcc__arena_copy(sim->arena, prefix, &iter->prefix))
        return FCC_ERR_LIMIT;
    fcc__buf_init(&at, LEDGER__KEY_MAX);
    fcc__buf_add(&at, iter->prefix);
    fcc__buf_add(&at, from);
    st = at.status;
    if (st == FCC_OK)
        st = ledger__cursor_open(&sim->l->store, sim->txn, table, fcc__buf_bytes(&at), &iter->cursor);
    fcc__buf_clear(&at);
    if (st == FCC_OK)
        enter(iter);
    return st;
}

fcc_status ledger_sim_range(ledger_sim *sim, fcc_bytes ns, fcc_bytes collection, fcc_bytes from, fcc_bytes end,
                            int32_t page_size, fcc_bytes bookmark, ledger_iter **out)
{
    fcc_bytes none = { NULL, 0 };
    ledger_iter *iter;
    fcc_status st;

    if (collection.len) {
        st = ledger__permit(sim, ns, collection, false);
        if (st != FCC_OK)
            return st;
        if (sim->wrote)
            return ledger__refuse(sim,
                                  "txid [" FCC_FMT
                                  "]: unsuppored transaction. Queries on pvt data is supported only in "
                                  "a read-only transaction",
                                  FCC_ARG(sim->txid));
        sim->queried_private = true;
    } else if (page_size != 0 || bookmark.len) {
        if (sim->wrote)
            return ledger__refuse(sim,
                                  "txid [" FCC_FMT "]: unsuppored transaction. Paginated queries are supported only in "
                                  "a read-only transaction",
                                  FCC_ARG(sim->txid));
        sim->paginated = true;
    }
    st = new_iter(sim, collection.len ? LEDGER__PRIVATE_RANGE : LEDGER__PUBLIC_RANGE, ns, &iter);
    if (st != FCC_OK)
        return st;
    if (!collection.len && (page_size != 0 || bookmark.len)) {
        iter->paginated = true;
        iter->page_size = page_size;
        if (bookmark.len)
            from = bookmark;
    }
    if (page_size > 0 && page_size < iter->limit)
        iter->limit = page_size;
    if (!fcc__arena_copy(sim->arena, from, &iter->start) || !fcc__arena_copy(sim->arena, end, &iter->end))
        return FCC_ERR_LIMIT;
    if (collection.len)
        st = start(iter, LEDGER__PRIVATE, ledger__private_key(sim->l, sim->mspid, ns, collection, 'k', none), from);
    else
        st = start(iter, LEDGER__STATE, ledger__state_key(sim->l, ns, collection, none), from);
    if (st == FCC_OK)
        *out = iter;
    return st;
}

fcc_status ledger_sim_history(ledger_sim *sim, fcc_bytes ns, fcc_bytes key, ledger_iter **out)
{
    ledger_iter *iter;
    fcc_status st = new_iter(sim, LEDGER__KEY_HISTORY, ns, &iter);

    if (st == FCC_OK && !fcc__arena_copy(sim->arena, key, &iter->key))
        st = FCC_ERR_LIMIT;
    if (st == FCC_OK)
        st = ledger__history_newest(sim->l, sim->txn, ns, key, &iter->at);
    if (st != FCC_OK && st != FCC_ERR_NOT_FOUND)
        return st;
    iter->ended = st == FCC_ERR_NOT_FOUND;
    enter(iter);
    *out = iter;
    return FCC_OK;
}

/* The write behind a version is read again from its block; `number` gets which one of its transaction's it is. */
static fcc_status pack_modification(const ledger_iter *iter, fcc__arena *arena, fcc_bytes *out, size_t *number)
{
    ledger__version version = iter->at;
    Queryresult__KeyModification change = QUERYRESULT__KEY_MODIFICATION__INIT;
    Google__Protobuf__Timestamp timestamp = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    fcc__arena *scratch = fcc__arena_new(LEDGER__ARENA_CAP);
    ledger__transaction tx;
    ledger__block block;
    ledger__rwset set;
    fcc_status st;
    size_t i, j;

    if (!scratch)
        return FCC_ERR_NOMEM;
    st = ledger__block_at(iter->sim->l, iter->sim->txn, version.block, scratch, &block);
    if (st == FCC_OK && version.tx >= block.count)
        st = FCC_ERR_CORRUPT;
    if (st == FCC_OK)
        st = ledger__transaction_unpack(block.envelopes[version.tx], scratch, &tx);
    if (st == FCC_OK && !tx.action)
        st = FCC_ERR_CORRUPT;
    if (st == FCC_OK)
        st = ledger__rwset_unpack(fcc__of_pb(tx.action->results), scratch, &set);
    if (st != FCC_OK)
        goto out;
    st = FCC_ERR_CORRUPT;
    *number = 0;
    for (i = 0; i < set.count; i++) {
        const ledger__ns_rwset *ns = &set.namespaces[i];

        if (!fcc_bytes_equal(ns->name, iter->ns)) {
            *number += ns->name.len ? ns->set->n_writes : 0;
            continue;
        }
        for (j = 0; j < ns->set->n_writes; j++, (*number)++) {
            const Kvrwset__KVWrite *write = ns->set->writes[j];

            if (!fcc_bytes_equal(fcc__of_pb(write->key), iter->key))
                continue;
            change.tx_id = fcc__pb(tx.txid);
            change.value = write->value;
            change.is_delete = write->is_delete || write->value.len == 0;
            if (tx.channel_header->timestamp) {
                timestamp.seconds = tx.channel_header->timestamp->seconds;
                timestamp.nanos = tx.channel_header->timestamp->nanos;
                change.timestamp = &timestamp;
            }
            st = fcc__pack(&change, arena, out);
            goto out;
        }
    }
out:
    fcc__arena_free(scratch);
    return st;
}

/* The plain key that the cursor is at; false behind the end of the query. */
static bool at_key(const ledger_iter *iter, fcc_bytes *key)
{
    fcc_bytes at = iter->cursor.key;

    if (!at.data || !fcc_bytes_starts_with(at, iter->prefix))
        return false;
    *key = fcc_bytes_of(at.data + iter->prefix.len, at.len - iter->prefix.len);
    return iter->end.len == 0 || fcc_bytes_compare(*key, iter->end) < 0;
}

static fcc_status pull_range(ledger_iter *iter, fcc__arena *arena, fcc_bytes *out, bool *end)
{
    Queryresult__KV kv = QUERYRESULT__KV__INIT;
    ledger__entry entry;
    fcc_bytes key;
    fcc_status st;

    if (!at_key(iter, &key) || (iter->page_size > 0 && iter->total >= iter->page_size)) {
        iter->exhausted = true;
        *end = true;
        return FCC_OK;
    }
    st = ledger__entry_parse(iter->cursor.value, &entry);
    if (st == FCC_OK && iter->query == LEDGER__PUBLIC_RANGE) {
        st = ledger__range_add(&iter->seen, key, entry.version);
        if (st == FCC_OK && !fcc__arena_copy(iter->sim->arena, key, &iter->last))
            st = FCC_ERR_LIMIT;
    }
    if (st != FCC_OK)
        return st;
    kv.namespace_ = fcc__pb(iter->ns);
    kv.key = fcc__pb(key);
    kv.value = fcc__pb(entry.value);
    st = fcc__pack(&kv, arena, out);
    return st == FCC_OK ? ledger__cursor_next(&iter->cursor) : st;
}

/* The next result, packed; *end when there is none. */
static fcc_status pull(ledger_iter *iter, fcc__arena *arena, fcc_bytes *out, bool *end)
{
    size_t number;
    fcc_status st;

    *end = false;
    if (iter->query != LEDGER__KEY_HISTORY)
        return pull_range(iter, arena, out, end);
    if (iter->ended) {
        *end = true;
        return FCC_OK;
    }
    st = pack_modification(iter, arena, out, &number);
    if (st != FCC_OK)
        return st;
    st = ledger__history_before(iter->sim->l, iter->sim->txn, iter->ns, iter->key, iter->at, number, &iter->at);
    iter->ended = st == FCC_ERR_NOT_FOUND;
    return iter->ended ? FCC_OK : st;
}

/* Keep the result that was pulled beyond the answer until the next one. */
static fcc_status hold_back(ledger_iter *iter, fcc_bytes result)
{
    if (!iter->hold)
        iter->hold = fcc__arena_new(HOLD_CAP);
    if (!iter->hold)
        return FCC_ERR_NOMEM;
    if (!fcc__arena_copy(iter->hold, result, &iter->pending))
        return FCC_ERR_LIMIT;
    iter->has_pending = true;
    return FCC_OK;
}

fcc_status ledger_iter_page(ledger_iter *iter, fcc__arena *arena, ledger_page *out)
{
    size_t room = iter->paginated ? (size_t)iter->limit : LEDGER_BATCH;
    fcc_bytes *results = fcc__arena_zalloc(arena, room, sizeof *results), result, key;
    bool has_more = false, end = false;
    fcc_status st = FCC_OK;
    size_t count = 0;

    if (!iter->open)
        return FCC_ERR_NOT_FOUND;
    if (!results)
        return FCC_ERR_LIMIT;
    if (iter->has_pending) {
        if (!fcc__arena_copy(arena, iter->pending, &results[count++]))
            return FCC_ERR_LIMIT;
        iter->has_pending = false;
        fcc__arena_reset(iter->hold);
    }
    while (iter->total < iter->limit && !has_more) {
        st = pull(iter, arena, &result, &end);
        if (st != FCC_OK)
            return st;
        if (end)
            break;
        iter->total++;
        if (count < room) {
            results[count++] = result;
        } else {
            has_more = true;
            st = hold_back(iter, result);
            if (st != FCC_OK)
                return st;
        }
    }
    memset(out, 0, sizeof *out);
    out->results = results;
    out->count = count;
    out->has_more = has_more;
    out->paginated = iter->paginated;
    out->fetched = iter->total;
    if (iter->paginated && at_key(iter, &key) && !fcc__arena_copy(arena, key, &out->bookmark))
        return FCC_ERR_LIMIT;
    return FCC_OK;
}

void ledger_iter_close(ledger_iter *iter)
{
    if (!iter || !iter->open)
        return;
    iter->open = false;
    ledger__cursor_close(&iter->cursor);
    fcc__arena_free(iter->hold);
    iter->hold = NULL;
}

fcc_status ledger__record_ranges(ledger_sim *sim)
{
    fcc_status st = FCC_OK;
    ledger_iter *iter;

    for (iter = sim->iters; st == FCC_OK && iter; iter = iter->next) {
        Kvrwset__RangeQueryInfo *info;

        if (iter->query != LEDGER__PUBLIC_RANGE)
            continue;
        info = fcc__arena_alloc(sim->arena, sizeof *info);
        if (!info)
            return FCC_ERR_LIMIT;
        kvrwset__range_query_info__init(info);
        info->start_key = fcc__pb(iter->start);
        info->end_key = fcc__pb(iter->exhausted ? iter->end : iter->last);
        info->itr_exhausted = iter->exhausted;
        st = ledger__range_done(&iter->seen, info);
        if (st == FCC_OK)
            st = ledger__add_range(&sim->builder, iter->ns, info);
    }
    return st;
}
