/*
 * config.h: what the environment and the command line tell a chaincode process. Read once, then const, except for the
 * content of the TLS files.
 *
 * Every variable, with right and wrong values: docs/environment.md. Texts begin with the Go shim's words where it has
 * some, and go on with the variable, its value and the remedy.
 *
 * Source: fabric-chaincode-go v2.3.0 shim/internal/config.go, shim/shim.go, shim/chaincodeserver.go; fabric-samples'
 * chaincode-external
 * Test: test/unit/shim/io/test_config.c
 */
#ifndef FCC_IO_CONFIG_H
#define FCC_IO_CONFIG_H

#include "base/arena.h"
#include "base/log.h"
#include "io/tls.h"
#include "rpc/rpc.h"

enum { FCC__MAX_WARNINGS = 8 };

typedef struct fcc__config {
    bool help;        /* --help was asked for: nothing else is set */
    bool is_client;   /* dial the peer at `address`; otherwise listen there */
    const char *ccid; /* the package id */
    const char *address;
    bool use_tls;
    rpc_tls tls;
    fcc__tls_facts tls_facts; /* with TLS */
    rpc_keepalive keepalive;
    int drain_ms;  /* after SIGTERM, transactions that run may take so long to end */
    int budget_ms; /* a transaction may take so long; 0: for ever */
    fcc__level log_level;
    int counters_fd;                         /* memory that fcc-host shares; -1: none */
    const char *warnings[FCC__MAX_WARNINGS]; /* what is legal and probably not meant; NULL behind the last */
} fcc__config;

/*
 * Read the environment and the command line, and the files they name.
 *
 * @param arena  holds all that `out` points to
 *
 * @return FCC_OK
 *         FCC_ERR_CONFIG  `error` names the variable or argument, its value and what was expected
 */
fcc_status fcc__config_read(fcc__arena *arena, int argc, char **argv, fcc__config *out,
                            fcc_error *error) FCC_MUST_CHECK;

/*
 * Read the TLS files of `c` again and take them over, all or none.
 *
 * @param arena  holds them; must outlive their use, as the one before must until this returns
 *
 * @return FCC_OK
 *         FCC_ERR_CONFIG  `error` names variable and file; `c` is as before
 */
fcc_status fcc__config_renew_tls(fcc__arena *arena, fcc__config *c, fcc_error *error) FCC_MUST_CHECK;

/* What --help prints. */
const char *fcc__config_help(void);

#endif
