/*
 * alter DIR MSP:RXID: what nobody should be able to do: in the database of a network that is down, this organisation's copy
 * of a prescription gets one unit more in its first item, or, when it has it already, one less again.
 *
 * DIR is a devnet's (LMDB), or the file system of a peer of Fabric's own (LevelDB, by its library if it is here). Exit
 * status 77: the library isn't. `alter DIR` asks only that.
 */
#include "ledger/store.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *const amounts[] = { "\"auth\":60,", "\"auth\":61," };

/* Change the one amount into the other. */
static bool change(char *value, size_t len)
{
    for (int i = 0; i < 2; i++) {
        char *at = memmem(value, len, amounts[i], strlen(amounts[i]));

        if (at) {
            memcpy(at, amounts[1 - i], strlen(amounts[0]));
            return true;
        }
    }
    return false;
}

/* Whether a key has RX~id in it: the prescription itself, no version and no index. */
static bool is_prescription(const char *key, size_t len, const char *id)
{
    char want[128];
    int n = snprintf(want, sizeof(want), "%cRX%c%s%c", 0, 0, id, 0);

    return memmem(key, len, want, (size_t)n) != NULL;
}

/* ---- a devnet ---- */

static fcc_status alter_table(ledger__store *store, MDB_txn *txn, const char *org, const char *id, bool *found)
{
    char prefix[256], value[65536], key[512];
    int n = snprintf(prefix, sizeof(prefix), "%s%cprescriptions%crx%c", org, 0, 0, 0);
    size_t len = 0, key_len = 0;
    ledger__cursor c;
    fcc_status st = ledger__cursor_open(store, txn, LEDGER__PRIVATE, fcc_bytes_of(prefix, (size_t)n), &c);

    for (; st == FCC_OK && c.key.data && !*found; st = *found ? st : ledger__cursor_next(&c)) {
        if (c.key.len < (size_t)n || memcmp(c.key.data, prefix, (size_t)n) != 0)
            break;
        if (c.value.len > sizeof(value) || c.key.len > sizeof(key) ||
            !is_prescription((const char *)c.key.data, c.key.len, id))
            continue;
        memcpy(value, c.value.data, c.value.len);
        memcpy(key, c.key.data, c.key.len);
        len = c.value.len;
        key_len = c.key.len;
        *found = change(value, len);
    }
    ledger__cursor_close(&c);
    if (st == FCC_OK && *found)
        st = ledger__put(store, txn, LEDGER__PRIVATE, fcc_bytes_of(key, key_len), fcc_bytes_of(value, len));
    return st;
}

static bool alter_devnet(const char *dir, const char *org, const char *id)
{
    ledger__store store = { 0 };
    MDB_txn *txn = NULL;
    fcc_error error = { 0 };
    char path[4096];
    bool found = false;
    fcc_status st;

    snprintf(path, sizeof(path), "%s/ledger/state", dir);
    st = ledger__store_open(&store, path, false, &error);
    if (st == FCC_OK)
        st = ledger__begin(&store, true, &txn);
    if (st == FCC_OK)
        st = alter_table(&store, txn, org, id, &found);
    if (txn && st == FCC_OK && found)
        st = ledger__commit_txn(txn);
    else if (txn)
        mdb_txn_abort(txn);
    ledger__store_close(&store);
    if (st != FCC_OK)
        fprintf(stderr, "%s: %s\n", path, error.text);
    return st == FCC_OK && found;
}

/* ---- a peer of Fabric's ---- */

/* Of leveldb/c.h: handles are pointers to what only the library knows. */
static struct {
    void *(*options_create)(void);
    void *(*open)(const void *options, const char *name, char **error);
    void *(*readoptions_create)(void);
    void *(*create_iterator)(void *db, const void *options);
    void (*seek_to_first)(void *iterator);
    unsigned char (*valid)(const void *iterator);
    void (*next)(void *iterator);
    const char *(*key)(const void *iterator, size_t *len);
    const char *(*value)(const void *iterator, size_t *len);
    void (*destroy_iterator)(void *iterator);
    void *(*writeoptions_create)(void);
    void (*put)(void *db, const void *options, const char *key, size_t key_len, const char *value, size_t len,
                char **error);
    void (*close)(void *db);
} level;

static bool load_library(void)
{
    static const struct {
        const char *name;
        void *at;
    } names[] = {
        { "leveldb_options_create", &level.options_create },
        { "leveldb_open", &level.open },
        { "leveldb_readoptions_create", &level.readoptions_create },
        { "leveldb_create_iterator", &level.create_iterator },
        { "leveldb_iter_seek_to_first", &level.seek_to_first },
        { "leveldb_iter_valid", &level.valid },
        { "leveldb_iter_next", &level.next },
        { "leveldb_iter_key", &level.key },
        { "leveldb_iter_value", &level.value },
        { "leveldb_iter_destroy", &level.destroy_iterator },
        { "leveldb_writeoptions_create", &level.writeoptions_create },
        { "leveldb_put", &level.put },
        { "leveldb_close", &level.close },
    };
    void *library = dlopen("libleveldb.so.1d", RTLD_NOW), *found;

    for (size_t i = 0; library && i < sizeof(names) / sizeof(names[0]); i++) {
        found = dlsym(library, names[i].name);
        if (!found)
            return false;
        memcpy(names[i].at, &found, sizeof(found));
    }
    return library != NULL;
}

/* The peer is down; its one database has every channel's state. Options are freed with the process. */
static int alter_peer(const char *path, const char *id)
{
    char value[65536], key[512], *error = NULL;
    size_t len = 0, key_len = 0;
    bool found = false;
    void *db, *iterator;

    if (!load_library())
        return 77;
    db = level.open(level.options_create(), path, &error);
    if (!db) {
        fprintf(stderr, "%s: %s\n", path, error);
        return 1;
    }
    iterator = level.create_iterator(db, level.readoptions_create());
    for (level.seek_to_first(iterator); level.valid(iterator) && !found; level.next(iterator)) {
        const char *k = level.key(iterator, &key_len), *v;

        if (key_len > sizeof(key) || !is_prescription(k, key_len, id))
            continue;
        v = level.value(iterator, &len);
        if (len > sizeof(value))
            continue;
        memcpy(key, k, key_len);
        memcpy(value, v, len);
        found = change(value, len);
        if (found)
            break;
    }
    level.destroy_iterator(iterator);
    if (found)
        level.put(db, level.writeoptions_create(), key, key_len, value, len, &error);
    level.close(db);
    if (!found || error)
        fprintf(stderr, "%s: %s\n", path, error ? error : "there is no such prescription");
    return !found || error;
}

int main(int argc, char **argv)
{
    char org[64], peer[4096];
    const char *colon = argc == 3 ? strchr(argv[2], ':') : NULL;
    bool is_peer;
    struct stat st;

    snprintf(peer, sizeof(peer), "%s/ledgersData/stateLeveldb", argc > 1 ? argv[1] : "");
    is_peer = stat(peer, &st) == 0;
    if (argc == 2)
        return is_peer && !load_library() ? 77 : 0;
    if (!colon || (size_t)(colon - argv[2]) >= sizeof(org)) {
        fputs("usage: alter DIR MSP:RXID\n", stderr);
        return 2;
    }
    snprintf(org, sizeof(org), "%.*s", (int)(colon - argv[2]), argv[2]);
    if (is_peer)
        return alter_peer(peer, colon + 1);
    if (alter_devnet(argv[1], org, colon + 1))
        return 0;
    fprintf(stderr, "%s has no prescription %s\n", org, colon + 1);
    return 1;
}
