/* parts.h: what the files of this chaincode share. */
#ifndef EHR_PARTS_H
#define EHR_PARTS_H

#include "lib/call.h"
#include "lib/registry.h"
#include "lib/state.h"
#include "lib/walk.h"

#define EHR_SUBJECT "subject"
#define EHR_AUDIT "audit"
#define EHR_EMERGENCY "emergency"

enum {
    EHR_MAX_RECORDS = 100,    /* in one call */
    EHR_MAX_IDS = 200,        /* in one scope or query */
    EHR_GRANT_SECONDS = 1800, /* how long a request that was allowed holds */
    EHR_ANSWER_DAYS = 30      /* in which a request for erasure is to be answered */
};

/* Who asks for access. */
enum { EHR_REQUESTERS = LIB_DOCTOR | LIB_NURSE | LIB_LABTECH | LIB_PHARMACIST | LIB_PRIVACY_OFFICER | LIB_PATIENT };

/* Fields that several functions have. */
#define EHR_PID                        \
    {                                  \
        .name = "pid", .type = LIB_PID \
    }
#define EHR_REC_ID                      \
    {                                   \
        .name = "recId", .type = LIB_ID \
    }
#define EHR_AUDIT_ID                      \
    {                                     \
        .name = "auditId", .type = LIB_ID \
    }
#define EHR_SALT                                   \
    {                                              \
        .name = "salt", .type = LIB_HEX, .max = 32 \
    }
#define EHR_PAGE_TOKEN                                                  \
    {                                                                   \
        .name = "page", .type = LIB_TOKEN, .optional = true, .max = 100 \
    }

/* ---- the patient: ehr.c ---- */

/* The owner: this patient, or now a guardian for records. 404, 403 DENIED:not_owner. */
fcc_status ehr_require_owner(lib_call *call, const char *pid) FCC_MUST_CHECK;
/* The same for what changes something: also 412 once the patient is deceased. */
fcc_status ehr_require_living_owner(lib_call *call, const char *pid) FCC_MUST_CHECK;

/* ---- what administrators set: setup.c ---- */

/* 412 PRECONDITION before Setup. */
fcc_status ehr_salt(lib_call *call, const char **salt) FCC_MUST_CHECK;
/* 412 PRECONDITION while the organisation has no custody key. */
fcc_status ehr_require_custody(lib_call *call, const char *msp) FCC_MUST_CHECK;
/* How many years the caller's site keeps each of these classes; 412 PRECONDITION where it has no such class. */
fcc_status ehr_retention(lib_call *call, const char *const *classes, size_t count, int *years) FCC_MUST_CHECK;

/* ---- records: records.c, versions.c ---- */

/* Records that one call writes. */
struct ehr_batch {
    const json_t *records; /* an array */
    bool single;           /* it is T's field "record": errors name it so */
    const char *pid;
    const char *enc;          /* NULL: written in no encounter */
    const char *origin;       /* own, import, site */
    const char *author;       /* uid, or the pid of the owner who supplies */
    const char *site;         /* NULL for what an owner supplies */
    const char *prev, *order; /* the record that it supersedes, the order that it answers; NULL: none */
    const char *keep_until;   /* what it supersedes is kept so long; NULL: nothing */
};
/* Check them, and that no record and no act has one of their ids: 400, 409 ALREADY, 412 PRECONDITION. */
fcc_status ehr_check_batch(lib_call *call, const struct ehr_batch *batch) FCC_MUST_CHECK;
/* Write them: REC, RECV, RECP, DEK and ACT of each. */
fcc_status ehr_write_batch(lib_call *call, const struct ehr_batch *batch) FCC_MUST_CHECK;
/* Write a next version of a record whose id is on the ledger: REC, RECV, ACT. */
fcc_status ehr_write_version(lib_call *call, const json_t *record) FCC_MUST_CHECK;

/* REC~pid~recId; *out is NULL where there is none. */
fcc_status ehr_read_record(lib_call *call, const char *pid, const char *id, const json_t **out) FCC_MUST_CHECK;
/* Several of one patient; out[i] is NULL where there is none. */
fcc_status ehr_read_records(lib_call *call, const char *pid, const char *const *ids, size_t count,
                            const json_t **out) FCC_MUST_CHECK;
/* 409, 410 or 412 unless the record's status is current. */
fcc_status ehr_require_current(lib_call *call, const json_t *record) FCC_MUST_CHECK;
/* Whether the public act says that the record was erased. Queries only: a read of a public key tells who asked. */
fcc_status ehr_is_erased(lib_call *call, const char *id, bool *erased) FCC_MUST_CHECK;
/* The key of the index RECP. */
fcc_bytes ehr_record_index(lib_call *call, const char *pid, const char *date, const char *id);
/* The collection that holds the data keys in this organisation's custody. */
const char *ehr_custody_collection(lib_call *call, const char *msp);
/* Whether the caller is a privacy officer who answers for the record: of its site, or of who keeps what an owner gave. */
bool ehr_answers_for(const lib_call *call, const json_t *record);

/* ---- laboratory: labs.c ---- */

/*
 * The order that a result answers follows what becomes of it: with `successor` it has that result, to be verified anew;
 * with NULL it is open again. For a record without an order nothing is done.
 */
fcc_status ehr_order_follows(lib_call *call, const json_t *record, const char *successor,
                             const char *salt) FCC_MUST_CHECK;

/* ---- judging: judge.c ---- */

/* Who asks, for what: from the caller, or from a request that was committed. */
struct ehr_asking {
    const char *pid, *purpose; /* of consent; "BTG" in an emergency */
    const json_t *actor;
    const json_t *scope;
};
/* Whether anything in the scope can be permitted, and why or why not. Reads the same keys whatever the outcome. */
fcc_status ehr_judge_scope(lib_call *call, const struct ehr_asking *asking, bool *allow,
                           const char **reason) FCC_MUST_CHECK;
/*
 * Judge these records one by one. Those permitted are added to `permitted`; with `refused`, the others are added to it
 * with their reason.
 */
fcc_status ehr_judge_records(lib_call *call, const struct ehr_asking *asking, const char *const *ids, size_t n,
                             json_t *permitted, json_t *refused) FCC_MUST_CHECK;
/* An actor as consent takes it; `site` is NULL for a patient, `case_id` outside of emergencies. The call owns it. */
json_t *ehr_actor(lib_call *call, const char *uid, const char *role, const char *site, const char *msp,
                  const char *case_id);
/* The record and its encounter (NULL: none) as consent takes them, for this actor (NULL: nobody). */
json_t *ehr_record_attrs(const json_t *record, const json_t *encounter, const json_t *actor);
/* A JSON array of strings into `out`, at most `max`. */
size_t ehr_strings(const json_t *array, const char **out, size_t max);

#endif
