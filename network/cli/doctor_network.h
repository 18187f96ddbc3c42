/* doctor_network.h: what the files of `medsync doctor --dir` share: one look at a whole running network. */
#ifndef NETWORK_CLI_DOCTOR_NETWORK_H
#define NETWORK_CLI_DOCTOR_NETWORK_H

#include "base/arena.h"
#include "base/codes.h"
#include "client/lifecycle.h"
#include "msp/check.h"

#include <jansson.h>

typedef enum doctor_level { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL } doctor_level;

typedef struct doctor_network {
    const char *dir;
    int64_t timeout_s;
    bool json;
    fcc__arena *arena;
    json_t *endpoints; /* DIR/endpoints.json */
    json_t *checks;    /* with --json */
    size_t counts[3];  /* by level */
} doctor_network;

/* What is looked at: a peer or an orderer of endpoints.json. Strings are borrowed from it. */
typedef struct doctor_node {
    const char *kind; /* "peer", "orderer" */
    const char *mspid, *name, *address, *tls_ca;
    size_t place; /* of an orderer, in endpoints.json */
    client *admin;
    bool reached;       /* it does TLS */
    uint64_t height;    /* 0: not known */
    fcc_bytes identity; /* msp.SerializedIdentity that a peer signs with */
} doctor_node;

/* One line: what was looked at, and how it is. For DOCTOR_OK `code` counts for nothing. */
void doctor_tell(doctor_network *n, doctor_level level, const char *subject, const char *check, fcc__code code,
                 const char *format, ...) FCC_PRINTF(6, 7);

/*
 * A checker of msp/check.h whose findings are lines of this kind. `to` has to live as long as it; what a check says of
 * itself ("its clock") stands in front of the finding.
 */
typedef struct doctor_findings {
    doctor_network *n;
    const char *subject, *check;
} doctor_findings;
msp_checker doctor_checker(doctor_findings *to);

/* ---- doctor_node.c ---- */

/* Name, port, TLS: does it answer, with the right certificate? */
void doctor_node_dial(doctor_network *n, doctor_node *node);
/* Who it says it is, whether it takes our administrator, and how far it has come. */
void doctor_node_ask(doctor_network *n, doctor_node *node);
/* The same certificate, address and key material as the channel's configuration has; told once. */
void doctor_channel(doctor_network *n, const doctor_node *peers, size_t count);

/* ---- doctor_clock.c ---- */

/* How far its clock is from this machine's. */
void doctor_node_clock(doctor_network *n, const doctor_node *node);

/* ---- doctor_local.c ---- */

/* Chaincode servers whose fcc-host files are here, and disks. */
void doctor_servers(doctor_network *n);
void doctor_disk(doctor_network *n);

#endif
