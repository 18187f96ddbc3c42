/*
 * native.h: real Fabric on this machine, from network.yaml: its own orderer and peers as processes, the chaincodes under
 * one fcc-host an organisation, the channel made and joined, everything deployed, and the custodians to which the file gives
 * an address. For integration tests and for trying
 * a network before it goes to many machines.
 *
 * Fabric's programs `orderer` and `peer`, 2.5 or 3.1, are taken as they are from PATH or a folder; the builder for
 * chaincodes as a service lies beside them as in Fabric's releases (../builders/ccaas), or in
 * /opt/hyperledger/ccaas_builder as in its images. Everything listens on 127.0.0.1 and lives in one directory.
 *
 * Test: test/integration/fabric.sh
 */
#ifndef MEDSYNC_NATIVE_NATIVE_H
#define MEDSYNC_NATIVE_NATIVE_H

#include "config/config.h"

typedef struct native_options {
    const char *dir;         /* made when missing: crypto/, genesis.block, endpoints.json, config/, data/, log/ */
    config_network *network; /* changed: addresses become those that are used here */
    const char *fabric_bin;  /* where `orderer` and `peer` are; NULL: PATH */
    const char *config_dir;  /* network/fabric, with core.yaml and orderer.yaml */
    const char *bin_dir;     /* ours: fcc-host and the chaincodes */
    const char *medsync;     /* the program, for custodians */
    bool auto_ports;         /* free ports instead of those of the network file */
    /* progress, a line at a time; the network is ready. Both may be NULL */
    void (*tell)(void *ctx, const char *line);
    void (*ready)(void *ctx);
    void *ctx;
} native_options;

/*
 * Run until SIGTERM or SIGINT. A program of the network that ends is started again, and the log says so.
 *
 * @return FCC_OK            it was told to end, and everything has ended
 *         FCC_ERR_NOT_FOUND a program or folder is missing: `error` names it and the remedy
 *         FCC_ERR_EXISTS    a network runs in this directory
 *         FCC_ERR_CONFIG, FCC_ERR_IO, FCC_ERR_PEER  the step that failed, and whose log has more
 */
fcc_status native_run(const native_options *options, fcc_error *error) FCC_MUST_CHECK;

#endif
