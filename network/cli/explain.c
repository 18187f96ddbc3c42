/* medsync explain: what an error code means. Needs no network. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: medsync explain [--json] [CODE]\n\n"
    "Tells what an error code means, what it usually comes from and what to do about it. Without a\n"
    "code: all of them, one a line.\n";

static json_t *as_json(const fcc__code_info *i)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:i}", "code", i->code, "what", i->text, "cause", i->cause, "remedy",
                     i->remedy, "exitStatus", cli_exit_status(fcc__code_of(i)));
}

static int explain_all(bool json)
{
    json_t *all = json_array();
    size_t i;

    for (i = 0; i < FCC__CODE_COUNT; i++) {
        const fcc__code_info *info = fcc__code_info_of((fcc__code)i);

        if (json)
            json_array_append_new(all, as_json(info));
        else
            printf("%-10s %s\n", info->code, info->text);
    }
    if (json)
        cli_print_json(all);
    else
        json_decref(all);
    return CLI_OK;
}

int cli_explain(int argc, char **argv)
{
    const fcc__code_info *info;
    bool json = false;
    cli_option options[] = { { "json", .flag = &json }, { 0 } };
    const int status = cli_options("explain", usage, options, argc, argv);

    if (status >= 0)
        return status;
    if (argc - optind > 1)
        return cli_usage("explain", "one code at a time");
    if (argc == optind)
        return explain_all(json);
    info = fcc__code_find(argv[optind]);
    if (!info)
        return cli_failed("explain", FCC__E_CLI_CODE, "%s: no such code; `medsync explain` lists all", argv[optind]);
    if (json)
        cli_print_json(as_json(info));
    else
        printf("%s: %s\n\nusual cause  %s\nwhat to do   %s\nexit status  %d of a command that ends with it\n",
               info->code, info->text, info->cause, info->remedy, cli_exit_status(fcc__code_of(info)));
    return CLI_OK;
}
