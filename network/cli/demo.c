/* medsync demo: an embedded network of its own, and the whole way of a medical record through it. */
#include "cli/demo.h"

#include <errno.h>
#include <getopt.h>
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
    "  --keep          leave the network running and its directory where it is\n"
    "  --referee N     as of `medsync devnet up`: N more processes try each transaction under other conditions (0)\n";

static int steps;
static const char *referees = "0";
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

/* `medsync devnet up --detach`, as anybody would type it. */
static bool start_network(const char *dir)
{
    char own[4096];
    int status;
    pid_t pid;

    if (!cli_own_path(own, sizeof(own)))
        return demo_wrong("this executable cannot be found");
    fflush(NULL);
    pid = fork();
    if (pid < 0)
        return demo_wrong("fork: %s", strerror(errno));
    if (pid == 0) {
        if (!freopen("/dev/null", "w", stdout))
            _exit(127);
        execl(own, "medsync", "devnet", "up", "--detach", "--ports", "auto", "--dir", dir, "--referee", referees,
              (char *)NULL);
        _exit(127);
    }
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return demo_wrong("waitpid: %s", strerror(errno));
    return (WIFEXITED(status) && WEXITSTATUS(status) == 0) || demo_wrong("the network does not start: see above");
}

static bool introduce_network(demo *d)
{
    char path[4096];
    json_error_t why;
    json_t *endpoints, *peer;
    devnet_found found;
    fcc_error error;
    double before = demo_now();
    size_t i;

    demo_step(d, "The network");
    if (!start_network(d->dir))
        return false;
    if (devnet_find(d->dir, &found, &error) == FCC_OK)
        network_pid = (sig_atomic_t)found.pid;
    snprintf(path, sizeof(path), "%s/endpoints.json", d->dir);
    endpoints = json_load_file(path, 0, &why);
    if (!endpoints)
        return demo_wrong("%s: %s", path, why.text);
    demo_ok("up in %.2f s: embedded network, for development, not production", demo_now() - before);
    json_array_foreach(json_object_get(endpoints, "peers"), i, peer)
    {
        const char *mspid = json_string_value(json_object_get(peer, "mspId"));
        const char *address = json_string_value(json_object_get(peer, "address"));

        demo_say("     %-15s a certificate authority, a peer at %s", mspid ? mspid : "?", address ? address : "?");
    }
    demo_say("     chaincodes ehr and consent, one process each for Hospital, Clinic, Regulator and Inspector;");
    demo_say("     what they write must be endorsed by Hospital and Clinic both");
    json_decref(endpoints);
    if (!demo_meet(d) || !demo_custodian_start(d))
        return false;
    custodian_pid = (sig_atomic_t)d->custodian_pid;
    return true;
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
    return introduce_network(d) && introduce_bundle(d, bundle) && demo_base(d) && demo_denied(d) && demo_grant(d) &&
           demo_encounter(d) && demo_import(d) && demo_read(d) && demo_commitments(d) && demo_revoke(d) &&
           demo_audit(d) && demo_public(d);
}

static void remove_tree(const char *dir)
{
    char command_dir[4096];
    pid_t pid;
    int status;

    snprintf(command_dir, sizeof(command_dir), "%s", dir);
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        execlp("rm", "rm", "-rf", "--", command_dir, (char *)NULL);
        _exit(127);
    }
    if (pid > 0)
        waitpid(pid, &status, 0);
}

static void leave(demo *d, bool keep, bool own_dir, bool ok)
{
    fcc_error error;

    demo_custodian_stop(d);
    client_close(d->admin.who);
    client_close(d->patient.who);
    client_close(d->doctor.who);
    client_close(d->registrar.who);
    client_close(d->auditor.who);
    if (keep) {
        printf("\nThe network still runs. Look around:\n"
               "  build/bin/medsync devnet status --dir %s\n"
               "  build/bin/medsync history --dir %s ehr %s\n"
               "  build/bin/medsync devnet down --dir %s\n",
               d->dir, d->dir, d->record_count ? d->records[0].id : "ID", d->dir);
    } else {
        fcc_status st = devnet_stop(d->dir, 15000, &error);

        if (st != FCC_OK && st != FCC_ERR_NOT_FOUND)
            demo_say("the network does not stop: %s", error.text);
        if (own_dir && ok)
            remove_tree(d->dir);
        else if (!ok)
            printf("\nIts files, and its log in log/, are left in %s\n", d->dir);
    }
    blob_close(d->store);
    blob_custody_free(d->custody);
    json_decref(d->retention);
    fhir_free(d->bundle);
    free(d->records);
    fcc__arena_free(d->arena);
}

int cli_demo(int argc, char **argv)
{
    enum { BUNDLE, DIR_, KEEP, REFEREE, HELP };
    static const struct option options[] = {
        { "bundle", required_argument, NULL, BUNDLE }, { "dir", required_argument, NULL, DIR_ },
        { "keep", no_argument, NULL, KEEP },           { "referee", required_argument, NULL, REFEREE },
        { "help", no_argument, NULL, HELP },           { NULL, 0, NULL, 0 },
    };
    static char found[4096], fresh[4096];
    const char *bundle = NULL, *tmp = getenv("TMPDIR");
    fhir_bundle *checked = NULL;
    fcc_error error;
    devnet_found running;
    demo d = { 0 };
    bool keep = false, own_dir = false, ok;
    int option;

    opterr = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case BUNDLE:
            bundle = optarg;
            break;
        case DIR_:
            d.dir = optarg;
            break;
        case KEEP:
            keep = true;
            break;
        case REFEREE:
            referees = optarg;
            break;
        case HELP:
            fputs(usage, stdout);
            return CLI_OK;
        default:
            return cli_usage("demo", "%s: no such option, or it lacks its value", argv[optind - 1]);
        }
    }
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
    } else if (devnet_find(d.dir, &running, &error) == FCC_OK && running.running) {
        return cli_failed("demo", FCC__E_NET_RUNS, "a devnet runs in %s: the scenario needs one of its own", d.dir);
    } else {
        snprintf(fresh, sizeof(fresh), "%s/ledger", d.dir);
        if (access(fresh, F_OK) == 0)
            return cli_failed("demo", FCC__E_NET_LEDGER,
                              "%s has a ledger already: `medsync devnet reset --dir %s` empties it", d.dir, d.dir);
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
    leave(&d, keep, own_dir, ok);
    return ok ? CLI_OK : CLI_FAILED;
}
