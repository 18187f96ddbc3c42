/* internal.h: what the files of the devnet share. Everything runs on the one loop. */
#ifndef MEDSYNC_DEVNET_INTERNAL_H
#define MEDSYNC_DEVNET_INTERNAL_H

#include "devnet/devnet.h"

#include "config/config.h"
#include "devnet/directory.h"
#include "devnet/process.h"
#include "ledger/ledger.h"
#include "msp/channel.h"
#include "msp/policy.h"
#include "peer/assemble.h"
#include "peer/host.h"
#include "rpc/rpc.h"

#include "gateway/gateway.pb-c.h"
#include "orderer/ab.pb-c.h"

struct devnet;

typedef struct devnet_external devnet_external;
typedef struct devnet_referee devnet_referee;

/* One organisation's peer, with its gateway. */
typedef struct devnet_peer {
    struct devnet *net;
    const config_org *org;
    msp_signer *signer;
    msp_manager *local; /* its organisation alone */
    scc_store *store;   /* installed packages */
    peer_host *host;
    devnet_external *externals; /* streams to chaincodes that others run */
    devnet_referee *referees;
    size_t referee_count;
    rpc_server *server;
    rpc_tls tls;                                 /* the server's, but for the clients' CAs */
    char *address;                               /* host:port, once it listens */
    size_t endorsing, delivering, gateway_calls; /* calls of the services that run */
} devnet_peer;

typedef struct devnet_chaincode {
    const config_chaincode *config;
    const char *executable; /* path */
    fcc_bytes package;
    const char *package_id;
    ledger_definition definition; /* as the network file wants it */
} devnet_chaincode;

/* A chaincode of the network file as the process of one organisation. */
typedef struct devnet_own {
    devnet_peer *peer;
    const devnet_chaincode *chaincode;
    bool on_demand;
    devnet_process *process;
} devnet_own;

typedef struct devnet_orderer devnet_orderer;
typedef struct devnet_call devnet_call;
typedef struct devnet_events devnet_events;
typedef struct devnet_deliver devnet_deliver;

struct devnet {
    const devnet_options *options;
    fcc_error *error; /* of devnet_run: filled when it fails while running */
    fcc_status status;
    fcc__arena *arena;
    devnet_settings settings;
    config_network *network;
    const char *crypto_dir;
    fcc_bytes genesis; /* of somebody else's channel */
    const char *bin_dir;
    rpc_loop *loop;
    ledger *ledger;
    devnet_peer *peers;
    size_t peer_count;
    devnet_chaincode *chaincodes;
    size_t chaincode_count;
    devnet_own *own;
    size_t own_count;
    devnet_orderer *orderer;
    rpc_server *orderer_server;
    rpc_tls orderer_tls; /* as a peer's */
    uint64_t clients_of; /* sequence of the configuration whose CAs the servers have for their clients */
    rpc_timer *tick;
    size_t asked;              /* answers of peers that gateways wait for */
    devnet_call *waiting;      /* CommitStatus of transactions that aren't committed yet */
    devnet_events *streams;    /* ChaincodeEvents */
    devnet_deliver *listeners; /* Deliver, of peers and orderer */
    int64_t started_ms;
    int64_t clock_shift_ns; /* of the network's clock against this machine's */
    bool ready;
};

/* The network's time, since 1970: this machine's unless --clock says otherwise. */
int64_t devnet_now_ns(const struct devnet *net);
int64_t devnet_monotonic_ms(void);
/* End devnet_run with this result. */
void devnet_fail(struct devnet *net, fcc_status status, const char *text);
/* The network is ready once the processes that are started with it are registered: says so, the first time. */
void devnet_check_ready(struct devnet *net);

/* ---- listen.c ---------------------------------------------------------------------------------------------------- */

/* DIR/NAME in the network's arena; NULL past its cap. */
const char *devnet_path(struct devnet *net, const char *dir, const char *name);
/* A whole file into the network's arena; `path` NULL is an error too. */
fcc_status devnet_read(struct devnet *net, const char *path, fcc_bytes *out, fcc_error *error) FCC_MUST_CHECK;
/* All services of all peers and of the orderer, from now on. */
fcc_status devnet_listen(struct devnet *net, fcc_error *error) FCC_MUST_CHECK;
/* To be called after each commit: clients that connect from now on are those of the channel's configuration. */
void devnet_listen_committed(struct devnet *net);

/* ---- chaincodes.c ------------------------------------------------------------------------------------------------ */

/* Is the peer's organisation one of the channel's? A configuration update may have removed it. */
bool devnet_on_channel(const devnet_peer *peer);
/* Start those that are needed at once. FCC_ERR_CONFIG names an executable that is missing. */
fcc_status devnet_chaincodes_start(struct devnet *net, fcc_error *error) FCC_MUST_CHECK;
/* Are all registered that have been started? */
bool devnet_chaincodes_ready(const struct devnet *net);
/*
 * A transaction waits for this package at this peer. false: the network doesn't run it there. *told: as what
 * peer_packages.launch returns.
 */
bool devnet_chaincodes_launch(const devnet_peer *peer, const char *package_id, bool *told);
/* To be called at each SIGCHLD. */
void devnet_chaincodes_reap(struct devnet *net);
/* As devnet_process_stop and devnet_process_free, for all. */
void devnet_chaincodes_stop(struct devnet *net);
void devnet_chaincodes_free(struct devnet *net);

/* ---- deploy.c ---------------------------------------------------------------------------------------------------- */

/* The package of a chaincode of the network file; in the network's arena. */
fcc_status devnet_package_make(struct devnet *net, devnet_chaincode *chaincode, fcc_error *error) FCC_MUST_CHECK;
/* JSON of the values for templates in packages, in the arena. FCC_ERR_CONFIG: the file of --services is none. */
fcc_status devnet_builder_values(const devnet_peer *peer, fcc__arena *arena, const char **out,
                                 fcc_error *error) FCC_MUST_CHECK;
/* peer_packages.read; `ctx` is the devnet_peer. */
fcc_status devnet_package_read(void *ctx, fcc_bytes package, fcc__arena *arena, const char **label, fcc_error *error);
/*
 * Install, approve and commit what the network file asks for and the channel hasn't got. FCC_ERR_CONFIG: a definition
 * that the channel's rules refuse.
 */
fcc_status devnet_deploy(struct devnet *net, fcc_error *error) FCC_MUST_CHECK;

/* ---- external.c -------------------------------------------------------------------------------------------------- */

/* peer_packages.launch; ctx is the devnet_peer. */
bool devnet_launch(void *ctx, const char *package_id);
/* Polls the loop until the streams are down. */
void devnet_externals_free(devnet_peer *peer);

/* ---- referee.c --------------------------------------------------------------------------------------------------- */

/* Those of one peer, as --referee asks for; hosts `as` the peer's own. */
fcc_status devnet_referees_new(devnet_peer *peer, const peer_host_options *as, fcc_error *error) FCC_MUST_CHECK;
/*
 * As peer_endorse on the peer's host, with the referees' judgement: where one of them answers differently, the outcome is
 * status 500 with the first difference and the conditions under which there is one.
 */
void devnet_referee_endorse(devnet_peer *peer, const peer_proposal *proposal, fcc__arena *arena, peer_done done,
                            void *ctx);
/* To be called at each SIGCHLD, and at each tick. */
void devnet_referees_reap(devnet_peer *peer);
void devnet_referees_tick(devnet_peer *peer);
/* As devnet_process_stop and devnet_process_free. */
void devnet_referees_stop(devnet_peer *peer);
void devnet_referees_free(devnet_peer *peer);

/* ---- orderer.c --------------------------------------------------------------------------------------------------- */

/*
 * `timeout_ms`: how long it waits for more; negative: as the channel's configuration says. FCC_ERR_CONFIG and others: the
 * orderer's key cannot be loaded.
 */
fcc_status devnet_orderer_new(struct devnet *net, const char *msp_dir, int64_t timeout_ms, devnet_orderer **out,
                              fcc_error *error) FCC_MUST_CHECK;
/* Takes NULL. What is pending is dropped: see devnet_orderer_flush. */
void devnet_orderer_free(devnet_orderer *orderer);
/* To be called at each SIGALRM, which tells that the batch's time is over. */
void devnet_orderer_alarm(devnet_orderer *orderer);
/* Cut and commit what is pending, for an orderly end. */
void devnet_orderer_flush(devnet_orderer *orderer);

/* What the orderer says to an envelope: Fabric's Broadcast. SUCCESS: it is enqueued. `info` is the arena's. */
typedef struct devnet_broadcast {
    Common__Status status;
    const char *info;
} devnet_broadcast;

devnet_broadcast devnet_orderer_submit(devnet_orderer *orderer, const Common__Envelope *envelope, fcc__arena *arena);
/* orderer.AtomicBroadcast/Broadcast. */
fcc_status devnet_orderer_serve(devnet_orderer *orderer, rpc_server *server) FCC_MUST_CHECK;

/* ---- gateway.c --------------------------------------------------------------------------------------------------- */

/* One call of a gateway method that is answered with one message. */
struct devnet_call {
    devnet_peer *peer;
    rpc_call *rpc;     /* NULL once the client has gone or is answered */
    fcc__arena *arena; /* of the call */
    size_t pending;    /* endorsements that still run and use the arena */
    devnet_call *next; /* among those that wait for a commit */
    bool waiting;
    fcc_bytes txid; /* for which it waits */
    void *state;    /* of the method */
};

/* Register gateway.Gateway's methods on the peer's server. */
fcc_status devnet_gateway_serve(devnet_peer *peer) FCC_MUST_CHECK;
/* To be called with each block as soon as it is on disk. Uses no ledger. */
void devnet_gateway_committed(struct devnet *net, const ledger_committed *block);

/* One endorser's failure, for the status details. */
typedef struct devnet_detail {
    const devnet_peer *peer;
    const char *message;
} devnet_detail;

/* End the call: with a message, or with a status, whose text and details are copied. */
void devnet_reply(devnet_call *call, const void *message);
void devnet_refuse(devnet_call *call, rpc_code code, const devnet_detail *details, size_t count, const char *format,
                   ...) FCC_PRINTF(5, 6);
/* An endorsement of the call has ended: frees the call when it was the last and the client has gone. */
void devnet_call_release(devnet_call *call);

/* What a gateway makes of an answer: OK or the code, text and whether another peer may do better. */
typedef struct devnet_judgement {
    rpc_code code;
    const char *message;
    bool retry;
} devnet_judgement;

/* `local`: of the gateway's own peer. */
devnet_judgement devnet_judge(const peer_outcome *outcome, bool local, fcc__arena *arena);

/* What a gateway routes a proposal by, before a peer takes it apart. In the arena that it was read into. */
typedef struct devnet_request {
    fcc_bytes channel;
    fcc_bytes chaincode;               /* as the invocation names it; may be empty */
    const Protos__ChaincodeSpec *spec; /* NULL when there is none */
    bool transient;
    peer_proposal proposal;
    peer_proposal unfiltered; /* the same, for Fabric 2.5's own peer */
    const char *problem;      /* why no peer will take the proposal; NULL: `proposal` is set */
    bool filtered;            /* the problem is found ahead of the endorser, in Fabric 3.x */
} devnet_request;

/* NULL, or what can't be read. */
const char *devnet_request_read(const Protos__SignedProposal *signed_proposal, fcc__arena *arena, devnet_request *out);
/* Let the peer simulate, and endorse with its referees if it is for a transaction; the call stays until `done` has called devnet_call_release. */
void devnet_ask(devnet_call *call, const devnet_request *request, devnet_peer *peer, bool transaction, peer_done done,
                void *ctx);
/* The call's message isn't what the method takes. */
void devnet_refuse_message(devnet_call *call);
/* One call more, up to the limit; false after the refusal. The caller counts gateway_calls down at its end. */
bool devnet_gateway_enter(devnet_peer *peer, rpc_call *rpc);

/* Is this the network's channel? */
bool devnet_knows(const struct devnet *net, fcc_bytes channel);
/* Fabric's words when it isn't, for FCC_ARG(channel) twice. */
#define DEVNET_NO_CONFIG \
    "failed to get config for channel [" FCC_FMT "]: could not get last config for channel " FCC_FMT

/*
 * May who signed `request` use this resource of the channel? Checks the signature. FCC_ERR_AUTH: *why is the text for
 * PERMISSION_DENIED.
 */
fcc_status devnet_permit(const devnet_peer *peer, const char *resource, fcc_bytes channel, fcc_bytes request,
                         fcc_bytes identity, fcc_bytes signature, fcc_error *why) FCC_MUST_CHECK;

/* ---- evaluate.c, submit.c ---------------------------------------------------------------------------------------- */

void devnet_evaluate(devnet_call *call, fcc_bytes message);
void devnet_submit(devnet_call *call, fcc_bytes message);
void devnet_commit_status(devnet_call *call, fcc_bytes message);
/* The call's client has gone. */
void devnet_stop_waiting(devnet_call *call);

/* ---- endorser.c -------------------------------------------------------------------------------------------------- */

/* protos.Endorser on the peer's server. */
fcc_status devnet_endorser_serve(devnet_peer *peer) FCC_MUST_CHECK;

/* ---- discovery.c ------------------------------------------------------------------------------------------------- */

/* discovery.Discovery on the peer's server. */
fcc_status devnet_discovery_serve(devnet_peer *peer) FCC_MUST_CHECK;

/* ---- deliver.c --------------------------------------------------------------------------------------------------- */

/* protos.Deliver on the peer's server. */
fcc_status devnet_deliver_serve(devnet_peer *peer) FCC_MUST_CHECK;
/* orderer.AtomicBroadcast/Deliver. */
fcc_status devnet_deliver_serve_orderer(struct devnet *net, rpc_server *server) FCC_MUST_CHECK;
/* To be called after each commit. */
void devnet_deliver_committed(struct devnet *net);

/* ---- endorse.c --------------------------------------------------------------------------------------------------- */

void devnet_endorse(devnet_call *call, fcc_bytes message);

/* ---- events.c ---------------------------------------------------------------------------------------------------- */

fcc_status devnet_events_serve(devnet_peer *peer) FCC_MUST_CHECK;
void devnet_events_committed(struct devnet *net);

#endif
