/* What is free, what somebody has, a doctor's day, acts and their commits; and what README says. */
#include "test/unit/chaincode/appointments/diary.h"

#define FREE(uid, date) "{\"uid\":\"" uid "\",\"date\":\"" date "\"}"
#define OF(pid) "{\"pid\":\"" pid "\"}"

static size_t count_of(const char *text, const char *what)
{
    size_t n = 0;

    for (; (text = strstr(text, what)) != NULL; text += strlen(what))
        n++;
    return n;
}

static void what_is_free_is_found(void **state)
{
    fcc_test_result r = query("FindFree", FREE("d1", DAY));

    assert_accepted(r);
    assert_int_equal(count_of(r.payload, "\"start\""), 12);
    assert_has(r.payload, "{\"class\":\"normal\",\"minutes\":15,\"site\":\"" H1 "\",\"start\":\"" NINE "\"}");
    assert_has(r.payload, "\"waiting\":{\"normal\":0,\"urgent\":0}");
    hold("v1", PID_A, "d1", AT("09:15"), 20); /* into the next unit */
    r = query("FindFree", FREE("d1", DAY));
    assert_int_equal(count_of(r.payload, "\"start\""), 10);
    assert_has_not(r.payload, AT("09:15"));
    assert_has_not(r.payload, AT("09:30"));
    fcc_test_set_time(world, NOW + 720);
    assert_int_equal(count_of(query("FindFree", FREE("d1", DAY)).payload, "\"start\""), 10);
    fcc_test_set_time(world, NOW + 721);
    assert_int_equal(count_of(query("FindFree", FREE("d1", DAY)).payload, "\"start\""), 12);
    assert_string_equal(query("FindFree", FREE("d1", "2026-01-06")).payload,
                        "{\"units\":[],\"waiting\":{\"normal\":0,\"urgent\":0}}");
    assert_string_equal(query("FindFree", FREE("nobody", DAY)).payload,
                        "{\"units\":[],\"waiting\":{\"normal\":0,\"urgent\":0}}");
    assert_refused(query("FindFree", FREE("d1", "2026-01-32")), 400, "BAD_INPUT");
    fcc_test_set_time(world, NINE_O_CLOCK + 3600);
    assert_int_equal(count_of(query("FindFree", FREE("d1", DAY)).payload, "\"start\""), 7);
    as_clinic_doctor();
    assert_accepted(query("FindFree", FREE("d1", DAY)));
    as("PharmacyMSP", "pharmacist", "ph1", P1, "17");
    assert_refused(query("FindFree", FREE("d1", DAY)), 403, "DENIED:role");
}

static void a_long_day_comes_in_pages(void **state)
{
    fcc_test_result r;

    as_desk();
    assert_accepted(invoke("PublishDay", publish_in("d7", NOW + 86400, 288, 5, 0)));
    r = query("FindFree", FREE("d7", "2026-01-02"));
    assert_int_equal(count_of(r.payload, "\"minutes\""), 100);
    assert_has(r.payload, "\"next\":\"2026-01-02T08:15:00Z\"");
    r = query("FindFree", "{\"uid\":\"d7\",\"date\":\"2026-01-02\",\"page\":\"2026-01-02T16:35:00Z\"}");
    assert_int_equal(count_of(r.payload, "\"minutes\""), 88);
    assert_has_not(r.payload, "next");
}

static void a_unit_over_midnight_is_of_the_day_on_which_it_begins(void **state)
{
    as_desk();
    assert_accepted(invoke("PublishDay", publish_in("d7", NOW + 2 * 86400 - 600, 2, 60, 0)));
    as_patient();
    assert_has(query("FindFree", FREE("d7", "2026-01-02")).payload, "\"start\":\"2026-01-02T23:50:00Z\"");
    assert_has_not(query("FindFree", FREE("d7", "2026-01-03")).payload, "T23:50");
    book("v1", PID_A, "d7", "2026-01-02T23:50:00Z", 60);
    as_desk();
    assert_has(query("DaySheet", FREE("d7", "2026-01-02")).payload, "\"id\":\"v1\"");
    assert_string_equal(query("DaySheet", FREE("d7", "2026-01-03")).payload, "{\"visits\":[]}");
}

static void an_appointment_is_its_parties_business(void **state)
{
    hold("v1", PID_A, "d1", NINE, 15);
    assert_has(query("GetAppointment", look_in("v1")).payload, "\"status\":\"pending\"");
    assert_refused(query("GetAppointment", look_in("v9")), 404, "NOT_FOUND");
    as_other_patient();
    assert_refused(query("GetAppointment", look_in("v1")), 403, "DENIED:not_owner");
    as_desk();
    assert_accepted(query("GetAppointment", look_in("v1")));
    as_doctor();
    assert_accepted(query("GetAppointment", look_in("v1")));
    as("HospitalMSP", "doctor", "d7", H1, "07");
    assert_refused(query("GetAppointment", look_in("v1")), 403, "DENIED:not_author");
    as_clinic_desk();
    assert_refused(query("GetAppointment", look_in("v1")), 403, "DENIED:not_site");
}

static void everybody_lists_what_is_their_business(void **state)
{
    fcc_test_result r;

    book("v1", PID_A, "d1", NINE, 15);
    hold("v2", PID_A, "d3", AT("10:00"), 20);
    r = query("ListAppointments", OF(PID_A));
    assert_accepted(r);
    assert_int_equal(count_of(r.payload, "\"id\""), 2);
    assert_true(strstr(r.payload, "v1") < strstr(r.payload, "v2"));
    as_other_patient();
    assert_refused(query("ListAppointments", OF(PID_A)), 403, "DENIED:not_owner");
    assert_refused(query("Reminders", OF(PID_A)), 403, "DENIED:not_owner");
    as_guardian();
    assert_accepted(query("ListAppointments", OF(PID_W)));
    assert_refused(query("ListAppointments", OF(PID_M)), 403, "DENIED:not_owner");
    as_desk();
    r = query("ListAppointments", OF(PID_A));
    assert_int_equal(count_of(r.payload, "\"id\""), 1);
    assert_has(r.payload, "v1");
    as_clinic_desk();
    assert_has(query("ListAppointments", OF(PID_A)).payload, "v2");
    as("HospitalMSP", "doctor", "d7", H1, "07");
    assert_string_equal(query("ListAppointments", OF(PID_A)).payload, "{\"appointments\":[]}");
}

static void many_appointments_come_in_pages(void **state)
{
    static const char *const caps = "{\"uid\":\"d7\",\"caps\":{\"perDay\":50,\"urgentPerDay\":1},\"salt\":\"" SALT1
                                    "\"}";
    char next[200];
    fcc_test_result r;
    const char *at;

    as_admin();
    assert_accepted(invoke("SetLimits", caps));
    as_desk();
    for (int day = 0; day < 3; day++) {
        assert_accepted(invoke("PublishDay", publish_in("d7", NINE_O_CLOCK + day * 86400, 45, 5, 0)));
        for (int i = 0; i < 40; i++)
            hold(text_of("v%d.%d", day, i), PID_A, "d7",
                 text_of("2026-01-0%dT%02d:%02d:00Z", 5 + day, 9 + i / 12, i % 12 * 5), 5);
    }
    as_patient();
    r = query("ListAppointments", OF(PID_A));
    assert_int_equal(count_of(r.payload, "\"pid\""), 100);
    at = strstr(r.payload, "\"next\":\"");
    assert_non_null(at);
    snprintf(next, sizeof(next), "%.*s", (int)strcspn(at + 8, "\""), at + 8);
    r = query("ListAppointments", text_of("{\"pid\":\"" PID_A "\",\"page\":\"%s\"}", next));
    assert_int_equal(count_of(r.payload, "\"pid\""), 20);
    assert_has_not(r.payload, "next");
}

static void reminders_are_of_what_is_to_come(void **state)
{
    fcc_test_result r;

    book("v1", PID_A, "d1", NINE, 15);
    book("v2", PID_A, "d1", AT("10:00"), 15);
    hold("v3", PID_A, "d1", AT("11:00"), 15);
    assert_accepted(invoke("Cancel", cancel_in("v2")));
    r = query("Reminders", OF(PID_A));
    assert_accepted(r);
    assert_int_equal(count_of(r.payload, "\"id\""), 2);
    assert_has(r.payload, "{\"id\":\"v1\",\"minutes\":15,\"site\":\"" H1 "\",\"start\":\"" NINE
                          "\",\"status\":\"booked\",\"uid\":\"d1\"}");
    assert_has(r.payload, "\"until\":\"2026-01-01T00:10:00Z\"");
    fcc_test_set_time(world, NOW + 601);
    assert_has_not(query("Reminders", OF(PID_A)).payload, "v3");
    fcc_test_set_time(world, NINE_O_CLOCK + 1);
    assert_string_equal(query("Reminders", OF(PID_A)).payload, "{\"reminders\":[]}");
}

static void a_day_sheet_has_the_sites_visits(void **state)
{
    fcc_test_result r;

    book("v1", PID_A, "d1", AT("10:00"), 30);
    as_other_patient();
    book("v2", PID_B, "d1", NINE, 15);
    hold("v3", PID_B, "d1", AT("11:00"), 15);
    hold("v4", PID_B, "d1", AT("09:30"), 15);
    assert_accepted(invoke("Cancel", cancel_in("v4")));
    as_admin();
    assert_accepted(
        invoke("BookOverride", "{\"id\":\"v5\",\"pid\":\"" PID_W "\",\"uid\":\"d1\",\"start\":\"" AT(
                                   "10:10") "\",\"minutes\":5,\"reasonCode\":\"other\",\"salt\":\"" SALT1 "\"}"));
    assert_accepted(
        invoke("Block", "{\"uid\":\"d1\",\"from\":\"" NINE "\",\"to\":\"" AT("09:05") "\",\"salt\":\"" SALT2 "\"}"));
    as_desk();
    r = query("DaySheet", FREE("d1", DAY));
    assert_accepted(r);
    assert_int_equal(count_of(r.payload, "\"id\""), 4);
    assert_true(strstr(r.payload, "v2") < strstr(r.payload, "v1"));
    assert_true(strstr(r.payload, "v1") < strstr(r.payload, "v5"));
    assert_true(strstr(r.payload, "v5") < strstr(r.payload, "v3"));
    assert_int_equal(count_of(r.payload, "\"blocked\":true"), 1);
    as_doctor();
    assert_int_equal(count_of(query("DaySheet", FREE("d1", DAY)).payload, "\"id\""), 4);
    assert_refused(query("DaySheet", FREE("d7", DAY)), 403, "DENIED:not_author");
    as_clinic_desk(); /* another site's visits are none of its business */
    assert_string_equal(query("DaySheet", FREE("d1", DAY)).payload, "{\"visits\":[]}");
    as_patient();
    assert_refused(query("DaySheet", FREE("d1", DAY)), 403, "DENIED:role");
}

static void acts_have_a_history_and_a_commit(void **state)
{
    fcc_test_result r;

    book("v1", PID_A, "d1", NINE, 15);
    r = fcc_test_evaluate(world, "appointments", "ActHistory", "v1", FCC_END);
    assert_accepted(r);
    assert_int_equal(count_of(r.payload, "\"txId\""), 2);
    put_in(text_of("{\"record\":%s}", visit("v1")));
    r = fcc_test_evaluate(world, "appointments", "VerifyCommit", "v1", FCC_END);
    assert_string_equal(r.payload, "true");
    put_in(text_of("{\"record\":%s}", held("appointments", "subject", "~APPTV~v1~000001~")));
    r = fcc_test_evaluate(world, "appointments", "VerifyCommit", "v1", FCC_END);
    assert_string_equal(r.payload, "false");
    as_other_patient();
    assert_refused(fcc_test_evaluate(world, "appointments", "ActHistory", "v1", FCC_END), 403, "DENIED:not_owner");
    assert_refused(fcc_test_evaluate(world, "appointments", "ActHistory", "v9", FCC_END), 404, "NOT_FOUND");
    as_auditor();
    assert_int_equal(
        count_of(fcc_test_evaluate(world, "appointments", "ActHistory", "v1", FCC_END).payload, "\"txId\""), 2);
}

static void every_value_has_its_own_salt(void **state)
{
    const char *cell, *next;

    hold("v1", PID_A, "d1", NINE, 15);
    cell = held("appointments", "subject", "~PCELL~" PID_A "~0005892012~");
    next = held("appointments", "subject", "~PCELL~" PID_A "~0005892013~");
    assert_has(cell, "\"salt\":\"");
    assert_has_not(cell, SALT1);
    assert_string_not_equal(cell, next);
}

static void the_readme_has_the_tables_of_the_code(void **state)
{
    static char readme[65536];
    char *tables = NULL;
    size_t len = 0;
    FILE *f = fopen("chaincode/appointments/README.md", "r"), *out = open_memstream(&tables, &len);

    assert_non_null(f);
    assert_non_null(out);
    assert_true(fread(readme, 1, sizeof(readme) - 1, f) > 0);
    fclose(f);
    assert_true(lib_describe(out, &appointments_table));
    fclose(out);
    if (!strstr(readme, tables))
        fail_msg("chaincode/appointments/README.md has other tables than `appointments --describe` prints");
    free(tables);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_days, health_stop)
    const struct CMUnitTest tests[] = {
        TEST(what_is_free_is_found),
        TEST(a_long_day_comes_in_pages),
        TEST(a_unit_over_midnight_is_of_the_day_on_which_it_begins),
        TEST(an_appointment_is_its_parties_business),
        TEST(everybody_lists_what_is_their_business),
        TEST(many_appointments_come_in_pages),
        TEST(reminders_are_of_what_is_to_come),
        TEST(a_day_sheet_has_the_sites_visits),
        TEST(acts_have_a_history_and_a_commit),
        TEST(every_value_has_its_own_salt),
        TEST(the_readme_has_the_tables_of_the_code),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
