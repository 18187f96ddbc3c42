/*
 * channel_policy.c: the policies of a channel, compiled once and evaluated often. Rules are those of Fabric's
 * common/policies and common/cauthdsl.
 */
#include "msp/channel_internal.h"

#include "peer/policy.pb-c.h"
#include "protos/unpack.h"

enum { SCRATCH = 8 << 20 };

struct msp__rule {
    fcc_bytes name;
    bool meta;
    msp__signature_policy signature;
    /* implicit meta: of the groups directly below; NULL where one lacks the policy, and so never approves */
    const msp__rule **below;
    size_t count;
    size_t threshold;
    fcc_bytes sub_policy;
};

struct msp__policies {
    const char *path; /* "Channel/Application" */
    msp__rule *rules; /* in the order of their names */
    size_t rule_count;
    fcc_bytes *names; /* of the groups below, in order */
    msp__policies **below;
    size_t below_count;
};

/* ---- compiling ----------------------------------------------------------------------------------------------------- */

static size_t threshold_of(Common__ImplicitMetaPolicy__Rule rule, size_t count)
{
    if (count == 0)
        return 0; /* no group below asks for anything */
    switch (rule) {
    case COMMON__IMPLICIT_META_POLICY__RULE__ANY:
        return 1;
    case COMMON__IMPLICIT_META_POLICY__RULE__ALL:
        return count;
    case COMMON__IMPLICIT_META_POLICY__RULE__MAJORITY:
        return count / 2 + 1;
    default:
        return 0;
    }
}

static fcc_status compile_meta(const msp__policies *policies, fcc_bytes bytes, fcc__arena *arena, msp__rule *rule,
                               fcc_error *error)
{
    Common__ImplicitMetaPolicy *meta;
    fcc_status st = FCC__UNPACK(common__implicit_meta_policy, bytes, arena, &meta);
    size_t i;

    rule->meta = true;
    if (st == FCC_ERR_PROTO)
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "Error unmarshalling to ImplicitMetaPolicy: proto: cannot parse invalid wire-format data");
    if (st != FCC_OK)
        return st;
    rule->count = policies->below_count;
    rule->sub_policy = fcc__of_pb(meta->sub_policy);
    rule->threshold = threshold_of(meta->rule, rule->count);
    rule->below = fcc__arena_zalloc(arena, rule->count + 1, sizeof *rule->below);
    if (!rule->below)
        return FCC_ERR_LIMIT;
    for (i = 0; i < rule->count; i++)
        rule->below[i] = msp__policies_find(policies->below[i], rule->sub_policy);
    return FCC_OK;
}

static fcc_status compile_rule(const msp__policies *policies, const Common__ConfigPolicyEntry *entry, fcc__arena *arena,
                               msp__rule *rule, fcc_error *error)
{
    const Common__Policy *policy = entry->value->policy;
    fcc_error why = { 0 };
    fcc_status st;

    rule->name = fcc__of_pb(entry->key);
    if (!policy)
        return fcc_error_set(error, FCC_ERR_CONFIG, "policy " FCC_FMT " at path %s was nil", FCC_ARG(rule->name),
                             policies->path);
    if (policy->type == COMMON__POLICY__POLICY_TYPE__SIGNATURE)
        st = msp__policy_compile(fcc__of_pb(policy->value), arena, &rule->signature, &why);
    else if (policy->type == COMMON__POLICY__POLICY_TYPE__IMPLICIT_META)
        st = compile_meta(policies, fcc__of_pb(policy->value), arena, rule, &why);
    else
        return fcc_error_set(error, FCC_ERR_CONFIG, "policy " FCC_FMT " at path %s has unknown policy type: %d",
                             FCC_ARG(rule->name), policies->path, policy->type);
    if (st == FCC_ERR_CONFIG || st == FCC_ERR_PROTO)
        return fcc_error_set(error, FCC_ERR_CONFIG, "%spolicy " FCC_FMT " at path %s did not compile: %.600s",
                             rule->meta ? "implicit " : "", FCC_ARG(rule->name), policies->path, why.text);
    return st;
}

fcc_status msp__policies_compile(const Common__ConfigGroup *group, const char *path, fcc__arena *arena,
                                 msp__policies **out, fcc_error *error)
{
    msp__policies *made = fcc__arena_zalloc(arena, 1, sizeof *made);
    fcc_status st = FCC_OK;
    size_t i;

    if (!made)
        return FCC_ERR_LIMIT;
    made->path = path;
    made->below_count = group->n_groups;
    made->names = fcc__arena_zalloc(arena, group->n_groups + 1, sizeof *made->names);
    made->below = fcc__arena_zalloc(arena, group->n_groups + 1, sizeof *made->below);
    made->rules = fcc__arena_zalloc(arena, group->n_policies + 1, sizeof *made->rules);
    if (!made->names || !made->below || !made->rules)
        return FCC_ERR_LIMIT;
    for (i = 0; i < group->n_groups && st == FCC_OK; i++) {
        const char *deeper = fcc__arena_printf(arena, "%s/" FCC_FMT, path, FCC_ARG(fcc__of_pb(group->groups[i]->key)));

        made->names[i] = fcc__of_pb(group->groups[i]->key);
        st = deeper ? msp__policies_compile(group->groups[i]->value, deeper, arena, &made->below[i], error)
                    : FCC_ERR_LIMIT;
    }
    for (i = 0; i < group->n_policies && st == FCC_OK; i++) {
        st = compile_rule(made, group->policies[i], arena, &made->rules[i], error);
        made->rule_count++;
    }
    if (st == FCC_OK)
        *out = made;
    return st;
}

/* ---- finding ------------------------------------------------------------------------------------------------------- */

const msp__policies *msp__policies_below(const msp__policies *policies, fcc_bytes group)
{
    size_t i;

    for (i = 0; policies && i < policies->below_count; i++)
        if (fcc_bytes_equal(policies->names[i], group))
            return policies->below[i];
    return NULL;
}

const msp__rule *msp__policies_find(const msp__policies *policies, fcc_bytes path)
{
    const uint8_t *slash;
    size_t i, n;

    if (!policies || path.len == 0)
        return NULL;
    if (path.data[0] == '/') {
        n = strlen(policies->path) + 1;
        if (path.len <= n || memcmp(path.data + 1, policies->path, n - 1) != 0 || path.data[n] != '/')
            return NULL;
        path = fcc_bytes_of(path.data + n + 1, path.len - n - 1);
    }
    while (policies && path.len && (slash = memchr(path.data, '/', path.len)) != NULL) {
        n = (size_t)(slash - path.data);
        policies = msp__policies_below(policies, fcc_bytes_of(path.data, n));
        path = fcc_bytes_of(slash + 1, path.len - n - 1);
    }
    for (i = 0; policies && i < policies->rule_count; i++)
        if (fcc_bytes_equal(policies->rules[i].name, path))
            return &policies->rules[i];
    return NULL;
}

/* ---- evaluating ---------------------------------------------------------------------------------------------------- */

/* Out of memory ends an evaluation, so that it is never taken for a refusal. */
static bool own_failure(fcc_status st)
{
    return st == FCC_ERR_NOMEM || st == FCC_ERR_LIMIT;
}

static fcc_status evaluate_meta(const msp__rule *rule, const msp_identity *const *identities, size_t count,
                                fcc_error *error)
{
    size_t satisfied = 0, i;

    for (i = 0; i < rule->count; i++) {
        fcc_status st = rule->below[i] ? msp__rule_evaluate(rule->below[i], identities, count, NULL) : FCC_ERR_AUTH;

        if (own_failure(st))
            return fcc_error_set(error, st, "out of memory for a policy");
        satisfied += st == FCC_OK;
        if (satisfied && satisfied == rule->threshold)
            return FCC_OK;
    }
    if (satisfied == rule->threshold)
        return FCC_OK;
    return fcc_error_set(error, FCC_ERR_AUTH,
                         "implicit policy evaluation failed - %zu sub-policies were satisfied, but this policy "
                         "requires %zu of the '" FCC_FMT "' sub-policies to be satisfied",
                         satisfied, rule->threshold, FCC_ARG(rule->sub_policy));
}

fcc_status msp__rule_evaluate(const msp__rule *rule, const msp_identity *const *identities, size_t count,
                              fcc_error *error)
{
    return rule->meta ? evaluate_meta(rule, identities, count, error)
                      : msp__policy_met(&rule->signature, identities, count, error);
}

bool msp_channel_has_policy(const msp_channel *channel, const char *path)
{
    return msp__policies_find(channel->policies, fcc_str(path)) != NULL;
}

static fcc_status evaluate_path(const msp_channel *channel, fcc_bytes path, const msp_identity *const *identities,
                                size_t count, fcc_error *error)
{
    const msp__rule *rule = msp__policies_find(channel->policies, path);

    if (!rule)
        return fcc_error_set(error, FCC_ERR_NOT_FOUND, "no such policy: '" FCC_FMT "'", FCC_ARG(path));
    return msp__rule_evaluate(rule, identities, count, error);
}

fcc_status msp_channel_evaluate(const msp_channel *channel, const char *path, const msp_identity *const *identities,
                                size_t count, fcc_error *error)
{
    return evaluate_path(channel, fcc_str(path), identities, count, error);
}

fcc_status msp_channel_evaluate_application(const msp_channel *channel, fcc_bytes application_policy,
                                            const msp_identity *const *identities, size_t count, fcc_error *error)
{
    fcc__arena *scratch = fcc__arena_new(SCRATCH);
    Protos__ApplicationPolicy *policy;
    fcc_bytes envelope;
    fcc_status st;

    if (!scratch)
        return fcc_error_set(error, FCC_ERR_NOMEM, "out of memory for a policy");
    st = FCC__UNPACK(protos__application_policy, application_policy, scratch, &policy);
    if (st != FCC_OK) {
        st = fcc_error_set(error, st, "not an ApplicationPolicy");
    } else if (policy->type_case == PROTOS__APPLICATION_POLICY__TYPE_SIGNATURE_POLICY) {
        st = fcc__pack(policy->signature_policy, scratch, &envelope);
        if (st == FCC_OK)
            st = msp_policy_evaluate(envelope, identities, count, error);
    } else if (policy->type_case == PROTOS__APPLICATION_POLICY__TYPE_CHANNEL_CONFIG_POLICY_REFERENCE) {
        st = evaluate_path(channel, fcc__of_pb(policy->channel_config_policy_reference), identities, count, error);
    } else {
        st = fcc_error_set(error, FCC_ERR_PROTO, "unsupported policy type");
    }
    fcc__arena_free(scratch);
    return st;
}

bool msp_channel_satisfied_by_orgs(const msp_channel *channel, const fcc_bytes *application_policies, size_t count,
                                   const char *const *mspids, size_t mspid_count)
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
    for (i = 0; i < count; i++)
        if (msp_channel_evaluate_application(channel, application_policies[i], identities, mspid_count, NULL) != FCC_OK)
            return false;
    return true;
}
