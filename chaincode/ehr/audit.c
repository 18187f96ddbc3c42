/* audit.c: who asked for a patient's data, and what somebody asked for: newest first, allowed or not. */
#include "ehr/parts.h"
#include "lib/registry.h"

static const lib_field trail_fields[] = {
    { .name = "pid", .type = LIB_PID, .optional = true },
    { .name = "uid", .type = LIB_ID, .optional = true },
    { .name = "page", .type = LIB_TOKEN, .optional = true, .max = 100 },
};

LIB_PART(audit_trail, .roles = LIB_PATIENT | LIB_AUDITOR | LIB_PRIVACY_OFFICER, .in = LIB_IN_REQUIRED,
         LIB_FIELDS(trail_fields))

/* Patients see their own trail; a privacy officer that of the own organisation's staff. */
static fcc_status require_right(lib_call *call, const char *pid, const char *uid)
{
    const char *msp = NULL;
    bool found = false;
    fcc_status st;

    if (call->caller.role == LIB_PATIENT)
        return lib_require_owner(call, pid ? pid : "", "records");
    if (call->caller.role == LIB_PRIVACY_OFFICER && uid) {
        if ((st = registry_person(call, uid, &msp, &found)) != FCC_OK)
            return st;
        if (!found || !msp || strcmp(msp, call->caller.msp) != 0)
            return lib_deny(call, "role", "only the own organisation's staff");
    }
    return FCC_OK;
}

static fcc_status add_entry(lib_call *call, const json_t *request, json_t *entries)
{
    const char *msp = ehr_text(request, "msp");
    json_t *entry;

    if (call->caller.role == LIB_PRIVACY_OFFICER && !(msp && strcmp(msp, call->caller.msp) == 0))
        return FCC_OK;
    entry = json_copy((json_t *)request);
    if (!entry)
        return FCC_ERR_NOMEM;
    json_object_del(entry, "mac");
    return json_array_append_new(entries, entry) == 0 ? FCC_OK : FCC_ERR_NOMEM;
}

static fcc_status audit_trail(lib_call *call)
{
    const char *pid = lib_in_text(call, "pid"), *uid = lib_in_text(call, "uid"), *ids[EHR_PAGE + 1], *next;
    const json_t *requests[EHR_PAGE] = { 0 };
    fcc_bytes keys[EHR_PAGE];
    json_t *entries = lib_own(call, json_array());
    size_t n = 0;
    fcc_status st;

    if (!entries)
        return FCC_ERR_NOMEM;
    if (!pid == !uid)
        return lib_refuse(call, LIB_BAD_INPUT, "one of pid and uid");
    if ((st = require_right(call, pid, uid)) != FCC_OK ||
        (st = ehr_walk_index(call, EHR_AUDIT, pid ? "AUDIT" : "AUDACT", pid ? pid : uid, lib_in_text(call, "page"),
                             EHR_PAGE, ids, &n, &next)) != FCC_OK)
        return st;
    for (size_t i = 0; i < n; i++)
        keys[i] = lib_key(call, "ACC", ids[i], NULL, NULL);
    st = lib_read_many(call, EHR_AUDIT, keys, n, requests);
    for (size_t i = 0; i < n && st == FCC_OK; i++)
        if (requests[i])
            st = add_entry(call, requests[i], entries);
    return st == FCC_OK ? lib_answer(call, json_pack("{s:O,s:s*}", "entries", entries, "next", next)) : st;
}
