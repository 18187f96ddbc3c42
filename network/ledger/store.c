/* store.c: see store.h for how long keys are laid out. */
#include "ledger/store.h"

#include "base/require.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_READERS = 4096, SHARED_KEY = LEDGER__DIRECT_KEY + 1 };
static const size_t map_bytes = (size_t)1 << 40;

static const char *const table_names[LEDGER__TABLES] = { "state",     "private", "history",   "txs",
                                                         "blocks",    "meta",    "transient", "expiry",
                                                         "writesets", "chains",  "heads" };

bool ledger__take_uvarint(fcc_bytes *from, uint64_t *out)
{
    uint64_t n = 0;
    size_t i;

    for (i = 0; i < from->len && i < 10; i++) {
        n |= (uint64_t)(from->data[i] & 0x7f) << (7 * i);
        if (!(from->data[i] & 0x80)) {
            *from = fcc_bytes_of(from->data + i + 1, from->len - i - 1);
            *out = n;
            return true;
        }
    }
    return false;
}

bool ledger__take_piece(fcc_bytes *from, fcc_bytes *out)
{
    fcc_bytes rest = *from;
    uint64_t n;

    if (!ledger__take_uvarint(&rest, &n) || n > rest.len)
        return false;
    *out = fcc_bytes_of(rest.data, (size_t)n);
    *from = fcc_bytes_of(rest.data + n, rest.len - (size_t)n);
    return true;
}

void ledger__add_piece(fcc__buf *buf, fcc_bytes piece)
{
    fcc__buf_uvarint(buf, piece.len);
    fcc__buf_add(buf, piece);
}

fcc_status ledger__lmdb_status(int rc)
{
    switch (rc) {
    case MDB_SUCCESS:
        return FCC_OK;
    case MDB_NOTFOUND:
        return FCC_ERR_NOT_FOUND;
    case ENOMEM:
        return FCC_ERR_NOMEM;
    case MDB_READERS_FULL:
    case MDB_TXN_FULL:
        return FCC_ERR_LIMIT;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
        return FCC_ERR_CORRUPT;
    case MDB_BAD_VALSIZE:
        return FCC_ERR_ARG;
    default:
        errno = rc > 0 ? rc : EIO;
        return FCC_ERR_IO;
    }
}

/*
 * A page that the map has and the file hasn't ends the process when it is read, while one of zeros is an error. A file may
 * be short of pages that were never written, being free.
 */
static int stretch(MDB_env *env)
{
    uint64_t size;
    struct stat about;
    MDB_envinfo info;
    MDB_stat stat;
    int fd, rc;

    if ((rc = mdb_env_info(env, &info)) || (rc = mdb_env_stat(env, &stat)) || (rc = mdb_env_get_fd(env, &fd)))
        return rc;
    if (fstat(fd, &about) != 0)
        return errno;
    size = ((uint64_t)info.me_last_pgno + 1) * stat.ms_psize;
    return (uint64_t)about.st_size >= size || ftruncate(fd, (off_t)size) == 0 ? 0 : errno;
}

/*
 * Where earlier versions had private write sets while a block was being written. What is there belongs to the block that they
 * would replay: a version that knows it has to.
 */
static const char pending[] = "pending";

static int drop_pending(MDB_txn *txn, bool *in_use)
{
    MDB_dbi dbi;
    MDB_stat stat;
    int rc = mdb_dbi_open(txn, pending, 0, &dbi);

    if (rc)
        return rc == MDB_NOTFOUND || rc == MDB_INCOMPATIBLE ? 0 : rc;
    if ((rc = mdb_stat(txn, dbi, &stat)))
        return rc;
    *in_use = stat.ms_entries > 0;
    return *in_use ? 0 : mdb_drop(txn, dbi, 1);
}

static int take_number(MDB_val from, uint64_t *out)
{
    fcc_bytes bytes = fcc_bytes_of(from.mv_data, from.mv_size);

    return ledger__take_uvarint(&bytes, out) ? 0 : MDB_CORRUPTED;
}

/*
 * The first block whose writes are in the chains: the next one after those that an earlier version has committed. It is
 * kept under the name of that table, which earlier versions open: they refuse what is no table, and leave a ledger alone
 * whose history they would continue elsewhere.
 */
static int settle_history(ledger__store *store, MDB_txn *txn)
{
    MDB_val key = { sizeof pending - 1, (void *)(uintptr_t)pending }, value;
    MDB_val savepoint = { 9, (void *)(uintptr_t) "savepoint" };
    MDB_dbi names;
    fcc__buf from;
    int rc = mdb_dbi_open(txn, NULL, 0, &names);

    store->chained_from = 0;
    if (!rc)
        rc = mdb_get(txn, names, &key, &value);
    if (rc != MDB_NOTFOUND)
        return rc ? rc : take_number(value, &store->chained_from);
    rc = mdb_get(txn, store->dbi[LEDGER__META], &savepoint, &value);
    if (rc == 0)
        rc = take_number(value, &store->chained_from); /* it begins with the height */
    if (rc && rc != MDB_NOTFOUND)
        return rc;
    fcc__buf_init(&from, 16);
    fcc__buf_uvarint(&from, store->chained_from);
    value.mv_size = from.len;
    value.mv_data = from.data;
    rc = from.status == FCC_OK ? mdb_put(txn, names, &key, &value, 0) : ENOMEM;
    fcc__buf_clear(&from);
    return rc;
}

fcc_status ledger__store_open(ledger__store *store, const char *dir, bool durable, fcc_error *error)
{
    /* the newest meta page need not be synced: the block files replay what a power cut takes back */
    unsigned flags = MDB_NOTLS | (durable ? MDB_NOMETASYNC : MDB_NOSYNC);
    MDB_txn *txn = NULL;
    bool in_use = false;
    int rc = mdb_env_create(&store->env);
    fcc_status st;
    size_t i;

    if (rc)
        goto fail;
    if ((rc = mdb_env_set_maxreaders(store->env, MAX_READERS)) || (rc = mdb_env_set_mapsize(store->env, map_bytes)) ||
        (rc = mdb_env_set_maxdbs(store->env, LEDGER__TABLES + 1)) ||
        (rc = mdb_env_open(store->env, dir, flags, 0600)) || (rc = stretch(store->env)) ||
        (rc = mdb_txn_begin(store->env, NULL, 0, &txn)))
        goto fail;
    for (i = 0; i < LEDGER__TABLES; i++) {
        if ((rc = mdb_dbi_open(txn, table_names[i], MDB_CREATE, &store->dbi[i])))
            goto fail;
    }
    if ((rc = drop_pending(txn, &in_use)) || in_use || (rc = settle_history(store, txn)))
        goto fail;
    rc = mdb_txn_commit(txn);
    txn = NULL;
    if (!rc)
        return FCC_OK;
fail:
    if (txn)
        mdb_txn_abort(txn);
    mdb_env_close(store->env);
    store->env = NULL;
    if (in_use)
        return fcc_error_set(
            error, FCC_ERR_CONFIG,
            "%s was left by an earlier version in the middle of a block with private data: start and stop "
            "it with that version once",
            dir);
    st = ledger__lmdb_status(rc);
    if (st == FCC_ERR_CORRUPT)
        return fcc_error_set(error, st,
                             "%s/data.mdb is damaged (%s): put back a copy of it made before, or start over with an "
                             "empty directory",
                             dir, mdb_strerror(rc));
    return fcc_error_set(error, st, "%s/data.mdb: %s", dir, mdb_strerror(rc));
}

void ledger__store_close(ledger__store *store)
{
    if (store->env)
        mdb_env_close(store->env);
    store->env = NULL;
}

fcc_status ledger__begin(const ledger__store *store, bool write, MDB_txn **out)
{
    return ledger__lmdb_status(mdb_txn_begin(store->env, NULL, write ? 0 : MDB_RDONLY, out));
}

fcc_status ledger__commit_txn(MDB_txn *txn)
{
    return ledger__lmdb_status(mdb_txn_commit(txn));
}

fcc_status ledger__store_sync(const ledger__store *store)
{
    return ledger__lmdb_status(mdb_env_sync(store->env, 1));
}

static MDB_val val_of(fcc_bytes b)
{
    MDB_val v;

    v.mv_size = b.len;
    v.mv_data = (void *)(uintptr_t)b.data; /* LMDB only reads it */
    return v;
}

static fcc_bytes bytes_of(MDB_val v)
{
    return fcc_bytes_of(v.mv_data, v.mv_size);
}

static MDB_val shared_key(fcc_bytes key, uint8_t room[SHARED_KEY])
{
    memcpy(room, key.data, LEDGER__DIRECT_KEY);
    room[LEDGER__DIRECT_KEY] = 0;
    return val_of(fcc_bytes_of(room, SHARED_KEY));
}

static fcc_bytes rest_of(fcc_bytes key)
{
    return fcc_bytes_of(key.data + LEDGER__DIRECT_KEY, key.len - LEDGER__DIRECT_KEY);
}

/* Take one (rest, value) off a list. */
static bool take_item(fcc_bytes *list, fcc_bytes *rest, fcc_bytes *value)
{
    return ledger__take_piece(list, rest) && ledger__take_piece(list, value);
}

fcc_status ledger__get(const ledger__store *store, MDB_txn *txn, ledger__table table, fcc_bytes key, fcc_bytes *value)
{
    uint8_t room[SHARED_KEY];
    MDB_val k, v;
    fcc_bytes list, rest, item, item_value;
    int rc;

    FCC_REQUIRE(key.len > 0);
    k = key.len <= LEDGER__DIRECT_KEY ? val_of(key) : shared_key(key, room);
    rc = mdb_get(txn, store->dbi[table], &k, &v);
    if (rc)
        return ledger__lmdb_status(rc);
    if (key.len <= LEDGER__DIRECT_KEY) {
        *value = bytes_of(v);
        return FCC_OK;
    }
    rest = rest_of(key);
    for (list = bytes_of(v); list.len;) {
        int order;

        if (!take_item(&list, &item, &item_value))
            return FCC_ERR_CORRUPT;
        order = fcc_bytes_compare(item, rest);
        if (order == 0) {
            *value = item_value;
            return FCC_OK;
        }
        if (order > 0)
            break;
    }
    return FCC_ERR_NOT_FOUND;
}

/* Write the list of a shared entry again without `rest` and, if `value` is given, with its new value. */
static fcc_status rewrite(const ledger__store *store, MDB_txn *txn, ledger__table table, fcc_bytes key,
                          const fcc_bytes *value)
{
    uint8_t room[SHARED_KEY];
    MDB_val k = shared_key(key, room), v;
    fcc_bytes list = { NULL, 0 }, rest = rest_of(key), item, item_value;
    bool placed = value == NULL;
    fcc_status st = FCC_OK;
    fcc__buf buf;
    int rc = mdb_get(txn, store->dbi[table], &k, &v);

    if (rc && rc != MDB_NOTFOUND)
        return ledger__lmdb_status(rc);
    if (!rc)
        list = bytes_of(v);
    fcc__buf_init(&buf, SIZE_MAX / 2);
    while (list.len) {
        int order;

        if (!take_item(&list, &item, &item_value)) {
            st = FCC_ERR_CORRUPT;
            goto out;
        }
        order = fcc_bytes_compare(item, rest);
        if (order >= 0 && !placed) {
            ledger__add_piece(&buf, rest);
            ledger__add_piece(&buf, *value);
            placed = true;
        }
        if (order != 0) {
            ledger__add_piece(&buf, item);
            ledger__add_piece(&buf, item_value);
        }
    }
    if (!placed) {
        ledger__add_piece(&buf, rest);
        ledger__add_piece(&buf, *value);
    }
    st = buf.status;
    if (st != FCC_OK)
        goto out;
    k = shared_key(key, room);
    if (buf.len) {
        v = val_of(fcc__buf_bytes(&buf));
        rc = mdb_put(txn, store->dbi[table], &k, &v, 0);
    } else {
        rc = mdb_del(txn, store->dbi[table], &k, NULL);
    }
    st = rc == MDB_NOTFOUND ? FCC_OK : ledger__lmdb_status(rc);
out:
    fcc__buf_clear(&buf);
    return st;
}

fcc_status ledger__put(const ledger__store *store, MDB_txn *txn, ledger__table table, fcc_bytes key, fcc_bytes value)
{
    MDB_val k, v;

    FCC_REQUIRE(key.len > 0);
    if (key.len > LEDGER__DIRECT_KEY)
        return rewrite(store, txn, table, key, &value);
    k = val_of(key);
    v = val_of(value);
    return ledger__lmdb_status(mdb_put(txn, store->dbi[table], &k, &v, 0));
}

fcc_status ledger__del(const ledger__store *store, MDB_txn *txn, ledger__table table, fcc_bytes key)
{
    MDB_val k;
    int rc;

    FCC_REQUIRE(key.len > 0);
    if (key.len > LEDGER__DIRECT_KEY)
        return rewrite(store, txn, table, key, NULL);
    k = val_of(key);
    rc = mdb_del(txn, store->dbi[table], &k, NULL);
    return rc == MDB_NOTFOUND ? FCC_OK : ledger__lmdb_status(rc);
}

/* The next item of the list that the cursor is in. */
static fcc_status take_listed(ledger__cursor *c)
{
    fcc_bytes rest;

    if (!take_item(&c->left, &rest, &c->value))
        return FCC_ERR_CORRUPT;
    c->key_buf.len = LEDGER__DIRECT_KEY;
    fcc__buf_add(&c->key_buf, rest);
    c->key = fcc__buf_bytes(&c->key_buf);
    return c->key_buf.status;
}

/* Take over where LMDB's cursor stands, or the end. */
static fcc_status land(ledger__cursor *c, int rc, MDB_val k, MDB_val v)
{
    c->listed = false;
    if (rc == MDB_NOTFOUND) {
        c->key = fcc_bytes_of(NULL, 0);
        return FCC_OK;
    }
    if (rc)
        return ledger__lmdb_status(rc);
    if (k.mv_size != SHARED_KEY) {
        c->key = bytes_of(k);
        c->value = bytes_of(v);
        return FCC_OK;
    }
    c->listed = true;
    c->left = bytes_of(v);
    fcc__buf_reset(&c->key_buf);
    fcc__buf_append(&c->key_buf, k.mv_data, LEDGER__DIRECT_KEY);
    return take_listed(c);
}

fcc_status ledger__cursor_open(const ledger__store *store, MDB_txn *txn, ledger__table table, fcc_bytes key,
                               ledger__cursor *c)
{
    uint8_t room[SHARED_KEY];
    MDB_val k, v = { 0, NULL };
    fcc_status st;
    int rc;

    memset(c, 0, sizeof *c);
    fcc__buf_init(&c->key_buf, SIZE_MAX / 2);
    rc = mdb_cursor_open(txn, store->dbi[table], &c->cursor);
    if (rc)
        return ledger__lmdb_status(rc);
    k = key.len <= LEDGER__DIRECT_KEY ? val_of(key) : shared_key(key, room);
    rc = mdb_cursor_get(c->cursor, &k, &v, key.len ? MDB_SET_RANGE : MDB_FIRST);
    st = land(c, rc, k, v);
    while (st == FCC_OK && c->key.data && fcc_bytes_compare(c->key, key) < 0)
        st = ledger__cursor_next(c);
    if (st != FCC_OK)
        ledger__cursor_close(c);
    return st;
}

fcc_status ledger__cursor_next(ledger__cursor *c)
{
    MDB_val k = { 0, NULL }, v = { 0, NULL };
    int rc;

    if (!c->key.data)
        return FCC_OK;
    if (c->listed && c->left.len)
        return take_listed(c);
    rc = mdb_cursor_get(c->cursor, &k, &v, MDB_NEXT);
    return land(c, rc, k, v);
}

void ledger__cursor_close(ledger__cursor *c)
{
    if (c->cursor)
        mdb_cursor_close(c->cursor);
    c->cursor = NULL;
    c->key = fcc_bytes_of(NULL, 0);
    fcc__buf_clear(&c->key_buf);
}
