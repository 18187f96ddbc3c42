/* backend.h: where blocks lie: a directory, or an IPFS node. store.c makes blobs of them and verifies what they give. */
#ifndef NETWORK_BLOB_BACKEND_H
#define NETWORK_BLOB_BACKEND_H

#include "blob/blob.h"

typedef struct blob__backend {
    /* Readers see the block whole or not at all. `root`: all blocks below it have been put. */
    fcc_status (*put)(void *self, const char *cid, uint64_t codec, fcc_bytes block, bool root, fcc_error *error);
    /*
     * At most `max` bytes, malloc'ed, not verified yet; `cid` is one that blob_cid_parse takes. FCC_ERR_NOT_FOUND,
     * FCC_ERR_CORRUPT for what is larger.
     */
    fcc_status (*get)(void *self, const char *cid, size_t max, uint8_t **block, size_t *len, fcc_error *error);
    /* The block, and on a node everything below it, need not be kept. What is not there is fine. */
    fcc_status (*drop)(void *self, const char *cid, bool root, fcc_error *error);
    fcc_status (*sync)(void *self, fcc_error *error);
    /* Every block's CID, in any order; NULL where nobody can know. false from `on_cid` ends it. */
    fcc_status (*each)(void *self, bool (*on_cid)(void *ctx, const char *cid), void *ctx, fcc_error *error);
    void (*close)(void *self); /* takes NULL */
} blob__backend;

extern const blob__backend blob__dir;
extern const blob__backend blob__ipfs;

fcc_status blob__dir_open(const char *dir, void **out, fcc_error *error);
bool blob__dir_path(const void *self, const char *cid, char *out, size_t size);
/* `url` is http://HOST:PORT of a node's API. Nothing is asked yet. */
fcc_status blob__ipfs_open(const char *url, void **out, fcc_error *error);

#endif
