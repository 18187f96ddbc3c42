/*
 * config.h: what the environment and the command line tell a chaincode process. Read once, then const.
 *
 * Source: fabric-chaincode-go v2.3.0 shim/internal/config.go, shim/shim.go; fabric-samples' chaincode-external
 */
#ifndef FCC_IO_CONFIG_H
#define FCC_IO_CONFIG_H

#include "base/arena.h"
#include "rpc/rpc.h"

typedef struct fcc__config {
    bool help;        /* --help was asked for: nothing else is set */
    bool is_client;   /* dial the peer at `address`; otherwise listen there */
    const char *ccid; /* the package id */
    const char *address;
    bool use_tls;
    rpc_tls tls;
} fcc__config;

/*
 * Read the environment and the command line.
 *
 * @param arena  holds all that `out` points to
 *
 * @return FCC_OK
 *         FCC_ERR_CONFIG  `error` names the variable or argument, its value and what was expected
 */
fcc_status fcc__config_read(fcc__arena *arena, int argc, char **argv, fcc__config *out,
                            fcc_error *error) FCC_MUST_CHECK;

/* What --help prints. */
const char *fcc__config_help(void);

#endif
