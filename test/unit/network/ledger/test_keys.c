/*
 * Keys of any length through the whole ledger. LMDB takes 511 bytes; with the namespace a key of the state is stored
 * directly up to 480, behind that it shares an entry with others (store.h).
 */
#include "test/unit/network/ledger/fixture.h"

/* "any" and 0x00 come before a key, so that 476 is the last that is stored directly in the state. */
static const size_t lengths[] = { 1, 475, 476, 477, 479, 480, 481, 482, 511, 512, 600, 65536 };
enum { LENGTHS = sizeof lengths / sizeof lengths[0], TAILS = 3 };

/* `len` bytes, all alike up to the last. */
static const char *key_of(fixture *f, size_t len, char last)
{
    char *key = fcc__arena_alloc(f->arena, len + 1);

    memset(key, 'k', len);
    key[len - 1] = last;
    key[len] = '\0';
    return key;
}

static const char *value_of(fixture *f, size_t len, char last)
{
    return fcc__arena_printf(f->arena, "%zu%c", len, last);
}

static void write_all(fixture *f, const char *collection)
{
    static const char tails[TAILS] = { 'z', 'a', 'm' };
    ledger_sim *sim = fix_sim(f, 0);
    size_t i, t;
    fix_tx tx;

    for (t = 0; t < TAILS; t++) {
        for (i = LENGTHS; i-- > 0;)
            fix_put(sim, "any", collection, key_of(f, lengths[i], tails[t]), value_of(f, lengths[i], tails[t]));
    }
    tx = fix_endorse(f, "any", fix_finish(f, sim), 1);
    assert_int_equal(fix_commit(f, &tx, 1)[0], FIX_CODE(VALID));
}

static void point_reads(fixture *f, const char *collection)
{
    size_t i;

    for (i = 0; i < LENGTHS; i++) {
        assert_string_equal(fix_see(f, 0, "any", collection, key_of(f, lengths[i], 'a')), value_of(f, lengths[i], 'a'));
        assert_string_equal(fix_see(f, 0, "any", collection, key_of(f, lengths[i], 'z')), value_of(f, lengths[i], 'z'));
        assert_string_equal(fix_see(f, 0, "any", collection, key_of(f, lengths[i], 'b')), "");
    }
}

static void are_read_replaced_and_deleted(void **state)
{
    fixture *f = *state;
    size_t i;

    write_all(f, "");
    point_reads(f, "");
    fix_reopen(f);
    point_reads(f, "");
    for (i = 0; i < LENGTHS; i++) {
        ledger_sim *sim = fix_sim(f, 0);
        fix_tx tx;

        /* the version that is read has to be the one that is there at the commit */
        assert_string_equal(fix_get(f, sim, "any", "", key_of(f, lengths[i], 'm')), value_of(f, lengths[i], 'm'));
        fix_put(sim, "any", "", key_of(f, lengths[i], 'm'), "another value, and a longer one");
        assert_int_equal(ledger_sim_delete(sim, FCC_LIT("any"), FCC_LIT(""), fcc_str(key_of(f, lengths[i], 'a'))),
                         FCC_OK);
        tx = fix_endorse(f, "any", fix_finish(f, sim), 1);
        assert_int_equal(fix_commit(f, &tx, 1)[0], FIX_CODE(VALID));
    }
    for (i = 0; i < LENGTHS; i++) {
        assert_string_equal(fix_see(f, 0, "any", "", key_of(f, lengths[i], 'm')), "another value, and a longer one");
        assert_string_equal(fix_see(f, 0, "any", "", key_of(f, lengths[i], 'a')), "");
        assert_string_equal(fix_see(f, 0, "any", "", key_of(f, lengths[i], 'z')), value_of(f, lengths[i], 'z'));
    }
}

static void of_a_stale_read_are_conflicts(void **state)
{
    fixture *f = *state;
    size_t i;

    write_all(f, "");
    for (i = 0; i < LENGTHS; i++) {
        ledger_sim *sim = fix_sim(f, 0);
        fix_tx tx;

        fix_get(f, sim, "any", "", key_of(f, lengths[i], 'm'));
        fix_put(sim, "any", "", "other", "v");
        tx = fix_endorse(f, "any", fix_finish(f, sim), 1);
        fix_write(f, "", key_of(f, lengths[i], 'm'), "in between");
        assert_int_equal(fix_commit(f, &tx, 1)[0], FIX_CODE(MVCC_READ_CONFLICT));
    }
}

/* All results of a query, in order; how many. */
static size_t walk(fixture *f, ledger_iter *iter, bool history, fcc_bytes *keys, size_t room)
{
    ledger_page page = { .has_more = true };
    size_t count = 0, i;

    while (page.has_more) {
        assert_int_equal(ledger_iter_page(iter, f->arena, &page), FCC_OK);
        for (i = 0; i < page.count; i++) {
            Queryresult__KV *kv;

            assert_true(count < room);
            if (!history) {
                assert_int_equal(FCC__UNPACK(queryresult__kv, page.results[i], f->arena, &kv), FCC_OK);
                keys[count] = fcc__of_pb(kv->key);
            }
            count++;
        }
    }
    ledger_iter_close(iter);
    return count;
}

static void ranges(fixture *f, const char *collection)
{
    fcc_bytes keys[LENGTHS * TAILS + 1];
    ledger_sim *sim = fix_sim(f, 0);
    fcc_bytes none = { NULL, 0 };
    size_t count, n, i, j;
    ledger_iter *iter;

    assert_int_equal(ledger_sim_range(sim, FCC_LIT("any"), fcc_str(collection), none, none, 0, none, &iter), FCC_OK);
    count = walk(f, iter, false, keys, LENGTHS * TAILS + 1);
    assert_int_equal(count, LENGTHS * TAILS);
    for (i = 1; i < count; i++)
        assert_true(fcc_bytes_compare(keys[i - 1], keys[i]) < 0);
    /* and from each key to each later one, the last not included */
    for (i = 0; i < count; i += 3) {
        for (j = i + 1; j < count; j += 4) {
            fcc_bytes inner[LENGTHS * TAILS + 1];

            assert_int_equal(
                ledger_sim_range(sim, FCC_LIT("any"), fcc_str(collection), keys[i], keys[j], 0, none, &iter), FCC_OK);
            n = walk(f, iter, false, inner, LENGTHS * TAILS + 1);
            assert_int_equal(n, j - i);
            assert_true(fcc_bytes_equal(inner[0], keys[i]));
            assert_true(fcc_bytes_equal(inner[n - 1], keys[j - 1]));
        }
    }
    ledger_sim_free(sim);
}

static void are_in_ranges_in_byte_order(void **state)
{
    fixture *f = *state;

    write_all(f, "");
    ranges(f, "");
}

static void that_come_into_a_range_are_phantoms(void **state)
{
    fixture *f = *state;
    fcc_bytes keys[8], none = { NULL, 0 };
    size_t i;

    for (i = 0; i < LENGTHS; i++) {
        const char *from = key_of(f, lengths[i], 'c'), *end = key_of(f, lengths[i], 'e');
        ledger_sim *sim = fix_sim(f, 0);
        ledger_iter *iter;
        fix_tx tx;

        assert_int_equal(ledger_sim_range(sim, FCC_LIT("any"), none, fcc_str(from), fcc_str(end), 0, none, &iter),
                         FCC_OK);
        walk(f, iter, false, keys, 8);
        fix_put(sim, "any", "", "other", "v");
        tx = fix_endorse(f, "any", fix_finish(f, sim), 1);
        fix_write(f, "", key_of(f, lengths[i], 'd'), "in between");
        assert_int_equal(fix_commit(f, &tx, 1)[0], FIX_CODE(PHANTOM_READ_CONFLICT));
    }
}

static void have_a_history_of_their_own(void **state)
{
    fixture *f = *state;
    size_t i, n;

    write_all(f, "");
    for (i = 0; i < LENGTHS; i++) {
        for (n = 0; n < i % 3; n++)
            fix_write(f, "", key_of(f, lengths[i], 'm'), "once more");
    }
    for (i = 0; i < LENGTHS; i++) {
        ledger_sim *sim = fix_sim(f, 0);
        ledger_iter *iter;

        assert_int_equal(ledger_sim_history(sim, FCC_LIT("any"), fcc_str(key_of(f, lengths[i], 'm')), &iter), FCC_OK);
        assert_int_equal(walk(f, iter, true, NULL, 10), 1 + i % 3);
        assert_int_equal(ledger_sim_history(sim, FCC_LIT("any"), fcc_str(key_of(f, lengths[i], 'q')), &iter), FCC_OK);
        assert_int_equal(walk(f, iter, true, NULL, 10), 0);
        ledger_sim_free(sim);
    }
}

static void are_private_keys_as_well(void **state)
{
    fixture *f = *state;

    write_all(f, "ab");
    point_reads(f, "ab");
    ranges(f, "ab");
    fix_reopen(f);
    point_reads(f, "ab");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fix_setup_on_disk, fix_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(are_read_replaced_and_deleted), TEST(of_a_stale_read_are_conflicts),
        TEST(are_in_ranges_in_byte_order),   TEST(that_come_into_a_range_are_phantoms),
        TEST(have_a_history_of_their_own),   TEST(are_private_keys_as_well),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
