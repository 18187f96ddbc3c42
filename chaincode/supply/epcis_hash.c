/*
 * epcis_hash.c: the event hash of the Core Business Vocabulary 2.0: an event's content as one string in a fixed order, with
 * moments in UTC, keys as canonical Digital Links, terms as URIs and numbers without needless digits; and its SHA-256.
 *
 * The order is that of the reference implementation (github.com/RalphTro/epcis-event-hash-generator): the fields of the
 * table first, then what is left, sorted. Numbers are changed as text, so that any length stays exact.
 */
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/gs1_uri.h"
#include "lib/value.h"
#include "supply/epcis.h"

/* ---- text that grows, and lists of it ---- */

struct text {
    char *data;
    size_t len, cap;
    bool failed;
};

struct list {
    char **v;
    size_t n, cap;
    bool failed;
};

static void add_bytes(struct text *t, const char *s, size_t n)
{
    if (t->failed)
        return;
    if (t->len + n + 1 > t->cap) {
        const size_t cap = (t->cap + n + 1) * 2;
        char *grown = realloc(t->data, cap);

        if (!grown) {
            t->failed = true;
            return;
        }
        t->data = grown;
        t->cap = cap;
    }
    memcpy(t->data + t->len, s, n);
    t->len += n;
    t->data[t->len] = 0;
}

static void add(struct text *t, const char *s)
{
    add_bytes(t, s, strlen(s));
}

/* Takes the text over; one that is empty says nothing. */
static void list_add(struct list *list, struct text *t)
{
    char **grown = list->v;

    list->failed = list->failed || t->failed;
    if (list->failed || !t->data || t->len == 0) {
        free(t->data);
        return;
    }
    if (list->n == list->cap) {
        list->cap = list->cap ? 2 * list->cap : 16;
        grown = realloc(list->v, list->cap * sizeof(*grown));
    }
    if (!grown) {
        list->failed = true;
        free(t->data);
        return;
    }
    list->v = grown;
    list->v[list->n++] = t->data;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorted and joined behind `t`; the list is used up. */
static void add_sorted(struct text *t, struct list *list)
{
    if (list->n)
        qsort(list->v, list->n, sizeof(*list->v), by_bytes);
    for (size_t i = 0; i < list->n; i++) {
        add(t, list->v[i]);
        free(list->v[i]);
    }
    t->failed = t->failed || list->failed;
    free(list->v);
}

/* ---- namespaces ---- */

struct scope {
    const json_t *contexts[2]; /* the event's, the document's */
    const json_t *ignored;
};

static const char *declared(const json_t *context, const char *prefix, size_t n)
{
    char name[64];

    if (n >= sizeof(name))
        return NULL;
    memcpy(name, prefix, n);
    name[n] = 0;
    if (json_is_object(context))
        return json_string_value(json_object_get(context, name));
    for (size_t i = json_array_size(context); i > 0; i--) { /* the last one that declares it counts */
        const char *uri = json_string_value(json_object_get(json_array_get(context, i - 1), name));

        if (uri)
            return uri;
    }
    return NULL;
}

/* What stands in front of the first ':', if it is a prefix; EPCIS's own context declares some. */
static const char *namespace_of(const struct scope *scope, const char *s, const char **rest)
{
    static const char *const own[][2] = { { "cbvmda", "urn:epcglobal:cbv:mda:" }, { "gs1", "https://gs1.org/voc/" } };
    const char *colon = strchr(s, ':'), *uri = NULL;

    if (!colon)
        return NULL;
    *rest = colon + 1;
    for (size_t i = 0; i < 2 && !uri; i++)
        uri = declared(scope->contexts[i], s, (size_t)(colon - s));
    for (size_t i = 0; i < 2 && !uri; i++)
        if (strlen(own[i][0]) == (size_t)(colon - s) && strncmp(s, own[i][0], (size_t)(colon - s)) == 0)
            uri = own[i][1];
    return uri;
}

static void add_name(struct text *t, const struct scope *scope, const char *name)
{
    const char *rest, *uri = namespace_of(scope, name, &rest);

    if (!uri) {
        add(t, name);
        return;
    }
    add(t, "{");
    add(t, uri);
    add(t, "}");
    add(t, rest);
}

/* ---- values ---- */

struct number {
    const char *whole, *fraction; /* digits */
    size_t whole_len, fraction_len;
    bool negative;
    long exponent;
};

static bool read_number(const char *s, struct number *out)
{
    char *end;

    *out = (struct number){ .negative = *s == '-' };
    if (*s == '-' || *s == '+')
        s++;
    out->whole = s;
    out->whole_len = strspn(s, "0123456789");
    s += out->whole_len;
    if (*s == '.') {
        out->fraction = ++s;
        out->fraction_len = strspn(s, "0123456789");
        s += out->fraction_len;
    }
    if (out->whole_len + out->fraction_len == 0)
        return false;
    if (*s == 'e' || *s == 'E') {
        if (s[strspn(s + 1, "+-") + 1] < '0' || s[strspn(s + 1, "+-") + 1] > '9' || strspn(s + 1, "+-") > 1)
            return false;
        out->exponent = strtol(s + 1, &end, 10);
        s = end;
    }
    return *s == 0 && out->exponent >= -400 && out->exponent <= 400;
}

/* All digits and where the point is behind them, without zeros at either end that say nothing. */
static void add_number(struct text *t, const struct number *n)
{
    struct text digits = { .data = NULL };
    long point = (long)n->whole_len + n->exponent;
    size_t first = 0, last;

    add_bytes(&digits, n->whole, n->whole_len);
    add_bytes(&digits, n->fraction ? n->fraction : "", n->fraction_len);
    if (digits.failed) {
        t->failed = true;
        return;
    }
    last = digits.len;
    while (first < last && digits.data[first] == '0') {
        first++;
        point--;
    }
    while (last > first && digits.data[last - 1] == '0')
        last--;
    if (first == last) {
        add(t, "0");
        free(digits.data);
        return;
    }
    if (n->negative)
        add(t, "-");
    if (point <= 0)
        add(t, "0.");
    for (; point < 0; point++)
        add(t, "0");
    for (size_t i = first; i < last; i++) {
        if (point > 0 && (long)(i - first) == point)
            add(t, ".");
        add_bytes(t, digits.data + i, 1);
    }
    for (long i = (long)(last - first); i < point; i++)
        add(t, "0");
    free(digits.data);
}

/* Terms of CBV 1.x, wherever they stand. */
static const char *modern(const char *s, char *buffer, size_t size)
{
    static const char *const urns[][2] = { { "urn:epcglobal:cbv:bizstep:", "https://ref.gs1.org/cbv/BizStep-" },
                                           { "urn:epcglobal:cbv:disp:", "https://ref.gs1.org/cbv/Disp-" },
                                           { "urn:epcglobal:cbv:btt:", "https://ref.gs1.org/cbv/BTT-" },
                                           { "urn:epcglobal:cbv:sdt:", "https://ref.gs1.org/cbv/SDT-" },
                                           { "urn:epcglobal:cbv:er:", "https://ref.gs1.org/cbv/ER-" } };

    for (size_t i = 0; i < sizeof(urns) / sizeof(urns[0]); i++) {
        const size_t n = strlen(urns[i][0]);

        if (strncmp(s, urns[i][0], n) == 0 && strlen(s) + strlen(urns[i][1]) < size) {
            snprintf(buffer, size, "%s%s", urns[i][1], s + n);
            return buffer;
        }
    }
    return s;
}

static void add_canonical(struct text *t, const char *s)
{
    char uri[GS1_URI_SIZE], buffer[GS1_URI_SIZE];
    struct number number;

    s = modern(s, buffer, sizeof(buffer));
    if (read_number(s, &number))
        add_number(t, &number);
    else
        add(t, gs1_uri_canonical(s, uri) ? uri : s);
}

/* A leaf's content; nothing for one that is empty. */
static void add_value(struct text *t, const struct scope *scope, const json_t *value)
{
    const char *s = json_string_value(value), *rest, *uri;
    struct text whole = { .data = NULL };

    if (json_is_boolean(value))
        add(t, json_is_true(value) ? "true" : "false");
    if (!s)
        return;
    if (*s == EPCIS_NUMBER)
        s++;
    s += strspn(s, " \t\r\n");
    if ((uri = namespace_of(scope, s, &rest)) != NULL) {
        add(&whole, uri);
        s = rest;
    }
    add(&whole, s);
    while (whole.len && strchr(" \t\r\n", whole.data[whole.len - 1]))
        whole.data[--whole.len] = 0;
    if (whole.data)
        add_canonical(t, whole.data);
    t->failed = t->failed || whole.failed;
    free(whole.data);
}

/* "name=value", or nothing where the value is empty. */
static void add_leaf(struct text *t, const struct scope *scope, const char *name, const json_t *value)
{
    struct text content = { .data = NULL };

    add_value(&content, scope, value);
    if (content.len) {
        add(t, name);
        add(t, "=");
        add(t, content.data);
    }
    t->failed = t->failed || content.failed;
    free(content.data);
}

static void add_moment(struct text *t, const char *name, const json_t *value)
{
    const char *s = json_string_value(value);
    char time[LIB_TIME_SIZE], fraction[8];
    int64_t seconds;
    int milliseconds;

    if (!s || !epcis_time(s, &seconds, &milliseconds))
        return; /* what was checked has its form */
    lib_time_format(seconds, time);
    time[LIB_TIME_SIZE - 2] = 0; /* the Z */
    snprintf(fraction, sizeof(fraction), ".%03dZ", milliseconds % 1000);
    add(t, name);
    add(t, "=");
    add(t, time);
    add(t, fraction);
}

static void add_term(struct text *t, const struct scope *scope, enum epcis_vocabulary vocabulary, const char *name,
                     const json_t *value)
{
    const char *s = json_string_value(value);
    char uri[256];
    json_t *term;

    if (!s)
        return;
    term = json_string(epcis_term(vocabulary, s, uri, sizeof(uri)));
    if (term)
        add_leaf(t, scope, name, term);
    else
        t->failed = true;
    json_decref(term);
}

/* ---- what is in no order of its own ---- */

static void list_rest(struct list *list, const struct scope *scope, const json_t *object, const char *const *done,
                      size_t done_count);

static bool is_comment(const char *name)
{
    return strcmp(name, "#text") == 0 || strcmp(name, "rdfs:comment") == 0 || strcmp(name, "comment") == 0 ||
           strcmp(name, "@context") == 0;
}

static void list_any(struct list *list, const struct scope *scope, const char *name, const json_t *value)
{
    struct text t = { .data = NULL };
    struct list inner = { .v = NULL };

    if (json_is_array(value)) {
        for (size_t i = 0; i < json_array_size(value); i++)
            list_any(list, scope, name, json_array_get(value, i));
        return;
    }
    add_name(&t, scope, name);
    if (json_is_object(value)) {
        list_rest(&inner, scope, value, NULL, 0);
        add_sorted(&t, &inner);
    } else {
        struct text content = { .data = NULL };

        add_value(&content, scope, value);
        if (content.len) {
            add(&t, "=");
            add(&t, content.data);
        }
        t.failed = t.failed || content.failed;
        free(content.data);
    }
    list_add(list, &t);
}

/* The fields of an object that are not `done`, each as a text of its own. */
static void list_rest(struct list *list, const struct scope *scope, const json_t *object, const char *const *done,
                      size_t done_count)
{
    json_t *o = (json_t *)object; /* jansson's iteration takes no const, and changes nothing */

    for (void *it = json_object_iter(o); it; it = json_object_iter_next(o, it)) {
        const char *name = json_object_iter_key(it);
        bool skip = is_comment(name);

        for (size_t i = 0; i < done_count && !skip; i++)
            skip = strcmp(name, done[i]) == 0;
        if (!skip)
            list_any(list, scope, name, json_object_iter_value(it));
    }
}

/* ---- the parts of an event that have an order ---- */

enum form { LEAF, MOMENT, BIZ_STEP, DISPOSITION, SENSOR_TERM, COMPONENT };

struct field {
    const char *name;
    enum form form;
};

static void add_field(struct text *t, const struct scope *scope, const struct field *field, const json_t *value)
{
    static const enum epcis_vocabulary vocabularies[] = { [BIZ_STEP] = EPCIS_BIZ_STEP,
                                                          [DISPOSITION] = EPCIS_DISPOSITION,
                                                          [SENSOR_TERM] = EPCIS_SENSOR,
                                                          [COMPONENT] = EPCIS_COMPONENT };

    if (!value)
        return;
    if (field->form == LEAF)
        add_leaf(t, scope, field->name, value);
    else if (field->form == MOMENT)
        add_moment(t, field->name, value);
    else
        add_term(t, scope, vocabularies[field->form], field->name, value);
}

/* `name`, its fields in their order, and behind them what else it has. */
static void add_record(struct text *t, const struct scope *scope, const char *name, const json_t *object,
                       const struct field *fields, size_t count)
{
    const char *done[32];
    struct text inner = { .data = NULL };
    struct list rest = { .v = NULL };

    for (size_t i = 0; i < count; i++) {
        done[i] = fields[i].name;
        add_field(&inner, scope, &fields[i], json_object_get(object, fields[i].name));
    }
    list_rest(&rest, scope, object, done, count);
    add_sorted(&inner, &rest);
    if (inner.len) {
        add(t, name);
        add(t, inner.data);
    }
    t->failed = t->failed || inner.failed;
    free(inner.data);
}

static const struct field quantity_fields[] = { { "epcClass", LEAF }, { "quantity", LEAF }, { "uom", LEAF } };
static const struct field place_fields[] = { { "id", LEAF } };
static const struct field metadata_fields[] = { { "time", MOMENT },
                                                { "startTime", MOMENT },
                                                { "endTime", MOMENT },
                                                { "deviceID", LEAF },
                                                { "deviceMetadata", LEAF },
                                                { "rawData", LEAF },
                                                { "dataProcessingMethod", LEAF },
                                                { "bizRules", LEAF } };
static const struct field report_fields[] = { { "type", SENSOR_TERM },
                                              { "exception", SENSOR_TERM },
                                              { "deviceID", LEAF },
                                              { "deviceMetadata", LEAF },
                                              { "rawData", LEAF },
                                              { "dataProcessingMethod", LEAF },
                                              { "time", MOMENT },
                                              { "microorganism", LEAF },
                                              { "chemicalSubstance", LEAF },
                                              { "value", LEAF },
                                              { "component", COMPONENT },
                                              { "stringValue", LEAF },
                                              { "booleanValue", LEAF },
                                              { "hexBinaryValue", LEAF },
                                              { "uriValue", LEAF },
                                              { "minValue", LEAF },
                                              { "maxValue", LEAF },
                                              { "meanValue", LEAF },
                                              { "sDev", LEAF },
                                              { "percRank", LEAF },
                                              { "percValue", LEAF },
                                              { "uom", LEAF },
                                              { "coordinateReferenceSystem", LEAF } };

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* A list's name and its elements, sorted. */
static void add_list(struct text *t, const char *name, struct list *elements)
{
    if (elements->n)
        add(t, name);
    add_sorted(t, elements);
}

static void add_epcs(struct text *t, const struct scope *scope, const char *name, const json_t *list)
{
    struct list elements = { .v = NULL };

    for (size_t i = 0; i < json_array_size(list); i++) {
        struct text one = { .data = NULL };

        add_leaf(&one, scope, "epc", json_array_get(list, i));
        list_add(&elements, &one);
    }
    add_list(t, name, &elements);
}

static void add_quantities(struct text *t, const struct scope *scope, const char *name, const json_t *list)
{
    struct list elements = { .v = NULL };

    for (size_t i = 0; i < json_array_size(list); i++) {
        struct text one = { .data = NULL };

        add_record(&one, scope, "quantityElement", json_array_get(list, i), quantity_fields, COUNT(quantity_fields));
        list_add(&elements, &one);
    }
    add_list(t, name, &elements);
}

/* persistentDisposition: what is set, then what is no longer. */
static void add_persistent(struct text *t, const struct scope *scope, const char *name, const json_t *value)
{
    static const char *const parts[] = { "set", "unset" };
    struct text inner = { .data = NULL };

    for (size_t p = 0; p < 2; p++) {
        const json_t *list = json_object_get(value, parts[p]);
        struct list elements = { .v = NULL };

        for (size_t i = 0; i < json_array_size(list); i++) {
            struct text one = { .data = NULL };

            add_term(&one, scope, EPCIS_DISPOSITION, parts[p], json_array_get(list, i));
            list_add(&elements, &one);
        }
        add_sorted(&inner, &elements);
    }
    if (inner.len) {
        add(t, name);
        add(t, inner.data);
    }
    t->failed = t->failed || inner.failed;
    free(inner.data);
}

static void add_sensor(struct text *t, const struct scope *scope, const json_t *element)
{
    static const char *const done[] = { "sensorMetadata", "sensorReport" };
    const json_t *reports = json_object_get(element, "sensorReport"), *metadata;
    struct list elements = { .v = NULL }, rest = { .v = NULL };

    add(t, "sensorElement");
    metadata = json_object_get(element, "sensorMetadata");
    if (metadata)
        add_record(t, scope, "sensorMetadata", metadata, metadata_fields, COUNT(metadata_fields));
    for (size_t i = 0; i < json_array_size(reports); i++) {
        struct text one = { .data = NULL };

        add_record(&one, scope, "sensorReport", json_array_get(reports, i), report_fields, COUNT(report_fields));
        list_add(&elements, &one);
    }
    add_sorted(t, &elements);
    list_rest(&rest, scope, element, done, 2);
    add_sorted(t, &rest);
}

static void add_sensors(struct text *t, const struct scope *scope, const char *name, const json_t *list)
{
    struct list elements = { .v = NULL };

    for (size_t i = 0; i < json_array_size(list); i++) {
        struct text one = { .data = NULL };

        add_sensor(&one, scope, json_array_get(list, i));
        list_add(&elements, &one);
    }
    add_list(t, name, &elements);
}

static void add_place(struct text *t, const struct scope *scope, const char *name, const json_t *value)
{
    add_record(t, scope, name, value, place_fields, COUNT(place_fields));
}

static void add_certification(struct text *t, const struct scope *scope, const char *name, const json_t *value)
{
    struct list elements = { .v = NULL };

    list_any(&elements, scope, name, value);
    add_sorted(t, &elements);
}

static void add_time(struct text *t, const struct scope *scope, const char *name, const json_t *value)
{
    (void)scope;
    add_moment(t, name, value);
}

static void add_biz_step(struct text *t, const struct scope *scope, const char *name, const json_t *value)
{
    add_term(t, scope, EPCIS_BIZ_STEP, name, value);
}

static void add_disposition(struct text *t, const struct scope *scope, const char *name, const json_t *value)
{
    add_term(t, scope, EPCIS_DISPOSITION, name, value);
}

static const struct {
    const char *name;
    void (*add)(struct text *t, const struct scope *scope, const char *name, const json_t *value);
} ordered[] = {
    { "eventTime", add_time },
    { "eventTimeZoneOffset", add_leaf },
    { "certificationInfo", add_certification },
    { "parentID", add_leaf },
    { "epcList", add_epcs },
    { "inputEPCList", add_epcs },
    { "childEPCs", add_epcs },
    { "quantityList", add_quantities },
    { "childQuantityList", add_quantities },
    { "inputQuantityList", add_quantities },
    { "outputEPCList", add_epcs },
    { "outputQuantityList", add_quantities },
    { "action", add_leaf },
    { "transformationID", add_leaf },
    { "bizStep", add_biz_step },
    { "disposition", add_disposition },
    { "persistentDisposition", add_persistent },
    { "readPoint", add_place },
    { "bizLocation", add_place },
    { "sensorElementList", add_sensors },
};

/* Transactions, sources, destinations: pairs, the type first. */
static void list_pairs(struct list *list, const struct scope *scope, const json_t *event, const char *name,
                       const char *member, enum epcis_vocabulary vocabulary)
{
    const json_t *pairs = json_object_get(event, name);
    struct list elements = { .v = NULL };
    struct text t = { .data = NULL };

    for (size_t i = 0; i < json_array_size(pairs); i++) {
        const json_t *pair = json_array_get(pairs, i);
        struct text one = { .data = NULL };

        add_term(&one, scope, vocabulary, "type", json_object_get(pair, "type"));
        add_leaf(&one, scope, member, json_object_get(pair, member));
        list_add(&elements, &one);
    }
    add_list(&t, name, &elements);
    list_add(list, &t);
}

/* What is no part of what happened: when it was recorded, under which name, and that it was wrong. */
static const char *const apart[] = { "recordTime",         "eventID",    "type",           "errorDeclaration",
                                     "bizTransactionList", "sourceList", "destinationList" };

char *epcis_prehash(const epcis_events *events, size_t i)
{
    enum { most = COUNT(ordered) + COUNT(apart) + 32 };
    const json_t *event = events->v[i];
    const struct scope scope = { .contexts = { json_object_get(event, "@context"), events->context } };
    const char *done[most], *type = json_string_value(json_object_get(event, "type"));
    struct text t = { .data = NULL };
    struct list rest = { .v = NULL };
    size_t n = 0;

    for (size_t k = 0; k < COUNT(apart); k++)
        done[n++] = apart[k];
    for (size_t k = 0; k < json_array_size(events->ignored) && k < 32; k++) {
        const char *name = json_string_value(json_array_get(events->ignored, k));

        if (name)
            done[n++] = name;
    }
    add(&t, "eventType=");
    add(&t, type ? type : "");
    for (size_t k = 0; k < COUNT(ordered); k++) {
        const json_t *value = json_object_get(event, ordered[k].name);

        done[n++] = ordered[k].name;
        if (value)
            ordered[k].add(&t, &scope, ordered[k].name, value);
    }
    list_rest(&rest, &scope, event, done, n);
    list_pairs(&rest, &scope, event, "bizTransactionList", "bizTransaction", EPCIS_TRANSACTION);
    list_pairs(&rest, &scope, event, "sourceList", "source", EPCIS_SOURCE_DEST);
    list_pairs(&rest, &scope, event, "destinationList", "destination", EPCIS_SOURCE_DEST);
    add_sorted(&t, &rest);
    if (t.failed) {
        free(t.data);
        return NULL;
    }
    return t.data;
}

bool epcis_hash(const epcis_events *events, size_t i, char out[EPCIS_HASH])
{
    char *text = epcis_prehash(events, i);
    uint8_t digest[SHA256_DIGEST_LENGTH];
    const bool ok = text && SHA256((const unsigned char *)text, strlen(text), digest);

    if (ok)
        lib_to_hex(digest, sizeof(digest), out);
    free(text);
    return ok;
}
