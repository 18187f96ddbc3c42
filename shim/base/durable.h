/*
 * durable.h: names and contents that outlive a power cut. A file's content does when the file was synced, its name when
 * the directory that has it was. All return false with errno set.
 */
#ifndef FCC_BASE_DURABLE_H
#define FCC_BASE_DURABLE_H

#include <fcc/bytes.h>

bool fcc__sync_path(const char *path);   /* a file or a directory */
bool fcc__sync_parent(const char *path); /* the directory that has this name */
bool fcc__sync_tree(const char *path);   /* everything below it, and itself */

#endif
