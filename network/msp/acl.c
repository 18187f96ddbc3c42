/* See acl.h. Fabric: core/aclmgmt/{defaultaclprovider,resourceprovider}.go, core/policy/policy.go. */
#include "msp/acl.h"

#include "msp/msp_principal.pb-c.h"
#include "msp/identities.pb-c.h"
#include "protos/unpack.h"

static const char readers[] = "/Channel/Application/Readers";
static const char writers[] = "/Channel/Application/Writers";
static const char admins[] = "Admins"; /* of the peer's own organisation */
static const char members[] = "Members";

static const struct acl_default {
    const char *resource;
    const char *policy;
} defaults[] = {
    { "peer/Propose", writers },
    { "peer/ChaincodeToChaincode", writers },
    { "event/Block", readers },
    { "event/FilteredBlock", readers },
    { "gateway/CommitStatus", readers },
    { "gateway/ChaincodeEvents", readers },
    { "_lifecycle/InstallChaincode", admins },
    { "_lifecycle/QueryInstalledChaincode", admins },
    { "_lifecycle/GetInstalledChaincodePackage", admins },
    { "_lifecycle/QueryInstalledChaincodes", admins },
    { "_lifecycle/ApproveChaincodeDefinitionForMyOrg", admins },
    { "_lifecycle/QueryApprovedChaincodeDefinition", admins },
    { "_lifecycle/QueryApprovedChaincodeDefinitions", admins },
    { "_lifecycle/CommitChaincodeDefinition", writers },
    { "_lifecycle/QueryChaincodeDefinition", writers },
    { "_lifecycle/QueryChaincodeDefinitions", writers },
    { "_lifecycle/CheckCommitReadiness", writers },
    { "qscc/GetChainInfo", readers },
    { "qscc/GetBlockByNumber", readers },
    { "qscc/GetBlockByHash", readers },
    { "qscc/GetTransactionByID", readers },
    { "qscc/GetBlockByTxID", readers },
    { "cscc/GetConfigBlock", readers },
    { "cscc/GetChannelConfig", readers },
    { "cscc/JoinChain", admins },
    { "cscc/JoinChainBySnapshot", admins },
    { "cscc/JoinBySnapshotStatus", admins },
    { "cscc/GetChannels", members },
    { "snapshot/submitrequest", admins },
    { "snapshot/cancelrequest", admins },
    { "snapshot/listpending", admins },
};

static const char *default_policy(const char *resource)
{
    for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
        if (strcmp(defaults[i].resource, resource) == 0)
            return defaults[i].policy;
    return NULL;
}

static bool of_peer(const char *policy)
{
    return policy == admins || policy == members;
}

const char *msp_acl_policy(const msp_channel *channel, const char *resource)
{
    const char *policy = default_policy(resource), *configured = channel ? msp_channel_acl(channel, resource) : NULL;

    if (policy && of_peer(policy))
        return NULL;
    return configured ? configured : policy;
}

/* ---- the channel's policies -------------------------------------------------------------------------------------- */

/* Whoever cannot be identified or hasn't signed is nobody: the policy is asked all the same. */
static fcc_status evaluate(const msp_channel *channel, const char *policy, const msp_signed *request, fcc_error *why)
{
    const msp_identity *signer;
    size_t count;

    msp_signers_of(msp_channel_manager(channel), request, 1, &signer, &count);
    return msp_channel_evaluate(channel, policy, &signer, count, why);
}

static fcc_status check_configured(const msp_channel *channel, const char *policy, const msp_signed *request,
                                   fcc_error *error)
{
    fcc_error why = { 0 };

    if (!msp_channel_has_policy(channel, policy))
        fcc_error_set(&why, FCC_ERR_NOT_FOUND, "policy %s not found", policy);
    else if (evaluate(channel, policy, request, &why) == FCC_OK)
        return FCC_OK;
    return fcc_error_set(error, FCC_ERR_AUTH,
                         "failed evaluating policy on signed data during check policy [%s]: [%.800s]", policy,
                         why.text);
}

static fcc_status check_default(const msp_acl *acl, const char *policy, const msp_signed *request, fcc_error *error)
{
    fcc_error why = { 0 };

    if (!acl->channel)
        return fcc_error_set(error, FCC_ERR_AUTH, "Failed to get policy manager for channel [" FCC_FMT "]",
                             FCC_ARG(acl->channel_id));
    if (evaluate(acl->channel, policy, request, &why) == FCC_OK)
        return FCC_OK;
    return fcc_error_set(error, FCC_ERR_AUTH,
                         "Failed evaluating policy on signed data during check policy on channel [" FCC_FMT
                         "] with policy [%s]: [%.800s]",
                         FCC_ARG(acl->channel_id), policy, why.text);
}

/* ---- the peer's own organisation ---------------------------------------------------------------------------------- */

static fcc_status find_local(msp_manager *local, fcc_bytes serialized, const msp_identity **out, fcc_error *why)
{
    fcc__arena *scratch = fcc__arena_new(1 << 20);
    Msp__SerializedIdentity *named;
    fcc_status st;

    if (!scratch)
        return fcc_error_set(why, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
    st = FCC__UNPACK(msp__serialized_identity, serialized, scratch, &named);
    if (st != FCC_OK)
        st = fcc_error_set(why, st, "could not deserialize a SerializedIdentity");
    else if (!msp_manager_knows(local, fcc__of_pb(named->mspid)))
        st = fcc_error_set(why, FCC_ERR_AUTH, "expected MSP ID %s, received " FCC_FMT, msp_manager_mspid(local, 0),
                           FCC_ARG(fcc__of_pb(named->mspid)));
    else
        st = msp_deserialize(local, serialized, out, why);
    fcc__arena_free(scratch);
    return st;
}

static fcc_status has_role(const msp_identity *identity, msp_role role, fcc_error *why)
{
    fcc__arena *scratch = fcc__arena_new(1 << 16);
    Common__MSPPrincipal principal = COMMON__MSPPRINCIPAL__INIT;
    Common__MSPRole wanted = COMMON__MSPROLE__INIT;
    fcc_bytes bytes;
    fcc_status st = scratch ? FCC_OK : FCC_ERR_NOMEM;

    wanted.msp_identifier = fcc__pb(fcc_str(msp_identity_mspid(identity)));
    wanted.role = (Common__MSPRole__MSPRoleType)role;
    principal.principal_classification = COMMON__MSPPRINCIPAL__CLASSIFICATION__ROLE;
    if (st == FCC_OK)
        st = fcc__pack(&wanted, scratch, &bytes);
    if (st == FCC_OK) {
        principal.principal = fcc__pb(bytes);
        st = fcc__pack(&principal, scratch, &bytes);
    }
    st = st == FCC_OK ? msp_satisfies(identity, bytes, why) : fcc_error_set(why, st, "%s", fcc_status_text(st));
    fcc__arena_free(scratch);
    return st;
}

static fcc_status check_local(const msp_acl *acl, const char *policy, msp_acl_form form, const msp_signed *request,
                              fcc_error *error)
{
    const bool proposal = form == MSP_ACL_PROPOSAL;
    const char *failed = proposal ? "Failed" : "failed";
    const msp_identity *signer = NULL;
    fcc_error why = { 0 };

    if (find_local(acl->local, request->identity, &signer, &why) != FCC_OK)
        return fcc_error_set(error, FCC_ERR_AUTH,
                             "%s deserializing %s during channelless check policy with policy [%s]: [%.800s]", failed,
                             proposal ? "proposal creator" : "signed data identity", policy, why.text);
    if (!of_peer(policy)) /* one of a channel's, asked without a channel */
        return fcc_error_set(error, FCC_ERR_AUTH,
                             "%s getting local MSP principal during channelless check policy with policy [%s]: [MSP "
                             "Principal role [%s] not recognized]",
                             failed, policy, policy);
    if (has_role(signer, policy == admins ? MSP_ADMIN : MSP_MEMBER, &why) != FCC_OK)
        return fcc_error_set(error, FCC_ERR_AUTH,
                             "%s verifying that %s satisfies local MSP principal during channelless check policy with "
                             "policy [%s]: [%.800s]",
                             failed, proposal ? "proposal's creator" : "the signed data identity", policy, why.text);
    return msp_verify(signer, request->data, 2, request->signature, error);
}

/* ---- resources ---------------------------------------------------------------------------------------------------- */

fcc_status msp_acl_check(const msp_acl *acl, const char *resource, msp_acl_form form, const msp_signed *request,
                         fcc_error *error)
{
    const char *policy = default_policy(resource), *configured;

    if (!(policy && of_peer(policy))) {
        configured = acl->channel ? msp_channel_acl(acl->channel, resource) : NULL;
        if (configured)
            return check_configured(acl->channel, configured, request, error);
    }
    if (!policy)
        return fcc_error_set(error, FCC_ERR_AUTH, "Unmapped policy for %s", resource);
    if (!of_peer(policy) && acl->channel_id.len > 0)
        return check_default(acl, policy, request, error);
    if (form == MSP_ACL_DATA)
        return fcc_error_set(error, FCC_ERR_AUTH,
                             "Invalid channel ID name during check policy on signed data. Name must be different from "
                             "nil.");
    return check_local(acl, policy, form, request, error);
}

fcc_status msp_acl_check_peer(const msp_acl *acl, const char *resource, msp_acl_form form, const msp_signed *request,
                              fcc_error *error)
{
    const char *policy = default_policy(resource);

    if (!policy || !of_peer(policy))
        return fcc_error_set(error, FCC_ERR_AUTH, "cannot override peer type policy for channeless ACL check");
    return check_local(acl, policy, form, request, error);
}
