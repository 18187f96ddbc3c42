/*
 * interest.c: what a simulation says of who has to endorse it, as protos.ChaincodeInterest: one call for each namespace
 * that it has touched and one for each private data collection. Fabric: core/endorser/endorser.go,
 * buildChaincodeInterest.
 */
#include "ledger/sim.h"

#include "protos/unpack.h"

#include "peer/proposal_response.pb-c.h"

/* A namespace, with an empty collection, or one of its collections. */
struct touched {
    fcc_bytes ns, collection;
    bool required; /* its own policy has to be satisfied */
    bool read;     /* private data of it were read */
};

/* A written key that has a policy of its own. */
struct ruled {
    fcc_bytes ns, policy;
};

void ledger__interest_init(ledger_sim *sim)
{
    ledger__map_init(&sim->touched, sim->arena, sizeof(struct touched));
    ledger__map_init(&sim->ruled, sim->arena, sizeof(struct ruled));
}

static fcc_bytes joined(fcc__buf *buf, fcc_bytes ns, fcc_bytes collection, fcc_bytes key)
{
    fcc__buf_reset(buf);
    ledger__add_piece(buf, ns);
    ledger__add_piece(buf, collection);
    fcc__buf_add(buf, key);
    return fcc__buf_bytes(buf);
}

static struct touched *touch(ledger_sim *sim, fcc_bytes ns, fcc_bytes collection)
{
    struct touched *t = NULL;
    fcc__buf buf;

    fcc__buf_init(&buf, LEDGER__KEY_MAX);
    joined(&buf, ns, collection, fcc_bytes_of(NULL, 0));
    if (fcc__buf_ok(&buf))
        t = ledger__map_at(&sim->touched, fcc__buf_bytes(&buf));
    fcc__buf_clear(&buf);
    if (t && !t->ns.len &&
        (!fcc__arena_copy(sim->arena, ns, &t->ns) || !fcc__arena_copy(sim->arena, collection, &t->collection)))
        return NULL;
    return t;
}

fcc_status ledger__interest_read(ledger_sim *sim, fcc_bytes ns, fcc_bytes collection)
{
    struct touched *t = touch(sim, ns, collection);

    if (!t)
        return FCC_ERR_LIMIT;
    t->read = t->required = true;
    return FCC_OK;
}

fcc_status ledger__interest_write(ledger_sim *sim, fcc_bytes ns, fcc_bytes collection, fcc_bytes key, fcc_bytes policy)
{
    struct touched *t = touch(sim, ns, fcc_bytes_of(NULL, 0));
    struct ruled *r = NULL;
    fcc__buf buf;

    if (!t)
        return FCC_ERR_LIMIT;
    if (!policy.len) {
        t = touch(sim, ns, collection);
        if (!t)
            return FCC_ERR_LIMIT;
        t->required = true;
        return FCC_OK;
    }
    fcc__buf_init(&buf, LEDGER__KEY_MAX);
    joined(&buf, ns, collection, key);
    if (fcc__buf_ok(&buf))
        r = ledger__map_at(&sim->ruled, fcc__buf_bytes(&buf));
    fcc__buf_clear(&buf);
    if (!r)
        return FCC_ERR_LIMIT;
    r->ns = t->ns;
    return fcc__arena_copy(sim->arena, policy, &r->policy) ? FCC_OK : FCC_ERR_LIMIT;
}

static bool is_system(fcc_bytes ns)
{
    static const char *const names[] = { LEDGER__LIFECYCLE, "lscc", "qscc", "cscc" };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (fcc_bytes_equal(ns, fcc_str(names[i])))
            return true;
    return false;
}

static fcc_status add_key_policies(ledger_sim *sim, fcc__arena *arena, Protos__ChaincodeCall *call)
{
    fcc_status st;

    call->key_policies = fcc__arena_zalloc(arena, sim->ruled.count, sizeof(*call->key_policies));
    if (!call->key_policies)
        return FCC_ERR_LIMIT;
    for (size_t i = 0; i < sim->ruled.count; i++) {
        const struct ruled *r = (const struct ruled *)sim->ruled.items[i]->value;

        if (!fcc_bytes_equal(r->ns, fcc__of_pb(call->name)))
            continue;
        st = FCC__UNPACK(common__signature_policy_envelope, r->policy, arena,
                         &call->key_policies[call->n_key_policies]);
        if (st == FCC_ERR_PROTO)
            return ledger__refuse(sim, "error unmarshalling SignaturePolicyEnvelope: proto: cannot parse invalid "
                                       "wire-format data");
        if (st != FCC_OK)
            return st;
        call->n_key_policies++;
    }
    return FCC_OK;
}

/* One call; *needed: it says something. */
static fcc_status make_call(ledger_sim *sim, fcc__arena *arena, const struct touched *t, Protos__ChaincodeCall *call,
                            bool *needed)
{
    fcc_status st;

    protos__chaincode_call__init(call);
    call->name = fcc__pb(t->ns);
    *needed = true;
    if (t->collection.len) {
        call->collection_names = fcc__arena_zalloc(arena, 1, sizeof(*call->collection_names));
        if (!call->collection_names)
            return FCC_ERR_LIMIT;
        call->collection_names[0] = fcc__pb(t->collection);
        call->n_collection_names = 1;
        call->no_private_reads = !t->read;
        return FCC_OK;
    }
    if ((st = add_key_policies(sim, arena, call)) != FCC_OK)
        return st;
    call->disregard_namespace_policy = call->n_key_policies > 0 && !t->required;
    *needed = call->n_key_policies > 0 || t->required;
    return FCC_OK;
}

fcc_status ledger__interest_build(ledger_sim *sim, fcc__arena *arena, fcc_bytes *out)
{
    Protos__ChaincodeInterest interest = PROTOS__CHAINCODE_INTEREST__INIT;
    Protos__ChaincodeCall *calls;
    fcc_status st;

    /* what was only read is asked for as well */
    for (size_t i = 0; i < sim->builder.namespaces.count; i++) {
        struct touched *t = touch(sim, sim->builder.namespaces.items[i]->key, fcc_bytes_of(NULL, 0));

        if (!t)
            return FCC_ERR_LIMIT;
        if (!ledger__map_find(&sim->written, t->ns))
            t->required = true;
    }
    calls = fcc__arena_zalloc(arena, sim->touched.count, sizeof(*calls));
    interest.chaincodes = fcc__arena_zalloc(arena, sim->touched.count, sizeof(*interest.chaincodes));
    if (!calls || !interest.chaincodes)
        return FCC_ERR_LIMIT;
    for (size_t i = 0; i < sim->touched.count; i++) {
        const struct touched *t = (const struct touched *)sim->touched.items[i]->value;
        bool needed;

        if (is_system(t->ns))
            continue;
        if ((st = make_call(sim, arena, t, &calls[i], &needed)) != FCC_OK)
            return st;
        if (needed)
            interest.chaincodes[interest.n_chaincodes++] = &calls[i];
    }
    return fcc__pack(&interest, arena, out);
}
