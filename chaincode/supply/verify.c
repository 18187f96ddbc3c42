/*
 * verify.c: whether a pack is what it says, for any trading partner who has it in the hand: the verification request of
 * the US DSCSA and the EU's 2016/161, with the reason codes of GS1's Lightweight Messaging Standard for Verification of
 * Product Identifiers.
 */
#include "supply/parts.h"

static const lib_field verify_fields[] = { SUPPLY_GTIN, SUPPLY_SERIAL, SUPPLY_LOT, SUPPLY_EXPIRY };

LIB_DEFINE(supply_verify_pack, .flags = LIB_TIMED, .roles = SUPPLY_STAFF, .in = LIB_IN_REQUIRED,
           LIB_FIELDS(verify_fields), .callers = "any trading partner",
           .reads = "the partner's credential; RECALL; packs PACK", .answer = "`{\"reason\"?,\"verified\"}`")

/* NULL: nothing is to be said against it. What is printed comes first, then what became of the pack. */
static fcc_status reason_against(supply_act *act, const json_t *pack, const char **reason)
{
    lib_call *call = act->call;
    const bool lot = lib_text_is(pack, "lot", lib_in_text(call, "lot"));
    const bool expiry = lib_text_is(pack, "exp", lib_in_text(call, "expiry"));
    bool recalled = false;
    fcc_status st = FCC_OK;

    *reason = NULL;
    if (!pack)
        *reason = "No_match_GTIN_Serial";
    else if (!lot || !expiry)
        *reason = lot      ? "No_match_GTIN_Serial_Expiry"
                  : expiry ? "No_match_GTIN_Serial_Lot"
                           : "No_match_GTIN_Serial_Lot_Expiry";
    if (*reason || (st = supply_is_recalled(call, lib_text(pack, "gtin"), lib_text(pack, "lot"), &recalled)) != FCC_OK)
        return st;
    if (supply_is_gone(pack))
        *reason = "Not_for_re-distribution";
    else if (recalled)
        *reason = "Recalled";
    else if (lib_text_is(pack, "state", "quarantined"))
        *reason = lib_text_is(pack, "mark", "illegitimate") ? "Illegitimate" : "Suspect";
    else if (supply_is_expired(call, lib_text(pack, "exp")))
        *reason = "Expired";
    return FCC_OK;
}

static fcc_status supply_verify_pack(lib_call *call)
{
    supply_act act = supply_act_of(call, "verify");
    const fcc_bytes key = lib_key(call, "PACK", lib_in_text(call, "gtin"), lib_in_text(call, "serial"), NULL);
    const json_t *pack = NULL;
    const char *reason = NULL;
    fcc_status st;

    if ((st = supply_require_partner(&act, act.site, "the own site")) != FCC_OK ||
        (st = lib_read(call, SUPPLY_PACKS, key, &pack)) != FCC_OK ||
        (st = reason_against(&act, pack, &reason)) != FCC_OK)
        return st;
    return lib_answer(call, json_pack("{s:b,s:s*}", "verified", !reason, "reason", reason));
}
