/* record.h: what the files of `medsync record` share. */
#ifndef NETWORK_CLI_RECORD_H
#define NETWORK_CLI_RECORD_H

#include "blob/blob.h"
#include "cli/cli.h"
#include "fhir/fhir.h"

enum { RECORD_MANY = 200, RECORD_PID = 26, RECORD_CUSTODIANS = 16 };

/* One run of a step: its options, and what is open. */
typedef struct record_run {
    client_options open;
    const char *store_at, *pid, *enc, *purpose, *audit, *emergency, *output, *custody;
    const char *kind, *type, *mime, *category, *sens, *date, *class_name;
    const char *orgs[8]; /* that endorse */
    size_t org_count;
    const char *custodians[RECORD_CUSTODIANS]; /* --custodian ORG=HOST:PORT */
    size_t custodian_count;
    const char *recs[RECORD_MANY]; /* --rec */
    size_t rec_count;
    const char *categories[16]; /* --only */
    size_t category_count;
    bool json;
    int count; /* of arguments */
    char **args;
    client *who;
    blob_store *store;
    fcc__arena *keep; /* of the whole run */
    fcc__arena *call; /* of one call */
    bool quiet;       /* what the chaincode refuses is not told */
    bool in_doubt;    /* the last submitted call failed, and may have been committed all the same */
} record_run;

/* The steps; each returns the exit status. */
int record_add(record_run *r);
int record_import(record_run *r);
int record_show(record_run *r);
int record_verify(record_run *r);
int record_export(record_run *r);

/* ---- record.c ---- */

/* "medsync record: E-... text"; returns false, so that callers can return it. */
bool record_failed(fcc__code code, const char *format, ...) FCC_PRINTF(2, 3);
/* The patient's id: --pid, or the user's own. false after telling that there is none. */
bool record_need_pid(record_run *r);
/*
 * Submit or evaluate a function of ehr with public arguments and `in` (may be NULL; consumed). Its JSON answer, NULL for
 * none, is the caller's; `out` may be NULL. false after telling what was wrong.
 */
bool record_submit(record_run *r, const char *function, json_t *in, json_t **out);
bool record_submit_text(record_run *r, const char *function, fcc_bytes in);
bool record_ask(record_run *r, const char *function, const char *const *args, size_t count, json_t *in, json_t **out);
/* A member's text; "" without. */
const char *record_text(const json_t *o, const char *name);

/* ---- record_read.c: access to records ---- */

typedef struct record_chart {
    char audit[65];
    json_t *index;     /* the records that may be read, as ReadIndex gives them */
    json_t *refused;   /* those asked for by id that may not: {"recId","reason"} */
    const char **away; /* by index: why the key of a record was not to be had; NULL: it was */
    uint8_t (*keys)[BLOB_KEY_LEN];
} record_chart;

/* Ask for access (or take --audit), and read the index. false after telling why not. record_chart_clear in any case. */
bool record_chart_open(record_run *r, record_chart *chart);
/* Have the custodians release the keys of all records in the index. What could not be had is in `away`. */
bool record_chart_keys(record_run *r, record_chart *chart);
/* The content of record i, in the run's arena of one call. false after telling why not. */
bool record_content(record_run *r, const record_chart *chart, size_t i, fcc_bytes *out);
void record_chart_clear(record_chart *chart);

#endif
