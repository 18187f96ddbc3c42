/* disk.c: see disk.h. Calls go to the kernel directly, so it doesn't matter whose functions would have come next. */
#undef _FORTIFY_SOURCE
#define _FORTIFY_SOURCE 0
#include "test/support/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define SHOWN __attribute__((visibility("default")))

enum { KNOWN_MAX = 4096 };

static struct {
    pthread_mutex_t mutex;
    char dir[PATH_MAX];
    size_t dir_len;
    int log; /* -1: nothing is recorded */
    bool no_sync;
    char no_sync_file[256];
    uint64_t changes, fail_at, end_at;
    int fail_error;
    bool fail_stays;
    char file[256]; /* whose changes count */
    struct known {
        dev_t dev;
        ino_t ino;
        char *path; /* below dir */
    } known[KNOWN_MAX];
    size_t known_count;
} disk = { .mutex = PTHREAD_MUTEX_INITIALIZER, .log = -1 };

/* ---- what is recorded -------------------------------------------------------------------------------------------------- */

static void put(const void *data, size_t len)
{
    while (len) {
        long n = syscall(SYS_write, disk.log, data, len);

        if (n <= 0)
            abort(); /* a test without its log proves nothing */
        data = (const char *)data + n;
        len -= (size_t)n;
    }
}

static void record(disk_event event, const char *path, const void *data)
{
    char *whole;
    size_t at = sizeof event;

    if (disk.log < 0)
        return;
    event.path_len = path ? (uint32_t)strlen(path) : 0;
    whole = malloc(sizeof event + event.path_len + event.data_len);
    if (!whole)
        abort();
    memcpy(whole, &event, sizeof event);
    if (event.path_len)
        memcpy(whole + at, path, event.path_len);
    at += event.path_len;
    if (event.data_len)
        memcpy(whole + at, data, event.data_len);
    put(whole, at + event.data_len); /* one write: several processes append */
    free(whole);
}

SHOWN void disk_record(const char *dir, const char *log)
{
    if (disk.log >= 0)
        syscall(SYS_close, disk.log);
    disk.log = -1;
    disk.dir_len = 0;
    if (!dir)
        return;
    snprintf(disk.dir, sizeof disk.dir, "%s", dir);
    disk.dir_len = strlen(disk.dir);
    if (log) {
        disk.log = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (disk.log < 0)
            abort();
    }
}

SHOWN void disk_mark(const char *text)
{
    pthread_mutex_lock(&disk.mutex);
    record((disk_event){ .kind = DISK_MARK }, text, NULL);
    pthread_mutex_unlock(&disk.mutex);
}

SHOWN void disk_no_sync(const char *file)
{
    disk.no_sync = file != NULL;
    snprintf(disk.no_sync_file, sizeof disk.no_sync_file, "%s", file ? file : "");
}

static bool unsynced(const struct known *known)
{
    if (!disk.no_sync || !known)
        return false;
    return disk.no_sync_file[0] == '=' ? strcmp(known->path, disk.no_sync_file + 1) == 0
                                       : strstr(known->path, disk.no_sync_file) != NULL;
}

SHOWN void disk_fail_at(uint64_t n, int error, const char *file, bool stays)
{
    disk.changes = 0;
    disk.fail_at = n;
    disk.fail_error = error;
    disk.fail_stays = stays;
    disk.end_at = 0;
    snprintf(disk.file, sizeof disk.file, "%s", file ? file : "");
}

SHOWN void disk_end_at(uint64_t n, const char *file)
{
    disk_fail_at(0, 0, file, false);
    disk.end_at = n;
}

SHOWN uint64_t disk_changes(void)
{
    return disk.changes;
}

static uint64_t number_in(const char *name)
{
    const char *text = getenv(name);

    return text ? strtoull(text, NULL, 10) : 0;
}

static void lock(void)
{
    pthread_mutex_lock(&disk.mutex);
}

static void unlock(void)
{
    pthread_mutex_unlock(&disk.mutex);
}

__attribute__((constructor)) static void start(void)
{
    const char *dir = getenv("DISK_DIR");

    pthread_atfork(lock, unlock, unlock); /* a child may open files before it becomes another program */
    if (!dir)
        return;
    disk_record(dir, getenv("DISK_LOG"));
    disk_no_sync(getenv("DISK_NO_SYNC"));
    disk_fail_at(number_in("DISK_FAIL_AT"), (int)number_in("DISK_FAIL_ERRNO"), getenv("DISK_FILE"),
                 number_in("DISK_FAIL_ON") != 0);
    disk.end_at = number_in("DISK_END_AT");
}

/* ---- which files ------------------------------------------------------------------------------------------------------- */

/* The path below the directory; NULL when it isn't there. */
static const char *below(const char *path)
{
    if (!disk.dir_len || strncmp(path, disk.dir, disk.dir_len) != 0)
        return NULL;
    if (path[disk.dir_len] == '\0')
        return "";
    return path[disk.dir_len] == '/' ? path + disk.dir_len + 1 : NULL;
}

/* An absolute path out of what a call was given. `.` and `..` don't occur in the directories under test. */
static const char *absolute(int at, const char *path, char room[PATH_MAX])
{
    char link[64];
    ssize_t n;

    if (path[0] == '/')
        return path;
    snprintf(link, sizeof link, at == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", at);
    n = readlink(link, room, PATH_MAX - 2);
    if (n < 0)
        return path;
    snprintf(room + n, (size_t)(PATH_MAX - n), "/%s", path);
    return room;
}

static const struct known *find(int fd, struct stat *about)
{
    size_t i;

    if (!disk.dir_len || fstat(fd, about) != 0)
        return NULL;
    for (i = disk.known_count; i-- > 0;) {
        if (disk.known[i].ino == about->st_ino && disk.known[i].dev == about->st_dev)
            return &disk.known[i];
    }
    return NULL;
}

static void know(int fd)
{
    char link[64], room[PATH_MAX];
    struct stat about;
    struct known *known = (struct known *)(uintptr_t)find(fd, &about);
    const char *path;
    ssize_t n;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, room, sizeof room - 1);
    if (n < 0)
        abort();
    room[n] = '\0';
    path = below(room);
    if (!path)
        return;

    if (!known) {
        if (disk.known_count == KNOWN_MAX)
            abort();
        known = &disk.known[disk.known_count++];
        known->dev = about.st_dev;
        known->ino = about.st_ino;
    }
    free(known->path);
    known->path = strdup(path);
    record((disk_event){ .kind = DISK_OPEN, .file = about.st_ino }, path, NULL);
}

/* ---- failing and ending ------------------------------------------------------------------------------------------------ */

/* Count a change; true when it has to fail, with errno set. */
static bool fails(const char *path)
{
    if (disk.file[0] && !strstr(path, disk.file))
        return false;
    disk.changes++;
    if (!disk.fail_at || disk.changes < disk.fail_at || (disk.changes > disk.fail_at && !disk.fail_stays))
        return false;
    errno = disk.fail_error;
    return true;
}

static void done(void)
{
    if (disk.end_at && disk.changes >= disk.end_at)
        _exit(137);
}

/* ---- opening ----------------------------------------------------------------------------------------------------------- */

static int open_at(int at, const char *path, int flags, mode_t mode)
{
    char room[PATH_MAX];
    const char *name = below(absolute(at, path, room));
    bool exists;
    struct stat about;
    int fd;

    if (!name)
        return (int)syscall(SYS_openat, at, path, flags, mode);
    pthread_mutex_lock(&disk.mutex);
    exists = fstatat(at, path, &about, 0) == 0;
    fd = exists || !(flags & O_CREAT) || !fails(name) ? (int)syscall(SYS_openat, at, path, flags, mode) : -1;
    /* files that are only read need not be known */
    if (fd >= 0 && ((flags & O_ACCMODE) != O_RDONLY || (exists && S_ISDIR(about.st_mode)))) {
        know(fd);
        if (exists && flags & O_TRUNC)
            record((disk_event){ .kind = DISK_TRUNCATE, .file = about.st_ino }, NULL, NULL);
        done();
    }
    pthread_mutex_unlock(&disk.mutex);
    return fd;
}

static mode_t mode_of(int flags, va_list list)
{
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(list, mode_t) : 0;
}

#define OPEN(name)                                    \
    SHOWN int name(const char *path, int flags, ...); \
    SHOWN int name(const char *path, int flags, ...)  \
    {                                                 \
        va_list list;                                 \
        mode_t mode;                                  \
                                                      \
        va_start(list, flags);                        \
        mode = mode_of(flags, list);                  \
        va_end(list);                                 \
        return open_at(AT_FDCWD, path, flags, mode);  \
    }
#define OPENAT(name)                                          \
    SHOWN int name(int at, const char *path, int flags, ...); \
    SHOWN int name(int at, const char *path, int flags, ...)  \
    {                                                         \
        va_list list;                                         \
        mode_t mode;                                          \
                                                              \
        va_start(list, flags);                                \
        mode = mode_of(flags, list);                          \
        va_end(list);                                         \
        return open_at(at, path, flags, mode);                \
    }
OPEN(open)
OPEN(open64)
OPEN(__open_2)
OPEN(__open64_2)
OPENAT(openat)
OPENAT(openat64)
OPENAT(__openat_2)
OPENAT(__openat64_2)

/* ---- writing ----------------------------------------------------------------------------------------------------------- */

/* Where a write without a place goes. */
static off_t place_of(int fd, const struct stat *about)
{
    return fcntl(fd, F_GETFL) & O_APPEND ? about->st_size : lseek(fd, 0, SEEK_CUR);
}

/* `offset` -1: where the file stands. */
static ssize_t write_at(int fd, const void *data, size_t len, off_t offset)
{
    struct stat about;
    const struct known *known;
    off_t place = offset;
    ssize_t n = -1;

    pthread_mutex_lock(&disk.mutex);
    known = find(fd, &about);
    if (known && len && fails(known->path)) {
        if (disk.fail_error != ENOSPC || disk.changes != disk.fail_at || len < 2)
            goto out;
        len /= 2;
        errno = 0; /* what was written in part is no error yet: the next write is */
    }
    if (known && offset < 0)
        place = place_of(fd, &about);
    n = offset < 0 ? syscall(SYS_write, fd, data, len) : syscall(SYS_pwrite64, fd, data, len, offset);
    if (known && n > 0) {
        record((disk_event){ .kind = DISK_WRITE,
                             .file = about.st_ino,
                             .offset = (uint64_t)place,
                             .data_len = (uint32_t)n,
                             .synced = (fcntl(fd, F_GETFL) & O_DSYNC) != 0 && !unsynced(known) },
               NULL, data);
        done();
    }
out:
    pthread_mutex_unlock(&disk.mutex);
    return n;
}

static ssize_t write_pieces(int fd, const struct iovec *pieces, int count, off_t offset)
{
    size_t len = 0, at = 0;
    struct stat about;
    ssize_t n;
    char *whole;
    int i;

    pthread_mutex_lock(&disk.mutex);
    whole = find(fd, &about) ? (char *)pieces : NULL;
    pthread_mutex_unlock(&disk.mutex);
    if (!whole)
        return offset < 0 ? syscall(SYS_writev, fd, pieces, count)
                          : syscall(SYS_pwritev, fd, pieces, count, (long)offset, 0L);
    for (i = 0; i < count; i++)
        len += pieces[i].iov_len;
    whole = malloc(len + 1);
    if (!whole)
        abort();
    for (i = 0; i < count; i++) {
        memcpy(whole + at, pieces[i].iov_base, pieces[i].iov_len);
        at += pieces[i].iov_len;
    }
    n = write_at(fd, whole, len, offset);
    free(whole);
    return n;
}

SHOWN ssize_t write(int fd, const void *data, size_t len)
{
    return write_at(fd, data, len, -1);
}

SHOWN ssize_t pwrite(int fd, const void *data, size_t len, off_t offset)
{
    return write_at(fd, data, len, offset);
}

SHOWN ssize_t pwrite64(int fd, const void *data, size_t len, off64_t offset)
{
    return write_at(fd, data, len, offset);
}

SHOWN ssize_t writev(int fd, const struct iovec *pieces, int count)
{
    return write_pieces(fd, pieces, count, -1);
}

SHOWN ssize_t pwritev(int fd, const struct iovec *pieces, int count, off_t offset)
{
    return write_pieces(fd, pieces, count, offset);
}

SHOWN ssize_t pwritev64(int fd, const struct iovec *pieces, int count, off64_t offset)
{
    return write_pieces(fd, pieces, count, offset);
}

SHOWN int ftruncate(int fd, off_t length)
{
    struct stat about;
    const struct known *known;
    int rc = -1;

    pthread_mutex_lock(&disk.mutex);
    known = find(fd, &about);
    if (!known || disk.fail_error == ENOSPC || !fails(known->path)) {
        rc = (int)syscall(SYS_ftruncate, fd, length);
        if (known && rc == 0) {
            record((disk_event){ .kind = DISK_TRUNCATE, .file = about.st_ino, .offset = (uint64_t)length }, NULL, NULL);
            done();
        }
    }
    pthread_mutex_unlock(&disk.mutex);
    return rc;
}

SHOWN int ftruncate64(int fd, off64_t length)
{
    return ftruncate(fd, length);
}

/* ---- syncing ----------------------------------------------------------------------------------------------------------- */

static int sync_by(long call, int fd)
{
    struct stat about;
    const struct known *known;
    int rc = -1;

    pthread_mutex_lock(&disk.mutex);
    known = find(fd, &about);
    if (unsynced(known)) {
        rc = 0;
    } else if (!known || !fails(known->path)) {
        rc = (int)syscall(call, fd);
        if (known && rc == 0) {
            record((disk_event){ .kind = DISK_SYNC, .file = about.st_ino }, NULL, NULL);
            done();
        }
    }
    pthread_mutex_unlock(&disk.mutex);
    return rc;
}

SHOWN int fsync(int fd)
{
    return sync_by(SYS_fsync, fd);
}

SHOWN int fdatasync(int fd)
{
    return sync_by(SYS_fdatasync, fd);
}

/* ---- names ------------------------------------------------------------------------------------------------------------- */

static int rename_by(int from_at, const char *from, int to_at, const char *to)
{
    char from_room[PATH_MAX], to_room[PATH_MAX];
    const char *from_name = below(absolute(from_at, from, from_room)), *to_name = below(absolute(to_at, to, to_room));
    int rc = -1;

    if (!from_name || !to_name)
        return (int)syscall(SYS_renameat2, from_at, from, to_at, to, 0);
    pthread_mutex_lock(&disk.mutex);
    if (!fails(to_name)) {
        rc = (int)syscall(SYS_renameat2, from_at, from, to_at, to, 0);
        if (rc == 0) {
            record((disk_event){ .kind = DISK_RENAME, .data_len = (uint32_t)strlen(to_name) }, from_name, to_name);
            done();
        }
    }
    pthread_mutex_unlock(&disk.mutex);
    return rc;
}

SHOWN int rename(const char *from, const char *to)
{
    return rename_by(AT_FDCWD, from, AT_FDCWD, to);
}

SHOWN int renameat(int from_at, const char *from, int to_at, const char *to)
{
    return rename_by(from_at, from, to_at, to);
}

static int unlink_by(int at, const char *path, int flags)
{
    char room[PATH_MAX];
    const char *name = below(absolute(at, path, room));
    int rc;

    pthread_mutex_lock(&disk.mutex);
    rc = (int)syscall(SYS_unlinkat, at, path, flags);
    if (name && rc == 0)
        record((disk_event){ .kind = DISK_UNLINK }, name, NULL);
    pthread_mutex_unlock(&disk.mutex);
    return rc;
}

SHOWN int unlink(const char *path)
{
    return unlink_by(AT_FDCWD, path, 0);
}

SHOWN int unlinkat(int at, const char *path, int flags)
{
    return unlink_by(at, path, flags);
}

SHOWN int rmdir(const char *path)
{
    return unlink_by(AT_FDCWD, path, AT_REMOVEDIR);
}

SHOWN int remove(const char *path)
{
    int rc = unlink_by(AT_FDCWD, path, 0);

    return rc != 0 && errno == EISDIR ? rmdir(path) : rc;
}

static int mkdir_by(int at, const char *path, mode_t mode)
{
    char room[PATH_MAX];
    const char *name = below(absolute(at, path, room));
    struct stat about;
    int rc = -1;

    if (!name || fstatat(at, path, &about, 0) == 0)
        return (int)syscall(SYS_mkdirat, at, path, mode);
    pthread_mutex_lock(&disk.mutex);
    if (!fails(name)) {
        rc = (int)syscall(SYS_mkdirat, at, path, mode);
        if (rc == 0) {
            record((disk_event){ .kind = DISK_MKDIR }, name, NULL);
            done();
        }
    }
    pthread_mutex_unlock(&disk.mutex);
    return rc;
}

SHOWN int mkdir(const char *path, mode_t mode)
{
    return mkdir_by(AT_FDCWD, path, mode);
}

SHOWN int mkdirat(int at, const char *path, mode_t mode)
{
    return mkdir_by(at, path, mode);
}

SHOWN char *mkdtemp(char *template)
{
    char *end = template + strlen(template);
    int turn;

    if (end - template <6 || strcmp(end - 6, "XXXXXX") != 0) {
        errno = EINVAL;
        return NULL;
    }
    for (turn = 0; turn < 1000; turn++) {
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        snprintf(end - 6, 7, "%06x", (unsigned)((now.tv_nsec + turn * 7919 + getpid()) & 0xffffff));
        if (mkdir_by(AT_FDCWD, template, 0700) == 0)
            return template;
        if (errno != EEXIST)
            break;
    }
    return NULL;
}
