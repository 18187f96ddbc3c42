/*
 * assemble.h: the transaction that a client signs, from the endorsements of several organisations.
 */
#ifndef MEDSYNC_PEER_ASSEMBLE_H
#define MEDSYNC_PEER_ASSEMBLE_H

#include "peer/proposal.h"

/* One organisation's endorsement. */
typedef struct peer_endorsed {
    const char *mspid;
    fcc_bytes payload; /* ProposalResponsePayload */
    fcc_bytes endorser;
    fcc_bytes signature;
    fcc_bytes private_rwset; /* for peer_difference: rwset.TxPvtReadWriteSet of its simulation, empty when not known */
} peer_endorsed;

/*
 * Where two answers to one proposal part, for a person: which part (read, range, write, key policy, response, event), of
 * which chaincode and collection, which key (private ones by their hash), and the first byte. Never a value. What is
 * written to a collection is told by key and byte only where both private_rwset are known. In the arena; "" when they are
 * equal. difference.c.
 */
const char *peer_difference(const peer_proposal *proposal, const peer_endorsed *a, const peer_endorsed *b,
                            fcc__arena *arena);

/*
 * The payload of the envelope to be signed: headers and invocation of the proposal, without transient data, and the
 * endorsements, each endorser once.
 *
 * @return FCC_OK
 *         FCC_ERR_PEER  the payloads differ; `error` says where
 *         FCC_ERR_LIMIT
 */
fcc_status peer_assemble(const peer_proposal *proposal, const peer_endorsed *endorsed, size_t count, fcc__arena *arena,
                         fcc_bytes *envelope_payload, fcc_error *error) FCC_MUST_CHECK;

#endif
