/* See log.h. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static fcc__level threshold = FCC__INFO;
static char who_am_i[64];
static const char *const names[] = { "debug", "info", "warn", "error" };

void fcc__log_level(fcc__level level)
{
    threshold = level;
}

bool fcc__log_level_named(const char *name)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(name, names[i]) == 0) {
            threshold = (fcc__level)i;
            return true;
        }
    return false;
}

void fcc__log_who(const char *who)
{
    snprintf(who_am_i, sizeof(who_am_i), "%s", who);
}

/* JSON's escapes; what does not fit is cut off between characters. */
static size_t escape(char *out, size_t size, const char *in)
{
    size_t n = 0;

    for (; *in && n + 7 < size; in++) {
        unsigned char c = (unsigned char)*in;

        if (c == '"' || c == '\\') {
            out[n++] = '\\';
            out[n++] = (char)c;
        } else if (c < 0x20 || c == 0x7f) {
            n += (size_t)snprintf(out + n, size - n, "\\u%04x", c);
        } else {
            out[n++] = (char)c;
        }
    }
    out[n] = 0;
    return n;
}

void fcc__log(fcc__level level, const char *format, ...)
{
    char text[1500], escaped[2200], line[2500];
    struct timespec now;
    struct tm utc;
    char stamp[32];
    va_list args;
    int n;

    if (level < threshold)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    escape(escaped, sizeof(escaped), text);
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &utc);
    n = snprintf(line, sizeof(line), "{\"ts\":\"%s.%03ldZ\",\"level\":\"%s\",\"who\":\"%s\",\"msg\":\"%s\"}\n", stamp,
                 now.tv_nsec / 1000000, names[level], who_am_i, escaped);
    if (n > 0 && write(STDERR_FILENO, line, (size_t)n) < 0)
        return; /* nowhere left to say so */
}
