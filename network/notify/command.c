/* Notices as input of a program that is run for each of them. */
#include "notify/private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

typedef struct command {
    char *const *argv; /* borrowed: the command line of the process */
    int timeout_s;
} command;

/*
 * The environment with the notice's id and kind, and without the passphrase of the user's key, which is no program's business;
 * the strings are the caller's. NULL: out of memory.
 */
static char **environment_with(char *id, char *kind)
{
    static const char secret[] = "MEDSYNC_KEY_PASSPHRASE";
    size_t n = 0;
    char **e;

    while (environ[n])
        n++;
    e = calloc(n + 3, sizeof(*e));
    if (!e)
        return NULL;
    n = 0;
    for (char **v = environ; *v; v++)
        if (strncmp(*v, secret, sizeof(secret) - 1) != 0)
            e[n++] = *v;
    e[n] = id;
    e[n + 1] = kind;
    return e;
}

/* A file without a name, at its begin. -1 with errno. */
static int input_of(const char *text)
{
    size_t len = strlen(text);
    FILE *f = tmpfile();
    int fd;

    if (!f)
        return -1;
    fd = fwrite(text, 1, len, f) == len && fputc('\n', f) != EOF && fflush(f) == 0 && lseek(fileno(f), 0, SEEK_SET) == 0
             ? fcntl(fileno(f), F_DUPFD_CLOEXEC, 3)
             : -1;
    fclose(f);
    return fd;
}

static fcc_status wait_for(const command *c, pid_t pid, fcc_error *error)
{
    struct pollfd ended = { .fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN };
    int status, got;

    do
        got = poll(&ended, 1, c->timeout_s * 1000);
    while (got < 0 && errno == EINTR);
    if (got == 0)
        kill(-pid, SIGKILL); /* its group: what it has started as well */
    if (ended.fd >= 0)
        close(ended.fd);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (got == 0)
        return fcc_error_set(error, FCC_ERR_TIMEOUT, "%s was ended: it took more than %d s", c->argv[0], c->timeout_s);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return FCC_OK;
    return WIFEXITED(status)
               ? fcc_error_set(error, FCC_ERR_PEER, "%s ended with status %d", c->argv[0], WEXITSTATUS(status))
               : fcc_error_set(error, FCC_ERR_PEER, "%s was ended by signal %d", c->argv[0], WTERMSIG(status));
}

static fcc_status run(void *self, const notice *n, fcc_error *error)
{
    const command *c = self;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    char id[320], kind[64], **with;
    int input, failed;
    pid_t pid;

    snprintf(id, sizeof(id), "MEDSYNC_NOTICE_ID=%s", n->id);
    snprintf(kind, sizeof(kind), "MEDSYNC_NOTICE_KIND=%s", n->kind);
    with = environment_with(id, kind);
    input = with ? input_of(n->text) : -1;
    if (input < 0) {
        free(with);
        return fcc_error_set(error, FCC_ERR_IO, "the notice cannot be handed over: %s", strerror(errno));
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input, 0);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    failed = posix_spawnp(&pid, c->argv[0], &actions, &attributes, c->argv, with);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    close(input);
    free(with);
    if (failed)
        return fcc_error_set(error, FCC_ERR_IO, "%s: %s", c->argv[0], strerror(failed));
    return wait_for(c, pid, error);
}

fcc_status notify_to_command(char *const *argv, int timeout_s, notify_sink **out, fcc_error *error)
{
    command *c = calloc(1, sizeof(*c));

    if (!c)
        return fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
    c->argv = argv;
    c->timeout_s = timeout_s;
    return notify__sink("command", argv[0], c, run, free, out, error);
}
