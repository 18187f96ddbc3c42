/*
 * deploy.h: chaincodes come onto a channel: a package for each, installed by the organisations that run it, its
 * definition approved by every organisation of the channel, and committed. By the transactions of `_lifecycle`, as any
 * Fabric client would make them, so on the devnet and on real Fabric alike.
 *
 * A run does what is missing and nothing else: run again after a failure it goes on from there, and run again after
 * success it changes nothing. A changed definition or package becomes the next sequence.
 *
 * Source: fabric v3.1.5 core/chaincode/lifecycle/{lifecycle,scc}.go, internal/peer/lifecycle/chaincode
 * Test: test/integration/deploy_network.sh
 */
#ifndef MEDSYNC_DEPLOY_DEPLOY_H
#define MEDSYNC_DEPLOY_DEPLOY_H

#include "base/arena.h"
#include "base/codes.h"
#include "config/config.h"

typedef enum deploy_step { DEPLOY_INSTALL, DEPLOY_APPROVE, DEPLOY_COMMIT } deploy_step;

typedef enum deploy_result {
    DEPLOY_DONE,  /* it was missing and is there now */
    DEPLOY_KEPT,  /* it was there */
    DEPLOY_WOULD, /* it is missing, and this is a rehearsal */
    DEPLOY_FAILED /* `why` has the reason; what does not hang on it goes on */
} deploy_result;

/* One step of one organisation (of the channel for a commit). Strings are borrowed until return. */
typedef struct deploy_event {
    const char *chaincode;
    const char *mspid; /* NULL: the channel's */
    deploy_step step;
    deploy_result result;
    int64_t sequence;
    const char *package_id; /* NULL: this organisation approves without running it */
    const char *why;
} deploy_event;

typedef struct deploy_options {
    const char *dir;               /* the network's directory, with endpoints.json and crypto/ */
    const config_network *network; /* what shall be there */
    const char *only;              /* NULL: all chaincodes of the network; else this one */
    bool rehearse;                 /* look, tell what would be done, change nothing */
    void (*tell)(void *ctx, const deploy_event *event);
    void *ctx;
} deploy_options;

typedef struct deploy_counts {
    size_t done, kept, would, failed;
} deploy_counts;

/* package_of_service of a chaincode of the network file. *id and *package live in the arena. */
fcc_status deploy_package(const config_chaincode *chaincode, fcc__arena *arena, fcc_bytes *package, const char **id,
                          fcc_error *error) FCC_MUST_CHECK;

/*
 * @return FCC_OK           all is there (or would be); counts tell
 *         FCC_ERR_PEER     some steps failed, each told; run again to go on
 *         FCC_ERR_CONFIG, FCC_ERR_NOT_FOUND  the network or its directory is not as it should be; nothing was done
 */
fcc_status deploy_run(const deploy_options *options, deploy_counts *counts, fcc_error *error) FCC_MUST_CHECK;

#endif
