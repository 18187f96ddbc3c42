/*
 * consent.c: a patient's base and grants, and the question that ehr asks about them.
 *
 * Everything lies in the collection `subject`, where keys are known without a search: the base, and one grant for each
 * of person, role at a site, organisation. So a request reads the same four keys whatever they say, and a grant to one
 * never conflicts with a read by another.
 */
#include "consent/consent.h"

#include <stdio.h>

#include "consent/rules.h"
#include "lib/json.h"
#include "lib/registry.h"
#include "lib/state.h"

static const char subject[] = "subject";

enum { page_entries = 100, max_rules = 32 };

static const char *const btg_words[] = { "allow", "notify", "forbid", NULL };
static const char *const effect_words[] = { "permit", "deny", NULL };
static const char *const op_words[] = { "read", "append", NULL };
static const char *const status_words[] = { "current", "superseded", "error", "restricted", "erased", NULL };
static const char *const enc_words[] = { "open", "closed", NULL };
static const char *const every_category[] = { "*", NULL };

#define PID                            \
    {                                  \
        .name = "pid", .type = LIB_PID \
    }
#define SALT                                       \
    {                                              \
        .name = "salt", .type = LIB_HEX, .max = 32 \
    }
#define GRANTEE                                \
    {                                          \
        .name = "grantee", .type = LIB_GRANTEE \
    }

static const lib_field base_fields[] = {
    PID,
    { .name = "rules", .type = LIB_ARRAY, .min = 0, .max = max_rules },
    { .name = "btg", .type = LIB_WORD, .words = btg_words },
    { .name = "btgMaxSens", .type = LIB_WORD, .words = lib_sensitivities },
    SALT,
};
static const lib_field grant_fields[] = {
    PID,
    GRANTEE,
    { .name = "rules", .type = LIB_ARRAY, .min = 1, .max = max_rules },
    SALT,
};
static const lib_field revoke_fields[] = { PID, GRANTEE, SALT };
static const lib_field revoke_all_fields[] = { PID, SALT };
static const lib_field pid_fields[] = { PID };
static const lib_field list_fields[] = { PID, { .name = "page", .type = LIB_TOKEN, .optional = true, .max = 200 } };
static const char *const evaluate_sisters[] = { "ehr", "claims", "research", NULL };

LIB_FUNCTION(set_base, .flags = LIB_WRITES, .roles = LIB_EVERY_ROLE, .in = LIB_IN_REQUIRED, LIB_FIELDS(base_fields))
LIB_FUNCTION(grant, .flags = LIB_WRITES, .roles = LIB_EVERY_ROLE, .in = LIB_IN_REQUIRED, LIB_FIELDS(grant_fields))
LIB_FUNCTION(revoke, .flags = LIB_WRITES, .roles = LIB_EVERY_ROLE, .in = LIB_IN_REQUIRED, LIB_FIELDS(revoke_fields))
LIB_FUNCTION(revoke_all, .flags = LIB_WRITES, .roles = LIB_EVERY_ROLE, .in = LIB_IN_REQUIRED,
             LIB_FIELDS(revoke_all_fields))
LIB_FUNCTION(get_base, .roles = LIB_EVERY_ROLE, .in = LIB_IN_REQUIRED, LIB_FIELDS(pid_fields))
LIB_FUNCTION(list_grants, .roles = LIB_EVERY_ROLE, .in = LIB_IN_REQUIRED, LIB_FIELDS(list_fields))
LIB_FUNCTION(act_history, .roles = LIB_AUDITOR | LIB_PATIENT)
LIB_FUNCTION(verify_commit, .roles = LIB_EVERY_ROLE, .in = LIB_IN_REQUIRED, LIB_FIELDS(lib_verify_fields))
LIB_FUNCTION(evaluate, .flags = LIB_INTERNAL, .in = LIB_IN_FOREIGN, .sisters = evaluate_sisters)

static const fcc_function functions[] = {
    { "SetBase", set_base_handler, 0 },
    { "Grant", grant_handler, 0 },
    { "Revoke", revoke_handler, 0 },
    { "RevokeAll", revoke_all_handler, 0 },
    { "GetBase", get_base_handler, 0 },
    { "ListGrants", list_grants_handler, 0 },
    { "ActHistory", act_history_handler, 1 },     /* id */
    { "VerifyCommit", verify_commit_handler, 1 }, /* id */
    { "Evaluate", evaluate_handler, 5 },          /* pid, actor, purpose, op, attrs */
};

static fcc_status refuse(fcc_stub *stub, fcc_args args)
{
    return lib_unknown(stub, args, &consent_chaincode);
}

const fcc_chaincode consent_chaincode = {
    .functions = functions,
    .count = sizeof(functions) / sizeof(functions[0]),
    .refuse = refuse,
};

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

static fcc_status check_rules(lib_call *call, bool in_base)
{
    static const lib_field fields[] = {
        { .name = "effect", .type = LIB_WORD, .words = effect_words },
        { .name = "purpose", .type = LIB_WORDS, .min = 1, .max = 5, .words = lib_purposes },
        { .name = "ops", .type = LIB_WORDS, .min = 1, .max = 2, .words = op_words },
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
            all[n - 1].words = every_category;
        if (in_base && json_object_get(rule, "actor")) {
            all[n++] = (lib_field){ .name = "actor", .type = LIB_GRANTEE };
            if (actor && strcmp(actor, "*") == 0)
                all[n - 1] = (lib_field){ .name = "actor", .type = LIB_WORD, .words = every_category };
        }
        if ((st = lib_check_fields(call, rule, all, n, where)) != FCC_OK ||
            (st = check_times(call, rule, where)) != FCC_OK)
            return st;
    }
    return FCC_OK;
}

/* ---- what the owner's functions share ---- */

/* The caller is the patient, and alive. */
static fcc_status require_patient(lib_call *call, const char *pid)
{
    struct registry_patient patient = { 0 };
    bool found = false;
    fcc_status st = lib_require_owner(call, pid, "consent");

    if (st == FCC_OK)
        st = registry_patient(call, pid, &patient, &found);
    if (st != FCC_OK)
        return st;
    if (!found || !patient.active)
        return lib_refuse(call, LIB_PRECONDITION, "the patient's registration has ended");
    return FCC_OK;
}

/* The grantee exists, and is not the patient. */
static fcc_status check_grantee(lib_call *call, const char *pid, const char *grantee)
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

static bool same_salt(const lib_call *call, const json_t *old)
{
    const char *salt = json_string_value(json_object_get(old, "salt"));

    return salt && strcmp(salt, lib_in_text(call, "salt")) == 0;
}

/* Finish a new version of `old` (NULL: the first), write it, and answer. Takes `record` over. */
static fcc_status write_version(lib_call *call, const char *type, const char *pid, const char *grantee,
                                const json_t *old, json_t *record, const char *doc_type, const char *status)
{
    const char *id = json_string_value(json_object_get(old, "id")), *salt = lib_in_text(call, "salt");
    json_int_t v = json_integer_value(json_object_get(old, "v")) + 1;
    char derived[LIB_TAG_HEX_SIZE];
    fcc_status st;

    if (!lib_own(call, record))
        return FCC_ERR_NOMEM;
    if (!id) {
        st = lib_derive_id(call, salt, lib_key(call, type, pid, grantee, NULL), derived);
        if (st != FCC_OK)
            return st;
        id = derived;
    }
    if (json_object_set_new(record, "fmt", json_integer(1)) || json_object_set_new(record, "v", json_integer(v)) ||
        json_object_set_new(record, "id", json_string(id)) || json_object_set_new(record, "salt", json_string(salt)))
        return FCC_ERR_NOMEM;
    if ((st = lib_write_record(call, subject, type, pid, grantee, record, doc_type, id, status)) != FCC_OK ||
        (st = lib_event(call, "ConsentChanged", json_pack("{s:s,s:I}", "id", id, "v", v))) != FCC_OK)
        return st;
    return lib_answer(call, json_pack("{s:s,s:I}", "id", id, "v", v));
}

static json_int_t epoch_of(const json_t *base)
{
    return json_integer_value(json_object_get(base, "epoch"));
}

/* ---- functions ---- */

static fcc_status set_base(lib_call *call)
{
    const char *pid = lib_in_text(call, "pid");
    const json_t *old = NULL;
    fcc_status st;

    if ((st = require_patient(call, pid)) != FCC_OK || (st = check_rules(call, true)) != FCC_OK ||
        (st = lib_read(call, subject, lib_key(call, "CBASE", pid, NULL, NULL), &old)) != FCC_OK)
        return st;
    if (same_salt(call, old))
        return lib_refuse(call, LIB_ALREADY, "this base was set before");
    return write_version(call, "CBASE", pid, NULL, old,
                         json_pack("{s:O,s:s,s:s,s:I}", "rules", lib_in(call, "rules"), "btg", lib_in_text(call, "btg"),
                                   "btgMaxSens", lib_in_text(call, "btgMaxSens"), "epoch", epoch_of(old)),
                         "base", "active");
}

static fcc_status grant(lib_call *call)
{
    const char *pid = lib_in_text(call, "pid"), *grantee = lib_in_text(call, "grantee");
    const json_t *base = NULL, *old = NULL;
    fcc_status st;

    if ((st = require_patient(call, pid)) != FCC_OK || (st = check_rules(call, false)) != FCC_OK ||
        (st = check_grantee(call, pid, grantee)) != FCC_OK ||
        (st = lib_read(call, subject, lib_key(call, "CBASE", pid, NULL, NULL), &base)) != FCC_OK ||
        (st = lib_read(call, subject, lib_key(call, "CONS", pid, grantee, NULL), &old)) != FCC_OK)
        return st;
    if (same_salt(call, old))
        return lib_refuse(call, LIB_ALREADY, "this grant was made before");
    return write_version(call, "CONS", pid, grantee, old,
                         json_pack("{s:s,s:O,s:s,s:I}", "grantee", grantee, "rules", lib_in(call, "rules"), "status",
                                   "active", "epoch", epoch_of(base)),
                         "grant", "active");
}

static fcc_status revoke(lib_call *call)
{
    const char *pid = lib_in_text(call, "pid"), *grantee = lib_in_text(call, "grantee"), *status;
    const json_t *old = NULL;
    json_t *record;
    fcc_status st;

    if ((st = require_patient(call, pid)) != FCC_OK ||
        (st = lib_read(call, subject, lib_key(call, "CONS", pid, grantee, NULL), &old)) != FCC_OK)
        return st;
    if (!old)
        return lib_refuse(call, LIB_NOT_FOUND, "there is no such grant");
    status = json_string_value(json_object_get(old, "status"));
    if (!status || strcmp(status, "active") != 0)
        return lib_refuse(call, LIB_ALREADY, "the grant is revoked");
    if (same_salt(call, old))
        return lib_refuse(call, LIB_BAD_INPUT, "salt is the grant's: a new one is needed");
    record = json_copy((json_t *)old);
    if (!record || json_object_set_new(record, "status", json_string("revoked")) != 0) {
        json_decref(record);
        return FCC_ERR_NOMEM;
    }
    return write_version(call, "CONS", pid, grantee, old, record, "grant", "revoked");
}

static fcc_status revoke_all(lib_call *call)
{
    const char *pid = lib_in_text(call, "pid");
    const json_t *old = NULL;
    json_t *record;
    fcc_status st;

    if ((st = require_patient(call, pid)) != FCC_OK ||
        (st = lib_read(call, subject, lib_key(call, "CBASE", pid, NULL, NULL), &old)) != FCC_OK)
        return st;
    if (same_salt(call, old))
        return lib_refuse(call, LIB_ALREADY, "this was done before");
    /* without a base, one that says nothing: it carries the new epoch */
    record = old ? json_copy((json_t *)old) : json_pack("{s:[],s:s,s:s}", "rules", "btg", "notify", "btgMaxSens", "R");
    if (!record || json_object_set_new(record, "epoch", json_integer(epoch_of(old) + 1)) != 0) {
        json_decref(record);
        return FCC_ERR_NOMEM;
    }
    return write_version(call, "CBASE", pid, NULL, old, record, "base", "active");
}

static fcc_status require_reader(lib_call *call, const char *pid)
{
    return call->caller.role == LIB_PRIVACY_OFFICER ? FCC_OK : lib_require_owner(call, pid, "consent");
}

static fcc_status get_base(lib_call *call)
{
    const char *pid = lib_in_text(call, "pid");
    const json_t *base = NULL;
    fcc_status st;

    if ((st = require_reader(call, pid)) != FCC_OK ||
        (st = lib_read(call, subject, lib_key(call, "CBASE", pid, NULL, NULL), &base)) != FCC_OK)
        return st;
    if (!base)
        return lib_refuse(call, LIB_NOT_FOUND, "no base was set");
    return lib_answer(call, json_incref((json_t *)base));
}

/* Go through a patient's grants in the order of their keys, from behind `after`; `take` says whether to go on. */
static fcc_status each_grant(lib_call *call, const char *pid, const char *after,
                             bool (*take)(const char *grantee, json_t *grant, void *ctx), void *ctx)
{
    fcc_bytes attribute = fcc_str(pid);
    fcc_iter *iter = NULL;
    bool more = true;
    fcc_status st = fcc_get_private_data_by_partial_composite_key(call->stub, fcc_str(subject), FCC_LIT("CONS"),
                                                                  &attribute, 1, &iter);

    if (st != FCC_OK)
        return st;
    while (st == FCC_OK && more && fcc_iter_has_next(iter)) {
        const fcc_bytes *parts = NULL;
        fcc_bytes type;
        size_t count = 0;
        fcc_kv kv;
        json_t *value;

        if ((st = fcc_iter_next(iter, &kv)) != FCC_OK ||
            (st = fcc_split_composite_key(call->stub, kv.key, &type, &parts, &count)) != FCC_OK || count != 2)
            break;
        if (after && fcc_bytes_compare(parts[1], fcc_str(after)) <= 0)
            continue;
        value = lib_own(call, lib_json_load_own(kv.value));
        if (!value)
            st = fcc_fail(call->stub, FCC_ERR_CORRUPT, "a grant on the ledger is not JSON");
        else
            more = take(lib_string(call, parts[1]), value, ctx);
    }
    fcc_iter_close(iter);
    return st;
}

struct page {
    json_t *grants;
    const char *last, *next;
};

static bool add_to_page(const char *grantee, json_t *value, void *ctx)
{
    struct page *page = ctx;

    if (json_array_size(page->grants) == page_entries) {
        page->next = page->last;
        return false;
    }
    page->last = grantee;
    return json_array_append(page->grants, value) == 0;
}

static fcc_status list_grants(lib_call *call)
{
    const char *pid = lib_in_text(call, "pid");
    struct page page = { .grants = lib_own(call, json_array()) };
    fcc_status st = require_reader(call, pid);

    if (st != FCC_OK)
        return st;
    if (!page.grants)
        return FCC_ERR_NOMEM;
    if ((st = each_grant(call, pid, lib_in_text(call, "page"), add_to_page, &page)) != FCC_OK)
        return st;
    return lib_answer(call, json_pack("{s:O,s:s*}", "grants", page.grants, "next", page.next));
}

struct search {
    const char *id;
    bool found;
};

static bool look_for(const char *grantee, json_t *value, void *ctx)
{
    struct search *search = ctx;
    const char *id = json_string_value(json_object_get(value, "id"));

    search->found = id && strcmp(id, search->id) == 0;
    return !search->found;
}

static fcc_status act_history(lib_call *call)
{
    struct search search = { 0 };
    const json_t *base = NULL;
    const char *pid = call->caller.pid;
    fcc_status st = lib_id_arg(call, 0, &search.id);

    if (st != FCC_OK)
        return st;
    if (pid) {
        if ((st = lib_read(call, subject, lib_key(call, "CBASE", pid, NULL, NULL), &base)) != FCC_OK)
            return st;
        look_for(NULL, (json_t *)base, &search);
        if (!search.found && (st = each_grant(call, pid, NULL, look_for, &search)) != FCC_OK)
            return st;
        if (!search.found)
            return lib_deny(call, "not_owner", "none of the caller's acts has this id");
    }
    return lib_act_history(call, search.id);
}

static fcc_status verify_commit(lib_call *call)
{
    return lib_verify_commit(call);
}

/* ---- Evaluate ---- */

static fcc_status json_arg(lib_call *call, size_t index, const json_t **out)
{
    const char *why = "";

    *out = lib_own(call, lib_json_load(call->args.v[index], &why));
    return *out ? FCC_OK : lib_refuse(call, LIB_BAD_INPUT, "argument %zu: %s", index + 1, why);
}

/* The three grants that may speak of an actor, read together with the base whoever it is. */
static fcc_status read_consent(lib_call *call, struct consent_question *q)
{
    const struct consent_actor *actor = &q->actor;
    char person[80], role[160], organisation[80];
    fcc_bytes keys[1 + CONSENT_GRANTS];
    const json_t *values[1 + CONSENT_GRANTS] = { 0 };
    fcc_status st;

    snprintf(person, sizeof(person), "u:%s", actor->uid ? actor->uid : actor->pid);
    snprintf(role, sizeof(role), "r:%s@%s", actor->role ? actor->role : "patient", actor->site ? actor->site : "");
    snprintf(organisation, sizeof(organisation), "m:%s", actor->msp);
    keys[0] = lib_key(call, "CBASE", q->pid, NULL, NULL);
    keys[1] = lib_key(call, "CONS", q->pid, person, NULL);
    keys[2] = lib_key(call, "CONS", q->pid, role, NULL);
    keys[3] = lib_key(call, "CONS", q->pid, organisation, NULL);
    if ((st = lib_read_many(call, subject, keys, 1 + CONSENT_GRANTS, values)) != FCC_OK)
        return st;
    q->base = values[0];
    memcpy(q->grants, values + 1, sizeof(q->grants));
    return FCC_OK;
}

static fcc_status read_question(lib_call *call, struct consent_question *q)
{
    static const lib_field actor_fields[] = {
        { .name = "pid", .type = LIB_PID, .optional = true },
        { .name = "uid", .type = LIB_ID, .optional = true },
        { .name = "role", .type = LIB_ID, .optional = true },
        { .name = "site", .type = LIB_ID, .optional = true },
        { .name = "msp", .type = LIB_ID },
    };
    static const lib_field act_fields[] = {
        { .name = "pid", .type = LIB_PID },
        { .name = "purpose", .type = LIB_WORD, .words = lib_purposes },
        { .name = "op", .type = LIB_WORD, .words = op_words },
    };
    struct registry_patient patient = { 0 };
    const json_t *actor = NULL, *act;
    fcc_status st;

    q->pid = lib_string(call, call->args.v[0]);
    q->purpose = lib_string(call, call->args.v[2]);
    q->op = lib_string(call, call->args.v[3]);
    act = lib_own(call, json_pack("{s:s*,s:s*,s:s*}", "pid", q->pid, "purpose", q->purpose, "op", q->op));
    if ((st = lib_check_fields(call, act, act_fields, 3, "")) != FCC_OK || (st = json_arg(call, 1, &actor)) != FCC_OK ||
        (st = lib_check_fields(call, actor, actor_fields, 5, "actor.")) != FCC_OK)
        return st;
    q->actor = (struct consent_actor){
        .pid = json_string_value(json_object_get(actor, "pid")),
        .uid = json_string_value(json_object_get(actor, "uid")),
        .role = json_string_value(json_object_get(actor, "role")),
        .site = json_string_value(json_object_get(actor, "site")),
        .msp = json_string_value(json_object_get(actor, "msp")),
    };
    if (q->actor.pid ? q->actor.uid != NULL : !q->actor.uid || !q->actor.role || !q->actor.site)
        return lib_refuse(call, LIB_BAD_INPUT, "actor is neither a patient nor a member of staff");
    if ((st = registry_patient(call, q->pid, &patient, &q->patient_known)) != FCC_OK)
        return st;
    q->patient_deceased = q->patient_known && patient.deceased;
    q->now = call->now;
    return read_consent(call, q);
}

static fcc_status evaluate(lib_call *call)
{
    static const lib_field attr_fields[] = {
        { .name = "recId", .type = LIB_ID, .optional = true },
        { .name = "category", .type = LIB_WORD, .optional = true, .words = lib_categories },
        { .name = "sens", .type = LIB_WORD, .optional = true, .words = lib_sensitivities },
        { .name = "author", .type = LIB_ID, .optional = true },
        { .name = "site", .type = LIB_ID, .optional = true },
        { .name = "enc", .type = LIB_ID, .optional = true },
        { .name = "encState", .type = LIB_WORD, .optional = true, .words = enc_words },
        { .name = "encClosed", .type = LIB_TIME, .optional = true },
        { .name = "date", .type = LIB_TIME, .optional = true },
        { .name = "status", .type = LIB_WORD, .optional = true, .words = status_words },
    };
    struct consent_question question = { 0 };
    const json_t *attrs = NULL;
    json_t *decisions = lib_own(call, json_array());
    fcc_status st;

    if (!decisions)
        return FCC_ERR_NOMEM;
    if ((st = read_question(call, &question)) != FCC_OK || (st = json_arg(call, 4, &attrs)) != FCC_OK)
        return st;
    for (size_t i = 0; i < json_array_size(attrs); i++) {
        const json_t *one = json_array_get(attrs, i);
        struct consent_decision decision;
        json_t *answer;

        st = lib_check_fields(call, one, attr_fields, sizeof(attr_fields) / sizeof(attr_fields[0]), "attrs.");
        if (st != FCC_OK)
            return st;
        decision = consent_decide(&question, one);
        answer = json_pack("{s:b,s:s}", "permit", decision.permit, "reason", decision.reason);
        if (!answer || json_array_append_new(decisions, answer) != 0)
            return FCC_ERR_NOMEM;
    }
    return lib_answer(call, json_incref(decisions));
}
