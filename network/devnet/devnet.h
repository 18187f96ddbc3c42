/*
 * devnet.h: the embedded network, for writing and trying chaincode on one machine. Not for production.
 *
 * One process and one loop: a gateway listener for each organisation's peer, real endorsement by each organisation, an
 * in-order orderer, validation and a durable ledger; one chaincode process for each organisation and chaincode.
 * Everything listens on 127.0.0.1 unless it is asked otherwise, and lives in one directory, which one devnet at a time
 * holds.
 */
#ifndef MEDSYNC_DEVNET_DEVNET_H
#define MEDSYNC_DEVNET_DEVNET_H

#include <fcc/bytes.h>
#include <fcc/status.h>

#include "base/codes.h"

#include <sys/types.h>

/* A chaincode that the network file doesn't list: every organisation installs it, one peer's endorsement is enough. */
enum { DEVNET_EXE_MAX = 4096 };

typedef struct devnet_with {
    const char *name;
    /* File name in bin_dir, or an absolute path, with collections.json beside it. NULL: as `name`. */
    const char *exe;
} devnet_with;

/* Which Fabric the network shows itself as: its offers, checks and texts. */
typedef enum devnet_fabric {
    DEVNET_FABRIC_KEPT, /* as the directory has it; 3.1 for a new one */
    DEVNET_FABRIC_3_1,
    DEVNET_FABRIC_2_5,
} devnet_fabric;

/* Where a chaincode listens, whatever its package's connection.json says. */
typedef struct devnet_cc_address {
    const char *name;
    const char *address; /* host:port */
} devnet_cc_address;

typedef struct devnet_options {
    const char *dir;          /* made when missing; certificates and keys, endpoints.json, the ledger, log/ */
    const char *network_file; /* network.yaml; NULL for somebody else's consortium */
    /*
     * Somebody else's consortium: its key material in cryptogen's layout and its channel's genesis block. Both are copied
     * into the directory, so a restart needs neither. No chaincodes are deployed. Both or none.
     */
    const char *crypto;
    const char *genesis;
    devnet_fabric fabric;
    bool has_clock; /* the network's clock starts at clock_ns, since 1970, and runs on from there */
    int64_t clock_ns;
    const devnet_cc_address *cc_addresses;
    size_t cc_address_count;
    const char *bin_dir;       /* where the chaincodes' executables are; NULL: beside this executable */
    const char *chaincode_dir; /* where <exe>/collections.json of a `with` is looked for; NULL: "chaincode" */
    /*
     * The peers and the orderer take clients with a TLS certificate of the channel's organisations alone, and Deliver
     * wants its hash in each request: Fabric's clientAuthRequired.
     */
    bool client_auth;
    const char *listen; /* the address of this machine at which all listen, instead of the network file's; or NULL */
    bool auto_ports;    /* take free ports and ignore those of the network file */
    int first_port, last_port; /* 0, or: the orderer at first_port, the peers behind it in the network file's order */
    /*
     * The network file's chaincodes are run and deployed by others. For each organisation, DIR/services/<domain>/builder.json
     * holds what a Fabric peer has in CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG: where its chaincodes are, and its
     * certificates for them. Read anew for each connection. (native/services.h)
     */
    bool services;
    const devnet_with *with;
    size_t with_count;
    size_t referees; /* processes beside each that endorses, under other conditions; their answers are compared */
    int64_t batch_timeout_ms; /* how long the orderer waits for more; negative: as the channel says */
    void (*ready)(void *ctx); /* endpoints.json is written and every chaincode is connected; may be NULL */
    void *ready_ctx;
} devnet_options;

/*
 * Bring the network up and serve until SIGTERM or SIGINT, or until start-up fails. The same directory continues its
 * channel. Call it before the process has threads or has used gRPC; to run in the background, fork before.
 *
 * @return FCC_OK          stopped by a signal; everything acknowledged is on disk
 *         FCC_ERR_EXISTS  another devnet holds the directory
 *         FCC_ERR_CONFIG  the network file, an executable that is missing, a port that is taken, options that the
 *                         directory contradicts
 *         FCC_ERR_APP     a chaincode's process ends each time that it is started
 *         FCC_ERR_IO, FCC_ERR_CORRUPT, ...  as `error` says
 */
fcc_status devnet_run(const devnet_options *options, fcc_error *error) FCC_MUST_CHECK;

/* What `medsync explain` takes, for a failure of any of these functions. */
fcc__code devnet_code(fcc_status status);

/* What is known about a directory from outside. */
typedef struct devnet_found {
    bool running; /* a devnet holds it */
    bool ready;   /* and has written its endpoints.json */
    bool foreign; /* it holds somebody else's consortium: needs no network file */
    pid_t pid;    /* of that devnet, 0 when none runs */
} devnet_found;

/* FCC_OK also when the directory doesn't exist: then nothing runs. */
fcc_status devnet_find(const char *dir, devnet_found *out, fcc_error *error) FCC_MUST_CHECK;

/* Ask the devnet of `dir` to stop and wait until it has. FCC_ERR_NOT_FOUND when none runs, FCC_ERR_TIMEOUT. */
fcc_status devnet_stop(const char *dir, int64_t timeout_ms, fcc_error *error) FCC_MUST_CHECK;

/*
 * Remove everything that a devnet has written into `dir`: ledger, identities, endpoints, logs. Files it has not made
 * stay. FCC_ERR_EXISTS while one runs.
 */
fcc_status devnet_reset(const char *dir, fcc_error *error) FCC_MUST_CHECK;

#endif
