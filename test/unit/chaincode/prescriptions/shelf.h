/*
 * shelf.h: the packs that the tests of prescriptions dispense, brought to the pharmacy P1 by `supply` as in life: made by
 * M1, shipped, received.
 */
#ifndef TEST_UNIT_CHAINCODE_PRESCRIPTIONS_SHELF_H
#define TEST_UNIT_CHAINCODE_PRESCRIPTIONS_SHELF_H

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

static inline void shelf_start(void)
{
    static const char *const at[] = { "ManufacturerMSP", "DistributorMSP", "PharmacyMSP", "HospitalMSP",
                                      "ClinicMSP",       "RegulatorMSP",   NULL };
    const fcc_test_chaincode cc = { .name = "supply",
                                    .chaincode = &supply_chaincode,
                                    .policy = "OutOf(2, 'ManufacturerMSP.peer', 'DistributorMSP.peer', "
                                              "'PharmacyMSP.peer', 'HospitalMSP.peer', 'ClinicMSP.peer')",
                                    .collections = "chaincode/supply/collections.json",
                                    .msp_ids = at };

    health_start(supply_orgs);
    fcc_test_install(world, &cc);
}

static inline void shelf_product(const char *gtin, const char *pzn, const char *strength, const char *units,
                                 const char *splittable)
{
    char drug[200];

    snprintf(drug, sizeof(drug), "[{\"system\":\"http://fhir.de/CodeSystem/ifa/pzn\",\"code\":\"%s\"}]", pzn);
    assert_accepted(fcc_test_submit(world, "supply", "RegisterProduct", gtin, drug, "387207008", strength, "10219000",
                                    units, splittable, "true", "[\"DE\"]", "A medicine", FCC_END));
}

/* Packs of one product and lot, serials "a1","a2",…, made and, with a place, shipped there; received unless it is D1. */
static inline void shelf_packs(const char *gtin, const char *lot, const char *expiry, const char *first, int count,
                               const char *to)
{
    static int number;
    char in[6000], packs[4000] = "", serials[2000] = "", one[120];

    for (int i = 1; i <= count; i++) {
        snprintf(one, sizeof(one), "%s{\"gtin\":\"%s\",\"serial\":\"%s%d\"}", i > 1 ? "," : "", gtin, first, i);
        strcat(packs, one);
        snprintf(one, sizeof(one), "%s\"%s%d\"", i > 1 ? "," : "", first, i);
        strcat(serials, one);
    }
    number++;
    as_maker();
    snprintf(in, sizeof(in),
             "{\"id\":\"make-%d\",\"gtin\":\"%s\",\"lot\":\"%s\",\"expiry\":\"%s\",\"serials\":[%s],\"salt\":\"" SALT1
             "\"}",
             number, gtin, lot, expiry, serials);
    assert_accepted(supply_in("Commission", in));
    snprintf(in, sizeof(in), "{\"id\":\"ship-%d\",\"packs\":[%s],\"toGln\":\"%s\",\"salt\":\"" SALT2 "\"}", number,
             packs, to);
    assert_accepted(supply_in("Ship", in));
    if (strcmp(to, P1) == 0)
        as("PharmacyMSP", "pharmacist", "ph1", P1, "17");
    else
        as("DistributorMSP", "supplychain", "sup2", D1, "32");
    snprintf(in, sizeof(in), "{\"id\":\"get-%d\",\"packs\":[%s],\"salt\":\"" SALT3 "\"}", number, packs);
    assert_accepted(supply_in("Receive", in));
}

/* a1…a8 and b1…b4 of two lots, s1 s2, g1, c1, e1 that expires on 15 January; w1 is still at the wholesaler. */
static inline void shelf_fill(void)
{
    as_world_admin("PharmacyMSP", "adm3", P1, "25");
    assert_accepted(supply_in("Setup", "{\"salt\":\"" FP("5b") "\"}"));
    as_maker();
    shelf_product(GTIN_A, "01234567", "500mg", "30", "false");
    shelf_product(GTIN_S, "01234567", "500mg", "20", "true");
    shelf_product(GTIN_B, "07654321", "500mg", "30", "false");
    shelf_product(GTIN_C, "07777777", "250mg", "30", "false");
    shelf_packs(GTIN_A, "L1", "271231", "a", 8, P1);
    shelf_packs(GTIN_A, "L2", "271231", "b", 4, P1);
    shelf_packs(GTIN_A, "L3", "260115", "e", 1, P1);
    shelf_packs(GTIN_A, "L1", "271231", "w", 1, D1);
    shelf_packs(GTIN_S, "S1", "271231", "s", 2, P1);
    shelf_packs(GTIN_B, "G1", "271231", "g", 1, P1);
    shelf_packs(GTIN_C, "C1", "271231", "c", 1, P1);
}

static inline const char *shelf_pack(const char *gtin, const char *serial)
{
    char key[80];

    snprintf(key, sizeof(key), "~PACK~%s~%s~", gtin, serial);
    return held_at("PharmacyMSP", "supply", "packs", key);
}

#endif
