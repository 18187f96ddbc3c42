/* See counters.h. Stands alone: fcc-host links it without the rest of the shim. */
#include "io/counters.h"

const uint64_t fcc__bucket_us[FCC__BUCKETS_OF_TIME] = { 100,     250,     500,     1000,    2500,   5000,
                                                        10000,   25000,   50000,   100000,  250000, 500000,
                                                        1000000, 2500000, 5000000, 25000000 };

void fcc__counters_restart(fcc__counters *c)
{
    fcc__set(&c->layout, FCC__COUNTERS_LAYOUT);
    fcc__set(&c->serving, FCC__STARTING);
    fcc__set(&c->running, 0);
    fcc__set(&c->streams_open, 0);
    fcc__set(&c->cert_expires, 0);
    for (size_t i = 0; i < FCC__SHOWN; i++)
        fcc__set(&c->shown[i].function, 0);
}

static void copy_printable(const char *text, char *out, size_t size)
{
    size_t n = 0;

    while (n + 1 < size && text[n] > ' ' && text[n] < 0x7f) {
        out[n] = text[n];
        n++;
    }
    out[n] = 0;
}

void fcc__counters_name(const char *name, char *out)
{
    copy_printable(name, out, FCC__NAME_BYTES);
}

void fcc__counters_shown(const char *text, char *out)
{
    copy_printable(text, out, FCC__SHOWN_BYTES);
}
