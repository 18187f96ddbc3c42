/*
 * msp.h: who is who. Signing identities, membership services of organisations, and verification as a Fabric peer
 * does it.
 *
 * Not thread-safe: a manager and its identities belong to one thread. An identity is borrowed from its manager and
 * lives as long as that. Texts of errors are Fabric's where Fabric has one.
 */
#ifndef NETWORK_MSP_MSP_H
#define NETWORK_MSP_MSP_H

#include "base/arena.h"
#include "base/hash.h"

/*
 * SHA-256 of the first certificate of a PEM text: by it a channel header's tls_cert_hash binds an envelope to the TLS
 * connection that it comes through. FCC_ERR_PROTO.
 */
fcc_status msp_certificate_hash(fcc_bytes pem, fcc__sha256 *out) FCC_MUST_CHECK;

/* ---- signing ------------------------------------------------------------------------------------------------------ */

/* A certificate with its private key. */
typedef struct msp_signer msp_signer;

/*
 * Load from an MSP directory (users/doctor1@.../msp): the certificate of signcerts/ and, found by its key and not by
 * its file name, the private key of keystore/. FCC_ERR_IO, FCC_ERR_CONFIG.
 */
fcc_status msp_signer_load(const char *msp_dir, const char *mspid, msp_signer **out, fcc_error *error) FCC_MUST_CHECK;
/* From PEM. FCC_ERR_CONFIG also when certificate and key are not a pair. */
fcc_status msp_signer_new(const char *mspid, fcc_bytes cert_pem, fcc_bytes key_pem, msp_signer **out,
                          fcc_error *error) FCC_MUST_CHECK;
void msp_signer_free(msp_signer *signer); /* takes NULL */

/* All borrowed from the signer. */
const char *msp_signer_mspid(const msp_signer *signer);
fcc_bytes msp_signer_identity(const msp_signer *signer);      /* msp.SerializedIdentity: the creator or endorser */
fcc_bytes msp_signer_certificate(const msp_signer *signer);   /* PEM */
const char *msp_signer_fingerprint(const msp_signer *signer); /* SHA-256 of SubjectPublicKeyInfo, lower hex */
int64_t msp_signer_expires(const msp_signer *signer);         /* seconds since 1970 */
/* The private key, PKCS#8 in PEM, for who speaks TLS as this identity. Wipe it. FCC_ERR_LIMIT past the arena's cap. */
fcc_status msp_signer_key(const msp_signer *signer, fcc__arena *arena, fcc_bytes *pem) FCC_MUST_CHECK;

/*
 * ECDSA over the SHA-256 of the parts joined, DER, low S; with an Ed25519 key (channels with capability V3_0) over the
 * parts themselves. What Fabric accepts. In the arena.
 */
fcc_status msp_sign(const msp_signer *signer, const fcc_bytes *parts, size_t count, fcc__arena *arena,
                    fcc_bytes *signature) FCC_MUST_CHECK;

/* ---- one organisation's membership service ------------------------------------------------------------------------ */

typedef struct msp_org msp_org;

/* From an organisation's MSP directory (cacerts, intermediatecerts, admincerts, crls, tlscacerts, config.yaml). */
fcc_status msp_org_load(const char *msp_dir, const char *mspid, msp_org **out, fcc_error *error) FCC_MUST_CHECK;
/* From the MSPConfig of a channel's configuration. */
fcc_status msp_org_parse(fcc_bytes msp_config, msp_org **out, fcc_error *error) FCC_MUST_CHECK;
void msp_org_free(msp_org *org); /* takes NULL */
const char *msp_org_id(const msp_org *org);
/* The MSPConfig that msp_org_load read (or msp_org_parse was given): the MSP value of the channel's configuration. */
fcc_bytes msp_org_config(const msp_org *org);

/* ---- identities --------------------------------------------------------------------------------------------------- */

typedef struct msp_manager msp_manager;
typedef struct msp_identity msp_identity;

/* Fabric's roles, with its numbers. */
typedef enum msp_role { MSP_MEMBER, MSP_ADMIN, MSP_CLIENT, MSP_PEER, MSP_ORDERER } msp_role;

/* Takes the organisations over, also on failure. FCC_ERR_CONFIG when two have the same id. */
fcc_status msp_manager_new(msp_org *const *orgs, size_t count, msp_manager **out, fcc_error *error) FCC_MUST_CHECK;
void msp_manager_free(msp_manager *manager); /* takes NULL */
bool msp_manager_knows(const msp_manager *manager, fcc_bytes mspid);
size_t msp_manager_count(const msp_manager *manager);
const char *msp_manager_mspid(const msp_manager *manager, size_t i);

/*
 * The identity that a msp.SerializedIdentity names. Cached by its bytes. Not yet validated: see msp_validate.
 *
 * @return FCC_OK
 *         FCC_ERR_PROTO  not a SerializedIdentity, or not one PEM certificate in it
 *         FCC_ERR_AUTH   `MSP X is not defined on channel`, or the certificate was not issued by that MSP's authorities
 */
fcc_status msp_deserialize(msp_manager *manager, fcc_bytes serialized, const msp_identity **out,
                           fcc_error *error) FCC_MUST_CHECK;

/*
 * Does its MSP accept it: one chain, no CA certificate, not revoked, exactly one of the OUs client, peer, admin and
 * orderer? Expiry is not looked at, because old blocks must stay valid. Judged once, then remembered.
 * FCC_ERR_AUTH with the reason.
 */
fcc_status msp_validate(const msp_identity *identity, fcc_error *error) FCC_MUST_CHECK;

/*
 * Is this a signature of this identity over the parts joined? One that was found good lately is remembered. FCC_ERR_AUTH
 * with `Invalid S. Must be smaller than half the order...` for a high S, and otherwise `The signature is invalid`.
 */
fcc_status msp_verify(const msp_identity *identity, const fcc_bytes *parts, size_t count, fcc_bytes signature,
                      fcc_error *error) FCC_MUST_CHECK;

/*
 * msp_sign for a process that verifies what it has signed: the manager remembers the signature as a good one, as it is
 * made with the key of the signer's certificate.
 */
fcc_status msp_sign_known(const msp_signer *signer, msp_manager *manager, const fcc_bytes *parts, size_t count,
                          fcc__arena *arena, fcc_bytes *signature) FCC_MUST_CHECK;

/* All borrowed from the manager. */
const char *msp_identity_mspid(const msp_identity *identity);
fcc_bytes msp_identity_id(const msp_identity *identity);            /* SHA-256 of the sanitised certificate */
fcc_bytes msp_identity_serialized(const msp_identity *identity);    /* of the sanitised certificate */
const char *msp_identity_fingerprint(const msp_identity *identity); /* SHA-256 of SubjectPublicKeyInfo, lower hex */
const char *msp_identity_subject(const msp_identity *identity);     /* for logs: RFC 2253 */
/* notAfter, seconds since 1970. Refuse proposals when it is not after now: `proposal client identity expired`. */
int64_t msp_identity_expires(const msp_identity *identity);
/* The role its OU gives it; MSP_MEMBER when none. */
msp_role msp_identity_role(const msp_identity *identity);
/* Validates, then compares with a common.MSPPrincipal. FCC_ERR_AUTH with the reason. */
fcc_status msp_satisfies(const msp_identity *identity, fcc_bytes principal, fcc_error *error) FCC_MUST_CHECK;
/* The same for a role of an organisation. */
bool msp_has_role(const msp_identity *identity, const char *mspid, msp_role role);

#endif
