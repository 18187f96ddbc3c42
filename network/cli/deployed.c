/* medsync status: what each organisation has of each chaincode, and what runs. */
#include "cli/cli.h"

#include "deploy/status.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: medsync status [OPTION]... [CHAINCODE]\n\n"
    "Show, for each chaincode of the channel and each organisation, what its own peer has: the committed definition,\n"
    "whether the organisation has approved it, the package that it runs for it, whether that is installed, and the\n"
    "SHA-256 of the executable that answers. Nothing is changed. Each organisation is asked as its Admin, whose keys\n"
    "are in DIR/crypto.\n\n"
    "  --dir DIR            the network's directory (" CLI_DEFAULT_DIR ")\n"
    "  --org NAME           only this organisation; repeatable\n"
    "  --timeout SECONDS    how long each answer may take (30)\n"
    "  --json               print one JSON object\n\n"
    "Exit status: 0 all is as it should be, 1 something is not (each is told), 2 wrong usage.\n";

enum { MOST_ORGS = 64, SHORT = 12 };

/* "ehr_1:53d6d0481bf3" */
static void print_package(const char *id)
{
    const char *colon = id ? strchr(id, ':') : NULL;

    if (colon)
        printf(" %.*s:%.*s", (int)(colon - id), id, SHORT, colon + 1);
    else
        printf(" -");
}

static void print_row(const deploy_row *row)
{
    if (row->chaincode) {
        printf("%-14s %-16s %lld (version %s), %s,", row->chaincode, row->mspid, (long long)row->sequence, row->version,
               row->approved ? "approved" : "NOT approved");
        print_package(row->package_id);
        if (row->package_id)
            printf("%s", row->installed ? " installed" : " NOT installed");
        if (row->digest)
            printf(", running %.*s%s", SHORT, row->digest, row->differs ? " (others run another executable)" : "");
        else if (row->answers)
            printf(", answers");
        putchar('\n');
    }
    if (!row->ok) {
        const fcc__code_info *info = fcc__code_info_of(row->code);

        printf("%-14s %-16s %s %s\n%31s what to do: %s\n", row->chaincode ? "" : "(all)",
               row->chaincode ? "" : row->mspid, info->code, row->why ? row->why : "", "", info->remedy);
    }
}

static void print_json(const deploy_status *status)
{
    json_t *rows = json_array();

    for (size_t i = 0; i < status->count; i++) {
        const deploy_row *r = &status->rows[i];
        const fcc__code_info *info = r->ok ? NULL : fcc__code_info_of(r->code);
        json_t *o = json_pack("{s:s*, s:s, s:b}", "chaincode", r->chaincode, "mspId", r->mspid, "ok", r->ok);

        if (r->chaincode)
            json_object_update_new(o, json_pack("{s:I, s:s, s:b, s:s*, s:b, s:b, s:s*, s:b}", "sequence",
                                                (json_int_t)r->sequence, "version", r->version, "approved", r->approved,
                                                "packageId", r->package_id, "installed", r->installed, "answers",
                                                r->answers, "sha256", r->digest, "differs", r->differs));
        if (info)
            json_object_update_new(
                o, json_pack("{s:s, s:s*, s:s}", "code", info->code, "why", r->why, "remedy", info->remedy));
        json_array_append_new(rows, o);
    }
    cli_print_json(json_pack("{s:o, s:I}", "chaincodes", rows, "wrong", (json_int_t)status->wrong));
}

static int show(const deploy_status_options *options, bool as_json)
{
    deploy_status status = { 0 };
    fcc_error error = { 0 };
    const fcc_status st = deploy_status_read(options, &status, &error);
    int result = CLI_OK;

    if (st != FCC_OK)
        result = cli_failed("status", st == FCC_ERR_NOT_FOUND ? FCC__E_NET_NONE : cli_code(st, NULL, &error, false),
                            "%s", error.text);
    else if (as_json)
        print_json(&status);
    else
        for (size_t i = 0; i < status.count; i++)
            print_row(&status.rows[i]);
    if (st == FCC_OK && !as_json && status.count == 0)
        printf("no chaincode%s%s is on the channel\n", options->only ? " " : "", options->only ? options->only : "");
    if (st == FCC_OK && status.wrong)
        result = CLI_FAILED;
    deploy_status_clear(&status);
    return result;
}

int cli_status(int argc, char **argv)
{
    static const char *orgs[MOST_ORGS];
    deploy_status_options options = { .dir = CLI_DEFAULT_DIR, .orgs = orgs };
    bool as_json = false;
    cli_option known[] = {
        { "dir", .text = &options.dir },
        { "org", .list = orgs, .count = &options.org_count, .most = MOST_ORGS },
        { "timeout", CLI_SECONDS(options.timeout_s) },
        { "json", .flag = &as_json },
        { 0 },
    };
    const int status = cli_options("status", usage, known, argc, argv);

    if (status >= 0)
        return status;
    if (argc - optind > 1)
        return cli_usage("status", "%s: one chaincode, or none for all", argv[optind + 1]);
    options.only = argv[optind];
    return show(&options, as_json);
}
