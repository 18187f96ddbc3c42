/* medsync devnet services: the files by which chaincodes run as services beside a devnet. */
#include "cli/cli.h"

#include "config/config.h"
#include "native/services.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: medsync devnet services --out FOLDER [OPTION]...\n\n"
    "Writes what it takes to run the network file's chaincodes under one fcc-host an organisation, in containers or\n"
    "processes of their own, instead of below the devnet: FOLDER/<domain>/fcc-host.yaml with its certificates for\n"
    "`fcc-host`, and DIR/services for `medsync devnet up --services`. Keys that the network lacks are made. Peers and\n"
    "chaincodes show each other certificates where the network file says chaincode_tls. `medsync deploy` then brings "
    "the\n"
    "chaincodes onto the channel. Run again it writes the same anew; fcc-host and devnet take new certificates without "
    "a\n"
    "restart (fcc-host at SIGHUP).\n\n"
    "  --out FOLDER     a folder an organisation goes there\n"
    "  --dir DIR        the network's directory (" CLI_DEFAULT_DIR ")\n"
    "  --network FILE   the consortium (network/network.yaml)\n"
    "  --bin DIR        where the chaincodes' programs are, seen by fcc-host (beside this one)\n"
    "  --host ADDRESS   all of them run on this machine (127.0.0.1), each at ports of its own. Without it they are\n"
    "                   at chaincodes.<domain>, the same ports everywhere, on a machine or in a container each\n"
    "  --port N         the first port (7052); chaincodes follow in the network file's order\n";

static int run(services_options *options, const char *file)
{
    config_network *network = NULL;
    fcc_error error = { 0 };
    fcc_status st = config_load(file, &network, &error);

    if (st == FCC_OK) {
        options->network = network;
        st = services_write(options, &error);
    }
    config_free(network);
    if (st != FCC_OK)
        return cli_failed("devnet", st == FCC_ERR_CONFIG ? FCC__E_NET_CONFIG : FCC__E_CLI_FILE, "%s", error.text);
    printf("the services' files are in %s, the peers' in %s/services\n", options->out, options->dir);
    return CLI_OK;
}

int cli_devnet_services(int argc, char **argv)
{
    enum { DIR_, OUT, NETWORK, BIN, HOST, PORT, HELP };
    static const struct option options[] = {
        { "dir", required_argument, NULL, DIR_ },
        { "out", required_argument, NULL, OUT },
        { "network", required_argument, NULL, NETWORK },
        { "bin", required_argument, NULL, BIN },
        { "host", required_argument, NULL, HOST },
        { "port", required_argument, NULL, PORT },
        { "help", no_argument, NULL, HELP },
        { NULL, 0, NULL, 0 },
    };
    static char found[4096], own[4096];
    services_options o = { .dir = CLI_DEFAULT_DIR, .as_root = geteuid() == 0 };
    const char *file = NULL;
    char *slash;
    int64_t port;
    int option;

    opterr = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case DIR_:
            o.dir = optarg;
            break;
        case OUT:
            o.out = optarg;
            break;
        case NETWORK:
            file = optarg;
            break;
        case BIN:
            o.bin_dir = optarg;
            break;
        case HOST:
            o.host = optarg;
            break;
        case PORT:
            if (!cli_number(optarg, 1, 65000, &port))
                return cli_usage("devnet", "--port %s: must be 1 to 65000", optarg);
            o.port = (int)port;
            break;
        case HELP:
            fputs(usage, stdout);
            return CLI_OK;
        default:
            return cli_usage("devnet", "%s: no such option, or it lacks its value", argv[optind - 1]);
        }
    }
    if (optind != argc)
        return cli_usage("devnet", "%s: services takes no arguments", argv[optind]);
    if (!o.out)
        return cli_usage("devnet", "services: say where with --out FOLDER");
    if (!o.bin_dir && cli_own_path(own, sizeof(own)) && (slash = strrchr(own, '/'))) {
        *slash = '\0';
        o.bin_dir = own;
    }
    if (!file && cli_find_file("network/network.yaml", found, sizeof(found)))
        file = found;
    if (!file)
        return cli_failed("devnet", FCC__E_NET_CONFIG, "no network/network.yaml here: say where with --network FILE");
    return run(&o, file);
}
