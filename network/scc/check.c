/*
 * check.c: what a chaincode definition may say: names, versions, collections and what may become of them. Fabric:
 * core/chaincode/lifecycle/scc.go validateInput.
 */
#include "scc/internal.h"

#include "msp/policy.h"

static bool alphanumeric(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* ^[a-zA-Z0-9]+([-_][a-zA-Z0-9]+)*$ */
static bool good_name(fcc_bytes name)
{
    bool joined = true; /* the last one was no letter or digit */

    for (size_t i = 0; i < name.len; i++) {
        bool joint = name.data[i] == '-' || name.data[i] == '_';

        if ((joint && joined) || (!joint && !alphanumeric(name.data[i])))
            return false;
        joined = joint;
    }
    return !joined;
}

/* ^[A-Za-z0-9_.+-]+$ */
static bool good_version(fcc_bytes version)
{
    for (size_t i = 0; i < version.len; i++)
        if (!alphanumeric(version.data[i]) && !memchr("_.+-", version.data[i], 4))
            return false;
    return version.len > 0;
}

/* ^[A-Za-z0-9-]+([A-Za-z0-9_-]+)*$ */
static bool good_collection(fcc_bytes name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!alphanumeric(name.data[i]) && name.data[i] != '-' && (i == 0 || name.data[i] != '_'))
            return false;
    return name.len > 0;
}

/* ---- who is a member of a collection ---------------------------------------------------------------------------------- */

static fcc_status check_or(scc__run *run, const Common__SignaturePolicy *rule)
{
    fcc_status st = FCC_OK;

    if (!rule || rule->type_case != COMMON__SIGNATURE_POLICY__TYPE_N_OUT_OF || !rule->n_out_of)
        return FCC_OK;
    if (rule->n_out_of->n != 1)
        return scc__refuse(run, "signature policy is not an OR concatenation, NOutOf %d", (int)rule->n_out_of->n);
    for (size_t i = 0; st == FCC_OK && i < rule->n_out_of->n_rules; i++)
        st = check_or(run, rule->n_out_of->rules[i]);
    return st;
}

static fcc_status check_member(scc__run *run, fcc_bytes collection, fcc_bytes mspid)
{
    if (msp_manager_knows(msp_channel_manager(ledger_channel(run->call->ledger)), mspid))
        return FCC_OK;
    return scc__refuse(run,
                       "collection-name: " FCC_FMT " -- collection member '" FCC_FMT "' is not part of the channel",
                       FCC_ARG(collection), FCC_ARG(mspid));
}

static fcc_status check_principal(scc__run *run, fcc_bytes collection, const Common__MSPPrincipal *principal)
{
    const msp_identity *identity;
    Common__MSPRole *role;
    Common__OrganizationUnit *unit;
    fcc_bytes bytes = fcc__of_pb(principal->principal);

    switch ((int)principal->principal_classification) {
    case COMMON__MSPPRINCIPAL__CLASSIFICATION__ROLE:
        if (FCC__UNPACK(common__msprole, bytes, run->arena, &role) != FCC_OK)
            return scc__refuse(run, "collection-name: " FCC_FMT " -- cannot unmarshal identity bytes into MSPRole",
                               FCC_ARG(collection));
        return check_member(run, collection, fcc__of_pb(role->msp_identifier));
    case COMMON__MSPPRINCIPAL__CLASSIFICATION__ORGANIZATION_UNIT:
        if (FCC__UNPACK(common__organization_unit, bytes, run->arena, &unit) != FCC_OK)
            return scc__refuse(run,
                               "collection-name: " FCC_FMT " -- cannot unmarshal identity bytes into OrganizationUnit",
                               FCC_ARG(collection));
        return check_member(run, collection, fcc__of_pb(unit->msp_identifier));
    case COMMON__MSPPRINCIPAL__CLASSIFICATION__IDENTITY:
        if (msp_deserialize(msp_channel_manager(ledger_channel(run->call->ledger)), bytes, &identity, NULL) == FCC_OK)
            return FCC_OK;
        return scc__refuse(run, "collection-name: " FCC_FMT " -- contains an identity that is not part of the channel",
                           FCC_ARG(collection));
    case COMMON__MSPPRINCIPAL__CLASSIFICATION__ANONYMITY:
        return scc__refuse(run, "collection-name: " FCC_FMT " -- principal type ANONYMITY is not supported",
                           FCC_ARG(collection));
    case COMMON__MSPPRINCIPAL__CLASSIFICATION__COMBINED:
        return scc__refuse(run, "collection-name: " FCC_FMT " -- principal type COMBINED is not supported",
                           FCC_ARG(collection));
    default:
        return scc__refuse(run, "collection-name: " FCC_FMT " -- principal type %d is not supported",
                           FCC_ARG(collection), (int)principal->principal_classification);
    }
}

static fcc_status check_members(scc__run *run, const Protos__StaticCollectionConfig *c)
{
    fcc_bytes name = fcc__of_pb(c->name), bytes;
    const Common__SignaturePolicyEnvelope *policy = NULL;
    fcc_error why;
    fcc_status st;

    if (!c->member_orgs_policy)
        return scc__refuse(run, "collection member policy is not set for collection '" FCC_FMT "'", FCC_ARG(name));
    if (c->member_orgs_policy->payload_case == PROTOS__COLLECTION_POLICY_CONFIG__PAYLOAD_SIGNATURE_POLICY)
        policy = c->member_orgs_policy->signature_policy;
    if (!policy)
        return scc__refuse(run, "collection member org policy is empty for collection '" FCC_FMT "'", FCC_ARG(name));
    if ((st = fcc__pack(policy, run->arena, &bytes)) != FCC_OK)
        return st;
    if (msp_policy_check(bytes, &why) != FCC_OK)
        return scc__refuse(run, "invalid member org policy for collection '" FCC_FMT "': %s", FCC_ARG(name), why.text);
    if ((st = check_or(run, policy->rule)) != FCC_OK)
        return scc__within(run, st, "collection-name: " FCC_FMT " -- error in member org policy", FCC_ARG(name));
    for (size_t i = 0; st == FCC_OK && i < policy->n_identities; i++)
        st = check_principal(run, name, policy->identities[i]);
    return st;
}

/* ---- collections ------------------------------------------------------------------------------------------------------ */

static const Protos__StaticCollectionConfig *static_of(const Protos__CollectionConfig *config)
{
    return config->payload_case == PROTOS__COLLECTION_CONFIG__PAYLOAD_STATIC_COLLECTION_CONFIG
               ? config->static_collection_config
               : NULL;
}

static fcc_status check_collections(scc__run *run, const Protos__CollectionConfigPackage *collections)
{
    fcc_status st;

    for (size_t i = 0; i < collections->n_config; i++)
        if (!static_of(collections->config[i]))
            return scc__refuse(run, "collection config contains unexpected payload type: <nil>");
    for (size_t i = 0; i < collections->n_config; i++) {
        const Protos__StaticCollectionConfig *c = static_of(collections->config[i]);
        fcc_bytes name = fcc__of_pb(c->name);

        if (!good_collection(name))
            return scc__refuse(run,
                               "invalid collection name '" FCC_FMT "'. Names can only consist of alphanumerics, '_', "
                               "and '-' and cannot begin with '_'",
                               FCC_ARG(name));
        for (size_t n = 0; n < i; n++)
            if (fcc_bytes_equal(name, fcc__of_pb(static_of(collections->config[n])->name)))
                return scc__refuse(run, "collection-name: " FCC_FMT " -- found duplicate in collection configuration",
                                   FCC_ARG(name));
        if (c->maximum_peer_count < c->required_peer_count)
            return scc__refuse(run,
                               "collection-name: " FCC_FMT " -- maximum peer count (%d) cannot be less than the "
                               "required peer count (%d)",
                               FCC_ARG(name), (int)c->maximum_peer_count, (int)c->required_peer_count);
        if (c->required_peer_count < 0)
            return scc__refuse(run, "collection-name: " FCC_FMT " -- requiredPeerCount (%d) cannot be less than zero",
                               FCC_ARG(name), (int)c->required_peer_count);
        if ((st = check_members(run, c)) != FCC_OK)
            return st;
    }
    return FCC_OK;
}

/* Of several with one name, which check_collections refuses, Fabric takes the last. */
static const Protos__StaticCollectionConfig *find(const Protos__CollectionConfigPackage *collections, fcc_bytes name)
{
    for (size_t i = collections->n_config; i-- > 0;)
        if (fcc_bytes_equal(fcc__of_pb(static_of(collections->config[i])->name), name))
            return static_of(collections->config[i]);
    return NULL;
}

static fcc_status check_against(scc__run *run, const Protos__CollectionConfigPackage *proposed,
                                const Protos__CollectionConfigPackage *committed)
{
    if (committed->n_config == 0)
        return FCC_OK;
    if (!proposed || proposed->n_config == 0)
        return scc__refuse(run, "the proposed collection config does not contain previously defined collections");
    for (size_t i = 0; i < committed->n_config; i++) {
        const Protos__StaticCollectionConfig *old = static_of(committed->config[i]), *new;

        if (!old)
            return scc__refuse(run, "unknown collection configuration type");
        new = find(proposed, fcc__of_pb(old->name));
        if (!new)
            return scc__refuse(run,
                               "existing collection [" FCC_FMT "] missing in the proposed collection configuration",
                               FCC_ARG(fcc__of_pb(old->name)));
        if (new->block_to_live != old->block_to_live)
            return scc__refuse(run,
                               "the BlockToLive in an existing collection [" FCC_FMT "] modified. Existing value "
                               "[%llu]",
                               FCC_ARG(fcc__of_pb(old->name)), (unsigned long long)old->block_to_live);
    }
    return FCC_OK;
}

/* What is committed now; without a definition, the old lifecycle is asked, which has none. Both reads are recorded. */
static fcc_status read_committed(scc__run *run, fcc_bytes name, scc__definition *out, bool *found)
{
    const scc__state state = { run, { NULL, 0 } };
    const char *text = fcc__arena_printf(run->arena, FCC_FMT, FCC_ARG(name));
    Lifecycle__StateMetadata *metadata;
    fcc_bytes none = { NULL, 0 }, value;
    fcc_status st;

    if (!text)
        return FCC_ERR_LIMIT;
    if ((st = scc__read_metadata(&state, SCC__NAMESPACES, text, &metadata, found)) != FCC_OK)
        return scc__within(run, st, "could not deserialize metadata for chaincode %s", text);
    if (!*found)
        return ledger_sim_get(run->call->sim, FCC_LIT("lscc"), none, name, &value);
    return scc__within(run, scc__definition_read(&state, text, metadata, true, out),
                       "could not deserialize chaincode definition for chaincode %s", text);
}

fcc_status scc__check_definition(scc__run *run, fcc_bytes name, fcc_bytes version,
                                 const Protos__CollectionConfigPackage *collections)
{
    static const char *const taken[] = { "cscc", "escc", "lscc", "qscc", "vscc" };
    scc__definition committed;
    bool found;
    fcc_status st;

    if (!good_name(name))
        return scc__refuse(run,
                           "invalid chaincode name '" FCC_FMT
                           "'. Names can only consist of alphanumerics, '_', and '-' "
                           "and can only begin with alphanumerics",
                           FCC_ARG(name));
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
        if (fcc_bytes_equal(name, fcc_str(taken[i])))
            return scc__refuse(run, "chaincode name '%s' is the name of a system chaincode", taken[i]);
    if (!good_version(version))
        return scc__refuse(run,
                           "invalid chaincode version '" FCC_FMT "'. Versions can only consist of alphanumerics, '_', "
                           "'-', '+', and '.'",
                           FCC_ARG(version));
    if (!run->call->sim)
        return scc__refuse(run, "could not get channelconfig for channel '" FCC_FMT "'", FCC_ARG(run->call->channel));
    if (collections && (st = check_collections(run, collections)) != FCC_OK)
        return st;
    if ((st = read_committed(run, name, &committed, &found)) != FCC_OK)
        return scc__within(run, st, "could not retrieve committed definition for chaincode '" FCC_FMT "'",
                           FCC_ARG(name));
    return found ? check_against(run, collections, committed.collections) : FCC_OK;
}
