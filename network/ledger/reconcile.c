/*
 * reconcile.c: an organisation that has become a member of a collection gets what the others have of it: the private
 * state as it is now, and the write sets of all blocks so far. What has ended by then or was purged nobody has any more.
 * Fabric: gossip/privdata/reconcile.go, which fetches the same from other peers some time later, and
 * core/ledger/pvtdatastorage, whose missing data become eligible with the collection's new configuration.
 *
 * Who has all of a collection is kept in the database, 'm' organisation 0 chaincode 0 collection; so it does not matter
 * when, and how often, somebody looks.
 */
#include "ledger/internal.h"

#include "peer/collection.pb-c.h"
#include "protos/unpack.h"

enum { ARENA_CAP = 1 << 28, BATCH_BYTES = 4 << 20 };

/* One collection of a chaincode, as it is defined now. */
struct subject {
    ledger__updates *u;
    fcc_bytes ns, name;
    ledger__collection collection;
};

static bool marker(fcc__buf *key, const struct subject *s, const char *org)
{
    fcc__buf_init(key, LEDGER__KEY_MAX);
    fcc__buf_putc(key, 'm');
    fcc__buf_puts(key, org);
    fcc__buf_putc(key, 0);
    fcc__buf_add(key, s->ns);
    fcc__buf_putc(key, 0);
    fcc__buf_add(key, s->name);
    return fcc__buf_ok(key);
}

static fcc_status is_marked(const struct subject *s, const char *org, bool *out)
{
    const ledger__updates *u = s->u;
    fcc_bytes value;
    fcc__buf key;
    fcc_status st = marker(&key, s, org) ? ledger__get(&u->l->store, u->txn, LEDGER__META, fcc__buf_bytes(&key), &value)
                                         : key.status;

    *out = st == FCC_OK;
    fcc__buf_clear(&key);
    return st == FCC_ERR_NOT_FOUND ? FCC_OK : st;
}

static fcc_status mark(const struct subject *s, const char *org, bool member)
{
    const ledger__updates *u = s->u;
    fcc__buf key;
    fcc_status st;

    if (!marker(&key, s, org))
        st = key.status;
    else if (member)
        st = ledger__put(&u->l->store, u->txn, LEDGER__META, fcc__buf_bytes(&key), FCC_LIT("1"));
    else
        st = ledger__del(&u->l->store, u->txn, LEDGER__META, fcc__buf_bytes(&key));
    fcc__buf_clear(&key);
    return st;
}

/* ---- the private state ------------------------------------------------------------------------------------------- */

/* One value, unless the hash on the ledger is another version's. */
static fcc_status copy_value(const struct subject *s, const char *org, fcc_bytes key, fcc_bytes stored)
{
    ledger *l = s->u->l;
    fcc__sha256 digest = fcc__sha256_of(key);
    ledger__entry entry, hashed;
    fcc_status st = ledger__entry_parse(stored, &entry);

    if (st == FCC_OK)
        st = ledger__entry_get(l, s->u->txn, LEDGER__STATE,
                               ledger__state_key(l, s->ns, s->name, fcc__sha256_bytes(&digest)), &hashed);
    if (st != FCC_OK || !hashed.exists || hashed.version.block != entry.version.block ||
        hashed.version.tx != entry.version.tx)
        return st;
    st = ledger__put(&l->store, s->u->txn, LEDGER__PRIVATE, ledger__private_key(l, org, s->ns, s->name, 'k', key),
                     stored);
    return st == FCC_OK ? ledger__put(&l->store, s->u->txn, LEDGER__PRIVATE,
                                      ledger__private_key(l, org, s->ns, s->name, 'h', fcc__sha256_bytes(&digest)), key)
                        : st;
}

/* Some of the keys and values behind `*from`, which moves on; empty at the end. A walk and writes don't mix. */
static fcc_status take_batch(const struct subject *s, fcc_bytes prefix, fcc__buf *from, fcc__buf *batch)
{
    ledger__cursor cursor;
    fcc_status st = ledger__cursor_open(&s->u->l->store, s->u->txn, LEDGER__PRIVATE, fcc__buf_bytes(from), &cursor);

    if (st != FCC_OK)
        return st;
    fcc__buf_reset(batch);
    while (st == FCC_OK && cursor.key.data && fcc_bytes_starts_with(cursor.key, prefix) && batch->len < BATCH_BYTES) {
        ledger__add_piece(batch, fcc_bytes_of(cursor.key.data + prefix.len, cursor.key.len - prefix.len));
        ledger__add_piece(batch, cursor.value);
        fcc__buf_reset(from);
        fcc__buf_add(from, cursor.key);
        fcc__buf_putc(from, 0);
        st = fcc__buf_ok(batch) && fcc__buf_ok(from) ? ledger__cursor_next(&cursor) : FCC_ERR_LIMIT;
    }
    ledger__cursor_close(&cursor);
    return st;
}

static fcc_status copy_state(const struct subject *s, const char *source, const char *org)
{
    fcc_bytes prefix, left, key, stored;
    fcc__buf from, batch;
    fcc_status st = FCC_OK;

    if (!fcc__arena_copy(s->u->arena, ledger__private_key(s->u->l, source, s->ns, s->name, 'k', fcc_bytes_of(NULL, 0)),
                         &prefix))
        return FCC_ERR_LIMIT;
    fcc__buf_init(&from, 2 * LEDGER__KEY_MAX);
    fcc__buf_init(&batch, SIZE_MAX / 2);
    fcc__buf_add(&from, prefix);
    while (st == FCC_OK && (st = take_batch(s, prefix, &from, &batch)) == FCC_OK && batch.len) {
        for (left = fcc__buf_bytes(&batch); st == FCC_OK && left.len;)
            st = ledger__take_piece(&left, &key) && ledger__take_piece(&left, &stored) ? copy_value(s, org, key, stored)
                                                                                       : FCC_ERR_CORRUPT;
    }
    fcc__buf_clear(&from);
    fcc__buf_clear(&batch);
    return st;
}

/* ---- members ----------------------------------------------------------------------------------------------------- */

/* Nothing to copy when nobody has had the collection: it is new. */
static fcc_status reconcile_collection(const struct subject *s)
{
    const ledger *l = s->u->l;
    fcc_status st = FCC_OK;
    bool known = false, has;

    for (size_t i = 0; st == FCC_OK && !known && i < l->org_count; i++)
        st = is_marked(s, l->orgs[i], &known);
    for (size_t i = 0; st == FCC_OK && i < l->org_count; i++) {
        const char *org = l->orgs[i];
        const bool member = ledger__is_member(&s->collection, org);

        if ((st = is_marked(s, org, &has)) != FCC_OK || has == member)
            continue;
        for (size_t j = 0; st == FCC_OK && known && member && j < l->org_count; j++)
            if (j != i && (st = copy_state(s, l->orgs[j], org)) == FCC_OK)
                st = ledger__writesets_copy(s->u, l->orgs[j], org, s->ns, s->name, &s->collection);
        if (st == FCC_OK)
            st = mark(s, org, member);
    }
    return st;
}

static fcc_status reconcile_chaincode(ledger__updates *u, fcc_bytes ns)
{
    Protos__CollectionConfigPackage *package;
    ledger_definition definition;
    fcc_status st = ledger__definition(u->l, NULL, ns, &definition);

    if (st != FCC_OK)
        return st == FCC_ERR_NOT_FOUND ? FCC_OK : st;
    st = FCC__UNPACK(protos__collection_config_package, definition.collections, u->arena, &package);
    for (size_t i = 0; st == FCC_OK && i < package->n_config; i++) {
        struct subject s = { .u = u, .ns = ns };

        if (package->config[i]->payload_case != PROTOS__COLLECTION_CONFIG__PAYLOAD_STATIC_COLLECTION_CONFIG)
            continue;
        s.name = fcc__of_pb(package->config[i]->static_collection_config->name);
        st = ledger__find_collection(u->l, NULL, ns, s.name, u->arena, &s.collection);
        if (st == FCC_OK)
            st = reconcile_collection(&s);
    }
    return st;
}

/* All chaincodes that `_lifecycle` has a definition of. */
static fcc_status list_chaincodes(ledger__updates *u, fcc_bytes **out, size_t *count)
{
    static const char metadata[] = "namespaces/metadata/";
    ledger__map names;
    ledger__cursor cursor;
    fcc_bytes prefix;
    fcc_status st;

    ledger__map_init(&names, u->arena, sizeof(bool));
    if (!fcc__arena_copy(u->arena,
                         ledger__state_key(u->l, FCC_LIT(LEDGER__LIFECYCLE), fcc_bytes_of(NULL, 0), fcc_str(metadata)),
                         &prefix))
        return FCC_ERR_LIMIT;
    st = ledger__cursor_open(&u->l->store, u->txn, LEDGER__STATE, prefix, &cursor);
    if (st != FCC_OK)
        return st;
    while (st == FCC_OK && cursor.key.data && fcc_bytes_starts_with(cursor.key, prefix))
        st = ledger__map_at(&names, fcc_bytes_of(cursor.key.data + prefix.len, cursor.key.len - prefix.len))
                 ? ledger__cursor_next(&cursor)
                 : FCC_ERR_LIMIT;
    ledger__cursor_close(&cursor);
    *out = fcc__arena_zalloc(u->arena, names.count, sizeof(**out));
    if (st != FCC_OK || !*out)
        return st != FCC_OK ? st : FCC_ERR_LIMIT;
    for (size_t i = 0; i < names.count; i++)
        (*out)[i] = names.items[i]->key;
    *count = names.count;
    return FCC_OK;
}

fcc_status ledger_reconcile(ledger *l, fcc_bytes chaincode)
{
    fcc__arena *arena = l->org_count ? fcc__arena_new(ARENA_CAP) : NULL;
    fcc_bytes *names = &chaincode;
    size_t count = 1;
    ledger__updates u;
    MDB_txn *txn = NULL;
    fcc_status st;

    if (!l->org_count)
        return FCC_OK;
    st = arena ? ledger__begin(&l->store, true, &txn) : FCC_ERR_NOMEM;
    if (st == FCC_OK) {
        ledger__updates_init(&u, l, txn, arena, l->height);
        if (!chaincode.len)
            st = list_chaincodes(&u, &names, &count);
        for (size_t i = 0; st == FCC_OK && i < count; i++)
            st = reconcile_chaincode(&u, names[i]);
        if (st == FCC_OK)
            st = ledger__commit_txn(txn);
        else
            mdb_txn_abort(txn);
    }
    fcc__arena_free(arena);
    return st;
}
