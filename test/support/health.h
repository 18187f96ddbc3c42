/*
 * health.h: the people, places and ids of the chaincodes' unit tests, the channel that they work on, and short assertions
 * on their answers. Who they are is on the channel, by the functions of `credentials`: health_world.h.
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
#define H1 "4000000000006" /* a hospital, with its administrator adm1 */
#define C1 "4000000000013" /* a clinic, with adm2 */
#define L1 "4000000000020" /* a laboratory of the hospital */
#define W1 "4000000000037" /* a ward of the hospital that is suspended */
#define P1 "4000000000044" /* a pharmacy, with adm3 */
#define P2 "4000000000099" /* another one, in another region */
#define A1 "4000000000051" /* the regulator's office, with admr */
#define K1 "4000000000068" /* a council that issues licences, with admk */
#define M1 "4000000000075" /* a maker of drugs, with admm */
#define M2 "4000000000105" /* its second factory, no trading partner */
#define D1 "4000000000082" /* a wholesaler, with admd */
#define SALT1 "11111111111111111111111111111111"
#define SALT2 "22222222222222222222222222222222"
#define SALT3 "33333333333333333333333333333333"

/* 64 hexadecimal digits of two */
#define FP(two)                                                                                                     \
    two two two two two two two two two two two two two two two two two two two two two two two two two two two two \
        two two two two

/* The channel of the case that runs. */
static fcc_test *world;

static inline int64_t health_now(void)
{
    return fcc_test_time(world);
}

/* A new channel of these organisations with nothing on it, at NOW. */
static inline void health_open(const char *const *msp_ids)
{
    lib_set_clock(health_now);
    fcc_test_free(world);
    world = fcc_test_new(msp_ids);
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
    as("RegulatorMSP", "auditor", "aud1", A1, "18");
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

#include "test/support/health_world.h"

#endif
