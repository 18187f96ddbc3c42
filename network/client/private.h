/* What the client's files share. */
#ifndef NETWORK_CLIENT_PRIVATE_H
#define NETWORK_CLIENT_PRIVATE_H

#include "client/client.h"
#include "msp/msp.h"
#include "protos/unpack.h"
#include "rpc/rpc.h"

#include "common/common.pb-c.h"

typedef struct client_peer {
    const char *name;
    const char *address;
    const char *mspid;
    const char *domain;
    const char *tls_ca;      /* path */
    rpc_channel *connection; /* made when it is first asked */
} client_peer;

struct client {
    fcc__arena *arena; /* what lives as long as the client */
    const char *channel;
    client_peer *peers;
    size_t peer_count;
    bool client_auth;            /* the network wants TLS certificates of its clients */
    fcc_bytes tls_cert, tls_key; /* PEM; empty without client_auth */
    fcc__sha256 tls_cert_hash;
    client_peer *orderers;
    size_t orderer_count; /* 0 where the directory names none */
    size_t orderer;       /* the one that is asked; when it can't be reached, the next */
    msp_signer *signer;   /* NULL: this client signs nothing itself */
    const char *mspid;
    fcc_bytes identity; /* msp.SerializedIdentity */
    rpc_loop *loop;
    client_peer *gateway;
    rpc_channel *connection; /* the gateway's, borrowed */
    int64_t timeout_ms;
    int64_t clock_offset_s;
};

/* The orderer that is asked now. FCC_ERR_CONFIG where there is none. */
fcc_status client__orderer(client *c, client_peer **out, fcc_error *error);
/* From now on the next one. */
void client__next_orderer(client *c);
/* The connection to a peer or an orderer, made now if there is none. `peer` is one of the client's. */
fcc_status client__connect(client *c, client_peer *peer, rpc_channel **out, fcc_error *error);
/* The peer of an organisation; NULL: the user's gateway. FCC_ERR_NOT_FOUND names those that there are. */
fcc_status client__peer_of(client *c, const char *which, client_peer **out, fcc_error *error);
/* Sign with the user's key; `what` names it in errors. FCC_ERR_ARG for a client without one. */
fcc_status client__sign(const client *c, const char *what, fcc_bytes bytes, fcc__arena *arena, fcc_bytes *signature,
                        fcc_error *error);
/* "the request is larger than its memory limit", or what `st` says. */
fcc_status client__no_memory(fcc_error *error, fcc_status st);

enum { CLIENT__NONCE_LEN = 24 };

typedef struct client__heading {
    int32_t type;
    const char *channel; /* "": none */
    const char *txid;    /* NULL: none */
    fcc_bytes extension;
    uint8_t nonce[CLIENT__NONCE_LEN];
} client__heading;

fcc_status client__nonce(uint8_t out[CLIENT__NONCE_LEN], fcc_error *error);
/* A Header of the user's, with the time of now. */
fcc_status client__header(const client *c, const client__heading *heading, fcc__arena *arena, Common__Header *out);

/* Fill `answer` and `error` from a reply that is not RPC_OK. Returns the status that tells what kind of no it was. */
fcc_status client__refused(const rpc_reply *reply, fcc__arena *arena, client_answer *answer, fcc_error *error);
/* The same for a status that a stream ended with. */
fcc_status client__ended(rpc_code code, fcc_bytes message, fcc_bytes details, fcc__arena *arena, client_answer *answer,
                         fcc_error *error);
/* One request and its reply, unpacked. `what` names the step in errors. */
fcc_status client__ask(client *c, const char *path, const void *request, const ProtobufCMessageDescriptor *type,
                       fcc__arena *arena, ProtobufCMessage **out, client_answer *answer, fcc_error *error);
/* The same, of one of the client's peers. */
fcc_status client__ask_at(client *c, client_peer *peer, const char *path, const void *request,
                          const ProtobufCMessageDescriptor *type, fcc__arena *arena, ProtobufCMessage **out,
                          client_answer *answer, fcc_error *error);

/* ---- stream.c: one request, then messages until somebody has enough ---- */

typedef struct client__stream {
    const char *path;                              /* static */
    const char *address;                           /* for errors */
    bool (*on_message)(void *ctx, fcc_bytes wire); /* borrowed; false ends the stream */
    void *ctx;
    int64_t idle_ms;     /* end after so long without a message; 0: never */
    int64_t deadline_ms; /* of the stream; below 0: none */
    /* filled */
    rpc_loop *loop;
    rpc_call *call;
    bool ended;   /* closed */
    bool stopped; /* from here */
    bool idle;    /* ... because nothing came */
    bool heard;
    fcc_status st;
    fcc_error *error;
} client__stream;

/* Start; `s` and `error` must stay until the stream has ended. After a failure there is no stream. */
fcc_status client__stream_open(client *c, rpc_channel *connection, client__stream *s, fcc_bytes request,
                               fcc_error *error);
/* Run the loop until the stream has ended. What it ended with; FCC_OK when it was stopped from here. */
fcc_status client__stream_run(client *c, client__stream *s);
/* End it, and wait for that. */
void client__stream_stop(client *c, client__stream *s);

int64_t client__now_ms(void);

#endif
