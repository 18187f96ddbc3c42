/* Files that belong to the program, found wherever it was started. */
#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool exists(const char *path)
{
    struct stat s;

    return stat(path, &s) == 0;
}

bool cli_own_path(char *out, size_t size)
{
    ssize_t n = readlink("/proc/self/exe", out, size - 1);

    if (n <= 0)
        return false;
    out[n] = '\0';
    return true;
}

bool cli_find_file(const char *relative, char *out, size_t size)
{
    char at[4096];
    char *slash;
    int levels;

    if ((size_t)snprintf(out, size, "%s", relative) < size && exists(out))
        return true;
    if (!cli_own_path(at, sizeof(at)))
        return false;
    for (levels = 0; levels < 5 && (slash = strrchr(at, '/')); levels++) {
        *slash = '\0';
        if ((size_t)snprintf(out, size, "%s/%s", at, relative) < size && exists(out))
            return true;
        if ((size_t)snprintf(out, size, "%s/share/medsync/%s", at, relative) < size && exists(out))
            return true;
    }
    return false;
}

char *cli_read_file(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    char *data = NULL;
    struct stat s;
    long size;

    if (!f)
        return NULL;
    if (fstat(fileno(f), &s) == 0 && S_ISDIR(s.st_mode)) {
        fclose(f);
        errno = EISDIR;
        return NULL;
    }
    if (fseek(f, 0, SEEK_END) == 0 && (size = ftell(f)) >= 0 && fseek(f, 0, SEEK_SET) == 0 &&
        (data = malloc((size_t)size + 1))) {
        *len = fread(data, 1, (size_t)size, f);
        data[*len] = '\0';
        if (*len != (size_t)size) {
            free(data);
            data = NULL;
            errno = EIO;
        }
    }
    fclose(f);
    return data;
}
