/* medsync notify: alerts and reminders to a webhook, a mailbox file or a program. */
#include "cli/cli.h"

#include "client/direct.h"
#include "notify/notify.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: medsync notify [OPTION]... [-- PROGRAM [ARG]...]\n\n"
    "Follows the channel and tells what happens on it, at least once and in its order: alerts out of the events of "
    "valid\n"
    "transactions, and with --pid reminders of a patient's appointments and medicines. Where it tells: --webhook,\n"
    "--mailbox, PROGRAM, each of those given; standard output when there is none. A notice is JSON with an id that "
    "stays\n"
    "the same when it is delivered again; delivery.mayRepeat says that it may have been before. It has the ids that "
    "the\n"
    "event has, and nothing of a patient. Runs until it is interrupted, and goes on there the next time.\n\n"
    "  --dir DIR           the network's directory (" CLI_DEFAULT_DIR ")\n"
    "  --user NAME         whose peer is followed, and who asks for reminders (the Admin of the first organisation)\n"
    "  --org ORG           that user's organisation\n"
    "  --state DIR         where it keeps how far it came (DIR/notify/USER); one for each follower\n"
    "  --kind KIND,KIND    what: break-glass, recall, appointment, medicine (these four), records, consent, supply,\n"
    "                      registry, other; or all\n"
    "  --event NAME,NAME   these events alone, of any kind\n"
    "  --from BLOCK        the first time: this block, oldest or next (next)\n"
    "  --timeout SECONDS   for each request and each delivery (30)\n"
    "  --give-up N         keep a notice in the state's undelivered.jsonl after N tries, and go on; without it\n"
    "                      the next one waits until this one is taken\n"
    "  --count N           end after N notices\n"
    "  --idle SECONDS      end when there was nothing for so long\n"
    "of a patient:\n"
    "  --pid PID           remind of this patient's appointments and medicines; @FILE reads it from a file\n"
    "  --ahead MINUTES     how long before something is due (1440)\n"
    "  --every SECONDS     how often what is due is asked for (300)\n"
    "  --mine              of events only those whose act the user may see\n"
    "where to:\n"
    "  --webhook URL       POST; any 2xx is a yes. @FILE: its first line is the URL, for one that others must not see\n"
    "                      in the list of processes; messages have scheme, host and port alone\n"
    "  --webhook-secret FILE\n"
    "                      X-MedSync-Signature: sha256=HMAC of the body with the content of FILE\n"
    "  --webhook-ca FILE   who may have issued the server's certificate (the system's authorities)\n"
    "  --mailbox FILE      append mails in mbox form; --to ADDRESS is whom they are for (user@localhost)\n"
    "  PROGRAM             is run with the notice on its standard input; exit status 0 is a yes\n";

typedef struct given {
    notify_options o;
    notify_webhook hook;
    const char *mailbox, *to;
    char *const *program;
    char state[PATH_MAX], pid[64], *url; /* url: malloc'ed; NULL: not from a file */
    int64_t timeout_s;
} given;

static void log_line(void *ctx, fcc__code code, const char *text)
{
    (void)ctx;
    cli_failed("notify", code, "%s", text);
}

/* Each name of the list is a kind. */
static bool are_kinds(const char *list)
{
    size_t n, i;

    if (!strcmp(list, "all"))
        return true;
    for (; *list; list += n + (list[n] == ',')) {
        const char *name = NULL;

        n = strcspn(list, ",");
        for (i = 0; (name = notify_kind_name(i)); i++)
            if (strlen(name) == n && !memcmp(name, list, n))
                break;
        if (!name)
            return false;
    }
    return true;
}

static int read_pid(void *to, char *text)
{
    given *g = to;
    size_t len = 0;
    char *content;

    if (text[0] != '@') {
        snprintf(g->pid, sizeof(g->pid), "%s", text);
    } else {
        content = cli_read_file(text + 1, &len);
        if (!content)
            return cli_failed("notify", FCC__E_CLI_FILE, "%s: cannot be read", text + 1);
        snprintf(g->pid, sizeof(g->pid), "%.*s", (int)strcspn(content, "\r\n"), content);
        free(content);
    }
    g->o.pid = g->pid;
    return -1;
}

static int read_webhook(void *to, char *text)
{
    given *g = to;
    size_t len = 0;

    g->hook.url = text;
    if (text[0] != '@')
        return -1;
    g->url = cli_read_file(text + 1, &len);
    if (!g->url)
        return cli_failed("notify", FCC__E_CLI_FILE, "%s: cannot be read", text + 1);
    g->url[strcspn(g->url, "\r\n")] = '\0';
    g->hook.url = g->url;
    return -1;
}

static int read_from(void *to, char *text)
{
    given *g = to;

    if (!strcmp(text, "oldest"))
        g->o.from = CLIENT_OLDEST;
    else if (!strcmp(text, "next"))
        g->o.from = CLIENT_NEXT;
    else if (!cli_number(text, 0, INT64_MAX, &g->o.from))
        return cli_usage("notify", "--from %s: must be a block's number, oldest or next", text);
    return -1;
}

static int read_kinds(void *to, char *list)
{
    given *g = to;

    g->o.kinds = list;
    return are_kinds(list) ? -1 : cli_usage("notify", "--kind %s: `medsync notify --help` has the kinds", list);
}

static int parse(given *g, int argc, char **argv)
{
    cli_option options[] = {
        CLI_WHO(g->o.who),
        { "state", .text = &g->o.state },
        { "kind", .each = read_kinds, .to = g },
        { "event", .text = &g->o.events },
        { "from", .each = read_from, .to = g },
        { "timeout", CLI_SECONDS(g->timeout_s) },
        { "give-up", .number = &g->o.give_up, .least = 1, .most = 1000000 },
        { "count", .number = &g->o.count, .least = 1, .most = INT64_MAX },
        { "idle", .number = &g->o.idle_ms, .least = 1, .most = 1000000, .unit = "seconds", .times = 1000 },
        { "pid", .each = read_pid, .to = g },
        { "ahead", .number = &g->o.ahead_s, .least = 1, .most = 525600, .unit = "minutes", .times = 60 },
        { "every", .number = &g->o.every_s, .least = 1, .most = 86400, .unit = "seconds" },
        { "mine", .flag = &g->o.mine },
        { "webhook", .each = read_webhook, .to = g },
        { "webhook-secret", .text = &g->hook.secret },
        { "webhook-ca", .text = &g->hook.ca },
        { "mailbox", .text = &g->mailbox },
        { "to", .text = &g->to },
        CLI_CLOCK_OFFSET(g->o.who), /* for tests */
        { 0 },
    };
    int own = 1, status; /* what stands before "--" */

    while (own < argc && strcmp(argv[own], "--") != 0)
        own++;
    if ((status = cli_options("notify", usage, options, own, argv)) >= 0)
        return status;
    if (optind < own)
        return cli_usage("notify", "%s: a program and its arguments stand behind --", argv[optind]);
    if (own + 1 < argc)
        g->program = argv + own + 1;
    if ((g->hook.secret || g->hook.ca) && !g->hook.url)
        return cli_usage("notify", "--webhook-secret and --webhook-ca need --webhook");
    if (g->to && !g->mailbox)
        return cli_usage("notify", "--to needs --mailbox");
    if (g->o.mine && !g->o.who.user)
        return cli_usage("notify", "--mine needs --user: whose?");
    g->o.who.timeout_ms = g->timeout_s * 1000;
    if (!g->o.state) {
        snprintf(g->state, sizeof(g->state), "%s/notify/%s%s%s", g->o.who.dir, g->o.who.org ? g->o.who.org : "",
                 g->o.who.org ? "-" : "", g->o.who.user ? g->o.who.user : "Admin");
        g->o.state = g->state;
    }
    return -1;
}

/* All that were asked for. */
static fcc_status open_sinks(const given *g, notify_sink **sinks, size_t *count, fcc_error *error)
{
    char to[128];
    fcc_status st = FCC_OK;

    snprintf(to, sizeof(to), "%s@localhost", g->o.who.user ? g->o.who.user : "Admin");
    if (g->hook.url && (st = notify_to_webhook(&g->hook, (int)g->timeout_s, &sinks[*count], error)) == FCC_OK)
        (*count)++;
    if (st == FCC_OK && g->mailbox &&
        (st = notify_to_mailbox(g->mailbox, g->to ? g->to : to, &sinks[*count], error)) == FCC_OK)
        (*count)++;
    if (st == FCC_OK && g->program &&
        (st = notify_to_command(g->program, (int)g->timeout_s, &sinks[*count], error)) == FCC_OK)
        (*count)++;
    if (st == FCC_OK && *count == 0 && (st = notify_to_output(&sinks[0], error)) == FCC_OK)
        *count = 1;
    return st;
}

int cli_notify(int argc, char **argv)
{
    given g = { .timeout_s = 30 };
    notify_sink *sinks[3] = { NULL };
    fcc_error error = { 0 };
    fcc_status st;
    int status;

    g.o.who.dir = CLI_DEFAULT_DIR;
    g.o.from = CLIENT_NEXT;
    g.o.ahead_s = 86400;
    g.o.every_s = 300;
    g.o.log = log_line;
    if ((status = parse(&g, argc, argv)) >= 0) {
        free(g.url);
        return status;
    }
    st = open_sinks(&g, sinks, &g.o.sink_count, &error);
    g.o.sinks = sinks;
    if (st == FCC_OK)
        st = notify_run(&g.o, &error);
    while (g.o.sink_count > 0)
        notify_sink_free(sinks[--g.o.sink_count]);
    free(g.url);
    return st == FCC_OK ? CLI_OK : cli_failed("notify", cli_code(st, NULL, &error, false), "%s", error.text);
}
