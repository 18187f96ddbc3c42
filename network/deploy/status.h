/*
 * status.h: what each organisation has of each chaincode of a channel, asked of its own peer: `medsync status`.
 *
 * Test: test/integration/status.sh
 */
#ifndef MEDSYNC_DEPLOY_STATUS_H
#define MEDSYNC_DEPLOY_STATUS_H

#include "base/arena.h"
#include "base/codes.h"

typedef struct deploy_status_options {
    const char *dir;         /* with endpoints.json and the administrators' keys */
    const char *only;        /* NULL: all chaincodes; else this one */
    const char *const *orgs; /* whose administrators ask; none: all */
    size_t org_count;
    int64_t timeout_s; /* of each request; 0: 30 s */
} deploy_status_options;

/* One chaincode in one organisation. */
typedef struct deploy_row {
    const char *chaincode; /* NULL: the organisation's peer did not answer */
    const char *mspid;
    const char *version; /* committed, as the organisation's peer has it */
    int64_t sequence;
    bool approved;          /* ... by this organisation */
    const char *package_id; /* that it approved for it; NULL: it runs none */
    bool installed;         /* that package */
    bool answers;
    const char *digest; /* SHA-256 that the running process gives for its executable; NULL: it gives none */
    bool differs;       /* another organisation runs another executable */
    bool ok;
    fcc__code code; /* when not ok */
    const char *why;
    size_t order;
} deploy_row;

typedef struct deploy_status {
    fcc__arena *arena;
    deploy_row *rows; /* by chaincode, then organisation; those without a chaincode first */
    size_t count;
    size_t wrong; /* rows that are not ok */
} deploy_status;

/* FCC_OK also when rows are wrong. FCC_ERR_NOT_FOUND, FCC_ERR_CONFIG: the directory. deploy_status_clear in any case. */
fcc_status deploy_status_read(const deploy_status_options *options, deploy_status *out,
                              fcc_error *error) FCC_MUST_CHECK;
void deploy_status_clear(deploy_status *status);

#endif
