/*
 * definition.c: chaincode definitions between the messages of `_lifecycle`'s callers and its state. Fabric:
 * core/chaincode/lifecycle/lifecycle.go.
 */
#include "scc/internal.h"

#define DEFAULT_POLICY "/Channel/Application/Endorsement"

static scc__field *add_bytes(scc__structure *structure, const char *name, fcc_bytes bytes)
{
    scc__field *field = &structure->fields[structure->count++];

    field->name = name;
    lifecycle__state_data__init(&field->data);
    field->data.type_case = LIFECYCLE__STATE_DATA__TYPE_BYTES;
    field->data.bytes = fcc__pb(bytes);
    return field;
}

fcc_status scc__definition_pack(scc__run *run, const scc__definition *d, bool with_sequence, scc__structure *out)
{
    fcc_bytes endorsement, validation, collections = { NULL, 0 };
    fcc_status st;

    memset(out, 0, sizeof(*out));
    out->type = with_sequence ? "ChaincodeDefinition" : "ChaincodeParameters";
    if (with_sequence) {
        out->fields[0].name = "Sequence";
        lifecycle__state_data__init(&out->fields[0].data);
        out->fields[0].data.type_case = LIFECYCLE__STATE_DATA__TYPE_INT64;
        out->fields[0].data.int64 = d->sequence;
        out->count = 1;
    }
    if ((st = fcc__pack(&d->endorsement, run->arena, &endorsement)) != FCC_OK ||
        (st = fcc__pack(&d->validation, run->arena, &validation)) != FCC_OK ||
        (d->collections && (st = fcc__pack(d->collections, run->arena, &collections)) != FCC_OK))
        return st;
    add_bytes(out, "EndorsementInfo", endorsement);
    add_bytes(out, "ValidationInfo", validation);
    add_bytes(out, "Collections", collections);
    return FCC_OK;
}

static fcc_status bad_field(scc__run *run, fcc_status st, const char *name, const char *field)
{
    return st == FCC_ERR_PROTO
               ? scc__refuse(run, "could not unmarshal key " SCC__NAMESPACES "/fields/%s/%s", name, field)
               : st;
}

fcc_status scc__definition_read(const scc__state *state, const char *name, const Lifecycle__StateMetadata *metadata,
                                bool with_sequence, scc__definition *out)
{
    scc__run *run = state->run;
    const char *type = with_sequence ? "ChaincodeDefinition" : "ChaincodeParameters";
    Lifecycle__ChaincodeEndorsementInfo *endorsement;
    Lifecycle__ChaincodeValidationInfo *validation;
    fcc_bytes bytes;
    fcc_status st = FCC_OK;

    memset(out, 0, sizeof(*out));
    if (!fcc_bytes_equal(fcc__of_pb(metadata->datatype), fcc_str(type)))
        return scc__refuse(run, "type name mismatch '%s' != '" FCC_FMT "'", type,
                           FCC_ARG(fcc__of_pb(metadata->datatype)));
    if (with_sequence)
        st = scc__read_int64(state, SCC__NAMESPACES, name, "Sequence", &out->sequence);
    if (st != FCC_OK || (st = scc__read_bytes(state, SCC__NAMESPACES, name, "EndorsementInfo", &bytes)) != FCC_OK)
        return st;
    if ((st = FCC__UNPACK(lifecycle__chaincode_endorsement_info, bytes, run->arena, &endorsement)) != FCC_OK)
        return bad_field(run, st, name, "EndorsementInfo");
    if ((st = scc__read_bytes(state, SCC__NAMESPACES, name, "ValidationInfo", &bytes)) != FCC_OK)
        return st;
    if ((st = FCC__UNPACK(lifecycle__chaincode_validation_info, bytes, run->arena, &validation)) != FCC_OK)
        return bad_field(run, st, name, "ValidationInfo");
    if ((st = scc__read_bytes(state, SCC__NAMESPACES, name, "Collections", &bytes)) != FCC_OK)
        return st;
    if ((st = FCC__UNPACK(protos__collection_config_package, bytes, run->arena, &out->collections)) != FCC_OK)
        return bad_field(run, st, name, "Collections");
    out->endorsement = *endorsement;
    out->validation = *validation;
    return FCC_OK;
}

static bool same(ProtobufCBinaryData a, ProtobufCBinaryData b)
{
    return fcc_bytes_equal(fcc__of_pb(a), fcc__of_pb(b));
}

static fcc_status differ(scc__run *run, const char *what, ProtobufCBinaryData expected, ProtobufCBinaryData passed)
{
    return scc__refuse(run, "expected %s '" FCC_FMT "' does not match passed %s '" FCC_FMT "'", what,
                       FCC_ARG(fcc__of_pb(expected)), what, FCC_ARG(fcc__of_pb(passed)));
}

fcc_status scc__definition_equal(scc__run *run, const scc__definition *a, const scc__definition *b)
{
    static const char *const words[] = { "false", "true" };
    fcc_bytes x, y;
    fcc_status st;

    if (!same(a->endorsement.version, b->endorsement.version))
        return differ(run, "Version", a->endorsement.version, b->endorsement.version);
    if (!same(a->endorsement.endorsement_plugin, b->endorsement.endorsement_plugin))
        return differ(run, "EndorsementPlugin", a->endorsement.endorsement_plugin, b->endorsement.endorsement_plugin);
    if (a->endorsement.init_required != b->endorsement.init_required)
        return scc__refuse(run, "expected InitRequired '%s' does not match passed InitRequired '%s'",
                           words[a->endorsement.init_required != 0], words[b->endorsement.init_required != 0]);
    if (!same(a->validation.validation_plugin, b->validation.validation_plugin))
        return differ(run, "ValidationPlugin", a->validation.validation_plugin, b->validation.validation_plugin);
    if (!same(a->validation.validation_parameter, b->validation.validation_parameter)) {
        x = fcc__hex(run->arena, fcc__of_pb(a->validation.validation_parameter));
        y = fcc__hex(run->arena, fcc__of_pb(b->validation.validation_parameter));
        return differ(run, "ValidationParameter", fcc__pb(x), fcc__pb(y));
    }
    x = y = fcc_bytes_of(NULL, 0);
    if ((a->collections && (st = fcc__pack(a->collections, run->arena, &x)) != FCC_OK) ||
        (b->collections && (st = fcc__pack(b->collections, run->arena, &y)) != FCC_OK))
        return st;
    return fcc_bytes_equal(x, y) ? FCC_OK : scc__refuse(run, "Collections do not match");
}

fcc_status scc__definition_defaults(scc__run *run, scc__definition *d)
{
    Protos__ApplicationPolicy policy = PROTOS__APPLICATION_POLICY__INIT;
    const msp_channel *channel = ledger_channel(run->call->ledger);
    fcc_bytes bytes;
    fcc_status st;

    if (d->endorsement.endorsement_plugin.len == 0)
        d->endorsement.endorsement_plugin = fcc__pb(FCC_LIT("escc"));
    if (d->validation.validation_plugin.len == 0)
        d->validation.validation_plugin = fcc__pb(FCC_LIT("vscc"));
    if (d->validation.validation_parameter.len > 0)
        return FCC_OK;
    if (!msp_channel_has_policy(channel, DEFAULT_POLICY))
        return scc__refuse(run,
                           "could not set defaults for chaincode definition in channel %s: policy '" DEFAULT_POLICY
                           "' must be defined for channel '%s' before chaincode operations can be attempted",
                           msp_channel_id(channel), msp_channel_id(channel));
    policy.type_case = PROTOS__APPLICATION_POLICY__TYPE_CHANNEL_CONFIG_POLICY_REFERENCE;
    policy.channel_config_policy_reference = fcc__pb(FCC_LIT(DEFAULT_POLICY));
    if ((st = fcc__pack(&policy, run->arena, &bytes)) != FCC_OK)
        return st;
    d->validation.validation_parameter = fcc__pb(bytes);
    return FCC_OK;
}

fcc_status scc__collection_of(scc__run *run, const char *mspid, scc__state *out)
{
    const char *name = fcc__arena_printf(run->arena, "_implicit_org_%s", mspid);

    if (!name)
        return FCC_ERR_LIMIT;
    *out = (scc__state){ run, fcc_str(name) };
    return FCC_OK;
}
