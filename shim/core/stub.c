/* The calls that need no peer: answers, failures, and what the transaction's message and proposal say. */
#include "core/stub.h"

#include "base/hash.h"
#include "base/utf8.h"

#include "peer/proposal.pb-c.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- answering ---- */

fcc_status fcc_reply(fcc_stub *stub, fcc_bytes payload)
{
    return fcc_reply_status(stub, 200, fcc_bytes_of(NULL, 0), payload);
}

void fcc__block_drop(fcc_stub *stub)
{
    if (!stub->block)
        return;
    free(stub->block);
    stub->block = NULL;
    fcc__arena_discharge(stub->arena, stub->block_bytes);
}

/* Copy a large payload to where it needs no further copy: with room before it for the rest of the last message. */
static bool make_block(fcc_stub *stub, const fcc_bytes message, fcc_bytes *payload)
{
    enum { HEAD = 64 };
    size_t room = HEAD + message.len;
    uint8_t *block;

    if (!fcc__arena_charge(stub->arena, room + payload->len))
        return false;
    block = malloc(room + payload->len);
    if (!block) {
        fcc__arena_discharge(stub->arena, room + payload->len);
        return false;
    }
    memcpy(block + room, payload->data, payload->len);
    fcc__block_drop(stub); /* which payload may point into */
    stub->block = block;
    stub->block_room = room;
    stub->block_bytes = room + payload->len;
    *payload = fcc_bytes_of(block + room, payload->len);
    return true;
}

fcc_status fcc_reply_status(fcc_stub *stub, int32_t status, fcc_bytes message, fcc_bytes payload)
{
    fcc_response response = { .status = status };
    fcc_status st = fcc__check_text(stub, "the response's message", message);

    if (st != FCC_OK)
        return st;
    if (!fcc__arena_copy(stub->arena, message, &response.message))
        return fcc__fail_memory(stub);
    if (payload.len >= FCC__LARGE_BYTES ? !make_block(stub, message, &payload)
                                        : !fcc__arena_copy(stub->arena, payload, &payload))
        return fcc__fail_memory(stub);
    if (payload.len < FCC__LARGE_BYTES)
        fcc__block_drop(stub);
    response.payload = payload;
    stub->response = response;
    stub->responded = true;
    return FCC_OK;
}

/* ---- failures: the text goes into the other buffer, because it may be made from the last one ---- */

fcc_status fcc__fail_parts(fcc_stub *stub, fcc_status status, const fcc_bytes *parts, size_t count)
{
    fcc__buf *text = &stub->errors[!stub->error];

    fcc__buf_reset(text);
    for (size_t i = 0; i < count; i++)
        fcc__buf_add(text, parts[i]);
    stub->error = !stub->error;
    return status;
}

fcc_status fcc__fail_memory(fcc_stub *stub)
{
    return FCC__FAIL_PARTS(stub, FCC_ERR_LIMIT, FCC_LIT("the transaction's memory cap is reached"));
}

fcc_status fcc_fail(fcc_stub *stub, fcc_status status, const char *format, ...)
{
    char brief[512];
    char *text = brief;
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(brief, sizeof(brief), format, args);
    va_end(args);
    if (n < 0)
        return FCC__FAIL_PARTS(stub, status, fcc_str(fcc_status_text(status)));
    if ((size_t)n >= sizeof(brief)) {
        text = malloc((size_t)n + 1);
        if (!text)
            return FCC__FAIL_PARTS(stub, status, fcc_str(brief));
        va_start(args, format);
        vsnprintf(text, (size_t)n + 1, format, args);
        va_end(args);
    }
    fcc__fail_parts(stub, status, &(fcc_bytes){ (const uint8_t *)text, (size_t)n }, 1);
    if (text != brief)
        free(text);
    return status;
}

fcc_bytes fcc_error_text(const fcc_stub *stub)
{
    const fcc__buf *text = &stub->errors[stub->error];

    return fcc__buf_ok(text) ? fcc__buf_bytes(text) : fcc_str(fcc_status_text(text->status));
}

void *fcc_alloc(fcc_stub *stub, size_t size)
{
    return fcc__arena_alloc(stub->arena, size);
}

/* ---- the call ---- */

fcc_bytes fcc_function_name(const fcc_stub *stub)
{
    return stub->args.n ? stub->args.v[0] : fcc_bytes_of(NULL, 0);
}

fcc_args fcc_all_args(const fcc_stub *stub)
{
    return stub->args;
}

fcc_bytes fcc_tx_id(const fcc_stub *stub)
{
    return stub->tx_id;
}

fcc_bytes fcc_channel_id(const fcc_stub *stub)
{
    return stub->channel;
}

fcc_status fcc_tx_timestamp(fcc_stub *stub, int64_t *seconds, int32_t *nanos)
{
    if (!stub->proposal || !stub->proposal->has_timestamp)
        return fcc_fail(stub, FCC_ERR_ARG, "the proposal has no timestamp");
    *seconds = stub->proposal->seconds;
    *nanos = stub->proposal->nanos;
    return FCC_OK;
}

fcc_bytes fcc_transient(const fcc_stub *stub, fcc_bytes name)
{
    size_t low = 0, high = stub->transient.n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int c = fcc_bytes_compare(stub->transient.v[middle].name, name);

        if (c == 0)
            return stub->transient.v[middle].value;
        if (c < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return fcc_bytes_of(NULL, 0);
}

static void entry_at(const fcc__entries *entries, size_t index, fcc_bytes *name, fcc_bytes *value)
{
    bool there = index < entries->n;

    *name = there ? entries->v[index].name : fcc_bytes_of(NULL, 0);
    *value = there ? entries->v[index].value : fcc_bytes_of(NULL, 0);
}

size_t fcc_transient_count(const fcc_stub *stub)
{
    return stub->transient.n;
}

void fcc_transient_at(const fcc_stub *stub, size_t index, fcc_bytes *name, fcc_bytes *value)
{
    entry_at(&stub->transient, index, name, value);
}

size_t fcc_decoration_count(const fcc_stub *stub)
{
    return stub->decorations.n;
}

void fcc_decoration_at(const fcc_stub *stub, size_t index, fcc_bytes *name, fcc_bytes *value)
{
    entry_at(&stub->decorations, index, name, value);
}

void fcc_signed_proposal(const fcc_stub *stub, fcc_bytes *proposal, fcc_bytes *signature)
{
    *proposal = stub->proposal ? stub->proposal->bytes : fcc_bytes_of(NULL, 0);
    *signature = stub->proposal ? stub->proposal->signature : fcc_bytes_of(NULL, 0);
}

fcc_bytes fcc_outermost_chaincode(const fcc_stub *stub)
{
    struct fcc__proposal *p = stub->proposal;
    Protos__ChaincodeHeaderExtension *extension;

    if (!p)
        return fcc_bytes_of(NULL, 0);
    if (!p->extension_read &&
        FCC__UNPACK(protos__chaincode_header_extension, p->extension, stub->arena, &extension) == FCC_OK &&
        extension->chaincode_id)
        p->outermost = fcc__of_pb(extension->chaincode_id->name);
    p->extension_read = true;
    return p->outermost;
}

fcc_bytes fcc_binding(const fcc_stub *stub)
{
    struct fcc__proposal *p = stub->proposal;

    if (!p)
        return fcc_bytes_of(NULL, 0);
    if (p->binding.len == 0) {
        uint8_t epoch[8];
        fcc__sha256 digest;

        for (unsigned i = 0; i < sizeof(epoch); i++)
            epoch[i] = (uint8_t)(p->epoch >> 8 * i);
        digest = fcc__sha256_of_many((const fcc_bytes[]){ p->nonce, p->creator, fcc_bytes_of(epoch, sizeof(epoch)) },
                                     3);
        if (!fcc__arena_copy(stub->arena, fcc__sha256_bytes(&digest), &p->binding))
            return fcc_bytes_of(NULL, 0);
    }
    return p->binding;
}

/* ---- the caller ---- */

fcc_bytes fcc_creator(const fcc_stub *stub)
{
    return stub->proposal ? stub->proposal->creator : fcc_bytes_of(NULL, 0);
}

/* The creator, read once in a transaction. */
static fcc_status identity_of(fcc_stub *stub, const fcc__identity **out)
{
    fcc__identity *identity;
    fcc_error error;
    fcc_status st;

    if (!stub->identity) {
        identity = fcc__arena_zalloc(stub->arena, 1, sizeof(*identity));
        if (!identity)
            return fcc__fail_memory(stub);
        if (fcc_creator(stub).len == 0)
            return fcc_fail(stub, FCC_ERR_PROTO,
                            "failed to get transaction invoker's identity from the chaincode stub");
        st = fcc__identity_of(stub->arena, fcc_creator(stub), identity, &error);
        if (st != FCC_OK)
            return fcc_fail(stub, st, "%s", error.text);
        stub->identity = identity;
    }
    *out = stub->identity;
    return FCC_OK;
}

fcc_status fcc_client_msp_id(fcc_stub *stub, fcc_bytes *out)
{
    const fcc__identity *identity;
    fcc_status st = identity_of(stub, &identity);

    if (st == FCC_OK)
        *out = identity->msp_id;
    return st;
}

fcc_status fcc_client_id(fcc_stub *stub, fcc_bytes *out)
{
    const fcc__identity *identity;
    fcc_status st = identity_of(stub, &identity);

    if (st == FCC_OK)
        *out = identity->id;
    return st;
}

fcc_status fcc_client_certificate(fcc_stub *stub, fcc_bytes *der)
{
    const fcc__identity *identity;
    fcc_status st = identity_of(stub, &identity);

    if (st == FCC_OK)
        *der = identity->der;
    return st;
}

fcc_status fcc_client_key_fingerprint(fcc_stub *stub, fcc_bytes *out)
{
    const fcc__identity *identity;
    fcc_status st = identity_of(stub, &identity);

    if (st == FCC_OK)
        *out = identity->fingerprint;
    return st;
}

fcc_status fcc_client_attribute(fcc_stub *stub, fcc_bytes name, fcc_bytes *value, bool *found)
{
    const fcc__identity *identity;
    fcc_status st = identity_of(stub, &identity);

    if (st != FCC_OK)
        return st;
    *value = fcc_bytes_of(NULL, 0);
    *found = fcc__identity_attribute(identity, name, value);
    return FCC_OK;
}

fcc_status fcc_client_has_ou(fcc_stub *stub, fcc_bytes ou, bool *has)
{
    const fcc__identity *identity;
    fcc_status st = identity_of(stub, &identity);

    if (st == FCC_OK)
        *has = fcc__identity_has_unit(identity, ou);
    return st;
}
