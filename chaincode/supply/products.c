/*
 * products.c: products, and the recall of a lot. Both are public: what a product is, everybody may know, and one key
 * stops all packs of a lot wherever they are.
 */
#include <stdio.h>

#include "supply/parts.h"

static const char *const yes_no[] = { "true", "false", NULL };
static const char *const classes[] = { "1", "2", "3", NULL };
static const char *const recall_reasons[] = { "contamination", "counterfeit", "labelling", "packaging", "potency",
                                              "safety",        "stability",   "other",     NULL };

static const lib_field product_args[] = {
    SUPPLY_GTIN,
    { .name = "drug", .type = LIB_ARRAY, .min = 1, .max = 16 },
    { .name = "ingredient", .type = LIB_ID, .optional = true },
    { .name = "strength", .type = LIB_ID, .optional = true },
    { .name = "form", .type = LIB_ID, .optional = true },
    { .name = "unitsPerPack", .type = LIB_INT, .min = 1, .max = 1000000 },
    { .name = "splittable", .type = LIB_WORD, .words = yes_no },
    { .name = "rxOnly", .type = LIB_WORD, .words = yes_no },
    { .name = "regions", .type = LIB_AREAS, .min = 1, .max = 32 },
    { .name = "display", .type = LIB_DISPLAY, .max = 128 },
};
static const lib_field drug_fields[] = {
    { .name = "system", .type = LIB_URI, .max = 128 },
    { .name = "code", .type = LIB_ID },
};
static const lib_field gtin_args[] = { SUPPLY_GTIN };
static const lib_field recall_args[] = {
    SUPPLY_GTIN,
    SUPPLY_LOT,
    { .name = "class", .type = LIB_WORD, .words = classes },
    { .name = "reasonCode", .type = LIB_WORD, .words = recall_reasons },
};
static const lib_field lift_args[] = { SUPPLY_GTIN, SUPPLY_LOT };

LIB_DEFINE(supply_register_product, .flags = LIB_WRITES, .roles = LIB_SUPPLYCHAIN, LIB_ARGS(product_args),
           .callers = "supplychain of M", .reads = "PROD", .writes = "PROD", .endorsers = "SU")
LIB_DEFINE(supply_get_product, .roles = LIB_EVERY_ROLE, LIB_ARGS(gtin_args), .reads = "PROD, RECALL",
           .answer = "the record")
LIB_DEFINE(supply_recall, .flags = LIB_WRITES, .roles = LIB_SUPPLYCHAIN | LIB_ADMIN, LIB_ARGS(recall_args),
           .callers = "the product's maker; admin of R", .reads = "PROD, RECALL", .writes = "RECALL", .endorsers = "SU")
LIB_DEFINE(supply_lift_recall, .flags = LIB_WRITES, .roles = LIB_ADMIN, LIB_ARGS(lift_args), .callers = "admin of R",
           .reads = "RECALL", .writes = "RECALL", .endorsers = "SU")

/* ---- products ---- */

/* A public record, read once in a call: a shipment's packs are mostly of one lot. */
static fcc_status read_once(lib_call *call, const char *type, const char *a, const char *b, const json_t **out)
{
    char name[64];
    const json_t *known;
    fcc_status st;

    snprintf(name, sizeof(name), "%s|%s|%s", type, a, b ? b : "");
    known = json_object_get(call->known, name);
    if (known) {
        *out = json_is_null(known) ? NULL : known;
        return FCC_OK;
    }
    if ((st = lib_read(call, NULL, lib_key(call, type, a, b, NULL), out)) != FCC_OK)
        return st;
    return json_object_set_new(call->known, name, *out ? json_incref((json_t *)*out) : json_null()) == 0
               ? FCC_OK
               : FCC_ERR_NOMEM;
}

fcc_status supply_read_product(lib_call *call, const char *gtin, const json_t **out)
{
    return read_once(call, "PROD", gtin, NULL, out);
}

static fcc_status check_drugs(lib_call *call, const json_t *drugs)
{
    char where[32];
    fcc_status st = FCC_OK;

    for (size_t i = 0; i < json_array_size(drugs) && st == FCC_OK; i++) {
        snprintf(where, sizeof(where), "drug %zu.", i + 1);
        st = lib_check_fields(call, json_array_get(drugs, i), drug_fields, 2, where);
    }
    return st;
}

static bool said(lib_call *call, const char *name)
{
    return strcmp(lib_arg_text(call, name), "true") == 0;
}

static fcc_status supply_register_product(lib_call *call)
{
    const char *gtin = lib_arg_text(call, "gtin");
    const json_t *old = NULL;
    fcc_status st;

    if (strcmp(call->caller.msp, "ManufacturerMSP") != 0)
        return lib_deny(call, "role", "only makers register products");
    if ((st = check_drugs(call, lib_arg(call, "drug"))) != FCC_OK ||
        (st = supply_read_product(call, gtin, &old)) != FCC_OK)
        return st;
    if (old)
        return lib_refuse(call, LIB_ALREADY, "gtin was registered before");
    return lib_write(call, NULL, lib_key(call, "PROD", gtin, NULL, NULL),
                     json_pack("{s:i,s:i,s:s,s:s,s:O,s:s*,s:s*,s:s*,s:O,s:b,s:b,s:O,s:O}", "fmt", 1, "v", 1, "gtin",
                               gtin, "maker", call->caller.site, "drug", lib_arg(call, "drug"), "ingredient",
                               lib_arg_text(call, "ingredient"), "strength", lib_arg_text(call, "strength"), "form",
                               lib_arg_text(call, "form"), "unitsPerPack", lib_arg(call, "unitsPerPack"), "splittable",
                               said(call, "splittable"), "rxOnly", said(call, "rxOnly"), "regions",
                               lib_arg(call, "regions"), "display", lib_arg(call, "display")));
}

static fcc_status supply_get_product(lib_call *call)
{
    const json_t *product = NULL;
    fcc_status st = supply_read_product(call, lib_arg_text(call, "gtin"), &product);

    if (st != FCC_OK)
        return st;
    return product ? lib_answer(call, json_incref((json_t *)product))
                   : lib_refuse(call, LIB_NOT_FOUND, "gtin: there is no such product");
}

/* ---- recalls ---- */

fcc_status supply_is_recalled(lib_call *call, const char *gtin, const char *lot, bool *is)
{
    const json_t *recall = NULL;
    fcc_status st = read_once(call, "RECALL", gtin, lot, &recall);

    *is = lib_text_is(recall, "status", "recalled");
    return st;
}

bool supply_is_expired(const lib_call *call, const char *yymmdd)
{
    int64_t end;

    return !gs1_date_end(yymmdd, call->now, &end) || call->now >= end;
}

/* Also with another class or reason than before, as the regulator learns more. */
static fcc_status supply_recall(lib_call *call)
{
    const char *gtin = lib_arg_text(call, "gtin"), *lot = lib_arg_text(call, "lot");
    const fcc_bytes key = lib_key(call, "RECALL", gtin, lot, NULL);
    const json_t *product = NULL, *old = NULL;
    bool regulator = false;
    fcc_status st = supply_regulates(call, &regulator);

    if (st != FCC_OK || (st = supply_read_product(call, gtin, &product)) != FCC_OK)
        return st;
    if (!regulator && call->caller.role == LIB_ADMIN)
        return lib_deny(call, "role", "only the product's maker and an administrator of the regulator");
    if (!product)
        return lib_refuse(call, LIB_NOT_FOUND, "gtin: there is no such product");
    if (!regulator && !lib_text_is(product, "maker", call->caller.site))
        return lib_deny(call, "not_maker", "the product is another maker's");
    if ((st = lib_read(call, NULL, key, &old)) != FCC_OK)
        return st;
    if (lib_text_is(old, "status", "recalled") && lib_text_is(old, "class", lib_arg_text(call, "class")) &&
        lib_text_is(old, "reasonCode", lib_arg_text(call, "reasonCode")))
        return lib_refuse(call, LIB_ALREADY, "the lot is recalled so already");
    st = lib_write(call, NULL, key,
                   json_pack("{s:i,s:i,s:s,s:s,s:O,s:O,s:s,s:s,s:s}", "fmt", 1, "v", lib_version(old) + 1, "gtin", gtin,
                             "lot", lot, "class", lib_arg(call, "class"), "reasonCode", lib_arg(call, "reasonCode"),
                             "status", "recalled", "by", call->caller.site, "at", lib_time(call, call->now)));
    if (st != FCC_OK)
        return st;
    return lib_event(call, "Recalled",
                     json_pack("{s:s,s:s,s:O}", "gtin", gtin, "lot", lot, "class", lib_arg(call, "class")));
}

static fcc_status supply_lift_recall(lib_call *call)
{
    const fcc_bytes key = lib_key(call, "RECALL", lib_arg_text(call, "gtin"), lib_arg_text(call, "lot"), NULL);
    const json_t *old = NULL;
    json_t *next;
    bool regulator = false;
    fcc_status st = supply_regulates(call, &regulator);

    if (st != FCC_OK)
        return st;
    if (!regulator)
        return lib_deny(call, "role", "only an administrator of the regulator");
    if ((st = lib_read(call, NULL, key, &old)) != FCC_OK)
        return st;
    if (!old)
        return lib_refuse(call, LIB_NOT_FOUND, "the lot was never recalled");
    if (!lib_text_is(old, "status", "recalled"))
        return lib_refuse(call, LIB_ALREADY, "the recall was lifted before");
    next = json_copy((json_t *)old);
    if (!next || supply_set_int(next, "v", lib_version(old) + 1) != FCC_OK ||
        lib_set(next, "status", "lifted") != FCC_OK || lib_set(next, "by", call->caller.site) != FCC_OK ||
        lib_set(next, "at", lib_time(call, call->now)) != FCC_OK) {
        json_decref(next);
        return FCC_ERR_NOMEM;
    }
    return lib_write(call, NULL, key, next);
}
