/* goods.h: what the tests of the chaincode supply share: a channel with the supply chain, its people, products, packs. */
#ifndef TEST_UNIT_CHAINCODE_SUPPLY_GOODS_H
#define TEST_UNIT_CHAINCODE_SUPPLY_GOODS_H

#include "test/support/health.h"

#include "supply/supply.h"

/* A product of M1: 30 tablets, dispensed whole, on prescription; another one that may be split and sold. */
#define GTIN_RX "04000000000105"
#define GTIN_OTC "04000000000204"
#define GTIN_NONE "04000000000303"
#define SSCC_1 "340000000000000014"
#define SSCC_2 "340000000000000021"
#define SSCC_3 "340000000000000038"
#define SSCC_4 "340000000000000045"
#define DRUG "[{\"system\":\"http://fhir.de/CodeSystem/ifa/pzn\",\"code\":\"01234567\"}]"
#define PACK(serial) "{\"gtin\":\"" GTIN_RX "\",\"serial\":\"" serial "\"}"
#define OTC(serial) "{\"gtin\":\"" GTIN_OTC "\",\"serial\":\"" serial "\"}"
#define CASE(sscc) "{\"sscc\":\"" sscc "\"}"
#define MAKE(id, lot, expiry, serials)                                                                                \
    "{\"id\":\"" id "\",\"gtin\":\"" GTIN_RX "\",\"lot\":\"" lot "\",\"expiry\":\"" expiry "\",\"serials\":[" serials \
    "],\"salt\":\"" SALT1 "\"}"
#define MAKE_OTC(id, serials)                                                                                 \
    "{\"id\":\"" id "\",\"gtin\":\"" GTIN_OTC "\",\"lot\":\"O1\",\"expiry\":\"271200\",\"serials\":[" serials \
    "],\"salt\":\"" SALT1 "\"}"
#define SHIP(id, packs, to) "{\"id\":\"" id "\",\"packs\":[" packs "],\"toGln\":\"" to "\",\"salt\":\"" SALT2 "\"}"
#define RECEIVE(id, packs) "{\"id\":\"" id "\",\"packs\":[" packs "],\"salt\":\"" SALT3 "\"}"
#define SHIP_CASE(id, sscc, to) "{\"id\":\"" id "\",\"sscc\":\"" sscc "\",\"toGln\":\"" to "\",\"salt\":\"" SALT2 "\"}"
#define RECEIVE_CASE(id, sscc) "{\"id\":\"" id "\",\"sscc\":\"" sscc "\",\"salt\":\"" SALT3 "\"}"
#define VERIFY(serial, lot, expiry) \
    "{\"gtin\":\"" GTIN_RX "\",\"serial\":\"" serial "\",\"lot\":\"" lot "\",\"expiry\":\"" expiry "\"}"
#define RETURN(id, packs, to) \
    "{\"id\":\"" id "\",\"packs\":[" packs "],\"toGln\":\"" to "\",\"reason\":\"return\",\"salt\":\"" SALT2 "\"}"

/* ---- who ---- */

static inline void as_maker(void)
{
    as("ManufacturerMSP", "supplychain", "sup1", M1, "31");
}

static inline void as_other_maker(void)
{
    as("ManufacturerMSP", "supplychain", "sup4", M2, "34");
}

static inline void as_wholesaler(void)
{
    as("DistributorMSP", "supplychain", "sup2", D1, "32");
}

static inline void as_pharmacist(void)
{
    as("PharmacyMSP", "pharmacist", "ph1", P1, "17");
}

static inline void as_pharmacys_buyer(void)
{
    as("PharmacyMSP", "supplychain", "sup3", P1, "33");
}

static inline void as_nurse(void)
{
    as("HospitalMSP", "nurse", "n1", H1, "11");
}

/* ---- calls ---- */

static inline fcc_test_result submit_in(const char *function, const char *in)
{
    put_in(in);
    return fcc_test_submit(world, "supply", function, FCC_END);
}

static inline fcc_test_result query_in(const char *function, const char *in)
{
    put_in(in);
    return fcc_test_evaluate(world, "supply", function, FCC_END);
}

static inline fcc_test_result recall(const char *lot)
{
    return fcc_test_submit(world, "supply", "Recall", GTIN_RX, lot, "1", "potency", FCC_END);
}

static inline fcc_test_result lift(const char *lot)
{
    return fcc_test_submit(world, "supply", "LiftRecall", GTIN_RX, lot, FCC_END);
}

static inline fcc_test_result product(const char *gtin, const char *drug, const char *units, const char *splittable,
                                      const char *rx_only)
{
    return fcc_test_submit(world, "supply", "RegisterProduct", gtin, drug, "387207008", "500mg", "10219000", units,
                           splittable, rx_only, "[\"DE\"]", "A medicine", FCC_END);
}

/* ---- a chaincode of the name `prescriptions`, which asks supply what its first argument says and passes the answer on ---- */

static inline fcc_status ask_supply(fcc_stub *stub, fcc_args args)
{
    fcc_response response = { 0 };
    fcc_status st = fcc_invoke_chaincode(stub, FCC_LIT("supply"), args.v, args.n, fcc_bytes_of(NULL, 0), &response);

    return st == FCC_OK ? fcc_reply_status(stub, response.status, response.message, response.payload) : st;
}

static inline void install_supply(const char *name, const fcc_chaincode *chaincode)
{
    static const char *const at[] = { "ManufacturerMSP", "DistributorMSP", "PharmacyMSP", "HospitalMSP",
                                      "ClinicMSP",       "RegulatorMSP",   NULL };
    fcc_test_chaincode cc = {
        .name = name,
        .chaincode = chaincode,
        .policy = "OutOf(2, 'ManufacturerMSP.peer', 'DistributorMSP.peer', 'PharmacyMSP.peer', 'HospitalMSP.peer', "
                  "'ClinicMSP.peer')",
        .collections = "chaincode/supply/collections.json",
        .msp_ids = at
    };

    fcc_test_install(world, &cc);
}

static inline void install_asking(void)
{
    static const fcc_function functions[] = { { "Ask", ask_supply, FCC_ANY_ARGS } };
    static const fcc_chaincode asking = { .functions = functions, .count = 1 };
    static const char *const at[] = { "HospitalMSP", "ClinicMSP", "PharmacyMSP", "RegulatorMSP", NULL };
    fcc_test_chaincode cc = { .name = "prescriptions",
                              .chaincode = &asking,
                              .policy = "OutOf(2, 'HospitalMSP.peer', 'ClinicMSP.peer', 'PharmacyMSP.peer')",
                              .msp_ids = at };

    fcc_test_install(world, &cc);
}

static inline fcc_test_result mark(const char *function, const char *site, const char *packs)
{
    return fcc_test_submit(world, "prescriptions", "Ask", function, site, packs, SALT3, FCC_END);
}
#define UNITS(serial, units) "{\"gtin\":\"" GTIN_RX "\",\"serial\":\"" serial "\",\"units\":" units "}"
#define UNITS_OTC(serial, units) "{\"gtin\":\"" GTIN_OTC "\",\"serial\":\"" serial "\",\"units\":" units "}"

/* ---- a channel ---- */

/* Both products; the caller is the maker's. */
static inline int make_goods(void **state)
{
    (void)state;
    health_start(supply_orgs);
    install_supply("supply", &supply_chaincode);
    install_asking();
    as_world_admin("PharmacyMSP", "adm3", P1, "25");
    assert_accepted(submit_in("Setup", "{\"salt\":\"" FP("5b") "\"}"));
    as_maker();
    assert_accepted(product(GTIN_RX, DRUG, "30", "false", "true"));
    assert_accepted(product(GTIN_OTC, DRUG, "20", "true", "false"));
    return 0;
}
HEALTH_SETUP(set_up, make_goods)

/* Packs at the pharmacy: made, shipped to the wholesaler and on. */
static inline void deliver(const char *id, const char *make, const char *packs)
{
    char in[4096];

    as_maker();
    assert_accepted(submit_in("Commission", make));
    snprintf(in, sizeof(in), "{\"id\":\"%s-1\",\"packs\":[%s],\"toGln\":\"" D1 "\",\"salt\":\"" SALT2 "\"}", id, packs);
    assert_accepted(submit_in("Ship", in));
    as_wholesaler();
    snprintf(in, sizeof(in), "{\"id\":\"%s-2\",\"packs\":[%s],\"salt\":\"" SALT3 "\"}", id, packs);
    assert_accepted(submit_in("Receive", in));
    snprintf(in, sizeof(in), "{\"id\":\"%s-3\",\"packs\":[%s],\"toGln\":\"" P1 "\",\"salt\":\"" SALT2 "\"}", id, packs);
    assert_accepted(submit_in("Ship", in));
    as_pharmacist();
    snprintf(in, sizeof(in), "{\"id\":\"%s-4\",\"packs\":[%s],\"salt\":\"" SALT3 "\"}", id, packs);
    assert_accepted(submit_in("Receive", in));
}

static inline const char *pack_at(const char *msp, const char *serial)
{
    char key[80];

    snprintf(key, sizeof(key), "~PACK~" GTIN_RX "~%s~", serial);
    return held_at(msp, "supply", "packs", key);
}

#endif
