/* What `medsync channel update submit` ends with, by what becomes of the update: its client is played here. */
#include "cli/channel.h"

#include "client/update.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct played {
    fcc_status st;
    const char *text;
    uint64_t block;
} played;

fcc_status client_config_submit(client *c, fcc_bytes envelope, fcc__arena *arena, uint64_t *block, fcc_error *error)
{
    (void)c;
    (void)arena;
    assert_int_equal(envelope.len, 5);
    *block = played.block;
    return played.st == FCC_OK ? FCC_OK : fcc_error_set(error, played.st, "%s", played.text);
}

fcc_status client_config_now(client *c, fcc__arena *arena, client_config *out, fcc_error *error)
{
    (void)c;
    (void)arena;
    (void)out;
    return fcc_error_set(error, FCC_ERR_IO, "not asked");
}

fcc_status client_open(const client_options *options, client **out, fcc_error *error)
{
    (void)options;
    (void)error;
    *out = NULL;
    return FCC_OK;
}

void client_close(client *c)
{
    (void)c;
}

const char *client_channel(const client *c)
{
    (void)c;
    return "trial";
}

const struct msp_signer *client_signer(const client *c)
{
    (void)c;
    return NULL;
}

/* The exit status, and what is said on standard error. */
static int submit(char *said, size_t size)
{
    char path[] = "/tmp/medsync-update.XXXXXX";
    char *argv[] = { "update", "submit", path, NULL };
    const int fd = mkstemp(path), before = dup(STDERR_FILENO);
    FILE *to = tmpfile();
    int status;
    size_t n;

    assert_true(fd >= 0 && write(fd, "bytes", 5) == 5);
    fflush(stderr);
    dup2(fileno(to), STDERR_FILENO);
    status = cli_channel_update(3, argv);
    fflush(stderr);
    dup2(before, STDERR_FILENO);
    rewind(to);
    n = fread(said, 1, size - 1, to);
    said[n] = '\0';
    fclose(to);
    close(before);
    close(fd);
    unlink(path);
    return status;
}

static void an_update_that_may_still_come_has_a_status_of_its_own(void **state)
{
    char said[1024];

    (void)state;
    played = (struct played){ FCC_ERR_TIMEOUT, "no block with it came in time", 5 };
    assert_int_equal(submit(said, sizeof(said)), CLI_UNKNOWN);
    assert_non_null(strstr(said, "E-TX-06 no block with it came in time"));
    played.st = FCC_ERR_IO;
    assert_int_equal(submit(said, sizeof(said)), CLI_UNKNOWN);
}

static void one_that_was_not_taken_has_not_happened(void **state)
{
    char said[1024];

    (void)state;
    played = (struct played){ FCC_ERR_TIMEOUT, "no answer", 0 };
    assert_int_equal(submit(said, sizeof(said)), CLI_UNREACHED);
    assert_null(strstr(said, "E-TX-06"));
    played = (struct played){ FCC_ERR_CONFIG, "signatures are missing", 0 };
    assert_int_equal(submit(said, sizeof(said)), CLI_INVALID);
}

static void one_in_a_block_is_done(void **state)
{
    char said[1024];

    (void)state;
    played = (struct played){ FCC_OK, NULL, 5 };
    assert_int_equal(submit(said, sizeof(said)), CLI_OK);
    assert_string_equal(said, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_update_that_may_still_come_has_a_status_of_its_own),
        cmocka_unit_test(one_that_was_not_taken_has_not_happened),
        cmocka_unit_test(one_in_a_block_is_done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
