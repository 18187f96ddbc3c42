/*
 * probe.c: a chaincode that does what its caller says: every call of the stub by name, so that the shim can be compared
 * with what real networks recorded; and three functions to measure with. See README.md.
 */
#include <fcc/chaincode.h>

#include "probe/ops.h"
#include "probe/text.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static const fcc_bytes none;

static fcc_status echo(fcc_stub *stub, fcc_args a)
{
    return fcc_reply(stub, a.v[0]);
}

static fcc_status error(fcc_stub *stub, fcc_args a)
{
    return fcc_reply_status(stub, 500, a.v[0], none);
}

/* A decimal number, perhaps negative, of at most 18 digits. */
static bool integer(fcc_bytes text, int64_t *out)
{
    char digits[20];
    char *end;

    if (!text.len || text.len >= sizeof(digits))
        return false;
    memcpy(digits, text.data, text.len);
    digits[text.len] = 0;
    *out = strtoll(digits, &end, 10);
    return end == digits + text.len && (digits[0] == '-' || (digits[0] >= '0' && digits[0] <= '9'));
}

static fcc_status status(fcc_stub *stub, fcc_args a)
{
    int64_t code;

    if (!integer(a.v[0], &code) || code < INT32_MIN || code > INT32_MAX)
        return fcc_fail(stub, FCC_ERR_ARG, "not a status: " FCC_FMT, FCC_ARG(a.v[0]));
    return fcc_reply_status(stub, (int32_t)code, a.v[1], a.v[2]);
}

/* ---- run ---- */

/* The strings of one STEP, borrowed from `json`. */
static bool strings_of(fcc_stub *stub, const json_t *json, fcc_bytes **out, size_t *count)
{
    size_t n = json_array_size(json);
    fcc_bytes *strings;

    if (!json_is_array(json) || !n)
        return false;
    strings = fcc_alloc(stub, n * sizeof(*strings));
    if (!strings)
        return false;
    for (size_t i = 0; i < n; i++) {
        const json_t *item = json_array_get(json, i);

        if (!json_is_string(item))
            return false;
        strings[i] = fcc_bytes_of(json_string_value(item), json_string_length(item));
    }
    *out = strings;
    *count = n;
    return true;
}

/* One step: its result, or "!" and why not. */
static void run_step(fcc_stub *stub, fcc_bytes step, probe_text *out)
{
    json_error_t error;
    json_t *json = json_loadb((const char *)step.data, step.len, JSON_ALLOW_NUL, &error);
    const probe_op *op;
    fcc_bytes *strings;
    size_t count;

    if (!json || !strings_of(stub, json, &strings, &count)) {
        probe_text_add(out, FCC_LIT("!a step is a JSON array of strings"));
    } else if (!(op = probe_op_named(strings[0]))) {
        probe_text_add(out, FCC_LIT("!not implemented"));
    } else if (count - 1 < op->least || count - 1 > op->most) {
        probe_text_printf(out, "!wrong number of arguments for %s: %zu", op->name, count - 1);
    } else if (op->run(stub, (fcc_args){ strings + 1, count - 1 }, out) != FCC_OK) {
        out->len = 0;
        probe_text_add(out, FCC_LIT("!"));
        probe_text_add(out, fcc_error_text(stub));
    }
    json_decref(json);
}

static fcc_status run(fcc_stub *stub, fcc_args a)
{
    probe_text all = { .data = NULL }, one = { .data = NULL };
    fcc_status st;

    probe_text_add(&all, FCC_LIT("["));
    for (size_t i = 0; i < a.n; i++) {
        one.len = 0;
        run_step(stub, a.v[i], &one);
        if (i)
            probe_text_add(&all, FCC_LIT(","));
        probe_text_json(&all, probe_text_bytes(&one));
    }
    probe_text_add(&all, FCC_LIT("]"));
    if (all.failed || one.failed)
        st = fcc_fail(stub, FCC_ERR_NOMEM, "out of memory");
    else
        st = fcc_reply(stub, probe_text_bytes(&all));
    probe_text_clear(&one);
    probe_text_clear(&all);
    return st;
}

/* ---- what `bench` measures ---- */

static fcc_status noop(fcc_stub *stub, fcc_args a)
{
    (void)stub;
    (void)a;
    return FCC_OK;
}

enum { DIGITS = 20 };

/* `n`, not negative, in decimal: how many digits. printf would be a tenth of what is measured. */
static size_t put_digits(char *to, int64_t n)
{
    char digits[DIGITS];
    size_t len = 0;

    do
        digits[len++] = (char)('0' + n % 10);
    while (n /= 10);
    for (size_t i = 0; i < len; i++)
        to[i] = digits[len - 1 - i];
    return len;
}

/* N times: get PREFIX and a number, put the same value back. */
static fcc_status rw(fcc_stub *stub, fcc_args a)
{
    char key[256];
    int64_t n;
    fcc_status st = FCC_OK;

    if (!integer(a.v[0], &n))
        return fcc_fail(stub, FCC_ERR_ARG, "not a number: " FCC_FMT, FCC_ARG(a.v[0]));
    if (a.v[1].len > sizeof(key) - DIGITS)
        return fcc_fail(stub, FCC_ERR_ARG, "the prefix is too long");
    if (a.v[1].len)
        memcpy(key, a.v[1].data, a.v[1].len);
    for (int64_t i = 0; i < n && st == FCC_OK; i++) {
        fcc_bytes whole = fcc_bytes_of(key, a.v[1].len + put_digits(key + a.v[1].len, i)), value;

        st = fcc_get_state(stub, whole, &value);
        if (st == FCC_OK)
            st = fcc_put_state(stub, whole, value);
    }
    return st;
}

static fcc_status range(fcc_stub *stub, fcc_args a)
{
    fcc_iter *iter;
    size_t count = 0;
    char text[24];
    fcc_status st = fcc_get_state_by_range(stub, a.v[0], a.v[1], &iter);

    if (st != FCC_OK)
        return st;
    while (st == FCC_OK && fcc_iter_has_next(iter)) {
        fcc_kv kv;

        st = fcc_iter_next(iter, &kv);
        count += st == FCC_OK;
    }
    (void)fcc_iter_close(iter);
    if (st != FCC_OK)
        return st;
    snprintf(text, sizeof(text), "%zu", count);
    return fcc_reply(stub, fcc_str(text));
}

static const fcc_function functions[] = {
    { "echo", echo, 1 }, { "error", error, 1 },          { "status", status, 3 }, { "run", run, FCC_ANY_ARGS },
    { "rw", rw, 2 },     { "noop", noop, FCC_ANY_ARGS }, { "range", range, 2 },
};

/* INIT answers `status CODE MESSAGE PAYLOAD` and `run STEP...` as the functions do, everything else with 200. */
static fcc_status init(fcc_stub *stub, fcc_args a)
{
    if (a.n == 4 && fcc_bytes_equal(a.v[0], FCC_LIT("status")))
        return status(stub, (fcc_args){ a.v + 1, 3 });
    if (a.n && fcc_bytes_equal(a.v[0], FCC_LIT("run")))
        return run(stub, (fcc_args){ a.v + 1, a.n - 1 });
    return FCC_OK;
}

int main(int argc, char **argv)
{
    static const fcc_chaincode probe = { functions, sizeof(functions) / sizeof(functions[0]), init, NULL, NULL };

    return fcc_main(argc, argv, &probe);
}
