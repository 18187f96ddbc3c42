/* change.c: what every change of a base or grant has to pass, and how it is written. */
#include "consent/parts.h"

#include <stdio.h>

const char *const consent_btg_words[] = { "allow", "notify", "forbid", NULL };
const char *const consent_op_words[] = { "read", "append", NULL };
static const char *const effect_words[] = { "permit", "deny", NULL };
static const char *const every[] = { "*", NULL };

/* ---- rules ---- */

static fcc_status check_times(lib_call *call, const json_t *rule, const char *where)
{
    const char *from = json_string_value(json_object_get(rule, "from"));
    const char *to = json_string_value(json_object_get(rule, "to"));
    const char *valid_from = json_string_value(json_object_get(rule, "validFrom"));
    const char *valid_until = json_string_value(json_object_get(rule, "validUntil"));
    int64_t epoch;

    /* the one spelling of times sorts like the times */
    if ((from && to && strcmp(from, to) > 0) || (valid_from && valid_until && strcmp(valid_from, valid_until) > 0))
        return lib_refuse(call, LIB_BAD_INPUT, "%sa period ends before it begins", where);
    if (valid_until && lib_time_parse(valid_until, &epoch) && epoch < call->now)
        return lib_refuse(call, LIB_BAD_INPUT, "%svalidUntil is past", where);
    return FCC_OK;
}

fcc_status consent_check_rules(lib_call *call, bool in_base)
{
    static const lib_field fields[] = {
        { .name = "effect", .type = LIB_WORD, .words = effect_words },
        { .name = "purpose", .type = LIB_WORDS, .min = 1, .max = 5, .words = lib_purposes },
        { .name = "ops", .type = LIB_WORDS, .min = 1, .max = 2, .words = consent_op_words },
        { .name = "maxSens", .type = LIB_WORD, .words = lib_sensitivities },
        { .name = "author", .type = LIB_ID, .optional = true },
        { .name = "enc", .type = LIB_ID, .optional = true },
        { .name = "rec", .type = LIB_IDS, .optional = true, .min = 1, .max = 200 },
        { .name = "from", .type = LIB_TIME, .optional = true },
        { .name = "to", .type = LIB_TIME, .optional = true },
        { .name = "validFrom", .type = LIB_TIME, .optional = true },
        { .name = "validUntil", .type = LIB_TIME, .optional = true },
    };
    enum { plain = sizeof(fields) / sizeof(fields[0]) };
    const json_t *rules = lib_in(call, "rules");

    for (size_t i = 0; i < json_array_size(rules); i++) {
        const json_t *rule = json_array_get(rules, i), *cat = json_object_get(rule, "cat");
        const char *actor = json_string_value(json_object_get(rule, "actor"));
        lib_field all[plain + 2];
        size_t n = plain;
        char where[32];
        fcc_status st;

        snprintf(where, sizeof(where), "rules[%zu].", i);
        memcpy(all, fields, sizeof(fields));
        all[n++] = (lib_field){ .name = "cat", .type = LIB_WORDS, .min = 1, .max = 32, .words = lib_categories };
        if (json_array_size(cat) == 1 && json_is_string(json_array_get(cat, 0)) &&
            strcmp(json_string_value(json_array_get(cat, 0)), "*") == 0)
            all[n - 1].words = every;
        if (in_base && json_object_get(rule, "actor")) {
            all[n++] = (lib_field){ .name = "actor", .type = LIB_GRANTEE };
            if (actor && strcmp(actor, "*") == 0)
                all[n - 1] = (lib_field){ .name = "actor", .type = LIB_WORD, .words = every };
        }
        if ((st = lib_check_fields(call, rule, all, n, where)) != FCC_OK ||
            (st = check_times(call, rule, where)) != FCC_OK)
            return st;
    }
    return FCC_OK;
}

/* ---- who ---- */

/*
 * Staff own nothing, and are told so before a patient is looked for: their organisation's peer may not hold the patients,
 * and then the answer would be its error.
 */
fcc_status consent_require_owner(lib_call *call, const char **pid, struct registry_patient *patient)
{
    bool found = false;
    fcc_status st = call->caller.pid ? registry_patient(call, *pid, patient, &found) : FCC_OK;

    if (st == FCC_OK && found)
        *pid = patient->pid;
    /* before anything about the patient is said: whether one exists is not everybody's business */
    if (st != FCC_OK || (st = lib_require_owner(call, *pid, "consent")) != FCC_OK)
        return st;
    if (!found || patient->deceased || !(patient->active || patient->provisional))
        return lib_refuse(call, LIB_PRECONDITION, "the patient's registration has ended");
    return FCC_OK;
}

fcc_status consent_require_reader(lib_call *call, const char **pid)
{
    struct registry_patient patient = { 0 };
    bool found = false, officer = call->caller.role == LIB_PRIVACY_OFFICER;
    fcc_status st = officer || call->caller.pid ? registry_patient(call, *pid, &patient, &found) : FCC_OK;

    if (st != FCC_OK)
        return st;
    if (found)
        *pid = patient.pid;
    return officer ? FCC_OK : lib_require_owner(call, *pid, "consent");
}

/* The grantee exists, and is not the patient. */
fcc_status consent_check_grantee(lib_call *call, const char *pid, const char *grantee)
{
    const char *who = grantee + 2, *at;
    struct registry_site site = { 0 };
    bool found = false;
    fcc_status st = FCC_OK;

    if (grantee[0] == 'u') {
        if (strcmp(who, pid) == 0)
            return lib_refuse(call, LIB_BAD_INPUT, "grantee is the patient");
        st = registry_person(call, who, NULL, &found);
    } else if (grantee[0] == 'm') {
        st = registry_msp(call, who, &found);
    } else {
        at = strchr(who, '@');
        st = registry_site(call, at + 1, &site, &found);
        if (st == FCC_OK && found) {
            const char *role = lib_string(call, fcc_bytes_of(who, (size_t)(at - who)));
            unsigned bit = role ? lib_role_of(role) : 0;

            found = bit && bit != LIB_PATIENT && site.msp && lib_role_allowed(bit, site.msp);
        }
    }
    if (st != FCC_OK)
        return st;
    return found ? FCC_OK : lib_refuse(call, LIB_NOT_FOUND, "grantee is not known");
}

/* ---- reading and writing ---- */

int64_t consent_epoch(const json_t *base)
{
    return json_integer_value(json_object_get(base, "epoch"));
}

const char *consent_btg(const json_t *base)
{
    const char *btg = lib_text(base, "btg");

    return btg ? btg : "notify";
}

const char *consent_btg_max_sens(const json_t *base)
{
    const char *sens = lib_text(base, "btgMaxSens");

    return sens ? sens : "R";
}

fcc_status consent_read(lib_call *call, const char *pid, const char *grantee, const json_t **base, const json_t **grant)
{
    fcc_status st = lib_read(call, CONSENT_SUBJECT, lib_key(call, "CBASE", pid, NULL, NULL), base);

    if (st == FCC_OK && grantee)
        st = lib_read(call, CONSENT_SUBJECT, lib_key(call, "CONS", pid, grantee, NULL), grant);
    return st;
}

/* The record of a change, without what only writing knows. */
static json_t *record_of(lib_call *call, const struct consent_change *change, const char *id, json_int_t v)
{
    json_t *record = json_pack("{s:i,s:I,s:s,s:s,s:s,s:I,s:O}", "fmt", 1, "v", v, "id", id, "salt",
                               lib_in_text(call, "salt"), "at", lib_time(call, call->now), "epoch",
                               (json_int_t)change->epoch, "rules", change->rules);
    json_t *more = change->grantee ? json_pack("{s:s,s:s}", "grantee", change->grantee, "status", change->status)
                                   : json_pack("{s:s,s:s}", "btg", change->btg, "btgMaxSens", change->btg_max_sens);
    bool ok = record && more && json_object_update(record, more) == 0 &&
              (!change->source || json_object_set(record, "source", (json_t *)change->source) == 0);

    json_decref(more);
    if (ok)
        return lib_own(call, record);
    json_decref(record);
    return NULL;
}

fcc_status consent_write(lib_call *call, const struct consent_change *change)
{
    const char *type = change->grantee ? "CONS" : "CBASE", *salt = lib_in_text(call, "salt");
    const char *id = lib_text(change->old, "id");
    json_int_t v = json_integer_value(json_object_get(change->old, "v")) + 1;
    char derived[LIB_TAG_HEX_SIZE];
    const json_t *record;
    fcc_status st;

    if (lib_text_is(change->old, "salt", salt))
        return lib_refuse(call, LIB_ALREADY, "salt is that of the last change: this was done, or needs a new one");
    if (!id) {
        st = lib_derive_id(call, salt, lib_key(call, type, change->pid, change->grantee, NULL), derived);
        if (st != FCC_OK)
            return st;
        id = derived;
    }
    record = record_of(call, change, id, v);
    if (!record)
        return FCC_ERR_NOMEM;
    st = lib_write_record(call, CONSENT_SUBJECT, type, change->pid, change->grantee, record,
                          change->grantee ? "grant" : "base", id, change->status);
    if (st != FCC_OK || (st = lib_event(call, "ConsentChanged", json_pack("{s:s,s:I}", "id", id, "v", v))) != FCC_OK)
        return st;
    return lib_answer(call, json_pack("{s:s,s:I}", "id", id, "v", v));
}

fcc_status consent_withdraw(lib_call *call, const char *pid, const char *grantee, const json_t *source)
{
    const json_t *old = NULL;
    fcc_status st = lib_read(call, CONSENT_SUBJECT, lib_key(call, "CONS", pid, grantee, NULL), &old);

    if (st != FCC_OK)
        return st;
    if (!old)
        return lib_refuse(call, LIB_NOT_FOUND, "there is no such grant");
    if (!lib_text_is(old, "status", "active"))
        return lib_refuse(call, LIB_ALREADY, "the grant is revoked");
    /* not ALREADY: with the grant's own salt it was never revoked */
    if (lib_text_is(old, "salt", lib_in_text(call, "salt")))
        return lib_refuse(call, LIB_BAD_INPUT, "salt is the grant's: a new one is needed");
    return consent_write(call, &(struct consent_change){ .pid = pid,
                                                         .grantee = grantee,
                                                         .old = old,
                                                         .status = "revoked",
                                                         .rules = json_object_get(old, "rules"),
                                                         .epoch = consent_epoch(old),
                                                         .source = source });
}
