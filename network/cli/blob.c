/* medsync blob: the encrypted store by hand. */
#include "blob/blob.h"
#include "cli/cli.h"
#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: medsync blob put [OPTION]... FILE        encrypt and store; prints the CID\n"
    "       medsync blob get [OPTION]... CID         with --key decrypted, else the bytes as they are stored\n"
    "       medsync blob stat [OPTION]... CID        size, hash and blocks, all of them verified\n"
    "       medsync blob verify [OPTION]... [CID]... these, or every block of a directory\n"
    "       medsync blob cid FILE                    the address that IPFS gives a file's bytes; nothing is stored\n\n"
    "A blob is encrypted with a key of its own (AES-256-GCM) before it is stored, under the CID that IPFS gives the\n"
    "encrypted bytes (`ipfs add --cid-version=1 --raw-leaves`). Records' blobs are written by `medsync record`.\n\n"
    "  --store WHERE  a directory, or the API of an IPFS node: http://HOST:PORT (DIR/blobs)\n"
    "  --dir DIR      the network's directory (" CLI_DEFAULT_DIR ")\n"
    "  --key FILE     the data key: put writes it, get reads it; 64 hexadecimal digits\n"
    "  --output FILE  get: write there instead of standard output\n"
    "  --json         one JSON object\n";

typedef struct options {
    const char *dir, *store, *key, *output;
    bool json;
    int count; /* of arguments */
    char **args;
    fcc__arena *arena;
} options;

fcc__code cli_blob_code(fcc_status st)
{
    switch (st) {
    case FCC_ERR_CORRUPT:
        return FCC__E_BLOB_DAMAGED;
    case FCC_ERR_NOT_FOUND:
        return FCC__E_BLOB_MISSING;
    case FCC_ERR_AUTH:
        return FCC__E_BLOB_KEY;
    case FCC_ERR_IO:
    case FCC_ERR_TIMEOUT:
    case FCC_ERR_PEER:
    case FCC_ERR_PROTO:
        return FCC__E_BLOB_STORE;
    default:
        return fcc__code_of_status(st);
    }
}

static int store_failed(fcc_status st, const fcc_error *error)
{
    return cli_failed("blob", cli_blob_code(st), "%s", error->text);
}

static int file_failed(const char *path)
{
    return cli_failed("blob", FCC__E_CLI_FILE, "%s: %s", path, strerror(errno));
}

static bool open_store(const options *o, blob_store **out)
{
    const char *where = o->store ? o->store : fcc__arena_printf(o->arena, "%s/blobs", o->dir);
    fcc_error error = { 0 };
    fcc_status st = where ? blob_open(where, out, &error) : FCC_ERR_NOMEM;

    if (st != FCC_OK)
        store_failed(st, &error);
    return st == FCC_OK;
}

/* A file that only its owner reads, and that was not there before. */
static bool write_secret(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && fsync(fd) == 0;

    if (fd >= 0)
        close(fd);
    return ok;
}

static int put(options *o)
{
    char hex[2 * BLOB_KEY_LEN + 2];
    blob_store *store = NULL;
    blob_ref ref = { 0 };
    fcc_error error = { 0 };
    size_t len = 0, i;
    int status = CLI_FAILED;
    fcc_status st;
    char *content;

    if (!o->key)
        return cli_usage("blob", "put: --key FILE: where shall the data key go? Nothing opens the blob without it");
    content = cli_read_file(o->args[0], &len);
    if (!content)
        return file_failed(o->args[0]);
    if (access(o->key, F_OK) == 0) {
        cli_failed("blob", FCC__E_CLI_EXISTS, "%s exists already: a key is not overwritten", o->key);
        goto out;
    }
    if (!open_store(o, &store))
        goto out;
    if ((st = blob_put(store, fcc_bytes_of(content, len), &ref, &error)) != FCC_OK ||
        (st = blob_sync(store, &error)) != FCC_OK) {
        store_failed(st, &error);
        goto out;
    }
    for (i = 0; i < BLOB_KEY_LEN; i++)
        snprintf(hex + 2 * i, 3, "%02x", ref.key[i]);
    strcat(hex, "\n");
    if (!write_secret(o->key, hex)) {
        file_failed(o->key);
        goto out;
    }
    if (o->json)
        cli_print_json(
            json_pack("{s:s, s:s, s:I}", "cid", ref.cid, "sha256", ref.sha256, "size", (json_int_t)ref.size));
    else
        printf("%s\n", ref.cid);
    status = CLI_OK;
out:
    blob_wipe(&ref, sizeof(ref));
    blob_wipe(hex, sizeof(hex));
    blob_wipe(content, len);
    blob_close(store);
    free(content);
    return status;
}

static bool read_key(const options *o, uint8_t key[BLOB_KEY_LEN])
{
    size_t len = 0;
    char *text = cli_read_file(o->key, &len);
    fcc_bytes bytes = { 0 };
    bool ok = false;

    if (!text) {
        file_failed(o->key);
        return false;
    }
    while (len > 0 && strchr(" \t\r\n", text[len - 1]))
        len--;
    if (len == 2 * BLOB_KEY_LEN && fcc__unhex(o->arena, fcc_bytes_of(text, len), &bytes) == FCC_OK)
        ok = true;
    else
        cli_failed("blob", FCC__E_BLOB_KEY, "%s: a data key has %d hexadecimal digits", o->key, 2 * BLOB_KEY_LEN);
    if (ok)
        memcpy(key, bytes.data, BLOB_KEY_LEN);
    blob_wipe(text, len);
    free(text);
    return ok;
}

/* What was decrypted is for nobody else. */
static int write_out(const options *o, fcc_bytes bytes)
{
    fcc_error error = { 0 };

    if (!o->output)
        return fwrite(bytes.data, 1, bytes.len, stdout) == bytes.len ? CLI_OK : file_failed("standard output");
    return cli_write_file(o->output, bytes, o->key ? CLI_PRIVATE : CLI_SHARED, &error) == FCC_OK
               ? CLI_OK
               : cli_failed("blob", FCC__E_CLI_FILE, "%s", error.text);
}

static int get(options *o)
{
    uint8_t key[BLOB_KEY_LEN];
    blob_store *store = NULL;
    fcc_error error = { 0 };
    fcc_bytes content;
    fcc_status st;

    if (o->json)
        return cli_usage("blob", "get gives bytes, and no JSON");
    if ((o->key && !read_key(o, key)) || !open_store(o, &store))
        return CLI_FAILED;
    st = o->key ? blob_get(store, o->args[0], key, o->arena, &content, &error)
                : blob_read(store, o->args[0], o->arena, &content, &error);
    blob_close(store);
    blob_wipe(key, sizeof(key));
    return st == FCC_OK ? write_out(o, content) : store_failed(st, &error);
}

static int stat_one(options *o)
{
    blob_store *store = NULL;
    fcc_error error = { 0 };
    blob_info info;
    fcc_status st;

    if (!open_store(o, &store))
        return CLI_FAILED;
    st = blob_stat(store, o->args[0], &info, &error);
    blob_close(store);
    if (st != FCC_OK)
        return store_failed(st, &error);
    if (o->json)
        cli_print_json(json_pack("{s:s, s:I, s:s, s:I, s:I}", "cid", o->args[0], "size", (json_int_t)info.size,
                                 "sha256", info.sha256, "blocks", (json_int_t)info.blocks, "blockBytes",
                                 (json_int_t)info.block_bytes));
    else
        printf("%s\n  %llu bytes, sha256 %s\n  %zu block%s, %llu bytes\n", o->args[0], (unsigned long long)info.size,
               info.sha256, info.blocks, info.blocks == 1 ? "" : "s", (unsigned long long)info.block_bytes);
    return CLI_OK;
}

/* ---- verify ---- */

static void told(void *ctx, const char *cid)
{
    json_t *list = ctx;

    if (list)
        json_array_append_new(list, json_string(cid));
    cli_failed("blob", FCC__E_BLOB_DAMAGED, "block %s is damaged: its bytes do not hash to its name", cid);
}

static int verify(options *o)
{
    json_t *bad = json_array();
    size_t checked = 0, damaged = 0;
    blob_store *store = NULL;
    fcc_error error = { 0 };
    fcc_status st = FCC_OK;
    blob_info info;
    int i;

    if (!open_store(o, &store)) {
        json_decref(bad);
        return CLI_FAILED;
    }
    for (i = 0; i < o->count; i++, checked++) {
        fcc_status one = blob_stat(store, o->args[i], &info, &error);

        if (one == FCC_OK)
            continue;
        store_failed(one, &error);
        json_array_append_new(bad, json_string(o->args[i]));
        damaged++;
    }
    if (o->count == 0)
        st = blob_check(store, told, bad, &checked, &damaged, &error);
    if (st != FCC_OK)
        store_failed(st, &error);
    else if (o->json)
        cli_print_json(
            json_pack("{s:I, s:I, s:O}", "checked", (json_int_t)checked, "damaged", (json_int_t)damaged, "bad", bad));
    else
        printf("%zu %s%s, %zu damaged\n", checked, o->count ? "blob" : "block", checked == 1 ? "" : "s", damaged);
    json_decref(bad);
    blob_close(store);
    return st == FCC_OK && damaged == 0 ? CLI_OK : CLI_FAILED;
}

static int address(options *o)
{
    char cid[BLOB_CID_MAX];
    fcc_error error = { 0 };
    size_t len = 0;
    char *content = cli_read_file(o->args[0], &len);
    fcc_status st;

    if (!content)
        return file_failed(o->args[0]);
    st = blob_address(fcc_bytes_of(content, len), cid, &error);
    free(content);
    if (st != FCC_OK)
        return store_failed(st, &error);
    if (o->json)
        cli_print_json(json_pack("{s:s, s:I}", "cid", cid, "size", (json_int_t)len));
    else
        printf("%s\n", cid);
    return CLI_OK;
}

int cli_blob(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(options *o);
        int least, most;
        const char *what;
    } steps[] = {
        { "put", put, 1, 1, "FILE" },         { "get", get, 1, 1, "CID" },      { "stat", stat_one, 1, 1, "CID" },
        { "verify", verify, 0, 1 << 20, "" }, { "cid", address, 1, 1, "FILE" },
    };
    options o = { .dir = CLI_DEFAULT_DIR };
    cli_option known[] = {
        { "dir", .text = &o.dir },       { "store", .text = &o.store }, { "key", .text = &o.key },
        { "output", .text = &o.output }, { "json", .flag = &o.json },   { 0 },
    };
    int status = cli_options("blob", usage, known, argc, argv);
    size_t i;

    if (status >= 0)
        return status;
    if (optind == argc)
        return cli_usage("blob", "what shall be done: put, get, stat, verify or cid?");
    o.count = argc - optind - 1;
    o.args = argv + optind + 1;
    for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (strcmp(steps[i].name, argv[optind]) != 0)
            continue;
        if (o.count < steps[i].least || o.count > steps[i].most)
            return cli_usage("blob", "%s takes one %s", steps[i].name, steps[i].what);
        o.arena = fcc__arena_new(CLI_ARENA_MAX);
        if (!o.arena)
            return cli_failed("blob", FCC__E_STAT_RES, "out of memory");
        status = steps[i].run(&o);
        fcc__arena_free(o.arena);
        return status;
    }
    return cli_usage("blob", "%s: no such step; there are put, get, stat, verify and cid", argv[optind]);
}
