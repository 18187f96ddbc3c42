/* What a chaincode process takes from its environment and command line, and how it says what is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/config.h"

struct fixture {
    fcc__arena *arena;
    fcc__config config;
    fcc_error error;
    char file[64];
};

static const char *const variables[] = {
    "CHAINCODE_SERVER_ADDRESS",    "CHAINCODE_ID",
    "CORE_CHAINCODE_ID_NAME",      "CHAINCODE_TLS_DISABLED",
    "CHAINCODE_TLS_KEY",           "CHAINCODE_TLS_CERT",
    "CHAINCODE_CLIENT_CA_CERT",    "CORE_PEER_TLS_ENABLED",
    "CORE_PEER_TLS_ROOTCERT_FILE", "CORE_TLS_CLIENT_KEY_FILE",
    "CORE_TLS_CLIENT_CERT_FILE",   "CORE_TLS_CLIENT_KEY_PATH",
    "CORE_TLS_CLIENT_CERT_PATH",
};

/* A file with this content; the test removes it. */
static void write_file(const char *path, const char *content)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fputs(content, f);
    fclose(f);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    f->arena = fcc__arena_new(16 * 1024 * 1024);
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
        unsetenv(variables[i]);
    snprintf(f->file, sizeof(f->file), "/tmp/fcc-config-XXXXXX");
    close(mkstemp(f->file));
    write_file(f->file, "some PEM");
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    unlink(f->file);
    fcc__arena_free(f->arena);
    free(f);
    return 0;
}

static fcc_status read_with(struct fixture *f, const char *arg1, const char *arg2)
{
    char *argv[] = { "cc", (char *)(uintptr_t)arg1, (char *)(uintptr_t)arg2, NULL };

    return fcc__config_read(f->arena, 1 + (arg1 != NULL) + (arg2 != NULL), argv, &f->config, &f->error);
}

#define EXPECT_ERROR(f, arg1, arg2, expected)                       \
    do {                                                            \
        assert_int_equal(read_with(f, arg1, arg2), FCC_ERR_CONFIG); \
        assert_string_equal((f)->error.text, expected);             \
    } while (0)

static void a_server_needs_an_address_and_a_package_id_and_nothing_else(void **state)
{
    struct fixture *f = *state;

    EXPECT_ERROR(f, NULL, NULL,
                 "CHAINCODE_SERVER_ADDRESS must be set to host:port to listen on "
                 "(or -peer.address host:port given, to be a peer's client)");
    setenv("CHAINCODE_SERVER_ADDRESS", "127.0.0.1:9999", 1);
    EXPECT_ERROR(f, NULL, NULL, "CHAINCODE_ID must be set to the package id, label:hex (or CORE_CHAINCODE_ID_NAME)");
    setenv("CHAINCODE_ID", "", 1);
    setenv("CORE_CHAINCODE_ID_NAME", "cc:01", 1);
    assert_int_equal(read_with(f, NULL, NULL), FCC_OK);
    assert_string_equal(f->config.ccid, "cc:01");
    assert_string_equal(f->config.address, "127.0.0.1:9999");
    assert_false(f->config.use_tls);
    assert_false(f->config.is_client);
    setenv("CHAINCODE_ID", "cc:02", 1);
    assert_int_equal(read_with(f, NULL, NULL), FCC_OK);
    assert_string_equal(f->config.ccid, "cc:02");
}

static void an_address_is_host_and_port(void **state)
{
    static const char *const bad[] = { "9999", "host:", "host:x", "host:99999", "host:1x", "::1:9999", "host:-1" };
    struct fixture *f = *state;
    char text[128];

    setenv("CHAINCODE_ID", "cc:01", 1);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        setenv("CHAINCODE_SERVER_ADDRESS", bad[i], 1);
        snprintf(text, sizeof(text), "CHAINCODE_SERVER_ADDRESS is \"%s\": expected host:port", bad[i]);
        EXPECT_ERROR(f, NULL, NULL, text);
    }
    setenv("CHAINCODE_SERVER_ADDRESS", "[::1]:9999", 1);
    assert_int_equal(read_with(f, NULL, NULL), FCC_OK);
    setenv("CHAINCODE_SERVER_ADDRESS", ":9999", 1);
    assert_int_equal(read_with(f, NULL, NULL), FCC_OK);
    assert_string_equal(f->config.address, "0.0.0.0:9999");
}

static void tls_needs_key_and_certificate_and_may_have_a_client_ca(void **state)
{
    struct fixture *f = *state;
    char text[256];

    setenv("CHAINCODE_ID", "cc:01", 1);
    setenv("CHAINCODE_SERVER_ADDRESS", "h:1", 1);
    setenv("CHAINCODE_TLS_DISABLED", "maybe", 1);
    EXPECT_ERROR(f, NULL, NULL, "CHAINCODE_TLS_DISABLED is \"maybe\": expected true or false");
    setenv("CHAINCODE_TLS_DISABLED", "false", 1);
    EXPECT_ERROR(f, NULL, NULL, "CHAINCODE_TLS_KEY must be set to a file with the private key, PEM");
    setenv("CHAINCODE_TLS_KEY", f->file, 1);
    EXPECT_ERROR(f, NULL, NULL, "CHAINCODE_TLS_CERT must be set to a file with the certificate, PEM");
    setenv("CHAINCODE_TLS_CERT", "/nowhere/cert.pem", 1);
    EXPECT_ERROR(f, NULL, NULL,
                 "CHAINCODE_TLS_CERT names /nowhere/cert.pem, which cannot be read: No such file or directory");
    setenv("CHAINCODE_TLS_CERT", f->file, 1);
    assert_int_equal(read_with(f, NULL, NULL), FCC_OK);
    assert_true(f->config.use_tls);
    assert_true(fcc_bytes_equal(f->config.tls.key, FCC_LIT("some PEM")));
    assert_int_equal(f->config.tls.ca.len, 0);
    setenv("CHAINCODE_CLIENT_CA_CERT", f->file, 1);
    assert_int_equal(read_with(f, NULL, NULL), FCC_OK);
    assert_true(fcc_bytes_equal(f->config.tls.ca, FCC_LIT("some PEM")));
    write_file(f->file, "");
    snprintf(text, sizeof(text), "CHAINCODE_TLS_KEY names %s: expected a PEM file of at most 1048576 bytes", f->file);
    EXPECT_ERROR(f, NULL, NULL, text);
}

static void a_client_takes_the_variables_of_the_go_shim(void **state)
{
    struct fixture *f = *state;

    EXPECT_ERROR(f, "-peer.address", "h:1", "'CORE_CHAINCODE_ID_NAME' must be set to the package id, label:hex");
    setenv("CORE_CHAINCODE_ID_NAME", "cc:01", 1);
    EXPECT_ERROR(f, "-peer.address=h:1", NULL, "'CORE_PEER_TLS_ENABLED' must be set to 'true' or 'false', it is \"\"");
    setenv("CORE_PEER_TLS_ENABLED", "false", 1);
    assert_int_equal(read_with(f, "--peer.address=h:1", NULL), FCC_OK);
    assert_true(f->config.is_client);
    assert_string_equal(f->config.address, "h:1");
    setenv("CORE_PEER_TLS_ENABLED", "T", 1);
    EXPECT_ERROR(f, "-peer.address=h:1", NULL,
                 "CORE_TLS_CLIENT_KEY_FILE must be set to a file with the private key, PEM "
                 "(or CORE_TLS_CLIENT_KEY_PATH to one in base64)");
    write_file(f->file, "c29tZSBQRU0=\n");
    setenv("CORE_TLS_CLIENT_KEY_PATH", f->file, 1);
    setenv("CORE_TLS_CLIENT_CERT_FILE", f->file, 1);
    EXPECT_ERROR(f, "-peer.address=h:1", NULL,
                 "CORE_PEER_TLS_ROOTCERT_FILE must be set to a file with the peer's CA, PEM");
    setenv("CORE_PEER_TLS_ROOTCERT_FILE", f->file, 1);
    assert_int_equal(read_with(f, "-peer.address=h:1", NULL), FCC_OK);
    assert_true(fcc_bytes_equal(f->config.tls.key, FCC_LIT("some PEM")));
    assert_true(fcc_bytes_equal(f->config.tls.cert, FCC_LIT("c29tZSBQRU0=\n")));
    setenv("CORE_TLS_CLIENT_KEY_FILE", "", 1); /* wins merely by being set */
    EXPECT_ERROR(f, "-peer.address=h:1", NULL,
                 "CORE_TLS_CLIENT_KEY_FILE must be set to a file with the private key, PEM");
}

static void unknown_arguments_are_quoted_and_help_needs_nothing(void **state)
{
    struct fixture *f = *state;

    EXPECT_ERROR(f, "--verbose", NULL, "unknown argument \"--verbose\": expected -peer.address or --help");
    EXPECT_ERROR(f, "peer.address=h:1", NULL,
                 "unknown argument \"peer.address=h:1\": expected -peer.address or --help");
    EXPECT_ERROR(f, "-peer.address", NULL, "-peer.address needs host:port behind it");
    assert_int_equal(read_with(f, "--help", NULL), FCC_OK);
    assert_true(f->config.help);
    assert_non_null(strstr(fcc__config_help(), "CHAINCODE_SERVER_ADDRESS"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_server_needs_an_address_and_a_package_id_and_nothing_else, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_address_is_host_and_port, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tls_needs_key_and_certificate_and_may_have_a_client_ca, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_client_takes_the_variables_of_the_go_shim, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unknown_arguments_are_quoted_and_help_needs_nothing, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
