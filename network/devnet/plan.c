/* See plan.h. */
#include "devnet/plan.h"

#include "peer/collections.h"
#include "protos/unpack.h"
#include "scc/scc.h"

#include "peer/policy.pb-c.h"

static const char no_memory[] = "out of memory";

/* What one interest comes to. */
struct planning {
    const struct devnet *net;
    fcc__arena *arena;
    fcc_bytes *policies; /* protos.ApplicationPolicy, all to be satisfied */
    size_t policy_count;
    unsigned members;  /* may see what is read */
    unsigned equipped; /* and have all chaincodes */
};

bool devnet_serves(const devnet_peer *peer, fcc_bytes channel, fcc_bytes chaincode)
{
    return devnet_knows(peer->net, channel) && devnet_on_channel(peer) &&
           (scc_known(chaincode) || peer_host_installed(peer->host, chaincode));
}

/* ---- one interest ------------------------------------------------------------------------------------------------- */

static const char *add_policy(struct planning *p, fcc_bytes policy)
{
    if (policy.len == 0)
        return "policy not found";
    p->policies[p->policy_count++] = policy;
    return NULL;
}

/* Room for all that could come. */
static bool make_room(struct planning *p, const Protos__ChaincodeInterest *interest)
{
    size_t count = 0;

    for (size_t i = 0; i < interest->n_chaincodes; i++)
        count += 1 + interest->chaincodes[i]->n_collection_names + interest->chaincodes[i]->n_key_policies;
    p->policies = fcc__arena_zalloc(p->arena, count, sizeof(*p->policies));
    return p->policies != NULL;
}

static const char *add_collection(struct planning *p, const Protos__ChaincodeCall *call, fcc_bytes name,
                                  const ledger_definition *definition)
{
    peer_collection collection;
    const char *text;

    if (peer_collection_find(definition, name, p->arena, &collection) != FCC_OK) {
        text = fcc__arena_printf(p->arena,
                                 "collection " FCC_FMT " doesn't exist in collection config for chaincode " FCC_FMT,
                                 FCC_ARG(name), FCC_ARG(fcc__of_pb(call->name)));
        return text ? text : no_memory;
    }
    for (size_t i = 0; i < p->net->peer_count && !call->no_private_reads; i++)
        if (!peer_collection_admits(&collection, p->net->peers[i].org->mspid))
            p->members &= ~(1u << i);
    return add_policy(p, collection.endorsement.len > 0 ? collection.endorsement : definition->policy);
}

static const char *add_call(struct planning *p, fcc_bytes channel, const Protos__ChaincodeCall *call)
{
    fcc_bytes name = fcc__of_pb(call->name), envelope, policy;
    ledger_definition definition;
    const char *problem = NULL;
    fcc_status st;

    if (!devnet_knows(p->net, channel) || ledger_find_definition(p->net->ledger, name, &definition) != FCC_OK) {
        problem = fcc__arena_printf(p->arena, "No metadata was found for chaincode " FCC_FMT " in channel " FCC_FMT,
                                    FCC_ARG(name), FCC_ARG(channel));
        return problem ? problem : no_memory;
    }
    for (size_t i = 0; i < p->net->peer_count; i++)
        if (!devnet_serves(&p->net->peers[i], channel, name))
            p->equipped &= ~(1u << i);
    for (size_t i = 0; i < call->n_collection_names && !problem; i++)
        problem = add_collection(p, call, fcc__of_pb(call->collection_names[i]), &definition);
    if (!problem && call->n_collection_names == 0 && !call->disregard_namespace_policy)
        problem = add_policy(p, definition.policy);
    for (size_t i = 0; i < call->n_key_policies && !problem; i++) {
        if (fcc__pack(call->key_policies[i], p->arena, &envelope) != FCC_OK)
            return no_memory;
        st = msp_policy_application(envelope, p->arena, &policy);
        if (st != FCC_OK)
            return st == FCC_ERR_PROTO ? "state based endorsement policy cannot be satisfied" : no_memory;
        problem = add_policy(p, policy);
    }
    return problem;
}

/* ---- layouts ------------------------------------------------------------------------------------------------------ */

static bool satisfies(const struct planning *p, unsigned set)
{
    const char *mspids[DEVNET_PEERS_MAX];
    size_t n = 0;

    for (unsigned i = 0; i < p->net->peer_count; i++)
        if (set & 1u << i)
            mspids[n++] = p->net->peers[i].org->mspid;
    return msp_channel_satisfied_by_orgs(ledger_channel(p->net->ledger), p->policies, p->policy_count, mspids, n);
}

static bool holds_another(const devnet_layouts *layouts, unsigned set)
{
    for (size_t i = 0; i < layouts->count; i++)
        if ((layouts->sets[i] & set) == layouts->sets[i])
            return true;
    return false;
}

/* The sets of one size among `allowed`, that are none of the larger ones. false: out of memory. */
static bool add_sets(const struct planning *p, unsigned allowed, unsigned size, devnet_layouts *layouts, size_t *room)
{
    for (unsigned set = 1; set < 1u << p->net->peer_count; set++) {
        if ((set & ~allowed) || (unsigned)__builtin_popcount(set) != size || holds_another(layouts, set) ||
            !satisfies(p, set))
            continue;
        if (layouts->count == *room) {
            size_t wanted = *room ? 2 * *room : 8;
            unsigned *grown = fcc__arena_zalloc(p->arena, wanted, sizeof(*grown));

            if (!grown)
                return false;
            if (layouts->count > 0)
                memcpy(grown, layouts->sets, layouts->count * sizeof(*grown));
            layouts->sets = grown;
            *room = wanted;
        }
        layouts->sets[layouts->count++] = set;
    }
    return true;
}

/* Keeps the order of what it doesn't prefer. */
static bool prefer(const struct planning *p, unsigned preferred, devnet_layouts *layouts)
{
    unsigned *sorted = fcc__arena_zalloc(p->arena, layouts->count, sizeof(*sorted));
    size_t n = 0;

    if (!sorted)
        return false;
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < layouts->count; i++)
            if (((layouts->sets[i] & preferred) != 0) == (pass == 0))
                sorted[n++] = layouts->sets[i];
    layouts->sets = sorted;
    return true;
}

static bool find_layouts(const struct planning *p, unsigned allowed, devnet_layouts *out)
{
    size_t room = 0;

    *out = (devnet_layouts){ NULL, 0 };
    for (unsigned size = 1; size <= p->net->peer_count; size++)
        if (!add_sets(p, allowed, size, out, &room))
            return false;
    return true;
}

/* What the interest's calls come to, without the layouts. */
static const char *survey(const struct devnet *net, fcc_bytes channel, const Protos__ChaincodeInterest *interest,
                          fcc__arena *arena, struct planning *out)
{
    unsigned all = (1u << net->peer_count) - 1;
    const char *problem = NULL;

    *out = (struct planning){ .net = net, .arena = arena, .members = all, .equipped = all };
    if (!make_room(out, interest))
        return no_memory;
    for (size_t i = 0; i < interest->n_chaincodes && !problem; i++)
        problem = add_call(out, channel, interest->chaincodes[i]);
    return problem;
}

const char *devnet_plan(const struct devnet *net, fcc_bytes channel, const Protos__ChaincodeInterest *interest,
                        unsigned preferred, fcc__arena *arena, devnet_layouts *out)
{
    struct planning p;
    const char *problem = survey(net, channel, interest, arena, &p);

    if (problem)
        return problem;
    if (p.policy_count == 0)
        return "no principal sets remained after filtering";
    if (!find_layouts(&p, p.members & p.equipped, out))
        return no_memory;
    if (out->count > 0)
        return prefer(&p, preferred, out) ? NULL : no_memory;
    if (!find_layouts(&p, p.members, out))
        return no_memory;
    return out->count > 0 ? "required chaincodes are not installed on sufficient peers"
                          : "no peer combination can satisfy the endorsement policy";
}

const char *devnet_plan_equipped(const struct devnet *net, fcc_bytes channel, const Protos__ChaincodeInterest *interest,
                                 fcc__arena *arena, unsigned *out)
{
    struct planning p;
    const char *problem = survey(net, channel, interest, arena, &p);

    if (!problem)
        *out = p.members & p.equipped;
    return problem;
}
