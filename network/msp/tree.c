/* tree.c: see tree.h. */
#include "msp/tree.h"

#include "protos/unpack.h"

#include <stdlib.h>

typedef struct place {
    fcc_bytes key;
    size_t at; /* in the list as it came */
} place;

static int by_key(const void *a, const void *b)
{
    const place *x = a, *y = b;
    const int order = fcc_bytes_compare(x->key, y->key);

    return order ? order : x->at < y->at ? -1 : x->at > y->at;
}

/* One kind of entries: into the order of their keys, the last of equal ones kept. */
#define DEFINE_TIDY(kind, Entry, Value, value_init)                                  \
    static fcc_status tidy_##kind(Entry **entries, size_t *count, fcc__arena *arena) \
    {                                                                                \
        const size_t n = *count;                                                     \
        place *places = fcc__arena_zalloc(arena, n + 1, sizeof *places);             \
        Entry **sorted = fcc__arena_zalloc(arena, n + 1, sizeof *sorted);            \
        size_t i, kept = 0;                                                          \
                                                                                     \
        if (!places || !sorted)                                                      \
            return FCC_ERR_LIMIT;                                                    \
        for (i = 0; i < n; i++)                                                      \
            places[i] = (place){ fcc__of_pb(entries[i]->key), i };                   \
        qsort(places, n, sizeof *places, by_key);                                    \
        for (i = 0; i < n; i++) {                                                    \
            if (i + 1 < n && fcc_bytes_equal(places[i].key, places[i + 1].key))      \
                continue;                                                            \
            sorted[kept] = entries[places[i].at];                                    \
            if (!sorted[kept]->value) {                                              \
                Value *made = fcc__arena_alloc(arena, sizeof *made);                 \
                                                                                     \
                if (!made)                                                           \
                    return FCC_ERR_LIMIT;                                            \
                value_init(made);                                                    \
                sorted[kept]->value = made;                                          \
            }                                                                        \
            kept++;                                                                  \
        }                                                                            \
        for (i = 0; i < kept; i++)                                                   \
            entries[i] = sorted[i];                                                  \
        *count = kept;                                                               \
        return FCC_OK;                                                               \
    }

DEFINE_TIDY(groups, Common__ConfigGroupEntry, Common__ConfigGroup, common__config_group__init)
DEFINE_TIDY(values, Common__ConfigValueEntry, Common__ConfigValue, common__config_value__init)
DEFINE_TIDY(policies, Common__ConfigPolicyEntry, Common__ConfigPolicy, common__config_policy__init)

/* The wire's limit on nesting bounds the recursion. */
fcc_status msp__tree_tidy(Common__ConfigGroup *group, fcc__arena *arena)
{
    fcc_status st = tidy_groups(group->groups, &group->n_groups, arena);
    size_t i;

    if (st == FCC_OK)
        st = tidy_values(group->values, &group->n_values, arena);
    if (st == FCC_OK)
        st = tidy_policies(group->policies, &group->n_policies, arena);
    for (i = 0; i < group->n_groups && st == FCC_OK; i++)
        st = msp__tree_tidy(group->groups[i]->value, arena);
    return st;
}

#define DEFINE_FIND(name, kind, Value)                                                      \
    Value *msp__tree_##name(const Common__ConfigGroup *group, fcc_bytes key)                \
    {                                                                                       \
        size_t low = 0, high = group ? group->n_##kind : 0;                                 \
                                                                                            \
        while (low < high) {                                                                \
            const size_t middle = low + (high - low) / 2;                                   \
            const int order = fcc_bytes_compare(key, fcc__of_pb(group->kind[middle]->key)); \
                                                                                            \
            if (order == 0)                                                                 \
                return group->kind[middle]->value;                                          \
            if (order < 0)                                                                  \
                high = middle;                                                              \
            else                                                                            \
                low = middle + 1;                                                           \
        }                                                                                   \
        return NULL;                                                                        \
    }

DEFINE_FIND(group, groups, Common__ConfigGroup)
DEFINE_FIND(value, values, Common__ConfigValue)
DEFINE_FIND(policy, policies, Common__ConfigPolicy)

/* ---- names --------------------------------------------------------------------------------------------------------- */

enum { MAX_ID = 249 };

static bool lower(uint8_t c)
{
    return c >= 'a' && c <= 'z';
}

static bool common_char(uint8_t c)
{
    return lower(c) || (c >= '0' && c <= '9') || c == '.' || c == '-';
}

fcc_status msp__channel_id_ok(fcc_bytes id, fcc_error *error)
{
    size_t i;

    if (id.len == 0)
        return fcc_error_set(error, FCC_ERR_CONFIG, "bad channel ID: channel ID illegal, cannot be empty");
    if (id.len > MAX_ID)
        return fcc_error_set(error, FCC_ERR_CONFIG, "bad channel ID: channel ID illegal, cannot be longer than %d",
                             MAX_ID);
    for (i = 0; i < id.len && common_char(id.data[i]) && (i || lower(id.data[0])); i++)
        ;
    if (i < id.len)
        return fcc_error_set(error, FCC_ERR_CONFIG, "bad channel ID: '" FCC_FMT "' contains illegal characters",
                             FCC_ARG(id));
    return FCC_OK;
}

fcc_status msp__config_id_ok(fcc_bytes id, fcc_error *error)
{
    size_t i;

    if (id.len == 0)
        return fcc_error_set(error, FCC_ERR_CONFIG, "config ID illegal, cannot be empty");
    if (id.len > MAX_ID)
        return fcc_error_set(error, FCC_ERR_CONFIG, "config ID illegal, cannot be longer than %d", MAX_ID);
    if (fcc_bytes_equal(id, FCC_LIT(".")) || fcc_bytes_equal(id, FCC_LIT("..")))
        return fcc_error_set(error, FCC_ERR_CONFIG, "name '" FCC_FMT "' for config ID is not allowed", FCC_ARG(id));
    for (i = 0; i < id.len && (common_char(id.data[i]) || (id.data[i] >= 'A' && id.data[i] <= 'Z')); i++)
        ;
    if (i < id.len)
        return fcc_error_set(error, FCC_ERR_CONFIG, "config ID '" FCC_FMT "' contains illegal characters", FCC_ARG(id));
    return FCC_OK;
}

static fcc_status key_ok(const char *kind, ProtobufCBinaryData key, fcc_error *error)
{
    fcc_error why = { 0 };

    if (msp__config_id_ok(fcc__of_pb(key), &why) == FCC_OK)
        return FCC_OK;
    return fcc_error_set(error, FCC_ERR_CONFIG, "illegal characters in key: %s: %.600s", kind, why.text);
}

fcc_status msp__tree_keys_ok(const Common__ConfigGroup *group, fcc_error *error)
{
    fcc_status st = FCC_OK;
    size_t i;

    for (i = 0; i < group->n_groups && st == FCC_OK; i++) {
        st = key_ok("[Group]  ", group->groups[i]->key, error);
        if (st == FCC_OK)
            st = msp__tree_keys_ok(group->groups[i]->value, error);
    }
    for (i = 0; i < group->n_values && st == FCC_OK; i++)
        st = key_ok("[Value]  ", group->values[i]->key, error);
    for (i = 0; i < group->n_policies && st == FCC_OK; i++)
        st = key_ok("[Policy] ", group->policies[i]->key, error);
    return st;
}
