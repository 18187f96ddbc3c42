/*
 * fcc-host: runs the chaincodes of one YAML file, each as its own process, and answers for them.
 *
 * One thread waits for signals, for the ends of its processes, for the next start and for HTTP.
 */
#include "host/admin.h"
#include "host/child.h"
#include "host/config.h"

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

enum {
    CONFIG_BYTES = 16 * 1024 * 1024,
    GRACE_MS = 2000, /* for a process to end after its own limit for transactions */
};

static const char help[] =
    "Runs the chaincodes that a YAML file lists, each as a process of its own, and starts again those that end.\n"
    "\n"
    "  fcc-host FILE                   run them\n"
    "  fcc-host --check [--json] FILE  only read the file, and say what is wrong with it\n"
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
    "SIGTERM and SIGINT: no new transactions, those that run may end, then fcc-host ends with exit status 0; a second\n"
    "one ends all at once. Exit status 1: the file is wrong, or the admin address is taken.\n";

struct site {
    host_config config;
    host_child *children;
    host_admin *admin;
    bool stopping;
    int64_t kill_at_ms; /* while stopping */
};

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

/* ---- running ---- */

static void stop_all(struct site *s, int signal_number)
{
    for (size_t i = 0; i < s->config.n; i++)
        host_child_stop(&s->children[i], signal_number);
}

static void on_stop_signal(struct site *s, int number)
{
    if (s->stopping) {
        fcc__log(FCC__WARN, "SIG%s again: ending all chaincodes at once", sigabbrev_np(number));
        stop_all(s, SIGKILL);
        return;
    }
    fcc__log(FCC__INFO, "SIG%s: transactions that run may end, no new ones begin", sigabbrev_np(number));
    s->stopping = true;
    s->kill_at_ms = host_now_ms() + s->config.drain_seconds * 1000 + GRACE_MS;
    stop_all(s, SIGTERM);
}

static void on_signals(struct site *s, int fd)
{
    struct signalfd_siginfo info;

    while (read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGCHLD) {
            for (size_t i = 0; i < s->config.n; i++)
                host_child_reap(&s->children[i]);
        } else if (info.ssi_signo == SIGHUP) {
            fcc__log(FCC__WARN, "SIGHUP: %s is read at the start only: restart fcc-host for a new one", s->config.path);
        } else {
            on_stop_signal(s, (int)info.ssi_signo);
        }
    }
}

static bool all_ended(const struct site *s)
{
    for (size_t i = 0; i < s->config.n; i++)
        if (s->children[i].pid)
            return false;
    return true;
}

static int sooner(int a, int64_t b)
{
    if (b < 0)
        b = 0;
    return a < 0 || b < a ? (int)b : a;
}

/* How long to wait for something to happen; -1 for ever. */
static int patience(const struct site *s)
{
    int ms = host_admin_timeout_ms(s->admin);
    int64_t now = host_now_ms();

    if (s->stopping)
        return sooner(ms, s->kill_at_ms - now);
    for (size_t i = 0; i < s->config.n; i++)
        if (s->children[i].start_at_ms)
            ms = sooner(ms, s->children[i].start_at_ms - now);
    return ms;
}

static void run(struct site *s, int signals)
{
    struct pollfd fds[2] = { { .fd = signals, .events = POLLIN }, { .fd = host_admin_fd(s->admin), .events = POLLIN } };

    while (!s->stopping || !all_ended(s)) {
        for (size_t i = 0; i < s->config.n; i++)
            host_child_start_if_due(&s->children[i]);
        if (poll(fds, 2, patience(s)) < 0 && errno != EINTR) {
            fcc__log_code(FCC__ERROR, FCC__E_HOST_SELF, "poll: %s", strerror(errno));
            break;
        }
        on_signals(s, signals);
        host_admin_run(s->admin);
        if (s->stopping && host_now_ms() >= s->kill_at_ms && !all_ended(s)) {
            fcc__log_code(FCC__WARN, FCC__E_DRAIN_LATE, "some chaincodes have not ended in time: ending them");
            s->kill_at_ms += GRACE_MS;
            stop_all(s, SIGKILL);
        }
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

static fcc_status serve(const host_config *config, fcc_error *error)
{
    struct site s = { .config = *config };
    int signals = watch_signals();
    fcc_status st = FCC_OK;

    s.children = calloc(config->n, sizeof(*s.children));
    if (signals < 0 || !s.children)
        st = fcc_error_set(error, FCC_ERR_NOMEM, "cannot watch for signals: %s", strerror(errno));
    for (size_t i = 0; st == FCC_OK && i < config->n; i++)
        st = host_child_init(&s.children[i], &config->v[i], config->drain_seconds, error);
    if (st == FCC_OK)
        st = host_admin_new(config->admin, s.children, config->n, &s.stopping, &s.admin, error);
    if (st == FCC_OK) {
        fcc__log(FCC__INFO, "%zu chaincodes of %s; admin at %.*s:%d", config->n, config->path,
                 (int)(strrchr(config->admin, ':') - config->admin), config->admin, host_admin_port(s.admin));
        run(&s, signals);
        fcc__log(FCC__INFO, "all chaincodes have ended");
    }
    host_admin_free(s.admin);
    for (size_t i = 0; s.children && i < config->n; i++)
        host_child_clear(&s.children[i]);
    free(s.children);
    if (signals >= 0)
        close(signals);
    return st;
}

int main(int argc, char **argv)
{
    static const struct option options[] = { { "check", no_argument, NULL, 'c' },
                                             { "json", no_argument, NULL, 'j' },
                                             { "help", no_argument, NULL, 'h' },
                                             { NULL, 0, NULL, 0 } };
    bool check = false, as_json = false;
    fcc_error error = { .status = FCC_ERR_NOMEM, .text = "out of memory" };
    host_config config;
    fcc__arena *arena;
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
    }
    if (optind + 1 != argc) {
        fputs("fcc-host: E-CLI-03 expected one YAML file; fcc-host --help tells what it takes\n", stderr);
        return 1;
    }
    fcc__log_who("fcc-host");
    arena = fcc__arena_new(CONFIG_BYTES);
    st = arena ? host_config_read(argv[optind], geteuid() == 0, arena, &config, &error) : FCC_ERR_NOMEM;
    if (st == FCC_OK && check)
        print_checked(&config, as_json);
    else if (st == FCC_OK)
        st = serve(&config, &error);
    if (st != FCC_OK)
        print_error(&error, check && as_json);
    fcc__arena_free(arena);
    return st == FCC_OK ? 0 : 1;
}
