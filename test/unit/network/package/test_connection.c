/* connection.json: what the ccaas builder and the peer take, and what they don't. */
#include "package/package.h"

#include "test/support/certs.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <jansson.h>

static fcc__arena *arena;
static package_fault fault;
static package_connection connection;

static int make_arena(void **state)
{
    (void)state;
    arena = fcc__arena_new(16 << 20);
    return arena ? 0 : -1;
}

static int free_arena(void **state)
{
    (void)state;
    fcc__arena_free(arena);
    return 0;
}

static fcc_status read_with(const char *json, const char *values)
{
    return package_connection_read(arena, fcc_str(json), fcc_str(values), &connection, &fault);
}

static void refuses(const char *json, const char *values, fcc__code code, const char *words)
{
    assert_int_equal(read_with(json, values), FCC_ERR_CONFIG);
    assert_string_equal(fcc__code_info_of(fault.code)->code, fcc__code_info_of(code)->code);
    if (!strstr(fault.error.text, words))
        fail_msg("\"%s\" does not say \"%s\"", fault.error.text, words);
}

static void a_plain_one_is_read(void **state)
{
    (void)state;
    assert_int_equal(
        read_with("{\"address\":\"cc.example:9999\",\"dial_timeout\":\"10s\",\"tls_required\":false}", NULL), FCC_OK);
    assert_string_equal(connection.address, "cc.example:9999");
    assert_string_equal(connection.host, "cc.example");
    assert_string_equal(connection.port, "9999");
    assert_int_equal(connection.dial_timeout_ms, 10000);
    assert_false(connection.use_tls);
    assert_int_equal(read_with("{\"address\":\"[::1]:1\",\"dial_timeout\":\"0\"}", NULL), FCC_OK);
    assert_string_equal(connection.host, "::1");
    assert_int_equal(connection.dial_timeout_ms, 3000);
}

static void templates_are_filled_from_the_values(void **state)
{
    const char *json = "{\"address\":\"{{.peer}}.cc:{{ .port }}\",\"dial_timeout\":\"{{.t}}\"}";

    (void)state;
    assert_int_equal(read_with(json, "{\"peer\":\"p0\",\"port\":9999,\"t\":\"2s\"}"), FCC_OK);
    assert_string_equal(connection.address, "p0.cc:9999");
    assert_int_equal(connection.dial_timeout_ms, 2000);
    refuses(json, "{\"peer\":\"p0\",\"port\":9999}", FCC__E_CFG_VALUE, "\"t\"");
    refuses(json, NULL, FCC__E_CFG_VALUE, "\"peer\"");
    refuses(json, "[]", FCC__E_CFG_VALUE, "no JSON object");
    refuses(json, "{", FCC__E_CFG_VALUE, "no JSON object");
    refuses("{\"address\":\"{{if .a}}b{{end}}:1\"}", "{}", FCC__E_CFG_VALUE, "{{.name}}");
    refuses("{\"address\":\"{{.a\"}", "{\"a\":\"b\"}", FCC__E_CFG_VALUE, "{{.name}}");
    refuses("{\"address\":\"{{}}\"}", "{\"a\":\"b\"}", FCC__E_CFG_VALUE, "{{.name}}");
    refuses("{\"address\":\"{{\"}", "{\"a\":\"b\"}", FCC__E_CFG_VALUE, "{{.name}}");
}

static void members_have_their_types(void **state)
{
    (void)state;
    refuses("", NULL, FCC__E_CFG_CONNECTION, "no JSON object");
    refuses("7", NULL, FCC__E_CFG_CONNECTION, "no JSON object");
    refuses("{\"address\":9999}", NULL, FCC__E_CFG_CONNECTION, "address");
    refuses("{\"address\":\"a:1\",\"dial_timeout\":10}", NULL, FCC__E_CFG_CONNECTION, "dial_timeout");
    refuses("{\"address\":\"a:1\",\"dial_timeout\":\"1s\",\"tls_required\":\"true\"}", NULL, FCC__E_CFG_CONNECTION,
            "tls_required");
}

static void addresses_are_host_and_port(void **state)
{
    static const char *const bad[] = { "",     "a",       ":1",    "a:",    "a:x",  "a:1x",  "a:0",      "a:-1",
                                       "a:+1", "a:65536", "a:b:1", "::1:1", "[::1", "[::1]", "[::1]x:1", "http://a:1" };
    char json[128];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(json, sizeof(json), "{\"address\":\"%s\",\"dial_timeout\":\"1s\"}", bad[i]);
        refuses(json, NULL, FCC__E_CFG_ADDRESS, bad[i]);
    }
    refuses("{}", NULL, FCC__E_CFG_ADDRESS, "empty");
}

static void dial_timeout_must_be_there_and_a_duration(void **state)
{
    static const char *const bad[] = { "10", "s", "1x", "-1s", "1 s", ".s", "1.2.3s", "1s ", "+" };
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = { { "10s", 10000 }, { "1m30s", 90000 }, { "1.5s", 1500 },
                 { "250ms", 250 }, { "1us", 1 },       { "2h", 7200000 } };
    int64_t ms;
    size_t i;

    (void)state;
    refuses("{\"address\":\"a:1\"}", NULL, FCC__E_CFG_TIMEOUT, "no dial_timeout");
    refuses("{\"address\":\"a:1\",\"dial_timeout\":\"\"}", NULL, FCC__E_CFG_TIMEOUT, "no dial_timeout");
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (package_duration(bad[i], &ms))
            fail_msg("%s was taken", bad[i]);
    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(package_duration(good[i].text, &ms));
        assert_int_equal(ms, good[i].ms);
    }
}

static char *tls_json(bool client_auth, fcc_bytes root, fcc_bytes cert, fcc_bytes key)
{
    json_t *o = json_pack("{s:s, s:s, s:b, s:b}", "address", "a:1", "dial_timeout", "1s", "tls_required", 1,
                          "client_auth_required", client_auth);
    char *text;

    if (root.len)
        json_object_set_new(o, "root_cert", json_stringn((const char *)root.data, root.len));
    if (cert.len)
        json_object_set_new(o, "client_cert", json_stringn((const char *)cert.data, cert.len));
    if (key.len)
        json_object_set_new(o, "client_key", json_stringn((const char *)key.data, key.len));
    text = json_dumps(o, 0);
    json_decref(o);
    return text;
}

static void refuses_tls(bool client_auth, fcc_bytes root, fcc_bytes cert, fcc_bytes key, const char *words)
{
    char *json = tls_json(client_auth, root, cert, key);

    refuses(json, NULL, FCC__E_CFG_TLS, words);
    free(json);
}

static void tls_members_must_fit_together(void **state)
{
    test_cert ca = test_cert_make("ca", NULL), client = test_cert_make("client", &ca), other = test_cert_make("o", &ca);
    fcc_bytes none = { NULL, 0 }, path = FCC_LIT("/etc/ca.pem");
    char *json;

    (void)state;
    refuses_tls(false, none, none, none, "tls_required without root_cert");
    refuses_tls(false, path, none, none, "root_cert in connection.json is no certificate");
    refuses_tls(true, ca.cert_pem, client.cert_pem, none, "without client_key");
    refuses_tls(true, ca.cert_pem, none, client.key_pem, "without client_cert");
    refuses_tls(true, ca.cert_pem, path, client.key_pem, "client_cert in connection.json is no certificate");
    refuses_tls(true, ca.cert_pem, client.cert_pem, path, "client_key in connection.json is no private key");
    refuses_tls(true, ca.cert_pem, client.cert_pem, other.key_pem, "not the key of client_cert");
    json = tls_json(true, ca.cert_pem, client.cert_pem, client.key_pem);
    assert_int_equal(read_with(json, NULL), FCC_OK);
    assert_true(connection.use_tls && connection.use_client_auth);
    assert_true(fcc_bytes_equal(connection.client_key, client.key_pem));
    free(json);
    /* what is not required is not sent either */
    json = tls_json(false, ca.cert_pem, client.cert_pem, client.key_pem);
    assert_int_equal(read_with(json, NULL), FCC_OK);
    assert_int_equal(connection.client_cert.len, 0);
    free(json);
    test_cert_clear(&other);
    test_cert_clear(&client);
    test_cert_clear(&ca);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, make_arena, free_arena)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_plain_one_is_read),
        CASE(templates_are_filled_from_the_values),
        CASE(members_have_their_types),
        CASE(addresses_are_host_and_port),
        CASE(dial_timeout_must_be_there_and_a_duration),
        CASE(tls_members_must_fit_together),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
