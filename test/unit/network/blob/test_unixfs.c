/* The tree of blocks: addresses by the importer of IPFS itself, and trees that are none. */
#include "blob/unixfs.h"
#include "blob/id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The content that the table's addresses are of: xorshift64, eight bytes a round, little-endian. */
static uint8_t *content_of(size_t n)
{
    uint8_t *out = malloc(n + 8);
    uint64_t x = 88172645463325252u;
    size_t i, k;

    assert_non_null(out);
    for (i = 0; i < n; i += 8) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        for (k = 0; k < 8; k++)
            out[i + k] = (uint8_t)(x >> (8 * k));
    }
    return out;
}

/*
 * Computed with boxo 0.24.0, which is kubo's importer: balanced layout, 174 links, size splitter of 262144 bytes, raw
 * leaves, CID version 1; the same as `ipfs add --cid-version=1 --raw-leaves`.
 */
static const struct {
    size_t size;
    const char *cid;
} known[] = {
    { 0, "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku" },
    { 1, "bafkreihu7f6irraj3tzxrg23kgg2h56sm3ciqbtos6tany4kcudxtcahgu" },
    { 28, "bafkreifkdnbpzhfbytww2dszfvbolnmx3j6ewct5o76ipac4mmb2ukfulm" },
    { 1000, "bafkreia7gs4lixgblrt7vegxkrzlnypme6goqa5shh3jm4ttwx4bhfv5ne" },
    { 262143, "bafkreigpu3qdvhpe5ijcy6nic5scsj43x5ykw7phy5zqy2wtkmfl53c76m" },
    { 262144, "bafkreifuc2hedxmcpw7cqec4ldxj7pz2y575zidhdarquyvhum7ljbsiuu" },
    { 262145, "bafybeich6cno4hub6j6fr4uf2ijd2blrq6vbbtvuyb7wvfsfs4lf4dt2ne" },
    { 524288, "bafybeibdixvqiuskyhzg44itxz7nc2d3s3rih77vmr652dwsd6xzikzvey" },
    { 524289, "bafybeif7ttq7675skmqo6keknhy22ddht3ytf2ymmkmanowh74kbenonku" },
    { 1000000, "bafybeia4ltf2wtykqilq4gww5k2mlt6nt5hggcmdpep4khgx2nzu3h3ojm" },
    { 10000000, "bafybeidxx7757dlzlt5izaobo6xgvqstsiwme3wijpcewo3kaxhjwzrx4a" },
    { 45613055, "bafybeih55uorgw2mcbgnlefms33mvnfpkcucd444tmz6kgcqmt6gx2l5ba" },
    { 45613056, "bafybeibrjraln5nwlzwvljniqre2apvzy3q5jbajs7npwp6nzem643bw2y" },
    { 45613057, "bafybeiccf6zs5x235hfkslmbeybl6jdxnk2vfpjld56binc2wzxofcoghu" }, /* a second level from here on */
    { 45875205, "bafybeidv2tlsygswl7w43swuaginnm2qa4dh57bfqxkist6bg2lzcu7due" },
    { 67108863, "bafybeiaxu7j2qhhiv6fk7wlbafau2ofaxaxlq532w72x2kw3p6l5yvg7cq" },
    { 67108864, "bafybeie7l4g4ov7cbgu3aja2lyu2kglhatnb5ir5tdij5vzu4fwp6ljfoq" },
};

static void content_has_the_address_that_ipfs_gives_it(void **state)
{
    size_t i, last = sizeof(known) / sizeof(known[0]) - 1;
    uint8_t *content = content_of(known[last].size);
    blob__tree tree;
    fcc_error error;

    for (i = 0; i <= last; i++) {
        assert_int_equal(blob__add(fcc_bytes_of(content, known[i].size), NULL, NULL, &tree, &error), FCC_OK);
        assert_string_equal(tree.root, known[i].cid);
    }
    free(content);
}

/* ---- a few blocks in memory ---- */

enum { SHELF = 600 };

typedef struct shelf {
    struct shelf_block {
        char cid[BLOB_CID_MAX];
        uint8_t *data;
        size_t len;
    } blocks[SHELF];
    size_t n, fetched;
    size_t roots;
} shelf;

static fcc_status put(void *ctx, const char *cid, uint64_t codec, fcc_bytes block, bool root, fcc_error *error)
{
    shelf *s = ctx;
    struct shelf_block *b = &s->blocks[s->n];

    assert_true(s->n < SHELF);
    snprintf(b->cid, sizeof(b->cid), "%s", cid);
    b->data = malloc(block.len + 1);
    if (block.len)
        memcpy(b->data, block.data, block.len);
    b->len = block.len;
    s->n++;
    s->roots += root;
    return FCC_OK;
}

static fcc_status get(void *ctx, const char *cid, uint8_t **block, size_t *len, fcc_error *error)
{
    shelf *s = ctx;
    size_t i;

    s->fetched++;
    for (i = 0; i < s->n; i++) {
        if (strcmp(s->blocks[i].cid, cid) != 0)
            continue;
        *block = malloc(s->blocks[i].len + 1);
        memcpy(*block, s->blocks[i].data, s->blocks[i].len);
        *len = s->blocks[i].len;
        return FCC_OK;
    }
    return fcc_error_set(error, FCC_ERR_NOT_FOUND, "no %s", cid);
}

static void clear(shelf *s)
{
    size_t i;

    for (i = 0; i < s->n; i++)
        free(s->blocks[i].data);
    memset(s, 0, sizeof(*s));
}

static void what_was_cut_up_is_put_together(void **state)
{
    static const size_t sizes[] = { 0, 1, 262144, 262145, 1000000, 45613057 };
    static shelf s;
    uint8_t *content = content_of(45613057);
    blob__content out;
    blob__tree tree;
    fcc_error error;
    size_t i;

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        assert_int_equal(blob__add(fcc_bytes_of(content, sizes[i]), put, &s, &tree, &error), FCC_OK);
        assert_int_equal(s.roots, 1);
        assert_string_equal(s.blocks[s.n - 1].cid, tree.root); /* the root comes last */
        assert_int_equal(blob__cat(tree.root, get, &s, &out, &error), FCC_OK);
        assert_int_equal(out.len, sizes[i]);
        assert_true(out.len == 0 || !memcmp(out.bytes, content, out.len));
        assert_int_equal(out.blocks, tree.blocks);
        assert_int_equal(out.stored, tree.stored);
        free(out.bytes);
        clear(&s);
    }
    free(content);
}

/* A node as somebody else may have made it: dag-pb and UnixFS by hand. */
static const char *node(shelf *s, const char *const *links, size_t n, const char *unixfs_hex)
{
    static char root[BLOB_CID_MAX];
    uint8_t block[4096], digest[32], data[256];
    size_t at = 0, i, k, len = strlen(unixfs_hex) / 2;
    unsigned v;
    uint64_t codec;

    for (i = 0; i < n; i++) {
        assert_int_equal(blob_cid_parse(links[i], &codec, digest), FCC_OK);
        block[at++] = 0x12;
        block[at++] = 2 + 36 + 2;
        block[at++] = 0x0a;
        block[at++] = 36;
        block[at++] = 1;
        block[at++] = (uint8_t)codec;
        block[at++] = 0x12;
        block[at++] = 32;
        memcpy(block + at, digest, 32);
        at += 32;
        block[at++] = 0x12; /* an empty name */
        block[at++] = 0;
    }
    for (k = 0; k < len; k++) {
        assert_int_equal(sscanf(unixfs_hex + 2 * k, "%2x", &v), 1);
        data[k] = (uint8_t)v;
    }
    block[at++] = 0x0a;
    block[at++] = (uint8_t)len;
    memcpy(block + at, data, len);
    at += len;
    blob_cid(BLOB__CODEC_DAG_PB, fcc_bytes_of(block, at), root);
    assert_int_equal(put(s, root, BLOB__CODEC_DAG_PB, fcc_bytes_of(block, at), true, NULL), FCC_OK);
    return root;
}

static void refused(shelf *s, const char *root, fcc_status as, const char *why)
{
    blob__content out;
    fcc_error error;
    fcc_status st = blob__cat(root, get, s, &out, &error);

    assert_int_equal(st, as);
    assert_non_null(strstr(error.text, root));
    assert_non_null(strstr(error.text, why));
}

static void trees_that_are_no_files_are_refused(void **state)
{
    static shelf s;
    char leaf[BLOB_CID_MAX];
    const char *links[2] = { leaf, leaf };
    blob__content out;
    fcc_error error;

    blob_cid(BLOB_CODEC_RAW, FCC_LIT("abc"), leaf);
    assert_int_equal(put(&s, leaf, BLOB_CODEC_RAW, FCC_LIT("abc"), false, NULL), FCC_OK);
    /* file of 6 bytes, 3 and 3: fine, to begin with */
    assert_int_equal(blob__cat(node(&s, links, 2, "0802180620032003"), get, &s, &out, &error), FCC_OK);
    assert_int_equal(out.len, 6);
    assert_memory_equal(out.bytes, "abcabc", 6);
    free(out.bytes);
    /* content in the node itself, as made without raw leaves */
    assert_int_equal(blob__cat(node(&s, NULL, 0, "0802120378797a1803"), get, &s, &out, &error), FCC_OK);
    assert_memory_equal(out.bytes, "xyz", 3);
    free(out.bytes);
    refused(&s, node(&s, links, 2, "0801"), FCC_ERR_CORRUPT, "directory");
    refused(&s, node(&s, links, 2, "08021806"), FCC_ERR_CORRUPT, "one size for each link");
    refused(&s, node(&s, links, 2, "0802180620032004"), FCC_ERR_CORRUPT, "another size");
    refused(&s, node(&s, links, 2, "0802180720032003"), FCC_ERR_CORRUPT, "another size");
    refused(&s, node(&s, links, 2, "ff"), FCC_ERR_CORRUPT, "no node of a file");
    refused(&s, "bafyreidj5idub6mapiupjwjsyyxhyhedxycv4vihfsicm2vt46o7morwlm", FCC_ERR_ARG, "no CID of this store");
    clear(&s);
}

/* Nine levels of 50 links, all to the same block: without limits 10^15 bytes. */
static void a_tree_that_unfolds_without_end_is_refused(void **state)
{
    static shelf s;
    char below[BLOB_CID_MAX];
    const char *links[50];
    blob__content out;
    fcc_error error;
    size_t level, i;
    char unixfs[256];

    blob_cid(BLOB_CODEC_RAW, FCC_LIT("a"), below);
    assert_int_equal(put(&s, below, BLOB_CODEC_RAW, FCC_LIT("a"), false, NULL), FCC_OK);
    for (level = 0; level < 9; level++) {
        strcpy(unixfs, "0802");
        for (i = 0; i < 50; i++) {
            links[i] = below;
            memcpy(unixfs + 4 + 4 * i, "2001", 5);
        }
        snprintf(below, sizeof(below), "%s", node(&s, links, 50, unixfs));
    }
    assert_int_equal(blob__cat(below, get, &s, &out, &error), FCC_ERR_CORRUPT);
    assert_true(s.fetched < 5000);
    clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(content_has_the_address_that_ipfs_gives_it),
        cmocka_unit_test(what_was_cut_up_is_put_together),
        cmocka_unit_test(trees_that_are_no_files_are_refused),
        cmocka_unit_test(a_tree_that_unfolds_without_end_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
