/*
 * What a follower keeps in its directory:
 *   checkpoint.json    the block and transaction that are dealt with, as Fabric's gateway SDKs write it
 *   delivering.json    {"id", "tries"}: what was begun and is not known to have ended
 *   reminders.json     {id: until}: reminders that were delivered and are not over yet
 *   undelivered.jsonl  notices that were given up, with the reason
 *   lock               held by the process that works here
 * Each is replaced as a whole and synced before anything relies on it.
 */
#include "notify/private.h"

#include "base/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct notify_state {
    char dir[PATH_MAX - 64];
    int lock;
    client_checkpoint at;
    json_t *delivering; /* object */
    json_t *reminders;  /* object */
};

static void path_of(const notify_state *s, const char *name, char out[PATH_MAX])
{
    snprintf(out, PATH_MAX, "%s/%s", s->dir, name);
}

static fcc_status load(const notify_state *s, const char *name, json_t **out, fcc_error *error)
{
    char path[PATH_MAX];
    json_error_t why;

    path_of(s, name, path);
    if (access(path, F_OK) != 0 && errno == ENOENT)
        *out = json_object();
    else if (!(*out = json_load_file(path, JSON_REJECT_DUPLICATES, &why)))
        return fcc_error_set(error, FCC_ERR_CORRUPT, "%s: %s; remove it, and what it names may be delivered again",
                             path, why.text);
    if (!*out)
        return fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
    if (!json_is_object(*out))
        return fcc_error_set(error, FCC_ERR_CORRUPT,
                             "%s: no JSON object; remove it, and what it names may be delivered again", path);
    return FCC_OK;
}

static fcc_status save(const notify_state *s, const char *name, const json_t *value, fcc_error *error)
{
    char path[PATH_MAX], *text = json_dumps(value, JSON_COMPACT);
    fcc_status st;

    if (!text)
        return fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
    path_of(s, name, path);
    st = fcc__write_whole(path, fcc_str(text), error);
    free(text);
    return st;
}

fcc_status notify__state_open(const char *dir, notify_state **out, fcc_error *error)
{
    char path[PATH_MAX];
    notify_state *s;
    fcc_status st;

    if (strlen(dir) >= sizeof(s->dir))
        return fcc_error_set(error, FCC_ERR_ARG, "%s: the path is too long", dir);
    if ((st = fcc__make_dirs(dir, 0700, true, error)) != FCC_OK)
        return st;
    s = calloc(1, sizeof(*s));
    if (!s)
        return fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
    strcpy(s->dir, dir);
    path_of(s, "lock", path);
    s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->lock < 0)
        st = fcc_error_set(error, FCC_ERR_IO, "%s: %s", path, strerror(errno));
    else if (flock(s->lock, LOCK_EX | LOCK_NB) != 0)
        st = fcc_error_set(error, FCC_ERR_EXISTS, "%s is used by another process: give each its own --state", dir);
    path_of(s, "checkpoint.json", path);
    if (st == FCC_OK && (st = client_checkpoint_read(path, &s->at, error)) == FCC_OK &&
        (st = load(s, "delivering.json", &s->delivering, error)) == FCC_OK)
        st = load(s, "reminders.json", &s->reminders, error);
    if (st != FCC_OK) {
        notify__state_close(s);
        return st;
    }
    *out = s;
    return FCC_OK;
}

void notify__state_close(notify_state *s)
{
    if (!s)
        return;
    json_decref(s->delivering);
    json_decref(s->reminders);
    if (s->lock >= 0)
        close(s->lock);
    free(s);
}

client_checkpoint notify__state_at(const notify_state *s)
{
    return s->at;
}

fcc_status notify__state_reached(notify_state *s, uint64_t block, const char *txid, fcc_error *error)
{
    char path[PATH_MAX];
    fcc_status st;

    path_of(s, "checkpoint.json", path);
    if ((st = client_checkpoint_write(path, block, txid, error)) != FCC_OK)
        return st;
    s->at = (client_checkpoint){ .known = true, .block = block };
    snprintf(s->at.txid, sizeof(s->at.txid), "%s", txid);
    return FCC_OK;
}

fcc_status notify__state_begin(notify_state *s, const char *id, int *before, fcc_error *error)
{
    const char *last = json_string_value(json_object_get(s->delivering, "id"));
    json_int_t tries = last && !strcmp(last, id) ? json_integer_value(json_object_get(s->delivering, "tries")) : 0;

    if (json_object_set_new(s->delivering, "id", json_string(id)) != 0 ||
        json_object_set_new(s->delivering, "tries", json_integer(tries + 1)) != 0)
        return fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
    *before = (int)tries;
    return save(s, "delivering.json", s->delivering, error);
}

bool notify__state_reminded(const notify_state *s, const char *id)
{
    return json_object_get(s->reminders, id) != NULL;
}

fcc_status notify__state_remind(notify_state *s, const char *id, int64_t until, fcc_error *error)
{
    if (json_object_set_new(s->reminders, id, json_integer(until)) != 0)
        return fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
    return save(s, "reminders.json", s->reminders, error);
}

void notify__state_forget(notify_state *s, int64_t time)
{
    const char *id;
    json_t *until;
    void *next;

    json_object_foreach_safe(s->reminders, next, id, until) if (json_integer_value(until) < time)
        json_object_del(s->reminders, id);
}

/* A whole line more at the file's end, or what it was before. */
static bool append(const char *path, fcc_bytes line)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644), problem;
    struct stat was;
    bool ok;

    if (fd < 0)
        return false;
    if (fstat(fd, &was) != 0) {
        close(fd);
        return false;
    }
    ok = fcc__write_all(fd, line) && fsync(fd) == 0;
    problem = errno;
    if (!ok && ftruncate(fd, was.st_size) != 0)
        problem = errno;
    close(fd);
    errno = problem;
    return ok && fcc__sync_parent(path);
}

fcc_status notify__state_undelivered(notify_state *s, const notice *n, const char *why, fcc_error *error)
{
    json_t *line = json_pack("{s:s, s:s, s:o}", "id", n->id, "why", why, "notice", json_loads(n->text, 0, NULL));
    char path[PATH_MAX], *text = line ? json_dumps(line, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
    size_t len = text ? strlen(text) : 0;
    bool ok;

    json_decref(line);
    if (!text)
        return fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
    path_of(s, "undelivered.jsonl", path);
    text[len] = '\n'; /* in the place of the terminator */
    ok = append(path, fcc_bytes_of(text, len + 1));
    free(text);
    return ok ? FCC_OK : fcc_error_set(error, FCC_ERR_IO, "%s: %s", path, strerror(errno));
}
