/*
 * durable.h: names and contents that outlive a power cut. A file's content does when the file was synced, its name when
 * the directory that has it was. Those that return bool set errno.
 */
#ifndef FCC_BASE_DURABLE_H
#define FCC_BASE_DURABLE_H

#include <fcc/bytes.h>
#include <fcc/status.h>

bool fcc__sync_path(const char *path);   /* a file or a directory */
bool fcc__sync_parent(const char *path); /* the directory that has this name */
bool fcc__sync_tree(const char *path);   /* everything below it, and itself */

/* A directory and those above it, as far as they are missing; `sync`: their names as well. */
fcc_status fcc__make_dirs(const char *path, unsigned mode, bool sync, fcc_error *error) FCC_MUST_CHECK;
/* All of it, in as many writes as it takes. */
bool fcc__write_all(int fd, fcc_bytes bytes) FCC_MUST_CHECK;
/*
 * Until the descriptor is closed, or the process ends, nobody else has this directory so: for who reads what is there,
 * changes it and writes it back. Waits. *fd is -1 where there is no such directory; a file system that knows no locks is
 * taken as it is. Not twice in one process.
 */
fcc_status fcc__lock_dir(const char *path, int *fd, fcc_error *error) FCC_MUST_CHECK;
void fcc__unlock_dir(int fd); /* takes -1 */
/*
 * Replace the file by renaming a complete and synced one over it. FCC_ERR_IO names what failed. It keeps the mode of the one
 * that is there, and the owner as far as we may give it away; a new one has 0644 less the umask.
 */
fcc_status fcc__write_whole(const char *path, fcc_bytes content, fcc_error *error) FCC_MUST_CHECK;
/* The same with this mode from the first byte on, whatever was there. */
fcc_status fcc__write_whole_as(const char *path, fcc_bytes content, unsigned mode, fcc_error *error) FCC_MUST_CHECK;

#endif
