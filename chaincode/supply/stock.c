/*
 * stock.c: packs and containers as they are kept: PACK~gtin~serial, SSCC~id, where they are (HAVE) and what happened to a
 * pack (MOVE). A pack in a container has no holder of its own: it is where its outermost container is, so that a case of
 * 200 packs is shipped by writing one key.
 */
#include <stdio.h>

#include "supply/parts.h"

static const lib_field pack_fields[] = { SUPPLY_GTIN, SUPPLY_SERIAL };
static const lib_field dispensed_fields[] = { SUPPLY_GTIN,
                                              SUPPLY_SERIAL,
                                              { .name = "units", .type = LIB_INT, .min = 1, .max = 1000000 } };
static const lib_field container_fields[] = { { .name = "sscc", .type = LIB_SSCC } };

/* ---- lists of packs and containers ---- */

/* The form is checked by reading the fields' types; a try only wants to know whether. */
static fcc_status item_of(supply_act *act, const char *where, const json_t *given, int form, supply_item *out)
{
    const bool container = form == SUPPLY_ANY_CHILD && json_object_get(given, "sscc");
    const lib_field *fields = container ? container_fields : form == SUPPLY_WITH_UNITS ? dispensed_fields : pack_fields;
    const size_t count = container ? 1 : form == SUPPLY_WITH_UNITS ? 3 : 2;
    fcc_status st = lib_check_fields(act->call, given, fields, count, where);

    if (st == FCC_OK)
        *out = (supply_item){ .gtin = lib_text(given, "gtin"),
                              .serial = lib_text(given, "serial"),
                              .sscc = lib_text(given, "sscc"),
                              .units = supply_int(given, "units") };
    return st;
}

static bool same(const supply_item *a, const supply_item *b)
{
    if (a->sscc || b->sscc)
        return a->sscc && b->sscc && strcmp(a->sscc, b->sscc) == 0;
    return strcmp(a->serial, b->serial) == 0 && strcmp(a->gtin, b->gtin) == 0;
}

fcc_status supply_items_of(supply_act *act, const char *name, const json_t *list, int form, supply_items *out)
{
    lib_call *call = act->call;
    const size_t n = json_array_size(list);
    char where[48];
    fcc_status st;

    if (n < 1 || n > SUPPLY_MAX)
        return supply_stop(act, LIB_BAD_INPUT, "%s: 1 to %d of them", name, SUPPLY_MAX);
    out->n = n;
    out->v = fcc_alloc(call->stub, n * sizeof(*out->v));
    if (!out->v)
        return FCC_ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        snprintf(where, sizeof(where), "%s %zu.", name, i + 1);
        if ((st = item_of(act, where, json_array_get(list, i), form, &out->v[i])) != FCC_OK)
            return st;
        for (size_t k = 0; k < i; k++)
            if (same(&out->v[k], &out->v[i]))
                return supply_stop(act, LIB_INVARIANT, "twice: %s %zu is the same as %zu", name, i + 1, k + 1);
    }
    return FCC_OK;
}

static fcc_bytes key_of(lib_call *call, const supply_item *item)
{
    return item->sscc ? lib_key(call, "SSCC", item->sscc, NULL, NULL)
                      : lib_key(call, "PACK", item->gtin, item->serial, NULL);
}

fcc_status supply_read_items(supply_act *act, supply_items *items)
{
    lib_call *call = act->call;
    fcc_bytes *keys = fcc_alloc(call->stub, items->n * sizeof(*keys));
    const json_t **records = fcc_alloc(call->stub, items->n * sizeof(*records));
    fcc_status st;

    if (!keys || !records)
        return FCC_ERR_NOMEM;
    for (size_t i = 0; i < items->n; i++) {
        keys[i] = key_of(call, &items->v[i]);
        records[i] = NULL;
    }
    st = lib_read_many(call, SUPPLY_PACKS, keys, items->n, records);
    for (size_t i = 0; i < items->n && st == FCC_OK; i++)
        items->v[i].old = records[i];
    return st;
}

const char *supply_name(lib_call *call, const supply_item *item, size_t i)
{
    char text[40];

    snprintf(text, sizeof(text), "%s %zu", item->sscc ? "container" : "pack", i + 1);
    return lib_string(call, fcc_str(text));
}

fcc_status supply_require_items(supply_act *act, const supply_items *items)
{
    for (size_t i = 0; i < items->n; i++)
        if (!items->v[i].old)
            return supply_stop(act, LIB_NOT_FOUND, "No_match_%s: %s is not known",
                               items->v[i].sscc ? "SSCC" : "GTIN_Serial", supply_name(act->call, &items->v[i], i));
    return FCC_OK;
}

/* ---- containers ---- */

fcc_status supply_read_container(lib_call *call, const char *sscc, const json_t **out)
{
    return lib_read(call, SUPPLY_PACKS, lib_key(call, "SSCC", sscc, NULL, NULL), out);
}

fcc_status supply_outermost(lib_call *call, const json_t *record, const json_t **top, const json_t **chain,
                            size_t *count)
{
    size_t n = 0;
    const char *in;
    fcc_status st;

    *top = record;
    while ((in = lib_text(*top, "in")) != NULL) {
        const json_t *outer = NULL;

        if ((st = supply_read_container(call, in, &outer)) != FCC_OK)
            return st;
        if (!outer || n == SUPPLY_LEVELS)
            return fcc_fail(call->stub, FCC_ERR_CORRUPT, "a container is not there, or lies in itself");
        if (chain)
            chain[n] = outer;
        n++;
        *top = outer;
    }
    if (count)
        *count = n;
    return FCC_OK;
}

fcc_status supply_holder(lib_call *call, const json_t *record, const char **holder)
{
    const json_t *top = NULL;
    fcc_status st = supply_outermost(call, record, &top, NULL, NULL);

    *holder = st == FCC_OK ? lib_text(top, "holder") : NULL;
    return st;
}

/* ---- writing ---- */

fcc_status supply_next(supply_act *act, supply_item *item)
{
    char salt[LIB_TAG_HEX_SIZE];
    json_t *next = lib_own(act->call, item->old ? json_copy((json_t *)item->old) : json_object());
    fcc_status st;

    if (!next)
        return FCC_ERR_NOMEM;
    item->next = next;
    if ((st = lib_derive_id(act->call, act->salt, key_of(act->call, item), salt)) != FCC_OK ||
        (st = supply_set_int(next, "fmt", 1)) != FCC_OK ||
        (st = supply_set_int(next, "v", lib_version(item->old) + 1)) != FCC_OK)
        return st;
    return lib_set(next, "salt", salt);
}

/* What happened to a pack: its new state, and what the act was. n is the pack's version. */
static fcc_status write_move(supply_act *act, const supply_item *item, const char *why)
{
    static const char *const kept[] = { "state", "holder", "from", "to", "in", "inV", "left" };
    lib_call *call = act->call;
    char n[8], salt[LIB_TAG_HEX_SIZE];
    fcc_bytes key;
    json_t *move = json_pack("{s:i,s:s,s:s*,s:s,s:s*,s:s,s:s*}", "fmt", 1, "what", act->what, "act", act->id, "site",
                             act->site, "uid", act->uid, "at", lib_time(call, call->now), "why", why);
    fcc_status st = move ? FCC_OK : FCC_ERR_NOMEM;

    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]) && st == FCC_OK; i++) {
        json_t *value = json_object_get(item->next, kept[i]);

        if (value && json_object_set(move, kept[i], value) != 0)
            st = FCC_ERR_NOMEM;
    }
    snprintf(n, sizeof(n), "%06d", lib_version(item->next));
    key = lib_key(call, "MOVE", item->gtin, item->serial, n);
    if (st == FCC_OK && (st = lib_derive_id(call, act->salt, key, salt)) == FCC_OK)
        st = lib_set(move, "salt", salt);
    if (st != FCC_OK) {
        json_decref(move);
        return st;
    }
    return lib_write(call, SUPPLY_PACKS, key, move);
}

/* A container's versions are its history, so each says what was done to it. */
static fcc_status write_container(supply_act *act, const supply_item *item, const char *why)
{
    lib_call *call = act->call;
    fcc_status st;

    if ((st = lib_set(item->next, "what", act->what)) != FCC_OK ||
        (st = lib_set(item->next, "act", act->id)) != FCC_OK ||
        (st = lib_set(item->next, "site", act->site)) != FCC_OK ||
        (st = lib_set(item->next, "uid", act->uid)) != FCC_OK ||
        (st = lib_set(item->next, "at", lib_time(call, call->now))) != FCC_OK ||
        (st = lib_set(item->next, "why", why)) != FCC_OK)
        return st;
    return lib_write_version(call, SUPPLY_PACKS, "SSCC", item->sscc, NULL, item->next);
}

fcc_status supply_write_item(supply_act *act, const supply_item *item, const char *why)
{
    fcc_status st;

    if (lib_version(item->next) > 999999) /* six digits in a version's key */
        return fcc_fail(act->call->stub, FCC_ERR_INTERNAL, "a pack's or a container's versions are used up");
    if (item->sscc)
        return write_container(act, item, why);
    st = lib_write(act->call, SUPPLY_PACKS, key_of(act->call, item), json_incref(item->next));
    return st == FCC_OK ? write_move(act, item, why) : st;
}

static fcc_bytes have_key(lib_call *call, const char *gln, const supply_item *item)
{
    return item->sscc ? lib_key(call, "HAVE", gln, "sscc", item->sscc)
                      : lib_key(call, "HAVE", gln, item->gtin, item->serial);
}

fcc_status supply_have(lib_call *call, const char *gln, const supply_item *item, bool incoming)
{
    const fcc_bytes key = have_key(call, gln, item);

    return incoming ? lib_write(call, SUPPLY_PACKS, key, json_pack("{s:i,s:b}", "fmt", 1, "incoming", 1))
                    : lib_write_mark(call, SUPPLY_PACKS, key);
}

fcc_status supply_have_not(lib_call *call, const char *gln, const supply_item *item)
{
    const fcc_bytes key = have_key(call, gln, item);

    return key.len ? fcc_del_private_data(call->stub, fcc_str(SUPPLY_PACKS), key) : FCC_ERR_NOMEM;
}

/* ---- may it leave ---- */

bool supply_is_gone(const json_t *record)
{
    return lib_text_is(record, "state", "dispensed") || lib_text_is(record, "state", "sold") ||
           lib_text_is(record, "state", "destroyed");
}

fcc_status supply_require_usable(supply_act *act, const supply_item *item, size_t i, bool returning)
{
    const json_t *pack = item->old;
    const char *name = supply_name(act->call, item, i), *state = lib_text(pack, "state");
    bool recalled = false;
    fcc_status st;

    if (supply_is_gone(pack))
        return supply_stop(act, LIB_GONE, "%s: %s was %s", state, name, state);
    if (lib_text(pack, "in"))
        return supply_stop(act, LIB_INVARIANT, "in_container: %s is in a container: unpack it first", name);
    if (!lib_text_is(pack, "holder", act->site) || lib_text(pack, "to")) {
        if (act->id && !lib_text_is(pack, "holder", act->site))
            return supply_forbid(act, "not_holder", "%s is at another site", name);
        return supply_stop(act, LIB_INVARIANT, "not_holder: %s is %s", name,
                           lib_text(pack, "to") ? "in transit" : "at another site");
    }
    if ((st = supply_is_recalled(act->call, item->gtin, lib_text(pack, "lot"), &recalled)) != FCC_OK)
        return st;
    if (recalled)
        return supply_stop(act, LIB_INVARIANT, "recalled: %s is of a lot that is recalled", name);
    if (supply_is_expired(act->call, lib_text(pack, "exp")))
        return supply_stop(act, LIB_INVARIANT, "expired: %s is past its expiry", name);
    if (lib_text_is(pack, "state", "quarantined") || (lib_text_is(pack, "state", "returned") && !returning))
        return supply_stop(act, LIB_INVARIANT, "state: %s is %s", name, state);
    return FCC_OK;
}

/* The same, and nothing was taken out of it: what is opened stays where it is. */
fcc_status supply_require_whole(supply_act *act, const supply_item *item, size_t i, bool returning)
{
    const json_t *product = NULL;
    fcc_status st = supply_require_usable(act, item, i, returning);

    if (st != FCC_OK || (st = supply_read_product(act->call, item->gtin, &product)) != FCC_OK)
        return st;
    if (supply_int(item->old, "left") != supply_int(product, "unitsPerPack"))
        return supply_stop(act, LIB_INVARIANT, "units: %s is opened", supply_name(act->call, item, i));
    return FCC_OK;
}
