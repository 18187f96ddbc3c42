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

/* Replace the file by renaming a complete and synced one over it. FCC_ERR_IO names what failed. */
fcc_status fcc__write_whole(const char *path, fcc_bytes content, fcc_error *error) FCC_MUST_CHECK;

#endif
