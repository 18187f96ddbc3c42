/* The code that each kind of bad transaction gets, and that the good ones beside it stay valid. */
#include "test/unit/network/ledger/fixture.h"

static const fcc_bytes none = { NULL, 0 };

/* A transaction on chaincode `any` that reads and writes `key`. */
static fix_tx read_and_write(fixture *f, const char *key, const char *value)
{
    ledger_sim *sim = fix_sim(f, 0);

    fix_get(f, sim, "any", "", key);
    fix_put(sim, "any", "", key, value);
    return fix_endorse(f, "any", fix_finish(f, sim), 1);
}

static fix_tx write_only(fixture *f, const char *cc, const char *key, unsigned by)
{
    ledger_sim *sim = fix_sim(f, 0);

    fix_put(sim, cc, "", key, "v");
    return fix_endorse(f, cc, fix_finish(f, sim), by);
}

/* A transaction that walks the whole namespace and writes `out`. */
static fix_tx walk_and_write(fixture *f, const char *out)
{
    ledger_sim *sim = fix_sim(f, 0);
    ledger_iter *iter;
    ledger_page page;

    assert_int_equal(ledger_sim_range(sim, FCC_LIT("any"), none, FCC_LIT("k"), FCC_LIT("l"), 0, none, &iter), FCC_OK);
    do {
        assert_int_equal(ledger_iter_page(iter, f->arena, &page), FCC_OK);
    } while (page.has_more);
    fix_put(sim, "any", "", out, "v");
    return fix_endorse(f, "any", fix_finish(f, sim), 1);
}

static void a_read_that_an_earlier_block_has_changed_conflicts(void **state)
{
    fixture *f = *state;
    fix_tx stale = read_and_write(f, "k", "stale");

    assert_int_equal(fix_write(f, "", "k", "first"), FIX_CODE(VALID));
    assert_int_equal(fix_commit(f, &stale, 1)[0], FIX_CODE(MVCC_READ_CONFLICT));
    assert_string_equal(fix_see(f, 0, "any", "", "k"), "first");
}

static void of_two_writers_in_one_block_the_first_wins(void **state)
{
    fixture *f = *state;
    fix_tx txs[3] = { read_and_write(f, "k", "one"), read_and_write(f, "k", "two"), read_and_write(f, "m", "three") };
    const uint8_t *codes = fix_commit(f, txs, 3);

    assert_int_equal(codes[0], FIX_CODE(VALID));
    assert_int_equal(codes[1], FIX_CODE(MVCC_READ_CONFLICT));
    assert_int_equal(codes[2], FIX_CODE(VALID));
    assert_string_equal(fix_see(f, 0, "any", "", "k"), "one");
}

static void a_read_of_a_key_that_the_block_deletes_conflicts(void **state)
{
    fixture *f = *state;
    ledger_sim *sim = fix_sim(f, 0);
    fix_tx txs[2];

    /* absent before and after: only the block's own list of touched keys tells */
    assert_int_equal(ledger_sim_delete(sim, FCC_LIT("any"), none, FCC_LIT("k")), FCC_OK);
    txs[0] = fix_endorse(f, "any", fix_finish(f, sim), 1);
    txs[1] = read_and_write(f, "k", "v");
    assert_int_equal(fix_commit(f, txs, 2)[1], FIX_CODE(MVCC_READ_CONFLICT));
}

static void writes_without_reads_never_conflict(void **state)
{
    fixture *f = *state;
    fix_tx txs[2] = { write_only(f, "any", "k", 1), write_only(f, "any", "k", 1) };
    const uint8_t *codes = fix_commit(f, txs, 2);

    assert_int_equal(codes[0], FIX_CODE(VALID));
    assert_int_equal(codes[1], FIX_CODE(VALID));
}

static void a_new_key_in_a_walked_range_is_a_phantom(void **state)
{
    fixture *f = *state;
    fix_tx txs[2] = { write_only(f, "any", "k1", 1), walk_and_write(f, "x") };

    assert_int_equal(fix_commit(f, txs, 2)[1], FIX_CODE(PHANTOM_READ_CONFLICT));
    txs[0] = walk_and_write(f, "x");
    fix_write(f, "", "k2", "v");
    assert_int_equal(fix_commit(f, txs, 1)[0], FIX_CODE(PHANTOM_READ_CONFLICT));
    txs[0] = walk_and_write(f, "x");
    fix_write(f, "", "m", "outside of the range");
    assert_int_equal(fix_commit(f, txs, 1)[0], FIX_CODE(VALID));
}

static void a_range_of_many_keys_is_checked_by_its_hashes(void **state)
{
    fixture *f = *state;
    ledger_sim *sim = fix_sim(f, 0);
    fix_tx tx;
    int i;

    for (i = 0; i < 300; i++) {
        char key[32];

        snprintf(key, sizeof key, "k%03d", i);
        fix_put(sim, "any", "", key, "v");
    }
    tx = fix_endorse(f, "any", fix_finish(f, sim), 1);
    assert_int_equal(fix_commit(f, &tx, 1)[0], FIX_CODE(VALID));
    tx = walk_and_write(f, "x");
    assert_int_equal(fix_commit(f, &tx, 1)[0], FIX_CODE(VALID));
    tx = walk_and_write(f, "x");
    fix_write(f, "", "k250", "changed");
    assert_int_equal(fix_commit(f, &tx, 1)[0], FIX_CODE(PHANTOM_READ_CONFLICT));
    tx = walk_and_write(f, "x");
    fix_write(f, "", "k0005", "new");
    assert_int_equal(fix_commit(f, &tx, 1)[0], FIX_CODE(PHANTOM_READ_CONFLICT));
    tx = walk_and_write(f, "x");
    fix_write(f, "", "k299", "");
    assert_int_equal(fix_commit(f, &tx, 1)[0], FIX_CODE(PHANTOM_READ_CONFLICT));
}

static void a_transaction_is_a_duplicate_in_its_block_and_later(void **state)
{
    fixture *f = *state;
    fix_tx tx = write_only(f, "any", "k", 1), twice[2] = { tx, tx };
    const uint8_t *codes = fix_commit(f, twice, 2);
    ledger_place place;

    assert_int_equal(codes[0], FIX_CODE(VALID));
    assert_int_equal(codes[1], FIX_CODE(DUPLICATE_TXID));
    assert_int_equal(fix_commit(f, &tx, 1)[0], FIX_CODE(DUPLICATE_TXID));
    assert_int_equal(ledger_find_tx(f->l, tx.txid, &place), FCC_OK);
    assert_int_equal(place.block, 1);
    assert_int_equal(place.index, 0);
    assert_int_equal(place.code, FIX_CODE(VALID));
}

static void an_invalid_transaction_still_uses_its_id_up(void **state)
{
    fixture *f = *state;
    fix_tx tx = write_only(f, "both", "k", 1), twice[2] = { tx, tx };
    const uint8_t *codes = fix_commit(f, twice, 2);

    /* within the block only valid ones count */
    assert_int_equal(codes[0], FIX_CODE(ENDORSEMENT_POLICY_FAILURE));
    assert_int_equal(codes[1], FIX_CODE(ENDORSEMENT_POLICY_FAILURE));
    assert_int_equal(fix_commit(f, &tx, 1)[0], FIX_CODE(DUPLICATE_TXID));
}

static void too_few_endorsements_fail_the_policy(void **state)
{
    fixture *f = *state;
    fix_tx txs[4] = { write_only(f, "both", "k", 3), write_only(f, "both", "k", 1), write_only(f, "both", "k", 5),
                      write_only(f, "any", "k", 0) };
    const uint8_t *codes = fix_commit(f, txs, 4);

    assert_int_equal(codes[0], FIX_CODE(VALID));
    assert_int_equal(codes[1], FIX_CODE(ENDORSEMENT_POLICY_FAILURE));
    assert_int_equal(codes[2], FIX_CODE(ENDORSEMENT_POLICY_FAILURE));
    assert_int_equal(codes[3], FIX_CODE(ENDORSEMENT_POLICY_FAILURE));
}

static void a_called_chaincode_that_is_written_brings_its_own_policy(void **state)
{
    fixture *f = *state;
    ledger_sim *sim = fix_sim(f, 0);
    fix_tx txs[2];
    const uint8_t *codes;

    fix_put(sim, "any", "", "k", "v");
    fix_put(sim, "both", "", "k", "v");
    txs[0] = fix_endorse(f, "any", fix_finish(f, sim), 1);
    sim = fix_sim(f, 0);
    fix_put(sim, "any", "", "k", "v");
    fix_get(f, sim, "both", "", "k");
    txs[1] = fix_endorse(f, "any", fix_finish(f, sim), 1);
    codes = fix_commit(f, txs, 2);
    assert_int_equal(codes[0], FIX_CODE(ENDORSEMENT_POLICY_FAILURE));
    assert_int_equal(codes[1], FIX_CODE(VALID));
}

static void an_unknown_chaincode_is_invalid(void **state)
{
    fixture *f = *state;
    ledger_sim *sim = fix_sim(f, 0);
    fix_tx tx;

    fix_put(sim, "other", "", "k", "v");
    tx = fix_endorse(f, "other", fix_finish(f, sim), 7);
    assert_int_equal(fix_commit(f, &tx, 1)[0], FIX_CODE(INVALID_CHAINCODE));
}

static void a_collection_has_its_own_endorsement_policy(void **state)
{
    fixture *f = *state;
    fix_tx txs[2];
    const uint8_t *codes;
    size_t i;

    for (i = 0; i < 2; i++) {
        ledger_sim *sim = fix_sim(f, 0);

        fix_put(sim, "any", "strict", "k", "v");
        txs[i] = fix_endorse(f, "any", fix_finish(f, sim), i ? 3 : 4);
    }
    codes = fix_commit(f, txs, 2);
    assert_int_equal(codes[0], FIX_CODE(ENDORSEMENT_POLICY_FAILURE));
    assert_int_equal(codes[1], FIX_CODE(VALID));
}

static void an_implicit_collection_needs_its_organisation(void **state)
{
    fixture *f = *state;
    fix_tx txs[3];
    const uint8_t *codes;
    size_t i;

    for (i = 0; i < 3; i++) {
        ledger_sim *sim = fix_sim(f, 0);

        fix_put(sim, "any", "_implicit_org_BMSP", "k", "v");
        txs[i] = fix_endorse(f, "any", fix_finish(f, sim), 1u << i);
    }
    codes = fix_commit(f, txs, 3);
    assert_int_equal(codes[0], FIX_CODE(ENDORSEMENT_POLICY_FAILURE));
    assert_int_equal(codes[1], FIX_CODE(VALID));
    assert_int_equal(codes[2], FIX_CODE(ENDORSEMENT_POLICY_FAILURE));
}

/* Give `key` of `any` a policy of its own. */
static fix_tx guard(fixture *f, const char *key, const char *policy)
{
    ledger_metadata entry = { FCC_LIT("VALIDATION_PARAMETER"), { NULL, 0 } };
    ledger_sim *sim = fix_sim(f, 0);

    assert_int_equal(msp_policy_parse(policy, f->arena, &entry.value, NULL), FCC_OK);
    assert_int_equal(ledger_sim_put_metadata(sim, FCC_LIT("any"), none, fcc_str(key), &entry, 1), FCC_OK);
    return fix_endorse(f, "any", fix_finish(f, sim), 1);
}

static void a_key_can_have_a_policy_of_its_own(void **state)
{
    fixture *f = *state;
    fix_tx txs[3];
    const uint8_t *codes;

    fix_write(f, "", "k", "v");
    txs[0] = guard(f, "k", "AND('BMSP.peer','CMSP.peer')");
    assert_int_equal(fix_commit(f, txs, 1)[0], FIX_CODE(VALID));
    txs[0] = write_only(f, "any", "k", 1);
    txs[1] = write_only(f, "any", "k", 6);
    txs[2] = write_only(f, "any", "other", 1);
    codes = fix_commit(f, txs, 3);
    assert_int_equal(codes[0], FIX_CODE(ENDORSEMENT_POLICY_FAILURE));
    assert_int_equal(codes[1], FIX_CODE(VALID));
    assert_int_equal(codes[2], FIX_CODE(VALID));
}

static void a_policy_changed_in_the_same_block_lets_nobody_write_the_key(void **state)
{
    fixture *f = *state;
    fix_tx txs[3];
    const uint8_t *codes;

    fix_write(f, "", "k", "v");
    txs[0] = write_only(f, "any", "k", 1);
    txs[1] = guard(f, "k", "OR('AMSP.peer')");
    txs[2] = write_only(f, "any", "k", 1);
    codes = fix_commit(f, txs, 3);
    assert_int_equal(codes[0], FIX_CODE(VALID));
    assert_int_equal(codes[1], FIX_CODE(VALID));
    assert_int_equal(codes[2], FIX_CODE(ENDORSEMENT_POLICY_FAILURE));
}

/* The envelope with one byte of its payload changed, still a well-formed message: the signature fails. */
static void a_changed_payload_fails_the_creators_signature(void **state)
{
    fixture *f = *state;
    fix_tx tx = write_only(f, "any", "k", 1);
    fcc_bytes copy;
    uint8_t *bytes;
    size_t i;

    assert_true(fcc__arena_copy(f->arena, tx.envelope, &copy));
    bytes = (uint8_t *)(uintptr_t)copy.data;
    for (i = 0; i + 5 < copy.len && memcmp(bytes + i, "nonce", 5) != 0; i++)
        ;
    bytes[i] = 'N';
    tx.envelope = copy;
    assert_int_equal(fix_commit(f, &tx, 1)[0], FIX_CODE(BAD_CREATOR_SIGNATURE));
}

/* Sign `payload` again as A's user. */
static fix_tx sign(fixture *f, Common__Payload *payload)
{
    Common__Envelope envelope = COMMON__ENVELOPE__INIT;
    fcc_bytes bytes = fix_pack(f, payload), signature;
    fix_tx tx;

    assert_int_equal(msp_sign(f->users[0], &bytes, 1, f->arena, &signature), FCC_OK);
    envelope.payload = fcc__pb(bytes);
    envelope.signature = fcc__pb(signature);
    tx.envelope = fix_pack(f, &envelope);
    tx.txid = none;
    return tx;
}

static void headers_are_checked_in_fabrics_order(void **state)
{
    fixture *f = *state;
    ledger__transaction tx;
    fix_tx txs[7];
    const uint8_t *codes;
    size_t i;

    for (i = 0; i < 7; i++) {
        assert_int_equal(ledger__transaction_unpack(write_only(f, "any", "k", 1).envelope, f->arena, &tx), FCC_OK);
        if (i == 0)
            tx.channel_header->epoch = 1;
        if (i == 1)
            tx.channel_header->tx_id = fcc__pb(FCC_LIT("another"));
        if (i == 2)
            tx.channel_header->channel_id = fcc__pb(FCC_LIT("another"));
        if (i == 3)
            tx.channel_header->type = COMMON__HEADER_TYPE__CONFIG_UPDATE;
        if (i == 4)
            tx.channel_header->type = COMMON__HEADER_TYPE__MESSAGE;
        if (i == 5)
            tx.payload->data = fcc__pb(FCC_LIT("\xff not a transaction"));
        if (i == 6)
            tx.payload->header = NULL;
        if (tx.payload->header)
            tx.payload->header->channel_header = fcc__pb(fix_pack(f, tx.channel_header));
        txs[i] = sign(f, tx.payload);
    }
    codes = fix_commit(f, txs, 7);
    assert_int_equal(codes[0], FIX_CODE(BAD_COMMON_HEADER));
    assert_int_equal(codes[1], FIX_CODE(BAD_PROPOSAL_TXID));
    /* a channel that isn't here has no members */
    assert_int_equal(codes[2], FIX_CODE(BAD_CREATOR_SIGNATURE));
    assert_int_equal(codes[3], FIX_CODE(UNSUPPORTED_TX_PAYLOAD));
    assert_int_equal(codes[4], FIX_CODE(BAD_COMMON_HEADER));
    assert_int_equal(codes[5], FIX_CODE(INVALID_ENDORSER_TRANSACTION));
    assert_int_equal(codes[6], FIX_CODE(BAD_COMMON_HEADER));
}

/* A transaction with this KVRWSet in namespace `any`, its collections behind it. */
static fix_tx with_set(fixture *f, const Kvrwset__KVRWSet *set, fcc_bytes behind)
{
    ledger_results results = { 0 };
    fcc__buf ns, all;

    fcc__buf_init(&ns, 1 << 20);
    fcc__buf_init(&all, 1 << 20);
    fcc__buf_add(&ns, FCC_LIT("\x0a\x03"
                              "any\x12"));
    ledger__add_piece(&ns, fix_pack(f, set));
    fcc__buf_add(&ns, behind);
    fcc__buf_putc(&all, 0x12);
    ledger__add_piece(&all, fcc__buf_bytes(&ns));
    assert_true(fcc__arena_copy(f->arena, fcc__buf_bytes(&all), &results.rwset));
    fcc__buf_clear(&ns);
    fcc__buf_clear(&all);
    return fix_endorse(f, "any", results, 1);
}

/* As protobuf does in Go: what isn't known is skipped, groups and values of another type as well. */
static void fields_that_fabric_skips_are_skipped(void **state)
{
    static const struct {
        const char *wire;
        size_t len;
    } behind[] = {
        { "\x7b\x08\x01\x7c", 4 }, { "\x12\x00", 2 }, { "\x10\x01", 2 }, { "\x0b\x0c", 2 }, { "\x7d....", 5 }
    };
    fixture *f = *state;
    const Kvrwset__KVRWSet set = KVRWSET__KVRWSET__INIT;
    fix_tx txs[6];
    const uint8_t *codes;
    size_t i;

    for (i = 0; i < 5; i++)
        txs[i] = with_set(f, &set, fcc_bytes_of(behind[i].wire, behind[i].len));
    txs[5] = with_set(f, &set, FCC_LIT("\x7b\x08\x01")); /* a group without an end */
    codes = fix_commit(f, txs, 6);
    for (i = 0; i < 5; i++)
        assert_int_equal(codes[i], FIX_CODE(VALID));
    assert_int_equal(codes[5], FIX_CODE(BAD_RWSET));
}

/* However many keys a transaction has, and however strange it is: a block that can't be read would stop the network. */
static void what_is_large_is_judged_like_everything_else(void **state)
{
    enum { KEYS = 120000 };
    fixture *f = *state;
    Kvrwset__KVRWSet set = KVRWSET__KVRWSET__INIT;
    Kvrwset__KVWrite write = KVRWSET__KVWRITE__INIT, *writes[] = { &write };
    ledger_metadata entry = { FCC_LIT("VALIDATION_PARAMETER"), { NULL, 0 } };
    ledger_sim *sim = fix_sim(f, 0);
    uint8_t *strange = fcc__arena_alloc(f->arena, (size_t)8 * KEYS);
    fix_tx txs[3];
    const uint8_t *codes;
    char key[32];
    size_t i;

    for (i = 0; i < KEYS; i++) {
        snprintf(key, sizeof key, "large%zu", i);
        fix_put(sim, "any", "", key, "v");
    }
    txs[0] = fix_endorse(f, "any", fix_finish(f, sim), 1);
    for (i = 0; i < (size_t)8 * KEYS; i += 2) { /* field 15, empty */
        strange[i] = 0x7a;
        strange[i + 1] = 0;
    }
    txs[1] = with_set(f, &set, fcc_bytes_of(strange, (size_t)8 * KEYS));
    sim = fix_sim(f, 0);
    entry.value = fcc_bytes_of(strange, (size_t)8 * KEYS);
    fix_put(sim, "any", "", "guarded", "v");
    assert_int_equal(ledger_sim_put_metadata(sim, FCC_LIT("any"), none, FCC_LIT("guarded"), &entry, 1), FCC_OK);
    txs[2] = fix_endorse(f, "any", fix_finish(f, sim), 1);
    codes = fix_commit(f, txs, 3);
    for (i = 0; i < 3; i++)
        assert_int_equal(codes[i], FIX_CODE(VALID));
    assert_string_equal(fix_see(f, 0, "any", "", "large119999"), "v");
    write.key = fcc__pb(FCC_LIT("guarded")); /* its policy is none that can be met */
    write.value = fcc__pb(FCC_LIT("w"));
    set.n_writes = 1;
    set.writes = writes;
    txs[0] = with_set(f, &set, none);
    assert_int_equal(fix_commit(f, txs, 1)[0], FIX_CODE(ENDORSEMENT_POLICY_FAILURE));
}

/* Hashes of a collection without a name would be public keys. */
static void a_collection_without_a_name_is_not_written(void **state)
{
    fixture *f = *state;
    const Kvrwset__KVRWSet set = KVRWSET__KVRWSET__INIT;
    /* collection_hashed_rwset {hashed_rwset {hashed_writes {key_hash "k" value_hash "v"}}} */
    fix_tx tx = with_set(f, &set, fcc_bytes_of("\x1a\x0a\x12\x08\x12\x06\x0a\x01k\x1a\x01v", 12));

    assert_int_equal(fix_commit(f, &tx, 1)[0], FIX_CODE(ENDORSEMENT_POLICY_FAILURE));
    assert_string_equal(fix_see(f, 0, "any", "", "k"), "");
}

/* A range that has been read up to its end key ends with that key, even where it starts behind it. */
static void the_end_key_of_a_range_comes_last(void **state)
{
    static const struct {
        const char *start, *end;
        bool recorded;
        uint8_t code;
    } cases[] = { { "k3", "k1", true, FIX_CODE(VALID) },
                  { "k3", "k1", false, FIX_CODE(PHANTOM_READ_CONFLICT) },
                  { "k1", "k1", true, FIX_CODE(VALID) },
                  { "k1", "k1", false, FIX_CODE(PHANTOM_READ_CONFLICT) },
                  { "k3", "k0", false, FIX_CODE(VALID) } };
    fixture *f = *state;
    size_t i;

    fix_write(f, "", "k1", "v");
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Kvrwset__KVRWSet set = KVRWSET__KVRWSET__INIT;
        Kvrwset__RangeQueryInfo info = KVRWSET__RANGE_QUERY_INFO__INIT, *infos[] = { &info };
        Kvrwset__QueryReads reads = KVRWSET__QUERY_READS__INIT;
        Kvrwset__KVRead read = KVRWSET__KVREAD__INIT, *list[] = { &read };
        Kvrwset__Version version = KVRWSET__VERSION__INIT;
        fix_tx tx;

        version.block_num = 1;
        read.key = fcc__pb(FCC_LIT("k1"));
        read.version = &version;
        reads.n_kv_reads = cases[i].recorded;
        reads.kv_reads = list;
        info.start_key = fcc__pb(fcc_str(cases[i].start));
        info.end_key = fcc__pb(fcc_str(cases[i].end));
        info.reads_info_case = KVRWSET__RANGE_QUERY_INFO__READS_INFO_RAW_READS;
        info.raw_reads = &reads;
        set.n_range_queries_info = 1;
        set.range_queries_info = infos;
        tx = with_set(f, &set, none);
        assert_int_equal(fix_commit(f, &tx, 1)[0], cases[i].code);
    }
}

static void an_envelope_that_is_not_canonical_gets_into_no_block(void **state)
{
    fixture *f = *state;
    fix_tx tx = write_only(f, "any", "k", 1);
    uint8_t *longer = fcc__arena_alloc(f->arena, tx.envelope.len + 2);
    fcc_bytes envelope = fcc_bytes_of(longer, tx.envelope.len + 2), block;

    memcpy(longer, tx.envelope.data, tx.envelope.len);
    memcpy(longer + tx.envelope.len, "\x18\x01", 2); /* an unknown field */
    assert_true(ledger_envelope_canonical(tx.envelope, f->arena));
    assert_false(ledger_envelope_canonical(envelope, f->arena));
    assert_int_equal(ledger_next_block(f->l, &envelope, 1, f->orderer, f->arena, &block), FCC_ERR_ARG);
}

static void a_block_that_is_not_the_next_is_refused(void **state)
{
    fixture *f = *state;
    fix_tx one = write_only(f, "any", "k", 1), two = write_only(f, "any", "m", 1);
    fcc_bytes block = fix_order(f, &one, 1), other = fix_order(f, &two, 1);
    ledger_committed done;
    ledger__block changed;
    fcc_error error;

    assert_int_equal(ledger_commit(f->l, block, f->arena, &done, &error), FCC_OK);
    assert_int_equal(ledger_commit(f->l, block, f->arena, &done, &error), FCC_ERR_CORRUPT);
    assert_int_equal(ledger_commit(f->l, other, f->arena, &done, &error), FCC_ERR_CORRUPT);
    assert_int_equal(ledger_commit(f->l, FCC_LIT("no block"), f->arena, &done, &error), FCC_ERR_CORRUPT);
    other = fix_order(f, &two, 1);
    assert_int_equal(ledger__block_unpack(other, f->arena, &changed), FCC_OK);
    changed.count = 0;
    assert_int_equal(ledger__block_pack(&changed, f->arena, &other), FCC_OK);
    assert_int_equal(ledger_commit(f->l, other, f->arena, &done, &error), FCC_ERR_CORRUPT);
    assert_int_equal(ledger_height(f->l), 2);
    assert_int_equal(fix_commit(f, &two, 1)[0], FIX_CODE(VALID));
}

static void committed_blocks_are_found_by_number_hash_and_transaction(void **state)
{
    fixture *f = *state;
    fix_tx tx = write_only(f, "any", "k", 1);
    fcc_bytes block, envelope;
    ledger__block unpacked;
    ledger_place place;
    fcc__sha256 hash;
    uint64_t number;
    ledger_tx parsed;

    fix_commit(f, &tx, 1);
    hash = ledger_hash(f->l);
    assert_int_equal(ledger_block_number_by_hash(f->l, fcc__sha256_bytes(&hash), &number), FCC_OK);
    assert_int_equal(number, 1);
    assert_int_equal(ledger_block(f->l, 1, f->arena, &block), FCC_OK);
    assert_int_equal(ledger__block_unpack(block, f->arena, &unpacked), FCC_OK);
    assert_int_equal(unpacked.metadata[LEDGER__FILTER].len, 1);
    assert_int_equal(unpacked.metadata[LEDGER__COMMIT_HASH].len, 34);
    assert_int_equal(ledger_block(f->l, 2, f->arena, &block), FCC_ERR_NOT_FOUND);
    assert_int_equal(ledger_find_tx(f->l, tx.txid, &place), FCC_OK);
    assert_int_equal(ledger_envelope(f->l, place, f->arena, &envelope), FCC_OK);
    assert_true(fcc_bytes_equal(envelope, tx.envelope));
    assert_int_equal(ledger_tx_parse(envelope, f->arena, &parsed), FCC_OK);
    assert_true(fcc_bytes_equal(parsed.txid, tx.txid));
    assert_true(fcc_bytes_equal(parsed.chaincode, FCC_LIT("any")));
    assert_false(ledger_has_tx(f->l, FCC_LIT("unknown")));
}

static void the_headers_number_is_minimal_der(void **state)
{
    /* number 128 takes two bytes, 2^63 nine; empty hashes stay */
    static const uint8_t der[] = { 0x30, 0x08, 0x02, 0x02, 0x00, 0x80, 0x04, 0x00, 0x04, 0x00 };
    static const uint8_t high[] = { 0x30, 0x0f, 0x02, 0x09, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0x04, 0x00, 0x04, 0x00 };
    fcc__sha256 expected = fcc__sha256_of(fcc_bytes_of(der, sizeof der)), got = ledger_header_hash(128, none, none);

    assert_memory_equal(expected.bytes, got.bytes, sizeof got.bytes);
    expected = fcc__sha256_of(fcc_bytes_of(high, sizeof high));
    got = ledger_header_hash((uint64_t)1 << 63, none, none);
    assert_memory_equal(expected.bytes, got.bytes, sizeof got.bytes);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fix_setup, fix_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_read_that_an_earlier_block_has_changed_conflicts),
        TEST(of_two_writers_in_one_block_the_first_wins),
        TEST(a_read_of_a_key_that_the_block_deletes_conflicts),
        TEST(writes_without_reads_never_conflict),
        TEST(a_new_key_in_a_walked_range_is_a_phantom),
        TEST(a_range_of_many_keys_is_checked_by_its_hashes),
        TEST(a_transaction_is_a_duplicate_in_its_block_and_later),
        TEST(an_invalid_transaction_still_uses_its_id_up),
        TEST(too_few_endorsements_fail_the_policy),
        TEST(a_called_chaincode_that_is_written_brings_its_own_policy),
        TEST(an_unknown_chaincode_is_invalid),
        TEST(a_collection_has_its_own_endorsement_policy),
        TEST(an_implicit_collection_needs_its_organisation),
        TEST(a_key_can_have_a_policy_of_its_own),
        TEST(a_policy_changed_in_the_same_block_lets_nobody_write_the_key),
        TEST(a_changed_payload_fails_the_creators_signature),
        TEST(headers_are_checked_in_fabrics_order),
        TEST(fields_that_fabric_skips_are_skipped),
        TEST(what_is_large_is_judged_like_everything_else),
        TEST(a_collection_without_a_name_is_not_written),
        TEST(the_end_key_of_a_range_comes_last),
        TEST(an_envelope_that_is_not_canonical_gets_into_no_block),
        TEST(a_block_that_is_not_the_next_is_refused),
        TEST(committed_blocks_are_found_by_number_hash_and_transaction),
        cmocka_unit_test(the_headers_number_is_minimal_der),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
