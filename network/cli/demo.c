/* medsync demo: an embedded network of its own, and the whole way of a medical record through it. */
#include "cli/demo.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "devnet/devnet.h"

static const char usage[] =
    "usage: medsync demo [OPTION]...\n\n"
    "Starts an embedded network of its own, takes a FHIR R4 bundle through it, step by step, and stops it again.\n"
    "Ends with exit status 1 at the first answer that is not as it should be.\n\n"
    "  --bundle FILE   the bundle (network/fhir/example/bundle.json)\n"
    "  --dir DIR       where the network's files shall be: a directory that no devnet has used yet\n"
    "  --keep          leave the network running and its directory where it is, and say what to type next\n"
    "  --replace       a network that an earlier run has left in --dir is stopped and removed first\n"
    "  --referee N     as of `medsync devnet up`: N more processes try each transaction under other conditions (0)\n";

static int steps;
static volatile sig_atomic_t network_pid, custodian_pid;
static const char *volatile network_dir = "";

/* Interrupted: the network must not go on in the background. */
static void interrupted(int signal_number)
{
    static const char words[] = "\nmedsync demo: interrupted; the network is stopped, its files are in ";
    const char *dir = network_dir;
    ssize_t ignored;

    if (custodian_pid > 0)
        kill((pid_t)custodian_pid, SIGTERM);
    if (network_pid > 0)
        kill((pid_t)network_pid, SIGTERM);
    ignored = write(STDERR_FILENO, words, sizeof(words) - 1);
    ignored += write(STDERR_FILENO, dir, strlen(dir));
    ignored += write(STDERR_FILENO, "\n", 1);
    (void)ignored;
    _exit(128 + signal_number);
}

void demo_watch(const demo *d)
{
    network_pid = (sig_atomic_t)d->network_pid;
    custodian_pid = (sig_atomic_t)d->custodian_pid;
}

static void watch_signals(void)
{
    struct sigaction act;

    memset(&act, 0, sizeof(act));
    act.sa_handler = interrupted;
    sigemptyset(&act.sa_mask);
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    sigaction(SIGHUP, &act, NULL);
}

double demo_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void demo_step(demo *d, const char *format, ...)
{
    va_list args;

    (void)d;
    printf("\n%d. ", ++steps);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    fflush(stdout);
}

void demo_say(const char *format, ...)
{
    va_list args;

    fputs("   ", stdout);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    fflush(stdout);
}

void demo_ok(const char *format, ...)
{
    va_list args;

    fputs("   [ok] ", stdout);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    fflush(stdout);
}

bool demo_wrong(const char *format, ...)
{
    va_list args;

    fputs("   [!!] ", stdout);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    fflush(stdout);
    return false;
}

void demo_progress(const demo *d, const char *what, size_t done, size_t all)
{
    enum { WIDTH = 40 };
    static const char full[] = "########################################";
    size_t filled = all ? done * WIDTH / all : WIDTH;

    if (d->terminal) {
        printf("\r   %-40.*s| %zu of %zu %s", (int)filled, full, done, all, what);
        if (done == all)
            fputs("\r\033[K", stdout);
        fflush(stdout);
    } else if (all >= 200 && done * 4 / all != (done - 1) * 4 / all && done < all) {
        demo_say("%zu of %zu %s", done, all, what);
    }
}

static bool introduce_bundle(demo *d, const char *path)
{
    static const char *const types[] = { "Encounter",          "Observation",      "MedicationRequest", "Condition",
                                         "Procedure",          "DiagnosticReport", "Immunization",      "ImagingStudy",
                                         "AllergyIntolerance", "DocumentReference" };
    enum { TYPES = sizeof(types) / sizeof(types[0]) };
    fcc_error error;
    size_t i, j, counts[TYPES] = { 0 }, others = 0, bytes = 0;

    demo_step(d, "The medical record to take through it");
    if (fhir_load(path, &d->bundle, &error) != FCC_OK)
        return demo_wrong("%s", error.text);
    for (i = 0; i < d->bundle->count; i++) {
        for (j = 0; j < TYPES && strcmp(types[j], d->bundle->entries[i].type) != 0; j++)
            ;
        if (j < TYPES)
            counts[j]++;
        else
            others++;
        bytes += d->bundle->entries[i].content.len;
    }
    demo_ok("%s: one patient, %zu resources, %zu bytes", path, d->bundle->count, bytes);
    fputs("        ", stdout);
    for (j = 0; j < TYPES; j++)
        if (counts[j])
            printf("%zu %s, ", counts[j], types[j]);
    printf("%zu others\n", others);
    return true;
}

static bool tell(demo *d, const char *bundle)
{
    return demo_network(d) && demo_setup(d) && introduce_bundle(d, bundle) && demo_meet(d) && demo_base(d) &&
           demo_denied(d) && demo_grant(d) && demo_encounter(d) && demo_import(d) && demo_read(d) &&
           demo_commitments(d) && demo_chairs(d) && demo_revoke(d) && demo_audit(d) && demo_public(d) &&
           demo_appointment(d) && demo_break(d);
}

static void end(demo *d)
{
    demo_part(d);
    blob_custody_free(d->custody);
    fhir_free(d->bundle);
    free(d->records);
    fcc__arena_free(d->arena);
}

int cli_demo(int argc, char **argv)
{
    static char found[4096], fresh[4096];
    const char *bundle = NULL, *tmp = getenv("TMPDIR");
    fhir_bundle *checked = NULL;
    fcc_error error;
    demo d = { .referees = "0" };
    bool keep = false, replace = false, own_dir = false, ok;
    cli_option options[] = {
        { "bundle", .text = &bundle },   { "dir", .text = &d.dir },          { "keep", .flag = &keep },
        { "replace", .flag = &replace }, { "referee", .text = &d.referees }, { 0 },
    };
    int status = cli_options("demo", usage, options, argc, argv);

    if (status >= 0)
        return status;
    if (optind != argc)
        return cli_usage("demo", "%s: a bundle is given with --bundle", argv[optind]);
    if (!bundle) {
        if (!cli_find_file("network/fhir/example/bundle.json", found, sizeof(found)))
            return cli_failed("demo", FCC__E_CLI_FILE, "no example bundle here: give one with --bundle FILE");
        bundle = found;
    }
    /* a bad bundle is told before anything is started */
    if (fhir_load(bundle, &checked, &error) != FCC_OK)
        return cli_failed("demo", FCC__E_CLI_BUNDLE, "%s", error.text);
    fhir_free(checked);
    if (!d.dir) {
        snprintf(fresh, sizeof(fresh), "%s/medsync-demo-XXXXXX", tmp && *tmp ? tmp : "/tmp");
        if (!mkdtemp(fresh))
            return cli_failed("demo", FCC__E_CLI_FILE, "%s: %s", fresh, strerror(errno));
        d.dir = fresh;
        own_dir = true;
    } else if ((status = demo_enter(d.dir, replace)) != CLI_OK) {
        return status;
    }
    d.arena = fcc__arena_new(CLI_ARENA_MAX);
    if (!d.arena)
        return cli_failed("demo", FCC__E_STAT_RES, "out of memory");
    d.terminal = isatty(STDOUT_FILENO) == 1;
    d.started = demo_now();
    network_dir = d.dir;
    watch_signals();
    printf("MedSync: a medical record's way through a network of nine organisations\n");
    ok = tell(&d, bundle);
    if (ok)
        printf("\nDone: %zu transactions committed in %.1f s, every answer as expected.\n", d.sent,
               demo_now() - d.started);
    else
        printf("\nStopped at step %d: the answer there is not what it must be.\n", steps);
    demo_part(&d);
    demo_leave(&d, keep, own_dir, ok);
    end(&d);
    return ok ? CLI_OK : CLI_FAILED;
}
