/* files.c: see files.h. */
#include "ledger/files.h"

#include "base/buf.h"
#include "ledger/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_LEN = 32, PREFIX_MAX = 10 };

static void name_of(uint32_t file, char name[NAME_LEN])
{
    snprintf(name, NAME_LEN, "blockfile_%06u", (unsigned)file);
}

static int open_file(const ledger__files *files, uint32_t file, int flags)
{
    char name[NAME_LEN];

    name_of(file, name);
    return openat(files->dir, name, flags | O_CLOEXEC, 0600);
}

/* Make `file` the one that is appended to. */
static fcc_status start_file(ledger__files *files, uint32_t file)
{
    struct stat about;
    int fd = open_file(files, file, O_RDWR | O_CREAT);

    if (fd < 0 || fstat(fd, &about) != 0 || (files->durable && fsync(files->dir) != 0)) {
        if (fd >= 0)
            close(fd);
        return FCC_ERR_IO;
    }
    if (files->fd >= 0)
        close(files->fd);
    files->fd = fd;
    files->file = file;
    files->size = (uint64_t)about.st_size;
    return FCC_OK;
}

fcc_status ledger__files_open(ledger__files *files, const char *dir, bool durable, fcc_error *error)
{
    uint32_t last = 0;
    char name[NAME_LEN];

    files->fd = -1;
    files->durable = durable;
    files->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (files->dir < 0)
        return fcc_error_set(error, FCC_ERR_IO, "directory of blocks %s: %s", dir, strerror(errno));
    for (;; last++) {
        name_of(last + 1, name);
        if (faccessat(files->dir, name, F_OK, 0) != 0)
            break;
    }
    if (start_file(files, last) != FCC_OK) {
        ledger__files_close(files);
        return fcc_error_set(error, FCC_ERR_IO, "block file %u in %s: %s", (unsigned)last, dir, strerror(errno));
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
        if (n <= 0)
            return false;
        bytes = fcc_bytes_of(bytes.data + n, bytes.len - (size_t)n);
        offset += (uint64_t)n;
    }
    return true;
}

fcc_status ledger__files_append(ledger__files *files, fcc_bytes record, ledger__spot *spot)
{
    fcc_status st = FCC_OK;
    fcc__buf prefix;

    fcc__buf_init(&prefix, PREFIX_MAX);
    fcc__buf_uvarint(&prefix, record.len);
    st = prefix.status;
    if (st == FCC_OK && files->durable && files->size && files->size + prefix.len + record.len > LEDGER__FILE_BYTES)
        st = start_file(files, files->file + 1);
    if (st != FCC_OK)
        goto out;
    if (!write_all(files->fd, fcc__buf_bytes(&prefix), files->size) ||
        !write_all(files->fd, record, files->size + prefix.len) || (files->durable && fdatasync(files->fd) != 0)) {
        st = FCC_ERR_IO;
        /* a full disk leaves half a record: take it off, so that the file ends in a whole one */
        if (ftruncate(files->fd, (off_t)files->size) != 0)
            st = FCC_ERR_IO;
        goto out;
    }
    spot->file = files->file;
    spot->offset = files->size + prefix.len;
    spot->len = record.len;
    files->size += prefix.len + record.len;
out:
    fcc__buf_clear(&prefix);
    return st;
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

fcc_status ledger__files_blank(const ledger__files *files, uint32_t file, uint64_t offset, bool *blank)
{
    uint8_t piece[4096];
    ssize_t n, i;

    *blank = file == files->file;
    while (*blank) {
        n = pread(files->fd, piece, sizeof piece, (off_t)offset);
        if (n < 0)
            return FCC_ERR_IO;
        if (n == 0)
            break;
        for (i = 0; i < n && piece[i] == 0; i++)
            ;
        *blank = i == n;
        offset += (uint64_t)n;
    }
    return FCC_OK;
}
