/* emergency.c, steps 27, 27a and 29: the glass is broken, with one organisation down too, and looked at by somebody else. */
#include "scenario.h"

#include "client/direct.h"

#include <string.h>
#include <unistd.h>

enum { THREE_HOURS = 3 * 3600 + 300, THREE_DAYS = 78 * 3600, SHORT_MS = 6000 };

static json_t *opening(scene *s, const char *id, const char *pid, const char *code, const char *reason)
{
    return json_pack("{s:s, s:s, s:s, s:s*, s:s}", "id", id, "pid", pid, "reasonCode", code, "reason", reason, "salt",
                     scene_salt(s));
}

static void opens(scene *s, scene_who who, char id[SCENE_ID], const char *pid, const char *reason)
{
    scene_id(id);
    scene_invoke(s, who, END_HOSPITAL, "consent", "BreakGlass", opening(s, id, pid, "unable", reason), NULL);
}

static void emergency(scene *s, const char *pid, const char *case_id, const scene_record *r, char audit[SCENE_ID])
{
    scene_id(audit);
    scene_invoke(s, WHO_D2, END_HOSPITAL, "ehr", "EmergencyAccess",
                 json_pack("{s:s, s:s, s:s, s:{s:[s]}}", "reqId", audit, "pid", pid, "caseId", case_id, "scope",
                           "recIds", r->meta.id),
                 NULL);
}

/* The last transaction's block has this event, by its name. */
static bool told(scene *s, const char *name)
{
    char txid[65];
    fcc_bytes block;

    memcpy(txid, s->answer.txid, sizeof(txid));
    fcc__arena_reset(s->call);
    return s->st == FCC_OK &&
           client_block_by_txid(s->people[WHO_RA], NULL, txid, s->call, &block, &s->error) == FCC_OK &&
           memmem(block.data, block.len, name, strlen(name)) != NULL;
}

static json_t *finding(void)
{
    return json_pack("{s:s, s:s}", "finding", "justified", "note", "unconscious on arrival");
}

static void unconscious(scene *s)
{
    char id[SCENE_ID], audit[SCENE_ID];

    opens(s, WHO_D1, id, s->a.pid, "unconscious");
    scene_refused(s, "27 A unconscious at H. A doctor without cap btg", 403, "DENIED:cap");
    opens(s, WHO_D2, id, s->a.pid, NULL);
    scene_refused(s, "27 with it, no reason", 400, "BAD_INPUT");
    opens(s, WHO_D2, s->case_a, s->a.pid, "unconscious, no relative known");
    s->opened++;
    scene_check(s, told(s, "BreakGlassOpened"), "27 with reason: open 3 h, BreakGlassOpened");
    emergency(s, s->a.pid, s->case_a, &s->note, audit);
    s->asked++;
    scene_ok(s, "27 EmergencyAccess");
    scene_decision(s, WHO_D2, END_HOSPITAL, audit, "allow", "emergency", "27 Decision");
    scene_query(s, WHO_D2, END_HOSPITAL, "ehr", "ReadIndex", NULL, audit, NULL);
    scene_check(s, s->st == FCC_OK && json_array_size(json_object_get(s->payload, "records")) == 1,
                "27 D2 reads the index");
    scene_check(s, scene_keys(s, WHO_D2, "HospitalMSP", audit, &s->note) == 1, "27 and the note");
    scene_invoke(s, WHO_D2, END_CARE, "consent", "SetBase",
                 json_pack("{s:s, s:[], s:s, s:s, s:s}", "pid", s->a.pid, "rules", "btg", "allow", "btgMaxSens", "V",
                           "salt", scene_salt(s)),
                 NULL);
    scene_refused(s, "27 D2 sets a rule", 403, "DENIED:not_owner");
}

/* Nothing that both organisations have to endorse is possible. */
static bool clinic_is_away(scene *s)
{
    const client_options options = {
        .dir = s->dir, .user = "registrar1", .org = "HospitalMSP", .timeout_ms = SHORT_MS, .clock_offset_s = s->ahead
    };
    char pid[SCENE_PID] = "aaaaaaaaaaaaaaaaaaaaaaaaaa";
    client *who;
    bool away;

    if (client_open(&options, &who, &s->error) != FCC_OK)
        return false;
    scene_invoke_as(s, who, END_CARE, "credentials", "RegisterPerson",
                    json_pack("{s:s, s:s}", "pid", pid, "salt", scene_salt(s)), NULL);
    away = s->st != FCC_OK && s->st != FCC_ERR_APP;
    client_close(who);
    return away;
}

/* The others have found it again. */
static bool clinic_is_back(scene *s)
{
    static const scene_who from[] = { WHO_V, WHO_HA, WHO_RA };

    for (size_t i = 0; i < 3; i++)
        for (int tries = 0;; tries++) {
            scene_query(s, from[i], END_CLINIC, "credentials", "GetOrg", NULL, CLINIC, NULL);
            if (s->st == FCC_OK)
                break;
            if (tries == 60)
                return false;
            sleep(1);
        }
    return true;
}

static bool over_cap(scene *s, const char *id)
{
    const json_t *one;
    size_t i;

    json_array_foreach(json_object_get(s->payload, "cases"), i,
                       one) if (strcmp(scene_text_of(one, "id"), id) ==
                                0) return json_is_true(json_object_get(one, "over_cap"));
    return false;
}

static void alone(scene *s)
{
    char audit[SCENE_ID];
    int status = scene_network(s, "stop", "Clinic");

    if (status == 77)
        scene_skip(s, "27a Clinic's peers are stopped", "this network cannot stop one organisation");
    else {
        scene_check(s, status == 0, "27a Clinic's peers are stopped");
        s->clinic_is_away = true;
        scene_check(s, clinic_is_away(s), "27a what both must endorse is not possible");
    }
    opens(s, WHO_D2, s->case_b, s->b.pid, "unconscious");
    scene_ok(s, "27a D2 opens for B, who never set a base");
    emergency(s, s->b.pid, s->case_b, &s->of_b, audit);
    scene_decision(s, WHO_D2, END_HOSPITAL, audit, "allow", "emergency", "27a Decision");
    scene_check(s, scene_keys(s, WHO_D2, "HospitalMSP", audit, &s->of_b) == 1, "27a reads H's blobs");
    opens(s, WHO_D2, s->case_e, s->e.pid, "unconscious");
    scene_ok(s, "27a D2's third open case opens");
    scene_query(s, WHO_PO, END_HOSPITAL, "consent", "BreakGlassCases", json_object(), NULL);
    scene_check(s, over_cap(s, s->case_e), "27a and is listed over_cap");
    s->clinic_is_away = false;
    if (status == 0)
        scene_check(s, scene_network(s, "start", "Clinic") == 0 && clinic_is_back(s), "27a the peers are back");
}

static void afterwards(scene *s)
{
    char unknown[SCENE_PID], salt[SCENE_ID];
    scene_patient who;

    scene_make_patient(s, &who);
    memcpy(unknown, who.pid, sizeof(unknown));
    scene_id(salt);
    scene_invoke(s, WHO_REG1, END_CARE, "credentials", "RegisterPerson",
                 json_pack("{s:s, s:s}", "pid", unknown, "salt", salt), NULL);
    scene_ok(s, "27a an unidentified patient is registered");
    scene_id(s->case_unknown);
    scene_invoke(s, WHO_D2, END_HOSPITAL, "consent", "BreakGlass",
                 opening(s, s->case_unknown, unknown, "unidentified", "found in the street"), NULL);
    scene_ok(s, "27a and the glass broken");
    scene_id(s->case_late);
    scene_invoke(s, WHO_PO, END_HOSPITAL, "consent", "LateBreakGlass",
                 json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "id", s->case_late, "pid", s->b.pid, "uid",
                           scene_uid(WHO_D2), "from", scene_time(s, -7200), "to", scene_time(s, -3600), "reason",
                           "the ledger was down", "evidenceHash", scene_digest(s), "salt", scene_salt(s)),
                 NULL);
    scene_ok(s, "27a LateBreakGlass when the peers are back");
}

static bool listed(scene *s, const char *id)
{
    const json_t *one;
    size_t i;

    json_array_foreach(json_object_get(s->payload, "cases"), i,
                       one) if (strcmp(scene_text_of(one, "id"), id) == 0) return true;
    return false;
}

static int later(scene *s, int64_t ahead, const char *name)
{
    const int status = scene_network(s, "later", scene_print(s, "%lld", (long long)ahead));

    if (status == 77) {
        scene_skip(s, name, "the clock of this network is the machine's");
        return status;
    }
    s->ahead = ahead;
    scene_meet_again(s);
    scene_check(s, status == 0, "%s", name);
    return status;
}

static void over(scene *s)
{
    char audit[SCENE_ID];
    const int status = later(s, THREE_HOURS, "29 after 3 h");

    if (status != 0) { /* a case ends by being closed as well */
        scene_invoke(s, WHO_D2, END_HOSPITAL, "consent", "CloseBreakGlass", NULL, s->case_a, NULL);
        scene_ok(s, "29 D2 closes the case instead");
        scene_skip(s, "9 the hold that was left for more than 10 min", "the clock of this network is the machine's");
    } else {
        scene_left_hold(s);
    }
    emergency(s, s->a.pid, s->case_a, &s->note, audit);
    s->asked++, s->denied++;
    scene_check(s, s->st == FCC_OK && strcmp(scene_text(s, "auditId"), audit) == 0, "29 D2 asks again: 200");
    scene_decision(s, WHO_D2, END_HOSPITAL, audit, "deny", status == 0 ? "expired" : "no_case", "29 Decision");
    scene_invoke(s, WHO_D2, END_HOSPITAL, "consent", "ReviewBreakGlass", finding(), s->case_a, NULL);
    scene_refused(s, "29 D2 reviews his own case", 403, "DENIED:self");
    scene_invoke(s, WHO_PO, END_HOSPITAL, "consent", "ReviewBreakGlass", finding(), s->case_a, NULL);
    scene_ok(s, "29 PO reviews");
    scene_query(s, WHO_V, END_INSPECTOR, "consent", "OverdueReviews", json_object(), NULL);
    scene_check(s, s->st == FCC_OK && !listed(s, s->case_b), "29 before 72 h nothing is overdue");
    if (later(s, THREE_DAYS, "29 after 78 h") == 0) {
        scene_query(s, WHO_V, END_INSPECTOR, "consent", "OverdueReviews", json_object(), NULL);
        scene_check(s, listed(s, s->case_b) && !listed(s, s->case_a),
                    "29 an unreviewed one is in OverdueReviews, the reviewed one is not");
    }
}

void scene_emergency(scene *s)
{
    unconscious(s);
    alone(s);
    afterwards(s);
    over(s);
}
