/*
 * lock.c: one pharmacy at a time has a prescription. It accepts it with the code that the patient shows, or because the
 * patient had nominated it when it was issued, and keeps it until it gives it back.
 */
#include "prescriptions/parts.h"

#include <openssl/crypto.h>

/* NHS EPS' reasons to return a prescription, and what a pharmacist may have against it. */
static const char *const return_words[] = { "patient_request", "other_pharmacy", "not_collected", "not_in_stock",
                                            "not_dispensed",   "expired",        "other",         NULL };
static const char *const reject_words[] = { "clinical", "unclear", "formal_fault", "suspected_forgery", "other", NULL };

static const lib_field accept_fields[] = { { .name = "code", .type = LIB_ID, .optional = true }, RX_SALT };
static const lib_field return_fields[] = { { .name = "reasonCode", .type = LIB_WORD, .words = return_words }, RX_SALT };
static const lib_field reject_fields[] = { { .name = "reasonCode", .type = LIB_WORD, .words = reject_words }, RX_SALT };
static const lib_field rx_args[] = { RX_ID };

#define LOCKS .flags = LIB_WRITES, .roles = LIB_PHARMACIST, .in = LIB_IN_REQUIRED, LIB_ARGS(rx_args), .endorsers = "RX"

LIB_DEFINE(rx_accept, LOCKS, LIB_FIELDS(accept_fields),
           .callers = "pharmacist with the code, or of the site nominated at issue", .reads = "rx RX; ACT",
           .writes = "rx RX (lock = site); ACT", .answer = "`{\"id\",\"v\"}`")
LIB_DEFINE(rx_return, LOCKS, LIB_FIELDS(return_fields), .callers = "pharmacist of the locking site",
           .reads = "rx RX; ACT", .writes = "rx RX, RXQ; ACT", .answer = "`{\"id\",\"v\"}`")
LIB_DEFINE(rx_reject, LOCKS, LIB_FIELDS(reject_fields), .callers = "pharmacist of the locking site",
           .reads = "rx RX; ACT", .writes = "rx RX, RXQ; ACT", .answer = "`{\"id\",\"v\"}`")

/* ---- Accept ---- */

/* Whether SHA-256(codeSalt's bytes || the code's characters) is the codeHash. */
static fcc_status is_code(lib_call *call, const json_t *rx, const char *code, bool *is)
{
    const char *salt = lib_text(rx, "codeSalt"), *want = lib_text(rx, "codeHash");
    size_t len = strlen(code);
    char have[2 * LIB_SHA256_LEN + 1];
    uint8_t *text;

    if (!salt || !want || strlen(want) != 2 * (size_t)LIB_SHA256_LEN)
        return fcc_fail(call->stub, FCC_ERR_CORRUPT, "a prescription lacks its fields");
    text = fcc_alloc(call->stub, 16 + len);
    if (!text)
        return FCC_ERR_NOMEM;
    lib_from_hex(salt, text, 16);
    memcpy(text + 16, code, len);
    if (!lib_sha256_hex(fcc_bytes_of(text, 16 + len), have))
        return FCC_ERR_NOMEM;
    *is = CRYPTO_memcmp(have, want, sizeof(have) - 1) == 0;
    return FCC_OK;
}

static fcc_status require_code(lib_call *call, const json_t *rx)
{
    const char *code = lib_in_text(call, "code");
    bool may = lib_text_is(rx, "nominee", call->caller.site);
    fcc_status st = FCC_OK;

    if (!may && code)
        st = is_code(call, rx, code, &may);
    if (st != FCC_OK)
        return st;
    return may ? FCC_OK : lib_deny(call, "code", "code is missing or wrong, and this pharmacy was not nominated");
}

static fcc_status require_free(lib_call *call, const json_t *rx)
{
    const char *lock = lib_text(rx, "lock");

    if (!lock)
        return FCC_OK;
    return strcmp(lock, call->caller.site) == 0
               ? lib_refuse(call, LIB_ALREADY, "this pharmacy has accepted the prescription")
               : lib_refuse(call, LIB_CONFLICT, "locked: another pharmacy has accepted the prescription");
}

static fcc_status rx_accept(lib_call *call)
{
    const char *id = lib_arg_text(call, "rxId"), *pid;
    const json_t *old = NULL;
    json_t *rx;
    fcc_status st = rx_read(call, &old);

    if (st != FCC_OK)
        return st;
    pid = lib_text(old, "pid");
    /* who has no right to it is not told how it stands */
    if ((st = require_code(call, old)) != FCC_OK || (st = rx_require_valid(call, old)) != FCC_OK ||
        (st = require_free(call, old)) != FCC_OK || (st = rx_require_region(call, old)) != FCC_OK ||
        (st = lib_require_patient(call, &pid)) != FCC_OK)
        return st;
    rx = rx_next(call, old, "Accept");
    if (!rx)
        return FCC_ERR_NOMEM;
    if ((st = lib_set(rx, "lock", call->caller.site)) != FCC_OK || (st = rx_settle(rx)) != FCC_OK ||
        (st = rx_write(call, old, rx)) != FCC_OK)
        return st;
    return lib_answer_act(call, "RxAccepted", id, lib_version(rx));
}

/* ---- Return, Reject ---- */

/* Nobody has it then. */
static fcc_status let_go(lib_call *call, const char *act, bool cancel)
{
    const char *id = lib_arg_text(call, "rxId");
    const json_t *old = NULL;
    json_t *rx;
    fcc_status st = rx_read(call, &old);

    if (st != FCC_OK || (st = rx_require_live(call, old)) != FCC_OK || (st = rx_require_lock(call, old)) != FCC_OK)
        return st;
    rx = rx_next(call, old, act);
    if (!rx)
        return FCC_ERR_NOMEM;
    cancel = cancel || json_is_true(json_object_get(old, "marked"));
    if ((st = lib_set(rx, "lock", NULL)) != FCC_OK || (cancel && (st = lib_set(rx, "status", "cancelled")) != FCC_OK) ||
        (st = rx_settle(rx)) != FCC_OK || (st = rx_write(call, old, rx)) != FCC_OK)
        return st;
    return lib_answer_act(call, cancel ? "RxCancelled" : "RxReturned", id, lib_version(rx));
}

/* Another pharmacy may accept it then, unless issuer or owner wanted it cancelled meanwhile. */
static fcc_status rx_return(lib_call *call)
{
    return let_go(call, "Return", false);
}

/* The pharmacist finds that it must not be dispensed, by nobody: it is over. */
static fcc_status rx_reject(lib_call *call)
{
    return let_go(call, "Reject", true);
}
