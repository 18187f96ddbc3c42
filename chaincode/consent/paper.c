/*
 * paper.c: consent on paper, for a patient without a bound key. One registrar enters what the signed form says, another
 * countersigns within a day; then it holds. Taking consent away needs one registrar only.
 */
#include "consent/parts.h"

#include <stdio.h>

static const char *const kinds[] = { "base", "grant", NULL };

static const lib_field base_for_fields[] = { CONSENT_ID,       CONSENT_PID,      CONSENT_RULES(0), CONSENT_BTG,
                                             CONSENT_BTG_SENS, CONSENT_EVIDENCE, CONSENT_SALT };
static const lib_field grant_for_fields[] = { CONSENT_ID,       CONSENT_PID,      CONSENT_GRANTEE,
                                              CONSENT_RULES(1), CONSENT_EVIDENCE, CONSENT_SALT };
static const lib_field revoke_for_fields[] = { CONSENT_PID, CONSENT_GRANTEE, CONSENT_EVIDENCE, CONSENT_SALT };
static const lib_field countersign_fields[] = { CONSENT_ID, CONSENT_SALT };
static const lib_field pending_fields[] = { CONSENT_ID };

LIB_PART(set_base_for, .flags = LIB_WRITES, .roles = LIB_REGISTRAR, .in = LIB_IN_REQUIRED, LIB_FIELDS(base_for_fields))
LIB_PART(grant_for, .flags = LIB_WRITES, .roles = LIB_REGISTRAR, .in = LIB_IN_REQUIRED, LIB_FIELDS(grant_for_fields))
LIB_PART(revoke_for, .flags = LIB_WRITES, .roles = LIB_REGISTRAR, .in = LIB_IN_REQUIRED, LIB_FIELDS(revoke_for_fields))
LIB_PART(countersign, .flags = LIB_WRITES, .roles = LIB_REGISTRAR, .in = LIB_IN_REQUIRED,
         LIB_FIELDS(countersign_fields))
LIB_PART(get_pending, .roles = LIB_REGISTRAR, .in = LIB_IN_REQUIRED, LIB_FIELDS(pending_fields))

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

/* Nobody enters or countersigns a grant to oneself, as a person or as everybody with one's own job. */
static fcc_status require_other(lib_call *call, const char *grantee)
{
    const lib_caller *caller = &call->caller;
    char person[80], job[160];

    snprintf(person, sizeof(person), "u:%s", caller->uid);
    snprintf(job, sizeof(job), "r:%s@%s", caller->role_name, caller->site);
    if (grantee && (strcmp(grantee, person) == 0 || strcmp(grantee, job) == 0))
        return lib_deny(call, "self", "a registrar has no part in a grant to themself");
    return FCC_OK;
}

static fcc_status require_others(lib_call *call, const char *grantee, const json_t *rules)
{
    fcc_status st = require_other(call, grantee);

    for (size_t i = 0; st == FCC_OK && i < json_array_size(rules); i++)
        st = require_other(call, consent_text(json_array_get(rules, i), "actor"));
    return st;
}

static fcc_status check_forbid(lib_call *call, const struct registry_patient *patient, const char *btg)
{
    if (btg && strcmp(btg, "forbid") == 0 && patient->minor)
        return lib_deny(call, "minor", "a guardian can't forbid emergency access to a minor's data");
    return FCC_OK;
}

/* ---- the first registrar ---- */

/* Keep what the form says under PEND~id. */
static fcc_status write_pending(lib_call *call, const char *kind, const char *pid)
{
    const char *id = lib_in_text(call, "id");
    const json_t *old = NULL;
    json_t *record;
    fcc_status st = lib_read(call, CONSENT_SUBJECT, lib_key(call, "PEND", id, NULL, NULL), &old);

    if (st != FCC_OK)
        return st;
    if (old)
        return lib_refuse(call, LIB_ALREADY, "id was used before");
    record = lib_own(call, json_copy((json_t *)call->in));
    if (!record || json_object_update_new(record, json_pack("{s:i,s:i,s:s,s:s,s:s,s:s,s:s,s:s}", "fmt", 1, "v", 1,
                                                            "kind", kind, "pid", pid, "status", "pending", "by",
                                                            call->caller.uid, "at", lib_time(call, call->now), "until",
                                                            lib_time(call, call->now + CONSENT_PENDING_SECONDS))) != 0)
        return FCC_ERR_NOMEM;
    if ((st = lib_write_version(call, CONSENT_SUBJECT, "PEND", id, NULL, record)) != FCC_OK)
        return st;
    return lib_answer(call, json_pack("{s:s,s:O}", "id", id, "until", json_object_get(record, "until")));
}

static fcc_status set_base_for(lib_call *call)
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
    return write_pending(call, kinds[0], pid);
}

static fcc_status grant_for(lib_call *call)
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
    return write_pending(call, kinds[1], pid);
}

/* ---- the second ---- */

static fcc_status read_pending(lib_call *call, const json_t **pending)
{
    fcc_status st = lib_read(call, CONSENT_SUBJECT, lib_key(call, "PEND", lib_in_text(call, "id"), NULL, NULL),
                             pending);

    if (st != FCC_OK)
        return st;
    return *pending ? FCC_OK : lib_refuse(call, LIB_NOT_FOUND, "nothing with this id waits to be countersigned");
}

/* What the second signs is what the first entered: it can be read before. */
static fcc_status get_pending(lib_call *call)
{
    const json_t *pending = NULL;
    fcc_status st = read_pending(call, &pending);

    return st == FCC_OK ? lib_answer(call, json_incref((json_t *)pending)) : st;
}

static fcc_status require_live(lib_call *call, const json_t *pending)
{
    const char *until = consent_text(pending, "until");
    int64_t end = 0;

    if (!consent_is(pending, "status", "pending"))
        return lib_refuse(call, LIB_ALREADY, "this was countersigned");
    if (consent_is(pending, "by", call->caller.uid))
        return lib_deny(call, "self", "another registrar than the first has to countersign");
    if (!until || !lib_time_parse(until, &end) || call->now > end)
        return lib_refuse(call, LIB_GONE, "nobody countersigned this within a day");
    return FCC_OK;
}

/* The form's digest and who stands for it. */
static json_t *source_of(const json_t *evidence, const char *first, const char *second)
{
    return json_pack("{s:[s,s*],s:O}", "by", first, second, "evidenceHash", evidence);
}

static fcc_status close_pending(lib_call *call, const json_t *pending)
{
    const char *id = consent_text(pending, "id");
    json_t *record = lib_own(call, json_copy((json_t *)pending));

    if (!record ||
        json_object_update_new(record, json_pack("{s:s,s:I,s:s,s:s,s:s}", "status", "done", "v",
                                                 json_integer_value(json_object_get(pending, "v")) + 1, "salt",
                                                 lib_in_text(call, "salt"), "countersigned", call->caller.uid, "doneAt",
                                                 lib_time(call, call->now))) != 0)
        return FCC_ERR_NOMEM;
    return lib_write_version(call, CONSENT_SUBJECT, "PEND", id, NULL, record);
}

static fcc_status countersign(lib_call *call)
{
    struct registry_patient patient = { 0 };
    const json_t *pending = NULL, *base = NULL, *old = NULL, *rules, *source;
    const char *pid, *grantee, *btg;
    fcc_status st;

    if ((st = read_pending(call, &pending)) != FCC_OK || (st = require_live(call, pending)) != FCC_OK)
        return st;
    pid = consent_text(pending, "pid");
    grantee = consent_text(pending, "grantee");
    btg = consent_text(pending, "btg");
    rules = json_object_get(pending, "rules");
    source = lib_own(
        call, source_of(json_object_get(pending, "evidenceHash"), consent_text(pending, "by"), call->caller.uid));
    if (!source)
        return FCC_ERR_NOMEM;
    if ((st = require_keyless(call, &pid, &patient)) != FCC_OK ||
        (st = require_others(call, grantee, rules)) != FCC_OK || (st = check_forbid(call, &patient, btg)) != FCC_OK ||
        (st = consent_read(call, pid, grantee, &base, &old)) != FCC_OK || (st = close_pending(call, pending)) != FCC_OK)
        return st;
    return consent_write(call, &(struct consent_change){ .pid = pid,
                                                         .grantee = grantee,
                                                         .old = grantee ? old : base,
                                                         .status = "active",
                                                         .rules = rules,
                                                         .btg = btg,
                                                         .btg_max_sens = consent_text(pending, "btgMaxSens"),
                                                         .epoch = consent_epoch(base),
                                                         .source = source });
}

static fcc_status revoke_for(lib_call *call)
{
    const char *pid = lib_in_text(call, "pid");
    struct registry_patient patient = { 0 };
    const json_t *source = lib_own(call, source_of(lib_in(call, "evidenceHash"), call->caller.uid, NULL));
    fcc_status st;

    if (!source)
        return FCC_ERR_NOMEM;
    if ((st = require_keyless(call, &pid, &patient)) != FCC_OK)
        return st;
    return consent_revoke(call, pid, lib_in_text(call, "grantee"), source);
}
