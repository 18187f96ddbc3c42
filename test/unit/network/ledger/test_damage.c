/*
 * Files that were damaged: what is served is what was written, or nothing is, and whoever opens the ledger is told which
 * file and block it is, and what to do.
 */
#include "test/unit/network/ledger/whole.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

enum { BLOCKS = 8 };

struct damage {
    fixture *f;
    fcc__sha256 hashes[BLOCKS + 1];
    char blocks[200], state[200]; /* the two files */
    uint8_t *was;                 /* what the one that is damaged held */
    size_t len;
};

static int setup(void **state)
{
    struct damage *d = calloc(1, sizeof *d);
    fixture *f = d->f = fix_prepare(true);
    fcc_error error = { FCC_OK, "" };
    ledger_committed done;
    uint64_t n;

    fix_open(f);
    fix_commit_genesis(f);
    for (n = 1; n <= BLOCKS; n++)
        assert_int_equal(ledger_commit(f->l, whole_next(f, 1), f->arena, &done, &error), FCC_OK);
    for (n = 0; n <= BLOCKS; n++)
        d->hashes[n] = whole_hash(f, n, f->arena);
    ledger_close(f->l);
    f->l = NULL;
    snprintf(d->blocks, sizeof d->blocks, "%s/blocks/blockfile_000000", f->ledger_dir);
    snprintf(d->state, sizeof d->state, "%s/state/data.mdb", f->ledger_dir);
    *state = d;
    return 0;
}

static int teardown(void **state)
{
    struct damage *d = *state;

    fix_free(d->f);
    free(d->was);
    free(d);
    return 0;
}

static void keep(struct damage *d, const char *path)
{
    struct stat about;
    int fd = open(path, O_RDONLY);

    assert_true(fd >= 0 && fstat(fd, &about) == 0);
    d->len = (size_t)about.st_size;
    d->was = malloc(d->len);
    assert_int_equal(read(fd, d->was, d->len), d->len);
    close(fd);
}

static void restore(const struct damage *d, const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, d->was, d->len), d->len);
    close(fd);
}

static void flip(const char *path, off_t at, uint8_t by)
{
    int fd = open(path, O_RDWR);
    uint8_t byte;

    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= by;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

static void remove_state(const struct damage *d)
{
    char command[300];

    snprintf(command, sizeof command, "rm -rf '%s/state'", d->f->ledger_dir);
    assert_int_equal(system(command), 0);
}

static void close_it(fixture *f)
{
    ledger_close(f->l);
    f->l = NULL;
}

/* It is refused, in words that say where and what to do; nothing was changed. */
static void refused(struct damage *d, const char *file, const char *what)
{
    fcc_error error = { FCC_OK, "" };

    assert_int_equal(fix_try_open(d->f, &error), FCC_ERR_CORRUPT);
    if (!strstr(error.text, file) || !strstr(error.text, what) ||
        (!strstr(error.text, "put back") && !strstr(error.text, "put it back")))
        fail_msg("%s", error.text);
}

/* ---- block files ------------------------------------------------------------------------------------------------------- */

static void a_changed_byte_of_a_block_is_not_served(void **state)
{
    struct damage *d = *state;
    fixture *f = d->f;
    size_t at;

    keep(d, d->blocks);
    for (at = 0; at < d->len; at += 1 + at % 997) {
        size_t same = 0;
        uint64_t n;

        flip(d->blocks, (off_t)at, 0x10);
        if (fix_try_open(f, NULL) ==
            FCC_OK) { /* the newest config block is read then; not all of them, which takes time */
            for (n = 0; n <= BLOCKS; n++) {
                fcc_bytes wire;
                fcc_status st = ledger_block(f->l, n, f->arena, &wire);
                fcc__sha256 hash;

                if (st != FCC_OK) {
                    assert_int_equal(st, FCC_ERR_CORRUPT);
                    continue;
                }
                hash = fcc__sha256_of(wire);
                assert_memory_equal(hash.bytes, d->hashes[n].bytes, sizeof hash.bytes);
                same++;
            }
            assert_true(same >= BLOCKS);
            close_it(f);
        }
        flip(d->blocks, (off_t)at, 0x10);
    }
}

static void a_changed_byte_is_found_when_the_state_is_made_again(void **state)
{
    struct damage *d = *state;
    fixture *f = d->f;
    char marker[200];
    size_t at;
    int fd;

    keep(d, d->blocks);
    snprintf(marker, sizeof marker, "%s/without-private-data", f->ledger_dir);
    fd = open(marker, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    close(fd);
    for (at = 0; at < d->len; at += 1 + at % 1499) {
        flip(d->blocks, (off_t)at, 0x10);
        remove_state(d);
        refused(d, "blocks/blockfile_000000: block ", "is damaged");
        flip(d->blocks, (off_t)at, 0x10);
    }
    remove_state(d);
    fix_open(f);
    assert_int_equal(ledger_height(f->l), BLOCKS + 1);
}

static void a_lost_state_is_not_made_again_silently(void **state)
{
    struct damage *d = *state;
    fcc_error error = { FCC_OK, "" };

    remove_state(d);
    assert_int_equal(fix_try_open(d->f, &error), FCC_ERR_CORRUPT);
    assert_non_null(strstr(error.text,
                           "/state is gone and with it private data, which the blocks don't hold (the first of "
                           "block 1): put back a copy of "));
    /* and a second time: the refusal has left nothing that would make it look well */
    assert_int_equal(fix_try_open(d->f, &error), FCC_ERR_CORRUPT);
}

static void block_files_that_were_cut_short_or_removed_are_refused(void **state)
{
    struct damage *d = *state;
    off_t lengths[] = { 0, 1, 100, 5000, 0 };
    size_t i;

    keep(d, d->blocks);
    lengths[4] = (off_t)d->len - 1;
    for (i = 0; i < 5; i++) {
        assert_int_equal(truncate(d->blocks, lengths[i]), 0);
        refused(d, "blocks/blockfile_000000: missing or cut short", "the state has 9 blocks");
        restore(d, d->blocks);
    }
    assert_int_equal(unlink(d->blocks), 0);
    refused(d, "blocks/blockfile_000000: missing or cut short", "the state has 9 blocks");
    assert_int_not_equal(access(d->blocks, F_OK), 0);
    restore(d, d->blocks);
    fix_open(d->f);
}

static void a_block_file_missing_between_others_is_refused(void **state)
{
    struct damage *d = *state;
    char path[200];

    snprintf(path, sizeof path, "%s/blocks/blockfile_000002", d->f->ledger_dir);
    close(open(path, O_WRONLY | O_CREAT, 0600));
    refused(d, "blocks/blockfile_000001 is missing", "put it back");
    assert_int_equal(unlink(path), 0);
    fix_open(d->f);
}

/* ---- the state's database ------------------------------------------------------------------------------------------------ */

/*
 * Open and look at everything, in a process of its own. 0: all as it should be; 1: refused, or not all answered; 2: a
 * wrong answer.
 */
static int look(struct damage *d)
{
    static const int signals[] = { SIGSEGV, SIGBUS, SIGABRT };
    fixture *f = d->f;
    int result = 0;
    uint64_t n;
    size_t i;

    for (i = 0; i < sizeof signals / sizeof signals[0]; i++)
        signal(signals[i], SIG_DFL);
    if (fix_try_open(f, NULL) != FCC_OK)
        return 1;
    if (ledger_height(f->l) != BLOCKS + 1)
        return 2;
    for (n = 0; n <= BLOCKS; n++) {
        fcc_bytes wire;
        fcc_status st = ledger_block(f->l, n, f->arena, &wire);
        fcc__sha256 hash;

        if (st != FCC_OK) {
            result = 1;
            continue;
        }
        hash = fcc__sha256_of(wire);
        if (memcmp(hash.bytes, d->hashes[n].bytes, sizeof hash.bytes) != 0)
            return 2;
    }
    return result;
}

static int look_apart(struct damage *d)
{
    int status;
    pid_t child = fork();

    if (child == 0)
        _exit(look(d));
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void a_database_that_was_cut_short_gives_no_wrong_answer(void **state)
{
    struct damage *d = *state;
    size_t lengths[12], i;

    keep(d, d->state);
    for (i = 0; i < 12; i++)
        lengths[i] = d->len * i / 12 + i % 3;
    lengths[1] = 4096;
    lengths[2] = 8192;
    for (i = 0; i < 12; i++) {
        int result;

        assert_int_equal(truncate(d->state, (off_t)lengths[i]), 0);
        result = look_apart(d);
        if (result != 0 && result != 1)
            fail_msg("cut to %zu of %zu: %d", lengths[i], d->len, result);
        restore(d, d->state);
    }
}

static void a_database_whose_first_pages_are_damaged_is_refused(void **state)
{
    struct damage *d = *state;

    keep(d, d->state);
    flip(d->state, 16 + 1, 0xff); /* the magic number of both meta pages */
    flip(d->state, 4096 + 16 + 1, 0xff);
    refused(d, "state/data.mdb is damaged", "put back");
    restore(d, d->state);
    assert_int_equal(truncate(d->state, 5000), 0);
    refused(d, "state/data.mdb is damaged", "put back");
    restore(d, d->state);
    fix_open(d->f);
}

/* LMDB's pages have no checksums; blocks are told from damaged ones wherever the damage is. */
static void a_changed_byte_of_the_database_serves_no_wrong_block(void **state)
{
    struct damage *d = *state;
    size_t wrong = 0, ended = 0, i;

    keep(d, d->state);
    srand(7);
    for (i = 0; i < 60; i++) {
        off_t at = (off_t)((size_t)rand() % d->len);
        int result;

        flip(d->state, at, (uint8_t)(1 + rand() % 255));
        result = look_apart(d);
        wrong += result == 2;
        ended += result < 0;
        restore(d, d->state);
    }
    printf("# %zu of 60 ended the process\n", ended);
    assert_int_equal(wrong, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_changed_byte_of_a_block_is_not_served),
        TEST(a_changed_byte_is_found_when_the_state_is_made_again),
        TEST(a_lost_state_is_not_made_again_silently),
        TEST(block_files_that_were_cut_short_or_removed_are_refused),
        TEST(a_block_file_missing_between_others_is_refused),
        TEST(a_database_that_was_cut_short_gives_no_wrong_answer),
        TEST(a_database_whose_first_pages_are_damaged_is_refused),
        TEST(a_changed_byte_of_the_database_serves_no_wrong_block),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
