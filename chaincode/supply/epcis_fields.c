/*
 * epcis_fields.c: what the fields of an EPCIS event may be: their forms, and the terms of the Core Business Vocabulary. A
 * field that EPCIS does not know needs a namespace in front.
 */
#include <stdio.h>
#include <string.h>

#include "lib/gs1_uri.h"
#include "lib/value.h"
#include "supply/epcis_fields.h"

/* ---- simple values ---- */

const char *epcis_text_of(const json_t *value)
{
    const char *s = json_string_value(value);

    return s && *s != EPCIS_NUMBER ? s : NULL;
}

static bool is_number(const json_t *value)
{
    const char *s = json_string_value(value);

    return s && *s == EPCIS_NUMBER;
}

bool epcis_is_moment(const json_t *value)
{
    const char *s = epcis_text_of(value);
    int64_t seconds;
    int milliseconds;

    return s && epcis_time(s, &seconds, &milliseconds);
}

static bool is_offset(const json_t *value)
{
    const char *s = epcis_text_of(value);
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
    const char *s = epcis_text_of(value);

    return s && lib_is_uri(s, GS1_URI_MAX) && !gs1_uri_is_malformed(s);
}

static bool is_word_or_uri(const json_t *value)
{
    const char *s = epcis_text_of(value);

    return s && (epcis_is_known_term(EPCIS_SENSOR, s) || lib_is_uri(s, GS1_URI_MAX));
}

/* ---- what an event is made of ---- */

typedef bool (*is_form)(const json_t *value);

static bool is_action(const json_t *value)
{
    const char *s = epcis_text_of(value);

    return s && (strcmp(s, "ADD") == 0 || strcmp(s, "OBSERVE") == 0 || strcmp(s, "DELETE") == 0);
}

static bool is_biz_step(const json_t *value)
{
    return epcis_text_of(value) && epcis_is_known_term(EPCIS_BIZ_STEP, epcis_text_of(value));
}

static bool is_disposition(const json_t *value)
{
    return epcis_text_of(value) && epcis_is_known_term(EPCIS_DISPOSITION, epcis_text_of(value));
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
    return epcis_text_of(value) != NULL;
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
    const char *type = epcis_text_of(json_object_get(value, "type"));

    return is_uri(json_object_get(value, "bizTransaction")) &&
           (type ? epcis_is_known_term(EPCIS_TRANSACTION, type) : !json_object_get(value, "type"));
}

static bool is_party(const json_t *value, const char *name)
{
    const char *type = epcis_text_of(json_object_get(value, "type"));

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
    return epcis_text_of(value) && epcis_is_known_term(EPCIS_COMPONENT, epcis_text_of(value));
}

static bool is_report(const json_t *value)
{
    static const struct {
        const char *name;
        is_form form;
    } forms[] = { { "type", is_word_or_uri },    { "exception", is_word_or_uri },
                  { "component", is_component }, { "time", epcis_is_moment },
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
        if (!is_optional(value, times[i], epcis_is_moment))
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
    return epcis_is_moment(json_object_get(value, "declarationTime"));
}

/* A link to the certificate, or what it says: then its dates are dates. */
static bool is_certification(const json_t *value)
{
    json_t *object = (json_t *)value; /* jansson's iteration takes no const, and changes nothing */

    if (!json_is_object(value))
        return is_uri(value);
    for (void *it = json_object_iter(object); it; it = json_object_iter_next(object, it)) {
        const char *name = json_object_iter_key(it), *s = epcis_text_of(json_object_iter_value(it));
        const size_t n = strlen(name);
        int64_t epoch;

        if (json_is_object(json_object_iter_value(it)) && !is_certification(json_object_iter_value(it)))
            return false;
        if (n > 4 && strcmp(name + n - 4, "Date") == 0 &&
            !(s && (lib_date_parse(s, &epoch) || epcis_is_moment(json_object_iter_value(it)))))
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

/* ---- the fields of events ---- */

enum {
    OBJECT = EPCIS_OBJECT_EVENT,
    AGGREGATION = EPCIS_AGGREGATION_EVENT,
    TRANSACTION = EPCIS_TRANSACTION_EVENT,
    TRANSFORMATION = EPCIS_TRANSFORMATION_EVENT,
    ASSOCIATION = EPCIS_ASSOCIATION_EVENT,
    EVERY = OBJECT | AGGREGATION | TRANSACTION | TRANSFORMATION | ASSOCIATION
};

static const struct {
    const char *name;
    is_form form;
    unsigned in; /* kinds of event */
} event_fields[] = {
    { "type", is_text, EVERY },
    { "@context", is_anything, EVERY },
    { "eventID", is_uri, EVERY },
    { "eventTime", epcis_is_moment, EVERY },
    { "recordTime", epcis_is_moment, EVERY },
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

/* What EPCIS doesn't know has a namespace in front, or is a comment. */
static bool is_extension(const char *name)
{
    const char *colon = strchr(name, ':');

    return (colon && colon > name && colon[1]) || strcmp(name, "comment") == 0;
}

enum epcis_fit epcis_fit(const char *name, const json_t *value, unsigned kind)
{
    for (size_t i = 0; i < sizeof(event_fields) / sizeof(event_fields[0]); i++)
        if (strcmp(event_fields[i].name, name) == 0)
            return !(event_fields[i].in & kind)   ? EPCIS_NOT_OF_THIS_KIND
                   : !event_fields[i].form(value) ? EPCIS_NOT_OF_THIS_FORM
                                                  : EPCIS_FITS;
    return is_extension(name) ? EPCIS_FITS : EPCIS_NO_FIELD;
}
