/*
 * identity.h: who signed a proposal: the creator's organisation, certificate and attributes.
 *
 * Everything is read at once into an arena; nothing of OpenSSL or the JSON library lives on. Nothing is verified here:
 * the peer checked the signature and the chain before the chaincode was called.
 *
 * Source: fabric-chaincode-go v2.3.0 pkg/cid/cid.go, pkg/attrmgr/attrmgr.go
 * Test: test/unit/shim/identity/test_identity.c
 */
#ifndef FCC_IDENTITY_IDENTITY_H
#define FCC_IDENTITY_IDENTITY_H

#include "base/arena.h"

typedef struct fcc__attribute {
    fcc_bytes name;
    fcc_bytes value;
} fcc__attribute;

typedef struct fcc__identity {
    fcc_bytes msp_id;
    fcc_bytes der;          /* the certificate */
    fcc_bytes id;           /* base64 of "x509::SUBJECT::ISSUER", names spelled as Go does */
    fcc_bytes fingerprint;  /* SHA-256 of SubjectPublicKeyInfo */
    const fcc_bytes *units; /* organizational units of the subject */
    size_t unit_count;
    const fcc__attribute *attributes;
    size_t attribute_count;
} fcc__identity;

/*
 * Read a serialized identity (msp.SerializedIdentity with one PEM certificate).
 *
 * @param creator  borrowed until return
 * @param arena    holds what `out` points to
 * @param error    may be NULL
 *
 * @return FCC_OK
 *         FCC_ERR_PROTO  no such identity: not the message, no certificate in it, or attributes that cannot be read
 *         FCC_ERR_LIMIT  the arena is full
 */
fcc_status fcc__identity_read(fcc__arena *arena, fcc_bytes creator, fcc__identity *out,
                              fcc_error *error) FCC_MUST_CHECK;

/* The same, but what this process has read before is copied: the last few identities are kept. From any thread. */
fcc_status fcc__identity_of(fcc__arena *arena, fcc_bytes creator, fcc__identity *out, fcc_error *error) FCC_MUST_CHECK;

/* The value of a named attribute; false when there is none of this name. */
bool fcc__identity_attribute(const fcc__identity *identity, fcc_bytes name, fcc_bytes *value);
bool fcc__identity_has_unit(const fcc__identity *identity, fcc_bytes unit);

#endif
