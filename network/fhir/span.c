/*
 * jansson parses and checks, but doesn't say where in the text a value was; this finds the resources' bytes. It only
 * counts brackets and skips strings, because the text is known to be well-formed, and yet never leaves it.
 */
#include "fhir/span.h"

typedef struct cursor {
    const uint8_t *p, *end;
} cursor;

static void blank(cursor *c)
{
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' || *c->p == '\n' || *c->p == '\r' || *c->p == ','))
        c->p++;
}

static bool at(cursor *c, uint8_t byte)
{
    blank(c);
    return c->p < c->end && *c->p == byte;
}

/* A string without its quotes. */
static fcc_bytes string(cursor *c)
{
    const uint8_t *start = ++c->p;

    while (c->p < c->end && *c->p != '"')
        c->p += *c->p == '\\' ? 2 : 1;
    if (c->p > c->end)
        c->p = c->end;
    return fcc_bytes_of(start, (size_t)((c->p < c->end ? c->p++ : c->p) - start));
}

static fcc_bytes value(cursor *c)
{
    const uint8_t *start;
    size_t depth = 0;

    blank(c);
    start = c->p;
    do {
        if (at(c, '"')) {
            string(c);
        } else if (c->p < c->end && (*c->p == '{' || *c->p == '[')) {
            depth++;
            c->p++;
        } else if (c->p < c->end && (*c->p == '}' || *c->p == ']')) {
            if (depth == 0)
                break;
            depth--;
            c->p++;
        } else if (c->p < c->end && *c->p == ':') {
            c->p++;
        } else {
            while (c->p < c->end && *c->p != ',' && *c->p != '}' && *c->p != ']' && *c->p > ' ')
                c->p++;
        }
    } while (depth > 0 && c->p < c->end);
    return fcc_bytes_of(start, (size_t)(c->p - start));
}

/* Inside an object: move behind the colon of the member called `name`. */
static bool member(cursor *c, fcc_bytes name)
{
    while (at(c, '"')) {
        fcc_bytes key = string(c);

        if (at(c, ':'))
            c->p++;
        if (fcc_bytes_equal(key, name))
            return true;
        value(c);
    }
    return false;
}

size_t fhir__resource_spans(fcc_bytes json, fcc_bytes *spans, size_t max)
{
    cursor c = { json.data, json.data + json.len };
    size_t n = 0;

    if (!at(&c, '{'))
        return 0;
    c.p++;
    if (!member(&c, FCC_LIT("entry")) || !at(&c, '['))
        return 0;
    c.p++;
    while (n < max && at(&c, '{')) {
        fcc_bytes entry = value(&c);
        cursor in = { entry.data + 1, entry.data + entry.len };

        spans[n] = member(&in, FCC_LIT("resource")) ? value(&in) : fcc_bytes_of(NULL, 0);
        n++;
    }
    return n;
}
