/* medsync events: a chaincode's events, block after block. */
#include "cli/cli.h"

#include "base/hash.h"
#include "base/utf8.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const char usage[] =
    "usage: medsync events [OPTION]... CHAINCODE\n\n"
    "Prints the events of CHAINCODE's valid transactions as they are committed, until it is interrupted.\n\n"
    "  --dir DIR         the network's directory (" CLI_DEFAULT_DIR ")\n"
    "  --user NAME       who asks (the Admin of --org or of the first organisation)\n"
    "  --org ORG         that user's organisation\n"
    "  --from BLOCK      begin with the events of this block; by default with the next one\n"
    "  --after TXID      begin after this transaction's event\n"
    "  --checkpoint FILE keep in FILE how far it came, and go on there the next time; --from and --after count only "
    "as\n"
    "                    long as there is none. The file is that of Fabric's gateway SDKs\n"
    "  --count N         end after N events\n"
    "  --idle SECONDS    end when none came for so long\n"
    "  --json            one JSON object a line\n";

typedef struct printer {
    fcc__arena *arena;
    int64_t left; /* negative: no limit */
    bool json;
    const char *checkpoint; /* NULL: none is kept */
    fcc_status st;
    fcc_error *error;
} printer;

static bool print_event(void *ctx, const client_event *e)
{
    printer *p = ctx;
    bool text = fcc__utf8_valid(e->payload);
    fcc_bytes shown;

    fcc__arena_reset(p->arena);
    shown = text ? e->payload : fcc__base64(p->arena, e->payload);
    if (p->json) {
        cli_print_json(json_pack("{s:I, s:s%, s:s%, s:s%, s:s%}", "block", (json_int_t)e->block, "txId",
                                 (const char *)e->txid.data, e->txid.len, "chaincode", (const char *)e->chaincode.data,
                                 e->chaincode.len, "name", (const char *)e->name.data, e->name.len,
                                 text ? "payload" : "payloadBase64", shown.len ? (const char *)shown.data : "",
                                 shown.len));
    } else {
        printf("%llu  " FCC_FMT "  " FCC_FMT "  " FCC_FMT "\n", (unsigned long long)e->block, FCC_ARG(e->txid),
               FCC_ARG(e->name), FCC_ARG(shown));
    }
    fflush(stdout);
    if (p->checkpoint) {
        char txid[65];

        snprintf(txid, sizeof(txid), FCC_FMT, FCC_ARG(e->txid));
        p->st = client_checkpoint_write(p->checkpoint, e->block, txid, p->error);
        if (p->st != FCC_OK)
            return false;
    }
    return p->left < 0 || --p->left > 0;
}

int cli_events(int argc, char **argv)
{
    enum { DIR_, USER, ORG, FROM, AFTER, COUNT, IDLE, CHECKPOINT, JSON, HELP };
    static const struct option options[] = {
        { "dir", required_argument, NULL, DIR_ },
        { "user", required_argument, NULL, USER },
        { "org", required_argument, NULL, ORG },
        { "from", required_argument, NULL, FROM },
        { "after", required_argument, NULL, AFTER },
        { "count", required_argument, NULL, COUNT },
        { "idle", required_argument, NULL, IDLE },
        { "json", no_argument, NULL, JSON },
        { "checkpoint", required_argument, NULL, CHECKPOINT },
        { "help", no_argument, NULL, HELP },
        { NULL, 0, NULL, 0 },
    };
    client_options open = { 0 };
    client_events_options o = { 0 };
    printer p = { 0 };
    client_checkpoint at = { 0 };
    client *who = NULL;
    fcc_error error = { 0 };
    fcc_status st;
    int64_t n;
    int option;

    open.dir = CLI_DEFAULT_DIR;
    o.from_block = -1;
    p.left = -1;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
        switch (option) {
        case DIR_:
            open.dir = optarg;
            break;
        case USER:
            open.user = optarg;
            break;
        case ORG:
            open.org = optarg;
            break;
        case FROM:
            if (!cli_number(optarg, 0, INT64_MAX, &o.from_block))
                return cli_usage("events", "--from %s: must be a block's number", optarg);
            break;
        case AFTER:
            o.after_txid = optarg;
            break;
        case COUNT:
            if (!cli_number(optarg, 1, INT64_MAX, &p.left))
                return cli_usage("events", "--count %s: must be a number from 1", optarg);
            break;
        case IDLE:
            if (!cli_number(optarg, 1, 1000000, &n))
                return cli_usage("events", "--idle %s: must be a number of seconds", optarg);
            o.idle_ms = n * 1000;
            break;
        case CHECKPOINT:
            p.checkpoint = optarg;
            break;
        case JSON:
            p.json = true;
            break;
        case HELP:
            fputs(usage, stdout);
            return CLI_OK;
        default:
            return cli_usage("events", "%s: no such option, or it lacks its value", argv[optind - 1]);
        }
    }
    if (argc - optind != 1)
        return cli_usage("events", "which chaincode?");
    o.chaincode = argv[optind];
    p.arena = fcc__arena_new(CLI_ARENA_MAX);
    st = p.arena ? client_open(&open, &who, &error) : fcc_error_set(&error, FCC_ERR_NOMEM, "out of memory");
    if (st == FCC_OK && p.checkpoint)
        st = client_checkpoint_read(p.checkpoint, &at, &error);
    if (at.known) {
        o.from_block = (int64_t)at.block;
        o.after_txid = at.txid;
    }
    p.error = &error;
    if (st == FCC_OK)
        st = client_events(who, &o, print_event, &p, &error);
    if (st == FCC_OK)
        st = p.st;
    client_close(who);
    fcc__arena_free(p.arena);
    return st == FCC_OK ? CLI_OK : cli_failed("events", cli_code(st, NULL, &error, false), "%s", error.text);
}
