/*
 * registry.h: what the chaincodes ask the credentials registry: who a key belongs to, and what its holder may do.
 *
 * The questions are those of the registry's keys (KEY~fp, PROLE~uid~site, PRAC~uid, ORG~gln, PAT~pid) and of its
 * function Check. `credentials` answers them from its own state; every other chaincode asks `credentials`, all about the
 * caller in one call and everything else in a call a question, each question once in a transaction.
 */
#ifndef LIB_REGISTRY_H
#define LIB_REGISTRY_H

#include <jansson.h>

#include <fcc/status.h>

#include <stdbool.h>

struct lib_call;

/* ---- who answers ---- */

/*    name      function of credentials */
#define REGISTRY_QUESTIONS(X) \
    X(KEY, "Key")             \
    X(SITE, "Site")           \
    X(MSP, "Member")          \
    X(PERSON, "Person")       \
    X(JOB, "Job")             \
    X(PATIENT, "Patient")     \
    X(GUARDIAN, "Guardian")   \
    X(ASSIGNED, "Assigned")   \
    X(CHECK, "Check")

typedef enum registry_question {
#define REGISTRY_QUESTION_ENUM(name, function) REGISTRY_##name,
    REGISTRY_QUESTIONS(REGISTRY_QUESTION_ENUM)
#undef REGISTRY_QUESTION_ENUM
} registry_question;

/*
 * Answers a question about these (one to three; the rest NULL) in JSON, JSON's null where there is no such entry. The
 * answer lives as long as the call. The forms of answers are those that registry.c reads.
 */
typedef fcc_status (*registry_answers)(struct lib_call *call, registry_question question, const char *const about[3],
                                       const json_t **answer);

/* The answer by whoever answers in this call, remembered in it. */
fcc_status registry_ask(struct lib_call *call, registry_question question, const char *a, const char *b, const char *c,
                        const json_t **answer) FCC_MUST_CHECK;
/* What somebody will ask soon and is known already. Takes a reference of its own. */
fcc_status registry_remember(struct lib_call *call, registry_question question, const char *a, const char *b,
                             const json_t *answer) FCC_MUST_CHECK;
/* Ask `credentials` all about the caller at once; nothing where the answers are near. Refuses as it does. */
fcc_status registry_caller(struct lib_call *call) FCC_MUST_CHECK;

/* ---- questions ---- */

/* KEY~fp: a member of staff (uid, site) or a patient (pid). Strings live as long as the call. */
struct registry_key {
    const char *uid, *site; /* NULL for a patient */
    const char *pid;        /* NULL for staff */
    const char *msp;
};

struct registry_site {
    const char *msp, *type, *region;
    bool approved;
};

/* PROLE~uid~site: approved only while the person and the site are as well. */
struct registry_job {
    bool approved;
    const char *fp; /* of the one key that acts for it */
    const json_t *roles, *caps;
};

enum { REGISTRY_MOST_PROVS = 32 };

struct registry_patient {
    const char *pid;     /* of the record that judges: a provisional pid that was linked gives the other one */
    const json_t *provs; /* provisional pids that were linked to it, at most so many; NULL: none */
    bool active, provisional, deceased;
    bool minor;   /* minorUntil is still to come */
    bool has_key; /* a key is bound: registrars no longer act for this patient */
};

/* Each sets *found to false, and leaves the rest alone, when there is no such entry. */
fcc_status registry_key(struct lib_call *call, const char *fp, struct registry_key *out, bool *found) FCC_MUST_CHECK;
fcc_status registry_site(struct lib_call *call, const char *gln, struct registry_site *out, bool *found) FCC_MUST_CHECK;
fcc_status registry_patient(struct lib_call *call, const char *pid, struct registry_patient *out,
                            bool *found) FCC_MUST_CHECK;
/* Whether any site belongs to this MSP, and whether a person has this uid (msp: of the person's job; may be NULL). */
fcc_status registry_msp(struct lib_call *call, const char *msp, bool *found) FCC_MUST_CHECK;
fcc_status registry_person(struct lib_call *call, const char *uid, const char **msp, bool *found) FCC_MUST_CHECK;
/* Whether the person has a job, whatever its state, at a site of this MSP. */
fcc_status registry_works_for(struct lib_call *call, const char *uid, const char *msp, bool *is) FCC_MUST_CHECK;
fcc_status registry_job(struct lib_call *call, const char *uid, const char *site, struct registry_job *out,
                        bool *found) FCC_MUST_CHECK;
/* GUARD~pid~gpid: whether gpid is now (the call's time) a guardian of pid whose scope has this word of lib_scopes. */
fcc_status registry_guardian(struct lib_call *call, const char *pid, const char *gpid, const char *scope,
                             bool *is) FCC_MUST_CHECK;
/* ASG~pid~uid: whether the doctor is assigned to the patient. */
fcc_status registry_assigned(struct lib_call *call, const char *pid, const char *uid, bool *is) FCC_MUST_CHECK;
/* PROLE~uid~site: whether the job is approved and has the capability, such as "btg". */
fcc_status registry_has_cap(struct lib_call *call, const char *uid, const char *site, const char *cap,
                            bool *has) FCC_MUST_CHECK;
/* PROLE~uid~site: whether the job is approved and has the role. */
fcc_status registry_has_role(struct lib_call *call, const char *uid, const char *site, const char *role,
                             bool *has) FCC_MUST_CHECK;
/* Check(subject, capability, region): a valid credential that covers the region. Capability: "licence". */
fcc_status registry_check(struct lib_call *call, const char *subject, const char *capability, const char *region,
                          bool *valid) FCC_MUST_CHECK;

#endif
