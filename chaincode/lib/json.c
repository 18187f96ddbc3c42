/*
 * json.c: strict reading by jansson, canonical writing by hand.
 *
 * jansson sorts names by bytes and escapes with upper-case digits where RFC 8785 sorts by UTF-16 units and has lower
 * case, so the writer is ours.
 */
#include "lib/json.h"

#include <openssl/sha.h>

#include <stdlib.h>

static const int64_t max_exact = 9007199254740991; /* 2^53 - 1: every JSON reader agrees up to here */

/* Brackets outside of strings; malformed text is left to the parser. */
static bool too_deep(fcc_bytes text)
{
    bool in_string = false;
    int depth = 0;

    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];

        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > LIB_JSON_MAX_DEPTH)
                return true;
        } else if (c == ']' || c == '}') {
            depth--;
        }
    }
    return false;
}

static bool starts_a_document(fcc_bytes text)
{
    size_t i = 0;

    while (i < text.len && text.data[i] && strchr(" \t\r\n", text.data[i]))
        i++;
    return i < text.len && (text.data[i] == '[' || text.data[i] == '{');
}

static json_t *load(fcc_bytes text, size_t flags, const char **why)
{
    json_error_t error;
    json_t *value;

    flags |= JSON_REJECT_DUPLICATES;
    value = json_loadb((const char *)text.data, text.len, flags, &error);

    /* an integer of more than 64 bits can only be foreign: then every number is what RFC 8785 takes it for, a double */
    if (!value && json_error_code(&error) == json_error_numeric_overflow)
        value = json_loadb((const char *)text.data, text.len, flags | JSON_DECODE_INT_AS_REAL, &error);
    if (value)
        return value;
    switch (json_error_code(&error)) {
    case json_error_out_of_memory:
        *why = "out of memory";
        break;
    case json_error_invalid_utf8:
        *why = "not valid UTF-8";
        break;
    case json_error_duplicate_key:
        *why = "a name occurs twice";
        break;
    case json_error_null_character:
    case json_error_null_byte_in_key:
        *why = "U+0000 in a string";
        break;
    case json_error_numeric_overflow:
        *why = "a number is too large";
        break;
    case json_error_end_of_input_expected:
        *why = "something follows the end";
        break;
    default:
        *why = starts_a_document(text) ? "not valid JSON" : "not a JSON object or array";
        break;
    }
    return NULL;
}

json_t *lib_json_load(fcc_bytes text, const char **why)
{
    if (text.len == 0) {
        *why = "empty";
        return NULL;
    }
    if (text.len > LIB_JSON_MAX_BYTES) {
        *why = "more than 65536 bytes";
        return NULL;
    }
    if (too_deep(text)) {
        *why = "nested more than 16 levels";
        return NULL;
    }
    return load(text, 0, why);
}

json_t *lib_json_load_own(fcc_bytes text)
{
    const char *why;

    if (text.len == 0 || too_deep(text))
        return NULL;
    return load(text, JSON_DECODE_ANY, &why);
}

/* ---- writing ---- */

struct out {
    char *data;
    size_t len, cap;
    bool foreign; /* any number is taken */
    bool failed;
};

static void put(struct out *o, const char *data, size_t len)
{
    if (o->failed)
        return;
    if (o->cap - o->len < len) {
        size_t cap = (o->cap + len) * 2;
        char *grown = realloc(o->data, cap);

        if (!grown) {
            o->failed = true;
            return;
        }
        o->data = grown;
        o->cap = cap;
    }
    memcpy(o->data + o->len, data, len);
    o->len += len;
}

static void put_string(struct out *o, const char *s, size_t len)
{
    static const char hex[] = "0123456789abcdef";

    put(o, "\"", 1);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        char unicode[6] = { '\\', 'u', '0', '0', 0, 0 };

        if (c == '"')
            put(o, "\\\"", 2);
        else if (c == '\\')
            put(o, "\\\\", 2);
        else if (c == '\b')
            put(o, "\\b", 2);
        else if (c == '\t')
            put(o, "\\t", 2);
        else if (c == '\n')
            put(o, "\\n", 2);
        else if (c == '\f')
            put(o, "\\f", 2);
        else if (c == '\r')
            put(o, "\\r", 2);
        else if (c < 0x20) {
            unicode[4] = hex[c >> 4];
            unicode[5] = hex[c & 15];
            put(o, unicode, sizeof(unicode));
        } else
            put(o, s + i, 1);
    }
    put(o, "\"", 1);
}

static void put_real(struct out *o, double value)
{
    char text[LIB_JSON_NUMBER_SIZE];

    if (o->foreign)
        put(o, text, lib_json_number(value, text));
    else
        o->failed = true;
}

static void put_integer(struct out *o, int64_t n)
{
    char text[24];
    size_t at = sizeof(text);
    bool negative = n < 0;

    if (n > max_exact || n < -max_exact) {
        put_real(o, (double)n);
        return;
    }
    if (negative)
        n = -n;
    do {
        text[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    if (negative)
        text[--at] = '-';
    put(o, text + at, sizeof(text) - at);
}

/* UTF-16 order of UTF-8 names: byte order, but a surrogate pair (lead byte F0 up) sorts before U+E000 to U+FFFF. */
static int by_utf16(const void *pa, const void *pb)
{
    const unsigned char *a = *(const unsigned char *const *)pa;
    const unsigned char *b = *(const unsigned char *const *)pb;

    while (*a && *a == *b) {
        a++;
        b++;
    }
    if (*a >= 0xF0 && (*b == 0xEE || *b == 0xEF))
        return -1;
    if (*b >= 0xF0 && (*a == 0xEE || *a == 0xEF))
        return 1;
    return (*a > *b) - (*a < *b);
}

static void put_value(struct out *o, const json_t *value, int depth);

static void put_object(struct out *o, const json_t *value, int depth)
{
    size_t n = json_object_size(value), i = 0;
    const char **names = n ? malloc(n * sizeof(*names)) : NULL;
    json_t *object = (json_t *)value; /* jansson's iteration takes no const, and changes nothing */

    if (n && !names) {
        o->failed = true;
        return;
    }
    for (void *it = json_object_iter(object); it && i < n; it = json_object_iter_next(object, it))
        names[i++] = json_object_iter_key(it);
    if (n)
        qsort(names, n, sizeof(*names), by_utf16);
    put(o, "{", 1);
    for (i = 0; i < n; i++) {
        if (i)
            put(o, ",", 1);
        put_string(o, names[i], strlen(names[i]));
        put(o, ":", 1);
        put_value(o, json_object_get(value, names[i]), depth + 1);
    }
    put(o, "}", 1);
    free(names);
}

static void put_value(struct out *o, const json_t *value, int depth)
{
    /* what we built ourselves is shallow too; the bound keeps a small stack safe */
    if (depth > 2 * LIB_JSON_MAX_DEPTH) {
        o->failed = true;
        return;
    }
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        put_object(o, value, depth);
        break;
    case JSON_ARRAY:
        put(o, "[", 1);
        for (size_t i = 0; i < json_array_size(value); i++) {
            if (i)
                put(o, ",", 1);
            put_value(o, json_array_get(value, i), depth + 1);
        }
        put(o, "]", 1);
        break;
    case JSON_STRING:
        put_string(o, json_string_value(value), json_string_length(value));
        break;
    case JSON_INTEGER:
        put_integer(o, json_integer_value(value));
        break;
    case JSON_REAL:
        put_real(o, json_real_value(value));
        break;
    case JSON_TRUE:
        put(o, "true", 4);
        break;
    case JSON_FALSE:
        put(o, "false", 5);
        break;
    case JSON_NULL:
        put(o, "null", 4);
        break;
    }
}

static char *write_out(const json_t *value, bool foreign, size_t *len)
{
    struct out o = { .foreign = foreign };

    if (!value)
        return NULL;
    put_value(&o, value, 0);
    if (o.failed) {
        free(o.data);
        return NULL;
    }
    *len = o.len;
    return o.data;
}

char *lib_json_canonical(const json_t *value, size_t *len)
{
    return write_out(value, false, len);
}

char *lib_json_canonical_foreign(const json_t *value, size_t *len)
{
    return write_out(value, true, len);
}

bool lib_json_hash(const json_t *value, uint8_t out[32])
{
    size_t len = 0;
    char *text = lib_json_canonical_foreign(value, &len);
    bool ok = text && SHA256((const unsigned char *)text, len, out);

    free(text);
    return ok;
}
