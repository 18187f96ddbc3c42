/* value.c: the forms of single values. Everything is compared by byte: no locale has a say in what is endorsed. */
#include "lib/value.h"

#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool lib_is_id(const char *s)
{
    size_t n = 0;

    for (; s[n]; n++)
        if (n == 64 || !(is_letter(s[n]) || is_digit(s[n]) || strchr("._:-", s[n])))
            return false;
    return n > 0;
}

bool lib_is_pid(const char *s)
{
    size_t n = 0;

    for (; s[n]; n++)
        if (n == 26 || !((s[n] >= 'a' && s[n] <= 'z') || (s[n] >= '2' && s[n] <= '7')))
            return false;
    return n == 26;
}

bool lib_is_hex(const char *s, size_t digits)
{
    size_t n = 0;

    for (; s[n]; n++)
        if (n == digits || !(is_digit(s[n]) || (s[n] >= 'a' && s[n] <= 'f')))
            return false;
    return n == digits;
}

bool lib_is_mime(const char *s)
{
    size_t n = 0, slash = 0;

    for (; s[n]; n++) {
        if (n == 128)
            return false;
        if (s[n] == '/' && !slash && n > 0)
            slash = n;
        else if (!(is_letter(s[n]) || is_digit(s[n]) || strchr("!#$&^_.+-", s[n])))
            return false;
    }
    return slash && n > slash + 1;
}

bool lib_is_letters(const char *s, size_t max)
{
    size_t n = 0;

    for (; s[n]; n++)
        if (n == max || !is_letter(s[n]))
            return false;
    return n > 0;
}

bool lib_is_gln(const char *s)
{
    unsigned sum = 0;
    size_t n = 0;

    for (; s[n]; n++) {
        if (n == 13 || !is_digit(s[n]))
            return false;
        sum += (unsigned)(s[n] - '0') * (n % 2 ? 3 : 1);
    }
    return n == 13 && sum % 10 == 0;
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

bool lib_is_region(const char *s)
{
    size_t n = 3;

    if (!is_upper(s[0]) || !is_upper(s[1]))
        return false;
    if (s[2] == 0)
        return true;
    if (s[2] != '-')
        return false;
    for (; s[n]; n++)
        if (n == 6 || !(is_upper(s[n]) || is_digit(s[n])))
            return false;
    return n > 3;
}

bool lib_region_covers(const char *covers, const char *region)
{
    size_t n = strlen(covers);

    return strncmp(covers, region, n) == 0 && (region[n] == 0 || (n == 2 && region[n] == '-'));
}

bool lib_is_display(const char *s, size_t max)
{
    size_t n = 0;

    for (; s[n]; n++)
        if (n == max || (unsigned char)s[n] < 0x20 || s[n] == 0x7F)
            return false;
    return n > 0;
}

bool lib_is_uri(const char *s, size_t max)
{
    size_t n = 0, scheme = 0;

    for (; s[n]; n++) {
        if (n == max || s[n] <= ' ' || s[n] > '~')
            return false;
        if (s[n] == ':' && !scheme)
            scheme = n;
        else if (!scheme && !(is_letter(s[n]) || (n > 0 && (is_digit(s[n]) || strchr("+.-", s[n])))))
            return false;
    }
    return scheme && n > scheme + 1;
}

bool lib_is_grantee(const char *s)
{
    char role[65];
    const char *at;

    if (s[0] == 0 || s[1] != ':')
        return false;
    if (s[0] == 'u' || s[0] == 'm')
        return lib_is_id(s + 2);
    at = strchr(s, '@');
    if (s[0] != 'r' || !at || at - (s + 2) > 64)
        return false;
    memcpy(role, s + 2, (size_t)(at - (s + 2)));
    role[at - (s + 2)] = 0;
    return lib_is_id(role) && lib_is_id(at + 1);
}

bool lib_cid_parse(const char *s, uint8_t digest[LIB_SHA256_LEN], bool *raw)
{
    uint8_t bytes[64];
    size_t n = 0, at = 1, shift = 0;
    uint64_t codec = 0;
    uint32_t bits = 0;
    unsigned have = 0;

    if (s[0] != 'b')
        return false;
    for (s++; *s; s++) {
        unsigned v = 0;

        if (*s >= 'a' && *s <= 'z')
            v = (unsigned)(*s - 'a');
        else if (*s >= '2' && *s <= '7')
            v = (unsigned)(*s - '2') + 26;
        else
            return false;
        bits = (bits << 5 | v) & 0xFFF;
        have += 5;
        if (have >= 8) {
            if (n == sizeof(bytes))
                return false;
            have -= 8;
            bytes[n++] = (uint8_t)(bits >> have);
        }
    }
    /* what is left over are padding bits: fewer than a character's, and zero */
    if (have >= 5 || (bits & ((1u << have) - 1)) != 0)
        return false;
    if (n < 2 || bytes[0] != 1)
        return false;
    for (;;) { /* the codec: an unsigned varint in its shortest form */
        uint8_t b;

        if (at == n || shift > 56)
            return false;
        b = bytes[at++];
        codec |= (uint64_t)(b & 0x7F) << shift;
        if (!(b & 0x80)) {
            if (b == 0 && shift > 0)
                return false;
            break;
        }
        shift += 7;
    }
    if (n - at != 2 + LIB_SHA256_LEN || bytes[at] != 0x12 || bytes[at + 1] != LIB_SHA256_LEN)
        return false;
    memcpy(digest, bytes + at + 2, LIB_SHA256_LEN);
    *raw = codec == 0x55;
    return true;
}

/* ---- time ---- */

/* Days since 1970-01-01 of a date in the Gregorian calendar, and back: years are counted from 1 March. */
static int64_t days_of(int64_t year, int month, int day)
{
    int64_t era, year_of_era, day_of_year;

    year -= month <= 2;
    era = (year >= 0 ? year : year - 399) / 400;
    year_of_era = year - era * 400;
    day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

static void date_of(int64_t days, int64_t *year, int *month, int *day)
{
    int64_t era, day_of_era, year_of_era, day_of_year, m;

    days += 719468;
    era = (days >= 0 ? days : days - 146096) / 146097;
    day_of_era = days - era * 146097;
    year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    m = (5 * day_of_year + 2) / 153;
    *day = (int)(day_of_year - (153 * m + 2) / 5 + 1);
    *month = (int)(m < 10 ? m + 3 : m - 9);
    *year = year_of_era + era * 400 + (*month <= 2);
}

static bool number(const char *s, size_t digits, int *out)
{
    *out = 0;
    for (size_t i = 0; i < digits; i++) {
        if (!is_digit(s[i]))
            return false;
        *out = *out * 10 + (s[i] - '0');
    }
    return true;
}

bool lib_time_parse(const char *s, int64_t *epoch)
{
    static const int month_days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    int year, month, day, hour, minute, second, last;

    if (strlen(s) != 20 || s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':' || s[19] != 'Z')
        return false;
    if (!number(s, 4, &year) || !number(s + 5, 2, &month) || !number(s + 8, 2, &day) || !number(s + 11, 2, &hour) ||
        !number(s + 14, 2, &minute) || !number(s + 17, 2, &second))
        return false;
    if (year < 1 || month < 1 || month > 12 || hour > 23 || minute > 59 || second > 59)
        return false;
    last = month_days[month - 1] + (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
    if (day < 1 || day > last)
        return false;
    *epoch = days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    return true;
}

static void digits_of(int64_t n, size_t digits, char *out)
{
    while (digits--) {
        out[digits] = (char)('0' + n % 10);
        n /= 10;
    }
}

void lib_time_format(int64_t epoch, char out[LIB_TIME_SIZE])
{
    static const int64_t first = -62135596800, last = 253402300799; /* years 0001 and 9999 */
    int64_t year, days, rest;
    int month, day;

    epoch = epoch < first ? first : epoch > last ? last : epoch;
    days = (epoch >= 0 ? epoch : epoch - 86399) / 86400;
    rest = epoch - days * 86400;
    date_of(days, &year, &month, &day);
    memcpy(out, "0000-00-00T00:00:00Z", LIB_TIME_SIZE);
    digits_of(year, 4, out);
    digits_of(month, 2, out + 5);
    digits_of(day, 2, out + 8);
    digits_of(rest / 3600, 2, out + 11);
    digits_of(rest / 60 % 60, 2, out + 14);
    digits_of(rest % 60, 2, out + 17);
}

bool lib_date_parse(const char *s, int64_t *epoch)
{
    char time[LIB_TIME_SIZE] = "YYYY-MM-DDT00:00:00Z";

    if (strlen(s) != 10)
        return false;
    memcpy(time, s, 10);
    return lib_time_parse(time, epoch);
}

int64_t lib_years_later(int64_t epoch, int years)
{
    int64_t days = (epoch >= 0 ? epoch : epoch - 86399) / 86400, year;
    int month, day;

    date_of(days, &year, &month, &day);
    return days_of(year + years, month, day) * 86400 + (epoch - days * 86400);
}

void lib_rev_epoch(int64_t epoch, char out[LIB_EPOCH_SIZE])
{
    static const int64_t top = 9999999999;

    epoch = epoch < 0 ? 0 : epoch > top ? top : epoch;
    digits_of(top - epoch, 10, out);
    out[10] = 0;
}

/* ---- hexadecimal ---- */

void lib_to_hex(const uint8_t *bytes, size_t len, char *out)
{
    static const char hex[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        *out++ = hex[bytes[i] >> 4];
        *out++ = hex[bytes[i] & 15];
    }
    *out = 0;
}

void lib_from_hex(const char *hex, uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned value = 0;

        for (size_t j = 0; j < 2; j++) {
            char c = hex[2 * i + j];

            value = value << 4 | (unsigned)(is_digit(c) ? c - '0' : c - 'a' + 10);
        }
        out[i] = (uint8_t)value;
    }
}
