/*
 * configtx.c: a channel's configuration and an update of it give the next one, if the signatures allow that. Fabric's
 * common/configtx.
 *
 * Fabric flattens the trees into maps from paths to elements; here they are lists in the order of their paths, so that
 * the first fault found is always the same one.
 */
#include "msp/configtx.h"
#include "msp/channel_internal.h"
#include "msp/configtx_internal.h"

#include "common/common.pb-c.h"
#include "protos/unpack.h"

#include <stdlib.h>

enum { SCRATCH = 256 << 20 };

/* ---- elements ------------------------------------------------------------------------------------------------------ */

typedef enum kind { GROUP, VALUE, POLICY } kind;

static const char *const prefixes[] = { "[Group]  ", "[Value]  ", "[Policy] " };

typedef struct element {
    const char *path; /* with its prefix */
    kind kind;
    const void *message; /* ConfigGroup, ConfigValue or ConfigPolicy */
    uint64_t version;
    fcc_bytes mod_policy;
    const msp__policies *policies; /* by which a relative mod_policy is found; NULL for read and write sets */
} element;

typedef struct elements {
    element *v;
    size_t n, room;
    fcc__arena *arena;
} elements;

static fcc_status add(elements *list, element made)
{
    if (!made.path)
        return FCC_ERR_LIMIT;
    if (list->n == list->room) {
        const size_t room = list->room ? 2 * list->room : 64;
        element *more = fcc__arena_zalloc(list->arena, room, sizeof *more);

        if (!more)
            return FCC_ERR_LIMIT;
        if (list->n)
            memcpy(more, list->v, list->n * sizeof *more);
        list->v = more;
        list->room = room;
    }
    list->v[list->n++] = made;
    return FCC_OK;
}

static const char *path_of(fcc__arena *arena, kind of, const char *path, ProtobufCBinaryData key)
{
    return fcc__arena_printf(arena, "%s%s/" FCC_FMT, prefixes[of], path, FCC_ARG(fcc__of_pb(key)));
}

static fcc_status flatten(elements *list, const char *path, const Common__ConfigGroup *group,
                          const msp__policies *policies)
{
    fcc_status st = add(list, (element){ fcc__arena_printf(list->arena, "%s%s", prefixes[GROUP], path), GROUP, group,
                                         group->version, fcc__of_pb(group->mod_policy), policies });
    size_t i;

    for (i = 0; i < group->n_groups && st == FCC_OK; i++) {
        const fcc_bytes key = fcc__of_pb(group->groups[i]->key);
        const char *deeper = fcc__arena_printf(list->arena, "%s/" FCC_FMT, path, FCC_ARG(key));

        st = deeper ? flatten(list, deeper, group->groups[i]->value, msp__policies_below(policies, key))
                    : FCC_ERR_LIMIT;
    }
    for (i = 0; i < group->n_values && st == FCC_OK; i++) {
        const Common__ConfigValue *value = group->values[i]->value;

        st = add(list, (element){ path_of(list->arena, VALUE, path, group->values[i]->key), VALUE, value,
                                  value->version, fcc__of_pb(value->mod_policy), policies });
    }
    for (i = 0; i < group->n_policies && st == FCC_OK; i++) {
        const Common__ConfigPolicy *policy = group->policies[i]->value;

        st = add(list, (element){ path_of(list->arena, POLICY, path, group->policies[i]->key), POLICY, policy,
                                  policy->version, fcc__of_pb(policy->mod_policy), policies });
    }
    return st;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const element *)a)->path, ((const element *)b)->path);
}

/* `root` may be NULL: no elements. */
static fcc_status map(fcc__arena *arena, Common__ConfigGroup *root, const msp__policies *policies, elements *out,
                      fcc_error *error)
{
    fcc_status st = FCC_OK;

    *out = (elements){ .arena = arena };
    if (!root)
        return FCC_OK;
    st = msp__tree_tidy(root, arena);
    if (st == FCC_OK)
        st = msp__tree_keys_ok(root, error);
    if (st == FCC_OK)
        st = flatten(out, "/Channel", root, policies);
    if (st == FCC_OK)
        qsort(out->v, out->n, sizeof *out->v, by_path);
    return st;
}

static const element *find(const elements *list, const char *path)
{
    const element wanted = { .path = path };

    return list->n ? bsearch(&wanted, list->v, list->n, sizeof *list->v, by_path) : NULL;
}

/* ---- judging an update --------------------------------------------------------------------------------------------- */

static fcc_status check_read_set(const elements *config, const elements *read, fcc_error *error)
{
    size_t i;

    for (i = 0; i < read->n; i++) {
        const element *existing = find(config, read->v[i].path);

        if (!existing)
            return fcc_error_set(error, FCC_ERR_CONFIG,
                                 "error validating ReadSet: existing config does not contain element for %s but was in "
                                 "the read set",
                                 read->v[i].path);
        if (existing->version != read->v[i].version)
            return fcc_error_set(error, FCC_ERR_CONFIG,
                                 "error validating ReadSet: proposed update requires that key %s be at version %llu, "
                                 "but it is currently at version %llu",
                                 read->v[i].path, (unsigned long long)read->v[i].version,
                                 (unsigned long long)existing->version);
    }
    return FCC_OK;
}

/* What is written in another version than it was read in. */
static fcc_status delta_of(const elements *read, const elements *write, elements *delta)
{
    fcc_status st = FCC_OK;
    size_t i;

    *delta = (elements){ .arena = write->arena };
    for (i = 0; i < write->n && st == FCC_OK; i++) {
        const element *before = find(read, write->v[i].path);

        if (!before || before->version != write->v[i].version)
            st = add(delta, write->v[i]);
    }
    return st;
}

static fcc_status check_mod_policy(fcc_bytes policy, fcc_error *error)
{
    fcc_error why = { 0 };
    const uint8_t *slash;
    size_t part = 0;
    bool more = true;

    if (policy.len == 0)
        return fcc_error_set(error, FCC_ERR_CONFIG, "mod_policy not set");
    if (policy.data[0] == '/')
        policy = fcc_bytes_of(policy.data + 1, policy.len - 1);
    for (; more; part++) {
        fcc_bytes name = policy;

        slash = policy.len ? memchr(policy.data, '/', policy.len) : NULL;
        more = slash != NULL;
        if (more) {
            name.len = (size_t)(slash - policy.data);
            policy = fcc_bytes_of(slash + 1, policy.len - name.len - 1);
        }
        if (msp__config_id_ok(name, &why) != FCC_OK)
            return fcc_error_set(error, FCC_ERR_CONFIG, "path element at %zu is invalid: %.600s", part, why.text);
    }
    return FCC_OK;
}

/* Whoever signed the update. */
typedef struct signers {
    const msp_identity **v;
    size_t n;
} signers;

static fcc_status check_change(const msp_channel *channel, const element *existing, const element *change,
                               const signers *who, fcc_error *error)
{
    const fcc_bytes name = existing ? existing->mod_policy : fcc_bytes_of(NULL, 0);
    const msp__rule *rule;
    fcc_error why = { 0 };
    fcc_status st;

    if (!existing && change->version != 0)
        return fcc_error_set(error, FCC_ERR_CONFIG, "attempted to set key %s to version %llu, but key does not exist",
                             change->path, (unsigned long long)change->version);
    if (!existing)
        return FCC_OK; /* its group changes too, or it won't be part of the result */
    if (change->version != existing->version + 1)
        return fcc_error_set(error, FCC_ERR_CONFIG, "attempt to set key %s to version %llu, but key is at version %llu",
                             change->path, (unsigned long long)change->version, (unsigned long long)existing->version);
    rule = msp__policies_find(name.len && name.data[0] == '/' ? channel->policies : existing->policies, name);
    if (!rule)
        return fcc_error_set(error, FCC_ERR_CONFIG, "unexpected missing policy " FCC_FMT " for item %s", FCC_ARG(name),
                             change->path);
    st = msp__rule_evaluate(rule, who->v, who->n, &why);
    if (st == FCC_ERR_AUTH)
        return fcc_error_set(error, FCC_ERR_CONFIG, "policy for %s not satisfied: %.600s", change->path, why.text);
    return st == FCC_OK ? st : fcc_error_set(error, st, "%s", why.text);
}

static fcc_status check_delta(const msp_channel *channel, const elements *config, const elements *delta,
                              const signers *who, fcc_error *error)
{
    fcc_error why = { 0 };
    fcc_status st = FCC_OK;
    size_t i;

    if (delta->n == 0)
        st = fcc_error_set(&why, FCC_ERR_CONFIG, "delta set was empty -- update would have no effect");
    for (i = 0; i < delta->n && st == FCC_OK; i++) {
        const element *change = &delta->v[i];
        fcc_error inner = { 0 };

        st = check_mod_policy(change->mod_policy, &inner);
        if (st != FCC_OK)
            fcc_error_set(&why, st, "invalid mod_policy for element %s: %.600s", change->path, inner.text);
        else
            st = check_change(channel, find(config, change->path), change, who, &why);
    }
    return st == FCC_OK ? st : fcc_error_set(error, st, "error validating DeltaSet: %.900s", why.text);
}

static fcc_status signers_of(const msp_channel *channel, const Common__ConfigUpdateEnvelope *envelope,
                             fcc__arena *arena, signers *out, fcc_error *error)
{
    const size_t n = envelope->n_signatures;
    msp_signed *set = fcc__arena_zalloc(arena, n + 1, sizeof *set);
    size_t i;

    out->v = fcc__arena_zalloc(arena, n + 1, sizeof *out->v);
    if (!set || !out->v)
        return FCC_ERR_LIMIT;
    for (i = 0; i < n; i++) {
        const Common__ConfigSignature *one = envelope->signatures[i];
        Common__SignatureHeader *header;
        fcc_status st = FCC__UNPACK(common__signature_header, fcc__of_pb(one->signature_header), arena, &header);

        if (st != FCC_OK)
            return fcc_error_set(error, st == FCC_ERR_PROTO ? FCC_ERR_CONFIG : st,
                                 "proto: cannot parse invalid wire-format data");
        set[i].data[0] = fcc__of_pb(one->signature_header);
        set[i].data[1] = fcc__of_pb(envelope->config_update);
        set[i].identity = fcc__of_pb(header->creator);
        set[i].signature = fcc__of_pb(one->signature);
    }
    msp_signers_of(channel->manager, set, n, out->v, &out->n);
    return FCC_OK;
}

/* ---- the result ---------------------------------------------------------------------------------------------------- */

/* The channel's elements with the changed ones laid over them. */
typedef struct overlay {
    const elements *config, *delta;
    fcc__arena *arena;
    bool repair; /* an empty mod_policy, of channels that v1.0 has made, becomes Admins */
} overlay;

static const element *look(const overlay *o, const char *path)
{
    const element *changed = path ? find(o->delta, path) : NULL;

    return changed || !path ? changed : find(o->config, path);
}

static void repair(const overlay *o, ProtobufCBinaryData *mod_policy)
{
    if (o->repair && mod_policy->len == 0)
        *mod_policy = fcc__pb(FCC_LIT("Admins"));
}

/* Members of one kind, from wherever the newest of each is. */
#define DEFINE_LAY(name, of, what, Entry, Value)                                                                   \
    static fcc_status lay_##name(const overlay *o, const char *path, Common__ConfigGroup *group, fcc_error *error) \
    {                                                                                                              \
        Entry **made = fcc__arena_zalloc(o->arena, group->n_##name + 1, sizeof *made);                             \
        size_t i;                                                                                                  \
                                                                                                                   \
        for (i = 0; made && i < group->n_##name; i++) {                                                            \
            const char *at = path_of(o->arena, of, path, group->name[i]->key);                                     \
            const element *found = look(o, at);                                                                    \
            Value *value = fcc__arena_alloc(o->arena, sizeof *value);                                              \
                                                                                                                   \
            made[i] = fcc__arena_alloc(o->arena, sizeof **made);                                                   \
            if (!at || !value || !made[i])                                                                         \
                return FCC_ERR_LIMIT;                                                                              \
            if (!found)                                                                                            \
                return fcc_error_set(error, FCC_ERR_CONFIG, "missing " what " at path: %s", at);                   \
            *value = *(const Value *)found->message;                                                               \
            repair(o, &value->mod_policy);                                                                         \
            *made[i] = *group->name[i];                                                                            \
            made[i]->value = value;                                                                                \
        }                                                                                                          \
        group->name = made;                                                                                        \
        return made ? FCC_OK : FCC_ERR_LIMIT;                                                                      \
    }

DEFINE_LAY(values, VALUE, "value", Common__ConfigValueEntry, Common__ConfigValue)
DEFINE_LAY(policies, POLICY, "policy", Common__ConfigPolicyEntry, Common__ConfigPolicy)

static fcc_status lay_group(const overlay *o, const char *path, Common__ConfigGroup **out, fcc_error *error)
{
    const char *at = fcc__arena_printf(o->arena, "%s%s", prefixes[GROUP], path);
    const element *found = look(o, at);
    Common__ConfigGroup *group = fcc__arena_alloc(o->arena, sizeof *group);
    Common__ConfigGroupEntry **made;
    fcc_status st = FCC_OK;
    size_t i;

    if (!at || !group)
        return FCC_ERR_LIMIT;
    if (!found)
        return fcc_error_set(error, FCC_ERR_CONFIG, "missing group at path: %s", at);
    *group = *(const Common__ConfigGroup *)found->message;
    repair(o, &group->mod_policy);
    made = fcc__arena_zalloc(o->arena, group->n_groups + 1, sizeof *made);
    if (!made)
        return FCC_ERR_LIMIT;
    for (i = 0; i < group->n_groups && st == FCC_OK; i++) {
        const fcc_bytes key = fcc__of_pb(group->groups[i]->key);
        const char *deeper = fcc__arena_printf(o->arena, "%s/" FCC_FMT, path, FCC_ARG(key));

        made[i] = fcc__arena_alloc(o->arena, sizeof **made);
        if (!deeper || !made[i])
            return FCC_ERR_LIMIT;
        *made[i] = *group->groups[i];
        st = lay_group(o, deeper, &made[i]->value, error);
    }
    group->groups = made;
    if (st == FCC_OK)
        st = lay_values(o, path, group, error);
    if (st == FCC_OK)
        st = lay_policies(o, path, group, error);
    *out = group;
    return st;
}

/* ---- the whole ----------------------------------------------------------------------------------------------------- */

/* The group that the update gives. The arena holds it, and borrows from the channel. */
static fcc_status authorise(const msp_channel *channel, const Common__ConfigUpdateEnvelope *envelope, fcc__arena *arena,
                            Common__ConfigGroup **out, fcc_error *error)
{
    Common__ConfigUpdate *update;
    elements config, read, write, delta;
    overlay o = { .config = &config, .delta = &delta, .arena = arena };
    fcc_error why = { 0 };
    signers who;
    fcc_status st = FCC__UNPACK(common__config_update, fcc__of_pb(envelope->config_update), arena, &update);

    if (st != FCC_OK)
        return fcc_error_set(error, st == FCC_ERR_PROTO ? FCC_ERR_CONFIG : st,
                             "proto: cannot parse invalid wire-format data");
    if (!fcc_bytes_equal(fcc__of_pb(update->channel_id), fcc_str(channel->id)))
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "ConfigUpdate for channel '" FCC_FMT "' but envelope for channel '%s'",
                             FCC_ARG(fcc__of_pb(update->channel_id)), channel->id);
    st = map(arena, channel->config->channel_group, channel->policies, &config, error);
    if (st == FCC_OK) {
        st = map(arena, update->read_set, NULL, &read, &why);
        if (st == FCC_ERR_CONFIG)
            fcc_error_set(error, st, "error mapping ReadSet: %.900s", why.text);
    }
    if (st == FCC_OK)
        st = check_read_set(&config, &read, error);
    if (st == FCC_OK) {
        st = map(arena, update->write_set, NULL, &write, &why);
        if (st == FCC_ERR_CONFIG)
            fcc_error_set(error, st, "error mapping WriteSet: %.900s", why.text);
    }
    if (st == FCC_OK)
        st = delta_of(&read, &write, &delta);
    if (st == FCC_OK)
        st = signers_of(channel, envelope, arena, &who, error);
    if (st == FCC_OK)
        st = check_delta(channel, &config, &delta, &who, error);
    if (st == FCC_OK) {
        o.repair = look(&o, "[Value]  /Channel/Orderer/Capabilities") != NULL;
        st = lay_group(&o, "/Channel", out, &why);
        if (st == FCC_ERR_CONFIG)
            fcc_error_set(error, st, "could not turn configMap back to channelGroup: %.900s", why.text);
    }
    if (st != FCC_OK && st != FCC_ERR_CONFIG)
        fcc_error_set(error, st, "the update is too large");
    return st;
}

fcc_status msp__message_of_type(const Common__Envelope *envelope, int32_t type,
                                const ProtobufCMessageDescriptor *descriptor, fcc__arena *arena, void *out,
                                fcc_error *error)
{
    const ProtobufCEnumDescriptor *types = &common__header_type__descriptor;
    const ProtobufCEnumValue *expected = protobuf_c_enum_descriptor_get_value(types, type), *got;
    Common__Payload *payload;
    Common__ChannelHeader *header;
    fcc_status st = FCC__UNPACK(common__payload, fcc__of_pb(envelope->payload), arena, &payload);

    if (st == FCC_ERR_PROTO)
        return fcc_error_set(error, FCC_ERR_CONFIG, "error unmarshalling Payload");
    if (st == FCC_OK && !payload->header)
        return fcc_error_set(error, FCC_ERR_CONFIG, "envelope must have a Header");
    if (st == FCC_OK)
        st = FCC__UNPACK(common__channel_header, fcc__of_pb(payload->header->channel_header), arena, &header);
    if (st == FCC_ERR_PROTO)
        return fcc_error_set(error, FCC_ERR_CONFIG, "error unmarshalling ChannelHeader");
    if (st == FCC_OK && header->type != type) {
        got = protobuf_c_enum_descriptor_get_value(types, header->type);
        return got ? fcc_error_set(error, FCC_ERR_CONFIG, "invalid type %s, expected %s", got->name, expected->name)
                   : fcc_error_set(error, FCC_ERR_CONFIG, "invalid type %d, expected %s", header->type, expected->name);
    }
    if (st == FCC_OK)
        st = fcc__unpack(descriptor, fcc__of_pb(payload->data), arena, out);
    if (st == FCC_ERR_PROTO)
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "error unmarshalling message for type %s: proto: cannot parse invalid wire-format data",
                             expected->name);
    return st == FCC_OK ? st : fcc_error_set(error, st, "the message is too large");
}

static fcc_status update_of(const Common__Envelope *envelope, fcc__arena *arena, Common__ConfigUpdateEnvelope **out,
                            fcc_error *error)
{
    return msp__message_of_type(envelope, COMMON__HEADER_TYPE__CONFIG_UPDATE,
                                &common__config_update_envelope__descriptor, arena, out, error);
}

fcc_status msp__configtx_next(const msp_channel *channel, Common__Envelope *envelope, fcc__arena *arena,
                              fcc_bytes *config_envelope, msp_channel **next, fcc_error *error)
{
    Common__ConfigEnvelope made = COMMON__CONFIG_ENVELOPE__INIT;
    Common__Config config = COMMON__CONFIG__INIT;
    fcc__arena *scratch = fcc__arena_new(SCRATCH);
    Common__ConfigUpdateEnvelope *update;
    fcc_error why = { 0 };
    fcc_bytes bytes;
    fcc_status st;

    if (!scratch)
        return fcc_error_set(error, FCC_ERR_NOMEM, "out of memory for a configuration");
    st = update_of(envelope, scratch, &update, &why);
    if (st != FCC_OK) {
        st = fcc_error_set(error, st, "error converting envelope to config update: %.900s", why.text);
        goto out;
    }
    config.sequence = channel->config->sequence + 1;
    st = authorise(channel, update, scratch, &config.channel_group, &why);
    if (st != FCC_OK) {
        st = fcc_error_set(error, st, "error authorizing update: %.990s", why.text);
        goto out;
    }
    st = msp__configtx_groups_kept(config.channel_group, error);
    if (st == FCC_OK)
        st = fcc__pack(&config, scratch, &bytes);
    if (st == FCC_OK)
        st = msp_channel_from_config(channel->id, bytes, next, error);
    made.config = &config;
    made.last_update = envelope;
    if (st == FCC_OK && fcc__pack(&made, arena, config_envelope) != FCC_OK) {
        msp_channel_free(*next);
        st = fcc_error_set(error, FCC_ERR_LIMIT, "the configuration is too large");
    }
out:
    fcc__arena_free(scratch);
    return st;
}

/* The same group, whatever order their members came in? */
static fcc_status same_group(Common__ConfigGroup *a, Common__ConfigGroup *b, fcc__arena *arena, bool *same)
{
    fcc_bytes x, y;
    fcc_status st = b ? msp__tree_tidy(b, arena) : FCC_OK;

    *same = false;
    if (!b || st != FCC_OK)
        return st;
    st = msp__tree_tidy(a, arena);
    if (st == FCC_OK)
        st = fcc__pack(a, arena, &x);
    if (st == FCC_OK)
        st = fcc__pack(b, arena, &y);
    *same = st == FCC_OK && fcc_bytes_equal(x, y);
    return st;
}

/* What a peer asks of the message itself. */
static fcc_status check_result(const msp_channel *channel, const Common__ConfigEnvelope *envelope, fcc__arena *arena,
                               fcc_error *error)
{
    const unsigned long long sequence = channel->config->sequence;
    Common__ConfigUpdateEnvelope *update;
    Common__ConfigGroup *group;
    bool same;
    fcc_status st;

    if (!envelope->config)
        return fcc_error_set(error, FCC_ERR_CONFIG, "config envelope has nil config");
    if (envelope->config->sequence != sequence + 1)
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "config currently at sequence %llu, cannot validate config at sequence %llu", sequence,
                             (unsigned long long)envelope->config->sequence);
    if (!envelope->last_update)
        return fcc_error_set(error, FCC_ERR_CONFIG, "config envelope has no last update");
    st = update_of(envelope->last_update, arena, &update, error);
    if (st == FCC_OK)
        st = authorise(channel, update, arena, &group, error);
    if (st != FCC_OK)
        return st;
    st = same_group(group, envelope->config->channel_group, arena, &same);
    if (st != FCC_OK)
        return fcc_error_set(error, st, "the configuration is too large");
    return same ? FCC_OK
                : fcc_error_set(error, FCC_ERR_CONFIG,
                                "ConfigEnvelope LastUpdate did not produce the supplied config result");
}

fcc_status msp_configtx_validate(const msp_channel *channel, fcc_bytes config_envelope, msp_channel **next,
                                 fcc_error *error)
{
    fcc__arena *scratch = fcc__arena_new(SCRATCH);
    Common__ConfigEnvelope *envelope;
    msp_channel *made = NULL;
    fcc_bytes bytes;
    fcc_status st = FCC_ERR_NOMEM;

    if (scratch)
        st = FCC__UNPACK(common__config_envelope, config_envelope, scratch, &envelope);
    if (st == FCC_OK)
        st = check_result(channel, envelope, scratch, error);
    else
        st = fcc_error_set(error, st == FCC_ERR_PROTO ? FCC_ERR_CONFIG : st, "not a ConfigEnvelope");
    if (st == FCC_OK)
        st = msp__configtx_groups_kept(envelope->config->channel_group, error);
    if (st == FCC_OK)
        st = fcc__pack(envelope->config, scratch, &bytes);
    if (st == FCC_OK)
        st = msp_channel_from_config(channel->id, bytes, &made, error);
    if (st == FCC_OK)
        st = msp__channel_follows(channel, made, error);
    if (st == FCC_OK && made->capabilities.unsupported)
        st = fcc_error_set(error, FCC_ERR_CONFIG, "%s", made->capabilities.unsupported);
    if (st == FCC_OK && made->capabilities.unsupported_application)
        st = fcc_error_set(error, FCC_ERR_CONFIG, "%s", made->capabilities.unsupported_application);
    if (st == FCC_OK)
        *next = made;
    else
        msp_channel_free(made);
    fcc__arena_free(scratch);
    return st;
}
