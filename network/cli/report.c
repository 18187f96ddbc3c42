/* Small things that every command needs: telling what went wrong, printing JSON, reading numbers. */
#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of the first failure that was told. */
static int first_status = CLI_OK;

int cli_first_status(void)
{
    return first_status;
}

int cli_failed(const char *command, fcc__code code, const char *format, ...)
{
    va_list args;

    fflush(stdout);
    fprintf(stderr, "medsync %s: %s ", command, fcc__code_info_of(code)->code);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    if (first_status == CLI_OK)
        first_status = cli_exit_status(code);
    return cli_exit_status(code);
}

/* Fabric's validation codes that are worth a word of their own. */
enum { ENDORSEMENT_POLICY_FAILURE = 10, MVCC_READ_CONFLICT = 11, PHANTOM_READ_CONFLICT = 12 };

static fcc__code code_of_validation(int validation)
{
    switch (validation) {
    case ENDORSEMENT_POLICY_FAILURE:
        return FCC__E_TX_POLICY;
    case MVCC_READ_CONFLICT:
        return FCC__E_TX_MVCC;
    case PHANTOM_READ_CONFLICT:
        return FCC__E_TX_PHANTOM;
    default:
        return FCC__E_TX_INVALID;
    }
}

fcc__code cli_code(fcc_status st, const client_answer *answer, const fcc_error *error, bool invoked)
{
    if (answer && answer->validation)
        return code_of_validation(answer->validation);
    if (st == FCC_ERR_APP)
        return FCC__E_TX_REFUSED;
    if (invoked && (st == FCC_ERR_TIMEOUT || st == FCC_ERR_IO) && answer && answer->submitted)
        return FCC__E_TX_UNKNOWN;
    if (st == FCC_ERR_TIMEOUT)
        return FCC__E_NET_TIMEOUT;
    if (st == FCC_ERR_IO && answer && answer->rpc_code)
        return FCC__E_NET_DOWN;
    if (st == FCC_ERR_AUTH)
        return FCC__E_NET_DENIED;
    if (st == FCC_ERR_CONFIG && strstr(error->text, "the private key is "))
        return FCC__E_CRT_KEY;
    if (st == FCC_ERR_CONFIG && strstr(error->text, "no private key there belongs to"))
        return FCC__E_CRT_PAIR;
    if (st == FCC_ERR_NOT_FOUND && strncmp(error->text, "no devnet at ", 13) == 0)
        return FCC__E_NET_NONE;
    return fcc__code_of_status(st);
}

int cli_usage(const char *command, const char *format, ...)
{
    va_list args;

    fprintf(stderr, "medsync %s: %s ", command, fcc__code_info_of(FCC__E_CLI_USAGE)->code);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\n`medsync %s --help` tells what it takes\n", command);
    return CLI_USAGE;
}

void cli_print_json(json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT);

    puts(text ? text : "{\"error\":\"out of memory\"}");
    free(text);
    json_decref(value);
}

bool cli_number(const char *text, int64_t least, int64_t most, int64_t *out)
{
    char *end;
    long long v;

    errno = 0;
    v = strtoll(text, &end, 10);
    if (errno || end == text || *end || v < least || v > most)
        return false;
    *out = v;
    return true;
}

bool cli_port_range(const char *text, int64_t *first, int64_t *last)
{
    const char *dash = strchr(text, '-');
    char left[8];

    if (!dash || (size_t)(dash - text) >= sizeof(left))
        return false;
    snprintf(left, sizeof(left), "%.*s", (int)(dash - text), text);
    return cli_number(left, 1, 65535, first) && cli_number(dash + 1, *first, 65535, last);
}
