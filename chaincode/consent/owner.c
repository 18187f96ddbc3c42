/* owner.c: what the patient, or a guardian, says about the own data. */
#include "consent/parts.h"

static const lib_field base_fields[] = { CONSENT_PID, CONSENT_RULES(0), CONSENT_BTG, CONSENT_BTG_SENS, CONSENT_SALT };
static const lib_field grant_fields[] = { CONSENT_PID, CONSENT_GRANTEE, CONSENT_RULES(1), CONSENT_SALT };
static const lib_field revoke_fields[] = { CONSENT_PID, CONSENT_GRANTEE, CONSENT_SALT };
static const lib_field revoke_all_fields[] = { CONSENT_PID, CONSENT_SALT };

LIB_DEFINE(consent_set_base, .flags = LIB_WRITES, .roles = LIB_EVERY_ROLE, .in = LIB_IN_REQUIRED,
           LIB_FIELDS(base_fields), .callers = "owner", .reads = "subject CBASE", .writes = "subject CBASE; ACT",
           .endorsers = "CC", .answer = "`{id,v}` of the act")
LIB_DEFINE(consent_grant, .flags = LIB_WRITES, .roles = LIB_EVERY_ROLE, .in = LIB_IN_REQUIRED, LIB_FIELDS(grant_fields),
           .callers = "owner", .reads = "subject CBASE, CONS; PROLE or ORG", .writes = "subject CONS; ACT",
           .endorsers = "CC", .answer = "`{id,v}` of the act")
LIB_DEFINE(consent_revoke, .flags = LIB_WRITES, .roles = LIB_EVERY_ROLE, .in = LIB_IN_REQUIRED,
           LIB_FIELDS(revoke_fields), .callers = "owner", .reads = "subject CONS", .writes = "subject CONS; ACT",
           .endorsers = "CC", .answer = "`{id,v}` of the act")
LIB_DEFINE(consent_revoke_all, .flags = LIB_WRITES, .roles = LIB_EVERY_ROLE, .in = LIB_IN_REQUIRED,
           LIB_FIELDS(revoke_all_fields), .callers = "owner", .reads = "subject CBASE",
           .writes = "subject CBASE (epoch + 1); ACT", .endorsers = "CC", .answer = "`{id,v}` of the act")

static fcc_status consent_set_base(lib_call *call)
{
    const char *pid = lib_in_text(call, "pid"), *btg = lib_in_text(call, "btg");
    struct registry_patient patient = { 0 };
    const json_t *old = NULL;
    fcc_status st;

    if ((st = consent_require_owner(call, &pid, &patient)) != FCC_OK ||
        (st = consent_check_rules(call, true)) != FCC_OK || (st = consent_read(call, pid, NULL, &old, NULL)) != FCC_OK)
        return st;
    if (patient.minor && strcmp(btg, "forbid") == 0 && strcmp(call->caller.pid, pid) != 0)
        return lib_deny(call, "minor", "a guardian can't forbid emergency access to a minor's data");
    return consent_write(call, &(struct consent_change){ .pid = pid,
                                                         .old = old,
                                                         .status = "active",
                                                         .rules = lib_in(call, "rules"),
                                                         .btg = btg,
                                                         .btg_max_sens = lib_in_text(call, "btgMaxSens"),
                                                         .epoch = consent_epoch(old) });
}

static fcc_status consent_grant(lib_call *call)
{
    const char *pid = lib_in_text(call, "pid"), *grantee = lib_in_text(call, "grantee");
    struct registry_patient patient = { 0 };
    const json_t *base = NULL, *old = NULL;
    fcc_status st;

    if ((st = consent_require_owner(call, &pid, &patient)) != FCC_OK ||
        (st = consent_check_rules(call, false)) != FCC_OK ||
        (st = consent_check_grantee(call, pid, grantee)) != FCC_OK ||
        (st = consent_read(call, pid, grantee, &base, &old)) != FCC_OK)
        return st;
    return consent_write(call, &(struct consent_change){ .pid = pid,
                                                         .grantee = grantee,
                                                         .old = old,
                                                         .status = "active",
                                                         .rules = lib_in(call, "rules"),
                                                         .epoch = consent_epoch(base) });
}

static fcc_status consent_revoke(lib_call *call)
{
    const char *pid = lib_in_text(call, "pid"), *grantee = lib_in_text(call, "grantee");
    struct registry_patient patient = { 0 };
    fcc_status st = consent_require_owner(call, &pid, &patient);

    return st == FCC_OK ? consent_withdraw(call, pid, grantee, NULL) : st;
}

static fcc_status consent_revoke_all(lib_call *call)
{
    const char *pid = lib_in_text(call, "pid");
    struct registry_patient patient = { 0 };
    const json_t *old = NULL, *none = lib_own(call, json_array());
    fcc_status st;

    if (!none)
        return FCC_ERR_NOMEM;
    if ((st = consent_require_owner(call, &pid, &patient)) != FCC_OK ||
        (st = consent_read(call, pid, NULL, &old, NULL)) != FCC_OK)
        return st;
    /* without a base, one that says nothing: it carries the new epoch */
    return consent_write(call, &(struct consent_change){ .pid = pid,
                                                         .old = old,
                                                         .status = "active",
                                                         .rules = old ? json_object_get(old, "rules") : none,
                                                         .btg = consent_btg(old),
                                                         .btg_max_sens = consent_btg_max_sens(old),
                                                         .epoch = consent_epoch(old) + 1,
                                                         .source = json_object_get(old, "source") });
}
