/*
 * rules.c: deny overrides permit, a grant overrides the base, and what nobody permitted is denied.
 *
 * A denial says how near the nearest permit came: the further down the list of `enum miss`, the nearer.
 */
#include "consent/rules.h"

#include <string.h>

#include "lib/call.h"

enum match { match_no, match_maybe, match_yes };

enum miss {
    miss_nothing,
    miss_purpose,
    miss_op,
    miss_category,
    miss_sensitivity,
    miss_author,
    miss_encounter,
    miss_record,
    miss_period,
    miss_expired
};

static const char *const miss_reasons[] = { "no_consent", "purpose",   "op",     "category", "sensitivity",
                                            "author",     "encounter", "record", "period",   "expired" };

static const int64_t own_site_seconds = 30 * 86400;

static const char *text(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static bool is(const char *s, const char *value)
{
    return s && value && strcmp(s, value) == 0;
}

static bool lists(const json_t *rule, const char *name, const char *value)
{
    const json_t *array = json_object_get(rule, name);

    for (size_t i = 0; i < json_array_size(array); i++)
        if (is(json_string_value(json_array_get(array, i)), value))
            return true;
    return false;
}

static int64_t time_of(const json_t *object, const char *name, int64_t otherwise)
{
    const char *s = text(object, name);
    int64_t epoch;

    return s && lib_time_parse(s, &epoch) ? epoch : otherwise;
}

static enum match known(bool yes)
{
    return yes ? match_yes : match_no;
}

/* What a missing attribute means: nothing, in a record; anything, where less is known. */
static enum match missing(const json_t *attrs)
{
    return json_object_get(attrs, "recId") ? match_no : match_maybe;
}

static enum match on_category(const json_t *rule, const json_t *attrs)
{
    const char *category = text(attrs, "category");

    if (lists(rule, "cat", "*"))
        return match_yes;
    return category ? known(lists(rule, "cat", category)) : missing(attrs);
}

static enum match on_sensitivity(const json_t *rule, const json_t *attrs)
{
    const char *sens = text(attrs, "sens"), *most = text(rule, "maxSens");

    if (is(most, "V"))
        return match_yes;
    return sens && most ? known(lib_sensitivity_rank(sens) <= lib_sensitivity_rank(most)) : missing(attrs);
}

static enum match on_author(const json_t *rule, const json_t *attrs)
{
    const char *wanted = text(rule, "author"), *author = text(attrs, "author"), *site = text(attrs, "site");

    if (!wanted || is(author, wanted) || is(site, wanted))
        return match_yes;
    return author && site ? match_no : missing(attrs);
}

static enum match on_encounter(const json_t *rule, const json_t *attrs)
{
    const char *wanted = text(rule, "enc"), *enc = text(attrs, "enc");

    if (!wanted)
        return match_yes;
    return enc ? known(is(enc, wanted)) : missing(attrs);
}

static enum match on_record(const json_t *rule, const json_t *attrs)
{
    const char *rec = text(attrs, "recId");

    if (!json_object_get(rule, "rec"))
        return match_yes;
    return rec ? known(lists(rule, "rec", rec)) : match_maybe;
}

static enum match on_period(const json_t *rule, const json_t *attrs)
{
    int64_t date = time_of(attrs, "date", INT64_MIN);

    if (!json_object_get(rule, "from") && !json_object_get(rule, "to"))
        return match_yes;
    if (date == INT64_MIN)
        return missing(attrs);
    return known(date >= time_of(rule, "from", INT64_MIN) && date <= time_of(rule, "to", INT64_MAX));
}

static bool names_actor(const json_t *rule, const struct consent_actor *actor)
{
    const char *wanted = text(rule, "actor"), *at;

    if (!wanted || strcmp(wanted, "*") == 0)
        return true;
    if (wanted[0] == 'u')
        return is(wanted + 2, actor->uid);
    if (wanted[0] == 'm')
        return is(wanted + 2, actor->msp);
    at = strchr(wanted, '@');
    return at && actor->role && strlen(actor->role) == (size_t)(at - (wanted + 2)) &&
           strncmp(wanted + 2, actor->role, strlen(actor->role)) == 0 && is(at + 1, actor->site);
}

/* How a rule meets the question; `miss` is the first thing that it fails on. */
static enum match meets(const json_t *rule, const struct consent_question *q, const json_t *attrs, enum miss *miss)
{
    typedef enum match (*test)(const json_t *, const json_t *);
    static const struct {
        test test;
        enum miss miss;
    } tests[] = {
        { on_category, miss_category },   { on_sensitivity, miss_sensitivity }, { on_author, miss_author },
        { on_encounter, miss_encounter }, { on_record, miss_record },           { on_period, miss_period },
    };
    enum match all = match_yes;

    *miss = miss_nothing;
    if (!names_actor(rule, &q->actor))
        return match_no;
    *miss = miss_purpose;
    if (!lists(rule, "purpose", q->purpose))
        return match_no;
    *miss = miss_op;
    if (!lists(rule, "ops", q->op))
        return match_no;
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        enum match one = tests[i].test(rule, attrs);

        *miss = tests[i].miss;
        if (one == match_no)
            return match_no;
        if (one < all)
            all = one;
    }
    *miss = miss_period;
    if (q->now < time_of(rule, "validFrom", INT64_MIN))
        return match_no;
    *miss = miss_expired;
    if (q->now > time_of(rule, "validUntil", INT64_MAX))
        return match_no;
    return all;
}

/* A rule of a base or grant. */
struct place {
    const json_t *holder; /* NULL: no rule */
    size_t rule;
};

struct verdict {
    struct place denied, permitted; /* the first rule of each that matches */
    enum miss nearest;
};

static void note(struct place *place, const json_t *holder, size_t rule)
{
    if (!place->holder)
        *place = (struct place){ holder, rule };
}

/* All rules of a base or a grant, added to what others said. */
static void judge(const json_t *holder, const struct consent_question *q, const json_t *attrs, struct verdict *v)
{
    const json_t *rules = json_object_get(holder, "rules");

    for (size_t i = 0; i < json_array_size(rules); i++) {
        const json_t *rule = json_array_get(rules, i);
        enum miss miss;
        enum match match = meets(rule, q, attrs, &miss);

        if (is(text(rule, "effect"), "deny")) {
            if (match == match_yes)
                note(&v->denied, holder, i);
        } else if (match != match_no) {
            note(&v->permitted, holder, i);
        } else if (miss > v->nearest) {
            v->nearest = miss;
        }
    }
}

static bool in_force(const json_t *grant, const json_t *base)
{
    json_int_t epoch = json_integer_value(json_object_get(base, "epoch")); /* 0 without a base */

    return grant && is(text(grant, "status"), "active") && json_integer_value(json_object_get(grant, "epoch")) == epoch;
}

static struct consent_decision permit(const char *reason)
{
    return (struct consent_decision){ .permit = true, .reason = reason };
}

static struct consent_decision deny(const char *reason)
{
    return (struct consent_decision){ .permit = false, .reason = reason };
}

static struct consent_decision by_rule(bool permit, const char *reason, const struct place *place)
{
    return (
        struct consent_decision){ .permit = permit, .reason = reason, .holder = place->holder, .rule = place->rule };
}

/* Treatment goes on at the site that wrote the record; afterwards its privacy officer answers for it. */
static const char *own_site(const struct consent_question *q, const json_t *attrs)
{
    if (!q->actor.site || !is(text(attrs, "site"), q->actor.site) || strcmp(q->op, "read") != 0)
        return NULL;
    if (is(q->purpose, "TREAT")) {
        if (is(text(attrs, "encState"), "open"))
            return "author_site";
        if (is(text(attrs, "encState"), "closed") &&
            q->now < time_of(attrs, "encClosed", INT64_MIN / 2) + own_site_seconds)
            return "author_site";
    }
    if (is(q->actor.role, "privacy_officer") && (is(q->purpose, "HLEGAL") || is(q->purpose, "HOPERAT")))
        return "privacy_officer";
    return NULL;
}

struct consent_decision consent_decide(const struct consent_question *q, const json_t *attrs)
{
    const char *status = text(attrs, "status"), *own;
    struct verdict grants = { 0 }, base = { 0 };
    bool any_revoked = false;

    if (is(status, "erased"))
        return deny("erased");
    if (q->patient_known && is(q->actor.pid, q->pid))
        return permit("owner");
    if (q->guardian && !q->patient_deceased) /* guardians end with their ward */
        return permit("guardian");
    if (is(status, "restricted")) {
        if (is(q->actor.role, "privacy_officer") && is(q->actor.site, text(attrs, "site")) && is(q->purpose, "HLEGAL"))
            return permit("privacy_officer");
        return deny("restricted");
    }
    own = own_site(q, attrs);
    if (own)
        return permit(own);
    if (!q->patient_known)
        return deny("unknown_patient");
    if (q->patient_deceased)
        return deny("deceased");
    if (!q->actor.uid) /* consent is given to staff: a grant to a hospital is none to its other patients */
        return deny("no_consent");

    for (size_t i = 0; i < CONSENT_GRANTS; i++) {
        if (in_force(q->grants[i], q->base))
            judge(q->grants[i], q, attrs, &grants);
        else if (q->grants[i])
            any_revoked = true;
    }
    if (grants.denied.holder)
        return by_rule(false, "denied", &grants.denied);
    if (grants.permitted.holder)
        return by_rule(true, "grant", &grants.permitted);
    judge(q->base, q, attrs, &base);
    if (base.denied.holder)
        return by_rule(false, "denied", &base.denied);
    if (base.permitted.holder)
        return by_rule(true, "base", &base.permitted);
    if (grants.nearest == miss_nothing && any_revoked)
        return deny("revoked");
    return deny(miss_reasons[grants.nearest > base.nearest ? grants.nearest : base.nearest]);
}

struct consent_decision consent_decide_emergency(const struct consent_question *q, const json_t *attrs)
{
    const char *status = text(attrs, "status"), *sens = text(attrs, "sens"), *most = text(q->base, "btgMaxSens");
    const char *of = text(q->emergency, "pid"), *closed = text(q->emergency, "status");

    if (is(status, "erased"))
        return deny("erased");
    if (!is(q->op, "read"))
        return deny("op");
    if (!q->patient_known)
        return deny("unknown_patient");
    if (!q->emergency || !is(text(q->emergency, "uid"), q->actor.uid) || !(is(of, q->pid) || is(of, q->asked_pid)) ||
        (q->actor.case_id && !is(text(q->emergency, "id"), q->actor.case_id)))
        return deny("no_case");
    if (!is(closed, "open"))
        return deny("closed");
    if (q->now > time_of(q->emergency, "until", INT64_MIN))
        return deny("expired");
    /* also after the case was opened: by the patient, or because a provisional pid turned out to be this one's */
    if (is(text(q->base, "btg"), "forbid"))
        return deny("btg_forbidden");
    if (sens ? lib_sensitivity_rank(sens) > lib_sensitivity_rank(most ? most : "R") : missing(attrs) == match_no)
        return deny("sensitivity");
    return permit("emergency");
}
