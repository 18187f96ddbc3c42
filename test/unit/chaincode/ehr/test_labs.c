/* Laboratory orders: who orders, who answers, who verifies; and what becomes of an order when its result is replaced. */
#include "test/unit/chaincode/ehr/chart.h"

#define ORDER_OF(id, lab, loinc) \
    "{\"encId\":\"e1\",\"orderId\":\"" id "\",\"labSite\":\"" lab "\",\"loinc\":\"" loinc "\",\"salt\":\"" SALT1 "\"}"
#define ORDER(id) ORDER_OF(id, L1, "718-7")
#define RESULT(id) "{\"record\":" RECORD(id) "}"
#define VERIFY "{\"salt\":\"" SALT3 "\"}"

static void as_lab(const char *uid, const char *key)
{
    as("HospitalMSP", "labtech", uid, L1, key);
}

static int make_lab(void **state)
{
    set_up(state);
    as_staff("admin", "adm1", "16");
    assert_accepted(set("SetRetention", L1, "general", "10"));
    start();
    return 0;
}
HEALTH_SETUP(set_up_lab, make_lab)

/* o1 of the laboratory L1, answered by lab1 with the record r1. */
static void answer_order(void)
{
    as_doctor();
    assert_accepted(invoke("OrderTest", ORDER("o1")));
    as_lab("lab1", "21");
    assert_accepted(invoke_id("AddLabResult", "o1", RESULT("r1")));
}

static const char *order_value(void)
{
    return held("ehr", "subject", "~ORDER~o1~");
}

/* The key of the order in the laboratory's list, as the transaction's trace shows it. */
static const char *listed(fcc_test_result r, const char *word, const char *status)
{
    static char found[200];
    const char *key = found;
    char want[64];
    const char *at, *end;

    snprintf(want, sizeof(want), "ehr %s subject ~ORDL~", word);
    at = strstr(r.trace, want);
    assert_non_null(at);
    at += strlen(want) - strlen("~ORDL~");
    end = strchr(at, '\n');
    snprintf(found, sizeof(found), "%.*s", (int)(end - at), at);
    assert_has(key, status);
    return key;
}

static void a_test_is_ordered_by_the_encounters_doctor(void **state)
{
    fcc_test_result r = invoke("OrderTest", ORDER("o1"));
    const char *key;

    assert_accepted(r);
    assert_string_equal(r.payload, "{\"id\":\"o1\",\"v\":1}");
    assert_has(order_value(), "\"status\":\"ordered\"");
    assert_has(order_value(), "\"pid\":\"" PID_A "\"");
    assert_string_equal(order_value(), held("ehr", "subject", "~ORDERV~o1~000001~"));
    assert_has(held("ehr", "", "~ACT~o1~"), "\"docType\":\"order\",\"id\":\"o1\",\"status\":\"ordered\",\"v\":1");
    key = listed(r, "put", "~ordered~o1~");
    assert_has_not(key, L1); /* a laboratory's GLN can be guessed */
    assert_non_null(held("ehr", "subject", key));
    assert_false(fcc_test_public_has(world, "718-7"));
    assert_false(fcc_test_public_has(world, PID_A));

    assert_refused(invoke("OrderTest", ORDER("o1")), 409, "ALREADY");
    assert_refused(invoke("OrderTest", ORDER("e1")), 409, "ALREADY");
    assert_refused(invoke("OrderTest", ORDER_OF("o2", "4000000000907", "718-7")), 404, "NOT_FOUND");
    assert_refused(invoke("OrderTest", ORDER_OF("o2", P1, "718-7")), 404, "NOT_FOUND");
    assert_refused(invoke("OrderTest", ORDER_OF("o2", W1, "718-7")), 412, "PRECONDITION");
    as("HospitalMSP", "doctor", "d7", H1, "07");
    assert_refused(invoke("OrderTest", ORDER("o2")), 403, "DENIED:not_author");
    as("HospitalMSP", "doctor", "d4", H1, "04");
    assert_refused(invoke("OrderTest", ORDER("o2")), 403, "DENIED:licence");
    as_lab("lab1", "21");
    assert_refused(invoke("OrderTest", ORDER("o2")), 403, "DENIED:role");
}

static void a_test_has_a_code_whose_check_digit_is_right(void **state)
{
    static const char *const bad[] = {
        "718-8", "718", "718-", "-7", "718-77", "a18-7", "71a8-7", "12345678-2", "7187"
    };
    static const char *const good[] = { "718-7", "2339-0", "4548-4", "94500-6" };
    char in[400], id[8];

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(in, sizeof(in),
                 "{\"encId\":\"e1\",\"orderId\":\"o1\",\"labSite\":\"" L1 "\",\"loinc\":\"%s\",\"salt\":\"" SALT1 "\"}",
                 bad[i]);
        assert_refused(invoke("OrderTest", in), 400, "BAD_INPUT");
    }
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        snprintf(id, sizeof(id), "o%zu", i);
        snprintf(in, sizeof(in),
                 "{\"encId\":\"e1\",\"orderId\":\"%s\",\"labSite\":\"" L1 "\",\"loinc\":\"%s\",\"salt\":\"" SALT1 "\"}",
                 id, good[i]);
        assert_accepted(invoke("OrderTest", in));
    }
}

/* Decision order 3: for the officer of the site that made it. That another site ordered it changes nothing. */
static void a_restricted_result_is_the_laboratorys_officers(void **state)
{
    static const char erasure[] = "{\"pid\":\"" PID_A "\",\"recId\":\"r1\",\"salt\":\"" SALT2 "\"}";
    static const char decision[] = "{\"pid\":\"" PID_A "\",\"recId\":\"r1\",\"answer\":\"restrict\",\"basisCode\":"
                                   "\"contested\",\"salt\":\"" SALT3 "\"}";

    answer_order();
    as("HospitalMSP", "privacy_officer", "po9", L1, "c9");
    assert_accepted(fcc_test_submit(world, "credentials", "RegisterPractitioner", "po9", L1, "[\"privacy_officer\"]",
                                    "[]", "", "", FCC_END));
    as_regulators_admin();
    assert_accepted(fcc_test_submit(world, "credentials", "ApprovePractitioner", "po9", L1, FCC_END));
    as_staff("privacy_officer", "po1", "13");
    assert_accepted(invoke("RequestAccess", ASK_FOR("q1", PID_A, "HLEGAL", "{\"recIds\":[\"r1\"]}")));
    assert_accepted(query_id("ReadIndex", "q1", NULL));
    as_patient();
    assert_accepted(invoke("RequestErasure", erasure));
    as("HospitalMSP", "privacy_officer", "po9", L1, "c9");
    assert_accepted(invoke("DecideErasure", decision));
    assert_accepted(invoke("RequestAccess", ASK_FOR("q2", PID_A, "HLEGAL", "{\"recIds\":[\"r1\"]}")));
    assert_has(query_id("ReadIndex", "q2", NULL).payload, "\"recId\":\"r1\"");
    as_staff("privacy_officer", "po1", "13");
    assert_refused(query_id("ReadIndex", "q1", NULL), 403, "DENIED:restricted");
    as_doctor();
    assert_accepted(invoke("RequestAccess", ASK_FOR("q3", PID_A, "TREAT", "{\"recIds\":[\"r1\"]}")));
    assert_refused(query_id("ReadIndex", "q3", NULL), 403, "DENIED:restricted");
}

static void nothing_is_ordered_in_a_closed_encounter(void **state)
{
    assert_accepted(invoke_id("CloseEncounter", "e1", "{\"salt\":\"" SALT2 "\"}"));
    assert_refused(invoke("OrderTest", ORDER("o1")), 412, "PRECONDITION");
    assert_refused(invoke("OrderTest", "{\"encId\":\"e9\",\"orderId\":\"o1\",\"labSite\":\"" L1
                                       "\",\"loinc\":\"718-7\",\"salt\":\"" SALT1 "\"}"),
                   404, "NOT_FOUND");
}

static void the_ordered_laboratory_adds_the_result(void **state)
{
    fcc_test_result r;

    assert_accepted(invoke("OrderTest", ORDER("o1")));
    as("ClinicMSP", "labtech", "lab3", C1, "23");
    assert_refused(invoke_id("AddLabResult", "o1", RESULT("r1")), 403, "DENIED:not_lab");
    as_lab("lab1", "21");
    assert_refused(invoke_id("AddLabResult", "o9", RESULT("r1")), 404, "NOT_FOUND");
    assert_refused(invoke_id("AddLabResult", "o1", "{\"record\":{}}"), 400, "BAD_INPUT");
    assert_refused(invoke_id("AddLabResult", "o1", RESULT("e1")), 409, "ALREADY");
    r = invoke_id("AddLabResult", "o1", RESULT("r1"));
    assert_accepted(r);
    assert_string_equal(r.payload, "{\"id\":\"o1\",\"v\":2}");
    assert_string_equal(r.event, "LabResultReady");
    assert_string_equal(r.event_payload, "{\"id\":\"o1\",\"recId\":\"r1\"}");
    assert_has(order_value(), "\"recId\":\"r1\"");
    assert_has(order_value(), "\"status\":\"resulted\"");
    assert_null(held("ehr", "subject", listed(r, "del", "~ordered~o1~")));
    assert_non_null(held("ehr", "subject", listed(r, "put", "~resulted~o1~")));
    assert_has(held("ehr", "subject", "~REC~" PID_A "~r1~"), "\"author\":\"lab1\"");
    assert_has(held("ehr", "subject", "~REC~" PID_A "~r1~"), "\"enc\":\"e1\"");
    assert_has(held("ehr", "subject", "~REC~" PID_A "~r1~"), "\"order\":\"o1\"");
    assert_has(held("ehr", "subject", "~REC~" PID_A "~r1~"), "\"site\":\"" L1 "\"");
    assert_non_null(held("ehr", "_implicit_org_HospitalMSP", "~DEK~r1~"));
    assert_refused(invoke_id("AddLabResult", "o1", RESULT("r2")), 409, "ALREADY");
    as_doctor();
    assert_refused(invoke_id("AddLabResult", "o1", RESULT("r2")), 403, "DENIED:role");
}

static void a_result_comes_after_the_encounter_too(void **state)
{
    assert_accepted(invoke("OrderTest", ORDER("o1")));
    assert_accepted(invoke_id("CloseEncounter", "e1", "{\"salt\":\"" SALT2 "\"}"));
    as_lab("lab1", "21");
    assert_accepted(invoke_id("AddLabResult", "o1", RESULT("r1")));
}

static void a_second_person_verifies(void **state)
{
    fcc_test_result r;

    assert_accepted(invoke("OrderTest", ORDER("o1")));
    assert_refused(invoke_id("VerifyLabResult", "o1", VERIFY), 412, "PRECONDITION");
    as_lab("lab1", "21");
    assert_accepted(invoke_id("AddLabResult", "o1", RESULT("r1")));
    assert_refused(invoke_id("VerifyLabResult", "o1", VERIFY), 403, "DENIED:self");
    as("ClinicMSP", "labtech", "lab3", C1, "23");
    assert_refused(invoke_id("VerifyLabResult", "o1", VERIFY), 403, "DENIED:not_lab");
    as("HospitalMSP", "doctor", "d7", H1, "07");
    assert_refused(invoke_id("VerifyLabResult", "o1", VERIFY), 403, "DENIED:not_author");
    as_lab("lab2", "22");
    r = invoke_id("VerifyLabResult", "o1", VERIFY);
    assert_accepted(r);
    assert_string_equal(r.payload, "{\"id\":\"o1\",\"v\":3}");
    assert_has(order_value(), "\"status\":\"verified\"");
    assert_has(held("ehr", "subject", "~REC~" PID_A "~r1~"), "\"attested\":true,\"attestedBy\":\"lab2\"");
    assert_has(held("ehr", "", "~ACT~r1~"), "\"v\":2");
    /* two private values of one call have two salts */
    assert_has(order_value(), SALT3);
    assert_has_not(held("ehr", "subject", "~REC~" PID_A "~r1~"), SALT3);
    assert_refused(invoke_id("VerifyLabResult", "o1", VERIFY), 409, "ALREADY");
}

static void the_ordering_doctor_verifies_as_well(void **state)
{
    answer_order();
    as_doctor();
    assert_accepted(invoke_id("VerifyLabResult", "o1", VERIFY));
}

static void a_result_that_is_superseded_is_verified_anew(void **state)
{
    answer_order();
    as_lab("lab2", "22");
    assert_accepted(invoke_id("VerifyLabResult", "o1", VERIFY));
    assert_refused(invoke("Supersede", "{\"pid\":\"" PID_A "\",\"prev\":\"r1\",\"record\":" RECORD("r2") "}"), 403,
                   "DENIED:not_author");
    as_lab("lab1", "21");
    assert_accepted(invoke("Supersede", "{\"pid\":\"" PID_A "\",\"prev\":\"r1\",\"record\":" RECORD("r2") "}"));
    assert_has(order_value(), "\"recId\":\"r2\"");
    assert_has(order_value(), "\"status\":\"resulted\"");
    as_lab("lab2", "22");
    assert_accepted(invoke_id("VerifyLabResult", "o1", VERIFY));
    assert_has(held("ehr", "subject", "~REC~" PID_A "~r2~"), "\"attested\":true");
}

static void a_result_in_error_opens_its_order_again(void **state)
{
    answer_order();
    assert_accepted(invoke("MarkError", "{\"pid\":\"" PID_A "\",\"recId\":\"r1\",\"salt\":\"" SALT2 "\"}"));
    assert_has(order_value(), "\"status\":\"ordered\"");
    assert_has_not(order_value(), "recId");
    assert_accepted(invoke_id("AddLabResult", "o1", RESULT("r2")));
    assert_has(order_value(), "\"recId\":\"r2\"");
    /* the first is no longer the order's */
    assert_refused(invoke("MarkError", "{\"pid\":\"" PID_A "\",\"recId\":\"r1\",\"salt\":\"" SALT2 "\"}"), 409,
                   "ALREADY");
    assert_has(order_value(), "\"status\":\"resulted\"");
}

static void two_results_for_one_order_in_a_block_are_one(void **state)
{
    fcc_test_block block;

    assert_accepted(invoke("OrderTest", ORDER("o1")));
    as_lab("lab1", "21");
    assert_accepted(endorse_id("AddLabResult", "o1", RESULT("r1")));
    as_lab("lab2", "22");
    assert_accepted(endorse_id("AddLabResult", "o1", RESULT("r2")));
    block = fcc_test_commit(world);
    assert_accepted(block.tx[0]);
    assert_int_equal(block.tx[1].code, FCC_TEST_MVCC_READ_CONFLICT);
    assert_has(order_value(), "\"recId\":\"r1\"");
    assert_null(held("ehr", "subject", "~REC~" PID_A "~r2~"));
    /* the loser learns why */
    assert_refused(invoke_id("AddLabResult", "o1", RESULT("r2")), 409, "ALREADY");
}

static void orders_are_seen_by_their_doctor_and_their_laboratory(void **state)
{
    fcc_test_result r;

    answer_order();
    as_doctor();
    assert_accepted(invoke("OrderTest", ORDER("o2")));
    assert_accepted(invoke("OrderTest", ORDER("o3")));
    assert_has(query_id("GetOrder", "o1", NULL).payload, "\"loinc\":\"718-7\"");
    assert_refused(query_id("GetOrder", "o9", NULL), 404, "NOT_FOUND");
    assert_refused(query_id("ListOrders", L1, NULL), 403, "DENIED:role");
    as("HospitalMSP", "doctor", "d7", H1, "07");
    assert_refused(query_id("GetOrder", "o1", NULL), 403, "DENIED:not_author");
    as("ClinicMSP", "labtech", "lab3", C1, "23");
    assert_refused(query_id("GetOrder", "o1", NULL), 403, "DENIED:not_lab");
    assert_refused(query_id("ListOrders", L1, NULL), 403, "DENIED:not_lab");
    assert_string_equal(query_id("ListOrders", C1, NULL).payload, "{\"orders\":[]}");
    as_lab("lab2", "22");
    assert_accepted(query_id("GetOrder", "o1", NULL));
    r = query_id("ListOrders", L1, NULL);
    assert_accepted(r);
    assert_has_not(r.payload, "\"orderId\":\"o1\"");
    assert_has(r.payload, "\"orderId\":\"o2\"");
    assert_has(r.payload, "\"orderId\":\"o3\"");
    r = query_id("ListOrders", L1, "{\"page\":\"o2\"}");
    assert_has_not(r.payload, "\"orderId\":\"o2\"");
    assert_has(r.payload, "\"orderId\":\"o3\"");
    r = query_id("ListOrders", L1, "{\"status\":\"resulted\"}");
    assert_has(r.payload, "\"orderId\":\"o1\"");
    assert_has_not(r.payload, "\"orderId\":\"o2\"");
    assert_refused(query_id("ListOrders", L1, "{\"status\":\"lost\"}"), 400, "BAD_INPUT");
}

static void a_result_is_read_where_the_test_was_ordered(void **state)
{
    answer_order();
    as_doctor();
    assert_accepted(invoke("RequestAccess", ASK_FOR("q1", PID_A, "TREAT", "{\"recIds\":[\"r1\"]}")));
    assert_has(query_id("Decision", "q1", NULL).payload, "\"reason\":\"author_site\"");
    assert_has(query_id("ReadIndex", "q1", NULL).payload, "\"recId\":\"r1\"");
    as_lab("lab2", "22");
    assert_accepted(invoke("RequestAccess", ASK_FOR("q2", PID_A, "TREAT", "{\"recIds\":[\"r1\"]}")));
    assert_has(query_id("Decision", "q2", NULL).payload, "\"reason\":\"author_site\"");
    as_clinic_doctor();
    assert_accepted(invoke("RequestAccess", ASK_FOR("q3", PID_A, "TREAT", "{\"recIds\":[\"r1\"]}")));
    assert_has(query_id("Decision", "q3", NULL).payload, "\"reason\":\"no_consent\"");
    /* what that laboratory wrote without an order is its own */
    as_doctor();
    assert_accepted(invoke("AddRecords", ADD(RECORD("r2"))));
    as_lab("lab2", "22");
    assert_accepted(invoke("RequestAccess", ASK_FOR("q4", PID_A, "TREAT", "{\"recIds\":[\"r2\"]}")));
    assert_has(query_id("Decision", "q4", NULL).payload, "\"reason\":\"no_consent\"");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_lab, health_stop)
    const struct CMUnitTest tests[] = {
        TEST(a_test_is_ordered_by_the_encounters_doctor),
        TEST(a_test_has_a_code_whose_check_digit_is_right),
        TEST(a_restricted_result_is_the_laboratorys_officers),
        TEST(nothing_is_ordered_in_a_closed_encounter),
        TEST(the_ordered_laboratory_adds_the_result),
        TEST(a_result_comes_after_the_encounter_too),
        TEST(a_second_person_verifies),
        TEST(the_ordering_doctor_verifies_as_well),
        TEST(a_result_that_is_superseded_is_verified_anew),
        TEST(a_result_in_error_opens_its_order_again),
        TEST(two_results_for_one_order_in_a_block_are_one),
        TEST(orders_are_seen_by_their_doctor_and_their_laboratory),
        TEST(a_result_is_read_where_the_test_was_ordered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
