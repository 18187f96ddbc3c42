/* The hospital's custodian as a process of its own, and what the doctor asks it. */
#include "cli/demo.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* `medsync custodian --user custodian1`, as anybody would type it; its log is log/custodian.log. */
bool demo_custodian_start(demo *d)
{
    char own[4096], log[4096], line[256] = "";
    int pipes[2];
    pid_t pid;
    FILE *said;

    if (!cli_own_path(own, sizeof(own)))
        return demo_wrong("this executable cannot be found");
    snprintf(log, sizeof(log), "%s/log/custodian.log", d->dir);
    if (pipe2(pipes, O_CLOEXEC) != 0)
        return demo_wrong("pipe: %s", strerror(errno));
    fflush(NULL);
    pid = fork();
    if (pid < 0) {
        close(pipes[0]);
        close(pipes[1]);
        return demo_wrong("fork: %s", strerror(errno));
    }
    if (pid == 0) {
        if (dup2(pipes[1], STDOUT_FILENO) < 0 || !freopen(log, "a", stderr))
            _exit(127);
        execl(own, "medsync", "custodian", "--dir", d->dir, "--user", "custodian1", (char *)NULL);
        _exit(127);
    }
    d->custodian_pid = pid;
    close(pipes[1]);
    said = fdopen(pipes[0], "r");
    /* it says where it listens, or ends */
    if (!said || !fgets(line, sizeof(line), said)) {
        if (said)
            fclose(said);
        else
            close(pipes[0]);
        return demo_wrong("the custodian does not start: see %s", log);
    }
    fclose(said);
    line[strcspn(line, "\n")] = '\0';
    demo_ok("%s", line);
    return true;
}

void demo_custodian_stop(demo *d)
{
    custodian_disconnect(d->reader);
    d->reader = NULL;
    if (d->custodian_pid <= 0)
        return;
    kill(d->custodian_pid, SIGTERM);
    while (waitpid(d->custodian_pid, NULL, 0) < 0 && errno == EINTR)
        ;
    d->custodian_pid = 0;
}

bool demo_keys(demo *d, const char *const *rec_ids, size_t count, custodian_key *out)
{
    custodian_address where;
    fcc_error error = { 0 };
    size_t i;

    fcc__arena_reset(d->arena);
    if (!d->reader && (custodian_find(d->dir, "HospitalMSP", d->arena, &where, &error) != FCC_OK ||
                       custodian_connect(&where, d->doctor.who, &d->reader, &error) != FCC_OK))
        return demo_wrong("%s", error.text);
    if (custodian_ask(d->reader, d->allowed, rec_ids, count, out, &error) != FCC_OK)
        return demo_wrong("%s", error.text);
    for (i = 0; i < count; i++)
        if (!out[i].released)
            return demo_wrong("the custodian does not release the key of record %.8s...", rec_ids[i]);
    return true;
}
