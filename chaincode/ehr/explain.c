/* explain.c: who can see a record, and by which rule. What consent says of it, it says itself. */
#include "ehr/parts.h"
#include "lib/json.h"

#include <stdio.h>
#include <stdlib.h>

static const lib_field explain_fields[] = { EHR_PID, EHR_REC_ID };

LIB_DEFINE(ehr_explain, .roles = LIB_PATIENT | LIB_PRIVACY_OFFICER, .in = LIB_IN_REQUIRED, LIB_FIELDS(explain_fields),
           .callers = "owner; privacy_officer of the author's site",
           .reads = "subject REC, ENC; consent subject, emergency",
           .answer = "`{\"recId\",\"sees\":[…],\"status\"}`: consent's lines")

/* consent.Explain for the record as an actor at `home` (NULL: nowhere) would be shown it. */
static fcc_status ask_consent(lib_call *call, const json_t *record, const json_t *encounter, const char *home,
                              const json_t **answer)
{
    json_t *actor = lib_own(call, json_pack("{s:s*}", "site", home));
    json_t *attrs = lib_own(call, ehr_record_attrs(record, encounter, actor));
    const char *pid = lib_text(record, "pid");
    size_t len = 0;
    char *text = lib_json_canonical(attrs, &len);
    fcc_status st = FCC_ERR_NOMEM;

    if (text) {
        const fcc_bytes args[] = { FCC_LIT("Explain"), fcc_str(pid), fcc_bytes_of(text, len) };

        st = lib_call_sister(call, "consent", args, 3, answer);
    }
    free(text);
    return st;
}

/* Whether a line of consent's answer speaks of this site itself. */
static bool is_of_site(const json_t *line, const char *site)
{
    char who[2][100];

    snprintf(who[0], sizeof(who[0]), "site:%s", site);
    snprintf(who[1], sizeof(who[1]), "r:privacy_officer@%s", site);
    return lib_text_is(line, "who", who[0]) || lib_text_is(line, "who", who[1]);
}

static fcc_status ehr_explain(lib_call *call)
{
    const char *pid = lib_in_text(call, "pid"), *id = lib_in_text(call, "recId"), *enc, *orderer;
    const json_t *record = NULL, *encounter = NULL, *answer = NULL, *more = NULL;
    json_t *sees = lib_own(call, json_array());
    fcc_status st = FCC_OK;

    if (!sees)
        return FCC_ERR_NOMEM;
    if (call->caller.role == LIB_PATIENT)
        st = ehr_require_owner(call, pid);
    if (st != FCC_OK || (st = ehr_read_record(call, pid, id, &record)) != FCC_OK)
        return st;
    if (call->caller.role == LIB_PRIVACY_OFFICER && !ehr_answers_for(call, record))
        return lib_deny(call, "not_author", "no record of the caller's site has this id");
    if (!record)
        return lib_refuse(call, LIB_NOT_FOUND, "there is no such record");
    enc = lib_text(record, "enc");
    if (enc && (st = lib_read(call, EHR_SUBJECT, lib_key(call, "ENC", enc, NULL, NULL), &encounter)) != FCC_OK)
        return st;
    orderer = lib_text(record, "order") ? lib_text(encounter, "site") : NULL;
    if (orderer && lib_text_is(record, "site", orderer))
        orderer = NULL;
    if ((st = ask_consent(call, record, encounter, NULL, &answer)) != FCC_OK ||
        json_array_extend(sees, json_object_get(answer, "sees")) != 0)
        return st != FCC_OK ? st : FCC_ERR_CORRUPT;
    /* a laboratory's result is at home where the test was ordered as well */
    if (orderer && (st = ask_consent(call, record, encounter, orderer, &more)) != FCC_OK)
        return st;
    for (size_t i = 0; i < json_array_size(json_object_get(more, "sees")); i++) {
        json_t *line = json_array_get(json_object_get(more, "sees"), i);

        if (is_of_site(line, orderer) && json_array_append(sees, line) != 0)
            return FCC_ERR_NOMEM;
    }
    return lib_answer(call,
                      json_pack("{s:s,s:s,s:O}", "recId", id, "status", lib_text(record, "status"), "sees", sees));
}
