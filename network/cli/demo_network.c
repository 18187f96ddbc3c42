/* The scenario's network: its directory, starting it, registering its consortium, and what is told when it is left. */
#include "cli/demo.h"
#include "cli/setup.h"

#include "devnet/devnet.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { STOP_MS = 15000 };

/* ---- its directory ---- */

/* Says that a network in this directory was made here, and may be replaced. */
static const char mark[] = "demo.json";

static bool has(const char *dir, const char *name)
{
    char path[4096];

    return snprintf(path, sizeof(path), "%s/%s", dir, name) < (int)sizeof(path) && access(path, F_OK) == 0;
}

int demo_enter(const char *dir, bool replace)
{
    devnet_found found = { 0 };
    fcc_error error;
    fcc_status st = devnet_find(dir, &found, &error);

    if (st != FCC_OK)
        return cli_failed("demo", devnet_code(st), "%s", error.text);
    if (!found.running && !has(dir, "ledger"))
        return CLI_OK;
    if (!replace && found.running)
        return cli_failed("demo", FCC__E_NET_RUNS, "a devnet runs in %s: the scenario needs one of its own", dir);
    if (!replace)
        return cli_failed("demo", FCC__E_NET_LEDGER,
                          "%s has a ledger already: `medsync devnet reset --dir %s` empties it", dir, dir);
    if (!has(dir, mark))
        return cli_failed(
            "demo", FCC__E_NET_LEDGER,
            "%s holds a network that is not of an earlier run: keep it and give another --dir, or empty it "
            "with `medsync devnet down --dir %s` and `medsync devnet reset --dir %s`",
            dir, dir, dir);
    printf("The network of the last run, in %s, is replaced.\n", dir);
    if (found.running)
        st = devnet_stop(dir, STOP_MS, &error);
    if (st == FCC_OK)
        st = devnet_reset(dir, &error);
    return st == FCC_OK ? CLI_OK : cli_failed("demo", devnet_code(st), "%s", error.text);
}

static bool put_mark(const char *dir)
{
    char path[4096];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", dir, mark);
    file = fopen(path, "w");
    if (!file || fputs("{\"madeBy\": \"medsync demo\"}\n", file) < 0 || fclose(file) != 0)
        return demo_wrong("%s: %s", path, strerror(errno));
    return true;
}

/* ---- up ---- */

/* `medsync devnet up --detach`, as anybody would type it. */
static bool start(demo *d)
{
    char own[4096];
    devnet_found found;
    fcc_error error;
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
        execl(own, "medsync", "devnet", "up", "--detach", "--ports", "auto", "--dir", d->dir, "--referee", d->referees,
              (char *)NULL);
        _exit(127);
    }
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return demo_wrong("waitpid: %s", strerror(errno));
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return demo_wrong("the network does not start: see above");
    if (devnet_find(d->dir, &found, &error) != FCC_OK || !found.running)
        return demo_wrong("the network is not there");
    d->network_pid = found.pid;
    demo_watch(d);
    return true;
}

static bool introduce(const demo *d)
{
    char path[4096];
    json_error_t why;
    json_t *endpoints, *peer;
    size_t i;

    snprintf(path, sizeof(path), "%s/endpoints.json", d->dir);
    endpoints = json_load_file(path, 0, &why);
    if (!endpoints)
        return demo_wrong("%s: %s", path, why.text);
    json_array_foreach(json_object_get(endpoints, "peers"), i, peer)
    {
        const char *mspid = json_string_value(json_object_get(peer, "mspId"));
        const char *address = json_string_value(json_object_get(peer, "address"));

        demo_say("     %-15s a certificate authority, a peer at %s", mspid ? mspid : "?", address ? address : "?");
    }
    json_decref(endpoints);
    demo_say(
        "     chaincode credentials, a process for each; consent and ehr for Hospital, Clinic, Regulator, Inspector.");
    demo_say("     What consent and ehr write must be endorsed by Hospital and Clinic both");
    return true;
}

bool demo_network(demo *d)
{
    double before = demo_now();

    demo_step(d, "The network");
    if (!start(d) || !put_mark(d->dir))
        return false;
    demo_ok("up in %.2f s: embedded network, for development, not production", demo_now() - before);
    return introduce(d);
}

static void on_act(void *ctx, const setup_act *act, const setup_report *r)
{
    const demo *d = ctx;

    if (act->state == SETUP_REFUSED)
        demo_wrong("%s, %s: %s %.*s: %s", act->org->mspid, act->user->name, act->chaincode, (int)act->args[0].len,
                   (const char *)act->args[0].data, act->why ? act->why : "");
    else
        demo_progress(d, "acts", r->made + r->there, r->all);
}

bool demo_setup(demo *d)
{
    char network[4096];
    setup_report report;
    double before = demo_now();
    fcc_error error;

    demo_step(d, "The consortium registers itself");
    if (!cli_find_file("network/network.yaml", network, sizeof(network)))
        return demo_wrong("network/network.yaml is not to be found");
    if (setup_consortium(d->dir, network, on_act, d, &report, &error) != FCC_OK)
        return demo_wrong("%s", error.text);
    d->sent += report.made;
    demo_ok(
        "%zu transactions in %.1f s: each site applied and the regulator approved it, each person applied with a key\n"
        "        of their own and somebody else approved; nobody approves oneself. `medsync setup` is the command",
        report.made, demo_now() - before);
    return true;
}

/* ---- down, and up again ---- */

bool demo_kill(demo *d)
{
    const struct timespec pause = { 0, 5 * 1000 * 1000 };
    devnet_found found = { .running = true };
    fcc_error error;

    demo_part(d);
    if (kill(d->network_pid, SIGKILL) != 0)
        return demo_wrong("kill: %s", strerror(errno));
    d->network_pid = 0;
    demo_watch(d);
    for (int i = 0; i < 1000 && found.running; i++) {
        nanosleep(&pause, NULL);
        if (devnet_find(d->dir, &found, &error) != FCC_OK)
            return demo_wrong("%s", error.text);
    }
    return !found.running || demo_wrong("the network's process does not end");
}

bool demo_restart(demo *d)
{
    return start(d) && demo_meet(d);
}

/* ---- the end ---- */

static void next_steps(const demo *d)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+,:@%";
    const char *quote = d->dir[strspn(d->dir, plain)] ? "'" : ""; /* a space would end the word */
    const bool usual = strcmp(d->dir, CLI_DEFAULT_DIR) == 0;
    const char *dir = usual ? "" : fcc__arena_printf(d->arena, " --dir %s%s%s", quote, d->dir, quote);
    const char *record = d->record_count ? d->records[0].id : "ID";
    char salt[33], request[33];

    if (!dir)
        return;
    printf("\nThe network still runs. What to type next, from here:\n\n"
           "  as the patient: what was granted to whom; all records\n"
           "    build/bin/medsync query%s --user patient1 consent ListGrants --transient 'in={\"pid\":\"%s\"}'\n"
           "    build/bin/medsync query%s --user patient1 ehr ListRecords --transient 'in={\"pid\":\"%s\"}'\n",
           dir, d->pid, dir, d->pid);
    printf(
        "  as the patient, grant the doctor the lab results again; as the doctor, ask for them and see the decision\n"
        "    build/bin/medsync invoke%s --user patient1 --endorse Hospital,Clinic consent Grant \\\n"
        "      --transient "
        "'in={\"pid\":\"%s\",\"grantee\":\"u:%s\",\"salt\":\"%s\",\"rules\":[{\"effect\":\"permit\",\n"
        "      \"purpose\":[\"TREAT\"],\"ops\":[\"read\"],\"cat\":[\"lab\"],\"maxSens\":\"V\"}]}'\n",
        dir, d->pid, d->uid, demo_salt(salt));
    demo_salt(request);
    printf("    build/bin/medsync invoke%s --user doctor1 --endorse Hospital,Clinic ehr RequestAccess \\\n"
           "      --transient 'in={\"reqId\":\"%s\",\"pid\":\"%s\",\n"
           "      \"purpose\":\"TREAT\",\"scope\":{\"categories\":[\"lab\"]}}'\n"
           "    build/bin/medsync query%s --user doctor1 ehr Decision %s\n",
           dir, request, d->pid, dir, request);
    printf("  as an auditor, on the inspectorate's own peer: who asked for what; what happened to a record\n"
           "    build/bin/medsync query%s --user auditor2 ehr AuditTrail --transient 'in={\"pid\":\"%s\"}'\n"
           "    build/bin/medsync history%s ehr %s\n"
           "    build/bin/medsync audit verify %s%s/ledger/blocks%s\n\n",
           dir, d->pid, dir, record, quote, d->dir, quote);
    printf("  stop         build/bin/medsync devnet down%s\n"
           "  start again  build/bin/medsync devnet up%s --detach\n"
           "  reset        build/bin/medsync devnet reset%s    (once it is stopped; all of the network's data)\n"
           "  the data     %s: certificates and keys in crypto/, blocks in ledger/, encrypted records in blobs/,\n"
           "               logs in log/\n",
           dir, dir, dir, d->dir);
}

static void remove_tree(const char *dir)
{
    pid_t pid;
    int status;

    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        execlp("rm", "rm", "-rf", "--", dir, (char *)NULL);
        _exit(127);
    }
    if (pid > 0)
        waitpid(pid, &status, 0);
}

void demo_leave(demo *d, bool keep, bool own_dir, bool ok)
{
    fcc_error error;
    fcc_status st;

    if (keep && ok) {
        next_steps(d);
        return;
    }
    st = devnet_stop(d->dir, STOP_MS, &error);
    if (st != FCC_OK && st != FCC_ERR_NOT_FOUND)
        demo_say("the network does not stop: %s", error.text);
    if (own_dir && ok)
        remove_tree(d->dir);
    else if (!ok)
        printf("\nIts files, and its log in log/, are left in %s\n", d->dir);
}
