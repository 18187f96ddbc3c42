/* supply: orders between a maker and a wholesaler, and between a wholesaler and a pharmacy. */
#include "test/unit/chaincode/supply/goods.h"

#define LINE "{\"gtin\":\"" GTIN_RX "\",\"packs\":10,\"price\":1999}"
#define PLACE(ref, seller, lines)                                                              \
    submit_in("PlaceOrder", "{\"ref\":\"" ref "\",\"seller\":\"" seller "\",\"lines\":[" lines \
                            "],\"currency\":\"EUR\",\"salt\":\"" SALT1 "\"}")
#define STEP(function, ref, more) submit_in(function, "{\"ref\":\"" ref "\"," more "\"salt\":\"" SALT2 "\"}")
#define REASON "\"reasonCode\":\"late\","
#define SHIPMENTS "\"shipments\":[\"s1\"],"
#define PAYMENT "\"payment\":\"INV-4711\","
#define GET(ref) query_in("GetOrder", "{\"ref\":\"" ref "\"}")

static void an_order_is_placed_accepted_delivered_and_paid(void **state)
{
    fcc_test_result r;

    as_wholesaler();
    r = PLACE("o1", M1, LINE);
    assert_accepted(r);
    assert_has_not(r.payload, "1999");
    assert_refused(PLACE("o1", M1, LINE), 409, "ALREADY");
    assert_refused(STEP("AcceptOrder", "o1", ""), 403, "DENIED:not_seller");
    assert_null(held_at("PharmacyMSP", "supply", "tradeMD", "~ORD~o1~"));
    assert_has(held_at("ManufacturerMSP", "supply", "tradeMD", "~ORD~o1~"), "\"total\":19990");
    as_other_maker();
    assert_refused(STEP("AcceptOrder", "o1", ""), 403, "DENIED:not_party");
    as_pharmacist();
    assert_refused(GET("o1"), 403, "DENIED:not_party");
    as_maker();
    assert_refused(STEP("DeliverOrder", "o1", SHIPMENTS), 412, "PRECONDITION");
    assert_accepted(STEP("AcceptOrder", "o1", ""));
    assert_refused(STEP("AcceptOrder", "o1", ""), 409, "ALREADY");
    assert_refused(STEP("ConfirmPayment", "o1", PAYMENT), 412, "PRECONDITION");
    assert_accepted(STEP("DeliverOrder", "o1", SHIPMENTS));
    as_wholesaler();
    assert_refused(STEP("CancelOrder", "o1", REASON), 412, "PRECONDITION");
    assert_refused(STEP("ConfirmPayment", "o1", PAYMENT), 403, "DENIED:not_seller");
    as_maker();
    assert_accepted(STEP("ConfirmPayment", "o1", PAYMENT));
    r = GET("o1");
    assert_has(r.payload, "\"payment\":\"INV-4711\"");
    assert_has(r.payload, "\"status\":\"paid\"");
    assert_has(held("supply", "", "~ACT~o1~"), "\"docType\":\"orderMD\"");
    assert_non_null(held_at("DistributorMSP", "supply", "tradeMD", "~ORDV~o1~000004~"));
    assert_false(fcc_test_public_has(world, "1999"));
}

static void a_pharmacy_orders_from_a_wholesaler(void **state)
{
    as_pharmacys_buyer();
    assert_refused(PLACE("o1", M1, LINE), 404, "NOT_FOUND");
    assert_accepted(PLACE("o1", D1, LINE));
    assert_null(held_at("ManufacturerMSP", "supply", "tradeDP", "~ORD~o1~"));
    as_maker();
    assert_refused(GET("o1"), 403, "DENIED:not_party");
    assert_refused(PLACE("o2", D1, LINE), 403, "DENIED:role");
    as_wholesaler();
    assert_accepted(STEP("AcceptOrder", "o1", ""));
    as_pharmacist();
    assert_accepted(STEP("CancelOrder", "o1", REASON));
    assert_refused(STEP("CancelOrder", "o1", REASON), 409, "ALREADY");
    assert_refused(STEP("Dispute", "o1", REASON), 412, "PRECONDITION");
    as_nurse();
    assert_refused(GET("o1"), 403, "DENIED:role");
}

static void a_dispute_ends_with_goods_or_money(void **state)
{
    as_wholesaler();
    assert_accepted(PLACE("o1", M1, LINE));
    assert_refused(STEP("Dispute", "o1", REASON), 412, "PRECONDITION");
    as_maker();
    assert_accepted(STEP("AcceptOrder", "o1", ""));
    as_wholesaler();
    assert_accepted(STEP("Dispute", "o1", REASON));
    as_maker();
    assert_accepted(STEP("DeliverOrder", "o1", SHIPMENTS));
    as_wholesaler();
    assert_accepted(STEP("Dispute", "o1", "\"reasonCode\":\"missing\","));
    assert_refused(STEP("CancelOrder", "o1", REASON), 412, "PRECONDITION"); /* it was delivered */
    as_maker();
    assert_accepted(STEP("ConfirmPayment", "o1", PAYMENT));
    assert_accepted(STEP("Dispute", "o1", "\"reasonCode\":\"price\","));
}

static void a_dispute_ends_with_the_order(void **state)
{
    as_wholesaler();
    assert_accepted(PLACE("o2", M1, LINE));
    as_maker();
    assert_accepted(STEP("AcceptOrder", "o2", ""));
    assert_accepted(STEP("Dispute", "o2", REASON));
    assert_accepted(STEP("CancelOrder", "o2", REASON));
}

static void an_order_is_well_formed(void **state)
{
    as_wholesaler();
    assert_refused(PLACE("o1", D1, LINE), 404, "NOT_FOUND");
    assert_refused(PLACE("o1", "4000000000076", LINE), 400, "BAD_INPUT");
    assert_refused(PLACE("o1", M1, ""), 400, "BAD_INPUT");
    assert_refused(PLACE("o1", M1, LINE "," LINE), 422, "INVARIANT");
    assert_refused(PLACE("o1", M1, "{\"gtin\":\"" GTIN_NONE "\",\"packs\":1,\"price\":1}"), 404, "NOT_FOUND");
    assert_refused(PLACE("o1", M1, "{\"gtin\":\"" GTIN_RX "\",\"packs\":0,\"price\":1}"), 400, "BAD_INPUT");
    assert_refused(PLACE("o1", M1, "{\"gtin\":\"" GTIN_RX "\",\"packs\":1,\"price\":-1}"), 400, "BAD_INPUT");
    assert_refused(PLACE("o1", M1, "{\"gtin\":\"" GTIN_RX "\",\"packs\":1,\"price\":1.5}"), 400, "BAD_INPUT");
    assert_refused(GET("o1"), 404, "NOT_FOUND");
    assert_refused(STEP("AcceptOrder", "o1", ""), 404, "NOT_FOUND");
    assert_accepted(PLACE("o1", M1, LINE));
    as_maker();
    assert_refused(STEP("Dispute", "o1", "\"reasonCode\":\"no\","), 400, "BAD_INPUT");
    assert_refused(STEP("CancelOrder", "o1", ""), 400, "BAD_INPUT");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, health_stop)
    const struct CMUnitTest tests[] = {
        TEST(an_order_is_placed_accepted_delivered_and_paid),
        TEST(a_pharmacy_orders_from_a_wholesaler),
        TEST(a_dispute_ends_with_goods_or_money),
        TEST(a_dispute_ends_with_the_order),
        TEST(an_order_is_well_formed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
