/*
 * metadata.c: the folder META-INF of a chaincode: indexes of CouchDB, which a peer makes when the chaincode is deployed. What
 * a peer would pass over in silence, or log and forget, is refused here with the words of Fabric's `peer ... package`.
 *
 * Source: fabric v3.1.5 internal/ccmetadata/validators.go, core/chaincode/platforms/util/writer.go,
 * core/common/ccprovider/targzmetadataprovider.go
 */
#include "package/package.h"

#include "base/buf.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { MOST_FILES = 1000, DEEPEST = 16 };

static const char indexes[] = "META-INF/statedb/couchdb/indexes/";
static const char collections[] = "META-INF/statedb/couchdb/collections/";

static fcc_status refuse(package_fault *fault, const char *name, const char *why)
{
    return package_refuse(fault, FCC__E_PKG_META_INF, FCC_ERR_ARG, "%s: %s", name, why);
}

/* ---- where files may lie ---- */

/* ".json" somewhere behind `at`: Fabric's expression has no end. */
static bool is_index_file(const char *at)
{
    return strstr(at, ".json") != NULL;
}

static bool is_in_place(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    size_t n;

    if (strncmp(name, indexes, sizeof(indexes) - 1) == 0)
        return is_index_file(name + sizeof(indexes) - 1);
    if (strncmp(name, collections, sizeof(collections) - 1) != 0)
        return false;
    name += sizeof(collections) - 1;
    n = strspn(name, letters);
    return n > 0 && strncmp(name + n, "/indexes/", 9) == 0 && is_index_file(name + n + 9);
}

static fcc_status refuse_place(package_fault *fault, const char *name)
{
    const char *words = "metadata file path or name is not supported";
    size_t depth = 0;

    for (const char *p = name; *p; p++)
        depth += *p == '/';
    if (strncmp(name, "META-INF/statedb", 16) != 0)
        words = "metadata file path must begin with META-INF/statedb";
    else if (depth < 4)
        words = "metadata file path must include a database and index directory";
    else if (strncmp(name, "META-INF/statedb/couchdb/", 25) != 0)
        words = "database name is not supported, valid options: [couchdb]";
    else if (depth == 4 && strncmp(name, indexes, sizeof(indexes) - 1) != 0)
        words = "metadata file path does not have an indexes directory";
    else if (depth != 6 && strncmp(name, indexes, sizeof(indexes) - 1) != 0)
        words = "metadata file path for collections must include a collections and index directory";
    else if (!is_index_file(name))
        words = "artifact file name is not valid: it must end in .json";
    return refuse(fault, name, words);
}

/* ---- what they may say ---- */

static bool is_sorted_field(const json_t *field)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)field, key, value)
    {
        const char *order = json_string_value(value);

        if (!order || (strcasecmp(order, "asc") != 0 && strcasecmp(order, "desc") != 0))
            return false;
    }
    return true;
}

static const char *check_fields(const json_t *fields)
{
    size_t i;
    json_t *one;

    if (!json_is_array(fields))
        return "Expecting a JSON array of fields";
    json_array_foreach(fields, i, one)
    {
        if (json_is_object(one) && !is_sorted_field(one))
            return "Sort must be either \"asc\" or \"desc\", as in {\"fieldname\":\"asc\"}";
    }
    return NULL;
}

/* What is wrong with an index definition, or NULL. */
static const char *check_index(const json_t *definition)
{
    const json_t *index = json_object_get(definition, "index"), *type = json_object_get(definition, "type");
    const char *key, *wrong;
    json_t *value;

    if (!json_is_object(definition))
        return "is not a valid JSON";
    json_object_foreach((json_t *)(uintptr_t)definition, key, value)
    {
        if (strcmp(key, "index") != 0 && strcmp(key, "ddoc") != 0 && strcmp(key, "name") != 0 &&
            strcmp(key, "type") != 0)
            return "Invalid entry: only index, ddoc, name and type are known";
        if ((strcmp(key, "ddoc") == 0 || strcmp(key, "name") == 0) && !json_is_string(value))
            return "Invalid entry, \"ddoc\" and \"name\" must be strings";
    }
    if (type && (!json_is_string(type) || strcmp(json_string_value(type), "json") != 0))
        return "Index type must be json";
    if (!index)
        return "Index definition must include a \"fields\" definition";
    if (!json_is_object(index))
        return "Invalid entry, \"index\" must be a JSON";
    json_object_foreach((json_t *)(uintptr_t)index, key, value)
    {
        if (strcmp(key, "fields") == 0 && (wrong = check_fields(value)))
            return wrong;
        if (strcmp(key, "fields") != 0 && strcmp(key, "partial_filter_selector") != 0)
            return "Invalid entry: \"index\" has fields and partial_filter_selector only";
    }
    return NULL;
}

fcc_status package_metadata_check(const package_file *file, package_fault *fault)
{
    const char *wrong;
    json_t *definition;

    if (!is_in_place(file->name))
        return refuse_place(fault, file->name);
    definition = json_loadb((const char *)file->content.data, file->content.len, 0, NULL);
    wrong = check_index(definition);
    json_decref(definition);
    return wrong ? refuse(fault, file->name, wrong) : FCC_OK;
}

/* ---- the folder ---- */

struct walk {
    fcc__arena *arena;
    package_fault *fault;
    package_file *files;
    size_t count;
};

static fcc_status take_file(struct walk *w, const char *path, const char *name)
{
    package_file *file = &w->files[w->count];
    uint8_t part[16384];
    fcc__buf content;
    size_t n;
    FILE *f = fopen(path, "rb");
    fcc_status st = FCC_OK;

    if (!f)
        return package_refuse(w->fault, FCC__E_PKG_READ, FCC_ERR_IO, "%s: %s", path, strerror(errno));
    if (w->count == MOST_FILES) {
        fclose(f);
        return package_refuse(w->fault, FCC__E_PKG_META_INF, FCC_ERR_LIMIT, "more than %d files below META-INF",
                              MOST_FILES);
    }
    fcc__buf_init(&content, PACKAGE_MAX_BYTES);
    while ((n = fread(part, 1, sizeof(part), f)) > 0)
        fcc__buf_append(&content, part, n);
    if (ferror(f))
        st = package_refuse(w->fault, FCC__E_PKG_READ, FCC_ERR_IO, "%s: cannot be read", path);
    else if (!fcc__buf_ok(&content) || !fcc__arena_copy(w->arena, fcc__buf_bytes(&content), &file->content))
        st = package_refuse(w->fault, FCC__E_PKG_READ, FCC_ERR_LIMIT, "%s is too large", path);
    file->name = name;
    w->count += st == FCC_OK;
    fcc__buf_clear(&content);
    fclose(f);
    return st == FCC_OK ? package_metadata_check(file, w->fault) : st;
}

static fcc_status walk(struct walk *w, const char *path, const char *name, int depth)
{
    DIR *d = opendir(path);
    struct dirent *e;
    fcc_status st = FCC_OK;

    if (!d)
        return package_refuse(w->fault, FCC__E_PKG_READ, FCC_ERR_IO, "%s: %s", path, strerror(errno));
    while (st == FCC_OK && (e = readdir(d))) {
        const char *inside, *called;
        struct stat s;

        if (e->d_name[0] == '.') /* the way back, and hidden files, which Fabric passes over as well */
            continue;
        inside = fcc__arena_printf(w->arena, "%s/%s", path, e->d_name);
        called = fcc__arena_printf(w->arena, "%s/%s", name, e->d_name);
        if (!inside || !called)
            st = package_refuse(w->fault, FCC__E_STAT_RES, FCC_ERR_NOMEM, "out of memory");
        else if (lstat(inside, &s) != 0)
            st = package_refuse(w->fault, FCC__E_PKG_READ, FCC_ERR_IO, "%s: %s", inside, strerror(errno));
        else if (S_ISDIR(s.st_mode) && depth < DEEPEST)
            st = walk(w, inside, called, depth + 1);
        else if (S_ISREG(s.st_mode))
            st = take_file(w, inside, called);
        else
            st = refuse(w->fault, called, "is neither a file nor a folder");
    }
    closedir(d);
    return st;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const package_file *)a)->name, ((const package_file *)b)->name);
}

fcc_status package_metadata_load(fcc__arena *arena, const char *path, package_file **out, size_t *count,
                                 package_fault *fault)
{
    struct walk w = { .arena = arena, .fault = fault };
    fcc_status st;

    w.files = fcc__arena_zalloc(arena, MOST_FILES + 1, sizeof(*w.files));
    if (!w.files)
        return package_refuse(fault, FCC__E_STAT_RES, FCC_ERR_NOMEM, "out of memory");
    if ((st = walk(&w, path, "META-INF", 0)) != FCC_OK)
        return st;
    qsort(w.files, w.count, sizeof(*w.files), by_name);
    *out = w.files;
    *count = w.count;
    return FCC_OK;
}
