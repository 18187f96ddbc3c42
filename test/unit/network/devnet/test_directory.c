/* Who holds a devnet's directory, and what is removed from it. */
#include "devnet/directory.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void touch(const char *dir, const char *name)
{
    char path[128];
    int fd;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    fd = open(path, O_WRONLY | O_CREAT, 0644);
    assert_true(fd >= 0);
    close(fd);
}

static bool exists(const char *dir, const char *name)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return access(path, F_OK) == 0;
}

static int make_dir(void **state)
{
    char *dir = strdup("/tmp/medsync-devnet-XXXXXX");

    *state = mkdtemp(dir);
    return *state ? 0 : -1;
}

static int remove_dir(void **state)
{
    char command[128];

    snprintf(command, sizeof(command), "rm -rf '%s'", (char *)*state);
    free(*state);
    return system(command);
}

static void a_directory_is_held_by_one_devnet_at_a_time(void **state)
{
    const char *dir = *state;
    int lock = -1, second = -1;
    devnet_found found;
    fcc_error error = { 0 };

    assert_int_equal(devnet_directory_enter(dir, &lock, &error), FCC_OK);
    assert_int_equal(devnet_directory_enter(dir, &second, &error), FCC_ERR_EXISTS);
    assert_non_null(strstr(error.text, "medsync devnet down --dir"));
    assert_int_equal(devnet_find(dir, &found, &error), FCC_OK);
    assert_true(found.running);
    assert_false(found.ready);
    assert_int_equal(found.pid, getpid());
    touch(dir, "endpoints.json");
    assert_int_equal(devnet_find(dir, &found, &error), FCC_OK);
    assert_true(found.ready);
    assert_int_equal(devnet_reset(dir, &error), FCC_ERR_EXISTS);
    devnet_directory_leave(dir, lock);
    assert_false(exists(dir, "endpoints.json"));
    assert_int_equal(devnet_find(dir, &found, &error), FCC_OK);
    assert_false(found.running);
    assert_int_equal(devnet_stop(dir, 100, &error), FCC_ERR_NOT_FOUND);
}

static void a_killed_devnet_leaves_no_lock_and_no_endpoints(void **state)
{
    const char *dir = *state;
    int lock = -1, status;
    devnet_found found;
    fcc_error error = { 0 };
    pid_t pid = fork();

    if (pid == 0) {
        if (devnet_directory_enter(dir, &lock, NULL) == FCC_OK)
            touch(dir, "endpoints.json");
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(devnet_find(dir, &found, &error), FCC_OK);
    assert_false(found.running);
    assert_int_equal(devnet_directory_enter(dir, &lock, &error), FCC_OK);
    assert_false(exists(dir, "endpoints.json"));
    devnet_directory_leave(dir, lock);
}

static void a_reset_removes_what_a_devnet_made_and_nothing_else(void **state)
{
    const char *dir = *state;
    char path[128];
    fcc_error error = { 0 };

    snprintf(path, sizeof(path), "%s/ledger", dir);
    assert_int_equal(mkdir(path, 0755), 0);
    touch(dir, "ledger/blockfile_000000");
    touch(dir, "registry.json");
    touch(dir, "notes.txt");
    assert_int_equal(devnet_reset(dir, &error), FCC_OK);
    assert_false(exists(dir, "ledger"));
    assert_false(exists(dir, "registry.json"));
    assert_true(exists(dir, "notes.txt"));
    assert_int_equal(devnet_reset("/tmp/medsync-no-such-directory", &error), FCC_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_directory_is_held_by_one_devnet_at_a_time, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(a_killed_devnet_leaves_no_lock_and_no_endpoints, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(a_reset_removes_what_a_devnet_made_and_nothing_else, make_dir, remove_dir),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
