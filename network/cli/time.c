/* time.c: a moment as text, RFC 3339. */
#include "cli/cli.h"

#include <string.h>
#include <time.h>

/* A number of exactly `digits` digits, followed by `end` (0: by nothing in particular). */
static bool take(const char **text, int digits, char end, int *out)
{
    const char *p = *text;
    int n = 0;

    for (int i = 0; i < digits; i++, p++) {
        if (*p < '0' || *p > '9')
            return false;
        n = n * 10 + (*p - '0');
    }
    if (end && *p++ != end)
        return false;
    *out = n;
    *text = p;
    return true;
}

static bool take_fraction(const char **text, int64_t *ns)
{
    int64_t scale = 100000000;
    const char *p = *text;

    *ns = 0;
    if (*p != '.')
        return true;
    for (p++; *p >= '0' && *p <= '9'; p++, scale /= 10)
        *ns += scale * (*p - '0');
    if (p == *text + 1)
        return false;
    *text = p;
    return true;
}

/* Z, or hours and minutes ahead of it. */
static bool take_zone(const char **text, int64_t *seconds)
{
    const char sign = **text;
    int hours, minutes;

    *seconds = 0;
    ++*text;
    if (sign == 'Z' || sign == 'z')
        return true;
    if ((sign != '+' && sign != '-') || !take(text, 2, ':', &hours) || !take(text, 2, 0, &minutes) || hours > 23 ||
        minutes > 59)
        return false;
    *seconds = (sign == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
    return true;
}

bool cli_time(const char *text, int64_t *ns)
{
    struct tm tm = { 0 }, again;
    int64_t fraction, zone;
    time_t t;

    if (!take(&text, 4, '-', &tm.tm_year) || !take(&text, 2, '-', &tm.tm_mon) || !take(&text, 2, 0, &tm.tm_mday) ||
        !*text || !strchr("Tt ", *text++) || !take(&text, 2, ':', &tm.tm_hour) || !take(&text, 2, ':', &tm.tm_min) ||
        !take(&text, 2, 0, &tm.tm_sec) || !take_fraction(&text, &fraction) || !take_zone(&text, &zone) || *text)
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon--;
    again = tm;
    t = timegm(&again);
    if (tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 59 || again.tm_mon != tm.tm_mon ||
        again.tm_mday != tm.tm_mday || tm.tm_year < 70 || tm.tm_year > 300) /* nanoseconds end in 2262 */
        return false;
    *ns = ((int64_t)t - zone) * 1000000000 + fraction;
    return true;
}
