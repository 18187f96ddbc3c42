/* medsync devnet services: the files by which chaincodes run as services beside a devnet. */
#include "cli/cli.h"

#include "config/config.h"
#include "native/services.h"

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
    "restart (fcc-host at SIGHUP).\n"
    "FOLDER/custodian.<domain>/custodian is what `medsync custodian --dir` takes, where the network file gives the\n"
    "organisation's custodian an address; readers are told that in DIR/custodians.\n\n"
    "  --out FOLDER     a folder an organisation goes there\n"
    "  --dir DIR        the network's directory (" CLI_DEFAULT_DIR ")\n"
    "  --network FILE   the consortium (network/network.yaml)\n"
    "  --bin DIR        where the chaincodes' programs are, seen by fcc-host (beside this one)\n"
    "  --host ADDRESS   all of them run on this machine (127.0.0.1), each at ports of its own. Without it they are\n"
    "                   at chaincodes.<domain>, the same ports everywhere, on a machine or in a container each\n"
    "  --port N         the first port (7052); chaincodes follow in the network file's order\n"
    "  --ports FIRST-LAST   the devnet's own, as `medsync devnet up` takes them: where custodians find their peers\n\n"
    "MEDSYNC_PORT_HOSPITAL_CUSTODIAN and so on in the environment: other ports at which readers find custodians.\n";

static void tell_line(void *ctx, const char *line)
{
    (void)ctx;
    printf("%s\n", line);
}

static int run(services_options *options, const char *file)
{
    config_network *network = NULL;
    fcc_error error = { 0 };
    fcc_status st = config_load(file, &network, &error);

    if (st == FCC_OK)
        st = config_ports(network, cli_published_port, &error);
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
    services_options o = { .dir = CLI_DEFAULT_DIR, .as_root = geteuid() == 0, .tell = tell_line };
    const char *file = NULL, *ports = NULL;
    int64_t port = 0, first = 0, last;
    cli_option options[] = {
        { "dir", .text = &o.dir },    { "out", .text = &o.out },
        { "network", .text = &file }, { "bin", .text = &o.bin_dir },
        { "host", .text = &o.host },  { "port", .number = &port, .least = 1, .most = 65000 },
        { "ports", .text = &ports },  { 0 },
    };
    int status = cli_options("devnet services", usage, options, argc, argv);

    if (status >= 0)
        return status;
    o.port = (int)port;
    if (ports && !cli_port_range(ports, &first, &last))
        return cli_usage("devnet services", "--ports %s: must be FIRST-LAST such as 7050-7059", ports);
    o.devnet_port = (int)first;
    if (optind != argc)
        return cli_usage("devnet services", "%s: no argument is taken", argv[optind]);
    if (!o.out)
        return cli_usage("devnet services", "say where with --out FOLDER");
    if (!o.bin_dir)
        o.bin_dir = cli_own_dir();
    if ((status = cli_network_file("devnet", &file)) >= 0)
        return status;
    return run(&o, file);
}
