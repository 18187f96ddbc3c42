/*
 * endorse.c: the gateway's Endorse: which organisations have to endorse, their endorsements, and the transaction that
 * is made of them.
 *
 * When the client names no organisations, the gateway's own peer is asked first, because only a simulation tells what
 * is touched. The smallest set of organisations that satisfies all policies of that endorses then; sets with the
 * gateway's own organisation come first, because it has done its part. As in Fabric, only members of a collection are
 * shown its transient data unless the client named the organisations.
 *
 * Private data are put into the transient store only when the transaction could be assembled: failures leave none.
 */
#include "devnet/internal.h"

#include "base/buf.h"
#include "peer/collections.h"
#include "protos/unpack.h"

#include "ledger/rwset/kvrwset/kv_rwset.pb-c.h"
#include "ledger/rwset/rwset.pb-c.h"

enum { MAX_ORGS = 16 }; /* subsets are enumerated */

/* One organisation's part. */
struct part {
    devnet_call *call;
    devnet_peer *peer;
    bool asked, endorsed;
    peer_outcome outcome;
};

struct endorsement {
    peer_proposal proposal;
    struct part *parts; /* one for each peer of the network */
    size_t running;
    bool planning; /* the first one, which tells what is needed, is being asked */
    devnet_detail *details;
    size_t failed;
};

static void advance(devnet_call *call);

static void part_done(void *ctx, const peer_outcome *outcome)
{
    struct part *part = ctx;
    devnet_call *call = part->call;
    struct endorsement *e = call->state;
    devnet_judgement judged = devnet_judge(outcome, call->arena);

    part->outcome = *outcome;
    part->endorsed = judged.code == RPC_OK && outcome->response.endorsement;
    if (!part->endorsed) {
        e->details[e->failed].peer = part->peer;
        e->details[e->failed].message = judged.message;
        e->failed++;
    }
    e->running--;
    if (e->running == 0)
        advance(call);
    devnet_call_release(call);
}

/* Ask all organisations that are marked in `mask` and haven't been asked. */
static void ask(devnet_call *call, unsigned mask)
{
    struct devnet *net = call->peer->net;
    struct endorsement *e = call->state;
    unsigned todo = 0;

    for (size_t i = 0; i < net->peer_count; i++)
        if ((mask & 1u << i) && !e->parts[i].asked) {
            e->parts[i].asked = true;
            todo |= 1u << i;
            e->running++;
        }
    if (todo == 0) {
        advance(call);
        return;
    }
    call->pending++; /* one for us: answers may come at once */
    for (size_t i = 0; i < net->peer_count; i++)
        if (todo & 1u << i) {
            e->parts[i].call = call;
            e->parts[i].peer = &net->peers[i];
            call->pending++;
            peer_endorse(net->peers[i].host, &e->proposal, call->arena, part_done, &e->parts[i]);
        }
    devnet_call_release(call);
}

/* ---- planning ---------------------------------------------------------------------------------------------------- */

/* What a simulation says about who may and who has to endorse. */
struct need {
    unsigned installed; /* organisations that have all its chaincodes */
    unsigned members;   /* and are members of all collections whose data it read, or for which transient data came */
    const char *collections; /* their names, for a message */
};

static bool is_member(const struct devnet *net, fcc_bytes chaincode, fcc_bytes name, const char *mspid)
{
    const devnet_chaincode *cc = devnet_find_chaincode(net, chaincode);
    fcc__arena *arena = cc ? fcc__arena_new(1 << 22) : NULL;
    peer_collection collection;
    bool member = arena && peer_collection_find(&cc->definition, name, arena, &collection) == FCC_OK &&
                  peer_collection_admits(&collection, mspid);

    fcc__arena_free(arena);
    return member;
}

/* Data of the collection were read, as far as the read-write set tells: the hash counts as well. */
static bool reads_private(const Rwset__CollectionHashedReadWriteSet *c, fcc__arena *arena)
{
    Kvrwset__HashedRWSet *set;

    return FCC__UNPACK(kvrwset__hashed_rwset, fcc__of_pb(c->hashed_rwset), arena, &set) != FCC_OK ||
           set->n_hashed_reads > 0;
}

static bool find_need(devnet_call *call, const ledger_results *results, struct need *out)
{
    struct devnet *net = call->peer->net;
    struct endorsement *e = call->state;
    bool transient = e->proposal.transient_count > 0, ok = false;
    Rwset__TxReadWriteSet *set;
    fcc__buf names;

    *out = (struct need){ 0, 0, "" };
    if (FCC__UNPACK(rwset__tx_read_write_set, results->rwset, call->arena, &set) != FCC_OK)
        return false;
    fcc__buf_init(&names, 4096);
    for (size_t i = 0; i < net->peer_count; i++)
        if (peer_host_installed(net->peers[i].host, e->proposal.chaincode))
            out->installed |= 1u << i;
    for (size_t n = 0; n < set->n_ns_rwset; n++) {
        fcc_bytes ns = fcc__of_pb(set->ns_rwset[n]->namespace_);

        if (!devnet_find_chaincode(net, ns))
            continue; /* _lifecycle */
        for (size_t i = 0; i < net->peer_count; i++)
            if (!peer_host_installed(net->peers[i].host, ns))
                out->installed &= ~(1u << i);
    }
    out->members = out->installed;
    for (size_t n = 0; n < set->n_ns_rwset; n++)
        for (size_t c = 0; c < set->ns_rwset[n]->n_collection_hashed_rwset; c++) {
            const Rwset__CollectionHashedReadWriteSet *collection = set->ns_rwset[n]->collection_hashed_rwset[c];
            fcc_bytes ns = fcc__of_pb(set->ns_rwset[n]->namespace_), name = fcc__of_pb(collection->collection_name);

            if (!transient && !reads_private(collection, call->arena))
                continue;
            fcc__buf_printf(&names, "%s" FCC_FMT, names.len ? " " : "", FCC_ARG(name));
            for (size_t i = 0; i < net->peer_count; i++)
                if (!is_member(net, ns, name, net->peers[i].org->mspid))
                    out->members &= ~(1u << i);
        }
    out->collections = fcc__arena_printf(call->arena, "%s", names.len ? fcc__buf_cstr(&names) : "");
    ok = out->collections != NULL;
    fcc__buf_clear(&names);
    return ok;
}

/* The smallest subset of `allowed` that satisfies the policies, with `own` if one of that size has it; 0: none. */
static unsigned smallest_set(const devnet_call *call, const ledger_results *results, unsigned allowed, unsigned own)
{
    const struct devnet *net = call->peer->net;
    const msp_channel *channel = ledger_channel(net->ledger);
    unsigned count = (unsigned)net->peer_count, best = 0, best_size = count + 1;

    for (unsigned mask = 1; mask < 1u << count; mask++) {
        unsigned size = (unsigned)__builtin_popcount(mask);
        const char *mspids[MAX_ORGS];
        size_t n = 0;

        if ((mask & ~allowed) || size > best_size || (size == best_size && ((best & own) || !(mask & own))))
            continue;
        for (unsigned i = 0; i < count; i++)
            if (mask & 1u << i)
                mspids[n++] = net->peers[i].org->mspid;
        if (msp_channel_satisfied_by_orgs(channel, results->policies, results->policy_count, mspids, n)) {
            best = mask;
            best_size = size;
        }
    }
    return best;
}

/* After the first answer: who else has to endorse. */
static void plan(devnet_call *call)
{
    struct devnet *net = call->peer->net;
    struct endorsement *e = call->state;
    const ledger_results *results = NULL;
    unsigned own = 1u << (call->peer - net->peers), first = 0, set;
    struct need need;

    e->planning = false;
    for (size_t i = 0; i < net->peer_count; i++)
        if (e->parts[i].endorsed) {
            results = &e->parts[i].outcome.results;
            first = 1u << i;
        }
    if (!results) {
        devnet_refuse(call, RPC_ABORTED, e->details, e->failed,
                      "failed to endorse transaction, see attached details for more info");
        return;
    }
    if (!find_need(call, results, &need)) {
        devnet_refuse(call, RPC_RESOURCE_EXHAUSTED, NULL, 0, "out of memory");
        return;
    }
    set = smallest_set(call, results, need.members, first ? first : own);
    if (!set && (set = smallest_set(call, results, need.installed, first ? first : own)) != 0 &&
        e->proposal.transient_count > 0) {
        devnet_refuse(
            call, RPC_FAILED_PRECONDITION, NULL, 0,
            "requires endorsement from organisation(s) that are not in the distribution policy of the private "
            "data collection(s): [%s]; retry specifying trusted endorsing organizations to protect transient "
            "data",
            need.collections);
        return;
    }
    if (!set) {
        devnet_refuse(call, RPC_FAILED_PRECONDITION, NULL, 0,
                      "no combination of peers can be derived which satisfy the endorsement policy: no organisations "
                      "with chaincode " FCC_FMT " satisfy the policies of what function " FCC_FMT " touches",
                      FCC_ARG(e->proposal.chaincode), FCC_ARG(peer_proposal_function(&e->proposal)));
        return;
    }
    for (size_t i = 0; i < net->peer_count; i++)
        if (!(set & 1u << i))
            e->parts[i].endorsed = false; /* its part in the plan is done */
    ask(call, set);
}

/* ---- the transaction --------------------------------------------------------------------------------------------- */

static void assemble(devnet_call *call)
{
    struct devnet *net = call->peer->net;
    struct endorsement *e = call->state;
    Gateway__EndorseResponse response = GATEWAY__ENDORSE_RESPONSE__INIT;
    Common__Envelope envelope = COMMON__ENVELOPE__INIT;
    peer_endorsed *endorsed = fcc__arena_zalloc(call->arena, net->peer_count, sizeof(*endorsed));
    struct part **parts = fcc__arena_zalloc(call->arena, net->peer_count, sizeof(*parts));
    fcc_bytes payload;
    size_t count = 0;
    fcc_error error;

    if (!endorsed || !parts) {
        devnet_refuse(call, RPC_RESOURCE_EXHAUSTED, NULL, 0, "out of memory");
        return;
    }
    for (size_t i = 0; i < net->peer_count; i++) {
        const peer_outcome *outcome = &e->parts[i].outcome;

        if (!e->parts[i].endorsed)
            continue;
        parts[count] = &e->parts[i];
        endorsed[count] = (peer_endorsed){
            .mspid = net->peers[i].org->mspid,
            .payload = fcc__of_pb(outcome->response.payload),
            .endorser = fcc__of_pb(outcome->response.endorsement->endorser),
            .signature = fcc__of_pb(outcome->response.endorsement->signature),
        };
        if (count > 0 && !fcc_bytes_equal(endorsed[count].payload, endorsed[0].payload)) {
            const char *text = fcc__arena_printf(
                call->arena, "ProposalResponsePayloads do not match: %s",
                peer_difference(&e->proposal, &endorsed[0], &endorsed[count], call->arena));

            e->details[e->failed].peer = &net->peers[i];
            e->details[e->failed].message = text ? text : "ProposalResponsePayloads do not match";
            e->failed++;
        }
        count++;
    }
    if (e->failed > 0 || count == 0) {
        devnet_refuse(call, RPC_ABORTED, e->details, e->failed,
                      "failed to collect enough transaction endorsements, see attached details for more info");
        return;
    }
    if (peer_assemble(&e->proposal, endorsed, count, call->arena, &payload, &error) != FCC_OK) {
        devnet_refuse(call, RPC_ABORTED, NULL, 0, "failed to assemble transaction: %s", error.text);
        return;
    }
    if (!call->rpc)
        return; /* the client has gone: nobody will submit it */
    for (size_t i = 0; i < count; i++) {
        fcc_bytes private = parts[i]->outcome.results.private_rwset;

        if (private.len > 0 && ledger_transient_put(net->ledger, e->proposal.txid, private) != FCC_OK) {
            devnet_refuse(call, RPC_RESOURCE_EXHAUSTED, NULL, 0, "the private data cannot be kept: out of memory");
            return;
        }
    }
    envelope.payload = fcc__pb(payload);
    response.prepared_transaction = &envelope;
    devnet_reply(call, &response);
}

static void advance(devnet_call *call)
{
    struct endorsement *e = call->state;

    if (e->planning)
        plan(call);
    else
        assemble(call);
}

/* ---- the request ------------------------------------------------------------------------------------------------- */

/* The peers of the organisations that the client named; 0 after a refusal. */
static unsigned named_set(devnet_call *call, const Gateway__EndorseRequest *request)
{
    struct devnet *net = call->peer->net;
    struct endorsement *e = call->state;
    unsigned set = 0;
    fcc__buf missing;

    fcc__buf_init(&missing, 4096);
    for (size_t n = 0; n < request->n_endorsing_organizations; n++) {
        fcc_bytes name = fcc__of_pb(request->endorsing_organizations[n]);
        bool found = false;

        for (size_t i = 0; i < net->peer_count; i++)
            if (fcc_bytes_equal(fcc_str(net->peers[i].org->mspid), name) &&
                peer_host_installed(net->peers[i].host, e->proposal.chaincode)) {
                set |= 1u << i;
                found = true;
            }
        if (!found)
            fcc__buf_printf(&missing, "%s" FCC_FMT, missing.len ? ", " : "", FCC_ARG(name));
    }
    if (missing.len > 0) {
        devnet_refuse(call, RPC_UNAVAILABLE, NULL, 0, "failed to find any endorsing peers for org(s): %s",
                      fcc__buf_cstr(&missing));
        set = 0;
    }
    fcc__buf_clear(&missing);
    return set;
}

/* Whom to ask first: the own peer, else any that has the chaincode; 0 after a refusal. */
static unsigned first_peer(devnet_call *call)
{
    struct devnet *net = call->peer->net;
    struct endorsement *e = call->state;

    if (peer_host_installed(call->peer->host, e->proposal.chaincode))
        return 1u << (call->peer - net->peers);
    if (e->proposal.transient_count > 0 && devnet_find_chaincode(net, e->proposal.chaincode)) {
        devnet_refuse(call, RPC_FAILED_PRECONDITION, NULL, 0,
                      "no endorsers found in the gateway's organization; retry specifying endorsing organization(s) to "
                      "protect transient data");
        return 0;
    }
    for (size_t i = 0; i < net->peer_count; i++)
        if (peer_host_installed(net->peers[i].host, e->proposal.chaincode))
            return 1u << i;
    devnet_refuse(call, RPC_FAILED_PRECONDITION, NULL, 0,
                  "no combination of peers can be derived which satisfy the endorsement policy: chaincode " FCC_FMT
                  " is not installed on any peer of channel " FCC_FMT,
                  FCC_ARG(e->proposal.chaincode), FCC_ARG(e->proposal.channel));
    return 0;
}

void devnet_endorse(devnet_call *call, fcc_bytes message)
{
    struct devnet *net = call->peer->net;
    struct endorsement *e = fcc__arena_zalloc(call->arena, 1, sizeof(*e));
    Gateway__EndorseRequest *request;
    fcc_error error;
    unsigned set;

    if (FCC__UNPACK(gateway__endorse_request, message, call->arena, &request) != FCC_OK) {
        devnet_refuse(call, RPC_INVALID_ARGUMENT, NULL, 0, "the request is no EndorseRequest");
        return;
    }
    if (!request->proposed_transaction || request->proposed_transaction->proposal_bytes.len == 0) {
        devnet_refuse(call, RPC_INVALID_ARGUMENT, NULL, 0, "the proposed transaction must contain a signed proposal");
        return;
    }
    if (e) {
        e->parts = fcc__arena_zalloc(call->arena, net->peer_count, sizeof(*e->parts));
        e->details = fcc__arena_zalloc(call->arena, 2 * net->peer_count, sizeof(*e->details));
    }
    if (!e || !e->parts || !e->details) {
        devnet_refuse(call, RPC_RESOURCE_EXHAUSTED, NULL, 0, "out of memory");
        return;
    }
    if (peer_proposal_unpack(request->proposed_transaction, call->arena, &e->proposal, &error) != FCC_OK) {
        devnet_refuse(call, RPC_INVALID_ARGUMENT, NULL, 0, "%s", error.text);
        return;
    }
    call->state = e;
    if (request->n_endorsing_organizations > 0)
        set = named_set(call, request);
    else {
        e->planning = true;
        set = first_peer(call);
    }
    if (set != 0)
        ask(call, set);
}
