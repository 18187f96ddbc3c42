/* gs1_uri.c: EPC URIs and GS1 Digital Links, by tables of their schemes. */
#include "lib/gs1_uri.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lib/gs1.h"

#define DOMAIN "https://id.gs1.org/"

/* ---- values of application identifiers ---- */

enum rule { FREE, CSUM, YYMMD0, ZERO, PIECES_OF, NO_ZERO_FIRST, PREFIX };

/* One part of a value: its characters (N digits, X set 82, Y set 39), how many, and a rule of GS1's. */
struct component {
    char type;
    uint8_t min, max;
    enum rule rule;
};

static const struct {
    const char *ai;
    struct component parts[3]; /* the last one may be left out where its min is 0 */
} values[] = {
    { "00", { { 'N', 18, 18, CSUM } } },
    { "01", { { 'N', 14, 14, CSUM } } },
    { "02", { { 'N', 14, 14, CSUM } } },
    { "10", { { 'X', 1, 20, FREE } } },
    { "11", { { 'N', 6, 6, YYMMD0 } } },
    { "17", { { 'N', 6, 6, YYMMD0 } } },
    { "21", { { 'X', 1, 20, FREE } } },
    { "22", { { 'X', 1, 20, FREE } } },
    { "235", { { 'X', 1, 28, FREE } } },
    { "253", { { 'N', 13, 13, CSUM }, { 'X', 0, 17, FREE } } },
    { "254", { { 'X', 1, 20, FREE } } },
    { "255", { { 'N', 13, 13, CSUM }, { 'N', 0, 12, FREE } } },
    { "401", { { 'X', 1, 30, PREFIX } } },
    { "402", { { 'N', 17, 17, CSUM } } },
    { "414", { { 'N', 13, 13, CSUM } } },
    { "417", { { 'N', 13, 13, CSUM } } },
    { "8003", { { 'N', 1, 1, ZERO }, { 'N', 13, 13, CSUM }, { 'X', 0, 16, FREE } } },
    { "8004", { { 'X', 1, 30, PREFIX } } },
    { "8006", { { 'N', 14, 14, CSUM }, { 'N', 4, 4, PIECES_OF } } },
    { "8010", { { 'Y', 1, 30, PREFIX } } },
    { "8011", { { 'N', 1, 12, NO_ZERO_FIRST } } },
    { "8017", { { 'N', 18, 18, CSUM } } },
    { "8018", { { 'N', 18, 18, CSUM } } },
};

static bool is_of(char type, const char *s, size_t max)
{
    return type == 'N' ? gs1_is_digits(s, 1, max) : type == 'X' ? gs1_is_cset82(s, max) : gs1_is_cset39(s, max);
}

/* "0203": piece 2 of 3. */
static bool is_piece(const char *s)
{
    const int piece = (s[0] - '0') * 10 + s[1] - '0', total = (s[2] - '0') * 10 + s[3] - '0';

    return piece > 0 && piece <= total;
}

static bool keeps(enum rule rule, const char *s)
{
    switch (rule) {
    case CSUM:
        return gs1_is_key(s, strlen(s));
    case YYMMD0:
        return gs1_is_yymmd0(s);
    case ZERO:
        return *s == '0';
    case PIECES_OF:
        return is_piece(s);
    case NO_ZERO_FIRST:
        return *s != '0';
    case PREFIX: /* a company prefix has at least four digits */
        return strspn(s, "0123456789") >= 4;
    case FREE:
        break;
    }
    return true;
}

bool gs1_is_value(const char *ai, const char *value)
{
    char text[32];

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        if (strcmp(ai, values[i].ai) != 0)
            continue;
        for (const struct component *part = values[i].parts; part < values[i].parts + 3 && part->type; part++) {
            const size_t have = strlen(value), n = have < part->max ? have : part->max;

            if (n == 0 && part->min == 0)
                return true;
            memcpy(text, value, n);
            text[n] = 0;
            if (n < part->min || !is_of(part->type, text, n) || !keeps(part->rule, text))
                return false;
            value += n;
        }
        return *value == 0;
    }
    return false;
}

/* ---- writing ---- */

struct out {
    char *text;
    size_t len;
};

static void put(struct out *o, const char *s, size_t n)
{
    if (o->len + n < GS1_URI_SIZE) { /* what is longer was refused before */
        memcpy(o->text + o->len, s, n);
        o->len += n;
        o->text[o->len] = 0;
    }
}

static void put_text(struct out *o, const char *s)
{
    put(o, s, strlen(s));
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

static void put_char(struct out *o, char c)
{
    char encoded[4];

    if (strchr("!\"#%&()*+,/:<>?", c)) {
        snprintf(encoded, sizeof(encoded), "%%%02X", (unsigned char)c);
        put(o, encoded, 3);
    } else {
        put(o, &c, 1);
    }
}

/* An escaped text anew: only what a Digital Link can't have as it is is escaped, in one way. */
static void put_serial(struct out *o, const char *s)
{
    for (char c = next_char(&s); c; c = next_char(&s))
        put_char(o, c);
}

static void put_checked(struct out *o, const char *digits)
{
    const char check = gs1_check_digit(digits, strlen(digits));

    put_text(o, digits);
    put(o, &check, 1);
}

/* ---- characters of serials ---- */

/* The characters that an escaped text stands for, at most max, all of set 82 ('X') or of set 39 ('Y'); false otherwise. */
static bool decode(const char *s, char *out, size_t max, char type)
{
    size_t n = 0;

    while (*s) {
        const char c = next_char(&s);

        if (c == 0 || n == max)
            return false;
        out[n++] = c;
    }
    out[n] = 0;
    return n > 0 && is_of(type, out, max);
}

/* ---- EPC URIs ---- */

enum shape {
    ITEM,     /* the first digit of the reference goes in front: GTIN, SSCC */
    STRAIGHT, /* prefix and reference as they are, and a check digit */
    OPEN      /* prefix and characters, no check digit */
};

/* What comes behind prefix and reference. */
enum tail {
    NOTHING,
    QUALIFIER, /* a serial behind the qualifier's AI */
    EXTENSION, /* the same, but "0" stands for none */
    APPENDED,  /* a serial directly behind the key */
    PIECES,    /* two digits, two digits, and a serial behind the qualifier's AI */
    ANY        /* "*" */
};

static const struct scheme {
    const char *name, *ai, *lead, *qualifier;
    enum shape shape;
    size_t digits; /* of prefix and reference */
    enum tail tail;
    size_t max; /* characters of the serial; of the reference where there is no other */
    bool numeric;
} schemes[] = {
    { "id:sgtin:", "01", "", "/21/", ITEM, 13, QUALIFIER, 20, false },
    { "id:sscc:", "00", "", "", ITEM, 17, NOTHING, 0, false },
    { "id:sgln:", "414", "", "/254/", STRAIGHT, 12, EXTENSION, 20, false },
    { "id:grai:", "8003", "0", "", STRAIGHT, 12, APPENDED, 16, false },
    { "id:giai:", "8004", "", "", OPEN, 0, NOTHING, 30, false },
    { "id:gsrn:", "8018", "", "", STRAIGHT, 17, NOTHING, 0, false },
    { "id:gsrnp:", "8017", "", "", STRAIGHT, 17, NOTHING, 0, false },
    { "id:gdti:", "253", "", "", STRAIGHT, 12, APPENDED, 17, false },
    { "id:cpi:", "8010", "", "/8011/", OPEN, 0, QUALIFIER, 12, true },
    { "id:sgcn:", "255", "", "", STRAIGHT, 12, APPENDED, 12, true },
    { "id:ginc:", "401", "", "", OPEN, 0, NOTHING, 30, false },
    { "id:gsin:", "402", "", "", STRAIGHT, 16, NOTHING, 0, false },
    { "id:itip:", "8006", "", "/21/", ITEM, 13, PIECES, 20, false },
    { "id:upui:", "01", "", "/235/", ITEM, 13, QUALIFIER, 28, false },
    { "id:pgln:", "417", "", "", STRAIGHT, 12, NOTHING, 0, false },
    { "class:lgtin:", "01", "", "/10/", ITEM, 13, QUALIFIER, 20, false },
    { "idpat:sgtin:", "01", "", "", ITEM, 13, ANY, 0, false },
    { "idpat:grai:", "8003", "0", "", STRAIGHT, 12, ANY, 0, false },
    { "idpat:gdti:", "253", "", "", STRAIGHT, 12, ANY, 0, false },
    { "idpat:sgcn:", "255", "", "", STRAIGHT, 12, ANY, 0, false },
    { "idpat:cpi:", "8010", "", "", OPEN, 0, ANY, 0, false },
    { "idpat:itip:", "8006", "", "", ITEM, 13, PIECES, 0, false },
    { "idpat:upui:", "01", "", "", ITEM, 13, ANY, 0, false },
};

/* The part up to the next '.', which is skipped; false when it is longer than `size` takes. */
static bool part(const char **s, char *out, size_t size)
{
    const size_t n = strcspn(*s, ".");

    if (n >= size)
        return false;
    memcpy(out, *s, n);
    out[n] = 0;
    *s += n;
    if (**s == '.')
        (*s)++;
    return true;
}

/* As decode; an EPC URI has to escape some of GS1's characters. */
static bool is_escaped(const char *s, size_t max, char type)
{
    char decoded[32];

    return !strpbrk(s, "\"&/<>?") && decode(s, decoded, max, type);
}

static bool is_serial(const struct scheme *scheme, const char *s)
{
    return scheme->numeric ? gs1_is_digits(s, 1, scheme->max) : is_escaped(s, scheme->max, 'X');
}

/* "01.02." and a serial, or "*" in a pattern. */
static bool put_pieces(const struct scheme *scheme, struct out *o, const char *rest)
{
    char piece[3], total[3];

    if (!part(&rest, piece, sizeof(piece)) || !part(&rest, total, sizeof(total)) || !gs1_is_digits(piece, 2, 2) ||
        !gs1_is_digits(total, 2, 2))
        return false;
    put_text(o, piece);
    put_text(o, total);
    if (scheme->max == 0)
        return strcmp(rest, "*") == 0;
    put_text(o, scheme->qualifier);
    put_serial(o, rest);
    return is_serial(scheme, rest);
}

static bool put_tail(const struct scheme *scheme, struct out *o, const char *rest)
{
    switch (scheme->tail) {
    case NOTHING:
        return *rest == 0;
    case ANY:
        return strcmp(rest, "*") == 0;
    case PIECES:
        return put_pieces(scheme, o, rest);
    case EXTENSION:
        if (strcmp(rest, "0") == 0)
            return true;
        /* fall through */
    case QUALIFIER:
        put_text(o, scheme->qualifier);
        break;
    case APPENDED:
        break;
    }
    put_serial(o, rest);
    return is_serial(scheme, rest);
}

static bool put_digits(const struct scheme *scheme, struct out *o, const char *prefix, const char *reference)
{
    const size_t have = strlen(prefix), more = strlen(reference);
    char digits[160];

    if (!gs1_is_digits(prefix, 6, 12) || have + more != scheme->digits || !gs1_is_digits(reference, 0, 12))
        return false;
    if (scheme->shape == ITEM)
        snprintf(digits, sizeof(digits), "%c%s%s", reference[0], prefix, reference + 1);
    else
        snprintf(digits, sizeof(digits), "%s%s%s", scheme->lead, prefix, reference);
    put_checked(o, digits);
    return true;
}

static bool canonical_epc(const struct scheme *scheme, const char *rest, struct out *o)
{
    char prefix[16], reference[128];

    put_text(o, DOMAIN);
    put_text(o, scheme->ai);
    put_text(o, "/");
    if (!part(&rest, prefix, sizeof(prefix)))
        return false;
    if (scheme->shape != OPEN)
        return part(&rest, reference, sizeof(reference)) && put_digits(scheme, o, prefix, reference) &&
               put_tail(scheme, o, rest);
    /* the reference may have dots itself, unless something comes behind it */
    if (scheme->tail == NOTHING) {
        if (strlen(rest) >= sizeof(reference))
            return false;
        snprintf(reference, sizeof(reference), "%s", rest);
        rest = "";
    } else if (!part(&rest, reference, sizeof(reference))) {
        return false;
    }
    if (!gs1_is_digits(prefix, 6, 12) ||
        !is_escaped(reference, 30 - strlen(prefix), strcmp(scheme->ai, "8010") == 0 ? 'Y' : 'X'))
        return false;
    put_text(o, prefix);
    put_serial(o, reference);
    return put_tail(scheme, o, rest);
}

static const struct scheme *scheme_of(const char *uri, const char **rest)
{
    static const char urn[] = "urn:epc:";

    if (strncmp(uri, urn, sizeof(urn) - 1) != 0)
        return NULL;
    uri += sizeof(urn) - 1;
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        const size_t n = strlen(schemes[i].name);

        if (strncmp(uri, schemes[i].name, n) == 0) {
            *rest = uri + n;
            return &schemes[i];
        }
    }
    return NULL;
}

/* ---- Digital Links ---- */

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
    return (decode(s, decoded, max, 'X') || decode(s, decoded, max, 'Y')) && strlen(decoded) >= min;
}

/* The GTIN of 8, 12, 13 or 14 digits as 14. */
static bool put_gtin(struct out *o, const char *value)
{
    const size_t n = strlen(value);

    if (n != 8 && n < 12)
        return false;
    put(o, "00000000", 14 - n);
    put_text(o, value);
    return true;
}

/* A key's value and, of its qualifiers, the one that identifies most; what else the link says is left out. */
static bool put_link(struct out *o, size_t key, char *const *segments, size_t n)
{
    if (n % 2 != 0 || !is_segment(segments[1], keys[key].min, keys[key].max, keys[key].digits))
        return false;
    put_text(o, DOMAIN);
    put_text(o, keys[key].ai);
    put_text(o, "/");
    if (strcmp(keys[key].ai, "01") == 0) {
        if (!put_gtin(o, segments[1]))
            return false;
    } else {
        put_serial(o, segments[1]);
    }
    for (const char *const *qualifier = keys[key].qualifiers; *qualifier; qualifier++)
        for (size_t i = 2; i < n; i += 2) {
            if (!is_ai(segments[i], *qualifier))
                continue;
            put_text(o, "/");
            put_text(o, *qualifier);
            put_text(o, "/");
            put_serial(o, segments[i + 1]);
            return is_segment(segments[i + 1], 1, 28, false);
        }
    return true;
}

static bool canonical_link(const char *uri, struct out *o)
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
    struct out o = { .text = out };
    const char *rest = NULL;
    const struct scheme *scheme;

    out[0] = 0;
    if (strlen(uri) > GS1_URI_MAX)
        return false;
    scheme = scheme_of(uri, &rest);
    return scheme ? canonical_epc(scheme, rest, &o) : canonical_link(uri, &o);
}

bool gs1_uri_is_malformed(const char *uri)
{
    char out[GS1_URI_SIZE];
    const char *rest = NULL;

    return scheme_of(uri, &rest) && !gs1_uri_canonical(uri, out);
}

/* ---- reading the canonical form ---- */

bool gs1_uri_read(const char *canonical, struct gs1_name *out)
{
    char copy[GS1_URI_SIZE], *ai, *key, *qualifier, *value = NULL;

    *out = (struct gs1_name){ .ai = "" };
    if (strncmp(canonical, DOMAIN, sizeof(DOMAIN) - 1) != 0 || strlen(canonical) >= sizeof(copy))
        return false;
    snprintf(copy, sizeof(copy), "%s", canonical + sizeof(DOMAIN) - 1);
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
        return decode(value, out->serial, GS1_SERIAL, 'X');
    return strcmp(qualifier, "10") != 0 || decode(value, out->lot, GS1_SERIAL, 'X');
}

void gs1_uri_of_pack(const char *gtin, const char *serial, char out[GS1_URI_SIZE])
{
    struct out o = { .text = out };

    put_text(&o, DOMAIN "01/");
    put_text(&o, gtin);
    put_text(&o, "/21/");
    for (; *serial; serial++)
        put_char(&o, *serial);
}
