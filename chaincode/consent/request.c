/* request.c: a doctor who is assigned to a patient asks for consent, and the patient's answer. */
#include "consent/parts.h"

#include <stdio.h>

enum { max_scope_ids = 200 };

static const char *const answers[] = { "grant", "refuse", NULL };
static const lib_field ask_fields[] = {
    CONSENT_ID,
    CONSENT_PID,
    { .name = "purpose", .type = LIB_WORD, .words = lib_purposes },
    { .name = "scope", .type = LIB_OBJECT },
    CONSENT_SALT,
};
static const lib_field answer_fields[] = {
    CONSENT_ID,
    { .name = "pid", .type = LIB_PID, .optional = true },
    { .name = "answer", .type = LIB_WORD, .words = answers },
    { .name = "rules", .type = LIB_ARRAY, .optional = true, .min = 1, .max = CONSENT_MAX_RULES },
    CONSENT_SALT,
};
static const lib_field list_fields[] = { CONSENT_PID, CONSENT_PAGE_TOKEN };

LIB_DEFINE(consent_request, .flags = LIB_WRITES, .roles = LIB_DOCTOR, .in = LIB_IN_REQUIRED, LIB_FIELDS(ask_fields),
           .callers = "doctor assigned to the patient", .reads = "who ASG; subject CREQ; ACT", .writes = "subject CREQ",
           .endorsers = "CC", .answer = "`{id}`")
LIB_DEFINE(consent_answer, .flags = LIB_WRITES, .roles = LIB_EVERY_ROLE, .in = LIB_IN_REQUIRED,
           LIB_FIELDS(answer_fields), .callers = "owner", .reads = "subject CREQ, CBASE, CONS; ACT",
           .writes = "subject CREQ, CONS; ACT of both", .endorsers = "CC",
           .answer = "`{id,v}` of the grant's act, or of the request's")
LIB_DEFINE(consent_list_requests, .roles = LIB_EVERY_ROLE, .in = LIB_IN_REQUIRED, LIB_FIELDS(list_fields),
           .callers = "owner, privacy_officer", .reads = "subject CREQ", .answer = "`{requests,next?}`")

/* What a request asks for, as in ehr's RequestAccess: categories, an encounter, or records. */
static fcc_status check_scope(lib_call *call)
{
    static const lib_field one_of[] = {
        { .name = "categories", .type = LIB_WORDS, .optional = true, .min = 1, .max = 32, .words = lib_categories },
        { .name = "encId", .type = LIB_ID, .optional = true },
        { .name = "recIds", .type = LIB_IDS, .optional = true, .min = 1, .max = max_scope_ids },
    };
    fcc_status st = lib_check_fields(call, lib_in(call, "scope"), one_of, 3, "scope.");

    if (st == FCC_OK && json_object_size(lib_in(call, "scope")) != 1)
        st = lib_refuse(call, LIB_BAD_INPUT, "scope has one of categories, encId, recIds");
    return st;
}

static fcc_status consent_request(lib_call *call)
{
    const char *id = lib_in_text(call, "id"), *pid = lib_in_text(call, "pid");
    struct registry_patient patient = { 0 };
    const json_t *old = NULL, *act = NULL;
    json_t *record;
    bool found = false, assigned = false;
    fcc_status st;

    if ((st = check_scope(call)) != FCC_OK || (st = registry_patient(call, pid, &patient, &found)) != FCC_OK)
        return st;
    if (found) {
        pid = patient.pid;
        if ((st = registry_assigned(call, pid, call->caller.uid, &assigned)) != FCC_OK)
            return st;
    }
    /* the same for a patient who does not exist: an assignment is what lets a doctor know */
    if (!assigned)
        return lib_deny(call, "not_assigned", "the doctor is not assigned to this patient");
    if (patient.deceased)
        return lib_refuse(call, LIB_PRECONDITION, "the patient's registration has ended");
    if ((st = lib_read(call, CONSENT_SUBJECT, lib_key(call, "CREQ", pid, id, NULL), &old)) != FCC_OK ||
        (st = lib_read(call, NULL, lib_key(call, "ACT", id, NULL, NULL), &act)) != FCC_OK)
        return st;
    /* the answer becomes the act of this id: it must not be another's */
    if (old || act)
        return lib_refuse(call, LIB_ALREADY, "id was used before");
    record = lib_own(call, json_copy((json_t *)call->in));
    if (!record || json_object_update_new(record, json_pack("{s:i,s:i,s:s,s:s,s:s,s:s,s:s}", "fmt", 1, "v", 1, "pid",
                                                            pid, "uid", call->caller.uid, "site", call->caller.site,
                                                            "at", lib_time(call, call->now), "status", "open")) != 0)
        return FCC_ERR_NOMEM;
    if ((st = lib_write_version(call, CONSENT_SUBJECT, "CREQ", pid, id, record)) != FCC_OK)
        return st;
    return lib_answer(call, json_pack("{s:s}", "id", id));
}

/* The next version of the request, with its act. */
static fcc_status write_answer(lib_call *call, const char *pid, const json_t *request, const char *status)
{
    const char *id = lib_text(request, "id");
    json_t *record = lib_own(call, json_copy((json_t *)request));
    const json_t *act = NULL;
    fcc_status st = lib_read(call, NULL, lib_key(call, "ACT", id, NULL, NULL), &act);

    if (st != FCC_OK)
        return st;
    if (act)
        return lib_refuse(call, LIB_CONFLICT, "another act took this id");
    if (!record || json_object_update_new(record, json_pack("{s:s,s:I,s:s,s:s}", "status", status, "v",
                                                            json_integer_value(json_object_get(request, "v")) + 1,
                                                            "salt", lib_in_text(call, "salt"), "answeredAt",
                                                            lib_time(call, call->now))) != 0)
        return FCC_ERR_NOMEM;
    return lib_write_record(call, CONSENT_SUBJECT, "CREQ", pid, id, record, "request", id, status);
}

static fcc_status consent_answer(lib_call *call)
{
    const char *id = lib_in_text(call, "id"), *pid = lib_in_text(call, "pid"), *uid;
    bool yes = strcmp(lib_in_text(call, "answer"), answers[0]) == 0;
    struct registry_patient patient = { 0 };
    const json_t *request = NULL, *base = NULL, *old = NULL;
    char grantee[80];
    fcc_status st;

    if (yes != (lib_in(call, "rules") != NULL))
        return lib_refuse(call, LIB_BAD_INPUT, "rules belong to the answer grant, and only to it");
    if (!pid)
        pid = call->caller.pid ? call->caller.pid : ""; /* staff are no patient's owner */
    if ((st = consent_require_owner(call, &pid, &patient)) != FCC_OK ||
        (st = consent_check_rules(call, false)) != FCC_OK ||
        (st = lib_read(call, CONSENT_SUBJECT, lib_key(call, "CREQ", pid, id, NULL), &request)) != FCC_OK)
        return st;
    if (!request)
        return lib_refuse(call, LIB_NOT_FOUND, "there is no such request");
    if (!lib_text_is(request, "status", "open"))
        return lib_refuse(call, LIB_ALREADY, "the request was answered");
    uid = lib_text(request, "uid");
    snprintf(grantee, sizeof(grantee), "u:%s", uid ? uid : "");
    if ((st = consent_read(call, pid, grantee, &base, &old)) != FCC_OK ||
        (st = write_answer(call, pid, request, yes ? "granted" : "refused")) != FCC_OK)
        return st;
    if (yes)
        return consent_write(call, &(struct consent_change){ .pid = pid,
                                                             .grantee = lib_string(call, fcc_str(grantee)),
                                                             .old = old,
                                                             .status = "active",
                                                             .rules = lib_in(call, "rules"),
                                                             .epoch = consent_epoch(base) });
    st = lib_event(call, "ConsentChanged", json_pack("{s:s,s:i}", "id", id, "v", 2));
    return st == FCC_OK ? lib_answer(call, json_pack("{s:s,s:i}", "id", id, "v", 2)) : st;
}

static fcc_status consent_list_requests(lib_call *call)
{
    const char *pid = lib_in_text(call, "pid"), *next = NULL;
    json_t *requests = lib_own(call, json_array());
    fcc_status st;

    if ((st = consent_require_reader(call, &pid)) != FCC_OK ||
        (st = consent_page(call, CONSENT_SUBJECT, "CREQ", pid, lib_in_text(call, "page"), requests, &next)) != FCC_OK)
        return st;
    return lib_answer(call, json_pack("{s:O,s:s*}", "requests", requests, "next", next));
}
