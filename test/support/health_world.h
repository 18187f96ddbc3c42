/*
 * health_world.h: the registry that the chaincodes' tests live in. The build makes it as in life, by the calls of its
 * people, and keeps channels' ledgers with what these wrote (health_state.c): a case begins with one of them. So it has the
 * state that the functions write, whatever they write, and pays less than a millisecond for it.
 */
#ifndef TEST_SUPPORT_HEALTH_WORLD_H
#define TEST_SUPPORT_HEALTH_WORLD_H

#include "test/support/health.h"

#include "credentials/credentials.h"

/* What fcc_test_save gave: test/support/health_state.c. */
#define HEALTH_IMAGE(name) extern const unsigned char health_image_##name[], health_image_##name##_end[]
HEALTH_IMAGE(world);
HEALTH_IMAGE(strangers);
HEALTH_IMAGE(supply);
HEALTH_IMAGE(shelf); /* of test/support/shelf.h */
#undef HEALTH_IMAGE

static inline void as_world_admin(const char *msp, const char *uid, const char *site, const char *key)
{
    const char *const attributes[] = { "role", "admin", "uid", uid, "site", site, NULL };
    fcc_test_identity identity = { .msp_id = msp, .role = "admin", .attributes = attributes, .key = key };

    fcc_test_as_identity(world, &identity);
}

static inline void as_regulators_admin(void)
{
    as_world_admin("RegulatorMSP", "admr", A1, "19");
}

static inline void as_hospitals_admin(void)
{
    as_world_admin("HospitalMSP", "adm1", H1, "16");
}

/* ---- each case's channel ---- */

static inline void world_install(const fcc_chaincode *chaincode)
{
    fcc_test_chaincode cc = { .name = "credentials",
                              .chaincode = chaincode,
                              .policy = "AND('RegulatorMSP.peer', OutOf(1, 'HospitalMSP.peer', 'ClinicMSP.peer'))",
                              .collections = "chaincode/credentials/collections.json" };

    fcc_test_install(world, &cc);
}

/* The channels of network.yaml that the chaincodes' tests need. */
static const char *const world_orgs[] = { "HospitalMSP", "ClinicMSP", "PharmacyMSP", "RegulatorMSP", NULL };
/* With an organisation that has no part in any of it. */
static const char *const stranger_orgs[] = { "HospitalMSP",  "ClinicMSP",  "PharmacyMSP",
                                             "RegulatorMSP", "StrangeMSP", NULL };
/* With the supply chain. */
static const char *const supply_orgs[] = { "HospitalMSP",     "ClinicMSP",      "PharmacyMSP", "RegulatorMSP",
                                           "ManufacturerMSP", "DistributorMSP", NULL };

/* A new channel that begins so. */
static inline void world_restore(const char *const *msp_ids, const unsigned char *from, const unsigned char *end)
{
    fcc_test_free(world);
    world = fcc_test_restore(msp_ids, fcc_bytes_of(from, (size_t)(end - from)));
    lib_set_clock(health_now);
    world_install(&credentials_chaincode);
}

/* A new channel of these organisations, one of the lists above (NULL: the first), with the registry, at NOW. */
static inline void health_start(const char *const *msp_ids)
{
    if (msp_ids == supply_orgs)
        world_restore(msp_ids, health_image_supply, health_image_supply_end);
    else if (msp_ids == stranger_orgs)
        world_restore(msp_ids, health_image_strangers, health_image_strangers_end);
    else
        world_restore(world_orgs, health_image_world, health_image_world_end);
}

/* Channels as these setups leave them: made once each, and copied. */
static struct {
    int (*make)(void **state);
    fcc_test *channel;
} world_made[8];

/* A channel as `make`, a setup of cmocka, leaves it. */
static inline int health_copy(int (*make)(void **state), void **state)
{
    size_t i = 0;

    while (i < sizeof(world_made) / sizeof(world_made[0]) && world_made[i].channel && world_made[i].make != make)
        i++;
    assert_true(i < sizeof(world_made) / sizeof(world_made[0]));
    if (!world_made[i].channel) {
        if (make(state) != 0)
            return -1;
        for (i = 0; world_made[i].channel; i++) /* it may have made others */
            assert_true(i + 1 < sizeof(world_made) / sizeof(world_made[0]));
        world_made[i].make = make;
        world_made[i].channel = world;
        world = NULL;
    }
    lib_set_clock(health_now);
    fcc_test_free(world);
    world = fcc_test_copy(world_made[i].channel);
    return 0;
}

/* Define `name` as the setup of cases that all begin with what `make` makes. */
#define HEALTH_SETUP(name, make)         \
    static inline int name(void **state) \
    {                                    \
        return health_copy(make, state); \
    }

/* A patient without a key gets one, by registrars of two organisations. */
static inline void health_bind_key(const char *pid, const char *key)
{
    char in[512];

    as("HospitalMSP", "registrar", "reg1", H1, "12");
    snprintf(in, sizeof(in), "{\"id\":\"bind-%s\",\"pid\":\"%s\",\"newFp\":\"%s\",\"evidenceHash\":\"" FP("0e") "\"}",
             key, pid, fcc_test_fingerprint(key));
    put_in(in);
    assert_accepted(fcc_test_submit(world, "credentials", "ReplaceKey", FCC_END));
    as("ClinicMSP", "registrar", "reg3", C1, "1b");
    snprintf(in, sizeof(in), "{\"id\":\"bind-%s\"}", key);
    put_in(in);
    assert_accepted(fcc_test_submit(world, "credentials", "Countersign", FCC_END));
}

#endif
