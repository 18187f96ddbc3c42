/* Stub calls about single keys, answers and failures, and what a proposal tells. */
#include "peer.h"

#include <string.h>

/* One test's handler: tests put what they need into a function each, and the table calls the current one. */
static fcc_handler current;

static fcc_status run_current(fcc_stub *stub, fcc_args args)
{
    return current(stub, args);
}

static fcc_status two(fcc_stub *stub, fcc_args args)
{
    return FCC_OK;
}

static const fcc_function functions[] = { { "run", run_current, FCC_ANY_ARGS }, { "two", two, 2 }, { "one", two, 1 } };
static const fcc_chaincode chaincode = { functions, 3, NULL, NULL, NULL };

static void open_with(struct peer *p, fcc_handler handler, fcc__session_options options)
{
    current = handler;
    peer_open(p, &chaincode, options);
    peer_ready(p, NONE);
}

static void open_ready(struct peer *p, fcc_handler handler)
{
    open_with(p, handler, (fcc__session_options){ 0 });
}

/* ---- large values ---- */

enum { LARGE = FCC__LENT_BYTES + 1000 };

static const uint8_t *put_from;

/* The value is the transaction's own memory, a part of it, or elsewhere. */
static fcc_status put_lent(fcc_stub *stub, fcc_args args)
{
    static uint8_t elsewhere[LARGE];
    uint8_t *own = fcc_alloc(stub, LARGE + 1);
    fcc_status st;

    assert_non_null(own);
    for (size_t i = 0; i < LARGE; i++)
        own[i + 1] = elsewhere[i] = (uint8_t)(i * 7);
    put_from = own + 1;
    st = fcc_put_private_data(stub, FCC_LIT("collection"), FCC_LIT("k"), fcc_bytes_of(own + 1, LARGE));
    if (st == FCC_OK)
        st = fcc_put_state(stub, FCC_LIT("k"), fcc_bytes_of(own, FCC__LENT_BYTES - 1));
    if (st == FCC_OK)
        st = fcc_put_state(stub, FCC_LIT("k"), fcc_bytes_of(elsewhere, LARGE));
    return st;
}

static void assert_large(fcc_bytes value)
{
    assert_int_equal(value.len, LARGE);
    for (size_t i = 0; i < LARGE; i++)
        assert_int_equal(value.data[i], (uint8_t)(i * 7));
}

static void a_large_value_in_the_transactions_memory_is_sent_from_there(void **state)
{
    Protos__PutState *put;
    struct peer p;

    open_ready(&p, put_lent);
    peer_call(&p, "tx1", "run");
    PEER_PAYLOAD(&p, protos__put_state, peer_take_type(&p, TYPE(PUT_STATE)), &put);
    assert_text(fcc__of_pb(put->key), "k");
    assert_text(fcc__of_pb(put->collection), "collection");
    assert_large(fcc__of_pb(put->value));
    assert_int_equal(p.lent_count, 1);
    assert_ptr_equal(p.lent[0].body.data, put_from);
    peer_respond(&p, "tx1", NONE);
    peer_take_type(&p, TYPE(PUT_STATE)); /* too short */
    peer_respond(&p, "tx1", NONE);
    PEER_PAYLOAD(&p, protos__put_state, peer_take_type(&p, TYPE(PUT_STATE)), &put);
    assert_large(fcc__of_pb(put->value));
    peer_respond(&p, "tx1", NONE);
    peer_expect(&p, "tx1", 200, "", "");
    assert_int_equal(p.lent_count, 1);
    peer_call(&p, "tx2", "two", "a", "b"); /* with the first one's stub */
    peer_expect(&p, "tx2", 200, "", "");
    assert_large(p.lent[0].body);
    peer_close(&p);
}

static fcc_status put_what_was_got(fcc_stub *stub, fcc_args args)
{
    fcc_bytes value;
    fcc_status st = fcc_get_state(stub, FCC_LIT("k"), &value);

    return st == FCC_OK ? fcc_put_state(stub, FCC_LIT("k"), value) : st;
}

/* The message that brought the value is the stream's, then the transaction's, then that of the message that takes it. */
static void a_large_value_goes_back_without_a_copy(void **state)
{
    Protos__ChaincodeMessage m = PROTOS__CHAINCODE_MESSAGE__INIT;
    uint8_t *value = calloc(1, LARGE), *memory;
    struct peer p;
    fcc_bytes wire;

    open_ready(&p, put_what_was_got);
    for (size_t i = 0; i < LARGE; i++)
        value[i] = (uint8_t)(i * 7);
    peer_call(&p, "tx1", "run");
    peer_take_type(&p, TYPE(GET_STATE));
    m.type = TYPE(RESPONSE);
    m.txid = fcc__pb(FCC_LIT("tx1"));
    m.channel_id = fcc__pb(FCC_LIT("ch"));
    m.payload = fcc__pb(fcc_bytes_of(value, LARGE));
    wire = peer_pack(&p, &m);
    memory = malloc(wire.len);
    memcpy(memory, wire.data, wire.len);
    fcc__session_receive_own(p.session, memory, fcc_bytes_of(memory, wire.len));
    peer_take_type(&p, TYPE(PUT_STATE));
    assert_int_equal(p.lent_count, 1);
    assert_in_range((uintptr_t)p.lent[0].body.data, (uintptr_t)memory, (uintptr_t)memory + wire.len);
    fcc__session_closed(p.session); /* the transaction ends, the message is still being sent */
    assert_large(p.lent[0].body);
    free(value);
    peer_close(&p);
}

/* ---- choosing the function ---- */

static void an_unknown_function_is_named(void **state)
{
    struct peer p;

    open_ready(&p, two);
    peer_call(&p, "tx1", "nope");
    peer_expect(&p, "tx1", 500, "unknown function nope", "");
    peer_call(&p, "tx2", NULL);
    peer_expect(&p, "tx2", 500, "unknown function ", "");
    peer_close(&p);
}

static fcc_bytes describe(void)
{
    return FCC_LIT("{\"sha256\":\"00\"}");
}

static void the_process_is_described_where_the_chaincode_has_no_function_of_that_name(void **state)
{
    static const fcc_function own[] = { { FCC__PROCESS_FUNCTION, two, FCC_ANY_ARGS } };
    static const fcc_chaincode with_own = { own, 1, NULL, NULL, NULL };
    const fcc__session_options options = { .describe_process = describe };
    struct peer p;

    open_with(&p, two, options);
    peer_call(&p, "tx1", FCC__PROCESS_FUNCTION);
    peer_expect(&p, "tx1", 200, "", "{\"sha256\":\"00\"}");
    peer_close(&p);
    open_ready(&p, two);
    peer_call(&p, "tx1", FCC__PROCESS_FUNCTION);
    peer_expect(&p, "tx1", 500, "unknown function " FCC__PROCESS_FUNCTION, "");
    peer_close(&p);
    peer_open(&p, &with_own, options);
    peer_ready(&p, NONE);
    peer_call(&p, "tx1", FCC__PROCESS_FUNCTION);
    peer_expect(&p, "tx1", 200, "", "");
    peer_close(&p);
}

static void a_wrong_number_of_arguments_is_refused_before_the_handler_runs(void **state)
{
    struct peer p;

    open_ready(&p, two);
    peer_call(&p, "tx1", "two", "a", "b", "c");
    peer_expect(&p, "tx1", 500, "two takes 2 arguments, got 3", "");
    peer_call(&p, "tx2", "one");
    peer_expect(&p, "tx2", 500, "one takes 1 argument, got 0", "");
    peer_call(&p, "tx3", "two", "a", "b");
    peer_expect(&p, "tx3", 200, "", "");
    peer_close(&p);
}

static void a_name_that_is_not_utf8_is_quoted_with_replacement_characters(void **state)
{
    struct peer p;

    open_ready(&p, two);
    peer_call(&p, "tx1",
              "a\xff"
              "b");
    peer_expect(&p, "tx1", 500,
                "unknown function a\xef\xbf\xbd"
                "b",
                "");
    peer_close(&p);
}

static fcc_status deny(fcc_stub *stub, fcc_args args)
{
    return fcc_fail(stub, FCC_ERR_APP, "denied with %zu arguments", args.n);
}

static void before_can_end_the_call_and_refuse_can_answer_it(void **state)
{
    const fcc_chaincode guarded = { functions, 3, NULL, deny, deny };
    struct peer p;

    peer_open(&p, &guarded, (fcc__session_options){ 0 });
    peer_ready(&p, NONE);
    peer_call(&p, "tx1", "two", "a", "b");
    peer_expect(&p, "tx1", 500, "denied with 2 arguments", "");
    peer_call(&p, "tx2", "nope", "a");
    peer_expect(&p, "tx2", 500, "denied with 2 arguments", "");
    peer_close(&p);
}

/* ---- answering ---- */

static fcc_status refuse_404(fcc_stub *stub, fcc_args args)
{
    fcc_status st = fcc_reply_status(stub, 404, FCC_LIT("not here"), FCC_LIT("p"));

    return st == FCC_OK ? FCC_ERR_APP : st;
}

static fcc_status fail_without_reason(fcc_stub *stub, fcc_args args)
{
    fcc_status st = fcc_reply(stub, FCC_LIT("ignored"));

    return st == FCC_OK ? FCC_ERR_APP : st;
}

static fcc_status fail_around_a_reason(fcc_stub *stub, fcc_args args)
{
    char filler[2000];

    memset(filler, 'x', sizeof(filler));
    for (unsigned i = 0; i < 3; i++)
        fcc_fail(stub, FCC_ERR_APP, "%u(" FCC_FMT ")", i, FCC_ARG(fcc_error_text(stub)));
    return fcc_fail(stub, FCC_ERR_APP, FCC_FMT "%.*s", FCC_ARG(fcc_error_text(stub)), args.n ? (int)sizeof(filler) : 0,
                    filler);
}

static fcc_status reply_bad_text(fcc_stub *stub, fcc_args args)
{
    return fcc_reply_status(stub, 200, FCC_LIT("\xc0\x80"), NONE);
}

static void a_status_of_400_or_more_is_kept_and_other_failures_become_500(void **state)
{
    struct peer p;
    Protos__Response *r;

    open_ready(&p, refuse_404);
    peer_call(&p, "tx1", "run");
    peer_expect(&p, "tx1", 404, "not here", "p");
    current = fail_without_reason;
    peer_call(&p, "tx2", "run");
    peer_expect(&p, "tx2", 500, "rejected by the chaincode", "");
    current = fail_around_a_reason;
    peer_call(&p, "tx3", "run");
    peer_expect(&p, "tx3", 500, "2(1(0()))", "");
    peer_call(&p, "tx4", "run", "long");
    r = peer_completed(&p, "tx4");
    assert_int_equal(r->message.len, 9 + 2000);
    current = reply_bad_text;
    peer_call(&p, "tx5", "run");
    peer_expect(&p, "tx5", 500, "the response's message is not valid UTF-8", "");
    peer_close(&p);
}

/* ---- single keys ---- */

static fcc_status get_all_kinds(fcc_stub *stub, fcc_args args)
{
    fcc_bytes a, b, c, d;
    fcc_status st = fcc_get_state(stub, FCC_LIT("a\0b"), &a);

    if (st == FCC_OK)
        st = fcc_get_private_data(stub, FCC_LIT("coll"), FCC_LIT("k"), &b);
    if (st == FCC_OK)
        st = fcc_get_private_data_hash(stub, FCC_LIT("coll"), FCC_LIT("k"), &c);
    if (st == FCC_OK)
        st = fcc_get_state_validation_parameter(stub, FCC_LIT("k"), &d);
    if (st != FCC_OK)
        return st;
    assert_text(a, "one"); /* borrowed until the function returns */
    assert_text(b, "two");
    assert_null(c.data);
    assert_text(d, "policy");
    return FCC_OK;
}

static void reads_send_their_messages_and_keep_their_answers(void **state)
{
    Protos__StateMetadata entry = PROTOS__STATE_METADATA__INIT, *entries[] = { &entry };
    Protos__StateMetadataResult result = PROTOS__STATE_METADATA_RESULT__INIT;
    struct peer p;
    Protos__GetState *get;

    open_ready(&p, get_all_kinds);
    peer_call(&p, "tx1", "run");
    PEER_PAYLOAD(&p, protos__get_state, peer_take_type(&p, TYPE(GET_STATE)), &get);
    assert_bytes(fcc__of_pb(get->key), FCC_LIT("a\0b"));
    assert_int_equal(get->collection.len, 0);
    peer_respond(&p, "tx1", FCC_LIT("one"));
    PEER_PAYLOAD(&p, protos__get_state, peer_take_type(&p, TYPE(GET_STATE)), &get);
    assert_text(fcc__of_pb(get->collection), "coll");
    peer_respond(&p, "tx1", FCC_LIT("two"));
    peer_take_type(&p, TYPE(GET_PRIVATE_DATA_HASH));
    peer_respond(&p, "tx1", NONE);
    peer_take_type(&p, TYPE(GET_STATE_METADATA));
    entry.metakey = fcc__pb(FCC_LIT("VALIDATION_PARAMETER"));
    entry.value = fcc__pb(FCC_LIT("policy"));
    result.entries = entries;
    result.n_entries = 1;
    peer_respond(&p, "tx1", peer_pack(&p, &result));
    peer_expect(&p, "tx1", 200, "", "");
    peer_close(&p);
}

static fcc_status write_all_kinds(fcc_stub *stub, fcc_args args)
{
    fcc_status st = fcc_put_state(stub, FCC_LIT("k"), FCC_LIT("v"));

    if (st == FCC_OK)
        st = fcc_del_state(stub, FCC_LIT("k"));
    if (st == FCC_OK)
        st = fcc_put_private_data(stub, FCC_LIT("coll"), FCC_LIT("k"), FCC_LIT("v"));
    if (st == FCC_OK)
        st = fcc_purge_private_data(stub, FCC_LIT("coll"), FCC_LIT("k"));
    if (st == FCC_OK)
        st = fcc_set_state_validation_parameter(stub, FCC_LIT("k"), FCC_LIT("policy"));
    if (st == FCC_OK)
        st = fcc_set_event(stub, FCC_LIT("first"), NONE);
    if (st == FCC_OK)
        st = fcc_set_event(stub, FCC_LIT("last"), FCC_LIT("payload"));
    return st;
}

static void writes_are_sent_at_once_without_a_batch(void **state)
{
    struct peer p;
    Protos__PutState *put;
    Protos__DelState *del;
    Protos__PutStateMetadata *policy;

    open_ready(&p, write_all_kinds);
    peer_call(&p, "tx1", "run");
    PEER_PAYLOAD(&p, protos__put_state, peer_take_type(&p, TYPE(PUT_STATE)), &put);
    assert_text(fcc__of_pb(put->key), "k");
    assert_text(fcc__of_pb(put->value), "v");
    peer_respond(&p, "tx1", NONE);
    peer_take_type(&p, TYPE(DEL_STATE));
    peer_respond(&p, "tx1", NONE);
    PEER_PAYLOAD(&p, protos__put_state, peer_take_type(&p, TYPE(PUT_STATE)), &put);
    assert_text(fcc__of_pb(put->collection), "coll");
    peer_respond(&p, "tx1", NONE);
    PEER_PAYLOAD(&p, protos__del_state, peer_take_type(&p, TYPE(PURGE_PRIVATE_DATA)), &del);
    assert_text(fcc__of_pb(del->collection), "coll");
    peer_respond(&p, "tx1", NONE);
    PEER_PAYLOAD(&p, protos__put_state_metadata, peer_take_type(&p, TYPE(PUT_STATE_METADATA)), &policy);
    assert_text(fcc__of_pb(policy->metadata->metakey), "VALIDATION_PARAMETER");
    assert_text(fcc__of_pb(policy->metadata->value), "policy");
    peer_respond(&p, "tx1", NONE);
    assert_text(fcc__of_pb(p.sent[p.taken]->chaincode_event->event_name), "last");
    assert_text(fcc__of_pb(p.sent[p.taken]->chaincode_event->payload), "payload");
    peer_expect(&p, "tx1", 200, "", "");
    peer_close(&p);
}

static fcc_status put_argument(fcc_stub *stub, fcc_args args)
{
    return fcc_put_state(stub, FCC_LIT("k"), args.v[0]);
}

static void a_peers_refusal_is_handed_on_word_for_word(void **state)
{
    const char *words = "PUT_STATE failed: transaction ID: tx1: no ledger context";
    struct peer p;

    open_ready(&p, put_argument);
    peer_call(&p, "tx1", "run", "v");
    peer_take_type(&p, TYPE(PUT_STATE));
    peer_refuse(&p, "tx1", words);
    peer_expect(&p, "tx1", 500, words, "");
    peer_close(&p);
}

/* Each bad call fails with FCC_ERR_ARG and its text, and nothing is sent. */
static fcc_status bad_arguments(fcc_stub *stub, fcc_args args)
{
    const fcc_bytes bad = FCC_LIT("\xed\xa0\x80"), k = FCC_LIT("k"), c = FCC_LIT("c");
    fcc_response response;
    fcc_bytes out;
    fcc_iter *it;

#define REFUSED(call, text)                                                       \
    do {                                                                          \
        assert_int_equal(call, FCC_ERR_ARG);                                      \
        assert_bytes(fcc_error_text(stub), fcc_bytes_of(text, sizeof(text) - 1)); \
    } while (0)

    REFUSED(fcc_put_state(stub, NONE, k), "key must not be an empty string");
    REFUSED(fcc_put_private_data(stub, c, NONE, k), "key must not be an empty string");
    REFUSED(fcc_put_private_data(stub, NONE, k, k), "collection must not be an empty string");
    REFUSED(fcc_get_private_data(stub, NONE, k, &out), "collection must not be an empty string");
    REFUSED(fcc_get_private_data_hash(stub, NONE, k, &out), "collection must not be an empty string");
    REFUSED(fcc_del_private_data(stub, NONE, k), "collection must not be an empty string");
    REFUSED(fcc_purge_private_data(stub, NONE, k), "collection must not be an empty string");
    REFUSED(fcc_get_private_data_by_range(stub, NONE, k, k, &it), "collection must not be an empty string");
    REFUSED(fcc_get_state(stub, bad, &out), "key is not valid UTF-8");
    REFUSED(fcc_put_state(stub, bad, k), "key is not valid UTF-8");
    REFUSED(fcc_del_state(stub, bad), "key is not valid UTF-8");
    REFUSED(fcc_get_private_data(stub, bad, k, &out), "collection is not valid UTF-8");
    REFUSED(fcc_get_history_for_key(stub, bad, &it), "key is not valid UTF-8");
    REFUSED(fcc_get_query_result(stub, bad, &it), "query is not valid UTF-8");
    REFUSED(fcc_get_state_by_range(stub, k, bad, &it), "end key is not valid UTF-8");
    REFUSED(fcc_get_state_by_range(stub, FCC_LIT("\0k"), k, &it),
            "first character of the key [\0k] contains a null character which is not allowed");
    REFUSED(fcc_set_event(stub, NONE, k), "event name can not be empty string");
    REFUSED(fcc_set_event(stub, bad, k), "event name is not valid UTF-8");
    REFUSED(fcc_invoke_chaincode(stub, bad, NULL, 0, NONE, &response), "chaincode name is not valid UTF-8");
    REFUSED(fcc_tx_timestamp(stub, &(int64_t){ 0 }, &(int32_t){ 0 }), "the proposal has no timestamp");
#undef REFUSED
    return FCC_OK;
}

static void bad_arguments_are_refused_here_and_not_by_the_peer(void **state)
{
    struct peer p;

    open_ready(&p, bad_arguments);
    peer_call(&p, "tx1", "run");
    peer_expect(&p, "tx1", 200, "", "");
    peer_close(&p);
}

/* ---- limits ---- */

static fcc_status put_large(fcc_stub *stub, fcc_args args)
{
    size_t len = 5000;
    uint8_t *value = fcc_alloc(stub, len);

    memset(value, 7, len);
    return fcc_put_state(stub, FCC_LIT("k"), fcc_bytes_of(value, len));
}

static fcc_status reply_large(fcc_stub *stub, fcc_args args)
{
    static uint8_t value[5000];

    return fcc_reply(stub, fcc_bytes_of(value, sizeof(value)));
}

static void a_message_above_the_limit_is_not_sent_and_ends_only_its_transaction(void **state)
{
    struct peer p;
    Protos__ChaincodeMessage *m;
    Protos__Response *r;

    open_with(&p, put_large, (fcc__session_options){ .max_message_bytes = 4096 });
    peer_call(&p, "tx1", "run");
    r = peer_completed(&p, "tx1");
    assert_int_equal(r->status, 500);
    assert_text(fcc__of_pb(r->message), "[tx1] error sending PUT_STATE: rpc error: code = ResourceExhausted desc = "
                                        "trying to send message larger than max (5020 vs. 4096)");
    current = reply_large;
    peer_call(&p, "tx2", "run");
    m = peer_take_type(&p, TYPE(ERROR));
    assert_text(fcc__of_pb(m->payload), "the response is longer than a message may be");
    current = two;
    peer_call(&p, "tx3", "run");
    peer_expect(&p, "tx3", 200, "", "");
    peer_close(&p);
}

static fcc_status get_until_full(fcc_stub *stub, fcc_args args)
{
    fcc_bytes value;
    fcc_status st;

    do
        st = fcc_get_state(stub, FCC_LIT("k"), &value);
    while (st == FCC_OK);
    assert_int_equal(st, FCC_ERR_LIMIT);
    assert_null(fcc_alloc(stub, 1u << 20));
    return st;
}

static void a_transaction_past_its_memory_cap_fails_alone(void **state)
{
    static uint8_t value[60000];
    struct peer p;
    Protos__Response *r;

    open_with(&p, get_until_full, (fcc__session_options){ .memory_bytes = 1u << 20 });
    peer_call(&p, "tx1", "run");
    while (peer_take(&p)->type == TYPE(GET_STATE))
        peer_respond(&p, "tx1", fcc_bytes_of(value, sizeof(value)));
    assert_in_range(p.sent_count, 10, 20);
    p.taken--;
    r = peer_completed(&p, "tx1");
    assert_int_equal(r->status, 500);
    assert_text(fcc__of_pb(r->message), "the transaction's memory cap is reached");
    current = two;
    peer_call(&p, "tx2", "run");
    peer_expect(&p, "tx2", 200, "", "");
    peer_close(&p);
}

/* ---- input and proposal ---- */

static void input_that_cannot_be_read_is_an_error_of_its_transaction(void **state)
{
    struct peer p;
    Protos__ChaincodeMessage *m;

    open_ready(&p, two);
    peer_say_type(&p, TYPE(TRANSACTION), "tx1", FCC_LIT("\x0a\x7f"));
    m = peer_take_type(&p, TYPE(ERROR));
    assert_text(fcc__of_pb(m->payload), "failed to unmarshal input: proto: cannot parse invalid wire-format data");
    assert_text(fcc__of_pb(m->channel_id), "ch");
    assert_string_equal(p.closed, "");
    peer_close(&p);
}

struct proposal {
    int32_t type;
    bool without_header;
};

static void say_with_proposal(struct peer *p, const char *tx_id, struct proposal how)
{
    Protos__ChaincodeMessage m = PROTOS__CHAINCODE_MESSAGE__INIT;
    Protos__SignedProposal signed_proposal = PROTOS__SIGNED_PROPOSAL__INIT;
    Protos__Proposal proposal = PROTOS__PROPOSAL__INIT;
    Common__Header header = COMMON__HEADER__INIT;
    Common__ChannelHeader channel = COMMON__CHANNEL_HEADER__INIT;
    Common__SignatureHeader signature = COMMON__SIGNATURE_HEADER__INIT;
    Protos__ChaincodeHeaderExtension extension = PROTOS__CHAINCODE_HEADER_EXTENSION__INIT;
    Protos__ChaincodeID id = PROTOS__CHAINCODE_ID__INIT;
    Protos__ChaincodeProposalPayload payload = PROTOS__CHAINCODE_PROPOSAL_PAYLOAD__INIT;
    Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    Protos__BytesEntry entries[3] = { PROTOS__BYTES_ENTRY__INIT, PROTOS__BYTES_ENTRY__INIT, PROTOS__BYTES_ENTRY__INIT };
    Protos__BytesEntry *list[] = { &entries[0], &entries[1], &entries[2] };

    id.name = fcc__pb(FCC_LIT("outer"));
    extension.chaincode_id = &id;
    time.seconds = 1700000000;
    time.nanos = 5;
    channel.type = how.type;
    channel.epoch = 0x0102;
    channel.timestamp = &time;
    channel.extension = fcc__pb(peer_pack(p, &extension));
    signature.creator = fcc__pb(FCC_LIT("creator"));
    signature.nonce = fcc__pb(FCC_LIT("nonce"));
    header.channel_header = fcc__pb(peer_pack(p, &channel));
    header.signature_header = fcc__pb(peer_pack(p, &signature));
    if (!how.without_header)
        proposal.header = fcc__pb(peer_pack(p, &header));
    for (unsigned i = 0; i < 3; i++) {
        entries[i].key = fcc__pb(i == 1 ? FCC_LIT("a") : FCC_LIT("b"));
        entries[i].value = fcc__pb(fcc_bytes_of(&"123"[i], 1));
    }
    payload.transientmap = list;
    payload.n_transientmap = 3;
    proposal.payload = fcc__pb(peer_pack(p, &payload));
    signed_proposal.proposal_bytes = fcc__pb(peer_pack(p, &proposal));
    signed_proposal.signature = fcc__pb(FCC_LIT("sig"));
    m.type = TYPE(TRANSACTION);
    m.txid = fcc__pb(fcc_str(tx_id));
    m.channel_id = fcc__pb(FCC_LIT("ch"));
    m.payload = fcc__pb(peer_input(p, (const char *const[]){ "run", "x", NULL }));
    m.proposal = &signed_proposal;
    peer_say(p, &m);
}

static fcc_status read_proposal(fcc_stub *stub, fcc_args args)
{
    /* sha256("noncecreator" and the epoch, 8 bytes little-endian) */
    static const uint8_t binding[] = { 0x83, 0x17, 0x05, 0x21, 0xa9, 0x8a, 0x65, 0x6e, 0xe3, 0x1c, 0x4c,
                                       0x47, 0xa7, 0x05, 0x90, 0x98, 0xbb, 0xd5, 0xca, 0x6a, 0xd2, 0x60,
                                       0x8b, 0x7c, 0x00, 0x51, 0x70, 0x9a, 0x54, 0x34, 0x4e, 0x44 };
    fcc_bytes name, value, proposal, signature;
    int64_t seconds;
    int32_t nanos;
    bool found;

    assert_text(fcc_function_name(stub), "run");
    assert_int_equal(fcc_all_args(stub).n, 2);
    assert_text(fcc_tx_id(stub), "tx1");
    assert_text(fcc_channel_id(stub), "ch");
    assert_int_equal(fcc_tx_timestamp(stub, &seconds, &nanos), FCC_OK);
    assert_int_equal(seconds, 1700000000);
    assert_int_equal(nanos, 5);
    assert_int_equal(fcc_transient_count(stub), 2);
    fcc_transient_at(stub, 0, &name, &value);
    assert_text(name, "a");
    assert_text(value, "2");
    fcc_transient_at(stub, 1, &name, &value);
    assert_text(name, "b");
    assert_text(value, "3"); /* the last of a name counts, as in a map */
    assert_text(fcc_transient(stub, FCC_LIT("b")), "3");
    assert_int_equal(fcc_transient(stub, FCC_LIT("c")).len, 0);
    assert_int_equal(fcc_decoration_count(stub), 0);
    assert_text(fcc_creator(stub), "creator");
    assert_text(fcc_outermost_chaincode(stub), "outer");
    assert_int_equal(fcc_binding(stub).len, 32);
    assert_memory_equal(fcc_binding(stub).data, binding, 32);
    fcc_signed_proposal(stub, &proposal, &signature);
    assert_text(signature, "sig");
    assert_true(proposal.len > 50);
    assert_int_equal(fcc_client_attribute(stub, FCC_LIT("role"), &value, &found), FCC_ERR_PROTO);
    return FCC_OK;
}

static void a_proposal_tells_time_transient_data_creator_and_the_rest(void **state)
{
    struct peer p;

    open_ready(&p, read_proposal);
    say_with_proposal(&p, "tx1", (struct proposal){ .type = COMMON__HEADER_TYPE__ENDORSER_TRANSACTION });
    peer_expect(&p, "tx1", 200, "", "");
    peer_close(&p);
}

static void a_proposal_of_another_kind_or_without_header_is_an_error(void **state)
{
    struct peer p;

    open_ready(&p, two);
    say_with_proposal(&p, "tx1", (struct proposal){ .type = COMMON__HEADER_TYPE__MESSAGE });
    assert_text(fcc__of_pb(peer_take_type(&p, TYPE(ERROR))->payload),
                "failed to create new ChaincodeStub: invalid channel header type. "
                "Expected ENDORSER_TRANSACTION or CONFIG, received MESSAGE");
    say_with_proposal(&p, "tx2", (struct proposal){ .without_header = true });
    assert_text(fcc__of_pb(peer_take_type(&p, TYPE(ERROR))->payload),
                "failed to create new ChaincodeStub: failed to extract Proposal fields: proposal header is nil");
    peer_close(&p);
}

/* ---- other chaincodes ---- */

static fcc_status invoke_other(fcc_stub *stub, fcc_args args)
{
    const fcc_bytes call[] = { FCC_LIT("f"), NONE };
    fcc_response r;
    fcc_status st = fcc_invoke_chaincode(stub, FCC_LIT("other"), call, 2, args.n ? args.v[0] : NONE, &r);

    return st == FCC_OK ? fcc_reply_status(stub, r.status, r.message, r.payload) : st;
}

static void another_chaincode_answers_for_itself_and_its_failure_is_500_with_the_text_as_payload(void **state)
{
    Protos__ChaincodeMessage last = PROTOS__CHAINCODE_MESSAGE__INIT;
    Protos__Response response = PROTOS__RESPONSE__INIT;
    Protos__ChaincodeSpec *spec;
    struct peer p;

    open_ready(&p, invoke_other);
    peer_call(&p, "tx1", "run");
    PEER_PAYLOAD(&p, protos__chaincode_spec, peer_take_type(&p, TYPE(INVOKE_CHAINCODE)), &spec);
    assert_text(fcc__of_pb(spec->chaincode_id->name), "other");
    assert_int_equal(spec->input->n_args, 2);
    response.status = 403;
    response.message = fcc__pb(FCC_LIT("m"));
    response.payload = fcc__pb(FCC_LIT("p"));
    last.type = TYPE(COMPLETED);
    last.payload = fcc__pb(peer_pack(&p, &response));
    peer_respond(&p, "tx1", peer_pack(&p, &last));
    peer_expect(&p, "tx1", 403, "m", "p");

    peer_call(&p, "tx2", "run", "far");
    PEER_PAYLOAD(&p, protos__chaincode_spec, peer_take_type(&p, TYPE(INVOKE_CHAINCODE)), &spec);
    assert_text(fcc__of_pb(spec->chaincode_id->name), "other/far");
    peer_refuse(&p, "tx2", "no such chaincode");
    peer_expect(&p, "tx2", 500, "", "no such chaincode");
    peer_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_large_value_in_the_transactions_memory_is_sent_from_there),
        cmocka_unit_test(a_large_value_goes_back_without_a_copy),
        cmocka_unit_test(an_unknown_function_is_named),
        cmocka_unit_test(the_process_is_described_where_the_chaincode_has_no_function_of_that_name),
        cmocka_unit_test(a_wrong_number_of_arguments_is_refused_before_the_handler_runs),
        cmocka_unit_test(a_name_that_is_not_utf8_is_quoted_with_replacement_characters),
        cmocka_unit_test(before_can_end_the_call_and_refuse_can_answer_it),
        cmocka_unit_test(a_status_of_400_or_more_is_kept_and_other_failures_become_500),
        cmocka_unit_test(reads_send_their_messages_and_keep_their_answers),
        cmocka_unit_test(writes_are_sent_at_once_without_a_batch),
        cmocka_unit_test(a_peers_refusal_is_handed_on_word_for_word),
        cmocka_unit_test(bad_arguments_are_refused_here_and_not_by_the_peer),
        cmocka_unit_test(a_message_above_the_limit_is_not_sent_and_ends_only_its_transaction),
        cmocka_unit_test(a_transaction_past_its_memory_cap_fails_alone),
        cmocka_unit_test(input_that_cannot_be_read_is_an_error_of_its_transaction),
        cmocka_unit_test(a_proposal_tells_time_transient_data_creator_and_the_rest),
        cmocka_unit_test(a_proposal_of_another_kind_or_without_header_is_an_error),
        cmocka_unit_test(another_chaincode_answers_for_itself_and_its_failure_is_500_with_the_text_as_payload),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
