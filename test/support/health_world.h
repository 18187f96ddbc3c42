/*
 * health_world.h: the registry that the chaincodes' tests live in. The build makes it as in life, by the calls of its
 * people (health_state.c); what these wrote comes into a channel by one transaction, and each case has a copy of that. So
 * a case has the state that the functions write, whatever they write, and pays less than a millisecond for it.
 */
#ifndef TEST_SUPPORT_HEALTH_WORLD_H
#define TEST_SUPPORT_HEALTH_WORLD_H

#include "test/support/health.h"

#include "credentials/credentials.h"

/* What the calls wrote: collection ("" for public state), key, value. */
typedef struct health_entry {
    const char *collection, *key, *value;
    size_t key_len, value_len;
} health_entry;

extern const health_entry health_state[]; /* of credentials */
extern const size_t health_state_count;
extern const health_entry health_shelf[]; /* of supply: test/support/shelf.h */
extern const size_t health_shelf_count;

enum { world_functions = 96 };

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

static inline fcc_status world_put(fcc_stub *stub, const health_entry *entries, size_t count)
{
    fcc_status st = FCC_OK;

    for (size_t i = 0; i < count && st == FCC_OK; i++) {
        const health_entry *e = &entries[i];
        const fcc_bytes key = fcc_bytes_of(e->key, e->key_len), value = fcc_bytes_of(e->value, e->value_len);

        st = *e->collection ? fcc_put_private_data(stub, fcc_str(e->collection), key, value)
                            : fcc_put_state(stub, key, value);
    }
    return st;
}

static inline fcc_status world_seed(fcc_stub *stub, fcc_args args)
{
    (void)args;
    return world_put(stub, health_state, health_state_count);
}

/* `*out`: a chaincode with one function more, Seed, in this room for functions. */
static inline void world_add_seed(const fcc_chaincode *of, fcc_status (*seed)(fcc_stub *stub, fcc_args args),
                                  fcc_function functions[world_functions], fcc_chaincode *out)
{
    assert_true(of->count < world_functions);
    memcpy(functions, of->functions, of->count * sizeof(functions[0]));
    functions[of->count] = (fcc_function){ "Seed", seed, 0 };
    *out = *of;
    out->functions = functions;
    out->count++;
}

/* `credentials` with what a test's channel begins with. */
static inline const fcc_chaincode *world_chaincode(void)
{
    static fcc_function functions[world_functions];
    static fcc_chaincode chaincode;

    world_add_seed(&credentials_chaincode, world_seed, functions, &chaincode);
    return &chaincode;
}

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
/* With the supply chain. */
static const char *const supply_orgs[] = { "HospitalMSP",     "ClinicMSP",      "PharmacyMSP", "RegulatorMSP",
                                           "ManufacturerMSP", "DistributorMSP", NULL };

/* Channels of these organisations with the registry: made once each, and copied. */
static struct {
    const char *const *msp_ids;
    fcc_test *channel;
} world_ready[4];

/* A new channel of these organisations (NULL: the four that most need), with the registry, at NOW. */
static inline void health_start(const char *const *msp_ids)
{
    size_t i = 0;

    msp_ids = msp_ids ? msp_ids : world_orgs;
    while (i < sizeof(world_ready) / sizeof(world_ready[0]) && world_ready[i].channel &&
           world_ready[i].msp_ids != msp_ids)
        i++;
    assert_true(i < sizeof(world_ready) / sizeof(world_ready[0]));
    if (!world_ready[i].channel) {
        health_open(msp_ids);
        world_install(world_chaincode());
        as("HospitalMSP", NULL, NULL, NULL, NULL);
        assert_accepted(fcc_test_submit(world, "credentials", "Seed", FCC_END));
        world_ready[i].msp_ids = msp_ids;
        world_ready[i].channel = world;
        world = NULL;
    }
    lib_set_clock(health_now);
    fcc_test_free(world);
    world = fcc_test_copy(world_ready[i].channel);
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
