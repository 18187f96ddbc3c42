/* proof_suite.h: what verifying and signing share: the suites, and the two hashes that a signature is over. */
#ifndef LIB_PROOF_SUITE_H
#define LIB_PROOF_SUITE_H

#include "lib/proof.h"

enum { LIB_PROOF_MAX_HASHES = 2 * 48, LIB_PROOF_MAX_SIGNATURE = 96 };

typedef struct lib_proof_suite {
    const char *name;
    lib_key_type key;
    const char *digest;   /* OpenSSL's name */
    size_t signature_len; /* bytes; of ECDSA r and s, each of the curve's length */
} lib_proof_suite;

/* NULL when no suite of ours has this name, or it has no such keys. */
const lib_proof_suite *lib_proof_suite_of(const char *name, lib_key_type key);
bool lib_proof_suite_known(const char *name);
/* The suite for keys of this type. */
const lib_proof_suite *lib_proof_suite_for(lib_key_type key);

/*
 * The hash of the options (a proof without proofValue), then that of the document without its proof and with the
 * options' context if they have one. False without memory.
 */
bool lib_proof_hashes(const lib_proof_suite *suite, const json_t *document, const json_t *options,
                      uint8_t out[LIB_PROOF_MAX_HASHES], size_t *len);

#endif
