/* make.c: a maker gives packs their numbers: each (GTIN, serial) once and for ever. */
#include "supply/parts.h"

static const lib_field commission_fields[] = {
    SUPPLY_ID,
    SUPPLY_GTIN,
    SUPPLY_LOT,
    SUPPLY_EXPIRY,
    { .name = "serials", .type = LIB_ARRAY, .min = 1, .max = SUPPLY_MAX },
    SUPPLY_SALT,
};

LIB_DEFINE(supply_commission, .flags = LIB_WRITES, .roles = LIB_SUPPLYCHAIN, .in = LIB_IN_REQUIRED,
           LIB_FIELDS(commission_fields), .callers = "supplychain of the product's maker",
           .reads = "PROD; packs PACK; ACT", .writes = "packs PACK, HAVE, MOVE, DEED; ACT", .endorsers = "SU",
           .answer = "`{\"id\",\"v\"}`")

static fcc_status new_packs(supply_act *act, const char *gtin, const json_t *serials, supply_items *out)
{
    json_t *list = lib_own(act->call, json_array());

    for (size_t i = 0; i < json_array_size(serials); i++) {
        const char *serial = json_string_value(json_array_get(serials, i));

        if (!serial || !gs1_is_cset82(serial, GS1_SERIAL))
            return supply_stop(act, LIB_BAD_INPUT, "serial %zu is not 1 to %d characters of GS1's set 82", i + 1,
                               (int)GS1_SERIAL);
        if (json_array_append_new(list, json_pack("{s:s,s:s}", "gtin", gtin, "serial", serial)) != 0)
            return FCC_ERR_NOMEM;
    }
    return supply_items_of(act, "serial", list, SUPPLY_PACK_ONLY, out);
}

fcc_status supply_do_commission(supply_act *act, const struct supply_making *making)
{
    lib_call *call = act->call;
    supply_items packs = { 0 };
    const json_t *product = NULL;
    fcc_status st;

    if ((st = supply_read_product(call, making->gtin, &product)) != FCC_OK)
        return st;
    if (strcmp(call->caller.msp, "ManufacturerMSP") != 0 || (product && !lib_text_is(product, "maker", act->site)))
        return supply_forbid(act, "not_maker", "the product is another maker's");
    if (!product)
        return supply_stop(act, LIB_NOT_FOUND, "gtin: there is no such product: RegisterProduct");
    if ((st = supply_require_new(act)) != FCC_OK ||
        (st = new_packs(act, making->gtin, making->serials, &packs)) != FCC_OK ||
        (st = supply_read_items(act, &packs)) != FCC_OK)
        return st;
    for (size_t i = 0; i < packs.n; i++)
        if (packs.v[i].old)
            return supply_stop(act, LIB_CONFLICT, "serial %zu of this gtin exists", i + 1);
    for (size_t i = 0; i < packs.n; i++) {
        supply_item *pack = &packs.v[i];

        if ((st = supply_next(act, pack)) != FCC_OK || (st = lib_set(pack->next, "gtin", pack->gtin)) != FCC_OK ||
            (st = lib_set(pack->next, "serial", pack->serial)) != FCC_OK ||
            (st = lib_set(pack->next, "lot", making->lot)) != FCC_OK ||
            (st = lib_set(pack->next, "exp", making->expiry)) != FCC_OK ||
            (st = lib_set(pack->next, "state", "commissioned")) != FCC_OK ||
            (st = lib_set(pack->next, "holder", act->site)) != FCC_OK ||
            (st = supply_set_int(pack->next, "left", supply_int(product, "unitsPerPack"))) != FCC_OK ||
            (st = supply_write_item(act, pack, NULL)) != FCC_OK ||
            (st = supply_have(call, act->site, pack, false)) != FCC_OK)
            return st;
    }
    return supply_write_deed(act, json_pack("{s:s,s:s,s:s,s:O}", "gtin", making->gtin, "lot", making->lot, "expiry",
                                            making->expiry, "serials", making->serials));
}

static fcc_status supply_commission(lib_call *call)
{
    supply_act act = supply_act_of(call, "commission");
    const struct supply_making making = { .gtin = lib_in_text(call, "gtin"),
                                          .lot = lib_in_text(call, "lot"),
                                          .expiry = lib_in_text(call, "expiry"),
                                          .serials = lib_in(call, "serials") };
    fcc_status st = supply_do_commission(&act, &making);

    return st == FCC_OK ? lib_answer_act(call, NULL, act.id, 1) : st;
}
