/*
 * trace.c: where a pack has been: its own movements and, while it lay in a container, those of the container, and of the
 * one that held that one; then the events that were captured about it.
 */
#include <stdio.h>

#include "supply/parts.h"

static const lib_field trace_fields[] = { SUPPLY_GTIN, SUPPLY_SERIAL };

LIB_DEFINE(
    supply_trace, .roles = SUPPLY_STAFF | LIB_AUDITOR | LIB_ADMIN, .in = LIB_IN_REQUIRED, LIB_FIELDS(trace_fields),
    .callers = "auditor; admin of R; maker, holder, addressee", .reads = "PROD; packs PACK, MOVE, SSCC, SSCCV, EPC",
    .answer = "`{\"events\":[…],\"moves\":[{\"act\"?,\"at\",\"left\"?,\"site\",\"sscc\"?,\"state\",\"what\",…}]}`, "
              "oldest first")

static fcc_status append(json_t *out, const json_t *entry, const char *sscc)
{
    static const char *const kept[] = { "what",  "act",    "at",   "site", "uid", "why",
                                        "state", "holder", "from", "to",   "in",  "left" };
    json_t *shown = json_object();

    for (size_t i = 0; shown && i < sizeof(kept) / sizeof(kept[0]); i++) {
        json_t *value = json_object_get(entry, kept[i]);

        if (value)
            json_object_set(shown, kept[i], value);
    }
    if (shown && sscc)
        json_object_set_new(shown, "sscc", json_string(sscc));
    return json_array_append_new(out, shown) == 0 ? FCC_OK : FCC_ERR_NOMEM;
}

/* The entry of `list` behind `i` in which something is taken out of `sscc`: the act that ends its stay there. */
static const char *stay_ends(const json_t *list, size_t i, const char *sscc)
{
    for (i++; i < json_array_size(list); i++)
        if (!lib_text_is(json_array_get(list, i), "in", sscc))
            return lib_text(json_array_get(list, i), "act");
    return NULL;
}

/* What happened to a container behind its version `since`, before the act `until` (NULL: to this day). */
static fcc_status follow(lib_call *call, const char *sscc, int64_t since, const char *until, int level, json_t *out)
{
    json_t *versions = lib_own(call, json_array());
    fcc_status st;

    if (!versions)
        return FCC_ERR_NOMEM;
    if (level > SUPPLY_LEVELS)
        return fcc_fail(call->stub, FCC_ERR_CORRUPT, "a container lies in itself");
    st = supply_list(call, "SSCCV", sscc, NULL, versions);
    for (size_t i = 0; i < json_array_size(versions) && st == FCC_OK; i++) {
        const json_t *now = json_array_get(versions, i), *before = i ? json_array_get(versions, i - 1) : NULL;
        const char *in = lib_text(now, "in");
        const bool entered = in && !lib_text(before, "in"), left = !in && lib_text(before, "in");

        if (lib_version(now) <= since)
            continue;
        if (until && lib_text_is(now, "act", until))
            break;
        if (entered || left || lib_text_is(now, "what", "ship") || lib_text_is(now, "what", "receive"))
            st = append(out, now, sscc);
        if (st == FCC_OK && entered)
            st = follow(call, in, supply_int(now, "inV"), stay_ends(versions, i, in), level + 1, out);
    }
    return st;
}

static fcc_status supply_trace(lib_call *call)
{
    const char *gtin = lib_in_text(call, "gtin"), *serial = lib_in_text(call, "serial");
    json_t *moves = lib_own(call, json_array()), *out = lib_own(call, json_array()),
           *events = lib_own(call, json_array());
    const json_t *pack = NULL;
    fcc_status st = supply_refuse_other_admins(call);

    if (st != FCC_OK || (st = lib_read(call, SUPPLY_PACKS, lib_key(call, "PACK", gtin, serial, NULL), &pack)) != FCC_OK)
        return st;
    if (!moves || !out || !events)
        return FCC_ERR_NOMEM;
    if (!pack)
        return lib_refuse(call, LIB_NOT_FOUND, "No_match_GTIN_Serial: the pack is not known");
    if ((st = supply_require_concerned(call, pack)) != FCC_OK ||
        (st = supply_list(call, "MOVE", gtin, serial, moves)) != FCC_OK)
        return st;
    for (size_t i = 0; i < json_array_size(moves) && st == FCC_OK; i++) {
        const json_t *move = json_array_get(moves, i), *before = i ? json_array_get(moves, i - 1) : NULL;
        const char *in = lib_text(move, "in");

        st = append(out, move, NULL);
        if (st == FCC_OK && in && !lib_text(before, "in"))
            st = follow(call, in, supply_int(move, "inV"), stay_ends(moves, i, in), 1, out);
    }
    if (st == FCC_OK)
        st = supply_list_events(call, gtin, serial, events);
    return st == FCC_OK ? lib_answer(call, json_pack("{s:O,s:O}", "moves", out, "events", events)) : st;
}
