/* gs1.c: check digits, character sets and dates of GS1. Everything is compared by byte. */
#include "lib/gs1.h"

#include <string.h>

#include "lib/value.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool gs1_is_digits(const char *s, size_t min, size_t max)
{
    size_t n = 0;

    for (; s[n]; n++)
        if (n == max || !is_digit(s[n]))
            return false;
    return n >= min;
}

/* From the right, digits weigh 3, 1, 3, 1, ...; the check digit fills up to a multiple of ten. */
char gs1_check_digit(const char *digits, size_t count)
{
    unsigned sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += (unsigned)(digits[count - 1 - i] - '0') * (i % 2 ? 1 : 3);
    return (char)('0' + (10 - sum % 10) % 10);
}

bool gs1_is_key(const char *s, size_t digits)
{
    return gs1_is_digits(s, digits, digits) && gs1_check_digit(s, digits - 1) == s[digits - 1];
}

static bool all_in(const char *s, size_t max, const char *others, bool lower)
{
    size_t n = 0;

    for (; s[n]; n++)
        if (n == max || !(is_digit(s[n]) || (s[n] >= 'A' && s[n] <= 'Z') || (lower && s[n] >= 'a' && s[n] <= 'z') ||
                          strchr(others, s[n])))
            return false;
    return n > 0;
}

bool gs1_is_cset82(const char *s, size_t max)
{
    return all_in(s, max, "!\"%&'()*+,-./:;<=>?_", true);
}

bool gs1_is_cset39(const char *s, size_t max)
{
    return all_in(s, max, "#-/", false);
}

/* ---- dates ---- */

static int two(const char *s)
{
    return (s[0] - '0') * 10 + (s[1] - '0');
}

/* The nearest century to a year of four digits. */
static int year_of(int yy, int now_year)
{
    const int year = now_year / 100 * 100 + yy, apart = yy - now_year % 100;

    return apart >= 51 ? year - 100 : apart <= -50 ? year + 100 : year;
}

static bool day_exists(int year, int month, int day, int64_t *midnight)
{
    char date[] = "0000-00-00";
    const int parts[] = { year / 100, year % 100, month, day };
    static const size_t at[] = { 0, 2, 5, 8 };

    for (size_t i = 0; i < 4; i++) {
        date[at[i]] = (char)('0' + parts[i] / 10);
        date[at[i] + 1] = (char)('0' + parts[i] % 10);
    }
    return lib_date_parse(date, midnight);
}

/* A leap day is only in a leap year; of which century, only the reader's time says. Without it, 20YY. */
bool gs1_is_yymmd0(const char *s)
{
    int64_t midnight;

    return gs1_is_digits(s, GS1_DATE, GS1_DATE) &&
           day_exists(2000 + two(s), two(s + 2), two(s + 4) ? two(s + 4) : 1, &midnight);
}

bool gs1_is_yymmdd(const char *s)
{
    return gs1_is_yymmd0(s) && two(s + 4) != 0;
}

bool gs1_date_end(const char *s, int64_t now, int64_t *end)
{
    char today[LIB_TIME_SIZE];
    int year, month;

    if (!gs1_is_yymmd0(s))
        return false;
    lib_time_format(now, today);
    year = year_of(two(s), two(today) * 100 + two(today + 2));
    month = two(s + 2);
    if (two(s + 4) == 0) /* the first of the next month */
        return day_exists(month == 12 ? year + 1 : year, month == 12 ? 1 : month + 1, 1, end);
    if (!day_exists(year, month, two(s + 4), end))
        return false;
    *end += 24 * 3600;
    return true;
}
