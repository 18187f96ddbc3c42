/* See collections.h. Fabric: core/common/privdata, gossip/privdata/distributor.go. */
#include "peer/collections.h"

#include "msp/policy.h"
#include "protos/unpack.h"

#include "ledger/rwset/rwset.pb-c.h"
#include "peer/collection.pb-c.h"

static const char implicit_prefix[] = "_implicit_org_";

/* Its members alone endorse what is written to it. */
static fcc_status implicit_endorsement(fcc_bytes mspid, fcc__arena *arena, fcc_bytes *out)
{
    const char *text = fcc__arena_printf(arena, "OR('" FCC_FMT ".member')", FCC_ARG(mspid));
    fcc_bytes envelope;
    fcc_status st = text ? msp_policy_parse(text, arena, &envelope, NULL) : FCC_ERR_LIMIT;

    return st == FCC_OK ? msp_policy_application(envelope, arena, out) : st;
}

fcc_status peer_collection_find(const ledger_definition *definition, fcc_bytes name, fcc__arena *arena,
                                peer_collection *out)
{
    const size_t prefix = sizeof(implicit_prefix) - 1;
    Protos__CollectionConfigPackage *package;
    peer_collection found = { 0 };
    fcc_status st;

    if (fcc_bytes_starts_with(name, fcc_str(implicit_prefix))) {
        found.implicit_org = fcc_bytes_of(name.data + prefix, name.len - prefix);
        if ((st = implicit_endorsement(found.implicit_org, arena, &found.endorsement)) != FCC_OK)
            return st;
        *out = found;
        return FCC_OK;
    }
    if ((st = FCC__UNPACK(protos__collection_config_package, definition->collections, arena, &package)) != FCC_OK)
        return st;
    for (size_t i = 0; i < package->n_config; i++) {
        const Protos__StaticCollectionConfig *c;

        if (package->config[i]->payload_case != PROTOS__COLLECTION_CONFIG__PAYLOAD_STATIC_COLLECTION_CONFIG)
            continue;
        c = package->config[i]->static_collection_config;
        if (!fcc_bytes_equal(fcc__of_pb(c->name), name) || !c->member_orgs_policy ||
            c->member_orgs_policy->payload_case != PROTOS__COLLECTION_POLICY_CONFIG__PAYLOAD_SIGNATURE_POLICY)
            continue;
        found.required_peer_count = c->required_peer_count;
        if ((st = fcc__pack(c->member_orgs_policy->signature_policy, arena, &found.members)) != FCC_OK ||
            (c->endorsement_policy && (st = fcc__pack(c->endorsement_policy, arena, &found.endorsement)) != FCC_OK))
            return st;
        *out = found;
        return FCC_OK;
    }
    return FCC_ERR_NOT_FOUND;
}

bool peer_collection_admits(const peer_collection *collection, const char *mspid)
{
    if (collection->implicit_org.len > 0)
        return fcc_bytes_equal(collection->implicit_org, fcc_str(mspid));
    return msp_policy_admits(collection->members, mspid, MSP_PEER);
}

static int32_t eligible_peers(const msp_channel *channel, const peer_collection *collection, const char *own_mspid)
{
    int32_t eligible = 0;

    for (size_t i = 0; i < msp_channel_org_count(channel); i++) {
        const msp_channel_org *org = msp_channel_org_at(channel, i);

        if (org->application && strcmp(org->mspid, own_mspid) != 0 && peer_collection_admits(collection, org->mspid))
            eligible++;
    }
    return eligible;
}

const char *peer_distribution_problem(const ledger *l, const msp_channel *channel, const char *own_mspid,
                                      fcc_bytes txid, fcc_bytes private_rwset, fcc__arena *arena)
{
    Rwset__TxPvtReadWriteSet *set;

    if (private_rwset.len == 0)
        return NULL;
    if (FCC__UNPACK(rwset__tx_pvt_read_write_set, private_rwset, arena, &set) != FCC_OK)
        return "the private write set cannot be read";
    for (size_t n = 0; n < set->n_ns_pvt_rwset; n++) {
        const Rwset__NsPvtReadWriteSet *ns = set->ns_pvt_rwset[n];
        ledger_definition definition;

        if (ledger_find_definition(l, fcc__of_pb(ns->namespace_), &definition) != FCC_OK)
            continue;
        for (size_t c = 0; c < ns->n_collection_pvt_rwset; c++) {
            peer_collection collection;
            int32_t eligible;
            const char *text;

            if (peer_collection_find(&definition, fcc__of_pb(ns->collection_pvt_rwset[c]->collection_name), arena,
                                     &collection) != FCC_OK)
                continue;
            eligible = eligible_peers(channel, &collection, own_mspid);
            if (eligible >= collection.required_peer_count)
                continue;
            text = fcc__arena_printf(arena,
                                     "failed to distribute private collection, txID " FCC_FMT
                                     ", channel %s: required to disseminate to at least %d peers, but know of only %d "
                                     "eligible peers",
                                     FCC_ARG(txid), msp_channel_id(channel), (int)collection.required_peer_count,
                                     (int)eligible);
            return text ? text : "out of memory";
        }
    }
    return NULL;
}
