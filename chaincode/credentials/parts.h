/* parts.h: what the files of this chaincode share. */
#ifndef CREDENTIALS_PARTS_H
#define CREDENTIALS_PARTS_H

#include "lib/state.h"

#define CRED_KYC "kyc"
#define CRED_WHO "who"
#define CRED_REGULATOR "RegulatorMSP"
#define CRED_INSPECTOR "InspectorMSP"

enum { CRED_PAGE = 100 /* entries in an answer */ };

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
