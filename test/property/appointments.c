/*
 * appointments.c: random histories of the chaincode appointments: grids of several sizes, local days of several zones
 * with the days on which their clocks change, doctors of two employers. No two live visits of a doctor (but by an
 * override) or of a patient overlap by a minute; nobody is overtaken on a waiting list; a cancelled id never revives.
 * All of it is judged by what is booked, not by the cells that the chaincode judges by.
 */
#include "test/property/care.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "test/support/health.h"

#include "appointments/appointments.h"

#define H "HospitalMSP"
#define C "ClinicMSP"
#define SUBJECT "appointments/subject/"

enum { day = 86400, slot_seconds = 300, window = 120, hold_seconds = 600, offer_seconds = 1800 };

/* clang-format off */
static const struct person people[] = {
    { .name = "a", .msp = H, .role = "patient", .key = "a1", .pid = PID_A },
    { .name = "b", .msp = H, .role = "patient", .key = "b1", .pid = PID_B },
    { .name = "g", .msp = H, .role = "patient", .key = "9a", .pid = PID_G },
    { .name = "dead", .msp = H, .role = "patient", .key = "dd", .pid = PID_DEAD },
    { .name = "desk1", .msp = H, .role = "desk", .uid = "desk1", .site = H1, .key = "2b" },
    { .name = "desk2", .msp = C, .role = "desk", .uid = "desk2", .site = C1, .key = "28" },
    { .name = "adm1", .msp = H, .role = "admin", .uid = "adm1", .site = H1, .key = "16", .admin = true },
    { .name = "adm2", .msp = C, .role = "admin", .uid = "adm2", .site = C1, .key = "20", .admin = true },
    { .name = "d1", .msp = H, .role = "doctor", .uid = "d1", .site = H1, .key = "01" },
    { .name = "d3", .msp = C, .role = "doctor", .uid = "d3", .site = C1, .key = "03" },
    { .name = "d10", .msp = H, .role = "doctor", .uid = "d10", .site = H1, .key = "29" },
    { .name = "d10c", .msp = C, .role = "doctor", .uid = "d10", .site = C1, .key = "2a" },
    { .name = "n1", .msp = H, .role = "nurse", .uid = "n1", .site = H1, .key = "11" },
    { .name = "ph1", .msp = "PharmacyMSP", .role = "pharmacist", .uid = "ph1", .site = P1, .key = "17" },
    { .name = "newdesk", .msp = H, .role = "desk", .uid = "desk1", .site = H1, .key = "x1",
      .impostor = "the key is bound to nobody" },
    { .name = "otherdesk", .msp = H, .role = "desk", .uid = "desk2", .site = C1, .key = "28",
      .impostor = "the key is another organisation's" },
    { .name = "newpatient", .msp = H, .role = "patient", .key = "x2", .impostor = "the key is bound to nobody" },
    { 0 }
};
static const struct doctor {
    const char *uid, *desk, *admin, *person;
    bool licensed;
} doctors[] = { /* where they work, once for each employer */
    { "d1", "desk1", "adm1", "d1", true },    { "d1", "desk1", "adm1", "d1", true },
    { "d3", "desk2", "adm2", "d3", true },    { "d10", "desk1", "adm1", "d10", true },
    { "d10", "desk2", "adm2", "d10c", true }, { "d4", "desk1", "adm1", "d1", false },
};
/* clang-format on */

static const char *const secrets[] = { PID_A, PID_B,      PID_DEAD,    PID_E,      PID_G, PID_M,
                                       PID_W, PID_LINKED, PID_UNKNOWN, PID_NOBODY, NULL };
static const char *const pids[] = { PID_A, PID_A, PID_A, PID_B,    PID_B,      PID_G,       PID_E,
                                    PID_E, PID_W, PID_M, PID_DEAD, PID_LINKED, PID_UNKNOWN, PID_NOBODY };

/* Ids of waiting entries that were asked about a cell since it was free: "tag~slot~id". */
static json_t *passed;

static void begin(struct run *run)
{
    json_decref(passed);
    passed = json_object();
    health_start(NULL);
    health_install("appointments", &appointments_chaincode);
    run->channel = world;
    run_line(run, "adm1 appointments.Setup < {\"salt\":\"" FP("5a") "\"}");
    run_line(run, "block");
}

static const char *tag(const char *uid)
{
    static char out[8][33];
    static size_t at;
    char *hex = out[at++ % 8];
    unsigned char salt[32], mac[32];
    unsigned len = 0;

    memset(salt, 0x5a, sizeof(salt));
    HMAC(EVP_sha256(), salt, sizeof(salt), (const unsigned char *)uid, strlen(uid), mac, &len);
    for (size_t i = 0; i < 16; i++)
        snprintf(hex + 2 * i, 3, "%02x", mac[i]);
    return hex;
}

static const struct person *person(const char *name)
{
    for (const struct person *p = people; p->name; p++)
        if (strcmp(p->name, name) == 0)
            return p;
    return NULL;
}

static const char *date_of(int64_t at)
{
    static char out[8][11];
    static size_t n;
    char *date = out[n++ % 8];

    snprintf(date, sizeof(out[0]), "%.10s", time_text(at));
    return date;
}

/* ---- local days ---- */

/* Zones, and in which part of 2026 their clocks are ahead; those of the south are so at both ends of the year. */
static const struct zone {
    int base, ahead;
    int64_t from, to;
    bool south;
} zones[] = {
    { 0, 0, 0, 0, false },
    { 3600, 3600, 1774746000, 1792890000, false },   /* Berlin: 29 March and 25 October, 01:00Z */
    { -18000, 3600, 1772953200, 1793512800, false }, /* New York: 8 March 07:00Z, 1 November 06:00Z */
    { 37800, 1800, 1775314800, 1791041400, true },   /* Lord Howe: half an hour */
    { 20700, 0, 0, 0, false },                       /* Kathmandu */
};
/* The days on which histories begin: nothing special, and before each of those changes. */
static const int64_t beginnings[] = { NOW,
                                      1774742400 - 2 * day,
                                      1792886400 - 2 * day,
                                      1772928000 - 2 * day,
                                      1793491200 - 2 * day,
                                      1775260800 - 2 * day,
                                      1791008000 / day *day - 2 * day };

static int offset_at(const struct zone *z, int64_t at)
{
    bool between = at >= z->from && at < z->to;

    return z->base + (between != z->south ? z->ahead : 0);
}

/* What a local clock time is in UTC: of a time that there is not, what the clock before the change would mean. */
static int64_t utc_of(const struct zone *z, int64_t local)
{
    int64_t at = local - offset_at(z, local - z->base - z->ahead);

    return local - offset_at(z, at - z->ahead) + 0 * at;
}

/* ---- calls ---- */

static const struct doctor *any_doctor(struct run *run)
{
    return &ANY(run, doctors);
}

static const char *somebody(struct run *run, const char *usual)
{
    return chance(run, 8) ? people[pick(run, sizeof(people) / sizeof(people[0]) - 1)].name : usual;
}

static const char *owner_of(struct run *run, const char *pid, const struct doctor *doctor)
{
    const char *own = care_pid(pid);

    for (const struct person *p = people; p->name; p++)
        if (p->pid && strcmp(p->pid, own) == 0)
            return somebody(run, chance(run, 80) ? p->name : doctor->desk);
    if (strcmp(own, PID_W) == 0 && chance(run, 70))
        return somebody(run, "g");
    return somebody(run, doctor->desk);
}

static void publish(struct run *run)
{
    static const int units[] = { 5, 10, 15, 15, 20, 25, 30, 45, 60, 7 };
    static char list[300 * 24], urgent[300 * 24];
    const struct zone *z = &ANY(run, zones);
    const struct doctor *doctor = any_doctor(run);
    const int64_t now = fcc_test_time(run->channel);
    const int minutes = ANY(run, units), count = 1 + (int)pick(run, 16);
    int64_t local = (now / day + (int64_t)pick(run, 3)) * day + (int64_t)pick(run, 22) * 3600, last = -1;
    size_t n = 0, k = 0;
    bool with_urgent = chance(run, 30);

    if (chance(run, 25))
        local += 300 * (int64_t)pick(run, 12);
    list[0] = urgent[0] = 0;
    for (int i = 0; i < count; i++) {
        int64_t at = utc_of(z, local + (int64_t)i * minutes * 60);

        if (last >= 0 && at < last + minutes * 60 && chance(run, 90))
            continue; /* an hour that the clocks leave out */
        n += (size_t)snprintf(list + n, sizeof(list) - n, "%s\"%s\"", n ? "," : "", time_text(at));
        if (with_urgent && chance(run, 40))
            k += (size_t)snprintf(urgent + k, sizeof(urgent) - k, "%s\"%s\"", k ? "," : "", time_text(at));
        last = at;
    }
    run_line(run, "%s appointments.PublishDay < {\"uid\":\"%s\",\"slots\":[%s],\"unit\":%d%s%s%s,\"salt\":\"%s\"}",
             somebody(run, chance(run, 80) ? doctor->desk : doctor->admin), doctor->uid, list, minutes,
             k ? ",\"urgent\":[" : "", k ? urgent : "", k ? "]" : "", random_id(run));
}

/* The start of a published unit, or something near one; and whose. */
static int64_t some_start(struct run *run, const struct doctor **doctor, int *minutes)
{
    const json_t *cell = NULL;
    const char *key = some_key(run, SUBJECT "~CELL~", &cell);
    int64_t slot;

    *doctor = any_doctor(run);
    *minutes = 5 * (1 + (int)pick(run, 9));
    if (!key)
        return fcc_test_time(run->channel) / slot_seconds * slot_seconds + 3600;
    for (size_t i = 0; i < sizeof(doctors) / sizeof(doctors[0]); i++)
        if (strcmp(tag(doctors[i].uid), part_of(key, 1)) == 0 &&
            strcmp(person(doctors[i].desk)->site, text(cell, "site")) == 0)
            *doctor = &doctors[i];
    slot = chance(run, 90) ? number(cell, "unitStart") : atoll(part_of(key, 2));
    if (chance(run, 70))
        *minutes = (int)number(cell, "unit");
    return slot * slot_seconds + (chance(run, 3) ? 60 : 0);
}

static void hold(struct run *run)
{
    const struct doctor *doctor;
    const char *pid = ANY(run, pids);
    int minutes;
    int64_t start = some_start(run, &doctor, &minutes);

    run_line(run,
             "%s appointments.Hold < {\"id\":\"%s\",\"pid\":\"%s\",\"uid\":\"%s\",\"start\":\"%s\",\"minutes\":%d,"
             "\"class\":\"%s\",\"salt\":\"%s\"}",
             owner_of(run, pid, doctor), random_id(run), pid, doctor->uid, time_text(start), minutes,
             chance(run, 80) ? "normal" : "urgent", random_id(run));
}

static void override(struct run *run)
{
    const struct doctor *doctor;
    int minutes;
    int64_t start = some_start(run, &doctor, &minutes);

    run_line(run,
             "%s appointments.BookOverride < {\"id\":\"%s\",\"pid\":\"%s\",\"uid\":\"%s\",\"start\":\"%s\",\"minutes\":"
             "%d,\"reasonCode\":\"clinical_need\",\"salt\":\"%s\"}",
             somebody(run, doctor->admin), random_id(run), ANY(run, pids), doctor->uid, time_text(start), minutes,
             random_id(run));
}

/* Somebody whose business an appointment is. */
static const char *party(struct run *run, const json_t *visit)
{
    const char *site = text(visit, "site");

    if (chance(run, 40))
        for (const struct person *p = people; p->name; p++)
            if (p->uid && strcmp(p->site, site) == 0 && !p->impostor &&
                (strcmp(p->role, "desk") == 0 || is(visit, "uid", p->uid)))
                return somebody(run, p->name);
    return owner_of(run, text(visit, "pid"), &doctors[strcmp(site, C1) == 0 ? 2 : 0]);
}

static const json_t *some_visit(struct run *run, const char *const *statuses)
{
    const json_t *visit = NULL, *found = NULL;

    for (int i = 0; i < 6; i++) {
        if (!some_key(run, SUBJECT "~APPT~", &visit))
            return NULL;
        found = visit;
        for (const char *const *s = statuses; *s; s++)
            if (is(visit, "status", *s))
                return visit;
    }
    return found;
}

/* After somebody's hold, when its time is just over. */
static void grab(struct run *run)
{
    static const char *const pending[] = { "pending", NULL };
    const json_t *visit = some_visit(run, pending);
    const int64_t now = fcc_test_time(run->channel);
    const char *pid = ANY(run, pids);
    int64_t until;

    if (!visit || !is(visit, "status", "pending"))
        return;
    until = seconds(text(visit, "until"));
    if (until >= now && until < now + 3600)
        run_line(run, "tick %lld", (long long)(until - now + (int64_t)pick(run, 2 * window)));
    run_line(run,
             "%s appointments.Hold < {\"id\":\"%s\",\"pid\":\"%s\",\"uid\":\"%s\",\"start\":\"%s\",\"minutes\":%d,"
             "\"class\":\"%s\",\"salt\":\"%s\"}",
             owner_of(run, pid, &doctors[strcmp(text(visit, "site"), C1) == 0 ? 2 : 0]), random_id(run), pid,
             text(visit, "uid"), text(visit, "start"), (int)number(visit, "minutes"), text(visit, "class"),
             random_id(run));
}

static void book(struct run *run)
{
    static const char *const pending[] = { "pending", NULL };
    const json_t *visit = some_visit(run, pending);

    if (visit)
        run_line(run, "%s appointments.Book < {\"id\":\"%s\",\"salt\":\"%s\"}", party(run, visit), text(visit, "id"),
                 random_id(run));
}

static void reschedule(struct run *run)
{
    static const char *const booked[] = { "booked", NULL };
    const json_t *visit = some_visit(run, booked);
    const struct doctor *doctor;
    int minutes;
    int64_t start = some_start(run, &doctor, &minutes);

    if (visit)
        run_line(run, "%s appointments.Reschedule < {\"id\":\"%s\",\"newStart\":\"%s\",\"salt\":\"%s\"}",
                 party(run, visit), text(visit, "id"), time_text(start), random_id(run));
}

static void cancel(struct run *run)
{
    static const char *const live[] = { "booked", "pending", NULL };
    const json_t *visit = some_visit(run, live);

    if (visit)
        run_line(run, "%s appointments.Cancel < {\"id\":\"%s\",\"reasonCode\":\"other\",\"salt\":\"%s\"}",
                 party(run, visit), text(visit, "id"), random_id(run));
}

/* On the day: the clock goes on to a visit's time now and then. */
static void on_the_day(struct run *run)
{
    static const char *const functions[] = { "CheckIn", "CheckIn", "Complete", "Complete", "NoShow" };
    static const char *const booked[] = { "booked", "arrived", NULL };
    const json_t *visit = some_visit(run, booked);
    const int64_t now = fcc_test_time(run->channel);
    int64_t ahead;

    if (!visit)
        return;
    ahead = seconds(text(visit, "start")) - now;
    if (ahead > 0 && ahead < 3 * day && chance(run, 12))
        run_line(run, "tick %lld", (long long)(ahead + (int64_t)pick(run, 1500) - 600 > 0 ? ahead + 800 : ahead));
    run_line(run, "%s appointments.%s < {\"id\":\"%s\",\"salt\":\"%s\"}", party(run, visit), ANY(run, functions),
             text(visit, "id"), random_id(run));
}

static void join(struct run *run)
{
    const struct doctor *doctor;
    const char *pid = ANY(run, pids);
    int minutes;
    int64_t start = some_start(run, &doctor, &minutes);

    run_line(run,
             "%s appointments.JoinWaitlist < {\"id\":\"%s\",\"pid\":\"%s\",\"uid\":\"%s\",\"date\":\"%s\",\"class\":"
             "\"%s\",\"salt\":\"%s\"}",
             owner_of(run, pid, doctor), random_id(run), pid, doctor->uid, date_of(start),
             chance(run, 85) ? "normal" : "urgent", random_id(run));
}

static void leave(struct run *run)
{
    const json_t *entry = NULL;

    if (some_key(run, SUBJECT "~WAIT~", &entry))
        run_line(run, "%s appointments.LeaveWaitlist < {\"id\":\"%s\",\"salt\":\"%s\"}",
                 owner_of(run, text(entry, "pid"), any_doctor(run)), text(entry, "id"), random_id(run));
}

static void offer(struct run *run)
{
    const struct doctor *doctor;
    const json_t *entry = NULL, *cell;
    const char *class_ = chance(run, 85) ? "normal" : "urgent", *key;
    int minutes;
    int64_t start = some_start(run, &doctor, &minutes);

    /* mostly where somebody waits */
    for (int i = 0; i < 12 && some_key(run, SUBJECT "~WAIT~", &entry); i++) {
        key = some_key(run, SUBJECT "~CELL~", &cell);
        if (!key || strcmp(tag(text(entry, "uid")), part_of(key, 1)) != 0)
            continue;
        start = number(cell, "unitStart") * slot_seconds;
        class_ = text(entry, "class");
        if (strcmp(date_of(start), text(entry, "date")) != 0)
            continue;
        run_line(run,
                 "%s appointments.OfferNext < {\"uid\":\"%s\",\"date\":\"%s\",\"class\":\"%s\",\"start\":\"%s\","
                 "\"salt\":\"%s\"}",
                 somebody(run, "n1"), text(entry, "uid"), date_of(start), class_, time_text(start), random_id(run));
        return;
    }
    run_line(run,
             "%s appointments.OfferNext < {\"uid\":\"%s\",\"date\":\"%s\",\"class\":\"%s\",\"start\":\"%s\",\"salt\":"
             "\"%s\"}",
             somebody(run, doctor->desk), doctor->uid, date_of(start), class_, time_text(start), random_id(run));
}

static void block(struct run *run)
{
    const struct doctor *doctor;
    int minutes;
    int64_t start = some_start(run, &doctor, &minutes);

    run_line(run, "%s appointments.Block < {\"uid\":\"%s\",\"from\":\"%s\",\"to\":\"%s\",\"salt\":\"%s\"}",
             somebody(run, doctor->desk), doctor->uid, time_text(start),
             time_text(start + 300 * (1 + (int)pick(run, 9))), random_id(run));
}

static void limit(struct run *run)
{
    const struct doctor *doctor = any_doctor(run);

    run_line(run,
             "%s appointments.SetLimits < {\"uid\":\"%s\",\"caps\":{\"perDay\":%zu,\"urgentPerDay\":%zu},\"salt\":"
             "\"%s\"}",
             somebody(run, doctor->admin), doctor->uid, 1 + pick(run, 6), pick(run, 3), random_id(run));
}

static void look(struct run *run)
{
    const struct doctor *doctor;
    const char *pid = ANY(run, pids);
    int minutes;
    int64_t start = some_start(run, &doctor, &minutes);

    switch (pick(run, 4)) {
    case 0:
        run_line(run, "? %s appointments.FindFree < {\"uid\":\"%s\",\"date\":\"%s\"}", somebody(run, "a"), doctor->uid,
                 date_of(start));
        break;
    case 1:
        run_line(run, "? %s appointments.DaySheet < {\"uid\":\"%s\",\"date\":\"%s\"}", somebody(run, doctor->desk),
                 doctor->uid, date_of(start));
        break;
    case 2:
        run_line(run, "? %s appointments.ListAppointments < {\"pid\":\"%s\"}", owner_of(run, pid, doctor), pid);
        break;
    default:
        run_line(run, "? %s appointments.Reminders < {\"pid\":\"%s\"}", owner_of(run, pid, doctor), pid);
    }
}

static void generate(struct run *run)
{
    static void (*const calls[])(struct run *) = {
        publish,  publish,    hold, hold,       hold, grab,  grab,  book,  book,  book,  reschedule, cancel, cancel,
        override, on_the_day, join, on_the_day, join, leave, offer, offer, offer, block, limit,      look
    };

    if (run->calls < 2) { /* in a season, with something to hold */
        int64_t ahead = ANY(run, beginnings) - NOW;

        if (run->calls == 1 && ahead > 0)
            run_line(run, "tick %lld", (long long)ahead);
        publish(run);
        run_line(run, "block");
        return;
    }
    ANY(run, calls)(run);
}

/* ---- what is booked ---- */

static bool is_over(const json_t *visit)
{
    return is(visit, "status", "cancelled") || is(visit, "status", "fulfilled") || is(visit, "status", "noshow");
}

static int64_t begins(const json_t *visit)
{
    return seconds(text(visit, "start"));
}

static int64_t ends(const json_t *visit)
{
    return begins(visit) + 60 * number(visit, "minutes");
}

static bool overlap(const json_t *one, int64_t from, int64_t to)
{
    return begins(one) < to && from < ends(one);
}

/* Whether a hold may be taken from its patient. */
static bool lapsed(const json_t *visit, const char *pid, int64_t at)
{
    return is(visit, "status", "pending") && at > seconds(text(visit, "until")) + (is(visit, "pid", pid) ? 0 : window);
}

/* The value of a key as the transaction leaves it. */
static const json_t *now_at(struct run *run, const struct transaction *tx, const char *key)
{
    for (size_t i = 0; tx && i < tx->count; i++)
        if (strcmp(tx->changes[i].key, key) == 0)
            return tx->changes[i].after;
    return committed(run, SUBJECT "%s", key);
}

static bool is_main(const struct transaction *tx, const char *id)
{
    return is(tx->call->in, "id", id) || strcmp(tx->call->function, "OfferNext") == 0;
}

/* How many appointments a patient has on a day, as the limit counts them. */
static void count_day(struct run *run, const char *pid, const char *date, const char *but, int64_t at, int *all,
                      int *urgent)
{
    const char *key;
    json_t *visit;

    *all = *urgent = 0;
    json_object_foreach(run->state, key, visit)
    {
        if (strncmp(key, SUBJECT "~APPT~", strlen(SUBJECT "~APPT~")) != 0 || !is(visit, "pid", pid) ||
            is(visit, "id", but) || strncmp(text(visit, "start"), date, 10) != 0 || is(visit, "status", "cancelled") ||
            json_object_get(visit, "override") || lapsed(visit, text(visit, "pid"), at))
            continue;
        *all += 1;
        *urgent += is(visit, "class", "urgent");
    }
}

static bool within_limits(struct run *run, const char *uid, const char *pid, const char *class_, int64_t start,
                          const char *but, int64_t at)
{
    const json_t *caps = json_object_get(committed(run, SUBJECT "~LIM~%s~", tag(uid)), "caps");
    int all, urgent;

    count_day(run, pid, date_of(start), but, at, &all, &urgent);
    return all < (caps ? number(caps, "perDay") : 4) &&
           (strcmp(class_, "urgent") != 0 || urgent < (caps ? number(caps, "urgentPerDay") : 1));
}

/* Whether a doctor (uid) or a patient (pid; the other is NULL) has another visit then that stands in the way. */
static bool is_busy(struct run *run, const char *uid, const char *pid, const char *mine, int64_t from, int64_t to,
                    const char *but, int64_t at)
{
    const char *key;
    json_t *visit;

    json_object_foreach(run->state, key, visit)
    {
        if (strncmp(key, SUBJECT "~APPT~", strlen(SUBJECT "~APPT~")) != 0 || is(visit, "id", but) ||
            !overlap(visit, from, to) || lapsed(visit, mine, at))
            continue;
        if (uid ? is(visit, "uid", uid) && !is(visit, "status", "cancelled") && !json_object_get(visit, "override")
                : is(visit, "pid", pid) && !is_over(visit))
            return true;
    }
    return false;
}

/* ---- waiting lists ---- */

static const char *passing(const char *list, int64_t slot, const char *id)
{
    static char out[200];

    snprintf(out, sizeof(out), "%s~%lld~%s", list, (long long)slot, id);
    return out;
}

static bool was_asked(const char *uid, int64_t from, int64_t to, const char *id)
{
    for (int64_t slot = from / slot_seconds; slot < to / slot_seconds; slot++)
        if (!json_object_get(passed, passing(tag(uid), slot, id)))
            return false;
    return true;
}

/* Somebody who waits for this and was neither asked nor is before `seq`; NULL: nobody. */
static const json_t *overtaken(struct run *run, const char *uid, const char *class_, int64_t from, int64_t to,
                               int64_t seq)
{
    const char *key;
    json_t *entry;

    json_object_foreach(run->state, key, entry)
    {
        if (strncmp(key, SUBJECT "~WAIT~", strlen(SUBJECT "~WAIT~")) != 0 || !is(entry, "status", "waitlist") ||
            !is(entry, "uid", uid) || !is(entry, "class", class_) || !is(entry, "date", date_of(from)) ||
            number(entry, "seq") >= seq)
            continue;
        if (!was_asked(uid, from, to, text(entry, "id")))
            return entry;
    }
    return NULL;
}

static bool can_come(struct run *run, const json_t *entry, int64_t from, int64_t to, int64_t at)
{
    const char *pid = text(entry, "pid");

    return care_known(pid) && !care_deceased(pid) && !is_busy(run, NULL, pid, pid, from, to, text(entry, "id"), at) &&
           within_limits(run, text(entry, "uid"), pid, text(entry, "class"), from, text(entry, "id"), at);
}

/* A unit was offered: who was before in the list could not come. Or nobody can: those have been asked. */
static void check_offer(struct run *run, const struct transaction *tx)
{
    const json_t *in = tx->call->in;
    const char *uid = text(in, "uid"), *key;
    const int64_t from = seconds(text(in, "start"));
    const json_t *cell = committed(run, SUBJECT "~CELL~%s~%010lld~", tag(uid), (long long)(from / slot_seconds));
    const int64_t to = from + 60 * number(cell, "unit"), at = tx->call->at;
    const struct change *visit = change_of(tx, "APPT"), *given = change_of(tx, "WAIT");
    json_t *entry, *answer = json_loads(tx->call->result.payload, 0, NULL);
    int64_t looked = number(answer, "looked");

    for (size_t i = 0; i < tx->count; i++)
        if (strcmp(tx->changes[i].type, "APPT") == 0 && !tx->changes[i].before)
            visit = &tx->changes[i];
    must(run, (given != NULL) == (looked == 0), "an offer, or nobody can come", tx);
    if (given)
        must(run,
             visit && !visit->before && is(visit->after, "id", text(given->after, "id")) &&
                 is(visit->after, "status", "pending") && begins(visit->after) == from && ends(visit->after) == to &&
                 seconds(text(visit->after, "until")) == at + offer_seconds &&
                 is(given->before, "status", "waitlist") && is(given->after, "status", "offered"),
             "an offer is a hold of the unit for half an hour", tx);
    json_object_foreach(run->state, key, entry)
    {
        bool before;

        if (strncmp(key, SUBJECT "~WAIT~", strlen(SUBJECT "~WAIT~")) != 0 || !is(entry, "status", "waitlist") ||
            !is(entry, "uid", uid) || !is(entry, "class", text(in, "class")) || !is(entry, "date", text(in, "date")))
            continue;
        before = given ? number(entry, "seq") < number(given->after, "seq") : true;
        if (!before || was_asked(uid, from, to, text(entry, "id")))
            continue;
        if (!given && json_is_true(json_object_get(answer, "more")))
            continue; /* which ones were looked at is not said: see the next offer */
        must(run, !can_come(run, entry, from, to, at), "nobody jumps the list", tx);
        for (int64_t slot = from / slot_seconds; !given && slot < to / slot_seconds; slot++)
            json_object_set_new(passed, passing(tag(uid), slot, text(entry, "id")), json_true());
    }
    json_decref(answer);
}

/* ---- what must hold ---- */

static const char *const orders[][2] = {
    { "", "pending" },          { "", "booked" },           { "pending", "booked" }, { "pending", "cancelled" },
    { "booked", "booked" },     { "booked", "cancelled" },  { "booked", "arrived" }, { "booked", "noshow" },
    { "arrived", "fulfilled" }, { "arrived", "cancelled" },
};

static bool may_follow(const char *from, const char *to)
{
    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
        if (strcmp(orders[i][0], from) == 0 && strcmp(orders[i][1], to) == 0)
            return true;
    return false;
}

/* No other live visit of the doctor or the patient overlaps, as the transaction leaves it. */
static void check_alone(struct run *run, const struct transaction *tx, const json_t *visit)
{
    const char *key;
    json_t *kept;

    json_object_foreach(run->state, key, kept)
    {
        const json_t *other;

        if (strncmp(key, SUBJECT "~APPT~", strlen(SUBJECT "~APPT~")) != 0)
            continue;
        other = now_at(run, tx, key + strlen(SUBJECT));
        if (!other || is_over(other) || is(other, "id", text(visit, "id")) ||
            !overlap(other, begins(visit), ends(visit)))
            continue;
        must(run, !is(other, "pid", text(visit, "pid")), "no two live visits of a patient overlap", tx);
        must(run,
             !is(other, "uid", text(visit, "uid")) || json_object_get(other, "override") ||
                 json_object_get(visit, "override"),
             "no two live visits of a doctor overlap", tx);
    }
    for (size_t i = 0; i < tx->count; i++)
        if (strcmp(tx->changes[i].type, "APPT") == 0 && !tx->changes[i].before)
            must(run, is(tx->changes[i].after, "id", text(visit, "id")) || is_over(visit), "one visit a call", tx);
}

/* Doctor's and patient's cells are the visit's, all that it covers. */
static void check_cells(struct run *run, const struct transaction *tx, const json_t *visit)
{
    char key[100];

    for (int64_t slot = begins(visit) / slot_seconds; slot < ends(visit) / slot_seconds; slot++) {
        snprintf(key, sizeof(key), "~PCELL~%s~%010lld~", text(visit, "pid"), (long long)slot);
        must(run, is(now_at(run, tx, key), "appt", text(visit, "id")), "the patient's cells", tx);
        snprintf(key, sizeof(key), "~CELL~%s~%010lld~", tag(text(visit, "uid")), (long long)slot);
        if (json_object_get(visit, "override"))
            continue;
        must(run,
             is(now_at(run, tx, key), "appt", text(visit, "id")) &&
                 is(now_at(run, tx, key), "site", text(visit, "site")) &&
                 is(now_at(run, tx, key), "state", is(visit, "status", "pending") ? "hold" : "busy"),
             "the doctor's cells", tx);
    }
}

static bool owns(const struct call *call, const char *pid)
{
    /* the guardian of M has nothing to do with appointments */
    return care_owns(call, pid) && (strcmp(care_pid(pid), PID_M) != 0 || strcmp(call->by->pid, PID_M) == 0);
}

/* A place that was taken anew: published, in time, and nobody's turn. */
static void check_taken(struct run *run, const struct transaction *tx, const json_t *visit)
{
    const char *uid = text(visit, "uid"), *pid = text(visit, "pid");
    const int64_t from = begins(visit), to = ends(visit), at = tx->call->at;
    const json_t *waits;

    must(run, from > at && from % slot_seconds == 0 && to - from <= 4 * 3600, "times", tx);
    must(run, care_known(pid) && !care_deceased(pid) && strcmp(care_pid(pid), pid) == 0, "a living patient", tx);
    must(run, strcmp(uid, "d4") != 0, "a doctor with a licence", tx);
    if (did(tx, "BookOverride"))
        return;
    for (int64_t slot = from / slot_seconds; slot < to / slot_seconds; slot++) {
        const json_t *cell = committed(run, SUBJECT "~CELL~%s~%010lld~", tag(uid), (long long)slot);

        must(run, cell && !is(cell, "state", "blocked") && !json_object_get(cell, "blocked"), "published, not blocked",
             tx);
        must(run, slot > from / slot_seconds || number(cell, "unitStart") == slot, "begins with a unit", tx);
        must(run, !is(cell, "class", "urgent") || is(visit, "class", "urgent") || at >= (from / day - 1) * day,
             "kept for urgent visits", tx);
    }
    must(run, within_limits(run, uid, pid, text(visit, "class"), from, text(visit, "id"), at), "the day's limit", tx);
    if (did(tx, "OfferNext"))
        return;
    waits = overtaken(run, uid, text(visit, "class"), from, to, INT64_MAX);
    must(run, !waits, "nobody who waits is overtaken", tx);
}

static void check_visit(struct run *run, const struct transaction *tx, const struct change *c)
{
    const json_t *was = c->before, *is_now = c->after;
    const char *id = c->parts[0];
    const int64_t at = tx->call->at;
    bool moved;

    if (!is_now) {
        must(run, false, "an appointment never goes", tx);
        return;
    }
    moved = !was || !is(was, "start", text(is_now, "start"));
    must(run, may_follow(text(was, "status"), text(is_now, "status")), "the order of states", tx);
    must(run,
         !was || (is(was, "pid", text(is_now, "pid")) && is(was, "uid", text(is_now, "uid")) &&
                  number(was, "minutes") == number(is_now, "minutes")),
         "a visit stays whose it is", tx);
    if (!is_main(tx, id) || is(is_now, "reasonCode", "expired")) {
        const struct change *other = NULL;

        for (size_t i = 0; i < tx->count; i++)
            if (strcmp(tx->changes[i].type, "APPT") == 0 && !is(tx->changes[i].after, "reasonCode", "expired"))
                other = &tx->changes[i];
        /* also for a unit that nobody on the list could come to */
        must(run,
             (other || did(tx, "OfferNext")) && is(is_now, "reasonCode", "expired") &&
                 lapsed(was, other ? text(other->after, "pid") : "", at),
             "only a hold whose time is over is taken", tx);
        return;
    }
    if (moved) {
        must(run, did(tx, "Hold") || did(tx, "BookOverride") || did(tx, "Reschedule") || did(tx, "OfferNext"),
             "what takes a place", tx);
        check_taken(run, tx, is_now);
    }
    if (did(tx, "Book"))
        must(run, at <= seconds(text(was, "until")) && !care_deceased(text(was, "pid")), "booked in time", tx);
    if ((did(tx, "Reschedule") || did(tx, "Cancel")) && is(was, "status", "booked"))
        must(run, strcmp(tx->call->by->role, "patient") != 0 || at <= begins(was),
             "what has begun is the site's to move", tx);
    if (did(tx, "NoShow"))
        must(run, at > begins(was) + 600 + window, "a patient is waited for", tx);
    if (did(tx, "Hold"))
        must(run, seconds(text(is_now, "until")) == at + hold_seconds, "ten minutes", tx);
    if (strcmp(tx->call->by->role, "patient") == 0 && !did(tx, "OfferNext"))
        must(run, owns(tx->call, text(is_now, "pid")), "the owner's", tx);
    else if (!did(tx, "OfferNext"))
        must(run, is(is_now, "site", tx->call->by->site) && (!was || is(was, "site", tx->call->by->site)), "the site's",
             tx);
    if (!is_over(is_now)) {
        check_alone(run, tx, is_now);
        check_cells(run, tx, is_now);
    }
}

static bool is_blocked(const json_t *cell)
{
    return is(cell, "state", "blocked") || json_object_get(cell, "blocked");
}

/* A cell belongs to nobody who is not there; two sites never have it one after the other while somebody has it. */
static void check_cell(struct run *run, const struct transaction *tx, const struct change *c)
{
    const char *id = text(c->after, "appt");
    char key[100];
    const json_t *visit;
    int64_t at = atoll(c->parts[1]) * slot_seconds;

    snprintf(key, sizeof(key), "~APPT~%s~", id);
    visit = *id ? now_at(run, tx, key) : NULL;
    must(run, c->after != NULL, "cells stay", tx);
    must(run, (*id != 0) == (is(c->after, "state", "hold") || is(c->after, "state", "busy")), "who has a cell", tx);
    must(run, !*id || (visit && !is(visit, "status", "cancelled") && overlap(visit, at, at + slot_seconds)),
         "a cell is its visit's", tx);
    must(run, !c->before || is(c->before, "state", "blocked") || is(c->before, "site", text(c->after, "site")),
         "a site keeps what it published", tx);
    must(run, did(tx, "PublishDay") || !is_blocked(c->before) || is_blocked(c->after), "what is blocked stays so", tx);
    /* who was asked about a cell is asked again once it was somebody's */
    if (!is(c->after, "state", "free") || !is(c->before, "state", "free")) {
        char prefix[100];
        const char *entry;
        void *next;
        json_t *value;

        snprintf(prefix, sizeof(prefix), "%s~%lld~", c->parts[0], (long long)atoll(c->parts[1]));
        json_object_foreach_safe(passed, next, entry, value) if (strncmp(entry, prefix, strlen(prefix)) == 0)
            json_object_del(passed, entry);
    }
}

static void changed(struct run *run, const struct transaction *tx)
{
    if (did(tx, "OfferNext"))
        check_offer(run, tx);
    for (size_t i = 0; i < tx->count && !run->rule; i++)
        if (strcmp(tx->changes[i].type, "APPT") == 0)
            check_visit(run, tx, &tx->changes[i]);
    for (size_t i = 0; i < tx->count && !run->rule; i++)
        if (strcmp(tx->changes[i].type, "CELL") == 0)
            check_cell(run, tx, &tx->changes[i]);
    must(run, tx->count > 0, "what is accepted leaves something", tx);
}

/* ---- what is answered ---- */

/* A hold that nothing stands against is not refused. */
static bool may_hold(struct run *run, const struct call *call)
{
    const json_t *in = call->in;
    const char *uid = text(in, "uid"), *pid = text(in, "pid"), *resolved = care_pid(pid), *class_ = text(in, "class");
    const int64_t from = seconds(text(in, "start")), to = from + 60 * number(in, "minutes"), at = call->at;
    const char *site = NULL;

    if (strcmp(call->by->role, "patient") == 0 ? !owns(call, pid) : strcmp(call->by->role, "desk") != 0)
        return false;
    if (!care_known(pid) || care_deceased(pid) || strcmp(uid, "d4") == 0 || from <= at || from % slot_seconds ||
        committed(run, SUBJECT "~APPT~%s~", text(in, "id")) || committed(run, SUBJECT "~WAITID~%s~", text(in, "id")))
        return false;
    for (int64_t slot = from / slot_seconds; slot < to / slot_seconds; slot++) {
        const json_t *cell = committed(run, SUBJECT "~CELL~%s~%010lld~", tag(uid), (long long)slot);

        if (!cell || is(cell, "state", "blocked") || json_object_get(cell, "blocked") ||
            (site && !is(cell, "site", site)) || (slot == from / slot_seconds && number(cell, "unitStart") != slot) ||
            (is(cell, "class", "urgent") && strcmp(class_, "urgent") != 0 &&
             at < (slot * slot_seconds / day - 1) * day))
            return false;
        site = text(cell, "site");
    }
    return (strcmp(call->by->role, "patient") == 0 || strcmp(site, call->by->site) == 0) &&
           !is_busy(run, uid, NULL, resolved, from, to, "", at) &&
           !is_busy(run, NULL, resolved, resolved, from, to, "", at) &&
           within_limits(run, uid, resolved, class_, from, "", at);
}

static void answered(struct run *run, const struct call *call)
{
    bool may;

    if (strcmp(call->function, "Hold") != 0 || call->by->impostor)
        return;
    may = may_hold(run, call);
    if (may && call->result.status == 409 && strstr(call->result.message, "others wait"))
        return; /* judged where it is taken */
    if (may != (call->result.status == 200))
        broken(run, "answer", "%s at %s was answered %d %s", call->line, time_text(call->at), (int)call->result.status,
               call->result.message);
}

static const char *const accepted[] = { "SetLimits",    "PublishDay",       "Block",     "Hold",     "Book",
                                        "BookOverride", "Reschedule",       "Cancel",    "CheckIn",  "Complete",
                                        "NoShow",       "JoinWaitlist",     "OfferNext", "FindFree", "LeaveWaitlist",
                                        "DaySheet",     "ListAppointments", "Reminders", NULL };

const struct subject subject = { .name = "appointments",
                                 .people = people,
                                 .secrets = secrets,
                                 .accepted = accepted,
                                 .start = begin,
                                 .generate = generate,
                                 .answered = answered,
                                 .changed = changed };
