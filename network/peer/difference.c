/*
 * difference.c: where two answers to one proposal part. A peer of Fabric says only that they do.
 *
 * Names, keys and offsets are told, values never. Private keys are told by their hash, as everybody sees them.
 */
#include "peer/assemble.h"

#include "base/buf.h"
#include "protos/unpack.h"

#include "ledger/rwset/kvrwset/kv_rwset.pb-c.h"
#include "ledger/rwset/rwset.pb-c.h"
#include "peer/chaincode_event.pb-c.h"
#include "peer/proposal_response.pb-c.h"

#include <inttypes.h>

/* What is compared at the moment, and for whom. */
typedef struct comparison {
    fcc__arena *arena;
    const char *a, *b; /* who answered */
    const char *where; /* "chaincode ehr", "collection notes of chaincode ehr" */
} comparison;

/* ---- words ------------------------------------------------------------------------------------------------------- */

static const char *or_nothing(const char *text)
{
    return text ? text : "";
}

/* Keys hold 0x00 and anything else: what is not printable is escaped, and what is long is cut. */
static const char *printable(fcc__arena *arena, fcc_bytes text)
{
    enum { SHOWN = 80 };
    fcc__buf buf;
    const char *out;

    fcc__buf_init(&buf, 1024);
    for (size_t i = 0; i < text.len && i < SHOWN; i++) {
        uint8_t c = text.data[i];

        if (c >= 0x20 && c < 0x7f && c != '\\' && c != '"')
            fcc__buf_putc(&buf, c);
        else
            fcc__buf_printf(&buf, "\\x%02x", c);
    }
    if (text.len > SHOWN)
        fcc__buf_puts(&buf, "...");
    out = fcc__arena_printf(arena, "%s", or_nothing(fcc__buf_cstr(&buf)));
    fcc__buf_clear(&buf);
    return or_nothing(out);
}

static const char *key_name(const comparison *c, fcc_bytes key)
{
    return or_nothing(fcc__arena_printf(c->arena, "key \"%s\"", printable(c->arena, key)));
}

static const char *hashed_name(const comparison *c, fcc_bytes hash)
{
    enum { SHOWN = 8 };
    char hex[2 * SHOWN + 1] = "";

    for (size_t i = 0; i < hash.len && i < SHOWN; i++) {
        hex[2 * i] = "0123456789abcdef"[hash.data[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[hash.data[i] & 15];
        hex[2 * i + 2] = '\0';
    }
    return or_nothing(fcc__arena_printf(c->arena, "the key with hash %s...", hex));
}

/* "at byte 3 (lengths 5 and 6)" */
static const char *place(const comparison *c, fcc_bytes a, fcc_bytes b)
{
    size_t i = 0;

    while (i < a.len && i < b.len && a.data[i] == b.data[i])
        i++;
    return or_nothing(fcc__arena_printf(c->arena, "at byte %zu (lengths %zu and %zu)", i, a.len, b.len));
}

static const char *only_one(const comparison *c, bool first, const char *does, const char *what)
{
    return fcc__arena_printf(c->arena, "only %s %s %s of %s", first ? c->a : c->b, does, what, c->where);
}

static const char *other_version(const comparison *c, const char *what)
{
    return fcc__arena_printf(c->arena,
                             "they read different versions of %s of %s: a block was committed in between, try again",
                             what, c->where);
}

static bool same_version(const Kvrwset__Version *a, const Kvrwset__Version *b)
{
    if (!a || !b)
        return a == b;
    return a->block_num == b->block_num && a->tx_num == b->tx_num;
}

static int order(ProtobufCBinaryData a, ProtobufCBinaryData b)
{
    return fcc_bytes_compare(fcc__of_pb(a), fcc__of_pb(b));
}

/* ---- public state: lists sorted by key --------------------------------------------------------------------------- */

static const char *reads(const comparison *c, Kvrwset__KVRead *const *x, size_t n, Kvrwset__KVRead *const *y, size_t m)
{
    size_t i = 0;

    while (i < n && i < m && order(x[i]->key, y[i]->key) == 0) {
        if (!same_version(x[i]->version, y[i]->version))
            return other_version(c, key_name(c, fcc__of_pb(x[i]->key)));
        i++;
    }
    if (i < n && (i == m || order(x[i]->key, y[i]->key) < 0))
        return only_one(c, true, "reads", key_name(c, fcc__of_pb(x[i]->key)));
    if (i < m)
        return only_one(c, false, "reads", key_name(c, fcc__of_pb(y[i]->key)));
    return NULL;
}

static const char *range_name(const comparison *c, const Kvrwset__RangeQueryInfo *r)
{
    return or_nothing(fcc__arena_printf(c->arena, "the range from \"%s\" to \"%s\"",
                                        printable(c->arena, fcc__of_pb(r->start_key)),
                                        printable(c->arena, fcc__of_pb(r->end_key))));
}

/* In the order in which they were asked. */
static const char *ranges(const comparison *c, const Kvrwset__KVRWSet *a, const Kvrwset__KVRWSet *b)
{
    for (size_t i = 0; i < a->n_range_queries_info || i < b->n_range_queries_info; i++) {
        const Kvrwset__RangeQueryInfo *x = i < a->n_range_queries_info ? a->range_queries_info[i] : NULL;
        const Kvrwset__RangeQueryInfo *y = i < b->n_range_queries_info ? b->range_queries_info[i] : NULL;
        comparison within = *c;
        fcc_bytes left, right;
        const char *found;

        if (!x || !y)
            return only_one(c, x, "queries", range_name(c, x ? x : y));
        if (order(x->start_key, y->start_key) != 0 || order(x->end_key, y->end_key) != 0 ||
            x->itr_exhausted != y->itr_exhausted)
            return fcc__arena_printf(c->arena, "%s queries %s%s of %s, %s %s%s", c->a, range_name(c, x),
                                     x->itr_exhausted ? "" : ", in part,", c->where, c->b, range_name(c, y),
                                     y->itr_exhausted ? "" : ", in part");
        within.where = or_nothing(fcc__arena_printf(c->arena, "%s in %s", range_name(c, x), c->where));
        if (x->reads_info_case == y->reads_info_case &&
            x->reads_info_case == KVRWSET__RANGE_QUERY_INFO__READS_INFO_RAW_READS &&
            (found = reads(&within, x->raw_reads->kv_reads, x->raw_reads->n_kv_reads, y->raw_reads->kv_reads,
                           y->raw_reads->n_kv_reads)))
            return found;
        if (fcc__pack(x, c->arena, &left) == FCC_OK && fcc__pack(y, c->arena, &right) == FCC_OK &&
            !fcc_bytes_equal(left, right))
            return fcc__arena_printf(c->arena, "they find different results in %s", within.where);
    }
    return NULL;
}

static const char *value(const comparison *c, const char *key, const Kvrwset__KVWrite *x, const Kvrwset__KVWrite *y)
{
    fcc_bytes left = fcc__of_pb(x->value), right = fcc__of_pb(y->value);

    if (x->is_delete != y->is_delete)
        return fcc__arena_printf(c->arena, "%s deletes, %s writes %s of %s", x->is_delete ? c->a : c->b,
                                 x->is_delete ? c->b : c->a, key, c->where);
    if (fcc_bytes_equal(left, right))
        return NULL;
    return fcc__arena_printf(c->arena, "the values written to %s of %s differ %s", key, c->where,
                             place(c, left, right));
}

/* `hashed`: keys are private. */
static const char *writes(const comparison *c, const Kvrwset__KVRWSet *a, const Kvrwset__KVRWSet *b, bool hashed)
{
    size_t i = 0;

    for (;;) {
        const Kvrwset__KVWrite *x = i < a->n_writes ? a->writes[i] : NULL, *y = i < b->n_writes ? b->writes[i] : NULL;
        const int which = !x ? 1 : !y ? -1 : order(x->key, y->key);
        const char *name, *found;
        fcc_bytes key;
        fcc__sha256 digest;

        if (!x && !y)
            return NULL;
        key = fcc__of_pb(which <= 0 ? x->key : y->key);
        digest = fcc__sha256_of(key);
        name = hashed ? hashed_name(c, fcc__sha256_bytes(&digest)) : key_name(c, key);
        if (which != 0)
            return only_one(c, which < 0, "writes", name);
        if ((found = value(c, name, x, y)))
            return found;
        i++;
    }
}

static const char *entries(const comparison *c, const char *key, Kvrwset__KVMetadataEntry *const *x, size_t n,
                           Kvrwset__KVMetadataEntry *const *y, size_t m)
{
    bool same = n == m;

    for (size_t i = 0; same && i < n; i++) {
        same = order(x[i]->name, y[i]->name) == 0;
        if (same && order(x[i]->value, y[i]->value) != 0)
            return fcc__arena_printf(c->arena, "the %s set for %s of %s differs %s",
                                     printable(c->arena, fcc__of_pb(x[i]->name)), key, c->where,
                                     place(c, fcc__of_pb(x[i]->value), fcc__of_pb(y[i]->value)));
    }
    return same ? NULL : fcc__arena_printf(c->arena, "the metadata set for %s of %s differ", key, c->where);
}

static const char *metadata(const comparison *c, const Kvrwset__KVRWSet *a, const Kvrwset__KVRWSet *b)
{
    size_t n = a->n_metadata_writes, m = b->n_metadata_writes;

    for (size_t i = 0; i < n || i < m; i++) {
        const Kvrwset__KVMetadataWrite *x = i < n ? a->metadata_writes[i] : NULL;
        const Kvrwset__KVMetadataWrite *y = i < m ? b->metadata_writes[i] : NULL;
        const int which = !x ? 1 : !y ? -1 : order(x->key, y->key);
        const char *name = key_name(c, fcc__of_pb(which <= 0 ? x->key : y->key)), *found;

        if (which != 0)
            return only_one(c, which < 0, "sets metadata for", name);
        if ((found = entries(c, name, x->entries, x->n_entries, y->entries, y->n_entries)))
            return found;
    }
    return NULL;
}

static const char *state(const comparison *c, fcc_bytes a, fcc_bytes b)
{
    Kvrwset__KVRWSet *x, *y;
    const char *found;

    if (fcc_bytes_equal(a, b) || FCC__UNPACK(kvrwset__kvrwset, a, c->arena, &x) != FCC_OK ||
        FCC__UNPACK(kvrwset__kvrwset, b, c->arena, &y) != FCC_OK)
        return NULL;
    if ((found = reads(c, x->reads, x->n_reads, y->reads, y->n_reads)) || (found = ranges(c, x, y)) ||
        (found = writes(c, x, y, false)))
        return found;
    return metadata(c, x, y);
}

/* ---- collections: hashes, in the order of the plain keys --------------------------------------------------------- */

static const char *hashed_reads(const comparison *c, const Kvrwset__HashedRWSet *a, const Kvrwset__HashedRWSet *b)
{
    size_t n = a->n_hashed_reads, m = b->n_hashed_reads;

    for (size_t i = 0; i < n || i < m; i++) {
        const Kvrwset__KVReadHash *x = i < n ? a->hashed_reads[i] : NULL, *y = i < m ? b->hashed_reads[i] : NULL;
        const char *name = hashed_name(c, fcc__of_pb(x ? x->key_hash : y->key_hash));

        if (!x || !y || order(x->key_hash, y->key_hash) != 0)
            return only_one(c, x, "reads", name);
        if (!same_version(x->version, y->version))
            return other_version(c, name);
    }
    return NULL;
}

static const char *hashed_writes(const comparison *c, const Kvrwset__HashedRWSet *a, const Kvrwset__HashedRWSet *b)
{
    size_t n = a->n_hashed_writes, m = b->n_hashed_writes;

    for (size_t i = 0; i < n || i < m; i++) {
        const Kvrwset__KVWriteHash *x = i < n ? a->hashed_writes[i] : NULL, *y = i < m ? b->hashed_writes[i] : NULL;
        const char *name = hashed_name(c, fcc__of_pb(x ? x->key_hash : y->key_hash));

        if (!x || !y || order(x->key_hash, y->key_hash) != 0)
            return only_one(c, x, "writes", name);
        if (x->is_delete != y->is_delete || x->is_purge != y->is_purge)
            return fcc__arena_printf(c->arena, "they don't do the same to %s of %s: write, delete or purge", name,
                                     c->where);
        if (order(x->value_hash, y->value_hash) != 0)
            return fcc__arena_printf(c->arena, "the values written to %s of %s differ", name, c->where);
    }
    return NULL;
}

static const char *hashed_metadata(const comparison *c, const Kvrwset__HashedRWSet *a, const Kvrwset__HashedRWSet *b)
{
    size_t n = a->n_metadata_writes, m = b->n_metadata_writes;

    for (size_t i = 0; i < n || i < m; i++) {
        const Kvrwset__KVMetadataWriteHash *x = i < n ? a->metadata_writes[i] : NULL;
        const Kvrwset__KVMetadataWriteHash *y = i < m ? b->metadata_writes[i] : NULL;
        const char *name = hashed_name(c, fcc__of_pb(x ? x->key_hash : y->key_hash)), *found;

        if (!x || !y || order(x->key_hash, y->key_hash) != 0)
            return only_one(c, x, "sets metadata for", name);
        if ((found = entries(c, name, x->entries, x->n_entries, y->entries, y->n_entries)))
            return found;
    }
    return NULL;
}

static bool private_set(const comparison *c, fcc_bytes private_rwset, fcc_bytes ns, fcc_bytes collection,
                        Kvrwset__KVRWSet **out)
{
    Rwset__TxPvtReadWriteSet *all;

    if (private_rwset.len == 0 || FCC__UNPACK(rwset__tx_pvt_read_write_set, private_rwset, c->arena, &all) != FCC_OK)
        return false;
    for (size_t i = 0; i < all->n_ns_pvt_rwset; i++)
        for (size_t j = 0; fcc_bytes_equal(fcc__of_pb(all->ns_pvt_rwset[i]->namespace_), ns) &&
                           j < all->ns_pvt_rwset[i]->n_collection_pvt_rwset;
             j++) {
            const Rwset__CollectionPvtReadWriteSet *set = all->ns_pvt_rwset[i]->collection_pvt_rwset[j];

            if (fcc_bytes_equal(fcc__of_pb(set->collection_name), collection))
                return FCC__UNPACK(kvrwset__kvrwset, fcc__of_pb(set->rwset), c->arena, out) == FCC_OK;
        }
    return false;
}

static const char *collection(const comparison *c, const Rwset__CollectionHashedReadWriteSet *a,
                              const Rwset__CollectionHashedReadWriteSet *b, fcc_bytes ns, const peer_endorsed *left,
                              const peer_endorsed *right)
{
    fcc_bytes name = fcc__of_pb(a->collection_name);
    Kvrwset__HashedRWSet *x, *y;
    Kvrwset__KVRWSet *p, *q;
    const char *found;

    if (FCC__UNPACK(kvrwset__hashed_rwset, fcc__of_pb(a->hashed_rwset), c->arena, &x) != FCC_OK ||
        FCC__UNPACK(kvrwset__hashed_rwset, fcc__of_pb(b->hashed_rwset), c->arena, &y) != FCC_OK)
        return NULL;
    if ((found = hashed_reads(c, x, y)))
        return found;
    if (private_set(c, left->private_rwset, ns, name, &p) && private_set(c, right->private_rwset, ns, name, &q) &&
        (found = writes(c, p, q, true)))
        return found;
    if ((found = hashed_writes(c, x, y)) || (found = hashed_metadata(c, x, y)))
        return found;
    if (!fcc_bytes_equal(fcc__of_pb(a->pvt_rwset_hash), fcc__of_pb(b->pvt_rwset_hash)))
        return fcc__arena_printf(c->arena, "what they write to %s differs", c->where);
    return NULL;
}

static const char *collections(const comparison *c, const Rwset__NsReadWriteSet *a, const Rwset__NsReadWriteSet *b,
                               const peer_endorsed *left, const peer_endorsed *right)
{
    size_t n = a->n_collection_hashed_rwset, m = b->n_collection_hashed_rwset;

    for (size_t i = 0; i < n || i < m; i++) {
        const Rwset__CollectionHashedReadWriteSet *x = i < n ? a->collection_hashed_rwset[i] : NULL;
        const Rwset__CollectionHashedReadWriteSet *y = i < m ? b->collection_hashed_rwset[i] : NULL;
        const int which = !x ? 1 : !y ? -1 : order(x->collection_name, y->collection_name);
        fcc_bytes name = fcc__of_pb(which <= 0 ? x->collection_name : y->collection_name);
        comparison within = *c;
        const char *found;

        if (which != 0)
            return only_one(c, which < 0, "uses collection",
                            or_nothing(fcc__arena_printf(c->arena, FCC_FMT, FCC_ARG(name))));
        within.where = or_nothing(fcc__arena_printf(c->arena, "collection " FCC_FMT " of %s", FCC_ARG(name), c->where));
        if ((found = collection(&within, x, y, fcc__of_pb(a->namespace_), left, right)))
            return found;
    }
    return NULL;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static const char *results(comparison *c, fcc_bytes a, fcc_bytes b, const peer_endorsed *left,
                           const peer_endorsed *right)
{
    Rwset__TxReadWriteSet *x, *y;

    if (fcc_bytes_equal(a, b) || FCC__UNPACK(rwset__tx_read_write_set, a, c->arena, &x) != FCC_OK ||
        FCC__UNPACK(rwset__tx_read_write_set, b, c->arena, &y) != FCC_OK)
        return NULL;
    for (size_t i = 0; i < x->n_ns_rwset || i < y->n_ns_rwset; i++) {
        const Rwset__NsReadWriteSet *p = i < x->n_ns_rwset ? x->ns_rwset[i] : NULL;
        const Rwset__NsReadWriteSet *q = i < y->n_ns_rwset ? y->ns_rwset[i] : NULL;
        const int which = !p ? 1 : !q ? -1 : order(p->namespace_, q->namespace_);
        fcc_bytes ns = fcc__of_pb(which <= 0 ? p->namespace_ : q->namespace_);
        const char *found;

        if (which != 0)
            return fcc__arena_printf(c->arena, "only %s uses the state of chaincode " FCC_FMT, which < 0 ? c->a : c->b,
                                     FCC_ARG(ns));
        c->where = or_nothing(fcc__arena_printf(c->arena, "chaincode " FCC_FMT, FCC_ARG(ns)));
        if ((found = state(c, fcc__of_pb(p->rwset), fcc__of_pb(q->rwset))) ||
            (found = collections(c, p, q, left, right)))
            return found;
    }
    return NULL;
}

static const char *responses(const comparison *c, const Protos__Response *x, const Protos__Response *y)
{
    if (!x || !y)
        return NULL;
    if (x->status != y->status)
        return fcc__arena_printf(c->arena, "the responses' statuses are %" PRId32 " and %" PRId32, x->status,
                                 y->status);
    if (order(x->message, y->message) != 0)
        return fcc__arena_printf(c->arena, "the responses' messages differ %s",
                                 place(c, fcc__of_pb(x->message), fcc__of_pb(y->message)));
    if (order(x->payload, y->payload) != 0)
        return fcc__arena_printf(c->arena, "the responses' payloads differ %s",
                                 place(c, fcc__of_pb(x->payload), fcc__of_pb(y->payload)));
    return NULL;
}

static const char *events(const comparison *c, fcc_bytes a, fcc_bytes b)
{
    Protos__ChaincodeEvent *x, *y;

    if (fcc_bytes_equal(a, b))
        return NULL;
    if (a.len == 0 || b.len == 0)
        return fcc__arena_printf(c->arena, "only %s sets an event", a.len > 0 ? c->a : c->b);
    if (FCC__UNPACK(protos__chaincode_event, a, c->arena, &x) != FCC_OK ||
        FCC__UNPACK(protos__chaincode_event, b, c->arena, &y) != FCC_OK)
        return fcc__arena_printf(c->arena, "the events differ %s", place(c, a, b));
    if (order(x->event_name, y->event_name) != 0)
        return fcc__arena_printf(c->arena, "the events' names are \"%s\" and \"%s\"",
                                 printable(c->arena, fcc__of_pb(x->event_name)),
                                 printable(c->arena, fcc__of_pb(y->event_name)));
    return fcc__arena_printf(c->arena, "the payloads of event \"%s\" differ %s",
                             printable(c->arena, fcc__of_pb(x->event_name)),
                             place(c, fcc__of_pb(x->payload), fcc__of_pb(y->payload)));
}

static const char *actions(comparison *c, const peer_endorsed *a, const peer_endorsed *b)
{
    Protos__ProposalResponsePayload *x, *y;
    Protos__ChaincodeAction *p, *q;
    const char *found;

    if (FCC__UNPACK(protos__proposal_response_payload, a->payload, c->arena, &x) != FCC_OK ||
        FCC__UNPACK(protos__proposal_response_payload, b->payload, c->arena, &y) != FCC_OK ||
        FCC__UNPACK(protos__chaincode_action, fcc__of_pb(x->extension), c->arena, &p) != FCC_OK ||
        FCC__UNPACK(protos__chaincode_action, fcc__of_pb(y->extension), c->arena, &q) != FCC_OK)
        return NULL;
    if (p->chaincode_id && q->chaincode_id && order(p->chaincode_id->version, q->chaincode_id->version) != 0)
        return fcc__arena_printf(c->arena, "they ran versions " FCC_FMT " and " FCC_FMT " of the chaincode",
                                 FCC_ARG(fcc__of_pb(p->chaincode_id->version)),
                                 FCC_ARG(fcc__of_pb(q->chaincode_id->version)));
    if ((found = results(c, fcc__of_pb(p->results), fcc__of_pb(q->results), a, b)) ||
        (found = responses(c, p->response, q->response)))
        return found;
    return events(c, fcc__of_pb(p->events), fcc__of_pb(q->events));
}

const char *peer_difference(const peer_proposal *proposal, const peer_endorsed *a, const peer_endorsed *b,
                            fcc__arena *arena)
{
    comparison c = { .arena = arena, .a = a->mspid, .b = b->mspid, .where = "" };
    const char *found, *text;

    if (fcc_bytes_equal(a->payload, b->payload))
        return "";
    found = actions(&c, a, b);
    text = fcc__arena_printf(arena, "function %s is not deterministic between %s and %s: %s",
                             printable(arena, peer_proposal_function(proposal)), a->mspid, b->mspid,
                             found ? found : place(&c, a->payload, b->payload));
    return text ? text : "the endorsements differ";
}
