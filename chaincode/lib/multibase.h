/* multibase.h: bytes as text, as DIDs, proofs and status lists have them: base58btc ("z...") and base64url ("u..."). */
#ifndef LIB_MULTIBASE_H
#define LIB_MULTIBASE_H

#include <fcc/bytes.h>

/*
 * Base58 as Bitcoin's, without a multibase prefix. Reading costs the square of the length, so texts of more than
 * LIB_BASE58_MAX characters are refused; a signature of P-384 has 132.
 *
 * @return whether `text` is that of at most `cap` bytes; *len is what it holds
 */
enum { LIB_BASE58_MAX = 256, LIB_BASE58_MAX_BYTES = 180 };
bool lib_base58_decode(const char *text, uint8_t *out, size_t cap, size_t *len);
/* A malloc'ed C string behind the prefix character ('z', or 0 for none); NULL without memory or for more than LIB_BASE58_MAX_BYTES. */
char *lib_base58_encode(char prefix, fcc_bytes bytes);

/*
 * Base64url without padding, without a prefix. Only the one text that a writer gives for some bytes is taken: no
 * padding, no other characters, no bits left over.
 *
 * @return a malloc'ed buffer of *len bytes (one byte at least is allocated); NULL without memory or for other text
 */
uint8_t *lib_base64url_decode(const char *text, size_t *len);
/* The same into a buffer of the caller's; false also when it is too small. */
bool lib_base64url_decode_into(const char *text, uint8_t *out, size_t cap, size_t *len);
/* A malloc'ed C string behind the prefix character ('u', or 0 for none); NULL without memory. */
char *lib_base64url_encode(char prefix, fcc_bytes bytes);

#endif
