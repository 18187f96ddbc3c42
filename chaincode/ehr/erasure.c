/*
 * erasure.c: the owner asks that a record be erased, a privacy officer of its site decides: erase or restrict.
 *
 * Erasing purges every version, the index and the data key, so that nobody can open the blob again; the public act with
 * its commit stays, and says erased. What the site has to keep is restricted instead: only its privacy officer reads it.
 */
#include "ehr/parts.h"

#include <stdio.h>

static const char *const answer_words[] = { "erase", "restrict", NULL };
/* Erase: the owner supplied it; it rests on consent alone; it is in error and was never used; its time is over.
 * Restrict: a duty to keep it; public health; a legal claim; its accuracy is contested. */
static const char *const erase_words[] = { "supplied", "consent_only", "error_unused", "retention_over", NULL };
static const char *const restrict_words[] = { "retention_duty", "public_health", "legal_claim", "contested", NULL };
static const char *const hold_words[] = { "legal_claim", "investigation", "court_order", "public_health", NULL };

static const lib_field request_fields[] = { EHR_PID, EHR_REC_ID, EHR_SALT };
static const lib_field decide_fields[] = {
    EHR_PID,
    EHR_REC_ID,
    { .name = "answer", .type = LIB_WORD, .words = answer_words },
    { .name = "basisCode", .type = LIB_ID }, /* which words depends on the answer */
    EHR_SALT,
};
static const lib_field hold_fields[] = {
    EHR_PID,
    EHR_REC_ID,
    { .name = "basisCode", .type = LIB_WORD, .words = hold_words },
};
static const lib_field state_fields[] = { { .name = "pid", .type = LIB_PID, .optional = true }, EHR_PAGE_TOKEN };

LIB_DEFINE(ehr_request_erasure, .flags = LIB_WRITES, .roles = LIB_PATIENT, .in = LIB_IN_REQUIRED,
           LIB_FIELDS(request_fields), .callers = "owner", .reads = "subject SALT, REC; ACT",
           .writes = "subject REC, ERAP; ACT", .endorsers = "CC", .answer = "`{\"id\",\"v\"}`")
LIB_DEFINE(ehr_decide_erasure, .flags = LIB_WRITES, .roles = LIB_PRIVACY_OFFICER, .in = LIB_IN_REQUIRED,
           LIB_FIELDS(decide_fields), .callers = "privacy_officer of the author's site, not the author",
           .reads = "subject SALT, REC, LHOLD",
           .writes = "erase: purges subject REC and all RECV, RECP, DEK; restrict: subject REC; ERAP; ACT",
           .endorsers = "CC", .answer = "`{\"id\",\"v\"}`")
LIB_DEFINE(ehr_set_hold, .flags = LIB_WRITES, .roles = LIB_PRIVACY_OFFICER, .in = LIB_IN_REQUIRED,
           LIB_FIELDS(hold_fields), .callers = "privacy_officer of the author's site",
           .reads = "subject REC, LHOLD, SALT", .writes = "subject LHOLD; **no public write**", .endorsers = "CC",
           .answer = "`{\"id\",\"v\"}`")
LIB_DEFINE(ehr_lift_hold, .flags = LIB_WRITES, .roles = LIB_PRIVACY_OFFICER, .in = LIB_IN_REQUIRED,
           LIB_FIELDS(hold_fields), .callers = "privacy_officer of the author's site",
           .reads = "subject REC, LHOLD, SALT", .writes = "subject LHOLD; **no public write**", .endorsers = "CC",
           .answer = "`{\"id\",\"v\"}`")
LIB_DEFINE(
    ehr_erasure_state, .roles = LIB_PATIENT | LIB_PRIVACY_OFFICER, .in = LIB_IN_REQUIRED, LIB_FIELDS(state_fields),
    .callers = "owner; privacy_officer: what the own site answers for, without `pid` all that is open",
    .reads = "subject SALT, ERAP or RECP, REC",
    .answer = "`{\"entries\":[{\"asked\"?,\"basisCode\"?,\"decided\"?,\"due\"?,\"pid\"?,\"recId\",\"retainUntil\","
              "\"state\",\"status\"}],\"next\"?}`: open requests and restricted records")

bool ehr_answers_for(const lib_call *call, const json_t *record)
{
    if (call->caller.role != LIB_PRIVACY_OFFICER)
        return false;
    return lib_text(record, "site") ? lib_text_is(record, "site", call->caller.site)
                                    : lib_text_is(record, "custody", call->caller.msp);
}

/* ---- asking ---- */

/* Nobody has answered it yet. */
static bool is_open(const json_t *record)
{
    return lib_text(record, "asked") && !lib_text(record, "decided");
}

/* The list of open requests of an organisation's custody, oldest first; its name can be guessed, so it is a tag. */
static fcc_status open_list(lib_call *call, const char *msp, char tag[LIB_TAG_HEX_SIZE])
{
    const char *salt = NULL;
    fcc_status st = ehr_salt(call, &salt);

    return st == FCC_OK ? lib_tag(salt, fcc_str(msp), tag) : st;
}

static fcc_status open_key(lib_call *call, const json_t *record, fcc_bytes *out)
{
    const char *asked = lib_text(record, "asked"), *custody = lib_text(record, "custody");
    char tag[LIB_TAG_HEX_SIZE], at[24];
    int64_t epoch = 0;
    fcc_status st;

    if (!asked || !custody || !lib_time_parse(asked, &epoch))
        return FCC_ERR_CORRUPT;
    if ((st = open_list(call, custody, tag)) != FCC_OK)
        return st;
    snprintf(at, sizeof(at), "%010lld", (long long)epoch);
    *out = lib_key(call, "ERAP", tag, at, lib_text(record, "recId"));
    return FCC_OK;
}

static fcc_status ehr_request_erasure(lib_call *call)
{
    const char *pid = lib_in_text(call, "pid"), *id = lib_in_text(call, "recId");
    const json_t *old = NULL, *act = NULL;
    json_t *record;
    fcc_bytes key;
    fcc_status st;

    if ((st = ehr_require_living_owner(call, pid)) != FCC_OK || (st = ehr_read_record(call, pid, id, &old)) != FCC_OK ||
        (st = lib_read(call, NULL, lib_key(call, "ACT", id, NULL, NULL), &act)) != FCC_OK)
        return st;
    if (!old && lib_text_is(act, "docType", "record") && lib_text_is(act, "status", "erased"))
        return lib_refuse(call, LIB_GONE, "the record is erased");
    if (!old)
        return lib_refuse(call, LIB_NOT_FOUND, "there is no such record");
    if (is_open(old))
        return lib_refuse(call, LIB_ALREADY, "its erasure was asked for, and is not decided yet");
    record = lib_next(call, old, lib_in_text(call, "salt"));
    if (!record)
        return FCC_ERR_NOMEM;
    if ((st = lib_set(record, "asked", lib_time(call, call->now))) != FCC_OK ||
        (st = lib_set(record, "decided", NULL)) != FCC_OK || (st = ehr_write_version(call, record)) != FCC_OK ||
        (st = open_key(call, record, &key)) != FCC_OK ||
        (st = lib_write(call, EHR_SUBJECT, key, json_pack("{s:i,s:s}", "fmt", 1, "pid", lib_text(record, "pid")))) !=
            FCC_OK)
        return st;
    return lib_answer_act(call, "ErasureRequested", id, lib_version(record));
}

/* ---- deciding ---- */

static fcc_status read_answered_for(lib_call *call, const json_t **record)
{
    fcc_status st = ehr_read_record(call, lib_in_text(call, "pid"), lib_in_text(call, "recId"), record);

    if (st != FCC_OK)
        return st;
    return ehr_answers_for(call, *record) ? FCC_OK
                                          : lib_deny(call, "not_author", "no record of the caller's site has this id");
}

static fcc_status read_hold(lib_call *call, const json_t **hold)
{
    return lib_read(call, EHR_SUBJECT, lib_key(call, "LHOLD", lib_in_text(call, "recId"), NULL, NULL), hold);
}

static bool is_one_of(const char *word, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(word, *words) == 0)
            return true;
    return false;
}

static bool retention_is_over(const lib_call *call, const json_t *record)
{
    const char *until = lib_text(record, "retainUntil");
    int64_t end;

    return until && lib_time_parse(until, &end) && call->now > end;
}

/* Whether the ground that the privacy officer names is there. That a record was never used is the officer's word. */
static bool may_erase(const lib_call *call, const json_t *record, const char *basis)
{
    if (strcmp(basis, "supplied") == 0)
        return lib_text_is(record, "origin", "own");
    if (strcmp(basis, "error_unused") == 0)
        return lib_text_is(record, "status", "error") && !json_is_true(json_object_get(record, "attested"));
    return retention_is_over(call, record); /* a class of no years is what rests on consent alone */
}

static fcc_status purge(lib_call *call, const char *collection, fcc_bytes key)
{
    return key.len ? fcc_purge_private_data(call->stub, fcc_str(collection), key) : FCC_ERR_ARG;
}

static fcc_status erase(lib_call *call, const json_t *record)
{
    const char *pid = lib_text(record, "pid"), *id = lib_text(record, "recId");
    const char *custody = ehr_custody_collection(call, lib_text(record, "custody"));
    char commit[2 * LIB_SHA256_LEN + 1], version[16];
    fcc_status st;

    if (!lib_commit_of(record, commit))
        return FCC_ERR_CORRUPT;
    for (int v = 1; v <= lib_version(record); v++) {
        snprintf(version, sizeof(version), "%06d", v);
        if ((st = purge(call, EHR_SUBJECT, lib_key(call, "RECV", pid, id, version))) != FCC_OK)
            return st;
    }
    if ((st = purge(call, EHR_SUBJECT, lib_key(call, "REC", pid, id, NULL))) != FCC_OK ||
        (st = purge(call, EHR_SUBJECT, ehr_record_index(call, pid, lib_text(record, "date"), id))) != FCC_OK ||
        (st = purge(call, custody, lib_key(call, "DEK", id, NULL, NULL))) != FCC_OK)
        return st;
    /* the last version's commit: who kept the record can still show what it was */
    return lib_write(call, NULL, lib_key(call, "ACT", id, NULL, NULL),
                     json_pack("{s:s,s:s,s:s,s:s,s:i}", "docType", "record", "id", id, "status", "erased", "commit",
                               commit, "v", lib_version(record) + 1));
}

static fcc_status restrict_it(lib_call *call, const json_t *old, const char *basis)
{
    json_t *record = lib_next(call, old, lib_in_text(call, "salt"));
    fcc_status st;

    if (!record)
        return FCC_ERR_NOMEM;
    if ((st = lib_set(record, "status", "restricted")) != FCC_OK ||
        (st = lib_set(record, "decided", lib_time(call, call->now))) != FCC_OK ||
        (st = lib_set(record, "decidedBy", call->caller.uid)) != FCC_OK ||
        (st = lib_set(record, "basisCode", basis)) != FCC_OK)
        return st;
    return ehr_write_version(call, record);
}

static fcc_status ehr_decide_erasure(lib_call *call)
{
    const char *id = lib_in_text(call, "recId"), *basis = lib_in_text(call, "basisCode");
    bool wants_erased = strcmp(lib_in_text(call, "answer"), "erase") == 0;
    const json_t *record = NULL, *hold = NULL;
    fcc_bytes key;
    fcc_status st;

    if (!is_one_of(basis, wants_erased ? erase_words : restrict_words))
        return lib_refuse(call, LIB_BAD_INPUT, "basisCode is no ground for this answer");
    if ((st = read_answered_for(call, &record)) != FCC_OK || (st = read_hold(call, &hold)) != FCC_OK)
        return st;
    if (lib_text_is(record, "author", call->caller.uid))
        return lib_deny(call, "self", "the author does not decide about the own record");
    if (!is_open(record) && !(wants_erased && retention_is_over(call, record)))
        return lib_text_is(record, "status", "restricted")
                   ? lib_refuse(call, LIB_ALREADY, "it is decided, and nobody has asked again")
                   : lib_refuse(call, LIB_PRECONDITION, "nobody has asked for its erasure");
    if (wants_erased && lib_text_is(hold, "status", "held"))
        return lib_refuse(call, LIB_RETENTION, "the record is under a hold");
    if (wants_erased && !may_erase(call, record, basis))
        return lib_refuse(call, LIB_RETENTION, "the record has to be kept: restrict is possible");
    if (is_open(record) &&
        ((st = open_key(call, record, &key)) != FCC_OK || (st = purge(call, EHR_SUBJECT, key)) != FCC_OK))
        return st;
    st = wants_erased ? erase(call, record) : restrict_it(call, record, basis);
    return st == FCC_OK ? lib_answer_act(call, "ErasureDecided", id, lib_version(record) + 1) : st;
}

/* ---- holds ---- */

static fcc_status write_hold(lib_call *call, const json_t *old, const char *status)
{
    const char *id = lib_in_text(call, "recId"), *salt = NULL;
    char mac[2 * LIB_SHA256_LEN + 1], version[16];
    json_t *hold;
    fcc_status st;

    /* the value could be guessed from its hash without something that only members know */
    if ((st = ehr_salt(call, &salt)) != FCC_OK || (st = lib_hmac(salt, fcc_tx_id(call->stub), mac)) != FCC_OK)
        return st;
    hold = json_pack("{s:i,s:i,s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "fmt", 1, "v", lib_version(old) + 1, "recId", id,
                     "status", status, "basisCode", lib_in_text(call, "basisCode"), "uid", call->caller.uid, "site",
                     call->caller.site, "at", lib_time(call, call->now), "mac", mac);
    if (!lib_own(call, hold))
        return FCC_ERR_NOMEM;
    snprintf(version, sizeof(version), "%06d", lib_version(old) + 1);
    if ((st = lib_write(call, EHR_SUBJECT, lib_key(call, "LHOLD", id, NULL, NULL), json_incref(hold))) != FCC_OK ||
        (st = lib_write(call, EHR_SUBJECT, lib_key(call, "LHOLDV", id, version, NULL), json_incref(hold))) != FCC_OK)
        return st;
    return lib_answer(call, json_pack("{s:s,s:i}", "id", id, "v", lib_version(old) + 1));
}

static fcc_status ehr_set_hold(lib_call *call)
{
    const json_t *record = NULL, *old = NULL;
    fcc_status st;

    if ((st = read_answered_for(call, &record)) != FCC_OK || (st = read_hold(call, &old)) != FCC_OK)
        return st;
    if (lib_text_is(old, "status", "held"))
        return lib_refuse(call, LIB_ALREADY, "the record is under a hold");
    return write_hold(call, old, "held");
}

static fcc_status ehr_lift_hold(lib_call *call)
{
    const json_t *record = NULL, *old = NULL;
    fcc_status st;

    if ((st = read_answered_for(call, &record)) != FCC_OK || (st = read_hold(call, &old)) != FCC_OK)
        return st;
    if (!old)
        return lib_refuse(call, LIB_NOT_FOUND, "the record was never under a hold");
    if (!lib_text_is(old, "status", "held"))
        return lib_refuse(call, LIB_ALREADY, "the hold is lifted");
    return write_hold(call, old, "lifted");
}

/* ---- what is open ---- */

static json_t *state_of(lib_call *call, const json_t *record)
{
    const char *asked = lib_text(record, "asked"), *due = NULL;
    int64_t at;

    if (is_open(record) && lib_time_parse(asked, &at))
        due = lib_time(call, at + (int64_t)EHR_ANSWER_DAYS * 86400);
    return json_pack("{s:s,s:s,s:s,s:s,s:s*,s:s*,s:s*,s:s*}", "recId", lib_text(record, "recId"), "state",
                     due ? "open" : "restricted", "status", lib_text(record, "status"), "retainUntil",
                     lib_text(record, "retainUntil"), "asked", asked, "due", due, "decided",
                     lib_text(record, "decided"), "basisCode", lib_text(record, "basisCode"));
}

/* What the privacy officer's site has to answer, of all patients; the pid is told, because deciding takes it. */
static fcc_status list_open(lib_call *call, json_t *entries, struct lib_page *page)
{
    char tag[LIB_TAG_HEX_SIZE];
    const json_t *records[LIB_PAGE] = { 0 };
    fcc_bytes keys[LIB_PAGE] = { 0 };
    fcc_status st;

    if ((st = open_list(call, call->caller.msp, tag)) != FCC_OK ||
        (st = lib_walk(call, EHR_SUBJECT, "ERAP", tag, NULL, lib_in_text(call, "page"), page)) != FCC_OK)
        return st;
    for (size_t i = 0; i < page->count; i++)
        keys[i] = lib_key(call, "REC", page->pids[i], page->ids[i], NULL);
    if ((st = lib_read_many(call, EHR_SUBJECT, keys, page->count, records)) != FCC_OK)
        return st;
    for (size_t i = 0; i < page->count; i++) {
        json_t *state;

        if (!is_open(records[i]) || !ehr_answers_for(call, records[i]))
            continue;
        state = state_of(call, records[i]);
        if (!state || json_array_append_new(entries, state) != 0 || lib_set(state, "pid", page->pids[i]) != FCC_OK)
            return FCC_ERR_NOMEM;
    }
    return FCC_OK;
}

/* Of one patient: open requests and restricted records; for a privacy officer those that the officer answers for. */
static fcc_status list_of(lib_call *call, const char *pid, json_t *entries, struct lib_page *page)
{
    const json_t *records[LIB_PAGE] = { 0 };
    fcc_status st;

    if ((st = lib_walk(call, EHR_SUBJECT, "RECP", pid, NULL, lib_in_text(call, "page"), page)) != FCC_OK ||
        (st = ehr_read_records(call, pid, page->ids, page->count, records)) != FCC_OK)
        return st;
    for (size_t i = 0; i < page->count; i++) {
        if (!is_open(records[i]) && !lib_text_is(records[i], "status", "restricted"))
            continue;
        if (call->caller.role == LIB_PRIVACY_OFFICER && !ehr_answers_for(call, records[i]))
            continue;
        if (json_array_append_new(entries, state_of(call, records[i])) != 0)
            return FCC_ERR_NOMEM;
    }
    return FCC_OK;
}

static fcc_status ehr_erasure_state(lib_call *call)
{
    const char *pid = lib_in_text(call, "pid");
    json_t *entries = lib_own(call, json_array());
    struct lib_page page;
    fcc_status st = FCC_OK;

    if (!entries)
        return FCC_ERR_NOMEM;
    if (!pid && call->caller.role == LIB_PATIENT)
        return lib_refuse(call, LIB_BAD_INPUT, "pid is missing");
    if (call->caller.role == LIB_PATIENT)
        st = ehr_require_owner(call, pid);
    if (st == FCC_OK)
        st = pid ? list_of(call, pid, entries, &page) : list_open(call, entries, &page);
    if (st != FCC_OK)
        return st;
    return lib_answer(call, json_pack("{s:O,s:s*}", "entries", entries, "next", lib_next_page(&page)));
}
