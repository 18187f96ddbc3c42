/* audit.c: who asked for a patient's data, and what somebody asked for, allowed or not; and what public acts tell. */
#include "ehr/parts.h"

#include <stdio.h>

static const lib_field trail_fields[] = {
    { .name = "pid", .type = LIB_PID, .optional = true },
    { .name = "uid", .type = LIB_ID, .optional = true },
    EHR_PAGE_TOKEN,
};
static const lib_field history_fields[] = { EHR_PID };
static const lib_field id_args[] = { { .name = "id", .type = LIB_ID } };

LIB_DEFINE(ehr_audit_trail, .flags = LIB_TIMED, .roles = LIB_PATIENT | LIB_AUDITOR | LIB_PRIVACY_OFFICER,
           .in = LIB_IN_REQUIRED, LIB_FIELDS(trail_fields),
           .callers = "owner: own pid; auditor: all; privacy_officer: own organisation's staff",
           .reads = "audit, emergency AUDIT or AUDACT, ACC; consent emergency",
           .answer = "`{\"entries\":[…],\"next\"?}`, newest first")
LIB_DEFINE(ehr_act_history, .roles = LIB_AUDITOR | LIB_PATIENT, .in = LIB_IN_OPTIONAL, LIB_FIELDS(history_fields),
           LIB_ARGS(id_args), .callers = "auditor; owner: own acts (`pid` names a ward)", .reads = "history of ACT",
           .answer = "`{\"history\":[{\"at\",\"deleted\",\"txId\",\"value\"}],\"id\"}`, oldest first")
LIB_DEFINE(ehr_verify_commit, .roles = LIB_EVERY_ROLE, .in = LIB_IN_REQUIRED, LIB_FIELDS(lib_verify_fields),
           LIB_ARGS(id_args), .reads = "ACT", .answer = "`true` or `false`")

/* ---- the trail ---- */

/* Owners see their own trail; a privacy officer that of the own organisation's staff. */
static fcc_status require_right(lib_call *call, const char *pid, const char *uid)
{
    bool works = false;
    fcc_status st;

    if (call->caller.role == LIB_PATIENT)
        return pid ? ehr_require_owner(call, pid) : lib_deny(call, "not_owner", "a patient asks by pid");
    if (call->caller.role == LIB_PRIVACY_OFFICER && uid) {
        if ((st = registry_works_for(call, uid, call->caller.msp, &works)) != FCC_OK)
            return st;
        if (!works)
            return lib_deny(call, "role", "only the own organisation's staff");
    }
    return FCC_OK;
}

/* Staff's entries have the organisation of who asked or opened. */
static fcc_status add_entry(lib_call *call, const json_t *from, json_t *entries)
{
    json_t *entry;

    if (call->caller.role == LIB_PRIVACY_OFFICER && !lib_text_is(from, "msp", call->caller.msp))
        return FCC_OK;
    entry = json_copy((json_t *)from);
    if (!entry)
        return FCC_ERR_NOMEM;
    json_object_del(entry, "mac");
    json_object_del(entry, "salt"); /* of a case: what its value on the ledger is salted with */
    return json_array_append_new(entries, entry) == 0 ? FCC_OK : FCC_ERR_NOMEM;
}

/* A page of one source of the trail: places in time, and what happened there. */
struct trail {
    struct lib_page page;
    const json_t *entries[LIB_PAGE];
    size_t at;
};

enum { asked, in_emergency, cases, sources };

static fcc_status read_requests(lib_call *call, const char *collection, struct trail *trail)
{
    const char *pid = lib_in_text(call, "pid"), *uid = lib_in_text(call, "uid");
    fcc_bytes keys[LIB_PAGE] = { 0 };
    fcc_status st = lib_walk(call, collection, pid ? "AUDIT" : "AUDACT", pid ? pid : uid, NULL,
                             lib_in_text(call, "page"), &trail->page);

    if (st != FCC_OK)
        return st;
    for (size_t i = 0; i < trail->page.count; i++)
        keys[i] = lib_key(call, "ACC", trail->page.ids[i], NULL, NULL);
    return lib_read_many(call, collection, keys, trail->page.count, trail->entries);
}

/* The cases that doctors opened: consent lists them, in the same order. It sees this call's pid or uid, and its page. */
static fcc_status read_cases(lib_call *call, struct trail *trail)
{
    const fcc_bytes args[] = { FCC_LIT("BreakGlassCases") };
    const json_t *answer = NULL, *list;
    fcc_status st = lib_call_sister(call, "consent", args, 1, &answer);

    if (st != FCC_OK)
        return st;
    list = json_object_get(answer, "cases");
    for (size_t i = 0; i < json_array_size(list) && i < LIB_PAGE; i++) {
        const json_t *one = json_array_get(list, i);
        const char *opened = lib_text(one, "opened"), *id = lib_text(one, "id");
        char rev[LIB_EPOCH_SIZE], token[80];
        int64_t at;

        if (!opened || !id || !lib_time_parse(opened, &at))
            return fcc_fail(call->stub, FCC_ERR_CORRUPT, "consent listed a case without id or time");
        lib_rev_epoch(at, rev);
        snprintf(token, sizeof(token), "%s~%s", rev, id);
        trail->page.tokens[i] = lib_string(call, fcc_str(token));
        trail->entries[i] = one;
        trail->page.count = i + 1;
        if (!trail->page.tokens[i])
            return FCC_ERR_NOMEM;
    }
    trail->page.more = lib_text(answer, "next") != NULL;
    return FCC_OK;
}

/* The source whose next entry comes first; NULL at the end of all. Of a place in two of them, both have an entry. */
static struct trail *first_of(struct trail *trails)
{
    struct trail *first = NULL;

    for (size_t i = 0; i < sources; i++) {
        struct trail *one = &trails[i];

        if (one->at < one->page.count &&
            (!first || strcmp(one->page.tokens[one->at], first->page.tokens[first->at]) < 0))
            first = one;
    }
    return first;
}

/*
 * All sources in one order. A source of which more is to come gave a page, so what it has is not used up before the
 * answer is full. Entries of one place are never parted: the next page begins behind it.
 */
static fcc_status merge(lib_call *call, struct trail *trails, json_t *entries, const char **next)
{
    const char *last = NULL;
    struct trail *from;
    bool more = false;
    fcc_status st = FCC_OK;

    for (size_t n = 0; st == FCC_OK && (from = first_of(trails)) != NULL; n++) {
        const char *token = from->page.tokens[from->at];

        if (n >= LIB_PAGE && strcmp(token, last) != 0)
            break;
        last = token;
        if (from->entries[from->at])
            st = add_entry(call, from->entries[from->at], entries);
        from->at++;
    }
    for (size_t i = 0; i < sources; i++)
        more = more || trails[i].at < trails[i].page.count || trails[i].page.more;
    *next = more ? last : NULL;
    return st;
}

static fcc_status ehr_audit_trail(lib_call *call)
{
    json_t *entries = lib_own(call, json_array());
    struct trail *trails = fcc_alloc(call->stub, sources * sizeof(*trails));
    const char *next = NULL;
    fcc_status st;

    if (!entries || !trails)
        return FCC_ERR_NOMEM;
    memset(trails, 0, sources * sizeof(*trails));
    if (!lib_in(call, "pid") == !lib_in(call, "uid"))
        return lib_refuse(call, LIB_BAD_INPUT, "one of pid and uid");
    if ((st = require_right(call, lib_in_text(call, "pid"), lib_in_text(call, "uid"))) != FCC_OK ||
        (st = read_requests(call, EHR_AUDIT, &trails[asked])) != FCC_OK ||
        (st = read_requests(call, EHR_EMERGENCY, &trails[in_emergency])) != FCC_OK ||
        (st = read_cases(call, &trails[cases])) != FCC_OK || (st = merge(call, trails, entries, &next)) != FCC_OK)
        return st;
    return lib_answer(call, json_pack("{s:O,s:s*}", "entries", entries, "next", next));
}

/* ---- public acts ---- */

static fcc_status ehr_verify_commit(lib_call *call)
{
    return lib_verify_commit(call);
}

/* Whether the act is of this patient: an encounter, an order or a record. */
static fcc_status is_act_of(lib_call *call, const char *pid, const char *id, bool *is)
{
    static const char *const types[] = { "ENC", "ORDER" };
    const json_t *value = NULL;
    fcc_status st = ehr_read_record(call, pid, id, &value);

    *is = value != NULL;
    for (size_t i = 0; st == FCC_OK && !*is && i < sizeof(types) / sizeof(types[0]); i++) {
        st = lib_read(call, EHR_SUBJECT, lib_key(call, types[i], id, NULL, NULL), &value);
        *is = st == FCC_OK && lib_text_is(value, "pid", pid);
    }
    return st;
}

/* The owner asks for own acts; the auditor for any, also on a peer that keeps no record of a patient. */
static fcc_status ehr_act_history(lib_call *call)
{
    const char *pid = call->in ? lib_in_text(call, "pid") : call->caller.pid; /* a guardian names the ward */
    const char *id = lib_arg_text(call, "id");
    bool is = false;
    fcc_status st;

    if (call->caller.role == LIB_PATIENT) {
        if ((st = ehr_require_owner(call, pid)) != FCC_OK || (st = is_act_of(call, pid, id, &is)) != FCC_OK)
            return st;
        if (!is)
            return lib_deny(call, "not_owner", "none of the patient's acts has this id");
    }
    return lib_act_history(call, id);
}
