/* guardians.c: people who act for a patient, in a scope and for a time. Two registrars begin it, one of many may end it. */
#include "credentials/parts.h"
#include "lib/json.h"
#include "lib/pending.h"

#define PID                            \
    {                                  \
        .name = "pid", .type = LIB_PID \
    }
#define GPID                            \
    {                                   \
        .name = "gpid", .type = LIB_PID \
    }

static const lib_field register_fields[] = {
    { .name = "id", .type = LIB_ID },
    PID,
    GPID,
    { .name = "scope", .type = LIB_WORDS, .min = 1, .max = 4, .words = lib_scopes },
    { .name = "from", .type = LIB_TIME },
    { .name = "to", .type = LIB_TIME },
    { .name = "evidenceHash", .type = LIB_HEX, .max = 64 },
};
static const lib_field end_fields[] = { PID, GPID };
static const lib_field list_fields[] = {
    { .name = "pid", .type = LIB_PID, .optional = true },
    { .name = "page", .type = LIB_TOKEN, .optional = true, .max = 64 },
};

CRED_DEFINE(cred_register_guardian, .flags = LIB_WRITES, .roles = LIB_REGISTRAR, .in = LIB_IN_REQUIRED,
            LIB_FIELDS(register_fields), .endorsers = "CC", .reads = "who PAT of both, PEND", .writes = "who PEND")
CRED_DEFINE(cred_end_guardian, .flags = LIB_WRITES, .roles = LIB_PATIENT | LIB_REGISTRAR, .in = LIB_IN_REQUIRED,
            LIB_FIELDS(end_fields), .endorsers = "CC", .callers = "either of the two, registrar",
            .reads = "who PAT of both, GUARD", .writes = "who GUARD")
CRED_DEFINE(cred_list_guardians, .roles = LIB_PATIENT | LIB_REGISTRAR, .in = LIB_IN_OPTIONAL, LIB_FIELDS(list_fields),
            .callers = "the patient (own, or as guardian), registrar", .reads = "who PAT, GUARD",
            .answer = "`{\"guardians\":[…],\"next\"?}`")

static fcc_status cred_register_guardian(lib_call *call)
{
    const char *pid = lib_in_text(call, "pid"), *gpid = lib_in_text(call, "gpid");
    const json_t *ward = NULL, *guardian = NULL;
    int64_t from = 0, to = 0;
    fcc_status st;

    if ((st = cred_require_patient(call, &pid, &ward)) != FCC_OK ||
        (st = cred_require_patient(call, &gpid, &guardian)) != FCC_OK)
        return st;
    if (strcmp(pid, gpid) == 0)
        return lib_refuse(call, LIB_BAD_INPUT, "gpid is the patient");
    lib_time_parse(lib_in_text(call, "from"), &from);
    lib_time_parse(lib_in_text(call, "to"), &to);
    if (to < from || to < call->now)
        return lib_refuse(call, LIB_BAD_INPUT, "to is before from, or past");
    return lib_pending_begin(call, CRED_WHO, lib_in_text(call, "id"), "RegisterGuardian",
                             json_pack("{s:s,s:s,s:O,s:O,s:O,s:O}", "pid", pid, "gpid", gpid, "scope",
                                       lib_in(call, "scope"), "from", lib_in(call, "from"), "to", lib_in(call, "to"),
                                       "evidenceHash", lib_in(call, "evidenceHash")));
}

/* A minor's guardian ends when the minor comes of age; one who begins then is an adult's. */
static const char *end_of(const json_t *ward, const json_t *body)
{
    const char *from = lib_text(body, "from"), *to = lib_text(body, "to"), *of_age = lib_text(ward, "minorUntil");

    /* the one spelling of times sorts like the times */
    return of_age && strcmp(from, of_age) < 0 && strcmp(of_age, to) < 0 ? of_age : to;
}

fcc_status cred_begin_guardian(lib_call *call, const struct lib_pending *pending)
{
    const json_t *body = pending->body, *ward = NULL, *guardian = NULL, *old = NULL;
    const char *pid = lib_text(body, "pid"), *gpid = lib_text(body, "gpid"), *salt;
    json_t *record;
    fcc_bytes key;
    fcc_status st;

    if (!pid || !gpid || !lib_text(body, "from") || !lib_text(body, "to"))
        return fcc_fail(call->stub, FCC_ERR_CORRUPT, "a pending act lacks its fields");
    if ((st = cred_require_patient(call, &pid, &ward)) != FCC_OK ||
        (st = cred_require_patient(call, &gpid, &guardian)) != FCC_OK)
        return st;
    key = lib_key(call, "GUARD", pid, gpid, NULL);
    salt = cred_salt(call, ward, key);
    if ((st = lib_read(call, CRED_WHO, key, &old)) != FCC_OK)
        return st;
    record = lib_own(call, json_pack("{s:i,s:I,s:s,s:s,s:O,s:O,s:s,s:O,s:s,s:s*}", "fmt", 1, "v",
                                     json_integer_value(json_object_get(old, "v")) + 1, "pid", pid, "gpid", gpid,
                                     "scope", json_object_get(body, "scope"), "from", json_object_get(body, "from"),
                                     "to", end_of(ward, body), "evidenceHash", json_object_get(body, "evidenceHash"),
                                     "status", "active", "salt", salt));
    return salt && record ? lib_write_version(call, CRED_WHO, "GUARD", pid, gpid, record) : FCC_ERR_NOMEM;
}

static fcc_status cred_end_guardian(lib_call *call)
{
    const char *pid = lib_in_text(call, "pid"), *gpid = lib_in_text(call, "gpid"), *own = call->caller.pid;
    const json_t *patient = NULL, *guardian = NULL, *old = NULL;
    json_t *record;
    fcc_status st;

    if ((st = cred_read_patient(call, &pid, &patient)) != FCC_OK ||
        (st = cred_read_patient(call, &gpid, &guardian)) != FCC_OK)
        return st;
    if (own && strcmp(own, pid) != 0 && strcmp(own, gpid) != 0)
        return lib_deny(call, "not_owner", "only either of the two, or a registrar");
    if ((st = lib_read(call, CRED_WHO, lib_key(call, "GUARD", pid, gpid, NULL), &old)) != FCC_OK)
        return st;
    if (!old)
        return lib_refuse(call, LIB_NOT_FOUND, "there is no such guardian");
    if (!lib_text_is(old, "status", "active"))
        return lib_refuse(call, LIB_ALREADY, "the guardianship has ended");
    record = lib_own(call, cred_next(old, "ended"));
    return record ? lib_write_version(call, CRED_WHO, "GUARD", pid, gpid, record) : FCC_ERR_NOMEM;
}

static fcc_status cred_list_guardians(lib_call *call)
{
    const char *pid = lib_in_text(call, "pid"), *page = lib_in_text(call, "page"), *next = NULL;
    const json_t *patient = NULL;
    json_t *guardians = lib_own(call, json_array());
    fcc_status st;

    if (!guardians)
        return FCC_ERR_NOMEM;
    if (!pid)
        pid = call->caller.pid;
    if (!pid)
        return lib_refuse(call, LIB_BAD_INPUT, "pid is missing");
    if ((st = cred_read_patient(call, &pid, &patient)) != FCC_OK)
        return st;
    if (call->caller.role == LIB_PATIENT && (st = lib_require_owner(call, pid, "records")) != FCC_OK)
        return st;
    if (!patient)
        return lib_refuse(call, LIB_NOT_FOUND, "pid: no such patient");
    if ((st = cred_list(call, CRED_WHO, "GUARD", pid, NULL, "gpid", page, guardians, &next)) != FCC_OK)
        return st;
    return lib_answer(call, json_pack("{s:O,s:s*}", "guardians", guardians, "next", next));
}
