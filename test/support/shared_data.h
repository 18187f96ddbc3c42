/*
 * Other people's documents, below $MEDSYNC_SHARED (by default ../shared): read whole, in the order of their names, and
 * counted for the one line that a test prints about each set.
 */
#ifndef TEST_SUPPORT_SHARED_DATA_H
#define TEST_SUPPORT_SHARED_DATA_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/support/skip.h"

struct shared_count {
    unsigned passed, failed, skipped;
};

/* data/SET/FILE; with a NULL file, the set's folder. */
static inline const char *shared_path(const char *set, const char *file)
{
    static char path[1024];
    const char *shared = getenv("MEDSYNC_SHARED");

    snprintf(path, sizeof(path), "%s/data/%s%s%s", shared ? shared : "../shared", set, file ? "/" : "",
             file ? file : "");
    return path;
}

static inline int shared_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* The names in a set's folder, sorted; leaves the test as skipped when there is no such folder. */
static inline int shared_list(const char *set, struct dirent ***names)
{
    int n = scandir(shared_path(set, NULL), names, shared_visible, alphasort);

    if (n < 0)
        SKIP("no data in %s", shared_path(set, NULL));
    return n;
}

static inline void shared_list_free(struct dirent **names, int n)
{
    while (n > 0)
        free(names[--n]);
    free(names);
}

/* The whole file with a terminator behind it, malloc'ed; NULL when it can't be read. */
static inline char *shared_read(const char *set, const char *file, size_t *len)
{
    FILE *f = fopen(shared_path(set, file), "rb");
    size_t cap = 1 << 20, n = 0;
    char *text = f ? malloc(cap + 1) : NULL;

    if (text) {
        n = fread(text, 1, cap, f);
        text[n] = 0;
    }
    if (f)
        fclose(f);
    if (len)
        *len = n;
    return text;
}

/* One outcome that wasn't the wanted one; printed at once. */
__attribute__((format(printf, 4, 5))) static inline void shared_fault(struct shared_count *count, const char *set,
                                                                      const char *file, const char *format, ...)
{
    va_list args;

    count->failed++;
    fprintf(stderr, "# %s/%s: ", set, file);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

/* The set's line; `reasons` says in words what was skipped, "" when nothing was. */
static inline void shared_report(const char *set, const struct shared_count *count, const char *reasons)
{
    fprintf(stderr, "# %s: %u passed, %u failed, %u skipped%s%s\n", set, count->passed, count->failed, count->skipped,
            *reasons ? ": " : "", reasons);
}

#endif
