/* Asking the peer: one request, then one RESPONSE or ERROR, with the handler suspended in between. */
#include "core/stub.h"

#include "base/require.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>

const char *fcc__type_name(int type, char *digits)
{
    const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(&protos__chaincode_message__type__descriptor,
                                                                           type);

    if (value)
        return value->name;
    snprintf(digits, 12, "%d", type);
    return digits;
}

fcc_bytes fcc__short_id(fcc_bytes tx_id)
{
    return fcc_bytes_of(tx_id.data, tx_id.len < 8 ? tx_id.len : 8);
}

fcc_status fcc__keep_reply(fcc_stub *stub, fcc__arena *arena, fcc_bytes payload, fcc_bytes *out)
{
    if (payload.len == 0)
        *out = fcc_bytes_of(NULL, 0);
    else if (payload.len >= FCC__LARGE_BYTES && fcc__arena_has_adopted(arena, stub->session->in, payload))
        *out = payload;
    else if (!fcc__arena_copy(arena, payload, out))
        return fcc__fail_memory(stub);
    return FCC_OK;
}

/* ---- where the author's code begins and ends ---- */

void fcc__enter(fcc_stub *stub)
{
    if (stub->inside++ == 0)
        fcc__co_attach(stub->co);
}

fcc_status fcc__leave(fcc_stub *stub, fcc_status status)
{
    FCC_REQUIRE(stub->inside);
    if (--stub->inside == 0)
        fcc__co_detachable(stub->co, fcc__came_back);
    return status;
}

/* ---- asking ---- */

/* How the Go shim words a request that could not be sent. It differs from call to call. */
static fcc_status fail_to_send(fcc_stub *stub, Protos__ChaincodeMessage__Type type, fcc_status status, fcc_bytes reason)
{
    char digits[12];
    const char *name = fcc__type_name((int)type, digits);
    fcc_bytes id = fcc__short_id(stub->tx_id);

    switch (type) {
    case PROTOS__CHAINCODE_MESSAGE__TYPE__PURGE_PRIVATE_DATA:
        name = "DEL_STATE";
        break;
    case PROTOS__CHAINCODE_MESSAGE__TYPE__PUT_STATE:
    case PROTOS__CHAINCODE_MESSAGE__TYPE__PUT_STATE_METADATA:
    case PROTOS__CHAINCODE_MESSAGE__TYPE__WRITE_BATCH_STATE:
        id = stub->tx_id;
        break;
    case PROTOS__CHAINCODE_MESSAGE__TYPE__QUERY_STATE_NEXT:
    case PROTOS__CHAINCODE_MESSAGE__TYPE__QUERY_STATE_CLOSE:
    case PROTOS__CHAINCODE_MESSAGE__TYPE__GET_HISTORY_FOR_KEY:
    case PROTOS__CHAINCODE_MESSAGE__TYPE__INVOKE_CHAINCODE:
        return FCC__FAIL_PARTS(stub, status, reason);
    default:
        break;
    }
    return FCC__FAIL_PARTS(stub, status, FCC_LIT("["), id, FCC_LIT("] error sending "), fcc_str(name), FCC_LIT(": "),
                           reason);
}

/* A second transaction of the same channel and id while the first one runs: the peer would never answer its requests. */
static fcc_status fail_as_duplicate(fcc_stub *stub, Protos__ChaincodeMessage__Type type)
{
    char key[8], text[32];
    size_t n = stub->channel.len < sizeof(key) ? stub->channel.len : sizeof(key);
    size_t rest = sizeof(key) - n < stub->tx_id.len ? sizeof(key) - n : stub->tx_id.len;
    int len;

    if (n)
        memcpy(key, stub->channel.data, n);
    if (rest)
        memcpy(key + n, stub->tx_id.data, rest);
    len = snprintf(text, sizeof(text), "[%.*s] channel exists", (int)(n + rest), key);
    return fail_to_send(stub, type, FCC_ERR_PEER, fcc_bytes_of(text, (size_t)len));
}

static fcc_status fail_as_too_long(fcc_stub *stub, Protos__ChaincodeMessage__Type type, size_t len)
{
    char text[160];
    int n = snprintf(text, sizeof(text),
                     "rpc error: code = ResourceExhausted desc = trying to send message larger than max (%zu vs. %zu)",
                     len, stub->session->options.max_message_bytes);

    return fail_to_send(stub, type, FCC_ERR_LIMIT, fcc_bytes_of(text, (size_t)n));
}

static fcc_status ask(fcc_stub *stub, const fcc__outgoing *request, fcc_bytes *reply)
{
    const fcc_bytes over_budget = FCC_LIT("the budget of the transaction is used up");
    Protos__ChaincodeMessage__Type type = (Protos__ChaincodeMessage__Type)request->type;
    fcc__session *s = stub->session;
    fcc_status st;

    FCC_REQUIRE(stub->co && stub->inside && !stub->waiting);
    if (s->over)
        return fail_to_send(stub, type, FCC_ERR_IO, FCC_LIT("the stream to the peer is closed"));
    if (stub->answered)
        return fail_to_send(stub, type, FCC_ERR_TIMEOUT, over_budget);
    if (stub->duplicate)
        return fail_as_duplicate(stub, type);
    st = fcc__write_out(stub, request);
    if (st == FCC_ERR_LIMIT)
        return fail_as_too_long(stub, type, fcc__outgoing_size(stub, request));
    if (st != FCC_OK)
        return fcc__fail_memory(stub);
    stub->seen.call = request->type;
    stub->waiting = true;
    s->asking++;
    s->requests++;
    fcc__co_yield(stub->co);
    s->asking--;
    stub->waiting = false;
    if (!stub->reply && stub->answered)
        return fail_to_send(stub, type, FCC_ERR_TIMEOUT, over_budget);
    if (!stub->reply)
        return fail_to_send(stub, type, FCC_ERR_IO, FCC_LIT("the stream to the peer closed"));
    if (stub->reply->type == PROTOS__CHAINCODE_MESSAGE__TYPE__ERROR)
        return FCC__FAIL_PARTS(stub, FCC_ERR_PEER, stub->reply->payload);
    FCC_REQUIRE(stub->reply->type == PROTOS__CHAINCODE_MESSAGE__TYPE__RESPONSE); /* the session lets no other through */
    *reply = stub->reply->payload;
    return FCC_OK;
}

fcc_status fcc__ask(fcc_stub *stub, Protos__ChaincodeMessage__Type type, const void *payload, fcc_bytes *reply)
{
    return ask(stub, &(fcc__outgoing){ .type = (int)type, .message = payload }, reply);
}

fcc_status fcc__ask_parts(fcc_stub *stub, Protos__ChaincodeMessage__Type type, const fcc__part *parts, size_t count,
                          fcc_bytes *reply)
{
    return ask(stub, &(fcc__outgoing){ .type = (int)type, .parts = parts, .part_count = count }, reply);
}

/* ---- checks before anything is sent ---- */

fcc_status fcc__check_text(fcc_stub *stub, const char *what, fcc_bytes text)
{
    if (fcc__utf8_valid(text))
        return FCC_OK;
    return FCC__FAIL_PARTS(stub, FCC_ERR_ARG, fcc_str(what), FCC_LIT(" is not valid UTF-8"));
}

fcc_status fcc__check_collection(fcc_stub *stub, fcc_bytes collection)
{
    if (collection.len == 0)
        return FCC__FAIL_PARTS(stub, FCC_ERR_ARG, FCC_LIT("collection must not be an empty string"));
    return fcc__check_text(stub, "collection", collection);
}
