/*
 * nodes.h: what each node of real Fabric is told: the variables of orderers and peers beside network/fabric's files, where
 * a peer's builder finds chaincodes, fcc-host's file. The same for processes of one machine (native.c) and for containers
 * and other machines (parts.c), which differ in where things are.
 */
#ifndef MEDSYNC_NATIVE_NODES_H
#define MEDSYNC_NATIVE_NODES_H

#include "config/config.h"

/* Where a node finds what is its own, as it sees it itself. */
typedef struct node_place {
    const char *config;     /* folder of core.yaml or orderer.yaml */
    const char *msp, *tls;  /* folders of its keys */
    const char *data;       /* folder that it writes to */
    const char *listen;     /* host:port */
    const char *operations; /* host:port of /healthz; NULL: any, which nobody is told */
    const char *admin;      /* an orderer's: host:port of the participation API */
    const char *builder;    /* a peer's: CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG */
} node_place;

enum { NODE_VARIABLES_MAX = 48 };

typedef struct node_variables {
    fcc__arena *arena;
    const char *v[NODE_VARIABLES_MAX + 1]; /* "NAME=value", NULL at the end */
    size_t n;
    bool failed; /* no room for one of them */
} node_variables;

void node_set(node_variables *out, const char *name, const char *format, ...) FCC_PRINTF(3, 4);
void node_orderer(const config_network *network, const node_place *place, node_variables *out);
void node_peer(const config_org *org, const node_place *place, node_variables *out);

/*
 * What the organisation's peer fills into its packages' connection.json: where each chaincode listens, `addresses` in the
 * network's order, and with chaincode_tls the certificates of msp_path_chaincodes_tls. `spare`: where its slot b listens
 * (package.h), for upgrades without a gap; NULL: nowhere.
 */
fcc_status node_builder_values_of_both(const config_network *network, const config_org *org, const char *crypto_dir,
                                       const char *const *addresses, const char *const *spare, fcc__arena *arena,
                                       const char **out, fcc_error *error) FCC_MUST_CHECK;
/* The same without spare. */
fcc_status node_builder_values(const config_network *network, const config_org *org, const char *crypto_dir,
                               const char *const *addresses, fcc__arena *arena, const char **out,
                               fcc_error *error) FCC_MUST_CHECK;

typedef struct node_host {
    const char *admin;            /* host:port of fcc-host's health and metrics */
    const char *bin_dir;          /* the chaincodes' programs */
    const char *tls;              /* folder with server.crt, server.key and client-ca.crt; used with chaincode_tls */
    const char *const *addresses; /* where each chaincode shall listen, in the network's order */
    const char *const *spare;     /* ... where its slot is b; NULL: nowhere */
    bool as_root;
} node_host;

/* fcc-host's file of one organisation; NULL when it runs no chaincode. */
fcc_status node_host_file(const config_network *network, const config_org *org, const node_host *host,
                          fcc__arena *arena, const char **out, fcc_error *error) FCC_MUST_CHECK;

/* One of network/fabric's files for a Fabric that is told where its builder is and may lack a filter (before 3.0). */
typedef struct node_release {
    const char *builder; /* folder of the builder for chaincodes as a service */
    bool time_window;    /* TimeWindowCheck is known */
} node_release;

#define NODE_IMAGE_BUILDER "/opt/hyperledger/ccaas_builder"

fcc_status node_config_file(const char *path, const node_release *release, fcc__arena *arena, fcc_bytes *out,
                            fcc_error *error) FCC_MUST_CHECK;

/*
 * What to tell of organisations whose chaincode servers take more than their peer (msp_open_chaincodes), one line in the
 * arena; NULL: nothing.
 */
fcc_status node_open_chaincodes(const config_network *network, const char *dir, const char *crypto_dir,
                                fcc__arena *arena, const char **line, fcc_error *error) FCC_MUST_CHECK;

/* Port of "host:port", as config_load has checked it. */
int node_port(const char *address);
/* A whole file into the arena, with a terminator behind it. */
fcc_status node_read_file(const char *path, fcc__arena *arena, fcc_bytes *out, fcc_error *error) FCC_MUST_CHECK;

#endif
