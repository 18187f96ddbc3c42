/*
 * epcis_check.c: whether a document is EPCIS 2.0: the fields that each kind of event must have, their forms, and the terms
 * of the Core Business Vocabulary. A field that EPCIS does not know needs a namespace in front.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/gs1_uri.h"
#include "lib/value.h"
#include "supply/epcis.h"

struct check {
    char *why;
    size_t event; /* from 1; 0: the document */
};

static bool bad(const struct check *check, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool bad(const struct check *check, const char *format, ...)
{
    char text[EPCIS_WHY - 40];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (check->event)
        snprintf(check->why, EPCIS_WHY, "event %zu: %s", check->event, text);
    else
        snprintf(check->why, EPCIS_WHY, "%s", text);
    return false;
}

/* ---- forms of values ---- */

static const char *text_of(const json_t *value)
{
    const char *s = json_string_value(value);

    return s && *s != EPCIS_NUMBER ? s : NULL;
}

static bool is_number(const json_t *value)
{
    const char *s = json_string_value(value);

    return s && *s == EPCIS_NUMBER;
}

static bool is_moment(const json_t *value)
{
    const char *s = text_of(value);
    int64_t seconds;
    int milliseconds;

    return s && epcis_time(s, &seconds, &milliseconds);
}

static bool is_offset(const json_t *value)
{
    const char *s = text_of(value);
    char time[40];
    int64_t seconds;
    int milliseconds;

    if (!s || strlen(s) != 6)
        return false;
    snprintf(time, sizeof(time), "2020-01-01T00:00:00%s", s);
    return epcis_time(time, &seconds, &milliseconds);
}

static bool is_uri(const json_t *value)
{
    const char *s = text_of(value);

    return s && lib_is_uri(s, GS1_URI_MAX) && !gs1_uri_is_malformed(s);
}

static bool is_word_or_uri(const json_t *value)
{
    const char *s = text_of(value);

    return s && (epcis_is_known_term(EPCIS_SENSOR, s) || lib_is_uri(s, GS1_URI_MAX));
}

/* ---- fields ---- */

typedef bool (*is_form)(const json_t *value);

static bool is_action(const json_t *value)
{
    const char *s = text_of(value);

    return s && (strcmp(s, "ADD") == 0 || strcmp(s, "OBSERVE") == 0 || strcmp(s, "DELETE") == 0);
}

static bool is_biz_step(const json_t *value)
{
    return text_of(value) && epcis_is_known_term(EPCIS_BIZ_STEP, text_of(value));
}

static bool is_disposition(const json_t *value)
{
    return text_of(value) && epcis_is_known_term(EPCIS_DISPOSITION, text_of(value));
}

static bool all(const json_t *list, is_form form)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!form(json_array_get(list, i)))
            return false;
    return json_is_array(list);
}

static bool is_uris(const json_t *value)
{
    return all(value, is_uri);
}

static bool is_place(const json_t *value)
{
    return is_uri(json_object_get(value, "id"));
}

static bool is_optional(const json_t *object, const char *name, is_form form)
{
    const json_t *value = json_object_get(object, name);

    return !value || form(value);
}

static bool is_text(const json_t *value)
{
    return text_of(value) != NULL;
}

static bool is_quantity(const json_t *value)
{
    return json_is_object(value) && is_uri(json_object_get(value, "epcClass")) &&
           is_optional(value, "quantity", is_number) && is_optional(value, "uom", is_text);
}

static bool is_quantities(const json_t *value)
{
    return all(value, is_quantity);
}

static bool is_dispositions(const json_t *value)
{
    return all(value, is_disposition);
}

static bool is_persistent(const json_t *value)
{
    return json_is_object(value) && json_object_size(value) > 0 && is_optional(value, "set", is_dispositions) &&
           is_optional(value, "unset", is_dispositions);
}

static bool is_transaction(const json_t *value)
{
    const char *type = text_of(json_object_get(value, "type"));

    return is_uri(json_object_get(value, "bizTransaction")) &&
           (type ? epcis_is_known_term(EPCIS_TRANSACTION, type) : !json_object_get(value, "type"));
}

static bool is_party(const json_t *value, const char *name)
{
    const char *type = text_of(json_object_get(value, "type"));

    return type && epcis_is_known_term(EPCIS_SOURCE_DEST, type) && is_uri(json_object_get(value, name));
}

static bool is_source(const json_t *value)
{
    return is_party(value, "source");
}

static bool is_destination(const json_t *value)
{
    return is_party(value, "destination");
}

static bool is_transactions(const json_t *value)
{
    return all(value, is_transaction);
}

static bool is_sources(const json_t *value)
{
    return all(value, is_source);
}

static bool is_destinations(const json_t *value)
{
    return all(value, is_destination);
}

static bool is_bool(const json_t *value)
{
    return json_is_boolean(value);
}

static bool is_component(const json_t *value)
{
    return text_of(value) && epcis_is_known_term(EPCIS_COMPONENT, text_of(value));
}

static bool is_report(const json_t *value)
{
    static const struct {
        const char *name;
        is_form form;
    } forms[] = { { "type", is_word_or_uri },    { "exception", is_word_or_uri },
                  { "component", is_component }, { "time", is_moment },
                  { "value", is_number },        { "minValue", is_number },
                  { "maxValue", is_number },     { "meanValue", is_number },
                  { "sDev", is_number },         { "percRank", is_number },
                  { "percValue", is_number },    { "booleanValue", is_bool },
                  { "stringValue", is_text },    { "hexBinaryValue", is_text },
                  { "uriValue", is_uri },        { "uom", is_text },
                  { "deviceID", is_uri },        { "deviceMetadata", is_uri },
                  { "rawData", is_uri },         { "dataProcessingMethod", is_uri } };

    if (!json_is_object(value))
        return false;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
        if (!is_optional(value, forms[i].name, forms[i].form))
            return false;
    return true;
}

static bool is_metadata(const json_t *value)
{
    static const char *const times[] = { "time", "startTime", "endTime" };

    for (size_t i = 0; i < 3; i++)
        if (!is_optional(value, times[i], is_moment))
            return false;
    return json_is_object(value);
}

static bool is_reports(const json_t *value)
{
    return all(value, is_report) && json_array_size(value) > 0;
}

static bool is_sensor(const json_t *value)
{
    return json_is_object(value) && is_optional(value, "sensorMetadata", is_metadata) &&
           is_optional(value, "sensorReport", is_reports) && json_object_get(value, "sensorReport");
}

static bool is_sensors(const json_t *value)
{
    return all(value, is_sensor);
}

static bool is_declaration(const json_t *value)
{
    return is_moment(json_object_get(value, "declarationTime"));
}

/* A link to the certificate, or what it says: then its dates are dates. */
static bool is_certification(const json_t *value)
{
    json_t *object = (json_t *)value; /* jansson's iteration takes no const, and changes nothing */

    if (!json_is_object(value))
        return is_uri(value);
    for (void *it = json_object_iter(object); it; it = json_object_iter_next(object, it)) {
        const char *name = json_object_iter_key(it), *s = text_of(json_object_iter_value(it));
        const size_t n = strlen(name);
        int64_t epoch;

        if (json_is_object(json_object_iter_value(it)) && !is_certification(json_object_iter_value(it)))
            return false;
        if (n > 4 && strcmp(name + n - 4, "Date") == 0 &&
            !(s && (lib_date_parse(s, &epoch) || is_moment(json_object_iter_value(it)))))
            return false;
    }
    return true;
}

static bool is_certifications(const json_t *value)
{
    return json_is_array(value) ? all(value, is_certification) : is_certification(value);
}

static bool is_object(const json_t *value)
{
    return json_is_object(value);
}

static bool is_anything(const json_t *value)
{
    return value != NULL;
}

/* ---- events ---- */

enum { OBJECT = 1, AGGREGATION = 2, TRANSACTION = 4, TRANSFORMATION = 8, ASSOCIATION = 16, EVERY = 31 };

static const struct {
    const char *name;
    is_form form;
    unsigned in; /* kinds of event */
} event_fields[] = {
    { "type", is_text, EVERY },
    { "@context", is_anything, EVERY },
    { "eventID", is_uri, EVERY },
    { "eventTime", is_moment, EVERY },
    { "recordTime", is_moment, EVERY },
    { "eventTimeZoneOffset", is_offset, EVERY },
    { "errorDeclaration", is_declaration, EVERY },
    { "certificationInfo", is_certifications, EVERY },
    { "action", is_action, EVERY & ~TRANSFORMATION },
    { "bizStep", is_biz_step, EVERY },
    { "disposition", is_disposition, EVERY },
    { "persistentDisposition", is_persistent, EVERY },
    { "readPoint", is_place, EVERY },
    { "bizLocation", is_place, EVERY },
    { "bizTransactionList", is_transactions, EVERY },
    { "sourceList", is_sources, EVERY },
    { "destinationList", is_destinations, EVERY },
    { "sensorElementList", is_sensors, EVERY },
    { "ilmd", is_object, OBJECT | TRANSFORMATION },
    { "epcList", is_uris, OBJECT | TRANSACTION },
    { "quantityList", is_quantities, OBJECT | TRANSACTION },
    { "parentID", is_uri, AGGREGATION | TRANSACTION | ASSOCIATION },
    { "childEPCs", is_uris, AGGREGATION | ASSOCIATION },
    { "childQuantityList", is_quantities, AGGREGATION | ASSOCIATION },
    { "inputEPCList", is_uris, TRANSFORMATION },
    { "outputEPCList", is_uris, TRANSFORMATION },
    { "inputQuantityList", is_quantities, TRANSFORMATION },
    { "outputQuantityList", is_quantities, TRANSFORMATION },
    { "transformationID", is_uri, TRANSFORMATION },
};

static unsigned kind_of(const json_t *event)
{
    static const char *const names[] = { "ObjectEvent", "AggregationEvent", "TransactionEvent", "TransformationEvent",
                                         "AssociationEvent" };
    const char *type = text_of(json_object_get(event, "type"));

    for (size_t i = 0; type && i < 5; i++)
        if (strcmp(type, names[i]) == 0)
            return 1u << i;
    return 0;
}

static bool has(const json_t *event, const char *name)
{
    const json_t *value = json_object_get(event, name);

    return value && !(json_is_array(value) && json_array_size(value) == 0);
}

/* What EPCIS doesn't know has a namespace in front, or is a comment. */
static bool is_extension(const char *name)
{
    const char *colon = strchr(name, ':');

    return (colon && colon > name && colon[1]) || strcmp(name, "comment") == 0;
}

static bool check_fields(const struct check *check, const json_t *event, unsigned kind)
{
    enum { count = sizeof(event_fields) / sizeof(event_fields[0]) };
    json_t *object = (json_t *)event;

    for (void *it = json_object_iter(object); it; it = json_object_iter_next(object, it)) {
        const char *name = json_object_iter_key(it);
        size_t i = 0;

        while (i < count && strcmp(event_fields[i].name, name) != 0)
            i++;
        if (i == count && !is_extension(name))
            return bad(check, "a field that EPCIS does not have, without a namespace");
        if (i < count && !(event_fields[i].in & kind))
            return bad(check, "%s is not of this kind of event", event_fields[i].name);
        if (i < count && !event_fields[i].form(json_object_iter_value(it)))
            return bad(check, "%s is not what it should be", event_fields[i].name);
    }
    return true;
}

/* Which fields each kind must have. */
static bool check_needs(const struct check *check, const json_t *event, unsigned kind)
{
    const char *action = text_of(json_object_get(event, "action"));
    const bool deletes = action && strcmp(action, "DELETE") == 0, observes = action && strcmp(action, "OBSERVE") == 0;
    const bool children = has(event, "childEPCs") || has(event, "childQuantityList");

    if (!has(event, "eventTime") || !has(event, "eventTimeZoneOffset"))
        return bad(check, "eventTime or eventTimeZoneOffset is missing");
    if (kind != TRANSFORMATION && !action)
        return bad(check, "action is missing");
    if (kind == OBJECT && !has(event, "epcList") && !has(event, "quantityList") && !has(event, "sensorElementList"))
        return bad(check, "epcList, quantityList and sensorElementList are missing");
    if (kind & (AGGREGATION | ASSOCIATION) && !has(event, "parentID") && !(observes && children))
        return bad(check, "parentID is missing");
    if (kind & (AGGREGATION | ASSOCIATION) && !children && !deletes && !has(event, "sensorElementList"))
        return bad(check, "childEPCs and childQuantityList are missing");
    if (kind == TRANSACTION && !has(event, "bizTransactionList"))
        return bad(check, "bizTransactionList is missing");
    if (kind == TRANSFORMATION && !has(event, "transformationID") &&
        !((has(event, "inputEPCList") || has(event, "inputQuantityList")) &&
          (has(event, "outputEPCList") || has(event, "outputQuantityList"))))
        return bad(check, "input or output is missing, and there is no transformationID");
    return true;
}

static bool check_event(const struct check *check, const json_t *event)
{
    const unsigned kind = kind_of(event);

    if (!json_is_object(event) || !kind)
        return bad(check, "type is no kind of event");
    return check_fields(check, event, kind) && check_needs(check, event, kind);
}

/* ---- documents ---- */

static bool is_context(const json_t *value)
{
    return text_of(value) || json_is_object(value) || (json_is_array(value) && json_array_size(value) > 0);
}

/* The events of a body; NULL when it has none, `one` for a single event. */
static const json_t *list_of(const json_t *document, const json_t **one)
{
    const json_t *body = json_object_get(document, "epcisBody");
    const json_t *results = json_object_get(body, "queryResults");

    *one = json_object_get(body, "event");
    if (results)
        return json_object_get(json_object_get(results, "resultsBody"), "eventList");
    return json_object_get(body, "eventList");
}

/* Names of fields that a repository has added, under any prefix of the namespace that stands for it. */
static const json_t *ignored_of(const json_t *object)
{
    static const char name[] = "ignoreFields";
    json_t *o = (json_t *)object;

    for (void *it = json_object_iter(o); it; it = json_object_iter_next(o, it)) {
        const char *colon = strchr(json_object_iter_key(it), ':');

        if (colon && strcmp(colon + 1, name) == 0)
            return json_object_iter_value(it);
    }
    return NULL;
}

static bool check_document(const struct check *check, const json_t *document)
{
    const char *type = text_of(json_object_get(document, "type"));
    const json_t *one = NULL, *list = list_of(document, &one);
    const bool query = type && strcmp(type, "EPCISQueryDocument") == 0;

    if (!query && (!type || strcmp(type, "EPCISDocument") != 0))
        return bad(check, "type is neither EPCISDocument, EPCISQueryDocument nor a kind of event");
    if (!text_of(json_object_get(document, "schemaVersion")) ||
        strncmp(text_of(json_object_get(document, "schemaVersion")), "2.", 2) != 0)
        return bad(check, "schemaVersion is not 2.x");
    if (!is_moment(json_object_get(document, query ? "createdAt" : "creationDate")) &&
        !is_moment(json_object_get(document, "creationDate")))
        return bad(check, "creationDate is missing, or no time");
    if (!json_is_array(list) && !one)
        return bad(check, "epcisBody has no eventList");
    return true;
}

bool epcis_read(const json_t *document, epcis_events *out, char why[EPCIS_WHY])
{
    struct check check = { .why = why };
    const json_t *one = NULL, *list;
    size_t n;

    *out = (epcis_events){ .n = 0 };
    if (!json_is_object(document))
        return bad(&check, "not an object");
    out->context = json_object_get(document, "@context");
    if (!is_context(out->context))
        return bad(&check, "@context is missing");
    if (kind_of(document)) {
        check.event = 1;
        out->v[out->n++] = document;
        return check_event(&check, document);
    }
    if (!check_document(&check, document))
        return false;
    list = list_of(document, &one);
    n = one ? 1 : json_array_size(list);
    if (n == 0 || n > EPCIS_MAX_EVENTS)
        return bad(&check, "eventList has not 1 to %d events", EPCIS_MAX_EVENTS);
    out->ignored = ignored_of(document);
    if (!out->ignored)
        out->ignored = ignored_of(json_object_get(json_object_get(document, "epcisBody"), "queryResults"));
    for (size_t i = 0; i < n; i++) {
        out->v[out->n++] = one ? one : json_array_get(list, i);
        check.event = out->n;
        if (!check_event(&check, out->v[i]))
            return false;
    }
    return true;
}
