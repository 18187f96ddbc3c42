/*
 * contain.c: packs into containers, containers into containers, and out again. A container knows which lots it holds and
 * how many packs of each, so that it ships without one of them being read; and how many of them are quarantined.
 */
#include "supply/parts.h"

static const lib_field contain_fields[] = {
    SUPPLY_ID,
    { .name = "sscc", .type = LIB_SSCC },
    { .name = "children", .type = LIB_ARRAY, .min = 1, .max = SUPPLY_MAX },
    SUPPLY_SALT,
};

LIB_DEFINE(supply_pack, .flags = LIB_WRITES, .roles = SUPPLY_STAFF, .in = LIB_IN_REQUIRED, LIB_FIELDS(contain_fields),
           .callers = "holder", .reads = "PROD, RECALL; packs PACK, SSCC; ACT",
           .writes = "packs PACK, SSCC, HAVE, MOVE, DEED; ACT", .endorsers = "SU", .answer = "`{\"id\",\"v\"}`")
LIB_DEFINE(supply_unpack, .flags = LIB_WRITES, .roles = SUPPLY_STAFF, .in = LIB_IN_REQUIRED, LIB_FIELDS(contain_fields),
           .callers = "holder", .reads = "packs PACK, SSCC; ACT", .writes = "packs PACK, SSCC, HAVE, MOVE, DEED; ACT",
           .endorsers = "SU", .answer = "`{\"id\",\"v\"}`")

/* ---- what is in a container ---- */

/* `n` packs of a lot more, or fewer; a lot of which none is left is taken out. */
static fcc_status count_lot(json_t *lots, const char *gtin, const char *lot, const char *exp, int64_t n)
{
    for (size_t i = 0; i < json_array_size(lots); i++) {
        json_t *one = json_array_get(lots, i);

        if (lib_text_is(one, "gtin", gtin) && lib_text_is(one, "lot", lot) && lib_text_is(one, "exp", exp)) {
            n += supply_int(one, "n");
            if (n > 0)
                return supply_set_int(one, "n", n);
            return json_array_remove(lots, i) == 0 ? FCC_OK : FCC_ERR_INTERNAL;
        }
    }
    return json_array_append_new(lots, json_pack("{s:s,s:s,s:s,s:I}", "gtin", gtin, "lot", lot, "exp", exp, "n", n)) ==
                   0
               ? FCC_OK
               : FCC_ERR_NOMEM;
}

/* One child's packs, `sign` 1 for in and -1 for out. */
static fcc_status count_child(json_t *lots, const supply_item *child, int64_t sign)
{
    const json_t *inner = json_object_get(child->old, "lots");
    fcc_status st = FCC_OK;

    if (!child->sscc)
        return count_lot(lots, child->gtin, lib_text(child->old, "lot"), lib_text(child->old, "exp"), sign);
    for (size_t i = 0; i < json_array_size(inner) && st == FCC_OK; i++) {
        const json_t *one = json_array_get(inner, i);

        st = count_lot(lots, lib_text(one, "gtin"), lib_text(one, "lot"), lib_text(one, "exp"),
                       sign * supply_int(one, "n"));
    }
    return st;
}

static int64_t level_of(const supply_item *child)
{
    return child->sscc ? supply_int(child->old, "level") : 0;
}

static json_t *name_of(const supply_item *child)
{
    return child->sscc ? json_pack("{s:s}", "sscc", child->sscc)
                       : json_pack("{s:s,s:s}", "gtin", child->gtin, "serial", child->serial);
}

/* The container with lists of its own, which may be changed. */
static fcc_status own_lists(supply_item *container)
{
    static const char *const names[] = { "children", "lots" };

    for (size_t i = 0; i < 2; i++) {
        const json_t *before = json_object_get(container->old, names[i]);

        if (json_object_set_new(container->next, names[i], before ? json_deep_copy(before) : json_array()) != 0)
            return FCC_ERR_NOMEM;
    }
    return FCC_OK;
}

/* It is at this site, closed in no other one, and not on its way. */
static fcc_status require_container_here(supply_act *act, const json_t *container)
{
    if (lib_text(container, "in"))
        return supply_stop(act, LIB_INVARIANT, "in_container: the container is in another one: unpack that one first");
    if (!lib_text_is(container, "holder", act->site))
        return supply_forbid(act, "not_holder", "the container is at another site");
    if (lib_text(container, "to"))
        return supply_stop(act, LIB_INVARIANT, "not_holder: the container is in transit");
    return FCC_OK;
}

/* ---- Pack ---- */

static fcc_status require_packable(supply_act *act, const supply_item *child, size_t i, const char *sscc)
{
    const char *name = supply_name(act->call, child, i);
    fcc_status st;

    if (!child->sscc)
        return supply_require_whole(act, child, i, false);
    if (strcmp(child->sscc, sscc) == 0)
        return supply_stop(act, LIB_INVARIANT, "in_container: %s is the container itself", name);
    if ((st = require_container_here(act, child->old)) != FCC_OK)
        return st;
    if (json_array_size(json_object_get(child->old, "children")) == 0 || supply_int(child->old, "held") > 0 ||
        lib_text_is(child->old, "state", "returned"))
        return supply_stop(act, LIB_INVARIANT, "state: %s is empty, returned, or has a pack in quarantine", name);
    if (supply_int(child->old, "level") >= SUPPLY_LEVELS)
        return supply_stop(act, LIB_INVARIANT, "levels: %s would lie %d containers deep", name, SUPPLY_LEVELS);
    return FCC_OK;
}

static fcc_status put_in(supply_act *act, supply_item *container, supply_item *child)
{
    fcc_status st;

    if ((st = supply_next(act, child)) != FCC_OK || (st = lib_set(child->next, "in", container->sscc)) != FCC_OK ||
        (st = supply_set_int(child->next, "inV", lib_version(container->next))) != FCC_OK ||
        (st = lib_set(child->next, "holder", NULL)) != FCC_OK || (st = supply_write_item(act, child, NULL)) != FCC_OK)
        return st;
    return supply_have_not(act->call, act->site, child);
}

/* The container as it will be; 429 when it would hold too much. */
static fcc_status fill(supply_act *act, supply_item *container, const supply_items *children)
{
    json_t *list, *lots;
    int64_t level;
    fcc_status st;

    if ((st = supply_next(act, container)) != FCC_OK || (st = own_lists(container)) != FCC_OK)
        return st;
    list = json_object_get(container->next, "children");
    lots = json_object_get(container->next, "lots");
    level = supply_int(container->old, "level") > 1 ? supply_int(container->old, "level") : 1;
    for (size_t i = 0; i < children->n; i++) {
        const supply_item *child = &children->v[i];

        level = level_of(child) + 1 > level ? level_of(child) + 1 : level;
        if (json_array_append_new(list, name_of(child)) != 0)
            return FCC_ERR_NOMEM;
        if ((st = count_child(lots, child, 1)) != FCC_OK)
            return st;
    }
    if (json_array_size(list) > SUPPLY_MAX || json_array_size(lots) > SUPPLY_MAX)
        return supply_stop(act, LIB_LIMIT, "a container holds at most %d children, of %d lots", SUPPLY_MAX, SUPPLY_MAX);
    if ((st = lib_set(container->next, "sscc", container->sscc)) != FCC_OK ||
        (st = supply_set_int(container->next, "level", level)) != FCC_OK ||
        (st = supply_set_int(container->next, "held", supply_int(container->old, "held"))) != FCC_OK ||
        (st = lib_set(container->next, "holder", act->site)) != FCC_OK)
        return st;
    /* one that was emptied begins anew */
    if (json_array_size(json_object_get(container->old, "children")) > 0)
        return FCC_OK;
    if ((st = lib_set(container->next, "from", NULL)) != FCC_OK)
        return st;
    return lib_set(container->next, "state", "packed");
}

fcc_status supply_do_pack(supply_act *act, const char *sscc, const json_t *given)
{
    supply_item container = { .sscc = sscc };
    supply_items children = { 0 };
    fcc_status st;

    if ((st = supply_items_of(act, "child", given, SUPPLY_ANY_CHILD, &children)) != FCC_OK ||
        (st = supply_require_new(act)) != FCC_OK || (st = supply_read_items(act, &children)) != FCC_OK ||
        (st = supply_require_items(act, &children)) != FCC_OK ||
        (st = supply_read_container(act->call, sscc, &container.old)) != FCC_OK)
        return st;
    if (container.old && (st = require_container_here(act, container.old)) != FCC_OK)
        return st;
    if (lib_text_is(container.old, "state", "returned"))
        return supply_stop(act, LIB_INVARIANT, "state: the container was returned: unpack it first");
    for (size_t i = 0; i < children.n; i++)
        if ((st = require_packable(act, &children.v[i], i, sscc)) != FCC_OK)
            return st;
    if ((st = fill(act, &container, &children)) != FCC_OK)
        return st;
    for (size_t i = 0; i < children.n; i++)
        if ((st = put_in(act, &container, &children.v[i])) != FCC_OK)
            return st;
    if ((st = supply_write_item(act, &container, NULL)) != FCC_OK ||
        (st = supply_have(act->call, act->site, &container, false)) != FCC_OK)
        return st;
    return supply_write_deed(act, json_pack("{s:s,s:O}", "sscc", sscc, "children", given));
}

static fcc_status supply_pack(lib_call *call)
{
    supply_act act = supply_act_of(call, "pack");
    fcc_status st = supply_do_pack(&act, lib_in_text(call, "sscc"), lib_in(call, "children"));

    return st == FCC_OK ? lib_answer_act(call, NULL, act.id, 1) : st;
}

/* ---- Unpack ---- */

/* What has been moved with the container since it was put in has come from where the container came from. */
static fcc_status take_out(supply_act *act, const supply_item *container, supply_item *child)
{
    const bool moved = supply_int(container->old, "moved") > supply_int(child->old, "inV");
    fcc_status st;

    if ((st = supply_next(act, child)) != FCC_OK || (st = lib_set(child->next, "in", NULL)) != FCC_OK ||
        (st = lib_set(child->next, "inV", NULL)) != FCC_OK ||
        (st = lib_set(child->next, "holder", act->site)) != FCC_OK)
        return st;
    if (moved && (st = lib_set(child->next, "from", lib_text(container->old, "from"))) != FCC_OK)
        return st;
    if (moved && !lib_text_is(child->old, "state", "quarantined") &&
        (st = lib_set(child->next, "state", lib_text(container->old, "state"))) != FCC_OK)
        return st;
    if (moved && child->sscc && (st = supply_set_int(child->next, "moved", lib_version(child->next))) != FCC_OK)
        return st;
    if ((st = supply_write_item(act, child, NULL)) != FCC_OK)
        return st;
    return supply_have(act->call, act->site, child, false);
}

static bool is_child(const json_t *name, const supply_item *child)
{
    return child->sscc ? lib_text_is(name, "sscc", child->sscc)
                       : lib_text_is(name, "serial", child->serial) && lib_text_is(name, "gtin", child->gtin);
}

/* The container without these. */
static fcc_status empty(supply_act *act, supply_item *container, const supply_items *children)
{
    int64_t held = supply_int(container->old, "held");
    bool nested = false;
    json_t *list, *lots;
    fcc_status st;

    if ((st = supply_next(act, container)) != FCC_OK || (st = own_lists(container)) != FCC_OK)
        return st;
    list = json_object_get(container->next, "children");
    lots = json_object_get(container->next, "lots");
    for (size_t i = 0; i < children->n; i++) {
        const supply_item *child = &children->v[i];

        for (size_t k = 0; k < json_array_size(list); k++)
            if (is_child(json_array_get(list, k), child)) {
                json_array_remove(list, k);
                break;
            }
        held -= child->sscc ? supply_int(child->old, "held") : lib_text_is(child->old, "state", "quarantined");
        if ((st = count_child(lots, child, -1)) != FCC_OK)
            return st;
    }
    for (size_t i = 0; i < json_array_size(list); i++)
        nested = nested || lib_text(json_array_get(list, i), "sscc");
    if ((st = supply_set_int(container->next, "held", held)) != FCC_OK ||
        (st = supply_set_int(container->next, "level", nested ? supply_int(container->old, "level") : 1)) != FCC_OK)
        return st;
    return json_array_size(list) ? FCC_OK : lib_set(container->next, "state", "empty");
}

fcc_status supply_do_unpack(supply_act *act, const char *sscc, const json_t *given)
{
    supply_item container = { .sscc = sscc };
    supply_items children = { 0 };
    fcc_status st;

    if ((st = supply_items_of(act, "child", given, SUPPLY_ANY_CHILD, &children)) != FCC_OK ||
        (st = supply_require_new(act)) != FCC_OK ||
        (st = supply_read_container(act->call, sscc, &container.old)) != FCC_OK)
        return st;
    if (!container.old)
        return supply_stop(act, LIB_NOT_FOUND, "No_match_SSCC: the container is not known");
    if ((st = require_container_here(act, container.old)) != FCC_OK ||
        (st = supply_read_items(act, &children)) != FCC_OK || (st = supply_require_items(act, &children)) != FCC_OK)
        return st;
    for (size_t i = 0; i < children.n; i++)
        if (!lib_text_is(children.v[i].old, "in", sscc))
            return supply_stop(act, LIB_INVARIANT, "not_in: %s is not in the container",
                               supply_name(act->call, &children.v[i], i));
    if ((st = empty(act, &container, &children)) != FCC_OK)
        return st;
    for (size_t i = 0; i < children.n; i++)
        if ((st = take_out(act, &container, &children.v[i])) != FCC_OK)
            return st;
    if ((st = supply_write_item(act, &container, NULL)) != FCC_OK)
        return st;
    if (lib_text_is(container.next, "state", "empty") &&
        (st = supply_have_not(act->call, act->site, &container)) != FCC_OK)
        return st;
    return supply_write_deed(act, json_pack("{s:s,s:O}", "sscc", sscc, "children", given));
}

static fcc_status supply_unpack(lib_call *call)
{
    supply_act act = supply_act_of(call, "unpack");
    fcc_status st = supply_do_unpack(&act, lib_in_text(call, "sscc"), lib_in(call, "children"));

    return st == FCC_OK ? lib_answer_act(call, NULL, act.id, 1) : st;
}
