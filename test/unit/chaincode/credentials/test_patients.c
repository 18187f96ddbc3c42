/* Patients: applications, people without a device, keys, guardians, assignments; none of it in public. */
#include "test/unit/chaincode/credentials/registry.h"

#define NID_A "aa00000000000000000000000000000000000000000000000000000000000000"
#define NID_B "bb00000000000000000000000000000000000000000000000000000000000000"
#define EVIDENCE "ee00000000000000000000000000000000000000000000000000000000000000"
#define DEMOGRAPHICS(born) "{\"name\":\"Somebody\",\"birthDate\":\"" born "\",\"address\":\"Somewhere 1\"}"
#define APPLY(pid, born) "{\"pid\":\"" pid "\",\"demographics\":" DEMOGRAPHICS(born) ",\"salt\":\"" SALT1 "\"}"
#define PERSON(pid, more) "{\"pid\":\"" pid "\"," more "\"salt\":\"" SALT2 "\"}"

static void as_patient_of(const char *msp, const char *key)
{
    as(msp, "patient", NULL, NULL, key);
}

static void as_registrar(void)
{
    as("HospitalMSP", "registrar", "reg1", HOSPITAL, "r1");
}

static void as_second_registrar(void)
{
    as("HospitalMSP", "registrar", "reg2", HOSPITAL, "r2");
}

static void as_clinic_registrar(void)
{
    as("ClinicMSP", "registrar", "reg3", CLINIC, "r3");
}

static const char *about_key(const char *key, const char *more)
{
    return text_of("{\"fp\":\"%s\"%s}", fcc_test_fingerprint(key), more);
}

static int make_staff(void **state)
{
    registry_start(state);
    open_sites();
    employ("registrar", "reg1", "r1");
    employ("registrar", "reg2", "r2");
    employ("doctor", "d1", "k1");
    employ_at_clinic("registrar", "reg3", "r3");
    return 0;
}
HEALTH_SETUP(set_up, make_staff)

/* PID_A with the key "pa" and the national id NID_A, of age. */
static void register_a(void)
{
    as_patient_of("HospitalMSP", "pa");
    assert_accepted(submit_in("RegisterPatient", APPLY(PID_A, "1970-01-01")));
    as_registrar();
    assert_accepted(submit_in("ApprovePatient", about_key("pa", ",\"nid\":\"" NID_A "\"")));
}

static void register_without_device(const char *pid)
{
    as_registrar();
    assert_accepted(submit_in("RegisterPerson",
                              text_of("{\"pid\":\"%s\",\"nid\":\"%c%c00000000000000000000000000000000000000000000000000"
                                      "000000000000\",\"salt\":\"" SALT2 "\"}",
                                      pid, "0123456789abcdef"[pid[0] % 16], 'c')));
}

static void a_patient_applies_and_a_registrar_approves(void **state)
{
    as_patient_of("HospitalMSP", "pa");
    assert_refused(submit("RegisterPatient", "{\"birthDate\":\"1970-01-01\"}"), 400, "PHI_IN_ARGS");
    assert_accepted(submit_in("RegisterPatient", APPLY(PID_A, "1970-01-01")));
    assert_refused(submit_in("RegisterPatient", APPLY(PID_A, "1970-01-01")), 409, "ALREADY");
    assert_refused(query("Caller"), 403, "DENIED:unbound_key");
    as_clinic_registrar();
    assert_refused(submit_in("ApprovePatient", about_key("pa", ",\"nid\":\"" NID_A "\"")), 403, "DENIED:role");
    assert_refused(query_in("GetApplication", about_key("pa", "")), 403, "DENIED:role");
    as_registrar();
    assert_refused(query_in("GetApplication", about_key("pb", "")), 404, "NOT_FOUND");
    assert_has(query_in("GetApplication", about_key("pa", "")).payload, "\"birthDate\":\"1970-01-01\"");
    assert_has_not(query_in("GetApplication", about_key("pa", "")).payload, "salt");
    assert_refused(submit_in("ApprovePatient", about_key("pb", ",\"nid\":\"" NID_A "\"")), 404, "NOT_FOUND");
    assert_accepted(submit_in("ApprovePatient", about_key("pa", ",\"nid\":\"" NID_A "\"")));
    assert_refused(submit_in("ApprovePatient", about_key("pa", ",\"nid\":\"" NID_A "\"")), 409, "ALREADY");
    as_patient_of("HospitalMSP", "pa");
    assert_has(query("Caller").payload, "\"pid\":\"" PID_A "\"");
    assert_has(query("GetPatient").payload, "\"demographics\":{\"address\":\"Somewhere 1\"");
    as_patient_of("ClinicMSP", "pa");
    assert_refused(query("Caller"), 403, "DENIED:unbound_key");
    assert_refused(submit_in("RegisterPatient", APPLY(PID_B, "1970-01-01")), 409, "ALREADY");
    assert_has_not(held("credentials", "kyc", text_of("~APPL~%s~", fcc_test_fingerprint("pa"))), "Somebody");
    assert_has(held("credentials", "who", "~PATV~" PID_A "~000001~"), "\"status\":\"active\"");
    assert_null(held_at("PharmacyMSP", "credentials", "kyc", "~DEMO~" PID_A "~"));
    assert_non_null(held_at("PharmacyMSP", "credentials", "who", "~PAT~" PID_A "~"));
    assert_null(held_at("RegulatorMSP", "credentials", "who", "~PAT~" PID_A "~"));
    assert_false(fcc_test_public_has(world, PID_A));
    assert_false(fcc_test_public_has(world, fcc_test_fingerprint("pa")));
    assert_false(fcc_test_public_has(world, "Somebody"));
}

static void one_person_has_one_pid(void **state)
{
    register_a();
    as_patient_of("ClinicMSP", "pb");
    assert_refused(submit_in("RegisterPatient", APPLY(PID_A, "1970-01-01")), 409, "ALREADY");
    assert_accepted(submit_in("RegisterPatient", APPLY(PID_B, "1970-01-01")));
    as_clinic_registrar();
    assert_refused(submit_in("ApprovePatient", about_key("pb", ",\"nid\":\"" NID_A "\"")), 409, "ALREADY");
    assert_refused(submit_in("RegisterPerson", PERSON(PID_E, "\"nid\":\"" NID_A "\",")), 409, "ALREADY");
    assert_refused(submit_in("RegisterPerson", PERSON(PID_A, "")), 409, "ALREADY");
    assert_accepted(submit_in("RejectPatient", about_key("pb", "")));
    assert_refused(submit_in("ApprovePatient", about_key("pb", ",\"nid\":\"" NID_B "\"")), 412, "PRECONDITION");
    as_patient_of("ClinicMSP", "pb");
    assert_accepted(submit_in("RegisterPatient", APPLY(PID_B, "1970-01-01")));
    as_clinic_registrar();
    assert_accepted(submit_in("ApprovePatient", about_key("pb", ",\"nid\":\"" NID_B "\"")));
}

static void two_applications_of_one_person_in_one_block_give_one_pid(void **state)
{
    fcc_test_block block;

    as_patient_of("HospitalMSP", "pa");
    assert_accepted(submit_in("RegisterPatient", APPLY(PID_A, "1970-01-01")));
    as_patient_of("ClinicMSP", "pb");
    assert_accepted(submit_in("RegisterPatient", APPLY(PID_B, "1970-01-01")));
    as_registrar();
    assert_accepted(endorse_in("ApprovePatient", about_key("pa", ",\"nid\":\"" NID_A "\"")));
    as_clinic_registrar();
    assert_accepted(endorse_in("ApprovePatient", about_key("pb", ",\"nid\":\"" NID_A "\"")));
    block = fcc_test_commit(world);
    assert_int_equal(block.tx[0].code, FCC_TEST_VALID);
    assert_int_equal(block.tx[1].code, FCC_TEST_MVCC_READ_CONFLICT);
    assert_refused(submit_in("ApprovePatient", about_key("pb", ",\"nid\":\"" NID_A "\"")), 409, "ALREADY");
}

static void malformed_applications_are_refused(void **state)
{
    static const char *const bad[] = {
        NULL,
        "{}",
        APPLY("short", "1970-01-01"),
        APPLY(PID_A, "1970-13-01"),
        APPLY(PID_A, "2026-01-02"),
        "{\"pid\":\"" PID_A
        "\",\"demographics\":{\"name\":\"S\",\"birthDate\":\"1970-01-01\",\"shoe\":42},\"salt\":\"" SALT1 "\"}",
        "{\"pid\":\"" PID_A "\",\"demographics\":{\"name\":\"S\"},\"salt\":\"" SALT1 "\"}",
        "{\"pid\":\"" PID_A "\",\"demographics\":" DEMOGRAPHICS("1970-01-01") ",\"salt\":\"1\"}",
    };

    as_patient_of("HospitalMSP", "pa");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_refused(submit_in("RegisterPatient", bad[i]), 400, "BAD_INPUT");
    as("PharmacyMSP", "patient", NULL, NULL, "pa");
    assert_refused(submit_in("RegisterPatient", APPLY(PID_A, "1970-01-01")), 401, "NO_ROLE");
    as_registrar();
    assert_refused(submit_in("RegisterPatient", APPLY(PID_A, "1970-01-01")), 403, "DENIED:role");
}

static void a_provisional_patient_is_linked_once_found_out(void **state)
{
    register_a();
    assert_accepted(submit_in("RegisterPerson", PERSON(PID_UNKNOWN, "")));
    assert_has(query_in("GetPatient", "{\"pid\":\"" PID_UNKNOWN "\"}").payload, "\"status\":\"provisional\"");
    assert_refused(submit_in("LinkPatient", "{\"prov\":\"" PID_A "\",\"pid\":\"" PID_A "\"}"), 412, "PRECONDITION");
    assert_refused(submit_in("LinkPatient", "{\"prov\":\"" PID_UNKNOWN "\",\"pid\":\"" PID_UNKNOWN "\"}"), 412,
                   "PRECONDITION");
    assert_refused(submit_in("LinkPatient", "{\"prov\":\"" PID_NOBODY "\",\"pid\":\"" PID_A "\"}"), 404, "NOT_FOUND");
    assert_accepted(submit_in("LinkPatient", "{\"prov\":\"" PID_UNKNOWN "\",\"pid\":\"" PID_A "\"}"));
    assert_refused(submit_in("LinkPatient", "{\"prov\":\"" PID_UNKNOWN "\",\"pid\":\"" PID_A "\"}"), 409, "ALREADY");
    assert_has(query_in("GetPatient", "{\"pid\":\"" PID_UNKNOWN "\"}").payload, "\"pid\":\"" PID_A "\"");
    as_patient_of("HospitalMSP", "pa"); /* who learns where else to look for records and requests */
    assert_has(query("GetPatient").payload, "\"provs\":[\"" PID_UNKNOWN "\"]");
    as_registrar();
    assert_accepted(submit_in("Decease",
                              "{\"pid\":\"" PID_UNKNOWN "\",\"date\":\"2025-12-31T00:00:00Z\",\"evidenceHash\":"
                              "\"" EVIDENCE "\"}"));
    assert_has(held("credentials", "who", "~PAT~" PID_A "~"), "\"status\":\"deceased\"");
}

static void a_patient_binds_further_keys(void **state)
{
    register_a();
    as_patient_of("HospitalMSP", "pa");
    assert_refused(submit_in("BindPatientKey", text_of("{\"newFp\":\"%s\"}", fcc_test_fingerprint("pa"))), 409,
                   "ALREADY");
    /* of a member of staff */
    assert_refused(submit_in("BindPatientKey", text_of("{\"newFp\":\"%s\"}", fcc_test_fingerprint("ra"))), 409,
                   "ALREADY");
    assert_accepted(submit_in("BindPatientKey", text_of("{\"newFp\":\"%s\"}", fcc_test_fingerprint("pa2"))));
    as_patient_of("HospitalMSP", "pa2");
    assert_has(query("Caller").payload, PID_A);
    for (int i = 3; i <= 8; i++)
        assert_accepted(submit_in("BindPatientKey", text_of("{\"newFp\":\"%064d\"}", i)));
    assert_refused(submit_in("BindPatientKey", text_of("{\"newFp\":\"%064d\"}", 9)), 429, "LIMIT");
}

/* Whoever has bound a key acts for the pid that it is bound to: whose it is shows who applied with it. */
static void nobody_binds_the_key_that_somebody_else_applied_with(void **state)
{
    const char *bind = text_of("{\"newFp\":\"%s\"}", fcc_test_fingerprint("pb"));
    fcc_test_block block;

    register_a();
    as_patient_of("HospitalMSP", "pb");
    assert_accepted(submit_in("RegisterPatient", APPLY(PID_B, "1970-01-01")));
    as_patient_of("HospitalMSP", "pa");
    assert_refused(submit_in("BindPatientKey", bind), 409, "ALREADY");
    as_registrar();
    assert_accepted(submit_in("RejectPatient", about_key("pb", "")));
    as_patient_of("HospitalMSP", "pa");
    assert_refused(submit_in("BindPatientKey", bind), 409, "ALREADY");
    as_patient_of("HospitalMSP", "pb");
    assert_accepted(submit_in("RegisterPatient", APPLY(PID_B, "1970-01-01")));
    as_registrar();
    assert_accepted(submit_in("ApprovePatient", about_key("pb", ",\"nid\":\"" NID_B "\"")));
    as_patient_of("HospitalMSP", "pb");
    assert_has(query("Caller").payload, PID_B);
    /* nor in the same block */
    as_patient_of("HospitalMSP", "pc");
    assert_accepted(endorse_in("RegisterPatient", APPLY(PID_E, "1970-01-01")));
    as_patient_of("HospitalMSP", "pa");
    assert_accepted(endorse_in("BindPatientKey", text_of("{\"newFp\":\"%s\"}", fcc_test_fingerprint("pc"))));
    block = fcc_test_commit(world);
    assert_int_equal(block.tx[0].code, FCC_TEST_VALID);
    assert_int_equal(block.tx[1].code, FCC_TEST_MVCC_READ_CONFLICT);
}

static const char *replace(const char *id, const char *pid, const char *key)
{
    return text_of("{\"id\":\"%s\",\"pid\":\"%s\",\"newFp\":\"%s\",\"evidenceHash\":\"" EVIDENCE "\"}", id, pid,
                   fcc_test_fingerprint(key));
}

static void a_lost_key_is_replaced_by_registrars_of_two_organisations(void **state)
{
    register_a();
    as_registrar();
    assert_refused(submit_in("ReplaceKey", replace("x1", PID_NOBODY, "pn")), 404, "NOT_FOUND");
    assert_accepted(submit_in("ReplaceKey", replace("x1", PID_A, "pn")));
    assert_refused(submit_in("ReplaceKey", replace("x1", PID_A, "pn")), 409, "ALREADY");
    assert_refused(submit_in("Countersign", "{\"id\":\"x1\"}"), 403, "DENIED:self");
    as_second_registrar();
    assert_refused(submit_in("Countersign", "{\"id\":\"x1\"}"), 403, "DENIED:same_organisation");
    assert_refused(submit_in("Countersign", "{\"id\":\"x9\"}"), 404, "NOT_FOUND");
    as_patient_of("HospitalMSP", "pa");
    assert_accepted(query("Caller"));
    assert_refused(query_in("GetPending", "{\"id\":\"x1\"}"), 403, "DENIED:role");
    as_clinic_registrar();
    assert_has(query_in("GetPending", "{\"id\":\"x1\"}").payload, "\"kind\":\"ReplaceKey\"");
    assert_has(query_in("GetPending", "{\"id\":\"x1\"}").payload, "\"pid\":\"" PID_A "\"");
    assert_refused(query_in("GetPending", "{\"id\":\"x9\"}"), 404, "NOT_FOUND");
    assert_accepted(submit_in("Countersign", "{\"id\":\"x1\"}"));
    assert_refused(submit_in("Countersign", "{\"id\":\"x1\"}"), 409, "ALREADY");
    as_patient_of("HospitalMSP", "pa");
    assert_refused(query("Caller"), 403, "DENIED:unbound_key");
    as_patient_of("HospitalMSP", "pn");
    assert_has(query("Caller").payload, PID_A);
}

static void what_nobody_countersigns_lapses_after_a_day(void **state)
{
    register_a();
    as_registrar();
    assert_accepted(submit_in("ReplaceKey", replace("x1", PID_A, "pn")));
    fcc_test_set_time(world, NOW + 24 * 3600 + 1);
    as_clinic_registrar();
    assert_refused(submit_in("Countersign", "{\"id\":\"x1\"}"), 410, "GONE");
    fcc_test_set_time(world, NOW + 24 * 3600);
    assert_accepted(submit_in("Countersign", "{\"id\":\"x1\"}"));
}

static void two_first_keys_of_a_patient_in_one_block_are_one(void **state)
{
    fcc_test_block block;

    register_without_device(PID_E);
    assert_accepted(submit_in("ReplaceKey", replace("x1", PID_E, "pn")));
    assert_accepted(submit_in("ReplaceKey", replace("x2", PID_E, "pm")));
    as_clinic_registrar();
    assert_accepted(endorse_in("Countersign", "{\"id\":\"x1\"}"));
    assert_accepted(endorse_in("Countersign", "{\"id\":\"x2\"}"));
    block = fcc_test_commit(world);
    assert_int_equal(block.tx[0].code, FCC_TEST_VALID);
    assert_int_equal(block.tx[1].code, FCC_TEST_MVCC_READ_CONFLICT);
    assert_refused(submit_in("Countersign", "{\"id\":\"x2\"}"), 409, "CONFLICT");
    as_patient_of("HospitalMSP", "pn");
    assert_has(query("Caller").payload, PID_E);
    as_patient_of("HospitalMSP", "pm");
    assert_refused(query("Caller"), 403, "DENIED:unbound_key");
}

static const char *guardian(const char *id, const char *pid, const char *from, const char *to)
{
    return text_of("{\"id\":\"%s\",\"pid\":\"%s\",\"gpid\":\"" PID_A
                   "\",\"scope\":[\"consent\",\"records\"],\"from\":\"%s\","
                   "\"to\":\"%s\",\"evidenceHash\":\"" EVIDENCE "\"}",
                   id, pid, from, to);
}

static void a_guardian_takes_two_registrars_and_ends_with_the_minority(void **state)
{
    register_a();
    assert_accepted(submit_in("RegisterPerson",
                              PERSON(PID_M, "\"nid\":\"" NID_B "\",\"demographics\":" DEMOGRAPHICS("2008-06-01") ",")));
    assert_has(query_in("GetPatient", "{\"pid\":\"" PID_M "\"}").payload, "\"minorUntil\":\"2026-06-01T00:00:00Z\"");
    assert_refused(submit_in("RegisterGuardian", guardian("g0", PID_A, "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z")),
                   400, "BAD_INPUT");
    assert_refused(submit_in("RegisterGuardian", guardian("g0", PID_M, "2027-01-01T00:00:00Z", "2026-01-01T00:00:00Z")),
                   400, "BAD_INPUT");
    assert_refused(submit_in("RegisterGuardian", guardian("g0", PID_E, "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z")),
                   404, "NOT_FOUND");
    assert_accepted(
        submit_in("RegisterGuardian", guardian("g1", PID_M, "2026-01-01T00:00:00Z", "2030-01-01T00:00:00Z")));
    assert_refused(submit_in("Countersign", "{\"id\":\"g1\"}"), 403, "DENIED:self");
    as_patient_of("HospitalMSP", "pa");
    assert_refused(query_in("GetPatient", "{\"pid\":\"" PID_M "\"}"), 403, "DENIED:not_owner");
    as_second_registrar();
    assert_accepted(submit_in("Countersign", "{\"id\":\"g1\"}"));
    as_patient_of("HospitalMSP", "pa");
    assert_accepted(query_in("GetPatient", "{\"pid\":\"" PID_M "\"}"));
    assert_has(query_in("ListGuardians", "{\"pid\":\"" PID_M "\"}").payload, "\"to\":\"2026-06-01T00:00:00Z\"");
    fcc_test_set_time(world, NOW + 200 * (int64_t)86400);
    assert_refused(query_in("GetPatient", "{\"pid\":\"" PID_M "\"}"), 403, "DENIED:not_owner");
}

static void either_party_ends_a_guardianship_and_death_does(void **state)
{
    register_a();
    as_patient_of("ClinicMSP", "pb");
    assert_accepted(submit_in("RegisterPatient", APPLY(PID_B, "1950-01-01")));
    as_clinic_registrar();
    assert_accepted(submit_in("ApprovePatient", about_key("pb", ",\"nid\":\"" NID_B "\"")));
    assert_accepted(
        submit_in("RegisterGuardian", guardian("g1", PID_B, "2026-01-01T00:00:00Z", "2030-01-01T00:00:00Z")));
    as_registrar();
    assert_accepted(submit_in("Countersign", "{\"id\":\"g1\"}"));
    as_patient_of("HospitalMSP", "pa");
    assert_refused(submit_in("EndGuardian", "{\"pid\":\"" PID_E "\",\"gpid\":\"" PID_B "\"}"), 403, "DENIED:not_owner");
    assert_accepted(query_in("GetPatient", "{\"pid\":\"" PID_B "\"}"));
    as_patient_of("ClinicMSP", "pb");
    assert_accepted(submit_in("EndGuardian", "{\"pid\":\"" PID_B "\",\"gpid\":\"" PID_A "\"}"));
    assert_refused(submit_in("EndGuardian", "{\"pid\":\"" PID_B "\",\"gpid\":\"" PID_A "\"}"), 409, "ALREADY");
    assert_refused(submit_in("EndGuardian", "{\"pid\":\"" PID_B "\",\"gpid\":\"" PID_E "\"}"), 404, "NOT_FOUND");
    as_patient_of("HospitalMSP", "pa");
    assert_refused(query_in("GetPatient", "{\"pid\":\"" PID_B "\"}"), 403, "DENIED:not_owner");
    as_registrar();
    assert_accepted(
        submit_in("RegisterGuardian", guardian("g2", PID_B, "2026-01-01T00:00:00Z", "2030-01-01T00:00:00Z")));
    as_second_registrar();
    assert_accepted(submit_in("Countersign", "{\"id\":\"g2\"}"));
    assert_refused(submit_in("Decease", "{\"pid\":\"" PID_B
                                        "\",\"date\":\"2026-01-02T00:00:00Z\",\"evidenceHash\":\"" EVIDENCE "\"}"),
                   400, "BAD_INPUT");
    assert_accepted(submit_in("Decease", "{\"pid\":\"" PID_B
                                         "\",\"date\":\"2025-12-31T00:00:00Z\",\"evidenceHash\":\"" EVIDENCE "\"}"));
    assert_refused(submit_in("Decease", "{\"pid\":\"" PID_B
                                        "\",\"date\":\"2025-12-31T00:00:00Z\",\"evidenceHash\":\"" EVIDENCE "\"}"),
                   409, "ALREADY");
    as_patient_of("HospitalMSP", "pa");
    assert_refused(query_in("GetPatient", "{\"pid\":\"" PID_B "\"}"), 403, "DENIED:not_owner");
    as_patient_of("ClinicMSP", "pb");
    assert_refused(submit_in("BindPatientKey", text_of("{\"newFp\":\"%s\"}", fcc_test_fingerprint("pz"))), 412,
                   "PRECONDITION");
}

static void an_assigned_doctor_sees_that_a_patient_exists(void **state)
{
    static const char a[] = "{\"pid\":\"" PID_A "\",\"uid\":\"d1\"}", get[] = "{\"pid\":\"" PID_A "\"}";
    fcc_test_result r;

    register_a();
    as("HospitalMSP", "doctor", "d1", HOSPITAL, "k1");
    assert_refused(query_in("GetPatient", get), 403, "DENIED:not_assigned");
    assert_refused(query_in("GetPatient", "{\"pid\":\"" PID_NOBODY "\"}"), 403, "DENIED:not_assigned");
    as_clinic_admin();
    assert_refused(submit_in("AssignDoctor", a), 412, "PRECONDITION");
    as_hospital_admin();
    assert_refused(submit_in("AssignDoctor", "{\"pid\":\"" PID_A "\",\"uid\":\"reg1\"}"), 412, "PRECONDITION");
    assert_refused(submit_in("AssignDoctor", "{\"pid\":\"" PID_NOBODY "\",\"uid\":\"d1\"}"), 404, "NOT_FOUND");
    assert_refused(submit_in("EndAssignment", a), 404, "NOT_FOUND");
    assert_accepted(submit_in("AssignDoctor", a));
    assert_refused(submit_in("AssignDoctor", a), 409, "ALREADY");
    as("HospitalMSP", "doctor", "d1", HOSPITAL, "k1");
    r = query_in("GetPatient", get);
    assert_string_equal(r.payload, "{\"pid\":\"" PID_A "\",\"status\":\"active\"}");
    as_hospital_admin();
    assert_accepted(submit_in("EndAssignment", a));
    assert_refused(submit_in("EndAssignment", a), 409, "ALREADY");
    as("HospitalMSP", "doctor", "d1", HOSPITAL, "k1");
    assert_refused(query_in("GetPatient", get), 403, "DENIED:not_assigned");
}

static void doctors_are_found_by_a_specialty_that_no_key_shows(void **state)
{
    static const char set[] = "{\"uid\":\"d1\",\"specialty\":\"394587001\",\"region\":\"DE-BE\",\"salt\":\"" SALT1
                              "\"}";
    static const char find[] = "{\"specialty\":\"394587001\",\"region\":\"DE-BE\"}";
    fcc_test_result r;

    as_hospital_admin();
    assert_refused(submit_in("SetSpecialty", set), 412, "PRECONDITION");
    assert_accepted(submit_in("Setup", "{\"salt\":\"" EVIDENCE "\"}"));
    assert_refused(submit_in("Setup", "{\"salt\":\"" EVIDENCE "\"}"), 409, "ALREADY");
    r = submit_in("SetSpecialty", set);
    assert_accepted(r);
    assert_has_not(r.trace, "394587001");
    assert_refused(submit_in("SetSpecialty", set), 409, "ALREADY");
    as("HospitalMSP", "doctor", "d1", HOSPITAL, "k1");
    assert_string_equal(query_in("FindPractitioners", find).payload, "{\"practitioners\":[\"d1\"]}");
    assert_string_equal(query_in("FindPractitioners", "{\"specialty\":\"394587001\",\"region\":\"DE-BB\"}").payload,
                        "{\"practitioners\":[]}");
    as_regulator();
    assert_accepted(submit("SuspendPractitioner", "d1", ""));
    assert_refused(query_in("FindPractitioners", find), 403, "DENIED:role");
    as_registrar();
    assert_string_equal(query_in("FindPractitioners", find).payload, "{\"practitioners\":[]}");
}

static void nobody_approves_oneself_as_a_patient(void **state)
{
    static const char link[] = "{\"uid\":\"reg1\",\"nid\":\"" NID_A "\",\"salt\":\"" SALT1 "\"}";

    as_registrar();
    assert_refused(submit_in("LinkPerson", link), 403, "DENIED:self");
    as_second_registrar();
    assert_refused(submit_in("LinkPerson", "{\"uid\":\"nobody\",\"nid\":\"" NID_A "\",\"salt\":\"" SALT1 "\"}"), 404,
                   "NOT_FOUND");
    assert_accepted(submit_in("LinkPerson", link));
    assert_refused(submit_in("LinkPerson", link), 409, "ALREADY");
    assert_refused(submit_in("LinkPerson", "{\"uid\":\"reg1\",\"nid\":\"" NID_B "\",\"salt\":\"" SALT1 "\"}"), 409,
                   "CONFLICT");
    as_patient_of("HospitalMSP", "pa");
    assert_accepted(submit_in("RegisterPatient", APPLY(PID_A, "1970-01-01")));
    as_registrar();
    assert_refused(submit_in("ApprovePatient", about_key("pa", ",\"nid\":\"" NID_A "\"")), 403, "DENIED:self");
    assert_refused(submit_in("RegisterPerson", PERSON(PID_E, "\"nid\":\"" NID_A "\",")), 403, "DENIED:self");
    as_second_registrar();
    assert_accepted(submit_in("ApprovePatient", about_key("pa", ",\"nid\":\"" NID_A "\"")));
}

static void questions_of_chaincodes_are_no_questions_of_clients(void **state)
{
    as_registrar();
    assert_refused(query("Patient", PID_A), 403, "DENIED:internal");
    assert_refused(query("Guardian", PID_A, PID_B), 403, "DENIED:internal");
    assert_refused(query("Assigned", PID_A, "d1"), 403, "DENIED:internal");
    assert_refused(query("SamePerson", "d1", PID_A), 403, "DENIED:internal");
    assert_refused(query("Key", fcc_test_fingerprint("k1")), 403, "DENIED:internal");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, health_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_patient_applies_and_a_registrar_approves),
        CASE(one_person_has_one_pid),
        CASE(two_applications_of_one_person_in_one_block_give_one_pid),
        CASE(malformed_applications_are_refused),
        CASE(a_provisional_patient_is_linked_once_found_out),
        CASE(a_patient_binds_further_keys),
        CASE(nobody_binds_the_key_that_somebody_else_applied_with),
        CASE(a_lost_key_is_replaced_by_registrars_of_two_organisations),
        CASE(what_nobody_countersigns_lapses_after_a_day),
        CASE(two_first_keys_of_a_patient_in_one_block_are_one),
        CASE(a_guardian_takes_two_registrars_and_ends_with_the_minority),
        CASE(either_party_ends_a_guardianship_and_death_does),
        CASE(an_assigned_doctor_sees_that_a_patient_exists),
        CASE(doctors_are_found_by_a_specialty_that_no_key_shows),
        CASE(nobody_approves_oneself_as_a_patient),
        CASE(questions_of_chaincodes_are_no_questions_of_clients),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
