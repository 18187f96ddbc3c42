/* A command's table of options: where values go, and what is said of a command line that does not fit. */
#include "cli/cli.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { MOST = 16 };

/* What a command with one option of each kind has. */
typedef struct given {
    client_options open;
    bool json;
    int64_t sequence, weeks;
    const char *files[2], *orgs[3];
    size_t file_count, org_count;
    char each[32];
    cli_option table[16];
    char said[256]; /* on standard error */
} given;

static int keep(void *to, char *value)
{
    if (!strcmp(value, "bad"))
        return CLI_REFUSED;
    strcat(to, value);
    return -1;
}

static int parse(given *g, ...)
{
    const cli_option table[] = {
        CLI_WHO(g->open),
        CLI_TIMEOUT(g->open),
        { "json", .flag = &g->json, .parts = 1 },
        { "sequence", .number = &g->sequence, .least = 1, .most = INT64_MAX, .parts = 2 },
        { "shift", .number = &g->weeks, .least = -5, .most = 5 },
        { "file", .list = g->files, .count = &g->file_count, .most = 2 },
        { "endorse", .list = g->orgs, .count = &g->org_count, .most = 3, .commas = true },
        { "each", .each = keep, .to = g->each },
        { 0 },
    };
    static char words[MOST][32];
    char *argv[MOST + 1] = { words[0] };
    FILE *said = tmpfile();
    const int before = dup(STDERR_FILENO);
    const char *word;
    int argc = 1, status;
    va_list args;

    memset(g, 0, sizeof(*g));
    memcpy(g->table, table, sizeof(table));
    va_start(args, g);
    for (word = va_arg(args, const char *); word && argc < MOST; word = va_arg(args, const char *)) {
        snprintf(words[argc], sizeof(words[argc]), "%s", word);
        argv[argc] = words[argc];
        argc++;
    }
    va_end(args);
    assert_non_null(said);
    dup2(fileno(said), STDERR_FILENO);
    status = cli_options("try", "", g->table, argc, argv);
    dup2(before, STDERR_FILENO);
    close(before);
    rewind(said);
    g->said[fread(g->said, 1, sizeof(g->said) - 1, said)] = '\0';
    fclose(said);
    return status;
}

static void refused(given *g, const char *what, int status)
{
    char whole[256];

    snprintf(whole, sizeof(whole), "medsync try: E-CLI-03 %s\n`medsync try --help` tells what it takes\n", what);
    assert_string_equal(g->said, whole);
    assert_int_equal(status, CLI_USAGE);
}

static void values_go_where_the_table_says(void **state)
{
    given g;

    (void)state;
    assert_int_equal(parse(&g, "a", "--dir", "d", "--org=o", "--json", "b", "--timeout", "7", "--shift", "-3",
                           "--sequence", "9223372036854775807", "--", "--user", NULL),
                     -1);
    assert_string_equal(g.open.dir, "d");
    assert_string_equal(g.open.org, "o");
    assert_null(g.open.user);
    assert_true(g.json);
    assert_int_equal(g.open.timeout_ms, 7000);
    assert_int_equal(g.weeks, -3);
    assert_true(g.sequence == INT64_MAX);
}

static void some_may_be_given_several_times(void **state)
{
    given g;

    (void)state;
    assert_int_equal(parse(&g, "--file", "a,b", "--file", "c", "--endorse", "x,y", "--endorse", "z", "--each", "1",
                           "--each", "2", NULL),
                     -1);
    assert_int_equal(g.file_count, 2);
    assert_string_equal(g.files[0], "a,b");
    assert_string_equal(g.files[1], "c");
    assert_int_equal(g.org_count, 3);
    assert_string_equal(g.orgs[1], "y");
    assert_string_equal(g.orgs[2], "z");
    assert_string_equal(g.each, "12");
    refused(&g, "--file c: at most 2", parse(&g, "--file", "a", "--file", "b", "--file", "c", NULL));
    refused(&g, "--endorse z: at most 3", parse(&g, "--endorse", "w,x,y,z", NULL));
    assert_int_equal(parse(&g, "--each", "bad", "--nothing", NULL), CLI_REFUSED);
}

static void an_unknown_option_is_named_with_the_one_that_was_meant(void **state)
{
    given g;

    (void)state;
    refused(&g, "--jsno: no such option; is --json meant?", parse(&g, "--jsno", NULL));
    refused(&g, "--timout: no such option; is --timeout meant?", parse(&g, "a", "--timout=5", NULL));
    refused(&g, "--sideways: no such option", parse(&g, "--sideways", "1", NULL));
    refused(&g, "--s: no such option; is --sequence meant?", parse(&g, "--s", "1", NULL)); /* or --shift */
    refused(&g, "-x: no such option; options have two dashes", parse(&g, "a", "-xyz", NULL));
    assert_int_equal(parse(&g, "--seq", "1", NULL), -1); /* a beginning that is one option's alone will do */
}

static void a_value_that_is_missing_or_too_much_is_told(void **state)
{
    given g;

    (void)state;
    refused(&g, "--dir: its value is missing", parse(&g, "--json", "--dir", NULL));
    refused(&g, "--json=yes: this option takes no value", parse(&g, "--json=yes", NULL));
}

static void a_number_out_of_range_is_told_with_its_range(void **state)
{
    given g;

    (void)state;
    refused(&g, "--timeout soon: must be 1 to 3600 seconds", parse(&g, "--timeout", "soon", NULL));
    refused(&g, "--timeout 3601: must be 1 to 3600 seconds", parse(&g, "--timeout", "3601", NULL));
    refused(&g, "--shift 6: must be -5 to 5", parse(&g, "--shift", "6", NULL));
    refused(&g, "--sequence 0: must be a number from 1", parse(&g, "--sequence", "0", NULL));
}

static void an_option_of_another_part_is_told(void **state)
{
    given g;

    (void)state;
    assert_int_equal(parse(&g, "--json", "--dir", "d", NULL), -1);
    assert_int_equal(cli_options_of("try", g.table, 1, "a part"), -1);
    assert_int_equal(cli_options_of("try", g.table, 2, "a part"), CLI_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_go_where_the_table_says),
        cmocka_unit_test(some_may_be_given_several_times),
        cmocka_unit_test(an_unknown_option_is_named_with_the_one_that_was_meant),
        cmocka_unit_test(a_value_that_is_missing_or_too_much_is_told),
        cmocka_unit_test(a_number_out_of_range_is_told_with_its_range),
        cmocka_unit_test(an_option_of_another_part_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
