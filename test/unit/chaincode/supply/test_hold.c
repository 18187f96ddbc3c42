/* supply: packs that are returned, suspect, illegitimate, destroyed, or sold over the counter. */
#include "test/unit/chaincode/supply/goods.h"

#define ON(function, id, pack, reason) \
    submit_in(function, "{\"id\":\"" id "\",\"pack\":" pack ",\"reasonCode\":\"" reason "\",\"salt\":\"" SALT1 "\"}")
#define RESTOCK(id, pack, lot, expiry)                                                                   \
    submit_in("Restock", "{\"id\":\"" id "\",\"pack\":" pack ",\"lot\":\"" lot "\",\"expiry\":\"" expiry \
                         "\",\"salt\":\"" SALT1 "\"}")
#define SELL(id, packs) submit_in("SellOTC", "{\"id\":\"" id "\",\"packs\":[" packs "],\"salt\":\"" SALT1 "\"}")

static int make_delivery(void **state)
{
    set_up(state);
    deliver("d", MAKE("c1", "L1", "271231", "\"A1\",\"A2\""), PACK("A1") "," PACK("A2"));
    deliver("o", MAKE_OTC("c2", "\"B1\",\"B2\""), OTC("B1") "," OTC("B2"));
    return 0;
}
HEALTH_SETUP(at_the_pharmacy, make_delivery)

static void the_holder_keeps_a_pack_apart(void **state)
{
    as_wholesaler();
    assert_refused(ON("Quarantine", "q1", PACK("A1"), "damaged"), 403, "DENIED:not_holder");
    as_world_admin("PharmacyMSP", "adm3", P1, "25");
    assert_refused(ON("Quarantine", "q1", PACK("A1"), "damaged"), 403, "DENIED:role");
    as_pharmacist();
    assert_refused(ON("Quarantine", "q1", PACK("A1"), "because"), 400, "BAD_INPUT");
    assert_refused(ON("Quarantine", "q1", PACK("A9"), "damaged"), 404, "NOT_FOUND");
    assert_accepted(ON("Quarantine", "q1", PACK("A1"), "damaged"));
    assert_refused(ON("Quarantine", "q2", PACK("A1"), "damaged"), 409, "ALREADY");
    assert_refused(ON("Quarantine", "q1", PACK("A2"), "damaged"), 409, "ALREADY");
    assert_string_equal(query_in("VerifyPack", VERIFY("A1", "L1", "271231")).payload,
                        "{\"reason\":\"Suspect\",\"verified\":false}");
    assert_refused(mark("MarkDispensed", P1, "[" UNITS("A1", "30") "]"), 422, "INVARIANT");
    assert_refused(submit_in("Ship", RETURN("s1", PACK("A1"), D1)), 422, "INVARIANT");
}

/* A1 is apart by the holder's word, then illegitimate, and A2 apart, by the regulator's. */
static int make_judged(void **state)
{
    at_the_pharmacy(state);
    assert_accepted(ON("Quarantine", "q1", PACK("A1"), "damaged"));
    as_regulators_admin();
    assert_accepted(ON("Quarantine", "q3", PACK("A2"), "unverified"));
    assert_accepted(ON("Illegitimate", "i1", PACK("A1"), "counterfeit"));
    return 0;
}
HEALTH_SETUP(as_the_regulator_said, make_judged)

static void the_regulators_word_about_a_pack_stands(void **state)
{
    assert_refused(ON("Illegitimate", "i2", PACK("A1"), "counterfeit"), 409, "ALREADY");
    assert_refused(ON("Quarantine", "q4", PACK("A1"), "damaged"), 409, "ALREADY");
    assert_refused(ON("Destroy", "x1", PACK("A1"), "illegitimate"), 403, "DENIED:role");
    as_pharmacist();
    assert_string_equal(query_in("VerifyPack", VERIFY("A1", "L1", "271231")).payload,
                        "{\"reason\":\"Illegitimate\",\"verified\":false}");
    assert_refused(RESTOCK("k1", PACK("A1"), "L1", "271231"), 422, "INVARIANT");
    assert_refused(RESTOCK("k1", PACK("A2"), "L1", "271231"), 422, "INVARIANT");
}

static void what_is_illegitimate_is_destroyed(void **state)
{
    as_pharmacist();
    assert_accepted(ON("Destroy", "x1", PACK("A1"), "illegitimate"));
    assert_null(held("supply", "packs", "~HAVE~" P1 "~" GTIN_RX "~A1~"));
    assert_refused(ON("Destroy", "x2", PACK("A1"), "illegitimate"), 410, "GONE");
    assert_refused(ON("Quarantine", "q5", PACK("A1"), "damaged"), 410, "GONE");
    assert_refused(mark("MarkDispensed", P1, "[" UNITS("A1", "30") "]"), 410, "GONE");
    assert_string_equal(query_in("VerifyPack", VERIFY("A1", "L1", "271231")).payload,
                        "{\"reason\":\"Not_for_re-distribution\",\"verified\":false}");
}

static void a_pack_goes_back_into_stock_after_a_look_at_it(void **state)
{
    fcc_test_result r;

    assert_refused(RESTOCK("k1", PACK("A1"), "L1", "271231"), 412, "PRECONDITION");
    assert_accepted(ON("Quarantine", "q1", PACK("A1"), "label"));
    r = RESTOCK("k1", PACK("A1"), "L2", "271200");
    assert_refused(r, 422, "INVARIANT");
    assert_has(r.message, "No_match_GTIN_Serial_Lot_Expiry:");
    as_wholesaler();
    assert_refused(RESTOCK("k1", PACK("A1"), "L1", "271231"), 403, "DENIED:not_holder");
    as_maker();
    assert_accepted(recall("L1"));
    as_pharmacist();
    assert_refused(RESTOCK("k1", PACK("A1"), "L1", "271231"), 422, "INVARIANT");
    as_regulators_admin();
    assert_accepted(lift("L1"));
    as_pharmacist();
    assert_accepted(RESTOCK("k1", PACK("A1"), "L1", "271231"));
    assert_has_not(pack_at("ClinicMSP", "A1"), "mark");
}

static void what_was_sent_back_is_looked_at_where_it_comes(void **state)
{
    assert_accepted(submit_in("Ship", RETURN("s1", PACK("A1"), D1)));
    assert_refused(ON("Destroy", "x1", PACK("A1"), "damaged"), 422, "INVARIANT"); /* on its way */
    as_wholesaler();
    assert_accepted(submit_in("Receive", RECEIVE("r1", PACK("A1"))));
    assert_refused(submit_in("Ship", SHIP("s2", PACK("A1"), P1)), 422, "INVARIANT");
    assert_accepted(RESTOCK("k2", PACK("A1"), "L1", "271231"));
    assert_accepted(submit_in("Ship", SHIP("s2", PACK("A1"), P1)));
}

static void what_has_expired_does_not_go_back_into_stock(void **state)
{
    fcc_test_set_time(world, 1830297600);
    assert_accepted(ON("Quarantine", "q2", PACK("A2"), "label"));
    assert_refused(RESTOCK("k3", PACK("A2"), "L1", "271231"), 422, "INVARIANT");
}

static void the_regulator_takes_over_what_the_holder_keeps_apart(void **state)
{
    assert_accepted(ON("Quarantine", "q1", PACK("A1"), "damaged"));
    as_regulators_admin();
    assert_accepted(ON("Quarantine", "q2", PACK("A1"), "diverted"));
    assert_refused(ON("Quarantine", "q3", PACK("A1"), "diverted"), 409, "ALREADY");
    as_pharmacist();
    assert_refused(ON("Quarantine", "q3", PACK("A1"), "damaged"), 409, "ALREADY");
    assert_refused(RESTOCK("k1", PACK("A1"), "L1", "271231"), 422, "INVARIANT");
}

static void what_is_quarantined_on_its_way_arrives_so(void **state)
{
    assert_accepted(submit_in("Ship", RETURN("s1", PACK("A1"), D1)));
    as_regulators_admin();
    assert_accepted(ON("Quarantine", "q1", PACK("A1"), "unverified"));
    as_wholesaler();
    assert_accepted(submit_in("Receive", RECEIVE("r1", PACK("A1"))));
    assert_has(pack_at("ClinicMSP", "A1"), "\"state\":\"quarantined\"");
    assert_accepted(ON("Destroy", "x1", PACK("A1"), "returned"));
}

static void only_a_pharmacist_sells_and_only_without_prescription(void **state)
{
    assert_refused(SELL("s1", PACK("A1")), 422, "INVARIANT");
    as_pharmacys_buyer();
    assert_refused(SELL("s1", OTC("B1")), 403, "DENIED:role");
    as_pharmacist();
    assert_refused(SELL("s1", OTC("B9")), 404, "NOT_FOUND");
    assert_refused(SELL("s1", OTC("B1") "," OTC("B1")), 422, "INVARIANT");
    assert_refused(SELL("d-4", OTC("B1")), 409, "ALREADY");
    assert_accepted(SELL("s1", OTC("B1")));
    assert_refused(SELL("s2", OTC("B1")), 410, "GONE");
    assert_has(held("supply", "packs", "~PACK~" GTIN_OTC "~B1~"), "\"state\":\"sold\"");
    assert_has(held("supply", "packs", "~PACK~" GTIN_OTC "~B1~"), "\"left\":0");
    assert_accepted(mark("MarkDispensed", P1, "[" UNITS_OTC("B2", "1") "]"));
    assert_refused(SELL("s2", OTC("B2")), 422, "INVARIANT"); /* opened */
    assert_refused(submit_in("Ship", RETURN("s3", OTC("B2"), D1)), 422, "INVARIANT");
    assert_refused(mark("UnmarkDispensed", P1, "[" UNITS_OTC("B1", "20") "]"), 422, "INVARIANT");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, at_the_pharmacy, health_stop)
    const struct CMUnitTest tests[] = {
        TEST(the_holder_keeps_a_pack_apart),
        cmocka_unit_test_setup_teardown(the_regulators_word_about_a_pack_stands, as_the_regulator_said, health_stop),
        cmocka_unit_test_setup_teardown(what_is_illegitimate_is_destroyed, as_the_regulator_said, health_stop),
        TEST(a_pack_goes_back_into_stock_after_a_look_at_it),
        TEST(what_was_sent_back_is_looked_at_where_it_comes),
        TEST(what_has_expired_does_not_go_back_into_stock),
        TEST(the_regulator_takes_over_what_the_holder_keeps_apart),
        TEST(what_is_quarantined_on_its_way_arrives_so),
        TEST(only_a_pharmacist_sells_and_only_without_prescription),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
