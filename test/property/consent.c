/*
 * consent.c: random histories of the chaincode consent. Only the owner changes consent, or two registrars for a patient
 * without a key; a request that is ordered behind a change of what it rests on is invalid; every emergency case is
 * reviewed by somebody else.
 */
#include "test/property/care.h"

#include "test/support/health.h"
#include "test/unit/chaincode/consent/asking.h"

static const char *const registrars[] = { "reg1", "reg2", "reg3" };
static const char *const officers[] = { "po1", "po2", "po3" };
static const char *const keyless[] = { PID_E, PID_E, PID_M, PID_W, PID_UNKNOWN };

static void begin(struct run *run)
{
    health_start(NULL);
    health_install("consent", &consent_chaincode);
    install_asking("ehr");
    run->channel = world;
}

/* ---- calls ---- */

static const char *part_or_new(struct run *run, const char *prefix)
{
    const char *key = chance(run, 93) ? some_key(run, prefix, NULL) : NULL;

    return key ? part_of(key, 1) : random_id(run);
}

static void on_paper(struct run *run)
{
    static const char *const btg[] = { "allow", "notify", "forbid" };
    const char *pid = chance(run, 85) ? ANY(run, keyless) : care_any_pid(run);

    if (chance(run, 60))
        run_line(run,
                 "%s consent.GrantFor < {\"id\":\"%s\",\"pid\":\"%s\",\"grantee\":\"%s\",\"rules\":%s,\"evidenceHash\":"
                 "\"" FP("ee") "\",\"salt\":\"%s\"}",
                 care_somebody(run, ANY(run, registrars)), random_id(run), pid, care_grantee(run),
                 care_rules(run, false), random_id(run));
    else
        run_line(run,
                 "%s consent.SetBaseFor < {\"id\":\"%s\",\"pid\":\"%s\",\"rules\":%s,\"btg\":\"%s\",\"btgMaxSens\":"
                 "\"R\",\"evidenceHash\":\"" FP("ee") "\",\"salt\":\"%s\"}",
                 care_somebody(run, ANY(run, registrars)), random_id(run), pid, care_rules(run, true), ANY(run, btg),
                 random_id(run));
}

static void countersign(struct run *run)
{
    run_line(run, "%s consent.Countersign < {\"id\":\"%s\",\"salt\":\"%s\"}", care_somebody(run, ANY(run, registrars)),
             part_or_new(run, "consent/subject/~PEND~"), random_id(run));
}

static void ask(struct run *run)
{
    run_line(
        run,
        "%s consent.RequestConsent < {\"id\":\"%s\",\"pid\":\"%s\",\"purpose\":\"TREAT\",\"scope\":{\"categories\":"
        "[\"lab\"]},\"salt\":\"%s\"}",
        care_somebody(run, "d1"), random_id(run), care_any_pid(run), random_id(run));
}

static void answer(struct run *run)
{
    const char *key = some_key(run, "consent/subject/~CREQ~", NULL);
    const char *pid = key ? part_of(key, 1) : PID_A;

    if (chance(run, 60))
        run_line(run,
                 "%s consent.AnswerRequest < {\"id\":\"%s\",\"pid\":\"%s\",\"answer\":\"grant\",\"rules\":%s,\"salt\":"
                 "\"%s\"}",
                 care_somebody(run, care_owner_name(run, pid)), key ? part_of(key, 2) : random_id(run), pid,
                 care_rules(run, false), random_id(run));
    else
        run_line(run, "%s consent.AnswerRequest < {\"id\":\"%s\",\"answer\":\"refuse\",\"salt\":\"%s\"}",
                 care_somebody(run, care_owner_name(run, pid)), key ? part_of(key, 2) : random_id(run), random_id(run));
}

static void close_case(struct run *run)
{
    const json_t *emergency = NULL;
    const char *key = some_key(run, "consent/emergency/~BTG~", &emergency);
    const char *id = key ? part_of(key, 1) : random_id(run);

    if (chance(run, 45))
        run_line(run, "%s consent.CloseBreakGlass %s",
                 care_somebody(run, emergency && chance(run, 70) ? text(emergency, "uid") : ANY(run, officers)), id);
    else
        run_line(run, "%s consent.ReviewBreakGlass %s < {\"finding\":\"justified\",\"note\":\"seen\"}",
                 care_somebody(run, ANY(run, officers)), id);
}

static void late_case(struct run *run)
{
    static const char *const uids[] = { "d1", "d2", "d3", "d9", "nobody" };
    const int64_t now = fcc_test_time(run->channel);

    run_line(run,
             "%s consent.LateBreakGlass < {\"id\":\"%s\",\"pid\":\"%s\",\"uid\":\"%s\",\"from\":\"%s\",\"to\":\"%s\","
             "\"reason\":\"downtime\",\"evidenceHash\":\"" FP("ee") "\",\"salt\":\"%s\"}",
             care_somebody(run, ANY(run, officers)), random_id(run), care_any_pid(run), ANY(run, uids),
             time_text(now - 7200), time_text(chance(run, 90) ? now - 3600 : now + 3600), random_id(run));
}

/* As ehr asks: it becomes a transaction like any other. */
static void evaluate(struct run *run)
{
    static const char *const actors[] = { "d1", "d3", "n1", "po1", "d7", "reg1" };
    static const char *const purposes[] = { "TREAT", "TREAT", "TREAT", "HOPERAT", "HLEGAL", "HRESCH" };
    static const char *const cats[] = { "general", "lab", "psychiatry" };
    static const char *const sens[] = { "N", "N", "R", "V" };
    static const char *const status[] = { "current", "current", "current", "restricted", "erased" };
    const struct person *actor = care_person(ANY(run, actors));
    const char *key = chance(run, 60) ? some_key(run, "consent/subject/~CONS~", NULL) : NULL;
    char attrs[500];

    if (chance(run, 70))
        snprintf(attrs, sizeof(attrs),
                 "{\"recId\":\"rec1\",\"category\":\"%s\",\"sens\":\"%s\",\"author\":\"%s\",\"site\":\"%s\",\"date\":"
                 "\"2025-0%zu-01T00:00:00Z\",\"status\":\"%s\"%s}",
                 ANY(run, cats), ANY(run, sens), chance(run, 50) ? "d1" : "dx", chance(run, 30) ? H1 : "4000000000009",
                 pick(run, 9) + 1, ANY(run, status), chance(run, 20) ? ",\"enc\":\"e1\",\"encState\":\"open\"" : "");
    else
        snprintf(attrs, sizeof(attrs), "{\"category\":\"%s\"}", ANY(run, cats));
    run_line(run, "d1 ehr.Evaluate %s {\"uid\":\"%s\",\"role\":\"%s\",\"site\":\"%s\",\"msp\":\"%s\"} %s read [%s]",
             key ? part_of(key, 1) : care_any_pid(run), actor->uid, actor->role, actor->site, actor->msp,
             ANY(run, purposes), attrs);
}

static void look(struct run *run)
{
    static const char *const functions[] = { "GetBase", "ListGrants", "ListRequests", "ConsentHistory",
                                             "BreakGlassCases" };
    const char *pid = care_any_pid(run);

    if (chance(run, 15))
        run_line(run, "? %s consent.OverdueReviews < {}", care_somebody(run, chance(run, 50) ? "aud1" : "po1"));
    else
        run_line(run, "? %s consent.%s < {\"pid\":\"%s\"}", care_somebody(run, care_owner_name(run, pid)),
                 ANY(run, functions), pid);
}

static void generate(struct run *run)
{
    static void (*const calls[])(struct run *) = {
        care_set_base, care_grant,  care_grant,  care_grant, care_revoke, care_revoke_all,  on_paper,
        on_paper,      countersign, countersign, ask,        answer,      care_break_glass, care_break_glass,
        close_case,    close_case,  late_case,   evaluate,   evaluate,    evaluate,         look
    };

    ANY(run, calls)(run);
}

/* ---- what must hold ---- */

static bool has_role(const struct transaction *tx, const char *role)
{
    return strcmp(tx->call->by->role, role) == 0 && !tx->call->by->impostor;
}

/* Whether a grantee, or an actor of a base's rule, is this registrar or everybody with that job at the site. */
static bool favours(const struct person *who, const char *grantee)
{
    char job[100];

    snprintf(job, sizeof(job), "r:%s@%s", who->role, who->site);
    return strcmp(grantee, job) == 0 || (grantee[0] == 'u' && strcmp(grantee + 2, who->uid) == 0);
}

/* A second registrar signed what a first had entered, in time, for a patient who has no key. */
static void check_countersigned(struct run *run, const struct transaction *tx, const struct change *c)
{
    const struct change *pend = change_of(tx, "PEND");
    const json_t *body = pend ? json_object_get(pend->before, "body") : NULL;
    const struct person *first = pend && pend->before ? care_person(text(pend->before, "by")) : NULL;

    if (!body || !first) {
        must(run, false, "countersigned what nobody entered", tx);
        return;
    }
    must(run, has_role(tx, "registrar") && tx->call->by->uid && strcmp(first->uid, tx->call->by->uid) != 0,
         "two registrars", tx);
    must(run, !care_has_key(c->parts[0]) && !care_deceased(c->parts[0]), "who has a key decides alone", tx);
    must(run, is(pend->before, "status", "open") && tx->call->at <= seconds(text(pend->before, "until")),
         "countersigned in time, and once", tx);
    must(run, strcmp(care_pid(text(body, "pid")), c->parts[0]) == 0, "countersigned for the one patient", tx);
    must(run, json_equal(json_object_get(body, "rules"), json_object_get(c->after, "rules")), "countersigned rules",
         tx);
    must(run, strcmp(c->type, "CBASE") == 0 || is(body, "grantee", c->parts[1]), "countersigned grantee", tx);
    if (strcmp(c->type, "CONS") == 0)
        must(run, !favours(tx->call->by, c->parts[1]) && !favours(first, c->parts[1]), "no registrar is the grantee",
             tx);
    must(run, json_object_get(c->after, "source") != NULL, "paper has its source", tx);
}

static void check_base(struct run *run, const struct transaction *tx, const struct change *c)
{
    const char *pid = c->parts[0];
    const int64_t was = number(c->before, "epoch");

    must(run, strcmp(care_pid(pid), pid) == 0 && care_known(pid), "a base of a resolved patient", tx);
    must(run, number(c->after, "epoch") == was + did(tx, "RevokeAll"), "the epoch", tx);
    must(run, did(tx, "RevokeAll") || care_rules_fit(json_object_get(c->after, "rules"), tx->call->at - 86400, true),
         "rules", tx);
    if (did(tx, "Countersign")) {
        check_countersigned(run, tx, c);
        return;
    }
    must(run, did(tx, "SetBase") || did(tx, "RevokeAll"), "what changes a base", tx);
    must(run, care_owns(tx->call, pid) && !care_deceased(pid), "only the owner changes consent", tx);
    if (did(tx, "SetBase") && care_minor(pid, tx->call->at) && strcmp(tx->call->by->pid, pid) != 0)
        must(run, !is(c->after, "btg", "forbid"), "no guardian forbids emergencies of a minor", tx);
    if (did(tx, "RevokeAll") && c->before)
        must(run, json_equal(json_object_get(c->before, "rules"), json_object_get(c->after, "rules")),
             "RevokeAll leaves the base's rules", tx);
}

static void check_grant(struct run *run, const struct transaction *tx, const struct change *c)
{
    const char *pid = c->parts[0], *grantee = c->parts[1];
    const json_t *base = committed(run, "consent/subject/~CBASE~%s~", pid);
    bool revokes = did(tx, "Revoke") || did(tx, "RevokeFor");

    must(run, strcmp(care_pid(pid), pid) == 0 && care_known(pid) && !care_deceased(pid), "a grant of a patient", tx);
    must(run, is(c->after, "status", revokes ? "revoked" : "active"), "the status", tx);
    must(run, revokes || number(c->after, "epoch") == number(base, "epoch"), "a grant is of the base's epoch", tx);
    if (revokes)
        must(run,
             is(c->before, "status", "active") &&
                 json_equal(json_object_get(c->before, "rules"), json_object_get(c->after, "rules")),
             "what is revoked was active", tx);
    if (grantee[0] == 'u')
        must(run, care_person(grantee + 2) != NULL, "the grantee is known", tx);
    if (did(tx, "Countersign")) {
        check_countersigned(run, tx, c);
    } else if (did(tx, "RevokeFor")) {
        must(run, has_role(tx, "registrar") && !care_has_key(pid), "a registrar revokes for who has no key", tx);
    } else {
        must(run, did(tx, "Grant") || did(tx, "Revoke") || did(tx, "AnswerRequest"), "what changes a grant", tx);
        must(run, care_owns(tx->call, pid), "only the owner changes consent", tx);
    }
    if (did(tx, "AnswerRequest")) {
        const struct change *request = change_of(tx, "CREQ");

        must(run, request && is(request->before, "uid", grantee + 2), "the answer is for who asked", tx);
    }
}

static void check_pending(struct run *run, const struct transaction *tx, const struct change *c)
{
    if (did(tx, "Countersign")) {
        must(run, change_of(tx, "CBASE") || change_of(tx, "CONS"), "what is countersigned holds", tx);
        must(run, !is(c->after, "status", "open"), "countersigned once", tx);
        return;
    }
    must(run, (did(tx, "GrantFor") || did(tx, "SetBaseFor")) && !c->before && has_role(tx, "registrar"),
         "a registrar begins", tx);
    must(run, tx->count == 1, "what one registrar enters changes nothing yet", tx);
    must(run, is(c->after, "by", tx->call->by->uid) && seconds(text(c->after, "until")) == tx->call->at + 86400,
         "it waits for a day", tx);
}

static void check_request(struct run *run, const struct transaction *tx, const struct change *c)
{
    if (did(tx, "RequestConsent")) {
        must(run,
             !c->before && has_role(tx, "doctor") && strcmp(tx->call->by->uid, "d1") == 0 && care_has_key(c->parts[0]),
             "only an assigned doctor asks", tx);
        must(run, !care_deceased(c->parts[0]), "nobody asks the dead", tx);
        return;
    }
    must(run, did(tx, "AnswerRequest") && care_owns(tx->call, c->parts[0]) && is(c->before, "status", "open"),
         "the owner answers, once", tx);
    must(run, is(c->after, "status", "granted") == (change_of(tx, "CONS") != NULL), "a yes is a grant", tx);
}

/* ---- emergencies ---- */

static bool other_open(struct run *run, const char *uid, const char *pid, int64_t at)
{
    const char *key;
    json_t *one;

    json_object_foreach(run->state, key, one) if (strncmp(key, "consent/emergency/~BTG~", 23) == 0 &&
                                                  is(one, "uid", uid) && is(one, "pid", pid) &&
                                                  care_case_open(one, at)) return true;
    return false;
}

static void check_opened(struct run *run, const struct transaction *tx, const struct change *c)
{
    const struct person *by = tx->call->by;
    const char *pid = text(c->after, "pid");
    const json_t *base = committed(run, "consent/subject/~CBASE~%s~", pid);

    must(run, care_known(pid) && strcmp(care_pid(pid), pid) == 0, "a case of a patient", tx);
    if (did(tx, "LateBreakGlass")) {
        const struct person *doctor = care_person(text(c->after, "uid"));

        must(run, has_role(tx, "privacy_officer") && doctor && strcmp(doctor->msp, by->msp) == 0,
             "the own privacy officer enters late cases", tx);
        must(run, !care_case_open(c->after, tx->call->at), "a late case is over", tx);
        return;
    }
    must(run, did(tx, "BreakGlass") && has_role(tx, "doctor") && is(c->after, "uid", by->uid), "a doctor opens", tx);
    must(run, strcmp(by->uid, "d2") == 0 || strcmp(by->uid, "d9") == 0, "with the capability and a licence", tx);
    must(run, !is(base, "btg", "forbid"), "not against the patient's word", tx);
    must(run, *text(c->after, "reason") != 0, "for a reason", tx);
    must(run, seconds(text(c->after, "until")) == tx->call->at + 3 * 3600, "for three hours", tx);
    must(run, !other_open(run, by->uid, pid, tx->call->at), "one at a time", tx);
}

static void check_case(struct run *run, const struct transaction *tx, const struct change *c)
{
    const json_t *review = json_object_get(c->after, "review");
    const struct person *by = tx->call->by;

    if (!c->before) {
        check_opened(run, tx, c);
        return;
    }
    must(run,
         is(c->after, "reason", text(c->before, "reason")) && is(c->after, "pid", text(c->before, "pid")) &&
             is(c->after, "uid", text(c->before, "uid")) && is(c->after, "until", text(c->before, "until")),
         "a case stays what it is", tx);
    if (did(tx, "ReviewBreakGlass")) {
        must(run, !json_object_get(c->before, "review") && review && is(review, "by", by->uid), "one review", tx);
        must(run, !is(c->before, "uid", by->uid), "reviewed by somebody else", tx);
        must(run, has_role(tx, "privacy_officer") && is(c->before, "msp", by->msp), "by the own privacy officer", tx);
        must(run, !care_case_open(c->before, tx->call->at), "when it is over", tx);
    } else {
        must(run,
             did(tx, "CloseBreakGlass") && care_case_open(c->before, tx->call->at) && is(c->after, "status", "closed"),
             "what closes a case", tx);
        must(run, is(c->before, "uid", by->uid) || (has_role(tx, "privacy_officer") && is(c->before, "msp", by->msp)),
             "who closes a case", tx);
    }
}

/* A case is found under its patient, doctor and time; and among the unreviewed ones exactly while it is. */
static void check_indexes(struct run *run, const struct transaction *tx, const struct change *c)
{
    const char *id = text(c->after, "id"), *pid = text(c->after, "pid"), *uid = text(c->after, "uid");
    long long rev = 9999999999 - seconds(text(c->after, "opened")), due = seconds(text(c->after, "reviewBy"));
    const struct change *n = change_of(tx, "BTGN");
    char want[200];

    if (c->before) {
        must(run, did(tx, "ReviewBreakGlass") == (n != NULL) && (!n || !n->after), "the list of the unreviewed", tx);
        return;
    }
    must(run, change_of(tx, "BTGP") && change_of(tx, "BTGU") && change_of(tx, "BTGA") && n, "the indexes of a case",
         tx);
    if (run->rule)
        return;
    snprintf(want, sizeof(want), "~BTGP~%s~%010lld~%s~", pid, rev, id);
    must(run, strcmp(change_of(tx, "BTGP")->key, want) == 0, "the index of the patient's cases", tx);
    snprintf(want, sizeof(want), "~BTGU~%s~%010lld~%s~", uid, rev, id);
    must(run, strcmp(change_of(tx, "BTGU")->key, want) == 0, "the index of the doctor's cases", tx);
    snprintf(want, sizeof(want), "~BTGA~%010lld~%s~", rev, id);
    must(run, strcmp(change_of(tx, "BTGA")->key, want) == 0, "the index of all cases", tx);
    snprintf(want, sizeof(want), "~BTGN~%010lld~%s~", due, id);
    must(run, n->after && strcmp(n->key, want) == 0, "the index of unreviewed cases", tx);
}

static void changed(struct run *run, const struct transaction *tx)
{
    for (size_t i = 0; i < tx->count && !run->rule; i++) {
        const struct change *c = &tx->changes[i];

        if (strcmp(c->type, "CBASE") == 0)
            check_base(run, tx, c);
        else if (strcmp(c->type, "CONS") == 0)
            check_grant(run, tx, c);
        else if (strcmp(c->type, "PEND") == 0)
            check_pending(run, tx, c);
        else if (strcmp(c->type, "CREQ") == 0)
            check_request(run, tx, c);
        else if (strcmp(c->type, "BTG") == 0) {
            check_case(run, tx, c);
            check_indexes(run, tx, c);
        }
    }
    must(run, tx->count > 0 || did(tx, "Evaluate"), "what is accepted leaves something", tx);
}

/* ---- what is answered ---- */

/* Whether consent is asked what an independent reading of its rules decides. */
static void check_evaluation(struct run *run, const struct call *call)
{
    json_t *actor = json_loads(call->args[1], 0, NULL), *attrs = json_loads(call->args[4], 0, NULL);
    json_t *answer = json_loads(call->result.payload, 0, NULL);
    struct care_question q = {
        .pid = care_pid(call->args[0]), .actor = actor, .purpose = call->args[2], .now = call->at
    };

    for (size_t i = 0; i < json_array_size(attrs); i++) {
        bool permit = json_is_true(json_object_get(json_array_get(answer, i), "permit"));

        if (permit != care_permits(run, &q, json_array_get(attrs, i)))
            broken(run, "decision", "%s at %s was decided %s", call->line, time_text(call->at), call->result.payload);
    }
    if (json_array_size(answer) != json_array_size(attrs))
        broken(run, "decision", "%s was decided %s", call->line, call->result.payload);
    json_decref(actor);
    json_decref(attrs);
    json_decref(answer);
}

/* What is expected of an owner's change: a status, 0 for what this reading does not say. */
static int expected(struct run *run, const struct call *call)
{
    const char *pid = text(call->in, "pid"), *grantee = text(call->in, "grantee"), *of = care_pid(pid);
    const json_t *base = committed(run, "consent/subject/~CBASE~%s~", of);
    const json_t *old = committed(run, "consent/subject/~CONS~%s~%s~", of, grantee);
    bool base_only = strcmp(call->function, "SetBase") == 0 || strcmp(call->function, "RevokeAll") == 0;

    if (call->by->impostor ||
        (!base_only && strcmp(call->function, "Grant") != 0 && strcmp(call->function, "Revoke") != 0))
        return 0;
    if (!care_owns(call, pid))
        return 403;
    if (care_deceased(pid))
        return 412;
    if (strcmp(call->function, "Revoke") == 0)
        return !old ? 404 : !is(old, "status", "active") ? 409 : is(old, "salt", text(call->in, "salt")) ? 400 : 200;
    if (strcmp(call->function, "RevokeAll") != 0 &&
        !care_rules_fit(json_object_get(call->in, "rules"), call->at, base_only))
        return 400;
    if (base_only && care_minor(of, call->at) && strcmp(call->by->pid, of) != 0 && is(call->in, "btg", "forbid"))
        return 403;
    if (!base_only && (strcmp(grantee, "u:nobody") == 0 || strcmp(grantee, "r:doctor@nowhere") == 0 ||
                       strcmp(grantee, "m:NoMSP") == 0))
        return 404;
    return is(base_only ? base : old, "salt", text(call->in, "salt")) ? 409 : 200;
}

static void answered(struct run *run, const struct call *call)
{
    int want;

    if (strcmp(call->chaincode, "ehr") == 0 && call->result.status == 200) {
        check_evaluation(run, call);
        return;
    }
    want = expected(run, call);
    if (want && call->result.status != want && call->result.status != 500) /* not this chaincode's word: see run.c */
        broken(run, "answer", "%s at %s was answered %d %s, and not %d", call->line, time_text(call->at),
               (int)call->result.status, call->result.message, want);
}

/* ---- blocks ---- */

static void ordered(struct run *run, const struct transaction *tx, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        json_t *actor;

        if (strcmp(tx[i].call->function, "Evaluate") != 0)
            continue;
        actor = json_loads(tx[i].call->args[1], 0, NULL);
        care_check_order(run, tx, i, actor, care_pid(tx[i].call->args[0]));
        json_decref(actor);
    }
}

static const char *const accepted[] = { "SetBase",          "Grant",          "Revoke",      "RevokeAll",
                                        "SetBaseFor",       "GrantFor",       "Countersign", "RevokeFor",
                                        "RequestConsent",   "AnswerRequest",  "BreakGlass",  "CloseBreakGlass",
                                        "ReviewBreakGlass", "LateBreakGlass", "Evaluate",    NULL };

const struct subject subject = { .name = "consent",
                                 .people = care_people,
                                 .secrets = care_secrets,
                                 .accepted = accepted,
                                 .start = begin,
                                 .generate = generate,
                                 .answered = answered,
                                 .changed = changed,
                                 .ordered = ordered };
