/* See config.h. */
#include "host/config.h"

#include "base/utf8.h"
#include "host/yaml.h"

#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_CHAINCODES = 256, MAX_ENV = 256, MAX_CCID = 512 };

const char host_default_admin[] = "127.0.0.1:9443";

#define TRY(call)         \
    do {                  \
        st = (call);      \
        if (st != FCC_OK) \
            return st;    \
    } while (0)
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static fcc_status no_memory(host_yaml *y)
{
    return fcc_error_set(y->error, FCC_ERR_NOMEM, "%s: out of memory", y->path);
}

/* ---- single values ---- */

static bool is_name(const char *s)
{
    if (!isalnum((unsigned char)*s) || strlen(s) > 63)
        return false;
    while (isalnum((unsigned char)*s) || *s == '_' || *s == '-' || *s == '.')
        s++;
    return !*s;
}

static fcc_status read_address(host_yaml *y, const yaml_node_t *node, const char *key, const char **out)
{
    const char *text = NULL, *colon;
    char *rest = NULL;
    long port;
    fcc_status st;

    TRY(host_yaml_text(y, node, key, &text));
    if (!text)
        return FCC_OK;
    colon = strrchr(text, ':');
    port = colon && isdigit((unsigned char)colon[1]) ? strtol(colon + 1, &rest, 10) : -1;
    if (!rest || *rest || port < 0 || port > 65535 || colon == text)
        return host_yaml_fail(y, node, key, text, "host:port");
    *out = text;
    return FCC_OK;
}

/* A file that is there; relative to the YAML file's folder. */
static fcc_status read_path(host_yaml *y, const yaml_node_t *node, const char *key, int mode, const char *what,
                            const char **out)
{
    const char *text = NULL, *slash = strrchr(y->path, '/'), *path;
    char expected[160];
    struct stat file;
    fcc_status st;

    TRY(host_yaml_text(y, node, key, &text));
    if (!text)
        return FCC_OK;
    path = text[0] == '/' || !slash ? text
                                    : fcc__arena_printf(y->arena, "%.*s/%s", (int)(slash - y->path), y->path, text);
    if (!path)
        return no_memory(y);
    errno = 0;
    if (access(path, mode) != 0 || stat(path, &file) != 0 || !S_ISREG(file.st_mode)) {
        snprintf(expected, sizeof(expected), "%s (%s)", what, errno ? strerror(errno) : "no file");
        return host_yaml_fail(y, node, key, path, expected);
    }
    *out = path;
    return FCC_OK;
}

static fcc_status check_ccid(host_yaml *y, const yaml_node_t *node, const char *key, const char *ccid)
{
    for (const char *c = ccid; *c; c++)
        if (isspace((unsigned char)*c) || iscntrl((unsigned char)*c))
            return host_yaml_fail(y, node, key, ccid, "a package id, label:hex, without blanks");
    if (!fcc__utf8_valid(fcc_str(ccid)))
        return host_yaml_fail(y, node, key, NULL, "a package id, label:hex, in UTF-8");
    return FCC_OK;
}

/* The package id is known only once a peer has the package: scripts put it into a file. */
static fcc_status read_ccid(host_yaml *y, const yaml_node_t *chaincode, const yaml_node_t *ccid,
                            const yaml_node_t *ccid_file, host_chaincode *out)
{
    const char *path = NULL;
    char line[MAX_CCID] = "";
    FILE *file;
    fcc_status st;

    if (!ccid == !ccid_file)
        return host_yaml_fail(y, chaincode, "chaincode", NULL, "one of ccid and ccid_file");
    if (ccid) {
        TRY(host_yaml_text(y, ccid, "ccid", &out->ccid));
        return check_ccid(y, ccid, "ccid", out->ccid);
    }
    TRY(read_path(y, ccid_file, "ccid_file", R_OK, "a file with the package id", &path));
    file = fopen(path, "r");
    if (!file || !fgets(line, sizeof(line), file))
        line[0] = 0;
    if (file)
        fclose(file);
    line[strcspn(line, "\r\n")] = 0;
    if (!line[0])
        return host_yaml_fail(y, ccid_file, "ccid_file", path, "a file with the package id in its first line");
    out->ccid = fcc__arena_printf(y->arena, "%s", line);
    return out->ccid ? check_ccid(y, ccid_file, "ccid_file", out->ccid) : no_memory(y);
}

/* ---- users ---- */

static bool is_number(const char *s, unsigned long *out)
{
    char *rest = NULL;

    if (!isdigit((unsigned char)*s))
        return false;
    *out = strtoul(s, &rest, 10);
    return !*rest && *out < UINT32_MAX;
}

static fcc_status read_user(host_yaml *y, const yaml_node_t *user, const yaml_node_t *group, host_chaincode *out)
{
    const char *name = NULL;
    const struct passwd *pw = NULL;
    const struct group *gr;
    unsigned long number = 0;
    fcc_status st;

    TRY(host_yaml_text(y, user, "user", &name));
    if (name) {
        pw = is_number(name, &number) ? getpwuid((uid_t)number) : getpwnam(name);
        if (!pw && !isdigit((unsigned char)*name))
            return host_yaml_fail(y, user, "user", name, "a user of this machine, by name or number");
        if (!pw && !group)
            return host_yaml_fail(y, user, "user", name, "a user with a name, or the key \"group\" beside it");
        out->drops = true;
        out->uid = pw ? pw->pw_uid : (uid_t)number;
        out->gid = pw ? pw->pw_gid : 0;
    }
    name = NULL;
    TRY(host_yaml_text(y, group, "group", &name));
    if (!name)
        return FCC_OK;
    if (!out->drops)
        return host_yaml_fail(y, group, "group", name, "the key \"user\" beside it");
    if (is_number(name, &number)) {
        out->gid = (gid_t)number;
        return FCC_OK;
    }
    gr = getgrnam(name);
    if (!gr)
        return host_yaml_fail(y, group, "group", name, "a group of this machine, by name or number");
    out->gid = gr->gr_gid;
    return FCC_OK;
}

static fcc_status check_user(host_yaml *y, const yaml_node_t *node, bool as_root, bool allow_root, host_chaincode *out)
{
    if (!as_root && out->drops && out->uid == geteuid() && out->gid == getegid())
        out->drops = false; /* nothing to be done */
    if (!as_root && out->drops)
        return host_yaml_fail(y, node, "user", NULL, "fcc-host to be started as root, or no other user");
    if (as_root && !allow_root && (!out->drops || out->uid == 0))
        return host_yaml_fail(y, node, "user", out->drops ? "root" : NULL,
                              "a user without root's rights (or \"allow_root: true\")");
    return FCC_OK;
}

/* ---- one chaincode ---- */

static bool is_variable(const char *s)
{
    if (!isalpha((unsigned char)*s) && *s != '_')
        return false;
    while (isalnum((unsigned char)*s) || *s == '_')
        s++;
    return !*s;
}

static bool is_ours(const char *variable)
{
    return strncmp(variable, "CHAINCODE_", 10) == 0 || strncmp(variable, "FCC_", 4) == 0 ||
           strcmp(variable, "CORE_CHAINCODE_ID_NAME") == 0;
}

static fcc_status read_env(host_yaml *y, const yaml_node_t *node, host_chaincode *out)
{
    yaml_node_pair_t *pair;
    size_t count;
    fcc_status st;

    if (!node)
        return FCC_OK;
    if (node->type != YAML_MAPPING_NODE)
        return host_yaml_fail(y, node, "env", NULL, "a mapping of variables to values");
    pair = node->data.mapping.pairs.start;
    count = (size_t)(node->data.mapping.pairs.top - pair);
    if (count > MAX_ENV)
        return host_yaml_fail(y, node, "env", NULL, "at most 256 variables");
    out->env = fcc__arena_zalloc(y->arena, count + 1, sizeof(*out->env));
    if (!out->env)
        return no_memory(y);
    for (; pair < node->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = yaml_document_get_node(&y->document, pair->key);
        const yaml_node_t *value = yaml_document_get_node(&y->document, pair->value);
        const char *name = NULL, *text = "";

        TRY(host_yaml_text(y, key, "env", &name));
        if (!is_variable(name) || is_ours(name))
            return host_yaml_fail(y, key, "env", name,
                                  "a variable's name (CHAINCODE_…, FCC_… and CORE_CHAINCODE_ID_NAME are set from the "
                                  "other keys)");
        if (value->type != YAML_SCALAR_NODE || value->data.scalar.length > 0)
            TRY(host_yaml_text(y, value, name, &text));
        out->env[out->env_count] = fcc__arena_printf(y->arena, "%s=%s", name, text);
        if (!out->env[out->env_count++])
            return no_memory(y);
    }
    return FCC_OK;
}

static fcc_status read_tls(host_yaml *y, const yaml_node_t *node, host_chaincode *out)
{
    yaml_node_t *cert, *key, *ca;
    const host_key keys[] = { { "cert", &cert, true }, { "key", &key, true }, { "client_ca", &ca, false } };
    fcc_status st;

    if (!node)
        return FCC_OK;
    TRY(host_yaml_keys(y, node, "tls", keys, COUNT(keys)));
    TRY(read_path(y, cert, "tls.cert", R_OK, "a file with the certificate, PEM", &out->tls_cert));
    TRY(read_path(y, key, "tls.key", R_OK, "a file with the private key, PEM", &out->tls_key));
    return read_path(y, ca, "tls.client_ca", R_OK, "a file with the CA of the peers' certificates, PEM",
                     &out->tls_client_ca);
}

static fcc_status read_level(host_yaml *y, const yaml_node_t *node, const char **out)
{
    static const char *const levels[] = { "debug", "info", "warning", "error" };
    const char *text = NULL;
    fcc_status st;

    TRY(host_yaml_text(y, node, "log_level", &text));
    if (!text)
        return FCC_OK;
    for (size_t i = 0; i < COUNT(levels); i++)
        if (strcmp(text, levels[i]) == 0) {
            *out = text;
            return FCC_OK;
        }
    return host_yaml_fail(y, node, "log_level", text, "debug, info, warning or error");
}

static fcc_status read_chaincode(host_yaml *y, const yaml_node_t *node, bool as_root, host_chaincode *out)
{
    yaml_node_t *name, *exec, *ccid, *ccid_file, *address, *tls, *env, *user, *group, *root, *budget, *memory, *level;
    const host_key keys[] = {
        { "name", &name, true },         { "exec", &exec, true },
        { "ccid", &ccid, false },        { "ccid_file", &ccid_file, false },
        { "address", &address, true },   { "tls", &tls, false },
        { "env", &env, false },          { "user", &user, false },
        { "group", &group, false },      { "allow_root", &root, false },
        { "budget_ms", &budget, false }, { "memory_mb", &memory, false },
        { "log_level", &level, false },
    };
    bool allow_root = false;
    fcc_status st;

    TRY(host_yaml_keys(y, node, "chaincode", keys, COUNT(keys)));
    TRY(host_yaml_text(y, name, "name", &out->name));
    if (!is_name(out->name))
        return host_yaml_fail(y, name, "name", out->name, "letters and digits, with _ - . after the first, at most 63");
    TRY(read_path(y, exec, "exec", X_OK, "a program", &out->exec));
    if (stat(out->exec, &out->exec_file) != 0)
        return host_yaml_fail(y, exec, "exec", out->exec, "a program");
    TRY(read_ccid(y, node, ccid, ccid_file, out));
    TRY(read_address(y, address, "address", &out->address));
    TRY(read_tls(y, tls, out));
    TRY(read_env(y, env, out));
    TRY(host_yaml_flag(y, root, "allow_root", &allow_root));
    TRY(read_user(y, user, group, out));
    TRY(check_user(y, user ? user : node, as_root, allow_root, out));
    out->budget_ms = -1;
    TRY(host_yaml_number(y, budget, "budget_ms", 0, 24 * 60 * 60 * 1000, &out->budget_ms));
    TRY(host_yaml_number(y, memory, "memory_mb", 128, 1024 * 1024, &out->memory_mb));
    return read_level(y, level, &out->log_level);
}

/* ---- all of it ---- */

static fcc_status check_unique(host_yaml *y, const yaml_node_t *node, const host_chaincode *v, size_t i,
                               const char *admin)
{
    if (strcmp(v[i].address, admin) == 0)
        return host_yaml_fail(y, node, "address", v[i].address, "another address than that of admin");
    for (size_t k = 0; k < i; k++) {
        if (strcmp(v[k].name, v[i].name) == 0)
            return host_yaml_fail(y, node, "name", v[i].name, "each name once");
        if (strcmp(v[k].address, v[i].address) == 0)
            return host_yaml_fail(y, node, "address", v[i].address, "each address once");
    }
    return FCC_OK;
}

static fcc_status read_chaincodes(host_yaml *y, const yaml_node_t *list, bool as_root, host_config *c)
{
    size_t count = list->type == YAML_SEQUENCE_NODE
                       ? (size_t)(list->data.sequence.items.top - list->data.sequence.items.start)
                       : 0;
    host_chaincode *v;
    fcc_status st;

    if (count == 0 || count > MAX_CHAINCODES)
        return host_yaml_fail(y, list, "chaincodes", NULL, "a list of 1 to 256 chaincodes");
    v = fcc__arena_zalloc(y->arena, count, sizeof(*v));
    if (!v)
        return no_memory(y);
    for (size_t i = 0; i < count; i++) {
        const yaml_node_t *node = yaml_document_get_node(&y->document, list->data.sequence.items.start[i]);

        TRY(read_chaincode(y, node, as_root, &v[i]));
        TRY(check_unique(y, node, v, i, c->admin));
    }
    c->v = v;
    c->n = count;
    return FCC_OK;
}

static fcc_status read_all(host_yaml *y, bool as_root, host_config *c)
{
    yaml_node_t *admin, *drain, *chaincodes;
    const host_key keys[] = { { "admin", &admin, false },
                              { "drain_seconds", &drain, false },
                              { "chaincodes", &chaincodes, true } };
    fcc_status st;

    TRY(host_yaml_keys(y, yaml_document_get_root_node(&y->document), "file", keys, COUNT(keys)));
    c->admin = host_default_admin;
    c->drain_seconds = 25;
    TRY(read_address(y, admin, "admin", &c->admin));
    TRY(host_yaml_number(y, drain, "drain_seconds", 0, 3600, &c->drain_seconds));
    return read_chaincodes(y, chaincodes, as_root, c);
}

fcc_status host_config_read(const char *path, bool as_root, fcc__arena *arena, host_config *out, fcc_error *error)
{
    host_config c = { .path = path };
    host_yaml y;
    fcc_status st = host_yaml_open(&y, path, arena, error);

    if (st != FCC_OK)
        return st;
    st = read_all(&y, as_root, &c);
    if (st == FCC_OK)
        *out = c;
    host_yaml_close(&y);
    return st;
}

/* ---- two of them ---- */

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_program(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

bool host_chaincode_same(const host_chaincode *a, const host_chaincode *b)
{
    bool same = same_text(a->name, b->name) && same_text(a->exec, b->exec) &&
                same_program(&a->exec_file, &b->exec_file) && same_text(a->ccid, b->ccid) &&
                same_text(a->address, b->address) && same_text(a->tls_cert, b->tls_cert) &&
                same_text(a->tls_key, b->tls_key) && same_text(a->tls_client_ca, b->tls_client_ca) &&
                a->env_count == b->env_count && a->drops == b->drops && a->uid == b->uid && a->gid == b->gid &&
                a->budget_ms == b->budget_ms && a->memory_mb == b->memory_mb && same_text(a->log_level, b->log_level);

    for (size_t i = 0; same && i < a->env_count; i++)
        same = same_text(a->env[i], b->env[i]);
    return same;
}
