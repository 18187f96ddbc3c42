/*
 * files.h: the block files blockfile_000000, blockfile_000001, ... in Fabric's own format, appended and synced.
 *
 * A record is a base-128 length and that many bytes. Only the last file can end in a torn record.
 */
#ifndef NETWORK_LEDGER_FILES_H
#define NETWORK_LEDGER_FILES_H

#include "base/arena.h"
#include "base/hash.h"

enum {
    LEDGER__FILE_BYTES = 64 << 20, /* a file that is longer gets no further record, as in Fabric */
    LEDGER__FILE_NAME = 32
};

typedef struct ledger__files {
    int dir;       /* directory's descriptor; -1: closed */
    int fd;        /* last file; -1: there is none yet */
    uint32_t file; /* its number */
    uint64_t size;
    bool durable; /* else nothing is synced, and all goes into the one file */
} ledger__files;

typedef struct ledger__spot {
    uint32_t file;
    uint64_t offset;  /* of the content */
    uint64_t len;     /* of the content */
    fcc__sha256 hash; /* of the content: a byte that has changed since is not served */
} ledger__spot;

void ledger__files_name(uint32_t file, char name[LEDGER__FILE_NAME]);
bool ledger__files_exists(const char *dir, const char *name);
/* FCC_ERR_CORRUPT: one of the files is missing. Makes none. */
fcc_status ledger__files_open(ledger__files *files, const char *dir, bool durable, fcc_error *error) FCC_MUST_CHECK;
void ledger__files_close(ledger__files *files);
/*
 * Behind the last record, and on its way to the disk, which ledger__files_sync waits for: until then it doesn't count. When
 * either fails the file is as before, unless the disk fails altogether, and errno tells why: the files must be opened again
 * before anything is appended.
 */
fcc_status ledger__files_write(ledger__files *files, fcc_bytes record, ledger__spot *spot) FCC_MUST_CHECK;
/* On return FCC_OK what was written at `spot` is on disk. */
fcc_status ledger__files_sync(ledger__files *files, const ledger__spot *spot) FCC_MUST_CHECK;
/* FCC_ERR_CORRUPT: it ends before that. The hash is the caller's to compare. */
fcc_status ledger__files_read(const ledger__files *files, ledger__spot spot, fcc__arena *arena,
                              fcc_bytes *record) FCC_MUST_CHECK;
/*
 * The record that begins at *file, *offset; moves both behind it. FCC_ERR_NOT_FOUND at the end; a record that is cut
 * short at the end of the last file also gives that, with *torn set.
 */
fcc_status ledger__files_next(const ledger__files *files, uint32_t *file, uint64_t *offset, ledger__spot *spot,
                              bool *torn) FCC_MUST_CHECK;
/*
 * Write the end of the last file, `bytes` from `offset` on, once more and sync it. It may be in memory alone, when the
 * process was killed before it synced, or marked as written when a sync failed.
 */
fcc_status ledger__files_settle(const ledger__files *files, uint64_t offset, fcc_bytes bytes) FCC_MUST_CHECK;
/* Cut the last file off here. */
fcc_status ledger__files_cut(ledger__files *files, uint32_t file, uint64_t offset) FCC_MUST_CHECK;

#endif
