/*
 * json_number.c: numbers as ECMAScript writes them, which RFC 8785 asks for.
 *
 * The digits are the fewest that read back as the same double, and of those the nearest to it. They come from trying up
 * to 17 digits: the C library of every platform that we build for writes and reads decimal numbers with correct
 * rounding. No radix character is written or read, so no locale has a say.
 */
#include "lib/json.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_DIGITS = 17 };

/* value = 0.d1d2d3... * 10^point, d1 not 0 */
struct decimal {
    char digits[MAX_DIGITS + 2];
    int count, point;
};

/* The nearest decimal of so many digits to a positive number. */
static struct decimal nearest(double value, int count)
{
    struct decimal d = { .count = 0 };
    char text[64];
    const char *p = text;

    snprintf(text, sizeof(text), "%.*e", count - 1, value);
    /* the radix character, whatever it is, is skipped */
    for (; *p != 'e'; p++) {
        if (*p >= '0' && *p <= '9')
            d.digits[d.count++] = *p;
    }
    d.point = (int)strtol(p + 1, NULL, 10) + 1;
    return d;
}

static bool reads_back(const struct decimal *d, double value)
{
    char text[64];

    snprintf(text, sizeof(text), "%.*se%d", d->count, d->digits, d->point - d->count);
    return strtod(text, NULL) == value;
}

/* The next decimal above of as many digits. */
static void step_up(struct decimal *d)
{
    int i = d->count - 1;

    while (i >= 0 && d->digits[i] == '9')
        d->digits[i--] = '0';
    if (i >= 0) {
        d->digits[i]++;
    } else {
        d->digits[0] = '1';
        d->point++;
    }
}

static struct decimal shortest(double value)
{
    /* a normal double gives back any 15 digits that it was read from, so its fewest are those without trailing zeros */
    for (int count = value < DBL_MIN ? 1 : DBL_DIG; count < MAX_DIGITS; count++) {
        struct decimal d = nearest(value, count);

        if (reads_back(&d, value))
            return d;
        /* below a power of two doubles lie closer: the nearest decimal may miss, and the one above still do */
        step_up(&d);
        if (reads_back(&d, value))
            return d;
    }
    return nearest(value, MAX_DIGITS);
}

size_t lib_json_number(double value, char out[LIB_JSON_NUMBER_SIZE])
{
    const char *sign = value < 0 ? "-" : "";
    struct decimal d;
    int n;

    if (value == 0 || !isfinite(value)) {
        out[0] = '0';
        out[1] = 0;
        return 1;
    }
    d = shortest(fabs(value));
    while (d.count > 1 && d.digits[d.count - 1] == '0')
        d.count--;
    if (d.count <= d.point && d.point <= 21)
        n = snprintf(out, LIB_JSON_NUMBER_SIZE, "%s%.*s%.*s", sign, d.count, d.digits, d.point - d.count,
                     "00000000000000000000");
    else if (0 < d.point && d.point <= 21)
        n = snprintf(out, LIB_JSON_NUMBER_SIZE, "%s%.*s.%.*s", sign, d.point, d.digits, d.count - d.point,
                     d.digits + d.point);
    else if (-6 < d.point && d.point <= 0)
        n = snprintf(out, LIB_JSON_NUMBER_SIZE, "%s0.%.*s%.*s", sign, -d.point, "00000", d.count, d.digits);
    else
        n = snprintf(out, LIB_JSON_NUMBER_SIZE, "%s%.1s%s%.*se%+d", sign, d.digits, d.count > 1 ? "." : "", d.count - 1,
                     d.digits + 1, d.point - 1);
    return (size_t)n;
}
