/* evaluate.c: the question that sister chaincodes ask: may this actor do this, for this purpose, with these records? */
#include "consent/parts.h"

#include <stdio.h>

#include "consent/rules.h"
#include "lib/json.h"

static const char emergency_purpose[] = "BTG";
static const char *const sisters[] = { "ehr", "claims", "research", NULL };
static const char *const status_words[] = { "current", "superseded", "error", "restricted", "erased", NULL };
static const char *const enc_words[] = { "open", "closed", NULL };

LIB_PART(evaluate, .flags = LIB_INTERNAL, .in = LIB_IN_FOREIGN, .sisters = sisters)

fcc_status consent_json_arg(lib_call *call, size_t index, const json_t **out)
{
    const char *why = "";

    *out = lib_own(call, lib_json_load(call->args.v[index], &why));
    return *out ? FCC_OK : lib_refuse(call, LIB_BAD_INPUT, "argument %zu: %s", index + 1, why);
}

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
    id = consent_text(current[0] ? current[0] : current[1], "id");
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
    };
    const json_t *actor = NULL;
    fcc_status st;

    if ((st = consent_json_arg(call, 1, &actor)) != FCC_OK ||
        (st = lib_check_fields(call, actor, fields, 5, "actor.")) != FCC_OK)
        return st;
    q->actor = (struct consent_actor){
        .pid = consent_text(actor, "pid"),
        .uid = consent_text(actor, "uid"),
        .role = consent_text(actor, "role"),
        .site = consent_text(actor, "site"),
        .msp = consent_text(actor, "msp"),
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

static fcc_status read_question(lib_call *call, struct consent_question *q)
{
    static const char *const emergency_purposes[] = { emergency_purpose, NULL };
    lib_field fields[] = {
        { .name = "pid", .type = LIB_PID },
        { .name = "purpose", .type = LIB_WORD, .words = lib_purposes },
        { .name = "op", .type = LIB_WORD, .words = consent_op_words },
    };
    const json_t *act;
    fcc_status st;

    q->asked_pid = lib_string(call, call->args.v[0]);
    q->purpose = lib_string(call, call->args.v[2]);
    q->op = lib_string(call, call->args.v[3]);
    act = lib_own(call, json_pack("{s:s*,s:s*,s:s*}", "pid", q->asked_pid, "purpose", q->purpose, "op", q->op));
    if (q->purpose && strcmp(q->purpose, emergency_purpose) == 0)
        fields[1].words = emergency_purposes;
    if ((st = lib_check_fields(call, act, fields, 3, "")) != FCC_OK || (st = read_actor(call, q)) != FCC_OK ||
        (st = consent_read_patient(call, q)) != FCC_OK)
        return st;
    if (q->actor.pid && (st = registry_guardian(call, q->pid, q->actor.pid, "records", &q->guardian)) != FCC_OK)
        return st;
    return strcmp(q->purpose, emergency_purpose) == 0 ? read_emergency(call, q) : read_consent(call, q);
}

static fcc_status evaluate(lib_call *call)
{
    struct consent_question question = { 0 };
    const json_t *attrs = NULL;
    json_t *decisions = lib_own(call, json_array());
    bool emergency;
    fcc_status st;

    if (!decisions)
        return FCC_ERR_NOMEM;
    if ((st = read_question(call, &question)) != FCC_OK || (st = consent_json_arg(call, 4, &attrs)) != FCC_OK)
        return st;
    if (!json_is_array(attrs))
        return lib_refuse(call, LIB_BAD_INPUT, "argument 5 is not an array");
    emergency = strcmp(question.purpose, emergency_purpose) == 0;
    for (size_t i = 0; i < json_array_size(attrs); i++) {
        const json_t *one = json_array_get(attrs, i);
        struct consent_decision decision;

        if ((st = consent_check_attrs(call, one)) != FCC_OK)
            return st;
        decision = emergency ? consent_decide_emergency(&question, one) : consent_decide(&question, one);
        if (json_array_append_new(decisions,
                                  json_pack("{s:b,s:s}", "permit", decision.permit, "reason", decision.reason)) != 0)
            return FCC_ERR_NOMEM;
    }
    return lib_answer(call, json_incref(decisions));
}
