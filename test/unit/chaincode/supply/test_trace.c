/* supply: what holders, makers and those who watch are told: one pack, a site's stock, where a pack has been, an act. */
#include "test/unit/chaincode/supply/goods.h"

#define PUT(function, id, sscc, children)                                                                             \
    submit_in(function, "{\"id\":\"" id "\",\"sscc\":\"" sscc "\",\"children\":[" children "],\"salt\":\"" SALT1 "\"" \
                        "}")
#define GET(serial) query_in("GetPack", PACK(serial))
#define TRACE(serial) query_in("Trace", PACK(serial))

/* A1 in a case in a case: packed, shipped, received, taken out; A2 alone. */
static int make_journey(void **state)
{
    set_up(state);
    assert_accepted(submit_in("Commission", MAKE("c1", "L1", "271231", "\"A1\",\"A2\"")));
    assert_accepted(PUT("Pack", "p1", SSCC_1, PACK("A1")));
    assert_accepted(PUT("Pack", "p2", SSCC_2, CASE(SSCC_1)));
    assert_accepted(submit_in("Ship", SHIP_CASE("s1", SSCC_2, D1)));
    assert_accepted(submit_in("Ship", SHIP("s2", PACK("A2"), D1)));
    as_wholesaler();
    assert_accepted(submit_in("Receive", RECEIVE_CASE("r1", SSCC_2)));
    assert_accepted(PUT("Unpack", "u1", SSCC_2, CASE(SSCC_1)));
    return 0;
}
HEALTH_SETUP(travelled, make_journey)

static void a_pack_is_shown_to_whom_it_concerns(void **state)
{
    fcc_test_result r = GET("A1");

    assert_accepted(r);
    assert_has(r.payload, "\"holder\":\"" D1 "\"");
    assert_has(r.payload, "\"recalled\":false");
    assert_has_not(r.payload, "salt");
    r = GET("A2"); /* on its way here */
    assert_accepted(r);
    assert_has(r.payload, "\"holder\":\"" M1 "\"");
    assert_has(r.payload, "\"to\":\"" D1 "\"");
    assert_refused(GET("A9"), 404, "NOT_FOUND");
    as_maker();
    assert_accepted(GET("A1"));
    as_auditor();
    assert_accepted(GET("A1"));
    as_regulators_admin();
    assert_accepted(GET("A1"));
    as_pharmacist();
    assert_refused(GET("A1"), 403, "DENIED:not_holder");
    as_other_maker();
    assert_refused(GET("A1"), 403, "DENIED:not_holder");
    as_world_admin("DistributorMSP", "admd", D1, "36");
    assert_refused(GET("A1"), 403, "DENIED:role");
}

static void a_site_lists_what_it_has_and_what_is_coming(void **state)
{
    fcc_test_result r = fcc_test_evaluate(world, "supply", "ListStock", D1, FCC_END);

    assert_accepted(r);
    assert_string_equal(r.payload, "{\"stock\":[{\"gtin\":\"" GTIN_RX
                                   "\",\"incoming\":true,\"serial\":\"A2\"},{\"sscc\":\"" SSCC_1 "\"}]}");
    assert_refused(fcc_test_evaluate(world, "supply", "ListStock", M1, FCC_END), 403, "DENIED:not_holder");
    assert_refused(fcc_test_evaluate(world, "supply", "ListStock", "4000000000083", FCC_END), 400, "BAD_INPUT");
}

static void a_long_stock_comes_by_pages_and_whole(void **state)
{
    static char make[16384];
    const char *next, *at;
    char page[120];
    size_t n, found = 0, pages = 0;
    fcc_test_result r;

    as_maker();
    for (int call = 0; call < 3; call++) {
        n = (size_t)snprintf(make, sizeof(make),
                             "{\"id\":\"many-%d\",\"gtin\":\"" GTIN_RX
                             "\",\"lot\":\"L9\",\"expiry\":\"271231\",\"salt\":\"" SALT1 "\",\"serials\":[",
                             call);
        for (int i = 0; i < 150; i++)
            n += (size_t)snprintf(make + n, sizeof(make) - n, "%s\"S%d-%03d\"", i ? "," : "", call, i);
        snprintf(make + n, sizeof(make) - n, "]}");
        assert_accepted(submit_in("Commission", make));
    }
    strcpy(page, "{}");
    do {
        put_in(page);
        r = fcc_test_evaluate(world, "supply", "ListStock", M1, FCC_END);
        assert_accepted(r);
        for (at = r.payload; (at = strstr(at, "\"serial\":\"S")) != NULL; at++)
            found++;
        next = strstr(r.payload, "\"next\":\"");
        if (next)
            snprintf(page, sizeof(page), "{\"page\":\"%.*s\"}", (int)strcspn(next + 8, "\""), next + 8);
        pages++;
    } while (next);
    assert_int_equal(found, 450);
    assert_int_equal(pages, 3);
}

/* Where each `what` of a trace is, in its order. */
static void assert_order(const char *trace, const char *const *what)
{
    const char *at = trace;
    char want[40];

    for (; *what; what++) {
        snprintf(want, sizeof(want), "\"what\":\"%s\"", *what);
        at = strstr(at, want);
        if (!at)
            fail_msg("%s is not where it should be in %s", *what, trace);
        at++;
    }
    assert_null(strstr(at, "\"what\":"));
}

static void a_trace_follows_the_containers(void **state)
{
    static const char *const first[] = { "commission", "pack", "pack", "ship", "receive", "unpack", NULL };
    static const char *const then[] = { "commission", "pack", "pack",    "ship",     "receive", "unpack",
                                        "unpack",     "ship", "receive", "dispense", NULL };
    fcc_test_result r = TRACE("A1");

    assert_accepted(r);
    assert_order(r.payload, first);
    assert_has(r.payload, "\"sscc\":\"" SSCC_2 "\"");
    assert_accepted(PUT("Unpack", "u2", SSCC_1, PACK("A1")));
    assert_accepted(submit_in("Ship", SHIP("s3", PACK("A1"), P1)));
    as_pharmacist();
    assert_accepted(submit_in("Receive", RECEIVE("r3", PACK("A1"))));
    assert_accepted(mark("MarkDispensed", P1, "[" UNITS("A1", "30") "]"));
    r = TRACE("A1");
    assert_accepted(r);
    assert_order(r.payload, then);
    as_wholesaler();
    assert_refused(TRACE("A1"), 403, "DENIED:not_holder");
    assert_refused(TRACE("A9"), 404, "NOT_FOUND");
    as_auditor();
    assert_accepted(TRACE("A1"));
    as_nurse();
    assert_refused(TRACE("A1"), 403, "DENIED:not_holder");
}

static void an_act_is_proved_by_its_record(void **state)
{
    static char in[4096];
    fcc_test_result r;

    as_maker();
    r = query_in("GetDeed", "{\"id\":\"c1\"}");
    assert_accepted(r);
    assert_has(r.payload, "\"serials\":[\"A1\",\"A2\"]");
    snprintf(in, sizeof(in), "{\"record\":%s}", r.payload);
    put_in(in);
    assert_string_equal(fcc_test_evaluate(world, "supply", "VerifyCommit", "c1", FCC_END).payload, "true");
    put_in(in);
    assert_string_equal(fcc_test_evaluate(world, "supply", "VerifyCommit", "p1", FCC_END).payload, "false");
    assert_refused(query_in("GetDeed", "{\"id\":\"r1\"}"), 403, "DENIED:not_holder");
    assert_refused(query_in("GetDeed", "{\"id\":\"zz\"}"), 404, "NOT_FOUND");
    as_auditor();
    assert_accepted(query_in("GetDeed", "{\"id\":\"r1\"}"));
    assert_has(fcc_test_evaluate(world, "supply", "ActHistory", "c1", FCC_END).payload, "\"docType\":\"commission\"");
    as_world_admin("DistributorMSP", "admd", D1, "36");
    assert_refused(fcc_test_evaluate(world, "supply", "ActHistory", "c1", FCC_END), 403, "DENIED:role");
    assert_refused(query_in("GetDeed", "{\"id\":\"r1\"}"), 403, "DENIED:role");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, travelled, health_stop)
    const struct CMUnitTest tests[] = {
        TEST(a_pack_is_shown_to_whom_it_concerns),   TEST(a_site_lists_what_it_has_and_what_is_coming),
        TEST(a_long_stock_comes_by_pages_and_whole), TEST(a_trace_follows_the_containers),
        TEST(an_act_is_proved_by_its_record),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
