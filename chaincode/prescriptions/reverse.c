/*
 * reverse.c: what becomes of a dispense. It is final once the patient has it, or after ten days; until then the pharmacy
 * can take it back: packs and prescription are then as before, and the entry stays.
 */
#include "prescriptions/parts.h"

static const char *const reverse_words[] = { "not_collected", "patient_refused", "wrong_pack", "medication_changed",
                                             "recalled",      "entry_error",     "other",      NULL };

static const lib_field hand_over_fields[] = { RX_SEQ, RX_SALT };
static const lib_field reverse_fields[] = {
    RX_SEQ,
    { .name = "reasonCode", .type = LIB_WORD, .words = reverse_words },
    RX_SALT,
};
static const lib_field rx_args[] = { RX_ID };

#define AFTER .flags = LIB_WRITES, .roles = LIB_PHARMACIST, .in = LIB_IN_REQUIRED, LIB_ARGS(rx_args), .endorsers = "RX"

LIB_DEFINE(rx_hand_over, AFTER, LIB_FIELDS(hand_over_fields), .callers = "pharmacist of the site that dispensed",
           .reads = "rx RX, RXD; ACT", .writes = "rx RXD; ACT", .answer = "`{\"id\",\"v\"}` of the dispense")
LIB_DEFINE(rx_reverse_dispense, AFTER, LIB_FIELDS(reverse_fields),
           .callers = "pharmacist of the site that dispensed, within 10 days, before HandOver",
           .reads = "rx RX, RXD; ACT; supply PROD, RECALL; packs PACK",
           .writes = "rx RX, RXD, RXQ; ACT each; supply packs PACK, HAVE, MOVE", .answer = "`{\"id\",\"v\"}`")

/* The prescription and the dispense of this site that T's seq names, which nobody has taken back. */
static fcc_status read_both(lib_call *call, const json_t **rx, const json_t **dispense)
{
    fcc_status st = rx_read(call, rx);

    if (st != FCC_OK ||
        (st = rx_read_dispense(call, lib_arg_text(call, "rxId"), rx_number(call->in, "seq"), dispense)) != FCC_OK)
        return st;
    if (!*dispense)
        return lib_refuse(call, LIB_NOT_FOUND, "seq: there is no such dispense");
    if (!lib_text_is(*dispense, "site", call->caller.site))
        return lib_deny(call, "not_site", "another pharmacy dispensed");
    return lib_text(*dispense, "reversed") ? lib_refuse(call, LIB_ALREADY, "the dispense was reversed") : FCC_OK;
}

static fcc_status rx_hand_over(lib_call *call)
{
    const json_t *rx = NULL, *old = NULL;
    char id[RX_MAX_ID + 8];
    const char *pid;
    json_t *dispense;
    fcc_status st = read_both(call, &rx, &old);

    if (st != FCC_OK)
        return st;
    if (lib_text(old, "handed"))
        return lib_refuse(call, LIB_ALREADY, "the patient has it");
    pid = lib_text(rx, "pid");
    if ((st = lib_require_patient(call, &pid)) != FCC_OK)
        return st;
    dispense = lib_next(call, old, lib_in_text(call, "salt"));
    if (!dispense)
        return FCC_ERR_NOMEM;
    if ((st = lib_set(dispense, "handed", lib_time(call, call->now))) != FCC_OK ||
        (st = lib_set(dispense, "handedBy", call->caller.uid)) != FCC_OK ||
        (st = rx_write_dispense(call, dispense)) != FCC_OK)
        return st;
    snprintf(id, sizeof(id), "%s:%d", lib_arg_text(call, "rxId"), (int)rx_number(old, "seq"));
    return lib_answer_act(call, "RxHandedOver", id, lib_version(dispense));
}

static fcc_status require_not_final(lib_call *call, const json_t *dispense)
{
    const char *at = lib_text(dispense, "at");
    int64_t when = 0;

    if (!at || !lib_time_parse(at, &when))
        return fcc_fail(call->stub, FCC_ERR_CORRUPT, "a dispense lacks its fields");
    if (lib_text(dispense, "handed"))
        return lib_refuse(call, LIB_PRECONDITION, "final: the patient has it");
    return call->now <= when + RX_REVERSE_SECONDS
               ? FCC_OK
               : lib_refuse(call, LIB_PRECONDITION, "final: it was dispensed more than ten days ago");
}

/* Also of a prescription that was cancelled or has expired since: the packs are there, and go back to the shelf. */
static fcc_status put_lines_back(lib_call *call, json_t *rx, const json_t *lines)
{
    for (size_t i = 0; i < json_array_size(lines); i++) {
        const json_t *line = json_array_get(lines, i);
        json_t *item = rx_item(rx, rx_number(line, "item"));

        if (!item)
            return fcc_fail(call->stub, FCC_ERR_CORRUPT, "a dispense of an item that is not there");
        if (!rx_put_back(item, rx_number(line, "units"), rx_number(line, "window"), lib_text(line, "opened")))
            return lib_refuse(call, LIB_PRECONDITION,
                              "a later window of the item was dispensed from: reverse that dispense first");
    }
    if (lib_text_is(rx, "status", "completed") && lib_set(rx, "status", "partial") != FCC_OK)
        return FCC_ERR_NOMEM;
    return rx_settle(rx);
}

static fcc_status rx_reverse_dispense(lib_call *call)
{
    const json_t *old = NULL, *before = NULL, *answer = NULL, *packs;
    const char *salt = NULL;
    json_t *rx, *dispense;
    fcc_status st = read_both(call, &old, &before);

    if (st != FCC_OK || (st = require_not_final(call, before)) != FCC_OK ||
        (st = lib_second_salt(call, lib_in_text(call, "salt"), "RXD", &salt)) != FCC_OK)
        return st;
    rx = rx_next(call, old, "ReverseDispense");
    dispense = lib_next(call, before, salt);
    packs = rx_packs_of(call, json_object_get(before, "lines"));
    if (!rx || !dispense || !packs)
        return FCC_ERR_NOMEM;
    if ((st = put_lines_back(call, rx, json_object_get(before, "lines"))) != FCC_OK ||
        (st = rx_call_supply(call, "UnmarkDispensed", packs, &answer)) != FCC_OK ||
        (st = lib_set(dispense, "reversed", lib_time(call, call->now))) != FCC_OK ||
        (st = lib_set(dispense, "reversedBy", call->caller.uid)) != FCC_OK ||
        (st = lib_set(dispense, "reasonCode", lib_in_text(call, "reasonCode"))) != FCC_OK ||
        (st = rx_write(call, old, rx)) != FCC_OK || (st = rx_write_dispense(call, dispense)) != FCC_OK)
        return st;
    return lib_answer_act(call, "RxReversed", lib_arg_text(call, "rxId"), lib_version(rx));
}
