/* Small things that every command needs: telling what went wrong, printing JSON, reading numbers. */
#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

int cli_fail(const char *command, int status, const char *format, ...)
{
    va_list args;

    fflush(stdout);
    fprintf(stderr, "medsync %s: ", command);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return status;
}

int cli_usage(const char *command, const char *format, ...)
{
    va_list args;

    fprintf(stderr, "medsync %s: ", command);
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
