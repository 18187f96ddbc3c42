/* The peer's side of a chaincode's stream, and the endorsement that comes of it; the chaincode is played by hand. */
#include "consortium.h"

#define TYPE(name) PROTOS__CHAINCODE_MESSAGE__TYPE__##name

static void a_chaincode_that_registers_is_told_what_it_may_use(void **state)
{
    static const uint8_t offer[] = { 0x08, 0x01, 0x10, 0xe8, 0x07, 0x18, 0x01, 0x20, 0xe8, 0x07 };
    struct script *script;
    peer_session *s = running(*state, 0, "cc", "cc_1:aa", &script);

    assert_int_equal(script->count, 2);
    assert_int_equal(sent(script, 0)->type, TYPE(REGISTERED));
    assert_int_equal(sent(script, 1)->type, TYPE(READY));
    assert_int_equal(sent(script, 1)->payload.len, sizeof(offer));
    assert_memory_equal(sent(script, 1)->payload.data, offer, sizeof(offer));
    peer_session_free(s);
}

static void a_wrong_registration_ends_the_stream(void **state)
{
    struct consortium *c = *state;
    struct script *script;
    peer_session *s = open_session(c, 0, "cc", "cc_1:aa", &script), *second;
    Protos__ChaincodeID id = PROTOS__CHAINCODE_ID__INIT;
    fcc_error error = { 0 };

    id.name = fcc__pb(FCC_LIT("cc_1:ff"));
    assert_int_equal(say(c, s, NULL, TYPE(REGISTER), &id, &error), FCC_ERR_PROTO);
    assert_non_null(strstr(error.text, "peer will not accept external chaincode connection cc_1:ff"));
    assert_int_equal(say(c, s, NULL, TYPE(GET_STATE), NULL, &error), FCC_ERR_PROTO);
    assert_non_null(strstr(error.text, "(GET_STATE) while in created state"));
    assert_int_equal(script->count, 0);
    register_as(c, s, "cc_1:aa");
    second = open_session(c, 0, "cc", "cc_1:aa", &script);
    id.name = fcc__pb(FCC_LIT("cc_1:aa"));
    assert_int_equal(say(c, second, NULL, TYPE(REGISTER), &id, &error), FCC_ERR_EXISTS);
    assert_string_equal(error.text, "duplicate chaincodeID: cc_1:aa");
    peer_session_free(second);
    peer_session_free(s);
}

static void a_message_that_nobody_knows_ends_the_stream(void **state)
{
    struct consortium *c = *state;
    struct script *script;
    peer_session *s = running(c, 0, "cc", "cc_1:aa", &script);
    fcc_error error = { 0 };

    assert_int_equal(say(c, s, NULL, TYPE(REGISTERED), NULL, &error), FCC_ERR_PROTO);
    assert_int_equal(peer_session_receive(s, FCC_LIT("\xff"), &error), FCC_ERR_PROTO);
    says(c, s, NULL, TYPE(KEEPALIVE), NULL);
    assert_int_equal(script->count, 2);
    peer_session_free(s);
}

static void a_transaction_is_simulated_and_endorsed(void **state)
{
    struct consortium *c = *state;
    struct script *script;
    peer_session *s = running(c, 0, "cc", "cc_1:aa", &script);
    peer_proposal *p = a_proposal(c, "Set");
    struct heard heard = { 0 };
    Protos__ChaincodeInput *input;
    Protos__ProposalResponsePayload *payload;
    Protos__ChaincodeAction *action;
    const msp_identity *endorser;
    fcc_bytes parts[2];
    fcc_error error = { 0 };

    peer_endorse(c->hosts[0], p, c->arena, hear, &heard);
    assert_int_equal(sent(script, -1)->type, TYPE(TRANSACTION));
    assert_non_null(sent(script, -1)->proposal);
    must(FCC__UNPACK(protos__chaincode_input, fcc__of_pb(sent(script, -1)->payload), c->arena, &input), NULL);
    same_text(input->args[0], "Set");
    gets(c, s, p, "k");
    assert_int_equal(sent(script, -1)->type, TYPE(RESPONSE));
    assert_int_equal(sent(script, -1)->payload.len, 0);
    puts_state(c, s, p, "k", "v");
    assert_int_equal(sent(script, -1)->type, TYPE(RESPONSE));
    assert_int_equal(heard.times, 0);
    completes(c, s, p, 200, "", "done");

    assert_int_equal(heard.times, 1);
    assert_non_null(heard.outcome.response.endorsement);
    assert_int_equal(heard.outcome.response.version, 1);
    parts[0] = fcc__of_pb(heard.outcome.response.payload);
    parts[1] = fcc__of_pb(heard.outcome.response.endorsement->endorser);
    must(msp_deserialize(msp_channel_manager(ledger_channel(c->ledger)), parts[1], &endorser, &error), &error);
    must(msp_verify(endorser, parts, 2, fcc__of_pb(heard.outcome.response.endorsement->signature), &error), &error);
    assert_true(msp_has_role(endorser, "AMSP", MSP_PEER));
    must(FCC__UNPACK(protos__proposal_response_payload, parts[0], c->arena, &payload), NULL);
    assert_memory_equal(payload->proposal_hash.data, p->hash.bytes, FCC__SHA256_LEN);
    must(FCC__UNPACK(protos__chaincode_action, fcc__of_pb(payload->extension), c->arena, &action), NULL);
    same_text(action->chaincode_id->name, "cc");
    same_text(action->chaincode_id->version, "1");
    same_text(action->response->payload, "done");
    assert_true(action->results.len > 0);
    peer_session_free(s);
}

static void a_refusal_is_answered_without_an_endorsement(void **state)
{
    struct consortium *c = *state;
    struct script *script;
    peer_session *s = running(c, 0, "cc", "cc_1:aa", &script);
    peer_proposal *p = a_proposal(c, "Set");
    struct heard heard = { 0 };

    peer_endorse(c->hosts[0], p, c->arena, hear, &heard);
    puts_state(c, s, p, "k", "v");
    completes(c, s, p, 404, "no such thing", "");
    assert_null(heard.outcome.response.endorsement);
    assert_int_equal(heard.outcome.response.payload.len, 0);
    assert_int_equal(heard.outcome.response.response->status, 404);

    heard.times = 0;
    p = a_proposal(c, "Set");
    peer_endorse(c->hosts[0], p, c->arena, hear, &heard);
    completes(c, s, p, 500, "broken", "");
    assert_int_equal(heard.times, 1);
    assert_null(heard.outcome.response.endorsement);
    assert_true(heard.outcome.response.payload.len > 0);
    assert_int_equal(heard.outcome.results.private_rwset.len, 0);
    peer_session_free(s);
}

static void a_refused_proposal_never_reaches_the_chaincode(void **state)
{
    struct consortium *c = *state;
    struct script *script;
    peer_session *s = running(c, 0, "cc", "cc_1:aa", &script);
    const char *args[] = { "Set" };
    Protos__SignedProposal tampered = propose(c, args, 1, NULL, &(struct flaws){ .bad_signature = true });
    Protos__SignedProposal lost = propose(c, args, 1, NULL, &(struct flaws){ .channel = "nowhere" });
    struct heard heard = { 0 };

    peer_endorse(c->hosts[0], unpacked(c, &tampered), c->arena, hear, &heard);
    assert_int_equal(heard.times, 1);
    assert_int_equal(heard.outcome.verdict, PEER_REFUSED);
    heard.times = 0;
    peer_endorse(c->hosts[0], unpacked(c, &lost), c->arena, hear, &heard);
    is_error(&heard, "channel 'nowhere' not found");
    assert_int_equal(script->count, 2);
    peer_session_free(s);
}

static void a_chaincode_that_is_not_there_is_named(void **state)
{
    struct consortium *c = *state;
    const char *args[] = { "Set" };
    Protos__SignedProposal none = propose(c, args, 1, NULL, &(struct flaws){ .chaincode = "nosuch" });
    Protos__SignedProposal elsewhere = propose(c, args, 1, NULL, &(struct flaws){ .chaincode = "elsewhere" });
    struct heard heard = { 0 };

    peer_endorse(c->hosts[0], unpacked(c, &none), c->arena, hear, &heard);
    is_error(&heard, "make sure the chaincode nosuch has been successfully defined on channel trial and try again: "
                     "chaincode nosuch not found");
    heard.times = 0;
    peer_endorse(c->hosts[0], unpacked(c, &elsewhere), c->arena, hear, &heard);
    is_error(&heard, "make sure the chaincode elsewhere has been successfully defined on channel trial and try again: "
                     "chaincode definition for 'elsewhere' exists, but chaincode is not installed");
}

static void an_error_as_last_message_fails_the_transaction(void **state)
{
    struct consortium *c = *state;
    struct script *script;
    peer_session *s = running(c, 0, "cc", "cc_1:aa", &script);
    peer_proposal *p = a_proposal(c, "Set");
    struct heard heard = { 0 };
    Protos__ChaincodeMessage m = PROTOS__CHAINCODE_MESSAGE__INIT;
    fcc_bytes wire;
    fcc_error error;

    peer_endorse(c->hosts[0], p, c->arena, hear, &heard);
    m.type = TYPE(ERROR);
    m.payload = fcc__pb(FCC_LIT("it broke"));
    m.txid = fcc__pb(p->txid);
    m.channel_id = fcc__pb(p->channel);
    must(fcc__pack(&m, c->arena, &wire), NULL);
    must(peer_session_receive(s, wire, &error), &error);
    is_error(&heard, "error in simulation: transaction returned with failure: it broke");
    peer_session_free(s);
}

static void a_stream_that_ends_fails_its_transactions(void **state)
{
    struct consortium *c = *state;
    struct script *script;
    peer_session *s = running(c, 0, "cc", "cc_1:aa", &script);
    peer_proposal *p = a_proposal(c, "Set");
    struct heard heard = { 0 };

    peer_endorse(c->hosts[0], p, c->arena, hear, &heard);
    puts_state(c, s, p, "k", "v");
    peer_session_free(s);
    is_error(&heard, fcc__arena_printf(c->arena,
                                       "error in simulation: failed to execute transaction " FCC_FMT
                                       ": error sending: chaincode stream terminated",
                                       FCC_ARG(p->txid)));
    assert_true(heard.outcome.stream_ended);
}

static void a_transaction_waits_for_a_process_that_is_being_started(void **state)
{
    struct consortium *c = *state;
    struct script *script;
    peer_proposal *p = a_proposal(c, "Set"), *late = a_proposal(c, "Set");
    struct heard heard = { 0 }, unheard = { 0 };
    peer_session *s;

    peer_endorse(c->hosts[0], p, c->arena, hear, &heard);
    s = running(c, 0, "cc", "cc_1:aa", &script);
    assert_int_equal(sent(script, -1)->type, TYPE(TRANSACTION));
    completes(c, s, p, 200, "", "");
    assert_non_null(heard.outcome.response.endorsement);
    peer_session_free(s);

    peer_endorse(c->hosts[0], late, c->arena, hear, &unheard);
    c->now_ms += 2000;
    peer_host_tick(c->hosts[0]);
    assert_int_equal(unheard.times, 0);
    c->now_ms += 2000;
    peer_host_tick(c->hosts[0]);
    assert_int_equal(unheard.times, 1);
    assert_non_null(
        strstr((const char *)unheard.outcome.response.response->message.data, "could not launch chaincode"));
}

static void a_transaction_that_takes_too_long_is_given_up(void **state)
{
    struct consortium *c = *state;
    struct script *script;
    peer_session *s = running(c, 0, "cc", "cc_1:aa", &script);
    peer_proposal *p = a_proposal(c, "Set");
    struct heard heard = { 0 };

    peer_endorse(c->hosts[0], p, c->arena, hear, &heard);
    c->now_ms += 29999;
    peer_host_tick(c->hosts[0]);
    assert_int_equal(heard.times, 0);
    c->now_ms += 1;
    peer_host_tick(c->hosts[0]);
    is_error(&heard, fcc__arena_printf(c->arena,
                                       "error in simulation: failed to execute transaction " FCC_FMT
                                       ": error sending: timeout expired while executing transaction",
                                       FCC_ARG(p->txid)));
    gets(c, s, p, "k");
    assert_int_equal(sent(script, -1)->type, TYPE(ERROR));
    same_text(sent(script, -1)->payload,
              fcc__arena_printf(c->arena, "GET_STATE failed: transaction ID: " FCC_FMT ": no ledger context",
                                FCC_ARG(p->txid)));
    completes(c, s, p, 200, "", "");
    assert_int_equal(heard.times, 1);
    peer_session_free(s);
}

static void a_request_that_cannot_be_read_is_answered_with_an_error(void **state)
{
    struct consortium *c = *state;
    struct script *script;
    peer_session *s = running(c, 0, "cc", "cc_1:aa", &script);
    peer_proposal *p = a_proposal(c, "Set");
    struct heard heard = { 0 };
    Protos__GetState m = PROTOS__GET_STATE__INIT;
    Protos__QueryStateNext next = PROTOS__QUERY_STATE_NEXT__INIT;
    char *text;

    peer_endorse(c->hosts[0], p, c->arena, hear, &heard);
    m.key = fcc__pb(FCC_LIT("\xff not text"));
    says(c, s, p, TYPE(GET_STATE), &m);
    assert_int_equal(sent(script, -1)->type, TYPE(ERROR));
    text = fcc__arena_printf(c->arena, FCC_FMT, FCC_ARG(fcc__of_pb(sent(script, -1)->payload)));
    assert_non_null(strstr(text, "GET_STATE failed: transaction ID: "));
    assert_non_null(strstr(text, ": unmarshal failed: "));
    next.id = fcc__pb(FCC_LIT("nosuch"));
    says(c, s, p, TYPE(QUERY_STATE_NEXT), &next);
    text = fcc__arena_printf(c->arena, FCC_FMT, FCC_ARG(fcc__of_pb(sent(script, -1)->payload)));
    assert_non_null(strstr(text, ": query iterator not found"));
    completes(c, s, p, 200, "", "");
    assert_int_equal(heard.times, 1);
    peer_session_free(s);
}

static void invoke(struct consortium *c, peer_session *s, const peer_proposal *p, const char *target, const char *arg)
{
    Protos__ChaincodeSpec spec = PROTOS__CHAINCODE_SPEC__INIT;
    Protos__ChaincodeID id = PROTOS__CHAINCODE_ID__INIT;
    Protos__ChaincodeInput input = PROTOS__CHAINCODE_INPUT__INIT;
    ProtobufCBinaryData args[1] = { fcc__pb(fcc_str(arg)) };

    id.name = fcc__pb(fcc_str(target));
    input.args = args;
    input.n_args = 1;
    spec.chaincode_id = &id;
    spec.input = &input;
    says(c, s, p, TYPE(INVOKE_CHAINCODE), &spec);
}

static void a_chaincode_calls_another_in_the_same_transaction(void **state)
{
    struct consortium *c = *state;
    struct script *script, *other_script;
    peer_session *s = running(c, 0, "cc", "cc_1:aa", &script);
    peer_session *other = running(c, 0, "other", "other_1:bb", &other_script);
    peer_proposal *p = a_proposal(c, "Set");
    struct heard heard = { 0 };
    Protos__ChaincodeMessage *inner;
    Protos__Response *response;
    size_t before;

    peer_endorse(c->hosts[0], p, c->arena, hear, &heard);
    invoke(c, s, p, "other:7", "Inner");
    assert_int_equal(sent(other_script, -1)->type, TYPE(TRANSACTION));
    before = script->count;
    gets(c, s, p, "k"); /* a second request while one is open is dropped, as Fabric does */
    assert_int_equal(script->count, before);
    puts_state(c, other, p, "inner", "1");
    assert_int_equal(sent(other_script, -1)->type, TYPE(RESPONSE));
    completes(c, other, p, 200, "", "from inside");
    assert_int_equal(sent(script, -1)->type, TYPE(RESPONSE));
    must(FCC__UNPACK(protos__chaincode_message, fcc__of_pb(sent(script, -1)->payload), c->arena, &inner), NULL);
    assert_int_equal(inner->type, TYPE(COMPLETED));
    must(FCC__UNPACK(protos__response, fcc__of_pb(inner->payload), c->arena, &response), NULL);
    same_text(response->payload, "from inside");
    puts_state(c, s, p, "outer", "1");
    completes(c, s, p, 200, "", "");
    assert_non_null(heard.outcome.response.endorsement);
    peer_session_free(other);
    peer_session_free(s);
}

static void calls_that_cannot_be_made_say_why(void **state)
{
    struct consortium *c = *state;
    struct script *script;
    peer_session *s = running(c, 0, "cc", "cc_1:aa", &script);
    peer_proposal *p = a_proposal(c, "Set");
    struct heard heard = { 0 };
    static const struct {
        const char *target, *cause;
    } cases[] = {
        { "nosuch", "execute failed: invalid invocation: [channel trial] failed to get chaincode container info for "
                    "nosuch: chaincode nosuch not found" },
        { "cc", "execute failed: error sending: txid: %s(trial) exists" },
        { "other/elsewhere", "Failed to get policy manager for channel [elsewhere]" },
    };

    peer_endorse(c->hosts[0], p, c->arena, hear, &heard);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *txid = fcc__arena_printf(c->arena, FCC_FMT, FCC_ARG(p->txid));
        const char *percent = strstr(cases[i].cause, "%s");
        const char *cause = percent ? fcc__arena_printf(c->arena, "%.*s%s%s", (int)(percent - cases[i].cause),
                                                        cases[i].cause, txid, percent + 2)
                                    : cases[i].cause;

        invoke(c, s, p, cases[i].target, "x");
        assert_int_equal(sent(script, -1)->type, TYPE(ERROR));
        same_text(sent(script, -1)->payload,
                  fcc__arena_printf(c->arena, "INVOKE_CHAINCODE failed: transaction ID: %s: %s", txid, cause));
    }
    completes(c, s, p, 200, "", "");
    assert_int_equal(heard.times, 1);
    peer_session_free(s);
}

static void a_caller_that_ends_takes_the_called_one_with_it(void **state)
{
    struct consortium *c = *state;
    struct script *script, *other_script;
    peer_session *s = running(c, 0, "cc", "cc_1:aa", &script);
    peer_session *other = running(c, 0, "other", "other_1:bb", &other_script);
    peer_proposal *p = a_proposal(c, "Set");
    struct heard heard = { 0 };

    peer_endorse(c->hosts[0], p, c->arena, hear, &heard);
    invoke(c, s, p, "other", "Inner");
    peer_session_free(s);
    assert_int_equal(heard.times, 1);
    puts_state(c, other, p, "inner", "1");
    assert_int_equal(sent(other_script, -1)->type, TYPE(ERROR));
    completes(c, other, p, 200, "", "");
    assert_int_equal(heard.times, 1);
    peer_session_free(other);
}

/* ---- two organisations and a block ------------------------------------------------------------------------------- */

static void endorse_both(struct consortium *c, peer_session *sessions[2], peer_proposal *p, struct heard heard[2],
                         const char *const values[2], int keys)
{
    for (size_t i = 0; i < 2; i++) {
        peer_endorse(c->hosts[i], p, c->arena, hear, &heard[i]);
        for (int k = 0; k < keys; k++)
            puts_state(c, sessions[i], p, fcc__arena_printf(c->arena, "key%03d", k), values[i]);
        completes(c, sessions[i], p, 200, "", "");
        assert_non_null(heard[i].outcome.response.endorsement);
    }
}

static fcc_status assembled(struct consortium *c, peer_proposal *p, struct heard heard[2], fcc_bytes *payload,
                            fcc_error *error)
{
    peer_endorsed endorsed[2];

    for (size_t i = 0; i < 2; i++)
        endorsed[i] = (peer_endorsed){
            .mspid = i ? "BMSP" : "AMSP",
            .payload = fcc__of_pb(heard[i].outcome.response.payload),
            .endorser = fcc__of_pb(heard[i].outcome.response.endorsement->endorser),
            .signature = fcc__of_pb(heard[i].outcome.response.endorsement->signature),
        };
    return peer_assemble(p, endorsed, 2, c->arena, payload, error);
}

static void endorsements_that_differ_name_the_key_and_the_byte(void **state)
{
    struct consortium *c = *state;
    struct script *scripts[2];
    peer_session *sessions[2] = { running(c, 0, "cc", "cc_1:aa", &scripts[0]),
                                  running(c, 1, "cc", "cc_1:aa", &scripts[1]) };
    static const char *const values[2] = { "same1", "same2" };
    peer_proposal *p = a_proposal(c, "Roll");
    struct heard heard[2] = { 0 };
    fcc_bytes payload;
    fcc_error error = { 0 };

    endorse_both(c, sessions, p, heard, values, 1);
    assert_int_equal(assembled(c, p, heard, &payload, &error), FCC_ERR_PEER);
    assert_string_equal(
        error.text, "ProposalResponsePayloads do not match: function Roll is not deterministic between AMSP and BMSP: "
                    "the values written to key \"key000\" of chaincode cc differ at byte 4 (lengths 5 and 5)");
    peer_session_free(sessions[0]);
    peer_session_free(sessions[1]);
}

static void what_two_organisations_endorsed_is_committed_and_read_in_pages(void **state)
{
    struct consortium *c = *state;
    struct script *scripts[2];
    peer_session *sessions[2] = { running(c, 0, "cc", "cc_1:aa", &scripts[0]),
                                  running(c, 1, "cc", "cc_1:aa", &scripts[1]) };
    static const char *const values[2] = { "v", "v" };
    enum { KEYS = 8 };
    peer_proposal *p = a_proposal(c, "Fill");
    struct heard heard[2] = { 0 }, query = { 0 }, again = { 0 };
    Common__Envelope envelope = COMMON__ENVELOPE__INIT;
    Protos__GetStateByRange range = PROTOS__GET_STATE_BY_RANGE__INIT;
    Protos__QueryMetadata metadata = PROTOS__QUERY_METADATA__INIT;
    Protos__QueryStateClose close_it = PROTOS__QUERY_STATE_CLOSE__INIT;
    Protos__QueryResponse *response;
    Protos__QueryResponseMetadata *response_metadata;
    ledger_committed committed;
    fcc_bytes payload, signature, wire, block;
    fcc_error error = { 0 };

    endorse_both(c, sessions, p, heard, values, KEYS);
    must(assembled(c, p, heard, &payload, &error), &error);
    must(msp_sign(c->doctor, &payload, 1, c->arena, &signature), NULL);
    envelope.payload = fcc__pb(payload);
    envelope.signature = fcc__pb(signature);
    must(fcc__pack(&envelope, c->arena, &wire), NULL);
    must(ledger_next_block(c->ledger, &wire, 1, c->orderer, c->arena, &block), NULL);
    must(ledger_commit(c->ledger, block, c->arena, &committed, &error), &error);
    assert_int_equal(committed.codes[0], PROTOS__TX_VALIDATION_CODE__VALID);

    peer_endorse(c->hosts[0], p, c->arena, hear, &again);
    assert_int_equal(again.outcome.verdict, PEER_REFUSED);
    assert_non_null(strstr(again.outcome.refusal, "duplicate transaction found ["));

    p = a_proposal(c, "List");
    peer_endorse(c->hosts[0], p, c->arena, hear, &query);
    metadata.pagesize = 3;
    must(fcc__pack(&metadata, c->arena, &wire), NULL);
    range.startkey = fcc__pb(FCC_LIT("key000"));
    range.endkey = fcc__pb(FCC_LIT("key999"));
    range.metadata = fcc__pb(wire);
    says(c, sessions[0], p, TYPE(GET_STATE_BY_RANGE), &range);
    assert_int_equal(sent(scripts[0], -1)->type, TYPE(RESPONSE));
    must(FCC__UNPACK(protos__query_response, fcc__of_pb(sent(scripts[0], -1)->payload), c->arena, &response), NULL);
    assert_int_equal(response->n_results, 3);
    assert_false(response->has_more);
    must(FCC__UNPACK(protos__query_response_metadata, fcc__of_pb(response->metadata), c->arena, &response_metadata),
         NULL);
    assert_int_equal(response_metadata->fetched_records_count, 3);
    same_text(response_metadata->bookmark, "key003");
    close_it.id = response->id; /* closed by the peer already, and still answered */
    says(c, sessions[0], p, TYPE(QUERY_STATE_CLOSE), &close_it);
    assert_int_equal(sent(scripts[0], -1)->type, TYPE(RESPONSE));
    range.metadata = fcc__pb(fcc_bytes_of(NULL, 0));
    says(c, sessions[0], p, TYPE(GET_STATE_BY_RANGE), &range);
    must(FCC__UNPACK(protos__query_response, fcc__of_pb(sent(scripts[0], -1)->payload), c->arena, &response), NULL);
    assert_int_equal(response->n_results, KEYS);
    completes(c, sessions[0], p, 200, "", "");
    assert_int_equal(query.times, 1);
    peer_session_free(sessions[0]);
    peer_session_free(sessions[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chaincode_that_registers_is_told_what_it_may_use),
        cmocka_unit_test(a_wrong_registration_ends_the_stream),
        cmocka_unit_test(a_message_that_nobody_knows_ends_the_stream),
        cmocka_unit_test(a_transaction_is_simulated_and_endorsed),
        cmocka_unit_test(a_refusal_is_answered_without_an_endorsement),
        cmocka_unit_test(a_refused_proposal_never_reaches_the_chaincode),
        cmocka_unit_test(a_chaincode_that_is_not_there_is_named),
        cmocka_unit_test(an_error_as_last_message_fails_the_transaction),
        cmocka_unit_test(a_stream_that_ends_fails_its_transactions),
        cmocka_unit_test(a_transaction_waits_for_a_process_that_is_being_started),
        cmocka_unit_test(a_transaction_that_takes_too_long_is_given_up),
        cmocka_unit_test(a_request_that_cannot_be_read_is_answered_with_an_error),
        cmocka_unit_test(a_chaincode_calls_another_in_the_same_transaction),
        cmocka_unit_test(calls_that_cannot_be_made_say_why),
        cmocka_unit_test(a_caller_that_ends_takes_the_called_one_with_it),
        cmocka_unit_test(endorsements_that_differ_name_the_key_and_the_byte),
        cmocka_unit_test(what_two_organisations_endorsed_is_committed_and_read_in_pages),
    };

    return cmocka_run_group_tests(tests, consortium_up, consortium_down);
}
