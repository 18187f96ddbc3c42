/* vc_time.c: XML Schema's dateTimeStamp, the time of credentials, proofs and keys. */
#include "lib/vc.h"

#include "lib/value.h"

static bool two_digits(const char *s, int *out)
{
    if (s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9')
        return false;
    *out = (s[0] - '0') * 10 + s[1] - '0';
    return true;
}

/* "Z" or "+hh:mm", up to 14 hours; seconds to subtract */
static bool offset_of(const char *s, int *seconds)
{
    int hours, minutes;

    *seconds = 0;
    if (strcmp(s, "Z") == 0)
        return true;
    if (strlen(s) != 6 || (s[0] != '+' && s[0] != '-') || s[3] != ':' || !two_digits(s + 1, &hours) ||
        !two_digits(s + 4, &minutes) || minutes > 59 || hours * 60 + minutes > 14 * 60)
        return false;
    *seconds = (hours * 3600 + minutes * 60) * (s[0] == '-' ? -1 : 1);
    return true;
}

bool lib_vc_time_parse(const char *s, int64_t *epoch)
{
    enum { WHOLE = 19 }; /* "2024-01-31T23:59:59" */
    char utc[LIB_TIME_SIZE];
    int offset;

    if (strlen(s) <= WHOLE)
        return false;
    memcpy(utc, s, WHOLE);
    memcpy(utc + WHOLE, "Z", 2);
    s += WHOLE;
    if (*s == '.') {
        size_t digits = strspn(s + 1, "0123456789");

        if (digits == 0)
            return false;
        s += 1 + digits;
    }
    if (!offset_of(s, &offset) || !lib_time_parse(utc, epoch))
        return false;
    *epoch -= offset;
    return true;
}
