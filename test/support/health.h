/*
 * health.h: the people, places and ids of the chaincodes' unit tests, the channel that they work on, and short assertions
 * on their answers.
 */
#ifndef TEST_SUPPORT_HEALTH_H
#define TEST_SUPPORT_HEALTH_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include <fcc/test.h>

#include "lib/call.h"
#include "lib/registry.h"

#define NOW 1767225600 /* 2026-01-01T00:00:00Z */
#define PID_A "aaaaaaaaaaaaaaaaaaaaaaaaaa"
#define PID_B "bbbbbbbbbbbbbbbbbbbbbbbbbb"
#define PID_DEAD "dddddddddddddddddddddddddd"
#define PID_E "eeeeeeeeeeeeeeeeeeeeeeeeee" /* no key: consent on paper */
#define PID_G "gggggggggggggggggggggggggg" /* guardian of PID_M, from NOW on for a day, and of PID_W without an end */
#define PID_M "mmmmmmmmmmmmmmmmmmmmmmmmmm" /* a minor without a key */
#define PID_W "wwwwwwwwwwwwwwwwwwwwwwwwww" /* of age, without a key */
#define PID_LINKED "llllllllllllllllllllllllll"  /* provisional, found out to be PID_A */
#define PID_UNKNOWN "uuuuuuuuuuuuuuuuuuuuuuuuuu" /* provisional, still unidentified */
#define PID_NOBODY "zzzzzzzzzzzzzzzzzzzzzzzzzz"
#define H1 "4000000000001"
#define C1 "4000000000002"
#define L1 "4000000000003" /* a laboratory of the hospital */
#define SALT1 "11111111111111111111111111111111"
#define SALT2 "22222222222222222222222222222222"
#define SALT3 "33333333333333333333333333333333"

#define FP(two)                                                                                                     \
    two two two two two two two two two two two two two two two two two two two two two two two two two two two two \
        two two two two
#define STAFF_CAPS(uid, msp, site, role, caps, status, licence, two)                                               \
    "{\"uid\":\"" uid "\",\"msp\":\"" msp "\",\"site\":\"" site "\",\"roles\":[\"" role "\"],\"caps\":[" caps "]," \
    "\"status\":\"" status "\",\"licence\":" licence ",\"keys\":[\"" FP(two) "\"]}"
#define STAFF(uid, msp, site, role, status, licence, two) STAFF_CAPS(uid, msp, site, role, "", status, licence, two)
#define VALID "{\"regions\":[\"DE-BE\"],\"status\":\"valid\"}"
#define PATIENT(pid, status, two)                                       \
    "{\"pid\":\"" pid "\",\"msp\":\"HospitalMSP\",\"status\":\"" status \
    "\",\"assigned\":[\"d1\"],\"keys\":[\"" FP(two) "\"]}"
#define NO_KEY(pid, status, more) \
    "{\"pid\":\"" pid "\",\"msp\":\"HospitalMSP\",\"status\":\"" status "\",\"keys\":[]" more "}"
#define GUARDED(to) \
    ",\"guardians\":[{\"pid\":\"" PID_G "\",\"scope\":[\"consent\",\"records\"],\"from\":1767225600,\"to\":" to "}]"

/* clang-format off */
static const char health_registry[] =
    "{\"sites\":[{\"gln\":\"" H1 "\",\"msp\":\"HospitalMSP\",\"type\":\"hospital\",\"region\":\"DE-BE\","
    "\"status\":\"approved\"},{\"gln\":\"" C1 "\",\"msp\":\"ClinicMSP\",\"type\":\"practice\",\"region\":\"DE-BE\","
    "\"status\":\"approved\"},{\"gln\":\"" L1 "\",\"msp\":\"HospitalMSP\",\"type\":\"lab\",\"region\":\"DE-BE\","
    "\"status\":\"approved\"},{\"gln\":\"p1\",\"msp\":\"PharmacyMSP\",\"type\":\"pharmacy\",\"region\":\"DE-BE\","
    "\"status\":\"approved\"},{\"gln\":\"r1\",\"msp\":\"RegulatorMSP\",\"type\":\"office\",\"region\":\"DE-BE\","
    "\"status\":\"approved\"},{\"gln\":\"closed\",\"msp\":\"HospitalMSP\",\"type\":\"ward\",\"region\":\"DE-BE\","
    "\"status\":\"pending\"}],\"staff\":["
    STAFF("d1", "HospitalMSP", H1, "doctor", "approved", VALID, "01") ","
    STAFF_CAPS("d2", "HospitalMSP", H1, "doctor", "\"btg\"", "approved", VALID, "02") ","
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
    STAFF("reg2", "HospitalMSP", H1, "registrar", "approved", "null", "1a") ","
    STAFF("reg3", "ClinicMSP", C1, "registrar", "approved", "null", "1b") ","
    STAFF("po3", "ClinicMSP", C1, "privacy_officer", "approved", "null", "1c") ","
    STAFF_CAPS("d8", "HospitalMSP", H1, "doctor", "\"btg\"", "approved", "null", "08") ","
    STAFF_CAPS("d9", "ClinicMSP", C1, "doctor", "\"btg\"", "approved", VALID, "09") ","
    STAFF("ph1", "PharmacyMSP", "p1", "pharmacist", "approved", VALID, "17") ","
    STAFF("aud1", "RegulatorMSP", "r1", "auditor", "approved", "null", "18") ","
    STAFF("admr", "RegulatorMSP", "r1", "admin", "approved", "null", "19") ","
    STAFF("adm2", "ClinicMSP", C1, "admin", "approved", "null", "20") ","
    STAFF("lab1", "HospitalMSP", L1, "labtech", "approved", "null", "21") ","
    STAFF("lab2", "HospitalMSP", L1, "labtech", "approved", "null", "22") ","
    STAFF("lab3", "ClinicMSP", C1, "labtech", "approved", "null", "23") ","
    STAFF("po2", "HospitalMSP", H1, "privacy_officer\",\"registrar", "approved", "null", "24") "],\"patients\":["
    PATIENT(PID_A, "active", "a1") "," PATIENT(PID_B, "active", "b1") "," PATIENT(PID_DEAD, "deceased", "dd") ","
    PATIENT(PID_G, "active", "9a") "," NO_KEY(PID_E, "active", "") ","
    NO_KEY(PID_M, "active", ",\"minorUntil\":1767229200" GUARDED("1767312000")) ","
    NO_KEY(PID_W, "active", GUARDED("9999999999")) ","
    NO_KEY(PID_LINKED, "provisional", ",\"link\":\"" PID_A "\"") "," NO_KEY(PID_UNKNOWN, "provisional", "") "],"
    "\"custody\":[{\"msp\":\"HospitalMSP\",\"pub\":\"" FP("cc") "\"}],"
    "\"retention\":[{\"gln\":\"" H1 "\",\"class\":\"general\",\"years\":10},"
    "{\"gln\":\"" C1 "\",\"class\":\"general\",\"years\":10}]}";
/* clang-format on */

/* The channel of the case that runs. */
static fcc_test *world;

static inline int64_t health_now(void)
{
    return fcc_test_time(world);
}

static char health_text[sizeof(health_registry)];

/* The registry, with the fingerprints that the keys of this process really have. */
static inline void health_load(void)
{
    static const char *const keys[] = { "01", "02", "03", "04", "05", "06", "07", "08", "09", "11",
                                        "12", "13", "14", "15", "16", "17", "18", "19", "1a", "1b",
                                        "1c", "20", "21", "22", "23", "24", "9a", "a1", "b1", "dd" };
    char *text = health_text;
    fcc_error error;

    memcpy(text, health_registry, sizeof(health_text));
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        char wanted[65];
        char *at;

        for (size_t k = 0; k < 64; k++)
            wanted[k] = keys[i][k % 2];
        wanted[64] = 0;
        while ((at = strstr(text, wanted)) != NULL)
            memcpy(at, fcc_test_fingerprint(keys[i]), 64);
    }
    if (registry_load_text(text, &error) != FCC_OK)
        fail_msg("%s", error.text);
}

/* A patient without a key gets one; until the next health_load. */
static inline void health_bind_key(const char *pid, const char *key)
{
    json_t *registry = json_loads(health_text, 0, NULL), *entry;
    char *text;
    fcc_error error;
    size_t i;

    json_array_foreach(json_object_get(registry, "patients"), i, entry)
    {
        if (strcmp(json_string_value(json_object_get(entry, "pid")), pid) == 0)
            json_array_append_new(json_object_get(entry, "keys"), json_string(fcc_test_fingerprint(key)));
    }
    text = json_dumps(registry, 0);
    if (!text || registry_load_text(text, &error) != FCC_OK)
        fail_msg("the registry can't be changed");
    free(text);
    json_decref(registry);
}

/* A new channel of these organisations (NULL: the four of network.yaml), at NOW. */
static inline void health_start(const char *const *msp_ids)
{
    static const char *const usual[] = { "HospitalMSP", "ClinicMSP", "PharmacyMSP", "RegulatorMSP", NULL };

    health_load();
    lib_set_clock(health_now);
    fcc_test_free(world);
    world = fcc_test_new(msp_ids ? msp_ids : usual);
    fcc_test_set_time(world, NOW);
}

/* As network.yaml has it. */
static inline void health_install(const char *name, const fcc_chaincode *chaincode)
{
    static const char *const at[] = { "HospitalMSP", "ClinicMSP", "RegulatorMSP", NULL };
    char path[64];
    fcc_test_chaincode cc = { .name = name,
                              .chaincode = chaincode,
                              .policy = "OutOf(2, 'HospitalMSP.peer', 'ClinicMSP.peer')",
                              .collections = path,
                              .msp_ids = at };

    snprintf(path, sizeof(path), "chaincode/%s/collections.json", name);
    fcc_test_install(world, &cc);
}

static inline int health_stop(void **state)
{
    fcc_test_free(world);
    world = NULL;
    return 0;
}

/* The next calls come from here; attributes may be NULL. The registry knows the keys by their names. */
static inline void as(const char *msp, const char *role, const char *uid, const char *site, const char *key)
{
    const char *const names[] = { "role", "uid", "site" }, *const values[] = { role, uid, site };
    const char *attributes[7];
    fcc_test_identity identity = { .msp_id = msp, .attributes = attributes, .key = key };
    size_t n = 0;

    for (size_t i = 0; i < 3; i++)
        if (values[i]) {
            attributes[n++] = names[i];
            attributes[n++] = values[i];
        }
    attributes[n] = NULL;
    fcc_test_as_identity(world, &identity);
}

static inline void as_doctor(void)
{
    as("HospitalMSP", "doctor", "d1", H1, "01");
}

static inline void as_clinic_doctor(void)
{
    as("ClinicMSP", "doctor", "d3", C1, "03");
}

static inline void as_patient(void)
{
    as("HospitalMSP", "patient", NULL, NULL, "a1");
}

static inline void as_other_patient(void)
{
    as("HospitalMSP", "patient", NULL, NULL, "b1");
}

static inline void as_staff(const char *role, const char *uid, const char *key)
{
    as("HospitalMSP", role, uid, H1, key);
}

static inline void as_auditor(void)
{
    as("RegulatorMSP", "auditor", "aud1", "r1", "18");
}

/* The transient value `in` of the next call; NULL for none. */
static inline void put_in(const char *text)
{
    if (text)
        fcc_test_transient(world, "in", fcc_str(text));
}

static inline fcc_bytes key_of(const char *text)
{
    static char key[256];
    size_t len = strlen(text);

    assert_true(len < sizeof(key));
    for (size_t i = 0; i < len; i++)
        key[i] = text[i] == '~' ? 0 : text[i];
    return fcc_bytes_of(key, len);
}

/* A committed value as this organisation's peer has it, NULL when it has none; ~ in the key is U+0000. */
static inline const char *held_at(const char *msp, const char *chaincode, const char *collection, const char *key)
{
    fcc_bytes value = *collection ? fcc_test_private(world, msp, chaincode, collection, key_of(key))
                                  : fcc_test_state(world, chaincode, key_of(key));

    return value.len ? (const char *)value.data : NULL;
}

static inline const char *held(const char *chaincode, const char *collection, const char *key)
{
    return held_at("HospitalMSP", chaincode, collection, key);
}

/* Status and code of a refusal: assert_refused(result, 403, "DENIED:role"). Nothing of it comes into a block. */
#define assert_refused(result, status_, code_)                                                  \
    do {                                                                                        \
        fcc_test_result have_ = (result);                                                       \
        char want_[128];                                                                        \
        snprintf(want_, sizeof(want_), "{\"code\":\"%s\",\"detail\":\"", code_);                \
        if (have_.status != (status_) || have_.code != FCC_TEST_NONE ||                         \
            strncmp(have_.message, want_, strlen(want_)) != 0)                                  \
            fail_msg("%d %s, and not %d %s", (int)have_.status, have_.message, status_, code_); \
    } while (0)

/* A query, a transaction that was committed as valid, or one that waits for its block. */
#define assert_accepted(result)                                                                   \
    do {                                                                                          \
        fcc_test_result have_ = (result);                                                         \
        if (have_.status != 200 || have_.code > FCC_TEST_VALID)                                   \
            fail_msg("%d %s%s %s", (int)have_.status, have_.message, have_.code_name, have_.why); \
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
