/*
 * tally.h: what came of a set of other people's documents, as one line a set: "# set: 12 passed, 0 failed, 3 skipped
 * (2 reason, 1 other reason)". test/run.sh shows these lines. The first failures are told one by one.
 */
#ifndef TEST_SUPPORT_TALLY_H
#define TEST_SUPPORT_TALLY_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { TALLY_REASONS = 24, TALLY_TOLD = 10 };

typedef struct tally {
    const char *set;
    size_t passed, failed, skipped;
    struct tally_reason {
        char text[120];
        size_t n;
    } reasons[TALLY_REASONS];
    size_t reason_count;
} tally;

static inline void tally_pass(tally *t)
{
    t->passed++;
}

__attribute__((format(printf, 2, 3))) static inline void tally_fail(tally *t, const char *format, ...)
{
    va_list args;

    if (t->failed++ >= TALLY_TOLD)
        return;
    fprintf(stderr, "# failed: %s: ", t->set);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

__attribute__((format(printf, 2, 3))) static inline void tally_skip(tally *t, const char *format, ...)
{
    char text[120];
    va_list args;
    size_t i;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    t->skipped++;
    for (i = 0; i < t->reason_count && strcmp(t->reasons[i].text, text) != 0; i++)
        ;
    if (i == TALLY_REASONS)
        return; /* counted above; the line says less than it could */
    if (i == t->reason_count)
        memcpy(t->reasons[t->reason_count++].text, text, sizeof(text));
    t->reasons[i].n++;
}

/* Prints the line. Whether nothing failed and something passed. */
static inline int tally_print(const tally *t)
{
    size_t i;

    fprintf(stderr, "# %s: %zu passed, %zu failed, %zu skipped", t->set, t->passed, t->failed, t->skipped);
    for (i = 0; i < t->reason_count; i++)
        fprintf(stderr, "%s%zu %s", i ? ", " : " (", t->reasons[i].n, t->reasons[i].text);
    fprintf(stderr, "%s\n", t->reason_count ? ")" : "");
    return t->failed == 0 && t->passed > 0;
}

#endif
