/* Nothing personal in public state: look for the bundle's words in the files that every peer has. */
#include "cli/demo.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct search {
    char **words;
    size_t count;
    const char *control; /* something that must be there, so that a search of the wrong files is noticed */
    size_t files, bytes;
    bool control_found;
    const char *found; /* the first word that was */
    char where[4096];
} search;

static void search_file(search *s, const char *path)
{
    size_t len, i;
    char *data = cli_read_file(path, &len);

    if (!data)
        return;
    s->files++;
    s->bytes += len;
    if (memmem(data, len, s->control, strlen(s->control)))
        s->control_found = true;
    for (i = 0; i < s->count && !s->found; i++) {
        if (memmem(data, len, s->words[i], strlen(s->words[i]))) {
            s->found = s->words[i];
            snprintf(s->where, sizeof(s->where), "%s", path);
        }
    }
    free(data);
}

/* The block files: blocks hold everything that is public, and hashes of what is not. */
static void search_tree(search *s, const char *dir, int depth)
{
    char path[4096];
    struct dirent *e;
    struct stat info;
    DIR *d = opendir(dir);

    while (d && (e = readdir(d))) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
        if (stat(path, &info) != 0)
            continue;
        if (S_ISDIR(info.st_mode) && depth < 4)
            search_tree(s, path, depth + 1);
        else if (S_ISREG(info.st_mode) && strstr(path, "block"))
            search_file(s, path);
    }
    if (d)
        closedir(d);
}

bool demo_public(demo *d)
{
    char dir[4096];
    search s = { 0 };
    bool ok = false;

    demo_step(d, "What everybody on the channel can see");
    s.control = d->records[0].id;
    s.words = calloc(d->bundle->word_count + 2, sizeof(*s.words));
    if (!s.words)
        return demo_wrong("out of memory");
    for (; s.count < d->bundle->word_count; s.count++)
        s.words[s.count] = (char *)(uintptr_t)d->bundle->words[s.count];
    s.words[s.count++] = d->pid;
    s.words[s.count++] = d->records[0].cid;
    snprintf(dir, sizeof(dir), "%s/ledger", d->dir);
    search_tree(&s, dir, 0);
    if (s.found)
        demo_wrong("\"%s\" is in %s, for everybody to see", s.found, s.where);
    else if (!s.control_found)
        demo_wrong("no block under %s holds record %s: the search looked in the wrong place", dir, s.control);
    else
        ok = true;
    if (ok)
        demo_ok("%zu words of the bundle (names, birth date, address, codes, drugs) and the patient's pid:\n"
                "        none is in the chain's blocks (%zu bytes), which hold ids, hashes and salted commitments",
                s.count, s.bytes);
    free(s.words);
    return ok;
}
