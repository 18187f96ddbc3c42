/*
 * A power cut at any moment: what was acknowledged is there afterwards, and nothing torn is served. A ledger is filled
 * in several lives, all but the last ended as kill -9 ends them, while disk.c records what it does to its files; then
 * its directory is rebuilt as a cut at random points could have left it, opened and looked through.
 *
 * POWERLOSS_POINTS and POWERLOSS_SEED choose how many cuts, and which.
 */
#include "test/support/disk.h"
#include "test/unit/network/ledger/whole.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

enum { LIVES = 8, BLOCKS = 12, POINTS = 200 };

struct cut {
    fixture *f;
    char root[64], record[80], log[80], out[80]; /* f->ledger_dir is RECORD/net/ledger or OUT/net/ledger */
    unsigned seed;
    size_t points;
};

static size_t number(const char *name, size_t otherwise)
{
    const char *text = getenv(name);

    return text ? (size_t)strtoul(text, NULL, 10) : otherwise;
}

static int setup(void **state)
{
    struct cut *c = calloc(1, sizeof *c);

    c->f = fix_prepare(true);
    snprintf(c->root, sizeof c->root, "/dev/shm/powerloss-XXXXXX");
    if (!mkdtemp(c->root)) {
        snprintf(c->root, sizeof c->root, "/tmp/powerloss-XXXXXX");
        assert_non_null(mkdtemp(c->root));
    }
    snprintf(c->record, sizeof c->record, "%s/record", c->root);
    snprintf(c->log, sizeof c->log, "%s/log", c->root);
    snprintf(c->f->ledger_dir, sizeof c->f->ledger_dir, "%s/net/ledger", c->record);
    snprintf(c->out, sizeof c->out, "%s/cut", c->root);
    assert_int_equal(mkdir(c->record, 0700), 0);
    c->seed = (unsigned)number("POWERLOSS_SEED", 1);
    c->points = number("POWERLOSS_POINTS", POINTS);
    *state = c;
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
    struct cut *c = *state;

    remove_tree(c->root);
    fix_free(c->f);
    free(c);
    return 0;
}

/* ---- filling ----------------------------------------------------------------------------------------------------------- */

static void mark(fixture *f, uint64_t block, fcc__sha256 hash)
{
    disk_mark(fcc__arena_printf(f->arena, "%llu " FCC_FMT, (unsigned long long)block,
                                FCC_ARG(fcc__hex(f->arena, fcc__sha256_bytes(&hash)))));
}

/* Clients hear of a block when it is on disk and the state isn't. */
static void acknowledge(void *ctx, const ledger_committed *block)
{
    mark(ctx, block->number, fcc__sha256_of(block->block));
}

/* One life: open, acknowledge what is there, commit some blocks, acknowledge each. */
static void live(struct cut *c, unsigned life, size_t blocks)
{
    fixture *f = c->f;
    fcc_error error = { FCC_OK, "" };
    ledger_committed done;
    size_t i;

    f->nonces = life * 1000;
    if (fix_try_open(f, &error) != FCC_OK) {
        fprintf(stderr, "life %u: %s\n", life, error.text);
        _exit(1);
    }
    if (ledger_height(f->l) == 0)
        fix_commit_genesis(f);
    i = ledger_height(f->l) - 1;
    mark(f, i, whole_hash(f, i, f->arena)); /* who comes back sees it, and may rely on it */
    for (i = 0; i < blocks; i++) {
        fcc_bytes block = whole_next(f, life);

        if (ledger_commit_telling(f->l, block, acknowledge, f, f->arena, &done, &error) != FCC_OK) {
            fprintf(stderr, "life %u: %s\n", life, error.text);
            _exit(1);
        }
    }
    ledger_close(f->l);
    _exit(0);
}

/* The directory that the ledger's is made in: whoever makes it syncs it. */
static void make_parent(struct cut *c)
{
    int fd = open(c->record, O_RDONLY | O_DIRECTORY);

    if (mkdir(fcc__arena_printf(c->f->arena, "%s/net", c->record), 0700) != 0 || fd < 0 || fsync(fd) != 0)
        _exit(1);
    close(fd);
}

/* One life in a process of its own, which ends behind so many changes of `file`; 0: by itself. */
static void record_life(struct cut *c, unsigned life, size_t blocks, uint64_t changes, const char *file,
                        const char *no_sync)
{
    int status;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        disk_record(c->record, c->log);
        disk_no_sync(no_sync);
        if (life == 1)
            make_parent(c);
        disk_end_at(changes, file);
        live(c, life, blocks);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) != 0)
        assert_int_equal(WEXITSTATUS(status), 137);
}

/* Lives of which all but the last end behind any change, every other one behind a change of the block file. */
static void fill(struct cut *c, const char *no_sync)
{
    unsigned life;

    record_life(c, 1, BLOCKS, 60, "", no_sync);
    for (life = 2; life < LIVES; life++)
        record_life(c, life, BLOCKS, 3 + (life * 37 + c->seed * 101) % (life % 2 ? 90 : 20),
                    life % 2 ? "" : "blockfile_", no_sync);
    record_life(c, LIVES, BLOCKS, 0, "", no_sync);
}

/* ---- looking ----------------------------------------------------------------------------------------------------------- */

/* The blocks that were acknowledged before the cut. */
static const char *acknowledged_problem(fixture *f, const disk_log *log, size_t events)
{
    size_t i;

    for (i = 0; i < events; i++) {
        char hex[80] = "";
        unsigned long long block;
        const char *mark;
        fcc__sha256 hash;

        if (disk_log_at(log, i, &mark) != DISK_MARK || sscanf(mark, "%llu %79s", &block, hex) != 2)
            continue;
        if (block >= ledger_height(f->l))
            return fcc__arena_printf(f->arena, "block %llu was acknowledged and is lost", block);
        hash = whole_hash(f, block, f->arena);
        if (!fcc_bytes_equal(fcc__hex(f->arena, fcc__sha256_bytes(&hash)), fcc_str(hex)))
            return fcc__arena_printf(f->arena, "block %llu is not the one that was acknowledged", block);
    }
    return NULL;
}

/* In a process of its own, since a damaged database may end it. Prints what is wrong. */
static void look(struct cut *c, const disk_log *log, size_t events)
{
    fixture *f = c->f;
    static const int signals[] = { SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL };
    fcc_error error = { FCC_OK, "" };
    const char *problem = NULL;
    ledger_committed done;
    int round;
    size_t i;

    for (i = 0; i < sizeof signals / sizeof signals[0]; i++)
        signal(signals[i], SIG_DFL); /* cmocka has its own */

    mkdir(fcc__arena_printf(f->arena, "%s/net", c->out), 0700);
    snprintf(f->ledger_dir, sizeof f->ledger_dir, "%s/net/ledger", c->out);
    f->nonces = 1000000;
    for (round = 0; !problem && round < 2; round++) {
        if (fix_try_open(f, &error) != FCC_OK) {
            problem = fcc__arena_printf(f->arena, "refused: %s", error.text);
            break;
        }
        problem = acknowledged_problem(f, log, events);
        if (!problem)
            problem = whole_problem(f);
        if (problem)
            break;
        if (ledger_height(f->l) == 0)
            fix_commit_genesis(f);
        else if (ledger_commit(f->l, whole_next(f, 99), f->arena, &done, &error) != FCC_OK)
            problem = fcc__arena_printf(f->arena, "it doesn't go on: %s", error.text);
        ledger_close(f->l);
    }
    if (problem)
        printf("# cut behind change %zu: %s\n", events, problem);
    fflush(stdout);
    _exit(problem ? 1 : 0);
}

/* Cut behind this change and look; is something wrong? */
static bool wrong_at(struct cut *c, disk_log *log, size_t events, uint64_t seed)
{
    int status;
    pid_t child;

    assert_true(disk_cut(log, events, seed, c->out));
    fflush(stdout);
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        look(c, log, events);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status))
        printf("# cut behind change %zu: ended by signal %d\n", events, WTERMSIG(status));
    remove_tree(c->out);
    return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

static int by_number(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;

    return x < y ? -1 : x > y;
}

/* Cut at `count` random points, until `enough` of them were wrong; how many were. */
static size_t cut_at_random(struct cut *c, size_t count, size_t enough)
{
    disk_log *log = disk_log_read(c->log);
    size_t *points = calloc(count, sizeof *points), wrong = 0, i;

    assert_non_null(log);
    assert_non_null(points);
    srand(c->seed);
    for (i = 0; i < count; i++)
        points[i] = 1 + (size_t)rand() % disk_log_count(log);
    qsort(points, count, sizeof *points, by_number);
    for (i = 0; i < count && wrong < enough; i++)
        wrong += wrong_at(c, log, points[i], c->seed * 1000 + i);
    disk_log_free(log);
    free(points);
    return wrong;
}

static void what_was_acknowledged_survives_a_power_cut(void **state)
{
    struct cut *c = *state;

    fill(c, NULL);
    assert_int_equal(cut_at_random(c, c->points, SIZE_MAX), 0);
}

/* Else the test above would prove nothing. */
static void without_syncs_something_is_lost(void **state)
{
    struct cut *c = *state;

    fill(c, "");
    assert_true(cut_at_random(c, POINTS, 1) > 0);
}

/* A killed process leaves a block in the file that only the memory has; the next one serves it. */
static void what_is_served_after_a_kill_survives_a_power_cut(void **state)
{
    struct cut *c = *state;
    disk_log *log;
    size_t wrong = 0, i;

    record_life(c, 1, BLOCKS, 7, "blockfile_", NULL); /* made, cut, genesis block written, synced, and so on */
    record_life(c, 2, 0, 0, "", NULL);
    log = disk_log_read(c->log);
    assert_non_null(log);
    for (i = 0; i < 20; i++)
        wrong += wrong_at(c, log, disk_log_count(log) - i % 4, i);
    disk_log_free(log);
    assert_int_equal(wrong, 0);
}

/* No sync is there for nothing: of the files, and of the directories that name them. */
static void without_one_of_the_syncs_something_is_lost(void **state)
{
    static const char *const files[] = { "blockfile_",        "data.mdb",    "=net/ledger/blocks",
                                         "=net/ledger/state", "=net/ledger", "=net" };
    struct cut *c = *state;
    size_t i;

    for (i = 0; i < sizeof files / sizeof files[0]; i++) {
        printf("# without syncs of %s\n", files[i]);
        fill(c, files[i]);
        assert_true(cut_at_random(c, POINTS, 1) > 0);
        remove_tree(c->record);
        assert_int_equal(mkdir(c->record, 0700), 0);
        assert_int_equal(unlink(c->log), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_acknowledged_survives_a_power_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_served_after_a_kill_survives_a_power_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(without_syncs_something_is_lost, setup, teardown),
        cmocka_unit_test_setup_teardown(without_one_of_the_syncs_something_is_lost, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
