/* What sample.c promises, on a real ledger in memory. `make test` runs it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "sample.h"

#include <fcc/test.h>

static fcc_test *t;

static int set_up(void **state)
{
    static const char *const organisations[] = { "HospitalMSP", "ClinicMSP", "PharmacyMSP", NULL };
    const fcc_test_chaincode chaincode = { .name = "sample",
                                           .chaincode = &sample_chaincode,
                                           .policy = "OR('HospitalMSP.peer', 'ClinicMSP.peer', 'PharmacyMSP.peer')",
                                           .collections = "collections.json" };

    (void)state;
    t = fcc_test_new(organisations);
    fcc_test_install(t, &chaincode);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fcc_test_free(t);
    return 0;
}

static void what_was_created_is_read_by_everybody(void **state)
{
    fcc_test_result r = fcc_test_submit(t, "sample", "Create", "lamp", "it shines", FCC_END);

    (void)state;
    assert_int_equal(r.code, FCC_TEST_VALID);
    assert_string_equal(r.event, "Created");
    fcc_test_as(t, "PharmacyMSP", FCC_END);
    assert_string_equal(fcc_test_evaluate(t, "sample", "Read", "lamp", FCC_END).payload, "it shines");
    assert_string_equal(fcc_test_evaluate(t, "sample", "List", FCC_END).payload, "lamp\tit shines\n");
}

static void a_thing_is_created_once(void **state)
{
    (void)state;
    fcc_test_submit(t, "sample", "Create", "lamp", "it shines", FCC_END);
    assert_int_equal(fcc_test_submit(t, "sample", "Create", "lamp", "another", FCC_END).status, 500);
    assert_string_equal(fcc_test_evaluate(t, "sample", "Read", "nothing", FCC_END).message,
                        "there is no thing nothing");
}

static void only_its_owner_changes_it_and_gives_it_away(void **state)
{
    fcc_test_result clinic;

    (void)state;
    fcc_test_submit(t, "sample", "Create", "lamp", "it shines", FCC_END);
    fcc_test_as(t, "ClinicMSP", FCC_END);
    clinic = fcc_test_evaluate(t, "sample", "WhoAmI", FCC_END);
    assert_string_equal(fcc_test_submit(t, "sample", "Write", "lamp", "mine", FCC_END).message,
                        "lamp belongs to somebody else");
    fcc_test_as(t, "HospitalMSP", FCC_END);
    assert_int_equal(fcc_test_submit(t, "sample", "Give", "lamp", clinic.payload, FCC_END).code, FCC_TEST_VALID);
    assert_int_equal(fcc_test_submit(t, "sample", "Write", "lamp", "still mine", FCC_END).status, 500);
    fcc_test_as(t, "ClinicMSP", FCC_END);
    assert_int_equal(fcc_test_submit(t, "sample", "Write", "lamp", "mine", FCC_END).code, FCC_TEST_VALID);
}

static void what_it_is_worth_stays_in_the_collection(void **state)
{
    (void)state;
    fcc_test_transient(t, "worth", FCC_LIT("forty-two"));
    assert_int_equal(fcc_test_submit(t, "sample", "Create", "lamp", "it shines", FCC_END).code, FCC_TEST_VALID);
    assert_string_equal(fcc_test_evaluate(t, "sample", "Worth", "lamp", FCC_END).payload, "forty-two");
    assert_false(fcc_test_public_has(t, "forty-two"));
    fcc_test_as(t, "PharmacyMSP", FCC_END);
    assert_int_equal(fcc_test_evaluate(t, "sample", "Worth", "lamp", FCC_END).status, 500);
}

static void of_two_changes_at_once_one_is_invalid(void **state)
{
    fcc_test_block block;

    (void)state;
    fcc_test_submit(t, "sample", "Create", "lamp", "it shines", FCC_END);
    fcc_test_endorse(t, "sample", "Write", "lamp", "one", FCC_END);
    fcc_test_endorse(t, "sample", "Write", "lamp", "two", FCC_END);
    block = fcc_test_commit(t);
    assert_int_equal(block.tx[0].code, FCC_TEST_VALID);
    assert_int_equal(block.tx[1].code, FCC_TEST_MVCC_READ_CONFLICT);
    assert_string_equal(fcc_test_evaluate(t, "sample", "Read", "lamp", FCC_END).payload, "one");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_was_created_is_read_by_everybody),       CASE(a_thing_is_created_once),
        CASE(only_its_owner_changes_it_and_gives_it_away), CASE(what_it_is_worth_stays_in_the_collection),
        CASE(of_two_changes_at_once_one_is_invalid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
