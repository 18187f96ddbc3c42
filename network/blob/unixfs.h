/*
 * unixfs.h: content as a tree of blocks, cut exactly as `ipfs add --cid-version=1 --raw-leaves` cuts it, so that the same
 * bytes have the same address here and on any IPFS node: leaves of 256 KiB (codec raw), above them nodes of up to 174
 * links (codec dag-pb, UnixFS), all leaves equally deep. One leaf alone is its own root.
 */
#ifndef NETWORK_BLOB_UNIXFS_H
#define NETWORK_BLOB_UNIXFS_H

#include "blob/blob.h"

enum { BLOB__CHUNK = 256 << 10, BLOB__LINKS = 174, BLOB__CODEC_DAG_PB = 0x70, BLOB__DEPTH_MAX = 8 };

/* A block on its way into a store; children come before their parents, the root last. Borrowed until return. */
typedef fcc_status (*blob__on_block)(void *ctx, const char *cid, uint64_t codec, fcc_bytes block, bool root,
                                     fcc_error *error);

/* What addressing found out. */
typedef struct blob__tree {
    char root[BLOB_CID_MAX];
    size_t blocks;
    uint64_t stored; /* bytes of all blocks */
} blob__tree;

/* Cut content up. `on_block` may be NULL: only the address is wanted. What `on_block` returns ends it. */
fcc_status blob__add(fcc_bytes content, blob__on_block on_block, void *ctx, blob__tree *out, fcc_error *error);

/* A block by its CID, verified against it; malloc'ed. */
typedef fcc_status (*blob__fetch)(void *ctx, const char *cid, uint8_t **block, size_t *len, fcc_error *error);

typedef struct blob__content {
    uint8_t *bytes; /* malloc'ed, the caller's */
    size_t len;
    size_t blocks;
    uint64_t stored;
} blob__content;

/*
 * Put the content below a root together again. `root` is as the user named it, for errors.
 *
 * @return FCC_OK
 *         FCC_ERR_ARG      no CID of a file: CIDv1 in base32, SHA-256, codec raw or dag-pb
 *         FCC_ERR_CORRUPT  intact blocks that are no file: directories, sizes that do not add up, too deep a tree
 *         FCC_ERR_LIMIT    more than BLOB_MAX
 *         what `fetch` returns
 */
fcc_status blob__cat(const char *root, blob__fetch fetch, void *ctx, blob__content *out, fcc_error *error);

/* ---- single nodes ---- */

typedef struct blob__link {
    fcc_bytes cid; /* binary */
    uint64_t tsize;
} blob__link;

/* A node of a file, read. Everything is in the arena. FCC_ERR_PROTO: no dag-pb node, or its data are no UnixFS. */
typedef struct blob__node {
    int type;
    fcc_bytes data; /* content in the node itself, before that of its links */
    uint64_t filesize;
    const blob__link *links;
    size_t link_count;
    const uint64_t *sizes; /* of the content below each link; as many as links in a file */
    size_t size_count;
} blob__node;

fcc_status blob__node_parse(fcc_bytes block, fcc__arena *arena, blob__node *out);
/* The bytes of any dag-pb node: its links as they are, then its data. */
fcc_status blob__node_again(fcc_bytes block, fcc__arena *arena, fcc_bytes *out);

#endif
