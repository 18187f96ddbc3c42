/*
 * medsync fabric: real Fabric from the same network file as the devnet. up, down, status: on this machine; prepare, join,
 * endpoints: in containers and on other machines.
 */
#include "cli/cli.h"
#include "cli/fabric.h"

#include "config/config.h"
#include "devnet/devnet.h"
#include "native/native.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_DIR "build/fabric"

static const char usage[] =
    "usage: medsync fabric up|down|status|prepare|join|endpoints [OPTION]...\n\n"
    "  up         start real Fabric on this machine: orderers and peers of a Fabric release, the chaincodes under "
    "fcc-host,\n"
    "             channel and chaincodes deployed, and the custodians to which --network gives an address; the same\n"
    "             directory continues its channel\n"
    "  down       stop it\n"
    "  status     does it run; exit status 1 when it doesn't\n"
    "  prepare    for containers and several machines: keys, channel and endpoints.json in DIR, each organisation's "
    "part\n"
    "             in the folder of --parts, for nodes that are reached by their full names; what is there is kept\n"
    "  join       have those nodes join the channel, as far as they have not\n"
    "  endpoints  write DIR/endpoints.json with the network file's addresses, and where custodians are: for who "
    "reaches\n"
    "             published ports. MEDSYNC_PORT_ORDERER0, MEDSYNC_PORT_HOSPITAL, MEDSYNC_PORT_HOSPITAL_CUSTODIAN and "
    "so\n"
    "             on in the environment are other ports, as docker-compose.yaml takes them\n\n"
    "  --dir DIR            the network's directory (" DEFAULT_DIR ")\n"
    "  --network FILE       the consortium (network/network.yaml); not for down and status\n"
    "  --json               status: one JSON object\n"
    "for prepare and join:\n"
    "  --org NAME           this organisation's part or nodes alone, from the keys and the genesis block that are in "
    "DIR\n"
    "  --parts DIR          prepare: where the parts go (DIR/nodes)\n"
    "  --fabric VERSION     prepare: the release that shall run, 2.5 or 3.1 (3.1)\n"
    "for up:\n"
    "  --detach             go to the background once it is ready; its log is DIR/log/network.log\n"
    "  --fabric-bin DIR     where the release's `orderer` and `peer` are (PATH)\n"
    "  --with NAME[=EXE]    also deploy chaincode NAME, whose program is EXE (NAME) in --bin; repeatable\n"
    "  --ports auto         take free ports instead of those of the network file; endpoints.json tells which\n"
    "  --batch-timeout MS   how long the orderer waits for more transactions\n"
    "  --bin DIR            where fcc-host and the chaincodes' programs are (beside this one)\n\n"
    "FABRIC_LOGGING_SPEC in the environment says what orderer and peers log (warning).\n"
    "The directory is used by invoke, query, events and the other commands as a devnet's is: --dir DIR.\n";

enum { WITH_MAX = 16, STOP_MS = 40000, READY_CHAR = '+' };

typedef struct fabric_options {
    native_options native;
    const char *network_file;
    char *with[WITH_MAX];
    size_t with_count;
    int64_t batch_timeout_ms;
    bool detach;
    int ready_end;
    const char *parts, *org, *fabric;
    bool json;
} fabric_options;

static void tell_line(void *ctx, const char *line)
{
    (void)ctx;
    printf("%s\n", line);
    fflush(stdout);
}

static void tell_ready(void *ctx)
{
    fabric_options *o = ctx;
    const char ready = READY_CHAR;

    if (o->ready_end >= 0) {
        if (write(o->ready_end, &ready, 1) == 1)
            close(o->ready_end);
        o->ready_end = -1;
    } else {
        printf("Fabric is ready in %s\n", o->native.dir);
        fflush(stdout);
    }
}

static fcc__code code_of(fcc_status st)
{
    return st == FCC_ERR_CONFIG ? FCC__E_NET_CONFIG : st == FCC_ERR_EXISTS ? FCC__E_NET_RUNS : FCC__E_NET_START;
}

static fcc_status read_network(fabric_options *o, fcc_error *error)
{
    static char chaincodes[4096], path[4352];
    fcc_status st = config_load(o->network_file, &o->native.network, error);

    for (size_t i = 0; st == FCC_OK && i < o->with_count; i++) {
        char *equals = strchr(o->with[i], '=');
        const char *exe = equals ? equals + 1 : o->with[i];

        if (equals)
            *equals = '\0';
        path[0] = '\0';
        if (cli_find_file("chaincode", chaincodes, sizeof(chaincodes)))
            snprintf(path, sizeof(path), "%s/%s/collections.json", chaincodes, exe);
        st = config_add_chaincode(o->native.network, o->with[i], exe, path[0] ? path : NULL, error);
    }
    if (st == FCC_OK && o->batch_timeout_ms)
        o->native.network->batch.timeout_ms = (uint32_t)o->batch_timeout_ms;
    return st;
}

static int run_here(fabric_options *o)
{
    fcc_error error = { 0 };
    fcc_status st = read_network(o, &error);

    o->native.ctx = o;
    o->native.tell = tell_line;
    o->native.ready = tell_ready;
    if (st == FCC_OK)
        st = native_run(&o->native, &error);
    config_free(o->native.network);
    if (st == FCC_OK)
        return CLI_OK;
    if (o->ready_end >= 0)
        dprintf(o->ready_end, "%s", error.text);
    return cli_failed("fabric", code_of(st), "%s", error.text);
}

/* The background process writes READY_CHAR, or why it ended, into the pipe. */
static int detach(fabric_options *o)
{
    char said[1100] = "", log[4096];
    size_t n = 0;
    ssize_t got;
    int ends[2], fd;
    pid_t pid;

    snprintf(log, sizeof(log), "%s/log", o->native.dir);
    mkdir(o->native.dir, 0755);
    mkdir(log, 0755);
    snprintf(log, sizeof(log), "%s/log/network.log", o->native.dir);
    fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0 || pipe2(ends, O_CLOEXEC) != 0)
        return cli_failed("fabric", FCC__E_CLI_FILE, "%s: %s", log, strerror(errno));
    fflush(NULL);
    pid = fork();
    if (pid < 0)
        return cli_failed("fabric", FCC__E_STAT_RES, "fork: %s", strerror(errno));
    if (pid == 0) {
        int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);

        close(ends[0]);
        setsid();
        if (nothing < 0 || dup2(nothing, 0) < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
            _exit(CLI_FAILED);
        o->ready_end = ends[1];
        _exit(run_here(o));
    }
    close(ends[1]);
    close(fd);
    while (n < sizeof(said) - 1 && ((got = read(ends[0], said + n, sizeof(said) - 1 - n)) > 0 || errno == EINTR)) {
        if (got <= 0)
            continue;
        n += (size_t)got;
        if (said[0] == READY_CHAR)
            break;
    }
    close(ends[0]);
    said[n] = '\0';
    if (said[0] != READY_CHAR)
        return cli_failed("fabric", FCC__E_NET_START, "%s (%s)", n ? said : "it ended before it was ready", log);
    printf("Fabric is ready in %s\n", o->native.dir);
    return CLI_OK;
}

/* Where the network file, Fabric's files and the chaincodes' programs are; -1, or the exit status. */
static int find_files(fabric_options *o)
{
    static char config[4096], own[4096];
    const int status = cli_network_file("fabric", &o->network_file);

    if (status >= 0)
        return status;
    if (!cli_find_file("network/fabric/core.yaml", config, sizeof(config)))
        return cli_failed("fabric", FCC__E_NET_CONFIG, "network/fabric/core.yaml is not here, nor beside this program");
    *strrchr(config, '/') = '\0';
    o->native.config_dir = config;
    if (!cli_own_path(own, sizeof(own)))
        return cli_failed("fabric", FCC__E_CLI_FILE, "this program cannot be found");
    o->native.medsync = own;
    if (!o->native.bin_dir)
        o->native.bin_dir = cli_own_dir();
    return -1;
}

static int up(fabric_options *o)
{
    const int status = find_files(o);

    if (status >= 0)
        return status;
    return o->detach ? detach(o) : run_here(o);
}

static int elsewhere(fabric_options *o, const char *what)
{
    fabric_parts parts = {
        .what = what, .dir = o->native.dir, .parts = o->parts, .org = o->org, .fabric = o->fabric, .tell = tell_line
    };
    fcc_error error = { 0 };
    const int status = find_files(o);
    fcc_status st;

    if (status >= 0)
        return status;
    st = read_network(o, &error);
    parts.network = o->native.network;
    parts.config_dir = o->native.config_dir;
    parts.bin_dir = o->native.bin_dir;
    if (st == FCC_OK)
        st = fabric_parts_run(&parts, &error);
    config_free(o->native.network);
    return st == FCC_OK ? CLI_OK : cli_failed("fabric", code_of(st), "%s", error.text);
}

static int down(const char *dir)
{
    fcc_error error = { 0 };
    fcc_status st = devnet_stop(dir, STOP_MS, &error);

    if (st == FCC_ERR_NOT_FOUND)
        return cli_failed("fabric", FCC__E_NET_NONE, "no network runs in %s", dir);
    if (st != FCC_OK)
        return cli_failed("fabric", code_of(st), "%s", error.text);
    printf("stopped\n");
    return CLI_OK;
}

static int status(const char *dir, bool as_json)
{
    devnet_found found;
    fcc_error error = { 0 };

    if (devnet_find(dir, &found, &error) != FCC_OK)
        return cli_failed("fabric", code_of(error.status), "%s", error.text);
    if (as_json) {
        json_t *o = json_pack("{s:s, s:b, s:b}", "dir", dir, "running", found.running, "ready", found.ready);

        if (found.running)
            json_object_set_new(o, "pid", json_integer(found.pid));
        cli_print_json(o);
    } else if (found.running)
        printf("Fabric in %s: process %ld, %s\n", dir, (long)found.pid, found.ready ? "ready" : "starting");
    else
        printf("no network runs in %s\n", dir);
    return found.running ? CLI_OK : CLI_FAILED;
}

static int add_with(void *to, char *text)
{
    fabric_options *o = to;

    if (o->with_count == WITH_MAX || !*text || *text == '=')
        return cli_usage("fabric", "--with %s: must be NAME or NAME=EXE, at most %d times", text, WITH_MAX);
    o->with[o->with_count++] = text;
    return -1;
}

static int set_ports(void *to, char *text)
{
    fabric_options *o = to;

    o->native.auto_ports = strcmp(text, "auto") == 0;
    return o->native.auto_ports ? -1 : cli_usage("fabric", "--ports %s: must be auto", text);
}

static int set_fabric(void *to, char *text)
{
    fabric_options *o = to;

    o->fabric = text;
    return strncmp(text, "2.", 2) == 0 || strncmp(text, "3.", 2) == 0
               ? -1
               : cli_usage("fabric", "--fabric %s: must be a release such as 2.5 or 3.1", text);
}

int cli_fabric(int argc, char **argv)
{
    fabric_options o = { .native = { .dir = DEFAULT_DIR }, .ready_end = -1, .fabric = "3.1" };
    cli_option options[] = {
        { "dir", .text = &o.native.dir },
        { "detach", .flag = &o.detach },
        { "fabric-bin", .text = &o.native.fabric_bin },
        { "network", .text = &o.network_file },
        { "with", .each = add_with, .to = &o },
        { "ports", .each = set_ports, .to = &o },
        { "batch-timeout", .number = &o.batch_timeout_ms, .least = 1, .most = 60000, .unit = "milliseconds" },
        { "bin", .text = &o.native.bin_dir },
        { "parts", .text = &o.parts },
        { "org", .text = &o.org },
        { "fabric", .each = set_fabric, .to = &o },
        { "json", .flag = &o.json },
        { 0 },
    };
    const int stop = cli_options("fabric", usage, options, argc, argv);
    const char *what;

    if (stop >= 0)
        return stop;
    what = optind < argc ? argv[optind] : "";
    if (optind + 1 != argc)
        return cli_usage("fabric", "up, down, status, prepare, join or endpoints?");
    if (strcmp(what, "up") == 0)
        return up(&o);
    if (strcmp(what, "down") == 0)
        return down(o.native.dir);
    if (strcmp(what, "status") == 0)
        return status(o.native.dir, o.json);
    if (strcmp(what, "prepare") == 0 || strcmp(what, "join") == 0 || strcmp(what, "endpoints") == 0)
        return elsewhere(&o, what);
    return cli_usage("fabric", "%s: up, down, status, prepare, join or endpoints?", what);
}
