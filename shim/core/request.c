/* Asking the peer: one request, then one RESPONSE or ERROR, with the handler suspended in between. */
#include "core/stub.h"

#include "base/require.h"
#include "base/utf8.h"

#include <stdio.h>

typedef Protos__ChaincodeMessage message;

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

fcc_status fcc__write_message(fcc__session *s, const message *m, fcc_bytes *out)
{
    if (protobuf_c_message_get_packed_size(&m->base) > s->options.max_message_bytes)
        return FCC_ERR_LIMIT;
    return fcc__pack(m, s->out, out);
}

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

fcc_status fcc__ask(fcc_stub *stub, Protos__ChaincodeMessage__Type type, const void *payload, fcc_bytes *reply)
{
    fcc__session *s = stub->session;
    message m = PROTOS__CHAINCODE_MESSAGE__INIT;
    fcc_bytes inner;
    size_t len;

    FCC_REQUIRE(stub->co && !stub->waiting);
    if (s->over)
        return fail_to_send(stub, type, FCC_ERR_IO, FCC_LIT("the stream to the peer is closed"));
    if (stub->duplicate)
        return fail_as_duplicate(stub, type);
    len = protobuf_c_message_get_packed_size(payload);
    if (len > s->options.max_message_bytes)
        return fail_as_too_long(stub, type, len);
    if (fcc__pack(payload, s->out, &inner) != FCC_OK)
        return fcc__fail_memory(stub);
    m.type = type;
    m.payload = fcc__pb(inner);
    m.txid = fcc__pb(stub->tx_id);
    m.channel_id = fcc__pb(stub->channel);
    len = protobuf_c_message_get_packed_size(&m.base);
    if (len > s->options.max_message_bytes)
        return fail_as_too_long(stub, type, len);
    if (fcc__write_message(s, &m, &stub->out) != FCC_OK) {
        stub->out = fcc_bytes_of(NULL, 0);
        return fcc__fail_memory(stub);
    }
    stub->seen.call = (int)type;
    stub->waiting = true;
    fcc__co_yield(stub->co);
    stub->waiting = false;
    if (!stub->reply)
        return fail_to_send(stub, type, FCC_ERR_IO, FCC_LIT("the stream to the peer closed"));
    if (stub->reply->type == PROTOS__CHAINCODE_MESSAGE__TYPE__ERROR)
        return FCC__FAIL_PARTS(stub, FCC_ERR_PEER, fcc__of_pb(stub->reply->payload));
    FCC_REQUIRE(stub->reply->type == PROTOS__CHAINCODE_MESSAGE__TYPE__RESPONSE); /* the session lets no other through */
    *reply = fcc__of_pb(stub->reply->payload);
    return FCC_OK;
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
