/*
 * access.c: asking for access, and what an allowed request opens.
 *
 * A request is answered alike whatever was decided; the decision is kept in the collection `audit` and readable once it
 * is committed. So allow and deny take the same path here: nothing returns early on a decision, and what is read and
 * written hangs on the scope alone.
 */
#include "ehr/parts.h"
#include "lib/json.h"
#include "lib/registry.h"

#include <stdlib.h>

enum { evaluate_at_once = 100 }; /* so many attributes stay below the 64 KiB of one argument */

static const lib_field request_fields[] = {
    { .name = "reqId", .type = LIB_ID },
    { .name = "pid", .type = LIB_PID },
    { .name = "purpose", .type = LIB_WORD, .words = lib_purposes },
    { .name = "scope", .type = LIB_OBJECT },
};
static const lib_field index_fields[] = {
    { .name = "recIds", .type = LIB_IDS, .optional = true, .min = 1, .max = EHR_MAX_IDS },
    { .name = "page", .type = LIB_TOKEN, .optional = true, .max = 100 },
};

enum { requesters = LIB_DOCTOR | LIB_NURSE | LIB_LABTECH | LIB_PHARMACIST | LIB_PRIVACY_OFFICER | LIB_PATIENT };

LIB_PART(request_access, .flags = LIB_WRITES, .roles = requesters, .in = LIB_IN_REQUIRED, LIB_FIELDS(request_fields))
LIB_PART(decision, .roles = requesters)
LIB_PART(read_index, .flags = LIB_TIMED, .roles = requesters, .in = LIB_IN_OPTIONAL, LIB_FIELDS(index_fields))
LIB_PART(get_key, .flags = LIB_TIMED, .roles = LIB_CUSTODIAN)

/* ---- what consent is asked ---- */

/* Who asks, for what: from the caller, or from a request that was committed. */
struct asking {
    const char *pid, *purpose;
    const json_t *actor;
    const json_t *scope;
};

static fcc_status encounter_attrs(lib_call *call, json_t *attrs, const json_t *encounter)
{
    const char *closed = ehr_text(encounter, "closed");

    if (json_object_set_new(attrs, "encState", json_string(ehr_text(encounter, "status"))) != 0 ||
        (closed && json_object_set_new(attrs, "encClosed", json_string(closed)) != 0))
        return FCC_ERR_NOMEM;
    return FCC_OK;
}

/* A record as consent sees it. */
static fcc_status record_attrs(lib_call *call, const json_t *record, const json_t *encounter, json_t *list)
{
    json_t *attrs = json_pack("{s:s*,s:s*,s:s*,s:s*,s:s*,s:s*,s:s*,s:s*}", "recId", ehr_text(record, "recId"),
                              "category", ehr_text(record, "category"), "sens", ehr_text(record, "sens"), "author",
                              ehr_text(record, "author"), "site", ehr_text(record, "site"), "enc",
                              ehr_text(record, "enc"), "date", ehr_text(record, "date"), "status",
                              ehr_text(record, "status"));

    if (!attrs || json_array_append_new(list, attrs) != 0)
        return FCC_ERR_NOMEM;
    return encounter ? encounter_attrs(call, attrs, encounter) : FCC_OK;
}

/* The attributes of those records that exist; their encounters are read for that. */
static fcc_status records_attrs(lib_call *call, const json_t *const *records, size_t count, json_t *list)
{
    const char *encs[EHR_MAX_IDS];
    const json_t *encounters[EHR_MAX_IDS] = { 0 };
    fcc_bytes keys[EHR_MAX_IDS] = { 0 };
    size_t of_record[EHR_MAX_IDS], n = 0;
    fcc_status st;

    for (size_t i = 0; i < count; i++) {
        const char *enc = records[i] ? ehr_text(records[i], "enc") : NULL;
        size_t j = 0;

        while (enc && j < n && strcmp(encs[j], enc) != 0)
            j++;
        if (enc && j == n) {
            encs[n] = enc;
            keys[n++] = lib_key(call, "ENC", enc, NULL, NULL);
        }
        of_record[i] = enc ? j : SIZE_MAX;
    }
    if ((st = lib_read_many(call, EHR_SUBJECT, keys, n, encounters)) != FCC_OK)
        return st;
    for (size_t i = 0; i < count && st == FCC_OK; i++)
        if (records[i])
            st = record_attrs(call, records[i], of_record[i] == SIZE_MAX ? NULL : encounters[of_record[i]], list);
    return st;
}

static size_t strings_of(const json_t *array, const char **out, size_t max)
{
    size_t n = json_array_size(array);

    for (size_t i = 0; i < n && i < max; i++)
        out[i] = json_string_value(json_array_get(array, i));
    return n < max ? n : max;
}

/* What a scope reaches, as attributes: categories and encounters as far as they are known, records whole. */
static fcc_status scope_attrs(lib_call *call, const struct asking *asking, json_t *list)
{
    const json_t *categories = json_object_get(asking->scope, "categories");
    const char *enc = ehr_text(asking->scope, "encId"), *ids[EHR_MAX_IDS];
    const json_t *records[EHR_MAX_IDS] = { 0 }, *encounter = NULL;
    size_t n = strings_of(json_object_get(asking->scope, "recIds"), ids, EHR_MAX_IDS);
    json_t *attrs;
    const char *pid;
    fcc_status st;

    for (size_t i = 0; i < json_array_size(categories); i++)
        if (json_array_append_new(list, json_pack("{s:O}", "category", json_array_get(categories, i))) != 0)
            return FCC_ERR_NOMEM;
    if (enc) {
        st = lib_read(call, EHR_SUBJECT, lib_key(call, "ENC", enc, NULL, NULL), &encounter);
        if (st != FCC_OK)
            return st;
        pid = ehr_text(encounter, "pid");
        if (!pid || strcmp(pid, asking->pid) != 0)
            encounter = NULL;
        attrs = json_pack("{s:s,s:s*}", "enc", enc, "site", ehr_text(encounter, "site"));
        if (!attrs || json_array_append_new(list, attrs) != 0)
            return FCC_ERR_NOMEM;
        if (encounter && (st = encounter_attrs(call, attrs, encounter)) != FCC_OK)
            return st;
    }
    if (n == 0)
        return FCC_OK;
    if ((st = ehr_read_records(call, asking->pid, ids, n, records)) != FCC_OK)
        return st;
    return records_attrs(call, records, n, list);
}

/* consent.Evaluate for each of `attrs`; the answer has as many decisions, {"permit","reason"}. */
static fcc_status judge(lib_call *call, const struct asking *asking, const json_t *attrs, json_t **decisions)
{
    size_t n = json_array_size(attrs), at = 0;
    size_t actor_len = 0;
    char *actor = lib_json_canonical(asking->actor, &actor_len);
    json_t *all = lib_own(call, json_array());
    fcc_status st = actor && all ? FCC_OK : FCC_ERR_NOMEM;

    /* once also for no attributes at all: what is read must not hang on what is found */
    do {
        json_t *some = json_array();
        const json_t *answer = NULL;
        size_t len = 0;
        char *text = NULL;

        for (size_t i = 0; some && i < evaluate_at_once && at < n; i++)
            json_array_append(some, json_array_get(attrs, at++));
        text = lib_json_canonical(some, &len);
        if (st == FCC_OK && text) {
            const fcc_bytes args[] = { FCC_LIT("Evaluate"),      fcc_str(asking->pid), fcc_bytes_of(actor, actor_len),
                                       fcc_str(asking->purpose), FCC_LIT("read"),      fcc_bytes_of(text, len) };

            st = lib_call_sister(call, "consent", args, 6, &answer);
        } else if (st == FCC_OK) {
            st = FCC_ERR_NOMEM;
        }
        if (st == FCC_OK &&
            (json_array_size(answer) != json_array_size(some) || json_array_extend(all, (json_t *)answer) != 0))
            st = fcc_fail(call->stub, FCC_ERR_CORRUPT, "consent answered another number of decisions");
        free(text);
        json_decref(some);
    } while (st == FCC_OK && at < n);
    free(actor);
    *decisions = all;
    return st;
}

static bool permits(const json_t *decision)
{
    return json_is_true(json_object_get(decision, "permit"));
}

/* Whether anything in the scope can be permitted, and why or why not. */
static fcc_status judge_scope(lib_call *call, const struct asking *asking, bool *allow, const char **reason)
{
    json_t *attrs = lib_own(call, json_array()), *decisions = NULL;
    fcc_status st;

    if (!attrs)
        return FCC_ERR_NOMEM;
    if ((st = scope_attrs(call, asking, attrs)) != FCC_OK || (st = judge(call, asking, attrs, &decisions)) != FCC_OK)
        return st;
    *allow = false;
    *reason = "not_found";
    for (size_t i = json_array_size(decisions); i-- > 0;) {
        const json_t *one = json_array_get(decisions, i);

        /* the first permit, or else the first denial */
        if (permits(one) || !*allow) {
            *allow = *allow || permits(one);
            *reason = ehr_text(one, "reason");
        }
    }
    return *reason ? FCC_OK : FCC_ERR_CORRUPT;
}

static json_t *actor_of(const char *uid, const char *role, const char *site, const char *msp)
{
    return site ? json_pack("{s:s,s:s,s:s,s:s}", "uid", uid, "role", role, "site", site, "msp", msp)
                : json_pack("{s:s,s:s}", "pid", uid, "msp", msp);
}

/* ---- RequestAccess ---- */

static fcc_status check_scope(lib_call *call, const json_t *scope)
{
    static const lib_field one_of[] = {
        { .name = "categories", .type = LIB_WORDS, .optional = true, .min = 1, .max = 32, .words = lib_categories },
        { .name = "encId", .type = LIB_ID, .optional = true },
        { .name = "recIds", .type = LIB_IDS, .optional = true, .min = 1, .max = EHR_MAX_IDS },
    };
    fcc_status st = lib_check_fields(call, scope, one_of, 3, "scope.");

    if (st == FCC_OK && json_object_size(scope) != 1)
        st = lib_refuse(call, LIB_BAD_INPUT, "scope has one of categories, encId, recIds");
    return st;
}

static fcc_status request_access(lib_call *call)
{
    const lib_caller *caller = &call->caller;
    const char *id = lib_in_text(call, "reqId"), *uid = caller->uid ? caller->uid : caller->pid, *salt, *reason;
    struct asking asking = { .pid = lib_in_text(call, "pid"),
                             .purpose = lib_in_text(call, "purpose"),
                             .scope = lib_in(call, "scope"),
                             .actor = lib_own(call, actor_of(uid, caller->role_name, caller->site, caller->msp)) };
    char mac[2 * LIB_SHA256_LEN + 1], rev[LIB_EPOCH_SIZE];
    fcc_bytes key = lib_key(call, "ACC", id, NULL, NULL);
    const json_t *old = NULL;
    bool allow = false;
    fcc_status st;

    if (!asking.actor)
        return FCC_ERR_NOMEM;
    if ((st = check_scope(call, asking.scope)) != FCC_OK || (st = ehr_salt(call, &salt)) != FCC_OK ||
        (st = judge_scope(call, &asking, &allow, &reason)) != FCC_OK ||
        (st = lib_read(call, EHR_AUDIT, key, &old)) != FCC_OK)
        return st;
    if (old)
        return lib_refuse(call, LIB_ALREADY, "reqId was used before");
    if ((st = lib_hmac(salt, fcc_tx_id(call->stub), mac)) != FCC_OK)
        return st;
    lib_rev_epoch(call->now, rev);
    st = lib_write(call, EHR_AUDIT, key,
                   json_pack("{s:i,s:s,s:s,s:s,s:s,s:s,s:s,s:s*,s:s,s:O,s:s,s:s,s:s,s:s,s:s}", "fmt", 1, "auditId", id,
                             "pid", asking.pid, "uid", uid, "fp", caller->fp, "role", caller->role_name, "msp",
                             caller->msp, "site", caller->site, "purpose", asking.purpose, "scope", asking.scope,
                             "decision", allow ? "allow" : "deny", "reason", reason, "at", lib_time(call, call->now),
                             "until", lib_time(call, call->now + EHR_GRANT_SECONDS), "mac", mac));
    if (st != FCC_OK || (st = lib_write_mark(call, EHR_AUDIT, lib_key(call, "AUDIT", asking.pid, rev, id))) != FCC_OK ||
        (st = lib_write_mark(call, EHR_AUDIT, lib_key(call, "AUDACT", uid, rev, id))) != FCC_OK ||
        (st = lib_event(call, "AccessRequested", json_pack("{s:s}", "auditId", id))) != FCC_OK)
        return st;
    return lib_answer(call, json_pack("{s:s}", "auditId", id));
}

/* ---- what a committed request opens ---- */

static fcc_status read_request(lib_call *call, const char *id, const json_t **request)
{
    fcc_status st = lib_read(call, EHR_AUDIT, lib_key(call, "ACC", id, NULL, NULL), request);

    if (st != FCC_OK)
        return st;
    return *request ? FCC_OK : lib_refuse(call, LIB_NOT_FOUND, "no request with this auditId is committed");
}

static fcc_status require_holder(lib_call *call, const json_t *request)
{
    const char *uid = ehr_text(request, "uid"), *fp = ehr_text(request, "fp");
    const char *own = call->caller.uid ? call->caller.uid : call->caller.pid;

    if (uid && fp && strcmp(uid, own) == 0 && strcmp(fp, call->caller.fp) == 0)
        return FCC_OK;
    return lib_deny(call, "not_holder", "another uid or key made the request");
}

/* It was allowed, its time is not over, and its scope could be permitted now as well. */
static fcc_status require_live(lib_call *call, const json_t *request, struct asking *asking)
{
    const char *decision_text = ehr_text(request, "decision"), *until = ehr_text(request, "until"), *reason;
    int64_t end = 0;
    bool allow = false;
    fcc_status st;

    if (!decision_text || strcmp(decision_text, "allow") != 0)
        return lib_deny(call, ehr_text(request, "reason"), "the request was denied");
    if (!until || !lib_time_parse(until, &end) || call->now > end)
        return lib_deny(call, "expired", "the request's time is over");
    *asking = (struct asking){ .pid = ehr_text(request, "pid"),
                               .purpose = ehr_text(request, "purpose"),
                               .scope = json_object_get(request, "scope"),
                               .actor = lib_own(call, actor_of(ehr_text(request, "uid"), ehr_text(request, "role"),
                                                               ehr_text(request, "site"), ehr_text(request, "msp"))) };
    if (!asking->actor)
        return FCC_ERR_NOMEM;
    if ((st = judge_scope(call, asking, &allow, &reason)) != FCC_OK)
        return st;
    return allow ? FCC_OK : lib_deny(call, reason, "consent does not permit it any more");
}

static fcc_status decision(lib_call *call)
{
    static const char *const shown[] = { "at", "auditId", "decision", "purpose", "reason", "scope", "until" };
    const json_t *request = NULL;
    const char *id = NULL;
    json_t *answer;
    fcc_status st;

    if ((st = lib_id_arg(call, 0, &id)) != FCC_OK || (st = read_request(call, id, &request)) != FCC_OK ||
        (st = require_holder(call, request)) != FCC_OK)
        return st;
    answer = lib_own(call, json_object());
    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
        if (json_object_set(answer, shown[i], json_object_get(request, shown[i])) != 0)
            return FCC_ERR_NOMEM;
    return lib_answer(call, json_incref(answer));
}

static bool listed(const json_t *array, const char *value)
{
    for (size_t i = 0; i < json_array_size(array); i++)
        if (value && strcmp(json_string_value(json_array_get(array, i)), value) == 0)
            return true;
    return false;
}

static bool in_scope(const json_t *scope, const char *id, const json_t *record)
{
    const char *enc = ehr_text(scope, "encId"), *of_record = ehr_text(record, "enc");

    if (enc)
        return of_record && strcmp(enc, of_record) == 0;
    return listed(json_object_get(scope, "recIds"), id) ||
           listed(json_object_get(scope, "categories"), ehr_text(record, "category"));
}

/* Judge these records one by one; those not permitted go to `refused` with their reason, if it is wanted. */
static fcc_status judge_records(lib_call *call, const struct asking *asking, const char *const *ids, size_t n,
                                json_t *permitted, json_t *refused)
{
    const json_t *records[EHR_MAX_IDS] = { 0 };
    const char *reasons[EHR_MAX_IDS] = { 0 };
    json_t *attrs = lib_own(call, json_array()), *decisions = NULL;
    size_t at = 0;
    fcc_status st;

    if ((st = ehr_read_records(call, asking->pid, ids, n, records)) != FCC_OK)
        return st;
    for (size_t i = 0; i < n; i++) {
        if (records[i] && !in_scope(asking->scope, ids[i], records[i])) {
            reasons[i] = "scope";
            records[i] = NULL;
        } else if (!records[i]) {
            reasons[i] = "not_found";
        }
    }
    if ((st = records_attrs(call, records, n, attrs)) != FCC_OK ||
        (st = judge(call, asking, attrs, &decisions)) != FCC_OK)
        return st;
    for (size_t i = 0; i < n; i++) {
        if (records[i]) {
            const json_t *one = json_array_get(decisions, at++);

            if (!permits(one))
                reasons[i] = ehr_text(one, "reason");
            else if (json_array_append(permitted, (json_t *)records[i]) != 0)
                return FCC_ERR_NOMEM;
        }
        if (reasons[i] && refused &&
            json_array_append_new(refused, json_pack("{s:s,s:s}", "recId", ids[i], "reason", reasons[i])) != 0)
            return FCC_ERR_NOMEM;
    }
    return FCC_OK;
}

static fcc_status read_index(lib_call *call)
{
    json_t *permitted = lib_own(call, json_array()), *refused = lib_own(call, json_array());
    const json_t *request = NULL, *wanted = lib_in(call, "recIds");
    const char *id = NULL, *next = NULL, *ids[EHR_MAX_IDS];
    struct asking asking;
    size_t n = 0;
    fcc_status st;

    if (!permitted || !refused)
        return FCC_ERR_NOMEM;
    if (wanted && lib_in(call, "page"))
        return lib_refuse(call, LIB_BAD_INPUT, "one of recIds and page");
    if ((st = lib_id_arg(call, 0, &id)) != FCC_OK || (st = read_request(call, id, &request)) != FCC_OK ||
        (st = require_holder(call, request)) != FCC_OK || (st = require_live(call, request, &asking)) != FCC_OK)
        return st;
    if (!wanted)
        wanted = json_object_get(asking.scope, "recIds");
    n = strings_of(wanted, ids, EHR_MAX_IDS);
    if (!wanted) {
        st = ehr_walk_index(call, EHR_SUBJECT, "RECP", asking.pid, lib_in_text(call, "page"), EHR_PAGE, ids, &n, &next);
        if (st != FCC_OK)
            return st;
    }
    /* what was not asked for by its id is left out without a word: that it exists is nobody's business */
    if ((st = judge_records(call, &asking, ids, n, permitted, wanted ? refused : NULL)) != FCC_OK)
        return st;
    return lib_answer(call, json_pack("{s:O,s:O,s:s*}", "records", permitted, "refused", refused, "next", next));
}

/* The key of the request is still bound to who made it, and the job still stands. */
static fcc_status require_standing(lib_call *call, const json_t *request)
{
    const char *uid = ehr_text(request, "uid"), *site = ehr_text(request, "site");
    struct registry_key key = { 0 };
    bool found = false, has = true;
    fcc_status st = registry_key(call, ehr_text(request, "fp"), &key, &found);

    if (st == FCC_OK && site)
        st = registry_has_role(call, uid, site, ehr_text(request, "role"), &has);
    if (st != FCC_OK)
        return st;
    if (found && has && strcmp(site ? (key.uid ? key.uid : "") : (key.pid ? key.pid : ""), uid) == 0)
        return FCC_OK;
    return lib_deny(call, "suspended", "the requester's key or job does not stand any more");
}

static fcc_status get_key(lib_call *call)
{
    json_t *permitted = lib_own(call, json_array()), *refused = lib_own(call, json_array());
    const json_t *request = NULL, *record = NULL, *dek = NULL;
    const char *id = NULL, *rec = NULL, *status, *custody;
    struct asking asking;
    fcc_status st;

    if (!permitted || !refused)
        return FCC_ERR_NOMEM;
    if ((st = lib_id_arg(call, 0, &id)) != FCC_OK || (st = lib_id_arg(call, 1, &rec)) != FCC_OK ||
        (st = read_request(call, id, &request)) != FCC_OK || (st = require_standing(call, request)) != FCC_OK ||
        (st = require_live(call, request, &asking)) != FCC_OK ||
        (st = lib_read(call, EHR_SUBJECT, lib_key(call, "REC", asking.pid, rec, NULL), &record)) != FCC_OK)
        return st;
    if (!record)
        return lib_refuse(call, LIB_NOT_FOUND, "there is no such record");
    status = ehr_text(record, "status");
    if (status && strcmp(status, "erased") == 0)
        return lib_refuse(call, LIB_GONE, "the record is erased");
    custody = ehr_text(record, "custody");
    if (!custody || strcmp(custody, call->caller.msp) != 0)
        return lib_deny(call, "not_custody", "another organisation has the custody");
    if ((st = judge_records(call, &asking, &rec, 1, permitted, refused)) != FCC_OK)
        return st;
    if (json_array_size(permitted) == 0)
        return lib_deny(call, ehr_text(json_array_get(refused, 0), "reason"), "consent does not permit this record");
    st = lib_read(call, ehr_custody_collection(call, custody), lib_key(call, "DEK", rec, NULL, NULL), &dek);
    if (st != FCC_OK)
        return st;
    if (!dek)
        return lib_refuse(call, LIB_NOT_FOUND, "there is no data key for this record");
    return lib_answer(call, json_pack("{s:s,s:s,s:s,s:s}", "recId", rec, "cid", ehr_text(record, "cid"), "dek",
                                      ehr_text(dek, "dek"), "fp", ehr_text(request, "fp")));
}
