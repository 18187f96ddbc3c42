/* Issuers, credentials and their status: what Check says of them, and who may change it. */
#include "test/unit/chaincode/credentials/registry.h"

#include <stdlib.h>

#include "lib/status_list.h"

#define DID_K "did:web:council.example"
#define DID_H "did:web:hospital.example"
#define HASH "cc00000000000000000000000000000000000000000000000000000000000000"
#define SIZE "131072"

static void as_council(void)
{
    as_admin_of("RegulatorMSP", "rk", R2, "rk");
}

static int make_licences(void **state)
{
    registry_start(state);
    open_sites();
    employ("doctor", "d1", "k1");
    as_regulator();
    assert_accepted(submit("RegisterOrg", R2, "council", "DE", "", "A council"));
    assert_accepted(submit("ApproveOrg", R2));
    as_council();
    assert_accepted(submit("RegisterPractitioner", "rk", R2, "[\"admin\"]", "[]", "", ""));
    as_regulator();
    assert_accepted(submit("ApprovePractitioner", "rk", R2));
    as_council();
    assert_accepted(submit("PutDid", DID_K, HASH, "n1"));
    as_regulator();
    assert_accepted(submit("Accredit", DID_K, "MedicalLicence"));
    as_council();
    assert_accepted(submit("CreateStatusList", "list1", "suspension", SIZE));
    return 0;
}
HEALTH_SETUP(set_up, make_licences)

static fcc_test_result issue_with(const char *id, const char *subject, const char *index, const char *from,
                                  const char *until, const char *regions)
{
    return submit("IssueCredential", id, HASH, "MedicalLicence", subject, "list1", index, from, until, regions);
}

static fcc_test_result issue(const char *id, const char *index)
{
    return issue_with(id, "d1", index, "2025-01-01T00:00:00Z", "2027-01-01T00:00:00Z", "[\"DE-BE\"]");
}

static const char *check(const char *capability, const char *region)
{
    return query("Check", "d1", capability, region).payload;
}

static void a_licence_counts_in_its_regions_and_time(void **state)
{
    fcc_test_result r;

    assert_string_equal(check("licence", "DE-BE"), "false");
    r = issue("urn:uuid:1", "0");
    assert_accepted(r);
    assert_string_equal(r.event, "CredentialIssued");
    assert_string_equal(check("licence", "DE-BE"), "true");
    assert_string_equal(check("prescribe", "DE-BE"), "true");
    assert_string_equal(check("MedicalLicence", "DE-BE"), "true");
    assert_string_equal(check("dispense", "DE-BE"), "false");
    assert_string_equal(check("licence", "DE-BB"), "false");
    assert_string_equal(check("licence", "DE"), "false");
    as("HospitalMSP", "doctor", "d1", HOSPITAL, "k1");
    assert_string_equal(check("licence", "DE-BE"), "true");
    fcc_test_set_time(world, NOW + 366 * (int64_t)86400);
    assert_string_equal(check("licence", "DE-BE"), "false");
}

/* A licence that is renewed ahead of time is none that lapses until then. */
static void a_renewal_leaves_what_holds_until_it_begins(void **state)
{
    assert_accepted(issue("urn:uuid:1", "0"));
    assert_accepted(issue_with("urn:uuid:2", "d1", "1", "2026-06-01T00:00:00Z", "2030-01-01T00:00:00Z", "[\"DE-BE\"]"));
    assert_string_equal(check("licence", "DE-BE"), "true");
    /* a second one in place of the first that has not begun */
    assert_accepted(issue_with("urn:uuid:3", "d1", "2", "2026-07-01T00:00:00Z", "2030-01-01T00:00:00Z", "[\"DE-BB\"]"));
    assert_string_equal(check("licence", "DE-BE"), "true");
    assert_string_equal(check("licence", "DE-BB"), "false");
    assert_accepted(submit("SetStatus", "list1", "0", "1"));
    assert_string_equal(check("licence", "DE-BE"), "false"); /* what is suspended does not hold by its renewal */
    assert_accepted(submit("SetStatus", "list1", "0", "0"));
    fcc_test_set_time(world, NOW + 182 * (int64_t)86400); /* the second of July */
    assert_string_equal(check("licence", "DE-BE"), "false");
    assert_string_equal(check("licence", "DE-BB"), "true");
    /* one that holds at once replaces them all */
    assert_accepted(issue_with("urn:uuid:4", "d1", "3", "2025-01-01T00:00:00Z", "2027-01-01T00:00:00Z", "[\"DE-HH\"]"));
    assert_string_equal(check("licence", "DE-HH"), "true");
    assert_string_equal(check("licence", "DE-BB"), "false");
}

static void a_whole_country_covers_its_parts(void **state)
{
    assert_accepted(
        issue_with("urn:uuid:1", "d1", "0", "2025-01-01T00:00:00Z", "2027-01-01T00:00:00Z", "[\"AT\",\"DE\"]"));
    assert_string_equal(check("licence", "DE-BE"), "true");
    assert_string_equal(check("licence", "AT"), "true");
    assert_string_equal(check("licence", "DK-81"), "false");
}

static void only_an_accredited_issuer_issues(void **state)
{
    as_hospital_admin();
    assert_refused(issue("urn:uuid:1", "0"), 403, "DENIED:issuer");
    assert_refused(submit("CreateStatusList", "mine", "revocation", SIZE), 403, "DENIED:issuer");
    assert_refused(submit("PutDid", DID_K, HASH, "n2"), 403, "DENIED:controller");
    assert_refused(submit("Accredit", DID_H, "MedicalLicence"), 403, "DENIED:role");
    assert_accepted(submit("PutDid", DID_H, HASH, "n1"));
    assert_refused(submit("CreateStatusList", "mine", "revocation", SIZE), 403, "DENIED:issuer");
    assert_refused(issue("urn:uuid:1", "0"), 403, "DENIED:issuer");
    as_regulator();
    assert_accepted(submit("Accredit", DID_H, "HospitalPass"));
    assert_refused(submit("Accredit", DID_H, "HospitalPass"), 409, "ALREADY");
    as_hospital_admin();
    assert_refused(issue("urn:uuid:1", "0"), 403, "DENIED:issuer"); /* not for this type */
    assert_refused(submit("SetStatus", "list1", "0", "1"), 403, "DENIED:issuer");
    assert_refused(submit("IssueCredential", "urn:uuid:1", HASH, "HospitalPass", "d1", "list1", "0",
                          "2025-01-01T00:00:00Z", "2027-01-01T00:00:00Z", "[\"DE\"]"),
                   403, "DENIED:issuer"); /* another issuer's list */
    as("HospitalMSP", "doctor", "d1", HOSPITAL, "k1");
    assert_refused(issue("urn:uuid:1", "0"), 403, "DENIED:role");
}

static void who_lost_the_accreditation_has_issued_nothing_that_counts(void **state)
{
    assert_accepted(issue("urn:uuid:1", "0"));
    as_regulator();
    assert_refused(submit("Withdraw", DID_H, "MedicalLicence"), 404, "NOT_FOUND");
    assert_refused(submit("Withdraw", DID_K, "NursingLicence"), 404, "NOT_FOUND");
    assert_accepted(submit("Withdraw", DID_K, "MedicalLicence"));
    assert_refused(submit("Withdraw", DID_K, "MedicalLicence"), 409, "ALREADY");
    assert_string_equal(check("licence", "DE-BE"), "false");
    as_council();
    assert_refused(issue("urn:uuid:2", "1"), 403, "DENIED:issuer");
    assert_refused(submit("CreateStatusList", "list2", "revocation", SIZE), 403, "DENIED:issuer");
    assert_accepted(submit("SetStatus", "list1", "0", "1")); /* the list is still the council's */
    as_regulator();
    assert_accepted(submit("Accredit", DID_K, "MedicalLicence"));
    assert_string_equal(check("licence", "DE-BE"), "false");
}

static void nobody_accredits_or_licenses_oneself(void **state)
{
    as_regulator();
    assert_accepted(submit("PutDid", "did:web:regulator.example", HASH, "n1"));
    assert_refused(submit("Accredit", "did:web:regulator.example", "MedicalLicence"), 403, "DENIED:self");
    as_council();
    assert_refused(issue_with("urn:uuid:1", "rk", "0", "2025-01-01T00:00:00Z", "2027-01-01T00:00:00Z", "[\"DE\"]"), 403,
                   "DENIED:self");
    assert_refused(issue_with("urn:uuid:1", R2, "0", "2025-01-01T00:00:00Z", "2027-01-01T00:00:00Z", "[\"DE\"]"), 403,
                   "DENIED:self");
    as("HospitalMSP", "doctor", "d1", HOSPITAL, "k1");
    assert_accepted(submit("PutDid", "did:medsync:d1", HASH, "n1"));
    assert_has(query("GetPractitioner", "d1").payload, "\"did\":\"did:medsync:d1\"");
    assert_has(query("GetDid", "did:medsync:d1").payload, "\"owner\":\"u:d1\"");
    as_regulator();
    assert_refused(submit("Accredit", "did:medsync:d1", "MedicalLicence"), 412, "PRECONDITION");
    assert_refused(submit("Accredit", "did:web:nobody.example", "MedicalLicence"), 404, "NOT_FOUND");
}

static void a_did_is_its_controllers(void **state)
{
    as_council();
    assert_refused(submit("PutDid", DID_K, HASH, "n1"), 409, "ALREADY");
    assert_accepted(submit("PutDid", DID_K, SALT1 SALT2, "n2"));
    assert_has(query("GetDid", DID_K).payload, "\"docHash\":\"" SALT1 SALT2 "\"");
    assert_has(query("GetDid", DID_K).payload, "\"accredited\":[\"MedicalLicence\"]");
    assert_refused(submit("PutDid", "did:example:1", HASH, "n1"), 400, "BAD_INPUT");
    assert_refused(submit("PutDid", "https://council.example", HASH, "n1"), 400, "BAD_INPUT");
    assert_refused(submit("PutDid", DID_K "/path", HASH, "n1"), 400, "BAD_INPUT");
    assert_refused(submit("PutDid", DID_K, "12", "n3"), 400, "BAD_INPUT");
    assert_refused(query("GetDid", DID_H), 404, "NOT_FOUND");
}

static void a_suspended_licence_does_not_count_until_it_is_back(void **state)
{
    fcc_test_result r;

    assert_accepted(issue("urn:uuid:1", "1025"));
    r = submit("SetStatus", "list1", "1025", "1");
    assert_accepted(r);
    assert_string_equal(r.event_payload, "{\"bit\":1,\"index\":1025,\"listId\":\"list1\"}");
    assert_string_equal(check("licence", "DE-BE"), "false");
    assert_refused(submit("SetStatus", "list1", "1025", "1"), 409, "ALREADY");
    assert_accepted(submit("SetStatus", "list1", "1025", "0"));
    assert_string_equal(check("licence", "DE-BE"), "true");
    as_regulator();
    assert_accepted(submit("SuspendPractitioner", "d1", ""));
    assert_string_equal(check("licence", "DE-BE"), "false");
}

static void what_is_revoked_stays_revoked(void **state)
{
    assert_accepted(submit("CreateStatusList", "list2", "revocation", SIZE));
    assert_refused(submit("CreateStatusList", "list2", "revocation", SIZE), 409, "ALREADY");
    assert_accepted(submit("SetStatus", "list2", "7", "1"));
    assert_refused(submit("SetStatus", "list2", "7", "0"), 422, "INVARIANT");
}

static void an_index_and_an_id_are_used_once(void **state)
{
    assert_accepted(issue("urn:uuid:1", "0"));
    assert_refused(issue("urn:uuid:1", "1"), 409, "ALREADY");
    assert_refused(issue("urn:uuid:2", "0"), 409, "CONFLICT");
}

static void bad_credentials_are_refused(void **state)
{
    static const char *const bad[][5] = {
        { "1", "0", "2025-01-01T00:00:00Z", "2027-01-01T00:00:00Z", "[\"DE\"]" },
        { "urn:uuid:1", "131072", "2025-01-01T00:00:00Z", "2027-01-01T00:00:00Z", "[\"DE\"]" },
        { "urn:uuid:1", "-1", "2025-01-01T00:00:00Z", "2027-01-01T00:00:00Z", "[\"DE\"]" },
        { "urn:uuid:1", "01", "2025-01-01T00:00:00Z", "2027-01-01T00:00:00Z", "[\"DE\"]" },
        { "urn:uuid:1", "0", "2027-01-01T00:00:00Z", "2025-01-01T00:00:00Z", "[\"DE\"]" },
        { "urn:uuid:1", "0", "2025-01-01", "2027-01-01T00:00:00Z", "[\"DE\"]" },
        { "urn:uuid:1", "0", "2025-01-01T00:00:00Z", "2027-01-01T00:00:00Z", "[]" },
        { "urn:uuid:1", "0", "2025-01-01T00:00:00Z", "2027-01-01T00:00:00Z", "[\"Germany\"]" },
        { "urn:uuid:1", "0", "2025-01-01T00:00:00Z", "2027-01-01T00:00:00Z", "[\"DE\",\"DE\"]" },
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_refused(issue_with(bad[i][0], "d1", bad[i][1], bad[i][2], bad[i][3], bad[i][4]), 400, "BAD_INPUT");
    assert_refused(submit("CreateStatusList", "list2", "fun", SIZE), 400, "BAD_INPUT");
    assert_refused(submit("CreateStatusList", "list2", "revocation", "1024"), 400, "BAD_INPUT");
    assert_refused(submit("CreateStatusList", "list2", "revocation", "131073"), 400, "BAD_INPUT");
    assert_refused(submit("SetStatus", "list1", "131072", "1"), 400, "BAD_INPUT");
    assert_refused(submit("SetStatus", "list1", "1", "2"), 400, "BAD_INPUT");
    assert_refused(submit("SetStatus", "nolist", "1", "1"), 404, "NOT_FOUND");
    assert_refused(query("GetStatusList", "nolist"), 404, "NOT_FOUND");
}

static void two_bits_of_one_chunk_in_one_block_meet_and_of_two_do_not(void **state)
{
    fcc_test_block block;

    assert_accepted(endorse("SetStatus", "list1", "5", "1"));
    assert_accepted(endorse("SetStatus", "list1", "6", "1"));
    assert_accepted(endorse("SetStatus", "list1", "1024", "1"));
    block = fcc_test_commit(world);
    assert_int_equal(block.tx[0].code, FCC_TEST_VALID);
    assert_int_equal(block.tx[1].code, FCC_TEST_MVCC_READ_CONFLICT);
    assert_int_equal(block.tx[2].code, FCC_TEST_VALID);
    assert_accepted(submit("SetStatus", "list1", "6", "1"));
    assert_refused(submit("SetStatus", "list1", "5", "1"), 409, "ALREADY");
}

static void one_index_for_two_in_one_block_goes_to_one(void **state)
{
    fcc_test_block block;

    assert_accepted(endorse("IssueCredential", "urn:uuid:1", HASH, "MedicalLicence", "d1", "list1", "3",
                            "2025-01-01T00:00:00Z", "2027-01-01T00:00:00Z", "[\"DE\"]"));
    assert_accepted(endorse("IssueCredential", "urn:uuid:2", HASH, "MedicalLicence", "d2", "list1", "3",
                            "2025-01-01T00:00:00Z", "2027-01-01T00:00:00Z", "[\"DE\"]"));
    block = fcc_test_commit(world);
    assert_int_equal(block.tx[0].code, FCC_TEST_VALID);
    assert_int_equal(block.tx[1].code, FCC_TEST_MVCC_READ_CONFLICT);
    assert_refused(issue("urn:uuid:2", "3"), 409, "CONFLICT");
}

static void a_status_list_is_the_bits_that_were_set(void **state)
{
    const char *why = "";
    uint8_t *list = NULL;
    size_t len = 0;
    fcc_test_result r;
    json_t *answer;

    assert_accepted(submit("SetStatus", "list1", "5", "1"));
    assert_accepted(submit("SetStatus", "list1", "131071", "1"));
    r = query("GetStatusList", "list1");
    assert_accepted(r);
    answer = json_loads(r.payload, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(answer, "issuer")), DID_K);
    assert_int_equal(lib_status_decode(json_string_value(json_object_get(answer, "encodedList")), &list, &len, &why),
                     FCC_OK);
    assert_int_equal(len, 131072 / 8);
    for (size_t i = 0; i < 131072; i++)
        assert_int_equal(lib_status_get(list, i), i == 5 || i == 131071);
    free(list);
    json_decref(answer);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, health_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_licence_counts_in_its_regions_and_time),
        CASE(a_renewal_leaves_what_holds_until_it_begins),
        CASE(a_whole_country_covers_its_parts),
        CASE(only_an_accredited_issuer_issues),
        CASE(who_lost_the_accreditation_has_issued_nothing_that_counts),
        CASE(nobody_accredits_or_licenses_oneself),
        CASE(a_did_is_its_controllers),
        CASE(a_suspended_licence_does_not_count_until_it_is_back),
        CASE(what_is_revoked_stays_revoked),
        CASE(an_index_and_an_id_are_used_once),
        CASE(bad_credentials_are_refused),
        CASE(two_bits_of_one_chunk_in_one_block_meet_and_of_two_do_not),
        CASE(one_index_for_two_in_one_block_goes_to_one),
        CASE(a_status_list_is_the_bits_that_were_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
