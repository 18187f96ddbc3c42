/*
 * files.h: how parts of a network are written for nodes that run elsewhere: files with their modes, copied trees, and folders
 * that change whole or not at all. Errors name the path.
 */
#ifndef MEDSYNC_NATIVE_FILES_H
#define MEDSYNC_NATIVE_FILES_H

#include "base/arena.h"

#include <sys/types.h>

/* Nothing is said when it isn't there, or can't be removed. */
void files_remove_tree(const char *path);
/* A file with this mode, which holds a key or not; `folder` is made. NULL for a folder or name: FCC_ERR_NOMEM. */
fcc_status files_put(fcc__arena *arena, const char *folder, const char *name, fcc_bytes content, mode_t mode,
                     fcc_error *error) FCC_MUST_CHECK;
/* Everything below `from` with its modes. FCC_ERR_NOT_FOUND: there is no `from`. Not for two threads at a time. */
fcc_status files_copy_tree(fcc__arena *arena, const char *from, const char *to, fcc_error *error) FCC_MUST_CHECK;
/* What was written at `fresh` takes the place of `folder` beside it, and is there after a power cut. */
fcc_status files_settle(fcc__arena *arena, const char *fresh, const char *folder, fcc_error *error) FCC_MUST_CHECK;

#endif
