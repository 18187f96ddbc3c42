/* The texts of fcc/status.h. */
#include <fcc/status.h>

#include <stdarg.h>
#include <stdio.h>

static const struct {
    const char *name;
    const char *text;
    fcc_kind kind;
} statuses[] = {
#define ROW(name, kind, text) [FCC_##name] = { #name, text, FCC_KIND_##kind },
    FCC_STATUS_TABLE(ROW)
#undef ROW
};

static size_t row_of(fcc_status status)
{
    size_t i = (size_t)status;

    return i < sizeof(statuses) / sizeof(statuses[0]) ? i : (size_t)FCC_ERR_INTERNAL;
}

const char *fcc_status_name(fcc_status status)
{
    return statuses[row_of(status)].name;
}

const char *fcc_status_text(fcc_status status)
{
    return statuses[row_of(status)].text;
}

fcc_kind fcc_status_kind(fcc_status status)
{
    return statuses[row_of(status)].kind;
}

fcc_status fcc_error_set(fcc_error *error, fcc_status status, const char *format, ...)
{
    va_list args;

    if (!error)
        return status;
    error->status = status;
    va_start(args, format);
    vsnprintf(error->text, sizeof(error->text), format, args);
    va_end(args);
    return status;
}
