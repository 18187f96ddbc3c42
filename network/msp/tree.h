/*
 * tree.h: the tree of a channel's configuration.
 *
 * Fabric's maps are lists of entries on the wire. A tidied group has them in the order of their keys, each key once (the
 * last one, as Go's maps have it) and no entry without a value, in all groups below it too. Everything else here expects
 * that.
 */
#ifndef NETWORK_MSP_TREE_H
#define NETWORK_MSP_TREE_H

#include "base/arena.h"

#include "common/configtx.pb-c.h"

/* Names that Fabric takes for a channel, and for an element of a configuration. FCC_ERR_CONFIG with its text. */
fcc_status msp__channel_id_ok(fcc_bytes id, fcc_error *error) FCC_MUST_CHECK;
fcc_status msp__config_id_ok(fcc_bytes id, fcc_error *error) FCC_MUST_CHECK;
/* Of all keys in the tree. */
fcc_status msp__tree_keys_ok(const Common__ConfigGroup *group, fcc_error *error) FCC_MUST_CHECK;

/* FCC_ERR_LIMIT past the arena's cap. */
fcc_status msp__tree_tidy(Common__ConfigGroup *group, fcc__arena *arena) FCC_MUST_CHECK;

/* NULL when there is none; `group` may be NULL. O(log n). */
Common__ConfigGroup *msp__tree_group(const Common__ConfigGroup *group, fcc_bytes key);
Common__ConfigValue *msp__tree_value(const Common__ConfigGroup *group, fcc_bytes key);
Common__ConfigPolicy *msp__tree_policy(const Common__ConfigGroup *group, fcc_bytes key);

#endif
