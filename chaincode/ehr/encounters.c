/*
 * encounters.c: contacts of a patient with a site, opened and closed by a doctor. Records are written, and tests
 * ordered, inside one; it is also what lets the site that treats read what it wrote.
 */
#include "ehr/parts.h"

static const lib_field start_fields[] = {
    { .name = "encId", .type = LIB_ID },
    EHR_PID,
    { .name = "appt", .type = LIB_ID, .optional = true },
    EHR_SALT,
};
static const lib_field close_fields[] = { EHR_SALT };
static const char *const check_sisters[] = { "prescriptions", "claims", NULL };
static const lib_field close_encounter_args[] = { { .name = "encId", .type = LIB_ID } };
static const lib_field check_encounter_args[] = { { .name = "encId", .type = LIB_ID },
                                                  EHR_PID,
                                                  { .name = "uid", .type = LIB_ID } };

LIB_DEFINE(ehr_start_encounter, .flags = LIB_WRITES, .roles = LIB_DOCTOR, .in = LIB_IN_REQUIRED,
           LIB_FIELDS(start_fields), .callers = "doctor with a valid licence", .reads = "subject ENC; ACT",
           .writes = "subject ENC, ENCP; ACT", .endorsers = "CC", .answer = "`{\"id\",\"v\"}`")
LIB_DEFINE(ehr_close_encounter, .flags = LIB_WRITES, .roles = LIB_DOCTOR, .in = LIB_IN_REQUIRED,
           LIB_FIELDS(close_fields), LIB_ARGS(close_encounter_args), .callers = "the same doctor",
           .reads = "subject ENC", .writes = "subject ENC; ACT", .endorsers = "CC", .answer = "`{\"id\",\"v\"}`")
LIB_DEFINE(ehr_check_encounter, .flags = LIB_INTERNAL, .in = LIB_IN_FOREIGN, .sisters = check_sisters,
           LIB_ARGS(check_encounter_args), .reads = "subject ENC", .endorsers = "CC",
           .answer = "`{\"closed\"?,\"site\",\"start\",\"status\"}`")

static fcc_status ehr_start_encounter(lib_call *call)
{
    const char *id = lib_in_text(call, "encId"), *pid = lib_in_text(call, "pid");
    const json_t *old = NULL, *act = NULL;
    char rev[LIB_EPOCH_SIZE];
    json_t *encounter;
    fcc_status st;

    if ((st = lib_require_licence(call)) != FCC_OK || (st = lib_require_patient(call, &pid)) != FCC_OK ||
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
    return lib_answer_act(call, "EncounterStarted", id, 1);
}

static fcc_status ehr_close_encounter(lib_call *call)
{
    const char *id = lib_arg_text(call, "encId");
    const json_t *old = NULL;
    json_t *encounter;
    fcc_status st = lib_read(call, EHR_SUBJECT, lib_key(call, "ENC", id, NULL, NULL), &old);

    if (st != FCC_OK)
        return st;
    if (!old)
        return lib_refuse(call, LIB_NOT_FOUND, "there is no such encounter");
    if (!lib_text_is(old, "uid", call->caller.uid) || !lib_text_is(old, "site", call->caller.site))
        return lib_deny(call, "not_author", "another doctor opened the encounter");
    if (!lib_text_is(old, "status", "open"))
        return lib_refuse(call, LIB_ALREADY, "the encounter is closed");
    encounter = lib_next(call, old, lib_in_text(call, "salt"));
    if (!encounter)
        return FCC_ERR_NOMEM;
    if ((st = lib_set(encounter, "status", "closed")) != FCC_OK ||
        (st = lib_set(encounter, "closed", lib_time(call, call->now))) != FCC_OK ||
        (st = lib_write_record(call, EHR_SUBJECT, "ENC", id, NULL, encounter, "encounter", id, "closed")) != FCC_OK)
        return st;
    return lib_answer_act(call, "EncounterClosed", id, lib_version(encounter));
}

/* For prescriptions and claims: the encounter is of this patient and doctor. Whether it must be open is theirs to say. */
static fcc_status ehr_check_encounter(lib_call *call)
{
    const char *id = lib_arg_text(call, "encId"), *pid = lib_arg_text(call, "pid"), *of;
    struct registry_patient patient = { 0 };
    const json_t *encounter = NULL;
    fcc_status st = lib_read(call, EHR_SUBJECT, lib_key(call, "ENC", id, NULL, NULL), &encounter);

    if (st != FCC_OK)
        return st;
    of = lib_text(encounter, "pid");
    if (!of)
        return lib_refuse(call, LIB_NOT_FOUND, "there is no such encounter");
    if ((st = lib_patient(call, &pid, &patient)) != FCC_OK || (st = lib_patient(call, &of, &patient)) != FCC_OK)
        return st;
    if (strcmp(of, pid) != 0 || !lib_text_is(encounter, "uid", lib_arg_text(call, "uid")))
        return lib_deny(call, "not_author", "the encounter is another patient's or another doctor's");
    return lib_answer(call, json_pack("{s:s,s:s,s:s,s:s*}", "site", lib_text(encounter, "site"), "status",
                                      lib_text(encounter, "status"), "start", lib_text(encounter, "start"), "closed",
                                      lib_text(encounter, "closed")));
}
