/* INIT and TRANSACTION: running the handler, and the message that ends it. */
#include "core/stub.h"

#include "base/require.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- a stub's memory ---- */

fcc_stub *fcc__stub_new(fcc__session *session)
{
    fcc_stub *stub = calloc(1, sizeof(*stub));

    if (!stub)
        return NULL;
    stub->session = session;
    stub->arena = fcc__arena_new(session->options.memory_bytes);
    if (!stub->arena) {
        free(stub);
        return NULL;
    }
    fcc__buf_init(&stub->errors[0], session->options.max_message_bytes);
    fcc__buf_init(&stub->errors[1], session->options.max_message_bytes);
    return stub;
}

void fcc__stub_reset(fcc_stub *stub)
{
    enum { KEEP = 4096 };
    fcc__session *session = stub->session;
    fcc__arena *arena = stub->arena;
    fcc__buf errors[2];

    fcc__iters_clear(stub);
    fcc__block_drop(stub);
    fcc__arena_reset(arena);
    for (unsigned i = 0; i < 2; i++) {
        if (stub->errors[i].cap > KEEP) {
            fcc__buf_clear(&stub->errors[i]);
            fcc__buf_init(&stub->errors[i], session->options.max_message_bytes);
        }
        fcc__buf_reset(&stub->errors[i]);
        errors[i] = stub->errors[i];
    }
    memset(stub, 0, sizeof(*stub));
    stub->session = session;
    stub->arena = arena;
    memcpy(stub->errors, errors, sizeof(errors));
}

void fcc__stub_free(fcc_stub *stub)
{
    fcc__iters_clear(stub);
    fcc__block_drop(stub);
    fcc__buf_clear(&stub->errors[0]);
    fcc__buf_clear(&stub->errors[1]);
    fcc__arena_free(stub->arena);
    free(stub);
}

/* ---- choosing and running the handler ---- */

/* Most names differ in their first letter; a name's terminator stands for that of an empty one. */
static bool is_named(const fcc_function *f, fcc_bytes name)
{
    return f->name[0] == (name.len ? (char)name.data[0] : 0) && fcc_bytes_equal(fcc_str(f->name), name);
}

static void tell_function(fcc_stub *stub)
{
    const fcc__session *s = stub->session;

    if (s->events->observe)
        s->events->observe(s->ctx, FCC__TX_CALLS, &stub->seen);
}

static fcc_status call_author(fcc_stub *stub, fcc_handler handler, fcc_args args)
{
    fcc_status st;

    fcc__leave(stub, FCC_OK);
    st = handler(stub, args);
    fcc__enter(stub);
    return st;
}

/* No function takes this call. `named` has the name, but wants another number of arguments; NULL: none has. */
static fcc_status refuse_call(fcc_stub *stub, const fcc_function *named)
{
    char rest[64];

    if (stub->session->chaincode->refuse)
        return call_author(stub, stub->session->chaincode->refuse, stub->args);
    if (!named)
        return FCC__FAIL_PARTS(stub, FCC_ERR_ARG, FCC_LIT("unknown function "), fcc_function_name(stub));
    snprintf(rest, sizeof(rest), " takes %d argument%s, got %zu", named->args, named->args == 1 ? "" : "s",
             stub->args.n - 1);
    return FCC__FAIL_PARTS(stub, FCC_ERR_ARG, fcc_str(named->name), fcc_str(rest));
}

static fcc_status call_function(fcc_stub *stub)
{
    const fcc_chaincode *chaincode = stub->session->chaincode;
    fcc_bytes name = fcc_function_name(stub);
    const fcc_function *named = NULL;

    for (size_t i = 0; i < chaincode->count && stub->args.n; i++) {
        const fcc_function *f = &chaincode->functions[i];
        fcc_args rest = { stub->args.v + 1, stub->args.n - 1 };
        fcc_status st;

        if (!is_named(f, name))
            continue;
        stub->seen.function = i;
        if (f->args != FCC_ANY_ARGS && (size_t)f->args != rest.n) {
            if (!named)
                named = f;
            continue;
        }
        tell_function(stub);
        st = chaincode->before ? call_author(stub, chaincode->before, rest) : FCC_OK;
        return st == FCC_OK ? call_author(stub, f->handler, rest) : st;
    }
    if (!named && stub->session->options.describe_process && fcc_bytes_equal(name, FCC_LIT(FCC__PROCESS_FUNCTION)))
        return fcc_reply(stub, stub->session->options.describe_process());
    return refuse_call(stub, named);
}

/* Fabric refuses text that is not UTF-8: a reason that quotes such bytes arrives with U+FFFD in their places. */
static fcc_status make_valid(fcc_stub *stub, fcc_bytes *text)
{
    fcc__buf buf;
    bool copied;

    if (fcc__utf8_valid(*text))
        return FCC_OK;
    fcc__buf_init(&buf, 3 * text->len);
    for (size_t pos = 0; pos < text->len;) {
        size_t from = pos;

        if (fcc__utf8_next(*text, &pos) == UINT32_MAX)
            fcc__buf_puts(&buf, "\xef\xbf\xbd");
        else
            fcc__buf_append(&buf, text->data + from, pos - from);
    }
    copied = fcc__buf_ok(&buf) && fcc__arena_copy(stub->arena, fcc__buf_bytes(&buf), text);
    fcc__buf_clear(&buf);
    return copied ? FCC_OK : fcc__fail_memory(stub);
}

static void choose_response(fcc_stub *stub, fcc_status st)
{
    fcc_bytes reason;

    if (st == FCC_OK) {
        if (!stub->responded)
            stub->response.status = 200;
        return;
    }
    if (stub->responded && stub->response.status >= 400)
        return;
    reason = fcc_error_text(stub);
    if (reason.len == 0)
        reason = fcc_str(fcc_status_text(st));
    if (make_valid(stub, &reason) != FCC_OK)
        reason = fcc_str(fcc_status_text(FCC_ERR_LIMIT));
    fcc__block_drop(stub); /* of a response that is none */
    stub->response = (fcc_response){ .status = 500, .message = reason };
}

/* ---- the last message ---- */

static void end_with_error(fcc_stub *stub, fcc_bytes text)
{
    stub->seen.status = 0;
    if (fcc__write_error(stub, text, false) != FCC_OK &&
        fcc__write_error(stub, FCC_LIT("out of memory"), false) != FCC_OK)
        stub->out = fcc_bytes_of(NULL, 0);
}

static void end_with_response(fcc_stub *stub)
{
    fcc_status st;

    if (stub->is_init && stub->response.status >= 500) {
        if (fcc__write_error(stub, stub->response.message, true) != FCC_OK)
            end_with_error(stub, FCC_LIT("the response is longer than a message may be"));
        return;
    }
    if (fcc_finish_write_batch(stub) != FCC_OK) {
        FCC__FAIL_PARTS(stub, FCC_ERR_PEER, FCC_LIT("failed send batch: "), fcc_error_text(stub));
        end_with_error(stub, fcc_error_text(stub));
        return;
    }
    st = fcc__write_completed(stub);
    if (st == FCC_OK)
        stub->seen.status = stub->response.status;
    else
        end_with_error(stub, st == FCC_ERR_LIMIT ? FCC_LIT("the response is longer than a message may be")
                                                 : FCC_LIT("out of memory"));
}

void fcc__transaction_main(void *arg)
{
    fcc_stub *stub = arg;
    const fcc_chaincode *chaincode = stub->session->chaincode;
    fcc_status st;

    stub->inside = 1;
    st = fcc__read_input(stub);
    if (st == FCC_OK)
        st = fcc__read_proposal(stub);
    if (st != FCC_OK) {
        end_with_error(stub, fcc_error_text(stub));
        return;
    }
    if (!stub->is_init)
        st = call_function(stub);
    else if (chaincode->init)
        st = call_author(stub, chaincode->init, stub->args);
    choose_response(stub, st);
    end_with_response(stub);
}
