/*
 * disk_log.c: what a power cut can leave of the files in a log of disk.c. See disk.h.
 *
 * The log is played up to the cut. Of each file are kept what was last synced and the changes since; of each directory
 * its names then and the changes since. A sector goes through its states in order, so any of them may be the one on the
 * disk, whatever the others are.
 */
#include "test/support/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECTOR = 512 };

/* ---- files and directories as they are on the way to the cut ----------------------------------------------------------- */

/* A write, or with data NULL a new length. */
struct change {
    uint64_t offset;
    size_t len;
    const uint8_t *data;
    bool synced;
};

/* A name that comes (node given) or goes; a rename is both in one. */
struct naming {
    char *gone, *here;
    struct node *node;
};

struct node {
    struct node *next; /* of all */
    bool directory;
    uint64_t file; /* inode, once it was opened */
    /* of a file */
    uint8_t *stable;
    size_t stable_len;
    struct change *changes;
    size_t change_count;
    /* of a directory: names now, names that were synced, and what came between */
    struct names {
        struct naming *v;
        size_t count;
    } now, kept, between;
};

struct disk_log {
    uint8_t *bytes;
    size_t count;
    struct entry {
        disk_event event;
        char *path;
        const uint8_t *data;
    } * entries;
    /* how far it has been played, and what there is then */
    size_t played;
    struct node *all, *root;
    uint64_t seed;
};

static void *need(void *p)
{
    if (!p)
        abort();
    return p;
}

static uint64_t choose(disk_log *d, uint64_t below)
{
    d->seed ^= d->seed << 13;
    d->seed ^= d->seed >> 7;
    d->seed ^= d->seed << 17;
    return (d->seed >> 11) % below;
}

static struct node *new_node(disk_log *d, bool directory)
{
    struct node *node = need(calloc(1, sizeof *node));

    node->directory = directory;
    node->next = d->all;
    d->all = node;
    return node;
}

static struct naming *name_in(struct names *names, const char *name)
{
    size_t i;

    for (i = 0; i < names->count; i++) {
        if (names->v[i].here && strcmp(names->v[i].here, name) == 0)
            return &names->v[i];
    }
    return NULL;
}

static void add_naming(struct names *names, const char *gone, const char *here, struct node *node)
{
    names->v = need(realloc(names->v, (names->count + 1) * sizeof *names->v));
    names->v[names->count++] = (struct naming){ gone ? need(strdup(gone)) : NULL, here ? need(strdup(here)) : NULL,
                                                node };
}

static void apply_naming(struct names *names, const struct naming *change)
{
    struct naming *old;

    if (change->gone && (old = name_in(names, change->gone))) {
        free(old->here);
        old->here = NULL;
    }
    if (!change->here)
        return;
    old = name_in(names, change->here);
    if (old)
        old->node = change->node;
    else
        add_naming(names, NULL, change->here, change->node);
}

static void clear_names(struct names *names)
{
    size_t i;

    for (i = 0; i < names->count; i++) {
        free(names->v[i].gone);
        free(names->v[i].here);
    }
    free(names->v);
    memset(names, 0, sizeof *names);
}

/* The directory of a path and, in *name, its last part; the directory is NULL when it isn't known. */
static struct node *parent_of(disk_log *d, const char *path, const char **name)
{
    struct node *at = d->root;
    const char *slash;

    for (; at && (slash = strchr(path, '/')); path = slash + 1) {
        char part[NAME_MAX + 1];
        struct naming *naming;

        snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
        naming = name_in(&at->now, part);
        at = naming ? naming->node : NULL;
    }
    *name = path;
    return at;
}

static void change_names(struct node *dir, const char *gone, const char *here, struct node *node)
{
    add_naming(&dir->between, gone, here, node);
    apply_naming(&dir->now, &dir->between.v[dir->between.count - 1]);
}

/* ---- what reaches the disk --------------------------------------------------------------------------------------------- */

/* Let one sector of the image pass through the changes of which `upto` says how many of those that touch it. */
static void play_sector(const struct node *node, uint8_t *image, size_t sector, size_t upto)
{
    size_t from = sector * SECTOR, end = from + SECTOR, i;

    for (i = 0; i < node->change_count && upto; i++) {
        const struct change *change = &node->changes[i];
        size_t a = change->offset > from ? (size_t)change->offset : from;
        size_t b = change->data ? (size_t)change->offset + change->len : SIZE_MAX;

        if (b > end)
            b = end;
        if (a >= b)
            continue;
        if (change->data)
            memcpy(image + a, change->data + (a - change->offset), b - a);
        else
            memset(image + a, 0, b - a);
        upto--;
    }
}

/* How many changes touch the sector, and in *least how many of them are there for certain. */
static size_t touching(const struct node *node, size_t sector, size_t *least)
{
    size_t from = sector * SECTOR, end = from + SECTOR, n = 0, i;

    *least = 0;
    for (i = 0; i < node->change_count; i++) {
        const struct change *change = &node->changes[i];

        if (change->offset >= end || (change->data && change->offset + change->len <= from))
            continue;
        n++;
        if (change->synced)
            *least = n;
    }
    return n;
}

/* How far the file can reach at most. */
static size_t reach(const struct node *node)
{
    size_t most = node->stable_len, i;

    for (i = 0; i < node->change_count; i++) {
        size_t end = (size_t)node->changes[i].offset + node->changes[i].len;

        if (end > most)
            most = end;
    }
    return most;
}

/* The length after so many changes. */
static size_t length_after(const struct node *node, size_t changes)
{
    size_t len = node->stable_len, i;

    for (i = 0; i < changes; i++) {
        const struct change *change = &node->changes[i];

        if (!change->data)
            len = (size_t)change->offset;
        else if (change->offset + change->len > len)
            len = (size_t)change->offset + change->len;
    }
    return len;
}

enum fate { LOST, KEPT, TORN };

static enum fate fate_of(disk_log *d)
{
    uint64_t n = choose(d, 4);

    return n == 0 ? LOST : n == 1 ? KEPT : TORN;
}

/* The file as the disk has it after the cut. */
static uint8_t *image_of(disk_log *d, const struct node *node, enum fate fate, size_t *len)
{
    size_t sectors = (reach(node) + SECTOR - 1) / SECTOR, i, from = SIZE_MAX, last = 0, sure = 0;
    uint8_t *image = need(calloc(sectors + 1, SECTOR));

    if (node->stable_len)
        memcpy(image, node->stable, node->stable_len);
    for (i = 0; i < node->change_count; i++) {
        const struct change *change = &node->changes[i];
        size_t end = change->data ? ((size_t)change->offset + change->len + SECTOR - 1) / SECTOR : sectors;

        if (change->offset / SECTOR < from)
            from = (size_t)change->offset / SECTOR;
        if (end > last)
            last = end;
        if (change->synced)
            sure = i + 1;
    }
    for (i = from; i < last && i < sectors; i++) {
        size_t least, n = touching(node, i, &least);
        size_t upto = fate == KEPT ? n : fate == LOST ? least : least + (size_t)choose(d, n - least + 1);

        play_sector(node, image, i, upto);
    }
    i = fate == KEPT ? node->change_count : fate == LOST ? sure : sure + choose(d, node->change_count - sure + 1);
    *len = length_after(node, i);
    return image;
}

static void sync_node(struct node *node)
{
    size_t most = reach(node), i;

    if (node->directory) {
        for (i = 0; i < node->between.count; i++)
            apply_naming(&node->kept, &node->between.v[i]);
        clear_names(&node->between);
        return;
    }
    if (most > node->stable_len) {
        node->stable = need(realloc(node->stable, most));
        memset(node->stable + node->stable_len, 0, most - node->stable_len);
    }
    for (i = 0; i < node->change_count; i++) {
        const struct change *change = &node->changes[i];

        if (change->data)
            memcpy(node->stable + change->offset, change->data, change->len);
        else
            memset(node->stable + change->offset, 0, most - change->offset);
    }
    node->stable_len = length_after(node, node->change_count);
    node->change_count = 0;
}

static bool write_file(const char *path, const uint8_t *data, size_t len)
{
    FILE *f = fopen(path, "wb");
    bool well = f && (len == 0 || fwrite(data, 1, len, f) == len);

    if (f && fclose(f) != 0)
        well = false;
    return well && chmod(path, 0600) == 0;
}

static void write_out(disk_log *d, const struct node *dir, const char *path, bool *well)
{
    enum fate fate = fate_of(d);
    struct names names = { NULL, 0 };
    size_t i;

    for (i = 0; i < dir->kept.count; i++)
        apply_naming(&names, &dir->kept.v[i]);
    for (i = 0; i < dir->between.count; i++) {
        if (fate == KEPT || (fate == TORN && choose(d, 2)))
            apply_naming(&names, &dir->between.v[i]);
    }
    *well = *well && mkdir(path, 0700) == 0;
    for (i = 0; *well && i < names.count; i++) {
        const struct naming *naming = &names.v[i];
        char inner[PATH_MAX];
        uint8_t *image;
        size_t len;

        if (!naming->here)
            continue;
        snprintf(inner, sizeof inner, "%s/%s", path, naming->here);
        if (naming->node->directory) {
            write_out(d, naming->node, inner, well);
            continue;
        }
        image = image_of(d, naming->node, fate_of(d), &len);
        *well = write_file(inner, image, len);
        free(image);
    }
    clear_names(&names);
}

/* ---- playing ----------------------------------------------------------------------------------------------------------- */

static struct node *node_of(disk_log *d, uint64_t file)
{
    struct node *node;

    for (node = d->all; node; node = node->next) {
        if (node->file == file)
            return node;
    }
    return NULL;
}

static void add_change(struct node *node, const struct entry *entry)
{
    if ((node->change_count & (node->change_count - 1)) == 0)
        node->changes = need(
            realloc(node->changes, (node->change_count ? 2 * node->change_count : 1) * sizeof *node->changes));
    node->changes[node->change_count++] = (struct change){ .offset = entry->event.offset,
                                                           .len = entry->event.data_len,
                                                           .data = entry->event.kind == DISK_WRITE ? entry->data : NULL,
                                                           .synced = entry->event.synced != 0 };
}

static void play_open(disk_log *d, const struct entry *entry)
{
    const char *name;
    struct node *dir = parent_of(d, entry->path, &name), *node, *old = node_of(d, entry->event.file);
    struct naming *naming;

    if (old)
        old->file = 0; /* the number may be another file's now */
    if (!entry->path[0]) {
        d->root->file = entry->event.file;
        return;
    }
    if (!dir)
        return;
    naming = name_in(&dir->now, name);
    node = naming ? naming->node : new_node(d, false);
    if (!naming)
        change_names(dir, NULL, name, node);
    node->file = entry->event.file;
}

static void play_rename(disk_log *d, const struct entry *entry)
{
    char *to_path = need(strndup((const char *)entry->data, entry->event.data_len));
    const char *from_name, *to_name;
    struct node *from = parent_of(d, entry->path, &from_name), *to = parent_of(d, to_path, &to_name);
    struct naming *naming = from ? name_in(&from->now, from_name) : NULL;

    if (naming && from == to) {
        change_names(from, from_name, to_name, naming->node);
    } else if (naming && to) {
        change_names(to, NULL, to_name, naming->node);
        change_names(from, from_name, NULL, NULL);
    }
    free(to_path);
}

static void play(disk_log *d, const struct entry *entry)
{
    struct node *node;
    const char *name;

    switch ((disk_kind)entry->event.kind) {
    case DISK_MARK:
        break;
    case DISK_OPEN:
        play_open(d, entry);
        break;
    case DISK_MKDIR:
        node = parent_of(d, entry->path, &name);
        if (node)
            change_names(node, NULL, name, new_node(d, true));
        break;
    case DISK_WRITE:
    case DISK_TRUNCATE:
        node = node_of(d, entry->event.file);
        if (node)
            add_change(node, entry);
        break;
    case DISK_SYNC:
        node = node_of(d, entry->event.file);
        if (node)
            sync_node(node);
        break;
    case DISK_RENAME:
        play_rename(d, entry);
        break;
    case DISK_UNLINK:
        node = parent_of(d, entry->path, &name);
        if (node)
            change_names(node, name, NULL, NULL);
        break;
    }
}

static void rewind_all(disk_log *d)
{
    while (d->all) {
        struct node *node = d->all;

        d->all = node->next;
        free(node->stable);
        free(node->changes);
        clear_names(&node->now);
        clear_names(&node->kept);
        clear_names(&node->between);
        free(node);
    }
    d->root = new_node(d, true);
    d->played = 0;
}

bool disk_cut(disk_log *d, size_t events, uint64_t seed, const char *out)
{
    bool well = true;

    d->seed = seed * 0x9e3779b97f4a7c15 + 1;
    if (!d->root || events < d->played)
        rewind_all(d);
    for (; d->played < events && d->played < d->count; d->played++)
        play(d, &d->entries[d->played]);
    write_out(d, d->root, out, &well);
    return well;
}

/* ---- reading ----------------------------------------------------------------------------------------------------------- */

static uint8_t *read_whole(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    uint8_t *bytes = NULL;
    long size;

    if (!f)
        return NULL;
    if (fseek(f, 0, SEEK_END) == 0 && (size = ftell(f)) >= 0 && fseek(f, 0, SEEK_SET) == 0) {
        bytes = need(malloc((size_t)size + 1));
        *len = fread(bytes, 1, (size_t)size, f);
    }
    fclose(f);
    return bytes;
}

disk_log *disk_log_read(const char *path)
{
    disk_log *log = need(calloc(1, sizeof *log));
    size_t len = 0, at = 0, room = 0;

    log->bytes = read_whole(path, &len);
    if (!log->bytes) {
        disk_log_free(log);
        return NULL;
    }
    while (len - at >= sizeof(disk_event)) {
        struct entry *entry;

        if (log->count == room) {
            room = room ? 2 * room : 1024;
            log->entries = need(realloc(log->entries, room * sizeof *log->entries));
        }
        entry = &log->entries[log->count];
        memcpy(&entry->event, log->bytes + at, sizeof entry->event);
        at += sizeof entry->event;
        if (entry->event.path_len + (size_t)entry->event.data_len > len - at)
            break;
        entry->path = need(strndup((const char *)log->bytes + at, entry->event.path_len));
        entry->data = log->bytes + at + entry->event.path_len;
        at += entry->event.path_len + (size_t)entry->event.data_len;
        log->count++;
    }
    return log;
}

void disk_log_free(disk_log *log)
{
    size_t i;

    if (!log)
        return;
    for (i = 0; i < log->count; i++)
        free(log->entries[i].path);
    rewind_all(log);
    free(log->root);
    free(log->entries);
    free(log->bytes);
    free(log);
}

size_t disk_log_count(const disk_log *log)
{
    return log->count;
}

disk_kind disk_log_at(const disk_log *log, size_t i, const char **mark)
{
    *mark = log->entries[i].event.kind == DISK_MARK ? log->entries[i].path : NULL;
    return (disk_kind)log->entries[i].event.kind;
}
