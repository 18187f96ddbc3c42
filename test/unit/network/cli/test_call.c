/* The options and arguments of invoke and query. */
#include "cli/cli.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { MOST = 16 };

static int parse(cli_call *c, ...)
{
    static char words[MOST][256]; /* options may change what is in argv */
    char *argv[MOST + 1] = { words[0] };
    const char *word;
    int argc = 1;
    va_list args;

    va_start(args, c);
    for (; argc < MOST && (word = va_arg(args, const char *)); argc++) {
        argv[argc] = words[argc];
        snprintf(words[argc], sizeof(words[argc]), "%s", word);
    }
    va_end(args);
    return cli_call_parse(c, "invoke", "usage", argc, argv);
}

static bool is(fcc_bytes b, const char *text)
{
    return fcc_bytes_equal(b, fcc_str(text));
}

static void a_plain_call_has_defaults(void **state)
{
    cli_call c;

    assert_int_equal(parse(&c, "probe", "echo", "x", "", NULL), -1);
    assert_string_equal(c.open.dir, "build/devnet");
    assert_string_equal(c.call.chaincode, "probe");
    assert_int_equal(c.call.arg_count, 3);
    assert_true(is(c.call.args[0], "echo"));
    assert_true(is(c.call.args[1], "x"));
    assert_int_equal(c.call.args[2].len, 0);
    assert_int_equal(c.call.transient_count, 0);
    assert_int_equal(c.call.org_count, 0);
    assert_false(c.json);
    cli_call_clear(&c);
}

static void options_may_stand_behind_the_arguments(void **state)
{
    cli_call c;

    assert_int_equal(parse(&c, "ehr", "Setup", "--user", "doctor1", "--org=hospital", "--endorse",
                           "HospitalMSP,ClinicMSP", "--transient", "in={\"a\":\"b=c\"}", "--json", NULL),
                     -1);
    assert_string_equal(c.open.user, "doctor1");
    assert_string_equal(c.open.org, "hospital");
    assert_int_equal(c.call.org_count, 2);
    assert_string_equal(c.call.orgs[1], "ClinicMSP");
    assert_int_equal(c.call.transient_count, 1);
    assert_string_equal(c.call.transient[0].name, "in");
    assert_true(is(c.call.transient[0].value, "{\"a\":\"b=c\"}"));
    assert_true(c.json);
    assert_int_equal(c.call.arg_count, 1);
    cli_call_clear(&c);
}

static void behind_two_dashes_everything_is_an_argument(void **state)
{
    cli_call c;

    assert_int_equal(parse(&c, "--", "probe", "echo", "--user", NULL), -1);
    assert_true(is(c.call.args[1], "--user"));
    cli_call_clear(&c);
}

static void hexadecimal_arguments_may_hold_any_byte(void **state)
{
    cli_call c;

    assert_int_equal(parse(&c, "--hex", "probe", "echo", "00ff", NULL), -1);
    assert_true(is(c.call.args[0], "echo"));
    assert_true(fcc_bytes_equal(c.call.args[1], FCC_LIT("\0\xff")));
    cli_call_clear(&c);
    assert_int_equal(parse(&c, "--hex", "probe", "echo", "0", NULL), CLI_USAGE);
    cli_call_clear(&c);
}

static void files_become_arguments_and_transient_values(void **state)
{
    char path[] = "/tmp/medsync-arg-XXXXXX", transient[64];
    int fd = mkstemp(path);
    cli_call c;

    assert_int_equal(write(fd, "a\0b", 3), 3);
    close(fd);
    snprintf(transient, sizeof(transient), "in=@%s", path);
    assert_int_equal(parse(&c, "probe", "echo", "--arg-file", path, "--transient", transient, NULL), -1);
    assert_int_equal(c.call.arg_count, 2);
    assert_true(fcc_bytes_equal(c.call.args[1], FCC_LIT("a\0b")));
    assert_true(fcc_bytes_equal(c.call.transient[0].value, FCC_LIT("a\0b")));
    cli_call_clear(&c);
    unlink(path);
    assert_int_equal(parse(&c, "probe", "echo", "--arg-file", path, NULL), CLI_INPUT);
    cli_call_clear(&c);
}

static void what_makes_no_sense_is_refused(void **state)
{
    static const char *const bad[][3] = {
        { "--unknown", "probe", "f" },         { "--transient", "in", "probe" },    { "--transient", "=x", "probe" },
        { "--retries", "-1", "probe" },        { "--retries", "two", "probe" },     { "--timeout", "0", "probe" },
        { "--tamper", "everything", "probe" }, { "--clock-offset", "1h", "probe" },
    };
    size_t i;
    cli_call c;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(parse(&c, bad[i][0], bad[i][1], bad[i][2], NULL), CLI_USAGE);
        cli_call_clear(&c);
    }
    assert_int_equal(parse(&c, NULL), CLI_USAGE);
    cli_call_clear(&c);
}

static void numbers_are_whole_and_within_their_range(void **state)
{
    int64_t n = 7;

    assert_true(cli_number("42", 0, 100, &n));
    assert_int_equal(n, 42);
    assert_false(cli_number("101", 0, 100, &n));
    assert_false(cli_number("4x", 0, 100, &n));
    assert_false(cli_number("", 0, 100, &n));
    assert_false(cli_number("99999999999999999999", 0, INT64_MAX, &n));
    assert_int_equal(n, 42);
}

static void a_file_of_the_repository_is_found_from_anywhere(void **state)
{
    char path[4096], here[4096];

    assert_true(cli_find_file("network/network.yaml", path, sizeof(path)));
    assert_string_equal(path, "network/network.yaml");
    assert_non_null(getcwd(here, sizeof(here)));
    assert_int_equal(chdir("/"), 0);
    assert_false(cli_find_file("no/such/file", path, sizeof(path)));
    assert_int_equal(chdir(here), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_call_has_defaults),
        cmocka_unit_test(options_may_stand_behind_the_arguments),
        cmocka_unit_test(behind_two_dashes_everything_is_an_argument),
        cmocka_unit_test(hexadecimal_arguments_may_hold_any_byte),
        cmocka_unit_test(files_become_arguments_and_transient_values),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(numbers_are_whole_and_within_their_range),
        cmocka_unit_test(a_file_of_the_repository_is_found_from_anywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
