/* collections.c: a chaincode's collections, declared and implicit, and who is a member. */
#include "ledger/internal.h"

#include "peer/collection.pb-c.h"
#include "peer/policy.pb-c.h"
#include "msp/policy.h"
#include "protos/unpack.h"

static fcc_status any_member(const char *mspid, fcc__arena *arena, fcc_bytes *out)
{
    char *text = fcc__arena_printf(arena, "OR('%s.member')", mspid);
    fcc_bytes envelope;
    fcc_status st = text ? msp_policy_parse(text, arena, &envelope, NULL) : FCC_ERR_LIMIT;

    return st == FCC_OK ? msp_policy_application(envelope, arena, out) : st;
}

/* `_implicit_org_<MSPID>` exists in every chaincode for every organisation of the application. */
static fcc_status find_implicit(const ledger *l, fcc_bytes mspid, fcc__arena *arena, ledger__collection *out)
{
    size_t i;

    for (i = 0; l->channel && i < msp_channel_org_count(l->channel); i++) {
        const msp_channel_org *org = msp_channel_org_at(l->channel, i);
        Protos__ApplicationPolicy policy = PROTOS__APPLICATION_POLICY__INIT;
        char *path;

        if (!org->application || !fcc_bytes_equal(fcc_str(org->mspid), mspid))
            continue;
        path = fcc__arena_printf(arena, "/Channel/Application/%s/Endorsement", org->name);
        if (!path)
            return FCC_ERR_LIMIT;
        memset(out, 0, sizeof *out);
        out->implicit = true;
        out->owner = fcc_str(org->mspid);
        if (!msp_channel_has_policy(l->channel, path))
            return any_member(org->mspid, arena, &out->endorsement_policy);
        policy.type_case = PROTOS__APPLICATION_POLICY__TYPE_CHANNEL_CONFIG_POLICY_REFERENCE;
        policy.channel_config_policy_reference = fcc__pb(fcc_str(path));
        return fcc__pack(&policy, arena, &out->endorsement_policy);
    }
    return FCC_ERR_NOT_FOUND;
}

fcc_status ledger__find_collection(const ledger *l, const ledger__view *view, fcc_bytes ns, fcc_bytes name,
                                   fcc__arena *arena, ledger__collection *out)
{
    fcc_bytes prefix = FCC_LIT(LEDGER__IMPLICIT);
    Protos__CollectionConfigPackage *package;
    ledger_definition definition;
    fcc_status st = ledger__definition(l, view, ns, &definition);
    size_t i;

    if (st != FCC_OK)
        return st;
    if (fcc_bytes_starts_with(name, prefix))
        return find_implicit(l, fcc_bytes_of(name.data + prefix.len, name.len - prefix.len), arena, out);
    st = FCC__UNPACK(protos__collection_config_package, definition.collections, arena, &package);
    if (st != FCC_OK)
        return st;
    for (i = 0; i < package->n_config; i++) {
        Protos__StaticCollectionConfig *config = package->config[i]->payload_case ==
                                                         PROTOS__COLLECTION_CONFIG__PAYLOAD_STATIC_COLLECTION_CONFIG
                                                     ? package->config[i]->static_collection_config
                                                     : NULL;

        if (!config || !fcc_bytes_equal(fcc__of_pb(config->name), name))
            continue;
        memset(out, 0, sizeof *out);
        out->member_only_read = config->member_only_read;
        out->member_only_write = config->member_only_write;
        out->block_to_live = config->block_to_live;
        if (config->member_orgs_policy &&
            config->member_orgs_policy->payload_case == PROTOS__COLLECTION_POLICY_CONFIG__PAYLOAD_SIGNATURE_POLICY)
            st = fcc__pack(config->member_orgs_policy->signature_policy, arena, &out->member_policy);
        if (st == FCC_OK && config->endorsement_policy)
            st = fcc__pack(config->endorsement_policy, arena, &out->endorsement_policy);
        return st;
    }
    return FCC_ERR_NOT_FOUND;
}

bool ledger__is_member(const ledger__collection *collection, const char *mspid)
{
    if (collection->implicit)
        return fcc_bytes_equal(collection->owner, fcc_str(mspid));
    return msp_policy_admits(collection->member_policy, mspid, MSP_PEER);
}
