/* See calls.h. */
#include "calls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_MAX = 1 << 30 };

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_hex(call_recording *r, const char *text, fcc_bytes *out)
{
    size_t len = strlen(text) / 2;
    uint8_t *data = fcc__arena_alloc(r->arena, len);

    if (!data || strlen(text) % 2)
        return false;
    for (size_t i = 0; i < len; i++) {
        int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        data[i] = (uint8_t)(high << 4 | low);
    }
    *out = fcc_bytes_of(data, len);
    return true;
}

/* A text as Go quotes it; *end is behind the closing quote. */
static bool read_quoted(call_recording *r, const char *text, fcc_bytes *out, const char **end)
{
    uint8_t *data = fcc__arena_alloc(r->arena, strlen(text));
    size_t len = 0;

    if (!data || *text++ != '"')
        return false;
    for (; *text && *text != '"'; text++) {
        if (*text != '\\') {
            data[len++] = (uint8_t)*text;
            continue;
        }
        switch (*++text) {
        case 'n':
            data[len++] = '\n';
            break;
        case 't':
            data[len++] = '\t';
            break;
        case 'r':
            data[len++] = '\r';
            break;
        case '"':
        case '\\':
            data[len++] = (uint8_t)*text;
            break;
        case 'x':
            if (hex_digit(text[1]) < 0 || hex_digit(text[2]) < 0)
                return false;
            data[len++] = (uint8_t)(hex_digit(text[1]) << 4 | hex_digit(text[2]));
            text += 2;
            break;
        default:
            return false;
        }
    }
    *end = text + (*text == '"');
    *out = fcc_bytes_of(data, len);
    return *text == '"';
}

/* `0`, or `2 "text" details=1`. */
static bool read_status(call_recording *r, const char *text, call_line *out)
{
    size_t digits = strspn(text, "0123456789");
    const char *end;

    out->code = atoi(text);
    text += digits;
    if (*text == '\0')
        return digits > 0;
    return *text == ' ' && read_quoted(r, text + 1, &out->text, &end) && sscanf(end, " details=%d", &out->details) == 1;
}

static bool find_call(call_recording *r, long number, const char *server, const char *method, const char *command,
                      size_t *out)
{
    recorded_call *c;

    for (size_t i = 0; i < r->call_count; i++)
        if (r->calls[i].number == number) {
            *out = i;
            return strcmp(r->calls[i].server, server) == 0 && strcmp(r->calls[i].method, method) == 0;
        }
    c = &r->calls[r->call_count];
    c->number = number;
    c->server = fcc__arena_printf(r->arena, "%s", server);
    c->method = fcc__arena_printf(r->arena, "%s", method);
    c->command = command;
    *out = r->call_count++;
    return c->server && c->method;
}

static bool read_line(call_recording *r, char *text, const char *command)
{
    call_line *line = &r->lines[r->line_count];
    char server[64], method[128], step[16];
    const char *rest;
    long number;
    int used = 0;

    if (sscanf(text, "%ld %63s %127s %15s%n", &number, server, method, step, &used) != 4 ||
        !find_call(r, number, server, method, command, &line->call))
        return false;
    rest = text + used + (text[used] == ' ');
    r->line_count++;
    if (strcmp(step, ">") == 0) {
        line->step = CALL_SEND;
        return read_hex(r, rest, &line->message);
    }
    if (strcmp(step, "<") == 0) {
        line->step = CALL_RECEIVE;
        r->calls[line->call].received++;
        return read_hex(r, rest, &line->message);
    }
    if (strcmp(step, "half-close") == 0) {
        line->step = CALL_HALF_CLOSE;
        return true;
    }
    line->step = CALL_STATUS;
    return strcmp(step, "status") == 0 && read_status(r, rest, line);
}

fcc_status calls_load(const char *file, call_recording *out, fcc_error *error)
{
    FILE *f = fopen(file, "r");
    const char *command = "";
    size_t room = 0, number = 0, lines = 0;
    char *text = NULL;
    fcc_status st = FCC_OK;
    int c;

    *out = (call_recording){ .arena = fcc__arena_new(ARENA_MAX) };
    if (!f || !out->arena) {
        st = fcc_error_set(error, FCC_ERR_IO, "%s: %s", file, strerror(errno));
        goto end;
    }
    while ((c = getc(f)) != EOF)
        lines += c == '\n';
    rewind(f);
    out->lines = fcc__arena_zalloc(out->arena, lines + 1, sizeof(*out->lines));
    out->calls = fcc__arena_zalloc(out->arena, lines + 1, sizeof(*out->calls));
    if (!out->lines || !out->calls) {
        st = fcc_error_set(error, FCC_ERR_NOMEM, "%s: out of memory", file);
        goto end;
    }
    while (getline(&text, &room, f) >= 0) {
        number++;
        text[strcspn(text, "\n")] = '\0';
        if (text[0] == '#') {
            command = fcc__arena_printf(out->arena, "%s", text + 1 + strspn(text + 1, " "));
            if (!command)
                command = "";
            continue;
        }
        if (out->line_count == lines + 1 || !read_line(out, text, command)) {
            st = fcc_error_set(error, FCC_ERR_CONFIG, "%s:%zu: no recorded message: %.60s", file, number, text);
            goto end;
        }
        out->lines[out->line_count - 1].line = number;
    }
end:
    free(text);
    if (f)
        fclose(f);
    if (st != FCC_OK)
        calls_clear(out);
    return st;
}

void calls_clear(call_recording *r)
{
    fcc__arena_free(r->arena);
    *r = (call_recording){ 0 };
}
