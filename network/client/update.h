/*
 * update.h: changing the channel's configuration, as `peer channel fetch config`, configtxlator, `peer channel signconfigtx`
 * and `peer channel update` do it together.
 */
#ifndef NETWORK_CLIENT_UPDATE_H
#define NETWORK_CLIENT_UPDATE_H

#include "client/direct.h"

typedef struct client_config {
    uint64_t block;   /* the block that holds it */
    fcc_bytes config; /* common.Config */
} client_config;

/* The configuration in force, as the orderer has it. In the arena. */
fcc_status client_config_now(client *c, fcc__arena *arena, client_config *out, fcc_error *error) FCC_MUST_CHECK;

/*
 * From `now` to `updated` (common.Config): the update that leads there is computed, signed by each of `signers`, sent to the
 * orderer by `c`, and in a block on return: `*block`. Peers commit that block a moment later.
 *
 * @return FCC_OK
 *         FCC_ERR_CONFIG  they do not differ
 *         FCC_ERR_ARG     one of the signers, or `c`, has no key
 *         FCC_ERR_PEER    the orderer refused: signatures are missing, `now` is not the configuration any more, or the new
 *                         one is none; with Fabric's words
 *         FCC_ERR_TIMEOUT the orderer took it, but no block with it came in time: it may have been lost with a leader, or
 *                         made void by somebody else's, which is told
 *         After the orderer has taken it `*block` is set in any case: to the first block that may have it.
 */
fcc_status client_config_update(client *c, const client_config *now, fcc_bytes updated, client *const *signers,
                                size_t signer_count, fcc__arena *arena, uint64_t *block,
                                fcc_error *error) FCC_MUST_CHECK;

/*
 * An update that others have signed (msp_configtx_wrap, msp_configtx_add, `peer channel signconfigtx`): signed by `c` as well,
 * judged against the configuration in force, sent to the orderer, and in a block on return.
 *
 * FCC_ERR_PROTO   it is no update
 * FCC_ERR_CONFIG  it would be refused: signatures are missing, or the configuration has changed since; with Fabric's words
 * and otherwise as client_config_update
 */
fcc_status client_config_submit(client *c, fcc_bytes envelope, fcc__arena *arena, uint64_t *block,
                                fcc_error *error) FCC_MUST_CHECK;

#endif
