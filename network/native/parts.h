/*
 * parts.h: the files of a consortium for containers or several machines: each organisation's part holds what its own nodes
 * need to run and nobody else's keys.
 *
 *     OUT/<orderer's domain>/<node>/   core.yaml or orderer.yaml, msp/, tls/, start
 *     OUT/<domain>/<peer>/             the same
 *     OUT/<domain>/chaincodes/         fcc-host.yaml, tls/
 *     OUT/custodian.<domain>/          where the network file gives the custodian an address; see custodians.h
 *
 * <node> and <peer> are names without their domain. `start` tells a node its variables and becomes it. A part is mounted
 * at PARTS_FABRIC in containers of Fabric's images, which write to PARTS_DATA, and at PARTS_HOST beside fcc-host. Nodes
 * reach each other by their full names, chaincodes are at chaincodes.<domain>.
 *
 * Test: test/integration/compose_fabric.sh
 */
#ifndef MEDSYNC_NATIVE_PARTS_H
#define MEDSYNC_NATIVE_PARTS_H

#include "config/config.h"

#define PARTS_FABRIC "/etc/hyperledger/fabric"
#define PARTS_DATA "/var/hyperledger/production"
#define PARTS_HOST "/etc/medsync"

enum {
    PARTS_ADMIN_PORT = 7053,      /* an orderer's participation API */
    PARTS_OPERATIONS_PORT = 8443, /* /healthz of peers and orderers, on their loopback */
    PARTS_CHAINCODE_PORT = 7052,  /* of the network file's first chaincode; the others follow */
    PARTS_SPARE_PORT = 7152       /* ... of its slot b (package.h) */
};

typedef struct parts_options {
    const char *dir;         /* the network's directory: crypto/, custody/, genesis.block, endpoints.json */
    config_network *network; /* with addresses by name: config_addresses_by_name */
    const char *out;         /* folder of the parts */
    const char *config_dir;  /* network/fabric */
    const char *bin_dir;     /* of the chaincodes' programs, where fcc-host runs */
    const char *fabric;      /* "2.5", "3.1.5": the release that is told */
    const char *only; /* MSP id of the one organisation whose part is written, from the keys that there are; NULL */
    void (*tell)(void *ctx, const char *line);
    void *ctx;
} parts_options;

/*
 * Make what the network's directory lacks (with `only` nothing but its custody key), and write the parts anew, each node's whole or not at
 * all. What keys and channel there are is kept, so it can run at every start.
 *
 * @return FCC_OK, FCC_ERR_IO, FCC_ERR_CONFIG, FCC_ERR_NOMEM; FCC_ERR_NOT_FOUND when keys of `only` are missing
 */
fcc_status parts_write(const parts_options *options, fcc_error *error) FCC_MUST_CHECK;

#endif
