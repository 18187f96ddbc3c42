/*
 * What does a ledger's size cost? Builds a small ledger and a large one in DIR, which must exist, unless they are there from
 * an earlier run, and measures both in turn, round by round (0: builds them, and that is all):
 *
 *     growth DIR KEYS BLOCKS [ROUNDS [PROBE]]
 *
 * - open: ledger_open of an existing ledger, as at the devnet's start
 * - get: one point read of a random key in an open simulation: mostly a question of the processor's caches
 * - GetState: what one costs an author: of a transaction with ten, one at a time, in a process of PROBE (the executable) at
 *   the other end of gRPC, each answered with a random key's value out of a simulation; without PROBE there is no such row
 * - evaluate: what a query with one point read costs its peer, apart from the chaincode's process: the proposal's
 *   signature, a simulation, its read-write set, the endorsement
 * - commit: validation and commit of a block with one transaction that reads and writes ten random keys, with syncs
 *
 * Building takes the codes as given, as for recorded blocks, and syncs once, at the end. The table's ratios
 * are large to small, of medians over the rounds; all of it in one run, since what else the machine does falls on both.
 */
#include "ledger/commit.h"
#include "test/bench/peer.h"
#include "test/bench/target.h"
#include "test/support/disk.h"
#include "test/unit/network/ledger/fixture.h"

#include <errno.h>
#include <inttypes.h>
#include <time.h>

enum {
    SMALL_KEYS = 10000,
    SMALL_BLOCKS = 1000,
    GETS = 50000,
    GETS_EACH = 50,
    STATES = 10, /* GetState in a transaction, and for so many milliseconds */
    STATES_MS = 300,
    EVALUATES = 1000,
    COMMITS = 40,
    COMMIT_KEYS = 10
};
enum { OPEN, GET, STATE, EVALUATE, COMMIT, MEASURES, MAX_ROUNDS = 99 };

static const char *const names[MEASURES] = { "open", "get", "GetState", "evaluate", "commit" };

struct grown {
    fixture *f; /* a copy of the one fixture, with its own ledger */
    uint64_t keys, blocks;
    double us[MEASURES][MAX_ROUNDS];
};

static rpc_loop *loop;
static bench_peer *chaincode; /* NULL: none */

static double now_us(void)
{
    return bench_now_us();
}

static uint64_t seed = 1;

static uint64_t random_below(uint64_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (seed >> 11) % n;
}

static void give_up(const char *what, const char *why)
{
    fprintf(stderr, "growth: %s: %s\n", what, why);
    exit(1);
}

/* Keys in the order of their numbers would be neighbours in each block; these are spread over the whole state. */
static fcc_bytes key_of(uint64_t n, char room[32])
{
    int len = snprintf(room, 32, "record/%016" PRIx64, n);

    return fcc_bytes_of(room, (size_t)len);
}

static void open_ledger(struct grown *g)
{
    fcc_error error = { FCC_OK, "" };

    if (fix_try_open(g->f, &error) != FCC_OK)
        give_up(g->f->ledger_dir, error.text);
}

static void put_key(struct grown *g, ledger_sim *sim, uint64_t n)
{
    char room[32], value[100];

    memset(value, 'v', sizeof value);
    if (ledger_sim_put(sim, FCC_LIT("any"), fcc_bytes_of(NULL, 0), key_of(n, room),
                       fcc_bytes_of((uint8_t *)value, sizeof value)) != FCC_OK)
        give_up(g->f->ledger_dir, ledger_sim_error(sim));
}

/* Says that a ledger is complete, beside it. */
static void name_mark(const struct grown *g, char room[160])
{
    snprintf(room, 160, "%s.built", g->f->ledger_dir);
}

static void mark_built(const struct grown *g)
{
    char name[160];
    FILE *mark;

    name_mark(g, name);
    mark = fopen(name, "w");
    if (!mark || fclose(mark) != 0)
        give_up(name, strerror(errno));
}

static bool is_built(const struct grown *g)
{
    char name[160];

    name_mark(g, name);
    return access(name, F_OK) == 0;
}

static void build(struct grown *g)
{
    fixture *f = g->f;
    fcc__arena *kept = f->arena, *scratch = fcc__arena_new((size_t)1 << 30);
    const uint8_t valid = FIX_CODE(VALID);
    uint64_t per_block = g->keys / g->blocks, n = 0, block, i;
    fcc_error error = { FCC_OK, "" };
    ledger_committed done;
    double start = now_us();

    disk_no_sync("");
    open_ledger(g);
    fix_commit_genesis(f);
    f->arena = scratch;
    for (block = 1; block <= g->blocks; block++) {
        ledger_sim *sim = fix_sim(f, 0);
        ledger__block made;
        fix_tx tx;

        for (i = 0; i < per_block; i++)
            put_key(g, sim, n++);
        tx = fix_endorse(f, "any", fix_finish(f, sim), 0);
        if (ledger__block_unpack(fix_order(f, &tx, 1), scratch, &made) != FCC_OK)
            give_up(f->ledger_dir, "a block can't be read");
        made.metadata[LEDGER__FILTER] = fcc_bytes_of(&valid, 1);
        if (ledger__commit_block(f->l, &made, LEDGER__RECORDED, NULL, (ledger__teller){ 0 }, scratch, &done, &error) !=
            FCC_OK)
            give_up(f->ledger_dir, error.text);
        fcc__arena_reset(scratch);
        if (block % 50000 == 0)
            fprintf(stderr, "growth: %" PRIu64 " blocks, %.0f s\n", block, (now_us() - start) / 1e6);
    }
    f->arena = kept;
    fcc__arena_free(scratch);
    ledger_close(f->l);
    disk_no_sync(NULL);
    sync();
    fprintf(stderr, "growth: built %" PRIu64 " keys in %" PRIu64 " blocks in %.0f s\n", n, g->blocks,
            (now_us() - start) / 1e6);
    mark_built(g);
}

static fcc_bytes random_key(const struct grown *g, char room[32])
{
    return key_of(random_below(g->keys), room);
}

static void get(struct grown *g, ledger_sim *sim)
{
    fcc_bytes value;
    char room[32];

    if (ledger_sim_get(sim, FCC_LIT("any"), fcc_bytes_of(NULL, 0), random_key(g, room), &value) != FCC_OK ||
        value.len != 100)
        give_up(g->f->ledger_dir, "a key is not there");
}

/* Have all of the state mapped, as it is in a process that has run for a while. */
static void warm(const struct grown *g)
{
    ledger__cursor cursor;
    MDB_txn *txn;
    uint64_t n = 0;
    fcc_status st = ledger__begin(&g->f->l->store, false, &txn);

    if (st == FCC_OK)
        st = ledger__cursor_open(&g->f->l->store, txn, LEDGER__STATE, fcc_bytes_of(NULL, 0), &cursor);
    for (; st == FCC_OK && cursor.key.data; n++)
        st = ledger__cursor_next(&cursor);
    if (st != FCC_OK || n < g->keys)
        give_up(g->f->ledger_dir, "the state can't be walked through");
    ledger__cursor_close(&cursor);
    mdb_txn_abort(txn);
}

static double measure_gets(struct grown *g)
{
    double took = 0;
    int i, k;

    for (i = 0; i < GETS / GETS_EACH; i++) {
        ledger_sim *sim = fix_sim(g->f, 0);
        double start = now_us();

        for (k = 0; k < GETS_EACH; k++)
            get(g, sim);
        took += now_us() - start;
        ledger_sim_free(sim);
    }
    return took / GETS;
}

/* What answers a chaincode's GetState. */
struct source {
    struct grown *g;
    ledger_sim *sim;
    unsigned read;
    fcc_bytes value;
};

static fcc_bytes next_value(void *ctx)
{
    struct source *s = ctx;
    char room[32];

    if (s->read++ % STATES == 0) {
        ledger_sim_free(s->sim);
        s->sim = fix_sim(s->g->f, 0);
    }
    if (ledger_sim_get(s->sim, FCC_LIT("any"), fcc_bytes_of(NULL, 0), random_key(s->g, room), &s->value) != FCC_OK)
        give_up(s->g->f->ledger_dir, "a key is not there");
    return s->value;
}

static double measure_states(struct grown *g)
{
    struct source source = { .g = g };
    const bench_times *times = bench_peer_times(chaincode);
    double start, took;

    bench_peer_read_from(chaincode, next_value, &source);
    bench_peer_start(chaincode, bench_work_named("gets10"), 1);
    rpc_loop_poll(loop, STATES_MS / 10);
    bench_peer_mark(chaincode);
    start = now_us();
    rpc_loop_poll(loop, STATES_MS);
    took = (now_us() - start) / (times->total ? times->total * STATES : 1);
    bench_peer_stop(chaincode);
    ledger_sim_free(source.sim);
    return took;
}

static double measure_evaluates(struct grown *g, fcc__arena *scratch)
{
    fixture *f = g->f;
    msp_manager *members = msp_channel_manager(ledger_channel(f->l));
    fcc_bytes proposal = FCC_LIT("a proposal of about this size, as its creator has signed it"), signature, endorsement;
    const msp_identity *creator;
    double start;
    int i;

    if (msp_sign(f->users[0], &proposal, 1, f->arena, &signature) != FCC_OK)
        give_up(f->ledger_dir, "nothing can be signed");
    start = now_us();

    for (i = 0; i < EVALUATES; i++) {
        ledger_sim *sim;
        ledger_results results;

        if (msp_deserialize(members, msp_signer_identity(f->users[0]), &creator, NULL) != FCC_OK ||
            msp_verify(creator, &proposal, 1, signature, NULL) != FCC_OK)
            give_up(f->ledger_dir, "a signature is wrong");
        sim = fix_sim(f, 0);
        get(g, sim);
        if (ledger_sim_finish(sim, scratch, &results) != FCC_OK ||
            msp_sign(f->peers[0], &results.rwset, 1, scratch, &endorsement) != FCC_OK)
            give_up(f->ledger_dir, "a simulation has no result");
        ledger_sim_free(sim);
        fcc__arena_reset(scratch);
    }
    return (now_us() - start) / EVALUATES;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static double median(const double *values, size_t count)
{
    double sorted[MAX_ROUNDS];

    memcpy(sorted, values, count * sizeof *values);
    qsort(sorted, count, sizeof *sorted, by_size);
    return sorted[count / 2];
}

/* The median, since a single slow sync says nothing. */
static double measure_commits(struct grown *g, fcc__arena *scratch)
{
    fixture *f = g->f;
    fcc__arena *kept = f->arena;
    fcc_error error = { FCC_OK, "" };
    ledger_committed done;
    double took[COMMITS];
    int i, k;

    f->arena = scratch;
    for (i = 0; i < COMMITS; i++) {
        ledger_sim *sim = fix_sim(f, 0);
        fcc_bytes block;
        fix_tx tx;

        for (k = 0; k < COMMIT_KEYS; k++) {
            uint64_t n = random_below(g->keys);
            fcc_bytes value;
            char room[32];

            if (ledger_sim_get(sim, FCC_LIT("any"), fcc_bytes_of(NULL, 0), key_of(n, room), &value) != FCC_OK)
                give_up(f->ledger_dir, "a key is not there");
            put_key(g, sim, n);
        }
        tx = fix_endorse(f, "any", fix_finish(f, sim), 1);
        block = fix_order(f, &tx, 1);
        took[i] = now_us();
        if (ledger_commit(f->l, block, scratch, &done, &error) != FCC_OK)
            give_up(f->ledger_dir, error.text);
        took[i] = now_us() - took[i];
        if (done.codes[0] != 0)
            give_up(f->ledger_dir, "a transaction is invalid");
        fcc__arena_reset(scratch);
    }
    f->arena = kept;
    return median(took, COMMITS);
}

static void measure(struct grown *g, size_t round)
{
    fcc__arena *scratch = fcc__arena_new((size_t)1 << 30);
    double start = now_us();

    open_ledger(g);
    g->us[OPEN][round] = now_us() - start;
    warm(g);
    g->us[GET][round] = measure_gets(g);
    if (chaincode)
        g->us[STATE][round] = measure_states(g);
    g->us[EVALUATE][round] = measure_evaluates(g, scratch);
    g->us[COMMIT][round] = measure_commits(g, scratch);
    ledger_close(g->f->l);
    fcc__arena_free(scratch);
}

int main(int argc, char **argv)
{
    fixture *small_fixture, large_fixture;
    struct grown *small = calloc(1, sizeof *small), *large = calloc(1, sizeof *large);
    size_t rounds = argc > 4 ? (size_t)strtoul(argv[4], NULL, 10) : 9, round, i;
    bench_target target = { 0 };
    fcc_error error = { FCC_OK, "" };
    bool well = true;
    char dir[128];

    if (argc < 4 || !small || !large || rounds > MAX_ROUNDS) {
        fprintf(stderr, "usage: growth DIR KEYS BLOCKS [ROUNDS [PROBE]]\n");
        return 2;
    }
    disk_record(argv[1], NULL);
    snprintf(dir, sizeof dir, "%s/members", argv[1]);
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        give_up(dir, strerror(errno));
    small_fixture = fix_prepare_in(dir, true);
    large_fixture = *small_fixture;
    small->f = small_fixture;
    large->f = &large_fixture;
    small->keys = SMALL_KEYS;
    small->blocks = SMALL_BLOCKS;
    large->keys = strtoull(argv[2], NULL, 10);
    large->blocks = strtoull(argv[3], NULL, 10);
    if (large->blocks < SMALL_BLOCKS || large->keys < SMALL_KEYS || large->keys % large->blocks)
        give_up(argv[2], "KEYS must be a multiple of BLOCKS, and both not below 10000 and 1000");
    snprintf(small->f->ledger_dir, sizeof small->f->ledger_dir, "%s/small", argv[1]);
    snprintf(large->f->ledger_dir, sizeof large->f->ledger_dir, "%s/large", argv[1]);
    if (!is_built(small))
        build(small);
    if (!is_built(large))
        build(large);
    if (rounds == 0)
        return 0;
    small->f->nonces = large->f->nonces = (uint64_t)time(NULL) * 1000; /* not those of an earlier run */
    if (argc > 5) {
        target = bench_target_start("probe", argv[5], NULL);
        if (rpc_loop_new(&loop, &error) != FCC_OK)
            give_up("gRPC", error.text);
        chaincode = bench_peer_new(loop, target.address, NULL, 1, true);
    }
    for (round = 0; round < rounds + 1; round++) { /* the first warms up */
        measure(small, round ? round - 1 : 0);
        measure(large, round ? round - 1 : 0);
    }
    printf("| measure | %" PRIu64 " keys, %" PRIu64 " blocks | %" PRIu64 " keys, %" PRIu64 " blocks | ratio |\n",
           small->keys, small->blocks, large->keys, large->blocks);
    printf("|---|---|---|---|\n");
    for (i = 0; i < MEASURES; i++) {
        double a = median(small->us[i], rounds), b = median(large->us[i], rounds);

        if (i == STATE && !chaincode)
            continue;
        printf("| %s, µs | %.2f | %.2f | %.2f |\n", names[i], a, b, b / a);
        well = well && (i == GET || b <= 1.5 * a);
    }
    if (chaincode) {
        bench_peer_free(chaincode);
        rpc_loop_free(loop);
        bench_target_stop(&target);
    }
    free(small);
    free(large);
    printf("all but a bare get are %swithin 1.5\n", well ? "" : "not ");
    return well ? 0 : 1;
}
