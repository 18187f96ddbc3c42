/*
 * cancel.c: the end of a prescription before everything of it was dispensed. While a pharmacy has it, it is only marked:
 * the pharmacy may have the drugs in its hand, and what it gives back is then cancelled.
 */
#include "prescriptions/parts.h"

/* NHS EPS' reasons of prescribers (medicationrequest-status-reason), and the owner's. */
static const char *const cancel_words[] = { "prescribing_error",
                                            "contraindication",
                                            "regime_change",
                                            "clinical_grounds",
                                            "patient_request",
                                            "pharmacist_request",
                                            "death",
                                            "left_practice",
                                            "registered_elsewhere",
                                            "not_needed",
                                            NULL };

static const lib_field cancel_fields[] = { { .name = "reasonCode", .type = LIB_WORD, .words = cancel_words }, RX_SALT };
static const lib_field expire_fields[] = { RX_SALT };
static const lib_field rx_args[] = { RX_ID };

#define ENDS                                                                                                 \
    .flags = LIB_WRITES, .in = LIB_IN_REQUIRED, LIB_ARGS(rx_args), .reads = "rx RX; ACT", .endorsers = "RX", \
    .answer = "`{\"id\",\"v\"}`"

LIB_DEFINE(rx_cancel, ENDS, .roles = LIB_DOCTOR | LIB_PATIENT, LIB_FIELDS(cancel_fields), .callers = "issuer, owner",
           .writes = "rx RX, RXQ; ACT")
LIB_DEFINE(rx_mark_for_cancel, ENDS, .roles = LIB_DOCTOR | LIB_PATIENT, LIB_FIELDS(cancel_fields),
           .callers = "issuer, owner", .writes = "rx RX; ACT")
LIB_DEFINE(rx_expire, ENDS, .roles = LIB_EVERY_ROLE, LIB_FIELDS(expire_fields), .callers = "anyone of H, C, P",
           .writes = "rx RX, RXQ; ACT")

static fcc_status require_issuer_or_owner(lib_call *call, const json_t *rx)
{
    const char *pid = lib_text(rx, "pid");
    fcc_status st;

    if (call->caller.role == LIB_PATIENT) {
        if ((st = rx_require_owner(call, pid)) != FCC_OK)
            return st;
        return lib_require_patient(call, &pid); /* what is to be done for the dead, the issuer does */
    }
    return rx_issued_by_caller(call, rx) ? FCC_OK : lib_deny(call, "not_issuer", "another doctor issued it");
}

/* Write the version that ends it. */
static fcc_status end(lib_call *call, const json_t *old, const char *act, const char *status, const char *event)
{
    json_t *rx = rx_next(call, old, act);
    fcc_status st;

    if (!rx)
        return FCC_ERR_NOMEM;
    if ((st = lib_set(rx, "status", status)) != FCC_OK || (st = lib_set(rx, "lock", NULL)) != FCC_OK ||
        (st = rx_write(call, old, rx)) != FCC_OK)
        return st;
    return lib_answer_act(call, event, lib_arg_text(call, "rxId"), lib_version(rx));
}

static fcc_status rx_cancel(lib_call *call)
{
    const json_t *old = NULL;
    fcc_status st = rx_read(call, &old);

    if (st != FCC_OK || (st = require_issuer_or_owner(call, old)) != FCC_OK ||
        (st = rx_require_live(call, old)) != FCC_OK)
        return st;
    if (lib_text(old, "lock"))
        return lib_refuse(call, LIB_CONFLICT,
                          "locked: a pharmacy has it; MarkForCancel takes effect when it gives it back");
    return end(call, old, "Cancel", "cancelled", "RxCancelled");
}

static fcc_status rx_mark_for_cancel(lib_call *call)
{
    const json_t *old = NULL;
    json_t *rx;
    fcc_status st = rx_read(call, &old);

    if (st != FCC_OK || (st = require_issuer_or_owner(call, old)) != FCC_OK ||
        (st = rx_require_live(call, old)) != FCC_OK)
        return st;
    if (!lib_text(old, "lock"))
        return lib_refuse(call, LIB_PRECONDITION, "no pharmacy has it: Cancel takes effect at once");
    if (json_is_true(json_object_get(old, "marked")))
        return lib_refuse(call, LIB_ALREADY, "it is marked");
    rx = rx_next(call, old, "MarkForCancel");
    if (!rx || json_object_set_new(rx, "marked", json_true()) != 0)
        return FCC_ERR_NOMEM;
    if ((st = rx_write(call, old, rx)) != FCC_OK)
        return st;
    return lib_answer_act(call, "RxMarked", lib_arg_text(call, "rxId"), lib_version(rx));
}

/* Anybody may say so, once nobody's clock can doubt it; also while a pharmacy has it. */
static fcc_status rx_expire(lib_call *call)
{
    const json_t *old = NULL;
    int64_t until = 0;
    fcc_status st;

    if (!lib_is_care(call->caller.msp) && strcmp(call->caller.msp, "PharmacyMSP") != 0)
        return lib_deny(call, "role", "only for Hospital, Clinic and Pharmacy");
    if ((st = rx_read(call, &old)) != FCC_OK || (st = rx_require_live(call, old)) != FCC_OK)
        return st;
    if (!lib_text(old, "validUntil") || !lib_time_parse(lib_text(old, "validUntil"), &until))
        return fcc_fail(call->stub, FCC_ERR_CORRUPT, "a prescription lacks its fields");
    if (call->now <= until + RX_WINDOW_SECONDS)
        return lib_refuse(call, LIB_PRECONDITION, "the prescription is valid, or was a moment ago");
    return end(call, old, "Expire", "expired", "RxExpired");
}
