/* See target.h. */
#include "test/bench/target.h"

#include "test/support/certs.h"
#include "test/support/port.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void give_up(const char *what, const char *name)
{
    fprintf(stderr, "load: %s: %s\n", what, name);
    exit(1);
}

/* ---- certificates ---- */

struct bench_certs {
    char dir[32];
    test_cert ca, server, client;
};

static const char *const cert_files[] = { "ca.pem", "cert.pem", "key.pem" };

static void cert_path(const bench_certs *certs, size_t i, char *path, size_t size)
{
    snprintf(path, size, "%s/%s", certs->dir, cert_files[i]);
}

bench_certs *bench_certs_new(void)
{
    bench_certs *certs = calloc(1, sizeof(*certs));
    fcc_bytes content[3];

    if (!certs)
        give_up("out of memory", "certificates");
    strcpy(certs->dir, "/tmp/bench-XXXXXX");
    if (!mkdtemp(certs->dir))
        give_up("cannot make a folder", certs->dir);
    certs->ca = test_cert_make("ca", NULL);
    certs->server = test_cert_make("localhost", &certs->ca);
    certs->client = test_cert_make("peer", &certs->ca);
    content[0] = certs->ca.cert_pem;
    content[1] = certs->server.cert_pem;
    content[2] = certs->server.key_pem;
    for (size_t i = 0; i < 3; i++) {
        char path[64];
        FILE *file;

        cert_path(certs, i, path, sizeof(path));
        file = fopen(path, "w");
        if (!file || fwrite(content[i].data, content[i].len, 1, file) != 1 || fclose(file) != 0)
            give_up("cannot write", path);
    }
    return certs;
}

void bench_certs_free(bench_certs *certs)
{
    if (!certs)
        return;
    for (size_t i = 0; i < 3; i++) {
        char path[64];

        cert_path(certs, i, path, sizeof(path));
        unlink(path);
    }
    rmdir(certs->dir);
    test_cert_clear(&certs->ca);
    test_cert_clear(&certs->server);
    test_cert_clear(&certs->client);
    free(certs);
}

rpc_tls bench_certs_client(const bench_certs *certs)
{
    return (rpc_tls){ .cert = certs->client.cert_pem, .key = certs->client.key_pem, .ca = certs->ca.cert_pem };
}

/* ---- processes ---- */

static void become(const char *executable, const char *address, const bench_certs *certs)
{
    static const char *const variables[] = { "CHAINCODE_CLIENT_CA_CERT", "CHAINCODE_TLS_CERT", "CHAINCODE_TLS_KEY" };
    sigset_t none;
    int null = open("/dev/null", O_WRONLY);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (null >= 0) { /* what it logs is neither measured nor read */
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
    }
    setenv("CHAINCODE_SERVER_ADDRESS", address, 1);
    setenv("CHAINCODE_ID", "bench:0", 1);
    setenv("CORE_PEER_LOCALMSPID", "Org1MSP", 1);
    setenv("CHAINCODE_TLS_DISABLED", certs ? "false" : "true", 1);
    for (size_t i = 0; certs && i < 3; i++) {
        char path[64];

        cert_path(certs, i, path, sizeof(path));
        setenv(variables[i], path, 1);
    }
    execl(executable, executable, (char *)NULL);
    _exit(127);
}

bench_target bench_target_start(const char *name, const char *executable, const bench_certs *certs)
{
    bench_target target = { .name = name, .started = true };

    if (access(executable, X_OK) != 0)
        give_up("not an executable", executable);
    snprintf(target.address, sizeof(target.address), "127.0.0.1:%d", test_port());
    fflush(stdout);
    target.pid = fork();
    if (target.pid < 0)
        give_up("cannot start", executable);
    if (target.pid == 0)
        become(executable, target.address, certs);
    return target;
}

/* The inode of the socket that listens on this port, 0 when there is none. */
static unsigned long listener(const char *table, unsigned port)
{
    unsigned long found = 0;
    char line[512];
    FILE *file = fopen(table, "r");

    while (file && !found && fgets(line, sizeof(line), file)) {
        unsigned local, state;
        unsigned long inode;

        if (sscanf(line, "%*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*s %*s %lu", &local, &state,
                   &inode) == 3 &&
            local == port && state == 10)
            found = inode;
    }
    if (file)
        fclose(file);
    return found;
}

static bool holds(const char *pid, const char *socket_name)
{
    char path[300], link[64];
    struct dirent *entry;
    bool found = false;
    DIR *dir;

    snprintf(path, sizeof(path), "/proc/%s/fd", pid);
    dir = opendir(path);
    while (dir && !found && (entry = readdir(dir))) {
        ssize_t n = readlinkat(dirfd(dir), entry->d_name, link, sizeof(link) - 1);

        if (n > 0) {
            link[n] = 0;
            found = strcmp(link, socket_name) == 0;
        }
    }
    if (dir)
        closedir(dir);
    return found;
}

bench_target bench_target_at(const char *name, const char *address)
{
    bench_target target = { .name = name };
    const char *colon = strrchr(address, ':');
    unsigned port = colon ? (unsigned)strtoul(colon + 1, NULL, 10) : 0;
    unsigned long inode;
    char socket_name[64];
    struct dirent *entry;
    DIR *dir;

    if (!port)
        give_up("an address is HOST:PORT", address);
    snprintf(target.address, sizeof(target.address), "%s", address);
    inode = listener("/proc/net/tcp", port);
    if (!inode)
        inode = listener("/proc/net/tcp6", port);
    snprintf(socket_name, sizeof(socket_name), "socket:[%lu]", inode);
    dir = inode ? opendir("/proc") : NULL;
    while (dir && !target.pid && (entry = readdir(dir)))
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && holds(entry->d_name, socket_name))
            target.pid = (pid_t)strtol(entry->d_name, NULL, 10);
    if (dir)
        closedir(dir);
    return target;
}

void bench_target_stop(bench_target *target)
{
    if (target->started && target->pid > 0) {
        kill(target->pid, SIGTERM);
        waitpid(target->pid, NULL, 0);
    }
    target->pid = 0;
}

/* ---- what it costs ---- */

double bench_target_cpu_us(const bench_target *target)
{
    char path[300];
    struct dirent *entry;
    double sum = 0;
    DIR *dir;

    if (!target->pid)
        return 0;
    snprintf(path, sizeof(path), "/proc/%d/task", (int)target->pid);
    dir = opendir(path);
    while (dir && (entry = readdir(dir))) {
        unsigned long long ns = 0;
        FILE *file;

        snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", (int)target->pid, entry->d_name);
        file = entry->d_name[0] == '.' ? NULL : fopen(path, "r");
        if (file && fscanf(file, "%llu", &ns) == 1)
            sum += (double)ns / 1000;
        if (file)
            fclose(file);
    }
    if (dir)
        closedir(dir);
    return sum;
}

unsigned bench_target_memory_kb(const bench_target *target, const char *which)
{
    char path[64], line[128];
    size_t len = strlen(which);
    unsigned kb = 0;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)target->pid);
    file = target->pid ? fopen(path, "r") : NULL;
    while (file && fgets(line, sizeof(line), file))
        if (strncmp(line, which, len) == 0 && line[len] == ':')
            kb = (unsigned)strtoul(line + len + 1, NULL, 10);
    if (file)
        fclose(file);
    return kb;
}
