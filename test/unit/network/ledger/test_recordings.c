/*
 * The channels in test/conformance/recordings that have blocks: each is validated from its genesis block on, without
 * what the recording peer wrote into its metadata, and has to come out with the recorded codes and commit hashes. What
 * happens in them: test/conformance/README.md.
 */
#include "recorded.h"

#define FOLDERS "test/conformance/recordings/*/blocks"

typedef fcc_status commit_fn(ledger *l, fcc_bytes block, fcc__arena *arena, ledger_committed *out, fcc_error *error);

struct channel {
    const char *folder;
    ledger *l;
    fcc__arena *arena;
    size_t different;
    size_t ranges; /* queries of valid transactions that were made again */
};

/* Without filter and commit hash, as an orderer delivers it. */
static fcc_bytes stripped(const ledger__block *recorded, fcc__arena *arena)
{
    ledger__block block = *recorded;
    fcc_bytes message;

    block.metadata[LEDGER__FILTER] = block.metadata[LEDGER__COMMIT_HASH] = (fcc_bytes){ NULL, 0 };
    assert_int_equal(ledger__block_pack(&block, arena, &message), FCC_OK);
    return message;
}

static void compare(struct channel *c, size_t number, const ledger__block *recorded, const ledger_committed *ours)
{
    ledger__block after;
    size_t i;

    assert_int_equal(recorded->metadata[LEDGER__FILTER].len, ours->count);
    assert_int_equal(ledger__block_unpack(ours->block, c->arena, &after), FCC_OK);
    for (i = 0; i < ours->count; i++) {
        uint8_t code = recorded->metadata[LEDGER__FILTER].data[i];

        if (code == ours->codes[i])
            continue;
        print_message("# %s/%03zu.pb, transaction %zu (" FCC_FMT "): %s, recorded %s\n", c->folder, number, i,
                      FCC_ARG(ours->txids[i]), ledger_code_name(ours->codes[i]), ledger_code_name(code));
        c->different++;
    }
    if (!fcc_bytes_equal(recorded->metadata[LEDGER__COMMIT_HASH], after.metadata[LEDGER__COMMIT_HASH])) {
        print_message("# %s/%03zu.pb: another commit hash\n", c->folder, number);
        c->different++;
    }
}

/* The range queries of the block's valid transactions, made again by our simulator before it is committed. */
static void ranges_again(struct channel *c, const ledger__block *recorded, const char *path)
{
    ledger__transaction tx;
    ledger__rwset set;

    for (size_t i = 0; i < recorded->count; i++) {
        if (recorded->metadata[LEDGER__FILTER].data[i] != REC_CODE(VALID))
            continue;
        assert_int_equal(ledger__transaction_unpack(recorded->envelopes[i], c->arena, &tx), FCC_OK);
        if (!tx.action)
            continue;
        assert_int_equal(ledger__rwset_unpack(fcc__of_pb(tx.action->results), c->arena, &set), FCC_OK);
        for (size_t j = 0; j < set.count; j++)
            for (size_t k = 0; k < set.namespaces[j].set->n_range_queries_info; k++)
                c->ranges += rec_requery(c->l, set.namespaces[j].name, set.namespaces[j].set->range_queries_info[k],
                                         c->arena, path);
    }
}

/* The next block: judged without what was recorded in it, committed by `commit`. false behind the last one. */
static bool next_block(struct channel *c, size_t number, commit_fn *commit)
{
    fcc_error error = { FCC_OK, "" };
    ledger__block recorded;
    ledger_committed done;
    fcc_bytes block;
    char path[4096];

    fcc__arena_reset(c->arena);
    snprintf(path, sizeof path, "%s/%03zu.pb", c->folder, number);
    if (!rec_read(path, c->arena, &block))
        return false;
    assert_int_equal(ledger__block_unpack(block, c->arena, &recorded), FCC_OK);
    if (commit == ledger_commit) {
        if (commit(c->l, stripped(&recorded, c->arena), c->arena, &done, &error) != FCC_OK)
            fail_msg("%s: %s", path, error.text);
        compare(c, number, &recorded, &done);
        assert_int_equal(c->different, 0);
        assert_true(fcc_bytes_equal(block, done.block));
        return true;
    }
    if (number > 0) {
        ranges_again(c, &recorded, path);
        if (ledger_judge(c->l, stripped(&recorded, c->arena), c->arena, &done, &error) != FCC_OK)
            fail_msg("%s: %s", path, error.text);
        compare(c, number, &recorded, &done);
    }
    if (commit(c->l, block, c->arena, &done, &error) != FCC_OK)
        fail_msg("%s: %s", path, error.text);
    return true;
}

static void replay(const char *folder, commit_fn *commit)
{
    static const char *const orgs[] = { "Org1MSP", "Org2MSP" };
    ledger_options options = { .orgs = orgs, .org_count = 2 };
    struct channel c = { .folder = folder, .arena = fcc__arena_new(1 << 28) };
    fcc_error error = { FCC_OK, "" };
    size_t n = 0;

    assert_int_equal(ledger_open(&options, &c.l, &error), FCC_OK);
    while (next_block(&c, n, commit))
        n++;
    assert_int_equal(ledger_height(c.l), n);
    assert_true(n > 1 && (commit == ledger_commit || c.ranges > 0));
    if (c.different)
        fail_msg("%s: %zu of the things decided are others than recorded", folder, c.different);
    ledger_close(c.l);
    fcc__arena_free(c.arena);
}

static void replay_all(commit_fn *commit)
{
    glob_t found;

    assert_int_equal(glob(FOLDERS, 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++)
        replay(found.gl_pathv[i], commit);
    globfree(&found);
}

/* Each block on the state that the recorded codes make: so that one difference doesn't hide the next. */
static void each_block_gets_the_recorded_codes(void **state)
{
    (void)state;
    replay_all(ledger_commit_recorded);
}

static void the_whole_chain_comes_out_as_recorded(void **state)
{
    (void)state;
    replay_all(ledger_commit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_block_gets_the_recorded_codes),
        cmocka_unit_test(the_whole_chain_comes_out_as_recorded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
