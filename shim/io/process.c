/* See process.h. */
#include "io/process.h"

#include "base/hash.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <unistd.h>

/* Linux keeps the file that was executed under this name, whatever became of its path. */
static const char self[] = "/proc/self/exe";

static bool digest_self(char hex[2 * FCC__SHA256_LEN + 1])
{
    static const char digits[] = "0123456789abcdef";
    int fd = open(self, O_RDONLY | O_CLOEXEC);
    struct stat s;
    void *bytes;
    fcc__sha256 digest;

    if (fd < 0 || fstat(fd, &s) != 0 || s.st_size <= 0) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    bytes = mmap(NULL, (size_t)s.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (bytes == MAP_FAILED)
        return false;
    digest = fcc__sha256_of(fcc_bytes_of(bytes, (size_t)s.st_size));
    munmap(bytes, (size_t)s.st_size);
    for (size_t i = 0; i < FCC__SHA256_LEN; i++) {
        hex[2 * i] = digits[digest.bytes[i] >> 4];
        hex[2 * i + 1] = digits[digest.bytes[i] & 15];
    }
    hex[2 * FCC__SHA256_LEN] = '\0';
    return true;
}

/* A file's name may have any byte: what would need escaping in JSON is left out. */
static void plain(char *out, size_t size, const char *name)
{
    size_t n = 0;

    for (; *name && n + 1 < size; name++)
        if (*name > ' ' && *name < 0x7f && *name != '"' && *name != '\\')
            out[n++] = *name;
    out[n] = '\0';
}

static const char *package_id = "";

void fcc__process_is(const char *ccid)
{
    package_id = ccid;
}

fcc_bytes fcc__process_describe(void)
{
    static char text[1024];
    char hex[2 * FCC__SHA256_LEN + 1], name[128], id[512];

    if (!text[0] && digest_self(hex)) {
        plain(name, sizeof(name), program_invocation_short_name);
        plain(id, sizeof(id), package_id);
        snprintf(text, sizeof(text), "{\"executable\":\"%s\",\"packageId\":\"%s\",\"sha256\":\"%s\"}", name, id, hex);
    }
    return fcc_str(text);
}
