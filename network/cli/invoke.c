/* medsync invoke and medsync query: a chaincode's function, with what it writes committed, or on one peer alone. */
#include "cli/cli.h"

static const char invoke_usage[] =
    "usage: medsync invoke [OPTION]... CHAINCODE FUNCTION [ARG]...\n\n"
    "Runs FUNCTION on the endorsing organisations' peers, has what it writes ordered and validated, and prints its\n"
    "answer once it is committed. Patient data belong in --transient, never in an ARG: arguments are on the ledger.";

static const char query_usage[] =
    "usage: medsync query [OPTION]... CHAINCODE FUNCTION [ARG]...\n\n"
    "Runs FUNCTION on one peer, by default the user's own organisation's, and prints its answer. Nothing is written.\n"
    "--endorse names the organisations whose peers may be asked.";

static int run(const char *command, const char *usage, bool invoked, int argc, char **argv)
{
    cli_call c;
    client *who = NULL;
    client_answer answer = { 0 };
    fcc_error error = { 0 };
    fcc_status st;
    int status = cli_call_parse(&c, command, usage, argc, argv);

    if (status >= 0)
        goto out;
    if (c.call.arg_count == 0) {
        status = cli_usage(c.command, "which function of %s?", c.call.chaincode);
        goto out;
    }
    st = client_open(&c.open, &who, &error);
    if (st == FCC_OK)
        st = invoked ? client_invoke(who, &c.call, c.arena, &answer, &error)
                     : client_query(who, &c.call, c.arena, &answer, &error);
    status = cli_call_show(&c, st, &answer, &error, invoked);
out:
    client_close(who);
    cli_call_clear(&c);
    return status;
}

int cli_invoke(int argc, char **argv)
{
    return run("invoke", invoke_usage, true, argc, argv);
}

int cli_query(int argc, char **argv)
{
    return run("query", query_usage, false, argc, argv);
}
