/*
 * host.h: one organisation's peer: its chaincodes, and the endorsement of proposals by its key.
 *
 * Messages in, messages out: no gRPC, no threads, no clock. The caller carries the chaincodes' streams, tells the time
 * and calls peer_host_tick now and then. Everything of one host runs on one thread.
 */
#ifndef MEDSYNC_PEER_HOST_H
#define MEDSYNC_PEER_HOST_H

#include "base/arena.h"
#include "ledger/ledger.h"
#include "msp/channel.h"
#include "peer/proposal.h"
#include "scc/scc.h"

#include "peer/proposal_response.pb-c.h"

enum {
    PEER_EXECUTE_TIMEOUT_MS = 30000,
    PEER_ARENA_CAP = 512 * 1024 * 1024, /* what one transaction may take: messages go up to 100 MiB */
};

typedef struct peer_host peer_host;

/* Which Fabric a peer shows itself as, where the two differ. */
typedef enum peer_fabric { PEER_FABRIC_3_1, PEER_FABRIC_2_5 } peer_fabric;

typedef struct peer_clock {
    int64_t (*now_ns)(void *ctx);       /* since 1970 */
    int64_t (*monotonic_ms)(void *ctx); /* for timeouts */
    void *ctx;
} peer_clock;

/* Who looks after packages and what runs of them. Each may be NULL. */
typedef struct peer_packages {
    /* As scc_call.read_package: FCC_ERR_PROTO, FCC_ERR_CONFIG. NULL: the peer takes no packages. */
    fcc_status (*read)(void *ctx, fcc_bytes package, fcc__arena *arena, const char **label, fcc_error *error);
    /*
     * A transaction waits for it and it has no session. true: it is being connected to, and peer_host_launch_failed will
     * tell if that comes to nothing; false: its process should be there soon.
     */
    bool (*launch)(void *ctx, const char *package_id);
    void *ctx;
} peer_packages;

typedef struct peer_host_options {
    ledger *ledger;           /* all of these are borrowed until peer_host_free */
    const msp_signer *signer; /* the peer's own key */
    /*
     * Without `signer`, for whom the proposals are simulated, borrowed as well. What succeeds is answered with a payload and
     * private write sets and without an endorsement.
     */
    const char *mspid;
    msp_manager *local; /* the peer's own organisation alone; NULL: all members of the channel are as its own */
    scc_store *store;   /* installed packages; NULL: a store of its own, in memory */
    peer_packages packages;
    peer_clock clock;
    peer_fabric fabric;
} peer_host_options;

fcc_status peer_host_new(const peer_host_options *options, peer_host **out, fcc_error *error) FCC_MUST_CHECK;
/* All sessions must be gone and all endorsements done. Takes NULL. */
void peer_host_free(peer_host *host);
const char *peer_host_mspid(const peer_host *host);
/*
 * For a ledger whose definitions come from outside: `name` runs here as `package_id`. Copied. With definitions of the
 * channel, it is the package that the organisation has approved and installed. FCC_ERR_EXISTS.
 */
fcc_status peer_host_install(peer_host *host, const char *name, const char *package_id) FCC_MUST_CHECK;
/* Can a chaincode of this name be run here: defined, approved, installed? */
bool peer_host_installed(peer_host *host, fcc_bytes name);
/* A package cannot be started now: whoever waits for it gets `why`. */
void peer_host_launch_failed(peer_host *host, const char *package_id, const char *why);
/* End what has run for longer than PEER_EXECUTE_TIMEOUT_MS. */
void peer_host_tick(peer_host *host);

/* ---- the streams ------------------------------------------------------------------------------------------------- */

/* The peer's side of one chaincode stream. */
typedef struct peer_session peer_session;

typedef struct peer_stream {
    void (*send)(void *ctx, fcc_bytes message); /* a ChaincodeMessage for the chaincode; copied before return */
    void (*ready)(void *ctx);                   /* registered: transactions may come; may be NULL */
    void *ctx;
} peer_stream;

/* A stream to the process that should register as `package_id`. NULL when out of memory. */
peer_session *peer_session_new(peer_host *host, const char *package_id, const peer_stream *stream);
/*
 * A message of the chaincode. Not FCC_OK: the stream has to be ended, `error` says why; the session stays until
 * peer_session_free.
 */
fcc_status peer_session_receive(peer_session *session, fcc_bytes message, fcc_error *error) FCC_MUST_CHECK;
/* The stream is over: its transactions fail with Fabric's text. Takes NULL. */
void peer_session_free(peer_session *session);

/* ---- endorsement ------------------------------------------------------------------------------------------------- */

typedef enum peer_verdict {
    PEER_REFUSED,  /* the proposal itself is wrong: an RPC error with `refusal` and nothing was simulated */
    PEER_ANSWERED, /* see response.response->status; endorsed when response.endorsement is set */
} peer_verdict;

/* What one organisation's peer says to a proposal. Borrowed from the arena that peer_endorse was given. */
typedef struct peer_outcome {
    peer_verdict verdict;
    const char *refusal;
    bool filtered; /* refused ahead of the endorser: Fabric's answer has no body, so a gateway takes it for no answer */
    Protos__ProposalResponse response;
    ledger_results results; /* what was simulated; private_rwset is for ledger_transient_put once it is endorsed */
    bool stream_ended;      /* the chaincode's process ended meanwhile: another peer may do better */
} peer_outcome;

typedef void (*peer_done)(void *ctx, const peer_outcome *outcome);

/*
 * Check, simulate and sign: what protos.Endorser's ProcessProposal does, for chaincodes and system chaincodes, on the
 * channel and without one. `done` is called exactly once, possibly before return. `proposal` and `arena` must live
 * until then; the arena holds everything that the transaction needs. Writes nothing to the ledger.
 */
void peer_endorse(peer_host *host, const peer_proposal *proposal, fcc__arena *arena, peer_done done, void *ctx);
/* The same for whoever wants the chaincode's answer alone: without the signature, which is a third of the cost. */
void peer_evaluate(peer_host *host, const peer_proposal *proposal, fcc__arena *arena, peer_done done, void *ctx);

#endif
