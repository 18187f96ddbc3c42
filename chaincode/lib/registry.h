/*
 * registry.h: what the chaincodes ask the credentials registry: who a key belongs to, and what its holder may do.
 *
 * The questions are those of the registry's keys (KEY~fp, PROLE~uid~site, PRAC~uid, ORG~gln, PAT~pid) and of its
 * function Check. registry_file.c answers them from a file for as long as the chaincode `credentials` does not exist;
 * every call takes the running call, because its answers will come from the ledger.
 */
#ifndef LIB_REGISTRY_H
#define LIB_REGISTRY_H

#include <fcc/status.h>

#include <stdbool.h>

struct lib_call;

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

struct registry_patient {
    const char *pid; /* of the record that judges: a provisional pid that was linked gives the other one */
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
/* ehr's CUST~msp (the custody key, 64 hexadecimal digits) and CLASS~gln~class (years of retention). */
fcc_status registry_custody(struct lib_call *call, const char *msp, const char **pub, bool *found) FCC_MUST_CHECK;
fcc_status registry_retention(struct lib_call *call, const char *gln, const char *class_, int *years,
                              bool *found) FCC_MUST_CHECK;

/* ---- the stand-in only ---- */

/* Read the file (or, for tests, its text) that all calls are answered from; replaces what was read before. */
fcc_status registry_load_file(const char *path, fcc_error *error) FCC_MUST_CHECK;
fcc_status registry_load_text(const char *text, fcc_error *error) FCC_MUST_CHECK;
void registry_unload(void);

#endif
