/*
 * fcc-host: runs the chaincodes of one YAML file, each as its own process, and answers for them.
 *
 * One thread waits for signals, for the ends of its processes, for the next start and for HTTP.
 */
#include "host/admin.h"
#include "host/probe.h"
#include "host/site.h"

#include "base/log.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

static const char help[] =
    "Runs the chaincodes that a YAML file lists, each as a process of its own, and starts again those that end.\n"
    "\n"
    "  fcc-host FILE                   run them\n"
    "  fcc-host --check [--json] FILE  only read the file, and say what is wrong with it\n"
    "  fcc-host --probe [HOST:PORT]    ask one that runs, at its admin address: exit status 0 when all chaincodes "
    "serve\n"
    "  fcc-host --help                 this text\n"
    "\n"
    "  admin: 127.0.0.1:9443       HTTP: /healthz, /readyz, /status, /metrics\n"
    "  drain_seconds: 25           after SIGTERM, transactions that run may take so long to end\n"
    "  chaincodes:\n"
    "  - name: ehr                 unique; in logs and metrics\n"
    "    exec: bin/ehr             the program; files are relative to this file\n"
    "    ccid: ehr_1.0:0123...     the package id; or ccid_file, a file with it\n"
    "    address: 0.0.0.0:7052     where peers connect\n"
    "    tls:                      optional; without it, plaintext\n"
    "      cert: tls/ehr.crt\n"
    "      key: tls/ehr.key\n"
    "      client_ca: tls/peers.crt\n"
    "    user: chaincode           required when fcc-host runs as root (or allow_root: true)\n"
    "    group: chaincode          optional: the user's own\n"
    "    env: { NAME: value }      besides PATH, TZ, LANG and LC_ALL it gets no other\n"
    "    budget_ms: 25000          optional: a transaction may take so long; 0: for ever\n"
    "    memory_mb: 512            optional: limit of the process's data\n"
    "    log_level: info           optional: debug, info, warning, error\n"
    "\n"
    "SIGHUP: the file is read again. Who is new starts, who is gone or has changed drains, and certificates are read "
    "anew.\n"
    "SIGTERM and SIGINT: no new transactions, those that run may end, then fcc-host ends with exit status 0; a second\n"
    "one ends all at once. Exit status 1: the file is wrong, or the admin address is taken.\n";

/* ---- --check ---- */

static void print_checked(const host_config *config, bool as_json)
{
    json_t *list = json_array();
    json_t *root = json_pack("{s:b, s:s, s:s, s:o}", "ok", 1, "file", config->path, "admin", config->admin,
                             "chaincodes", list);

    for (size_t i = 0; i < config->n; i++) {
        const host_chaincode *c = &config->v[i];

        if (!as_json)
            printf("%s: %s at %s, package id %s, %s\n", c->name, c->exec, c->address, c->ccid,
                   !c->tls_cert       ? "plaintext"
                   : c->tls_client_ca ? "TLS with client certificates"
                                      : "TLS");
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:b}", "name", c->name, "exec", c->exec, "address",
                                              c->address, "ccid", c->ccid, "tls", c->tls_cert != NULL));
    }
    if (as_json && root) {
        json_dumpf(root, stdout, JSON_INDENT(2));
        putchar('\n');
    }
    json_decref(root);
}

static const char *code_of(fcc_status st)
{
    fcc__code code = st == FCC_ERR_CONFIG ? FCC__E_HOST_FILE : st == FCC_ERR_IO ? FCC__E_HOST_ADMIN : FCC__E_HOST_SELF;

    return fcc__code_info_of(code)->code;
}

static void print_error(const fcc_error *error, bool as_json)
{
    json_t *root;

    if (!as_json) {
        fprintf(stderr, "fcc-host: %s %s\n", code_of(error->status), error->text);
        return;
    }
    root = json_pack("{s:b, s:s, s:s}", "ok", 0, "code", code_of(error->status), "error", error->text);
    if (root) {
        json_dumpf(root, stdout, JSON_INDENT(2));
        putchar('\n');
    }
    json_decref(root);
}

/* ---- --probe ---- */

static int probe(const char *address)
{
    bool ready = false;
    fcc_error error;

    if (host_probe(address, &ready, stdout, &error) == FCC_OK)
        return ready ? 0 : 1;
    fprintf(stderr, "fcc-host: %s %s\n", fcc__code_info_of(FCC__E_HOST_PROBE)->code, error.text);
    return 1;
}

/* ---- running ---- */

static void on_stop_signal(host_site *s, int number)
{
    if (s->stopping)
        fcc__log(FCC__WARN, "SIG%s again: ending all chaincodes at once", sigabbrev_np(number));
    else
        fcc__log(FCC__INFO, "SIG%s: transactions that run may end, no new ones begin", sigabbrev_np(number));
    host_site_stop(s);
}

static void on_signals(host_site *s, int fd)
{
    struct signalfd_siginfo info;

    while (read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGCHLD)
            host_site_reap(s);
        else if (info.ssi_signo != SIGHUP)
            on_stop_signal(s, (int)info.ssi_signo);
        else if (!s->stopping)
            host_site_reload(s);
    }
}

/* How long to wait for something to happen; -1 for ever. */
static int patience(const host_site *s, const host_admin *admin)
{
    int64_t ours = host_site_patience_ms(s), theirs = host_admin_timeout_ms(admin);
    int64_t ms = ours < 0 || (theirs >= 0 && theirs < ours) ? theirs : ours;

    return ms > INT32_MAX ? INT32_MAX : (int)ms;
}

static void run(host_site *s, host_admin *admin, int signals)
{
    struct pollfd fds[2] = { { .fd = signals, .events = POLLIN }, { .fd = host_admin_fd(admin), .events = POLLIN } };

    while (!s->stopping || !host_site_ended(s)) {
        host_site_tend(s);
        if (poll(fds, 2, patience(s, admin)) < 0 && errno != EINTR) {
            fcc__log_code(FCC__ERROR, FCC__E_HOST_SELF, "poll: %s", strerror(errno));
            break;
        }
        on_signals(s, signals);
        host_admin_run(admin);
    }
}

static int watch_signals(void)
{
    sigset_t set;

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static fcc_status serve(host_site *s, fcc_error *error)
{
    int signals = watch_signals();
    const char *address = s->config->admin;
    host_admin *admin = NULL;
    fcc_status st = FCC_OK;

    if (signals < 0)
        st = fcc_error_set(error, FCC_ERR_NOMEM, "cannot watch for signals: %s", strerror(errno));
    if (st == FCC_OK)
        st = host_admin_new(address, s, &admin, error);
    if (st == FCC_OK) {
        fcc__log(FCC__INFO, "%zu chaincodes of %s; admin at %.*s:%d", s->count, s->path,
                 (int)(strrchr(address, ':') - address), address, host_admin_port(admin));
        run(s, admin, signals);
        fcc__log(FCC__INFO, "all chaincodes have ended");
    }
    host_admin_free(admin);
    if (signals >= 0)
        close(signals);
    return st;
}

int main(int argc, char **argv)
{
    static const struct option options[] = { { "check", no_argument, NULL, 'c' },
                                             { "json", no_argument, NULL, 'j' },
                                             { "probe", no_argument, NULL, 'p' },
                                             { "help", no_argument, NULL, 'h' },
                                             { NULL, 0, NULL, 0 } };
    bool check = false, as_json = false, ask = false;
    fcc_error error = { .status = FCC_ERR_NOMEM, .text = "out of memory" };
    host_site site;
    fcc_status st;
    int option;

    opterr = 0;
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            return 0;
        }
        if (option == '?') {
            fprintf(stderr, "fcc-host: E-CLI-03 %s: no such option; fcc-host --help tells what it takes\n",
                    argv[optind - 1]);
            return 1;
        }
        check = check || option == 'c';
        as_json = as_json || option == 'j';
        ask = ask || option == 'p';
    }
    if (ask && optind + 1 >= argc)
        return probe(optind < argc ? argv[optind] : host_default_admin);
    if (optind + 1 != argc) {
        fputs("fcc-host: E-CLI-03 expected one YAML file; fcc-host --help tells what it takes\n", stderr);
        return 1;
    }
    fcc__log_who("fcc-host");
    st = host_site_open(&site, argv[optind], geteuid() == 0, &error);
    if (st == FCC_OK && check)
        print_checked(site.config, as_json);
    else if (st == FCC_OK)
        st = serve(&site, &error);
    if (st != FCC_OK)
        print_error(&error, check && as_json);
    host_site_close(&site);
    if (fflush(stdout) != 0 || ferror(stdout)) { /* what was to be told was not */
        perror("fcc-host: standard output");
        return 1;
    }
    return st == FCC_OK ? 0 : 1;
}
