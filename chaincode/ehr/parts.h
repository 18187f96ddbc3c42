/* parts.h: what the files of this chaincode share. */
#ifndef EHR_PARTS_H
#define EHR_PARTS_H

#include "lib/state.h"

#define EHR_SUBJECT "subject"
#define EHR_AUDIT "audit"

enum {
    EHR_MAX_RECORDS = 100,   /* in one call */
    EHR_MAX_IDS = 200,       /* in one scope or query */
    EHR_PAGE = 100,          /* entries in an answer */
    EHR_GRANT_SECONDS = 1800 /* how long a request that was allowed holds */
};

/* ---- handlers, for the table in ehr.c ---- */

fcc_status setup_handler(fcc_stub *stub, fcc_args args);
fcc_status set_custody_key_handler(fcc_stub *stub, fcc_args args);
fcc_status set_retention_handler(fcc_stub *stub, fcc_args args);
fcc_status add_records_handler(fcc_stub *stub, fcc_args args);
fcc_status import_records_handler(fcc_stub *stub, fcc_args args);
fcc_status list_records_handler(fcc_stub *stub, fcc_args args);
fcc_status request_access_handler(fcc_stub *stub, fcc_args args);
fcc_status decision_handler(fcc_stub *stub, fcc_args args);
fcc_status read_index_handler(fcc_stub *stub, fcc_args args);
fcc_status get_key_handler(fcc_stub *stub, fcc_args args);
fcc_status audit_trail_handler(fcc_stub *stub, fcc_args args);

/* ---- what administrators set: setup.c ---- */

/* 412 PRECONDITION before Setup. */
fcc_status ehr_salt(lib_call *call, const char **salt) FCC_MUST_CHECK;
/* 412 PRECONDITION while the organisation has no custody key. */
fcc_status ehr_require_custody(lib_call *call, const char *msp) FCC_MUST_CHECK;
/* How many years the caller's site keeps each of these classes; 412 PRECONDITION where it has no such class. */
fcc_status ehr_retention(lib_call *call, const char *const *classes, size_t count, int *years) FCC_MUST_CHECK;

/* ---- records ---- */

/* A field of a record as text, NULL when it has none. */
const char *ehr_text(const json_t *record, const char *name);
/* Its "v"; 0 for NULL. */
int ehr_version(const json_t *record);
/* 404 unless the patient is registered, 412 unless active. */
fcc_status ehr_require_patient(lib_call *call, const char *pid) FCC_MUST_CHECK;
/* Records of one patient; out[i] is NULL where there is none. */
fcc_status ehr_read_records(lib_call *call, const char *pid, const char *const *ids, size_t count,
                            const json_t **out) FCC_MUST_CHECK;
/* The collection that holds the data keys in this organisation's custody. */
const char *ehr_custody_collection(lib_call *call, const char *msp);

/*
 * Go through an index TYPE~first~revEpoch~id of a collection from behind the token `after` (NULL: from the start), at
 * most `max` entries. Queries only: ranges over private data are refused in a transaction that writes.
 *
 * @param ids   room for max + 1
 * @param next  the token of the next page, NULL at the end
 */
fcc_status ehr_walk_index(lib_call *call, const char *collection, const char *type, const char *first,
                          const char *after, size_t max, const char **ids, size_t *count,
                          const char **next) FCC_MUST_CHECK;

#endif
