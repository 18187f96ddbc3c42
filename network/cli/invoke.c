/* medsync invoke: endorse, submit, wait for the commit. */
#include "cli/cli.h"

static const char usage[] =
    "usage: medsync invoke [OPTION]... CHAINCODE FUNCTION [ARG]...\n\n"
    "Runs FUNCTION on the endorsing organisations' peers, has what it writes ordered and validated, and prints its\n"
    "answer once it is committed. Patient data belong in --transient, never in an ARG: arguments are on the ledger.";

int cli_invoke(int argc, char **argv)
{
    cli_call c;
    client *who = NULL;
    client_answer answer = { 0 };
    fcc_error error = { 0 };
    fcc_status st;
    int status = cli_call_parse(&c, "invoke", usage, argc, argv);

    if (status >= 0)
        goto out;
    if (c.call.arg_count == 0) {
        status = cli_usage(c.command, "which function of %s?", c.call.chaincode);
        goto out;
    }
    st = client_open(&c.open, &who, &error);
    if (st == FCC_OK)
        st = client_invoke(who, &c.call, c.arena, &answer, &error);
    status = cli_call_show(&c, st, &answer, &error, true);
out:
    client_close(who);
    cli_call_clear(&c);
    return status;
}
