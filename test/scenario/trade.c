/*
 * trade.c, behind steps 17 to 19: what is ordered and paid, a pack that travels by EPCIS events, one that is suspected,
 * looked at and returned, and who may know where it has been.
 */
#include "scenario.h"

#include <string.h>

enum { BY_EVENT = 21 /* of lot a1: still at M */ };

static json_t *step_of(scene *s, const char *ref)
{
    return json_pack("{s:s, s:s}", "ref", ref, "salt", scene_salt(s));
}

static json_t *with(json_t *object, const char *name, json_t *value)
{
    json_object_set_new(object, name, value);
    return object;
}

/* ---- an order ---- */

static void order(scene *s)
{
    char ref[SCENE_ID];

    scene_id(ref);
    scene_invoke(s, WHO_W, END_MD, "supply", "PlaceOrder",
                 json_pack("{s:s, s:s, s:[{s:s, s:i, s:i}], s:s, s:s}", "ref", ref, "seller", scene_site(WHO_M),
                           "lines", "gtin", s->gtin, "packs", 10, "price", 1999, "currency", "EUR", "salt",
                           scene_salt(s)),
                 NULL);
    scene_ok(s, "trade: W orders from M");
    scene_invoke(s, WHO_W, END_MD, "supply", "AcceptOrder", step_of(s, ref), NULL);
    scene_refused(s, "trade: W accepts it", 403, "DENIED:not_seller");
    scene_query(s, WHO_P1, END_PHARMACY, "supply", "GetOrder", json_pack("{s:s}", "ref", ref), NULL);
    scene_refused(s, "trade: P1 asks for it", 403, "DENIED:not_party");
    scene_invoke(s, WHO_M, END_MD, "supply", "AcceptOrder", step_of(s, ref), NULL);
    scene_ok(s, "trade: M accepts");
    scene_invoke(s, WHO_M, END_MD, "supply", "ConfirmPayment",
                 with(step_of(s, ref), "payment", json_string("INV-4711")), NULL);
    scene_refused(s, "trade: paid before it is delivered", 412, "PRECONDITION");
    scene_invoke(s, WHO_M, END_MD, "supply", "DeliverOrder",
                 with(step_of(s, ref), "shipments", json_pack("[s]", "shipment-1")), NULL);
    scene_ok(s, "trade: M delivers");
    scene_invoke(s, WHO_W, END_MD, "supply", "Dispute", with(step_of(s, ref), "reasonCode", json_string("missing")),
                 NULL);
    scene_ok(s, "trade: W disputes");
    scene_invoke(s, WHO_M, END_MD, "supply", "ConfirmPayment",
                 with(step_of(s, ref), "payment", json_string("INV-4711")), NULL);
    scene_ok(s, "trade: M confirms the payment, which settles it");
}

/* ---- events ---- */

/* A pack observed at a step, on its way to a place (NULL: none). */
static json_t *observed(scene *s, const char *action, const char *step, const char *serial, const char *to)
{
    json_t *event = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:[o]}", "@context", "https://ref.gs1.org/standards/epcis/epcis-context.jsonld",
        "type", "ObjectEvent", "eventTime", scene_time(s, 0), "eventTimeZoneOffset", "+00:00", "action", action,
        "bizStep", step, "epcList", json_sprintf("https://id.gs1.org/01/%s/21/%s", s->gtin, serial));

    if (to)
        json_object_set_new(event, "destinationList",
                            json_pack("[{s:s, s:o}]", "type", "location", "destination",
                                      json_sprintf("https://id.gs1.org/414/%s", to)));
    return json_pack("{s:o, s:s}", "event", event, "salt", scene_salt(s));
}

static void captured(scene *s, scene_who who, json_t *in, const char *outcome, const char *name)
{
    scene_invoke(s, who, END_MD, "supply", "CaptureEPCIS", in, NULL);
    scene_check(
        s,
        s->st == FCC_OK &&
            strcmp(scene_text_of(json_array_get(json_object_get(s->payload, "events"), 0), "outcome"), outcome) == 0,
        "%s: %s", name, outcome);
}

static void events(scene *s, const char *serial)
{
    json_t *shipping = observed(s, "OBSERVE", "shipping", serial, scene_site(WHO_W));

    captured(s, WHO_W, observed(s, "OBSERVE", "shipping", serial, scene_site(WHO_P1)), "recorded",
             "trade: W says that it ships what M has");
    captured(s, WHO_M, json_incref(shipping), "applied", "trade: M's event ships a pack to W");
    scene_invoke(s, WHO_M, END_MD, "supply", "CaptureEPCIS", shipping, NULL);
    scene_refused(s, "trade: again", 409, "ALREADY");
    captured(s, WHO_W, observed(s, "OBSERVE", "receiving", serial, NULL), "applied", "trade: W's event receives it");
    scene_invoke(s, WHO_W, END_MD, "supply", "CaptureEPCIS", observed(s, "CREATE", "holding", serial, NULL), NULL);
    scene_refused(s, "trade: an event with an unknown action", 400, "BAD_INPUT");
}

/* ---- a suspicion ---- */

static json_t *about(scene *s, const char *serial)
{
    char id[SCENE_ID];

    scene_id(id);
    return json_pack("{s:s, s:o, s:s}", "id", id, "pack", scene_pack(s->gtin, serial), "salt", scene_salt(s));
}

static json_t *returning(scene *s, const char *serial)
{
    char id[SCENE_ID];

    scene_id(id);
    return json_pack("{s:s, s:[o], s:s, s:s, s:s}", "id", id, "packs", scene_pack(s->gtin, serial), "toGln",
                     scene_site(WHO_M), "reason", "return", "salt", scene_salt(s));
}

static void suspicion(scene *s, const char *serial)
{
    json_t *in;
    char id[SCENE_ID];

    scene_invoke(s, WHO_P1, END_DP, "supply", "Quarantine", with(about(s, serial), "reasonCode", json_string("label")),
                 NULL);
    scene_refused(s, "trade: P1 quarantines what W has", 403, "DENIED:not_holder");
    scene_invoke(s, WHO_R, END_MD, "supply", "Quarantine",
                 with(about(s, scene_serial(s, 'a', BY_EVENT + 1)), "reasonCode", json_string("unverified")), NULL);
    scene_ok(s, "trade: R quarantines a pack of M's");
    scene_invoke(s, WHO_W, END_DP, "supply", "Quarantine", with(about(s, serial), "reasonCode", json_string("label")),
                 NULL);
    scene_ok(s, "trade: W quarantines its own");
    scene_invoke(s, WHO_W, END_MD, "supply", "Ship", returning(s, serial), NULL);
    scene_refused(s, "trade: W ships it", 422, "INVARIANT");
    in = with(about(s, serial), "lot", json_string("a1"));
    scene_invoke(s, WHO_W, END_MD, "supply", "Restock", with(in, "expiry", json_string("391130")), NULL);
    scene_refused(s, "trade: restocked with another expiry on it", 422, "INVARIANT");
    in = with(about(s, serial), "lot", json_string("a1"));
    scene_invoke(s, WHO_W, END_MD, "supply", "Restock", with(in, "expiry", json_string("391231")), NULL);
    scene_ok(s, "trade: W has looked at it and restocks");
    scene_invoke(s, WHO_W, END_MD, "supply", "Ship", returning(s, serial), NULL);
    scene_ok(s, "trade: and returns it to M");
    scene_id(id);
    scene_invoke(s, WHO_M, END_MD, "supply", "Receive",
                 json_pack("{s:s, s:[o], s:s}", "id", id, "packs", scene_pack(s->gtin, serial), "salt", scene_salt(s)),
                 NULL);
    scene_ok(s, "trade: M receives it back");
}

/* ---- where it has been ---- */

static void trace(scene *s, const char *serial)
{
    static const char *const steps[] = { "commission", "ship", "receive", "quarantine", "restock", "ship", "receive" };
    const json_t *moves;
    bool right;

    scene_query(s, WHO_V, END_INSPECTOR, "supply", "Trace", scene_pack(s->gtin, serial), NULL);
    moves = json_object_get(s->payload, "moves");
    right = s->st == FCC_OK && json_array_size(moves) == sizeof(steps) / sizeof(steps[0]) &&
            json_array_size(json_object_get(s->payload, "events")) == 3;
    for (size_t i = 0; right && i < sizeof(steps) / sizeof(steps[0]); i++)
        right = strcmp(scene_text_of(json_array_get(moves, i), "what"), steps[i]) == 0;
    scene_check(s, right, "trade: V traces it on V's own peer: every step and event, in order");
    scene_query(s, WHO_P1, END_PHARMACY, "supply", "Trace", scene_pack(s->gtin, serial), NULL);
    scene_refused(s, "trade: P1 traces what it never had", 403, "DENIED:not_holder");
    scene_query(s, WHO_I, END_PHARMACY, "supply", "Trace", scene_pack(s->gtin, serial), NULL);
    scene_refused(s, "trade: the insurer traces it", 403, "DENIED:role");
}

void scene_trade(scene *s)
{
    const char *serial = scene_serial(s, 'a', BY_EVENT);

    order(s);
    events(s, serial);
    suspicion(s, serial);
    trace(s, serial);
}
