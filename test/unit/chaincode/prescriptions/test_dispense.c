/* What leaves the pharmacy: units, windows, packs, and the way back. Packs and prescription change together or not at all. */
#include "test/unit/chaincode/prescriptions/pharmacy.h"

#define ONE(serial) LINE("1", PACK(GTIN_A, serial, "30"))
#define REFUSED_PACKS(seq, packs, status, code, begins)                                    \
    do {                                                                                   \
        fcc_test_result r_ = invoke_id("Dispense", "r1", DISPENSE(seq, LINE("1", packs))); \
        assert_refused(r_, status, code);                                                  \
        assert_has(r_.message, "\"detail\":\"" begins);                                    \
    } while (0)

static int make_accepted(void **state)
{
    set_up(state);
    issue_and_accept();
    return 0;
}
HEALTH_SETUP(set_up_accepted, make_accepted)

/* ---- Dispense ---- */

static void a_dispense_is_of_units_of_packs_and_of_a_window(void **state)
{
    fcc_test_result r;

    r = invoke_id("Dispense", "r1", TAKE_ONE("1", "a1"));
    assert_accepted(r);
    assert_string_equal(r.event, "RxDispensed");
    assert_string_equal(r.event_payload, "{\"id\":\"r1\"}");
    assert_has(rx_value("r1"), "\"done\":30");
    assert_has(rx_value("r1"), "\"status\":\"partial\"");
    assert_has(rx_value("r1"), "\"lock\":\"" P1 "\"");
    assert_has(held("prescriptions", "rx", "~RXD~r1~0001~"), "\"serial\":\"a1\"");
    assert_has(held("prescriptions", "rx", "~RXD~r1~0001~"), "\"lot\":\"L1\"");
    assert_has(act_value("r1:1"), "\"docType\":\"dispense\",\"id\":\"r1:1\",\"status\":\"dispensed\",\"v\":1");
    assert_has(shelf_pack(GTIN_A, "a1"), "\"state\":\"dispensed\"");
    assert_has_not(shelf_pack(GTIN_A, "a1"), "r1");
    assert_has(shelf_pack(GTIN_A, "a2"), "\"state\":\"received\"");
    assert_refused(invoke_id("Dispense", "r1", TAKE_ONE("1", "a2")), 409, "ALREADY");
    assert_false(fcc_test_public_has(world, PID_A));
    assert_false(fcc_test_public_has(world, "\"a1\""));
}

static void packs_are_dispensed_until_the_last_window_is_used(void **state)
{
    assert_accepted(invoke_id("Dispense", "r1", TAKE_ONE("1", "a1")));
    assert_accepted(invoke_id("Dispense", "r1", TAKE_ONE("2", "a2")));
    assert_has(rx_value("r1"), "\"done\":0");
    assert_has(rx_value("r1"), "\"used\":1");
    assert_has(rx_value("r1"), "\"notBefore\":\"2026-01-31T00:00:00Z\"");
    assert_refused(invoke_id("Dispense", "r1", TAKE_ONE("3", "a3")), 412, "PRECONDITION");
    fcc_test_set_time(world, NOW + 30 * DAY);
    assert_accepted(invoke_id("Dispense", "r1", TAKE_ONE("3", "a3")));
    assert_accepted(invoke_id("Dispense", "r1", TAKE_ONE("4", "a4")));
    fcc_test_set_time(world, NOW + 60 * DAY);
    assert_accepted(
        invoke_id("Dispense", "r1", DISPENSE("5", LINE("1", PACK(GTIN_A, "a5", "30") "," PACK(GTIN_A, "a6", "30")))));
    assert_has(rx_value("r1"), "\"status\":\"completed\"");
    assert_has(rx_value("r1"), "\"done\":60");
    assert_has(rx_value("r1"), "\"used\":2");
    assert_refused(invoke_id("Dispense", "r1", TAKE_ONE("6", "a7")), 410, "GONE");
    assert_refused(invoke_id("Return", "r1", BECAUSE("other")), 410, "GONE");
    assert_has(query("GetRx", "{\"rxId\":\"r1\"}").payload, "\"seq\":5"); /* it can still read and reverse it */
    assert_false(fcc_test_public_has(world, PID_A));
    assert_false(fcc_test_public_has(world, "\"a1\""));
}

static void no_more_than_what_is_left_and_no_pack_twice(void **state)
{
    assert_refused(invoke_id("Dispense", "r1", DISPENSE("1", LINE("1", PACK(GTIN_A, "a1", "70")))), 422, "INVARIANT");
    assert_refused(invoke_id("Dispense", "r1",
                             DISPENSE("1", LINE("1", PACK(GTIN_A, "a1", "30") "," PACK(GTIN_A, "a2", "30") "," PACK(
                                                         GTIN_A, "a3", "30")))),
                   422, "INVARIANT");
    REFUSED_PACKS("1", PACK(GTIN_A, "a1", "30") "," PACK(GTIN_A, "a1", "30"), 422, "INVARIANT", "lines[0].packs[1]");
    assert_has(rx_value("r1"), "\"done\":0");
    assert_has(shelf_pack(GTIN_A, "a1"), "\"state\":\"received\"");
}

static void what_is_dispensed_is_well_formed(void **state)
{
    assert_refused(invoke_id("Dispense", "r1", DISPENSE("1", LINE("2", PACK(GTIN_A, "a1", "30")))), 404, "NOT_FOUND");
    assert_refused(invoke_id("Dispense", "r1", DISPENSE("1", ONE("a1") "," ONE("a2"))), 400, "BAD_INPUT");
    assert_refused(invoke_id("Dispense", "r1", DISPENSE("1", LINE("1", PACK(GTIN_A, "a1", "0")))), 400, "BAD_INPUT");
    assert_refused(invoke_id("Dispense", "r1", DISPENSE("1", LINE("1", PACK(GTIN_A, "a1", "-30")))), 400, "BAD_INPUT");
    assert_refused(invoke_id("Dispense", "r1", DISPENSE("1", LINE("1", PACK(GTIN_A, "a1", "1.5")))), 400, "BAD_INPUT");
    assert_refused(invoke_id("Dispense", "r1", DISPENSE("1", LINE("1", ""))), 400, "BAD_INPUT");
    assert_refused(invoke_id("Dispense", "r1", DISPENSE("0", ONE("a1"))), 400, "BAD_INPUT");
    assert_refused(invoke_id("Dispense", "r1", DISPENSE("1", "")), 400, "BAD_INPUT");
    assert_has(rx_value("r1"), "\"done\":0");
}

static void a_pack_is_here_whole_unexpired_not_recalled_and_not_dispensed(void **state)
{
    REFUSED_PACKS("1", PACK(GTIN_A, "zz", "30"), 404, "NOT_FOUND", "");
    REFUSED_PACKS("1", PACK(GTIN_A, "w1", "30"), 422, "INVARIANT", "not_holder:");
    REFUSED_PACKS("1", PACK(GTIN_A, "a1", "15"), 422, "INVARIANT", "units:");
    REFUSED_PACKS("1", PACK("04000000000106", "a1", "30"), 400, "BAD_INPUT", "");
    assert_accepted(invoke_id("Dispense", "r1", TAKE_ONE("1", "a1")));
    REFUSED_PACKS("2", PACK(GTIN_A, "a1", "30"), 410, "GONE", "");
    as_maker();
    assert_accepted(fcc_test_submit(world, "supply", "Recall", GTIN_A, "L1", "1", "potency", FCC_END));
    as_pharmacist();
    REFUSED_PACKS("2", PACK(GTIN_A, "a2", "30"), 422, "INVARIANT", "recalled:");
    fcc_test_set_time(world, NOW + 20 * DAY);
    REFUSED_PACKS("2", PACK(GTIN_A, "e1", "30"), 422, "INVARIANT", "expired:");
    assert_accepted(invoke_id("Dispense", "r1", TAKE_ONE("2", "b1")));
}

static void a_pack_that_may_be_split_goes_out_in_parts(void **state)
{
    assert_accepted(invoke("Issue", ISSUE_OF("r1", PID_A, "e1", ITEM_OF("\"auth\":25"), "")));
    as_pharmacist();
    assert_accepted(invoke_id("Accept", "r1", ACCEPT));
    assert_accepted(invoke_id("Dispense", "r1", DISPENSE("1", LINE("1", PACK(GTIN_S, "s1", "15")))));
    assert_has(shelf_pack(GTIN_S, "s1"), "\"left\":5");
    assert_accepted(
        invoke_id("Dispense", "r1", DISPENSE("2", LINE("1", PACK(GTIN_S, "s1", "5") "," PACK(GTIN_S, "s2", "5")))));
    assert_has(shelf_pack(GTIN_S, "s1"), "\"state\":\"dispensed\"");
    assert_has(shelf_pack(GTIN_S, "s2"), "\"left\":15");
    assert_has(rx_value("r1"), "\"status\":\"completed\"");
    assert_accepted(invoke_id("ReverseDispense", "r1", REVERSE("2")));
    assert_has(shelf_pack(GTIN_S, "s1"), "\"left\":5");
    assert_has(shelf_pack(GTIN_S, "s2"), "\"left\":20");
    assert_has(rx_value("r1"), "\"done\":15");
    assert_has(rx_value("r1"), "\"status\":\"partial\"");
}

static void a_pack_is_what_was_prescribed_or_may_stand_for_it(void **state)
{
    REFUSED_PACKS("1", PACK(GTIN_B, "g1", "30"), 422, "INVARIANT", "lines[0].packs[0]: product:");
    assert_has(shelf_pack(GTIN_B, "g1"), "\"state\":\"received\""); /* neither is written */
    as_doctor();
    assert_accepted(
        invoke("Issue", ISSUE_OF("r2", PID_A, "e1", ITEM_OF("\"auth\":60,\"substitution\":\"allowed\"") "," ITEM, "")));
    as_pharmacist();
    assert_accepted(invoke_id("Accept", "r2", ACCEPT));
    assert_refused(invoke_id("Dispense", "r2", DISPENSE("1", LINE("1", PACK(GTIN_C, "c1", "30")))), 422, "INVARIANT");
    assert_refused(invoke_id("Dispense", "r2", DISPENSE("1", LINE("2", PACK(GTIN_B, "g1", "30")))), 422, "INVARIANT");
    assert_accepted(invoke_id(
        "Dispense", "r2", DISPENSE("1", LINE("2", PACK(GTIN_A, "a1", "30")) "," LINE("1", PACK(GTIN_B, "g1", "30")))));
    assert_has(rx_value("r2"), "\"status\":\"partial\"");
}

static void only_who_has_it_dispenses_and_only_while_the_issuer_may_prescribe(void **state)
{
    issue();
    as_pharmacist();
    assert_refused(invoke_id("Dispense", "r1", TAKE_ONE("1", "a1")), 403, "DENIED:not_lock");
    assert_accepted(invoke_id("Accept", "r1", ACCEPT));
    as_other_pharmacist();
    assert_refused(invoke_id("Dispense", "r1", TAKE_ONE("1", "a1")), 409, "CONFLICT");
    as_doctor();
    assert_refused(invoke_id("Dispense", "r1", TAKE_ONE("1", "a1")), 403, "DENIED:role");
    as_world_admin("RegulatorMSP", "admk", K1, "26");
    assert_accepted(fcc_test_submit(world, "credentials", "SetStatus", "licences", "0", "1", FCC_END)); /* d1's */
    as_pharmacist();
    assert_refused(invoke_id("Dispense", "r1", TAKE_ONE("1", "a1")), 403, "DENIED:licence");
    as_world_admin("RegulatorMSP", "admk", K1, "26");
    assert_accepted(fcc_test_submit(world, "credentials", "SetStatus", "licences", "0", "0", FCC_END));
    as_pharmacist();
    assert_accepted(invoke_id("Dispense", "r1", TAKE_ONE("1", "a1")));
}

static void nothing_is_dispensed_or_handed_to_who_has_died(void **state)
{
    assert_accepted(invoke_id("Dispense", "r1", TAKE_ONE("1", "a1")));
    as("HospitalMSP", "registrar", "reg1", H1, "12");
    put_in("{\"pid\":\"" PID_A "\",\"date\":\"2026-01-01T00:00:00Z\",\"evidenceHash\":\"" FP("0e") "\"}");
    assert_accepted(fcc_test_submit(world, "credentials", "Decease", FCC_END));
    as_pharmacist();
    assert_refused(invoke_id("Dispense", "r1", TAKE_ONE("2", "a2")), 412, "PRECONDITION");
    assert_refused(invoke_id("HandOver", "r1", SEQ("1")), 412, "PRECONDITION");
    assert_accepted(invoke_id("ReverseDispense", "r1", REVERSE("1")));
    assert_accepted(invoke_id("Return", "r1", BECAUSE("not_collected")));
}

/* ---- one pack, one block ---- */

static void the_same_pack_on_two_prescriptions_in_one_block_goes_out_once(void **state)
{
    fcc_test_block block;

    as_doctor();
    assert_accepted(invoke("Issue", ISSUE("r2")));
    as_pharmacist();
    assert_accepted(invoke_id("Accept", "r2", ACCEPT));
    assert_accepted(endorse_id("Dispense", "r1", TAKE_ONE("1", "a1")));
    assert_accepted(endorse_id("Dispense", "r2", TAKE_ONE("1", "a1")));
    block = fcc_test_commit(world);
    assert_int_equal(block.tx[0].code, FCC_TEST_VALID);
    assert_int_equal(block.tx[1].code, FCC_TEST_MVCC_READ_CONFLICT);
    assert_has(rx_value("r2"), "\"done\":0");
    assert_refused(invoke_id("Dispense", "r2", TAKE_ONE("1", "a1")), 410, "GONE");
}

static void a_recall_in_the_same_block_stops_the_dispense(void **state)
{
    fcc_test_block block;

    as_maker();
    assert_accepted(fcc_test_endorse(world, "supply", "Recall", GTIN_A, "L1", "1", "potency", FCC_END));
    as_pharmacist();
    assert_accepted(endorse_id("Dispense", "r1", TAKE_ONE("1", "a1")));
    block = fcc_test_commit(world);
    assert_int_equal(block.tx[0].code, FCC_TEST_VALID);
    assert_int_equal(block.tx[1].code, FCC_TEST_MVCC_READ_CONFLICT);
    assert_has(rx_value("r1"), "\"done\":0");
    REFUSED_PACKS("1", PACK(GTIN_A, "a1", "30"), 422, "INVARIANT", "recalled:");
}

/* ---- HandOver, ReverseDispense ---- */

static void a_dispense_is_reversed(void **state)
{
    fcc_test_result r;

    assert_refused(invoke_id("ReverseDispense", "r1", REVERSE("1")), 404, "NOT_FOUND");
    assert_refused(invoke_id("HandOver", "r1", SEQ("1")), 404, "NOT_FOUND");
    assert_accepted(invoke_id("Dispense", "r1", TAKE_ONE("1", "a1")));
    as_other_pharmacist();
    assert_refused(invoke_id("ReverseDispense", "r1", REVERSE("1")), 403, "DENIED:not_site");
    as_pharmacist();
    r = invoke_id("ReverseDispense", "r1", REVERSE("1"));
    assert_accepted(r);
    assert_string_equal(r.event, "RxReversed");
    assert_has(rx_value("r1"), "\"done\":0");
    assert_has(rx_value("r1"), "\"status\":\"accepted\"");
    assert_has(held("prescriptions", "rx", "~RXD~r1~0001~"), "\"reversed\":\"2026-01-01T00:00:00Z\"");
    assert_has(act_value("r1:1"), "\"status\":\"reversed\",\"v\":2");
    assert_has(shelf_pack(GTIN_A, "a1"), "\"state\":\"received\"");
    assert_refused(invoke_id("ReverseDispense", "r1", REVERSE("1")), 409, "ALREADY");
    assert_refused(invoke_id("HandOver", "r1", SEQ("1")), 409, "ALREADY");
    assert_refused(invoke_id("Dispense", "r1", TAKE_ONE("1", "a1")), 409, "ALREADY");
    assert_accepted(invoke_id("Dispense", "r1", TAKE_ONE("2", "a1")));
}

static void what_was_handed_over_is_not_reversed(void **state)
{
    fcc_test_result r;

    assert_accepted(invoke_id("Dispense", "r1", TAKE_ONE("1", "a1")));
    r = invoke_id("HandOver", "r1", SEQ("1"));
    assert_accepted(r);
    assert_string_equal(r.payload, "{\"id\":\"r1:1\",\"v\":2}");
    assert_string_equal(r.event, "RxHandedOver");
    assert_has(act_value("r1:1"), "\"status\":\"handed\",\"v\":2");
    assert_refused(invoke_id("HandOver", "r1", SEQ("1")), 409, "ALREADY");
    assert_refused(invoke_id("ReverseDispense", "r1", REVERSE("1")), 412, "PRECONDITION");
}

static void ten_days_later_it_is_final(void **state)
{
    assert_accepted(invoke_id("Dispense", "r1", TAKE_ONE("1", "a1")));
    assert_accepted(invoke_id("Dispense", "r1", TAKE_ONE("2", "a2")));
    fcc_test_set_time(world, NOW + 10 * DAY);
    assert_accepted(invoke_id("ReverseDispense", "r1", REVERSE("1")));
    fcc_test_set_time(world, NOW + 10 * DAY + 1);
    assert_refused(invoke_id("ReverseDispense", "r1", REVERSE("2")), 412, "PRECONDITION");
}

static void a_window_that_was_closed_opens_again_but_for_one_that_was_used_since(void **state)
{
    assert_accepted(invoke("Issue", ISSUE_OF("r1", PID_A, "e1",
                                             ITEM_OF("\"auth\":60,\"repeats\":2,\"interval\":1,\"notBefore\":"
                                                     "\"2026-01-01T12:00:00Z\""),
                                             "")));
    as_pharmacist();
    assert_accepted(invoke_id("Accept", "r1", ACCEPT));
    assert_refused(invoke_id("Dispense", "r1", TAKE_ONE("1", "a1")), 412, "PRECONDITION");
    fcc_test_set_time(world, NOW + DAY / 2);
    assert_accepted(invoke_id("Dispense", "r1", TAKE_ONE("1", "a1")));
    assert_accepted(invoke_id("Dispense", "r1", TAKE_ONE("2", "a2"))); /* closes it */
    assert_has(rx_value("r1"), "\"used\":1");
    assert_accepted(invoke_id("ReverseDispense", "r1", REVERSE("1")));
    assert_has(rx_value("r1"), "\"used\":0");
    assert_has(rx_value("r1"), "\"done\":30");
    assert_has(rx_value("r1"), "\"notBefore\":\"2026-01-01T12:00:00Z\"");
    assert_accepted(invoke_id("Dispense", "r1", TAKE_ONE("3", "a1")));
    fcc_test_set_time(world, NOW + 2 * DAY);
    assert_accepted(invoke_id("Dispense", "r1", TAKE_ONE("4", "a3"))); /* of the second window */
    assert_refused(invoke_id("ReverseDispense", "r1", REVERSE("3")), 412, "PRECONDITION");
    assert_has(shelf_pack(GTIN_A, "a1"), "\"state\":\"dispensed\"");
    assert_accepted(invoke_id("ReverseDispense", "r1", REVERSE("4")));
    assert_accepted(invoke_id("ReverseDispense", "r1", REVERSE("3")));
    assert_has(rx_value("r1"), "\"done\":30");
    assert_has(rx_value("r1"), "\"used\":0");
}

static void what_was_recalled_meanwhile_does_not_go_back_to_the_shelf(void **state)
{
    assert_accepted(invoke_id("Dispense", "r1", TAKE_ONE("1", "a1")));
    as_maker();
    assert_accepted(fcc_test_submit(world, "supply", "Recall", GTIN_A, "L1", "1", "potency", FCC_END));
    as_pharmacist();
    assert_accepted(invoke_id("ReverseDispense", "r1", REVERSE("1")));
    assert_has(shelf_pack(GTIN_A, "a1"), "\"state\":\"quarantined\"");
    assert_has(rx_value("r1"), "\"done\":0");
}

/* Who nominated the pharmacy finds the prescription in its queue again when a completed one is reversed. */
static void the_queue_follows_what_becomes_of_a_prescription(void **state)
{
    as_patient();
    assert_accepted(invoke("Nominate", NOMINATE(PID_A, P1)));
    as_doctor();
    assert_accepted(invoke("Issue", ISSUE_OF("r1", PID_A, "e1", ITEM_OF("\"auth\":30"), "")));
    as_pharmacist();
    assert_accepted(invoke_id("Accept", "r1", NO_CODE));
    assert_accepted(invoke_id("Dispense", "r1", TAKE_ONE("1", "a1")));
    assert_string_equal(query_id("Queue", P1, NULL).payload, "{\"queue\":[]}");
    assert_null(held("prescriptions", "rx", "~RXQ~" P1 "~r1~"));
    assert_accepted(invoke_id("ReverseDispense", "r1", REVERSE("1")));
    assert_has(query_id("Queue", P1, NULL).payload, "\"rxId\":\"r1\",\"status\":\"accepted\"");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, health_stop)
#define ACCEPTED(name) cmocka_unit_test_setup_teardown(name, set_up_accepted, health_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ACCEPTED(a_dispense_is_of_units_of_packs_and_of_a_window),
        ACCEPTED(packs_are_dispensed_until_the_last_window_is_used),
        ACCEPTED(no_more_than_what_is_left_and_no_pack_twice),
        ACCEPTED(what_is_dispensed_is_well_formed),
        ACCEPTED(a_pack_is_here_whole_unexpired_not_recalled_and_not_dispensed),
        CASE(a_pack_that_may_be_split_goes_out_in_parts),
        ACCEPTED(a_pack_is_what_was_prescribed_or_may_stand_for_it),
        CASE(only_who_has_it_dispenses_and_only_while_the_issuer_may_prescribe),
        ACCEPTED(nothing_is_dispensed_or_handed_to_who_has_died),
        ACCEPTED(the_same_pack_on_two_prescriptions_in_one_block_goes_out_once),
        ACCEPTED(a_recall_in_the_same_block_stops_the_dispense),
        ACCEPTED(a_dispense_is_reversed),
        ACCEPTED(what_was_handed_over_is_not_reversed),
        ACCEPTED(ten_days_later_it_is_final),
        CASE(a_window_that_was_closed_opens_again_but_for_one_that_was_used_since),
        ACCEPTED(what_was_recalled_meanwhile_does_not_go_back_to_the_shelf),
        CASE(the_queue_follows_what_becomes_of_a_prescription),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
