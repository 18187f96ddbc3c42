/* gs1_epc.c: EPC URIs (urn:epc:...) brought to their canonical Digital Link, by a table of their schemes. */
#include "lib/gs1_uri_parts.h"

#include <stdio.h>
#include <string.h>

#include "lib/gs1.h"

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

static const struct gs1_scheme {
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

    return !strpbrk(s, "\"&/<>?") && gs1_decode(s, decoded, max, type);
}

static bool is_serial(const struct gs1_scheme *scheme, const char *s)
{
    return scheme->numeric ? gs1_is_digits(s, 1, scheme->max) : is_escaped(s, scheme->max, 'X');
}

/* "01.02." and a serial, or "*" in a pattern. */
static bool put_pieces(const struct gs1_scheme *scheme, struct gs1_out *o, const char *rest)
{
    char piece[3], total[3];

    if (!part(&rest, piece, sizeof(piece)) || !part(&rest, total, sizeof(total)) || !gs1_is_digits(piece, 2, 2) ||
        !gs1_is_digits(total, 2, 2))
        return false;
    gs1_put_text(o, piece);
    gs1_put_text(o, total);
    if (scheme->max == 0)
        return strcmp(rest, "*") == 0;
    gs1_put_text(o, scheme->qualifier);
    gs1_put_serial(o, rest);
    return is_serial(scheme, rest);
}

static bool put_tail(const struct gs1_scheme *scheme, struct gs1_out *o, const char *rest)
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
        gs1_put_text(o, scheme->qualifier);
        break;
    case APPENDED:
        break;
    }
    gs1_put_serial(o, rest);
    return is_serial(scheme, rest);
}

static void put_checked(struct gs1_out *o, const char *digits)
{
    const char check = gs1_check_digit(digits, strlen(digits));

    gs1_put_text(o, digits);
    gs1_put(o, &check, 1);
}

static bool put_digits(const struct gs1_scheme *scheme, struct gs1_out *o, const char *prefix, const char *reference)
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

bool gs1_put_epc(const struct gs1_scheme *scheme, const char *rest, struct gs1_out *o)
{
    char prefix[16], reference[128];

    gs1_put_text(o, GS1_DOMAIN);
    gs1_put_text(o, scheme->ai);
    gs1_put_text(o, "/");
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
    gs1_put_text(o, prefix);
    gs1_put_serial(o, reference);
    return put_tail(scheme, o, rest);
}

const struct gs1_scheme *gs1_scheme_of(const char *uri, const char **rest)
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
