/*
 * workshop.h: one organisation's authorities and what they issue, in the layout of Fabric's cryptogen:
 *
 *     ROOT/{ca,tlsca}/{<kind>.<domain>-cert.pem,priv_sk}
 *     ROOT/msp/{config.yaml,cacerts,tlscacerts,admincerts}
 *     ROOT/{peers,orderers,users}/<name>/{msp,tls}
 *
 * and, which cryptogen does not make, ROOT/chaincodes/<name>/tls for who serves the organisation's chaincodes, and
 * ROOT/chaincodeca, which issues what the peer shows them and nothing else: a server that trusts it lets in nobody but the
 * peer, where the TLS authority would vouch for every user and orderer too. For material.c and network/certs.
 */
#ifndef NETWORK_MSP_WORKSHOP_H
#define NETWORK_MSP_WORKSHOP_H

#include "msp/issue.h"

/* A certificate authority: "ca" signs identities, "tlsca" TLS certificates, "chaincodeca" those of chaincodes' clients. */
typedef struct msp__authority {
    EVP_PKEY *key;
    X509 *cert;
} msp__authority;

typedef struct msp__workshop {
    fcc__arena *arena;
    fcc_error *error;
    const char *domain;
    const char *root; /* DIR/peerOrganizations/<domain> */
    int64_t now_s;
    int64_t valid_s; /* how long certificates are to be valid, at most as long as their authority is */
    /* each thing that was made, by its path; NULL */
    void (*made)(void *ctx, const char *path);
    void *ctx;
    bool new_chaincodeca; /* whoever was trusted before: one that is not there is made */
    bool sync;            /* what is made shall outlive a power cut; false: the caller sees to it */
    /* msp__workshop_close frees them; chaincodeca is there once something was made that needs it */
    msp__authority ca, tlsca, chaincodeca;
} msp__workshop;

#define MSP__CLIENT_CA "client-ca.crt" /* in a chaincode server's tls/: whom it takes */

/* Somebody, or something, with certificates. */
typedef struct msp__member {
    const char *group; /* folder in ROOT: "peers", "orderers", "users", "chaincodes" */
    const char *name;  /* folder in it: "peer0.<domain>", "doctor1@<domain>" */
    const char *common_name;
    const char *unit;       /* OU of the identity; NULL: TLS alone */
    const char *attributes; /* JSON of the attributes extension; NULL */
    const char *alt_names;  /* of a server, in OpenSSL's notation; NULL: a client, without names */
    bool client_too;        /* the server's folder has client.crt and client.key for who dials it, and client-ca.crt */
    bool identity_only;     /* no TLS */
    /* renewing: subjects are those of these certificates; NULL. The server's key, to be kept; NULL: a new one */
    X509 *was_identity, *was_server, *was_client;
    EVP_PKEY *server_key;
} msp__member;

/* Make the authorities and ROOT/msp. */
fcc_status msp__workshop_found(msp__workshop *w) FCC_MUST_CHECK;
/* Take ca and tlsca as they are there. FCC_ERR_NOT_FOUND: certificate or key of one is not: it is kept elsewhere. */
fcc_status msp__workshop_open(msp__workshop *w) FCC_MUST_CHECK;
/* One of them alone. */
fcc_status msp__authority_open(msp__workshop *w, const char *kind, msp__authority *out) FCC_MUST_CHECK;
void msp__workshop_close(msp__workshop *w);

/* Everything of this member, new, into `folder`, which is made. */
fcc_status msp__make_member_in(msp__workshop *w, const msp__member *m, const char *folder) FCC_MUST_CHECK;
/* The same into ROOT/group/name, there whole or not at all; one that is there is kept as it is. */
fcc_status msp__make_member(msp__workshop *w, const msp__member *m) FCC_MUST_CHECK;
/* Of a chaincode server the peer's part alone, into its folder tls/; chaincodeca is made where there is none. */
fcc_status msp__make_chaincode_client(msp__workshop *w, const msp__member *m, const char *tls) FCC_MUST_CHECK;

/* A fresh directory beside ROOT/group/name to make its successor in, in the arena. */
fcc_status msp__fresh_dir(msp__workshop *w, const char *path, char **out) FCC_MUST_CHECK;
/* <folder>/<file>, the folder made when it isn't there; replaces nothing. */
fcc_status msp__put(msp__workshop *w, const char *folder, const char *file, fcc_bytes content, int mode) FCC_MUST_CHECK;
/* FCC_ERR_LIMIT, FCC_ERR_INTERNAL */
fcc_status msp__no_room(msp__workshop *w);
fcc_status msp__openssl_failed(msp__workshop *w, const char *what);
/* `names` with a host, DNS:a or IP:b, unless it is there or no client can dial it. NULL past the arena's cap. */
const char *msp__add_name(fcc__arena *arena, const char *names, const char *host, size_t len);
/*
 * Does ROOT/chaincodes/<name> trust an authority for chaincodes' clients that is none of the organisation's others? Else all
 * whom these have given a certificate can pass for the peer.
 */
fcc_status msp__chaincodes_closed(const char *root, const char *name, fcc__arena *arena, bool *closed,
                                  fcc_error *error) FCC_MUST_CHECK;
/* A certificate's alternative names as "DNS:a,IP:b", in the arena; NULL without. */
const char *msp__alt_names_of(X509 *cert, fcc__arena *arena);

#endif
