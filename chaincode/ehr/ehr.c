/*
 * ehr.c: the table of functions; encounters, and what is asked about public acts.
 *
 * An encounter is a contact of a patient with a site, opened and closed by a doctor; records are written inside one.
 */
#include "ehr/ehr.h"

#include "ehr/parts.h"
#include "lib/registry.h"

static const lib_field start_fields[] = {
    { .name = "encId", .type = LIB_ID },
    { .name = "pid", .type = LIB_PID },
    { .name = "appt", .type = LIB_ID, .optional = true },
    { .name = "salt", .type = LIB_HEX, .max = 32 },
};
static const lib_field close_fields[] = { { .name = "salt", .type = LIB_HEX, .max = 32 } };

LIB_FUNCTION(start_encounter, .flags = LIB_WRITES, .roles = LIB_DOCTOR, .in = LIB_IN_REQUIRED, LIB_FIELDS(start_fields))
LIB_FUNCTION(close_encounter, .flags = LIB_WRITES, .roles = LIB_DOCTOR, .in = LIB_IN_REQUIRED, LIB_FIELDS(close_fields))
LIB_FUNCTION(act_history, .roles = LIB_AUDITOR | LIB_PATIENT)
LIB_FUNCTION(verify_commit, .roles = LIB_EVERY_ROLE, .in = LIB_IN_REQUIRED, LIB_FIELDS(lib_verify_fields))

static const fcc_function functions[] = {
    { "Setup", setup_handler, 0 },
    { "SetCustodyKey", set_custody_key_handler, 1 }, /* pub */
    { "SetRetention", set_retention_handler, 3 },    /* gln, class, years */
    { "StartEncounter", start_encounter_handler, 0 },
    { "CloseEncounter", close_encounter_handler, 1 }, /* encId */
    { "AddRecords", add_records_handler, 0 },
    { "ImportRecords", import_records_handler, 0 },
    { "RequestAccess", request_access_handler, 0 },
    { "Decision", decision_handler, 1 },    /* auditId */
    { "ReadIndex", read_index_handler, 1 }, /* auditId */
    { "GetKey", get_key_handler, 2 },       /* auditId, recId */
    { "ListRecords", list_records_handler, 0 },
    { "VerifyCommit", verify_commit_handler, 1 }, /* id */
    { "ActHistory", act_history_handler, 1 },     /* id */
    { "AuditTrail", audit_trail_handler, 0 },
};

static fcc_status refuse(fcc_stub *stub, fcc_args args)
{
    return lib_unknown(stub, args, &ehr_chaincode);
}

const fcc_chaincode ehr_chaincode = {
    .functions = functions,
    .count = sizeof(functions) / sizeof(functions[0]),
    .refuse = refuse,
};

/* ---- shared ---- */

const char *ehr_text(const json_t *record, const char *name)
{
    return json_string_value(json_object_get(record, name));
}

int ehr_version(const json_t *record)
{
    return (int)json_integer_value(json_object_get(record, "v"));
}

fcc_status ehr_require_patient(lib_call *call, const char *pid)
{
    struct registry_patient patient = { 0 };
    bool found = false;
    fcc_status st = registry_patient(call, pid, &patient, &found);

    if (st != FCC_OK)
        return st;
    if (!found)
        return lib_refuse(call, LIB_NOT_FOUND, "the patient is not registered");
    return patient.active ? FCC_OK : lib_refuse(call, LIB_PRECONDITION, "the patient's registration has ended");
}

/* ---- functions ---- */

static fcc_status answer_act(lib_call *call, const char *event, const char *id, int v)
{
    fcc_status st = lib_event(call, event, json_pack("{s:s}", "id", id));

    return st == FCC_OK ? lib_answer(call, json_pack("{s:s,s:i}", "id", id, "v", v)) : st;
}

static fcc_status start_encounter(lib_call *call)
{
    const char *id = lib_in_text(call, "encId"), *pid = lib_in_text(call, "pid");
    const json_t *old = NULL, *act = NULL;
    char rev[LIB_EPOCH_SIZE];
    json_t *encounter;
    fcc_status st;

    if ((st = lib_require_licence(call)) != FCC_OK || (st = ehr_require_patient(call, pid)) != FCC_OK ||
        (st = lib_read(call, EHR_SUBJECT, lib_key(call, "ENC", id, NULL, NULL), &old)) != FCC_OK ||
        (st = lib_read(call, NULL, lib_key(call, "ACT", id, NULL, NULL), &act)) != FCC_OK)
        return st;
    if (old || act)
        return lib_refuse(call, LIB_ALREADY, "encId was used before");
    encounter = lib_own(call, json_pack("{s:i,s:i,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s*}", "fmt", 1, "v", 1, "encId", id,
                                        "pid", pid, "uid", call->caller.uid, "site", call->caller.site, "msp",
                                        call->caller.msp, "status", "open", "start", lib_time(call, call->now), "salt",
                                        lib_in_text(call, "salt"), "appt", lib_in_text(call, "appt")));
    if (!encounter)
        return FCC_ERR_NOMEM;
    lib_rev_epoch(call->now, rev);
    if ((st = lib_write_record(call, EHR_SUBJECT, "ENC", id, NULL, encounter, "encounter", id, "open")) != FCC_OK ||
        (st = lib_write_mark(call, EHR_SUBJECT, lib_key(call, "ENCP", pid, rev, id))) != FCC_OK)
        return st;
    return answer_act(call, "EncounterStarted", id, 1);
}

static fcc_status close_encounter(lib_call *call)
{
    const char *id = NULL, *uid, *status;
    const json_t *old = NULL;
    json_t *encounter;
    int v;
    fcc_status st;

    if ((st = lib_id_arg(call, 0, &id)) != FCC_OK ||
        (st = lib_read(call, EHR_SUBJECT, lib_key(call, "ENC", id, NULL, NULL), &old)) != FCC_OK)
        return st;
    if (!old)
        return lib_refuse(call, LIB_NOT_FOUND, "there is no such encounter");
    uid = ehr_text(old, "uid");
    if (!uid || strcmp(uid, call->caller.uid) != 0 || strcmp(ehr_text(old, "site"), call->caller.site) != 0)
        return lib_deny(call, "not_author", "another doctor opened the encounter");
    status = ehr_text(old, "status");
    if (!status || strcmp(status, "open") != 0)
        return lib_refuse(call, LIB_ALREADY, "the encounter is closed");
    v = ehr_version(old) + 1;
    encounter = lib_own(call, json_copy((json_t *)old));
    if (!encounter || json_object_set_new(encounter, "v", json_integer(v)) ||
        json_object_set_new(encounter, "status", json_string("closed")) ||
        json_object_set_new(encounter, "closed", json_string(lib_time(call, call->now))) ||
        json_object_set_new(encounter, "salt", json_string(lib_in_text(call, "salt"))))
        return FCC_ERR_NOMEM;
    st = lib_write_record(call, EHR_SUBJECT, "ENC", id, NULL, encounter, "encounter", id, "closed");
    return st == FCC_OK ? answer_act(call, "EncounterClosed", id, v) : st;
}

static fcc_status verify_commit(lib_call *call)
{
    return lib_verify_commit(call);
}

/* The patient asks for own encounters and records; the auditor for any act, also on a peer that keeps none of them. */
static fcc_status act_history(lib_call *call)
{
    const char *id = NULL, *pid = call->caller.pid, *owner;
    const json_t *encounter = NULL, *record = NULL;
    fcc_status st = lib_id_arg(call, 0, &id);

    if (st != FCC_OK)
        return st;
    if (pid) {
        if ((st = lib_read(call, EHR_SUBJECT, lib_key(call, "ENC", id, NULL, NULL), &encounter)) != FCC_OK ||
            (st = lib_read(call, EHR_SUBJECT, lib_key(call, "REC", pid, id, NULL), &record)) != FCC_OK)
            return st;
        owner = ehr_text(encounter, "pid");
        if (!record && !(owner && strcmp(owner, pid) == 0))
            return lib_deny(call, "not_owner", "none of the caller's acts has this id");
    }
    return lib_act_history(call, id);
}
