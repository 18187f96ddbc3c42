/*
 * endorse.c: the gateway's Endorse: which organisations have to endorse, their endorsements, and the transaction that
 * is made of them. Fabric: internal/pkg/gateway/endorse.go, endorsement.go.
 *
 * When the client names no organisations, the gateway's own peer decides, because only a simulation tells what is touched;
 * what else is needed follows from that. Those that are needed if no more than the chaincode itself is touched are asked at
 * the same time, which Fabric doesn't do; what they say is heard only if the plan has them. A peer that fails, or answers
 * differently, takes all sets of peers with it out of the plan; the next one is tried until none is left. As in Fabric, only
 * members of a collection are shown its transient data unless the client named the organisations.
 *
 * Private data are put into the transient store only when the transaction could be assembled: failures leave none.
 */
#include "devnet/plan.h"

#include "base/buf.h"
#include "base/log.h"
#include "protos/unpack.h"
#include "scc/scc.h"

/* One peer's part. */
struct part {
    devnet_call *call;
    devnet_peer *peer;
    bool asked, counted, endorsed, failed;
    peer_outcome outcome;
};

struct endorsement {
    devnet_request request;
    struct part *parts; /* one for each peer of the network */
    bool asking;        /* answers that come at once wait until all have been asked */
    bool planning;      /* the first one, which tells what is needed, is being asked */
    bool over;          /* the client has its answer; what still runs is of no interest */
    fcc_bytes guessed;  /* the interest that `layouts` are for before there is an answer; empty: none */
    devnet_layouts layouts;
    size_t next;           /* of the layouts */
    unsigned wanted;       /* the one that is being tried */
    struct part **answers; /* as they came, wanted or not */
    size_t answered;
    struct part **order; /* who endorsed, as their answers came */
    size_t endorsed;
    devnet_detail *details;
    size_t failed;
};

static void advance(devnet_call *call);

static unsigned bit_of(const struct part *part)
{
    return 1u << (part->peer - part->peer->net->peers);
}

static peer_endorsed endorsed_of(const struct part *part)
{
    const Protos__ProposalResponse *response = &part->outcome.response;

    return (peer_endorsed){
        .mspid = part->peer->org->mspid,
        .payload = fcc__of_pb(response->payload),
        .endorser = fcc__of_pb(response->endorsement->endorser),
        .signature = fcc__of_pb(response->endorsement->signature),
        .private_rwset = part->outcome.results.private_rwset,
    };
}

static void fail_part(struct endorsement *e, struct part *part, const char *message)
{
    part->failed = true;
    e->details[e->failed].peer = part->peer;
    e->details[e->failed].message = message;
    e->failed++;
}

/* An endorsement counts when it is the same as the first one. */
static void take_part(struct endorsement *e, struct part *part)
{
    peer_endorsed first, this = endorsed_of(part);
    const char *text;

    if (e->endorsed > 0) {
        first = endorsed_of(e->order[0]);
        if (!fcc_bytes_equal(first.payload, this.payload)) {
            text = peer_difference(&e->request.proposal, &first, &this, part->call->arena);
            fcc__log_code(FCC__WARN, FCC__E_TX_DIVERGES, "transaction " FCC_FMT " on " FCC_FMT ": %s",
                          FCC_ARG(e->request.proposal.txid), FCC_ARG(e->request.chaincode), text);
            text = fcc__arena_printf(part->call->arena, "ProposalResponsePayloads do not match: %s", text);
            fail_part(e, part, text ? text : "ProposalResponsePayloads do not match");
            return;
        }
    }
    part->endorsed = true;
    e->order[e->endorsed++] = part;
}

static void count_part(struct endorsement *e, struct part *part)
{
    const devnet_call *call = part->call;
    devnet_judgement judged = devnet_judge(&part->outcome, part->peer == call->peer, call->arena);

    part->counted = true;
    if (judged.code != RPC_OK)
        fail_part(e, part, judged.message);
    else if (!part->outcome.response.endorsement)
        fail_part(e, part, "the answer has no endorsement");
    else
        take_part(e, part);
}

/* Count what has been answered in the set that is being tried, and go on when that is all of it. */
static void settle(devnet_call *call)
{
    struct endorsement *e = call->state;
    unsigned missing = e->wanted;

    if (e->asking || e->over)
        return;
    for (size_t i = 0; i < e->answered; i++) {
        struct part *part = e->answers[i];

        missing &= ~bit_of(part);
        if ((e->wanted & bit_of(part)) && !part->counted)
            count_part(e, part);
    }
    if (missing == 0)
        advance(call);
}

static void part_done(void *ctx, const peer_outcome *outcome)
{
    struct part *part = ctx;
    devnet_call *call = part->call;
    struct endorsement *e = call->state;

    part->outcome = *outcome;
    e->answers[e->answered++] = part;
    settle(call);
    devnet_call_release(call);
}

/* Ask all peers of `set` that haven't been asked, and wait for those of `wanted`. */
static void ask(devnet_call *call, unsigned wanted, unsigned set)
{
    struct devnet *net = call->peer->net;
    struct endorsement *e = call->state;

    e->wanted = wanted;
    e->asking = true;
    for (size_t i = 0; i < net->peer_count; i++)
        if ((set & 1u << i) && !e->parts[i].asked) {
            e->parts[i] = (struct part){ .call = call, .peer = &net->peers[i], .asked = true };
            devnet_ask(call, &e->request, &net->peers[i], true, part_done, &e->parts[i]);
        }
    e->asking = false;
    settle(call);
}

/* ---- planning ---------------------------------------------------------------------------------------------------- */

/* The invoked chaincode alone: for who says nothing about what was touched. */
static Protos__ChaincodeInterest *plain_interest(const devnet_request *request, fcc__arena *arena)
{
    Protos__ChaincodeInterest *interest = fcc__arena_alloc(arena, sizeof(*interest));
    Protos__ChaincodeCall *call = fcc__arena_alloc(arena, sizeof(*call));
    Protos__ChaincodeCall **calls = fcc__arena_alloc(arena, sizeof(Protos__ChaincodeCall *));

    if (!interest || !call || !calls)
        return NULL;
    protos__chaincode_interest__init(interest);
    protos__chaincode_call__init(call);
    call->name = fcc__pb(request->chaincode);
    calls[0] = call;
    interest->chaincodes = calls;
    interest->n_chaincodes = 1;
    return interest;
}

/*
 * Transient data are not shown to who may not see the collections that they go into: as if these had been read. Their
 * names, separated by blanks; "" when nothing had to be changed.
 */
static const char *protect(Protos__ChaincodeInterest *interest, fcc__arena *arena)
{
    const char *names = "";

    for (size_t i = 0; i < interest->n_chaincodes; i++) {
        Protos__ChaincodeCall *call = interest->chaincodes[i];

        if (!call->no_private_reads)
            continue;
        call->no_private_reads = false;
        for (size_t n = 0; n < call->n_collection_names && names; n++)
            names = fcc__arena_printf(arena, "%s%s" FCC_FMT, names, *names ? " " : "",
                                      FCC_ARG(fcc__of_pb(call->collection_names[n])));
    }
    return names;
}

static void refuse_plan(devnet_call *call, const char *problem)
{
    devnet_refuse(call, RPC_FAILED_PRECONDITION, NULL, 0,
                  "no combination of peers can be derived which satisfy the endorsement policy: %s", problem);
}

/* The plan after the first answer; false after a refusal. */
static bool plan(devnet_call *call, const struct part *first)
{
    struct devnet *net = call->peer->net;
    struct endorsement *e = call->state;
    Protos__ChaincodeInterest *interest = first->outcome.response.interest, *original;
    const char *protected = "", *problem;
    devnet_layouts unprotected;
    fcc_bytes bytes;

    if (!interest || interest->n_chaincodes == 0)
        interest = plain_interest(&e->request, call->arena);
    if (!interest || fcc__pack(interest, call->arena, &bytes) != FCC_OK ||
        FCC__UNPACK(protos__chaincode_interest, bytes, call->arena, &original) != FCC_OK ||
        (e->request.transient && !(protected = protect(interest, call->arena)))) {
        devnet_refuse(call, RPC_RESOURCE_EXHAUSTED, NULL, 0, "out of memory");
        return false;
    }
    if (e->guessed.len > 0 && fcc_bytes_equal(bytes, e->guessed))
        return true;
    problem = devnet_plan(net, e->request.channel, interest, bit_of(first), call->arena, &e->layouts);
    if (!problem)
        return true;
    if (*protected &&
        !(problem = devnet_plan(net, e->request.channel, original, bit_of(first), call->arena, &unprotected)))
        devnet_refuse(
            call, RPC_FAILED_PRECONDITION, NULL, 0,
            "requires endorsement from organisation(s) that are not in the distribution policy of the private "
            "data collection(s): [%s]; retry specifying trusted endorsing organizations to protect transient "
            "data",
            protected);
    else
        refuse_plan(call, problem);
    return false;
}

/* ---- the transaction --------------------------------------------------------------------------------------------- */

/* All that belong to the set that is complete, in the order of their answers. */
static void assemble(devnet_call *call)
{
    struct devnet *net = call->peer->net;
    struct endorsement *e = call->state;
    Gateway__EndorseResponse response = GATEWAY__ENDORSE_RESPONSE__INIT;
    Common__Envelope envelope = COMMON__ENVELOPE__INIT;
    peer_endorsed *endorsed = fcc__arena_zalloc(call->arena, e->endorsed, sizeof(*endorsed));
    fcc_bytes payload;
    size_t count = 0;
    fcc_error error;
    fcc_status st;

    if (!endorsed) {
        devnet_refuse(call, RPC_RESOURCE_EXHAUSTED, NULL, 0, "out of memory");
        return;
    }
    for (size_t i = 0; i < e->endorsed; i++)
        if (e->wanted & bit_of(e->order[i]))
            endorsed[count++] = endorsed_of(e->order[i]);
    if (peer_assemble(&e->request.proposal, endorsed, count, call->arena, &payload, &error) != FCC_OK) {
        devnet_refuse(call, RPC_ABORTED, NULL, 0, "failed to assemble transaction: %s", error.text);
        return;
    }
    if (!call->rpc)
        return; /* the client has gone: nobody will submit it */
    for (size_t i = 0; i < e->endorsed; i++) {
        fcc_bytes private = e->order[i]->outcome.results.private_rwset;

        if ((st = ledger_transient_put(net->ledger, e->request.proposal.txid, private)) != FCC_OK) {
            devnet_refuse(call, RPC_RESOURCE_EXHAUSTED, NULL, 0, "the private data cannot be kept: %s",
                          fcc_status_text(st));
            return;
        }
    }
    envelope.payload = fcc__pb(payload);
    response.prepared_transaction = &envelope;
    devnet_reply(call, &response);
}

/* The sets of peers in `wanted` that endorsed, and that failed. */
static void count_parts(const devnet_call *call, unsigned *endorsed, unsigned *failed)
{
    const struct endorsement *e = call->state;

    *endorsed = *failed = 0;
    for (size_t i = 0; i < call->peer->net->peer_count; i++) {
        if (e->parts[i].endorsed)
            *endorsed |= 1u << i;
        if (e->parts[i].failed)
            *failed |= 1u << i;
    }
}

/* All that are wanted have answered. false: and the client has been. */
static bool go_on(devnet_call *call)
{
    struct endorsement *e = call->state;
    unsigned endorsed, failed;

    if (e->planning) {
        e->planning = false;
        if (e->endorsed == 0) {
            devnet_refuse(call, RPC_ABORTED, e->details, e->failed,
                          "failed to endorse transaction, see attached details for more info");
            return false;
        }
        if (!plan(call, e->order[0]))
            return false;
    }
    count_parts(call, &endorsed, &failed);
    if (e->wanted && (e->wanted & ~endorsed) == 0 && (e->next > 0 || e->layouts.count == 0)) {
        assemble(call);
        return false;
    }
    while (e->next < e->layouts.count) {
        unsigned set = e->layouts.sets[e->next++];

        if ((set & failed) == 0) {
            ask(call, set, set);
            return true;
        }
    }
    devnet_refuse(call, RPC_ABORTED, e->details, e->failed,
                  "failed to collect enough transaction endorsements, see attached details for more info");
    return false;
}

static void advance(devnet_call *call)
{
    struct endorsement *e = call->state;

    if (!go_on(call))
        e->over = true;
}

/* ---- the request ------------------------------------------------------------------------------------------------- */

/* The peers of the organisations that the client named; 0 after a refusal. */
static unsigned named_set(devnet_call *call, const Gateway__EndorseRequest *request)
{
    struct devnet *net = call->peer->net;
    struct endorsement *e = call->state;
    size_t nowhere = 0; /* a name may be empty, so the list of them doesn't tell */
    unsigned set = 0;
    fcc__buf missing;

    fcc__buf_init(&missing, 4096);
    for (size_t n = 0; n < request->n_endorsing_organizations; n++) {
        fcc_bytes name = fcc__of_pb(request->endorsing_organizations[n]);
        bool found = false;

        for (size_t i = 0; i < net->peer_count; i++)
            if (fcc_bytes_equal(fcc_str(net->peers[i].org->mspid), name) &&
                devnet_serves(&net->peers[i], e->request.channel, e->request.chaincode)) {
                set |= 1u << i;
                found = true;
            }
        if (!found)
            fcc__buf_printf(&missing, "%s" FCC_FMT, nowhere++ ? ", " : "", FCC_ARG(name));
    }
    if (nowhere > 0) {
        devnet_refuse(call, RPC_UNAVAILABLE, NULL, 0, "failed to find any endorsing peers for org(s): %s",
                      fcc__buf_cstr(&missing));
        set = 0;
    }
    fcc__buf_clear(&missing);
    return set;
}

/* Whom to ask first: the own peer, else one that discovery tells; 0 after a refusal. */
static unsigned first_peer(devnet_call *call)
{
    struct endorsement *e = call->state;
    const Protos__ChaincodeInterest *interest;
    devnet_layouts layouts;
    const char *problem;

    if (devnet_serves(call->peer, e->request.channel, e->request.chaincode))
        return 1u << (call->peer - call->peer->net->peers);
    if (e->request.transient) {
        devnet_refuse(call, RPC_FAILED_PRECONDITION, NULL, 0,
                      "no endorsers found in the gateway's organization; retry specifying endorsing organization(s) to "
                      "protect transient data");
        return 0;
    }
    interest = plain_interest(&e->request, call->arena);
    problem = interest ? devnet_plan(call->peer->net, e->request.channel, interest, 0, call->arena, &layouts)
                       : "out of memory";
    if (problem) {
        refuse_plan(call, problem);
        return 0;
    }
    return layouts.sets[0] & -layouts.sets[0];
}

/*
 * Whom the plan will have if nothing but the chaincode itself is touched, the first one included. Transient data go to
 * nobody before it is known who may see them, and system chaincodes keep things for single organisations.
 */
static unsigned guess(devnet_call *call, unsigned first)
{
    struct endorsement *e = call->state;
    const Protos__ChaincodeInterest *interest = NULL;
    devnet_layouts layouts;
    fcc_bytes packed;

    if (!e->request.transient && !scc_known(e->request.chaincode))
        interest = plain_interest(&e->request, call->arena);
    if (!interest || fcc__pack(interest, call->arena, &packed) != FCC_OK ||
        devnet_plan(call->peer->net, e->request.channel, interest, first, call->arena, &layouts))
        return first;
    e->layouts = layouts;
    e->guessed = packed;
    return first | (layouts.sets[0] & first ? layouts.sets[0] : 0);
}

void devnet_endorse(devnet_call *call, fcc_bytes message)
{
    struct devnet *net = call->peer->net;
    struct endorsement *e = fcc__arena_zalloc(call->arena, 1, sizeof(*e));
    Gateway__EndorseRequest *request;
    const char *problem;
    unsigned set;

    if (FCC__UNPACK(gateway__endorse_request, message, call->arena, &request) != FCC_OK) {
        devnet_refuse_message(call);
        return;
    }
    if (!request->proposed_transaction || request->proposed_transaction->proposal_bytes.len == 0) {
        devnet_refuse(call, RPC_INVALID_ARGUMENT, NULL, 0, "the proposed transaction must contain a signed proposal");
        return;
    }
    if (e) {
        e->parts = fcc__arena_zalloc(call->arena, net->peer_count, sizeof(*e->parts));
        e->answers = fcc__arena_zalloc(call->arena, net->peer_count, sizeof(*e->answers));
        e->order = fcc__arena_zalloc(call->arena, net->peer_count, sizeof(*e->order));
        e->details = fcc__arena_zalloc(call->arena, net->peer_count, sizeof(*e->details));
    }
    if (!e || !e->parts || !e->answers || !e->order || !e->details) {
        devnet_refuse(call, RPC_RESOURCE_EXHAUSTED, NULL, 0, "out of memory");
        return;
    }
    problem = devnet_request_read(request->proposed_transaction, call->arena, &e->request);
    if (problem) {
        devnet_refuse(call, RPC_INVALID_ARGUMENT, NULL, 0, "%s", problem);
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
        ask(call, set, e->planning ? guess(call, set) : set);
}
