/* See wire.h. The wire format: protobuf.dev, "Encoding". */
#include "protos/wire.h"

const uint8_t *fcc__varint_long(const uint8_t *at, const uint8_t *end, uint64_t *out)
{
    uint64_t n = 0;

    for (unsigned shift = 0; shift < 70 && at < end; shift += 7) {
        uint8_t byte = *at++;

        if (shift == 63 && byte > 1)
            return NULL;
        n |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *out = n;
            return at;
        }
    }
    return NULL;
}

/* As Go's protowire does it: groups may lie in one another, and numbers are checked less there than in a message. */
const uint8_t *fcc__group_end(const uint8_t *at, const uint8_t *end, uint32_t number)
{
    enum { MAX_DEPTH = 100 };
    uint64_t open[MAX_DEPTH], key, len;
    size_t depth = 0;

    open[depth++] = number;
    while (depth) {
        if (!fcc__varint(&at, end, &key) || key >> 3 == 0 || key >> 3 > INT32_MAX)
            return NULL;
        len = 0;
        switch ((fcc__wire_type)(key & 7)) {
        case FCC__WIRE_VARINT:
            if (!fcc__varint(&at, end, &key))
                return NULL;
            break;
        case FCC__WIRE_BYTES:
            if (!fcc__varint(&at, end, &len))
                return NULL;
            break;
        case FCC__WIRE_64BIT:
            len = 8;
            break;
        case FCC__WIRE_32BIT:
            len = 4;
            break;
        case FCC__WIRE_GROUP:
            if (depth == MAX_DEPTH)
                return NULL;
            open[depth++] = key >> 3;
            break;
        case FCC__WIRE_GROUP_END:
            if (key >> 3 != open[--depth])
                return NULL;
            break;
        default:
            return NULL;
        }
        if (len > (size_t)(end - at))
            return NULL;
        at += len;
    }
    return at;
}
