/* See files.h. */
#include "native/files.h"

#include "base/durable.h"
#include "native/nodes.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static fcc_status no_memory(fcc_error *error)
{
    return fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
}

static fcc_status make_dirs(const char *path, fcc_error *error)
{
    return path ? fcc__make_dirs(path, 0755, false, error) : no_memory(error);
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

void files_remove_tree(const char *path)
{
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

fcc_status files_put(fcc__arena *arena, const char *folder, const char *name, fcc_bytes content, mode_t mode,
                     fcc_error *error)
{
    const char *path = folder && name ? fcc__arena_printf(arena, "%s/%s", folder, name) : NULL;
    fcc_status st;

    if (!path)
        return no_memory(error);
    st = make_dirs(folder, error);
    return st == FCC_OK ? fcc__write_whole_as(path, content, mode, error) : st;
}

/* nftw has no context of its own, and this process copies one tree at a time. */
static struct copying {
    fcc__arena *arena;
    size_t from_len;
    const char *to;
    fcc_error *error;
    fcc_status st;
} copying;

static int copy_entry(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    const char *to = fcc__arena_printf(copying.arena, "%s%s", copying.to, path + copying.from_len), *slash;
    fcc_bytes content;

    (void)walk;
    if (!to)
        copying.st = no_memory(copying.error);
    else if (kind == FTW_D)
        copying.st = make_dirs(to, copying.error);
    else if (kind == FTW_F && (slash = strrchr(to, '/')) &&
             (copying.st = node_read_file(path, copying.arena, &content, copying.error)) == FCC_OK)
        copying.st = files_put(copying.arena, fcc__arena_printf(copying.arena, "%.*s", (int)(slash - to), to),
                               slash + 1, content, info->st_mode & 0777, copying.error);
    return copying.st != FCC_OK;
}

fcc_status files_copy_tree(fcc__arena *arena, const char *from, const char *to, fcc_error *error)
{
    if (!from || !to)
        return no_memory(error);
    if (access(from, R_OK) != 0)
        return fcc_error_set(error, FCC_ERR_NOT_FOUND, "%s: %s: this part needs it", from, strerror(errno));
    copying = (struct copying){ .arena = arena, .from_len = strlen(from), .to = to, .error = error };
    if (nftw(from, copy_entry, 16, FTW_PHYS) != 0 && copying.st == FCC_OK)
        copying.st = fcc_error_set(error, FCC_ERR_IO, "%s: %s", from, strerror(errno));
    return copying.st;
}

fcc_status files_settle(fcc__arena *arena, const char *fresh, const char *folder, fcc_error *error)
{
    const char *old = fcc__arena_printf(arena, "%s.old", folder);

    if (!old)
        return no_memory(error);
    files_remove_tree(old);
    if (!fcc__sync_tree(fresh) || (rename(folder, old) != 0 && errno != ENOENT) || rename(fresh, folder) != 0 ||
        !fcc__sync_parent(folder))
        return fcc_error_set(error, FCC_ERR_IO, "%s: %s", folder, strerror(errno));
    files_remove_tree(old);
    return FCC_OK;
}
