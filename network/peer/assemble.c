/* See assemble.h. Fabric: internal/pkg/gateway/submit.go prepareTransaction, protoutil/txutils.go. */
#include "peer/assemble.h"

#include "base/buf.h"
#include "protos/unpack.h"

#include "common/common.pb-c.h"
#include "ledger/rwset/kvrwset/kv_rwset.pb-c.h"
#include "ledger/rwset/rwset.pb-c.h"
#include "peer/chaincode_event.pb-c.h"
#include "peer/proposal_response.pb-c.h"
#include "peer/transaction.pb-c.h"

#include <inttypes.h>

/* ---- where two answers part -------------------------------------------------------------------------------------- */

static size_t first_difference(fcc_bytes a, fcc_bytes b)
{
    size_t i = 0;

    while (i < a.len && i < b.len && a.data[i] == b.data[i])
        i++;
    return i;
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
    out = fcc__arena_printf(arena, "%s", fcc__buf_cstr(&buf) ? fcc__buf_cstr(&buf) : "");
    fcc__buf_clear(&buf);
    return out ? out : "";
}

/* "at byte 3 of 5 and 6 bytes" */
static const char *place(fcc__arena *arena, fcc_bytes a, fcc_bytes b)
{
    const char *s = fcc__arena_printf(arena, "at byte %zu (lengths %zu and %zu)", first_difference(a, b), a.len, b.len);

    return s ? s : "";
}

static bool same_version(const Kvrwset__Version *a, const Kvrwset__Version *b)
{
    if (!a || !b)
        return a == b;
    return a->block_num == b->block_num && a->tx_num == b->tx_num;
}

static const char *differing_writes(const Kvrwset__KVRWSet *a, const Kvrwset__KVRWSet *b, fcc_bytes ns,
                                    fcc__arena *arena)
{
    for (size_t i = 0; i < a->n_writes || i < b->n_writes; i++) {
        const Kvrwset__KVWrite *x = i < a->n_writes ? a->writes[i] : NULL;
        const Kvrwset__KVWrite *y = i < b->n_writes ? b->writes[i] : NULL;
        fcc_bytes key = fcc__of_pb(x ? x->key : y->key);

        if (!x || !y || !fcc_bytes_equal(key, fcc__of_pb(y->key)))
            return fcc__arena_printf(arena, "only one writes key \"%s\" of chaincode " FCC_FMT, printable(arena, key),
                                     FCC_ARG(ns));
        if (x->is_delete != y->is_delete)
            return fcc__arena_printf(arena, "one deletes, the other writes key \"%s\" of chaincode " FCC_FMT,
                                     printable(arena, key), FCC_ARG(ns));
        if (!fcc_bytes_equal(fcc__of_pb(x->value), fcc__of_pb(y->value)))
            return fcc__arena_printf(arena, "the values written to key \"%s\" of chaincode " FCC_FMT " differ %s",
                                     printable(arena, key), FCC_ARG(ns),
                                     place(arena, fcc__of_pb(x->value), fcc__of_pb(y->value)));
    }
    return NULL;
}

static const char *differing_reads(const Kvrwset__KVRWSet *a, const Kvrwset__KVRWSet *b, fcc_bytes ns,
                                   fcc__arena *arena)
{
    for (size_t i = 0; i < a->n_reads || i < b->n_reads; i++) {
        const Kvrwset__KVRead *x = i < a->n_reads ? a->reads[i] : NULL;
        const Kvrwset__KVRead *y = i < b->n_reads ? b->reads[i] : NULL;
        fcc_bytes key = fcc__of_pb(x ? x->key : y->key);

        if (!x || !y || !fcc_bytes_equal(key, fcc__of_pb(y->key)))
            return fcc__arena_printf(arena, "only one reads key \"%s\" of chaincode " FCC_FMT, printable(arena, key),
                                     FCC_ARG(ns));
        if (!same_version(x->version, y->version))
            return fcc__arena_printf(arena,
                                     "they read different versions of key \"%s\" of chaincode " FCC_FMT
                                     ": a block was committed in between, try again",
                                     printable(arena, key), FCC_ARG(ns));
    }
    return NULL;
}

/* Private data are only known by their hashes here, so a difference is named by the collection. */
static const char *differing_collections(const Rwset__NsReadWriteSet *a, const Rwset__NsReadWriteSet *b, fcc_bytes ns,
                                         fcc__arena *arena)
{
    for (size_t i = 0; i < a->n_collection_hashed_rwset || i < b->n_collection_hashed_rwset; i++) {
        const Rwset__CollectionHashedReadWriteSet *x = i < a->n_collection_hashed_rwset ? a->collection_hashed_rwset[i]
                                                                                        : NULL;
        const Rwset__CollectionHashedReadWriteSet *y = i < b->n_collection_hashed_rwset ? b->collection_hashed_rwset[i]
                                                                                        : NULL;
        fcc_bytes name = fcc__of_pb(x ? x->collection_name : y->collection_name);

        if (!x || !y || !fcc_bytes_equal(name, fcc__of_pb(y->collection_name)))
            return fcc__arena_printf(arena, "only one uses collection " FCC_FMT " of chaincode " FCC_FMT, FCC_ARG(name),
                                     FCC_ARG(ns));
        if (!fcc_bytes_equal(fcc__of_pb(x->pvt_rwset_hash), fcc__of_pb(y->pvt_rwset_hash)))
            return fcc__arena_printf(arena,
                                     "what they write to collection " FCC_FMT " of chaincode " FCC_FMT " differs",
                                     FCC_ARG(name), FCC_ARG(ns));
        if (!fcc_bytes_equal(fcc__of_pb(x->hashed_rwset), fcc__of_pb(y->hashed_rwset)))
            return fcc__arena_printf(arena,
                                     "what they read from collection " FCC_FMT " of chaincode " FCC_FMT " differs",
                                     FCC_ARG(name), FCC_ARG(ns));
    }
    return NULL;
}

static const char *differing_results(fcc_bytes a, fcc_bytes b, fcc__arena *arena)
{
    Rwset__TxReadWriteSet *x, *y;

    if (FCC__UNPACK(rwset__tx_read_write_set, a, arena, &x) != FCC_OK ||
        FCC__UNPACK(rwset__tx_read_write_set, b, arena, &y) != FCC_OK)
        return NULL;
    for (size_t i = 0; i < x->n_ns_rwset || i < y->n_ns_rwset; i++) {
        const Rwset__NsReadWriteSet *p = i < x->n_ns_rwset ? x->ns_rwset[i] : NULL;
        const Rwset__NsReadWriteSet *q = i < y->n_ns_rwset ? y->ns_rwset[i] : NULL;
        fcc_bytes ns = fcc__of_pb(p ? p->namespace_ : q->namespace_);
        Kvrwset__KVRWSet *v, *w;
        const char *found = NULL;

        if (!p || !q || !fcc_bytes_equal(ns, fcc__of_pb(q->namespace_)))
            return fcc__arena_printf(arena, "only one uses the state of chaincode " FCC_FMT, FCC_ARG(ns));
        if (FCC__UNPACK(kvrwset__kvrwset, fcc__of_pb(p->rwset), arena, &v) != FCC_OK ||
            FCC__UNPACK(kvrwset__kvrwset, fcc__of_pb(q->rwset), arena, &w) != FCC_OK)
            return NULL;
        found = differing_reads(v, w, ns, arena);
        if (!found)
            found = differing_writes(v, w, ns, arena);
        if (!found)
            found = differing_collections(p, q, ns, arena);
        if (!found && !fcc_bytes_equal(fcc__of_pb(p->rwset), fcc__of_pb(q->rwset)))
            found = fcc__arena_printf(arena, "their range queries or key policies of chaincode " FCC_FMT " differ",
                                      FCC_ARG(ns));
        if (found)
            return found;
    }
    return NULL;
}

static const char *differing_actions(fcc_bytes a, fcc_bytes b, fcc__arena *arena)
{
    Protos__ProposalResponsePayload *x, *y;
    Protos__ChaincodeAction *p, *q;
    fcc_bytes left, right;
    const char *found;

    if (FCC__UNPACK(protos__proposal_response_payload, a, arena, &x) != FCC_OK ||
        FCC__UNPACK(protos__proposal_response_payload, b, arena, &y) != FCC_OK ||
        FCC__UNPACK(protos__chaincode_action, fcc__of_pb(x->extension), arena, &p) != FCC_OK ||
        FCC__UNPACK(protos__chaincode_action, fcc__of_pb(y->extension), arena, &q) != FCC_OK)
        return NULL;
    found = differing_results(fcc__of_pb(p->results), fcc__of_pb(q->results), arena);
    if (found)
        return found;
    if (p->response && q->response) {
        if (p->response->status != q->response->status)
            return fcc__arena_printf(arena, "the responses' statuses are %" PRId32 " and %" PRId32, p->response->status,
                                     q->response->status);
        left = fcc__of_pb(p->response->message);
        right = fcc__of_pb(q->response->message);
        if (!fcc_bytes_equal(left, right))
            return fcc__arena_printf(arena, "the responses' messages differ %s", place(arena, left, right));
        left = fcc__of_pb(p->response->payload);
        right = fcc__of_pb(q->response->payload);
        if (!fcc_bytes_equal(left, right))
            return fcc__arena_printf(arena, "the responses' payloads differ %s", place(arena, left, right));
    }
    if (!fcc_bytes_equal(fcc__of_pb(p->events), fcc__of_pb(q->events)))
        return fcc__arena_printf(arena, "the events differ %s",
                                 place(arena, fcc__of_pb(p->events), fcc__of_pb(q->events)));
    return NULL;
}

const char *peer_difference(const peer_proposal *proposal, const peer_endorsed *a, const peer_endorsed *b,
                            fcc__arena *arena)
{
    const char *found, *text;

    if (fcc_bytes_equal(a->payload, b->payload))
        return "";
    found = differing_actions(a->payload, b->payload, arena);
    text = fcc__arena_printf(arena, "function %s is not deterministic between %s and %s: %s",
                             printable(arena, peer_proposal_function(proposal)), a->mspid, b->mspid,
                             found ? found : place(arena, a->payload, b->payload));
    return text ? text : "the endorsements differ";
}

/* ---- the transaction --------------------------------------------------------------------------------------------- */

static bool has_endorser(Protos__Endorsement *const *list, size_t count, fcc_bytes endorser)
{
    for (size_t i = 0; i < count; i++)
        if (fcc_bytes_equal(fcc__of_pb(list[i]->endorser), endorser))
            return true;
    return false;
}

fcc_status peer_assemble(const peer_proposal *proposal, const peer_endorsed *endorsed, size_t count, fcc__arena *arena,
                         fcc_bytes *envelope_payload, fcc_error *error)
{
    Protos__ChaincodeProposalPayload proposal_payload = PROTOS__CHAINCODE_PROPOSAL_PAYLOAD__INIT;
    Protos__ChaincodeEndorsedAction action = PROTOS__CHAINCODE_ENDORSED_ACTION__INIT;
    Protos__ChaincodeActionPayload action_payload = PROTOS__CHAINCODE_ACTION_PAYLOAD__INIT;
    Protos__TransactionAction transaction_action = PROTOS__TRANSACTION_ACTION__INIT;
    Protos__TransactionAction *actions[1] = { &transaction_action };
    Protos__Transaction transaction = PROTOS__TRANSACTION__INIT;
    Common__Header header = COMMON__HEADER__INIT;
    Common__Payload payload = COMMON__PAYLOAD__INIT;
    Protos__Endorsement **list = fcc__arena_zalloc(arena, count, sizeof(*list));
    Protos__Endorsement *room = fcc__arena_zalloc(arena, count, sizeof(*room));
    fcc_bytes bytes;
    size_t n = 0;

    if (count == 0)
        return fcc_error_set(error, FCC_ERR_ARG, "at least one proposal response is required");
    if (!list || !room)
        goto full;
    for (size_t i = 0; i < count; i++) {
        if (!fcc_bytes_equal(endorsed[i].payload, endorsed[0].payload))
            return fcc_error_set(error, FCC_ERR_PEER, "ProposalResponsePayloads do not match: %s",
                                 peer_difference(proposal, &endorsed[0], &endorsed[i], arena));
        if (has_endorser(list, n, endorsed[i].endorser))
            continue;
        protos__endorsement__init(&room[n]);
        room[n].endorser = fcc__pb(endorsed[i].endorser);
        room[n].signature = fcc__pb(endorsed[i].signature);
        list[n] = &room[n];
        n++;
    }

    proposal_payload.input = fcc__pb(proposal->invocation);
    if (fcc__pack(&proposal_payload, arena, &bytes) != FCC_OK)
        goto full;
    action.proposal_response_payload = fcc__pb(endorsed[0].payload);
    action.endorsements = list;
    action.n_endorsements = n;
    action_payload.chaincode_proposal_payload = fcc__pb(bytes);
    action_payload.action = &action;
    if (fcc__pack(&action_payload, arena, &bytes) != FCC_OK)
        goto full;
    transaction_action.header = fcc__pb(proposal->signature_header);
    transaction_action.payload = fcc__pb(bytes);
    transaction.actions = actions;
    transaction.n_actions = 1;
    if (fcc__pack(&transaction, arena, &bytes) != FCC_OK)
        goto full;
    header.channel_header = fcc__pb(proposal->channel_header);
    header.signature_header = fcc__pb(proposal->signature_header);
    payload.header = &header;
    payload.data = fcc__pb(bytes);
    if (fcc__pack(&payload, arena, envelope_payload) != FCC_OK)
        goto full;
    return FCC_OK;
full:
    return fcc_error_set(error, FCC_ERR_LIMIT, "the transaction is too large");
}
