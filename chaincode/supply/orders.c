/*
 * orders.c: what a wholesaler orders from a maker, and a pharmacy from a wholesaler: placed, accepted, delivered, paid.
 * Prices are between the two, in a collection of their own; the public act tells only which two kinds of organisation.
 */
#include <stdio.h>

#include "supply/parts.h"

enum { MAX_LINES = 200, TRADERS = LIB_SUPPLYCHAIN | LIB_PHARMACIST };

static const char *const complaints[] = {
    "damaged", "late", "missing", "not_ordered", "price", "quality", "other", NULL
};

#define REF                           \
    {                                 \
        .name = "ref", .type = LIB_ID \
    }
static const lib_field place_fields[] = {
    REF,
    { .name = "seller", .type = LIB_GLN },
    { .name = "lines", .type = LIB_ARRAY, .min = 1, .max = MAX_LINES },
    { .name = "currency", .type = LIB_LETTERS, .max = 3 },
    SUPPLY_SALT,
};
static const lib_field line_fields[] = {
    SUPPLY_GTIN,
    { .name = "packs", .type = LIB_INT, .min = 1, .max = 1000000 },
    { .name = "price", .type = LIB_INT, .min = 0, .max = 1000000000 }, /* of a pack, in the currency's minor units */
};
static const lib_field ref_fields[] = { REF };
static const lib_field accept_fields[] = { REF, SUPPLY_SALT };
static const lib_field deliver_fields[] = {
    REF,
    { .name = "shipments", .type = LIB_IDS, .min = 1, .max = 100 },
    SUPPLY_SALT,
};
static const lib_field payment_fields[] = { REF, { .name = "payment", .type = LIB_ID }, SUPPLY_SALT };
static const lib_field reason_fields[] = {
    REF,
    { .name = "reasonCode", .type = LIB_WORD, .words = complaints },
    SUPPLY_SALT,
};

#define ORDER_SPEC(fields_, callers_)                                                                         \
    .flags = LIB_WRITES, .roles = TRADERS, .in = LIB_IN_REQUIRED, LIB_FIELDS(fields_), .callers = (callers_), \
    .reads = "tradeMD or tradeDP ORD; ACT", .writes = "tradeMD or tradeDP ORD; ACT", .endorsers = "MD, DP",   \
    .answer = "`{\"id\",\"v\"}`"
LIB_DEFINE(supply_place_order, ORDER_SPEC(place_fields, "buyer: of D from M, of P from D"))
LIB_DEFINE(supply_accept_order, ORDER_SPEC(accept_fields, "seller"))
LIB_DEFINE(supply_deliver_order, ORDER_SPEC(deliver_fields, "seller"))
LIB_DEFINE(supply_confirm_payment, ORDER_SPEC(payment_fields, "seller, who has been paid"))
LIB_DEFINE(supply_dispute, ORDER_SPEC(reason_fields, "either party"))
LIB_DEFINE(supply_cancel_order, ORDER_SPEC(reason_fields, "either party"))
LIB_DEFINE(supply_get_order, .roles = TRADERS, .in = LIB_IN_REQUIRED, LIB_FIELDS(ref_fields),
           .callers = "the two parties", .reads = "tradeMD or tradeDP ORD; ACT", .answer = "the order")

/* ---- which two ---- */

struct trade {
    const char *buyer, *seller, *collection, *doc_type;
};
static const struct trade trades[] = {
    { "DistributorMSP", "ManufacturerMSP", "tradeMD", "orderMD" },
    { "PharmacyMSP", "DistributorMSP", "tradeDP", "orderDP" },
};

/* An order as one of its parties finds it. */
struct order {
    const struct trade *trade;
    const json_t *old;
    bool is_seller;
};

static fcc_status not_party(lib_call *call)
{
    return lib_deny(call, "not_party", "the order is between others");
}

/* The public act says where the order lies, so that nobody's peer is asked for what it doesn't hold. */
static fcc_status read_order(lib_call *call, struct order *out)
{
    const char *ref = lib_in_text(call, "ref"), *msp = call->caller.msp, *site = call->caller.site;
    const json_t *act = NULL;
    fcc_status st = lib_read(call, NULL, lib_key(call, "ACT", ref, NULL, NULL), &act);

    if (st != FCC_OK)
        return st;
    for (size_t i = 0; i < sizeof(trades) / sizeof(trades[0]); i++)
        if (lib_text_is(act, "docType", trades[i].doc_type))
            out->trade = &trades[i];
    if (!out->trade)
        return lib_refuse(call, LIB_NOT_FOUND, "ref: there is no such order");
    if (strcmp(msp, out->trade->buyer) != 0 && strcmp(msp, out->trade->seller) != 0)
        return not_party(call);
    if ((st = lib_read(call, out->trade->collection, lib_key(call, "ORD", ref, NULL, NULL), &out->old)) != FCC_OK)
        return st;
    out->is_seller = lib_text_is(out->old, "seller", site);
    return out->is_seller || lib_text_is(out->old, "buyer", site) ? FCC_OK : not_party(call);
}

static bool is_one_of(const char *status, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(status, *words) == 0)
            return true;
    return false;
}

/* One step: from one of these states to `to`, with what it adds. */
static fcc_status step(lib_call *call, bool by_seller, const char *const *from, const char *to, const char *field)
{
    struct order order = { 0 };
    const char *ref = lib_in_text(call, "ref"), *status;
    json_t *next;
    fcc_status st = read_order(call, &order);

    if (st != FCC_OK)
        return st;
    if (by_seller && !order.is_seller)
        return lib_deny(call, "not_seller", "this step is the seller's");
    status = lib_text(order.old, "status");
    if (strcmp(status, to) == 0)
        return lib_refuse(call, LIB_ALREADY, "the order is %s", status);
    if (!is_one_of(status, from) || (strcmp(to, "cancelled") == 0 && json_object_get(order.old, "shipments")))
        return lib_refuse(call, LIB_PRECONDITION, "the order is %s", status);
    next = lib_next(call, order.old, lib_in_text(call, "salt"));
    if (!next || (st = lib_set(next, "status", to)) != FCC_OK ||
        (st = lib_set(next, "by", call->caller.site)) != FCC_OK ||
        (st = lib_set(next, "at", lib_time(call, call->now))) != FCC_OK)
        return next ? st : FCC_ERR_NOMEM;
    if (field && json_object_set(next, field, (json_t *)lib_in(call, field)) != 0)
        return FCC_ERR_NOMEM;
    st = lib_write_record(call, order.trade->collection, "ORD", ref, NULL, next, order.trade->doc_type, ref, to);
    return st == FCC_OK ? lib_answer_act(call, NULL, ref, lib_version(next)) : st;
}

/* ---- PlaceOrder ---- */

static fcc_status check_lines(lib_call *call, const json_t *lines, int64_t *total)
{
    char where[48];
    fcc_status st;

    *total = 0;
    for (size_t i = 0; i < json_array_size(lines); i++) {
        const json_t *line = json_array_get(lines, i), *product = NULL;

        snprintf(where, sizeof(where), "line %zu.", i + 1);
        if ((st = lib_check_fields(call, line, line_fields, 3, where)) != FCC_OK)
            return st;
        for (size_t k = 0; k < i; k++)
            if (lib_text_is(json_array_get(lines, k), "gtin", lib_text(line, "gtin")))
                return lib_refuse(call, LIB_INVARIANT, "twice: line %zu has the product of line %zu", i + 1, k + 1);
        if ((st = supply_read_product(call, lib_text(line, "gtin"), &product)) != FCC_OK)
            return st;
        if (!product)
            return lib_refuse(call, LIB_NOT_FOUND, "line %zu: there is no such product", i + 1);
        *total += supply_int(line, "packs") * supply_int(line, "price");
        if (*total > 9007199254740991) /* what JSON's readers agree on */
            return lib_refuse(call, LIB_INVARIANT, "total: the order is too large");
    }
    return FCC_OK;
}

static const struct trade *trade_of(const char *buyer_msp)
{
    for (size_t i = 0; i < sizeof(trades) / sizeof(trades[0]); i++)
        if (strcmp(buyer_msp, trades[i].buyer) == 0)
            return &trades[i];
    return NULL;
}

static fcc_status supply_place_order(lib_call *call)
{
    const char *ref = lib_in_text(call, "ref"), *seller = lib_in_text(call, "seller");
    const struct trade *trade = trade_of(call->caller.msp);
    struct registry_site site = { 0 };
    const json_t *act = NULL;
    json_t *order;
    bool found = false;
    int64_t total;
    fcc_status st;

    if (!trade)
        return lib_deny(call, "role", "wholesalers order from makers, and pharmacies from wholesalers");
    if ((st = registry_site(call, seller, &site, &found)) != FCC_OK)
        return st;
    if (!found || !site.msp || strcmp(site.msp, trade->seller) != 0)
        return lib_refuse(call, LIB_NOT_FOUND, "seller: there is no such site to order from");
    if (!site.approved)
        return lib_refuse(call, LIB_PRECONDITION, "seller is not approved");
    if ((st = check_lines(call, lib_in(call, "lines"), &total)) != FCC_OK ||
        (st = lib_read(call, NULL, lib_key(call, "ACT", ref, NULL, NULL), &act)) != FCC_OK)
        return st;
    if (act)
        return lib_refuse(call, LIB_ALREADY, "ref was used before");
    order = lib_own(call,
                    json_pack("{s:i,s:i,s:s,s:s,s:s,s:O,s:O,s:I,s:s,s:s,s:s,s:O}", "fmt", 1, "v", 1, "ref", ref,
                              "buyer", call->caller.site, "seller", seller, "lines", lib_in(call, "lines"), "currency",
                              lib_in(call, "currency"), "total", (json_int_t)total, "status", "placed", "by",
                              call->caller.site, "at", lib_time(call, call->now), "salt", lib_in(call, "salt")));
    if (!order)
        return FCC_ERR_NOMEM;
    st = lib_write_record(call, trade->collection, "ORD", ref, NULL, order, trade->doc_type, ref, "placed");
    return st == FCC_OK ? lib_answer_act(call, NULL, ref, 1) : st;
}

/* ---- the other steps ---- */

static fcc_status supply_accept_order(lib_call *call)
{
    static const char *const from[] = { "placed", NULL };

    return step(call, true, from, "accepted", NULL);
}

static fcc_status supply_deliver_order(lib_call *call)
{
    static const char *const from[] = { "accepted", "disputed", NULL };

    return step(call, true, from, "delivered", "shipments");
}

static fcc_status supply_confirm_payment(lib_call *call)
{
    static const char *const from[] = { "delivered", "disputed", NULL };

    return step(call, true, from, "paid", "payment");
}

static fcc_status supply_dispute(lib_call *call)
{
    static const char *const from[] = { "accepted", "delivered", "paid", NULL };

    return step(call, false, from, "disputed", "reasonCode");
}

static fcc_status supply_cancel_order(lib_call *call)
{
    static const char *const from[] = { "placed", "accepted", "disputed", NULL };

    return step(call, false, from, "cancelled", "reasonCode");
}

static fcc_status supply_get_order(lib_call *call)
{
    struct order order = { 0 };
    fcc_status st = read_order(call, &order);

    return st == FCC_OK ? lib_answer(call, json_incref((json_t *)order.old)) : st;
}
