/* Which code a failed call is told with. */
#include "cli/cli.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

static const char *code(fcc_status st, const client_answer *answer, const char *text, bool invoked)
{
    fcc_error error = { .status = st };

    snprintf(error.text, sizeof(error.text), "%s", text);
    return fcc__code_info_of(cli_code(st, answer, &error, invoked))->code;
}

static void a_transaction_found_invalid_is_told_by_its_validation_code(void **state)
{
    client_answer a = { .submitted = true };

    (void)state;
    a.validation = 11;
    assert_string_equal(code(FCC_ERR_PEER, &a, "", true), "E-TX-01");
    a.validation = 12;
    assert_string_equal(code(FCC_ERR_PEER, &a, "", true), "E-TX-02");
    a.validation = 10;
    assert_string_equal(code(FCC_ERR_PEER, &a, "", true), "E-TX-03");
    a.validation = 254;
    assert_string_equal(code(FCC_ERR_PEER, &a, "", true), "E-TX-04");
}

static void a_refusal_of_the_chaincode_is_not_one_of_the_network(void **state)
{
    client_answer a = { .status = 403, .rpc_code = 10 };

    (void)state;
    assert_string_equal(code(FCC_ERR_APP, &a, "", true), "E-TX-05");
    assert_string_equal(code(FCC_ERR_AUTH, &a, "", true), "E-NET-04");
    assert_string_equal(code(FCC_ERR_PEER, &a, "", true), "E-STAT-02");
}

static void a_lost_connection_leaves_open_only_what_was_submitted(void **state)
{
    client_answer a = { .rpc_code = 14 };

    (void)state;
    assert_string_equal(code(FCC_ERR_IO, &a, "", true), "E-NET-02");
    assert_string_equal(code(FCC_ERR_TIMEOUT, &a, "", true), "E-NET-03");
    a.submitted = true;
    assert_string_equal(code(FCC_ERR_IO, &a, "", true), "E-TX-06");
    assert_string_equal(code(FCC_ERR_TIMEOUT, &a, "", true), "E-TX-06");
}

static void what_has_no_code_of_its_own_has_that_of_its_kind(void **state)
{
    client_answer a = { 0 };

    (void)state;
    assert_string_equal(code(FCC_ERR_NOT_FOUND, &a, "no devnet at x: start one", true), "E-NET-01");
    assert_string_equal(code(FCC_ERR_NOT_FOUND, NULL, "no user x", true), "E-STAT-01");
    assert_string_equal(code(FCC_ERR_IO, NULL, "a file: cannot be read", false), "E-STAT-03");
    assert_string_equal(code(FCC_ERR_LIMIT, &a, "", true), "E-STAT-04");
    assert_string_equal(code(FCC_ERR_CORRUPT, &a, "", true), "E-STAT-05");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_transaction_found_invalid_is_told_by_its_validation_code),
        cmocka_unit_test(a_refusal_of_the_chaincode_is_not_one_of_the_network),
        cmocka_unit_test(a_lost_connection_leaves_open_only_what_was_submitted),
        cmocka_unit_test(what_has_no_code_of_its_own_has_that_of_its_kind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
