/*
 * pem.c: the first block of a PEM text, as Go's encoding/pem finds it. Identities are told apart by what is in there, and
 * whoever endorses chooses how it is written: OpenSSL's reader takes other texts (no blank line at the end, no line of more
 * than 254 characters), and a peer that doesn't know an endorser comes to another verdict.
 */
#include "msp/internal.h"

#include "base/require.h"

static const fcc_bytes begin_mark = { (const uint8_t *)"-----BEGIN ", 11 };
static const fcc_bytes end_mark = { (const uint8_t *)"\n-----END ", 10 };
static const fcc_bytes dashes = { (const uint8_t *)"-----", 5 };

static fcc_bytes from(fcc_bytes b, size_t at)
{
    FCC_REQUIRE(at <= b.len);
    return fcc_bytes_of(b.len > at ? b.data + at : b.data, b.len - at);
}

static bool ends_with(fcc_bytes b, fcc_bytes end)
{
    return b.len >= end.len && memcmp(b.data + b.len - end.len, end.data, end.len) == 0;
}

/* The first line without what is blank at its end; `*rest` is moved behind it. */
static void take_line(fcc_bytes *rest, fcc_bytes *line)
{
    const uint8_t *newline = rest->len ? memchr(rest->data, '\n', rest->len) : NULL;
    size_t len = newline ? (size_t)(newline - rest->data) : rest->len, taken = newline ? len + 1 : len;

    if (newline && len > 0 && rest->data[len - 1] == '\r')
        len--;
    while (len > 0 && (rest->data[len - 1] == ' ' || rest->data[len - 1] == '\t'))
        len--;
    *line = fcc_bytes_of(rest->data, len);
    *rest = from(*rest, taken);
}

/* Where a line that begins a block starts, the last before the end; false when there is none. */
static bool find_begin(fcc_bytes text, size_t *at)
{
    for (size_t i = text.len >= begin_mark.len ? text.len - begin_mark.len + 1 : 0; i-- > 0;) {
        if (memcmp(text.data + i, begin_mark.data, begin_mark.len) == 0) {
            *at = i;
            return i == 0 || text.data[i - 1] == '\n';
        }
    }
    return false;
}

static int sextet(uint8_t c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
           : c == '/'             ? 63
                                  : -1;
}

/* Base64 with padding, blanks anywhere. `out` has room for all of it. */
static bool decode(fcc_bytes text, uint8_t *out, size_t *out_len)
{
    uint32_t quantum = 0;
    size_t have = 0, padding = 0, n = 0;

    for (size_t i = 0; i < text.len; i++) {
        const uint8_t c = text.data[i];
        const int value = sextet(c);

        if (c == '\n' || c == '\r' || c == ' ' || c == '\t')
            continue;
        if (c == '=' && have >= 2 && have + padding < 4) {
            padding++;
            continue;
        }
        if (value < 0 || padding)
            return false;
        quantum = quantum << 6 | (uint32_t)value;
        if (++have < 4)
            continue;
        out[n++] = (uint8_t)(quantum >> 16);
        out[n++] = (uint8_t)(quantum >> 8);
        out[n++] = (uint8_t)quantum;
        have = 0;
    }
    if (have && have + padding != 4)
        return false;
    if (have >= 2)
        out[n++] = (uint8_t)(quantum >> (have == 2 ? 4 : 10));
    if (have == 3)
        out[n++] = (uint8_t)(quantum >> 2);
    *out_len = n;
    return true;
}

/* Lines with a colon before the content. Returns how many, and moves behind them. */
static size_t skip_headers(fcc_bytes *rest)
{
    size_t count = 0;

    for (;;) {
        fcc_bytes next = *rest, line;

        take_line(&next, &line);
        if (!line.len || !memchr(line.data, ':', line.len))
            return count;
        *rest = next;
        if (next.len == 0)
            return count;
        count++;
    }
}

/* Does the end, of which `text` is what follows its mark, name the same kind, and nothing else stand in its line? */
static bool ends_block(fcc_bytes text, fcc_bytes kind)
{
    fcc_bytes line;

    if (text.len < kind.len + dashes.len || memcmp(text.data, kind.data, kind.len) != 0 ||
        memcmp(text.data + kind.len, dashes.data, dashes.len) != 0)
        return false;
    text = from(text, kind.len + dashes.len);
    take_line(&text, &line);
    return line.len == 0;
}

bool msp__pem_first(fcc_bytes text, uint8_t *out, size_t *out_len)
{
    fcc_bytes rest = text;

    for (;;) {
        const uint8_t *found = rest.len ? memmem(rest.data, rest.len, end_mark.data, end_mark.len) : NULL;
        fcc_bytes behind, block, kind;
        size_t begin, headers;

        if (!found)
            return false;
        behind = from(rest, (size_t)(found - rest.data) + end_mark.len);
        block = fcc_bytes_of(rest.data, (size_t)(found - rest.data));
        if (!find_begin(block, &begin)) {
            rest = behind;
            continue;
        }
        /* the line that begins the block, and those before its content, may run into the end */
        rest = from(rest, begin + begin_mark.len);
        take_line(&rest, &kind);
        if (!ends_with(kind, dashes)) {
            rest = behind;
            continue;
        }
        kind.len -= dashes.len;
        if (rest.len == 0)
            return false;
        headers = skip_headers(&rest);
        if (rest.len == 0)
            return false;
        if ((headers && rest.data > found) || !ends_block(behind, kind)) {
            rest = behind;
            continue;
        }
        *out_len = 0;
        if (rest.data >= found || decode(fcc_bytes_of(rest.data, (size_t)(found - rest.data)), out, out_len))
            return true;
        rest = behind;
    }
}
