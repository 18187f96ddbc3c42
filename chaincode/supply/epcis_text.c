/* epcis_text.c: text that grows, and lists of it, for pre-hash strings. */
#include <stdlib.h>
#include <string.h>

#include "supply/epcis_prehash.h"

void epcis_add_bytes(struct epcis_text *t, const char *s, size_t n)
{
    if (t->failed)
        return;
    if (t->len + n + 1 > t->cap) {
        const size_t cap = (t->cap + n + 1) * 2;
        char *grown = realloc(t->data, cap);

        if (!grown) {
            t->failed = true;
            return;
        }
        t->data = grown;
        t->cap = cap;
    }
    memcpy(t->data + t->len, s, n);
    t->len += n;
    t->data[t->len] = 0;
}

void epcis_add(struct epcis_text *t, const char *s)
{
    epcis_add_bytes(t, s, strlen(s));
}

void epcis_add_behind(struct epcis_text *t, const char *name, struct epcis_text *content)
{
    if (content->len) {
        epcis_add(t, name);
        epcis_add(t, content->data);
    }
    t->failed = t->failed || content->failed;
    free(content->data);
}

void epcis_list_add(struct epcis_list *list, struct epcis_text *t)
{
    char **grown = list->v;

    list->failed = list->failed || t->failed;
    if (list->failed || !t->data || t->len == 0) {
        free(t->data);
        return;
    }
    if (list->n == list->cap) {
        list->cap = list->cap ? 2 * list->cap : 16;
        grown = realloc(list->v, list->cap * sizeof(*grown));
    }
    if (!grown) {
        list->failed = true;
        free(t->data);
        return;
    }
    list->v = grown;
    list->v[list->n++] = t->data;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void epcis_add_sorted(struct epcis_text *t, struct epcis_list *list)
{
    if (list->n)
        qsort(list->v, list->n, sizeof(*list->v), by_bytes);
    for (size_t i = 0; i < list->n; i++) {
        epcis_add(t, list->v[i]);
        free(list->v[i]);
    }
    t->failed = t->failed || list->failed;
    free(list->v);
}
