/*
 * sim.c: what a chaincode may ask of a peer while it simulates. The order of checks, the reads that each call records and
 * the texts of refusals are those of Fabric's chaincode handler, query executor and transaction simulator.
 */
#include "ledger/sim.h"

#include "msp/policy.h"
#include "peer/collection.pb-c.h"
#include "protos/unpack.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { SIM_CAP = 1 << 29, ERROR_MAX = 1 << 16 };

struct known_collection {
    bool looked_up, found;
    bool creator_asked, creator_is_member;
    ledger__collection collection;
};

fcc_status ledger_sim_new(ledger *l, const ledger_sim_options *options, ledger_sim **out)
{
    ledger_sim *sim = calloc(1, sizeof *sim);
    fcc_bytes mspid;
    fcc_status st = FCC_ERR_NOMEM;

    if (!sim)
        return st;
    fcc__buf_init(&sim->error, ERROR_MAX);
    sim->l = l;
    sim->iters_end = &sim->iters;
    sim->arena = fcc__arena_new(SIM_CAP);
    if (!sim->arena)
        goto out;
    st = FCC_ERR_LIMIT;
    if (!fcc__arena_copy(sim->arena, fcc_str(options->mspid), &mspid) ||
        !fcc__arena_copy(sim->arena, options->txid, &sim->txid) ||
        !fcc__arena_copy(sim->arena, options->creator, &sim->creator))
        goto out;
    sim->mspid = (char *)(uintptr_t)mspid.data;
    ledger__builder_init(&sim->builder, sim->arena);
    ledger__map_init(&sim->collections, sim->arena, sizeof(struct known_collection));
    ledger__map_init(&sim->noted, sim->arena, sizeof(bool));
    ledger__map_init(&sim->policies, sim->arena, sizeof(bool));
    ledger__map_init(&sim->written, sim->arena, sizeof(bool));
    ledger__interest_init(sim);
    st = ledger__begin(&l->store, false, &sim->txn);
    if (st == FCC_OK)
        sim->view = (ledger__view){ ledger__definitions_use(l->definitions), sim->txn };
out:
    if (st == FCC_OK)
        *out = sim;
    else
        ledger_sim_free(sim);
    return st;
}

void ledger_sim_free(ledger_sim *sim)
{
    ledger_iter *iter;

    if (!sim)
        return;
    for (iter = sim->iters; iter; iter = iter->next)
        ledger_iter_close(iter);
    if (sim->txn)
        mdb_txn_abort(sim->txn);
    ledger__definitions_drop(sim->view.definitions);
    fcc__arena_free(sim->arena);
    fcc__buf_clear(&sim->error);
    free(sim);
}

const char *ledger_sim_error(const ledger_sim *sim)
{
    return sim->error.len ? (const char *)sim->error.data : "";
}

fcc_status ledger__refuse(ledger_sim *sim, const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fcc__buf_reset(&sim->error);
    fcc__buf_append(&sim->error, text, strlen(text) + 1);
    return FCC_ERR_PEER;
}

/* Read from the snapshot. */
static fcc_status look(ledger_sim *sim, fcc_bytes ns, fcc_bytes collection, fcc_bytes key, ledger__entry *out)
{
    return ledger__entry_get(sim->l, sim->txn, LEDGER__STATE, ledger__state_key(sim->l, ns, collection, key), out);
}

static fcc_status look_hashed(ledger_sim *sim, fcc_bytes ns, fcc_bytes collection, fcc_bytes key, ledger__entry *out)
{
    fcc__sha256 digest = fcc__sha256_of(key);

    return look(sim, ns, collection, fcc__sha256_bytes(&digest), out);
}

static bool join(fcc__arena *arena, const fcc_bytes *parts, size_t count, fcc_bytes *out)
{
    size_t len = 0, i;
    uint8_t *p;

    for (i = 0; i < count; i++)
        len += parts[i].len;
    p = fcc__arena_alloc(arena, len + 1);
    if (!p)
        return false;
    *out = fcc_bytes_of(p, len);
    for (i = 0; i < count; p += parts[i++].len)
        if (parts[i].len)
            memcpy(p, parts[i].data, parts[i].len);
    return true;
}

/* Read a key of the chaincode's definition, for the record. */
static fcc_status note(ledger_sim *sim, const char *what, fcc_bytes ns, const char *field)
{
    const fcc_bytes parts[] = { FCC_LIT("namespaces/"), fcc_str(what), FCC_LIT("/"), ns, fcc_str(field) };
    fcc_bytes lifecycle = FCC_LIT(LEDGER__LIFECYCLE), none = { NULL, 0 }, key;
    ledger__entry entry;
    fcc_status st;

    if (!join(sim->arena, parts, sizeof parts / sizeof parts[0], &key))
        return FCC_ERR_LIMIT;
    st = look(sim, lifecycle, none, key, &entry);
    return st == FCC_OK ? ledger__add_read(&sim->builder, lifecycle, none, key, &entry) : st;
}

fcc_status ledger_sim_enter(ledger_sim *sim, fcc_bytes ns)
{
    if (!sim->invoked.len && !fcc__arena_copy(sim->arena, ns, &sim->invoked))
        return FCC_ERR_LIMIT;
    if (fcc_bytes_equal(ns, FCC_LIT(LEDGER__LIFECYCLE)))
        return FCC_OK;
    return note(sim, "fields", ns, "/Sequence");
}

fcc_status ledger_sim_definition(ledger_sim *sim, fcc_bytes ns, ledger_definition *out)
{
    return ledger__definition(sim->l, &sim->view, ns, out);
}

fcc_status ledger__note_definition(ledger_sim *sim, fcc_bytes ns)
{
    static const char *const fields[] = { "/Collections", "/EndorsementInfo", "/Sequence", "/ValidationInfo" };
    bool *noted = ledger__map_at(&sim->noted, ns);
    fcc_status st;
    size_t i;

    if (!noted)
        return FCC_ERR_LIMIT;
    if (*noted || fcc_bytes_equal(ns, FCC_LIT(LEDGER__LIFECYCLE))) /* which defines itself */
        return FCC_OK;
    st = note(sim, "metadata", ns, "");
    for (i = 0; st == FCC_OK && i < sizeof fields / sizeof fields[0]; i++)
        st = note(sim, "fields", ns, fields[i]);
    *noted = st == FCC_OK;
    return st;
}

static fcc_status know(ledger_sim *sim, fcc_bytes ns, fcc_bytes collection, struct known_collection **out)
{
    const fcc_bytes name = ledger__state_key(sim->l, ns, collection, fcc_bytes_of(NULL, 0));
    struct known_collection *known = name.len ? ledger__map_at(&sim->collections, name) : NULL;
    fcc_status st;

    if (!known)
        return FCC_ERR_LIMIT;
    if (!known->looked_up) {
        st = ledger__find_collection(sim->l, &sim->view, ns, collection, sim->arena, &known->collection);
        if (st != FCC_OK && st != FCC_ERR_NOT_FOUND)
            return st;
        known->found = st == FCC_OK;
        known->looked_up = true;
    }
    *out = known;
    return FCC_OK;
}

static bool creator_is_member(ledger_sim *sim, struct known_collection *known)
{
    const msp_identity *identity;

    if (!known->creator_asked) {
        known->creator_asked = true;
        known->creator_is_member = sim->l->channel &&
                                   msp_deserialize(msp_channel_manager(sim->l->channel), sim->creator, &identity,
                                                   NULL) == FCC_OK &&
                                   msp_policy_evaluate(known->collection.member_policy, &identity, 1, NULL) == FCC_OK;
    }
    return known->creator_is_member;
}

fcc_status ledger__permit(ledger_sim *sim, fcc_bytes ns, fcc_bytes collection, bool write)
{
    struct known_collection *known;
    fcc_status st = ledger__note_definition(sim, ns);

    if (st == FCC_OK)
        st = know(sim, ns, collection, &known);
    if (st != FCC_OK)
        return st;
    if (!known->found)
        return ledger__refuse(sim, "collection %s/" FCC_FMT "/" FCC_FMT " could not be found",
                              sim->l->channel ? msp_channel_id(sim->l->channel) : "", FCC_ARG(ns), FCC_ARG(collection));
    if ((write ? known->collection.member_only_write : known->collection.member_only_read) &&
        !creator_is_member(sim, known))
        return ledger__refuse(sim,
                              "tx creator does not have %s access permission on privatedata in chaincodeName:" FCC_FMT
                              " collectionName: " FCC_FMT,
                              write ? "write" : "read", FCC_ARG(ns), FCC_ARG(collection));
    return FCC_OK;
}

/* "{BlockNum: 3, TxNum: 0}", as Fabric prints a version; a missing one is Go's nil pointer. */
static const char *version_text(ledger_sim *sim, const ledger__entry *entry)
{
    char *text;

    if (!entry->exists)
        return "<nil>";
    text = fcc__arena_printf(sim->arena, "{BlockNum: %llu, TxNum: %llu}", (unsigned long long)entry->version.block,
                             (unsigned long long)entry->version.tx);
    return text ? text : "";
}

static fcc_status look_private(ledger_sim *sim, fcc_bytes ns, fcc_bytes collection, fcc_bytes key, ledger__entry *out)
{
    return ledger__entry_get(sim->l, sim->txn, LEDGER__PRIVATE,
                             ledger__private_key(sim->l, sim->mspid, ns, collection, 'k', key), out);
}

fcc_status ledger_sim_get(ledger_sim *sim, fcc_bytes ns, fcc_bytes collection, fcc_bytes key, fcc_bytes *value)
{
    ledger__entry entry, hashed;
    fcc_status st;

    if (!collection.len) {
        st = look(sim, ns, collection, key, &entry);
    } else {
        st = ledger__permit(sim, ns, collection, false);
        if (st == FCC_OK)
            st = look_private(sim, ns, collection, key, &entry);
        if (st == FCC_OK)
            st = look_hashed(sim, ns, collection, key, &hashed);
        if (st == FCC_OK && (hashed.exists != entry.exists || hashed.version.block != entry.version.block ||
                             hashed.version.tx != entry.version.tx))
            return ledger__refuse(sim,
                                  "private data matching public hash version is not available. Public hash version = "
                                  "%s, Private data version = %s",
                                  version_text(sim, &hashed), version_text(sim, &entry));
        if (st == FCC_OK)
            st = ledger__interest_read(sim, ns, collection);
    }
    if (st == FCC_OK)
        st = ledger__add_read(&sim->builder, ns, collection, key, &entry);
    if (st == FCC_OK)
        *value = entry.value;
    return st;
}

fcc_status ledger_sim_get_multiple(ledger_sim *sim, fcc_bytes ns, fcc_bytes collection, const fcc_bytes *keys,
                                   size_t count, fcc_bytes *values)
{
    fcc_status st = collection.len ? ledger__permit(sim, ns, collection, false) : FCC_OK;
    ledger__entry entry;
    size_t i;

    /* Fabric compares no versions here: a member without the data, and a non-member, just see nothing */
    for (i = 0; st == FCC_OK && i < count; i++) {
        st = collection.len ? look_private(sim, ns, collection, keys[i], &entry)
                            : look(sim, ns, collection, keys[i], &entry);
        if (st == FCC_OK && collection.len)
            st = ledger__interest_read(sim, ns, collection);
        if (st == FCC_OK)
            st = ledger__add_read(&sim->builder, ns, collection, keys[i], &entry);
        if (st == FCC_OK)
            values[i] = entry.value;
    }
    return st;
}

fcc_status ledger_sim_get_hash(ledger_sim *sim, fcc_bytes ns, fcc_bytes collection, fcc_bytes key, fcc_bytes *hash)
{
    struct known_collection *known;
    ledger__entry entry;
    fcc_status st = ledger__note_definition(sim, ns);

    if (st == FCC_OK)
        st = know(sim, ns, collection, &known);
    if (st != FCC_OK)
        return st;
    if (!known->found)
        return ledger__refuse(
            sim, "collection [" FCC_FMT "] not defined in the collection config for chaincode [" FCC_FMT "]",
            FCC_ARG(collection), FCC_ARG(ns));
    st = look_hashed(sim, ns, collection, key, &entry);
    if (st == FCC_OK)
        st = ledger__add_read(&sim->builder, ns, collection, key, &entry);
    if (st == FCC_OK)
        *hash = entry.value;
    return st;
}

/* May the transaction (still) write? */
static fcc_status check_write(ledger_sim *sim, fcc_bytes ns, fcc_bytes collection)
{
    fcc_status st = collection.len ? ledger__permit(sim, ns, collection, true) : FCC_OK;

    if (st != FCC_OK)
        return st;
    if (sim->queried_private)
        return ledger__refuse(sim,
                              "txid [" FCC_FMT "]: unsuppored transaction. Transaction has already performed queries "
                              "on pvt data. Writes are not allowed",
                              FCC_ARG(sim->txid));
    if (sim->paginated)
        return ledger__refuse(sim,
                              "txid [" FCC_FMT "]: unsuppored transaction. Transaction has already performed a "
                              "paginated query. Writes are not allowed",
                              FCC_ARG(sim->txid));
    sim->wrote = true;
    return FCC_OK;
}

/*
 * What has to endorse this write: the key's own policy, else the collection's, else the chaincode's. A namespace without
 * definition has none here, and no transaction on it will be valid.
 */
static fcc_status note_policy(ledger_sim *sim, fcc_bytes ns, fcc_bytes collection, fcc_bytes key)
{
    struct known_collection *known;
    ledger_definition definition;
    fcc_bytes policy = { NULL, 0 };
    ledger__entry entry;
    fcc_status st = collection.len ? look_hashed(sim, ns, collection, key, &entry)
                                   : look(sim, ns, collection, key, &entry);

    if (!ledger__map_at(&sim->written, ns))
        st = FCC_ERR_LIMIT;
    if (st == FCC_OK)
        st = ledger__metadata_find(entry.metadata, FCC_LIT("VALIDATION_PARAMETER"), sim->arena, &policy);
    if (st == FCC_OK)
        st = ledger__interest_write(sim, ns, collection, key, policy);
    if (st != FCC_OK)
        return st;
    if (policy.len) {
        fcc__buf buf;

        /* ApplicationPolicy{signature_policy}: field 1 holds the envelope's bytes */
        fcc__buf_init(&buf, LEDGER__KEY_MAX);
        fcc__buf_putc(&buf, 0x0a);
        ledger__add_piece(&buf, policy);
        st = fcc__buf_ok(&buf) && ledger__map_at(&sim->policies, fcc__buf_bytes(&buf)) ? FCC_OK : FCC_ERR_LIMIT;
        fcc__buf_clear(&buf);
        return st;
    }
    if (collection.len) {
        st = know(sim, ns, collection, &known);
        if (st != FCC_OK)
            return st;
        policy = known->collection.endorsement_policy;
    }
    if (!policy.len && ledger__definition(sim->l, &sim->view, ns, &definition) == FCC_OK)
        policy = definition.policy;
    return policy.len && !ledger__map_at(&sim->policies, policy) ? FCC_ERR_LIMIT : FCC_OK;
}

static fcc_status put(ledger_sim *sim, fcc_bytes ns, fcc_bytes collection, fcc_bytes key, fcc_bytes value, bool purge)
{
    fcc_status st = check_write(sim, ns, collection);

    if (st == FCC_OK)
        st = ledger__add_write(&sim->builder, ns, collection, key, value, purge);
    return st == FCC_OK ? note_policy(sim, ns, collection, key) : st;
}

fcc_status ledger_sim_put(ledger_sim *sim, fcc_bytes ns, fcc_bytes collection, fcc_bytes key, fcc_bytes value)
{
    return put(sim, ns, collection, key, value, false);
}

fcc_status ledger_sim_delete(ledger_sim *sim, fcc_bytes ns, fcc_bytes collection, fcc_bytes key)
{
    return put(sim, ns, collection, key, fcc_bytes_of(NULL, 0), false);
}

fcc_status ledger_sim_purge(ledger_sim *sim, fcc_bytes ns, fcc_bytes collection, fcc_bytes key)
{
    if (!collection.len)
        return ledger__refuse(sim, "only applicable for private data");
    if (sim->l->channel && !msp_channel_application_capability(sim->l->channel, "V2_5"))
        return ledger__refuse(sim, "purge private data is not enabled, channel application capability of V2_5 or later "
                                   "is required");
    return put(sim, ns, collection, key, fcc_bytes_of(NULL, 0), true);
}

fcc_status ledger_sim_get_metadata(ledger_sim *sim, fcc_bytes ns, fcc_bytes collection, fcc_bytes key,
                                   const ledger_metadata **entries, size_t *count)
{
    Kvrwset__KVMetadataWrite *write;
    ledger_metadata *out = NULL;
    ledger__entry entry;
    size_t n = 0, i;
    fcc_status st = collection.len ? ledger__permit(sim, ns, collection, false) : FCC_OK;

    if (st == FCC_OK)
        st = collection.len ? look_hashed(sim, ns, collection, key, &entry) : look(sim, ns, collection, key, &entry);
    if (st == FCC_OK)
        st = ledger__add_read(&sim->builder, ns, collection, key, &entry);
    if (st != FCC_OK)
        return st;
    if (entry.metadata.len) {
        st = FCC__UNPACK(kvrwset__kvmetadata_write, entry.metadata, sim->arena, &write);
        if (st != FCC_OK)
            return st;
        n = write->n_entries;
        out = fcc__arena_zalloc(sim->arena, n, sizeof *out);
        if (!out)
            return FCC_ERR_LIMIT;
        for (i = 0; i < n; i++) {
            out[i].name = fcc__of_pb(write->entries[i]->name);
            out[i].value = fcc__of_pb(write->entries[i]->value);
        }
    }
    *entries = out;
    *count = n;
    return FCC_OK;
}

fcc_status ledger_sim_put_metadata(ledger_sim *sim, fcc_bytes ns, fcc_bytes collection, fcc_bytes key,
                                   const ledger_metadata *entries, size_t count)
{
    fcc_status st = check_write(sim, ns, collection);

    if (st == FCC_OK)
        st = ledger__add_metadata(&sim->builder, ns, collection, key, entries, count);
    return st == FCC_OK ? note_policy(sim, ns, collection, key) : st;
}

/* A chaincode that writes nothing itself is still checked against its own policy. */
static fcc_status list_policies(ledger_sim *sim, fcc__arena *arena, ledger_results *out)
{
    ledger_definition definition;
    fcc_bytes *list;
    size_t i;

    if (sim->invoked.len && !ledger__map_find(&sim->written, sim->invoked) &&
        ledger__definition(sim->l, &sim->view, sim->invoked, &definition) == FCC_OK && definition.policy.len &&
        !ledger__map_at(&sim->policies, definition.policy))
        return FCC_ERR_LIMIT;
    list = fcc__arena_zalloc(arena, sim->policies.count, sizeof *list);
    if (!list)
        return FCC_ERR_LIMIT;
    for (i = 0; i < sim->policies.count; i++) {
        if (!fcc__arena_copy(arena, sim->policies.items[i]->key, &list[i]))
            return FCC_ERR_LIMIT;
    }
    out->policies = list;
    out->policy_count = sim->policies.count;
    return FCC_OK;
}

fcc_status ledger_sim_finish(ledger_sim *sim, fcc__arena *arena, ledger_results *out)
{
    ledger_results results;
    fcc_status st;

    memset(&results, 0, sizeof results);
    if (sim->finished)
        return ledger__refuse(sim, "this function should only be called once on a transaction simulator instance");
    sim->finished = true;
    st = ledger__record_ranges(sim);
    if (st == FCC_OK)
        st = ledger__build(&sim->builder, arena, &results.rwset, &results.private_rwset);
    if (st == FCC_OK)
        st = list_policies(sim, arena, &results);
    if (st == FCC_OK)
        st = ledger__interest_build(sim, arena, &results.interest);
    if (st == FCC_OK)
        *out = results;
    return st;
}
