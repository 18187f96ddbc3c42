/* Breaking the glass: opening, what it opens, closing, review, what was entered late, and the lists. */
#include "asking.h"

#define OPEN_OF(id, pid, code, reason)                                                                               \
    "{\"id\":\"" id "\",\"pid\":\"" pid "\",\"reasonCode\":\"" code "\",\"reason\":\"" reason "\",\"salt\":\"" SALT1 \
    "\"}"
#define OPEN(id) OPEN_OF(id, PID_A, "unable", "found unconscious")
#define LATE_OF(id, uid, from, to)                                                                    \
    "{\"id\":\"" id "\",\"pid\":\"" PID_A "\",\"uid\":\"" uid "\",\"from\":\"" from "\",\"to\":\"" to \
    "\",\"reason\":\"network down\",\"evidenceHash\":\"" FP("ef") "\",\"salt\":\"" SALT1 "\"}"
#define LATE(id) LATE_OF(id, "d2", "2025-12-31T08:00:00Z", "2025-12-31T20:00:00Z")
#define REVIEW "{\"finding\":\"justified\",\"note\":\"as the chart says\"}"
#define BASE(btg, sens, salt) \
    "{\"pid\":\"" PID_A "\",\"rules\":[],\"btg\":\"" btg "\",\"btgMaxSens\":\"" sens "\",\"salt\":\"" salt "\"}"

enum { hour = 3600 };

static int make_channel(void **state)
{
    health_start(NULL);
    health_install("consent", &consent_chaincode);
    install_asking("ehr");
    as_staff("doctor", "d2", "02");
    return 0;
}
HEALTH_SETUP(set_up, make_channel)

static fcc_test_result invoke(const char *function, const char *in)
{
    put_in(in);
    return fcc_test_submit(world, "consent", function, FCC_END);
}

static fcc_test_result on_case(const char *function, const char *id, const char *in)
{
    put_in(in);
    return fcc_test_submit(world, "consent", function, id, FCC_END);
}

static fcc_test_result query(const char *function, const char *in)
{
    put_in(in);
    return fcc_test_evaluate(world, "consent", function, FCC_END);
}

static void as_emergency_doctor(void)
{
    as_staff("doctor", "d2", "02");
}

static void as_officer(void)
{
    as_staff("privacy_officer", "po1", "13");
}

static void later(int64_t seconds)
{
    fcc_test_set_time(world, NOW + seconds);
}

/* ---- opening ---- */

static void a_case_is_kept_where_one_organisation_can_write_and_nothing_is_public(void **state)
{
    fcc_test_result r;
    const char *kept;

    fcc_test_at(world, "HospitalMSP", FCC_END);
    r = invoke("BreakGlass", OPEN("case1"));
    assert_accepted(r);
    assert_string_equal(r.payload, "{\"id\":\"case1\",\"until\":\"2026-01-01T03:00:00Z\"}");
    assert_string_equal(r.event, "BreakGlassOpened");
    assert_string_equal(r.event_payload, "{\"id\":\"case1\"}");
    kept = held("consent", "emergency", "~BTG~case1~");
    assert_string_equal(kept, "{\"fmt\":1,\"id\":\"case1\",\"msp\":\"HospitalMSP\",\"opened\":\"2026-01-01T00:00:00Z\","
                              "\"pid\":\"" PID_A "\",\"reason\":\"found unconscious\",\"reasonCode\":\"unable\","
                              "\"reviewBy\":\"2026-01-04T00:00:00Z\",\"salt\":\"" SALT1 "\",\"site\":\"" H1 "\","
                              "\"status\":\"open\",\"uid\":\"d2\",\"until\":\"2026-01-01T03:00:00Z\",\"v\":1}");
    assert_string_equal(held("consent", "emergency", "~BTGV~case1~000001~"), kept);
    assert_string_equal(held_at("RegulatorMSP", "consent", "emergency", "~BTG~case1~"), kept);
    assert_string_equal(held_at("ClinicMSP", "consent", "emergency", "~BTG~case1~"), kept);
    assert_null(held_at("PharmacyMSP", "consent", "emergency", "~BTG~case1~"));
    assert_string_equal(held("consent", "emergency", "~BTGCUR~" PID_A "~d2~"), "{\"fmt\":1,\"id\":\"case1\"}");
    assert_non_null(held("consent", "emergency", "~BTGP~" PID_A "~8232774399~case1~"));
    assert_non_null(held("consent", "emergency", "~BTGU~d2~8232774399~case1~"));
    assert_non_null(held("consent", "emergency", "~BTGA~8232774399~case1~"));
    assert_non_null(held("consent", "emergency", "~BTGN~1767484800~case1~"));
    assert_has_not(r.trace, "consent put - ");
    assert_false(fcc_test_public_has(world, "case1"));
    assert_false(fcc_test_public_has(world, PID_A));

    /* the other organisation alone as well */
    as("ClinicMSP", "doctor", "d9", C1, "09");
    fcc_test_at(world, "ClinicMSP", FCC_END);
    assert_accepted(invoke("BreakGlass", OPEN("case2")));
}

static void opening_takes_the_capability_a_licence_and_a_reason(void **state)
{
    as_doctor();
    assert_refused(invoke("BreakGlass", OPEN("case1")), 403, "DENIED:cap");
    as_staff("doctor", "d8", "08");
    assert_refused(invoke("BreakGlass", OPEN("case1")), 403, "DENIED:licence");
    as_staff("nurse", "n1", "11");
    assert_refused(invoke("BreakGlass", OPEN("case1")), 403, "DENIED:role");
    as_patient();
    assert_refused(invoke("BreakGlass", OPEN("case1")), 403, "DENIED:role");
    as_auditor();
    assert_refused(invoke("BreakGlass", OPEN("case1")), 403, "DENIED:role");
    as("PharmacyMSP", "doctor", "d2", H1, "02");
    assert_refused(invoke("BreakGlass", OPEN("case1")), 401, "NO_ROLE");
    as_emergency_doctor();
    assert_refused(invoke("BreakGlass", OPEN_OF("case1", PID_A, "unable", "")), 400, "BAD_INPUT");
    assert_refused(invoke("BreakGlass", OPEN_OF("case1", PID_A, "unable", " \\n ")), 400, "BAD_INPUT");
    assert_refused(invoke("BreakGlass", OPEN_OF("case1", PID_A, "curious", "x")), 400, "BAD_INPUT");
    assert_refused(invoke("BreakGlass",
                          "{\"id\":\"case1\",\"pid\":\"" PID_A "\",\"reasonCode\":\"other\",\"salt\":\"" SALT1 "\"}"),
                   400, "BAD_INPUT");
    assert_refused(invoke("BreakGlass", OPEN_OF("case1", PID_NOBODY, "unable", "x")), 404, "NOT_FOUND");
    assert_refused(invoke("BreakGlass", OPEN_OF("case 1", PID_A, "unable", "x")), 400, "BAD_INPUT");
    assert_null(held("consent", "emergency", "~BTG~case1~"));
}

static void an_id_is_used_once_and_a_doctor_has_one_open_case_for_a_patient(void **state)
{
    assert_accepted(invoke("BreakGlass", OPEN("case1")));
    assert_refused(invoke("BreakGlass", OPEN("case1")), 409, "ALREADY");
    assert_refused(invoke("BreakGlass", OPEN("case2")), 409, "ALREADY");
    assert_refused(invoke("BreakGlass", OPEN_OF("case1", PID_B, "unable", "x")), 409, "ALREADY");
    assert_accepted(invoke("BreakGlass", OPEN_OF("case3", PID_B, "unable", "x")));
    later(3 * hour);
    assert_refused(invoke("BreakGlass", OPEN("case2")), 409, "ALREADY");
    later(3 * hour + 1);
    assert_accepted(invoke("BreakGlass", OPEN("case2")));
    assert_string_equal(held("consent", "emergency", "~BTGCUR~" PID_A "~d2~"), "{\"fmt\":1,\"id\":\"case2\"}");
}

static void a_patient_may_forbid_it_and_a_guardian_of_a_minor_not(void **state)
{
    as_patient();
    assert_accepted(invoke("SetBase", BASE("forbid", "N", SALT1)));
    as_emergency_doctor();
    assert_refused(invoke("BreakGlass", OPEN("case1")), 403, "DENIED:btg_forbidden");
    assert_refused(invoke("BreakGlass", OPEN_OF("case1", PID_LINKED, "unidentified", "x")), 403,
                   "DENIED:btg_forbidden");
    as_patient();
    assert_accepted(invoke("SetBase", BASE("allow", "N", SALT2)));
    as_emergency_doctor();
    assert_accepted(invoke("BreakGlass", OPEN("case1")));

#define WARD(pid, btg) \
    "{\"pid\":\"" pid "\",\"rules\":[],\"btg\":\"" btg "\",\"btgMaxSens\":\"R\",\"salt\":\"" SALT1 "\"}"
    as("HospitalMSP", "patient", NULL, NULL, "9a");
    assert_refused(invoke("SetBase", WARD(PID_M, "forbid")), 403, "DENIED:minor");
    assert_accepted(invoke("SetBase", WARD(PID_M, "notify")));
    assert_accepted(invoke("SetBase", WARD(PID_W, "forbid")));
}

static void an_unidentified_patient_is_opened_and_linked_later(void **state)
{
    assert_accepted(invoke("BreakGlass", OPEN_OF("case1", PID_UNKNOWN, "unidentified", "no papers")));
    assert_decided(PID_UNKNOWN, AS_D2, "BTG", OF_LAB("R", ""), true, "emergency");
    /* a pid that is linked is judged, and kept, as the one that it turned out to be */
    assert_accepted(invoke("BreakGlass", OPEN_OF("case2", PID_LINKED, "unidentified", "no papers")));
    assert_non_null(held("consent", "emergency", "~BTGCUR~" PID_A "~d2~"));
    assert_decided(PID_LINKED, AS_D2, "BTG", OF_LAB("R", ""), true, "emergency");
    assert_decided(PID_A, AS_D2, "BTG", OF_LAB("R", ""), true, "emergency");
}

/* ---- what a case opens ---- */

static void a_case_opens_up_to_the_patients_limit_for_three_hours(void **state)
{
    assert_decided(PID_A, AS_D2, "BTG", OF_LAB("N", ""), false, "no_case");
    assert_accepted(invoke("BreakGlass", OPEN("case1")));
    assert_decided(PID_A, AS_D2, "BTG", OF_LAB("N", ""), true, "emergency");
    assert_decided(PID_A, AS_D2, "BTG", OF_LAB("R", ""), true, "emergency");
    assert_decided(PID_A, AS_D2, "BTG", OF_LAB("V", ""), false, "sensitivity");
    assert_decided(PID_A, AS_D2, "BTG", "{\"recId\":\"rec1\"}", false, "sensitivity");
    assert_decided(PID_A, AS_D2, "BTG", "{\"category\":\"lab\"}", true, "emergency");
    assert_decided(PID_A, AS_D2, "BTG",
                   "{\"recId\":\"rec1\",\"category\":\"lab\",\"sens\":\"N\",\"status\":\"restricted\"}", true,
                   "emergency");
    assert_decided(PID_A, AS_D2, "BTG",
                   "{\"recId\":\"rec1\",\"category\":\"lab\",\"sens\":\"N\",\"status\":\"erased\"}", false, "erased");
    assert_decided(PID_A, AS_D1, "BTG", OF_LAB("N", ""), false, "no_case");
    assert_decided(PID_B, AS_D2, "BTG", OF_LAB("N", ""), false, "no_case");
    assert_decided(PID_A, AS_PATIENT(PID_A), "BTG", OF_LAB("N", ""), false, "no_case");
    assert_decided(PID_A, AS_D2, "TREAT", OF_LAB("N", ""), false, "no_consent");
    as_patient();
    assert_accepted(invoke("SetBase", BASE("notify", "N", SALT1)));
    assert_decided(PID_A, AS_D2, "BTG", OF_LAB("R", ""), false, "sensitivity");
    assert_accepted(invoke("SetBase", BASE("notify", "V", SALT2)));
    assert_decided(PID_A, AS_D2, "BTG", OF_LAB("V", ""), true, "emergency");
    assert_accepted(invoke("SetBase", BASE("forbid", "V", SALT3)));
    assert_decided(PID_A, AS_D2, "BTG", OF_LAB("N", ""), false, "btg_forbidden");
    assert_accepted(invoke("SetBase", BASE("notify", "V", SALT2)));
    later(3 * hour);
    assert_decided(PID_A, AS_D2, "BTG", OF_LAB("V", ""), true, "emergency");
    later(3 * hour + 1);
    assert_decided(PID_A, AS_D2, "BTG", OF_LAB("V", ""), false, "expired");
}

static void an_emergency_gives_no_right_to_write(void **state)
{
    fcc_test_result r;

    assert_accepted(invoke("BreakGlass", OPEN("case1")));
    r = fcc_test_evaluate(world, "ehr", "Evaluate", PID_A, AS_D2, "BTG", "append", "[{}]", FCC_END);
    assert_string_equal(r.payload, "[{\"permit\":false,\"reason\":\"op\"}]");
}

/* ---- closing and review ---- */

static void a_case_is_closed_by_its_opener_or_a_privacy_officer_of_the_same_organisation(void **state)
{
    assert_accepted(invoke("BreakGlass", OPEN("case1")));
    as_doctor();
    assert_refused(on_case("CloseBreakGlass", "case1", NULL), 403, "DENIED:role");
    as("ClinicMSP", "privacy_officer", "po3", C1, "1c");
    assert_refused(on_case("CloseBreakGlass", "case1", NULL), 403, "DENIED:role");
    as_patient();
    assert_refused(on_case("CloseBreakGlass", "case1", NULL), 403, "DENIED:role");
    as_emergency_doctor();
    assert_refused(on_case("CloseBreakGlass", "case9", NULL), 404, "NOT_FOUND");
    assert_refused(on_case("CloseBreakGlass", "case1", "{}"), 400, "BAD_INPUT");
    later(hour);
    assert_accepted(on_case("CloseBreakGlass", "case1", NULL));
    assert_has(held("consent", "emergency", "~BTG~case1~"), "\"closed\":\"2026-01-01T01:00:00Z\",\"closedBy\":\"d2\"");
    assert_has(held("consent", "emergency", "~BTGV~case1~000002~"), "\"status\":\"closed\"");
    assert_null(held("consent", "emergency", "~BTGCUR~" PID_A "~d2~"));
    assert_decided(PID_A, AS_D2, "BTG", OF_LAB("N", ""), false, "no_case");
    assert_refused(on_case("CloseBreakGlass", "case1", NULL), 409, "ALREADY");

    assert_accepted(invoke("BreakGlass", OPEN("case2")));
    as_officer();
    assert_accepted(on_case("CloseBreakGlass", "case2", NULL));
    as_emergency_doctor();
    assert_accepted(invoke("BreakGlass", OPEN("case3")));
    later(5 * hour);
    assert_refused(on_case("CloseBreakGlass", "case3", NULL), 410, "GONE");
}

static void a_case_is_reviewed_once_by_somebody_else_of_the_same_organisation(void **state)
{
    assert_accepted(invoke("BreakGlass", OPEN("case1")));
    as_officer();
    assert_refused(on_case("ReviewBreakGlass", "case1", REVIEW), 412, "PRECONDITION");
    later(3 * hour + 1);
    as_emergency_doctor();
    assert_refused(on_case("ReviewBreakGlass", "case1", REVIEW), 403, "DENIED:self");
    as("HospitalMSP", "doctor", "d7", H1, "07");
    assert_refused(on_case("ReviewBreakGlass", "case1", REVIEW), 403, "DENIED:role");
    as("ClinicMSP", "privacy_officer", "po3", C1, "1c");
    assert_refused(on_case("ReviewBreakGlass", "case1", REVIEW), 403, "DENIED:role");
    as_officer();
    assert_refused(on_case("ReviewBreakGlass", "case9", REVIEW), 404, "NOT_FOUND");
    assert_refused(on_case("ReviewBreakGlass", "case1", NULL), 400, "BAD_INPUT");
    assert_refused(on_case("ReviewBreakGlass", "case1", "{\"finding\":\"fine\",\"note\":\"x\"}"), 400, "BAD_INPUT");
    assert_refused(on_case("ReviewBreakGlass", "case1", "{\"finding\":\"justified\",\"note\":\"\"}"), 400, "BAD_INPUT");
    fcc_test_at(world, "HospitalMSP", FCC_END);
    assert_accepted(on_case("ReviewBreakGlass", "case1", REVIEW));
    assert_has(held("consent", "emergency", "~BTG~case1~"),
               "\"review\":{\"at\":\"2026-01-01T03:00:01Z\",\"by\":\"po1\",\"finding\":\"justified\",\"note\":\"as the "
               "chart says\"}");
    assert_refused(on_case("ReviewBreakGlass", "case1", REVIEW), 409, "ALREADY");
}

/* ---- after downtime ---- */

static void what_happened_while_the_ledger_was_down_is_entered_with_its_true_time(void **state)
{
    const char *kept;

    assert_refused(invoke("LateBreakGlass", LATE("late1")), 403, "DENIED:role");
    as("ClinicMSP", "privacy_officer", "po3", C1, "1c");
    assert_refused(invoke("LateBreakGlass", LATE("late1")), 403, "DENIED:role");
    as_officer();
    assert_refused(invoke("LateBreakGlass", LATE_OF("late1", "nobody", "2025-12-31T08:00:00Z", "2025-12-31T09:00:00Z")),
                   404, "NOT_FOUND");
    assert_refused(invoke("LateBreakGlass", LATE_OF("late1", "d2", "2025-12-31T08:00:00Z", "2025-12-31T07:00:00Z")),
                   400, "BAD_INPUT");
    assert_refused(invoke("LateBreakGlass", LATE_OF("late1", "d2", "2025-12-31T08:00:00Z", "2026-01-01T00:00:01Z")),
                   400, "BAD_INPUT");
    fcc_test_at(world, "HospitalMSP", FCC_END);
    assert_accepted(invoke("LateBreakGlass", LATE("late1")));
    kept = held("consent", "emergency", "~BTG~late1~");
    assert_has(kept, "\"late\":true,\"msp\":\"HospitalMSP\",\"opened\":\"2025-12-31T08:00:00Z\"");
    assert_has(kept, "\"enteredBy\":\"po1\"");
    assert_has(kept, "\"evidenceHash\":\"" FP("ef") "\"");
    assert_refused(invoke("LateBreakGlass", LATE("late1")), 409, "ALREADY");
    assert_decided(PID_A, AS_D2, "BTG", OF_LAB("N", ""), false, "no_case");
    assert_accepted(on_case("ReviewBreakGlass", "late1", REVIEW));
    /* who has two employers was at work for either */
    assert_accepted(invoke("LateBreakGlass", LATE_OF("late2", "d10", "2025-12-31T08:00:00Z", "2025-12-31T09:00:00Z")));
    as("ClinicMSP", "privacy_officer", "po3", C1, "1c");
    assert_accepted(invoke("LateBreakGlass", LATE_OF("late3", "d10", "2025-12-31T08:00:00Z", "2025-12-31T09:00:00Z")));
    assert_has(held("consent", "emergency", "~BTG~late3~"), "\"msp\":\"ClinicMSP\"");
}

/* ---- lists ---- */

static void everybody_sees_the_cases_that_are_theirs(void **state)
{
    static const struct {
        const char *msp, *role, *uid, *site, *key;
        bool sees1, sees2, sees3;
    } readers[] = {
        { "RegulatorMSP", "auditor", "aud1", A1, "18", true, true, true },
        { "HospitalMSP", "privacy_officer", "po1", H1, "13", true, true, false },
        { "ClinicMSP", "privacy_officer", "po3", C1, "1c", false, false, true },
        { "HospitalMSP", "patient", NULL, NULL, "a1", true, false, true },
        { "HospitalMSP", "patient", NULL, NULL, "b1", false, true, false },
    };

    assert_accepted(invoke("BreakGlass", OPEN("case1")));
    assert_accepted(invoke("BreakGlass", OPEN_OF("case2", PID_B, "other", "x")));
    as("ClinicMSP", "doctor", "d9", C1, "09");
    assert_accepted(invoke("BreakGlass", OPEN("case3")));
    for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
        fcc_test_result r;

        as(readers[i].msp, readers[i].role, readers[i].uid, readers[i].site, readers[i].key);
        r = query("BreakGlassCases", NULL);
        assert_accepted(r);
        assert_int_equal(readers[i].sees1, strstr(r.payload, "\"id\":\"case1\"") != NULL);
        assert_int_equal(readers[i].sees2, strstr(r.payload, "\"id\":\"case2\"") != NULL);
        assert_int_equal(readers[i].sees3, strstr(r.payload, "\"id\":\"case3\"") != NULL);
    }
    assert_refused(query("BreakGlassCases", "{\"pid\":\"" PID_A "\"}"), 403, "DENIED:not_owner");
    as_emergency_doctor();
    assert_refused(query("BreakGlassCases", NULL), 403, "DENIED:role");
}

static void cases_are_listed_newest_first_by_filter_and_page(void **state)
{
    char in[400], next[100];
    fcc_test_result r;
    const char *at;

    for (int i = 0; i < 103; i++) {
        later(i * 4 * hour);
        snprintf(in, sizeof(in), OPEN_OF("case%03d", PID_A, "other", "x"), i);
        assert_accepted(invoke("BreakGlass", in));
    }
    as_auditor();
    r = query("BreakGlassCases", NULL);
    assert_accepted(r);
    assert_true(strstr(r.payload, "case102") < strstr(r.payload, "case101"));
    assert_has_not(r.payload, "case002");
    at = strstr(r.payload, "\"next\":\"");
    assert_non_null(at);
    snprintf(next, sizeof(next), "%.*s", (int)strcspn(at + 8, "\""), at + 8);
    snprintf(in, sizeof(in), "{\"page\":\"%s\"}", next);
    r = query("BreakGlassCases", in);
    assert_has(r.payload, "case002");
    assert_has(r.payload, "case000");
    assert_has_not(r.payload, "case003");
    assert_has_not(r.payload, "next");

    r = query("BreakGlassCases", "{\"status\":\"open\"}");
    assert_has(r.payload, "case102");
    assert_has_not(r.payload, "case101");
    r = query("BreakGlassCases", "{\"uid\":\"d9\"}");
    assert_string_equal(r.payload, "{\"cases\":[]}");
    r = query("BreakGlassCases", "{\"pid\":\"" PID_A "\",\"from\":\"2026-01-01T04:00:00Z\",\"to\":"
                                 "\"2026-01-01T08:00:00Z\"}");
    assert_has(r.payload, "case001");
    assert_has(r.payload, "case002");
    assert_has_not(r.payload, "case000");
    assert_has_not(r.payload, "case003");
    assert_refused(query("BreakGlassCases", "{\"site\":\"x\"}"), 400, "BAD_INPUT");
}

static const char *found_case(const char *payload, const char *id)
{
    static char one[1000];
    char name[40];
    const char *at, *start;

    snprintf(name, sizeof(name), "\"id\":\"%s\"", id);
    at = strstr(payload, name);
    assert_non_null(at);
    start = at;
    while (start > payload && *start != '{')
        start--;
    snprintf(one, sizeof(one), "%.*s", (int)strcspn(start, "}"), start);
    return one;
}

static void a_third_case_at_one_time_opens_and_is_marked(void **state)
{
    fcc_test_result r;

    assert_accepted(invoke("BreakGlass", OPEN("case1")));
    later(hour);
    assert_accepted(invoke("BreakGlass", OPEN_OF("case2", PID_B, "other", "x")));
    as_auditor();
    r = query("BreakGlassCases", NULL);
    assert_has(found_case(r.payload, "case1"), "\"over_cap\":false");
    as_emergency_doctor();
    later(2 * hour);
    assert_accepted(invoke("BreakGlass", OPEN_OF("case3", PID_UNKNOWN, "unidentified", "x")));
    later(3 * hour + 1); /* case1 has run out; with this one there are three again */
    assert_accepted(invoke("BreakGlass", OPEN_OF("case4", PID_G, "other", "x")));
    later(9 * hour);
    assert_accepted(invoke("BreakGlass", OPEN_OF("case5", PID_E, "other", "x")));
    as_auditor();
    r = query("BreakGlassCases", NULL);
    assert_has(found_case(r.payload, "case1"), "\"over_cap\":true");
    assert_has(found_case(r.payload, "case3"), "\"over_cap\":true");
    assert_has(found_case(r.payload, "case4"), "\"over_cap\":true");
    assert_has(found_case(r.payload, "case5"), "\"over_cap\":false");
    assert_has(found_case(r.payload, "case5"), "\"open\":true");
}

static void what_nobody_reviewed_within_72_hours_is_overdue(void **state)
{
    fcc_test_result r;

    assert_accepted(invoke("BreakGlass", OPEN("case1")));
    assert_accepted(invoke("BreakGlass", OPEN_OF("case2", PID_B, "other", "x")));
    later(4 * hour);
    as_officer();
    assert_accepted(on_case("ReviewBreakGlass", "case2", REVIEW));
    assert_null(held("consent", "emergency", "~BTGN~1767484800~case2~"));
    later(72 * hour);
    assert_string_equal(query("OverdueReviews", NULL).payload, "{\"cases\":[]}");
    later(72 * hour + 1);
    r = query("OverdueReviews", NULL);
    assert_accepted(r);
    assert_has(r.payload, "case1");
    assert_has_not(r.payload, "case2");
    as("ClinicMSP", "privacy_officer", "po3", C1, "1c");
    assert_string_equal(query("OverdueReviews", NULL).payload, "{\"cases\":[]}");
    as_patient();
    assert_has(query("OverdueReviews", NULL).payload, "case1");
    as_auditor();
    assert_has(query("OverdueReviews", NULL).payload, "case1");
    /* late is better than never */
    as_officer();
    assert_accepted(on_case("ReviewBreakGlass", "case1", REVIEW));
    assert_string_equal(query("OverdueReviews", NULL).payload, "{\"cases\":[]}");
}

/* ---- two at once ---- */

static void of_two_openings_of_one_doctor_for_one_patient_in_a_block_the_first_counts(void **state)
{
    fcc_test_block block;

    put_in(OPEN("case1"));
    assert_accepted(fcc_test_endorse(world, "consent", "BreakGlass", FCC_END));
    put_in(OPEN("case2"));
    assert_accepted(fcc_test_endorse(world, "consent", "BreakGlass", FCC_END));
    block = fcc_test_commit(world);
    assert_int_equal(block.tx[0].code, FCC_TEST_VALID);
    assert_int_equal(block.tx[1].code, FCC_TEST_MVCC_READ_CONFLICT);
    assert_refused(invoke("BreakGlass", OPEN("case2")), 409, "ALREADY");
}

static void an_opening_that_a_prohibition_overtakes_is_invalid(void **state)
{
    fcc_test_block block;

    put_in(OPEN("case1"));
    assert_accepted(fcc_test_endorse(world, "consent", "BreakGlass", FCC_END));
    as_patient();
    assert_accepted(invoke("SetBase", BASE("forbid", "N", SALT1)));
    block = fcc_test_commit(world);
    assert_int_equal(block.tx[0].code, FCC_TEST_MVCC_READ_CONFLICT);
    as_emergency_doctor();
    assert_refused(invoke("BreakGlass", OPEN("case1")), 403, "DENIED:btg_forbidden");
}

static void of_two_reviews_in_a_block_the_first_counts(void **state)
{
    fcc_test_block block;

    assert_accepted(invoke("BreakGlass", OPEN("case1")));
    later(4 * hour);
    as_officer();
    for (int i = 0; i < 2; i++) {
        put_in(i == 0 ? REVIEW : "{\"finding\":\"unjustified\",\"note\":\"no\"}");
        assert_accepted(fcc_test_endorse(world, "consent", "ReviewBreakGlass", "case1", FCC_END));
    }
    block = fcc_test_commit(world);
    assert_int_equal(block.tx[0].code, FCC_TEST_VALID);
    assert_int_equal(block.tx[1].code, FCC_TEST_MVCC_READ_CONFLICT);
    assert_has(held("consent", "emergency", "~BTG~case1~"), "\"finding\":\"justified\"");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, health_stop)
    const struct CMUnitTest tests[] = {
        TEST(a_case_is_kept_where_one_organisation_can_write_and_nothing_is_public),
        TEST(opening_takes_the_capability_a_licence_and_a_reason),
        TEST(an_id_is_used_once_and_a_doctor_has_one_open_case_for_a_patient),
        TEST(a_patient_may_forbid_it_and_a_guardian_of_a_minor_not),
        TEST(an_unidentified_patient_is_opened_and_linked_later),
        TEST(a_case_opens_up_to_the_patients_limit_for_three_hours),
        TEST(an_emergency_gives_no_right_to_write),
        TEST(a_case_is_closed_by_its_opener_or_a_privacy_officer_of_the_same_organisation),
        TEST(a_case_is_reviewed_once_by_somebody_else_of_the_same_organisation),
        TEST(what_happened_while_the_ledger_was_down_is_entered_with_its_true_time),
        TEST(everybody_sees_the_cases_that_are_theirs),
        TEST(cases_are_listed_newest_first_by_filter_and_page),
        TEST(a_third_case_at_one_time_opens_and_is_marked),
        TEST(what_nobody_reviewed_within_72_hours_is_overdue),
        TEST(of_two_openings_of_one_doctor_for_one_patient_in_a_block_the_first_counts),
        TEST(an_opening_that_a_prohibition_overtakes_is_invalid),
        TEST(of_two_reviews_in_a_block_the_first_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
