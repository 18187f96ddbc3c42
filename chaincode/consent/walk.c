/* walk.c: lists, which only queries have. */
#include "consent/parts.h"

#include <stdio.h>

#include "lib/json.h"

/* The parts of a key behind the prefix, and its value. */
static fcc_status read_entry(lib_call *call, const fcc_kv *kv, size_t prefix, struct consent_entry *out)
{
    const fcc_bytes *parts = NULL;
    size_t count = 0;
    fcc_bytes type;
    char token[300];
    fcc_status st = fcc_split_composite_key(call->stub, kv->key, &type, &parts, &count);

    if (st != FCC_OK)
        return st;
    if (count <= prefix || count - prefix > 2)
        return fcc_fail(call->stub, FCC_ERR_CORRUPT, "a key on the ledger has another number of parts");
    *out = (struct consent_entry){ .n = count - prefix };
    for (size_t i = 0; i < out->n; i++)
        if (!(out->parts[i] = lib_string(call, parts[prefix + i])))
            return FCC_ERR_NOMEM;
    snprintf(token, sizeof(token), "%s%s%s", out->parts[0], out->n > 1 ? "~" : "", out->n > 1 ? out->parts[1] : "");
    out->token = lib_string(call, fcc_str(token));
    out->value = lib_own(call, lib_json_load_own(kv->value));
    if (!out->value)
        return fcc_fail(call->stub, FCC_ERR_CORRUPT, "a value on the ledger is not JSON");
    return out->token ? FCC_OK : FCC_ERR_NOMEM;
}

/* Whether an entry comes behind a token. Their order is that of the keys, where U+0000 stands for '~'. */
static bool is_behind(const struct consent_entry *entry, const char *after)
{
    const char *second = strchr(after, '~');
    size_t len = second ? (size_t)(second - after) : strlen(after), own = strlen(entry->parts[0]);
    int order = memcmp(entry->parts[0], after, own < len ? own : len);

    if (order != 0 || own != len)
        return order > 0 || (order == 0 && own > len);
    return entry->n > 1 && (!second || strcmp(entry->parts[1], second + 1) > 0);
}

fcc_status consent_walk(lib_call *call, const char *collection, const char *type, const char *first, const char *after,
                        bool (*take)(const struct consent_entry *entry, void *ctx), void *ctx)
{
    fcc_bytes attribute = first ? fcc_str(first) : fcc_bytes_of(NULL, 0);
    fcc_iter *iter = NULL;
    bool more = true;
    fcc_status st = fcc_get_private_data_by_partial_composite_key(call->stub, fcc_str(collection), fcc_str(type),
                                                                  &attribute, first ? 1 : 0, &iter);

    if (st != FCC_OK)
        return st;
    while (st == FCC_OK && more && fcc_iter_has_next(iter)) {
        struct consent_entry entry;
        fcc_kv kv;

        if ((st = fcc_iter_next(iter, &kv)) == FCC_OK &&
            (st = read_entry(call, &kv, first ? 1 : 0, &entry)) == FCC_OK && (!after || is_behind(&entry, after)))
            more = take(&entry, ctx);
    }
    fcc_iter_close(iter);
    return st;
}

struct page {
    json_t *list;
    const char *last, *next;
    bool failed;
};

static bool add_to_page(const struct consent_entry *entry, void *ctx)
{
    struct page *page = ctx;

    if (json_array_size(page->list) == CONSENT_PAGE) {
        page->next = page->last;
        return false;
    }
    page->last = entry->token;
    page->failed = json_array_append(page->list, entry->value) != 0;
    return !page->failed;
}

fcc_status consent_page(lib_call *call, const char *collection, const char *type, const char *first, const char *after,
                        json_t *list, const char **next)
{
    struct page page = { .list = list };
    fcc_status st = list ? consent_walk(call, collection, type, first, after, add_to_page, &page) : FCC_ERR_NOMEM;

    *next = page.next;
    return st == FCC_OK && page.failed ? FCC_ERR_NOMEM : st;
}
