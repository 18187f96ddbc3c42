/*
 * Other people's documents, below $MEDSYNC_SHARED (by default ../shared): read whole, in the order of their names. What
 * came of them counts tally.h.
 */
#ifndef TEST_SUPPORT_SHARED_DATA_H
#define TEST_SUPPORT_SHARED_DATA_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/support/skip.h"

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

/* Leaves the test as skipped when a set is not there. */
static inline void shared_need(const char *set)
{
    struct dirent **names;
    const int n = shared_list(set, &names);

    shared_list_free(names, n);
}

/*
 * Tell `each` of every file of a set's folder ("": the set's own), in the order of their names, with its path in the set
 * and its content (NULL: cannot be read); `deep`: of the folders in it as well.
 */
static inline void shared_walk(const char *set, const char *folder, bool deep,
                               void (*each)(void *ctx, const char *file, const char *text), void *ctx)
{
    struct dirent **names;
    int n = scandir(shared_path(set, *folder ? folder : NULL), &names, shared_visible, alphasort);

    for (int i = 0; i < n; i++) {
        char file[800];
        char *text;

        snprintf(file, sizeof(file), "%s%s%s", folder, *folder ? "/" : "", names[i]->d_name);
        if (names[i]->d_type == DT_DIR) {
            if (deep)
                shared_walk(set, file, true, each, ctx);
            continue;
        }
        text = shared_read(set, file, NULL);
        each(ctx, file, text);
        free(text);
    }
    if (n >= 0)
        shared_list_free(names, n);
}

#endif
