/* internal.h: what the files of network/certs share. Not for anybody else. */
#ifndef NETWORK_CERTS_INTERNAL_H
#define NETWORK_CERTS_INTERNAL_H

#include "certs/certs.h"
#include "msp/internal.h"
#include "msp/key.h"
#include "msp/workshop.h"

/* The entries of a directory that don't begin with a dot, in byte order; none when it isn't there. */
fcc_status certs__dirs(const char *dir, fcc__arena *arena, const char ***out, size_t *count,
                       fcc_error *error) FCC_MUST_CHECK;
const char *certs__attributes(X509 *cert, fcc__arena *arena); /* NULL without */
/* DIR/peerOrganizations/<domain> or its sister; NULL past the cap. */
const char *certs__root(const char *crypto_dir, bool orderers, const char *domain, fcc__arena *arena);
/* PEM of all TLS authorities of an MSP directory, joined. */
fcc_status certs__tls_cas(const char *msp_dir, fcc__arena *arena, fcc_bytes *out, fcc_error *error) FCC_MUST_CHECK;
/* Where a member is. */
typedef struct certs_place {
    const char *root; /* DIR/peerOrganizations/<domain> */
    const char *domain;
    bool orderers;
    const char *group; /* "peers", "orderers", "users", "chaincodes" */
    const char *name;
    const char *path; /* ROOT/group/name */
} certs_place;

/* An authority has its kind as the group: "ca", "tlsca", "chaincodeca". FCC_ERR_NOT_FOUND. */
fcc_status certs__find_member(const char *crypto_dir, const char *name, fcc__arena *arena, certs_place *out,
                              fcc_error *error) FCC_MUST_CHECK;

bool certs__is_authority(const char *group);
/* certs_renew for an authority, of an organisation that is there. */
fcc_status certs__renew_authority(const certs_place *place, const certs_renewing *how, fcc_error *error) FCC_MUST_CHECK;

#endif
