/*
 * writesets.c: the private write sets of each block, as the member organisations' peers keep them besides the private
 * state, so that any block can be delivered with its private data. They end with blockToLive, and a purge takes its key
 * out of all of them. Fabric: core/ledger/pvtdatastorage.
 *
 * Keys: 'd' block organisation 0 transaction namespace 0 collection, with the set; 'i' namespace 0 collection 0 hash of
 * a key, block, transaction, which finds the sets that a key is in.
 */
#include "ledger/internal.h"

#include "protos/unpack.h"

static void put_number(fcc__buf *buf, uint64_t n)
{
    for (int shift = 56; shift >= 0; shift -= 8)
        fcc__buf_putc(buf, (uint8_t)(n >> shift));
}

static uint64_t number_at(const uint8_t *p)
{
    uint64_t n = 0;

    for (int i = 0; i < 8; i++)
        n = n << 8 | p[i];
    return n;
}

static void start_sets(fcc__buf *key, uint64_t block, const char *org)
{
    fcc__buf_init(key, LEDGER__KEY_MAX);
    fcc__buf_putc(key, 'd');
    put_number(key, block);
    fcc__buf_puts(key, org);
    fcc__buf_putc(key, 0);
}

static void set_key(fcc__buf *key, const ledger__version *version, const char *org, fcc_bytes ns, fcc_bytes collection)
{
    start_sets(key, version->block, org);
    put_number(key, version->tx);
    fcc__buf_add(key, ns);
    fcc__buf_putc(key, 0);
    fcc__buf_add(key, collection);
}

static void index_prefix(fcc__buf *key, fcc_bytes ns, fcc_bytes collection, fcc_bytes hash)
{
    fcc__buf_init(key, LEDGER__KEY_MAX);
    fcc__buf_putc(key, 'i');
    fcc__buf_add(key, ns);
    fcc__buf_putc(key, 0);
    fcc__buf_add(key, collection);
    fcc__buf_putc(key, 0);
    fcc__buf_add(key, hash);
}

static fcc_status put(ledger__updates *u, ledger__table table, const fcc__buf *key, fcc_bytes value)
{
    return fcc__buf_ok(key) ? ledger__put(&u->l->store, u->txn, table, fcc__buf_bytes(key), value) : key->status;
}

/* ---- keeping ------------------------------------------------------------------------------------------------------ */

/* The value: who may read it, as the collection is defined now (empty: everybody), and the set. */
static fcc_status keep_for(ledger__updates *u, const char *org, const ledger__version *version, fcc_bytes ns,
                           fcc_bytes name, const ledger__collection *collection, fcc_bytes rwset)
{
    fcc__buf key, value, expiry;
    fcc_status st;

    set_key(&key, version, org, ns, name);
    fcc__buf_init(&value, SIZE_MAX / 2);
    fcc__buf_init(&expiry, LEDGER__KEY_MAX);
    ledger__add_piece(&value, collection->member_only_read ? collection->member_policy : fcc_bytes_of(NULL, 0));
    fcc__buf_add(&value, rwset);
    st = fcc__buf_ok(&value) ? put(u, LEDGER__WRITESETS, &key, fcc__buf_bytes(&value)) : value.status;
    if (st == FCC_OK && collection->block_to_live && collection->block_to_live < UINT64_MAX - version->block) {
        fcc__buf_add(&expiry, ledger__number_key(u->l, 'w', version->block + collection->block_to_live + 1));
        fcc__buf_add(&expiry, fcc__buf_bytes(&key));
        st = put(u, LEDGER__EXPIRY, &expiry, fcc_bytes_of(NULL, 0));
    }
    fcc__buf_clear(&key);
    fcc__buf_clear(&value);
    fcc__buf_clear(&expiry);
    return st;
}

static fcc_status index_set(ledger__updates *u, const ledger__version *version, fcc_bytes ns, fcc_bytes name,
                            const Kvrwset__KVRWSet *set, bool add)
{
    fcc_status st = FCC_OK;

    for (size_t i = 0; st == FCC_OK && i < set->n_writes; i++) {
        fcc__sha256 digest = fcc__sha256_of(fcc__of_pb(set->writes[i]->key));
        fcc__buf key;

        index_prefix(&key, ns, name, fcc__sha256_bytes(&digest));
        put_number(&key, version->block);
        put_number(&key, version->tx);
        if (add)
            st = put(u, LEDGER__WRITESETS, &key, fcc_bytes_of(NULL, 0));
        else
            st = fcc__buf_ok(&key) ? ledger__del(&u->l->store, u->txn, LEDGER__WRITESETS, fcc__buf_bytes(&key))
                                   : key.status;
        fcc__buf_clear(&key);
    }
    return st;
}

fcc_status ledger__writeset_keep(ledger__updates *u, fcc_bytes ns, fcc_bytes name, const ledger__collection *collection,
                                 fcc_bytes rwset, const Kvrwset__KVRWSet *set, uint32_t index)
{
    const ledger__version version = { u->block, index };
    fcc_status st = FCC_OK;
    bool kept = false;

    for (size_t i = 0; st == FCC_OK && i < u->l->org_count; i++) {
        if (!ledger__is_member(collection, u->l->orgs[i]))
            continue;
        st = keep_for(u, u->l->orgs[i], &version, ns, name, collection, rwset);
        kept = true;
    }
    return st == FCC_OK && kept ? index_set(u, &version, ns, name, set, true) : st;
}

/* ---- ending ------------------------------------------------------------------------------------------------------- */

/* Where a set lies, from its key. */
static bool parse_key(fcc_bytes key, ledger__version *version, fcc_bytes *ns, fcc_bytes *name)
{
    const uint8_t *end = key.data + key.len, *org, *tx, *zero;

    if (key.len < 10 || key.data[0] != 'd')
        return false;
    version->block = number_at(key.data + 1);
    org = key.data + 9;
    tx = memchr(org, 0, (size_t)(end - org));
    if (!tx || end - ++tx < 8)
        return false;
    version->tx = number_at(tx);
    tx += 8;
    zero = memchr(tx, 0, (size_t)(end - tx));
    if (!zero)
        return false;
    *ns = fcc_bytes_of(tx, (size_t)(zero - tx));
    *name = fcc_bytes_of(zero + 1, (size_t)(end - zero - 1));
    return true;
}

static fcc_status read_set(ledger__updates *u, fcc_bytes key, fcc_bytes *members, Kvrwset__KVRWSet **set)
{
    fcc_bytes value;
    fcc_status st = ledger__get(&u->l->store, u->txn, LEDGER__WRITESETS, key, &value);

    if (st != FCC_OK)
        return st;
    if (!ledger__take_piece(&value, members))
        return FCC_ERR_CORRUPT;
    if (!fcc__arena_copy(u->arena, *members, members))
        return FCC_ERR_LIMIT;
    return FCC__UNPACK_ANY(kvrwset__kvrwset, value, u->arena, set);
}

static fcc_status drop_set(ledger__updates *u, fcc_bytes key)
{
    ledger__version version;
    Kvrwset__KVRWSet *set;
    fcc_bytes ns, name, members;
    fcc_status st;

    if (!parse_key(key, &version, &ns, &name))
        return FCC_ERR_CORRUPT;
    st = read_set(u, key, &members, &set);
    if (st == FCC_OK)
        st = index_set(u, &version, ns, name, set, false);
    return st == FCC_OK ? ledger__del(&u->l->store, u->txn, LEDGER__WRITESETS, key) : st;
}

/* The first key of a table that begins with `prefix`, in the arena; empty when there is none. */
static fcc_status first_key(ledger__updates *u, ledger__table table, fcc_bytes prefix, fcc_bytes *out)
{
    ledger__cursor cursor;
    fcc_status st = ledger__cursor_open(&u->l->store, u->txn, table, prefix, &cursor);

    if (st != FCC_OK)
        return st;
    *out = fcc_bytes_of(NULL, 0);
    if (cursor.key.data && fcc_bytes_starts_with(cursor.key, prefix) && !fcc__arena_copy(u->arena, cursor.key, out))
        st = FCC_ERR_LIMIT;
    ledger__cursor_close(&cursor);
    return st;
}

fcc_status ledger__writesets_expire(ledger__updates *u)
{
    fcc_bytes prefix, key;
    fcc_status st = FCC_OK;

    if (!fcc__arena_copy(u->arena, ledger__number_key(u->l, 'w', u->block), &prefix))
        return FCC_ERR_LIMIT;
    while (st == FCC_OK) {
        /* one at a time: the tables change under a cursor */
        st = first_key(u, LEDGER__EXPIRY, prefix, &key);
        if (st != FCC_OK || !key.len)
            return st;
        st = drop_set(u, fcc_bytes_of(key.data + prefix.len, key.len - prefix.len));
        if (st == FCC_OK)
            st = ledger__del(&u->l->store, u->txn, LEDGER__EXPIRY, key);
    }
    return st;
}

/* ---- purging ------------------------------------------------------------------------------------------------------ */

static bool hashes_to(ProtobufCBinaryData key, fcc_bytes hash)
{
    fcc__sha256 digest = fcc__sha256_of(fcc__of_pb(key));

    return fcc_bytes_equal(fcc__sha256_bytes(&digest), hash);
}

/* Take the key out of one organisation's set, which stays, be it empty. */
static fcc_status purge_from(ledger__updates *u, fcc_bytes key, fcc_bytes hash)
{
    Kvrwset__KVRWSet *set;
    fcc_bytes members, rwset;
    fcc__buf value;
    size_t n = 0, m = 0;
    fcc_status st = read_set(u, key, &members, &set);

    if (st != FCC_OK)
        return st == FCC_ERR_NOT_FOUND ? FCC_OK : st;
    for (size_t i = 0; i < set->n_writes; i++)
        if (!hashes_to(set->writes[i]->key, hash))
            set->writes[n++] = set->writes[i];
    for (size_t i = 0; i < set->n_metadata_writes; i++)
        if (!hashes_to(set->metadata_writes[i]->key, hash))
            set->metadata_writes[m++] = set->metadata_writes[i];
    set->n_writes = n;
    set->n_metadata_writes = m;
    st = fcc__pack(set, u->arena, &rwset);
    fcc__buf_init(&value, SIZE_MAX / 2);
    ledger__add_piece(&value, members);
    if (st == FCC_OK)
        fcc__buf_add(&value, rwset);
    if (st == FCC_OK)
        st = fcc__buf_ok(&value) ? ledger__put(&u->l->store, u->txn, LEDGER__WRITESETS, key, fcc__buf_bytes(&value))
                                 : value.status;
    fcc__buf_clear(&value);
    return st;
}

static fcc_status purge_key(ledger__updates *u, fcc_bytes ns, fcc_bytes name, fcc_bytes hash)
{
    fcc_status st = FCC_OK;
    fcc_bytes found;
    fcc__buf prefix;

    index_prefix(&prefix, ns, name, hash);
    if (!fcc__buf_ok(&prefix))
        st = prefix.status;
    while (st == FCC_OK && (st = first_key(u, LEDGER__WRITESETS, fcc__buf_bytes(&prefix), &found)) == FCC_OK &&
           found.len) {
        ledger__version version;

        if (found.len != prefix.len + 16) {
            st = FCC_ERR_CORRUPT;
            break;
        }
        version = (ledger__version){ number_at(found.data + prefix.len), number_at(found.data + prefix.len + 8) };
        for (size_t i = 0; st == FCC_OK && i < u->l->org_count; i++) {
            fcc__buf key;

            set_key(&key, &version, u->l->orgs[i], ns, name);
            st = fcc__buf_ok(&key) ? purge_from(u, fcc__buf_bytes(&key), hash) : key.status;
            fcc__buf_clear(&key);
        }
        if (st == FCC_OK)
            st = ledger__del(&u->l->store, u->txn, LEDGER__WRITESETS, found);
    }
    fcc__buf_clear(&prefix);
    return st;
}

fcc_status ledger__writesets_purge(ledger__updates *u, const ledger__rwset *rwset)
{
    fcc_status st = FCC_OK;

    for (size_t i = 0; i < rwset->count; i++)
        for (size_t j = 0; j < rwset->namespaces[i].count; j++) {
            const ledger__collection_rwset *c = &rwset->namespaces[i].collections[j];

            for (size_t k = 0; st == FCC_OK && k < c->set->n_hashed_writes; k++)
                if (c->set->hashed_writes[k]->is_purge)
                    st = purge_key(u, rwset->namespaces[i].name, c->name,
                                   fcc__of_pb(c->set->hashed_writes[k]->key_hash));
        }
    return st;
}

/* ---- for a new member -------------------------------------------------------------------------------------------- */

/* The next of one organisation's sets of a collection behind `*from`, which moves on; an empty key at the end. */
static fcc_status next_set(ledger__updates *u, const char *org, fcc_bytes ns, fcc_bytes name, fcc__buf *from,
                           ledger__version *version, fcc__buf *rwset, bool *found)
{
    const size_t org_len = strlen(org);
    ledger__cursor cursor;
    fcc_status st = ledger__cursor_open(&u->l->store, u->txn, LEDGER__WRITESETS, fcc__buf_bytes(from), &cursor);

    *found = false;
    if (st != FCC_OK)
        return st;
    while (st == FCC_OK && !*found && cursor.key.data && cursor.key.len > 0 && cursor.key.data[0] == 'd') {
        fcc_bytes key_ns, key_name, members, value = cursor.value;

        if (!parse_key(cursor.key, version, &key_ns, &key_name) || !ledger__take_piece(&value, &members)) {
            st = FCC_ERR_CORRUPT;
        } else if (cursor.key.len > 9 + org_len && memcmp(cursor.key.data + 9, org, org_len + 1) == 0 &&
                   fcc_bytes_equal(key_ns, ns) && fcc_bytes_equal(key_name, name)) {
            fcc__buf_reset(rwset);
            fcc__buf_add(rwset, value);
            fcc__buf_reset(from);
            fcc__buf_add(from, cursor.key);
            fcc__buf_putc(from, 0);
            *found = true;
            st = fcc__buf_ok(rwset) && fcc__buf_ok(from) ? FCC_OK : FCC_ERR_LIMIT;
        } else {
            st = ledger__cursor_next(&cursor);
        }
    }
    ledger__cursor_close(&cursor);
    return st;
}

fcc_status ledger__writesets_copy(ledger__updates *u, const char *source, const char *org, fcc_bytes ns, fcc_bytes name,
                                  const ledger__collection *collection)
{
    ledger__version version;
    fcc__buf from, rwset;
    fcc_status st;
    bool found = true;

    fcc__buf_init(&from, 2 * LEDGER__KEY_MAX);
    fcc__buf_init(&rwset, SIZE_MAX / 2);
    fcc__buf_putc(&from, 'd');
    do {
        /* one at a time: the table changes under a cursor */
        st = next_set(u, source, ns, name, &from, &version, &rwset, &found);
        if (st == FCC_OK && found)
            st = keep_for(u, org, &version, ns, name, collection, fcc__buf_bytes(&rwset));
    } while (st == FCC_OK && found);
    fcc__buf_clear(&from);
    fcc__buf_clear(&rwset);
    return st;
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */

static fcc_status take_set(fcc__arena *arena, const ledger__cursor *cursor, ledger_private *out)
{
    ledger__version version;
    fcc_bytes key, value;

    if (!fcc__arena_copy(arena, cursor->key, &key) || !fcc__arena_copy(arena, cursor->value, &value))
        return FCC_ERR_LIMIT;
    if (!parse_key(key, &version, &out->ns, &out->collection) || !ledger__take_piece(&value, &out->members))
        return FCC_ERR_CORRUPT;
    out->index = (uint32_t)version.tx;
    out->rwset = value;
    return FCC_OK;
}

fcc_status ledger_private_of(const ledger *l, uint64_t block, const char *mspid, fcc__arena *arena,
                             const ledger_private **out, size_t *count)
{
    ledger_private *sets = NULL, *grown;
    size_t n = 0, room = 0;
    ledger__cursor cursor;
    fcc__buf prefix;
    MDB_txn *txn;
    fcc_status st = ledger__begin(&l->store, false, &txn);

    if (st != FCC_OK)
        return st;
    start_sets(&prefix, block, mspid);
    memset(&cursor, 0, sizeof cursor);
    st = fcc__buf_ok(&prefix) ? ledger__cursor_open(&l->store, txn, LEDGER__WRITESETS, fcc__buf_bytes(&prefix), &cursor)
                              : prefix.status;
    while (st == FCC_OK && cursor.key.data && fcc_bytes_starts_with(cursor.key, fcc__buf_bytes(&prefix))) {
        if (n == room) {
            room = room ? 2 * room : 16;
            grown = fcc__arena_zalloc(arena, room, sizeof *grown);
            if (!grown) {
                st = FCC_ERR_LIMIT;
                break;
            }
            if (n)
                memcpy(grown, sets, n * sizeof *sets);
            sets = grown;
        }
        st = take_set(arena, &cursor, &sets[n++]);
        if (st == FCC_OK)
            st = ledger__cursor_next(&cursor);
    }
    ledger__cursor_close(&cursor);
    mdb_txn_abort(txn);
    fcc__buf_clear(&prefix);
    if (st == FCC_OK) {
        *out = sets;
        *count = n;
    }
    return st;
}
