/*
 * Blocks that real Fabric peers committed are committed here, and have to come out as they were: the codes by our own
 * validation, the commit hash from our own state. Two networks, of Fabric 3.1.5 and 2.5.16.
 */
#include "recorded.h"

/* The recorded set through our builder: the same bytes. Collections are left out, their plain keys are not recorded. */
static void rebuild(const ledger__ns_rwset *ns, fcc__arena *arena, const char *path)
{
    fcc_bytes none = { NULL, 0 }, recorded, rwset, private_rwset;
    ledger__builder builder;
    ledger__rwset ours;
    size_t i, j;

    ledger__builder_init(&builder, arena);
    for (i = 0; i < ns->set->n_range_queries_info; i++)
        assert_int_equal(ledger__add_range(&builder, ns->name, ns->set->range_queries_info[i]), FCC_OK);
    for (i = ns->set->n_reads; i-- > 0;) {
        const Kvrwset__KVRead *read = ns->set->reads[i];
        ledger__entry entry = { .exists = read->version != NULL };

        if (read->version)
            entry.version = (ledger__version){ read->version->block_num, read->version->tx_num };
        assert_int_equal(ledger__add_read(&builder, ns->name, none, fcc__of_pb(read->key), &entry), FCC_OK);
    }
    for (i = ns->set->n_writes; i-- > 0;)
        assert_int_equal(ledger__add_write(&builder, ns->name, none, fcc__of_pb(ns->set->writes[i]->key),
                                           fcc__of_pb(ns->set->writes[i]->value), false),
                         FCC_OK);
    for (i = ns->set->n_metadata_writes; i-- > 0;) {
        const Kvrwset__KVMetadataWrite *write = ns->set->metadata_writes[i];
        ledger_metadata *entries = fcc__arena_zalloc(arena, write->n_entries, sizeof *entries);

        for (j = 0; j < write->n_entries; j++) {
            entries[j].name = fcc__of_pb(write->entries[j]->name);
            entries[j].value = fcc__of_pb(write->entries[j]->value);
        }
        assert_int_equal(
            ledger__add_metadata(&builder, ns->name, none, fcc__of_pb(write->key), entries, write->n_entries), FCC_OK);
    }
    assert_int_equal(ledger__build(&builder, arena, &rwset, &private_rwset), FCC_OK);
    assert_int_equal(ledger__rwset_unpack(rwset, arena, &ours), FCC_OK);
    if (ours.count == 0)
        return;
    assert_int_equal(fcc__pack(ns->set, arena, &recorded), FCC_OK);
    assert_int_equal(fcc__pack(ours.namespaces[0].set, arena, &rwset), FCC_OK);
    if (!fcc_bytes_equal(recorded, rwset))
        fail_msg("%s: namespace " FCC_FMT " comes out differently", path, FCC_ARG(ns->name));
}

/* Before a block is committed: its valid transactions' sets, built by us. Returns how many range queries there were. */
static size_t compare_sets(ledger *l, const ledger__block *block, fcc__arena *arena, const char *path)
{
    ledger__transaction tx;
    ledger__rwset set;
    size_t i, j, k, ranges = 0;

    for (i = 0; i < block->count; i++) {
        assert_int_equal(ledger__transaction_unpack(block->envelopes[i], arena, &tx), FCC_OK);
        if (!tx.action)
            continue;
        assert_int_equal(ledger__rwset_unpack(fcc__of_pb(tx.action->results), arena, &set), FCC_OK);
        for (j = 0; j < set.count; j++) {
            rebuild(&set.namespaces[j], arena, path);
            for (k = 0; block->metadata[LEDGER__FILTER].data[i] == 0 && k < set.namespaces[j].set->n_range_queries_info;
                 k++)
                ranges += rec_requery(l, set.namespaces[j].name, set.namespaces[j].set->range_queries_info[k], arena,
                                      path);
        }
    }
    return ranges;
}

/* As it was deployed: see shared/fabric/README.md. */
static void check_definition(const ledger *l)
{
    ledger_definition definition;

    assert_int_equal(ledger_find_definition(l, FCC_LIT("probe"), &definition), FCC_OK);
    assert_int_equal(definition.sequence, 1);
    assert_true(fcc_bytes_equal(definition.version, FCC_LIT("1")));
    assert_true(fcc_bytes_equal(definition.endorsement_plugin, FCC_LIT("escc")));
    assert_true(fcc_bytes_equal(definition.validation_plugin, FCC_LIT("vscc")));
    assert_false(definition.init_required);
    assert_true(definition.policy.len > 0 && definition.collections.len > 0);
    assert_int_equal(ledger_find_definition(l, FCC_LIT("absent"), &definition), FCC_ERR_NOT_FOUND);
    assert_true(ledger_definitions_changed(l) > 0);
}

typedef fcc_status commit_fn(ledger *l, fcc_bytes block, fcc__arena *arena, ledger_committed *out, fcc_error *error);

/*
 * Commit every block of the folder; each must come out byte for byte as it went in. What the chaincodes' policies and
 * collections are is in the blocks. Returns their number.
 */
static size_t replay(const char *folder, commit_fn *commit)
{
    static const char *const orgs[] = { "Org1MSP", "Org2MSP" };
    fcc__arena *arena = fcc__arena_new(1 << 28);
    ledger_options options = { .orgs = orgs, .org_count = 2 };
    fcc_error error = { FCC_OK, "" };
    ledger *l;
    size_t n, ranges = 0;

    assert_int_equal(ledger_open(&options, &l, &error), FCC_OK);
    for (n = 0;; n++) {
        ledger__block before, after;
        ledger_committed done;
        fcc_bytes block;
        char path[4096];
        size_t i;

        fcc__arena_reset(arena);
        snprintf(path, sizeof path, "%s/%s/%03zu.pb", rec_shared(), folder, n);
        if (!rec_read(path, arena, &block))
            break;
        assert_int_equal(ledger__block_unpack(block, arena, &before), FCC_OK);
        ranges += compare_sets(l, &before, arena, path);
        if (commit(l, block, arena, &done, &error) != FCC_OK)
            fail_msg("%s: %s", path, error.text);
        assert_int_equal(ledger__block_unpack(done.block, arena, &after), FCC_OK);
        assert_int_equal(before.metadata[LEDGER__FILTER].len, done.count);
        for (i = 0; i < done.count; i++) {
            if (before.metadata[LEDGER__FILTER].data[i] != done.codes[i])
                fail_msg("%s, transaction %zu: %s, recorded %s", path, i, ledger_code_name(done.codes[i]),
                         ledger_code_name(before.metadata[LEDGER__FILTER].data[i]));
        }
        if (!fcc_bytes_equal(before.metadata[LEDGER__COMMIT_HASH], after.metadata[LEDGER__COMMIT_HASH]))
            fail_msg("%s: another commit hash", path);
        if (!fcc_bytes_equal(block, done.block))
            fail_msg("%s: another block", path);
    }
    assert_int_equal(ledger_height(l), n);
    assert_true(ranges > 0 || n < 41);
    check_definition(l);
    ledger_close(l);
    fcc__arena_free(arena);
    return n;
}

static bool have(const char *folder)
{
    char path[4096];

    snprintf(path, sizeof path, "%s/%s/000.pb", rec_shared(), folder);
    return access(path, R_OK) == 0;
}

static void recorded_codes_give_the_recorded_commit_hashes(void **state)
{
    if (!have("fabric/v3.1.5/blocks"))
        SKIP("no recordings in %s", rec_shared());
    assert_int_equal(replay("fabric/v3.1.5/blocks", ledger_commit_recorded), 41);
    assert_int_equal(replay("fabric/v2.5.16/blocks", ledger_commit_recorded), 41);
}

static void validation_gives_the_recorded_codes_of_fabric_3_1(void **state)
{
    if (!have("fabric/v3.1.5/blocks"))
        SKIP("no recordings in %s", rec_shared());
    assert_int_equal(replay("fabric/v3.1.5/blocks", ledger_commit), 41);
}

static void validation_gives_the_recorded_codes_of_fabric_2_5(void **state)
{
    if (!have("fabric/v2.5.16/blocks"))
        SKIP("no recordings in %s", rec_shared());
    assert_int_equal(replay("fabric/v2.5.16/blocks", ledger_commit), 41);
}

static void the_networks_of_the_services_recordings_replay_too(void **state)
{
    if (!have("fabric/v3.1.5/services/blocks"))
        SKIP("no recordings in %s", rec_shared());
    assert_true(replay("fabric/v3.1.5/services/blocks", ledger_commit) > 1);
    assert_true(replay("fabric/v2.5.16/services/blocks", ledger_commit) > 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_codes_give_the_recorded_commit_hashes),
        cmocka_unit_test(validation_gives_the_recorded_codes_of_fabric_3_1),
        cmocka_unit_test(validation_gives_the_recorded_codes_of_fabric_2_5),
        cmocka_unit_test(the_networks_of_the_services_recordings_replay_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
