/*
 * Composite keys: 0x00, the object type, 0x00, then each attribute followed by 0x00.
 * Source: fabric-chaincode-go v2.3.0 shim/stub.go CreateCompositeKey, splitCompositeKey, validateCompositeKeyAttribute
 */
#include "core/stub.h"

#include "base/utf8.h"

#include <stdlib.h>

enum { MAX_RUNE = 0x10ffff };

static fcc_status check_part(fcc_stub *stub, fcc_bytes part)
{
    if (!fcc__utf8_valid(part)) {
        fcc__buf hex;

        fcc__buf_init(&hex, 2 * part.len + 1);
        fcc__buf_hex(&hex, part);
        FCC__FAIL_PARTS(stub, FCC_ERR_ARG, FCC_LIT("not a valid utf8 string: ["), fcc__buf_bytes(&hex), FCC_LIT("]"));
        fcc__buf_clear(&hex);
        return FCC_ERR_ARG;
    }
    for (size_t pos = 0; pos < part.len;) {
        size_t from = pos;
        uint32_t rune = fcc__utf8_next(part, &pos);

        if (rune == 0 || rune == MAX_RUNE)
            return fcc_fail(stub, FCC_ERR_ARG,
                            "input contains unicode U+%04X starting at position [%zu]. U+0000 and U+10FFFF are not "
                            "allowed in the input attribute of a composite key",
                            rune, from);
    }
    return FCC_OK;
}

fcc_status fcc_create_composite_key(fcc_stub *stub, fcc_bytes object_type, const fcc_bytes *attributes, size_t count,
                                    fcc_bytes *out)
{
    size_t len = 2 + object_type.len;
    uint8_t *key, *p;
    fcc_status st = check_part(stub, object_type);

    for (size_t i = 0; i < count && st == FCC_OK; i++) {
        st = check_part(stub, attributes[i]);
        len += attributes[i].len + 1;
    }
    if (st != FCC_OK)
        return st;
    key = fcc__arena_alloc(stub->arena, len);
    if (!key)
        return fcc__fail_memory(stub);
    p = key;
    *p++ = 0;
    for (size_t i = 0; i <= count; i++) {
        fcc_bytes part = i ? attributes[i - 1] : object_type;

        if (part.len)
            memcpy(p, part.data, part.len);
        p += part.len;
        *p++ = 0;
    }
    *out = fcc_bytes_of(key, len);
    return FCC_OK;
}

fcc_status fcc_split_composite_key(fcc_stub *stub, fcc_bytes key, fcc_bytes *object_type, const fcc_bytes **attributes,
                                   size_t *count)
{
    fcc_bytes copy, *parts;
    size_t n = 0, from = 1;

    for (size_t i = 1; i < key.len; i++)
        n += key.data[i] == 0;
    if (n == 0)
        return fcc_fail(stub, FCC_ERR_ARG, "not a composite key");
    parts = fcc__arena_zalloc(stub->arena, n, sizeof(*parts));
    if (!parts || !fcc__arena_copy(stub->arena, key, &copy))
        return fcc__fail_memory(stub);
    n = 0;
    for (size_t i = 1; i < copy.len; i++) {
        if (copy.data[i] != 0)
            continue;
        parts[n++] = fcc_bytes_of(copy.data + from, i - from);
        from = i + 1;
    }
    *object_type = parts[0];
    *attributes = parts + 1;
    *count = n - 1;
    return FCC_OK;
}
