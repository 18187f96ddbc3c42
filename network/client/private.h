/* What the client's files share. */
#ifndef NETWORK_CLIENT_PRIVATE_H
#define NETWORK_CLIENT_PRIVATE_H

#include "client/client.h"
#include "msp/msp.h"
#include "protos/unpack.h"
#include "rpc/rpc.h"

typedef struct client_peer {
    const char *name;
    const char *address;
    const char *mspid;
    const char *domain;
    const char *tls_ca; /* path */
} client_peer;

struct client {
    fcc__arena *arena; /* what lives as long as the client */
    const char *channel;
    const client_peer *peers;
    size_t peer_count;
    msp_signer *signer;
    rpc_loop *loop;
    rpc_channel *connection;
    const client_peer *gateway;
    int64_t timeout_ms;
    int64_t clock_offset_s;
};

/* Fill `answer` and `error` from a reply that is not RPC_OK. Returns the status that tells what kind of no it was. */
fcc_status client__refused(const rpc_reply *reply, fcc__arena *arena, client_answer *answer, fcc_error *error);
/* The same for a status that a stream ended with. */
fcc_status client__ended(rpc_code code, fcc_bytes message, fcc_bytes details, fcc__arena *arena, client_answer *answer,
                         fcc_error *error);
/* One request and its reply, unpacked. `what` names the step in errors. */
fcc_status client__ask(client *c, const char *path, const void *request, const ProtobufCMessageDescriptor *type,
                       fcc__arena *arena, ProtobufCMessage **out, client_answer *answer, fcc_error *error);

#endif
