/*
 * grants.c: what a committed request opens: the index of records, and for the custodian a record's data key. Everything
 * is judged again by consent as it is now.
 */
#include "ehr/parts.h"

static const lib_field index_fields[] = {
    { .name = "recIds", .type = LIB_IDS, .optional = true, .min = 1, .max = EHR_MAX_IDS },
    EHR_PAGE_TOKEN,
};
static const lib_field request_args[] = { EHR_AUDIT_ID };
static const lib_field key_args[] = { EHR_AUDIT_ID, EHR_REC_ID };

LIB_DEFINE(ehr_decision, .roles = EHR_REQUESTERS, LIB_ARGS(request_args), .callers = "who asked, same key",
           .reads = "audit or emergency ACC",
           .answer = "`{\"at\",\"auditId\",\"decision\",\"purpose\",\"reason\",\"scope\",\"until\"}`")
LIB_DEFINE(ehr_read_index, .flags = LIB_TIMED, .roles = EHR_REQUESTERS, .in = LIB_IN_OPTIONAL, LIB_FIELDS(index_fields),
           LIB_ARGS(request_args), .callers = "who asked, same key",
           .reads = "audit or emergency ACC; subject; consent; ACT",
           .answer = "`{\"next\"?,\"records\":[…],\"refused\":[{\"reason\",\"recId\"}]}`")
LIB_DEFINE(ehr_get_key, .flags = LIB_TIMED, .roles = LIB_CUSTODIAN, LIB_ARGS(key_args),
           .callers = "custodian of the organisation that has the custody, on its own peer",
           .reads = "audit or emergency ACC; subject; consent; ACT; DEK",
           .answer = "`{\"cid\",\"custody\",\"dek\",\"fp\",\"recId\"}`")

/* ---- the request ---- */

/* One organisation alone can write into `emergency`: what lies there counts under a case and for nothing else. */
static fcc_status read_request(lib_call *call, const json_t **request)
{
    fcc_bytes key = lib_key(call, "ACC", lib_arg_text(call, "auditId"), NULL, NULL);
    fcc_status st = lib_read(call, EHR_AUDIT, key, request);

    if (st == FCC_OK && !*request) {
        st = lib_read(call, EHR_EMERGENCY, key, request);
        if (!lib_text_is(*request, "purpose", "BTG") || !lib_text(*request, "caseId"))
            *request = NULL;
    }
    if (st != FCC_OK)
        return st;
    return *request ? FCC_OK : lib_refuse(call, LIB_NOT_FOUND, "no request with this auditId is committed");
}

static fcc_status require_holder(lib_call *call, const json_t *request)
{
    const char *uid = lib_text(request, "uid"), *fp = lib_text(request, "fp");
    const char *own = call->caller.uid ? call->caller.uid : call->caller.pid;

    if (uid && fp && strcmp(uid, own) == 0 && strcmp(fp, call->caller.fp) == 0)
        return FCC_OK;
    return lib_deny(call, "not_holder", "another uid or key made the request");
}

/* It was allowed, and its time is not over. */
static fcc_status require_live(lib_call *call, const json_t *request, struct ehr_asking *asking)
{
    const char *until = lib_text(request, "until");
    int64_t end = 0;

    if (!lib_text_is(request, "decision", "allow"))
        return lib_deny(call, lib_text(request, "reason"), "the request was denied");
    if (!until || !lib_time_parse(until, &end) || call->now > end)
        return lib_deny(call, "expired", "the request's time is over");
    *asking = (struct ehr_asking){ .pid = lib_text(request, "pid"),
                                   .purpose = lib_text(request, "purpose"),
                                   .scope = json_object_get(request, "scope"),
                                   .actor = ehr_actor(call, lib_text(request, "uid"), lib_text(request, "role"),
                                                      lib_text(request, "site"), lib_text(request, "msp"),
                                                      lib_text(request, "caseId")) };
    return asking->actor ? FCC_OK : FCC_ERR_NOMEM;
}

/* Something in the scope could be permitted now as well. */
static fcc_status require_consent(lib_call *call, const struct ehr_asking *asking)
{
    const char *reason;
    bool allow = false;
    fcc_status st = ehr_judge_scope(call, asking, &allow, &reason);

    if (st != FCC_OK)
        return st;
    return allow ? FCC_OK : lib_deny(call, reason, "consent does not permit it any more");
}

/* ---- functions ---- */

static fcc_status ehr_decision(lib_call *call)
{
    static const char *const shown[] = { "at", "auditId", "decision", "purpose", "reason", "scope", "until" };
    const json_t *request = NULL;
    json_t *answer;
    fcc_status st;

    if ((st = read_request(call, &request)) != FCC_OK || (st = require_holder(call, request)) != FCC_OK)
        return st;
    answer = lib_own(call, json_object());
    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
        if (json_object_set(answer, shown[i], json_object_get(request, shown[i])) != 0)
            return FCC_ERR_NOMEM;
    return lib_answer(call, json_incref(answer));
}

/* 410 when every record that is asked for by its id was erased; a reason "erased" for each that was. */
static fcc_status find_erased(lib_call *call, const char *pid, const char *const *ids, size_t n, bool *erased)
{
    const json_t *records[EHR_MAX_IDS] = { 0 };
    size_t gone = 0;
    fcc_status st = ehr_read_records(call, pid, ids, n, records);

    for (size_t i = 0; i < n && st == FCC_OK; i++) {
        erased[i] = false;
        if (!records[i])
            st = ehr_is_erased(call, ids[i], &erased[i]);
        gone += erased[i];
    }
    if (st != FCC_OK)
        return st;
    return n > 0 && gone == n ? lib_refuse(call, LIB_GONE, "what was asked for is erased") : FCC_OK;
}

static fcc_status ehr_read_index(lib_call *call)
{
    json_t *permitted = lib_own(call, json_array()), *refused = lib_own(call, json_array());
    const json_t *request = NULL, *wanted = lib_in(call, "recIds");
    const char *ids[EHR_MAX_IDS];
    bool erased[EHR_MAX_IDS];
    struct ehr_asking asking;
    struct lib_page page = { 0 };
    size_t n = 0;
    fcc_status st;

    if (!permitted || !refused)
        return FCC_ERR_NOMEM;
    if (wanted && lib_in(call, "page"))
        return lib_refuse(call, LIB_BAD_INPUT, "one of recIds and page");
    if ((st = read_request(call, &request)) != FCC_OK || (st = require_holder(call, request)) != FCC_OK ||
        (st = require_live(call, request, &asking)) != FCC_OK)
        return st;
    if (!wanted)
        wanted = json_object_get(asking.scope, "recIds");
    n = ehr_strings(wanted, ids, EHR_MAX_IDS);
    if ((st = find_erased(call, asking.pid, ids, n, erased)) != FCC_OK ||
        (st = require_consent(call, &asking)) != FCC_OK)
        return st;
    if (!wanted) {
        st = lib_walk(call, EHR_SUBJECT, "RECP", asking.pid, NULL, lib_in_text(call, "page"), &page);
        if (st != FCC_OK)
            return st;
        for (n = 0; n < page.count; n++)
            ids[n] = page.ids[n];
    }
    /* what was not asked for by its id is left out without a word: that it exists is nobody's business */
    if ((st = ehr_judge_records(call, &asking, ids, n, permitted, wanted ? refused : NULL)) != FCC_OK)
        return st;
    for (size_t i = 0; wanted && i < json_array_size(refused); i++)
        for (size_t k = 0; k < n; k++)
            if (erased[k] && lib_text_is(json_array_get(refused, i), "recId", ids[k]) &&
                (st = lib_set(json_array_get(refused, i), "reason", "erased")) != FCC_OK)
                return st;
    return lib_answer(
        call, json_pack("{s:O,s:O,s:s*}", "records", permitted, "refused", refused, "next", lib_next_page(&page)));
}

/* The key of the request is still bound to who made it, and the job still stands. */
static fcc_status require_standing(lib_call *call, const json_t *request)
{
    const char *uid = lib_text(request, "uid"), *site = lib_text(request, "site");
    struct registry_key key = { 0 };
    bool found = false, has = true;
    fcc_status st = registry_key(call, lib_text(request, "fp"), &key, &found);

    if (st == FCC_OK && site)
        st = registry_has_role(call, uid, site, lib_text(request, "role"), &has);
    if (st != FCC_OK)
        return st;
    if (found && has && strcmp(site ? (key.uid ? key.uid : "") : (key.pid ? key.pid : ""), uid) == 0)
        return FCC_OK;
    return lib_deny(call, "suspended", "the requester's key or job does not stand any more");
}

/*
 * For the custodian, on its own organisation's peer. The key that it may seal the data key to is the one that made the
 * request: `fp`.
 */
static fcc_status ehr_get_key(lib_call *call)
{
    json_t *permitted = lib_own(call, json_array()), *refused = lib_own(call, json_array());
    const json_t *request = NULL, *record = NULL, *dek = NULL;
    const char *rec = lib_arg_text(call, "recId"), *custody;
    struct ehr_asking asking;
    bool erased;
    fcc_status st;

    if (!permitted || !refused)
        return FCC_ERR_NOMEM;
    if ((st = read_request(call, &request)) != FCC_OK || (st = require_standing(call, request)) != FCC_OK ||
        (st = require_live(call, request, &asking)) != FCC_OK ||
        (st = find_erased(call, asking.pid, &rec, 1, &erased)) != FCC_OK ||
        (st = require_consent(call, &asking)) != FCC_OK ||
        (st = ehr_read_record(call, asking.pid, rec, &record)) != FCC_OK)
        return st;
    if (!record)
        return lib_refuse(call, LIB_NOT_FOUND, "there is no such record");
    custody = lib_text(record, "custody");
    if (!custody || strcmp(custody, call->caller.msp) != 0)
        return lib_deny(call, "not_custody", "another organisation has the custody");
    if ((st = ehr_judge_records(call, &asking, &rec, 1, permitted, refused)) != FCC_OK)
        return st;
    if (json_array_size(permitted) == 0)
        return lib_deny(call, lib_text(json_array_get(refused, 0), "reason"), "consent does not permit this record");
    st = lib_read(call, ehr_custody_collection(call, custody), lib_key(call, "DEK", rec, NULL, NULL), &dek);
    if (st != FCC_OK)
        return st;
    if (!dek)
        return lib_refuse(call, LIB_NOT_FOUND, "there is no data key for this record");
    return lib_answer(call, json_pack("{s:s,s:s,s:s,s:s,s:s}", "recId", rec, "cid", lib_text(record, "cid"), "custody",
                                      custody, "dek", lib_text(dek, "dek"), "fp", lib_text(request, "fp")));
}
