/*
 * epcis_json.c: JSON with its numbers as they were written. Each number outside of a string is turned into a string with
 * a mark before the parser sees it, so that no double is made of it.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/json.h"
#include "supply/epcis.h"

/* Behind the string that begins at `i`; 0 when it has the mark. */
static size_t behind_string(fcc_bytes text, size_t i)
{
    static const char mark[] = "\\u0001";

    i++;
    if (text.len - i >= sizeof(mark) - 1 && memcmp(text.data + i, mark, sizeof(mark) - 1) == 0)
        return 0;
    while (i < text.len && text.data[i] != '"')
        i += text.data[i] == '\\' ? 2 : 1;
    return i + 1;
}

static bool starts_number(uint8_t c)
{
    return c == '-' || (c >= '0' && c <= '9');
}

static bool in_number(uint8_t c)
{
    return starts_number(c) || c == '+' || c == '.' || c == 'e' || c == 'E';
}

json_t *epcis_load(fcc_bytes text)
{
    /* the worst is an array of digits: each one byte more than its comma, and eight for quotes and mark */
    char *marked = malloc(text.len * 5 + 16);
    json_t *value = NULL;
    size_t n = 0, i = 0;

    if (!marked)
        return NULL;
    while (i < text.len) {
        size_t end;

        if (text.data[i] == '"') {
            end = behind_string(text, i);
            if (end == 0 || end > text.len)
                goto out;
            memcpy(marked + n, text.data + i, end - i);
            n += end - i;
        } else if (starts_number(text.data[i])) {
            for (end = i; end < text.len && in_number(text.data[end]);)
                end++;
            memcpy(marked + n, "\"\\u0001", 7);
            memcpy(marked + n + 7, text.data + i, end - i);
            n += 7 + end - i;
            marked[n++] = '"';
        } else {
            marked[n++] = (char)text.data[i];
            end = i + 1;
        }
        i = end;
    }
    value = lib_json_load_own(fcc_bytes_of(marked, n));
out:
    free(marked);
    return value;
}
