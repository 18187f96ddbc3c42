/* The places: how the regulator begins, who registers, who approves. */
#include "test/unit/chaincode/credentials/registry.h"

static void the_regulator_begins_once(void **state)
{
    fcc_test_result r;

    as("RegulatorMSP", "admin", "ra", R1, "ra");
    assert_refused(submit("Bootstrap", "ra", R1), 403, "DENIED:role"); /* no OU admin */
    as_hospital_admin();
    assert_refused(submit("Bootstrap", "ha", HOSPITAL), 403, "DENIED:role");
    as_regulator();
    assert_refused(submit("Bootstrap", "other", R1), 403, "DENIED:certificate");
    assert_refused(submit("Bootstrap", "ra", "4012345003018"), 400, "BAD_INPUT");
    r = submit("Bootstrap", "ra", R1);
    assert_accepted(r);
    assert_string_equal(r.event, "OrgApproved");
    assert_has(public_value("~ORG~" R1 "~"), "\"status\":\"approved\",\"type\":\"authority\"");
    assert_has(public_value("~PROLE~ra~" R1 "~"), "\"roles\":[\"admin\"]");
    assert_has(query("Caller").payload, "\"uid\":\"ra\"");
    assert_refused(submit("Bootstrap", "ra", R1), 409, "ALREADY");
    as_admin_of("RegulatorMSP", "rb", R2, "rb");
    assert_refused(submit("Bootstrap", "rb", R2), 409, "ALREADY");
}

static void two_regulators_in_one_block_are_one(void **state)
{
    fcc_test_block block;

    as_regulator();
    assert_accepted(endorse("Bootstrap", "ra", R1));
    as_admin_of("RegulatorMSP", "rb", R2, "rb");
    assert_accepted(endorse("Bootstrap", "rb", R2));
    block = fcc_test_commit(world);
    assert_int_equal(block.tx[0].code, FCC_TEST_VALID);
    assert_int_equal(block.tx[1].code, FCC_TEST_MVCC_READ_CONFLICT);
    assert_refused(submit("Bootstrap", "rb", R2), 409, "ALREADY");
}

static void a_first_site_brings_its_administrator(void **state)
{
    fcc_test_result r;

    bootstrap();
    as("HospitalMSP", "admin", "ha", HOSPITAL, "ha");
    assert_refused(submit("RegisterOrg", HOSPITAL, "hospital", "DE-BE", "", "A hospital"), 403, "DENIED:role");
    as_hospital_admin();
    assert_refused(submit("RegisterOrg", WARD, "ward", "DE-BE", "", "A ward"), 403, "DENIED:certificate");
    assert_accepted(submit("RegisterOrg", HOSPITAL, "hospital", "DE-BE", "", "A hospital"));
    assert_refused(submit("RegisterOrg", HOSPITAL, "hospital", "DE-BE", "", "A hospital"), 409, "ALREADY");
    assert_refused(query("Caller"), 403, "DENIED:unbound_key");
    assert_refused(submit("ApproveOrg", HOSPITAL), 403, "DENIED:unbound_key");
    as_regulator();
    r = submit("ApproveOrg", HOSPITAL);
    assert_accepted(r);
    assert_string_equal(r.event, "OrgApproved");
    assert_string_equal(r.event_payload, "{\"gln\":\"" HOSPITAL "\"}");
    assert_refused(submit("ApproveOrg", HOSPITAL), 409, "ALREADY");
    as_hospital_admin();
    assert_has(query("Caller").payload, "\"role\":\"admin\",\"site\":\"" HOSPITAL "\",\"uid\":\"ha\"}");
    assert_refused(submit("ApproveOrg", HOSPITAL), 403, "DENIED:role");
    assert_has(query("GetOrg", HOSPITAL).payload, "\"display\":\"A hospital\"");
    assert_has(query("ListOrgs", "").payload, "{\"orgs\":[{");
}

static void bad_arguments_are_refused(void **state)
{
    static const char *const bad[][5] = {
        { "401234500001", "hospital", "DE-BE", "", "A" },
        { "4012345000017", "hospital", "DE-BE", "", "A" },
        { HOSPITAL, "castle", "DE-BE", "", "A" },
        { HOSPITAL, "hospital", "de-be", "", "A" },
        { HOSPITAL, "hospital", "DE-", "", "A" },
        { HOSPITAL, "hospital", "DE-ABCD", "", "A" },
        { HOSPITAL, "hospital", "DE-BE", "x", "A" },
        { HOSPITAL, "hospital", "DE-BE", "", "" },
        { HOSPITAL, "hospital", "DE-BE", "", "two\nlines" },
        { "", "hospital", "DE-BE", "", "A" },
        { HOSPITAL, "", "DE-BE", "", "A" },
    };

    bootstrap();
    as_hospital_admin();
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_refused(submit("RegisterOrg", bad[i][0], bad[i][1], bad[i][2], bad[i][3], bad[i][4]), 400, "BAD_INPUT");
    assert_refused(submit("RegisterOrg", HOSPITAL, "hospital", "DE-BE", ""), 400, "BAD_INPUT");
    assert_refused(submit("RegisterOrg", HOSPITAL, "hospital", "DE-BE", "", "{\"address\":\"x\"}"), 400, "PHI_IN_ARGS");
    assert_refused(submit("RegisterOrg", HOSPITAL, "hospital", "DE-BE", WARD, "A"), 412, "PRECONDITION");
    put_in("{}");
    assert_refused(submit("RegisterOrg", HOSPITAL, "hospital", "DE-BE", "", "A"), 400, "BAD_INPUT");
    assert_refused(query("GetOrg", HOSPITAL), 403, "DENIED:unbound_key");
    as_regulator();
    assert_refused(query("GetOrg", HOSPITAL), 404, "NOT_FOUND");
    assert_refused(submit("ApproveOrg", HOSPITAL), 404, "NOT_FOUND");
    assert_refused(submit("Nonsense"), 400, "BAD_INPUT");
}

static void only_the_regulator_has_councils_and_the_inspectorate(void **state)
{
    open_sites();
    as_hospital_admin();
    assert_refused(submit("RegisterOrg", WARD, "council", "DE-BE", "", "A council"), 403, "DENIED:role");
    assert_refused(submit("RegisterOrg", WARD, "inspectorate", "DE-BE", "", "Inspectors"), 403, "DENIED:role");
    as_regulator();
    assert_accepted(submit("RegisterOrg", INSPECTORS, "inspectorate", "DE-BE", "", "Inspectors"));
    assert_accepted(submit("ApproveOrg", INSPECTORS));
    assert_has(public_value("~ORG~" INSPECTORS "~"), "\"msp\":\"InspectorMSP\"");
    assert_accepted(submit("RegisterOrg", R2, "council", "DE", R1, "A council"));
    assert_accepted(submit("ApproveOrg", R2));
    as_admin_of("RegulatorMSP", "rk", R2, "rk");
    assert_accepted(submit("RegisterPractitioner", "rk", R2, "[\"admin\"]", "[]", "", ""));
    as_regulator();
    assert_accepted(submit("ApprovePractitioner", "rk", R2));
    as_admin_of("RegulatorMSP", "rk", R2, "rk");
    assert_refused(submit("SuspendOrg", HOSPITAL), 403, "DENIED:role"); /* a council regulates nobody */
}

static void a_bound_administrator_registers_more_sites(void **state)
{
    open_sites();
    as_hospital_admin();
    assert_accepted(submit("RegisterOrg", WARD, "ward", "DE-BE", HOSPITAL, "A ward"));
    as_admin_of("HospitalMSP", "hb", WARD, "hb");
    assert_refused(submit("RegisterOrg", WARD, "ward", "DE-BE", "", "Mine"), 403, "DENIED:unbound_key");
    as_clinic_admin();
    assert_refused(submit("RegisterOrg", WARD, "ward", "DE-BE", "", "Mine"), 409, "ALREADY");
    as_regulator();
    assert_accepted(submit("RejectOrg", WARD));
    assert_refused(submit("ApproveOrg", WARD), 412, "PRECONDITION");
    as_hospital_admin();
    assert_accepted(submit("RegisterOrg", WARD, "ward", "DE-BE", HOSPITAL, "A ward again"));
    as_regulator();
    assert_accepted(submit("ApproveOrg", WARD));
    assert_null(public_value("~PROLE~ha~" WARD "~"));
}

static void a_suspended_site_stops_everybody_there_at_once(void **state)
{
    open_sites();
    employ("doctor", "d1", "k1");
    as_regulator();
    assert_refused(submit("SuspendOrg", R1), 403, "DENIED:self");
    assert_accepted(submit("SuspendOrg", HOSPITAL));
    assert_refused(submit("SuspendOrg", HOSPITAL), 409, "ALREADY");
    as("HospitalMSP", "doctor", "d1", HOSPITAL, "k1");
    assert_refused(query("Caller"), 403, "DENIED:suspended");
    as_hospital_admin();
    assert_refused(submit("RegisterOrg", WARD, "ward", "DE-BE", "", "A ward"), 403, "DENIED:suspended");
    as_regulator();
    assert_accepted(submit("ReinstateOrg", HOSPITAL));
    assert_refused(submit("ReinstateOrg", HOSPITAL), 409, "ALREADY");
    as("HospitalMSP", "doctor", "d1", HOSPITAL, "k1");
    assert_accepted(query("Caller"));
}

static void an_approval_and_a_suspension_in_one_block_are_not_both_valid(void **state)
{
    fcc_test_block block;

    open_sites();
    as("HospitalMSP", "doctor", "d1", HOSPITAL, "k1");
    assert_accepted(submit("RegisterPractitioner", "d1", HOSPITAL, "[\"doctor\"]", "[]", "", ""));
    as_regulator();
    assert_accepted(endorse("SuspendOrg", HOSPITAL));
    as_hospital_admin();
    assert_accepted(endorse("ApprovePractitioner", "d1", HOSPITAL));
    block = fcc_test_commit(world);
    assert_int_equal(block.tx[0].code, FCC_TEST_VALID);
    assert_int_equal(block.tx[1].code, FCC_TEST_MVCC_READ_CONFLICT);
    assert_refused(submit("ApprovePractitioner", "d1", HOSPITAL), 403, "DENIED:suspended");
}

static void a_proposal_far_from_the_clock_writes_nothing(void **state)
{
    bootstrap();
    lib_set_clock(NULL);
    assert_refused(submit("RegisterOrg", R2, "office", "DE", "", "Late"), 400, "TIME_WINDOW");
    assert_accepted(query("ListOrgs", ""));
}

static void the_contract_describes_itself(void **state)
{
    fcc_test_result r;

    as_hospital_admin(); /* whoever asks */
    r = query("org.hyperledger.fabric:GetMetadata");
    assert_accepted(r);
    assert_has(r.payload, "\"name\":\"Bootstrap\",\"parameters\":[{\"name\":\"uid\"");
    assert_has(r.payload, "\"tag\":[\"evaluate\",\"EVALUATE\"]");
}

static void the_readme_has_the_tables_of_the_code(void **state)
{
    static char readme[64 * 1024];
    char *tables = NULL;
    size_t len = 0;
    FILE *f = fopen("chaincode/credentials/README.md", "r"), *out = open_memstream(&tables, &len);

    assert_non_null(f);
    assert_non_null(out);
    readme[fread(readme, 1, sizeof(readme) - 1, f)] = 0;
    fclose(f);
    assert_true(lib_describe(out, &credentials_table));
    fclose(out);
    if (!strstr(readme, tables))
        fail_msg("chaincode/credentials/README.md: put there what `credentials --describe` prints");
    free(tables);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_regulator_begins_once, registry_start, health_stop),
        cmocka_unit_test_setup_teardown(two_regulators_in_one_block_are_one, registry_start, health_stop),
        cmocka_unit_test_setup_teardown(a_first_site_brings_its_administrator, registry_start, health_stop),
        cmocka_unit_test_setup_teardown(bad_arguments_are_refused, registry_start, health_stop),
        cmocka_unit_test_setup_teardown(only_the_regulator_has_councils_and_the_inspectorate, registry_start,
                                        health_stop),
        cmocka_unit_test_setup_teardown(a_bound_administrator_registers_more_sites, registry_start, health_stop),
        cmocka_unit_test_setup_teardown(a_suspended_site_stops_everybody_there_at_once, registry_start, health_stop),
        cmocka_unit_test_setup_teardown(an_approval_and_a_suspension_in_one_block_are_not_both_valid, registry_start,
                                        health_stop),
        cmocka_unit_test_setup_teardown(a_proposal_far_from_the_clock_writes_nothing, registry_start, health_stop),
        cmocka_unit_test(the_readme_has_the_tables_of_the_code),
        cmocka_unit_test_setup_teardown(the_contract_describes_itself, registry_start, health_stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
