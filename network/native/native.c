/*
 * See native.h. In order: keys, the channel's genesis block, the orderer and its joining the channel, the peers and their
 * joining, the chaincodes' processes, deployment. Each step finds what an earlier start has made and goes on from it.
 */
#include "native/native.h"

#include "base/durable.h"
#include "base/log.h"
#include "client/direct.h"
#include "deploy/deploy.h"
#include "devnet/directory.h"
#include "msp/channel.h"
#include "msp/material.h"
#include "native/participation.h"
#include "native/programs.h"
#include "package/package.h"
#include "protos/unpack.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { NATIVE_ARENA = 256 << 20, START_SECONDS = 60, JOIN_TRIES = 100 };

struct network {
    const native_options *options;
    config_network *config;
    fcc__arena *arena;
    const char *dir;    /* absolute */
    const char *crypto; /* DIR/crypto */
    const char *orderer_program, *peer_program, *builder;
    config_orderer_node *orderers; /* with the addresses that are used here */
    const char **orderer_admins;   /* addresses */
    const char **peers;
    const char **services; /* addresses of chaincodes: organisation * chaincode_count + chaincode */
    fcc_bytes genesis;
    native_program *programs; /* orderers, peers, hosts */
    size_t program_count;
    fcc_error *error;
};

static fcc_status no_memory(struct network *n)
{
    return fcc_error_set(n->error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
}

static void tell(const struct network *n, const char *format, ...)
{
    char line[512];
    va_list ap;

    va_start(ap, format);
    vsnprintf(line, sizeof(line), format, ap);
    va_end(ap);
    fcc__log(FCC__INFO, "%s", line);
    if (n->options->tell)
        n->options->tell(n->options->ctx, line);
}

static const char *path_of(struct network *n, const char *format, ...)
{
    char rest[PATH_MAX];
    va_list ap;

    va_start(ap, format);
    vsnprintf(rest, sizeof(rest), format, ap);
    va_end(ap);
    return fcc__arena_printf(n->arena, "%s/%s", n->dir, rest);
}

static fcc_status make_dir(struct network *n, const char *path)
{
    char part[PATH_MAX];
    size_t len = path ? strlen(path) : 0;

    if (len == 0 || len >= sizeof(part))
        return no_memory(n);
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0755) != 0 && errno != EEXIST)
            return fcc_error_set(n->error, FCC_ERR_IO, "%s: %s", part, strerror(errno));
    }
    return FCC_OK;
}

static fcc_status read_file(struct network *n, const char *path, fcc_bytes *out)
{
    FILE *f = fopen(path, "rb");
    long size;
    char *data = NULL;

    if (!f)
        return fcc_error_set(n->error, FCC_ERR_IO, "%s: %s", path, strerror(errno));
    if (fseek(f, 0, SEEK_END) == 0 && (size = ftell(f)) >= 0 && fseek(f, 0, SEEK_SET) == 0 &&
        (data = fcc__arena_zalloc(n->arena, 1, (size_t)size + 1)) && fread(data, 1, (size_t)size, f) == (size_t)size)
        *out = fcc_bytes_of(data, (size_t)size);
    else
        data = NULL;
    fclose(f);
    return data ? FCC_OK : fcc_error_set(n->error, FCC_ERR_IO, "%s: cannot be read", path);
}

/* ---- Fabric's programs -------------------------------------------------------------------------------------------- */

static const char *find_program(struct network *n, const char *name)
{
    const char *path = n->options->fabric_bin ? n->options->fabric_bin : getenv("PATH"), *end, *found;
    char resolved[PATH_MAX];

    for (; path && *path; path = *end ? end + 1 : end) {
        end = strchrnul(path, ':');
        found = fcc__arena_printf(n->arena, "%.*s/%s", (int)(end - path), path, name);
        if (found && access(found, X_OK) == 0 && realpath(found, resolved))
            return fcc__arena_printf(n->arena, "%s", resolved);
    }
    return NULL;
}

static fcc_status find_programs(struct network *n)
{
    const char *where = n->options->fabric_bin ? n->options->fabric_bin : "PATH", *slash;

    n->orderer_program = find_program(n, "orderer");
    n->peer_program = find_program(n, "peer");
    if (!n->orderer_program || !n->peer_program)
        return fcc_error_set(n->error, FCC_ERR_NOT_FOUND,
                             "no program `%s` in %s: this needs the binaries of a Fabric release (2.5 or 3.1); without "
                             "them, `medsync devnet up` runs the same network file",
                             n->orderer_program ? "peer" : "orderer", where);
    slash = strrchr(n->peer_program, '/');
    n->builder = fcc__arena_printf(n->arena, "%.*s/../builders/ccaas", (int)(slash - n->peer_program), n->peer_program);
    if (n->builder && access(n->builder, F_OK) != 0)
        n->builder = "/opt/hyperledger/ccaas_builder";
    if (!n->builder || access(n->builder, F_OK) != 0)
        return fcc_error_set(n->error, FCC_ERR_NOT_FOUND,
                             "no builder for chaincodes as a service: neither %.*s/../builders/ccaas, as in Fabric's "
                             "releases, nor /opt/hyperledger/ccaas_builder, as in its images",
                             (int)(slash - n->peer_program), n->peer_program);
    return FCC_OK;
}

/* Does this `peer` know the filter TimeWindowCheck? It came with 3.0; one that does not tell its version has it. */
static bool has_time_window(const struct network *n)
{
    char command[PATH_MAX + 32], line[128];
    bool old = false;
    FILE *f;

    snprintf(command, sizeof(command), "'%s' version 2>/dev/null", n->peer_program);
    f = popen(command, "r");
    while (f && fgets(line, sizeof(line), f))
        if (strstr(line, "Version: v2.") || strstr(line, "Version: 2."))
            old = true;
    if (f)
        pclose(f);
    return !old;
}

/* A configuration file of ours, with the builder's place and without the line of a filter that is not known. */
static fcc_status copy_config(struct network *n, const char *name, bool time_window)
{
    const char *from = fcc__arena_printf(n->arena, "%s/%s", n->options->config_dir, name);
    static const char builder[] = "/opt/hyperledger/ccaas_builder";
    fcc_bytes text, out = { 0 };
    char *copy, *at;
    const char *line, *end, *found;
    fcc_status st = from ? read_file(n, from, &text) : FCC_ERR_NOMEM;

    if (st != FCC_OK)
        return st;
    copy = at = fcc__arena_zalloc(n->arena, 1, text.len + 2 * PATH_MAX);
    if (!copy)
        return no_memory(n);
    for (line = (const char *)text.data; *line; line = *end ? end + 1 : end) {
        end = strchrnul(line, '\n');
        found = memmem(line, (size_t)(end - line), builder, sizeof(builder) - 1);
        if (!time_window && memmem(line, (size_t)(end - line), "TimeWindowCheck", 15))
            continue;
        if (found && strlen(n->builder) < PATH_MAX)
            at += sprintf(at, "%.*s%s\n", (int)(found - line), line, n->builder);
        else
            at += sprintf(at, "%.*s\n", (int)(end - line), line);
    }
    out = fcc_bytes_of(copy, (size_t)(at - copy));
    return fcc__write_whole(path_of(n, "config/%s", name), out, n->error);
}

/* ---- addresses ---------------------------------------------------------------------------------------------------- */

static const char *local(struct network *n, const char *asked)
{
    const char *colon = asked && !n->options->auto_ports ? strrchr(asked, ':') : NULL;
    int port = colon ? atoi(colon + 1) : native_free_port();

    return port ? fcc__arena_printf(n->arena, "127.0.0.1:%d", port) : NULL;
}

static int port_of(const char *address)
{
    return atoi(strrchr(address, ':') + 1);
}

/*
 * Who listens where. A directory keeps its addresses, in DIR/addresses.json: the channel's configuration names the
 * orderer and peers, and a peer keeps what its builder made of a package at installation, chaincodes' addresses included.
 */
static const char *keep_address(struct network *n, const json_t *kept, json_t *all, const char *name, const char *asked)
{
    const char *old = name ? json_string_value(json_object_get(kept, name)) : NULL;
    const char *address = old ? fcc__arena_printf(n->arena, "%s", old) : local(n, asked);

    return name && address && json_object_set_new(all, name, json_string(address)) == 0 ? address : NULL;
}

static bool assign_all(struct network *n, const json_t *kept, json_t *all)
{
    config_org *orgs = (config_org *)(uintptr_t)n->config->orgs;
    const size_t cc_count = n->config->chaincode_count;
    const char *name;

    for (size_t i = 0; i < n->config->orderer.node_count; i++) {
        n->orderers[i] = n->config->orderer.nodes[i];
        n->orderers[i].address = keep_address(n, kept, all, n->orderers[i].name, n->orderers[i].address);
        n->orderer_admins[i] = local(n, NULL);
        if (!n->orderers[i].address || !n->orderer_admins[i])
            return false;
    }
    n->config->orderer.nodes = n->orderers;
    for (size_t i = 0; i < n->config->org_count; i++) {
        n->peers[i] = keep_address(n, kept, all, orgs[i].mspid, orgs[i].peer_address);
        if (!n->peers[i])
            return false;
        orgs[i].peer_address = n->peers[i];
        orgs[i].anchor_host = "127.0.0.1";
        orgs[i].anchor_port = port_of(n->peers[i]);
        for (size_t k = 0; k < cc_count; k++) {
            name = fcc__arena_printf(n->arena, "%s/%s", orgs[i].mspid, n->config->chaincodes[k].name);
            if (!(n->services[i * cc_count + k] = keep_address(n, kept, all, name, NULL)))
                return false;
        }
    }
    return true;
}

static fcc_status assign_addresses(struct network *n)
{
    const char *path = path_of(n, "addresses.json");
    json_error_t why;
    json_t *kept = path ? json_load_file(path, 0, &why) : NULL, *all = json_object();
    char *text = NULL;
    fcc_status st = FCC_ERR_NOMEM;

    n->orderers = fcc__arena_zalloc(n->arena, n->config->orderer.node_count, sizeof(*n->orderers));
    n->orderer_admins = fcc__arena_zalloc(n->arena, n->config->orderer.node_count, sizeof(*n->orderer_admins));
    n->peers = fcc__arena_zalloc(n->arena, n->config->org_count + 1, sizeof(*n->peers));
    n->services = fcc__arena_zalloc(n->arena, n->config->org_count * n->config->chaincode_count + 1,
                                    sizeof(*n->services));
    if (path && all && n->orderers && n->orderer_admins && n->peers && n->services && assign_all(n, kept, all))
        text = json_dumps(all, JSON_INDENT(2) | JSON_SORT_KEYS);
    if (text)
        st = fcc__write_whole(path, fcc_str(text), n->error);
    free(text);
    json_decref(kept);
    json_decref(all);
    return st == FCC_ERR_NOMEM ? no_memory(n) : st;
}

/* ---- the channel -------------------------------------------------------------------------------------------------- */

static fcc_status make_channel(struct network *n)
{
    const char *path = path_of(n, "genesis.block");
    fcc_status st;

    if (!path)
        return no_memory(n);
    if (access(path, F_OK) == 0)
        return read_file(n, path, &n->genesis);
    st = msp_genesis(n->config, n->crypto, (int64_t)time(NULL), n->arena, &n->genesis, n->error);
    return st == FCC_OK ? fcc__write_whole(path, n->genesis, n->error) : st;
}

static fcc_status join_orderer(struct network *n, size_t i)
{
    const char *tls = msp_path_orderer_tls(n->arena, n->crypto, &n->config->orderer, i);
    const participation_admin admin = { .address = n->orderer_admins[i],
                                        .ca = fcc__arena_printf(n->arena, "%s/ca.crt", tls),
                                        .cert = fcc__arena_printf(n->arena, "%s/server.crt", tls),
                                        .key = fcc__arena_printf(n->arena, "%s/server.key", tls) };

    if (!tls || !admin.ca || !admin.cert || !admin.key)
        return no_memory(n);
    return participation_join(&admin, n->config->channel, n->genesis, n->error);
}

static bool has_channel(const Protos__ChannelQueryResponse *r, const char *channel)
{
    for (size_t i = 0; i < r->n_channels; i++)
        if (fcc_bytes_equal(fcc__of_pb(r->channels[i]->channel_id), fcc_str(channel)))
            return true;
    return false;
}

/* A peer that has just begun to listen may not answer yet. */
static fcc_status join_peer(struct network *n, const config_org *org)
{
    const fcc_bytes args[] = { FCC_LIT("JoinChain"), n->genesis };
    const client_options open = { .dir = n->dir, .org = org->mspid };
    const client_call call = { .chaincode = "cscc", .channel = "", .args = args, .arg_count = 2 };
    const struct timespec pause = { 0, 100 * 1000000L };
    Protos__ChannelQueryResponse *channels;
    fcc_bytes answer;
    client *c = NULL;
    fcc_status st = client_open(&open, &c, n->error);

    if (st != FCC_OK)
        return st;
    for (int i = 0; i < JOIN_TRIES; i++) {
        st = client_channels(c, NULL, n->arena, &channels, n->error);
        if (st != FCC_ERR_IO)
            break;
        nanosleep(&pause, NULL);
    }
    if (st == FCC_OK && !has_channel(channels, n->config->channel))
        st = client_query_at(c, &call, NULL, n->arena, &answer, n->error);
    client_close(c);
    return st;
}

/* ---- programs ----------------------------------------------------------------------------------------------------- */

static native_program *add_program(struct network *n, const char *kind, const char *domain)
{
    native_program *p = &n->programs[n->program_count++];

    p->name = fcc__arena_printf(n->arena, "%s.%s", kind, domain);
    p->log = path_of(n, "log/%s.%s.log", kind, domain);
    return p->name && p->log && native_program_env(p, n->arena, "PATH", "%s", getenv("PATH") ? getenv("PATH") : "")
               ? p
               : NULL;
}

/* Each call and each gRPC event is a line at `info`, which costs Fabric more than the call: the user's choice. */
static const char *logging_spec(void)
{
    const char *wanted = getenv("FABRIC_LOGGING_SPEC");

    return wanted && *wanted ? wanted : "warning";
}

#define ENV(name, ...) (ok = ok && native_program_env(p, n->arena, name, __VA_ARGS__))

static fcc_status add_orderer(struct network *n, size_t i)
{
    const config_orderer *o = &n->config->orderer;
    native_program *p = add_program(n, "orderer", o->nodes[i].name);
    const char *tls = msp_path_orderer_tls(n->arena, n->crypto, o, i);
    const char *msp = msp_path_orderer_msp(n->arena, n->crypto, o, i);
    const char *data = path_of(n, "data/%s", o->nodes[i].name);
    bool ok = p && tls && msp && data;

    if (!ok)
        return no_memory(n);
    p->argv[0] = n->orderer_program;
    p->address = o->nodes[i].address;
    p->last = true;
    ENV("FABRIC_CFG_PATH", "%s/config", n->dir);
    ENV("FABRIC_LOGGING_SPEC", "%s", logging_spec());
    ENV("ORDERER_GENERAL_LISTENPORT", "%d", port_of(o->nodes[i].address));
    ENV("ORDERER_GENERAL_LOCALMSPID", "%s", o->mspid);
    ENV("ORDERER_GENERAL_LOCALMSPDIR", "%s", msp);
    ENV("ORDERER_GENERAL_TLS_CERTIFICATE", "%s/server.crt", tls);
    ENV("ORDERER_GENERAL_TLS_PRIVATEKEY", "%s/server.key", tls);
    ENV("ORDERER_GENERAL_TLS_ROOTCAS", "[%s/ca.crt]", tls);
    ENV("ORDERER_GENERAL_CLUSTER_CLIENTCERTIFICATE", "%s/server.crt", tls);
    ENV("ORDERER_GENERAL_CLUSTER_CLIENTPRIVATEKEY", "%s/server.key", tls);
    ENV("ORDERER_GENERAL_CLUSTER_ROOTCAS", "[%s/ca.crt]", tls);
    ENV("ORDERER_ADMIN_LISTENADDRESS", "%s", n->orderer_admins[i]);
    ENV("ORDERER_ADMIN_TLS_CERTIFICATE", "%s/server.crt", tls);
    ENV("ORDERER_ADMIN_TLS_PRIVATEKEY", "%s/server.key", tls);
    ENV("ORDERER_ADMIN_TLS_CLIENTROOTCAS", "[%s/ca.crt]", tls);
    ENV("ORDERER_FILELEDGER_LOCATION", "%s", data);
    ENV("ORDERER_CONSENSUS_WALDIR", "%s/etcdraft/wal", data);
    ENV("ORDERER_CONSENSUS_SNAPDIR", "%s/etcdraft/snapshot", data);
    return ok ? make_dir(n, data) : no_memory(n);
}

/* What a peer's builder fills into the packages' connection.json: where this organisation's chaincodes listen. */
static char *builder_values(struct network *n, size_t org)
{
    json_t *values = json_object();
    char *text = NULL;

    for (size_t k = 0; values && k < n->config->chaincode_count; k++) {
        const config_chaincode *cc = &n->config->chaincodes[k];

        if (config_has(cc->orgs, n->config->orgs[org].mspid))
            json_object_set_new(values, package_template_name(cc->name, n->arena),
                                json_string(n->services[org * n->config->chaincode_count + k]));
    }
    if (values)
        text = json_dumps(values, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(values);
    return text;
}

static fcc_status add_peer(struct network *n, size_t i)
{
    const config_org *org = &n->config->orgs[i];
    native_program *p = add_program(n, "peer", org->domain);
    const char *tls = msp_path_peer_tls(n->arena, n->crypto, org), *msp = msp_path_peer_msp(n->arena, n->crypto, org);
    const char *data = path_of(n, "data/%s", org->domain);
    char *values = builder_values(n, i);
    bool ok = p && tls && msp && data && values;

    if (!ok)
        goto out;
    p->argv[0] = n->peer_program;
    p->argv[1] = "node";
    p->argv[2] = "start";
    p->address = n->peers[i];
    p->last = true;
    ENV("FABRIC_CFG_PATH", "%s/config", n->dir);
    ENV("FABRIC_LOGGING_SPEC", "%s", logging_spec());
    ENV("CORE_PEER_ID", "%s", org->peer_name);
    ENV("CORE_PEER_LOCALMSPID", "%s", org->mspid);
    ENV("CORE_PEER_MSPCONFIGPATH", "%s", msp);
    ENV("CORE_PEER_LISTENADDRESS", "%s", n->peers[i]);
    ENV("CORE_PEER_ADDRESS", "%s", n->peers[i]);
    ENV("CORE_PEER_CHAINCODELISTENADDRESS", "%s", "127.0.0.1:0");
    ENV("CORE_PEER_GOSSIP_BOOTSTRAP", "%s", n->peers[i]);
    ENV("CORE_PEER_GOSSIP_ENDPOINT", "%s", n->peers[i]);
    ENV("CORE_PEER_GOSSIP_EXTERNALENDPOINT", "%s", n->peers[i]);
    ENV("CORE_PEER_TLS_CERT_FILE", "%s/server.crt", tls);
    ENV("CORE_PEER_TLS_KEY_FILE", "%s/server.key", tls);
    ENV("CORE_PEER_TLS_ROOTCERT_FILE", "%s/ca.crt", tls);
    ENV("CORE_PEER_FILESYSTEMPATH", "%s", data);
    ENV("CORE_LEDGER_SNAPSHOTS_ROOTDIR", "%s/snapshots", data);
    ENV("CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG", "%s", values);
out:
    free(values);
    return ok ? make_dir(n, data) : no_memory(n);
}

/* fcc-host's file of one organisation; *any is false when it runs no chaincode. */
static fcc_status write_host_file(struct network *n, size_t i, const char *path, bool *any)
{
    const config_org *org = &n->config->orgs[i];
    const char *text = fcc__arena_printf(n->arena, "admin: %s\nchaincodes:\n", local(n, NULL)), *id;
    fcc_bytes package;
    fcc_status st;

    *any = false;
    for (size_t k = 0; text && k < n->config->chaincode_count; k++) {
        const config_chaincode *cc = &n->config->chaincodes[k];

        if (!config_has(cc->orgs, org->mspid))
            continue;
        if ((st = deploy_package(cc, n->arena, &package, &id, n->error)) != FCC_OK)
            return st;
        *any = true;
        text = fcc__arena_printf(n->arena, "%s- name: %s\n  exec: %s/%s\n  ccid: \"%s\"\n  address: %s\n%s", text,
                                 cc->name, n->options->bin_dir, cc->exe, id,
                                 n->services[i * n->config->chaincode_count + k],
                                 geteuid() == 0 ? "  allow_root: true\n" : "");
    }
    return text ? fcc__write_whole(path, fcc_str(text), n->error) : no_memory(n);
}

static fcc_status add_host(struct network *n, size_t i)
{
    const config_org *org = &n->config->orgs[i];
    const char *path = path_of(n, "config/%s.yaml", org->domain);
    native_program *p;
    bool any = false;
    fcc_status st = path ? write_host_file(n, i, path, &any) : no_memory(n);

    if (st != FCC_OK || !any)
        return st;
    p = add_program(n, "chaincodes", org->domain);
    if (!p)
        return no_memory(n);
    p->argv[0] = fcc__arena_printf(n->arena, "%s/fcc-host", n->options->bin_dir);
    p->argv[1] = path;
    return p->argv[0] ? FCC_OK : no_memory(n);
}

static fcc_status start_last(struct network *n)
{
    return native_program_start(&n->programs[n->program_count - 1], n->error);
}

/* ---- in order ----------------------------------------------------------------------------------------------------- */

static void tell_step(void *ctx, const deploy_event *e)
{
    static const char *const steps[] = { "reached", "installed", "approved", "committed", "answering" };
    const struct network *n = ctx;

    if (e->result == DEPLOY_FAILED)
        tell(n, "%s, %s: not %s: %s", e->chaincode ? e->chaincode : "all", e->mspid ? e->mspid : "channel",
             steps[e->step], e->why);
    else if (e->step == DEPLOY_COMMIT)
        tell(n, "%s: %s, sequence %lld", e->chaincode, e->result == DEPLOY_DONE ? "deployed" : "there already",
             (long long)e->sequence);
}

static fcc_status start_fabric(struct network *n)
{
    fcc_status st;

    for (size_t i = 0; i < n->config->orderer.node_count; i++)
        if ((st = add_orderer(n, i)) != FCC_OK || (st = start_last(n)) != FCC_OK)
            return st;
    for (size_t i = 0; i < n->config->org_count; i++)
        if ((st = add_peer(n, i)) != FCC_OK || (st = start_last(n)) != FCC_OK)
            return st;
    for (size_t i = 0; i < n->program_count; i++)
        if ((st = native_program_await(&n->programs[i], START_SECONDS, n->error)) != FCC_OK)
            return st;
    tell(n, "%zu orderers and %zu peers listen", n->config->orderer.node_count, n->config->org_count);
    for (size_t i = 0; i < n->config->orderer.node_count; i++)
        if ((st = join_orderer(n, i)) != FCC_OK)
            return st;
    st = msp_write_endpoints(n->dir, n->config, n->crypto, n->peers, false, n->error);
    for (size_t i = 0; st == FCC_OK && i < n->config->org_count; i++)
        st = join_peer(n, &n->config->orgs[i]);
    if (st == FCC_OK)
        tell(n, "all have joined channel %s", n->config->channel);
    return st;
}

static fcc_status start_chaincodes(struct network *n)
{
    const deploy_options deploy = { .dir = n->dir, .network = n->config, .tell = tell_step, .ctx = n };
    deploy_counts counts;
    fcc_status st = FCC_OK;

    for (size_t i = 0; st == FCC_OK && i < n->config->org_count; i++) {
        size_t before = n->program_count;

        st = add_host(n, i);
        if (st == FCC_OK && n->program_count > before)
            st = start_last(n);
    }
    return st == FCC_OK ? deploy_run(&deploy, &counts, n->error) : st;
}

/*
 * Peers learn of each other by gossip, some seconds after they have joined; before that a gateway finds no endorsers
 * elsewhere. So each is asked for an answer of every chaincode at every organisation that runs it: whatever the
 * chaincode says to a function that it may not have, it was found.
 */
static fcc_status ask_everywhere(struct network *n, client *c, const config_chaincode *chaincode)
{
    const fcc_bytes args[] = { FCC_LIT("org.hyperledger.fabric:GetMetadata") };
    const struct timespec pause = { 0, 250 * 1000000L };
    const int64_t until = native_now_ms() + START_SECONDS * 1000;

    for (size_t i = 0; i < chaincode->orgs.n; i++) {
        const client_call call = {
            .chaincode = chaincode->name, .args = args, .arg_count = 1, .orgs = &chaincode->orgs.v[i], .org_count = 1
        };
        client_answer answer;
        fcc_status st;

        while ((st = client_query(c, &call, n->arena, &answer, n->error)) != FCC_OK && st != FCC_ERR_APP) {
            if (native_now_ms() > until)
                return st;
            nanosleep(&pause, NULL);
        }
    }
    return FCC_OK;
}

static fcc_status await_members(struct network *n)
{
    fcc_status st = FCC_OK;

    for (size_t i = 0; st == FCC_OK && i < n->config->org_count; i++) {
        const client_options open = { .dir = n->dir, .org = n->config->orgs[i].mspid };
        client *c = NULL;

        st = client_open(&open, &c, n->error);
        for (size_t k = 0; st == FCC_OK && k < n->config->chaincode_count; k++)
            st = ask_everywhere(n, c, &n->config->chaincodes[k]);
        client_close(c);
    }
    return st;
}

static fcc_status prepare(struct network *n)
{
    fcc_status st;

    if ((st = find_programs(n)) != FCC_OK || (st = make_dir(n, path_of(n, "config"))) != FCC_OK ||
        (st = make_dir(n, path_of(n, "log"))) != FCC_OK || (st = assign_addresses(n)) != FCC_OK)
        return st;
    if ((st = copy_config(n, "core.yaml", has_time_window(n))) != FCC_OK ||
        (st = copy_config(n, "orderer.yaml", true)) != FCC_OK)
        return st;
    if ((st = msp_generate(n->config, n->crypto, n->error)) != FCC_OK)
        return st;
    if ((st = msp_write_custody(n->config, n->dir, n->error)) != FCC_OK)
        return st;
    return make_channel(n);
}

static fcc_status run(struct network *n)
{
    const size_t most = n->config->orderer.node_count + 2 * n->config->org_count;
    sigset_t signals;
    fcc_status st;

    n->programs = fcc__arena_zalloc(n->arena, most, sizeof(*n->programs));
    if (!n->programs)
        return no_memory(n);
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    st = prepare(n);
    if (st == FCC_OK)
        st = start_fabric(n);
    if (st == FCC_OK)
        st = start_chaincodes(n);
    if (st == FCC_OK)
        st = await_members(n);
    if (st == FCC_OK) {
        if (n->options->ready)
            n->options->ready(n->options->ctx);
        native_programs_watch(n->programs, n->program_count, path_of(n, "processes.json"));
    }
    native_programs_stop(n->programs, n->program_count);
    return st;
}

fcc_status native_run(const native_options *options, fcc_error *error)
{
    struct network n = { .options = options, .config = options->network, .error = error };
    char resolved[PATH_MAX];
    int lock = -1;
    fcc_status st = devnet_directory_enter(options->dir, &lock, error);

    if (st != FCC_OK)
        return st;
    n.arena = fcc__arena_new(NATIVE_ARENA);
    n.dir = n.arena && realpath(options->dir, resolved) ? fcc__arena_printf(n.arena, "%s", resolved) : NULL;
    n.crypto = n.dir ? path_of(&n, "crypto") : NULL;
    st = n.crypto ? run(&n) : no_memory(&n);
    fcc__arena_free(n.arena);
    devnet_directory_leave(options->dir, lock);
    return st;
}
