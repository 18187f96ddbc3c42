/*
 * call.c: one call from the client's side: the signed proposal, the peers that are asked, the transaction made of their
 * endorsements, and the block that it comes into.
 */
#include "testing/internal.h"

#include "base/hash.h"
#include "peer/assemble.h"
#include "protos/unpack.h"

#include "common/common.pb-c.h"
#include "ledger/rwset/kvrwset/kv_rwset.pb-c.h"
#include "ledger/rwset/rwset.pb-c.h"
#include "peer/chaincode.pb-c.h"
#include "peer/chaincode_event.pb-c.h"
#include "peer/proposal.pb-c.h"

#include <stdarg.h>

enum { MAX_ARGS = 64, STATUS_ERROR = 500 };

/* What one organisation's peer has said. */
typedef struct part {
    bool asked, answered;
    peer_outcome outcome;
} part;

typedef struct call {
    fcc_test *t;
    const testing_chaincode *chaincode;
    peer_proposal proposal;
    part parts[TESTING_MAX_ORGS];
} call;

/* ---- the proposal -------------------------------------------------------------------------------------------------- */

static fcc_bytes pack(fcc_test *t, const void *message)
{
    fcc_bytes out;

    testing_must(fcc__pack(message, t->arena, &out), NULL, "a message");
    return out;
}

static fcc_bytes pack_payload(fcc_test *t, const char *chaincode, const fcc_bytes *args, size_t count)
{
    Protos__ChaincodeID id = PROTOS__CHAINCODE_ID__INIT;
    Protos__ChaincodeInput input = PROTOS__CHAINCODE_INPUT__INIT;
    Protos__ChaincodeSpec spec = PROTOS__CHAINCODE_SPEC__INIT;
    Protos__ChaincodeInvocationSpec invocation = PROTOS__CHAINCODE_INVOCATION_SPEC__INIT;
    Protos__ChaincodeProposalPayload payload = PROTOS__CHAINCODE_PROPOSAL_PAYLOAD__INIT;
    size_t entries = 0;

    for (const testing_entry *e = t->transient; e; e = e->next)
        entries++;
    input.args = testing_memory(fcc__arena_zalloc(t->arena, count + 1, sizeof(*input.args)));
    payload.transientmap = testing_memory(fcc__arena_zalloc(t->arena, entries + 1, sizeof(*payload.transientmap)));
    for (size_t i = 0; i < count; i++)
        input.args[i] = fcc__pb(args[i]);
    input.n_args = count;
    for (; t->transient; t->transient = t->transient->next) {
        Protos__BytesEntry *e = testing_memory(fcc__arena_alloc(t->arena, sizeof(*e)));

        protos__bytes_entry__init(e);
        e->key = fcc__pb(t->transient->name);
        e->value = fcc__pb(t->transient->value);
        payload.transientmap[payload.n_transientmap++] = e;
    }
    id.name = fcc__pb(fcc_str(chaincode));
    spec.type = PROTOS__CHAINCODE_SPEC__TYPE__GOLANG;
    spec.chaincode_id = &id;
    spec.input = &input;
    invocation.chaincode_spec = &spec;
    payload.input = fcc__pb(pack(t, &invocation));
    return pack(t, &payload);
}

static fcc_bytes pack_header(fcc_test *t, const char *chaincode)
{
    Protos__ChaincodeID id = PROTOS__CHAINCODE_ID__INIT;
    Protos__ChaincodeHeaderExtension extension = PROTOS__CHAINCODE_HEADER_EXTENSION__INIT;
    Google__Protobuf__Timestamp at = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    Common__ChannelHeader channel = COMMON__CHANNEL_HEADER__INIT;
    Common__SignatureHeader signature = COMMON__SIGNATURE_HEADER__INIT;
    Common__Header header = COMMON__HEADER__INIT;
    fcc_bytes parts[2];
    fcc__sha256 digest;

    /* a count is nonce enough: nobody else proposes on this channel */
    parts[0] = fcc_str(testing_memory(fcc__arena_printf(t->arena, "%024llu", (unsigned long long)++t->nonce)));
    parts[1] = msp_signer_identity(t->caller);
    digest = fcc__sha256_of_many(parts, 2);
    id.name = fcc__pb(fcc_str(chaincode));
    extension.chaincode_id = &id;
    at.seconds = t->now;
    channel.type = COMMON__HEADER_TYPE__ENDORSER_TRANSACTION;
    channel.timestamp = &at;
    channel.channel_id = fcc__pb(fcc_str(msp_channel_id(ledger_channel(t->ledger))));
    channel.tx_id = fcc__pb(fcc__hex(t->arena, fcc__sha256_bytes(&digest)));
    channel.extension = fcc__pb(pack(t, &extension));
    signature.nonce = fcc__pb(parts[0]);
    signature.creator = fcc__pb(parts[1]);
    header.channel_header = fcc__pb(pack(t, &channel));
    header.signature_header = fcc__pb(pack(t, &signature));
    return pack(t, &header);
}

/* As the caller. Who checks it is in this process, and has to look only whether this is what was signed. */
static fcc_bytes sign(fcc_test *t, fcc_bytes bytes)
{
    fcc_bytes signature;

    testing_must(
        msp_sign_known(t->caller, msp_channel_manager(ledger_channel(t->ledger)), &bytes, 1, t->arena, &signature),
        NULL, "signing");
    return signature;
}

static void propose(call *c, const fcc_bytes *args, size_t count)
{
    fcc_test *t = c->t;
    Protos__Proposal proposal = PROTOS__PROPOSAL__INIT;
    Protos__SignedProposal signed_proposal = PROTOS__SIGNED_PROPOSAL__INIT;
    fcc_error error = { FCC_OK, "" };
    fcc_bytes bytes, signature;

    proposal.header = fcc__pb(pack_header(t, c->chaincode->name));
    proposal.payload = fcc__pb(pack_payload(t, c->chaincode->name, args, count));
    bytes = pack(t, &proposal);
    signature = sign(t, bytes);
    signed_proposal.proposal_bytes = fcc__pb(bytes);
    signed_proposal.signature = fcc__pb(signature);
    testing_must(peer_proposal_unpack(&signed_proposal, t->arena, &c->proposal, &error), &error, "a proposal");
}

/* ---- asking peers -------------------------------------------------------------------------------------------------- */

static void answered(void *ctx, const peer_outcome *outcome)
{
    part *p = ctx;

    p->outcome = *outcome;
    p->answered = true;
}

static bool endorsed(const part *p)
{
    return p->answered && p->outcome.verdict == PEER_ANSWERED && p->outcome.response.endorsement;
}

/* Once each. The first one's stub calls are traced. */
static const part *ask(call *c, size_t org)
{
    part *p = &c->parts[org];
    peer_host *peer;

    if (p->asked)
        return p;
    peer = testing_peer(c->t, org);
    p->asked = true;
    if (c->t->traced == SIZE_MAX)
        c->t->traced = org;
    peer_endorse(peer, &c->proposal, c->t->arena, answered, p);
    testing_pump(c->t);
    if (!p->answered)
        testing_die("chaincode %s has stopped without an answer", c->chaincode->name);
    return p;
}

/* The caller's own peer if it runs the chaincode, else the first that does. */
static size_t usual_peer(const call *c)
{
    size_t own = testing_org(c->t, msp_signer_mspid(c->t->caller));

    if (c->chaincode->orgs & 1u << own)
        return own;
    if (!c->chaincode->orgs)
        testing_die("no organisation runs chaincode %s", c->chaincode->name);
    return (size_t)__builtin_ctz(c->chaincode->orgs);
}

static bool satisfies(const call *c, unsigned set, const ledger_results *results)
{
    const char *const *names = testing_org_names(c->t->consortium);
    const char *chosen[TESTING_MAX_ORGS];
    size_t n = 0;

    for (size_t i = 0; i < TESTING_MAX_ORGS; i++)
        if (set & 1u << i)
            chosen[n++] = names[i];
    return msp_channel_satisfied_by_orgs(ledger_channel(c->t->ledger), results->policies, results->policy_count, chosen,
                                         n);
}

/* Ask all of them: the first that doesn't endorse, or NULL. */
static const part *ask_all(call *c, unsigned set)
{
    const part *refusal = NULL;

    for (size_t i = 0; i < TESTING_MAX_ORGS; i++)
        if (set & 1u << i && !endorsed(ask(c, i)) && !refusal)
            refusal = &c->parts[i];
    return refusal;
}

/*
 * Get as many endorsements as the policies want, in the smallest set of organisations that gives them. 0, and whose
 * answer stands in the way; NULL where no set would do.
 */
static unsigned collect(call *c, const part **refusal)
{
    size_t first = c->t->at ? (size_t)__builtin_ctz(c->t->at) : usual_peer(c);
    unsigned count = (unsigned)testing_org_count(c->t->consortium);
    const part *p;

    *refusal = NULL;
    if (c->t->at)
        return (*refusal = ask_all(c, c->t->at)) ? 0 : c->t->at;
    p = ask(c, first);
    if (!endorsed(p)) {
        *refusal = p;
        return 0;
    }
    for (unsigned size = 1; size <= count; size++)
        for (unsigned set = 1; set < 1u << count; set++) {
            if (!(set & 1u << first) || (set & ~c->chaincode->orgs) || (unsigned)__builtin_popcount(set) != size ||
                !satisfies(c, set, &p->outcome.results))
                continue;
            *refusal = ask_all(c, set);
            if (!*refusal)
                return set;
        }
    return 0;
}

/* ---- results ------------------------------------------------------------------------------------------------------- */

static fcc_test_result empty_result(fcc_test *t, const call *c)
{
    fcc_test_result r = { .code = FCC_TEST_NONE };

    r.message = r.payload = r.event = r.event_payload = r.code_name = r.why = "";
    r.tx_id = testing_text(t, c->proposal.txid);
    r.trace = testing_text(t, fcc__buf_bytes(&t->trace));
    return r;
}

static fcc_test_result refused(const call *c, const char *text)
{
    fcc_test_result r = empty_result(c->t, c);

    r.status = STATUS_ERROR;
    r.message = text;
    return r;
}

static void fill_event(fcc_test *t, fcc_bytes payload, fcc_test_result *r)
{
    Protos__ProposalResponsePayload *response;
    Protos__ChaincodeAction *action;
    Protos__ChaincodeEvent *event;

    if (!payload.len || FCC__UNPACK(protos__proposal_response_payload, payload, t->arena, &response) != FCC_OK ||
        FCC__UNPACK(protos__chaincode_action, fcc__of_pb(response->extension), t->arena, &action) != FCC_OK ||
        !action->events.len ||
        FCC__UNPACK(protos__chaincode_event, fcc__of_pb(action->events), t->arena, &event) != FCC_OK)
        return;
    r->event = testing_text(t, fcc__of_pb(event->event_name));
    r->event_payload = testing_text(t, fcc__of_pb(event->payload));
    r->event_payload_len = event->payload.len;
}

static fcc_test_result result_of(const call *c, const part *p)
{
    const Protos__Response *response = p->outcome.response.response;
    fcc_test *t = c->t;
    fcc_test_result r;

    if (p->outcome.verdict == PEER_REFUSED)
        return refused(c, p->outcome.refusal);
    r = empty_result(t, c);
    r.status = response->status;
    r.message = testing_text(t, fcc__of_pb(response->message));
    r.payload = testing_text(t, fcc__of_pb(response->payload));
    r.payload_len = response->payload.len;
    fill_event(t, fcc__of_pb(p->outcome.response.payload), &r);
    return r;
}

/* ---- the transaction ----------------------------------------------------------------------------------------------- */

/* The envelope, and the private data into the transient store; false with the reason where endorsements differ. */
static bool assemble(call *c, unsigned set, testing_tx *tx, const char **problem)
{
    const char *const *names = testing_org_names(c->t->consortium);
    peer_endorsed list[TESTING_MAX_ORGS];
    fcc_test *t = c->t;
    Common__Envelope envelope = COMMON__ENVELOPE__INIT;
    fcc_error error = { FCC_OK, "" };
    fcc_bytes payload, signature;
    size_t n = 0;

    tx->endorsers = "";
    for (size_t i = 0; i < TESTING_MAX_ORGS; i++) {
        const Protos__ProposalResponse *response = &c->parts[i].outcome.response;

        if (!(set & 1u << i))
            continue;
        list[n++] = (peer_endorsed){ .mspid = names[i],
                                     .payload = fcc__of_pb(response->payload),
                                     .endorser = fcc__of_pb(response->endorsement->endorser),
                                     .signature = fcc__of_pb(response->endorsement->signature),
                                     .private_rwset = c->parts[i].outcome.results.private_rwset };
        tx->endorsers = testing_memory(
            fcc__arena_printf(t->arena, "%s%s%s", tx->endorsers, *tx->endorsers ? ", " : "", names[i]));
        tx->rwset = c->parts[i].outcome.results.rwset;
    }
    if (peer_assemble(&c->proposal, list, n, t->arena, &payload, &error) != FCC_OK) {
        *problem = testing_text(t, fcc_str(error.text));
        return false;
    }
    for (size_t i = 0; i < TESTING_MAX_ORGS; i++) {
        fcc_bytes private = c->parts[i].outcome.results.private_rwset;

        if (set & 1u << i && private.len)
            testing_must(ledger_transient_put(t->ledger, c->proposal.txid, private), NULL, "keeping private data");
    }
    signature = sign(t, payload);
    envelope.payload = fcc__pb(payload);
    envelope.signature = fcc__pb(signature);
    tx->envelope = pack(t, &envelope);
    return true;
}

/* A testing_tx, or NULL with *result saying why there is none. */
static testing_tx *endorse(call *c, fcc_test_result *result)
{
    fcc_test *t = c->t;
    testing_tx *tx = testing_memory(fcc__arena_zalloc(t->arena, 1, sizeof(*tx)));
    fcc_bytes function = peer_proposal_function(&c->proposal);
    const char *problem;
    const part *refusal;
    unsigned set = collect(c, &refusal);

    if (!set) {
        *result = refusal
                      ? result_of(c, refusal)
                      : refused(c, testing_memory(fcc__arena_printf(
                                       t->arena,
                                       "no organisations that run chaincode %s satisfy the policies of what " FCC_FMT
                                       " touches",
                                       c->chaincode->name, FCC_ARG(function))));
        return NULL;
    }
    *result = result_of(c, &c->parts[__builtin_ctz(set)]);
    if (!assemble(c, set, tx, &problem)) {
        *result = refused(c, problem);
        return NULL;
    }
    tx->result = *result;
    tx->function = testing_text(t, function);
    tx->caller = t->caller;
    return tx;
}

/* ---- the block ----------------------------------------------------------------------------------------------------- */

static void note_public(fcc_test *t, const testing_tx *tx)
{
    Rwset__TxReadWriteSet *set;
    Kvrwset__KVRWSet *one;

    testing_must(FCC__UNPACK(rwset__tx_read_write_set, tx->rwset, t->arena, &set), NULL, "a read-write set");
    for (size_t i = 0; i < set->n_ns_rwset; i++) {
        testing_must(FCC__UNPACK(kvrwset__kvrwset, fcc__of_pb(set->ns_rwset[i]->rwset), t->arena, &one), NULL,
                     "a read-write set");
        for (size_t k = 0; k < one->n_writes; k++) {
            fcc__buf_add(&t->public_writes, fcc__of_pb(one->writes[k]->key));
            fcc__buf_putc(&t->public_writes, 0);
            fcc__buf_add(&t->public_writes, fcc__of_pb(one->writes[k]->value));
            fcc__buf_putc(&t->public_writes, 0);
        }
    }
    testing_must(t->public_writes.status, NULL, "public state");
}

static void commit(fcc_test *t, testing_tx *list, size_t count)
{
    fcc_bytes *envelopes = testing_memory(fcc__arena_zalloc(t->arena, count, sizeof(*envelopes))), block;
    fcc_error error = { FCC_OK, "" };
    ledger_committed done;
    testing_tx *tx, *next;
    size_t i = 0;

    for (tx = list; tx; tx = tx->next)
        envelopes[i++] = tx->envelope;
    testing_must(ledger_next_block(t->ledger, envelopes, count, testing_orderer(t->consortium), t->arena, &block), NULL,
                 "ordering a block");
    testing_must(ledger_commit(t->ledger, block, t->arena, &done, &error), &error, "committing a block");
    for (i = 0, tx = list; tx; tx = next, i++) {
        next = tx->next;
        tx->block = done.number;
        tx->index = i;
        tx->result.code = done.codes[i];
        tx->result.code_name = ledger_code_name(done.codes[i]);
        tx->next = t->committed;
        t->committed = tx;
        if (tx->result.code == FCC_TEST_VALID)
            note_public(t, tx);
        else
            tx->result.why = testing_why(t, tx, &done);
    }
}

fcc_test_block fcc_test_commit(fcc_test *t)
{
    fcc_test_block block = { 0, NULL, 0 };
    testing_tx *list = t->waiting, *last = NULL;
    fcc_test_result *results;
    size_t count = 0;

    for (const testing_tx *tx = list; tx; tx = tx->next)
        count++;
    t->waiting = NULL;
    t->waiting_end = &t->waiting;
    if (!count)
        return block;
    block.number = ledger_height(t->ledger);
    commit(t, list, count);
    results = testing_memory(fcc__arena_zalloc(t->arena, count, sizeof(*results)));
    last = t->committed; /* they are the newest, the last one first */
    for (size_t i = count; i-- > 0; last = last->next)
        results[i] = last->result;
    block.tx = results;
    block.count = count;
    return block;
}

/* ---- the three kinds of call --------------------------------------------------------------------------------------- */

fcc_test_result fcc_test_call(fcc_test *t, fcc_test_how how, const char *chaincode, const fcc_bytes *args, size_t count)
{
    call c = { .t = t, .chaincode = testing_find_chaincode(t, fcc_str(chaincode)) };
    fcc_test_result result;
    testing_tx *tx;

    if (!c.chaincode)
        testing_die("chaincode %s is not installed", chaincode);
    fcc__buf_reset(&t->trace);
    t->traced = SIZE_MAX;
    propose(&c, args, count);
    if (how == FCC_TEST_EVALUATE) {
        result = result_of(&c, ask(&c, t->at ? (size_t)__builtin_ctz(t->at) : usual_peer(&c)));
    } else if ((tx = endorse(&c, &result)) != NULL) {
        if (how == FCC_TEST_ENDORSE) {
            *t->waiting_end = tx;
            t->waiting_end = &tx->next;
        } else {
            commit(t, tx, 1);
            result = tx->result;
        }
    }
    t->at = 0;
    return result;
}

static fcc_test_result call_with(fcc_test *t, fcc_test_how how, const char *chaincode, const char *function, va_list ap)
{
    fcc_bytes args[MAX_ARGS];
    size_t n = 0;

    for (const char *arg = function; arg; arg = va_arg(ap, const char *)) {
        if (n == MAX_ARGS)
            testing_die("%s: more than %d arguments; fcc_test_call takes any number", function, MAX_ARGS);
        args[n++] = fcc_str(arg);
    }
    return fcc_test_call(t, how, chaincode, args, n);
}

fcc_test_result fcc_test_evaluate(fcc_test *t, const char *chaincode, const char *function, ...)
{
    fcc_test_result result;
    va_list ap;

    va_start(ap, function);
    result = call_with(t, FCC_TEST_EVALUATE, chaincode, function, ap);
    va_end(ap);
    return result;
}

fcc_test_result fcc_test_submit(fcc_test *t, const char *chaincode, const char *function, ...)
{
    fcc_test_result result;
    va_list ap;

    va_start(ap, function);
    result = call_with(t, FCC_TEST_SUBMIT, chaincode, function, ap);
    va_end(ap);
    return result;
}

fcc_test_result fcc_test_endorse(fcc_test *t, const char *chaincode, const char *function, ...)
{
    fcc_test_result result;
    va_list ap;

    va_start(ap, function);
    result = call_with(t, FCC_TEST_ENDORSE, chaincode, function, ap);
    va_end(ap);
    return result;
}
