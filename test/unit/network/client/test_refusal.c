/* What is made of the gateway's errors. Texts are Fabric's own. */
#include "client/private.h"

#include "gateway/gateway.pb-c.h"
#include "google/rpc/status.pb-c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int setup(void **state)
{
    *state = fcc__arena_new(1 << 20);
    return 0;
}

static int teardown(void **state)
{
    fcc__arena_free(*state);
    return 0;
}

static fcc_bytes details_of(fcc__arena *arena, const char *const *messages, size_t n)
{
    Google__Rpc__Status status = GOOGLE__RPC__STATUS__INIT;
    Google__Protobuf__Any any[4], *list[4];
    fcc_bytes out;
    size_t i;

    for (i = 0; i < n; i++) {
        Gateway__ErrorDetail d = GATEWAY__ERROR_DETAIL__INIT;

        d.address = fcc__pb(FCC_LIT("127.0.0.1:7051"));
        d.msp_id = fcc__pb(fcc_str(i ? "ClinicMSP" : "HospitalMSP"));
        d.message = fcc__pb(fcc_str(messages[i]));
        assert_int_equal(fcc__pack(&d, arena, &out), FCC_OK);
        google__protobuf__any__init(&any[i]);
        any[i].type_url = fcc__pb(FCC_LIT("type.googleapis.com/gateway.ErrorDetail"));
        any[i].value = fcc__pb(out);
        list[i] = &any[i];
    }
    status.n_details = n;
    status.details = list;
    assert_int_equal(fcc__pack(&status, arena, &out), FCC_OK);
    return out;
}

static void the_chaincodes_words_come_out_of_a_failed_endorsement(void **state)
{
    static const char *const said[] = { "chaincode response 403, {\"code\":\"DENIED:role\",\"detail\":\"x\"}" };
    client_answer a = { 0 };
    fcc_error error;

    assert_int_equal(client__ended(RPC_ABORTED,
                                   FCC_LIT("failed to endorse transaction, see attached details for more info"),
                                   details_of(*state, said, 1), *state, &a, &error),
                     FCC_ERR_APP);
    assert_int_equal(a.status, 403);
    assert_true(fcc_bytes_equal(a.payload, FCC_LIT("{\"code\":\"DENIED:role\",\"detail\":\"x\"}")));
    assert_int_equal(a.detail_count, 1);
    assert_string_equal(a.details[0].mspid, "HospitalMSP");
    assert_string_equal(a.details[0].address, "127.0.0.1:7051");
}

static void the_chaincodes_words_come_out_of_a_failed_evaluation(void **state)
{
    client_answer a = { 0 };
    fcc_error error;

    assert_int_equal(client__ended(RPC_UNKNOWN,
                                   FCC_LIT("evaluate call to endorser returned error: chaincode response 500, no"),
                                   fcc_bytes_of(NULL, 0), *state, &a, &error),
                     FCC_ERR_APP);
    assert_int_equal(a.status, 500);
    assert_true(fcc_bytes_equal(a.payload, FCC_LIT("no")));
}

static void every_endorsers_words_are_kept(void **state)
{
    static const char *const said[] = { "ProposalResponsePayloads do not match", "some other reason" };
    client_answer a = { 0 };
    fcc_error error;

    assert_int_equal(client__ended(RPC_ABORTED,
                                   FCC_LIT("failed to collect enough transaction endorsements, see attached details"),
                                   details_of(*state, said, 2), *state, &a, &error),
                     FCC_ERR_PEER);
    assert_int_equal(a.status, 0);
    assert_int_equal(a.detail_count, 2);
    assert_string_equal(a.details[1].mspid, "ClinicMSP");
    assert_string_equal(a.details[1].message, "some other reason");
    assert_non_null(strstr(error.text, "ProposalResponsePayloads do not match"));
}

static void an_identity_that_is_not_accepted_is_told_from_other_refusals(void **state)
{
    static const char *const said[] = {
        "error validating proposal: access denied: channel [medsync] creator org unknown, "
        "creator is malformed"
    };
    client_answer a = { 0 };
    fcc_error error;

    assert_int_equal(client__ended(RPC_ABORTED, FCC_LIT("failed to endorse transaction"), details_of(*state, said, 1),
                                   *state, &a, &error),
                     FCC_ERR_AUTH);
    assert_int_equal(client__ended(RPC_PERMISSION_DENIED, FCC_LIT("no"), fcc_bytes_of(NULL, 0), *state, &a, &error),
                     FCC_ERR_AUTH);
    assert_int_equal(client__ended(RPC_UNAVAILABLE, FCC_LIT("no"), fcc_bytes_of(NULL, 0), *state, &a, &error),
                     FCC_ERR_IO);
    assert_int_equal(client__ended(RPC_DEADLINE_EXCEEDED, FCC_LIT("no"), fcc_bytes_of(NULL, 0), *state, &a, &error),
                     FCC_ERR_TIMEOUT);
}

static void details_that_are_none_are_left_out(void **state)
{
    client_answer a = { 0 };
    fcc_error error;

    assert_int_equal(client__ended(RPC_ABORTED, FCC_LIT("m"), FCC_LIT("\xff\xff\xff"), *state, &a, &error),
                     FCC_ERR_PEER);
    assert_int_equal(a.detail_count, 0);
    assert_string_equal(a.message, "m");
}

static void validation_codes_have_fabrics_names(void **state)
{
    assert_string_equal(client_validation_name(0), "VALID");
    assert_string_equal(client_validation_name(11), "MVCC_READ_CONFLICT");
    assert_string_equal(client_validation_name(99), "code 99");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_chaincodes_words_come_out_of_a_failed_endorsement, setup, teardown),
        cmocka_unit_test_setup_teardown(the_chaincodes_words_come_out_of_a_failed_evaluation, setup, teardown),
        cmocka_unit_test_setup_teardown(every_endorsers_words_are_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(an_identity_that_is_not_accepted_is_told_from_other_refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(details_that_are_none_are_left_out, setup, teardown),
        cmocka_unit_test(validation_codes_have_fabrics_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
