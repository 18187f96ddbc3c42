/*
 * caller.c: who calls. The certificate says which key, the registry says who: identity never comes from an argument.
 *
 * Order of refusal: the role is unknown or its organisation may not carry it; the key is bound to nobody, or to
 * somebody else than the certificate says; the job or the site is not approved.
 */
#include "lib/call.h"
#include "lib/registry.h"

enum {
    msp_hospital = 1 << 0,
    msp_clinic = 1 << 1,
    msp_pharmacy = 1 << 2,
    msp_manufacturer = 1 << 3,
    msp_distributor = 1 << 4,
    msp_insurer = 1 << 5,
    msp_research = 1 << 6,
    msp_regulator = 1 << 7,
    msp_inspector = 1 << 8,
    msp_care = msp_hospital | msp_clinic,
    msp_any_but_inspector = msp_inspector - 1
};

static unsigned msp_of(const char *msp)
{
    static const char *const names[] = { "HospitalMSP",     "ClinicMSP",      "PharmacyMSP",
                                         "ManufacturerMSP", "DistributorMSP", "InsurerMSP",
                                         "ResearchMSP",     "RegulatorMSP",   "InspectorMSP" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(msp, names[i]) == 0)
            return 1u << i;
    return 0;
}

static const struct role {
    const char *name;
    unsigned bit, msps;
} roles[] = {
    { "patient", LIB_PATIENT, msp_care },
    { "doctor", LIB_DOCTOR, msp_care },
    { "nurse", LIB_NURSE, msp_care },
    { "labtech", LIB_LABTECH, msp_care },
    { "registrar", LIB_REGISTRAR, msp_care },
    { "desk", LIB_DESK, msp_care },
    { "privacy_officer", LIB_PRIVACY_OFFICER, msp_care },
    { "custodian", LIB_CUSTODIAN, msp_care },
    { "pharmacist", LIB_PHARMACIST, msp_pharmacy },
    { "supplychain", LIB_SUPPLYCHAIN, msp_manufacturer | msp_distributor | msp_pharmacy },
    { "insurer_agent", LIB_INSURER_AGENT, msp_insurer },
    { "researcher", LIB_RESEARCHER, msp_research },
    { "auditor", LIB_AUDITOR, msp_regulator | msp_inspector },
    { "admin", LIB_ADMIN, msp_any_but_inspector },
};

unsigned lib_role_of(const char *name)
{
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
        if (strcmp(name, roles[i].name) == 0)
            return roles[i].bit;
    return 0;
}

const char *lib_role_name(unsigned role)
{
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
        if (role == roles[i].bit)
            return roles[i].name;
    return NULL;
}

bool lib_role_allowed(unsigned role, const char *msp)
{
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
        if (role == roles[i].bit)
            return (roles[i].msps & msp_of(msp)) != 0;
    return false;
}

bool lib_is_care(const char *msp)
{
    return (msp_of(msp) & msp_care) != 0;
}

fcc_status lib_attribute(lib_call *call, const char *name, const char **out)
{
    fcc_bytes value = { 0 };
    bool found = false;
    fcc_status st = fcc_client_attribute(call->stub, fcc_str(name), &value, &found);

    *out = st == FCC_OK && found ? lib_string(call, value) : NULL;
    return st;
}

fcc_status lib_read_certificate(lib_call *call)
{
    lib_caller *caller = &call->caller;
    fcc_bytes msp, digest;
    char *fp;
    fcc_status st;

    if ((st = fcc_client_msp_id(call->stub, &msp)) != FCC_OK ||
        (st = lib_attribute(call, "role", &caller->role_name)) != FCC_OK)
        return st;
    caller->msp = lib_string(call, msp);
    if (!caller->msp)
        return FCC_ERR_NOMEM;
    caller->role = caller->role_name ? lib_role_of(caller->role_name) : 0;
    if (!caller->role)
        return lib_refuse(call, LIB_NO_ROLE, "the certificate carries no role that is known");
    if (!lib_role_allowed(caller->role, caller->msp))
        return lib_refuse(call, LIB_NO_ROLE, "members of this organisation may not carry the certificate's role");
    if ((st = fcc_client_key_fingerprint(call->stub, &digest)) != FCC_OK)
        return st;
    fp = fcc_alloc(call->stub, 2 * LIB_SHA256_LEN + 1);
    if (!fp || digest.len != LIB_SHA256_LEN)
        return FCC_ERR_NOMEM;
    lib_to_hex(digest.data, digest.len, fp);
    caller->fp = fp;
    return FCC_OK;
}

static fcc_status resolve_staff(lib_call *call, const struct registry_key *key)
{
    lib_caller *caller = &call->caller;
    const char *uid, *site;
    struct registry_site where = { 0 };
    struct registry_job job = { 0 };
    bool found = false, has = false;
    fcc_status st;

    if ((st = lib_attribute(call, "uid", &uid)) != FCC_OK || (st = lib_attribute(call, "site", &site)) != FCC_OK)
        return st;
    if (!key->uid || !key->msp || !uid || strcmp(uid, key->uid) != 0 || strcmp(caller->msp, key->msp) != 0)
        return lib_deny(call, "unbound_key", "the registry does not know this key as the certificate's");
    if (site && key->site && strcmp(site, key->site) == 0) {
        st = registry_job(call, uid, site, &job, &has);
        if (st == FCC_OK)
            st = registry_site(call, site, &where, &found);
        if (st != FCC_OK)
            return st;
    }
    if (has && job.fp && strcmp(job.fp, caller->fp) != 0)
        return lib_deny(call, "unbound_key", "the job has another key by now");
    if (!has || !job.approved || !lib_lists(job.roles, caller->role_name) || !found || !where.approved || !where.msp ||
        strcmp(where.msp, caller->msp) != 0)
        return lib_deny(call, "suspended", "no approved job with this role at the certificate's site");
    caller->uid = uid;
    caller->site = site;
    return FCC_OK;
}

static fcc_status resolve_patient(lib_call *call, const struct registry_key *key)
{
    struct registry_patient patient = { 0 };
    bool found = false;
    fcc_status st;

    if (!key->pid || !key->msp || strcmp(call->caller.msp, key->msp) != 0)
        return lib_deny(call, "unbound_key", "the registry does not know this key as the certificate's");
    st = registry_patient(call, key->pid, &patient, &found);
    if (st != FCC_OK)
        return st;
    if (!found || !(patient.active || patient.deceased))
        return lib_deny(call, "suspended", "the registration is not active");
    call->caller.pid = key->pid;
    return FCC_OK;
}

fcc_status lib_resolve_caller(lib_call *call)
{
    struct registry_key key = { 0 };
    bool found = false;
    fcc_status st = registry_caller(call);

    if (st != FCC_OK || (st = registry_key(call, call->caller.fp, &key, &found)) != FCC_OK)
        return st;
    if (!found)
        return lib_deny(call, "unbound_key", "the registry does not know this key");
    return call->caller.role == LIB_PATIENT ? resolve_patient(call, &key) : resolve_staff(call, &key);
}

/* ---- what functions ask about the caller ---- */

fcc_status lib_patient(lib_call *call, const char **pid, struct registry_patient *out)
{
    bool found = false;
    fcc_status st = registry_patient(call, *pid, out, &found);

    if (st != FCC_OK)
        return st;
    if (!found)
        return lib_refuse(call, LIB_NOT_FOUND, "pid: no such patient");
    *pid = out->pid;
    return FCC_OK;
}

fcc_status lib_require_patient(lib_call *call, const char **pid)
{
    struct registry_patient patient = { 0 };
    fcc_status st = lib_patient(call, pid, &patient);

    if (st != FCC_OK)
        return st;
    return patient.active || patient.provisional
               ? FCC_OK
               : lib_refuse(call, LIB_PRECONDITION, "the patient's registration has ended");
}

fcc_status lib_require_owner_of(lib_call *call, const char *pid, const char *scope)
{
    struct registry_patient patient = { 0 };
    bool found = false;
    /* staff own nothing, and their organisation's peer may not hold the patients */
    fcc_status st = call->caller.pid ? registry_patient(call, pid, &patient, &found) : FCC_OK;

    /* whether somebody else's pid exists is nobody's business */
    return st == FCC_OK ? lib_require_owner(call, found ? patient.pid : pid, scope) : st;
}

fcc_status lib_require_owner(lib_call *call, const char *pid, const char *scope)
{
    bool is = call->caller.pid && strcmp(call->caller.pid, pid) == 0;
    fcc_status st = FCC_OK;

    if (!is && call->caller.pid)
        st = registry_guardian(call, pid, call->caller.pid, scope, &is);
    /* whose time is over could else go on reading by setting the own clock back */
    if (st == FCC_OK && is && strcmp(call->caller.pid, pid) != 0)
        st = lib_require_window(call);
    if (st != FCC_OK)
        return st;
    return is ? FCC_OK : lib_deny(call, "not_owner", "only the patient, or a guardian in their scope and time");
}

fcc_status lib_check(lib_call *call, const char *subject, const char *capability, const char *region, bool *valid)
{
    return registry_check(call, subject, capability, region, valid);
}

fcc_status lib_require_licence(lib_call *call)
{
    struct registry_site site = { 0 };
    bool found = false, valid = false;
    fcc_status st = registry_site(call, call->caller.site, &site, &found);

    if (st == FCC_OK && found && site.region)
        st = lib_check(call, call->caller.uid, "licence", site.region, &valid);
    if (st != FCC_OK)
        return st;
    return valid ? FCC_OK : lib_deny(call, "licence", "no valid licence in the site's region");
}
