/* words.c: what is looked for, in all the ways in which it may be written. */
#include "scan.h"

#include "fhir/fhir.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 1024, BASE64_MIN = 12 }; /* of a shorter word, what is left without its ends could be anything */

static void add(words *w, const char *kind, const char *text)
{
    if (w->count == w->room) {
        w->room = w->room ? 2 * w->room : 256;
        w->all = realloc(w->all, w->room * sizeof(*w->all));
        if (!w->all)
            abort();
    }
    w->all[w->count++] = (word){ strdup(kind), strdup(text) };
}

bool words_read(words *w, const char *path)
{
    FILE *f = fopen(path, "r");
    char line[LINE];

    while (f && fgets(line, sizeof(line), f)) {
        char *tab = strchr(line, '\t');

        line[strcspn(line, "\n")] = '\0';
        if (tab) {
            *tab = '\0';
            add(w, line, tab + 1);
        }
    }
    if (f)
        fclose(f);
    if (w->count == 0)
        fprintf(stderr, "%s: no words\n", path);
    return w->count > 0;
}

bool words_of_bundle(words *w, const char *path)
{
    fhir_bundle *bundle;
    fcc_error error;

    if (fhir_load(path, &bundle, &error) != FCC_OK) {
        fprintf(stderr, "%s\n", error.text);
        return false;
    }
    for (size_t i = 0; i < bundle->word_count; i++) {
        if (strlen(bundle->words[i]) >= WORD_MIN)
            add(w, "bundle", bundle->words[i]);
        else
            w->left_out++;
    }
    fhir_free(bundle);
    return true;
}

static void spell(words *w, const word *of, const uint8_t *bytes, size_t len)
{
    spelling *s = calloc(1, sizeof(*s));
    const size_t start = (size_t)bytes[0] << 8 | bytes[1];

    if (!s || !(s->bytes = malloc(len)))
        abort();
    memcpy(s->bytes, bytes, len);
    s->len = len;
    s->of = of;
    s->next = w->by_start[start];
    w->by_start[start] = s;
}

/* Behind 0, 1 or 2 other bytes; what of it depends on neighbours is cut off. */
static void spell_base64(words *w, const word *of, size_t before)
{
    uint8_t raw[LINE + 2] = { 0 }, text[2 * LINE];
    const size_t n = strlen(of->text), cut = before ? before + 1 : 0;
    size_t len;

    memcpy(raw + before, of->text, n);
    EVP_EncodeBlock(text, raw, (int)(n + before));
    len = (n + before) * 8 / 6;
    if (n >= BASE64_MIN && len > cut)
        spell(w, of, text + cut, len - cut);
}

void words_ready(words *w)
{
    char hex[2 * LINE + 1];

    for (size_t i = 0; i < w->count; i++) {
        const word *of = &w->all[i];
        const size_t n = strlen(of->text);

        if (n < 2 || n >= LINE)
            continue;
        spell(w, of, (const uint8_t *)of->text, n);
        for (size_t k = 0; k < n; k++)
            snprintf(hex + 2 * k, 3, "%02x", (uint8_t)of->text[k]);
        spell(w, of, (const uint8_t *)hex, 2 * n);
        for (size_t before = 0; before < 3; before++)
            spell_base64(w, of, before);
    }
}

static size_t find(const words *w, fcc_bytes in, const char *kind, const char *where)
{
    size_t found = 0;

    for (size_t i = 0; i + 1 < in.len; i++)
        for (const spelling *s = w->by_start[(size_t)in.data[i] << 8 | in.data[i + 1]]; s; s = s->next) {
            if (s->len > in.len - i || memcmp(s->bytes, in.data + i, s->len) != 0 ||
                (kind ? strcmp(kind, s->of->kind) != 0 : strcmp("purged", s->of->kind) == 0))
                continue;
            if (found++ < 3 && where)
                printf("# a word of kind %s, in %s, as %.*s\n", s->of->kind, where, (int)s->len,
                       (const char *)s->bytes);
        }
    return found;
}

size_t words_find(const words *w, fcc_bytes in, const char *where)
{
    return find(w, in, NULL, where);
}

size_t words_find_kind(const words *w, fcc_bytes in, const char *kind)
{
    return find(w, in, kind, NULL);
}

void words_free(words *w)
{
    for (size_t i = 0; i < 65536; i++)
        while (w->by_start[i]) {
            spelling *s = w->by_start[i];

            w->by_start[i] = s->next;
            free(s->bytes);
            free(s);
        }
    for (size_t i = 0; i < w->count; i++) {
        free(w->all[i].kind);
        free(w->all[i].text);
    }
    free(w->all);
}
