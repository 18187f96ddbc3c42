/* Files that are replaced: what they keep, and who may read them meanwhile. */
#include "base/durable.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64], path[80], beside[96];

static int begin(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/medsync-durable-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof(path), "%s/it", dir);
    snprintf(beside, sizeof(beside), "%s.new", path);
    umask(022);
    return 0;
}

static int end(void **state)
{
    (void)state;
    unlink(path);
    unlink(beside);
    return rmdir(dir);
}

static void put(const char *where, const char *text, mode_t mode)
{
    const int fd = open(where, O_WRONLY | O_CREAT | O_EXCL, 0600);

    assert_true(fd >= 0 && fcc__write_all(fd, fcc_str(text)) && fchmod(fd, mode) == 0);
    close(fd);
}

static void has(const char *where, const char *text, unsigned mode)
{
    char found[64] = "";
    struct stat is;
    const int fd = open(where, O_RDONLY);

    assert_true(fd >= 0 && fstat(fd, &is) == 0 && read(fd, found, sizeof(found) - 1) >= 0);
    close(fd);
    assert_string_equal(found, text);
    assert_int_equal(is.st_mode & 07777, mode);
}

static void a_new_file_has_the_usual_mode(void **state)
{
    (void)state;
    assert_int_equal(fcc__write_whole(path, FCC_LIT("new"), NULL), FCC_OK);
    has(path, "new", 0644);
}

/* A key in it was for nobody else, and who reads it still must be able to. */
static void what_is_replaced_keeps_its_mode(void **state)
{
    (void)state;
    put(path, "secret", 0640);
    assert_int_equal(fcc__write_whole(path, FCC_LIT("another"), NULL), FCC_OK);
    has(path, "another", 0640);
}

static void what_is_replaced_keeps_its_owner(void **state)
{
    struct stat is;

    (void)state;
    put(path, "secret", 0600);
    if (chown(path, 4711, 4712) != 0) { /* nobody but root may, nor a root who knows no other users */
        assert_true(errno == EPERM || errno == EINVAL);
        skip();
    }
    assert_int_equal(fcc__write_whole(path, FCC_LIT("another"), NULL), FCC_OK);
    assert_int_equal(stat(path, &is), 0);
    assert_int_equal(is.st_uid, 4711);
    assert_int_equal(is.st_gid, 4712);
    has(path, "another", 0600);
}

/* Also where a process that was killed has left one that is for all. */
static void a_private_file_is_private_from_its_first_byte_on(void **state)
{
    (void)state;
    put(beside, "left", 0644);
    assert_int_equal(fcc__write_whole_as(path, FCC_LIT("key"), 0600, NULL), FCC_OK);
    has(path, "key", 0600);
    assert_int_equal(fcc__write_whole_as(path, FCC_LIT("public"), 0644, NULL), FCC_OK);
    has(path, "public", 0644);
}

static void nothing_is_written_through_a_link(void **state)
{
    char elsewhere[96];

    (void)state;
    snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", dir);
    put(elsewhere, "theirs", 0644);
    assert_int_equal(symlink(elsewhere, beside), 0);
    assert_int_equal(fcc__write_whole(path, FCC_LIT("ours"), NULL), FCC_ERR_IO);
    has(elsewhere, "theirs", 0644);
    unlink(elsewhere);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_new_file_has_the_usual_mode, begin, end),
        cmocka_unit_test_setup_teardown(what_is_replaced_keeps_its_mode, begin, end),
        cmocka_unit_test_setup_teardown(what_is_replaced_keeps_its_owner, begin, end),
        cmocka_unit_test_setup_teardown(a_private_file_is_private_from_its_first_byte_on, begin, end),
        cmocka_unit_test_setup_teardown(nothing_is_written_through_a_link, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
