/*
 * proof.h: W3C Data Integrity proofs of the suites eddsa-jcs-2022 and ecdsa-jcs-2019 (P-256, P-384).
 *
 * A proof signs the hash of its own options and the hash of the document without `proof`, both in RFC 8785's form.
 * Proof sets are taken (every proof must hold); chains (`previousProof`) are refused, because the specification leaves
 * open for these suites what the later proof signs.
 */
#ifndef LIB_PROOF_H
#define LIB_PROOF_H

#include <jansson.h>

#include "lib/did.h"

/*    name              word in reports */
#define LIB_PROOF_CODES(X)                     \
    X(OK, "OK")                                \
    X(NONE, "NO_PROOF")                        \
    X(TOO_MANY, "TOO_MANY_PROOFS")             \
    X(MALFORMED, "BAD_PROOF")                  \
    X(SUITE, "SUITE_UNSUPPORTED")              \
    X(CHAIN, "PROOF_CHAIN")                    \
    X(PURPOSE, "WRONG_PURPOSE")                \
    X(CONTEXT, "WRONG_CONTEXT")                \
    X(CHALLENGE, "WRONG_CHALLENGE")            \
    X(DOMAIN, "WRONG_DOMAIN")                  \
    X(FUTURE, "PROOF_FROM_FUTURE")             \
    X(EXPIRED, "PROOF_EXPIRED")                \
    X(CONTROLLER, "WRONG_CONTROLLER")          \
    X(DID, "DID_UNKNOWN")                      \
    X(KEY_UNKNOWN, "KEY_UNKNOWN")              \
    X(KEY_NOT_FOR_THIS, "KEY_NOT_FOR_PURPOSE") \
    X(KEY_UNREADABLE, "KEY_UNSUPPORTED")       \
    X(KEY_EXPIRED, "KEY_EXPIRED")              \
    X(KEY_REVOKED, "KEY_REVOKED")              \
    X(SIGNATURE, "BAD_SIGNATURE")

typedef enum lib_proof_code {
#define LIB_PROOF_ENUM(name, word) LIB_PROOF_##name,
    LIB_PROOF_CODES(LIB_PROOF_ENUM)
#undef LIB_PROOF_ENUM
} lib_proof_code;

const char *lib_proof_word(lib_proof_code code);

/*
 * The document of a DID that is no did:key; *document stays NULL when there is none. Borrowed until the verification is
 * over. A status other than FCC_OK ends the verification and is passed on.
 */
typedef fcc_status (*lib_did_resolve)(void *user, const char *did, const json_t **document);

/* What a proof must be like. */
typedef struct lib_proof_expect {
    const char *purpose;    /* "assertionMethod" for credentials, "authentication" for presentations */
    const char *controller; /* the DID whose key must have signed; NULL for any */
    const char *challenge;  /* NULL: not compared */
    const char *domain;     /* NULL: not compared; otherwise the proof's only domain */
    int64_t now;            /* epoch seconds */
    lib_did_resolve resolve;
    void *user; /* of resolve */
} lib_proof_expect;

enum { LIB_PROOF_MAX = 8, LIB_PROOF_SKEW_S = 120 }; /* proofs of one document; how far `created` may be ahead of now */

/*
 * Verify every proof of a document.
 *
 * @param code  LIB_PROOF_OK, or what the first proof that doesn't hold fails by
 *
 * @return FCC_OK      *code was decided
 *         what resolve returned; FCC_ERR_NOMEM
 */
fcc_status lib_proof_verify(const json_t *document, const lib_proof_expect *expect,
                            lib_proof_code *code) FCC_MUST_CHECK;

/*
 * Add a proof; for clients and tests, never in a chaincode (ECDSA draws a random number). The suite follows from the key.
 *
 * @param options  verificationMethod and proofPurpose at least; created, expires, domain, challenge as wanted
 * @param key      with its private part
 * @param out      a copy of the document with the proof, behind those that it had; to be freed with json_decref
 *
 * @return FCC_OK       signed
 *         FCC_ERR_ARG  no such kind of key, options without what they need or with previousProof, or no object
 *         FCC_ERR_NOMEM, FCC_ERR_INTERNAL
 */
fcc_status lib_proof_sign(const json_t *document, const json_t *options, struct evp_pkey_st *key,
                          json_t **out) FCC_MUST_CHECK;

#endif
