/* See log.h. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE = 3000, WHO = 220 };

static fcc__level threshold = FCC__INFO;
static char who_am_i[WHO] = "\"who\":\"\"";
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

bool fcc__log_wants(fcc__level level)
{
    return level >= threshold;
}

/* JSON's escapes, without any library call that a signal handler must not make; what does not fit is cut off between characters. */
static size_t escape(char *out, size_t size, fcc_bytes in)
{
    static const char hex[] = "0123456789abcdef";
    size_t n = 0, i;

    for (i = 0; i < in.len && n + 7 < size; i++) {
        uint8_t c = in.data[i];

        if (c == '"' || c == '\\') {
            out[n++] = '\\';
            out[n++] = (char)c;
        } else if (c < 0x20 || c == 0x7f) {
            memcpy(out + n, "\\u00", 4);
            out[n + 4] = hex[c >> 4];
            out[n + 5] = hex[c & 15];
            n += 6;
        } else {
            out[n++] = (char)c;
        }
    }
    /* not within one: a byte 10xxxxxx that follows belongs to the last character */
    if (i < in.len && (in.data[i] & 0xc0) == 0x80) {
        while (n && ((unsigned char)out[n - 1] & 0xc0) == 0x80)
            n--;
        if (n)
            n--;
    }
    out[n] = 0;
    return n;
}

static void set_who(const char *key, const char *value)
{
    char escaped[WHO - 16];

    escape(escaped, sizeof(escaped), fcc_str(value));
    snprintf(who_am_i, sizeof(who_am_i), "\"%s\":\"%s\"", key, escaped);
}

void fcc__log_who(const char *who)
{
    set_who("who", who);
}

void fcc__log_ccid(const char *ccid)
{
    set_who("ccid", ccid);
}

/* The line up to the message, whose end quote is written; the rest of the object is still to come. */
static size_t begin(char *line, fcc__level level, const char *code, fcc_bytes message)
{
    struct timespec now;
    struct tm utc;
    char stamp[32];
    size_t n;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &utc);
    n = (size_t)snprintf(line, LINE, "{\"ts\":\"%s.%03ldZ\",\"level\":\"%s\",%s,", stamp, now.tv_nsec / 1000000,
                         names[level], who_am_i);
    if (code)
        n += (size_t)snprintf(line + n, LINE - n, "\"code\":\"%s\",", code);
    n += (size_t)snprintf(line + n, LINE - n, "\"msg\":\"");
    n += escape(line + n, 2200, message);
    line[n++] = '"';
    return n;
}

static void end(char *line, size_t n)
{
    line[n++] = '}';
    line[n++] = '\n';
    if (write(STDERR_FILENO, line, n) < 0)
        return; /* nowhere left to say so */
}

static const char *name_of(fcc__code code)
{
    return fcc__code_info_of(code)->code;
}

static void log_text(fcc__level level, const char *code, const char *format, va_list args)
{
    char text[1500], line[LINE];

    vsnprintf(text, sizeof(text), format, args);
    end(line, begin(line, level, code, fcc_str(text)));
}

void fcc__log(fcc__level level, const char *format, ...)
{
    va_list args;

    if (level < threshold)
        return;
    va_start(args, format);
    log_text(level, NULL, format, args);
    va_end(args);
}

void fcc__log_code(fcc__level level, fcc__code code, const char *format, ...)
{
    va_list args;

    if (level < threshold)
        return;
    va_start(args, format);
    log_text(level, name_of(code), format, args);
    va_end(args);
}

static void log_fields(fcc__level level, const char *code, const char *message, const fcc__log_field *fields,
                       size_t count)
{
    enum { TAIL = 4 };
    char line[LINE];
    size_t n;

    if (level < threshold)
        return;
    n = begin(line, level, code, fcc_str(message));
    for (size_t i = 0; i < count; i++) {
        const fcc__log_field *f = &fields[i];
        size_t least = strlen(f->name) + 16;

        if (LINE - n < least + TAIL)
            break; /* a whole field, or none */
        n += (size_t)snprintf(line + n, LINE - n, ",\"%s\":%s", f->name, f->is_number ? "" : "\"");
        n += escape(line + n, LINE - n - TAIL, f->text);
        if (!f->is_number)
            line[n++] = '"';
    }
    end(line, n);
}

void fcc__log_with(fcc__level level, const char *message, const fcc__log_field *fields, size_t count)
{
    log_fields(level, NULL, message, fields, count);
}

void fcc__log_code_with(fcc__level level, fcc__code code, const char *message, const fcc__log_field *fields,
                        size_t count)
{
    log_fields(level, name_of(code), message, fields, count);
}

/* ---- last words: neither stdio nor the time zone's lock, which the thread that dies may hold ---- */

static size_t put(char *line, size_t n, const char *text)
{
    size_t len = strlen(text);

    memcpy(line + n, text, len);
    return n + len;
}

static size_t put_digits(char *line, size_t n, int64_t value, unsigned digits)
{
    for (unsigned i = digits; i-- > 0; value /= 10)
        line[n + i] = (char)('0' + value % 10);
    return n + digits;
}

/* "2025-01-31T12:00:00.000Z", by the calendar's 400 years, counted from a first of March. */
static size_t put_stamp(char *line, size_t n, const struct timespec *now)
{
    int64_t days = now->tv_sec / 86400 + 719468, seconds = now->tv_sec % 86400;
    int64_t era = days / 146097, of_era = days % 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153, day = of_year - (153 * month + 2) / 5 + 1;
    const int64_t parts[] = { year + era * 400 + (month >= 10),
                              month < 10 ? month + 3 : month - 9,
                              day,
                              seconds / 3600,
                              seconds / 60 % 60,
                              seconds % 60,
                              now->tv_nsec / 1000000 };
    static const unsigned digits[] = { 4, 2, 2, 2, 2, 2, 3 };

    for (size_t i = 0; i < 7; i++) {
        n = put_digits(line, n, parts[i], digits[i]);
        line[n++] = "--T::.Z"[i];
    }
    return n;
}

void fcc__log_dying(fcc__code code, const char *message, const fcc__log_field *fields, size_t count)
{
    char line[LINE];
    struct timespec now;
    size_t n;

    clock_gettime(CLOCK_REALTIME, &now);
    n = put(line, 0, "{\"ts\":\"");
    n = put_stamp(line, n, &now);
    n = put(line, n, "\",\"level\":\"error\",");
    n = put(line, n, who_am_i);
    n = put(line, n, ",\"code\":\"");
    n = put(line, n, name_of(code));
    n = put(line, n, "\",\"msg\":\"");
    n += escape(line + n, 800, fcc_str(message));
    n = put(line, n, "\"");
    for (size_t i = 0; i < count && n < LINE - 900; i++) {
        n = put(line, n, ",\"");
        n = put(line, n, fields[i].name);
        n = put(line, n, "\":\"");
        n += escape(line + n, 400, fields[i].text);
        n = put(line, n, "\"");
    }
    end(line, n);
}
