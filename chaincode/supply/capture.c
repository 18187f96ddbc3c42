/*
 * capture.c: EPCIS 2.0 events of trading partners. Of each, the ledger keeps the event hash of the Core Business
 * Vocabulary, the hash of the document (which stays in the partners' blob stores) and which keys it is about. One that
 * tells of a commissioning, a packing, a shipment or a receipt that the caller could make by the function of that name is
 * carried out as well.
 */
#include <stdio.h>

#include "lib/gs1_uri.h"
#include "lib/json.h"
#include "supply/epcis.h"
#include "supply/parts.h"

enum { MAX_KEYS = 1000 /* GS1 keys in one call */ };

static const lib_field capture_fields[] = { { .name = "event", .type = LIB_OBJECT }, SUPPLY_SALT };

LIB_DEFINE(supply_capture_epcis, .flags = LIB_WRITES, .roles = SUPPLY_STAFF, .in = LIB_IN_REQUIRED,
           LIB_FIELDS(capture_fields), .callers = "any trading partner",
           .reads = "the partner's credential; ACT; packs SALT, and what the event's own function reads",
           .writes = "packs EPC, DEED; ACT; what the event's own function writes", .endorsers = "SU",
           .answer = "`{\"events\":[{\"id\",\"outcome\"}]}`, outcome `applied`, `recorded` or `known`")

/* ---- what an event names ---- */

/* A key of GS1 under its canonical name, however the event writes it. */
static bool name_of(const json_t *value, struct gs1_name *out)
{
    const char *uri = json_string_value(value);
    char canonical[GS1_URI_SIZE];

    return uri && gs1_uri_canonical(uri, canonical) && gs1_uri_read(canonical, out);
}

static bool is_pack(const struct gs1_name *name)
{
    return strcmp(name->ai, "01") == 0 && *name->serial && gs1_is_key(name->key, GS1_GTIN);
}

static bool is_container(const struct gs1_name *name)
{
    return strcmp(name->ai, "00") == 0 && gs1_is_key(name->key, GS1_SSCC);
}

/* The event's list of packs and containers as T has it; NULL when there is anything else in it. */
static json_t *children_of(lib_call *call, const json_t *list)
{
    json_t *children = lib_own(call, json_array());
    struct gs1_name name;

    for (size_t i = 0; children && i < json_array_size(list); i++) {
        json_t *child = NULL;

        if (!name_of(json_array_get(list, i), &name))
            return NULL;
        if (is_pack(&name))
            child = json_pack("{s:s,s:s}", "gtin", name.key, "serial", name.serial);
        else if (is_container(&name))
            child = json_pack("{s:s}", "sscc", name.key);
        if (!child || json_array_append_new(children, child) != 0)
            return NULL;
    }
    return children && json_array_size(children) ? children : NULL;
}

/* What was observed, as Ship and Receive take it: packs, or one container. */
static bool moving_of(lib_call *call, const json_t *event, struct supply_moving *out)
{
    const json_t *children = children_of(call, json_object_get(event, "epcList"));

    if (!children || json_object_get(event, "quantityList"))
        return false;
    if (json_array_size(children) == 1 && lib_text(json_array_get(children, 0), "sscc")) {
        out->sscc = lib_text(json_array_get(children, 0), "sscc");
        return true;
    }
    for (size_t i = 0; i < json_array_size(children); i++)
        if (lib_text(json_array_get(children, i), "sscc"))
            return false;
    out->packs = children;
    return true;
}

/* Where the shipment goes: the location, if it is said, else the party. */
static const char *destination_of(lib_call *call, const json_t *event)
{
    const json_t *list = json_object_get(event, "destinationList");
    const char *found = NULL;
    struct gs1_name name;

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        const bool location = epcis_is_term(EPCIS_SOURCE_DEST, lib_text(one, "type"), "location");

        if ((found && !location) || !name_of(json_object_get(one, "destination"), &name) ||
            (strcmp(name.ai, "414") != 0 && strcmp(name.ai, "417") != 0) || !gs1_is_key(name.key, GS1_GLN))
            continue;
        found = lib_string(call, fcc_str(name.key));
    }
    return found;
}

/* Lot and expiry of what was commissioned: "2027-12-31" is 271231. */
static bool making_of(lib_call *call, const json_t *event, struct supply_making *out)
{
    const json_t *ilmd = json_object_get(event, "ilmd"),
                 *children = children_of(call, json_object_get(event, "epcList"));
    const char *expiry = lib_text(ilmd, "cbvmda:itemExpirationDate");
    json_t *serials = lib_own(call, json_array());
    char date[GS1_DATE + 1];
    int64_t epoch;

    out->lot = lib_text(ilmd, "cbvmda:lotNumber");
    out->gtin = lib_text(json_array_get(children, 0), "gtin");
    if (!out->gtin || !out->lot || !gs1_is_cset82(out->lot, GS1_SERIAL) || !expiry || strlen(expiry) < 10 ||
        json_object_get(event, "quantityList"))
        return false;
    snprintf(date, sizeof(date), "%.2s%.2s%.2s", expiry + 2, expiry + 5, expiry + 8);
    if (!lib_date_parse(expiry, &epoch) || !gs1_is_yymmdd(date))
        return false;
    for (size_t i = 0; i < json_array_size(children); i++) {
        const json_t *child = json_array_get(children, i);

        if (!lib_text_is(child, "gtin", out->gtin) || json_array_append(serials, json_object_get(child, "serial")) != 0)
            return false;
    }
    out->serials = serials;
    out->expiry = lib_string(call, fcc_str(date));
    return out->expiry != NULL;
}

/* ---- carrying out ---- */

/* Whether it happened where the caller is: an event that says nothing about it did. */
static bool is_here(const supply_act *act, const json_t *event)
{
    static const char *const places[] = { "readPoint", "bizLocation" };
    struct gs1_name name;

    for (size_t i = 0; i < 2; i++) {
        const json_t *place = json_object_get(event, places[i]);

        if (place && (!name_of(json_object_get(place, "id"), &name) || strcmp(name.ai, "414") != 0 ||
                      strcmp(name.key, act->site) != 0))
            return false;
    }
    return true;
}

/*
 * As the function of that name would do it; *applied tells whether it was done. What the caller could not do, or what
 * says more than the function takes, is recorded only.
 */
static fcc_status carry_out(supply_act *act, const json_t *event, bool *applied)
{
    const char *step = lib_text(event, "bizStep");
    const bool object = lib_text_is(event, "type", "ObjectEvent");
    const bool aggregation = lib_text_is(event, "type", "AggregationEvent");
    const bool added = lib_text_is(event, "action", "ADD"), observed = lib_text_is(event, "action", "OBSERVE");
    struct supply_moving moving = { 0 };
    struct supply_making making = { 0 };
    struct gs1_name parent;
    json_t *children;
    fcc_status st = FCC_ERR_APP;

    *applied = false;
    act->trying = act->refused = true;
    if (!is_here(act, event) || json_object_get(event, "errorDeclaration")) {
        /* a correction, or told by somebody who was not there */
    } else if (object && added && epcis_is_term(EPCIS_BIZ_STEP, step, "commissioning")) {
        act->what = "commission";
        if (making_of(act->call, event, &making))
            st = supply_do_commission(act, &making);
    } else if (aggregation && added && epcis_is_term(EPCIS_BIZ_STEP, step, "packing")) {
        act->what = "pack";
        children = children_of(act->call, json_object_get(event, "childEPCs"));
        if (children && !json_object_get(event, "childQuantityList") &&
            name_of(json_object_get(event, "parentID"), &parent) && is_container(&parent))
            st = supply_do_pack(act, lib_string(act->call, fcc_str(parent.key)), children);
    } else if (object && observed && epcis_is_term(EPCIS_BIZ_STEP, step, "shipping")) {
        act->what = "ship";
        moving.to = destination_of(act->call, event);
        if (moving.to && moving_of(act->call, event, &moving))
            st = supply_do_ship(act, &moving);
    } else if (object && observed && epcis_is_term(EPCIS_BIZ_STEP, step, "receiving")) {
        act->what = "receive";
        if (moving_of(act->call, event, &moving))
            st = supply_do_receive(act, &moving);
    }
    *applied = st == FCC_OK;
    return st == FCC_ERR_APP && act->refused ? FCC_OK : st;
}

/* ---- what is kept ---- */

/* One event on its way onto the ledger. */
struct captured {
    const json_t *event;
    char hash[EPCIS_HASH];
    char id[LIB_TAG_HEX_SIZE]; /* of its public act: the hash, but not to be guessed */
    bool known;
};

/* An index entry for each GS1 key that the event is about. */
static fcc_status index_keys(lib_call *call, const struct captured *one, const char *salt, const char *blob,
                             size_t *count)
{
    static const char *const lists[] = { "epcList", "childEPCs", "inputEPCList", "outputEPCList" };
    const char *event_id = lib_text(one->event, "eventID");
    char uri[GS1_URI_SIZE], key[2 * LIB_SHA256_LEN + 1], event_key[2 * LIB_SHA256_LEN + 1], own[LIB_TAG_HEX_SIZE];
    char identity[GS1_URI_MAX + LIB_TAG_HEX_SIZE + 1];
    fcc_status st;

    /* its act's id as well: nobody takes somebody else's entry by giving an event the same name */
    snprintf(identity, sizeof(identity), "%s~%s", event_id ? event_id : one->hash, one->id);
    if (!lib_sha256_hex(fcc_str(identity), event_key))
        return FCC_ERR_NOMEM;
    for (size_t l = 0; l < sizeof(lists) / sizeof(lists[0]) + 1; l++) {
        const bool parent = l == sizeof(lists) / sizeof(lists[0]);
        const json_t *list = parent ? NULL : json_object_get(one->event, lists[l]);
        const size_t n = parent ? 1 : json_array_size(list);

        for (size_t i = 0; i < n; i++) {
            const char *written = parent ? lib_text(one->event, "parentID")
                                         : json_string_value(json_array_get(list, i));
            fcc_bytes where;

            if (!written)
                continue;
            if (++*count > MAX_KEYS)
                return lib_refuse(call, LIB_LIMIT, "more than %d keys in one call", MAX_KEYS);
            if (!lib_sha256_hex(fcc_str(gs1_uri_canonical(written, uri) ? uri : written), key))
                return FCC_ERR_NOMEM;
            where = lib_key(call, "EPC", key, event_key, NULL);
            if ((st = lib_derive_id(call, salt, where, own)) != FCC_OK ||
                (st = lib_write(call, SUPPLY_PACKS, where,
                                json_pack("{s:i,s:s,s:s,s:s,s:O,s:O,s:O*,s:s,s:s}", "fmt", 1, "act", one->id, "hash",
                                          one->hash, "blob", blob, "type", json_object_get(one->event, "type"),
                                          "eventTime", json_object_get(one->event, "eventTime"), "bizStep",
                                          json_object_get(one->event, "bizStep"), "site", call->caller.site, "salt",
                                          own))) != FCC_OK)
                return st;
        }
    }
    return FCC_OK;
}

/* The events of T with their hashes; numbers as they were written. */
static fcc_status read_events(lib_call *call, epcis_events *out)
{
    const json_t *in = lib_own(call, epcis_load(fcc_transient(call->stub, FCC_LIT("in"))));
    char why[EPCIS_WHY] = "not to be read";

    if (!in || !epcis_read(json_object_get(in, "event"), out, why))
        return lib_refuse(call, LIB_BAD_INPUT, "event: %s", why);
    return FCC_OK;
}

/*
 * What tells this event from all others: its hash; and that it declares an error, which is no part of the hash, since the
 * event that was wrong has the same one.
 */
static bool identity_of(const struct captured *one, char out[2 * EPCIS_HASH])
{
    const json_t *declaration = json_object_get(one->event, "errorDeclaration");
    uint8_t digest[LIB_SHA256_LEN];

    memcpy(out, one->hash, EPCIS_HASH);
    if (!declaration)
        return true;
    if (!lib_json_hash(declaration, digest))
        return false;
    lib_to_hex(digest, sizeof(digest), out + EPCIS_HASH - 1);
    return true;
}

static fcc_status identify(lib_call *call, const epcis_events *events, const char *tag_salt, struct captured *all,
                           bool *any_new)
{
    fcc_status st;

    *any_new = false;
    for (size_t i = 0; i < events->n; i++) {
        struct captured *one = &all[i];
        char identity[2 * EPCIS_HASH];
        const json_t *act = NULL;

        one->event = events->v[i];
        if (!epcis_hash(events, i, one->hash) || !identity_of(one, identity))
            return FCC_ERR_NOMEM;
        if ((st = lib_tag(tag_salt, fcc_str(identity), one->id)) != FCC_OK ||
            (st = lib_read(call, NULL, lib_key(call, "ACT", one->id, NULL, NULL), &act)) != FCC_OK)
            return st;
        one->known = act != NULL;
        for (size_t k = 0; k < i; k++)
            one->known = one->known || strcmp(all[k].id, one->id) == 0;
        *any_new = *any_new || !one->known;
    }
    return FCC_OK;
}

/* Its record and act, its index, and what it does by itself: only when it is alone, since a call doesn't see its own writes. */
static fcc_status keep(lib_call *call, const struct captured *one, bool alone, const char *blob, size_t *keys,
                       json_t *answer)
{
    const char *outcome = "known", *salt = lib_in_text(call, "salt");
    char own[LIB_TAG_HEX_SIZE], done_id[LIB_TAG_HEX_SIZE];
    supply_act act = supply_act_of(call, "event"), done = act;
    bool applied = false;
    fcc_status st = FCC_OK;

    if (!one->known) {
        if ((st = lib_derive_id(call, salt, lib_key(call, "EVENT", one->id, NULL, NULL), own)) != FCC_OK ||
            (st = lib_derive_id(call, own, lib_key(call, "DONE", one->id, NULL, NULL), done_id)) != FCC_OK)
            return st;
        done.id = done_id;
        done.salt = done_id;
        if (alone && (st = carry_out(&done, one->event, &applied)) != FCC_OK)
            return st;
        outcome = applied ? "applied" : "recorded";
        act.id = one->id;
        act.salt = own;
        if ((st = index_keys(call, one, own, blob, keys)) != FCC_OK ||
            (st = supply_write_deed(&act, json_pack("{s:s,s:s,s:O,s:O,s:O*,s:s,s:s*}", "hash", one->hash, "blob", blob,
                                                    "type", json_object_get(one->event, "type"), "eventTime",
                                                    json_object_get(one->event, "eventTime"), "eventID",
                                                    json_object_get(one->event, "eventID"), "outcome", outcome, "done",
                                                    applied ? done_id : NULL))) != FCC_OK)
            return st;
    }
    return json_array_append_new(answer, json_pack("{s:s,s:s}", "id", one->id, "outcome", outcome)) == 0
               ? FCC_OK
               : FCC_ERR_NOMEM;
}

static fcc_status supply_capture_epcis(lib_call *call)
{
    supply_act act = supply_act_of(call, "event");
    struct captured *all;
    json_t *answer = lib_own(call, json_array());
    char blob[2 * LIB_SHA256_LEN + 1];
    uint8_t digest[LIB_SHA256_LEN];
    const char *tag_salt = NULL;
    epcis_events events;
    bool any_new = false;
    size_t keys = 0;
    fcc_status st;

    if ((st = read_events(call, &events)) != FCC_OK || (st = supply_salt(call, &tag_salt)) != FCC_OK ||
        (st = supply_require_partner(&act, act.site, "the own site")) != FCC_OK)
        return st;
    all = fcc_alloc(call->stub, events.n * sizeof(*all));
    if (!all || !answer || !lib_json_hash(lib_in(call, "event"), digest))
        return FCC_ERR_NOMEM;
    lib_to_hex(digest, sizeof(digest), blob);
    if ((st = identify(call, &events, tag_salt, all, &any_new)) != FCC_OK)
        return st;
    if (!any_new)
        return lib_refuse(call, LIB_ALREADY, "the event was captured before");
    for (size_t i = 0; i < events.n && st == FCC_OK; i++)
        st = keep(call, &all[i], events.n == 1, blob, &keys, answer);
    return st == FCC_OK ? lib_answer(call, json_pack("{s:O}", "events", answer)) : st;
}

/* ---- what was captured about a pack ---- */

fcc_status supply_list_events(lib_call *call, const char *gtin, const char *serial, json_t *out)
{
    static const char *const kept[] = { "act", "hash", "blob", "type", "eventTime", "bizStep", "site" };
    json_t *all = lib_own(call, json_array());
    char link[GS1_URI_SIZE], key[2 * LIB_SHA256_LEN + 1];
    fcc_status st;

    gs1_uri_of_pack(gtin, serial, link);
    if (!all || !lib_sha256_hex(fcc_str(link), key))
        return FCC_ERR_NOMEM;
    if ((st = supply_list(call, "EPC", key, NULL, all)) != FCC_OK)
        return st;
    for (size_t i = 0; i < json_array_size(all); i++) {
        json_t *shown = json_object();

        for (size_t k = 0; shown && k < sizeof(kept) / sizeof(kept[0]); k++) {
            json_t *value = json_object_get(json_array_get(all, i), kept[k]);

            if (value)
                json_object_set(shown, kept[k], value);
        }
        if (json_array_append_new(out, shown) != 0)
            return FCC_ERR_NOMEM;
    }
    return FCC_OK;
}
