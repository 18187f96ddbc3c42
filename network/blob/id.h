/*
 * id.h: content identifiers as IPFS has them, read in all their spellings: multibase, unsigned varints, multihash and
 * CID. What this project itself writes is one spelling of one kind (blob.h: blob_cid).
 */
#ifndef NETWORK_BLOB_ID_H
#define NETWORK_BLOB_ID_H

#include "base/arena.h"

enum { BLOB_TEXT_MAX = 4096, BLOB_HASH_SHA256 = 0x12 };

/* ---- unsigned varints: at most nine bytes, and no shorter way to write the number ---- */

/* The bytes that the number at the start takes; 0 when there is none. */
size_t blob_varint(fcc_bytes bytes, uint64_t *out);

/* ---- multibase ---- */

/*
 * The bytes of a text whose first character names its base. Digits of either case are taken where a base has one only.
 * FCC_ERR_ARG: no such base here, or a text that nothing encodes to; FCC_ERR_LIMIT: longer than BLOB_TEXT_MAX.
 */
fcc_status blob_multibase_decode(const char *text, fcc__arena *arena, fcc_bytes *out) FCC_MUST_CHECK;
/* `base` by its name in multibase's table, such as "base58btc". FCC_ERR_NOT_FOUND: not one of ours; FCC_ERR_LIMIT. */
fcc_status blob_multibase_encode(const char *base, fcc_bytes bytes, fcc__arena *arena, const char **out) FCC_MUST_CHECK;

/* ---- multihash ---- */

typedef struct blob_multihash {
    uint64_t code;
    fcc_bytes digest; /* borrowed; a digest may be cut off at its end */
} blob_multihash;

/* A multihash at the start of `bytes`, and how long it is. FCC_ERR_ARG. */
fcc_status blob_multihash_parse(fcc_bytes bytes, blob_multihash *out, size_t *used) FCC_MUST_CHECK;
/* FCC_ERR_CORRUPT: the content has another hash; FCC_ERR_NOT_FOUND: no function of that code here. */
fcc_status blob_multihash_verify(const blob_multihash *hash, fcc_bytes content) FCC_MUST_CHECK;
/* "sha2-256" and so on; NULL for a function that is not known here. */
const char *blob_multihash_name(uint64_t code);

/* ---- CID ---- */

typedef struct blob_id {
    int version; /* 0 or 1 */
    uint64_t codec;
    blob_multihash hash; /* borrowed from what was parsed, or from the arena */
} blob_id;

/* A binary CID at the start of `bytes`, and how long it is. FCC_ERR_ARG. */
fcc_status blob_id_parse(fcc_bytes bytes, blob_id *out, size_t *used) FCC_MUST_CHECK;
/* A CID as text: "Qm..." or version 1 in any base. FCC_ERR_ARG; FCC_ERR_LIMIT. */
fcc_status blob_id_of_text(const char *text, fcc__arena *arena, blob_id *out) FCC_MUST_CHECK;
/* As text of version 1 in base32, as the store names blobs. NULL past the arena's cap. */
const char *blob_id_text(const blob_id *id, fcc__arena *arena);

#endif
