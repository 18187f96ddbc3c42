/*
 * chaincodes.c: the processes of the network file's chaincodes. Each organisation that runs a chaincode has one of its own.
 * Those that the endorsement policy needs first are started with the network; the others when a transaction or a query
 * first comes to their peer, because nine organisations with six chaincodes would be dozens of processes that nobody asks.
 */
#include "devnet/internal.h"

#include "base/log.h"
#include "devnet/plan.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

bool devnet_on_channel(const devnet_peer *peer)
{
    const msp_channel *channel = ledger_channel(peer->net->ledger);

    for (size_t i = 0; i < msp_channel_org_count(channel); i++) {
        const msp_channel_org *org = msp_channel_org_at(channel, i);

        if (org->application && strcmp(org->mspid, peer->org->mspid) == 0)
            return true;
    }
    return false;
}

static bool runs(const devnet_peer *peer, const devnet_chaincode *cc)
{
    return config_has(cc->config->orgs, peer->org->mspid) && devnet_on_channel(peer);
}

/* ---- when -------------------------------------------------------------------------------------------------------- */

/*
 * For which peers it is started at once: the first ones of the network file that can satisfy its endorsement policy. All of
 * them when even they can't: somebody else's peers have to endorse as well.
 */
static unsigned first_needed(const struct devnet *net, const devnet_chaincode *cc)
{
    const msp_channel *channel = ledger_channel(net->ledger);
    const char *mspids[DEVNET_PEERS_MAX];
    unsigned set = 0;

    for (size_t i = 0; i < net->peer_count; i++)
        if (runs(&net->peers[i], cc))
            set |= 1u << i;
    for (size_t i = net->peer_count; i-- > 0;) {
        const unsigned without = set & ~(1u << i);
        size_t n = 0;

        for (size_t k = 0; k < net->peer_count; k++)
            if (without & 1u << k)
                mspids[n++] = net->peers[k].org->mspid;
        if (msp_channel_satisfied_by_orgs(channel, &cc->definition.policy, 1, mspids, n))
            set = without;
    }
    return set;
}

/* ---- start ------------------------------------------------------------------------------------------------------- */

static void hopeless(void *ctx, const char *why)
{
    const devnet_own *own = ctx;

    if (!own->on_demand) {
        devnet_fail(own->peer->net, FCC_ERR_APP, why);
        return;
    }
    fcc__log_code(FCC__WARN, FCC__E_NET_CHAINCODE, "%s", why);
    peer_host_launch_failed(own->peer->host, own->chaincode->package_id, why);
}

static void ready(void *ctx)
{
    const devnet_own *own = ctx;

    devnet_check_ready(own->peer->net);
}

static fcc_status start(devnet_own *own, const char *log_dir, fcc_error *error)
{
    struct devnet *net = own->peer->net;
    const devnet_chaincode *cc = own->chaincode;
    devnet_process_options options = { .loop = net->loop, .host = own->peer->host, .on_demand = own->on_demand };

    options.name = cc->config->name;
    options.executable = cc->executable;
    options.package_id = cc->package_id;
    options.log = fcc__arena_printf(net->arena, "%s/%s-%s.log", log_dir, cc->config->name, own->peer->org->mspid);
    options.ready = ready;
    options.hopeless = hopeless;
    options.ctx = own;
    if (!options.log)
        return fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
    return devnet_process_start(&options, &own->process, error);
}

fcc_status devnet_chaincodes_start(struct devnet *net, fcc_error *error)
{
    const char *log_dir = devnet_path(net, net->options->dir, "log");
    size_t most = 0;
    fcc_status st;

    for (size_t i = 0; i < net->peer_count; i++)
        if (!devnet_on_channel(&net->peers[i]))
            fcc__log(FCC__WARN,
                     "organisation %s (%s) of %s is not, or no longer, on channel %s: its peer runs no chaincodes, "
                     "approves and endorses nothing",
                     net->peers[i].org->name, net->peers[i].org->mspid, net->network->path, net->network->channel);
    for (size_t c = 0; c < net->chaincode_count; c++)
        most += net->chaincodes[c].config->orgs.n;
    net->own = fcc__arena_zalloc(net->arena, most, sizeof(*net->own));
    if (!net->own || !log_dir)
        return fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
    if (most == 0)
        return FCC_OK;
    if (mkdir(log_dir, 0755) != 0 && errno != EEXIST)
        return fcc_error_set(error, FCC_ERR_IO, "%s: %s", log_dir, strerror(errno));
    for (size_t c = 0; c < net->chaincode_count; c++) {
        const unsigned at_once = first_needed(net, &net->chaincodes[c]);

        for (size_t i = 0; i < net->peer_count; i++) {
            devnet_own *own = &net->own[net->own_count];

            if (!runs(&net->peers[i], &net->chaincodes[c]))
                continue;
            *own = (devnet_own){ .peer = &net->peers[i],
                                 .chaincode = &net->chaincodes[c],
                                 .on_demand = !(at_once & 1u << i) };
            if ((st = start(own, log_dir, error)) != FCC_OK)
                return st;
            net->own_count++;
        }
    }
    return FCC_OK;
}

bool devnet_chaincodes_ready(const struct devnet *net)
{
    for (size_t i = 0; i < net->own_count; i++)
        if (!devnet_process_idle(net->own[i].process) && !devnet_process_ready(net->own[i].process))
            return false;
    return true;
}

bool devnet_chaincodes_launch(const devnet_peer *peer, const char *package_id, bool *told)
{
    const struct devnet *net = peer->net;

    for (size_t i = 0; i < net->own_count; i++)
        if (net->own[i].peer == peer && strcmp(net->own[i].chaincode->package_id, package_id) == 0) {
            *told = devnet_process_want(net->own[i].process);
            return true;
        }
    return false;
}

/* ---- end --------------------------------------------------------------------------------------------------------- */

void devnet_chaincodes_reap(struct devnet *net)
{
    for (size_t i = 0; i < net->own_count; i++)
        devnet_process_reap(net->own[i].process);
}

void devnet_chaincodes_stop(struct devnet *net)
{
    for (size_t i = 0; i < net->own_count; i++)
        devnet_process_stop(net->own[i].process);
}

void devnet_chaincodes_free(struct devnet *net)
{
    for (size_t i = 0; i < net->own_count; i++)
        devnet_process_free(net->own[i].process);
    net->own_count = 0;
}
