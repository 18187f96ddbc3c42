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
