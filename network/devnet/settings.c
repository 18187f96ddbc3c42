/*
 * settings.c: what a directory was made for and keeps to, and the copies of somebody else's consortium in it. See
 * directory.h. The copies are complete before DIR/devnet.json speaks of them.
 */
#include "devnet/directory.h"

#include "base/arena.h"
#include "base/durable.h"
#include "msp/material.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MATERIAL_CAP = 256 << 20, MAX_FILE = 64 << 20 };

static bool join(char out[PATH_MAX], const char *dir, const char *name)
{
    int n = snprintf(out, PATH_MAX, "%s/%s", dir, name);

    return n > 0 && n < PATH_MAX;
}

static fcc_status too_long(const char *path, fcc_error *error)
{
    return fcc_error_set(error, FCC_ERR_ARG, "%s: the path is too long", path);
}

static bool exists(const char *dir, const char *name)
{
    char path[PATH_MAX];

    return join(path, dir, name) && access(path, F_OK) == 0;
}

static const char *fabric_name(devnet_fabric fabric)
{
    return fabric == DEVNET_FABRIC_2_5 ? "2.5" : "3.1";
}

/* ---- devnet.json -------------------------------------------------------------------------------------------------- */

fcc_status devnet_settings_read(const char *dir, devnet_settings *out, fcc_error *error)
{
    devnet_settings settings = { .fabric = DEVNET_FABRIC_3_1 };
    const char *fabric = NULL;
    char path[PATH_MAX];
    json_error_t why;
    json_t *root;
    int foreign = 0;

    if (!join(path, dir, "devnet.json"))
        return too_long(dir, error);
    if (access(path, F_OK) != 0) {
        settings.known = exists(dir, "ledger"); /* made before there were settings */
        *out = settings;
        return FCC_OK;
    }
    root = json_load_file(path, 0, &why);
    if (!root)
        return fcc_error_set(error, FCC_ERR_CORRUPT, "%s:%d: %.200s", path, why.line, why.text);
    if (json_unpack(root, "{s:s, s:b}", "fabric", &fabric, "foreign", &foreign) != 0 ||
        (strcmp(fabric, "2.5") != 0 && strcmp(fabric, "3.1") != 0)) {
        json_decref(root);
        return fcc_error_set(error, FCC_ERR_CORRUPT, "%s is not what a devnet writes: remove the directory", path);
    }
    settings.known = true;
    settings.foreign = foreign != 0;
    settings.fabric = strcmp(fabric, "2.5") == 0 ? DEVNET_FABRIC_2_5 : DEVNET_FABRIC_3_1;
    json_decref(root);
    *out = settings;
    return FCC_OK;
}

fcc_status devnet_settings_keep(const char *dir, const devnet_settings *settings, fcc_error *error)
{
    char path[PATH_MAX], text[80];
    int n = snprintf(text, sizeof(text), "{\"fabric\": \"%s\", \"foreign\": %s}\n", fabric_name(settings->fabric),
                     settings->foreign ? "true" : "false");

    if (!join(path, dir, "devnet.json"))
        return too_long(dir, error);
    return fcc__write_whole(path, fcc_bytes_of(text, (size_t)n), error);
}

/* ---- copies of somebody else's files ------------------------------------------------------------------------------ */

static fcc_status read_whole(const char *path, fcc__arena *arena, fcc_bytes *out, fcc_error *error)
{
    struct stat info;
    uint8_t *bytes;
    size_t done = 0;
    ssize_t n = 1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &info) != 0) {
        fcc_error_set(error, FCC_ERR_CONFIG, "%s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return FCC_ERR_CONFIG;
    }
    if (!S_ISREG(info.st_mode) || info.st_size > MAX_FILE ||
        !(bytes = fcc__arena_alloc(arena, (size_t)info.st_size + 1))) {
        close(fd);
        return fcc_error_set(error, FCC_ERR_CONFIG, "%s: no file, or too large", path);
    }
    while (done < (size_t)info.st_size && (n = read(fd, bytes + done, (size_t)info.st_size - done)) > 0)
        done += (size_t)n;
    close(fd);
    if (done < (size_t)info.st_size)
        return fcc_error_set(error, FCC_ERR_CONFIG, "%s cannot be read", path);
    *out = fcc_bytes_of(bytes, done);
    return FCC_OK;
}

/* nftw has no context. */
static struct walk {
    const char *from, *to;
    bool compare;
    fcc_error *error;
    fcc_status status;
} walk;

static int walk_file(const char *path, const char *target, mode_t mode)
{
    fcc__arena *arena = fcc__arena_new(MATERIAL_CAP);
    fcc_bytes theirs, ours;
    fcc_error unreadable;
    int fd;

    walk.status = arena ? read_whole(path, arena, &theirs, walk.error) : FCC_ERR_NOMEM;
    if (walk.status == FCC_OK && walk.compare) {
        if (read_whole(target, arena, &ours, &unreadable) != FCC_OK || !fcc_bytes_equal(theirs, ours))
            walk.status = fcc_error_set(walk.error, FCC_ERR_CONFIG,
                                        "%s is not what %s was started with first (%s differs): take another "
                                        "directory, or remove what is in this one with medsync devnet reset",
                                        path, walk.to, target);
    } else if (walk.status == FCC_OK) {
        fd = open(target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode & 0700 ? mode & 0777 : 0600);
        if (fd < 0 || write(fd, theirs.data, theirs.len) != (ssize_t)theirs.len || close(fd) != 0)
            walk.status = fcc_error_set(walk.error, FCC_ERR_IO, "%s: %s", target, strerror(errno));
    }
    fcc__arena_free(arena);
    return walk.status == FCC_OK ? 0 : 1;
}

static int walk_entry(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    char target[PATH_MAX];

    (void)at;
    if (snprintf(target, sizeof(target), "%s%s", walk.to, path + strlen(walk.from)) >= (int)sizeof(target)) {
        walk.status = too_long(path, walk.error);
        return 1;
    }
    if (kind == FTW_F)
        return walk_file(path, target, info->st_mode);
    if (kind != FTW_D) {
        walk.status = fcc_error_set(walk.error, FCC_ERR_CONFIG, "%s cannot be read", path);
        return 1;
    }
    if (!walk.compare && mkdir(target, 0755) != 0 && errno != EEXIST) {
        walk.status = fcc_error_set(walk.error, FCC_ERR_IO, "%s: %s", target, strerror(errno));
        return 1;
    }
    return 0;
}

/* Copy the tree, or compare: everything of `from` has to be in `to`, as it is. */
static fcc_status walk_tree(const char *from, const char *to, bool compare, fcc_error *error)
{
    walk = (struct walk){ .from = from, .to = to, .compare = compare, .error = error };
    if (nftw(from, walk_entry, 16, 0) < 0)
        return fcc_error_set(error, FCC_ERR_CONFIG, "%s: %s", from, strerror(errno));
    return walk.status;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    (void)info;
    (void)kind;
    (void)at;
    return remove(path);
}

static fcc_status keep_crypto(const char *from, const char *dir, fcc_error *error)
{
    char copying[PATH_MAX], kept[PATH_MAX], sub[PATH_MAX];
    fcc_status st;

    if (!join(copying, dir, "crypto.copying") || !join(kept, dir, "crypto") || !join(sub, from, "ordererOrganizations"))
        return too_long(dir, error);
    if (access(sub, F_OK) != 0)
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "%s: %s; --crypto takes a directory that cryptogen has made, with peerOrganizations and "
                             "ordererOrganizations",
                             sub, strerror(errno));
    if (access(kept, F_OK) == 0)
        return walk_tree(from, kept, true, error);
    nftw(copying, remove_entry, 16, FTW_DEPTH | FTW_PHYS); /* of a start that was killed */
    st = walk_tree(from, copying, false, error);
    if (st == FCC_OK && (!fcc__sync_tree(copying) || rename(copying, kept) != 0 || !fcc__sync_parent(kept)))
        st = fcc_error_set(error, FCC_ERR_IO, "%s: %s", kept, strerror(errno));
    if (st != FCC_OK)
        nftw(copying, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    return st;
}

static fcc_status keep_genesis(const char *from, const char *dir, fcc_error *error)
{
    fcc__arena *arena = fcc__arena_new(MATERIAL_CAP);
    char kept[PATH_MAX];
    fcc_bytes theirs, ours;
    fcc_status st = arena ? read_whole(from, arena, &theirs, error) : FCC_ERR_NOMEM;

    if (st == FCC_OK && !join(kept, dir, "genesis.block"))
        st = too_long(dir, error);
    if (st == FCC_OK && access(kept, F_OK) != 0)
        st = fcc__write_whole(kept, theirs, error);
    else if (st == FCC_OK && (st = read_whole(kept, arena, &ours, error)) == FCC_OK && !fcc_bytes_equal(theirs, ours))
        st = fcc_error_set(error, FCC_ERR_CONFIG,
                           "%s is not the genesis block that %s was started with first: take another directory, or "
                           "remove what is in this one with medsync devnet reset",
                           from, dir);
    fcc__arena_free(arena);
    return st;
}

/* Before anything is copied: do the two belong together? */
static fcc_status check_material(const devnet_options *o, fcc_error *error)
{
    fcc__arena *arena = fcc__arena_new(MATERIAL_CAP);
    config_network *network = NULL;
    fcc_bytes genesis;
    fcc_status st = arena ? read_whole(o->genesis, arena, &genesis, error) : FCC_ERR_NOMEM;

    if (st == FCC_OK && access(o->crypto, F_OK) != 0)
        st = fcc_error_set(error, FCC_ERR_CONFIG, "%s: %s", o->crypto, strerror(errno));
    if (st == FCC_OK)
        st = msp_adopt(o->crypto, genesis, o->genesis, &network, error);
    config_free(network);
    fcc__arena_free(arena);
    return st;
}

/* ---- agreeing ----------------------------------------------------------------------------------------------------- */

fcc_status devnet_settle(const devnet_options *o, devnet_settings *out, fcc_error *error)
{
    devnet_settings settings;
    fcc_status st = devnet_settings_read(o->dir, &settings, error);

    if (st != FCC_OK)
        return st;
    if (!o->crypto != !o->genesis)
        return fcc_error_set(error, FCC_ERR_CONFIG, "%s alone says too little: give both --crypto and --genesis",
                             o->crypto ? "--crypto" : "--genesis");
    if (settings.known && !settings.foreign && o->crypto)
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "%s holds a network of its own: --crypto and --genesis need another directory", o->dir);
    if (settings.foreign && o->network_file)
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "%s holds a network that was started with --crypto and --genesis: %s needs another "
                             "directory",
                             o->dir, o->network_file);
    if (settings.known && o->fabric != DEVNET_FABRIC_KEPT && o->fabric != settings.fabric)
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "%s was started as Fabric %s first, and stays that: start it without --fabric, or take "
                             "another directory for %s",
                             o->dir, fabric_name(settings.fabric), fabric_name(o->fabric));
    if (o->crypto && !settings.known && (st = check_material(o, error)) != FCC_OK)
        return st;
    if (o->crypto && ((st = keep_crypto(o->crypto, o->dir, error)) != FCC_OK ||
                      (st = keep_genesis(o->genesis, o->dir, error)) != FCC_OK))
        return st;
    if (!settings.known) {
        settings.foreign = o->crypto != NULL;
        if (o->fabric != DEVNET_FABRIC_KEPT)
            settings.fabric = o->fabric;
    }
    *out = settings;
    return FCC_OK;
}
