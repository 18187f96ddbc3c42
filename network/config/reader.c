/* reader.c: YAML mappings against tables of fields. */
#include "config/reader.h"

#include <errno.h>
#include <stdlib.h>

fcc_status config_fail(config_reader *reader, const yaml_node_t *node, const char *key, const char *value,
                       const char *expected)
{
    unsigned long line = node ? (unsigned long)node->start_mark.line + 1 : 1;

    if (!expected)
        return fcc_error_set(reader->error, FCC_ERR_LIMIT, "%s: larger than a configuration may be", reader->path);
    if (!value)
        return fcc_error_set(reader->error, FCC_ERR_CONFIG, "%s:%lu: %s: expected %s", reader->path, line, key,
                             expected);
    return fcc_error_set(reader->error, FCC_ERR_CONFIG, "%s:%lu: %s: \"%.200s\": expected %s", reader->path, line, key,
                         value, expected);
}

/* A scalar as a C string in the arena; NULL when it is none, or contains 0x00. */
static const char *scalar(config_reader *reader, const yaml_node_t *node)
{
    fcc_bytes copy;

    if (!node || node->type != YAML_SCALAR_NODE || memchr(node->data.scalar.value, 0, node->data.scalar.length))
        return NULL;
    if (!fcc__arena_copy(reader->arena, fcc_bytes_of(node->data.scalar.value, node->data.scalar.length), &copy))
        return NULL;
    return (const char *)copy.data;
}

static fcc_status read_text(config_reader *reader, const yaml_node_t *node, const char *name, const config_field *field,
                            const char **out)
{
    const char *text = scalar(reader, node);

    if (!text)
        return config_fail(reader, node, name, NULL, field->expected ? field->expected : "text");
    if (text[0] == '\0' || (field->accepts && !field->accepts(text)))
        return config_fail(reader, node, name, text, field->expected ? field->expected : "text");
    *out = text;
    return FCC_OK;
}

static fcc_status read_number(config_reader *reader, const yaml_node_t *node, const char *name,
                              const config_field *field)
{
    const char *text = scalar(reader, node);
    const char *expected = fcc__arena_printf(reader->arena, "a whole number from %lld to %lld", (long long)field->min,
                                             (long long)field->max);
    char *end = NULL;
    long long n;

    if (!text || !expected)
        return config_fail(reader, node, name, NULL, expected);
    errno = 0;
    n = strtoll(text, &end, 10);
    if (errno || end == text || *end || text[0] == '+' || text[0] == ' ' || n < field->min || n > field->max)
        return config_fail(reader, node, name, text, expected);
    *(int64_t *)field->out = n;
    return FCC_OK;
}

static fcc_status read_flag(config_reader *reader, const yaml_node_t *node, const char *name, const config_field *field)
{
    const char *text = scalar(reader, node);

    if (!text || (strcmp(text, "true") != 0 && strcmp(text, "false") != 0))
        return config_fail(reader, node, name, text, "true or false");
    *(bool *)field->out = text[0] == 't';
    return FCC_OK;
}

static fcc_status read_list(config_reader *reader, const yaml_node_t *node, const char *name, const config_field *field)
{
    config_strings *out = field->out;
    const char **items;
    size_t count = 0, i;
    fcc_status st = config_read_sequence(reader, node, name, &count);

    if (st != FCC_OK)
        return st;
    items = fcc__arena_zalloc(reader->arena, count ? count : 1, sizeof *items);
    if (!items)
        return config_fail(reader, node, name, NULL, NULL);
    for (i = 0; i < count; i++) {
        st = read_text(reader, config_item(reader, node, i), name, field, &items[i]);
        if (st != FCC_OK)
            return st;
    }
    out->v = items;
    out->n = count;
    return FCC_OK;
}

static fcc_status read_field(config_reader *reader, yaml_node_t *node, const char *name, const config_field *field)
{
    switch (field->kind) {
    case CONFIG_TEXT:
        return read_text(reader, node, name, field, field->out);
    case CONFIG_NUMBER:
        return read_number(reader, node, name, field);
    case CONFIG_FLAG:
        return read_flag(reader, node, name, field);
    case CONFIG_LIST:
        return read_list(reader, node, name, field);
    case CONFIG_NODE:
        *(yaml_node_t **)field->out = node;
        return FCC_OK;
    }
    return FCC_ERR_INTERNAL;
}

/* "a, b, c", for errors. */
static const char *known_keys(config_reader *reader, const config_field *fields, size_t count)
{
    const char *list = "one of ";
    size_t i;

    for (i = 0; i < count && list; i++)
        list = fcc__arena_printf(reader->arena, "%s%s%s", list, i ? ", " : "", fields[i].key);
    return list;
}

fcc_status config_read_mapping(config_reader *reader, const yaml_node_t *node, const char *what,
                               const config_field *fields, size_t count)
{
    yaml_node_pair_t *pair;
    uint64_t seen = 0;
    size_t i;

    if (!node || node->type != YAML_MAPPING_NODE)
        return config_fail(reader, node, what, NULL, "a mapping of keys to values");
    for (pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
        yaml_node_t *key_node = yaml_document_get_node(&reader->document, pair->key);
        yaml_node_t *value = yaml_document_get_node(&reader->document, pair->value);
        const char *key = scalar(reader, key_node);
        const char *name;
        fcc_status st;

        for (i = 0; key && i < count && strcmp(fields[i].key, key) != 0; i++)
            ;
        if (!key || i == count)
            return config_fail(reader, key_node, what, key ? key : "?", known_keys(reader, fields, count));
        if (seen & (UINT64_C(1) << i))
            return config_fail(reader, key_node, what, key, "each key once");
        seen |= UINT64_C(1) << i;
        name = fcc__arena_printf(reader->arena, "%s.%s", what, key);
        if (!name)
            return config_fail(reader, key_node, what, NULL, NULL);
        st = read_field(reader, value, name, &fields[i]);
        if (st != FCC_OK)
            return st;
    }
    for (i = 0; i < count; i++) {
        const char *missing;

        if (!fields[i].required || (seen & (UINT64_C(1) << i)))
            continue;
        missing = fcc__arena_printf(reader->arena, "the key \"%s\", which is missing", fields[i].key);
        return config_fail(reader, node, what, NULL, missing);
    }
    return FCC_OK;
}

fcc_status config_read_sequence(config_reader *reader, const yaml_node_t *node, const char *what, size_t *count)
{
    if (!node || node->type != YAML_SEQUENCE_NODE)
        return config_fail(reader, node, what, node && node->type == YAML_SCALAR_NODE ? scalar(reader, node) : NULL,
                           "a list");
    *count = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
    return FCC_OK;
}

yaml_node_t *config_item(config_reader *reader, const yaml_node_t *sequence, size_t i)
{
    return yaml_document_get_node(&reader->document, sequence->data.sequence.items.start[i]);
}
