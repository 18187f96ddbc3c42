/*
 * epcis_check.c: whether a document is EPCIS 2.0: what a document has around its events, and the fields that each kind of
 * event must have. What a field may be: epcis_fields.c.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "supply/epcis_fields.h"

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

/* ---- events ---- */

static unsigned kind_of(const json_t *event)
{
    static const char *const names[] = { "ObjectEvent", "AggregationEvent", "TransactionEvent", "TransformationEvent",
                                         "AssociationEvent" };
    const char *type = epcis_text_of(json_object_get(event, "type"));

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

static bool check_fields(const struct check *check, const json_t *event, unsigned kind)
{
    json_t *object = (json_t *)event; /* jansson's iteration takes no const, and changes nothing */

    for (void *it = json_object_iter(object); it; it = json_object_iter_next(object, it)) {
        const char *name = json_object_iter_key(it);

        switch (epcis_fit(name, json_object_iter_value(it), kind)) {
        case EPCIS_FITS:
            break;
        case EPCIS_NO_FIELD:
            return bad(check, "a field that EPCIS does not have, without a namespace");
        case EPCIS_NOT_OF_THIS_KIND:
            return bad(check, "%s is not of this kind of event", name);
        case EPCIS_NOT_OF_THIS_FORM:
            return bad(check, "%s is not what it should be", name);
        }
    }
    return true;
}

/* Which fields each kind must have. */
static bool check_needs(const struct check *check, const json_t *event, unsigned kind)
{
    const char *action = epcis_text_of(json_object_get(event, "action"));
    const bool deletes = action && strcmp(action, "DELETE") == 0, observes = action && strcmp(action, "OBSERVE") == 0;
    const bool children = has(event, "childEPCs") || has(event, "childQuantityList");

    if (!has(event, "eventTime") || !has(event, "eventTimeZoneOffset"))
        return bad(check, "eventTime or eventTimeZoneOffset is missing");
    if (kind != EPCIS_TRANSFORMATION_EVENT && !action)
        return bad(check, "action is missing");
    if (kind == EPCIS_OBJECT_EVENT && !has(event, "epcList") && !has(event, "quantityList") &&
        !has(event, "sensorElementList"))
        return bad(check, "epcList, quantityList and sensorElementList are missing");
    if (kind & (EPCIS_AGGREGATION_EVENT | EPCIS_ASSOCIATION_EVENT) && !has(event, "parentID") &&
        !(observes && children))
        return bad(check, "parentID is missing");
    if (kind & (EPCIS_AGGREGATION_EVENT | EPCIS_ASSOCIATION_EVENT) && !children && !deletes &&
        !has(event, "sensorElementList"))
        return bad(check, "childEPCs and childQuantityList are missing");
    if (kind == EPCIS_TRANSACTION_EVENT && !has(event, "bizTransactionList"))
        return bad(check, "bizTransactionList is missing");
    if (kind == EPCIS_TRANSFORMATION_EVENT && !has(event, "transformationID") &&
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
    return epcis_text_of(value) || json_is_object(value) || (json_is_array(value) && json_array_size(value) > 0);
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
    const char *type = epcis_text_of(json_object_get(document, "type"));
    const json_t *one = NULL, *list = list_of(document, &one);
    const bool query = type && strcmp(type, "EPCISQueryDocument") == 0;

    if (!query && (!type || strcmp(type, "EPCISDocument") != 0))
        return bad(check, "type is neither EPCISDocument, EPCISQueryDocument nor a kind of event");
    if (!epcis_text_of(json_object_get(document, "schemaVersion")) ||
        strncmp(epcis_text_of(json_object_get(document, "schemaVersion")), "2.", 2) != 0)
        return bad(check, "schemaVersion is not 2.x");
    if (!epcis_is_moment(json_object_get(document, query ? "createdAt" : "creationDate")) &&
        !epcis_is_moment(json_object_get(document, "creationDate")))
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
