/* channel.c: a channel's configuration read back: organisations, their membership services, policies, limits. */
#include "msp/channel.h"
#include "msp/internal.h"
#include "msp/policy.h"

#include "common/common.pb-c.h"
#include "common/configtx.pb-c.h"
#include "common/configuration.pb-c.h"
#include "orderer/configuration.pb-c.h"
#include "peer/configuration.pb-c.h"
#include "peer/policy.pb-c.h"
#include "protos/unpack.h"

#include <ctype.h>
#include <stdlib.h>

enum { ARENA_CAP = 64 << 20, MAX_ORGS = 256 };

typedef struct acl {
    fcc_bytes resource;
    const char *policy;
} acl;

struct msp_channel {
    fcc__arena *arena;
    const char *id;
    fcc_bytes config_bytes;
    Common__Config *config;
    msp_manager *manager;
    msp_channel_org *orgs;
    size_t org_count;
    Orderer__BatchSize *batch;
    uint32_t timeout_ms;
    acl *acls;
    size_t acl_count;
};

/* ---- the tree ----------------------------------------------------------------------------------------------------- */

static Common__ConfigGroup *child(const Common__ConfigGroup *group, fcc_bytes key)
{
    size_t i;

    for (i = 0; group && i < group->n_groups; i++)
        if (fcc_bytes_equal(fcc__of_pb(group->groups[i]->key), key))
            return group->groups[i]->value;
    return NULL;
}

/* False when there is no such value. */
static bool value_of(const Common__ConfigGroup *group, const char *key, fcc_bytes *out)
{
    size_t i;

    for (i = 0; group && i < group->n_values; i++)
        if (fcc_bytes_equal(fcc__of_pb(group->values[i]->key), fcc_str(key)) && group->values[i]->value) {
            *out = fcc__of_pb(group->values[i]->value->value);
            return true;
        }
    return false;
}

static const Common__Policy *policy_of(const Common__ConfigGroup *group, fcc_bytes key)
{
    size_t i;

    for (i = 0; group && i < group->n_policies; i++)
        if (fcc_bytes_equal(fcc__of_pb(group->policies[i]->key), key) && group->policies[i]->value)
            return group->policies[i]->value->policy;
    return NULL;
}

/* A path to the group and the policy's name in it: "/Channel/A/B" or, from the channel, "A/B". */
static const Common__ConfigGroup *walk(const msp_channel *channel, fcc_bytes path, fcc_bytes *name)
{
    static const char root[] = "/Channel/";
    const Common__ConfigGroup *group = channel->config->channel_group;
    const uint8_t *slash;

    if (fcc_bytes_starts_with(path, fcc_str(root)))
        path = fcc_bytes_of(path.data + sizeof root - 1, path.len - (sizeof root - 1));
    else if (path.len && path.data[0] == '/')
        return NULL;
    while (group && path.len && (slash = memchr(path.data, '/', path.len)) != NULL) {
        size_t n = (size_t)(slash - path.data);

        group = child(group, fcc_bytes_of(path.data, n));
        path = fcc_bytes_of(slash + 1, path.len - n - 1);
    }
    *name = path;
    return group;
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */

/* Go's notation: one or more numbers, each with its unit. 0 when it isn't that. */
static uint32_t milliseconds(fcc_bytes text)
{
    static const struct {
        const char *name;
        double ms;
    } units[] = { { "ms", 1 }, { "us", 0.001 }, { "ns", 0.000001 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 } };
    double total = 0;
    size_t at = 0, k;

    while (at < text.len) {
        double number = 0, scale = 1;
        bool fraction = false, digits = false;

        for (; at < text.len && (isdigit(text.data[at]) || text.data[at] == '.'); at++) {
            if (text.data[at] == '.') {
                fraction = true;
                continue;
            }
            digits = true;
            number = number * 10 + (text.data[at] - '0');
            scale = fraction ? scale * 10 : scale;
        }
        for (k = 0; k < sizeof units / sizeof units[0]; k++)
            if (fcc_bytes_starts_with(fcc_bytes_of(text.data + at, text.len - at), fcc_str(units[k].name)))
                break;
        if (!digits || k == sizeof units / sizeof units[0])
            return 0;
        total += number / scale * units[k].ms;
        at += strlen(units[k].name);
    }
    return total < 1 ? 1 : total > (double)INT32_MAX ? INT32_MAX : (uint32_t)total;
}

typedef struct gathering {
    msp_channel *channel;
    msp_org *orgs[MAX_ORGS];
    size_t count;
    fcc_error *error;
} gathering;

static fcc_status gather_org(gathering *g, const Common__ConfigGroupEntry *entry, bool application)
{
    msp_channel_org *out = &g->channel->orgs[g->channel->org_count];
    fcc_bytes value, name;
    msp_org *org = NULL;
    size_t i;
    fcc_status st;

    if (g->channel->org_count == MAX_ORGS || !fcc__arena_copy(g->channel->arena, fcc__of_pb(entry->key), &name))
        return fcc_error_set(g->error, FCC_ERR_LIMIT, "too many organisations in the channel");
    if (!value_of(entry->value, "MSP", &value))
        return fcc_error_set(g->error, FCC_ERR_CONFIG, "organisation %s has no MSP value", (const char *)name.data);
    st = msp_org_parse(value, &org, g->error);
    if (st != FCC_OK)
        return st;
    out->name = (const char *)name.data;
    out->application = application;
    for (i = 0; i < g->count; i++)
        if (strcmp(msp_org_id(g->orgs[i]), msp_org_id(org)) == 0)
            break;
    if (i < g->count) { /* the same organisation may order and endorse */
        out->mspid = msp_org_id(g->orgs[i]);
        msp_org_free(org);
    } else {
        out->mspid = msp_org_id(org);
        g->orgs[g->count++] = org;
    }
    g->channel->org_count++;
    return FCC_OK;
}

static fcc_status gather_group(gathering *g, const char *name, bool application)
{
    const Common__ConfigGroup *group = child(g->channel->config->channel_group, fcc_str(name));
    size_t i;
    fcc_status st = FCC_OK;

    if (!group)
        return fcc_error_set(g->error, FCC_ERR_CONFIG, "the channel's configuration has no group %s", name);
    for (i = 0; i < group->n_groups && st == FCC_OK; i++)
        st = gather_org(g, group->groups[i], application);
    return st;
}

static fcc_status read_orderer(msp_channel *channel, fcc_error *error)
{
    const Common__ConfigGroup *group = child(channel->config->channel_group, FCC_LIT("Orderer"));
    Orderer__BatchTimeout *timeout;
    fcc_bytes size, time;

    if (!value_of(group, "BatchSize", &size) || !value_of(group, "BatchTimeout", &time))
        return fcc_error_set(error, FCC_ERR_CONFIG, "the channel's configuration has no BatchSize or BatchTimeout");
    if (FCC__UNPACK(orderer__batch_size, size, channel->arena, &channel->batch) != FCC_OK ||
        FCC__UNPACK(orderer__batch_timeout, time, channel->arena, &timeout) != FCC_OK)
        return fcc_error_set(error, FCC_ERR_PROTO, "BatchSize or BatchTimeout is not what it should be");
    channel->timeout_ms = milliseconds(fcc__of_pb(timeout->timeout));
    if (channel->timeout_ms == 0 || channel->batch->max_message_count == 0)
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "BatchTimeout \"" FCC_FMT
                             "\", %u messages: expected a time such as 20ms and a count above 0",
                             FCC_ARG(fcc__of_pb(timeout->timeout)), channel->batch->max_message_count);
    return FCC_OK;
}

/* Which policies the channel wants asked for a peer's resources; a name without a path is one of the Application's. */
static fcc_status read_acls(msp_channel *channel, fcc_error *error)
{
    const Common__ConfigGroup *group = child(channel->config->channel_group, FCC_LIT("Application"));
    Protos__ACLs *acls;
    fcc_bytes value;
    size_t i;

    if (!value_of(group, "ACLs", &value))
        return FCC_OK;
    if (FCC__UNPACK(protos__acls, value, channel->arena, &acls) != FCC_OK)
        return fcc_error_set(error, FCC_ERR_PROTO, "ACLs is not what it should be");
    channel->acls = fcc__arena_zalloc(channel->arena, acls->n_acls + 1, sizeof *channel->acls);
    for (i = 0; channel->acls && i < acls->n_acls; i++) {
        fcc_bytes policy = acls->acls[i]->value ? fcc__of_pb(acls->acls[i]->value->policy_ref) : FCC_LIT("");
        acl *new = &channel->acls[channel->acl_count];

        if (policy.len == 0)
            continue;
        new->resource = fcc__of_pb(acls->acls[i]->key);
        new->policy = fcc__arena_printf(channel->arena, "%s" FCC_FMT,
                                        policy.data[0] == '/' ? "" : "/Channel/Application/", FCC_ARG(policy));
        if (!new->policy)
            break;
        channel->acl_count++;
    }
    if (!channel->acls || i < acls->n_acls)
        return fcc_error_set(error, FCC_ERR_LIMIT, "ACLs: too many entries");
    return FCC_OK;
}

fcc_status msp_channel_from_config(const char *channel_id, fcc_bytes config, msp_channel **out, fcc_error *error)
{
    msp_channel *channel = calloc(1, sizeof *channel);
    gathering g = { .channel = channel, .error = error };
    fcc_bytes copy;
    size_t i;
    fcc_status st;

    if (!channel || !(channel->arena = fcc__arena_new(ARENA_CAP)) ||
        !fcc__arena_copy(channel->arena, fcc_str(channel_id), &copy) ||
        !fcc__arena_copy(channel->arena, config, &channel->config_bytes) ||
        !(channel->orgs = fcc__arena_zalloc(channel->arena, MAX_ORGS, sizeof *channel->orgs))) {
        msp_channel_free(channel);
        return fcc_error_set(error, FCC_ERR_NOMEM, "out of memory for a channel's configuration");
    }
    channel->id = (const char *)copy.data;
    st = FCC__UNPACK(common__config, channel->config_bytes, channel->arena, &channel->config);
    if (st != FCC_OK || !channel->config->channel_group) {
        st = fcc_error_set(error, st == FCC_OK ? FCC_ERR_PROTO : st, "not a common.Config");
        goto out;
    }
    st = gather_group(&g, "Application", true);
    if (st == FCC_OK)
        st = gather_group(&g, "Orderer", false);
    if (st == FCC_OK)
        st = read_orderer(channel, error);
    if (st == FCC_OK)
        st = read_acls(channel, error);
    if (st == FCC_OK) {
        st = msp_manager_new(g.orgs, g.count, &channel->manager, error);
        g.count = 0; /* moved */
    }
    if (st == FCC_OK) {
        *out = channel;
        channel = NULL; /* moved */
    }
out:
    for (i = 0; i < g.count; i++)
        msp_org_free(g.orgs[i]);
    msp_channel_free(channel);
    return st;
}

/* The config envelope of a block's only transaction. */
static fcc_status unwrap(fcc_bytes bytes, fcc__arena *scratch, fcc_bytes *config, const char **channel_id,
                         fcc_error *error)
{
    Common__Block *block;
    Common__Envelope *envelope;
    Common__Payload *payload;
    Common__ChannelHeader *header;
    Common__ConfigEnvelope *config_envelope;

    if (FCC__UNPACK(common__block, bytes, scratch, &block) != FCC_OK || !block->data || block->data->n_data != 1 ||
        FCC__UNPACK(common__envelope, fcc__of_pb(block->data->data[0]), scratch, &envelope) != FCC_OK ||
        FCC__UNPACK(common__payload, fcc__of_pb(envelope->payload), scratch, &payload) != FCC_OK || !payload->header ||
        FCC__UNPACK(common__channel_header, fcc__of_pb(payload->header->channel_header), scratch, &header) != FCC_OK)
        return fcc_error_set(error, FCC_ERR_PROTO, "not a block with one transaction");
    if (header->type != COMMON__HEADER_TYPE__CONFIG ||
        FCC__UNPACK(common__config_envelope, fcc__of_pb(payload->data), scratch, &config_envelope) != FCC_OK ||
        !config_envelope->config)
        return fcc_error_set(error, FCC_ERR_PROTO, "not a config block");
    *channel_id = fcc__arena_printf(scratch, FCC_FMT, FCC_ARG(fcc__of_pb(header->channel_id)));
    return *channel_id ? fcc__pack(config_envelope->config, scratch, config) : FCC_ERR_LIMIT;
}

fcc_status msp_channel_from_block(fcc_bytes block, msp_channel **out, fcc_error *error)
{
    fcc__arena *scratch = fcc__arena_new(ARENA_CAP);
    const char *channel_id = NULL;
    fcc_bytes config = { 0 };
    fcc_status st;

    if (!scratch)
        return fcc_error_set(error, FCC_ERR_NOMEM, "out of memory for a config block");
    st = unwrap(block, scratch, &config, &channel_id, error);
    if (st == FCC_OK)
        st = msp_channel_from_config(channel_id, config, out, error);
    fcc__arena_free(scratch);
    return st;
}

void msp_channel_free(msp_channel *channel)
{
    if (!channel)
        return;
    msp_manager_free(channel->manager);
    fcc__arena_free(channel->arena);
    free(channel);
}

/* ---- answers ------------------------------------------------------------------------------------------------------ */

const char *msp_channel_id(const msp_channel *channel)
{
    return channel->id;
}

fcc_bytes msp_channel_config(const msp_channel *channel)
{
    return channel->config_bytes;
}

uint64_t msp_channel_sequence(const msp_channel *channel)
{
    return channel->config->sequence;
}

msp_manager *msp_channel_manager(const msp_channel *channel)
{
    return channel->manager;
}

size_t msp_channel_org_count(const msp_channel *channel)
{
    return channel->org_count;
}

const msp_channel_org *msp_channel_org_at(const msp_channel *channel, size_t i)
{
    return i < channel->org_count ? &channel->orgs[i] : NULL;
}

uint32_t msp_channel_max_message_count(const msp_channel *channel)
{
    return channel->batch->max_message_count;
}

uint32_t msp_channel_absolute_max_bytes(const msp_channel *channel)
{
    return channel->batch->absolute_max_bytes;
}

uint32_t msp_channel_preferred_max_bytes(const msp_channel *channel)
{
    return channel->batch->preferred_max_bytes;
}

uint32_t msp_channel_batch_timeout_ms(const msp_channel *channel)
{
    return channel->timeout_ms;
}

bool msp_channel_application_capability(const msp_channel *channel, const char *name)
{
    fcc__arena *scratch = fcc__arena_new(1 << 20);
    Common__Capabilities *capabilities;
    fcc_bytes value;
    bool on = false;
    size_t i;

    if (scratch && value_of(child(channel->config->channel_group, FCC_LIT("Application")), "Capabilities", &value) &&
        FCC__UNPACK(common__capabilities, value, scratch, &capabilities) == FCC_OK)
        for (i = 0; i < capabilities->n_capabilities; i++)
            on = on || fcc_bytes_equal(fcc__of_pb(capabilities->capabilities[i]->key), fcc_str(name));
    fcc__arena_free(scratch);
    return on;
}

const char *msp_channel_acl(const msp_channel *channel, const char *resource)
{
    size_t i;

    for (i = 0; i < channel->acl_count; i++)
        if (fcc_bytes_equal(channel->acls[i].resource, fcc_str(resource)))
            return channel->acls[i].policy;
    return NULL;
}

bool msp_channel_has_policy(const msp_channel *channel, const char *path)
{
    fcc_bytes name;
    const Common__ConfigGroup *group = walk(channel, fcc_str(path), &name);

    return policy_of(group, name) != NULL;
}

/* ---- policies ----------------------------------------------------------------------------------------------------- */

static fcc_status evaluate_in(const Common__ConfigGroup *group, fcc_bytes name, const msp_identity *const *identities,
                              size_t count, fcc_error *error);

static fcc_status evaluate_meta(const Common__ConfigGroup *group, fcc_bytes bytes,
                                const msp_identity *const *identities, size_t count, fcc_error *error)
{
    fcc__arena *scratch = fcc__arena_new(1 << 16);
    Common__ImplicitMetaPolicy *meta;
    size_t i, satisfied = 0, needed, n = group->n_groups;
    fcc_status st = FCC_OK;

    if (!scratch || FCC__UNPACK(common__implicit_meta_policy, bytes, scratch, &meta) != FCC_OK) {
        fcc__arena_free(scratch);
        return fcc_error_set(error, FCC_ERR_PROTO, "not an ImplicitMetaPolicy");
    }
    switch (meta->rule) {
    case COMMON__IMPLICIT_META_POLICY__RULE__ANY:
        needed = 1;
        break;
    case COMMON__IMPLICIT_META_POLICY__RULE__ALL:
        needed = n;
        break;
    default:
        needed = n / 2 + 1;
    }
    if (n == 0)
        needed = 0; /* no group below asks for anything, as in Fabric */
    for (i = 0; i < n && satisfied < needed; i++)
        satisfied += evaluate_in(group->groups[i]->value, fcc__of_pb(meta->sub_policy), identities, count, NULL) ==
                     FCC_OK;
    if (satisfied < needed)
        st = fcc_error_set(error, FCC_ERR_AUTH,
                           "implicit policy evaluation failed - %zu sub-policies were satisfied, but this policy "
                           "requires %zu of the '" FCC_FMT "' sub-policies to be satisfied",
                           satisfied, needed, FCC_ARG(fcc__of_pb(meta->sub_policy)));
    fcc__arena_free(scratch);
    return st;
}

static fcc_status evaluate_in(const Common__ConfigGroup *group, fcc_bytes name, const msp_identity *const *identities,
                              size_t count, fcc_error *error)
{
    const Common__Policy *policy = policy_of(group, name);

    if (!policy)
        return fcc_error_set(error, FCC_ERR_NOT_FOUND, "no such policy: '" FCC_FMT "'", FCC_ARG(name));
    if (policy->type == COMMON__POLICY__POLICY_TYPE__SIGNATURE)
        return msp_policy_evaluate(fcc__of_pb(policy->value), identities, count, error);
    if (policy->type == COMMON__POLICY__POLICY_TYPE__IMPLICIT_META)
        return evaluate_meta(group, fcc__of_pb(policy->value), identities, count, error);
    return fcc_error_set(error, FCC_ERR_PROTO, "policy type %d: expected 1 or 3", policy->type);
}

static fcc_status evaluate_path(const msp_channel *channel, fcc_bytes path, const msp_identity *const *identities,
                                size_t count, fcc_error *error)
{
    fcc_bytes name = path;
    const Common__ConfigGroup *group = walk(channel, path, &name);

    if (!policy_of(group, name))
        return fcc_error_set(error, FCC_ERR_NOT_FOUND, "no such policy: '" FCC_FMT "'", FCC_ARG(path));
    return evaluate_in(group, name, identities, count, error);
}

fcc_status msp_channel_evaluate(const msp_channel *channel, const char *path, const msp_identity *const *identities,
                                size_t count, fcc_error *error)
{
    return evaluate_path(channel, fcc_str(path), identities, count, error);
}

fcc_status msp_channel_evaluate_application(const msp_channel *channel, fcc_bytes application_policy,
                                            const msp_identity *const *identities, size_t count, fcc_error *error)
{
    fcc__arena *scratch = fcc__arena_new(ARENA_CAP);
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
