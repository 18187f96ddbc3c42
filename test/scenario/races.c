/* races.c: transactions that were endorsed before the other one was committed, and clients whose clocks are wrong. */
#include "scenario.h"

#include <string.h>

enum { MVCC_READ_CONFLICT = 11, DAY = 86400 };

/* Somebody's endorsed transaction. */
typedef struct runner {
    scene_who who;
    client_transaction tx;
    bool endorsed;
    int validation; /* -1: not known */
} runner;

static runner endorse(scene *s, scene_who who, scene_end end, const char *chaincode, const char *function, json_t *in,
                      const char *const *args)
{
    runner r = { .who = who, .validation = -1 };

    r.endorsed = scene_endorse(s, who, end, chaincode, function, in, args, &r.tx);
    return r;
}

/* Submitted one right behind the other. */
static bool meet(scene *s, runner *one, runner *other)
{
    runner *const both[] = { one, other };
    client_answer answer = { 0 };

    if (!one->endorsed || !other->endorsed)
        return false;
    for (int i = 0; i < 2; i++)
        if (client_submit(s->people[both[i]->who], &both[i]->tx, s->arena, &answer, &s->error) != FCC_OK)
            return false;
    for (int i = 0; i < 2; i++) {
        if (client_commit_status(s->people[both[i]->who], both[i]->tx.txid, s->arena, &answer, &s->error) != FCC_OK)
            return false;
        both[i]->validation = answer.validation;
    }
    return true;
}

static bool first_wins(scene *s, runner *one, runner *other)
{
    return meet(s, one, other) && one->validation == 0 && other->validation == MVCC_READ_CONFLICT;
}

static json_t *general(void)
{
    return json_pack("{s:[s]}", "categories", "general");
}

static json_t *wanting(scene *s, const char *audit)
{
    return json_pack("{s:s, s:s, s:s, s:o}", "reqId", audit, "pid", s->a.pid, "purpose", "TREAT", "scope", general());
}

static void grants(scene *s)
{
    scene_invoke(s, WHO_A, END_CARE, "consent", "Grant",
                 json_pack("{s:s, s:s, s:[{s:s, s:[s], s:[s], s:[s], s:s}], s:s}", "pid", s->a.pid, "grantee",
                           "u:uid-h-0001", "rules", "effect", "permit", "purpose", "TREAT", "ops", "read", "cat", "*",
                           "maxSens", "R", "salt", scene_salt(s)),
                 NULL);
}

static void revoke_and_read(scene *s)
{
    char audit[SCENE_ID];
    runner revoke, read;

    grants(s);
    scene_ok(s, "A grants D1");
    scene_id(audit);
    revoke = endorse(s, WHO_A, END_CARE, "consent", "Revoke",
                     json_pack("{s:s, s:s, s:s}", "pid", s->a.pid, "grantee", "u:uid-h-0001", "salt", scene_salt(s)),
                     NULL);
    read = endorse(s, WHO_D1, END_CARE, "ehr", "RequestAccess", wanting(s, audit), NULL);
    scene_check(s, first_wins(s, &revoke, &read), "of a revocation and a request behind it only the revocation counts");
    scene_request(s, WHO_D1, s->a.pid, general(), audit);
    scene_decision(s, WHO_D1, END_HOSPITAL, audit, "deny", "revoked", "and the request, made again, is told why");
    grants(s);
    scene_id(audit);
    revoke = endorse(s, WHO_A, END_CARE, "consent", "Revoke",
                     json_pack("{s:s, s:s, s:s}", "pid", s->a.pid, "grantee", "u:uid-h-0001", "salt", scene_salt(s)),
                     NULL);
    read = endorse(s, WHO_D1, END_CARE, "ehr", "RequestAccess", wanting(s, audit), NULL);
    scene_check(s, meet(s, &read, &revoke) && read.validation == 0 && revoke.validation == 0,
                "a request that came before the revocation was right at the time");
    scene_query(s, WHO_D1, END_HOSPITAL, "ehr", "ReadIndex", NULL, audit, NULL);
    scene_refused(s, "and opens nothing any more", 403, "DENIED:revoked");
}

static void approve_and_suspend(scene *s)
{
    const char *const nurse[] = { scene_uid(WHO_N), HOSPITAL, NULL }, *const site[] = { HOSPITAL, NULL };
    runner suspend, approve;

    scene_invoke(s, WHO_N, END_RC, "credentials", "RegisterPractitioner", NULL, scene_uid(WHO_N), HOSPITAL,
                 "[\"nurse\"]", "[]", "", "", NULL);
    scene_ok(s, "a nurse applies");
    suspend = endorse(s, WHO_R, END_RC, "credentials", "SuspendOrg", NULL, site);
    approve = endorse(s, WHO_HA, END_RC, "credentials", "ApprovePractitioner", NULL, nurse);
    scene_check(s, first_wins(s, &suspend, &approve),
                "of a suspension and an approval there behind it only the suspension counts");
    scene_invoke(s, WHO_HA, END_RC, "credentials", "ApprovePractitioner", NULL, scene_uid(WHO_N), HOSPITAL, NULL);
    scene_refused(s, "and the approval, made again, is told why", 403, "DENIED:suspended");
    scene_invoke(s, WHO_R, END_RC, "credentials", "ReinstateOrg", NULL, HOSPITAL, NULL);
    scene_ok(s, "the site is reinstated");
    suspend = endorse(s, WHO_R, END_RC, "credentials", "RejectPractitioner", NULL, nurse);
    approve = endorse(s, WHO_HA, END_RC, "credentials", "ApprovePractitioner", NULL, nurse);
    scene_check(s, first_wins(s, &approve, &suspend), "of an approval and a rejection the first one counts");
    scene_invoke(s, WHO_R, END_RC, "credentials", "RejectPractitioner", NULL, scene_uid(WHO_N), HOSPITAL, NULL);
    scene_refused(s, "and the rejection, made again, is told why", 412, "PRECONDITION");
}

static json_t *applying(scene *s, const scene_patient *p)
{
    return json_pack("{s:s, s:o, s:s}", "pid", p->pid, "demographics", scene_demographics(p), "salt", scene_salt(s));
}

static json_t *approving(scene *s, scene_who who, const char *nid)
{
    return json_pack("{s:s, s:s}", "fp", client_fingerprint(s->people[who]), "nid", nid);
}

static void two_first_keys(scene *s)
{
    scene_patient one, other;
    runner here, there;

    scene_make_patient(s, &one);
    scene_make_patient(s, &other);
    scene_invoke(s, WHO_F, END_CARE, "credentials", "RegisterPatient", applying(s, &one), NULL);
    scene_ok(s, "somebody applies at the hospital");
    scene_invoke(s, WHO_G, END_CARE, "credentials", "RegisterPatient", applying(s, &other), NULL);
    scene_ok(s, "and with another key at the clinic");
    here = endorse(s, WHO_REG1, END_CARE, "credentials", "ApprovePatient", approving(s, WHO_F, one.nid), NULL);
    there = endorse(s, WHO_REG3, END_CARE, "credentials", "ApprovePatient", approving(s, WHO_G, one.nid), NULL);
    scene_check(s, first_wins(s, &here, &there), "two first keys for one national id: one is bound");
    scene_invoke(s, WHO_REG3, END_CARE, "credentials", "ApprovePatient", approving(s, WHO_G, one.nid), NULL);
    scene_refused(s, "and the other registrar is told why", 409, "ALREADY");
}

static bool licensed(scene *s, scene_who who)
{
    scene_query(s, WHO_D1, END_HOSPITAL, "credentials", "Check", NULL, scene_uid(who), "licence", "DE-BE", NULL);
    return s->st == FCC_OK && json_is_true(s->payload);
}

static void two_bits(scene *s)
{
    const char *const two[] = { s->suspensions, "2", "1", NULL }, *const three[] = { s->suspensions, "3", "1", NULL };
    runner one = endorse(s, WHO_K, END_RC, "credentials", "SetStatus", NULL, two),
           other = endorse(s, WHO_K, END_RC, "credentials", "SetStatus", NULL, three);

    scene_check(s, first_wins(s, &one, &other), "of two status bits in one chunk one is set");
    scene_check(s, !licensed(s, WHO_D2) && licensed(s, WHO_D3), "the one that won");
    scene_invoke(s, WHO_K, END_RC, "credentials", "SetStatus", NULL, s->suspensions, "3", "1", NULL);
    scene_ok(s, "made again, the other one as well");
    scene_check(s, !licensed(s, WHO_D2) && !licensed(s, WHO_D3), "and the first one stays");
}

/* ---- prescriptions and packs ---- */

/* D1 has prescribed twice to A; the pharmacy has packs of two lots. */
static void at_the_pharmacy(scene *s)
{
    const char *const ids[] = { s->rx, s->other_rx };

    scene_id(s->enc);
    scene_invoke(s, WHO_REG1, END_CARE, "credentials", "LinkPerson",
                 json_pack("{s:s, s:s, s:s}", "uid", scene_uid(WHO_D1), "nid", scene_digest(s), "salt", scene_salt(s)),
                 NULL);
    scene_ok(s, "it is said who D1 is");
    scene_invoke(s, WHO_D1, END_CARE, "ehr", "StartEncounter",
                 json_pack("{s:s, s:s, s:s}", "encId", s->enc, "pid", s->a.pid, "salt", scene_salt(s)), NULL);
    scene_ok(s, "D1 sees A");
    scene_prescriptions(s);
    for (size_t i = 0; i < 2; i++) {
        scene_invoke(s, WHO_D1, END_CARE, "prescriptions", "Issue", scene_prescription(s, ids[i], s->a.pid, s->enc),
                     NULL);
        scene_ok(s, "and prescribes");
    }
    scene_supply(s);
}

static runner accepts(scene *s, scene_who who, const char *rx)
{
    const char *const args[] = { rx, NULL };

    return endorse(s, who, END_RX, "prescriptions", "Accept", scene_with_code(s), args);
}

static runner dispenses(scene *s, const char *rx, int seq, const char *serial)
{
    const char *const args[] = { rx, NULL }, *const serials[] = { serial, NULL };

    return endorse(s, WHO_P1, END_RX, "prescriptions", "Dispense", scene_dispensed(s, seq, serials, 30), args);
}

static void dispense_again(scene *s, const char *rx, int seq, const char *serial)
{
    const char *const serials[] = { serial, NULL };

    scene_invoke(s, WHO_P1, END_RX, "prescriptions", "Dispense", scene_dispensed(s, seq, serials, 30), rx, NULL);
}

static void two_pharmacies(scene *s)
{
    runner one = accepts(s, WHO_P1, s->rx), other = accepts(s, WHO_P2, s->rx);

    scene_check(s, first_wins(s, &one, &other), "of two pharmacies after one prescription one has it");
    scene_invoke(s, WHO_P2, END_RX, "prescriptions", "Accept", scene_with_code(s), s->rx, NULL);
    scene_refused(s, "and the other one is told why: locked", 409, "CONFLICT");
    scene_invoke(s, WHO_P1, END_RX, "prescriptions", "Accept", scene_with_code(s), s->other_rx, NULL);
    scene_ok(s, "which takes the second one as well");
}

static void one_pack(scene *s)
{
    const char *pack = scene_serial(s, 'b', 0), *next = scene_serial(s, 'b', 1);
    runner one = dispenses(s, s->rx, 1, pack), other = dispenses(s, s->other_rx, 1, pack);

    scene_check(s, first_wins(s, &one, &other), "the same pack on two prescriptions goes out once");
    dispense_again(s, s->other_rx, 1, pack);
    scene_refused(s, "and the other one is told why: it is dispensed", 410, "GONE");
    one = dispenses(s, s->rx, 2, next);
    other = dispenses(s, s->rx, 2, scene_serial(s, 'b', 2));
    scene_check(s, first_wins(s, &one, &other), "two dispenses of the last units are one");
    dispense_again(s, s->rx, 2, scene_serial(s, 'b', 2));
    scene_refused(s, "and the other one is told why", 409, "ALREADY");
    dispense_again(s, s->rx, 3, scene_serial(s, 'b', 2));
    scene_refused(s, "and that nothing is left before the next window", 412, "PRECONDITION");
}

static void recall_and_dispense(scene *s)
{
    const char *const lot_b[] = { s->gtin, "b1", "1", "potency", NULL }, *const lot_a[] = { s->gtin, "a1", "1",
                                                                                            "potency", NULL };
    runner recall = endorse(s, WHO_R, END_DP, "supply", "Recall", NULL, lot_b),
           dispense = dispenses(s, s->other_rx, 1, scene_serial(s, 'b', 3));

    scene_check(s, first_wins(s, &recall, &dispense), "of a recall and a dispense behind it only the recall counts");
    dispense_again(s, s->other_rx, 1, scene_serial(s, 'b', 3));
    scene_refused(s, "and the pharmacy is told why", 422, "INVARIANT");
    scene_check(s, strncmp(scene_text(s, "detail"), "recalled:", 9) == 0, "recalled");
    dispense = dispenses(s, s->other_rx, 1, scene_serial(s, 'a', 0));
    recall = endorse(s, WHO_R, END_DP, "supply", "Recall", NULL, lot_a);
    scene_check(s, meet(s, &dispense, &recall) && dispense.validation == 0 && recall.validation == 0,
                "a dispense that came before the recall was right at the time");
}

/* ---- clocks ---- */

static void at(scene *s, int64_t offset, const char *name, bool accepted)
{
    const client_options options = {
        .dir = s->dir, .user = "patient1", .org = "HospitalMSP", .clock_offset_s = s->ahead + offset
    };
    client *who;

    if (client_open(&options, &who, &s->error) != FCC_OK) {
        scene_check(s, false, "%s", name);
        return;
    }
    scene_invoke_as(s, who, END_CARE, "consent", "SetBase",
                    json_pack("{s:s, s:[], s:s, s:s, s:s}", "pid", s->a.pid, "rules", "btg", "notify", "btgMaxSens",
                              "R", "salt", scene_salt(s)),
                    NULL);
    if (accepted)
        scene_ok(s, name);
    else /* the peer's own filter may have been first */
        scene_check(s, s->st != FCC_OK && (strstr(s->error.text, "TIME_WINDOW") || strstr(s->error.text, "time")),
                    "%s: refused for its time", name);
    client_close(who);
}

static void clocks(scene *s)
{
    at(s, -100, "a proposal of a clock that is 100 s late", true);
    at(s, 100, "a proposal of a clock that is 100 s early", true);
    at(s, -150, "one that is 150 s late", false);
    at(s, 150, "one that is 150 s early", false);
    at(s, (int64_t)-365 * DAY, "one that is a year late", false);
    at(s, (int64_t)365 * DAY, "one that is a year early", false);
}

static void a_day_later(scene *s)
{
    char audit[SCENE_ID];
    client_answer answer = { 0 };
    runner read;
    int status;

    grants(s);
    scene_id(audit);
    read = endorse(s, WHO_D1, END_CARE, "ehr", "RequestAccess", wanting(s, audit), NULL);
    scene_check(s, read.endorsed, "D1's request is endorsed today");
    status = scene_network(s, "later", "86400");
    if (status == 77) {
        scene_skip(s, "and submitted a day later", "the clock of this network is the machine's");
        return;
    }
    s->ahead = DAY;
    scene_meet_again(s);
    scene_check(s, status == 0, "a day later");
    s->st = client_submit(s->people[WHO_D1], &read.tx, s->arena, &answer, &s->error);
    if (s->st == FCC_OK)
        s->st = client_commit_status(s->people[WHO_D1], read.tx.txid, s->arena, &answer, &s->error);
    scene_check(s, s->st == FCC_OK && answer.validation == 0, "it is committed");
    scene_decision(s, WHO_D1, END_HOSPITAL, audit, "allow", "grant", "as it was decided");
    scene_query(s, WHO_D1, END_HOSPITAL, "ehr", "ReadIndex", NULL, audit, NULL);
    scene_refused(s, "and opens nothing", 403, "DENIED:expired");
}

void scene_races(scene *s)
{
    revoke_and_read(s);
    approve_and_suspend(s);
    two_first_keys(s);
    at_the_pharmacy(s);
    two_pharmacies(s);
    one_pack(s);
    recall_and_dispense(s);
    two_bits(s);
    clocks(s);
    a_day_later(s);
}
