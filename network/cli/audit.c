/* medsync audit: proves offline, from a channel's blocks alone, that nothing in them was changed. */
#include "cli/cli.h"

#include "audit/audit.h"
#include "audit/source.h"
#include "base/hash.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: medsync audit verify [OPTION]... BLOCKS\n"
    "       medsync audit genesis-hash BLOCKS\n\n"
    "verify reads a channel's blocks from the first on and accounts for every byte: hashes, the orderers' and\n"
    "creators' signatures, endorsements, each transaction's code and each commit hash are computed again.\n"
    "BLOCKS is a folder: a peer's ledgersData/chains/chains/CHANNEL, a devnet's DIR/ledger/blocks, or files NNN.pb.\n"
    "Nothing is written and no network is needed. A finding names the block, the transaction and the part,\n"
    "and says whether a Fabric peer would have refused the block for it.\n\n"
    "  --genesis-hash HEX  what the header of block 0 must hash to: nobody signs it, so an auditor should\n"
    "                      know it from somebody else\n"
    "  --json              one JSON object a line: the findings, then the sum\n\n"
    "genesis-hash prints the hash of block 0's header, for the next auditor to compare.\n\n"
    "Exit status 0 only when there are no findings.\n";

enum { BLOCK_ARENA = 1 << 30, PROGRESS = 1000 };

typedef struct report {
    bool json;
    bool progress; /* a line of it stands on the terminal */
    uint64_t findings, transactions, valid;
} report;

static void clear_progress(report *r)
{
    if (r->progress)
        fprintf(stderr, "\r\033[K");
    r->progress = false;
}

static void tell(void *ctx, const audit_finding *f)
{
    report *r = ctx;

    r->findings++;
    clear_progress(r);
    if (r->json) {
        cli_print_json(json_pack("{s:I, s:o, s:s, s:s, s:b}", "block", (json_int_t)f->block, "transaction",
                                 f->tx < 0 ? json_null() : json_integer((json_int_t)f->tx), "part", f->part, "text",
                                 f->text, "refusedByFabric", f->refused));
        return;
    }
    printf("block %" PRIu64, f->block);
    if (f->tx >= 0)
        printf(", transaction %" PRId64, f->tx);
    printf(", %s: %s (a Fabric peer %s)\n", f->part, f->text, f->refused ? "refuses this block" : "does not notice");
}

/* How many of its transactions are recorded as valid. */
static void count(report *r, fcc_bytes block, fcc__arena *arena)
{
    uint64_t all, valid;

    if (audit_count(block, arena, &all, &valid) != FCC_OK)
        return;
    r->transactions += all;
    r->valid += valid;
}

static int walk(audit *a, audit_source *source, report *r)
{
    bool terminal = isatty(STDERR_FILENO);
    fcc__arena *arena = fcc__arena_new(BLOCK_ARENA);
    fcc_error error = { 0 };
    fcc_status st = arena ? FCC_OK : FCC_ERR_NOMEM;
    size_t ignored;
    fcc_bytes block;

    while (st == FCC_OK) {
        fcc__arena_reset(arena);
        st = audit_source_next(source, arena, &block, &error);
        if (st == FCC_OK) {
            count(r, block, arena);
            st = audit_take(a, block, &ignored, &error);
        }
        if (terminal && audit_height(a) % PROGRESS == 0) {
            fprintf(stderr, "\r%" PRIu64 " blocks", audit_height(a));
            r->progress = true;
        }
    }
    clear_progress(r);
    fcc__arena_free(arena);
    if (st != FCC_ERR_NOT_FOUND)
        return cli_failed("audit", st == FCC_ERR_CORRUPT ? FCC__E_AUDIT_DAMAGED : FCC__E_AUDIT_READ, "%s",
                          error.text[0] ? error.text : fcc_status_text(st));
    return CLI_OK;
}

/* `whole`: all that is there was read */
static void sum_up(const audit *a, const report *r, bool whole, bool torn)
{
    if (r->json)
        cli_print_json(json_pack("{s:I, s:I, s:I, s:I, s:b, s:b}", "blocks", (json_int_t)audit_height(a),
                                 "transactions", (json_int_t)r->transactions, "valid", (json_int_t)r->valid, "findings",
                                 (json_int_t)r->findings, "cutShort", torn, "complete", whole));
    else
        printf("%" PRIu64 " blocks, %" PRIu64 " transactions, %" PRIu64 " of them valid: %s\n", audit_height(a),
               r->transactions, r->valid,
               r->findings ? "see the findings above"
               : whole     ? "every byte is accounted for"
                           : "those behind them could not be read");
    if (torn && !r->json)
        printf("The last file ends in a block that is cut short, as while a peer writes it: not counted.\n");
}

static int verify(const char *path, fcc_bytes genesis_hash, bool json)
{
    report r = { .json = json };
    audit_options options = { .genesis_hash = genesis_hash, .found = tell, .ctx = &r };
    audit_source *source = NULL;
    audit *a = NULL;
    fcc_error error = { 0 };
    int status;

    if (audit_source_open(path, &source, &error) != FCC_OK || audit_open(&options, &a, &error) != FCC_OK) {
        audit_source_close(source);
        return cli_failed("audit", FCC__E_AUDIT_READ, "%s", error.text);
    }
    status = walk(a, source, &r);
    sum_up(a, &r, status == CLI_OK, audit_source_torn(source));
    audit_close(a);
    audit_source_close(source);
    return r.findings ? CLI_FINDING : status;
}

static int genesis_hash(const char *path)
{
    fcc__arena *arena = fcc__arena_new(BLOCK_ARENA);
    audit_source *source = NULL;
    fcc_error error = { 0 };
    fcc__sha256 hash;
    fcc_bytes block;
    fcc_status st = arena ? audit_source_open(path, &source, &error) : FCC_ERR_NOMEM;

    if (st == FCC_OK)
        st = audit_source_next(source, arena, &block, &error);
    if (st == FCC_OK)
        st = audit_hash(block, arena, &hash);
    if (st == FCC_OK) {
        fcc_bytes hex = fcc__hex(arena, fcc__sha256_bytes(&hash));

        printf(FCC_FMT "\n", FCC_ARG(hex));
    }
    audit_source_close(source);
    fcc__arena_free(arena);
    return st == FCC_OK
               ? CLI_OK
               : cli_failed("audit", FCC__E_AUDIT_READ, "%s", error.text[0] ? error.text : fcc_status_text(st));
}

int cli_audit(int argc, char **argv)
{
    const char *given = NULL;
    bool json = false;
    cli_option options[] = {
        { "genesis-hash", .text = &given },
        { "json", .flag = &json },
        { 0 },
    };
    fcc_bytes hash = { NULL, 0 };
    fcc__arena *arena;
    int status = cli_options("audit", usage, options, argc, argv);

    if (status >= 0)
        return status;
    arena = fcc__arena_new(1 << 20);
    if (!arena)
        status = cli_failed("audit", FCC__E_STAT_RES, "out of memory");
    else if (given && (fcc__unhex(arena, fcc_str(given), &hash) != FCC_OK || hash.len != FCC__SHA256_LEN))
        status = cli_usage("audit", "--genesis-hash %s: must be 64 hexadecimal digits", given);
    else if (argc - optind == 2 && !strcmp(argv[optind], "genesis-hash"))
        status = genesis_hash(argv[optind + 1]);
    else if (argc - optind != 2 || strcmp(argv[optind], "verify") != 0)
        status = cli_usage("audit", "verify or genesis-hash, and one folder of blocks");
    else
        status = verify(argv[optind + 1], hash, json);
    fcc__arena_free(arena);
    return status;
}
