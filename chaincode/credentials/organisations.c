/*
 * organisations.c: the places. A place is registered by its organisation's administrator and approved by the regulator;
 * the first one of an organisation brings its administrator with it, who has no key in the registry until then.
 */
#include "credentials/parts.h"
#include "lib/json.h"

static const char *const types[] = { "hospital",     "ward",      "lab",          "practice", "pharmacy",
                                     "manufacturer", "warehouse", "office",       "insurer",  "research",
                                     "authority",    "council",   "inspectorate", NULL };

static const lib_field bootstrap_args[] = { { .name = "uid", .type = LIB_ID }, { .name = "gln", .type = LIB_GLN } };
static const lib_field register_args[] = {
    { .name = "gln", .type = LIB_GLN },
    { .name = "type", .type = LIB_WORD, .words = types },
    { .name = "region", .type = LIB_AREA },
    { .name = "parent", .type = LIB_GLN, .optional = true },
    { .name = "display", .type = LIB_DISPLAY, .max = 128 },
};
static const lib_field gln_args[] = { { .name = "gln", .type = LIB_GLN } };
static const lib_field list_args[] = { { .name = "page", .type = LIB_TOKEN, .optional = true, .max = 64 } };

#define RC .endorsers = "RC"

CRED_DEFINE(cred_bootstrap, .flags = LIB_WRITES | LIB_UNBOUND, .roles = LIB_ADMIN, LIB_ARGS(bootstrap_args), RC,
            .callers = "R's certificate with OU admin, key unbound, once per network", .reads = "MSP, ORG, KEY",
            .writes = "ORG, MSP, KEY, PRAC, PROLE")
CRED_DEFINE(cred_register_org, .flags = LIB_WRITES | LIB_UNBOUND, .roles = LIB_ADMIN, LIB_ARGS(register_args), RC,
            .callers = "first site: certificate with OU admin of that organisation, key unbound; more: bound admin; "
                       "`inspectorate`: admin of R",
            .reads = "ORG, MSP", .writes = "ORG (pending, with the caller's key)")
CRED_DEFINE(cred_approve_org, .flags = LIB_WRITES, .roles = LIB_ADMIN, LIB_ARGS(gln_args), RC, .callers = "admin of R",
            .reads = "ORG, MSP, KEY, PRAC", .writes = "ORG, MSP; for a first site KEY, PRAC, PROLE of its admin")
CRED_DEFINE(cred_reject_org, .flags = LIB_WRITES, .roles = LIB_ADMIN, LIB_ARGS(gln_args), RC, .callers = "admin of R",
            .reads = "ORG", .writes = "ORG")
CRED_DEFINE(cred_suspend_org, .flags = LIB_WRITES, .roles = LIB_ADMIN, LIB_ARGS(gln_args), RC,
            .callers = "admin of R, not the own site", .reads = "ORG", .writes = "ORG")
CRED_DEFINE(cred_reinstate_org, .flags = LIB_WRITES, .roles = LIB_ADMIN, LIB_ARGS(gln_args), RC,
            .callers = "admin of R", .reads = "ORG", .writes = "ORG")
CRED_DEFINE(cred_get_org, .roles = LIB_EVERY_ROLE, LIB_ARGS(gln_args), .reads = "ORG", .answer = "the record")
CRED_DEFINE(cred_list_orgs, .roles = LIB_EVERY_ROLE, LIB_ARGS(list_args), .reads = "ORG",
            .answer = "`{\"next\"?,\"orgs\":[…]}`, by GLN")

/* ---- records ---- */

static fcc_status read_org(lib_call *call, const char *gln, const json_t **org)
{
    return lib_read(call, NULL, lib_key(call, "ORG", gln, NULL, NULL), org);
}

static fcc_status require_org(lib_call *call, const char *gln, const json_t **org)
{
    fcc_status st = read_org(call, gln, org);

    if (st != FCC_OK)
        return st;
    return *org ? FCC_OK : lib_refuse(call, LIB_NOT_FOUND, "gln: no site is registered with it");
}

static fcc_status read_member(lib_call *call, const char *msp, const json_t **member)
{
    return lib_read(call, NULL, lib_key(call, "MSP", msp, NULL, NULL), member);
}

/* The organisation's first approved site: who wants to be the first finds that there is one. */
static fcc_status write_member(lib_call *call, const char *msp, const char *gln)
{
    return lib_write(call, NULL, lib_key(call, "MSP", msp, NULL, NULL), json_pack("{s:i,s:s}", "fmt", 1, "gln", gln));
}

static fcc_status require_admin_ou(lib_call *call)
{
    bool has = false;
    fcc_status st = fcc_client_has_ou(call->stub, FCC_LIT("admin"), &has);

    if (st != FCC_OK)
        return st;
    return has ? FCC_OK : lib_deny(call, "role", "the certificate is no administrator's: it has no OU admin");
}

/* The administrator who comes with an organisation's first site. */
static fcc_status write_first_admin(lib_call *call, const char *uid, const char *gln, const char *msp, const char *fp)
{
    const json_t *person = NULL;
    fcc_status st;

    if ((st = cred_require_free_key(call, NULL, fp)) != FCC_OK ||
        (st = lib_read(call, NULL, lib_key(call, "PRAC", uid, NULL, NULL), &person)) != FCC_OK ||
        (st = cred_write_staff_key(call, fp, uid, gln, msp, "active")) != FCC_OK ||
        (st = cred_write_person(call, person, uid, gln, msp)) != FCC_OK)
        return st;
    return lib_write(call, NULL, lib_key(call, "PROLE", uid, gln, NULL),
                     json_pack("{s:i,s:i,s:s,s:s,s:s,s:[s],s:[],s:s,s:s,s:s}", "fmt", 1, "v", 1, "uid", uid, "site",
                               gln, "msp", msp, "roles", "admin", "caps", "fp", fp, "status", "approved", "by",
                               call->caller.msp));
}

/* ---- functions ---- */

static fcc_status cred_bootstrap(lib_call *call)
{
    const char *uid = lib_arg_text(call, "uid"), *gln = lib_arg_text(call, "gln");
    const json_t *member = NULL, *org = NULL;
    fcc_status st;

    if (strcmp(call->caller.msp, CRED_REGULATOR) != 0)
        return lib_deny(call, "role", "only for the regulator");
    if ((st = require_admin_ou(call)) != FCC_OK || (st = cred_require_own(call, uid, gln)) != FCC_OK ||
        (st = read_member(call, CRED_REGULATOR, &member)) != FCC_OK || (st = read_org(call, gln, &org)) != FCC_OK)
        return st;
    if (member || org)
        return lib_refuse(call, LIB_ALREADY, "the network has its regulator");
    st = lib_write(call, NULL, lib_key(call, "ORG", gln, NULL, NULL),
                   json_pack("{s:i,s:i,s:s,s:s,s:s,s:s}", "fmt", 1, "v", 1, "gln", gln, "msp", CRED_REGULATOR, "type",
                             "authority", "status", "approved"));
    if (st != FCC_OK || (st = write_member(call, CRED_REGULATOR, gln)) != FCC_OK ||
        (st = write_first_admin(call, uid, gln, CRED_REGULATOR, call->caller.fp)) != FCC_OK)
        return st;
    return lib_event(call, "OrgApproved", json_pack("{s:s}", "gln", gln));
}

/* Who registers which type: sets the organisation that the site will belong to, and its administrator's uid. */
static fcc_status applicant(lib_call *call, const char *gln, const char *type, const char **msp, const char **uid)
{
    bool of_regulator = strcmp(type, "authority") == 0 || strcmp(type, "council") == 0;
    bool inspectorate = strcmp(type, "inspectorate") == 0;
    const json_t *member = NULL;
    fcc_status st = read_member(call, call->caller.msp, &member);

    *msp = call->caller.msp;
    *uid = NULL;
    if (st != FCC_OK)
        return st;
    if ((of_regulator || inspectorate) && strcmp(call->caller.msp, CRED_REGULATOR) != 0)
        return lib_deny(call, "role", "only the regulator registers sites of this type");
    if (!member) {
        if ((st = require_admin_ou(call)) != FCC_OK || (st = lib_attribute(call, "uid", uid)) != FCC_OK)
            return st;
        if (!*uid || !lib_is_id(*uid))
            return lib_deny(call, "certificate", "the certificate has no uid");
        return cred_require_own(call, *uid, gln);
    }
    if ((st = lib_resolve_caller(call)) != FCC_OK)
        return st;
    if (inspectorate) {
        *msp = CRED_INSPECTOR;
        return cred_require_regulator(call);
    }
    return FCC_OK;
}

static fcc_status check_parent(lib_call *call, const char *parent, const char *msp)
{
    const json_t *org = NULL;
    fcc_status st;

    if (!parent)
        return FCC_OK;
    if ((st = read_org(call, parent, &org)) != FCC_OK)
        return st;
    if (!lib_text_is(org, "msp", msp) || !lib_text_is(org, "status", "approved"))
        return lib_refuse(call, LIB_PRECONDITION, "parent is no approved site of this organisation");
    return FCC_OK;
}

static fcc_status cred_register_org(lib_call *call)
{
    const char *gln = lib_arg_text(call, "gln"), *parent = lib_arg_text(call, "parent"), *msp, *uid;
    const json_t *old = NULL;
    json_t *org;
    fcc_status st;

    if ((st = applicant(call, gln, lib_arg_text(call, "type"), &msp, &uid)) != FCC_OK ||
        (st = check_parent(call, parent, msp)) != FCC_OK || (st = read_org(call, gln, &old)) != FCC_OK)
        return st;
    if (old && !lib_text_is(old, "status", "rejected"))
        return lib_refuse(call, LIB_ALREADY, "a site is registered with this gln");
    org = json_pack("{s:i,s:I,s:s,s:s,s:O,s:O,s:s*,s:O,s:s}", "fmt", 1, "v",
                    json_integer_value(json_object_get(old, "v")) + 1, "gln", gln, "msp", msp, "type",
                    lib_arg(call, "type"), "region", lib_arg(call, "region"), "parent", parent, "display",
                    lib_arg(call, "display"), "status", "pending");
    /* a first site's administrator is bound with it; who registers a further one is known already */
    if (org &&
        !cred_set(org, "applicant",
                  json_pack("{s:s,s:s}", uid ? "uid" : "by", uid ? uid : call->caller.uid, "fp", call->caller.fp))) {
        json_decref(org);
        org = NULL;
    }
    return lib_write(call, NULL, lib_key(call, "ORG", gln, NULL, NULL), org);
}

/* From one status to the next; anything else is in the way. */
static fcc_status move(lib_call *call, const char *from, const char *to, const json_t **org)
{
    const char *gln = lib_arg_text(call, "gln");
    fcc_status st;

    if ((st = cred_require_regulator(call)) != FCC_OK || (st = require_org(call, gln, org)) != FCC_OK)
        return st;
    if (lib_text_is(*org, "status", to))
        return lib_refuse(call, LIB_ALREADY, "the site is %s", to);
    if (!lib_text_is(*org, "status", from))
        return lib_refuse(call, LIB_PRECONDITION, "the site is not %s", from);
    return lib_write(call, NULL, lib_key(call, "ORG", gln, NULL, NULL), cred_next(*org, to));
}

static fcc_status cred_approve_org(lib_call *call)
{
    const char *gln = lib_arg_text(call, "gln"), *msp, *uid, *fp;
    const json_t *org = NULL, *member = NULL, *who;
    fcc_status st = move(call, "pending", "approved", &org);

    if (st != FCC_OK)
        return st;
    msp = lib_text(org, "msp");
    who = json_object_get(org, "applicant");
    uid = lib_text(who, "uid");
    fp = lib_text(who, "fp");
    if (!msp || !fp)
        return fcc_fail(call->stub, FCC_ERR_CORRUPT, "a site lacks its fields");
    if ((st = read_member(call, msp, &member)) != FCC_OK)
        return st;
    if (uid && member)
        return lib_refuse(call, LIB_PRECONDITION, "the organisation has a first site by now: its admin registers more");
    if (!member && (st = write_member(call, msp, gln)) != FCC_OK)
        return st;
    if (uid && (st = write_first_admin(call, uid, gln, msp, fp)) != FCC_OK)
        return st;
    return lib_event(call, "OrgApproved", json_pack("{s:s}", "gln", gln));
}

static fcc_status cred_reject_org(lib_call *call)
{
    const json_t *org = NULL;

    return move(call, "pending", "rejected", &org);
}

static fcc_status cred_suspend_org(lib_call *call)
{
    const json_t *org = NULL;

    if (strcmp(lib_arg_text(call, "gln"), call->caller.site) == 0)
        return lib_deny(call, "self", "nobody suspends the own site");
    return move(call, "approved", "suspended", &org);
}

static fcc_status cred_reinstate_org(lib_call *call)
{
    const json_t *org = NULL;

    return move(call, "suspended", "approved", &org);
}

static fcc_status cred_get_org(lib_call *call)
{
    const json_t *org = NULL;
    fcc_status st = require_org(call, lib_arg_text(call, "gln"), &org);

    return st == FCC_OK ? lib_answer(call, json_incref((json_t *)org)) : st;
}

static fcc_status cred_list_orgs(lib_call *call)
{
    const char *page = lib_arg_text(call, "page");
    json_t *orgs = lib_own(call, json_array());
    const char *next = NULL;
    fcc_bytes start = page ? lib_key(call, "ORG", page, NULL, NULL) : fcc_bytes_of(NULL, 0);
    fcc_iter *iter = NULL;
    fcc_page fetched;
    fcc_status st;

    if (!orgs)
        return FCC_ERR_NOMEM;
    st = fcc_get_state_by_partial_composite_key_with_pagination(call->stub, FCC_LIT("ORG"), NULL, 0, CRED_PAGE + 1,
                                                                start, &iter, &fetched);
    if (st != FCC_OK)
        return st;
    while (st == FCC_OK && fcc_iter_has_next(iter)) {
        fcc_kv kv;
        json_t *org;

        if ((st = fcc_iter_next(iter, &kv)) != FCC_OK)
            break;
        org = lib_own(call, lib_json_load_own(kv.value));
        if (!org)
            st = FCC_ERR_CORRUPT;
        else if (json_array_size(orgs) == CRED_PAGE)
            next = lib_text(org, "gln");
        else if (json_array_append(orgs, org) != 0)
            st = FCC_ERR_NOMEM;
    }
    fcc_iter_close(iter);
    return st == FCC_OK ? lib_answer(call, json_pack("{s:O,s:s*}", "orgs", orgs, "next", next)) : st;
}
