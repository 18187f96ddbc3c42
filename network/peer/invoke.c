/*
 * invoke.c: a chaincode running for a transaction: how it is found and started, how it ends, also when it was called by
 * another. Fabric: core/chaincode/chaincode_support.go.
 */
#include "peer/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const char initialized_key[] = "\0\xf4\x8f\xbf\xbf"
                                      "initialized";

/* Take it out of the list that it is in. */
static void unlink_invocation(peer_invocation *i)
{
    peer_invocation **link = i->session ? &i->session->invocations : &i->runtime->waiting;

    for (; *link; link = &(*link)->next)
        if (*link == i) {
            *link = i->next;
            return;
        }
}

void peer_invocation_abort(peer_invocation *i)
{
    if (!i)
        return;
    peer_invocation_abort(i->child);
    if (i->parent)
        i->parent->child = NULL;
    peer_iterators_close(i);
    unlink_invocation(i);
    free(i);
}

void peer_invocation_end(peer_invocation *i, const peer_final *final)
{
    peer_invoked done = i->done;
    void *ctx = i->ctx;

    peer_invocation_abort(i);
    done(ctx, final);
}

void peer_invocation_fail(peer_invocation *i, const char *failure, bool stream_ended)
{
    peer_final final = { .failure = failure, .stream_ended = stream_ended };

    peer_invocation_end(i, &final);
}

/*
 * The chaincode's definition counts as read, in the simulation's snapshot. What was found out about it may be newer:
 * then the transaction would run other code than its read set says.
 */
static const char *enter(peer_simulation *sim, fcc_bytes chaincode, const ledger_definition *found)
{
    ledger_definition now = { .sequence = 0 };
    const char *text;

    if (ledger_sim_enter(sim->sim, chaincode) != FCC_OK)
        return ledger_sim_error(sim->sim);
    if (ledger_sim_definition(sim->sim, chaincode, &now) == FCC_OK && now.sequence == found->sequence)
        return NULL;
    text = fcc__arena_printf(sim->arena,
                             "chaincode cache at sequence %" PRId64 " but current sequence is %" PRId64
                             ", chaincode definition for '" FCC_FMT "' changed during invoke",
                             found->sequence, now.sequence, FCC_ARG(chaincode));
    return text ? text : "out of memory";
}

/* What stands between a caller and a chaincode: its definition, and that it runs here. NULL: nothing. */
static const char *check_invocation(peer_simulation *sim, fcc_bytes chaincode, const Protos__ChaincodeInput *input,
                                    bool *init, peer_runtime **runtime)
{
    const fcc_bytes key = fcc_bytes_of(initialized_key, sizeof(initialized_key) - 1);
    const fcc_bytes no_collection = { NULL, 0 };
    scc_chaincode found;
    fcc__arena *arena = sim->arena;
    const char *problem, *text;
    bool needs_init = false;
    fcc_bytes value;

    problem = peer_definition_problem(sim->host, chaincode, arena, &found);
    if (!problem)
        problem = enter(sim, chaincode, &found.definition);
    if (!problem && !(*runtime = peer_runtime_of(sim->host, found.package_id)))
        problem = "out of memory";
    if (problem) {
        text = fcc__arena_printf(arena,
                                 "invalid invocation: [channel " FCC_FMT
                                 "] failed to get chaincode container info for " FCC_FMT ": %s",
                                 FCC_ARG(sim->proposal->channel), FCC_ARG(chaincode), problem);
        return text ? text : problem;
    }
    if (found.definition.init_required) {
        if (ledger_sim_get(sim->sim, chaincode, no_collection, key, &value) != FCC_OK)
            return "invalid invocation: could not get 'initialized' key";
        needs_init = !fcc_bytes_equal(value, found.definition.version);
    }
    *init = input->is_init;
    text = NULL;
    if (input->is_init && !found.definition.init_required)
        text = "does not require initialization but called as init";
    else if (input->is_init && !needs_init)
        text = "is already initialized but called as init";
    else if (!input->is_init && needs_init)
        text = "has not been initialized for this version, must call as init first";
    if (text) {
        problem = fcc__arena_printf(arena, "invalid invocation: chaincode '" FCC_FMT "' %s", FCC_ARG(chaincode), text);
        return problem ? problem : text;
    }
    if (*init && ledger_sim_put(sim->sim, chaincode, no_collection, key, found.definition.version) != FCC_OK)
        return "invalid invocation: could not set 'initialized' key";
    return NULL;
}

static bool runs_already(const peer_session *s, const peer_proposal *p)
{
    for (const peer_invocation *i = s->invocations; i; i = i->next)
        if (fcc_bytes_equal(i->simulation->proposal->txid, p->txid) &&
            fcc_bytes_equal(i->simulation->proposal->channel, p->channel))
            return true;
    return false;
}

static void fail_now(const char *failure, peer_invoked done, void *ctx, peer_invocation **out)
{
    const peer_final final = { .failure = failure ? failure : "out of memory" };

    *out = NULL;
    done(ctx, &final);
}

/* A system chaincode answers at once. */
static void invoke_system(peer_simulation *sim, fcc_bytes chaincode, const Protos__ChaincodeInput *input,
                          peer_invoked done, void *ctx, peer_invocation **out)
{
    peer_final final = { 0 };
    const char *failure;

    if (input->is_init)
        failure = fcc__arena_printf(sim->arena,
                                    "invalid invocation: chaincode '" FCC_FMT
                                    "' does not require initialization but called as init",
                                    FCC_ARG(chaincode));
    else if (!(failure = peer_run_system(sim, chaincode, input, &final))) {
        *out = NULL;
        done(ctx, &final);
        return;
    }
    fail_now(failure, done, ctx, out);
}

/* Its process is being started, or has to be connected to. */
static void wait_for_launch(peer_invocation *i, peer_invocation **out)
{
    peer_runtime *runtime = i->runtime;
    const peer_host *h = i->simulation->host;
    const peer_packages *packages = &h->o.packages;
    const int64_t now_ms = peer_monotonic_ms(h);
    bool told;

    i->deadline_ms = now_ms + PEER_LAUNCH_TIMEOUT_MS;
    i->next = runtime->waiting;
    runtime->waiting = i;
    told = packages->launch && packages->launch(packages->ctx, runtime->package_id);
    for (peer_invocation *w = runtime->waiting; w; w = w->next)
        if (w == i) {
            if (told)
                i->deadline_ms = now_ms + PEER_EXECUTE_TIMEOUT_MS;
            return;
        }
    *out = NULL; /* it has failed already */
}

void peer_invoke(peer_simulation *sim, fcc_bytes chaincode, Protos__ChaincodeInput *input, peer_invocation *parent,
                 peer_invoked done, void *ctx, peer_invocation **out)
{
    peer_runtime *runtime = NULL;
    peer_invocation *i;
    const char *failure;
    bool init = false;

    if (scc_known(chaincode)) {
        invoke_system(sim, chaincode, input, done, ctx, out);
        return;
    }
    failure = check_invocation(sim, chaincode, input, &init, &runtime);
    if (failure) {
        fail_now(failure, done, ctx, out);
        return;
    }
    if (runtime->session && runs_already(runtime->session, sim->proposal)) {
        fail_now(fcc__arena_printf(sim->arena, "error sending: txid: " FCC_FMT "(" FCC_FMT ") exists",
                                   FCC_ARG(sim->proposal->txid), FCC_ARG(sim->proposal->channel)),
                 done, ctx, out);
        return;
    }
    i = calloc(1, sizeof(*i));
    if (!i) {
        fail_now("out of memory", done, ctx, out);
        return;
    }
    i->simulation = sim;
    i->runtime = runtime;
    i->chaincode = chaincode;
    i->input = input;
    i->init = init;
    i->parent = parent;
    i->done = done;
    i->ctx = ctx;
    *out = i;
    if (!runtime->session) {
        wait_for_launch(i, out);
        return;
    }
    i->session = runtime->session;
    i->deadline_ms = peer_monotonic_ms(sim->host) + PEER_EXECUTE_TIMEOUT_MS;
    i->next = i->session->invocations;
    i->session->invocations = i;
    if (peer_session_start(i->session, i) == FCC_OK)
        return;
    *out = NULL;
    peer_invocation_fail(i, "error sending: the message is too large", false);
}
