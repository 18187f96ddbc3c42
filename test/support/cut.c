/*
 * Power cuts for tests from the outside. A program that ran with disk.so has left a log (see disk.h):
 *
 *     cut mark LOG TEXT            a mark in the log: what is before it was acknowledged then
 *     cut count LOG                how many events it has
 *     cut make LOG N SEED OUT      the directory as a power cut behind event N can have left it; prints the marks before
 */
#include "test/support/disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int mark(const char *path, const char *text)
{
    disk_event event = { .kind = DISK_MARK, .path_len = (uint32_t)strlen(text) };
    size_t len = sizeof event + event.path_len;
    FILE *f = fopen(path, "ab");
    char *whole = malloc(len);
    int status = 1;

    if (f && whole) {
        memcpy(whole, &event, sizeof event);
        memcpy(whole + sizeof event, text, event.path_len);
        setvbuf(f, NULL, _IOFBF, len + 1); /* one write: others append as well */
        status = fwrite(whole, 1, len, f) == len ? 0 : 1;
    }
    if (f && fclose(f) != 0)
        status = 1;
    free(whole);
    return status;
}

int main(int argc, char **argv)
{
    disk_log *log;
    size_t events;
    int status = 0;

    if (argc == 4 && strcmp(argv[1], "mark") == 0)
        return mark(argv[2], argv[3]);
    if (argc < 3 || !(log = disk_log_read(argv[2]))) {
        fprintf(stderr, "usage: cut mark LOG TEXT | count LOG | make LOG N SEED OUT\n");
        return 2;
    }
    if (strcmp(argv[1], "count") == 0) {
        printf("%zu\n", disk_log_count(log));
    } else if (argc == 6 && strcmp(argv[1], "make") == 0) {
        events = strtoul(argv[3], NULL, 10);
        for (size_t i = 0; i < events && i < disk_log_count(log); i++) {
            const char *text;

            if (disk_log_at(log, i, &text) == DISK_MARK)
                puts(text);
        }
        status = disk_cut(log, events, strtoul(argv[4], NULL, 10), argv[5]) ? 0 : 1;
    } else {
        status = 2;
    }
    disk_log_free(log);
    return status;
}
