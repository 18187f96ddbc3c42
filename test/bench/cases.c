/*
 * cases.c: what the cases of unit test programs cost: processor and wall time of the whole program, start included, divided
 * by its cases; and which cases take long by themselves.
 *
 *     cases ROUNDS PROGRAM...
 *
 * Each program runs ROUNDS times with cmocka's XML as output; the run with the least processor time counts. Apart is what
 * lies outside of the cases by cmocka's clock: the start, and all setups. A case that takes LONG_MS or more is named. Others
 * is the processor time of a case, start and setups included, without those that take VERY_LONG_MS or more: they are long on
 * purpose.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST_CASES = 256, NAME = 128, LONG_MS = 5, VERY_LONG_MS = 20, NAMED = 3 };

typedef struct timed {
    char name[NAME];
    double ms;
} timed;

typedef struct run {
    double cpu_ms, wall_ms;
    size_t count;
    timed cases[MOST_CASES];
} run;

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double ms_of(struct timeval t)
{
    return (double)t.tv_sec * 1e3 + (double)t.tv_usec / 1e3;
}

/* <testcase name="a_case" time="0.002" > */
static void read_line(run *r, const char *line)
{
    const char *name = strstr(line, "<testcase name=\""), *end, *time;

    if (!name || r->count == MOST_CASES)
        return;
    name += strlen("<testcase name=\"");
    end = strchr(name, '"');
    time = end ? strstr(end, "time=\"") : NULL;
    if (!time)
        return;
    snprintf(r->cases[r->count].name, NAME, "%.*s", (int)(end - name), name);
    r->cases[r->count++].ms = strtod(time + strlen("time=\""), NULL) * 1e3;
}

/* Once. false: it failed. */
static bool measure(const char *program, run *r)
{
    const double start = now_ms();
    char line[1024];
    struct rusage used;
    int out[2], status;
    pid_t pid;
    FILE *in;

    memset(r, 0, sizeof(*r));
    if (pipe(out) != 0 || (pid = fork()) < 0)
        return false;
    if (pid == 0) {
        dup2(out[1], STDOUT_FILENO);
        close(out[0]);
        close(out[1]);
        setenv("CMOCKA_MESSAGE_OUTPUT", "xml", 1);
        execl(program, program, (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    in = fdopen(out[0], "r");
    while (in && fgets(line, sizeof(line), in))
        read_line(r, line);
    if (in)
        fclose(in);
    if (wait4(pid, &status, 0, &used) != pid)
        return false;
    r->wall_ms = now_ms() - start;
    r->cpu_ms = ms_of(used.ru_utime) + ms_of(used.ru_stime);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 && r->count > 0;
}

static const char *short_name(const char *program)
{
    const char *test = strstr(program, "/test/");

    return test ? test + strlen("/test/") : program;
}

static int longest_first(const void *a, const void *b)
{
    const double one = ((const timed *)a)->ms, other = ((const timed *)b)->ms;

    return (one < other) - (one > other);
}

static void print(const char *program, run *r)
{
    const double n = (double)r->count;
    double apart = r->wall_ms, others = r->wall_ms;
    size_t longer = 0, very_long = 0;

    for (size_t i = 0; i < r->count; i++) {
        apart -= r->cases[i].ms;
        longer += r->cases[i].ms >= LONG_MS;
        if (r->cases[i].ms >= VERY_LONG_MS) {
            others -= r->cases[i].ms;
            very_long++;
        }
    }
    printf("%-42s %5zu %8.2f %8.2f %6.0f", short_name(program), r->count, r->cpu_ms / n, r->wall_ms / n, apart);
    if (very_long < r->count)
        printf(" %6.2f", others * r->cpu_ms / r->wall_ms / (double)(r->count - very_long));
    else
        printf(" %6s", "-");
    qsort(r->cases, r->count, sizeof(r->cases[0]), longest_first);
    for (size_t i = 0; i < longer && i < NAMED; i++)
        printf("%s%s %.0f", i > 0 ? ", " : "  ", r->cases[i].name, r->cases[i].ms);
    if (longer > NAMED)
        printf(", %zu more", longer - NAMED);
    putchar('\n');
}

int main(int argc, char **argv)
{
    const int rounds = argc > 1 ? atoi(argv[1]) : 0;
    static run best, one;
    bool good = true;

    if (rounds < 1 || argc < 3) {
        fputs("cases ROUNDS PROGRAM...\n", stderr);
        return 2;
    }
    printf("%-42s %5s %8s %8s %6s %6s  %s\n", "", "", "CPU ms", "wall ms", "apart,", "others,",
           "cases of 5 ms and more,");
    printf("%-42s %5s %8s %8s %6s %6s  %s\n", "program", "cases", "a case", "a case", "ms", "CPU ms",
           "the longest three, ms");
    for (int i = 2; i < argc; i++) {
        best.count = 0;
        for (int k = 0; k < rounds; k++)
            if (measure(argv[i], &one) && (best.count == 0 || one.cpu_ms < best.cpu_ms))
                best = one;
        if (best.count > 0) {
            print(argv[i], &best);
        } else {
            printf("%-42s failed\n", short_name(argv[i]));
            good = false;
        }
        fflush(stdout);
    }
    return good ? 0 : 1;
}
