/* seal.h: the encryption that blobs and sealed keys share. */
#ifndef NETWORK_BLOB_SEAL_H
#define NETWORK_BLOB_SEAL_H

#include <fcc/bytes.h>

#include <openssl/evp.h>

/* AES-256-GCM: `out` gets nonce, ciphertext and tag, content.len + BLOB_OVERHEAD bytes. */
bool blob__encrypt(const uint8_t key[32], fcc_bytes content, uint8_t *out);
/* `out` gets stored.len - BLOB_OVERHEAD bytes; false, and they are wiped, when the tag does not fit. */
bool blob__decrypt(const uint8_t key[32], fcc_bytes stored, uint8_t *out);

/*
 * The key of 32 bytes that both sides of a Diffie-Hellman exchange get: HKDF-SHA256 of the shared secret, bound to both
 * public keys (the ephemeral one's side first), and to the label and the context (may be empty), one behind the other.
 */
enum { BLOB__POINT_MAX = 97, BLOB__SECRET_MAX = 48 };
bool blob__agree(EVP_PKEY *own, EVP_PKEY *other, const uint8_t *ephemeral, const uint8_t *reader, size_t point_len,
                 fcc_bytes label, fcc_bytes context, uint8_t out[32]);

#endif
