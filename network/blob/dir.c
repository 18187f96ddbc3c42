/* Blocks as files of a directory, named by their CIDs. */
#include "blob/backend.h"

#include "base/durable.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct dir_store {
    char *dir;
    int fd; /* of the directory, to have its entries synced */
} dir_store;

static void dir_close(void *self)
{
    dir_store *s = self;

    if (!s)
        return;
    if (s->fd >= 0)
        close(s->fd);
    free(s->dir);
    free(s);
}

fcc_status blob__dir_open(const char *dir, void **out, fcc_error *error)
{
    dir_store *s;
    struct stat info;

    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return fcc_error_set(error, FCC_ERR_IO, "%s: %s", dir, strerror(errno));
    if (stat(dir, &info) != 0 || !S_ISDIR(info.st_mode))
        return fcc_error_set(error, FCC_ERR_IO, "%s is not a directory", dir);
    s = calloc(1, sizeof(*s));
    if (s)
        s->fd = -1;
    if (!s || !(s->dir = strdup(dir))) {
        dir_close(s);
        return fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
    }
    s->fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->fd < 0) {
        fcc_error_set(error, FCC_ERR_IO, "%s: %s", dir, strerror(errno));
        dir_close(s);
        return FCC_ERR_IO;
    }
    *out = s;
    return FCC_OK;
}

bool blob__dir_path(const void *self, const char *cid, char *out, size_t size)
{
    const dir_store *s = self;
    int n = snprintf(out, size, "%s/%s", s->dir, cid);

    return n > 0 && (size_t)n < size;
}

/* One sync for many blobs, before the ledger is told about them. */
static fcc_status dir_sync(void *self, fcc_error *error)
{
    const dir_store *s = self;

    if (syncfs(s->fd) != 0)
        return fcc_error_set(error, FCC_ERR_IO, "%s: %s", s->dir, strerror(errno));
    return FCC_OK;
}

static fcc_status dir_put(void *self, const char *cid, uint64_t codec, fcc_bytes block, bool root, fcc_error *error)
{
    const dir_store *s = self;
    fcc_status st = FCC_ERR_IO;
    char path[4096], temporary[4096], name[32];
    uint64_t random;
    int fd;

    (void)codec;
    (void)root;
    /* two writers of the same block must not share a file */
    if (RAND_bytes((unsigned char *)&random, sizeof(random)) != 1)
        return fcc_error_set(error, FCC_ERR_INTERNAL, "no random numbers from OpenSSL");
    snprintf(name, sizeof(name), ".new-%016llx", (unsigned long long)random);
    if (!blob__dir_path(s, cid, path, sizeof(path)) || !blob__dir_path(s, name, temporary, sizeof(temporary)))
        return fcc_error_set(error, FCC_ERR_ARG, "%s: the path is too long", s->dir);
    fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return fcc_error_set(error, st, "%s: %s", temporary, strerror(errno));
    if (!fcc__write_all(fd, block)) {
        fcc_error_set(error, st, "%s: %s", temporary, strerror(errno));
        goto out;
    }
    if (rename(temporary, path) != 0) {
        fcc_error_set(error, st, "%s: %s", path, strerror(errno));
        goto out;
    }
    st = FCC_OK;
out:
    close(fd);
    if (st != FCC_OK)
        unlink(temporary);
    return st;
}

static fcc_status dir_get(void *self, const char *cid, size_t max, uint8_t **out, size_t *len, fcc_error *error)
{
    fcc_status st = FCC_ERR_IO;
    struct stat info;
    char path[4096];
    uint8_t *data = NULL;
    size_t got = 0, size;
    int fd;

    if (!blob__dir_path(self, cid, path, sizeof(path)))
        return fcc_error_set(error, FCC_ERR_ARG, "%s: the path is too long", ((const dir_store *)self)->dir);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fcc_error_set(error, errno == ENOENT ? FCC_ERR_NOT_FOUND : FCC_ERR_IO, "%s", strerror(errno));
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        fcc_error_set(error, st, "%s is no file", path);
        goto out;
    }
    if ((uint64_t)info.st_size > max) {
        st = fcc_error_set(error, FCC_ERR_CORRUPT, "%lld bytes", (long long)info.st_size);
        goto out;
    }
    size = (size_t)info.st_size;
    data = malloc(size + 1);
    if (!data) {
        st = fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
        goto out;
    }
    while (got < size) {
        ssize_t n = read(fd, data + got, size - got);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            fcc_error_set(error, st, "cannot be read: %s", n < 0 ? strerror(errno) : "it became shorter meanwhile");
            goto out;
        }
        got += (size_t)n;
    }
    *out = data;
    *len = got;
    data = NULL;
    st = FCC_OK;
out:
    free(data);
    close(fd);
    return st;
}

static fcc_status dir_drop(void *self, const char *cid, bool root, fcc_error *error)
{
    char path[4096];

    (void)root;
    if (!blob__dir_path(self, cid, path, sizeof(path)))
        return fcc_error_set(error, FCC_ERR_ARG, "%s: the path is too long", ((const dir_store *)self)->dir);
    if (unlink(path) != 0 && errno != ENOENT)
        return fcc_error_set(error, FCC_ERR_IO, "%s: %s", path, strerror(errno));
    return FCC_OK;
}

static fcc_status dir_each(void *self, bool (*on_cid)(void *ctx, const char *cid), void *ctx, fcc_error *error)
{
    const dir_store *s = self;
    DIR *d = opendir(s->dir);
    struct dirent *e;
    uint8_t digest[32];
    uint64_t codec;

    if (!d)
        return fcc_error_set(error, FCC_ERR_IO, "%s: %s", s->dir, strerror(errno));
    while ((e = readdir(d)))
        if (blob_cid_parse(e->d_name, &codec, digest) == FCC_OK && !on_cid(ctx, e->d_name))
            break;
    closedir(d);
    return FCC_OK;
}

const blob__backend blob__dir = { dir_put, dir_get, dir_drop, dir_sync, dir_each, dir_close };
