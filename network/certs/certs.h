/*
 * certs.h: the life of a consortium's certificates on disk, in the layout of Fabric's cryptogen (msp/workshop.h): what is
 * there, what is wrong with it, renewing, revoking, and taking over what another authority has issued. Making is
 * msp_complete of msp/material.h.
 *
 * `crypto_dir` holds peerOrganizations/ and ordererOrganizations/. Results live in the caller's arena.
 *
 * Test: test/unit/network/certs, test/integration/certs.sh
 */
#ifndef NETWORK_CERTS_CERTS_H
#define NETWORK_CERTS_CERTS_H

#include "config/config.h"
#include "msp/check.h"

/* ---- what is there ------------------------------------------------------------------------------------------------- */

typedef enum certs_use {
    CERTS_AUTHORITY, /* of identities or of TLS */
    CERTS_IDENTITY,  /* who signs */
    CERTS_SERVER,    /* TLS of a node, or of who serves chaincodes */
    CERTS_CLIENT     /* TLS of who dials */
} certs_use;

typedef struct certs_entry {
    const char *domain; /* of its organisation */
    bool orderers;      /* below ordererOrganizations */
    const char *name;   /* "peer0.a.test", "doctor1@a.test", "ca.a.test" */
    const char *role;   /* "ca", "tlsca", "chaincodeca", "peer", "orderer", "admin", "client", "chaincodes" */
    certs_use use;
    const char *path; /* of the certificate */
    const char *key;  /* of its private key; NULL: none of those beside it fits, or none is there */
    fcc_bytes pem;
    /* of the certificate; NULL and 0 when it cannot be read */
    const char *subject, *issuer; /* RFC 2253 */
    const char *serial;           /* lower-case hexadecimal */
    const char *names;            /* alternative names, "peer0.a.test, 127.0.0.1"; "" without */
    const char *attributes;       /* JSON of the attributes extension; NULL without */
    int64_t not_before, not_after;
} certs_entry;

typedef struct certs_list {
    const certs_entry *v; /* by path */
    size_t n;
} certs_list;

/* FCC_ERR_NOT_FOUND: no such folder, or nothing of the layout in it; FCC_ERR_IO, FCC_ERR_LIMIT. */
fcc_status certs_find(const char *crypto_dir, fcc__arena *arena, certs_list *out, fcc_error *error) FCC_MUST_CHECK;
const char *certs_use_name(certs_use use); /* "authority", "identity", "server", "client" */

/* ---- what is wrong with it ----------------------------------------------------------------------------------------- */

/*
 * Look at every certificate: form, time, key, issuer, role, revocation; with `network` (may be NULL) also whether everybody
 * whom it names is there, and whether servers' names fit the addresses. Findings go to the checker, which counts them.
 *
 * FCC_OK also when there are findings; otherwise as certs_find.
 */
fcc_status certs_check(const char *crypto_dir, const config_network *network, msp_checker *checker,
                       fcc_error *error) FCC_MUST_CHECK;

/* ---- renewing ------------------------------------------------------------------------------------------------------ */

typedef struct certs_renewed {
    const char *name;
    const char *kept; /* where the old certificates and keys are now */
    const char *todo; /* what has to be restarted or told; several lines */
} certs_renewed;

typedef struct certs_renewing {
    const config_network
        *network; /* names of servers are taken from here as well; NULL: those of the old certificate */
    int64_t now_s;
    int64_t days; /* validity; 0: MSP_DAYS */
    bool new_key; /* also for an orderer's TLS, whose key the channel's configuration knows, and for chaincodeca */
    void (*renewed)(void *ctx, const certs_renewed *what);
    void *ctx;
} certs_renewing;

/*
 * New keys and certificates for a member ("peer0.a.test", "doctor1@a.test", "chaincodes.a.test"), of the same subject, role
 * and attributes, from the same authorities. What was there goes to ROOT/old/<time>/<group>/<name>.
 *
 * Whoever serves chaincodes has chaincodeca made when it is not there yet: until then it took all that tlsca has issued.
 *
 * An authority ("ca.a.test", "tlsca.a.test", "chaincodeca.a.test") gets a new certificate of the same key and name, valid from when the old one was,
 * wherever that lies in ROOT; what it has issued stays good.
 *
 * FCC_ERR_NOT_FOUND  no such member, or its authority's key is kept elsewhere
 * FCC_ERR_ARG        an authority that another one has issued
 */
fcc_status certs_renew(const char *crypto_dir, const char *name, const certs_renewing *how,
                       fcc_error *error) FCC_MUST_CHECK;

/* ---- revoking ------------------------------------------------------------------------------------------------------ */

/*
 * Put the identity's certificate onto the revocation list of its organisation, signed by its CA, in msp/crls of the
 * organisation and of all its members. `reason` is one of RFC 5280 (unspecified, keyCompromise, affiliationChanged, superseded,
 * cessationOfOperation, privilegeWithdrawn). *crl is the list's path, *number its CRL number.
 *
 * `name` is a member, or the path of a certificate (one that was renewed since: its file in old/).
 *
 * FCC_ERR_EXISTS  it is on the list already, which all of these folders have now
 */
fcc_status certs_revoke(const char *crypto_dir, const char *name, const char *reason, int64_t now_s, fcc__arena *arena,
                        const char **crl, int64_t *number, fcc_error *error) FCC_MUST_CHECK;

/* ---- taking over --------------------------------------------------------------------------------------------------- */

typedef struct certs_import_options {
    const char *from; /* an MSP directory as fabric-ca-client writes it, or a crypto directory of cryptogen's layout */
    const char
        *tls_from;      /* of an MSP directory: the one enrolled with the profile tls; NULL: without TLS certificates */
    const char *domain; /* of the organisation that it is for */
    bool orderers;
    /*
     * "peer0.a.test", "doctor1@a.test"; NULL: the organisation's MSP alone (cacerts, tlscacerts). "chaincodes.a.test": who
     * serves chaincodes, of an enrolment with the profile tls in `from` alone; what its peer shows it is made here.
     */
    const char *name;
    int64_t now_s;
    void (*made)(void *ctx, const char *path);
    void *ctx;
} certs_import_options;

/*
 * Take over what somebody else has issued, after the same checks as certs_check; nothing is written when one fails, which
 * goes to the checker. What is there already with the same content is kept.
 *
 * FCC_ERR_CONFIG  a finding, or something else is there already
 */
fcc_status certs_import(const char *crypto_dir, const certs_import_options *options, msp_checker *checker,
                        fcc_error *error) FCC_MUST_CHECK;

#endif
