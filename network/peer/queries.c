/*
 * queries.c: a chaincode's queries: ranges, rich queries, histories, and the pages that it gets of them.
 * Fabric: core/chaincode/handler.go, Handle*; core/chaincode/query_response_generator.go.
 */
#include "peer/internal.h"

#include "protos/unpack.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const char out_of_memory[] = "out of memory";

static void close_iterator(peer_invocation *i, peer_iterator *it)
{
    peer_iterator **link = &i->iterators;

    while (*link && *link != it)
        link = &(*link)->next;
    if (*link)
        *link = it->next;
    ledger_iter_close(it->iter);
    free(it);
}

void peer_iterators_close(peer_invocation *i)
{
    while (i->iterators)
        close_iterator(i, i->iterators);
}

static peer_iterator *find_iterator(const peer_invocation *i, fcc_bytes id)
{
    for (peer_iterator *it = i->iterators; it; it = it->next)
        if (fcc_bytes_equal(fcc_str(it->id), id))
            return it;
    return NULL;
}

/* The next batch of an iterator as a QueryResponse. */
static void answer_page(peer_invocation *i, peer_iterator *it, fcc__arena *scratch, peer_reply *reply)
{
    Protos__QueryResponse response = PROTOS__QUERY_RESPONSE__INIT;
    Protos__QueryResponseMetadata metadata = PROTOS__QUERY_RESPONSE_METADATA__INIT;
    Protos__QueryResultBytes *room;
    ledger_page page;
    fcc_bytes packed;
    char id[sizeof(it->id)];

    memcpy(id, it->id, sizeof(id));
    if (!peer_sim_done(i, ledger_iter_page(it->iter, scratch, &page), reply)) {
        close_iterator(i, it);
        return;
    }
    if (!page.has_more)
        close_iterator(i, it);
    room = fcc__arena_zalloc(scratch, page.count, sizeof(*room));
    response.results = fcc__arena_zalloc(scratch, page.count, sizeof(*response.results));
    if (!room || !response.results) {
        reply->cause = out_of_memory;
        return;
    }
    for (size_t r = 0; r < page.count; r++) {
        protos__query_result_bytes__init(&room[r]);
        room[r].resultbytes = fcc__pb(page.results[r]);
        response.results[r] = &room[r];
    }
    response.n_results = page.count;
    response.has_more = page.has_more;
    response.id = fcc__pb(fcc_str(id));
    if (page.paginated) {
        metadata.fetched_records_count = page.fetched;
        metadata.bookmark = fcc__pb(page.bookmark);
        if (fcc__pack(&metadata, scratch, &packed) != FCC_OK) {
            reply->cause = out_of_memory;
            return;
        }
        response.metadata = fcc__pb(packed);
    }
    peer_pack_reply(&response, scratch, reply);
}

/* Take the iterator over and answer its first batch. */
static void answer_query(peer_invocation *i, ledger_iter *iter, fcc__arena *scratch, peer_reply *reply)
{
    peer_iterator *it = calloc(1, sizeof(*it));

    if (!it) {
        ledger_iter_close(iter);
        reply->cause = out_of_memory;
        return;
    }
    snprintf(it->id, sizeof(it->id), "q%016" PRIx64, ++i->simulation->host->iterators);
    it->iter = iter;
    it->next = i->iterators;
    i->iterators = it;
    answer_page(i, it, scratch, reply);
}

static bool query_metadata(ProtobufCBinaryData wire, fcc__arena *scratch, Protos__QueryMetadata **out,
                           peer_reply *reply)
{
    if (FCC__UNPACK(protos__query_metadata, fcc__of_pb(wire), scratch, out) == FCC_OK)
        return true;
    peer_unmarshal_failed(reply);
    return false;
}

void peer_get_range(peer_invocation *i, fcc_bytes payload, fcc__arena *scratch, peer_reply *reply)
{
    Protos__GetStateByRange *m;
    Protos__QueryMetadata *metadata;
    ledger_iter *iter;

    if (FCC__UNPACK(protos__get_state_by_range, payload, scratch, &m) != FCC_OK) {
        peer_unmarshal_failed(reply);
        return;
    }
    if (!query_metadata(m->metadata, scratch, &metadata, reply) || !peer_may_use(i, m->collection, reply))
        return;
    if (peer_sim_done(i,
                      ledger_sim_range(i->simulation->sim, i->chaincode, fcc__of_pb(m->collection),
                                       fcc__of_pb(m->startkey), fcc__of_pb(m->endkey), metadata->pagesize,
                                       fcc__of_pb(metadata->bookmark), &iter),
                      reply))
        answer_query(i, iter, scratch, reply);
}

/* The state database is ordered by key and has no query language, like Fabric's LevelDB. */
void peer_get_query_result(peer_invocation *i, fcc_bytes payload, fcc__arena *scratch, peer_reply *reply)
{
    Protos__GetQueryResult *m;
    Protos__QueryMetadata *metadata;

    if (FCC__UNPACK(protos__get_query_result, payload, scratch, &m) != FCC_OK) {
        peer_unmarshal_failed(reply);
        return;
    }
    if (!query_metadata(m->metadata, scratch, &metadata, reply) || !peer_may_use(i, m->collection, reply))
        return;
    reply->cause = m->collection.len == 0 && (metadata->pagesize != 0 || metadata->bookmark.len != 0)
                       ? "ExecuteQueryWithMetadata not supported for leveldb"
                       : "ExecuteQuery not supported for leveldb";
}

void peer_get_history(peer_invocation *i, fcc_bytes payload, fcc__arena *scratch, peer_reply *reply)
{
    Protos__GetHistoryForKey *m;
    ledger_iter *iter;

    if (FCC__UNPACK(protos__get_history_for_key, payload, scratch, &m) != FCC_OK)
        peer_unmarshal_failed(reply);
    else if (peer_sim_done(i, ledger_sim_history(i->simulation->sim, i->chaincode, fcc__of_pb(m->key), &iter), reply))
        answer_query(i, iter, scratch, reply);
}

void peer_query_next(peer_invocation *i, fcc_bytes payload, fcc__arena *scratch, peer_reply *reply)
{
    Protos__QueryStateNext *m;
    peer_iterator *it;

    if (FCC__UNPACK(protos__query_state_next, payload, scratch, &m) != FCC_OK) {
        peer_unmarshal_failed(reply);
        return;
    }
    it = find_iterator(i, fcc__of_pb(m->id));
    if (it)
        answer_page(i, it, scratch, reply);
    else
        reply->cause = "query iterator not found";
}

void peer_query_close(peer_invocation *i, fcc_bytes payload, fcc__arena *scratch, peer_reply *reply)
{
    Protos__QueryResponse response = PROTOS__QUERY_RESPONSE__INIT;
    Protos__QueryStateClose *m;
    peer_iterator *it;

    if (FCC__UNPACK(protos__query_state_close, payload, scratch, &m) != FCC_OK) {
        peer_unmarshal_failed(reply);
        return;
    }
    it = find_iterator(i, fcc__of_pb(m->id));
    if (it)
        close_iterator(i, it);
    response.id = m->id;
    peer_pack_reply(&response, scratch, reply);
}
