/*
 * custodians.h: the custodians of a network as services of their own, in containers or on other machines: each organisation
 * of the network file whose custodian has an address there.
 *
 *     OUT/custodian.<domain>/custodian/   for `medsync custodian --dir`: endpoints.json with its own peer, its user's keys,
 *                                         its custody keys, and of the other organisations whose certificates it takes
 *     DIR/custodians/<MSPID>.json         where readers find it (custodian.h)
 *
 * Test: test/integration/fabric_parts.sh, services_apart.sh
 */
#ifndef MEDSYNC_NATIVE_CUSTODIANS_H
#define MEDSYNC_NATIVE_CUSTODIANS_H

#include "config/config.h"

typedef struct custodians_options {
    const char *dir; /* the network's directory, with custody/ */
    const char *crypto;
    const config_network *network;
    const char *out;
    const char *only; /* MSP id of the one organisation whose folder is written; NULL: all */
} custodians_options;

/* Each folder whole or not at all. A custodian finds its peer where the network has it. */
fcc_status custodians_write(const custodians_options *options, fcc__arena *arena, fcc_error *error) FCC_MUST_CHECK;

/*
 * Tell readers of DIR the addresses that the network has, as far as the custodians' certificates are in `crypto`: other
 * organisations give their file themselves.
 */
fcc_status custodians_tell(const custodians_options *options, fcc__arena *arena, fcc_error *error) FCC_MUST_CHECK;

#endif
