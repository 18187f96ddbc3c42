/*
 * See directory.h. The lock is flock on DIR/devnet.pid: the kernel gives it up with the process, however that ends, so
 * a directory is never left locked, and a pid that is read under no lock is nobody's.
 */
#include "devnet/directory.h"

#include "base/arena.h"
#include "base/durable.h"
#include "base/log.h"
#include "msp/material.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static bool join(char out[PATH_MAX], const char *dir, const char *name)
{
    int n = snprintf(out, PATH_MAX, "%s/%s", dir, name);

    return n > 0 && n < PATH_MAX;
}

static fcc_status too_long(const char *dir, fcc_error *error)
{
    return fcc_error_set(error, FCC_ERR_ARG, "%s: the path is too long", dir);
}

static fcc_status make_directories(const char *dir, fcc_error *error)
{
    char path[PATH_MAX];
    size_t len = strlen(dir);

    if (len == 0 || len >= sizeof(path))
        return too_long(dir, error);
    memcpy(path, dir, len + 1);
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        path[i] = '\0';
        if (mkdir(path, 0755) == 0 ? !fcc__sync_parent(path) : errno != EEXIST)
            return fcc_error_set(error, FCC_ERR_IO, "%s: %s", path, strerror(errno));
        path[i] = i < len ? '/' : '\0';
    }
    /* a start that was killed may have made it and not got further */
    return fcc__sync_parent(dir) ? FCC_OK : fcc_error_set(error, FCC_ERR_IO, "%s: %s", dir, strerror(errno));
}

static pid_t read_pid(int fd)
{
    char text[32];
    ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
    long pid;

    if (n <= 0)
        return 0;
    text[n] = '\0';
    pid = strtol(text, NULL, 10);
    return pid > 0 ? (pid_t)pid : 0;
}

fcc_status devnet_directory_enter(const char *dir, int *lock, fcc_error *error)
{
    char path[PATH_MAX], text[32];
    fcc_status st = make_directories(dir, error);
    int fd, n;

    if (st != FCC_OK)
        return st;
    if (!join(path, dir, "devnet.pid"))
        return too_long(dir, error);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        return fcc_error_set(error, FCC_ERR_IO, "%s: %s", path, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        st = errno == EWOULDBLOCK
                 ? fcc_error_set(
                       error, FCC_ERR_EXISTS,
                       "a devnet runs in %s already (process %ld): stop it with medsync devnet down --dir %s, "
                       "or take another directory",
                       dir, (long)read_pid(fd), dir)
                 : fcc_error_set(error, FCC_ERR_IO, "%s: %s", path, strerror(errno));
        close(fd);
        return st;
    }
    n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)n, 0) != n) {
        st = fcc_error_set(error, FCC_ERR_IO, "%s: %s", path, strerror(errno));
        close(fd);
        return st;
    }
    if (join(path, dir, "endpoints.json"))
        unlink(path); /* of a devnet that was killed: its ports are others' by now */
    *lock = fd;
    return FCC_OK;
}

void devnet_directory_leave(const char *dir, int lock)
{
    char path[PATH_MAX];

    if (lock < 0)
        return;
    if (join(path, dir, "endpoints.json"))
        unlink(path);
    if (ftruncate(lock, 0) != 0)
        fcc__log(FCC__WARN, "%s/devnet.pid: %s", dir, strerror(errno));
    close(lock); /* the file stays: unlinking it would let two devnets lock two files of one name */
}

/* ---- from outside ------------------------------------------------------------------------------------------------ */

fcc_status devnet_find(const char *dir, devnet_found *out, fcc_error *error)
{
    devnet_found found = { 0 };
    devnet_settings settings;
    char path[PATH_MAX];
    int fd;

    if (!join(path, dir, "devnet.pid"))
        return too_long(dir, error);
    found.foreign = devnet_settings_read(dir, &settings, NULL) == FCC_OK && settings.foreign;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        if (errno != ENOENT && errno != ENOTDIR)
            return fcc_error_set(error, FCC_ERR_IO, "%s: %s", path, strerror(errno));
        *out = found;
        return FCC_OK;
    }
    if (flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        found.running = true;
        found.pid = read_pid(fd);
        found.ready = join(path, dir, "endpoints.json") && access(path, F_OK) == 0;
    }
    close(fd);
    *out = found;
    return FCC_OK;
}

fcc_status devnet_stop(const char *dir, int64_t timeout_ms, fcc_error *error)
{
    const struct timespec pause = { 0, 10 * 1000 * 1000 };
    devnet_found found;
    fcc_status st = devnet_find(dir, &found, error);
    pid_t pid;

    if (st != FCC_OK)
        return st;
    if (!found.running || found.pid <= 0)
        return fcc_error_set(error, FCC_ERR_NOT_FOUND, "no devnet runs in %s", dir);
    pid = found.pid;
    if (kill(pid, SIGTERM) != 0 && errno != ESRCH)
        return fcc_error_set(error, FCC_ERR_IO, "process %ld cannot be stopped: %s", (long)pid, strerror(errno));
    for (int64_t waited = 0; waited <= timeout_ms; waited += 10) {
        if ((st = devnet_find(dir, &found, error)) != FCC_OK)
            return st;
        if (!found.running || found.pid != pid)
            return FCC_OK;
        nanosleep(&pause, NULL);
    }
    return fcc_error_set(error, FCC_ERR_TIMEOUT, "the devnet in %s (process %ld) has not stopped after %lld ms", dir,
                         (long)pid, (long long)timeout_ms);
}

/* ---- reset ------------------------------------------------------------------------------------------------------- */

/* All that a devnet and what runs beside it write. Nothing else below the directory is touched. */
static const char *const own_entries[] = { "crypto",
                                           "custody",
                                           "ledger",
                                           "log",
                                           "registry.json",
                                           "custody.json",
                                           "chaincodes",
                                           "endpoints.json",
                                           "endpoints.json.new",
                                           "genesis.block",
                                           "genesis.block.new",
                                           "devnet.json",
                                           "devnet.json.new",
                                           "crypto.copying",
                                           "packages",
                                           "blobs",
                                           "custodians",
                                           "demo.json",
                                           "credentials",
                                           "services" };

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

fcc_status devnet_reset(const char *dir, fcc_error *error)
{
    char path[PATH_MAX];
    struct stat info;
    fcc_status st;
    int lock;

    if (stat(dir, &info) != 0)
        return FCC_OK;
    if ((st = devnet_directory_enter(dir, &lock, error)) != FCC_OK)
        return st;
    for (size_t i = 0; i < sizeof(own_entries) / sizeof(own_entries[0]) && st == FCC_OK; i++) {
        if (!join(path, dir, own_entries[i]))
            st = too_long(dir, error);
        else if (lstat(path, &info) == 0 && nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) != 0)
            st = fcc_error_set(error, FCC_ERR_IO, "%s: %s", path, strerror(errno));
    }
    devnet_directory_leave(dir, lock);
    return st;
}
