/*
 * appointments.c, steps 8, 9 and 7a's booking: two patients after one doctor, one patient with two doctors on two grids,
 * a hold that was left, a daughter who books for her mother.
 */
#include "scenario.h"

#include <string.h>
#include <time.h>

enum { MVCC_READ_CONFLICT = 11, DAY = 86400, HOUR = 3600, MONDAY = 4, UNITS = 12 };

/* The Monday after next, at midnight in UTC: seconds since 1970. */
static int64_t monday(const scene *s)
{
    const int64_t day = (time(NULL) + s->ahead) / DAY; /* 1970 began on a Thursday */

    return (day + (MONDAY + 7 - day % 7) % 7 + 7) * DAY;
}

static const char *at(scene *s, int hour, int minute)
{
    return scene_moment(s, s->monday + hour * HOUR + minute * 60);
}

/* From nine on, in units of so many minutes. */
static void publishes(scene *s, scene_who desk, scene_who doctor, int unit, const char *name)
{
    json_t *slots = json_array();

    for (int i = 0; i < UNITS; i++)
        json_array_append_new(slots, json_string(at(s, 9, i * unit)));
    scene_invoke(s, desk, END_CARE, "appointments", "PublishDay",
                 json_pack("{s:s, s:o, s:i, s:s}", "uid", scene_uid(doctor), "slots", slots, "unit", unit, "salt",
                           scene_salt(s)),
                 NULL);
    scene_ok(s, name);
}

static json_t *holding(scene *s, char id[SCENE_ID], const char *pid, scene_who doctor, const char *start, int minutes)
{
    scene_id(id);
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:s, s:s}", "id", id, "pid", pid, "uid", scene_uid(doctor), "start",
                     start, "minutes", minutes, "class", "normal", "salt", scene_salt(s));
}

static json_t *naming(scene *s, const char *id)
{
    return json_pack("{s:s, s:s}", "id", id, "salt", scene_salt(s));
}

/* The refusal says which slot, and whose. */
static void names_slot(scene *s, const char *name, const char *start, const char *whose)
{
    const char *detail = scene_text(s, "detail");

    scene_check(s, strstr(detail, start) && strstr(detail, whose) && !strstr(detail, s->a.pid), "%s", name);
}

static void one_doctor(scene *s)
{
    client_transaction mine, theirs;
    client_answer answer = { 0 };
    char of_b[SCENE_ID];
    bool both;

    publishes(s, WHO_DESK1, WHO_D1, 15, "8 H's desk publishes D1's Monday");
    publishes(s, WHO_DESK2, WHO_D3, 20, "8 C's desk publishes D3's, on another grid");
    both = scene_endorse(s, WHO_A, END_CARE, "appointments", "Hold",
                         holding(s, s->visit, s->a.pid, WHO_D1, at(s, 9, 0), 30), NULL, &mine) &&
           scene_endorse(s, WHO_B, END_CARE, "appointments", "Hold",
                         holding(s, of_b, s->b.pid, WHO_D1, at(s, 9, 15), 15), NULL, &theirs);
    scene_check(s, both, "8 A holds Mon 09:00 for 30 min; B holds 09:15 of the same doctor at the same time");
    if (!both)
        return;
    s->st = client_submit(s->people[WHO_A], &mine, s->arena, &answer, &s->error);
    if (s->st == FCC_OK)
        s->st = client_submit(s->people[WHO_B], &theirs, s->arena, &answer, &s->error);
    if (s->st == FCC_OK)
        s->st = client_commit_status(s->people[WHO_A], mine.txid, s->arena, &answer, &s->error);
    scene_check(s, s->st == FCC_OK && answer.validation == 0, "8 one commits");
    s->st = client_commit_status(s->people[WHO_B], theirs.txid, s->arena, &answer, &s->error);
    scene_check(s, s->st == FCC_OK && answer.validation == MVCC_READ_CONFLICT, "8 the other MVCC conflict");
    scene_invoke(s, WHO_B, END_CARE, "appointments", "Hold", holding(s, of_b, s->b.pid, WHO_D1, at(s, 9, 15), 15),
                 NULL);
    scene_refused(s, "8 on retry", 409, "CONFLICT");
    names_slot(s, "8 naming the slot, and not the other patient", at(s, 9, 15), "doctor is busy");
}

static void one_patient(scene *s)
{
    char other[SCENE_ID];

    scene_invoke(s, WHO_A, END_CARE, "appointments", "Hold", holding(s, other, s->a.pid, WHO_D3, at(s, 9, 20), 20),
                 NULL);
    scene_refused(s, "9 A holds 09:20 with another doctor on another grid", 409, "CONFLICT");
    names_slot(s, "9 patient busy", at(s, 9, 20), "patient is busy");
    scene_invoke(s, WHO_B, END_CARE, "appointments", "Book", naming(s, s->visit), NULL);
    scene_refused(s, "9 B books A's hold", 403, "DENIED:not_owner");
    scene_invoke(s, WHO_A, END_CARE, "appointments", "Book", naming(s, s->visit), NULL);
    scene_ok(s, "9 A books: Booked");
    scene_invoke(s, WHO_DESK2, END_CARE, "appointments", "Cancel",
                 json_pack("{s:s, s:s, s:s}", "id", s->visit, "reasonCode", "site", "salt", scene_salt(s)), NULL);
    scene_refused(s, "9 C's desk cancels it", 403, "DENIED:not_site");
    scene_invoke(s, WHO_A, END_CARE, "appointments", "Hold", holding(s, s->left, s->a.pid, WHO_D3, at(s, 11, 0), 20),
                 NULL);
    scene_ok(s, "9 A holds 11:00 with D3, and leaves it");
    scene_query(s, WHO_DESK1, END_HOSPITAL, "appointments", "DaySheet",
                json_pack("{s:s, s:s}", "uid", scene_uid(WHO_D1), "date", scene_print(s, "%.10s", at(s, 9, 0))), NULL);
    scene_check(s, s->st == FCC_OK && json_array_size(json_object_get(s->payload, "visits")) == 1,
                "9 D1's day sheet has one visit");
}

/* E's daughter has a device, and is a guardian for appointments. */
static void daughter(scene *s)
{
    scene_patient f;
    char visit[SCENE_ID], form[SCENE_ID];

    scene_make_patient(s, &f);
    scene_id(form);
    scene_invoke(
        s, WHO_F, END_CARE, "credentials", "RegisterPatient",
        json_pack("{s:s, s:o, s:s}", "pid", f.pid, "demographics", scene_demographics(&f), "salt", scene_salt(s)),
        NULL);
    scene_ok(s, "7a E's daughter registers");
    scene_invoke(s, WHO_REG1, END_CARE, "credentials", "ApprovePatient",
                 json_pack("{s:s, s:s}", "fp", client_fingerprint(s->people[WHO_F]), "nid", f.nid), NULL);
    scene_ok(s, "7a and is approved");
    scene_invoke(s, WHO_REG1, END_CARE, "credentials", "RegisterGuardian",
                 json_pack("{s:s, s:s, s:s, s:[s], s:s, s:s, s:s}", "id", form, "pid", s->e.pid, "gpid", f.pid, "scope",
                           "appointments", "from", scene_time(s, -60), "to", scene_time(s, (int64_t)365 * DAY),
                           "evidenceHash", scene_digest(s)),
                 NULL);
    scene_ok(s, "7a a registrar records that she acts for E in appointments");
    scene_invoke(s, WHO_F, END_CARE, "appointments", "Hold", holding(s, visit, s->e.pid, WHO_D1, at(s, 10, 0), 15),
                 NULL);
    scene_refused(s, "7a until it is countersigned she holds nothing for E", 403, "DENIED:not_owner");
    scene_invoke(s, WHO_REG2, END_CARE, "credentials", "Countersign", json_pack("{s:s}", "id", form), NULL);
    scene_ok(s, "7a the second registrar countersigns");
    scene_invoke(s, WHO_F, END_CARE, "appointments", "Hold", holding(s, visit, s->e.pid, WHO_D1, at(s, 10, 0), 15),
                 NULL);
    scene_ok(s, "7a E's daughter as guardian holds");
    scene_invoke(s, WHO_F, END_CARE, "appointments", "Book", naming(s, visit), NULL);
    scene_ok(s, "7a and books");
    scene_query(s, WHO_F, END_CLINIC, "appointments", "Reminders", json_pack("{s:s}", "pid", s->e.pid), NULL);
    scene_check(s, s->st == FCC_OK && json_array_size(json_object_get(s->payload, "reminders")) == 1,
                "7a and is reminded of it");
    scene_invoke(s, WHO_F, END_CARE, "consent", "RevokeAll",
                 json_pack("{s:s, s:s}", "pid", s->e.pid, "salt", scene_salt(s)), NULL);
    scene_refused(s, "7a and for E's consent she does not speak", 403, "DENIED:not_owner");
}

void scene_appointments(scene *s)
{
    s->monday = monday(s);
    one_doctor(s);
    one_patient(s);
    daughter(s);
}

void scene_left_hold(scene *s)
{
    char anew[SCENE_ID];

    scene_invoke(s, WHO_A, END_CARE, "appointments", "Book", naming(s, s->left), NULL);
    scene_refused(s, "9 the hold that was left for more than 10 min: Book", 410, "GONE");
    scene_invoke(s, WHO_A, END_CARE, "appointments", "Hold", holding(s, anew, s->a.pid, WHO_D3, at(s, 11, 0), 20),
                 NULL);
    scene_ok(s, "9 new hold");
    scene_invoke(s, WHO_A, END_CARE, "appointments", "Book", naming(s, anew), NULL);
    scene_ok(s, "9 Book: Booked");
    scene_query(s, WHO_A, END_CLINIC, "appointments", "GetAppointment", json_pack("{s:s}", "id", s->left), NULL);
    scene_check(s, s->st == FCC_OK && strcmp(scene_text(s, "status"), "cancelled") == 0,
                "9 and the old one is cancelled");
}
