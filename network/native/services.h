/*
 * services.h: the chaincodes of a devnet as services of their own, one fcc-host an organisation, on machines or in
 * containers of their own: the files that both sides need.
 *
 *     OUT/<domain>/fcc-host.yaml, tls/     for `fcc-host OUT/<domain>/fcc-host.yaml`, and nobody else's keys
 *     OUT/custodian.<domain>/              where the network file gives the custodian an address; see custodians.h
 *     DIR/services/<domain>/builder.json   for `medsync devnet up --services --dir DIR`
 *
 * An organisation's chaincodes are at chaincodes.<domain>, at the first port and the next ones in the network file's
 * order, the same in each organisation; slot b (package.h) of each is 100 ports further. A custodian finds its peer at
 * that one's full name, and readers find the custodian where the network file says.
 *
 * Test: test/integration/services_apart.sh
 */
#ifndef MEDSYNC_NATIVE_SERVICES_H
#define MEDSYNC_NATIVE_SERVICES_H

#include "config/config.h"

enum { SERVICES_FIRST_PORT = 7052 };

typedef struct services_options {
    const char *dir; /* the network's directory; keys that it lacks are made */
    const config_network *network;
    const char *out;
    const char *bin_dir; /* of the chaincodes' programs, where fcc-host runs */
    const char *host;    /* where all organisations' chaincodes are; NULL: each at chaincodes.<domain> */
    int port;            /* the first one; 0: SERVICES_FIRST_PORT */
    int devnet_port;     /* of the devnet's orderer, the peers' follow (--ports); 0: the network file's */
    bool as_root;        /* fcc-host runs as root */
    void (*tell)(void *ctx, const char *line); /* of warnings; NULL */
    void *ctx;
} services_options;

/*
 * What is there is written anew from the keys that are there, so it can run at every start. With `host` the organisations'
 * ports follow one another, since they share a machine: those of slot a, of slot b, and the fcc-hosts' own behind all.
 */
fcc_status services_write(const services_options *options, fcc_error *error) FCC_MUST_CHECK;

#endif
