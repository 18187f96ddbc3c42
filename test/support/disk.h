/*
 * disk.h: a disk under test. disk.c stands before libc's calls that change files, linked into a test or preloaded
 * (build/<variant>/test-support/disk.so), and does three things with those below one directory: it records them into a
 * log, from which disk_cut rebuilds what a power cut could have left; it makes the nth of them fail; it ends the process
 * behind the nth, as kill -9 would.
 *
 * What is recorded of a file: open, write, truncate, sync; of a directory: the names that come and go, and its sync.
 * Writes through mappings are not seen: nothing here writes so (LMDB does with MDB_WRITEMAP alone).
 */
#ifndef TEST_SUPPORT_DISK_H
#define TEST_SUPPORT_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Record what happens below `dir` (absolute, without links) into the file `log`, behind what is there. NULL: stop.
 * Preloaded: the environment's DISK_DIR and DISK_LOG, and for the functions below DISK_NO_SYNC, DISK_FAIL_AT,
 * DISK_FAIL_ERRNO, DISK_FAIL_ON=1, DISK_END_AT and, for either, DISK_FILE.
 */
void disk_record(const char *dir, const char *log);
/* A line for whoever reads the log: what happened before it was acknowledged. */
void disk_mark(const char *text);
/*
 * Syncs do nothing, and are not recorded: of files whose path contains `file` ("": of all), with '=' before it of the
 * one with this path; NULL: syncs work again.
 */
void disk_no_sync(const char *file);
/*
 * The nth change (from 1, counted from here) of a file whose path contains `file` (NULL: any) fails with `error`; with
 * `stays` all later ones do as well, until disk_fail_at(0, ...). A write that fails for want of room writes half of it.
 */
void disk_fail_at(uint64_t n, int error, const char *file, bool stays);
/* End the process behind the nth change from here of such a file; 0: never. Takes the place of disk_fail_at. */
void disk_end_at(uint64_t n, const char *file);
/* Such changes since disk_fail_at or disk_end_at was last called. */
uint64_t disk_changes(void);

/* ---- disk_log.c: reading the log ------------------------------------------------------------------------------------ */

typedef enum disk_kind {
    DISK_MARK,     /* path: the text */
    DISK_OPEN,     /* path; made when it is not there */
    DISK_MKDIR,    /* path */
    DISK_WRITE,    /* file, offset, data; `synced`: it was opened with O_DSYNC */
    DISK_TRUNCATE, /* file, offset: the new length */
    DISK_SYNC,     /* file */
    DISK_RENAME,   /* path, then data: the new path */
    DISK_UNLINK,   /* path; of an empty directory as well */
} disk_kind;

typedef struct disk_event {
    uint32_t kind;
    uint32_t path_len, data_len;
    uint32_t synced;
    uint64_t file; /* inode */
    uint64_t offset;
} disk_event; /* in the log path and data follow it */

typedef struct disk_log disk_log;

disk_log *disk_log_read(const char *path); /* NULL: not readable */
void disk_log_free(disk_log *log);
size_t disk_log_count(const disk_log *log);
/* The event's kind, and for a mark its text; borrowed from the log. */
disk_kind disk_log_at(const disk_log *log, size_t i, const char **mark);
/*
 * Make the directory `out` (which must not exist) as a power cut behind the first `events` can have left it: what was
 * synced, and of everything else for each sector of 512 bytes, each length and each name whichever of its states since
 * then `seed` chooses. false: out can't be written. Quick when `events` grow from call to call.
 */
bool disk_cut(disk_log *log, size_t events, uint64_t seed, const char *out);

#endif
