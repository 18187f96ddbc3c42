/*
 * care.h: the people and patients of the histories of consent and ehr (those of test/support/health.h, and some who pretend),
 * who owns what, and a second reading of the decision on consent.
 */
#ifndef TEST_PROPERTY_CARE_H
#define TEST_PROPERTY_CARE_H

#include "test/property/property.h"

extern const struct person care_people[];
extern const char *const care_secrets[];

/* A random one of all who call; of a role; and somebody from a list of names that ends with NULL. */
const char *care_anybody(struct run *run);
const char *care_any_pid(struct run *run);
/* The name of a patient's owner; NULL when nobody can act for them. */
const char *care_owner_name(struct run *run, const char *pid);

/* Mostly `usual`, else anybody. */
const char *care_somebody(struct run *run, const char *usual);

/* A provisional pid that is linked becomes the other one. */
const char *care_pid(const char *pid);
bool care_known(const char *pid);
bool care_deceased(const char *pid);
bool care_has_key(const char *pid);
bool care_minor(const char *pid, int64_t at);
/* Whether the caller is the patient, or now a guardian; a guardian's first and last second are nobody's business. */
bool care_owns(const struct call *call, const char *pid);
const struct person *care_person(const char *uid);
bool care_site(const char *gln);
/* A licence that counts at the own site. */
bool care_licensed(const struct person *person);

/* A random rule of a base or grant; one in ten is wrong. */
const char *care_rule(struct run *run, bool in_base, bool *wrong);
/* "[rule,...]": one or two. */
const char *care_rules(struct run *run, bool in_base);
/* Whether rules are such as may be given at this time. */
bool care_rules_fit(const json_t *rules, int64_t at, bool in_base);

/* What domain.md's decision order says of one record, or of what is known of some. */
struct care_question {
    const char *pid; /* resolved */
    const json_t *actor;
    const char *purpose;
    int64_t now;
};
bool care_permits(struct run *run, const struct care_question *question, const json_t *attrs);
/* The same under an emergency case. */
bool care_permits_emergency(struct run *run, const struct care_question *question, const json_t *attrs);
bool care_case_open(const json_t *emergency, int64_t at);
/* The transaction `at` judged by consent: it is invalid when what that rests on was changed before it in its block. */
void care_check_order(struct run *run, const struct transaction *tx, size_t at, const json_t *actor, const char *pid);

/* Calls of the chaincode consent. */
const char *care_grantee(struct run *run);
void care_set_base(struct run *run);
void care_grant(struct run *run);
void care_revoke(struct run *run);
void care_revoke_all(struct run *run);
void care_break_glass(struct run *run);

#endif
