/*
 * keys.c: the keys of patients after the first: another device, a lost key, the first key of somebody who was registered
 * without one. A registrar who gives somebody a key could give it to anybody, so a registrar of another organisation
 * countersigns.
 */
#include "credentials/parts.h"
#include "lib/pending.h"

static const lib_field bind_fields[] = { { .name = "newFp", .type = LIB_HEX, .max = 64 } };
static const lib_field replace_fields[] = {
    { .name = "id", .type = LIB_ID },
    { .name = "pid", .type = LIB_PID },
    { .name = "newFp", .type = LIB_HEX, .max = 64 },
    { .name = "evidenceHash", .type = LIB_HEX, .max = 64 },
};
static const lib_field countersign_fields[] = { { .name = "id", .type = LIB_ID } };

CRED_DEFINE(cred_bind_patient_key, .flags = LIB_WRITES, .roles = LIB_PATIENT, .in = LIB_IN_REQUIRED,
            LIB_FIELDS(bind_fields), .endorsers = "CC", .callers = "the patient, with a bound key",
            .reads = "kyc APPL; who PAT, KEY", .writes = "who PAT, KEY")
CRED_DEFINE(cred_begin_replace_key, .flags = LIB_WRITES, .roles = LIB_REGISTRAR, .in = LIB_IN_REQUIRED,
            LIB_FIELDS(replace_fields), .endorsers = "CC", .reads = "who PAT, KEY, PEND", .writes = "who PEND")
CRED_DEFINE(cred_countersign, .flags = LIB_WRITES, .roles = LIB_REGISTRAR, .in = LIB_IN_REQUIRED,
            LIB_FIELDS(countersign_fields), .endorsers = "CC",
            .callers = "a second registrar, within 24 h; for a key one of another organisation",
            .reads = "who PEND, PAT, KEY or GUARD", .writes = "who PEND and what it holds")
CRED_DEFINE(cred_get_pending, .roles = LIB_REGISTRAR, .in = LIB_IN_REQUIRED, LIB_FIELDS(countersign_fields),
            .reads = "who PEND", .answer = "what waits to be countersigned")

/*
 * A key that its certificate's owner has shown on the ledger is theirs: bound to somebody else's pid, it would act for
 * that one, and what its owner adds would be that one's to read.
 */
static fcc_status require_nobodys_key(lib_call *call, const char *fp)
{
    const json_t *application = NULL;
    fcc_status st = lib_read(call, CRED_KYC, lib_key(call, "APPL", fp, NULL, NULL), &application);

    if (st != FCC_OK)
        return st;
    return application ? lib_refuse(call, LIB_ALREADY, "somebody has applied with this key") : FCC_OK;
}

static fcc_status cred_bind_patient_key(lib_call *call)
{
    const char *pid = call->caller.pid, *fp = lib_in_text(call, "newFp");
    const json_t *patient = NULL;
    json_t *record, *keys;
    fcc_status st;

    if ((st = cred_require_patient(call, &pid, &patient)) != FCC_OK ||
        (st = cred_require_free_key(call, CRED_WHO, fp)) != FCC_OK || (st = require_nobodys_key(call, fp)) != FCC_OK)
        return st;
    keys = lib_own(call, json_copy(json_object_get(patient, "keys")));
    if (json_array_size(keys) >= CRED_MAX_KEYS)
        return lib_refuse(call, LIB_LIMIT, "a patient has at most %d keys", CRED_MAX_KEYS);
    record = lib_own(call, cred_next(patient, NULL));
    if (!record || json_array_append_new(keys, json_string(fp)) != 0 || !cred_set(record, "keys", json_incref(keys)))
        return FCC_ERR_NOMEM;
    if ((st = cred_write_patient_key(call, fp, pid, call->caller.msp, "active", patient)) != FCC_OK)
        return st;
    return cred_write_patient(call, pid, json_incref(record));
}

static fcc_status cred_begin_replace_key(lib_call *call)
{
    const char *pid = lib_in_text(call, "pid"), *fp = lib_in_text(call, "newFp");
    const json_t *patient = NULL;
    fcc_status st;

    if ((st = cred_require_patient(call, &pid, &patient)) != FCC_OK ||
        (st = cred_require_free_key(call, CRED_WHO, fp)) != FCC_OK)
        return st;
    /* the version holds what the two decide on: keys that changed meanwhile are another case */
    return lib_pending_begin(call, CRED_WHO, lib_in_text(call, "id"), "ReplaceKey",
                             json_pack("{s:s,s:s,s:O,s:O}", "pid", pid, "newFp", fp, "evidenceHash",
                                       lib_in(call, "evidenceHash"), "patV", json_object_get(patient, "v")));
}

fcc_status cred_replace_key(lib_call *call, const struct lib_pending *pending)
{
    const char *pid = lib_text(pending->body, "pid"), *fp = lib_text(pending->body, "newFp");
    const json_t *patient = NULL, *old;
    json_t *record;
    fcc_status st;

    if (!pid || !fp)
        return fcc_fail(call->stub, FCC_ERR_CORRUPT, "a pending act lacks its fields");
    if (strcmp(pending->msp, call->caller.msp) == 0)
        return lib_deny(call, "same_organisation", "a registrar of another organisation countersigns a key");
    if ((st = cred_require_patient(call, &pid, &patient)) != FCC_OK ||
        (st = cred_require_free_key(call, CRED_WHO, fp)) != FCC_OK)
        return st;
    if (!json_equal(json_object_get(patient, "v"), json_object_get(pending->body, "patV")))
        return lib_refuse(call, LIB_CONFLICT, "the patient's keys have changed since");
    old = json_object_get(patient, "keys");
    for (size_t i = 0; i < json_array_size(old); i++) {
        const char *lost = json_string_value(json_array_get(old, i));
        const json_t *key = NULL;

        if ((st = lib_read(call, CRED_WHO, lib_key(call, "KEY", lost, NULL, NULL), &key)) != FCC_OK ||
            (st = cred_write_patient_key(call, lost, pid, lib_text(key, "msp"), "replaced", patient)) != FCC_OK)
            return st;
    }
    record = cred_next(patient, NULL);
    if (!record || !cred_set(record, "keys", json_pack("[s]", fp))) {
        json_decref(record);
        return FCC_ERR_NOMEM;
    }
    if ((st = cred_write_patient(call, pid, record)) != FCC_OK)
        return st;
    return cred_write_patient_key(call, fp, pid, pending->msp, "active", patient);
}

static fcc_status cred_countersign(lib_call *call)
{
    struct lib_pending pending;
    fcc_status st = lib_pending_take(call, CRED_WHO, lib_in_text(call, "id"), &pending);

    if (st != FCC_OK)
        return st;
    st = strcmp(pending.kind, "ReplaceKey") == 0 ? cred_replace_key(call, &pending)
                                                 : cred_begin_guardian(call, &pending);
    return st == FCC_OK ? lib_pending_done(call, CRED_WHO, &pending) : st;
}

/* What the second signs is what the first began: it can be read before. */
static fcc_status cred_get_pending(lib_call *call)
{
    const json_t *pending = NULL;
    fcc_status st = lib_read(call, CRED_WHO, lib_key(call, "PEND", lib_in_text(call, "id"), NULL, NULL), &pending);

    if (st != FCC_OK)
        return st;
    if (!pending)
        return lib_refuse(call, LIB_NOT_FOUND, "nothing with this id waits for a second signature");
    return lib_answer(call, json_incref((json_t *)pending));
}
