/*
 * history.c: which versions a public key has had, from the newest to the oldest.
 *
 * The newest is the one of the key's row in the state; LEDGER__HEADS has it where it isn't, since the key was deleted, or
 * its metadata alone have been changed since. The others are behind it in a chain: for each valid transaction one row in
 * LEDGER__CHAINS has the versions that its writes replaced, in the order of its read-write set. So what a block adds comes
 * behind all that there is, whichever keys it writes, while a table in the order of keys has as many pages to rewrite as
 * the state.
 *
 * Earlier versions had such a table. LEDGER__HISTORY stays as they left it, and has the versions below the block
 * store.chained_from, where the chains end.
 */
#include "ledger/internal.h"

#include "protos/unpack.h"

static const fcc_bytes none = { NULL, 0 };

static fcc_status put_head(const ledger__updates *u, fcc_bytes state_key, ledger__version version)
{
    fcc__buf value;
    fcc_status st;

    fcc__buf_init(&value, 32);
    fcc__buf_uvarint(&value, version.block);
    fcc__buf_uvarint(&value, version.tx);
    st = value.status;
    if (st == FCC_OK)
        st = ledger__put(&u->l->store, u->txn, LEDGER__HEADS, state_key, fcc__buf_bytes(&value));
    fcc__buf_clear(&value);
    return st;
}

/* Where the key's chain begins; FCC_ERR_NOT_FOUND. Of a block below chained_from: it is not above this version. */
static fcc_status head_of(ledger *l, MDB_txn *txn, fcc_bytes ns, fcc_bytes key, ledger__version *out)
{
    fcc_bytes state_key = ledger__state_key(l, ns, none, key), stored;
    ledger__entry entry;
    fcc_status st;

    if (!state_key.len)
        return FCC_ERR_LIMIT;
    st = ledger__get(&l->store, txn, LEDGER__HEADS, state_key, &stored);
    if (st == FCC_OK)
        return ledger__take_uvarint(&stored, &out->block) && ledger__take_uvarint(&stored, &out->tx) ? FCC_OK
                                                                                                     : FCC_ERR_CORRUPT;
    if (st == FCC_ERR_NOT_FOUND)
        st = ledger__entry_get(l, txn, LEDGER__STATE, state_key, &entry);
    if (st != FCC_OK)
        return st;
    if (entry.exists) {
        *out = entry.version;
        return FCC_OK;
    }
    if (l->store.chained_from == 0)
        return FCC_ERR_NOT_FOUND;
    out->block = l->store.chained_from - 1;
    out->tx = UINT32_MAX;
    return FCC_OK;
}

/* ---- keeping it ---------------------------------------------------------------------------------------------------- */

/* 0, or how many blocks ago and one, and the transaction. */
static void add_replaced(fcc__buf *row, uint64_t block, const ledger__version *replaced)
{
    fcc__buf_uvarint(row, replaced ? block - replaced->block + 1 : 0);
    if (replaced)
        fcc__buf_uvarint(row, replaced->tx);
}

fcc_status ledger__history_note(const ledger__updates *u, const ledger__rwset *rwset, uint32_t index)
{
    ledger__version at = { u->block, index };
    fcc_status st = FCC_OK;
    fcc__buf row;
    size_t i, j;

    fcc__buf_init(&row, SIZE_MAX / 2);
    for (i = 0; st == FCC_OK && i < rwset->count; i++) {
        const ledger__ns_rwset *ns = &rwset->namespaces[i];

        for (j = 0; ns->name.len && st == FCC_OK && j < ns->set->n_writes; j++) {
            ledger__version replaced;

            st = head_of(u->l, u->txn, ns->name, fcc__of_pb(ns->set->writes[j]->key), &replaced);
            if (st == FCC_OK || st == FCC_ERR_NOT_FOUND) {
                add_replaced(&row, u->block, st == FCC_OK ? &replaced : NULL);
                st = row.status;
            }
        }
    }
    if (st == FCC_OK && row.len)
        st = ledger__put(&u->l->store, u->txn, LEDGER__CHAINS, ledger__chain_key(u->l, at), fcc__buf_bytes(&row));
    fcc__buf_clear(&row);
    return st;
}

fcc_status ledger__history_move(const ledger__updates *u, fcc_bytes state_key, bool written, bool stands,
                                uint32_t index, ledger__version before)
{
    ledger__version version = { u->block, index };
    fcc_bytes stored;
    fcc_status st;

    if (written)
        return stands ? ledger__del(&u->l->store, u->txn, LEDGER__HEADS, state_key) : put_head(u, state_key, version);
    if (!stands)
        return FCC_OK;
    /* the state's version is no longer one of the history */
    st = ledger__get(&u->l->store, u->txn, LEDGER__HEADS, state_key, &stored);
    return st == FCC_ERR_NOT_FOUND ? put_head(u, state_key, before) : st;
}

/* ---- walking it ---------------------------------------------------------------------------------------------------- */

/* The newest version in the table of earlier versions that is not above `at`, or, with `below`, that is below it. */
static fcc_status listed(ledger *l, MDB_txn *txn, fcc_bytes ns, fcc_bytes key, ledger__version at, bool below,
                         ledger__version *out)
{
    fcc_bytes from = ledger__history_key(l, ns, key, at), prefix;
    ledger__cursor cursor;
    fcc_status st;

    if (!from.len)
        return FCC_ERR_LIMIT;
    prefix = fcc_bytes_of(from.data, from.len - LEDGER__VERSION_LEN);
    st = ledger__cursor_open(&l->store, txn, LEDGER__HISTORY, from, &cursor);
    if (st == FCC_OK && below && cursor.key.data && fcc_bytes_equal(cursor.key, from))
        st = ledger__cursor_next(&cursor);
    if (st == FCC_OK && (!cursor.key.data || !fcc_bytes_starts_with(cursor.key, prefix)))
        st = FCC_ERR_NOT_FOUND;
    if (st == FCC_OK && !ledger__history_version(cursor.key, out))
        st = FCC_ERR_CORRUPT;
    ledger__cursor_close(&cursor);
    return st;
}

fcc_status ledger__history_newest(ledger *l, MDB_txn *txn, fcc_bytes ns, fcc_bytes key, ledger__version *out)
{
    fcc_status st = head_of(l, txn, ns, key, out);

    return st == FCC_OK && out->block < l->store.chained_from ? listed(l, txn, ns, key, *out, false, out) : st;
}

/* What the given one of this transaction's writes replaced. */
static fcc_status replaced_by(ledger *l, MDB_txn *txn, ledger__version at, size_t write, ledger__version *out)
{
    uint64_t back = 0;
    fcc_bytes row;
    size_t i;
    fcc_status st = ledger__get(&l->store, txn, LEDGER__CHAINS, ledger__chain_key(l, at), &row);

    if (st != FCC_OK)
        return st == FCC_ERR_NOT_FOUND ? FCC_ERR_CORRUPT : st;
    for (i = 0; i <= write; i++) {
        if (!ledger__take_uvarint(&row, &back) || (back && !ledger__take_uvarint(&row, &out->tx)))
            return FCC_ERR_CORRUPT;
    }
    if (!back)
        return FCC_ERR_NOT_FOUND;
    if (back - 1 > at.block || (back == 1 && out->tx >= at.tx))
        return FCC_ERR_CORRUPT; /* it would go round in circles */
    out->block = at.block - (back - 1);
    return FCC_OK;
}

fcc_status ledger__history_before(ledger *l, MDB_txn *txn, fcc_bytes ns, fcc_bytes key, ledger__version at,
                                  size_t write, ledger__version *out)
{
    fcc_status st;

    if (at.block < l->store.chained_from)
        return listed(l, txn, ns, key, at, true, out);
    st = replaced_by(l, txn, at, write, out);
    return st == FCC_OK && out->block < l->store.chained_from ? listed(l, txn, ns, key, *out, false, out) : st;
}
