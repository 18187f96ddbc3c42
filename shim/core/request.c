/* Asking the peer: one request, then one RESPONSE or ERROR, with the handler suspended in between. */
#include "core/stub.h"

#include "base/require.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>

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

/* ---- writing around a payload, so that a value is copied once: from where the handler has it to what is sent ---- */

static size_t varint_size(uint64_t n)
{
    size_t size = 1;

    while (n >>= 7)
        size++;
    return size;
}

static uint8_t *put_varint(uint8_t *p, uint64_t n)
{
    for (; n >= 0x80; n >>= 7)
        *p++ = (uint8_t)(n | 0x80);
    *p++ = (uint8_t)n;
    return p;
}

/* A length-prefixed field; all field numbers here are below 16. Empty ones are not written. */
static size_t field_size(size_t len)
{
    return len ? 1 + varint_size(len) + len : 0;
}

static uint8_t *put_prefix(uint8_t *p, uint8_t number, size_t len)
{
    *p++ = (uint8_t)(number << 3 | PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED);
    return put_varint(p, len);
}

static uint8_t *put_field(uint8_t *p, uint8_t number, size_t len, const uint8_t *data)
{
    if (len == 0)
        return p;
    p = put_prefix(p, number, len);
    memcpy(p, data, len);
    return p + len;
}

enum { TYPE = 1, PAYLOAD = 3, TXID = 4, EVENT = 6, CHANNEL = 7 };         /* of ChaincodeMessage */
enum { RESPONSE_STATUS = 1, RESPONSE_MESSAGE = 2, RESPONSE_PAYLOAD = 3 }; /* of Response */

static size_t head_size(const message *m)
{
    return m->type ? 1 + varint_size((uint64_t)m->type) : 0;
}

static uint8_t *put_head(uint8_t *p, const message *m)
{
    if (!m->type)
        return p;
    *p++ = TYPE << 3;
    return put_varint(p, (uint64_t)m->type);
}

/* What stands behind the payload. An event, even an empty one, is there. */
static size_t tail_size(const message *m)
{
    size_t event = m->chaincode_event ? protobuf_c_message_get_packed_size(&m->chaincode_event->base) : 0;

    return field_size(m->txid.len) + (m->chaincode_event ? 1 + varint_size(event) + event : 0) +
           field_size(m->channel_id.len);
}

static uint8_t *put_tail(uint8_t *p, const message *m)
{
    p = put_field(p, TXID, m->txid.len, m->txid.data);
    if (m->chaincode_event) {
        p = put_prefix(p, EVENT, protobuf_c_message_get_packed_size(&m->chaincode_event->base));
        p += protobuf_c_message_pack(&m->chaincode_event->base, p);
    }
    return put_field(p, CHANNEL, m->channel_id.len, m->channel_id.data);
}

static size_t message_size(const message *m, const ProtobufCMessage *payload)
{
    return head_size(m) + field_size(payload ? protobuf_c_message_get_packed_size(payload) : m->payload.len) +
           tail_size(m);
}

fcc_status fcc__write_out(fcc_stub *stub, const message *m, const void *payload)
{
    size_t len = message_size(m, payload), inner;
    uint8_t *start, *p;

    if (len > stub->session->options.max_message_bytes)
        return FCC_ERR_LIMIT;
    start = len < FCC__LARGE_BYTES ? fcc__arena_alloc(stub->session->out, len) : malloc(len);
    if (!start)
        return FCC_ERR_NOMEM;
    p = put_head(start, m);
    inner = payload ? protobuf_c_message_get_packed_size(payload) : 0;
    if (inner) {
        p = put_prefix(p, PAYLOAD, inner);
        p += protobuf_c_message_pack(payload, p);
    } else if (!payload) {
        p = put_field(p, PAYLOAD, m->payload.len, m->payload.data);
    }
    p = put_tail(p, m);
    FCC_REQUIRE(p == start + len);
    stub->out = fcc_bytes_of(start, len);
    stub->out_memory = len < FCC__LARGE_BYTES ? NULL : start;
    return FCC_OK;
}

fcc_status fcc__write_block(fcc_stub *stub, const message *m)
{
    const fcc_response *r = &stub->response;
    uint64_t status = (uint64_t)(int64_t)r->status;
    size_t response = (status ? 1 + varint_size(status) : 0) + field_size(r->message.len) + field_size(r->payload.len);
    size_t tail = tail_size(m), len = head_size(m) + field_size(response) + tail;
    size_t before = len - tail - r->payload.len, size = stub->block_room + r->payload.len;
    uint8_t *block, *p;

    if (len > stub->session->options.max_message_bytes)
        return FCC_ERR_LIMIT;
    FCC_REQUIRE(before <= stub->block_room);
    block = realloc(stub->block, size + tail);
    if (!block)
        return FCC_ERR_NOMEM;
    p = put_head(block + stub->block_room - before, m);
    p = put_prefix(p, PAYLOAD, response);
    if (status) {
        *p++ = RESPONSE_STATUS << 3;
        p = put_varint(p, status);
    }
    p = put_field(p, RESPONSE_MESSAGE, r->message.len, r->message.data);
    p = put_prefix(p, RESPONSE_PAYLOAD, r->payload.len);
    FCC_REQUIRE(p == block + stub->block_room);
    p = put_tail(block + size, m);
    FCC_REQUIRE(p == block + size + tail);
    stub->out = fcc_bytes_of(block + stub->block_room - before, len);
    stub->out_memory = block;
    stub->block = NULL; /* moved */
    fcc__arena_discharge(stub->arena, stub->block_bytes);
    return FCC_OK;
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

fcc_status fcc__ask(fcc_stub *stub, Protos__ChaincodeMessage__Type type, const void *payload, fcc_bytes *reply)
{
    const fcc_bytes over_budget = FCC_LIT("the budget of the transaction is used up");
    fcc__session *s = stub->session;
    message m = PROTOS__CHAINCODE_MESSAGE__INIT;
    fcc_status st;

    FCC_REQUIRE(stub->co && stub->inside && !stub->waiting);
    if (s->over)
        return fail_to_send(stub, type, FCC_ERR_IO, FCC_LIT("the stream to the peer is closed"));
    if (stub->answered)
        return fail_to_send(stub, type, FCC_ERR_TIMEOUT, over_budget);
    if (stub->duplicate)
        return fail_as_duplicate(stub, type);
    m.type = type;
    m.txid = fcc__pb(stub->tx_id);
    m.channel_id = fcc__pb(stub->channel);
    st = fcc__write_out(stub, &m, payload);
    if (st == FCC_ERR_LIMIT)
        return fail_as_too_long(stub, type, message_size(&m, payload));
    if (st != FCC_OK)
        return fcc__fail_memory(stub);
    stub->seen.call = (int)type;
    stub->waiting = true;
    fcc__co_yield(stub->co);
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
