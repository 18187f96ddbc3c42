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

/* JSON's escapes; what does not fit is cut off between characters. */
static size_t escape(char *out, size_t size, fcc_bytes in)
{
    size_t n = 0, i;

    for (i = 0; i < in.len && n + 7 < size; i++) {
        uint8_t c = in.data[i];

        if (c == '"' || c == '\\') {
            out[n++] = '\\';
            out[n++] = (char)c;
        } else if (c < 0x20 || c == 0x7f) {
            n += (size_t)snprintf(out + n, size - n, "\\u%04x", c);
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
static size_t begin(char *line, fcc__level level, fcc_bytes message)
{
    struct timespec now;
    struct tm utc;
    char stamp[32];
    size_t n;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &utc);
    n = (size_t)snprintf(line, LINE, "{\"ts\":\"%s.%03ldZ\",\"level\":\"%s\",%s,\"msg\":\"", stamp,
                         now.tv_nsec / 1000000, names[level], who_am_i);
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

void fcc__log(fcc__level level, const char *format, ...)
{
    char text[1500], line[LINE];
    va_list args;

    if (level < threshold)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    end(line, begin(line, level, fcc_str(text)));
}

void fcc__log_with(fcc__level level, const char *message, const fcc__log_field *fields, size_t count)
{
    enum { TAIL = 4 };
    char line[LINE];
    size_t n;

    if (level < threshold)
        return;
    n = begin(line, level, fcc_str(message));
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
