/*
 * wire.h: walking over the fields of a message where it lies, for those few that are read so often that unpacking them
 * would show: a peer's messages, the proposals in them, and the rows of ranges. All others go through unpack.h.
 *
 *     for (fcc__wire w = fcc__wire_of(bytes); fcc__wire_known(&w, &f, 0);)
 *         if (f.number == 2)
 *             value = f.content;
 *
 * Nothing is copied or allocated: what is read lives as long as the bytes do. What unpack.h refuses is refused. All is
 * inlined, so that a field is held in registers: written to memory in halves and read back whole it would take longer
 * than everything else.
 */
#ifndef FCC_PROTOS_WIRE_H
#define FCC_PROTOS_WIRE_H

#include "base/utf8.h"

#define FCC__WIRE_INLINE static inline __attribute__((always_inline))

typedef struct fcc__wire {
    const uint8_t *at, *end;
    bool broken; /* it ended because what follows is no field */
} fcc__wire;

typedef enum fcc__wire_type {
    FCC__WIRE_VARINT = 0,
    FCC__WIRE_64BIT = 1,
    FCC__WIRE_BYTES = 2,
    FCC__WIRE_GROUP = 3,
    FCC__WIRE_GROUP_END = 4,
    FCC__WIRE_32BIT = 5,
} fcc__wire_type;

typedef struct fcc__field {
    uint32_t number;
    fcc__wire_type type;
    uint64_t value;    /* of FCC__WIRE_VARINT */
    fcc_bytes content; /* of FCC__WIRE_BYTES; empty: { NULL, 0 } */
} fcc__field;

/* A varint of several bytes at `at`, before `end`: what is behind it, or NULL when there is none. */
const uint8_t *fcc__varint_long(const uint8_t *at, const uint8_t *end, uint64_t *out);

/*
 * What is behind the group of this number whose start was just read, or NULL when it has no end. proto3 has no groups,
 * but Go's library skips what it doesn't know, and so who signs what decides: they must not be a way to disagree.
 */
const uint8_t *fcc__group_end(const uint8_t *at, const uint8_t *end, uint32_t number);

/* The varint at `*at`, which is moved behind it; false when there is none. */
FCC__WIRE_INLINE bool fcc__varint(const uint8_t **at, const uint8_t *end, uint64_t *out)
{
    const uint8_t *behind;
    uint64_t value;

    if (*at < end && **at < 0x80) {
        *out = *(*at)++;
        return true;
    }
    if (end - *at > 1 && (*at)[1] < 0x80) { /* the lengths of what a proposal holds */
        *out = (uint64_t)(*at)[1] << 7 | ((*at)[0] & 0x7f);
        *at += 2;
        return true;
    }
    behind = fcc__varint_long(*at, end, &value);
    if (!behind)
        return false;
    *at = behind;
    *out = value;
    return true;
}

FCC__WIRE_INLINE fcc__wire fcc__wire_of(fcc_bytes message)
{
    return (fcc__wire){ .at = message.data, .end = message.len ? message.data + message.len : message.data };
}

/* The next field; false at the end, and when there is no whole one, which sets `broken`. */
FCC__WIRE_INLINE bool fcc__wire_next(fcc__wire *wire, fcc__field *out)
{
    enum { MAX_NUMBER = 536870911 };
    const uint8_t *at = wire->at;
    fcc__field field = { 0 };
    uint64_t key, len = 0;

    if (at == wire->end)
        return false;
    /* nearly all: a low number, and less than 128 bytes of content */
    if (wire->end - at > 2 && (at[0] & 0x87) == FCC__WIRE_BYTES && at[0] >> 3 && at[1] && at[1] < 0x80 &&
        at[1] <= wire->end - at - 2) {
        *out = (fcc__field){ .number = at[0] >> 3, .type = FCC__WIRE_BYTES, .content = { at + 2, at[1] } };
        wire->at = at + 2 + at[1];
        return true;
    }
    if (wire->end - at > 1 && (at[0] & 0x87) == FCC__WIRE_VARINT && at[0] >> 3 && at[1] < 0x80) { /* a small number */
        *out = (fcc__field){ .number = at[0] >> 3, .type = FCC__WIRE_VARINT, .value = at[1] };
        wire->at = at + 2;
        return true;
    }
    wire->broken = true;
    if (!fcc__varint(&at, wire->end, &key) || key >> 3 == 0 || key >> 3 > MAX_NUMBER)
        return false;
    field.number = (uint32_t)(key >> 3);
    field.type = (fcc__wire_type)(key & 7);
    if (field.type == FCC__WIRE_BYTES) {
        if (!fcc__varint(&at, wire->end, &len) || len > (size_t)(wire->end - at))
            return false;
        field.content = fcc_bytes_of(len ? at : NULL, (size_t)len);
    } else if (field.type == FCC__WIRE_VARINT) {
        if (!fcc__varint(&at, wire->end, &field.value))
            return false;
    } else if (field.type == FCC__WIRE_GROUP) {
        at = fcc__group_end(at, wire->end, field.number);
        if (!at)
            return false;
    } else {
        if (field.type != FCC__WIRE_64BIT && field.type != FCC__WIRE_32BIT)
            return false;
        len = field.type == FCC__WIRE_64BIT ? 8 : 4;
        if (len > (size_t)(wire->end - at))
            return false;
    }
    wire->broken = false;
    wire->at = at + len;
    *out = field;
    return true;
}

/*
 * The next field that has content, or, where `numbers` has the bit of its number, a varint. A value of another type is no
 * value of the field, as in unpack.h.
 */
FCC__WIRE_INLINE bool fcc__wire_known(fcc__wire *wire, fcc__field *out, uint32_t numbers)
{
    while (fcc__wire_next(wire, out))
        if (out->type == (out->number < 32 && numbers >> out->number & 1 ? FCC__WIRE_VARINT : FCC__WIRE_BYTES))
            return true;
    return false;
}

/* False when the content is not UTF-8. */
FCC__WIRE_INLINE bool fcc__field_text(const fcc__field *field, fcc_bytes *out)
{
    *out = field->content;
    return fcc__utf8_valid(field->content);
}

#endif
