/*
 * proposal.h: a client's signed proposal, taken apart once, and the checks that a peer makes before it simulates.
 *
 * The order of the checks and their texts are Fabric's (core/endorser, core/handlers/auth).
 */
#ifndef MEDSYNC_PEER_PROPOSAL_H
#define MEDSYNC_PEER_PROPOSAL_H

#include "base/arena.h"
#include "base/hash.h"
#include "msp/channel.h"

#include "peer/chaincode.pb-c.h"
#include "peer/proposal.pb-c.h"

/* Everything is borrowed from the arena that peer_proposal_unpack was given. */
typedef struct peer_proposal {
    Protos__SignedProposal signed_proposal; /* as the client sent it: chaincodes get it whole */
    fcc_bytes channel_header;               /* as in the proposal's header: they go into the transaction unchanged */
    fcc_bytes signature_header;
    int32_t header_type;
    uint64_t epoch;
    fcc_bytes channel;
    fcc_bytes txid;
    int64_t seconds; /* the client's time */
    int32_t nanos;
    fcc_bytes creator;
    fcc_bytes nonce;
    fcc_bytes chaincode;           /* of the header's extension: the one that runs */
    fcc_bytes named_chaincode;     /* of the payload's spec: the one that a gateway routes by */
    fcc_bytes invocation;          /* ChaincodeInvocationSpec, as sent */
    Protos__ChaincodeInput *input; /* the arguments */
    size_t transient_count;
    bool unfiltered;  /* don't let peer_proposal_filter decide: Fabric 2.5's gateway goes past it to its own peer */
    fcc__sha256 hash; /* over the headers and the payload without its transient part */
} peer_proposal;

/*
 * Take a SignedProposal apart; copies what it keeps. FCC_ERR_PROTO with Fabric's reason, FCC_ERR_LIMIT.
 */
fcc_status peer_proposal_unpack(const Protos__SignedProposal *signed_proposal, fcc__arena *arena, peer_proposal *out,
                                fcc_error *error) FCC_MUST_CHECK;

/* The name of the function, for messages to people; "" without arguments. */
fcc_bytes peer_proposal_function(const peer_proposal *proposal);

/*
 * When the creator's certificate ends, seconds since 1970; 0 when there is no certificate to be read. Unlike a member's
 * identity it is not looked up: Fabric tells strangers too that their certificate has expired.
 */
int64_t peer_creator_expires(fcc_bytes creator);

/*
 * What stands before the endorser: has the creator's certificate expired, and is the client's clock near ours?
 *
 * @param members  whose identities are known
 * @param now_ns   the peer's time since 1970
 * @param window   compare the clocks, as Fabric 3.x is set up to do
 *
 * @return FCC_OK
 *         FCC_ERR_AUTH with the text that the client shall see
 */
fcc_status peer_proposal_filter(const peer_proposal *proposal, msp_manager *members, int64_t now_ns, bool window,
                                fcc_error *error) FCC_MUST_CHECK;

/*
 * Header, txid, creator and signature, and that a channel doesn't know the transaction yet.
 *
 * @param members  of the channel; without a channel, of the peer's own organisation
 * @param seen     does the ledger know this txid?
 * @param creator  who signed it
 *
 * @return FCC_OK
 *         FCC_ERR_AUTH and others, with the text that the client shall see; nothing has been written
 */
fcc_status peer_proposal_check(const peer_proposal *proposal, msp_manager *members,
                               bool (*seen)(void *ctx, fcc_bytes txid), void *ctx, const msp_identity **creator,
                               fcc_error *error) FCC_MUST_CHECK;

/* May the creator propose transactions of the channel's chaincodes (peer/Propose)? FCC_ERR_AUTH. */
fcc_status peer_proposal_permit(const peer_proposal *proposal, const msp_channel *channel, const msp_identity *creator,
                                fcc_error *error) FCC_MUST_CHECK;

#endif
