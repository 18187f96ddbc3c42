/*
 * supply.c: random histories of the chaincode supply: one holder at a time; received only by whom it was shipped to, once;
 * nothing in two containers; a serial once and for ever; 0 <= left <= unitsPerPack; what is recalled, expired or kept
 * apart neither ships nor goes out. `prescriptions` is a chaincode here that passes on what it is asked.
 */
#include "test/property/property.h"

#include <stdlib.h>

#include "test/unit/chaincode/supply/goods.h"

enum { WHOLE_RX = 30, WHOLE_OTC = 20, MOST_THINGS = 4 };

/* clang-format off */
static const struct person people[] = {
    { .name = "sup1", .msp = "ManufacturerMSP", .role = "supplychain", .uid = "sup1", .site = M1, .key = "31" },
    { .name = "sup4", .msp = "ManufacturerMSP", .role = "supplychain", .uid = "sup4", .site = M2, .key = "34" },
    { .name = "sup2", .msp = "DistributorMSP", .role = "supplychain", .uid = "sup2", .site = D1, .key = "32" },
    { .name = "sup3", .msp = "PharmacyMSP", .role = "supplychain", .uid = "sup3", .site = P1, .key = "33" },
    { .name = "ph1", .msp = "PharmacyMSP", .role = "pharmacist", .uid = "ph1", .site = P1, .key = "17" },
    { .name = "n1", .msp = "HospitalMSP", .role = "nurse", .uid = "n1", .site = H1, .key = "11" },
    { .name = "d3", .msp = "ClinicMSP", .role = "doctor", .uid = "d3", .site = C1, .key = "03" },
    { .name = "adm3", .msp = "PharmacyMSP", .role = "admin", .uid = "adm3", .site = P1, .key = "25", .admin = true },
    { .name = "admr", .msp = "RegulatorMSP", .role = "admin", .uid = "admr", .site = A1, .key = "19", .admin = true },
    { .name = "aud1", .msp = "RegulatorMSP", .role = "auditor", .uid = "aud1", .site = A1, .key = "18" },
    { .name = "stray", .msp = "DistributorMSP", .role = "supplychain", .uid = "sup2", .site = D1, .key = "x1",
      .impostor = "the key is bound to nobody" },
    { .name = "promoted", .msp = "PharmacyMSP", .role = "pharmacist", .uid = "sup3", .site = P1, .key = "33",
      .impostor = "the person has no such role" },
    { 0 }
};
/* cases, prices, what events say; packs are named by the chaincode that passes on */
static const char *const secrets[] = { "34000000000000", "987654321", "itemExpirationDate", NULL };
/* clang-format on */

static const char *const sites[] = { M1, D1, D1, P1, P1, H1, C1 };

/* ---- the channel ---- */

static void begin(struct run *run)
{
    health_start(supply_orgs);
    install_supply("supply", &supply_chaincode);
    install_asking();
    run->channel = world;
    run_line(run, "adm3 supply.Setup < {\"salt\":\"" FP("5b") "\"}");
    run_line(run, "sup1 supply.RegisterProduct " GTIN_RX " [{\"system\":\"urn:x\",\"code\":\"1\"}] a b c 30 false true "
                  "[\"DE\"] medicine");
    run_line(run,
             "sup1 supply.RegisterProduct " GTIN_OTC " [{\"system\":\"urn:x\",\"code\":\"2\"}] a b c 20 true false "
             "[\"DE\"] ointment");
    run_line(run, "block");
    for (int i = 0; i < 3; i++)
        run_line(
            run,
            "sup1 supply.Commission < {\"id\":\"%s\",\"gtin\":\"" GTIN_RX
            "\",\"lot\":\"L%d\",\"expiry\":\"260%d00\",\"serials\":[\"s1%d0\",\"s1%d1\",\"s1%d2\"],\"salt\":\"%s\"}",
            random_id(run), i, i + 1, i, i, i, random_id(run));
    run_line(run, "block");
}

/* ---- what there is ---- */

static const char *at_site(struct run *run, const char *site)
{
    if (chance(run, 8))
        return people[pick(run, 9)].name;
    if (strcmp(site, P1) == 0)
        return chance(run, 50) ? "ph1" : "sup3";
    for (const struct person *p = people; p->name; p++)
        if (strcmp(p->site, site) == 0)
            return p->name;
    return "sup2";
}

/* The record of a thing's outermost container, or its own. */
static const json_t *outermost(struct run *run, const json_t *record)
{
    for (int i = 0; i < 4 && *text(record, "in"); i++)
        record = committed(run, "supply/packs/~SSCC~%s~", text(record, "in"));
    return record;
}

/* A thing in words of T: a pack, or (with containers) a container; NULL when there is none yet. */
static const char *thing(struct run *run, bool containers, const json_t **record)
{
    static char out[8][100];
    static size_t n;
    char *one = out[n++ % 8];
    const bool container = containers && chance(run, 30);
    const char *key = some_key(run, container ? "supply/packs/~SSCC~" : "supply/packs/~PACK~", record);

    if (!key)
        key = some_key(run, "supply/packs/~PACK~", record);
    if (!key)
        return NULL;
    if (strncmp(key, "supply/packs/~SSCC~", 19) == 0)
        snprintf(one, sizeof(out[0]), "{\"sscc\":\"%s\"}", part_of(key, 1));
    else
        snprintf(one, sizeof(out[0]), "{\"gtin\":\"%s\",\"serial\":\"%s\"}", part_of(key, 1), part_of(key, 2));
    return one;
}

/* Up to MOST_THINGS that are where the first one is, mostly: *site is that place. */
static const char *things(struct run *run, bool containers, const char *field, const char **site)
{
    static char list[MOST_THINGS * 110];
    const json_t *record = NULL;
    const char *one = NULL;
    size_t count = 0;

    *site = M1;
    list[0] = 0;
    for (int tries = 0; tries < 12 && count < 1 + pick(run, MOST_THINGS); tries++) {
        one = thing(run, containers, &record);
        if (!one)
            break;
        if (count && strcmp(text(outermost(run, record), field), *site) != 0 && !chance(run, 3))
            continue;
        if (strstr(list, one) && !chance(run, 3))
            continue;
        if (!count)
            *site = *text(outermost(run, record), field) ? text(outermost(run, record), field) : M1;
        snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s", count++ ? "," : "", one);
    }
    return list;
}

/* ---- calls ---- */

static const char *const cases[] = { SSCC_1, SSCC_2, SSCC_3, SSCC_4 };

static void commission(struct run *run)
{
    const bool rx = chance(run, 65);

    run_line(run,
             "%s supply.Commission < "
             "{\"id\":\"%s\",\"gtin\":\"%s\",\"lot\":\"L%zu\",\"expiry\":\"%s\",\"serials\":[\"%s1%zu\",\"%s1%zu\"],"
             "\"salt\":\"%s\"}",
             chance(run, 85) ? "sup1" : people[pick(run, 7)].name, random_id(run), rx ? GTIN_RX : GTIN_OTC,
             pick(run, 3), chance(run, 80) ? "271231" : "260105", rx ? "s" : "o", pick(run, 60), rx ? "s" : "o",
             pick(run, 60), random_id(run));
}

static void contain(struct run *run)
{
    const char *site, *list = things(run, true, "holder", &site);

    run_line(run, "%s supply.Pack < {\"id\":\"%s\",\"sscc\":\"%s\",\"children\":[%s],\"salt\":\"%s\"}",
             at_site(run, site), random_id(run), ANY(run, cases), list, random_id(run));
}

static void take_out(struct run *run)
{
    const json_t *container = NULL, *children;
    const char *key = some_key(run, "supply/packs/~SSCC~", &container);
    char list[600] = "";

    children = json_object_get(container, "children");
    if (!key)
        return;
    for (size_t i = 0; i < json_array_size(children) && i < 5; i++) {
        char *one = json_dumps(json_array_get(children, i), JSON_COMPACT);

        if (chance(run, 60))
            snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s", *list ? "," : "", one);
        free(one);
    }
    run_line(run, "%s supply.Unpack < {\"id\":\"%s\",\"sscc\":\"%s\",\"children\":[%s],\"salt\":\"%s\"}",
             at_site(run, text(container, "holder")), random_id(run), part_of(key, 1), list, random_id(run));
}

/* "packs":[...] or "sscc":"..." of what was chosen. */
static const char *moving(struct run *run, const char *field, const char **site)
{
    static char out[MOST_THINGS * 120];
    const json_t *container = NULL;
    const char *key = chance(run, 40) ? some_key(run, "supply/packs/~SSCC~", &container) : NULL;

    if (key) {
        *site = *text(container, field) ? text(container, field) : D1;
        snprintf(out, sizeof(out), "\"sscc\":\"%s\"", part_of(key, 1));
    } else {
        snprintf(out, sizeof(out), "\"packs\":[%s]", things(run, false, field, site));
    }
    return out;
}

static void ship(struct run *run)
{
    const char *site, *what = moving(run, "holder", &site), *to = ANY(run, sites);

    run_line(run, "%s supply.Ship < {\"id\":\"%s\",%s,\"toGln\":\"%s\"%s,\"salt\":\"%s\"}", at_site(run, site),
             random_id(run), what, to, chance(run, 15) ? ",\"reason\":\"return\"" : "", random_id(run));
}

static void receive(struct run *run)
{
    const char *site, *what = moving(run, "to", &site);

    for (int tries = 0; tries < 5 && strcmp(site, M1) == 0; tries++)
        what = moving(run, "to", &site);
    run_line(run, "%s supply.Receive < {\"id\":\"%s\",%s,\"salt\":\"%s\"}", at_site(run, site), random_id(run), what,
             random_id(run));
}

static void hold(struct run *run)
{
    const json_t *pack = NULL;
    const char *one = thing(run, false, &pack), *by;

    if (!one)
        return;
    by = chance(run, 10) ? "admr" : at_site(run, text(outermost(run, pack), "holder"));
    switch (pick(run, 4)) {
    case 0:
        run_line(run, "%s supply.Quarantine < {\"id\":\"%s\",\"pack\":%s,\"reasonCode\":\"label\",\"salt\":\"%s\"}", by,
                 random_id(run), one, random_id(run));
        break;
    case 1:
        if (chance(run, 30))
            run_line(run,
                     "%s supply.Illegitimate < {\"id\":\"%s\",\"pack\":%s,\"reasonCode\":\"stolen\",\"salt\":\"%s\"}",
                     by, random_id(run), one, random_id(run));
        break;
    case 2:
        if (chance(run, 30))
            run_line(run, "%s supply.Destroy < {\"id\":\"%s\",\"pack\":%s,\"reasonCode\":\"other\",\"salt\":\"%s\"}",
                     by, random_id(run), one, random_id(run));
        break;
    default:
        run_line(run,
                 "%s supply.Restock < {\"id\":\"%s\",\"pack\":%s,\"lot\":\"%s\",\"expiry\":\"%s\",\"salt\":\"%s\"}", by,
                 random_id(run), one, chance(run, 90) ? text(pack, "lot") : "L9", text(pack, "exp"), random_id(run));
    }
}

static void dispense(struct run *run)
{
    static const int units[] = { 5, 10, 15, 20 };
    const json_t *pack = NULL;
    const char *key = some_key(run, "supply/packs/~PACK~", &pack), *gtin;

    for (int tries = 0; key && tries < 6 && !is(pack, "holder", P1); tries++)
        key = some_key(run, "supply/packs/~PACK~", &pack);
    if (!key)
        return;
    gtin = part_of(key, 1);
    if (chance(run, 25) && is(pack, "holder", P1)) {
        run_line(run,
                 "ph1 supply.SellOTC < {\"id\":\"%s\",\"packs\":[{\"gtin\":\"%s\",\"serial\":\"%s\"}],\"salt\":\"%s\"}",
                 random_id(run), gtin, part_of(key, 2), random_id(run));
        return;
    }
    run_line(run, "ph1 prescriptions.Ask %s %s [{\"gtin\":\"%s\",\"serial\":\"%s\",\"units\":%d}] %s",
             chance(run, 65) ? "MarkDispensed" : "UnmarkDispensed", chance(run, 92) ? P1 : D1, gtin, part_of(key, 2),
             strcmp(gtin, GTIN_RX) == 0 && chance(run, 92) ? WHOLE_RX : ANY(run, units), random_id(run));
}

static void recalls(struct run *run)
{
    const char *gtin = chance(run, 60) ? GTIN_RX : GTIN_OTC;

    if (chance(run, 45))
        run_line(run, "%s supply.Recall %s L%zu 2 potency", chance(run, 70) ? "sup1" : people[pick(run, 9)].name, gtin,
                 pick(run, 3));
    else
        run_line(run, "admr supply.LiftRecall %s L%zu", gtin, pick(run, 3));
}

static void order(struct run *run)
{
    static const char *const steps[][2] = { { "AcceptOrder", "" },
                                            { "AcceptOrder", "" },
                                            { "DeliverOrder", "\"shipments\":[\"s-1\"]," },
                                            { "ConfirmPayment", "\"payment\":\"P-1\"," },
                                            { "Dispute", "\"reasonCode\":\"late\"," },
                                            { "CancelOrder", "\"reasonCode\":\"late\"," } };
    const json_t *one = NULL;
    const char *key = chance(run, 70)
                          ? some_key(run, chance(run, 50) ? "supply/tradeMD/~ORD~" : "supply/tradeDP/~ORD~", &one)
                          : NULL;
    const size_t step = pick(run, 6);

    if (key)
        run_line(run, "%s supply.%s < {\"ref\":\"%s\",%s\"salt\":\"%s\"}",
                 at_site(run, text(one, chance(run, 75) ? "seller" : "buyer")), steps[step][0], part_of(key, 1),
                 steps[step][1], random_id(run));
    else
        run_line(run,
                 "%s supply.PlaceOrder < {\"ref\":\"%s\",\"seller\":\"%s\",\"lines\":[{\"gtin\":\"%s\",\"packs\":%zu,"
                 "\"price\":987654321}],\"currency\":\"EUR\",\"salt\":\"%s\"}",
                 at_site(run, chance(run, 50) ? D1 : P1), random_id(run), chance(run, 50) ? M1 : D1, GTIN_RX,
                 1 + pick(run, 9), random_id(run));
}

static void capture(struct run *run)
{
    static const char *const steps[][2] = {
        { "OBSERVE", "receiving" }, { "OBSERVE", "shipping" }, { "OBSERVE", "inspecting" }, { "ADD", "commissioning" }
    };
    const json_t *pack = NULL;
    const char *key = some_key(run, "supply/packs/~PACK~", &pack), *const *step = steps[pick(run, 4)];
    const bool made = strcmp(step[1], "commissioning") == 0;
    char serial[30];

    if (!key)
        return;
    snprintf(serial, sizeof(serial), "%s", made ? "s1" : part_of(key, 2));
    if (made)
        snprintf(serial, sizeof(serial), "s1%zu", pick(run, 80));
    run_line(
        run,
        "%s supply.CaptureEPCIS < {\"event\":{\"@context\":\"x:y\",\"type\":\"ObjectEvent\",\"eventTime\":\"%s\","
        "\"eventTimeZoneOffset\":\"+00:00\",\"action\":\"%s\",\"bizStep\":\"%s\",\"epcList\":[\"https://id.gs1.org/01/"
        "%s/"
        "21/%s\"],\"ilmd\":{\"cbvmda:lotNumber\":\"L1\",\"cbvmda:itemExpirationDate\":\"2027-12-31\"},"
        "\"destinationList\":[{\"type\":\"location\",\"destination\":\"https://id.gs1.org/414/%s\"}]},\"salt\":\"%s\"}",
        made ? "sup1" : at_site(run, text(pack, strcmp(step[1], "receiving") == 0 ? "to" : "holder")),
        time_text(fcc_test_time(run->channel)), step[0], step[1], made ? GTIN_RX : part_of(key, 1), serial,
        ANY(run, sites), random_id(run));
}

static void look(struct run *run)
{
    const json_t *pack = NULL;
    const char *key = some_key(run, "supply/packs/~PACK~", &pack);

    if (!key)
        return;
    switch (pick(run, 4)) {
    case 0:
        run_line(run, "? %s supply.ListStock %s", at_site(run, P1), chance(run, 80) ? P1 : D1);
        break;
    case 1:
        run_line(run, "? %s supply.Trace < {\"gtin\":\"%s\",\"serial\":\"%s\"}", chance(run, 50) ? "aud1" : "sup1",
                 part_of(key, 1), part_of(key, 2));
        break;
    default:
        run_line(run, "? %s supply.VerifyPack < {\"gtin\":\"%s\",\"serial\":\"%s\",\"lot\":\"%s\",\"expiry\":\"%s\"}",
                 at_site(run, ANY(run, sites)), part_of(key, 1), chance(run, 90) ? part_of(key, 2) : "zz",
                 chance(run, 90) ? text(pack, "lot") : "L9", chance(run, 90) ? text(pack, "exp") : "291231");
    }
}

static void generate(struct run *run)
{
    static void (*const calls[])(
        struct run *) = { commission, commission, contain, contain, take_out, take_out, ship, ship,     ship,
                          ship,       receive,    receive, receive, receive,  hold,     hold, dispense, dispense,
                          dispense,   recalls,    order,   order,   capture,  look,     look };

    ANY(run, calls)(run);
}

/* ---- what must hold of one transaction ---- */

/* What prescriptions is made to call here is done as well. */
static bool led_to(const struct transaction *tx, const char *function)
{
    return did(tx, function) || (strcmp(tx->call->function, "Ask") == 0 && strcmp(tx->call->args[0], function) == 0);
}

static bool recalled(struct run *run, const char *gtin, const char *lot)
{
    return is(committed(run, "supply/-/~RECALL~%s~%s~", gtin, lot), "status", "recalled");
}

/* By the domain's words: the last day of the month where there is no day; all dates here are of this century. */
static bool expired(const char *exp, int64_t at)
{
    int year, month, day;
    char behind[64];

    sscanf(exp, "%2d%2d%2d", &year, &month, &day);
    if (day == 0)
        snprintf(behind, sizeof(behind), "%d-%02d-01T00:00:00Z", 2000 + year + month / 12, month % 12 + 1);
    else
        snprintf(behind, sizeof(behind), "%d-%02d-%02dT00:00:00Z", 2000 + year, month, day);
    return at >= seconds(behind) + (day ? 86400 : 0);
}

static bool is_gone(const json_t *pack)
{
    return is(pack, "state", "dispensed") || is(pack, "state", "sold") || is(pack, "state", "destroyed");
}

static int64_t whole_of(const char *gtin)
{
    return strcmp(gtin, GTIN_RX) == 0 ? WHOLE_RX : WHOLE_OTC;
}

/* What leaves a site or the chain is neither recalled, expired nor kept apart. */
static void check_leaves(struct run *run, const struct transaction *tx, const json_t *pack)
{
    must(run, !recalled(run, text(pack, "gtin"), text(pack, "lot")), "recalled packs stay", tx);
    must(run, !expired(text(pack, "exp"), tx->call->at), "expired packs stay", tx);
    must(run, !is(pack, "state", "quarantined"), "what is kept apart stays", tx);
}

static void check_pack(struct run *run, const struct transaction *tx, const struct change *c)
{
    const json_t *before = c->before, *after = c->after;
    const char *gtin = c->parts[0], *site = tx->call->by->site;
    const char *from = text(before, "holder"), *to = text(after, "holder");

    must(run, after != NULL, "a pack is never forgotten", tx);
    must(run, number(after, "left") >= 0 && number(after, "left") <= whole_of(gtin), "0 <= left <= unitsPerPack", tx);
    if (!before) {
        must(run, (led_to(tx, "Commission") || led_to(tx, "CaptureEPCIS")) && strcmp(site, M1) == 0,
             "its maker makes it", tx);
        must(run,
             is(after, "state", "commissioned") && strcmp(to, site) == 0 && number(after, "left") == whole_of(gtin),
             "a new pack is whole and at its maker's", tx);
        return;
    }
    must(run, is(before, "lot", text(after, "lot")) && is(before, "exp", text(after, "exp")), "a pack stays what it is",
         tx);
    must(run, !is_gone(before) || led_to(tx, "UnmarkDispensed"), "what is gone stays so", tx);
    must(run,
         !is(before, "state", "quarantined") ||
             (!is(before, "by", "regulator") && !is(before, "mark", "illegitimate")) ||
             is(after, "state", "quarantined") || is(after, "state", "destroyed"),
         "what the regulator keeps apart nobody puts back", tx);
    if (*text(before, "in") && !*text(after, "in")) {
        must(run, led_to(tx, "Unpack") && strcmp(to, site) == 0, "who has the container takes out", tx);
        must(run, is(committed(run, "supply/packs/~SSCC~%s~", text(before, "in")), "holder", site),
             "out of a container of one's own", tx);
        return;
    }
    if (!*text(before, "in") && *text(after, "in")) {
        must(run, (led_to(tx, "Pack") || led_to(tx, "CaptureEPCIS")) && strcmp(from, site) == 0 && !*to,
             "who has it packs it", tx);
        return;
    }
    if (strcmp(from, to) != 0)
        must(run,
             (led_to(tx, "Receive") || led_to(tx, "CaptureEPCIS")) && is(before, "to", site) && strcmp(to, site) == 0 &&
                 !*text(after, "to"),
             "the addressee receives, once", tx);
    if (strcmp(text(before, "to"), text(after, "to")) != 0 && *text(after, "to")) {
        must(run, (led_to(tx, "Ship") || led_to(tx, "CaptureEPCIS")) && strcmp(from, site) == 0 && !*text(before, "to"),
             "the holder ships", tx);
        must(run, number(before, "left") == whole_of(gtin), "opened packs stay", tx);
        check_leaves(run, tx, before);
    }
    if (number(before, "left") > number(after, "left")) {
        must(run, led_to(tx, "MarkDispensed") || led_to(tx, "SellOTC"), "who takes units out", tx);
        must(run, strcmp(from, led_to(tx, "SellOTC") ? P1 : tx->call->args[1]) == 0 && !*text(before, "to"),
             "at the pharmacy that has it", tx);
        must(run, !is(before, "state", "returned"), "returned packs are looked at first", tx);
        must(run, !led_to(tx, "SellOTC") || strcmp(gtin, GTIN_OTC) == 0, "no prescription drug over the counter", tx);
        check_leaves(run, tx, before);
    }
    must(run, number(before, "left") >= number(after, "left") || led_to(tx, "UnmarkDispensed"), "what puts units back",
         tx);
}

/* A container ships with nothing in it that may not. */
static void check_contents(struct run *run, const struct transaction *tx, const json_t *container)
{
    const json_t *children = json_object_get(container, "children");

    for (size_t i = 0; i < json_array_size(children); i++) {
        const json_t *child = json_array_get(children, i);

        if (*text(child, "sscc"))
            check_contents(run, tx, committed(run, "supply/packs/~SSCC~%s~", text(child, "sscc")));
        else
            check_leaves(run, tx,
                         committed(run, "supply/packs/~PACK~%s~%s~", text(child, "gtin"), text(child, "serial")));
    }
}

static void check_container(struct run *run, const struct transaction *tx, const struct change *c)
{
    const json_t *before = c->before, *after = c->after;
    const char *site = tx->call->by->site;

    must(run, number(after, "level") >= 1 && number(after, "level") <= 3, "three levels", tx);
    if (!before || *text(before, "in") || *text(after, "in"))
        return;
    if (strcmp(text(before, "holder"), text(after, "holder")) != 0)
        must(run, is(before, "to", site) && is(after, "holder", site) && !*text(after, "to"),
             "the addressee receives, once", tx);
    if (strcmp(text(before, "to"), text(after, "to")) != 0 && *text(after, "to")) {
        must(run, is(before, "holder", site) && !*text(before, "to"), "the holder ships", tx);
        check_contents(run, tx, before);
    }
}

static void check_order(struct run *run, const struct transaction *tx, const struct change *c)
{
    const char *site = tx->call->by->site, *now = text(c->after, "status"), *was = text(c->before, "status");

    if (!c->before) {
        must(run, led_to(tx, "PlaceOrder") && is(c->after, "buyer", site) && strcmp(now, "placed") == 0,
             "the buyer places", tx);
        return;
    }
    must(run, is(c->before, "buyer", site) || is(c->before, "seller", site), "the two parties", tx);
    must(run,
         json_equal(json_object_get(c->before, "lines"), json_object_get(c->after, "lines")) &&
             number(c->before, "total") == number(c->after, "total"),
         "an order stays what it is", tx);
    must(run, strcmp(was, "cancelled") != 0 && strcmp(was, now) != 0, "a cancelled order is over", tx);
    if (strcmp(now, "cancelled") == 0)
        must(run, !json_object_get(c->before, "shipments"), "cancelled before it is delivered", tx);
    if (strcmp(now, "accepted") == 0 || strcmp(now, "delivered") == 0 || strcmp(now, "paid") == 0)
        must(run, is(c->before, "seller", site), "the seller's step", tx);
}

static void changed(struct run *run, const struct transaction *tx)
{
    for (size_t i = 0; i < tx->count && !run->rule; i++) {
        const struct change *c = &tx->changes[i];

        if (strcmp(c->type, "PACK") == 0)
            check_pack(run, tx, c);
        else if (strcmp(c->type, "SSCC") == 0)
            check_container(run, tx, c);
        else if (strcmp(c->type, "ORD") == 0)
            check_order(run, tx, c);
        else if (strcmp(c->type, "MOVE") == 0 || strcmp(c->type, "DEED") == 0)
            must(run, !c->before && c->after, "what happened stays written", tx);
        else if (strcmp(c->type, "RECALL") == 0)
            must(run, strcmp(tx->call->by->name, "sup1") == 0 || strcmp(tx->call->by->name, "admr") == 0,
                 "maker and regulator recall", tx);
    }
}

/* ---- what must hold of all there is ---- */

/* What a container has by its children: packs, and how many of them are kept apart. */
static void count_in(struct run *run, const json_t *container, int64_t *packs, int64_t *held)
{
    const json_t *children = json_object_get(container, "children");

    for (size_t i = 0; i < json_array_size(children) && !run->rule; i++) {
        const json_t *child = json_array_get(children, i), *record;

        record = *text(child, "sscc")
                     ? committed(run, "supply/packs/~SSCC~%s~", text(child, "sscc"))
                     : committed(run, "supply/packs/~PACK~%s~%s~", text(child, "gtin"), text(child, "serial"));
        if (!is(record, "in", text(container, "sscc")))
            broken(run, "nothing in two containers", "%s has a child that is in %s", text(container, "sscc"),
                   text(record, "in"));
        if (*text(child, "sscc"))
            count_in(run, record, packs, held);
        else {
            ++*packs;
            *held += is(record, "state", "quarantined");
        }
    }
}

static void check_case(struct run *run, const json_t *container)
{
    const json_t *lots = json_object_get(container, "lots");
    int64_t packs = 0, held = 0, said = 0;

    count_in(run, container, &packs, &held);
    for (size_t i = 0; i < json_array_size(lots); i++)
        said += number(json_array_get(lots, i), "n");
    if (packs != said || held != number(container, "held"))
        broken(run, "a container knows its content", "%s: %d packs and %d said, %d kept apart and %d said",
               text(container, "sscc"), (int)packs, (int)said, (int)held, (int)number(container, "held"));
}

/* Exactly one site has a thing, or expects it; what is in a container or gone nobody has by itself. */
static void check_place(struct run *run, const json_t *record, const char *first, const char *second, bool there)
{
    static const char *const all[] = { M1, M2, D1, P1, H1, C1 };
    const char *want = *text(record, "to") ? text(record, "to") : text(record, "holder");

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && !run->rule; i++) {
        const json_t *have = committed(run, "supply/packs/~HAVE~%s~%s~%s~", all[i], first, second);
        const bool should = there && strcmp(all[i], want) == 0;

        if ((have != NULL) != should ||
            (have && json_is_true(json_object_get(have, "incoming")) != (*text(record, "to") != 0)))
            broken(run, "one holder at a time", "%s %s at %s: %s", first, second, all[i], have ? "there" : "not there");
    }
}

static void ordered(struct run *run, const struct transaction *tx, size_t n)
{
    const char *key;
    json_t *one;

    json_object_foreach(run->state, key, one)
    {
        if (run->rule)
            break;
        if (strncmp(key, "supply/packs/~SSCC~", 19) == 0) {
            check_case(run, one);
            check_place(run, one, "sscc", part_of(key, 1), !*text(one, "in") && !is(one, "state", "empty"));
        } else if (strncmp(key, "supply/packs/~PACK~", 19) == 0) {
            check_place(run, one, part_of(key, 1), part_of(key, 2), !*text(one, "in") && !is_gone(one));
            if (!committed(run, "supply/packs/~MOVE~%s~%s~%06d~", part_of(key, 1), part_of(key, 2),
                           (int)number(one, "v")))
                broken(run, "every version has its movement", "%s", key);
            if (*text(one, "in") && *text(one, "holder"))
                broken(run, "a pack in a container has no holder of its own", "%s", key);
        }
    }
    (void)tx;
    (void)n;
}

/* ---- what is answered ---- */

static void answered(struct run *run, const struct call *call)
{
    const json_t *pack;
    const char *reason = NULL;
    bool lot, expiry;
    char want[120];

    if (strcmp(call->function, "VerifyPack") != 0 || call->result.status != 200)
        return;
    pack = committed(run, "supply/packs/~PACK~%s~%s~", text(call->in, "gtin"), text(call->in, "serial"));
    lot = is(pack, "lot", text(call->in, "lot"));
    expiry = is(pack, "exp", text(call->in, "expiry"));
    if (!pack)
        reason = "No_match_GTIN_Serial";
    else if (!lot || !expiry)
        reason = lot      ? "No_match_GTIN_Serial_Expiry"
                 : expiry ? "No_match_GTIN_Serial_Lot"
                          : "No_match_GTIN_Serial_Lot_Expiry";
    else if (is_gone(pack))
        reason = "Not_for_re-distribution";
    else if (recalled(run, text(pack, "gtin"), text(pack, "lot")))
        reason = "Recalled";
    else if (is(pack, "state", "quarantined"))
        reason = is(pack, "mark", "illegitimate") ? "Illegitimate" : "Suspect";
    else if (expired(text(pack, "exp"), call->at))
        reason = "Expired";
    snprintf(want, sizeof(want), reason ? "{\"reason\":\"%s\",\"verified\":false}" : "{\"verified\":true}", reason);
    if (strcmp(call->result.payload, want) != 0)
        broken(run, "verification", "%s at %s was answered %s, and not %s", call->line, time_text(call->at),
               call->result.payload, want);
}

static const char *const accepted[] = { "Commission",   "Pack",           "Unpack",       "Ship",        "Receive",
                                        "Restock",      "Quarantine",     "Illegitimate", "Destroy",     "SellOTC",
                                        "Ask",          "Recall",         "LiftRecall",   "PlaceOrder",  "AcceptOrder",
                                        "DeliverOrder", "ConfirmPayment", "Dispute",      "CancelOrder", "CaptureEPCIS",
                                        "VerifyPack",   "ListStock",      "Trace",        NULL };

const struct subject subject = { .name = "supply",
                                 .people = people,
                                 .secrets = secrets,
                                 .accepted = accepted,
                                 .start = begin,
                                 .generate = generate,
                                 .answered = answered,
                                 .changed = changed,
                                 .ordered = ordered };
