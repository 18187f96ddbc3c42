/*
 * store.h: ordered tables of byte keys and values in LMDB, without LMDB's limit on keys.
 *
 * LMDB refuses keys of 0 and of more than 511 bytes. A key of up to 480 bytes is stored as it is; longer ones share one
 * entry for each 480-byte prefix, whose value is the sorted list of (rest, value). The shared entry's own key is the
 * prefix and one 0x00, which sorts behind the plain key of exactly these 480 bytes and before everything that follows
 * it, so byte order holds over both kinds. Values are borrowed from the map: in a reading transaction until it ends, in
 * a writing one until the next write.
 */
#ifndef NETWORK_LEDGER_STORE_H
#define NETWORK_LEDGER_STORE_H

#include "base/buf.h"

#include <lmdb.h>

enum { LEDGER__DIRECT_KEY = 480 };

typedef enum ledger__table {
    LEDGER__STATE,     /* public and hashed state */
    LEDGER__PRIVATE,   /* private state of each organisation */
    LEDGER__HISTORY,   /* of blocks below chained_from (history.c) */
    LEDGER__TXS,       /* txid to place */
    LEDGER__BLOCKS,    /* number to place in the files, and header hash to number */
    LEDGER__META,      /* savepoint */
    LEDGER__TRANSIENT, /* private write sets of endorsed transactions that no block has yet */
    LEDGER__EXPIRY,    /* block to private keys that end with it */
    LEDGER__WRITESETS, /* private write sets of each block, by organisation */
    LEDGER__CHAINS,    /* transaction to the versions that its public writes replaced (history.c) */
    LEDGER__HEADS,     /* public key to its newest version, where the state's is not that */
    LEDGER__TABLES
} ledger__table;

typedef struct ledger__store {
    MDB_env *env;
    MDB_dbi dbi[LEDGER__TABLES];
    uint64_t chained_from; /* the first block whose writes are in the chains; below: of earlier versions */
} ledger__store;

/* `dir` must exist. `durable` false: no syncs, for a ledger that nobody reopens. */
fcc_status ledger__store_open(ledger__store *store, const char *dir, bool durable, fcc_error *error) FCC_MUST_CHECK;
void ledger__store_close(ledger__store *store); /* takes a zeroed one */

fcc_status ledger__begin(const ledger__store *store, bool write, MDB_txn **out) FCC_MUST_CHECK;
/* Ends the transaction in any case. */
fcc_status ledger__commit_txn(MDB_txn *txn) FCC_MUST_CHECK;
fcc_status ledger__store_sync(const ledger__store *store) FCC_MUST_CHECK;

/* FCC_ERR_NOT_FOUND. Keys must not be empty. */
fcc_status ledger__get(const ledger__store *store, MDB_txn *txn, ledger__table table, fcc_bytes key,
                       fcc_bytes *value) FCC_MUST_CHECK;
fcc_status ledger__put(const ledger__store *store, MDB_txn *txn, ledger__table table, fcc_bytes key,
                       fcc_bytes value) FCC_MUST_CHECK;
/* Deleting an absent key is FCC_OK. */
fcc_status ledger__del(const ledger__store *store, MDB_txn *txn, ledger__table table, fcc_bytes key) FCC_MUST_CHECK;

/* A walk in key order. The table must not be written during it. */
typedef struct ledger__cursor {
    MDB_cursor *cursor;
    bool listed;    /* inside a shared entry */
    fcc_bytes left; /* of its list, behind the current item */
    fcc__buf key_buf;
    fcc_bytes key; /* current; key.data is NULL at the end */
    fcc_bytes value;
} ledger__cursor;

/* At the first key that is not below `key` (an empty one: the first of all). */
fcc_status ledger__cursor_open(const ledger__store *store, MDB_txn *txn, ledger__table table, fcc_bytes key,
                               ledger__cursor *cursor) FCC_MUST_CHECK;
fcc_status ledger__cursor_next(ledger__cursor *cursor) FCC_MUST_CHECK;
void ledger__cursor_close(ledger__cursor *cursor); /* takes a zeroed one */

/* FCC_ERR_IO: errno tells more. */
fcc_status ledger__lmdb_status(int rc);

/* Read a base-128 number or a length-prefixed piece off the front. false when it is not there. */
bool ledger__take_uvarint(fcc_bytes *from, uint64_t *out) FCC_MUST_CHECK;
bool ledger__take_piece(fcc_bytes *from, fcc_bytes *out) FCC_MUST_CHECK;
void ledger__add_piece(fcc__buf *buf, fcc_bytes piece);

#endif
