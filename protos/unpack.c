/* See unpack.h. The wire format: protobuf.dev, "Encoding". */
#include "protos/unpack.h"

#include "base/utf8.h"

/* Fields that are strings in Fabric's own .proto files, sorted by message; made by utf8.awk. */
static const struct utf8_field {
    const char *message;
    uint32_t number;
} utf8_fields[] = {
#include "utf8_fields.inc"
};

struct scan {
    size_t elements;
    fcc_status status;
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

static bool fail(struct scan *s, fcc_status status)
{
    s->status = status;
    return false;
}

/* Recursion is bounded by FCC__WIRE_MAX_DEPTH. */
static bool scan_message(struct scan *s, const ProtobufCMessageDescriptor *descriptor, fcc_bytes wire, unsigned depth)
{
    const struct utf8_field *rows = utf8_rows(descriptor->name);
    size_t pos = 0;

    if (depth > FCC__WIRE_MAX_DEPTH)
        return fail(s, FCC_ERR_PROTO);
    while (pos < wire.len) {
        const ProtobufCFieldDescriptor *field;
        uint64_t key, len;
        fcc_bytes content;

        if (!read_varint(wire, &pos, &key) || key >> 3 == 0 || key >> 3 > 536870911)
            return fail(s, FCC_ERR_PROTO);
        if (++s->elements > FCC__WIRE_MAX_ELEMENTS)
            return fail(s, FCC_ERR_LIMIT);
        field = protobuf_c_message_descriptor_get_field(descriptor, (unsigned)(key >> 3));
        switch (key & 7) {
        case PROTOBUF_C_WIRE_TYPE_VARINT:
            if (!read_varint(wire, &pos, &len))
                return fail(s, FCC_ERR_PROTO);
            continue;
        case PROTOBUF_C_WIRE_TYPE_64BIT:
            len = 8;
            break;
        case PROTOBUF_C_WIRE_TYPE_32BIT:
            len = 4;
            break;
        case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED:
            if (!read_varint(wire, &pos, &len))
                return fail(s, FCC_ERR_PROTO);
            break;
        default: /* groups: never in proto3 */
            return fail(s, FCC_ERR_PROTO);
        }
        if (len > wire.len - pos)
            return fail(s, FCC_ERR_PROTO);
        content = fcc_bytes_of(wire.data + pos, (size_t)len);
        pos += (size_t)len;
        if (!field || (key & 7) != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED)
            continue;
        if (field->type == PROTOBUF_C_TYPE_MESSAGE && !scan_message(s, field->descriptor, content, depth + 1))
            return false;
        if (field->type == PROTOBUF_C_TYPE_BYTES && is_utf8_field(rows, field->id) && !fcc__utf8_valid(content))
            return fail(s, FCC_ERR_PROTO);
    }
    return true;
}

struct capped {
    fcc__arena *arena;
    bool full;
};

static void *capped_alloc(void *data, size_t size)
{
    struct capped *capped = data;
    void *p = fcc__arena_alloc(capped->arena, size);

    if (!p)
        capped->full = true;
    return p;
}

static void capped_free(void *data, void *pointer)
{
    (void)data;
    (void)pointer; /* freed with the arena */
}

fcc_status fcc__unpack(const ProtobufCMessageDescriptor *descriptor, fcc_bytes wire, fcc__arena *arena,
                       ProtobufCMessage **out)
{
    struct capped capped = { .arena = arena };
    ProtobufCAllocator allocator = { .alloc = capped_alloc, .free = capped_free, .allocator_data = &capped };
    struct scan scan = { .status = FCC_OK };
    ProtobufCMessage *message;

    if (!scan_message(&scan, descriptor, wire, 1))
        return scan.status;
    message = protobuf_c_message_unpack(descriptor, &allocator, wire.len, wire.data);
    if (!message)
        return capped.full ? FCC_ERR_LIMIT : FCC_ERR_PROTO;
    *out = message;
    return FCC_OK;
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
