/* What a chaincode process counts and logs, told by a session as a peer would see to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/log.h"
#include "io/metrics.h"

#include "peer/chaincode_shim.pb-c.h"

#include <jansson.h>
#include <stdlib.h>
#include <time.h>
#include <sys/mman.h>
#include <unistd.h>

static fcc_status nothing(fcc_stub *stub, fcc_args args)
{
    (void)stub;
    (void)args;
    return FCC_OK;
}

/* "set" stands there twice, for one and for two arguments */
static const fcc_function functions[] = { { "get", nothing, 1 }, { "set", nothing, 1 }, { "set", nothing, 2 } };
static const fcc_chaincode chaincode = { functions, 3, NULL, NULL, NULL };

enum { INIT, GET, SET, OTHER = FCC__COUNTED_FUNCTIONS - 1 };

static uint64_t waits; /* of the loop that is not there */

static fcc__seen begin(fcc__counters *c, size_t function)
{
    fcc__seen seen = { .channel = FCC_LIT("ch"), .tx_id = FCC_LIT("tx\"1"), .function = FCC__NO_FUNCTION };

    fcc__metrics_observe(c, &chaincode, FCC__TX_BEGINS, &seen, waits);
    seen.function = function;
    return seen;
}

static void end(fcc__counters *c, fcc__seen seen, int32_t status, bool lost)
{
    seen.status = status;
    seen.lost = lost;
    fcc__metrics_observe(c, &chaincode, FCC__TX_ENDS, &seen, waits);
}

/* Standard error goes into a file while the test runs. */
static int redirect(FILE **file)
{
    int old = dup(STDERR_FILENO);

    *file = tmpfile();
    assert_non_null(*file);
    assert_true(dup2(fileno(*file), STDERR_FILENO) >= 0);
    return old;
}

static void restore(int old)
{
    dup2(old, STDERR_FILENO);
    close(old);
}

static void transactions_are_counted_by_function_and_outcome(void **state)
{
    fcc__counters *c;
    fcc__seen first, second;
    uint64_t within = 0;
    FILE *log;
    int old = redirect(&log);

    assert_int_equal(fcc__metrics_open(&chaincode, -1, &c, NULL), FCC_OK);
    first = begin(c, 0);
    second = begin(c, 2);
    assert_int_equal(fcc__counted(&c->running), 2);
    end(c, first, 200, false);
    end(c, second, 404, false);
    end(c, begin(c, 1), 500, false);
    end(c, begin(c, 1), 0, false);
    end(c, begin(c, 0), 200, true);
    end(c, begin(c, FCC__NO_FUNCTION), 500, false);
    first = begin(c, FCC__NO_FUNCTION);
    first.is_init = true;
    end(c, first, 200, false);
    restore(old);
    fclose(log);
    assert_int_equal(fcc__counted(&c->running), 0);
    assert_string_equal(c->functions[GET].name, "get");
    assert_string_equal(c->functions[SET].name, "set");
    assert_string_equal(c->functions[SET + 1].name, "");
    assert_int_equal(fcc__counted(&c->functions[GET].ended[FCC__ENDED_OK]), 1);
    assert_int_equal(fcc__counted(&c->functions[GET].ended[FCC__ENDED_LOST]), 1);
    assert_int_equal(fcc__counted(&c->functions[SET].ended[FCC__ENDED_REFUSED]), 1);
    assert_int_equal(fcc__counted(&c->functions[SET].ended[FCC__ENDED_FAILED]), 2);
    assert_int_equal(fcc__counted(&c->functions[INIT].ended[FCC__ENDED_OK]), 1);
    assert_int_equal(fcc__counted(&c->functions[OTHER].ended[FCC__ENDED_FAILED]), 1);
    for (size_t i = 0; i < FCC__BUCKETS_OF_TIME; i++)
        within += fcc__counted(&c->functions[SET].within[i]);
    assert_int_equal(within, 3);
}

static void calls_are_counted_by_type_with_the_writes_of_batches(void **state)
{
    const int batch = PROTOS__CHAINCODE_MESSAGE__TYPE__WRITE_BATCH_STATE;
    fcc__counters *c;
    fcc__seen seen;

    assert_int_equal(fcc__metrics_open(&chaincode, -1, &c, NULL), FCC_OK);
    seen = begin(c, 0);
    seen.call = batch;
    seen.writes = 7;
    for (int i = 0; i < 2; i++) {
        fcc__metrics_observe(c, &chaincode, FCC__TX_ASKS, &seen, waits);
        fcc__metrics_observe(c, &chaincode, FCC__TX_GOES_ON, &seen, ++waits);
    }
    end(c, seen, 200, false);
    assert_string_equal(c->calls[batch].name, "WRITE_BATCH_STATE");
    assert_int_equal(fcc__counted(&c->calls[batch].count), 2);
    assert_int_equal(fcc__counted(&c->batched_writes), 14);
}

static void the_clock_is_looked_at_again_when_the_loop_has_waited(void **state)
{
    const int type = PROTOS__CHAINCODE_MESSAGE__TYPE__GET_STATE;
    const struct timespec ms = { .tv_nsec = 1000000 };
    fcc__counters *c;
    fcc__seen seen;
    uint64_t before;

    assert_int_equal(fcc__metrics_open(&chaincode, -1, &c, NULL), FCC_OK);
    seen = begin(c, 0);
    seen.call = type;
    before = fcc__counted(&c->calls[type].took_ns);
    fcc__metrics_observe(c, &chaincode, FCC__TX_ASKS, &seen, 1);
    nanosleep(&ms, NULL);
    fcc__metrics_observe(c, &chaincode, FCC__TX_GOES_ON, &seen, 1);
    assert_int_equal(fcc__counted(&c->calls[type].took_ns), before);
    fcc__metrics_observe(c, &chaincode, FCC__TX_GOES_ON, &seen, 1); /* the one before did not give way in between */
    assert_true(fcc__counted(&c->calls[type].took_ns) >= before + 1000000);
    before = fcc__counted(&c->calls[type].took_ns);
    fcc__metrics_observe(c, &chaincode, FCC__TX_ASKS, &seen, 1);
    nanosleep(&ms, NULL);
    fcc__metrics_observe(c, &chaincode, FCC__TX_GOES_ON, &seen, 2);
    assert_true(fcc__counted(&c->calls[type].took_ns) >= before + 1000000);
    end(c, seen, 200, false);
}

static size_t count_shown(const fcc__counters *c)
{
    size_t n = 0;

    for (size_t i = 0; i < FCC__SHOWN; i++)
        n += fcc__counted(&c->shown[i].function) != 0;
    return n;
}

static void what_runs_is_shown_until_it_ends(void **state)
{
    fcc__counters *c;
    fcc__seen seen[FCC__SHOWN + 2], init;
    char text[FCC__SHOWN_BYTES];
    size_t before;

    assert_int_equal(fcc__metrics_open(&chaincode, -1, &c, NULL), FCC_OK);
    before = count_shown(c); /* cases before this one have left some */
    init = (fcc__seen){ .channel = FCC_LIT("ch"), .tx_id = FCC_LIT("tx2"), .is_init = true };
    fcc__metrics_observe(c, &chaincode, FCC__TX_BEGINS, &init, waits);
    assert_int_equal(fcc__counted(&c->shown[init.shown - 1].function), INIT + 1);
    fcc__metrics_observe(c, &chaincode, FCC__TX_ENDS, &init, waits);
    seen[0] = begin(c, FCC__NO_FUNCTION);
    assert_int_equal(count_shown(c), before + 1);
    assert_int_equal(fcc__counted(&c->shown[seen[0].shown - 1].function), OTHER + 1);
    seen[0].function = 2;
    fcc__metrics_observe(c, &chaincode, FCC__TX_CALLS, &seen[0], waits);
    assert_int_equal(fcc__counted(&c->shown[seen[0].shown - 1].function), SET + 1);
    fcc__counters_shown(c->shown[seen[0].shown - 1].tx_id, text);
    assert_string_equal(text, "tx\"1");
    fcc__counters_shown(c->shown[seen[0].shown - 1].channel, text);
    assert_string_equal(text, "ch");
    for (size_t i = 1; i < FCC__SHOWN + 2; i++) /* more than there is room for */
        seen[i] = begin(c, 0);
    assert_int_equal(count_shown(c), FCC__SHOWN);
    fcc__metrics_observe(c, &chaincode, FCC__TX_CALLS, &seen[FCC__SHOWN + 1], waits);
    for (size_t i = 0; i < FCC__SHOWN + 2; i++)
        end(c, seen[i], 200, false);
    assert_int_equal(count_shown(c), before);
    fcc__counters_restart(c);
    assert_int_equal(count_shown(c), 0);
}

static void long_texts_are_cut_where_they_are_shown(void **state)
{
    char endless[FCC__SHOWN_BYTES + 8], text[FCC__SHOWN_BYTES];

    memset(endless, 'x', sizeof(endless));
    fcc__counters_shown(endless, text);
    assert_int_equal(strlen(text), FCC__SHOWN_BYTES - 1);
    fcc__counters_shown("tx\n\"", text);
    assert_string_equal(text, "tx");
}

static void the_end_of_a_transaction_is_one_line_with_its_facts(void **state)
{
    fcc__counters *c;
    json_t *line;
    FILE *log;
    int old;

    assert_int_equal(fcc__metrics_open(&chaincode, -1, &c, NULL), FCC_OK);
    fcc__log_ccid("cc:01");
    old = redirect(&log);
    end(c, begin(c, 0), 200, false); /* at debug: not written */
    end(c, begin(c, 1), 500, false);
    restore(old);
    rewind(log);
    line = json_loadf(log, 0, NULL); /* one object and nothing behind it */
    fclose(log);
    assert_non_null(line);
    assert_string_equal(json_string_value(json_object_get(line, "level")), "info");
    assert_string_equal(json_string_value(json_object_get(line, "ccid")), "cc:01");
    assert_string_equal(json_string_value(json_object_get(line, "msg")), "transaction failed");
    assert_string_equal(json_string_value(json_object_get(line, "channel")), "ch");
    assert_string_equal(json_string_value(json_object_get(line, "tx")), "tx\"1");
    assert_string_equal(json_string_value(json_object_get(line, "function")), "set");
    assert_int_equal(json_integer_value(json_object_get(line, "status")), 500);
    assert_true(json_is_number(json_object_get(line, "ms")));
    json_decref(line);
}

static void shared_memory_must_be_fcc_hosts(void **state)
{
    int fd = memfd_create("test", 0);
    fcc__counters *c = NULL, *mine;
    fcc_error error;

    assert_true(fd >= 0);
    assert_int_equal(fcc__metrics_open(&chaincode, 12345, &c, &error), FCC_ERR_CONFIG);
    assert_int_equal(fcc__metrics_open(&chaincode, fd, &c, &error), FCC_ERR_CONFIG); /* of another size */
    assert_int_equal(ftruncate(fd, sizeof(*mine)), 0);
    assert_int_equal(fcc__metrics_open(&chaincode, fd, &c, &error), FCC_ERR_CONFIG); /* of another layout */
    assert_null(c);
    mine = mmap(NULL, sizeof(*mine), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    fcc__counters_restart(mine);
    assert_int_equal(fcc__metrics_open(&chaincode, fd, &c, &error), FCC_OK);
    end(c, begin(c, 0), 200, false);
    assert_int_equal(fcc__counted(&mine->functions[GET].ended[FCC__ENDED_OK]), 1);
    munmap(mine, sizeof(*mine));
    munmap(c, sizeof(*c));
    close(fd);
}

static void an_error_has_a_code_in_front_of_its_message(void **state)
{
    const fcc__log_field field = { "tx", FCC_LIT("1"), false };
    json_t *line;
    FILE *log;
    int old = redirect(&log);

    fcc__log_code(FCC__ERROR, FCC__E_STAT_RES, "%s", "text");
    fcc__log_code_with(FCC__ERROR, FCC__E_STAT_RES, "text", &field, 1);
    fcc__log_dying(FCC__E_STAT_RES, "text", &field, 1);
    restore(old);
    rewind(log);
    for (int i = 0; i < 3; i++) {
        line = json_loadf(log, JSON_DISABLE_EOF_CHECK, NULL);
        assert_non_null(line);
        assert_string_equal(json_string_value(json_object_get(line, "level")), "error");
        assert_string_equal(json_string_value(json_object_get(line, "code")), "E-STAT-04");
        assert_string_equal(json_string_value(json_object_get(line, "msg")), "text");
        assert_int_equal(json_object_get(line, "tx") != NULL, i > 0);
        json_decref(line);
    }
    fclose(log);
}

static void a_long_field_is_cut_and_the_line_stays_json(void **state)
{
    static char text[4000];
    const fcc__log_field fields[] = { { "channel", fcc_bytes_of(text, sizeof(text)), false },
                                      { "tx", FCC_LIT("1"), false } };
    json_t *line;
    FILE *log;
    int old = redirect(&log);

    for (size_t i = 0; i < sizeof(text); i += 2)
        memcpy(text + i, "\xc3\xa9", 2); /* é: a cut may fall within one */
    fcc__log_with(FCC__WARN, "long", fields, 2);
    restore(old);
    rewind(log);
    line = json_loadf(log, 0, NULL);
    fclose(log);
    assert_non_null(line);
    assert_true(json_string_length(json_object_get(line, "channel")) > 100);
    json_decref(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transactions_are_counted_by_function_and_outcome),
        cmocka_unit_test(calls_are_counted_by_type_with_the_writes_of_batches),
        cmocka_unit_test(the_clock_is_looked_at_again_when_the_loop_has_waited),
        cmocka_unit_test(what_runs_is_shown_until_it_ends),
        cmocka_unit_test(long_texts_are_cut_where_they_are_shown),
        cmocka_unit_test(the_end_of_a_transaction_is_one_line_with_its_facts),
        cmocka_unit_test(shared_memory_must_be_fcc_hosts),
        cmocka_unit_test(an_error_has_a_code_in_front_of_its_message),
        cmocka_unit_test(a_long_field_is_cut_and_the_line_stays_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
