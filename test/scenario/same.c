/* same.c, step 32: every query, to the byte the same from two organisations' peers, before and after a restart. */
#include "scenario.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ASKED_MAX = 64, TRIES = 120, BETWEEN_US = 500000 };

/* What was answered: status, and words whatever they are. */
typedef struct said {
    int32_t status;
    fcc_bytes words;
} said;

typedef struct question {
    scene_who who;
    scene_end at, and_at;
    const char *chaincode, *function, *arg, *arg2, *arg3;
    const char *in; /* JSON, NULL */
} question;

static size_t questions(scene *s, question *q, const char *audit, const char *refused)
{
    char date[16];
    const char *a = scene_print(s, "{\"pid\":\"%s\"}", s->a.pid);
    const char *note = scene_print(s, "{\"pid\":\"%s\",\"recId\":\"%s\"}", s->a.pid, s->note.meta.id);
    const char *rx = scene_print(s, "{\"rxId\":\"%s\"}", s->rx);
    const char *traced = scene_print(s, "{\"gtin\":\"%s\",\"serial\":\"%s\"}", s->gtin, scene_serial(s, 'a', 21));
    const char *verified = scene_print(s, "{\"gtin\":\"%s\",\"serial\":\"%s\",\"lot\":\"b1\",\"expiry\":\"391231\"}",
                                       s->gtin, scene_serial(s, 'b', 0));
    const char *d2 = scene_print(s, "{\"uid\":\"%s\"}", scene_uid(WHO_D2));
    const char *visit = scene_print(s, "{\"id\":\"%s\"}", s->visit);
    const time_t day = (time_t)s->monday;
    const char *monday = scene_print(s, "{\"uid\":\"%s\",\"date\":\"%s\"}", scene_uid(WHO_D1),
                                     strftime(date, sizeof(date), "%F", gmtime(&day)) ? date : "");
    const question all[] = {
        { WHO_I, END_INSURER, END_CLINIC, "credentials", "GetOrg", HOSPITAL, NULL, NULL, NULL },
        { WHO_I, END_INSURER, END_HOSPITAL, "credentials", "ListOrgs", "", NULL, NULL, NULL },
        { WHO_V, END_INSPECTOR, END_REGULATOR, "credentials", "GetPractitioner", "uid-h-0001", NULL, NULL, NULL },
        { WHO_D1, END_HOSPITAL, END_CLINIC, "credentials", "GetDid", "did:web:council.medsync.example", NULL, NULL,
          NULL },
        { WHO_D1, END_HOSPITAL, END_REGULATOR, "credentials", "GetStatusList", s->suspensions, NULL, NULL, NULL },
        { WHO_D1, END_HOSPITAL, END_CLINIC, "credentials", "Check", "uid-h-0001", "licence", "DE-BE", NULL },
        { WHO_D1, END_HOSPITAL, END_CLINIC, "credentials", "Caller", NULL, NULL, NULL, NULL },
        { WHO_A, END_HOSPITAL, END_CLINIC, "credentials", "GetPatient", NULL, NULL, NULL, "{}" },
        { WHO_A, END_HOSPITAL, END_CLINIC, "credentials", "ListGuardians", NULL, NULL, NULL, "{}" },
        { WHO_P2, END_HOSPITAL, END_CLINIC, "credentials", "FindPractitioners", NULL, NULL, NULL,
          "{\"specialty\":\"cardiology\",\"region\":\"DE-BE\"}" },
        { WHO_A, END_HOSPITAL, END_CLINIC, "consent", "GetBase", NULL, NULL, NULL, a },
        { WHO_A, END_HOSPITAL, END_CLINIC, "consent", "ListGrants", NULL, NULL, NULL, a },
        { WHO_A, END_HOSPITAL, END_CLINIC, "consent", "ListRequests", NULL, NULL, NULL, a },
        { WHO_A, END_HOSPITAL, END_CLINIC, "consent", "ConsentHistory", NULL, NULL, NULL, a },
        { WHO_V, END_INSPECTOR, END_REGULATOR, "consent", "BreakGlassCases", NULL, NULL, NULL, "{}" },
        { WHO_A, END_HOSPITAL, END_CLINIC, "consent", "BreakGlassCases", NULL, NULL, NULL, a },
        { WHO_V, END_INSPECTOR, END_HOSPITAL, "consent", "OverdueReviews", NULL, NULL, NULL, "{}" },
        { WHO_A, END_HOSPITAL, END_CLINIC, "ehr", "ListRecords", NULL, NULL, NULL, a },
        { WHO_A, END_HOSPITAL, END_CLINIC, "ehr", "ExportRecords", NULL, NULL, NULL, a },
        { WHO_A, END_HOSPITAL, END_CLINIC, "ehr", "ErasureState", NULL, NULL, NULL, a },
        { WHO_PO, END_HOSPITAL, END_CLINIC, "ehr", "ErasureState", NULL, NULL, NULL, "{}" },
        { WHO_A, END_HOSPITAL, END_CLINIC, "ehr", "Explain", NULL, NULL, NULL, note },
        { WHO_V, END_INSPECTOR, END_REGULATOR, "ehr", "AuditTrail", NULL, NULL, NULL, a },
        { WHO_V, END_INSPECTOR, END_CLINIC, "ehr", "AuditTrail", NULL, NULL, NULL, d2 },
        { WHO_A, END_HOSPITAL, END_CLINIC, "ehr", "AuditTrail", NULL, NULL, NULL, a },
        { WHO_PO, END_HOSPITAL, END_CLINIC, "ehr", "AuditTrail", NULL, NULL, NULL, d2 },
        { WHO_V, END_INSPECTOR, END_REGULATOR, "ehr", "ActHistory", s->note.meta.id, NULL, NULL, NULL },
        { WHO_V, END_INSPECTOR, END_HOSPITAL, "ehr", "ActHistory", s->own.meta.id, NULL, NULL, NULL },
        { WHO_D1, END_HOSPITAL, END_CLINIC, "ehr", "GetOrder", s->order, NULL, NULL, NULL },
        { WHO_L, END_HOSPITAL, END_CLINIC, "ehr", "ListOrders", LAB, NULL, NULL, "{\"status\":\"verified\"}" },
        { WHO_A, END_HOSPITAL, END_CLINIC, "ehr", "Decision", audit, NULL, NULL, NULL },
        { WHO_A, END_HOSPITAL, END_CLINIC, "ehr", "ReadIndex", audit, NULL, NULL, "{}" },
        { WHO_D1, END_HOSPITAL, END_CLINIC, "ehr", "Decision", refused, NULL, NULL, NULL },
        { WHO_D1, END_HOSPITAL, END_CLINIC, "ehr", "ReadIndex", refused, NULL, NULL, NULL },
        { WHO_D1, END_HOSPITAL, END_CLINIC, "ehr", "ActHistory", s->note.meta.id, NULL, NULL, NULL },
        { WHO_A, END_HOSPITAL, END_CLINIC, "appointments", "ListAppointments", NULL, NULL, NULL, a },
        { WHO_A, END_HOSPITAL, END_CLINIC, "appointments", "Reminders", NULL, NULL, NULL, a },
        { WHO_A, END_HOSPITAL, END_CLINIC, "appointments", "GetAppointment", NULL, NULL, NULL, visit },
        { WHO_B, END_HOSPITAL, END_CLINIC, "appointments", "FindFree", NULL, NULL, NULL, monday },
        { WHO_DESK1, END_HOSPITAL, END_CLINIC, "appointments", "DaySheet", NULL, NULL, NULL, monday },
        { WHO_V, END_INSPECTOR, END_REGULATOR, "appointments", "ActHistory", s->visit, NULL, NULL, NULL },
        { WHO_I, END_HOSPITAL, END_CLINIC, "ehr", "AuditTrail", NULL, NULL, NULL, a },
        { WHO_A, END_HOSPITAL, END_PHARMACY, "prescriptions", "GetRx", NULL, NULL, NULL, rx },
        { WHO_P1, END_PHARMACY, END_CLINIC, "prescriptions", "GetRx", NULL, NULL, NULL, rx },
        { WHO_A, END_CLINIC, END_PHARMACY, "prescriptions", "ListPrescriptions", NULL, NULL, NULL, a },
        { WHO_A, END_HOSPITAL, END_PHARMACY, "prescriptions", "Reminders", NULL, NULL, NULL, a },
        { WHO_P1, END_PHARMACY, END_HOSPITAL, "prescriptions", "Queue", "4012345002010", NULL, NULL, NULL },
        { WHO_V, END_INSPECTOR, END_REGULATOR, "prescriptions", "ActHistory", s->rx, NULL, NULL, NULL },
        { WHO_V, END_INSPECTOR, END_REGULATOR, "supply", "Trace", NULL, NULL, NULL, traced },
        { WHO_M, END_HOSPITAL, END_CLINIC, "supply", "GetPack", NULL, NULL, NULL, traced },
        { WHO_P1, END_PHARMACY, END_HOSPITAL, "supply", "ListStock", "4012345002010", NULL, NULL, NULL },
        { WHO_P1, END_PHARMACY, END_CLINIC, "supply", "VerifyPack", NULL, NULL, NULL, verified },
        { WHO_I, END_PHARMACY, END_REGULATOR, "supply", "GetProduct", s->gtin, NULL, NULL, NULL },
    };
    const size_t n = sizeof(all) / sizeof(all[0]);

    memcpy(q, all, sizeof(all));
    return n;
}

/*
 * Fabric's peers learn by gossip, some time after, that an organisation's peer is back that was away before; until then
 * the others' gateways don't know whom to ask.
 */
static said ask(scene *s, const question *q, scene_end at)
{
    said out = { 0 };

    for (int tries = 0; tries < TRIES; tries++, usleep(BETWEEN_US)) {
        scene_query(s, q->who, at, q->chaincode, q->function, q->in ? json_loads(q->in, 0, NULL) : NULL, q->arg,
                    q->arg2, q->arg3, NULL);
        if (s->st == FCC_OK || s->st == FCC_ERR_APP || !strstr(s->error.text, "no peers available"))
            break;
    }
    out.status = s->answer.status;
    if (!fcc__arena_copy(s->arena, s->answer.payload, &out.words))
        abort();
    return out;
}

static bool equal(said a, said b)
{
    return a.status == b.status && a.words.len == b.words.len && a.words.len > 0 &&
           memcmp(a.words.data, b.words.data, a.words.len) == 0;
}

static void differ(scene *s, const question *q, said a, said b)
{
    scene_check(s, false, "32 %s %s: %d %.*s and %d %.*s", q->chaincode, q->function, (int)a.status,
                (int)(a.words.len < 300 ? a.words.len : 300), (const char *)a.words.data, (int)b.status,
                (int)(b.words.len < 300 ? b.words.len : 300), (const char *)b.words.data);
}

void scene_same(scene *s)
{
    question q[ASKED_MAX];
    said first[ASKED_MAX];
    char audit[SCENE_ID], refused[SCENE_ID];
    size_t n, same = 0, again = 0, answered = 0, bytes = 0;
    int status;

    scene_request(s, WHO_A, s->a.pid, json_pack("{s:s}", "encId", s->enc), audit);
    scene_request(s, WHO_D1, s->a.pid, json_pack("{s:[s]}", "categories", "general"), refused);
    n = questions(s, q, audit, refused);
    for (size_t i = 0; i < n; i++) {
        said other;

        first[i] = ask(s, &q[i], q[i].at);
        answered += s->st == FCC_OK;
        other = ask(s, &q[i], q[i].and_at);
        if (equal(first[i], other))
            same++;
        else
            differ(s, &q[i], first[i], other);
        bytes += first[i].words.len;
    }
    scene_check(s, same == n, "32 all queries on two organisations' peers: same bytes (%zu of %zu, %zu bytes)", same, n,
                bytes);
    scene_check(s, answered + 4 >= n && answered < n, "32 %zu of them answered, %zu refused", answered, n - answered);
    status = scene_network(s, "restart", NULL);
    if (status == 77) {
        scene_skip(s, "32 peer restart", "this network cannot be restarted");
        return;
    }
    scene_meet_again(s);
    if (!scene_check(s, status == 0, "32 peer restart"))
        return;
    for (size_t i = 0; i < n; i++) {
        said one = ask(s, &q[i], q[i].at), other = ask(s, &q[i], q[i].and_at);

        if (equal(first[i], one) && equal(first[i], other))
            again++;
        else
            differ(s, &q[i], first[i], equal(first[i], one) ? other : one);
    }
    scene_check(s, again == n, "32 all queries again on both: same bytes as before (%zu of %zu)", again, n);
}
