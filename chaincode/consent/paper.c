/*
 * paper.c: consent on paper, for a patient without a bound key. One registrar enters what the signed form says, another
 * countersigns within a day; then it holds. Taking consent away needs one registrar only.
 */
#include "consent/parts.h"
#include "lib/pending.h"

static const lib_field base_for_fields[] = { CONSENT_ID,       CONSENT_PID,      CONSENT_RULES(0), CONSENT_BTG,
                                             CONSENT_BTG_SENS, CONSENT_EVIDENCE, CONSENT_SALT };
static const lib_field grant_for_fields[] = { CONSENT_ID,       CONSENT_PID,      CONSENT_GRANTEE,
                                              CONSENT_RULES(1), CONSENT_EVIDENCE, CONSENT_SALT };
static const lib_field revoke_for_fields[] = { CONSENT_PID, CONSENT_GRANTEE, CONSENT_EVIDENCE, CONSENT_SALT };
static const lib_field countersign_fields[] = { CONSENT_ID, CONSENT_SALT };
static const lib_field pending_fields[] = { CONSENT_ID };

LIB_DEFINE(consent_set_base_for, .flags = LIB_WRITES, .roles = LIB_REGISTRAR, .in = LIB_IN_REQUIRED,
           LIB_FIELDS(base_for_fields), .callers = "registrar, not the grantee; patient without a bound key",
           .reads = "subject CBASE, PEND", .writes = "subject PEND", .endorsers = "CC", .answer = "`{id,until}`")
LIB_DEFINE(consent_grant_for, .flags = LIB_WRITES, .roles = LIB_REGISTRAR, .in = LIB_IN_REQUIRED,
           LIB_FIELDS(grant_for_fields), .callers = "registrar, not the grantee; patient without a bound key",
           .reads = "subject CBASE, CONS, PEND; PROLE or ORG", .writes = "subject PEND", .endorsers = "CC",
           .answer = "`{id,until}`")
LIB_DEFINE(consent_revoke_for, .flags = LIB_WRITES, .roles = LIB_REGISTRAR, .in = LIB_IN_REQUIRED,
           LIB_FIELDS(revoke_for_fields), .callers = "registrar, alone; patient without a bound key",
           .reads = "subject CONS", .writes = "subject CONS; ACT", .endorsers = "CC", .answer = "`{id,v}` of the act")
LIB_DEFINE(consent_countersign, .flags = LIB_WRITES, .roles = LIB_REGISTRAR, .in = LIB_IN_REQUIRED,
           LIB_FIELDS(countersign_fields), .callers = "a second registrar, not the grantee",
           .reads = "subject PEND, CBASE, CONS", .writes = "subject PEND, CBASE or CONS; ACT", .endorsers = "CC",
           .answer = "`{id,v}` of the act")
LIB_DEFINE(consent_get_pending, .roles = LIB_REGISTRAR, .in = LIB_IN_REQUIRED, LIB_FIELDS(pending_fields),
           .reads = "subject PEND", .answer = "what waits to be countersigned")

/* The patient lives and has no key: who has one decides alone. */
static fcc_status require_keyless(lib_call *call, const char **pid, struct registry_patient *patient)
{
    fcc_status st = lib_patient(call, pid, patient);

    if (st != FCC_OK)
        return st;
    if (patient->deceased || !(patient->active || patient->provisional))
        return lib_refuse(call, LIB_PRECONDITION, "the patient's registration has ended");
    if (patient->has_key)
        return lib_refuse(call, LIB_PRECONDITION, "the patient has a key and decides alone");
    return FCC_OK;
}

/* Nobody enters or countersigns a grant to oneself, as a person or as everybody with one of one's own jobs. */
static fcc_status require_other(lib_call *call, const char *grantee)
{
    const char *at = grantee && grantee[0] == 'r' ? strchr(grantee, '@') : NULL, *role;
    bool own = grantee && grantee[0] == 'u' && strcmp(grantee + 2, call->caller.uid) == 0;
    fcc_status st;

    if (at) {
        role = lib_string(call, fcc_bytes_of(grantee + 2, (size_t)(at - (grantee + 2))));
        if (!role)
            return FCC_ERR_NOMEM;
        if ((st = registry_has_role(call, call->caller.uid, at + 1, role, &own)) != FCC_OK)
            return st;
    }
    return own ? lib_deny(call, "self", "a registrar has no part in a grant to themself") : FCC_OK;
}

static fcc_status require_others(lib_call *call, const char *grantee, const json_t *rules)
{
    fcc_status st = require_other(call, grantee);

    for (size_t i = 0; st == FCC_OK && i < json_array_size(rules); i++)
        st = require_other(call, lib_text(json_array_get(rules, i), "actor"));
    return st;
}

static fcc_status check_forbid(lib_call *call, const struct registry_patient *patient, const char *btg)
{
    if (btg && strcmp(btg, "forbid") == 0 && patient->minor)
        return lib_deny(call, "minor", "a guardian can't forbid emergency access to a minor's data");
    return FCC_OK;
}

/* ---- the first registrar ---- */

/* What the form says waits under PEND~id. */
static fcc_status begin(lib_call *call, const char *kind, const char *pid)
{
    const char *id = lib_in_text(call, "id");
    json_t *body = json_copy((json_t *)call->in);
    fcc_status st;

    if (!body || json_object_del(body, "id") != 0 || json_object_set_new(body, "pid", json_string(pid)) != 0) {
        json_decref(body);
        return FCC_ERR_NOMEM;
    }
    if ((st = lib_pending_begin(call, CONSENT_SUBJECT, id, kind, body)) != FCC_OK)
        return st;
    return lib_answer(call, json_pack("{s:s,s:s}", "id", id, "until", lib_time(call, call->now + LIB_PENDING_SECONDS)));
}

static fcc_status consent_set_base_for(lib_call *call)
{
    const char *pid = lib_in_text(call, "pid");
    struct registry_patient patient = { 0 };
    const json_t *base = NULL;
    fcc_status st;

    if ((st = require_keyless(call, &pid, &patient)) != FCC_OK || (st = consent_check_rules(call, true)) != FCC_OK ||
        (st = require_others(call, NULL, lib_in(call, "rules"))) != FCC_OK ||
        (st = check_forbid(call, &patient, lib_in_text(call, "btg"))) != FCC_OK ||
        (st = consent_read(call, pid, NULL, &base, NULL)) != FCC_OK)
        return st;
    return begin(call, "base", pid);
}

static fcc_status consent_grant_for(lib_call *call)
{
    const char *pid = lib_in_text(call, "pid"), *grantee = lib_in_text(call, "grantee");
    struct registry_patient patient = { 0 };
    const json_t *base = NULL, *old = NULL;
    fcc_status st;

    if ((st = require_keyless(call, &pid, &patient)) != FCC_OK || (st = consent_check_rules(call, false)) != FCC_OK ||
        (st = consent_check_grantee(call, pid, grantee)) != FCC_OK ||
        (st = require_others(call, grantee, NULL)) != FCC_OK ||
        (st = consent_read(call, pid, grantee, &base, &old)) != FCC_OK)
        return st;
    return begin(call, "grant", pid);
}

/* ---- the second ---- */

/* What the second signs is what the first entered: it can be read before. */
static fcc_status consent_get_pending(lib_call *call)
{
    const json_t *pending = NULL;
    fcc_status st = lib_read(call, CONSENT_SUBJECT, lib_key(call, "PEND", lib_in_text(call, "id"), NULL, NULL),
                             &pending);

    if (st != FCC_OK)
        return st;
    if (!pending)
        return lib_refuse(call, LIB_NOT_FOUND, "nothing with this id waits for a second signature");
    return lib_answer(call, json_incref((json_t *)pending));
}

/* The form's digest and who stands for it. */
static json_t *source_of(const json_t *evidence, const char *first, const char *second)
{
    return json_pack("{s:[s,s*],s:O}", "by", first, second, "evidenceHash", evidence);
}

static fcc_status consent_countersign(lib_call *call)
{
    struct registry_patient patient = { 0 };
    struct lib_pending pending = { 0 };
    const json_t *base = NULL, *old = NULL, *rules, *source;
    const char *pid, *grantee, *btg;
    fcc_status st = lib_pending_take(call, CONSENT_SUBJECT, lib_in_text(call, "id"), &pending);

    if (st != FCC_OK)
        return st;
    pid = lib_text(pending.body, "pid");
    grantee = lib_text(pending.body, "grantee");
    btg = lib_text(pending.body, "btg");
    rules = json_object_get(pending.body, "rules");
    source = lib_own(call, source_of(json_object_get(pending.body, "evidenceHash"), pending.by, call->caller.uid));
    if (!source)
        return FCC_ERR_NOMEM;
    if ((st = require_keyless(call, &pid, &patient)) != FCC_OK ||
        (st = require_others(call, grantee, rules)) != FCC_OK || (st = check_forbid(call, &patient, btg)) != FCC_OK ||
        (st = consent_read(call, pid, grantee, &base, &old)) != FCC_OK ||
        (st = lib_pending_done(call, CONSENT_SUBJECT, &pending)) != FCC_OK)
        return st;
    return consent_write(call, &(struct consent_change){ .pid = pid,
                                                         .grantee = grantee,
                                                         .old = grantee ? old : base,
                                                         .status = "active",
                                                         .rules = rules,
                                                         .btg = btg,
                                                         .btg_max_sens = lib_text(pending.body, "btgMaxSens"),
                                                         .epoch = consent_epoch(base),
                                                         .source = source });
}

static fcc_status consent_revoke_for(lib_call *call)
{
    const char *pid = lib_in_text(call, "pid");
    struct registry_patient patient = { 0 };
    const json_t *source = lib_own(call, source_of(lib_in(call, "evidenceHash"), call->caller.uid, NULL));
    fcc_status st;

    if (!source)
        return FCC_ERR_NOMEM;
    if ((st = require_keyless(call, &pid, &patient)) != FCC_OK)
        return st;
    return consent_withdraw(call, pid, lib_in_text(call, "grantee"), source);
}
