/* lists.c: what a patient and a privacy officer see of consent: the base, the grants, their versions, their acts. */
#include "consent/parts.h"

static const lib_field id_args[] = { CONSENT_ID };
static const lib_field pid_fields[] = { CONSENT_PID };
static const lib_field list_fields[] = { CONSENT_PID, CONSENT_PAGE_TOKEN };

LIB_DEFINE(consent_get_base, .roles = LIB_EVERY_ROLE, .in = LIB_IN_REQUIRED, LIB_FIELDS(pid_fields),
           .callers = "owner, privacy_officer", .reads = "subject CBASE", .answer = "the base, whole")
LIB_DEFINE(consent_list_grants, .roles = LIB_EVERY_ROLE, .in = LIB_IN_REQUIRED, LIB_FIELDS(list_fields),
           .callers = "owner, privacy_officer", .reads = "subject CONS", .answer = "`{grants,next?}`")
LIB_DEFINE(consent_history, .roles = LIB_EVERY_ROLE, .in = LIB_IN_REQUIRED, LIB_FIELDS(list_fields),
           .callers = "owner, privacy_officer", .reads = "subject CBASEV, CONSV",
           .answer = "`{history,next?}`: every version of the base, then of each grant")
LIB_DEFINE(consent_act_history, LIB_ARGS(id_args), .roles = LIB_AUDITOR | LIB_PATIENT, .in = LIB_IN_OPTIONAL,
           LIB_FIELDS(pid_fields), .callers = "auditor; owner, who names a ward's `pid`", .reads = "ACT; subject",
           .answer = "`{history:[{at,deleted,txId,value}],id}`, oldest first")
LIB_DEFINE(consent_verify_commit, LIB_ARGS(id_args), .roles = LIB_EVERY_ROLE, .in = LIB_IN_REQUIRED,
           LIB_FIELDS(lib_verify_fields), .reads = "ACT", .answer = "`true` or `false`")

static fcc_status consent_get_base(lib_call *call)
{
    const char *pid = lib_in_text(call, "pid");
    const json_t *base = NULL;
    fcc_status st;

    if ((st = consent_require_reader(call, &pid)) != FCC_OK ||
        (st = consent_read(call, pid, NULL, &base, NULL)) != FCC_OK)
        return st;
    if (!base)
        return lib_refuse(call, LIB_NOT_FOUND, "no base was set");
    return lib_answer(call, json_incref((json_t *)base));
}

static fcc_status consent_list_grants(lib_call *call)
{
    const char *pid = lib_in_text(call, "pid"), *next = NULL;
    json_t *grants = lib_own(call, json_array());
    fcc_status st;

    if ((st = consent_require_reader(call, &pid)) != FCC_OK ||
        (st = consent_page(call, CONSENT_SUBJECT, "CONS", pid, lib_in_text(call, "page"), grants, &next)) != FCC_OK)
        return st;
    return lib_answer(call, json_pack("{s:O,s:s*}", "grants", grants, "next", next));
}

/* The base's versions, then those of the grants by grantee and version. A token of the latter has a '~' in it. */
static fcc_status consent_history(lib_call *call)
{
    static const char behind_every_base[] = "999999";
    const char *pid = lib_in_text(call, "pid"), *after = lib_in_text(call, "page"), *next = NULL;
    bool in_grants = after && strchr(after, '~');
    json_t *history = lib_own(call, json_array());
    fcc_status st = consent_require_reader(call, &pid);

    if (st == FCC_OK && !in_grants)
        st = consent_page(call, CONSENT_SUBJECT, "CBASEV", pid, after, history, &next);
    if (st == FCC_OK && !next && json_array_size(history) == CONSENT_PAGE)
        next = behind_every_base;
    if (st == FCC_OK && !next)
        st = consent_page(call, CONSENT_SUBJECT, "CONSV", pid, in_grants ? after : NULL, history, &next);
    if (st != FCC_OK)
        return st;
    return lib_answer(call, json_pack("{s:O,s:s*}", "history", history, "next", next));
}

struct search {
    const char *id;
    bool found;
};

static bool look_for(const struct consent_entry *entry, void *ctx)
{
    struct search *search = ctx;

    search->found = lib_text_is(entry->value, "id", search->id);
    return !search->found;
}

static fcc_status consent_act_history(lib_call *call)
{
    static const char *const types[] = { "CONS", "CREQ" };
    struct search search = { .id = lib_arg_text(call, "id") };
    const json_t *base = NULL;
    const char *pid = call->in ? lib_in_text(call, "pid") : call->caller.pid; /* a guardian names the ward */
    fcc_status st;

    if (call->caller.role == LIB_PATIENT) {
        if ((st = consent_require_reader(call, &pid)) != FCC_OK ||
            (st = consent_read(call, pid, NULL, &base, NULL)) != FCC_OK)
            return st;
        search.found = lib_text_is(base, "id", search.id);
        for (size_t i = 0; i < 2 && !search.found; i++)
            if ((st = consent_walk(call, CONSENT_SUBJECT, types[i], pid, NULL, look_for, &search)) != FCC_OK)
                return st;
        if (!search.found)
            return lib_deny(call, "not_owner", "none of the patient's acts has this id");
    }
    return lib_act_history(call, search.id);
}

static fcc_status consent_verify_commit(lib_call *call)
{
    return lib_verify_commit(call);
}
