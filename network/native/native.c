/*
 * See native.h. In order: keys, the channel's genesis block, the orderer and its joining the channel, the peers and their
 * joining, the chaincodes' processes, deployment, the custodians. Each step finds what an earlier start has made and goes on from it.
 */
#include "native/native.h"

#include "base/durable.h"
#include "base/log.h"
#include "client/direct.h"
#include "deploy/deploy.h"
#include "devnet/directory.h"
#include "msp/channel.h"
#include "msp/material.h"
#include "native/join.h"
#include "native/nodes.h"
#include "native/programs.h"
#include "package/package.h"

#include <errno.h>
#include <ftw.h>
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

enum { NATIVE_ARENA = 256 << 20, START_SECONDS = 60 };

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
    const char **spare;    /* ... of their slot b */
    fcc_bytes genesis;
    native_program *programs; /* orderers, peers, hosts, custodians */
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
    return path ? fcc__make_dirs(path, 0755, false, n->error) : no_memory(n);
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
        n->builder = NODE_IMAGE_BUILDER;
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

/* A configuration file of ours, for this release. */
static fcc_status copy_config(struct network *n, const char *name, const node_release *release)
{
    const char *from = fcc__arena_printf(n->arena, "%s/%s", n->options->config_dir, name);
    fcc_bytes text;
    fcc_status st = from ? node_config_file(from, release, n->arena, &text, n->error) : no_memory(n);

    return st == FCC_OK ? fcc__write_whole(path_of(n, "config/%s", name), text, n->error) : st;
}

/* ---- addresses ---------------------------------------------------------------------------------------------------- */

static const char *local(struct network *n, const char *asked)
{
    const char *colon = asked && !n->options->auto_ports ? strrchr(asked, ':') : NULL;
    int port = colon ? atoi(colon + 1) : native_free_port();

    return port ? fcc__arena_printf(n->arena, "127.0.0.1:%d", port) : NULL;
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
        orgs[i].anchor_port = node_port(n->peers[i]);
        if (orgs[i].custodian_address) {
            name = fcc__arena_printf(n->arena, "%s/custodian", orgs[i].mspid);
            orgs[i].custodian_address = keep_address(n, kept, all, name, orgs[i].custodian_address);
            if (!orgs[i].custodian_address)
                return false;
        }
        for (size_t k = 0; k < cc_count; k++) {
            name = fcc__arena_printf(n->arena, "%s/%s", orgs[i].mspid, n->config->chaincodes[k].name);
            if (!(n->services[i * cc_count + k] = keep_address(n, kept, all, name, NULL)))
                return false;
            name = package_slot_name(n->config->chaincodes[k].name, true, n->arena);
            name = name ? fcc__arena_printf(n->arena, "%s/%s", orgs[i].mspid, name) : NULL;
            if (!(n->spare[i * cc_count + k] = keep_address(n, kept, all, name, NULL)))
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
    n->spare = fcc__arena_zalloc(n->arena, n->config->org_count * n->config->chaincode_count + 1, sizeof(*n->spare));
    if (path && all && n->orderers && n->orderer_admins && n->peers && n->services && n->spare &&
        assign_all(n, kept, all))
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
    config_network founders;
    fcc_status st;

    if (!path)
        return no_memory(n);
    if (access(path, F_OK) == 0)
        return node_read_file(path, n->arena, &n->genesis, n->error);
    if ((st = config_founders(n->config, &founders, n->error)) != FCC_OK)
        return st;
    st = msp_genesis(&founders, n->crypto, (int64_t)time(NULL), n->arena, &n->genesis, n->error);
    return st == FCC_OK ? fcc__write_whole(path, n->genesis, n->error) : st;
}

/* ---- programs ----------------------------------------------------------------------------------------------------- */

static native_program *add_program(struct network *n, const char *kind, const char *domain)
{
    native_program *p = &n->programs[n->program_count++];

    p->name = fcc__arena_printf(n->arena, "%s.%s", kind, domain);
    p->log = path_of(n, "log/%s.%s.log", kind, domain);
    return p->name && p->log ? p : NULL;
}

static node_variables *new_variables(struct network *n)
{
    node_variables *v = fcc__arena_zalloc(n->arena, 1, sizeof(*v));
    const char *path = getenv("PATH");

    if (!v)
        return NULL;
    v->arena = n->arena;
    node_set(v, "PATH", "%s", path ? path : "");
    return v;
}

static fcc_status add_orderer(struct network *n, size_t i)
{
    const config_orderer *o = &n->config->orderer;
    const node_place place = { .config = path_of(n, "config"),
                               .msp = msp_path_orderer_msp(n->arena, n->crypto, o, i),
                               .tls = msp_path_orderer_tls(n->arena, n->crypto, o, i),
                               .data = path_of(n, "data/%s", o->nodes[i].name),
                               .listen = o->nodes[i].address,
                               .admin = n->orderer_admins[i] };
    native_program *p = add_program(n, "orderer", o->nodes[i].name);
    node_variables *v = new_variables(n);

    if (!p || !v || !place.config || !place.msp || !place.tls || !place.data)
        return no_memory(n);
    node_orderer(n->config, &place, v);
    p->argv[0] = n->orderer_program;
    p->env = v->v;
    p->address = place.listen;
    p->last = true;
    return v->failed ? no_memory(n) : make_dir(n, place.data);
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

/* A peer keeps what its builder made of a package; it shall be made anew, of today's addresses and certificates. */
static void forget_builds(struct network *n, const char *data)
{
    const char *builds = fcc__arena_printf(n->arena, "%s/externalbuilder/builds", data);

    if (builds && access(builds, F_OK) == 0)
        nftw(builds, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static fcc_status add_peer(struct network *n, size_t i)
{
    const config_org *org = &n->config->orgs[i];
    node_place place = { .config = path_of(n, "config"),
                         .msp = msp_path_peer_msp(n->arena, n->crypto, org),
                         .tls = msp_path_peer_tls(n->arena, n->crypto, org),
                         .data = path_of(n, "data/%s", org->domain),
                         .listen = n->peers[i] };
    native_program *p = add_program(n, "peer", org->domain);
    node_variables *v = new_variables(n);
    fcc_status st;

    if (!p || !v || !place.config || !place.msp || !place.tls || !place.data)
        return no_memory(n);
    st = node_builder_values_of_both(n->config, org, n->crypto, &n->services[i * n->config->chaincode_count],
                                     &n->spare[i * n->config->chaincode_count], n->arena, &place.builder, n->error);
    if (st != FCC_OK)
        return st;
    node_peer(org, &place, v);
    p->argv[0] = n->peer_program;
    p->argv[1] = "node";
    p->argv[2] = "start";
    p->env = v->v;
    p->address = place.listen;
    p->last = true;
    forget_builds(n, place.data);
    return v->failed ? no_memory(n) : make_dir(n, place.data);
}

static fcc_status add_host(struct network *n, size_t i)
{
    const config_org *org = &n->config->orgs[i];
    const char *path = path_of(n, "config/%s.yaml", org->domain), *text = NULL;
    const node_host host = { .admin = local(n, NULL),
                             .bin_dir = n->options->bin_dir,
                             .tls = msp_path_chaincodes_tls(n->arena, n->crypto, org),
                             .addresses = &n->services[i * n->config->chaincode_count],
                             .spare = &n->spare[i * n->config->chaincode_count],
                             .as_root = geteuid() == 0 };
    native_program *p;
    node_variables *v = new_variables(n);
    fcc_status st;

    if (!path || !host.admin || !host.tls || !v)
        return no_memory(n);
    st = node_host_file(n->config, org, &host, n->arena, &text, n->error);
    if (st != FCC_OK || !text)
        return st;
    if ((st = fcc__write_whole(path, fcc_str(text), n->error)) != FCC_OK)
        return st;
    p = add_program(n, "chaincodes", org->domain);
    if (!p)
        return no_memory(n);
    p->argv[0] = fcc__arena_printf(n->arena, "%s/fcc-host", n->options->bin_dir);
    p->argv[1] = path;
    p->env = v->v;
    return p->argv[0] ? FCC_OK : no_memory(n);
}

/* It announces itself in DIR/custodians, and is refused where another one does. */
static fcc_status add_custodian(struct network *n, size_t i)
{
    static const char *const handed_on[] = { "MEDSYNC_KEY_PASSPHRASE", "MEDSYNC_KEY_PASSPHRASE_FILE" };
    const config_org *org = &n->config->orgs[i];
    native_program *p = add_program(n, "custodian", org->domain);
    node_variables *v = new_variables(n);

    if (!p || !v)
        return no_memory(n);
    for (size_t k = 0; k < sizeof(handed_on) / sizeof(handed_on[0]); k++)
        if (getenv(handed_on[k]))
            node_set(v, handed_on[k], "%s", getenv(handed_on[k]));
    p->argv[0] = n->options->medsync;
    p->argv[1] = "custodian";
    p->argv[2] = fcc__arena_printf(n->arena, "--dir=%s", n->dir);
    p->argv[3] = fcc__arena_printf(n->arena, "--org=%s", org->mspid);
    p->argv[4] = fcc__arena_printf(n->arena, "--user=%s", org->custodian_user);
    p->argv[5] = fcc__arena_printf(n->arena, "--listen=%s", org->custodian_address);
    p->env = v->v;
    p->address = org->custodian_address;
    return v->failed || !p->argv[2] || !p->argv[3] || !p->argv[4] || !p->argv[5] ? no_memory(n) : FCC_OK;
}

static fcc_status start_last(struct network *n)
{
    return native_program_start(&n->programs[n->program_count - 1], n->error);
}

/* ---- in order ----------------------------------------------------------------------------------------------------- */

static void tell_step(void *ctx, const deploy_event *e)
{
    static const char *const steps[] = { "reached",   "installed", "approved", "served",
                                         "committed", "answering", "drained" };
    const struct network *n = ctx;

    if (e->result == DEPLOY_FAILED)
        tell(n, "%s, %s: not %s: %s", e->chaincode ? e->chaincode : "all", e->mspid ? e->mspid : "channel",
             steps[e->step], e->why);
    else if (e->step == DEPLOY_COMMIT)
        tell(n, "%s: %s, sequence %lld", e->chaincode, e->result == DEPLOY_DONE ? "deployed" : "there already",
             (long long)e->sequence);
}

static void tell_line(void *ctx, const char *line)
{
    tell(ctx, "%s", line);
}

static fcc_status join(struct network *n)
{
    const join_options options = { .dir = n->dir,
                                   .network = n->config,
                                   .crypto_dir = n->crypto,
                                   .genesis = n->genesis,
                                   .orderer_admins = n->orderer_admins,
                                   .seconds = START_SECONDS,
                                   .tell = tell_line,
                                   .ctx = n };

    return join_run(&options, n->error);
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
    st = msp_write_endpoints(n->dir, n->config, n->crypto, n->peers, false, n->error);
    return st == FCC_OK ? join(n) : st;
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

static fcc_status start_custodians(struct network *n)
{
    const size_t before = n->program_count;
    fcc_status st = FCC_OK;

    for (size_t i = 0; st == FCC_OK && i < n->config->org_count; i++)
        if (n->config->orgs[i].custodian_address && (st = add_custodian(n, i)) == FCC_OK)
            st = start_last(n);
    for (size_t i = before; st == FCC_OK && i < n->program_count; i++)
        st = native_program_await(&n->programs[i], START_SECONDS, n->error);
    if (st == FCC_OK && n->program_count > before)
        tell(n, "%zu custodians listen", n->program_count - before);
    return st;
}

static fcc_status prepare(struct network *n)
{
    const char *warning = NULL;
    const char *data = path_of(n, "data");
    node_release release;
    fcc_status st;

    if ((st = find_programs(n)) != FCC_OK || (st = make_dir(n, path_of(n, "config"))) != FCC_OK ||
        (st = make_dir(n, path_of(n, "log"))) != FCC_OK || (st = make_dir(n, data)) != FCC_OK)
        return st;
    if (chmod(data, 0700) != 0) /* peers write private data, and whoever is on this machine could read it */
        return fcc_error_set(n->error, FCC_ERR_IO, "%s: %s", data, strerror(errno));
    if ((st = assign_addresses(n)) != FCC_OK)
        return st;
    release = (node_release){ .builder = n->builder, .time_window = has_time_window(n) };
    if ((st = copy_config(n, "core.yaml", &release)) != FCC_OK ||
        (st = copy_config(n, "orderer.yaml", &release)) != FCC_OK)
        return st;
    if ((st = msp_complete(n->config, n->crypto, NULL, n->error)) != FCC_OK ||
        (st = node_open_chaincodes(n->config, n->options->dir, n->crypto, n->arena, &warning, n->error)) != FCC_OK)
        return st;
    if (warning)
        tell_line(n, warning);
    if ((st = msp_write_custody(n->config, n->dir, n->error)) != FCC_OK)
        return st;
    return make_channel(n);
}

static fcc_status run(struct network *n)
{
    const size_t most = n->config->orderer.node_count + 3 * n->config->org_count;
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
    if (st == FCC_OK)
        st = start_custodians(n);
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
