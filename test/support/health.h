/* health.h: the people, places and ids of the chaincodes' unit tests, and short assertions on their answers. */
#ifndef TEST_SUPPORT_HEALTH_H
#define TEST_SUPPORT_HEALTH_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

#include "lib/call.h"
#include "lib/registry.h"
#include "test/support/fake_stub.h"

#define NOW 1767225600 /* 2026-01-01T00:00:00Z */
#define PID_A "aaaaaaaaaaaaaaaaaaaaaaaaaa"
#define PID_B "bbbbbbbbbbbbbbbbbbbbbbbbbb"
#define PID_DEAD "dddddddddddddddddddddddddd"
#define PID_NOBODY "zzzzzzzzzzzzzzzzzzzzzzzzzz"
#define H1 "4000000000001"
#define C1 "4000000000002"
#define SALT1 "11111111111111111111111111111111"
#define SALT2 "22222222222222222222222222222222"
#define SALT3 "33333333333333333333333333333333"

#define FP(two)                                                                                                     \
    two two two two two two two two two two two two two two two two two two two two two two two two two two two two \
        two two two two
#define STAFF(uid, msp, site, role, status, licence, two)                                                  \
    "{\"uid\":\"" uid "\",\"msp\":\"" msp "\",\"site\":\"" site "\",\"roles\":[\"" role "\"],\"caps\":[]," \
    "\"status\":\"" status "\",\"licence\":" licence ",\"keys\":[\"" FP(two) "\"]}"
#define VALID "{\"regions\":[\"DE-BE\"],\"status\":\"valid\"}"
#define PATIENT(pid, status, two) \
    "{\"pid\":\"" pid "\",\"msp\":\"HospitalMSP\",\"status\":\"" status "\",\"keys\":[\"" FP(two) "\"]}"

/* clang-format off */
static const char health_registry[] =
    "{\"sites\":[{\"gln\":\"" H1 "\",\"msp\":\"HospitalMSP\",\"type\":\"hospital\",\"region\":\"DE-BE\","
    "\"status\":\"approved\"},{\"gln\":\"" C1 "\",\"msp\":\"ClinicMSP\",\"type\":\"practice\",\"region\":\"DE-BE\","
    "\"status\":\"approved\"},{\"gln\":\"p1\",\"msp\":\"PharmacyMSP\",\"type\":\"pharmacy\",\"region\":\"DE-BE\","
    "\"status\":\"approved\"},{\"gln\":\"r1\",\"msp\":\"RegulatorMSP\",\"type\":\"office\",\"region\":\"DE-BE\","
    "\"status\":\"approved\"},{\"gln\":\"closed\",\"msp\":\"HospitalMSP\",\"type\":\"ward\",\"region\":\"DE-BE\","
    "\"status\":\"pending\"}],\"staff\":["
    STAFF("d1", "HospitalMSP", H1, "doctor", "approved", VALID, "01") ","
    STAFF("d3", "ClinicMSP", C1, "doctor", "approved", VALID, "03") ","
    STAFF("d4", "HospitalMSP", H1, "doctor", "approved", "{\"regions\":[\"DE-BB\"],\"status\":\"valid\"}", "04") ","
    STAFF("d5", "HospitalMSP", H1, "doctor", "suspended", VALID, "05") ","
    STAFF("d6", "HospitalMSP", "closed", "doctor", "approved", VALID, "06") ","
    STAFF("d7", "HospitalMSP", H1, "doctor", "approved", VALID, "07") ","
    STAFF("n1", "HospitalMSP", H1, "nurse", "approved", "null", "11") ","
    STAFF("reg1", "HospitalMSP", H1, "registrar", "approved", "null", "12") ","
    STAFF("po1", "HospitalMSP", H1, "privacy_officer", "approved", "null", "13") ","
    STAFF("cust1", "HospitalMSP", H1, "custodian", "approved", "null", "14") ","
    STAFF("cust2", "ClinicMSP", C1, "custodian", "approved", "null", "15") ","
    STAFF("adm1", "HospitalMSP", H1, "admin", "approved", "null", "16") ","
    STAFF("ph1", "PharmacyMSP", "p1", "pharmacist", "approved", VALID, "17") ","
    STAFF("aud1", "RegulatorMSP", "r1", "auditor", "approved", "null", "18") ","
    STAFF("admr", "RegulatorMSP", "r1", "admin", "approved", "null", "19") "],\"patients\":["
    PATIENT(PID_A, "active", "a1") "," PATIENT(PID_B, "active", "b1") "," PATIENT(PID_DEAD, "deceased", "dd") "],"
    "\"custody\":[{\"msp\":\"HospitalMSP\",\"pub\":\"" FP("cc") "\"}],"
    "\"retention\":[{\"gln\":\"" H1 "\",\"class\":\"general\",\"years\":10},"
    "{\"gln\":\"" C1 "\",\"class\":\"general\",\"years\":10}]}";
/* clang-format on */

static inline void as_doctor(void)
{
    fake_caller("HospitalMSP", "doctor", "d1", H1, 0x01);
}

static inline void as_clinic_doctor(void)
{
    fake_caller("ClinicMSP", "doctor", "d3", C1, 0x03);
}

static inline void as_patient(void)
{
    fake_caller("HospitalMSP", "patient", NULL, NULL, 0xa1);
}

static inline void as_other_patient(void)
{
    fake_caller("HospitalMSP", "patient", NULL, NULL, 0xb1);
}

static inline void as_staff(const char *role, const char *uid, uint8_t key)
{
    fake_caller("HospitalMSP", role, uid, H1, key);
}

static inline void as_auditor(void)
{
    fake_caller("RegulatorMSP", "auditor", "aud1", "r1", 0x18);
}

static inline void health_load(void)
{
    fcc_error error;

    if (registry_load_text(health_registry, &error) != FCC_OK)
        fail_msg("%s", error.text);
    lib_set_clock(fake_now);
    fake_reset(NOW);
}

/* Status and code of a refusal: assert_refused(result, 403, "DENIED:role"). */
#define assert_refused(result, status_, code_)                                                  \
    do {                                                                                        \
        fake_result have_ = (result);                                                           \
        char want_[128];                                                                        \
        snprintf(want_, sizeof(want_), "{\"code\":\"%s\",\"detail\":\"", code_);                \
        if (have_.status != (status_) || strncmp(have_.message, want_, strlen(want_)) != 0)     \
            fail_msg("%d %s, and not %d %s", (int)have_.status, have_.message, status_, code_); \
    } while (0)

#define assert_accepted(result)                                  \
    do {                                                         \
        fake_result have_ = (result);                            \
        if (have_.status != 200)                                 \
            fail_msg("%d %s", (int)have_.status, have_.message); \
    } while (0)

#define assert_has(haystack, needle)                                                      \
    do {                                                                                  \
        if (!(haystack) || !strstr((haystack), (needle)))                                 \
            fail_msg("\"%s\" is not in %s", needle, (haystack) ? (haystack) : "nothing"); \
    } while (0)

#define assert_has_not(haystack, needle)                     \
    do {                                                     \
        if ((haystack) && strstr((haystack), (needle)))      \
            fail_msg("\"%s\" is in %s", needle, (haystack)); \
    } while (0)

#endif
