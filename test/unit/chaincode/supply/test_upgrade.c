/* State that the first version wrote is read, judged and continued by this one. */
#include "test/unit/chaincode/supply/goods.h"
#include "test/support/state.h"

enum { lines_of_state = 46 };

static int make_state(void **state)
{
    (void)state;
    health_start(supply_orgs);
    install_supply("supply", state_with_load(&supply_chaincode));
    install_asking();
    as_maker();
    state_load("supply", "test/unit/chaincode/supply/state-1.tsv", lines_of_state);
    return 0;
}
HEALTH_SETUP(set_up_state, make_state)

static void the_commits_of_before_hold(void **state)
{
    static char in[3000];
    fcc_test_result r;

    r = query_in("GetDeed", "{\"id\":\"c1\"}");
    assert_accepted(r);
    snprintf(in, sizeof(in), "{\"record\":%s}", r.payload);
    put_in(in);
    assert_string_equal(fcc_test_evaluate(world, "supply", "VerifyCommit", "c1", FCC_END).payload, "true");
}

static void what_was_made_before_is_read(void **state)
{
    fcc_test_result r;

    r = query_in("Trace", PACK("A1"));
    assert_has(r.payload, "\"what\":\"ship\"");
    assert_has(r.payload, "\"bizStep\":\"inspecting\"");
    assert_has(query_in("GetOrder", "{\"ref\":\"o1\"}").payload, "\"total\":19990");
    assert_has(fcc_test_evaluate(world, "supply", "ListStock", M1, FCC_END).payload, "\"serial\":\"A3\"");
    as_pharmacist();
    assert_string_equal(query_in("VerifyPack", VERIFY("A2", "L1", "271231")).payload, "{\"verified\":true}");
}

static void what_was_made_before_is_not_made_again(void **state)
{
    assert_refused(submit_in("Commission", MAKE("c9", "L1", "271231", "\"A1\"")), 409, "CONFLICT");
    assert_refused(submit_in("Commission", MAKE("c1", "L1", "271231", "\"A9\"")), 409, "ALREADY");
    assert_refused(product(GTIN_RX, DRUG, "30", "false", "true"), 409, "ALREADY");
    assert_refused(submit_in("Ship", SHIP("s9", PACK("A3"), D1)), 422, "INVARIANT");
    assert_refused(recall("L2"), 409, "ALREADY");
}

static void what_was_ordered_or_sent_before_goes_on(void **state)
{
    assert_accepted(submit_in("AcceptOrder", "{\"ref\":\"o1\",\"salt\":\"" SALT2 "\"}"));
    as_wholesaler();
    assert_accepted(submit_in("Receive", RECEIVE_CASE("r9", SSCC_1)));
    assert_accepted(submit_in("Unpack", "{\"id\":\"u9\",\"sscc\":\"" SSCC_1
                                        "\",\"children\":[" PACK("A1") "],\"salt\":\"" SALT1 "\"}"));
    assert_has(pack_at("ClinicMSP", "A1"), "\"from\":\"" M1 "\"");
    assert_has(pack_at("ClinicMSP", "A1"), "\"v\":3");
}

static void what_was_received_or_dispensed_before_is_dispensed_on(void **state)
{
    as_pharmacist();
    assert_accepted(mark("MarkDispensed", P1, "[" UNITS("A2", "30") "," UNITS_OTC("B1", "15") "]"));
    assert_refused(mark("MarkDispensed", P1, "[" UNITS_OTC("B1", "1") "]"), 410, "GONE");
    assert_accepted(mark("UnmarkDispensed", P1, "[" UNITS_OTC("B1", "20") "]"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_state, health_stop)
    const struct CMUnitTest tests[] = {
        TEST(the_commits_of_before_hold),
        TEST(what_was_made_before_is_read),
        TEST(what_was_made_before_is_not_made_again),
        TEST(what_was_ordered_or_sent_before_goes_on),
        TEST(what_was_received_or_dispensed_before_is_dispensed_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
