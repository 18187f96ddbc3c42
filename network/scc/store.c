/*
 * store.c: installed packages. The directory is the truth; what is known of it in memory are the ids, which file names
 * spell. A package is written beside its place and moved there, so that a torn one is never seen. Fabric:
 * core/chaincode/persistence/persistence.go.
 */
#include "scc/scc.h"

#include "base/durable.h"
#include "base/hash.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEX = 2 * FCC__SHA256_LEN, NAME = 512 };

static const char suffix[] = ".tar.gz";

struct package {
    char *id;
    uint8_t *bytes; /* of a store in memory */
    size_t len;
};

struct scc_store {
    int dir; /* -1: in memory */
    struct package *packages;
    size_t count;
};

static fcc_status no_memory(fcc_error *error)
{
    return fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct package *)a)->id, ((const struct package *)b)->id);
}

static bool add(scc_store *s, char *id)
{
    struct package *grown = id ? realloc(s->packages, (s->count + 1) * sizeof(*grown)) : NULL;

    if (!grown) {
        free(id);
        return false;
    }
    s->packages = grown;
    grown[s->count++] = (struct package){ .id = id };
    return true;
}

/* `label.hex.tar.gz` to `label:hex`; NULL: a file of another kind. */
static char *id_of_file(const char *name)
{
    size_t len = strlen(name), tail = sizeof(suffix) - 1;
    const char *hex;
    char *id;

    if (len < HEX + tail + 2 || strcmp(name + len - tail, suffix) != 0)
        return NULL;
    hex = name + len - tail - HEX;
    if (hex[-1] != '.' || strspn(hex, "0123456789abcdef") < HEX)
        return NULL;
    id = strndup(name, len - tail);
    if (id)
        id[len - tail - HEX - 1] = ':';
    return id;
}

/* The file's name of an id; false: too long for one, so that no such package can be here. */
static bool file_of_id(fcc_bytes id, char name[NAME])
{
    uint8_t *colon;

    if (id.len == 0 || id.len + sizeof(suffix) > NAME || memchr(id.data, '/', id.len) || memchr(id.data, 0, id.len))
        return false;
    memcpy(name, id.data, id.len);
    memcpy(name + id.len, suffix, sizeof(suffix));
    colon = memchr(name, ':', id.len);
    if (colon)
        *colon = '.';
    return true;
}

static fcc_status list(scc_store *s, const char *dir, fcc_error *error)
{
    DIR *d = opendir(dir);
    const struct dirent *e;
    bool ok = true;

    if (!d)
        return fcc_error_set(error, FCC_ERR_IO, "%s: %s", dir, strerror(errno));
    while (ok && (e = readdir(d)) != NULL) {
        char *id = id_of_file(e->d_name);

        ok = !id || add(s, id);
    }
    closedir(d);
    if (!ok)
        return no_memory(error);
    if (s->count > 0)
        qsort(s->packages, s->count, sizeof(*s->packages), by_id);
    return FCC_OK;
}

fcc_status scc_store_open(const char *dir, scc_store **out, fcc_error *error)
{
    scc_store *s = calloc(1, sizeof(*s));
    fcc_status st = FCC_OK;

    if (!s)
        return no_memory(error);
    s->dir = -1;
    if (dir) {
        if ((mkdir(dir, 0755) != 0 && errno != EEXIST) || !fcc__sync_parent(dir))
            st = fcc_error_set(error, FCC_ERR_IO, "%s: %s", dir, strerror(errno));
        else if ((s->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
            st = fcc_error_set(error, FCC_ERR_IO, "%s: %s", dir, strerror(errno));
        else
            st = list(s, dir, error);
    }
    if (st == FCC_OK)
        *out = s;
    else
        scc_store_close(s);
    return st;
}

void scc_store_close(scc_store *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->count; i++) {
        free(s->packages[i].id);
        free(s->packages[i].bytes);
    }
    free(s->packages);
    if (s->dir >= 0)
        close(s->dir);
    free(s);
}

size_t scc_store_count(const scc_store *s)
{
    return s->count;
}

const char *scc_store_id(const scc_store *s, size_t i)
{
    return s->packages[i].id;
}

static struct package *find(const scc_store *s, fcc_bytes id)
{
    for (size_t i = 0; i < s->count; i++)
        if (fcc_bytes_equal(fcc_str(s->packages[i].id), id))
            return &s->packages[i];
    return NULL;
}

bool scc_store_has(const scc_store *s, fcc_bytes id)
{
    return find(s, id) != NULL;
}

static fcc_status write_file(const scc_store *s, const char *name, fcc_bytes package, fcc_error *error)
{
    static const char draft[] = "new";
    int fd = openat(s->dir, draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && fcc__write_all(fd, package) && fsync(fd) == 0;
    int why = errno;

    if (fd >= 0 && close(fd) != 0 && ok) {
        ok = false;
        why = errno;
    }
    if (ok && (renameat(s->dir, draft, s->dir, name) != 0 || fsync(s->dir) != 0)) {
        ok = false;
        why = errno;
    }
    if (ok)
        return FCC_OK;
    unlinkat(s->dir, draft, 0);
    return fcc_error_set(error, FCC_ERR_IO, "error writing chaincode install package to %s: %s", name, strerror(why));
}

/* A package's id; false when no file can have that name. */
static bool id_of(const char *label, fcc_bytes package, char text[NAME])
{
    fcc__sha256 digest;
    int len = snprintf(text, NAME, "%s:", label);

    if (len < 0 || (size_t)len + HEX + sizeof(suffix) > NAME)
        return false;
    digest = fcc__sha256_of(package);
    for (size_t i = 0; i < FCC__SHA256_LEN; i++)
        snprintf(text + len + 2 * i, 3, "%02x", digest.bytes[i]);
    return true;
}

const char *scc_store_find(const scc_store *s, const char *label, fcc_bytes package)
{
    char text[NAME];
    const struct package *known = id_of(label, package, text) ? find(s, fcc_str(text)) : NULL;

    return known ? known->id : NULL;
}

fcc_status scc_store_save(scc_store *s, const char *label, fcc_bytes package, const char **id, fcc_error *error)
{
    char text[NAME], name[NAME];
    const struct package *known;

    if (!id_of(label, package, text))
        return fcc_error_set(error, FCC_ERR_IO, "error writing chaincode install package to %.64s...: %s", label,
                             strerror(ENAMETOOLONG));
    known = find(s, fcc_str(text));
    if (known) {
        *id = known->id;
        return FCC_ERR_EXISTS;
    }
    if (s->dir >= 0 && (!file_of_id(fcc_str(text), name) || write_file(s, name, package, error) != FCC_OK))
        return FCC_ERR_IO;
    if (!add(s, strdup(text)))
        return no_memory(error);
    if (s->dir < 0) {
        struct package *new = &s->packages[s->count - 1];

        new->bytes = malloc(package.len ? package.len : 1);
        if (!new->bytes) {
            free(new->id);
            s->count--;
            return no_memory(error);
        }
        memcpy(new->bytes, package.data, package.len);
        new->len = package.len;
    }
    qsort(s->packages, s->count, sizeof(*s->packages), by_id);
    *id = find(s, fcc_str(text))->id;
    return FCC_OK;
}

fcc_status scc_store_load(const scc_store *s, fcc_bytes id, fcc__arena *arena, fcc_bytes *out)
{
    const struct package *package = find(s, id);
    fcc_status st = FCC_ERR_IO;
    struct stat info;
    char name[NAME];
    uint8_t *bytes;
    int fd;

    if (!package || (s->dir >= 0 && !file_of_id(id, name)))
        return FCC_ERR_NOT_FOUND;
    if (s->dir < 0)
        return fcc__arena_copy(arena, fcc_bytes_of(package->bytes, package->len), out) ? FCC_OK : FCC_ERR_LIMIT;
    fd = openat(s->dir, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? FCC_ERR_NOT_FOUND : FCC_ERR_IO;
    if (fstat(fd, &info) == 0) {
        bytes = fcc__arena_alloc(arena, (size_t)info.st_size);
        if (!bytes)
            st = FCC_ERR_LIMIT;
        else if (read(fd, bytes, (size_t)info.st_size) == info.st_size) {
            *out = fcc_bytes_of(bytes, (size_t)info.st_size);
            st = FCC_OK;
        }
    }
    close(fd);
    return st;
}
