/* The registry's stand-in: reading its file. Who it lets in is tested with the chaincodes. */
#include "test/support/health.h"

static void a_file_that_is_not_the_registry_is_refused_with_its_fault(void **state)
{
    fcc_error error;

    assert_int_equal(registry_load_text("{", &error), FCC_ERR_CONFIG);
    assert_has(error.text, "line 1");
    assert_int_equal(registry_load_text("{\"sites\":[]}", &error), FCC_ERR_CONFIG);
    assert_has(error.text, "\"staff\" is missing");
    assert_int_equal(registry_load_file("/no/such/file", &error), FCC_ERR_CONFIG);
    assert_has(error.text, "/no/such/file");
}

static void questions_are_answered_from_the_file(void **state)
{
    struct registry_site site = { 0 };
    struct registry_patient patient = { 0 };
    const char *pub = NULL;
    bool found = false, valid = false;
    int years = 0;

    health_load();
    assert_int_equal(registry_site(NULL, H1, &site, &found), FCC_OK);
    assert_true(found && site.approved);
    assert_string_equal(site.region, "DE-BE");
    assert_int_equal(registry_site(NULL, "9", &site, &found), FCC_OK);
    assert_false(found);
    assert_int_equal(registry_patient(NULL, PID_DEAD, &patient, &found), FCC_OK);
    assert_true(found && patient.deceased && !patient.active);
    assert_int_equal(registry_check(NULL, "d1", "licence", "DE-BE", &valid), FCC_OK);
    assert_true(valid);
    assert_int_equal(registry_check(NULL, "d1", "licence", "DE-BB", &valid), FCC_OK);
    assert_false(valid);
    assert_int_equal(registry_check(NULL, "n1", "licence", "DE-BE", &valid), FCC_OK);
    assert_false(valid);
    assert_int_equal(registry_check(NULL, "d1", "magic", "DE-BE", &valid), FCC_OK);
    assert_false(valid);
    assert_int_equal(registry_custody(NULL, "HospitalMSP", &pub, &found), FCC_OK);
    assert_true(found);
    assert_int_equal(registry_retention(NULL, H1, "general", &years, &found), FCC_OK);
    assert_true(found && years == 10);
    registry_unload();
    assert_int_equal(registry_site(NULL, H1, &site, &found), FCC_OK);
    assert_false(found);
}

static void a_role_belongs_to_certain_organisations(void **state)
{
    assert_true(lib_role_allowed(lib_role_of("doctor"), "ClinicMSP"));
    assert_false(lib_role_allowed(lib_role_of("doctor"), "PharmacyMSP"));
    assert_true(lib_role_allowed(lib_role_of("pharmacist"), "PharmacyMSP"));
    assert_false(lib_role_allowed(lib_role_of("pharmacist"), "HospitalMSP"));
    assert_true(lib_role_allowed(lib_role_of("auditor"), "RegulatorMSP"));
    assert_true(lib_role_allowed(lib_role_of("auditor"), "InspectorMSP"));
    assert_true(lib_role_allowed(lib_role_of("admin"), "InsurerMSP"));
    assert_false(lib_role_allowed(lib_role_of("admin"), "InspectorMSP"));
    assert_int_equal(lib_role_of("wizard"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_that_is_not_the_registry_is_refused_with_its_fault),
        cmocka_unit_test(questions_are_answered_from_the_file),
        cmocka_unit_test(a_role_belongs_to_certain_organisations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
