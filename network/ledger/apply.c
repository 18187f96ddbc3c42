/*
 * apply.c: what valid transactions change.
 *
 * Updates are written into the open transaction of the database at once, so that the next transaction of the block is
 * checked against them (conflicts.c). The list of updates is what the commit hash is made of.
 */
#include "ledger/internal.h"

#include "peer/transaction.pb-c.h"
#include "protos/unpack.h"

#include <stdlib.h>

void ledger__updates_init(ledger__updates *updates, ledger *l, MDB_txn *txn, fcc__arena *arena, uint64_t block)
{
    memset(updates, 0, sizeof *updates);
    updates->l = l;
    updates->txn = txn;
    updates->arena = arena;
    updates->block = block;
    ledger__map_init(&updates->map, arena, sizeof(ledger__update));
    ledger__map_init(&updates->collections, arena, sizeof(ledger__collection *));
}

/* ---- changes ------------------------------------------------------------------------------------------------------- */

/*
 * What one transaction does to one key, value and metadata together. Fabric adds these numbers up, where others would
 * set bits: a key that is written twice (no chaincode's set has that) is one whose metadata alone are set.
 */
enum { SETS_VALUE = 1, SETS_METADATA = 2, DELETES_METADATA = 4, DELETES = 8 };

struct change {
    fcc_bytes ns, collection, key;
    uint8_t sum;
    bool written; /* not its metadata alone */
    fcc_bytes value, metadata;
};

static bool deletes(const struct change *change)
{
    return (change->sum & DELETES) != 0;
}

static bool keeps_metadata(const struct change *change)
{
    return (change->sum | SETS_VALUE) == SETS_VALUE;
}

static bool keeps_value(const struct change *change)
{
    bool both = (change->sum & SETS_VALUE) && (change->sum & (SETS_METADATA | DELETES_METADATA));

    return !deletes(change) && !both && !keeps_metadata(change);
}

static struct change *change_of(ledger__updates *u, ledger__map *changes, fcc_bytes ns, fcc_bytes collection,
                                fcc_bytes key)
{
    fcc_bytes state_key = ledger__state_key(u->l, ns, collection, key);
    struct change *change = state_key.len ? ledger__map_at(changes, state_key) : NULL;

    if (change) {
        change->ns = ns;
        change->collection = collection;
        change->key = key;
    }
    return change;
}

static fcc_status note_write(ledger__updates *u, ledger__map *changes, fcc_bytes ns, fcc_bytes collection,
                             fcc_bytes key, fcc_bytes value, bool is_delete)
{
    struct change *change = change_of(u, changes, ns, collection, key);

    if (!change)
        return FCC_ERR_LIMIT;
    change->sum = (uint8_t)(change->sum + (is_delete ? DELETES : SETS_VALUE));
    change->written = true;
    if (!is_delete)
        change->value = value;
    return FCC_OK;
}

static fcc_status note_metadata(ledger__updates *u, ledger__map *changes, fcc_bytes ns, fcc_bytes collection,
                                fcc_bytes key, Kvrwset__KVMetadataEntry **entries, size_t count)
{
    struct change *change = change_of(u, changes, ns, collection, key);

    if (!change)
        return FCC_ERR_LIMIT;
    change->sum = (uint8_t)(change->sum + (count ? SETS_METADATA : DELETES_METADATA));
    return count ? ledger__metadata_pack(entries, count, u->arena, &change->metadata) : FCC_OK;
}

/* A hash that is none, or that of no bytes at all, deletes. */
static bool hash_deletes(const Kvrwset__KVWriteHash *write)
{
    fcc__sha256 of_nothing = fcc__sha256_of(fcc_bytes_of(NULL, 0));

    return write->is_delete || write->value_hash.len == 0 ||
           fcc_bytes_equal(fcc__of_pb(write->value_hash), fcc__sha256_bytes(&of_nothing));
}

static fcc_status gather(ledger__updates *u, const ledger__ns_rwset *ns, ledger__map *changes)
{
    fcc_bytes none = { NULL, 0 };
    fcc_status st = FCC_OK;
    size_t i, j;

    for (i = 0; st == FCC_OK && i < ns->set->n_writes; i++) {
        const Kvrwset__KVWrite *write = ns->set->writes[i];

        st = note_write(u, changes, ns->name, none, fcc__of_pb(write->key), fcc__of_pb(write->value),
                        write->is_delete || write->value.len == 0);
    }
    for (i = 0; st == FCC_OK && i < ns->set->n_metadata_writes; i++) {
        const Kvrwset__KVMetadataWrite *write = ns->set->metadata_writes[i];

        st = note_metadata(u, changes, ns->name, none, fcc__of_pb(write->key), write->entries, write->n_entries);
    }
    for (j = 0; st == FCC_OK && j < ns->count; j++) {
        const ledger__collection_rwset *c = &ns->collections[j];

        for (i = 0; st == FCC_OK && i < c->set->n_hashed_writes; i++) {
            const Kvrwset__KVWriteHash *write = c->set->hashed_writes[i];

            st = note_write(u, changes, ns->name, c->name, fcc__of_pb(write->key_hash), fcc__of_pb(write->value_hash),
                            hash_deletes(write));
        }
        for (i = 0; st == FCC_OK && i < c->set->n_metadata_writes; i++) {
            const Kvrwset__KVMetadataWriteHash *write = c->set->metadata_writes[i];

            st = note_metadata(u, changes, ns->name, c->name, fcc__of_pb(write->key_hash), write->entries,
                               write->n_entries);
        }
    }
    return st;
}

static fcc_status remember(ledger__updates *u, fcc_bytes state_key, const struct change *change, bool is_delete,
                           fcc_bytes value, uint32_t index)
{
    ledger__update *update = ledger__map_at(&u->map, state_key);

    if (!update)
        return FCC_ERR_LIMIT;
    update->ns = change->ns;
    update->collection = change->collection;
    update->key = change->key;
    update->is_delete = is_delete;
    update->value = value;
    update->index = index;
    return FCC_OK;
}

/* `before` gets the version that it had; `stands`: it is there now, with this one. */
static fcc_status change_state(ledger__updates *u, fcc_bytes state_key, const struct change *change, uint32_t index,
                               ledger__version *before, bool *stands)
{
    ledger__version version = { u->block, index };
    ledger__entry old, fresh;
    fcc_status st = ledger__entry_get(u->l, u->txn, LEDGER__STATE, state_key, &old);

    if (st != FCC_OK)
        return st;
    *before = old.version;
    *stands = !deletes(change) && (!keeps_value(change) || old.exists);
    /* metadata of a key that isn't there are ignored, unless this block has deleted it: then it stays an update */
    if (keeps_value(change) && !old.exists && !ledger__map_find(&u->map, state_key))
        return FCC_OK;
    if (!*stands) {
        st = ledger__del(&u->l->store, u->txn, LEDGER__STATE, state_key);
        if (st == FCC_OK && change->collection.len)
            st = ledger__private_forget(u->l, u->txn, change->ns, change->collection, change->key, NULL);
        return st == FCC_OK ? remember(u, state_key, change, true, fcc_bytes_of(NULL, 0), index) : st;
    }
    fresh.exists = true;
    fresh.version = version;
    fresh.value = change->value;
    fresh.metadata = change->metadata;
    /* what is kept lies in the page that is about to be rewritten */
    if (keeps_value(change) && !fcc__arena_copy(u->arena, old.value, &fresh.value))
        return FCC_ERR_LIMIT;
    if (keeps_metadata(change) && !fcc__arena_copy(u->arena, old.metadata, &fresh.metadata))
        return FCC_ERR_LIMIT;
    st = ledger__entry_put(u->l, u->txn, LEDGER__STATE, state_key, &fresh);
    if (st == FCC_OK)
        st = remember(u, state_key, change, false, fresh.value, index);
    if (st == FCC_OK && change->collection.len)
        st = ledger__expiry_note(u, change->ns, change->collection, change->key, index);
    return st;
}

static fcc_status change_key(ledger__updates *u, fcc_bytes state_key, const struct change *change, uint32_t index)
{
    ledger__version before;
    bool stands;
    fcc_status st = change_state(u, state_key, change, index, &before, &stands);

    if (st != FCC_OK || !change->ns.len || change->collection.len)
        return st;
    return ledger__history_move(u, state_key, change->written, stands, index, before);
}

fcc_status ledger__apply(ledger__updates *u, const ledger__rwset *rwset, uint32_t index)
{
    ledger__map changes;
    fcc_status st = FCC_OK;
    size_t i;

    ledger__map_init(&changes, u->arena, sizeof(struct change));
    for (i = 0; st == FCC_OK && i < rwset->count; i++) {
        st = gather(u, &rwset->namespaces[i], &changes);
        if (fcc_bytes_equal(rwset->namespaces[i].name, FCC_LIT(LEDGER__LIFECYCLE)) &&
            ledger__ns_writes(&rwset->namespaces[i]))
            u->defines = true;
    }
    if (st == FCC_OK)
        st = ledger__history_note(u, rwset, index);
    for (i = 0; st == FCC_OK && i < changes.count; i++)
        st = change_key(u, changes.items[i]->key, changes.items[i]->value, index);
    return st;
}

/* ---- the commit hash's input ---------------------------------------------------------------------------------------- */

/* Namespaces, in each the public keys and then the collections, all in byte order. */
static int by_place(const void *a, const void *b)
{
    const ledger__update *x = (*(ledger__item *const *)a)->value, *y = (*(ledger__item *const *)b)->value;
    int order = fcc_bytes_compare(x->ns, y->ns);

    if (!order)
        order = fcc_bytes_compare(x->collection, y->collection);
    return order ? order : fcc_bytes_compare(x->key, y->key);
}

/* A number's minimal big-endian bytes behind their count; zero is the count 0 alone. */
static void add_ordered(fcc__buf *buf, uint64_t n)
{
    uint8_t bytes[8];
    int i, first = 8;

    for (i = 7; i >= 0; i--) {
        bytes[i] = (uint8_t)n;
        if (bytes[i])
            first = i;
        n >>= 8;
    }
    fcc__buf_putc(buf, (uint8_t)(8 - first));
    fcc__buf_append(buf, bytes + first, (size_t)(8 - first));
}

static void add_field(fcc__buf *buf, uint8_t tag, fcc_bytes value)
{
    if (!value.len)
        return;
    fcc__buf_putc(buf, tag);
    ledger__add_piece(buf, value);
}

/* Updates{kvwrites1[KVWrite{namespace1 collection2 key3 isDelete4 value5 version_bytes6}]}, a message of the peer's own. */
fcc_status ledger__updates_pack(ledger__updates *u, fcc__buf *out)
{
    const ledger__update *last = NULL;
    fcc__buf one, version;
    size_t i;

    if (u->map.count > 1)
        qsort(u->map.items, u->map.count, sizeof(ledger__item *), by_place);
    fcc__buf_init(&one, SIZE_MAX / 2);
    fcc__buf_init(&version, 32);
    for (i = 0; i < u->map.count; i++) {
        const ledger__update *update = u->map.items[i]->value;
        bool new_ns = !last || !fcc_bytes_equal(last->ns, update->ns);

        if (!update->ns.len) /* the channel's configuration: not part of it */
            continue;
        fcc__buf_reset(&one);
        fcc__buf_reset(&version);
        if (new_ns)
            add_field(&one, 0x0a, update->ns);
        if (new_ns || !fcc_bytes_equal(last->collection, update->collection))
            add_field(&one, 0x12, update->collection);
        add_field(&one, 0x1a, update->key);
        if (update->is_delete) {
            fcc__buf_putc(&one, 0x20);
            fcc__buf_putc(&one, 1);
        }
        add_field(&one, 0x2a, update->value);
        add_ordered(&version, u->block);
        add_ordered(&version, update->index);
        add_field(&one, 0x32, fcc__buf_bytes(&version));
        fcc__buf_putc(out, 0x0a);
        ledger__add_piece(out, fcc__buf_bytes(&one));
        if (!fcc__buf_ok(&one))
            out->status = one.status;
        last = update;
    }
    fcc__buf_clear(&one);
    fcc__buf_clear(&version);
    return out->status;
}
