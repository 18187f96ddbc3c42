/*
 * key.h: private keys in PEM, encrypted ones included: PKCS#8 ("ENCRYPTED PRIVATE KEY") and the older form with Proc-Type
 * and DEK-Info headers.
 *
 * A passphrase comes from the environment, never from a command line, which every user of the machine can read:
 * MEDSYNC_KEY_PASSPHRASE_FILE names a file whose lines are tried one after the other, so that one file serves the keys of
 * several organisations; without it MEDSYNC_KEY_PASSPHRASE is the passphrase itself.
 */
#ifndef NETWORK_MSP_KEY_H
#define NETWORK_MSP_KEY_H

#include "msp/msp.h"

#include <openssl/evp.h>

#define MSP_PASSPHRASE_FILE "MEDSYNC_KEY_PASSPHRASE_FILE"
#define MSP_PASSPHRASE "MEDSYNC_KEY_PASSPHRASE"

/*
 * The private key of a PEM text; the caller frees it. `what` is how errors call it, usually its path.
 *
 * @return FCC_OK
 *         FCC_ERR_CONFIG  no key in PEM; encrypted and no passphrase given; none of those given opens it; encrypted in a
 *                         way that this OpenSSL does not have; the passphrase file cannot be read. The text says which
 */
fcc_status msp__key_read(const char *what, fcc_bytes pem, EVP_PKEY **out, fcc_error *error) FCC_MUST_CHECK;

/*
 * The same key without encryption, PKCS#8 in PEM in the arena, for libraries that take no passphrase; a text that is not
 * encrypted comes back as it is. Wipe it.
 */
fcc_status msp_key_open(const char *what, fcc_bytes pem, fcc__arena *arena, fcc_bytes *plain,
                        fcc_error *error) FCC_MUST_CHECK;

/* Is it an encrypted key, and no passphrase given for any? */
bool msp_key_locked(fcc_bytes pem);

#endif
