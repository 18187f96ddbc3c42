/*
 * See process.h. Whether the process listens yet is found out with a plain connect every few milliseconds: gRPC's own
 * reconnection waits a second after the first refusal.
 *
 * A process dies with the devnet, however that ends: PR_SET_PDEATHSIG.
 */
#include "devnet/process.h"

#include "base/buf.h"
#include "base/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum {
    CONNECT_EVERY_MS = 5,
    BACKOFF_FIRST_MS = 10,
    BACKOFF_MAX_MS = 5000,
    STEADY_MS = 10000,  /* who ran that long starts with the first backoff again */
    HOPELESS_AFTER = 5, /* ends without a registration */
    STOP_MS = 2000,
};

struct devnet_process {
    devnet_process_options o; /* with strings of our own */
    pid_t pid;
    int port;
    int64_t started_ms;
    int backoff_ms;
    unsigned failures;
    bool was_ready, is_ready, stopping;
    bool idle;        /* on demand, and not wanted yet */
    rpc_timer *timer; /* the next start or the next connection */
    rpc_channel *channel;
    rpc_call *call;
    peer_session *session;
};

static void start_later(devnet_process *p);
static void connect_later(devnet_process *p, int ms);

static int64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- the process ------------------------------------------------------------------------------------------------- */

static int free_port(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof(address);
    int port = 0, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return 0;
    if (bind(fd, (struct sockaddr *)&address, len) == 0 && getsockname(fd, (struct sockaddr *)&address, &len) == 0)
        port = ntohs(address.sin_port);
    close(fd);
    return port;
}

/* The environment of the child, made before fork: between fork and exec only system calls are safe. */
struct environment {
    char **v;
    size_t n;
};

/* The passphrases (and the file with them) are for the keys of who has started the network. */
static const char *const own_variables[] = { "CHAINCODE_SERVER_ADDRESS=", "CHAINCODE_ID=",
                                             "CORE_CHAINCODE_ID_NAME=",   "CORE_PEER_LOCALMSPID=",
                                             "CHAINCODE_TLS_DISABLED=",   "MEDSYNC_KEY_PASSPHRASE" };

static bool is_own(const char *variable)
{
    for (size_t i = 0; i < sizeof(own_variables) / sizeof(own_variables[0]); i++)
        if (strncmp(variable, own_variables[i], strlen(own_variables[i])) == 0)
            return true;
    return false;
}

static void environment_free(struct environment *e)
{
    for (size_t i = 0; e->v && e->v[i]; i++)
        free(e->v[i]);
    free(e->v);
}

static bool environment_make(struct environment *e, const devnet_process *p)
{
    size_t inherited = 0;
    int made[4];

    while (environ[inherited])
        inherited++;
    e->n = 0;
    e->v = calloc(inherited + 5, sizeof(*e->v));
    if (!e->v)
        return false;
    for (size_t i = 0; i < inherited; i++) {
        if (is_own(environ[i]))
            continue;
        e->v[e->n] = strdup(environ[i]);
        if (!e->v[e->n++])
            return false;
    }
    made[0] = asprintf(&e->v[e->n++], "CHAINCODE_SERVER_ADDRESS=127.0.0.1:%d", p->port);
    made[1] = asprintf(&e->v[e->n++], "CHAINCODE_ID=%s", p->o.package_id);
    made[2] = asprintf(&e->v[e->n++], "CORE_PEER_LOCALMSPID=%s", peer_host_mspid(p->o.host));
    made[3] = asprintf(&e->v[e->n++], "CHAINCODE_TLS_DISABLED=true");
    for (size_t i = 0; i < 4; i++)
        if (made[i] < 0)
            return false;
    return !p->o.conditions || devnet_conditions_environment(p->o.conditions, &e->v);
}

static void child(const devnet_process *p, pid_t parent, int log, const struct environment *e)
{
    char *const arguments[] = { p->o.executable ? (char *)(uintptr_t)p->o.executable : NULL, NULL };
    sigset_t none;
    int null;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(0);  /* the devnet ended between fork and prctl */
    setpgid(0, 0); /* an interrupt typed at the terminal is for the devnet, which then stops its processes */
    null = open("/dev/null", O_RDONLY);
    if (null >= 0)
        dup2(null, STDIN_FILENO);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    if (p->o.conditions)
        devnet_conditions_enter(p->o.conditions);
    execve(p->o.executable, arguments, e->v);
    _exit(127);
}

static fcc_status launch(devnet_process *p, fcc_error *error)
{
    struct environment e = { NULL, 0 };
    fcc_status st = FCC_ERR_IO;
    pid_t parent = getpid(), pid;
    int log = -1;

    p->port = free_port();
    if (p->port == 0)
        return fcc_error_set(error, FCC_ERR_IO, "no free port on 127.0.0.1: %s", strerror(errno));
    if (!environment_make(&e, p)) {
        st = fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
        goto out;
    }
    log = open(p->o.log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (log < 0) {
        fcc_error_set(error, st, "%s: %s", p->o.log, strerror(errno));
        goto out;
    }
    pid = fork();
    if (pid == 0)
        child(p, parent, log, &e);
    if (pid < 0) {
        fcc_error_set(error, st, "%s cannot be started: %s", p->o.executable, strerror(errno));
        goto out;
    }
    p->pid = pid;
    p->started_ms = now_ms();
    st = FCC_OK;
out:
    if (log >= 0)
        close(log);
    environment_free(&e);
    return st;
}

static void start_task(void *ctx)
{
    devnet_process *p = ctx;
    fcc_error error;

    p->timer = NULL;
    if (launch(p, &error) == FCC_OK) {
        connect_later(p, CONNECT_EVERY_MS);
        return;
    }
    fcc__log_code(FCC__ERROR, FCC__E_NET_CHAINCODE, "chaincode %s of %s: %s", p->o.name, peer_host_mspid(p->o.host),
                  error.text);
    start_later(p);
}

static void start_later(devnet_process *p)
{
    rpc_timer_cancel(p->timer);
    p->timer = NULL;
    if (p->stopping)
        return;
    p->timer = rpc_timer_start(p->o.loop, p->backoff_ms, start_task, p);
    p->backoff_ms = p->backoff_ms * 2 < BACKOFF_MAX_MS ? p->backoff_ms * 2 : BACKOFF_MAX_MS;
}

void devnet_process_reap(devnet_process *p)
{
    char how[64];
    int status;

    if (p->pid <= 0 || waitpid(p->pid, &status, WNOHANG) != p->pid)
        return;
    if (WIFSIGNALED(status))
        snprintf(how, sizeof(how), "was ended by signal %d", WTERMSIG(status));
    else
        snprintf(how, sizeof(how), "ended with exit status %d", WEXITSTATUS(status));
    p->pid = 0;
    if (p->stopping)
        return;
    if (now_ms() - p->started_ms > STEADY_MS)
        p->backoff_ms = BACKOFF_FIRST_MS;
    fcc__log_code(FCC__WARN, FCC__E_NET_CHAINCODE, "chaincode %s of %s %s: starting it again in %d ms; its log: %s",
                  p->o.name, peer_host_mspid(p->o.host), how, p->backoff_ms, p->o.log);
    if (!p->was_ready && ++p->failures >= HOPELESS_AFTER && p->o.hopeless) {
        char why[512];

        snprintf(why, sizeof(why), "chaincode %s of %s %s each time it was started: see %s", p->o.name,
                 peer_host_mspid(p->o.host), how, p->o.log);
        p->idle = p->o.on_demand;
        p->o.hopeless(p->o.ctx, why);
        return;
    }
    if (p->call)
        rpc_cancel(p->call);
    start_later(p);
}

/* ---- the stream -------------------------------------------------------------------------------------------------- */

static void send_message(void *ctx, fcc_bytes message)
{
    devnet_process *p = ctx;

    if (p->call && rpc_send(p->call, message) != FCC_OK)
        rpc_cancel(p->call);
}

static void registered(void *ctx)
{
    devnet_process *p = ctx;
    bool first = !p->was_ready;

    p->is_ready = true;
    p->was_ready = true;
    fcc__log(FCC__INFO, "chaincode %s of %s is ready after %lld ms", p->o.name, peer_host_mspid(p->o.host),
             (long long)(now_ms() - p->started_ms));
    if (first && p->o.ready)
        p->o.ready(p->o.ctx);
}

static void on_message(rpc_call *call, void *ctx, fcc_bytes message)
{
    devnet_process *p = ctx;
    fcc_error error;

    if (!p->session || peer_session_receive(p->session, message, &error) == FCC_OK)
        return;
    fcc__log_code(FCC__ERROR, FCC__E_NET_CHAINCODE, "chaincode %s of %s: %s", p->o.name, peer_host_mspid(p->o.host),
                  error.text);
    rpc_cancel(call);
}

static void on_closed(rpc_call *call, void *ctx, const rpc_status *status)
{
    devnet_process *p = ctx;
    peer_session *session = p->session;

    (void)call;
    (void)status;
    p->call = NULL;
    p->session = NULL;
    p->is_ready = false;
    rpc_channel_free(p->channel);
    p->channel = NULL;
    peer_session_free(session);
    if (p->pid > 0 && !p->stopping && !p->timer)
        connect_later(p, CONNECT_EVERY_MS);
}

static const rpc_events stream_events = { .on_message = on_message, .on_closed = on_closed };

/* Does something listen at the port? A connection on the loopback device succeeds or fails at once. */
static bool listens(int port)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool yes;

    if (fd < 0)
        return false;
    yes = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
    close(fd);
    return yes;
}

static fcc_status open_stream(devnet_process *p, fcc_error *error)
{
    const peer_stream stream = { .send = send_message, .ready = registered, .ctx = p };
    char address[32];
    fcc_status st;

    snprintf(address, sizeof(address), "127.0.0.1:%d", p->port);
    if ((st = rpc_channel_new(p->o.loop, address, NULL, &p->channel, error)) != FCC_OK)
        return st;
    p->session = peer_session_new(p->o.host, p->o.package_id, &stream);
    if (!p->session)
        return fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
    st = rpc_open(p->channel, "/protos.Chaincode/Connect", -1, false, &stream_events, p, &p->call);
    if (st != FCC_OK)
        return fcc_error_set(error, st, "the stream to %s cannot be opened", address);
    return FCC_OK;
}

static void connect_task(void *ctx)
{
    devnet_process *p = ctx;
    fcc_error error;

    p->timer = NULL;
    if (p->stopping || p->pid <= 0 || p->call)
        return;
    if (!listens(p->port)) {
        connect_later(p, CONNECT_EVERY_MS);
        return;
    }
    if (open_stream(p, &error) == FCC_OK)
        return;
    fcc__log_code(FCC__ERROR, FCC__E_NET_CHAINCODE, "chaincode %s of %s: %s", p->o.name, peer_host_mspid(p->o.host),
                  error.text);
    peer_session_free(p->session);
    p->session = NULL;
    rpc_channel_free(p->channel);
    p->channel = NULL;
    connect_later(p, 100);
}

static void connect_later(devnet_process *p, int ms)
{
    rpc_timer_cancel(p->timer);
    p->timer = rpc_timer_start(p->o.loop, ms, connect_task, p);
}

/* ---- from start to end ------------------------------------------------------------------------------------------- */

static void free_strings(devnet_process *p)
{
    free((char *)(uintptr_t)p->o.name);
    free((char *)(uintptr_t)p->o.executable);
    free((char *)(uintptr_t)p->o.package_id);
    free((char *)(uintptr_t)p->o.log);
}

fcc_status devnet_process_start(const devnet_process_options *options, devnet_process **out, fcc_error *error)
{
    devnet_process *p;
    fcc_status st;

    if (access(options->executable, X_OK) != 0)
        return fcc_error_set(error, FCC_ERR_CONFIG,
                             "the executable of chaincode %s is missing: %s: %s; build it with make, or give the "
                             "directory it is in",
                             options->name, options->executable, strerror(errno));
    p = calloc(1, sizeof(*p));
    if (!p)
        return fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
    p->o = *options;
    p->o.name = strdup(options->name);
    p->o.executable = strdup(options->executable);
    p->o.package_id = strdup(options->package_id);
    p->o.log = strdup(options->log);
    p->backoff_ms = BACKOFF_FIRST_MS;
    p->idle = options->on_demand;
    if (!p->o.name || !p->o.executable || !p->o.package_id || !p->o.log)
        st = fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
    else
        st = p->idle ? FCC_OK : launch(p, error);
    if (st != FCC_OK) {
        free_strings(p);
        free(p);
        return st;
    }
    if (!p->idle)
        connect_later(p, CONNECT_EVERY_MS);
    *out = p;
    return FCC_OK;
}

bool devnet_process_want(devnet_process *p)
{
    if (p->idle && !p->stopping) {
        p->idle = false;
        p->failures = 0;
        p->backoff_ms = BACKOFF_FIRST_MS;
        start_task(p);
    }
    return p->o.on_demand && !p->was_ready;
}

bool devnet_process_idle(const devnet_process *p)
{
    return p->idle;
}

bool devnet_process_ready(const devnet_process *p)
{
    return p->is_ready;
}

pid_t devnet_process_pid(const devnet_process *p)
{
    return p->pid;
}

void devnet_process_stop(devnet_process *p)
{
    p->stopping = true;
    rpc_timer_cancel(p->timer);
    p->timer = NULL;
    if (p->call)
        rpc_cancel(p->call);
    if (p->pid > 0)
        kill(p->pid, SIGTERM);
}

void devnet_process_free(devnet_process *p)
{
    const struct timespec pause = { 0, 2 * 1000 * 1000 };
    int64_t until;

    if (!p)
        return;
    if (!p->stopping)
        devnet_process_stop(p);
    while (p->call)
        rpc_loop_poll(p->o.loop, 10);
    until = now_ms() + STOP_MS;
    while (p->pid > 0) {
        pid_t ended = waitpid(p->pid, NULL, WNOHANG);

        if (ended == p->pid || (ended < 0 && errno == ECHILD))
            break;
        if (now_ms() > until) {
            kill(p->pid, SIGKILL);
            waitpid(p->pid, NULL, 0);
            break;
        }
        nanosleep(&pause, NULL);
    }
    free_strings(p);
    free(p);
}
