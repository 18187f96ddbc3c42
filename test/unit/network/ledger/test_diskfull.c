/*
 * The disk is full, or fails, at each single change of a file in a few commits and in opening: the ledger says which file
 * and what to do, and stops; opened again, it has everything that was acknowledged, and goes on.
 */
#include "test/support/disk.h"
#include "test/unit/network/ledger/whole.h"

#include <errno.h>

enum { BEFORE = 3, COMMITS = 3, MOST = 400 };

struct kind {
    const char *file; /* whose changes fail */
    int error;
    bool stays; /* all later ones fail as well */
};

static const struct kind kinds[] = {
    { "", ENOSPC, true }, { "", EIO, false }, { "data.mdb", EIO, true }, { "blockfile_", ENOSPC, true }
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

struct disk_test {
    fixture *f;
    char root[64];
};

static int setup(void **state)
{
    struct disk_test *t = calloc(1, sizeof *t);

    t->f = fix_prepare(true);
    snprintf(t->root, sizeof t->root, "/dev/shm/diskfull-XXXXXX");
    if (!mkdtemp(t->root)) {
        snprintf(t->root, sizeof t->root, "/tmp/diskfull-XXXXXX");
        assert_non_null(mkdtemp(t->root));
    }
    disk_record(t->root, NULL);
    *state = t;
    return 0;
}

static void remove_tree(const char *path)
{
    char command[256];

    snprintf(command, sizeof command, "rm -rf '%s'", path);
    assert_int_equal(system(command), 0);
}

static int teardown(void **state)
{
    struct disk_test *t = *state;

    disk_fail_at(0, 0, NULL, false);
    disk_record(NULL, NULL);
    remove_tree(t->root);
    fix_free(t->f);
    free(t);
    return 0;
}

/* A ledger of its own with a few blocks. */
static void begin(struct disk_test *t, fcc__sha256 *hashes)
{
    fcc_error error = { FCC_OK, "" };
    ledger_committed done;
    size_t i;

    snprintf(t->f->ledger_dir, sizeof t->f->ledger_dir, "%s/ledger", t->root);
    fix_open(t->f);
    fix_commit_genesis(t->f);
    for (i = 0; i < BEFORE; i++)
        assert_int_equal(ledger_commit(t->f->l, whole_next(t->f, 1), t->f->arena, &done, &error), FCC_OK);
    for (i = 0; i <= BEFORE; i++)
        hashes[i] = whole_hash(t->f, i, t->f->arena);
}

static void end(struct disk_test *t)
{
    ledger_close(t->f->l);
    t->f->l = NULL;
    remove_tree(t->f->ledger_dir);
}

static void names_file_and_remedy(const fixture *f, const fcc_error *error)
{
    if (error->status != FCC_ERR_IO || !strstr(error->text, f->ledger_dir) ||
        (!strstr(error->text, strerror(EIO)) && !strstr(error->text, strerror(ENOSPC))))
        fail_msg("status %d: %s", error->status, error->text);
}

/* It has the first `height` blocks with these hashes, nothing torn, and goes on. */
static void is_well(fixture *f, uint64_t height, const fcc__sha256 *hashes)
{
    fcc_error error = { FCC_OK, "" };
    const char *problem;
    ledger_committed done;
    uint64_t n;

    assert_true(ledger_height(f->l) >= height);
    for (n = 0; n < height; n++) {
        fcc__sha256 hash = whole_hash(f, n, f->arena);

        assert_memory_equal(hash.bytes, hashes[n].bytes, sizeof hash.bytes);
    }
    problem = whole_problem(f);
    if (problem)
        fail_msg("%s", problem);
    if (ledger_commit(f->l, whole_next(f, 3), f->arena, &done, &error) != FCC_OK)
        fail_msg("%s", error.text);
}

/* What clients have been told. */
struct told {
    uint64_t blocks;
    fcc__sha256 hashes[BEFORE + COMMITS + 2];
};

static void tell(void *ctx, const ledger_committed *block)
{
    struct told *told = ctx;

    assert_int_equal(block->number, told->blocks);
    told->hashes[told->blocks++] = fcc__sha256_of(block->block);
}

static void a_commit_that_the_disk_refuses_loses_nothing(void **state)
{
    struct disk_test *t = *state;
    fixture *f = t->f;
    size_t k, n;

    for (k = 0; k < KINDS; k++) {
        bool failed = true;

        for (n = 1; failed && n < MOST; n++) {
            struct told told = { .blocks = BEFORE + 1 };
            fcc_error error = { FCC_OK, "" };
            ledger_committed done;
            fcc_status st = FCC_OK;

            begin(t, told.hashes);
            disk_fail_at(n, kinds[k].error, kinds[k].file, kinds[k].stays);
            f->disk_fails = true;
            while (st == FCC_OK && told.blocks <= BEFORE + COMMITS) {
                fcc_bytes block = whole_next(f, 2);

                if ((st = f->kept) == FCC_OK &&
                    (st = ledger_commit_telling(f->l, block, tell, &told, f->arena, &done, &error)) != FCC_OK) {
                    names_file_and_remedy(f, &error);
                    if (!strstr(error.text, "then start again"))
                        fail_msg("no remedy: %s", error.text);
                }
            }
            failed = st != FCC_OK;
            f->disk_fails = false;
            disk_fail_at(0, 0, NULL, false);
            fix_reopen(f);
            is_well(f, told.blocks, told.hashes);
            end(t);
        }
        assert_true(n > 5 && n < MOST); /* some of them did fail, and at last none */
        printf("# %s, error %d: %zu changes\n", kinds[k].file[0] ? kinds[k].file : "any file", kinds[k].error, n - 2);
    }
}

static void opening_that_the_disk_refuses_loses_nothing(void **state)
{
    struct disk_test *t = *state;
    fixture *f = t->f;
    size_t k, n;

    for (k = 0; k < KINDS; k++) {
        bool failed = true;

        for (n = 1; failed && n < MOST; n++) {
            fcc__sha256 hashes[BEFORE + 2];
            fcc_error error = { FCC_OK, "" };
            ledger_committed done;

            begin(t, hashes);
            /* a block that the state has not followed, so that there is something to do */
            ledger__fault = LEDGER__AFTER_APPEND;
            assert_int_equal(ledger_commit(f->l, whole_next(f, 2), f->arena, &done, &error), FCC_ERR_INTERNAL);
            ledger__fault = LEDGER__NEVER;
            ledger_close(f->l);
            f->l = NULL;
            disk_fail_at(n, kinds[k].error, kinds[k].file, kinds[k].stays);
            failed = fix_try_open(f, &error) != FCC_OK;
            disk_fail_at(0, 0, NULL, false);
            if (failed) {
                names_file_and_remedy(f, &error);
                fix_open(f);
            }
            is_well(f, BEFORE + 1, hashes);
            end(t);
        }
        assert_true(n > 2 && n < MOST);
    }
}

static void making_one_that_the_disk_refuses_can_be_done_again(void **state)
{
    struct disk_test *t = *state;
    fixture *f = t->f;
    bool failed = true;
    size_t n;

    snprintf(f->ledger_dir, sizeof f->ledger_dir, "%s/ledger", t->root);
    for (n = 1; failed && n < MOST; n++) {
        fcc_error error = { FCC_OK, "" };
        ledger_committed done;
        fcc__sha256 hash;

        disk_fail_at(n, ENOSPC, "", true);
        failed = fix_try_open(f, &error) != FCC_OK ||
                 ledger_commit(f->l, f->genesis, f->arena, &done, &error) != FCC_OK;
        disk_fail_at(0, 0, NULL, false);
        if (failed)
            names_file_and_remedy(f, &error);
        fix_reopen(f);
        if (ledger_height(f->l) == 0)
            fix_commit_genesis(f);
        hash = whole_hash(f, 0, f->arena);
        is_well(f, 1, &hash);
        end(t);
    }
    assert_true(n > 5 && n < MOST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_commit_that_the_disk_refuses_loses_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(opening_that_the_disk_refuses_loses_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(making_one_that_the_disk_refuses_can_be_done_again, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
