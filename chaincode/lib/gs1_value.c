/* gs1_value.c: the values that GS1 gives its application identifiers, by a table of their forms. */
#include "lib/gs1_uri_parts.h"

#include <stdint.h>
#include <string.h>

#include "lib/gs1.h"

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

bool gs1_is_of(char type, const char *s, size_t max)
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
            if (n < part->min || !gs1_is_of(part->type, text, n) || !keeps(part->rule, text))
                return false;
            value += n;
        }
        return *value == 0;
    }
    return false;
}
