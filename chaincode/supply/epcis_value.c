/*
 * epcis_value.c: an event's names and values in the one spelling that counts for its hash: moments in UTC, keys as
 * canonical Digital Links, terms as URIs, numbers without needless digits. Numbers are changed as text, so that any length
 * stays exact.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/gs1_uri.h"
#include "lib/value.h"
#include "supply/epcis_prehash.h"

/* ---- namespaces ---- */

static const char *declared(const json_t *context, const char *prefix, size_t n)
{
    char name[64];

    if (n >= sizeof(name))
        return NULL;
    memcpy(name, prefix, n);
    name[n] = 0;
    if (json_is_object(context))
        return json_string_value(json_object_get(context, name));
    for (size_t i = json_array_size(context); i > 0; i--) { /* the last one that declares it counts */
        const char *uri = json_string_value(json_object_get(json_array_get(context, i - 1), name));

        if (uri)
            return uri;
    }
    return NULL;
}

/* What stands in front of the first ':', if it is a prefix; EPCIS's own context declares some. */
static const char *namespace_of(const struct epcis_scope *scope, const char *s, const char **rest)
{
    static const char *const own[][2] = { { "cbvmda", "urn:epcglobal:cbv:mda:" }, { "gs1", "https://gs1.org/voc/" } };
    const char *colon = strchr(s, ':'), *uri = NULL;

    if (!colon)
        return NULL;
    *rest = colon + 1;
    for (size_t i = 0; i < 2 && !uri; i++)
        uri = declared(scope->contexts[i], s, (size_t)(colon - s));
    for (size_t i = 0; i < 2 && !uri; i++)
        if (strlen(own[i][0]) == (size_t)(colon - s) && strncmp(s, own[i][0], (size_t)(colon - s)) == 0)
            uri = own[i][1];
    return uri;
}

void epcis_add_name(struct epcis_text *t, const struct epcis_scope *scope, const char *name)
{
    const char *rest, *uri = namespace_of(scope, name, &rest);

    if (!uri) {
        epcis_add(t, name);
        return;
    }
    epcis_add(t, "{");
    epcis_add(t, uri);
    epcis_add(t, "}");
    epcis_add(t, rest);
}

/* ---- values ---- */

struct number {
    const char *whole, *fraction; /* digits */
    size_t whole_len, fraction_len;
    bool negative;
    long exponent;
};

static bool read_number(const char *s, struct number *out)
{
    char *end;

    *out = (struct number){ .negative = *s == '-' };
    if (*s == '-' || *s == '+')
        s++;
    out->whole = s;
    out->whole_len = strspn(s, "0123456789");
    s += out->whole_len;
    if (*s == '.') {
        out->fraction = ++s;
        out->fraction_len = strspn(s, "0123456789");
        s += out->fraction_len;
    }
    if (out->whole_len + out->fraction_len == 0)
        return false;
    if (*s == 'e' || *s == 'E') {
        if (s[strspn(s + 1, "+-") + 1] < '0' || s[strspn(s + 1, "+-") + 1] > '9' || strspn(s + 1, "+-") > 1)
            return false;
        out->exponent = strtol(s + 1, &end, 10);
        s = end;
    }
    return *s == 0 && out->exponent >= -400 && out->exponent <= 400;
}

/* All digits and where the point is behind them, without zeros at either end that say nothing. */
static void add_number(struct epcis_text *t, const struct number *n)
{
    struct epcis_text digits = { .data = NULL };
    long point = (long)n->whole_len + n->exponent;
    size_t first = 0, last;

    epcis_add_bytes(&digits, n->whole, n->whole_len);
    epcis_add_bytes(&digits, n->fraction ? n->fraction : "", n->fraction_len);
    if (digits.failed) {
        t->failed = true;
        return;
    }
    last = digits.len;
    while (first < last && digits.data[first] == '0') {
        first++;
        point--;
    }
    while (last > first && digits.data[last - 1] == '0')
        last--;
    if (first == last) {
        epcis_add(t, "0");
        free(digits.data);
        return;
    }
    if (n->negative)
        epcis_add(t, "-");
    if (point <= 0)
        epcis_add(t, "0.");
    for (; point < 0; point++)
        epcis_add(t, "0");
    for (size_t i = first; i < last; i++) {
        if (point > 0 && (long)(i - first) == point)
            epcis_add(t, ".");
        epcis_add_bytes(t, digits.data + i, 1);
    }
    for (long i = (long)(last - first); i < point; i++)
        epcis_add(t, "0");
    free(digits.data);
}

/* Terms of CBV 1.x, wherever they stand. */
static const char *modern(const char *s, char *buffer, size_t size)
{
    static const char *const urns[][2] = { { "urn:epcglobal:cbv:bizstep:", "https://ref.gs1.org/cbv/BizStep-" },
                                           { "urn:epcglobal:cbv:disp:", "https://ref.gs1.org/cbv/Disp-" },
                                           { "urn:epcglobal:cbv:btt:", "https://ref.gs1.org/cbv/BTT-" },
                                           { "urn:epcglobal:cbv:sdt:", "https://ref.gs1.org/cbv/SDT-" },
                                           { "urn:epcglobal:cbv:er:", "https://ref.gs1.org/cbv/ER-" } };

    for (size_t i = 0; i < sizeof(urns) / sizeof(urns[0]); i++) {
        const size_t n = strlen(urns[i][0]);

        if (strncmp(s, urns[i][0], n) == 0 && strlen(s) + strlen(urns[i][1]) < size) {
            snprintf(buffer, size, "%s%s", urns[i][1], s + n);
            return buffer;
        }
    }
    return s;
}

static void add_canonical(struct epcis_text *t, const char *s)
{
    char uri[GS1_URI_SIZE], buffer[GS1_URI_SIZE];
    struct number number;

    s = modern(s, buffer, sizeof(buffer));
    if (read_number(s, &number))
        add_number(t, &number);
    else
        epcis_add(t, gs1_uri_canonical(s, uri) ? uri : s);
}

void epcis_add_value(struct epcis_text *t, const struct epcis_scope *scope, const json_t *value)
{
    const char *s = json_string_value(value), *rest, *uri;
    struct epcis_text whole = { .data = NULL };

    if (json_is_boolean(value))
        epcis_add(t, json_is_true(value) ? "true" : "false");
    if (!s)
        return;
    if (*s == EPCIS_NUMBER)
        s++;
    s += strspn(s, " \t\r\n");
    if ((uri = namespace_of(scope, s, &rest)) != NULL) {
        epcis_add(&whole, uri);
        s = rest;
    }
    epcis_add(&whole, s);
    while (whole.len && strchr(" \t\r\n", whole.data[whole.len - 1]))
        whole.data[--whole.len] = 0;
    if (whole.data)
        add_canonical(t, whole.data);
    t->failed = t->failed || whole.failed;
    free(whole.data);
}

void epcis_add_leaf(struct epcis_text *t, const struct epcis_scope *scope, const char *name, const json_t *value)
{
    struct epcis_text content = { .data = NULL };

    epcis_add_value(&content, scope, value);
    if (content.len)
        epcis_add(t, name);
    epcis_add_behind(t, "=", &content);
}

void epcis_add_moment(struct epcis_text *t, const char *name, const json_t *value)
{
    const char *s = json_string_value(value);
    char time[LIB_TIME_SIZE], fraction[8];
    int64_t seconds;
    int milliseconds;

    if (!s || !epcis_time(s, &seconds, &milliseconds))
        return; /* what was checked has its form */
    lib_time_format(seconds, time);
    time[LIB_TIME_SIZE - 2] = 0; /* the Z */
    snprintf(fraction, sizeof(fraction), ".%03dZ", milliseconds % 1000);
    epcis_add(t, name);
    epcis_add(t, "=");
    epcis_add(t, time);
    epcis_add(t, fraction);
}

void epcis_add_term(struct epcis_text *t, const struct epcis_scope *scope, enum epcis_vocabulary vocabulary,
                    const char *name, const json_t *value)
{
    const char *s = json_string_value(value);
    char uri[256];
    json_t *term;

    if (!s)
        return;
    term = json_string(epcis_term(vocabulary, s, uri, sizeof(uri)));
    if (term)
        epcis_add_leaf(t, scope, name, term);
    else
        t->failed = true;
    json_decref(term);
}
