/*
 * ship.c: packs and containers on their way from one trading partner to another. Who ships stays the holder until the
 * addressee has received; nobody else can, and nobody twice.
 */
#include "supply/parts.h"

static const char *const ship_reasons[] = { "return", NULL };

static const lib_field ship_fields[] = {
    SUPPLY_ID,
    { .name = "sscc", .type = LIB_SSCC, .optional = true },
    SUPPLY_PACK_LIST,
    { .name = "toGln", .type = LIB_GLN },
    { .name = "order", .type = LIB_ID, .optional = true },
    { .name = "reason", .type = LIB_WORD, .optional = true, .words = ship_reasons },
    SUPPLY_SALT,
};
static const lib_field receive_fields[] = {
    SUPPLY_ID,
    { .name = "sscc", .type = LIB_SSCC, .optional = true },
    SUPPLY_PACK_LIST,
    SUPPLY_SALT,
};

LIB_DEFINE(supply_ship, .flags = LIB_WRITES, .roles = SUPPLY_STAFF, .in = LIB_IN_REQUIRED, LIB_FIELDS(ship_fields),
           .callers = "holder; both sites trading partners",
           .reads = "both partners' credentials; PROD, RECALL; packs PACK or SSCC; ACT",
           .writes = "packs PACK and MOVE, or SSCC; HAVE, DEED; ACT", .endorsers = "SU", .answer = "`{\"id\",\"v\"}`")
LIB_DEFINE(supply_receive, .flags = LIB_WRITES, .roles = SUPPLY_STAFF, .in = LIB_IN_REQUIRED,
           LIB_FIELDS(receive_fields), .callers = "addressee; both sites trading partners",
           .reads = "both partners' credentials; packs PACK or SSCC; ACT",
           .writes = "packs PACK and MOVE, or SSCC; HAVE, DEED; ACT", .endorsers = "SU", .answer = "`{\"id\",\"v\"}`")

static fcc_status items_of(supply_act *act, const struct supply_moving *moving, supply_items *out)
{
    json_t *one;

    if (!moving->sscc == !moving->packs)
        return supply_stop(act, LIB_BAD_INPUT, "either sscc or packs");
    if (moving->packs)
        return supply_items_of(act, "pack", moving->packs, SUPPLY_PACK_ONLY, out);
    one = lib_own(act->call, json_pack("[{s:s}]", "sscc", moving->sscc));
    return one ? supply_items_of(act, "container", one, SUPPLY_ANY_CHILD, out) : FCC_ERR_NOMEM;
}

/* ---- Ship ---- */

/* What is in a container was summed up when it was packed: no pack need be read. */
static fcc_status check_container(supply_act *act, const json_t *container, bool returning)
{
    const json_t *lots = json_object_get(container, "lots");

    if (json_array_size(lots) == 0)
        return supply_stop(act, LIB_INVARIANT, "state: the container is empty");
    if (lib_text(container, "in"))
        return supply_stop(act, LIB_INVARIANT, "in_container: the container is in another one: unpack it first");
    if (!lib_text_is(container, "holder", act->site))
        return supply_forbid(act, "not_holder", "the container is at another site");
    if (lib_text(container, "to"))
        return supply_stop(act, LIB_INVARIANT, "not_holder: the container is in transit");
    for (size_t i = 0; i < json_array_size(lots); i++) {
        const json_t *lot = json_array_get(lots, i);
        bool recalled = false;
        fcc_status st = supply_is_recalled(act->call, lib_text(lot, "gtin"), lib_text(lot, "lot"), &recalled);

        if (st != FCC_OK)
            return st;
        if (recalled)
            return supply_stop(act, LIB_INVARIANT, "recalled: a lot in the container is recalled");
        if (supply_is_expired(act->call, lib_text(lot, "exp")))
            return supply_stop(act, LIB_INVARIANT, "expired: a lot in the container is past its expiry");
    }
    if (supply_int(container, "held") > 0)
        return supply_stop(act, LIB_INVARIANT, "state: a pack in the container is quarantined");
    if (lib_text_is(container, "state", "returned") && !returning)
        return supply_stop(act, LIB_INVARIANT, "state: the container was returned: unpack and restock");
    return FCC_OK;
}

fcc_status supply_do_ship(supply_act *act, const struct supply_moving *moving)
{
    lib_call *call = act->call;
    supply_items items = { 0 };
    fcc_status st;

    if (strcmp(moving->to, act->site) == 0)
        return supply_stop(act, LIB_BAD_INPUT, "toGln is the own site");
    if ((st = items_of(act, moving, &items)) != FCC_OK || (st = supply_require_new(act)) != FCC_OK ||
        (st = supply_require_partner(act, act->site, "the own site")) != FCC_OK ||
        (st = supply_require_partner(act, moving->to, "toGln")) != FCC_OK ||
        (st = supply_read_items(act, &items)) != FCC_OK || (st = supply_require_items(act, &items)) != FCC_OK)
        return st;
    for (size_t i = 0; i < items.n; i++) {
        const supply_item *item = &items.v[i];

        st = item->sscc ? check_container(act, item->old, moving->returning)
                        : supply_require_whole(act, item, i, moving->returning);
        if (st != FCC_OK)
            return st;
        if (moving->returning && !lib_text_is(item->old, "from", moving->to))
            return supply_stop(act, LIB_INVARIANT, "not_sender: %s did not come from there",
                               supply_name(call, item, i));
    }
    for (size_t i = 0; i < items.n; i++) {
        supply_item *item = &items.v[i];

        if ((st = supply_next(act, item)) != FCC_OK || (st = lib_set(item->next, "state", "in_transit")) != FCC_OK ||
            (st = lib_set(item->next, "to", moving->to)) != FCC_OK)
            return st;
        if (moving->returning && json_object_set_new(item->next, "returning", json_true()) != 0)
            return FCC_ERR_NOMEM;
        if ((st = supply_write_item(act, item, moving->returning ? "return" : NULL)) != FCC_OK ||
            (st = supply_have_not(call, act->site, item)) != FCC_OK ||
            (st = supply_have(call, moving->to, item, true)) != FCC_OK)
            return st;
    }
    return supply_write_deed(act,
                             json_pack("{s:s,s:s*,s:s*,s:b,s:O*}", "to", moving->to, "order", moving->order, "sscc",
                                       moving->sscc, "returning", moving->returning, "packs", moving->packs));
}

static fcc_status supply_ship(lib_call *call)
{
    supply_act act = supply_act_of(call, "ship");
    const struct supply_moving moving = { .sscc = lib_in_text(call, "sscc"),
                                          .packs = lib_in(call, "packs"),
                                          .to = lib_in_text(call, "toGln"),
                                          .order = lib_in_text(call, "order"),
                                          .returning = lib_in_text(call, "reason") != NULL };
    fcc_status st = supply_do_ship(&act, &moving);

    return st == FCC_OK ? lib_answer_act(call, "PackShipped", act.id, 1) : st;
}

/* ---- Receive ---- */

/* What was quarantined on its way arrives as that; who sent it is whom a return goes to. */
static fcc_status arrive(supply_act *act, supply_item *item)
{
    const char *from = lib_text(item->old, "holder");
    const bool returned = json_is_true(json_object_get(item->old, "returning"));
    fcc_status st = supply_next(act, item);

    if (st != FCC_OK)
        return st;
    if (!lib_text_is(item->old, "state", "quarantined"))
        st = lib_set(item->next, "state", returned ? "returned" : "received");
    if (st != FCC_OK || (st = lib_set(item->next, "holder", act->site)) != FCC_OK ||
        (st = lib_set(item->next, "from", from)) != FCC_OK || (st = lib_set(item->next, "to", NULL)) != FCC_OK ||
        (st = lib_set(item->next, "returning", NULL)) != FCC_OK)
        return st;
    if (item->sscc && (st = supply_set_int(item->next, "moved", lib_version(item->next))) != FCC_OK)
        return st;
    if ((st = supply_write_item(act, item, NULL)) != FCC_OK)
        return st;
    return supply_have(act->call, act->site, item, false);
}

fcc_status supply_do_receive(supply_act *act, const struct supply_moving *moving)
{
    supply_items items = { 0 };
    fcc_status st;

    if ((st = items_of(act, moving, &items)) != FCC_OK || (st = supply_require_new(act)) != FCC_OK ||
        (st = supply_require_partner(act, act->site, "the own site")) != FCC_OK ||
        (st = supply_read_items(act, &items)) != FCC_OK || (st = supply_require_items(act, &items)) != FCC_OK)
        return st;
    for (size_t i = 0; i < items.n; i++) {
        const json_t *item = items.v[i].old;
        const char *name = supply_name(act->call, &items.v[i], i);

        if (lib_text_is(item, "to", act->site))
            continue;
        if (!lib_text(item, "to") && lib_text_is(item, "holder", act->site) && lib_text(item, "from"))
            return supply_stop(act, LIB_ALREADY, "%s was received before", name);
        return supply_forbid(act, "not_addressee", "%s is not on its way to this site", name);
    }
    for (size_t i = 0; i < items.n; i++) /* mostly one sender: asked about once */
        if ((st = supply_require_partner(act, lib_text(items.v[i].old, "holder"), "the sender")) != FCC_OK)
            return st;
    for (size_t i = 0; i < items.n; i++)
        if ((st = arrive(act, &items.v[i])) != FCC_OK)
            return st;
    return supply_write_deed(act, json_pack("{s:s*,s:O*}", "sscc", moving->sscc, "packs", moving->packs));
}

static fcc_status supply_receive(lib_call *call)
{
    supply_act act = supply_act_of(call, "receive");
    const struct supply_moving moving = { .sscc = lib_in_text(call, "sscc"), .packs = lib_in(call, "packs") };
    fcc_status st = supply_do_receive(&act, &moving);

    return st == FCC_OK ? lib_answer_act(call, "PackReceived", act.id, 1) : st;
}
