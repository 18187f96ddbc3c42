/*
 * prescriptions.c: random histories of the chaincode prescriptions with supply beside it. In each window 0 <= done <= auth;
 * one pharmacy has a prescription; who issued it may prescribe; a pack goes out once, at the pharmacy that has it, as
 * what was prescribed, and with the prescription or not at all.
 */
#include "test/property/care.h"

#include "test/support/health.h"

#include <stdlib.h>

#include "consent/consent.h"
#include "ehr/ehr.h"
#include "prescriptions/prescriptions.h"
#include "supply/supply.h"

#define CODE "0123456789abcdef0123456789abcdef"
#define CODE_FIELDS                                                                                   \
    "\"codeHash\":\"3b2a3cb14a6932455ee313ac6bdbefbef8423ce8b9de3039a807ee8ad2db992d\",\"codeSalt\":" \
    "\"cccccccccccccccccccccccccccccccc\""
#define GTIN_A "04000000000105" /* 30 units, whole */
#define GTIN_S "04000000000204" /* the same drug, 20 units that may be split */
#define GTIN_B "04000000000303" /* 30 units, whole: another drug of the same ingredient, strength and form */

enum { DAY = 86400, MAX_PEOPLE = 64 };

static struct person people[MAX_PEOPLE];

/* Those of care.h, and those whom the packs need. */
static void fill_people(void)
{
    /* clang-format off */
    static const struct person more[] = {
        { .name = "adm3", .msp = "PharmacyMSP", .role = "admin", .uid = "adm3", .site = P1, .key = "25", .admin = true },
        { .name = "sup1", .msp = "ManufacturerMSP", .role = "supplychain", .uid = "sup1", .site = M1, .key = "31" },
        { .name = "admr", .msp = "RegulatorMSP", .role = "admin", .uid = "admr", .site = A1, .key = "19", .admin = true },
        { .name = "admk", .msp = "RegulatorMSP", .role = "admin", .uid = "admk", .site = K1, .key = "26", .admin = true },
        { .name = "ph2", .msp = "PharmacyMSP", .role = "pharmacist", .uid = "ph2", .site = P2, .key = "27" },
    };
    /* clang-format on */
    size_t n = 0;

    if (people[0].name)
        return;
    for (; care_people[n].name; n++)
        people[n] = care_people[n];
    assert_true(n + sizeof(more) / sizeof(more[0]) < MAX_PEOPLE);
    memcpy(&people[n], more, sizeof(more));
}

/* ---- the channel ---- */

static bool suspended[10]; /* the licences of d0 to d9 */

static void install(const char *name, const fcc_chaincode *chaincode, const char *policy, const char *const *at)
{
    char path[64];
    const fcc_test_chaincode cc = {
        .name = name, .chaincode = chaincode, .policy = policy, .collections = path, .msp_ids = at
    };

    snprintf(path, sizeof(path), "chaincode/%s/collections.json", name);
    fcc_test_install(world, &cc);
}

static void product(struct run *run, const char *gtin, const char *pzn, const char *units, const char *splittable)
{
    run_line(run,
             "sup1 supply.RegisterProduct %s [{\"system\":\"http://fhir.de/CodeSystem/ifa/pzn\",\"code\":\"%s\"}] "
             "387207008 500mg 10219000 %s %s true [\"DE\"] medicine",
             gtin, pzn, units, splittable);
}

/* Packs "PREFIX1"… of a lot at a pharmacy. */
static void packs(struct run *run, const char *gtin, const char *lot, const char *prefix, int count, const char *to,
                  const char *buyer)
{
    char serials[600] = "", list[3000] = "", one[100];

    for (int i = 1; i <= count; i++) {
        snprintf(one, sizeof(one), "%s\"%s%d\"", i > 1 ? "," : "", prefix, i);
        strcat(serials, one);
        snprintf(one, sizeof(one), "%s{\"gtin\":\"%s\",\"serial\":\"%s%d\"}", i > 1 ? "," : "", gtin, prefix, i);
        strcat(list, one);
    }
    run_line(run,
             "sup1 supply.Commission < {\"id\":\"%s\",\"gtin\":\"%s\",\"lot\":\"%s\",\"expiry\":\"271231\",\"serials\":"
             "[%s],\"salt\":\"%s\"}",
             random_id(run), gtin, lot, serials, random_id(run));
    run_line(run, "block");
    run_line(run, "sup1 supply.Ship < {\"id\":\"%s\",\"packs\":[%s],\"toGln\":\"%s\",\"salt\":\"%s\"}", random_id(run),
             list, to, random_id(run));
    run_line(run, "block");
    run_line(run, "%s supply.Receive < {\"id\":\"%s\",\"packs\":[%s],\"salt\":\"%s\"}", buyer, random_id(run), list,
             random_id(run));
    run_line(run, "block");
}

static void begin(struct run *run)
{
    static const char *const pids[] = { PID_A, PID_B, PID_W, PID_LINKED };
    static const char *const doctors[] = { "d1", "d3", "d7", "d9" };
    static const char *const rx_at[] = { "HospitalMSP", "ClinicMSP", "PharmacyMSP", "RegulatorMSP", NULL };

    fill_people();
    memset(suspended, 0, sizeof(suspended));
    health_start(supply_orgs);
    health_install("consent", &consent_chaincode);
    health_install("ehr", &ehr_chaincode);
    install("supply", &supply_chaincode,
            "OutOf(2, 'ManufacturerMSP.peer', 'DistributorMSP.peer', 'PharmacyMSP.peer', 'HospitalMSP.peer', "
            "'ClinicMSP.peer')",
            NULL);
    install("prescriptions", &prescriptions_chaincode,
            "OutOf(2, 'HospitalMSP.peer', 'ClinicMSP.peer', 'PharmacyMSP.peer')", rx_at);
    run->channel = world;
    run_line(run, "adm3 supply.Setup < {\"salt\":\"" FP("5b") "\"}");
    product(run, GTIN_A, "01234567", "30", "false");
    product(run, GTIN_S, "01234567", "20", "true");
    product(run, GTIN_B, "07654321", "30", "false");
    run_line(run, "block");
    packs(run, GTIN_A, "L1", "a", 8, P1, "ph1");
    packs(run, GTIN_A, "L2", "b", 8, P1, "ph1");
    packs(run, GTIN_S, "S1", "s", 8, P1, "ph1");
    packs(run, GTIN_B, "G1", "g", 4, P1, "ph1");
    packs(run, GTIN_A, "L1", "p", 8, P2, "ph2");
    for (size_t i = 0; i < 4; i++)
        for (size_t k = 0; k < 4; k++)
            run_line(run, "%s ehr.StartEncounter < {\"encId\":\"enc-%s-%zu\",\"pid\":\"%s\",\"salt\":\"%s\"}",
                     doctors[k], doctors[k], i, pids[i], random_id(run));
    run_line(run, "block");
}

/* ---- calls ---- */

static const json_t *item_of(const json_t *rx, int64_t n)
{
    return json_array_get(json_object_get(rx, "items"), (size_t)n - 1);
}

static const char *rx_or_new(struct run *run)
{
    const char *key = chance(run, 96) ? some_key(run, "prescriptions/rx/~RX~", NULL) : NULL;

    return key ? part_of(key, 1) : random_id(run);
}

static const char *pharmacist(struct run *run)
{
    return care_somebody(run, chance(run, 75) ? "ph1" : "ph2");
}

/* Who has the prescription, mostly. */
static const char *holder(struct run *run, const char *id)
{
    const json_t *rx = committed(run, "prescriptions/rx/~RX~%s~", id);

    return chance(run, 88) && rx ? is(rx, "lock", P2) ? "ph2" : "ph1" : pharmacist(run);
}

static const char *item(struct run *run, char *out, size_t size)
{
    static const char *const drugs[] = { "01234567", "01234567", "01234567", "07654321" };
    static const int auths[] = { 30, 60, 60, 90, 25, 0 };
    char more[200] = "";

    if (chance(run, 50))
        snprintf(more, sizeof(more), ",\"repeats\":%zu,\"interval\":%zu", pick(run, 3) + 1, pick(run, 3) + 1);
    else if (chance(run, 20))
        snprintf(more, sizeof(more), ",\"notBefore\":\"%s\"", time_text(fcc_test_time(run->channel) + 40000));
    snprintf(
        out, size,
        "{\"drug\":{\"system\":\"http://fhir.de/CodeSystem/ifa/pzn\",\"code\":\"%s\"},\"ingredient\":\"387207008\","
        "\"strength\":\"500mg\",\"form\":\"10219000\",\"dose\":\"twice-a-day\",\"auth\":%d%s%s}",
        ANY(run, drugs), auths[pick(run, chance(run, 95) ? 5 : 6)],
        chance(run, 40) ? ",\"substitution\":\"allowed\"" : "", more);
    return out;
}

static void issue(struct run *run)
{
    static const char *const regions[] = {
        "", "", "", "", ",\"regions\":[\"DE-BB\"]", ",\"regions\":[\"DE-BE\"]", ",\"regions\":[\"FR\",\"DE\"]"
    };
    const json_t *encounter = NULL;
    const char *key = some_key(run, "ehr/subject/~ENC~", &encounter), *pid = text(encounter, "pid");
    char one[500], other[500], items[1002];

    snprintf(items, sizeof(items), "%s", item(run, one, sizeof(one)));
    if (chance(run, 30))
        snprintf(items, sizeof(items), "%s,%s", one, item(run, other, sizeof(other)));
    run_line(run,
             "%s prescriptions.Issue < {\"rxId\":\"%s\",\"pid\":\"%s\",\"encId\":\"%s\",\"items\":[%s]%s," CODE_FIELDS
             ",\"validUntil\":\"%s\",\"salt\":\"%s\"}",
             care_somebody(run, text(encounter, "uid")), chance(run, 95) ? random_id(run) : rx_or_new(run),
             chance(run, 93) ? pid : care_any_pid(run), key ? part_of(key, 1) : "none", items, ANY(run, regions),
             time_text(fcc_test_time(run->channel) + (int64_t)pick(run, 8 * DAY)), random_id(run));
}

static void accept(struct run *run)
{
    const char *code = chance(run, 88) ? "\"code\":\"" CODE "\"," : chance(run, 50) ? "" : "\"code\":\"0\",";

    run_line(run, "%s prescriptions.Accept %s < {%s\"salt\":\"%s\"}", pharmacist(run), rx_or_new(run), code,
             random_id(run));
}

static void let_go(struct run *run)
{
    const char *id = rx_or_new(run);

    if (chance(run, 70))
        run_line(run, "%s prescriptions.Return %s < {\"reasonCode\":\"patient_request\",\"salt\":\"%s\"}",
                 holder(run, id), id, random_id(run));
    else if (chance(run, 30))
        run_line(run, "%s prescriptions.Reject %s < {\"reasonCode\":\"unclear\",\"salt\":\"%s\"}", holder(run, id), id,
                 random_id(run));
}

/* Mostly one that is in a later window, whose time comes; otherwise any. */
static const char *in_later_window(struct run *run)
{
    for (size_t tries = 0; tries < 12; tries++) {
        const json_t *rx = NULL;
        const char *key = some_key(run, "prescriptions/rx/~RX~", &rx);
        const json_t *first = item_of(rx, 1);
        const int64_t now = fcc_test_time(run->channel);
        int64_t opens;

        if (!key || number(first, "used") == 0 || !*text(rx, "lock"))
            continue;
        opens = *text(first, "notBefore") ? seconds(text(first, "notBefore")) : now;
        if (opens > now)
            run_line(run, "tick %lld", (long long)(opens - now));
        return part_of(key, 1);
    }
    return rx_or_new(run);
}

static void dispense(struct run *run)
{
    static const int units[] = { 20, 5, 15, 30, 10 };
    const bool later = chance(run, 35);
    const char *id = later ? in_later_window(run) : rx_or_new(run), *by = holder(run, id);
    const size_t count = chance(run, 60) ? 1 : 2;
    char list[400] = "";

    for (size_t i = 0; i < count; i++) {
        const json_t *pack = NULL;
        const char *key = some_key(run, "supply/packs/~PACK~", &pack), *gtin = part_of(key, 1);

        /* mostly one that is at the pharmacy; of a later window rather a part */
        for (size_t more = 0; more < 6 && !(is(pack, "state", "received") &&
                                            (!later || more > 3 || strcmp(part_of(key, 1), GTIN_S) == 0));
             more++)
            key = some_key(run, "supply/packs/~PACK~", &pack);
        gtin = part_of(key, 1);
        snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s{\"gtin\":\"%s\",\"serial\":\"%s\",\"units\":%d}",
                 i ? "," : "", gtin, part_of(key, 2),
                 strcmp(gtin, GTIN_S) == 0 || chance(run, 5) ? ANY(run, units) : 30);
    }
    run_line(run,
             "%s prescriptions.Dispense %s < {\"seq\":%zu,\"lines\":[{\"item\":%d,\"packs\":[%s]}],\"salt\":\"%s\"}",
             by, id, pick(run, 9) + 1, chance(run, 95) ? 1 : 2, list, random_id(run));
}

static void after(struct run *run)
{
    const json_t *dispensed = NULL;
    const char *key = some_key(run, "prescriptions/rx/~RXD~", &dispensed), *by;

    /* rather one of a window behind which another was dispensed from */
    for (size_t tries = 0; key && tries < 16; tries++) {
        const json_t *rx = committed(run, "prescriptions/rx/~RX~%s~", part_of(key, 1));
        const json_t *first = item_of(rx, 1), *line = json_array_get(json_object_get(dispensed, "lines"), 0);

        if (number(line, "window") < number(first, "used") && number(first, "done") > 0 &&
            !*text(dispensed, "reversed"))
            break;
        key = some_key(run, "prescriptions/rx/~RXD~", &dispensed);
    }
    by = is(dispensed, "site", P2) ? "ph2" : "ph1";
    if (!key)
        accept(run);
    else if (chance(run, 30))
        run_line(run, "%s prescriptions.HandOver %s < {\"seq\":%d,\"salt\":\"%s\"}", care_somebody(run, by),
                 part_of(key, 1), (int)number(dispensed, "seq"), random_id(run));
    else
        run_line(run,
                 "%s prescriptions.ReverseDispense %s < {\"seq\":%d,\"reasonCode\":\"not_collected\",\"salt\":\"%s\"}",
                 care_somebody(run, by), part_of(key, 1), (int)number(dispensed, "seq"), random_id(run));
}

static void end(struct run *run)
{
    const char *id = rx_or_new(run);
    const json_t *rx = committed(run, "prescriptions/rx/~RX~%s~", id);
    const char *owner = care_owner_name(run, text(rx, "pid")), *issuer = rx ? text(rx, "issuer") : "d1";

    if (chance(run, 30))
        run_line(run, "%s prescriptions.Expire %s < {\"salt\":\"%s\"}", care_anybody(run), id, random_id(run));
    else
        run_line(run, "%s prescriptions.%s %s < {\"reasonCode\":\"not_needed\",\"salt\":\"%s\"}",
                 care_somebody(run, chance(run, 50) ? owner : issuer), *text(rx, "lock") ? "MarkForCancel" : "Cancel",
                 id, random_id(run));
}

static void nominate(struct run *run)
{
    const char *pid = care_any_pid(run);
    static const char *const sites[] = { ",\"gln\":\"" P1 "\"", ",\"gln\":\"" P2 "\"", "", ",\"gln\":\"" H1 "\"" };

    run_line(run, "%s prescriptions.Nominate < {\"pid\":\"%s\"%s,\"salt\":\"%s\"}",
             care_somebody(run, care_owner_name(run, pid)), pid, ANY(run, sites), random_id(run));
}

/* A lot is recalled and released, a licence suspended and given back. */
static void disturb(struct run *run)
{
    static const char *const lots[] = { "L1", "L2", "S1" };
    static const int numbers[] = { 1, 3, 7, 9 };
    const int n = ANY(run, numbers);

    if (chance(run, 40))
        run_line(run, "sup1 supply.Recall %s %s 2 potency", chance(run, 70) ? GTIN_A : GTIN_S, ANY(run, lots));
    else if (chance(run, 60))
        run_line(run, "admr supply.LiftRecall %s %s", chance(run, 70) ? GTIN_A : GTIN_S, ANY(run, lots));
    else
        /* the world's licences have the numbers of its staff: d1 is the first */
        run_line(run, "admk credentials.SetStatus licences %d %d", n - 1, chance(run, 40));
}

static void look(struct run *run)
{
    const char *id = rx_or_new(run), *pid = care_any_pid(run);

    if (chance(run, 40))
        run_line(run, "? %s prescriptions.GetRx < {\"rxId\":\"%s\"}", care_somebody(run, holder(run, id)), id);
    else if (chance(run, 50))
        run_line(run, "? %s prescriptions.%s < {\"pid\":\"%s\"}", care_somebody(run, care_owner_name(run, pid)),
                 chance(run, 50) ? "ListPrescriptions" : "Reminders", pid);
    else
        run_line(run, "? %s prescriptions.Queue %s", pharmacist(run), chance(run, 60) ? P1 : P2);
}

static void generate(struct run *run)
{
    static void (*const calls[])(struct run *) = { issue,  issue,    issue,    accept,   accept,   accept,   accept,
                                                   let_go, dispense, dispense, dispense, dispense, dispense, dispense,
                                                   after,  after,    end,      nominate, disturb,  look,     look };

    ANY(run, calls)(run);
}

/* ---- what must hold of one transaction ---- */

static bool is_over(const json_t *rx)
{
    return is(rx, "status", "completed") || is(rx, "status", "cancelled") || is(rx, "status", "expired");
}

static bool licensed(const char *uid)
{
    const struct person *p = care_person(uid);

    return p && care_licensed(p) && !suspended[uid[1] - '0'];
}

static bool recalled(struct run *run, const char *gtin, const char *lot)
{
    return is(committed(run, "supply/-/~RECALL~%s~%s~", gtin, lot), "status", "recalled");
}

static void check_issued(struct run *run, const struct transaction *tx, const struct change *c)
{
    const struct person *by = tx->call->by;
    const json_t *encounter = committed(run, "ehr/subject/~ENC~%s~", text(c->after, "enc"));
    const json_t *nomination = committed(run, "prescriptions/rx/~NOM~%s~", text(c->after, "pid"));

    must(run, did(tx, "Issue") && strcmp(by->role, "doctor") == 0 && is(c->after, "issuer", by->uid), "a doctor issues",
         tx);
    must(run, by->uid && licensed(by->uid), "the issuer's licence", tx);
    must(run,
         is(encounter, "status", "open") && is(encounter, "uid", by->uid) &&
             strcmp(care_pid(text(encounter, "pid")), text(c->after, "pid")) == 0,
         "in the issuer's open encounter with the patient", tx);
    must(run, strcmp(by->uid, "d9") != 0 || !is(c->after, "pid", PID_B), "not for oneself", tx);
    must(run, !care_deceased(text(c->after, "pid")), "the patient lives", tx);
    must(run, strcmp(text(nomination, "gln"), text(c->after, "nominee")) == 0, "the nominee at issue", tx);
    must(run, is(c->after, "status", "active") && !*text(c->after, "lock"), "a new prescription is free", tx);
    must(run, seconds(text(c->after, "validUntil")) > tx->call->at, "valid at issue", tx);
}

/* done, used and notBefore of an item after so many units were taken. */
static void check_taken(struct run *run, const struct transaction *tx, const json_t *was, const json_t *now,
                        int64_t units)
{
    int64_t done = number(was, "done") + units, used = number(was, "used");
    const char *opens = text(was, "notBefore");

    must(run, !*opens || tx->call->at >= seconds(opens), "not before the window", tx);
    must(run, done <= number(was, "auth"), "no more than is left", tx);
    if (done == number(was, "auth") && used < number(was, "repeats")) {
        done = 0;
        used++;
        opens = time_text(tx->call->at + number(was, "interval") * DAY);
    }
    must(run, number(now, "done") == done && number(now, "used") == used && strcmp(text(now, "notBefore"), opens) == 0,
         "what is left of an item", tx);
}

/* The packs of a dispense are those that supply marked: as many units fewer, at this site, whole, released. */
static void check_packs(struct run *run, const struct transaction *tx, const json_t *rx, const json_t *dispensed)
{
    const json_t *lines = json_object_get(dispensed, "lines");
    size_t marked = 0, listed = 0;

    for (size_t i = 0; i < tx->count; i++)
        marked += strcmp(tx->changes[i].type, "PACK") == 0;
    for (size_t l = 0; l < json_array_size(lines); l++) {
        const json_t *line = json_array_get(lines, l), *list = json_object_get(line, "packs");
        const json_t *item = item_of(rx, number(line, "item"));

        for (size_t k = 0; k < json_array_size(list); k++, listed++) {
            const json_t *pack = json_array_get(list, k);
            const struct change *c = NULL;
            const char *gtin = text(pack, "gtin");

            for (size_t i = 0; i < tx->count; i++)
                if (strcmp(tx->changes[i].type, "PACK") == 0 && strcmp(tx->changes[i].parts[0], gtin) == 0 &&
                    strcmp(tx->changes[i].parts[1], text(pack, "serial")) == 0)
                    c = &tx->changes[i];
            must(run, c != NULL, "pack and prescription change together", tx);
            if (!c)
                return;
            must(run, number(c->before, "left") - number(c->after, "left") == number(pack, "units"), "units of a pack",
                 tx);
            must(run, is(c->before, "holder", tx->call->by->site) && is(c->before, "state", "received"),
                 "a pack that is here", tx);
            must(run, is(pack, "lot", text(c->before, "lot")) && !recalled(run, gtin, text(pack, "lot")),
                 "a lot that is not recalled", tx);
            must(run, strcmp(gtin, GTIN_S) == 0 || number(pack, "units") == 30, "whole unless it may be split", tx);
            must(run,
                 is(json_object_get(item, "drug"), "code", strcmp(gtin, GTIN_B) == 0 ? "07654321" : "01234567") ||
                     is(item, "substitution", "allowed"),
                 "what was prescribed", tx);
        }
    }
    must(run, marked == listed, "no pack is marked that is not dispensed", tx);
}

static void check_dispensed(struct run *run, const struct transaction *tx, const struct change *c)
{
    const struct change *d = change_of(tx, "RXD");
    const json_t *lines = json_object_get(d ? d->after : NULL, "lines"), *items = json_object_get(c->after, "items");

    must(run, d && !d->before && is(d->after, "site", tx->call->by->site), "a dispense has its entry", tx);
    must(run, is(c->before, "lock", tx->call->by->site) && is(c->after, "lock", tx->call->by->site),
         "who dispenses has it", tx);
    must(run, !is_over(c->before) && tx->call->at <= seconds(text(c->before, "validUntil")), "while it is valid", tx);
    must(run, licensed(text(c->before, "issuer")), "the issuer's licence is valid now", tx);
    for (size_t i = 0; i < json_array_size(items); i++) {
        int64_t units = 0;

        for (size_t l = 0; l < json_array_size(lines); l++)
            if (number(json_array_get(lines, l), "item") == (int64_t)i + 1)
                units += number(json_array_get(lines, l), "units");
        for (size_t l = 0; l < json_array_size(lines); l++) {
            const json_t *line = json_array_get(lines, l), *item = item_of(c->before, (int64_t)i + 1);

            must(run,
                 number(line, "item") != (int64_t)i + 1 || strcmp(text(line, "opened"), text(item, "notBefore")) == 0,
                 "when the window had opened", tx);
        }
        if (units)
            check_taken(run, tx, item_of(c->before, (int64_t)i + 1), json_array_get(items, i), units);
        else
            must(run, json_equal(item_of(c->before, (int64_t)i + 1), json_array_get(items, i)), "other items stay", tx);
    }
    if (d)
        check_packs(run, tx, c->before, d->after);
}

/* An item after a dispense was taken back; false when a later window was dispensed from, so that it cannot be. */
struct item_state {
    int64_t done, used;
    const char *opens;
};

static bool put_back(const json_t *item, const json_t *lines, int64_t n, struct item_state *out)
{
    *out = (struct item_state){ number(item, "done"), number(item, "used"), text(item, "notBefore") };
    for (size_t l = 0; l < json_array_size(lines); l++) {
        const json_t *line = json_array_get(lines, l);

        if (number(line, "item") != n)
            continue;
        if (out->done == 0 && out->used == number(line, "window") + 1) /* the window that it closed opens again */
            *out = (struct item_state){ number(item, "auth"), number(line, "window"), text(line, "opened") };
        if (out->used != number(line, "window"))
            return false;
        out->done -= number(line, "units");
    }
    return true;
}

static void check_reversed(struct run *run, const struct transaction *tx, const struct change *c)
{
    const json_t *items = json_object_get(c->before, "items"), *lines;
    const struct change *d = change_of(tx, "RXD");
    struct item_state left;

    must(run, d && d->before && is(d->before, "site", tx->call->by->site), "the site that dispensed reverses", tx);
    if (!d)
        return;
    must(run, !*text(d->before, "handed") && !*text(d->before, "reversed") && *text(d->after, "reversed"),
         "before it is handed over, and once", tx);
    must(run, tx->call->at <= seconds(text(d->before, "at")) + 10 * DAY, "within ten days", tx);
    lines = json_object_get(d->before, "lines");
    must(run, json_equal(lines, json_object_get(d->after, "lines")), "the entry stays what it is", tx);
    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *now = item_of(c->after, (int64_t)i + 1);

        must(run, put_back(json_array_get(items, i), lines, (int64_t)i + 1, &left),
             "no window is reopened behind one that was dispensed from", tx);
        must(run,
             number(now, "done") == left.done && number(now, "used") == left.used &&
                 strcmp(text(now, "notBefore"), left.opens) == 0,
             "what a reversal leaves of an item", tx);
    }
    must(run, strcmp(text(c->before, "lock"), text(c->after, "lock")) == 0, "reversing frees nothing", tx);
}

/* Who may change a prescription how. */
static void check_rx(struct run *run, const struct transaction *tx, const struct change *c)
{
    const struct person *by = tx->call->by;
    const char *lock = text(c->before, "lock"), *now = text(c->after, "lock");
    const bool pharmacy = strcmp(by->role, "pharmacist") == 0;

    if (!c->before) {
        check_issued(run, tx, c);
        return;
    }
    must(run,
         is(c->after, "pid", text(c->before, "pid")) && is(c->after, "issuer", text(c->before, "issuer")) &&
             is(c->after, "validUntil", text(c->before, "validUntil")) &&
             is(c->after, "codeHash", text(c->before, "codeHash")),
         "a prescription stays what it is", tx);
    if (did(tx, "Dispense") || did(tx, "ReverseDispense")) {
        must(run, pharmacy, "pharmacists dispense", tx);
        (did(tx, "Dispense") ? check_dispensed : check_reversed)(run, tx, c);
        return;
    }
    must(run, json_equal(json_object_get(c->before, "items"), json_object_get(c->after, "items")), "items stay", tx);
    must(run, !is_over(c->before), "what is over stays so", tx);
    if (did(tx, "Accept")) {
        must(run, pharmacy && !*lock && strcmp(now, by->site) == 0, "one pharmacy has it", tx);
        must(run, tx->call->at <= seconds(text(c->before, "validUntil")), "accepted while valid", tx);
        must(run, is(tx->call->in, "code", CODE) || is(c->before, "nominee", by->site), "with the code", tx);
    } else if (did(tx, "Return") || did(tx, "Reject")) {
        must(run, pharmacy && strcmp(lock, by->site) == 0 && !*now, "who has it gives it back", tx);
        must(run,
             is(c->after, "status", "cancelled") ==
                 (did(tx, "Reject") || json_is_true(json_object_get(c->before, "marked"))),
             "what was marked is cancelled on return", tx);
    } else if (did(tx, "Expire")) {
        must(run, tx->call->at > seconds(text(c->before, "validUntil")) + 120 && is(c->after, "status", "expired"),
             "expired after its end", tx);
    } else {
        must(run, did(tx, "Cancel") ? !*lock && is(c->after, "status", "cancelled") : *lock && strcmp(lock, now) == 0,
             "cancelled while nobody has it", tx);
        must(run, did(tx, "Cancel") || did(tx, "MarkForCancel"), "what changes a prescription", tx);
        must(run, care_owns(tx->call, text(c->before, "pid")) || is(c->before, "issuer", by->uid),
             "issuer or owner cancels", tx);
    }
}

static void changed(struct run *run, const struct transaction *tx)
{
    for (size_t i = 0; i < tx->count && !run->rule; i++) {
        const struct change *c = &tx->changes[i];

        if (strcmp(c->type, "RX") == 0)
            check_rx(run, tx, c);
        else if (strcmp(c->type, "NOM") == 0)
            must(run, did(tx, "Nominate") && care_owns(tx->call, c->parts[0]) && !care_deceased(c->parts[0]),
                 "the owner nominates", tx);
        else if (strcmp(c->type, "RXD") == 0)
            must(run,
                 did(tx, "HandOver") ? !*text(c->before, "handed") && !*text(c->before, "reversed") &&
                                           is(c->before, "site", tx->call->by->site)
                                     : change_of(tx, "RX") != NULL,
                 "an entry and its prescription", tx);
    }
    if (did(tx, "SetStatus"))
        suspended[atoi(tx->call->args[1]) + 1] = strcmp(tx->call->args[2], "1") == 0;
}

/* ---- what must hold of all there is ---- */

/* What the dispenses that stand took of an item in a window. */
static int64_t taken_of(struct run *run, const char *id, int64_t n, int64_t window)
{
    int64_t units = 0;

    for (int seq = 1; seq <= 9; seq++) {
        const json_t *d = committed(run, "prescriptions/rx/~RXD~%s~%04d~", id, seq),
                     *lines = json_object_get(d, "lines");

        for (size_t l = 0; !*text(d, "reversed") && l < json_array_size(lines); l++)
            if (number(json_array_get(lines, l), "item") == n && number(json_array_get(lines, l), "window") == window)
                units += number(json_array_get(lines, l), "units");
    }
    return units;
}

/* In each window 0 <= done <= auth, and done is what the dispenses say; the status says what is left. */
static void check_whole(struct run *run, const json_t *rx)
{
    const char *id = text(rx, "rxId"), *nominee = text(rx, "nominee");
    const json_t *items = json_object_get(rx, "items");
    bool complete = true, begun = false;

    for (size_t i = 0; i < json_array_size(items) && !run->rule; i++) {
        const json_t *item = json_array_get(items, i);
        int64_t done = number(item, "done"), auth = number(item, "auth"), used = number(item, "used");

        if (done < 0 || done > auth || used < 0 || used > number(item, "repeats"))
            broken(run, "0 <= done <= auth", "%s item %zu: %d of %d", id, i + 1, (int)done, (int)auth);
        for (int64_t window = 0; window <= number(item, "repeats"); window++)
            if (taken_of(run, id, (int64_t)i + 1, window) != (window < used ? auth : window == used ? done : 0))
                broken(run, "done is what was dispensed", "%s item %zu window %d", id, i + 1, (int)window);
        complete = complete && done == auth && used == number(item, "repeats");
        begun = begun || done > 0 || used > 0;
    }
    if (!is(rx, "status", "cancelled") && !is(rx, "status", "expired") &&
        !is(rx, "status",
            complete            ? "completed"
            : begun             ? "partial"
            : *text(rx, "lock") ? "accepted"
                                : "active"))
        broken(run, "status", "%s is %s", id, text(rx, "status"));
    if (*nominee && (committed(run, "prescriptions/rx/~RXQ~%s~%s~", nominee, id) != NULL) == is_over(rx))
        broken(run, "queue", "%s is %s", id, text(rx, "status"));
}

/* What went out of a pack, by the dispenses that stand, is what is missing in it. */
static void check_pack(struct run *run, json_t *gone, const char *key, const json_t *pack)
{
    const char *gtin = part_of(key, 1), *serial = part_of(key, 2);
    int64_t whole = strcmp(gtin, GTIN_S) == 0 ? 20 : 30;
    char name[80];

    snprintf(name, sizeof(name), "%s~%s", gtin, serial);
    if (number(pack, "left") < 0 || whole - number(pack, "left") != number(gone, name))
        broken(run, "a pack goes out once", "%s has %d left, and %d went out", name, (int)number(pack, "left"),
               (int)number(gone, name));
}

static void ordered(struct run *run, const struct transaction *tx, size_t n)
{
    json_t *gone = json_object(), *one;
    const char *key;

    json_object_foreach(run->state, key, one)
    {
        const json_t *lines = json_object_get(one, "lines");

        if (strncmp(key, "prescriptions/rx/~RX~", 21) == 0 && !run->rule)
            check_whole(run, one);
        if (strncmp(key, "prescriptions/rx/~RXD~", 22) != 0 || *text(one, "reversed"))
            continue;
        for (size_t l = 0; l < json_array_size(lines); l++) {
            const json_t *list = json_object_get(json_array_get(lines, l), "packs");

            for (size_t k = 0; k < json_array_size(list); k++) {
                const json_t *pack = json_array_get(list, k);
                char name[80];

                snprintf(name, sizeof(name), "%s~%s", text(pack, "gtin"), text(pack, "serial"));
                json_object_set_new(gone, name, json_integer(number(gone, name) + number(pack, "units")));
            }
        }
    }
    json_object_foreach(run->state, key, one) if (strncmp(key, "supply/packs/~PACK~", 19) == 0 && !run->rule)
        check_pack(run, gone, key, one);
    json_decref(gone);
    (void)tx;
    (void)n;
}

/* ---- what is answered ---- */

/* What is expected of Accept: a status. */
static int expected(struct run *run, const struct call *call)
{
    const json_t *rx = committed(run, "prescriptions/rx/~RX~%s~", call->args[0]);
    const json_t *regions = json_object_get(rx, "regions");
    const char *lock = text(rx, "lock"), *own = strcmp(call->by->site, P1) == 0 ? "DE-BE" : "DE-BB";

    if (!rx)
        return 404;
    if (!is(call->in, "code", CODE) && !is(rx, "nominee", call->by->site))
        return 403;
    if (is_over(rx) || call->at > seconds(text(rx, "validUntil")))
        return 410;
    if (*lock)
        return 409;
    return lists(regions, "DE") || lists(regions, own) ? 200 : 422;
}

/* And of ReverseDispense; 0 where it depends on more. */
static int expected_reversal(struct run *run, const struct call *call)
{
    const json_t *rx = committed(run, "prescriptions/rx/~RX~%s~", call->args[0]);
    const json_t *d = committed(run, "prescriptions/rx/~RXD~%s~%04d~", call->args[0], (int)number(call->in, "seq"));
    struct item_state left;

    if (!rx || !d || !is(d, "site", call->by->site) || *text(d, "reversed"))
        return 0;
    if (*text(d, "handed") || call->at > seconds(text(d, "at")) + 10 * DAY)
        return 412;
    for (int64_t n = 1; item_of(rx, n); n++)
        if (!put_back(item_of(rx, n), json_object_get(d, "lines"), n, &left))
            return 412;
    return 200;
}

static void answered(struct run *run, const struct call *call)
{
    int want = 0;

    if (call->by->impostor || strcmp(call->by->role, "pharmacist") != 0)
        return;
    if (strcmp(call->function, "Accept") == 0)
        want = expected(run, call);
    else if (strcmp(call->function, "ReverseDispense") == 0)
        want = expected_reversal(run, call);
    if (!want)
        return;
    if (call->result.status != want)
        broken(run, "answer", "%s at %s was answered %d %s, and not %d", call->line, time_text(call->at),
               (int)call->result.status, call->result.message, want);
}

static const char *const accepted[] = { "Issue",         "Accept",   "Return",          "Reject",
                                        "Dispense",      "HandOver", "ReverseDispense", "Cancel",
                                        "MarkForCancel", "Nominate", "Expire",          "GetRx",
                                        "Queue",         NULL };
static const char *const secrets[] = { PID_A, PID_B,      PID_DEAD,    PID_E,      PID_G,         PID_M,
                                       PID_W, PID_LINKED, PID_UNKNOWN, PID_NOBODY, "twice-a-day", NULL };

const struct subject subject = { .name = "prescriptions",
                                 .people = people,
                                 .secrets = secrets,
                                 .accepted = accepted,
                                 .start = begin,
                                 .generate = generate,
                                 .answered = answered,
                                 .changed = changed,
                                 .ordered = ordered };
