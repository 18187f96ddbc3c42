/* The YAML file of fcc-host: what is read, and what each mistake is told by. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "host/config.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/fcc-host-config.XXXXXX";

static void write_file(const char *name, const char *content)
{
    char path[128];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    f = fopen(path, "w");
    assert_non_null(f);
    fputs(content, f);
    fclose(f);
}

static int make_folder(void **state)
{
    char path[128];

    assert_non_null(mkdtemp(folder));
    write_file("cc", "#!/bin/sh\n");
    snprintf(path, sizeof(path), "%s/cc", folder);
    chmod(path, 0755);
    write_file("cert.pem", "x");
    write_file("id", "from_file:02\nrest\n");
    write_file("empty", "");
    return 0;
}

static int remove_folder(void **state)
{
    static const char *const names[] = { "cc", "cert.pem", "id", "empty", "host.yaml" };
    char path[128];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        unlink(path);
    }
    return rmdir(folder);
}

static fcc_status read_config(const char *text, bool as_root, fcc__arena *arena, host_config *out, fcc_error *error)
{
    const char *path = fcc__arena_printf(arena, "%s/host.yaml", folder);

    write_file("host.yaml", text);
    return host_config_read(path, as_root, arena, out, error);
}

/* The file is refused with an error that contains `words`. */
static void refuse_as(const char *text, bool as_root, const char *words)
{
    fcc__arena *arena = fcc__arena_new(1 << 20);
    host_config config = { .n = 77 };
    fcc_error error = { .text = "" };

    assert_int_equal(read_config(text, as_root, arena, &config, &error), FCC_ERR_CONFIG);
    if (!strstr(error.text, words))
        fail_msg("expected \"%s\" in \"%s\"", words, error.text);
    assert_non_null(strstr(error.text, "host.yaml"));
    assert_int_equal(config.n, 77);
    fcc__arena_free(arena);
}

static void refuse(const char *text, const char *words)
{
    refuse_as(text, false, words);
}

#define HEAD "chaincodes:\n- name: a\n"
#define LEAST HEAD "  exec: cc\n  ccid: a:01\n  address: 127.0.0.1:1\n"

static void the_least_has_defaults(void **state)
{
    fcc__arena *arena = fcc__arena_new(1 << 20);
    host_config c;
    fcc_error error;

    assert_int_equal(read_config(LEAST, false, arena, &c, &error), FCC_OK);
    assert_string_equal(c.admin, "127.0.0.1:9443");
    assert_int_equal(c.drain_seconds, 25);
    assert_int_equal(c.n, 1);
    assert_string_equal(c.v[0].name, "a");
    assert_string_equal(c.v[0].ccid, "a:01");
    assert_string_equal(c.v[0].address, "127.0.0.1:1");
    assert_int_equal(strncmp(c.v[0].exec, folder, strlen(folder)), 0);
    assert_null(c.v[0].tls_cert);
    assert_false(c.v[0].drops);
    assert_int_equal(c.v[0].env_count, 0);
    assert_int_equal(c.v[0].memory_mb, 0);
    fcc__arena_free(arena);
}

static void everything_can_be_said(void **state)
{
    static const char text[] = "admin: '[::1]:9000'\n"
                               "drain_seconds: 3\n" LEAST "- name: b\n"
                               "  exec: cc\n"
                               "  ccid_file: id\n"
                               "  address: 0.0.0.0:2\n"
                               "  tls: { cert: cert.pem, key: cert.pem, client_ca: cert.pem }\n"
                               "  env: { ONE: '1', EMPTY: '' }\n"
                               "  user: 12345\n"
                               "  group: 54321\n"
                               "  budget_ms: 500\n"
                               "  memory_mb: 512\n"
                               "  log_level: debug\n";
    fcc__arena *arena = fcc__arena_new(1 << 20);
    char with_root[sizeof(text) + 32];
    host_config c;
    fcc_error error;

    snprintf(with_root, sizeof(with_root), "%s", text);
    /* the first one has no user */
    refuse_as(with_root, true, "host.yaml:4: user: expected a user without root's rights");
    snprintf(with_root, sizeof(with_root), "%.*s  allow_root: true\n%s", (int)(strstr(text, "- name: b") - text), text,
             strstr(text, "- name: b"));
    if (read_config(with_root, true, arena, &c, &error) != FCC_OK)
        fail_msg("%s", error.text);
    assert_string_equal(c.admin, "[::1]:9000");
    assert_int_equal(c.drain_seconds, 3);
    assert_int_equal(c.n, 2);
    assert_false(c.v[0].drops);
    assert_string_equal(c.v[1].ccid, "from_file:02");
    assert_non_null(c.v[1].tls_cert);
    assert_non_null(c.v[1].tls_key);
    assert_non_null(c.v[1].tls_client_ca);
    assert_int_equal(c.v[1].env_count, 2);
    assert_string_equal(c.v[1].env[0], "ONE=1");
    assert_string_equal(c.v[1].env[1], "EMPTY=");
    assert_true(c.v[1].drops);
    assert_int_equal(c.v[1].uid, 12345);
    assert_int_equal(c.v[1].gid, 54321);
    assert_int_equal(c.v[1].budget_ms, 500);
    assert_int_equal(c.v[1].memory_mb, 512);
    assert_string_equal(c.v[1].log_level, "debug");
    fcc__arena_free(arena);
}

static void what_is_no_such_file_is_refused(void **state)
{
    fcc__arena *arena = fcc__arena_new(1 << 20);
    host_config c;
    fcc_error error;

    assert_int_equal(host_config_read("/nonexistent/host.yaml", false, arena, &c, &error), FCC_ERR_CONFIG);
    assert_non_null(strstr(error.text, "/nonexistent/host.yaml: No such file"));
    fcc__arena_free(arena);
    refuse("", "the file is empty");
    refuse("a: [", "host.yaml:2: not YAML");
    refuse("- a\n", "host.yaml:1: file: expected a mapping");
    refuse("admin: 127.0.0.1:1\n", "host.yaml:1: file: expected the key \"chaincodes\", which is missing");
    refuse("chaincodes: []\n", "host.yaml:1: chaincodes: expected a list of 1 to 256");
    refuse("chaincodes: x\n", "host.yaml:1: chaincodes: expected a list of 1 to 256");
}

static void mistakes_in_keys_are_named_with_their_line(void **state)
{
    refuse(LEAST "  ports: 1\n", "host.yaml:6: chaincode: \"ports\": expected one of name, exec,");
    refuse(LEAST "  exec: cc\n", "host.yaml:6: chaincode: \"exec\": expected each key once");
    refuse(HEAD, "host.yaml:2: chaincode: expected the key \"exec\", which is missing");
    refuse("drain_seconds: soon\n" LEAST,
           "host.yaml:1: drain_seconds: \"soon\": expected a whole number from 0 to 3600");
    refuse("drain_seconds: 3601\n" LEAST, "drain_seconds: \"3601\"");
    refuse("admin: 9000\n" LEAST, "host.yaml:1: admin: \"9000\": expected host:port");
    refuse(LEAST "  memory_mb: 64\n", "memory_mb: \"64\": expected a whole number from 128");
    refuse(LEAST "  budget_ms: -1\n", "budget_ms: \"-1\"");
    refuse(LEAST "  log_level: loud\n", "log_level: \"loud\": expected debug, info, warning or error");
    refuse(LEAST "  allow_root: yes\n", "allow_root: \"yes\": expected true or false");
    refuse(LEAST "  env: [A]\n", "env: expected a mapping");
    refuse(LEAST "  env: { 1A: x }\n", "env: \"1A\": expected a variable's name");
    refuse(LEAST "  env: { CHAINCODE_ID: x }\n", "env: \"CHAINCODE_ID\"");
    refuse(LEAST "  env: { A: [x] }\n", "host.yaml:6: A: expected text");
}

static void mistakes_in_values_are_named_with_their_line(void **state)
{
    refuse("chaincodes:\n- { name: 'a b', exec: cc, ccid: 'a:1', address: 'h:1' }\n",
           "name: \"a b\": expected letters");
    refuse("chaincodes:\n- { name: a, exec: nothing, ccid: 'a:1', address: 'h:1' }\n",
           "expected a program (No such file");
    refuse("chaincodes:\n- { name: a, exec: cert.pem, ccid: 'a:1', address: 'h:1' }\n", "expected a program");
    refuse("chaincodes:\n- { name: a, exec: /tmp, ccid: 'a:1', address: 'h:1' }\n", "expected a program (no file)");
    refuse("chaincodes:\n- { name: a, exec: cc, ccid: 'a b', address: 'h:1' }\n",
           "ccid: \"a b\": expected a package id");
    refuse("chaincodes:\n- { name: a, exec: cc, address: 'h:1' }\n", "expected one of ccid and ccid_file");
    refuse("chaincodes:\n- { name: a, exec: cc, ccid: x, ccid_file: id, address: 'h:1' }\n",
           "expected one of ccid and ccid_file");
    refuse("chaincodes:\n- { name: a, exec: cc, ccid_file: none, address: 'h:1' }\n", "ccid_file: ");
    refuse("chaincodes:\n- { name: a, exec: cc, ccid_file: empty, address: 'h:1' }\n", "in its first line");
    refuse("chaincodes:\n- { name: a, exec: cc, ccid: x, address: ':1' }\n", "address: \":1\": expected host:port");
    refuse("chaincodes:\n- { name: a, exec: cc, ccid: x, address: 'h:65536' }\n", "address: \"h:65536\"");
    refuse("chaincodes:\n- { name: a, exec: cc, ccid: x, address: 'h:1x' }\n", "address: \"h:1x\"");
    refuse(LEAST "  tls: { cert: cert.pem }\n", "tls: expected the key \"key\", which is missing");
    refuse(LEAST "  tls: { cert: cert.pem, key: none }\n", "tls.key: ");
    refuse(LEAST "- name: a\n  exec: cc\n  ccid: x\n  address: h:2\n",
           "host.yaml:6: name: \"a\": expected each name once");
    refuse(LEAST "- name: b\n  exec: cc\n  ccid: x\n  address: 127.0.0.1:1\n", "expected each address once");
    refuse("admin: 127.0.0.1:1\n" LEAST, "expected another address than that of admin");
}

static void users_are_checked(void **state)
{
    char text[256];

    refuse(LEAST "  user: no such user\n", "user: \"no such user\": expected a user of this machine");
    refuse_as(LEAST "  user: 4242424242\n", true, "expected a user");
    refuse_as(LEAST "  user: 123456789\n", true, "or the key \"group\" beside it");
    refuse_as(LEAST "  user: 123456789\n  group: no such group\n", true, "expected a group of this machine");
    refuse_as(LEAST "  group: 5\n", true, "group: \"5\": expected the key \"user\" beside it");
    refuse_as(LEAST, true, "expected a user without root's rights");
    refuse_as(LEAST "  user: root\n", true, "host.yaml:6: user: \"root\": expected a user without root's rights");
    snprintf(text, sizeof(text), LEAST "  user: %u\n  group: 1\n", (unsigned)geteuid() + 1);
    refuse(text, "expected fcc-host to be started as root");
}

static void every_key_that_changes_makes_another_chaincode(void **state)
{
    static const char base[] = LEAST "  log_level: info\n";
    static const char *const others[] = {
        HEAD "  exec: cc\n  ccid: a:02\n  address: 127.0.0.1:1\n  log_level: info\n",
        HEAD "  exec: cc\n  ccid: a:01\n  address: 127.0.0.1:2\n  log_level: info\n",
        HEAD "  exec: other\n  ccid: a:01\n  address: 127.0.0.1:1\n  log_level: info\n",
        LEAST,
        LEAST "  log_level: debug\n",
        LEAST "  log_level: info\n  env: { A: b }\n",
        LEAST "  log_level: info\n  budget_ms: 1\n",
        LEAST "  log_level: info\n  memory_mb: 500\n",
        LEAST "  log_level: info\n  tls: { cert: cert.pem, key: cert.pem }\n",
    };
    fcc__arena *arena = fcc__arena_new(1 << 20);
    char path[128], same_as_cc[128];
    host_config a, b;
    fcc_error error;

    snprintf(path, sizeof(path), "%s/other", folder);
    snprintf(same_as_cc, sizeof(same_as_cc), "%s/cc", folder);
    assert_int_equal(link(same_as_cc, path), 0);
    assert_int_equal(read_config(base, false, arena, &a, &error), FCC_OK);
    assert_int_equal(read_config(base, false, arena, &b, &error), FCC_OK);
    assert_true(host_chaincode_same(&a.v[0], &b.v[0]));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_int_equal(read_config(others[i], false, arena, &b, &error), FCC_OK);
        assert_false(host_chaincode_same(&a.v[0], &b.v[0]));
    }
    assert_int_equal(read_config(LEAST "  env: { A: b }\n", false, arena, &a, &error), FCC_OK);
    assert_int_equal(read_config(LEAST "  env: { A: c }\n", false, arena, &b, &error), FCC_OK);
    assert_false(host_chaincode_same(&a.v[0], &b.v[0]));
    /* the program, in the place of the old one */
    assert_int_equal(read_config(LEAST, false, arena, &a, &error), FCC_OK);
    write_file("other", "#!/bin/sh\n:\n");
    assert_int_equal(read_config(LEAST, false, arena, &b, &error), FCC_OK);
    assert_false(host_chaincode_same(&a.v[0], &b.v[0]));
    unlink(path);
    fcc__arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_has_defaults),
        cmocka_unit_test(everything_can_be_said),
        cmocka_unit_test(what_is_no_such_file_is_refused),
        cmocka_unit_test(mistakes_in_keys_are_named_with_their_line),
        cmocka_unit_test(mistakes_in_values_are_named_with_their_line),
        cmocka_unit_test(users_are_checked),
        cmocka_unit_test(every_key_that_changes_makes_another_chaincode),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
