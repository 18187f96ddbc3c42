/*
 * main.c: many random histories, TAP, and what becomes of one that breaks a rule: it is shrunk, by leaving out what it
 * breaks without, and saved, to be looked at and replayed.
 *
 *     consent                       10,000 calls from the fixed seed (or $MEDSYNC_SEED), the same ones each time: what
 *                                   nobody has changed does not become red. `make soak` has fresh ones
 *     consent --calls N --seed S    N calls from this seed
 *     consent --replay FILE         a saved history
 *     consent --digest ...          and print what was answered and written, for a comparison between processes
 */
#include "test/property/property.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

enum { calls_of_a_channel = 250, shrink_seconds = 90 };

static const uint64_t fixed_seed = 20260101;

struct totals {
    size_t calls, accepted, refused, conflicts, blocks;
    json_t *valid;
};

static FILE *digest;

static void add(struct totals *totals, const struct run *run)
{
    const char *name;
    json_t *count;

    totals->calls += run->calls;
    totals->accepted += run->accepted;
    totals->refused += run->refused;
    totals->conflicts += run->conflicts;
    totals->blocks += run->blocks;
    json_object_foreach(run->valid, name, count) json_object_set_new(
        totals->valid, name,
        json_integer(json_integer_value(count) + json_integer_value(json_object_get(totals->valid, name))));
}

/* ---- shrinking ---- */

/* Whether these lines break this rule. */
static bool breaks(char *const *lines, const bool *kept, size_t count, const char *rule)
{
    struct run run;
    bool is;

    run_begin(&run, 0, NULL);
    for (size_t i = 0; i < count; i++)
        if (kept[i])
            run_line(&run, "%s", lines[i]);
    run_line(&run, "block");
    is = run.rule && strcmp(run.rule, rule) == 0;
    run_end(&run);
    return is;
}

/* Leave out as many lines as can be, in ever smaller pieces. */
static void shrink(char *const *lines, bool *kept, size_t count, const char *rule)
{
    const time_t end = time(NULL) + shrink_seconds;
    bool *trial = malloc(count * sizeof(*trial));
    bool smaller = true;

    for (size_t size = count; size > 0; size = size == 1 && smaller ? 1 : size / 2) {
        smaller = false;
        for (size_t at = 0; at < count && time(NULL) < end; at += size) {
            size_t dropped = 0;

            memcpy(trial, kept, count * sizeof(*trial));
            for (size_t i = at; i < at + size && i < count; i++) {
                dropped += trial[i];
                trial[i] = false;
            }
            if (dropped && breaks(lines, trial, count, rule)) {
                memcpy(kept, trial, count * sizeof(*trial));
                smaller = true;
            }
        }
    }
    free(trial);
}

static void save(const struct run *run, uint64_t seed)
{
    size_t count = run->count - run->prologue, left = 0;
    char **lines = run->lines + run->prologue;
    const char *build = getenv("BUILD");
    char path[500];
    bool *kept = malloc((count + 1) * sizeof(*kept));
    FILE *f;

    for (size_t i = 0; i < count; i++)
        kept[i] = true;
    shrink(lines, kept, count, run->rule);
    snprintf(path, sizeof(path), "%s/property", build ? build : "build/release");
    mkdir(path, 0777);
    snprintf(path, sizeof(path), "%s/property/%s-%llu.txt", build ? build : "build/release", subject.name,
             (unsigned long long)seed);
    f = fopen(path, "w");
    for (size_t i = 0; i < count; i++)
        left += kept[i];
    printf("# %s: %s\n# %zu of %zu lines do the same; replay: test/property/%s --replay %s\n", run->rule, run->why,
           left, count, subject.name, path);
    if (f)
        fprintf(f, "# %s: seed %llu breaks \"%s\": %s\n", subject.name, (unsigned long long)seed, run->rule, run->why);
    for (size_t i = 0; i < count; i++)
        if (kept[i]) {
            printf("#   %s\n", lines[i]);
            if (f)
                fprintf(f, "%s\n", lines[i]);
        }
    if (f)
        fclose(f);
    free(kept);
}

/* ---- random histories ---- */

static void step(struct run *run)
{
    static const int64_t ticks[] = { 1, 7, 61, 61, 601, 601, 1801, 3607, 10801, 47000, 90001, 270001 };

    if (chance(run, 35))
        run_line(run, "block");
    if (chance(run, 8))
        run_line(run, "tick %lld", (long long)ANY(run, ticks));
    /* what was sent comes again: a client that has no answer, or somebody who listened */
    if (run->count > run->prologue + 10 && chance(run, 4)) {
        const char *again = run->lines[run->count - 1 - pick(run, 10)];

        if (strncmp(again, "tick ", 5) != 0 && strcmp(again, "block") != 0) {
            run_line(run, "%s", again);
            return;
        }
    }
    subject.generate(run);
}

static bool random_histories(uint64_t seed, size_t calls, struct totals *totals)
{
    bool good = true;

    for (uint64_t channel = 0; totals->calls < calls && good; channel++) {
        size_t left = calls - totals->calls;
        struct run run;

        run_begin(&run, seed * 1000003 + channel, digest);
        while (!run.rule && run.calls < calls_of_a_channel && run.calls < left)
            step(&run);
        run_line(&run, "block");
        add(totals, &run);
        if (run.rule) {
            good = false;
            save(&run, seed);
        }
        run_end(&run);
    }
    return good;
}

/* Every function is to have had its way at least once: what is always refused is not tested. */
static bool all_accepted(const struct totals *totals)
{
    bool all = true;

    for (const char *const *name = subject.accepted; *name; name++)
        if (!json_object_get(totals->valid, *name)) {
            printf("# %s was never accepted\n", *name);
            all = false;
        }
    return all;
}

static void report(bool good, const char *what, uint64_t seed, const struct totals *t)
{
    printf("%s 1 - %s: its rules hold after each block of %s\n", good ? "ok" : "not ok", subject.name, what);
    printf("# seed %llu: %zu calls (%zu accepted, %zu refused), %zu blocks, %zu conflicts\n", (unsigned long long)seed,
           t->calls, t->accepted, t->refused, t->blocks, t->conflicts);
}

static bool many(uint64_t seed, size_t calls, const char *what, bool whole)
{
    struct totals totals = { .valid = json_object() };
    bool good = random_histories(seed, calls, &totals);

    if (good && whole)
        good = all_accepted(&totals);
    report(good, what, seed, &totals);
    json_decref(totals.valid);
    return good;
}

static int replay(const char *path)
{
    static char line[PROPERTY_LINE];
    FILE *f = fopen(path, "r");
    struct run run;
    bool good;

    if (!f) {
        fprintf(stderr, "%s can't be read\n", path);
        return 2;
    }
    run_begin(&run, 0, digest);
    while (fgets(line, sizeof(line), f)) {
        line[strcspn(line, "\n")] = 0;
        if (*line && *line != '#')
            run_line(&run, "%s", line);
    }
    run_line(&run, "block");
    fclose(f);
    good = !run.rule;
    printf("%s 1 - %s: its rules hold in %s\n", good ? "ok" : "not ok", subject.name, path);
    if (!good)
        printf("# %s: %s\n", run.rule, run.why);
    run_end(&run);
    return good ? 0 : 1;
}

int main(int argc, char **argv)
{
    const char *set = getenv("MEDSYNC_SEED"), *file = NULL;
    uint64_t seed = set && *set ? strtoull(set, NULL, 10) : fixed_seed;
    size_t calls = 0;
    bool good;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--digest") == 0) {
            digest = stdout;
        } else if (i + 1 < argc && strcmp(argv[i], "--calls") == 0) {
            calls = (size_t)strtoull(argv[++i], NULL, 10);
        } else if (i + 1 < argc && strcmp(argv[i], "--seed") == 0) {
            seed = strtoull(argv[++i], NULL, 10);
        } else if (i + 1 < argc && strcmp(argv[i], "--replay") == 0) {
            file = argv[++i];
        } else {
            fprintf(stderr, "usage: %s [--calls N] [--seed S] [--replay FILE] [--digest]\n", argv[0]);
            return 2;
        }
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (file)
        return replay(file);
    good = calls ? many(seed, calls, "random calls", calls >= 5000) : many(seed, 10000, "10,000 random calls", true);
    printf("1..1\n");
    return good ? 0 : 1;
}
