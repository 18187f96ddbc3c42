/* chart.h: what the tests of the chaincode ehr share: a channel with consent beside it, records, and calls. */
#ifndef TEST_UNIT_CHAINCODE_EHR_CHART_H
#define TEST_UNIT_CHAINCODE_EHR_CHART_H

#include "test/support/health.h"

#include "consent/consent.h"
#include "ehr/ehr.h"

/* of the empty text */
#define CID "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"
#define SHA "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define DEK FP("d0") FP("d1") "e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0"
#define RECORD_OF(id, category, sens, more)                                                                 \
    "{\"recId\":\"" id "\",\"kind\":\"lab\",\"type\":\"Observation\",\"cid\":\"" CID "\",\"sha256\":\"" SHA \
    "\",\"size\":10,\"mime\":\"application/fhir+json\",\"category\":\"" category "\",\"sens\":\"" sens      \
    "\",\"date\":\"2025-06-01T00:00:00Z\",\"class\":\"general\",\"dek\":\"" DEK "\",\"salt\":\"" SALT1 "\"" more "}"
#define RECORD(id) RECORD_OF(id, "lab", "N", "")
#define START "{\"encId\":\"e1\",\"pid\":\"" PID_A "\",\"salt\":\"" SALT1 "\"}"
#define ADD(records) "{\"encId\":\"e1\",\"records\":[" records "]}"
#define IMPORT(records) "{\"pid\":\"" PID_A "\",\"records\":[" records "]}"
#define ASK_FOR(id, pid, purpose, scope) \
    "{\"reqId\":\"" id "\",\"pid\":\"" pid "\",\"purpose\":\"" purpose "\",\"scope\":" scope "}"
#define LABS "{\"categories\":[\"lab\"]}"
#define ASK(id) ASK_FOR(id, PID_A, "TREAT", LABS)

static inline fcc_test_result invoke(const char *function, const char *in)
{
    put_in(in);
    return fcc_test_submit(world, "ehr", function, FCC_END);
}

static inline fcc_test_result query(const char *function, const char *in)
{
    put_in(in);
    return fcc_test_evaluate(world, "ehr", function, FCC_END);
}

static inline fcc_test_result query_id(const char *function, const char *id, const char *in)
{
    put_in(in);
    return fcc_test_evaluate(world, "ehr", function, id, FCC_END);
}

static inline fcc_test_result set(const char *function, const char *one, const char *two, const char *three)
{
    return fcc_test_submit(world, "ehr", function, one, two, three, FCC_END);
}

static inline void set_up_with(const fcc_chaincode *ehr)
{
    health_start(NULL);
    health_install("consent", &consent_chaincode);
    health_install("ehr", ehr);
    as_staff("admin", "adm1", "16");
    assert_accepted(invoke("Setup", "{\"salt\":\"" FP("5a") "\"}"));
    assert_accepted(set("SetCustodyKey", FP("cc"), NULL, NULL));
    assert_accepted(set("SetRetention", H1, "general", "10"));
    as_doctor();
}

static inline int make_chart(void **state)
{
    set_up_with(&ehr_chaincode);
    return 0;
}
HEALTH_SETUP(set_up, make_chart)

static inline void start(void)
{
    as_doctor();
    assert_accepted(invoke("StartEncounter", START));
}

static inline void grant(const char *grantee, const char *cat, const char *salt)
{
    char in[512];

    as_patient();
    snprintf(in, sizeof(in),
             "{\"pid\":\"" PID_A
             "\",\"grantee\":\"%s\",\"rules\":[{\"effect\":\"permit\",\"purpose\":[\"TREAT\"],\"ops\":"
             "[\"read\"],\"cat\":[\"%s\"],\"maxSens\":\"N\"}],\"salt\":\"%s\"}",
             grantee, cat, salt);
    put_in(in);
    assert_accepted(fcc_test_submit(world, "consent", "Grant", FCC_END));
}

static inline void revoke(const char *grantee, const char *salt)
{
    char in[256];

    as_patient();
    snprintf(in, sizeof(in), "{\"pid\":\"" PID_A "\",\"grantee\":\"%s\",\"salt\":\"%s\"}", grantee, salt);
    put_in(in);
    assert_accepted(fcc_test_submit(world, "consent", "Revoke", FCC_END));
}

/* Imported records of the hospital, and a request of the clinic's doctor that is allowed. */
static inline void allow(void)
{
    as_staff("registrar", "reg1", "12");
    assert_accepted(invoke("ImportRecords", IMPORT(RECORD("r1") "," RECORD_OF(
                                                "r2", "psychiatry", "N", "") "," RECORD_OF("r3", "lab", "V", ""))));
    grant("u:d3", "lab", SALT1);
    as_clinic_doctor();
    assert_accepted(invoke("RequestAccess", ASK("q1")));
}

/* Transactions with one public argument, and endorsements that wait for their block. */
static inline fcc_test_result invoke_id(const char *function, const char *id, const char *in)
{
    put_in(in);
    return fcc_test_submit(world, "ehr", function, id, FCC_END);
}

static inline fcc_test_result endorse(const char *chaincode, const char *function, const char *in)
{
    put_in(in);
    return fcc_test_endorse(world, chaincode, function, FCC_END);
}

static inline fcc_test_result endorse_id(const char *function, const char *id, const char *in)
{
    put_in(in);
    return fcc_test_endorse(world, "ehr", function, id, FCC_END);
}

#endif
