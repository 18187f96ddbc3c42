/* files.c: small files and directories of key material. */
#include "msp/internal.h"

#include "base/durable.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

fcc_status msp__read_file(const char *path, fcc__arena *arena, fcc_bytes *out, fcc_error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat info;
    uint8_t *data;
    size_t size, done = 0;
    fcc_status st = FCC_ERR_IO;

    if (fd < 0)
        return fcc_error_set(error, errno == ENOENT ? FCC_ERR_NOT_FOUND : FCC_ERR_IO, "%s: %s", path, strerror(errno));
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        st = fcc_error_set(error, FCC_ERR_IO, "%s: not a file", path);
        goto out;
    }
    if (info.st_size > MSP__MAX_FILE) {
        st = fcc_error_set(error, FCC_ERR_LIMIT, "%s: larger than %d bytes", path, MSP__MAX_FILE);
        goto out;
    }
    size = (size_t)info.st_size;
    data = fcc__arena_alloc(arena, size + 1);
    if (!data) {
        st = fcc_error_set(error, FCC_ERR_LIMIT, "%s: too much to read", path);
        goto out;
    }
    while (done < size) {
        ssize_t n = read(fd, data + done, size - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            st = fcc_error_set(error, FCC_ERR_IO, "%s: %s", path, n ? strerror(errno) : "shorter than a moment ago");
            goto out;
        }
        done += (size_t)n;
    }
    data[size] = 0;
    *out = fcc_bytes_of(data, size);
    st = FCC_OK;
out:
    close(fd);
    return st;
}

fcc_status msp__write_file(const char *path, fcc_bytes content, int mode, fcc_error *error)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    size_t done = 0;

    if (fd < 0)
        return fcc_error_set(error, FCC_ERR_IO, "%s: %s", path, strerror(errno));
    while (done < content.len) {
        ssize_t n = write(fd, content.data + done, content.len - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            int problem = errno;

            close(fd);
            return fcc_error_set(error, FCC_ERR_IO, "%s: %s", path, strerror(problem));
        }
        done += (size_t)n;
    }
    if (close(fd) != 0)
        return fcc_error_set(error, FCC_ERR_IO, "%s: %s", path, strerror(errno));
    return FCC_OK;
}

fcc_status msp__replace_file(const char *path, fcc_bytes content, int mode, fcc_error *error)
{
    char fresh[4096];
    fcc_status st;

    if (snprintf(fresh, sizeof fresh, "%s.new", path) >= (int)sizeof fresh)
        return fcc_error_set(error, FCC_ERR_ARG, "%s: path too long", path);
    (void)unlink(fresh);
    st = msp__write_file(fresh, content, mode, error);
    if (st == FCC_OK && (!fcc__sync_path(fresh) || rename(fresh, path) != 0 || !fcc__sync_parent(path)))
        st = fcc_error_set(error, FCC_ERR_IO, "%s: %s", path, strerror(errno));
    if (st != FCC_OK)
        (void)unlink(fresh);
    return st;
}

fcc_status msp__make_dirs(const char *path, fcc_error *error)
{
    return fcc__make_dirs(path, 0755, false, error);
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info;
    (void)type;
    (void)where;
    (void)remove(path);
    return 0;
}

void msp__remove_tree(const char *path)
{
    (void)nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

bool msp__exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

fcc_status msp__read_dir(const char *dir, fcc__arena *arena, msp__files *out, fcc_error *error)
{
    DIR *d = opendir(dir);
    const char *names[256];
    msp__files files = { 0 };
    const struct dirent *entry;
    size_t n = 0, i;
    fcc_status st = FCC_OK;

    if (!d && errno == ENOENT) {
        *out = files;
        return FCC_OK;
    }
    if (!d)
        return fcc_error_set(error, FCC_ERR_IO, "%s: %s", dir, strerror(errno));
    while ((entry = readdir(d)) != NULL) {
        fcc_bytes copy;
        struct stat info;

        if (entry->d_name[0] == '.' || fstatat(dirfd(d), entry->d_name, &info, 0) != 0 || !S_ISREG(info.st_mode))
            continue;
        if (n == sizeof names / sizeof names[0] || !fcc__arena_copy(arena, fcc_str(entry->d_name), &copy)) {
            closedir(d);
            return fcc_error_set(error, FCC_ERR_LIMIT, "%s: too many files", dir);
        }
        names[n++] = (const char *)copy.data;
    }
    closedir(d);
    qsort(names, n, sizeof names[0], by_name);
    files.names = fcc__arena_zalloc(arena, n + 1, sizeof *files.names);
    files.contents = fcc__arena_zalloc(arena, n + 1, sizeof *files.contents);
    if (!files.names || !files.contents)
        return fcc_error_set(error, FCC_ERR_LIMIT, "%s: too many files", dir);
    for (i = 0; i < n && st == FCC_OK; i++) {
        char *path = fcc__arena_printf(arena, "%s/%s", dir, names[i]);

        files.names[i] = names[i];
        st = path ? msp__read_file(path, arena, &files.contents[i], error) : FCC_ERR_LIMIT;
    }
    files.n = n;
    if (st == FCC_OK)
        *out = files;
    return st;
}
