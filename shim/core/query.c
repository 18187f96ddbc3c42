/*
 * Queries that give many elements: ranges, composite keys, rich queries, history, pages, and their iterators.
 *
 * An iterator holds two pages. The peer's next page is fetched when the last element of this one is handed out, so that
 * fcc_iter_has_next knows; the element stays valid because the new page goes into the other arena.
 *
 * Source: fabric-chaincode-go v2.3.0 shim/stub.go CommonIterator, shim/handler.go
 */
#include "core/stub.h"

#include "base/require.h"
#include "protos/wire.h"

#include "ledger/queryresult/kv_query_result.pb-c.h"

#include <stdlib.h>

#define NONE fcc_bytes_of(NULL, 0)
/* What an open start is sent as: behind all composite keys. */
#define FIRST_SIMPLE_KEY FCC_LIT("\x01")
/* U+10FFFF, behind everything that a key may go on with. */
#define LAST_RUNE FCC_LIT("\xf4\x8f\xbf\xbf")

/* A QueryResponse, read where it lies. */
struct page {
    fcc__wire rest; /* behind the last element that was handed out */
    size_t left;    /* elements in it */
    bool has_more;  /* pages */
    fcc_bytes id;
    fcc_bytes metadata;
};

struct fcc_iter {
    fcc_stub *stub;
    fcc_iter *next;
    bool is_history;
    bool open;
    bool failed;          /* an element could not be had: a failure to close does not hide that one's text */
    fcc__arena *pages[2]; /* NULL until used, and once closed */
    fcc__arena *element;  /* of history: the last one as it was read; its bytes are in its page. NULL as above */
    unsigned turn;        /* which of them holds `page` */
    struct page page;
};

static void drop_pages(fcc_iter *it)
{
    fcc__arena **arenas[] = { &it->pages[0], &it->pages[1], &it->element };

    it->open = false;
    for (size_t i = 0; i < 3; i++) {
        fcc__arena_free(*arenas[i]);
        *arenas[i] = NULL;
    }
}

void fcc__iters_clear(fcc_stub *stub)
{
    for (fcc_iter *it = stub->iters; it; it = it->next)
        drop_pages(it);
    stub->iters = NULL;
}

/* ---- reading ---- */

enum { RESULTS = 1, HAS_MORE = 2, ID = 3, METADATA = 4 }; /* of QueryResponse */
enum { RESULT_BYTES = 1 };                                /* of QueryResultBytes */
enum { KV_NAMESPACE = 1, KV_KEY = 2, KV_VALUE = 3 };      /* of KV */

/* QueryResultBytes: what it holds. */
static bool scan_result(fcc_bytes wire, fcc_bytes *out)
{
    fcc__wire w = fcc__wire_of(wire);
    fcc__field f;

    *out = NONE;
    while (fcc__wire_known(&w, &f, 0))
        if (f.number == RESULT_BYTES)
            *out = f.content;
    return !w.broken;
}

/* Also looks whether all its elements can be read, as far as the page has to do with it. */
static bool scan_page(fcc_bytes wire, struct page *out)
{
    struct page page = { .rest = fcc__wire_of(wire) };
    fcc__wire w = page.rest;
    fcc__field f;

    while (fcc__wire_known(&w, &f, 1u << HAS_MORE)) {
        fcc_bytes bytes;
        bool ok = true;

        switch (f.number) {
        case RESULTS:
            ok = scan_result(f.content, &bytes);
            page.left++;
            break;
        case HAS_MORE:
            page.has_more = f.value != 0;
            break;
        case ID:
            ok = fcc__field_text(&f, &page.id);
            break;
        case METADATA:
            page.metadata = f.content;
            break;
        default:
            break;
        }
        if (!ok)
            return false;
    }
    if (w.broken)
        return false;
    *out = page;
    return true;
}

/* The bytes of the next element, which there is, and what is behind it. */
static fcc_bytes next_result(const struct page *page, fcc__wire *rest)
{
    fcc_bytes result;
    fcc__field f;

    *rest = page->rest;
    do
        FCC_REQUIRE(fcc__wire_known(rest, &f, 0));
    while (f.number != RESULTS);
    FCC_REQUIRE(scan_result(f.content, &result));
    return result;
}

static bool scan_kv(fcc_bytes wire, fcc_kv *out)
{
    fcc__wire w = fcc__wire_of(wire);
    fcc__field f;

    *out = (fcc_kv){ 0 };
    while (fcc__wire_known(&w, &f, 0))
        if (f.number == KV_VALUE)
            out->value = f.content;
        else if ((f.number == KV_NAMESPACE && !fcc__field_text(&f, &out->ns)) ||
                 (f.number == KV_KEY && !fcc__field_text(&f, &out->key)))
            return false;
    return !w.broken;
}

/* ---- pages ---- */

/* Read a QueryResponse in the arena that the last element is not in. */
static fcc_status read_page(fcc_iter *it, fcc_bytes reply, const char *error_suffix)
{
    fcc_stub *stub = it->stub;
    unsigned turn = !it->turn;
    fcc_status st;

    if (!it->pages[turn])
        it->pages[turn] = fcc__arena_new(stub->session->options.memory_bytes);
    else
        fcc__arena_reset(it->pages[turn]);
    if (!it->pages[turn])
        return fcc__fail_memory(stub);
    st = fcc__keep_reply(stub, it->pages[turn], reply, &reply);
    if (st != FCC_OK)
        return st;
    if (!scan_page(reply, &it->page))
        return FCC__FAIL_PARTS(stub, FCC_ERR_PROTO, FCC_LIT("["), fcc__short_id(stub->tx_id), FCC_LIT("] "),
                               fcc_str(error_suffix));
    it->turn = turn;
    it->open = true;
    return FCC_OK;
}

/* Send a query and make the iterator over its answer. */
static fcc_status open_query(fcc_stub *stub, Protos__ChaincodeMessage__Type type, const void *request, fcc_iter **out)
{
    bool is_range = type == PROTOS__CHAINCODE_MESSAGE__TYPE__GET_STATE_BY_RANGE;
    fcc_bytes reply;
    fcc_iter *it;
    fcc_status st = fcc__ask(stub, type, request, &reply);

    if (st != FCC_OK)
        return st;
    it = fcc__arena_zalloc(stub->arena, 1, sizeof(*it));
    if (!it)
        return fcc__fail_memory(stub);
    it->stub = stub;
    it->is_history = type == PROTOS__CHAINCODE_MESSAGE__TYPE__GET_HISTORY_FOR_KEY;
    it->next = stub->iters;
    stub->iters = it;
    st = read_page(it, reply, is_range ? "GetStateByRangeResponse unmarshall error" : "unmarshal error");
    if (st == FCC_OK)
        *out = it;
    return st;
}

static fcc_status read_page_facts(fcc_iter *it, fcc_page *page)
{
    fcc_stub *stub = it->stub;
    Protos__QueryResponseMetadata *metadata;
    fcc_status st;

    if (!page && it->page.metadata.len == 0)
        return FCC_OK;
    st = FCC__UNPACK(protos__query_response_metadata, it->page.metadata, stub->arena, &metadata);
    if (st != FCC_OK)
        return fcc_fail(stub, st, "proto: cannot parse invalid wire-format data");
    if (page) {
        page->fetched = metadata->fetched_records_count;
        page->bookmark = fcc__of_pb(metadata->bookmark);
    }
    return FCC_OK;
}

/* ---- iterating ---- */

bool fcc_iter_has_next(const fcc_iter *it)
{
    return it->open && (it->page.left || it->page.has_more);
}

static fcc_status fetch_next_page(fcc_iter *it)
{
    Protos__QueryStateNext request = PROTOS__QUERY_STATE_NEXT__INIT;
    fcc_bytes reply;
    fcc_status st;

    request.id = fcc__pb(it->page.id);
    st = fcc__ask(it->stub, PROTOS__CHAINCODE_MESSAGE__TYPE__QUERY_STATE_NEXT, &request, &reply);
    return st == FCC_OK ? read_page(it, reply, "unmarshal error") : st;
}

static fcc_status check_next(fcc_iter *it, bool is_history)
{
    if (is_history != it->is_history)
        return fcc_fail(it->stub, FCC_ERR_ARG, "wrong result type");
    if (!fcc_iter_has_next(it))
        return fcc_fail(it->stub, FCC_ERR_ARG, "no such key");
    if (!it->page.left)
        return fcc_fail(it->stub, FCC_ERR_PROTO, "invalid iterator state");
    return FCC_OK;
}

/* An element has been read, before `rest`: the page behind the last one is fetched at once. */
static fcc_status move_on(fcc_iter *it, fcc__wire rest)
{
    it->page.rest = rest;
    it->page.left--;
    return !it->page.left && it->page.has_more ? FCC__INSIDE(it->stub, fetch_next_page(it)) : FCC_OK;
}

static fcc_status next_kv(fcc_iter *it, fcc_kv *out)
{
    fcc_status st = check_next(it, false);
    fcc__wire rest;
    fcc_kv kv;

    if (st != FCC_OK)
        return st;
    if (!scan_kv(next_result(&it->page, &rest), &kv))
        return fcc_fail(it->stub, FCC_ERR_PROTO,
                        "error unmarshaling result from bytes: proto: cannot parse invalid wire-format data");
    st = move_on(it, rest);
    if (st == FCC_OK)
        *out = kv;
    return st;
}

static fcc_status next_modification(fcc_iter *it, fcc_key_modification *out)
{
    fcc_stub *stub = it->stub;
    fcc__wire rest;
    Queryresult__KeyModification *m;
    fcc_status st = check_next(it, true);

    if (st != FCC_OK)
        return st;
    if (!it->element)
        it->element = fcc__arena_new(stub->session->options.memory_bytes);
    else
        fcc__arena_reset(it->element);
    if (!it->element)
        return fcc__fail_memory(stub);
    st = FCC__UNPACK_BORROWED(queryresult__key_modification, next_result(&it->page, &rest), it->element, &m);
    if (st != FCC_OK)
        return fcc_fail(stub, st, "proto: cannot parse invalid wire-format data");
    st = move_on(it, rest);
    if (st != FCC_OK)
        return st;
    out->tx_id = fcc__of_pb(m->tx_id);
    out->value = fcc__of_pb(m->value);
    out->seconds = m->timestamp ? m->timestamp->seconds : 0;
    out->nanos = m->timestamp ? m->timestamp->nanos : 0;
    out->is_delete = m->is_delete;
    return FCC_OK;
}

static fcc_status told(fcc_iter *it, fcc_status status)
{
    it->failed = it->failed || status != FCC_OK;
    return status;
}

fcc_status fcc_iter_next(fcc_iter *it, fcc_kv *out)
{
    return told(it, next_kv(it, out));
}

fcc_status fcc_iter_next_modification(fcc_iter *it, fcc_key_modification *out)
{
    return told(it, next_modification(it, out));
}

static fcc_status close_iter(fcc_iter *it)
{
    Protos__QueryStateClose request = PROTOS__QUERY_STATE_CLOSE__INIT;
    Protos__QueryResponse *response;
    fcc_bytes reply, id;
    fcc_status st;

    request.id = fcc__pb(it->page.id);
    if (fcc__arena_copy(it->stub->arena, it->page.id, &id)) {
        request.id = fcc__pb(id);
        drop_pages(it); /* before waiting: other transactions get the memory while it is warm */
    }
    st = fcc__ask(it->stub, PROTOS__CHAINCODE_MESSAGE__TYPE__QUERY_STATE_CLOSE, &request, &reply);
    drop_pages(it);
    if (st == FCC_OK && reply.len) {
        st = FCC__UNPACK(protos__query_response, reply, it->stub->arena, &response);
        if (st != FCC_OK)
            FCC__FAIL_PARTS(it->stub, st, FCC_LIT("["), fcc__short_id(it->stub->tx_id), FCC_LIT("] unmarshal error"));
    }
    return st;
}

fcc_status fcc_iter_close(fcc_iter *it)
{
    unsigned text;
    fcc_status st;

    if (!it || !it->open)
        return FCC_OK;
    text = it->stub->error;
    st = FCC__INSIDE(it->stub, close_iter(it));
    if (it->failed)
        it->stub->error = text; /* of two texts the last but one is kept, and closing has made one at most */
    return st;
}

/* ---- queries ---- */

/* QueryMetadata, or nothing for a query without pages (page_size < 0). Lives until the next message is sent. */
static fcc_status page_request(fcc_stub *stub, int32_t page_size, fcc_bytes bookmark, fcc_bytes *out)
{
    Protos__QueryMetadata metadata = PROTOS__QUERY_METADATA__INIT;
    fcc_status st = fcc__check_text(stub, "bookmark", bookmark);

    if (st != FCC_OK)
        return st;
    metadata.pagesize = page_size;
    metadata.bookmark = fcc__pb(bookmark);
    return fcc__pack(&metadata, stub->session->out, out) == FCC_OK ? FCC_OK : fcc__fail_memory(stub);
}

static fcc_status send_range(fcc_stub *stub, fcc_bytes collection, fcc_bytes start, fcc_bytes end, fcc_bytes metadata,
                             fcc_iter **out, fcc_page *page)
{
    Protos__GetStateByRange request = PROTOS__GET_STATE_BY_RANGE__INIT;
    fcc_iter *it;
    fcc_status st = fcc__check_text(stub, "start key", start);

    if (st == FCC_OK)
        st = fcc__check_text(stub, "end key", end);
    if (st != FCC_OK)
        return st;
    request.startkey = fcc__pb(start);
    request.endkey = fcc__pb(end);
    request.collection = fcc__pb(collection);
    request.metadata = fcc__pb(metadata);
    st = open_query(stub, PROTOS__CHAINCODE_MESSAGE__TYPE__GET_STATE_BY_RANGE, &request, &it);
    if (st == FCC_OK)
        st = read_page_facts(it, page);
    if (st == FCC_OK)
        *out = it;
    return st;
}

static fcc_status send_rich(fcc_stub *stub, fcc_bytes collection, fcc_bytes query, fcc_bytes metadata, fcc_iter **out,
                            fcc_page *page)
{
    Protos__GetQueryResult request = PROTOS__GET_QUERY_RESULT__INIT;
    fcc_iter *it;
    fcc_status st = fcc__check_text(stub, "query", query);

    if (st != FCC_OK)
        return st;
    request.query = fcc__pb(query);
    request.collection = fcc__pb(collection);
    request.metadata = fcc__pb(metadata);
    st = open_query(stub, PROTOS__CHAINCODE_MESSAGE__TYPE__GET_QUERY_RESULT, &request, &it);
    if (st == FCC_OK)
        st = read_page_facts(it, page);
    if (st == FCC_OK)
        *out = it;
    return st;
}

/* Simple ranges must not reach into the composite keys, which begin with 0x00. */
static fcc_status check_simple(fcc_stub *stub, fcc_bytes start, fcc_bytes end)
{
    const fcc_bytes keys[] = { start, end };

    for (size_t i = 0; i < 2; i++)
        if (keys[i].len && keys[i].data[0] == 0)
            return FCC__FAIL_PARTS(stub, FCC_ERR_ARG, FCC_LIT("first character of the key ["), keys[i],
                                   FCC_LIT("] contains a null character which is not allowed"));
    return FCC_OK;
}

/* All keys that begin with this composite key. */
static fcc_status partial_range(fcc_stub *stub, fcc_bytes object_type, const fcc_bytes *attributes, size_t count,
                                fcc_bytes *start, fcc_bytes *end)
{
    uint8_t *p;
    fcc_status st = fcc_create_composite_key(stub, object_type, attributes, count, start);

    if (st != FCC_OK)
        return st;
    p = fcc__arena_alloc(stub->arena, start->len + LAST_RUNE.len);
    if (!p)
        return fcc__fail_memory(stub);
    memcpy(p, start->data, start->len);
    memcpy(p + start->len, LAST_RUNE.data, LAST_RUNE.len);
    *end = fcc_bytes_of(p, start->len + LAST_RUNE.len);
    return FCC_OK;
}

static fcc_status query_range(fcc_stub *stub, fcc_bytes collection, fcc_bytes start, fcc_bytes end, fcc_iter **out)
{
    fcc_status st;

    if (start.len == 0)
        start = FIRST_SIMPLE_KEY;
    st = check_simple(stub, start, end);
    return st == FCC_OK ? send_range(stub, collection, start, end, NONE, out, NULL) : st;
}

static fcc_status query_partial(fcc_stub *stub, fcc_bytes collection, fcc_bytes object_type,
                                const fcc_bytes *attributes, size_t count, fcc_iter **out)
{
    fcc_bytes start, end;
    fcc_status st = partial_range(stub, object_type, attributes, count, &start, &end);

    return st == FCC_OK ? send_range(stub, collection, start, end, NONE, out, NULL) : st;
}

static fcc_status query_rich(fcc_stub *stub, fcc_bytes collection, fcc_bytes query, fcc_iter **out)
{
    return send_rich(stub, collection, query, NONE, out, NULL);
}

fcc_status fcc_get_state_by_range(fcc_stub *stub, fcc_bytes start, fcc_bytes end, fcc_iter **out)
{
    return FCC__INSIDE(stub, query_range(stub, NONE, start, end, out));
}

fcc_status fcc_get_state_by_range_with_pagination(fcc_stub *stub, fcc_bytes start, fcc_bytes end, int32_t page_size,
                                                  fcc_bytes bookmark, fcc_iter **out, fcc_page *page)
{
    fcc_bytes metadata;
    fcc_status st;

    if (start.len == 0)
        start = FIRST_SIMPLE_KEY;
    fcc__enter(stub);
    st = check_simple(stub, start, end);
    if (st == FCC_OK)
        st = page_request(stub, page_size, bookmark, &metadata);
    return fcc__leave(stub, st == FCC_OK ? send_range(stub, NONE, start, end, metadata, out, page) : st);
}

fcc_status fcc_get_state_by_partial_composite_key(fcc_stub *stub, fcc_bytes object_type, const fcc_bytes *attributes,
                                                  size_t count, fcc_iter **out)
{
    return FCC__INSIDE(stub, query_partial(stub, NONE, object_type, attributes, count, out));
}

fcc_status fcc_get_state_by_partial_composite_key_with_pagination(fcc_stub *stub, fcc_bytes object_type,
                                                                  const fcc_bytes *attributes, size_t count,
                                                                  int32_t page_size, fcc_bytes bookmark, fcc_iter **out,
                                                                  fcc_page *page)
{
    fcc_bytes metadata, start, end;
    fcc_status st;

    fcc__enter(stub);
    st = page_request(stub, page_size, bookmark, &metadata);
    if (st == FCC_OK)
        st = partial_range(stub, object_type, attributes, count, &start, &end);
    return fcc__leave(stub, st == FCC_OK ? send_range(stub, NONE, start, end, metadata, out, page) : st);
}

fcc_status fcc_get_all_states_composite_key_with_pagination(fcc_stub *stub, int32_t page_size, fcc_bytes bookmark,
                                                            fcc_iter **out, fcc_page *page)
{
    fcc_bytes metadata;
    fcc_status st;

    fcc__enter(stub);
    st = page_request(stub, page_size, bookmark, &metadata);
    return fcc__leave(
        stub,
        st == FCC_OK ? send_range(stub, NONE, FCC_LIT("\0"), FCC_LIT("\0\xf4\x8f\xbf\xbf"), metadata, out, page) : st);
}

fcc_status fcc_get_query_result(fcc_stub *stub, fcc_bytes query, fcc_iter **out)
{
    return FCC__INSIDE(stub, query_rich(stub, NONE, query, out));
}

fcc_status fcc_get_query_result_with_pagination(fcc_stub *stub, fcc_bytes query, int32_t page_size, fcc_bytes bookmark,
                                                fcc_iter **out, fcc_page *page)
{
    fcc_bytes metadata;
    fcc_status st;

    fcc__enter(stub);
    st = page_request(stub, page_size, bookmark, &metadata);
    return fcc__leave(stub, st == FCC_OK ? send_rich(stub, NONE, query, metadata, out, page) : st);
}

fcc_status fcc_get_history_for_key(fcc_stub *stub, fcc_bytes key, fcc_iter **out)
{
    Protos__GetHistoryForKey request = PROTOS__GET_HISTORY_FOR_KEY__INIT;
    fcc_status st = fcc__check_text(stub, "key", key);

    if (st != FCC_OK)
        return st;
    request.key = fcc__pb(key);
    return FCC__INSIDE(stub, open_query(stub, PROTOS__CHAINCODE_MESSAGE__TYPE__GET_HISTORY_FOR_KEY, &request, out));
}

/* ---- of a collection ---- */

fcc_status fcc_get_private_data_by_range(fcc_stub *stub, fcc_bytes collection, fcc_bytes start, fcc_bytes end,
                                         fcc_iter **out)
{
    fcc_status st = fcc__check_collection(stub, collection);

    return st == FCC_OK ? FCC__INSIDE(stub, query_range(stub, collection, start, end, out)) : st;
}

fcc_status fcc_get_private_data_by_partial_composite_key(fcc_stub *stub, fcc_bytes collection, fcc_bytes object_type,
                                                         const fcc_bytes *attributes, size_t count, fcc_iter **out)
{
    fcc_status st = fcc__check_collection(stub, collection);

    return st == FCC_OK ? FCC__INSIDE(stub, query_partial(stub, collection, object_type, attributes, count, out)) : st;
}

fcc_status fcc_get_private_data_query_result(fcc_stub *stub, fcc_bytes collection, fcc_bytes query, fcc_iter **out)
{
    fcc_status st = fcc__check_collection(stub, collection);

    return st == FCC_OK ? FCC__INSIDE(stub, query_rich(stub, collection, query, out)) : st;
}
