/* load.c: from a file to a YAML document. */
#include "config/load.h"

#include <errno.h>
#include <stdio.h>

enum { MAX_FILE = 4 << 20 };

fcc_status config_slurp(const char *path, fcc__buf *buf, fcc_error *error)
{
    FILE *file = fopen(path, "rbe");
    char chunk[8192];
    size_t n;
    fcc_status st = FCC_OK;

    fcc__buf_init(buf, MAX_FILE);
    if (!file)
        return fcc_error_set(error, errno == ENOENT ? FCC_ERR_NOT_FOUND : FCC_ERR_IO, "%s: %s", path, strerror(errno));
    while ((n = fread(chunk, 1, sizeof chunk, file)) > 0)
        fcc__buf_append(buf, chunk, n);
    if (ferror(file))
        st = fcc_error_set(error, FCC_ERR_IO, "%s: %s", path, strerror(errno));
    else if (!fcc__buf_ok(buf))
        st = fcc_error_set(error, buf->status, "%s: larger than %d bytes", path, MAX_FILE);
    fclose(file);
    return st;
}

fcc_status config_load_document(fcc_bytes yaml, config_reader *reader)
{
    yaml_parser_t parser;
    fcc_status st = FCC_OK;

    if (!yaml_parser_initialize(&parser))
        return fcc_error_set(reader->error, FCC_ERR_NOMEM, "%s: out of memory", reader->path);
    yaml_parser_set_input_string(&parser, yaml.data ? yaml.data : (const uint8_t *)"", yaml.len);
    if (yaml_parser_load(&parser, &reader->document) != 1)
        st = fcc_error_set(reader->error, FCC_ERR_CONFIG, "%s:%lu: not YAML: %s", reader->path,
                           (unsigned long)parser.problem_mark.line + 1, parser.problem ? parser.problem : "unreadable");
    yaml_parser_delete(&parser);
    return st;
}
