/*
 * registry.c: who a key belongs to and what its holder may do, from this chaincode's state: for its own functions, and
 * for the other chaincodes, which ask by calling. Their questions are refused to clients: an argument of a client's call
 * is public, one of a chaincode's call is not.
 */
#include "credentials/parts.h"

static const char *const sisters[] = { "consent", "ehr",    "appointments", "prescriptions",
                                       "supply",  "claims", "research",     NULL };

static const lib_field key_args[] = { { .name = "fp", .type = LIB_HEX, .max = 64 } };
static const lib_field site_args[] = { { .name = "gln", .type = LIB_ID } };
static const lib_field msp_args[] = { { .name = "msp", .type = LIB_ID } };
static const lib_field person_args[] = { { .name = "uid", .type = LIB_ID } };
static const lib_field job_args[] = { { .name = "uid", .type = LIB_ID }, { .name = "gln", .type = LIB_ID } };
static const lib_field patient_args[] = { { .name = "pid", .type = LIB_PID } };
static const lib_field guardian_args[] = { { .name = "pid", .type = LIB_PID }, { .name = "gpid", .type = LIB_PID } };
static const lib_field assigned_args[] = { { .name = "pid", .type = LIB_PID }, { .name = "uid", .type = LIB_ID } };

#define ASKED .flags = LIB_INTERNAL, .in = LIB_IN_FOREIGN, .sisters = sisters

CRED_DEFINE(cred_key, ASKED, LIB_ARGS(key_args), .reads = "KEY; who KEY",
            .answer = "`{\"msp\",\"pid\"}` or `{\"msp\",\"site\",\"uid\"}`, null")
CRED_DEFINE(cred_site, ASKED, LIB_ARGS(site_args), .reads = "ORG", .answer = "the record, null")
CRED_DEFINE(cred_member, ASKED, LIB_ARGS(msp_args), .reads = "MSP", .answer = "`true`, `false`")
CRED_DEFINE(cred_person, ASKED, LIB_ARGS(person_args), .reads = "PRAC", .answer = "the record, null")
CRED_DEFINE(cred_job, ASKED, LIB_ARGS(job_args), .reads = "PROLE, PRAC, ORG",
            .answer = "`{\"approved\",\"caps\",\"fp\",\"roles\"}`, null")
CRED_DEFINE(cred_patient, ASKED, LIB_ARGS(patient_args), .reads = "who PAT",
            .answer = "`{\"hasKey\",\"minorUntil\"?,\"pid\",\"provs\"?,\"status\"}`, null")
CRED_DEFINE(cred_guardian, ASKED, LIB_ARGS(guardian_args), .reads = "who PAT, GUARD",
            .answer = "`{\"from\",\"scope\",\"to\"}`, null")
CRED_DEFINE(cred_assigned, ASKED, LIB_ARGS(assigned_args), .reads = "who PAT, ASG", .answer = "`true`, `false`")
CRED_DEFINE(cred_caller, .roles = LIB_EVERY_ROLE, .in = LIB_IN_FOREIGN, .reads = "the caller",
            .answer = "`{\"fp\",\"msp\",\"registry\",\"role\"}` with `pid`, or `site` and `uid`")

/* ---- from the state ---- */

static fcc_status answer_with(lib_call *call, json_t *value, const json_t **answer)
{
    *answer = lib_own(call, value);
    return *answer ? FCC_OK : FCC_ERR_NOMEM;
}

static fcc_status nothing(lib_call *call, const json_t **answer)
{
    return answer_with(call, json_null(), answer);
}

static fcc_status record_of(lib_call *call, const char *type, const char *id, const json_t **answer)
{
    fcc_status st = lib_read(call, NULL, lib_key(call, type, id, NULL, NULL), answer);

    return st == FCC_OK && !*answer ? nothing(call, answer) : st;
}

/*
 * Staff's keys are public, patients' lie in `who`. The caller's certificate says which to read; another chaincode that
 * asks about somebody else's key gets whichever there is.
 */
static fcc_status answer_key(lib_call *call, const char *fp, const json_t **answer)
{
    const bool patient = call->caller.role == LIB_PATIENT, unknown = call->caller.role == 0;
    const fcc_bytes key = lib_key(call, "KEY", fp, NULL, NULL);
    const json_t *record = NULL;
    fcc_status st = FCC_OK;

    if (!patient)
        st = lib_read(call, NULL, key, &record);
    if (st == FCC_OK && !record && (patient || unknown))
        st = lib_read(call, CRED_WHO, key, &record);
    if (st != FCC_OK)
        return st;
    if (!lib_text_is(record, "status", "active"))
        return nothing(call, answer);
    return answer_with(call,
                       json_pack("{s:s*,s:s*,s:s*,s:s*}", "uid", lib_text(record, "uid"), "site",
                                 lib_text(record, "site"), "pid", lib_text(record, "pid"), "msp",
                                 lib_text(record, "msp")),
                       answer);
}

static fcc_status answer_member(lib_call *call, const char *msp, const json_t **answer)
{
    const json_t *record = NULL;
    fcc_status st = lib_read(call, NULL, lib_key(call, "MSP", msp, NULL, NULL), &record);

    return st == FCC_OK ? answer_with(call, json_boolean(record != NULL), answer) : st;
}

/* A job counts while the job, the person and the site do; all three in one round trip. */
static fcc_status answer_job(lib_call *call, const char *uid, const char *site, const json_t **answer)
{
    const fcc_bytes keys[] = { lib_key(call, "PROLE", uid, site, NULL), lib_key(call, "PRAC", uid, NULL, NULL),
                               lib_key(call, "ORG", site, NULL, NULL) };
    const json_t *records[3] = { 0 };
    bool approved;
    fcc_status st = lib_read_many(call, NULL, keys, 3, records);

    if (st == FCC_OK && records[2])
        st = registry_remember(call, REGISTRY_SITE, site, NULL, records[2]);
    if (st != FCC_OK)
        return st;
    if (!records[0])
        return nothing(call, answer);
    approved = lib_text_is(records[0], "status", "approved") && lib_text_is(records[1], "status", "active") &&
               lib_text_is(records[2], "status", "approved");
    return answer_with(call,
                       json_pack("{s:b,s:O,s:O,s:O}", "approved", approved, "roles",
                                 json_object_get(records[0], "roles"), "caps", json_object_get(records[0], "caps"),
                                 "fp", json_object_get(records[0], "fp")),
                       answer);
}

static fcc_status answer_patient(lib_call *call, const char *pid, const json_t **answer)
{
    const json_t *record = NULL;
    fcc_status st = cred_read_patient(call, &pid, &record);

    if (st != FCC_OK)
        return st;
    if (!record)
        return nothing(call, answer);
    return answer_with(call,
                       json_pack("{s:s,s:s*,s:s*,s:b,s:O*}", "pid", pid, "status", lib_text(record, "status"),
                                 "minorUntil", lib_text(record, "minorUntil"), "hasKey",
                                 json_array_size(json_object_get(record, "keys")) > 0, "provs",
                                 json_object_get(record, "provs")),
                       answer);
}

/* A guardianship ends with either of the two. */
static fcc_status answer_guardian(lib_call *call, const char *pid, const char *gpid, const json_t **answer)
{
    const json_t *ward = NULL, *guardian = NULL, *record = NULL;
    fcc_status st;

    if ((st = cred_read_patient(call, &pid, &ward)) != FCC_OK ||
        (st = cred_read_patient(call, &gpid, &guardian)) != FCC_OK ||
        (st = lib_read(call, CRED_WHO, lib_key(call, "GUARD", pid, gpid, NULL), &record)) != FCC_OK)
        return st;
    if (!lib_text_is(record, "status", "active") || lib_text_is(ward, "status", "deceased") ||
        !lib_text_is(guardian, "status", "active"))
        return nothing(call, answer);
    return answer_with(call,
                       json_pack("{s:O,s:O,s:O}", "from", json_object_get(record, "from"), "to",
                                 json_object_get(record, "to"), "scope", json_object_get(record, "scope")),
                       answer);
}

static fcc_status answer_assigned(lib_call *call, const char *pid, const char *uid, const json_t **answer)
{
    const json_t *patient = NULL, *record = NULL;
    fcc_status st;

    if ((st = cred_read_patient(call, &pid, &patient)) != FCC_OK ||
        (st = lib_read(call, CRED_WHO, lib_key(call, "ASG", pid, uid, NULL), &record)) != FCC_OK)
        return st;
    return answer_with(call, json_boolean(lib_text_is(record, "status", "active")), answer);
}

fcc_status cred_answers(lib_call *call, registry_question question, const char *const about[3], const json_t **answer)
{
    bool valid = false;
    fcc_status st;

    switch (question) {
    case REGISTRY_KEY:
        return answer_key(call, about[0], answer);
    case REGISTRY_SITE:
        return record_of(call, "ORG", about[0], answer);
    case REGISTRY_MSP:
        return answer_member(call, about[0], answer);
    case REGISTRY_PERSON:
        return record_of(call, "PRAC", about[0], answer);
    case REGISTRY_JOB:
        return answer_job(call, about[0], about[1], answer);
    case REGISTRY_PATIENT:
        return answer_patient(call, about[0], answer);
    case REGISTRY_GUARDIAN:
        return answer_guardian(call, about[0], about[1], answer);
    case REGISTRY_ASSIGNED:
        return answer_assigned(call, about[0], about[1], answer);
    case REGISTRY_CHECK:
        st = cred_check(call, about[0], about[1], about[2], &valid);
        return st == FCC_OK ? answer_with(call, json_boolean(valid), answer) : st;
    }
    return FCC_ERR_INTERNAL;
}

/* ---- asked by the others ---- */

static fcc_status answer(lib_call *call, registry_question question, const char *a, const char *b)
{
    const json_t *value = NULL;
    fcc_status st = registry_ask(call, question, a, b, NULL, &value);

    return st == FCC_OK ? lib_answer(call, json_incref((json_t *)value)) : st;
}

static fcc_status cred_key(lib_call *call)
{
    return answer(call, REGISTRY_KEY, lib_arg_text(call, "fp"), NULL);
}

static fcc_status cred_site(lib_call *call)
{
    return answer(call, REGISTRY_SITE, lib_arg_text(call, "gln"), NULL);
}

static fcc_status cred_member(lib_call *call)
{
    return answer(call, REGISTRY_MSP, lib_arg_text(call, "msp"), NULL);
}

static fcc_status cred_person(lib_call *call)
{
    return answer(call, REGISTRY_PERSON, lib_arg_text(call, "uid"), NULL);
}

static fcc_status cred_job(lib_call *call)
{
    return answer(call, REGISTRY_JOB, lib_arg_text(call, "uid"), lib_arg_text(call, "gln"));
}

static fcc_status cred_patient(lib_call *call)
{
    return answer(call, REGISTRY_PATIENT, lib_arg_text(call, "pid"), NULL);
}

static fcc_status cred_guardian(lib_call *call)
{
    return answer(call, REGISTRY_GUARDIAN, lib_arg_text(call, "pid"), lib_arg_text(call, "gpid"));
}

static fcc_status cred_assigned(lib_call *call)
{
    return answer(call, REGISTRY_ASSIGNED, lib_arg_text(call, "pid"), lib_arg_text(call, "uid"));
}

/* Who the caller is. `registry` is what was found out on the way: the answers to questions that will come next. */
static fcc_status cred_caller(lib_call *call)
{
    const lib_caller *caller = &call->caller;

    return lib_answer(call, json_pack("{s:s,s:s,s:s,s:s*,s:s*,s:s*,s:O}", "fp", caller->fp, "msp", caller->msp, "role",
                                      caller->role_name, "uid", caller->uid, "site", caller->site, "pid", caller->pid,
                                      "registry", call->known));
}
