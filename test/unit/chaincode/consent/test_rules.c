/* The decision: a table of what a patient said, what is asked, and what follows. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "consent/rules.h"

#define NOW 1767225600 /* 2026-01-01T00:00:00Z */
#define RULES(rules) "{\"rules\":[" rules "]}"
#define ACTIVE(rules) "{\"status\":\"active\",\"epoch\":0,\"rules\":[" rules "]}"
#define REVOKED(rules) "{\"status\":\"revoked\",\"epoch\":0,\"rules\":[" rules "]}"
#define RULE(effect, more)                                                                                         \
    "{\"effect\":\"" effect "\",\"purpose\":[\"TREAT\"],\"ops\":[\"read\"],\"cat\":[\"lab\"]," more "\"maxSens\":" \
    "\"R\"}"
#define RECORD(more)                                                                                      \
    "{\"recId\":\"rec1\",\"category\":\"lab\",\"sens\":\"N\",\"author\":\"d9\",\"site\":\"s9\",\"date\":" \
    "\"2025-06-01T00:00:00Z\",\"status\":\"current\"" more "}"

struct row {
    const char *base, *person, *role, *organisation; /* consent; NULL: none */
    const char *attrs;
    bool permit;
    const char *reason;
};

static json_t *load(const char *text)
{
    json_error_t error;
    json_t *value = text ? json_loads(text, 0, &error) : NULL;

    if (text && !value)
        fail_msg("%s: %s", text, error.text);
    return value;
}

static struct consent_question question;

static void check(const struct row *row)
{
    json_t *base = load(row->base), *person = load(row->person), *role = load(row->role);
    json_t *organisation = load(row->organisation), *attrs = load(row->attrs);
    struct consent_decision decision;

    question.base = base;
    question.grants[0] = person;
    question.grants[1] = role;
    question.grants[2] = organisation;
    decision = consent_decide(&question, attrs);
    if (decision.permit != row->permit || strcmp(decision.reason, row->reason) != 0)
        fail_msg("%s %s, and not %s, for %s", decision.permit ? "permit" : "deny", decision.reason, row->reason,
                 row->attrs);
    json_decref(base);
    json_decref(person);
    json_decref(role);
    json_decref(organisation);
    json_decref(attrs);
}

static int set_up(void **state)
{
    question = (struct consent_question){
        .pid = "p1",
        .patient_known = true,
        .actor = { .uid = "d1", .role = "doctor", .site = "s1", .msp = "HospitalMSP" },
        .purpose = "TREAT",
        .op = "read",
        .now = NOW,
    };
    return 0;
}

static void check_all(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check(&rows[i]);
}

#define CHECK(rows) check_all(rows, sizeof(rows) / sizeof((rows)[0]))

static void what_nobody_permitted_is_denied(void **state)
{
    static const struct row rows[] = {
        { NULL, NULL, NULL, NULL, RECORD(""), false, "no_consent" },
        { RULES(""), NULL, NULL, NULL, RECORD(""), false, "no_consent" },
        { NULL, ACTIVE(RULE("permit", "")), NULL, NULL, RECORD(""), true, "grant" },
        { NULL, NULL, ACTIVE(RULE("permit", "")), NULL, RECORD(""), true, "grant" },
        { NULL, NULL, NULL, ACTIVE(RULE("permit", "")), RECORD(""), true, "grant" },
        { RULES(RULE("permit", "")), NULL, NULL, NULL, RECORD(""), true, "base" },
    };

    CHECK(rows);
}

static void a_deny_overrides_permits_of_its_level_and_below(void **state)
{
    static const struct row rows[] = {
        { NULL, ACTIVE(RULE("permit", "") "," RULE("deny", "")), NULL, NULL, RECORD(""), false, "denied" },
        { NULL, ACTIVE(RULE("permit", "")), NULL, ACTIVE(RULE("deny", "")), RECORD(""), false, "denied" },
        { RULES(RULE("permit", "")), NULL, ACTIVE(RULE("deny", "")), NULL, RECORD(""), false, "denied" },
        { RULES(RULE("deny", "")), ACTIVE(RULE("permit", "")), NULL, NULL, RECORD(""), true, "grant" },
        { RULES(RULE("deny", "") "," RULE("permit", "")), NULL, NULL, NULL, RECORD(""), false, "denied" },
    };

    CHECK(rows);
}

static void a_denial_names_what_the_nearest_permit_lacks(void **state)
{
    static const struct row rows[] = {
        { NULL, ACTIVE(RULE("permit", "")), NULL, NULL, "{\"recId\":\"r\",\"category\":\"psychiatry\",\"sens\":\"N\"}",
          false, "category" },
        { NULL, ACTIVE(RULE("permit", "")), NULL, NULL, "{\"recId\":\"r\",\"category\":\"lab\",\"sens\":\"V\"}", false,
          "sensitivity" },
        { NULL, ACTIVE(RULE("permit", "\"author\":\"d8\",")), NULL, NULL, RECORD(""), false, "author" },
        { NULL, ACTIVE(RULE("permit", "\"author\":\"s9\",")), NULL, NULL, RECORD(""), true, "grant" },
        { NULL, ACTIVE(RULE("permit", "\"enc\":\"e1\",")), NULL, NULL, RECORD(",\"enc\":\"e2\""), false, "encounter" },
        { NULL, ACTIVE(RULE("permit", "\"enc\":\"e1\",")), NULL, NULL, RECORD(""), false, "encounter" },
        { NULL, ACTIVE(RULE("permit", "\"enc\":\"e1\",")), NULL, NULL, RECORD(",\"enc\":\"e1\""), true, "grant" },
        { NULL, ACTIVE(RULE("permit", "\"rec\":[\"rec2\"],")), NULL, NULL, RECORD(""), false, "record" },
        { NULL, ACTIVE(RULE("permit", "\"rec\":[\"rec2\",\"rec1\"],")), NULL, NULL, RECORD(""), true, "grant" },
        { NULL, ACTIVE(RULE("permit", "\"from\":\"2025-06-01T00:00:01Z\",")), NULL, NULL, RECORD(""), false, "period" },
        { NULL, ACTIVE(RULE("permit", "\"from\":\"2025-06-01T00:00:00Z\",\"to\":\"2025-06-01T00:00:00Z\",")), NULL,
          NULL, RECORD(""), true, "grant" },
        { NULL, ACTIVE(RULE("permit", "\"to\":\"2025-05-31T23:59:59Z\",")), NULL, NULL, RECORD(""), false, "period" },
        { NULL, ACTIVE(RULE("permit", "\"validFrom\":\"2026-01-01T00:00:01Z\",")), NULL, NULL, RECORD(""), false,
          "period" },
        { NULL, ACTIVE(RULE("permit", "\"validUntil\":\"2026-01-01T00:00:00Z\",")), NULL, NULL, RECORD(""), true,
          "grant" },
        { NULL, ACTIVE(RULE("permit", "\"validUntil\":\"2025-12-31T23:59:59Z\",")), NULL, NULL, RECORD(""), false,
          "expired" },
    };
    static const struct row purpose = { NULL, ACTIVE(RULE("permit", "")), NULL, NULL, RECORD(""), false, "purpose" };
    static const struct row op = { NULL, ACTIVE(RULE("permit", "")), NULL, NULL, RECORD(""), false, "op" };

    CHECK(rows);
    question.purpose = "HRESCH";
    check(&purpose);
    question.purpose = "TREAT";
    question.op = "append";
    check(&op);
}

static void a_revoked_grant_and_one_of_an_old_epoch_do_not_count(void **state)
{
    static const struct row rows[] = {
        { NULL, REVOKED(RULE("permit", "")), NULL, NULL, RECORD(""), false, "revoked" },
        { NULL, REVOKED(RULE("permit", "")), NULL, ACTIVE(RULE("permit", "")), RECORD(""), true, "grant" },
        { NULL, REVOKED(RULE("deny", "")), NULL, ACTIVE(RULE("permit", "")), RECORD(""), true, "grant" },
        { "{\"rules\":[],\"epoch\":1}", ACTIVE(RULE("permit", "")), NULL, NULL, RECORD(""), false, "revoked" },
        { "{\"rules\":[],\"epoch\":0}", ACTIVE(RULE("permit", "")), NULL, NULL, RECORD(""), true, "grant" },
    };

    CHECK(rows);
}

static void a_base_may_name_its_actor(void **state)
{
    static const struct row rows[] = {
        { RULES(RULE("permit", "\"actor\":\"*\",")), NULL, NULL, NULL, RECORD(""), true, "base" },
        { RULES(RULE("permit", "\"actor\":\"u:d1\",")), NULL, NULL, NULL, RECORD(""), true, "base" },
        { RULES(RULE("permit", "\"actor\":\"u:d2\",")), NULL, NULL, NULL, RECORD(""), false, "no_consent" },
        { RULES(RULE("permit", "\"actor\":\"r:doctor@s1\",")), NULL, NULL, NULL, RECORD(""), true, "base" },
        { RULES(RULE("permit", "\"actor\":\"r:doctor@s2\",")), NULL, NULL, NULL, RECORD(""), false, "no_consent" },
        { RULES(RULE("permit", "\"actor\":\"r:doc@s1\",")), NULL, NULL, NULL, RECORD(""), false, "no_consent" },
        { RULES(RULE("permit", "\"actor\":\"m:HospitalMSP\",")), NULL, NULL, NULL, RECORD(""), true, "base" },
        { RULES(RULE("permit", "") "," RULE("deny", "\"actor\":\"u:d1\",")), NULL, NULL, NULL, RECORD(""), false,
          "denied" },
    };

    CHECK(rows);
}

static void erased_restricted_deceased_and_the_owner_come_before_consent(void **state)
{
#define STATUS(status) "{\"recId\":\"r\",\"category\":\"lab\",\"sens\":\"N\",\"site\":\"s1\",\"status\":\"" status "\"}"
    static const struct row erased = {
        NULL, ACTIVE(RULE("permit", "")), NULL, NULL, STATUS("erased"), false, "erased"
    };
    static const struct row restricted = { NULL,        ACTIVE(RULE("permit", "")), NULL,
                                           NULL,        STATUS("restricted"),       false,
                                           "restricted" };
    static const struct row officer = { NULL, NULL, NULL, NULL, STATUS("restricted"), true, "privacy_officer" };
    static const struct row own = { NULL, NULL, NULL, NULL, STATUS("restricted"), true, "owner" };
    static const struct row dead = { NULL, ACTIVE(RULE("permit", "")), NULL, NULL, RECORD(""), false, "deceased" };
    static const struct row unknown = { NULL,  ACTIVE(RULE("permit", "")), NULL, NULL, RECORD(""),
                                        false, "unknown_patient" };
    static const struct row stranger = {
        RULES(RULE("permit", "")), NULL, NULL, ACTIVE(RULE("permit", "")), RECORD(""), false, "no_consent"
    };

    check(&erased);
    check(&restricted);
    question.actor.role = "privacy_officer";
    check(&restricted);
    question.purpose = "HLEGAL";
    check(&officer);
    question.actor.site = "s2";
    check(&restricted);

    set_up(NULL);
    question.actor = (struct consent_actor){ .pid = "p1", .msp = "HospitalMSP" };
    check(&own);
    check(&erased);
    question.actor.pid = "p2";
    check(&stranger);

    set_up(NULL);
    question.patient_deceased = true;
    check(&dead);
    question.patient_known = false;
    check(&unknown);
}

static void the_authors_own_site_treats_until_30_days_after_the_encounter(void **state)
{
#define AT(site, state) \
    "{\"recId\":\"r\",\"category\":\"lab\",\"sens\":\"V\",\"site\":\"" site "\",\"encState\":" state "}"
    static const struct row rows[] = {
        { NULL, ACTIVE(RULE("deny", "")), NULL, NULL, AT("s1", "\"open\""), true, "author_site" },
        { NULL, NULL, NULL, NULL, AT("s2", "\"open\""), false, "no_consent" },
        { NULL, NULL, NULL, NULL, AT("s1", "\"closed\",\"encClosed\":\"2025-12-02T00:00:01Z\""), true, "author_site" },
        { NULL, NULL, NULL, NULL, AT("s1", "\"closed\",\"encClosed\":\"2025-12-02T00:00:00Z\""), false, "no_consent" },
    };
    static const struct row imported = {
        NULL,  NULL,        NULL, NULL, "{\"recId\":\"r\",\"category\":\"lab\",\"sens\":\"N\",\"site\":\"s1\"}",
        false, "no_consent"
    };
    static const struct row payment = { NULL, NULL, NULL, NULL, AT("s1", "\"open\""), false, "no_consent" };
    static const struct row officer = { NULL, NULL, NULL, NULL, AT("s1", "\"open\""), true, "privacy_officer" };

    CHECK(rows);
    check(&imported);
    question.purpose = "HPAYMT";
    check(&payment);
    question.actor.role = "privacy_officer";
    check(&payment);
    question.purpose = "HOPERAT";
    check(&officer);
}

static void of_what_is_unknown_a_permit_may_match_and_a_deny_must(void **state)
{
    static const struct row rows[] = {
        { NULL, ACTIVE(RULE("permit", "\"enc\":\"e1\",\"author\":\"d9\",")), NULL, NULL, "{\"category\":\"lab\"}", true,
          "grant" },
        { NULL, ACTIVE(RULE("permit", "")), NULL, NULL, "{\"category\":\"general\"}", false, "category" },
        { NULL, ACTIVE(RULE("permit", "")), NULL, NULL, "{\"enc\":\"e1\"}", true, "grant" },
        /* this deny reaches R only: records of V are not denied by it */
        { NULL, ACTIVE(RULE("permit", "") "," RULE("deny", "")), NULL, NULL, "{\"category\":\"lab\"}", true, "grant" },
        { NULL,
          ACTIVE(RULE("permit", "") ",{\"effect\":\"deny\",\"purpose\":[\"TREAT\"],\"ops\":[\"read\"],\"cat\":[\"*\"],"
                                    "\"maxSens\":\"V\"}"),
          NULL, NULL, "{\"category\":\"lab\"}", false, "denied" },
    };

    CHECK(rows);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
    const struct CMUnitTest tests[] = {
        TEST(what_nobody_permitted_is_denied),
        TEST(a_deny_overrides_permits_of_its_level_and_below),
        TEST(a_denial_names_what_the_nearest_permit_lacks),
        TEST(a_revoked_grant_and_one_of_an_old_epoch_do_not_count),
        TEST(a_base_may_name_its_actor),
        TEST(erased_restricted_deceased_and_the_owner_come_before_consent),
        TEST(the_authors_own_site_treats_until_30_days_after_the_encounter),
        TEST(of_what_is_unknown_a_permit_may_match_and_a_deny_must),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
