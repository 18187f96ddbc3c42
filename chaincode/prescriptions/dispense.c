/*
 * dispense.c: packs leave the pharmacy, and what they hold is taken off the prescription. The packs' own record is marked
 * by supply in the same transaction: both are written or neither.
 */
#include "prescriptions/parts.h"

#include <stdlib.h>

#include "lib/json.h"

static const lib_field dispense_fields[] = {
    RX_SEQ,
    { .name = "lines", .type = LIB_ARRAY, .min = 1, .max = RX_MAX_ITEMS },
    RX_SALT,
};
static const lib_field line_fields[] = {
    { .name = "item", .type = LIB_INT, .min = 1, .max = RX_MAX_ITEMS },
    { .name = "packs", .type = LIB_ARRAY, .min = 1, .max = RX_MAX_PACKS },
};
/* their forms are GS1's, which supply knows */
static const lib_field pack_fields[] = {
    { .name = "gtin", .type = LIB_TEXT, .min = 8, .max = 14 },
    { .name = "serial", .type = LIB_TEXT, .min = 1, .max = 20 },
    { .name = "units", .type = LIB_INT, .min = 1, .max = RX_MAX_UNITS },
};
static const lib_field rx_args[] = { RX_ID };

LIB_DEFINE(rx_dispense, .flags = LIB_WRITES, .roles = LIB_PHARMACIST, .in = LIB_IN_REQUIRED,
           LIB_FIELDS(dispense_fields), LIB_ARGS(rx_args), .callers = "pharmacist of the locking site",
           .reads = "rx RX, RXD; licence of the issuer; ACT; supply PROD, RECALL; packs PACK",
           .writes = "rx RX, RXD, RXQ; ACT each; supply packs PACK, HAVE, MOVE", .endorsers = "RX",
           .answer = "`{\"id\",\"v\"}`")

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* ---- records ---- */

static const char *number_of(lib_call *call, int64_t seq)
{
    char text[8];

    snprintf(text, sizeof(text), "%04d", (int)seq);
    return lib_string(call, fcc_str(text));
}

static const char *act_of(lib_call *call, const char *id, int64_t seq)
{
    char text[RX_MAX_ID + 8];

    snprintf(text, sizeof(text), "%s:%d", id, (int)seq);
    return lib_string(call, fcc_str(text));
}

fcc_status rx_read_dispense(lib_call *call, const char *id, int64_t seq, const json_t **dispense)
{
    const char *number = number_of(call, seq), *act_id = act_of(call, id, seq);
    char commit[2 * LIB_SHA256_LEN + 1];
    const json_t *act = NULL;
    fcc_status st;

    if (!number || !act_id)
        return FCC_ERR_NOMEM;
    if ((st = lib_read(call, RX_COLLECTION, lib_key(call, "RXD", id, number, NULL), dispense)) != FCC_OK || !*dispense)
        return st;
    if ((st = lib_read(call, NULL, lib_key(call, "ACT", act_id, NULL, NULL), &act)) != FCC_OK)
        return st;
    if (!lib_commit_of(*dispense, commit) || !lib_text_is(act, "commit", commit))
        return lib_refuse(call, LIB_TAMPERED, "this peer's copy of the dispense is not what the ledger commits to");
    return FCC_OK;
}

fcc_status rx_write_dispense(lib_call *call, const json_t *dispense)
{
    const char *id = lib_text(dispense, "rxId"), *number = number_of(call, rx_number(dispense, "seq")),
               *act_id = act_of(call, id, rx_number(dispense, "seq"));

    if (!number || !act_id)
        return FCC_ERR_NOMEM;
    return lib_write_record(call, RX_COLLECTION, "RXD", id, number, dispense, "dispense", act_id,
                            lib_text(dispense, "reversed") ? "reversed"
                            : lib_text(dispense, "handed") ? "handed"
                                                           : "dispensed");
}

/* ---- supply ---- */

json_t *rx_packs_of(lib_call *call, const json_t *lines)
{
    json_t *packs = lib_own(call, json_array());

    for (size_t i = 0; packs && i < json_array_size(lines); i++) {
        const json_t *of_line = json_object_get(json_array_get(lines, i), "packs");

        for (size_t k = 0; k < json_array_size(of_line); k++) {
            const json_t *pack = json_array_get(of_line, k);

            if (json_array_append_new(packs, json_pack("{s:O,s:O,s:O}", "gtin", json_object_get(pack, "gtin"), "serial",
                                                       json_object_get(pack, "serial"), "units",
                                                       json_object_get(pack, "units"))) != 0)
                return NULL;
        }
    }
    return packs;
}

fcc_status rx_call_supply(lib_call *call, const char *function, const json_t *packs, const json_t **answer)
{
    const char *salt = NULL;
    size_t len = 0;
    char *text;
    fcc_status st = lib_second_salt(call, lib_in_text(call, "salt"), "supply", &salt);

    if (st != FCC_OK)
        return st;
    text = lib_json_canonical(packs, &len);
    if (!text)
        return FCC_ERR_NOMEM;
    st = lib_call_sister(
        call, "supply",
        (const fcc_bytes[]){ fcc_str(function), fcc_str(call->caller.site), fcc_bytes_of(text, len), fcc_str(salt) }, 4,
        answer);
    free(text);
    if (st != FCC_OK)
        return st;
    if (json_array_size(*answer) != json_array_size(packs))
        return fcc_fail(call->stub, FCC_ERR_CORRUPT, "supply answered about other packs");
    return FCC_OK;
}

/* ---- what is asked for ---- */

static bool same_pack(const json_t *a, const json_t *b)
{
    return lib_text_is(a, "gtin", lib_text(b, "gtin")) && lib_text_is(a, "serial", lib_text(b, "serial"));
}

/* Their forms, at most 200 in all, each of them once. */
static fcc_status check_packs(lib_call *call, const json_t *lines)
{
    const json_t *seen[RX_MAX_PACKS];
    size_t count = 0;
    char where[64];
    fcc_status st;

    for (size_t i = 0; i < json_array_size(lines); i++) {
        const json_t *packs = json_object_get(json_array_get(lines, i), "packs");

        for (size_t k = 0; k < json_array_size(packs); k++) {
            const json_t *pack = json_array_get(packs, k);

            snprintf(where, sizeof(where), "lines[%zu].packs[%zu].", i, k);
            if ((st = lib_check_fields(call, pack, pack_fields, COUNT(pack_fields), where)) != FCC_OK)
                return st;
            if (count == RX_MAX_PACKS)
                return lib_refuse(call, LIB_BAD_INPUT, "lines: more than %d packs", RX_MAX_PACKS);
            for (size_t s = 0; s < count; s++)
                if (same_pack(seen[s], pack))
                    return lib_refuse(call, LIB_INVARIANT, "%.*s: the same pack twice", (int)strlen(where) - 1, where);
            seen[count++] = pack;
        }
    }
    return FCC_OK;
}

static fcc_status check_lines(lib_call *call)
{
    const json_t *lines = lib_in(call, "lines");
    bool seen[RX_MAX_ITEMS + 1] = { false };
    char where[32];
    fcc_status st;

    for (size_t i = 0; i < json_array_size(lines); i++) {
        const json_t *line = json_array_get(lines, i);
        int64_t n = rx_number(line, "item");

        snprintf(where, sizeof(where), "lines[%zu].", i);
        if ((st = lib_check_fields(call, line, line_fields, COUNT(line_fields), where)) != FCC_OK)
            return st;
        if (seen[n])
            return lib_refuse(call, LIB_BAD_INPUT, "%sitem: an item twice", where);
        seen[n] = true;
    }
    return check_packs(call, lines);
}

/* ---- Dispense ---- */

/* The doctor's licence holds now, where it was prescribed. */
static fcc_status require_issuers_licence(lib_call *call, const json_t *rx)
{
    struct registry_site site = { 0 };
    bool found = false, valid = false;
    fcc_status st = registry_site(call, lib_text(rx, "site"), &site, &found);

    if (st == FCC_OK && found && site.region)
        st = lib_check(call, lib_text(rx, "issuer"), "prescribe", site.region, &valid);
    if (st != FCC_OK)
        return st;
    return valid ? FCC_OK : lib_deny(call, "licence", "the issuer has no valid licence now");
}

static int64_t units_of(const json_t *line)
{
    const json_t *packs = json_object_get(line, "packs");
    int64_t units = 0;

    for (size_t i = 0; i < json_array_size(packs); i++)
        units += rx_number(json_array_get(packs, i), "units");
    return units;
}

/* Take what the lines ask for off the items of `rx`; each line is noted in `taken` with the window it came from. */
static fcc_status take_lines(lib_call *call, json_t *rx, json_t *taken)
{
    const json_t *lines = lib_in(call, "lines");

    for (size_t i = 0; i < json_array_size(lines); i++) {
        const json_t *line = json_array_get(lines, i);
        json_t *item = rx_item(rx, rx_number(line, "item")), *packs = json_deep_copy(json_object_get(line, "packs"));
        int64_t units = units_of(line), opens = 0;
        const char *not_before = lib_text(item, "notBefore");

        if (json_array_append_new(taken, json_pack("{s:I,s:I,s:I,s:s*,s:o}", "item", rx_number(line, "item"), "units",
                                                   (json_int_t)units, "window", rx_number(item, "used"), "opened",
                                                   not_before, "packs", packs)) != 0)
            return FCC_ERR_NOMEM;
        if (!item)
            return lib_refuse(call, LIB_NOT_FOUND, "lines[%zu].item: the prescription has no such item", i);
        if (units > rx_number(item, "auth") - rx_number(item, "done"))
            return lib_refuse(call, LIB_INVARIANT, "lines[%zu]: more units than are left of the item", i);
        if (not_before && lib_time_parse(not_before, &opens) && call->now < opens)
            return lib_refuse(call, LIB_PRECONDITION, "lines[%zu]: the item's next window has not opened", i);
        if (rx_take(item, units, call->now) != FCC_OK)
            return FCC_ERR_NOMEM;
    }
    return FCC_OK;
}

/* Each pack is of a product that its item allows; the lot is noted with it. */
static fcc_status match_packs(lib_call *call, const json_t *rx, json_t *taken, const json_t *products)
{
    size_t at = 0;

    for (size_t i = 0; i < json_array_size(taken); i++) {
        const json_t *line = json_array_get(taken, i), *item = rx_item(rx, rx_number(line, "item"));
        const json_t *packs = json_object_get(line, "packs");

        for (size_t k = 0; k < json_array_size(packs); k++, at++) {
            const json_t *product = json_array_get(products, at);
            json_t *pack = json_array_get(packs, k);

            if (!same_pack(pack, product))
                return fcc_fail(call->stub, FCC_ERR_CORRUPT, "supply answered about other packs");
            if (!rx_matches(item, product))
                return lib_refuse(call, LIB_INVARIANT, "lines[%zu].packs[%zu]: product: not what the item asks for", i,
                                  k);
            if (lib_set(pack, "lot", lib_text(product, "lot")) != FCC_OK)
                return FCC_ERR_NOMEM;
        }
    }
    return FCC_OK;
}

static fcc_status rx_dispense(lib_call *call)
{
    const char *id = lib_arg_text(call, "rxId"), *salt = lib_in_text(call, "salt"), *own_salt = NULL, *pid;
    const json_t *old = NULL, *before = NULL, *products = NULL;
    int64_t seq = rx_number(call->in, "seq");
    json_t *rx, *packs, *dispense, *taken = lib_own(call, json_array());
    fcc_status st;

    if ((st = check_lines(call)) != FCC_OK || (st = rx_read(call, &old)) != FCC_OK ||
        (st = rx_read_dispense(call, id, seq, &before)) != FCC_OK)
        return st;
    if (before)
        return lib_refuse(call, LIB_ALREADY, "seq was used before");
    pid = lib_text(old, "pid");
    if ((st = rx_require_valid(call, old)) != FCC_OK || (st = rx_require_lock(call, old)) != FCC_OK ||
        (st = rx_require_region(call, old)) != FCC_OK || (st = lib_require_patient(call, &pid)) != FCC_OK ||
        (st = require_issuers_licence(call, old)) != FCC_OK)
        return st;
    rx = rx_next(call, old, "Dispense");
    packs = rx_packs_of(call, lib_in(call, "lines"));
    if (!rx || !packs || !taken)
        return FCC_ERR_NOMEM;
    if ((st = take_lines(call, rx, taken)) != FCC_OK || (st = rx_settle(rx)) != FCC_OK ||
        (st = rx_call_supply(call, "MarkDispensed", packs, &products)) != FCC_OK ||
        (st = match_packs(call, rx, taken, products)) != FCC_OK ||
        (st = lib_second_salt(call, salt, "RXD", &own_salt)) != FCC_OK)
        return st;
    dispense = lib_own(call, json_pack("{s:i,s:i,s:s,s:I,s:s,s:s,s:s,s:O,s:s}", "fmt", 1, "v", 1, "rxId", id, "seq",
                                       (json_int_t)seq, "site", call->caller.site, "uid", call->caller.uid, "at",
                                       lib_time(call, call->now), "lines", taken, "salt", own_salt));
    if (!dispense)
        return FCC_ERR_NOMEM;
    if ((st = rx_write(call, old, rx)) != FCC_OK || (st = rx_write_dispense(call, dispense)) != FCC_OK)
        return st;
    return lib_answer_act(call, "RxDispensed", id, lib_version(rx));
}
