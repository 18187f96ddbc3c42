/*
 * glass.c: breaking the glass: a doctor opens a chart without consent, in an emergency, for three hours; somebody else
 * reviews it.
 *
 * Nothing public is written, and all of it lies in a collection that one of the two care organisations can write alone:
 * the other one's peers may be down. A case is found by three indexes: of its patient, of its doctor, of all, each newest
 * first; a fourth has those that nobody has reviewed yet, by the time at which they become overdue.
 */
#include "consent/parts.h"

#include <stdio.h>

enum { max_reason = 500, max_note = 2000 };

/* life_threat: life or limb in danger; unable: the patient can't be asked; unidentified: nobody knows who it is */
static const char *const reason_words[] = {
    "life_threat", "unable", "unidentified", "danger_to_others", "other", NULL
};
static const char *const findings[] = { "justified", "unjustified", "referred", NULL };

#define REASON                                                               \
    {                                                                        \
        .name = "reason", .type = LIB_TEXT, .min = 1, .max = (int)max_reason \
    }
static const lib_field open_fields[] = {
    CONSENT_ID, CONSENT_PID, { .name = "reasonCode", .type = LIB_WORD, .words = reason_words }, REASON, CONSENT_SALT,
};
static const lib_field case_args[] = { CONSENT_ID };
static const lib_field review_fields[] = {
    { .name = "finding", .type = LIB_WORD, .words = findings },
    { .name = "note", .type = LIB_TEXT, .min = 1, .max = max_note },
};
static const lib_field late_fields[] = {
    CONSENT_ID,
    CONSENT_PID,
    { .name = "uid", .type = LIB_ID },
    { .name = "from", .type = LIB_TIME },
    { .name = "to", .type = LIB_TIME },
    REASON,
    CONSENT_EVIDENCE,
    CONSENT_SALT,
};

/* Closing and reviewing let doctors in, so that the opener is told why it is not for them. */
LIB_DEFINE(consent_break_glass, .flags = LIB_WRITES, .roles = LIB_DOCTOR, .in = LIB_IN_REQUIRED,
           LIB_FIELDS(open_fields), .callers = "doctor with cap btg and a valid licence",
           .reads = "licence; subject CBASE; emergency BTG, BTGCUR",
           .writes = "emergency BTG, BTGCUR, BTGP, BTGU, BTGA, BTGN; no public write", .endorsers = "1",
           .answer = "`{id,until}`")
LIB_DEFINE(consent_close_break_glass, .flags = LIB_WRITES, .roles = LIB_DOCTOR | LIB_PRIVACY_OFFICER,
           LIB_ARGS(case_args), .callers = "opener, privacy_officer of the opener's MSP",
           .reads = "emergency BTG, BTGCUR", .writes = "emergency BTG, BTGCUR; no public write", .endorsers = "1",
           .answer = "`{id}`")
LIB_DEFINE(consent_review_break_glass, .flags = LIB_WRITES, .roles = LIB_DOCTOR | LIB_PRIVACY_OFFICER,
           LIB_ARGS(case_args), .in = LIB_IN_REQUIRED, LIB_FIELDS(review_fields),
           .callers = "privacy_officer of the opener's MSP, not the opener", .reads = "emergency BTG",
           .writes = "emergency BTG, BTGN; no public write", .endorsers = "1", .answer = "`{id}`")
LIB_DEFINE(consent_late_break_glass, .flags = LIB_WRITES, .roles = LIB_PRIVACY_OFFICER, .in = LIB_IN_REQUIRED,
           LIB_FIELDS(late_fields), .callers = "privacy_officer of the doctor's MSP, after downtime",
           .reads = "emergency BTG", .writes = "emergency BTG, BTGP, BTGU, BTGA, BTGN; no public write",
           .endorsers = "1", .answer = "`{id}`")

/* ---- cases ---- */

static fcc_status read_case(lib_call *call, const char *id, const json_t **out)
{
    return lib_read(call, CONSENT_EMERGENCY, lib_key(call, "BTG", id, NULL, NULL), out);
}

bool consent_case_is_open(const json_t *emergency, int64_t now)
{
    const char *until = lib_text(emergency, "until");
    int64_t end;

    return lib_text_is(emergency, "status", "open") && until && lib_time_parse(until, &end) && now <= end;
}

/* The next version of a case. Takes nothing over. */
static fcc_status write_case(lib_call *call, const json_t *old, const json_t *changes)
{
    json_t *record = lib_own(call, old ? json_copy((json_t *)old) : json_object());
    json_int_t v = json_integer_value(json_object_get(old, "v")) + 1;

    if (!record || !changes || json_object_update(record, (json_t *)changes) != 0 ||
        json_object_set_new(record, "v", json_integer(v)) != 0)
        return FCC_ERR_NOMEM;
    return lib_write_version(call, CONSENT_EMERGENCY, "BTG", lib_text(record, "id"), NULL, record);
}

static fcc_bytes unreviewed_key(lib_call *call, const json_t *emergency)
{
    const char *by = lib_text(emergency, "reviewBy");
    char due[LIB_EPOCH_SIZE];
    int64_t epoch = 0;

    if (!by || !lib_time_parse(by, &epoch) || epoch < 0)
        return fcc_bytes_of(NULL, 0);
    snprintf(due, sizeof(due), "%010lld", (long long)(epoch % 10000000000));
    return lib_key(call, "BTGN", due, lib_text(emergency, "id"), NULL);
}

/* A new case and its entries in the indexes, which sort by the time at which it was opened. */
static fcc_status add_case(lib_call *call, const json_t *emergency, int64_t opened)
{
    const char *id = lib_text(emergency, "id"), *uid = lib_text(emergency, "uid");
    char rev[LIB_EPOCH_SIZE];
    fcc_bytes keys[4];
    fcc_status st = write_case(call, NULL, emergency);

    lib_rev_epoch(opened, rev);
    keys[0] = lib_key(call, "BTGP", lib_text(emergency, "pid"), rev, id);
    keys[1] = lib_key(call, "BTGU", uid, rev, id);
    keys[2] = lib_key(call, "BTGA", rev, id, NULL);
    keys[3] = unreviewed_key(call, emergency);
    for (size_t i = 0; st == FCC_OK && i < 4; i++)
        st = lib_write_mark(call, CONSENT_EMERGENCY, keys[i]);
    if (st == FCC_OK)
        st = lib_event(call, "BreakGlassOpened", json_pack("{s:s}", "id", id));
    return st;
}

static fcc_status refuse_used(lib_call *call, const char *id)
{
    const json_t *old = NULL;
    fcc_status st = read_case(call, id, &old);

    return st == FCC_OK && old ? lib_refuse(call, LIB_ALREADY, "id was used before") : st;
}

/* ---- opening ---- */

static fcc_status require_cap(lib_call *call)
{
    bool has = false;
    fcc_status st = registry_has_cap(call, call->caller.uid, call->caller.site, "btg", &has);

    if (st != FCC_OK)
        return st;
    return has ? lib_require_licence(call) : lib_deny(call, "cap", "the job lacks the capability btg");
}

/* No case of this doctor for this patient is open. */
static fcc_status require_none_open(lib_call *call, fcc_bytes current_key)
{
    const json_t *current = NULL, *emergency = NULL;
    fcc_status st = lib_read(call, CONSENT_EMERGENCY, current_key, &current);

    if (st == FCC_OK)
        st = read_case(call, lib_text(current, "id"), &emergency);
    if (st == FCC_OK && consent_case_is_open(emergency, call->now))
        st = lib_refuse(call, LIB_ALREADY, "a case of this doctor for this patient is open");
    return st;
}

static fcc_status consent_break_glass(lib_call *call)
{
    const lib_caller *caller = &call->caller;
    const char *id = lib_in_text(call, "id"), *pid = lib_in_text(call, "pid");
    struct registry_patient patient = { 0 };
    const json_t *base = NULL;
    fcc_bytes current;
    json_t *emergency;
    fcc_status st;

    if ((st = require_cap(call)) != FCC_OK || (st = lib_patient(call, &pid, &patient)) != FCC_OK ||
        (st = consent_read(call, pid, NULL, &base, NULL)) != FCC_OK)
        return st;
    /* the patient may be recorded as deceased: a death that was entered by mistake must not cost a life */
    if (strcmp(consent_btg(base), "forbid") == 0)
        return lib_deny(call, "btg_forbidden", "the patient forbids emergency access");
    current = lib_key(call, "BTGCUR", pid, caller->uid, NULL);
    if ((st = refuse_used(call, id)) != FCC_OK || (st = require_none_open(call, current)) != FCC_OK)
        return st;
    emergency = lib_own(call,
                        json_pack("{s:i,s:s,s:s,s:s,s:s,s:s,s:O,s:O,s:s,s:s,s:s,s:s,s:O}", "fmt", 1, "id", id, "pid",
                                  pid, "uid", caller->uid, "site", caller->site, "msp", caller->msp, "reasonCode",
                                  lib_in(call, "reasonCode"), "reason", lib_in(call, "reason"), "opened",
                                  lib_time(call, call->now), "until", lib_time(call, call->now + CONSENT_CASE_SECONDS),
                                  "reviewBy", lib_time(call, call->now + CONSENT_REVIEW_SECONDS), "status", "open",
                                  "salt", lib_in(call, "salt")));
    if (!emergency)
        return FCC_ERR_NOMEM;
    if ((st = add_case(call, emergency, call->now)) != FCC_OK ||
        (st = lib_write(call, CONSENT_EMERGENCY, current, json_pack("{s:i,s:s}", "fmt", 1, "id", id))) != FCC_OK)
        return st;
    return lib_answer(call, json_pack("{s:s,s:O}", "id", id, "until", json_object_get(emergency, "until")));
}

/* ---- closing and reviewing ---- */

static fcc_status read_named_case(lib_call *call, const json_t **emergency)
{
    fcc_status st = read_case(call, lib_arg_text(call, "id"), emergency);

    if (st != FCC_OK)
        return st;
    return *emergency ? FCC_OK : lib_refuse(call, LIB_NOT_FOUND, "there is no such case");
}

static bool is_opener(const lib_call *call, const json_t *emergency)
{
    return lib_text_is(emergency, "uid", call->caller.uid);
}

static fcc_status require_officer(lib_call *call, const json_t *emergency)
{
    if (call->caller.role == LIB_PRIVACY_OFFICER && lib_text_is(emergency, "msp", call->caller.msp))
        return FCC_OK;
    return lib_deny(call, "role", "only a privacy officer of the opener's organisation");
}

static fcc_status consent_close_break_glass(lib_call *call)
{
    const json_t *emergency = NULL, *current = NULL, *changes;
    fcc_bytes key;
    fcc_status st = read_named_case(call, &emergency);

    if (st == FCC_OK && !is_opener(call, emergency))
        st = require_officer(call, emergency);
    if (st != FCC_OK)
        return st;
    if (!lib_text_is(emergency, "status", "open"))
        return lib_refuse(call, LIB_ALREADY, "the case is closed");
    if (!consent_case_is_open(emergency, call->now))
        return lib_refuse(call, LIB_GONE, "the case has run out");
    key = lib_key(call, "BTGCUR", lib_text(emergency, "pid"), lib_text(emergency, "uid"), NULL);
    changes = lib_own(call, json_pack("{s:s,s:s,s:s}", "status", "closed", "closed", lib_time(call, call->now),
                                      "closedBy", call->caller.uid));
    if ((st = lib_read(call, CONSENT_EMERGENCY, key, &current)) != FCC_OK ||
        (st = write_case(call, emergency, changes)) != FCC_OK)
        return st;
    if (lib_text_is(current, "id", lib_text(emergency, "id")))
        st = fcc_del_private_data(call->stub, fcc_str(CONSENT_EMERGENCY), key);
    return st == FCC_OK ? lib_answer(call, json_pack("{s:O}", "id", json_object_get(emergency, "id"))) : st;
}

static fcc_status consent_review_break_glass(lib_call *call)
{
    const json_t *emergency = NULL, *changes;
    fcc_status st = read_named_case(call, &emergency);

    if (st == FCC_OK && is_opener(call, emergency))
        st = lib_deny(call, "self", "somebody else than the opener has to review");
    if (st != FCC_OK || (st = require_officer(call, emergency)) != FCC_OK)
        return st;
    if (json_object_get(emergency, "review"))
        return lib_refuse(call, LIB_ALREADY, "the case was reviewed");
    if (consent_case_is_open(emergency, call->now))
        return lib_refuse(call, LIB_PRECONDITION, "the case is still open: what happens under it is part of a review");
    changes = lib_own(call, json_pack("{s:{s:s,s:s,s:O,s:O}}", "review", "by", call->caller.uid, "at",
                                      lib_time(call, call->now), "finding", lib_in(call, "finding"), "note",
                                      lib_in(call, "note")));
    if ((st = write_case(call, emergency, changes)) != FCC_OK)
        return st;
    st = fcc_del_private_data(call->stub, fcc_str(CONSENT_EMERGENCY), unreviewed_key(call, emergency));
    return st == FCC_OK ? lib_answer(call, json_pack("{s:O}", "id", json_object_get(emergency, "id"))) : st;
}

/* ---- after downtime ---- */

static fcc_status check_period(lib_call *call, int64_t *from)
{
    int64_t to = 0;

    if (!lib_time_parse(lib_in_text(call, "from"), from) || !lib_time_parse(lib_in_text(call, "to"), &to) || *from < 0)
        return lib_refuse(call, LIB_BAD_INPUT, "from or to is no time of ours");
    if (*from > to)
        return lib_refuse(call, LIB_BAD_INPUT, "the period ends before it begins");
    return to <= call->now ? FCC_OK : lib_refuse(call, LIB_BAD_INPUT, "to is not past yet");
}

static fcc_status consent_late_break_glass(lib_call *call)
{
    const lib_caller *caller = &call->caller;
    const char *id = lib_in_text(call, "id"), *pid = lib_in_text(call, "pid"), *uid = lib_in_text(call, "uid");
    struct registry_patient patient = { 0 };
    json_t *emergency;
    bool found = false, works = false;
    int64_t from = 0;
    fcc_status st;

    if ((st = check_period(call, &from)) != FCC_OK || (st = lib_patient(call, &pid, &patient)) != FCC_OK ||
        (st = registry_person(call, uid, NULL, &found)) != FCC_OK ||
        (st = registry_works_for(call, uid, caller->msp, &works)) != FCC_OK)
        return st;
    if (!found)
        return lib_refuse(call, LIB_NOT_FOUND, "uid: no such person");
    if (!works)
        return lib_deny(call, "role", "only the own organisation's staff");
    if ((st = refuse_used(call, id)) != FCC_OK)
        return st;
    emergency = lib_own(call,
                        json_pack("{s:i,s:s,s:s,s:s,s:s,s:O,s:O,s:O,s:s,s:s,s:b,s:s,s:s,s:O,s:O}", "fmt", 1, "id", id,
                                  "pid", pid, "uid", uid, "msp", caller->msp, "reason", lib_in(call, "reason"),
                                  "opened", lib_in(call, "from"), "until", lib_in(call, "to"), "status", "closed",
                                  "reviewBy", lib_time(call, call->now + CONSENT_REVIEW_SECONDS), "late", 1, "entered",
                                  lib_time(call, call->now), "enteredBy", caller->uid, "evidenceHash",
                                  lib_in(call, "evidenceHash"), "salt", lib_in(call, "salt")));
    if (!emergency)
        return FCC_ERR_NOMEM;
    if ((st = add_case(call, emergency, from)) != FCC_OK)
        return st;
    return lib_answer(call, json_pack("{s:s}", "id", id));
}
