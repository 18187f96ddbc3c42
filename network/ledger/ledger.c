/*
 * ledger.c: opening, questions about what is stored, and what brings both up to the newest block.
 *
 * DIR/blocks holds the block files, DIR/state the database, DIR/lock says that somebody has it open. The block files are
 * the truth: the database's savepoint tells up to which block it follows them, and opening catches up.
 */
#include "ledger/commit.h"

#include "base/durable.h"
#include "base/log.h"
#include "protos/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- questions ------------------------------------------------------------------------------------------------------- */

uint64_t ledger_height(const ledger *l)
{
    return l->height;
}

fcc__sha256 ledger_hash(const ledger *l)
{
    return l->hash;
}

fcc_bytes ledger_commit_hash(const ledger *l)
{
    return l->has_commit_hash ? fcc__sha256_bytes(&l->commit_hash) : fcc_bytes_of(NULL, 0);
}

void ledger__channel_free(const ledger *l, msp_channel *channel)
{
    if (channel != l->lent)
        msp_channel_free(channel);
}

const msp_channel *ledger_channel(const ledger *l)
{
    return l->channel;
}

uint64_t ledger_config_block(const ledger *l)
{
    return l->config_block;
}

/* The scratch key is no state that a caller could see. */
static ledger *scratch_of(const ledger *l)
{
    return (ledger *)(uintptr_t)l;
}

/* Questions have no room for more than a status. */
static void tell_damaged(const ledger *l, uint64_t number, ledger__spot spot)
{
    char name[LEDGER__FILE_NAME];

    ledger__files_name(spot.file, name);
    fcc__log_code(FCC__ERROR, FCC__E_STAT_DATA,
                  "%s/blocks/%s: block %llu, at byte %llu, is damaged: stop, and " LEDGER__RESTORE, l->dir, name,
                  (unsigned long long)number, (unsigned long long)spot.offset, l->dir);
}

fcc_status ledger__block_at(const ledger *l, MDB_txn *txn, uint64_t number, fcc__arena *arena, ledger__block *out)
{
    fcc_bytes stored, record;
    uint64_t file;
    ledger__spot spot;
    fcc_status st = ledger__get(&l->store, txn, LEDGER__BLOCKS, ledger__number_key(scratch_of(l), 'n', number),
                                &stored);

    if (st != FCC_OK)
        return st;
    if (!ledger__take_uvarint(&stored, &file) || !ledger__take_uvarint(&stored, &spot.offset) ||
        !ledger__take_uvarint(&stored, &spot.len) || file > UINT32_MAX)
        return FCC_ERR_CORRUPT;
    spot.file = (uint32_t)file;
    st = ledger__files_read(&l->files, spot, arena, &record);
    if (st == FCC_OK) {
        spot.hash = fcc__sha256_of(record);
        /* ledgers of earlier versions have places without a hash */
        st = stored.len == 0 || fcc_bytes_equal(stored, fcc__sha256_bytes(&spot.hash))
                 ? ledger__block_read(record, arena, out)
                 : FCC_ERR_CORRUPT;
    }
    if (st == FCC_ERR_CORRUPT)
        tell_damaged(l, number, spot);
    return st;
}

fcc_status ledger_block(const ledger *l, uint64_t number, fcc__arena *arena, fcc_bytes *out)
{
    ledger__block block;
    MDB_txn *txn;
    fcc_status st = ledger__begin(&l->store, false, &txn);

    if (st != FCC_OK)
        return st;
    st = ledger__block_at(l, txn, number, arena, &block);
    mdb_txn_abort(txn);
    return st == FCC_OK ? ledger__block_pack(&block, arena, out) : st;
}

fcc_status ledger_block_number_by_hash(const ledger *l, fcc_bytes hash, uint64_t *number)
{
    fcc_bytes stored;
    MDB_txn *txn;
    fcc_status st;

    if (hash.len != FCC__SHA256_LEN)
        return FCC_ERR_NOT_FOUND;
    st = ledger__begin(&l->store, false, &txn);
    if (st != FCC_OK)
        return st;
    st = ledger__get(&l->store, txn, LEDGER__BLOCKS, ledger__hash_key(scratch_of(l), hash), &stored);
    if (st == FCC_OK && !ledger__take_uvarint(&stored, number))
        st = FCC_ERR_CORRUPT;
    mdb_txn_abort(txn);
    return st;
}

fcc_status ledger_find_tx(const ledger *l, fcc_bytes txid, ledger_place *out)
{
    uint64_t block, index, code;
    fcc_bytes stored;
    MDB_txn *txn;
    fcc_status st;

    if (!txid.len)
        return FCC_ERR_NOT_FOUND;
    st = ledger__begin(&l->store, false, &txn);
    if (st != FCC_OK)
        return st;
    st = ledger__get(&l->store, txn, LEDGER__TXS, txid, &stored);
    if (st == FCC_OK) {
        if (ledger__take_uvarint(&stored, &block) && ledger__take_uvarint(&stored, &index) &&
            ledger__take_uvarint(&stored, &code)) {
            out->block = block;
            out->index = (uint32_t)index;
            out->code = (uint8_t)code;
        } else {
            st = FCC_ERR_CORRUPT;
        }
    }
    mdb_txn_abort(txn);
    return st;
}

bool ledger_has_tx(const ledger *l, fcc_bytes txid)
{
    ledger_place place;

    return ledger_find_tx(l, txid, &place) == FCC_OK;
}

fcc_status ledger_envelope(const ledger *l, ledger_place place, fcc__arena *arena, fcc_bytes *out)
{
    ledger__block block;
    MDB_txn *txn;
    fcc_status st = ledger__begin(&l->store, false, &txn);

    if (st != FCC_OK)
        return st;
    st = ledger__block_at(l, txn, place.block, arena, &block);
    mdb_txn_abort(txn);
    if (st == FCC_OK && place.index >= block.count)
        st = FCC_ERR_NOT_FOUND;
    if (st == FCC_OK)
        *out = block.envelopes[place.index];
    return st;
}

/* ---- opening --------------------------------------------------------------------------------------------------------- */

static fcc_status load_channel(ledger *l, MDB_txn *txn, fcc_error *error)
{
    fcc__arena *arena = fcc__arena_new(LEDGER__ARENA_CAP);
    ledger__block block;
    fcc_bytes bytes;
    fcc_status st = FCC_ERR_NOMEM;

    if (l->lent && l->config_block == 0) {
        l->channel = (msp_channel *)(uintptr_t)l->lent; /* see ledger__channel_free */
        fcc__arena_free(arena);
        return FCC_OK;
    }
    if (arena)
        st = ledger__block_at(l, txn, l->config_block, arena, &block);
    if (st == FCC_OK)
        st = ledger__block_pack(&block, arena, &bytes);
    if (st == FCC_OK)
        st = msp_channel_from_block(bytes, &l->channel, error);
    else
        fcc_error_set(error, st, "%s: config block %llu can't be read (%s): " LEDGER__RESTORE, l->dir,
                      (unsigned long long)l->config_block, fcc_status_text(st), l->dir);
    fcc__arena_free(arena);
    return st;
}

/* The savepoint: where the database stands, and where in the files the next block begins; untouched when there is none. */
static fcc_status load_savepoint(ledger *l, uint32_t *file, uint64_t *offset, fcc_error *error)
{
    fcc_bytes stored, hash, commit_hash;
    uint64_t file_number;
    MDB_txn *txn;
    fcc_status st = ledger__begin(&l->store, false, &txn);

    if (st != FCC_OK)
        return fcc_error_set(error, st, "state database: no reading transaction");
    st = ledger__get(&l->store, txn, LEDGER__META, FCC_LIT("savepoint"), &stored);
    if (st == FCC_ERR_NOT_FOUND) {
        st = FCC_OK;
        goto out;
    }
    if (st != FCC_OK || !ledger__take_uvarint(&stored, &l->height) || !ledger__take_uvarint(&stored, &file_number) ||
        !ledger__take_uvarint(&stored, offset) || !ledger__take_uvarint(&stored, &l->config_block) ||
        !ledger__take_piece(&stored, &hash) || !ledger__take_piece(&stored, &commit_hash) ||
        hash.len != FCC__SHA256_LEN || (commit_hash.len && commit_hash.len != FCC__SHA256_LEN) ||
        file_number > UINT32_MAX) {
        st = fcc_error_set(error, FCC_ERR_CORRUPT, "%s/state/data.mdb is damaged (its savepoint): " LEDGER__RESTORE,
                           l->dir, l->dir);
        goto out;
    }
    *file = (uint32_t)file_number;
    memcpy(l->hash.bytes, hash.data, hash.len);
    l->has_commit_hash = commit_hash.len != 0;
    if (l->has_commit_hash)
        memcpy(l->commit_hash.bytes, commit_hash.data, commit_hash.len);
    st = ledger__check_reach(l, *file, *offset, error);
    if (st == FCC_OK)
        st = load_channel(l, txn, error);
out:
    mdb_txn_abort(txn);
    return st;
}

static bool make_dir(const char *path)
{
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

static fcc_status lock_dir(ledger *l, const char *dir, fcc_error *error)
{
    char path[4096];

    snprintf(path, sizeof path, "%s/lock", dir);
    l->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (l->lock < 0)
        return fcc_error_set(error, FCC_ERR_IO, "%s: %s", path, strerror(errno));
    if (flock(l->lock, LOCK_EX | LOCK_NB) != 0)
        return fcc_error_set(error, FCC_ERR_EXISTS, "another process has the ledger in %s open", dir);
    return FCC_OK;
}

/* With nothing to outlive the process, the names go at once; the open files go with the process. */
static void unlink_all(const char *dir)
{
    static const char *const files[] = { "state/data.mdb", "state/lock.mdb", "blocks/blockfile_000000", "lock" };
    static const char *const dirs[] = { "state", "blocks" };
    char path[4096];
    size_t i;

    for (i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        unlink(path);
    }
    for (i = 0; i < sizeof dirs / sizeof dirs[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, dirs[i]);
        rmdir(path);
    }
    rmdir(dir);
}

static bool copy_file(int from, uint64_t size, const char *path)
{
    int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    off_t at = 0;
    bool ok = to >= 0;

    while (ok && (uint64_t)at < size)
        ok = sendfile(to, from, &at, (size_t)(size - (uint64_t)at)) > 0;
    if (to >= 0 && close(to) != 0)
        ok = false;
    return ok;
}

static bool write_file(fcc_bytes bytes, const char *path)
{
    int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool ok = to >= 0;

    while (ok && bytes.len) {
        const ssize_t n = write(to, bytes.data, bytes.len);

        ok = n > 0;
        if (ok)
            bytes = fcc_bytes_of(bytes.data + n, bytes.len - (size_t)n);
    }
    if (to >= 0 && close(to) != 0)
        ok = false;
    return ok;
}

/* What one in memory holds, or held, for another one in `dir`. It has one file of blocks. */
static fcc_status begin_with(const ledger_options *options, const char *dir, fcc_error *error)
{
    const ledger *from = options->copy_of;
    char path[4096];
    int rc = 0;

    snprintf(path, sizeof path, "%s/blocks", dir);
    if (!make_dir(path))
        goto failed;
    strcat(path, "/blockfile_000000");
    if (from ? !copy_file(from->files.fd, from->files.size, path) : !write_file(options->image->blocks, path))
        goto failed;
    snprintf(path, sizeof path, "%s/state", dir);
    if (!make_dir(path))
        goto failed;
    if (from) {
        rc = mdb_env_copy(from->store.env, path);
        if (rc == 0)
            return FCC_OK;
    } else {
        strcat(path, "/data.mdb");
        if (write_file(options->image->state, path))
            return FCC_OK;
    }
failed:
    return fcc_error_set(error, FCC_ERR_IO, "%s: %s", path, rc ? mdb_strerror(rc) : strerror(errno));
}

static fcc_status read_whole(int fd, uint64_t size, fcc__arena *arena, fcc_bytes *out)
{
    uint8_t *to = fcc__arena_alloc(arena, (size_t)size);
    size_t len = 0;

    if (!to)
        return FCC_ERR_LIMIT;
    while (len < size) {
        const ssize_t n = pread(fd, to + len, (size_t)size - len, (off_t)len);

        if (n <= 0)
            return FCC_ERR_IO;
        len += (size_t)n;
    }
    *out = fcc_bytes_of(to, len);
    return FCC_OK;
}

fcc_status ledger_image_of(const ledger *l, fcc__arena *arena, ledger_image *out)
{
    const int fd = memfd_create("ledger", MFD_CLOEXEC);
    struct stat about;
    int rc = fd < 0 ? errno : mdb_env_copyfd2(l->store.env, fd, MDB_CP_COMPACT);
    fcc_status st = ledger__lmdb_status(rc);

    if (st == FCC_OK && fstat(fd, &about) != 0)
        st = FCC_ERR_IO;
    if (st == FCC_OK)
        st = read_whole(fd, (uint64_t)about.st_size, arena, &out->state);
    if (st == FCC_OK)
        st = read_whole(l->files.fd, l->files.size, arena, &out->blocks);
    if (fd >= 0)
        close(fd);
    return st;
}

static fcc_status open_dir(ledger *l, const char *dir, bool durable, fcc_error *error)
{
    char path[4096];
    fcc_status st;

    if (strlen(dir) > sizeof path - 64)
        return fcc_error_set(error, FCC_ERR_ARG, "the ledger's directory has too long a name");
    if (!make_dir(dir))
        return fcc_error_set(error, FCC_ERR_IO, "%s: %s", dir, strerror(errno));
    st = lock_dir(l, dir, error);
    if (st != FCC_OK)
        return st;
    snprintf(path, sizeof path, "%s/blocks", dir);
    if (!make_dir(path))
        return fcc_error_set(error, FCC_ERR_IO, "%s: %s", path, strerror(errno));
    st = ledger__files_open(&l->files, path, durable, error);
    if (st != FCC_OK)
        return st;
    snprintf(path, sizeof path, "%s/state", dir);
    if (!make_dir(path))
        return fcc_error_set(error, FCC_ERR_IO, "%s: %s", path, strerror(errno));
    st = ledger__store_open(&l->store, path, durable, error);
    if (st == FCC_ERR_CORRUPT && l->files.file == 0 && l->files.size == 0) {
        /* the power went while the database was made: no block was ever acknowledged */
        snprintf(path, sizeof path, "%s/state/data.mdb", dir);
        if (unlink(path) != 0)
            return st;
        *strrchr(path, '/') = '\0';
        st = ledger__store_open(&l->store, path, durable, error);
    }
    if (st != FCC_OK || !durable)
        return st;
    /* `path` names the database's directory: it, the ledger's and the one that has that */
    if (!fcc__sync_path(path) || !fcc__sync_path(dir) || !fcc__sync_parent(dir))
        st = fcc_error_set(error, FCC_ERR_IO, "%s: %s", dir, strerror(errno));
    return st;
}

static fcc_status copy_orgs(ledger *l, const ledger_options *options)
{
    size_t i;

    l->orgs = calloc(options->org_count + 1, sizeof *l->orgs);
    if (!l->orgs)
        return FCC_ERR_NOMEM;
    for (i = 0; i < options->org_count; i++) {
        l->orgs[i] = strdup(options->orgs[i]);
        if (!l->orgs[i])
            return FCC_ERR_NOMEM;
        l->org_count++;
    }
    return FCC_OK;
}

fcc_status ledger_open(const ledger_options *options, ledger **out, fcc_error *error)
{
    char shared[] = "/dev/shm/ledger-XXXXXX", temporary[] = "/tmp/ledger-XXXXXX";
    const char *dir = options->dir;
    ledger *l = calloc(1, sizeof *l);
    uint64_t offset = 0;
    uint32_t file = 0;
    fcc_status st;

    if (!l)
        return fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
    l->lock = l->files.dir = l->files.fd = -1;
    fcc__buf_init(&l->key, LEDGER__KEY_MAX);
    l->definition = options->definition;
    l->definition_ctx = options->definition_ctx;
    l->lent = options->genesis_channel;
    l->definitions = ledger__definitions_new();
    st = l->definitions ? copy_orgs(l, options) : FCC_ERR_NOMEM;
    if (st != FCC_OK) {
        fcc_error_set(error, st, "out of memory");
        goto out;
    }
    if (!dir) {
        dir = mkdtemp(shared);
        if (!dir)
            dir = mkdtemp(temporary);
        if (!dir) {
            st = fcc_error_set(error, FCC_ERR_IO, "%s: %s", temporary, strerror(errno));
            goto out;
        }
    }
    l->dir = strdup(dir);
    st = l->dir ? FCC_OK : fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
    if (st == FCC_OK && (options->copy_of || options->image) && !options->dir)
        st = begin_with(options, dir, error);
    if (st == FCC_OK)
        st = open_dir(l, dir, options->dir != NULL, error);
    if (!options->dir)
        unlink_all(dir);
    if (st == FCC_OK)
        st = load_savepoint(l, &file, &offset, error);
    if (st == FCC_OK)
        st = ledger__catch_up(l, file, offset, error);
    /* who became a member with the last block before a crash */
    if (st == FCC_OK && !l->definition && l->height > 0)
        st = ledger_reconcile(l, fcc_bytes_of(NULL, 0));
out:
    if (st == FCC_OK)
        *out = l;
    else
        ledger_close(l);
    return st;
}

void ledger_close(ledger *l)
{
    size_t i;

    if (!l)
        return;
    ledger__store_close(&l->store);
    ledger__files_close(&l->files);
    if (l->lock >= 0)
        close(l->lock);
    ledger__channel_free(l, l->channel);
    ledger__definitions_drop(l->definitions);
    for (i = 0; i < l->org_count; i++)
        free(l->orgs[i]);
    free(l->orgs);
    free(l->dir);
    fcc__buf_clear(&l->key);
    free(l);
}
