/* reader.h: a YAML document read field by field against tables, so that every error has a line and an expectation. */
#ifndef NETWORK_CONFIG_READER_H
#define NETWORK_CONFIG_READER_H

#include "config/config.h"

#include <yaml.h>

typedef struct config_reader {
    yaml_document_t document;
    const char *path;
    fcc__arena *arena;
    fcc_error *error;
} config_reader;

typedef enum config_field_kind {
    CONFIG_TEXT,   /* const char * */
    CONFIG_NUMBER, /* int64_t, from min to max */
    CONFIG_FLAG,   /* bool */
    CONFIG_LIST,   /* config_strings */
    CONFIG_NODE    /* yaml_node_t *, looked at by the caller */
} config_field_kind;

typedef struct config_field {
    const char *key;
    config_field_kind kind;
    bool required;
    void *out; /* untouched when the key is absent */
    int64_t min, max;
    /* for CONFIG_TEXT and the items of CONFIG_LIST: accepts the text, or says by `expected` what it should have been */
    bool (*accepts)(const char *text);
    const char *expected;
} config_field;

/* Report an error at a node. Always FCC_ERR_CONFIG, or FCC_ERR_LIMIT when `value` and `expected` are both NULL. */
fcc_status config_fail(config_reader *reader, const yaml_node_t *node, const char *key, const char *value,
                       const char *expected);
/* Read a mapping whose name in errors is `what`. */
fcc_status config_read_mapping(config_reader *reader, const yaml_node_t *node, const char *what,
                               const config_field *fields, size_t count) FCC_MUST_CHECK;
/* The number of items of a sequence, and one of them. */
fcc_status config_read_sequence(config_reader *reader, const yaml_node_t *node, const char *what,
                                size_t *count) FCC_MUST_CHECK;
yaml_node_t *config_item(config_reader *reader, const yaml_node_t *sequence, size_t i);

#endif
