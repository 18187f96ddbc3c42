/* What handlers do to a whole process that compute for ever, wait for ever, crash or run over their stack. */
#include "test/unit/shim/io/process.h"

#include <stdatomic.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

/* ---- the chaincode ---- */

static atomic_bool never;
static atomic_bool go;

static fcc_status spin(fcc_stub *stub, fcc_args args)
{
    while (!atomic_load(&never))
        ;
    return FCC_OK;
}

static fcc_status spin_until(fcc_stub *stub, fcc_args args)
{
    while (!atomic_load(&go))
        ;
    return get(stub, args);
}

static fcc_status let_go(fcc_stub *stub, fcc_args args)
{
    atomic_store(&go, true);
    return fcc_reply(stub, args.v[0]);
}

static fcc_status crash(fcc_stub *stub, fcc_args args)
{
    *(volatile int *)(uintptr_t)(args.v[0].len * 64) = 1;
    return FCC_OK;
}

static fcc_status abort_process(fcc_stub *stub, fcc_args args)
{
    abort();
}

static unsigned run_over(unsigned depth)
{
    volatile uint8_t frame[1024];

    frame[0] = (uint8_t)depth;
    return depth > 100000 ? frame[0] : run_over(depth + 1) + frame[0];
}

static fcc_status overflow(fcc_stub *stub, fcc_args args)
{
    return run_over(0) ? FCC_OK : FCC_ERR_APP;
}

static const fcc_function bad_functions[] = {
    { "echo", echo, 1 }, { "get", get, 1 },     { "spin", spin, 1 },           { "until", spin_until, 1 },
    { "go", let_go, 1 }, { "crash", crash, 1 }, { "abort", abort_process, 1 }, { "overflow", overflow, 1 },
};
static const fcc_chaincode bad_chaincode = { bad_functions, 8, NULL, NULL, NULL };

/* ---- a process whose log is kept ---- */

struct process {
    struct fixture f;
    struct peer p;
    char log[64];
};

static void start_with_budget(struct process *c, const char *budget_ms)
{
    snprintf(c->log, sizeof(c->log), "/tmp/fcc-guard-XXXXXX");
    close(mkstemp(c->log));
    snprintf(c->f.address, sizeof(c->f.address), "127.0.0.1:%d", test_port());
    setenv("CHAINCODE_SERVER_ADDRESS", c->f.address, 1);
    setenv("CHAINCODE_ID", "cc:01", 1);
    setenv("CHAINCODE_HANDLER_BUDGET_MS", budget_ms, 1);
    c->f.pid = start_logging_process(NULL, c->log);
    assert_int_equal(rpc_loop_new(&c->f.loop, NULL), FCC_OK);
    assert_int_equal(rpc_channel_new(c->f.loop, c->f.address, NULL, &c->f.channel, NULL), FCC_OK);
    connect_peer(&c->p, c->f.loop, c->f.channel);
    make_ready(&c->p);
}

static void clear(struct process *c)
{
    finish(&c->f);
    fcc__arena_free(c->p.arena);
    unlink(c->log);
}

/* Whether a line of the log has all three. */
static bool logged(const struct process *c, const char *message, const char *tx_id, const char *function)
{
    char line[4096], tx[64], name[64];
    FILE *f = fopen(c->log, "r");
    bool found = false;

    assert_non_null(f);
    snprintf(tx, sizeof(tx), "\"tx\":\"%s\"", tx_id);
    snprintf(name, sizeof(name), "\"function\":\"%s\"", function);
    while (!found && fgets(line, sizeof(line), f))
        found = strstr(line, message) && strstr(line, tx) && strstr(line, name) && strstr(line, "\"ccid\":\"cc:01\"") &&
                strstr(line, "\"level\":\"error\"");
    fclose(f);
    return found;
}

static void expect_error(struct process *c, size_t index, const char *tx_id, const char *text)
{
    const Protos__ChaincodeMessage *m;

    wait_for_messages(&c->p, index + 1);
    assert_true(c->p.count > index);
    m = c->p.got[index];
    assert_int_equal(m->type, TYPE(ERROR));
    assert_true(fcc_bytes_equal(fcc__of_pb(m->txid), fcc_str(tx_id)));
    assert_true(fcc_bytes_equal(fcc__of_pb(m->payload), fcc_str(text)));
}

/* ---- budgets ---- */

/* A short budget first: a machine may be too slow for it, and is tried with a longer one. */
static const char *const budgets[] = { "400", "4000", "40000" };
enum { BUDGETS = 3 };

static void expect_exceeded(struct process *c, size_t index, const char *function, const char *budget_ms)
{
    char text[128];

    snprintf(text, sizeof(text), "E-TIME-01 function %s of transaction tx1 exceeded its budget of %s ms", function,
             budget_ms);
    expect_error(c, index, "tx1", text);
}

static bool is_answer(const struct peer *p, size_t index, Protos__ChaincodeMessage__Type type, const char *tx_id)
{
    return p->count > index && p->got[index]->type == type &&
           fcc_bytes_equal(fcc__of_pb(p->got[index]->txid), fcc_str(tx_id));
}

static void abandon(struct process *c)
{
    kill(c->f.pid, SIGKILL);
    wait_for_messages(&c->p, 16);
    wait_for(c->f.pid);
    clear(c);
}

static void an_endless_loop_costs_its_own_transaction_and_then_the_process_is_replaced(void **state)
{
    struct process c;
    size_t i;

    for (i = 0;; i++) {
        start_with_budget(&c, budgets[i]);
        call_function(&c.p, "tx1", "spin", "x");
        call_function(&c.p, "tx2", "echo", "others go on");
        wait_for_messages(&c.p, 2);
        if (is_answer(&c.p, 1, TYPE(COMPLETED), "tx2") || i + 1 == BUDGETS)
            break;
        abandon(&c);
    }
    expect_payload(&c.p, 1, "others go on");
    expect_exceeded(&c, 2, "spin", budgets[i]);
    wait_for_messages(&c.p, 4);
    assert_true(c.p.closed);
    assert_int_equal(c.p.code, RPC_UNAVAILABLE);
    assert_int_equal(wait_for(c.f.pid), 75);
    assert_true(logged(&c, "it exceeded its budget", "tx1", "spin"));
    assert_true(logged(&c, "a handler does not end", "tx1", "spin"));
    clear(&c);
}

static void a_transaction_that_waits_for_ever_is_answered_and_the_process_goes_on(void **state)
{
    struct process c;

    for (size_t i = 0;; i++) {
        start_with_budget(&c, budgets[i]);
        call_function(&c.p, "tx1", "get", "k");
        wait_for_messages(&c.p, 2);
        if (is_answer(&c.p, 1, TYPE(GET_STATE), "tx1") || i + 1 == BUDGETS) {
            assert_int_equal(c.p.got[1]->type, TYPE(GET_STATE));
            expect_exceeded(&c, 2, "get", budgets[i]);
            say(&c.p, TYPE(RESPONSE), "tx1", FCC_LIT("too late"));
            call_function(&c.p, "tx2", "echo", "still here");
            wait_for_messages(&c.p, 4);
            if (is_answer(&c.p, 3, TYPE(COMPLETED), "tx2") || i + 1 == BUDGETS)
                break;
        }
        abandon(&c);
    }
    expect_payload(&c.p, 3, "still here");
    kill(c.f.pid, SIGTERM);
    wait_for_messages(&c.p, 16);
    assert_true(c.p.closed);
    assert_int_equal(wait_for(c.f.pid), 0);
    assert_true(logged(&c, "it exceeded its budget", "tx1", "get"));
    assert_false(logged(&c, "a handler does not end", "tx1", "get"));
    clear(&c);
}

static void several_that_compute_go_on_to_their_ends_while_others_run(void **state)
{
    enum { N = 3 };
    struct process c;
    char id[16];

    start_with_budget(&c, "0");
    for (int i = 0; i < N; i++) {
        snprintf(id, sizeof(id), "tx%d", i);
        call_function(&c.p, id, "until", "k");
    }
    call_function(&c.p, "tx3", "go", "now");
    wait_for_messages(&c.p, 2 + N);
    for (size_t i = 1; i < 2 + N; i++)
        if (c.p.got[i]->type == TYPE(GET_STATE)) {
            snprintf(id, sizeof(id), FCC_FMT, FCC_ARG(fcc__of_pb(c.p.got[i]->txid)));
            say(&c.p, TYPE(RESPONSE), id, FCC_LIT("value"));
        }
    wait_for_messages(&c.p, 2 + 2 * N);
    for (size_t i = 2 + N; i < 2 + 2 * N; i++)
        expect_payload(&c.p, i, "value");
    kill(c.f.pid, SIGTERM);
    wait_for_messages(&c.p, 16);
    assert_true(c.p.closed);
    assert_int_equal(wait_for(c.f.pid), 0);
    clear(&c);
}

static void an_endless_loop_whose_stream_is_gone_has_the_process_replaced_too(void **state)
{
    struct process c;

    start_with_budget(&c, "200");
    call_function(&c.p, "tx1", "spin", "x");
    call_function(&c.p, "tx2", "echo", "x");
    wait_for_messages(&c.p, 2);
    rpc_cancel(c.p.call);
    wait_for_messages(&c.p, 16);
    rpc_channel_free(c.f.channel);
    c.f.channel = NULL;
    rpc_loop_poll(c.f.loop, 10);
    assert_int_equal(wait_for(c.f.pid), 75);
    clear(&c);
}

/* ---- the end of the process ---- */

static void expect_death(const char *function, int signal_number, const char *message)
{
    struct process c;
    int status;

    start_with_budget(&c, "0");
    call_function(&c.p, "tx1", function, "x");
    wait_for_messages(&c.p, 16);
    assert_true(c.p.closed);
    status = wait_for(c.f.pid);
#ifdef SANITIZED
    assert_int_not_equal(status, 0); /* a sanitizer's own */
    (void)signal_number;
#else
    assert_int_equal(status, 128 + signal_number);
#endif
    assert_true(logged(&c, message, "tx1", function));
    clear(&c);
}

static void a_crash_names_its_transaction_and_ends_the_process_with_its_signal(void **state)
{
    expect_death("crash", SIGSEGV, "SIGSEGV in a handler");
}

static void so_does_an_abort(void **state)
{
    expect_death("abort", SIGABRT, "SIGABRT in a handler");
}

static void so_does_a_stack_overflow(void **state)
{
    expect_death("overflow", SIGSEGV, "stack overflow in a handler");
}

static void so_does_one_on_a_thread_that_has_taken_the_loop_over(void **state)
{
    struct process c;

    start_with_budget(&c, "0");
    call_function(&c.p, "tx1", "spin", "x");
    call_function(&c.p, "tx2", "overflow", "x");
    wait_for_messages(&c.p, 16);
    assert_true(c.p.closed);
    assert_int_not_equal(wait_for(c.f.pid), 0);
    assert_true(logged(&c, "stack overflow in a handler", "tx2", "overflow"));
    clear(&c);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_endless_loop_costs_its_own_transaction_and_then_the_process_is_replaced),
        cmocka_unit_test(a_transaction_that_waits_for_ever_is_answered_and_the_process_goes_on),
        cmocka_unit_test(several_that_compute_go_on_to_their_ends_while_others_run),
        cmocka_unit_test(an_endless_loop_whose_stream_is_gone_has_the_process_replaced_too),
        cmocka_unit_test(a_crash_names_its_transaction_and_ends_the_process_with_its_signal),
        cmocka_unit_test(so_does_an_abort),
        cmocka_unit_test(so_does_a_stack_overflow),
        cmocka_unit_test(so_does_one_on_a_thread_that_has_taken_the_loop_over),
    };

    if (getenv(chaincode_role))
        return fcc_main(argc, argv, &bad_chaincode);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
