/* rules.h: the decision: what a patient's base and grants say about one act. Pure: no ledger, no clock. */
#ifndef CONSENT_RULES_H
#define CONSENT_RULES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum { CONSENT_GRANTS = 3 };

/* Who acts: a patient (pid), or a member of staff (uid, role, site). */
struct consent_actor {
    const char *pid;
    const char *uid, *role, *site;
    const char *msp;
    const char *case_id; /* in an emergency: the case that the actor names. NULL: whichever is open */
};

struct consent_question {
    const char *pid; /* the patient whose data it is */
    bool patient_known, patient_deceased;
    bool guardian; /* the actor is one of the patient's, for records, at this time */
    struct consent_actor actor;
    const char *purpose, *op;
    int64_t now;
    const json_t *base;                   /* NULL: there is none */
    const json_t *grants[CONSENT_GRANTS]; /* of the person, the role at the site, the organisation; NULL: none */
    /* only for consent_decide_emergency */
    const char *asked_pid;   /* as it was asked: a case may lie under a provisional one. NULL: the same */
    const json_t *emergency; /* the actor's case, NULL: none */
};

struct consent_decision {
    bool permit;
    const char *reason;   /* static; the list is in the README */
    const json_t *holder; /* the grant or base whose rule decided, NULL: none did */
    size_t rule;          /* its place there */
};

/*
 * Judge one record, or anything of which less is known. `attrs` has any of recId, category, sens, author, site, enc,
 * encState, encClosed, date, status. With recId it is a record, and what it lacks it does not have; without, what is
 * missing is unknown: a permit counts if it could match, a deny only if it must.
 */
struct consent_decision consent_decide(const struct consent_question *question, const json_t *attrs);
/* The same under an emergency case: consent is not asked, but for how far the patient's base lets an emergency go. */
struct consent_decision consent_decide_emergency(const struct consent_question *question, const json_t *attrs);

#endif
