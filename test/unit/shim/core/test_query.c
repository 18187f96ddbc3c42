/* Iterators and their paging, composite keys, and the messages of queries. */
#include "peer.h"

#include "ledger/queryresult/kv_query_result.pb-c.h"

static fcc_handler current;

static fcc_status run_current(fcc_stub *stub, fcc_args args)
{
    return current(stub, args);
}

static const fcc_function functions[] = { { "run", run_current, FCC_ANY_ARGS } };
static const fcc_chaincode chaincode = { functions, 1, NULL, NULL, NULL };

static void open_ready(struct peer *p, fcc_handler handler)
{
    current = handler;
    peer_open(p, &chaincode, (fcc__session_options){ 0 });
    peer_ready(p, NONE);
}

/* `count` elements k<from>=v<from>, k<from+1>=..., as a QueryResponse. */
static fcc_bytes page_of(struct peer *p, unsigned from, unsigned count, bool has_more, fcc_bytes metadata)
{
    Protos__QueryResponse response = PROTOS__QUERY_RESPONSE__INIT;
    Protos__QueryResultBytes *elements = fcc__arena_zalloc(p->arena, count, sizeof(*elements));
    Protos__QueryResultBytes **list = fcc__arena_zalloc(p->arena, count, sizeof(*list));

    for (unsigned i = 0; i < count; i++) {
        Queryresult__KV kv = QUERYRESULT__KV__INIT;

        protos__query_result_bytes__init(&elements[i]);
        kv.namespace_ = fcc__pb(FCC_LIT("cc"));
        kv.key = fcc__pb(fcc_str(fcc__arena_printf(p->arena, "k%u", from + i)));
        kv.value = fcc__pb(fcc_str(fcc__arena_printf(p->arena, "v%u", from + i)));
        elements[i].resultbytes = fcc__pb(peer_pack(p, &kv));
        list[i] = &elements[i];
    }
    response.results = list;
    response.n_results = count;
    response.has_more = has_more;
    response.id = fcc__pb(FCC_LIT("query-1"));
    response.metadata = fcc__pb(metadata);
    return peer_pack(p, &response);
}

static fcc_status scan(fcc_stub *stub, fcc_args args)
{
    unsigned n = 0, limit = args.n ? (unsigned)atoi((const char *)args.v[0].data) : UINT32_MAX;
    fcc_iter *it;
    fcc_kv kv;
    char text[32];
    fcc_status st = fcc_get_state_by_range(stub, NONE, FCC_LIT("z"), &it);

    while (st == FCC_OK && n < limit && fcc_iter_has_next(it)) {
        st = fcc_iter_next(it, &kv);
        if (st != FCC_OK)
            break;
        /* the element outlives the fetch of the page behind it */
        snprintf(text, sizeof(text), "k%u", n);
        assert_text(kv.key, text);
        snprintf(text, sizeof(text), "v%u", n++);
        assert_text(kv.value, text);
        assert_text(kv.ns, "cc");
    }
    if (st == FCC_OK && limit == UINT32_MAX) {
        assert_int_equal(fcc_iter_next(it, &kv), FCC_ERR_ARG);
        assert_text(fcc_error_text(stub), "no such key");
    }
    if (st == FCC_OK)
        st = fcc_iter_close(it);
    if (st == FCC_OK)
        st = fcc_iter_close(it); /* a second time is nothing */
    snprintf(text, sizeof(text), "%u", n);
    return st == FCC_OK ? fcc_reply(stub, fcc_str(text)) : st;
}

static void pages_are_fetched_when_the_last_element_is_handed_out(void **state)
{
    struct peer p;
    Protos__GetStateByRange *range;
    Protos__QueryStateNext *next;
    Protos__QueryStateClose *end;

    open_ready(&p, scan);
    peer_call(&p, "tx1", "run");
    PEER_PAYLOAD(&p, protos__get_state_by_range, peer_take_type(&p, TYPE(GET_STATE_BY_RANGE)), &range);
    assert_bytes(fcc__of_pb(range->startkey), FCC_LIT("\x01"));
    assert_text(fcc__of_pb(range->endkey), "z");
    assert_int_equal(range->metadata.len, 0);
    peer_respond(&p, "tx1", page_of(&p, 0, 100, true, NONE));
    for (unsigned i = 1; i < 30; i++) {
        PEER_PAYLOAD(&p, protos__query_state_next, peer_take_type(&p, TYPE(QUERY_STATE_NEXT)), &next);
        assert_text(fcc__of_pb(next->id), "query-1");
        peer_respond(&p, "tx1", page_of(&p, 100 * i, 100, i < 29, NONE));
    }
    PEER_PAYLOAD(&p, protos__query_state_close, peer_take_type(&p, TYPE(QUERY_STATE_CLOSE)), &end);
    assert_text(fcc__of_pb(end->id), "query-1");
    peer_respond(&p, "tx1", page_of(&p, 0, 0, false, NONE));
    peer_expect(&p, "tx1", 200, "", "3000");
    peer_close(&p);
}

static void stopping_before_the_pages_end_fetches_nothing(void **state)
{
    struct peer p;

    open_ready(&p, scan);
    peer_call(&p, "tx1", "run", "99");
    peer_take_type(&p, TYPE(GET_STATE_BY_RANGE));
    peer_respond(&p, "tx1", page_of(&p, 0, 100, true, NONE));
    peer_take_type(&p, TYPE(QUERY_STATE_CLOSE));
    peer_respond(&p, "tx1", NONE);
    peer_expect(&p, "tx1", 200, "", "99");
    peer_close(&p);
}

static void an_empty_range_has_nothing_to_give(void **state)
{
    struct peer p;

    open_ready(&p, scan);
    peer_call(&p, "tx1", "run");
    peer_take(&p);
    peer_respond(&p, "tx1", NONE);
    peer_take_type(&p, TYPE(QUERY_STATE_CLOSE));
    peer_respond(&p, "tx1", NONE);
    peer_expect(&p, "tx1", 200, "", "0");
    peer_close(&p);
}

static void an_answer_that_cannot_be_read_fails_the_query(void **state)
{
    struct peer p;

    open_ready(&p, scan);
    peer_call(&p, "transaction", "run");
    peer_take(&p);
    peer_respond(&p, "transaction", FCC_LIT("\x0a\x7f"));
    peer_expect(&p, "transaction", 500, "[transact] GetStateByRangeResponse unmarshall error", "");
    peer_close(&p);
}

static void a_refused_page_fails_the_scan(void **state)
{
    struct peer p;

    open_ready(&p, scan);
    peer_call(&p, "tx1", "run");
    peer_take(&p);
    peer_respond(&p, "tx1", page_of(&p, 0, 1, true, NONE));
    peer_take_type(&p, TYPE(QUERY_STATE_NEXT));
    peer_refuse(&p, "tx1", "query iterator not found");
    peer_expect(&p, "tx1", 500, "query iterator not found", "");
    peer_close(&p);
}

static fcc_status scan_and_close(fcc_stub *stub, fcc_args args)
{
    fcc_iter *it;
    fcc_kv kv;
    fcc_status st = fcc_get_state_by_range(stub, NONE, FCC_LIT("z"), &it);

    while (st == FCC_OK && fcc_iter_has_next(it))
        st = fcc_iter_next(it, &kv);
    (void)fcc_iter_close(it);
    return st;
}

static void what_failed_first_is_told_when_closing_fails_too(void **state)
{
    struct peer p;

    open_ready(&p, scan_and_close);
    peer_call(&p, "tx1", "run");
    peer_take(&p);
    peer_respond(&p, "tx1", page_of(&p, 0, 1, true, NONE));
    peer_take_type(&p, TYPE(QUERY_STATE_NEXT));
    peer_refuse(&p, "tx1", "the database is gone");
    peer_take_type(&p, TYPE(QUERY_STATE_CLOSE));
    peer_refuse(&p, "tx1", "so it is");
    peer_expect(&p, "tx1", 500, "the database is gone", "");
    peer_close(&p);
}

static fcc_status page(fcc_stub *stub, fcc_args args)
{
    fcc_iter *it;
    fcc_page facts;
    fcc_status st = fcc_get_state_by_range_with_pagination(stub, FCC_LIT("a"), NONE, 7, FCC_LIT("mark"), &it, &facts);

    if (st != FCC_OK)
        return st;
    assert_int_equal(facts.fetched, 3);
    return fcc_reply(stub, facts.bookmark);
}

static void a_page_is_asked_for_and_told_with_its_bookmark(void **state)
{
    Protos__QueryResponseMetadata facts = PROTOS__QUERY_RESPONSE_METADATA__INIT;
    Protos__GetStateByRange *range;
    Protos__QueryMetadata *asked;
    struct peer p;

    open_ready(&p, page);
    peer_call(&p, "tx1", "run");
    PEER_PAYLOAD(&p, protos__get_state_by_range, peer_take(&p), &range);
    assert_int_equal(FCC__UNPACK(protos__query_metadata, fcc__of_pb(range->metadata), p.arena, &asked), FCC_OK);
    assert_int_equal(asked->pagesize, 7);
    assert_text(fcc__of_pb(asked->bookmark), "mark");
    facts.fetched_records_count = 3;
    facts.bookmark = fcc__pb(FCC_LIT("next"));
    peer_respond(&p, "tx1", page_of(&p, 0, 3, false, peer_pack(&p, &facts)));
    peer_expect(&p, "tx1", 200, "", "next"); /* its iterator was left open: the peer closes it */
    peer_close(&p);
}

static fcc_status history(fcc_stub *stub, fcc_args args)
{
    fcc_key_modification m;
    fcc_iter *it;
    fcc_kv kv;
    fcc_status st = fcc_get_history_for_key(stub, FCC_LIT("k"), &it);

    if (st != FCC_OK)
        return st;
    assert_int_equal(fcc_iter_next(it, &kv), FCC_ERR_ARG);
    assert_text(fcc_error_text(stub), "wrong result type");
    st = fcc_iter_next_modification(it, &m);
    if (st != FCC_OK)
        return st;
    assert_text(m.tx_id, "old");
    assert_true(m.is_delete);
    assert_int_equal(m.seconds, 12);
    assert_false(fcc_iter_has_next(it));
    return fcc_iter_close(it);
}

static void history_gives_modifications(void **state)
{
    Queryresult__KeyModification m = QUERYRESULT__KEY_MODIFICATION__INIT;
    Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    Protos__QueryResultBytes element = PROTOS__QUERY_RESULT_BYTES__INIT, *list[] = { &element };
    Protos__QueryResponse response = PROTOS__QUERY_RESPONSE__INIT;
    struct peer p;

    open_ready(&p, history);
    peer_call(&p, "tx1", "run");
    peer_take_type(&p, TYPE(GET_HISTORY_FOR_KEY));
    time.seconds = 12;
    m.tx_id = fcc__pb(FCC_LIT("old"));
    m.is_delete = true;
    m.timestamp = &time;
    element.resultbytes = fcc__pb(peer_pack(&p, &m));
    response.results = list;
    response.n_results = 1;
    peer_respond(&p, "tx1", peer_pack(&p, &response));
    peer_take_type(&p, TYPE(QUERY_STATE_CLOSE));
    peer_respond(&p, "tx1", NONE);
    peer_expect(&p, "tx1", 200, "", "");
    peer_close(&p);
}

/* ---- composite keys ---- */

static fcc_status composite(fcc_stub *stub, fcc_args args)
{
    const fcc_bytes attributes[] = { FCC_LIT("a"), NONE, FCC_LIT("\xc3\xa9") };
    const fcc_bytes zero[] = { FCC_LIT("a\0") }, last[] = { FCC_LIT("\xc3\xa9\xf4\x8f\xbf\xbf") };
    const fcc_bytes *parts;
    fcc_bytes key, type;
    fcc_iter *it;
    size_t n;

    assert_int_equal(fcc_create_composite_key(stub, FCC_LIT("T"), attributes, 3, &key), FCC_OK);
    assert_bytes(key, FCC_LIT("\0T\0a\0\0\xc3\xa9\0"));
    assert_int_equal(fcc_split_composite_key(stub, key, &type, &parts, &n), FCC_OK);
    assert_text(type, "T");
    assert_int_equal(n, 3);
    for (size_t i = 0; i < n; i++)
        assert_bytes(parts[i], attributes[i]);
    assert_int_equal(fcc_create_composite_key(stub, NONE, NULL, 0, &key), FCC_OK);
    assert_bytes(key, FCC_LIT("\0\0"));
    assert_int_equal(fcc_split_composite_key(stub, NONE, &type, &parts, &n), FCC_ERR_ARG);
    assert_int_equal(fcc_split_composite_key(stub, FCC_LIT("abc"), &type, &parts, &n), FCC_ERR_ARG);
    assert_int_equal(fcc_create_composite_key(stub, FCC_LIT("T\xff"), NULL, 0, &key), FCC_ERR_ARG);
    assert_text(fcc_error_text(stub), "not a valid utf8 string: [54ff]");
    assert_int_equal(fcc_create_composite_key(stub, FCC_LIT("T"), zero, 1, &key), FCC_ERR_ARG);
    assert_text(fcc_error_text(stub), "input contains unicode U+0000 starting at position [1]. U+0000 and U+10FFFF are "
                                      "not allowed in the input attribute of a composite key");
    assert_int_equal(fcc_create_composite_key(stub, FCC_LIT("T"), last, 1, &key), FCC_ERR_ARG);
    assert_text(fcc_error_text(stub),
                "input contains unicode U+10FFFF starting at position [2]. U+0000 and U+10FFFF are "
                "not allowed in the input attribute of a composite key");
    return fcc_get_state_by_partial_composite_key(stub, FCC_LIT("T"), attributes, 1, &it);
}

static void composite_keys_are_made_checked_split_and_searched_by_prefix(void **state)
{
    Protos__GetStateByRange *range;
    struct peer p;

    open_ready(&p, composite);
    peer_call(&p, "tx1", "run");
    PEER_PAYLOAD(&p, protos__get_state_by_range, peer_take_type(&p, TYPE(GET_STATE_BY_RANGE)), &range);
    assert_bytes(fcc__of_pb(range->startkey), FCC_LIT("\0T\0a\0"));
    assert_bytes(fcc__of_pb(range->endkey), FCC_LIT("\0T\0a\0\xf4\x8f\xbf\xbf"));
    peer_respond(&p, "tx1", NONE);
    peer_expect(&p, "tx1", 200, "", "");
    peer_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_are_fetched_when_the_last_element_is_handed_out),
        cmocka_unit_test(stopping_before_the_pages_end_fetches_nothing),
        cmocka_unit_test(an_empty_range_has_nothing_to_give),
        cmocka_unit_test(an_answer_that_cannot_be_read_fails_the_query),
        cmocka_unit_test(a_refused_page_fails_the_scan),
        cmocka_unit_test(what_failed_first_is_told_when_closing_fails_too),
        cmocka_unit_test(a_page_is_asked_for_and_told_with_its_bookmark),
        cmocka_unit_test(history_gives_modifications),
        cmocka_unit_test(composite_keys_are_made_checked_split_and_searched_by_prefix),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
