/* Other people's vectors: multibase, multihash, CIDs, varints, dag-pb and UnixFS, one line a set. */
#include "blob/id.h"
#include "blob/unixfs.h"

#include "base/hash.h"

#include "../../../support/skip.h"
#include "../../../support/tally.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { FILE_MAX = 4 << 20, BLOCKS = 4096 };

static char folder[2048];

static int setup(void **state)
{
    const char *shared = getenv("MEDSYNC_SHARED");

    snprintf(folder, sizeof(folder), "%s/data/ipfs-multiformats", shared ? shared : "../shared");
    *state = fcc__arena_new(64 << 20);
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    fcc__arena_free(*state);
    return 0;
}

static fcc_bytes read_whole(fcc__arena *arena, const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = fcc__arena_alloc(arena, FILE_MAX);
    size_t n = 0;

    assert_non_null(data);
    if (f) {
        n = fread(data, 1, FILE_MAX, f);
        fclose(f);
    }
    return fcc_bytes_of(f ? data : NULL, n);
}

static const char *path_of(fcc__arena *arena, const char *name)
{
    const char *path = fcc__arena_printf(arena, "%s/%s", folder, name);

    assert_non_null(path);
    return path;
}

/* ---- multibase ---- */

/* name, "text" */
static bool row(char *line, char **name, char **text)
{
    char *open = strchr(line, '"'), *close = open ? strrchr(open + 1, '"') : NULL, *comma = strchr(line, ',');

    if (!close || !comma)
        return false;
    *comma = *close = '\0';
    *name = line;
    *text = open + 1;
    return true;
}

static void multibase_rows(fcc__arena *arena, const char *file, fcc_bytes content, bool canonical, tally *t)
{
    FILE *f = fopen(path_of(arena, file), "r");
    char line[4096], *name, *text;
    const char *again;
    fcc_bytes got;
    bool head = true;

    assert_non_null(f);
    for (; fgets(line, sizeof(line), f); head = false) {
        if (head || !row(line, &name, &text))
            continue;
        if (!strcmp(name, "base256emoji")) {
            tally_skip(t, "base256emoji: a base for showing, in which nothing is stored");
            continue;
        }
        if (blob_multibase_decode(text, arena, &got) != FCC_OK || !fcc_bytes_equal(got, content))
            tally_fail(t, "%s %s does not decode to what it must", file, name);
        else if (canonical &&
                 (blob_multibase_encode(name, content, arena, &again) != FCC_OK || strcmp(again, text) != 0))
            tally_fail(t, "%s %s does not encode to %s", file, name, text);
        else
            tally_pass(t);
    }
    fclose(f);
}

static void multibase_texts_decode_and_encode(void **state)
{
    static const struct {
        const char *file;
        fcc_bytes content;
        bool canonical;
    } files[] = {
        { "multibase-basic.csv", { (const uint8_t *)"yes mani !", 10 }, true },
        { "multibase-leading_zero.csv", { (const uint8_t *)"\0yes mani !", 11 }, true },
        { "multibase-case_insensitivity.csv", { (const uint8_t *)"hello world", 11 }, false },
    };
    tally t = { .set = "multibase texts" };
    size_t i;

    if (!read_whole(*state, path_of(*state, "multibase-basic.csv")).data)
        SKIP("%s is not there", folder);
    for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        multibase_rows(*state, files[i].file, files[i].content, files[i].canonical, &t);
    assert_true(tally_print(&t));
}

/* Unicode, character, encoding, description, status */
static void the_table_of_bases_has_our_prefixes(void **state)
{
    FILE *f = fopen(path_of(*state, "multibase.csv"), "r");
    tally t = { .set = "multibase table" };
    char line[1024], character[16], name[64];
    const char *text;
    fcc_status st;

    if (!f)
        SKIP("%s is not there", folder);
    while (fgets(line, sizeof(line), f)) {
        if (sscanf(line, "U+%*x, %15[^,], %63[^, ]", character, name) != 2)
            continue;
        st = blob_multibase_encode(name, FCC_LIT("x"), *state, &text);
        if (!strcmp(name, "none"))
            tally_skip(&t, "reserved");
        else if (st == FCC_ERR_NOT_FOUND)
            tally_skip(&t, "%s: not one of ours", name);
        else if (st != FCC_OK || text[0] != character[0])
            tally_fail(&t, "%s is not written with %s", name, character);
        else
            tally_pass(&t);
    }
    fclose(f);
    assert_true(tally_print(&t));
}

/* ---- multihash: algorithm,bits,input,multihash ---- */

static void multihashes_are_parsed_and_verify_their_input(void **state)
{
    FILE *f = fopen(path_of(*state, "multihash-test_cases.csv"), "r");
    tally t = { .set = "multihash" };
    char line[8192], algorithm[32], input[4096], hex[1024];
    blob_multihash hash;
    fcc_bytes bytes;
    size_t used;
    int bits;

    if (!f)
        SKIP("%s is not there", folder);
    while (fgets(line, sizeof(line), f)) {
        if (sscanf(line, "%31[^,],%d,%4095[^,],%1023[0-9a-f]", algorithm, &bits, input, hex) != 4)
            continue;
        assert_int_equal(fcc__unhex(*state, fcc_str(hex), &bytes), FCC_OK);
        if (blob_multihash_parse(bytes, &hash, &used) != FCC_OK || used != bytes.len)
            tally_fail(&t, "%s is not taken", hex);
        else if ((int)hash.digest.len * 8 != bits || !blob_multihash_name(hash.code) ||
                 strncmp(blob_multihash_name(hash.code), algorithm, strlen(algorithm)) != 0)
            tally_fail(&t, "%s is not %s of %d bits", hex, algorithm, bits);
        else if (blob_multihash_verify(&hash, fcc_str(input)) != FCC_OK) /* hashed as the text it is */
            tally_fail(&t, "%s is not the hash of its input", hex);
        else if (blob_multihash_verify(&hash, fcc_str(hex)) != FCC_ERR_CORRUPT)
            tally_fail(&t, "%s verifies what it is not the hash of", hex);
        else
            tally_pass(&t);
    }
    fclose(f);
    assert_true(tally_print(&t));
}

/* ---- CIDs: files named by theirs, and folders whose case is a CID ---- */

static void check_named(fcc__arena *arena, const char *path, const char *name, tally *cids, tally *nodes)
{
    const char *dot = strchr(name, '.');
    fcc_bytes content = read_whole(arena, path), again;
    blob_id id;
    const char *text = dot ? fcc__arena_printf(arena, "%.*s", (int)(dot - name), name) : NULL;

    if (!text)
        return;
    if (blob_id_of_text(text, arena, &id) != FCC_OK)
        tally_fail(cids, "%s is not taken", text);
    else if (blob_multihash_verify(&id.hash, content) != FCC_OK)
        tally_fail(cids, "%s is not the hash of its content", text);
    else if (!blob_id_text(&id, arena) || strcmp(blob_id_text(&id, arena), text) != 0)
        tally_fail(cids, "%s is written otherwise here", text);
    else
        tally_pass(cids);
    if (strcmp(dot, ".dag-pb") != 0)
        return;
    if (blob__node_again(content, arena, &again) == FCC_OK && fcc_bytes_equal(again, content))
        tally_pass(nodes);
    else
        tally_fail(nodes, "%s is not written again as it was", text);
}

static void check_case(fcc__arena *arena, const char *name, tally *t)
{
    blob_id id, again;
    const char *text;

    if (strncmp(name, "cid-", 4) != 0 || !strcmp(name, "cid-mapof"))
        return;
    if (blob_id_of_text(name + 4, arena, &id) != FCC_OK || !(text = blob_id_text(&id, arena)) ||
        blob_id_of_text(text, arena, &again) != FCC_OK || again.codec != id.codec || again.hash.code != id.hash.code ||
        !fcc_bytes_equal(again.hash.digest, id.hash.digest))
        tally_fail(t, "%s is not read", name);
    else
        tally_pass(t);
}

static void files_named_by_their_cids_have_these(void **state)
{
    tally cids = { .set = "CIDs of the codecs' fixtures" }, nodes = { .set = "dag-pb nodes" };
    tally names = { .set = "CIDs in other spellings" };
    const char *fixtures = path_of(*state, "codec-fixtures");
    DIR *outer = opendir(fixtures), *inner;
    struct dirent *d, *e;
    char sub[4096], path[4500];
    fcc__arena *one;

    if (!outer)
        SKIP("%s is not there", fixtures);
    one = fcc__arena_new(2 * FILE_MAX);
    while ((d = readdir(outer))) {
        snprintf(sub, sizeof(sub), "%s/%.255s", fixtures, d->d_name);
        check_case(*state, d->d_name, &names);
        inner = d->d_name[0] == '.' ? NULL : opendir(sub);
        while (inner && (e = readdir(inner))) {
            if (e->d_name[0] == '.')
                continue;
            snprintf(path, sizeof(path), "%s/%.255s", sub, e->d_name);
            fcc__arena_reset(one);
            check_named(one, path, e->d_name, &cids, &nodes);
        }
        if (inner)
            closedir(inner);
    }
    closedir(outer);
    fcc__arena_free(one);
    assert_true(tally_print(&cids));
    assert_true(tally_print(&nodes));
    assert_true(tally_print(&names));
}

/* ---- UnixFS: archives of blocks, each behind a varint with its length ---- */

typedef struct archive {
    fcc__arena *arena;
    struct archive_block {
        const char *cid; /* in our spelling */
        blob_id id;
        fcc_bytes content;
    } blocks[BLOCKS];
    size_t n;
} archive;

static bool open_archive(archive *a, fcc_bytes bytes, tally *varints)
{
    uint64_t len;
    size_t at = 0, n, used;

    for (a->n = 0; at < bytes.len && a->n < BLOCKS; at += (size_t)len) {
        struct archive_block *b = &a->blocks[a->n];

        n = blob_varint(fcc_bytes_of(bytes.data + at, bytes.len - at), &len);
        if (n == 0 || len > bytes.len - at - n)
            return false;
        tally_pass(varints);
        at += n;
        if (at == n)
            continue; /* the head */
        if (blob_id_parse(fcc_bytes_of(bytes.data + at, (size_t)len), &b->id, &used) != FCC_OK)
            return false;
        b->content = fcc_bytes_of(bytes.data + at + used, (size_t)len - used);
        b->cid = blob_id_text(&b->id, a->arena);
        a->n++;
    }
    return true;
}

static fcc_status fetch(void *ctx, const char *cid, uint8_t **block, size_t *len, fcc_error *error)
{
    archive *a = ctx;
    size_t i;

    for (i = 0; i < a->n; i++) {
        if (strcmp(a->blocks[i].cid, cid) != 0)
            continue;
        *len = a->blocks[i].content.len;
        *block = malloc(*len + 1);
        memcpy(*block, a->blocks[i].content.data, *len);
        return FCC_OK;
    }
    return fcc_error_set(error, FCC_ERR_NOT_FOUND, "%s is not in the archive", cid);
}

static void check_archive(archive *a, const char *name, tally *blocks, tally *files)
{
    blob__content content;
    blob__tree tree;
    blob__node node;
    fcc_error error;
    fcc_status st;
    size_t i;

    for (i = 0; i < a->n; i++) {
        const struct archive_block *b = &a->blocks[i];

        if (blob_multihash_verify(&b->id.hash, b->content) == FCC_OK)
            tally_pass(blocks);
        else
            tally_fail(blocks, "%s: %s is not the hash of its block", name, b->cid);
        if (b->id.codec != BLOB_CODEC_RAW && b->id.codec != BLOB__CODEC_DAG_PB) {
            tally_skip(files, "blocks of other codecs");
            continue;
        }
        st = blob__cat(b->cid, fetch, a, &content, &error);
        if (st == FCC_ERR_CORRUPT && blob__node_parse(b->content, a->arena, &node) == FCC_OK && node.type != 2 &&
            node.type != 0) {
            tally_skip(files, "directories and links, refused as such");
        } else if (st == FCC_ERR_NOT_FOUND) {
            tally_skip(files, "files of which the archive has not all blocks");
        } else if (st != FCC_OK) {
            tally_fail(files, "%s: %s", name, error.text);
        } else if (blob__add(fcc_bytes_of(content.bytes, content.len), NULL, NULL, &tree, &error) != FCC_OK) {
            tally_fail(files, "%s: %s", name, error.text);
            free(content.bytes);
        } else {
            if (!strcmp(tree.root, b->cid))
                tally_pass(files);
            else if (content.blocks == 1 && b->id.codec == BLOB__CODEC_DAG_PB)
                tally_skip(files, "files made without --raw-leaves");
            else if (blob__node_parse(b->content, a->arena, &node) == FCC_OK && node.size_count > 1 &&
                     node.sizes[0] != BLOB__CHUNK)
                tally_skip(files, "files cut into pieces of %llu bytes", (unsigned long long)node.sizes[0]);
            else
                tally_fail(files, "%s: %s has another address here: %s", name, b->cid, tree.root);
            free(content.bytes);
        }
    }
}

static void walk(fcc__arena *arena, const char *dir, tally *varints, tally *blocks, tally *files)
{
    struct dirent *e;
    DIR *d = opendir(dir);
    char path[4096];
    archive *a;
    size_t n;

    while (d && (e = readdir(d))) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%.255s", dir, e->d_name);
        n = strlen(e->d_name);
        if (e->d_type == DT_DIR) {
            walk(arena, path, varints, blocks, files);
        } else if (n > 4 && !strcmp(e->d_name + n - 4, ".car")) {
            fcc__arena_reset(arena);
            a = fcc__arena_zalloc(arena, 1, sizeof(*a));
            assert_non_null(a);
            a->arena = arena;
            if (!open_archive(a, read_whole(arena, path), varints))
                tally_fail(varints, "%s is cut off", e->d_name);
            check_archive(a, e->d_name, blocks, files);
        }
    }
    if (d)
        closedir(d);
}

static void files_in_archives_come_out_and_have_their_address_again(void **state)
{
    tally varints = { .set = "varints of the archives" }, blocks = { .set = "blocks of the archives" };
    tally files = { .set = "UnixFS files of the archives" };
    const char *dir = path_of(*state, "unixfs-car");
    fcc__arena *arena;

    if (access(dir, R_OK) != 0)
        SKIP("%s is not there", dir);
    arena = fcc__arena_new(64 << 20);
    walk(arena, dir, &varints, &blocks, &files);
    fcc__arena_free(arena);
    assert_true(tally_print(&varints));
    assert_true(tally_print(&blocks));
    assert_true(tally_print(&files));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(multibase_texts_decode_and_encode),
        cmocka_unit_test(the_table_of_bases_has_our_prefixes),
        cmocka_unit_test(multihashes_are_parsed_and_verify_their_input),
        cmocka_unit_test(files_named_by_their_cids_have_these),
        cmocka_unit_test(files_in_archives_come_out_and_have_their_address_again),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
