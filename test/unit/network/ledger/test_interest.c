/* What a simulation says of who has to endorse it, as Fabric's peers say it. */
#include "test/unit/network/ledger/fixture.h"

#include "peer/proposal_response.pb-c.h"

static const fcc_bytes none = { NULL, 0 };

static Protos__ChaincodeInterest *interest_of(fixture *f, ledger_sim *sim)
{
    ledger_results results = fix_finish(f, sim);
    Protos__ChaincodeInterest *interest;

    assert_int_equal(FCC__UNPACK(protos__chaincode_interest, results.interest, f->arena, &interest), FCC_OK);
    return interest;
}

/* The call for this namespace and collection; NULL when there is none. */
static const Protos__ChaincodeCall *call_for(const Protos__ChaincodeInterest *interest, const char *ns,
                                             const char *collection)
{
    for (size_t i = 0; i < interest->n_chaincodes; i++) {
        const Protos__ChaincodeCall *call = interest->chaincodes[i];
        fcc_bytes name = call->n_collection_names ? fcc__of_pb(call->collection_names[0]) : none;

        if (fcc_bytes_equal(fcc__of_pb(call->name), fcc_str(ns)) && fcc_bytes_equal(name, fcc_str(collection)))
            return call;
    }
    return NULL;
}

static ledger_sim *begin(fixture *f, const char *chaincode)
{
    ledger_sim *sim = fix_sim(f, 0);

    assert_int_equal(ledger_sim_enter(sim, fcc_str(chaincode)), FCC_OK);
    return sim;
}

static void nothing_touched_is_nothing_asked(void **state)
{
    fixture *f = *state;

    assert_int_equal(interest_of(f, begin(f, "any"))->n_chaincodes, 0);
}

static void what_is_written_and_what_is_read_is_asked_for(void **state)
{
    fixture *f = *state;
    ledger_sim *sim = begin(f, "any");
    const Protos__ChaincodeInterest *interest;

    fix_put(sim, "any", "", "k", "v");
    fix_get(f, sim, "both", "", "k");
    interest = interest_of(f, sim);
    assert_int_equal(interest->n_chaincodes, 2);
    assert_non_null(call_for(interest, "any", ""));
    assert_non_null(call_for(interest, "both", ""));
    assert_false(call_for(interest, "any", "")->disregard_namespace_policy);
}

static void a_collection_that_is_only_written_needs_no_member(void **state)
{
    fixture *f = *state;
    ledger_sim *sim = begin(f, "any");
    const Protos__ChaincodeInterest *interest;

    fix_put(sim, "any", "strict", "k", "v");
    interest = interest_of(f, sim);
    assert_int_equal(interest->n_chaincodes, 1);
    assert_non_null(call_for(interest, "any", "strict"));
    assert_true(call_for(interest, "any", "strict")->no_private_reads);
}

static void private_data_that_were_read_need_a_member_and_the_chaincode(void **state)
{
    fixture *f = *state;
    ledger_sim *sim = begin(f, "any");
    const Protos__ChaincodeInterest *interest;

    fix_get(f, sim, "any", "strict", "k");
    interest = interest_of(f, sim);
    assert_int_equal(interest->n_chaincodes, 2);
    assert_false(call_for(interest, "any", "strict")->no_private_reads);
    assert_non_null(call_for(interest, "any", ""));
}

/* The key k gets this policy of its own. */
static void rule(fixture *f, fcc_bytes policy)
{
    const ledger_metadata entry = { FCC_LIT("VALIDATION_PARAMETER"), policy };
    ledger_sim *sim = fix_sim(f, 0);
    fix_tx tx;

    fix_put(sim, "any", "", "k", "v");
    assert_int_equal(ledger_sim_put_metadata(sim, FCC_LIT("any"), none, FCC_LIT("k"), &entry, 1), FCC_OK);
    tx = fix_endorse(f, "any", fix_finish(f, sim), 1);
    assert_int_equal(fix_commit(f, &tx, 1)[0], FIX_CODE(VALID));
}

static void a_key_with_a_policy_of_its_own_stands_for_its_namespace(void **state)
{
    fixture *f = *state;
    const Protos__ChaincodeInterest *interest;
    fcc_bytes policy;
    ledger_sim *sim;
    fcc_error error;

    assert_int_equal(msp_policy_parse("OR('AMSP.peer')", f->arena, &policy, &error), FCC_OK);
    rule(f, policy);
    sim = begin(f, "any");
    fix_put(sim, "any", "", "k", "w");
    fix_put(sim, "any", "", "k", "x");
    interest = interest_of(f, sim);
    assert_int_equal(interest->n_chaincodes, 1);
    assert_int_equal(call_for(interest, "any", "")->n_key_policies, 1);
    assert_true(call_for(interest, "any", "")->disregard_namespace_policy);
    sim = begin(f, "any");
    fix_put(sim, "any", "", "k", "w");
    fix_put(sim, "any", "", "another", "w");
    interest = interest_of(f, sim);
    assert_int_equal(call_for(interest, "any", "")->n_key_policies, 1);
    assert_false(call_for(interest, "any", "")->disregard_namespace_policy);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fix_setup, fix_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_touched_is_nothing_asked),
        TEST(what_is_written_and_what_is_read_is_asked_for),
        TEST(a_collection_that_is_only_written_needs_no_member),
        TEST(private_data_that_were_read_need_a_member_and_the_chaincode),
        TEST(a_key_with_a_policy_of_its_own_stands_for_its_namespace),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
