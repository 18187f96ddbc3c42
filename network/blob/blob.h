/*
 * blob.h: content-addressed storage of encrypted content, in a local directory or on an IPFS node.
 *
 * Each content is encrypted with a data key of its own (AES-256-GCM); what is stored is nonce (12 bytes), ciphertext,
 * tag (16 bytes), under the CID that IPFS gives these bytes (`ipfs add --cid-version=1 --raw-leaves`): up to 256 KiB one
 * block (codec raw), more of them a tree of such blocks (codec dag-pb, UnixFS). A directory holds a file for each block,
 * named by its CID. The data key is sealed to a custody key (X25519), so that who holds the store alone reads nothing.
 */
#ifndef NETWORK_BLOB_BLOB_H
#define NETWORK_BLOB_BLOB_H

#include "base/arena.h"

enum {
    BLOB_KEY_LEN = 32,
    BLOB_CID_MAX = 80,     /* text with its terminator, of any codec below 2^63 */
    BLOB_SEALED_HEX = 184, /* digits of a sealed key: 2 * (32 + 12 + 32 + 16) */
    BLOB_OVERHEAD = 28,    /* bytes that encryption adds */
    BLOB_MAX = 64 << 20,   /* stored bytes of one blob */
    BLOB_CODEC_RAW = 0x55,
};

/* ---- content identifiers ---- */

/* The CIDv1 of `content` in base32. */
void blob_cid(uint64_t codec, fcc_bytes content, char out[BLOB_CID_MAX]);
/* Parse a CIDv1 in base32 with SHA-256. FCC_ERR_ARG for anything else. */
fcc_status blob_cid_parse(const char *cid, uint64_t *codec, uint8_t digest[32]) FCC_MUST_CHECK;

/* ---- the store ---- */

typedef struct blob_store blob_store;

/*
 * A directory, which is made when it is missing (its parent is not), or the API of an IPFS node: http://HOST:PORT,
 * which is not asked before the first blob. A node's API is nobody's but its owner's: it has no access control, so
 * it listens on this machine or behind a proxy that has (https, NAME:PASSWORD@ in the URL).
 */
fcc_status blob_open(const char *where, blob_store **out, fcc_error *error) FCC_MUST_CHECK;
void blob_close(blob_store *store); /* takes NULL */

/* What was stored, and the key that opens it. Wipe the key when it is sealed. */
typedef struct blob_ref {
    char cid[BLOB_CID_MAX];
    char sha256[65]; /* of the stored bytes */
    uint64_t size;   /* of the stored bytes */
    uint8_t key[BLOB_KEY_LEN];
} blob_ref;

/*
 * Encrypt and store. Readers see the blob whole or not at all (temporary files, rename, the root last). Call blob_sync
 * before anything is told about it.
 * FCC_ERR_LIMIT more than BLOB_MAX; FCC_ERR_IO the directory, the disk, the node; FCC_ERR_CORRUPT the node stored the
 * bytes under another CID.
 */
fcc_status blob_put(blob_store *store, fcc_bytes content, blob_ref *out, fcc_error *error) FCC_MUST_CHECK;
/* What was put survives a loss of power from here on (a node's own affair). One call for many blobs. FCC_ERR_IO. */
fcc_status blob_sync(blob_store *store, fcc_error *error) FCC_MUST_CHECK;

/*
 * Read, check that the bytes are those of the CID, decrypt and check the tag. Content goes into the arena.
 *
 * @return FCC_OK
 *         FCC_ERR_ARG        no CID of this store
 *         FCC_ERR_NOT_FOUND  no such blob here, or not all of it: the error names the block that is missing
 *         FCC_ERR_CORRUPT    bytes that are not those of their CID, or are shorter than any blob: the error names blob
 *                            and block
 *         FCC_ERR_AUTH       intact, but this key does not open it
 *         FCC_ERR_IO, FCC_ERR_TIMEOUT, FCC_ERR_PEER  the disk, the node, which does not answer or refuses
 */
fcc_status blob_get(blob_store *store, const char *cid, const uint8_t key[BLOB_KEY_LEN], fcc__arena *arena,
                    fcc_bytes *out, fcc_error *error) FCC_MUST_CHECK;

/* What is stored under a CID, verified block by block. */
typedef struct blob_info {
    uint64_t size;   /* bytes as they were stored: nonce, ciphertext, tag */
    char sha256[65]; /* of these */
    size_t blocks;
    uint64_t block_bytes; /* of all blocks, nodes of the tree included */
} blob_info;

/* As blob_get, without a key: whether the blob is here and intact. */
fcc_status blob_stat(blob_store *store, const char *cid, blob_info *out, fcc_error *error) FCC_MUST_CHECK;
/* The stored bytes, still encrypted, into the arena. As blob_get. */
fcc_status blob_read(blob_store *store, const char *cid, fcc__arena *arena, fcc_bytes *out,
                     fcc_error *error) FCC_MUST_CHECK;
/* The address that IPFS gives these bytes, at most BLOB_MAX; nothing is stored. */
fcc_status blob_address(fcc_bytes stored, char cid[BLOB_CID_MAX], fcc_error *error) FCC_MUST_CHECK;

/*
 * Take a blob away again, with all its blocks, which are no other's: each blob's bytes are random. On a node it loses its
 * pin. As blob_stat.
 */
fcc_status blob_drop(blob_store *store, const char *cid, fcc_error *error) FCC_MUST_CHECK;

/*
 * Look at every block of a directory. `on_damaged` (may be NULL) is told of those that are not what their names say.
 * FCC_ERR_ARG: a node, which does not tell what it has.
 */
fcc_status blob_check(blob_store *store, void (*on_damaged)(void *ctx, const char *cid), void *ctx, size_t *checked,
                      size_t *damaged, fcc_error *error) FCC_MUST_CHECK;

/* Where a directory has a block, for those who want to look at (or damage) the file. false past the size, or a node. */
bool blob_path(const blob_store *store, const char *cid, char *out, size_t size);

/* ---- data keys and custody ---- */

/* A custody key pair, from a PEM file with an X25519 private key. */
typedef struct blob_custody blob_custody;

fcc_status blob_custody_load(const char *path, blob_custody **out, fcc_error *error) FCC_MUST_CHECK;
fcc_status blob_custody_parse(fcc_bytes pem, const char *name, blob_custody **out, fcc_error *error) FCC_MUST_CHECK;
void blob_custody_free(blob_custody *custody);                   /* takes NULL */
const uint8_t *blob_custody_public(const blob_custody *custody); /* 32 bytes */

/*
 * Seal a data key to a custody key: an ephemeral X25519 key, HKDF-SHA256 over the shared secret (salt: both public
 * keys), AES-256-GCM. `out` gets BLOB_SEALED_HEX digits (ephemeral public key, nonce, ciphertext, tag) and a terminator.
 */
fcc_status blob_seal(const uint8_t custody_public[32], const uint8_t key[BLOB_KEY_LEN], char out[BLOB_SEALED_HEX + 1],
                     fcc_error *error) FCC_MUST_CHECK;
/* FCC_ERR_ARG not a sealed key; FCC_ERR_AUTH damaged, or sealed to another custody key. */
fcc_status blob_unseal(const blob_custody *custody, fcc_bytes sealed_hex, uint8_t key[BLOB_KEY_LEN],
                       fcc_error *error) FCC_MUST_CHECK;

/* ---- data keys on their way to a reader ---- */

enum { BLOB_RELEASED_MAX = 97 + 12 + BLOB_KEY_LEN + 16 };

/*
 * Seal a data key to the key of a certificate (ECDSA, P-256 or P-384): an ephemeral key of the same curve, ECDH,
 * HKDF-SHA256 (salt: both public points; info: "medsync release 1", 0x00, `context`), AES-256-GCM. `out` gets the
 * ephemeral point (uncompressed), nonce, ciphertext and tag: what was sealed for one context opens in no other.
 * FCC_ERR_ARG: no such certificate.
 */
fcc_status blob_release(fcc_bytes cert_pem, fcc_bytes context, const uint8_t key[BLOB_KEY_LEN],
                        uint8_t out[BLOB_RELEASED_MAX], size_t *len, fcc_error *error) FCC_MUST_CHECK;
/* FCC_ERR_ARG: no such key; FCC_ERR_AUTH: damaged, sealed to another key or for another context. */
fcc_status blob_accept(fcc_bytes key_pem, fcc_bytes context, fcc_bytes released, uint8_t key[BLOB_KEY_LEN],
                       fcc_error *error) FCC_MUST_CHECK;
/* SHA-256 of a certificate's SubjectPublicKeyInfo, lower hex: how the ledger names a key. FCC_ERR_ARG. */
fcc_status blob_fingerprint(fcc_bytes cert_pem, char out[65], fcc_error *error) FCC_MUST_CHECK;

/* Overwrite secrets in a way that is not optimised away. */
void blob_wipe(void *data, size_t len);

#endif
