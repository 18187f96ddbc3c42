/* parts.h: what the files of this chaincode share. */
#ifndef CREDENTIALS_PARTS_H
#define CREDENTIALS_PARTS_H

#include "lib/state.h"

#define CRED_KYC "kyc"
#define CRED_WHO "who"
#define CRED_REGULATOR "RegulatorMSP"
#define CRED_INSPECTOR "InspectorMSP"

enum {
    CRED_PAGE = 100,   /* entries in an answer */
    CRED_MAX_KEYS = 8, /* of one patient */
    CRED_MAX_PROVS = REGISTRY_MOST_PROVS,
    CRED_OF_AGE = 18 /* years; until then a patient is a minor */
};

/* A function of this chaincode: the registry's questions are answered from its own state. */
#define CRED_DEFINE(name, ...) LIB_DEFINE(name, .registry = cred_answers, __VA_ARGS__)

/* The registry's questions, answered from this chaincode's state. */
fcc_status cred_answers(lib_call *call, registry_question question, const char *const about[3], const json_t **answer);
/* Check(subject, capability, region). */
fcc_status cred_check(lib_call *call, const char *subject, const char *capability, const char *region,
                      bool *valid) FCC_MUST_CHECK;

/* ---- records ---- */

/* A key that may be bound; `key` is KEY~fp. 409 ALREADY when it is, or was, bound. */
fcc_status cred_require_free_key(lib_call *call, const char *collection, const char *fp) FCC_MUST_CHECK;
/* KEY~fp of a member of staff. */
fcc_status cred_write_staff_key(lib_call *call, const char *fp, const char *uid, const char *site, const char *msp,
                                const char *status) FCC_MUST_CHECK;

/*
 * A copy of a record as its next version, with this status (NULL: as it was); NULL without memory. Public records have
 * no versions apart: the ledger keeps their history.
 */
json_t *cred_next(const json_t *old, const char *status);
/* A member of a record of one's own; takes the value over. false without memory. */
bool cred_set(json_t *record, const char *name, json_t *value);

/* PRAC~uid with a job at this site; `old` is NULL for a new person. */
fcc_status cred_write_person(lib_call *call, const json_t *old, const char *uid, const char *site,
                             const char *msp) FCC_MUST_CHECK;

/* ---- credentials ---- */

/* TYPE~SHA-256(foreign)~more: foreign identifiers are keyed by their digest. */
fcc_bytes cred_hashed_key(lib_call *call, const char *type, const char *foreign, const char *more);
/* Whether a credential's time has begun. */
bool cred_has_begun(const lib_call *call, const json_t *vc);
/* ACCR~issuer~type: whether the issuer is accredited. */
fcc_status cred_accredited(lib_call *call, const char *issuer, const char *type, bool *is) FCC_MUST_CHECK;
/* Whether the bit of this index of a list (`list`: SLIST~id) is set; true for an index beyond it. */
fcc_status cred_status_bit(lib_call *call, const char *id, int64_t index, const json_t *list, bool *set) FCC_MUST_CHECK;

/* ---- patients ---- */

/* PAT~pid of the record that judges: a provisional pid that was linked becomes the other one. NULL when there is none. */
fcc_status cred_read_patient(lib_call *call, const char **pid, const json_t **record) FCC_MUST_CHECK;
/* 404 when there is none, 412 unless active. */
fcc_status cred_require_patient(lib_call *call, const char **pid, const json_t **record) FCC_MUST_CHECK;
/*
 * The salt of a private value that is made without one from the client: derived from another one's, which nobody outside
 * of the collection knows, and the key. NULL without memory.
 */
const char *cred_salt(lib_call *call, const json_t *from, fcc_bytes key);
/* KEY~fp of a patient, in `who`; `patient` is PAT~pid, whose salt the key's is derived from. */
fcc_status cred_write_patient_key(lib_call *call, const char *fp, const char *pid, const char *msp, const char *status,
                                  const json_t *patient) FCC_MUST_CHECK;
/* The next version of PAT~pid; takes the record over. */
fcc_status cred_write_patient(lib_call *call, const char *pid, json_t *record) FCC_MUST_CHECK;
/* The salt of `who`; 412 PRECONDITION before Setup. */
fcc_status cred_who_salt(lib_call *call, const char **salt) FCC_MUST_CHECK;
/* Countersign, by kind: what an act that two people made holds. `pending` is what somebody else began. */
struct lib_pending;
fcc_status cred_replace_key(lib_call *call, const struct lib_pending *pending) FCC_MUST_CHECK;
fcc_status cred_begin_guardian(lib_call *call, const struct lib_pending *pending) FCC_MUST_CHECK;

/*
 * Values of a collection under TYPE~first or TYPE~first~second, in the order of their keys, from behind the one whose
 * field `name` (the last part of its key) is `after`; *next is that of the last when there are more. Queries only.
 */
fcc_status cred_list(lib_call *call, const char *collection, const char *type, const char *first, const char *second,
                     const char *name, const char *after, json_t *list, const char **next) FCC_MUST_CHECK;

/* ---- who ---- */

/* An administrator of the regulator: of one of its authorities, not of a council. */
bool cred_is_regulator(const lib_call *call, const struct registry_site *site);
/* 403 DENIED:role unless the caller is one. */
fcc_status cred_require_regulator(lib_call *call) FCC_MUST_CHECK;
/* Whether the caller is one, and the record of the caller's site. */
fcc_status cred_caller_site(lib_call *call, struct registry_site *site, bool *regulator) FCC_MUST_CHECK;
/* uid and site of the caller's certificate; 403 DENIED:certificate unless they are these. */
fcc_status cred_require_own(lib_call *call, const char *uid, const char *site) FCC_MUST_CHECK;

#endif
