/*
 * trace.c: what a chaincode asks of its peer, read from its messages, for people and for tests that compare it.
 */
#include "testing/internal.h"

#include "protos/unpack.h"

#include "peer/chaincode.pb-c.h"
#include "peer/chaincode_shim.pb-c.h"

static void note(fcc_test *t, const testing_link *link, const char *word, ProtobufCBinaryData collection,
                 ProtobufCBinaryData key)
{
    fcc__buf_puts(&t->trace, link->chaincode->name);
    fcc__buf_putc(&t->trace, ' ');
    fcc__buf_puts(&t->trace, word);
    fcc__buf_putc(&t->trace, ' ');
    if (collection.len)
        fcc__buf_add(&t->trace, fcc__of_pb(collection));
    else
        fcc__buf_putc(&t->trace, '-');
    fcc__buf_putc(&t->trace, ' ');
    ledger_show_key(&t->trace, fcc__of_pb(key));
    fcc__buf_putc(&t->trace, '\n');
    if (collection.len && key.len) {
        testing_plain *plain = testing_memory(fcc__arena_zalloc(t->arena, 1, sizeof(*plain)));

        if (!fcc__arena_copy(t->arena, fcc__of_pb(key), &plain->key))
            testing_die("out of memory");
        plain->next = t->plain;
        t->plain = plain;
    }
}

static const char *word_of(Protos__WriteRecord__Type type)
{
    return type == PROTOS__WRITE_RECORD__TYPE__PUT_STATE            ? "put"
           : type == PROTOS__WRITE_RECORD__TYPE__DEL_STATE          ? "del"
           : type == PROTOS__WRITE_RECORD__TYPE__PURGE_PRIVATE_DATA ? "purge"
                                                                    : "metadata";
}

#define UNPACK_AS(lower, out) (FCC__UNPACK(lower, payload, arena, &(out)) == FCC_OK)

static void trace(fcc_test *t, const testing_link *link, const Protos__ChaincodeMessage *m, fcc__arena *arena)
{
    const ProtobufCBinaryData none = { 0, NULL };
    fcc_bytes payload = fcc__of_pb(m->payload);
    Protos__GetState *get;
    Protos__PutState *put;
    Protos__DelState *del;
    Protos__PurgePrivateState *purge;
    Protos__GetStateMultiple *multiple;
    Protos__WriteBatchState *batch;
    Protos__GetStateByRange *range;
    Protos__GetQueryResult *query;
    Protos__GetHistoryForKey *history;
    Protos__GetStateMetadata *metadata;
    Protos__PutStateMetadata *set;
    Protos__ChaincodeSpec *spec;

    switch (m->type) {
    case PROTOS__CHAINCODE_MESSAGE__TYPE__GET_STATE:
    case PROTOS__CHAINCODE_MESSAGE__TYPE__GET_PRIVATE_DATA_HASH:
        if (UNPACK_AS(protos__get_state, get))
            note(t, link, m->type == PROTOS__CHAINCODE_MESSAGE__TYPE__GET_STATE ? "get" : "hash", get->collection,
                 get->key);
        break;
    case PROTOS__CHAINCODE_MESSAGE__TYPE__PUT_STATE:
        if (UNPACK_AS(protos__put_state, put))
            note(t, link, "put", put->collection, put->key);
        break;
    case PROTOS__CHAINCODE_MESSAGE__TYPE__DEL_STATE:
        if (UNPACK_AS(protos__del_state, del))
            note(t, link, "del", del->collection, del->key);
        break;
    case PROTOS__CHAINCODE_MESSAGE__TYPE__PURGE_PRIVATE_DATA:
        if (UNPACK_AS(protos__purge_private_state, purge))
            note(t, link, "purge", purge->collection, purge->key);
        break;
    case PROTOS__CHAINCODE_MESSAGE__TYPE__GET_STATE_MULTIPLE:
        if (UNPACK_AS(protos__get_state_multiple, multiple))
            for (size_t i = 0; i < multiple->n_keys; i++)
                note(t, link, "get", multiple->collection, multiple->keys[i]);
        break;
    case PROTOS__CHAINCODE_MESSAGE__TYPE__WRITE_BATCH_STATE:
        if (UNPACK_AS(protos__write_batch_state, batch))
            for (size_t i = 0; i < batch->n_rec; i++)
                note(t, link, word_of(batch->rec[i]->type), batch->rec[i]->collection, batch->rec[i]->key);
        break;
    case PROTOS__CHAINCODE_MESSAGE__TYPE__GET_STATE_BY_RANGE:
        if (UNPACK_AS(protos__get_state_by_range, range))
            note(t, link, "range", range->collection, range->startkey);
        break;
    case PROTOS__CHAINCODE_MESSAGE__TYPE__GET_QUERY_RESULT:
        if (UNPACK_AS(protos__get_query_result, query))
            note(t, link, "query", query->collection, query->query);
        break;
    case PROTOS__CHAINCODE_MESSAGE__TYPE__GET_HISTORY_FOR_KEY:
        if (UNPACK_AS(protos__get_history_for_key, history))
            note(t, link, "history", none, history->key);
        break;
    case PROTOS__CHAINCODE_MESSAGE__TYPE__GET_STATE_METADATA:
        if (UNPACK_AS(protos__get_state_metadata, metadata))
            note(t, link, "metadata", metadata->collection, metadata->key);
        break;
    case PROTOS__CHAINCODE_MESSAGE__TYPE__PUT_STATE_METADATA:
        if (UNPACK_AS(protos__put_state_metadata, set))
            note(t, link, "metadata", set->collection, set->key);
        break;
    case PROTOS__CHAINCODE_MESSAGE__TYPE__INVOKE_CHAINCODE:
        if (UNPACK_AS(protos__chaincode_spec, spec) && spec->chaincode_id)
            note(t, link, "call", none, spec->chaincode_id->name);
        break;
    default:
        break; /* paging, and the ends of the conversation */
    }
}

void testing_trace(fcc_test *t, const testing_link *link, fcc_bytes message)
{
    Protos__ChaincodeMessage *m;

    if (FCC__UNPACK(protos__chaincode_message, message, t->scratch, &m) == FCC_OK)
        trace(t, link, m, t->scratch);
    fcc__arena_reset(t->scratch);
}
