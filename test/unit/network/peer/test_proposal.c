/* What a peer refuses before it simulates anything, and in which words. */
#include "consortium.h"

static const char *const call[] = { "Set", "k" };

static bool known(void *ctx, fcc_bytes txid)
{
    (void)txid;
    return *(bool *)ctx;
}

static fcc_status check(struct consortium *c, const peer_proposal *p, bool seen, fcc_error *error)
{
    const msp_channel *channel = ledger_channel(c->ledger);
    msp_manager *members = msp_channel_manager(channel);
    const msp_identity *creator;
    fcc_status st = peer_proposal_filter(p, members, c->now_ns, true, error);

    if (st == FCC_OK)
        st = peer_proposal_check(p, members, known, &seen, &creator, error);
    return st == FCC_OK ? peer_proposal_permit(p, channel, creator, error) : st;
}

static void refused(struct consortium *c, const struct flaws *flaws, const char *text)
{
    Protos__SignedProposal s = propose(c, call, 2, NULL, flaws);
    peer_proposal *p = unpacked(c, &s);
    fcc_error error = { 0 };

    assert_int_not_equal(check(c, p, false, &error), FCC_OK);
    if (!strstr(error.text, text))
        fail_msg("\"%s\" lacks \"%s\"", error.text, text);
}

static void a_proposal_of_a_member_passes(void **state)
{
    struct consortium *c = *state;
    Protos__SignedProposal s = propose(c, call, 2, NULL, NULL);
    peer_proposal *p = unpacked(c, &s);
    fcc_error error = { 0 };

    must(check(c, p, false, &error), &error);
    assert_true(fcc_bytes_equal(peer_proposal_function(p), FCC_LIT("Set")));
    assert_int_equal(p->input->n_args, 2);
}

static void transient_data_do_not_change_the_hash_that_is_endorsed(void **state)
{
    struct consortium *c = *state;
    Protos__SignedProposal s = propose(c, call, 2, "secret", NULL);
    peer_proposal *p = unpacked(c, &s);
    Protos__ChaincodeProposalPayload stripped = PROTOS__CHAINCODE_PROPOSAL_PAYLOAD__INIT;
    fcc_bytes parts[3] = { p->channel_header, p->signature_header };
    fcc__sha256 expected;

    assert_int_equal(p->transient_count, 1);
    stripped.input = fcc__pb(p->invocation);
    must(fcc__pack(&stripped, c->arena, &parts[2]), NULL);
    expected = fcc__sha256_of_many(parts, 3);
    assert_memory_equal(p->hash.bytes, expected.bytes, FCC__SHA256_LEN);
}

static void a_wrong_header_is_refused(void **state)
{
    refused(*state, &(struct flaws){ .epoch = 1 }, "error validating proposal: epoch is non-zero");
    refused(*state, &(struct flaws){ .type = 5 }, "error validating proposal: invalid header type");
    refused(*state, &(struct flaws){ .no_nonce = true }, "error validating proposal: nonce is empty");
    refused(*state, &(struct flaws){ .no_creator = true }, "error validating proposal: creator is empty");
    refused(*state, &(struct flaws){ .txid = "00" },
            "error validating proposal: incorrectly computed txid '00' -- expected '");
}

static void a_tampered_proposal_is_refused(void **state)
{
    refused(*state, &(struct flaws){ .bad_signature = true },
            "error validating proposal: access denied: channel [trial] creator org [AMSP]");
    refused(*state, &(struct flaws){ .no_signature = true }, "error validating proposal: empty signature bytes");
}

static void an_unknown_organisation_is_refused(void **state)
{
    refused(*state, &(struct flaws){ .bad_creator = true },
            "error validating proposal: access denied: channel [trial] creator org unknown, creator is malformed");
}

static void a_proposal_from_another_time_is_refused(void **state)
{
    refused(*state, &(struct flaws){ .shift_s = -16 * 60 }, "request unauthorized due to incorrect timestamp 20");
    refused(*state, &(struct flaws){ .shift_s = 16 * 60 }, "peer.authentication.timewindow 15m0s");
}

static void an_expired_identity_is_refused(void **state)
{
    struct consortium *c = *state;
    int64_t before = c->now_ns;

    c->now_ns = (msp_signer_expires(c->doctor) + 1) * 1000000000;
    refused(c, NULL, "proposal client identity expired");
    c->now_ns = before;
}

static void an_orderer_may_not_propose(void **state)
{
    struct consortium *c = *state;

    refused(c, &(struct flaws){ .signer = c->orderer }, "/Channel/Application/Writers");
}

static void a_transaction_that_is_known_is_refused(void **state)
{
    struct consortium *c = *state;
    Protos__SignedProposal s = propose(c, call, 2, NULL, NULL);
    peer_proposal *p = unpacked(c, &s);
    fcc_error error = { 0 };

    assert_int_equal(check(c, p, true, &error), FCC_ERR_EXISTS);
    assert_non_null(strstr(error.text, "duplicate transaction found ["));
    assert_non_null(strstr(error.text, "]. Creator [0a"));
}

static void bytes_that_are_no_proposal_are_refused(void **state)
{
    struct consortium *c = *state;
    Protos__SignedProposal s = PROTOS__SIGNED_PROPOSAL__INIT;
    peer_proposal p;
    fcc_error error = { 0 };

    s.proposal_bytes = fcc__pb(FCC_LIT("\xff\xff\xff"));
    assert_int_equal(peer_proposal_unpack(&s, c->arena, &p, &error), FCC_ERR_PROTO);
    assert_string_equal(error.text, "error unmarshalling Proposal: proto: cannot parse invalid wire-format data");
    s.proposal_bytes = fcc__pb(FCC_LIT(""));
    assert_int_equal(peer_proposal_unpack(&s, c->arena, &p, &error), FCC_ERR_PROTO);
    assert_string_equal(error.text, "ChaincodeHeaderExtension.ChaincodeId is nil");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_proposal_of_a_member_passes),
        cmocka_unit_test(transient_data_do_not_change_the_hash_that_is_endorsed),
        cmocka_unit_test(a_wrong_header_is_refused),
        cmocka_unit_test(a_tampered_proposal_is_refused),
        cmocka_unit_test(an_unknown_organisation_is_refused),
        cmocka_unit_test(a_proposal_from_another_time_is_refused),
        cmocka_unit_test(an_expired_identity_is_refused),
        cmocka_unit_test(an_orderer_may_not_propose),
        cmocka_unit_test(a_transaction_that_is_known_is_refused),
        cmocka_unit_test(bytes_that_are_no_proposal_are_refused),
    };

    return cmocka_run_group_tests(tests, consortium_up, consortium_down);
}
