/* evaluate.c: the question that sister chaincodes ask: may this actor do this, for this purpose, with these records? */
#include "consent/parts.h"

#include <stdio.h>

#include "consent/rules.h"

enum { max_attrs = 1000 };

static const char emergency_purpose[] = "BTG";
/* those of rules, and an emergency */
static const char *const purposes[] = { "TREAT", "HPAYMT", "HOPERAT", "HLEGAL", "HRESCH", emergency_purpose, NULL };
static const char *const sisters[] = { "ehr", "claims", "research", NULL };
static const char *const status_words[] = { "current", "superseded", "error", "restricted", "erased", NULL };
static const char *const enc_words[] = { "open", "closed", NULL };
static const lib_field question_args[] = {
    CONSENT_PID,
    { .name = "actor", .type = LIB_OBJECT },
    { .name = "purpose", .type = LIB_WORD, .words = purposes },
    { .name = "op", .type = LIB_WORD, .words = consent_op_words },
    { .name = "attrs", .type = LIB_ARRAY, .min = 0, .max = max_attrs },
};

LIB_DEFINE(consent_evaluate, LIB_ARGS(question_args), .flags = LIB_INTERNAL, .in = LIB_IN_FOREIGN, .sisters = sisters,
           .reads = "subject CBASE, three CONS; for BTG subject CBASE, emergency two BTGCUR, BTG",
           .endorsers = "as caller", .answer = "`[{permit,reason}]`, one for each of `attrs`")

fcc_status consent_check_attrs(lib_call *call, const json_t *attrs)
{
    static const lib_field fields[] = {
        { .name = "recId", .type = LIB_ID, .optional = true },
        { .name = "category", .type = LIB_WORD, .optional = true, .words = lib_categories },
        { .name = "sens", .type = LIB_WORD, .optional = true, .words = lib_sensitivities },
        { .name = "author", .type = LIB_ID, .optional = true },
        { .name = "site", .type = LIB_ID, .optional = true },
        { .name = "enc", .type = LIB_ID, .optional = true },
        { .name = "encState", .type = LIB_WORD, .optional = true, .words = enc_words },
        { .name = "encClosed", .type = LIB_TIME, .optional = true },
        { .name = "date", .type = LIB_TIME, .optional = true },
        { .name = "status", .type = LIB_WORD, .optional = true, .words = status_words },
    };

    return lib_check_fields(call, attrs, fields, sizeof(fields) / sizeof(fields[0]), "attrs.");
}

/* ---- what is read: always the same keys, whatever they say ---- */

/* The base, and the three grants that may speak of an actor. */
static fcc_status read_consent(lib_call *call, struct consent_question *q)
{
    const struct consent_actor *actor = &q->actor;
    char person[80], role[160], organisation[80];
    fcc_bytes keys[1 + CONSENT_GRANTS];
    const json_t *values[1 + CONSENT_GRANTS] = { 0 };
    fcc_status st;

    snprintf(person, sizeof(person), "u:%s", actor->uid ? actor->uid : actor->pid);
    snprintf(role, sizeof(role), "r:%s@%s", actor->role ? actor->role : "patient", actor->site ? actor->site : "");
    snprintf(organisation, sizeof(organisation), "m:%s", actor->msp);
    keys[0] = lib_key(call, "CBASE", q->pid, NULL, NULL);
    keys[1] = lib_key(call, "CONS", q->pid, person, NULL);
    keys[2] = lib_key(call, "CONS", q->pid, role, NULL);
    keys[3] = lib_key(call, "CONS", q->pid, organisation, NULL);
    if ((st = lib_read_many(call, CONSENT_SUBJECT, keys, 1 + CONSENT_GRANTS, values)) != FCC_OK)
        return st;
    q->base = values[0];
    memcpy(q->grants, values + 1, sizeof(q->grants));
    return FCC_OK;
}

/*
 * The base and the actor's case. It may lie under the pid that was asked, when that was provisional as it was opened.
 * Without a case the key BTG, which nobody writes, is read in its place.
 */
static fcc_status read_emergency(lib_call *call, struct consent_question *q)
{
    const char *uid = q->actor.uid ? q->actor.uid : q->actor.pid, *id;
    fcc_bytes keys[2];
    const json_t *current[2] = { 0 };
    fcc_status st = consent_read(call, q->pid, NULL, &q->base, NULL);

    keys[0] = lib_key(call, "BTGCUR", q->pid, uid, NULL);
    keys[1] = lib_key(call, "BTGCUR", q->asked_pid, uid, NULL);
    if (st != FCC_OK || (st = lib_read_many(call, CONSENT_EMERGENCY, keys, 2, current)) != FCC_OK)
        return st;
    id = lib_text(current[0] ? current[0] : current[1], "id");
    return lib_read(call, CONSENT_EMERGENCY, lib_key(call, "BTG", id, NULL, NULL), &q->emergency);
}

/* ---- the question ---- */

static fcc_status read_actor(lib_call *call, struct consent_question *q)
{
    static const lib_field fields[] = {
        { .name = "pid", .type = LIB_PID, .optional = true },
        { .name = "uid", .type = LIB_ID, .optional = true },
        { .name = "role", .type = LIB_ID, .optional = true },
        { .name = "site", .type = LIB_ID, .optional = true },
        { .name = "msp", .type = LIB_ID },
        { .name = "caseId", .type = LIB_ID, .optional = true },
    };
    const json_t *actor = lib_arg(call, "actor");
    fcc_status st = lib_check_fields(call, actor, fields, sizeof(fields) / sizeof(fields[0]), "actor.");

    if (st != FCC_OK)
        return st;
    q->actor = (struct consent_actor){
        .pid = lib_text(actor, "pid"),
        .uid = lib_text(actor, "uid"),
        .role = lib_text(actor, "role"),
        .site = lib_text(actor, "site"),
        .msp = lib_text(actor, "msp"),
        .case_id = lib_text(actor, "caseId"),
    };
    if (q->actor.pid ? q->actor.uid != NULL : !q->actor.uid || !q->actor.role || !q->actor.site)
        return lib_refuse(call, LIB_BAD_INPUT, "actor is neither a patient nor a member of staff");
    return FCC_OK;
}

fcc_status consent_read_patient(lib_call *call, struct consent_question *q)
{
    struct registry_patient patient = { 0 };
    fcc_status st = registry_patient(call, q->asked_pid, &patient, &q->patient_known);

    q->pid = st == FCC_OK && q->patient_known ? patient.pid : q->asked_pid;
    q->patient_deceased = q->patient_known && patient.deceased;
    q->now = call->now;
    return st;
}

static bool in_emergency(const struct consent_question *q)
{
    return strcmp(q->purpose, emergency_purpose) == 0;
}

static fcc_status read_question(lib_call *call, struct consent_question *q)
{
    fcc_status st;

    q->asked_pid = lib_arg_text(call, "pid");
    q->purpose = lib_arg_text(call, "purpose");
    q->op = lib_arg_text(call, "op");
    if ((st = read_actor(call, q)) != FCC_OK || (st = consent_read_patient(call, q)) != FCC_OK)
        return st;
    if (q->actor.pid && (st = registry_guardian(call, q->pid, q->actor.pid, "records", &q->guardian)) != FCC_OK)
        return st;
    return in_emergency(q) ? read_emergency(call, q) : read_consent(call, q);
}

static fcc_status consent_evaluate(lib_call *call)
{
    struct consent_question question = { 0 };
    const json_t *attrs = lib_arg(call, "attrs");
    json_t *decisions = lib_own(call, json_array());
    fcc_status st;

    if (!decisions)
        return FCC_ERR_NOMEM;
    if ((st = read_question(call, &question)) != FCC_OK)
        return st;
    for (size_t i = 0; i < json_array_size(attrs); i++) {
        const json_t *one = json_array_get(attrs, i);
        struct consent_decision decision;

        if ((st = consent_check_attrs(call, one)) != FCC_OK)
            return st;
        decision = in_emergency(&question) ? consent_decide_emergency(&question, one) : consent_decide(&question, one);
        if (json_array_append_new(decisions,
                                  json_pack("{s:b,s:s}", "permit", decision.permit, "reason", decision.reason)) != 0)
            return FCC_ERR_NOMEM;
    }
    return lib_answer(call, json_incref(decisions));
}
