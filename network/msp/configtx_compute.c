/*
 * configtx_compute.c: the update that leads from one configuration to another, and its signatures. Fabric's
 * internal/configtxlator/update, to the same read and write sets.
 */
#include "msp/configtx_internal.h"
#include "msp/tree.h"

#include "protos/unpack.h"

#include <openssl/rand.h>

enum { SCRATCH = 128 << 20, NONCE = 24 };

/* What of one kind of members goes into the sets. */
typedef struct sets {
    Common__ConfigGroup *read, *write, *same; /* only their lists of members are used */
    bool members_changed;
    fcc__arena *arena;
} sets;

static bool same_message(const void *a, const void *b, fcc__arena *arena, fcc_status *st)
{
    fcc_bytes x = { 0 }, y = { 0 };

    if (!a || !b)
        return !a && !b;
    if (*st == FCC_OK)
        *st = fcc__pack(a, arena, &x);
    if (*st == FCC_OK)
        *st = fcc__pack(b, arena, &y);
    return fcc_bytes_equal(x, y);
}

static bool same_value(const Common__ConfigValue *a, const Common__ConfigValue *b, fcc__arena *arena, fcc_status *st)
{
    (void)arena;
    (void)st;
    return fcc_bytes_equal(fcc__of_pb(a->mod_policy), fcc__of_pb(b->mod_policy)) &&
           fcc_bytes_equal(fcc__of_pb(a->value), fcc__of_pb(b->value));
}

static bool same_policy(const Common__ConfigPolicy *a, const Common__ConfigPolicy *b, fcc__arena *arena, fcc_status *st)
{
    return fcc_bytes_equal(fcc__of_pb(a->mod_policy), fcc__of_pb(b->mod_policy)) &&
           same_message(a->policy, b->policy, arena, st);
}

#define DEFINE_APPEND(kind, Entry, entry_init, Value)                                                                  \
    static fcc_status append_##kind(Common__ConfigGroup *to, ProtobufCBinaryData key, Value *value, fcc__arena *arena) \
    {                                                                                                                  \
        Entry *entry = fcc__arena_alloc(arena, sizeof *entry);                                                         \
                                                                                                                       \
        if (!entry || !value)                                                                                          \
            return FCC_ERR_LIMIT;                                                                                      \
        entry_init(entry);                                                                                             \
        entry->key = key;                                                                                              \
        entry->value = value;                                                                                          \
        to->kind[to->n_##kind++] = entry;                                                                              \
        return FCC_OK;                                                                                                 \
    }

DEFINE_APPEND(groups, Common__ConfigGroupEntry, common__config_group_entry__init, Common__ConfigGroup)
DEFINE_APPEND(values, Common__ConfigValueEntry, common__config_value_entry__init, Common__ConfigValue)
DEFINE_APPEND(policies, Common__ConfigPolicyEntry, common__config_policy_entry__init, Common__ConfigPolicy)

/* Values and policies: an unchanged one by its version alone, a changed one with the next, a new one with version 0. */
#define DEFINE_COMPARE(kind, one, Value, value_init)                                                               \
    static fcc_status compare_##kind(sets *s, const Common__ConfigGroup *before, const Common__ConfigGroup *after) \
    {                                                                                                              \
        fcc_status st = FCC_OK;                                                                                    \
        size_t i;                                                                                                  \
                                                                                                                   \
        for (i = 0; i < before->n_##kind && st == FCC_OK; i++)                                                     \
            s->members_changed |= !msp__tree_##one(after, fcc__of_pb(before->kind[i]->key));                       \
        for (i = 0; i < after->n_##kind && st == FCC_OK; i++) {                                                    \
            const Value *new = after->kind[i]->value;                                                              \
            const Value *old = msp__tree_##one(before, fcc__of_pb(after->kind[i]->key));                           \
            Value *made = fcc__arena_alloc(s->arena, sizeof *made);                                                \
            const bool same = old && same_##one(old, new, s->arena, &st);                                          \
                                                                                                                   \
            s->members_changed |= !old;                                                                            \
            if (made && same) {                                                                                    \
                value_init(made);                                                                                  \
                made->version = old->version;                                                                      \
            } else if (made) {                                                                                     \
                *made = *new;                                                                                      \
                made->version = old ? old->version + 1 : 0;                                                        \
            }                                                                                                      \
            if (st == FCC_OK)                                                                                      \
                st = append_##kind(same ? s->same : s->write, after->kind[i]->key, made, s->arena);                \
        }                                                                                                          \
        return st;                                                                                                 \
    }

DEFINE_COMPARE(values, value, Common__ConfigValue, common__config_value__init)
DEFINE_COMPARE(policies, policy, Common__ConfigPolicy, common__config_policy__init)

static Common__ConfigGroup *new_group(fcc__arena *arena, size_t groups, size_t values, size_t policies)
{
    Common__ConfigGroup *group = fcc__arena_alloc(arena, sizeof *group);

    if (!group)
        return NULL;
    common__config_group__init(group);
    group->groups = fcc__arena_zalloc(arena, groups + 1, sizeof *group->groups);
    group->values = fcc__arena_zalloc(arena, values + 1, sizeof *group->values);
    group->policies = fcc__arena_zalloc(arena, policies + 1, sizeof *group->policies);
    return group->groups && group->values && group->policies ? group : NULL;
}

/* Read set and write set of one group, and whether anything in it changes. */
typedef struct difference {
    Common__ConfigGroup *read, *write;
    bool changed;
} difference;

static fcc_status compare_group(const Common__ConfigGroup *before, const Common__ConfigGroup *after, fcc__arena *arena,
                                difference *out);

static fcc_status compare_groups(sets *s, const Common__ConfigGroup *before, const Common__ConfigGroup *after)
{
    const Common__ConfigGroup none = COMMON__CONFIG_GROUP__INIT;
    fcc_status st = FCC_OK;
    size_t i;

    for (i = 0; i < before->n_groups; i++)
        s->members_changed |= !msp__tree_group(after, fcc__of_pb(before->groups[i]->key));
    for (i = 0; i < after->n_groups && st == FCC_OK; i++) {
        const ProtobufCBinaryData key = after->groups[i]->key;
        const Common__ConfigGroup *old = msp__tree_group(before, fcc__of_pb(key));
        difference inner;

        st = compare_group(old ? old : &none, after->groups[i]->value, s->arena, &inner);
        if (st != FCC_OK)
            return st;
        if (!old) {
            s->members_changed = true;
            inner.write->version = 0;
            inner.write->mod_policy = after->groups[i]->value->mod_policy;
            st = append_groups(s->write, key, inner.write, s->arena);
        } else if (!inner.changed) {
            st = append_groups(s->same, key, inner.read, s->arena);
        } else {
            st = append_groups(s->read, key, inner.read, s->arena);
            if (st == FCC_OK)
                st = append_groups(s->write, key, inner.write, s->arena);
        }
    }
    return st;
}

/* Where the members change, the unchanged ones are named too: a group's members are those it is written with. */
static void add_same(Common__ConfigGroup *to, const Common__ConfigGroup *same)
{
    size_t i;

    for (i = 0; i < same->n_groups; i++)
        to->groups[to->n_groups++] = same->groups[i];
    for (i = 0; i < same->n_values; i++)
        to->values[to->n_values++] = same->values[i];
    for (i = 0; i < same->n_policies; i++)
        to->policies[to->n_policies++] = same->policies[i];
}

static fcc_status compare_group(const Common__ConfigGroup *before, const Common__ConfigGroup *after, fcc__arena *arena,
                                difference *out)
{
    const size_t groups = after->n_groups, values = after->n_values, policies = after->n_policies;
    sets s = { .read = new_group(arena, groups, values, policies),
               .write = new_group(arena, groups, values, policies),
               .same = new_group(arena, groups, values, policies),
               .arena = arena };
    fcc_status st;

    if (!s.read || !s.write || !s.same)
        return FCC_ERR_LIMIT;
    st = compare_policies(&s, before, after);
    if (st == FCC_OK)
        st = compare_values(&s, before, after);
    if (st == FCC_OK)
        st = compare_groups(&s, before, after);
    if (st != FCC_OK)
        return st;
    *out = (difference){ .read = s.read, .write = s.write };
    s.read->version = s.write->version = before->version;
    if (s.members_changed || !fcc_bytes_equal(fcc__of_pb(before->mod_policy), fcc__of_pb(after->mod_policy))) {
        out->changed = true;
        add_same(s.read, s.same);
        add_same(s.write, s.same);
        s.write->version++;
        s.write->mod_policy = after->mod_policy;
    } else {
        out->changed = s.read->n_groups || s.write->n_groups || s.write->n_values || s.write->n_policies;
    }
    st = msp__tree_tidy(s.read, arena);
    return st == FCC_OK ? msp__tree_tidy(s.write, arena) : st;
}

static fcc_status read_config(fcc_bytes bytes, const char *which, fcc__arena *arena, Common__Config **out,
                              fcc_error *error)
{
    fcc_status st = FCC__UNPACK(common__config, bytes, arena, out);

    if (st == FCC_ERR_PROTO)
        return fcc_error_set(error, st, "the %s config is not a common.Config", which);
    if (st == FCC_OK && !(*out)->channel_group)
        return fcc_error_set(error, FCC_ERR_CONFIG, "no channel group included for %s config", which);
    if (st == FCC_OK)
        st = msp__tree_tidy((*out)->channel_group, arena);
    return st == FCC_OK ? st : fcc_error_set(error, st, "the %s config is too large", which);
}

fcc_status msp_configtx_compute(const char *channel_id, fcc_bytes original, fcc_bytes updated, fcc__arena *arena,
                                fcc_bytes *update, fcc_error *error)
{
    fcc__arena *scratch = fcc__arena_new(SCRATCH);
    Common__ConfigUpdate message = COMMON__CONFIG_UPDATE__INIT;
    Common__Config *before, *after;
    difference whole;
    fcc_status st;

    if (!scratch)
        return fcc_error_set(error, FCC_ERR_NOMEM, "out of memory for a configuration update");
    st = read_config(original, "original", scratch, &before, error);
    if (st == FCC_OK)
        st = read_config(updated, "updated", scratch, &after, error);
    if (st != FCC_OK)
        goto out;
    st = compare_group(before->channel_group, after->channel_group, scratch, &whole);
    if (st == FCC_OK && !whole.changed) {
        st = fcc_error_set(error, FCC_ERR_CONFIG, "no differences detected between original and updated config");
        goto out;
    }
    message.channel_id = fcc__pb(fcc_str(channel_id));
    if (st == FCC_OK) {
        message.read_set = whole.read;
        message.write_set = whole.write;
        st = fcc__pack(&message, arena, update);
    }
    if (st != FCC_OK)
        fcc_error_set(error, st, "the configuration update is too large");
out:
    fcc__arena_free(scratch);
    return st;
}

/* ---- signatures ---------------------------------------------------------------------------------------------------- */

fcc_status msp__configtx_signature(fcc_bytes update, const msp_signer *signer, fcc__arena *arena,
                                   Common__ConfigSignature **out)
{
    Common__SignatureHeader header = COMMON__SIGNATURE_HEADER__INIT;
    Common__ConfigSignature *made = fcc__arena_alloc(arena, sizeof *made);
    fcc_bytes parts[2], signature;
    unsigned char nonce[NONCE];
    fcc_status st;

    if (!made)
        return FCC_ERR_LIMIT;
    if (RAND_bytes(nonce, sizeof nonce) != 1)
        return FCC_ERR_INTERNAL;
    header.creator = fcc__pb(msp_signer_identity(signer));
    header.nonce = fcc__pb(fcc_bytes_of(nonce, sizeof nonce));
    st = fcc__pack(&header, arena, &parts[0]);
    if (st != FCC_OK)
        return st;
    parts[1] = update;
    st = msp_sign(signer, parts, 2, arena, &signature);
    if (st != FCC_OK)
        return st;
    common__config_signature__init(made);
    made->signature_header = fcc__pb(parts[0]);
    made->signature = fcc__pb(signature);
    *out = made;
    return FCC_OK;
}

fcc_status msp_configtx_sign(const char *channel_id, fcc_bytes update, const msp_signer *const *signers, size_t count,
                             const msp_signer *submitter, int64_t now_s, fcc__arena *arena, fcc_bytes *envelope)
{
    Common__ConfigUpdateEnvelope message = COMMON__CONFIG_UPDATE_ENVELOPE__INIT;
    Common__Envelope made;
    fcc_bytes data;
    fcc_status st = FCC_OK;
    size_t i;

    message.config_update = fcc__pb(update);
    message.signatures = fcc__arena_zalloc(arena, count + 1, sizeof *message.signatures);
    if (!message.signatures)
        return FCC_ERR_LIMIT;
    message.n_signatures = count;
    for (i = 0; i < count && st == FCC_OK; i++)
        st = msp__configtx_signature(update, signers[i], arena, &message.signatures[i]);
    if (st == FCC_OK)
        st = fcc__pack(&message, arena, &data);
    if (st == FCC_OK)
        st = msp__envelope_sign(channel_id, COMMON__HEADER_TYPE__CONFIG_UPDATE, data, submitter, now_s, arena, &made);
    return st == FCC_OK ? fcc__pack(&made, arena, envelope) : st;
}
