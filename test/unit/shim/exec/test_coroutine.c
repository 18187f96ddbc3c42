/* Coroutines: many at once, what they keep across switches, and the pool. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "exec/coroutine.h"

struct counter {
    fcc__co *co;
    unsigned id;
    unsigned rounds;
    unsigned seen;
};

/* Locals at every level of a recursion survive a switch at its bottom. */
static unsigned nested(struct counter *c, unsigned depth)
{
    volatile unsigned local = c->id * 1000 + depth;
    double fraction = (double)local / 3;
    char text[32];
    unsigned below;

    memset(text, (int)(depth + c->id), sizeof(text));
    if (depth == 0) {
        fcc__co_yield(c->co);
        return 0;
    }
    below = nested(c, depth - 1);
    assert_int_equal(local, c->id * 1000 + depth);
    assert_true(fraction == (double)local / 3);
    for (size_t i = 0; i < sizeof(text); i++)
        assert_int_equal((uint8_t)text[i], (uint8_t)(depth + c->id));
    return below + 1;
}

static void count(void *arg)
{
    struct counter *c = arg;

    for (unsigned i = 0; i < c->rounds; i++) {
        c->seen++;
        assert_int_equal(nested(c, 7), 7);
    }
}

static void five_thousand_run_interleaved_and_keep_their_locals(void **state)
{
    enum { N = 5000, ROUNDS = 3 };
    fcc__co_pool *pool = fcc__co_pool_new(64 * 1024, 16);
    struct counter *c = calloc(N, sizeof(*c));

    for (unsigned i = 0; i < N; i++) {
        c[i] = (struct counter){ .id = i, .rounds = ROUNDS };
        c[i].co = fcc__co_new(pool, count, &c[i]);
        assert_non_null(c[i].co);
    }
    assert_int_equal(fcc__co_pool_active(pool), N);
    for (unsigned r = 0; r <= ROUNDS; r++)
        for (unsigned i = 0; i < N; i++)
            fcc__co_resume(c[i].co);
    for (unsigned i = 0; i < N; i++) {
        assert_true(fcc__co_finished(c[i].co));
        assert_int_equal(c[i].seen, ROUNDS);
        fcc__co_free(c[i].co);
    }
    assert_int_equal(fcc__co_pool_active(pool), 0);
    assert_int_equal(fcc__co_pool_idle(pool), 16);
    fcc__co_pool_free(pool);
    free(c);
}

static void one_stack_serves_a_thousand_coroutines(void **state)
{
    fcc__co_pool *pool = fcc__co_pool_new(0, 1);
    struct counter c = { .rounds = 0 };
    fcc__co *first = NULL;

    for (unsigned i = 0; i < 1000; i++) {
        fcc__co *co = fcc__co_new(pool, count, &c);

        if (!first)
            first = co;
        assert_ptr_equal(co, first);
        fcc__co_resume(co);
        assert_true(fcc__co_finished(co));
        fcc__co_free(co);
    }
    fcc__co_pool_free(pool);
}

static void one_never_started_can_be_freed(void **state)
{
    fcc__co_pool *pool = fcc__co_pool_new(0, 0);
    struct counter c = { .rounds = 1 };

    fcc__co_free(fcc__co_new(pool, count, &c));
    fcc__co_free(NULL);
    assert_int_equal(c.seen, 0);
    assert_int_equal(fcc__co_pool_idle(pool), 0);
    fcc__co_pool_free(pool);
}

struct outer {
    fcc__co_pool *pool;
    unsigned inner_seen;
};

static void run_another(void *arg)
{
    struct outer *o = arg;
    struct counter c = { .id = 1, .rounds = 2 };

    c.co = fcc__co_new(o->pool, count, &c);
    while (!fcc__co_finished(c.co))
        fcc__co_resume(c.co);
    o->inner_seen = c.seen;
    fcc__co_free(c.co);
}

static void a_coroutine_can_resume_another(void **state)
{
    struct outer o = { .pool = fcc__co_pool_new(0, 4) };
    fcc__co *co = fcc__co_new(o.pool, run_another, &o);

    fcc__co_resume(co);
    assert_true(fcc__co_finished(co));
    assert_int_equal(o.inner_seen, 2);
    fcc__co_free(co);
    fcc__co_pool_free(o.pool);
}

static void use_most_of_the_stack(void *arg)
{
    volatile uint8_t big[FCC__CO_STACK_BYTES - 32 * 1024];

    for (size_t i = 0; i < sizeof(big); i += 512)
        big[i] = (uint8_t)i;
    *(unsigned *)arg = big[512 * 3];
}

static void nearly_the_whole_stack_is_usable(void **state)
{
    fcc__co_pool *pool = fcc__co_pool_new(0, 1);
    unsigned result = 1;
    fcc__co *co = fcc__co_new(pool, use_most_of_the_stack, &result);

    fcc__co_resume(co);
    assert_int_equal(result, 0);
    fcc__co_free(co);
    fcc__co_pool_free(pool);
}

static unsigned run_over(unsigned depth)
{
    volatile uint8_t frame[1024];

    frame[0] = (uint8_t)depth;
    return depth > 100000 ? frame[0] : run_over(depth + 1) + frame[0];
}

static void overflow(void *arg)
{
    *(unsigned *)arg = run_over(0);
}

static void running_over_the_stack_is_a_signal_and_not_a_neighbours_memory(void **state)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        fcc__co_pool *pool = fcc__co_pool_new(0, 1);
        unsigned result;

        close(STDERR_FILENO);
        fcc__co_resume(fcc__co_new(pool, overflow, &result));
        _exit(0);
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(five_thousand_run_interleaved_and_keep_their_locals),
        cmocka_unit_test(one_stack_serves_a_thousand_coroutines),
        cmocka_unit_test(one_never_started_can_be_freed),
        cmocka_unit_test(a_coroutine_can_resume_another),
        cmocka_unit_test(nearly_the_whole_stack_is_usable),
        cmocka_unit_test(running_over_the_stack_is_a_signal_and_not_a_neighbours_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
