/* internal.h: what the files of the peer share: hosts, sessions and the transactions that run on them. */
#ifndef MEDSYNC_PEER_INTERNAL_H
#define MEDSYNC_PEER_INTERNAL_H

#include "peer/host.h"

#include "peer/chaincode_shim.pb-c.h"

enum {
    PEER_LAUNCH_TIMEOUT_MS = 3000, /* for a process that is being started again */
    PEER_BATCH_SIZE = 1000,        /* offered with READY */
};

typedef struct peer_simulation peer_simulation;
typedef struct peer_invocation peer_invocation;
typedef struct peer_iterator peer_iterator;

/* A package of which something runs or should run. Stays where it is until the host is freed. */
typedef struct peer_runtime {
    struct peer_runtime *next;
    char *package_id;
    peer_session *session;    /* registered and ready; NULL while there is none */
    peer_invocation *waiting; /* for one */
} peer_runtime;

/* What peer_host_install has been told. */
typedef struct peer_fixed {
    char *name;
    char *package_id;
} peer_fixed;

/* What was found out about a chaincode, as long as nothing that it depends on changes. */
typedef struct peer_known {
    struct peer_known *next;
    fcc_bytes name;
    scc_chaincode chaincode;
} peer_known;

struct peer_host {
    peer_host_options o;
    const char *mspid;
    scc_store *own_store;
    peer_fixed *fixed;
    size_t fixed_count;
    peer_runtime *runtimes;
    fcc__arena *known_arena;
    peer_known *known;
    uint64_t known_changed; /* ledger_definitions_changed when that was found out */
    size_t known_packages;
    peer_session *sessions;
    uint64_t iterators; /* made so far: their ids */
};

struct peer_session {
    peer_host *host;
    peer_session *next;
    peer_runtime *runtime;
    peer_stream stream;
    bool ready;
    bool closing;                 /* being freed: no new invocations */
    peer_invocation *invocations; /* running */
    fcc__arena *scratch;          /* of the message that is being handled */
};

/* What the client's proposal started on this host: one simulator for the chaincode and those that it calls. */
struct peer_simulation {
    peer_host *host;
    const msp_signer *signer; /* NULL: the answer is not endorsed */
    const peer_proposal *proposal;
    fcc__arena *arena;
    ledger_sim *sim;   /* NULL without a channel, and for qscc and cscc */
    fcc_bytes version; /* of the proposal's chaincode */
    fcc_bytes plugin;  /* that endorses it */
    peer_done done;
    void *ctx;
};

/* How an invocation ended: with the chaincode's last message, or without. In the simulation's arena. */
typedef struct peer_final {
    const char *failure; /* NULL when there is a message */
    bool stream_ended;
    fcc_bytes wire; /* the message as it came */
    Protos__ChaincodeMessage *message;
} peer_final;

typedef void (*peer_invoked)(void *ctx, const peer_final *final);

/* An open query of a chaincode. */
struct peer_iterator {
    peer_iterator *next;
    char id[24];
    ledger_iter *iter;
};

/* One chaincode running for one transaction. */
struct peer_invocation {
    peer_invocation *next; /* of its session, or of those that wait for one */
    peer_session *session; /* NULL while waiting */
    peer_runtime *runtime;
    peer_simulation *simulation;
    fcc_bytes chaincode; /* the namespace */
    Protos__ChaincodeInput *input;
    bool init;
    bool busy;              /* a request of it waits for another chaincode's answer */
    peer_invocation *child; /* that one */
    peer_invocation *parent;
    int64_t deadline_ms;
    peer_iterator *iterators;
    peer_invoked done;
    void *ctx;
};

static inline int64_t peer_monotonic_ms(const peer_host *host)
{
    return host->o.clock.monotonic_ms(host->o.clock.ctx);
}

/* NULL when out of memory. */
peer_runtime *peer_runtime_of(peer_host *host, const char *package_id);
/* Why a chaincode cannot run here, in Fabric's words; NULL and what it is when it can. Borrowed until the next commit. */
const char *peer_definition_problem(peer_host *host, fcc_bytes name, fcc__arena *arena, scc_chaincode *out);
/* Run a system chaincode; the final message is in the simulation's arena. NULL, or why not. */
const char *peer_run_system(peer_simulation *simulation, fcc_bytes name, const Protos__ChaincodeInput *input,
                            peer_final *final);

/*
 * Run a chaincode within a simulation. `done` is called once, possibly before return, unless peer_invocation_abort
 * comes first. *out is the invocation while it runs, NULL when it has ended already.
 */
void peer_invoke(peer_simulation *simulation, fcc_bytes chaincode, Protos__ChaincodeInput *input,
                 peer_invocation *parent, peer_invoked done, void *ctx, peer_invocation **out);
/* Forget it and those that it called: nobody is told, later messages of theirs find no context. */
void peer_invocation_abort(peer_invocation *invocation);
/* It has ended: tells, after freeing. */
void peer_invocation_end(peer_invocation *invocation, const peer_final *final);
void peer_invocation_fail(peer_invocation *invocation, const char *failure, bool stream_ended);

/* Send TRANSACTION or INIT to the chaincode. */
fcc_status peer_session_start(peer_session *session, peer_invocation *invocation);
/* Answer a request. `type` is RESPONSE or ERROR. */
void peer_session_answer(peer_session *session, fcc_bytes channel, fcc_bytes txid, Protos__ChaincodeMessage__Type type,
                         fcc_bytes payload);
/* ERROR with the text `<TYPE> failed: transaction ID: <txid>: <cause>`. */
void peer_session_refuse(peer_session *session, fcc_bytes channel, fcc_bytes txid,
                         Protos__ChaincodeMessage__Type request, const char *cause);

/*
 * Serve one request of a chaincode. The outcome is a payload for RESPONSE, or a cause for ERROR; *later is set when the
 * answer comes when another chaincode has ended. All in `scratch`.
 */
typedef struct peer_reply {
    fcc_bytes payload;
    const char *cause; /* NULL: success */
    bool later;
} peer_reply;

void peer_serve(peer_invocation *invocation, const Protos__ChaincodeMessage *request, fcc__arena *scratch,
                peer_reply *reply);

/* For the requests: what cannot be read; collections are closed to Init; a simulator's refusal becomes the reply's cause. */
void peer_unmarshal_failed(peer_reply *reply);
bool peer_may_use(const peer_invocation *i, ProtobufCBinaryData collection, peer_reply *reply);
bool peer_sim_done(const peer_invocation *i, fcc_status st, peer_reply *reply);
void peer_pack_reply(const void *message, fcc__arena *scratch, peer_reply *reply);

/* ---- queries.c ---- */

void peer_get_range(peer_invocation *i, fcc_bytes payload, fcc__arena *scratch, peer_reply *reply);
void peer_get_query_result(peer_invocation *i, fcc_bytes payload, fcc__arena *scratch, peer_reply *reply);
void peer_get_history(peer_invocation *i, fcc_bytes payload, fcc__arena *scratch, peer_reply *reply);
void peer_query_next(peer_invocation *i, fcc_bytes payload, fcc__arena *scratch, peer_reply *reply);
void peer_query_close(peer_invocation *i, fcc_bytes payload, fcc__arena *scratch, peer_reply *reply);
void peer_iterators_close(peer_invocation *invocation);

#endif
