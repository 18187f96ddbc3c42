/*
 * judge.c: what consent is asked about records, encounters and categories, and what it says.
 *
 * A request is answered alike whatever was decided, so allow and deny take the same path here: nothing returns early on
 * a decision, and what is read hangs on the scope alone.
 */
#include "ehr/parts.h"
#include "lib/json.h"

#include <stdlib.h>

enum { evaluate_at_once = 100 }; /* so many attributes stay below the 64 KiB of one argument */

/* ---- what consent is asked ---- */

json_t *ehr_actor(lib_call *call, const char *uid, const char *role, const char *site, const char *msp,
                  const char *case_id)
{
    return lib_own(call, site ? json_pack("{s:s,s:s,s:s,s:s,s:s*}", "uid", uid, "role", role, "site", site, "msp", msp,
                                          "caseId", case_id)
                              : json_pack("{s:s,s:s}", "pid", uid, "msp", msp));
}

static fcc_status encounter_attrs(json_t *attrs, const json_t *encounter)
{
    const char *closed = lib_text(encounter, "closed");

    if (json_object_set_new(attrs, "encState", json_string(lib_text(encounter, "status"))) != 0 ||
        (closed && json_object_set_new(attrs, "encClosed", json_string(closed)) != 0))
        return FCC_ERR_NOMEM;
    return FCC_OK;
}

/*
 * A laboratory's result is at home at two sites: where it was made, and where the test was ordered. To who works at the
 * second it is shown as that site's: else the doctor who ordered it could not read it. Once it is restricted, it is the
 * site's that made it, whose privacy officer answers for it.
 */
static const char *home_of(const json_t *record, const json_t *encounter, const json_t *actor)
{
    const char *orderer = lib_text(encounter, "site");

    return lib_text(record, "order") && orderer && lib_text_is(actor, "site", orderer) &&
                   !lib_text_is(record, "status", "restricted")
               ? orderer
               : lib_text(record, "site");
}

json_t *ehr_record_attrs(const json_t *record, const json_t *encounter, const json_t *actor)
{
    json_t *attrs = json_pack("{s:s*,s:s*,s:s*,s:s*,s:s*,s:s*,s:s*,s:s*}", "recId", lib_text(record, "recId"),
                              "category", lib_text(record, "category"), "sens", lib_text(record, "sens"), "author",
                              lib_text(record, "author"), "site", home_of(record, encounter, actor), "enc",
                              lib_text(record, "enc"), "date", lib_text(record, "date"), "status",
                              lib_text(record, "status"));

    if (attrs && encounter && encounter_attrs(attrs, encounter) != FCC_OK) {
        json_decref(attrs);
        return NULL;
    }
    return attrs;
}

/* The attributes of those records that exist; their encounters are read for that. */
static fcc_status records_attrs(lib_call *call, const json_t *actor, const json_t *const *records, size_t count,
                                json_t *list)
{
    const char *encs[EHR_MAX_IDS];
    const json_t *encounters[EHR_MAX_IDS] = { 0 };
    fcc_bytes keys[EHR_MAX_IDS] = { 0 };
    size_t of_record[EHR_MAX_IDS], n = 0;
    fcc_status st;

    for (size_t i = 0; i < count; i++) {
        const char *enc = records[i] ? lib_text(records[i], "enc") : NULL;
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
    for (size_t i = 0; i < count; i++) {
        const json_t *encounter = of_record[i] == SIZE_MAX ? NULL : encounters[of_record[i]];

        if (records[i] && json_array_append_new(list, ehr_record_attrs(records[i], encounter, actor)) != 0)
            return FCC_ERR_NOMEM;
    }
    return FCC_OK;
}

size_t ehr_strings(const json_t *array, const char **out, size_t max)
{
    size_t n = json_array_size(array);

    for (size_t i = 0; i < n && i < max; i++)
        out[i] = json_string_value(json_array_get(array, i));
    return n < max ? n : max;
}

/* What a scope reaches, as attributes: categories and encounters as far as they are known, records whole. */
static fcc_status scope_attrs(lib_call *call, const struct ehr_asking *asking, json_t *list)
{
    const json_t *categories = json_object_get(asking->scope, "categories");
    const char *enc = lib_text(asking->scope, "encId"), *ids[EHR_MAX_IDS];
    const json_t *records[EHR_MAX_IDS] = { 0 }, *encounter = NULL;
    size_t n = ehr_strings(json_object_get(asking->scope, "recIds"), ids, EHR_MAX_IDS);
    json_t *attrs;
    fcc_status st;

    for (size_t i = 0; i < json_array_size(categories); i++)
        if (json_array_append_new(list, json_pack("{s:O}", "category", json_array_get(categories, i))) != 0)
            return FCC_ERR_NOMEM;
    if (enc) {
        st = lib_read(call, EHR_SUBJECT, lib_key(call, "ENC", enc, NULL, NULL), &encounter);
        if (st != FCC_OK)
            return st;
        if (!lib_text_is(encounter, "pid", asking->pid))
            encounter = NULL;
        attrs = json_pack("{s:s,s:s*}", "enc", enc, "site", lib_text(encounter, "site"));
        if (!attrs || json_array_append_new(list, attrs) != 0)
            return FCC_ERR_NOMEM;
        if (encounter && (st = encounter_attrs(attrs, encounter)) != FCC_OK)
            return st;
    }
    if (n == 0)
        return FCC_OK;
    if ((st = ehr_read_records(call, asking->pid, ids, n, records)) != FCC_OK)
        return st;
    return records_attrs(call, asking->actor, records, n, list);
}

/* consent.Evaluate for each of `attrs`; the answer has as many decisions, {"permit","reason"}. */
static fcc_status judge(lib_call *call, const struct ehr_asking *asking, const json_t *attrs, json_t **decisions)
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

fcc_status ehr_judge_scope(lib_call *call, const struct ehr_asking *asking, bool *allow, const char **reason)
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
            *reason = lib_text(one, "reason");
        }
    }
    return *reason ? FCC_OK : FCC_ERR_CORRUPT;
}

/* ---- records one by one ---- */

static bool listed(const json_t *array, const char *value)
{
    for (size_t i = 0; i < json_array_size(array); i++)
        if (value && strcmp(json_string_value(json_array_get(array, i)), value) == 0)
            return true;
    return false;
}

static bool in_scope(const json_t *scope, const char *id, const json_t *record)
{
    const char *enc = lib_text(scope, "encId"), *of_record = lib_text(record, "enc");

    if (enc)
        return of_record && strcmp(enc, of_record) == 0;
    return listed(json_object_get(scope, "recIds"), id) ||
           listed(json_object_get(scope, "categories"), lib_text(record, "category"));
}

fcc_status ehr_judge_records(lib_call *call, const struct ehr_asking *asking, const char *const *ids, size_t n,
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
    if ((st = records_attrs(call, asking->actor, records, n, attrs)) != FCC_OK ||
        (st = judge(call, asking, attrs, &decisions)) != FCC_OK)
        return st;
    for (size_t i = 0; i < n; i++) {
        if (records[i]) {
            const json_t *one = json_array_get(decisions, at++);

            if (!permits(one))
                reasons[i] = lib_text(one, "reason");
            else if (json_array_append(permitted, (json_t *)records[i]) != 0)
                return FCC_ERR_NOMEM;
        }
        if (reasons[i] && refused &&
            json_array_append_new(refused, json_pack("{s:s,s:s}", "recId", ids[i], "reason", reasons[i])) != 0)
            return FCC_ERR_NOMEM;
    }
    return FCC_OK;
}
