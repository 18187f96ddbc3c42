/*
 * requests.c: what a chaincode may ask of its peer while it runs, each request against the transaction's simulator. Its
 * queries: queries.c.
 * Fabric: core/chaincode/handler.go, Handle*.
 */
#include "peer/internal.h"

#include "protos/unpack.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const char no_init[] = "private data APIs are not allowed in chaincode Init()";
static const char out_of_memory[] = "out of memory";

void peer_unmarshal_failed(peer_reply *reply)
{
    reply->cause = "unmarshal failed: proto: cannot parse invalid wire-format data";
}

/* true: go on. Collections are closed to Init. */
bool peer_may_use(const peer_invocation *i, ProtobufCBinaryData collection, peer_reply *reply)
{
    if (collection.len == 0 || !i->init)
        return true;
    reply->cause = no_init;
    return false;
}

/* Turn a simulator's refusal into the reply's cause. */
bool peer_sim_done(const peer_invocation *i, fcc_status st, peer_reply *reply)
{
    const char *cause;

    if (st == FCC_OK)
        return true;
    cause = ledger_sim_error(i->simulation->sim);
    reply->cause = cause && cause[0] ? cause : fcc_status_text(st);
    return false;
}

void peer_pack_reply(const void *message, fcc__arena *scratch, peer_reply *reply)
{
    if (fcc__pack(message, scratch, &reply->payload) != FCC_OK)
        reply->cause = out_of_memory;
}

/* ---- one key ----------------------------------------------------------------------------------------------------- */

static void get_state(peer_invocation *i, fcc_bytes payload, fcc__arena *scratch, peer_reply *reply)
{
    Protos__GetState *m;

    if (FCC__UNPACK(protos__get_state, payload, scratch, &m) != FCC_OK)
        peer_unmarshal_failed(reply);
    else if (peer_may_use(i, m->collection, reply))
        peer_sim_done(i,
                      ledger_sim_get(i->simulation->sim, i->chaincode, fcc__of_pb(m->collection), fcc__of_pb(m->key),
                                     &reply->payload),
                      reply);
}

static void get_multiple(peer_invocation *i, fcc_bytes payload, fcc__arena *scratch, peer_reply *reply)
{
    Protos__GetStateMultipleResult result = PROTOS__GET_STATE_MULTIPLE_RESULT__INIT;
    Protos__GetStateMultiple *m;
    fcc_bytes *keys, *values;

    if (FCC__UNPACK(protos__get_state_multiple, payload, scratch, &m) != FCC_OK) {
        peer_unmarshal_failed(reply);
        return;
    }
    if (!peer_may_use(i, m->collection, reply))
        return;
    keys = fcc__arena_zalloc(scratch, m->n_keys, sizeof(*keys));
    values = fcc__arena_zalloc(scratch, m->n_keys, sizeof(*values));
    result.values = fcc__arena_zalloc(scratch, m->n_keys, sizeof(*result.values));
    if (!keys || !values || !result.values) {
        reply->cause = out_of_memory;
        return;
    }
    for (size_t k = 0; k < m->n_keys; k++)
        keys[k] = fcc__of_pb(m->keys[k]);
    if (!peer_sim_done(i,
                       ledger_sim_get_multiple(i->simulation->sim, i->chaincode, fcc__of_pb(m->collection), keys,
                                               m->n_keys, values),
                       reply))
        return;
    result.n_values = m->n_keys;
    for (size_t k = 0; k < m->n_keys; k++)
        result.values[k] = fcc__pb(values[k]);
    peer_pack_reply(&result, scratch, reply);
}

static void get_hash(peer_invocation *i, fcc_bytes payload, fcc__arena *scratch, peer_reply *reply)
{
    Protos__GetState *m;

    if (FCC__UNPACK(protos__get_state, payload, scratch, &m) != FCC_OK)
        peer_unmarshal_failed(reply);
    else if (i->init)
        reply->cause = no_init;
    else
        peer_sim_done(i,
                      ledger_sim_get_hash(i->simulation->sim, i->chaincode, fcc__of_pb(m->collection),
                                          fcc__of_pb(m->key), &reply->payload),
                      reply);
}

static void get_metadata(peer_invocation *i, fcc_bytes payload, fcc__arena *scratch, peer_reply *reply)
{
    Protos__StateMetadataResult result = PROTOS__STATE_METADATA_RESULT__INIT;
    Protos__GetStateMetadata *m;
    Protos__StateMetadata *room;
    const ledger_metadata *entries;
    size_t count = 0;

    if (FCC__UNPACK(protos__get_state_metadata, payload, scratch, &m) != FCC_OK) {
        peer_unmarshal_failed(reply);
        return;
    }
    if (!peer_may_use(i, m->collection, reply))
        return;
    if (!peer_sim_done(i,
                       ledger_sim_get_metadata(i->simulation->sim, i->chaincode, fcc__of_pb(m->collection),
                                               fcc__of_pb(m->key), &entries, &count),
                       reply))
        return;
    room = fcc__arena_zalloc(scratch, count, sizeof(*room));
    result.entries = fcc__arena_zalloc(scratch, count, sizeof(*result.entries));
    if (!room || !result.entries) {
        reply->cause = out_of_memory;
        return;
    }
    for (size_t e = 0; e < count; e++) {
        protos__state_metadata__init(&room[e]);
        room[e].metakey = fcc__pb(entries[e].name);
        room[e].value = fcc__pb(entries[e].value);
        result.entries[e] = &room[e];
    }
    result.n_entries = count;
    peer_pack_reply(&result, scratch, reply);
}

/* The four kinds of write, each alone and in a batch. */

static bool put(peer_invocation *i, ProtobufCBinaryData collection, ProtobufCBinaryData key, ProtobufCBinaryData value,
                peer_reply *reply)
{
    return peer_may_use(i, collection, reply) &&
           peer_sim_done(i,
                         ledger_sim_put(i->simulation->sim, i->chaincode, fcc__of_pb(collection), fcc__of_pb(key),
                                        fcc__of_pb(value)),
                         reply);
}

static bool delete_key(peer_invocation *i, ProtobufCBinaryData collection, ProtobufCBinaryData key, peer_reply *reply)
{
    return peer_may_use(i, collection, reply) &&
           peer_sim_done(
               i, ledger_sim_delete(i->simulation->sim, i->chaincode, fcc__of_pb(collection), fcc__of_pb(key)), reply);
}

static bool purge(peer_invocation *i, ProtobufCBinaryData collection, ProtobufCBinaryData key, peer_reply *reply)
{
    if (!msp_channel_application_capability(ledger_channel(i->simulation->host->o.ledger), "V2_5")) {
        reply->cause = "purge private data is not enabled, channel application capability of V2_5 or later is required";
        return false;
    }
    if (collection.len == 0) {
        reply->cause = "only applicable for private data";
        return false;
    }
    return peer_may_use(i, collection, reply) &&
           peer_sim_done(i, ledger_sim_purge(i->simulation->sim, i->chaincode, fcc__of_pb(collection), fcc__of_pb(key)),
                         reply);
}

static bool put_metadata(peer_invocation *i, ProtobufCBinaryData collection, ProtobufCBinaryData key,
                         const Protos__StateMetadata *metadata, peer_reply *reply)
{
    ledger_metadata entry = { { NULL, 0 }, { NULL, 0 } };

    if (metadata) {
        entry.name = fcc__of_pb(metadata->metakey);
        entry.value = fcc__of_pb(metadata->value);
    }
    return peer_may_use(i, collection, reply) &&
           peer_sim_done(i,
                         ledger_sim_put_metadata(i->simulation->sim, i->chaincode, fcc__of_pb(collection),
                                                 fcc__of_pb(key), &entry, 1),
                         reply);
}

static void put_state(peer_invocation *i, fcc_bytes payload, fcc__arena *scratch, peer_reply *reply)
{
    Protos__PutState *m;

    if (FCC__UNPACK(protos__put_state, payload, scratch, &m) != FCC_OK)
        peer_unmarshal_failed(reply);
    else
        put(i, m->collection, m->key, m->value, reply);
}

static void del_state(peer_invocation *i, fcc_bytes payload, fcc__arena *scratch, peer_reply *reply)
{
    Protos__DelState *m;

    if (FCC__UNPACK(protos__del_state, payload, scratch, &m) != FCC_OK)
        peer_unmarshal_failed(reply);
    else
        delete_key(i, m->collection, m->key, reply);
}

static void purge_private(peer_invocation *i, fcc_bytes payload, fcc__arena *scratch, peer_reply *reply)
{
    Protos__PurgePrivateState *m;

    if (FCC__UNPACK(protos__purge_private_state, payload, scratch, &m) != FCC_OK)
        peer_unmarshal_failed(reply);
    else
        purge(i, m->collection, m->key, reply);
}

static void put_state_metadata(peer_invocation *i, fcc_bytes payload, fcc__arena *scratch, peer_reply *reply)
{
    Protos__PutStateMetadata *m;

    if (FCC__UNPACK(protos__put_state_metadata, payload, scratch, &m) != FCC_OK)
        peer_unmarshal_failed(reply);
    else
        put_metadata(i, m->collection, m->key, m->metadata, reply);
}

static void write_batch(peer_invocation *i, fcc_bytes payload, fcc__arena *scratch, peer_reply *reply)
{
    Protos__WriteBatchState *m;

    if (FCC__UNPACK(protos__write_batch_state, payload, scratch, &m) != FCC_OK) {
        peer_unmarshal_failed(reply);
        return;
    }
    for (size_t r = 0; r < m->n_rec; r++) {
        const Protos__WriteRecord *record = m->rec[r];
        bool written = false;

        switch (record->type) {
        case PROTOS__WRITE_RECORD__TYPE__PUT_STATE:
            written = put(i, record->collection, record->key, record->value, reply);
            break;
        case PROTOS__WRITE_RECORD__TYPE__DEL_STATE:
            written = delete_key(i, record->collection, record->key, reply);
            break;
        case PROTOS__WRITE_RECORD__TYPE__PURGE_PRIVATE_DATA:
            written = purge(i, record->collection, record->key, reply);
            break;
        case PROTOS__WRITE_RECORD__TYPE__PUT_STATE_METADATA:
            written = put_metadata(i, record->collection, record->key, record->metadata, reply);
            break;
        default:
            reply->cause = "unknown operation type";
        }
        if (!written)
            return;
    }
}

/* ---- another chaincode ------------------------------------------------------------------------------------------- */

/* The one that was called has ended: its last message, whole, is the caller's answer. */
static void child_ended(void *ctx, const peer_final *final)
{
    peer_invocation *i = ctx;
    const peer_proposal *p = i->simulation->proposal;
    peer_session *s = i->session;
    const char *cause;

    i->busy = false;
    if (final->failure) {
        cause = fcc__arena_printf(i->simulation->arena, "execute failed: %s", final->failure);
        peer_session_refuse(s, p->channel, p->txid, PROTOS__CHAINCODE_MESSAGE__TYPE__INVOKE_CHAINCODE,
                            cause ? cause : out_of_memory);
    } else
        peer_session_answer(s, p->channel, p->txid, PROTOS__CHAINCODE_MESSAGE__TYPE__RESPONSE, final->wire);
}

/* "name:version/channel": the version is ignored. */
static void parse_target(fcc_bytes text, fcc_bytes *name, fcc_bytes *channel)
{
    const uint8_t *slash = text.len ? memchr(text.data, '/', text.len) : NULL;
    const uint8_t *colon;

    *channel = fcc_bytes_of("", 0);
    *name = text;
    if (slash) {
        *channel = fcc_bytes_of(slash + 1, text.len - (size_t)(slash + 1 - text.data));
        name->len = (size_t)(slash - text.data);
    }
    colon = name->len ? memchr(name->data, ':', name->len) : NULL;
    if (colon)
        name->len = (size_t)(colon - name->data);
}

static void invoke_chaincode(peer_invocation *i, fcc_bytes payload, fcc__arena *scratch, peer_reply *reply)
{
    peer_simulation *sim = i->simulation;
    Protos__ChaincodeSpec *spec;
    peer_invocation *child;
    fcc_bytes name, channel;
    fcc_status st;

    /* in the transaction's memory: the called chaincode outlives this message */
    st = FCC__UNPACK(protos__chaincode_spec, payload, sim->arena, &spec);
    if (st != FCC_OK || !spec->chaincode_id || !spec->input) {
        peer_unmarshal_failed(reply);
        return;
    }
    parse_target(fcc__of_pb(spec->chaincode_id->name), &name, &channel);
    if (channel.len != 0 && !fcc_bytes_equal(channel, sim->proposal->channel)) {
        reply->cause = fcc__arena_printf(scratch, "Failed to get policy manager for channel [" FCC_FMT "]",
                                         FCC_ARG(channel));
        if (!reply->cause)
            reply->cause = out_of_memory;
        return;
    }
    spec->input->is_init = false;
    i->busy = true;
    reply->later = true;
    peer_invoke(sim, name, spec->input, i, child_ended, i, &child);
    if (child)
        i->child = child;
}

void peer_serve(peer_invocation *i, const Protos__ChaincodeMessage *request, fcc__arena *scratch, peer_reply *reply)
{
    static const struct {
        Protos__ChaincodeMessage__Type type;
        void (*serve)(peer_invocation *i, fcc_bytes payload, fcc__arena *scratch, peer_reply *reply);
    } requests[] = {
        { PROTOS__CHAINCODE_MESSAGE__TYPE__GET_STATE, get_state },
        { PROTOS__CHAINCODE_MESSAGE__TYPE__GET_STATE_MULTIPLE, get_multiple },
        { PROTOS__CHAINCODE_MESSAGE__TYPE__GET_PRIVATE_DATA_HASH, get_hash },
        { PROTOS__CHAINCODE_MESSAGE__TYPE__GET_STATE_METADATA, get_metadata },
        { PROTOS__CHAINCODE_MESSAGE__TYPE__PUT_STATE, put_state },
        { PROTOS__CHAINCODE_MESSAGE__TYPE__DEL_STATE, del_state },
        { PROTOS__CHAINCODE_MESSAGE__TYPE__PURGE_PRIVATE_DATA, purge_private },
        { PROTOS__CHAINCODE_MESSAGE__TYPE__PUT_STATE_METADATA, put_state_metadata },
        { PROTOS__CHAINCODE_MESSAGE__TYPE__WRITE_BATCH_STATE, write_batch },
        { PROTOS__CHAINCODE_MESSAGE__TYPE__GET_STATE_BY_RANGE, peer_get_range },
        { PROTOS__CHAINCODE_MESSAGE__TYPE__GET_QUERY_RESULT, peer_get_query_result },
        { PROTOS__CHAINCODE_MESSAGE__TYPE__GET_HISTORY_FOR_KEY, peer_get_history },
        { PROTOS__CHAINCODE_MESSAGE__TYPE__QUERY_STATE_NEXT, peer_query_next },
        { PROTOS__CHAINCODE_MESSAGE__TYPE__QUERY_STATE_CLOSE, peer_query_close },
        { PROTOS__CHAINCODE_MESSAGE__TYPE__INVOKE_CHAINCODE, invoke_chaincode },
    };

    for (size_t k = 0; k < sizeof(requests) / sizeof(requests[0]); k++)
        if (requests[k].type == request->type) {
            requests[k].serve(i, fcc__of_pb(request->payload), scratch, reply);
            return;
        }
    reply->cause = "unknown request";
}
