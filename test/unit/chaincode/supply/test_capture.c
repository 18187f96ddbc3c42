/* supply: EPCIS events on the ledger: kept, found again, carried out when the caller could have done it. */
#include "test/unit/chaincode/supply/goods.h"

#include "test/unit/chaincode/supply/openepcis.h"

#define EPCIS "\"@context\":[\"https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld\"],"
#define WHEN "\"eventTime\":\"2026-01-01T00:00:00.5Z\",\"eventTimeZoneOffset\":\"+01:00\","
/* GTIN_RX is company prefix 4000000, item 000010 with indicator 0; the serials are in both spellings */
#define SGTIN(serial) "\"urn:epc:id:sgtin:4000000.000010." serial "\""
#define LINK(serial) "\"https://example.com/gtin/" GTIN_RX "/ser/" serial "?x=1\""
#define URI_SSCC_1 "\"https://id.gs1.org/00/" SSCC_1 "\""
#define CAPTURE(event) submit_in("CaptureEPCIS", "{\"event\":{" EPCIS event "},\"salt\":\"" SALT1 "\"}")
#define OBJECT(action, step, epcs, more) \
    "\"type\":\"ObjectEvent\"," WHEN "\"action\":\"" action "\",\"bizStep\":\"" step "\",\"epcList\":[" epcs "]" more
#define MADE(serial, lot)                         \
    OBJECT("ADD", "commissioning", SGTIN(serial), \
           ",\"ilmd\":{\"cbvmda:lotNumber\":\"" lot "\",\"cbvmda:itemExpirationDate\":\"2027-12-31\"}")
#define TO(gln) ",\"destinationList\":[{\"type\":\"location\",\"destination\":\"https://id.gs1.org/414/" gln "\"}]"

static void assert_outcome(fcc_test_result r, const char *outcome)
{
    char want[60];

    snprintf(want, sizeof(want), "\"outcome\":\"%s\"", outcome);
    assert_accepted(r);
    assert_has(r.payload, want);
}

static void a_pack_travels_by_events(void **state)
{
    fcc_test_result r;

    assert_outcome(CAPTURE(MADE("A1", "L1")), "applied");
    assert_has(pack_at("ClinicMSP", "A1"), "\"exp\":\"271231\"");
    assert_refused(CAPTURE(MADE("A1", "L1")), 409, "ALREADY");
    assert_outcome(CAPTURE(MADE("A1", "L2")), "recorded"); /* it exists */
    assert_has(pack_at("ClinicMSP", "A1"), "\"lot\":\"L1\"");
    assert_outcome(CAPTURE("\"type\":\"AggregationEvent\"," WHEN "\"action\":\"ADD\",\"bizStep\":\"packing\","
                           "\"parentID\":" URI_SSCC_1 ",\"childEPCs\":[" LINK("A1") "]"),
                   "applied");
    as_wholesaler(); /* it isn't theirs to ship */
    assert_outcome(CAPTURE(OBJECT("OBSERVE", "shipping", URI_SSCC_1, TO(P1))), "recorded");
    as_maker();
    assert_outcome(CAPTURE(OBJECT("OBSERVE", "shipping", URI_SSCC_1, TO(D1))), "applied");
    as_pharmacist();
    assert_outcome(CAPTURE(OBJECT("OBSERVE", "receiving", URI_SSCC_1, "")), "recorded");
    as_wholesaler();
    assert_outcome(CAPTURE(OBJECT("OBSERVE", "https://ref.gs1.org/cbv/BizStep-receiving", URI_SSCC_1,
                                  ",\"readPoint\":{\"id\":\"https://id.gs1.org/414/" D1 "\"}")),
                   "applied");
    r = query_in("Trace", PACK("A1"));
    assert_accepted(r);
    assert_has(r.payload, "\"what\":\"receive\"");
    assert_has(r.payload, "\"events\":[{\"act\":\"");
    assert_has(r.payload, "\"bizStep\":\"packing\"");
    assert_false(fcc_test_public_has(world, "BizStep"));
    assert_false(fcc_test_public_has(world, SSCC_1));
}

static void what_says_more_is_only_recorded(void **state)
{
    assert_accepted(submit_in("Commission", MAKE("c1", "L1", "271231", "\"A1\",\"A2\"")));
    assert_outcome(CAPTURE(OBJECT("OBSERVE", "shipping", SGTIN("A1"), "")), "recorded"); /* whereto? */
    assert_outcome(CAPTURE(OBJECT("OBSERVE", "shipping", SGTIN("A1"),
                                  TO(D1) ",\"readPoint\":{\"id\":\"urn:epc:id:sgln:4012345.00005.0\"}")),
                   "recorded"); /* somewhere else */
    assert_outcome(CAPTURE(OBJECT("OBSERVE", "shipping", SGTIN("A1") "," URI_SSCC_1, TO(D1))), "recorded");
    assert_outcome(CAPTURE(OBJECT("OBSERVE", "shipping", SGTIN("A1"),
                                  TO(D1) ",\"errorDeclaration\":{\"declarationTime\":\"2026-01-01T00:00:00Z\"}")),
                   "recorded");
    assert_outcome(CAPTURE(OBJECT("OBSERVE", "inspecting", SGTIN("A1"), "")), "recorded");
    assert_outcome(CAPTURE(OBJECT("ADD", "commissioning", SGTIN("A9"), "")), "recorded"); /* no lot */
    assert_null(pack_at("ClinicMSP", "A9"));
    assert_has(pack_at("ClinicMSP", "A1"), "\"state\":\"commissioned\"");
    assert_outcome(CAPTURE(OBJECT("OBSERVE", "shipping", SGTIN("A1"), TO(D1))), "applied");
}

static void several_events_come_in_one_document(void **state)
{
    fcc_test_result r;

#define DOCUMENT(events)                                                                                      \
    CAPTURE("\"type\":\"EPCISDocument\",\"schemaVersion\":\"2.0\",\"creationDate\":\"2026-01-01T00:00:00Z\"," \
            "\"epcisBody\":{\"eventList\":[" events "]}")
    r = DOCUMENT("{" MADE("A1", "L1") "},{" MADE("A2", "L1") "},{" MADE("A1", "L1") "}");
    assert_accepted(r);
    assert_has(r.payload, "\"outcome\":\"recorded\"},{");
    assert_has(r.payload, "\"outcome\":\"known\"}]");
    assert_null(pack_at("ClinicMSP", "A1"));
    r = DOCUMENT("{" MADE("A1", "L1") "},{" MADE("A3", "L1") "}");
    assert_accepted(r);
    assert_refused(DOCUMENT("{" MADE("A1", "L1") "},{" MADE("A3", "L1") "}"), 409, "ALREADY");
    assert_refused(DOCUMENT(""), 400, "BAD_INPUT");
}

/* The event's identity doesn't hang on how it is written down. */
static void an_event_is_the_same_in_another_spelling(void **state)
{
    assert_outcome(CAPTURE(OBJECT("OBSERVE", "inspecting", SGTIN("A1"), ",\"example:n\":1.50")), "recorded");
    assert_refused(CAPTURE("\"epcList\":[" LINK(
                       "A1") "],\"example:n\":15e-1,\"bizStep\":\"urn:epcglobal:cbv:bizstep:inspecting\","
                             "\"action\":\"OBSERVE\",\"type\":\"ObjectEvent\",\"eventTimeZoneOffset\":\"+01:00\","
                             "\"eventTime\":\"2026-01-01T01:00:00.500+01:00\",\"recordTime\":\"2026-02-01T00:00:00Z\""),
                   409, "ALREADY");
    assert_outcome(CAPTURE(OBJECT("OBSERVE", "inspecting", SGTIN("A1"), ",\"example:n\":1.5000000000000000000001")),
                   "recorded");
    assert_refused(CAPTURE(OBJECT("OBSERVE", "inspecting", SGTIN("A1"), ",\"example:n\":1.50000000000000000000010")),
                   409, "ALREADY");
}

static void only_partners_capture_and_only_events(void **state)
{
    as_other_maker();
    assert_refused(CAPTURE(MADE("A1", "L1")), 403, "DENIED:partner");
    as_nurse();
    assert_outcome(CAPTURE(OBJECT("OBSERVE", "inspecting", SGTIN("A1"), "")), "recorded");
    as_world_admin("HospitalMSP", "adm1", H1, "16");
    assert_refused(CAPTURE(OBJECT("OBSERVE", "holding", SGTIN("A1"), "")), 403, "DENIED:role");
    as_maker();
    assert_refused(CAPTURE(OBJECT("CREATE", "holding", SGTIN("A1"), "")), 400, "BAD_INPUT");
    assert_refused(CAPTURE(OBJECT("ADD", "wandering", SGTIN("A1"), "")), 400, "BAD_INPUT");
    assert_refused(CAPTURE(OBJECT("ADD", "holding", "\"urn:epc:id:sgtin:4000000.00010.A1\"", "")), 400, "BAD_INPUT");
    assert_refused(CAPTURE(OBJECT("ADD", "holding", SGTIN("A%231"), "")), 400, "BAD_INPUT");
    assert_refused(CAPTURE(OBJECT("ADD", "holding", SGTIN("A1"), ",\"weight\":1")), 400, "BAD_INPUT");
    assert_refused(CAPTURE("\"type\":\"Query\""), 400, "BAD_INPUT");
    assert_refused(submit_in("CaptureEPCIS", "{\"event\":[],\"salt\":\"" SALT1 "\"}"), 400, "BAD_INPUT");
}

/* ---- other people's documents ---- */

static void capture_document(tally *t, const char *file, const char *text, bool valid)
{
    static char in[80000];
    fcc_test_result r;

    assert_non_null(text);
    set_up(NULL); /* some documents tell of the same events */
    snprintf(in, sizeof(in), "{\"event\":%s,\"salt\":\"" SALT1 "\"}", text);
    r = submit_in("CaptureEPCIS", in);
    if (valid ? r.status == 200 && r.code == FCC_TEST_VALID : r.status == 400 && r.code == FCC_TEST_NONE)
        tally_pass(t);
    else
        tally_fail(t, "%s: %d %s%s", file, (int)r.status, r.message, r.why);
}

static void valid_documents_are_captured_and_invalid_ones_refused(void **state)
{
    openepcis_try(capture_document);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, health_stop)
    const struct CMUnitTest tests[] = {
        TEST(a_pack_travels_by_events),
        TEST(what_says_more_is_only_recorded),
        TEST(several_events_come_in_one_document),
        TEST(an_event_is_the_same_in_another_spelling),
        TEST(only_partners_capture_and_only_events),
        TEST(valid_documents_are_captured_and_invalid_ones_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
