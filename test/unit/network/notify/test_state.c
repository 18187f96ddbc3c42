/* What a follower keeps, on a disk that is full: each step is told, done or not done, and no notice is lost. */
#include "notify/private.h"

#include "test/support/disk.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 60 };

static char dir[PATH_MAX];

static int begin(void **state)
{
    char made[64] = "/tmp/medsync-notify-XXXXXX";

    (void)state;
    if (!mkdtemp(made) || !realpath(made, dir))
        return -1;
    disk_record(dir, NULL);
    return 0;
}

static int end(void **state)
{
    char command[PATH_MAX + 16];

    (void)state;
    disk_record(NULL, NULL);
    snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    return system(command);
}

/* A notice is begun, given up, reminded of and done with, in this order: how many of these steps are done. */
static int steps_of(notify_state *s, int first, fcc_error *error)
{
    const notice n = { .id = "n1", .kind = "other", .title = "t", .text = "{\"event\":\"One\"}" };
    int before, done = first;
    fcc_status st = FCC_OK;

    for (; done < 4 && st == FCC_OK; done += st == FCC_OK)
        st = done == 0   ? notify__state_begin(s, n.id, &before, error)
             : done == 1 ? notify__state_undelivered(s, &n, "nobody took it", error)
             : done == 2 ? notify__state_remind(s, "r1", 100, error)
                         : notify__state_reached(s, 7, "tx7", error);
    return done;
}

/* The lines of undelivered.jsonl, each whole. */
static int lines_kept(const char *state)
{
    char path[PATH_MAX + 32], line[400];
    int n = 0;
    FILE *f;

    snprintf(path, sizeof(path), "%s/undelivered.jsonl", state);
    f = fopen(path, "r");
    while (f && fgets(line, sizeof(line), f)) {
        json_t *whole = json_loads(line, 0, NULL);

        assert_non_null(whole);
        assert_string_equal(json_string_value(json_object_get(whole, "id")), "n1");
        assert_non_null(strchr(line, '\n'));
        json_decref(whole);
        n++;
    }
    if (f)
        fclose(f);
    return n;
}

/* The state is that behind `done` steps, or behind one more whose end was not told. */
static void is_behind(const char *state, notify_state *s, int done)
{
    fcc_error error = { 0 };
    int before = -1, lines = lines_kept(state);

    assert_true(lines == (done > 1) || (done == 1 && lines == 1));
    assert_true(notify__state_reminded(s, "r1") == (done > 2) || (done == 2 && notify__state_reminded(s, "r1")));
    assert_true(notify__state_at(s).known == (done > 3) || (done == 3 && notify__state_at(s).known));
    assert_int_equal(notify__state_begin(s, "n1", &before, &error), FCC_OK);
    assert_true(before == (done > 0) || (done == 0 && before == 1));
}

static void a_full_disk_is_told_and_loses_nothing(void **state)
{
    bool failed = true;
    int n, done;

    (void)state;
    for (n = 1; failed && n < MOST; n++) {
        char at[PATH_MAX + 16];
        notify_state *s = NULL;
        fcc_error error = { 0 };

        snprintf(at, sizeof(at), "%s/%d", dir, n);
        assert_int_equal(notify__state_open(at, &s, &error), FCC_OK);
        disk_fail_at((uint64_t)n, ENOSPC, NULL, true);
        done = steps_of(s, 0, &error);
        failed = done < 4;
        disk_fail_at(0, 0, NULL, false);
        if (failed && !strstr(error.text, "No space left on device"))
            fail_msg("change %d: %s", n, error.text);
        notify__state_close(s);

        /* somebody has made room */
        assert_int_equal(notify__state_open(at, &s, &error), FCC_OK);
        is_behind(at, s, done);
        assert_int_equal(steps_of(s, done, &error), 4);
        notify__state_close(s);
        assert_int_equal(notify__state_open(at, &s, &error), FCC_OK);
        assert_true(notify__state_reminded(s, "r1"));
        assert_true(notify__state_at(s).known && notify__state_at(s).block == 7);
        assert_true(lines_kept(at) >= 1 && lines_kept(at) <= 2);
        notify__state_close(s);
    }
    printf("# %d changes\n", n - 2);
    assert_true(n > 8 && n < MOST); /* some of them did fail, and at last none */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_full_disk_is_told_and_loses_nothing, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
