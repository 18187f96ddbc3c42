/* yaml.h: a YAML document read mapping by mapping against tables of keys, so that each error has a line and a remedy. */
#ifndef FCC_HOST_YAML_H
#define FCC_HOST_YAML_H

#include "base/arena.h"

#include <yaml.h>

typedef struct host_yaml {
    yaml_document_t document;
    const char *path;
    fcc__arena *arena;
    fcc_error *error;
} host_yaml;

typedef struct host_key {
    const char *name;
    yaml_node_t **out; /* NULL stays when the key is absent */
    bool required;
} host_key;

/* FCC_ERR_CONFIG, or what reading failed with. On FCC_OK host_yaml_close is due. */
fcc_status host_yaml_open(host_yaml *y, const char *path, fcc__arena *arena, fcc_error *error) FCC_MUST_CHECK;
void host_yaml_close(host_yaml *y);

/* Report an error at a node: FCC_ERR_CONFIG. `value` NULL: none to show. */
fcc_status host_yaml_fail(host_yaml *y, const yaml_node_t *node, const char *key, const char *value,
                          const char *expected);
/* All keys of a mapping; `what` is its name in errors. */
fcc_status host_yaml_keys(host_yaml *y, const yaml_node_t *node, const char *what, const host_key *keys,
                          size_t count) FCC_MUST_CHECK;
/* Scalars. The readers of one kind of value leave *out alone when `node` is NULL. */
fcc_status host_yaml_text(host_yaml *y, const yaml_node_t *node, const char *key, const char **out) FCC_MUST_CHECK;
fcc_status host_yaml_number(host_yaml *y, const yaml_node_t *node, const char *key, int64_t min, int64_t max,
                            int64_t *out) FCC_MUST_CHECK;
fcc_status host_yaml_flag(host_yaml *y, const yaml_node_t *node, const char *key, bool *out) FCC_MUST_CHECK;

#endif
