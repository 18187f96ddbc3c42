/*
 * The history of each key is what the blocks say: each write and deletion of a valid transaction, the newest first. After
 * any order of writes, deletions and changes of metadata alone, over restarts and crashes, and in ledgers that an earlier
 * version has begun, which kept it in a table in the order of keys.
 */
#include "test/support/disk.h"
#include "test/unit/network/ledger/whole.h"

#include "ledger/rwset/kvrwset/kv_rwset.pb-c.h"
#include "ledger/rwset/rwset.pb-c.h"

#include <sys/wait.h>

enum { KEYS = 7, BLOCKS = 40, MOST = 4000, KILLED = 137 };

static const fcc_bytes none = { NULL, 0 };

static fcc_bytes key_of(fixture *f, size_t i)
{
    char *room;

    if (i + 1 < KEYS)
        return fcc_str(fcc__arena_printf(f->arena, "k%.*s", (int)i, "eeeeeeeeee")); /* each extends the one before */
    room = fcc__arena_alloc(f->arena, 600);
    memset(room, 'k', 600);
    return fcc_bytes_of(room, 600);
}

/* ---- what the blocks say ------------------------------------------------------------------------------------------- */

struct written {
    fcc_bytes ns, key, value, txid;
    ledger__version version;
    bool is_delete;
};

/* Every write of every valid transaction, the oldest first; of a key that one writes twice the first. */
static size_t all_writes(fixture *f, struct written *out)
{
    size_t count = 0, from, i, j, k, n;
    uint64_t block;

    for (block = 0; block < ledger_height(f->l); block++) {
        ledger__block b;
        fcc_bytes wire;

        assert_int_equal(ledger_block(f->l, block, f->arena, &wire), FCC_OK);
        assert_int_equal(ledger__block_unpack(wire, f->arena, &b), FCC_OK);
        for (i = 0; i < b.count; i++) {
            ledger__transaction tx;
            ledger__rwset set;

            assert_int_equal(ledger__transaction_unpack(b.envelopes[i], f->arena, &tx), FCC_OK);
            if (b.metadata[LEDGER__FILTER].data[i] != FIX_CODE(VALID) || !tx.action)
                continue;
            assert_int_equal(ledger__rwset_unpack(fcc__of_pb(tx.action->results), f->arena, &set), FCC_OK);
            from = count;
            for (j = 0; j < set.count; j++) {
                for (k = 0; k < set.namespaces[j].set->n_writes; k++) {
                    const Kvrwset__KVWrite *write = set.namespaces[j].set->writes[k];
                    fcc_bytes key = fcc__of_pb(write->key);

                    for (n = from; n < count; n++) {
                        if (fcc_bytes_equal(out[n].ns, set.namespaces[j].name) && fcc_bytes_equal(out[n].key, key))
                            break;
                    }
                    if (n < count)
                        continue;
                    assert_true(count < MOST);
                    out[count++] = (struct written){ .ns = set.namespaces[j].name,
                                                     .key = key,
                                                     .value = fcc__of_pb(write->value),
                                                     .txid = tx.txid,
                                                     .version = { block, i },
                                                     .is_delete = write->is_delete || write->value.len == 0 };
                }
            }
        }
    }
    return count;
}

static void check_key(fixture *f, const struct written *writes, size_t count, const char *ns, fcc_bytes key)
{
    ledger_sim *sim = fix_sim(f, 0);
    ledger_page page = { .has_more = true };
    ledger__version newest;
    ledger_iter *iter;
    MDB_txn *txn;
    size_t left = count, i;
    fcc_status st;

    assert_int_equal(ledger_sim_history(sim, fcc_str(ns), key, &iter), FCC_OK);
    while (page.has_more) {
        assert_int_equal(ledger_iter_page(iter, f->arena, &page), FCC_OK);
        for (i = 0; i < page.count; i++) {
            Queryresult__KeyModification *change;

            assert_int_equal(FCC__UNPACK(queryresult__key_modification, page.results[i], f->arena, &change), FCC_OK);
            do {
                assert_true(left > 0);
                left--;
            } while (!fcc_bytes_equal(writes[left].ns, fcc_str(ns)) || !fcc_bytes_equal(writes[left].key, key));
            assert_true(fcc_bytes_equal(fcc__of_pb(change->tx_id), writes[left].txid));
            assert_true(fcc_bytes_equal(fcc__of_pb(change->value), writes[left].value));
            assert_int_equal(change->is_delete, writes[left].is_delete);
        }
    }
    while (left-- > 0)
        assert_false(fcc_bytes_equal(writes[left].ns, fcc_str(ns)) && fcc_bytes_equal(writes[left].key, key));
    ledger_sim_free(sim);
    /* and the newest, for who looks no further */
    for (left = count; left > 0; left--) {
        if (fcc_bytes_equal(writes[left - 1].ns, fcc_str(ns)) && fcc_bytes_equal(writes[left - 1].key, key))
            break;
    }
    assert_int_equal(ledger__begin(&f->l->store, false, &txn), FCC_OK);
    st = ledger__history_newest(f->l, txn, fcc_str(ns), key, &newest);
    mdb_txn_abort(txn);
    assert_int_equal(st, left ? FCC_OK : FCC_ERR_NOT_FOUND);
    if (left) {
        assert_int_equal(newest.block, writes[left - 1].version.block);
        assert_int_equal(newest.tx, writes[left - 1].version.tx);
    }
}

static void check_all(fixture *f)
{
    struct written *writes = calloc(MOST, sizeof *writes);
    size_t count, i;

    assert_non_null(writes);
    count = all_writes(f, writes);
    for (i = 0; i < KEYS; i++) {
        check_key(f, writes, count, "any", key_of(f, i));
        check_key(f, writes, count, "both", key_of(f, i));
    }
    check_key(f, writes, count, "any", FCC_LIT("never written"));
    check_key(f, writes, count, "any", FCC_LIT("k\001"));
    free(writes);
}

/* ---- blocks of all kinds ------------------------------------------------------------------------------------------- */

static unsigned random_below(unsigned *seed, unsigned n)
{
    *seed = *seed * 1103515245u + 12345u;
    return (*seed >> 16) % n;
}

static void change(fixture *f, ledger_sim *sim, const char *ns, fcc_bytes key, unsigned kind)
{
    ledger_metadata entry = { FCC_LIT("name"), FCC_LIT("of what is kept beside it") };
    fcc_bytes value = fcc_str(fcc__arena_printf(f->arena, "value %llu", (unsigned long long)++f->nonces)), old;

    if (kind == 0 || kind == 4)
        assert_int_equal(ledger_sim_delete(sim, fcc_str(ns), none, key), FCC_OK);
    if (kind == 1 || kind == 3)
        assert_int_equal(ledger_sim_put_metadata(sim, fcc_str(ns), none, key, &entry, 1), FCC_OK);
    if (kind == 2)
        assert_int_equal(ledger_sim_put_metadata(sim, fcc_str(ns), none, key, NULL, 0), FCC_OK);
    if (kind == 5) /* once another of the block has written it, this one is invalid */
        assert_int_equal(ledger_sim_get(sim, fcc_str(ns), none, key, &old), FCC_OK);
    if (kind == 6)
        assert_int_equal(ledger_sim_put(sim, fcc_str(ns), FCC_LIT("all"), key, value), FCC_OK);
    if (kind >= 3)
        assert_int_equal(ledger_sim_put(sim, fcc_str(ns), none, key, value), FCC_OK);
}

static fcc_bytes random_block(fixture *f, unsigned *seed)
{
    size_t count = 1 + random_below(seed, 4), i;
    fix_tx txs[4];

    for (i = 0; i < count; i++) {
        ledger_sim *sim = fix_sim(f, 0);
        unsigned changes = 1 + random_below(seed, 4);
        bool both = random_below(seed, 4) == 0;

        while (changes-- > 0) {
            change(f, sim, "any", key_of(f, random_below(seed, KEYS)), random_below(seed, 8));
            if (both)
                change(f, sim, "both", key_of(f, random_below(seed, KEYS)), random_below(seed, 6));
        }
        txs[i] = fix_endorse(f, "any", fix_finish(f, sim), both ? 3 : 1);
    }
    return fix_order(f, txs, count);
}

static void random_blocks(fixture *f, unsigned *seed, size_t count)
{
    fcc_error error = { FCC_OK, "" };
    ledger_committed done;
    size_t i;

    for (i = 0; i < count; i++) {
        fcc_bytes block = random_block(f, seed);
        bool crash = random_below(seed, 8) == 0;

        ledger__fault = crash ? LEDGER__AFTER_APPEND : LEDGER__NEVER;
        assert_int_equal(ledger_commit(f->l, block, f->arena, &done, &error), crash ? FCC_ERR_INTERNAL : FCC_OK);
        ledger__fault = LEDGER__NEVER;
        if (crash || random_below(seed, 8) == 0)
            fix_reopen(f);
    }
}

static void is_what_the_blocks_say(void **state)
{
    fixture *f = *state;
    const char *problem;
    unsigned seed;
    size_t i;

    for (seed = 1; seed < 4; seed++) {
        unsigned own = seed;

        for (i = 0; i < 4; i++) {
            random_blocks(f, &own, BLOCKS / 4);
            check_all(f);
        }
    }
    problem = whole_replay(f);
    if (problem)
        fail_msg("%s", problem);
}

/* No chaincode writes a key twice in one transaction, but another peer's set may say so. */
static void has_a_key_that_is_written_twice_at_once_once(void **state)
{
    Kvrwset__KVRWSet set = KVRWSET__KVRWSET__INIT;
    Kvrwset__KVWrite write[4], *writes[4];
    Rwset__NsReadWriteSet ns = RWSET__NS_READ_WRITE_SET__INIT, *spaces[] = { &ns };
    Rwset__TxReadWriteSet both = RWSET__TX_READ_WRITE_SET__INIT;
    ledger_results results;
    fixture *f = *state;
    size_t round, i;
    fix_tx tx;

    for (round = 0; round < 4; round++) {
        memset(&results, 0, sizeof results);
        for (i = 0; i < 4; i++) {
            kvrwset__kvwrite__init(&write[i]);
            writes[i] = &write[i];
            write[i].key = fcc__pb(key_of(f, i / 2));
            write[i].is_delete = i == 3 && round % 2 == 0;
            if (!write[i].is_delete)
                write[i].value = fcc__pb(fcc_str(fcc__arena_printf(f->arena, "%zu %zu", round, i)));
        }
        set.writes = writes;
        set.n_writes = 4;
        ns.namespace_ = fcc__pb(FCC_LIT("any"));
        ns.rwset = fcc__pb(fix_pack(f, &set));
        both.data_model = RWSET__TX_READ_WRITE_SET__DATA_MODEL__KV;
        both.n_ns_rwset = 1;
        both.ns_rwset = spaces;
        results.rwset = fix_pack(f, &both);
        tx = fix_endorse(f, "any", results, 1);
        assert_int_equal(fix_commit(f, &tx, 1)[0], FIX_CODE(VALID));
        check_all(f);
        if (round == 1) {
            fix_write(f, "", "k", "v");
            fix_write(f, "", "ke", "v");
        }
    }
    check_all(f);
    assert_null(whole_replay(f));
}

static void that_has_lost_a_version_is_damaged_and_not_shorter(void **state)
{
    fixture *f = *state;
    ledger_sim *sim;
    ledger_iter *iter;
    ledger_page page;
    MDB_txn *txn;

    fix_write(f, "", "k", "one");
    fix_write(f, "", "k", "two");
    assert_int_equal(ledger__begin(&f->l->store, true, &txn), FCC_OK);
    assert_int_equal(ledger__del(&f->l->store, txn, LEDGER__CHAINS, ledger__chain_key(f->l, (ledger__version){ 2, 0 })),
                     FCC_OK);
    assert_int_equal(ledger__commit_txn(txn), FCC_OK);
    sim = fix_sim(f, 0);
    assert_int_equal(ledger_sim_history(sim, FCC_LIT("any"), FCC_LIT("k"), &iter), FCC_OK);
    assert_int_equal(ledger_iter_page(iter, f->arena, &page), FCC_ERR_CORRUPT);
    ledger_sim_free(sim);
}

/* ---- ledgers of earlier versions ----------------------------------------------------------------------------------- */

/* Make the closed ledger's database what an earlier version would have made of the blocks that it has. */
static void make_earlier(fixture *f)
{
    struct written *writes = calloc(MOST, sizeof *writes);
    MDB_val name = { 7, (void *)(uintptr_t) "pending" };
    MDB_txn *txn;
    MDB_dbi names;
    size_t count, i;

    assert_non_null(writes);
    count = all_writes(f, writes);
    assert_int_equal(ledger__begin(&f->l->store, true, &txn), FCC_OK);
    for (i = 0; i < count; i++)
        assert_int_equal(ledger__put(&f->l->store, txn, LEDGER__HISTORY,
                                     ledger__history_key(f->l, writes[i].ns, writes[i].key, writes[i].version), none),
                         FCC_OK);
    assert_int_equal(mdb_drop(txn, f->l->store.dbi[LEDGER__CHAINS], 1), 0);
    assert_int_equal(mdb_drop(txn, f->l->store.dbi[LEDGER__HEADS], 1), 0);
    assert_int_equal(mdb_dbi_open(txn, NULL, 0, &names), 0);
    assert_int_equal(mdb_del(txn, names, &name, NULL), 0);
    assert_int_equal(ledger__commit_txn(txn), FCC_OK);
    free(writes);
    ledger_close(f->l);
    f->l = NULL;
}

static void goes_on_where_an_earlier_version_has_left_it(void **state)
{
    fixture *f = *state;
    unsigned seed = 11, rounds;
    uint64_t from;

    random_blocks(f, &seed, BLOCKS);
    from = ledger_height(f->l);
    make_earlier(f);
    fix_open(f);
    assert_int_equal(f->l->store.chained_from, from);
    check_all(f);
    for (rounds = 0; rounds < 4; rounds++) {
        random_blocks(f, &seed, BLOCKS / 8);
        check_all(f);
    }
    fix_reopen(f);
    assert_int_equal(f->l->store.chained_from, from);
    check_all(f);
}

static void goes_on_behind_a_block_that_an_earlier_version_has_not_applied(void **state)
{
    fixture *f = *state;
    fcc_error error = { FCC_OK, "" };
    ledger_committed done;
    fcc_bytes block;
    unsigned seed = 12;

    random_blocks(f, &seed, BLOCKS / 2);
    block = random_block(f, &seed);
    ledger__fault = LEDGER__AFTER_APPEND;
    assert_int_equal(ledger_commit(f->l, block, f->arena, &done, &error), FCC_ERR_INTERNAL);
    ledger__fault = LEDGER__NEVER;
    make_earlier(f);
    fix_open(f);
    assert_int_equal(f->l->store.chained_from, ledger_height(f->l) - 1);
    check_all(f);
    random_blocks(f, &seed, BLOCKS / 4);
    check_all(f);
}

static void tells_who_deleted_a_key_under_an_earlier_version(void **state)
{
    fixture *f = *state;
    fcc_error error = { FCC_OK, "" };
    ledger_committed done;
    ledger_sim *sim;
    uint64_t block;
    fix_tx tx;

    fix_write(f, "", "k", "v");
    sim = fix_sim(f, 0);
    fix_get(f, sim, "any", "", "k");
    fix_put(sim, "any", "", "out", "v");
    tx = fix_endorse(f, "any", fix_finish(f, sim), 1);
    block = ledger_height(f->l);
    fix_write(f, "", "k", "");
    make_earlier(f);
    fix_open(f);
    if (ledger_commit(f->l, fix_order(f, &tx, 1), f->arena, &done, &error) != FCC_OK)
        fail_msg("%s", error.text);
    assert_int_equal(done.codes[0], FIX_CODE(MVCC_READ_CONFLICT));
    assert_true(done.conflicts[0].writer_known);
    assert_int_equal(done.conflicts[0].writer_block, block);
}

/* Earlier versions open a table of this name, if there is one. */
static void is_refused_by_earlier_versions(void **state)
{
    fixture *f = *state;
    MDB_txn *txn;
    MDB_dbi dbi;

    assert_int_equal(ledger__begin(&f->l->store, true, &txn), FCC_OK);
    assert_int_equal(mdb_dbi_open(txn, "pending", 0, &dbi), MDB_INCOMPATIBLE);
    mdb_txn_abort(txn);
}

static void copy_dir(fixture *f, const char *from, const char *to)
{
    char command[512];

    snprintf(command, sizeof command, "rm -rf '%s/%s' && cp -r '%s/%s' '%s/%s'", f->dir, to, f->dir, from, f->dir, to);
    assert_int_equal(system(command), 0);
}

/* The first start on a ledger of an earlier version ends behind each of its writes in turn; the next one goes on. */
static void outlives_a_kill_at_the_first_start(void **state)
{
    fixture *f = *state;
    unsigned seed = 13;
    uint64_t n;
    int status = 1;

    random_blocks(f, &seed, BLOCKS / 4);
    make_earlier(f);
    copy_dir(f, "ledger", "earlier");
    for (n = 1; status != 0; n++) {
        pid_t child = fork();
        unsigned own = seed;

        assert_true(child >= 0);
        if (child == 0) {
            fcc_error error = { FCC_OK, "" };

            disk_record(f->dir, NULL);
            disk_end_at(n, NULL);
            _exit(fix_try_open(f, &error) == FCC_OK ? 0 : 2);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == KILLED || WEXITSTATUS(status) == 0));
        fix_open(f);
        check_all(f);
        random_blocks(f, &own, 3);
        check_all(f);
        ledger_close(f->l);
        f->l = NULL;
        copy_dir(f, "earlier", "ledger");
    }
    assert_true(n > 2);
    fix_open(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fix_setup_on_disk, fix_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(is_what_the_blocks_say),
        TEST(has_a_key_that_is_written_twice_at_once_once),
        TEST(that_has_lost_a_version_is_damaged_and_not_shorter),
        TEST(goes_on_where_an_earlier_version_has_left_it),
        TEST(goes_on_behind_a_block_that_an_earlier_version_has_not_applied),
        TEST(tells_who_deleted_a_key_under_an_earlier_version),
        TEST(is_refused_by_earlier_versions),
        TEST(outlives_a_kill_at_the_first_start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
