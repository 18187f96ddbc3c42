/*
 * dispense.c: packs that leave the supply chain at a pharmacy: dispensed on a prescription, which the chaincode
 * `prescriptions` asks for in its own transaction, or sold. A pack's record names no prescription and no patient.
 */
#include "supply/parts.h"

static const char *const sisters[] = { "prescriptions", NULL };

static const lib_field mark_args[] = {
    { .name = "site", .type = LIB_GLN },
    { .name = "packs", .type = LIB_ARRAY, .min = 1, .max = SUPPLY_MAX },
    { .name = "salt", .type = LIB_HEX, .max = 32 },
};

static const lib_field sell_fields[] = {
    SUPPLY_ID,
    { .name = "packs", .type = LIB_ARRAY, .min = 1, .max = SUPPLY_MAX },
    SUPPLY_SALT,
};

LIB_DEFINE(supply_sell_otc, .flags = LIB_WRITES, .roles = LIB_PHARMACIST, .in = LIB_IN_REQUIRED,
           LIB_FIELDS(sell_fields), .callers = "pharmacist of the holder", .reads = "PROD, RECALL; packs PACK; ACT",
           .writes = "packs PACK, HAVE, MOVE, DEED; ACT", .endorsers = "SU", .answer = "`{\"id\",\"v\"}`")
LIB_DEFINE(supply_mark_dispensed, .flags = LIB_INTERNAL, .in = LIB_IN_FOREIGN, .sisters = sisters, LIB_ARGS(mark_args),
           .reads = "PROD, RECALL; packs PACK", .writes = "packs PACK, HAVE, MOVE; **no public write**",
           .endorsers = "SU",
           .answer = "for each pack `{\"drug\",\"exp\",\"form\"?,\"gtin\",\"ingredient\"?,\"left\",\"lot\",\"regions\","
                     "\"rxOnly\",\"serial\",\"splittable\",\"strength\"?,\"units\",\"unitsPerPack\"}`")
LIB_DEFINE(supply_unmark_dispensed, .flags = LIB_INTERNAL, .in = LIB_IN_FOREIGN, .sisters = sisters,
           LIB_ARGS(mark_args), .reads = "PROD, RECALL; packs PACK",
           .writes = "packs PACK, HAVE, MOVE; **no public write**", .endorsers = "SU",
           .answer = "for each pack `{\"gtin\",\"left\",\"serial\",\"state\"}`")

static supply_act act_of_prescriptions(lib_call *call, const char *what)
{
    return (supply_act){
        .call = call, .what = what, .salt = lib_arg_text(call, "salt"), .site = lib_arg_text(call, "site")
    };
}

/* ---- taking units out of packs ---- */

static fcc_status require_units(supply_act *act, const supply_item *pack, size_t i, const json_t *product)
{
    const int64_t left = supply_int(pack->old, "left"), whole = supply_int(product, "unitsPerPack");
    const char *name = supply_name(act->call, pack, i);

    if (!json_is_true(json_object_get(product, "splittable")) && pack->units != whole)
        return supply_stop(act, LIB_INVARIANT, "units: %s is dispensed whole, %lld units", name, (long long)whole);
    if (pack->units > left)
        return supply_stop(act, LIB_INVARIANT, "units: %s has %lld units left", name, (long long)left);
    return FCC_OK;
}

/* One pack with `units` fewer; at none it has left the supply chain in this state. */
static fcc_status take(supply_act *act, supply_item *pack, const char *gone)
{
    const int64_t left = supply_int(pack->old, "left") - pack->units;
    fcc_status st = supply_next(act, pack);

    if (st == FCC_OK && left == 0)
        st = lib_set(pack->next, "state", gone);
    if (st != FCC_OK || (st = supply_set_int(pack->next, "left", left)) != FCC_OK ||
        (st = supply_write_item(act, pack, NULL)) != FCC_OK)
        return st;
    return left == 0 ? supply_have_not(act->call, act->site, pack) : FCC_OK;
}

static json_t *told(const supply_item *pack, const json_t *product)
{
    static const char *const of_product[] = { "drug",         "ingredient", "strength", "form",
                                              "unitsPerPack", "splittable", "rxOnly",   "regions" };
    json_t *answer = json_pack("{s:s,s:s,s:O,s:O,s:I,s:O}", "gtin", pack->gtin, "serial", pack->serial, "lot",
                               json_object_get(pack->next, "lot"), "exp", json_object_get(pack->next, "exp"), "units",
                               pack->units, "left", json_object_get(pack->next, "left"));

    for (size_t i = 0; answer && i < sizeof(of_product) / sizeof(of_product[0]); i++) {
        json_t *value = json_object_get(product, of_product[i]);

        if (value && json_object_set(answer, of_product[i], value) != 0) {
            json_decref(answer);
            return NULL;
        }
    }
    return answer;
}

/* The packs of a call with their products; pack by pack, the first fault is the answer. */
static fcc_status read_packs(supply_act *act, const json_t *given, int form, supply_items *packs,
                             const json_t ***products)
{
    lib_call *call = act->call;
    fcc_status st = supply_items_of(act, "pack", given, form, packs);

    if (st != FCC_OK || (st = supply_read_items(act, packs)) != FCC_OK ||
        (st = supply_require_items(act, packs)) != FCC_OK)
        return st;
    *products = fcc_alloc(call->stub, packs->n * sizeof(**products));
    if (!*products)
        return FCC_ERR_NOMEM;
    for (size_t i = 0; i < packs->n && st == FCC_OK; i++)
        st = supply_read_product(call, packs->v[i].gtin, &(*products)[i]);
    return st;
}

static fcc_status supply_mark_dispensed(lib_call *call)
{
    supply_act act = act_of_prescriptions(call, "dispense");
    supply_items packs = { 0 };
    const json_t **products = NULL;
    json_t *answer = lib_own(call, json_array());
    fcc_status st = read_packs(&act, lib_arg(call, "packs"), SUPPLY_WITH_UNITS, &packs, &products);

    for (size_t i = 0; i < packs.n && st == FCC_OK; i++)
        if ((st = supply_require_usable(&act, &packs.v[i], i, false)) == FCC_OK)
            st = require_units(&act, &packs.v[i], i, products[i]);
    for (size_t i = 0; i < packs.n && st == FCC_OK; i++)
        if ((st = take(&act, &packs.v[i], "dispensed")) == FCC_OK &&
            json_array_append_new(answer, told(&packs.v[i], products[i])) != 0)
            st = FCC_ERR_NOMEM;
    return st == FCC_OK ? lib_answer(call, json_incref(answer)) : st;
}

/* ---- sold over the counter: whole packs, to nobody in particular ---- */

static fcc_status supply_sell_otc(lib_call *call)
{
    supply_act act = supply_act_of(call, "sell");
    supply_items packs = { 0 };
    const json_t **products = NULL;
    fcc_status st = supply_require_new(&act);

    if (st == FCC_OK)
        st = read_packs(&act, lib_in(call, "packs"), SUPPLY_PACK_ONLY, &packs, &products);
    for (size_t i = 0; i < packs.n && st == FCC_OK; i++) {
        if ((st = supply_require_whole(&act, &packs.v[i], i, false)) != FCC_OK)
            return st;
        if (json_is_true(json_object_get(products[i], "rxOnly")))
            return lib_refuse(call, LIB_INVARIANT, "rx_only: pack %zu is dispensed on a prescription only", i + 1);
        packs.v[i].units = supply_int(packs.v[i].old, "left");
    }
    for (size_t i = 0; i < packs.n && st == FCC_OK; i++)
        st = take(&act, &packs.v[i], "sold");
    if (st == FCC_OK)
        st = supply_write_deed(&act, json_pack("{s:O}", "packs", lib_in(call, "packs")));
    return st == FCC_OK ? lib_answer_act(call, NULL, act.id, 1) : st;
}

/* ---- and back ---- */

static fcc_status require_dispensed_here(supply_act *act, const supply_item *pack, size_t i, const json_t *product)
{
    const json_t *old = pack->old;
    const int64_t left = supply_int(old, "left"), whole = supply_int(product, "unitsPerPack");
    const char *name = supply_name(act->call, pack, i);
    const bool here = lib_text_is(old, "holder", act->site) && !lib_text(old, "in") && !lib_text(old, "to");
    const bool dispensed = lib_text_is(old, "state", "dispensed");

    /* an opened pack can't leave the site; its state may have become another one meanwhile, but for sold or destroyed */
    if (!here || left == whole || lib_text_is(old, "state", "sold") || lib_text_is(old, "state", "destroyed") ||
        (left == 0 && !dispensed))
        return supply_stop(act, LIB_INVARIANT, "state: %s was not dispensed here, or is elsewhere by now", name);
    if (left + pack->units > whole)
        return supply_stop(act, LIB_INVARIANT, "units: %s would have more than its %lld units", name, (long long)whole);
    return FCC_OK;
}

/* What may not go out again meanwhile comes back in quarantine. */
static fcc_status give_back(supply_act *act, supply_item *pack)
{
    const json_t *old = pack->old;
    const bool held = lib_text_is(old, "state", "quarantined");
    bool recalled = false;
    const char *why = NULL;
    fcc_status st = supply_is_recalled(act->call, pack->gtin, lib_text(old, "lot"), &recalled);

    if (st != FCC_OK || (st = supply_next(act, pack)) != FCC_OK)
        return st;
    if (!held) {
        why = recalled ? "recalled" : supply_is_expired(act->call, lib_text(old, "exp")) ? "expired" : NULL;
        if ((st = lib_set(pack->next, "state", why ? "quarantined" : "received")) != FCC_OK ||
            (st = lib_set(pack->next, "why", why)) != FCC_OK)
            return st;
    }
    if ((st = supply_set_int(pack->next, "left", supply_int(old, "left") + pack->units)) != FCC_OK ||
        (st = supply_write_item(act, pack, why)) != FCC_OK)
        return st;
    return supply_have(act->call, act->site, pack, false);
}

static fcc_status supply_unmark_dispensed(lib_call *call)
{
    supply_act act = act_of_prescriptions(call, "undispense");
    supply_items packs = { 0 };
    const json_t **products = NULL;
    json_t *answer = lib_own(call, json_array());
    fcc_status st = read_packs(&act, lib_arg(call, "packs"), SUPPLY_WITH_UNITS, &packs, &products);

    for (size_t i = 0; i < packs.n && st == FCC_OK; i++)
        st = require_dispensed_here(&act, &packs.v[i], i, products[i]);
    for (size_t i = 0; i < packs.n && st == FCC_OK; i++)
        if ((st = give_back(&act, &packs.v[i])) == FCC_OK &&
            json_array_append_new(answer, json_pack("{s:s,s:s,s:O,s:O}", "gtin", packs.v[i].gtin, "serial",
                                                    packs.v[i].serial, "left", json_object_get(packs.v[i].next, "left"),
                                                    "state", json_object_get(packs.v[i].next, "state"))) != 0)
            st = FCC_ERR_NOMEM;
    return st == FCC_OK ? lib_answer(call, json_incref(answer)) : st;
}
