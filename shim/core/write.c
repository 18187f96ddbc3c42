/*
 * Writing messages, so that a value is copied once: from where the handler has it to what is sent. The small ones, which
 * every transaction sends, are written by hand: protobuf-c looks at each field's description two or three times.
 */
#include "core/stub.h"

#include "base/require.h"

#include <stdlib.h>

enum { TYPE = 1, PAYLOAD = 3, TXID = 4, EVENT = 6, CHANNEL = 7 };         /* of ChaincodeMessage */
enum { RESPONSE_STATUS = 1, RESPONSE_MESSAGE = 2, RESPONSE_PAYLOAD = 3 }; /* of Response */
enum { EVENT_NAME = 3, EVENT_PAYLOAD = 4 };                               /* of ChaincodeEvent */

fcc_status fcc__write_message(fcc__session *s, const Protos__ChaincodeMessage *m, fcc_bytes *out)
{
    if (protobuf_c_message_get_packed_size(&m->base) > s->options.max_message_bytes)
        return FCC_ERR_LIMIT;
    return fcc__pack(m, s->out, out);
}

/* ---- fields; all their numbers here are below 16, and empty ones are not written ---- */

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

static size_t number_size(uint64_t n)
{
    return n ? 1 + varint_size(n) : 0;
}

static uint8_t *put_number(uint8_t *p, uint8_t field, uint64_t n)
{
    if (n == 0)
        return p;
    *p++ = (uint8_t)(field << 3 | PROTOBUF_C_WIRE_TYPE_VARINT);
    return put_varint(p, n);
}

static size_t bytes_size(size_t len)
{
    return len ? 1 + varint_size(len) + len : 0;
}

static uint8_t *put_prefix(uint8_t *p, uint8_t field, size_t len)
{
    *p++ = (uint8_t)(field << 3 | PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED);
    return put_varint(p, len);
}

static uint8_t *put_bytes(uint8_t *p, uint8_t field, fcc_bytes bytes)
{
    if (bytes.len == 0)
        return p;
    p = put_prefix(p, field, bytes.len);
    memcpy(p, bytes.data, bytes.len);
    return p + bytes.len;
}

static size_t parts_size(const fcc__part *parts, size_t count)
{
    size_t size = 0;

    for (size_t i = 0; i < count; i++)
        size += number_size(parts[i].number) + bytes_size(parts[i].bytes.len);
    return size;
}

static uint8_t *put_parts(uint8_t *p, const fcc__part *parts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        p = put_number(p, parts[i].field, parts[i].number);
        p = put_bytes(p, parts[i].field, parts[i].bytes);
    }
    return p;
}

/* ---- a transaction's message ---- */

static size_t payload_size(const fcc__outgoing *m)
{
    if (m->message)
        return protobuf_c_message_get_packed_size(m->message);
    return m->parts ? parts_size(m->parts, m->part_count) : m->bytes.len;
}

static uint8_t *put_payload(uint8_t *p, const fcc__outgoing *m, size_t size)
{
    if (size == 0)
        return p;
    p = put_prefix(p, PAYLOAD, size);
    if (m->message)
        return p + protobuf_c_message_pack(m->message, p);
    if (m->parts)
        return put_parts(p, m->parts, m->part_count);
    memcpy(p, m->bytes.data, size);
    return p + size;
}

static size_t event_size(const fcc_stub *stub)
{
    return bytes_size(stub->event_name.len) + bytes_size(stub->event_payload.len);
}

/* What stands behind the payload. An event, even an empty one, is there. */
static size_t tail_size(const fcc_stub *stub, bool with_event)
{
    size_t event = with_event ? event_size(stub) : 0;

    return bytes_size(stub->tx_id.len) + (with_event ? 1 + varint_size(event) + event : 0) +
           bytes_size(stub->channel.len);
}

static uint8_t *put_tail(uint8_t *p, const fcc_stub *stub, bool with_event)
{
    p = put_bytes(p, TXID, stub->tx_id);
    if (with_event) {
        p = put_prefix(p, EVENT, event_size(stub));
        p = put_bytes(p, EVENT_NAME, stub->event_name);
        p = put_bytes(p, EVENT_PAYLOAD, stub->event_payload);
    }
    return put_bytes(p, CHANNEL, stub->channel);
}

size_t fcc__outgoing_size(const fcc_stub *stub, const fcc__outgoing *m)
{
    return number_size((uint64_t)m->type) + bytes_size(payload_size(m)) + tail_size(stub, m->with_event);
}

/* The longest part if it is to stay where it is; lent, then, as `*handle`. */
static const fcc__part *lend_part(fcc_stub *stub, const fcc__outgoing *m, void **handle)
{
    const fcc__part *longest = NULL;

    for (size_t i = 0; i < m->part_count; i++)
        if (!longest || m->parts[i].bytes.len > longest->bytes.len)
            longest = &m->parts[i];
    if (!longest || longest->bytes.len < FCC__LENT_BYTES || !stub->session->events->send_pieces)
        return NULL;
    *handle = fcc__arena_lend(stub->arena, longest->bytes);
    return *handle ? longest : NULL;
}

/* What stands before and behind the part that is lent. */
static fcc_status write_around(fcc_stub *stub, const fcc__outgoing *m, size_t payload, size_t len,
                               const fcc__part *part, void *handle)
{
    size_t index = (size_t)(part - m->parts);
    uint8_t *start = fcc__arena_alloc(stub->session->out, len - part->bytes.len), *p;
    struct fcc__lent *lent = fcc__arena_alloc(stub->session->out, sizeof(*lent));

    if (!start || !lent) {
        fcc__arena_return(handle);
        return FCC_ERR_NOMEM;
    }
    p = put_number(start, TYPE, (uint64_t)m->type);
    p = put_prefix(p, PAYLOAD, payload);
    p = put_parts(p, m->parts, index);
    p = put_prefix(p, part->field, part->bytes.len);
    stub->out = fcc_bytes_of(start, (size_t)(p - start));
    start = p;
    p = put_parts(p, part + 1, m->part_count - index - 1);
    p = put_tail(p, stub, m->with_event);
    *lent = (struct fcc__lent){ part->bytes, fcc_bytes_of(start, (size_t)(p - start)), handle };
    FCC_REQUIRE(stub->out.len + lent->body.len + lent->tail.len == len);
    stub->out_lent = lent;
    return FCC_OK;
}

fcc_status fcc__write_out(fcc_stub *stub, const fcc__outgoing *m)
{
    size_t payload = payload_size(m);
    size_t len = number_size((uint64_t)m->type) + bytes_size(payload) + tail_size(stub, m->with_event);
    const fcc__part *lent;
    uint8_t *start, *p;
    void *handle;

    if (len > stub->session->options.max_message_bytes)
        return FCC_ERR_LIMIT;
    lent = len < FCC__LENT_BYTES ? NULL : lend_part(stub, m, &handle);
    if (lent)
        return write_around(stub, m, payload, len, lent, handle);
    start = len < FCC__LARGE_BYTES ? fcc__arena_alloc(stub->session->out, len) : malloc(len);
    if (!start)
        return FCC_ERR_NOMEM;
    p = put_number(start, TYPE, (uint64_t)m->type);
    p = put_payload(p, m, payload);
    p = put_tail(p, stub, m->with_event);
    FCC_REQUIRE(p == start + len);
    stub->out = fcc_bytes_of(start, len);
    stub->out_memory = len < FCC__LARGE_BYTES ? NULL : start;
    return FCC_OK;
}

/* ---- the last message ---- */

static uint64_t status_number(const fcc_response *r)
{
    return (uint64_t)(int64_t)r->status; /* negative ones as protobuf writes an int32 */
}

/* The block becomes the message: it has room before the payload. */
static fcc_status write_block(fcc_stub *stub, bool with_event)
{
    const fcc_response *r = &stub->response;
    size_t response = number_size(status_number(r)) + bytes_size(r->message.len) + bytes_size(r->payload.len);
    size_t tail = tail_size(stub, with_event);
    size_t len = number_size(PROTOS__CHAINCODE_MESSAGE__TYPE__COMPLETED) + bytes_size(response) + tail;
    size_t before = len - tail - r->payload.len, size = stub->block_room + r->payload.len;
    uint8_t *block, *p;

    if (len > stub->session->options.max_message_bytes)
        return FCC_ERR_LIMIT;
    FCC_REQUIRE(before <= stub->block_room);
    block = realloc(stub->block, size + tail);
    if (!block)
        return FCC_ERR_NOMEM;
    p = put_number(block + stub->block_room - before, TYPE, PROTOS__CHAINCODE_MESSAGE__TYPE__COMPLETED);
    p = put_prefix(p, PAYLOAD, response);
    p = put_number(p, RESPONSE_STATUS, status_number(r));
    p = put_bytes(p, RESPONSE_MESSAGE, r->message);
    p = put_prefix(p, RESPONSE_PAYLOAD, r->payload.len);
    FCC_REQUIRE(p == block + stub->block_room);
    p = put_tail(block + size, stub, with_event);
    FCC_REQUIRE(p == block + size + tail);
    stub->out = fcc_bytes_of(block + stub->block_room - before, len);
    stub->out_memory = block;
    stub->block = NULL; /* moved */
    fcc__arena_discharge(stub->arena, stub->block_bytes);
    return FCC_OK;
}

fcc_status fcc__write_completed(fcc_stub *stub)
{
    const fcc_response *r = &stub->response;
    const fcc__part parts[] = {
        { .field = RESPONSE_STATUS, .number = status_number(r) },
        { .field = RESPONSE_MESSAGE, .bytes = r->message },
        { .field = RESPONSE_PAYLOAD, .bytes = r->payload },
    };

    if (stub->block)
        return write_block(stub, stub->has_event);
    return fcc__write_out(stub, &(fcc__outgoing){ .type = PROTOS__CHAINCODE_MESSAGE__TYPE__COMPLETED,
                                                  .parts = parts,
                                                  .part_count = sizeof(parts) / sizeof(parts[0]),
                                                  .with_event = stub->has_event });
}

fcc_status fcc__write_error(fcc_stub *stub, fcc_bytes text, bool with_event)
{
    return fcc__write_out(stub, &(fcc__outgoing){ .type = PROTOS__CHAINCODE_MESSAGE__TYPE__ERROR,
                                                  .bytes = text,
                                                  .with_event = with_event && stub->has_event });
}
