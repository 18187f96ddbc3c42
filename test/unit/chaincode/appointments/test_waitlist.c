/* Waiting lists: who joins and leaves, whose turn it is, and that nobody is overtaken. */
#include "test/unit/chaincode/appointments/diary.h"

static const char *join_in(const char *id, const char *pid, const char *class_)
{
    return text_of("{\"id\":\"%s\",\"pid\":\"%s\",\"uid\":\"d1\",\"date\":\"" DAY
                   "\",\"class\":\"%s\",\"salt\":\"" SALT1 "\"}",
                   id, pid, class_);
}

static const char *offer_in(const char *start)
{
    return text_of("{\"uid\":\"d1\",\"date\":\"%.10s\",\"class\":\"normal\",\"start\":\"%s\",\"salt\":\"" SALT3 "\"}",
                   start, start);
}

/* Of a patient by the owner, or by the desk where there is none. */
static void join(const char *id, const char *pid)
{
    if (strcmp(pid, PID_A) == 0)
        as_patient();
    else if (strcmp(pid, PID_B) == 0)
        as_other_patient();
    else
        as_desk();
    assert_accepted(invoke("JoinWaitlist", join_in(id, pid, "normal")));
}

static void one_joins_and_leaves(void **state)
{
    fcc_test_result r = invoke("JoinWaitlist", join_in("w1", PID_A, "normal"));

    assert_accepted(r);
    assert_string_equal(r.payload, "{\"id\":\"w1\",\"v\":1}");
    assert_null(act("w1"));
    r = query("GetAppointment", look_in("w1"));
    assert_accepted(r);
    assert_has(r.payload, "\"status\":\"waitlist\"");
    assert_refused(invoke("JoinWaitlist", join_in("w1", PID_A, "normal")), 409, "ALREADY");
    assert_refused(invoke("JoinWaitlist", join_in("w2", PID_A, "normal")), 409, "ALREADY");
    assert_refused(invoke("JoinWaitlist", join_in("w2", PID_B, "normal")), 403, "DENIED:not_owner");
    assert_refused(invoke("JoinWaitlist", join_in("w2", PID_A, "sometime")), 400, "BAD_INPUT");
    assert_refused(invoke("JoinWaitlist", "{\"id\":\"w2\",\"pid\":\"" PID_A "\",\"uid\":\"nobody\",\"date\":\"" DAY
                                          "\",\"class\":\"normal\",\"salt\":\"" SALT1 "\"}"),
                   404, "NOT_FOUND");
    assert_refused(invoke("JoinWaitlist", "{\"id\":\"w2\",\"pid\":\"" PID_A
                                          "\",\"uid\":\"d1\",\"date\":\"2025-12-31\",\"class\":\"normal\",\"salt\":"
                                          "\"" SALT1 "\"}"),
                   400, "BAD_INPUT");
    assert_accepted(invoke("JoinWaitlist", join_in("w2", PID_A, "urgent")));
    /* an id is one of a list or of an appointment */
    assert_refused(invoke("Hold", hold_in("w1", PID_A, "d3", AT("10:00"), 20)), 409, "ALREADY");
    hold("v1", PID_A, "d3", AT("10:00"), 20);
    as_desk();
    assert_refused(invoke("JoinWaitlist", join_in("v1", PID_B, "normal")), 409, "ALREADY");
    assert_refused(invoke("JoinWaitlist", join_in("w3", PID_DEAD, "normal")), 412, "PRECONDITION");
    assert_refused(invoke("JoinWaitlist", join_in("w3", PID_NOBODY, "normal")), 404, "NOT_FOUND");
    as_clinic_desk();
    assert_refused(invoke("JoinWaitlist", join_in("w3", PID_B, "normal")), 403, "DENIED:not_site");
    assert_refused(invoke("LeaveWaitlist", id_in("w1")), 403, "DENIED:not_site");
    assert_refused(query("GetAppointment", look_in("w1")), 403, "DENIED:not_site");
    as_other_patient();
    assert_refused(invoke("LeaveWaitlist", id_in("w1")), 403, "DENIED:not_owner");
    assert_refused(query("GetAppointment", look_in("w1")), 403, "DENIED:not_owner");
    as_patient();
    assert_refused(invoke("LeaveWaitlist", id_in("w9")), 404, "NOT_FOUND");
    r = invoke("LeaveWaitlist", id_in("w1"));
    assert_accepted(r);
    assert_string_equal(r.payload, "{\"id\":\"w1\",\"v\":2}");
    assert_refused(invoke("LeaveWaitlist", id_in("w1")), 409, "ALREADY");
    assert_accepted(invoke("JoinWaitlist", join_in("w4", PID_A, "normal")));
    assert_has(query("GetAppointment", look_in("w4")).payload, "\"seq\":1,");
    assert_false(fcc_test_public_has(world, PID_A));
}

static void a_free_unit_is_offered_to_the_first(void **state)
{
    fcc_test_result r;

    join("w1", PID_E);
    join("w2", PID_B);
    as_patient();
    r = invoke("Hold", hold_in("v1", PID_A, "d1", NINE, 15));
    assert_refused(r, 409, "CONFLICT");
    assert_has(r.message, "others wait for it");
    /* another class, another day and another doctor are another list */
    assert_accepted(invoke("Hold", urgent_in("v1", PID_A, "d1", AT("11:00"), 15)));
    hold("v2", PID_A, "d3", AT("10:00"), 20);
    assert_refused(invoke("OfferNext", offer_in("2026-01-04T09:00:00Z")), 400, "BAD_INPUT");
    assert_refused(invoke("OfferNext", offer_in(AT("09:05"))), 400, "BAD_INPUT");
    assert_refused(invoke("OfferNext", "{\"uid\":\"d1\",\"date\":\"2026-01-06\",\"class\":\"normal\",\"start\":\"" NINE
                                       "\",\"salt\":\"" SALT3 "\"}"),
                   400, "BAD_INPUT");
    r = invoke("OfferNext", offer_in(NINE));
    assert_accepted(r);
    assert_string_equal(r.payload, "{\"id\":\"w1\",\"v\":1}");
    assert_string_equal(r.event, "WaitlistOffer");
    assert_string_equal(r.event_payload, "{\"id\":\"w1\"}");
    assert_has(visit("w1"), "\"until\":\"2026-01-01T00:30:00Z\"");
    assert_has(visit("w1"), "\"minutes\":15");
    assert_refused(invoke("OfferNext", offer_in(NINE)), 409, "CONFLICT");
    r = invoke("OfferNext", offer_in(AT("09:15")));
    assert_string_equal(r.payload, "{\"id\":\"w2\",\"v\":1}");
    assert_refused(invoke("OfferNext", offer_in(AT("09:30"))), 404, "NOT_FOUND");
    hold("v3", PID_A, "d1", AT("09:30"), 15);
    as_other_patient();
    assert_refused(invoke("LeaveWaitlist", id_in("w2")), 412, "PRECONDITION");
    fcc_test_set_time(world, NOW + 1800);
    assert_accepted(invoke("Book", id_in("w2")));
    /* who let the offer go has left the list */
    fcc_test_set_time(world, NOW + 1801);
    as_desk();
    assert_refused(invoke("Book", id_in("w1")), 410, "GONE");
    fcc_test_set_time(world, NOW + 1921);
    as_patient();
    hold("v4", PID_A, "d1", NINE, 15);
    assert_has(visit("w1"), "\"status\":\"cancelled\"");
    as_other_patient();
    assert_accepted(invoke("JoinWaitlist", join_in("w3", PID_B, "normal")));
}

static void nobody_is_overtaken_after_a_cancellation(void **state)
{
    as_desk(); /* d1's day is full */
    book("v0", PID_E, "d1", NINE, 15);
    book("v1", PID_UNKNOWN, "d1", AT("09:15"), 60);
    book("v2", PID_W, "d1", AT("10:15"), 60);
    book("v3", PID_E, "d1", AT("11:15"), 30);
    book("v4", PID_M, "d1", AT("11:45"), 15);
    join("w1", PID_B);
    as_desk();
    assert_accepted(invoke("Cancel", cancel_in("v0")));
    as_patient();
    assert_refused(invoke("Hold", hold_in("x1", PID_A, "d1", NINE, 15)), 409, "CONFLICT");
    book("x1", PID_A, "d3", AT("10:00"), 20);
    as_desk(); /* nor by who has a visit on that day */
    assert_refused(invoke("Reschedule", move_in("v4", NINE)), 409, "CONFLICT");
    as_patient();
    assert_string_equal(invoke("OfferNext", offer_in(NINE)).payload, "{\"id\":\"w1\",\"v\":1}");
    /* the list is empty then, and a unit that is given up is anybody's */
    as_other_patient();
    assert_accepted(invoke("Cancel", cancel_in("w1")));
    as_patient();
    hold("x2", PID_A, "d1", NINE, 15);
}

static void who_cannot_come_is_passed_and_keeps_the_place(void **state)
{
    fcc_test_result r;

    as_patient();
    book("v1", PID_A, "d3", NINE, 20);
    join("w1", PID_A);
    as_other_patient();
    r = invoke("OfferNext", offer_in(NINE));
    assert_accepted(r);
    assert_string_equal(r.payload, "{\"looked\":1,\"more\":false}");
    assert_string_equal(r.event, "");
    assert_refused(invoke("OfferNext", offer_in(NINE)), 404, "NOT_FOUND");
    hold("x1", PID_B, "d1", NINE, 15);
    /* only that unit is free for all, and only for those who came before nobody else */
    assert_refused(invoke("Hold", hold_in("x2", PID_B, "d1", AT("09:30"), 15)), 409, "CONFLICT");
    assert_string_equal(invoke("OfferNext", offer_in(AT("09:30"))).payload, "{\"id\":\"w1\",\"v\":1}");
}

static void a_unit_that_was_passed_is_offered_to_who_joins_later(void **state)
{
    as_patient();
    book("v1", PID_A, "d3", NINE, 20);
    join("w1", PID_A);
    assert_accepted(invoke("OfferNext", offer_in(NINE)));
    join("w2", PID_E);
    as_other_patient();
    assert_refused(invoke("Hold", hold_in("x1", PID_B, "d1", NINE, 15)), 409, "CONFLICT");
    assert_string_equal(invoke("OfferNext", offer_in(NINE)).payload, "{\"id\":\"w2\",\"v\":1}");
    /* and when it is given up, everybody who waits is asked again */
    as_desk();
    assert_accepted(invoke("Cancel", cancel_in("w2")));
    as_other_patient();
    assert_refused(invoke("Hold", hold_in("x1", PID_B, "d1", NINE, 15)), 409, "CONFLICT");
    assert_string_equal(invoke("OfferNext", offer_in(NINE)).payload, "{\"looked\":2,\"more\":false}");
    hold("x1", PID_B, "d1", NINE, 15);
}

static void those_who_left_died_or_have_enough_are_passed(void **state)
{
    static const char *const caps = "{\"uid\":\"d1\",\"caps\":{\"perDay\":1,\"urgentPerDay\":1},\"salt\":\"" SALT1
                                    "\"}";

    as_admin();
    assert_accepted(invoke("SetLimits", caps));
    as_desk();
    book("v1", PID_E, "d1", AT("10:00"), 15);
    join("w1", PID_A);
    join("w2", PID_B);
    join("w3", PID_E);
    join("w4", PID_W);
    as_patient();
    assert_accepted(invoke("LeaveWaitlist", id_in("w1")));
    as("HospitalMSP", "registrar", "reg1", H1, "12");
    put_in("{\"pid\":\"" PID_B "\",\"date\":\"2025-12-31T00:00:00Z\",\"evidenceHash\":\"" FP("0e") "\"}");
    assert_accepted(fcc_test_submit(world, "credentials", "Decease", FCC_END));
    as_patient();
    assert_string_equal(invoke("OfferNext", offer_in(NINE)).payload, "{\"id\":\"w4\",\"v\":1}");
    assert_string_equal(invoke("OfferNext", offer_in(AT("09:15"))).payload, "{\"looked\":3,\"more\":false}");
}

static void a_long_list_is_asked_in_pieces(void **state)
{
    fcc_test_result r;

    /* so many leave that the first who waits is not among those whom one call looks at */
    as_other_patient();
    book("v1", PID_B, "d3", NINE, 20);
    join("w0", PID_B);
    for (int i = 1; i < 24; i++) {
        as_patient();
        assert_accepted(invoke("JoinWaitlist", join_in(text_of("w%d", i), PID_A, "normal")));
        if (i < 23)
            assert_accepted(invoke("LeaveWaitlist", id_in(text_of("w%d", i))));
    }
    as_desk();
    assert_refused(invoke("Hold", hold_in("x1", PID_E, "d1", NINE, 15)), 409, "CONFLICT");
    assert_string_equal(invoke("OfferNext", offer_in(NINE)).payload, "{\"looked\":20,\"more\":true}");
    assert_refused(invoke("Hold", hold_in("x1", PID_E, "d1", NINE, 15)), 409, "CONFLICT");
    r = invoke("OfferNext", offer_in(NINE));
    assert_string_equal(r.payload, "{\"id\":\"w23\",\"v\":1}");
    /* who was passed for one unit is the first for the next */
    assert_string_equal(invoke("OfferNext", offer_in(AT("10:00"))).payload, "{\"id\":\"w0\",\"v\":1}");
    hold("x1", PID_E, "d1", AT("11:00"), 15);
}

static void two_offers_of_one_unit_do_not_both_win(void **state)
{
    fcc_test_block block;

    join("w1", PID_A);
    join("w2", PID_B);
    assert_accepted(endorse("OfferNext", offer_in(NINE)));
    as_desk();
    assert_accepted(endorse("OfferNext", offer_in(AT("09:15"))));
    assert_accepted(endorse("Hold", urgent_in("x1", PID_E, "d1", NINE, 15)));
    block = fcc_test_commit(world);
    assert_int_equal(block.tx[0].code, FCC_TEST_VALID);
    assert_int_equal(block.tx[1].code, FCC_TEST_MVCC_READ_CONFLICT);
    assert_int_equal(block.tx[2].code, FCC_TEST_MVCC_READ_CONFLICT);
    assert_string_equal(invoke("OfferNext", offer_in(AT("09:15"))).payload, "{\"id\":\"w2\",\"v\":1}");
}

static void an_expired_hold_is_offered_on(void **state)
{
    as_patient();
    hold("v1", PID_A, "d1", NINE, 15);
    join("w1", PID_B);
    fcc_test_set_time(world, NOW + 720);
    assert_refused(invoke("OfferNext", offer_in(NINE)), 409, "CONFLICT");
    fcc_test_set_time(world, NOW + 721);
    assert_string_equal(invoke("OfferNext", offer_in(NINE)).payload, "{\"id\":\"w1\",\"v\":1}");
    assert_has(visit("v1"), "\"status\":\"cancelled\"");
}

static void the_patients_own_expired_hold_does_not_stand_in_the_way(void **state)
{
    as_patient();
    hold("v1", PID_A, "d3", NINE, 20);
    join("w1", PID_A);
    fcc_test_set_time(world, NOW + 601);
    assert_string_equal(invoke("OfferNext", offer_in(NINE)).payload, "{\"id\":\"w1\",\"v\":1}");
    assert_has(visit("v1"), "\"status\":\"cancelled\"");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_days, health_stop)
    const struct CMUnitTest tests[] = {
        TEST(one_joins_and_leaves),
        TEST(a_free_unit_is_offered_to_the_first),
        TEST(nobody_is_overtaken_after_a_cancellation),
        TEST(who_cannot_come_is_passed_and_keeps_the_place),
        TEST(a_unit_that_was_passed_is_offered_to_who_joins_later),
        TEST(those_who_left_died_or_have_enough_are_passed),
        TEST(a_long_list_is_asked_in_pieces),
        TEST(two_offers_of_one_unit_do_not_both_win),
        TEST(an_expired_hold_is_offered_on),
        TEST(the_patients_own_expired_hold_does_not_stand_in_the_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
