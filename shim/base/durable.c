/* durable.c: see durable.h. */
#include "base/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool fcc__sync_path(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), problem;
    bool done = fd >= 0 && fsync(fd) == 0;

    problem = errno;
    if (fd >= 0)
        close(fd);
    errno = problem;
    return done;
}

bool fcc__sync_parent(const char *path)
{
    size_t len = strlen(path);
    char parent[PATH_MAX];

    while (len > 1 && path[len - 1] == '/')
        len--;
    while (len > 0 && path[len - 1] != '/')
        len--;
    if (len >= sizeof(parent)) {
        errno = ENAMETOOLONG;
        return false;
    }
    snprintf(parent, sizeof(parent), "%.*s", (int)len, len ? path : "");
    return fcc__sync_path(len ? parent : ".");
}

static int sync_one(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    (void)info;
    (void)at;
    if (kind == FTW_SL)
        return 0;
    return fcc__sync_path(path) ? 0 : -1;
}

bool fcc__sync_tree(const char *path)
{
    return nftw(path, sync_one, 16, FTW_DEPTH | FTW_PHYS) == 0;
}

fcc_status fcc__write_whole(const char *path, fcc_bytes content, fcc_error *error)
{
    char temporary[PATH_MAX];
    int n = snprintf(temporary, sizeof(temporary), "%s.new", path);
    int fd;

    if (n < 0 || n >= (int)sizeof(temporary))
        return fcc_error_set(error, FCC_ERR_ARG, "%.80s: the path is too long", path);
    fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return fcc_error_set(error, FCC_ERR_IO, "%s: %s", temporary, strerror(errno));
    if (write(fd, content.data, content.len) != (ssize_t)content.len || fsync(fd) != 0) {
        close(fd);
        unlink(temporary);
        return fcc_error_set(error, FCC_ERR_IO, "%s: %s", temporary, strerror(errno));
    }
    close(fd);
    if (rename(temporary, path) != 0 || !fcc__sync_parent(path))
        return fcc_error_set(error, FCC_ERR_IO, "%s: %s", path, strerror(errno));
    return FCC_OK;
}
