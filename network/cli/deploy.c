/* medsync deploy: every chaincode of the network file onto the channel, in every organisation, by one command. */
#include "cli/cli.h"

#include "deploy/deploy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

static const char upgrade_usage[] =
    "usage: medsync upgrade [OPTION]... CHAINCODE\n\n"
    "Bring a chaincode to what the network file says now: a new version, package, policy or collections become the "
    "next\n"
    "sequence. The new package is installed and approved, its server started beside the old one, the definition\n"
    "committed, and when it answers the old server drains: no transaction finds nobody. For that the network file "
    "gives\n"
    "the new version the slot that the old one does not have (slot: b, then a again). Where the servers are not run "
    "from\n"
    "here (DIR/config), it stops before the commit until --started says that they run; in a container of our image it\n"
    "changes nothing and tells the way by another image.\n\n"
    "  --dir DIR            the network's directory (" CLI_DEFAULT_DIR ")\n"
    "  --network FILE       what shall be there (network/network.yaml)\n"
    "  --org NAME           only this organisation's administrator acts; repeatable\n"
    "  --started            the new version's servers run in every organisation: commit\n"
    "  --timeout SECONDS    how long each answer may take (30)\n"
    "  --dry-run            only tell what would be done\n"
    "  --json               print one JSON object: steps and counts\n\n"
    "Exit status: 0 done, 1 some step failed (each is told; run it again to go on), 2 wrong usage.\n";

static const char rollback_usage[] =
    "usage: medsync rollback [OPTION]... CHAINCODE\n\n"
    "Give a chaincode the definition back that it had before, read from the channel's blocks. Fabric has no way back, "
    "so\n"
    "it becomes the next sequence; each organisation approves it with the package that it had approved then, whose "
    "server\n"
    "must run again (fcc-host's entry of before is used where it is run from here). The ledger's data stay as they "
    "are.\n"
    "The network file is not changed: put it right as well, or the next deploy goes forward again. In a container of "
    "our\n"
    "image it changes nothing and tells the way by the image of before.\n\n"
    "  --dir DIR            the network's directory (" CLI_DEFAULT_DIR ")\n"
    "  --to SEQUENCE        the sequence whose definition it gets (the one before the present one)\n"
    "  --started            the servers of then run in every organisation, though not from here\n"
    "  --network FILE       the consortium (what endpoints.json says)\n"
    "  --org NAME           only this organisation's administrator acts; repeatable\n"
    "  --timeout SECONDS    how long each answer may take (30)\n"
    "  --dry-run            only show the plan\n"
    "  --json               print one JSON object: steps and counts\n\n"
    "Exit status: 0 done, 1 some step failed (each is told; run it again with --to), 2 wrong usage.\n";

struct deploying {
    bool json;
    json_t *steps;
};

static const char *const step_names[] = { "reach", "install", "approve", "serve", "commit", "answer", "drain" };
static const char *const result_names[] = { "done", "kept", "would", "failed" };

static void print_event(const deploy_event *e)
{
    static const char *const words[][4] = { { "", "", "", "not reached" },
                                            { "installed", "installed already", "would install", "not installed" },
                                            { "approved", "approved already", "would approve", "not approved" },
                                            { "server started", "", "would start its server", "server not started" },
                                            { "committed", "committed already", "would commit", "not committed" },
                                            { "", "answers", "", "does not answer" },
                                            { "server of before ends", "", "", "server of before stays" } };

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

/* `worked`: it came as far as the chaincodes. */
static int show(const deploy_counts *counts, const struct deploying *d, const deploy_options *options, bool worked)
{
    if (d->json) {
        cli_print_json(json_pack("{s:O, s:I, s:I, s:I, s:I, s:I}", "steps", d->steps, "done", (json_int_t)counts->done,
                                 "kept", (json_int_t)counts->kept, "would", (json_int_t)counts->would, "failed",
                                 (json_int_t)counts->failed, "answers", (json_int_t)counts->answers));
    } else if (counts->failed == 0 && worked) {
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

/* ---- deploy, upgrade and rollback --------------------------------------------------------------------------------- */

typedef enum { DEPLOY = 1, UPGRADE = 2, ROLLBACK = 4 } kind;

struct asked {
    kind kind;
    const char *command; /* for errors */
    deploy_options options;
    const char *file; /* NULL: network/network.yaml where it is found */
    int64_t to;
    bool json, started;
};

static void tell_return(void *ctx, const deploy_return *plan)
{
    const struct deploying *d = ctx;

    if (!d->json)
        printf(
            "back from sequence %lld to the definition of sequence %lld (version %s, block %llu), as sequence %lld\n",
            (long long)plan->from, (long long)plan->to, plan->version, (unsigned long long)plan->block,
            (long long)plan->next);
    fflush(stdout);
}

/*
 * Where nobody here runs the chaincodes' servers, the definition is not committed before their operators say that the new
 * ones run: until then transactions go to the old ones.
 */
static bool must_hold(const struct asked *a)
{
    return a->kind == UPGRADE && !a->started && !a->options.rehearse && !deploy_runs_servers(&a->options);
}

/* In a container of our image, whose programs are what the servers run as well. */
static bool is_of_image(const struct asked *a)
{
    const char *version = getenv("MEDSYNC_IMAGE_VERSION");

    return a->kind != DEPLOY && !a->started && !a->options.rehearse && version && *version;
}

static int tell_hold(const struct asked *a, const deploy_counts *counts)
{
    if (!counts->failed && !a->json)
        printf("installed and approved; not committed, since the servers of %s are not run from here. Start them with "
               "the\n"
               "package id above (fcc-host takes old and new side by side), then: medsync upgrade %s --started\n",
               a->options.only, a->options.only);
    return counts->failed ? CLI_FAILED : CLI_OK;
}

static int carry_out(struct asked *a, config_network *network)
{
    struct deploying d = { .json = a->json, .steps = json_array() };
    deploy_counts counts = { 0 };
    fcc_error error = { 0 };
    fcc_status st;
    int status;

    a->options.network = network;
    a->options.tell = tell;
    a->options.ctx = &d;
    a->options.hold = network && must_hold(a);
    st = a->kind == ROLLBACK ? deploy_rollback(&a->options, &a->to, tell_return, &counts, &error)
                             : deploy_run(&a->options, &counts, &error);
    status = show(&counts, &d, &a->options, st == FCC_OK || st == FCC_ERR_PEER);
    if (st == FCC_OK && a->options.hold)
        status = tell_hold(a, &counts);
    if (st != FCC_OK)
        status = cli_failed(a->command, cli_code(st, NULL, &error, true), "%s", error.text);
    if (st == FCC_ERR_PEER && a->kind == ROLLBACK)
        fprintf(stderr, "medsync rollback: to go on (E-DEP-13): medsync rollback %s --to %lld\n", a->options.only,
                (long long)a->to);
    json_decref(d.steps);
    return status;
}

static int begin(struct asked *a)
{
    config_network *network = NULL;
    fcc_error error = { 0 };
    int status;

    if (is_of_image(a))
        return cli_failed(a->command, FCC__E_DEP_IMAGE,
                          "nothing is changed: in containers the chaincodes' programs are the image's. %s",
                          fcc__code_info_of(FCC__E_DEP_IMAGE)->remedy);
    /* for a rollback everything that is needed is on the channel, and a file that nobody named may be another network's */
    if (a->kind != ROLLBACK && (status = cli_network_file(a->command, &a->file)) >= 0)
        return status;
    if (a->file && config_load(a->file, &network, &error) != FCC_OK)
        return cli_failed(a->command, FCC__E_NET_CONFIG, "%s", error.text);
    status = carry_out(a, network);
    config_free(network);
    return status;
}

static int parse(struct asked *a, const char *usage_text, int argc, char **argv)
{
    static const char *orgs[64];
    cli_option options[] = {
        { "dir", .text = &a->options.dir },
        { "network", .text = &a->file },
        { "chaincode", .text = &a->options.only, .parts = DEPLOY },
        { "to", .number = &a->to, .least = 1, .most = INT64_MAX, .parts = ROLLBACK },
        { "started", .flag = &a->started, .parts = UPGRADE | ROLLBACK },
        { "org", .list = orgs, .count = &a->options.org_count, .most = sizeof(orgs) / sizeof(orgs[0]) },
        { "timeout", CLI_SECONDS(a->options.timeout_s) },
        { "dry-run", .flag = &a->options.rehearse },
        { "json", .flag = &a->json },
        { 0 },
    };
    int status;

    a->options.dir = CLI_DEFAULT_DIR;
    a->options.orgs = orgs;
    if ((status = cli_options(a->command, usage_text, options, argc, argv)) >= 0 ||
        (status = cli_options_of(a->command, options, a->kind, a->command)) >= 0)
        return status;
    if (a->kind == DEPLOY && optind != argc)
        return cli_usage(a->command, "%s: takes no arguments", argv[optind]);
    if (a->kind != DEPLOY && optind + 1 != argc)
        return cli_usage(a->command, "one chaincode's name");
    if (a->kind != DEPLOY)
        a->options.only = argv[optind];
    return -1;
}

int cli_deploy(int argc, char **argv)
{
    struct asked a = { .kind = DEPLOY, .command = "deploy" };
    const int status = parse(&a, usage, argc, argv);

    return status >= 0 ? status : begin(&a);
}

int cli_upgrade(int argc, char **argv)
{
    struct asked a = { .kind = UPGRADE, .command = "upgrade" };
    const int status = parse(&a, upgrade_usage, argc, argv);

    return status >= 0 ? status : begin(&a);
}

int cli_rollback(int argc, char **argv)
{
    struct asked a = { .kind = ROLLBACK, .command = "rollback" };
    const int status = parse(&a, rollback_usage, argc, argv);

    return status >= 0 ? status : begin(&a);
}
