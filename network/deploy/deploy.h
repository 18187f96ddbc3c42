/*
 * deploy.h: chaincodes come onto a channel: a package for each, installed by the organisations that run it, its
 * definition approved by every organisation of the channel, committed, and asked for an answer. By the transactions of
 * `_lifecycle`, as any Fabric client would make them, so on the devnet and on real Fabric alike.
 *
 * A run does what is missing and nothing else: run again after a failure it goes on from there, and run again after
 * success it changes nothing. A changed definition or package becomes the next sequence. Organisations are worked at side
 * by side; what fails in one is told, and the others go on as far as they can.
 *
 * Source: fabric v3.1.5 core/chaincode/lifecycle/{lifecycle,scc}.go, internal/peer/lifecycle/chaincode
 * Test: test/integration/deploy_network.sh, deploy_errors.sh, fabric.sh
 */
#ifndef MEDSYNC_DEPLOY_DEPLOY_H
#define MEDSYNC_DEPLOY_DEPLOY_H

#include "base/arena.h"
#include "base/codes.h"
#include "config/config.h"

typedef enum deploy_step {
    DEPLOY_REACH,   /* the organisation's peer answers its administrator, on this channel */
    DEPLOY_INSTALL, /* the package is on the organisation's peer */
    DEPLOY_APPROVE,
    DEPLOY_SERVE, /* fcc-host runs the package's server: told where this machine is the one that runs it */
    DEPLOY_COMMIT,
    DEPLOY_ANSWER, /* the chaincode answers through the organisation's peer */
    DEPLOY_DRAIN   /* the server of the package before it ends, when its transactions have */
} deploy_step;

typedef enum deploy_result {
    DEPLOY_DONE,  /* it was missing and is there now */
    DEPLOY_KEPT,  /* it was there */
    DEPLOY_WOULD, /* it is missing, and this is a rehearsal */
    DEPLOY_FAILED /* `why` has the reason; what does not hang on it goes on */
} deploy_result;

/* One step of one organisation (of the channel for a commit). Strings are borrowed until return. */
typedef struct deploy_event {
    const char *chaincode; /* NULL: the step is about the organisation */
    const char *mspid;     /* NULL: the channel's */
    deploy_step step;
    deploy_result result;
    int64_t sequence;
    const char *package_id; /* NULL: this organisation approves without running it */
    const char *digest; /* DEPLOY_ANSWER: what the running process says its executable's SHA-256 is; NULL: nothing */
    fcc__code code;     /* DEPLOY_FAILED: what `medsync explain` takes */
    const char *why;
} deploy_event;

typedef struct deploy_options {
    const char *dir;               /* the network's directory, with endpoints.json and crypto/ */
    const config_network *network; /* what shall be there */
    const char *only;              /* NULL: all chaincodes of the network; else this one */
    const char *const *orgs;       /* MSP ids or names of those whose administrators act; none: all of them */
    size_t org_count;
    bool hold;         /* install and approve, and do not commit yet */
    bool rehearse;     /* look, tell what would be done, change nothing */
    int64_t timeout_s; /* of each request; 0: 30 s */
    /* One call at a time, from threads of the run's own. */
    void (*tell)(void *ctx, const deploy_event *event);
    void *ctx;
} deploy_options;

typedef struct deploy_counts {
    size_t done, kept, would, failed;
    size_t answers; /* chaincodes that answered, one for each organisation; not among the others */
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

/*
 * Give a chaincode the definition back that it had before, as the next sequence: what its packages are is what each
 * organisation had approved then. `only` is its name, network may be NULL.
 *
 * @param to       the sequence whose definition it gets; 0: the one before the present one. Set to that on return
 * @param planned  may be NULL; told before anything is done, and where the rehearsal ends
 * @return as deploy_run; FCC_ERR_NOT_FOUND also when there is no such sequence
 */
typedef struct deploy_return {
    int64_t from, to, next; /* the present sequence, the one whose definition comes back, the one that this becomes */
    const char *version;
    uint64_t block; /* in which it was committed */
} deploy_return;

fcc_status deploy_rollback(const deploy_options *options, int64_t *to,
                           void (*planned)(void *ctx, const deploy_return *plan), deploy_counts *counts,
                           fcc_error *error) FCC_MUST_CHECK;

/* Does the directory have files of fcc-host, so that servers can be started and ended here? */
bool deploy_runs_servers(const deploy_options *options);

/* The code of what a peer, an orderer or the way to them said: what to do about it is in its table. Not for FCC_OK. */
fcc__code deploy_code_of(fcc_status status, const char *words);

#endif
