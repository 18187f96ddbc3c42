/* What a chaincode sees while it simulates, and what of it is recorded. */
#include "test/unit/network/ledger/fixture.h"

static const fcc_bytes none = { NULL, 0 };

/* Commit keys k000, k001, ... with their names as values. */
static void fill(fixture *f, size_t n)
{
    ledger_sim *sim = fix_sim(f, 0);
    fix_tx tx;
    size_t i;

    for (i = 0; i < n; i++) {
        char key[32];

        snprintf(key, sizeof key, "k%03zu", i);
        fix_put(sim, "any", "", key, key);
    }
    tx = fix_endorse(f, "any", fix_finish(f, sim), 1);
    assert_int_equal(fix_commit(f, &tx, 1)[0], FIX_CODE(VALID));
}

static ledger_iter *range(ledger_sim *sim, const char *from, const char *to, int32_t page, const char *bookmark)
{
    ledger_iter *iter;

    assert_int_equal(
        ledger_sim_range(sim, FCC_LIT("any"), none, fcc_str(from), fcc_str(to), page, fcc_str(bookmark), &iter),
        FCC_OK);
    return iter;
}

static ledger_page page_of(fixture *f, ledger_iter *iter)
{
    ledger_page page;

    assert_int_equal(ledger_iter_page(iter, f->arena, &page), FCC_OK);
    return page;
}

static const char *key_at(fixture *f, const ledger_page *page, size_t i)
{
    Queryresult__KV *kv;

    assert_true(i < page->count);
    assert_int_equal(FCC__UNPACK(queryresult__kv, page->results[i], f->arena, &kv), FCC_OK);
    return fcc__arena_printf(f->arena, FCC_FMT, FCC_ARG(fcc__of_pb(kv->key)));
}

/* The only range query of namespace `any`. */
static const Kvrwset__RangeQueryInfo *recorded(fixture *f, ledger_sim *sim)
{
    ledger_results results = fix_finish(f, sim);
    ledger__rwset set;

    assert_int_equal(ledger__rwset_unpack(results.rwset, f->arena, &set), FCC_OK);
    assert_int_equal(set.count, 1);
    assert_int_equal(set.namespaces[0].set->n_range_queries_info, 1);
    return set.namespaces[0].set->range_queries_info[0];
}

static void own_writes_are_invisible(void **state)
{
    fixture *f = *state;
    ledger_sim *sim;

    assert_int_equal(fix_write(f, "", "k", "before"), FIX_CODE(VALID));
    sim = fix_sim(f, 0);
    fix_put(sim, "any", "", "k", "after");
    assert_string_equal(fix_get(f, sim, "any", "", "k"), "before");
    assert_int_equal(ledger_sim_delete(sim, FCC_LIT("any"), none, FCC_LIT("k")), FCC_OK);
    assert_string_equal(fix_get(f, sim, "any", "", "k"), "before");
    assert_int_equal(page_of(f, range(sim, "", "", 0, "")).count, 1);
    ledger_sim_free(sim);
}

static void a_simulation_does_not_see_later_commits(void **state)
{
    fixture *f = *state;
    ledger_sim *sim;

    assert_int_equal(fix_write(f, "", "k", "before"), FIX_CODE(VALID));
    sim = fix_sim(f, 0);
    assert_int_equal(fix_write(f, "", "k", "after"), FIX_CODE(VALID));
    assert_string_equal(fix_get(f, sim, "any", "", "k"), "before");
    ledger_sim_free(sim);
    assert_string_equal(fix_see(f, 0, "any", "", "k"), "after");
}

static void an_empty_value_is_a_delete(void **state)
{
    fixture *f = *state;

    assert_int_equal(fix_write(f, "", "k", "value"), FIX_CODE(VALID));
    assert_int_equal(fix_write(f, "", "k", ""), FIX_CODE(VALID));
    assert_string_equal(fix_see(f, 0, "any", "", "k"), "");
}

static void keys_hold_any_byte_and_any_length(void **state)
{
    fixture *f = *state;
    static uint8_t key[65536];
    size_t lengths[] = { 1, 475, 476, 477, 511, 512, 65536 }, i;
    ledger_sim *sim = fix_sim(f, 0);
    ledger_page page;
    fcc_bytes value;
    fix_tx tx;

    for (i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
        assert_int_equal(ledger_sim_put(sim, FCC_LIT("any"), none, fcc_bytes_of(key, lengths[i]), FCC_LIT("zeros")),
                         FCC_OK);
    tx = fix_endorse(f, "any", fix_finish(f, sim), 1);
    assert_int_equal(fix_commit(f, &tx, 1)[0], FIX_CODE(VALID));
    sim = fix_sim(f, 0);
    for (i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        assert_int_equal(ledger_sim_get(sim, FCC_LIT("any"), none, fcc_bytes_of(key, lengths[i]), &value), FCC_OK);
        assert_true(fcc_bytes_equal(value, FCC_LIT("zeros")));
    }
    page = page_of(f, range(sim, "", "", 0, ""));
    assert_int_equal(page.count, sizeof lengths / sizeof lengths[0]);
    for (i = 0; i < page.count; i++) {
        Queryresult__KV *kv;

        assert_int_equal(FCC__UNPACK(queryresult__kv, page.results[i], f->arena, &kv), FCC_OK);
        assert_int_equal(kv->key.len, lengths[i]);
    }
    ledger_sim_free(sim);
}

static void a_hundred_results_fit_into_one_answer(void **state)
{
    fixture *f = *state;
    const Kvrwset__RangeQueryInfo *info;
    ledger_sim *sim;
    ledger_page page;

    fill(f, 100);
    sim = fix_sim(f, 0);
    page = page_of(f, range(sim, "k", "l", 0, ""));
    assert_int_equal(page.count, 100);
    assert_false(page.has_more);
    assert_false(page.paginated);
    info = recorded(f, sim);
    assert_true(info->itr_exhausted);
    assert_true(fcc_bytes_equal(fcc__of_pb(info->end_key), FCC_LIT("l")));
    assert_int_equal(info->reads_info_case, KVRWSET__RANGE_QUERY_INFO__READS_INFO_READS_MERKLE_HASHES);
}

static void of_101_results_the_last_is_pulled_but_not_yet_given(void **state)
{
    fixture *f = *state;
    const Kvrwset__RangeQueryInfo *info;
    ledger_iter *iter;
    ledger_sim *sim;
    ledger_page page;

    fill(f, 150);
    sim = fix_sim(f, 0);
    iter = range(sim, "k", "", 0, "");
    page = page_of(f, iter);
    assert_int_equal(page.count, 100);
    assert_true(page.has_more);
    assert_string_equal(key_at(f, &page, 99), "k099");
    info = recorded(f, sim);
    assert_false(info->itr_exhausted);
    assert_true(fcc_bytes_equal(fcc__of_pb(info->end_key), FCC_LIT("k100")));

    sim = fix_sim(f, 0);
    iter = range(sim, "k", "", 0, "");
    page = page_of(f, iter);
    page = page_of(f, iter);
    assert_int_equal(page.count, 50);
    assert_false(page.has_more);
    assert_string_equal(key_at(f, &page, 0), "k100");
    info = recorded(f, sim);
    assert_true(info->itr_exhausted);
    assert_int_equal(info->end_key.len, 0);
}

static void pages_give_the_next_key_as_bookmark(void **state)
{
    fixture *f = *state;
    ledger_sim *sim;
    ledger_page page;

    fill(f, 12);
    sim = fix_sim(f, 0);
    page = page_of(f, range(sim, "k", "", 5, ""));
    assert_true(page.paginated && !page.has_more);
    assert_int_equal(page.fetched, 5);
    assert_true(fcc_bytes_equal(page.bookmark, FCC_LIT("k005")));
    page = page_of(f, range(sim, "k", "", 5, "k010"));
    assert_int_equal(page.fetched, 2);
    assert_int_equal(page.bookmark.len, 0);
    page = page_of(f, range(sim, "k", "k003", 3, ""));
    assert_int_equal(page.fetched, 3);
    assert_int_equal(page.bookmark.len, 0);
    assert_int_equal(ledger_sim_put(sim, FCC_LIT("any"), none, FCC_LIT("k"), FCC_LIT("v")), FCC_ERR_PEER);
    assert_string_equal(ledger_sim_error(sim), "txid [txid]: unsuppored transaction. Transaction has already performed "
                                               "a paginated query. Writes are not allowed");
    ledger_sim_free(sim);
}

static void a_page_after_a_write_is_refused(void **state)
{
    fixture *f = *state;
    ledger_sim *sim = fix_sim(f, 0);
    ledger_iter *iter;

    fix_put(sim, "any", "", "k", "v");
    assert_int_equal(ledger_sim_range(sim, FCC_LIT("any"), none, none, none, 5, none, &iter), FCC_ERR_PEER);
    assert_string_equal(ledger_sim_error(sim), "txid [txid]: unsuppored transaction. Paginated queries are supported "
                                               "only in a read-only transaction");
    ledger_sim_free(sim);
}

static void a_query_ends_silently_at_its_limit(void **state)
{
    fixture *f = *state;
    ledger_iter *iter;
    ledger_sim *sim;
    ledger_page page;
    size_t total = 0;

    fill(f, LEDGER_QUERY_LIMIT + 5);
    sim = fix_sim(f, 0);
    iter = range(sim, "", "", 0, "");
    do {
        page = page_of(f, iter);
        total += page.count;
    } while (page.has_more);
    assert_int_equal(total, LEDGER_QUERY_LIMIT);
    ledger_sim_free(sim);
}

static void history_is_newest_first_with_deletes(void **state)
{
    static const struct {
        const char *value;
        bool is_delete;
    } expected[] = { { "three", false }, { "", true }, { "one", false } };
    fixture *f = *state;
    ledger_iter *iter;
    ledger_sim *sim;
    ledger_page page;
    size_t i;

    fix_write(f, "", "k", "one");
    fix_write(f, "", "k", "");
    fix_write(f, "", "k\001", "another key");
    fix_write(f, "", "k", "three");
    sim = fix_sim(f, 0);
    assert_int_equal(ledger_sim_history(sim, FCC_LIT("any"), FCC_LIT("k"), &iter), FCC_OK);
    page = page_of(f, iter);
    assert_int_equal(page.count, 3);
    for (i = 0; i < 3; i++) {
        Queryresult__KeyModification *change;

        assert_int_equal(FCC__UNPACK(queryresult__key_modification, page.results[i], f->arena, &change), FCC_OK);
        assert_true(fcc_bytes_equal(fcc__of_pb(change->value), fcc_str(expected[i].value)));
        assert_int_equal(change->is_delete, expected[i].is_delete);
        assert_int_equal(change->tx_id.len, 64);
        assert_true(change->timestamp && change->timestamp->seconds > 1800000000);
    }
    assert_int_equal(fix_finish(f, sim).rwset.len, 0);
}

static void metadata_are_read_back_sorted_and_replaced_whole(void **state)
{
    fixture *f = *state;
    ledger_metadata two[] = { { FCC_LIT("b"), FCC_LIT("2") }, { FCC_LIT("a"), FCC_LIT("1") } };
    const ledger_metadata *got;
    ledger_sim *sim;
    size_t count;
    fix_tx tx;

    fix_write(f, "", "k", "v");
    sim = fix_sim(f, 0);
    assert_int_equal(ledger_sim_put_metadata(sim, FCC_LIT("any"), none, FCC_LIT("k"), two, 2), FCC_OK);
    tx = fix_endorse(f, "any", fix_finish(f, sim), 1);
    assert_int_equal(fix_commit(f, &tx, 1)[0], FIX_CODE(VALID));
    fix_write(f, "", "k", "another value keeps the metadata");
    sim = fix_sim(f, 0);
    assert_int_equal(ledger_sim_get_metadata(sim, FCC_LIT("any"), none, FCC_LIT("k"), &got, &count), FCC_OK);
    assert_int_equal(count, 2);
    assert_true(fcc_bytes_equal(got[0].name, FCC_LIT("a")) && fcc_bytes_equal(got[1].value, FCC_LIT("2")));
    ledger_sim_free(sim);
    fix_write(f, "", "k", "");
    fix_write(f, "", "k", "a delete drops them");
    sim = fix_sim(f, 0);
    assert_int_equal(ledger_sim_get_metadata(sim, FCC_LIT("any"), none, FCC_LIT("k"), &got, &count), FCC_OK);
    assert_int_equal(count, 0);
    ledger_sim_free(sim);
}

static void a_result_names_the_policies_that_have_to_be_satisfied(void **state)
{
    fixture *f = *state;
    ledger_sim *sim = fix_sim(f, 0);
    ledger_results results;

    assert_int_equal(ledger_sim_enter(sim, FCC_LIT("both")), FCC_OK);
    assert_string_equal(fix_get(f, sim, "both", "", "k"), "");
    results = fix_finish(f, sim);
    assert_int_equal(results.policy_count, 1);
    assert_true(fcc_bytes_equal(results.policies[0], f->both.policy));
    sim = fix_sim(f, 0);
    assert_int_equal(ledger_sim_enter(sim, FCC_LIT("any")), FCC_OK);
    fix_put(sim, "any", "strict", "k", "v");
    results = fix_finish(f, sim);
    assert_int_equal(results.policy_count, 1);
    assert_false(fcc_bytes_equal(results.policies[0], f->any.policy));
}

static void finishing_twice_is_refused(void **state)
{
    fixture *f = *state;
    ledger_sim *sim = fix_sim(f, 0);
    ledger_results results;

    assert_int_equal(ledger_sim_finish(sim, f->arena, &results), FCC_OK);
    assert_int_equal(ledger_sim_finish(sim, f->arena, &results), FCC_ERR_PEER);
    ledger_sim_free(sim);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fix_setup, fix_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(own_writes_are_invisible),
        TEST(a_simulation_does_not_see_later_commits),
        TEST(an_empty_value_is_a_delete),
        TEST(keys_hold_any_byte_and_any_length),
        TEST(a_hundred_results_fit_into_one_answer),
        TEST(of_101_results_the_last_is_pulled_but_not_yet_given),
        TEST(pages_give_the_next_key_as_bookmark),
        TEST(a_page_after_a_write_is_refused),
        TEST(a_query_ends_silently_at_its_limit),
        TEST(history_is_newest_first_with_deletes),
        TEST(metadata_are_read_back_sorted_and_replaced_whole),
        TEST(a_result_names_the_policies_that_have_to_be_satisfied),
        TEST(finishing_twice_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
