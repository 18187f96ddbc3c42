/* See programs.h. A process dies with medsync, however that ends: PR_SET_PDEATHSIG. */
#include "native/programs.h"

#include "base/durable.h"
#include "base/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
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

enum {
    STEADY_MS = 20000,
    BACKOFF_FIRST_MS = 1000,
    BACKOFF_MAX_MS = 30000,
    STOP_MS = 8000,
    NAP_MS = 20,
    FREE_PORT_TRIES = 1000
};

int64_t native_now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void nap(int ms)
{
    const struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };

    nanosleep(&ts, NULL);
}

static int any_free_port(void)
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

/* The kernel may give a port again that it has just given and that nobody listens at yet. */
int native_free_port(void)
{
    static bool given[UINT16_MAX + 1];

    for (int tries = 0; tries < FREE_PORT_TRIES; tries++) {
        const int port = any_free_port();

        if (port && !given[port]) {
            given[port] = true;
            return port;
        }
    }
    return 0;
}

static void child(const native_program *p, pid_t parent, int log)
{
    sigset_t none;
    int null = open("/dev/null", O_RDONLY);

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(0);
    setpgid(0, 0); /* an interrupt typed at the terminal is for medsync, which then stops its processes */
    if (null >= 0)
        dup2(null, STDIN_FILENO);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    execve(p->argv[0], (char *const *)(uintptr_t)p->argv, (char *const *)(uintptr_t)p->env);
    _exit(127);
}

fcc_status native_program_start(native_program *p, fcc_error *error)
{
    const pid_t parent = getpid();
    int log = open(p->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    pid_t pid;

    if (log < 0)
        return fcc_error_set(error, FCC_ERR_IO, "%s: %s", p->log, strerror(errno));
    pid = fork();
    if (pid == 0)
        child(p, parent, log);
    close(log);
    if (pid < 0)
        return fcc_error_set(error, FCC_ERR_IO, "%s cannot be started: %s", p->argv[0], strerror(errno));
    p->pid = pid;
    p->started_ms = native_now_ms();
    p->start_at_ms = 0;
    return FCC_OK;
}

static bool answers(const char *address)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    const char *colon = strrchr(address, ':');
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is;

    if (fd < 0 || !colon)
        return false;
    to.sin_port = htons((uint16_t)atoi(colon + 1));
    is = connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0;
    close(fd);
    return is;
}

/* Whether it has ended; then the pid is gone. */
static bool has_ended(native_program *p, int *status)
{
    if (p->pid == 0 || waitpid(p->pid, status, WNOHANG) != p->pid)
        return false;
    p->pid = 0;
    return true;
}

fcc_status native_program_await(native_program *p, int seconds, fcc_error *error)
{
    const int64_t until = native_now_ms() + seconds * 1000;
    int status = 0;

    while (!p->address || !answers(p->address)) {
        if (has_ended(p, &status))
            return fcc_error_set(error, FCC_ERR_IO, "%s ended at its start; its log tells why: %s", p->name, p->log);
        if (!p->address)
            return FCC_OK;
        if (native_now_ms() > until)
            return fcc_error_set(error, FCC_ERR_IO, "%s does not listen on %s after %d s; its log: %s", p->name,
                                 p->address, seconds, p->log);
        nap(NAP_MS);
    }
    return FCC_OK;
}

/* ---- as long as the network runs ---------------------------------------------------------------------------------- */

static void write_list(const native_program *v, size_t count, const char *path)
{
    json_t *all = json_object();
    char *text;
    fcc_error error;

    for (size_t i = 0; i < count; i++)
        json_object_set_new(all, v[i].name,
                            json_pack("{s:I, s:s*}", "pid", (json_int_t)v[i].pid, "address", v[i].address));
    text = json_dumps(all, JSON_INDENT(2) | JSON_SORT_KEYS);
    if (text && fcc__write_whole(path, fcc_str(text), &error) != FCC_OK)
        fcc__log(FCC__WARN, "%s", error.text);
    free(text);
    json_decref(all);
}

static void take_note(native_program *p)
{
    int status = 0, pause = BACKOFF_FIRST_MS;

    if (!has_ended(p, &status))
        return;
    if (native_now_ms() - p->started_ms > STEADY_MS)
        p->failures = 0;
    for (unsigned i = 0; i < p->failures && pause < BACKOFF_MAX_MS; i++)
        pause *= 2;
    p->failures++;
    p->start_at_ms = native_now_ms() + (pause < BACKOFF_MAX_MS ? pause : BACKOFF_MAX_MS);
    fcc__log(FCC__WARN, "%s ended (%s %d) and is started again; its log: %s", p->name,
             WIFSIGNALED(status) ? "signal" : "exit status",
             WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), p->log);
}

void native_programs_watch(native_program *v, size_t count, const char *list)
{
    const struct timespec tick = { 0, 200 * 1000000L };
    sigset_t signals;
    fcc_error error;
    bool changed = true;
    int got;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGCHLD);
    do {
        if (changed)
            write_list(v, count, list);
        changed = false;
        got = sigtimedwait(&signals, NULL, &tick);
        for (size_t i = 0; i < count; i++) {
            take_note(&v[i]);
            if (v[i].pid || !v[i].start_at_ms || native_now_ms() < v[i].start_at_ms)
                continue;
            changed = true;
            if (native_program_start(&v[i], &error) != FCC_OK)
                fcc__log(FCC__WARN, "%s", error.text);
        }
    } while (got != SIGTERM && got != SIGINT);
}

static void stop_those(native_program *v, size_t count, bool last)
{
    const int64_t until = native_now_ms() + STOP_MS;
    size_t running;
    int status;

    for (size_t i = 0; i < count; i++)
        if (v[i].pid && v[i].last == last)
            kill(v[i].pid, SIGTERM);
    do {
        running = 0;
        for (size_t i = 0; i < count; i++)
            if (v[i].pid && v[i].last == last && !has_ended(&v[i], &status))
                running++;
        if (running)
            nap(NAP_MS);
    } while (running && native_now_ms() < until);
    for (size_t i = 0; i < count; i++)
        if (v[i].pid && v[i].last == last) {
            kill(v[i].pid, SIGKILL);
            waitpid(v[i].pid, &status, 0);
            v[i].pid = 0;
        }
}

void native_programs_stop(native_program *v, size_t count)
{
    stop_those(v, count, false);
    stop_those(v, count, true);
}
