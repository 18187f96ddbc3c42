/*
 * devnet.c: brings the embedded network up, and down again. See devnet.h.
 *
 * The chaincodes' processes are started as early as possible, because linking and starting them takes longer than
 * everything that this process has to do itself.
 */
#include "devnet/internal.h"

#include "base/log.h"
#include "devnet/directory.h"
#include "msp/material.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { TICK_MS = 500, ARENA_CAP = 64 << 20, GENESIS_ARENA = 64 << 20, ORGS_MAX = 16 };

static int64_t machine_now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t devnet_now_ns(const struct devnet *net)
{
    return machine_now_ns() + net->clock_shift_ns;
}

int64_t devnet_monotonic_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int64_t clock_now_ns(void *ctx)
{
    return devnet_now_ns(ctx);
}

static int64_t clock_monotonic_ms(void *ctx)
{
    (void)ctx;
    return devnet_monotonic_ms();
}

fcc__code devnet_code(fcc_status status)
{
    switch (status) {
    case FCC_ERR_CONFIG:
        return FCC__E_NET_CONFIG;
    case FCC_ERR_EXISTS:
        return FCC__E_NET_RUNS;
    case FCC_ERR_NOT_FOUND:
        return FCC__E_NET_NONE;
    case FCC_ERR_APP:
        return FCC__E_NET_CHAINCODE;
    case FCC_ERR_CORRUPT:
        return FCC__E_STAT_DATA;
    default:
        return FCC__E_NET_START;
    }
}

void devnet_fail(struct devnet *net, fcc_status status, const char *text)
{
    if (net->status == FCC_OK) {
        net->status = status;
        fcc_error_set(net->error, status, "%s", text);
        fcc__log_code(FCC__ERROR, devnet_code(status), "%s", text);
    }
    rpc_loop_stop(net->loop);
}

static fcc_status no_memory(fcc_error *error)
{
    return fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
}

/* ---- what the network consists of -------------------------------------------------------------------------------- */

/*
 * Chaincodes that were added with --with stay part of the channel: later starts run them too. DIR/chaincodes has a line
 * `name executable` for each.
 */
static fcc_status add_chaincode(struct devnet *net, const char *name, const char *exe, fcc_error *error)
{
    const char *dir = net->options->chaincode_dir ? net->options->chaincode_dir : "chaincode";
    const char *collections = exe[0] == '/' ? fcc__arena_printf(net->arena, "%.*s/collections.json",
                                                                (int)(strrchr(exe, '/') - exe), exe)
                                            : fcc__arena_printf(net->arena, "%s/%s/collections.json", dir, exe);

    return collections ? config_add_chaincode(net->network, name, exe, collections, error) : no_memory(error);
}

static fcc_status add_chaincodes(struct devnet *net, fcc_error *error)
{
    const devnet_options *o = net->options;
    const char *path = devnet_path(net, o->dir, "chaincodes");
    char line[DEVNET_EXE_MAX + 256], name[128], exe[DEVNET_EXE_MAX];
    fcc_status st = FCC_OK;
    FILE *file;

    if (!path)
        return no_memory(error);
    file = fopen(path, "re");
    while (file && st == FCC_OK && fgets(line, sizeof(line), file))
        /* the rest of the line: a path may have spaces */
        if (sscanf(line, "%127s %4095[^\n]", name, exe) == 2 && !config_find_chaincode(net->network, name)) {
            const char *kept_name = fcc__arena_printf(net->arena, "%s", name);
            const char *kept_exe = fcc__arena_printf(net->arena, "%s", exe);

            st = kept_name && kept_exe ? add_chaincode(net, kept_name, kept_exe, error) : no_memory(error);
        }
    if (file)
        fclose(file);
    for (size_t i = 0; i < o->with_count && st == FCC_OK; i++) {
        const char *with = o->with[i].name, *with_exe = o->with[i].exe ? o->with[i].exe : with;

        if (config_find_chaincode(net->network, with))
            continue;
        st = add_chaincode(net, with, with_exe, error);
        if (st != FCC_OK)
            break;
        file = fopen(path, "ae");
        if (!file || fprintf(file, "%s %s\n", with, with_exe) < 0)
            st = fcc_error_set(error, FCC_ERR_IO, "%s: %s", path, strerror(errno));
        if (file && fclose(file) != 0 && st == FCC_OK)
            st = fcc_error_set(error, FCC_ERR_IO, "%s: %s", path, strerror(errno));
    }
    return st;
}

static fcc_status find_bin_dir(struct devnet *net, fcc_error *error)
{
    char path[PATH_MAX];
    ssize_t n;
    char *slash;

    net->bin_dir = net->options->bin_dir;
    if (net->bin_dir)
        return FCC_OK;
    n = readlink("/proc/self/exe", path, sizeof(path) - 1);
    if (n <= 0)
        return fcc_error_set(error, FCC_ERR_IO, "/proc/self/exe: %s", strerror(errno));
    path[n] = '\0';
    slash = strrchr(path, '/');
    if (slash)
        *slash = '\0';
    net->bin_dir = fcc__arena_printf(net->arena, "%s", path);
    return net->bin_dir ? FCC_OK : no_memory(error);
}

static fcc_status define_chaincodes(struct devnet *net, fcc_error *error)
{
    const config_network *config = net->network;
    fcc_status st;

    net->chaincodes = fcc__arena_zalloc(net->arena, config->chaincode_count, sizeof(*net->chaincodes));
    if (!net->chaincodes)
        return no_memory(error);
    for (size_t i = 0; i < config->chaincode_count; i++) {
        devnet_chaincode *cc = &net->chaincodes[i];
        fcc_bytes policy;

        cc->config = &config->chaincodes[i];
        cc->executable = cc->config->exe[0] == '/' ? cc->config->exe : devnet_path(net, net->bin_dir, cc->config->exe);
        if (!cc->executable)
            return no_memory(error);
        if ((st = devnet_package_make(net, cc, error)) != FCC_OK)
            return st;
        if ((st = msp_policy_parse(cc->config->policy, net->arena, &policy, error)) != FCC_OK)
            return st;
        if ((st = msp_policy_application(policy, net->arena, &cc->definition.policy)) != FCC_OK)
            return fcc_error_set(error, st, "the policy of chaincode %s: %s", cc->config->name, fcc_status_text(st));
        if (cc->config->collections.n > 0 && (st = msp_collections_pack(cc->config->collections, net->arena,
                                                                        &cc->definition.collections, error)) != FCC_OK)
            return st;
        cc->definition.version = fcc_str(cc->config->version);
        cc->definition.init_required = cc->config->init_required;
        net->chaincode_count = i + 1;
    }
    return FCC_OK;
}

static fcc_status check_size(const struct devnet *net, fcc_error *error)
{
    if (net->network->org_count <= ORGS_MAX)
        return FCC_OK;
    return fcc_error_set(error, FCC_ERR_CONFIG, "%s: a devnet has %d organisations at most", net->network->path,
                         ORGS_MAX);
}

/* Somebody else's consortium, from the copies in the directory. */
static fcc_status load_foreign(struct devnet *net, fcc_error *error)
{
    const devnet_options *o = net->options;
    fcc_status st;

    if (o->with_count > 0)
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "--with %s: the network of --crypto and --genesis gets its chaincodes from its clients",
                             o->with[0].name);
    net->crypto_dir = devnet_path(net, o->dir, "crypto");
    if (!net->crypto_dir)
        return no_memory(error);
    if ((st = devnet_read(net, devnet_path(net, o->dir, "genesis.block"), &net->genesis, error)) != FCC_OK)
        return st;
    st = msp_adopt(net->crypto_dir, net->genesis, "genesis.block", &net->network, error);
    return st == FCC_OK ? check_size(net, error) : st;
}

static fcc_status load_own(struct devnet *net, fcc_error *error)
{
    const devnet_options *o = net->options;
    fcc_status st;

    if (!o->network_file)
        return fcc_error_set(error, FCC_ERR_CONFIG, "no network/network.yaml here: say where with --network FILE");
    if ((st = config_load(o->network_file, &net->network, error)) != FCC_OK || (st = check_size(net, error)) != FCC_OK)
        return st;
    net->network->orderer.node_count = 1; /* this process, under the first one's name */
    net->crypto_dir = devnet_path(net, o->dir, "crypto");
    if (!net->crypto_dir)
        return no_memory(error);
    if ((st = add_chaincodes(net, error)) != FCC_OK || (st = find_bin_dir(net, error)) != FCC_OK ||
        (st = define_chaincodes(net, error)) != FCC_OK)
        return st;
    if ((st = msp_generate(net->network, net->crypto_dir, error)) != FCC_OK)
        return st;
    return msp_write_custody(net->network, o->dir, error);
}

static fcc_status load_network(struct devnet *net, fcc_error *error)
{
    const char *dir = net->options->dir;
    fcc_status st = devnet_settle(net->options, &net->settings, error);

    if (st == FCC_OK)
        st = net->settings.foreign ? load_foreign(net, error) : load_own(net, error);
    if (st == FCC_OK && !net->settings.known)
        st = devnet_settings_keep(dir, &net->settings, error);
    return st;
}

static fcc_status open_ledger(struct devnet *net, fcc_error *error)
{
    const config_network *config = net->network;
    const char **orgs = fcc__arena_zalloc(net->arena, config->org_count, sizeof(*orgs));
    ledger_options options = { .definition = NULL };
    ledger_committed committed;
    fcc__arena *arena = NULL;
    fcc_bytes block;
    fcc_status st;

    options.dir = devnet_path(net, net->options->dir, "ledger");
    if (!orgs || !options.dir)
        return no_memory(error);
    for (size_t i = 0; i < config->org_count; i++)
        orgs[i] = config->orgs[i].mspid;
    options.orgs = orgs;
    options.org_count = config->org_count;
    if ((st = ledger_open(&options, &net->ledger, error)) != FCC_OK)
        return st;
    if (ledger_height(net->ledger) > 0)
        return FCC_OK;
    arena = fcc__arena_new(GENESIS_ARENA);
    block = net->genesis;
    st = arena ? FCC_OK : no_memory(error);
    if (st == FCC_OK && !net->settings.foreign)
        st = msp_genesis(config, net->crypto_dir, devnet_now_ns(net) / 1000000000, arena, &block, error);
    if (st == FCC_OK)
        st = ledger_commit(net->ledger, block, arena, &committed, error);
    fcc__arena_free(arena);
    return st;
}

/* ---- peers and chaincodes ---------------------------------------------------------------------------------------- */

void devnet_check_ready(struct devnet *net)
{
    const char **addresses;
    fcc_error error;

    if (net->ready || !devnet_chaincodes_ready(net))
        return;
    net->ready = true;
    addresses = fcc__arena_zalloc(net->arena, net->peer_count, sizeof(*addresses));
    if (!addresses) {
        devnet_fail(net, FCC_ERR_NOMEM, "out of memory");
        return;
    }
    for (size_t i = 0; i < net->peer_count; i++)
        addresses[i] = net->peers[i].address;
    if (msp_write_endpoints(net->options->dir, net->network, net->crypto_dir, addresses, net->options->client_auth,
                            &error) != FCC_OK) {
        devnet_fail(net, error.status, error.text);
        return;
    }
    fcc__log(FCC__INFO,
             "channel %s is up after %" PRId64 " ms: %zu organisations, %zu chaincodes, block %" PRIu64
             "; for development only",
             net->network->channel, devnet_monotonic_ms() - net->started_ms, net->peer_count, net->chaincode_count,
             ledger_height(net->ledger) - 1);
    if (net->options->ready)
        net->options->ready(net->options->ready_ctx);
}

/* What the peer has of its own: its organisation's members, and DIR/packages/<MSPID>. */
static fcc_status open_store(devnet_peer *peer, fcc_error *error)
{
    struct devnet *net = peer->net;
    const char *packages = devnet_path(net, net->options->dir, "packages");
    const char *dir = packages ? devnet_path(net, packages, peer->org->mspid) : NULL;
    msp_org *org;
    fcc_status st;

    if (!dir)
        return no_memory(error);
    st = msp_org_load(msp_path_peer_msp(net->arena, net->crypto_dir, peer->org), peer->org->mspid, &org, error);
    if (st != FCC_OK || (st = msp_manager_new(&org, 1, &peer->local, error)) != FCC_OK)
        return st;
    if (mkdir(packages, 0755) != 0 && errno != EEXIST)
        return fcc_error_set(error, FCC_ERR_IO, "%s: %s", packages, strerror(errno));
    return scc_store_open(dir, &peer->store, error);
}

static fcc_status start_peers(struct devnet *net, fcc_error *error)
{
    const config_network *config = net->network;
    fcc_status st;

    net->peers = fcc__arena_zalloc(net->arena, config->org_count, sizeof(*net->peers));
    if (!net->peers)
        return no_memory(error);
    for (size_t i = 0; i < config->org_count; i++) {
        devnet_peer *peer = &net->peers[i];
        const config_org *org = &config->orgs[i];
        peer_host_options options = { .ledger = net->ledger };

        peer->net = net;
        peer->org = org;
        net->peer_count = i + 1;
        st = msp_signer_load(msp_path_peer_msp(net->arena, net->crypto_dir, org), org->mspid, &peer->signer, error);
        if (st != FCC_OK)
            return st;
        if ((st = open_store(peer, error)) != FCC_OK)
            return st;
        options.signer = peer->signer;
        options.local = peer->local;
        options.store = peer->store;
        options.packages = (peer_packages){ .read = devnet_package_read, .launch = devnet_launch, .ctx = peer };
        options.clock = (peer_clock){ .now_ns = clock_now_ns, .monotonic_ms = clock_monotonic_ms, .ctx = net };
        options.fabric = net->settings.fabric == DEVNET_FABRIC_2_5 ? PEER_FABRIC_2_5 : PEER_FABRIC_3_1;
        if ((st = peer_host_new(&options, &peer->host, error)) != FCC_OK ||
            (st = devnet_referees_new(peer, &options, error)) != FCC_OK)
            return st;
    }
    return FCC_OK;
}

/* ---- signals and time -------------------------------------------------------------------------------------------- */

static void on_stop(void *ctx)
{
    struct devnet *net = ctx;

    rpc_loop_stop(net->loop);
}

static void on_alarm(void *ctx)
{
    struct devnet *net = ctx;

    if (net->orderer)
        devnet_orderer_alarm(net->orderer);
}

static void on_child(void *ctx)
{
    struct devnet *net = ctx;

    devnet_chaincodes_reap(net);
    for (size_t i = 0; i < net->peer_count; i++)
        devnet_referees_reap(&net->peers[i]);
}

static void on_tick(void *ctx)
{
    struct devnet *net = ctx;

    for (size_t i = 0; i < net->peer_count; i++) {
        peer_host_tick(net->peers[i].host);
        devnet_referees_tick(&net->peers[i]);
    }
    net->tick = rpc_timer_start(net->loop, TICK_MS, on_tick, net);
}

static fcc_status watch_signals(struct devnet *net, fcc_error *error)
{
    fcc_status st;

    if ((st = rpc_on_signal(net->loop, SIGTERM, on_stop, net)) != FCC_OK ||
        (st = rpc_on_signal(net->loop, SIGINT, on_stop, net)) != FCC_OK ||
        (st = rpc_on_signal(net->loop, SIGCHLD, on_child, net)) != FCC_OK ||
        (st = rpc_on_signal(net->loop, SIGALRM, on_alarm, net)) != FCC_OK)
        return fcc_error_set(error, st, "signals cannot be watched: %s", fcc_status_text(st));
    return FCC_OK;
}

/* ---- up and down ------------------------------------------------------------------------------------------------- */

static fcc_status serve(struct devnet *net, fcc_error *error)
{
    const char *orderer_msp;
    fcc_status st;

    if ((st = load_network(net, error)) != FCC_OK || (st = open_ledger(net, error)) != FCC_OK ||
        (st = rpc_loop_new(&net->loop, error)) != FCC_OK || (st = watch_signals(net, error)) != FCC_OK ||
        (st = start_peers(net, error)) != FCC_OK ||
        (!net->options->services && (st = devnet_chaincodes_start(net, error)) != FCC_OK))
        return st;
    orderer_msp = msp_path_orderer_msp(net->arena, net->crypto_dir, &net->network->orderer, 0);
    if (!orderer_msp)
        return no_memory(error);
    if ((st = devnet_orderer_new(net, orderer_msp, net->options->batch_timeout_ms, &net->orderer, error)) != FCC_OK ||
        (!net->options->services && (st = devnet_deploy(net, error)) != FCC_OK) ||
        (st = devnet_listen(net, error)) != FCC_OK)
        return st;
    on_tick(net);
    devnet_check_ready(net); /* a network without chaincodes is ready at once */
    if (net->status == FCC_OK)
        rpc_loop_run(net->loop);
    if (net->status == FCC_OK)
        devnet_orderer_flush(net->orderer);
    return net->status;
}

static void take_down(struct devnet *net)
{
    devnet_chaincodes_stop(net);
    for (size_t i = 0; i < net->peer_count; i++)
        devnet_referees_stop(&net->peers[i]);
    for (size_t i = 0; i < net->peer_count; i++)
        rpc_server_free(net->peers[i].server);
    for (size_t i = 0; i < net->peer_count; i++)
        devnet_externals_free(&net->peers[i]);
    rpc_server_free(net->orderer_server);
    devnet_chaincodes_free(net);
    for (size_t i = 0; i < net->peer_count; i++)
        devnet_referees_free(&net->peers[i]);
    rpc_timer_cancel(net->tick);
    devnet_orderer_free(net->orderer);
    for (size_t i = 0; i < net->peer_count; i++) {
        peer_host_free(net->peers[i].host);
        scc_store_close(net->peers[i].store);
        msp_manager_free(net->peers[i].local);
        msp_signer_free(net->peers[i].signer);
    }
    rpc_loop_free(net->loop);
    ledger_close(net->ledger);
    config_free(net->network);
    fcc__arena_free(net->arena);
}

fcc_status devnet_run(const devnet_options *options, fcc_error *error)
{
    struct devnet net = { .options = options, .error = error, .status = FCC_OK };
    sigset_t signals, before;
    fcc_status st;
    int lock = -1;

    fcc__log_who("devnet");
    net.started_ms = devnet_monotonic_ms();
    if (options->has_clock)
        net.clock_shift_ns = options->clock_ns - machine_now_ns();
    sigemptyset(&signals); /* before gRPC's threads are made, so that none of them takes a signal */
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &signals, &before);
    net.arena = fcc__arena_new(ARENA_CAP);
    if (!net.arena)
        st = no_memory(error);
    else if ((st = devnet_directory_enter(options->dir, &lock, error)) == FCC_OK)
        st = serve(&net, error);
    take_down(&net);
    devnet_directory_leave(options->dir, lock);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return st;
}
