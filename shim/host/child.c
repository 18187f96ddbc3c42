/* See child.h. */
#include "host/child.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    BACKOFF_FIRST_MS = 50,
    BACKOFF_MAX_MS = 10000,
    STEADY_MS = 2000,
    LEAVE_GRACE_MS = 2000,
    CHILD_FD = 3,
    OWN_VARIABLES = 16
};

/* Of fcc-host's own environment a chaincode gets these alone. */
static const char *const inherited[] = { "PATH", "TZ", "LANG", "LC_ALL" };

int64_t host_now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- the memory of the counters ---- */

fcc_status host_child_init(host_child *c, const host_chaincode *chaincode, int64_t drain_seconds, fcc_error *error)
{
    fcc__counters *counters;
    int fd = memfd_create("fcc-counters", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    /* sealed, so that no process can cut off what others read */
    if (fd < 0 || ftruncate(fd, sizeof(*counters)) != 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        if (fd >= 0)
            close(fd);
        return fcc_error_set(error, FCC_ERR_IO, "no memory to be shared with %s: %s", chaincode->name, strerror(errno));
    }
    counters = mmap(NULL, sizeof(*counters), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (counters == MAP_FAILED) {
        close(fd);
        return fcc_error_set(error, FCC_ERR_NOMEM, "no memory to be shared with %s: %s", chaincode->name,
                             strerror(errno));
    }
    fcc__counters_restart(counters);
    *c = (host_child){
        .chaincode = chaincode,
        .drain_seconds = drain_seconds,
        .counters_fd = fd,
        .counters = counters,
        .start_at_ms = host_now_ms(),
    };
    return FCC_OK;
}

void host_child_clear(host_child *c)
{
    if (!c->counters)
        return;
    munmap(c->counters, sizeof(*c->counters));
    close(c->counters_fd);
    c->counters = NULL;
}

/* ---- what the process is given ---- */

struct environment {
    char **v;
    size_t n;
    bool failed;
};

static void add(struct environment *e, const char *name, const char *value)
{
    char *text;

    if (!value || e->failed)
        return;
    if (asprintf(&text, "%s=%s", name, value) < 0) {
        e->failed = true;
        return;
    }
    e->v[e->n++] = text;
}

static void add_number(struct environment *e, const char *name, int64_t value)
{
    char text[24];

    snprintf(text, sizeof(text), "%lld", (long long)value);
    add(e, name, text);
}

static bool make_environment(struct environment *e, const host_child *c)
{
    const host_chaincode *cc = c->chaincode;

    *e = (struct environment){ .v = calloc(cc->env_count + OWN_VARIABLES + 4, sizeof(*e->v)) };
    if (!e->v)
        return false;
    for (size_t i = 0; i < sizeof(inherited) / sizeof(inherited[0]); i++)
        add(e, inherited[i], getenv(inherited[i]));
    add(e, "CHAINCODE_SERVER_ADDRESS", cc->address);
    add(e, "CHAINCODE_ID", cc->ccid);
    add(e, "CORE_CHAINCODE_ID_NAME", cc->ccid);
    add(e, "CHAINCODE_TLS_DISABLED", cc->tls_cert ? "false" : "true");
    add(e, "CHAINCODE_TLS_CERT", cc->tls_cert);
    add(e, "CHAINCODE_TLS_KEY", cc->tls_key);
    add(e, "CHAINCODE_CLIENT_CA_CERT", cc->tls_client_ca);
    add(e, "CORE_CHAINCODE_LOGGING_LEVEL", cc->log_level);
    if (cc->budget_ms >= 0)
        add_number(e, "CHAINCODE_HANDLER_BUDGET_MS", cc->budget_ms);
    add_number(e, "CHAINCODE_DRAIN_SECONDS", c->drain_seconds);
    add_number(e, "FCC_COUNTERS_FD", CHILD_FD);
    for (size_t i = 0; i < cc->env_count && !e->failed; i++) {
        e->v[e->n] = strdup(cc->env[i]);
        e->failed = !e->v[e->n++];
    }
    return !e->failed;
}

static void free_environment(struct environment *e)
{
    for (size_t i = 0; e->v && i < e->n; i++)
        free(e->v[i]);
    free(e->v);
}

/* ---- between fork and exec ---- */

/* There is one thread, so that more than system calls is safe here. */
static void give_up(const char *what)
{
    fcc__log_code(FCC__ERROR, FCC__E_HOST_START, "%s: %s", what, strerror(errno));
    _exit(127);
}

static void set_limits(const host_chaincode *cc)
{
    /* 1: neither as a file nor through a pipe, where 0 would still let it go; see core(5) */
    const struct rlimit none = { 1, 1 };
    struct rlimit data = { (rlim_t)cc->memory_mb << 20, (rlim_t)cc->memory_mb << 20 };

    if (setrlimit(RLIMIT_CORE, &none) != 0) /* a core holds the data of transactions */
        give_up("cannot forbid core files");
    if (cc->memory_mb && setrlimit(RLIMIT_DATA, &data) != 0)
        give_up("cannot set memory_mb");
}

static void drop_privileges(const host_chaincode *cc)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        give_up("cannot set no_new_privs");
    if (!cc->drops)
        return;
    if (setgroups(0, NULL) != 0 || setresgid(cc->gid, cc->gid, cc->gid) != 0)
        give_up("cannot become the group of the chaincode");
    if (setresuid(cc->uid, cc->uid, cc->uid) != 0)
        give_up("cannot become the user of the chaincode");
    if (cc->uid != 0 && setuid(0) == 0) {
        errno = EPERM;
        give_up("root's rights came back");
    }
}

static void become(const host_child *c, pid_t parent, const struct environment *e)
{
    char *arguments[] = { (char *)(uintptr_t)c->chaincode->exec, NULL };
    sigset_t none;
    int null = open("/dev/null", O_RDONLY);

    setpgid(0, 0); /* an interrupt typed at the terminal is for fcc-host, which then has the chaincodes end */
    signal(SIGPIPE, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        give_up("cannot open /dev/null");
    if (c->counters_fd == CHILD_FD ? fcntl(CHILD_FD, F_SETFD, 0) != 0 : dup2(c->counters_fd, CHILD_FD) < 0)
        give_up("cannot hand on the counters");
    close_range(CHILD_FD + 1, ~0u, 0); /* all of them are closed at exec anyway, unless a library forgot */
    umask(077);
    set_limits(c->chaincode);
    drop_privileges(c->chaincode);
    /* behind the change of user, which takes it back */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        give_up("cannot ask to die with fcc-host");
    if (getppid() != parent)
        _exit(127); /* fcc-host ended meanwhile */
    execve(c->chaincode->exec, arguments, e->v);
    give_up(c->chaincode->exec);
}

/* ---- start and end ---- */

/* How long until then, in milliseconds. */
static int64_t start_later(host_child *c)
{
    int64_t wait = 0;

    if (c->failures > 1) {
        unsigned doublings = c->failures - 2 < 16 ? c->failures - 2 : 16;

        wait = (int64_t)BACKOFF_FIRST_MS << doublings;
        if (wait > BACKOFF_MAX_MS)
            wait = BACKOFF_MAX_MS;
    }
    c->start_at_ms = host_now_ms() + wait;
    return wait;
}

/* Processes that the kernel has ended for want of memory; -1 where it does not say. */
static int64_t count_oom_kills(void)
{
    FILE *file = fopen("/proc/vmstat", "re");
    char line[128];
    long long n = -1;

    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, "oom_kill %lld", &n) == 1)
            break;
    if (file)
        fclose(file);
    return n;
}

void host_child_start_if_due(host_child *c)
{
    struct environment e;
    pid_t parent = getpid(), pid = -1;

    if (c->pid || !c->start_at_ms || c->stopping || host_now_ms() < c->start_at_ms)
        return;
    c->start_at_ms = 0;
    fcc__counters_restart(c->counters);
    if (make_environment(&e, c))
        pid = fork();
    if (pid == 0)
        become(c, parent, &e);
    free_environment(&e);
    if (pid < 0) {
        fcc__log_code(FCC__ERROR, FCC__E_HOST_START, "chaincode %s cannot be started: %s", c->chaincode->name,
                      strerror(errno));
        c->failures++;
        start_later(c);
        return;
    }
    c->pid = pid;
    c->oom_kills = count_oom_kills();
    c->started_ms = host_now_ms();
    fcc__log(FCC__INFO, "chaincode %s started as process %d, package id %s", c->chaincode->name, (int)pid,
             c->chaincode->ccid);
}

static void describe(int status, char *out, size_t size)
{
    const char *name = WIFSIGNALED(status) ? sigabbrev_np(WTERMSIG(status)) : NULL;

    if (name)
        snprintf(out, size, "was ended by SIG%s", name);
    else if (WIFSIGNALED(status))
        snprintf(out, size, "was ended by signal %d", WTERMSIG(status));
    else
        snprintf(out, size, "ended with exit status %d", WEXITSTATUS(status));
}

/* What the process has left behind of who ran in it. */
static void tell_who_ran(const host_child *c)
{
    for (size_t i = 0; i < FCC__SHOWN; i++) {
        const fcc__shown *shown = &c->counters->shown[i];
        uint64_t function = fcc__counted(&shown->function);
        char name[FCC__NAME_BYTES], channel[FCC__SHOWN_BYTES], tx_id[FCC__SHOWN_BYTES];

        if (function == 0 || function > FCC__COUNTED_FUNCTIONS)
            continue;
        fcc__counters_name(c->counters->functions[function - 1].name, name);
        fcc__counters_shown(shown->channel, channel);
        fcc__counters_shown(shown->tx_id, tx_id);
        fcc__log_code_with(FCC__ERROR, FCC__E_CRASH_RAN, "it ran then, and is lost",
                           (const fcc__log_field[]){
                               { "chaincode", fcc_str(c->chaincode->name), false },
                               { "channel", fcc_str(channel), false },
                               { "tx", fcc_str(tx_id), false },
                               { "function", fcc_str(name), false },
                           },
                           4);
    }
}

/* Neither on its way out nor told to end: somebody else has sent this SIGKILL. */
static void tell_killed(const host_child *c, pid_t pid)
{
    int64_t kills = count_oom_kills();

    fcc__log_code(FCC__ERROR, FCC__E_HOST_KILLED, "chaincode %s (process %d) was ended by a SIGKILL from elsewhere: %s",
                  c->chaincode->name, (int)pid,
                  c->oom_kills >= 0 && kills > c->oom_kills
                      ? "the kernel has ended processes because memory was used up"
                      : "memory may be used up");
    tell_who_ran(c);
}

/* Who left is followed, or not. */
static void make_way(host_child *c)
{
    c->leaving = false;
    c->gone = !c->next;
    if (c->gone)
        return;
    c->chaincode = c->next;
    c->next = NULL;
    c->failures = 0;
    c->ended = false;
    c->start_at_ms = host_now_ms();
}

void host_child_change(host_child *c, const host_chaincode *chaincode, int64_t drain_seconds)
{
    bool same = chaincode && !c->leaving && c->drain_seconds == drain_seconds &&
                host_chaincode_same(c->chaincode, chaincode);

    if (same) {
        c->chaincode = chaincode;
        if (c->pid && chaincode->tls_cert && fcc__counted(&c->counters->serving) == FCC__SERVING)
            kill(c->pid, SIGHUP); /* who does not serve yet reads the new ones, or ends by a signal it does not know */
        return;
    }
    fcc__log(FCC__INFO, "SIGHUP: chaincode %s %s", c->chaincode->name, chaincode ? "has changed" : "is gone");
    c->next = chaincode;
    if (!c->pid) {
        c->start_at_ms = 0;
        make_way(c);
    } else if (!c->leaving) {
        c->leaving = true;
        c->kill_at_ms = host_now_ms() + c->drain_seconds * 1000 + LEAVE_GRACE_MS;
        kill(c->pid, SIGTERM);
    }
    c->drain_seconds = drain_seconds;
}

void host_child_reap(host_child *c)
{
    char how[64];
    int64_t ran_ms, wait_ms;
    pid_t pid = c->pid;
    bool served;
    int status;

    if (!pid || waitpid(pid, &status, WNOHANG) != pid)
        return;
    c->pid = 0;
    served = fcc__counted(&c->counters->serving) != FCC__STARTING;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && !c->stopping && !c->leaving)
        tell_killed(c, pid);
    fcc__counters_restart(c->counters);
    describe(status, how, sizeof(how));
    ran_ms = host_now_ms() - c->started_ms;
    c->ended = WIFEXITED(status) && WEXITSTATUS(status) == 0 && !c->leaving;
    if (c->stopping || c->ended || c->leaving)
        fcc__log(FCC__INFO, "chaincode %s (process %d) %s", c->chaincode->name, (int)pid, how);
    if (c->leaving && !c->stopping)
        make_way(c);
    if (c->stopping || c->ended || c->gone || c->start_at_ms)
        return;
    if (served && WIFEXITED(status) && WEXITSTATUS(status) == FCC__EXIT_REPLACE) {
        c->replacements++;
        c->start_at_ms = host_now_ms();
        fcc__log_code(FCC__WARN, FCC__E_TIME_HELD, "chaincode %s (process %d) asks to be replaced: starting it again",
                      c->chaincode->name, (int)pid);
        return;
    }
    c->failures = ran_ms >= STEADY_MS ? 1 : c->failures + 1;
    c->restarts++;
    wait_ms = start_later(c);
    fcc__log_code(FCC__ERROR, FCC__E_HOST_CRASH,
                  "chaincode %s (process %d) %s after %lld ms: starting it again in %lld ms", c->chaincode->name,
                  (int)pid, how, (long long)ran_ms, (long long)wait_ms);
}

void host_child_stop(host_child *c, int signal_number)
{
    c->stopping = true;
    c->start_at_ms = 0;
    if (c->pid)
        kill(c->pid, signal_number);
}

host_state host_child_state(const host_child *c)
{
    if (!c->pid)
        return c->ended || c->stopping ? HOST_ENDED : HOST_DOWN;
    if (c->stopping || c->leaving)
        return HOST_DRAINING;
    switch (fcc__counted(&c->counters->serving)) {
    case FCC__SERVING:
        return HOST_SERVING;
    case FCC__DRAINING:
        return HOST_DRAINING;
    default:
        return HOST_STARTING;
    }
}

const char *host_state_name(host_state state)
{
    static const char *const names[] = { "down", "starting", "serving", "draining", "ended" };

    return names[state];
}
