/*
 * plan.h: which peers a gateway asks. A peer of the network has a place, its index in `peers`, and a set of them is a
 * mask of bits.
 *
 * Fabric's gateway asks its discovery service for layouts, sets of peers that satisfy the policies of what a simulation
 * has touched, and takes one at random, those with the first endorser first. Here the smallest ones come first.
 * Fabric: internal/pkg/gateway/registry.go, discovery/endorsement.
 */
#ifndef MEDSYNC_DEVNET_PLAN_H
#define MEDSYNC_DEVNET_PLAN_H

#include "devnet/internal.h"

enum { DEVNET_PEERS_MAX = 16 }; /* subsets are enumerated */

/* Can this peer be asked for this chaincode on this channel? System chaincodes are everywhere. */
bool devnet_serves(const devnet_peer *peer, fcc_bytes channel, fcc_bytes chaincode);

typedef struct devnet_layouts {
    unsigned *sets; /* none holds another one */
    size_t count;
} devnet_layouts;

/*
 * All sets of peers that can endorse what `interest` tells; those with a peer of `preferred` first, then by size. In the
 * arena. NULL, or why there is none, in Fabric's words.
 */
const char *devnet_plan(const struct devnet *net, fcc_bytes channel, const Protos__ChaincodeInterest *interest,
                        unsigned preferred, fcc__arena *arena, devnet_layouts *out);
/* Those that have all chaincodes of `interest` and may see what it reads. NULL, or why that can't be said. */
const char *devnet_plan_equipped(const struct devnet *net, fcc_bytes channel, const Protos__ChaincodeInterest *interest,
                                 fcc__arena *arena, unsigned *out);

#endif
