/* medsync deploy: every chaincode of the network file onto the channel, in every organisation, by one command. */
#include "cli/cli.h"

#include "deploy/deploy.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const char usage[] =
    "usage: medsync deploy [OPTION]...\n\n"
    "Bring the chaincodes of the network file onto the channel: one package each, installed by the organisations that\n"
    "run it, approved by all, committed, and asked for an answer through each organisation's peer. What is there\n"
    "already is left alone, so a second run changes nothing, and after a failure another run goes on from there. A\n"
    "changed definition or package becomes the next sequence. Each organisation's steps are signed by its Admin,\n"
    "whose keys are in DIR/crypto.\n\n"
    "  --dir DIR            the network's directory (" CLI_DEFAULT_DIR ")\n"
    "  --network FILE       what shall be there (network/network.yaml)\n"
    "  --chaincode NAME     this one alone\n"
    "  --org NAME           only this organisation's administrator acts (its keys are here, the others' are not);\n"
    "                       repeatable. A definition is committed once enough organisations have approved it\n"
    "  --timeout SECONDS    how long each answer may take (30)\n"
    "  --dry-run            only tell what would be done\n"
    "  --json               print one JSON object: steps and counts\n\n"
    "Exit status: 0 all is there, 1 some step failed (each is told), 2 wrong usage.\n";

struct deploying {
    bool json;
    json_t *steps;
};

static const char *const step_names[] = { "reach", "install", "approve", "commit", "answer" };
static const char *const result_names[] = { "done", "kept", "would", "failed" };

static void print_event(const deploy_event *e)
{
    static const char *const words[][4] = { { "", "", "", "not reached" },
                                            { "installed", "installed already", "would install", "not installed" },
                                            { "approved", "approved already", "would approve", "not approved" },
                                            { "committed", "committed already", "would commit", "not committed" },
                                            { "", "answers", "", "does not answer" } };

    printf("%-14s %-16s %s", e->chaincode ? e->chaincode : "(all)", e->mspid ? e->mspid : "(channel)",
           words[e->step][e->result]);
    if (e->step == DEPLOY_APPROVE || e->step == DEPLOY_COMMIT)
        printf(", sequence %lld", (long long)e->sequence);
    if (e->digest)
        printf(", running %.12s", e->digest);
    if (e->why) {
        const fcc__code_info *info = fcc__code_info_of(e->code);

        printf(": %s %s\n%31s what to do: %s", info->code, e->why, "", info->remedy);
    }
    putchar('\n');
    fflush(stdout);
}

static void tell(void *ctx, const deploy_event *e)
{
    struct deploying *d = ctx;
    const fcc__code_info *info = e->why ? fcc__code_info_of(e->code) : NULL;

    if (!d->json) {
        print_event(e);
        return;
    }
    json_array_append_new(d->steps, json_pack("{s:s*, s:s*, s:s, s:s, s:I, s:s*, s:s*, s:s*, s:s*, s:s*}", "chaincode",
                                              e->chaincode, "mspId", e->mspid, "step", step_names[e->step], "result",
                                              result_names[e->result], "sequence", (json_int_t)e->sequence, "packageId",
                                              e->package_id, "sha256", e->digest, "code", info ? info->code : NULL,
                                              "why", e->why, "remedy", info ? info->remedy : NULL));
}

static int show(const deploy_counts *counts, const struct deploying *d, const deploy_options *options)
{
    if (d->json) {
        cli_print_json(json_pack("{s:O, s:I, s:I, s:I, s:I, s:I}", "steps", d->steps, "done", (json_int_t)counts->done,
                                 "kept", (json_int_t)counts->kept, "would", (json_int_t)counts->would, "failed",
                                 (json_int_t)counts->failed, "answers", (json_int_t)counts->answers));
    } else if (counts->failed == 0) {
        if (options->rehearse)
            printf("%zu steps to do, %zu done before\n", counts->would, counts->kept);
        else if (counts->done == 0)
            printf("nothing to do: all is there, and %zu chaincodes answer\n", counts->answers);
        else
            printf("%zu steps done, %zu done before; %zu chaincodes answer\n", counts->done, counts->kept,
                   counts->answers);
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
        { "org", required_argument, NULL, 'o' },
        { "timeout", required_argument, NULL, 't' },
        { 0 },
    };
    static char found[4096];
    static const char *orgs[64];
    deploy_options options = { .dir = CLI_DEFAULT_DIR, .orgs = orgs };
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
        case 'o':
            if (options.org_count == sizeof(orgs) / sizeof(orgs[0]))
                return cli_usage("deploy", "--org %s: too many", optarg);
            orgs[options.org_count++] = optarg;
            break;
        case 't':
            if (!cli_number(optarg, 1, 3600, &options.timeout_s))
                return cli_usage("deploy", "--timeout %s: must be 1 to 3600 seconds", optarg);
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
