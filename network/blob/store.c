/* Blobs: encrypted, cut into blocks, and each block verified when it comes back. */
#include "blob/backend.h"
#include "blob/blob.h"
#include "blob/seal.h"
#include "blob/unixfs.h"

#include "base/hash.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct blob_store {
    const blob__backend *backend;
    void *self;
};

static bool is_url(const char *where)
{
    return !strncmp(where, "http://", 7) || !strncmp(where, "https://", 8);
}

fcc_status blob_open(const char *where, blob_store **out, fcc_error *error)
{
    blob_store *s = calloc(1, sizeof(*s));
    fcc_status st;

    if (!s)
        return fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
    s->backend = is_url(where) ? &blob__ipfs : &blob__dir;
    st = is_url(where) ? blob__ipfs_open(where, &s->self, error) : blob__dir_open(where, &s->self, error);
    if (st != FCC_OK) {
        free(s);
        return st;
    }
    *out = s;
    return FCC_OK;
}

void blob_close(blob_store *s)
{
    if (!s)
        return;
    s->backend->close(s->self);
    free(s);
}

bool blob_path(const blob_store *s, const char *cid, char *out, size_t size)
{
    return s->backend == &blob__dir && blob__dir_path(s->self, cid, out, size);
}

fcc_status blob_sync(blob_store *s, fcc_error *error)
{
    return s->backend->sync(s->self, error);
}

static void hex_digest(fcc_bytes bytes, char out[65])
{
    fcc__sha256 digest = fcc__sha256_of(bytes);
    size_t i;

    for (i = 0; i < FCC__SHA256_LEN; i++)
        snprintf(out + 2 * i, 3, "%02x", digest.bytes[i]);
}

/* ---- storing ---- */

static fcc_status put_block(void *ctx, const char *cid, uint64_t codec, fcc_bytes block, bool root, fcc_error *error)
{
    const blob_store *s = ctx;

    return s->backend->put(s->self, cid, codec, block, root, error);
}

fcc_status blob_put(blob_store *s, fcc_bytes content, blob_ref *out, fcc_error *error)
{
    fcc_status st = FCC_ERR_NOMEM;
    uint8_t *stored = NULL;
    blob__tree tree;
    blob_ref ref;
    size_t size;

    memset(&ref, 0, sizeof(ref));
    if (content.len == 0)
        return fcc_error_set(error, FCC_ERR_ARG, "there is no content to store");
    if (content.len > BLOB_MAX - BLOB_OVERHEAD)
        return fcc_error_set(error, FCC_ERR_LIMIT, "%zu bytes: a blob holds at most %d", content.len,
                             BLOB_MAX - BLOB_OVERHEAD);
    size = content.len + BLOB_OVERHEAD;
    stored = malloc(size);
    if (!stored) {
        fcc_error_set(error, st, "out of memory");
        goto out;
    }
    st = FCC_ERR_INTERNAL;
    if (RAND_bytes(ref.key, BLOB_KEY_LEN) != 1 || !blob__encrypt(ref.key, content, stored)) {
        fcc_error_set(error, st, "OpenSSL cannot encrypt");
        goto out;
    }
    ref.size = size;
    hex_digest(fcc_bytes_of(stored, size), ref.sha256);
    if ((st = blob__add(fcc_bytes_of(stored, size), put_block, s, &tree, error)) != FCC_OK)
        goto out;
    memcpy(ref.cid, tree.root, sizeof(ref.cid));
    *out = ref;
out:
    blob_wipe(&ref, sizeof(ref));
    free(stored);
    return st;
}

fcc_status blob_address(fcc_bytes stored, char cid[BLOB_CID_MAX], fcc_error *error)
{
    blob__tree tree;
    fcc_status st;

    if (stored.len > BLOB_MAX)
        return fcc_error_set(error, FCC_ERR_LIMIT, "%zu bytes: a blob holds at most %d", stored.len, BLOB_MAX);
    if ((st = blob__add(stored, NULL, NULL, &tree, error)) == FCC_OK)
        memcpy(cid, tree.root, sizeof(tree.root));
    return st;
}

/* ---- reading ---- */

typedef struct reading {
    const blob_store *store;
    const char *root;
} reading;

static fcc_status get_block(void *ctx, const char *cid, uint8_t **block, size_t *len, fcc_error *error)
{
    const reading *r = ctx;
    bool is_root = strcmp(cid, r->root) == 0;
    uint8_t want[32];
    fcc__sha256 have;
    uint64_t codec;
    fcc_error why = { 0 };
    fcc_status st;

    if (blob_cid_parse(cid, &codec, want) != FCC_OK)
        return fcc_error_set(error, FCC_ERR_ARG, "%s is no CID of this store", cid);
    /* the blocks of before there were trees are one leaf, however large */
    st = r->store->backend->get(r->store->self, cid, BLOB_MAX, block, len, &why);
    if (st != FCC_OK)
        return fcc_error_set(error, st, "blob %s%s%s%s: %s", r->root, st == FCC_ERR_CORRUPT ? " is damaged" : "",
                             is_root ? "" : ": block ", is_root ? "" : cid, why.text);
    have = fcc__sha256_of(fcc_bytes_of(*block, *len));
    if (memcmp(have.bytes, want, sizeof(want)) != 0) {
        free(*block);
        return fcc_error_set(error, FCC_ERR_CORRUPT, "blob %s is damaged: %s%s%s to its name", r->root,
                             is_root ? "" : "block ", is_root ? "" : cid,
                             is_root ? "its bytes do not hash" : " does not hash");
    }
    return FCC_OK;
}

static fcc_status read_stored(blob_store *s, const char *cid, blob__content *out, fcc_error *error)
{
    reading r = { s, cid };
    fcc_status st = blob__cat(cid, get_block, &r, out, error);

    if (st == FCC_OK && out->len < BLOB_OVERHEAD) {
        free(out->bytes);
        st = fcc_error_set(error, FCC_ERR_CORRUPT, "blob %s is no encrypted content: %zu bytes", cid, out->len);
    }
    return st;
}

fcc_status blob_read(blob_store *s, const char *cid, fcc__arena *arena, fcc_bytes *out, fcc_error *error)
{
    blob__content stored;
    fcc_status st = read_stored(s, cid, &stored, error);

    if (st != FCC_OK)
        return st;
    if (!fcc__arena_copy(arena, fcc_bytes_of(stored.bytes, stored.len), out))
        st = fcc_error_set(error, FCC_ERR_LIMIT, "blob %s: out of memory", cid);
    free(stored.bytes);
    return st;
}

fcc_status blob_stat(blob_store *s, const char *cid, blob_info *out, fcc_error *error)
{
    blob__content stored;
    fcc_status st = read_stored(s, cid, &stored, error);

    if (st != FCC_OK)
        return st;
    out->size = stored.len;
    out->blocks = stored.blocks;
    out->block_bytes = stored.stored;
    hex_digest(fcc_bytes_of(stored.bytes, stored.len), out->sha256);
    free(stored.bytes);
    return FCC_OK;
}

fcc_status blob_get(blob_store *s, const char *cid, const uint8_t key[BLOB_KEY_LEN], fcc__arena *arena, fcc_bytes *out,
                    fcc_error *error)
{
    blob__content stored;
    fcc_status st = read_stored(s, cid, &stored, error);
    uint8_t *plain;

    if (st != FCC_OK)
        return st;
    plain = fcc__arena_alloc(arena, stored.len);
    if (!plain) {
        st = fcc_error_set(error, FCC_ERR_LIMIT, "blob %s: out of memory", cid);
        goto out;
    }
    if (!blob__decrypt(key, fcc_bytes_of(stored.bytes, stored.len), plain)) {
        st = fcc_error_set(error, FCC_ERR_AUTH, "blob %s: this data key does not open it", cid);
        goto out;
    }
    *out = fcc_bytes_of(plain, stored.len - BLOB_OVERHEAD);
out:
    free(stored.bytes);
    return st;
}

/* ---- taking back ---- */

typedef struct dropping {
    reading reading;
    char (*cids)[BLOB_CID_MAX];
    size_t n, cap;
} dropping;

/* Reads as get_block does, and notes what it has read. */
static fcc_status note_block(void *ctx, const char *cid, uint8_t **block, size_t *len, fcc_error *error)
{
    dropping *d = ctx;
    fcc_status st = get_block(&d->reading, cid, block, len, error);
    size_t cap = d->cap ? 2 * d->cap : 16;
    void *more;

    if (st == FCC_OK && d->n == d->cap) {
        if (!(more = realloc(d->cids, cap * sizeof(*d->cids)))) {
            free(*block);
            return fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
        }
        d->cids = more;
        d->cap = cap;
    }
    if (st == FCC_OK)
        snprintf(d->cids[d->n++], BLOB_CID_MAX, "%s", cid);
    return st;
}

fcc_status blob_drop(blob_store *s, const char *cid, fcc_error *error)
{
    dropping d = { .reading = { s, cid } };
    blob__content content;
    fcc_status st = blob__cat(cid, note_block, &d, &content, error);
    size_t i;

    if (st == FCC_OK)
        free(content.bytes);
    for (i = 0; st == FCC_OK && i < d.n; i++)
        st = s->backend->drop(s->self, d.cids[i], i == 0, error);
    free(d.cids);
    return st;
}

/* ---- everything that is there ---- */

typedef struct checking {
    const blob_store *store;
    void (*on_damaged)(void *ctx, const char *cid);
    void *ctx;
    size_t checked, damaged;
} checking;

static bool check_one(void *ctx, const char *cid)
{
    checking *c = ctx;
    reading r = { c->store, cid };
    uint8_t *block;
    size_t len;

    c->checked++;
    if (get_block(&r, cid, &block, &len, NULL) == FCC_OK) {
        free(block);
    } else {
        c->damaged++;
        if (c->on_damaged)
            c->on_damaged(c->ctx, cid);
    }
    return true;
}

fcc_status blob_check(blob_store *s, void (*on_damaged)(void *ctx, const char *cid), void *ctx, size_t *checked,
                      size_t *damaged, fcc_error *error)
{
    checking c = { s, on_damaged, ctx, 0, 0 };
    fcc_status st;

    if (!s->backend->each)
        return fcc_error_set(error, FCC_ERR_ARG, "a node does not tell which blobs it has: name them");
    st = s->backend->each(s->self, check_one, &c, error);
    if (st != FCC_OK)
        return st;
    *checked = c.checked;
    *damaged = c.damaged;
    return FCC_OK;
}
