/* The private write sets of each block: who keeps them, for how long, and what a purge leaves of them. */
#include "test/unit/network/ledger/fixture.h"

#include "protos/unpack.h"

#include "ledger/rwset/kvrwset/kv_rwset.pb-c.h"
#include "peer/lifecycle/chaincode_definition.pb-c.h"
#include "peer/lifecycle/db.pb-c.h"

/* What an organisation's peer has of a block: "collection:key=value,key- ...", a key that is deleted with a minus. */
static const char *sets_of(fixture *f, uint64_t block, size_t org)
{
    const ledger_private *sets;
    fcc__buf text;
    size_t count;

    fcc__buf_init(&text, 4096);
    assert_int_equal(ledger_private_of(f->l, block, fix_mspids[org], f->arena, &sets, &count), FCC_OK);
    for (size_t i = 0; i < count; i++) {
        Kvrwset__KVRWSet *set;

        assert_true(fcc_bytes_equal(sets[i].ns, FCC_LIT("any")));
        fcc__buf_printf(&text, "%s%u " FCC_FMT ":", i ? "; " : "", (unsigned)sets[i].index,
                        FCC_ARG(sets[i].collection));
        assert_int_equal(FCC__UNPACK(kvrwset__kvrwset, sets[i].rwset, f->arena, &set), FCC_OK);
        for (size_t k = 0; k < set->n_writes; k++) {
            fcc__buf_printf(&text, "%s" FCC_FMT, k ? "," : "", FCC_ARG(fcc__of_pb(set->writes[k]->key)));
            if (set->writes[k]->is_delete)
                fcc__buf_puts(&text, "-");
            else
                fcc__buf_printf(&text, "=" FCC_FMT, FCC_ARG(fcc__of_pb(set->writes[k]->value)));
        }
    }
    const char *copy = fcc__arena_printf(f->arena, "%s", text.len ? fcc__buf_cstr(&text) : "");
    fcc__buf_clear(&text);
    return copy;
}

static fix_tx a_tx(fixture *f, const char *const (*writes)[3], size_t count)
{
    ledger_sim *sim = fix_sim(f, 0);

    for (size_t i = 0; i < count; i++)
        fix_put(sim, "any", writes[i][0], writes[i][1], writes[i][2]);
    return fix_endorse(f, "any", fix_finish(f, sim), 1);
}

static void purge(fixture *f, const char *collection, const char *key)
{
    ledger_sim *sim = fix_sim(f, 0);
    fix_tx tx;

    assert_int_equal(ledger_sim_purge(sim, FCC_LIT("any"), fcc_str(collection), fcc_str(key)), FCC_OK);
    tx = fix_endorse(f, "any", fix_finish(f, sim), 1);
    assert_int_equal(fix_commit(f, &tx, 1)[0], FIX_CODE(VALID));
}

static void each_member_keeps_what_a_block_has_written_and_nobody_else_does(void **state)
{
    static const char *const first[][3] = { { "ab", "k", "v" }, { "all", "x", "1" }, { "ab", "j", "w" } };
    static const char *const second[][3] = { { "all", "y", "2" } };
    fixture *f = *state;
    const fix_tx txs[2] = { a_tx(f, first, 3), a_tx(f, second, 1) };

    fix_commit(f, txs, 2);
    assert_string_equal(sets_of(f, 1, 0), "0 ab:j=w,k=v; 0 all:x=1; 1 all:y=2");
    assert_string_equal(sets_of(f, 1, 1), "0 ab:j=w,k=v; 0 all:x=1; 1 all:y=2");
    assert_string_equal(sets_of(f, 1, 2), "0 all:x=1; 1 all:y=2");
    assert_string_equal(sets_of(f, 0, 0), "");
}

static void old_values_stay_with_their_blocks(void **state)
{
    fixture *f = *state;

    fix_write(f, "ab", "k", "one");
    fix_write(f, "ab", "k", "two");
    assert_string_equal(sets_of(f, 1, 0), "0 ab:k=one");
    assert_string_equal(sets_of(f, 2, 1), "0 ab:k=two");
}

static void they_outlive_the_process(void **state)
{
    fixture *f = *state;

    fix_write(f, "ab", "k", "one");
    fix_reopen(f);
    assert_string_equal(sets_of(f, 1, 1), "0 ab:k=one");
}

static void a_member_only_collection_tells_who_may_read_it(void **state)
{
    static const char *const writes[][3] = { { "ab", "k", "v" }, { "all", "x", "1" } };
    fixture *f = *state;
    const fix_tx tx = a_tx(f, writes, 2);
    const ledger_private *sets;
    size_t count;

    fix_commit(f, &tx, 1);
    assert_int_equal(ledger_private_of(f->l, 1, "AMSP", f->arena, &sets, &count), FCC_OK);
    assert_int_equal(count, 2);
    assert_true(msp_policy_admits(sets[0].members, "BMSP", MSP_CLIENT));
    assert_false(msp_policy_admits(sets[0].members, "CMSP", MSP_CLIENT));
    assert_int_equal(sets[1].members.len, 0);
}

static void the_sets_of_an_invalid_transaction_are_not_kept(void **state)
{
    static const char *const writes[][3] = { { "strict", "k", "v" } };
    fixture *f = *state;
    const fix_tx tx = a_tx(f, writes, 1);

    assert_int_equal(fix_commit(f, &tx, 1)[0], FIX_CODE(ENDORSEMENT_POLICY_FAILURE));
    assert_string_equal(sets_of(f, 1, 0), "");
}

static void they_end_with_their_collections_block_to_live(void **state)
{
    fixture *f = *state;

    fix_write(f, "brief", "k", "v"); /* block 1, lives one block */
    fix_write(f, "brief", "k", "w"); /* written again: block 1's set ends all the same */
    assert_string_equal(sets_of(f, 1, 0), "0 brief:k=v");
    fix_write(f, "", "x", "3");
    assert_string_equal(sets_of(f, 1, 0), "");
    assert_string_equal(sets_of(f, 2, 0), "0 brief:k=w");
    fix_write(f, "", "x", "4");
    assert_string_equal(sets_of(f, 2, 0), "");
}

static void a_deleted_key_is_told_as_deleted_and_the_older_value_stays(void **state)
{
    fixture *f = *state;
    ledger_sim *sim;
    fix_tx tx;

    fix_write(f, "ab", "k", "v");
    sim = fix_sim(f, 0);
    assert_int_equal(ledger_sim_delete(sim, FCC_LIT("any"), FCC_LIT("ab"), FCC_LIT("k")), FCC_OK);
    tx = fix_endorse(f, "any", fix_finish(f, sim), 1);
    fix_commit(f, &tx, 1);
    assert_string_equal(sets_of(f, 1, 0), "0 ab:k=v");
    assert_string_equal(sets_of(f, 2, 0), "0 ab:k-");
}

static void a_purge_takes_its_key_out_of_every_block_so_far(void **state)
{
    static const char *const writes[][3] = { { "ab", "k", "v" }, { "ab", "other", "stays" }, { "all", "k", "stays" } };
    fixture *f = *state;
    const fix_tx tx = a_tx(f, writes, 3);

    fix_commit(f, &tx, 1);
    fix_write(f, "ab", "k", "again");
    purge(f, "ab", "k");
    for (size_t org = 0; org < 2; org++) {
        assert_string_equal(sets_of(f, 1, org), "0 ab:other=stays; 0 all:k=stays");
        assert_string_equal(sets_of(f, 2, org), "0 ab:"); /* nothing is left in it, and its name tells that it was */
        assert_string_equal(sets_of(f, 3, org), "0 ab:");
    }
    assert_string_equal(sets_of(f, 1, 2), "0 all:k=stays");
    fix_write(f, "ab", "k", "after");
    assert_string_equal(sets_of(f, 4, 0), "0 ab:k=after");
}

/* Who is a member of `ab` from now on. */
static void redefine(fixture *f, const char *members)
{
    config_collection collections[] = {
        { .name = "all", .policy = "OR('AMSP.member','BMSP.member','CMSP.member')", .max_peer_count = 2 },
        { .name = "ab", .policy = members, .max_peer_count = 1 },
        { .name = "brief", .policy = members, .max_peer_count = 1, .block_to_live = 1 },
    };
    config_collections list = { collections, sizeof collections / sizeof collections[0] };

    assert_int_equal(msp_collections_pack(list, f->arena, &f->any.collections, NULL), FCC_OK);
    assert_int_equal(ledger_reconcile(f->l, FCC_LIT("any")), FCC_OK);
}

static void a_new_member_gets_what_the_others_have(void **state)
{
    fixture *f = *state;

    redefine(f, "OR('AMSP.member')");
    fix_write(f, "ab", "k", "old"); /* block 1 */
    fix_write(f, "ab", "k", "new");
    fix_write(f, "ab", "gone", "v");
    fix_write(f, "ab", "other", "o");
    purge(f, "ab", "gone");
    fix_write(f, "all", "k", "for all");
    assert_string_equal(sets_of(f, 1, 1), "");
    redefine(f, "OR('AMSP.member','BMSP.member')");
    assert_string_equal(fix_see(f, 1, "any", "ab", "k"), "new");
    assert_string_equal(fix_see(f, 1, "any", "ab", "other"), "o");
    assert_string_equal(fix_see(f, 1, "any", "ab", "gone"), "");
    assert_string_equal(sets_of(f, 1, 1), "0 ab:k=old");
    assert_string_equal(sets_of(f, 2, 1), "0 ab:k=new");
    assert_string_equal(sets_of(f, 3, 1), "0 ab:"); /* purged */
    assert_string_equal(sets_of(f, 4, 1), "0 ab:other=o");
    assert_string_equal(sets_of(f, 1, 2), ""); /* who is no member has nothing still */
    assert_non_null(strstr(fix_see(f, 2, "any", "ab", "k"), "is not available"));
    fix_write(f, "ab", "k", "newest");
    assert_string_equal(fix_see(f, 1, "any", "ab", "k"), "newest");
    purge(f, "ab", "k"); /* from the new member's blocks too */
    assert_string_equal(sets_of(f, 1, 1), "0 ab:");
}

static void put_field(fixture *f, ledger_sim *sim, const char *name, int64_t number, fcc_bytes bytes)
{
    Lifecycle__StateData data = LIFECYCLE__STATE_DATA__INIT;
    const char *key = fcc__arena_printf(f->arena, "namespaces/fields/any/%s", name);

    data.type_case = number ? LIFECYCLE__STATE_DATA__TYPE_INT64 : LIFECYCLE__STATE_DATA__TYPE_BYTES;
    if (number)
        data.int64 = number;
    else
        data.bytes = fcc__pb(bytes);
    assert_int_equal(
        ledger_sim_put(sim, FCC_LIT("_lifecycle"), fcc_bytes_of(NULL, 0), fcc_str(key), fix_pack(f, &data)), FCC_OK);
}

/* The definition of `any` as it is in the fixture, on the ledger itself. */
static void define_on_ledger(fixture *f, int64_t sequence)
{
    static const char *const names[] = { "Collections", "EndorsementInfo", "Sequence", "ValidationInfo" };
    Lifecycle__StateMetadata metadata = LIFECYCLE__STATE_METADATA__INIT;
    Lifecycle__ChaincodeEndorsementInfo endorsement = LIFECYCLE__CHAINCODE_ENDORSEMENT_INFO__INIT;
    Lifecycle__ChaincodeValidationInfo validation = LIFECYCLE__CHAINCODE_VALIDATION_INFO__INIT;
    ProtobufCBinaryData fields[4];
    ledger_sim *sim = fix_sim(f, 0);
    fix_tx tx;

    for (size_t i = 0; i < 4; i++)
        fields[i] = fcc__pb(fcc_str(names[i]));
    metadata.datatype = fcc__pb(FCC_LIT("ChaincodeDefinition"));
    metadata.fields = fields;
    metadata.n_fields = 4;
    endorsement.version = fcc__pb(f->any.version);
    endorsement.endorsement_plugin = fcc__pb(FCC_LIT("escc"));
    validation.validation_plugin = fcc__pb(FCC_LIT("vscc"));
    validation.validation_parameter = fcc__pb(f->any.policy);
    assert_int_equal(ledger_sim_put(sim, FCC_LIT("_lifecycle"), fcc_bytes_of(NULL, 0),
                                    FCC_LIT("namespaces/metadata/any"), fix_pack(f, &metadata)),
                     FCC_OK);
    put_field(f, sim, "Collections", 0, f->any.collections);
    put_field(f, sim, "EndorsementInfo", 0, fix_pack(f, &endorsement));
    put_field(f, sim, "ValidationInfo", 0, fix_pack(f, &validation));
    put_field(f, sim, "Sequence", sequence, fcc_bytes_of(NULL, 0));
    tx = fix_endorse(f, "_lifecycle", fix_finish(f, sim), 7);
    assert_int_equal(fix_commit(f, &tx, 1)[0], FIX_CODE(VALID));
}

static void an_upgrade_on_the_ledger_is_enough(void **state)
{
    fixture *f = fix_prepare(false);
    const ledger_options options = { .orgs = fix_mspids, .org_count = FIX_ORGS };
    fcc_error error = { FCC_OK, "" };
    ledger_sim *sim;
    fix_tx tx;

    if (ledger_open(&options, &f->l, &error) != FCC_OK)
        fail_msg("%s", error.text);
    fix_commit_genesis(f);
    define_on_ledger(f, 1);                                             /* block 1 */
    assert_int_equal(fix_write(f, "brief", "k", "v"), FIX_CODE(VALID)); /* A's alone */
    assert_int_equal(fix_write(f, "ab", "k", "secret"), FIX_CODE(VALID));
    assert_string_equal(sets_of(f, 3, 2), "");
    redefine(f, "OR('AMSP.member','BMSP.member','CMSP.member')"); /* not on the ledger yet: changes nothing */
    assert_string_equal(sets_of(f, 3, 2), "");
    sim = fix_sim(f, 0);
    fix_put(sim, "any", "ab", "late", "w"); /* in the last block before the upgrade */
    tx = fix_endorse(f, "any", fix_finish(f, sim), 1);
    assert_int_equal(fix_commit(f, &tx, 1)[0], FIX_CODE(VALID));
    define_on_ledger(f, 2);
    assert_string_equal(fix_see(f, 2, "any", "ab", "k"), "secret");
    assert_string_equal(fix_see(f, 2, "any", "ab", "late"), "w");
    assert_string_equal(sets_of(f, 3, 2), "0 ab:k=secret");
    fix_free(f);
}

static void who_left_and_comes_back_gets_what_it_has_missed(void **state)
{
    fixture *f = *state;

    redefine(f, "OR('AMSP.member','BMSP.member')");
    fix_write(f, "ab", "k", "1");
    redefine(f, "OR('AMSP.member')");
    fix_write(f, "ab", "k", "2");
    assert_string_equal(sets_of(f, 1, 1), "0 ab:k=1"); /* it keeps what it had */
    assert_string_equal(sets_of(f, 2, 1), "");
    redefine(f, "OR('AMSP.member','BMSP.member')");
    assert_string_equal(fix_see(f, 1, "any", "ab", "k"), "2");
    assert_string_equal(sets_of(f, 2, 1), "0 ab:k=2");
}

static void what_a_new_member_got_ends_when_it_ends_for_the_others(void **state)
{
    fixture *f = *state;

    redefine(f, "OR('AMSP.member')");
    fix_write(f, "brief", "k", "v"); /* block 1: gone with block 3 */
    redefine(f, "OR('AMSP.member','BMSP.member')");
    assert_string_equal(fix_see(f, 1, "any", "brief", "k"), "v");
    assert_string_equal(sets_of(f, 1, 1), "0 brief:k=v");
    fix_write(f, "", "x", "2");
    fix_write(f, "", "x", "3");
    assert_string_equal(fix_see(f, 1, "any", "brief", "k"), "");
    assert_string_equal(sets_of(f, 1, 1), "");
    assert_string_equal(sets_of(f, 1, 0), "");
}

static void many_values_come_over_and_long_keys_too(void **state)
{
    enum { KEYS = 40 };
    fixture *f = *state;
    char key[700], value[32];

    redefine(f, "OR('AMSP.member')");
    for (int i = 0; i < KEYS; i++) {
        memset(key, 'k', sizeof key);
        snprintf(key + 470 + 4 * (i % 30), 32, "-%d", i);
        snprintf(value, sizeof value, "v%d", i);
        fix_write(f, "ab", key, value);
    }
    redefine(f, "OR('AMSP.member','BMSP.member')");
    for (int i = 0; i < KEYS; i++) {
        memset(key, 'k', sizeof key);
        snprintf(key + 470 + 4 * (i % 30), 32, "-%d", i);
        snprintf(value, sizeof value, "v%d", i);
        assert_string_equal(fix_see(f, 1, "any", "ab", key), value);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fix_setup, fix_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_member_keeps_what_a_block_has_written_and_nobody_else_does),
        TEST(old_values_stay_with_their_blocks),
        cmocka_unit_test_setup_teardown(they_outlive_the_process, fix_setup_on_disk, fix_teardown),
        TEST(a_member_only_collection_tells_who_may_read_it),
        TEST(the_sets_of_an_invalid_transaction_are_not_kept),
        TEST(they_end_with_their_collections_block_to_live),
        TEST(a_deleted_key_is_told_as_deleted_and_the_older_value_stays),
        TEST(a_purge_takes_its_key_out_of_every_block_so_far),
        TEST(a_new_member_gets_what_the_others_have),
        cmocka_unit_test(an_upgrade_on_the_ledger_is_enough),
        TEST(who_left_and_comes_back_gets_what_it_has_missed),
        TEST(what_a_new_member_got_ends_when_it_ends_for_the_others),
        TEST(many_values_come_over_and_long_keys_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
