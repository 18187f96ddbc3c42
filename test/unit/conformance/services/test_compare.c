/* The comparison of recorded answers: what it notices, and what it leaves aside. */
#include "test/conformance/services/compare.h"

#include "protos/unpack.h"

#include "common/common.pb-c.h"
#include "gateway/gateway.pb-c.h"
#include "ledger/rwset/kvrwset/kv_rwset.pb-c.h"
#include "ledger/rwset/rwset.pb-c.h"
#include "peer/chaincode.pb-c.h"
#include "peer/proposal_response.pb-c.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static fcc__arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = fcc__arena_new(1 << 22);
    return arena ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    fcc__arena_free(arena);
    return 0;
}

static fcc_bytes pack(const void *message)
{
    fcc_bytes out;

    assert_int_equal(fcc__pack(message, arena, &out), FCC_OK);
    return out;
}

static comparison begin(void)
{
    return (comparison){ .arena = arena, .version = "v1", .method = "protos.Endorser/ProcessProposal" };
}

/* An endorsed answer that wrote `value` under k, with this signature. */
static fcc_bytes endorsed(const char *value, const char *signature)
{
    Kvrwset__KVWrite write = KVRWSET__KVWRITE__INIT, *writes[] = { &write };
    Kvrwset__KVRWSet kv = KVRWSET__KVRWSET__INIT;
    Rwset__NsReadWriteSet ns = RWSET__NS_READ_WRITE_SET__INIT, *sets[] = { &ns };
    Rwset__TxReadWriteSet set = RWSET__TX_READ_WRITE_SET__INIT;
    Protos__ChaincodeAction action = PROTOS__CHAINCODE_ACTION__INIT;
    Protos__ProposalResponsePayload payload = PROTOS__PROPOSAL_RESPONSE_PAYLOAD__INIT;
    Protos__Endorsement endorsement = PROTOS__ENDORSEMENT__INIT;
    Protos__ProposalResponse response = PROTOS__PROPOSAL_RESPONSE__INIT;

    write.key = fcc__pb(FCC_LIT("k"));
    write.value = fcc__pb(fcc_str(value));
    kv.writes = writes;
    kv.n_writes = 1;
    ns.namespace_ = fcc__pb(FCC_LIT("probe"));
    ns.rwset = fcc__pb(pack(&kv));
    set.ns_rwset = sets;
    set.n_ns_rwset = 1;
    action.results = fcc__pb(pack(&set));
    payload.extension = fcc__pb(pack(&action));
    endorsement.signature = fcc__pb(fcc_str(signature));
    response.payload = fcc__pb(pack(&payload));
    response.endorsement = &endorsement;
    return pack(&response);
}

static void a_value_deep_inside_is_named(void **state)
{
    comparison c = begin();

    (void)state;
    assert_false(
        compare_messages(&c, &protos__proposal_response__descriptor, endorsed("one", "s"), endorsed("two", "s")));
    assert_string_equal(c.path, "payload.extension.results.ns_rwset[0].rwset.writes[0].value");
    assert_non_null(strstr(c.expected, "one"));
    assert_non_null(strstr(c.actual, "two"));
}

static void signatures_are_left_aside_but_must_be_there(void **state)
{
    comparison c = begin();

    (void)state;
    assert_true(compare_messages(&c, &protos__proposal_response__descriptor, endorsed("v", "a"), endorsed("v", "bb")));
    assert_false(compare_messages(&c, &protos__proposal_response__descriptor, endorsed("v", "a"), endorsed("v", "")));
    assert_string_equal(c.path, "endorsement.signature");
}

static fcc_bytes decorated(const char *first, const char *second, const char *value)
{
    Protos__BytesEntry a = PROTOS__BYTES_ENTRY__INIT, b = PROTOS__BYTES_ENTRY__INIT, *entries[] = { &a, &b };
    Protos__ChaincodeInput input = PROTOS__CHAINCODE_INPUT__INIT;

    a.key = fcc__pb(fcc_str(first));
    b.key = fcc__pb(fcc_str(second));
    a.value = b.value = fcc__pb(fcc_str(value));
    input.decorations = entries;
    input.n_decorations = 2;
    return pack(&input);
}

static void the_order_of_a_map_is_left_aside(void **state)
{
    comparison c = begin();

    (void)state;
    assert_true(
        compare_messages(&c, &protos__chaincode_input__descriptor, decorated("a", "b", "v"), decorated("b", "a", "v")));
    assert_false(
        compare_messages(&c, &protos__chaincode_input__descriptor, decorated("a", "b", "v"), decorated("b", "a", "w")));
    assert_string_equal(c.path, "decorations[0].value");
}

static fcc_bytes interested(const char *first, const char *second)
{
    Protos__ChaincodeCall a = PROTOS__CHAINCODE_CALL__INIT, b = PROTOS__CHAINCODE_CALL__INIT, *calls[] = { &a, &b };
    Protos__ChaincodeInterest interest = PROTOS__CHAINCODE_INTEREST__INIT;

    a.name = fcc__pb(fcc_str(first));
    b.name = fcc__pb(fcc_str(second));
    interest.chaincodes = calls;
    interest.n_chaincodes = 2;
    return pack(&interest);
}

static void so_is_that_of_a_list_made_of_one(void **state)
{
    comparison c = begin();

    (void)state;
    assert_true(
        compare_messages(&c, &protos__chaincode_interest__descriptor, interested("a", "b"), interested("b", "a")));
    assert_false(
        compare_messages(&c, &protos__chaincode_interest__descriptor, interested("a", "b"), interested("b", "c")));
    assert_string_equal(c.path, "chaincodes[0].name");
}

static void the_order_of_a_list_counts(void **state)
{
    Protos__ChaincodeInput x = PROTOS__CHAINCODE_INPUT__INIT, y = PROTOS__CHAINCODE_INPUT__INIT;
    ProtobufCBinaryData ab[] = { fcc__pb(FCC_LIT("a")), fcc__pb(FCC_LIT("b")) };
    ProtobufCBinaryData ba[] = { ab[1], ab[0] };
    comparison c = begin();

    (void)state;
    x.args = ab;
    y.args = ba;
    x.n_args = y.n_args = 2;
    assert_false(compare_messages(&c, &protos__chaincode_input__descriptor, pack(&x), pack(&y)));
    assert_string_equal(c.path, "args[0]");
    c = begin();
    y.n_args = 1;
    y.args = ab;
    assert_false(compare_messages(&c, &protos__chaincode_input__descriptor, pack(&x), pack(&y)));
    assert_string_equal(c.path, "args(number)");
}

static void absent_and_present_differ(void **state)
{
    Gateway__EvaluateResponse x = GATEWAY__EVALUATE_RESPONSE__INIT, y = GATEWAY__EVALUATE_RESPONSE__INIT;
    Protos__Response response = PROTOS__RESPONSE__INIT;
    comparison c = begin();

    (void)state;
    x.result = &response;
    assert_false(compare_messages(&c, &gateway__evaluate_response__descriptor, pack(&x), pack(&y)));
    assert_string_equal(c.path, "result");
}

static void the_same_fields_in_other_bytes_are_a_difference(void **state)
{
    static const uint8_t plain[] = { 0x08, 0x01 }, padded[] = { 0x08, 0x81, 0x00 };
    comparison c = begin();

    (void)state;
    assert_false(compare_messages(&c, &protos__response__descriptor, fcc_bytes_of(plain, sizeof(plain)),
                                  fcc_bytes_of(padded, sizeof(padded))));
}

static void unknown_fields_count(void **state)
{
    static const uint8_t x[] = { 0x7a, 0x01, 'a' }, y[] = { 0x7a, 0x01, 'b' };
    comparison c = begin();

    (void)state;
    assert_false(
        compare_messages(&c, &protos__response__descriptor, fcc_bytes_of(x, sizeof(x)), fcc_bytes_of(y, sizeof(y))));
    assert_string_equal(c.path, "(unknown field)[15]");
}

static void a_known_difference_is_counted_and_no_more(void **state)
{
    static const char text[] = "# remark\nv1 * kvrwset.KVWrite.value because of this\n";
    char file[] = "/tmp/known.XXXXXX";
    comparison c = begin();
    known_list *known;
    fcc_error error;
    int fd = mkstemp(file);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
    close(fd);
    assert_int_equal(known_load(file, &known, &error), FCC_OK);
    c.known = known;
    assert_true(
        compare_messages(&c, &protos__proposal_response__descriptor, endorsed("one", "s"), endorsed("two", "s")));
    assert_int_equal(c.known_count, 1);
    c.version = "v2";
    assert_false(
        compare_messages(&c, &protos__proposal_response__descriptor, endorsed("one", "s"), endorsed("two", "s")));
    known_free(known);
    fd = open(file, O_WRONLY | O_TRUNC);
    assert_int_equal(write(fd, "v1 method field\n", 16), 16);
    close(fd);
    assert_int_equal(known_load(file, &known, &error), FCC_ERR_CONFIG);
    unlink(file);
}

static void what_a_system_chaincode_answers_is_decoded(void **state)
{
    (void)state;
    assert_string_equal(result_type(FCC_LIT("qscc"), FCC_LIT("GetChainInfo"))->name, "common.BlockchainInfo");
    assert_null(result_type(FCC_LIT("probe"), FCC_LIT("GetChainInfo")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_deep_inside_is_named),
        cmocka_unit_test(signatures_are_left_aside_but_must_be_there),
        cmocka_unit_test(the_order_of_a_map_is_left_aside),
        cmocka_unit_test(so_is_that_of_a_list_made_of_one),
        cmocka_unit_test(the_order_of_a_list_counts),
        cmocka_unit_test(absent_and_present_differ),
        cmocka_unit_test(the_same_fields_in_other_bytes_are_a_difference),
        cmocka_unit_test(unknown_fields_count),
        cmocka_unit_test(a_known_difference_is_counted_and_no_more),
        cmocka_unit_test(what_a_system_chaincode_answers_is_decoded),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
