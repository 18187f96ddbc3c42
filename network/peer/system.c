/*
 * system.c: what a chaincode's name stands for on this host, and the system chaincodes, which run here and now. Fabric:
 * core/chaincode/lifecycle/endorsement_info.go, core/scc.
 */
#include "peer/internal.h"

#include "msp/acl.h"
#include "protos/unpack.h"

#include <inttypes.h>

/* ---- what is behind a name ---------------------------------------------------------------------------------------- */

static scc_store *store_of(const peer_host *h)
{
    return h->o.store ? h->o.store : h->own_store;
}

/* Told from outside: the definition from the ledger's owner, the package from ours. */
static fcc_status find_fixed(const peer_host *h, fcc_bytes name, scc_chaincode *out)
{
    fcc_status st = ledger_find_definition(h->o.ledger, name, &out->definition);

    out->approved = true;
    out->package_id = NULL;
    for (size_t i = 0; i < h->fixed_count; i++)
        if (fcc_bytes_equal(fcc_str(h->fixed[i].name), name))
            out->package_id = h->fixed[i].package_id;
    return st;
}

static fcc_status find(peer_host *h, fcc_bytes name, scc_chaincode *out)
{
    peer_known *known;
    fcc_status st;

    if (ledger_defined_outside(h->o.ledger))
        return find_fixed(h, name, out);
    if (h->known_changed != ledger_definitions_changed(h->o.ledger) ||
        h->known_packages != scc_store_count(store_of(h))) {
        fcc__arena_reset(h->known_arena);
        h->known = NULL;
        h->known_changed = ledger_definitions_changed(h->o.ledger);
        h->known_packages = scc_store_count(store_of(h));
    }
    for (known = h->known; known; known = known->next)
        if (fcc_bytes_equal(known->name, name)) {
            *out = known->chaincode;
            return FCC_OK;
        }
    st = ledger_find_definition(h->o.ledger, name, &out->definition);
    if (st != FCC_OK)
        return st;
    known = fcc__arena_zalloc(h->known_arena, 1, sizeof(*known));
    if (!known)
        return FCC_ERR_LIMIT;
    st = scc_resolve(h->o.ledger, h->mspid, store_of(h), name, h->known_arena, &known->chaincode);
    if (st != FCC_OK)
        return st;
    if (!fcc__arena_copy(h->known_arena, name, &known->name))
        return FCC_ERR_LIMIT;
    known->next = h->known;
    h->known = known;
    *out = known->chaincode;
    return FCC_OK;
}

const char *peer_definition_problem(peer_host *h, fcc_bytes name, fcc__arena *arena, scc_chaincode *out)
{
    fcc_status st = find(h, name, out);
    const char *text;

    if (st != FCC_OK && st != FCC_ERR_NOT_FOUND)
        return fcc_status_text(st);
    if (st != FCC_OK)
        text = fcc__arena_printf(arena, "chaincode " FCC_FMT " not found", FCC_ARG(name));
    else if (!out->approved)
        text = fcc__arena_printf(arena,
                                 "chaincode definition for '" FCC_FMT "' at sequence %" PRId64
                                 " on channel '%s' has not yet been approved by this org",
                                 FCC_ARG(name), out->definition.sequence, msp_channel_id(ledger_channel(h->o.ledger)));
    else if (!out->package_id)
        text = fcc__arena_printf(arena, "chaincode definition for '" FCC_FMT "' exists, but chaincode is not installed",
                                 FCC_ARG(name));
    else
        return NULL;
    return text ? text : "out of memory";
}

bool peer_host_installed(peer_host *h, fcc_bytes name)
{
    scc_chaincode found;

    return find(h, name, &found) == FCC_OK && found.approved && found.package_id;
}

/* ---- system chaincodes -------------------------------------------------------------------------------------------- */

/* May the creator of the simulation's proposal use a resource? */
static const char *deny(void *ctx, const char *resource, fcc_bytes channel, fcc__arena *arena)
{
    const peer_simulation *sim = ctx;
    const peer_host *h = sim->host;
    const msp_channel *ours = ledger_channel(h->o.ledger);
    const msp_signed request = { .data = { fcc__of_pb(sim->proposal->signed_proposal.proposal_bytes), { NULL, 0 } },
                                 .identity = sim->proposal->creator,
                                 .signature = fcc__of_pb(sim->proposal->signed_proposal.signature) };
    msp_acl acl = { .channel_id = channel, .local = h->o.local };
    const char *text;
    fcc_error error;

    if (ours && fcc_bytes_equal(channel, fcc_str(msp_channel_id(ours))))
        acl.channel = ours;
    if (!acl.local)
        acl.local = msp_channel_manager(ours);
    if (msp_acl_check(&acl, resource, MSP_ACL_PROPOSAL, &request, &error) == FCC_OK)
        return NULL;
    text = fcc__arena_printf(arena, "%s", error.text);
    return text ? text : "out of memory";
}

static fcc_status read_package(void *ctx, fcc_bytes package, fcc__arena *arena, const char **label, fcc_error *error)
{
    const peer_packages *packages = &((const peer_simulation *)ctx)->host->o.packages;

    return packages->read(packages->ctx, package, arena, label, error);
}

const char *peer_run_system(peer_simulation *sim, fcc_bytes name, const Protos__ChaincodeInput *input,
                            peer_final *final)
{
    const peer_host *h = sim->host;
    scc_call call = { .ledger = h->o.ledger,
                      .store = store_of(h),
                      .mspid = h->mspid,
                      .fabric_2_5 = h->o.fabric == PEER_FABRIC_2_5,
                      .channel = sim->proposal->channel,
                      .txid = sim->proposal->txid,
                      .invoked = sim->proposal->chaincode,
                      .args = input->args,
                      .arg_count = input->n_args,
                      .sim = sim->sim,
                      .deny = deny,
                      .read_package = h->o.packages.read ? read_package : NULL,
                      .ctx = sim,
                      .arena = sim->arena };
    Protos__ChaincodeMessage *message = fcc__arena_alloc(sim->arena, sizeof(*message));
    Protos__Response response;
    fcc_bytes payload;

    if (!message)
        return "out of memory";
    if (sim->sim && fcc_bytes_equal(name, sim->proposal->chaincode) && ledger_sim_enter(sim->sim, name) != FCC_OK)
        return ledger_sim_error(sim->sim);
    scc_invoke(name, &call, &response);
    if (fcc__pack(&response, sim->arena, &payload) != FCC_OK)
        return "the system chaincode's answer is too large";
    protos__chaincode_message__init(message);
    message->type = PROTOS__CHAINCODE_MESSAGE__TYPE__COMPLETED;
    message->txid = fcc__pb(sim->proposal->txid);
    message->channel_id = fcc__pb(sim->proposal->channel);
    message->payload = fcc__pb(payload);
    if (fcc__pack(message, sim->arena, &final->wire) != FCC_OK)
        return "the system chaincode's answer is too large";
    final->message = message;
    return NULL;
}
