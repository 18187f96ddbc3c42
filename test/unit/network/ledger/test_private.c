/* Private data: who sees what, what is promised by hash, and what ends. */
#include "test/unit/network/ledger/fixture.h"

static const fcc_bytes none = { NULL, 0 };

static const char mismatch[] = "!private data matching public hash version is not available. Public hash version = "
                               "{BlockNum: 1, TxNum: 0}, Private data version = <nil>";

static void members_see_the_value_and_others_only_its_hash(void **state)
{
    fixture *f = *state;
    fcc__sha256 digest = fcc__sha256_of(FCC_LIT("secret"));
    ledger_sim *sim;
    fcc_bytes value;

    assert_int_equal(fix_write(f, "ab", "k", "secret"), FIX_CODE(VALID));
    assert_string_equal(fix_see(f, 0, "any", "ab", "k"), "secret");
    assert_string_equal(fix_see(f, 1, "any", "ab", "k"), "secret");
    sim = fix_sim_for(f, 2, 0); /* C's peer, asked by a member's user */
    assert_string_equal(fix_get(f, sim, "any", "ab", "k"), mismatch);
    assert_string_equal(fix_get(f, sim, "any", "ab", "absent"), "");
    assert_int_equal(ledger_sim_get_hash(sim, FCC_LIT("any"), FCC_LIT("ab"), FCC_LIT("k"), &value), FCC_OK);
    assert_true(fcc_bytes_equal(value, fcc__sha256_bytes(&digest)));
    ledger_sim_free(sim);
}

static void everybody_is_a_member_of_a_collection_for_all(void **state)
{
    fixture *f = *state;
    size_t i;

    assert_int_equal(fix_write(f, "all", "k", "shared"), FIX_CODE(VALID));
    for (i = 0; i < FIX_ORGS; i++)
        assert_string_equal(fix_see(f, i, "any", "all", "k"), "shared");
}

static void an_implicit_collection_is_its_organisations_alone(void **state)
{
    fixture *f = *state;
    ledger_sim *sim = fix_sim(f, 0);
    fix_tx tx;

    fix_put(sim, "any", "_implicit_org_BMSP", "k", "for B");
    tx = fix_endorse(f, "any", fix_finish(f, sim), 2);
    assert_int_equal(fix_commit(f, &tx, 1)[0], FIX_CODE(VALID));
    assert_string_equal(fix_see(f, 1, "any", "_implicit_org_BMSP", "k"), "for B");
    assert_string_equal(fix_see(f, 0, "any", "_implicit_org_BMSP", "k"), mismatch);
}

static void a_stranger_may_neither_read_nor_write_a_member_only_collection(void **state)
{
    fixture *f = *state;
    ledger_sim *sim = fix_sim_for(f, 0, 2); /* A's peer, asked by C's user */

    assert_string_equal(fix_get(f, sim, "any", "ab", "k"),
                        "!tx creator does not have read access permission on privatedata in chaincodeName:any "
                        "collectionName: ab");
    assert_int_equal(ledger_sim_put(sim, FCC_LIT("any"), FCC_LIT("ab"), FCC_LIT("k"), FCC_LIT("v")), FCC_ERR_PEER);
    assert_string_equal(ledger_sim_error(sim), "tx creator does not have write access permission on privatedata in "
                                               "chaincodeName:any collectionName: ab");
    ledger_sim_free(sim);
}

static void an_undefined_collection_is_refused_by_its_name(void **state)
{
    fixture *f = *state;
    ledger_sim *sim = fix_sim(f, 0);
    fcc_bytes hash;

    assert_string_equal(fix_get(f, sim, "any", "nocol", "k"), "!collection test/any/nocol could not be found");
    assert_int_equal(ledger_sim_get_hash(sim, FCC_LIT("any"), FCC_LIT("nocol"), FCC_LIT("k"), &hash), FCC_ERR_PEER);
    assert_string_equal(ledger_sim_error(sim),
                        "collection [nocol] not defined in the collection config for chaincode [any]");
    ledger_sim_free(sim);
}

static void private_writes_leave_only_hashes_in_the_transaction(void **state)
{
    static const char secret[] = "a secret that nobody else shall see";
    fixture *f = *state;
    ledger_sim *sim = fix_sim(f, 0);
    ledger_results results;
    fix_tx tx;

    fix_put(sim, "any", "ab", "k", secret);
    results = fix_finish(f, sim);
    assert_null(memmem(results.rwset.data, results.rwset.len, secret, sizeof secret - 1));
    assert_non_null(memmem(results.private_rwset.data, results.private_rwset.len, secret, sizeof secret - 1));
    tx = fix_endorse(f, "any", results, 1);
    assert_null(memmem(tx.envelope.data, tx.envelope.len, secret, sizeof secret - 1));
}

static void data_that_are_not_what_was_promised_are_not_kept(void **state)
{
    fixture *f = *state;
    ledger_sim *sim = fix_sim(f, 0);
    ledger_results honest, forged;
    fix_tx tx;

    fix_put(sim, "any", "ab", "k", "honest");
    honest = fix_finish(f, sim);
    sim = fix_sim(f, 0);
    fix_put(sim, "any", "ab", "k", "forged");
    forged = fix_finish(f, sim);
    honest.private_rwset = forged.private_rwset;
    tx = fix_endorse(f, "any", honest, 1);
    assert_int_equal(fix_commit(f, &tx, 1)[0], FIX_CODE(VALID));
    assert_string_equal(fix_see(f, 0, "any", "ab", "k"), mismatch);
}

static void the_data_of_an_invalid_transaction_are_not_kept(void **state)
{
    fixture *f = *state;
    ledger_sim *sim = fix_sim(f, 0);
    fix_tx tx;

    fix_put(sim, "any", "strict", "k", "v");
    tx = fix_endorse(f, "any", fix_finish(f, sim), 1);
    assert_int_equal(fix_commit(f, &tx, 1)[0], FIX_CODE(ENDORSEMENT_POLICY_FAILURE));
    assert_string_equal(fix_see(f, 0, "any", "strict", "k"), "");
}

static void a_private_read_conflicts_by_its_hash(void **state)
{
    fixture *f = *state;
    ledger_sim *sim;
    fix_tx tx;

    fix_write(f, "ab", "k", "one");
    sim = fix_sim(f, 0);
    fix_get(f, sim, "any", "ab", "k");
    fix_put(sim, "any", "", "public", "v");
    tx = fix_endorse(f, "any", fix_finish(f, sim), 1);
    fix_write(f, "ab", "k", "two");
    assert_int_equal(fix_commit(f, &tx, 1)[0], FIX_CODE(MVCC_READ_CONFLICT));
}

static void a_delete_or_purge_takes_the_value_from_everybody(void **state)
{
    fixture *f = *state;
    ledger_sim *sim;
    fix_tx tx;
    int purge;

    for (purge = 0; purge < 2; purge++) {
        fix_write(f, "ab", "k", "v");
        sim = fix_sim(f, 0);
        if (purge)
            assert_int_equal(ledger_sim_purge(sim, FCC_LIT("any"), FCC_LIT("ab"), FCC_LIT("k")), FCC_OK);
        else
            assert_int_equal(ledger_sim_delete(sim, FCC_LIT("any"), FCC_LIT("ab"), FCC_LIT("k")), FCC_OK);
        tx = fix_endorse(f, "any", fix_finish(f, sim), 1);
        assert_int_equal(fix_commit(f, &tx, 1)[0], FIX_CODE(VALID));
        assert_string_equal(fix_see(f, 0, "any", "ab", "k"), "");
        assert_string_equal(fix_see(f, 1, "any", "ab", "k"), "");
    }
}

static void public_state_cannot_be_purged(void **state)
{
    fixture *f = *state;
    ledger_sim *sim = fix_sim(f, 0);

    assert_int_equal(ledger_sim_purge(sim, FCC_LIT("any"), none, FCC_LIT("k")), FCC_ERR_PEER);
    assert_string_equal(ledger_sim_error(sim), "only applicable for private data");
    ledger_sim_free(sim);
}

static void data_end_when_their_blocks_are_over(void **state)
{
    fixture *f = *state;

    fix_write(f, "brief", "k", "v"); /* block 1, lives one block: gone with block 3 */
    fix_write(f, "", "x", "2");
    assert_string_equal(fix_see(f, 0, "any", "brief", "k"), "v");
    fix_write(f, "", "x", "3");
    assert_string_equal(fix_see(f, 0, "any", "brief", "k"), "");
}

static void data_that_are_written_again_live_on(void **state)
{
    fixture *f = *state;

    fix_write(f, "brief", "k", "one"); /* block 1 */
    fix_write(f, "brief", "k", "two"); /* block 2: until 4 */
    fix_write(f, "", "x", "3");
    assert_string_equal(fix_see(f, 0, "any", "brief", "k"), "two");
    fix_write(f, "", "x", "4");
    assert_string_equal(fix_see(f, 0, "any", "brief", "k"), "");
}

static void a_private_range_is_seen_by_members_and_records_nothing(void **state)
{
    fixture *f = *state;
    ledger_iter *iter;
    ledger_sim *sim;
    ledger_page page;
    size_t i;

    fix_write(f, "all", "a", "1");
    fix_write(f, "ab", "k1", "1");
    fix_write(f, "ab", "k2", "2");
    for (i = 0; i < FIX_ORGS; i++) {
        sim = fix_sim_for(f, i, 0);
        assert_int_equal(ledger_sim_range(sim, FCC_LIT("any"), FCC_LIT("ab"), none, none, 1, none, &iter), FCC_OK);
        assert_int_equal(ledger_iter_page(iter, f->arena, &page), FCC_OK);
        assert_false(page.paginated);
        assert_int_equal(page.count, i == 2 ? 0 : 1);
        assert_int_equal(ledger_sim_put(sim, FCC_LIT("any"), none, FCC_LIT("k"), FCC_LIT("v")), FCC_ERR_PEER);
        assert_string_equal(ledger_sim_error(sim),
                            "txid [txid]: unsuppored transaction. Transaction has already performed queries on pvt "
                            "data. Writes are not allowed");
        ledger_sim_free(sim);
    }
}

static void metadata_of_a_private_key_keep_its_value_readable(void **state)
{
    ledger_metadata entry = { FCC_LIT("VALIDATION_PARAMETER"), { NULL, 0 } };
    fixture *f = *state;
    const ledger_metadata *got;
    ledger_sim *sim;
    size_t count;
    fix_tx tx;

    fix_write(f, "ab", "k", "v");
    assert_int_equal(msp_policy_parse("OR('BMSP.peer')", f->arena, &entry.value, NULL), FCC_OK);
    sim = fix_sim(f, 0);
    assert_int_equal(ledger_sim_put_metadata(sim, FCC_LIT("any"), FCC_LIT("ab"), FCC_LIT("k"), &entry, 1), FCC_OK);
    tx = fix_endorse(f, "any", fix_finish(f, sim), 1);
    assert_int_equal(fix_commit(f, &tx, 1)[0], FIX_CODE(VALID));
    assert_string_equal(fix_see(f, 0, "any", "ab", "k"), "v");
    sim = fix_sim(f, 0);
    assert_int_equal(ledger_sim_get_metadata(sim, FCC_LIT("any"), FCC_LIT("ab"), FCC_LIT("k"), &got, &count), FCC_OK);
    assert_int_equal(count, 1);
    ledger_sim_free(sim);
    assert_int_equal(fix_write(f, "ab", "k", "not endorsed by B"), FIX_CODE(ENDORSEMENT_POLICY_FAILURE));
}

static void forgotten_proposals_have_no_data(void **state)
{
    fixture *f = *state;
    ledger_sim *sim = fix_sim(f, 0);
    fix_tx tx;

    fix_put(sim, "any", "ab", "k", "v");
    tx = fix_endorse(f, "any", fix_finish(f, sim), 1);
    assert_int_equal(ledger_transient_purge(f->l, 1), FCC_OK); /* it came at height 1 */
    assert_int_equal(ledger_transient_purge(f->l, 2), FCC_OK);
    assert_int_equal(fix_commit(f, &tx, 1)[0], FIX_CODE(VALID));
    assert_string_equal(fix_see(f, 0, "any", "ab", "k"), mismatch);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fix_setup, fix_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(members_see_the_value_and_others_only_its_hash),
        TEST(everybody_is_a_member_of_a_collection_for_all),
        TEST(an_implicit_collection_is_its_organisations_alone),
        TEST(a_stranger_may_neither_read_nor_write_a_member_only_collection),
        TEST(an_undefined_collection_is_refused_by_its_name),
        TEST(private_writes_leave_only_hashes_in_the_transaction),
        TEST(data_that_are_not_what_was_promised_are_not_kept),
        TEST(the_data_of_an_invalid_transaction_are_not_kept),
        TEST(a_private_read_conflicts_by_its_hash),
        TEST(a_delete_or_purge_takes_the_value_from_everybody),
        TEST(public_state_cannot_be_purged),
        TEST(data_end_when_their_blocks_are_over),
        TEST(data_that_are_written_again_live_on),
        TEST(a_private_range_is_seen_by_members_and_records_nothing),
        TEST(metadata_of_a_private_key_keep_its_value_readable),
        TEST(forgotten_proposals_have_no_data),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
