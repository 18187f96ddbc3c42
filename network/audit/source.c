/* source.c: see source.h. */
#include "audit/source.h"

#include "ledger/block.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH_LEN = 4096, RECORD_MAX = 1 << 30 };

struct audit_source {
    char path[PATH_LEN];
    struct dirent **names; /* of serialized blocks, in order */
    int count, next;
    FILE *file; /* block file that is being read */
    unsigned number;
    bool torn;
};

/* ---- a folder of blocks -------------------------------------------------------------------------------------------- */

static bool number_of(const char *name, unsigned long *out)
{
    char *end;

    *out = strtoul(name, &end, 10);
    return end != name && (!strcmp(end, ".pb") || !strcmp(end, ".block"));
}

static int is_block(const struct dirent *entry)
{
    unsigned long ignored;

    return number_of(entry->d_name, &ignored);
}

static int by_number(const struct dirent **a, const struct dirent **b)
{
    unsigned long x = 0, y = 0;

    number_of((*a)->d_name, &x);
    number_of((*b)->d_name, &y);
    return x < y ? -1 : x > y;
}

static fcc_status read_whole(FILE *file, size_t len, fcc__arena *arena, fcc_bytes *out)
{
    uint8_t *room = fcc__arena_alloc(arena, len);

    if (!room)
        return FCC_ERR_LIMIT;
    if (fread(room, 1, len, file) != len)
        return ferror(file) ? FCC_ERR_IO : FCC_ERR_NOT_FOUND;
    *out = fcc_bytes_of(room, len);
    return FCC_OK;
}

static fcc_status next_of_folder(audit_source *s, fcc__arena *arena, fcc_bytes *block, fcc_error *error)
{
    char path[PATH_LEN + 256];
    struct stat about;
    FILE *file;
    fcc_status st;

    if (s->next == s->count)
        return fcc_error_set(error, FCC_ERR_NOT_FOUND, "no more blocks");
    snprintf(path, sizeof(path), "%s/%s", s->path, s->names[s->next++]->d_name);
    file = fopen(path, "rbe");
    if (!file || fstat(fileno(file), &about) != 0) {
        st = fcc_error_set(error, FCC_ERR_IO, "%s: %s", path, strerror(errno));
    } else {
        st = read_whole(file, (size_t)about.st_size, arena, block);
        if (st != FCC_OK)
            fcc_error_set(error, st == FCC_ERR_NOT_FOUND ? FCC_ERR_IO : st, "%s cannot be read: %s", path,
                          fcc_status_text(st));
    }
    if (file)
        fclose(file);
    return st == FCC_ERR_NOT_FOUND ? FCC_ERR_IO : st;
}

/* ---- block files --------------------------------------------------------------------------------------------------- */

/* FCC_ERR_NOT_FOUND: there is none of this number, and the one of before goes on being read. */
static fcc_status open_file(audit_source *s, unsigned number, fcc_error *error)
{
    char path[PATH_LEN + 32];
    FILE *file;

    snprintf(path, sizeof(path), "%s/blockfile_%06u", s->path, number);
    file = fopen(path, "rbe");
    if (!file) /* one that may not be read is not the end */
        return errno == ENOENT ? FCC_ERR_NOT_FOUND : fcc_error_set(error, FCC_ERR_IO, "%s: %s", path, strerror(errno));
    if (s->file)
        fclose(s->file);
    s->file = file;
    s->number = number;
    return FCC_OK;
}

/* The lowest number of a block file behind that which is being read; false: it is the last one. */
static bool is_followed(const audit_source *s, unsigned *by)
{
    DIR *d = opendir(s->path);
    const struct dirent *e;
    bool found = false;

    while (d && (e = readdir(d))) {
        unsigned number;
        char more;

        if (sscanf(e->d_name, "blockfile_%6u%c", &number, &more) != 1 || number <= s->number)
            continue;
        *by = !found || number < *by ? number : *by;
        found = true;
    }
    if (d)
        closedir(d);
    return found;
}

/* A base-128 number. FCC_ERR_NOT_FOUND at the end of the file, also when it ends inside the number. */
static fcc_status read_length(FILE *file, uint64_t *out, bool *inside)
{
    int c;

    *out = 0;
    *inside = false;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        c = fgetc(file);
        if (c == EOF)
            return ferror(file) ? FCC_ERR_IO : FCC_ERR_NOT_FOUND;
        *inside = true;
        *out |= (uint64_t)(c & 0x7f) << shift;
        if (!(c & 0x80))
            return FCC_OK;
    }
    return FCC_ERR_CORRUPT;
}

/* The next file, when this one is at its end. */
static fcc_status open_next(audit_source *s, fcc_error *error)
{
    fcc_status st = open_file(s, s->number + 1, error);
    unsigned by;

    if (st != FCC_ERR_NOT_FOUND || !is_followed(s, &by))
        return st;
    if (by == s->number + 1) /* a peer has begun it in this moment */
        return open_file(s, by, error);
    return fcc_error_set(error, FCC_ERR_CORRUPT,
                         "%s: blockfile_%06u is missing: behind blockfile_%06u comes blockfile_%06u", s->path,
                         s->number + 1, s->number, by);
}

/* The next record; files follow one another without gaps, and only the last one may end inside of a record. */
static fcc_status next_record(audit_source *s, fcc__arena *arena, fcc_bytes *record, fcc_error *error)
{
    bool again = false;

    for (;;) {
        const long at = ftell(s->file);
        uint64_t len;
        bool inside;
        unsigned by;
        fcc_status st = read_length(s->file, &len, &inside);

        if (st == FCC_OK && (len == 0 || len > RECORD_MAX))
            return FCC_ERR_CORRUPT;
        if (st == FCC_OK) {
            st = read_whole(s->file, (size_t)len, arena, record);
        } else if (st == FCC_ERR_NOT_FOUND && !inside) {
            if ((st = open_next(s, error)) != FCC_OK)
                return st;
            continue;
        }
        if (st != FCC_ERR_NOT_FOUND)
            return st;
        if (!is_followed(s, &by)) {
            s->torn = true;
            return st;
        }
        if (again || fseek(s->file, at, SEEK_SET) != 0)
            return fcc_error_set(error, FCC_ERR_CORRUPT,
                                 "%s/blockfile_%06u ends inside of a block, and blockfile_%06u is behind it", s->path,
                                 s->number, by);
        again = true; /* a peer has completed it meanwhile, and begun the next file */
    }
}

/* As common.Block. A record has one form too; its bytes must be that. */
static fcc_status next_of_files(audit_source *s, fcc__arena *arena, fcc_bytes *out, fcc_error *error)
{
    ledger__block block;
    fcc_bytes record;
    fcc__buf again;
    fcc_error why = { 0 };
    fcc_status st = next_record(s, arena, &record, &why);

    if (st == FCC_ERR_NOT_FOUND)
        return fcc_error_set(error, st, "no more blocks");
    if (why.text[0])
        return fcc_error_set(error, st, "%s", why.text);
    if (st == FCC_OK)
        st = ledger__block_read(record, arena, &block);
    if (st == FCC_OK) {
        fcc__buf_init(&again, SIZE_MAX / 2);
        ledger__block_write(&block, &again);
        st = again.status;
        if (st == FCC_OK && !fcc_bytes_equal(fcc__buf_bytes(&again), record))
            st = FCC_ERR_CORRUPT;
        fcc__buf_clear(&again);
    }
    if (st == FCC_OK)
        st = ledger__block_pack(&block, arena, out);
    if (st != FCC_OK)
        fcc_error_set(error, st, "%s/blockfile_%06u: a record that is not a block as a peer writes it: %s", s->path,
                      s->number, fcc_status_text(st));
    return st;
}

/* ---- both ---------------------------------------------------------------------------------------------------------- */

fcc_status audit_source_open(const char *path, audit_source **out, fcc_error *error)
{
    audit_source *s = calloc(1, sizeof(*s));
    fcc_status st;

    if (!s)
        return fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
    snprintf(s->path, sizeof(s->path), "%s", path);
    st = open_file(s, 0, error);
    if (st != FCC_OK && st != FCC_ERR_NOT_FOUND) {
        free(s);
        return st;
    }
    if (st != FCC_OK) {
        s->count = scandir(path, &s->names, is_block, by_number);
        if (s->count <= 0) {
            st = s->count < 0 ? FCC_ERR_IO : FCC_ERR_NOT_FOUND;
            fcc_error_set(error, st, "%s: %s", path,
                          s->count < 0 ? strerror(errno)
                                       : "no blockfile_000000 here, and no files NNN.pb or NNN.block");
            free(s->names);
            free(s);
            return st;
        }
    }
    *out = s;
    return FCC_OK;
}

fcc_status audit_source_next(audit_source *source, fcc__arena *arena, fcc_bytes *block, fcc_error *error)
{
    return source->names ? next_of_folder(source, arena, block, error) : next_of_files(source, arena, block, error);
}

bool audit_source_torn(const audit_source *source)
{
    return source->torn;
}

void audit_source_close(audit_source *source)
{
    if (!source)
        return;
    if (source->file)
        fclose(source->file);
    for (int i = 0; i < source->count; i++)
        free(source->names[i]);
    free(source->names);
    free(source);
}
