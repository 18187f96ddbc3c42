/* What a peer offers in READY: write batches and reads of several keys at once. */
#include "peer.h"

static fcc_handler current;

static fcc_status run_current(fcc_stub *stub, fcc_args args)
{
    return current(stub, args);
}

static const fcc_function functions[] = { { "run", run_current, FCC_ANY_ARGS } };
static const fcc_chaincode chaincode = { functions, 1, run_current, NULL, NULL };

/* READY with both offers; `size` 1 is below what a peer may offer, and counts as 100. */
static void open_offering(struct peer *p, fcc_handler handler, fcc__session_options options, uint32_t size)
{
    Protos__ChaincodeAdditionalParams offer = PROTOS__CHAINCODE_ADDITIONAL_PARAMS__INIT;

    current = handler;
    peer_open(p, &chaincode, options);
    offer.use_write_batch = offer.use_get_multiple_keys = size > 0;
    offer.max_size_write_batch = offer.max_size_get_multiple_keys = size;
    peer_ready(p, peer_pack(p, &offer));
}

static Protos__WriteBatchState *take_batch(struct peer *p)
{
    Protos__WriteBatchState *batch;

    PEER_PAYLOAD(p, protos__write_batch_state, peer_take_type(p, TYPE(WRITE_BATCH_STATE)), &batch);
    return batch;
}

static fcc_status write_kinds(fcc_stub *stub, fcc_args args)
{
    const fcc_bytes k = FCC_LIT("k"), c = FCC_LIT("c");
    fcc_status st;

    fcc_start_write_batch(stub);
    assert_int_equal(fcc_put_state(stub, NONE, k), FCC_ERR_ARG); /* still refused at once */
    st = fcc_put_state(stub, k, FCC_LIT("old"));
    if (st == FCC_OK)
        st = fcc_put_state(stub, k, FCC_LIT("new"));
    if (st == FCC_OK)
        st = fcc_set_state_validation_parameter(stub, k, FCC_LIT("policy"));
    if (st == FCC_OK)
        st = fcc_put_private_data(stub, c, k, FCC_LIT("private"));
    if (st == FCC_OK)
        st = fcc_purge_private_data(stub, c, FCC_LIT("gone"));
    if (st == FCC_OK)
        st = fcc_put_state(stub, FCC_LIT("d"), FCC_LIT("1"));
    if (st == FCC_OK)
        st = fcc_del_state(stub, FCC_LIT("d"));
    return st == FCC_OK && args.n ? fcc_fail(stub, FCC_ERR_APP, "no") : st;
}

static void expect_kinds(Protos__WriteBatchState *batch)
{
    assert_int_equal(batch->n_rec, 5);
    assert_int_equal(batch->rec[0]->type, PROTOS__WRITE_RECORD__TYPE__PUT_STATE);
    assert_text(fcc__of_pb(batch->rec[0]->key), "k");
    assert_text(fcc__of_pb(batch->rec[0]->value), "new");
    assert_int_equal(batch->rec[1]->type, PROTOS__WRITE_RECORD__TYPE__PUT_STATE_METADATA);
    assert_text(fcc__of_pb(batch->rec[1]->metadata->metakey), "VALIDATION_PARAMETER");
    assert_text(fcc__of_pb(batch->rec[1]->metadata->value), "policy");
    assert_int_equal(batch->rec[1]->value.len, 0);
    assert_text(fcc__of_pb(batch->rec[2]->collection), "c");
    assert_text(fcc__of_pb(batch->rec[2]->value), "private");
    assert_int_equal(batch->rec[3]->type, PROTOS__WRITE_RECORD__TYPE__PURGE_PRIVATE_DATA);
    assert_int_equal(batch->rec[4]->type, PROTOS__WRITE_RECORD__TYPE__DEL_STATE);
    assert_text(fcc__of_pb(batch->rec[4]->key), "d");
    assert_int_equal(batch->rec[4]->value.len, 0);
}

static void the_last_write_of_each_key_is_sent_when_the_handler_returns(void **state)
{
    struct peer p;

    open_offering(&p, write_kinds, (fcc__session_options){ 0 }, 1000);
    peer_call(&p, "tx1", "run");
    expect_kinds(take_batch(&p));
    peer_respond(&p, "tx1", NONE);
    peer_expect(&p, "tx1", 200, "", "");
    peer_close(&p);
}

static void a_failing_handlers_batch_is_sent_too(void **state)
{
    struct peer p;

    open_offering(&p, write_kinds, (fcc__session_options){ 0 }, 1000);
    peer_call(&p, "tx1", "run", "fail");
    expect_kinds(take_batch(&p));
    peer_respond(&p, "tx1", NONE);
    peer_expect(&p, "tx1", 500, "no", "");
    peer_close(&p);
}

static void a_failing_inits_batch_is_not_sent(void **state)
{
    struct peer p;

    open_offering(&p, write_kinds, (fcc__session_options){ 0 }, 1000);
    peer_say_type(&p, TYPE(INIT), "tx1", peer_input(&p, (const char *const[]){ "init", NULL }));
    assert_text(fcc__of_pb(peer_take_type(&p, TYPE(ERROR))->payload), "no");
    peer_close(&p);
}

static void a_refused_batch_ends_the_transaction_with_error(void **state)
{
    struct peer p;

    open_offering(&p, write_kinds, (fcc__session_options){ 0 }, 1000);
    peer_call(&p, "tx1", "run");
    peer_take_type(&p, TYPE(WRITE_BATCH_STATE));
    peer_refuse(&p, "tx1", "read only");
    assert_text(fcc__of_pb(peer_take_type(&p, TYPE(ERROR))->payload),
                "failed send batch: failed send batch: read only");
    peer_close(&p);
}

static void without_the_offer_each_write_is_its_own_message(void **state)
{
    struct peer p;

    open_offering(&p, write_kinds, (fcc__session_options){ 0 }, 0);
    peer_call(&p, "tx1", "run");
    peer_take_type(&p, TYPE(PUT_STATE));
    peer_respond(&p, "tx1", NONE);
    peer_take_type(&p, TYPE(PUT_STATE));
    peer_respond(&p, "tx1", NONE);
    peer_take_type(&p, TYPE(PUT_STATE_METADATA));
    peer_close(&p);
}

static fcc_status write_many(fcc_stub *stub, fcc_args args)
{
    static uint8_t value[1000];
    unsigned n = (unsigned)atoi((const char *)args.v[0].data);
    fcc_status st = FCC_OK;

    fcc_start_write_batch(stub);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < n && st == FCC_OK; i++) {
            char key[16];

            snprintf(key, sizeof(key), "k%u", i);
            st = fcc_put_state(stub, fcc_str(key), fcc_bytes_of(value, sizeof(value)));
        }
    }
    if (st == FCC_OK)
        st = fcc_finish_write_batch(stub);
    return st == FCC_OK ? fcc_reply(stub, FCC_LIT("flushed")) : st;
}

static void a_large_batch_is_split_by_the_number_that_the_peer_takes(void **state)
{
    struct peer p;

    open_offering(&p, write_many, (fcc__session_options){ 0 }, 1);
    peer_call(&p, "tx1", "run", "250");
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(take_batch(&p)->n_rec, i < 2 ? 100 : 50);
        peer_respond(&p, "tx1", NONE);
    }
    peer_expect(&p, "tx1", 200, "", "flushed");
    peer_close(&p);
}

static void a_batch_that_a_message_cannot_hold_is_split_by_size(void **state)
{
    struct peer p;
    size_t sum = 0;

    open_offering(&p, write_many, (fcc__session_options){ .max_message_bytes = 64 * 1024 }, 1000);
    peer_call(&p, "tx1", "run", "250");
    while (p.sent[p.taken]->type == TYPE(WRITE_BATCH_STATE)) {
        sum += take_batch(&p)->n_rec;
        peer_respond(&p, "tx1", NONE);
    }
    assert_int_equal(sum, 250);
    peer_expect(&p, "tx1", 200, "", "flushed");
    peer_close(&p);
}

/* ---- reading several keys ---- */

static fcc_status read_many(fcc_stub *stub, fcc_args args)
{
    fcc_bytes keys[250];
    const fcc_bytes *values;
    char text[250][8];
    fcc_status st;

    for (unsigned i = 0; i < 250; i++) {
        snprintf(text[i], sizeof(text[i]), "%u", i);
        keys[i] = fcc_str(text[i]);
    }
    st = fcc_get_multiple_states(stub, keys, args.n ? 3 : 250, &values);
    if (st != FCC_OK)
        return st;
    for (unsigned i = 0; i < (args.n ? 3 : 250); i++) {
        assert_bytes(values[i], i == 1 ? NONE : keys[i]);
        if (i == 1)
            assert_null(values[i].data);
    }
    return FCC_OK;
}

/* Answer each key with itself, but "1" with nothing. */
static void answer_multiple(struct peer *p, size_t expected)
{
    Protos__GetStateMultipleResult result = PROTOS__GET_STATE_MULTIPLE_RESULT__INIT;
    Protos__GetStateMultiple *asked;

    PEER_PAYLOAD(p, protos__get_state_multiple, peer_take_type(p, TYPE(GET_STATE_MULTIPLE)), &asked);
    assert_int_equal(asked->n_keys, expected);
    for (size_t i = 0; i < asked->n_keys; i++)
        if (fcc_bytes_equal(fcc__of_pb(asked->keys[i]), FCC_LIT("1")))
            asked->keys[i].len = 0;
    result.values = asked->keys;
    result.n_values = asked->n_keys;
    peer_respond(p, "tx1", peer_pack(p, &result));
}

static void several_keys_are_read_in_chunks_and_absent_ones_are_empty(void **state)
{
    struct peer p;

    open_offering(&p, read_many, (fcc__session_options){ 0 }, 100);
    peer_call(&p, "tx1", "run");
    answer_multiple(&p, 100);
    answer_multiple(&p, 100);
    answer_multiple(&p, 50);
    peer_expect(&p, "tx1", 200, "", "");
    peer_close(&p);
}

static void without_the_offer_several_keys_are_read_one_by_one(void **state)
{
    struct peer p;

    open_offering(&p, read_many, (fcc__session_options){ 0 }, 0);
    peer_call(&p, "tx1", "run", "three");
    for (unsigned i = 0; i < 3; i++) {
        peer_take_type(&p, TYPE(GET_STATE));
        peer_respond(&p, "tx1", i == 1 ? NONE : fcc_bytes_of(&"012"[i], 1));
    }
    peer_expect(&p, "tx1", 200, "", "");
    peer_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_write_of_each_key_is_sent_when_the_handler_returns),
        cmocka_unit_test(a_failing_handlers_batch_is_sent_too),
        cmocka_unit_test(a_failing_inits_batch_is_not_sent),
        cmocka_unit_test(a_refused_batch_ends_the_transaction_with_error),
        cmocka_unit_test(without_the_offer_each_write_is_its_own_message),
        cmocka_unit_test(a_large_batch_is_split_by_the_number_that_the_peer_takes),
        cmocka_unit_test(a_batch_that_a_message_cannot_hold_is_split_by_size),
        cmocka_unit_test(several_keys_are_read_in_chunks_and_absent_ones_are_empty),
        cmocka_unit_test(without_the_offer_several_keys_are_read_one_by_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
