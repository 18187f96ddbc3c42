/*
 * The options of a command, read into where its table says. getopt_long() finds them on the command line; popt and argp
 * would print a help text of their own layout, where ours is prose with its options in it, and their numbers have no
 * range.
 */
#include "cli/cli.h"

#include "base/require.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

enum { OPTIONS_MOST = 40, WORD_MOST = 32 };
enum { HELP = 1000 }; /* behind every row's number, and no letter's: those are in optopt for an option of one dash */

static size_t least_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How many letters have to be put in, left out or changed to make one word of the other. */
static size_t distance(const char *a, const char *b)
{
    const size_t n = strlen(b);
    size_t row[WORD_MOST + 1], i, j, corner, before;

    for (j = 0; j <= n; j++)
        row[j] = j;
    for (i = 0; a[i]; i++) {
        corner = row[0];
        row[0] = i + 1;
        for (j = 1; j <= n; j++) {
            before = row[j];
            row[j] = least_of(corner + (a[i] != b[j - 1]), least_of(before, row[j - 1]) + 1);
            corner = before;
        }
    }
    return row[n];
}

/* The option that was probably meant; NULL when none is like it. */
static const char *nearest(const struct option *longs, const char *word)
{
    const char *found = NULL;
    size_t least = strlen(word) / 3 + 1;

    for (; longs->name; longs++) {
        const size_t d = strncmp(longs->name, word, strlen(word)) ? distance(word, longs->name) : 0;

        if (d < least || (d == least && !found)) {
            least = d;
            found = longs->name;
        }
    }
    return found;
}

static int unknown(const char *command, const struct option *longs, const char *word)
{
    const size_t len = strcspn(word, "=");
    char name[WORD_MOST];
    const char *like;

    if (strncmp(word, "--", 2) != 0)
        return cli_usage(command, "-%c: no such option; options have two dashes", optopt);
    snprintf(name, sizeof(name), "%.*s", (int)len - 2, word + 2);
    like = nearest(longs, name);
    return cli_usage(command, "%.*s: no such option%s%s%s", (int)len, word, like ? "; is --" : "", like ? like : "",
                     like ? " meant?" : "");
}

static int number(const char *command, const cli_option *o, const char *value)
{
    const char *unit = o->unit ? o->unit : "";
    const char *gap = o->unit ? " " : "";
    int64_t n;

    if (cli_number(value, o->least, o->most, &n)) {
        *o->number = o->times ? n * o->times : n;
        return -1;
    }
    if (o->most == INT64_MAX)
        return cli_usage(command, "--%s %s: must be a number from %lld%s%s", o->name, value, (long long)o->least, gap,
                         unit);
    return cli_usage(command, "--%s %s: must be %lld to %lld%s%s", o->name, value, (long long)o->least,
                     (long long)o->most, gap, unit);
}

static int add(const char *command, const cli_option *o, const char *value)
{
    if (*o->count == (size_t)o->most)
        return cli_usage(command, "--%s %s: at most %lld", o->name, value, (long long)o->most);
    o->list[(*o->count)++] = value;
    return -1;
}

static int put(const char *command, const cli_option *o, char *value)
{
    char *rest, *word;
    int status = -1;

    if (o->flag)
        *o->flag = true;
    if (o->text)
        *o->text = value;
    if (o->number)
        return number(command, o, value);
    if (o->moment && !cli_time(value, o->moment))
        return cli_usage(command, "--%s %s: must be a moment such as 2027-01-01T00:00:00Z", o->name, value);
    if (o->list && !o->commas)
        return add(command, o, value);
    if (o->list)
        for (word = strtok_r(value, ",", &rest); word && status < 0; word = strtok_r(NULL, ",", &rest))
            status = add(command, o, word);
    if (o->each)
        return o->each(o->to, value);
    return status;
}

int cli_options(const char *command, const char *help, cli_option *options, int argc, char **argv)
{
    struct option longs[OPTIONS_MOST + 2] = { 0 };
    int count, found, status = -1;

    for (count = 0; options[count].name; count++) {
        FCC_REQUIRE(count < OPTIONS_MOST && strlen(options[count].name) < WORD_MOST);
        longs[count].name = options[count].name;
        longs[count].has_arg = options[count].flag ? no_argument : required_argument;
        longs[count].val = HELP + 1 + count;
    }
    longs[count] = (struct option){ "help", no_argument, NULL, HELP };
    opterr = 0;
    optind = 0; /* begin anew: a command's part may have options of its own */
    while (status < 0 && (found = getopt_long(argc, argv, ":h", longs, NULL)) != -1) {
        if (found > HELP) {
            options[found - HELP - 1].given = true;
            status = put(command, &options[found - HELP - 1], optarg);
        } else if (found == HELP || found == 'h')
            status = fputs(help, stdout) >= 0 ? CLI_OK : CLI_FAILED;
        else if (found == ':')
            status = cli_usage(command, "--%s: its value is missing", options[optopt - HELP - 1].name);
        else if (optopt >= HELP)
            status = cli_usage(command, "%s: this option takes no value", argv[optind - 1]);
        else
            status = unknown(command, longs, argv[optind - 1]);
    }
    return status;
}

int cli_options_of(const char *command, const cli_option *options, unsigned part, const char *name)
{
    for (; options->name; options++)
        if (options->given && options->parts && !(options->parts & part))
            return cli_usage(command, "--%s is not for %s", options->name, name);
    return -1;
}
