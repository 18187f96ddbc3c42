/* See codes.h. */
#include "base/codes.h"

#include "base/require.h"

#include <strings.h>

static const fcc__code_info codes[] = {
#define ROW(name, code, text, cause, remedy) { code, text, cause, remedy },
    FCC__CODES(ROW)
#undef ROW
};

const fcc__code_info *fcc__code_info_of(fcc__code code)
{
    FCC_REQUIRE((size_t)code < FCC__CODE_COUNT);
    return &codes[code];
}

const fcc__code_info *fcc__code_find(const char *code)
{
    size_t i;

    for (i = 0; i < FCC__CODE_COUNT; i++)
        if (strcasecmp(codes[i].code, code) == 0)
            return &codes[i];
    return NULL;
}

fcc__code fcc__code_of(const fcc__code_info *info)
{
    FCC_REQUIRE(info >= codes && info < codes + FCC__CODE_COUNT);
    return (fcc__code)(info - codes);
}

fcc__code fcc__code_of_status(fcc_status status)
{
    switch (fcc_status_kind(status)) {
    case FCC_KIND_USAGE:
        return FCC__E_STAT_USAGE;
    case FCC_KIND_PEER:
        return FCC__E_STAT_PEER;
    case FCC_KIND_CONN:
        return FCC__E_STAT_CONN;
    case FCC_KIND_RES:
        return FCC__E_STAT_RES;
    case FCC_KIND_DATA:
        return FCC__E_STAT_DATA;
    case FCC_KIND_APP:
        return FCC__E_TX_REFUSED;
    case FCC_KIND_NONE:
        break;
    }
    FCC_REQUIRE(status != FCC_OK);
    return FCC__E_STAT_RES;
}
