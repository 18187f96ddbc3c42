/* supply: products, packs on their way from the maker to the pharmacy, verification, recalls. */
#include "test/unit/chaincode/supply/goods.h"

/* ---- setting up ---- */

static void the_salt_is_written_once_by_an_administrator_of_the_chain(void **state)
{
    as_regulators_admin();
    assert_refused(submit_in("Setup", "{\"salt\":\"" FP("5c") "\"}"), 403, "DENIED:role");
    as_maker();
    assert_refused(submit_in("Setup", "{\"salt\":\"" FP("5c") "\"}"), 403, "DENIED:role");
    as_world_admin("ManufacturerMSP", "admm", M1, "35");
    assert_refused(submit_in("Setup", "{\"salt\":\"5c\"}"), 400, "BAD_INPUT");
    assert_refused(submit_in("Setup", "{\"salt\":\"" FP("5c") "\"}"), 409, "ALREADY");
    assert_has(held_at("ManufacturerMSP", "supply", "packs", "~SALT~"), FP("5b"));
    assert_null(held_at("ManufacturerMSP", "supply", "", "~SALT~"));
}

static void a_maker_registers_a_product_once(void **state)
{
    fcc_test_result r;

    assert_refused(product(GTIN_RX, DRUG, "30", "false", "true"), 409, "ALREADY");
    assert_refused(product("04000000000104", DRUG, "30", "false", "true"), 400, "BAD_INPUT");
    assert_refused(product("4000000000105", DRUG, "30", "false", "true"), 400, "BAD_INPUT");
    assert_refused(product(GTIN_NONE, DRUG, "0", "false", "true"), 400, "BAD_INPUT");
    assert_refused(product(GTIN_NONE, DRUG, "30", "perhaps", "true"), 400, "BAD_INPUT");
    assert_refused(product(GTIN_NONE, "[{\"code\":\"1\"}]", "30", "false", "true"), 400, "BAD_INPUT");
    assert_refused(product(GTIN_NONE, "[{\"system\":\"http://a.b\",\"name\":\"x\"}]", "30", "false", "true"), 400,
                   "PHI_IN_ARGS");
    as_wholesaler();
    assert_refused(product(GTIN_NONE, DRUG, "30", "false", "true"), 403, "DENIED:role");
    assert_refused(fcc_test_evaluate(world, "supply", "GetProduct", GTIN_NONE, FCC_END), 404, "NOT_FOUND");
    r = fcc_test_evaluate(world, "supply", "GetProduct", GTIN_RX, FCC_END);
    assert_accepted(r);
    assert_has(r.payload, "\"maker\":\"" M1 "\"");
    assert_has(r.payload, "\"unitsPerPack\":30");
    assert_has(r.payload, "\"splittable\":false");
}

/* ---- commissioning ---- */

static void only_its_maker_commissions_a_product_and_each_serial_once(void **state)
{
    as_wholesaler();
    assert_refused(submit_in("Commission", MAKE("c1", "L1", "271231", "\"A1\"")), 403, "DENIED:not_maker");
    as_other_maker();
    assert_refused(submit_in("Commission", MAKE("c1", "L1", "271231", "\"A1\"")), 403, "DENIED:not_maker");
    as_maker();
    assert_accepted(submit_in("Commission", MAKE("c1", "L1", "271231", "\"A1\",\"A2\"")));
    assert_refused(submit_in("Commission", MAKE("c1", "L1", "271231", "\"A3\"")), 409, "ALREADY");
    assert_refused(submit_in("Commission", MAKE("c2", "L2", "281231", "\"A3\",\"A2\"")), 409, "CONFLICT");
    assert_null(pack_at("ManufacturerMSP", "A3"));
    assert_refused(submit_in("Commission", MAKE("c2", "L1", "271231", "\"A3\",\"A3\"")), 422, "INVARIANT");
    assert_refused(submit_in("Commission", MAKE("c2", "L1", "271231", "\"A345678901234567890123\"")), 400, "BAD_INPUT");
    assert_refused(submit_in("Commission", MAKE("c2", "L1", "271231", "\"A#3\"")), 400, "BAD_INPUT");
    assert_refused(submit_in("Commission", MAKE("c2", "L1", "271231", "3")), 400, "BAD_INPUT");
    assert_refused(submit_in("Commission", MAKE("c2", "L1", "271331", "\"A3\"")), 400, "BAD_INPUT");
    assert_refused(submit_in("Commission", MAKE("c2", "L1", "2712", "\"A3\"")), 400, "BAD_INPUT");
    assert_refused(submit_in("Commission", MAKE("c2", "L 1", "271231", "\"A3\"")), 400, "BAD_INPUT");
    assert_has(pack_at("ManufacturerMSP", "A1"), "\"state\":\"commissioned\"");
    assert_has(pack_at("ClinicMSP", "A1"), "\"left\":30");
    assert_non_null(held_at("PharmacyMSP", "supply", "packs", "~MOVE~" GTIN_RX "~A1~000001~"));
    assert_non_null(held_at("PharmacyMSP", "supply", "packs", "~HAVE~" M1 "~" GTIN_RX "~A1~"));
    assert_has(held("supply", "", "~ACT~c1~"), "\"docType\":\"commission\"");
    assert_false(fcc_test_public_has(world, "A1"));
    assert_false(fcc_test_public_has(world, "L1"));
}

static void a_product_has_to_be_registered_before(void **state)
{
    assert_refused(submit_in("Commission", "{\"id\":\"c9\",\"gtin\":\"" GTIN_NONE "\",\"lot\":\"L1\",\"expiry\":"
                                           "\"271231\",\"serials\":[\"A1\"],\"salt\":\"" SALT1 "\"}"),
                   404, "NOT_FOUND");
}

/* ---- on the way ---- */

static void only_the_addressee_receives_and_once(void **state)
{
    fcc_test_result r;

    assert_accepted(submit_in("Commission", MAKE("c1", "L1", "271231", "\"A1\",\"A2\"")));
    as_wholesaler();
    assert_refused(submit_in("Ship", SHIP("s1", PACK("A1"), P1)), 403, "DENIED:not_holder");
    assert_refused(submit_in("Receive", RECEIVE("r1", PACK("A1"))), 403, "DENIED:not_addressee");
    as_maker();
    r = submit_in("Ship", SHIP("s1", PACK("A1"), D1));
    assert_accepted(r);
    assert_string_equal(r.event, "PackShipped");
    assert_string_equal(r.event_payload, "{\"id\":\"s1\"}");
    assert_refused(submit_in("Ship", SHIP("s1", PACK("A2"), D1)), 409, "ALREADY");
    assert_refused(submit_in("Ship", SHIP("s2", PACK("A1"), D1)), 422, "INVARIANT");
    assert_refused(submit_in("Ship", SHIP("s2", PACK("A2") "," PACK("A1"), D1)), 422, "INVARIANT");
    assert_has(pack_at("ManufacturerMSP", "A2"), "\"state\":\"commissioned\"");
    assert_has(pack_at("ManufacturerMSP", "A1"), "\"holder\":\"" M1 "\"");
    as_pharmacist();
    assert_refused(submit_in("Receive", RECEIVE("r1", PACK("A1"))), 403, "DENIED:not_addressee");
    as_wholesaler();
    assert_refused(submit_in("Receive", RECEIVE("r1", PACK("A1") "," PACK("A2"))), 403, "DENIED:not_addressee");
    r = submit_in("Receive", RECEIVE("r1", PACK("A1")));
    assert_accepted(r);
    assert_string_equal(r.event, "PackReceived");
    assert_refused(submit_in("Receive", RECEIVE("r2", PACK("A1"))), 409, "ALREADY");
    assert_has(pack_at("ManufacturerMSP", "A1"), "\"holder\":\"" D1 "\"");
    assert_has(pack_at("ManufacturerMSP", "A1"), "\"from\":\"" M1 "\"");
    assert_has_not(pack_at("ManufacturerMSP", "A1"), "\"to\"");
    assert_null(held_at("PharmacyMSP", "supply", "packs", "~HAVE~" M1 "~" GTIN_RX "~A1~"));
    assert_non_null(held_at("PharmacyMSP", "supply", "packs", "~HAVE~" D1 "~" GTIN_RX "~A1~"));
}

static void a_shipment_is_well_formed(void **state)
{
    assert_accepted(submit_in("Commission", MAKE("c1", "L1", "271231", "\"A1\"")));
    assert_refused(submit_in("Ship", SHIP("s1", PACK("A1"), M1)), 400, "BAD_INPUT");
    assert_refused(submit_in("Ship", SHIP("s1", PACK("A1"), "4000000000083")), 400, "BAD_INPUT");
    assert_refused(submit_in("Ship", SHIP("s1", "", D1)), 400, "BAD_INPUT");
    assert_refused(submit_in("Ship", SHIP("s1", PACK("A1") "," PACK("A1"), D1)), 422, "INVARIANT");
    assert_refused(submit_in("Ship", SHIP("s1", PACK("A9"), D1)), 404, "NOT_FOUND");
    assert_refused(submit_in("Ship", SHIP("s1", CASE(SSCC_1), D1)), 400, "BAD_INPUT");
    assert_refused(submit_in("Ship", SHIP_CASE("s1", SSCC_1, D1)), 404, "NOT_FOUND");
    assert_refused(submit_in("Ship", SHIP_CASE("s1", "340000000000000015", D1)), 400, "BAD_INPUT");
    assert_refused(submit_in("Ship", "{\"id\":\"s1\",\"toGln\":\"" D1 "\",\"salt\":\"" SALT1 "\"}"), 400, "BAD_INPUT");
    assert_refused(submit_in("Ship", "{\"id\":\"s1\",\"packs\":[" PACK("A1") "],\"sscc\":\"" SSCC_1 "\",\"toGln\":\"" D1
                                                                             "\",\"salt\":\"" SALT1 "\"}"),
                   400, "BAD_INPUT");
}

static void both_have_to_be_trading_partners(void **state)
{
    assert_accepted(submit_in("Commission", MAKE("c1", "L1", "271231", "\"A1\"")));
    assert_refused(submit_in("Ship", SHIP("s1", PACK("A1"), M2)), 403, "DENIED:partner");
    assert_refused(submit_in("Ship", SHIP("s1", PACK("A1"), A1)), 403, "DENIED:partner");
    assert_refused(submit_in("Ship", SHIP("s1", PACK("A1"), "4000000000990")), 404, "NOT_FOUND");
    assert_accepted(submit_in("Ship", SHIP("s1", PACK("A1"), D1)));
    /* suspended on the way, and cleared again */
    as_world_admin("RegulatorMSP", "admk", K1, "26");
    assert_accepted(fcc_test_submit(world, "credentials", "SetStatus", "licences", "100", "1", FCC_END));
    as_wholesaler();
    assert_refused(submit_in("Receive", RECEIVE("r1", PACK("A1"))), 403, "DENIED:partner");
    as_world_admin("RegulatorMSP", "admk", K1, "26");
    assert_accepted(fcc_test_submit(world, "credentials", "SetStatus", "licences", "100", "0", FCC_END));
    assert_accepted(fcc_test_submit(world, "credentials", "SetStatus", "licences", "101", "1", FCC_END));
    as_wholesaler();
    assert_refused(submit_in("Receive", RECEIVE("r1", PACK("A1"))), 403, "DENIED:partner");
    assert_refused(query_in("VerifyPack", VERIFY("A1", "L1", "271231")), 403, "DENIED:partner");
    as_world_admin("RegulatorMSP", "admk", K1, "26");
    assert_accepted(fcc_test_submit(world, "credentials", "SetStatus", "licences", "101", "0", FCC_END));
    as_wholesaler();
    assert_accepted(submit_in("Receive", RECEIVE("r1", PACK("A1"))));
}

static void what_is_recalled_or_expired_does_not_ship(void **state)
{
    assert_accepted(submit_in("Commission", MAKE("c1", "L1", "260100", "\"A1\"")));
    assert_accepted(submit_in("Commission", MAKE("c2", "L2", "271231", "\"A2\"")));
    assert_accepted(recall("L2"));
    assert_refused(submit_in("Ship", SHIP("s1", PACK("A2"), D1)), 422, "INVARIANT");
    fcc_test_set_time(world, NOW + 31 * 86400 - 1); /* the last second of January */
    assert_accepted(submit_in("Ship", SHIP("s1", PACK("A1"), D1)));
    fcc_test_set_time(world, NOW + 31 * 86400);
    as_wholesaler(); /* it has arrived, whatever it is by now */
    assert_accepted(submit_in("Receive", RECEIVE("r1", PACK("A1"))));
    assert_refused(submit_in("Ship", SHIP("s2", PACK("A1"), P1)), 422, "INVARIANT");
    assert_refused(submit_in("Ship", RETURN("s2", PACK("A1"), M1)), 422, "INVARIANT");
}

static void a_pack_goes_back_to_who_sent_it_and_is_not_sold_on(void **state)
{
    assert_accepted(submit_in("Commission", MAKE("c1", "L1", "271231", "\"A1\"")));
    assert_refused(submit_in("Ship", RETURN("s1", PACK("A1"), D1)), 422, "INVARIANT");
    assert_accepted(submit_in("Ship", SHIP("s1", PACK("A1"), D1)));
    as_wholesaler();
    assert_accepted(submit_in("Receive", RECEIVE("r1", PACK("A1"))));
    assert_refused(submit_in("Ship", RETURN("s2", PACK("A1"), P1)), 422, "INVARIANT");
    assert_accepted(submit_in("Ship", RETURN("s2", PACK("A1"), M1)));
    as_maker();
    assert_accepted(submit_in("Receive", RECEIVE("r2", PACK("A1"))));
    assert_has(pack_at("ManufacturerMSP", "A1"), "\"state\":\"returned\"");
    assert_refused(submit_in("Ship", SHIP("s3", PACK("A1"), D1)), 422, "INVARIANT");
}

/* ---- verification ---- */

static void assert_reason(fcc_test_result r, const char *reason)
{
    char want[120];

    snprintf(want, sizeof(want), *reason ? "{\"reason\":\"%s\",\"verified\":false}" : "{\"verified\":true}", reason);
    assert_accepted(r);
    assert_string_equal(r.payload, want);
}

static void a_pack_is_verified_or_a_reason_is_given(void **state)
{
    deliver("d", MAKE("c1", "L1", "271200", "\"A1\",\"A2\",\"A3\""), PACK("A1") "," PACK("A2") "," PACK("A3"));
    assert_reason(query_in("VerifyPack", VERIFY("A1", "L1", "271200")), "");
    assert_reason(query_in("VerifyPack", VERIFY("A9", "L1", "271200")), "No_match_GTIN_Serial");
    assert_reason(query_in("VerifyPack", VERIFY("A1", "L2", "271200")), "No_match_GTIN_Serial_Lot");
    assert_reason(query_in("VerifyPack", VERIFY("A1", "L1", "271231")), "No_match_GTIN_Serial_Expiry");
    assert_reason(query_in("VerifyPack", VERIFY("A1", "L2", "271231")), "No_match_GTIN_Serial_Lot_Expiry");
    assert_refused(query_in("VerifyPack", VERIFY("A1", "L1", "271300")), 400, "BAD_INPUT");
    assert_accepted(mark("MarkDispensed", P1, "[" UNITS("A2", "30") "]"));
    as_nurse(); /* of another partner */
    assert_reason(query_in("VerifyPack", VERIFY("A2", "L1", "271200")), "Not_for_re-distribution");
    assert_reason(query_in("VerifyPack", VERIFY("A1", "L1", "271200")), "");
    as_regulators_admin();
    assert_accepted(recall("L1"));
    as_pharmacist();
    assert_reason(query_in("VerifyPack", VERIFY("A1", "L1", "271200")), "Recalled");
    as_regulators_admin();
    assert_accepted(lift("L1"));
    as_pharmacist();
    assert_reason(query_in("VerifyPack", VERIFY("A1", "L1", "271200")), "");
    fcc_test_set_time(world, 1830297600); /* 2028-01-01 */
    assert_reason(query_in("VerifyPack", VERIFY("A1", "L1", "271200")), "Expired");
    as_patient();
    assert_refused(query_in("VerifyPack", VERIFY("A1", "L1", "271200")), 403, "DENIED:role");
}

/* ---- recall ---- */

static void the_maker_and_the_regulator_recall_the_regulator_lifts(void **state)
{
    fcc_test_result r;

    as_wholesaler();
    assert_refused(recall("L1"), 403, "DENIED:not_maker");
    as_other_maker();
    assert_refused(recall("L1"), 403, "DENIED:not_maker");
    as_world_admin("ManufacturerMSP", "admm", M1, "35");
    assert_refused(recall("L1"), 403, "DENIED:role");
    as_world_admin("RegulatorMSP", "admk", K1, "26"); /* a council's */
    assert_refused(recall("L1"), 403, "DENIED:role");
    as_regulators_admin();
    assert_refused(lift("L1"), 404, "NOT_FOUND");
    assert_refused(fcc_test_submit(world, "supply", "Recall", GTIN_NONE, "L1", "1", "potency", FCC_END), 404,
                   "NOT_FOUND");
    assert_refused(fcc_test_submit(world, "supply", "Recall", GTIN_RX, "L1", "4", "potency", FCC_END), 400,
                   "BAD_INPUT");
    as_maker();
    r = recall("L1");
    assert_accepted(r);
    assert_string_equal(r.event, "Recalled");
    assert_string_equal(r.event_payload, "{\"class\":\"1\",\"gtin\":\"" GTIN_RX "\",\"lot\":\"L1\"}");
    assert_refused(recall("L1"), 409, "ALREADY");
    assert_refused(lift("L1"), 403, "DENIED:role");
    as_regulators_admin(); /* worse than thought */
    assert_accepted(fcc_test_submit(world, "supply", "Recall", GTIN_RX, "L1", "1", "contamination", FCC_END));
    assert_accepted(lift("L1"));
    assert_refused(lift("L1"), 409, "ALREADY");
    assert_has(held("supply", "", "~RECALL~" GTIN_RX "~L1~"), "\"v\":3");
}

static void the_readme_has_the_tables_of_the_code(void **state)
{
    static char readme[64 * 1024];
    char *tables = NULL;
    size_t len = 0;
    FILE *f = fopen("chaincode/supply/README.md", "r"), *out = open_memstream(&tables, &len);

    assert_non_null(f);
    assert_non_null(out);
    readme[fread(readme, 1, sizeof(readme) - 1, f)] = 0;
    fclose(f);
    assert_true(lib_describe(out, &supply_table));
    fclose(out);
    if (!strstr(readme, tables))
        fail_msg("chaincode/supply/README.md: put there what `supply --describe` prints");
    free(tables);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_salt_is_written_once_by_an_administrator_of_the_chain, set_up, health_stop),
        cmocka_unit_test_setup_teardown(a_maker_registers_a_product_once, set_up, health_stop),
        cmocka_unit_test_setup_teardown(only_its_maker_commissions_a_product_and_each_serial_once, set_up, health_stop),
        cmocka_unit_test_setup_teardown(a_product_has_to_be_registered_before, set_up, health_stop),
        cmocka_unit_test_setup_teardown(only_the_addressee_receives_and_once, set_up, health_stop),
        cmocka_unit_test_setup_teardown(a_shipment_is_well_formed, set_up, health_stop),
        cmocka_unit_test_setup_teardown(both_have_to_be_trading_partners, set_up, health_stop),
        cmocka_unit_test_setup_teardown(what_is_recalled_or_expired_does_not_ship, set_up, health_stop),
        cmocka_unit_test_setup_teardown(a_pack_goes_back_to_who_sent_it_and_is_not_sold_on, set_up, health_stop),
        cmocka_unit_test_setup_teardown(a_pack_is_verified_or_a_reason_is_given, set_up, health_stop),
        cmocka_unit_test_setup_teardown(the_maker_and_the_regulator_recall_the_regulator_lifts, set_up, health_stop),
        cmocka_unit_test(the_readme_has_the_tables_of_the_code),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
