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
