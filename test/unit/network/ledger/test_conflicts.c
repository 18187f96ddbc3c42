/* A transaction that fails for its reads: which key it was, and which transaction wrote it. */
#include "test/unit/network/ledger/fixture.h"

static const fcc_bytes none = { NULL, 0 };

static fix_tx read_and_write(fixture *f, const char *collection, const char *key)
{
    ledger_sim *sim = fix_sim(f, 0);

    fix_get(f, sim, "any", collection, key);
    fix_put(sim, "any", "", "out", "v");
    return fix_endorse(f, "any", fix_finish(f, sim), 1);
}

static fix_tx walk_and_write(fixture *f)
{
    ledger_sim *sim = fix_sim(f, 0);
    ledger_iter *iter;
    ledger_page page;

    assert_int_equal(ledger_sim_range(sim, FCC_LIT("any"), none, FCC_LIT("k"), FCC_LIT("l"), 0, none, &iter), FCC_OK);
    do {
        assert_int_equal(ledger_iter_page(iter, f->arena, &page), FCC_OK);
    } while (page.has_more);
    fix_put(sim, "any", "", "out", "v");
    return fix_endorse(f, "any", fix_finish(f, sim), 1);
}

static fix_tx change(fixture *f, const char *collection, const char *key, const char *value)
{
    ledger_sim *sim = fix_sim(f, 0);

    if (value)
        fix_put(sim, "any", collection, key, value);
    else
        assert_int_equal(ledger_sim_delete(sim, FCC_LIT("any"), fcc_str(collection), fcc_str(key)), FCC_OK);
    return fix_endorse(f, "any", fix_finish(f, sim), 1);
}

static ledger_committed commit(fixture *f, const fix_tx *txs, size_t count)
{
    fcc_error error = { FCC_OK, "" };
    ledger_committed done;

    if (ledger_commit(f->l, fix_order(f, txs, count), f->arena, &done, &error) != FCC_OK)
        fail_msg("%s", error.text);
    return done;
}

/* The last transaction of the block failed with `code` for this key, which `block`, `index` had written. */
static void failed(const ledger_committed *done, uint8_t code, const char *key, uint64_t block, uint32_t index)
{
    const ledger_conflict *c = &done->conflicts[done->count - 1];

    assert_string_equal(ledger_code_name(done->codes[done->count - 1]), ledger_code_name(code));
    assert_true(fcc_bytes_equal(c->ns, FCC_LIT("any")));
    assert_true(fcc_bytes_equal(c->key, fcc_str(key)));
    assert_true(c->writer_known);
    assert_int_equal(c->writer_block, block);
    assert_int_equal(c->writer_index, index);
}

static void the_writer_of_an_earlier_block_is_named(void **state)
{
    fixture *f = *state;
    fix_tx tx = read_and_write(f, "", "k"), writer = change(f, "", "k", "v");
    ledger_committed done = commit(f, &writer, 1);
    uint64_t block = done.number;

    assert_int_equal(done.conflicts[0].ns.len, 0);
    done = commit(f, &tx, 1);
    failed(&done, FIX_CODE(MVCC_READ_CONFLICT), "k", block, 0);
    assert_non_null(
        strstr(ledger_why(f->l, &done, 0, NULL, f->arena), "has read key k of any, which was then written by"));
}

static void the_writer_in_the_same_block_is_named(void **state)
{
    fixture *f = *state;
    fix_tx txs[3] = { change(f, "", "other", "v"), change(f, "", "k", "v"), read_and_write(f, "", "k") };
    ledger_committed done = commit(f, txs, 3);

    failed(&done, FIX_CODE(MVCC_READ_CONFLICT), "k", done.number, 1);
}

static void who_deleted_a_key_is_found_in_its_history(void **state)
{
    fixture *f = *state;
    fix_tx tx, deleter;
    ledger_committed done;
    uint64_t block;

    fix_write(f, "", "k", "v");
    tx = read_and_write(f, "", "k");
    deleter = change(f, "", "k", NULL);
    block = commit(f, &deleter, 1).number;
    fix_write(f, "", "unrelated", "v");
    done = commit(f, &tx, 1);
    failed(&done, FIX_CODE(MVCC_READ_CONFLICT), "k", block, 0);
}

static void a_private_key_is_named_by_its_hash_unless_somebody_knows_it(void **state)
{
    fixture *f = *state;
    fix_tx txs[2] = { change(f, "all", "k", "v"), read_and_write(f, "all", "k") };
    ledger_committed done = commit(f, txs, 2);
    const ledger_conflict *c = &done.conflicts[1];
    fcc__sha256 hash = fcc__sha256_of(FCC_LIT("k"));

    assert_int_equal(done.codes[1], FIX_CODE(MVCC_READ_CONFLICT));
    assert_true(fcc_bytes_equal(c->collection, FCC_LIT("all")));
    assert_true(fcc_bytes_equal(c->key, fcc__sha256_bytes(&hash)));
    assert_int_equal(c->writer_index, 0);
    assert_non_null(strstr(ledger_why(f->l, &done, 1, NULL, f->arena), "has read key with hash 8254c329"));
}

static void a_deleted_private_key_has_no_writer_that_could_be_named(void **state)
{
    fixture *f = *state;
    fix_tx tx, deleter;
    ledger_committed done;

    fix_write(f, "all", "k", "v");
    tx = read_and_write(f, "all", "k");
    deleter = change(f, "all", "k", NULL);
    commit(f, &deleter, 1);
    done = commit(f, &tx, 1);
    assert_int_equal(done.codes[0], FIX_CODE(MVCC_READ_CONFLICT));
    assert_false(done.conflicts[0].writer_known);
    assert_non_null(strstr(ledger_why(f->l, &done, 0, NULL, f->arena), "can't be told"));
}

static void a_phantom_names_the_key_that_came_changed_or_went(void **state)
{
    fixture *f = *state;
    static const char *const names[] = { "k1", "k3", "k5" };
    static const struct {
        const char *key, *value;
    } changes[] = { { "k4", "new" }, { "k9", "new, at the end" }, { "k3", "changed" }, { "k5", NULL }, { "k1", NULL } };

    for (size_t i = 0; i < 3; i++)
        fix_write(f, "", names[i], "v");
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        fix_tx tx = walk_and_write(f), writer = change(f, "", changes[i].key, changes[i].value), both[2];
        uint64_t block = commit(f, &writer, 1).number;
        ledger_committed done = commit(f, &tx, 1);

        failed(&done, FIX_CODE(PHANTOM_READ_CONFLICT), changes[i].key, block, 0);
        /* and in one block */
        both[1] = walk_and_write(f);
        both[0] = change(f, "", changes[i].key, changes[i].value ? "again" : NULL);
        done = commit(f, both, 2);
        if (changes[i].value)
            failed(&done, FIX_CODE(PHANTOM_READ_CONFLICT), changes[i].key, done.number, 0);
    }
}

static void in_a_long_range_the_newest_write_is_named(void **state)
{
    fixture *f = *state;
    ledger_sim *sim = fix_sim(f, 0);
    fix_tx tx, txs[2];
    ledger_committed done;
    uint64_t block;

    for (int i = 0; i < 120; i++) {
        char key[32];

        snprintf(key, sizeof key, "k%03d", i);
        fix_put(sim, "any", "", key, "v");
    }
    tx = fix_endorse(f, "any", fix_finish(f, sim), 1);
    commit(f, &tx, 1);
    tx = walk_and_write(f);
    txs[0] = change(f, "", "k077", "changed");
    block = commit(f, txs, 1).number;
    done = commit(f, &tx, 1);
    failed(&done, FIX_CODE(PHANTOM_READ_CONFLICT), "k077", block, 0);
    txs[0] = change(f, "", "k050", NULL);
    txs[1] = walk_and_write(f);
    done = commit(f, txs, 2);
    failed(&done, FIX_CODE(PHANTOM_READ_CONFLICT), "k050", done.number, 0);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, fix_setup, fix_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(the_writer_of_an_earlier_block_is_named),
        WITH(the_writer_in_the_same_block_is_named),
        WITH(who_deleted_a_key_is_found_in_its_history),
        WITH(a_private_key_is_named_by_its_hash_unless_somebody_knows_it),
        WITH(a_deleted_private_key_has_no_writer_that_could_be_named),
        WITH(a_phantom_names_the_key_that_came_changed_or_went),
        WITH(in_a_long_range_the_newest_write_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
