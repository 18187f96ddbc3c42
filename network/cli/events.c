/* medsync events: a chaincode's events, block after block. */
#include "cli/cli.h"

#include "base/hash.h"
#include "base/utf8.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

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
    client_options open = { .dir = CLI_DEFAULT_DIR };
    client_events_options o = { .from_block = -1 };
    printer p = { .left = -1 };
    client_checkpoint at = { 0 };
    client *who = NULL;
    fcc_error error = { 0 };
    fcc_status st;
    cli_option options[] = {
        CLI_WHO(open),
        { "from", .number = &o.from_block, .least = 0, .most = INT64_MAX },
        { "after", .text = &o.after_txid },
        { "checkpoint", .text = &p.checkpoint },
        { "count", .number = &p.left, .least = 1, .most = INT64_MAX },
        { "idle", .number = &o.idle_ms, .least = 1, .most = 1000000, .unit = "seconds", .times = 1000 },
        { "json", .flag = &p.json },
        { 0 },
    };
    const int status = cli_options("events", usage, options, argc, argv);

    if (status >= 0)
        return status;
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
