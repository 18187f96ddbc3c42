/* `_lifecycle` from the client's side: one function there, one function here. */
#include "client/lifecycle.h"
#include "client/private.h"

static const char *const LIFECYCLE = "_lifecycle";

/* A question to one peer; `channel` as in client_call. */
static fcc_status ask(client *c, const char *org, const char *channel, const char *function, const void *message,
                      const ProtobufCMessageDescriptor *type, fcc__arena *arena, void *out, fcc_error *error)
{
    fcc_bytes args[2] = { fcc_str(function) }, bytes;
    const client_call call = {
        .chaincode = LIFECYCLE, .channel = channel, .args = args, .arg_count = sizeof(args) / sizeof(args[0])
    };
    fcc_status st;

    if ((st = fcc__pack(message, arena, &args[1])) != FCC_OK)
        return client__no_memory(error, st);
    if ((st = client_query_at(c, &call, org, arena, &bytes, error)) != FCC_OK)
        return st;
    st = fcc__unpack(type, bytes, arena, out);
    return st == FCC_OK ? st : fcc_error_set(error, st, "%s answered something that is no %s", function, type->name);
}

static fcc_status submit(client *c, const char *const *orgs, size_t org_count, const char *function,
                         const void *message, fcc__arena *arena, client_answer *answer, fcc_error *error)
{
    fcc_bytes args[2] = { fcc_str(function) };
    const client_call call = { .chaincode = LIFECYCLE,
                               .args = args,
                               .arg_count = sizeof(args) / sizeof(args[0]),
                               .orgs = orgs,
                               .org_count = org_count };
    fcc_status st = fcc__pack(message, arena, &args[1]);

    return st == FCC_OK ? client_invoke_at(c, &call, arena, answer, error) : client__no_memory(error, st);
}

fcc_status client_install(client *c, const char *org, fcc_bytes package, fcc__arena *arena, const char **package_id,
                          fcc_error *error)
{
    Lifecycle__InstallChaincodeArgs args = LIFECYCLE__INSTALL_CHAINCODE_ARGS__INIT;
    Lifecycle__InstallChaincodeResult *result;
    const char *id;
    fcc_status st;

    args.chaincode_install_package = fcc__pb(package);
    st = ask(c, org, "", "InstallChaincode", &args, &lifecycle__install_chaincode_result__descriptor, arena, &result,
             error);
    if (st != FCC_OK)
        return st;
    id = fcc__arena_printf(arena, FCC_FMT, FCC_ARG(fcc__of_pb(result->package_id)));
    if (!id)
        return client__no_memory(error, FCC_ERR_LIMIT);
    *package_id = id;
    return FCC_OK;
}

fcc_status client_installed(client *c, const char *org, fcc__arena *arena,
                            Lifecycle__QueryInstalledChaincodesResult **out, fcc_error *error)
{
    Lifecycle__QueryInstalledChaincodesArgs args = LIFECYCLE__QUERY_INSTALLED_CHAINCODES_ARGS__INIT;

    return ask(c, org, "", "QueryInstalledChaincodes", &args, &lifecycle__query_installed_chaincodes_result__descriptor,
               arena, out, error);
}

fcc_status client_installed_package(client *c, const char *org, const char *package_id, fcc__arena *arena,
                                    fcc_bytes *package, fcc_error *error)
{
    Lifecycle__GetInstalledChaincodePackageArgs args = LIFECYCLE__GET_INSTALLED_CHAINCODE_PACKAGE_ARGS__INIT;
    Lifecycle__GetInstalledChaincodePackageResult *result;
    fcc_status st;

    args.package_id = fcc__pb(fcc_str(package_id));
    st = ask(c, org, "", "GetInstalledChaincodePackage", &args,
             &lifecycle__get_installed_chaincode_package_result__descriptor, arena, &result, error);
    if (st == FCC_OK)
        *package = fcc__of_pb(result->chaincode_install_package);
    return st;
}

static fcc_status collections_of(const client_definition *d, fcc__arena *arena, Protos__CollectionConfigPackage **out,
                                 fcc_error *error)
{
    fcc_status st;

    *out = NULL;
    if (d->collections.len == 0)
        return FCC_OK;
    st = FCC__UNPACK(protos__collection_config_package, d->collections, arena, out);
    return st == FCC_OK ? st : fcc_error_set(error, FCC_ERR_ARG, "the collections are no CollectionConfigPackage");
}

/* The fields that approving, asking for readiness and committing share: they name the same definition. */
#define SET_DEFINITION(args, d)                                                \
    do {                                                                       \
        (args).sequence = (d)->sequence;                                       \
        (args).name = fcc__pb(fcc_str((d)->name));                             \
        (args).version = fcc__pb(fcc_str((d)->version));                       \
        (args).endorsement_plugin = fcc__pb(fcc_str((d)->endorsement_plugin)); \
        (args).validation_plugin = fcc__pb(fcc_str((d)->validation_plugin));   \
        (args).validation_parameter = fcc__pb((d)->policy);                    \
        (args).init_required = (d)->init_required;                             \
    } while (0)

fcc_status client_approve(client *c, const client_definition *d, const char *package_id, fcc__arena *arena,
                          client_answer *answer, fcc_error *error)
{
    Lifecycle__ApproveChaincodeDefinitionForMyOrgArgs args =
        LIFECYCLE__APPROVE_CHAINCODE_DEFINITION_FOR_MY_ORG_ARGS__INIT;
    Lifecycle__ChaincodeSource source = LIFECYCLE__CHAINCODE_SOURCE__INIT;
    Lifecycle__ChaincodeSource__Local local = LIFECYCLE__CHAINCODE_SOURCE__LOCAL__INIT;
    Lifecycle__ChaincodeSource__Unavailable none = LIFECYCLE__CHAINCODE_SOURCE__UNAVAILABLE__INIT;
    fcc_status st;

    SET_DEFINITION(args, d);
    if ((st = collections_of(d, arena, &args.collections, error)) != FCC_OK)
        return st;
    if (package_id) {
        local.package_id = fcc__pb(fcc_str(package_id));
        source.type_case = LIFECYCLE__CHAINCODE_SOURCE__TYPE_LOCAL_PACKAGE;
        source.local_package = &local;
    } else {
        source.type_case = LIFECYCLE__CHAINCODE_SOURCE__TYPE_UNAVAILABLE;
        source.unavailable = &none;
    }
    args.source = &source;
    return submit(c, &c->mspid, 1, "ApproveChaincodeDefinitionForMyOrg", &args, arena, answer, error);
}

fcc_status client_approved(client *c, const char *name, int64_t sequence, fcc__arena *arena,
                           Lifecycle__QueryApprovedChaincodeDefinitionResult **out, fcc_error *error)
{
    Lifecycle__QueryApprovedChaincodeDefinitionArgs args = LIFECYCLE__QUERY_APPROVED_CHAINCODE_DEFINITION_ARGS__INIT;

    args.name = fcc__pb(fcc_str(name));
    args.sequence = sequence;
    return ask(c, c->mspid, NULL, "QueryApprovedChaincodeDefinition", &args,
               &lifecycle__query_approved_chaincode_definition_result__descriptor, arena, out, error);
}

fcc_status client_commit_readiness(client *c, const char *org, const client_definition *d, fcc__arena *arena,
                                   Lifecycle__CheckCommitReadinessResult **out, fcc_error *error)
{
    Lifecycle__CheckCommitReadinessArgs args = LIFECYCLE__CHECK_COMMIT_READINESS_ARGS__INIT;
    fcc_status st;

    SET_DEFINITION(args, d);
    if ((st = collections_of(d, arena, &args.collections, error)) != FCC_OK)
        return st;
    return ask(c, org, NULL, "CheckCommitReadiness", &args, &lifecycle__check_commit_readiness_result__descriptor,
               arena, out, error);
}

fcc_status client_commit(client *c, const client_definition *d, const char *const *orgs, size_t org_count,
                         fcc__arena *arena, client_answer *answer, fcc_error *error)
{
    Lifecycle__CommitChaincodeDefinitionArgs args = LIFECYCLE__COMMIT_CHAINCODE_DEFINITION_ARGS__INIT;
    fcc_status st;

    SET_DEFINITION(args, d);
    if ((st = collections_of(d, arena, &args.collections, error)) != FCC_OK)
        return st;
    return submit(c, orgs, org_count, "CommitChaincodeDefinition", &args, arena, answer, error);
}

fcc_status client_committed(client *c, const char *org, const char *name, fcc__arena *arena,
                            Lifecycle__QueryChaincodeDefinitionResult **out, fcc_error *error)
{
    Lifecycle__QueryChaincodeDefinitionArgs args = LIFECYCLE__QUERY_CHAINCODE_DEFINITION_ARGS__INIT;

    args.name = fcc__pb(fcc_str(name));
    return ask(c, org, NULL, "QueryChaincodeDefinition", &args,
               &lifecycle__query_chaincode_definition_result__descriptor, arena, out, error);
}

fcc_status client_committed_all(client *c, const char *org, fcc__arena *arena,
                                Lifecycle__QueryChaincodeDefinitionsResult **out, fcc_error *error)
{
    Lifecycle__QueryChaincodeDefinitionsArgs args = LIFECYCLE__QUERY_CHAINCODE_DEFINITIONS_ARGS__INIT;

    return ask(c, org, NULL, "QueryChaincodeDefinitions", &args,
               &lifecycle__query_chaincode_definitions_result__descriptor, arena, out, error);
}

size_t client_org_count(const client *c)
{
    return c->peer_count;
}

const char *client_org(const client *c, size_t i)
{
    return c->peers[i].mspid;
}
