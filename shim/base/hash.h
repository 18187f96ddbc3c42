/* hash.h: SHA-256, and bytes as text. The digests are OpenSSL's. */
#ifndef FCC_BASE_HASH_H
#define FCC_BASE_HASH_H

#include "base/arena.h"

enum { FCC__SHA256_LEN = 32 };

typedef struct fcc__sha256 {
    uint8_t bytes[FCC__SHA256_LEN];
} fcc__sha256;

/* Of one piece, and of several as if they were joined. Abort only when OpenSSL itself cannot hash. */
fcc__sha256 fcc__sha256_of(fcc_bytes bytes);
fcc__sha256 fcc__sha256_of_many(const fcc_bytes *parts, size_t count);

static inline fcc_bytes fcc__sha256_bytes(const fcc__sha256 *digest)
{
    return fcc_bytes_of(digest->bytes, FCC__SHA256_LEN);
}

/* Lower-case hexadecimal text in the arena; {NULL, 0} past its cap. */
fcc_bytes fcc__hex(fcc__arena *arena, fcc_bytes bytes);
/* FCC_ERR_ARG for an odd length or a character that is no digit; both cases are taken. */
fcc_status fcc__unhex(fcc__arena *arena, fcc_bytes text, fcc_bytes *out) FCC_MUST_CHECK;
/* Standard base64 with padding, without line breaks. */
fcc_bytes fcc__base64(fcc__arena *arena, fcc_bytes bytes);
fcc_status fcc__unbase64(fcc__arena *arena, fcc_bytes text, fcc_bytes *out) FCC_MUST_CHECK;

#endif
