/* Reading a bundle: check it whole, then keep its resources' bytes and what the table says about them. */
#include "fhir/fhir.h"
#include "fhir/map.h"
#include "fhir/span.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 4096, ARENA_EXTRA = 64 << 20 };

typedef struct word_list {
    fcc__arena *arena;
    const char **v;
    size_t n;
} word_list;

/*
 * Words that can be searched for in binary files without being found by chance: not short ones, and not short ones
 * that look like hexadecimal digits.
 */
static bool telling(const char *word)
{
    size_t n = strlen(word), plain = strspn(word, "0123456789abcdef");

    return plain == n ? n >= 12 : n >= 6;
}

static void add_word(word_list *l, const json_t *v)
{
    const char *s = json_string_value(v);
    size_t i;

    if (!s || !telling(s) || l->n == WORDS_MAX)
        return;
    for (i = 0; i < l->n; i++)
        if (!strcmp(l->v[i], s))
            return;
    s = fcc__arena_printf(l->arena, "%s", s);
    if (s)
        l->v[l->n++] = s;
}

static void add_patient_words(word_list *l, const json_t *patient)
{
    static const char *const lists[] = { "name", "address", "telecom", "identifier" };
    const json_t *item, *v;
    const char *key;
    size_t i, j, k;

    add_word(l, json_object_get(patient, "id"));
    add_word(l, json_object_get(patient, "birthDate"));
    for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        json_array_foreach(json_object_get(patient, lists[i]), j, item)
        {
            json_object_foreach((json_t *)(uintptr_t)item, key, v)
            {
                const json_t *part;

                if (!strcmp(key, "system") || !strcmp(key, "use"))
                    continue;
                add_word(l, v);
                json_array_foreach(v, k, part) add_word(l, part);
            }
        }
    }
}

static fcc_status parse_entry(const json_t *item, fcc_bytes span, fhir_bundle *b, fhir_entry *e, word_list *words,
                              fcc_error *error)
{
    const json_t *resource = json_object_get(item, "resource");
    const char *url = json_string_value(json_object_get(item, "fullUrl"));
    char why[200] = "";
    fcc_status st;

    if (!json_is_object(resource))
        return fcc_error_set(error, FCC_ERR_PROTO, "%s: entry %zu has no resource", b->path, e->index);
    if (span.len == 0)
        return fcc_error_set(error, FCC_ERR_PROTO, "%s: entry %zu: its resource cannot be located in the text", b->path,
                             e->index);
    if (span.len > BLOB_MAX - BLOB_OVERHEAD)
        return fcc_error_set(error, FCC_ERR_LIMIT, "%s: entry %zu: a resource of %zu bytes, at most %d are taken",
                             b->path, e->index, span.len, BLOB_MAX - BLOB_OVERHEAD);
    e->content = span;
    e->full_url = url ? fcc__arena_printf(b->arena, "%s", url) : NULL;
    st = fhir__map(resource, b->arena, e, why);
    if (st != FCC_OK)
        return fcc_error_set(error, st, "%s: entry %zu%s%s: %s", b->path, e->index, e->type ? " " : "",
                             e->type ? e->type : "", why);
    if (!strcmp(e->type, "Patient")) {
        if (b->patient && !b->document)
            return fcc_error_set(error, FCC_ERR_PROTO, "%s: entry %zu: a second Patient; a bundle is of one person",
                                 b->path, e->index);
        b->patient = b->patient ? b->patient : e;
        add_patient_words(words, resource);
    } else if (strcmp(e->kind, "doc") != 0) {
        add_word(words, json_object_get(resource, "id"));
        add_word(words, fhir__at(resource, "code.coding.0.code"));
        add_word(words, fhir__at(resource, "code.coding.0.display"));
        add_word(words, fhir__at(resource, "medicationCodeableConcept.coding.0.display"));
        add_word(words, fhir__at(resource, "vaccineCode.coding.0.display"));
    }
    return FCC_OK;
}

static fcc_status check_urls(const fhir_bundle *b, fcc_error *error)
{
    size_t i, mask = 1;
    uint32_t *slots;

    /* an open hash of full URLs: a bundle has thousands of entries */
    while (mask < 2 * b->count + 2)
        mask *= 2;
    slots = calloc(mask, sizeof(*slots));
    if (!slots)
        return fcc_error_set(error, FCC_ERR_NOMEM, "%s: out of memory", b->path);
    for (i = 0; i < b->count; i++) {
        const char *p, *url = b->entries[i].full_url;
        uint32_t h = 2166136261u;
        size_t at;

        if (!url)
            continue;
        for (p = url; *p; p++)
            h = (h ^ (uint8_t)*p) * 16777619u;
        for (at = h & (mask - 1); slots[at]; at = (at + 1) & (mask - 1)) {
            if (strcmp(b->entries[slots[at] - 1].full_url, url) != 0)
                continue;
            fcc_error_set(error, FCC_ERR_PROTO, "%s: entry %zu has the fullUrl of entry %zu: %s", b->path, i,
                          (size_t)slots[at] - 1, url);
            free(slots);
            return FCC_ERR_PROTO;
        }
        slots[at] = (uint32_t)i + 1;
    }
    free(slots);
    return FCC_OK;
}

static fcc_status read_entries(const json_t *root, fcc_bytes text, fhir_bundle *b, fcc_error *error)
{
    fcc_status st = FCC_ERR_LIMIT;
    const json_t *list = json_object_get(root, "entry"), *item;
    size_t n = json_array_size(list), i;
    const char *kind;
    fhir_entry *entries;
    fcc_bytes *spans;
    word_list words;

    if (!json_is_object(root) || !json_is_string(json_object_get(root, "resourceType")) ||
        strcmp(json_string_value(json_object_get(root, "resourceType")), "Bundle") != 0)
        return fcc_error_set(error, FCC_ERR_PROTO, "%s: not a FHIR bundle: its resourceType must be \"Bundle\"",
                             b->path);
    if (n == 0)
        return fcc_error_set(error, FCC_ERR_PROTO, "%s: the bundle has no entries", b->path);
    if (n > FHIR_ENTRIES_MAX)
        return fcc_error_set(error, st, "%s: %zu entries, at most %d are taken", b->path, n, FHIR_ENTRIES_MAX);
    kind = json_string_value(json_object_get(root, "type"));
    b->document = kind && !strcmp(kind, "document");
    entries = fcc__arena_zalloc(b->arena, n, sizeof(*entries));
    spans = fcc__arena_zalloc(b->arena, n, sizeof(*spans));
    words.arena = b->arena;
    words.n = 0;
    words.v = fcc__arena_zalloc(b->arena, WORDS_MAX, sizeof(*words.v));
    if (!entries || !spans || !words.v)
        return fcc_error_set(error, st, "%s: larger than its memory limit", b->path);
    if (fhir__resource_spans(text, spans, n) != n)
        return fcc_error_set(error, FCC_ERR_PROTO, "%s: \"entry\" must be an array of objects, written without escapes",
                             b->path);
    b->entries = entries;
    b->count = n;
    json_array_foreach(list, i, item)
    {
        entries[i].index = i;
        if ((st = parse_entry(item, spans[i], b, &entries[i], &words, error)) != FCC_OK)
            return st;
    }
    if (!b->patient && !b->document)
        return fcc_error_set(error, FCC_ERR_PROTO, "%s: no Patient among its %zu entries", b->path, n);
    b->words = words.v;
    b->word_count = words.n;
    return check_urls(b, error);
}

fcc_status fhir_parse(fcc_bytes json, const char *path, fhir_bundle **out, fcc_error *error)
{
    fcc_status st;
    fhir_bundle *b = calloc(1, sizeof(*b));
    json_error_t why;
    json_t *root = NULL;
    fcc_bytes text;

    if (!b || !(b->arena = fcc__arena_new(2 * json.len + ARENA_EXTRA)) ||
        !(b->path = fcc__arena_printf(b->arena, "%s", path)) || !fcc__arena_copy(b->arena, json, &text)) {
        st = fcc_error_set(error, FCC_ERR_NOMEM, "%s: out of memory", path);
        goto out;
    }
    root = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &why);
    if (!root) {
        st = fcc_error_set(error, FCC_ERR_PROTO, "%s:%d:%d: not JSON: %s", path, why.line, why.column, why.text);
        goto out;
    }
    if ((st = read_entries(root, text, b, error)) != FCC_OK)
        goto out;
    *out = b;
    b = NULL;
out:
    json_decref(root);
    fhir_free(b);
    return st;
}

fcc_status fhir_load(const char *path, fhir_bundle **out, fcc_error *error)
{
    fcc_status st = FCC_ERR_IO;
    FILE *f = fopen(path, "rb");
    char *data = NULL;
    long size;

    if (!f)
        return fcc_error_set(error, st, "%s: %s", path, strerror(errno));
    if (fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) < 0 || fseek(f, 0, SEEK_SET) != 0) {
        fcc_error_set(error, st, "%s: cannot be read", path);
        goto out;
    }
    if (size > FHIR_BUNDLE_MAX) {
        st = fcc_error_set(error, FCC_ERR_LIMIT, "%s: %ld bytes, at most %d are taken", path, size, FHIR_BUNDLE_MAX);
        goto out;
    }
    data = malloc((size_t)size + 1);
    if (!data) {
        st = fcc_error_set(error, FCC_ERR_NOMEM, "%s: out of memory", path);
        goto out;
    }
    if (fread(data, 1, (size_t)size, f) != (size_t)size) {
        fcc_error_set(error, st, "%s: cannot be read", path);
        goto out;
    }
    st = fhir_parse(fcc_bytes_of(data, (size_t)size), path, out, error);
out:
    free(data);
    fclose(f);
    return st;
}

fcc_status fhir_resource(fcc_bytes json, const char *name, fcc__arena *arena, fhir_entry *out, fcc_error *error)
{
    json_error_t where;
    fhir_entry entry = { 0 };
    char why[200] = "";
    fcc_status st;
    json_t *root;

    /* a line's end behind it is the file's, not the resource's */
    while (json.len > 0 && strchr(" \t\r\n", json.data[json.len - 1]))
        json.len--;
    while (json.len > 0 && strchr(" \t\r\n", json.data[0]))
        json = fcc_bytes_of(json.data + 1, json.len - 1);
    entry.content = json;
    if (json.len > BLOB_MAX - BLOB_OVERHEAD)
        return fcc_error_set(error, FCC_ERR_LIMIT, "%s: a resource of %zu bytes, at most %d are taken", name, json.len,
                             BLOB_MAX - BLOB_OVERHEAD);
    root = json_loadb((const char *)json.data, json.len, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &where);
    if (!root)
        return fcc_error_set(error, FCC_ERR_PROTO, "%s:%d:%d: not JSON: %s", name, where.line, where.column,
                             where.text);
    st = fhir__map(root, arena, &entry, why);
    json_decref(root);
    if (st != FCC_OK)
        return fcc_error_set(error, st, "%s: %s%s%s", name, entry.type ? entry.type : "", entry.type ? ": " : "", why);
    *out = entry;
    return FCC_OK;
}

void fhir_free(fhir_bundle *b)
{
    if (!b)
        return;
    fcc__arena_free(b->arena);
    free(b);
}

const fhir_entry *fhir_find(const fhir_bundle *b, const char *reference)
{
    const char *slash = strrchr(reference, '/');
    size_t i, type_len = slash ? (size_t)(slash - reference) : 0;

    for (i = 0; i < b->count; i++) {
        const fhir_entry *e = &b->entries[i];

        if (e->full_url && !strcmp(e->full_url, reference))
            return e;
        if (slash && e->id && strlen(e->type) == type_len && !strncmp(e->type, reference, type_len) &&
            !strcmp(e->id, slash + 1))
            return e;
    }
    return NULL;
}
