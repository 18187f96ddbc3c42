/* The read-write set's canonical bytes, and the two forms in which a range query is recorded. */
#include "test/unit/network/ledger/fixture.h"

static const fcc_bytes none = { NULL, 0 };

static void a_set_is_written_in_byte_order_whatever_the_order_of_calls(void **state)
{
    /* TxReadWriteSet: namespaces a and b; in a: reads k1 (absent) and k2 (version 3, 0), writes k1 and a delete of k3 */
    static const char expected[] = "\x12\x2f"
                                   "\x0a\x01"
                                   "a"
                                   "\x12\x2a"
                                   "\x0a\x04\x0a\x02k1"                 /* KVRead without version */
                                   "\x0a\x08\x0a\x02k2\x12\x02\x08\x03" /* KVRead, version {3, 0} */
                                   "\x1a\x08\x0a\x02k1\x1a\x02v1"       /* KVWrite */
                                   "\x1a\x06\x0a\x02k3\x10\x01"         /* KVWrite, is_delete */
                                   "\x22\x06\x0a\x02k2\x12\x00"         /* KVMetadataWrite with an empty entry */
                                   "\x12\x0b"
                                   "\x0a\x01"
                                   "b"
                                   "\x12\x06"
                                   "\x0a\x04\x0a\x02\x00k";
    fcc__arena *arena = fcc__arena_new(1 << 20);
    ledger__entry absent = { .exists = false }, present = { .exists = true, .version = { 3, 0 } };
    ledger_metadata entry = { { NULL, 0 }, { NULL, 0 } };
    fcc_bytes rwset, private_rwset;
    ledger__builder b;

    ledger__builder_init(&b, arena);
    assert_int_equal(ledger__add_read(&b, FCC_LIT("b"), none, FCC_LIT("\0k"), &absent), FCC_OK);
    assert_int_equal(ledger__add_write(&b, FCC_LIT("a"), none, FCC_LIT("k3"), none, false), FCC_OK);
    assert_int_equal(ledger__add_write(&b, FCC_LIT("a"), none, FCC_LIT("k1"), FCC_LIT("old"), false), FCC_OK);
    assert_int_equal(ledger__add_read(&b, FCC_LIT("a"), none, FCC_LIT("k2"), &present), FCC_OK);
    assert_int_equal(ledger__add_read(&b, FCC_LIT("a"), none, FCC_LIT("k1"), &absent), FCC_OK);
    assert_int_equal(ledger__add_write(&b, FCC_LIT("a"), none, FCC_LIT("k1"), FCC_LIT("v1"), false), FCC_OK);
    assert_int_equal(ledger__add_metadata(&b, FCC_LIT("a"), none, FCC_LIT("k2"), &entry, 1), FCC_OK);
    assert_int_equal(ledger__build(&b, arena, &rwset, &private_rwset), FCC_OK);
    assert_int_equal(rwset.len, sizeof expected - 1);
    assert_memory_equal(rwset.data, expected, rwset.len);
    assert_int_equal(private_rwset.len, 0);
    fcc__arena_free(arena);
}

static void hashed_entries_follow_the_order_of_their_plain_keys(void **state)
{
    fcc__arena *arena = fcc__arena_new(1 << 20);
    fcc_bytes rwset, private_rwset;
    Rwset__TxPvtReadWriteSet *plain;
    ledger__builder b;
    ledger__rwset set;
    fcc__sha256 digest;
    size_t i;

    ledger__builder_init(&b, arena);
    for (i = 0; i < 20; i++) {
        char key[32];

        snprintf(key, sizeof key, "k%02zu", 19 - i);
        assert_int_equal(ledger__add_write(&b, FCC_LIT("cc"), FCC_LIT("coll"), fcc_str(key), FCC_LIT("v"), false),
                         FCC_OK);
    }
    assert_int_equal(ledger__build(&b, arena, &rwset, &private_rwset), FCC_OK);
    assert_int_equal(ledger__rwset_unpack(rwset, arena, &set), FCC_OK);
    assert_int_equal(set.namespaces[0].collections[0].set->n_hashed_writes, 20);
    for (i = 0; i < 20; i++) {
        char key[32];

        snprintf(key, sizeof key, "k%02zu", i);
        digest = fcc__sha256_of(fcc_str(key));
        assert_true(fcc_bytes_equal(fcc__of_pb(set.namespaces[0].collections[0].set->hashed_writes[i]->key_hash),
                                    fcc__sha256_bytes(&digest)));
    }
    assert_int_equal(FCC__UNPACK(rwset__tx_pvt_read_write_set, private_rwset, arena, &plain), FCC_OK);
    digest = fcc__sha256_of(fcc__of_pb(plain->ns_pvt_rwset[0]->collection_pvt_rwset[0]->rwset));
    assert_true(fcc_bytes_equal(set.namespaces[0].collections[0].private_hash, fcc__sha256_bytes(&digest)));
    fcc__arena_free(arena);
}

static void a_purge_is_a_delete_that_says_so_and_an_empty_value_a_delete(void **state)
{
    fcc__arena *arena = fcc__arena_new(1 << 20);
    fcc_bytes rwset, private_rwset;
    Kvrwset__KVWriteHash **writes;
    ledger__builder b;
    ledger__rwset set;

    ledger__builder_init(&b, arena);
    assert_int_equal(ledger__add_write(&b, FCC_LIT("cc"), FCC_LIT("coll"), FCC_LIT("a"), none, true), FCC_OK);
    assert_int_equal(ledger__add_write(&b, FCC_LIT("cc"), FCC_LIT("coll"), FCC_LIT("b"), none, false), FCC_OK);
    assert_int_equal(ledger__build(&b, arena, &rwset, &private_rwset), FCC_OK);
    assert_int_equal(ledger__rwset_unpack(rwset, arena, &set), FCC_OK);
    writes = set.namespaces[0].collections[0].set->hashed_writes;
    assert_true(writes[0]->is_delete && writes[0]->is_purge && writes[0]->value_hash.len == 0);
    assert_true(writes[1]->is_delete && !writes[1]->is_purge && writes[1]->value_hash.len == 0);
    fcc__arena_free(arena);
}

/* A range of `n` results, as recorded. */
static Kvrwset__RangeQueryInfo record(fcc__arena *arena, size_t n)
{
    Kvrwset__RangeQueryInfo info = KVRWSET__RANGE_QUERY_INFO__INIT;
    ledger__range range;
    size_t i;

    ledger__range_init(&range, arena, LEDGER__MAX_DEGREE);
    for (i = 0; i < n; i++) {
        ledger__version version = { 1, i };
        char key[32];

        snprintf(key, sizeof key, "key%05zu", i);
        assert_int_equal(ledger__range_add(&range, fcc_str(key), version), FCC_OK);
    }
    assert_int_equal(ledger__range_done(&range, &info), FCC_OK);
    return info;
}

static void up_to_fifty_results_are_listed_and_more_are_hashed(void **state)
{
    static const struct {
        size_t results;
        uint32_t level;
        size_t hashes;
    } cases[] = { { 51, 1, 1 },    { 52, 1, 2 },   { 102, 1, 2 }, { 103, 1, 3 },
                  { 2550, 1, 50 }, { 2601, 2, 1 }, { 2602, 2, 2 } };
    fcc__arena *arena = fcc__arena_new((size_t)1 << 28);
    Kvrwset__RangeQueryInfo info = record(arena, 0);
    size_t i;

    assert_int_equal(info.reads_info_case, KVRWSET__RANGE_QUERY_INFO__READS_INFO__NOT_SET);
    info = record(arena, 50);
    assert_int_equal(info.reads_info_case, KVRWSET__RANGE_QUERY_INFO__READS_INFO_RAW_READS);
    assert_int_equal(info.raw_reads->n_kv_reads, 50);
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        info = record(arena, cases[i].results);
        assert_int_equal(info.reads_info_case, KVRWSET__RANGE_QUERY_INFO__READS_INFO_READS_MERKLE_HASHES);
        assert_int_equal(info.reads_merkle_hashes->max_degree, 50);
        assert_int_equal(info.reads_merkle_hashes->max_level, cases[i].level);
        assert_int_equal(info.reads_merkle_hashes->n_max_level_hashes, cases[i].hashes);
    }
    fcc__arena_free(arena);
}

static void a_map_keeps_what_it_is_given(void **state)
{
    fcc__arena *arena = fcc__arena_new(1 << 26);
    ledger__map map;
    uint32_t i, *value;

    ledger__map_init(&map, arena, sizeof(uint32_t));
    for (i = 0; i < 20000; i++) {
        value = ledger__map_at(&map, fcc_bytes_of(&i, sizeof i));
        assert_non_null(value);
        *value = i;
    }
    for (i = 0; i < 20000; i++) {
        value = ledger__map_find(&map, fcc_bytes_of(&i, sizeof i));
        assert_non_null(value);
        assert_int_equal(*value, i);
    }
    assert_null(ledger__map_find(&map, fcc_bytes_of(&i, sizeof i)));
    ledger__map_sort(&map);
    for (i = 1; i < 20000; i++)
        assert_true(fcc_bytes_compare(map.items[i - 1]->key, map.items[i]->key) < 0);
    fcc__arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_set_is_written_in_byte_order_whatever_the_order_of_calls),
        cmocka_unit_test(hashed_entries_follow_the_order_of_their_plain_keys),
        cmocka_unit_test(a_purge_is_a_delete_that_says_so_and_an_empty_value_a_delete),
        cmocka_unit_test(up_to_fifty_results_are_listed_and_more_are_hashed),
        cmocka_unit_test(a_map_keeps_what_it_is_given),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
