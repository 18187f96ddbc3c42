/* From a FHIR resource to what its record says about it. */
#include "fhir/map.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct mapping {
    const char *type;
    const char *kind;
    const char *category;
    const char *class_name;
    const char *dates; /* paths, the first that is there counts */
    const char *code;
} mapping;

/* clang-format off */
static const mapping mappings[] = {
    { "Encounter",          "clinical", "general",      "general", "period.start", "type.0.coding.0.code" },
    { "Observation",        "clinical", "general",      "general",
      "effectiveDateTime effectivePeriod.start effectiveInstant issued", "code.coding.0.code" },
    { "DiagnosticReport",   "clinical", "general",      "general",
      "effectiveDateTime effectivePeriod.start issued", "code.coding.0.code" },
    { "ImagingStudy",       "image",    "imaging",      "imaging", "started", "procedureCode.0.coding.0.code" },
    { "DocumentReference",  "doc",      "general",      "general", "date context.period.start", "type.coding.0.code" },
    { "MedicationRequest",  "clinical", "medication",   "general", "authoredOn", "medicationCodeableConcept.coding.0.code" },
    { "Condition",          "clinical", "general",      "general",
      "onsetDateTime onsetPeriod.start recordedDate", "code.coding.0.code" },
    { "Procedure",          "clinical", "procedure",    "general",
      "performedDateTime performedPeriod.start", "code.coding.0.code" },
    { "Immunization",       "clinical", "immunization", "general", "occurrenceDateTime recorded", "vaccineCode.coding.0.code" },
    { "AllergyIntolerance", "clinical", "allergy",      "general",
      "recordedDate onsetDateTime onsetPeriod.start", "code.coding.0.code" },
};

/* every other type is kept whole */
static const mapping others = { "", "doc", "general", "general",
    "date created authoredOn effectiveDateTime effectivePeriod.start billablePeriod.start period.start issued",
    "code.coding.0.code" };

/* What a category of the resource itself says, for Observation and DiagnosticReport. */
static const struct { const char *code, *kind, *category; } by_category[] = {
    { "laboratory",     "lab",      "lab" },
    { "LAB",            "lab",      "lab" },
    { "imaging",        "image",    "imaging" },
    { "RAD",            "image",    "imaging" },
    { "social-history", "clinical", "social" },
    { "procedure",      "clinical", "procedure" },
    { "GE",             "lab",      "genetic" },
};

/* HL7's labels (meta.security): how confidential, and for what reason. */
static const struct { const char *code, *sens, *category; } by_label[] = {
    { "R",     "R", NULL },
    { "V",     "V", NULL },
    { "PSY",   "R", "psychiatry" },
    { "PSYTHPN", "V", "psychiatry" },
    { "MH",    "R", "psychiatry" },
    { "ETH",   "R", "substance" },
    { "ETHUD", "R", "substance" },
    { "SUD",   "R", "substance" },
    { "OPIOIDUD", "R", "substance" },
    { "SEX",   "R", "sexual" },
    { "SDV",   "V", "sexual" },
    { "HIV",   "V", "sexual" },
    { "STD",   "R", "sexual" },
    { "GDIS",  "R", "genetic" },
};
/* clang-format on */

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

const json_t *fhir__at(const json_t *root, const char *path)
{
    const json_t *v = root;
    char part[64];

    while (v && *path) {
        size_t n = strcspn(path, ".");

        if (n >= sizeof(part))
            return NULL;
        memcpy(part, path, n);
        part[n] = '\0';
        v = json_is_array(v) ? json_array_get(v, (size_t)strtoul(part, NULL, 10)) : json_object_get(v, part);
        path += n + (path[n] == '.');
    }
    return v;
}

static bool digits(const char **p, int n, int *out)
{
    int v = 0;

    while (n-- > 0) {
        if (**p < '0' || **p > '9')
            return false;
        v = v * 10 + (*(*p)++ - '0');
    }
    *out = v;
    return true;
}

static int days_in(int year, int month)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

    return days[month - 1] + (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
}

/* "T10:20:30.5+01:00": the seconds since midnight UTC */
static bool time_of_day(const char *p, int64_t *seconds)
{
    int hour, minute, second, away_h, away_m, sign;

    if (*p++ != 'T' || !digits(&p, 2, &hour) || *p++ != ':' || !digits(&p, 2, &minute) || *p++ != ':' ||
        !digits(&p, 2, &second) || hour > 23 || minute > 59 || second > 60)
        return false;
    *seconds = hour * 3600 + minute * 60 + (second == 60 ? 59 : second); /* Unix time knows no leap seconds */
    if (*p == '.') {
        p++;
        if (*p < '0' || *p > '9')
            return false;
        while (*p >= '0' && *p <= '9')
            p++;
    }
    if (*p == 'Z')
        return p[1] == '\0';
    if (*p != '+' && *p != '-')
        return false;
    sign = *p++ == '+' ? -1 : 1;
    if (!digits(&p, 2, &away_h) || *p++ != ':' || !digits(&p, 2, &away_m) || *p || away_h > 14 || away_m > 59)
        return false;
    *seconds += sign * (away_h * 3600 + away_m * 60);
    return true;
}

fcc_status fhir_date_utc(const char *date, char out[FHIR_DATE_LEN + 1])
{
    const char *p = date;
    int year, month = 1, day = 1;
    int64_t seconds = 0;
    struct tm tm = { 0 };
    time_t t;

    if (!digits(&p, 4, &year) || year < 1)
        return FCC_ERR_ARG;
    if (*p == '-') {
        p++;
        if (!digits(&p, 2, &month) || month < 1 || month > 12)
            return FCC_ERR_ARG;
        if (*p == '-') {
            p++;
            if (!digits(&p, 2, &day) || day < 1 || day > days_in(year, month))
                return FCC_ERR_ARG;
            if (*p && !time_of_day(p, &seconds))
                return FCC_ERR_ARG;
        } else if (*p) {
            return FCC_ERR_ARG;
        }
    } else if (*p) {
        return FCC_ERR_ARG;
    }
    tm.tm_year = year - 1900;
    tm.tm_mon = month - 1;
    tm.tm_mday = day;
    t = timegm(&tm) + (time_t)seconds;
    if (!gmtime_r(&t, &tm) || tm.tm_year + 1900 < 1 || tm.tm_year + 1900 > 9999)
        return FCC_ERR_ARG;
    snprintf(out, FHIR_DATE_LEN + 1, "%04u-%02u-%02uT%02u:%02u:%02uZ", (unsigned)(tm.tm_year + 1900) % 10000,
             (unsigned)(tm.tm_mon + 1) % 100, (unsigned)tm.tm_mday % 100, (unsigned)tm.tm_hour % 100,
             (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100);
    return FCC_OK;
}

static const char *copy(fcc__arena *arena, const json_t *v)
{
    return json_is_string(v) ? fcc__arena_printf(arena, "%s", json_string_value(v)) : NULL;
}

static fcc_status find_date(const json_t *resource, const char *paths, fhir_entry *out, char why[200])
{
    char path[64];

    while (*paths) {
        size_t n = strcspn(paths, " ");
        const json_t *v;

        snprintf(path, sizeof(path), "%.*s", (int)n, paths);
        paths += n + (paths[n] == ' ');
        v = fhir__at(resource, path);
        if (!v)
            continue;
        if (!json_is_string(v) || fhir_date_utc(json_string_value(v), out->date) != FCC_OK) {
            snprintf(why, 200, "%s: %.60s is not a FHIR date", path,
                     json_is_string(v) ? json_string_value(v) : "something else than a string");
            return FCC_ERR_PROTO;
        }
        return FCC_OK;
    }
    return FCC_OK;
}

static void refine_category(const json_t *resource, fhir_entry *out)
{
    const json_t *categories = json_object_get(resource, "category"), *category, *coding;
    size_t i, j, k;

    json_array_foreach(categories, i, category)
    {
        json_array_foreach(json_object_get(category, "coding"), j, coding)
        {
            const char *code = json_string_value(json_object_get(coding, "code"));

            for (k = 0; code && k < COUNT(by_category); k++) {
                if (!strcmp(code, by_category[k].code)) {
                    out->kind = by_category[k].kind;
                    out->category = by_category[k].category;
                    if (!strcmp(out->category, "imaging"))
                        out->class_name = "imaging";
                    return;
                }
            }
        }
    }
}

static void apply_labels(const json_t *resource, fhir_entry *out)
{
    const json_t *label;
    size_t i, k;

    json_array_foreach(fhir__at(resource, "meta.security"), i, label)
    {
        const char *code = json_string_value(json_object_get(label, "code"));

        for (k = 0; code && k < COUNT(by_label); k++) {
            if (strcmp(code, by_label[k].code) != 0)
                continue;
            if (by_label[k].sens[0] == 'V' || out->sens[0] == 'N')
                out->sens = by_label[k].sens;
            if (by_label[k].category)
                out->category = by_label[k].category;
        }
    }
}

bool fhir_is_mapped(const char *type)
{
    size_t i;

    for (i = 0; i < COUNT(mappings); i++)
        if (!strcmp(type, mappings[i].type))
            return true;
    return false;
}

static bool is_type_name(const char *type)
{
    size_t n = strspn(type, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    return n > 0 && n <= 64 && type[n] == '\0';
}

fcc_status fhir__map(const json_t *resource, fcc__arena *arena, fhir_entry *out, char why[200])
{
    const char *type = json_string_value(json_object_get(resource, "resourceType"));
    const mapping *m = &others;
    const json_t *encounter;
    size_t i;

    if (!type || !is_type_name(type)) {
        snprintf(why, 200, "the resource has no resourceType");
        return FCC_ERR_PROTO;
    }
    for (i = 0; i < COUNT(mappings); i++)
        if (!strcmp(type, mappings[i].type))
            m = &mappings[i];
    out->type = copy(arena, json_object_get(resource, "resourceType"));
    out->id = copy(arena, json_object_get(resource, "id"));
    out->code = copy(arena, fhir__at(resource, m->code));
    encounter = fhir__at(resource, "encounter.reference");
    if (!encounter)
        encounter = fhir__at(resource, "context.encounter.0.reference");
    out->encounter = copy(arena, encounter);
    out->kind = m->kind;
    out->category = m->category;
    out->class_name = m->class_name;
    out->sens = "N";
    if (!out->type) {
        snprintf(why, 200, "out of memory");
        return FCC_ERR_LIMIT;
    }
    if (!strcmp(type, "Observation") || !strcmp(type, "DiagnosticReport"))
        refine_category(resource, out);
    apply_labels(resource, out);
    return find_date(resource, m->dates, out, why);
}
