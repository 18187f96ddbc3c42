/* Which roles members of an organisation may carry. Who the registry lets in is tested with the chaincodes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "lib/call.h"

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
        cmocka_unit_test(a_role_belongs_to_certain_organisations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
