/* config_edit.h: taking a channel's configuration apart, changing it, and putting it together again, for tests. */
#ifndef TEST_SUPPORT_CONFIG_EDIT_H
#define TEST_SUPPORT_CONFIG_EDIT_H

#include "protos/unpack.h"

#include "common/common.pb-c.h"
#include "common/configtx.pb-c.h"
#include "common/configuration.pb-c.h"
#include "orderer/configuration.pb-c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static inline fcc_bytes edit_pack(fcc__arena *arena, const void *message)
{
    fcc_bytes out;

    assert_int_equal(fcc__pack(message, arena, &out), FCC_OK);
    return out;
}

static inline Common__Config *edit_read(fcc__arena *arena, fcc_bytes config)
{
    Common__Config *out;

    assert_int_equal(FCC__UNPACK(common__config, config, arena, &out), FCC_OK);
    return out;
}

/* "Application/A"; "" is the channel's own group. */
static inline Common__ConfigGroup *edit_group(Common__ConfigGroup *root, const char *path)
{
    while (*path) {
        const size_t n = strcspn(path, "/");
        size_t i;

        for (i = 0; i < root->n_groups; i++)
            if (fcc_bytes_equal(fcc__of_pb(root->groups[i]->key), fcc_bytes_of(path, n)))
                break;
        assert_true(i < root->n_groups);
        root = root->groups[i]->value;
        path += n + (path[n] == '/');
    }
    return root;
}

/* NULL when there is none. */
static inline Common__ConfigValue *edit_value(Common__ConfigGroup *group, const char *key)
{
    size_t i;

    for (i = 0; i < group->n_values; i++)
        if (fcc_bytes_equal(fcc__of_pb(group->values[i]->key), fcc_str(key)))
            return group->values[i]->value;
    return NULL;
}

static inline Common__ConfigPolicy *edit_policy(Common__ConfigGroup *group, const char *key)
{
    size_t i;

    for (i = 0; i < group->n_policies; i++)
        if (fcc_bytes_equal(fcc__of_pb(group->policies[i]->key), fcc_str(key)))
            return group->policies[i]->value;
    return NULL;
}

/* Change a value, or add it with mod_policy Admins. */
static inline Common__ConfigValue *edit_set(fcc__arena *arena, Common__ConfigGroup *group, const char *key,
                                            fcc_bytes bytes)
{
    Common__ConfigValue *value = edit_value(group, key);

    if (!value) {
        Common__ConfigValueEntry **more = fcc__arena_zalloc(arena, group->n_values + 1, sizeof *more);
        Common__ConfigValueEntry *entry = fcc__arena_alloc(arena, sizeof *entry);

        value = fcc__arena_alloc(arena, sizeof *value);
        assert_true(more && entry && value);
        common__config_value__init(value);
        common__config_value_entry__init(entry);
        value->mod_policy = fcc__pb(FCC_LIT("Admins"));
        entry->key = fcc__pb(fcc_str(key));
        entry->value = value;
        if (group->n_values)
            memcpy(more, group->values, group->n_values * sizeof *more);
        more[group->n_values++] = entry;
        group->values = more;
    }
    value->value = fcc__pb(bytes);
    return value;
}

static inline void edit_remove_value(Common__ConfigGroup *group, const char *key)
{
    size_t i, kept = 0;

    for (i = 0; i < group->n_values; i++)
        if (!fcc_bytes_equal(fcc__of_pb(group->values[i]->key), fcc_str(key)))
            group->values[kept++] = group->values[i];
    group->n_values = kept;
}

static inline void edit_add_group(fcc__arena *arena, Common__ConfigGroup *parent, const char *key,
                                  Common__ConfigGroup *group)
{
    Common__ConfigGroupEntry **more = fcc__arena_zalloc(arena, parent->n_groups + 1, sizeof *more);
    Common__ConfigGroupEntry *entry = fcc__arena_alloc(arena, sizeof *entry);

    assert_true(more && entry);
    common__config_group_entry__init(entry);
    entry->key = fcc__pb(fcc_str(key));
    entry->value = group;
    if (parent->n_groups)
        memcpy(more, parent->groups, parent->n_groups * sizeof *more);
    more[parent->n_groups++] = entry;
    parent->groups = more;
}

static inline void edit_remove_group(Common__ConfigGroup *parent, const char *key)
{
    size_t i, kept = 0;

    for (i = 0; i < parent->n_groups; i++)
        if (!fcc_bytes_equal(fcc__of_pb(parent->groups[i]->key), fcc_str(key)))
            parent->groups[kept++] = parent->groups[i];
    parent->n_groups = kept;
}

/* The Capabilities value of a group: these and no others. */
static inline void edit_capability(fcc__arena *arena, Common__ConfigGroup *group, const char *name)
{
    Common__Capabilities capabilities = COMMON__CAPABILITIES__INIT;
    Common__CapabilityEntry entry = COMMON__CAPABILITY_ENTRY__INIT, *entries = &entry;
    Common__Capability on = COMMON__CAPABILITY__INIT;

    entry.key = fcc__pb(fcc_str(name));
    entry.value = &on;
    capabilities.n_capabilities = 1;
    capabilities.capabilities = &entries;
    edit_set(arena, group, "Capabilities", edit_pack(arena, &capabilities));
}

static inline fcc_bytes edit_batch(fcc__arena *arena, uint32_t count)
{
    Orderer__BatchSize size = ORDERER__BATCH_SIZE__INIT;

    size.max_message_count = count;
    size.absolute_max_bytes = 10485760;
    size.preferred_max_bytes = 2097152;
    return edit_pack(arena, &size);
}

static inline fcc_bytes edit_timeout(fcc__arena *arena, const char *text)
{
    Orderer__BatchTimeout timeout = ORDERER__BATCH_TIMEOUT__INIT;

    timeout.timeout = fcc__pb(fcc_str(text));
    return edit_pack(arena, &timeout);
}

#endif
