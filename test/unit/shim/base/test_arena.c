/* The capped arena. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/arena.h"

static void allocations_are_aligned_and_apart(void **state)
{
    fcc__arena *arena = fcc__arena_new(1 << 20);
    uint8_t *last = NULL;
    size_t last_len = 0;

    for (size_t len = 0; len < 700; len += 7) {
        uint8_t *p = fcc__arena_alloc(arena, len);

        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 16, 0);
        memset(p, (int)len, len);
        for (size_t i = 0; i < last_len; i++)
            assert_int_equal(last[i], (uint8_t)last_len);
        last = p;
        last_len = len;
    }
    fcc__arena_free(arena);
    fcc__arena_free(NULL);
}

static void the_cap_holds_and_what_was_allocated_stays(void **state)
{
    enum { CAP = 100000 };
    fcc__arena *arena = fcc__arena_new(CAP);
    char *kept = fcc__arena_printf(arena, "%d-%s", 7, "kept");

    assert_null(fcc__arena_alloc(arena, CAP));
    assert_null(fcc__arena_alloc(arena, SIZE_MAX));
    assert_null(fcc__arena_zalloc(arena, SIZE_MAX / 2, 3));
    while (fcc__arena_alloc(arena, 1000))
        assert_in_range(fcc__arena_used(arena), 1, CAP);
    assert_in_range(fcc__arena_used(arena), CAP - 2000, CAP);
    assert_string_equal(kept, "7-kept");
    fcc__arena_free(arena);
}

static void a_reset_arena_is_empty_and_small(void **state)
{
    fcc__arena *arena = fcc__arena_new(1 << 24);

    for (unsigned round = 0; round < 100; round++) {
        for (unsigned i = 0; i < 100; i++)
            assert_non_null(fcc__arena_zalloc(arena, 100, 100));
        fcc__arena_reset(arena);
        assert_in_range(fcc__arena_used(arena), 0, 8192);
    }
    fcc__arena_free(arena);
}

static void copies_have_a_terminator_behind_them(void **state)
{
    fcc__arena *arena = fcc__arena_new(1 << 16);
    fcc_bytes copy;

    assert_true(fcc__arena_copy(arena, FCC_LIT("a\0b"), &copy));
    assert_int_equal(copy.len, 3);
    assert_memory_equal(copy.data, "a\0b", 4);
    assert_true(fcc__arena_copy(arena, fcc_bytes_of(NULL, 0), &copy));
    assert_int_equal(copy.len, 0);
    assert_string_equal((const char *)copy.data, "");
    fcc__arena_free(arena);
}

static void adopted_memory_counts_moves_and_is_freed_with_its_arena(void **state)
{
    fcc__arena *from = fcc__arena_new(10000), *to = fcc__arena_new(5000);
    uint8_t *small = malloc(3000), *large = malloc(6000);

    assert_true(fcc__arena_adopt(from, small, 3000));
    assert_true(fcc__arena_adopt(from, large, 6000));
    assert_int_equal(fcc__arena_used(from), 9000);
    assert_false(fcc__arena_adopt(from, large, 6000)); /* past the cap: not taken */
    assert_true(fcc__arena_has_adopted(from, NULL, fcc_bytes_of(small + 2999, 1)));
    assert_false(fcc__arena_has_adopted(to, NULL, fcc_bytes_of(small, 1)));
    assert_true(fcc__arena_has_adopted(to, from, fcc_bytes_of(small + 1, 10)));
    assert_int_equal(fcc__arena_used(from), 6000);
    assert_int_equal(fcc__arena_used(to), 3000);
    assert_true(fcc__arena_has_adopted(to, NULL, fcc_bytes_of(small, 1)));
    assert_false(fcc__arena_has_adopted(to, from, fcc_bytes_of(large, 1))); /* past the cap: it stays */
    assert_true(fcc__arena_has_adopted(from, NULL, fcc_bytes_of(large, 1)));
    fcc__arena_reset(to);
    assert_int_equal(fcc__arena_used(to), 0);
    fcc__arena_free(from);
    fcc__arena_free(to);
}

static void what_is_lent_stays_until_it_is_given_back(void **state)
{
    fcc__arena *arena = fcc__arena_new(100000);
    uint8_t *small = fcc__arena_alloc(arena, 10), *large = fcc__arena_alloc(arena, 50000), *adopted = malloc(3000);
    void *lent[4];

    assert_true(fcc__arena_adopt(arena, adopted, 3000));
    memset(small, 1, 10);
    memset(large, 2, 50000);
    memset(adopted, 3, 3000);
    lent[0] = fcc__arena_lend(arena, fcc_bytes_of(small + 9, 1));
    lent[1] = fcc__arena_lend(arena, fcc_bytes_of(large, 50000));
    lent[2] = fcc__arena_lend(arena, fcc_bytes_of(large + 10, 1));
    lent[3] = fcc__arena_lend(arena, fcc_bytes_of(adopted + 10, 20));
    for (int i = 0; i < 4; i++)
        assert_non_null(lent[i]);
    assert_null(fcc__arena_lend(arena, fcc_bytes_of(lent, 1)));
    fcc__arena_reset(arena);
    assert_int_equal(fcc__arena_used(arena), 0);
    memset(fcc__arena_alloc(arena, 10), 9, 10); /* not where the lent ones are */
    fcc__arena_return(lent[2]);
    fcc__arena_free(arena);
    assert_int_equal(small[9], 1);
    assert_int_equal(large[49999], 2);
    assert_int_equal(adopted[2999], 3);
    fcc__arena_return(lent[0]);
    fcc__arena_return(lent[1]);
    fcc__arena_return(lent[3]);
}

static void what_is_charged_leaves_less_room_until_it_is_discharged(void **state)
{
    fcc__arena *arena = fcc__arena_new(10000);

    assert_true(fcc__arena_charge(arena, 9000));
    assert_false(fcc__arena_charge(arena, 1001));
    assert_null(fcc__arena_alloc(arena, 2000));
    fcc__arena_discharge(arena, 9000);
    assert_non_null(fcc__arena_alloc(arena, 2000));
    fcc__arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocations_are_aligned_and_apart),
        cmocka_unit_test(the_cap_holds_and_what_was_allocated_stays),
        cmocka_unit_test(a_reset_arena_is_empty_and_small),
        cmocka_unit_test(adopted_memory_counts_moves_and_is_freed_with_its_arena),
        cmocka_unit_test(what_is_lent_stays_until_it_is_given_back),
        cmocka_unit_test(what_is_charged_leaves_less_room_until_it_is_discharged),
        cmocka_unit_test(copies_have_a_terminator_behind_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
