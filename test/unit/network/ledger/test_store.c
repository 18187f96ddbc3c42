/* The database's tables: order, and keys of any length, read, written, deleted and walked. */
#include "ledger/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

struct open_store {
    char dir[64];
    ledger__store store;
    MDB_txn *txn;
};

static int setup(void **state)
{
    struct open_store *s = calloc(1, sizeof *s);

    snprintf(s->dir, sizeof s->dir, "/tmp/store-test-XXXXXX");
    assert_non_null(mkdtemp(s->dir));
    assert_int_equal(ledger__store_open(&s->store, s->dir, false, NULL), FCC_OK);
    assert_int_equal(ledger__begin(&s->store, true, &s->txn), FCC_OK);
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct open_store *s = *state;
    char command[128];

    mdb_txn_abort(s->txn);
    ledger__store_close(&s->store);
    snprintf(command, sizeof command, "rm -rf '%s'", s->dir);
    assert_int_equal(system(command), 0);
    free(s);
    return 0;
}

/* `len` times 'k', then `tail`. */
static fcc_bytes key_of(size_t len, const char *tail)
{
    static uint8_t room[8][70000];
    static size_t turn;
    uint8_t *key = room[turn++ % 8];

    memset(key, 'k', len);
    memcpy(key + len, tail, strlen(tail));
    return fcc_bytes_of(key, len + strlen(tail));
}

static void put(struct open_store *s, fcc_bytes key, const char *value)
{
    assert_int_equal(ledger__put(&s->store, s->txn, LEDGER__STATE, key, fcc_str(value)), FCC_OK);
}

static void holds(struct open_store *s, fcc_bytes key, const char *value)
{
    fcc_bytes got;

    assert_int_equal(ledger__get(&s->store, s->txn, LEDGER__STATE, key, &got), FCC_OK);
    assert_true(fcc_bytes_equal(got, fcc_str(value)));
}

static void lacks(struct open_store *s, fcc_bytes key)
{
    fcc_bytes got;

    assert_int_equal(ledger__get(&s->store, s->txn, LEDGER__STATE, key, &got), FCC_ERR_NOT_FOUND);
}

static const size_t lengths[] = { 1, 479, 480, 481, 482, 511, 512, 513, 65536 };
enum { LENGTHS = sizeof lengths / sizeof lengths[0] };

static void keys_of_all_lengths_are_kept_apart(void **state)
{
    struct open_store *s = *state;
    char value[32];
    size_t i;

    for (i = 0; i < LENGTHS; i++) {
        snprintf(value, sizeof value, "value %zu", lengths[i]);
        put(s, key_of(lengths[i], ""), value);
    }
    for (i = 0; i < LENGTHS; i++) {
        snprintf(value, sizeof value, "value %zu", lengths[i]);
        holds(s, key_of(lengths[i], ""), value);
        lacks(s, key_of(lengths[i], "x"));
    }
}

static void a_walk_has_byte_order_over_all_lengths(void **state)
{
    struct open_store *s = *state;
    ledger__cursor cursor;
    fcc_bytes last = { NULL, 0 };
    static uint8_t last_room[70000];
    size_t n = 0, i;

    for (i = LENGTHS; i-- > 0;) {
        put(s, key_of(lengths[i], ""), "v");
        put(s, key_of(lengths[i] - 1, "a"), "v");
        put(s, key_of(lengths[i] - 1, "z"), "v");
    }
    assert_int_equal(ledger__cursor_open(&s->store, s->txn, LEDGER__STATE, last, &cursor), FCC_OK);
    for (; cursor.key.data; n++) {
        assert_true(n == 0 || fcc_bytes_compare(last, cursor.key) < 0);
        memcpy(last_room, cursor.key.data, cursor.key.len);
        last = fcc_bytes_of(last_room, cursor.key.len);
        assert_int_equal(ledger__cursor_next(&cursor), FCC_OK);
    }
    assert_int_equal(n, 3 * LENGTHS);
    ledger__cursor_close(&cursor);
}

static void a_walk_starts_at_the_first_key_that_is_not_below(void **state)
{
    struct open_store *s = *state;
    ledger__cursor cursor;
    size_t i;

    for (i = 0; i < LENGTHS; i++)
        put(s, key_of(lengths[i], ""), "v");
    for (i = 0; i + 1 < LENGTHS; i++) {
        assert_int_equal(ledger__cursor_open(&s->store, s->txn, LEDGER__STATE, key_of(lengths[i], ""), &cursor),
                         FCC_OK);
        assert_int_equal(cursor.key.len, lengths[i]);
        ledger__cursor_close(&cursor);
        /* just behind it: the next longer one, since 0x01 sorts before 'k' */
        assert_int_equal(ledger__cursor_open(&s->store, s->txn, LEDGER__STATE, key_of(lengths[i], "\x01"), &cursor),
                         FCC_OK);
        assert_int_equal(cursor.key.len, lengths[i + 1]);
        ledger__cursor_close(&cursor);
    }
    assert_int_equal(ledger__cursor_open(&s->store, s->txn, LEDGER__STATE, key_of(600, "z"), &cursor), FCC_OK);
    assert_null(cursor.key.data);
    ledger__cursor_close(&cursor);
}

static void long_keys_are_replaced_and_deleted_one_by_one(void **state)
{
    struct open_store *s = *state;

    put(s, key_of(600, "b"), "b");
    put(s, key_of(600, "a"), "a");
    put(s, key_of(600, "c"), "c");
    put(s, key_of(600, "b"), "b, but longer than before");
    holds(s, key_of(600, "a"), "a");
    holds(s, key_of(600, "b"), "b, but longer than before");
    assert_int_equal(ledger__del(&s->store, s->txn, LEDGER__STATE, key_of(600, "b")), FCC_OK);
    assert_int_equal(ledger__del(&s->store, s->txn, LEDGER__STATE, key_of(600, "b")), FCC_OK);
    lacks(s, key_of(600, "b"));
    holds(s, key_of(600, "c"), "c");
    assert_int_equal(ledger__del(&s->store, s->txn, LEDGER__STATE, key_of(600, "a")), FCC_OK);
    assert_int_equal(ledger__del(&s->store, s->txn, LEDGER__STATE, key_of(600, "c")), FCC_OK);
    lacks(s, key_of(600, "a"));
    lacks(s, key_of(480, ""));
}

static void a_long_value_behind_a_long_key_comes_back_whole(void **state)
{
    struct open_store *s = *state;
    static char value[1 << 20];

    memset(value, 'v', sizeof value - 1);
    put(s, key_of(65535, "!"), value);
    put(s, key_of(65535, "?"), "");
    holds(s, key_of(65535, "!"), value);
    holds(s, key_of(65535, "?"), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keys_of_all_lengths_are_kept_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(a_walk_has_byte_order_over_all_lengths, setup, teardown),
        cmocka_unit_test_setup_teardown(a_walk_starts_at_the_first_key_that_is_not_below, setup, teardown),
        cmocka_unit_test_setup_teardown(long_keys_are_replaced_and_deleted_one_by_one, setup, teardown),
        cmocka_unit_test_setup_teardown(a_long_value_behind_a_long_key_comes_back_whole, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
