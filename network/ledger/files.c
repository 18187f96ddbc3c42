/* files.c: see files.h. */
#include "ledger/files.h"

#include "base/buf.h"
#include "ledger/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PREFIX_MAX = 10 };

void ledger__files_name(uint32_t file, char name[LEDGER__FILE_NAME])
{
    snprintf(name, LEDGER__FILE_NAME, "blockfile_%06u", (unsigned)file);
}

bool ledger__files_exists(const char *dir, const char *name)
{
    char path[4096];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    return access(path, F_OK) == 0;
}

static int open_file(const ledger__files *files, uint32_t file, int flags)
{
    char name[LEDGER__FILE_NAME];

    ledger__files_name(file, name);
    return openat(files->dir, name, flags | O_CLOEXEC, 0600);
}

/* Make `file` the one that is appended to. */
static fcc_status start_file(ledger__files *files, uint32_t file)
{
    struct stat about;
    int fd = open_file(files, file, O_RDWR | O_CREAT);

    /* a file that was cut off may not have been synced since */
    if (fd < 0 || fstat(fd, &about) != 0 || (files->durable && (fdatasync(fd) != 0 || fsync(files->dir) != 0))) {
        int problem = errno;

        if (fd >= 0)
            close(fd);
        errno = problem;
        return FCC_ERR_IO;
    }
    if (files->fd >= 0)
        close(files->fd);
    files->fd = fd;
    files->file = file;
    files->size = (uint64_t)about.st_size;
    return FCC_OK;
}

/* The highest number of a block file; false when there is none. The first is made with the first block. */
static bool last_of(DIR *dir, uint32_t *last)
{
    const struct dirent *entry;
    bool any = false;

    while ((entry = readdir(dir))) {
        unsigned number;
        char name[LEDGER__FILE_NAME];

        if (sscanf(entry->d_name, "blockfile_%u", &number) != 1)
            continue;
        ledger__files_name(number, name);
        if (strcmp(name, entry->d_name) == 0 && (!any || number > *last)) {
            *last = number;
            any = true;
        }
    }
    return any;
}

fcc_status ledger__files_open(ledger__files *files, const char *path, bool durable, fcc_error *error)
{
    char name[LEDGER__FILE_NAME];
    uint32_t last = 0, i;
    DIR *dir;
    bool any;

    files->fd = -1;
    files->file = 0;
    files->size = 0;
    files->durable = durable;
    files->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    dir = files->dir < 0 ? NULL : opendir(path);
    if (!dir) {
        ledger__files_close(files);
        return fcc_error_set(error, FCC_ERR_IO, "%s: %s", path, strerror(errno));
    }
    any = last_of(dir, &last);
    closedir(dir);
    if (!any && durable)
        return FCC_OK;
    for (i = 0; i < last; i++) {
        ledger__files_name(i, name);
        if (faccessat(files->dir, name, F_OK, 0) != 0) {
            ledger__files_close(files);
            return fcc_error_set(error, FCC_ERR_CORRUPT,
                                 "%s/%s is missing: put it back, or start over with an empty directory", path, name);
        }
    }
    ledger__files_name(last, name);
    if (start_file(files, last) != FCC_OK) {
        ledger__files_close(files);
        return fcc_error_set(error, FCC_ERR_IO, "%s/%s: %s", path, name, strerror(errno));
    }
    return FCC_OK;
}

void ledger__files_close(ledger__files *files)
{
    if (files->fd >= 0)
        close(files->fd);
    if (files->dir >= 0)
        close(files->dir);
    files->fd = files->dir = -1;
}

static bool write_all(int fd, fcc_bytes bytes, uint64_t offset)
{
    while (bytes.len) {
        ssize_t n = pwrite(fd, bytes.data, bytes.len, (off_t)offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            errno = n == 0 ? EIO : errno;
            return false;
        }
        bytes = fcc_bytes_of(bytes.data + n, bytes.len - (size_t)n);
        offset += (uint64_t)n;
    }
    return true;
}

/* Both in one call, so that no sector can hold the first without the beginning of the second. */
static bool write_both(int fd, fcc_bytes first, fcc_bytes second, uint64_t offset)
{
    struct iovec pieces[2] = { { (void *)(uintptr_t)first.data, first.len },
                               { (void *)(uintptr_t)second.data, second.len } };
    ssize_t n;

    do
        n = pwritev(fd, pieces, 2, (off_t)offset);
    while (n < 0 && errno == EINTR);
    if (n < (ssize_t)first.len) {
        errno = n < 0 ? errno : ENOSPC;
        return false;
    }
    n -= (ssize_t)first.len;
    return write_all(fd, fcc_bytes_of(second.data + n, second.len - (size_t)n), offset + first.len + (uint64_t)n);
}

/* A full disk leaves half a record: take it off, so that the file ends in a whole one; opening syncs that. */
static fcc_status take_off(const ledger__files *files)
{
    int problem = errno;

    if (ftruncate(files->fd, (off_t)files->size) != 0)
        problem = errno;
    errno = problem;
    return FCC_ERR_IO;
}

fcc_status ledger__files_write(ledger__files *files, fcc_bytes record, ledger__spot *spot)
{
    fcc_status st = FCC_OK;
    fcc__buf prefix;

    fcc__buf_init(&prefix, PREFIX_MAX);
    fcc__buf_uvarint(&prefix, record.len);
    st = prefix.status;
    if (st == FCC_OK && files->fd < 0)
        st = start_file(files, 0);
    else if (st == FCC_OK && files->durable && files->size &&
             files->size + prefix.len + record.len > LEDGER__FILE_BYTES)
        st = start_file(files, files->file + 1);
    if (st == FCC_OK && !write_both(files->fd, fcc__buf_bytes(&prefix), record, files->size))
        st = take_off(files);
    if (st == FCC_OK) {
        spot->file = files->file;
        spot->offset = files->size + prefix.len;
        spot->len = record.len;
        /* a disk that can't be told to begin will be waited for the longer */
        if (files->durable)
            (void)sync_file_range(files->fd, (off_t)files->size, (off_t)(prefix.len + record.len),
                                  SYNC_FILE_RANGE_WRITE);
        spot->hash = fcc__sha256_of(record);
    }
    fcc__buf_clear(&prefix);
    return st;
}

fcc_status ledger__files_sync(ledger__files *files, const ledger__spot *spot)
{
    if (files->durable && fdatasync(files->fd) != 0)
        return take_off(files);
    files->size = spot->offset + spot->len;
    return FCC_OK;
}

static fcc_status read_all(int fd, uint8_t *to, size_t len, uint64_t offset)
{
    while (len) {
        ssize_t n = pread(fd, to, len, (off_t)offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return FCC_ERR_IO;
        if (n == 0)
            return FCC_ERR_CORRUPT;
        to += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return FCC_OK;
}

fcc_status ledger__files_read(const ledger__files *files, ledger__spot spot, fcc__arena *arena, fcc_bytes *record)
{
    int fd = spot.file == files->file ? files->fd : open_file(files, spot.file, O_RDONLY);
    uint8_t *room = spot.len > SIZE_MAX / 2 ? NULL : fcc__arena_alloc(arena, (size_t)spot.len);
    fcc_status st = FCC_ERR_LIMIT;

    if (fd < 0)
        return FCC_ERR_IO;
    if (room) {
        st = read_all(fd, room, (size_t)spot.len, spot.offset);
        if (st == FCC_OK)
            *record = fcc_bytes_of(room, (size_t)spot.len);
    }
    if (fd != files->fd)
        close(fd);
    return st;
}

fcc_status ledger__files_next(const ledger__files *files, uint32_t *file, uint64_t *offset, ledger__spot *spot,
                              bool *torn)
{
    uint8_t head[PREFIX_MAX];
    fcc_bytes rest;
    struct stat about;
    uint64_t size, len;
    ssize_t n;
    int fd;

    *torn = false;
    for (;;) {
        if (files->fd < 0)
            return FCC_ERR_NOT_FOUND;
        fd = *file == files->file ? files->fd : open_file(files, *file, O_RDONLY);
        if (fd < 0 || fstat(fd, &about) != 0) {
            if (fd >= 0 && fd != files->fd)
                close(fd);
            return FCC_ERR_IO;
        }
        size = (uint64_t)about.st_size;
        n = *offset < size ? pread(fd, head, sizeof head, (off_t)*offset) : 0;
        if (fd != files->fd)
            close(fd);
        if (n < 0)
            return FCC_ERR_IO;
        if (n > 0)
            break;
        if (*file >= files->file)
            return FCC_ERR_NOT_FOUND;
        ++*file;
        *offset = 0;
    }
    rest = fcc_bytes_of(head, (size_t)n);
    if (!ledger__take_uvarint(&rest, &len) || len > size - (*offset + (uint64_t)n - rest.len)) {
        if (*file < files->file)
            return FCC_ERR_CORRUPT;
        *torn = true;
        return FCC_ERR_NOT_FOUND;
    }
    spot->file = *file;
    spot->offset = *offset + (uint64_t)n - rest.len;
    spot->len = len;
    *offset = spot->offset + len;
    return FCC_OK;
}

fcc_status ledger__files_cut(ledger__files *files, uint32_t file, uint64_t offset)
{
    if (file != files->file || ftruncate(files->fd, (off_t)offset) != 0 ||
        (files->durable && fdatasync(files->fd) != 0))
        return FCC_ERR_IO;
    files->size = offset;
    return FCC_OK;
}

fcc_status ledger__files_settle(const ledger__files *files, uint64_t offset, fcc_bytes bytes)
{
    if (!files->durable)
        return FCC_OK;
    return write_all(files->fd, bytes, offset) && fdatasync(files->fd) == 0 ? FCC_OK : FCC_ERR_IO;
}
