/* vouch.h: the word of a bound key for a new one: `sig` of RegisterPractitioner. Pure: no ledger. */
#ifndef CREDENTIALS_VOUCH_H
#define CREDENTIALS_VOUCH_H

#include <fcc/bytes.h>

#include "lib/value.h"

enum { CRED_VOUCH_MAX = 128 };

/*
 * The vouching key's SubjectPublicKeyInfo and an ECDSA signature with SHA-256, both DER, over
 * "medsync/vouch/1\nCHANNEL\nUID\nGLN\nFP": the person who has that key, and now applies at that site with the key FP.
 */
struct cred_vouching {
    uint8_t spki[CRED_VOUCH_MAX], signature[CRED_VOUCH_MAX];
    size_t spki_len, signature_len;
    char fp[2 * LIB_SHA256_LEN + 1]; /* of the vouching key */
};

/* Of the text SPKI.SIGNATURE in hexadecimal; false when it is anything else. */
bool cred_vouching_read(const char *sig, struct cred_vouching *out);
bool cred_vouching_holds(const struct cred_vouching *vouching, fcc_bytes channel, const char *uid, const char *gln,
                         const char *fp);

#endif
