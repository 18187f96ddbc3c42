/*
 * Files from an IPFS node that nobody trusts: single nodes, and a tree of them. Each block of the input has its length
 * before it, two bytes, low one first; whatever is asked for, the next one is the answer, as if every hash were right.
 */
#include "fuzz.h"

#include "base/require.h"
#include "blob/unixfs.h"

#include <stdlib.h>
#include <string.h>

enum { ROOM = 8 << 20 };

typedef struct blocks {
    const uint8_t *at;
    size_t left;
    size_t served, bytes;
} blocks;

static bool next(blocks *b, fcc_bytes *out)
{
    size_t len;

    if (b->left < 2)
        return false;
    len = (size_t)b->at[0] | (size_t)b->at[1] << 8;
    len = len < b->left - 2 ? len : b->left - 2;
    *out = fcc_bytes_of(b->at + 2, len);
    b->at += 2 + len;
    b->left -= 2 + len;
    return true;
}

static fcc_status fetch(void *ctx, const char *cid, uint8_t **block, size_t *len, fcc_error *error)
{
    blocks *b = ctx;
    fcc_bytes bytes;

    FCC_REQUIRE(cid[0] == 'b' && strlen(cid) < BLOB_CID_MAX);
    if (!next(b, &bytes))
        return fcc_error_set(error, FCC_ERR_NOT_FOUND, "block %s is missing", cid);
    *block = malloc(bytes.len + 1);
    FCC_REQUIRE(*block);
    if (bytes.len)
        memcpy(*block, bytes.data, bytes.len);
    *len = bytes.len;
    b->served++;
    b->bytes += bytes.len;
    return FCC_OK;
}

static void single(fcc_bytes block)
{
    fcc__arena *arena = fcc__arena_new(ROOM);
    fcc_bytes once, twice;
    blob__node node;

    FCC_REQUIRE(arena);
    if (blob__node_parse(block, arena, &node) == FCC_OK) {
        FCC_REQUIRE(node.data.len <= block.len);
        for (size_t i = 0; i < node.link_count; i++)
            FCC_REQUIRE(node.links[i].cid.len <= block.len);
    }
    if (blob__node_again(block, arena, &once) == FCC_OK)
        FCC_REQUIRE(blob__node_again(once, arena, &twice) == FCC_OK && fcc_bytes_equal(once, twice));
    fcc__arena_free(arena);
}

static void tree(const uint8_t *data, size_t size)
{
    blocks b = { .at = data, .left = size };
    blob__content content;
    fcc_error error = { .status = FCC_OK };
    char root[BLOB_CID_MAX];
    fcc_status st;

    blob_cid(BLOB__CODEC_DAG_PB, FCC_LIT("any"), root);
    st = blob__cat(root, fetch, &b, &content, &error);
    FCC_REQUIRE(st == FCC_OK || error.text[0]);
    if (st != FCC_OK)
        return;
    FCC_REQUIRE(content.blocks == b.served && content.stored == b.bytes && content.len <= b.bytes);
    free(content.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    blocks b = { .at = data, .left = size };
    fcc_bytes block;

    while (next(&b, &block))
        single(block);
    tree(data, size);
    return 0;
}
