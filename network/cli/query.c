/* medsync query: evaluate on one peer. */
#include "cli/cli.h"

static const char usage[] =
    "usage: medsync query [OPTION]... CHAINCODE FUNCTION [ARG]...\n\n"
    "Runs FUNCTION on one peer, by default the user's own organisation's, and prints its answer. Nothing is written.\n"
    "--endorse names the organisations whose peers may be asked.";

int cli_query(int argc, char **argv)
{
    cli_call c;
    client *who = NULL;
    client_answer answer = { 0 };
    fcc_error error = { 0 };
    fcc_status st;
    int status = cli_call_parse(&c, "query", usage, argc, argv);

    if (status >= 0)
        goto out;
    if (c.call.arg_count == 0) {
        status = cli_usage(c.command, "which function of %s?", c.call.chaincode);
        goto out;
    }
    st = client_open(&c.open, &who, &error);
    if (st == FCC_OK)
        st = client_query(who, &c.call, c.arena, &answer, &error);
    status = cli_call_show(&c, st, &answer, &error, false);
out:
    client_close(who);
    cli_call_clear(&c);
    return status;
}
