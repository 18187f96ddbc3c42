/*
 * channel_values.c: what the values of a channel's configuration may be. The rules, their order and their words are those
 * of Fabric's common/channelconfig and common/capabilities.
 */
#include "msp/channel_internal.h"

#include "msp/msp_config.pb-c.h"
#include "peer/configuration.pb-c.h"
#include "protos/unpack.h"

#include <ctype.h>

/* ---- times --------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    double ns;
} units[] = { { "ns", 1 },   { "us", 1e3 }, { "\302\265s", 1e3 }, { "\316\274s", 1e3 },
              { "ms", 1e6 }, { "s", 1e9 },  { "m", 6e10 },        { "h", 3.6e12 } };

/* Takes "12.5" from the front; false when there are no digits. */
static bool take_number(fcc_bytes *rest, double *number)
{
    double scale = 1;
    bool digits = false, fraction = false;
    size_t at;

    *number = 0;
    for (at = 0; at < rest->len && (isdigit(rest->data[at]) || (rest->data[at] == '.' && !fraction)); at++) {
        if (rest->data[at] == '.') {
            fraction = true;
            continue;
        }
        digits = true;
        if (fraction)
            *number += (rest->data[at] - '0') * (scale /= 10);
        else
            *number = *number * 10 + (rest->data[at] - '0');
    }
    *rest = fcc_bytes_of(rest->data + at, rest->len - at);
    return digits;
}

fcc_status msp__duration(fcc_bytes text, int64_t *ns, fcc_error *error)
{
    fcc_bytes rest = text, unit;
    double total = 0, number;
    bool negative = false;
    size_t n, k;

    if (rest.len && (rest.data[0] == '-' || rest.data[0] == '+')) {
        negative = rest.data[0] == '-';
        rest = fcc_bytes_of(rest.data + 1, rest.len - 1);
    }
    *ns = 0;
    if (fcc_bytes_equal(rest, FCC_LIT("0")))
        return FCC_OK;
    if (rest.len == 0)
        return fcc_error_set(error, FCC_ERR_CONFIG, "time: invalid duration \"" FCC_FMT "\"", FCC_ARG(text));
    while (rest.len) {
        if (!take_number(&rest, &number))
            return fcc_error_set(error, FCC_ERR_CONFIG, "time: invalid duration \"" FCC_FMT "\"", FCC_ARG(text));
        for (n = 0; n < rest.len && rest.data[n] != '.' && !isdigit(rest.data[n]); n++)
            ;
        unit = fcc_bytes_of(rest.data, n);
        if (n == 0)
            return fcc_error_set(error, FCC_ERR_CONFIG, "time: missing unit in duration \"" FCC_FMT "\"",
                                 FCC_ARG(text));
        for (k = 0; k < sizeof units / sizeof units[0] && !fcc_bytes_equal(unit, fcc_str(units[k].name)); k++)
            ;
        if (k == sizeof units / sizeof units[0])
            return fcc_error_set(error, FCC_ERR_CONFIG,
                                 "time: unknown unit \"" FCC_FMT "\" in duration \"" FCC_FMT "\"", FCC_ARG(unit),
                                 FCC_ARG(text));
        total += number * units[k].ns;
        rest = fcc_bytes_of(rest.data + n, rest.len - n);
    }
    if (total > 9.2e18)
        return fcc_error_set(error, FCC_ERR_CONFIG, "time: invalid duration \"" FCC_FMT "\"", FCC_ARG(text));
    *ns = negative ? -(int64_t)total : (int64_t)total;
    return FCC_OK;
}

/* ---- values -------------------------------------------------------------------------------------------------------- */

typedef struct known {
    const char *name;
    const ProtobufCMessageDescriptor *type;
} known;

/* Read the values of a group, each of which has to be known; what is not there is an empty message. */
static fcc_status read_values(const Common__ConfigGroup *group, const known *kinds, size_t count, fcc__arena *arena,
                              ProtobufCMessage **out, fcc_error *error)
{
    fcc_status st;
    size_t i, k;

    for (i = 0; i < group->n_values; i++) {
        const fcc_bytes key = fcc__of_pb(group->values[i]->key);

        for (k = 0; k < count && !fcc_bytes_equal(key, fcc_str(kinds[k].name)); k++)
            ;
        if (k == count)
            return fcc_error_set(error, FCC_ERR_CONFIG, "failed to deserialize values: Unexpected key " FCC_FMT,
                                 FCC_ARG(key));
    }
    for (k = 0; k < count; k++) {
        const Common__ConfigValue *value = msp__tree_value(group, fcc_str(kinds[k].name));

        st = fcc__unpack(kinds[k].type, value ? fcc__of_pb(value->value) : fcc_bytes_of(NULL, 0), arena, &out[k]);
        if (st == FCC_ERR_PROTO)
            return fcc_error_set(error, FCC_ERR_CONFIG,
                                 "failed to deserialize values: proto: cannot parse invalid wire-format data");
        if (st != FCC_OK)
            return st;
    }
    return FCC_OK;
}

static bool has(const Common__Capabilities *capabilities, const char *name)
{
    size_t i;

    for (i = 0; i < capabilities->n_capabilities; i++)
        if (fcc_bytes_equal(fcc__of_pb(capabilities->capabilities[i]->key), fcc_str(name)))
            return true;
    return false;
}

/* The first capability that is none of `names`, as a text; NULL. */
static fcc_status unsupported(const Common__Capabilities *capabilities, const char *kind, const char *const *names,
                              fcc__arena *arena, const char **out)
{
    size_t i, k;

    for (i = 0; i < capabilities->n_capabilities; i++) {
        const fcc_bytes key = fcc__of_pb(capabilities->capabilities[i]->key);

        for (k = 0; names[k] && !fcc_bytes_equal(key, fcc_str(names[k])); k++)
            ;
        if (names[k])
            continue;
        *out = fcc__arena_printf(arena, "%s capability " FCC_FMT " is required but not supported", kind, FCC_ARG(key));
        return *out ? FCC_OK : FCC_ERR_LIMIT;
    }
    return FCC_OK;
}

/* ---- organisations ------------------------------------------------------------------------------------------------- */

typedef struct gathering {
    msp_channel *channel;
    msp_org *orgs[MSP__MAX_ORGS];
    Msp__MSPConfig *configs[MSP__MAX_ORGS];
    size_t count;
} gathering;

/* Its membership service. The same organisation may order and endorse, but not with two versions of it. */
static fcc_status propose_msp(gathering *g, fcc_bytes value, Msp__MSPConfig *config, msp_channel_org *out,
                              fcc_error *error)
{
    fcc_error why = { 0 };
    msp_org *org = NULL;
    fcc_status st;
    size_t i;

    if (config->type != 0)
        return fcc_error_set(error, FCC_ERR_CONFIG, "Setup error: unsupported msp type %d", config->type);
    st = msp__org_parse(value, g->channel->capabilities.msp, &org, &why);
    if (st != FCC_OK)
        return fcc_error_set(error, st == FCC_ERR_PROTO ? FCC_ERR_CONFIG : st,
                             "setting up the MSP manager failed: %.800s", why.text);
    if (msp_org_id(org)[0] == '\0') {
        msp_org_free(org);
        return fcc_error_set(error, FCC_ERR_CONFIG, "MSP for org %s has empty MSP ID", out->name);
    }
    for (i = 0; i < g->count && strcmp(msp_org_id(g->orgs[i]), msp_org_id(org)) != 0; i++)
        ;
    if (i == g->count) {
        out->mspid = msp_org_id(org);
        out->tls_cas = org->tls_cas;
        g->configs[g->count] = config;
        g->orgs[g->count++] = org;
        return FCC_OK;
    }
    out->mspid = msp_org_id(g->orgs[i]);
    out->tls_cas = g->orgs[i]->tls_cas;
    if (!fcc_bytes_equal(fcc__of_pb(g->configs[i]->config), fcc__of_pb(config->config)))
        st = fcc_error_set(error, FCC_ERR_CONFIG, "Attempted to define two different versions of MSP: %s",
                           msp_org_id(org));
    msp_org_free(org);
    return st;
}

static fcc_status read_org(gathering *g, const Common__ConfigGroupEntry *entry, bool application, fcc_error *error)
{
    static const known application_values[] = { { "AnchorPeers", &protos__anchor_peers__descriptor },
                                                { "MSP", &msp__mspconfig__descriptor } };
    static const known orderer_values[] = { { "Endpoints", &common__orderer_addresses__descriptor },
                                            { "MSP", &msp__mspconfig__descriptor } };
    msp_channel *channel = g->channel;
    msp_channel_org *out = &channel->orgs[channel->org_count];
    const Common__ConfigValue *value = msp__tree_value(entry->value, FCC_LIT("MSP"));
    ProtobufCMessage *values[2];
    fcc_bytes name;
    fcc_status st;

    if (channel->org_count == MSP__MAX_ORGS)
        return fcc_error_set(error, FCC_ERR_LIMIT, "more than %d organisations in the channel", MSP__MAX_ORGS);
    if (entry->value->n_groups)
        return fcc_error_set(error, FCC_ERR_CONFIG, "%sOrg config does not allow sub-groups",
                             application ? msp__application_group : msp__orderer_group);
    if (!fcc__arena_copy(channel->arena, fcc__of_pb(entry->key), &name))
        return FCC_ERR_LIMIT;
    out->name = (const char *)name.data;
    out->application = application;
    if (!application && !channel->capabilities.org_endpoints && msp__tree_value(entry->value, FCC_LIT("Endpoints")))
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "Orderer Org %s cannot contain endpoints value until V1_4_2+ capabilities have been "
                             "enabled",
                             out->name);
    st = read_values(entry->value, application ? application_values : orderer_values, 2, channel->arena, values, error);
    if (st != FCC_OK)
        return st;
    if (!application)
        out->endpoints = ((Common__OrdererAddresses *)values[0])->n_addresses;
    st = propose_msp(g, value ? fcc__of_pb(value->value) : fcc_bytes_of(NULL, 0), (Msp__MSPConfig *)values[1], out,
                     error);
    if (st == FCC_OK)
        channel->org_count++;
    return st;
}

static fcc_status read_orgs(gathering *g, const Common__ConfigGroup *group, bool application, fcc_error *error)
{
    fcc_status st = FCC_OK;
    size_t i;

    for (i = 0; i < group->n_groups && st == FCC_OK; i++)
        st = read_org(g, group->groups[i], application, error);
    return st;
}

/* ---- the groups ---------------------------------------------------------------------------------------------------- */

/* Which policies the channel wants asked for a peer's resources; a name without a path is one of the Application's. */
static fcc_status read_acls(msp_channel *channel, const Protos__ACLs *acls)
{
    size_t i;

    channel->acls = fcc__arena_zalloc(channel->arena, acls->n_acls + 1, sizeof *channel->acls);
    for (i = 0; channel->acls && i < acls->n_acls; i++) {
        fcc_bytes policy = acls->acls[i]->value ? fcc__of_pb(acls->acls[i]->value->policy_ref) : FCC_LIT("");
        msp__acl *made = &channel->acls[channel->acl_count];

        if (policy.len == 0)
            continue;
        made->resource = fcc__of_pb(acls->acls[i]->key);
        made->policy = fcc__arena_printf(channel->arena, "%s" FCC_FMT,
                                         policy.data[0] == '/' ? "" : "/Channel/Application/", FCC_ARG(policy));
        if (!made->policy)
            return FCC_ERR_LIMIT;
        channel->acl_count++;
    }
    return channel->acls ? FCC_OK : FCC_ERR_LIMIT;
}

static fcc_status read_application(gathering *g, const Common__ConfigGroup *group, fcc_error *error)
{
    static const char *const supported[] = {
        "V1_1", "V1_2", "V1_3", "V1_4_2", "V2_0", "V2_5", "V1_1_PVTDATA_EXPERIMENTAL", "V1_1_RESOURCETREE_EXPERIMENTAL",
        NULL
    };
    static const known kinds[] = { { "ACLs", &protos__acls__descriptor },
                                   { "Capabilities", &common__capabilities__descriptor } };
    msp_channel *channel = g->channel;
    ProtobufCMessage *values[2];
    fcc_status st = read_values(group, kinds, 2, channel->arena, values, error);
    const Common__Capabilities *on;

    if (st != FCC_OK)
        return st;
    on = channel->application = (Common__Capabilities *)values[1];
    st = unsupported(on, "Application", supported, channel->arena, &channel->capabilities.unsupported_application);
    if (st != FCC_OK)
        return st;
    if (!has(on, "V1_2") && !has(on, "V1_3") && !has(on, "V1_4_2") && !has(on, "V2_0") && !has(on, "V2_5") &&
        msp__tree_value(group, FCC_LIT("ACLs")))
        return fcc_error_set(error, FCC_ERR_CONFIG, "ACLs may not be specified without the required capability");
    st = read_acls(channel, (const Protos__ACLs *)values[0]);
    return st == FCC_OK ? read_orgs(g, group, true, error) : st;
}

static fcc_status check_batch(msp_channel *channel, fcc_bytes timeout, fcc_error *error)
{
    const Orderer__BatchSize *size = channel->batch;
    fcc_error why = { 0 };
    int64_t ns;

    if (size->max_message_count == 0)
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "Attempted to set the batch size max message count to an invalid value: 0");
    if (size->absolute_max_bytes == 0)
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "Attempted to set the batch size absolute max bytes to an invalid value: 0");
    if (size->preferred_max_bytes == 0)
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "Attempted to set the batch size preferred max bytes to an invalid value: 0");
    if (size->preferred_max_bytes > size->absolute_max_bytes)
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "Attempted to set the batch size preferred max bytes (%u) greater than the absolute max "
                             "bytes (%u).",
                             size->preferred_max_bytes, size->absolute_max_bytes);
    if (msp__duration(timeout, &ns, &why) != FCC_OK)
        return fcc_error_set(error, FCC_ERR_CONFIG, "Attempted to set the batch timeout to a invalid value: %.200s",
                             why.text);
    if (ns <= 0)
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "Attempted to set the batch timeout to a non-positive value: " FCC_FMT "%s",
                             FCC_ARG(timeout), ns == 0 && timeout.len == 1 ? "s" : "");
    ns = ns < 1000000 ? 1000000 : ns;
    channel->timeout_ms = ns / 1000000 > INT32_MAX ? INT32_MAX : (uint32_t)(ns / 1000000);
    return FCC_OK;
}

static fcc_status check_endpoints(const msp_channel *channel, fcc_error *error)
{
    fcc_error list = { 0 };
    size_t i;

    for (i = 0; i < channel->org_count; i++)
        if (!channel->orgs[i].application && channel->orgs[i].endpoints == 0) {
            const fcc_error before = list;

            fcc_error_set(&list, FCC_ERR_CONFIG, "%.700s%s%s", before.text, before.text[0] ? " " : "",
                          channel->orgs[i].name);
        }
    return list.text[0] ? fcc_error_set(error, FCC_ERR_CONFIG,
                                        "some orderer organizations endpoints are empty: [%.900s]", list.text)
                        : FCC_OK;
}

static fcc_status read_orderer(gathering *g, const Common__ConfigGroup *group, fcc_error *error)
{
    static const char *const supported[] = { "V1_1", "V1_4_2", "V2_0", NULL };
    static const known kinds[] = { { "ConsensusType", &orderer__consensus_type__descriptor },
                                   { "BatchSize", &orderer__batch_size__descriptor },
                                   { "BatchTimeout", &orderer__batch_timeout__descriptor },
                                   { "KafkaBrokers", &orderer__kafka_brokers__descriptor },
                                   { "ChannelRestrictions", &orderer__channel_restrictions__descriptor },
                                   { "Orderers", &common__orderers__descriptor },
                                   { "Capabilities", &common__capabilities__descriptor } };
    msp_channel *channel = g->channel;
    msp__capabilities *can = &channel->capabilities;
    ProtobufCMessage *values[7];
    fcc_status st = read_values(group, kinds, 7, channel->arena, values, error);
    const Common__Capabilities *on;

    if (st != FCC_OK)
        return st;
    on = (const Common__Capabilities *)values[6];
    can->orderer_migration = has(on, "V1_4_2") || has(on, "V2_0");
    can->expiration = can->orderer_migration || has(on, "V1_1");
    channel->consensus = (Orderer__ConsensusType *)values[0];
    channel->batch = (Orderer__BatchSize *)values[1];
    channel->orderers = (Common__Orderers *)values[5];
    st = unsupported(on, "Orderer", supported, channel->arena, &can->unsupported_orderer);
    if (st == FCC_OK)
        st = check_batch(channel, fcc__of_pb(((Orderer__BatchTimeout *)values[2])->timeout), error);
    if (st == FCC_OK)
        st = read_orgs(g, group, false, error);
    return st == FCC_OK && can->bft ? check_endpoints(channel, error) : st;
}

static fcc_status read_channel(msp_channel *channel, fcc_error *error)
{
    static const char *const supported[] = { "V1_1", "V1_3", "V1_4_2", "V1_4_3", "V2_0", "V3_0", NULL };
    static const known kinds[] = { { "HashingAlgorithm", &common__hashing_algorithm__descriptor },
                                   { "BlockDataHashingStructure", &common__block_data_hashing_structure__descriptor },
                                   { "OrdererAddresses", &common__orderer_addresses__descriptor },
                                   { "Orderers", &common__orderers__descriptor },
                                   { "Consortium", &common__consortium__descriptor },
                                   { "Capabilities", &common__capabilities__descriptor } };
    msp__capabilities *can = &channel->capabilities;
    ProtobufCMessage *values[6];
    fcc_status st = read_values(channel->config->channel_group, kinds, 6, channel->arena, values, error);
    const Common__Capabilities *on;
    fcc_bytes hash;
    size_t addresses;

    if (st != FCC_OK)
        return st;
    on = (const Common__Capabilities *)values[5];
    can->bft = has(on, "V3_0");
    can->migration = can->org_endpoints = can->bft || has(on, "V2_0") || has(on, "V1_4_3") || has(on, "V1_4_2");
    can->msp = can->bft                               ? MSP__V3_0
               : has(on, "V1_4_3") || has(on, "V2_0") ? MSP__V1_4_3
               : has(on, "V1_3") || has(on, "V1_4_2") ? MSP__V1_3
               : has(on, "V1_1")                      ? MSP__V1_1
                                                      : MSP__V1_0;
    st = unsupported(on, "Channel", supported, channel->arena, &can->unsupported);
    if (st != FCC_OK)
        return st;
    hash = fcc__of_pb(((Common__HashingAlgorithm *)values[0])->name);
    if (!fcc_bytes_equal(hash, FCC_LIT("SHA256")) && !fcc_bytes_equal(hash, FCC_LIT("SHA3_256")))
        return fcc_error_set(error, FCC_ERR_CONFIG, "Unknown hashing algorithm type: " FCC_FMT, FCC_ARG(hash));
    if (((Common__BlockDataHashingStructure *)values[1])->width != UINT32_MAX)
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "BlockDataHashStructure width only supported at MaxUint32 in this version");
    addresses = ((Common__OrdererAddresses *)values[2])->n_addresses;
    if (!can->org_endpoints && addresses == 0)
        return fcc_error_set(error, FCC_ERR_CONFIG, "Must set some OrdererAddresses");
    if (can->bft && addresses)
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "global OrdererAddresses are not allowed with V3_0 capability, use org specific addresses "
                             "only");
    return FCC_OK;
}

/* ---- the whole ----------------------------------------------------------------------------------------------------- */

static fcc_status check_capabilities_first(const Common__ConfigGroup *root, fcc_error *error)
{
    const fcc_bytes key = FCC_LIT("Capabilities");
    const Common__ConfigGroup *orderer = msp__tree_group(root, fcc_str(msp__orderer_group));

    if (!orderer || msp__tree_value(orderer, key))
        return FCC_OK;
    if (msp__tree_value(root, key))
        return fcc_error_set(error, FCC_ERR_CONFIG, "cannot enable channel capabilities without orderer support first");
    if (msp__tree_value(msp__tree_group(root, fcc_str(msp__application_group)), key))
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "cannot enable application capabilities without orderer support first");
    return FCC_OK;
}

static fcc_status read_groups(gathering *g, fcc_error *error)
{
    const Common__ConfigGroup *root = g->channel->config->channel_group;
    fcc_error why = { 0 };
    fcc_status st = read_channel(g->channel, error);
    size_t i;

    for (i = 0; i < root->n_groups && st == FCC_OK; i++) {
        const fcc_bytes key = fcc__of_pb(root->groups[i]->key);

        if (fcc_bytes_equal(key, fcc_str(msp__application_group)))
            st = read_application(g, root->groups[i]->value, &why);
        else if (fcc_bytes_equal(key, fcc_str(msp__orderer_group)))
            st = read_orderer(g, root->groups[i]->value, &why);
        else
            return fcc_error_set(error, FCC_ERR_CONFIG, "Disallowed channel group: " FCC_FMT, FCC_ARG(key));
        if (st == FCC_ERR_CONFIG)
            fcc_error_set(error, st, "could not create channel " FCC_FMT " sub-group config: %.800s", FCC_ARG(key),
                          why.text);
    }
    return st;
}

fcc_status msp__channel_read(msp_channel *channel, fcc_error *error)
{
    gathering g = { .channel = channel };
    fcc_error why = { 0 };
    fcc_status st = check_capabilities_first(channel->config->channel_group, error);
    size_t i;

    if (st != FCC_OK)
        return st;
    st = read_groups(&g, &why);
    if (st == FCC_ERR_CONFIG)
        fcc_error_set(error, st, "initializing channelconfig failed: %.900s", why.text);
    else if (st != FCC_OK)
        fcc_error_set(error, st, "%s", why.text[0] ? why.text : "the channel's configuration is too large");
    if (st == FCC_OK) {
        st = msp_manager_new(g.orgs, g.count, &channel->manager, error);
        g.count = 0; /* moved */
    }
    for (i = 0; i < g.count; i++)
        msp_org_free(g.orgs[i]);
    return st;
}

/* ---- one after the other ------------------------------------------------------------------------------------------- */

static const msp_channel_org *org_named(const msp_channel *channel, const char *name, bool application)
{
    size_t i;

    for (i = 0; i < channel->org_count; i++)
        if (channel->orgs[i].application == application && strcmp(channel->orgs[i].name, name) == 0)
            return &channel->orgs[i];
    return NULL;
}

static fcc_status keeps_mspids(const msp_channel *channel, const msp_channel *next, bool application, fcc_error *error)
{
    size_t i;

    for (i = 0; i < channel->org_count; i++) {
        const msp_channel_org *old = &channel->orgs[i], *org;

        if (old->application != application)
            continue;
        org = org_named(next, old->name, application);
        if (org && strcmp(org->mspid, old->mspid) != 0)
            return fcc_error_set(error, FCC_ERR_CONFIG, "%s org %s attempted to change MSP ID from %s to %s",
                                 application ? "application" : "orderer", old->name, old->mspid, org->mspid);
    }
    return FCC_OK;
}

fcc_status msp__channel_follows(const msp_channel *channel, const msp_channel *next, fcc_error *error)
{
    const fcc_bytes old = fcc__of_pb(channel->consensus->type), type = fcc__of_pb(next->consensus->type);
    fcc_status st;

    if (!channel->capabilities.migration && !fcc_bytes_equal(old, type))
        return fcc_error_set(error, FCC_ERR_CONFIG, "attempted to change consensus type from " FCC_FMT " to " FCC_FMT,
                             FCC_ARG(old), FCC_ARG(type));
    st = keeps_mspids(channel, next, false, error);
    return st == FCC_OK ? keeps_mspids(channel, next, true, error) : st;
}
