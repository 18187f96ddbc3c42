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
        cmocka_unit_test(a_role_belongs_to_certain_organisations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
