/*
 * private.c: private data on their way from endorsement to the members' stores.
 *
 * Endorsement leaves the plain write sets in the transient store, by txid: a table of the database, synced before anybody
 * has the endorsement. So they are there when a block has their transaction, whatever happens in between. The database's
 * transaction that moves the state over the block gives them to the member organisations and forgets the rest.
 *
 * Keeping one syncs twice: the pages, and then the page that makes them the newest, which LMDB must not find on the disk
 * before them. The peers' sets of one transaction are equal as a rule, and then it is once for all of them.
 */
#include "ledger/internal.h"

#include "protos/unpack.h"

/* ---- the transient store: from the endorsement to the block --------------------------------------------------------- */

/* What a key begins with. Borrowed from l->key. */
static fcc_bytes transient_prefix(ledger *l, fcc_bytes txid)
{
    fcc__buf_reset(&l->key);
    ledger__add_piece(&l->key, txid);
    return fcc__buf_bytes(&l->key);
}

static fcc_bytes transient_key(ledger *l, fcc_bytes txid, fcc_bytes rwset)
{
    const fcc__sha256 digest = fcc__sha256_of(rwset);

    transient_prefix(l, txid);
    fcc__buf_add(&l->key, fcc__sha256_bytes(&digest));
    return fcc__buf_bytes(&l->key);
}

fcc_status ledger_transient_put(ledger *l, fcc_bytes txid, fcc_bytes rwset)
{
    MDB_txn *txn = NULL;
    fcc_bytes known;
    fcc__buf value;
    fcc_status st;

    if (!rwset.len)
        return FCC_OK;
    fcc__buf_init(&value, SIZE_MAX / 2);
    fcc__buf_uvarint(&value, l->height);
    fcc__buf_add(&value, rwset);
    st = value.status;
    if (st == FCC_OK)
        st = ledger__begin(&l->store, true, &txn);
    if (st != FCC_OK)
        goto out;
    st = ledger__get(&l->store, txn, LEDGER__TRANSIENT, transient_key(l, txid, rwset), &known);
    if (st != FCC_ERR_NOT_FOUND)
        goto out; /* equal ones are kept once */
    st = ledger__put(&l->store, txn, LEDGER__TRANSIENT, transient_key(l, txid, rwset), fcc__buf_bytes(&value));
    if (st != FCC_OK)
        goto out;
    st = ledger__commit_txn(txn);
    txn = NULL;
    if (st == FCC_OK)
        st = ledger__store_sync(&l->store);
out:
    if (txn)
        mdb_txn_abort(txn);
    fcc__buf_clear(&value);
    return st;
}

/* Does it come from a ledger lower than this one? */
static bool is_older(fcc_bytes value, uint64_t height)
{
    uint64_t came;

    return ledger__take_uvarint(&value, &came) && came < height;
}

/* The next key behind `*key` that is older; false when there is none. In the arena, as what it is given. */
static fcc_status next_older(const ledger *l, MDB_txn *txn, uint64_t height, fcc__arena *arena, fcc_bytes *key,
                             bool *found)
{
    ledger__cursor cursor;
    fcc_status st = ledger__cursor_open(&l->store, txn, LEDGER__TRANSIENT, *key, &cursor);

    if (st != FCC_OK)
        return st;
    while (st == FCC_OK && cursor.key.data && !is_older(cursor.value, height))
        st = ledger__cursor_next(&cursor);
    *found = st == FCC_OK && cursor.key.data;
    if (*found && !fcc__arena_copy(arena, cursor.key, key))
        st = FCC_ERR_LIMIT;
    ledger__cursor_close(&cursor);
    return st;
}

fcc_status ledger_transient_purge(ledger *l, uint64_t below_height)
{
    fcc__arena *arena = fcc__arena_new(LEDGER__ARENA_CAP);
    fcc_bytes key = { NULL, 0 };
    bool found, any = false;
    MDB_txn *txn = NULL;
    fcc_status st = arena ? ledger__begin(&l->store, true, &txn) : FCC_ERR_NOMEM;

    while (st == FCC_OK) {
        /* one at a time: the table changes under a cursor */
        st = next_older(l, txn, below_height, arena, &key, &found);
        if (st != FCC_OK || !found)
            break;
        any = true;
        st = ledger__del(&l->store, txn, LEDGER__TRANSIENT, key);
    }
    if (st == FCC_OK && any) {
        st = ledger__commit_txn(txn);
        txn = NULL;
    }
    if (txn)
        mdb_txn_abort(txn);
    fcc__arena_free(arena);
    return st;
}

/* The first of a transaction's sets behind `*key`, or of all; false when there is none. In the arena. */
static fcc_status next_of(ledger *l, MDB_txn *txn, fcc_bytes txid, fcc__arena *arena, fcc_bytes *key, fcc_bytes *rwset,
                          bool *found)
{
    ledger__cursor cursor;
    uint64_t height;
    fcc_bytes prefix, value;
    fcc_status st;

    if (!fcc__arena_copy(arena, transient_prefix(l, txid), &prefix))
        return FCC_ERR_LIMIT;
    st = ledger__cursor_open(&l->store, txn, LEDGER__TRANSIENT, key->len ? *key : prefix, &cursor);
    if (st != FCC_OK)
        return st;
    if (key->len && cursor.key.data && fcc_bytes_equal(cursor.key, *key))
        st = ledger__cursor_next(&cursor);
    *found = st == FCC_OK && cursor.key.data && fcc_bytes_starts_with(cursor.key, prefix);
    if (*found) {
        value = cursor.value;
        if (!ledger__take_uvarint(&value, &height))
            st = FCC_ERR_CORRUPT;
        else if (!fcc__arena_copy(arena, cursor.key, key) || !fcc__arena_copy(arena, value, rwset))
            st = FCC_ERR_LIMIT;
    }
    ledger__cursor_close(&cursor);
    return st;
}

fcc_status ledger__transient_drop(ledger__updates *u, const ledger__candidate *candidates, size_t count)
{
    fcc_status st = FCC_OK;
    size_t i;

    for (i = 0; st == FCC_OK && i < count; i++) {
        fcc_bytes key = { NULL, 0 }, rwset;
        bool found = candidates[i].tx.txid.len > 0;

        while (st == FCC_OK && found) {
            st = next_of(u->l, u->txn, candidates[i].tx.txid, u->arena, &key, &rwset, &found);
            if (st == FCC_OK && found)
                st = ledger__del(&u->l->store, u->txn, LEDGER__TRANSIENT, key);
        }
    }
    return st;
}

/* ---- the members' stores ----------------------------------------------------------------------------------------- */

/* NULL when it isn't defined (any more). */
static fcc_status collection_of(ledger__updates *u, fcc_bytes ns, fcc_bytes name, const ledger__collection **out)
{
    const fcc_bytes path = ledger__state_key(u->l, ns, name, fcc_bytes_of(NULL, 0));
    ledger__collection **known = path.len ? ledger__map_find(&u->collections, path) : NULL;
    fcc_status st;

    if (!path.len)
        return FCC_ERR_LIMIT;
    if (!known) {
        ledger__collection *fresh = fcc__arena_alloc(u->arena, sizeof *fresh);

        known = ledger__map_at(&u->collections, path);
        if (!fresh || !known)
            return FCC_ERR_LIMIT;
        st = ledger__find_collection(u->l, NULL, ns, name, u->arena, fresh);
        if (st == FCC_OK)
            *known = fresh;
        else if (st != FCC_ERR_NOT_FOUND)
            return st;
    }
    *out = *known;
    return FCC_OK;
}

fcc_status ledger__private_forget(ledger *l, MDB_txn *txn, fcc_bytes ns, fcc_bytes collection, fcc_bytes key_hash,
                                  const ledger__version *only)
{
    fcc_status st = FCC_OK;
    ledger__entry entry;
    fcc_bytes stored;
    fcc__buf key;
    size_t i;

    fcc__buf_init(&key, LEDGER__KEY_MAX);
    for (i = 0; st == FCC_OK && i < l->org_count; i++) {
        st = ledger__get(&l->store, txn, LEDGER__PRIVATE,
                         ledger__private_key(l, l->orgs[i], ns, collection, 'h', key_hash), &stored);
        if (st == FCC_ERR_NOT_FOUND) {
            st = FCC_OK;
            continue;
        }
        fcc__buf_reset(&key);
        fcc__buf_add(&key, stored);
        if (st == FCC_OK)
            st = key.status;
        if (st == FCC_OK)
            st = ledger__entry_get(l, txn, LEDGER__PRIVATE,
                                   ledger__private_key(l, l->orgs[i], ns, collection, 'k', fcc__buf_bytes(&key)),
                                   &entry);
        if (st != FCC_OK || (only && (entry.version.block != only->block || entry.version.tx != only->tx)))
            continue;
        st = ledger__del(&l->store, txn, LEDGER__PRIVATE,
                         ledger__private_key(l, l->orgs[i], ns, collection, 'k', fcc__buf_bytes(&key)));
        if (st == FCC_OK)
            st = ledger__del(&l->store, txn, LEDGER__PRIVATE,
                             ledger__private_key(l, l->orgs[i], ns, collection, 'h', key_hash));
    }
    fcc__buf_clear(&key);
    return st;
}

static fcc_status store_write(ledger__updates *u, const char *org, fcc_bytes ns, fcc_bytes collection,
                              const Kvrwset__KVWrite *write, uint32_t index)
{
    ledger *l = u->l;
    fcc_bytes key = fcc__of_pb(write->key);
    fcc__sha256 digest = fcc__sha256_of(key);
    fcc_bytes name;
    ledger__entry entry;
    fcc_status st;

    if (write->is_delete || write->value.len == 0) /* gone with its hash */
        return FCC_OK;
    memset(&entry, 0, sizeof entry);
    entry.exists = true;
    entry.version.block = u->block;
    entry.version.tx = index;
    entry.value = fcc__of_pb(write->value);
    st = ledger__entry_put(l, u->txn, LEDGER__PRIVATE, ledger__private_key(l, org, ns, collection, 'k', key), &entry);
    name = ledger__private_key(l, org, ns, collection, 'h', fcc__sha256_bytes(&digest));
    return st == FCC_OK ? ledger__put(&l->store, u->txn, LEDGER__PRIVATE, name, key) : st;
}

/* Only the key's metadata have changed: its value gets the version that its hash has got. */
static fcc_status store_version(ledger__updates *u, const char *org, fcc_bytes ns, fcc_bytes collection, fcc_bytes key,
                                uint32_t index)
{
    ledger *l = u->l;
    fcc__sha256 key_digest = fcc__sha256_of(key), value_digest;
    ledger__entry hashed, entry;
    fcc_status st = ledger__entry_get(l, u->txn, LEDGER__STATE,
                                      ledger__state_key(l, ns, collection, fcc__sha256_bytes(&key_digest)), &hashed);

    if (st == FCC_OK)
        st = ledger__entry_get(l, u->txn, LEDGER__PRIVATE, ledger__private_key(l, org, ns, collection, 'k', key),
                               &entry);
    if (st != FCC_OK || !entry.exists || !hashed.exists || hashed.version.block != u->block ||
        hashed.version.tx != index)
        return st;
    value_digest = fcc__sha256_of(entry.value);
    if (!fcc_bytes_equal(fcc__sha256_bytes(&value_digest), hashed.value))
        return FCC_OK;
    if (!fcc__arena_copy(u->arena, entry.value, &entry.value))
        return FCC_ERR_LIMIT;
    entry.version = hashed.version;
    entry.metadata = fcc_bytes_of(NULL, 0);
    return ledger__entry_put(l, u->txn, LEDGER__PRIVATE, ledger__private_key(l, org, ns, collection, 'k', key), &entry);
}

static fcc_status store_collection(ledger__updates *u, fcc_bytes ns, fcc_bytes name, fcc_bytes plain, uint32_t index)
{
    const ledger__collection *collection;
    Kvrwset__KVRWSet *set;
    fcc_status st = collection_of(u, ns, name, &collection);
    size_t i, j;

    if (st != FCC_OK || !collection)
        return st;
    st = FCC__UNPACK_ANY(kvrwset__kvrwset, plain, u->arena, &set);
    if (st == FCC_OK)
        st = ledger__writeset_keep(u, ns, name, collection, plain, set, index);
    for (i = 0; st == FCC_OK && i < u->l->org_count; i++) {
        const char *org = u->l->orgs[i];

        if (!ledger__is_member(collection, org))
            continue;
        for (j = 0; st == FCC_OK && j < set->n_writes; j++)
            st = store_write(u, org, ns, name, set->writes[j], index);
        for (j = 0; st == FCC_OK && j < set->n_metadata_writes; j++)
            st = store_version(u, org, ns, name, fcc__of_pb(set->metadata_writes[j]->key), index);
    }
    return st;
}

/* The hash that the transaction gives for this collection's plain write set; empty when it writes nothing there. */
static fcc_bytes promised_hash(const ledger__rwset *rwset, fcc_bytes ns, fcc_bytes collection)
{
    size_t i, j;

    for (i = 0; i < rwset->count; i++) {
        for (j = 0; fcc_bytes_equal(rwset->namespaces[i].name, ns) && j < rwset->namespaces[i].count; j++) {
            if (fcc_bytes_equal(rwset->namespaces[i].collections[j].name, collection))
                return rwset->namespaces[i].collections[j].private_hash;
        }
    }
    return fcc_bytes_of(NULL, 0);
}

static fcc_status store_set(ledger__updates *u, const ledger__candidate *candidate, fcc_bytes bytes, uint32_t index)
{
    Rwset__TxPvtReadWriteSet *set;
    fcc_status st = FCC__UNPACK_ANY(rwset__tx_pvt_read_write_set, bytes, u->arena, &set);
    size_t i, j;

    for (i = 0; st == FCC_OK && i < set->n_ns_pvt_rwset; i++) {
        const Rwset__NsPvtReadWriteSet *ns = set->ns_pvt_rwset[i];

        for (j = 0; st == FCC_OK && j < ns->n_collection_pvt_rwset; j++) {
            const Rwset__CollectionPvtReadWriteSet *plain = ns->collection_pvt_rwset[j];
            fcc__sha256 digest = fcc__sha256_of(fcc__of_pb(plain->rwset));
            fcc_bytes promised = promised_hash(&candidate->rwset, fcc__of_pb(ns->namespace_),
                                               fcc__of_pb(plain->collection_name));

            /* an endorser whose data differ from what was agreed on: not this transaction's data */
            if (fcc_bytes_equal(promised, fcc__sha256_bytes(&digest)))
                st = store_collection(u, fcc__of_pb(ns->namespace_), fcc__of_pb(plain->collection_name),
                                      fcc__of_pb(plain->rwset), index);
        }
    }
    return st;
}

fcc_status ledger__private_apply(ledger__updates *u, const ledger__candidate *candidate, uint32_t index)
{
    fcc_bytes key = { NULL, 0 }, rwset;
    bool found = true;
    fcc_status st = FCC_OK;

    while (st == FCC_OK && found) {
        st = next_of(u->l, u->txn, candidate->tx.txid, u->arena, &key, &rwset, &found);
        if (st == FCC_OK && found)
            st = store_set(u, candidate, rwset, index);
    }
    return st;
}

/* ---- data that end ------------------------------------------------------------------------------------------------- */

fcc_status ledger__expiry_note(ledger__updates *u, fcc_bytes ns, fcc_bytes collection, fcc_bytes key_hash,
                               uint32_t index)
{
    const ledger__collection *known;
    fcc_status st = collection_of(u, ns, collection, &known);
    fcc__buf key, value;

    if (st != FCC_OK || !known || !known->block_to_live || known->block_to_live > UINT64_MAX - u->block - 1)
        return st;
    fcc__buf_init(&key, LEDGER__KEY_MAX);
    fcc__buf_init(&value, LEDGER__KEY_MAX);
    fcc__buf_add(&key, ledger__number_key(u->l, 'x', u->block + known->block_to_live + 1));
    fcc__buf_add(&key, fcc_bytes_of(key_hash.data, key_hash.len));
    ledger__add_piece(&key, ns);
    ledger__add_piece(&key, collection);
    ledger__add_piece(&value, ns);
    ledger__add_piece(&value, collection);
    ledger__add_piece(&value, key_hash);
    fcc__buf_uvarint(&value, u->block);
    fcc__buf_uvarint(&value, index);
    st = fcc__buf_ok(&key) && fcc__buf_ok(&value)
             ? ledger__put(&u->l->store, u->txn, LEDGER__EXPIRY, fcc__buf_bytes(&key), fcc__buf_bytes(&value))
             : FCC_ERR_LIMIT;
    fcc__buf_clear(&key);
    fcc__buf_clear(&value);
    return st;
}

/* Remove one hash and its values, unless it has been written again since. */
static fcc_status expire_one(ledger__updates *u, fcc_bytes note)
{
    fcc_bytes ns, collection, hash;
    ledger__version version;
    ledger__entry entry;
    fcc_status st;

    if (!ledger__take_piece(&note, &ns) || !ledger__take_piece(&note, &collection) ||
        !ledger__take_piece(&note, &hash) || !ledger__take_uvarint(&note, &version.block) ||
        !ledger__take_uvarint(&note, &version.tx))
        return FCC_ERR_CORRUPT;
    st = ledger__entry_get(u->l, u->txn, LEDGER__STATE, ledger__state_key(u->l, ns, collection, hash), &entry);
    if (st != FCC_OK || !entry.exists || entry.version.block != version.block || entry.version.tx != version.tx)
        return st;
    st = ledger__del(&u->l->store, u->txn, LEDGER__STATE, ledger__state_key(u->l, ns, collection, hash));
    return st == FCC_OK ? ledger__private_forget(u->l, u->txn, ns, collection, hash, &version) : st;
}

fcc_status ledger__expire(ledger__updates *u)
{
    fcc_bytes prefix, key, note;
    ledger__cursor cursor;
    fcc_status st = FCC_OK;

    if (!fcc__arena_copy(u->arena, ledger__number_key(u->l, 'x', u->block), &prefix))
        return FCC_ERR_LIMIT;
    while (st == FCC_OK) {
        /* one at a time: the table changes under a cursor */
        st = ledger__cursor_open(&u->l->store, u->txn, LEDGER__EXPIRY, prefix, &cursor);
        if (st != FCC_OK)
            return st;
        if (!cursor.key.data || !fcc_bytes_starts_with(cursor.key, prefix)) {
            ledger__cursor_close(&cursor);
            return FCC_OK;
        }
        if (!fcc__arena_copy(u->arena, cursor.key, &key) || !fcc__arena_copy(u->arena, cursor.value, &note))
            st = FCC_ERR_LIMIT;
        ledger__cursor_close(&cursor);
        if (st == FCC_OK)
            st = expire_one(u, note);
        if (st == FCC_OK)
            st = ledger__del(&u->l->store, u->txn, LEDGER__EXPIRY, key);
    }
    return st;
}
