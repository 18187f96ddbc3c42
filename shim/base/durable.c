/* durable.c: see durable.h. */
#include "base/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
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

fcc_status fcc__make_dirs(const char *path, unsigned mode, bool sync, fcc_error *error)
{
    const size_t len = strlen(path);
    char part[PATH_MAX];

    if (len == 0 || len >= sizeof(part))
        return fcc_error_set(error, FCC_ERR_ARG, "\"%.80s\": the path is empty or too long", path);
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, mode) == 0 ? sync && !fcc__sync_parent(part) : errno != EEXIST)
            return fcc_error_set(error, FCC_ERR_IO, "%s: %s", part, strerror(errno));
    }
    return FCC_OK;
}

fcc_status fcc__lock_dir(const char *path, int *fd, fcc_error *error)
{
    *fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*fd < 0 && errno != ENOENT && errno != ENOTDIR)
        return fcc_error_set(error, FCC_ERR_IO, "%s: %s", path, strerror(errno));
    while (*fd >= 0 && flock(*fd, LOCK_EX) != 0 && errno == EINTR)
        ;
    return FCC_OK;
}

void fcc__unlock_dir(int fd)
{
    if (fd >= 0)
        close(fd);
}

bool fcc__write_all(int fd, fcc_bytes bytes)
{
    while (bytes.len > 0) {
        ssize_t n = write(fd, bytes.data, bytes.len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes = fcc_bytes_of(bytes.data + n, bytes.len - (size_t)n);
    }
    return true;
}

/* Nobody else reads what is private for a moment either: neither in a file that is left of before nor through a link. */
static fcc_status write_beside(const char *path, fcc_bytes content, const struct stat *like, mode_t mode,
                               fcc_error *error)
{
    char temporary[PATH_MAX];
    int n = snprintf(temporary, sizeof(temporary), "%s.new", path);
    int fd;

    if (n < 0 || n >= (int)sizeof(temporary))
        return fcc_error_set(error, FCC_ERR_ARG, "%.80s: the path is too long", path);
    fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, like ? 0600 : mode);
    if (fd < 0)
        return fcc_error_set(error, FCC_ERR_IO, "%s: %s", temporary, strerror(errno));
    if (like && (like->st_uid != geteuid() || like->st_gid != getegid()))
        (void)!fchown(fd, like->st_uid, like->st_gid); /* who may not give it away keeps it */
    if ((like && fchmod(fd, mode) != 0) || !fcc__write_all(fd, content) || fsync(fd) != 0) {
        fcc_error_set(error, FCC_ERR_IO, "%s: %s", temporary, strerror(errno));
        close(fd);
        unlink(temporary);
        return FCC_ERR_IO;
    }
    close(fd);
    if (rename(temporary, path) != 0 || !fcc__sync_parent(path))
        return fcc_error_set(error, FCC_ERR_IO, "%s: %s", path, strerror(errno));
    return FCC_OK;
}

fcc_status fcc__write_whole(const char *path, fcc_bytes content, fcc_error *error)
{
    struct stat was;

    if (stat(path, &was) == 0 && S_ISREG(was.st_mode))
        return write_beside(path, content, &was, was.st_mode & 0777, error);
    return write_beside(path, content, NULL, 0644, error);
}

fcc_status fcc__write_whole_as(const char *path, fcc_bytes content, unsigned mode, fcc_error *error)
{
    const struct stat ours = { .st_uid = geteuid(), .st_gid = getegid() };

    return write_beside(path, content, &ours, (mode_t)mode, error);
}
