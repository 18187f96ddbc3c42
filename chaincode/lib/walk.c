/* walk.c: indexes of private data by page. */
#include "lib/walk.h"

#include <stdio.h>

#include "lib/json.h"

/* Where an entry is behind its prefix of `skip` parts: the other parts, joined. Sorts like the keys: ids have no '~'. */
static const char *token_of(lib_call *call, const fcc_bytes *parts, size_t count, size_t skip)
{
    char token[160];

    if (count == skip + 1)
        return lib_string(call, parts[skip]);
    if (count != skip + 2)
        return NULL;
    snprintf(token, sizeof(token), FCC_FMT "~" FCC_FMT, FCC_ARG(parts[skip]), FCC_ARG(parts[skip + 1]));
    return lib_string(call, fcc_str(token));
}

static const char *pid_of(lib_call *call, fcc_bytes value)
{
    static const char mark[] = "{\"fmt\":1}";

    return fcc_bytes_equal(value, fcc_str(mark)) ? NULL : lib_text(lib_own(call, lib_json_load_own(value)), "pid");
}

fcc_status lib_walk(lib_call *call, const char *collection, const char *type, const char *first, const char *second,
                    const char *after, struct lib_page *page)
{
    const fcc_bytes prefix[] = { fcc_str(first), fcc_str(second ? second : "") };
    size_t skip = second ? 2 : 1;
    fcc_iter *iter = NULL;
    fcc_status st = fcc_get_private_data_by_partial_composite_key(call->stub, fcc_str(collection), fcc_str(type),
                                                                  prefix, skip, &iter);

    *page = (struct lib_page){ 0 };
    while (st == FCC_OK && !page->more && fcc_iter_has_next(iter)) {
        const fcc_bytes *parts = NULL;
        const char *token;
        size_t count = 0;
        fcc_bytes key_type;
        fcc_kv kv;

        if ((st = fcc_iter_next(iter, &kv)) != FCC_OK ||
            (st = fcc_split_composite_key(call->stub, kv.key, &key_type, &parts, &count)) != FCC_OK)
            break;
        token = token_of(call, parts, count, skip);
        if (!token) {
            st = fcc_fail(call->stub, FCC_ERR_CORRUPT, "an index key with another number of parts");
            break;
        }
        if (after && strcmp(token, after) <= 0)
            continue;
        page->more = page->count == LIB_PAGE;
        if (page->more)
            break;
        page->tokens[page->count] = token;
        page->pids[page->count] = pid_of(call, kv.value);
        page->ids[page->count] = lib_string(call, parts[count - 1]);
        if (!page->ids[page->count++])
            st = FCC_ERR_NOMEM;
    }
    fcc_iter_close(iter);
    return st;
}

const char *lib_next_page(const struct lib_page *page)
{
    return page->more ? page->tokens[page->count - 1] : NULL;
}
