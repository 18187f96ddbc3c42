/*
 * shelf.h: the packs that the tests of prescriptions dispense, brought to the pharmacy P1 by `supply` as in life: made by
 * M1, shipped, received. What shelf_fill brings is there at once with shelf_start_full: the build has brought it, as it has
 * made the registry (health_state.c).
 */
#ifndef TEST_SUPPORT_SHELF_H
#define TEST_SUPPORT_SHELF_H

#include "test/support/health.h"

#include "supply/supply.h"

#define GTIN_A "04000000000105" /* 30 units, whole: the drug that ITEM prescribes */
#define GTIN_S "04000000000204" /* the same drug, 20 units that may be split */
#define GTIN_B "04000000000303" /* 30 units, whole: another drug of the same ingredient, strength and form */
#define GTIN_C "04000000000402" /* 30 units, whole: something else */

static inline fcc_test_result supply_in(const char *function, const char *in)
{
    put_in(in);
    return fcc_test_submit(world, "supply", function, FCC_END);
}

static inline void as_maker(void)
{
    as("ManufacturerMSP", "supplychain", "sup1", M1, "31");
}

static inline void shelf_install(const fcc_chaincode *supply)
{
    static const char *const at[] = { "ManufacturerMSP", "DistributorMSP", "PharmacyMSP", "HospitalMSP",
                                      "ClinicMSP",       "RegulatorMSP",   NULL };
    const fcc_test_chaincode cc = { .name = "supply",
                                    .chaincode = supply,
                                    .policy = "OutOf(2, 'ManufacturerMSP.peer', 'DistributorMSP.peer', "
                                              "'PharmacyMSP.peer', 'HospitalMSP.peer', 'ClinicMSP.peer')",
                                    .collections = "chaincode/supply/collections.json",
                                    .msp_ids = at };

    fcc_test_install(world, &cc);
}

/* With nothing on the shelf. */
static inline void shelf_start(void)
{
    health_start(supply_orgs);
    shelf_install(&supply_chaincode);
}

/* With what shelf_fill brings. */
static inline void shelf_start_full(void)
{
    world_restore(supply_orgs, health_image_shelf, health_image_shelf_end);
    shelf_install(&supply_chaincode);
}

/* ---- bringing packs ---- */

/* Is told of each call that does, if anybody is. */
static void (*shelf_told)(const fcc_test_result *result);

static inline void shelf_accept(fcc_test_result result)
{
    assert_accepted(result);
    if (shelf_told)
        shelf_told(&result);
}

static inline void shelf_product(const char *gtin, const char *pzn, const char *strength, const char *units,
                                 const char *splittable)
{
    char drug[200];

    snprintf(drug, sizeof(drug), "[{\"system\":\"http://fhir.de/CodeSystem/ifa/pzn\",\"code\":\"%s\"}]", pzn);
    shelf_accept(fcc_test_submit(world, "supply", "RegisterProduct", gtin, drug, "387207008", strength, "10219000",
                                 units, splittable, "true", "[\"DE\"]", "A medicine", FCC_END));
}

enum { shelf_room = 4000 };

/* Packs of one product and lot, serials "a1","a2",…, made, and added to a list of `shelf_room`. */
static inline void shelf_make(const char *gtin, const char *lot, const char *expiry, const char *first, int count,
                              char *packs)
{
    static int number;
    char in[6000], serials[2000] = "", one[120];

    for (int i = 1; i <= count; i++) {
        snprintf(one, sizeof(one), "%s{\"gtin\":\"%s\",\"serial\":\"%s%d\"}", *packs ? "," : "", gtin, first, i);
        assert_true(strlen(packs) + strlen(one) < shelf_room);
        strcat(packs, one);
        snprintf(one, sizeof(one), "%s\"%s%d\"", i > 1 ? "," : "", first, i);
        strcat(serials, one);
    }
    as_maker();
    snprintf(in, sizeof(in),
             "{\"id\":\"make-%d\",\"gtin\":\"%s\",\"lot\":\"%s\",\"expiry\":\"%s\",\"serials\":[%s],\"salt\":\"" SALT1
             "\"}",
             ++number, gtin, lot, expiry, serials);
    shelf_accept(supply_in("Commission", in));
}

/* Such a list shipped to P1 or D1, and received there. */
static inline void shelf_move(const char *packs, const char *to)
{
    static int number;
    char in[6000];

    as_maker();
    snprintf(in, sizeof(in), "{\"id\":\"ship-%d\",\"packs\":[%s],\"toGln\":\"%s\",\"salt\":\"" SALT2 "\"}", ++number,
             packs, to);
    shelf_accept(supply_in("Ship", in));
    if (strcmp(to, P1) == 0)
        as("PharmacyMSP", "pharmacist", "ph1", P1, "17");
    else
        as("DistributorMSP", "supplychain", "sup2", D1, "32");
    snprintf(in, sizeof(in), "{\"id\":\"get-%d\",\"packs\":[%s],\"salt\":\"" SALT3 "\"}", number, packs);
    shelf_accept(supply_in("Receive", in));
}

/* Both. */
static inline void shelf_packs(const char *gtin, const char *lot, const char *expiry, const char *first, int count,
                               const char *to)
{
    char packs[shelf_room] = "";

    shelf_make(gtin, lot, expiry, first, count, packs);
    shelf_move(packs, to);
}

/* a1…a8 and b1…b4 of two lots, s1 s2, g1, c1, e1 that expires on 15 January; w1 is still at the wholesaler. */
static inline void shelf_fill(void)
{
    char packs[shelf_room] = "";

    as_world_admin("PharmacyMSP", "adm3", P1, "25");
    shelf_accept(supply_in("Setup", "{\"salt\":\"" FP("5b") "\"}"));
    as_maker();
    shelf_product(GTIN_A, "01234567", "500mg", "30", "false");
    shelf_product(GTIN_S, "01234567", "500mg", "20", "true");
    shelf_product(GTIN_B, "07654321", "500mg", "30", "false");
    shelf_product(GTIN_C, "07777777", "250mg", "30", "false");
    shelf_make(GTIN_A, "L1", "271231", "a", 8, packs);
    shelf_make(GTIN_A, "L2", "271231", "b", 4, packs);
    shelf_make(GTIN_A, "L3", "260115", "e", 1, packs);
    shelf_make(GTIN_S, "S1", "271231", "s", 2, packs);
    shelf_make(GTIN_B, "G1", "271231", "g", 1, packs);
    shelf_make(GTIN_C, "C1", "271231", "c", 1, packs);
    shelf_move(packs, P1);
    shelf_packs(GTIN_A, "L1", "271231", "w", 1, D1);
}

static inline const char *shelf_pack(const char *gtin, const char *serial)
{
    char key[80];

    snprintf(key, sizeof(key), "~PACK~%s~%s~", gtin, serial);
    return held_at("PharmacyMSP", "supply", "packs", key);
}

#endif
