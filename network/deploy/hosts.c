/*
 * hosts.c: the servers of the chaincodes, where this machine runs them: a native network (`medsync fabric`) has a file of
 * fcc-host for each organisation in DIR/config, and its process in DIR/processes.json. A package that is to be committed
 * gets an entry before that, in its own slot beside the old one where the network file gives it one, so that no transaction
 * finds nobody; when the new one answers, the old one's entry goes and its process drains.
 */
#include "deploy/internal.h"

#include "base/durable.h"
#include "package/package.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LISTEN_TRIES = 150, NAP_MS = 100, FILE_MAX = 1 << 20 };

/* One entry of the file: from its "- name:" to the next one's, or the end. */
struct entry {
    const char *text;
    size_t len;
};

struct file {
    const char *path;
    const char *text;
    struct entry head; /* what is before the first entry */
    struct entry entries[256];
    size_t count;
};

static const char mark[] = "- name: ";

/* ---- the file ----------------------------------------------------------------------------------------------------- */

static const char *read_text(const char *path, fcc__arena *arena)
{
    FILE *f = fopen(path, "rb");
    char *text = f ? fcc__arena_zalloc(arena, 1, FILE_MAX + 1) : NULL;

    if (text && fread(text, 1, FILE_MAX, f) == 0)
        text = NULL;
    if (f)
        fclose(f);
    return text;
}

static const char *next_entry(const char *at)
{
    for (; at; at = strchr(at, '\n'), at = at ? at + 1 : NULL)
        if (strncmp(at, mark, sizeof(mark) - 1) == 0)
            return at;
    return NULL;
}

static bool open_file(const deploy__org *org, fcc__arena *arena, struct file *out)
{
    const char *at, *next;

    *out = (struct file){ .path = fcc__arena_printf(arena, "%s/config/%s.yaml", org->run->options->dir,
                                                    org->config->domain) };
    out->text = out->path ? read_text(out->path, arena) : NULL;
    if (!out->text)
        return false;
    at = next_entry(out->text);
    out->head = (struct entry){ out->text, at ? (size_t)(at - out->text) : strlen(out->text) };
    for (; at && out->count < sizeof(out->entries) / sizeof(out->entries[0]); at = next) {
        next = next_entry(strchr(at, '\n'));
        out->entries[out->count++] = (struct entry){ at, next ? (size_t)(next - at) : strlen(at) };
    }
    return true;
}

/* What a key of the entry says; without quotes. */
static const char *value_of(const struct entry *e, const char *key, fcc__arena *arena)
{
    const size_t key_len = strlen(key);

    for (const char *line = e->text, *end; line < e->text + e->len; line = end + 1) {
        const char *at = line + 2, *from, *to;

        end = memchr(line, '\n', (size_t)(e->text + e->len - line));
        end = end ? end : e->text + e->len;
        if (end - line < 4 || strncmp(at, key, key_len) != 0 || at[key_len] != ':')
            continue;
        from = at + key_len + 1 + strspn(at + key_len + 1, " \"");
        to = from + strcspn(from, "\"\n");
        return fcc__arena_printf(arena, "%.*s", (int)(to - from), from);
    }
    return NULL;
}

static const struct entry *find_by(const struct file *f, const char *key, const char *value, fcc__arena *arena)
{
    for (size_t i = 0; i < f->count; i++) {
        const char *is = value_of(&f->entries[i], key, arena);

        if (is && strcmp(is, value) == 0)
            return &f->entries[i];
    }
    return NULL;
}

/* The entry with other values; lines that it lacks stay away. */
static const char *changed_entry(const struct entry *e, const char *name, const char *ccid, const char *address,
                                 const char *exe, fcc__arena *arena)
{
    const char *out = "";

    for (const char *line = e->text, *end; out && line < e->text + e->len; line = end + 1) {
        end = memchr(line, '\n', (size_t)(e->text + e->len - line));
        end = end ? end : e->text + e->len;
        if (strncmp(line, mark, sizeof(mark) - 1) == 0)
            out = fcc__arena_printf(arena, "%s- name: %s\n", out, name);
        else if (strncmp(line, "  ccid:", 7) == 0)
            out = fcc__arena_printf(arena, "%s  ccid: \"%s\"\n", out, ccid);
        else if (strncmp(line, "  address:", 10) == 0)
            out = fcc__arena_printf(arena, "%s  address: %s\n", out, address);
        else if (exe && strncmp(line, "  exec:", 7) == 0) {
            const char *slash = memrchr(line, '/', (size_t)(end - line));
            const char *from = exe[0] == '/' || !slash ? "  exec: " : line;
            const int len = from == line ? (int)(slash + 1 - line) : 8;

            out = fcc__arena_printf(arena, "%s%.*s%s\n", out, len, from, exe);
        } else if (end > line)
            out = fcc__arena_printf(arena, "%s%.*s\n", out, (int)(end - line), line);
    }
    return out;
}

/* The file without `gone`, and with `added` behind (NULL: nothing). */
static fcc_status write_file(const struct file *f, const struct entry *gone, const char *added, fcc__arena *arena,
                             fcc_error *error)
{
    const char *text = fcc__arena_printf(arena, "%.*s", (int)f->head.len, f->head.text);

    for (size_t i = 0; text && i < f->count; i++)
        if (&f->entries[i] != gone)
            text = fcc__arena_printf(arena, "%s%.*s", text, (int)f->entries[i].len, f->entries[i].text);
    text = text ? fcc__arena_printf(arena, "%s%s", text, added ? added : "") : NULL;
    return text ? fcc__write_whole(f->path, fcc_str(text), error)
                : fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
}

/* ---- the process -------------------------------------------------------------------------------------------------- */

/* The list outlives its processes, and numbers are given again. */
static bool is_host(json_int_t pid, fcc__arena *arena)
{
    const char *path = fcc__arena_printf(arena, "/proc/%lld/comm", (long long)pid);
    char name[32] = "";
    FILE *f = path ? fopen(path, "r") : NULL;
    const bool is = f && fgets(name, sizeof(name), f) && strcmp(name, "fcc-host\n") == 0;

    if (f)
        fclose(f);
    return is;
}

static fcc_status reload(const deploy__org *org, fcc__arena *arena, fcc_error *error)
{
    const char *path = fcc__arena_printf(arena, "%s/processes.json", org->run->options->dir);
    const char *name = fcc__arena_printf(arena, "chaincodes.%s", org->config->domain);
    json_t *all = path ? json_load_file(path, 0, NULL) : NULL;
    const json_int_t pid = json_integer_value(json_object_get(json_object_get(all, name ? name : ""), "pid"));

    json_decref(all);
    if (pid <= 1 || !is_host(pid, arena) || kill((pid_t)pid, SIGHUP) != 0)
        return fcc_error_set(error, FCC_ERR_NOT_FOUND,
                             "fcc-host of %s does not run here (%s): its file is changed, start it", org->config->mspid,
                             path ? path : "");
    return FCC_OK;
}

static bool listens(const char *address)
{
    struct sockaddr_in to = { .sin_family = AF_INET };
    const char *colon = strrchr(address, ':');
    char host[64] = "";
    int fd;
    bool is;

    if (!colon || (size_t)(colon - address) >= sizeof(host))
        return false;
    memcpy(host, address, (size_t)(colon - address));
    if (inet_pton(AF_INET, host, &to.sin_addr) != 1)
        return false;
    to.sin_port = htons((uint16_t)atoi(colon + 1));
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    is = fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0;
    if (fd >= 0)
        close(fd);
    return is;
}

/* Where a native network has its peers look for this slot. */
static const char *slot_address(const deploy__org *org, const char *slot, fcc__arena *arena)
{
    const char *path = fcc__arena_printf(arena, "%s/addresses.json", org->run->options->dir);
    const char *key = fcc__arena_printf(arena, "%s/%s", org->config->mspid, slot);
    json_t *all = path ? json_load_file(path, 0, NULL) : NULL;
    const char *text = json_string_value(json_object_get(all, key ? key : ""));
    const char *kept = text ? fcc__arena_printf(arena, "%s", text) : NULL;

    json_decref(all);
    return kept;
}

/* Which slot a package of before is made for: what its template says. */
static bool is_slot_b(const deploy__org *org, const deploy__wanted *w, const char *id)
{
    const char *mark_b = fcc__arena_printf(org->arena, "{{.%s}}",
                                           package_slot_name(w->chaincode->name, true, org->arena));
    package_content content;
    package_fault fault;
    fcc_bytes package;
    fcc_error error;

    if (!w->past)
        return w->slot_b;
    return mark_b && client_installed_package(org->admin, NULL, id, org->arena, &package, &error) == FCC_OK &&
           package_read(org->arena, package, &content, &fault) == FCC_OK &&
           memmem(content.connection.data, content.connection.len, mark_b, strlen(mark_b));
}

/* The entry that ran this package before, kept when it was taken out. */
static const char *kept_path(const deploy__org *org, const char *slot)
{
    return fcc__arena_printf(org->arena, "%s/config/%s.%s.before", org->run->options->dir, org->config->domain, slot);
}

static const char *kept_entry(const deploy__org *org, const char *slot, const char *id)
{
    const char *path = kept_path(org, slot), *text = path ? read_text(path, org->arena) : NULL, *ccid;
    const struct entry e = { text, text ? strlen(text) : 0 };

    ccid = text ? value_of(&e, "ccid", org->arena) : NULL;
    return ccid && strcmp(ccid, id) == 0 ? text : NULL;
}

static fcc_status start_server(const deploy__org *org, const deploy__wanted *w, const char *id, const struct file *f,
                               fcc_error *error)
{
    fcc__arena *arena = org->arena;
    const config_chaincode *cc = w->chaincode;
    const bool b = is_slot_b(org, w, id);
    const char *slots[2] = { package_slot_name(cc->name, false, arena), package_slot_name(cc->name, true, arena) };
    const char *slot = slots[b], *address, *entry;
    const struct entry *same = find_by(f, "name", slot, arena);
    const struct entry *like = same ? same : find_by(f, "name", slots[!b], arena);
    fcc_status st;

    if (!slots[0] || !slots[1])
        return fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
    if (!like)
        return fcc_error_set(error, FCC_ERR_NOT_FOUND, "%s has no entry %s to go by", f->path, cc->name);
    address = same ? value_of(same, "address", arena) : slot_address(org, slot, arena);
    if (!address)
        return fcc_error_set(error, FCC_ERR_NOT_FOUND, "no address is kept for %s/%s in addresses.json",
                             org->config->mspid, slot);
    entry = kept_entry(org, slot, id);
    if (!entry)
        entry = changed_entry(like, slot, id, address, cc->exe, arena);
    if (!entry)
        return fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
    if ((st = write_file(f, same, entry, arena, error)) != FCC_OK || (st = reload(org, arena, error)) != FCC_OK)
        return st;
    for (int tries = 0; !listens(address); tries++) {
        if (tries == LISTEN_TRIES)
            return fcc_error_set(error, FCC_ERR_TIMEOUT, "the new server does not listen at %s: see fcc-host's log",
                                 address);
        deploy__nap_ms(NAP_MS);
    }
    return FCC_OK;
}

void deploy__start_servers(deploy__org *org)
{
    deploy__run *run = org->run;

    for (size_t k = 0; k < run->wanted_count; k++) {
        const deploy__wanted *w = &run->wanted[k];
        const char *id = deploy__package_of(org, w);
        struct file f;
        fcc_error error = { 0 };
        fcc_status st;

        org->served[k] = true;
        if (!id || !org->approved[k] || !open_file(org, org->arena, &f))
            continue;
        if (find_by(&f, "ccid", id, org->arena))
            continue;
        if (run->options->rehearse) {
            deploy__tell(run, w, org, DEPLOY_SERVE, DEPLOY_WOULD, NULL, FCC_OK, NULL);
            continue;
        }
        st = start_server(org, w, id, &f, &error);
        org->served[k] = st == FCC_OK;
        deploy__tell(run, w, org, DEPLOY_SERVE, st == FCC_OK ? DEPLOY_DONE : DEPLOY_FAILED, NULL, st, error.text);
    }
}

/* The entry of the slot that isn't used any more goes; fcc-host lets its process drain. */
void deploy__end_servers(deploy__org *org)
{
    deploy__run *run = org->run;

    for (size_t k = 0; k < run->wanted_count; k++) {
        const deploy__wanted *w = &run->wanted[k];
        const char *id = deploy__package_of(org, w), *other, *path, *text;
        const struct entry *old;
        struct file f;
        fcc_error error = { 0 };
        fcc_status st;

        if (!id || !org->answered[k] || !open_file(org, org->arena, &f) || !find_by(&f, "ccid", id, org->arena))
            continue;
        other = package_slot_name(w->chaincode->name, !is_slot_b(org, w, id), org->arena);
        if (!other || !(old = find_by(&f, "name", other, org->arena)))
            continue;
        path = kept_path(org, other);
        text = fcc__arena_printf(org->arena, "%.*s", (int)old->len, old->text);
        st = path && text ? fcc__write_whole(path, fcc_str(text), &error) : FCC_ERR_NOMEM;
        if (st == FCC_OK)
            st = write_file(&f, old, NULL, org->arena, &error);
        if (st == FCC_OK)
            st = reload(org, org->arena, &error);
        deploy__tell(run, w, org, DEPLOY_DRAIN, st == FCC_OK ? DEPLOY_DONE : DEPLOY_FAILED, NULL, st, error.text);
    }
}
