/* See parts.h. */
#include "native/parts.h"

#include "base/durable.h"
#include "msp/channel.h"
#include "msp/material.h"
#include "native/nodes.h"

#include <errno.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PARTS_ARENA = 256 << 20, PATH_LEN = 4096 };

struct parts {
    const parts_options *options;
    const config_network *network;
    fcc__arena *arena;
    const char *crypto;
    node_release release;
    const char *
        *addresses;       /* where an organisation's peer finds each chaincode; the same ports in every organisation */
    const char **listens; /* ... and where it listens */
    const char **spare, **spare_listens; /* the same of slot b */
    fcc_error *error;
};

static fcc_status no_memory(const struct parts *p)
{
    return fcc_error_set(p->error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
}

/* ---- files -------------------------------------------------------------------------------------------------------- */

static fcc_status make_dirs(const struct parts *p, const char *path)
{
    char part[PATH_LEN];
    size_t len = path ? strlen(path) : 0;

    if (len == 0 || len >= sizeof(part))
        return no_memory(p);
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0755) != 0 && errno != EEXIST)
            return fcc_error_set(p->error, FCC_ERR_IO, "%s: %s", part, strerror(errno));
    }
    return FCC_OK;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

static void remove_tree(const char *path)
{
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* A file with this mode, which holds a key or not. */
static fcc_status put(const struct parts *p, const char *folder, const char *name, fcc_bytes content, mode_t mode)
{
    const char *path = fcc__arena_printf(p->arena, "%s/%s", folder, name);
    fcc_status st;

    if (!path)
        return no_memory(p);
    if ((st = make_dirs(p, folder)) != FCC_OK || (st = fcc__write_whole(path, content, p->error)) != FCC_OK)
        return st;
    return chmod(path, mode) == 0 ? FCC_OK : fcc_error_set(p->error, FCC_ERR_IO, "%s: %s", path, strerror(errno));
}

/* nftw has no context of its own, and this process copies one tree at a time. */
static struct copying {
    const struct parts *parts;
    size_t from_len;
    const char *to;
    fcc_status st;
} copying;

static int copy_entry(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    const struct parts *p = copying.parts;
    const char *to = fcc__arena_printf(p->arena, "%s%s", copying.to, path + copying.from_len), *slash;
    fcc_bytes content;

    (void)walk;
    if (!to)
        copying.st = no_memory(p);
    else if (kind == FTW_D)
        copying.st = make_dirs(p, to);
    else if (kind == FTW_F && (slash = strrchr(to, '/')) &&
             (copying.st = node_read_file(path, p->arena, &content, p->error)) == FCC_OK)
        copying.st = put(p, fcc__arena_printf(p->arena, "%.*s", (int)(slash - to), to), slash + 1, content,
                         info->st_mode & 0777);
    return copying.st != FCC_OK;
}

static fcc_status copy_tree(const struct parts *p, const char *from, const char *to)
{
    if (!from || !to)
        return no_memory(p);
    if (access(from, R_OK) != 0)
        return fcc_error_set(p->error, FCC_ERR_NOT_FOUND, "%s: %s: this part needs it", from, strerror(errno));
    copying = (struct copying){ .parts = p, .from_len = strlen(from), .to = to };
    if (nftw(from, copy_entry, 16, FTW_PHYS) != 0 && copying.st == FCC_OK)
        copying.st = fcc_error_set(p->error, FCC_ERR_IO, "%s: %s", from, strerror(errno));
    return copying.st;
}

/* What was written beside `folder` takes its place. */
static fcc_status settle(const struct parts *p, const char *fresh, const char *folder)
{
    const char *old = fcc__arena_printf(p->arena, "%s.old", folder);

    if (!old)
        return no_memory(p);
    remove_tree(old);
    if (!fcc__sync_tree(fresh) || (rename(folder, old) != 0 && errno != ENOENT) || rename(fresh, folder) != 0 ||
        !fcc__sync_parent(folder))
        return fcc_error_set(p->error, FCC_ERR_IO, "%s: %s", folder, strerror(errno));
    remove_tree(old);
    return FCC_OK;
}

/* ---- one node ----------------------------------------------------------------------------------------------------- */

/* "peer0" of "peer0.hospital.medsync.example" */
static const char *short_name(const struct parts *p, const char *name)
{
    return fcc__arena_printf(p->arena, "%.*s", (int)strcspn(name, "."), name);
}

/* The variables for a shell, then `command`. A quotation mark in a value ends and begins the quotation around itself. */
static fcc_status write_start(const struct parts *p, const char *folder, const node_variables *variables,
                              const char *command)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    fcc_status st;

    if (!out || variables->failed) {
        if (out)
            fclose(out);
        free(text);
        return no_memory(p);
    }
    fputs("# What this node is told, and its start. Made by `medsync fabric prepare`: the next one overwrites it.\n",
          out);
    for (size_t i = 0; i < variables->n; i++) {
        const char *equals = strchr(variables->v[i], '=');

        fprintf(out, "export %.*s='", (int)(equals - variables->v[i]), variables->v[i]);
        for (const char *c = equals + 1; *c; c++)
            *c == '\'' ? fputs("'\\''", out) : fputc(*c, out);
        fputs("'\n", out);
    }
    fprintf(out, "%s\n", command);
    st = fclose(out) == 0 ? put(p, folder, "start", fcc_bytes_of(text, len), 0600) : no_memory(p);
    free(text);
    return st;
}

static fcc_status write_config(const struct parts *p, const char *folder, const char *name)
{
    const char *from = fcc__arena_printf(p->arena, "%s/%s", p->options->config_dir, name);
    fcc_bytes text;
    fcc_status st = from ? node_config_file(from, &p->release, p->arena, &text, p->error) : no_memory(p);

    return st == FCC_OK ? put(p, folder, name, text, 0644) : st;
}

/* Where a node of this name is told that its files are. */
static bool place_of(const struct parts *p, const char *name, const char *address, node_place *out)
{
    *out = (node_place){
        .config = fcc__arena_printf(p->arena, "%s/%s", PARTS_FABRIC, name),
        .msp = fcc__arena_printf(p->arena, "%s/%s/msp", PARTS_FABRIC, name),
        .tls = fcc__arena_printf(p->arena, "%s/%s/tls", PARTS_FABRIC, name),
        .data = PARTS_DATA,
        .listen = fcc__arena_printf(p->arena, "0.0.0.0:%d", node_port(address)),
        .operations = fcc__arena_printf(p->arena, "127.0.0.1:%d", PARTS_OPERATIONS_PORT),
        .admin = fcc__arena_printf(p->arena, "0.0.0.0:%d", PARTS_ADMIN_PORT),
    };
    return out->config && out->msp && out->tls && out->listen && out->operations && out->admin;
}

static fcc_status write_orderer(const struct parts *p, size_t i)
{
    const config_orderer *o = &p->network->orderer;
    const char *name = short_name(p, o->nodes[i].name);
    const char *folder = name ? fcc__arena_printf(p->arena, "%s/%s/%s", p->options->out, o->domain, name) : NULL;
    const char *fresh = folder ? fcc__arena_printf(p->arena, "%s.new", folder) : NULL;
    node_variables variables = { .arena = p->arena };
    node_place place;
    fcc_status st;

    if (!fresh || !place_of(p, name, o->nodes[i].address, &place))
        return no_memory(p);
    remove_tree(fresh);
    node_orderer(p->network, &place, &variables);
    if ((st = write_config(p, fresh, "orderer.yaml")) != FCC_OK ||
        (st = copy_tree(p, msp_path_orderer_msp(p->arena, p->crypto, o, i),
                        fcc__arena_printf(p->arena, "%s/msp", fresh))) != FCC_OK ||
        (st = copy_tree(p, msp_path_orderer_tls(p->arena, p->crypto, o, i),
                        fcc__arena_printf(p->arena, "%s/tls", fresh))) != FCC_OK ||
        (st = write_start(p, fresh, &variables, "exec orderer")) != FCC_OK)
        return st;
    return settle(p, fresh, folder);
}

static fcc_status write_peer(const struct parts *p, const config_org *org)
{
    const char *name = short_name(p, org->peer_name);
    const char *folder = name ? fcc__arena_printf(p->arena, "%s/%s/%s", p->options->out, org->domain, name) : NULL;
    const char *fresh = folder ? fcc__arena_printf(p->arena, "%s.new", folder) : NULL;
    node_variables variables = { .arena = p->arena };
    node_place place;
    fcc_status st;

    if (!fresh || !place_of(p, name, org->peer_address, &place))
        return no_memory(p);
    remove_tree(fresh);
    st = node_builder_values_of_both(p->network, org, p->crypto, p->addresses, p->spare, p->arena, &place.builder,
                                     p->error);
    if (st != FCC_OK)
        return st;
    node_peer(org, &place, &variables);
    if ((st = write_config(p, fresh, "core.yaml")) != FCC_OK ||
        (st = copy_tree(p, msp_path_peer_msp(p->arena, p->crypto, org),
                        fcc__arena_printf(p->arena, "%s/msp", fresh))) != FCC_OK ||
        (st = copy_tree(p, msp_path_peer_tls(p->arena, p->crypto, org),
                        fcc__arena_printf(p->arena, "%s/tls", fresh))) != FCC_OK)
        return st;
    /* what the builder made of a package is made anew, of today's addresses and certificates */
    st = write_start(p, fresh, &variables, "rm -rf " PARTS_DATA "/externalbuilder/builds\nexec peer node start");
    return st == FCC_OK ? settle(p, fresh, folder) : st;
}

static fcc_status write_host(const struct parts *p, const config_org *org)
{
    const char *folder = fcc__arena_printf(p->arena, "%s/%s/chaincodes", p->options->out, org->domain), *text = NULL;
    const char *fresh = folder ? fcc__arena_printf(p->arena, "%s.new", folder) : NULL;
    const node_host host = { .admin = "127.0.0.1:9443",
                             .bin_dir = p->options->bin_dir,
                             .tls = PARTS_HOST "/chaincodes/tls",
                             .addresses = p->listens,
                             .spare = p->spare_listens };
    /* the peer's client.crt and client.key are its own, in its start */
    static const struct {
        const char *name;
        mode_t mode;
    } files[] = { { "ca.crt", 0644 }, { "server.crt", 0644 }, { "server.key", 0600 } };
    const char *tls = msp_path_chaincodes_tls(p->arena, p->crypto, org);
    const char *to = fresh ? fcc__arena_printf(p->arena, "%s/tls", fresh) : NULL;
    fcc_bytes content;
    fcc_status st;

    if (!to)
        return no_memory(p);
    remove_tree(fresh);
    st = node_host_file(p->network, org, &host, p->arena, &text, p->error);
    if (st != FCC_OK || !text)
        return st;
    for (size_t i = 0; st == FCC_OK && i < sizeof(files) / sizeof(files[0]); i++) {
        const char *from = tls ? fcc__arena_printf(p->arena, "%s/%s", tls, files[i].name) : NULL;

        st = node_read_file(from, p->arena, &content, p->error);
        if (st == FCC_OK)
            st = put(p, to, files[i].name, content, files[i].mode);
    }
    if (st == FCC_OK)
        st = put(p, fresh, "fcc-host.yaml", fcc_str(text), 0644);
    if (st != FCC_OK)
        return st;
    return settle(p, fresh, folder);
}

/* ---- all of it ---------------------------------------------------------------------------------------------------- */

static bool takes_part(const struct parts *p, const char *mspid)
{
    return !p->options->only || strcmp(p->options->only, mspid) == 0;
}

static fcc_status make_material(struct parts *p)
{
    const parts_options *o = p->options;
    const char *genesis = fcc__arena_printf(p->arena, "%s/genesis.block", o->dir);
    config_network founders;
    fcc_bytes block;
    fcc_status st;

    if (!genesis)
        return no_memory(p);
    if ((st = make_dirs(p, o->dir)) != FCC_OK || (st = msp_complete(p->network, p->crypto, NULL, p->error)) != FCC_OK ||
        (st = msp_write_custody(p->network, o->dir, p->error)) != FCC_OK)
        return st;
    if (access(genesis, F_OK) == 0)
        return FCC_OK;
    if ((st = config_founders(p->network, &founders, p->error)) != FCC_OK)
        return st;
    st = msp_genesis(&founders, p->crypto, (int64_t)time(NULL), p->arena, &block, p->error);
    return st == FCC_OK ? fcc__write_whole(genesis, block, p->error) : st;
}

static fcc_status write_endpoints(struct parts *p)
{
    const char **peers = fcc__arena_zalloc(p->arena, p->network->org_count + 1, sizeof(*peers));

    if (!peers)
        return no_memory(p);
    for (size_t i = 0; i < p->network->org_count; i++)
        peers[i] = p->network->orgs[i].peer_address;
    return msp_write_endpoints(p->options->dir, p->network, p->crypto, peers, false, p->error);
}

static fcc_status write_org(struct parts *p, const config_org *org)
{
    const char *host = fcc__arena_printf(p->arena, "chaincodes.%s", org->domain);
    fcc_status st;

    for (size_t k = 0; k < p->network->chaincode_count; k++) {
        p->addresses[k] = fcc__arena_printf(p->arena, "%s:%zu", host ? host : "", PARTS_CHAINCODE_PORT + k);
        p->listens[k] = fcc__arena_printf(p->arena, "0.0.0.0:%zu", PARTS_CHAINCODE_PORT + k);
        p->spare[k] = fcc__arena_printf(p->arena, "%s:%zu", host ? host : "", PARTS_SPARE_PORT + k);
        p->spare_listens[k] = fcc__arena_printf(p->arena, "0.0.0.0:%zu", PARTS_SPARE_PORT + k);
        if (!host || !p->addresses[k] || !p->listens[k] || !p->spare[k] || !p->spare_listens[k])
            return no_memory(p);
    }
    st = write_peer(p, org);
    return st == FCC_OK ? write_host(p, org) : st;
}

static fcc_status write_all(struct parts *p)
{
    fcc_status st = p->options->only ? FCC_OK : make_material(p);
    char line[PATH_LEN];

    if (st == FCC_OK)
        st = write_endpoints(p);
    if (takes_part(p, p->network->orderer.mspid))
        for (size_t i = 0; st == FCC_OK && i < p->network->orderer.node_count; i++)
            st = write_orderer(p, i);
    for (size_t i = 0; st == FCC_OK && i < p->network->org_count; i++)
        if (takes_part(p, p->network->orgs[i].mspid))
            st = write_org(p, &p->network->orgs[i]);
    if (st == FCC_OK && p->options->tell) {
        snprintf(line, sizeof(line), "keys and channel are in %s, each organisation's part is in %s", p->options->dir,
                 p->options->out);
        p->options->tell(p->options->ctx, line);
    }
    return st;
}

fcc_status parts_write(const parts_options *options, fcc_error *error)
{
    struct parts p = { .options = options,
                       .network = options->network,
                       .arena = fcc__arena_new(PARTS_ARENA),
                       .release = { .builder = NODE_IMAGE_BUILDER,
                                    .time_window = strncmp(options->fabric, "2.", 2) != 0 },
                       .error = error };
    const size_t count = options->network->chaincode_count + 1;
    fcc_status st;

    p.crypto = p.arena ? fcc__arena_printf(p.arena, "%s/crypto", options->dir) : NULL;
    p.addresses = p.crypto ? fcc__arena_zalloc(p.arena, count, sizeof(*p.addresses)) : NULL;
    p.listens = p.crypto ? fcc__arena_zalloc(p.arena, count, sizeof(*p.listens)) : NULL;
    p.spare = p.crypto ? fcc__arena_zalloc(p.arena, count, sizeof(*p.spare)) : NULL;
    p.spare_listens = p.crypto ? fcc__arena_zalloc(p.arena, count, sizeof(*p.spare_listens)) : NULL;
    st = p.addresses && p.listens && p.spare && p.spare_listens ? write_all(&p) : no_memory(&p);
    fcc__arena_free(p.arena);
    return st;
}
