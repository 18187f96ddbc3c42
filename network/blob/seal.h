/* seal.h: the encryption that blobs and sealed keys share. */
#ifndef NETWORK_BLOB_SEAL_H
#define NETWORK_BLOB_SEAL_H

#include <fcc/bytes.h>

/* AES-256-GCM: `out` gets nonce, ciphertext and tag, content.len + BLOB_OVERHEAD bytes. */
bool blob__encrypt(const uint8_t key[32], fcc_bytes content, uint8_t *out);
/* `out` gets stored.len - BLOB_OVERHEAD bytes; false, and they are wiped, when the tag does not fit. */
bool blob__decrypt(const uint8_t key[32], fcc_bytes stored, uint8_t *out);

#endif
