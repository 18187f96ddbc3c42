/* call.c: what happens around every function: checks before it, its answer, and what is freed after it. */
#include "lib/call.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "lib/json.h"
#include "lib/registry.h"

/* ---- answering ---- */

/* Canonical JSON into memory that lives as long as the call. */
static fcc_status canonical(fcc_stub *stub, const json_t *value, fcc_bytes *out)
{
    size_t len = 0;
    char *text = lib_json_canonical(value, &len), *copy = NULL;

    if (text)
        copy = fcc_alloc(stub, len);
    if (copy) {
        memcpy(copy, text, len);
        *out = fcc_bytes_of(copy, len);
    }
    free(text);
    return copy ? FCC_OK : FCC_ERR_NOMEM;
}

static fcc_status refuse(fcc_stub *stub, int32_t status, const char *code, const char *format, va_list ap)
{
    char detail[512];
    fcc_bytes message = { 0 };
    json_t *error;
    fcc_status st = FCC_ERR_NOMEM;

    vsnprintf(detail, sizeof(detail), format, ap);
    error = json_pack("{s:s,s:s}", "code", code, "detail", detail);
    if (!error)
        error = json_pack("{s:s,s:s}", "code", code, "detail", "");
    if (error)
        st = canonical(stub, error, &message);
    json_decref(error);
    if (st == FCC_OK)
        st = fcc_reply_status(stub, status, message, fcc_bytes_of(NULL, 0));
    return st == FCC_OK ? FCC_ERR_APP : st;
}

fcc_status lib_refuse(lib_call *call, lib_code code, const char *format, ...)
{
    static const struct {
        int32_t status;
        const char *code;
    } codes[] = {
#define LIB_CODE_ROW(name, status, code) { status, code },
        LIB_CODES(LIB_CODE_ROW)
#undef LIB_CODE_ROW
    };
    fcc_status st;
    va_list ap;

    va_start(ap, format);
    st = refuse(call->stub, codes[code].status, codes[code].code, format, ap);
    va_end(ap);
    return st;
}

fcc_status lib_deny(lib_call *call, const char *reason, const char *format, ...)
{
    char code[64];
    fcc_status st;
    va_list ap;

    snprintf(code, sizeof(code), "DENIED:%s", reason);
    va_start(ap, format);
    st = refuse(call->stub, 403, code, format, ap);
    va_end(ap);
    return st;
}

fcc_status lib_answer(lib_call *call, json_t *value)
{
    fcc_bytes payload;
    fcc_status st = canonical(call->stub, value, &payload);

    json_decref(value);
    return st == FCC_OK ? fcc_reply(call->stub, payload) : st;
}

/* ---- memory and arguments ---- */

json_t *lib_own(lib_call *call, json_t *value)
{
    if (!value)
        return NULL;
    return json_array_append_new(call->own, value) == 0 ? value : NULL;
}

const char *lib_string(lib_call *call, fcc_bytes bytes)
{
    char *copy;

    if (bytes.len && memchr(bytes.data, 0, bytes.len))
        return NULL;
    copy = fcc_alloc(call->stub, bytes.len + 1);
    if (!copy)
        return NULL;
    if (bytes.len)
        memcpy(copy, bytes.data, bytes.len);
    copy[bytes.len] = 0;
    return copy;
}

fcc_status lib_id_arg(lib_call *call, size_t index, const char **out)
{
    const char *s = call->args.v[index].len <= 64 ? lib_string(call, call->args.v[index]) : NULL;

    if (!s || !lib_is_id(s))
        return lib_refuse(call, LIB_BAD_INPUT, "argument %zu is not an id", index + 1);
    *out = s;
    return FCC_OK;
}

const json_t *lib_in(const lib_call *call, const char *name)
{
    return json_object_get(call->in, name);
}

const char *lib_in_text(const lib_call *call, const char *name)
{
    return json_string_value(json_object_get(call->in, name));
}

const json_t *lib_arg(const lib_call *call, const char *name)
{
    return json_object_get(call->public, name);
}

const char *lib_arg_text(const lib_call *call, const char *name)
{
    return json_string_value(json_object_get(call->public, name));
}

const char *lib_text(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

bool lib_text_is(const json_t *object, const char *name, const char *value)
{
    const char *have = lib_text(object, name);

    return have && value && strcmp(have, value) == 0;
}

bool lib_lists(const json_t *array, const char *value)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        const char *have = json_string_value(json_array_get(array, i));

        if (have && value && strcmp(have, value) == 0)
            return true;
    }
    return false;
}

/* ---- checks before a function ---- */

static int64_t system_clock(void)
{
    return (int64_t)time(NULL);
}

static int64_t (*clock_now)(void) = system_clock;

void lib_set_clock(int64_t (*clock)(void))
{
    clock_now = clock ? clock : system_clock;
}

/* Whether a text that was meant as JSON has a name of this spelling: "name" and a colon behind it. */
static bool has_name(fcc_bytes text, const char *name)
{
    size_t n = strlen(name);

    for (size_t i = 0; i + n + 2 <= text.len; i++) {
        size_t at = i + n + 2;

        if (text.data[i] != '"' || memcmp(text.data + i + 1, name, n) != 0 || text.data[at - 1] != '"')
            continue;
        while (at < text.len && memchr(" \t\r\n", text.data[at], 4))
            at++;
        if (at < text.len && text.data[at] == ':')
            return true;
    }
    return false;
}

/* Public arguments are on the ledger for ever, so this comes first. */
static fcc_status guard_args(lib_call *call)
{
    static const char *const personal[] = { "name", "birthDate", "address", "telecom", "identifier", "text" };

    for (size_t i = 0; i < call->args.n; i++)
        for (size_t j = 0; j < sizeof(personal) / sizeof(personal[0]); j++)
            if (has_name(call->args.v[i], personal[j]))
                return lib_refuse(call, LIB_PHI_IN_ARGS, "a public argument has the field %s", personal[j]);
    return FCC_OK;
}

fcc_status lib_require_window(lib_call *call)
{
    int64_t clock = clock_now();

    if (call->now < clock - LIB_WINDOW_SECONDS || call->now > clock + LIB_WINDOW_SECONDS)
        return lib_refuse(call, LIB_TIME_WINDOW, "the proposal's time is more than %d s from this peer's clock",
                          LIB_WINDOW_SECONDS);
    return FCC_OK;
}

static fcc_status check_sister(lib_call *call, const lib_spec *spec)
{
    fcc_bytes outermost = fcc_outermost_chaincode(call->stub);

    for (const char *const *name = spec->sisters; name && *name; name++)
        if (fcc_bytes_equal(outermost, fcc_str(*name)))
            return FCC_OK;
    return lib_deny(call, "internal", "only other chaincodes call this function");
}

static fcc_status check_caller(lib_call *call, const lib_spec *spec)
{
    fcc_status st = lib_read_certificate(call);

    if (st != FCC_OK)
        return st;
    if (spec->flags & LIB_WRITES && strcmp(call->caller.msp, "InspectorMSP") == 0)
        return lib_refuse(call, LIB_NO_ROLE, "the inspectorate reads and writes nothing");
    if (!(spec->flags & LIB_UNBOUND) && (st = lib_resolve_caller(call)) != FCC_OK)
        return st;
    if (!(call->caller.role & spec->roles))
        return lib_deny(call, "role", "a caller with this role has no part in this function");
    if ((spec->flags & LIB_CARE) && !lib_is_care(call->caller.msp))
        return lib_deny(call, "role", "only for Hospital and Clinic");
    return FCC_OK;
}

static fcc_status read_in(lib_call *call, const lib_spec *spec)
{
    fcc_bytes text = fcc_transient(call->stub, FCC_LIT("in"));
    const char *why = "";
    json_t *in;

    if (spec->in == LIB_IN_FOREIGN)
        return FCC_OK;
    if (spec->in == LIB_IN_NONE) {
        if (text.len)
            return lib_refuse(call, LIB_BAD_INPUT, "in: this function takes no transient data");
        return FCC_OK;
    }
    if (text.len == 0) {
        if (spec->in == LIB_IN_OPTIONAL)
            return FCC_OK;
        return lib_refuse(call, LIB_BAD_INPUT, "in: the transient object is missing");
    }
    in = lib_own(call, lib_json_load(text, &why));
    if (!in)
        return lib_refuse(call, LIB_BAD_INPUT, "in: %s", why);
    if (!json_is_object(in))
        return lib_refuse(call, LIB_BAD_INPUT, "in: not an object");
    call->in = in;
    return lib_check_fields(call, in, spec->fields, spec->field_count, "");
}

static fcc_status check_args(lib_call *call, const lib_spec *spec)
{
    if (call->args.n != spec->arg_count)
        return lib_refuse(call, LIB_BAD_INPUT, FCC_FMT " takes %zu arguments, got %zu",
                          FCC_ARG(fcc_function_name(call->stub)), spec->arg_count, call->args.n);
    return lib_read_args(call, spec->args, spec->arg_count);
}

fcc_status lib_run(fcc_stub *stub, fcc_args args, const lib_spec *spec)
{
    lib_call call = { .stub = stub, .args = args };
    int32_t nanos;
    fcc_status st = FCC_ERR_NOMEM;

    call.registry = spec->registry;
    call.own = json_array();
    call.known = json_object();
    if (!call.own || !call.known)
        goto out;
    if ((st = guard_args(&call)) != FCC_OK || (st = fcc_tx_timestamp(stub, &call.now, &nanos)) != FCC_OK)
        goto out;
    if (spec->flags & (LIB_WRITES | LIB_TIMED) && (st = lib_require_window(&call)) != FCC_OK)
        goto out;
    st = spec->flags & LIB_INTERNAL ? check_sister(&call, spec) : check_caller(&call, spec);
    if (st != FCC_OK || (st = check_args(&call, spec)) != FCC_OK || (st = read_in(&call, spec)) != FCC_OK)
        goto out;
    st = spec->run(&call);
out:
    json_decref(call.known);
    json_decref(call.own);
    return st;
}

fcc_status lib_unknown(fcc_stub *stub, fcc_args args, const fcc_chaincode *chaincode)
{
    lib_call call = { .stub = stub, .args = args };
    fcc_status st = guard_args(&call);

    if (st != FCC_OK)
        return st;
    for (size_t i = 0; args.n && i < chaincode->count; i++)
        if (fcc_bytes_equal(args.v[0], fcc_str(chaincode->functions[i].name)))
            return lib_refuse(&call, LIB_BAD_INPUT, "%s takes %d arguments, got %zu", chaincode->functions[i].name,
                              chaincode->functions[i].args, args.n - 1);
    return lib_refuse(&call, LIB_BAD_INPUT, "unknown function");
}

/* ---- sister chaincodes ---- */

fcc_status lib_call_sister(lib_call *call, const char *chaincode, const fcc_bytes *args, size_t count,
                           const json_t **answer)
{
    fcc_response response = { 0 };
    fcc_status st = fcc_invoke_chaincode(call->stub, fcc_str(chaincode), args, count, fcc_bytes_of(NULL, 0), &response);
    json_t *value;

    if (st != FCC_OK)
        return st;
    if (response.status >= 400) {
        /* a refusal's words are in the message; those of a chaincode that could not run are in the payload */
        fcc_bytes words = response.message.len ? response.message : response.payload;

        st = fcc_reply_status(call->stub, response.status, words, fcc_bytes_of(NULL, 0));
        return st == FCC_OK ? FCC_ERR_APP : st;
    }
    value = lib_own(call, lib_json_load_own(response.payload));
    if (!value)
        return fcc_fail(call->stub, FCC_ERR_CORRUPT, "%s answered something that is not JSON", chaincode);
    *answer = value;
    return FCC_OK;
}

/* ---- main ---- */

int lib_serve(int argc, char **argv, const fcc_chaincode *chaincode, const lib_table *table)
{
    if (argc == 2 && strcmp(argv[1], "--describe") == 0)
        return lib_describe(stdout, table) ? 0 : 1;
    return fcc_main(argc, argv, chaincode);
}
