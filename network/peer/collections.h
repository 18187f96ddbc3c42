/* collections.h: what a chaincode's definition says about one of its private data collections. */
#ifndef MEDSYNC_PEER_COLLECTIONS_H
#define MEDSYNC_PEER_COLLECTIONS_H

#include "ledger/ledger.h"

typedef struct peer_collection {
    fcc_bytes members;      /* common.SignaturePolicyEnvelope; empty for an organisation's implicit collection */
    fcc_bytes implicit_org; /* that organisation's MSP id */
    fcc_bytes endorsement;  /* protos.ApplicationPolicy; empty: that of the chaincode */
    int32_t required_peer_count;
} peer_collection;

/* In the arena. FCC_ERR_NOT_FOUND. */
fcc_status peer_collection_find(const ledger_definition *definition, fcc_bytes name, fcc__arena *arena,
                                peer_collection *out) FCC_MUST_CHECK;
/* Do this organisation's peers get its data? */
bool peer_collection_admits(const peer_collection *collection, const char *mspid);

/*
 * As Fabric does before it hands private data to other peers: are there enough peers, the endorser's own organisation
 * apart, that may have each collection of the write set? The devnet has one peer an organisation.
 * NULL: yes; otherwise the text, in the arena.
 */
const char *peer_distribution_problem(const ledger *l, const msp_channel *channel, const char *own_mspid,
                                      fcc_bytes txid, fcc_bytes private_rwset, fcc__arena *arena);

#endif
