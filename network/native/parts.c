/* See parts.h. */
#include "native/parts.h"

#include "base/durable.h"
#include "msp/channel.h"
#include "msp/material.h"
#include "native/custodians.h"
#include "native/files.h"
#include "native/nodes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
    st = fclose(out) == 0 ? files_put(p->arena, folder, "start", fcc_bytes_of(text, len), 0600, p->error)
                          : no_memory(p);
    free(text);
    return st;
}

static fcc_status write_config(const struct parts *p, const char *folder, const char *name)
{
    const char *from = fcc__arena_printf(p->arena, "%s/%s", p->options->config_dir, name);
    fcc_bytes text;
    fcc_status st = from ? node_config_file(from, &p->release, p->arena, &text, p->error) : no_memory(p);

    return st == FCC_OK ? files_put(p->arena, folder, name, text, 0644, p->error) : st;
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
    files_remove_tree(fresh);
    node_orderer(p->network, &place, &variables);
    if ((st = write_config(p, fresh, "orderer.yaml")) != FCC_OK ||
        (st = files_copy_tree(p->arena, msp_path_orderer_msp(p->arena, p->crypto, o, i),
                              fcc__arena_printf(p->arena, "%s/msp", fresh), p->error)) != FCC_OK ||
        (st = files_copy_tree(p->arena, msp_path_orderer_tls(p->arena, p->crypto, o, i),
                              fcc__arena_printf(p->arena, "%s/tls", fresh), p->error)) != FCC_OK ||
        (st = write_start(p, fresh, &variables, "exec orderer")) != FCC_OK)
        return st;
    return files_settle(p->arena, fresh, folder, p->error);
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
    files_remove_tree(fresh);
    st = node_builder_values_of_both(p->network, org, p->crypto, p->addresses, p->spare, p->arena, &place.builder,
                                     p->error);
    if (st != FCC_OK)
        return st;
    node_peer(org, &place, &variables);
    if ((st = write_config(p, fresh, "core.yaml")) != FCC_OK ||
        (st = files_copy_tree(p->arena, msp_path_peer_msp(p->arena, p->crypto, org),
                              fcc__arena_printf(p->arena, "%s/msp", fresh), p->error)) != FCC_OK ||
        (st = files_copy_tree(p->arena, msp_path_peer_tls(p->arena, p->crypto, org),
                              fcc__arena_printf(p->arena, "%s/tls", fresh), p->error)) != FCC_OK)
        return st;
    /* what the builder made of a package is made anew, of today's addresses and certificates */
    st = write_start(p, fresh, &variables, "rm -rf " PARTS_DATA "/externalbuilder/builds\nexec peer node start");
    return st == FCC_OK ? files_settle(p->arena, fresh, folder, p->error) : st;
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
    } files[] = { { "client-ca.crt", 0644 }, { "server.crt", 0644 }, { "server.key", 0600 } };
    const char *tls = msp_path_chaincodes_tls(p->arena, p->crypto, org);
    const char *client_ca = msp_path_chaincodes_client_ca(p->arena, p->crypto, org);
    const char *to = fresh ? fcc__arena_printf(p->arena, "%s/tls", fresh) : NULL;
    fcc_bytes content;
    fcc_status st;

    if (!to)
        return no_memory(p);
    files_remove_tree(fresh);
    st = node_host_file(p->network, org, &host, p->arena, &text, p->error);
    if (st != FCC_OK || !text)
        return st;
    for (size_t i = 0; st == FCC_OK && i < sizeof(files) / sizeof(files[0]); i++) {
        const char *from = i == 0 ? client_ca : tls ? fcc__arena_printf(p->arena, "%s/%s", tls, files[i].name) : NULL;

        st = node_read_file(from, p->arena, &content, p->error);
        if (st == FCC_OK)
            st = files_put(p->arena, to, files[i].name, content, files[i].mode, p->error);
    }
    if (st == FCC_OK)
        st = files_put(p->arena, fresh, "fcc-host.yaml", fcc_str(text), 0644, p->error);
    if (st != FCC_OK)
        return st;
    return files_settle(p->arena, fresh, folder, p->error);
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
    if ((st = msp_complete(p->network, p->crypto, NULL, p->error)) != FCC_OK ||
        (st = msp_write_custody(p->network, o->dir, p->error)) != FCC_OK)
        return st;
    if (access(genesis, F_OK) == 0)
        return FCC_OK;
    if ((st = config_founders(p->network, &founders, p->error)) != FCC_OK)
        return st;
    st = msp_genesis(&founders, p->crypto, (int64_t)time(NULL), p->arena, &block, p->error);
    return st == FCC_OK ? fcc__write_whole(genesis, block, p->error) : st;
}

/* An organisation that has its certificates from elsewhere makes its custody key here: nobody else ever has that. */
static fcc_status make_custody(struct parts *p)
{
    const config_org *org = config_find_org(p->network, p->options->only);
    const char *key = org ? fcc__arena_printf(p->arena, "%s/custody/%s.key", p->options->dir, org->mspid) : NULL;
    config_network alone = *p->network;

    if (!org || !org->custodian_address || (key && access(key, F_OK) == 0))
        return FCC_OK;
    alone.orgs = org;
    alone.org_count = 1;
    return msp_write_custody(&alone, p->options->dir, p->error);
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
    const custodians_options custodians = { .dir = p->options->dir,
                                            .crypto = p->crypto,
                                            .network = p->network,
                                            .out = p->options->out,
                                            .only = p->options->only };
    const char *warning = NULL;
    fcc_status st = p->options->only ? make_custody(p) : make_material(p);
    char line[PATH_LEN];

    if (st == FCC_OK)
        st = node_open_chaincodes(p->network, p->options->dir, p->crypto, p->arena, &warning, p->error);
    if (warning && p->options->tell)
        p->options->tell(p->options->ctx, warning);
    if (st == FCC_OK)
        st = write_endpoints(p);
    if (takes_part(p, p->network->orderer.mspid))
        for (size_t i = 0; st == FCC_OK && i < p->network->orderer.node_count; i++)
            st = write_orderer(p, i);
    for (size_t i = 0; st == FCC_OK && i < p->network->org_count; i++)
        if (takes_part(p, p->network->orgs[i].mspid))
            st = write_org(p, &p->network->orgs[i]);
    if (st == FCC_OK && (st = custodians_write(&custodians, p->arena, p->error)) == FCC_OK)
        st = custodians_tell(&custodians, p->arena, p->error);
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
    int lock = -1;
    fcc_status st;

    p.crypto = p.arena ? fcc__arena_printf(p.arena, "%s/crypto", options->dir) : NULL;
    p.addresses = p.crypto ? fcc__arena_zalloc(p.arena, count, sizeof(*p.addresses)) : NULL;
    p.listens = p.crypto ? fcc__arena_zalloc(p.arena, count, sizeof(*p.listens)) : NULL;
    p.spare = p.crypto ? fcc__arena_zalloc(p.arena, count, sizeof(*p.spare)) : NULL;
    p.spare_listens = p.crypto ? fcc__arena_zalloc(p.arena, count, sizeof(*p.spare_listens)) : NULL;
    st = p.addresses && p.listens && p.spare && p.spare_listens ? FCC_OK : no_memory(&p);
    if (st == FCC_OK && !options->only)
        st = fcc__make_dirs(options->dir, 0755, false, error);
    if (st == FCC_OK) /* two would begin two channels, and take each other's files away */
        st = fcc__lock_dir(options->dir, &lock, error);
    if (st == FCC_OK)
        st = write_all(&p);
    fcc__unlock_dir(lock);
    fcc__arena_free(p.arena);
    return st;
}
