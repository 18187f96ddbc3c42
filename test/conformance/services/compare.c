/* See compare.h. Messages are walked by protobuf-c's own descriptors. */
#include "compare.h"

#include "base/buf.h"
#include "protos/unpack.h"

#include "common/common.pb-c.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 60, LINE_MAX_LEN = 1024, SHOWN_HEX = 48, SHOWN_TEXT = 160 };

/*
 * What two implementations cannot have in common: signatures are random, and each has its own addresses. They must be
 * there on both sides or on neither.
 */
static const struct {
    const char *message, *field;
} aside[] = {
    { "protos.Endorsement", "signature" },
    { "common.MetadataSignature", "signature" },
    { "gateway.ErrorDetail", "address" },
};

static bool is_aside(const comparison *c, const ProtobufCMessageDescriptor *of, const char *field)
{
    if (c->block_signature && of == &common__signature_header__descriptor && strcmp(field, "nonce") == 0)
        return true;
    for (size_t i = 0; i < sizeof(aside) / sizeof(aside[0]); i++)
        if (strcmp(of->name, aside[i].message) == 0 && strcmp(field, aside[i].field) == 0)
            return true;
    return false;
}

/* ---- known differences ---------------------------------------------------------------------------------------------- */

struct known_list {
    struct known {
        char version[32], where[96], field[128];
    } * rows;
    size_t count;
};

fcc_status known_load(const char *file, known_list **out, fcc_error *error)
{
    known_list *list = calloc(1, sizeof(*list));
    FILE *f = fopen(file, "r");
    char line[LINE_MAX_LEN];
    fcc_status st = FCC_OK;

    if (!list || !f) {
        st = fcc_error_set(error, FCC_ERR_IO, "%s: %s", file, strerror(errno));
        goto out;
    }
    while (fgets(line, sizeof(line), f)) {
        struct known *rows = realloc(list->rows, (list->count + 1) * sizeof(*rows));
        int used = 0;

        if (!rows) {
            st = fcc_error_set(error, FCC_ERR_NOMEM, "%s: out of memory", file);
            goto out;
        }
        list->rows = rows;
        if (line[0] == '#' || line[0] == '\n')
            continue;
        if (sscanf(line, "%31s %95s %127s %n", rows[list->count].version, rows[list->count].where,
                   rows[list->count].field, &used) != 3 ||
            used == 0 || line[used] == '\0') {
            st = fcc_error_set(error, FCC_ERR_CONFIG, "%s: \"VERSION WHERE FIELD REASON\" is needed, not: %s", file,
                               line);
            goto out;
        }
        list->count++;
    }
out:
    if (f)
        fclose(f);
    if (st == FCC_OK)
        *out = list;
    else
        known_free(list);
    return st;
}

void known_free(known_list *list)
{
    if (list)
        free(list->rows);
    free(list);
}

static bool matches(const char *pattern, const char *text)
{
    return strcmp(pattern, "*") == 0 || strcmp(pattern, text) == 0;
}

static bool is_known(const comparison *c, const char *field)
{
    char number[24];

    snprintf(number, sizeof(number), "%ld", c->call);
    for (size_t i = 0; c->known && i < c->known->count; i++)
        if (matches(c->known->rows[i].version, c->version) &&
            (matches(c->known->rows[i].where, c->method) || strcmp(c->known->rows[i].where, number) == 0) &&
            strcmp(c->known->rows[i].field, field) == 0)
            return true;
    return false;
}

/* ---- what a difference looks like ------------------------------------------------------------------------------------- */

static bool is_text(fcc_bytes b)
{
    for (size_t i = 0; i < b.len; i++)
        if (b.data[i] < 0x20 || b.data[i] > 0x7e)
            return false;
    return b.len > 0;
}

/* From a little before the first byte that differs. */
static void show(fcc_bytes b, size_t from, bool as_text, char out[COMPARE_SHOWN])
{
    size_t start = from > 8 ? from - 8 : 0, n;
    fcc__buf buf;

    fcc__buf_init(&buf, 4096);
    fcc__buf_printf(&buf, "%zu bytes", b.len);
    if (b.len > 0)
        fcc__buf_puts(&buf, start > 0 ? ": ..." : ": ");
    n = b.len > start ? b.len - start : 0;
    if (n > (size_t)(as_text ? SHOWN_TEXT : SHOWN_HEX))
        n = as_text ? SHOWN_TEXT : SHOWN_HEX;
    if (n > 0 && as_text)
        fcc__buf_printf(&buf, "%.*s", (int)n, (const char *)b.data + start);
    else if (n > 0)
        fcc__buf_hex(&buf, fcc_bytes_of(b.data + start, n));
    if (start + n < b.len)
        fcc__buf_puts(&buf, "...");
    snprintf(out, COMPARE_SHOWN, "%s", fcc__buf_ok(&buf) ? fcc__buf_cstr(&buf) : "?");
    fcc__buf_clear(&buf);
}

/* Notes the first difference. true when known.txt names the field. */
static bool differ(comparison *c, const char *field, const char *expected, const char *actual)
{
    if (is_known(c, field)) {
        c->known_count++;
        c->left_aside++;
        return true;
    }
    if (!c->differs) {
        c->differs = true;
        snprintf(c->expected, sizeof(c->expected), "%s", expected);
        snprintf(c->actual, sizeof(c->actual), "%s", actual);
    }
    return false;
}

static bool differ_bytes(comparison *c, const char *field, fcc_bytes expected, fcc_bytes actual)
{
    char a[COMPARE_SHOWN], b[COMPARE_SHOWN];
    size_t from = 0, limit = expected.len < actual.len ? expected.len : actual.len;
    bool text = (is_text(expected) || expected.len == 0) && (is_text(actual) || actual.len == 0);

    while (from < limit && expected.data[from] == actual.data[from])
        from++;
    show(expected, from, text, a);
    show(actual, from, text, b);
    return differ(c, field, a, b);
}

static bool differ_numbers(comparison *c, const char *field, int64_t expected, int64_t actual)
{
    char a[32], b[32];

    snprintf(a, sizeof(a), "%" PRId64, expected);
    snprintf(b, sizeof(b), "%" PRId64, actual);
    return differ(c, field, a, b);
}

bool compare_bytes(comparison *c, const char *path, fcc_bytes expected, fcc_bytes actual)
{
    if (fcc_bytes_equal(expected, actual))
        return true;
    if (!c->differs)
        snprintf(c->path, sizeof(c->path), "%s", path);
    return differ_bytes(c, path, expected, actual);
}

bool compare_numbers(comparison *c, const char *path, int64_t expected, int64_t actual)
{
    if (expected == actual)
        return true;
    if (!c->differs)
        snprintf(c->path, sizeof(c->path), "%s", path);
    return differ_numbers(c, path, expected, actual);
}

/* ---- walking -------------------------------------------------------------------------------------------------------- */

static bool compare_unpacked(comparison *c, const ProtobufCMessage *expected, const ProtobufCMessage *actual);

/* Where we are, for the time of one call: the path is put back unless the difference was found there. */
static size_t enter(comparison *c, const char *name, long at)
{
    size_t len = strlen(c->path);

    if (at < 0)
        snprintf(c->path + len, sizeof(c->path) - len, "%s%s", len ? "." : "", name);
    else
        snprintf(c->path + len, sizeof(c->path) - len, "%s%s[%ld]", len ? "." : "", name, at);
    return len;
}

static void leave(comparison *c, size_t len)
{
    if (!c->differs)
        c->path[len] = '\0';
}

static bool compare_nested(comparison *c, const ProtobufCMessageDescriptor *type, const char *field, fcc_bytes expected,
                           fcc_bytes actual)
{
    ProtobufCMessage *a, *b;
    size_t before = c->left_aside;

    if (c->depth >= MAX_DEPTH || fcc__unpack(type, expected, c->arena, &a) != FCC_OK ||
        fcc__unpack(type, actual, c->arena, &b) != FCC_OK)
        return differ_bytes(c, field, expected, actual);
    c->depth++;
    compare_unpacked(c, a, b);
    c->depth--;
    if (c->differs)
        return false;
    /* the same fields in other bytes: one of them isn't written as the other writes it */
    return c->left_aside > before || differ_bytes(c, field, expected, actual);
}

static fcc_bytes bytes_at(const void *value)
{
    return fcc__of_pb(*(const ProtobufCBinaryData *)value);
}

static bool compare_value(comparison *c, const ProtobufCMessage *of, const ProtobufCFieldDescriptor *f, size_t at,
                          const void *expected, const void *actual)
{
    const ProtobufCMessageDescriptor *type;
    char field[160];
    fcc_bytes a, b;
    int64_t x, y;

    snprintf(field, sizeof(field), "%s.%s", of->descriptor->name, f->name);
    switch (f->type) {
    case PROTOBUF_C_TYPE_MESSAGE:
        return compare_unpacked(c, *(ProtobufCMessage *const *)expected, *(ProtobufCMessage *const *)actual);
    case PROTOBUF_C_TYPE_BYTES:
        a = bytes_at(expected);
        b = bytes_at(actual);
        if (fcc_bytes_equal(a, b))
            return true;
        if (is_aside(c, of->descriptor, f->name) && (a.len == 0) == (b.len == 0)) {
            c->left_aside++;
            return true;
        }
        type = a.len > 0 && b.len > 0 ? nested_type(c, of, f, at) : NULL;
        return type ? compare_nested(c, type, field, a, b) : differ_bytes(c, field, a, b);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_UINT64:
        x = *(const int64_t *)expected;
        y = *(const int64_t *)actual;
        break;
    case PROTOBUF_C_TYPE_BOOL:
        x = *(const protobuf_c_boolean *)expected;
        y = *(const protobuf_c_boolean *)actual;
        break;
    default: /* 32 bits; Fabric's messages have no other types */
        x = *(const int32_t *)expected;
        y = *(const int32_t *)actual;
        break;
    }
    return x == y || differ_numbers(c, field, x, y);
}

static size_t size_of(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(ProtobufCMessage *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_BOOL:
        return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_UINT64:
        return 8;
    default:
        return 4;
    }
}

/* The order of a map's entries says nothing: they are brought into that of their keys. */
static bool is_map(const ProtobufCFieldDescriptor *f)
{
    const ProtobufCMessageDescriptor *entry = f->type == PROTOBUF_C_TYPE_MESSAGE ? f->descriptor : NULL;
    size_t len = entry ? strlen(entry->name) : 0;

    return len > 5 && strcmp(entry->name + len - 5, "Entry") == 0 && entry->n_fields == 2 &&
           strcmp(entry->fields[0].name, "key") == 0 && entry->fields[0].type == PROTOBUF_C_TYPE_BYTES;
}

static int by_key(const void *left, const void *right)
{
    const ProtobufCMessage *a = *(ProtobufCMessage *const *)left, *b = *(ProtobufCMessage *const *)right;
    unsigned offset = a->descriptor->fields[0].offset;

    return fcc_bytes_compare(bytes_at((const uint8_t *)a + offset), bytes_at((const uint8_t *)b + offset));
}

/* Lists that Fabric makes of a Go map: their order says nothing either. */
static const struct {
    const char *message, *field;
} unordered[] = {
    { "protos.ChaincodeInterest", "chaincodes" },
    { "protos.ChaincodeCall", "key_policies" },
};

static bool is_unordered(const ProtobufCMessage *of, const ProtobufCFieldDescriptor *f)
{
    for (size_t i = 0; i < sizeof(unordered) / sizeof(unordered[0]); i++)
        if (strcmp(of->descriptor->name, unordered[i].message) == 0 && strcmp(f->name, unordered[i].field) == 0)
            return true;
    return false;
}

/* The lists are short. */
static void sort_by_bytes(comparison *c, ProtobufCMessage **items, size_t count)
{
    for (size_t i = 1; i < count; i++)
        for (size_t j = i; j > 0; j--) {
            fcc_bytes a, b;
            ProtobufCMessage *item = items[j];

            if (fcc__pack(items[j - 1], c->arena, &a) != FCC_OK || fcc__pack(item, c->arena, &b) != FCC_OK ||
                fcc_bytes_compare(a, b) <= 0)
                break;
            items[j] = items[j - 1];
            items[j - 1] = item;
        }
}

static bool compare_list(comparison *c, const ProtobufCMessage *a, const ProtobufCMessage *b,
                         const ProtobufCFieldDescriptor *f)
{
    size_t n = *(const size_t *)((const uint8_t *)a + f->quantifier_offset);
    size_t m = *(const size_t *)((const uint8_t *)b + f->quantifier_offset);
    uint8_t *x = *(uint8_t *const *)((const uint8_t *)a + f->offset);
    uint8_t *y = *(uint8_t *const *)((const uint8_t *)b + f->offset);
    char field[160];

    if (is_map(f) && n > 1 && m > 1) {
        c->left_aside++;
        qsort(x, n, sizeof(void *), by_key);
        qsort(y, m, sizeof(void *), by_key);
    }
    if (is_unordered(a, f)) {
        c->left_aside++;
        sort_by_bytes(c, (ProtobufCMessage **)(void *)x, n);
        sort_by_bytes(c, (ProtobufCMessage **)(void *)y, m);
    }
    for (size_t i = 0; i < n && i < m; i++) {
        size_t len = enter(c, f->name, (long)i);

        compare_value(c, a, f, i, x + i * size_of(f->type), y + i * size_of(f->type));
        leave(c, len);
        if (c->differs)
            return false;
    }
    if (n == m)
        return true;
    snprintf(field, sizeof(field), "%s.%s", a->descriptor->name, f->name);
    enter(c, f->name, -1);
    snprintf(c->path + strlen(c->path), sizeof(c->path) - strlen(c->path), "(number)");
    return differ_numbers(c, field, (int64_t)n, (int64_t)m);
}

static bool is_set(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
    if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        return *(const uint32_t *)((const uint8_t *)m + f->quantifier_offset) == f->id;
    if (f->type == PROTOBUF_C_TYPE_MESSAGE)
        return *(ProtobufCMessage *const *)((const uint8_t *)m + f->offset) != NULL;
    return true;
}

static bool compare_field(comparison *c, const ProtobufCMessage *a, const ProtobufCMessage *b,
                          const ProtobufCFieldDescriptor *f)
{
    char field[160];
    size_t len;

    if (f->label == PROTOBUF_C_LABEL_REPEATED)
        return compare_list(c, a, b, f);
    len = enter(c, f->name, -1);
    if (is_set(a, f) != is_set(b, f)) {
        snprintf(field, sizeof(field), "%s.%s", a->descriptor->name, f->name);
        differ(c, field, is_set(a, f) ? "set" : "absent", is_set(b, f) ? "set" : "absent");
    } else if (is_set(a, f)) {
        compare_value(c, a, f, 0, (const uint8_t *)a + f->offset, (const uint8_t *)b + f->offset);
    }
    leave(c, len);
    return !c->differs;
}

static bool compare_unpacked(comparison *c, const ProtobufCMessage *a, const ProtobufCMessage *b)
{
    bool was = c->block_signature;

    if (strcmp(a->descriptor->name, "common.MetadataSignature") == 0)
        c->block_signature = true;
    for (unsigned i = 0; i < a->descriptor->n_fields && !c->differs; i++)
        compare_field(c, a, b, &a->descriptor->fields[i]);
    if (!c->differs && a->n_unknown_fields != b->n_unknown_fields) {
        enter(c, "(unknown fields)", -1);
        differ_numbers(c, a->descriptor->name, a->n_unknown_fields, b->n_unknown_fields);
    }
    for (unsigned i = 0; i < a->n_unknown_fields && !c->differs; i++) {
        const ProtobufCMessageUnknownField *x = &a->unknown_fields[i], *y = &b->unknown_fields[i];
        size_t len = enter(c, "(unknown field)", (long)x->tag);

        if (x->tag != y->tag || !fcc_bytes_equal(fcc_bytes_of(x->data, x->len), fcc_bytes_of(y->data, y->len)))
            differ_bytes(c, a->descriptor->name, fcc_bytes_of(x->data, x->len), fcc_bytes_of(y->data, y->len));
        leave(c, len);
    }
    c->block_signature = was;
    return !c->differs;
}

bool compare_messages(comparison *c, const ProtobufCMessageDescriptor *type, fcc_bytes expected, fcc_bytes actual)
{
    if (c->differs)
        return false;
    c->path[0] = '\0';
    if (fcc_bytes_equal(expected, actual))
        return true;
    if (type)
        return compare_nested(c, type, type->name, expected, actual);
    return differ_bytes(c, "message", expected, actual);
}
