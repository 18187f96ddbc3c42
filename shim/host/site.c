/* See site.h. */
#include "host/site.h"

#include "base/log.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

enum {
    FILE_BYTES = 16 * 1024 * 1024,
    GRACE_MS = 2000, /* for a process to end after its own limit for transactions */
};

/* One reading of the file. Children point into it. */
struct host_files {
    struct host_files *older;
    fcc__arena *arena;
    host_config config;
};

static struct host_files *read_file(const host_site *s, fcc_error *error)
{
    struct host_files *f = calloc(1, sizeof(*f));

    if (f)
        f->arena = fcc__arena_new(FILE_BYTES);
    if (!f || !f->arena) {
        free(f);
        fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
        return NULL;
    }
    if (host_config_read(s->path, s->as_root, f->arena, &f->config, error) != FCC_OK) {
        fcc__arena_free(f->arena);
        free(f);
        return NULL;
    }
    return f;
}

static void drop_files(struct host_files *f)
{
    while (f) {
        struct host_files *older = f->older;

        fcc__arena_free(f->arena);
        free(f);
        f = older;
    }
}

static void take_files(host_site *s, struct host_files *f)
{
    f->older = s->files;
    s->files = f;
    s->config = &f->config;
}

/* ---- life ---- */

fcc_status host_site_open(host_site *s, const char *path, bool as_root, fcc_error *error)
{
    struct host_files *f;
    fcc_status st = FCC_OK;

    *s = (host_site){ .path = path, .as_root = as_root };
    f = read_file(s, error);
    if (!f)
        return error->status;
    take_files(s, f);
    s->children = calloc(f->config.n, sizeof(*s->children));
    if (!s->children)
        st = fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
    for (size_t i = 0; st == FCC_OK && i < f->config.n; i++) {
        st = host_child_init(&s->children[i], &f->config.v[i], f->config.drain_seconds, error);
        s->count += st == FCC_OK;
    }
    if (st != FCC_OK)
        host_site_close(s);
    return st;
}

void host_site_close(host_site *s)
{
    for (size_t i = 0; i < s->count; i++)
        host_child_clear(&s->children[i]);
    free(s->children);
    drop_files(s->files);
    *s = (host_site){ .path = s->path };
}

/* ---- a new file ---- */

static const host_chaincode *find_chaincode(const host_config *config, const char *name)
{
    for (size_t i = 0; i < config->n; i++)
        if (strcmp(config->v[i].name, name) == 0)
            return &config->v[i];
    return NULL;
}

static bool is_run(const host_site *s, const char *name)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->children[i].chaincode->name, name) == 0)
            return true;
    return false;
}

/* Room and counters for those who are new, before anything else is touched. */
static fcc_status add_new(host_site *s, const host_config *config, size_t *added, fcc_error *error)
{
    host_child *grown = realloc(s->children, (s->count + config->n) * sizeof(*grown));
    fcc_status st = FCC_OK;

    *added = 0;
    if (!grown)
        return fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
    s->children = grown;
    for (size_t i = 0; st == FCC_OK && i < config->n; i++)
        if (!is_run(s, config->v[i].name)) {
            st = host_child_init(&grown[s->count + *added], &config->v[i], config->drain_seconds, error);
            *added += st == FCC_OK;
        }
    while (st != FCC_OK && *added)
        host_child_clear(&grown[s->count + --*added]);
    return st;
}

void host_site_reload(host_site *s)
{
    fcc_error error;
    struct host_files *f = read_file(s, &error);
    size_t added = 0, before = s->count;

    if (!f || add_new(s, &f->config, &added, &error) != FCC_OK) {
        drop_files(f);
        fcc__log_code(FCC__ERROR, FCC__E_HOST_FILE, "SIGHUP: all stays as it was: %s", error.text);
        return;
    }
    if (strcmp(f->config.admin, s->config->admin) != 0)
        fcc__log(FCC__WARN, "SIGHUP: admin stays at %s until fcc-host is restarted", s->config->admin);
    fcc__log(FCC__INFO, "SIGHUP: %s was read again", s->path);
    for (size_t i = 0; i < before; i++)
        host_child_change(&s->children[i], find_chaincode(&f->config, s->children[i].chaincode->name),
                          f->config.drain_seconds);
    for (size_t i = before; i < before + added; i++)
        fcc__log(FCC__INFO, "SIGHUP: chaincode %s is new", s->children[i].chaincode->name);
    s->count = before + added;
    take_files(s, f);
    host_site_reap(s);
}

/* Who is gone for good leaves the list, and older files are needed no longer than by who is on the way out. */
static void tidy(host_site *s)
{
    size_t kept = 0;
    bool leaving = false;

    for (size_t i = 0; i < s->count; i++) {
        if (s->children[i].gone) {
            host_child_clear(&s->children[i]);
            continue;
        }
        leaving |= s->children[i].leaving;
        s->children[kept++] = s->children[i];
    }
    s->count = kept;
    if (!leaving) {
        drop_files(s->files->older);
        s->files->older = NULL;
    }
}

/* ---- going on ---- */

void host_site_stop(host_site *s)
{
    int64_t most = s->config->drain_seconds;

    for (size_t i = 0; i < s->count; i++) {
        if (s->children[i].drain_seconds > most)
            most = s->children[i].drain_seconds;
        host_child_stop(&s->children[i], s->stopping ? SIGKILL : SIGTERM);
    }
    if (!s->stopping)
        s->kill_at_ms = host_now_ms() + most * 1000 + GRACE_MS;
    s->stopping = true;
}

/* A process on its way out still listens there: its end is awaited. */
static bool must_wait(const host_site *s, const host_child *c)
{
    for (size_t i = 0; i < s->count; i++)
        if (&s->children[i] != c && s->children[i].pid && s->children[i].leaving &&
            strcmp(s->children[i].chaincode->address, c->chaincode->address) == 0)
            return true;
    return false;
}

static void end_late(host_site *s, int64_t now)
{
    if (s->stopping && now >= s->kill_at_ms && !host_site_ended(s)) {
        fcc__log_code(FCC__WARN, FCC__E_DRAIN_LATE, "some chaincodes have not ended in time: ending them");
        s->kill_at_ms = now + GRACE_MS;
        for (size_t i = 0; i < s->count; i++)
            host_child_stop(&s->children[i], SIGKILL);
    }
    for (size_t i = 0; i < s->count && !s->stopping; i++)
        if (s->children[i].leaving && now >= s->children[i].kill_at_ms) {
            fcc__log_code(FCC__WARN, FCC__E_DRAIN_LATE, "chaincode %s has not ended in time: ending it",
                          s->children[i].chaincode->name);
            s->children[i].kill_at_ms = now + GRACE_MS;
            kill(s->children[i].pid, SIGKILL);
        }
}

void host_site_tend(host_site *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (!must_wait(s, &s->children[i]))
            host_child_start_if_due(&s->children[i]);
    end_late(s, host_now_ms());
}

void host_site_reap(host_site *s)
{
    for (size_t i = 0; i < s->count; i++)
        host_child_reap(&s->children[i]);
    tidy(s);
}

static int64_t sooner(int64_t a, int64_t b)
{
    if (b < 0)
        b = 0;
    return a < 0 || b < a ? b : a;
}

int64_t host_site_patience_ms(const host_site *s)
{
    int64_t now = host_now_ms(), ms = -1;

    if (s->stopping)
        return sooner(ms, s->kill_at_ms - now);
    for (size_t i = 0; i < s->count; i++) {
        const host_child *c = &s->children[i];

        if (c->leaving)
            ms = sooner(ms, c->kill_at_ms - now);
        else if (c->start_at_ms && !must_wait(s, c))
            ms = sooner(ms, c->start_at_ms - now);
    }
    return ms;
}

bool host_site_ended(const host_site *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->children[i].pid)
            return false;
    return true;
}
