/*
 * What a chaincode process takes from its environment and command line, and how it says what is wrong: docs/
 * environment.md, row by row. Runs in a directory of its own, which holds the files that the variables name.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include <fcc/chaincode.h>

#include "base/hash.h"
#include "io/config.h"

#include "test/support/certs.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const variables[] = {
    "CHAINCODE_SERVER_ADDRESS",
    "CHAINCODE_ID",
    "CORE_CHAINCODE_ID_NAME",
    "CHAINCODE_TLS_DISABLED",
    "CHAINCODE_TLS_KEY",
    "CHAINCODE_TLS_CERT",
    "CHAINCODE_CLIENT_CA_CERT",
    "CORE_PEER_TLS_ENABLED",
    "CORE_PEER_TLS_ROOTCERT_FILE",
    "CORE_TLS_CLIENT_KEY_FILE",
    "CORE_TLS_CLIENT_CERT_FILE",
    "CORE_TLS_CLIENT_KEY_PATH",
    "CORE_TLS_CLIENT_CERT_PATH",
    "CHAINCODE_KEEPALIVE_SECONDS",
    "CHAINCODE_DRAIN_SECONDS",
    "CHAINCODE_HANDLER_BUDGET_MS",
    "CORE_CHAINCODE_LOGGING_LEVEL",
    "CORE_CHAINCODE_LOGGING_SHIM",
    "CORE_CHAINCODE_LOGGING_FORMAT",
    "CORE_PEER_LOCALMSPID",
};

static const char *const files[] = { "key.pem", "cert.pem", "ca.pem", "other.pem",
                                     "key.b64", "cert.b64", "empty",  "junk" };

static char directory[] = "/tmp/fcc-config-XXXXXX";
static test_cert ca, leaf, other;
static fcc__arena *arena;
static fcc__config config;
static fcc_error error;

static void write_file(const char *name, fcc_bytes content)
{
    FILE *f = fopen(name, "w");

    assert_non_null(f);
    assert_int_equal(fwrite(content.data, 1, content.len, f), content.len);
    fclose(f);
}

static void write_base64(const char *name, fcc_bytes content)
{
    write_file(name, fcc__base64(arena, content));
}

static int make_files(void **state)
{
    arena = fcc__arena_new(16 * 1024 * 1024);
    if (!mkdtemp(directory) || chdir(directory) != 0)
        return -1;
    ca = test_cert_make("ca", NULL);
    leaf = test_cert_make("cc", &ca);
    other = test_cert_make("other", &ca);
    write_file("key.pem", leaf.key_pem);
    write_file("cert.pem", leaf.cert_pem);
    write_file("ca.pem", ca.cert_pem);
    write_file("other.pem", other.key_pem);
    write_base64("key.b64", leaf.key_pem);
    write_base64("cert.b64", leaf.cert_pem);
    write_file("empty", FCC_LIT(""));
    write_file("junk", FCC_LIT("!not base64, not PEM!"));
    return 0;
}

static int remove_files(void **state)
{
    for (size_t i = 0; i < COUNT(files); i++)
        unlink(files[i]);
    test_cert_clear(&ca);
    test_cert_clear(&leaf);
    test_cert_clear(&other);
    fcc__arena_free(arena);
    return chdir("/") || rmdir(directory);
}

static int clear_environment(void **state)
{
    for (size_t i = 0; i < COUNT(variables); i++)
        unsetenv(variables[i]);
    return 0;
}

static fcc_status read_with(const char *arg1, const char *arg2)
{
    char *argv[] = { "cc", (char *)(uintptr_t)arg1, (char *)(uintptr_t)arg2, NULL };

    memset(&config, 0, sizeof(config));
    return fcc__config_read(arena, 1 + (arg1 != NULL) + (arg2 != NULL), argv, &config, &error);
}

/* A right setting, and then one change of it: the value that a variable has instead (NULL: unset), and what is said. */
struct row {
    const char *variable, *value;
    const char *said; /* NULL: it is right */
};

static void set(const char *variable, const char *value)
{
    if (value)
        setenv(variable, value, 1);
    else
        unsetenv(variable);
}

static void try_rows(const char *arg, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *before = getenv(rows[i].variable);
        char *kept = before ? strdup(before) : NULL;
        fcc_status st;

        set(rows[i].variable, rows[i].value);
        st = read_with(arg, NULL);
        if (st == FCC_OK && rows[i].said)
            fail_msg("%s=%s is taken, but expected: %s", rows[i].variable, rows[i].value, rows[i].said);
        if (st != FCC_OK && !rows[i].said)
            fail_msg("%s=%s is refused: %s", rows[i].variable, rows[i].value, error.text);
        if (rows[i].said) {
            assert_int_equal(st, FCC_ERR_CONFIG);
            assert_string_equal(error.text, rows[i].said);
        }
        set(rows[i].variable, kept);
        free(kept);
    }
    assert_int_equal(read_with(arg, NULL), FCC_OK);
}

static void as_server(void)
{
    setenv("CHAINCODE_SERVER_ADDRESS", "127.0.0.1:9999", 1);
    setenv("CHAINCODE_ID", "cc:01", 1);
}

static void as_tls_server(void)
{
    as_server();
    setenv("CHAINCODE_TLS_DISABLED", "false", 1);
    setenv("CHAINCODE_TLS_KEY", "key.pem", 1);
    setenv("CHAINCODE_TLS_CERT", "cert.pem", 1);
}

static void as_client(void)
{
    setenv("CORE_CHAINCODE_ID_NAME", "cc:01", 1);
    setenv("CORE_PEER_TLS_ENABLED", "false", 1);
}

static void as_tls_client(void)
{
    as_client();
    setenv("CORE_PEER_TLS_ENABLED", "true", 1);
    setenv("CORE_TLS_CLIENT_KEY_FILE", "key.pem", 1);
    setenv("CORE_TLS_CLIENT_CERT_FILE", "cert.pem", 1);
    setenv("CORE_PEER_TLS_ROOTCERT_FILE", "ca.pem", 1);
}

static void a_server_needs_a_package_id_and_an_address_and_nothing_else(void **state)
{
    static const struct row rows[] = {
        { "CHAINCODE_ID", NULL,
          "ccid must be specified: CHAINCODE_ID (or CORE_CHAINCODE_ID_NAME) must be the package id, label:hex" },
        { "CHAINCODE_ID", "",
          "ccid must be specified: CHAINCODE_ID (or CORE_CHAINCODE_ID_NAME) must be the package id, label:hex" },
        { "CHAINCODE_ID", "cc:01 ", "CHAINCODE_ID is \"cc:01 \": expected a package id, label:hex, without blanks" },
        { "CHAINCODE_ID", "\xff", "CHAINCODE_ID is not UTF-8: expected a package id, label:hex" },
        { "CHAINCODE_ID", "any name:1.0",
          "CHAINCODE_ID is \"any name:1.0\": expected a package id, label:hex, "
          "without blanks" },
        { "CHAINCODE_ID", "mycc:1.0", NULL },
        { "CHAINCODE_SERVER_ADDRESS", NULL,
          "address must be specified: CHAINCODE_SERVER_ADDRESS must be host:port to listen on; "
          "to be a peer's client instead, flag 'peer.address' must be set" },
    };

    as_server();
    try_rows(NULL, rows, COUNT(rows));
    assert_string_equal(config.ccid, "cc:01");
    assert_string_equal(config.address, "127.0.0.1:9999");
    assert_false(config.use_tls);
    assert_false(config.is_client);
    assert_null(config.warnings[0]);
    setenv("CORE_CHAINCODE_ID_NAME", "cc:02", 1);
    assert_int_equal(read_with(NULL, NULL), FCC_OK);
    assert_string_equal(config.ccid, "cc:01"); /* CHAINCODE_ID comes first */
    unsetenv("CHAINCODE_ID");
    assert_int_equal(read_with(NULL, NULL), FCC_OK);
    assert_string_equal(config.ccid, "cc:02");
}

static void an_address_is_host_and_port(void **state)
{
    static const char *const bad[] = { "9999",    "host:",     "host:x", "host:99999",    "host:1x",
                                       "::1:999", "host: 999", "h:-1",   "http://h:9999", "h:9999\n" };
    static const char *const bad_for_client[] = { ":7052", "h:0" };
    char text[128];

    as_server();
    as_client();
    for (size_t i = 0; i < COUNT(bad); i++) {
        setenv("CHAINCODE_SERVER_ADDRESS", bad[i], 1);
        snprintf(text, sizeof(text), "CHAINCODE_SERVER_ADDRESS is \"%s\": expected host:port", bad[i]);
        assert_int_equal(read_with(NULL, NULL), FCC_ERR_CONFIG);
        assert_string_equal(error.text, text);
        snprintf(text, sizeof(text), "-peer.address is \"%s\": expected host:port", bad[i]);
        assert_int_equal(read_with("-peer.address", bad[i]), FCC_ERR_CONFIG);
        assert_string_equal(error.text, text);
    }
    for (size_t i = 0; i < COUNT(bad_for_client); i++) {
        setenv("CHAINCODE_SERVER_ADDRESS", bad_for_client[i], 1);
        assert_int_equal(read_with(NULL, NULL), FCC_OK);
        assert_int_equal(read_with("-peer.address", bad_for_client[i]), FCC_ERR_CONFIG);
    }
    setenv("CHAINCODE_SERVER_ADDRESS", "[::1]:9999", 1);
    assert_int_equal(read_with(NULL, NULL), FCC_OK);
    setenv("CHAINCODE_SERVER_ADDRESS", ":9999", 1);
    assert_int_equal(read_with(NULL, NULL), FCC_OK);
    assert_string_equal(config.address, "0.0.0.0:9999");
    assert_string_equal(config.warnings[0], "serving without TLS at 0.0.0.0:9999, to whoever can reach it");
}

static void a_server_speaks_tls_when_it_is_not_disabled(void **state)
{
    static const struct row rows[] = {
        { "CHAINCODE_TLS_DISABLED", "maybe", "CHAINCODE_TLS_DISABLED is \"maybe\": expected true or false" },
        { "CHAINCODE_TLS_DISABLED", "no", "CHAINCODE_TLS_DISABLED is \"no\": expected true or false" },
        { "CHAINCODE_TLS_DISABLED", "0", NULL },
        { "CHAINCODE_TLS_DISABLED", "F", NULL },
        { "CHAINCODE_TLS_KEY", NULL, "key not provided: CHAINCODE_TLS_KEY must name a file with the private key, PEM" },
        { "CHAINCODE_TLS_KEY", "nowhere",
          "failed to read private key file: open nowhere: No such file or directory: "
          "CHAINCODE_TLS_KEY must name a file with the private key, PEM" },
        { "CHAINCODE_TLS_KEY", ".",
          "failed to read private key file: read .: Is a directory: "
          "CHAINCODE_TLS_KEY must name a file with the private key, PEM" },
        { "CHAINCODE_TLS_KEY", "empty",
          "failed to read private key file: CHAINCODE_TLS_KEY names empty, which is empty: "
          "expected the private key, PEM, of at most 1048576 bytes" },
        { "CHAINCODE_TLS_KEY", "/dev/zero",
          "failed to read private key file: CHAINCODE_TLS_KEY names /dev/zero, which is too long: "
          "expected the private key, PEM, of at most 1048576 bytes" },
        { "CHAINCODE_TLS_KEY", "junk",
          "failed to parse client key pair: CHAINCODE_TLS_KEY names junk, which is not PEM: "
          "expected a private key in PEM" },
        { "CHAINCODE_TLS_KEY", "other.pem",
          "failed to parse client key pair: tls: private key does not match public key: "
          "CHAINCODE_TLS_KEY names other.pem, CHAINCODE_TLS_CERT names cert.pem: "
          "expected a key and the certificate made for it" },
        { "CHAINCODE_TLS_CERT", NULL,
          "cert not provided: CHAINCODE_TLS_CERT must name a file with the certificate, PEM" },
        { "CHAINCODE_TLS_CERT", "nowhere",
          "failed to read public key file: open nowhere: No such file or directory: "
          "CHAINCODE_TLS_CERT must name a file with the certificate, PEM" },
        { "CHAINCODE_TLS_CERT", "key.pem",
          "failed to parse client key pair: CHAINCODE_TLS_CERT names key.pem, which holds a private key: "
          "expected the certificate" },
        { "CHAINCODE_CLIENT_CA_CERT", "nowhere",
          "failed to read root cert file: open nowhere: No such file or directory: "
          "CHAINCODE_CLIENT_CA_CERT must name a file with the CA's certificate, PEM" },
        { "CHAINCODE_CLIENT_CA_CERT", "junk",
          "failed to load root cert file: CHAINCODE_CLIENT_CA_CERT names junk, which is not PEM: "
          "expected a certificate in PEM" },
        { "CHAINCODE_CLIENT_CA_CERT", "", NULL }, /* as if it were not set */
        { "CHAINCODE_CLIENT_CA_CERT", "ca.pem", NULL },
    };

    as_tls_server();
    try_rows(NULL, rows, COUNT(rows));
    assert_true(config.use_tls);
    assert_true(fcc_bytes_equal(config.tls.key, leaf.key_pem));
    assert_true(fcc_bytes_equal(config.tls.cert, leaf.cert_pem));
    assert_int_equal(config.tls.ca.len, 0);
    assert_null(config.warnings[0]);
    setenv("CHAINCODE_CLIENT_CA_CERT", "ca.pem", 1);
    assert_int_equal(read_with(NULL, NULL), FCC_OK);
    assert_true(fcc_bytes_equal(config.tls.ca, ca.cert_pem));
    /* by convention of the samples it is disabled where nothing is said: worth a word when a key is there */
    unsetenv("CHAINCODE_TLS_DISABLED");
    assert_int_equal(read_with(NULL, NULL), FCC_OK);
    assert_false(config.use_tls);
    assert_string_equal(config.warnings[0],
                        "CHAINCODE_TLS_KEY is set but CHAINCODE_TLS_DISABLED is not false: serving without TLS");
    setenv("CHAINCODE_TLS_DISABLED", "true", 1);
    assert_int_equal(read_with(NULL, NULL), FCC_OK);
    assert_false(config.use_tls);
}

static void a_client_needs_a_package_id_and_to_be_told_of_tls(void **state)
{
    static const struct row rows[] = {
        { "CORE_CHAINCODE_ID_NAME", NULL, "'CORE_CHAINCODE_ID_NAME' must be set: to the package id, label:hex" },
        { "CORE_CHAINCODE_ID_NAME", "a b",
          "CORE_CHAINCODE_ID_NAME is \"a b\": expected a package id, label:hex, without blanks" },
        { "CORE_PEER_TLS_ENABLED", NULL, "'CORE_PEER_TLS_ENABLED' must be set to 'true' or 'false': it is not set" },
        { "CORE_PEER_TLS_ENABLED", "", "'CORE_PEER_TLS_ENABLED' must be set to 'true' or 'false': it is \"\"" },
        { "CORE_PEER_TLS_ENABLED", "on", "'CORE_PEER_TLS_ENABLED' must be set to 'true' or 'false': it is \"on\"" },
        { "CORE_PEER_TLS_ENABLED", "0", NULL },
        { "CORE_PEER_TLS_ENABLED", "False", NULL },
    };

    as_client();
    try_rows("-peer.address=h:1", rows, COUNT(rows));
    assert_true(config.is_client);
    assert_false(config.use_tls);
    assert_string_equal(config.address, "h:1");
    assert_string_equal(config.ccid, "cc:01");
    setenv("CHAINCODE_ID", "cc:02", 1); /* of servers */
    assert_int_equal(read_with("--peer.address", "h:2"), FCC_OK);
    assert_string_equal(config.address, "h:2");
    assert_string_equal(config.ccid, "cc:01");
    assert_int_equal(read_with("-peer.address=", NULL), FCC_ERR_CONFIG);
    assert_string_equal(error.text, "flag 'peer.address' must be set: to the peer's host:port");
}

static void a_client_reads_key_certificate_and_root_each_in_its_own_encoding(void **state)
{
    static const char nothing_there[] = ": open : no such file or directory: ";
    static const struct row rows[] = {
        { "CORE_TLS_CLIENT_KEY_FILE", "nowhere",
          "failed to read private key file: open nowhere: No such file or directory: "
          "CORE_TLS_CLIENT_KEY_FILE must name a file with the private key, PEM" },
        { "CORE_TLS_CLIENT_KEY_FILE", "key.b64",
          "failed to parse client key pair: CORE_TLS_CLIENT_KEY_FILE names key.b64, which is not PEM: "
          "expected a private key in PEM" },
        { "CORE_TLS_CLIENT_KEY_FILE", "other.pem",
          "failed to parse client key pair: tls: private key does not match public key: "
          "CORE_TLS_CLIENT_KEY_FILE names other.pem, CORE_TLS_CLIENT_CERT_FILE names cert.pem: "
          "expected a key and the certificate made for it" },
        { "CORE_TLS_CLIENT_CERT_FILE", "nowhere",
          "failed to read public key file: open nowhere: No such file or directory: "
          "CORE_TLS_CLIENT_CERT_FILE must name a file with the certificate, PEM" },
        { "CORE_TLS_CLIENT_CERT_FILE", "junk",
          "failed to parse client key pair: CORE_TLS_CLIENT_CERT_FILE names junk, which is not PEM: "
          "expected a certificate in PEM" },
        { "CORE_PEER_TLS_ROOTCERT_FILE", NULL,
          "failed to read root cert file: open : no such file or directory: "
          "CORE_PEER_TLS_ROOTCERT_FILE must name a file with the CA of the peer's certificate, PEM" },
        { "CORE_PEER_TLS_ROOTCERT_FILE", "nowhere",
          "failed to read root cert file: open nowhere: No such file or directory: "
          "CORE_PEER_TLS_ROOTCERT_FILE must name a file with the CA's certificate, PEM" },
        { "CORE_PEER_TLS_ROOTCERT_FILE", "junk",
          "failed to load root cert file: CORE_PEER_TLS_ROOTCERT_FILE names junk, which is not PEM: "
          "expected a certificate in PEM" },
        { "CORE_PEER_TLS_ENABLED", "1", NULL },
        /* PEM wins over base64 */
        { "CORE_TLS_CLIENT_KEY_PATH", "nowhere", NULL },
        { "CORE_TLS_CLIENT_CERT_PATH", "nowhere", NULL },
    };
    static const struct row encoded[] = {
        { "CORE_TLS_CLIENT_KEY_PATH", "nowhere",
          "failed to read private key file: open nowhere: No such file or directory: "
          "CORE_TLS_CLIENT_KEY_PATH must name a file with the private key, PEM" },
        { "CORE_TLS_CLIENT_KEY_PATH", "junk",
          "failed to decode private key file: illegal base64 data: "
          "CORE_TLS_CLIENT_KEY_PATH names junk: expected base64 of the private key in PEM" },
        { "CORE_TLS_CLIENT_KEY_PATH", "key.pem",
          "failed to decode private key file: illegal base64 data: "
          "CORE_TLS_CLIENT_KEY_PATH names key.pem: expected base64 of the private key in PEM "
          "(for PEM itself there is the variable _FILE)" },
        { "CORE_TLS_CLIENT_CERT_PATH", "cert.pem",
          "failed to decode public key file: illegal base64 data: "
          "CORE_TLS_CLIENT_CERT_PATH names cert.pem: expected base64 of the certificate in PEM "
          "(for PEM itself there is the variable _FILE)" },
        { "CORE_TLS_CLIENT_CERT_FILE", "cert.pem", NULL }, /* each of its own: PEM beside a base64 key */
        { "CORE_TLS_CLIENT_KEY_FILE", "key.pem", NULL },
    };

    as_tls_client();
    try_rows("-peer.address=h:1", rows, COUNT(rows));
    assert_true(config.use_tls);
    assert_true(fcc_bytes_equal(config.tls.key, leaf.key_pem));
    assert_true(fcc_bytes_equal(config.tls.cert, leaf.cert_pem));
    assert_true(fcc_bytes_equal(config.tls.ca, ca.cert_pem));

    unsetenv("CORE_TLS_CLIENT_KEY_FILE");
    assert_int_equal(read_with("-peer.address=h:1", NULL), FCC_ERR_CONFIG);
    assert_non_null(strstr(error.text, nothing_there));
    assert_non_null(strstr(error.text, "CORE_TLS_CLIENT_KEY_FILE must name a file with the private key, PEM "
                                       "(or CORE_TLS_CLIENT_KEY_PATH one in base64)"));
    setenv("CORE_TLS_CLIENT_KEY_PATH", "key.b64", 1);
    unsetenv("CORE_TLS_CLIENT_CERT_FILE");
    setenv("CORE_TLS_CLIENT_CERT_PATH", "cert.b64", 1);
    try_rows("-peer.address=h:1", encoded, COUNT(encoded));
    assert_true(fcc_bytes_equal(config.tls.key, leaf.key_pem));
    assert_true(fcc_bytes_equal(config.tls.cert, leaf.cert_pem));
    setenv("CORE_TLS_CLIENT_KEY_FILE", "", 1); /* wins merely by being set */
    assert_int_equal(read_with("-peer.address=h:1", NULL), FCC_ERR_CONFIG);
    assert_string_equal(error.text,
                        "failed to read private key file: open : no such file or directory: "
                        "CORE_TLS_CLIENT_KEY_FILE is empty: unset it, or name a file with the private key, PEM");
}

static void pings_are_seldom_enough_for_a_peer(void **state)
{
    static const struct row server[] = {
        { "CHAINCODE_KEEPALIVE_SECONDS", "0",
          "CHAINCODE_KEEPALIVE_SECONDS is \"0\": expected whole seconds, 1 to 86400" },
        { "CHAINCODE_KEEPALIVE_SECONDS", "10s",
          "CHAINCODE_KEEPALIVE_SECONDS is \"10s\": expected whole seconds, 1 to 86400" },
        { "CHAINCODE_KEEPALIVE_SECONDS", "1", NULL },
    };
    static const struct row client[] = {
        { "CHAINCODE_KEEPALIVE_SECONDS", "59",
          "CHAINCODE_KEEPALIVE_SECONDS is \"59\": expected whole seconds, 60 to 86400" },
        { "CHAINCODE_KEEPALIVE_SECONDS", "60", NULL },
    };

    as_server();
    as_client();
    try_rows(NULL, server, COUNT(server));
    assert_int_equal(config.keepalive.ping_ms, 30000);
    assert_int_equal(config.keepalive.timeout_ms, 20000);
    assert_int_equal(config.keepalive.accept_ms, 10000);
    try_rows("-peer.address=h:1", client, COUNT(client));
    assert_int_equal(config.keepalive.ping_ms, 65000);
    assert_int_equal(config.keepalive.timeout_ms, 20000);
    setenv("CHAINCODE_KEEPALIVE_SECONDS", "120", 1);
    assert_int_equal(read_with(NULL, NULL), FCC_OK);
    assert_int_equal(config.keepalive.ping_ms, 120000);
}

static void the_time_to_drain_is_whole_seconds(void **state)
{
    static const struct row rows[] = {
        { "CHAINCODE_DRAIN_SECONDS", "-1", "CHAINCODE_DRAIN_SECONDS is \"-1\": expected whole seconds, 0 to 86400" },
        { "CHAINCODE_DRAIN_SECONDS", "1.5", "CHAINCODE_DRAIN_SECONDS is \"1.5\": expected whole seconds, 0 to 86400" },
        { "CHAINCODE_DRAIN_SECONDS", "99999999999999999999",
          "CHAINCODE_DRAIN_SECONDS is \"99999999999999999999\": expected whole seconds, 0 to 86400" },
        { "CHAINCODE_DRAIN_SECONDS", "0", NULL },
        { "CHAINCODE_HANDLER_BUDGET_MS", "2.5",
          "CHAINCODE_HANDLER_BUDGET_MS is \"2.5\": expected whole milliseconds, 0 to 86400000" },
        { "CHAINCODE_HANDLER_BUDGET_MS", "-1",
          "CHAINCODE_HANDLER_BUDGET_MS is \"-1\": expected whole milliseconds, 0 to 86400000" },
        { "CHAINCODE_HANDLER_BUDGET_MS", "0", NULL },
        { "FCC_COUNTERS_FD", "x", "FCC_COUNTERS_FD is \"x\": fcc-host sets it, nobody else should" },
        { "FCC_COUNTERS_FD", "-1", "FCC_COUNTERS_FD is \"-1\": fcc-host sets it, nobody else should" },
        { "FCC_COUNTERS_FD", "3", NULL },
    };

    as_server();
    try_rows(NULL, rows, COUNT(rows));
    assert_int_equal(config.drain_ms, 25000);
    assert_int_equal(config.budget_ms, 25000);
    setenv("CHAINCODE_DRAIN_SECONDS", "3", 1);
    assert_int_equal(read_with(NULL, NULL), FCC_OK);
    assert_int_equal(config.drain_ms, 3000);
}

static void the_log_level_is_the_peers_and_a_wrong_one_is_only_warned_of(void **state)
{
    static const struct {
        const char *value;
        fcc__level level;
    } rows[] = { { "debug", FCC__DEBUG }, { "INFO", FCC__INFO },   { "warning", FCC__WARN }, { "WARN", FCC__WARN },
                 { "error", FCC__ERROR }, { "panic", FCC__ERROR }, { "fatal", FCC__ERROR },  { "", FCC__INFO } };

    as_server();
    for (size_t i = 0; i < COUNT(rows); i++) {
        setenv("CORE_CHAINCODE_LOGGING_LEVEL", rows[i].value, 1);
        assert_int_equal(read_with(NULL, NULL), FCC_OK);
        assert_int_equal(config.log_level, rows[i].level);
        assert_null(config.warnings[0]);
    }
    setenv("CORE_CHAINCODE_LOGGING_LEVEL", "loud", 1);
    setenv("CORE_CHAINCODE_LOGGING_SHIM", "loud", 1); /* these are nobody's, as in the Go shim */
    setenv("CORE_CHAINCODE_LOGGING_FORMAT", "loud", 1);
    assert_int_equal(read_with(NULL, NULL), FCC_OK);
    assert_int_equal(config.log_level, FCC__INFO);
    assert_string_equal(config.warnings[0], "CORE_CHAINCODE_LOGGING_LEVEL is \"loud\": "
                                            "expected debug, info, warning or error; taken as info");
    assert_null(config.warnings[1]);
}

static void the_organisation_of_the_peer_is_told_when_it_is_asked_for(void **state)
{
    fcc_bytes id = { NULL, 0 };

    assert_int_equal(fcc_peer_msp_id(&id, &error), FCC_ERR_CONFIG);
    assert_string_equal(error.text, "'CORE_PEER_LOCALMSPID' is not set");
    setenv("CORE_PEER_LOCALMSPID", "", 1);
    assert_int_equal(fcc_peer_msp_id(&id, NULL), FCC_ERR_CONFIG);
    setenv("CORE_PEER_LOCALMSPID", "Org1MSP", 1);
    assert_int_equal(fcc_peer_msp_id(&id, &error), FCC_OK);
    assert_true(fcc_bytes_equal(id, FCC_LIT("Org1MSP")));
}

static void unknown_arguments_are_quoted_and_help_needs_nothing(void **state)
{
    assert_int_equal(read_with("--verbose", NULL), FCC_ERR_CONFIG);
    assert_string_equal(error.text, "unknown argument \"--verbose\": expected -peer.address host:port, or --help");
    assert_int_equal(read_with("peer.address=h:1", NULL), FCC_ERR_CONFIG);
    assert_string_equal(error.text,
                        "unknown argument \"peer.address=h:1\": expected -peer.address host:port, or --help");
    assert_int_equal(read_with("-peer.address", NULL), FCC_ERR_CONFIG);
    assert_string_equal(error.text, "-peer.address needs host:port behind it");
    assert_int_equal(read_with("--help", NULL), FCC_OK);
    assert_true(config.help);
    for (size_t i = 0; i < COUNT(variables); i++)
        if (strcmp(variables[i], "CORE_CHAINCODE_LOGGING_SHIM") != 0 &&
            strcmp(variables[i], "CORE_CHAINCODE_LOGGING_FORMAT") != 0)
            assert_non_null(strstr(fcc__config_help(), variables[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_server_needs_a_package_id_and_an_address_and_nothing_else, clear_environment),
        cmocka_unit_test_setup(an_address_is_host_and_port, clear_environment),
        cmocka_unit_test_setup(a_server_speaks_tls_when_it_is_not_disabled, clear_environment),
        cmocka_unit_test_setup(a_client_needs_a_package_id_and_to_be_told_of_tls, clear_environment),
        cmocka_unit_test_setup(a_client_reads_key_certificate_and_root_each_in_its_own_encoding, clear_environment),
        cmocka_unit_test_setup(pings_are_seldom_enough_for_a_peer, clear_environment),
        cmocka_unit_test_setup(the_time_to_drain_is_whole_seconds, clear_environment),
        cmocka_unit_test_setup(the_log_level_is_the_peers_and_a_wrong_one_is_only_warned_of, clear_environment),
        cmocka_unit_test_setup(the_organisation_of_the_peer_is_told_when_it_is_asked_for, clear_environment),
        cmocka_unit_test_setup(unknown_arguments_are_quoted_and_help_needs_nothing, clear_environment),
    };

    return cmocka_run_group_tests(tests, make_files, remove_files);
}
