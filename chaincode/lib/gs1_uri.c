/* gs1_uri.c: GS1 Digital Links: written, brought to the canonical one, read. */
#include "lib/gs1_uri_parts.h"

#include <stdio.h>
#include <string.h>

#include "lib/gs1.h"

/* ---- writing ---- */

void gs1_put(struct gs1_out *o, const char *s, size_t n)
{
    if (o->len + n < GS1_URI_SIZE) { /* what is longer was refused before */
        memcpy(o->text + o->len, s, n);
        o->len += n;
        o->text[o->len] = 0;
    }
}

void gs1_put_text(struct gs1_out *o, const char *s)
{
    gs1_put(o, s, strlen(s));
}

static int hex_of(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

/* The next character of an escaped text, and behind it; 0 at the end and for an escape that is none. */
static char next_char(const char **s)
{
    char c = **s;

    if (c == '%') {
        const int high = hex_of((*s)[1]), low = high < 0 ? -1 : hex_of((*s)[2]);

        if (low < 0)
            return 0;
        c = (char)(high * 16 + low);
        *s += 2;
    }
    *s += c != 0;
    return c;
}

static void put_char(struct gs1_out *o, char c)
{
    char encoded[4];

    if (strchr("!\"#%&()*+,/:<>?", c)) {
        snprintf(encoded, sizeof(encoded), "%%%02X", (unsigned char)c);
        gs1_put(o, encoded, 3);
    } else {
        gs1_put(o, &c, 1);
    }
}

void gs1_put_serial(struct gs1_out *o, const char *s)
{
    for (char c = next_char(&s); c; c = next_char(&s))
        put_char(o, c);
}

bool gs1_decode(const char *s, char *out, size_t max, char type)
{
    size_t n = 0;

    while (*s) {
        const char c = next_char(&s);

        if (c == 0 || n == max)
            return false;
        out[n++] = c;
    }
    out[n] = 0;
    return n > 0 && gs1_is_of(type, out, max);
}

/* ---- the canonical form ---- */

static const struct {
    const char *ai, *name;
    size_t min, max; /* characters of the value */
    bool digits;     /* nothing but digits */
    const char *qualifiers[4];
} keys[] = {
    { "01", "gtin", 8, 14, true, { "21", "235", "10", NULL } },
    { "00", "sscc", 18, 18, true, { NULL } },
    { "8006", "itip", 18, 18, true, { "21", "10", NULL } },
    { "8010", "cpid", 5, 30, false, { "8011", NULL } },
    { "414", "gln", 13, 13, true, { "254", NULL } },
    { "417", "party", 13, 13, true, { NULL } },
    { "8017", "gsrnp", 18, 18, true, { NULL } },
    { "8018", "gsrn", 18, 18, true, { NULL } },
    { "255", "gcn", 13, 25, true, { NULL } },
    { "253", "gdti", 13, 30, false, { NULL } },
    { "401", "ginc", 5, 30, false, { NULL } },
    { "402", "gsin", 17, 17, true, { NULL } },
    { "8003", "grai", 14, 30, false, { NULL } },
    { "8004", "giai", 5, 30, false, { NULL } },
};
static const char *const short_names[][2] = { { "22", "cpv" }, { "10", "lot" }, { "21", "ser" } };

enum { MAX_SEGMENTS = 24 };

static bool is_ai(const char *segment, const char *ai)
{
    if (strcmp(segment, ai) == 0)
        return true;
    for (size_t i = 0; i < 3; i++)
        if (strcmp(ai, short_names[i][0]) == 0 && strcmp(segment, short_names[i][1]) == 0)
            return true;
    return false;
}

/* A value as it may stand in a Digital Link: its characters are counted as they are meant. */
static bool is_segment(const char *s, size_t min, size_t max, bool digits)
{
    char decoded[32];

    if (digits)
        return gs1_is_digits(s, min, max);
    return (gs1_decode(s, decoded, max, 'X') || gs1_decode(s, decoded, max, 'Y')) && strlen(decoded) >= min;
}

/* The GTIN of 8, 12, 13 or 14 digits as 14. */
static bool put_gtin(struct gs1_out *o, const char *value)
{
    const size_t n = strlen(value);

    if (n != 8 && n < 12)
        return false;
    gs1_put(o, "00000000", 14 - n);
    gs1_put_text(o, value);
    return true;
}

/* A key's value and, of its qualifiers, the one that identifies most; what else the link says is left out. */
static bool put_link(struct gs1_out *o, size_t key, char *const *segments, size_t n)
{
    if (n % 2 != 0 || !is_segment(segments[1], keys[key].min, keys[key].max, keys[key].digits))
        return false;
    gs1_put_text(o, GS1_DOMAIN);
    gs1_put_text(o, keys[key].ai);
    gs1_put_text(o, "/");
    if (strcmp(keys[key].ai, "01") == 0) {
        if (!put_gtin(o, segments[1]))
            return false;
    } else {
        gs1_put_serial(o, segments[1]);
    }
    for (const char *const *qualifier = keys[key].qualifiers; *qualifier; qualifier++)
        for (size_t i = 2; i < n; i += 2) {
            if (!is_ai(segments[i], *qualifier))
                continue;
            gs1_put_text(o, "/");
            gs1_put_text(o, *qualifier);
            gs1_put_text(o, "/");
            gs1_put_serial(o, segments[i + 1]);
            return is_segment(segments[i + 1], 1, 28, false);
        }
    return true;
}

static bool canonical_link(const char *uri, struct gs1_out *o)
{
    char copy[GS1_URI_SIZE], *segments[MAX_SEGMENTS], *at;
    size_t n = 0;

    if (strncmp(uri, "http://", 7) != 0 && strncmp(uri, "https://", 8) != 0)
        return false;
    snprintf(copy, sizeof(copy), "%s", strchr(uri, '/') + 2);
    copy[strcspn(copy, "?#")] = 0;
    for (at = copy; at && n < MAX_SEGMENTS;) {
        segments[n++] = at;
        at = strchr(at, '/');
        if (at)
            *at++ = 0;
    }
    if (at)
        return false;
    if (n > 1 && *segments[n - 1] == 0) /* a slash at the end */
        n--;
    for (size_t i = 1; i + 1 < n; i++)
        for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
            if (strcmp(segments[i], keys[k].ai) == 0 || strcmp(segments[i], keys[k].name) == 0)
                return put_link(o, k, segments + i, n - i);
    return false;
}

bool gs1_uri_canonical(const char *uri, char out[GS1_URI_SIZE])
{
    struct gs1_out o = { .text = out };
    const char *rest = NULL;
    const struct gs1_scheme *scheme;

    out[0] = 0;
    if (strlen(uri) > GS1_URI_MAX)
        return false;
    scheme = gs1_scheme_of(uri, &rest);
    return scheme ? gs1_put_epc(scheme, rest, &o) : canonical_link(uri, &o);
}

bool gs1_uri_is_malformed(const char *uri)
{
    char out[GS1_URI_SIZE];
    const char *rest = NULL;

    return gs1_scheme_of(uri, &rest) && !gs1_uri_canonical(uri, out);
}

/* ---- reading the canonical form ---- */

bool gs1_uri_read(const char *canonical, struct gs1_name *out)
{
    char copy[GS1_URI_SIZE], *ai, *key, *qualifier, *value = NULL;

    *out = (struct gs1_name){ .ai = "" };
    if (strncmp(canonical, GS1_DOMAIN, sizeof(GS1_DOMAIN) - 1) != 0 || strlen(canonical) >= sizeof(copy))
        return false;
    snprintf(copy, sizeof(copy), "%s", canonical + sizeof(GS1_DOMAIN) - 1);
    ai = copy;
    key = strchr(ai, '/');
    if (!key)
        return false;
    *key++ = 0;
    qualifier = strchr(key, '/');
    if (qualifier) {
        *qualifier++ = 0;
        value = strchr(qualifier, '/');
        if (!value)
            return false;
        *value++ = 0;
    }
    if (strlen(ai) >= sizeof(out->ai) || strlen(key) >= sizeof(out->key))
        return false;
    memcpy(out->ai, ai, strlen(ai) + 1);
    memcpy(out->key, key, strlen(key) + 1);
    if (!value)
        return true;
    if (strcmp(qualifier, "21") == 0)
        return gs1_decode(value, out->serial, GS1_SERIAL, 'X');
    return strcmp(qualifier, "10") != 0 || gs1_decode(value, out->lot, GS1_SERIAL, 'X');
}

void gs1_uri_of_pack(const char *gtin, const char *serial, char out[GS1_URI_SIZE])
{
    struct gs1_out o = { .text = out };

    gs1_put_text(&o, GS1_DOMAIN "01/");
    gs1_put_text(&o, gtin);
    gs1_put_text(&o, "/21/");
    for (; *serial; serial++)
        put_char(&o, *serial);
}
