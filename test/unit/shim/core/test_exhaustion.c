/*
 * A whole conversation, again and again, with the n-th allocation failing for every n: nothing crashes or leaks, and
 * every transaction is answered, or the conversation ends so that the peer knows. The linker puts our malloc, calloc,
 * realloc, free and mmap before those that the shim calls.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "scenario.h"

#include <errno.h>
#include <sys/mman.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
void __real_free(void *p);
void *__real_mmap(void *address, size_t len, int protection, int flags, int fd, off_t offset);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);
void __wrap_free(void *p);
void *__wrap_mmap(void *address, size_t len, int protection, int flags, int fd, off_t offset);

static struct {
    bool on;
    bool for_good; /* all after the n-th fail too */
    size_t left;   /* allocations until the one that fails; 0: none */
    size_t failed;
    long live; /* blocks allocated and not freed */
} heap;

static bool fails(void)
{
    if (!heap.on || heap.left == 0)
        return false;
    if (heap.left > 1) {
        heap.left--;
        return false;
    }
    if (!heap.for_good)
        heap.left = 0;
    heap.failed++;
    errno = ENOMEM;
    return true;
}

static void *counted(void *p)
{
    heap.live += p != NULL;
    return p;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : counted(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : counted(__real_calloc(count, size));
}

void *__wrap_realloc(void *p, size_t size)
{
    if (fails())
        return NULL;
    return p ? __real_realloc(p, size) : counted(__real_realloc(NULL, size));
}

void __wrap_free(void *p)
{
    heap.live -= p != NULL;
    __real_free(p);
}

void *__wrap_mmap(void *address, size_t len, int protection, int flags, int fd, off_t offset)
{
    return fails() ? MAP_FAILED : __real_mmap(address, len, protection, flags, fd, offset);
}

static void switch_failures(bool on)
{
    heap.on = on;
}

/* Whether the n-th allocation was still reached. */
static bool run_with(size_t n, bool for_good)
{
    struct play p = { .failures = switch_failures };
    long before = heap.live;

    heap.left = n;
    heap.for_good = for_good;
    heap.failed = 0;
    play_run(&p);
    if (p.begun && !p.closed && p.answered != PLAY_TRANSACTIONS)
        fail_msg("allocation %zu: %zu of %d transactions were answered, and the peer waits for the others", n,
                 p.answered, (int)PLAY_TRANSACTIONS);
    if (p.closed && !p.exhausted)
        fail_msg("allocation %zu: the conversation ended, and nobody was told that memory is used up", n);
    if (!heap.failed)
        assert_int_equal(p.completed, PLAY_TRANSACTIONS);
    play_clear(&p);
    if (heap.live != before)
        fail_msg("allocation %zu: %ld blocks are left", n, heap.live - before);
    return heap.failed > 0;
}

static void the_nth_allocation_may_fail(void **state)
{
    size_t n = 1;

    while (run_with(n, false))
        n++;
    assert_true(n > 20);
    printf("# %zu allocations\n", n - 1);
}

static void all_allocations_from_the_nth_on_may_fail(void **state)
{
    size_t n = 1;

    while (run_with(n, true))
        n++;
    assert_true(n > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nth_allocation_may_fail),
        cmocka_unit_test(all_allocations_from_the_nth_on_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
