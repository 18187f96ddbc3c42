/*
 * pharmacy.h: what the tests of the chaincode prescriptions share: a channel with consent and ehr beside it, an open
 * encounter, prescriptions, packs, and calls.
 */
#ifndef TEST_UNIT_CHAINCODE_PRESCRIPTIONS_PHARMACY_H
#define TEST_UNIT_CHAINCODE_PRESCRIPTIONS_PHARMACY_H

#include "test/support/health.h"

#include "consent/consent.h"
#include "ehr/ehr.h"
#include "lib/state.h"
#include "prescriptions/prescriptions.h"
#include "test/support/shelf.h"

#define DAY 86400
#define CODE "0123456789abcdef0123456789abcdef"
#define CODE_SALT "cccccccccccccccccccccccccccccccc"
#define UNTIL "2026-04-01T00:00:00Z"
#define UNTIL_EPOCH 1775001600
#define DRUG "\"drug\":{\"system\":\"http://fhir.de/CodeSystem/ifa/pzn\",\"code\":\"01234567\"}"
#define MADE_OF "\"ingredient\":\"387207008\",\"strength\":\"500mg\",\"form\":\"10219000\""
/* 60 units of what the packs of GTIN_A hold, and that two times more */
#define ITEM_OF(more) "{" DRUG "," MADE_OF ",\"dose\":\"1-0-1\"," more "}"
#define ITEM ITEM_OF("\"auth\":60,\"repeats\":2,\"interval\":30")
#define ISSUE_OF(id, pid, enc, items, more)                                                                     \
    "{\"rxId\":\"" id "\",\"pid\":\"" pid "\",\"encId\":\"" enc "\",\"items\":[" items "],\"codeHash\":\"%s\"," \
    "\"codeSalt\":\"" CODE_SALT "\",\"validUntil\":\"" UNTIL "\",\"salt\":\"" SALT1 "\"" more "}"
#define ISSUE(id) ISSUE_OF(id, PID_A, "e1", ITEM, "")
#define ACCEPT "{\"code\":\"" CODE "\",\"salt\":\"" SALT2 "\"}"
#define NO_CODE "{\"salt\":\"" SALT2 "\"}"
#define BECAUSE(reason) "{\"reasonCode\":\"" reason "\",\"salt\":\"" SALT3 "\"}"
#define PACK(gtin, serial, units) "{\"gtin\":\"" gtin "\",\"serial\":\"" serial "\",\"units\":" units "}"
#define LINE(item, packs) "{\"item\":" item ",\"packs\":[" packs "]}"
#define DISPENSE(seq, lines) "{\"seq\":" seq ",\"lines\":[" lines "],\"salt\":\"" SALT2 "\"}"
#define TAKE_ONE(seq, serial) DISPENSE(seq, LINE("1", PACK(GTIN_A, serial, "30")))
#define SEQ(seq) "{\"seq\":" seq ",\"salt\":\"" SALT3 "\"}"
#define NOMINATE(pid, gln) "{\"pid\":\"" pid "\",\"gln\":\"" gln "\",\"salt\":\"" SALT3 "\"}"
#define NO_NOMINEE(pid) "{\"pid\":\"" pid "\",\"salt\":\"" SALT3 "\"}"
#define OF(pid) "{\"pid\":\"" pid "\"}"
#define REVERSE(seq) "{\"seq\":" seq ",\"reasonCode\":\"not_collected\",\"salt\":\"" SALT3 "\"}"

static inline void as_pharmacist(void)
{
    as("PharmacyMSP", "pharmacist", "ph1", P1, "17");
}

static inline void as_other_pharmacist(void)
{
    as("PharmacyMSP", "pharmacist", "ph2", P2, "27");
}

/* T with the code's hash in place of %s, where it has one. */
static inline void put_rx_in(const char *in)
{
    static char text[70000];
    char hash[2 * LIB_SHA256_LEN + 1];
    uint8_t salted[16 + sizeof(CODE) - 1];

    lib_from_hex(CODE_SALT, salted, 16);
    memcpy(salted + 16, CODE, sizeof(CODE) - 1);
    assert_true(lib_sha256_hex(fcc_bytes_of(salted, sizeof(salted)), hash));
    if (in && strstr(in, "%s")) {
        const char *at = strstr(in, "%s");

        snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - in), in, hash, at + 2);
        in = text;
    }
    put_in(in);
}

static inline fcc_test_result invoke(const char *function, const char *in)
{
    put_rx_in(in);
    return fcc_test_submit(world, "prescriptions", function, FCC_END);
}

static inline fcc_test_result invoke_id(const char *function, const char *id, const char *in)
{
    put_rx_in(in);
    return fcc_test_submit(world, "prescriptions", function, id, FCC_END);
}

static inline fcc_test_result endorse_id(const char *function, const char *id, const char *in)
{
    put_rx_in(in);
    return fcc_test_endorse(world, "prescriptions", function, id, FCC_END);
}

static inline fcc_test_result query(const char *function, const char *in)
{
    put_rx_in(in);
    return fcc_test_evaluate(world, "prescriptions", function, FCC_END);
}

static inline fcc_test_result query_id(const char *function, const char *id, const char *in)
{
    put_rx_in(in);
    return fcc_test_evaluate(world, "prescriptions", function, id, FCC_END);
}

static inline const char *rx_value(const char *id)
{
    char key[100];

    snprintf(key, sizeof(key), "~RX~%s~", id);
    return held("prescriptions", "rx", key);
}

static inline const char *act_value(const char *id)
{
    char key[100];

    snprintf(key, sizeof(key), "~ACT~%s~", id);
    return held("prescriptions", "", key);
}

/* As network.yaml has it, with these functions. */
static inline void install_prescriptions(const fcc_chaincode *chaincode)
{
    static const char *const at[] = { "HospitalMSP", "ClinicMSP", "PharmacyMSP", "RegulatorMSP", NULL };
    const fcc_test_chaincode cc = { .name = "prescriptions",
                                    .chaincode = chaincode,
                                    .policy = "OutOf(2, 'HospitalMSP.peer', 'ClinicMSP.peer', 'PharmacyMSP.peer')",
                                    .collections = "chaincode/prescriptions/collections.json",
                                    .msp_ids = at };

    fcc_test_install(world, &cc);
}

static inline void start_encounter(const char *id, const char *pid)
{
    char in[200];

    snprintf(in, sizeof(in), "{\"encId\":\"%s\",\"pid\":\"%s\",\"salt\":\"" SALT1 "\"}", id, pid);
    put_in(in);
    assert_accepted(fcc_test_submit(world, "ehr", "StartEncounter", FCC_END));
}

static inline int set_up_with(const fcc_chaincode *chaincode)
{
    shelf_start_full();
    health_install("consent", &consent_chaincode);
    health_install("ehr", &ehr_chaincode);
    install_prescriptions(chaincode);
    as_doctor();
    start_encounter("e1", PID_A);
    return 0;
}

static inline int make_pharmacy(void **state)
{
    return set_up_with(&prescriptions_chaincode);
}
HEALTH_SETUP(set_up, make_pharmacy)

/* The doctor issues r1 to PID_A; the pharmacist of P1 has it. */
static inline void issue(void)
{
    as_doctor();
    assert_accepted(invoke("Issue", ISSUE("r1")));
}

static inline void issue_and_accept(void)
{
    issue();
    as_pharmacist();
    assert_accepted(invoke_id("Accept", "r1", ACCEPT));
}

#endif
