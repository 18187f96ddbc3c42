/* See unpack.h. The wire format: protobuf.dev, "Encoding". */
#include "protos/unpack.h"

#include "base/require.h"
#include "base/utf8.h"

/* Fields that are strings in Fabric's own .proto files, sorted by message; made by utf8.awk. */
static const struct utf8_field {
    const char *message;
    uint32_t number;
} utf8_fields[] = {
#include "utf8_fields.inc"
};

struct reader {
    fcc__arena *arena;
    bool borrow; /* bytes point into the wire */
    size_t elements;
    fcc_status status;
};

/* One field as it stands on the wire. */
struct element {
    const ProtobufCFieldDescriptor *field; /* NULL: not known */
    uint32_t number;
    ProtobufCWireType type;
    uint64_t value;    /* of a varint, 32 or 64 bits */
    fcc_bytes content; /* of a length-prefixed one */
    fcc_bytes raw;     /* everything behind the key */
};

static bool read_varint(fcc_bytes wire, size_t *pos, uint64_t *out)
{
    uint64_t n = 0;

    for (unsigned shift = 0; shift < 70 && *pos < wire.len; shift += 7) {
        uint8_t byte = wire.data[(*pos)++];

        if (shift == 63 && byte > 1)
            return false;
        n |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *out = n;
            return true;
        }
    }
    return false;
}

/* The first row of this message, or NULL; the others follow it. */
static const struct utf8_field *utf8_rows(const char *message)
{
    size_t low = 0, high = sizeof(utf8_fields) / sizeof(utf8_fields[0]);

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(utf8_fields[middle].message, message) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == sizeof(utf8_fields) / sizeof(utf8_fields[0]) || strcmp(utf8_fields[low].message, message) != 0)
        return NULL;
    return &utf8_fields[low];
}

static bool is_utf8_field(const struct utf8_field *rows, uint32_t number)
{
    const struct utf8_field *end = utf8_fields + sizeof(utf8_fields) / sizeof(utf8_fields[0]);

    for (const struct utf8_field *r = rows; r && r < end && strcmp(r->message, rows->message) == 0; r++)
        if (r->number == number)
            return true;
    return false;
}

static bool fail(struct reader *r, fcc_status status)
{
    r->status = status;
    return false;
}

static uint64_t little_endian(const uint8_t *p, size_t len)
{
    uint64_t n = 0;

    for (size_t i = 0; i < len; i++)
        n |= (uint64_t)p[i] << 8 * i;
    return n;
}

static bool next_element(struct reader *r, const ProtobufCMessageDescriptor *descriptor, fcc_bytes wire, size_t *pos,
                         struct element *out)
{
    uint64_t key, len = 0;
    size_t start;

    if (!read_varint(wire, pos, &key) || key >> 3 == 0 || key >> 3 > 536870911)
        return fail(r, FCC_ERR_PROTO);
    *out = (struct element){ .number = (uint32_t)(key >> 3), .type = (ProtobufCWireType)(key & 7) };
    out->field = protobuf_c_message_descriptor_get_field(descriptor, out->number);
    start = *pos;
    switch (out->type) {
    case PROTOBUF_C_WIRE_TYPE_VARINT:
        if (!read_varint(wire, pos, &out->value))
            return fail(r, FCC_ERR_PROTO);
        break;
    case PROTOBUF_C_WIRE_TYPE_64BIT:
    case PROTOBUF_C_WIRE_TYPE_32BIT:
        len = out->type == PROTOBUF_C_WIRE_TYPE_64BIT ? 8 : 4;
        if (len > wire.len - *pos)
            return fail(r, FCC_ERR_PROTO);
        out->value = little_endian(wire.data + *pos, len);
        break;
    case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED:
        if (!read_varint(wire, pos, &len) || len > wire.len - *pos)
            return fail(r, FCC_ERR_PROTO);
        out->content = fcc_bytes_of(wire.data + *pos, (size_t)len);
        break;
    default: /* groups: never in proto3 */
        return fail(r, FCC_ERR_PROTO);
    }
    *pos += (size_t)len;
    out->raw = fcc_bytes_of(wire.data + start, *pos - start);
    return true;
}

/* ---- fields ---- */

static size_t size_of(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return 8;
    case PROTOBUF_C_TYPE_BOOL:
        return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(ProtobufCMessage *);
    default:
        return 4;
    }
}

static ProtobufCWireType wire_type_of(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return PROTOBUF_C_WIRE_TYPE_64BIT;
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
        return PROTOBUF_C_WIRE_TYPE_32BIT;
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED;
    default:
        return PROTOBUF_C_WIRE_TYPE_VARINT;
    }
}

static void store_number(ProtobufCType type, uint64_t value, void *at)
{
    uint32_t low = (uint32_t)value;
    protobuf_c_boolean truth = value != 0;

    if (type == PROTOBUF_C_TYPE_SINT32)
        low = low >> 1 ^ (0 - (low & 1));
    else if (type == PROTOBUF_C_TYPE_SINT64)
        value = value >> 1 ^ (0 - (value & 1));
    if (type == PROTOBUF_C_TYPE_BOOL)
        memcpy(at, &truth, sizeof(truth));
    else if (size_of(type) == 8)
        memcpy(at, &value, sizeof(value));
    else
        memcpy(at, &low, sizeof(low));
}

static bool read_message(struct reader *r, ProtobufCMessage *message, fcc_bytes wire, unsigned depth);

static bool copy_bytes(struct reader *r, fcc_bytes from, ProtobufCBinaryData *to)
{
    *to = (ProtobufCBinaryData){ .len = from.len };
    if (from.len == 0)
        return true;
    if (r->borrow) {
        to->data = (uint8_t *)(uintptr_t)from.data;
        return true;
    }
    to->data = fcc__arena_alloc(r->arena, from.len);
    if (!to->data)
        return fail(r, FCC_ERR_LIMIT);
    memcpy(to->data, from.data, from.len);
    return true;
}

/* Store one value at `at`. A message that came before is merged with. */
static bool read_value(struct reader *r, const struct utf8_field *rows, const struct element *e, void *at,
                       unsigned depth)
{
    const ProtobufCFieldDescriptor *field = e->field;
    ProtobufCMessage **message = at;

    if (e->type != wire_type_of(field->type))
        return fail(r, FCC_ERR_PROTO);
    switch (field->type) {
    case PROTOBUF_C_TYPE_MESSAGE:
        if (!*message) {
            *message = fcc__arena_alloc(r->arena,
                                        ((const ProtobufCMessageDescriptor *)field->descriptor)->sizeof_message);
            if (!*message)
                return fail(r, FCC_ERR_LIMIT);
            protobuf_c_message_init(field->descriptor, *message);
        }
        return read_message(r, *message, e->content, depth + 1);
    case PROTOBUF_C_TYPE_BYTES:
        if (is_utf8_field(rows, field->id) && !fcc__utf8_valid(e->content))
            return fail(r, FCC_ERR_PROTO);
        return copy_bytes(r, e->content, at);
    default:
        store_number(field->type, e->value, at);
        return true;
    }
}

static bool is_packed(const struct element *e)
{
    return e->field->label == PROTOBUF_C_LABEL_REPEATED && e->type == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED &&
           wire_type_of(e->field->type) != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED;
}

/* The next of the numbers that are packed together; false at the end, or with the status set. */
static bool next_packed(struct reader *r, const struct element *e, size_t *pos, uint64_t *value)
{
    ProtobufCWireType type = wire_type_of(e->field->type);
    size_t len = type == PROTOBUF_C_WIRE_TYPE_64BIT ? 8 : 4;

    if (*pos == e->content.len)
        return false;
    if (type == PROTOBUF_C_WIRE_TYPE_VARINT)
        return read_varint(e->content, pos, value) || fail(r, FCC_ERR_PROTO);
    if (len > e->content.len - *pos)
        return fail(r, FCC_ERR_PROTO);
    *value = little_endian(e->content.data + *pos, len);
    *pos += len;
    return true;
}

/* A repeated field has had its array made; `count` is how far it is filled. */
static bool read_repeated(struct reader *r, const struct utf8_field *rows, const struct element *e, uint8_t *base,
                          unsigned depth)
{
    size_t *count = (size_t *)(void *)(base + e->field->quantifier_offset);
    uint8_t *array, size = (uint8_t)size_of(e->field->type);
    size_t pos = 0;
    uint64_t value;

    memcpy(&array, base + e->field->offset, sizeof(array));
    if (!is_packed(e))
        return read_value(r, rows, e, array + size * (*count)++, depth);
    while (next_packed(r, e, &pos, &value))
        store_number(e->field->type, value, array + size * (*count)++);
    return r->status == FCC_OK;
}

static bool read_single(struct reader *r, const struct utf8_field *rows, const struct element *e, uint8_t *base,
                        unsigned depth)
{
    const ProtobufCFieldDescriptor *field = e->field;

    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
        uint32_t *which = (uint32_t *)(void *)(base + field->quantifier_offset);

        if (*which != field->id) /* what another field left there is none of ours */
            memset(base + field->offset, 0, size_of(field->type));
        *which = field->id;
    } else if (field->label == PROTOBUF_C_LABEL_OPTIONAL && field->type != PROTOBUF_C_TYPE_MESSAGE) {
        *(protobuf_c_boolean *)(void *)(base + field->quantifier_offset) = 1;
    }
    return read_value(r, rows, e, base + field->offset, depth);
}

/* ---- messages: counted first, so that arrays have their size, then read ---- */

enum { MAX_FIELDS = 64 };

static bool count_elements(struct reader *r, const ProtobufCMessageDescriptor *descriptor, fcc_bytes wire,
                           size_t *counts, size_t *unknown)
{
    for (size_t pos = 0; pos < wire.len;) {
        struct element e;
        size_t at = 0, *count, before;
        uint64_t value;

        if (!next_element(r, descriptor, wire, &pos, &e))
            return false;
        if (++r->elements > FCC__WIRE_MAX_ELEMENTS)
            return fail(r, FCC_ERR_LIMIT);
        count = e.field ? &counts[e.field - descriptor->fields] : unknown;
        before = *count;
        if (!e.field || !is_packed(&e)) {
            ++*count;
            continue;
        }
        while (next_packed(r, &e, &at, &value))
            ++*count;
        r->elements += *count - before;
        if (r->status != FCC_OK)
            return false;
        if (r->elements > FCC__WIRE_MAX_ELEMENTS)
            return fail(r, FCC_ERR_LIMIT);
    }
    return true;
}

/* Room for `more` elements behind the `have` that a merged message already has. */
static bool make_room(struct reader *r, void *array, size_t have, size_t more, size_t size)
{
    void *bigger, *old;

    if (more == 0)
        return true;
    bigger = fcc__arena_zalloc(r->arena, have + more, size);
    if (!bigger)
        return fail(r, FCC_ERR_LIMIT);
    memcpy(&old, array, sizeof(old));
    if (have)
        memcpy(bigger, old, have * size);
    memcpy(array, &bigger, sizeof(bigger));
    return true;
}

static bool make_arrays(struct reader *r, ProtobufCMessage *message, const size_t *counts, size_t unknown)
{
    const ProtobufCMessageDescriptor *descriptor = message->descriptor;
    uint8_t *base = (uint8_t *)message;

    for (unsigned i = 0; i < descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &descriptor->fields[i];

        if (field->label == PROTOBUF_C_LABEL_REPEATED &&
            !make_room(r, base + field->offset, *(size_t *)(void *)(base + field->quantifier_offset), counts[i],
                       size_of(field->type)))
            return false;
    }
    return make_room(r, &message->unknown_fields, message->n_unknown_fields, unknown,
                     sizeof(ProtobufCMessageUnknownField));
}

static bool keep_unknown(struct reader *r, ProtobufCMessage *message, const struct element *e)
{
    ProtobufCMessageUnknownField *field = &message->unknown_fields[message->n_unknown_fields];
    ProtobufCBinaryData raw;

    if (!copy_bytes(r, e->raw, &raw))
        return false;
    *field = (ProtobufCMessageUnknownField){ e->number, e->type, raw.len, raw.data };
    message->n_unknown_fields++;
    return true;
}

/* Recursion is bounded by FCC__WIRE_MAX_DEPTH. */
static bool read_message(struct reader *r, ProtobufCMessage *message, fcc_bytes wire, unsigned depth)
{
    const ProtobufCMessageDescriptor *descriptor = message->descriptor;
    const struct utf8_field *rows = utf8_rows(descriptor->name);
    size_t counts[MAX_FIELDS] = { 0 }, unknown = 0;

    FCC_REQUIRE(descriptor->n_fields <= MAX_FIELDS);
    if (depth > FCC__WIRE_MAX_DEPTH)
        return fail(r, FCC_ERR_PROTO);
    if (!count_elements(r, descriptor, wire, counts, &unknown) || !make_arrays(r, message, counts, unknown))
        return false;
    for (size_t pos = 0; pos < wire.len;) {
        struct element e;
        bool read;

        if (!next_element(r, descriptor, wire, &pos, &e))
            return false;
        if (!e.field)
            read = keep_unknown(r, message, &e);
        else if (e.field->label == PROTOBUF_C_LABEL_REPEATED)
            read = read_repeated(r, rows, &e, (uint8_t *)message, depth);
        else
            read = read_single(r, rows, &e, (uint8_t *)message, depth);
        if (!read)
            return false;
    }
    return true;
}

static fcc_status unpack(const ProtobufCMessageDescriptor *descriptor, fcc_bytes wire, fcc__arena *arena, bool borrow,
                         ProtobufCMessage **out)
{
    struct reader r = { .arena = arena, .borrow = borrow, .status = FCC_OK };
    ProtobufCMessage *message = fcc__arena_alloc(arena, descriptor->sizeof_message);

    if (!message)
        return FCC_ERR_LIMIT;
    protobuf_c_message_init(descriptor, message);
    if (!read_message(&r, message, wire, 1))
        return r.status;
    *out = message;
    return FCC_OK;
}

fcc_status fcc__unpack(const ProtobufCMessageDescriptor *descriptor, fcc_bytes wire, fcc__arena *arena,
                       ProtobufCMessage **out)
{
    return unpack(descriptor, wire, arena, false, out);
}

fcc_status fcc__unpack_borrowed(const ProtobufCMessageDescriptor *descriptor, fcc_bytes wire, fcc__arena *arena,
                                ProtobufCMessage **out)
{
    return unpack(descriptor, wire, arena, true, out);
}

fcc_status fcc__pack(const void *message, fcc__arena *arena, fcc_bytes *out)
{
    size_t len = protobuf_c_message_get_packed_size(message);
    uint8_t *p = fcc__arena_alloc(arena, len);

    if (!p)
        return FCC_ERR_LIMIT;
    *out = fcc_bytes_of(p, protobuf_c_message_pack(message, p));
    return FCC_OK;
}
