/*
 * shelf.h: the packs that the tests of prescriptions dispense. A stand-in for the chaincode supply that keeps what its
 * contract says: a pack is taken once, and given back.
 */
#ifndef TEST_UNIT_CHAINCODE_PRESCRIPTIONS_SHELF_H
#define TEST_UNIT_CHAINCODE_PRESCRIPTIONS_SHELF_H

#include <jansson.h>

#include "lib/json.h"
#include "test/support/health.h"

#define GTIN_A "04000000000013" /* 30 units, the drug that ITEM prescribes */

static fcc_status shelf_mark(fcc_stub *stub, fcc_args args)
{
    json_t *packs = lib_json_load_own(args.v[1]), *answer = json_array();
    fcc_bytes taken = { 0 };
    size_t len = 0, i;
    json_t *pack;
    char *text;
    fcc_status st = FCC_OK;

    json_array_foreach(packs, i, pack)
    {
        fcc_bytes key = fcc_str(json_string_value(json_object_get(pack, "serial")));

        if ((st = fcc_get_state(stub, key, &taken)) != FCC_OK)
            goto out;
        if (taken.len) {
            st = fcc_reply_status(stub, 410, FCC_LIT("{\"code\":\"GONE\",\"detail\":\"dispensed\"}"),
                                  fcc_bytes_of(NULL, 0));
            goto out;
        }
        if ((st = fcc_put_state(stub, key, FCC_LIT("taken"))) != FCC_OK)
            goto out;
        json_array_append_new(
            answer, json_pack("{s:O,s:O,s:s,s:O,s:i,s:[{s:s,s:s}],s:s,s:s,s:s,s:i,s:b}", "gtin",
                              json_object_get(pack, "gtin"), "serial", json_object_get(pack, "serial"), "lot", "L1",
                              "units", json_object_get(pack, "units"), "left", 0, "drug", "system",
                              "http://fhir.de/CodeSystem/ifa/pzn", "code", "01234567", "ingredient", "387207008",
                              "strength", "500mg", "form", "10219000", "unitsPerPack", 30, "splittable", 0));
    }
    text = lib_json_canonical(answer, &len);
    st = fcc_reply(stub, fcc_bytes_of(text, len));
    free(text);
out:
    json_decref(answer);
    json_decref(packs);
    return st;
}

static fcc_status shelf_unmark(fcc_stub *stub, fcc_args args)
{
    json_t *packs = lib_json_load_own(args.v[1]);
    size_t i;
    json_t *pack;
    fcc_status st = FCC_OK;

    json_array_foreach(packs, i, pack) if (st == FCC_OK)
        st = fcc_del_state(stub, fcc_str(json_string_value(json_object_get(pack, "serial"))));
    json_decref(packs);
    return st == FCC_OK ? fcc_reply(stub, args.v[1]) : st;
}

static const fcc_function shelf_functions[] = { { "MarkDispensed", shelf_mark, 3 },
                                                { "UnmarkDispensed", shelf_unmark, 3 } };
static const fcc_chaincode shelf_chaincode = { .functions = shelf_functions, .count = 2 };

static inline void shelf_start(void)
{
    static const char *const at[] = { "HospitalMSP", "ClinicMSP", "PharmacyMSP", "RegulatorMSP", NULL };
    const fcc_test_chaincode cc = { .name = "supply",
                                    .chaincode = &shelf_chaincode,
                                    .policy = "OutOf(2, 'HospitalMSP.peer', 'ClinicMSP.peer', 'PharmacyMSP.peer')",
                                    .msp_ids = at };

    health_start(NULL);
    fcc_test_install(world, &cc);
}

static inline void shelf_fill(void)
{
}

#endif
