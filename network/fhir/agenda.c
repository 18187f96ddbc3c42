/*
 * agenda.c: Slots, Schedules and Appointments, in any order and from any number of files, as units and visits.
 *
 * A Slot says where it belongs by its Schedule, and that by its actors: whichever of these references somebody has named
 * is the doctor. A Slot with a capacity (SMART Scheduling Links) is cut into so many units.
 */
#include "fhir/agenda.h"

#include "base/hash.h"
#include "fhir/fhir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CAPACITY "http://fhir-registry.smarthealthit.org/StructureDefinition/slot-capacity"

enum { AGENDA_ARENA = 256 << 20, REASONS_MAX = 64 };

struct fhir_agenda_reader {
    json_t *schedules;      /* "Schedule/ID" to the resource */
    json_t *slots, *visits; /* arrays of resources */
};

struct unit {
    const char *uid;
    int64_t start, end;
};

/* The work of fhir_agenda_finish. */
struct planning {
    fcc__arena *arena;
    fhir_agenda *agenda;
    fhir_who doctor, patient;
    void *ctx;
    int64_t shift_s, now_s;
    struct unit *units;
    size_t unit_count, unit_room;
    fhir_visit *visits;
    fhir_reason *reasons;
    bool failed; /* out of memory */
};

/* ---- reading ---- */

fhir_agenda_reader *fhir_agenda_start(void)
{
    fhir_agenda_reader *r = calloc(1, sizeof(*r));

    if (r) {
        r->schedules = json_object();
        r->slots = json_array();
        r->visits = json_array();
        if (!r->schedules || !r->slots || !r->visits) {
            fhir_agenda_drop(r);
            r = NULL;
        }
    }
    return r;
}

void fhir_agenda_drop(fhir_agenda_reader *r)
{
    if (!r)
        return;
    json_decref(r->schedules);
    json_decref(r->slots);
    json_decref(r->visits);
    free(r);
}

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* One resource, or the entries of a Bundle. */
static bool take(fhir_agenda_reader *r, json_t *resource)
{
    const char *type = text_of(resource, "resourceType"), *id = text_of(resource, "id");
    const json_t *entries = json_object_get(resource, "entry");
    char reference[300];

    if (!type)
        return false;
    if (strcmp(type, "Bundle") == 0) {
        for (size_t i = 0; i < json_array_size(entries); i++)
            if (!take(r, json_object_get(json_array_get(entries, i), "resource")))
                return false;
        return true;
    }
    if (strcmp(type, "Slot") == 0)
        return json_array_append(r->slots, resource) == 0;
    if (strcmp(type, "Appointment") == 0)
        return json_array_append(r->visits, resource) == 0;
    if (strcmp(type, "Schedule") != 0 || !id)
        return true;
    snprintf(reference, sizeof(reference), "Schedule/%.255s", id);
    return json_object_set(r->schedules, reference, resource) == 0;
}

/* The document as a list of resources; NULL when it is no JSON. */
static json_t *parse(fcc_bytes text, const char *name, fcc_error *error)
{
    json_t *list = json_array(), *one = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
    size_t line = 0;

    if (list && one && json_is_object(one) && json_array_append(list, one) == 0) {
        json_decref(one);
        return list;
    }
    json_decref(one);
    for (size_t at = 0; list && at < text.len;) {
        const uint8_t *end = memchr(text.data + at, '\n', text.len - at);
        const size_t len = end ? (size_t)(end - text.data) - at : text.len - at;
        json_error_t why;

        line++;
        if (len > 1 || (len == 1 && text.data[at] != '\r')) {
            one = json_loadb((const char *)text.data + at, len, JSON_REJECT_DUPLICATES, &why);
            if (!json_is_object(one) || json_array_append(list, one) != 0) {
                fcc_error_set(error, FCC_ERR_PROTO, "%s, line %zu: no FHIR resource: %s", name, line,
                              one ? "not an object" : why.text);
                json_decref(one);
                json_decref(list);
                return NULL;
            }
            json_decref(one);
        }
        at += len + 1;
    }
    return list;
}

fcc_status fhir_agenda_add(fhir_agenda_reader *r, fcc_bytes text, const char *name, fcc_error *error)
{
    json_t *list = parse(text, name, error);
    size_t i, had;
    json_t *one;

    if (!list)
        return FCC_ERR_PROTO;
    json_array_foreach(list, i, one)
    {
        if (text_of(one, "resourceType"))
            continue;
        json_decref(list);
        return fcc_error_set(error, FCC_ERR_PROTO, "%s: resource %zu has no resourceType", name, i + 1);
    }
    had = json_array_size(r->slots) + json_array_size(r->visits);
    json_array_foreach(list, i, one) if (!take(r, one))
    {
        json_decref(list);
        return fcc_error_set(error, FCC_ERR_PROTO, "%s: an entry of a Bundle has no resource", name);
    }
    json_decref(list);
    if (json_array_size(r->slots) + json_array_size(r->visits) > FHIR_AGENDA_MAX)
        return fcc_error_set(error, FCC_ERR_LIMIT, "%s: more than %d Slots and Appointments, after %zu before it", name,
                             FHIR_AGENDA_MAX, had);
    return FCC_OK;
}

/* ---- what can't be taken over ---- */

static void refuse(struct planning *p, const char *reason)
{
    for (size_t i = 0; i < p->agenda->reason_count; i++)
        if (strcmp(p->reasons[i].text, reason) == 0) {
            p->reasons[i].count++;
            return;
        }
    if (p->agenda->reason_count < REASONS_MAX)
        p->reasons[p->agenda->reason_count++] = (fhir_reason){ fcc__arena_printf(p->arena, "%s", reason), 1 };
}

/* A FHIR instant, moved; the reason why not otherwise. */
static const char *time_of(const struct planning *p, const json_t *resource, const char *name, int64_t *out)
{
    const char *text = text_of(resource, name);
    char utc[FHIR_DATE_LEN + 1];
    struct tm tm = { 0 };

    if (!text || strlen(text) < 16 || fhir_date_utc(text, utc) != FCC_OK ||
        sscanf(utc, "%4d-%2d-%2dT%2d:%2d:%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min,
               &tm.tm_sec) != 6)
        return "no start and end";
    tm.tm_year -= 1900;
    tm.tm_mon--;
    *out = timegm(&tm) + p->shift_s;
    return NULL;
}

static const char *span_of(const struct planning *p, const json_t *resource, int64_t *start, int64_t *end)
{
    const char *why = time_of(p, resource, "start", start);

    if (!why)
        why = time_of(p, resource, "end", end);
    if (why)
        return why;
    if (*start % FHIR_SLOT_S || *end % FHIR_SLOT_S)
        return "not on multiples of five minutes";
    if (*end <= *start)
        return "ends before it begins";
    return *start <= p->now_s ? "in the past" : NULL;
}

/* ---- units ---- */

static bool overlaps(const struct planning *p, const char *uid, int64_t start, int64_t end)
{
    for (size_t i = 0; i < p->unit_count; i++)
        if (p->units[i].start < end && start < p->units[i].end && strcmp(p->units[i].uid, uid) == 0)
            return true;
    return false;
}

static void add_unit(struct planning *p, const char *uid, int64_t start, int64_t end)
{
    if (p->unit_count == p->unit_room) {
        const size_t room = p->unit_room ? 2 * p->unit_room : 256;
        struct unit *units = realloc(p->units, room * sizeof(*units));

        if (!units) {
            p->failed = true;
            return;
        }
        p->units = units;
        p->unit_room = room;
    }
    p->units[p->unit_count++] = (struct unit){ uid, start, end };
}

/* Kept as long as the agenda. */
static const char *keep(const struct planning *p, const char *text)
{
    return text ? fcc__arena_printf(p->arena, "%s", text) : NULL;
}

/* Of a Slot: its Schedule, or one of that one's actors. */
static const char *doctor_of_slot(const struct planning *p, const fhir_agenda_reader *r, const json_t *slot)
{
    const char *reference = text_of(json_object_get(slot, "schedule"), "reference"), *uid;
    const json_t *actors;

    if (!reference)
        return NULL;
    uid = p->doctor(p->ctx, reference);
    actors = json_object_get(json_object_get(r->schedules, reference), "actor");
    for (size_t i = 0; !uid && i < json_array_size(actors); i++) {
        const char *actor = text_of(json_array_get(actors, i), "reference");

        uid = actor ? p->doctor(p->ctx, actor) : NULL;
    }
    return keep(p, uid);
}

static int64_t capacity_of(const json_t *slot)
{
    const json_t *extensions = json_object_get(slot, "extension");

    for (size_t i = 0; i < json_array_size(extensions); i++) {
        const json_t *one = json_array_get(extensions, i);
        const char *url = text_of(one, "url");

        if (url && strcmp(url, CAPACITY) == 0)
            return json_integer_value(json_object_get(one, "valueInteger"));
    }
    return 1;
}

static void plan_slot(struct planning *p, const fhir_agenda_reader *r, const json_t *slot)
{
    const char *status = text_of(slot, "status"), *uid = doctor_of_slot(p, r, slot), *why;
    int64_t start = 0, end = 0, capacity = capacity_of(slot), length, places = 0;
    char text[100];

    if (!status || strcmp(status, "free") != 0) {
        snprintf(text, sizeof(text), "a slot that is %.40s: its time is not published",
                 status ? status : "of no status");
        refuse(p, text);
        return;
    }
    why = span_of(p, slot, &start, &end);
    if (!why && !uid)
        why = "a slot of a schedule that is nobody's";
    if (!why && capacity < 1)
        why = "a slot without capacity";
    if (!why && overlaps(p, uid, start, end))
        why = "a slot over another one of the doctor";
    if (why) {
        refuse(p, why);
        return;
    }
    /* so many units of equal length as there is capacity for, of whole slots of the ledger's */
    length = (end - start) / capacity / FHIR_SLOT_S * FHIR_SLOT_S;
    if (length > FHIR_UNIT_MAX_S) {
        refuse(p, "a slot of more than four hours for one visit");
        return;
    }
    if (length < FHIR_SLOT_S)
        length = FHIR_SLOT_S;
    for (; places < capacity && start + (places + 1) * length <= end; places++)
        add_unit(p, uid, start + places * length, start + (places + 1) * length);
    p->agenda->places_lost += (size_t)(capacity - places);
    p->agenda->taken++;
}

/* ---- visits ---- */

/* Whom the one participant of this kind is; none, more than one and one whom nobody has named are reasons. */
static const char *participant(const struct planning *p, const json_t *visit, const char *kind, fhir_who who,
                               const char *const reasons[3], const char **why)
{
    const json_t *list = json_object_get(visit, "participant");
    const char *only = NULL, *found;

    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *reference = text_of(json_object_get(json_array_get(list, i), "actor"), "reference");

        if (!reference || strncmp(reference, kind, strlen(kind)) != 0)
            continue;
        if (only && strcmp(only, reference) != 0) {
            *why = reasons[1];
            return NULL;
        }
        only = reference;
    }
    found = only ? keep(p, who(p->ctx, only)) : NULL;
    if (!found)
        *why = reasons[only ? 2 : 0];
    return found;
}

static bool is_urgent(const json_t *visit)
{
    const json_t *codings = json_object_get(json_object_get(visit, "appointmentType"), "coding");

    for (size_t i = 0; i < json_array_size(codings); i++) {
        const char *code = text_of(json_array_get(codings, i), "code");

        if (code && strcmp(code, "EMERGENCY") == 0)
            return true;
    }
    return false;
}

static int64_t unit_from(const struct planning *p, const char *uid, int64_t start)
{
    for (size_t i = 0; i < p->unit_count; i++)
        if (p->units[i].start == start && strcmp(p->units[i].uid, uid) == 0)
            return p->units[i].end;
    return 0;
}

/* Whether units of the doctor, the first beginning at `start`, cover all of it. */
static bool covered(const struct planning *p, const char *uid, int64_t start, int64_t end)
{
    int64_t at = start;

    while (at && at < end)
        at = unit_from(p, uid, at);
    return at >= end;
}

static const char *meets_another(const struct planning *p, const char *uid, const char *pid, int64_t start, int64_t end)
{
    for (size_t i = 0; i < p->agenda->visit_count; i++) {
        const fhir_visit *v = &p->visits[i];

        if (v->start >= end || start >= v->start + (int64_t)v->minutes * 60)
            continue;
        if (strcmp(v->uid, uid) == 0)
            return "a visit over another one of the doctor";
        if (strcmp(v->pid, pid) == 0)
            return "a visit over another one of the patient";
    }
    return NULL;
}

static void plan_visit(struct planning *p, const json_t *visit)
{
    static const char *const doctors[] = { "a visit without a doctor", "a visit of more than one doctor",
                                           "a visit of a doctor who is nobody here" };
    static const char *const patients[] = { "a visit without a patient", "a visit of more than one patient",
                                            "a visit of a patient who is nobody here" };
    const char *status = text_of(visit, "status"), *id = text_of(visit, "id"), *uid, *pid, *why = NULL;
    int64_t start = 0, end = 0;
    char text[100];

    if (!status || strcmp(status, "booked") != 0) {
        snprintf(text, sizeof(text), "an appointment that is %.40s", status ? status : "of no status");
        refuse(p, text);
        return;
    }
    uid = participant(p, visit, "Practitioner", p->doctor, doctors, &why);
    pid = why ? NULL : participant(p, visit, "Patient/", p->patient, patients, &why);
    if (!why)
        why = span_of(p, visit, &start, &end);
    if (!why && end - start > FHIR_UNIT_MAX_S)
        why = "a visit of more than four hours";
    if (!why)
        why = meets_another(p, uid, pid, start, end);
    if (!why && !covered(p, uid, start, end)) {
        if (overlaps(p, uid, start, end))
            why = "a visit that does not begin with a unit";
        else
            add_unit(p, uid, start, end);
    }
    if (why) {
        refuse(p, why);
        return;
    }
    p->visits[p->agenda->visit_count++] = (fhir_visit){ .name = fcc__arena_printf(p->arena, "%s", id ? id : "?"),
                                                        .uid = uid,
                                                        .pid = pid,
                                                        .start = start,
                                                        .minutes = (int)((end - start) / 60),
                                                        .class_name = is_urgent(visit) ? "urgent" : "normal" };
    p->agenda->taken++;
}

/* ---- days ---- */

static int by_doctor_length_start(const void *a, const void *b)
{
    const struct unit *one = a, *other = b;
    int order = strcmp(one->uid, other->uid);

    if (order == 0)
        order = (one->end - one->start > other->end - other->start) -
                (one->end - one->start < other->end - other->start);
    return order ? order : (one->start > other->start) - (one->start < other->start);
}

/* Units of one doctor and length, within a day from the first and no more than a day in sum. */
static void make_days(struct planning *p)
{
    fhir_day *days = fcc__arena_alloc(p->arena, (p->unit_count + 1) * sizeof(*days));
    int64_t *starts = fcc__arena_alloc(p->arena, (p->unit_count + 1) * sizeof(*starts));
    fhir_day *day = NULL;

    if (!days || !starts) {
        p->failed = true;
        return;
    }
    if (p->unit_count)
        qsort(p->units, p->unit_count, sizeof(*p->units), by_doctor_length_start);
    for (size_t i = 0; i < p->unit_count; i++) {
        const struct unit *u = &p->units[i];
        const int minutes = (int)((u->end - u->start) / 60);

        starts[i] = u->start;
        if (!day || strcmp(day->uid, u->uid) != 0 || day->minutes != minutes ||
            u->start - day->starts[0] >= FHIR_DAY_MAX_S) {
            day = &days[p->agenda->day_count++];
            *day = (fhir_day){ .uid = u->uid, .minutes = minutes, .starts = &starts[i] };
        }
        day->count++;
    }
    p->agenda->days = days;
    p->agenda->units = p->unit_count;
}

fcc_status fhir_agenda_finish(fhir_agenda_reader *r, fhir_who doctor, fhir_who patient, void *ctx, int64_t shift_s,
                              int64_t now_s, fhir_agenda **out, fcc_error *error)
{
    fcc__arena *arena = fcc__arena_new(AGENDA_ARENA);
    struct planning p = {
        .arena = arena, .doctor = doctor, .patient = patient, .ctx = ctx, .shift_s = shift_s, .now_s = now_s
    };
    json_t *one;
    size_t i;

    *out = NULL;
    p.agenda = arena ? fcc__arena_alloc(arena, sizeof(*p.agenda)) : NULL;
    p.visits = arena ? fcc__arena_alloc(arena, (json_array_size(r->visits) + 1) * sizeof(*p.visits)) : NULL;
    p.reasons = arena ? fcc__arena_alloc(arena, REASONS_MAX * sizeof(*p.reasons)) : NULL;
    p.failed = !p.agenda || !p.visits || !p.reasons;
    if (!p.failed) {
        *p.agenda = (fhir_agenda){ .arena = arena, .visits = p.visits, .reasons = p.reasons };
        p.agenda->resources = json_array_size(r->slots) + json_array_size(r->visits);
        json_array_foreach(r->slots, i, one) plan_slot(&p, r, one);
        json_array_foreach(r->visits, i, one) plan_visit(&p, one);
        make_days(&p);
    }
    free(p.units);
    fhir_agenda_drop(r);
    if (p.failed) {
        fcc__arena_free(arena);
        return fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
    }
    *out = p.agenda;
    return FCC_OK;
}

void fhir_agenda_free(fhir_agenda *agenda)
{
    if (agenda)
        fcc__arena_free(agenda->arena);
}

/* ---- calls ---- */

static json_t *time_json(int64_t at)
{
    const time_t when = (time_t)at;
    struct tm tm;
    char text[32];

    if (!gmtime_r(&when, &tm) || !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
        return NULL;
    return json_string(text);
}

json_t *fhir_day_json(const fhir_day *day, const char *salt)
{
    json_t *slots = json_array();

    for (size_t i = 0; i < day->count; i++)
        if (json_array_append_new(slots, time_json(day->starts[i])) != 0) {
            json_decref(slots);
            return NULL;
        }
    return json_pack("{s:s, s:o, s:i, s:s}", "uid", day->uid, "slots", slots, "unit", day->minutes, "salt", salt);
}

json_t *fhir_visit_json(const fhir_visit *v, const char *id, const char *salt)
{
    return json_pack("{s:s, s:s, s:s, s:o, s:i, s:s, s:s}", "id", id, "pid", v->pid, "uid", v->uid, "start",
                     time_json(v->start), "minutes", v->minutes, "class", v->class_name, "salt", salt);
}

void fhir_visit_id(const fhir_visit *v, char out[33])
{
    char start[24];
    fcc__sha256 digest;

    snprintf(start, sizeof(start), "/%lld", (long long)v->start);
    digest = fcc__sha256_of_many(
        (const fcc_bytes[]){ FCC_LIT("visit/"), fcc_str(v->pid), FCC_LIT("/"), fcc_str(v->uid), fcc_str(start) }, 5);
    for (size_t i = 0; i < 16; i++)
        snprintf(out + 2 * i, 3, "%02x", digest.bytes[i]);
}
