/*
 * explain.c: who can see a record, and by which rule: for ehr's Explain.
 *
 * Everybody whom something speaks of is judged as Evaluate would judge them, for each purpose: the author's site, each
 * grantee, each actor that the base names, everybody else, and doctors in an emergency.
 */
#include "consent/parts.h"

#include <stdio.h>

#include "consent/rules.h"

enum { max_grants = 400, purposes = 5 };

static const char *const sisters[] = { "ehr", NULL };
static const char *const purpose_words[purposes] = { "treatment", "payment", "running the site", "legal claims",
                                                     "research" };

static const lib_field question_args[] = { CONSENT_PID, { .name = "attrs", .type = LIB_OBJECT } };

LIB_DEFINE(consent_explain, LIB_ARGS(question_args), .flags = LIB_INTERNAL, .in = LIB_IN_FOREIGN, .sisters = sisters,
           .reads = "subject CBASE, CONS; emergency BTGP, BTG",
           .answer = "`{sees:[{who,permit,purpose,reason,words,of?,rule?}]}`")

struct explain {
    lib_call *call;
    struct consent_question q;
    const json_t *attrs;
    struct {
        const char *grantee;
        const json_t *grant;
    } grants[max_grants];
    size_t grant_count;
    json_t *lines;
    fcc_status st;
};

/* ---- one line ---- */

/* A purpose's decision is that of another: they share a line. */
static bool same(const struct consent_decision *a, const struct consent_decision *b)
{
    return a->permit == b->permit && a->holder == b->holder && a->rule == b->rule && strcmp(a->reason, b->reason) == 0;
}

/* "treatment, payment and research" */
static void name_purposes(const bool *in, char *out, size_t size)
{
    size_t left = 0, at = 0;

    for (size_t i = 0; i < purposes; i++)
        left += in[i];
    out[0] = 0;
    for (size_t i = 0; i < purposes && at < size; i++)
        if (in[i]) {
            left--;
            at += (size_t)snprintf(out + at, size - at, "%s%s", purpose_words[i],
                                   left > 1    ? ", "
                                   : left == 1 ? " and "
                                               : "");
        }
}

static const char *why_not(const char *reason)
{
    static const struct {
        const char *reason, *words;
    } known[] = {
        { "restricted", "the record is restricted" },
        { "deceased", "the patient is deceased" },
        { "unknown_patient", "the patient is not registered" },
        { "revoked", "the consent was revoked" },
        { "no_consent", "nothing permits it" },
        { "purpose", "no consent for this purpose" },
        { "op", "no consent to read" },
        { "category", "no consent for this kind of data" },
        { "sensitivity", "the record is more sensitive than the consent reaches" },
        { "author", "consent is for another author's records" },
        { "encounter", "consent is for another encounter" },
        { "record", "consent is for other records" },
        { "period", "consent is for another time" },
        { "expired", "the consent has expired" },
        { "btg_forbidden", "the patient forbids it" },
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(known[i].reason, reason) == 0)
            return known[i].words;
    return reason;
}

static void name_cause(const struct explain *ex, const struct consent_decision *d, char *out, size_t size)
{
    const char *verb = d->permit ? "permits" : "denies", *grantee = lib_text(d->holder, "grantee");

    if (d->holder == ex->q.base && d->holder)
        snprintf(out, size, "rule %zu of the patient's base %s it", d->rule + 1, verb);
    else if (d->holder)
        snprintf(out, size, "rule %zu of the patient's grant to %s %s it", d->rule + 1, grantee, verb);
    else if (strcmp(d->reason, "author_site") == 0)
        snprintf(out, size, "the record was made there, in an encounter that is open or closed for less than 30 days");
    else if (strcmp(d->reason, "privacy_officer") == 0)
        snprintf(out, size, "the record was made there");
    else
        snprintf(out, size, "%s", why_not(d->reason));
}

/* `who` is for programs, `name` for people. */
static void add_line(struct explain *ex, const char *who, const char *name, const struct consent_decision *d,
                     const bool *in)
{
    const json_t *rule = d->holder ? json_array_get(json_object_get(d->holder, "rules"), d->rule) : NULL;
    const char *of = d->holder == ex->q.base ? "base" : lib_text(d->holder, "grantee");
    char list[100], cause[250], words[600];
    json_t *purpose = json_array(), *line;

    for (size_t i = 0; i < purposes; i++)
        if (in[i])
            json_array_append_new(purpose, json_string(lib_purposes[i]));
    name_purposes(in, list, sizeof(list));
    name_cause(ex, d, cause, sizeof(cause));
    snprintf(words, sizeof(words), "%s %s it for %s: %s.", name, d->permit ? "may read" : "may not read", list, cause);
    line = json_pack("{s:s,s:b,s:s,s:o,s:s,s:O*,s:s*}", "who", who, "permit", d->permit, "reason", d->reason, "purpose",
                     purpose, "words", words, "rule", rule, "of", d->holder ? of : NULL);
    if (!line || json_array_append_new(ex->lines, line) != 0)
        ex->st = FCC_ERR_NOMEM;
}

/* Judge the actor of ex->q for every purpose; purposes with one decision share a line. `only`: lines of this reason. */
static void judge(struct explain *ex, const char *who, const char *name, const char *only)
{
    struct consent_decision decisions[purposes];
    bool done[purposes] = { false };

    for (size_t i = 0; i < purposes; i++) {
        ex->q.purpose = lib_purposes[i];
        decisions[i] = consent_decide(&ex->q, ex->attrs);
        done[i] = only && strcmp(decisions[i].reason, only) != 0;
    }
    for (size_t i = 0; i < purposes && ex->st == FCC_OK; i++) {
        bool in[purposes] = { false };

        if (done[i])
            continue;
        for (size_t j = i; j < purposes; j++)
            if (!done[j] && same(&decisions[i], &decisions[j]))
                in[j] = done[j] = true;
        add_line(ex, who, name, &decisions[i], in);
    }
}

/* ---- everybody whom something speaks of ---- */

static const json_t *grant_to(const struct explain *ex, const char *kind, const char *whom)
{
    char grantee[160];

    snprintf(grantee, sizeof(grantee), "%s:%s", kind, whom ? whom : "");
    for (size_t i = 0; whom && i < ex->grant_count; i++)
        if (strcmp(ex->grants[i].grantee, grantee) == 0)
            return ex->grants[i].grant;
    return NULL;
}

static void judge_as(struct explain *ex, struct consent_actor actor, const char *who, const char *name,
                     const char *only)
{
    char job[160];

    snprintf(job, sizeof(job), "%s@%s", actor.role ? actor.role : "", actor.site ? actor.site : "");
    ex->q.grants[0] = grant_to(ex, "u", actor.uid);
    ex->q.grants[1] = grant_to(ex, "r", actor.role && actor.site ? job : NULL);
    ex->q.grants[2] = grant_to(ex, "m", actor.msp);
    if (!actor.uid)
        actor.uid = ""; /* somebody of the staff */
    ex->q.actor = actor;
    judge(ex, who, name, only);
}

/* "doctor@4000000000001" taken apart. */
static fcc_status actor_of_job(struct explain *ex, const char *job, struct consent_actor *out)
{
    const char *at = strchr(job, '@');
    struct registry_site site = { 0 };
    bool found = false;
    fcc_status st = FCC_OK;

    *out = (struct consent_actor){ 0 };
    if (!at)
        return FCC_OK;
    out->role = lib_string(ex->call, fcc_bytes_of(job, (size_t)(at - job)));
    out->site = at + 1;
    st = registry_site(ex->call, out->site, &site, &found);
    if (found)
        out->msp = site.msp;
    return st;
}

/* A person: in each job that a grant is for, and in any other. */
static void judge_person(struct explain *ex, const char *uid, const char *grantee)
{
    char name[200], who[260];
    const char *msp = NULL;
    bool found = false;

    ex->st = registry_person(ex->call, uid, &msp, &found);
    for (size_t i = 0; i < ex->grant_count && ex->st == FCC_OK; i++) {
        struct consent_actor actor;
        bool has = false;

        if (ex->grants[i].grantee[0] != 'r')
            continue;
        ex->st = actor_of_job(ex, ex->grants[i].grantee + 2, &actor);
        if (ex->st == FCC_OK && actor.role)
            ex->st = registry_has_role(ex->call, uid, actor.site, actor.role, &has);
        if (ex->st != FCC_OK || !has)
            continue;
        actor.uid = uid;
        snprintf(name, sizeof(name), "%s, as %s at %s,", uid, actor.role, actor.site);
        snprintf(who, sizeof(who), "%s as %s", grantee, ex->grants[i].grantee);
        judge_as(ex, actor, who, name, NULL);
    }
    if (ex->st == FCC_OK)
        judge_as(ex, (struct consent_actor){ .uid = uid, .msp = msp }, grantee, uid, NULL);
}

static void judge_grantee(struct explain *ex, const char *grantee)
{
    struct consent_actor actor = { 0 };
    char name[200];

    if (grantee[0] == 'u') {
        judge_person(ex, grantee + 2, grantee);
        return;
    }
    if (grantee[0] == 'm') {
        actor.msp = grantee + 2;
        snprintf(name, sizeof(name), "Everybody at %s", actor.msp);
    } else {
        ex->st = actor_of_job(ex, grantee + 2, &actor);
        snprintf(name, sizeof(name), "Every %s at %s", actor.role ? actor.role : "one", actor.site ? actor.site : "");
    }
    if (ex->st == FCC_OK)
        judge_as(ex, actor, grantee, name, NULL);
}

static void judge_base_actors(struct explain *ex)
{
    const json_t *rules = json_object_get(ex->q.base, "rules");

    for (size_t i = 0; i < json_array_size(rules) && ex->st == FCC_OK; i++) {
        const char *actor = lib_text(json_array_get(rules, i), "actor");
        bool known = !actor || strcmp(actor, "*") == 0;

        for (size_t j = 0; j < ex->grant_count && !known; j++)
            known = strcmp(ex->grants[j].grantee, actor) == 0;
        for (size_t j = 0; j < i && !known; j++)
            known = lib_text_is(json_array_get(rules, j), "actor", actor);
        if (!known)
            judge_grantee(ex, actor);
    }
}

static void judge_site(struct explain *ex)
{
    struct consent_actor actor = { .site = lib_text(ex->attrs, "site"), .role = "doctor" };
    char who[100], name[160];

    if (!actor.site)
        return;
    snprintf(who, sizeof(who), "site:%s", actor.site);
    snprintf(name, sizeof(name), "Who treats the patient at %s", actor.site);
    judge_as(ex, actor, who, name, "author_site");
    actor.role = "privacy_officer";
    snprintf(who, sizeof(who), "r:privacy_officer@%s", actor.site);
    snprintf(name, sizeof(name), "A privacy officer at %s", actor.site);
    judge_as(ex, actor, who, name, "privacy_officer");
}

/* ---- emergencies ---- */

static void add_emergency(struct explain *ex, const char *who, const struct consent_decision *d, const char *words)
{
    if (json_array_append_new(ex->lines, json_pack("{s:s,s:b,s:s,s:[s],s:s}", "who", who, "permit", d->permit, "reason",
                                                   d->reason, "purpose", "BTG", "words", words)) != 0)
        ex->st = FCC_ERR_NOMEM;
}

/* What a doctor who opened a case now would find. */
static void judge_emergency(struct explain *ex)
{
    struct consent_decision d;
    char until[LIB_TIME_SIZE], words[300];

    lib_time_format(ex->q.now, until);
    ex->q.actor = (struct consent_actor){ .uid = "" };
    ex->q.emergency = lib_own(
        ex->call, json_pack("{s:s,s:s,s:s,s:s}", "uid", "", "pid", ex->q.pid, "status", "open", "until", until));
    d = consent_decide_emergency(&ex->q, ex->attrs);
    snprintf(words, sizeof(words), "A doctor who declares an emergency %s it for three hours%s%s.",
             d.permit ? "may read" : "may not read", d.permit ? "; somebody else reviews that" : ": ",
             d.permit ? "" : why_not(d.reason));
    add_emergency(ex, "emergency", &d, words);
}

static bool judge_case(const struct consent_entry *entry, void *ctx)
{
    struct explain *ex = ctx;
    struct consent_decision d;
    char who[80], words[300];
    const char *uid;

    ex->st = lib_read(ex->call, CONSENT_EMERGENCY, lib_key(ex->call, "BTG", entry->parts[1], NULL, NULL),
                      &ex->q.emergency);
    uid = lib_text(ex->q.emergency, "uid");
    if (ex->st != FCC_OK || !uid || !consent_case_is_open(ex->q.emergency, ex->q.now))
        return ex->st == FCC_OK;
    ex->q.actor = (struct consent_actor){ .uid = uid };
    d = consent_decide_emergency(&ex->q, ex->attrs);
    snprintf(who, sizeof(who), "u:%s", uid);
    snprintf(words, sizeof(words), "%s declared an emergency and %s it until %s%s%s.", uid,
             d.permit ? "may read" : "may not read", lib_text(ex->q.emergency, "until"), d.permit ? "" : ": ",
             d.permit ? "" : why_not(d.reason));
    add_emergency(ex, who, &d, words);
    return ex->st == FCC_OK;
}

/* ---- the function ---- */

static bool take_grant(const struct consent_entry *entry, void *ctx)
{
    struct explain *ex = ctx;

    if (lib_text_is(entry->value, "status", "active") && consent_epoch(entry->value) == consent_epoch(ex->q.base)) {
        ex->grants[ex->grant_count].grantee = entry->parts[0];
        ex->grants[ex->grant_count++].grant = entry->value;
    }
    return ex->grant_count < max_grants;
}

static void add_owner(struct explain *ex)
{
    if (json_array_append_new(ex->lines, json_pack("{s:s,s:b,s:s,s:[s,s,s,s,s],s:s}", "who", "owner", "permit", 1,
                                                   "reason", "owner", "purpose", lib_purposes[0], lib_purposes[1],
                                                   lib_purposes[2], lib_purposes[3], lib_purposes[4], "words",
                                                   "The patient may read it, and guardians for records.")) != 0)
        ex->st = FCC_ERR_NOMEM;
}

/* `attrs` are one record's, as in Evaluate */
static fcc_status consent_explain(lib_call *call)
{
    struct explain *ex = fcc_alloc(call->stub, sizeof(*ex));
    fcc_status st;

    if (!ex)
        return FCC_ERR_NOMEM;
    *ex = (struct explain){ .call = call, .q = { .asked_pid = lib_arg_text(call, "pid"), .op = "read" } };
    ex->lines = lib_own(call, json_array());
    if (!ex->lines)
        return FCC_ERR_NOMEM;
    ex->attrs = lib_arg(call, "attrs");
    if ((st = consent_check_attrs(call, ex->attrs)) != FCC_OK || (st = consent_read_patient(call, &ex->q)) != FCC_OK ||
        (st = consent_read(call, ex->q.pid, NULL, &ex->q.base, NULL)) != FCC_OK ||
        (st = consent_walk(call, CONSENT_SUBJECT, "CONS", ex->q.pid, NULL, take_grant, ex)) != FCC_OK)
        return st;
    if (lib_text_is(ex->attrs, "status", "erased"))
        return lib_answer(call, json_pack("{s:[]}", "sees"));
    add_owner(ex);
    judge_site(ex);
    for (size_t i = 0; i < ex->grant_count && ex->st == FCC_OK; i++)
        judge_grantee(ex, ex->grants[i].grantee);
    if (ex->st == FCC_OK)
        judge_base_actors(ex);
    if (ex->st == FCC_OK)
        judge_as(ex, (struct consent_actor){ 0 }, "*", "Any other member of staff", NULL);
    if (ex->st == FCC_OK)
        judge_emergency(ex);
    if (ex->st == FCC_OK)
        ex->st = consent_walk(call, CONSENT_EMERGENCY, "BTGP", ex->q.pid, NULL, judge_case, ex);
    return ex->st == FCC_OK ? lib_answer(call, json_pack("{s:O}", "sees", ex->lines)) : ex->st;
}
