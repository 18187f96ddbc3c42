/*
 * medsync's exit statuses: one for each kind of failure, so that a script can decide what to do next without reading
 * text. `medsync --help` lists them, `medsync explain CODE` names a code's.
 */
#include "cli/cli.h"

#include <string.h>

/* The first row whose prefix fits the code decides; a whole code is its own prefix. What fits none is CLI_FAILED. */
static const struct {
    const char *prefix;
    int status;
} kinds[] = {
    { "E-TX-05", CLI_REFUSED },    { "E-TX-06", CLI_UNKNOWN },    { "E-TX-", CLI_INVALID },
    { "E-NET-01", CLI_UNREACHED }, { "E-NET-02", CLI_UNREACHED }, { "E-NET-03", CLI_UNREACHED },
    { "E-NET-04", CLI_IDENTITY },  { "E-NET-06", CLI_INPUT },     { "E-DIAL-", CLI_UNREACHED },
    { "E-REG-", CLI_UNREACHED },   { "E-TLS-", CLI_IDENTITY },    { "E-CRT-", CLI_IDENTITY },
    { "E-CFG-", CLI_INPUT },       { "E-PKG-", CLI_INPUT },       { "E-CLI-03", CLI_USAGE },
    { "E-CLI-", CLI_INPUT },       { "E-AUD-01", CLI_INPUT },     { "E-AUD-", CLI_FINDING },
    { "E-REC-", CLI_FINDING },     { "E-BLOB-01", CLI_FINDING },  { "E-BLOB-02", CLI_FINDING },
    { "E-BLOB-04", CLI_FINDING },  { "E-STAT-01", CLI_USAGE },    { "E-CHAN-01", CLI_INPUT },
    { "E-CHAN-02", CLI_INVALID },  { "E-CHAN-03", CLI_USAGE },    { "E-STAT-05", CLI_FINDING },
};

static const struct {
    int status;
    const char *what;
} statuses[] = {
    { CLI_OK, "done" },
    { CLI_FAILED, "failed otherwise: a program, the machine, or one of several steps" },
    { CLI_USAGE, "the command line is not understood, or names somebody or something that is not there" },
    { CLI_REFUSED, "a chaincode refused the call; nothing was written" },
    { CLI_INVALID, "the transaction was ordered and is invalid; nothing was written" },
    { CLI_UNKNOWN, "whether the transaction was committed is not known: ask for its id before you repeat it" },
    { CLI_UNREACHED, "no network, or no answer from it in time; nothing was submitted" },
    { CLI_IDENTITY, "a certificate, key or signature was not accepted" },
    { CLI_INPUT, "a file or its content cannot be used" },
    { CLI_FINDING, "what was checked is damaged, missing or not what it should be" },
};

int cli_exit_status(fcc__code code)
{
    const char *text = fcc__code_info_of(code)->code;
    size_t i;

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (!strncmp(text, kinds[i].prefix, strlen(kinds[i].prefix)))
            return kinds[i].status;
    return CLI_FAILED;
}

const char *cli_exit_text(int status)
{
    size_t i;

    for (i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
        if (statuses[i].status == status)
            return statuses[i].what;
    return NULL;
}
