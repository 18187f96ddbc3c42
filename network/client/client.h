/*
 * client.h: a client of Fabric's gateway service. Propose, evaluate, endorse, sign, submit, wait, events. What goes
 * around the gateway, to single peers and the orderer, is in direct.h, lifecycle.h and update.h.
 *
 * A client is one user on one peer's gateway, found in a network's directory: endpoints.json tells the addresses,
 * crypto/ holds the certificates and keys. Calls block and run the connection's loop meanwhile. Not thread-safe.
 */
#ifndef NETWORK_CLIENT_CLIENT_H
#define NETWORK_CLIENT_CLIENT_H

#include "base/arena.h"

#include <stdbool.h>

typedef struct client client;

typedef struct client_options {
    const char *dir;         /* the network's directory, with endpoints.json */
    const char *user;        /* "doctor1"; NULL: the Admin of `org` or, without one, of the first organisation */
    const char *org;         /* MSP id, name ("hospital") or domain; NULL: the only organisation that has the user */
    const char *gateway;     /* the organisation whose peer is asked; NULL: the user's own */
    const char *msp_dir;     /* use this MSP directory instead of the user's */
    const char *certificate; /* PEM file: the user without a key, whose signatures are made elsewhere */
    const char *mspid;       /* with msp_dir or certificate: the MSP id to claim; NULL: that of `org` */
    /*
     * The folder with the user's TLS certificate and key, client.crt and client.key, for a network that asks for them;
     * NULL: that beside the MSP directory, as cryptogen lays it out.
     */
    const char *tls_dir;
    int64_t timeout_ms;     /* of each request; 0: 30 s */
    int64_t clock_offset_s; /* added to the clock in proposals' timestamps */
} client_options;

/* FCC_ERR_NOT_FOUND no network in that directory, no such organisation or user; FCC_ERR_CONFIG damaged material. */
fcc_status client_open(const client_options *options, client **out, fcc_error *error) FCC_MUST_CHECK;
void client_close(client *c); /* takes NULL */

/*
 * A path out of a file of the network's directory, in the arena: as it is when it is there; else below the directory, which
 * may be a copy from another machine or a container. NULL: past the arena's cap.
 */
const char *client_path(const char *dir, const char *path, fcc__arena *arena);

/* From now on proposals and requests are made at this offset from the clock; see clock_offset_s. */
void client_set_clock(client *c, int64_t offset_s);
/* The orderer that is asked next, by its place in endpoints.json; when it can't be reached, the one behind it. */
void client_use_orderer(client *c, size_t place);

/* Borrowed from the client. */
const char *client_channel(const client *c);
const char *client_mspid(const client *c);
/* Of the gateway's organisation: "hospital.medsync.example". */
const char *client_domain(const client *c);
/* Of the user's key: SHA-256 of SubjectPublicKeyInfo, lower hex. NULL for a client without a key. */
const char *client_fingerprint(const client *c);
/* The user's certificate and key, borrowed; NULL for a client without a key. */
const struct msp_signer *client_signer(const client *c);
/* The MSP id that a name, a domain or an MSP id means on this network; NULL when there is none. */
const char *client_find_org(const client *c, const char *which);

typedef struct client_transient {
    const char *name;
    fcc_bytes value;
} client_transient;

/* What tests do to a proposal or transaction after it was signed. */
typedef enum client_tamper {
    CLIENT_TAMPER_NONE,
    CLIENT_TAMPER_PROPOSAL,  /* one byte of the proposal is changed after signing */
    CLIENT_TAMPER_TXID,      /* the transaction id is not the hash of nonce and creator */
    CLIENT_TAMPER_SIGNATURE, /* another valid signature, over other bytes */
    CLIENT_TAMPER_ENVELOPE   /* one byte of the endorsed transaction is changed before it is submitted */
} client_tamper;

/* One call of a chaincode's function. */
typedef struct client_call {
    const char *chaincode;
    const char *channel;   /* NULL: the network's; "": none, as for installing */
    bool init;             /* it is the call that initialises a definition with init_required */
    const fcc_bytes *args; /* the function's name first */
    size_t arg_count;
    const client_transient *transient;
    size_t transient_count;
    const char *const *orgs; /* MSP ids (or names) that shall endorse or answer; none: the gateway's choice */
    size_t org_count;
    int retries; /* how often client_invoke endorses anew after a conflict with another transaction */
    client_tamper tamper;
} client_call;

/* What one endorser, or the gateway, said about a failure. */
typedef struct client_detail {
    const char *address;
    const char *mspid;
    const char *message;
} client_detail;

/*
 * How a call went. Everything lives in the arena of the call. After a failure `rpc_code`, `message` and `details` hold
 * what the gateway said; `status` is the chaincode's own when it was the chaincode that refused, with its words in
 * `payload`, and 0 otherwise.
 */
typedef struct client_answer {
    int32_t status;    /* the chaincode's: 200 and so on */
    fcc_bytes payload; /* what the function answered */
    char txid[65];
    uint64_t block; /* client_invoke: the block that holds the transaction */
    int validation; /* client_invoke: its validation code, 0 valid */
    int attempts;   /* client_invoke: how many transactions were made, conflicts included */
    bool submitted; /* client_invoke: the transaction was given to the orderer, or may have been */
    int rpc_code;   /* gRPC's, 0 fine */
    const char *message;
    const client_detail *details;
    size_t detail_count;
} client_answer;

/* "MVCC_READ_CONFLICT" and so on, "code N" for others. */
const char *client_validation_name(int code);

/*
 * Evaluate: one peer runs the function, nothing is written.
 *
 * @return FCC_OK           answer->status and payload are the chaincode's
 *         FCC_ERR_APP      the chaincode refused: answer->status, answer->payload
 *         FCC_ERR_PEER     the gateway or a peer refused; FCC_ERR_AUTH when it refused the identity
 *         FCC_ERR_TIMEOUT, FCC_ERR_IO  no answer in time; not reachable
 */
fcc_status client_query(client *c, const client_call *call, fcc__arena *arena, client_answer *answer,
                        fcc_error *error) FCC_MUST_CHECK;

/*
 * Endorse, sign, submit and wait until it is committed. A transaction that was invalidated by another one's writes
 * (MVCC, phantom) is known not to have happened, so it is endorsed anew under a new id, `retries` times, with a random
 * growing pause. Nothing else is repeated.
 *
 * As client_query, and FCC_ERR_PEER with answer->validation set for a transaction that was committed as invalid.
 * After FCC_ERR_TIMEOUT or FCC_ERR_IO the transaction may have been committed: answer->txid tells which to ask for.
 */
fcc_status client_invoke(client *c, const client_call *call, fcc__arena *arena, client_answer *answer,
                         fcc_error *error) FCC_MUST_CHECK;

/* ---- the steps of client_invoke, for who wants to do something between them ---- */

typedef struct client_proposal {
    char txid[65];
    fcc_bytes bytes; /* peer.Proposal: what is signed */
    fcc_bytes signature;
} client_proposal;

typedef struct client_transaction {
    char txid[65];
    fcc_bytes payload; /* common.Payload: what is signed */
    fcc_bytes signature;
} client_transaction;

/*
 * Each step that needs a signature has its bytes before it and takes the signature from outside, so that the key may lie
 * somewhere else: client_prepare, client_endorse, client_submit, client_commit_request, client_commit_signed,
 * client_events_request. A signature is ECDSA over the SHA-256 of the bytes, DER, low S.
 */

/* Lower-case hexadecimal SHA-256 of nonce and creator. */
void client_txid(fcc_bytes nonce, fcc_bytes creator, char out[65]);
/* The proposal without its signature. */
fcc_status client_prepare(client *c, const client_call *call, fcc__arena *arena, client_proposal *out,
                          fcc_error *error) FCC_MUST_CHECK;
/* The same, signed. FCC_ERR_ARG for a client without a key. */
fcc_status client_propose(client *c, const client_call *call, fcc__arena *arena, client_proposal *out,
                          fcc_error *error) FCC_MUST_CHECK;
/* Evaluate what was proposed; the channel and the organisations are those of `call`. As client_query. */
fcc_status client_evaluate(client *c, const client_call *call, const client_proposal *proposal, fcc__arena *arena,
                           client_answer *answer, fcc_error *error) FCC_MUST_CHECK;
/* Fills answer->status and payload from the endorsed action; the transaction is not signed yet. */
fcc_status client_endorse(client *c, const client_call *call, const client_proposal *proposal, fcc__arena *arena,
                          client_transaction *out, client_answer *answer, fcc_error *error) FCC_MUST_CHECK;
fcc_status client_sign(client *c, client_transaction *transaction, fcc__arena *arena, fcc_error *error) FCC_MUST_CHECK;
fcc_status client_submit(client *c, const client_transaction *transaction, fcc__arena *arena, client_answer *answer,
                         fcc_error *error) FCC_MUST_CHECK;
/* Wait until the transaction is committed: answer->validation and block. */
fcc_status client_commit_status(client *c, const char *txid, fcc__arena *arena, client_answer *answer,
                                fcc_error *error) FCC_MUST_CHECK;
/* The same in two steps: gateway.CommitStatusRequest to be signed, and the question with its signature. */
fcc_status client_commit_request(client *c, const char *txid, fcc__arena *arena, fcc_bytes *request,
                                 fcc_error *error) FCC_MUST_CHECK;
fcc_status client_commit_signed(client *c, fcc_bytes request, fcc_bytes signature, fcc__arena *arena,
                                client_answer *answer, fcc_error *error) FCC_MUST_CHECK;

/* ---- chaincode events ---- */

typedef struct client_event {
    uint64_t block;
    fcc_bytes txid;
    fcc_bytes chaincode;
    fcc_bytes name;
    fcc_bytes payload;
} client_event;

/* Borrowed until return. false ends the stream. */
typedef bool (*client_on_event)(void *ctx, const client_event *event);

typedef struct client_events_options {
    const char *chaincode;
    int64_t from_block;     /* negative: from the next block on */
    const char *after_txid; /* NULL; else only what came after this transaction */
    int64_t idle_ms;        /* end after so long without an event; 0: never */
    fcc_bytes request;      /* made by client_events_request and signed elsewhere; empty: made and signed here */
    fcc_bytes signature;
} client_events_options;

/* gateway.ChaincodeEventsRequest of these options, to be signed. */
fcc_status client_events_request(client *c, const client_events_options *options, fcc__arena *arena, fcc_bytes *request,
                                 fcc_error *error) FCC_MUST_CHECK;

/* Events of valid transactions, block after block, until the callback or idle_ms ends it. */
fcc_status client_events(client *c, const client_events_options *options, client_on_event on_event, void *ctx,
                         fcc_error *error) FCC_MUST_CHECK;

/* ---- how far a listener has come ---- */

/*
 * A file in the format of Fabric's gateway SDKs: {"blockNumber":7,"transactionId":"..."}, the block in which the next event
 * is expected and the last transaction of it that was dealt with. Listen from `block`, after `txid`.
 */
typedef struct client_checkpoint {
    bool known; /* false: no such file, or a new one that says 0 and "" */
    uint64_t block;
    char txid[65]; /* "": none of that block yet */
} client_checkpoint;

/* FCC_OK also when there is no file yet. FCC_ERR_IO; FCC_ERR_CORRUPT it holds something else. */
fcc_status client_checkpoint_read(const char *path, client_checkpoint *out, fcc_error *error) FCC_MUST_CHECK;
/* Whole or not at all, and synced: what it says has been dealt with. FCC_ERR_IO. */
fcc_status client_checkpoint_write(const char *path, uint64_t block, const char *txid, fcc_error *error) FCC_MUST_CHECK;

#endif
