/* /metrics: the text format of Prometheus, whatever a chaincode process wrote into its counters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "host/exposition.h"

#include <ctype.h>
#include <stdlib.h>
#include <unistd.h>

static const host_chaincode one = { .name = "one", .ccid = "cc:\"01", .address = "127.0.0.1:1" };
static const host_chaincode two = { .name = "two", .ccid = "cc:02", .address = "127.0.0.1:2" };

static void setup(host_child children[2])
{
    assert_int_equal(host_child_init(&children[0], &one, 25, NULL), FCC_OK);
    assert_int_equal(host_child_init(&children[1], &two, 25, NULL), FCC_OK);
}

static void teardown(host_child children[2])
{
    host_child_clear(&children[0]);
    host_child_clear(&children[1]);
}

/* To be freed. */
static char *expose(const host_child children[2])
{
    fcc__buf out;
    char *text;

    fcc__buf_init(&out, 1 << 24);
    host_exposition(children, 2, &out);
    assert_true(fcc__buf_ok(&out));
    text = strdup(fcc__buf_cstr(&out));
    fcc__buf_clear(&out);
    assert_non_null(text);
    return text;
}

static void expect_line(const char *text, const char *line)
{
    char behind[300];

    snprintf(behind, sizeof(behind), "\n%s\n", line);
    if (!strstr(text, behind))
        fail_msg("expected the line %s", line);
}

/* name{label="value",...} number, and of a family nothing before its HELP and TYPE */
static void expect_wellformed(const char *text)
{
    char family[128] = "", line[1024];
    char *seen[20000];
    size_t count = 0;

    while (*text) {
        size_t len = strcspn(text, "\n");
        const char *p = line;
        bool quoted = false;

        assert_true(len < sizeof(line));
        memcpy(line, text, len);
        line[len] = 0;
        text += len + 1;
        if (strncmp(line, "# HELP ", 7) == 0)
            continue;
        if (strncmp(line, "# TYPE ", 7) == 0) {
            snprintf(family, sizeof(family), "%.*s", (int)strcspn(line + 7, " "), line + 7);
            continue;
        }
        assert_int_equal(strncmp(line, family, strlen(family)), 0);
        while (isalnum((unsigned char)*p) || *p == '_')
            p++;
        assert_int_equal(*p++, '{');
        while (*p && (quoted || *p != '}')) {
            if (*p == '\\')
                p++;
            else if (*p == '"')
                quoted = !quoted;
            assert_true(*p >= ' ' && (unsigned char)*p < 0x7f);
            p++;
        }
        assert_int_equal(*p++, '}');
        assert_int_equal(*p++, ' ');
        assert_true(isdigit((unsigned char)*p));
        /* no series twice */
        line[p - line] = 0;
        for (size_t i = 0; i < count; i++)
            assert_string_not_equal(seen[i], line);
        assert_true(count < sizeof(seen) / sizeof(seen[0]));
        seen[count++] = strdup(line);
    }
    assert_true(count > 10);
    while (count)
        free(seen[--count]);
}

static void what_was_counted_is_told(void **state)
{
    host_child children[2];
    fcc__counters *c;
    char *text;

    setup(children);
    c = children[0].counters;
    snprintf(c->functions[1].name, FCC__NAME_BYTES, "get");
    fcc__add(&c->functions[1].ended[FCC__ENDED_OK], 3);
    fcc__add(&c->functions[1].ended[FCC__ENDED_LOST], 1);
    fcc__add(&c->functions[1].took_ns, 1500000000);
    fcc__add(&c->functions[1].within[0], 1);
    fcc__add(&c->functions[1].within[3], 2);
    snprintf(c->calls[6].name, FCC__NAME_BYTES, "GET_STATE");
    fcc__add(&c->calls[6].count, 5);
    fcc__add(&c->calls[6].took_ns, 2000);
    fcc__add(&c->sent_bytes, 1000);
    fcc__add(&c->turned_away[FCC__TURNED_LIMIT], 6);
    fcc__set(&c->streams_open, 2);
    fcc__set(&c->cert_expires, 1900000000);
    children[1].restarts = 4;
    children[1].pid = getpid(); /* any process, for its memory */
    fcc__set(&children[1].counters->serving, FCC__SERVING);
    text = expose(children);
    expect_wellformed(text);
    expect_line(text, "# TYPE fcc_transaction_seconds histogram");
    expect_line(text, "fcc_chaincode_info{chaincode=\"one\",ccid=\"cc:\\\"01\",address=\"127.0.0.1:1\"} 1");
    expect_line(text, "fcc_up{chaincode=\"one\"} 0");
    expect_line(text, "fcc_up{chaincode=\"two\"} 1");
    expect_line(text, "fcc_restarts_total{chaincode=\"two\"} 4");
    expect_line(text, "fcc_transactions_total{chaincode=\"one\",function=\"get\",status=\"ok\"} 3");
    expect_line(text, "fcc_transactions_total{chaincode=\"one\",function=\"get\",status=\"lost\"} 1");
    expect_line(text, "fcc_transaction_seconds_bucket{chaincode=\"one\",function=\"get\",le=\"0.0001\"} 1");
    expect_line(text, "fcc_transaction_seconds_bucket{chaincode=\"one\",function=\"get\",le=\"0.001\"} 3");
    expect_line(text, "fcc_transaction_seconds_bucket{chaincode=\"one\",function=\"get\",le=\"+Inf\"} 4");
    expect_line(text, "fcc_transaction_seconds_sum{chaincode=\"one\",function=\"get\"} 1.500000000");
    expect_line(text, "fcc_transaction_seconds_count{chaincode=\"one\",function=\"get\"} 4");
    expect_line(text, "fcc_stub_calls_total{chaincode=\"one\",call=\"GET_STATE\"} 5");
    expect_line(text, "fcc_stub_call_seconds_total{chaincode=\"one\",call=\"GET_STATE\"} 0.000002000");
    expect_line(text, "fcc_turned_away_total{chaincode=\"one\",reason=\"limit\"} 6");
    expect_line(text, "fcc_turned_away_total{chaincode=\"one\",reason=\"drain\"} 0");
    expect_line(text, "fcc_turned_away_total{chaincode=\"two\",reason=\"memory\"} 0");
    expect_line(text, "fcc_sent_bytes_total{chaincode=\"one\"} 1000");
    expect_line(text, "fcc_streams_open{chaincode=\"one\"} 2");
    expect_line(text, "fcc_certificate_expiry_timestamp_seconds{chaincode=\"one\"} 1900000000");
    assert_null(strstr(text, "fcc_certificate_expiry_timestamp_seconds{chaincode=\"two\"}"));
    assert_non_null(strstr(text, "\nfcc_resident_memory_bytes{chaincode=\"two\"} "));
    free(text);
    teardown(children);
}

static void a_process_that_writes_anything_spoils_nothing(void **state)
{
    host_child children[2];
    fcc__counters *c;
    char *text;

    setup(children);
    c = children[0].counters;
    memset(c, 0xff, sizeof(*c));
    for (size_t i = 0; i < FCC__COUNTED_FUNCTIONS; i++)
        memset(c->functions[i].name, i % 3 ? 'a' : '"', FCC__NAME_BYTES); /* without an end, and many times the same */
    for (size_t i = 0; i < FCC__COUNTED_CALLS; i++)
        memset(c->calls[i].name, '\n', FCC__NAME_BYTES);
    text = expose(children);
    expect_wellformed(text);
    free(text);
    teardown(children);
}

static void a_new_process_keeps_the_counts_and_not_the_rest(void **state)
{
    host_child children[2];
    fcc__counters *c;

    setup(children);
    c = children[0].counters;
    fcc__add(&c->functions[1].ended[FCC__ENDED_OK], 3);
    fcc__add(&c->streams_total, 9);
    fcc__set(&c->streams_open, 2);
    fcc__set(&c->running, 5);
    fcc__set(&c->serving, FCC__SERVING);
    fcc__counters_restart(c);
    assert_int_equal(fcc__counted(&c->functions[1].ended[FCC__ENDED_OK]), 3);
    assert_int_equal(fcc__counted(&c->streams_total), 9);
    assert_int_equal(fcc__counted(&c->streams_open), 0);
    assert_int_equal(fcc__counted(&c->running), 0);
    assert_int_equal(host_child_state(&children[0]), HOST_DOWN);
    teardown(children);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_counted_is_told),
        cmocka_unit_test(a_process_that_writes_anything_spoils_nothing),
        cmocka_unit_test(a_new_process_keeps_the_counts_and_not_the_rest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
