/* medsync devnet: up, down, status, reset. */
#include "cli/cli.h"

#include "base/durable.h"
#include "devnet/devnet.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] =
    "usage: medsync devnet up|down|status|reset [OPTION]...\n"
    "       medsync devnet services --out FOLDER [OPTION]...\n\n"
    "  up      start the embedded network; the same directory continues its channel\n"
    "  down    stop it\n"
    "  status  does it run, and where; exit status 1 when it doesn't\n"
    "  reset   remove everything that a devnet wrote into the directory\n"
    "  services  what it takes to run the chaincodes beside it; `medsync devnet services --help` tells\n\n"
    "  --dir DIR            the network's directory (" CLI_DEFAULT_DIR ")\n"
    "  --json               status: one JSON object\n"
    "for up:\n"
    "  --detach             go to the background once it is ready; its log is DIR/log/devnet.log\n"
    "  --with NAME[=EXE]    also deploy chaincode NAME, whose program is EXE (NAME) in --bin,\n"
    "                       or a path, with collections.json beside it; repeatable\n"
    "  --ports auto         take free ports instead of those of the network file; endpoints.json tells which\n"
    "  --ports FIRST-LAST   the orderer takes FIRST, the peers the next ones, in the network file's order\n"
    "  --listen ADDRESS     listen there (0.0.0.0: at all of this machine's addresses) instead of at 127.0.0.1: then\n"
    "                       whoever reaches this machine reaches the network. endpoints.json stays as it is\n"
    "  --services           the network file's chaincodes are run and deployed by others, as for real Fabric: see\n"
    "                       `medsync devnet services` and `medsync deploy`\n"
    "  --batch-timeout MS   how long the orderer waits for more transactions\n"
    "  --network FILE       the consortium (network/network.yaml)\n"
    "  --crypto DIR         run somebody else's consortium: its keys, as cryptogen lays them out ...\n"
    "  --genesis FILE       ... and the genesis block of its channel. Both are copied into the network's directory;\n"
    "                       no chaincode is deployed, and no network file is read\n"
    "  --fabric 2.5|3.1     whose offers, checks and texts it shows (3.1; a directory keeps its first choice)\n"
    "  --clock TIME         start the network's clock there, such as 2026-11-21T11:45:00Z; it then runs on\n"
    "  --cc-address NAME=HOST:PORT\n"
    "                       where chaincode NAME listens, whatever its package says; repeatable\n"
    "  --bin DIR            where the chaincodes' programs are (beside this one)\n"
    "  --chaincodes DIR     where <EXE>/collections.json of a --with is (chaincode)\n\n"
    "The embedded network is for development: every key is in its directory, and one machine holds all of it.\n";

enum { WITH_MAX = 32, REFEREES_MAX = 32, STOP_MS = 15000, READY_CHAR = '+' };

typedef struct up_options {
    devnet_options devnet;
    devnet_with with[WITH_MAX];
    devnet_cc_address cc_addresses[WITH_MAX];
    bool detach;
    bool json;
} up_options;

static void tell_ready(void *ctx)
{
    const char *dir = ctx;

    printf("MedSync devnet is ready in %s (embedded network: for development, not production)\n", dir);
    fflush(stdout);
}

static void tell_parent(void *ctx)
{
    int *pipe_end = ctx;
    char ready = READY_CHAR;

    if (*pipe_end >= 0 && write(*pipe_end, &ready, 1) == 1) {
        close(*pipe_end);
        *pipe_end = -1;
    }
}

/* In the background process: everything that is printed goes to the log; the reason of a failure to the parent. */
static int run_detached(up_options *o, int pipe_end)
{
    char log[4096];
    fcc_error error = { 0 };
    fcc_status st;
    int fd, nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);

    setsid();
    snprintf(log, sizeof(log), "%s/log/devnet.log", o->devnet.dir);
    fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0 || nothing < 0 || dup2(nothing, 0) < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0) {
        dprintf(pipe_end, "%s %s: %s", fcc__code_info_of(FCC__E_CLI_FILE)->code, log, strerror(errno));
        return CLI_FAILED;
    }
    close(fd);
    close(nothing);
    o->devnet.ready = tell_parent;
    o->devnet.ready_ctx = &pipe_end;
    st = devnet_run(&o->devnet, &error);
    if (st == FCC_OK)
        return CLI_OK;
    if (pipe_end >= 0)
        dprintf(pipe_end, "%s %s", fcc__code_info_of(devnet_code(error.status))->code, error.text);
    return cli_failed("devnet", devnet_code(error.status), "%s", error.text);
}

/* What the network said before it ended: a code and a text, or nothing. */
static int tell_of_end(char *said, const char *log)
{
    char *space = strchr(said, ' ');
    const fcc__code_info *info;

    if (space)
        *space = '\0';
    info = fcc__code_find(said);
    return cli_failed("devnet", info ? fcc__code_of(info) : FCC__E_NET_START, "%s (%s/devnet.log)",
                      info ? space + 1 : "it ended before it was ready", log);
}

static int detach(up_options *o)
{
    char said[1100], log[4096];
    size_t n = 0;
    ssize_t got;
    fcc_error error = { 0 };
    int ends[2];
    pid_t pid;

    snprintf(log, sizeof(log), "%s/log", o->devnet.dir);
    if (fcc__make_dirs(log, 0755, false, &error) != FCC_OK)
        return cli_failed("devnet", devnet_code(error.status), "%s", error.text);
    if (pipe2(ends, O_CLOEXEC) != 0)
        return cli_failed("devnet", FCC__E_STAT_RES, "pipe: %s", strerror(errno));
    fflush(NULL);
    pid = fork();
    if (pid < 0)
        return cli_failed("devnet", FCC__E_STAT_RES, "fork: %s", strerror(errno));
    if (pid == 0) {
        close(ends[0]);
        _exit(run_detached(o, ends[1]));
    }
    close(ends[1]);
    while (n < sizeof(said) - 1) {
        got = read(ends[0], said + n, sizeof(said) - 1 - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        n += (size_t)got;
        if (said[0] == READY_CHAR)
            break;
    }
    close(ends[0]);
    said[n] = '\0';
    if (said[0] != READY_CHAR)
        return tell_of_end(said, log);
    tell_ready((void *)(uintptr_t)o->devnet.dir);
    return CLI_OK;
}

/* The network file, unless the directory or the options say that there is none. Returns -1 to go on. */
static int find_network(up_options *o)
{
    fcc_error error = { 0 };
    devnet_found found;

    if (o->devnet.network_file && o->devnet.crypto)
        return cli_usage("devnet", "--network and --crypto: each is a consortium of its own, give one of them");
    if (!o->devnet.crypto != !o->devnet.genesis)
        return cli_usage("devnet", "%s: --crypto and --genesis belong together, give both",
                         o->devnet.crypto ? "--crypto" : "--genesis");
    if (o->devnet.network_file || o->devnet.crypto)
        return -1;
    if (devnet_find(o->devnet.dir, &found, &error) != FCC_OK)
        return cli_failed("devnet", devnet_code(error.status), "%s", error.text);
    if (found.foreign)
        return -1;
    return cli_network_file("devnet", &o->devnet.network_file);
}

static int up(up_options *o)
{
    static char chaincodes[4096];
    fcc_error error = { 0 };
    fcc_status st;
    int bad;

    if (o->devnet.services && (o->devnet.with_count > 0 || o->devnet.referees > 0))
        return cli_usage("devnet", "--services: others run the chaincodes, so that %s is not to be had",
                         o->devnet.with_count > 0 ? "--with" : "--referee");
    if ((bad = find_network(o)) >= 0)
        return bad;
    if (!o->devnet.chaincode_dir && cli_find_file("chaincode", chaincodes, sizeof(chaincodes)))
        o->devnet.chaincode_dir = chaincodes;
    if (!o->devnet.bin_dir)
        o->devnet.bin_dir = cli_own_dir();
    o->devnet.with = o->with;
    o->devnet.cc_addresses = o->cc_addresses;
    if (o->detach)
        return detach(o);
    o->devnet.ready = tell_ready;
    o->devnet.ready_ctx = (void *)(uintptr_t)o->devnet.dir;
    st = devnet_run(&o->devnet, &error);
    return st == FCC_OK ? CLI_OK : cli_failed("devnet", devnet_code(error.status), "%s", error.text);
}

static int down(const char *dir)
{
    fcc_error error = { 0 };
    fcc_status st = devnet_stop(dir, STOP_MS, &error);

    if (st == FCC_ERR_NOT_FOUND)
        return cli_failed("devnet", FCC__E_NET_NONE, "no devnet runs in %s", dir);
    if (st != FCC_OK)
        return cli_failed("devnet", devnet_code(error.status), "%s", error.text);
    printf("stopped\n");
    return CLI_OK;
}

static int status(const char *dir, bool as_json)
{
    char path[4096];
    devnet_found found;
    fcc_error error = { 0 };
    json_error_t why;
    json_t *endpoints = NULL, *peer;
    size_t i;

    if (devnet_find(dir, &found, &error) != FCC_OK)
        return cli_failed("devnet", devnet_code(error.status), "%s", error.text);
    if (found.ready) {
        snprintf(path, sizeof(path), "%s/endpoints.json", dir);
        endpoints = json_load_file(path, 0, &why);
    }
    if (as_json) {
        json_t *o = json_pack("{s:s, s:b, s:b}", "dir", dir, "running", found.running, "ready", found.ready);

        if (found.running)
            json_object_set_new(o, "pid", json_integer(found.pid));
        if (endpoints)
            json_object_set(o, "endpoints", endpoints);
        cli_print_json(o);
    } else if (!found.running) {
        printf("no devnet runs in %s\n", dir);
    } else {
        printf("devnet in %s: process %ld, %s\n", dir, (long)found.pid, found.ready ? "ready" : "starting");
        json_array_foreach(json_object_get(endpoints, "peers"), i, peer)
        {
            const char *mspid = json_string_value(json_object_get(peer, "mspId"));
            const char *address = json_string_value(json_object_get(peer, "address"));

            printf("  %-15s %s\n", mspid ? mspid : "?", address ? address : "?");
        }
    }
    json_decref(endpoints);
    return found.running ? CLI_OK : CLI_FAILED;
}

static int add_with(void *to, char *text)
{
    up_options *o = to;
    static char paths[WITH_MAX][DEVNET_EXE_MAX];
    char *path = paths[o->devnet.with_count < WITH_MAX ? o->devnet.with_count : 0];
    char *equals = strchr(text, '=');
    const char *exe = equals ? equals + 1 : NULL;

    if (o->devnet.with_count == WITH_MAX)
        return cli_usage("devnet", "--with: at most %d", WITH_MAX);
    if (text[0] == '\0' || equals == text || (exe && !*exe))
        return cli_usage("devnet", "--with %s: must be NAME or NAME=EXE", text);
    if (equals)
        *equals = '\0';
    if (exe && strchr(exe, '/')) {
        /* it is kept for the next `up`, which may be called from elsewhere */
        if (!realpath(exe, path) || strchr(path, '\n'))
            return cli_usage("devnet", "--with %s=%s: %s", text, exe,
                             strchr(path, '\n') ? "a line break in its path" : strerror(errno));
        exe = path;
    }
    o->with[o->devnet.with_count].name = text;
    o->with[o->devnet.with_count++].exe = exe;
    return -1;
}

static int add_cc_address(void *to, char *text)
{
    up_options *o = to;
    devnet_cc_address *new = &o->cc_addresses[o->devnet.cc_address_count];
    char *equals = strchr(text, '='), *colon = equals ? strrchr(equals, ':') : NULL;
    int64_t port;

    if (o->devnet.cc_address_count == WITH_MAX)
        return cli_usage("devnet", "--cc-address: at most %d", WITH_MAX);
    if (!colon || equals == text || colon == equals + 1 || !cli_number(colon + 1, 1, 65535, &port))
        return cli_usage("devnet", "--cc-address %s: must be NAME=HOST:PORT", text);
    *equals = '\0';
    for (size_t i = 0; i < o->devnet.cc_address_count; i++)
        if (strcmp(o->cc_addresses[i].name, text) == 0)
            return cli_usage("devnet", "--cc-address %s: given twice", text);
    *new = (devnet_cc_address){ .name = text, .address = equals + 1 };
    o->devnet.cc_address_count++;
    return -1;
}

/* auto, or FIRST-LAST */
static int set_ports(void *to, char *text)
{
    up_options *o = to;
    int64_t first, last;

    if (strcmp(text, "auto") == 0) {
        o->devnet.auto_ports = true;
        return -1;
    }
    if (!cli_port_range(text, &first, &last))
        return cli_usage("devnet", "--ports %s: must be auto, or FIRST-LAST such as 7050-7059", text);
    o->devnet.first_port = (int)first;
    o->devnet.last_port = (int)last;
    return -1;
}

static int set_fabric(void *to, char *text)
{
    up_options *o = to;

    if (strcmp(text, "3.1") == 0)
        o->devnet.fabric = DEVNET_FABRIC_3_1;
    else if (strcmp(text, "2.5") == 0)
        o->devnet.fabric = DEVNET_FABRIC_2_5;
    else
        return cli_usage("devnet", "--fabric %s: must be 2.5 or 3.1", text);
    return -1;
}

int cli_devnet(int argc, char **argv)
{
    up_options o = { 0 };
    const char *what;
    fcc_error error = { 0 };
    int64_t referees = 0;
    cli_option options[] = {
        { "dir", .text = &o.devnet.dir },
        { "detach", .flag = &o.detach },
        { "with", .each = add_with, .to = &o },
        { "ports", .each = set_ports, .to = &o },
        { "listen", .text = &o.devnet.listen },
        { "services", .flag = &o.devnet.services },
        { "batch-timeout", .number = &o.devnet.batch_timeout_ms, .least = 1, .most = 60000, .unit = "milliseconds" },
        { "referee", .number = &referees, .most = REFEREES_MAX, .unit = "processes" },
        { "client-auth", .flag = &o.devnet.client_auth },
        { "network", .text = &o.devnet.network_file },
        { "crypto", .text = &o.devnet.crypto },
        { "genesis", .text = &o.devnet.genesis },
        { "fabric", .each = set_fabric, .to = &o },
        { "clock", .moment = &o.devnet.clock_ns },
        { "cc-address", .each = add_cc_address, .to = &o },
        { "bin", .text = &o.devnet.bin_dir },
        { "chaincodes", .text = &o.devnet.chaincode_dir },
        { "json", .flag = &o.json },
        { 0 },
    };
    int stop;

    if (argc > 1 && !strcmp(argv[1], "services"))
        return cli_devnet_services(argc - 1, argv + 1);
    o.devnet.dir = CLI_DEFAULT_DIR;
    o.devnet.batch_timeout_ms = -1;
    o.devnet.clock_ns = INT64_MIN;
    if ((stop = cli_options("devnet", usage, options, argc, argv)) >= 0)
        return stop;
    o.devnet.referees = (size_t)referees;
    o.devnet.has_clock = o.devnet.clock_ns != INT64_MIN;
    if (argc - optind != 1)
        return cli_usage("devnet", "up, down, status, reset or services?");
    what = argv[optind];
    if (!strcmp(what, "up"))
        return up(&o);
    if (!strcmp(what, "down"))
        return down(o.devnet.dir);
    if (!strcmp(what, "status"))
        return status(o.devnet.dir, o.json);
    if (!strcmp(what, "reset")) {
        if (devnet_reset(o.devnet.dir, &error) != FCC_OK)
            return cli_failed("devnet", devnet_code(error.status), "%s", error.text);
        printf("%s is empty again\n", o.devnet.dir);
        return CLI_OK;
    }
    return cli_usage("devnet", "%s: must be up, down, status, reset or services", what);
}
