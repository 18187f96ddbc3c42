/*
 * Messages of nearly 100 MiB, in each place where one may be, in plaintext and over mutual TLS, and what they cost the
 * chaincode's process: gRPC's own buffer and one copy, and afterwards nothing.
 */
#include "test/support/chaincode_process.h"

#include "test/support/certs.h"
#include "test/support/skip.h"

enum {
    MIB = 1024 * 1024,
    VALUE = 100 * MIB - 4096, /* ids and keys are in the message too */
    PEAK_KIB = 250 * 1000,    /* below 250 MB whatever a MB is */
    KEPT_KIB = 5 * 1000,
};

/* ---- the chaincode ---- */

static fcc_status reply_number(fcc_stub *stub, size_t n)
{
    char text[32];

    return fcc_reply(stub, fcc_bytes_of(text, (size_t)snprintf(text, sizeof(text), "%zu", n)));
}

static fcc_status get(fcc_stub *stub, fcc_args args)
{
    fcc_bytes value;
    fcc_status st = fcc_get_state(stub, args.v[0], &value);

    if (st == FCC_OK && value.len && (value.data[0] != 'a' || value.data[value.len - 1] != 'z'))
        return fcc_fail(stub, FCC_ERR_APP, "another value");
    return st == FCC_OK ? reply_number(stub, value.len) : st;
}

static fcc_status copy(fcc_stub *stub, fcc_args args)
{
    fcc_bytes value;
    fcc_status st = fcc_get_state(stub, args.v[0], &value);

    return st == FCC_OK ? fcc_reply(stub, value) : st;
}

static void fill(uint8_t *value)
{
    memset(value, 'm', VALUE);
    value[0] = 'a';
    value[VALUE - 1] = 'z';
}

static uint8_t *make_value(void)
{
    uint8_t *value = malloc(VALUE);

    if (value)
        fill(value);
    return value;
}

static fcc_status put(fcc_stub *stub, fcc_args args)
{
    uint8_t *value = fcc_alloc(stub, VALUE);

    if (!value)
        return fcc_fail(stub, FCC_ERR_LIMIT, "no memory");
    fill(value);
    return fcc_put_state(stub, args.v[0], fcc_bytes_of(value, VALUE));
}

static fcc_status put_copied(fcc_stub *stub, fcc_args args)
{
    uint8_t *value = make_value();
    fcc_status st = fcc_put_state(stub, args.v[0], fcc_bytes_of(value, VALUE));

    free(value);
    return st;
}

/* What the state holds goes back to it. */
static fcc_status put_back(fcc_stub *stub, fcc_args args)
{
    fcc_bytes value;
    fcc_status st = fcc_get_state(stub, args.v[0], &value);

    return st == FCC_OK ? fcc_put_state(stub, args.v[0], value) : st;
}

static fcc_status answer(fcc_stub *stub, fcc_args args)
{
    uint8_t *value = make_value();
    fcc_status st = fcc_reply(stub, fcc_bytes_of(value, VALUE));

    free(value);
    return st;
}

static fcc_status take(fcc_stub *stub, fcc_args args)
{
    return reply_number(stub, args.v[0].len);
}

static const fcc_function functions[] = {
    { "get", get, 1 },           { "copy", copy, 1 },     { "put", put, 1 },   { "put_copied", put_copied, 1 },
    { "put_back", put_back, 1 }, { "answer", answer, 1 }, { "take", take, 1 },
};
static const fcc_chaincode chaincode = { functions, sizeof(functions) / sizeof(functions[0]), NULL, NULL, NULL };

/* ---- the peer ---- */

static void assert_value(fcc_bytes value)
{
    assert_int_equal(value.len, VALUE);
    assert_int_equal(value.data[0], 'a');
    assert_int_equal(value.data[VALUE / 2], 'm');
    assert_int_equal(value.data[VALUE - 1], 'z');
}

static void assert_number(fcc_bytes text, size_t n)
{
    char expected[32];
    size_t len = (size_t)snprintf(expected, sizeof(expected), "%zu", n);

    assert_int_equal(text.len, len);
    assert_memory_equal(text.data, expected, len);
}

static void large_get(struct stream *s, fcc_bytes value)
{
    stream_call(s, "tx1", "get", FCC_LIT("k"));
    stream_next(s, TYPE(GET_STATE));
    stream_say(s, TYPE(RESPONSE), "tx1", value);
    assert_number(stream_completed(s), VALUE);
}

static void large_copy(struct stream *s, fcc_bytes value)
{
    stream_call(s, "tx2", "copy", FCC_LIT("k"));
    stream_next(s, TYPE(GET_STATE));
    stream_say(s, TYPE(RESPONSE), "tx2", value);
    assert_value(stream_completed(s));
}

static void expect_put(struct stream *s, const char *tx_id)
{
    Protos__ChaincodeMessage *m = stream_next(s, TYPE(PUT_STATE));
    Protos__PutState *put_state;

    assert_int_equal(FCC__UNPACK_BORROWED(protos__put_state, fcc__of_pb(m->payload), s->arena, &put_state), FCC_OK);
    assert_value(fcc__of_pb(put_state->value));
    stream_say(s, TYPE(RESPONSE), tx_id, NONE);
    stream_completed(s);
}

static void large_put(struct stream *s, fcc_bytes value)
{
    (void)value;
    stream_call(s, "tx3", "put", FCC_LIT("k"));
    expect_put(s, "tx3");
}

static void large_put_copied(struct stream *s, fcc_bytes value)
{
    (void)value;
    stream_call(s, "tx6", "put_copied", FCC_LIT("k"));
    expect_put(s, "tx6");
}

static void large_put_back(struct stream *s, fcc_bytes value)
{
    stream_call(s, "tx7", "put_back", FCC_LIT("k"));
    stream_next(s, TYPE(GET_STATE));
    stream_say(s, TYPE(RESPONSE), "tx7", value);
    expect_put(s, "tx7");
}

static void large_answer(struct stream *s, fcc_bytes value)
{
    (void)value;
    stream_call(s, "tx4", "answer", FCC_LIT("k"));
    assert_value(stream_completed(s));
}

static void large_argument(struct stream *s, fcc_bytes value)
{
    stream_call(s, "tx5", "take", value);
    assert_number(stream_completed(s), VALUE);
}

static const struct step {
    const char *name;
    void (*run)(struct stream *s, fcc_bytes value);
} steps[] = {
    { "read", large_get },
    { "read and answered", large_copy },
    { "written", large_put },
    { "written from elsewhere", large_put_copied },
    { "read and written", large_put_back },
    { "answered", large_answer },
    { "an argument", large_argument },
};

/* The heap is trimmed a moment after the last large message. */
static long settled_kib(struct process *p, long limit)
{
    long kib = process_kib(p, "RssAnon");

    for (int i = 0; i < 100 && kib > limit; i++) {
        rpc_loop_poll(p->loop, 100);
        kib = process_kib(p, "RssAnon");
    }
    return kib;
}

static void measure(const rpc_tls *tls)
{
    uint8_t *value;
    struct process p;
    struct stream s;
    long start;

    value = make_value();
    process_start_with(&p, tls);
    stream_open(&s, &p);
    stream_call(&s, "tx0", "get", FCC_LIT("k"));
    stream_next(&s, TYPE(GET_STATE));
    stream_say(&s, TYPE(RESPONSE), "tx0", NONE);
    assert_number(stream_completed(&s), 0);
    start = process_kib(&p, "RssAnon");
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        long peak, kept;

        process_forget_peak(&p);
        steps[i].run(&s, fcc_bytes_of(value, VALUE));
        peak = process_kib(&p, "VmHWM");
        kept = settled_kib(&p, start + KEPT_KIB) - start;
        printf("# 100 MiB %s%s: peak %ld KiB, kept %ld KiB\n", steps[i].name, tls ? " over TLS" : "", peak, kept);
        assert_in_range(peak, 0, PEAK_KIB);
        assert_true(kept <= KEPT_KIB);
    }
    stream_leave(&s);
    process_end(&p);
    free(value);
}

static void a_hundred_mebibytes_cost_grpcs_buffer_and_one_copy_and_nothing_afterwards(void **state)
{
    if (UNDER_SANITIZER)
        SKIP("a sanitizer keeps freed memory");
    measure(NULL);
}

/* A file for the process, named in its environment. */
static void hand_over(const char *variable, const char *path, fcc_bytes content)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(content.data, content.len, 1, file), 1);
    assert_int_equal(fclose(file), 0);
    setenv(variable, path, 1);
}

static void over_mutual_tls_they_cost_no_more(void **state)
{
    static const char *const files[] = { "ca.pem", "cert.pem", "key.pem" };
    char dir[] = "/tmp/test-large-XXXXXX", start[4096];
    test_cert ca, server, client;
    rpc_tls tls;

    if (UNDER_SANITIZER)
        SKIP("a sanitizer keeps freed memory");
    assert_non_null(getcwd(start, sizeof(start)));
    assert_non_null(mkdtemp(dir));
    assert_int_equal(chdir(dir), 0);
    ca = test_cert_make("ca", NULL);
    server = test_cert_make("localhost", &ca);
    client = test_cert_make("peer", &ca);
    tls = (rpc_tls){ .cert = client.cert_pem, .key = client.key_pem, .ca = ca.cert_pem };
    hand_over("CHAINCODE_CLIENT_CA_CERT", files[0], ca.cert_pem);
    hand_over("CHAINCODE_TLS_CERT", files[1], server.cert_pem);
    hand_over("CHAINCODE_TLS_KEY", files[2], server.key_pem);
    setenv("CHAINCODE_TLS_DISABLED", "false", 1);
    measure(&tls);
    unsetenv("CHAINCODE_TLS_DISABLED");
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        unlink(files[i]);
    assert_int_equal(chdir(start), 0);
    rmdir(dir);
    test_cert_clear(&ca);
    test_cert_clear(&server);
    test_cert_clear(&client);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hundred_mebibytes_cost_grpcs_buffer_and_one_copy_and_nothing_afterwards),
        cmocka_unit_test(over_mutual_tls_they_cost_no_more),
    };
    int status = chaincode_process_main(argc, argv, &chaincode);

    return status >= 0 ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
