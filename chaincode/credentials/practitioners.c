/*
 * practitioners.c: people who work at a site. Somebody applies with a key of their own, the site's administrator (or the
 * regulator's) approves, and from then on the key acts for that job and no other.
 *
 * The first key of a uid makes the person. A further one could be anybody's, so it needs the word of a bound key of that
 * person (`sig`), or the regulator: a clinic can't make itself a colleague.
 */
#include "credentials/parts.h"
#include "credentials/vouch.h"
#include "lib/json.h"

static const char *const staff_roles[] = { "doctor",          "nurse",     "labtech",    "registrar",   "desk",
                                           "privacy_officer", "custodian", "pharmacist", "supplychain", "insurer_agent",
                                           "researcher",      "auditor",   "admin",      NULL };
static const char *const caps[] = { "btg", NULL };

static const lib_field register_args[] = {
    { .name = "uid", .type = LIB_ID },
    { .name = "gln", .type = LIB_GLN },
    { .name = "roles", .type = LIB_WORDS, .min = 1, .max = 8, .words = staff_roles },
    { .name = "caps", .type = LIB_WORDS, .min = 0, .max = 4, .words = caps },
    { .name = "sig", .type = LIB_SIGNATURE, .optional = true, .max = 600 },
    { .name = "fp", .type = LIB_HEX, .optional = true, .max = 64 },
};
static const lib_field job_args[] = { { .name = "uid", .type = LIB_ID }, { .name = "gln", .type = LIB_GLN } };
static const lib_field status_args[] = { { .name = "uid", .type = LIB_ID },
                                         { .name = "gln", .type = LIB_GLN, .optional = true } };
static const lib_field key_args[] = { { .name = "newFp", .type = LIB_HEX, .max = 64 } };
static const lib_field uid_args[] = { { .name = "uid", .type = LIB_ID } };

enum { staff = LIB_EVERY_ROLE & ~LIB_PATIENT };

#define APPROVERS "admin of that site, not oneself; admin of R"

CRED_DEFINE(cred_register_practitioner, .flags = LIB_WRITES | LIB_UNBOUND, .roles = staff, LIB_ARGS(register_args),
            .endorsers = "RC", .callers = "the person, key unbound; for V's auditors an admin of R, with `fp`",
            .reads = "ORG, PROLE, PRAC, KEY", .writes = "PROLE (pending, with the key)")
CRED_DEFINE(cred_approve_practitioner, .flags = LIB_WRITES, .roles = LIB_ADMIN, LIB_ARGS(job_args), .endorsers = "RC",
            .callers = APPROVERS, .reads = "ORG, PROLE, PRAC, KEY", .writes = "PROLE, PRAC, KEY")
CRED_DEFINE(cred_reject_practitioner, .flags = LIB_WRITES, .roles = LIB_ADMIN, LIB_ARGS(job_args), .endorsers = "RC",
            .callers = APPROVERS, .reads = "PROLE", .writes = "PROLE")
CRED_DEFINE(cred_suspend_practitioner, .flags = LIB_WRITES, .roles = LIB_ADMIN, LIB_ARGS(status_args),
            .endorsers = "RC", .callers = APPROVERS "; without `gln`, the person everywhere: admin of R",
            .reads = "PROLE or PRAC", .writes = "PROLE or PRAC")
CRED_DEFINE(cred_reinstate, .flags = LIB_WRITES, .roles = LIB_ADMIN, LIB_ARGS(status_args), .endorsers = "RC",
            .callers = APPROVERS "; what R suspended and without `gln`: admin of R", .reads = "PROLE or PRAC",
            .writes = "PROLE or PRAC")
CRED_DEFINE(cred_rotate_key, .flags = LIB_WRITES, .roles = staff, LIB_ARGS(key_args), .endorsers = "RC",
            .callers = "staff, with the old key", .reads = "KEY, PROLE", .writes = "KEY (both), PROLE")
CRED_DEFINE(cred_get_practitioner, .roles = LIB_EVERY_ROLE, LIB_ARGS(uid_args), .reads = "PRAC, PROLE",
            .answer = "the person's record, `jobs` with their roles, capabilities and status, pending ones too")

/* ---- records ---- */

static fcc_bytes job_key(lib_call *call, const char *uid, const char *gln)
{
    return lib_key(call, "PROLE", uid, gln, NULL);
}

static bool works_at(const json_t *person, const char *site)
{
    const json_t *jobs = json_object_get(person, "jobs");

    for (size_t i = 0; i < json_array_size(jobs); i++)
        if (lib_text_is(json_array_get(jobs, i), "site", site))
            return true;
    return false;
}

fcc_status cred_write_person(lib_call *call, const json_t *old, const char *uid, const char *site, const char *msp)
{
    json_t *person, *jobs;

    if (works_at(old, site))
        return FCC_OK;
    person = old ? cred_next(old, NULL)
                 : json_pack("{s:i,s:i,s:s,s:s}", "fmt", 1, "v", 1, "uid", uid, "status", "active");
    jobs = old ? json_copy(json_object_get(old, "jobs")) : json_array();
    if (!jobs || json_array_append_new(jobs, json_pack("{s:s,s:s}", "site", site, "msp", msp)) != 0) {
        json_decref(jobs);
        jobs = NULL;
    }
    if (!person || !cred_set(person, "jobs", jobs)) {
        json_decref(person);
        return FCC_ERR_NOMEM;
    }
    return lib_write(call, NULL, lib_key(call, "PRAC", uid, NULL, NULL), person);
}

/* ---- applying ---- */

static bool roles_fit(const json_t *roles, const char *msp)
{
    for (size_t i = 0; i < json_array_size(roles); i++)
        if (!lib_role_allowed(lib_role_of(json_string_value(json_array_get(roles, i))), msp))
            return false;
    return true;
}

/* The inspectorate's auditors don't write, so the regulator registers them; everybody else applies alone. */
static fcc_status check_applicant(lib_call *call, const json_t *org)
{
    const char *msp = lib_text(org, "msp");
    const json_t *roles = lib_arg(call, "roles");
    fcc_status st;

    if (lib_arg(call, "fp")) {
        if ((st = lib_resolve_caller(call)) != FCC_OK || (st = cred_require_regulator(call)) != FCC_OK)
            return st;
        if (!msp || strcmp(msp, CRED_INSPECTOR) != 0)
            return lib_refuse(call, LIB_BAD_INPUT, "fp: people apply with their own key");
    } else {
        st = cred_require_own(call, lib_arg_text(call, "uid"), lib_arg_text(call, "gln"));
        if (st != FCC_OK)
            return st;
        if (!msp || strcmp(msp, call->caller.msp) != 0)
            return lib_deny(call, "certificate", "the site belongs to another organisation");
        if (!lib_lists(roles, call->caller.role_name))
            return lib_refuse(call, LIB_BAD_INPUT, "roles: the certificate's role is not among them");
    }
    if (!roles_fit(roles, msp))
        return lib_refuse(call, LIB_BAD_INPUT, "roles: the organisation may not carry one of them");
    if (json_array_size(lib_arg(call, "caps")) > 0 && !lib_lists(roles, "doctor"))
        return lib_refuse(call, LIB_BAD_INPUT, "caps: only for doctors");
    return FCC_OK;
}

/* Whether a bound key of the same person, whose job stands, vouches for the new one. */
static fcc_status check_vouching(lib_call *call, const json_t *person, const char *fp, bool *vouched)
{
    const char *uid = lib_arg_text(call, "uid"), *sig = lib_arg_text(call, "sig");
    struct cred_vouching vouching;
    struct registry_job job = { 0 };
    const json_t *key = NULL;
    bool found = false;
    fcc_status st;

    *vouched = false;
    if (person && !lib_text_is(person, "status", "active"))
        return lib_deny(call, "suspended", "the person is suspended");
    if (!sig)
        return FCC_OK;
    if (!person)
        return lib_refuse(call, LIB_BAD_INPUT, "sig: the person has no key that could vouch yet");
    if (!cred_vouching_read(sig, &vouching))
        return lib_refuse(call, LIB_BAD_INPUT, "sig is not what it should be");
    if ((st = lib_read(call, NULL, lib_key(call, "KEY", vouching.fp, NULL, NULL), &key)) != FCC_OK)
        return st;
    if (!lib_text_is(key, "uid", uid) || !lib_text_is(key, "status", "active"))
        return lib_deny(call, "signature", "sig: the key is not bound to this uid");
    /* a suspended job's key stays bound, and says nothing any more */
    if ((st = registry_job(call, uid, lib_text(key, "site"), &job, &found)) != FCC_OK)
        return st;
    if (!found || !job.approved || !job.fp || strcmp(job.fp, vouching.fp) != 0)
        return lib_deny(call, "signature", "sig: the key's own job does not stand");
    if (!cred_vouching_holds(&vouching, fcc_channel_id(call->stub), uid, lib_arg_text(call, "gln"), fp))
        return lib_deny(call, "signature", "sig does not vouch for this key, uid and gln");
    *vouched = true;
    return FCC_OK;
}

/* What the regulator suspended, the regulator lets go on, also when the person applies anew. */
static bool is_held(const json_t *job)
{
    return json_is_true(json_object_get(job, "held")) ||
           (lib_text_is(job, "status", "suspended") && lib_text_is(job, "by", CRED_REGULATOR));
}

static fcc_status cred_register_practitioner(lib_call *call)
{
    const char *uid = lib_arg_text(call, "uid"), *gln = lib_arg_text(call, "gln"), *fp = lib_arg_text(call, "fp");
    const fcc_bytes keys[] = { lib_key(call, "ORG", gln, NULL, NULL), job_key(call, uid, gln),
                               lib_key(call, "PRAC", uid, NULL, NULL) };
    const json_t *records[3] = { 0 }, *old;
    bool vouched = false;
    fcc_status st = lib_read_many(call, NULL, keys, 3, records);

    if (st != FCC_OK)
        return st;
    old = records[1];
    if (!records[0])
        return lib_refuse(call, LIB_NOT_FOUND, "gln: no site is registered with it");
    if ((st = check_applicant(call, records[0])) != FCC_OK)
        return st;
    if (!lib_text_is(records[0], "status", "approved"))
        return lib_refuse(call, LIB_PRECONDITION, "the site is not approved");
    if (!fp)
        fp = call->caller.fp;
    if ((st = cred_require_free_key(call, NULL, fp)) != FCC_OK)
        return st;
    /* who lost the key has the job suspended and applies anew */
    if (old && !lib_text_is(old, "status", "rejected") && !lib_text_is(old, "status", "suspended"))
        return lib_refuse(call, LIB_ALREADY, "this person has applied at this site before");
    if ((st = check_vouching(call, records[2], fp, &vouched)) != FCC_OK)
        return st;
    return lib_write(call, NULL, job_key(call, uid, gln),
                     json_pack("{s:i,s:I,s:s,s:s,s:O,s:O,s:O,s:s,s:s*,s:b,s:o*,s:s}", "fmt", 1, "v",
                               json_integer_value(json_object_get(old, "v")) + 1, "uid", uid, "site", gln, "msp",
                               json_object_get(records[0], "msp"), "roles", lib_arg(call, "roles"), "caps",
                               lib_arg(call, "caps"), "fp", fp, "was",
                               lib_text(old, "was") ? lib_text(old, "was") : lib_text(old, "fp"), "vouched", vouched,
                               "held", is_held(old) ? json_true() : NULL, "status", "pending"));
}

/* ---- deciding ---- */

/* The caller may decide on the job: administrator of the site, or of the regulator; never on the own one. */
static fcc_status require_approver(lib_call *call, bool *regulator)
{
    const char *uid = lib_arg_text(call, "uid"), *gln = lib_arg_text(call, "gln");
    struct registry_site site = { 0 };
    fcc_status st = cred_caller_site(call, &site, regulator);

    if (st != FCC_OK)
        return st;
    if (!*regulator && (!gln || strcmp(gln, call->caller.site) != 0))
        return lib_deny(call, "role", "only for an administrator of that site or of the regulator");
    if (strcmp(uid, call->caller.uid) == 0)
        return lib_deny(call, "self", "nobody decides on oneself");
    return FCC_OK;
}

static fcc_status require_job(lib_call *call, const char *from, const char *to, const json_t **job)
{
    fcc_status st = lib_read(call, NULL, job_key(call, lib_arg_text(call, "uid"), lib_arg_text(call, "gln")), job);

    if (st != FCC_OK)
        return st;
    if (!*job)
        return lib_refuse(call, LIB_NOT_FOUND, "this person has not applied at this site");
    if (lib_text_is(*job, "status", to))
        return lib_refuse(call, LIB_ALREADY, "the job is %s", to);
    if (!lib_text_is(*job, "status", from))
        return lib_refuse(call, LIB_PRECONDITION, "the job is not %s", from);
    return FCC_OK;
}

/* The record's next status; `by` says which organisation decided. Who is approved is held no more. */
static fcc_status decide(lib_call *call, fcc_bytes key, const json_t *old, const char *status)
{
    json_t *record = cred_next(old, status);

    if (!record || !cred_set(record, "by", json_string(call->caller.msp))) {
        json_decref(record);
        return FCC_ERR_NOMEM;
    }
    if (strcmp(status, "approved") == 0)
        json_object_del(record, "held");
    return lib_write(call, NULL, key, record);
}

/* The application's key is bound, and the one that the job had before is not any more. */
static fcc_status bind(lib_call *call, const json_t *job)
{
    const char *uid = lib_text(job, "uid"), *site = lib_text(job, "site"), *msp = lib_text(job, "msp");
    const char *fp = lib_text(job, "fp"), *was = lib_text(job, "was");
    const json_t *key = NULL;
    fcc_status st;

    if (!uid || !site || !msp || !fp)
        return fcc_fail(call->stub, FCC_ERR_CORRUPT, "a job lacks its fields");
    if ((st = cred_require_free_key(call, NULL, fp)) != FCC_OK)
        return st;
    if (was && (st = lib_read(call, NULL, lib_key(call, "KEY", was, NULL, NULL), &key)) != FCC_OK)
        return st;
    /* a key that was rejected here may have come to another job since */
    if (lib_text_is(key, "uid", uid) && lib_text_is(key, "site", site) &&
        (st = cred_write_staff_key(call, was, uid, site, msp, "replaced")) != FCC_OK)
        return st;
    return cred_write_staff_key(call, fp, uid, site, msp, "active");
}

static fcc_status cred_approve_practitioner(lib_call *call)
{
    const char *uid = lib_arg_text(call, "uid"), *gln = lib_arg_text(call, "gln");
    const fcc_bytes keys[] = { lib_key(call, "ORG", gln, NULL, NULL), lib_key(call, "PRAC", uid, NULL, NULL) };
    const json_t *records[2] = { 0 }, *job = NULL;
    bool regulator = false;
    fcc_status st;

    if ((st = require_approver(call, &regulator)) != FCC_OK ||
        (st = require_job(call, "pending", "approved", &job)) != FCC_OK ||
        (st = lib_read_many(call, NULL, keys, 2, records)) != FCC_OK)
        return st;
    if (!lib_text_is(records[0], "status", "approved"))
        return lib_refuse(call, LIB_PRECONDITION, "the site is not approved");
    if (records[1] && !lib_text_is(records[1], "status", "active"))
        return lib_refuse(call, LIB_PRECONDITION, "the person is suspended");
    if (records[1] && !regulator && !json_is_true(json_object_get(job, "vouched")))
        return lib_deny(call, "second_key", "the person has a key: a further one needs its word, or the regulator");
    if (!regulator && is_held(job))
        return lib_deny(call, "role", "what the regulator suspended, the regulator approves");
    if ((st = bind(call, job)) != FCC_OK ||
        (st = cred_write_person(call, records[1], uid, gln, lib_text(job, "msp"))) != FCC_OK ||
        (st = decide(call, job_key(call, uid, gln), job, "approved")) != FCC_OK)
        return st;
    return lib_event(call, "PractitionerApproved", json_pack("{s:s,s:s}", "uid", uid, "gln", gln));
}

static fcc_status cred_reject_practitioner(lib_call *call)
{
    const json_t *job = NULL;
    bool regulator = false;
    fcc_status st;

    if ((st = require_approver(call, &regulator)) != FCC_OK ||
        (st = require_job(call, "pending", "rejected", &job)) != FCC_OK)
        return st;
    return decide(call, job_key(call, lib_arg_text(call, "uid"), lib_arg_text(call, "gln")), job, "rejected");
}

/* The person everywhere, by the regulator. */
static fcc_status move_person(lib_call *call, const char *from, const char *to)
{
    const fcc_bytes key = lib_key(call, "PRAC", lib_arg_text(call, "uid"), NULL, NULL);
    const json_t *person = NULL;
    fcc_status st = lib_read(call, NULL, key, &person);

    if (st != FCC_OK)
        return st;
    if (!person)
        return lib_refuse(call, LIB_NOT_FOUND, "uid: nobody is registered with it");
    if (lib_text_is(person, "status", to))
        return lib_refuse(call, LIB_ALREADY, "the person is %s", to);
    if (!lib_text_is(person, "status", from))
        return lib_refuse(call, LIB_PRECONDITION, "the person is not %s", from);
    return decide(call, key, person, to);
}

static fcc_status cred_suspend_practitioner(lib_call *call)
{
    const char *uid = lib_arg_text(call, "uid"), *gln = lib_arg_text(call, "gln");
    const json_t *job = NULL;
    bool regulator = false;
    fcc_status st = require_approver(call, &regulator);

    if (st != FCC_OK)
        return st;
    if (!gln)
        return move_person(call, "active", "suspended");
    if ((st = lib_read(call, NULL, job_key(call, uid, gln), &job)) != FCC_OK)
        return st;
    /* what a site suspended, the regulator may take over, so that the site does not reinstate it */
    if (!(regulator && lib_text_is(job, "status", "suspended") && !is_held(job)) &&
        (st = require_job(call, "approved", "suspended", &job)) != FCC_OK)
        return st;
    return decide(call, job_key(call, uid, gln), job, "suspended");
}

static fcc_status cred_reinstate(lib_call *call)
{
    const char *uid = lib_arg_text(call, "uid"), *gln = lib_arg_text(call, "gln");
    const json_t *job = NULL;
    bool regulator = false;
    fcc_status st = require_approver(call, &regulator);

    if (st != FCC_OK)
        return st;
    if (!gln)
        return move_person(call, "suspended", "active");
    if ((st = require_job(call, "suspended", "approved", &job)) != FCC_OK)
        return st;
    if (!regulator && lib_text_is(job, "by", CRED_REGULATOR))
        return lib_deny(call, "role", "what the regulator suspended, the regulator reinstates");
    return decide(call, job_key(call, uid, gln), job, "approved");
}

/* ---- one's own ---- */

static fcc_status cred_rotate_key(lib_call *call)
{
    const lib_caller *caller = &call->caller;
    const char *fp = lib_arg_text(call, "newFp");
    const json_t *job = NULL;
    json_t *record;
    fcc_status st;

    if ((st = cred_require_free_key(call, NULL, fp)) != FCC_OK ||
        (st = lib_read(call, NULL, job_key(call, caller->uid, caller->site), &job)) != FCC_OK)
        return st;
    record = cred_next(job, NULL);
    if (!record || !cred_set(record, "fp", json_string(fp)) || !cred_set(record, "was", json_string(caller->fp))) {
        json_decref(record);
        return FCC_ERR_NOMEM;
    }
    if ((st = lib_write(call, NULL, job_key(call, caller->uid, caller->site), record)) != FCC_OK ||
        (st = cred_write_staff_key(call, caller->fp, caller->uid, caller->site, caller->msp, "rotated")) != FCC_OK)
        return st;
    return cred_write_staff_key(call, fp, caller->uid, caller->site, caller->msp, "active");
}

/* ---- GetPractitioner ---- */

/* All jobs of a person, also those that wait: who approves sees what is asked for. */
static fcc_status list_jobs(lib_call *call, const char *uid, json_t *jobs)
{
    const fcc_bytes part = fcc_str(uid);
    fcc_iter *iter = NULL;
    fcc_status st = fcc_get_state_by_partial_composite_key(call->stub, FCC_LIT("PROLE"), &part, 1, &iter);

    while (st == FCC_OK && fcc_iter_has_next(iter)) {
        fcc_kv kv;

        if ((st = fcc_iter_next(iter, &kv)) == FCC_OK && json_array_append_new(jobs, lib_json_load_own(kv.value)) != 0)
            st = fcc_fail(call->stub, FCC_ERR_CORRUPT, "a value on the ledger is not JSON");
    }
    fcc_iter_close(iter);
    return st;
}

static fcc_status cred_get_practitioner(lib_call *call)
{
    const char *uid = lib_arg_text(call, "uid");
    const json_t *person = NULL;
    json_t *answer, *jobs = lib_own(call, json_array());
    fcc_status st = lib_read(call, NULL, lib_key(call, "PRAC", uid, NULL, NULL), &person);

    if (st != FCC_OK || (st = list_jobs(call, uid, jobs)) != FCC_OK)
        return st;
    if (!person && json_array_size(jobs) == 0)
        return lib_refuse(call, LIB_NOT_FOUND, "uid: nobody is registered with it");
    answer = lib_own(call, person ? json_copy((json_t *)person) : json_pack("{s:s}", "uid", uid));
    if (!answer || json_object_set(answer, "jobs", jobs) != 0)
        return FCC_ERR_NOMEM;
    return lib_answer(call, json_incref(answer));
}
