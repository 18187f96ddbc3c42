/* supply: packs in containers, containers in containers, shipped, quarantined and taken out again. */
#include "test/unit/chaincode/supply/goods.h"

#define PUT(function, id, sscc, children)                                                                             \
    submit_in(function, "{\"id\":\"" id "\",\"sscc\":\"" sscc "\",\"children\":[" children "],\"salt\":\"" SALT1 "\"" \
                        "}")
#define KEEP_APART(id, serial) \
    submit_in("Quarantine",    \
              "{\"id\":\"" id "\",\"pack\":" PACK(serial) ",\"reasonCode\":\"damaged\",\"salt\":\"" SALT2 "\"}")

static int make_packs(void **state)
{
    set_up(state);
    assert_accepted(submit_in("Commission", MAKE("c1", "L1", "271231", "\"A1\",\"A2\",\"A3\",\"A4\",\"A5\"")));
    assert_accepted(submit_in("Commission", MAKE("c2", "L2", "271231", "\"B1\"")));
    return 0;
}
HEALTH_SETUP(made, make_packs)

static const char *case_at(const char *msp, const char *sscc)
{
    char key[80];

    snprintf(key, sizeof(key), "~SSCC~%s~", sscc);
    return held_at(msp, "supply", "packs", key);
}

static void a_pack_in_a_container_is_where_the_container_is(void **state)
{
    assert_accepted(PUT("Pack", "p1", SSCC_1, PACK("A1") "," PACK("A2")));
    assert_has_not(pack_at("ClinicMSP", "A1"), "\"holder\"");
    assert_has(pack_at("ClinicMSP", "A1"), "\"in\":\"" SSCC_1 "\"");
    assert_null(held("supply", "packs", "~HAVE~" M1 "~" GTIN_RX "~A1~"));
    assert_non_null(held("supply", "packs", "~HAVE~" M1 "~sscc~" SSCC_1 "~"));
    assert_refused(submit_in("Ship", SHIP("s1", PACK("A1"), D1)), 422, "INVARIANT");
    assert_accepted(submit_in("Ship", SHIP_CASE("s1", SSCC_1, D1)));
    as_pharmacist();
    assert_refused(submit_in("Receive", RECEIVE_CASE("r1", SSCC_1)), 403, "DENIED:not_addressee");
    as_wholesaler();
    assert_refused(submit_in("Receive", RECEIVE("r1", PACK("A1"))), 403, "DENIED:not_addressee");
    assert_refused(PUT("Unpack", "u1", SSCC_1, PACK("A1")), 403, "DENIED:not_holder");
    assert_accepted(submit_in("Receive", RECEIVE_CASE("r1", SSCC_1)));
    assert_refused(submit_in("Receive", RECEIVE_CASE("r2", SSCC_1)), 409, "ALREADY");
    assert_accepted(PUT("Unpack", "u1", SSCC_1, PACK("A1")));
    assert_has(pack_at("ClinicMSP", "A1"), "\"holder\":\"" D1 "\"");
    assert_has(pack_at("ClinicMSP", "A1"), "\"from\":\"" M1 "\"");
    assert_has(pack_at("ClinicMSP", "A1"), "\"state\":\"received\"");
    assert_accepted(submit_in("Ship", SHIP("s2", PACK("A1"), P1)));
    assert_accepted(PUT("Unpack", "u2", SSCC_1, PACK("A2")));
    assert_has(case_at("ClinicMSP", SSCC_1), "\"state\":\"empty\"");
    assert_null(held("supply", "packs", "~HAVE~" D1 "~sscc~" SSCC_1 "~"));
    assert_refused(submit_in("Ship", SHIP_CASE("s3", SSCC_1, P1)), 422, "INVARIANT");
    as_maker(); /* it left an empty container with somebody else */
    assert_refused(PUT("Pack", "p2", SSCC_1, PACK("A3")), 403, "DENIED:not_holder");
}

static void nothing_is_in_two_containers(void **state)
{
    assert_accepted(PUT("Pack", "p1", SSCC_1, PACK("A1")));
    assert_refused(PUT("Pack", "p1", SSCC_1, PACK("A2")), 409, "ALREADY");
    assert_refused(PUT("Pack", "p2", SSCC_2, PACK("A1")), 422, "INVARIANT");
    assert_refused(PUT("Pack", "p2", SSCC_1, PACK("A1")), 422, "INVARIANT");
    assert_refused(PUT("Pack", "p2", SSCC_2, PACK("A2") "," PACK("A2")), 422, "INVARIANT");
    assert_refused(PUT("Pack", "p2", SSCC_1, CASE(SSCC_1)), 422, "INVARIANT");
    assert_refused(PUT("Pack", "p2", SSCC_2, PACK("A9")), 404, "NOT_FOUND");
    assert_refused(PUT("Pack", "p2", SSCC_2, CASE(SSCC_3)), 404, "NOT_FOUND");
    assert_refused(PUT("Pack", "p2", "340000000000000022", PACK("A2")), 400, "BAD_INPUT");
    assert_refused(PUT("Pack", "p2", SSCC_2, "{\"sscc\":\"340000000000000015\"}"), 400, "BAD_INPUT");
    assert_refused(PUT("Pack", "p2", SSCC_2, "3"), 400, "BAD_INPUT");
    assert_refused(PUT("Unpack", "u1", SSCC_1, PACK("A2")), 422, "INVARIANT");
    assert_refused(PUT("Unpack", "u1", SSCC_3, PACK("A1")), 404, "NOT_FOUND");
    as_wholesaler();
    assert_refused(PUT("Pack", "p2", SSCC_2, PACK("A2")), 403, "DENIED:not_holder");
    assert_refused(PUT("Unpack", "u1", SSCC_1, PACK("A1")), 403, "DENIED:not_holder");
}

static void containers_lie_in_containers_three_deep(void **state)
{
    assert_accepted(PUT("Pack", "p1", SSCC_1, PACK("A1")));
    assert_accepted(PUT("Pack", "p2", SSCC_2, CASE(SSCC_1) "," PACK("A2")));
    assert_accepted(PUT("Pack", "p3", SSCC_3, CASE(SSCC_2)));
    assert_refused(PUT("Pack", "p4", SSCC_4, CASE(SSCC_3)), 422, "INVARIANT");
    assert_refused(PUT("Unpack", "u1", SSCC_1, PACK("A1")), 422, "INVARIANT");
    assert_refused(PUT("Pack", "p5", SSCC_2, PACK("A3")), 422, "INVARIANT");
    assert_refused(submit_in("Ship", SHIP_CASE("s1", SSCC_2, D1)), 422, "INVARIANT");
    assert_accepted(submit_in("Ship", SHIP_CASE("s1", SSCC_3, D1)));
    as_wholesaler();
    assert_accepted(submit_in("Receive", RECEIVE_CASE("r1", SSCC_3)));
    assert_accepted(PUT("Unpack", "u2", SSCC_3, CASE(SSCC_2)));
    assert_accepted(PUT("Unpack", "u3", SSCC_2, CASE(SSCC_1) "," PACK("A2")));
    assert_accepted(PUT("Unpack", "u4", SSCC_1, PACK("A1")));
    assert_has(pack_at("ClinicMSP", "A1"), "\"from\":\"" M1 "\"");
    assert_has(pack_at("ClinicMSP", "A2"), "\"from\":\"" M1 "\"");
    assert_has(case_at("ClinicMSP", SSCC_2), "\"lots\":[]");
}

static void what_is_added_later_did_not_come_with_the_container(void **state)
{
    assert_accepted(PUT("Pack", "p1", SSCC_1, PACK("A1")));
    assert_accepted(submit_in("Ship", SHIP_CASE("s1", SSCC_1, D1)));
    assert_accepted(submit_in("Ship", SHIP("s2", PACK("A2"), P1)));
    as_pharmacist();
    assert_accepted(submit_in("Receive", RECEIVE("r2", PACK("A2"))));
    assert_accepted(submit_in("Ship", SHIP("s3", PACK("A2"), D1)));
    as_wholesaler();
    assert_accepted(submit_in("Receive", RECEIVE_CASE("r1", SSCC_1)));
    assert_accepted(submit_in("Receive", RECEIVE("r3", PACK("A2"))));
    assert_accepted(PUT("Pack", "p2", SSCC_1, PACK("A2")));
    assert_accepted(PUT("Unpack", "u1", SSCC_1, PACK("A1") "," PACK("A2")));
    assert_has(pack_at("ClinicMSP", "A1"), "\"from\":\"" M1 "\"");
    assert_has(pack_at("ClinicMSP", "A2"), "\"from\":\"" P1 "\"");
}

static void a_container_with_a_recalled_expired_or_quarantined_pack_stays(void **state)
{
    fcc_test_result r;

    assert_accepted(PUT("Pack", "p1", SSCC_1, PACK("A1") "," PACK("B1")));
    assert_accepted(PUT("Pack", "p2", SSCC_2, CASE(SSCC_1)));
    assert_accepted(recall("L2"));
    r = submit_in("Ship", SHIP_CASE("s1", SSCC_2, D1));
    assert_refused(r, 422, "INVARIANT");
    assert_has(r.message, "recalled:");
    as_regulators_admin();
    assert_accepted(lift("L2"));
    assert_accepted(KEEP_APART("q1", "A1"));
    as_maker();
    assert_has(case_at("ClinicMSP", SSCC_1), "\"held\":1");
    assert_has(case_at("ClinicMSP", SSCC_2), "\"held\":1");
    r = submit_in("Ship", SHIP_CASE("s1", SSCC_2, D1));
    assert_refused(r, 422, "INVARIANT");
    assert_has(r.message, "state:");
    assert_accepted(PUT("Unpack", "u1", SSCC_2, CASE(SSCC_1)));
    assert_accepted(PUT("Unpack", "u2", SSCC_1, PACK("A1")));
    assert_has(pack_at("ClinicMSP", "A1"), "\"state\":\"quarantined\"");
    assert_has(case_at("ClinicMSP", SSCC_1), "\"held\":0");
    assert_refused(PUT("Pack", "p3", SSCC_1, PACK("A1")), 422, "INVARIANT");
    fcc_test_set_time(world, 1830297600);
    r = submit_in("Ship", SHIP_CASE("s1", SSCC_1, D1));
    assert_refused(r, 422, "INVARIANT");
    assert_has(r.message, "expired:");
}

static void a_returned_container_is_unpacked_and_looked_at(void **state)
{
    assert_accepted(PUT("Pack", "p1", SSCC_1, PACK("A1")));
    assert_accepted(submit_in("Ship", SHIP_CASE("s1", SSCC_1, D1)));
    as_wholesaler();
    assert_accepted(submit_in("Receive", RECEIVE_CASE("r1", SSCC_1)));
    assert_refused(submit_in("Ship", "{\"id\":\"s2\",\"sscc\":\"" SSCC_1 "\",\"toGln\":\"" P1
                                     "\",\"reason\":\"return\",\"salt\":\"" SALT1 "\"}"),
                   422, "INVARIANT");
    assert_accepted(submit_in("Ship", "{\"id\":\"s2\",\"sscc\":\"" SSCC_1 "\",\"toGln\":\"" M1
                                      "\",\"reason\":\"return\",\"salt\":\"" SALT1 "\"}"));
    as_maker();
    assert_accepted(submit_in("Receive", RECEIVE_CASE("r2", SSCC_1)));
    assert_refused(submit_in("Ship", SHIP_CASE("s3", SSCC_1, D1)), 422, "INVARIANT");
    assert_refused(PUT("Pack", "p2", SSCC_1, PACK("A2")), 422, "INVARIANT");
    assert_accepted(PUT("Unpack", "u1", SSCC_1, PACK("A1")));
    assert_has(pack_at("ClinicMSP", "A1"), "\"state\":\"returned\"");
}

static void a_container_holds_at_most_200(void **state)
{
    static char make[16384], put[20000];
    size_t n = 0;

    for (int call = 0; call < 2; call++) {
        n = (size_t)snprintf(make, sizeof(make),
                             "{\"id\":\"many-%d\",\"gtin\":\"" GTIN_RX
                             "\",\"lot\":\"L9\",\"expiry\":\"271231\",\"salt\":\"" SALT1 "\",\"serials\":[",
                             call);
        for (int i = 0; i < 150; i++)
            n += (size_t)snprintf(make + n, sizeof(make) - n, "%s\"S%d-%d\"", i ? "," : "", call, i);
        snprintf(make + n, sizeof(make) - n, "]}");
        assert_accepted(submit_in("Commission", make));
        n = (size_t)snprintf(put, sizeof(put),
                             "{\"id\":\"fill-%d\",\"sscc\":\"" SSCC_1 "\",\"salt\":\"" SALT1 "\",\"children\":[", call);
        for (int i = 0; i < 150; i++)
            n += (size_t)snprintf(put + n, sizeof(put) - n, "%s{\"gtin\":\"" GTIN_RX "\",\"serial\":\"S%d-%d\"}",
                                  i ? "," : "", call, i);
        snprintf(put + n, sizeof(put) - n, "]}");
        if (call == 0)
            assert_accepted(submit_in("Pack", put));
        else
            assert_refused(submit_in("Pack", put), 429, "LIMIT");
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, made, health_stop)
    const struct CMUnitTest tests[] = {
        TEST(a_pack_in_a_container_is_where_the_container_is),
        TEST(nothing_is_in_two_containers),
        TEST(containers_lie_in_containers_three_deep),
        TEST(what_is_added_later_did_not_come_with_the_container),
        TEST(a_container_with_a_recalled_expired_or_quarantined_pack_stays),
        TEST(a_returned_container_is_unpacked_and_looked_at),
        TEST(a_container_holds_at_most_200),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
