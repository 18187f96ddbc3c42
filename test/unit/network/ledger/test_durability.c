/* What is left when the process or the power goes, at any moment of a commit. */
#include "test/unit/network/ledger/fixture.h"

#include <fcntl.h>

/* Commit one write, but stop at `step` as if the process had been killed; then open again. */
static void crash(fixture *f, ledger__step step, const char *collection, const char *key, const char *value)
{
    ledger_sim *sim = fix_sim(f, 0);
    ledger_committed done;
    fcc_error error;
    fix_tx tx;

    fix_put(sim, "any", collection, key, value);
    tx = fix_endorse(f, "any", fix_finish(f, sim), 1);
    ledger__fault = step;
    assert_int_equal(ledger_commit(f->l, fix_order(f, &tx, 1), f->arena, &done, &error), FCC_ERR_INTERNAL);
    ledger__fault = LEDGER__NEVER;
    /* nothing more can be done with it */
    assert_int_equal(ledger_commit(f->l, FCC_LIT(""), f->arena, &done, &error) == FCC_OK, 0);
    fix_reopen(f);
}

static void block_file(const fixture *f, char path[256])
{
    snprintf(path, 256, "%s/blocks/blockfile_000000", f->ledger_dir);
}

static off_t size_of(const char *path)
{
    struct stat about;

    assert_int_equal(stat(path, &about), 0);
    return about.st_size;
}

static void an_opened_ledger_stands_where_it_was_closed(void **state)
{
    fixture *f = *state;
    fcc__sha256 hash, commit_hash;
    fcc_bytes before, after;

    fix_write(f, "", "k", "v");
    fix_write(f, "ab", "p", "private");
    hash = ledger_hash(f->l);
    memcpy(commit_hash.bytes, ledger_commit_hash(f->l).data, sizeof commit_hash.bytes);
    assert_int_equal(ledger_block(f->l, 2, f->arena, &before), FCC_OK);
    fix_reopen(f);
    assert_int_equal(ledger_height(f->l), 3);
    assert_memory_equal(ledger_hash(f->l).bytes, hash.bytes, sizeof hash.bytes);
    assert_memory_equal(ledger_commit_hash(f->l).data, commit_hash.bytes, sizeof hash.bytes);
    assert_string_equal(msp_channel_id(ledger_channel(f->l)), "test");
    assert_int_equal(ledger_block(f->l, 2, f->arena, &after), FCC_OK);
    assert_true(fcc_bytes_equal(before, after));
    assert_string_equal(fix_see(f, 0, "any", "", "k"), "v");
    assert_string_equal(fix_see(f, 1, "any", "ab", "p"), "private");
    assert_int_equal(fix_write(f, "", "k", "goes on"), FIX_CODE(VALID));
}

static void a_block_that_the_state_has_not_followed_is_replayed(void **state)
{
    fixture *f = *state;

    fix_write(f, "", "k", "one");
    crash(f, LEDGER__AFTER_APPEND, "", "k", "two");
    assert_int_equal(ledger_height(f->l), 3);
    assert_string_equal(fix_see(f, 0, "any", "", "k"), "two");
    assert_int_equal(fix_write(f, "", "k", "three"), FIX_CODE(VALID));
    fix_reopen(f);
    assert_string_equal(fix_see(f, 0, "any", "", "k"), "three");
}

static void a_replayed_block_still_has_its_private_data(void **state)
{
    fixture *f = *state;

    crash(f, LEDGER__AFTER_APPEND, "ab", "k", "private");
    assert_int_equal(ledger_height(f->l), 2);
    assert_string_equal(fix_see(f, 0, "any", "ab", "k"), "private");
    assert_string_equal(fix_see(f, 1, "any", "ab", "k"), "private");
}

static size_t transient_count(const fixture *f)
{
    MDB_txn *txn;
    MDB_stat stat;

    assert_int_equal(ledger__begin(&f->l->store, false, &txn), FCC_OK);
    assert_int_equal(mdb_stat(txn, f->l->store.dbi[LEDGER__TRANSIENT], &stat), 0);
    mdb_txn_abort(txn);
    return stat.ms_entries;
}

static void private_data_of_an_endorsed_transaction_wait_for_its_block_over_restarts(void **state)
{
    fixture *f = *state;
    ledger_sim *sim = fix_sim(f, 0);
    fix_tx tx, never;

    fix_put(sim, "any", "ab", "k", "private");
    tx = fix_endorse(f, "any", fix_finish(f, sim), 1);
    sim = fix_sim(f, 0);
    fix_put(sim, "any", "ab", "other", "never submitted");
    never = fix_endorse(f, "any", fix_finish(f, sim), 1);
    assert_true(never.envelope.len > 0);
    fix_reopen(f);
    assert_int_equal(ledger_height(f->l), 1);
    assert_string_equal(fix_see(f, 0, "any", "ab", "k"), "");
    assert_int_equal(transient_count(f), 2);
    fix_reopen(f);
    assert_int_equal(fix_commit(f, &tx, 1)[0], FIX_CODE(VALID));
    assert_string_equal(fix_see(f, 0, "any", "ab", "k"), "private");
    assert_string_equal(fix_see(f, 1, "any", "ab", "k"), "private");
    assert_int_equal(transient_count(f), 1);
    assert_int_equal(ledger_transient_purge(f->l, 1), FCC_OK); /* it came at height 1 */
    assert_int_equal(transient_count(f), 1);
    assert_int_equal(ledger_transient_purge(f->l, 2), FCC_OK);
    assert_int_equal(transient_count(f), 0);
}

/* Of earlier versions: synced with a block's private write sets before the block was. */
static void put_pending(fixture *f, bool with_entry)
{
    MDB_val key = { 1, (void *)(uintptr_t) "p" }, value = { 1, (void *)(uintptr_t) "v" };
    MDB_val name = { 7, (void *)(uintptr_t) "pending" };
    MDB_txn *txn;
    MDB_dbi dbi;

    assert_int_equal(ledger__begin(&f->l->store, true, &txn), FCC_OK);
    assert_int_equal(mdb_dbi_open(txn, NULL, 0, &dbi), 0);
    assert_int_equal(mdb_del(txn, dbi, &name, NULL), 0); /* what refuses those versions */
    assert_int_equal(mdb_dbi_open(txn, "pending", MDB_CREATE, &dbi), 0);
    if (with_entry)
        assert_int_equal(mdb_put(txn, dbi, &key, &value, 0), 0);
    assert_int_equal(ledger__commit_txn(txn), FCC_OK);
    ledger_close(f->l);
    f->l = NULL;
}

static void what_an_earlier_version_has_not_finished_is_left_to_it(void **state)
{
    fixture *f = *state;
    fcc_error error = { FCC_OK, "" };

    fix_write(f, "", "k", "v");
    put_pending(f, false);
    fix_open(f);
    assert_string_equal(fix_see(f, 0, "any", "", "k"), "v");
    put_pending(f, true);
    assert_int_equal(fix_try_open(f, &error), FCC_ERR_CONFIG);
    assert_non_null(strstr(error.text, "earlier version"));
}

static void the_whole_state_can_be_made_from_the_block_file(void **state)
{
    fixture *f = *state;
    char command[1024];

    fix_write(f, "", "k", "one");
    fix_write(f, "", "k", "two");
    fix_write(f, "", "m", "three");
    ledger_close(f->l);
    f->l = NULL;
    snprintf(command, sizeof command, "rm -rf '%s/state'", f->ledger_dir);
    assert_int_equal(system(command), 0);
    fix_open(f);
    assert_int_equal(ledger_height(f->l), 4);
    assert_string_equal(fix_see(f, 0, "any", "", "k"), "two");
    assert_string_equal(fix_see(f, 0, "any", "", "m"), "three");
}

static void a_torn_record_is_cut_off_wherever_it_is_torn(void **state)
{
    fixture *f = *state;
    char path[256], copy[300], command[1024];
    off_t whole, end, cut;

    fix_write(f, "", "k", "one");
    block_file(f, path);
    whole = size_of(path);
    crash(f, LEDGER__AFTER_APPEND, "", "k", "two"); /* only to have its record */
    ledger_close(f->l);
    f->l = NULL;
    end = size_of(path);
    snprintf(copy, sizeof copy, "%s.whole", f->ledger_dir);
    snprintf(command, sizeof command, "cp '%s' '%s' && rm -rf '%s/state'", path, copy, f->ledger_dir);
    assert_int_equal(system(command), 0);
    for (cut = whole; cut < end; cut += 1 + (end - whole) / 9) {
        snprintf(command, sizeof command, "rm -rf '%s/state' && cp '%s' '%s'", f->ledger_dir, copy, path);
        assert_int_equal(system(command), 0);
        assert_int_equal(truncate(path, cut), 0);
        fix_open(f);
        assert_int_equal(ledger_height(f->l), 2);
        assert_int_equal(size_of(path), whole);
        assert_string_equal(fix_see(f, 0, "any", "", "k"), "one");
        assert_int_equal(fix_write(f, "", "k", "after the cut"), FIX_CODE(VALID));
        ledger_close(f->l);
        f->l = NULL;
    }
    fix_open(f);
}

static void zeros_at_the_end_are_cut_off(void **state)
{
    static const off_t lengths[] = { 1, 2, 5000 };
    fixture *f = *state;
    char path[256];
    off_t whole;
    size_t i;

    fix_write(f, "", "k", "one");
    block_file(f, path);
    whole = size_of(path);
    for (i = 0; i < 3; i++) {
        ledger_close(f->l);
        f->l = NULL;
        assert_int_equal(truncate(path, whole + lengths[i]), 0);
        fix_open(f);
        assert_int_equal(ledger_height(f->l), 2);
        assert_int_equal(size_of(path), whole);
    }
}

static void damage_in_the_middle_is_said_and_not_cut_off(void **state)
{
    fixture *f = *state;
    char path[256], command[1024];
    fcc_error error = { FCC_OK, "" };
    off_t first;
    int fd;

    block_file(f, path);
    first = size_of(path);
    fix_write(f, "", "k", "one");
    fix_write(f, "", "k", "two");
    ledger_close(f->l);
    f->l = NULL;
    snprintf(command, sizeof command, "rm -rf '%s/state'", f->ledger_dir);
    assert_int_equal(system(command), 0);
    fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, "damage", 6, first + 200), 6);
    close(fd);
    assert_int_equal(fix_try_open(f, &error), FCC_ERR_CORRUPT);
    assert_true(strlen(error.text) > 0);
}

static void a_block_file_that_lost_blocks_is_said(void **state)
{
    fixture *f = *state;
    char path[256];
    fcc_error error = { FCC_OK, "" };
    off_t first;

    block_file(f, path);
    first = size_of(path);
    fix_write(f, "", "k", "one");
    ledger_close(f->l);
    f->l = NULL;
    assert_int_equal(truncate(path, first), 0);
    assert_int_equal(fix_try_open(f, &error), FCC_ERR_CORRUPT);
    assert_non_null(
        strstr(error.text, "/ledger/blocks/blockfile_000000: missing or cut short: the state has 2 blocks"));
}

static void only_one_can_have_it_open(void **state)
{
    fixture *f = *state;
    ledger *first = f->l;
    fcc_error error = { FCC_OK, "" };

    assert_int_equal(fix_try_open(f, &error), FCC_ERR_EXISTS);
    f->l = first;
}

/* As a ledger of an earlier version has them: where a block lies, without the hash of its bytes. */
static void places_without_a_hash_are_taken(void **state)
{
    fixture *f = *state;
    fcc_bytes place, kept, block;
    MDB_txn *txn;
    uint64_t i;

    fix_write(f, "", "k", "v");
    assert_int_equal(ledger__begin(&f->l->store, true, &txn), FCC_OK);
    for (i = 0; i < ledger_height(f->l); i++) {
        assert_int_equal(ledger__get(&f->l->store, txn, LEDGER__BLOCKS, ledger__number_key(f->l, 'n', i), &place),
                         FCC_OK);
        assert_true(place.len > FCC__SHA256_LEN);
        assert_true(fcc__arena_copy(f->arena, fcc_bytes_of(place.data, place.len - FCC__SHA256_LEN), &kept));
        assert_int_equal(ledger__put(&f->l->store, txn, LEDGER__BLOCKS, ledger__number_key(f->l, 'n', i), kept),
                         FCC_OK);
    }
    assert_int_equal(ledger__commit_txn(txn), FCC_OK);
    fix_reopen(f);
    assert_int_equal(ledger_block(f->l, 1, f->arena, &block), FCC_OK);
    assert_string_equal(fix_see(f, 0, "any", "", "k"), "v");
    assert_int_equal(fix_write(f, "", "k", "w"), FIX_CODE(VALID));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fix_setup_on_disk, fix_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(places_without_a_hash_are_taken),
        TEST(an_opened_ledger_stands_where_it_was_closed),
        TEST(a_block_that_the_state_has_not_followed_is_replayed),
        TEST(a_replayed_block_still_has_its_private_data),
        TEST(private_data_of_an_endorsed_transaction_wait_for_its_block_over_restarts),
        TEST(what_an_earlier_version_has_not_finished_is_left_to_it),
        TEST(the_whole_state_can_be_made_from_the_block_file),
        TEST(a_torn_record_is_cut_off_wherever_it_is_torn),
        TEST(zeros_at_the_end_are_cut_off),
        TEST(damage_in_the_middle_is_said_and_not_cut_off),
        TEST(a_block_file_that_lost_blocks_is_said),
        TEST(only_one_can_have_it_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
