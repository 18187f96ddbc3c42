/* An appointment: two patients want the same time of one doctor. */
#include "cli/demo.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { DAY_S = 86400, NINE_S = 9 * 3600, UNIT_MIN = 15, UNITS = 4 };

typedef struct meeting {
    demo_person desk, other;
    char pid[32]; /* of the other patient */
    time_t nine;  /* in a week, in UTC */
} meeting;

static const char *at(const meeting *m, int unit, char out[32])
{
    const time_t when = m->nine + (time_t)unit * UNIT_MIN * 60;
    struct tm tm;

    if (!gmtime_r(&when, &tm) || !strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm))
        out[0] = 0;
    return out;
}

static bool meet(demo *d, demo_person *p, const char *user, const char *name)
{
    const client_options options = { .dir = d->dir, .user = user, .org = "HospitalMSP" };
    fcc_error error;

    p->name = name;
    return client_open(&options, &p->who, &error) == FCC_OK || demo_wrong("%s", error.text);
}

static bool publish(demo *d, const meeting *m)
{
    json_t *slots = json_array();
    char start[32], salt[33];

    for (int i = 0; i < UNITS; i++)
        json_array_append_new(slots, json_string(at(m, i, start)));
    return demo_submit(d, &m->desk, "appointments", "PublishDay", NULL,
                       json_pack("{s:s, s:o, s:i, s:s}", "uid", d->uid, "slots", slots, "unit", (int)UNIT_MIN, "salt",
                                 demo_salt(salt)),
                       NULL);
}

static json_t *holding(const demo *d, const meeting *m, const char *id, const char *pid, int unit, int minutes)
{
    char start[32], salt[33];

    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:s, s:s}", "id", id, "pid", pid, "uid", d->uid, "start",
                     at(m, unit, start), "minutes", minutes, "class", "normal", "salt", demo_salt(salt));
}

/* The patient's half hour, and the other patient's quarter in the middle of it. */
static bool hold(demo *d, const meeting *m)
{
    char id[33], other[33], salt[33], code[64] = "", nine[32], quarter[32];

    if (!demo_submit(d, &d->patient, "appointments", "Hold", NULL,
                     holding(d, m, demo_salt(id), d->pid, 0, 2 * UNIT_MIN), NULL))
        return false;
    demo_ok("the patient holds %.16s for half an hour (public act %.8s...: a random id and a hash)", at(m, 0, nine),
            id);
    if (!demo_refused(d, &m->other, "appointments", "Hold", NULL, holding(d, m, demo_salt(other), m->pid, 1, UNIT_MIN),
                      409, code))
        return false;
    demo_ok("another patient wants %.16s: 409 %s, with the slot and not with whose it is", at(m, 1, quarter), code);
    if (!demo_submit(d, &d->patient, "appointments", "Book", NULL,
                     json_pack("{s:s, s:s}", "id", id, "salt", demo_salt(salt)), NULL))
        return false;
    demo_ok("the patient books: the doctor's licence was looked at in that transaction");
    if (!demo_submit(d, &m->other, "appointments", "Hold", NULL, holding(d, m, demo_salt(other), m->pid, 2, UNIT_MIN),
                     NULL))
        return false;
    demo_ok("the other one holds what comes after it");
    return true;
}

bool demo_appointment(demo *d)
{
    meeting m = { .nine = (time(NULL) / DAY_S + 7) * DAY_S + NINE_S };
    json_t *answer = NULL;
    bool ok;

    demo_step(d, "An appointment");
    ok = meet(d, &m.desk, "desk1", "the desk") && meet(d, &m.other, "patient2", "another patient") &&
         demo_ask(d, &m.other, "credentials", "GetPatient", NULL, 0, json_object(), &answer);
    if (ok) {
        const char *pid = json_string_value(json_object_get(answer, "pid"));

        snprintf(m.pid, sizeof(m.pid), "%s", pid ? pid : "");
    }
    json_decref(answer);
    ok = ok && publish(d, &m);
    if (ok)
        demo_ok("the desk publishes an hour of the doctor's time, in quarters");
    ok = ok && hold(d, &m);
    client_close(m.desk.who);
    client_close(m.other.who);
    return ok;
}
