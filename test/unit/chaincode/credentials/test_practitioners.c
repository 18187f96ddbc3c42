/* People at their sites: who applies with which key, who approves, and when a key acts. */
#include "test/unit/chaincode/credentials/registry.h"

static void as_doctor_one(void)
{
    as("HospitalMSP", "doctor", "d1", HOSPITAL, "k1");
}

static fcc_test_result apply(const char *sig)
{
    return submit("RegisterPractitioner", "d1", HOSPITAL, "[\"doctor\"]", "[\"btg\"]", sig, "");
}

static void a_doctor_applies_and_the_sites_administrator_approves(void **state)
{
    fcc_test_result r;

    bootstrap();
    as_doctor_one();
    assert_refused(apply(""), 404, "NOT_FOUND");
    as_hospital_admin();
    assert_accepted(submit("RegisterOrg", HOSPITAL, "hospital", "DE-BE", "", "A hospital"));
    as_doctor_one();
    assert_refused(apply(""), 412, "PRECONDITION");
    as_regulator();
    assert_accepted(submit("ApproveOrg", HOSPITAL));
    as_doctor_one();
    assert_accepted(apply(""));
    assert_refused(apply(""), 409, "ALREADY");
    assert_refused(query("Caller"), 403, "DENIED:unbound_key");
    assert_refused(submit("ApprovePractitioner", "d1", HOSPITAL), 403, "DENIED:unbound_key");
    as_hospital_admin();
    /* who approves sees what is asked for */
    r = query("GetPractitioner", "d1");
    assert_has(r.payload, "\"roles\":[\"doctor\"]");
    assert_has(r.payload, "\"caps\":[\"btg\"]");
    assert_has(r.payload, "\"status\":\"pending\"");
    r = submit("ApprovePractitioner", "d1", HOSPITAL);
    assert_accepted(r);
    assert_string_equal(r.event, "PractitionerApproved");
    assert_refused(submit("ApprovePractitioner", "d1", HOSPITAL), 409, "ALREADY");
    assert_refused(submit("ApprovePractitioner", "nobody", HOSPITAL), 404, "NOT_FOUND");
    as_doctor_one();
    assert_has(query("Caller").payload, "\"role\":\"doctor\",\"site\":\"" HOSPITAL "\",\"uid\":\"d1\"}");
    assert_has(query("GetPractitioner", "d1").payload, "\"caps\":[\"btg\"]");
    assert_refused(query("GetPractitioner", "d2"), 404, "NOT_FOUND");
    assert_refused(submit("ApprovePractitioner", "d1", HOSPITAL), 403, "DENIED:role");
}

static void nobody_applies_for_somebody_else(void **state)
{
    open_sites();
    as_doctor_one();
    assert_refused(submit("RegisterPractitioner", "d2", HOSPITAL, "[\"doctor\"]", "[]", "", ""), 403,
                   "DENIED:certificate");
    assert_refused(submit("RegisterPractitioner", "d1", CLINIC, "[\"doctor\"]", "[]", "", ""), 403,
                   "DENIED:certificate");
    as("HospitalMSP", "doctor", "d1", CLINIC, "k1");
    assert_refused(submit("RegisterPractitioner", "d1", CLINIC, "[\"doctor\"]", "[]", "", ""), 403,
                   "DENIED:certificate");
    as_doctor_one();
    assert_refused(submit("RegisterPractitioner", "d1", HOSPITAL, "[\"nurse\"]", "[]", "", ""), 400, "BAD_INPUT");
    assert_refused(submit("RegisterPractitioner", "d1", HOSPITAL, "[\"doctor\",\"pharmacist\"]", "[]", "", ""), 400,
                   "BAD_INPUT");
    assert_refused(submit("RegisterPractitioner", "d1", HOSPITAL, "[\"wizard\"]", "[]", "", ""), 400, "BAD_INPUT");
    assert_refused(submit("RegisterPractitioner", "d1", HOSPITAL, "[]", "[]", "", ""), 400, "BAD_INPUT");
    assert_refused(submit("RegisterPractitioner", "d1", HOSPITAL, "[\"doctor\"]", "[\"fly\"]", "", ""), 400,
                   "BAD_INPUT");
    assert_refused(submit("RegisterPractitioner", "d1", HOSPITAL, "[\"doctor\"]", "[]", "", fcc_test_fingerprint("k9")),
                   403, "DENIED:unbound_key");
    as("HospitalMSP", "nurse", "n1", HOSPITAL, "kn");
    assert_refused(submit("RegisterPractitioner", "n1", HOSPITAL, "[\"nurse\"]", "[\"btg\"]", "", ""), 400,
                   "BAD_INPUT");
    as("PharmacyMSP", "doctor", "d1", HOSPITAL, "k1");
    assert_refused(submit("RegisterPractitioner", "d1", HOSPITAL, "[\"doctor\"]", "[]", "", ""), 401, "NO_ROLE");
    as("HospitalMSP", "patient", NULL, NULL, "k1");
    assert_refused(submit("RegisterPractitioner", "d1", HOSPITAL, "[\"doctor\"]", "[]", "", ""), 403, "DENIED:role");
}

static void nobody_decides_on_oneself_or_elsewhere(void **state)
{
    open_sites();
    as_doctor_one();
    assert_accepted(apply(""));
    as_clinic_admin();
    assert_refused(submit("ApprovePractitioner", "d1", HOSPITAL), 403, "DENIED:role");
    assert_refused(submit("RejectPractitioner", "d1", HOSPITAL), 403, "DENIED:role");
    as_hospital_admin();
    assert_refused(submit("SuspendPractitioner", "ha", HOSPITAL), 403, "DENIED:self");
    assert_refused(submit("SuspendPractitioner", "d1", HOSPITAL), 412, "PRECONDITION");
    assert_refused(submit("SuspendPractitioner", "d1", ""), 403, "DENIED:role");
    as_regulator();
    assert_refused(submit("ApprovePractitioner", "ra", R1), 403, "DENIED:self");
    assert_accepted(submit("ApprovePractitioner", "d1", HOSPITAL));
}

static void who_is_rejected_may_apply_again(void **state)
{
    open_sites();
    as_doctor_one();
    assert_accepted(apply(""));
    as_hospital_admin();
    assert_accepted(submit("RejectPractitioner", "d1", HOSPITAL));
    assert_refused(submit("ApprovePractitioner", "d1", HOSPITAL), 412, "PRECONDITION");
    assert_refused(submit("RejectPractitioner", "d1", HOSPITAL), 409, "ALREADY");
    as_doctor_one();
    assert_accepted(apply(""));
    as_hospital_admin();
    assert_accepted(submit("ApprovePractitioner", "d1", HOSPITAL));
}

static void suspending_a_job_or_a_person_acts_at_once(void **state)
{
    open_sites();
    employ("doctor", "d1", "k1");
    as_hospital_admin();
    assert_accepted(submit("SuspendPractitioner", "d1", HOSPITAL));
    as_doctor_one();
    assert_refused(query("Caller"), 403, "DENIED:suspended");
    as_hospital_admin();
    assert_accepted(submit("Reinstate", "d1", HOSPITAL));
    as_doctor_one();
    assert_accepted(query("Caller"));
    as_regulator();
    assert_accepted(submit("SuspendPractitioner", "d1", HOSPITAL));
    as_hospital_admin();
    assert_refused(submit("Reinstate", "d1", HOSPITAL), 403, "DENIED:role");
    as_regulator();
    assert_accepted(submit("Reinstate", "d1", HOSPITAL));
    assert_accepted(submit("SuspendPractitioner", "d1", ""));
    assert_refused(submit("SuspendPractitioner", "d1", ""), 409, "ALREADY");
    as_doctor_one();
    assert_refused(query("Caller"), 403, "DENIED:suspended");
    as("HospitalMSP", "doctor", "d1", HOSPITAL, "k2");
    assert_refused(apply(""), 409, "ALREADY");
    as_regulator();
    assert_accepted(submit("Reinstate", "d1", ""));
    as_doctor_one();
    assert_accepted(query("Caller"));
}

static void the_regulator_takes_over_what_a_site_suspended(void **state)
{
    open_sites();
    employ("doctor", "d1", "k1");
    as_hospital_admin();
    assert_accepted(submit("SuspendPractitioner", "d1", HOSPITAL));
    assert_refused(submit("SuspendPractitioner", "d1", HOSPITAL), 409, "ALREADY");
    as_regulator();
    assert_accepted(submit("SuspendPractitioner", "d1", HOSPITAL));
    assert_refused(submit("SuspendPractitioner", "d1", HOSPITAL), 409, "ALREADY");
    as_hospital_admin();
    assert_refused(submit("Reinstate", "d1", HOSPITAL), 403, "DENIED:role");
    as_regulator();
    assert_accepted(submit("Reinstate", "d1", HOSPITAL));
}

static void a_key_is_rotated_with_the_old_one(void **state)
{
    open_sites();
    employ("doctor", "d1", "k1");
    employ("nurse", "n1", "kn");
    as_doctor_one();
    assert_refused(submit("RotateKey", fcc_test_fingerprint("k1")), 409, "ALREADY");
    assert_refused(submit("RotateKey", fcc_test_fingerprint("kn")), 409, "ALREADY");
    assert_refused(submit("RotateKey", "abc"), 400, "BAD_INPUT");
    assert_accepted(submit("RotateKey", fcc_test_fingerprint("k2")));
    assert_refused(query("Caller"), 403, "DENIED:unbound_key");
    as("HospitalMSP", "doctor", "d1", HOSPITAL, "k2");
    assert_accepted(query("Caller"));
    assert_refused(submit("RotateKey", fcc_test_fingerprint("k1")), 409, "ALREADY");
    as("HospitalMSP", "nurse", "n1", HOSPITAL, "k2"); /* the key is d1's */
    assert_refused(query("Caller"), 403, "DENIED:unbound_key");
    as("HospitalMSP", "nurse", "d1", HOSPITAL, "k2"); /* ... and a doctor's */
    assert_refused(query("Caller"), 403, "DENIED:suspended");
    as("ClinicMSP", "doctor", "d1", CLINIC, "k2"); /* ... and the hospital's */
    assert_refused(query("Caller"), 403, "DENIED:unbound_key");
    as("HospitalMSP", "doctor", "d1", WARD, "k2");
    assert_refused(query("Caller"), 403, "DENIED:suspended");
}

static void a_lost_key_is_replaced_by_applying_anew(void **state)
{
    open_sites();
    employ("doctor", "d1", "k1");
    as_doctor_one();
    assert_accepted(submit("RotateKey", fcc_test_fingerprint("k2")));
    as_hospital_admin();
    assert_accepted(submit("SuspendPractitioner", "d1", HOSPITAL));
    as("HospitalMSP", "doctor", "d1", HOSPITAL, "k3");
    assert_accepted(apply(""));
    as_hospital_admin();
    assert_refused(submit("ApprovePractitioner", "d1", HOSPITAL), 403, "DENIED:second_key");
    as_regulator();
    assert_accepted(submit("ApprovePractitioner", "d1", HOSPITAL));
    as("HospitalMSP", "doctor", "d1", HOSPITAL, "k3");
    assert_accepted(query("Caller"));
    as("HospitalMSP", "doctor", "d1", HOSPITAL, "k2");
    assert_refused(query("Caller"), 403, "DENIED:unbound_key");
}

static void a_key_that_was_rejected_at_one_site_and_works_at_another_stays(void **state)
{
    open_sites();
    as("HospitalMSP", "doctor", "d1", HOSPITAL, "kk");
    assert_accepted(apply(""));
    as_hospital_admin();
    assert_accepted(submit("RejectPractitioner", "d1", HOSPITAL));
    employ_at_clinic("doctor", "d1", "kk");
    as("HospitalMSP", "doctor", "d1", HOSPITAL, "k2");
    assert_accepted(apply(""));
    as_regulator();
    assert_accepted(submit("ApprovePractitioner", "d1", HOSPITAL));
    as("HospitalMSP", "doctor", "d1", HOSPITAL, "k2");
    assert_accepted(query("Caller"));
    as("ClinicMSP", "doctor", "d1", CLINIC, "kk");
    assert_accepted(query("Caller"));
}

static void a_clinic_cannot_make_itself_a_colleague(void **state)
{
    open_sites();
    employ("doctor", "d1", "k1");
    as("ClinicMSP", "doctor", "d1", CLINIC, "kc");
    assert_refused(submit("RegisterPractitioner", "d1", CLINIC, "[\"doctor\"]", "[]", "ab.cd", ""), 403,
                   "DENIED:signature");
    assert_refused(submit("RegisterPractitioner", "d1", CLINIC, "[\"doctor\"]", "[]", "abcd", ""), 400, "BAD_INPUT");
    assert_refused(submit("RegisterPractitioner", "d1", CLINIC, "[\"doctor\"]", "[]", "zz.zz", ""), 400, "BAD_INPUT");
    assert_accepted(submit("RegisterPractitioner", "d1", CLINIC, "[\"doctor\"]", "[]", "", ""));
    as_clinic_admin();
    assert_has(query("GetPractitioner", "d1").payload, "\"status\":\"pending\"");
    assert_refused(submit("ApprovePractitioner", "d1", CLINIC), 403, "DENIED:second_key");
    as_regulator();
    assert_accepted(submit("ApprovePractitioner", "d1", CLINIC));
    as("ClinicMSP", "doctor", "d1", CLINIC, "kc");
    assert_accepted(query("Caller"));
    as_doctor_one();
    assert_accepted(query("Caller"));
    assert_has(public_value("~PRAC~d1~"), "{\"msp\":\"ClinicMSP\",\"site\":\"" CLINIC "\"}");
}

static void the_inspectorates_auditors_are_registered_by_the_regulator_and_write_nothing(void **state)
{
    const char *fp = fcc_test_fingerprint("kv");

    open_sites();
    as_regulator();
    assert_accepted(submit("RegisterOrg", INSPECTORS, "inspectorate", "DE", "", "Inspectors"));
    assert_accepted(submit("ApproveOrg", INSPECTORS));
    as_hospital_admin();
    assert_refused(submit("RegisterPractitioner", "v1", INSPECTORS, "[\"auditor\"]", "[]", "", fp), 403, "DENIED:role");
    as("InspectorMSP", "auditor", "v1", INSPECTORS, "kv");
    assert_refused(submit("RegisterPractitioner", "v1", INSPECTORS, "[\"auditor\"]", "[]", "", ""), 401, "NO_ROLE");
    as_regulator();
    assert_refused(submit("RegisterPractitioner", "v1", HOSPITAL, "[\"nurse\"]", "[]", "", fp), 400, "BAD_INPUT");
    assert_accepted(submit("RegisterPractitioner", "v1", INSPECTORS, "[\"auditor\"]", "[]", "", fp));
    assert_accepted(submit("ApprovePractitioner", "v1", INSPECTORS));
    as("InspectorMSP", "auditor", "v1", INSPECTORS, "kv");
    assert_accepted(query("Caller"));
    assert_refused(submit("RotateKey", fcc_test_fingerprint("kw")), 401, "NO_ROLE");
}

static void two_applications_with_one_key_are_not_both_approved(void **state)
{
    fcc_test_block block;

    open_sites();
    as("HospitalMSP", "doctor", "d1", HOSPITAL, "kk");
    assert_accepted(submit("RegisterPractitioner", "d1", HOSPITAL, "[\"doctor\"]", "[]", "", ""));
    as("HospitalMSP", "doctor", "d2", HOSPITAL, "kk");
    assert_accepted(submit("RegisterPractitioner", "d2", HOSPITAL, "[\"doctor\"]", "[]", "", ""));
    as_hospital_admin();
    assert_accepted(endorse("ApprovePractitioner", "d1", HOSPITAL));
    assert_accepted(endorse("ApprovePractitioner", "d2", HOSPITAL));
    block = fcc_test_commit(world);
    assert_int_equal(block.tx[0].code, FCC_TEST_VALID);
    assert_int_equal(block.tx[1].code, FCC_TEST_MVCC_READ_CONFLICT);
    assert_refused(submit("ApprovePractitioner", "d2", HOSPITAL), 409, "ALREADY");
}

static void two_first_keys_of_one_person_are_not_both_approved(void **state)
{
    fcc_test_block block;

    open_sites();
    as("HospitalMSP", "doctor", "d1", HOSPITAL, "k1");
    assert_accepted(submit("RegisterPractitioner", "d1", HOSPITAL, "[\"doctor\"]", "[]", "", ""));
    as("ClinicMSP", "doctor", "d1", CLINIC, "kc");
    assert_accepted(submit("RegisterPractitioner", "d1", CLINIC, "[\"doctor\"]", "[]", "", ""));
    as_hospital_admin();
    assert_accepted(endorse("ApprovePractitioner", "d1", HOSPITAL));
    as_clinic_admin();
    assert_accepted(endorse("ApprovePractitioner", "d1", CLINIC));
    block = fcc_test_commit(world);
    assert_int_equal(block.tx[0].code, FCC_TEST_VALID);
    assert_int_equal(block.tx[1].code, FCC_TEST_MVCC_READ_CONFLICT);
    assert_refused(submit("ApprovePractitioner", "d1", CLINIC), 403, "DENIED:second_key");
}

static void an_application_and_its_withdrawal_meet_in_one_block(void **state)
{
    fcc_test_block block;

    open_sites();
    as_doctor_one();
    assert_accepted(apply(""));
    as_hospital_admin();
    assert_accepted(endorse("RejectPractitioner", "d1", HOSPITAL));
    as_regulator();
    assert_accepted(endorse("ApprovePractitioner", "d1", HOSPITAL));
    block = fcc_test_commit(world);
    assert_int_equal(block.tx[0].code, FCC_TEST_VALID);
    assert_int_equal(block.tx[1].code, FCC_TEST_MVCC_READ_CONFLICT);
    assert_refused(submit("ApprovePractitioner", "d1", HOSPITAL), 412, "PRECONDITION");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, registry_start, health_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_doctor_applies_and_the_sites_administrator_approves),
        CASE(nobody_applies_for_somebody_else),
        CASE(nobody_decides_on_oneself_or_elsewhere),
        CASE(who_is_rejected_may_apply_again),
        CASE(suspending_a_job_or_a_person_acts_at_once),
        CASE(the_regulator_takes_over_what_a_site_suspended),
        CASE(a_key_is_rotated_with_the_old_one),
        CASE(a_lost_key_is_replaced_by_applying_anew),
        CASE(a_key_that_was_rejected_at_one_site_and_works_at_another_stays),
        CASE(a_clinic_cannot_make_itself_a_colleague),
        CASE(the_inspectorates_auditors_are_registered_by_the_regulator_and_write_nothing),
        CASE(two_applications_with_one_key_are_not_both_approved),
        CASE(two_first_keys_of_one_person_are_not_both_approved),
        CASE(an_application_and_its_withdrawal_meet_in_one_block),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
