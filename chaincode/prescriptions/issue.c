/* issue.c: a doctor prescribes, and a patient says which pharmacy it shall be. */
#include "prescriptions/parts.h"

static const lib_field issue_fields[] = {
    RX_ID,
    RX_PID,
    { .name = "encId", .type = LIB_ID },
    { .name = "items", .type = LIB_ARRAY, .min = 1, .max = RX_MAX_ITEMS },
    { .name = "regions", .type = LIB_AREAS, .optional = true, .min = 1, .max = 50 },
    { .name = "codeHash", .type = LIB_HEX, .max = 64 },
    { .name = "codeSalt", .type = LIB_HEX, .max = 32 },
    { .name = "validUntil", .type = LIB_TIME },
    RX_SALT,
};
static const lib_field nominate_fields[] = { RX_PID, { .name = "gln", .type = LIB_GLN, .optional = true }, RX_SALT };

LIB_DEFINE(rx_issue, .flags = LIB_WRITES, .roles = LIB_DOCTOR, .in = LIB_IN_REQUIRED, LIB_FIELDS(issue_fields),
           .callers = "doctor of the encounter, with a licence to prescribe",
           .reads = "licence; kyc PERS, NID; ehr subject ENC; rx RX, NOM; ACT", .writes = "rx RX, RXP, RXQ; ACT",
           .endorsers = "CC", .answer = "`{\"id\",\"v\"}`")
LIB_DEFINE(rx_nominate, .flags = LIB_WRITES, .roles = LIB_PATIENT, .in = LIB_IN_REQUIRED, LIB_FIELDS(nominate_fields),
           .callers = "owner; without `gln` the nomination ends", .reads = "ORG; rx NOM",
           .writes = "rx NOM; **no public write**", .endorsers = "RX")

/* ---- Issue ---- */

/* The region of the caller's site, where the doctor's licence is valid. 403 DENIED:licence. */
static fcc_status require_licence(lib_call *call, const char **region)
{
    struct registry_site site = { 0 };
    bool found = false, valid = false;
    fcc_status st = registry_site(call, call->caller.site, &site, &found);

    if (st == FCC_OK && found && site.region)
        st = lib_check(call, call->caller.uid, "prescribe", site.region, &valid);
    if (st != FCC_OK)
        return st;
    *region = site.region;
    return valid ? FCC_OK : lib_deny(call, "licence", "no valid licence to prescribe in the site's region");
}

/* The encounter is this patient's and doctor's, at this site, and open. */
static fcc_status require_encounter(lib_call *call, const char *pid)
{
    const fcc_bytes args[] = { FCC_LIT("CheckEncounter"), fcc_str(lib_in_text(call, "encId")), fcc_str(pid),
                               fcc_str(call->caller.uid) };
    const json_t *encounter = NULL;
    fcc_status st = lib_call_sister(call, "ehr", args, 4, &encounter);

    if (st != FCC_OK)
        return st;
    if (!lib_text_is(encounter, "site", call->caller.site))
        return lib_deny(call, "not_author", "the encounter was opened at another site");
    return lib_text_is(encounter, "status", "open") ? FCC_OK
                                                    : lib_refuse(call, LIB_PRECONDITION, "the encounter is closed");
}

/* Nobody prescribes for himself. credentials refuses with 412 where nobody knows who the doctor is. */
static fcc_status require_another_person(lib_call *call, const char *pid)
{
    const fcc_bytes args[] = { FCC_LIT("SamePerson"), fcc_str(call->caller.uid), fcc_str(pid) };
    const json_t *same = NULL;
    fcc_status st = lib_call_sister(call, "credentials", args, 3, &same);

    if (st != FCC_OK)
        return st;
    return json_is_true(same) ? lib_deny(call, "self", "nobody prescribes for oneself") : FCC_OK;
}

/* Where it may be dispensed: as T says, or in the country of the doctor's site. */
static json_t *regions_of(lib_call *call, const char *own)
{
    const json_t *given = lib_in(call, "regions");

    return given ? json_incref((json_t *)given) : json_pack("[s%]", own, (size_t)2);
}

static fcc_status write_new(lib_call *call, const char *pid, const char *region, const char *nominee)
{
    const char *id = lib_in_text(call, "rxId");
    char rev[LIB_EPOCH_SIZE];
    json_t *items = rx_new_items(call), *rx;
    fcc_status st;

    if (!items)
        return FCC_ERR_NOMEM;
    rx = lib_own(call, json_pack("{s:i,s:i,s:s,s:s,s:s,s:s,s:s,s:s,s:O,s:o,s:s*,s:O,s:O,s:O,s:O,s:s}", "fmt", 1, "v", 1,
                                 "rxId", id, "pid", pid, "issuer", call->caller.uid, "site", call->caller.site, "enc",
                                 lib_in_text(call, "encId"), "status", "active", "items", items, "regions",
                                 regions_of(call, region), "nominee", nominee, "codeHash", lib_in(call, "codeHash"),
                                 "codeSalt", lib_in(call, "codeSalt"), "validUntil", lib_in(call, "validUntil"), "salt",
                                 lib_in(call, "salt"), "issued", lib_time(call, call->now)));
    if (!rx)
        return FCC_ERR_NOMEM;
    lib_rev_epoch(call->now, rev);
    if ((st = rx_write(call, NULL, rx)) != FCC_OK ||
        (st = lib_write_mark(call, RX_COLLECTION, lib_key(call, "RXP", pid, rev, id))) != FCC_OK)
        return st;
    return lib_answer_act(call, "RxIssued", id, 1);
}

static fcc_status rx_issue(lib_call *call)
{
    const char *id = lib_in_text(call, "rxId"), *pid = lib_in_text(call, "pid"), *region = NULL;
    const json_t *old = NULL, *act = NULL, *nomination = NULL;
    int64_t until = 0;
    fcc_status st;

    /* the acts of its dispenses have a colon and a number behind it */
    if (strlen(id) > RX_MAX_ID || strchr(id, ':'))
        return lib_refuse(call, LIB_BAD_INPUT, "rxId is longer than %d characters, or has a colon in it", RX_MAX_ID);
    if (!lib_time_parse(lib_in_text(call, "validUntil"), &until) || until <= call->now)
        return lib_refuse(call, LIB_BAD_INPUT, "validUntil is past");
    if ((st = rx_check_items(call)) != FCC_OK || (st = require_licence(call, &region)) != FCC_OK ||
        (st = lib_require_patient(call, &pid)) != FCC_OK || (st = require_encounter(call, pid)) != FCC_OK ||
        (st = require_another_person(call, pid)) != FCC_OK ||
        (st = lib_read(call, RX_COLLECTION, lib_key(call, "RX", id, NULL, NULL), &old)) != FCC_OK ||
        (st = lib_read(call, NULL, lib_key(call, "ACT", id, NULL, NULL), &act)) != FCC_OK ||
        (st = lib_read(call, RX_COLLECTION, lib_key(call, "NOM", pid, NULL, NULL), &nomination)) != FCC_OK)
        return st;
    if (old || act)
        return lib_refuse(call, LIB_ALREADY, "rxId was used before");
    return write_new(call, pid, region, lib_text(nomination, "gln"));
}

/* ---- Nominate ---- */

static fcc_status require_pharmacy(lib_call *call, const char *gln)
{
    struct registry_site site = { 0 };
    bool found = false;
    fcc_status st = registry_site(call, gln, &site, &found);

    if (st != FCC_OK)
        return st;
    if (!found || !site.msp || strcmp(site.msp, "PharmacyMSP") != 0)
        return lib_refuse(call, LIB_NOT_FOUND, "gln is no pharmacy");
    return site.approved ? FCC_OK : lib_refuse(call, LIB_PRECONDITION, "the pharmacy is not approved");
}

/* It counts for what is issued from now on; a prescription keeps the nominee that it was issued with. */
static fcc_status rx_nominate(lib_call *call)
{
    const char *pid = lib_in_text(call, "pid"), *gln = lib_in_text(call, "gln"), *now;
    const json_t *old = NULL;
    json_t *nomination;
    fcc_status st;

    if ((st = rx_require_owner(call, pid)) != FCC_OK || (st = lib_require_patient(call, &pid)) != FCC_OK ||
        (gln && (st = require_pharmacy(call, gln)) != FCC_OK) ||
        (st = lib_read(call, RX_COLLECTION, lib_key(call, "NOM", pid, NULL, NULL), &old)) != FCC_OK)
        return st;
    now = lib_text(old, "gln");
    if (gln ? now && strcmp(now, gln) == 0 : !now)
        return lib_refuse(call, LIB_ALREADY, gln ? "this pharmacy is nominated" : "no pharmacy is nominated");
    nomination = lib_own(call,
                         json_pack("{s:i,s:i,s:s*,s:s,s:s,s:O}", "fmt", 1, "v", lib_version(old) + 1, "gln", gln, "at",
                                   lib_time(call, call->now), "by", call->caller.pid, "salt", lib_in(call, "salt")));
    if (!nomination)
        return FCC_ERR_NOMEM;
    return lib_write_version(call, RX_COLLECTION, "NOM", pid, NULL, nomination);
}
