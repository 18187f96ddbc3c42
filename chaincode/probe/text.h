/* text.h: a growing text, and what Go's encoding/json makes of a string. Errors stick: check `failed` at the end. */
#ifndef PROBE_TEXT_H
#define PROBE_TEXT_H

#include <fcc/bytes.h>
#include <fcc/status.h>

typedef struct probe_text {
    char *data; /* owned */
    size_t len;
    size_t cap;
    bool failed;
} probe_text;

void probe_text_clear(probe_text *text);
void probe_text_add(probe_text *text, fcc_bytes bytes);
void probe_text_printf(probe_text *text, const char *format, ...) FCC_PRINTF(2, 3);
void probe_text_hex(probe_text *text, fcc_bytes bytes);
/*
 * A JSON string, quotes included, as Go writes it: <, >, &, U+2028 and U+2029 as \u003c and so on, control bytes escaped,
 * \ufffd for each byte that is not UTF-8, the rest as it is.
 */
void probe_text_json(probe_text *text, fcc_bytes bytes);

static inline fcc_bytes probe_text_bytes(const probe_text *text)
{
    return fcc_bytes_of(text->data, text->len);
}

#endif
