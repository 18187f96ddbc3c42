/* Nothing personal in public state: look for the bundle's words in what every peer has, and in the logs. */
#include "cli/demo.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static void search_folder(search *s, const char *dir, const char *folder)
{
    char path[4096];
    struct dirent *e;
    DIR *d;

    snprintf(path, sizeof(path), "%s/%s", dir, folder);
    d = opendir(path);
    while (d && (e = readdir(d))) {
        snprintf(path, sizeof(path), "%s/%s/%s", dir, folder, e->d_name);
        if (e->d_name[0] != '.')
            search_file(s, path);
    }
    if (d)
        closedir(d);
}

bool demo_public(demo *d)
{
    search s = { 0 };
    size_t block_bytes;
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
    /* blocks hold everything that is public, and hashes of what is not; logs are for administrators' eyes */
    search_folder(&s, d->dir, "ledger/blocks");
    block_bytes = s.bytes;
    search_folder(&s, d->dir, "log");
    if (s.found)
        demo_wrong("\"%s\" is in %s, for everybody to see", s.found, s.where);
    else if (!s.control_found)
        demo_wrong("no block in %s/ledger holds record %s: the search looked in the wrong place", d->dir, s.control);
    else
        ok = true;
    if (ok)
        demo_ok("%zu words of the bundle (names, birth date, address, codes, drugs) and the patient's pid:\n"
                "        none is in the chain's blocks (%zu bytes), which hold ids, hashes and salted commitments,\n"
                "        and none in the logs",
                s.count, block_bytes);
    free(s.words);
    return ok;
}
