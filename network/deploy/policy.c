/*
 * policy.c: how many organisations must have approved a definition before it can be committed. A commit that is known to
 * fail is not sent: it would stay on the ledger as an invalid transaction.
 */
#include "deploy/internal.h"

#include "protos/unpack.h"

#include "common/configtx.pb-c.h"
#include "common/policies.pb-c.h"

static const Common__ConfigGroup *group_of(const Common__ConfigGroup *in, const char *name)
{
    for (size_t i = 0; in && i < in->n_groups; i++)
        if (fcc_bytes_equal(fcc__of_pb(in->groups[i]->key), fcc_str(name)))
            return in->groups[i]->value;
    return NULL;
}

static const Common__Policy *policy_of(const Common__ConfigGroup *in, const char *name)
{
    for (size_t i = 0; in && i < in->n_policies; i++)
        if (fcc_bytes_equal(fcc__of_pb(in->policies[i]->key), fcc_str(name)))
            return in->policies[i]->value ? in->policies[i]->value->policy : NULL;
    return NULL;
}

size_t deploy__needed(client *admin, fcc__arena *arena)
{
    Common__Config *config;
    Common__ImplicitMetaPolicy *meta;
    const Common__ConfigGroup *application;
    const Common__Policy *policy;
    fcc_bytes bytes;
    fcc_error ignored;

    if (client_channel_config(admin, NULL, arena, &bytes, &ignored) != FCC_OK ||
        FCC__UNPACK(common__config, bytes, arena, &config) != FCC_OK)
        return 1;
    application = group_of(config->channel_group, "Application");
    policy = policy_of(application, "LifecycleEndorsement");
    if (!policy || policy->type != COMMON__POLICY__POLICY_TYPE__IMPLICIT_META ||
        FCC__UNPACK(common__implicit_meta_policy, fcc__of_pb(policy->value), arena, &meta) != FCC_OK)
        return 1; /* one of signatures, which names whom it wants: what comes of it is told */
    switch (meta->rule) {
    case COMMON__IMPLICIT_META_POLICY__RULE__ALL:
        return application->n_groups;
    case COMMON__IMPLICIT_META_POLICY__RULE__MAJORITY:
        return application->n_groups / 2 + 1;
    default:
        return 1;
    }
}
