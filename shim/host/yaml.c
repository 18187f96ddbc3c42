/* See yaml.h. */
#include "host/yaml.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_FILE = 1024 * 1024 };

fcc_status host_yaml_open(host_yaml *y, const char *path, fcc__arena *arena, fcc_error *error)
{
    FILE *file = fopen(path, "rb");
    yaml_parser_t parser;
    fcc_status st = FCC_OK;

    *y = (host_yaml){ .path = path, .arena = arena, .error = error };
    if (!file)
        return fcc_error_set(error, FCC_ERR_CONFIG, "%s: %s", path, strerror(errno));
    if (fseek(file, 0, SEEK_END) == 0 && ftell(file) > MAX_FILE) {
        fclose(file);
        return fcc_error_set(error, FCC_ERR_CONFIG, "%s: expected at most %d bytes", path, MAX_FILE);
    }
    rewind(file);
    if (!yaml_parser_initialize(&parser)) {
        fclose(file);
        return fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
    }
    yaml_parser_set_input_file(&parser, file);
    if (!yaml_parser_load(&parser, &y->document)) {
        size_t line = parser.error == YAML_READER_ERROR ? 0 : parser.problem_mark.line;

        st = fcc_error_set(error, FCC_ERR_CONFIG, "%s:%zu: not YAML: %s", path, line + 1,
                           parser.problem ? parser.problem : "cannot be read");
    } else if (!yaml_document_get_root_node(&y->document)) {
        yaml_document_delete(&y->document);
        st = fcc_error_set(error, FCC_ERR_CONFIG, "%s: the file is empty: expected a list \"chaincodes\"", path);
    }
    yaml_parser_delete(&parser);
    fclose(file);
    return st;
}

void host_yaml_close(host_yaml *y)
{
    yaml_document_delete(&y->document);
}

fcc_status host_yaml_fail(host_yaml *y, const yaml_node_t *node, const char *key, const char *value,
                          const char *expected)
{
    size_t line = node->start_mark.line + 1;

    if (!value)
        return fcc_error_set(y->error, FCC_ERR_CONFIG, "%s:%zu: %s: expected %s", y->path, line, key, expected);
    return fcc_error_set(y->error, FCC_ERR_CONFIG, "%s:%zu: %s: \"%.200s\": expected %s", y->path, line, key, value,
                         expected);
}

/* NULL: no scalar, or one that contains 0x00. */
static const char *scalar(host_yaml *y, const yaml_node_t *node)
{
    fcc_bytes copy;

    if (node->type != YAML_SCALAR_NODE || memchr(node->data.scalar.value, 0, node->data.scalar.length) ||
        !fcc__arena_copy(y->arena, fcc_bytes_of(node->data.scalar.value, node->data.scalar.length), &copy))
        return NULL;
    return (const char *)copy.data;
}

fcc_status host_yaml_text(host_yaml *y, const yaml_node_t *node, const char *key, const char **out)
{
    const char *text = node ? scalar(y, node) : NULL;

    if (!node)
        return FCC_OK;
    if (!text || !*text)
        return host_yaml_fail(y, node, key, text, "text");
    *out = text;
    return FCC_OK;
}

fcc_status host_yaml_number(host_yaml *y, const yaml_node_t *node, const char *key, int64_t min, int64_t max,
                            int64_t *out)
{
    const char *text = node ? scalar(y, node) : NULL;
    char expected[80], *rest = NULL;
    long long n;

    if (!node)
        return FCC_OK;
    errno = 0;
    n = text && *text >= '0' && *text <= '9' ? strtoll(text, &rest, 10) : -1;
    if (!rest || *rest || errno || n < min || n > max) {
        snprintf(expected, sizeof(expected), "a whole number from %lld to %lld", (long long)min, (long long)max);
        return host_yaml_fail(y, node, key, text, expected);
    }
    *out = n;
    return FCC_OK;
}

fcc_status host_yaml_flag(host_yaml *y, const yaml_node_t *node, const char *key, bool *out)
{
    const char *text = node ? scalar(y, node) : NULL;

    if (!node)
        return FCC_OK;
    if (!text || (strcmp(text, "true") != 0 && strcmp(text, "false") != 0))
        return host_yaml_fail(y, node, key, text, "true or false");
    *out = text[0] == 't';
    return FCC_OK;
}

static fcc_status unknown_key(host_yaml *y, const yaml_node_t *node, const char *what, const char *name,
                              const host_key *keys, size_t count)
{
    const char *list = "one of ";

    for (size_t i = 0; i < count && list; i++)
        list = fcc__arena_printf(y->arena, "%s%s%s", list, i ? ", " : "", keys[i].name);
    return host_yaml_fail(y, node, what, name ? name : "?", list ? list : "another key");
}

fcc_status host_yaml_keys(host_yaml *y, const yaml_node_t *node, const char *what, const host_key *keys, size_t count)
{
    if (node->type != YAML_MAPPING_NODE)
        return host_yaml_fail(y, node, what, NULL, "a mapping of keys to values");
    for (size_t i = 0; i < count; i++)
        *keys[i].out = NULL;
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
        yaml_node_t *key = yaml_document_get_node(&y->document, pair->key);
        const char *name = scalar(y, key);
        size_t i = 0;

        while (name && i < count && strcmp(keys[i].name, name) != 0)
            i++;
        if (!name || i == count)
            return unknown_key(y, key, what, name, keys, count);
        if (*keys[i].out)
            return host_yaml_fail(y, key, what, name, "each key once");
        *keys[i].out = yaml_document_get_node(&y->document, pair->value);
    }
    for (size_t i = 0; i < count; i++)
        if (keys[i].required && !*keys[i].out) {
            char expected[80];

            snprintf(expected, sizeof(expected), "the key \"%s\", which is missing", keys[i].name);
            return host_yaml_fail(y, node, what, NULL, expected);
        }
    return FCC_OK;
}
