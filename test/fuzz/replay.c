/* Runs a fuzzing target on every file of its corpus, test/fuzz/corpus/NAME, and on each cut off in the middle. */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The target sees a block of exactly the size, so that reading past it is noticed. */
static void run(const uint8_t *bytes, size_t size)
{
    uint8_t *block = malloc(size ? size : 1);

    if (!block)
        abort();
    memcpy(block, bytes, size);
    LLVMFuzzerTestOneInput(block, size);
    free(block);
}

static int replay(const char *path)
{
    static uint8_t bytes[1 << 20];
    FILE *f = fopen(path, "rb");
    size_t size = f ? fread(bytes, 1, sizeof(bytes), f) : 0;

    if (!f || ferror(f))
        return 0;
    fclose(f);
    run(bytes, size);
    run(bytes, size / 2);
    return 1;
}

int main(int argc, char **argv)
{
    const char *name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
    char folder[256], path[1024];
    unsigned count = 0, failed = 0;
    struct dirent *entry;
    DIR *dir;

    (void)argc;
    snprintf(folder, sizeof(folder), "test/fuzz/corpus/%s", name);
    dir = opendir(folder);
    while (dir && (entry = readdir(dir))) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        count++;
        if (!replay(path)) {
            printf("# cannot read %s\n", path);
            failed++;
        }
    }
    if (dir)
        closedir(dir);
    printf("%s 1 - %s takes the %u files of its corpus\n1..1\n", count && !failed ? "ok" : "not ok", name, count);
    return !count || failed;
}
