/*
 * whole.h: is a ledger what it should be? Its chain holds, its state is what a replay of its blocks gives, and what was
 * acknowledged is there. And the blocks that a test fills it with, from whose number their content follows.
 */
#ifndef TEST_UNIT_NETWORK_LEDGER_WHOLE_H
#define TEST_UNIT_NETWORK_LEDGER_WHOLE_H

#include "test/unit/network/ledger/fixture.h"

/* A text that says which block it is of, and how many bytes of a value follow from that. */
static inline const char *whole_value(fixture *f, uint64_t block, unsigned life)
{
    size_t len = block % 7 == 3 ? 20000 : block % 3 == 1 ? 700 : 10;
    char *text = fcc__arena_printf(f->arena, "block %llu of life %u %*s", (unsigned long long)block, life, (int)len,
                                   "");

    memset(text + strlen(text) - len, 'a' + (int)(block % 26), len);
    return text;
}

/* The next block: one to three transactions; odd ones write private data as well, with the last. */
static inline fcc_bytes whole_next(fixture *f, unsigned life)
{
    uint64_t block = ledger_height(f->l);
    const char *value = whole_value(f, block, life);
    size_t count = 1 + block % 3, i;
    fix_tx txs[3];

    for (i = 0; i < count; i++) {
        ledger_sim *sim = fix_sim(f, 0);

        fix_put(sim, "any", "", fcc__arena_printf(f->arena, "unique %llu/%zu", (unsigned long long)block, i), value);
        fix_put(sim, "any", "", fcc__arena_printf(f->arena, "shared %llu", (unsigned long long)(block + i) % 5), value);
        if (block % 2 && i == count - 1)
            fix_put(sim, "any", "ab", fcc__arena_printf(f->arena, "private %llu", (unsigned long long)block), value);
        txs[i] = fix_endorse(f, "any", fix_finish(f, sim), 1);
    }
    return fix_order(f, txs, count);
}

static inline fcc__sha256 whole_hash(fixture *f, uint64_t block, fcc__arena *arena)
{
    fcc__sha256 none = { { 0 } };
    fcc_bytes wire;

    return ledger_block(f->l, block, arena, &wire) == FCC_OK ? fcc__sha256_of(wire) : none;
}

/* The first key where two ledgers' tables differ, or NULL. */
static inline const char *whole_compare(const ledger *a, const ledger *b, ledger__table table, fcc__arena *arena)
{
    ledger__cursor x, y;
    MDB_txn *s, *t;
    const char *difference = NULL;

    if (ledger__begin(&a->store, false, &s) != FCC_OK || ledger__begin(&b->store, false, &t) != FCC_OK ||
        ledger__cursor_open(&a->store, s, table, fcc_bytes_of(NULL, 0), &x) != FCC_OK ||
        ledger__cursor_open(&b->store, t, table, fcc_bytes_of(NULL, 0), &y) != FCC_OK)
        return "unreadable";
    while (!difference && x.key.data && y.key.data) {
        if (!fcc_bytes_equal(x.key, y.key) || !fcc_bytes_equal(x.value, y.value))
            difference = fcc__arena_printf(arena, "table %d, key \"" FCC_FMT "\"", (int)table, FCC_ARG(x.key));
        else if (ledger__cursor_next(&x) != FCC_OK || ledger__cursor_next(&y) != FCC_OK)
            difference = "unreadable";
    }
    if (!difference && (x.key.data || y.key.data))
        difference = fcc__arena_printf(arena, "table %d: one has more", (int)table);
    ledger__cursor_close(&x);
    ledger__cursor_close(&y);
    mdb_txn_abort(s);
    mdb_txn_abort(t);
    return difference;
}

/* Replay all blocks of f->l into an empty ledger and compare what both know. NULL: all is well. */
static inline const char *whole_replay(fixture *f)
{
    static const ledger__table tables[] = { LEDGER__STATE, LEDGER__HISTORY, LEDGER__CHAINS, LEDGER__HEADS,
                                            LEDGER__TXS,   LEDGER__BLOCKS,  LEDGER__META };
    fixture other = *f;
    fcc__arena *arena = fcc__arena_new((size_t)1 << 30);
    const char *problem = NULL;
    fcc_error error = { FCC_OK, "" };
    ledger_committed done;
    fcc_bytes wire;
    uint64_t n;
    size_t i;

    other.on_disk = false;
    other.l = NULL;
    if (fix_try_open(&other, &error) != FCC_OK)
        return fcc__arena_printf(f->arena, "no second ledger: %s", error.text);
    for (n = 0; !problem && n < ledger_height(f->l); n++) {
        if (ledger_block(f->l, n, arena, &wire) != FCC_OK)
            problem = fcc__arena_printf(f->arena, "block %llu can't be read", (unsigned long long)n);
        else if (ledger_commit_recorded(other.l, wire, arena, &done, &error) != FCC_OK)
            problem = fcc__arena_printf(f->arena, "replay: %s", error.text);
        else if (!fcc_bytes_equal(done.block, wire))
            problem = fcc__arena_printf(f->arena, "block %llu: its replay gives another", (unsigned long long)n);
        fcc__arena_reset(arena);
    }
    for (i = 0; !problem && i < sizeof tables / sizeof tables[0]; i++)
        problem = whole_compare(f->l, other.l, tables[i], f->arena);
    ledger_close(other.l);
    fcc__arena_free(arena);
    return problem;
}

/* Has every block of whole_next's its private data, at the members and nowhere else? NULL: yes. */
static inline const char *whole_private(fixture *f)
{
    uint64_t n;

    for (n = 1; n < ledger_height(f->l); n += 2) {
        const char *key = fcc__arena_printf(f->arena, "private %llu", (unsigned long long)n);
        const char *value = fix_see(f, 0, "any", "",
                                    fcc__arena_printf(f->arena, "unique %llu/0", (unsigned long long)n));

        if (!value[0] || strcmp(fix_see(f, 0, "any", "ab", key), value) != 0 ||
            strcmp(fix_see(f, 1, "any", "ab", key), value) != 0)
            return fcc__arena_printf(f->arena, "block %llu: its private data are not there", (unsigned long long)n);
    }
    return NULL;
}

/* All of it. */
static inline const char *whole_problem(fixture *f)
{
    const char *problem = whole_replay(f);

    return problem ? problem : whole_private(f);
}

#endif
