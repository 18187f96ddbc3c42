/*
 * Each valid transaction of the recorded Fabric networks, made again with one fault, gets the code that Fabric gives:
 * core/common/validation/msgvalidation.go, txvalidator/v20/{validator.go, plugindispatcher/dispatcher.go} and the built-in
 * validation and MVCC checks, each in its place in their order. Made again without a fault it is valid: the control.
 */
#include "test/unit/network/ledger/recorded.h"

#include "peer/chaincode_event.pb-c.h"

static const fcc_bytes none = { NULL, 0 };
static const fcc_bytes junk = { (const uint8_t *)"\x0a\x7fjunk", 6 };

/* Puts the fault in; false where this transaction has no room for it. */
typedef bool fault_fn(rec_tx *tx);

/* ---- endorsements ---------------------------------------------------------------------------------------------------- */

static bool writes_implicit_only(const rec_tx *tx)
{
    for (size_t i = 0; i < tx->set->n_ns_rwset; i++)
        for (size_t c = 0; c < tx->set->ns_rwset[i]->n_collection_hashed_rwset; c++)
            if (fcc_bytes_starts_with(fcc__of_pb(tx->set->ns_rwset[i]->collection_hashed_rwset[c]->collection_name),
                                      FCC_LIT("_implicit_org_")))
                return tx->endorser_count == 1;
    return false;
}

/* As deployed: one peer's endorsement is enough for `probe`, `bench` and `_lifecycle` need the majority, both. */
static size_t needed(const rec_tx *tx)
{
    fcc_bytes name = fcc__of_pb(tx->action->chaincode_id->name);

    return fcc_bytes_equal(name, FCC_LIT("probe")) || writes_implicit_only(tx) ? 1 : 2;
}

static bool drop_to_too_few(rec_tx *tx)
{
    tx->endorser_count = needed(tx) - 1;
    return true;
}

static bool drop_all(rec_tx *tx)
{
    tx->endorser_count = 0;
    return true;
}

/* The endorsements of one peer twice: it counts once. */
static bool endorse_twice_by_one(rec_tx *tx)
{
    if (needed(tx) != 2)
        return false;
    tx->endorsers[1] = tx->endorsers[0];
    return true;
}

static bool endorse_by_a_client(rec_tx *tx)
{
    for (size_t i = 0; i < tx->endorser_count; i++)
        tx->endorsers[i] = tx->signer;
    return true;
}

static bool endorse_by_the_orderer(rec_tx *tx)
{
    for (size_t i = 0; i < tx->endorser_count; i++)
        tx->endorsers[i] = rec_other(tx->keys, "OrdererMSP", NULL);
    return true;
}

static bool endorse_other_bytes(rec_tx *tx)
{
    return tx->other_bytes = true;
}

/* ---- reads ----------------------------------------------------------------------------------------------------------- */

static Kvrwset__KVRWSet *public_set(rec_tx *tx, size_t i)
{
    Kvrwset__KVRWSet *set;

    assert_int_equal(FCC__UNPACK(kvrwset__kvrwset, fcc__of_pb(tx->set->ns_rwset[i]->rwset), tx->arena, &set), FCC_OK);
    return set;
}

static void keep_set(rec_tx *tx, size_t i, const Kvrwset__KVRWSet *set)
{
    tx->set->ns_rwset[i]->rwset = fcc__pb(rec_pack(tx->arena, set));
}

static Kvrwset__Version *other_version(rec_tx *tx, const Kvrwset__Version *version)
{
    Kvrwset__Version *other = fcc__arena_zalloc(tx->arena, 1, sizeof *other);

    kvrwset__version__init(other);
    other->block_num = version ? version->block_num : 0;
    other->tx_num = version ? version->tx_num + 1 : 0;
    return other;
}

/* Of the namespace's first read; the last namespace that has one. */
static bool read_another_version(rec_tx *tx)
{
    for (size_t i = tx->set->n_ns_rwset; i-- > 0;) {
        Kvrwset__KVRWSet *set = public_set(tx, i);

        if (set->n_reads == 0)
            continue;
        set->reads[0]->version = other_version(tx, set->reads[0]->version);
        keep_set(tx, i, set);
        return true;
    }
    return false;
}

/* The key was there and is said not to have been. */
static bool read_as_absent(rec_tx *tx)
{
    for (size_t i = 0; i < tx->set->n_ns_rwset; i++) {
        Kvrwset__KVRWSet *set = public_set(tx, i);

        for (size_t r = 0; r < set->n_reads; r++)
            if (set->reads[r]->version) {
                set->reads[r]->version = NULL;
                keep_set(tx, i, set);
                return true;
            }
    }
    return false;
}

static bool read_another_private_version(rec_tx *tx)
{
    for (size_t i = 0; i < tx->set->n_ns_rwset; i++)
        for (size_t c = 0; c < tx->set->ns_rwset[i]->n_collection_hashed_rwset; c++) {
            Rwset__CollectionHashedReadWriteSet *collection = tx->set->ns_rwset[i]->collection_hashed_rwset[c];
            Kvrwset__HashedRWSet *set;

            assert_int_equal(FCC__UNPACK(kvrwset__hashed_rwset, fcc__of_pb(collection->hashed_rwset), tx->arena, &set),
                             FCC_OK);
            if (set->n_hashed_reads == 0)
                continue;
            set->hashed_reads[0]->version = other_version(tx, set->hashed_reads[0]->version);
            collection->hashed_rwset = fcc__pb(rec_pack(tx->arena, set));
            return true;
        }
    return false;
}

static bool alter_range(rec_tx *tx, bool hashed)
{
    for (size_t i = 0; i < tx->set->n_ns_rwset; i++) {
        Kvrwset__KVRWSet *set = public_set(tx, i);

        for (size_t r = 0; r < set->n_range_queries_info; r++) {
            Kvrwset__RangeQueryInfo *range = set->range_queries_info[r];

            if (hashed && range->reads_info_case == KVRWSET__RANGE_QUERY_INFO__READS_INFO_READS_MERKLE_HASHES)
                range->reads_merkle_hashes->max_level_hashes[0].data[0] ^= 1;
            else if (!hashed && range->reads_info_case == KVRWSET__RANGE_QUERY_INFO__READS_INFO_RAW_READS &&
                     range->raw_reads->n_kv_reads > 0)
                range->raw_reads->n_kv_reads--;
            else
                continue;
            keep_set(tx, i, set);
            return true;
        }
    }
    return false;
}

static bool lose_a_result_of_a_range(rec_tx *tx)
{
    return alter_range(tx, false);
}

static bool alter_the_hash_of_a_range(rec_tx *tx)
{
    return alter_range(tx, true);
}

/* ---- writes ---------------------------------------------------------------------------------------------------------- */

static bool repeat_a_namespace(rec_tx *tx)
{
    size_t n = tx->set->n_ns_rwset;
    Rwset__NsReadWriteSet **list = fcc__arena_zalloc(tx->arena, n + 1, sizeof(Rwset__NsReadWriteSet *));

    memcpy(list, tx->set->ns_rwset, n * sizeof *list);
    list[n] = list[n - 1];
    tx->set->ns_rwset = list;
    tx->set->n_ns_rwset = n + 1;
    return true;
}

static void add_namespace(rec_tx *tx, const char *name, const char *collection)
{
    Rwset__NsReadWriteSet *ns = fcc__arena_zalloc(tx->arena, 1, sizeof *ns);
    Rwset__CollectionHashedReadWriteSet *c = fcc__arena_zalloc(tx->arena, 1, sizeof *c), **cs;
    Kvrwset__KVRWSet set = KVRWSET__KVRWSET__INIT;
    Kvrwset__HashedRWSet hashed = KVRWSET__HASHED_RWSET__INIT;
    Kvrwset__KVWrite write = KVRWSET__KVWRITE__INIT, *writes[] = { &write };
    Kvrwset__KVWriteHash hash = KVRWSET__KVWRITE_HASH__INIT, *hashes[] = { &hash };
    Rwset__NsReadWriteSet **list = fcc__arena_zalloc(tx->arena, tx->set->n_ns_rwset + 1,
                                                     sizeof(Rwset__NsReadWriteSet *));

    rwset__ns_read_write_set__init(ns);
    ns->namespace_ = fcc__pb(fcc_str(name));
    write.key = write.value = fcc__pb(FCC_LIT("k"));
    hash.key_hash = hash.value_hash = fcc__pb(FCC_LIT("0123456789abcdef0123456789abcdef"));
    if (collection) {
        rwset__collection_hashed_read_write_set__init(c);
        hashed.n_hashed_writes = 1;
        hashed.hashed_writes = hashes;
        c->collection_name = fcc__pb(fcc_str(collection));
        c->hashed_rwset = fcc__pb(rec_pack(tx->arena, &hashed));
        cs = fcc__arena_zalloc(tx->arena, 1, sizeof(Rwset__CollectionHashedReadWriteSet *));
        cs[0] = c;
        ns->collection_hashed_rwset = cs;
        ns->n_collection_hashed_rwset = 1;
    } else {
        set.n_writes = 1;
        set.writes = writes;
    }
    ns->rwset = fcc__pb(rec_pack(tx->arena, &set));
    memcpy(list, tx->set->ns_rwset, tx->set->n_ns_rwset * sizeof *list);
    list[tx->set->n_ns_rwset++] = ns;
    tx->set->ns_rwset = list;
}

static bool write_to_an_undefined_chaincode(rec_tx *tx)
{
    add_namespace(tx, "nosuch", NULL);
    return true;
}

static bool has_namespace(const rec_tx *tx, const char *name)
{
    for (size_t i = 0; i < tx->set->n_ns_rwset; i++)
        if (fcc_bytes_equal(fcc__of_pb(tx->set->ns_rwset[i]->namespace_), fcc_str(name)))
            return true;
    return false;
}

/* `bench` asks for both organisations; the transaction has one endorsement. */
static bool write_to_a_stricter_chaincode(rec_tx *tx)
{
    if (has_namespace(tx, "bench") || tx->endorser_count != 1 ||
        !fcc_bytes_equal(fcc__of_pb(tx->action->chaincode_id->name), FCC_LIT("probe")))
        return false;
    add_namespace(tx, "bench", NULL);
    return true;
}

static bool write_to_an_undefined_collection(rec_tx *tx)
{
    size_t last = tx->set->n_ns_rwset;

    if (!fcc_bytes_equal(fcc__of_pb(tx->action->chaincode_id->name), FCC_LIT("probe")) || has_namespace(tx, "bench"))
        return false;
    add_namespace(tx, "probe", "nosuch");
    /* not a second set of the namespace, but part of the one that is there */
    for (size_t i = 0; i < last; i++)
        if (fcc_bytes_equal(fcc__of_pb(tx->set->ns_rwset[i]->namespace_), FCC_LIT("probe"))) {
            tx->set->ns_rwset[i]->collection_hashed_rwset = tx->set->ns_rwset[last]->collection_hashed_rwset;
            tx->set->ns_rwset[i]->n_collection_hashed_rwset = 1;
            tx->set->n_ns_rwset = last;
        }
    return true;
}

static bool junk_for_the_set(rec_tx *tx)
{
    tx->results = junk;
    return true;
}

/* ---- who, what, where ------------------------------------------------------------------------------------------------- */

static bool damage_the_signature(rec_tx *tx)
{
    return tx->bad_signature = true;
}

static bool sign_by_somebody_else(rec_tx *tx)
{
    tx->signer = rec_other(tx->keys, msp_signer_mspid(tx->signer), tx->signer);
    return tx->signer != NULL;
}

static bool hash_another_proposal(rec_tx *tx)
{
    return tx->other_hash = true;
}

static bool name_another_txid(rec_tx *tx)
{
    fcc_bytes id = fcc__of_pb(tx->channel->tx_id);

    assert_true(fcc__arena_copy(tx->arena, id, &id));
    ((uint8_t *)(uintptr_t)id.data)[0] ^= 1;
    tx->channel->tx_id = fcc__pb(id);
    return true;
}

static bool take_another_nonce(rec_tx *tx)
{
    tx->header->nonce = fcc__pb(FCC_LIT("another nonce"));
    return true;
}

static bool no_nonce(rec_tx *tx)
{
    tx->header->nonce = fcc__pb(none);
    return true;
}

static bool no_creator(rec_tx *tx)
{
    tx->header->creator = fcc__pb(none);
    return true;
}

static bool junk_for_the_creator(rec_tx *tx)
{
    tx->header->creator = fcc__pb(junk);
    return true;
}

static bool a_later_epoch(rec_tx *tx)
{
    tx->channel->epoch = 1;
    return true;
}

static bool an_unknown_type(rec_tx *tx)
{
    tx->channel->type = COMMON__HEADER_TYPE__MESSAGE;
    return true;
}

static bool the_type_of_an_update(rec_tx *tx)
{
    tx->channel->type = COMMON__HEADER_TYPE__CONFIG_UPDATE;
    return true;
}

static bool another_channel(rec_tx *tx)
{
    tx->channel->channel_id = fcc__pb(FCC_LIT("elsewhere"));
    return true;
}

static bool junk_for_the_extension(rec_tx *tx)
{
    tx->channel->extension = fcc__pb(junk);
    return true;
}

static bool no_extension(rec_tx *tx)
{
    tx->channel->extension = fcc__pb(none);
    return true;
}

static bool junk_for_the_action(rec_tx *tx)
{
    tx->extension = junk;
    return true;
}

static bool junk_for_the_transaction(rec_tx *tx)
{
    tx->data = junk;
    return true;
}

static bool two_actions(rec_tx *tx)
{
    tx->actions = 2;
    return true;
}

static bool no_action(rec_tx *tx)
{
    tx->actions = 0;
    return true;
}

static bool another_chaincode(rec_tx *tx)
{
    tx->action->chaincode_id->name = fcc__pb(FCC_LIT("another"));
    return true;
}

static bool no_version(rec_tx *tx)
{
    tx->action->chaincode_id->version = fcc__pb(none);
    return true;
}

static bool no_chaincode(rec_tx *tx)
{
    tx->action->chaincode_id = NULL;
    return true;
}

static bool an_event_of_another(rec_tx *tx)
{
    Protos__ChaincodeEvent event = PROTOS__CHAINCODE_EVENT__INIT;

    event.chaincode_id = fcc__pb(FCC_LIT("another"));
    tx->action->events = fcc__pb(rec_pack(tx->arena, &event));
    return true;
}

static bool junk_for_the_event(rec_tx *tx)
{
    tx->action->events = fcc__pb(junk);
    return true;
}

static const struct {
    const char *name;
    fault_fn *put;
    uint8_t code;
} faults[] = {
    { "too few endorsements", drop_to_too_few, REC_CODE(ENDORSEMENT_POLICY_FAILURE) },
    { "no endorsements", drop_all, REC_CODE(ENDORSEMENT_POLICY_FAILURE) },
    { "one endorser twice", endorse_twice_by_one, REC_CODE(ENDORSEMENT_POLICY_FAILURE) },
    { "endorsed by a client", endorse_by_a_client, REC_CODE(ENDORSEMENT_POLICY_FAILURE) },
    { "endorsed by the orderer", endorse_by_the_orderer, REC_CODE(ENDORSEMENT_POLICY_FAILURE) },
    { "endorsements over other bytes", endorse_other_bytes, REC_CODE(ENDORSEMENT_POLICY_FAILURE) },
    { "another version read", read_another_version, REC_CODE(MVCC_READ_CONFLICT) },
    { "read as absent", read_as_absent, REC_CODE(MVCC_READ_CONFLICT) },
    { "another version of a private key", read_another_private_version, REC_CODE(MVCC_READ_CONFLICT) },
    { "a result fewer in a range", lose_a_result_of_a_range, REC_CODE(PHANTOM_READ_CONFLICT) },
    { "another hash of a range", alter_the_hash_of_a_range, REC_CODE(PHANTOM_READ_CONFLICT) },
    { "a namespace twice", repeat_a_namespace, REC_CODE(ILLEGAL_WRITESET) },
    { "a write to an undefined chaincode", write_to_an_undefined_chaincode, REC_CODE(INVALID_CHAINCODE) },
    { "a write to a stricter chaincode", write_to_a_stricter_chaincode, REC_CODE(ENDORSEMENT_POLICY_FAILURE) },
    /* a real peer ends itself over this one: the code is ours */
    { "a write to an undefined collection", write_to_an_undefined_collection, REC_CODE(ENDORSEMENT_POLICY_FAILURE) },
    { "an unreadable set", junk_for_the_set, REC_CODE(BAD_RWSET) },
    { "a damaged signature", damage_the_signature, REC_CODE(BAD_CREATOR_SIGNATURE) },
    { "somebody else's signature", sign_by_somebody_else, REC_CODE(BAD_CREATOR_SIGNATURE) },
    { "another proposal's hash", hash_another_proposal, REC_CODE(INVALID_ENDORSER_TRANSACTION) },
    { "another transaction id", name_another_txid, REC_CODE(BAD_PROPOSAL_TXID) },
    { "another nonce", take_another_nonce, REC_CODE(BAD_PROPOSAL_TXID) },
    { "no nonce", no_nonce, REC_CODE(BAD_COMMON_HEADER) },
    { "no creator", no_creator, REC_CODE(BAD_COMMON_HEADER) },
    { "an unreadable creator", junk_for_the_creator, REC_CODE(BAD_CREATOR_SIGNATURE) },
    { "an epoch", a_later_epoch, REC_CODE(BAD_COMMON_HEADER) },
    { "an unknown type", an_unknown_type, REC_CODE(BAD_COMMON_HEADER) },
    { "the type of a config update", the_type_of_an_update, REC_CODE(UNSUPPORTED_TX_PAYLOAD) },
    /* a channel that the peer doesn't have has no members: its creator's certificate is not found */
    { "another channel", another_channel, REC_CODE(BAD_CREATOR_SIGNATURE) },
    { "an unreadable extension", junk_for_the_extension, REC_CODE(BAD_HEADER_EXTENSION) },
    { "no chaincode in the extension", no_extension, REC_CODE(INVALID_OTHER_REASON) },
    { "an unreadable action", junk_for_the_action, REC_CODE(BAD_RESPONSE_PAYLOAD) },
    { "an unreadable transaction", junk_for_the_transaction, REC_CODE(INVALID_ENDORSER_TRANSACTION) },
    { "two actions", two_actions, REC_CODE(INVALID_ENDORSER_TRANSACTION) },
    { "no action", no_action, REC_CODE(INVALID_ENDORSER_TRANSACTION) },
    { "another chaincode's action", another_chaincode, REC_CODE(INVALID_CHAINCODE) },
    { "no version of the chaincode", no_version, REC_CODE(INVALID_CHAINCODE) },
    { "no chaincode in the action", no_chaincode, REC_CODE(INVALID_OTHER_REASON) },
    { "an event of another chaincode", an_event_of_another, REC_CODE(INVALID_OTHER_REASON) },
    { "an unreadable event", junk_for_the_event, REC_CODE(INVALID_OTHER_REASON) },
};
enum { FAULTS = sizeof faults / sizeof *faults };

/* ---- the channels ---------------------------------------------------------------------------------------------------- */

struct run {
    const char *folder;
    rec_keys keys;
    ledger *l;
    size_t block, index;
    size_t transactions, made[FAULTS];
};

/* The code of the last of these in a block of their own. */
static uint8_t judge(struct run *run, const fcc_bytes *envelopes, size_t count, fcc__arena *arena)
{
    ledger_committed judged;
    fcc_error error = { 0 };

    if (ledger_judge(run->l, rec_next_block(run->l, &run->keys, envelopes, count, arena), arena, &judged, &error) !=
        FCC_OK)
        fail_msg("%s", error.text);
    assert_int_equal(judged.count, count);
    return judged.codes[count - 1];
}

static void expect(struct run *run, const char *what, uint8_t got, uint8_t wanted)
{
    if (got != wanted)
        fail_msg("%s, block %zu, transaction %zu with %s: %s instead of %s", run->folder, run->block, run->index, what,
                 ledger_code_name(got), ledger_code_name(wanted));
}

/* Does it change who has to endorse a key? Then no later transaction of the block may write that key, be it a twin. */
static bool sets_policy(rec_tx *tx)
{
    for (size_t i = 0; i < tx->set->n_ns_rwset; i++) {
        const Rwset__NsReadWriteSet *ns = tx->set->ns_rwset[i];
        Kvrwset__HashedRWSet *hashed;

        if (public_set(tx, i)->n_metadata_writes > 0)
            return true;
        for (size_t c = 0; c < ns->n_collection_hashed_rwset; c++) {
            assert_int_equal(FCC__UNPACK(kvrwset__hashed_rwset,
                                         fcc__of_pb(ns->collection_hashed_rwset[c]->hashed_rwset), tx->arena, &hashed),
                             FCC_OK);
            if (hashed->n_metadata_writes > 0)
                return true;
        }
    }
    return false;
}

static void try_faults(struct run *run, fcc_bytes envelope, fcc__arena *arena)
{
    fcc_bytes twice[2];
    rec_tx tx;

    if (!rec_take(envelope, &run->keys, arena, &tx))
        return;
    run->transactions++;
    twice[0] = twice[1] = rec_remake(&tx);
    expect(run, "no fault", judge(run, twice, 1, arena), REC_CODE(VALID));
    expect(run, "a twin before it", judge(run, twice, 2, arena),
           sets_policy(&tx) ? REC_CODE(ENDORSEMENT_POLICY_FAILURE) : REC_CODE(DUPLICATE_TXID));
    for (size_t f = 0; f < FAULTS; f++) {
        fcc_bytes altered;

        assert_true(rec_take(envelope, &run->keys, arena, &tx));
        if (!faults[f].put(&tx))
            continue;
        altered = rec_remake(&tx);
        expect(run, faults[f].name, judge(run, &altered, 1, arena), faults[f].code);
        run->made[f]++;
    }
}

static void faulty_transactions(const char *folder)
{
    static const char *const orgs[] = { "Org1MSP", "Org2MSP" };
    ledger_options options = { .orgs = orgs, .org_count = 2 };
    fcc__arena *arena = fcc__arena_new((size_t)1 << 30), *scratch = fcc__arena_new((size_t)1 << 30);
    struct run run = { .folder = folder };
    fcc_error error = { 0 };
    fcc_bytes message;

    rec_keys_load(folder, &run.keys);
    assert_int_equal(ledger_open(&options, &run.l, &error), FCC_OK);
    for (run.block = 0; rec_block(folder, run.block, arena, &message); run.block++) {
        ledger__block block;
        ledger_committed done;

        assert_int_equal(ledger__block_unpack(message, arena, &block), FCC_OK);
        for (run.index = 0; run.block > 0 && run.index < block.count; run.index++) {
            fcc__arena_reset(scratch);
            if (block.metadata[LEDGER__FILTER].data[run.index] == 0)
                try_faults(&run, block.envelopes[run.index], scratch);
        }
        if (ledger_commit(run.l, message, arena, &done, &error) != FCC_OK)
            fail_msg("%s, block %zu: %s", folder, run.block, error.text);
        for (run.index = 0; run.block > 0 && run.index < block.count; run.index++) {
            fcc_bytes again = block.envelopes[run.index];

            fcc__arena_reset(scratch);
            if (done.codes[run.index] == 0)
                expect(&run, "itself in an earlier block", judge(&run, &again, 1, scratch), REC_CODE(DUPLICATE_TXID));
        }
        fcc__arena_reset(arena);
    }
    for (size_t f = 0; f < FAULTS; f++)
        /* no valid transaction of these channels has read more than 50 keys of a range */
        if (run.made[f] == 0 && faults[f].put != alter_the_hash_of_a_range)
            fail_msg("%s: no transaction has room for %s", folder, faults[f].name);
    printf("# %s: %zu valid transactions\n", folder, run.transactions);
    ledger_close(run.l);
    rec_keys_free(&run.keys);
    fcc__arena_free(arena);
    fcc__arena_free(scratch);
}

static void a_faulty_transaction_gets_the_code_of_fabric_3_1(void **state)
{
    if (!rec_have("v3.1.5"))
        SKIP("no recordings in %s", rec_shared());
    faulty_transactions("v3.1.5");
}

static void a_faulty_transaction_gets_the_code_of_fabric_2_5(void **state)
{
    if (!rec_have("v2.5.16"))
        SKIP("no recordings in %s", rec_shared());
    faulty_transactions("v2.5.16");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_faulty_transaction_gets_the_code_of_fabric_3_1),
        cmocka_unit_test(a_faulty_transaction_gets_the_code_of_fabric_2_5),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
