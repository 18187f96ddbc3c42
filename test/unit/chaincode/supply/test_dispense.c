/* supply: packs that are dispensed as prescriptions asks, and taken back. */
#include "test/unit/chaincode/supply/goods.h"

static int make_delivery(void **state)
{
    set_up(state);
    deliver("d", MAKE("c1", "L1", "271231", "\"A1\",\"A2\""), PACK("A1") "," PACK("A2"));
    deliver("o", MAKE_OTC("c2", "\"B1\",\"B2\""), OTC("B1") "," OTC("B2"));
    return 0;
}
HEALTH_SETUP(at_the_pharmacy, make_delivery)

static void clients_do_not_dispense(void **state)
{
    assert_refused(fcc_test_submit(world, "supply", "MarkDispensed", P1, "[" UNITS("A1", "30") "]", SALT1, FCC_END),
                   403, "DENIED:internal");
    assert_refused(fcc_test_submit(world, "supply", "UnmarkDispensed", P1, "[" UNITS("A1", "30") "]", SALT1, FCC_END),
                   403, "DENIED:internal");
}

static void a_pack_is_dispensed_once_and_says_what_it_is(void **state)
{
    fcc_test_result r = mark("MarkDispensed", P1, "[" UNITS("A1", "30") "," UNITS_OTC("B1", "5") "]");

    assert_accepted(r);
    assert_has(r.payload,
               "[{\"drug\":"
               "[{\"code\":\"01234567\",\"system\":\"http://fhir.de/CodeSystem/ifa/pzn\"}],"
               "\"exp\":\"271231\",\"form\":\"10219000\",\"gtin\":\"" GTIN_RX "\",\"ingredient\":\"387207008\","
               "\"left\":0,\"lot\":\"L1\",\"regions\":[\"DE\"],\"rxOnly\":true,\"serial\":\"A1\","
               "\"splittable\":false,\"strength\":\"500mg\",\"units\":30,\"unitsPerPack\":30}");
    assert_has(r.payload, "\"left\":15");
    assert_has_not(r.trace, "put - ");
    assert_has(pack_at("ClinicMSP", "A1"), "\"state\":\"dispensed\"");
    assert_null(held("supply", "packs", "~HAVE~" P1 "~" GTIN_RX "~A1~"));
    assert_non_null(held("supply", "packs", "~HAVE~" P1 "~" GTIN_OTC "~B1~"));
    assert_has(held("supply", "packs", "~MOVE~" GTIN_RX "~A1~000006~"), "\"what\":\"dispense\"");
    assert_refused(mark("MarkDispensed", P1, "[" UNITS("A1", "30") "]"), 410, "GONE");
    assert_accepted(mark("MarkDispensed", P1, "[" UNITS_OTC("B1", "15") "]"));
    assert_refused(mark("MarkDispensed", P1, "[" UNITS_OTC("B1", "1") "]"), 410, "GONE");
    assert_false(fcc_test_public_has(world, "01234567890"));
}

static void what_may_not_be_dispensed_stays(void **state)
{
    fcc_test_result r;

    assert_refused(mark("MarkDispensed", P1, "[" UNITS("A1", "30") "," UNITS("A1", "30") "]"), 422, "INVARIANT");
    assert_refused(mark("MarkDispensed", P1, "[" UNITS("A1", "29") "]"), 422, "INVARIANT");
    assert_refused(mark("MarkDispensed", P1, "[" UNITS_OTC("B1", "21") "]"), 422, "INVARIANT");
    assert_refused(mark("MarkDispensed", P1, "[" UNITS("A1", "0") "]"), 400, "BAD_INPUT");
    assert_refused(mark("MarkDispensed", P1, "[" PACK("A1") "]"), 400, "BAD_INPUT");
    assert_refused(mark("MarkDispensed", P1, "[]"), 400, "BAD_INPUT");
    assert_refused(mark("MarkDispensed", "4000000000045", "[" UNITS("A1", "30") "]"), 400, "BAD_INPUT");
    r = mark("MarkDispensed", P1, "[" UNITS("A9", "30") "]");
    assert_refused(r, 404, "NOT_FOUND");
    r = mark("MarkDispensed", H1, "[" UNITS("A1", "30") "]");
    assert_refused(r, 422, "INVARIANT");
    assert_has(r.message, "not_holder:");
    as_maker();
    assert_accepted(submit_in("Commission", MAKE("c3", "L3", "271231", "\"A3\"")));
    assert_accepted(submit_in("Ship", SHIP("s3", PACK("A3"), D1)));
    assert_accepted(recall("L1"));
    as_pharmacist();
    r = mark("MarkDispensed", M1, "[" UNITS("A3", "30") "]");
    assert_refused(r, 422, "INVARIANT");
    assert_has(r.message, "not_holder:");
    r = mark("MarkDispensed", P1, "[" UNITS("A1", "30") "]");
    assert_refused(r, 422, "INVARIANT");
    assert_has(r.message, "recalled:");
    fcc_test_set_time(world, 1830297600);
    r = mark("MarkDispensed", P1, "[" UNITS_OTC("B1", "20") "]");
    assert_refused(r, 422, "INVARIANT");
    assert_has(r.message, "expired:");
    assert_has(pack_at("ClinicMSP", "A1"), "\"state\":\"received\"");
}

static void what_was_dispensed_goes_back_and_out_again(void **state)
{
    fcc_test_result r;

    assert_refused(mark("UnmarkDispensed", P1, "[" UNITS("A1", "30") "]"), 422, "INVARIANT");
    assert_accepted(mark("MarkDispensed", P1, "[" UNITS("A1", "30") "," UNITS_OTC("B1", "5") "]"));
    assert_refused(mark("UnmarkDispensed", H1, "[" UNITS("A1", "30") "]"), 422, "INVARIANT");
    assert_refused(mark("UnmarkDispensed", P1, "[" UNITS("A1", "31") "]"), 422, "INVARIANT");
    assert_refused(mark("UnmarkDispensed", P1, "[" UNITS_OTC("B1", "6") "]"), 422, "INVARIANT");
    assert_refused(mark("UnmarkDispensed", P1, "[" UNITS("A9", "30") "]"), 404, "NOT_FOUND");
    r = mark("UnmarkDispensed", P1, "[" UNITS("A1", "30") "," UNITS_OTC("B1", "5") "]");
    assert_accepted(r);
    assert_string_equal(r.payload, "[{\"gtin\":\"" GTIN_RX "\",\"left\":30,\"serial\":\"A1\",\"state\":\"received\"},"
                                   "{\"gtin\":\"" GTIN_OTC "\",\"left\":20,\"serial\":\"B1\",\"state\":\"received\"}]");
    assert_non_null(held("supply", "packs", "~HAVE~" P1 "~" GTIN_RX "~A1~"));
    assert_refused(mark("UnmarkDispensed", P1, "[" UNITS("A1", "30") "]"), 422, "INVARIANT");
    assert_accepted(mark("MarkDispensed", P1, "[" UNITS("A1", "30") "]"));
}

static void what_was_recalled_meanwhile_comes_back_in_quarantine(void **state)
{
    fcc_test_result r;

    assert_accepted(mark("MarkDispensed", P1, "[" UNITS("A1", "30") "]"));
    as_maker();
    assert_accepted(recall("L1"));
    as_pharmacist();
    r = mark("UnmarkDispensed", P1, "[" UNITS("A1", "30") "]");
    assert_accepted(r);
    assert_has(r.payload, "\"state\":\"quarantined\"");
    as_regulators_admin();
    assert_accepted(lift("L1"));
    as_pharmacist();
    assert_refused(mark("MarkDispensed", P1, "[" UNITS("A1", "30") "]"), 422, "INVARIANT");
}

static void one_of_two_who_dispense_the_same_pack_wins(void **state)
{
    fcc_test_block block;

    assert_accepted(fcc_test_endorse(world, "prescriptions", "Ask", "MarkDispensed", P1, "[" UNITS("A1", "30") "]",
                                     SALT1, FCC_END));
    assert_accepted(fcc_test_endorse(world, "prescriptions", "Ask", "MarkDispensed", P1, "[" UNITS("A1", "30") "]",
                                     SALT2, FCC_END));
    block = fcc_test_commit(world);
    assert_int_equal(block.count, 2);
    assert_int_equal(block.tx[0].code, FCC_TEST_VALID);
    assert_int_equal(block.tx[1].code, FCC_TEST_MVCC_READ_CONFLICT);
    assert_refused(mark("MarkDispensed", P1, "[" UNITS("A1", "30") "]"), 410, "GONE");
}

/* Whichever is ordered first: a pack that was recalled before its dispense isn't dispensed. */
static void a_recall_beats_the_dispense_behind_it(void **state)
{
    fcc_test_block block;

    as_maker();
    assert_accepted(fcc_test_endorse(world, "supply", "Recall", GTIN_RX, "L1", "1", "potency", FCC_END));
    as_pharmacist();
    assert_accepted(fcc_test_endorse(world, "prescriptions", "Ask", "MarkDispensed", P1, "[" UNITS("A1", "30") "]",
                                     SALT1, FCC_END));
    block = fcc_test_commit(world);
    assert_int_equal(block.tx[0].code, FCC_TEST_VALID);
    assert_int_equal(block.tx[1].code, FCC_TEST_MVCC_READ_CONFLICT);
    assert_refused(mark("MarkDispensed", P1, "[" UNITS("A1", "30") "]"), 422, "INVARIANT");
    assert_accepted(mark("MarkDispensed", P1, "[" UNITS_OTC("B1", "20") "]"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(clients_do_not_dispense, at_the_pharmacy, health_stop),
        cmocka_unit_test_setup_teardown(a_pack_is_dispensed_once_and_says_what_it_is, at_the_pharmacy, health_stop),
        cmocka_unit_test_setup_teardown(what_may_not_be_dispensed_stays, at_the_pharmacy, health_stop),
        cmocka_unit_test_setup_teardown(what_was_dispensed_goes_back_and_out_again, at_the_pharmacy, health_stop),
        cmocka_unit_test_setup_teardown(what_was_recalled_meanwhile_comes_back_in_quarantine, at_the_pharmacy,
                                        health_stop),
        cmocka_unit_test_setup_teardown(one_of_two_who_dispense_the_same_pack_wins, at_the_pharmacy, health_stop),
        cmocka_unit_test_setup_teardown(a_recall_beats_the_dispense_behind_it, at_the_pharmacy, health_stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
