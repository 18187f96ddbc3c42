/* Encrypted files named by what they hold. */
#include "blob/blob.h"
#include "blob/seal.h"

#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct blob_store {
    char *dir;
    int fd; /* of the directory, to have its entries synced */
};

fcc_status blob_open(const char *dir, blob_store **out, fcc_error *error)
{
    blob_store *s;
    struct stat info;

    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return fcc_error_set(error, FCC_ERR_IO, "%s: %s", dir, strerror(errno));
    if (stat(dir, &info) != 0 || !S_ISDIR(info.st_mode))
        return fcc_error_set(error, FCC_ERR_IO, "%s is not a directory", dir);
    s = calloc(1, sizeof(*s));
    if (s)
        s->fd = -1;
    if (!s || !(s->dir = strdup(dir))) {
        blob_close(s);
        return fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
    }
    s->fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->fd < 0) {
        fcc_error_set(error, FCC_ERR_IO, "%s: %s", dir, strerror(errno));
        blob_close(s);
        return FCC_ERR_IO;
    }
    *out = s;
    return FCC_OK;
}

void blob_close(blob_store *s)
{
    if (!s)
        return;
    if (s->fd >= 0)
        close(s->fd);
    free(s->dir);
    free(s);
}

bool blob_path(const blob_store *s, const char *cid, char *out, size_t size)
{
    int n = snprintf(out, size, "%s/%s", s->dir, cid);

    return n > 0 && (size_t)n < size;
}

/*
 * Everything stored so far survives a loss of power: one sync for many blobs, before the ledger is told about them.
 */
fcc_status blob_sync(blob_store *s, fcc_error *error)
{
    if (syncfs(s->fd) != 0)
        return fcc_error_set(error, FCC_ERR_IO, "%s: %s", s->dir, strerror(errno));
    return FCC_OK;
}

static bool write_all(int fd, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

static fcc_status write_file(const blob_store *s, const char *cid, fcc_bytes bytes, fcc_error *error)
{
    fcc_status st = FCC_ERR_IO;
    char path[4096], temporary[4096];
    int fd;

    if (!blob_path(s, cid, path, sizeof(path)) || !blob_path(s, ".new-XXXXXX", temporary, sizeof(temporary)))
        return fcc_error_set(error, FCC_ERR_ARG, "%s: the path is too long", s->dir);
    fd = mkstemp(temporary);
    if (fd < 0)
        return fcc_error_set(error, st, "%s: %s", temporary, strerror(errno));
    if (!write_all(fd, bytes.data, bytes.len)) {
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

fcc_status blob_put(blob_store *s, fcc_bytes content, blob_ref *out, fcc_error *error)
{
    fcc_status st = FCC_ERR_NOMEM;
    blob_ref ref;
    fcc__sha256 digest;
    uint8_t *stored = NULL;
    size_t i, size;

    memset(&ref, 0, sizeof(ref));
    if (content.len == 0)
        return fcc_error_set(error, FCC_ERR_ARG, "there is no content to store");
    if (content.len > BLOB_MAX - BLOB_OVERHEAD)
        return fcc_error_set(error, FCC_ERR_LIMIT, "%zu bytes: a blob holds at most %d", content.len,
                             BLOB_MAX - BLOB_OVERHEAD);
    size = content.len + BLOB_OVERHEAD;
    stored = malloc(size);
    if (!stored) {
        fcc_error_set(error, st, "out of memory");
        goto out;
    }
    st = FCC_ERR_INTERNAL;
    if (RAND_bytes(ref.key, BLOB_KEY_LEN) != 1 || !blob__encrypt(ref.key, content, stored)) {
        fcc_error_set(error, st, "OpenSSL cannot encrypt");
        goto out;
    }
    ref.size = size;
    blob_cid(BLOB_CODEC_RAW, fcc_bytes_of(stored, size), ref.cid);
    digest = fcc__sha256_of(fcc_bytes_of(stored, size));
    for (i = 0; i < FCC__SHA256_LEN; i++)
        snprintf(ref.sha256 + 2 * i, 3, "%02x", digest.bytes[i]);
    if ((st = write_file(s, ref.cid, fcc_bytes_of(stored, size), error)) != FCC_OK)
        goto out;
    *out = ref;
out:
    blob_wipe(&ref, sizeof(ref));
    free(stored);
    return st;
}

static fcc_status read_blob(const char *path, const char *cid, uint8_t **out, size_t *len, fcc_error *error)
{
    fcc_status st = FCC_ERR_IO;
    struct stat info;
    uint8_t *data = NULL;
    size_t got = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return fcc_error_set(error, errno == ENOENT ? FCC_ERR_NOT_FOUND : FCC_ERR_IO, "blob %s: %s", cid,
                             strerror(errno));
    if (fstat(fd, &info) != 0) {
        fcc_error_set(error, st, "blob %s: %s", cid, strerror(errno));
        goto out;
    }
    if (info.st_size < BLOB_OVERHEAD || info.st_size > BLOB_MAX) {
        st = fcc_error_set(error, FCC_ERR_CORRUPT, "blob %s is damaged: %lld bytes", cid, (long long)info.st_size);
        goto out;
    }
    data = malloc((size_t)info.st_size);
    if (!data) {
        st = fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
        goto out;
    }
    while (got < (size_t)info.st_size) {
        ssize_t n = read(fd, data + got, (size_t)info.st_size - got);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            fcc_error_set(error, st, "blob %s: cannot be read", cid);
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

fcc_status blob_get(blob_store *s, const char *cid, const uint8_t key[BLOB_KEY_LEN], fcc__arena *arena, fcc_bytes *out,
                    fcc_error *error)
{
    fcc_status st;
    char path[4096];
    uint8_t want[32], *stored = NULL, *plain;
    fcc__sha256 have;
    uint64_t codec;
    size_t len = 0;

    if (blob_cid_parse(cid, &codec, want) != FCC_OK || codec != BLOB_CODEC_RAW)
        return fcc_error_set(error, FCC_ERR_ARG, "%s is no CID of this store (CIDv1, raw, SHA-256, base32)", cid);
    if (!blob_path(s, cid, path, sizeof(path)))
        return fcc_error_set(error, FCC_ERR_ARG, "%s: the path is too long", s->dir);
    if ((st = read_blob(path, cid, &stored, &len, error)) != FCC_OK)
        return st;
    have = fcc__sha256_of(fcc_bytes_of(stored, len));
    if (memcmp(have.bytes, want, sizeof(want)) != 0) {
        st = fcc_error_set(error, FCC_ERR_CORRUPT, "blob %s is damaged: its bytes do not hash to its name", cid);
        goto out;
    }
    plain = fcc__arena_alloc(arena, len);
    if (!plain) {
        st = fcc_error_set(error, FCC_ERR_LIMIT, "blob %s: out of memory", cid);
        goto out;
    }
    if (!blob__decrypt(key, fcc_bytes_of(stored, len), plain)) {
        st = fcc_error_set(error, FCC_ERR_AUTH, "blob %s: this data key does not open it", cid);
        goto out;
    }
    *out = fcc_bytes_of(plain, len - BLOB_OVERHEAD);
    st = FCC_OK;
out:
    free(stored);
    return st;
}
