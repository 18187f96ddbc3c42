/*
 * referee.c: is a chaincode deterministic? Beside each process that endorses, others of the same program run under other
 * conditions. Each proposal for a transaction is simulated by them as well, on the same snapshot of the state, because
 * all simulations begin in the same turn of the loop. What they answer is compared and thrown away: they have no key.
 *
 * A process is started when the first proposal wants it, so that the network's start costs nothing.
 */
#include "devnet/internal.h"

#include "base/buf.h"
#include "base/log.h"
#include "protos/unpack.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OK_BELOW = 400, ERROR_FROM = 500 };

/* One program under one referee's conditions. */
typedef struct referee_process {
    struct devnet_referee *referee;
    const devnet_chaincode *chaincode;
    devnet_process *process; /* NULL until it is wanted */
    char *hopeless;          /* why it isn't tried again */
} referee_process;

/* The processes of one organisation under the same conditions. */
struct devnet_referee {
    devnet_peer *peer;
    size_t number;
    devnet_conditions conditions;
    peer_host *host;
    referee_process *processes; /* one for each chaincode of the network */
    const char *name;           /* "HospitalMSP with TZ=<+14>-14" */
};

/* ---- processes --------------------------------------------------------------------------------------------------- */

static void gave_up(void *ctx, const char *why)
{
    referee_process *p = ctx;
    const char *id = p->chaincode->package_id;

    devnet_process_stop(p->process);
    p->hopeless = strdup(why);
    fcc__log_code(FCC__WARN, FCC__E_NET_CHAINCODE, "referee %s: %s", p->referee->conditions.text, why);
    peer_host_launch_failed(p->referee->host, id, why);
}

static fcc_status start(referee_process *p, fcc_error *error)
{
    devnet_referee *r = p->referee;
    struct devnet *net = r->peer->net;
    devnet_process_options options = { .loop = net->loop, .host = r->host, .conditions = &r->conditions };
    char log[4096], name[256];

    snprintf(log, sizeof(log), "%s/log/%s-%s-referee%zu.log", net->options->dir, p->chaincode->config->name,
             r->peer->org->mspid, r->number);
    snprintf(name, sizeof(name), "%s (referee %s)", p->chaincode->config->name, r->conditions.text);
    options.name = name;
    options.executable = p->chaincode->executable;
    options.package_id = p->chaincode->package_id;
    options.log = log;
    options.hopeless = gave_up;
    options.ctx = p;
    return devnet_process_start(&options, &p->process, error);
}

static const devnet_chaincode *own_chaincode(const devnet_peer *peer, const char *package_id)
{
    const struct devnet *net = peer->net;

    for (size_t i = 0; i < net->chaincode_count; i++)
        if (strcmp(net->chaincodes[i].package_id, package_id) == 0 &&
            config_has(net->chaincodes[i].config->orgs, peer->org->mspid))
            return &net->chaincodes[i];
    return NULL;
}

/* peer_packages.launch */
static bool launch(void *ctx, const char *package_id)
{
    devnet_referee *r = ctx;
    const devnet_chaincode *chaincode = own_chaincode(r->peer, package_id);
    referee_process *p = chaincode ? &r->processes[chaincode - r->peer->net->chaincodes] : NULL;
    fcc_error error;

    if (!p)
        peer_host_launch_failed(r->host, package_id, "somebody else runs it, so the referee cannot try it");
    else if (p->hopeless)
        peer_host_launch_failed(r->host, package_id, p->hopeless);
    else if (!p->process && start(p, &error) != FCC_OK)
        peer_host_launch_failed(r->host, package_id, error.text);
    return true;
}

/* ---- a proposal under several conditions ------------------------------------------------------------------------- */

typedef struct trial trial;

typedef struct run {
    trial *trial;
    const devnet_referee *referee;
    fcc__arena *arena;
    peer_outcome outcome;
} run;

struct trial {
    devnet_peer *peer;
    const peer_proposal *proposal;
    fcc__arena *arena;
    peer_done done;
    void *ctx;
    size_t pending;
    peer_outcome outcome; /* the endorsing process's */
    run *runs;
    size_t run_count;
};

static peer_endorsed answer_of(const char *name, const peer_outcome *outcome)
{
    return (peer_endorsed){
        .mspid = name,
        .payload = fcc__of_pb(outcome->response.payload),
        .private_rwset = outcome->results.private_rwset,
    };
}

static bool succeeded(const peer_outcome *outcome)
{
    return outcome->verdict == PEER_ANSWERED && outcome->response.response->status < OK_BELOW;
}

/* A chaincode's own words, which no peer endorses. */
static bool refused(const peer_outcome *outcome)
{
    const Protos__Response *response = outcome->response.response;

    return outcome->verdict == PEER_ANSWERED && response->status >= OK_BELOW &&
           (response->status < ERROR_FROM || outcome->response.payload.len > 0);
}

/* How a run ended that did not succeed. */
static const char *failure(const peer_outcome *outcome, fcc__arena *arena)
{
    const Protos__Response *response = outcome->response.response;

    return outcome->verdict == PEER_REFUSED ? outcome->refusal
                                            : fcc__arena_printf(arena, "status %d, " FCC_FMT, (int)response->status,
                                                                FCC_ARG(fcc__of_pb(response->message)));
}

/*
 * How a run differs from the endorsing process; NULL: it doesn't. Two refusals may have different texts: neither reaches
 * the ledger. For the same reason a chaincode may refuse what is not of its peer's time: other runs have the clock wrong
 * by little.
 */
static const char *judge(const trial *t, const run *r)
{
    const bool ours = succeeded(&t->outcome), theirs = succeeded(&r->outcome);
    peer_endorsed left = answer_of(t->peer->org->mspid, &t->outcome);
    peer_endorsed right = answer_of(r->referee->name, &r->outcome);
    const char *text;

    if (ours && theirs) {
        text = peer_difference(t->proposal, &left, &right, t->arena);
        return *text ? text : NULL;
    }
    if (ours == theirs || (ours && r->referee->conditions.only_clock && refused(&r->outcome)))
        return NULL;
    text = fcc__arena_printf(t->arena,
                             "function " FCC_FMT " is not deterministic between %s and %s: it succeeds in %s, "
                             "and is refused in the other one: %s",
                             FCC_ARG(peer_proposal_function(t->proposal)), left.mspid, right.mspid,
                             ours ? "the first" : "the second", failure(ours ? &r->outcome : &t->outcome, t->arena));
    return text ? text : "out of memory";
}

/* The first difference, and under which conditions there is one. NULL: none. */
static const char *verdict(const trial *t)
{
    const char *first = NULL, *text;
    size_t differing = 0;
    fcc__buf list;

    fcc__buf_init(&list, 8192);
    for (size_t i = 0; i < t->run_count; i++) {
        const char *found = judge(t, &t->runs[i]);

        if (!found)
            continue;
        first = first ? first : found;
        fcc__buf_printf(&list, "%s%s", differing++ ? "; " : "", t->runs[i].referee->conditions.text);
    }
    if (!first)
        text = NULL;
    else if (differing == t->run_count && differing > 1)
        text = fcc__arena_printf(t->arena,
                                 "referee: %s (in all of %zu runs: look for random numbers, addresses, threads and the "
                                 "exact time)",
                                 first, t->run_count);
    else
        text = fcc__arena_printf(t->arena, "referee: %s (in %zu of %zu runs: %s)", first, differing, t->run_count,
                                 fcc__buf_cstr(&list));
    fcc__buf_clear(&list);
    return first && !text ? "referee: out of memory" : text;
}

static void refuse(trial *t, const char *text)
{
    Protos__Response *response = fcc__arena_alloc(t->arena, sizeof(*response));
    peer_outcome outcome = { .verdict = PEER_REFUSED, .refusal = text };

    fcc__log_code(FCC__WARN, FCC__E_TX_DIVERGES, "transaction " FCC_FMT " on " FCC_FMT ": %s",
                  FCC_ARG(t->proposal->txid), FCC_ARG(t->proposal->chaincode), text);
    if (response) {
        protos__response__init(response);
        response->status = 500;
        response->message = fcc__pb(fcc_str(text));
        outcome.verdict = PEER_ANSWERED;
        protos__proposal_response__init(&outcome.response);
        outcome.response.response = response;
    }
    t->outcome = outcome;
}

/* One has ended; after the last one there is an answer. */
static void release(trial *t)
{
    const char *text;

    if (--t->pending > 0)
        return;
    text = t->outcome.verdict == PEER_REFUSED ? NULL : verdict(t);
    if (text)
        refuse(t, text);
    for (size_t i = 0; i < t->run_count; i++)
        fcc__arena_free(t->runs[i].arena);
    t->done(t->ctx, &t->outcome);
}

static void endorsed(void *ctx, const peer_outcome *outcome)
{
    trial *t = ctx;

    t->outcome = *outcome;
    release(t);
}

static void tried(void *ctx, const peer_outcome *outcome)
{
    run *r = ctx;

    r->outcome = *outcome;
    release(r->trial);
}

/* Is it a chaincode whose program the network starts? */
static bool can_try(const devnet_peer *peer, const peer_proposal *proposal, fcc__arena *arena)
{
    scc_chaincode found;

    return peer->referee_count > 0 && proposal->channel.len > 0 && !scc_known(proposal->chaincode) &&
           scc_resolve(peer->net->ledger, peer->org->mspid, peer->store, proposal->chaincode, arena, &found) ==
               FCC_OK &&
           found.package_id && own_chaincode(peer, found.package_id);
}

void devnet_referee_endorse(devnet_peer *peer, const peer_proposal *proposal, fcc__arena *arena, peer_done done,
                            void *ctx)
{
    trial *t = can_try(peer, proposal, arena) ? fcc__arena_zalloc(arena, 1, sizeof(*t)) : NULL;

    if (t)
        t->runs = fcc__arena_zalloc(arena, peer->referee_count, sizeof(*t->runs));
    if (!t || !t->runs) {
        peer_endorse(peer->host, proposal, arena, done, ctx);
        return;
    }
    t->peer = peer;
    t->proposal = proposal;
    t->arena = arena;
    t->done = done;
    t->ctx = ctx;
    t->pending = 2; /* one for us: answers may come at once */
    peer_endorse(peer->host, proposal, arena, endorsed, t);
    for (size_t i = 0; i < peer->referee_count && !(t->pending == 1 && t->outcome.verdict == PEER_REFUSED); i++) {
        run *r = &t->runs[i];

        r->arena = fcc__arena_new(PEER_ARENA_CAP);
        if (!r->arena) {
            fcc__log(FCC__WARN, "no memory to simulate a transaction %s", peer->referees[i].conditions.text);
            break;
        }
        r->trial = t;
        r->referee = &peer->referees[i];
        t->run_count = i + 1;
        t->pending++;
        peer_endorse(r->referee->host, proposal, r->arena, tried, r);
    }
    release(t);
}

/* ---- from start to end ------------------------------------------------------------------------------------------- */

/* A program without a dynamic linker takes no library beside it. */
static bool takes_libraries(const char *executable)
{
    Elf64_Phdr segment;
    Elf64_Ehdr header;
    bool found = false;
    int fd = open(executable, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return true; /* its start will tell */
    if (read(fd, &header, sizeof(header)) != (ssize_t)sizeof(header) || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
        found = true; /* a script, or of another machine */
    for (unsigned i = 0; !found && i < header.e_phnum; i++)
        found = pread(fd, &segment, sizeof(segment), (off_t)(header.e_phoff + i * sizeof(segment))) ==
                    (ssize_t)sizeof(segment) &&
                segment.p_type == PT_INTERP;
    close(fd);
    return found;
}

/* The library that moves the clock, beside the program: ../lib/medsync. NULL: it isn't there. */
static const char *clock_library(struct devnet *net)
{
    char self[4096];
    const ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    const char *path;
    char *slash;

    self[n > 0 ? n : 0] = '\0';
    slash = strrchr(self, '/');
    if (slash)
        *slash = '\0';
    path = fcc__arena_printf(net->arena, "%s/../lib/medsync/clock.so", self);
    return path && access(path, R_OK) == 0 ? path : NULL;
}

static fcc_status make(devnet_referee *r, const peer_host_options *as, fcc_error *error)
{
    const struct devnet *net = r->peer->net;
    peer_host_options options = *as;

    options.signer = NULL;
    options.mspid = r->peer->org->mspid;
    options.packages = (peer_packages){ .launch = launch, .ctx = r };
    r->processes = fcc__arena_zalloc(net->arena, net->chaincode_count, sizeof(*r->processes));
    r->name = fcc__arena_printf(net->arena, "%s %s", r->peer->org->mspid, r->conditions.text);
    if (!r->processes || !r->name)
        return fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
    for (size_t i = 0; i < net->chaincode_count; i++)
        r->processes[i] = (referee_process){ .referee = r, .chaincode = &net->chaincodes[i] };
    return peer_host_new(&options, &r->host, error);
}

fcc_status devnet_referees_new(devnet_peer *peer, const peer_host_options *as, fcc_error *error)
{
    struct devnet *net = peer->net;
    const size_t count = net->chaincode_count > 0 ? net->options->referees : 0;
    const char *library = count > 0 ? clock_library(net) : NULL;
    const bool first = peer == net->peers;
    fcc_status st;

    peer->referees = fcc__arena_zalloc(net->arena, count, sizeof(*peer->referees));
    if (!peer->referees)
        return fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
    if (count > 0 && first && !library)
        fcc__log(FCC__WARN, "referee: the library that moves the clock is missing (../lib/medsync/clock.so beside this "
                            "program): chaincodes are not tried with another time");
    for (size_t i = 0; count > 0 && first && i < net->chaincode_count; i++)
        if (!takes_libraries(net->chaincodes[i].executable))
            fcc__log(FCC__WARN, "referee: chaincode %s is statically linked: it is not tried with another time",
                     net->chaincodes[i].config->name);
    for (size_t i = 0; i < count; i++) {
        devnet_referee *r = &peer->referees[i];

        r->peer = peer;
        r->number = i + 1;
        devnet_conditions_choose(i, count, library, &r->conditions);
        if (first)
            fcc__log(FCC__INFO, "referee: each transaction is simulated %s as well", r->conditions.text);
        peer->referee_count = i + 1;
        if ((st = make(r, as, error)) != FCC_OK)
            return st;
    }
    return FCC_OK;
}

typedef void (*process_task)(devnet_process *process);

static void each(devnet_peer *peer, process_task task)
{
    for (size_t i = 0; i < peer->referee_count; i++)
        for (size_t c = 0; peer->referees[i].processes && c < peer->net->chaincode_count; c++)
            if (peer->referees[i].processes[c].process)
                task(peer->referees[i].processes[c].process);
}

void devnet_referees_reap(devnet_peer *peer)
{
    each(peer, devnet_process_reap);
}

void devnet_referees_tick(devnet_peer *peer)
{
    for (size_t i = 0; i < peer->referee_count; i++)
        peer_host_tick(peer->referees[i].host);
}

void devnet_referees_stop(devnet_peer *peer)
{
    each(peer, devnet_process_stop);
}

void devnet_referees_free(devnet_peer *peer)
{
    each(peer, devnet_process_free);
    for (size_t i = 0; i < peer->referee_count; i++) {
        for (size_t c = 0; peer->referees[i].processes && c < peer->net->chaincode_count; c++)
            free(peer->referees[i].processes[c].hopeless);
        peer_host_free(peer->referees[i].host);
    }
    peer->referee_count = 0;
}
