/*
 * What is read where it lies is what the reader of all other messages finds in it: peers' messages with everything in
 * them, pages of ranges, and both damaged in many ways.
 */
#include "peer.h"

#include "core/stub.h"

#include "ledger/queryresult/kv_query_result.pb-c.h"
#include "peer/chaincode_event.pb-c.h"

enum { DAMAGES = 20000 };

/* ---- damage ---- */

/* The same numbers in every run. */
static uint32_t next(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* `out` has room for twice as much as comes in. */
static fcc_bytes damage(uint8_t *out, fcc_bytes in, uint32_t *seed)
{
    size_t at = next(seed) % in.len;

    memcpy(out, in.data, in.len);
    switch (next(seed) % 5) {
    case 0:
        out[at] = (uint8_t)(out[at] ^ 1u << next(seed) % 8);
        break;
    case 1:
        return fcc_bytes_of(out, at);
    case 2: /* a piece once more, so that fields repeat and messages are merged */
        memcpy(out + in.len, in.data + at, in.len - at);
        return fcc_bytes_of(out, in.len + (in.len - at));
    case 3:
        memmove(out + at, out + at + 1, in.len - at - 1);
        return fcc_bytes_of(out, in.len - 1);
    default:
        out[at] = (uint8_t)next(seed);
        break;
    }
    return fcc_bytes_of(out, in.len);
}

/* ---- messages ---- */

static fcc_bytes pack(fcc__arena *arena, const void *message)
{
    fcc_bytes wire;

    assert_int_equal(fcc__pack(message, arena, &wire), FCC_OK);
    return wire;
}

static fcc_bytes proposal_of(fcc__arena *arena, Protos__BytesEntry **transient, size_t count)
{
    Protos__Proposal proposal = PROTOS__PROPOSAL__INIT;
    Common__Header header = COMMON__HEADER__INIT;
    Common__ChannelHeader channel = COMMON__CHANNEL_HEADER__INIT;
    Common__SignatureHeader signature = COMMON__SIGNATURE_HEADER__INIT;
    Protos__ChaincodeProposalPayload payload = PROTOS__CHAINCODE_PROPOSAL_PAYLOAD__INIT;
    Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT;

    time.seconds = -5;
    time.nanos = 7;
    channel.type = COMMON__HEADER_TYPE__ENDORSER_TRANSACTION;
    channel.version = 1;
    channel.timestamp = &time;
    channel.channel_id = fcc__pb(FCC_LIT("channel"));
    channel.tx_id = fcc__pb(FCC_LIT("tx"));
    channel.epoch = 300;
    channel.extension = fcc__pb(FCC_LIT("extension"));
    channel.tls_cert_hash = fcc__pb(FCC_LIT("hash"));
    signature.creator = fcc__pb(FCC_LIT("creator"));
    signature.nonce = fcc__pb(FCC_LIT("nonce"));
    header.channel_header = fcc__pb(pack(arena, &channel));
    header.signature_header = fcc__pb(pack(arena, &signature));
    payload.input = fcc__pb(FCC_LIT("input"));
    payload.transientmap = transient;
    payload.n_transientmap = count;
    proposal.header = fcc__pb(pack(arena, &header));
    proposal.payload = fcc__pb(pack(arena, &payload));
    proposal.extension = fcc__pb(FCC_LIT("x"));
    return pack(arena, &proposal);
}

/* A TRANSACTION with every field that there is. */
static fcc_bytes transaction(fcc__arena *arena)
{
    Protos__ChaincodeMessage m = PROTOS__CHAINCODE_MESSAGE__INIT;
    Protos__SignedProposal signed_proposal = PROTOS__SIGNED_PROPOSAL__INIT;
    Protos__ChaincodeEvent event = PROTOS__CHAINCODE_EVENT__INIT;
    Protos__ChaincodeInput input = PROTOS__CHAINCODE_INPUT__INIT;
    Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    ProtobufCBinaryData args[] = { fcc__pb(FCC_LIT("f")), fcc__pb(NONE), fcc__pb(FCC_LIT("\xff")) };
    Protos__BytesEntry entries[3];
    Protos__BytesEntry *list[3];

    for (unsigned i = 0; i < 3; i++) {
        protos__bytes_entry__init(&entries[i]);
        entries[i].key = fcc__pb(fcc_bytes_of(&"bab"[i], 1));
        entries[i].value = fcc__pb(fcc_bytes_of(&"123"[i], 1));
        list[i] = &entries[i];
    }
    time.seconds = 1700000000;
    input.args = args;
    input.n_args = 3;
    input.decorations = list;
    input.n_decorations = 3;
    input.is_init = true;
    event.chaincode_id = fcc__pb(FCC_LIT("cc"));
    event.tx_id = fcc__pb(FCC_LIT("tx"));
    event.event_name = fcc__pb(FCC_LIT("e"));
    event.payload = fcc__pb(FCC_LIT("\xff"));
    signed_proposal.proposal_bytes = fcc__pb(proposal_of(arena, list, 3));
    signed_proposal.signature = fcc__pb(FCC_LIT("signature"));
    m.type = TYPE(TRANSACTION);
    m.timestamp = &time;
    m.payload = fcc__pb(pack(arena, &input));
    m.txid = fcc__pb(FCC_LIT("tx"));
    m.channel_id = fcc__pb(FCC_LIT("channel"));
    m.proposal = &signed_proposal;
    m.chaincode_event = &event;
    return pack(arena, &m);
}

static void assert_map(const fcc__entries *found, Protos__BytesEntry *const *wire, size_t n)
{
    for (size_t i = 1; i < found->n; i++)
        assert_true(fcc_bytes_compare(found->v[i - 1].name, found->v[i].name) < 0);
    for (size_t i = 0; i < n; i++) {
        const Protos__BytesEntry *last = wire[i];
        size_t at = 0;

        for (size_t j = i; j < n; j++)
            if (fcc_bytes_equal(fcc__of_pb(wire[j]->key), fcc__of_pb(last->key)))
                last = wire[j];
        while (at < found->n && !fcc_bytes_equal(found->v[at].name, fcc__of_pb(last->key)))
            at++;
        assert_true(at < found->n);
        assert_bytes(found->v[at].value, fcc__of_pb(last->value));
    }
}

static void compare_input(fcc_stub *stub, fcc__arena *arena, bool *readable)
{
    Protos__ChaincodeInput *input;

    *readable = FCC__UNPACK(protos__chaincode_input, stub->message.payload, arena, &input) == FCC_OK;
    assert_int_equal(fcc__read_input(stub) == FCC_OK, *readable);
    if (!*readable) {
        assert_text(fcc_error_text(stub), "failed to unmarshal input: proto: cannot parse invalid wire-format data");
        return;
    }
    assert_int_equal(stub->args.n, input->n_args);
    for (size_t i = 0; i < input->n_args; i++)
        assert_bytes(stub->args.v[i], fcc__of_pb(input->args[i]));
    assert_map(&stub->decorations, input->decorations, input->n_decorations);
}

struct expected {
    const char *failure; /* how its text goes on behind "failed to create new ChaincodeStub: "; NULL: none */
    Common__ChannelHeader *channel;
    Common__SignatureHeader *signature;
    Protos__ChaincodeProposalPayload *payload;
};

static struct expected unpack_proposal(fcc__arena *arena, fcc_bytes wire)
{
    struct expected e = { 0 };
    Protos__Proposal *proposal;
    Common__Header *header;

    if (FCC__UNPACK(protos__proposal, wire, arena, &proposal) != FCC_OK)
        e.failure = "failed to extract Proposal from SignedProposal: ";
    else if (proposal->header.len == 0)
        e.failure = "failed to extract Proposal fields: proposal header is nil";
    else if (FCC__UNPACK(common__header, fcc__of_pb(proposal->header), arena, &header) != FCC_OK)
        e.failure = "failed to extract proposal header: ";
    else if (FCC__UNPACK(common__channel_header, fcc__of_pb(header->channel_header), arena, &e.channel) != FCC_OK)
        e.failure = "failed to extract channel header: ";
    else if (e.channel->type != COMMON__HEADER_TYPE__ENDORSER_TRANSACTION &&
             e.channel->type != COMMON__HEADER_TYPE__CONFIG)
        e.failure = "invalid channel header type. ";
    else if (FCC__UNPACK(common__signature_header, fcc__of_pb(header->signature_header), arena, &e.signature) != FCC_OK)
        e.failure = "failed to extract signature header: ";
    else if (FCC__UNPACK(protos__chaincode_proposal_payload, fcc__of_pb(proposal->payload), arena, &e.payload) !=
             FCC_OK)
        e.failure = "failed to extract proposal payload: ";
    return e;
}

static void compare_proposal(fcc_stub *stub, fcc__arena *arena)
{
    struct expected e = unpack_proposal(arena, stub->message.proposal);
    const struct fcc__proposal *p;

    if (e.failure) {
        char text[256];

        snprintf(text, sizeof(text), "failed to create new ChaincodeStub: %s", e.failure);
        assert_int_equal(fcc__read_proposal(stub), FCC_ERR_PROTO);
        assert_true(fcc_bytes_starts_with(fcc_error_text(stub), fcc_str(text)));
        return;
    }
    assert_int_equal(fcc__read_proposal(stub), FCC_OK);
    p = stub->proposal;
    assert_bytes(p->bytes, stub->message.proposal);
    assert_bytes(p->signature, stub->message.signature);
    assert_bytes(p->nonce, fcc__of_pb(e.signature->nonce));
    assert_bytes(p->creator, fcc__of_pb(e.signature->creator));
    assert_bytes(p->extension, fcc__of_pb(e.channel->extension));
    assert_true(p->epoch == e.channel->epoch);
    assert_int_equal(p->has_timestamp, e.channel->timestamp != NULL);
    if (p->has_timestamp) {
        assert_true(p->seconds == e.channel->timestamp->seconds);
        assert_int_equal(p->nanos, e.channel->timestamp->nanos);
    }
    assert_map(&stub->transient, e.payload->transientmap, e.payload->n_transientmap);
}

/* Whether all of it can be read. */
static bool compare_message(fcc_stub *stub, fcc__arena *arena, fcc_bytes wire)
{
    Protos__ChaincodeMessage *m;
    fcc__message *ours = &stub->message;
    bool readable = FCC__UNPACK(protos__chaincode_message, wire, arena, &m) == FCC_OK;

    assert_int_equal(fcc__message_read(wire, ours), readable);
    if (!readable)
        return false;
    assert_int_equal(ours->type, m->type);
    assert_bytes(ours->payload, fcc__of_pb(m->payload));
    assert_bytes(ours->tx_id, fcc__of_pb(m->txid));
    assert_bytes(ours->channel, fcc__of_pb(m->channel_id));
    assert_int_equal(ours->has_proposal, m->proposal != NULL);
    if (m->proposal) {
        assert_bytes(ours->proposal, fcc__of_pb(m->proposal->proposal_bytes));
        assert_bytes(ours->signature, fcc__of_pb(m->proposal->signature));
    }
    compare_input(stub, arena, &readable);
    if (m->proposal)
        compare_proposal(stub, arena);
    else
        assert_int_equal(fcc__read_proposal(stub), FCC_OK);
    return readable && stub->proposal;
}

static void messages_inputs_and_proposals_are_read_as_by_unpacking_them(void **state)
{
    static uint8_t damaged[8192];
    fcc__session session = { .options = { .memory_bytes = 1u << 20, .max_message_bytes = 1u << 20 } };
    fcc_stub *stub = fcc__stub_new(&session);
    fcc__arena *arena = fcc__arena_new(1u << 20), *kept = fcc__arena_new(1u << 20);
    fcc_bytes wire = transaction(kept);
    uint32_t seed = 1;
    int readable = 0;

    assert_true(wire.len < sizeof(damaged) / 2);
    assert_true(compare_message(stub, arena, wire));
    assert_int_equal(stub->args.n, 3);
    assert_int_equal(stub->transient.n, 2);
    assert_int_equal(stub->decorations.n, 2);
    for (int i = 0; i < DAMAGES; i++) {
        fcc__stub_reset(stub);
        fcc__arena_reset(arena);
        readable += compare_message(stub, arena, damage(damaged, wire, &seed));
    }
    assert_in_range(readable, DAMAGES / 20, DAMAGES - DAMAGES / 20);
    fcc__stub_free(stub);
    fcc__arena_free(arena);
    fcc__arena_free(kept);
}

static void too_many_arguments_or_entries_are_refused(void **state)
{
    enum { MANY = FCC__WIRE_MAX_ELEMENTS + 1 };
    fcc__session session = { .options = { .memory_bytes = 1u << 26, .max_message_bytes = 1u << 20 } };
    fcc_stub *stub = fcc__stub_new(&session);
    uint8_t *wire = calloc(MANY, 2);

    for (size_t i = 0; i < MANY; i++)
        wire[2 * i] = 1 << 3 | 2;
    stub->message.payload = fcc_bytes_of(wire, 2 * (MANY - 1));
    assert_int_equal(fcc__read_input(stub), FCC_OK);
    assert_int_equal(stub->args.n, MANY - 1);
    fcc__stub_reset(stub);
    stub->message.payload = fcc_bytes_of(wire, 2 * MANY);
    assert_int_equal(fcc__read_input(stub), FCC_ERR_LIMIT);
    for (size_t i = 0; i < MANY; i++)
        wire[2 * i] = 2 << 3 | 2;
    assert_int_equal(fcc__read_input(stub), FCC_ERR_LIMIT);
    free(wire);
    fcc__stub_free(stub);
}

/* ---- pages ---- */

static fcc_bytes page(fcc__arena *arena)
{
    Protos__QueryResponse response = PROTOS__QUERY_RESPONSE__INIT;
    Protos__QueryResultBytes elements[4];
    Protos__QueryResultBytes *list[4];
    uint8_t value[200];

    memset(value, 0xfe, sizeof(value));
    for (unsigned i = 0; i < 4; i++) {
        Queryresult__KV kv = QUERYRESULT__KV__INIT;

        protos__query_result_bytes__init(&elements[i]);
        kv.namespace_ = fcc__pb(FCC_LIT("cc"));
        kv.key = fcc__pb(fcc_bytes_of(&"abcd"[i], 1));
        kv.value = fcc__pb(fcc_bytes_of(value, i == 2 ? sizeof(value) : i));
        elements[i].resultbytes = fcc__pb(pack(arena, &kv));
        list[i] = &elements[i];
    }
    response.results = list;
    response.n_results = 4;
    response.id = fcc__pb(FCC_LIT("query"));
    response.metadata = fcc__pb(FCC_LIT("\x08\x04"));
    return pack(arena, &response);
}

static struct {
    size_t count;
    bool opened;
    fcc_status last;
} seen;

/* What a page holds has to be compared while the iterator is open. */
static const Protos__QueryResponse *expected_page;

static fcc_status list_rows(fcc_stub *stub, fcc_args args)
{
    fcc_iter *it;
    fcc_status st = fcc_get_state_by_range(stub, NONE, NONE, &it);

    seen.opened = st == FCC_OK;
    while (st == FCC_OK && seen.count < expected_page->n_results) {
        fcc_kv kv;
        Queryresult__KV *theirs;
        fcc__arena *arena = fcc__arena_new(1u << 20);
        fcc_bytes wire = fcc__of_pb(expected_page->results[seen.count]->resultbytes);
        fcc_status readable = FCC__UNPACK(queryresult__kv, wire, arena, &theirs);

        if (seen.count + 1 == expected_page->n_results && expected_page->has_more) {
            fcc__arena_free(arena);
            break; /* the page behind it would be fetched */
        }
        st = fcc_iter_next(it, &kv);
        assert_int_equal(st, readable);
        if (st == FCC_OK) {
            assert_bytes(kv.ns, fcc__of_pb(theirs->namespace_));
            assert_bytes(kv.key, fcc__of_pb(theirs->key));
            assert_bytes(kv.value, fcc__of_pb(theirs->value));
            seen.count++;
        }
        fcc__arena_free(arena);
    }
    if (st == FCC_OK)
        assert_int_equal(fcc_iter_has_next(it), seen.count < expected_page->n_results || expected_page->has_more);
    return FCC_OK;
}

static const fcc_function functions[] = { { "list", list_rows, FCC_ANY_ARGS } };
static const fcc_chaincode chaincode = { functions, 1, NULL, NULL, NULL };

static void pages_are_read_as_by_unpacking_them(void **state)
{
    static uint8_t damaged[4096];
    fcc__arena *arena = fcc__arena_new(1u << 20), *kept = fcc__arena_new(1u << 20);
    fcc_bytes wire = page(kept);
    uint32_t seed = 2;
    int readable = 0;

    assert_true(wire.len < sizeof(damaged) / 2);
    for (int i = 0; i < DAMAGES / 10; i++) {
        fcc_bytes damaged_page = i ? damage(damaged, wire, &seed) : wire;
        Protos__QueryResponse *response;
        Protos__QueryResponseMetadata *facts;
        bool expected;
        struct peer p;

        fcc__arena_reset(arena);
        expected = FCC__UNPACK(protos__query_response, damaged_page, arena, &response) == FCC_OK &&
                   FCC__UNPACK(protos__query_response_metadata, fcc__of_pb(response->metadata), arena, &facts) ==
                       FCC_OK;
        expected_page = response;
        memset(&seen, 0, sizeof(seen));
        peer_open(&p, &chaincode, (fcc__session_options){ 0 });
        peer_ready(&p, NONE);
        peer_call(&p, "tx", "list");
        peer_take_type(&p, TYPE(GET_STATE_BY_RANGE));
        peer_respond(&p, "tx", damaged_page);
        assert_int_equal(seen.opened, expected);
        peer_completed(&p, "tx");
        peer_close(&p);
        readable += expected;
        if (i == 0)
            assert_int_equal(seen.count, 4);
    }
    assert_in_range(readable, DAMAGES / 200, DAMAGES / 10 - DAMAGES / 200);
    fcc__arena_free(arena);
    fcc__arena_free(kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_inputs_and_proposals_are_read_as_by_unpacking_them),
        cmocka_unit_test(too_many_arguments_or_entries_are_refused),
        cmocka_unit_test(pages_are_read_as_by_unpacking_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
