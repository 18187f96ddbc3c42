/*
 * hold.c: packs that are not what they should be: returned ones that are looked at and put back, suspect ones that are
 * kept apart, illegitimate ones, and those that are destroyed.
 */
#include "supply/parts.h"

static const char *const doubts[] = { "cold_chain", "damaged",    "diverted", "label",
                                      "tampered",   "unverified", "other",    NULL };
static const char *const faults[] = { "counterfeit", "diverted", "stolen", "tampered", "unfit", NULL };
static const char *const ends[] = { "damaged", "expired", "illegitimate", "recalled", "returned", "other", NULL };

#define HOLD_FIELDS(words_)                                                                                    \
    {                                                                                                          \
        SUPPLY_ID, SUPPLY_ONE_PACK, { .name = "reasonCode", .type = LIB_WORD, .words = (words_) }, SUPPLY_SALT \
    }
static const lib_field quarantine_fields[] = HOLD_FIELDS(doubts);
static const lib_field illegitimate_fields[] = HOLD_FIELDS(faults);
static const lib_field destroy_fields[] = HOLD_FIELDS(ends);
static const lib_field restock_fields[] = { SUPPLY_ID, SUPPLY_ONE_PACK, SUPPLY_LOT, SUPPLY_EXPIRY, SUPPLY_SALT };

LIB_DEFINE(supply_restock, .flags = LIB_WRITES, .roles = SUPPLY_STAFF, .in = LIB_IN_REQUIRED,
           LIB_FIELDS(restock_fields), .callers = "holder, of what was returned or kept apart",
           .reads = "RECALL; packs PACK; ACT", .writes = "packs PACK, MOVE, DEED; ACT", .endorsers = "SU",
           .answer = "`{\"id\",\"v\"}`")
LIB_DEFINE(supply_quarantine, .flags = LIB_WRITES, .roles = SUPPLY_STAFF | LIB_ADMIN, .in = LIB_IN_REQUIRED,
           LIB_FIELDS(quarantine_fields), .callers = "holder; admin of R", .reads = "packs PACK, SSCC; ACT",
           .writes = "packs PACK, SSCC, MOVE, DEED; ACT", .endorsers = "SU", .answer = "`{\"id\",\"v\"}`")
LIB_DEFINE(supply_illegitimate, .flags = LIB_WRITES, .roles = SUPPLY_STAFF | LIB_ADMIN, .in = LIB_IN_REQUIRED,
           LIB_FIELDS(illegitimate_fields), .callers = "holder; admin of R", .reads = "packs PACK, SSCC; ACT",
           .writes = "packs PACK, SSCC, MOVE, DEED; ACT", .endorsers = "SU", .answer = "`{\"id\",\"v\"}`")
LIB_DEFINE(supply_destroy, .flags = LIB_WRITES, .roles = SUPPLY_STAFF, .in = LIB_IN_REQUIRED,
           LIB_FIELDS(destroy_fields), .callers = "holder", .reads = "packs PACK; ACT",
           .writes = "packs PACK, HAVE, MOVE, DEED; ACT", .endorsers = "SU", .answer = "`{\"id\",\"v\"}`")

/* T's one pack, which has to be there and not yet gone. */
static fcc_status read_pack(supply_act *act, supply_items *out)
{
    json_t *list = lib_own(act->call, json_pack("[O]", lib_in(act->call, "pack")));
    fcc_status st;

    if (!list)
        return FCC_ERR_NOMEM;
    if ((st = supply_items_of(act, "pack", list, SUPPLY_PACK_ONLY, out)) != FCC_OK ||
        (st = supply_require_new(act)) != FCC_OK || (st = supply_read_items(act, out)) != FCC_OK)
        return st;
    return supply_require_items(act, out);
}

static fcc_status require_there(supply_act *act, const json_t *pack)
{
    const char *state = lib_text(pack, "state");

    if (supply_is_gone(pack))
        return supply_stop(act, LIB_GONE, "%s: the pack was %s", state, state);
    return FCC_OK;
}

/* At this very site, and taken out of its container. */
static fcc_status require_in_hand(supply_act *act, const json_t *pack)
{
    const char *holder = NULL;
    fcc_status st = supply_holder(act->call, pack, &holder);

    if (st != FCC_OK)
        return st;
    if (!holder || strcmp(holder, act->site) != 0)
        return supply_forbid(act, "not_holder", "the pack is at another site");
    if ((st = require_there(act, pack)) != FCC_OK)
        return st;
    if (lib_text(pack, "in"))
        return supply_stop(act, LIB_INVARIANT, "in_container: the pack is in a container: unpack it first");
    if (lib_text(pack, "to"))
        return supply_stop(act, LIB_INVARIANT, "not_holder: the pack is in transit");
    return FCC_OK;
}

static fcc_status finish(supply_act *act, const supply_item *pack, const char *why)
{
    fcc_status st = supply_write_item(act, pack, why);

    if (st == FCC_OK)
        st = supply_write_deed(act, json_pack("{s:O,s:s*}", "pack", lib_in(act->call, "pack"), "reasonCode", why));
    return st == FCC_OK ? lib_answer_act(act->call, NULL, act->id, 1) : st;
}

/* ---- kept apart ---- */

/* The containers around the pack count what is kept apart in them, so that they don't ship. */
static fcc_status hold_around(supply_act *act, const json_t *pack)
{
    const json_t *top = NULL, *chain[SUPPLY_LEVELS];
    size_t n = 0;
    fcc_status st = supply_outermost(act->call, pack, &top, chain, &n);

    for (size_t i = 0; i < n && st == FCC_OK; i++) {
        supply_item container = { .sscc = lib_text(chain[i], "sscc"), .old = chain[i] };

        if ((st = supply_next(act, &container)) == FCC_OK &&
            (st = supply_set_int(container.next, "held", supply_int(chain[i], "held") + 1)) == FCC_OK)
            st = supply_write_item(act, &container, NULL);
    }
    return st;
}

static fcc_status keep_apart(lib_call *call, const char *what, const char *mark)
{
    supply_act act = supply_act_of(call, what);
    const char *why = lib_in_text(call, "reasonCode"), *holder = NULL;
    supply_items packs = { 0 };
    supply_item *pack;
    bool regulator = false;
    fcc_status st = supply_regulates(call, &regulator);

    if (st != FCC_OK)
        return st;
    if (!regulator && call->caller.role == LIB_ADMIN)
        return lib_deny(call, "role", "only the holder and an administrator of the regulator");
    if ((st = read_pack(&act, &packs)) != FCC_OK)
        return st;
    pack = &packs.v[0];
    if ((st = supply_holder(call, pack->old, &holder)) != FCC_OK)
        return st;
    if (!regulator && (!holder || strcmp(holder, act.site) != 0))
        return lib_deny(call, "not_holder", "the pack is at another site");
    if ((st = require_there(&act, pack->old)) != FCC_OK)
        return st;
    /* what a holder keeps apart the regulator may take over, so that the holder does not put it back */
    if (lib_text_is(pack->old, "mark", "illegitimate") ||
        (lib_text_is(pack->old, "mark", mark) && !(regulator && lib_text_is(pack->old, "by", "holder"))))
        return lib_refuse(call, LIB_ALREADY, "the pack is kept apart already");
    if (!lib_text_is(pack->old, "state", "quarantined") && (st = hold_around(&act, pack->old)) != FCC_OK)
        return st;
    if ((st = supply_next(&act, pack)) != FCC_OK || (st = lib_set(pack->next, "state", "quarantined")) != FCC_OK ||
        (st = lib_set(pack->next, "mark", mark)) != FCC_OK || (st = lib_set(pack->next, "why", why)) != FCC_OK ||
        (st = lib_set(pack->next, "by", regulator ? "regulator" : "holder")) != FCC_OK)
        return st;
    return finish(&act, pack, why);
}

static fcc_status supply_quarantine(lib_call *call)
{
    return keep_apart(call, "quarantine", "suspect");
}

static fcc_status supply_illegitimate(lib_call *call)
{
    return keep_apart(call, "illegitimate", "illegitimate");
}

/* ---- put back, destroyed ---- */

/* Only after a look at the pack: what is printed on it comes with the call. */
static fcc_status supply_restock(lib_call *call)
{
    supply_act act = supply_act_of(call, "restock");
    supply_items packs = { 0 };
    const json_t *old;
    bool recalled = false, lot, expiry;
    fcc_status st;

    if ((st = read_pack(&act, &packs)) != FCC_OK || (st = require_in_hand(&act, packs.v[0].old)) != FCC_OK)
        return st;
    old = packs.v[0].old;
    if (!lib_text_is(old, "state", "returned") && !lib_text_is(old, "state", "quarantined"))
        return lib_refuse(call, LIB_PRECONDITION, "state: the pack was neither returned nor kept apart");
    if (lib_text_is(old, "mark", "illegitimate") || lib_text_is(old, "by", "regulator"))
        return lib_refuse(call, LIB_INVARIANT, "state: the pack is illegitimate, or was kept apart by the regulator");
    lot = lib_text_is(old, "lot", lib_in_text(call, "lot"));
    expiry = lib_text_is(old, "exp", lib_in_text(call, "expiry"));
    if (!lot || !expiry)
        return lib_refuse(call, LIB_INVARIANT, "No_match_GTIN_Serial%s%s: the pack is not what it says",
                          lot ? "" : "_Lot", expiry ? "" : "_Expiry");
    if ((st = supply_is_recalled(call, lib_text(old, "gtin"), lib_text(old, "lot"), &recalled)) != FCC_OK)
        return st;
    if (recalled || supply_is_expired(call, lib_text(old, "exp")))
        return lib_refuse(call, LIB_INVARIANT,
                          recalled ? "recalled: the pack is of a lot that is recalled"
                                   : "expired: the pack is past its expiry");
    if ((st = supply_next(&act, &packs.v[0])) != FCC_OK ||
        (st = lib_set(packs.v[0].next, "state", lib_text(old, "from") ? "received" : "commissioned")) != FCC_OK ||
        (st = lib_set(packs.v[0].next, "mark", NULL)) != FCC_OK ||
        (st = lib_set(packs.v[0].next, "why", NULL)) != FCC_OK || (st = lib_set(packs.v[0].next, "by", NULL)) != FCC_OK)
        return st;
    return finish(&act, &packs.v[0], NULL);
}

static fcc_status supply_destroy(lib_call *call)
{
    supply_act act = supply_act_of(call, "destroy");
    supply_items packs = { 0 };
    fcc_status st;

    if ((st = read_pack(&act, &packs)) != FCC_OK || (st = require_in_hand(&act, packs.v[0].old)) != FCC_OK ||
        (st = supply_next(&act, &packs.v[0])) != FCC_OK ||
        (st = lib_set(packs.v[0].next, "state", "destroyed")) != FCC_OK ||
        (st = supply_have_not(call, act.site, &packs.v[0])) != FCC_OK)
        return st;
    return finish(&act, &packs.v[0], lib_in_text(call, "reasonCode"));
}
