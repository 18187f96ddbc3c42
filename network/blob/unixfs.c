/* The balanced tree of raw leaves, forth and back. */
#include "blob/unixfs.h"
#include "blob/id.h"

#include "protos/unpack.h"

#include "ipfs/merkledag.pb-c.h"
#include "ipfs/unixfs.pb-c.h"

#include <stdlib.h>
#include <string.h>

enum { NODE_ARENA_MAX = 4 << 20, CID_BINARY = 36, BLOCKS_MAX = 4096 };

/* ---- dag-pb ---- */

/* Links first, then data: two messages, because protobuf-c writes fields by their numbers. */
static fcc_status pack_node(Merkledag__PBLink **links, size_t n, const ProtobufCBinaryData *data, fcc__arena *arena,
                            fcc_bytes *out)
{
    Merkledag__PBNode first = MERKLEDAG__PBNODE__INIT, second = MERKLEDAG__PBNODE__INIT;
    fcc_bytes a, b;
    uint8_t *both;
    fcc_status st;

    first.links = links;
    first.n_links = n;
    if (data) {
        second.has_data = true;
        second.data = *data;
    }
    if ((st = fcc__pack(&first, arena, &a)) != FCC_OK || (st = fcc__pack(&second, arena, &b)) != FCC_OK)
        return st;
    both = fcc__arena_alloc(arena, a.len + b.len);
    if (!both)
        return FCC_ERR_LIMIT;
    if (a.len)
        memcpy(both, a.data, a.len);
    if (b.len)
        memcpy(both + a.len, b.data, b.len);
    *out = fcc_bytes_of(both, a.len + b.len);
    return FCC_OK;
}

fcc_status blob__node_again(fcc_bytes block, fcc__arena *arena, fcc_bytes *out)
{
    Merkledag__PBNode *node;
    fcc_status st = FCC__UNPACK(merkledag__pbnode, block, arena, &node);

    return st == FCC_OK ? pack_node(node->links, node->n_links, node->has_data ? &node->data : NULL, arena, out) : st;
}

fcc_status blob__node_parse(fcc_bytes block, fcc__arena *arena, blob__node *out)
{
    Merkledag__PBNode *node;
    Unixfs__Data *data;
    blob__link *links;
    fcc_status st = FCC__UNPACK(merkledag__pbnode, block, arena, &node);
    size_t i;

    if (st != FCC_OK)
        return st;
    if (!node->has_data)
        return FCC_ERR_PROTO;
    if ((st = FCC__UNPACK(unixfs__data, fcc__of_pb(node->data), arena, &data)) != FCC_OK)
        return st;
    links = fcc__arena_zalloc(arena, node->n_links + 1, sizeof(*links));
    if (!links)
        return FCC_ERR_LIMIT;
    for (i = 0; i < node->n_links; i++) {
        links[i].cid = fcc__of_pb(node->links[i]->hash);
        links[i].tsize = node->links[i]->tsize;
    }
    out->type = (int)data->type;
    out->data = fcc__of_pb(data->data);
    out->filesize = data->has_filesize ? data->filesize : data->data.len;
    out->links = links;
    out->link_count = node->n_links;
    out->sizes = data->blocksizes;
    out->size_count = data->n_blocksizes;
    return FCC_OK;
}

/* ---- cutting up ---- */

/* What a parent needs to know of its child. */
typedef struct child {
    uint8_t cid[CID_BINARY];
    uint64_t content; /* bytes of the file below */
    uint64_t tsize;   /* bytes of the blocks */
} child;

typedef struct adding {
    blob__on_block on_block;
    void *ctx;
    blob__tree *tree;
    fcc_error *error;
} adding;

/* version 1, codec (one byte), SHA-256, 32 bytes */
static void binary_cid(const char *cid, uint8_t out[CID_BINARY])
{
    uint64_t codec;

    out[0] = 1;
    out[2] = BLOB_HASH_SHA256;
    out[3] = 32;
    if (blob_cid_parse(cid, &codec, out + 4) == FCC_OK)
        out[1] = (uint8_t)codec;
}

static fcc_status emit(adding *a, uint64_t codec, fcc_bytes block, bool root, child *out)
{
    char cid[BLOB_CID_MAX];

    blob_cid(codec, block, cid);
    binary_cid(cid, out->cid);
    a->tree->blocks++;
    a->tree->stored += block.len;
    if (root)
        memcpy(a->tree->root, cid, sizeof(cid));
    return a->on_block ? a->on_block(a->ctx, cid, codec, block, root, a->error) : FCC_OK;
}

static fcc_status emit_node(adding *a, const child *children, size_t n, bool root, fcc__arena *arena, child *out)
{
    Merkledag__PBLink *links[BLOB__LINKS], link[BLOB__LINKS];
    uint64_t sizes[BLOB__LINKS];
    Unixfs__Data data = UNIXFS__DATA__INIT;
    ProtobufCBinaryData packed;
    fcc_bytes bytes;
    fcc_status st;
    size_t i;

    out->content = out->tsize = 0;
    for (i = 0; i < n; i++) {
        merkledag__pblink__init(&link[i]);
        link[i].has_hash = link[i].has_name = link[i].has_tsize = true;
        link[i].hash = fcc__pb(fcc_bytes_of(children[i].cid, CID_BINARY));
        link[i].tsize = children[i].tsize;
        links[i] = &link[i];
        sizes[i] = children[i].content;
        out->content += children[i].content;
        out->tsize += children[i].tsize;
    }
    data.type = UNIXFS__DATA__DATA_TYPE__FILE;
    data.has_filesize = true;
    data.filesize = out->content;
    data.blocksizes = sizes;
    data.n_blocksizes = n;
    fcc__arena_reset(arena);
    if ((st = fcc__pack(&data, arena, &bytes)) != FCC_OK)
        return fcc_error_set(a->error, st, "a node does not fit into memory");
    packed = fcc__pb(bytes);
    if ((st = pack_node(links, n, &packed, arena, &bytes)) != FCC_OK)
        return fcc_error_set(a->error, st, "a node does not fit into memory");
    out->tsize += bytes.len;
    return emit(a, BLOB__CODEC_DAG_PB, bytes, root, out);
}

fcc_status blob__add(fcc_bytes content, blob__on_block on_block, void *ctx, blob__tree *out, fcc_error *error)
{
    size_t n = content.len ? (content.len + BLOB__CHUNK - 1) / BLOB__CHUNK : 1, i, above;
    fcc__arena *arena = fcc__arena_new(NODE_ARENA_MAX);
    child *level = calloc(n, sizeof(*level)), next;
    blob__tree tree = { 0 };
    adding a = { on_block, ctx, &tree, error };
    fcc_status st = FCC_OK;

    if (!arena || !level) {
        st = fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
        goto out;
    }
    for (i = 0; st == FCC_OK && i < n; i++) {
        size_t at = i * BLOB__CHUNK, len = content.len - at < BLOB__CHUNK ? content.len - at : BLOB__CHUNK;

        level[i].content = level[i].tsize = len;
        st = emit(&a, BLOB_CODEC_RAW, fcc_bytes_of(len ? content.data + at : NULL, len), n == 1, &level[i]);
    }
    /* each round puts a node above every 174, in the place of the first of them */
    for (; st == FCC_OK && n > 1; n = above) {
        above = (n + BLOB__LINKS - 1) / BLOB__LINKS;
        for (i = 0; st == FCC_OK && i < above; i++) {
            size_t first = i * BLOB__LINKS, some = n - first < BLOB__LINKS ? n - first : BLOB__LINKS;

            st = emit_node(&a, level + first, some, above == 1, arena, &next);
            level[i] = next;
        }
    }
    if (st == FCC_OK)
        *out = tree;
out:
    free(level);
    fcc__arena_free(arena);
    return st;
}

/* ---- putting together ---- */

typedef struct joining {
    const char *root;
    blob__fetch fetch;
    void *ctx;
    blob__content content;
    size_t cap;
    fcc_error *error;
} joining;

static fcc_status append(joining *j, fcc_bytes bytes)
{
    size_t cap = j->cap;
    uint8_t *more;

    if (bytes.len > BLOB_MAX - j->content.len)
        return fcc_error_set(j->error, FCC_ERR_LIMIT, "blob %s: more than %d bytes", j->root, BLOB_MAX);
    while (cap < j->content.len + bytes.len)
        cap = cap ? 2 * cap : BLOB__CHUNK;
    if (cap != j->cap) {
        if (!(more = realloc(j->content.bytes, cap)))
            return fcc_error_set(j->error, FCC_ERR_NOMEM, "blob %s: out of memory", j->root);
        j->content.bytes = more;
        j->cap = cap;
    }
    if (bytes.len)
        memcpy(j->content.bytes + j->content.len, bytes.data, bytes.len);
    j->content.len += bytes.len;
    return FCC_OK;
}

static fcc_status no_file(joining *j, const char *cid, const char *why)
{
    return fcc_error_set(j->error, FCC_ERR_CORRUPT, "blob %s is no file: block %s %s", j->root, cid, why);
}

static fcc_status join(joining *j, const char *cid, int depth);

static fcc_status join_node(joining *j, const char *cid, fcc_bytes block, int depth)
{
    fcc__arena *arena = fcc__arena_new(NODE_ARENA_MAX);
    size_t before = j->content.len, i, used;
    fcc_status st;
    blob__node node;
    blob_id id;

    if (!arena)
        return fcc_error_set(j->error, FCC_ERR_NOMEM, "blob %s: out of memory", j->root);
    st = blob__node_parse(block, arena, &node);
    if (st == FCC_ERR_LIMIT)
        fcc_error_set(j->error, st, "blob %s: block %s is too large", j->root, cid);
    else if (st != FCC_OK)
        st = no_file(j, cid, "is no node of a file");
    else if (node.type != UNIXFS__DATA__DATA_TYPE__FILE && node.type != UNIXFS__DATA__DATA_TYPE__RAW)
        st = no_file(j, cid, "is a directory or something else than a file's");
    else if (node.size_count != node.link_count)
        st = no_file(j, cid, "has not one size for each link");
    else
        st = append(j, node.data);
    for (i = 0; st == FCC_OK && i < node.link_count; i++) {
        size_t at = j->content.len;
        const char *text;

        if (blob_id_parse(node.links[i].cid, &id, &used) != FCC_OK || used != node.links[i].cid.len ||
            !(text = blob_id_text(&id, arena)))
            st = no_file(j, cid, "links to something that is no block");
        else if ((st = join(j, text, depth + 1)) == FCC_OK && j->content.len - at != node.sizes[i])
            st = no_file(j, cid, "gives a link another size than it has");
    }
    if (st == FCC_OK && j->content.len - before != node.filesize)
        st = no_file(j, cid, "gives the file another size than it has");
    fcc__arena_free(arena);
    return st;
}

static fcc_status join(joining *j, const char *cid, int depth)
{
    uint8_t digest[32], *block = NULL;
    uint64_t codec;
    size_t len = 0;
    fcc_status st;

    if (blob_cid_parse(cid, &codec, digest) != FCC_OK || (codec != BLOB_CODEC_RAW && codec != BLOB__CODEC_DAG_PB))
        return depth ? no_file(j, cid, "is of a kind that files do not have")
                     : fcc_error_set(j->error, FCC_ERR_ARG,
                                     "%s is no CID of this store (CIDv1, raw or dag-pb, SHA-256, base32)", cid);
    if (depth > BLOB__DEPTH_MAX || j->content.blocks >= BLOCKS_MAX)
        return no_file(j, cid, "lies too deep, or has too many before it");
    if ((st = j->fetch(j->ctx, cid, &block, &len, j->error)) != FCC_OK)
        return st;
    j->content.blocks++;
    j->content.stored += len;
    st = codec == BLOB_CODEC_RAW ? append(j, fcc_bytes_of(block, len))
                                 : join_node(j, cid, fcc_bytes_of(block, len), depth);
    free(block);
    return st;
}

fcc_status blob__cat(const char *root, blob__fetch fetch, void *ctx, blob__content *out, fcc_error *error)
{
    joining j = { .root = root, .fetch = fetch, .ctx = ctx, .error = error };
    fcc_status st = join(&j, root, 0);

    if (st != FCC_OK) {
        free(j.content.bytes);
        return st;
    }
    *out = j.content;
    return FCC_OK;
}
