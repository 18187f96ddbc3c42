/*
 * host.c: one organisation's peer: what it has installed, and a proposal's way from the checks to the signature.
 * Fabric: core/endorser/endorser.go.
 */
#include "peer/internal.h"

#include "base/require.h"
#include "peer/collections.h"
#include "protos/unpack.h"

#include "peer/chaincode_event.pb-c.h"

#include <stdlib.h>

enum { STATUS_OK_BELOW = 400, STATUS_ERROR = 500, KNOWN_CAP = 64 << 20 };

fcc_status peer_host_new(const peer_host_options *options, peer_host **out, fcc_error *error)
{
    peer_host *h = calloc(1, sizeof(*h));
    fcc_status st;

    if (!h)
        return fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
    h->o = *options;
    h->mspid = options->signer ? msp_signer_mspid(options->signer) : options->mspid;
    h->known_arena = fcc__arena_new(KNOWN_CAP);
    st = h->known_arena ? FCC_OK : fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
    if (st == FCC_OK && !options->store)
        st = scc_store_open(NULL, &h->own_store, error);
    if (st == FCC_OK)
        *out = h;
    else
        peer_host_free(h);
    return st;
}

void peer_host_free(peer_host *h)
{
    peer_runtime *r;

    if (!h)
        return;
    FCC_REQUIRE(!h->sessions);
    while ((r = h->runtimes) != NULL) {
        while (r->waiting)
            peer_invocation_fail(r->waiting, "the peer is shutting down", false);
        h->runtimes = r->next;
        free(r->package_id);
        free(r);
    }
    for (size_t i = 0; i < h->fixed_count; i++) {
        free(h->fixed[i].name);
        free(h->fixed[i].package_id);
    }
    free(h->fixed);
    scc_store_close(h->own_store);
    fcc__arena_free(h->known_arena);
    free(h);
}

const char *peer_host_mspid(const peer_host *h)
{
    return h->mspid;
}

fcc_status peer_host_install(peer_host *h, const char *name, const char *package_id)
{
    peer_fixed *grown, *new;

    for (size_t i = 0; i < h->fixed_count; i++)
        if (strcmp(h->fixed[i].name, name) == 0)
            return FCC_ERR_EXISTS;
    grown = realloc(h->fixed, (h->fixed_count + 1) * sizeof(*grown));
    if (!grown)
        return FCC_ERR_NOMEM;
    h->fixed = grown;
    new = &grown[h->fixed_count];
    *new = (peer_fixed){ .name = strdup(name), .package_id = strdup(package_id) };
    if (!new->name || !new->package_id) {
        free(new->name);
        free(new->package_id);
        return FCC_ERR_NOMEM;
    }
    h->fixed_count++;
    return FCC_OK;
}

peer_runtime *peer_runtime_of(peer_host *h, const char *package_id)
{
    peer_runtime *r;

    for (r = h->runtimes; r; r = r->next)
        if (strcmp(r->package_id, package_id) == 0)
            return r;
    r = calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    r->package_id = strdup(package_id);
    if (!r->package_id) {
        free(r);
        return NULL;
    }
    r->next = h->runtimes;
    h->runtimes = r;
    return r;
}

static void launch_failed(peer_invocation *i, const char *why)
{
    const char *text = fcc__arena_printf(i->simulation->arena, "could not launch chaincode %s: %s",
                                         i->runtime->package_id, why);

    peer_invocation_fail(i, text ? text : "could not launch chaincode", true);
}

void peer_host_launch_failed(peer_host *h, const char *package_id, const char *why)
{
    for (peer_runtime *r = h->runtimes; r; r = r->next)
        while (strcmp(r->package_id, package_id) == 0 && r->waiting)
            launch_failed(r->waiting, why);
}

/* ---- time out ---------------------------------------------------------------------------------------------------- */

/* One that is late and has no called chaincode that could be late too: the innermost one fails first. */
static peer_invocation *late(peer_invocation *list, int64_t now_ms)
{
    for (peer_invocation *i = list; i; i = i->next)
        if (i->deadline_ms <= now_ms)
            return i;
    return NULL;
}

void peer_host_tick(peer_host *h)
{
    int64_t now_ms = peer_monotonic_ms(h);
    peer_invocation *i;

    for (peer_session *s = h->sessions; s; s = s->next)
        while ((i = late(s->invocations, now_ms)) != NULL)
            peer_invocation_fail(i, "error sending: timeout expired while executing transaction", false);
    for (peer_runtime *r = h->runtimes; r; r = r->next)
        while ((i = late(r->waiting, now_ms)) != NULL)
            launch_failed(i, "its process does not register");
}

/* ---- endorsement ------------------------------------------------------------------------------------------------- */

static void tell(peer_simulation *sim, peer_outcome *outcome)
{
    peer_done done = sim->done;
    void *ctx = sim->ctx;

    ledger_sim_free(sim->sim); /* its memory is the arena's */
    done(ctx, outcome);
}

/* A response that the peer makes itself: 500 without a payload. */
static void answer_error(peer_simulation *sim, Protos__Response *response, const char *text, bool stream_ended)
{
    peer_outcome outcome = { .verdict = PEER_ANSWERED, .stream_ended = stream_ended };

    protos__response__init(response);
    response->status = STATUS_ERROR;
    response->message = fcc__pb(fcc_str(text ? text : "out of memory"));
    protos__proposal_response__init(&outcome.response);
    outcome.response.response = response;
    tell(sim, &outcome);
}

static void simulation_error(peer_simulation *sim, Protos__Response *response, bool stream_ended, const char *prefix,
                             const char *text)
{
    answer_error(sim, response, fcc__arena_printf(sim->arena, "error in simulation: %s%s", prefix, text), stream_ended);
}

static fcc_status pack_payload(const peer_simulation *sim, const Protos__Response *response,
                               const Protos__ChaincodeEvent *event, fcc_bytes rwset, fcc_bytes *out)
{
    Protos__ChaincodeAction action = PROTOS__CHAINCODE_ACTION__INIT;
    Protos__ProposalResponsePayload payload = PROTOS__PROPOSAL_RESPONSE_PAYLOAD__INIT;
    Protos__ChaincodeID id = PROTOS__CHAINCODE_ID__INIT;
    fcc_bytes bytes;
    fcc_status st;

    id.name = fcc__pb(sim->proposal->chaincode);
    id.version = fcc__pb(sim->version);
    action.results = fcc__pb(rwset);
    action.response = (Protos__Response *)(uintptr_t)response;
    action.chaincode_id = &id;
    if (event) {
        if ((st = fcc__pack(event, sim->arena, &bytes)) != FCC_OK)
            return st;
        action.events = fcc__pb(bytes);
    }
    if ((st = fcc__pack(&action, sim->arena, &bytes)) != FCC_OK)
        return st;
    payload.proposal_hash = fcc__pb(fcc__sha256_bytes(&sim->proposal->hash));
    payload.extension = fcc__pb(bytes);
    return fcc__pack(&payload, sim->arena, out);
}

static fcc_status endorse(const peer_simulation *sim, fcc_bytes payload, Protos__Endorsement *out)
{
    const fcc_bytes endorser = msp_signer_identity(sim->signer);
    const fcc_bytes parts[2] = { payload, endorser };
    const msp_channel *channel = ledger_channel(sim->host->o.ledger);
    fcc_bytes signature;
    fcc_status st;

    st = channel ? msp_sign_known(sim->signer, msp_channel_manager(channel), parts, 2, sim->arena, &signature)
                 : msp_sign(sim->signer, parts, 2, sim->arena, &signature);
    if (st != FCC_OK)
        return st;
    protos__endorsement__init(out);
    out->endorser = fcc__pb(endorser);
    out->signature = fcc__pb(signature);
    return FCC_OK;
}

static void simulated(void *ctx, const peer_final *final)
{
    peer_simulation *sim = ctx;
    const peer_proposal *p = sim->proposal;
    peer_outcome outcome = { .verdict = PEER_ANSWERED };
    Protos__Response *response = fcc__arena_alloc(sim->arena, sizeof(*response));
    Protos__Endorsement *endorsement = fcc__arena_alloc(sim->arena, sizeof(*endorsement));
    Protos__ChaincodeEvent *event = NULL;
    bool succeeded = false;
    fcc_bytes payload;
    const char *text;
    fcc_status st;

    if (!response || !endorsement) {
        static Protos__Response full;

        answer_error(sim, &full, "error in simulation: out of memory", false);
        return;
    }
    if (final->failure) {
        text = fcc__arena_printf(sim->arena, "failed to execute transaction " FCC_FMT ": ", FCC_ARG(p->txid));
        simulation_error(sim, response, final->stream_ended, text ? text : "", final->failure);
        return;
    }
    if (final->message->type == PROTOS__CHAINCODE_MESSAGE__TYPE__ERROR) {
        text = fcc__arena_printf(sim->arena, FCC_FMT, FCC_ARG(fcc__of_pb(final->message->payload)));
        simulation_error(sim, response, false, "transaction returned with failure: ", text ? text : "");
        return;
    }
    if (FCC__UNPACK(protos__response, fcc__of_pb(final->message->payload), sim->arena, &response) != FCC_OK) {
        protos__response__init(response);
        text = fcc__arena_printf(sim->arena, "failed to unmarshal response for transaction " FCC_FMT, FCC_ARG(p->txid));
        simulation_error(sim, response, false, "", text ? text : "");
        return;
    }
    if (final->message->chaincode_event && response->status < STATUS_OK_BELOW) {
        event = final->message->chaincode_event;
        event->chaincode_id = fcc__pb(p->chaincode);
        event->tx_id = fcc__pb(p->txid);
    }
    st = sim->sim ? ledger_sim_finish(sim->sim, sim->arena, &outcome.results) : FCC_OK;
    if (st != FCC_OK) {
        text = ledger_sim_error(sim->sim);
        simulation_error(sim, response, false, "", *text ? text : fcc_status_text(st));
        return;
    }
    text = response->status >= STATUS_OK_BELOW
               ? NULL
               : peer_distribution_problem(sim->host->o.ledger, ledger_channel(sim->host->o.ledger), sim->host->mspid,
                                           p->txid, outcome.results.private_rwset, sim->arena);
    if (text) {
        simulation_error(sim, response, false, "", text);
        return;
    }
    if (pack_payload(sim, response, event, outcome.results.rwset, &payload) != FCC_OK) {
        answer_error(sim, response, "failed to create the proposal response", false);
        return;
    }
    protos__proposal_response__init(&outcome.response);
    outcome.response.response = response;
    if (sim->sim && (response->status >= STATUS_ERROR || response->status < STATUS_OK_BELOW) &&
        FCC__UNPACK(protos__chaincode_interest, outcome.results.interest, sim->arena, &outcome.response.interest) !=
            FCC_OK) {
        answer_error(sim, response, "failed to create the proposal response", false);
        return;
    }
    if (response->status >= STATUS_ERROR)
        outcome.response.payload = fcc__pb(payload);
    else if (response->status < STATUS_OK_BELOW && p->channel.len > 0) {
        if (!fcc_bytes_equal(sim->plugin, FCC_LIT("escc"))) {
            text = fcc__arena_printf(sim->arena,
                                     "endorsing with plugin failed: plugin with name " FCC_FMT
                                     " could not be used: plugin with name " FCC_FMT " wasn't found",
                                     FCC_ARG(sim->plugin), FCC_ARG(sim->plugin));
            answer_error(sim, response, text, false);
            return;
        }
        if (sim->signer && endorse(sim, payload, endorsement) != FCC_OK) {
            answer_error(sim, response, "endorsing with plugin failed: the peer's key cannot sign", false);
            return;
        }
        outcome.response.version = 1;
        outcome.response.payload = fcc__pb(payload);
        outcome.response.endorsement = sim->signer ? endorsement : NULL;
        succeeded = true;
    }
    if (!succeeded) /* what a refusal has written goes nowhere */
        outcome.results.private_rwset = fcc_bytes_of(NULL, 0);
    tell(sim, &outcome);
}

static bool seen(void *ctx, fcc_bytes txid)
{
    const peer_host *h = ctx;

    return ledger_has_tx(h->o.ledger, txid);
}

/* Who may propose, and what: the text for the client, or NULL. */
static const char *check(peer_host *h, const peer_proposal *p, const msp_channel *channel, fcc__arena *arena)
{
    msp_manager *members = channel ? msp_channel_manager(channel) : h->o.local;
    const msp_identity *creator;
    const char *text;
    fcc_error error;

    if (!members)
        members = msp_channel_manager(ledger_channel(h->o.ledger));
    if (peer_proposal_check(p, members, seen, h, &creator, &error) == FCC_OK &&
        (!channel || scc_known(p->chaincode) || peer_proposal_permit(p, channel, creator, &error) == FCC_OK))
        return NULL;
    text = fcc__arena_printf(arena, "%s", error.text);
    return text ? text : "out of memory";
}

/* The chaincode's version and endorsement plugin, and a snapshot to run on. NULL, or why there is none. */
static const char *prepare(peer_simulation *sim, const msp_channel *channel)
{
    const peer_proposal *p = sim->proposal;
    peer_host *h = sim->host;
    const ledger_sim_options options = { .mspid = h->mspid, .txid = p->txid, .creator = p->creator };
    const char *problem = NULL, *text;
    scc_chaincode found;

    sim->version = FCC_LIT(SCC_VERSION);
    sim->plugin = FCC_LIT("escc");
    if (!scc_known(p->chaincode)) {
        problem = channel ? peer_definition_problem(h, p->chaincode, sim->arena, &found)
                          : "could not get channel config for channel ''";
        if (!problem && (!fcc__arena_copy(sim->arena, found.definition.version, &sim->version) ||
                         !fcc__arena_copy(sim->arena, found.definition.endorsement_plugin, &sim->plugin)))
            return "out of memory";
        if (!problem && sim->plugin.len == 0)
            sim->plugin = FCC_LIT("escc");
    }
    if (problem) {
        text = fcc__arena_printf(sim->arena,
                                 "make sure the chaincode " FCC_FMT " has been successfully defined on channel " FCC_FMT
                                 " and try again: %s",
                                 FCC_ARG(p->chaincode), FCC_ARG(p->channel), problem);
        return text ? text : "out of memory";
    }
    if (!channel || (scc_known(p->chaincode) && !scc_simulates(p->chaincode)))
        return NULL;
    if (ledger_sim_new(h->o.ledger, &options, &sim->sim) == FCC_OK)
        return NULL;
    sim->sim = NULL;
    return "the ledger cannot be read now";
}

static void run(peer_host *h, const msp_signer *signer, const peer_proposal *p, fcc__arena *arena, peer_done done,
                void *ctx)
{
    peer_simulation *sim = fcc__arena_zalloc(arena, 1, sizeof(*sim));
    Protos__Response *response = fcc__arena_zalloc(arena, 1, sizeof(*response));
    peer_outcome refused = { .verdict = PEER_REFUSED, .refusal = "out of memory" };
    const msp_channel *ours = ledger_channel(h->o.ledger), *channel = p->channel.len > 0 ? ours : NULL;
    const int64_t now_ns = h->o.clock.now_ns(h->o.clock.ctx);
    peer_invocation *invocation;
    const char *problem;
    fcc_error error;

    if (!sim || !response) {
        done(ctx, &refused);
        return;
    }
    *sim = (peer_simulation){ .host = h, .signer = signer, .proposal = p, .arena = arena, .done = done, .ctx = ctx };
    if (!p->unfiltered &&
        peer_proposal_filter(p, msp_channel_manager(ours), now_ns, h->o.fabric != PEER_FABRIC_2_5, &error) != FCC_OK) {
        problem = fcc__arena_printf(arena, "%s", error.text);
        refused.refusal = problem ? problem : "out of memory";
        refused.filtered = true;
        done(ctx, &refused);
        return;
    }
    if (channel && !fcc_bytes_equal(p->channel, fcc_str(msp_channel_id(channel)))) {
        answer_error(sim, response, fcc__arena_printf(arena, "channel '" FCC_FMT "' not found", FCC_ARG(p->channel)),
                     false);
        return;
    }
    problem = check(h, p, channel, arena);
    if (problem) {
        refused.refusal = problem;
        done(ctx, &refused);
        return;
    }
    problem = prepare(sim, channel);
    if (problem) {
        answer_error(sim, response, problem, false);
        return;
    }
    peer_invoke(sim, p->chaincode, p->input, NULL, simulated, sim, &invocation);
}

void peer_endorse(peer_host *h, const peer_proposal *p, fcc__arena *arena, peer_done done, void *ctx)
{
    run(h, h->o.signer, p, arena, done, ctx);
}

void peer_evaluate(peer_host *h, const peer_proposal *p, fcc__arena *arena, peer_done done, void *ctx)
{
    run(h, NULL, p, arena, done, ctx);
}
