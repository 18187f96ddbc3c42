/*
 * discovery.h: what service discovery answers. Each fills a QueryResult from the ledger and from what the devnet's peers
 * run, in the arena; what a client asks for wrongly is an error among the results, in Fabric's words.
 *
 * Fabric's peers know each other by gossip, signed messages of who is there and how far it has come, which discovery hands
 * on; here each peer's messages are made and signed when somebody asks.
 * Fabric: discovery/{support/config,endorsement}, gossip/protoext.
 *
 * @return FCC_OK
 *         FCC_ERR_LIMIT  past the arena's cap
 */
#ifndef MEDSYNC_DEVNET_DISCOVERY_H
#define MEDSYNC_DEVNET_DISCOVERY_H

#include "devnet/internal.h"

#include "discovery/protocol.pb-c.h"

fcc_status devnet_discovery_error(Discovery__QueryResult *out, const char *text, fcc__arena *arena) FCC_MUST_CHECK;
/* The organisations' membership services, and the orderers' addresses, as the channel's configuration has them. */
fcc_status devnet_discovery_config(const struct devnet *net, fcc__arena *arena,
                                   Discovery__QueryResult *out) FCC_MUST_CHECK;
/* The channel's peers; with a filter those that have its chaincodes and may see its collections. `filter` may be NULL. */
fcc_status devnet_discovery_peers(const struct devnet *net, const Protos__ChaincodeInterest *filter, fcc__arena *arena,
                                  Discovery__QueryResult *out) FCC_MUST_CHECK;
/* The same without regard to a channel, and without what they have of it. */
fcc_status devnet_discovery_members(const struct devnet *net, fcc__arena *arena,
                                    Discovery__QueryResult *out) FCC_MUST_CHECK;
/* For each call that is planned: the sets of peers that can endorse it. */
fcc_status devnet_discovery_endorsers(const struct devnet *net, const Discovery__ChaincodeQuery *query,
                                      fcc__arena *arena, Discovery__QueryResult *out) FCC_MUST_CHECK;

#endif
