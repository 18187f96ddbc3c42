/*
 * invoke.c: a chaincode running for a transaction: how it is found and started, how it ends, also when it was called by
 * another. Fabric: core/chaincode/chaincode_support.go.
 */
#include "peer/internal.h"

#include <stdio.h>
#include <stdlib.h>

static const char initialized_key[] = "\0\xf4\x8f\xbf\xbf"
                                      "initialized";

/* Take it out of the list that it is in. */
static void unlink_invocation(peer_invocation *i)
{
    peer_installed *installed = i->session ? NULL : peer_find_installed(i->simulation->host, i->chaincode);
    peer_invocation **link = i->session ? &i->session->invocations : installed ? &installed->waiting : NULL;

    for (; link && *link; link = &(*link)->next)
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

/* What stands between a caller and a chaincode: its definition, and that it runs here. NULL: nothing. */
static const char *check_invocation(peer_simulation *sim, fcc_bytes chaincode, const Protos__ChaincodeInput *input,
                                    bool *init)
{
    const fcc_bytes key = fcc_bytes_of(initialized_key, sizeof(initialized_key) - 1);
    const fcc_bytes no_collection = { NULL, 0 };
    const peer_installed *installed;
    ledger_definition definition;
    fcc__arena *arena = sim->arena;
    const char *problem, *text;
    bool needs_init = false;
    fcc_bytes value;

    problem = peer_definition_problem(sim->host, chaincode, arena, &definition);
    if (!problem && ledger_sim_enter(sim->sim, chaincode) != FCC_OK)
        problem = ledger_sim_error(sim->sim);
    if (problem) {
        text = fcc__arena_printf(arena,
                                 "invalid invocation: [channel " FCC_FMT
                                 "] failed to get chaincode container info for " FCC_FMT ": %s",
                                 FCC_ARG(sim->proposal->channel), FCC_ARG(chaincode), problem);
        return text ? text : problem;
    }
    installed = peer_find_installed(sim->host, chaincode);
    if (installed->init_required) {
        if (ledger_sim_get(sim->sim, chaincode, no_collection, key, &value) != FCC_OK)
            return "invalid invocation: could not get 'initialized' key";
        needs_init = !fcc_bytes_equal(value, definition.version);
    }
    *init = input->is_init;
    text = NULL;
    if (input->is_init && !installed->init_required)
        text = "does not require initialization but called as init";
    else if (input->is_init && !needs_init)
        text = "is already initialized but called as init";
    else if (!input->is_init && needs_init)
        text = "has not been initialized for this version, must call as init first";
    if (text) {
        problem = fcc__arena_printf(arena, "invalid invocation: chaincode '" FCC_FMT "' %s", FCC_ARG(chaincode), text);
        return problem ? problem : text;
    }
    if (*init && ledger_sim_put(sim->sim, chaincode, no_collection, key, definition.version) != FCC_OK)
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

void peer_invoke(peer_simulation *sim, fcc_bytes chaincode, Protos__ChaincodeInput *input, peer_invocation *parent,
                 peer_invoked done, void *ctx, peer_invocation **out)
{
    peer_installed *installed;
    peer_invocation *i;
    const char *failure;
    bool init = false;

    failure = check_invocation(sim, chaincode, input, &init);
    if (failure) {
        fail_now(failure, done, ctx, out);
        return;
    }
    installed = peer_find_installed(sim->host, chaincode);
    if (installed->session && runs_already(installed->session, sim->proposal)) {
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
    i->chaincode = chaincode;
    i->input = input;
    i->init = init;
    i->parent = parent;
    i->done = done;
    i->ctx = ctx;
    *out = i;
    if (!installed->session) { /* its process is being started */
        i->deadline_ms = peer_monotonic_ms(sim->host) + PEER_LAUNCH_TIMEOUT_MS;
        i->next = installed->waiting;
        installed->waiting = i;
        return;
    }
    i->session = installed->session;
    i->deadline_ms = peer_monotonic_ms(sim->host) + PEER_EXECUTE_TIMEOUT_MS;
    i->next = i->session->invocations;
    i->session->invocations = i;
    if (peer_session_start(i->session, i) == FCC_OK)
        return;
    *out = NULL;
    peer_invocation_fail(i, "error sending: the message is too large", false);
}
