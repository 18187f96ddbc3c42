/* medsync renew: on a peer's machine, after certificates or addresses of chaincode servers have changed. */
#include "cli/cli.h"

#include "package/package.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: medsync renew [OPTION]... PEER_DATA\n\n"
    "A peer fills in a package's connection.json when the package is installed, and keeps the result: new certificates "
    "or\n"
    "addresses in its environment change nothing. This fills in the templates of each installed package anew and puts\n"
    "what has changed in the place of the old. PEER_DATA is the peer's file system path "
    "(/var/hyperledger/production).\n"
    "The peer reads it at its next connection to the chaincode's server; those that are open go on. To have it "
    "connect\n"
    "at once, restart the chaincode's server.\n\n"
    "  --values JSON     for {{.name}}; @FILE reads a file. Without it the variable\n"
    "                    CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG, as the peer has it: give the peer the same\n"
    "  --dry-run         only tell what would be renewed; exit status 9 when something would\n"
    "  --json            print one JSON object\n\n"
    "Exit status: 0 all is up to date now, 8 a file or value cannot be used, 9 see --dry-run.\n";

struct renewing {
    bool json;
    json_t *packages;
    size_t stale;
};

static void tell(void *ctx, const char *id, package_renewed state, const char *path)
{
    static const char *const words[] = { "kept", "renewed", "stale", "unbuilt" };
    static const char *const told[] = { "up to date", "renewed", "would be renewed", "not built by this peer yet" };
    struct renewing *r = ctx;

    r->stale += state == PACKAGE_STALE;
    if (r->json)
        json_array_append_new(r->packages,
                              json_pack("{s:s, s:s, s:s}", "packageId", id, "state", words[state], "file", path));
    else
        printf("%s: %s\n", id, told[state]);
}

static int renew(const char *data, const char *values, bool rehearse, bool as_json)
{
    struct renewing r = { .json = as_json, .packages = json_array() };
    package_renewal renewal = { .data = data, .rehearse = rehearse, .tell = tell, .ctx = &r };
    package_fault fault;
    char *text = NULL;
    size_t len;
    int status = CLI_OK;

    if (values && values[0] == '@') {
        text = cli_read_file(values + 1, &len);
        if (!text) {
            json_decref(r.packages);
            return cli_failed("renew", FCC__E_CLI_FILE, "%s: %s", values + 1, strerror(errno));
        }
        values = text;
    }
    renewal.values = fcc_str(values);
    if (package_renew(&renewal, &fault) != FCC_OK)
        status = cli_failed("renew", fault.code, "%s", fault.error.text);
    else if (r.stale)
        status = CLI_FINDING;
    if (as_json && status != CLI_INPUT)
        cli_print_json(json_pack("{s:O}", "packages", r.packages));
    json_decref(r.packages);
    free(text);
    return status;
}

int cli_renew(int argc, char **argv)
{
    const char *values = getenv("CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG");
    bool rehearse = false, as_json = false;
    cli_option options[] = {
        { "values", .text = &values },
        { "dry-run", .flag = &rehearse },
        { "json", .flag = &as_json },
        { 0 },
    };
    const int status = cli_options("renew", usage, options, argc, argv);

    if (status >= 0)
        return status;
    if (argc - optind != 1)
        return cli_usage("renew", "one peer's file system path");
    return renew(argv[optind], values, rehearse, as_json);
}
