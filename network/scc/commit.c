/*
 * commit.c: definitions in the public state, and which organisations have approved one. Fabric:
 * core/chaincode/lifecycle/{scc,lifecycle}.go.
 */
#include "scc/internal.h"

#include <inttypes.h>

/* One organisation's answer to a definition. */
struct approval {
    const char *mspid;
    bool given;
    const char *mismatches[SCC__FIELDS];
    size_t count;
};

/* Of all organisations of the channel. */
static fcc_status ask_organisations(scc__run *run, const char *name, const scc__definition *d, struct approval **out,
                                    size_t *count)
{
    const msp_channel *channel = ledger_channel(run->call->ledger);
    struct approval *list = fcc__arena_zalloc(run->arena, msp_channel_org_count(channel), sizeof(*list));
    const char *key = fcc__arena_printf(run->arena, "%s#%" PRId64, name, d->sequence);
    scc__structure structure;
    scc__state state;
    fcc_status st;

    if (!list || !key)
        return FCC_ERR_LIMIT;
    if ((st = scc__definition_pack(run, d, false, &structure)) != FCC_OK)
        return st;
    *count = 0;
    for (size_t i = 0; i < msp_channel_org_count(channel); i++) {
        const msp_channel_org *org = msp_channel_org_at(channel, i);
        struct approval *one = &list[*count];

        if (!org->application)
            continue;
        if ((st = scc__collection_of(run, org->mspid, &state)) != FCC_OK)
            return st;
        st = scc__compare(&state, SCC__NAMESPACES, key, &structure, one->mismatches, &one->count);
        if (st != FCC_OK)
            return scc__within(run, st, "serialization check failed for key %s", key);
        one->mspid = org->mspid;
        one->given = one->count == 0;
        (*count)++;
    }
    *out = list;
    return FCC_OK;
}

static fcc_status no_channel(scc__run *run)
{
    return scc__refuse(run, "no application config for channel '" FCC_FMT "'", FCC_ARG(run->call->channel));
}

/* The next definition of a chaincode, and who has approved it. */
static fcc_status check_next(scc__run *run, const char *name, scc__definition *d, struct approval **approvals,
                             size_t *count)
{
    const scc__state public = { run, { NULL, 0 } };
    int64_t current;
    fcc_status st = scc__read_int64(&public, SCC__NAMESPACES, name, "Sequence", &current);

    if (st != FCC_OK)
        return scc__within(run, st, "could not get current sequence");
    if (d->sequence != current + 1)
        return scc__refuse(run, "requested sequence is %" PRId64 ", but new definition must be sequence %" PRId64,
                           d->sequence, current + 1);
    st = scc__definition_defaults(run, d);
    return st == FCC_OK ? ask_organisations(run, name, d, approvals, count) : st;
}

/* Go writes both fields of a map's entry, false as well, which protobuf-c leaves out: so it goes behind the others. */
static ProtobufCMessageUnknownField *false_value(void)
{
    static uint8_t zero[1];
    static ProtobufCMessageUnknownField field = { 2, PROTOBUF_C_WIRE_TYPE_VARINT, sizeof(zero), zero };

    return &field;
}

static fcc_status pack_approvals(const scc__run *run, const struct approval *list, size_t count,
                                 Lifecycle__ApprovalsEntry ***out, size_t *n)
{
    Lifecycle__ApprovalsEntry *entries = fcc__arena_zalloc(run->arena, count, sizeof(*entries));

    *out = fcc__arena_zalloc(run->arena, count, sizeof(**out));
    if (!entries || !*out)
        return FCC_ERR_LIMIT;
    for (size_t i = 0; i < count; i++) {
        lifecycle__approvals_entry__init(&entries[i]);
        entries[i].key = fcc__pb(fcc_str(list[i].mspid));
        entries[i].value = list[i].given;
        if (!list[i].given) {
            entries[i].base.unknown_fields = false_value();
            entries[i].base.n_unknown_fields = 1;
        }
        (*out)[i] = &entries[i];
    }
    *n = count;
    return FCC_OK;
}

/* What the arguments of both functions below, which differ by name alone, ask for. */
static scc__definition definition_of(const Lifecycle__CommitChaincodeDefinitionArgs *args)
{
    scc__definition d = { .endorsement = LIFECYCLE__CHAINCODE_ENDORSEMENT_INFO__INIT,
                          .validation = LIFECYCLE__CHAINCODE_VALIDATION_INFO__INIT };

    d.sequence = args->sequence;
    d.endorsement.version = args->version;
    d.endorsement.endorsement_plugin = args->endorsement_plugin;
    d.endorsement.init_required = args->init_required;
    d.validation.validation_plugin = args->validation_plugin;
    d.validation.validation_parameter = args->validation_parameter;
    d.collections = args->collections;
    return d;
}

/* ---- is it ready? -------------------------------------------------------------------------------------------------------- */

static fcc_status pack_mismatches(const scc__run *run, const struct approval *list, size_t count,
                                  Lifecycle__CheckCommitReadinessResult *out)
{
    out->mismatches = fcc__arena_zalloc(run->arena, count, sizeof(*out->mismatches));
    if (!out->mismatches)
        return FCC_ERR_LIMIT;
    for (size_t i = 0; i < count; i++) {
        Lifecycle__CheckCommitReadinessResult__MismatchesEntry *entry;
        Lifecycle__CheckCommitReadinessResult__Mismatches *items;

        if (list[i].count == 0)
            continue;
        entry = fcc__arena_alloc(run->arena, sizeof(*entry));
        items = fcc__arena_alloc(run->arena, sizeof(*items));
        if (!entry || !items)
            return FCC_ERR_LIMIT;
        lifecycle__check_commit_readiness_result__mismatches_entry__init(entry);
        lifecycle__check_commit_readiness_result__mismatches__init(items);
        items->items = fcc__arena_zalloc(run->arena, list[i].count, sizeof(*items->items));
        if (!items->items)
            return FCC_ERR_LIMIT;
        for (size_t n = 0; n < list[i].count; n++)
            items->items[items->n_items++] = fcc__pb(fcc_str(list[i].mismatches[n]));
        entry->key = fcc__pb(fcc_str(list[i].mspid));
        entry->value = items;
        out->mismatches[out->n_mismatches++] = entry;
    }
    return FCC_OK;
}

fcc_status scc__check_readiness(scc__run *run, fcc_bytes input, const void **output)
{
    Lifecycle__CommitChaincodeDefinitionArgs *args; /* CheckCommitReadinessArgs has the same fields */
    Lifecycle__CheckCommitReadinessResult *result = fcc__arena_alloc(run->arena, sizeof(*result));
    struct approval *approvals;
    scc__definition d;
    const char *name;
    size_t count;
    fcc_status st;

    if (!result)
        return FCC_ERR_LIMIT;
    if ((st = FCC__UNPACK(lifecycle__commit_chaincode_definition_args, input, run->arena, &args)) != FCC_OK)
        return st;
    if (!run->call->sim)
        return no_channel(run);
    d = definition_of(args);
    if (!(name = fcc__arena_printf(run->arena, FCC_FMT, FCC_ARG(fcc__of_pb(args->name)))))
        return FCC_ERR_LIMIT;
    if ((st = check_next(run, name, &d, &approvals, &count)) != FCC_OK)
        return st;
    lifecycle__check_commit_readiness_result__init(result);
    st = pack_approvals(run, approvals, count, &result->approvals, &result->n_approvals);
    if (st == FCC_OK && !run->call->fabric_2_5)
        st = pack_mismatches(run, approvals, count, result);
    *output = result;
    return st;
}

/* ---- commit -------------------------------------------------------------------------------------------------------------- */

fcc_status scc__commit(scc__run *run, fcc_bytes input, const void **output)
{
    static const Lifecycle__CommitChaincodeDefinitionResult result =
        LIFECYCLE__COMMIT_CHAINCODE_DEFINITION_RESULT__INIT;
    const scc__state public = { run, { NULL, 0 } };
    Lifecycle__CommitChaincodeDefinitionArgs *args;
    struct approval *approvals;
    scc__structure structure;
    scc__definition d;
    const char *name;
    size_t count;
    bool agreed = false, member = false;
    fcc_status st;

    if ((st = FCC__UNPACK(lifecycle__commit_chaincode_definition_args, input, run->arena, &args)) != FCC_OK)
        return st;
    if ((st = scc__check_definition(run, fcc__of_pb(args->name), fcc__of_pb(args->version), args->collections)) !=
        FCC_OK)
        return scc__within(run, st, "error validating chaincode definition");
    d = definition_of(args);
    if (!(name = fcc__arena_printf(run->arena, FCC_FMT, FCC_ARG(fcc__of_pb(args->name)))))
        return FCC_ERR_LIMIT;
    if ((st = check_next(run, name, &d, &approvals, &count)) != FCC_OK)
        return st;
    for (size_t i = 0; i < count; i++)
        if (strcmp(approvals[i].mspid, run->call->mspid) == 0) {
            member = true;
            agreed = approvals[i].given;
        }
    if (!member)
        return scc__refuse(run,
                           "impossibly, this peer's org is processing requests for a channel it is not a member of");
    if ((st = scc__definition_pack(run, &d, true, &structure)) != FCC_OK)
        return st;
    if ((st = scc__write(&public, SCC__NAMESPACES, name, &structure)) != FCC_OK)
        return scc__within(run, st, "could not serialize chaincode definition");
    if (!agreed)
        return scc__refuse(run, "chaincode definition not agreed to by this org (%s)", run->call->mspid);
    *output = &result;
    return FCC_OK;
}

/* ---- queries ------------------------------------------------------------------------------------------------------------- */

static fcc_status read_defined(scc__run *run, const char *name, scc__definition *out)
{
    const scc__state public = { run, { NULL, 0 } };
    Lifecycle__StateMetadata *metadata;
    bool found;
    fcc_status st = scc__read_metadata(&public, SCC__NAMESPACES, name, &metadata, &found);

    if (st != FCC_OK)
        return scc__within(run, st, "could not fetch metadata for namespace %s", name);
    if (!found) {
        run->absent = true;
        return scc__refuse(run, "namespace %s is not defined", name);
    }
    return scc__within(run, scc__definition_read(&public, name, metadata, true, out),
                       "could not deserialize namespace %s as chaincode", name);
}

fcc_status scc__query_committed(scc__run *run, fcc_bytes input, const void **output)
{
    Lifecycle__QueryChaincodeDefinitionArgs *args;
    Lifecycle__QueryChaincodeDefinitionResult *result = fcc__arena_alloc(run->arena, sizeof(*result));
    struct approval *approvals;
    scc__definition d;
    const char *name;
    size_t count;
    fcc_status st;

    if (!result)
        return FCC_ERR_LIMIT;
    if ((st = FCC__UNPACK(lifecycle__query_chaincode_definition_args, input, run->arena, &args)) != FCC_OK)
        return st;
    if (!(name = fcc__arena_printf(run->arena, FCC_FMT, FCC_ARG(fcc__of_pb(args->name)))))
        return FCC_ERR_LIMIT;
    if ((st = read_defined(run, name, &d)) != FCC_OK ||
        (st = ask_organisations(run, name, &d, &approvals, &count)) != FCC_OK)
        return st;
    lifecycle__query_chaincode_definition_result__init(result);
    result->sequence = d.sequence;
    result->version = d.endorsement.version;
    result->endorsement_plugin = d.endorsement.endorsement_plugin;
    result->init_required = d.endorsement.init_required;
    result->validation_plugin = d.validation.validation_plugin;
    result->validation_parameter = d.validation.validation_parameter;
    result->collections = d.collections;
    *output = result;
    return pack_approvals(run, approvals, count, &result->approvals, &result->n_approvals);
}

fcc_status scc__query_all_committed(scc__run *run, fcc_bytes input, const void **output)
{
    typedef Lifecycle__QueryChaincodeDefinitionsResult__ChaincodeDefinition item;
    const scc__state public = { run, { NULL, 0 } };
    Lifecycle__QueryChaincodeDefinitionsResult *result = fcc__arena_alloc(run->arena, sizeof(*result));
    Lifecycle__QueryChaincodeDefinitionsArgs *args;
    const char *const *names;
    size_t count;
    fcc_status st;

    if (!result)
        return FCC_ERR_LIMIT;
    if ((st = FCC__UNPACK(lifecycle__query_chaincode_definitions_args, input, run->arena, &args)) != FCC_OK)
        return st;
    if ((st = scc__names(&public, SCC__NAMESPACES, &names, &count)) != FCC_OK)
        return scc__within(run, st, "could not query namespace metadata");
    lifecycle__query_chaincode_definitions_result__init(result);
    result->chaincode_definitions = fcc__arena_zalloc(run->arena, count, sizeof(item *));
    if (!result->chaincode_definitions)
        return FCC_ERR_LIMIT;
    for (size_t i = 0; i < count; i++) {
        item *one = fcc__arena_alloc(run->arena, sizeof(*one));
        scc__definition d;

        if (!one)
            return FCC_ERR_LIMIT;
        if ((st = read_defined(run, names[i], &d)) != FCC_OK)
            return st;
        lifecycle__query_chaincode_definitions_result__chaincode_definition__init(one);
        one->name = fcc__pb(fcc_str(names[i]));
        one->sequence = d.sequence;
        one->version = d.endorsement.version;
        one->endorsement_plugin = d.endorsement.endorsement_plugin;
        one->init_required = d.endorsement.init_required;
        one->validation_plugin = d.validation.validation_plugin;
        one->validation_parameter = d.validation.validation_parameter;
        one->collections = d.collections;
        result->chaincode_definitions[result->n_chaincode_definitions++] = one;
    }
    *output = result;
    return FCC_OK;
}
