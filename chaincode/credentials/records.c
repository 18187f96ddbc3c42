/* records.c: what the registry's functions share: keys, versions of public records, and who the regulator is. */
#include "credentials/parts.h"

json_t *cred_next(const json_t *old, const char *status)
{
    json_t *record = json_copy((json_t *)old);
    json_int_t v = json_integer_value(json_object_get(old, "v"));

    if (!record || json_object_set_new(record, "v", json_integer(v + 1)) != 0 ||
        (status && json_object_set_new(record, "status", json_string(status)) != 0)) {
        json_decref(record);
        return NULL;
    }
    return record;
}

bool cred_set(json_t *record, const char *name, json_t *value)
{
    return json_object_set_new(record, name, value) == 0;
}

/* ---- keys ---- */

fcc_status cred_require_free_key(lib_call *call, const char *collection, const char *fp)
{
    const json_t *old = NULL;
    fcc_status st = lib_read(call, collection, lib_key(call, "KEY", fp, NULL, NULL), &old);

    /* staff's keys are public; whether a patient has one cannot be asked where they are endorsed */
    if (st == FCC_OK && !old && collection)
        st = lib_read(call, NULL, lib_key(call, "KEY", fp, NULL, NULL), &old);
    if (st != FCC_OK)
        return st;
    return old ? lib_refuse(call, LIB_ALREADY, "the key is bound, or was: a key is bound once") : FCC_OK;
}

fcc_status cred_write_staff_key(lib_call *call, const char *fp, const char *uid, const char *site, const char *msp,
                                const char *status)
{
    return lib_write(
        call, NULL, lib_key(call, "KEY", fp, NULL, NULL),
        json_pack("{s:i,s:s,s:s,s:s,s:s}", "fmt", 1, "uid", uid, "site", site, "msp", msp, "status", status));
}

/* ---- who ---- */

bool cred_is_regulator(const lib_call *call, const struct registry_site *site)
{
    return call->caller.role == LIB_ADMIN && strcmp(call->caller.msp, CRED_REGULATOR) == 0 && site->type &&
           strcmp(site->type, "authority") == 0;
}

fcc_status cred_caller_site(lib_call *call, struct registry_site *site, bool *regulator)
{
    bool found = false;
    fcc_status st = registry_site(call, call->caller.site, site, &found);

    *regulator = st == FCC_OK && found && cred_is_regulator(call, site);
    return st;
}

fcc_status cred_require_regulator(lib_call *call)
{
    struct registry_site site = { 0 };
    bool regulator = false;
    fcc_status st = cred_caller_site(call, &site, &regulator);

    if (st != FCC_OK)
        return st;
    return regulator ? FCC_OK : lib_deny(call, "role", "only for an administrator of the regulator");
}

fcc_status cred_require_own(lib_call *call, const char *uid, const char *site)
{
    const char *own_uid = NULL, *own_site = NULL;
    fcc_status st;

    if ((st = lib_attribute(call, "uid", &own_uid)) != FCC_OK ||
        (st = lib_attribute(call, "site", &own_site)) != FCC_OK)
        return st;
    if (!own_uid || !own_site || strcmp(own_uid, uid) != 0 || strcmp(own_site, site) != 0)
        return lib_deny(call, "certificate", "uid and gln are not those of the caller's certificate");
    return FCC_OK;
}
