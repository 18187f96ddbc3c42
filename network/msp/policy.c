/* policy.c: evaluation of signature policies, and what is made of them for collections and chaincodes. */
#include "msp/policy.h"
#include "msp/internal.h"

#include "peer/collection.pb-c.h"
#include "peer/policy.pb-c.h"
#include "protos/unpack.h"

enum { SCRATCH = 8 << 20 };

/* ---- form --------------------------------------------------------------------------------------------------------- */

static fcc_status check_rule(const Common__SignaturePolicy *rule, size_t identities, fcc_error *error)
{
    fcc_status st = FCC_OK;
    size_t i;

    if (!rule)
        return fcc_error_set(error, FCC_ERR_PROTO, "Empty policy element");
    if (rule->type_case == COMMON__SIGNATURE_POLICY__TYPE_SIGNED_BY) {
        if (rule->signed_by >= 0 && (size_t)rule->signed_by < identities)
            return FCC_OK;
        return fcc_error_set(error, FCC_ERR_PROTO,
                             "identity index out of range, requested %d, but identities length is %zu", rule->signed_by,
                             identities);
    }
    if (rule->type_case != COMMON__SIGNATURE_POLICY__TYPE_N_OUT_OF || !rule->n_out_of)
        return fcc_error_set(error, FCC_ERR_PROTO, "Unknown type: <nil>:<nil>");
    for (i = 0; i < rule->n_out_of->n_rules && st == FCC_OK; i++)
        st = check_rule(rule->n_out_of->rules[i], identities, error);
    return st;
}

/* Policies that come as bytes have a version, which counts; those inside of another message have it too, and it doesn't. */
static fcc_status unpack_policy(fcc_bytes envelope, bool any_version, fcc__arena *scratch,
                                Common__SignaturePolicyEnvelope **out, fcc_error *error)
{
    fcc_status st = FCC__UNPACK(common__signature_policy_envelope, envelope, scratch, out);

    if (st == FCC_ERR_PROTO)
        return fcc_error_set(error, st,
                             "Error unmarshalling to SignaturePolicy: proto: cannot parse invalid wire-format data");
    if (st != FCC_OK)
        return fcc_error_set(error, st, "policy too large");
    if ((*out)->version != 0 && !any_version)
        return fcc_error_set(error, FCC_ERR_PROTO,
                             "This evaluator only understands messages of version 0, but version was %d",
                             (*out)->version);
    return check_rule((*out)->rule, (*out)->n_identities, error);
}

static fcc_status compile(fcc_bytes envelope, bool any_version, fcc__arena *arena, msp__signature_policy *out,
                          fcc_error *error)
{
    fcc_status st = unpack_policy(envelope, any_version, arena, &out->envelope, error);
    size_t i;

    if (st != FCC_OK)
        return st;
    out->principals = fcc__arena_zalloc(arena, out->envelope->n_identities + 1, sizeof *out->principals);
    if (!out->principals)
        return fcc_error_set(error, FCC_ERR_LIMIT, "policy too large");
    for (i = 0; i < out->envelope->n_identities; i++)
        msp__principal_read(out->envelope->identities[i], arena, &out->principals[i]);
    return FCC_OK;
}

fcc_status msp__policy_compile(fcc_bytes envelope, fcc__arena *arena, msp__signature_policy *out, fcc_error *error)
{
    return compile(envelope, false, arena, out, error);
}

fcc_status msp_policy_check(fcc_bytes envelope, fcc_error *error)
{
    Common__SignaturePolicyEnvelope *policy;
    fcc__arena *scratch = fcc__arena_new(SCRATCH);
    fcc_status st;

    if (!scratch)
        return fcc_error_set(error, FCC_ERR_NOMEM, "out of memory for a policy");
    st = unpack_policy(envelope, false, scratch, &policy, error);
    fcc__arena_free(scratch);
    return st;
}

fcc_status msp_policy_application(fcc_bytes envelope, fcc__arena *arena, fcc_bytes *out)
{
    Protos__ApplicationPolicy message = PROTOS__APPLICATION_POLICY__INIT;
    Common__SignaturePolicyEnvelope *policy;
    fcc_status st = unpack_policy(envelope, false, arena, &policy, NULL);

    if (st != FCC_OK)
        return st;
    message.type_case = PROTOS__APPLICATION_POLICY__TYPE_SIGNATURE_POLICY;
    message.signature_policy = policy;
    return fcc__pack(&message, arena, out);
}

fcc_status msp_policy_reference(const char *path, fcc__arena *arena, fcc_bytes *out)
{
    Protos__ApplicationPolicy message = PROTOS__APPLICATION_POLICY__INIT;

    message.type_case = PROTOS__APPLICATION_POLICY__TYPE_CHANNEL_CONFIG_POLICY_REFERENCE;
    message.channel_config_policy_reference = fcc__pb(fcc_str(path));
    return fcc__pack(&message, arena, out);
}

/* ---- evaluation --------------------------------------------------------------------------------------------------- */

typedef struct evaluation {
    const msp__signature_policy *policy;
    const msp_identity *const *identities;
    size_t count;
    fcc__arena *scratch;
    bool exhausted; /* out of memory on the way */
} evaluation;

/* Each rule in order takes the first identity that fits; a gate that fails gives back what its rules took. */
static bool evaluate(evaluation *e, const Common__SignaturePolicy *rule, bool *used)
{
    int32_t satisfied = 0;
    bool *attempt;
    size_t i;

    if (rule->type_case == COMMON__SIGNATURE_POLICY__TYPE_SIGNED_BY) {
        for (i = 0; i < e->count; i++)
            if (!used[i] && msp__satisfies(e->identities[i], &e->policy->principals[rule->signed_by], NULL) == FCC_OK) {
                used[i] = true;
                return true;
            }
        return false;
    }
    attempt = fcc__arena_alloc(e->scratch, e->count + 1);
    if (!attempt) {
        e->exhausted = true;
        return false;
    }
    for (i = 0; i < rule->n_out_of->n_rules; i++) {
        memcpy(attempt, used, e->count);
        if (evaluate(e, rule->n_out_of->rules[i], attempt)) {
            satisfied++;
            memcpy(used, attempt, e->count);
        }
    }
    return satisfied >= rule->n_out_of->n;
}

fcc_status msp__policy_met(const msp__signature_policy *policy, const msp_identity *const *identities, size_t count,
                           fcc_error *error)
{
    evaluation e = { .policy = policy, .identities = identities, .count = count, .scratch = fcc__arena_new(SCRATCH) };
    bool *used = e.scratch ? fcc__arena_zalloc(e.scratch, count + 1, sizeof *used) : NULL;
    fcc_status st = FCC_OK;

    if (!used)
        e.exhausted = true;
    else if (!evaluate(&e, policy->envelope->rule, used))
        st = fcc_error_set(error, FCC_ERR_AUTH, "signature set did not satisfy policy");
    if (e.exhausted)
        st = fcc_error_set(error, FCC_ERR_LIMIT, "policy too large to evaluate");
    fcc__arena_free(e.scratch);
    return st;
}

fcc_status msp_policy_evaluate(fcc_bytes envelope, const msp_identity *const *identities, size_t count,
                               fcc_error *error)
{
    fcc__arena *scratch = fcc__arena_new(SCRATCH);
    msp__signature_policy policy;
    fcc_status st;

    if (!scratch)
        return fcc_error_set(error, FCC_ERR_NOMEM, "out of memory for a policy");
    st = compile(envelope, true, scratch, &policy, error);
    if (st == FCC_OK)
        st = msp__policy_met(&policy, identities, count, error);
    fcc__arena_free(scratch);
    return st;
}

void msp_signers_of(msp_manager *manager, const msp_signed *set, size_t count, const msp_identity **identities,
                    size_t *identity_count)
{
    size_t i, k, n = 0;

    for (i = 0; i < count; i++) {
        const msp_identity *identity;

        if (msp_deserialize(manager, set[i].identity, &identity, NULL) != FCC_OK)
            continue;
        for (k = 0; k < n && identities[k] != identity; k++)
            ;
        if (k < n || msp_verify(identity, set[i].data, 2, set[i].signature, NULL) != FCC_OK)
            continue;
        identities[n++] = identity;
    }
    *identity_count = n;
}

/* ---- planning ----------------------------------------------------------------------------------------------------- */

bool msp_policy_satisfied_by_orgs(const fcc_bytes *envelopes, size_t envelope_count, const char *const *mspids,
                                  size_t mspid_count)
{
    msp_identity peers[64];
    const msp_identity *identities[64];
    size_t i;

    if (mspid_count > sizeof peers / sizeof peers[0])
        return false;
    for (i = 0; i < mspid_count; i++) {
        peers[i] = (msp_identity){ .mspid = mspids[i], .role = MSP_PEER };
        identities[i] = &peers[i];
    }
    for (i = 0; i < envelope_count; i++)
        if (msp_policy_evaluate(envelopes[i], identities, mspid_count, NULL) != FCC_OK)
            return false;
    return true;
}

bool msp_policy_admits(fcc_bytes envelope, const char *mspid, msp_role role)
{
    const msp_identity somebody = { .mspid = mspid, .role = role };
    const msp_identity *identity = &somebody;

    return msp_policy_evaluate(envelope, &identity, 1, NULL) == FCC_OK;
}

/* ---- collections -------------------------------------------------------------------------------------------------- */

static fcc_status parse_into(const config_collection *c, const char *text, fcc__arena *arena,
                             Common__SignaturePolicyEnvelope **out, fcc_error *error)
{
    fcc_error why = { 0 };
    fcc_bytes bytes;
    fcc_status st = msp_policy_parse(text, arena, &bytes, &why);

    if (st == FCC_OK)
        st = unpack_policy(bytes, false, arena, out, &why);
    if (st != FCC_OK)
        st = fcc_error_set(error, st, "collection %s: %.900s", c->name, why.text);
    return st;
}

static fcc_status collection_of(const config_collection *c, fcc__arena *arena, Protos__CollectionConfig **out,
                                fcc_error *error)
{
    Protos__CollectionConfig *config = fcc__arena_alloc(arena, sizeof *config);
    Protos__StaticCollectionConfig *fixed = fcc__arena_alloc(arena, sizeof *fixed);
    Protos__CollectionPolicyConfig *members = fcc__arena_alloc(arena, sizeof *members);
    Protos__ApplicationPolicy *endorsement = fcc__arena_alloc(arena, sizeof *endorsement);
    fcc_status st;

    if (!config || !fixed || !members || !endorsement)
        return fcc_error_set(error, FCC_ERR_LIMIT, "collection %s: too many collections", c->name);
    protos__collection_config__init(config);
    protos__static_collection_config__init(fixed);
    protos__collection_policy_config__init(members);
    protos__application_policy__init(endorsement);
    config->payload_case = PROTOS__COLLECTION_CONFIG__PAYLOAD_STATIC_COLLECTION_CONFIG;
    config->static_collection_config = fixed;
    members->payload_case = PROTOS__COLLECTION_POLICY_CONFIG__PAYLOAD_SIGNATURE_POLICY;
    st = parse_into(c, c->policy, arena, &members->signature_policy, error);
    if (st != FCC_OK)
        return st;
    fixed->name = fcc__pb(fcc_str(c->name));
    fixed->member_orgs_policy = members;
    fixed->required_peer_count = c->required_peer_count;
    fixed->maximum_peer_count = c->max_peer_count;
    fixed->block_to_live = c->block_to_live;
    fixed->member_only_read = c->member_only_read;
    fixed->member_only_write = c->member_only_write;
    if (c->endorsement_policy) {
        endorsement->type_case = PROTOS__APPLICATION_POLICY__TYPE_SIGNATURE_POLICY;
        st = parse_into(c, c->endorsement_policy, arena, &endorsement->signature_policy, error);
        fixed->endorsement_policy = endorsement;
    } else if (c->endorsement_policy_ref) {
        endorsement->type_case = PROTOS__APPLICATION_POLICY__TYPE_CHANNEL_CONFIG_POLICY_REFERENCE;
        endorsement->channel_config_policy_reference = fcc__pb(fcc_str(c->endorsement_policy_ref));
        fixed->endorsement_policy = endorsement;
    }
    *out = config;
    return st;
}

fcc_status msp_collections_pack(config_collections collections, fcc__arena *arena, fcc_bytes *out, fcc_error *error)
{
    Protos__CollectionConfigPackage package = PROTOS__COLLECTION_CONFIG_PACKAGE__INIT;
    size_t i;
    fcc_status st = FCC_OK;

    package.config = fcc__arena_zalloc(arena, collections.n + 1, sizeof *package.config);
    if (!package.config)
        return fcc_error_set(error, FCC_ERR_LIMIT, "too many collections");
    package.n_config = collections.n;
    for (i = 0; i < collections.n && st == FCC_OK; i++)
        st = collection_of(&collections.v[i], arena, &package.config[i], error);
    return st == FCC_OK ? fcc__pack(&package, arena, out) : st;
}
