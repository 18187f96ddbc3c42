/* Files that belong to the program, found wherever it was started. */
#include "cli/cli.h"

#include "base/durable.h"

#include <errno.h>
#include <fcntl.h>
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

const char *cli_own_dir(void)
{
    static char own[4096];
    char *slash = cli_own_path(own, sizeof(own)) ? strrchr(own, '/') : NULL;

    if (slash)
        *slash = '\0';
    return slash ? own : NULL;
}

int cli_network_file(const char *command, const char **file)
{
    static char found[4096];

    if (*file)
        return -1;
    if (!cli_find_file("network/network.yaml", found, sizeof(found)))
        return cli_failed(command, FCC__E_NET_CONFIG, "no network/network.yaml here: say where with --network FILE");
    *file = found;
    return -1;
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

fcc_status cli_write_file(const char *path, fcc_bytes content, cli_privacy privacy, fcc_error *error)
{
    struct stat is;
    fcc_status st = FCC_OK;
    int fd;

    if (stat(path, &is) != 0 || S_ISREG(is.st_mode))
        return privacy == CLI_PRIVATE ? fcc__write_whole_as(path, content, 0600, error)
                                      : fcc__write_whole(path, content, error);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || !fcc__write_all(fd, content))
        st = fcc_error_set(error, FCC_ERR_IO, "%s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return st;
}

const char *cli_published_port(const char *name)
{
    char variable[300];
    const char *port;

    snprintf(variable, sizeof(variable), "MEDSYNC_PORT_%s", name);
    port = getenv(variable);
    return port && *port ? port : NULL;
}
