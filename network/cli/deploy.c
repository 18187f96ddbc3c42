/* medsync deploy: every chaincode of the network file onto the channel, in every organisation, by one command. */
#include "cli/cli.h"

#include "deploy/deploy.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const char usage[] =
    "usage: medsync deploy [OPTION]...\n\n"
    "Bring the chaincodes of the network file onto the channel: one package each, installed by the organisations that "
    "run\n"
    "it, approved by all, committed. What is there already is left alone, so a second run changes nothing, and after "
    "a\n"
    "failure another run goes on from there. A changed definition or package becomes the next sequence. Each\n"
    "organisation's steps are signed by its Admin, whose keys are in DIR/crypto.\n\n"
    "  --dir DIR            the network's directory (" CLI_DEFAULT_DIR ")\n"
    "  --network FILE       what shall be there (network/network.yaml)\n"
    "  --chaincode NAME     this one alone\n"
    "  --dry-run            only tell what would be done\n"
    "  --json               print one JSON object: steps and counts\n\n"
    "Exit status: 0 all is there, 1 some step failed (each is told), 2 wrong usage.\n";

struct deploying {
    bool json;
    json_t *steps;
};

static void tell(void *ctx, const deploy_event *e)
{
    static const char *const steps[] = { "install", "approve", "commit" };
    static const char *const results[] = { "done", "kept", "would", "failed" };
    static const char *const words[][4] = { { "installed", "installed already", "would install", "not installed" },
                                            { "approved", "approved already", "would approve", "not approved" },
                                            { "committed", "committed already", "would commit", "not committed" } };
    struct deploying *d = ctx;

    if (d->json) {
        json_array_append_new(d->steps,
                              json_pack("{s:s, s:s*, s:s, s:s, s:I, s:s*, s:s*}", "chaincode", e->chaincode, "mspId",
                                        e->mspid, "step", steps[e->step], "result", results[e->result], "sequence",
                                        (json_int_t)e->sequence, "packageId", e->package_id, "why", e->why));
        return;
    }
    printf("%-14s %-16s %s", e->chaincode, e->mspid ? e->mspid : "(channel)", words[e->step][e->result]);
    if (e->step != DEPLOY_INSTALL)
        printf(", sequence %lld", (long long)e->sequence);
    printf("%s%s\n", e->why ? ": " : "", e->why ? e->why : "");
    fflush(stdout);
}

static int show(const deploy_counts *counts, const struct deploying *d, const deploy_options *options)
{
    if (d->json) {
        cli_print_json(json_pack("{s:O, s:I, s:I, s:I, s:I}", "steps", d->steps, "done", (json_int_t)counts->done,
                                 "kept", (json_int_t)counts->kept, "would", (json_int_t)counts->would, "failed",
                                 (json_int_t)counts->failed));
    } else if (counts->failed == 0) {
        if (options->rehearse)
            printf("%zu steps to do, %zu done before\n", counts->would, counts->kept);
        else if (counts->done == 0)
            printf("nothing to do: all is there\n");
        else
            printf("%zu steps done, %zu done before\n", counts->done, counts->kept);
    }
    return counts->failed ? CLI_FAILED : CLI_OK;
}

static int run(deploy_options *options, const char *file, bool as_json)
{
    struct deploying d = { .json = as_json, .steps = json_array() };
    config_network *network = NULL;
    deploy_counts counts = { 0 };
    fcc_error error = { 0 };
    fcc_status st = config_load(file, &network, &error);
    int status;

    if (st != FCC_OK) {
        json_decref(d.steps);
        return cli_failed("deploy", FCC__E_NET_CONFIG, "%s", error.text);
    }
    options->network = network;
    options->tell = tell;
    options->ctx = &d;
    st = deploy_run(options, &counts, &error);
    status = show(&counts, &d, options);
    if (st != FCC_OK)
        status = cli_failed("deploy", cli_code(st, NULL, &error, true), "%s", error.text);
    json_decref(d.steps);
    config_free(network);
    return status;
}

int cli_deploy(int argc, char **argv)
{
    static const struct option longs[] = {
        { "help", no_argument, NULL, 'h' },
        { "dir", required_argument, NULL, 'd' },
        { "network", required_argument, NULL, 'n' },
        { "chaincode", required_argument, NULL, 'c' },
        { "dry-run", no_argument, NULL, 'r' },
        { "json", no_argument, NULL, 'j' },
        { 0 },
    };
    static char found[4096];
    deploy_options options = { .dir = CLI_DEFAULT_DIR };
    const char *file = NULL;
    bool as_json = false;
    int c;

    optind = 1;
    while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        switch (c) {
        case 'h':
            fputs(usage, stdout);
            return CLI_OK;
        case 'd':
            options.dir = optarg;
            break;
        case 'n':
            file = optarg;
            break;
        case 'c':
            options.only = optarg;
            break;
        case 'r':
            options.rehearse = true;
            break;
        case 'j':
            as_json = true;
            break;
        default:
            return cli_usage("deploy", NULL);
        }
    }
    if (optind != argc)
        return cli_usage("deploy", "%s: takes no arguments", argv[optind]);
    if (!file) {
        if (!cli_find_file("network/network.yaml", found, sizeof(found)))
            return cli_failed("deploy", FCC__E_NET_CONFIG,
                              "no network/network.yaml here: say where with --network FILE");
        file = found;
    }
    return run(&options, file, as_json);
}
