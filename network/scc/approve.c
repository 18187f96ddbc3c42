/*
 * approve.c: what an organisation approves lies in its own implicit collection: parameters and package, under the name and
 * sequence of the definition. Fabric: core/chaincode/lifecycle/lifecycle.go.
 */
#include "scc/internal.h"

#include <inttypes.h>
#include <stdlib.h>

/* `name#sequence` */
static const char *private_name(const scc__run *run, const char *name, int64_t sequence)
{
    return fcc__arena_printf(run->arena, "%s#%" PRId64, name, sequence);
}

static void package_structure(fcc_bytes id, scc__structure *out)
{
    memset(out, 0, sizeof(*out));
    out->type = "ChaincodeLocalPackage";
    out->count = 1;
    out->fields[0].name = "PackageID";
    lifecycle__state_data__init(&out->fields[0].data);
    out->fields[0].data.type_case = LIFECYCLE__STATE_DATA__TYPE_STRING;
    out->fields[0].data.string = fcc__pb(id);
}

/* Has the organisation approved just this, with this package? */
static fcc_status is_repetition(const scc__state *own, const char *key, const scc__definition *d, fcc_bytes package,
                                bool *yes)
{
    scc__run *run = own->run;
    Lifecycle__StateMetadata *metadata;
    scc__definition before;
    fcc_bytes id;
    bool found;
    fcc_status st;

    *yes = false;
    st = scc__read_metadata(own, SCC__NAMESPACES, key, &metadata, &found);
    if (st != FCC_OK)
        return scc__within(run, st,
                           "could not fetch chaincode definition, chaincode %s, requested at sequence %" PRId64, key,
                           d->sequence);
    if (!found)
        return FCC_OK;
    if ((st = scc__definition_read(own, key, metadata, false, &before)) != FCC_OK)
        return scc__within(run, st, "could not deserialize namespace %s as chaincode", key);
    st = scc__definition_equal(run, &before, d);
    if (st != FCC_OK)
        return st == FCC_ERR_PEER ? FCC_OK : st;
    if ((st = scc__read_metadata(own, SCC__SOURCES, key, &metadata, &found)) != FCC_OK)
        return scc__within(run, st, "could not deserialize chaincode-source metadata for %s", key);
    if (!found)
        return FCC_OK;
    if ((st = scc__read_string(own, SCC__SOURCES, key, "PackageID", &id)) != FCC_OK)
        return scc__within(run, st, "could not deserialize chaincode package for %s", key);
    *yes = fcc_bytes_equal(id, package);
    return FCC_OK;
}

/* At the committed sequence an organisation may agree, or give another package. */
static fcc_status agree(const scc__state *own, const char *name, const char *key, const scc__definition *d,
                        fcc_bytes package)
{
    scc__run *run = own->run;
    const scc__state public = { run, { NULL, 0 } };
    Lifecycle__StateMetadata *metadata;
    scc__definition committed;
    bool found, repeated;
    fcc_status st;

    if ((st = scc__read_metadata(&public, SCC__NAMESPACES, name, &metadata, &found)) != FCC_OK)
        return scc__within(run, st, "could not fetch metadata for current definition");
    if (!found)
        return scc__refuse(run, "missing metadata for currently committed sequence number (%" PRId64 ")", d->sequence);
    if ((st = scc__definition_read(&public, name, metadata, true, &committed)) != FCC_OK)
        return scc__within(run, st, "could not deserialize namespace %s as chaincode", name);
    if ((st = scc__definition_equal(run, &committed, d)) != FCC_OK)
        return scc__within(run, st,
                           "attempted to redefine the current committed sequence (%" PRId64
                           ") for namespace %s with different parameters",
                           d->sequence, name);
    if (run->call->fabric_2_5)
        return FCC_OK;
    if ((st = is_repetition(own, key, d, package, &repeated)) != FCC_OK)
        return st;
    return repeated
               ? scc__refuse(run, "attempted to redefine the current committed sequence (%" PRId64 ") for namespace %s",
                             d->sequence, name)
               : FCC_OK;
}

static fcc_status approve(scc__run *run, const char *name, scc__definition *d, fcc_bytes package)
{
    const scc__state public = { run, { NULL, 0 } };
    const char *key = private_name(run, name, d->sequence);
    scc__structure structure;
    scc__state own;
    int64_t current;
    bool repeated;
    fcc_status st = key ? scc__collection_of(run, run->call->mspid, &own) : FCC_ERR_LIMIT;

    if (st != FCC_OK)
        return st;
    if ((st = scc__read_int64(&public, SCC__NAMESPACES, name, "Sequence", &current)) != FCC_OK)
        return scc__within(run, st, "could not get current sequence");
    if (current == 0 && d->sequence == 0)
        return scc__refuse(run, "requested sequence is 0, but first definable sequence number is 1");
    if (d->sequence < current)
        return scc__refuse(run, "currently defined sequence %" PRId64 " is larger than requested sequence %" PRId64,
                           current, d->sequence);
    if (d->sequence > current + 1)
        return scc__refuse(run,
                           "requested sequence %" PRId64 " is larger than the next available sequence number %" PRId64,
                           d->sequence, current + 1);
    if ((st = scc__definition_defaults(run, d)) != FCC_OK)
        return st;
    if (d->sequence == current)
        st = agree(&own, name, key, d, package);
    else if ((st = is_repetition(&own, key, d, package, &repeated)) == FCC_OK && repeated)
        st = scc__refuse(
            run, "attempted to redefine uncommitted sequence (%" PRId64 ") for namespace %s with unchanged content",
            d->sequence, name);
    if (st != FCC_OK || (st = scc__definition_pack(run, d, false, &structure)) != FCC_OK)
        return st;
    if ((st = scc__write(&own, SCC__NAMESPACES, key, &structure)) != FCC_OK)
        return scc__within(run, st, "could not serialize chaincode parameters to state");
    package_structure(package, &structure);
    return scc__within(run, scc__write(&own, SCC__SOURCES, key, &structure),
                       "could not serialize chaincode package info to state");
}

fcc_status scc__approve(scc__run *run, fcc_bytes input, const void **output)
{
    static const Lifecycle__ApproveChaincodeDefinitionForMyOrgResult result =
        LIFECYCLE__APPROVE_CHAINCODE_DEFINITION_FOR_MY_ORG_RESULT__INIT;
    Lifecycle__ApproveChaincodeDefinitionForMyOrgArgs *args;
    scc__definition d = { .endorsement = LIFECYCLE__CHAINCODE_ENDORSEMENT_INFO__INIT,
                          .validation = LIFECYCLE__CHAINCODE_VALIDATION_INFO__INIT };
    fcc_bytes package = { NULL, 0 };
    const char *name;
    fcc_status st;

    if ((st = FCC__UNPACK(lifecycle__approve_chaincode_definition_for_my_org_args, input, run->arena, &args)) != FCC_OK)
        return st;
    if ((st = scc__check_definition(run, fcc__of_pb(args->name), fcc__of_pb(args->version), args->collections)) !=
        FCC_OK)
        return scc__within(run, st, "error validating chaincode definition");
    if (args->source && args->source->type_case == LIFECYCLE__CHAINCODE_SOURCE__TYPE_LOCAL_PACKAGE)
        package = fcc__of_pb(args->source->local_package->package_id);
    d.sequence = args->sequence;
    d.endorsement.version = args->version;
    d.endorsement.endorsement_plugin = args->endorsement_plugin;
    d.endorsement.init_required = args->init_required;
    d.validation.validation_plugin = args->validation_plugin;
    d.validation.validation_parameter = args->validation_parameter;
    d.collections = args->collections;
    name = fcc__arena_printf(run->arena, FCC_FMT, FCC_ARG(fcc__of_pb(args->name)));
    *output = &result;
    return name ? approve(run, name, &d, package) : FCC_ERR_LIMIT;
}

/* ---- queries ----------------------------------------------------------------------------------------------------------- */

static fcc_status fetch(const scc__state *own, const char *key, const Lifecycle__StateMetadata *metadata,
                        scc__definition *d, Lifecycle__ChaincodeSource **source)
{
    scc__run *run = own->run;
    Lifecycle__ChaincodeSource *out = fcc__arena_alloc(run->arena, sizeof(*out));
    Lifecycle__ChaincodeSource__Local *local = fcc__arena_alloc(run->arena, sizeof(*local));
    Lifecycle__ChaincodeSource__Unavailable *unavailable = fcc__arena_alloc(run->arena, sizeof(*unavailable));
    Lifecycle__StateMetadata *where;
    fcc_bytes id;
    bool found;
    fcc_status st;

    if (!out || !local || !unavailable)
        return FCC_ERR_LIMIT;
    if (!fcc_bytes_equal(fcc__of_pb(metadata->datatype), FCC_LIT("ChaincodeParameters")))
        return scc__refuse(run, "not a chaincode parameters type: " FCC_FMT, FCC_ARG(fcc__of_pb(metadata->datatype)));
    if ((st = scc__definition_read(own, key, metadata, false, d)) != FCC_OK)
        return scc__within(run, st, "could not deserialize chaincode parameters for %s", key);
    if ((st = scc__read_metadata(own, SCC__SOURCES, key, &where, &found)) != FCC_OK)
        return scc__within(run, st, "could not deserialize chaincode-source metadata for %s", key);
    if (!found)
        return scc__refuse(run, "could not fetch chaincode-source metadata for %s", key);
    if (!fcc_bytes_equal(fcc__of_pb(where->datatype), FCC_LIT("ChaincodeLocalPackage")))
        return scc__refuse(run, "not a chaincode local package type: " FCC_FMT, FCC_ARG(fcc__of_pb(where->datatype)));
    if ((st = scc__read_string(own, SCC__SOURCES, key, "PackageID", &id)) != FCC_OK)
        return scc__within(run, st, "could not deserialize chaincode package for %s", key);
    lifecycle__chaincode_source__init(out);
    lifecycle__chaincode_source__local__init(local);
    lifecycle__chaincode_source__unavailable__init(unavailable);
    local->package_id = fcc__pb(id);
    out->type_case = id.len ? LIFECYCLE__CHAINCODE_SOURCE__TYPE_LOCAL_PACKAGE
                            : LIFECYCLE__CHAINCODE_SOURCE__TYPE_UNAVAILABLE;
    if (id.len)
        out->local_package = local;
    else
        out->unavailable = unavailable;
    *source = out;
    return FCC_OK;
}

/* Without a sequence, the newest that the organisation can have approved. */
static fcc_status newest(const scc__state *own, const char *name, int64_t *sequence)
{
    scc__run *run = own->run;
    const scc__state public = { run, { NULL, 0 } };
    Lifecycle__StateMetadata *metadata;
    const char *key;
    int64_t current;
    bool found;
    fcc_status st = scc__read_int64(&public, SCC__NAMESPACES, name, "Sequence", &current);

    if (st != FCC_OK)
        return scc__within(run, st, "could not get current sequence");
    if (!(key = private_name(run, name, current + 1)))
        return FCC_ERR_LIMIT;
    if ((st = scc__read_metadata(own, SCC__NAMESPACES, key, &metadata, &found)) != FCC_OK)
        return scc__within(run, st, "could not deserialize namespace metadata for next sequence %" PRId64, current + 1);
    *sequence = found ? current + 1 : current;
    return FCC_OK;
}

fcc_status scc__query_approved(scc__run *run, fcc_bytes input, const void **output)
{
    Lifecycle__QueryApprovedChaincodeDefinitionArgs *args;
    Lifecycle__QueryApprovedChaincodeDefinitionResult *result = fcc__arena_alloc(run->arena, sizeof(*result));
    Lifecycle__StateMetadata *metadata;
    scc__definition d;
    scc__state own;
    const char *name, *key;
    int64_t sequence;
    bool found;
    fcc_status st = result ? scc__collection_of(run, run->call->mspid, &own) : FCC_ERR_LIMIT;

    if (st != FCC_OK ||
        (st = FCC__UNPACK(lifecycle__query_approved_chaincode_definition_args, input, run->arena, &args)) != FCC_OK)
        return st;
    if (!(name = fcc__arena_printf(run->arena, FCC_FMT, FCC_ARG(fcc__of_pb(args->name)))))
        return FCC_ERR_LIMIT;
    sequence = args->sequence;
    if (sequence == 0 && (st = newest(&own, name, &sequence)) != FCC_OK)
        return st;
    if (!(key = private_name(run, name, sequence)))
        return FCC_ERR_LIMIT;
    if ((st = scc__read_metadata(&own, SCC__NAMESPACES, key, &metadata, &found)) != FCC_OK)
        return scc__within(run, st, "could not deserialize namespace metadata for %s", key);
    if (!found)
        return scc__refuse(run,
                           "could not fetch approved chaincode definition (name: '%s', sequence: '%" PRId64
                           "') on channel '" FCC_FMT "'",
                           name, run->call->fabric_2_5 ? args->sequence : sequence, FCC_ARG(run->call->channel));
    lifecycle__query_approved_chaincode_definition_result__init(result);
    if ((st = fetch(&own, key, metadata, &d, &result->source)) != FCC_OK)
        return st;
    result->sequence = sequence;
    result->version = d.endorsement.version;
    result->endorsement_plugin = d.endorsement.endorsement_plugin;
    result->init_required = d.endorsement.init_required;
    result->validation_plugin = d.validation.validation_plugin;
    result->validation_parameter = d.validation.validation_parameter;
    result->collections = d.collections;
    *output = result;
    return FCC_OK;
}

static fcc_status fetch_one(const scc__state *own, const char *key,
                            Lifecycle__QueryApprovedChaincodeDefinitionsResult__ApprovedChaincodeDefinition *out)
{
    scc__run *run = own->run;
    const char *mark = strchr(key, '#');
    Lifecycle__StateMetadata *metadata;
    scc__definition d;
    char *end;
    bool found;
    fcc_status st;

    if (!mark || strchr(mark + 1, '#'))
        return scc__refuse(run,
                           "could not extract chaincode name and sequence number from metadata: %s: invalid private "
                           "name format: %s",
                           key, key);
    lifecycle__query_approved_chaincode_definitions_result__approved_chaincode_definition__init(out);
    out->name = fcc__pb(fcc_bytes_of(key, (size_t)(mark - key)));
    out->sequence = strtoll(mark + 1, &end, 10);
    if (end == mark + 1 || *end != '\0')
        return scc__refuse(run,
                           "could not extract chaincode name and sequence number from metadata: %s: invalid "
                           "sequence number in private name: %s",
                           key, key);
    if ((st = scc__read_metadata(own, SCC__NAMESPACES, key, &metadata, &found)) != FCC_OK ||
        (st = fetch(own, key, metadata, &d, &out->source)) != FCC_OK)
        return scc__within(run, st,
                           "could not fetch approved chaincode definition (name: '" FCC_FMT "', sequence: '%" PRId64
                           "') on channel '" FCC_FMT "'",
                           FCC_ARG(fcc__of_pb(out->name)), out->sequence, FCC_ARG(run->call->channel));
    out->version = d.endorsement.version;
    out->endorsement_plugin = d.endorsement.endorsement_plugin;
    out->init_required = d.endorsement.init_required;
    out->validation_plugin = d.validation.validation_plugin;
    out->validation_parameter = d.validation.validation_parameter;
    out->collections = d.collections;
    return FCC_OK;
}

fcc_status scc__query_all_approved(scc__run *run, fcc_bytes input, const void **output)
{
    typedef Lifecycle__QueryApprovedChaincodeDefinitionsResult__ApprovedChaincodeDefinition item;
    Lifecycle__QueryApprovedChaincodeDefinitionsResult *result = fcc__arena_alloc(run->arena, sizeof(*result));
    Lifecycle__QueryApprovedChaincodeDefinitionsArgs *args;
    const char *const *keys;
    scc__state own;
    size_t count;
    fcc_status st = result ? scc__collection_of(run, run->call->mspid, &own) : FCC_ERR_LIMIT;

    if (st != FCC_OK ||
        (st = FCC__UNPACK(lifecycle__query_approved_chaincode_definitions_args, input, run->arena, &args)) != FCC_OK)
        return st;
    if ((st = scc__names(&own, SCC__NAMESPACES, &keys, &count)) != FCC_OK)
        return scc__within(run, st, "could not fetch metadatas");
    lifecycle__query_approved_chaincode_definitions_result__init(result);
    result->approved_chaincode_definitions = fcc__arena_zalloc(run->arena, count, sizeof(item *));
    if (!result->approved_chaincode_definitions)
        return FCC_ERR_LIMIT;
    for (size_t i = 0; i < count; i++) {
        item *one = fcc__arena_alloc(run->arena, sizeof(*one));

        if (!one)
            return FCC_ERR_LIMIT;
        if ((st = fetch_one(&own, keys[i], one)) != FCC_OK)
            return st;
        result->approved_chaincode_definitions[result->n_approved_chaincode_definitions++] = one;
    }
    *output = result;
    return FCC_OK;
}

/* ---- what runs under a name --------------------------------------------------------------------------------------------- */

/* By the hashes alone, as any peer could: is it approved, and is its package among the installed ones? */
static fcc_status look_up(scc__run *run, fcc_bytes name, scc_chaincode *out)
{
    scc__structure structure;
    const char *mismatches[SCC__FIELDS], *key, *text;
    scc__definition d = { .endorsement = LIFECYCLE__CHAINCODE_ENDORSEMENT_INFO__INIT,
                          .validation = LIFECYCLE__CHAINCODE_VALIDATION_INFO__INIT };
    fcc_bytes hash, bytes;
    scc__state own;
    size_t count;
    bool same;
    fcc_status st;

    d.sequence = out->definition.sequence;
    d.endorsement.version = fcc__pb(out->definition.version);
    d.endorsement.init_required = out->definition.init_required;
    d.endorsement.endorsement_plugin = fcc__pb(out->definition.endorsement_plugin);
    d.validation.validation_plugin = fcc__pb(out->definition.validation_plugin);
    d.validation.validation_parameter = fcc__pb(out->definition.policy);
    text = fcc__arena_printf(run->arena, FCC_FMT, FCC_ARG(name));
    key = text ? private_name(run, text, d.sequence) : NULL;
    if (!key)
        return FCC_ERR_LIMIT;
    if ((st = scc__collection_of(run, run->call->mspid, &own)) != FCC_OK ||
        (st = FCC__UNPACK(protos__collection_config_package, out->definition.collections, run->arena,
                          &d.collections)) != FCC_OK ||
        (st = scc__definition_pack(run, &d, false, &structure)) != FCC_OK ||
        (st = scc__compare(&own, SCC__NAMESPACES, key, &structure, mismatches, &count)) != FCC_OK)
        return st;
    out->approved = count == 0;
    if (!out->approved)
        return FCC_OK;
    package_structure(fcc_bytes_of(NULL, 0), &structure);
    if ((st = scc__compare_metadata(&own, SCC__SOURCES, key, &structure, &same)) != FCC_OK || !same)
        return st;
    text = fcc__arena_printf(run->arena, SCC__SOURCES "/fields/%s/PackageID", key);
    if (!text || (st = scc__hash(&own, text, &hash)) != FCC_OK)
        return text ? st : FCC_ERR_LIMIT;
    for (size_t i = 0; i < scc_store_count(run->call->store); i++) {
        fcc__sha256 digest;

        package_structure(fcc_str(scc_store_id(run->call->store, i)), &structure);
        if ((st = fcc__pack(&structure.fields[0].data, run->arena, &bytes)) != FCC_OK)
            return st;
        digest = fcc__sha256_of(bytes);
        if (fcc_bytes_equal(fcc__sha256_bytes(&digest), hash))
            out->package_id = scc_store_id(run->call->store, i);
    }
    return FCC_OK;
}

static fcc_status copy_definition(const ledger_definition *from, fcc__arena *arena, ledger_definition *out)
{
    *out = *from;
    return fcc__arena_copy(arena, from->version, &out->version) &&
                   fcc__arena_copy(arena, from->endorsement_plugin, &out->endorsement_plugin) &&
                   fcc__arena_copy(arena, from->validation_plugin, &out->validation_plugin) &&
                   fcc__arena_copy(arena, from->policy, &out->policy) &&
                   fcc__arena_copy(arena, from->collections, &out->collections)
               ? FCC_OK
               : FCC_ERR_LIMIT;
}

fcc_status scc_resolve(ledger *l, const char *mspid, scc_store *store, fcc_bytes name, fcc__arena *arena,
                       scc_chaincode *out)
{
    scc_call call = { .ledger = l, .store = store, .mspid = mspid, .arena = arena };
    scc__run run = { .call = &call, .arena = arena };
    ledger_sim_options options = { .mspid = mspid };
    scc_chaincode result = { .package_id = NULL };
    ledger_definition definition;
    fcc_status st = ledger_find_definition(l, name, &definition);

    if (st == FCC_OK)
        st = copy_definition(&definition, arena, &result.definition);
    if (st == FCC_OK)
        st = ledger_sim_new(l, &options, &call.sim);
    if (st != FCC_OK)
        return st;
    st = look_up(&run, name, &result);
    ledger_sim_free(call.sim);
    if (st == FCC_OK)
        *out = result;
    return st == FCC_ERR_PEER ? FCC_ERR_CORRUPT : st;
}
