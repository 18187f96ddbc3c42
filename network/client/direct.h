/*
 * direct.h: what a client asks of single peers and of the orderer, without the gateway: endorsement by chosen peers,
 * Broadcast, blocks, and the system chaincodes qscc and cscc. As Fabric's `peer` command does it.
 *
 * An organisation is named by its MSP id, domain or name; NULL is the one whose gateway the client uses. Results are in
 * the caller's arena. Errors name the peer and the step. Every call has the client's timeout, unless it says otherwise.
 */
#ifndef NETWORK_CLIENT_DIRECT_H
#define NETWORK_CLIENT_DIRECT_H

#include "client/client.h"

#include "common/ledger.pb-c.h"
#include "peer/query.pb-c.h"
#include "peer/transaction.pb-c.h"

/* ---- endorsement -------------------------------------------------------------------------------------------------- */

/* What one peer answered to a proposal. */
typedef struct client_endorsement {
    const char *mspid;
    const char *peer;  /* its name and address, for errors */
    int32_t status;    /* the chaincode's */
    fcc_bytes payload; /* what the function answered */
    fcc_bytes result;  /* peer.ProposalResponsePayload: what is signed, with `endorser` behind it */
    fcc_bytes endorser;
    fcc_bytes signature;
} client_endorsement;

/*
 * protos.Endorser/ProcessProposal at one organisation's peer.
 *
 * @return FCC_OK
 *         FCC_ERR_PEER  the peer or the chaincode refused, with a status from 400 on; FCC_ERR_AUTH: access denied
 *         FCC_ERR_NOT_FOUND no such organisation; FCC_ERR_TIMEOUT, FCC_ERR_IO no answer in time; not reachable
 */
fcc_status client_process(client *c, const char *org, const client_proposal *proposal, fcc__arena *arena,
                          client_endorsement *out, fcc_error *error) FCC_MUST_CHECK;

/* The transaction of these endorsements, to be signed. FCC_ERR_PEER names two peers whose results differ. */
fcc_status client_assemble(const client_proposal *proposal, const client_endorsement *endorsements, size_t count,
                           fcc__arena *arena, client_transaction *out, fcc_error *error) FCC_MUST_CHECK;

/* Propose to one peer and take its answer; nothing is written. */
fcc_status client_query_at(client *c, const client_call *call, const char *org, fcc__arena *arena, fcc_bytes *payload,
                           fcc_error *error) FCC_MUST_CHECK;

/*
 * Propose to the peer of each of `call->orgs` (none: the client's gateway), assemble, sign, broadcast, and wait until the
 * first of these peers has committed it: answer->validation, block. As client_invoke, without its repetitions.
 */
fcc_status client_invoke_at(client *c, const client_call *call, fcc__arena *arena, client_answer *answer,
                            fcc_error *error) FCC_MUST_CHECK;

/* ---- the orderer -------------------------------------------------------------------------------------------------- */

/*
 * An Envelope to Broadcast. An orderer that has no leader just now is asked again until the client's timeout.
 * FCC_ERR_PEER with the orderer's status and words, FCC_ERR_AUTH when that is FORBIDDEN.
 */
fcc_status client_broadcast(client *c, fcc_bytes envelope, fcc_error *error) FCC_MUST_CHECK;

/* ---- blocks ------------------------------------------------------------------------------------------------------- */

typedef enum client_source {
    CLIENT_BLOCKS,   /* a peer's, as it committed them: common.Block */
    CLIENT_FILTERED, /* a peer's protos.FilteredBlock: ids and codes */
    CLIENT_PRIVATE,  /* a peer's protos.BlockAndPrivateData */
    CLIENT_ORDERED   /* the orderer's common.Block */
} client_source;

enum { CLIENT_OLDEST = -1, CLIENT_NEWEST = -2, CLIENT_NEXT = -3, CLIENT_FOREVER = -4 };

typedef struct client_blocks_options {
    client_source source;
    const char *org;     /* whose peer */
    const char *channel; /* NULL: the network's */
    int64_t from;        /* a number, CLIENT_OLDEST, CLIENT_NEWEST, or CLIENT_NEXT: the one that is committed next */
    int64_t to;          /* the last one; CLIENT_NEWEST: the newest at the start; CLIENT_FOREVER */
    bool there;          /* FAIL_IF_NOT_READY: do not wait for blocks that do not exist yet */
    int64_t idle_ms;     /* end after so long without a block; 0: never */
    fcc_bytes request;   /* made by client_blocks_request and signed elsewhere; empty: made and signed here */
    fcc_bytes signature;
} client_blocks_options;

/* common.Payload of these options, to be signed. */
fcc_status client_blocks_request(client *c, const client_blocks_options *options, fcc__arena *arena, fcc_bytes *request,
                                 fcc_error *error) FCC_MUST_CHECK;

/* `message` as the source says. Borrowed until return. false ends the stream. */
typedef bool (*client_on_block)(void *ctx, uint64_t number, fcc_bytes message);

/*
 * Block after block, until the callback, the last block or idle_ms ends it. To go on later, begin with the number behind
 * the last one. FCC_ERR_NOT_FOUND no such block; FCC_ERR_AUTH FORBIDDEN; FCC_ERR_PEER.
 */
fcc_status client_blocks(client *c, const client_blocks_options *options, client_on_block on_block, void *ctx,
                         fcc_error *error) FCC_MUST_CHECK;
/* One block, from: a number, CLIENT_OLDEST or CLIENT_NEWEST; it has to be there. */
fcc_status client_block(client *c, client_source source, const char *org, int64_t which, fcc__arena *arena,
                        fcc_bytes *block, fcc_error *error) FCC_MUST_CHECK;
/* The newest block with a configuration, as the newest block names it. */
fcc_status client_config_block(client *c, client_source source, const char *org, fcc__arena *arena, fcc_bytes *block,
                               fcc_error *error) FCC_MUST_CHECK;

/* ---- waiting for a transaction ------------------------------------------------------------------------------------ */

typedef struct client_watch client_watch;

/* Listen to an organisation's peer from now on. What is broadcast after return is not missed. */
fcc_status client_watch_start(client *c, const char *org, const char *txid, client_watch **out,
                              fcc_error *error) FCC_MUST_CHECK;
/* Until the peer has committed it: its code and block. FCC_ERR_TIMEOUT after the client's timeout. */
fcc_status client_watch_wait(client_watch *watch, int *validation, uint64_t *block, fcc_error *error) FCC_MUST_CHECK;
void client_watch_free(client_watch *watch); /* takes NULL */

/* ---- cscc and qscc ------------------------------------------------------------------------------------------------ */

fcc_status client_channels(client *c, const char *org, fcc__arena *arena, Protos__ChannelQueryResponse **out,
                           fcc_error *error) FCC_MUST_CHECK;
fcc_status client_chain_info(client *c, const char *org, fcc__arena *arena, Common__BlockchainInfo **out,
                             fcc_error *error) FCC_MUST_CHECK;
/* common.Block by its header's hash, or a transaction in it. */
fcc_status client_block_by_hash(client *c, const char *org, fcc_bytes hash, fcc__arena *arena, fcc_bytes *block,
                                fcc_error *error) FCC_MUST_CHECK;
fcc_status client_block_by_txid(client *c, const char *org, const char *txid, fcc__arena *arena, fcc_bytes *block,
                                fcc_error *error) FCC_MUST_CHECK;
/* common.Config as the peer has it. */
fcc_status client_channel_config(client *c, const char *org, fcc__arena *arena, fcc_bytes *config,
                                 fcc_error *error) FCC_MUST_CHECK;

#endif
