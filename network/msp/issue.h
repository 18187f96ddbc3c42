/* issue.h: making certificates. Used by workshop.c, by network/testing, and by tests that need odd ones. */
#ifndef NETWORK_MSP_ISSUE_H
#define NETWORK_MSP_ISSUE_H

#include "msp/internal.h"

typedef enum msp__use {
    MSP__USE_CA,   /* authority */
    MSP__USE_SIGN, /* identity of an MSP: no extended key usage, which Go's verification would object to */
    MSP__USE_TLS   /* server and client authentication */
} msp__use;

typedef struct msp__request {
    msp__use use;
    const char *organisation;      /* O */
    const char *unit;              /* OU, NULL */
    const char *unit2;             /* a second OU, NULL */
    const char *name;              /* CN */
    const X509_NAME *subject;      /* the whole subject instead of these; NULL */
    const char *alt_names;         /* subjectAltName in OpenSSL's notation, NULL */
    const char *attributes;        /* JSON of the attributes extension, NULL */
    int64_t not_before, not_after; /* seconds since 1970 */
    const char *serial_of;         /* the serial number follows from this text; NULL: it is random */
} msp__request;

/* A fresh P-256 key; NULL. */
EVP_PKEY *msp__new_key(void);
/*
 * A certificate for `key`, signed by `issuer_key` with low S. `issuer` NULL: self-signed (then issuer_key is key).
 * NULL when OpenSSL fails.
 */
X509 *msp__issue(const msp__request *request, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key);
/*
 * Whoever this certificate was issued to, as a signer and as an identity that the manager knows by its usual bytes: what
 * msp_signer_new and msp_deserialize make of PEM, without reading PEM, which takes OpenSSL longer than all the rest. Both
 * keep references of their own.
 */
fcc_status msp__signer_of(const char *mspid, X509 *cert, EVP_PKEY *key, msp_signer **out,
                          fcc_error *error) FCC_MUST_CHECK;
fcc_status msp__admit(msp_manager *manager, const char *mspid, X509 *cert, fcc_error *error) FCC_MUST_CHECK;
/* PKCS#8 in PEM, in the arena; {NULL, 0}. */
fcc_bytes msp__pem_of_key(EVP_PKEY *key, fcc__arena *arena);
/* `count` random bytes as lower-case base32 without padding, into out with its terminator. */
bool msp__random_base32(size_t count, char *out, size_t out_size);

#endif
