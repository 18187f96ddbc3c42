/*
 * check.c: Check(subject, capability, region): whether somebody holds a credential that gives a capability there, now. It
 * reads a fixed number of known keys, so that a revocation in the same block makes the transaction that relied on it
 * invalid.
 */
#include "credentials/parts.h"

static const lib_field check_args[] = {
    { .name = "subject", .type = LIB_ID },
    { .name = "capability", .type = LIB_ID },
    { .name = "region", .type = LIB_AREA },
};

CRED_DEFINE(cred_check_function, .roles = LIB_EVERY_ROLE, .in = LIB_IN_FOREIGN, LIB_ARGS(check_args),
            .callers = "anyone, any chaincode", .reads = "PRAC, VCCUR, VC, ACCR, SLIST, SL",
            .answer = "`true`, `false`")

/* The type of credential that gives a capability; one that is not listed is given by the type of its own name. */
static const char *type_of(const char *capability)
{
    static const struct {
        const char *capability, *type;
    } types[] = {
        { "licence", "MedicalLicence" }, /* to practise medicine */
        { "prescribe", "MedicalLicence" },
        { "nurse", "NursingLicence" },
        { "dispense", "PharmacistLicence" },
    };

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (strcmp(capability, types[i].capability) == 0)
            return types[i].type;
    return capability;
}

static bool covers(const json_t *regions, const char *region)
{
    for (size_t i = 0; i < json_array_size(regions); i++)
        if (lib_region_covers(json_string_value(json_array_get(regions, i)), region))
            return true;
    return false;
}

bool cred_has_begun(const lib_call *call, const json_t *vc)
{
    const char *from = lib_text(vc, "validFrom");
    int64_t begins = 0;

    return from && lib_time_parse(from, &begins) && begins <= call->now;
}

static bool in_time(const lib_call *call, const json_t *vc)
{
    const char *until = lib_text(vc, "validUntil");
    int64_t ends = 0;

    return cred_has_begun(call, vc) && until && lib_time_parse(until, &ends) && call->now <= ends;
}

/* The bit of a credential's list; a list that isn't there clears nobody. */
static fcc_status status_of(lib_call *call, const json_t *vc, bool *set)
{
    const char *id = lib_text(vc, "listId");
    const json_t *list = NULL;
    fcc_status st;

    *set = true;
    if (!id)
        return FCC_OK;
    if ((st = lib_read(call, NULL, lib_key(call, "SLIST", id, NULL, NULL), &list)) != FCC_OK || !list)
        return st;
    return cred_status_bit(call, id, json_integer_value(json_object_get(vc, "index")), list, set);
}

fcc_status cred_check(lib_call *call, const char *subject, const char *capability, const char *region, bool *valid)
{
    const char *type = type_of(capability), *h, *issuer;
    const fcc_bytes keys[] = { lib_key(call, "PRAC", subject, NULL, NULL),
                               lib_key(call, "VCCUR", subject, type, NULL) };
    const json_t *records[2] = { 0 }, *vc = NULL;
    const char *before;
    bool accredited = false, set = true;
    fcc_status st = lib_read_many(call, NULL, keys, 2, records);

    *valid = false;
    h = st == FCC_OK ? lib_text(records[1], "vc") : NULL;
    if (!h)
        return st;
    if ((st = lib_read(call, NULL, lib_key(call, "VC", h, NULL, NULL), &vc)) != FCC_OK)
        return st;
    before = lib_text(records[1], "before");
    if (before && !cred_has_begun(call, vc) &&
        (st = lib_read(call, NULL, lib_key(call, "VC", before, NULL, NULL), &vc)) != FCC_OK)
        return st;
    issuer = lib_text(vc, "issuer");
    if (!issuer)
        return fcc_fail(call->stub, FCC_ERR_CORRUPT, "a credential lacks its fields");
    if ((st = cred_accredited(call, issuer, type, &accredited)) != FCC_OK || (st = status_of(call, vc, &set)) != FCC_OK)
        return st;
    *valid = accredited && !set && in_time(call, vc) && covers(json_object_get(vc, "regions"), region) &&
             !(records[0] && !lib_text_is(records[0], "status", "active"));
    return FCC_OK;
}

static fcc_status cred_check_function(lib_call *call)
{
    bool valid = false;
    fcc_status st = cred_check(call, lib_arg_text(call, "subject"), lib_arg_text(call, "capability"),
                               lib_arg_text(call, "region"), &valid);

    return st == FCC_OK ? lib_answer(call, json_boolean(valid)) : st;
}
