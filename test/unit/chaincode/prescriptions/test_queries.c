/* Who reads what of prescriptions, what the ledger proves of them, and what is tampered with. */
#include "test/unit/chaincode/prescriptions/pharmacy.h"

#include <jansson.h>

enum { max_functions = 64 };

/* Put(key, value): what no function does, a prescription that is not what its act commits to. */
static fcc_status put(fcc_stub *stub, fcc_args args)
{
    return fcc_put_private_data(stub, FCC_LIT("rx"), args.v[0], args.v[1]);
}

static int make_with_put(void **state)
{
    static fcc_function functions[max_functions];
    static fcc_chaincode chaincode;
    size_t n = prescriptions_chaincode.count;

    assert_true(n < max_functions);
    memcpy(functions, prescriptions_chaincode.functions, n * sizeof(functions[0]));
    functions[n] = (fcc_function){ "Put", put, 2 };
    chaincode = prescriptions_chaincode;
    chaincode.functions = functions;
    chaincode.count = n + 1;
    return set_up_with(&chaincode);
}
HEALTH_SETUP(set_up_with_put, make_with_put)

static void tamper(const char *key, const char *from, const char *to)
{
    const char *value = held("prescriptions", "rx", key), *at = strstr(value, from);
    char text[4000];
    fcc_bytes args[3] = { FCC_LIT("Put") };

    assert_non_null(at);
    snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - value), value, to, at + strlen(from));
    args[1] = key_of(key);
    args[2] = fcc_str(text);
    assert_accepted(fcc_test_call(world, FCC_TEST_SUBMIT, "prescriptions", args, 3));
}

static void a_copy_that_the_ledger_does_not_commit_to_is_no_prescription(void **state)
{
    issue_and_accept();
    assert_accepted(invoke_id("Dispense", "r1", TAKE_ONE("1", "a1")));
    tamper("~RXD~r1~0001~", "\"units\":30", "\"units\":20");
    assert_refused(invoke_id("ReverseDispense", "r1", REVERSE("1")), 422, "TAMPERED");
    assert_refused(invoke_id("HandOver", "r1", SEQ("1")), 422, "TAMPERED");
    tamper("~RX~r1~", "\"auth\":60", "\"auth\":90");
    assert_refused(invoke_id("Dispense", "r1", TAKE_ONE("2", "a2")), 422, "TAMPERED");
    assert_refused(invoke_id("Return", "r1", BECAUSE("other")), 422, "TAMPERED");
    assert_refused(query("GetRx", "{\"rxId\":\"r1\"}"), 422, "TAMPERED");
    tamper("~RX~r1~", "\"auth\":90", "\"auth\":60");
    assert_accepted(invoke_id("Dispense", "r1", TAKE_ONE("2", "a2")));
}

static void owner_issuer_and_who_has_it_read_a_prescription(void **state)
{
    issue();
    assert_has(query("GetRx", "{\"rxId\":\"r1\"}").payload, "\"dispenses\":[],\"rx\":{");
    as("HospitalMSP", "doctor", "d7", H1, "07");
    assert_refused(query("GetRx", "{\"rxId\":\"r1\"}"), 403, "DENIED:not_issuer");
    assert_string_equal(query("ListPrescriptions", OF(PID_A)).payload, "{\"prescriptions\":[]}");
    as_pharmacist();
    assert_refused(query("GetRx", "{\"rxId\":\"r1\"}"), 403, "DENIED:not_lock");
    assert_string_equal(query("ListPrescriptions", OF(PID_A)).payload, "{\"prescriptions\":[]}");
    assert_accepted(invoke_id("Accept", "r1", ACCEPT));
    assert_has(query("GetRx", "{\"rxId\":\"r1\"}").payload, "\"dose\":\"1-0-1\"");
    assert_has(query("ListPrescriptions", OF(PID_A)).payload, "\"rxId\":\"r1\"");
    as_patient();
    assert_has(query("GetRx", "{\"rxId\":\"r1\"}").payload, "\"dose\":\"1-0-1\"");
    assert_refused(query("GetRx", "{\"rxId\":\"r2\"}"), 404, "NOT_FOUND");
    as_other_patient();
    assert_refused(query("GetRx", "{\"rxId\":\"r1\"}"), 403, "DENIED:not_owner");
    assert_refused(query("ListPrescriptions", OF(PID_A)), 403, "DENIED:not_owner");
    assert_refused(query("Reminders", OF(PID_A)), 403, "DENIED:not_owner");
    as("HospitalMSP", "nurse", "n1", H1, "11");
    assert_refused(query("GetRx", "{\"rxId\":\"r1\"}"), 403, "DENIED:role");
}

static void a_patients_prescriptions_are_listed_newest_first_by_page(void **state)
{
    json_t *answer;
    char in[2000], next[100];

    for (int i = 0; i < 102; i++) {
        fcc_test_set_time(world, NOW + i);
        snprintf(in, sizeof(in),
                 "{\"rxId\":\"r%03d\",\"pid\":\"" PID_A "\",\"encId\":\"e1\",\"items\":[" ITEM
                 "],\"codeHash\":\"" FP("0a") "\",\"codeSalt\":\"" CODE_SALT "\",\"validUntil\":\"" UNTIL
                                              "\",\"salt\":\"" SALT1 "\"}",
                 i);
        put_in(in);
        assert_accepted(fcc_test_submit(world, "prescriptions", "Issue", FCC_END));
    }
    as_patient();
    answer = json_loads(query("ListPrescriptions", OF(PID_A)).payload, 0, NULL);
    assert_int_equal(json_array_size(json_object_get(answer, "prescriptions")), 100);
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(json_object_get(answer, "prescriptions"), 0), "rxId")),
        "r101");
    snprintf(next, sizeof(next), "%s", json_string_value(json_object_get(answer, "next")));
    json_decref(answer);
    snprintf(in, sizeof(in), "{\"pid\":\"" PID_A "\",\"page\":\"%s\"}", next);
    answer = json_loads(query("ListPrescriptions", in).payload, 0, NULL);
    assert_int_equal(json_array_size(json_object_get(answer, "prescriptions")), 2);
    assert_null(json_object_get(answer, "next"));
    json_decref(answer);
}

static void reminders_say_what_can_be_fetched_from_when(void **state)
{
    issue_and_accept();
    assert_accepted(
        invoke_id("Dispense", "r1", DISPENSE("1", LINE("1", PACK(GTIN_A, "a1", "30") "," PACK(GTIN_A, "a2", "30")))));
    as_patient();
    assert_string_equal(query("Reminders", OF(PID_A)).payload,
                        "{\"reminders\":[{\"dose\":\"1-0-1\",\"from\":\"2026-01-31T00:00:00Z\",\"item\":1,\"left\":60,"
                        "\"lock\":\"" P1 "\",\"repeats\":1,\"rxId\":\"r1\",\"until\":\"" UNTIL "\"}]}");
    fcc_test_set_time(world, UNTIL_EPOCH + 1);
    assert_string_equal(query("Reminders", OF(PID_A)).payload, "{\"reminders\":[]}");
    lib_set_clock(NULL);
    assert_refused(query("Reminders", OF(PID_A)), 400, "TIME_WINDOW");
    lib_set_clock(health_now);
}

static void the_ledger_proves_what_a_prescription_was(void **state)
{
    char in[3000];
    const char *history;

    issue_and_accept();
    assert_accepted(invoke_id("Dispense", "r1", TAKE_ONE("1", "a1")));
    snprintf(in, sizeof(in), "{\"record\":%s}", rx_value("r1"));
    as_staff("nurse", "n1", "11");
    put_in(in);
    assert_string_equal(fcc_test_evaluate(world, "prescriptions", "VerifyCommit", "r1", FCC_END).payload, "true");
    snprintf(in, sizeof(in), "{\"record\":%s}", held("prescriptions", "rx", "~RXV~r1~000001~"));
    put_in(in);
    assert_string_equal(fcc_test_evaluate(world, "prescriptions", "VerifyCommit", "r1", FCC_END).payload, "false");
    as_auditor();
    history = query_id("ActHistory", "r1", NULL).payload;
    assert_has(history, "\"status\":\"active\"");
    assert_has(strstr(history, "active"), "\"status\":\"accepted\"");
    assert_has(strstr(history, "accepted"), "\"status\":\"partial\"");
    assert_has(query_id("ActHistory", "r1:1", NULL).payload, "\"status\":\"dispensed\"");
    as_patient();
    assert_has(query_id("ActHistory", "r1:1", NULL).payload, "\"status\":\"dispensed\"");
    as_other_patient();
    assert_refused(query_id("ActHistory", "r1", NULL), 403, "DENIED:not_owner");
    assert_refused(query_id("ActHistory", "r9", NULL), 403, "DENIED:not_owner");
}

/* ---- the README ---- */

static void the_readme_has_the_tables_of_the_code(void **state)
{
    static char readme[65536];
    char *tables = NULL;
    size_t len = 0;
    FILE *f = fopen("chaincode/prescriptions/README.md", "r"), *out = open_memstream(&tables, &len);

    assert_non_null(f);
    assert_non_null(out);
    assert_true(fread(readme, 1, sizeof(readme) - 1, f) > 0);
    fclose(f);
    assert_true(lib_describe(out, &prescriptions_table));
    fclose(out);
    if (!strstr(readme, tables))
        fail_msg("chaincode/prescriptions/README.md has other tables than `prescriptions --describe` prints");
    free(tables);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up_with_put, health_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_copy_that_the_ledger_does_not_commit_to_is_no_prescription),
        CASE(owner_issuer_and_who_has_it_read_a_prescription),
        CASE(a_patients_prescriptions_are_listed_newest_first_by_page),
        CASE(reminders_say_what_can_be_fetched_from_when),
        CASE(the_ledger_proves_what_a_prescription_was),
        cmocka_unit_test(the_readme_has_the_tables_of_the_code),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
