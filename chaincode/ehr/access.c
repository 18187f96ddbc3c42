/*
 * access.c: asking for access. A request is answered with its id and nothing else; the decision is kept in a collection
 * and readable once it is committed. Allow and deny read and write the same keys in the same order, and the value holds
 * a MAC of the transaction's id, so an answer that was never committed tells nobody what it would have been.
 *
 * No public write: what is asked for in an emergency needs one organisation's peers only.
 */
#include "ehr/parts.h"

#define SCOPE                               \
    {                                       \
        .name = "scope", .type = LIB_OBJECT \
    }

static const lib_field request_fields[] = {
    { .name = "reqId", .type = LIB_ID },
    EHR_PID,
    { .name = "purpose", .type = LIB_WORD, .words = lib_purposes },
    SCOPE,
};
static const lib_field emergency_fields[] = {
    { .name = "reqId", .type = LIB_ID },
    EHR_PID,
    { .name = "caseId", .type = LIB_ID },
    SCOPE,
};

LIB_DEFINE(ehr_request_access, .flags = LIB_WRITES, .roles = EHR_REQUESTERS, .in = LIB_IN_REQUIRED,
           LIB_FIELDS(request_fields), .callers = "doctor, nurse, labtech, pharmacist, privacy_officer, owner",
           .reads = "consent subject; subject SALT, ENC or REC and its ENC, of the scope; audit ACC",
           .writes = "audit ACC, AUDIT, AUDACT; **no public write**", .endorsers = "CC",
           .answer = "`{\"auditId\"}` always")
LIB_DEFINE(ehr_emergency_access, .flags = LIB_WRITES, .roles = LIB_DOCTOR, .in = LIB_IN_REQUIRED,
           LIB_FIELDS(emergency_fields),
           .reads = "consent emergency, subject; subject SALT, ENC or REC and its ENC, of the scope; emergency ACC",
           .writes = "emergency ACC, AUDIT, AUDACT; **no public write**", .endorsers = "1",
           .answer = "`{\"auditId\"}` always")

static fcc_status check_scope(lib_call *call, const json_t *scope)
{
    static const lib_field one_of[] = {
        { .name = "categories", .type = LIB_WORDS, .optional = true, .min = 1, .max = 32, .words = lib_categories },
        { .name = "encId", .type = LIB_ID, .optional = true },
        { .name = "recIds", .type = LIB_IDS, .optional = true, .min = 1, .max = EHR_MAX_IDS },
    };
    fcc_status st = lib_check_fields(call, scope, one_of, 3, "scope.");

    if (st == FCC_OK && json_object_size(scope) != 1)
        st = lib_refuse(call, LIB_BAD_INPUT, "scope has one of categories, encId, recIds");
    return st;
}

/* Where the patient's trail is: an unknown pid has one as well. */
static fcc_status trail_of(lib_call *call, const char *pid, const char **out)
{
    struct registry_patient patient = { 0 };
    bool found = false;
    fcc_status st = registry_patient(call, pid, &patient, &found);

    *out = found ? patient.pid : pid;
    return st;
}

/* Judge the request of T, keep it and answer its id; `case_id` is NULL outside of emergencies. */
static fcc_status ask(lib_call *call, const char *collection, const char *purpose, const char *case_id)
{
    const lib_caller *caller = &call->caller;
    const char *id = lib_in_text(call, "reqId"), *uid = caller->uid ? caller->uid : caller->pid, *salt, *reason, *trail;
    struct ehr_asking asking = { .pid = lib_in_text(call, "pid"),
                                 .purpose = purpose,
                                 .scope = lib_in(call, "scope"),
                                 .actor = ehr_actor(call, uid, caller->role_name, caller->site, caller->msp, case_id) };
    char mac[2 * LIB_SHA256_LEN + 1], rev[LIB_EPOCH_SIZE];
    fcc_bytes key = lib_key(call, "ACC", id, NULL, NULL);
    const json_t *old = NULL;
    bool allow = false;
    fcc_status st;

    if (!asking.actor)
        return FCC_ERR_NOMEM;
    if ((st = check_scope(call, asking.scope)) != FCC_OK || (st = ehr_salt(call, &salt)) != FCC_OK ||
        (st = trail_of(call, asking.pid, &trail)) != FCC_OK ||
        (st = ehr_judge_scope(call, &asking, &allow, &reason)) != FCC_OK ||
        (st = lib_read(call, collection, key, &old)) != FCC_OK)
        return st;
    if (old)
        return lib_refuse(call, LIB_ALREADY, "reqId was used before");
    if ((st = lib_hmac(salt, fcc_tx_id(call->stub), mac)) != FCC_OK)
        return st;
    lib_rev_epoch(call->now, rev);
    st = lib_write(call, collection, key,
                   json_pack("{s:i,s:s,s:s,s:s,s:s,s:s,s:s,s:s*,s:s,s:O,s:s,s:s,s:s,s:s,s:s,s:s*}", "fmt", 1, "auditId",
                             id, "pid", asking.pid, "uid", uid, "fp", caller->fp, "role", caller->role_name, "msp",
                             caller->msp, "site", caller->site, "purpose", purpose, "scope", asking.scope, "decision",
                             allow ? "allow" : "deny", "reason", reason, "at", lib_time(call, call->now), "until",
                             lib_time(call, call->now + EHR_GRANT_SECONDS), "mac", mac, "caseId", case_id));
    if (st != FCC_OK || (st = lib_write_mark(call, collection, lib_key(call, "AUDIT", trail, rev, id))) != FCC_OK ||
        (st = lib_write_mark(call, collection, lib_key(call, "AUDACT", uid, rev, id))) != FCC_OK ||
        (st = lib_event(call, "AccessRequested", json_pack("{s:s}", "auditId", id))) != FCC_OK)
        return st;
    return lib_answer(call, json_pack("{s:s}", "auditId", id));
}

static fcc_status ehr_request_access(lib_call *call)
{
    return ask(call, EHR_AUDIT, lib_in_text(call, "purpose"), NULL);
}

static fcc_status ehr_emergency_access(lib_call *call)
{
    return ask(call, EHR_EMERGENCY, "BTG", lib_in_text(call, "caseId"));
}
