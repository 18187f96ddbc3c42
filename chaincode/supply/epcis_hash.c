/*
 * epcis_hash.c: the event hash of the Core Business Vocabulary 2.0: an event's content as one string in a fixed order, its
 * values as epcis_value.c spells them; and the string's SHA-256.
 *
 * The order is that of the reference implementation (github.com/RalphTro/epcis-event-hash-generator): the fields of the
 * table first, then what is left, sorted.
 */
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "lib/value.h"
#include "supply/epcis_prehash.h"

/* ---- what is in no order of its own ---- */

static void list_rest(struct epcis_list *list, const struct epcis_scope *scope, const json_t *object,
                      const char *const *done, size_t done_count);

static bool is_comment(const char *name)
{
    return strcmp(name, "#text") == 0 || strcmp(name, "rdfs:comment") == 0 || strcmp(name, "comment") == 0 ||
           strcmp(name, "@context") == 0;
}

static void list_any(struct epcis_list *list, const struct epcis_scope *scope, const char *name, const json_t *value)
{
    struct epcis_text t = { .data = NULL };
    struct epcis_list inner = { .v = NULL };

    if (json_is_array(value)) {
        for (size_t i = 0; i < json_array_size(value); i++)
            list_any(list, scope, name, json_array_get(value, i));
        return;
    }
    epcis_add_name(&t, scope, name);
    if (json_is_object(value)) {
        list_rest(&inner, scope, value, NULL, 0);
        epcis_add_sorted(&t, &inner);
    } else {
        struct epcis_text content = { .data = NULL };

        epcis_add_value(&content, scope, value);
        epcis_add_behind(&t, "=", &content);
    }
    epcis_list_add(list, &t);
}

/* The fields of an object that are not `done`, each as a text of its own. */
static void list_rest(struct epcis_list *list, const struct epcis_scope *scope, const json_t *object,
                      const char *const *done, size_t done_count)
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

static void add_field(struct epcis_text *t, const struct epcis_scope *scope, const struct field *field,
                      const json_t *value)
{
    static const enum epcis_vocabulary vocabularies[] = { [BIZ_STEP] = EPCIS_BIZ_STEP,
                                                          [DISPOSITION] = EPCIS_DISPOSITION,
                                                          [SENSOR_TERM] = EPCIS_SENSOR,
                                                          [COMPONENT] = EPCIS_COMPONENT };

    if (!value)
        return;
    if (field->form == LEAF)
        epcis_add_leaf(t, scope, field->name, value);
    else if (field->form == MOMENT)
        epcis_add_moment(t, field->name, value);
    else
        epcis_add_term(t, scope, vocabularies[field->form], field->name, value);
}

/* `name`, its fields in their order, and behind them what else it has. */
static void add_record(struct epcis_text *t, const struct epcis_scope *scope, const char *name, const json_t *object,
                       const struct field *fields, size_t count)
{
    const char *done[32];
    struct epcis_text inner = { .data = NULL };
    struct epcis_list rest = { .v = NULL };

    for (size_t i = 0; i < count; i++) {
        done[i] = fields[i].name;
        add_field(&inner, scope, &fields[i], json_object_get(object, fields[i].name));
    }
    list_rest(&rest, scope, object, done, count);
    epcis_add_sorted(&inner, &rest);
    epcis_add_behind(t, name, &inner);
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
static void add_list(struct epcis_text *t, const char *name, struct epcis_list *elements)
{
    if (elements->n)
        epcis_add(t, name);
    epcis_add_sorted(t, elements);
}

static void add_epcs(struct epcis_text *t, const struct epcis_scope *scope, const char *name, const json_t *list)
{
    struct epcis_list elements = { .v = NULL };

    for (size_t i = 0; i < json_array_size(list); i++) {
        struct epcis_text one = { .data = NULL };

        epcis_add_leaf(&one, scope, "epc", json_array_get(list, i));
        epcis_list_add(&elements, &one);
    }
    add_list(t, name, &elements);
}

static void add_quantities(struct epcis_text *t, const struct epcis_scope *scope, const char *name, const json_t *list)
{
    struct epcis_list elements = { .v = NULL };

    for (size_t i = 0; i < json_array_size(list); i++) {
        struct epcis_text one = { .data = NULL };

        add_record(&one, scope, "quantityElement", json_array_get(list, i), quantity_fields, COUNT(quantity_fields));
        epcis_list_add(&elements, &one);
    }
    add_list(t, name, &elements);
}

/* persistentDisposition: what is set, then what is no longer. */
static void add_persistent(struct epcis_text *t, const struct epcis_scope *scope, const char *name, const json_t *value)
{
    static const char *const parts[] = { "set", "unset" };
    struct epcis_text inner = { .data = NULL };

    for (size_t p = 0; p < 2; p++) {
        const json_t *list = json_object_get(value, parts[p]);
        struct epcis_list elements = { .v = NULL };

        for (size_t i = 0; i < json_array_size(list); i++) {
            struct epcis_text one = { .data = NULL };

            epcis_add_term(&one, scope, EPCIS_DISPOSITION, parts[p], json_array_get(list, i));
            epcis_list_add(&elements, &one);
        }
        epcis_add_sorted(&inner, &elements);
    }
    epcis_add_behind(t, name, &inner);
}

static void add_sensor(struct epcis_text *t, const struct epcis_scope *scope, const json_t *element)
{
    static const char *const done[] = { "sensorMetadata", "sensorReport" };
    const json_t *reports = json_object_get(element, "sensorReport"), *metadata;
    struct epcis_list elements = { .v = NULL }, rest = { .v = NULL };

    epcis_add(t, "sensorElement");
    metadata = json_object_get(element, "sensorMetadata");
    if (metadata)
        add_record(t, scope, "sensorMetadata", metadata, metadata_fields, COUNT(metadata_fields));
    for (size_t i = 0; i < json_array_size(reports); i++) {
        struct epcis_text one = { .data = NULL };

        add_record(&one, scope, "sensorReport", json_array_get(reports, i), report_fields, COUNT(report_fields));
        epcis_list_add(&elements, &one);
    }
    epcis_add_sorted(t, &elements);
    list_rest(&rest, scope, element, done, 2);
    epcis_add_sorted(t, &rest);
}

static void add_sensors(struct epcis_text *t, const struct epcis_scope *scope, const char *name, const json_t *list)
{
    struct epcis_list elements = { .v = NULL };

    for (size_t i = 0; i < json_array_size(list); i++) {
        struct epcis_text one = { .data = NULL };

        add_sensor(&one, scope, json_array_get(list, i));
        epcis_list_add(&elements, &one);
    }
    add_list(t, name, &elements);
}

static void add_place(struct epcis_text *t, const struct epcis_scope *scope, const char *name, const json_t *value)
{
    add_record(t, scope, name, value, place_fields, COUNT(place_fields));
}

static void add_certification(struct epcis_text *t, const struct epcis_scope *scope, const char *name,
                              const json_t *value)
{
    struct epcis_list elements = { .v = NULL };

    list_any(&elements, scope, name, value);
    epcis_add_sorted(t, &elements);
}

static void add_time(struct epcis_text *t, const struct epcis_scope *scope, const char *name, const json_t *value)
{
    (void)scope;
    epcis_add_moment(t, name, value);
}

static void add_biz_step(struct epcis_text *t, const struct epcis_scope *scope, const char *name, const json_t *value)
{
    epcis_add_term(t, scope, EPCIS_BIZ_STEP, name, value);
}

static void add_disposition(struct epcis_text *t, const struct epcis_scope *scope, const char *name,
                            const json_t *value)
{
    epcis_add_term(t, scope, EPCIS_DISPOSITION, name, value);
}

static const struct {
    const char *name;
    void (*add)(struct epcis_text *t, const struct epcis_scope *scope, const char *name, const json_t *value);
} ordered[] = {
    { "eventTime", add_time },
    { "eventTimeZoneOffset", epcis_add_leaf },
    { "certificationInfo", add_certification },
    { "parentID", epcis_add_leaf },
    { "epcList", add_epcs },
    { "inputEPCList", add_epcs },
    { "childEPCs", add_epcs },
    { "quantityList", add_quantities },
    { "childQuantityList", add_quantities },
    { "inputQuantityList", add_quantities },
    { "outputEPCList", add_epcs },
    { "outputQuantityList", add_quantities },
    { "action", epcis_add_leaf },
    { "transformationID", epcis_add_leaf },
    { "bizStep", add_biz_step },
    { "disposition", add_disposition },
    { "persistentDisposition", add_persistent },
    { "readPoint", add_place },
    { "bizLocation", add_place },
    { "sensorElementList", add_sensors },
};

/* Transactions, sources, destinations: pairs, the type first. */
static void list_pairs(struct epcis_list *list, const struct epcis_scope *scope, const json_t *event, const char *name,
                       const char *member, enum epcis_vocabulary vocabulary)
{
    const json_t *pairs = json_object_get(event, name);
    struct epcis_list elements = { .v = NULL };
    struct epcis_text t = { .data = NULL };

    for (size_t i = 0; i < json_array_size(pairs); i++) {
        const json_t *pair = json_array_get(pairs, i);
        struct epcis_text one = { .data = NULL };

        epcis_add_term(&one, scope, vocabulary, "type", json_object_get(pair, "type"));
        epcis_add_leaf(&one, scope, member, json_object_get(pair, member));
        epcis_list_add(&elements, &one);
    }
    add_list(&t, name, &elements);
    epcis_list_add(list, &t);
}

/* What is no part of what happened: when it was recorded, under which name, and that it was wrong. */
static const char *const apart[] = { "recordTime",         "eventID",    "type",           "errorDeclaration",
                                     "bizTransactionList", "sourceList", "destinationList" };

char *epcis_prehash(const epcis_events *events, size_t i)
{
    enum { most = COUNT(ordered) + COUNT(apart) + 32 };
    const json_t *event = events->v[i];
    const struct epcis_scope scope = { .contexts = { json_object_get(event, "@context"), events->context } };
    const char *done[most], *type = json_string_value(json_object_get(event, "type"));
    struct epcis_text t = { .data = NULL };
    struct epcis_list rest = { .v = NULL };
    size_t n = 0;

    for (size_t k = 0; k < COUNT(apart); k++)
        done[n++] = apart[k];
    for (size_t k = 0; k < json_array_size(events->ignored) && k < 32; k++) {
        const char *name = json_string_value(json_array_get(events->ignored, k));

        if (name)
            done[n++] = name;
    }
    epcis_add(&t, "eventType=");
    epcis_add(&t, type ? type : "");
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
    epcis_add_sorted(&t, &rest);
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
