/* Other people's schedules: what becomes of their slots and appointments, one line a set; and what can't be taken. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "test/support/shared_data.h"
#include "test/support/tally.h"

#include "fhir/agenda.h"

enum { NOW = 1767225600, WEEK = 7 * 86400 }; /* 2026-01-01T00:00:00Z */

/* "Schedule/10=d1 Patient/p=..." */
static const char *named(void *ctx, const char *reference)
{
    static char found[8][64];
    static size_t next;
    const char *at = ctx;
    size_t n = strlen(reference);

    for (; at; at = strchr(at, ' ') ? strchr(at, ' ') + 1 : NULL)
        if (strncmp(at, reference, n) == 0 && at[n] == '=') {
            snprintf(found[next % 8], sizeof(found[0]), "%.*s", (int)strcspn(at + n + 1, " "), at + n + 1);
            return found[next++ % 8];
        }
    return NULL;
}

/* Whoever is asked for: the last part of the reference. */
static const char *everybody(void *ctx, const char *reference)
{
    (void)ctx;
    return strchr(reference, '/') ? strchr(reference, '/') + 1 : NULL;
}

static fhir_agenda *read_agenda(const char *text, const char *who, int64_t shift_s)
{
    fhir_agenda_reader *r = fhir_agenda_start();
    fhir_agenda *a = NULL;
    fcc_error error;

    assert_non_null(r);
    if (fhir_agenda_add(r, fcc_str(text), "text", &error) != FCC_OK)
        fail_msg("%s", error.text);
    assert_int_equal(fhir_agenda_finish(r, named, named, (void *)who, shift_s, NOW, &a, &error), FCC_OK);
    return a;
}

#define SLOT(id, status, start, end, more)                                                                          \
    "{\"resourceType\":\"Slot\",\"id\":\"" id "\",\"schedule\":{\"reference\":\"Schedule/1\"},\"status\":\"" status \
    "\",\"start\":\"" start "\",\"end\":\"" end "\"" more "}\n"
#define VISIT(id, status, start, end, who)                                                             \
    "{\"resourceType\":\"Appointment\",\"id\":\"" id "\",\"status\":\"" status "\",\"start\":\"" start \
    "\",\"end\":\"" end "\",\"participant\":[" who "]}\n"
#define WHO(reference) "{\"actor\":{\"reference\":\"" reference "\"}}"

static void has_reason(const fhir_agenda *a, const char *text)
{
    for (size_t i = 0; i < a->reason_count; i++)
        if (strstr(a->reasons[i].text, text))
            return;
    fail_msg("no reason says \"%s\"", text);
}

static void slots_of_local_time_are_units_in_utc(void **state)
{
    /* the clocks of Berlin go forward between the second and the third */
    fhir_agenda *a = read_agenda(
        SLOT("1", "free", "2026-03-29T00:30:00+01:00", "2026-03-29T01:00:00+01:00", "")
            SLOT("2", "free", "2026-03-29T01:30:00+01:00", "2026-03-29T03:00:00+02:00", "")
                SLOT("3", "free", "2026-03-29T03:00:00.000+02:00", "2026-03-29T03:30:00+02:00", "") "\r\n",
        "Schedule/1=d1", 0);
    json_t *in;

    assert_int_equal(a->resources, 3);
    assert_int_equal(a->taken, 3);
    assert_int_equal(a->reason_count, 0);
    assert_int_equal(a->day_count, 1); /* half an hour each: the second is half an hour long as well */
    assert_int_equal(a->days[0].minutes, 30);
    in = fhir_day_json(&a->days[0], "00");
    assert_string_equal(json_string_value(json_array_get(json_object_get(in, "slots"), 0)), "2026-03-28T23:30:00Z");
    assert_string_equal(json_string_value(json_array_get(json_object_get(in, "slots"), 1)), "2026-03-29T00:30:00Z");
    assert_string_equal(json_string_value(json_array_get(json_object_get(in, "slots"), 2)), "2026-03-29T01:00:00Z");
    json_decref(in);
    fhir_agenda_free(a);
}

static void a_slot_with_capacity_is_as_many_units(void **state)
{
#define CAPACITY(n)                                                                                          \
    ",\"extension\":[{\"url\":\"http://fhir-registry.smarthealthit.org/StructureDefinition/slot-capacity\"," \
    "\"valueInteger\":" n "}]"
    fhir_agenda *a = read_agenda(SLOT("1", "free", "2026-02-01T09:00:00Z", "2026-02-01T10:00:00Z", CAPACITY("4")) SLOT(
                                     "2", "free", "2026-02-01T10:00:00Z", "2026-02-01T11:00:00Z", CAPACITY("100"))
                                     SLOT("3", "free", "2026-02-01T11:00:00Z", "2026-02-01T12:00:00Z", CAPACITY("0"))
                                         SLOT("4", "free", "2026-02-01T12:00:00Z", "2026-02-01T21:00:00Z", ""),
                                 "Schedule/1=d1", 0);

    assert_int_equal(a->taken, 2);
    assert_int_equal(a->units, 4 + 12);
    assert_int_equal(a->places_lost, 88);
    assert_int_equal(a->day_count, 2);
    has_reason(a, "without capacity");
    has_reason(a, "more than four hours for one visit");
    fhir_agenda_free(a);
}

static void what_cannot_be_a_unit_says_why(void **state)
{
#define IN(slot) "{\"resource\":" slot "},"
    static const char bundle[] = "{\"resourceType\":\"Bundle\",\"entry\":[" IN(
        SLOT("1", "free", "2026-02-01T09:00:00Z", "2026-02-01T09:30:00Z", ""))
        IN(SLOT("2", "free", "2026-02-01T09:15:00Z", "2026-02-01T09:45:00Z", ""))
            IN(SLOT("3", "free", "2026-02-01T10:01:00Z", "2026-02-01T10:31:00Z", ""))
                IN(SLOT("4", "busy", "2026-02-01T10:00:00Z", "2026-02-01T10:30:00Z", ""))
                    IN(SLOT("5", "free", "2025-02-01T10:00:00Z", "2025-02-01T10:30:00Z", ""))
                        IN(SLOT("6", "free", "2026-02-01", "2026-02-02", ""))
                            IN(SLOT("7", "free", "2026-02-01T12:00:00Z", "2026-02-01T11:30:00Z",
                                    "")) "{\"resource\":{\"resourceType\":\"Location\",\"id\":\"1\"}}]}";
    fhir_agenda *a = read_agenda(bundle, "Schedule/1=d1", 0);

    assert_int_equal(a->resources, 7);
    assert_int_equal(a->taken, 1);
    has_reason(a, "over another one");
    has_reason(a, "multiples of five minutes");
    has_reason(a, "that is busy");
    has_reason(a, "in the past");
    has_reason(a, "no start and end");
    has_reason(a, "ends before it begins");
    fhir_agenda_free(a);
    a = read_agenda(SLOT("1", "free", "2026-02-01T09:00:00Z", "2026-02-01T09:30:00Z", ""), "Schedule/2=d1", 0);
    has_reason(a, "nobody's");
    fhir_agenda_free(a);
    /* a schedule is known by its actor as well, and last year's by so many weeks */
    a = read_agenda(
        "{\"resourceType\":\"Schedule\",\"id\":\"1\",\"actor\":[{\"reference\":\"Location/9\"},"
        "{\"reference\":\"Practitioner/7\"}]}\n" SLOT("1", "free", "2025-02-01T09:00:00Z", "2025-02-01T09:30:00Z", ""),
        "Practitioner/7=d1", (int64_t)52 * WEEK);
    assert_int_equal(a->taken, 1);
    assert_int_equal(a->days[0].starts[0], 1738400400 + (int64_t)52 * WEEK);
    fhir_agenda_free(a);
}

static void appointments_are_visits_with_their_units(void **state)
{
    static const char people[] = "Schedule/1=d1 Practitioner/d=d1 Patient/a=pid-a Patient/b=pid-b";
    char id[33], again[33];
    fhir_agenda *a = read_agenda(
        SLOT("1", "free", "2026-02-01T09:00:00Z", "2026-02-01T09:30:00Z",
             "") SLOT("2", "free", "2026-02-01T09:30:00Z", "2026-02-01T10:00:00Z",
                      "") VISIT("in", "booked", "2026-02-01T09:00:00Z", "2026-02-01T10:00:00Z",
                                WHO("Practitioner/d") "," WHO("Patient/a"))
            VISIT("off", "booked", "2026-02-01T20:00:00Z", "2026-02-01T20:45:00Z",
                  WHO("Patient/b") "," WHO("Practitioner/d")) VISIT("mid", "booked", "2026-02-01T09:45:00Z",
                                                                    "2026-02-01T10:15:00Z",
                                                                    WHO("Practitioner/d") "," WHO("Patient/b"))
                VISIT("two", "booked", "2026-02-01T12:00:00Z", "2026-02-01T12:15:00Z",
                      WHO("Practitioner/d") "," WHO("Practitioner/e") "," WHO("Patient/b"))
                    VISIT("nobody", "booked", "2026-02-01T12:00:00Z", "2026-02-01T12:15:00Z",
                          WHO("Practitioner/d") "," WHO("Patient/x"))
                        VISIT("none", "booked", "2026-02-01T12:00:00Z", "2026-02-01T12:15:00Z", WHO("Practitioner/d"))
                            VISIT("who", "booked", "2026-02-01T12:00:00Z", "2026-02-01T12:15:00Z", WHO("Patient/a"))
                                VISIT("long", "booked", "2026-02-02T08:00:00Z", "2026-02-02T12:05:00Z",
                                      WHO("Practitioner/d") "," WHO("Patient/b"))
                                    VISIT("maybe", "proposed", "2026-02-01T13:00:00Z", "2026-02-01T13:15:00Z",
                                          WHO("Practitioner/d") "," WHO("Patient/b")),
        people, 0);

    assert_int_equal(a->visit_count, 2);
    assert_string_equal(a->visits[0].pid, "pid-a");
    assert_int_equal(a->visits[0].minutes, 60);
    assert_int_equal(a->units, 3); /* two slots, and the time of the visit off them */
    has_reason(a, "over another one of the doctor");
    has_reason(a, "more than one doctor");
    has_reason(a, "of a patient who is nobody here");
    has_reason(a, "without a patient");
    has_reason(a, "without a doctor");
    has_reason(a, "more than four hours");
    has_reason(a, "that is proposed");
    fhir_visit_id(&a->visits[0], id);
    fhir_visit_id(&a->visits[0], again);
    assert_string_equal(id, again);
    fhir_visit_id(&a->visits[1], again);
    assert_string_not_equal(id, again);
    fhir_agenda_free(a);
}

static void what_is_no_fhir_is_refused_whole(void **state)
{
    static const char *const bad[] = { "",
                                       "x",
                                       "[]",
                                       "{}",
                                       "{\"resourceType\":\"Slot\"}\nx",
                                       "7",
                                       "{\"resourceType\":\"Bundle\",\"entry\":[{}]}",
                                       "{\"a\":1,\"a\":2}" };
    fcc_error error;

    for (size_t i = 1; i < sizeof(bad) / sizeof(bad[0]); i++) {
        fhir_agenda_reader *r = fhir_agenda_start();

        assert_int_equal(fhir_agenda_add(r, fcc_str(bad[i]), "bad.json", &error), FCC_ERR_PROTO);
        assert_non_null(strstr(error.text, "bad.json"));
        fhir_agenda_drop(r);
    }
}

/* All files of a set, moved by whole weeks so that the first of them lies before us; every schedule is somebody's. */
static void read_set(const char *set, const char *line, const char *const *folders, int64_t shift_s, size_t least)
{
    tally t = { .set = line };
    fhir_agenda_reader *r;
    fhir_agenda *a = NULL;
    fcc_error error;

    shared_need(set);
    r = fhir_agenda_start();
    for (; *folders; folders++) {
        char folder[200];
        struct dirent **names = NULL;
        int n;

        snprintf(folder, sizeof(folder), "%s%s", set, *folders);
        n = shared_list(folder, &names);
        for (int i = 0; i < n; i++) {
            size_t len = 0;
            char *text = shared_read(folder, names[i]->d_name, &len);

            assert_non_null(text);
            if (fhir_agenda_add(r, fcc_bytes_of(text, len), names[i]->d_name, &error) != FCC_OK)
                tally_fail(&t, "%s", error.text);
            free(text);
        }
        shared_list_free(names, n);
    }
    assert_int_equal(fhir_agenda_finish(r, everybody, everybody, NULL, shift_s, NOW, &a, &error), FCC_OK);
    for (size_t i = 0; i < a->taken; i++)
        tally_pass(&t);
    for (size_t i = 0; i < a->reason_count; i++)
        for (size_t k = 0; k < a->reasons[i].count; k++)
            tally_skip(&t, "%s", a->reasons[i].text);
    assert_int_equal(t.passed + t.skipped, a->resources);
    assert_true(t.passed >= least);
    assert_true(tally_print(&t));
    fprintf(stderr, "# %s: %zu units in %zu days, %zu visits, %zu places too short\n", line, a->units, a->day_count,
            a->visit_count, a->places_lost);
    fhir_agenda_free(a);
}

static void smart_scheduling_links_become_days(void **state)
{
    static const char *const all[] = { "", NULL };

    read_set("scheduling-smart-links", "SMART Scheduling Links", all, (int64_t)53 * 5 * WEEK, 200);
}

static void ihe_scheduling_becomes_a_visit(void **state)
{
    static const char *const all[] = { "", NULL };

    read_set("scheduling-ihe", "IHE Scheduling", all, (int64_t)53 * WEEK, 1);
}

static void hl7s_slots_and_appointments(void **state)
{
    static const char *const all[] = { "/Schedule", "/Slot", "/Appointment", NULL };

    read_set("fhir-r4-hl7-examples", "HL7 Slot and Appointment", all, (int64_t)53 * 13 * WEEK, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots_of_local_time_are_units_in_utc),
        cmocka_unit_test(a_slot_with_capacity_is_as_many_units),
        cmocka_unit_test(what_cannot_be_a_unit_says_why),
        cmocka_unit_test(appointments_are_visits_with_their_units),
        cmocka_unit_test(what_is_no_fhir_is_refused_whole),
        cmocka_unit_test(smart_scheduling_links_become_days),
        cmocka_unit_test(ihe_scheduling_becomes_a_visit),
        cmocka_unit_test(hl7s_slots_and_appointments),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
