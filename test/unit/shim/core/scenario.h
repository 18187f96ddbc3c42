/*
 * scenario.h: a whole conversation with a peer that answers by itself, every kind of stub call in it, so that a test can
 * disturb it at each message in turn. Whatever is done to it, every handler that began ends.
 */
#ifndef TEST_UNIT_SHIM_CORE_SCENARIO_H
#define TEST_UNIT_SHIM_CORE_SCENARIO_H

#include "core/session.h"

#include "base/arena.h"
#include "base/require.h"
#include "protos/unpack.h"

#include "ledger/queryresult/kv_query_result.pb-c.h"
#include "peer/chaincode.pb-c.h"
#include "peer/chaincode_shim.pb-c.h"
#include "peer/proposal_response.pb-c.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TYPE(name) PROTOS__CHAINCODE_MESSAGE__TYPE__##name
#define NONE fcc_bytes_of(NULL, 0)

enum {
    PLAY_QUEUE = 256,
    PLAY_LARGE = 70 * 1024, /* above FCC__LARGE_BYTES */
    PLAY_TRANSACTIONS = 5,  /* INIT, and one of each function */
};

typedef enum disturbance { UNDISTURBED, LEAVE, FREE, TWICE, REPLACE, INSERT } disturbance;

struct play {
    /* what is done, and at which message to the session */
    disturbance disturbance;
    size_t at;
    fcc_bytes wire; /* for REPLACE and INSERT */

    fcc__session *session;
    fcc__co_pool *stacks;
    fcc__arena *arena;
    fcc_bytes queue[PLAY_QUEUE]; /* what the peer says */
    size_t queued;
    size_t said;
    size_t answered; /* transactions that ended with COMPLETED or ERROR */
    size_t completed;
    bool closed;
    bool begun;
    bool exhausted;            /* the session has told that there is no memory */
    void (*failures)(bool on); /* NULL, or: told where allocations are the session's, and where they are not */
};

/* Handlers count themselves: all that begin must end. */
static struct {
    size_t begun, ended;
    bool gone;      /* the stream is: calls must say so */
    size_t wrongly; /* calls that did not */
} play_handlers;

/* ---- the chaincode ---- */

static inline fcc_status play_checked(fcc_status st)
{
    if (play_handlers.gone && st != FCC_ERR_IO)
        play_handlers.wrongly++;
    return st;
}

#define TRY(call)                \
    do {                         \
        st = play_checked(call); \
        if (st != FCC_OK)        \
            goto out;            \
    } while (0)

static inline fcc_status play_values(fcc_stub *stub, fcc_args args)
{
    const fcc_bytes keys[3] = { FCC_LIT("a"), FCC_LIT("b"), FCC_LIT("c") };
    const fcc_bytes *values;
    fcc_bytes value, composite, type;
    const fcc_bytes *attributes;
    fcc_status st;
    size_t count;

    play_handlers.begun++;
    TRY(fcc_get_state(stub, FCC_LIT("k"), &value));
    TRY(fcc_put_state(stub, FCC_LIT("k"), value));
    TRY(fcc_get_multiple_states(stub, keys, 3, &values));
    TRY(fcc_get_private_data_hash(stub, FCC_LIT("c"), FCC_LIT("k"), &value));
    TRY(fcc_set_state_validation_parameter(stub, FCC_LIT("k"), FCC_LIT("policy")));
    TRY(fcc_get_state_validation_parameter(stub, FCC_LIT("k"), &value));
    st = fcc_create_composite_key(stub, FCC_LIT("type"), keys, 3, &composite);
    if (st == FCC_OK)
        st = fcc_split_composite_key(stub, composite, &type, &attributes, &count);
    if (st == FCC_OK)
        TRY(fcc_del_state(stub, composite)); /* refused by the peer */
out:
    play_handlers.ended++;
    return st;
}

static inline fcc_status play_large(fcc_stub *stub, fcc_args args)
{
    fcc_bytes value, again;
    fcc_status st;

    play_handlers.begun++;
    TRY(fcc_get_state(stub, FCC_LIT("large"), &value));
    TRY(fcc_get_private_data(stub, FCC_LIT("c"), FCC_LIT("large"), &again));
    TRY(fcc_put_state(stub, FCC_LIT("large"), value));
    st = fcc_set_event(stub, FCC_LIT("event"), FCC_LIT("payload"));
    if (st == FCC_OK)
        st = fcc_reply(stub, value);
    if (st == FCC_OK)
        st = fcc_reply(stub, value);
out:
    play_handlers.ended++;
    return st;
}

static inline fcc_status play_lists(fcc_stub *stub, fcc_args args)
{
    fcc_key_modification modification;
    fcc_iter *it = NULL;
    fcc_page page;
    fcc_kv kv;
    fcc_status st;

    play_handlers.begun++;
    TRY(fcc_get_state_by_range(stub, NONE, NONE, &it));
    while (fcc_iter_has_next(it))
        TRY(fcc_iter_next(it, &kv));
    TRY(fcc_iter_close(it));
    TRY(fcc_get_state_by_range_with_pagination(stub, FCC_LIT("a"), FCC_LIT("b"), 2, NONE, &it, &page));
    TRY(fcc_iter_next(it, &kv));
    TRY(fcc_get_history_for_key(stub, FCC_LIT("k"), &it));
    TRY(fcc_iter_next_modification(it, &modification));
    TRY(fcc_get_query_result(stub, FCC_LIT("{}"), &it)); /* the others stay open */
out:
    play_handlers.ended++;
    return st;
}

static inline fcc_status play_batch(fcc_stub *stub, fcc_args args)
{
    const fcc_bytes call[2] = { FCC_LIT("f"), FCC_LIT("x") };
    fcc_response response;
    char key[16];
    fcc_status st;

    play_handlers.begun++;
    TRY(fcc_invoke_chaincode(stub, FCC_LIT("other"), call, 2, FCC_LIT("ch2"), &response));
    fcc_start_write_batch(stub);
    for (int i = 0; i < 101; i++) { /* one more than the peer takes at once */
        snprintf(key, sizeof(key), "k%d", i);
        st = fcc_put_state(stub, fcc_str(key), fcc_str(key));
        if (st != FCC_OK)
            goto out;
    }
    st = fcc_del_private_data(stub, FCC_LIT("c"), FCC_LIT("k"));
    if (st != FCC_OK)
        goto out;
    TRY(fcc_finish_write_batch(stub));
    st = fcc_fail(stub, FCC_ERR_APP, "%0600d", 1);
out:
    play_handlers.ended++;
    return st;
}

static inline fcc_status play_init(fcc_stub *stub, fcc_args args)
{
    return fcc_set_event(stub, FCC_LIT("started"), NONE);
}

static const fcc_function play_functions[] = {
    { "values", play_values, FCC_ANY_ARGS },
    { "large", play_large, FCC_ANY_ARGS },
    { "lists", play_lists, FCC_ANY_ARGS },
    { "batch", play_batch, FCC_ANY_ARGS },
};
static const fcc_chaincode play_chaincode = { play_functions, 4, play_init, NULL, NULL };

/* ---- the peer ---- */

static inline fcc_bytes play_pack(struct play *p, const void *message)
{
    fcc_bytes wire;

    FCC_REQUIRE(fcc__pack(message, p->arena, &wire) == FCC_OK);
    return wire;
}

static inline void play_say(struct play *p, Protos__ChaincodeMessage__Type type, fcc_bytes tx_id, fcc_bytes payload)
{
    Protos__ChaincodeMessage m = PROTOS__CHAINCODE_MESSAGE__INIT;

    m.type = type;
    m.txid = fcc__pb(tx_id);
    m.channel_id = fcc__pb(tx_id.len ? FCC_LIT("ch") : NONE);
    m.payload = fcc__pb(payload);
    FCC_REQUIRE(p->queued < PLAY_QUEUE);
    p->queue[p->queued++] = play_pack(p, &m);
}

static inline void play_call(struct play *p, Protos__ChaincodeMessage__Type type, const char *tx_id, const char *name)
{
    Protos__ChaincodeInput input = PROTOS__CHAINCODE_INPUT__INIT;
    Protos__BytesEntry entry = PROTOS__BYTES_ENTRY__INIT, *entries = &entry;
    ProtobufCBinaryData arg = fcc__pb(fcc_str(name));

    entry.key = fcc__pb(FCC_LIT("who"));
    entry.value = fcc__pb(FCC_LIT("me"));
    input.args = &arg;
    input.n_args = 1;
    input.decorations = &entries;
    input.n_decorations = 1;
    play_say(p, type, fcc_str(tx_id), play_pack(p, &input));
}

static inline void play_begin(struct play *p)
{
    Protos__ChaincodeAdditionalParams offer = PROTOS__CHAINCODE_ADDITIONAL_PARAMS__INIT;
    char long_id[6001]; /* more than a small block of memory */

    offer.use_write_batch = true;
    offer.max_size_write_batch = 100;
    offer.use_get_multiple_keys = true;
    offer.max_size_get_multiple_keys = 100;
    play_say(p, TYPE(REGISTERED), NONE, NONE);
    play_say(p, TYPE(READY), NONE, play_pack(p, &offer));
    memset(long_id, 'i', sizeof(long_id) - 1);
    long_id[sizeof(long_id) - 1] = 0;
    play_call(p, TYPE(INIT), "init", "init");
    for (size_t i = 0; i < 3; i++)
        play_call(p, TYPE(TRANSACTION), play_functions[i].name, play_functions[i].name);
    play_call(p, TYPE(TRANSACTION), long_id, "batch");
    play_say(p, TYPE(KEEPALIVE), NONE, NONE);
}

static inline fcc_bytes play_large_value(struct play *p)
{
    uint8_t *large = fcc__arena_alloc(p->arena, PLAY_LARGE);

    FCC_REQUIRE(large);
    memset(large, 'x', PLAY_LARGE);
    return fcc_bytes_of(large, PLAY_LARGE);
}

static inline fcc_bytes play_page(struct play *p, const ProtobufCMessage *element, size_t count, bool more, bool paged)
{
    Protos__QueryResponse page = PROTOS__QUERY_RESPONSE__INIT;
    Protos__QueryResultBytes result = PROTOS__QUERY_RESULT_BYTES__INIT, *results[2] = { &result, &result };
    Protos__QueryResponseMetadata metadata = PROTOS__QUERY_RESPONSE_METADATA__INIT;

    metadata.fetched_records_count = 2;
    metadata.bookmark = fcc__pb(FCC_LIT("mark"));
    result.resultbytes = fcc__pb(play_pack(p, element));
    page.results = results;
    page.n_results = count;
    page.has_more = more;
    page.id = fcc__pb(FCC_LIT("query"));
    if (paged)
        page.metadata = fcc__pb(play_pack(p, &metadata));
    return play_pack(p, &page);
}

static inline fcc_bytes play_answer(struct play *p, const Protos__ChaincodeMessage *m)
{
    Queryresult__KV kv = QUERYRESULT__KV__INIT;
    Queryresult__KeyModification modification = QUERYRESULT__KEY_MODIFICATION__INIT;
    Protos__GetStateMultipleResult several = PROTOS__GET_STATE_MULTIPLE_RESULT__INIT;
    Protos__StateMetadataResult policies = PROTOS__STATE_METADATA_RESULT__INIT;
    Protos__StateMetadata policy = PROTOS__STATE_METADATA__INIT, *all[1] = { &policy };
    Protos__ChaincodeMessage last = PROTOS__CHAINCODE_MESSAGE__INIT;
    Protos__Response response = PROTOS__RESPONSE__INIT;
    ProtobufCBinaryData values[3] = { { 0 } };

    kv.key = fcc__pb(FCC_LIT("k"));
    kv.value = fcc__pb(FCC_LIT("value"));
    switch ((int)m->type) {
    case TYPE(GET_STATE):
        return memmem(m->payload.data, m->payload.len, "large", 5) ? play_large_value(p) : FCC_LIT("value");
    case TYPE(GET_PRIVATE_DATA_HASH):
        return FCC_LIT("hash");
    case TYPE(GET_STATE_MULTIPLE):
        values[1] = fcc__pb(FCC_LIT("value"));
        several.values = values;
        several.n_values = 3;
        return play_pack(p, &several);
    case TYPE(GET_STATE_METADATA):
        policy.metakey = fcc__pb(FCC_LIT("VALIDATION_PARAMETER"));
        policy.value = fcc__pb(FCC_LIT("policy"));
        policies.entries = all;
        policies.n_entries = 1;
        return play_pack(p, &policies);
    case TYPE(GET_STATE_BY_RANGE):
    case TYPE(GET_QUERY_RESULT):
        return play_page(p, &kv.base, 2, true, true);
    case TYPE(QUERY_STATE_NEXT):
        return play_page(p, &kv.base, 1, false, false);
    case TYPE(QUERY_STATE_CLOSE):
        return play_page(p, &kv.base, 0, false, false);
    case TYPE(GET_HISTORY_FOR_KEY):
        modification.tx_id = fcc__pb(FCC_LIT("tx"));
        modification.value = kv.value;
        return play_page(p, &modification.base, 1, false, false);
    case TYPE(INVOKE_CHAINCODE):
        response.status = 200;
        response.payload = fcc__pb(FCC_LIT("other's"));
        last.type = TYPE(COMPLETED);
        last.payload = fcc__pb(play_pack(p, &response));
        return play_pack(p, &last);
    default:
        return NONE;
    }
}

static inline void play_heard(struct play *p, fcc_bytes wire)
{
    Protos__ChaincodeMessage *m;

    if (p->failures)
        p->failures(false);
    FCC_REQUIRE(FCC__UNPACK(protos__chaincode_message, wire, p->arena, &m) == FCC_OK);
    if (m->type == TYPE(REGISTER)) {
        play_begin(p);
    } else if (m->type == TYPE(COMPLETED) || (m->type == TYPE(ERROR) && m->channel_id.len)) {
        p->answered++;
        p->completed += m->type == TYPE(COMPLETED);
    } else if (m->type == TYPE(DEL_STATE)) {
        play_say(p, TYPE(ERROR), fcc__of_pb(m->txid), FCC_LIT("not this one"));
    } else if (m->type != TYPE(ERROR) && m->type != TYPE(KEEPALIVE)) {
        play_say(p, TYPE(RESPONSE), fcc__of_pb(m->txid), play_answer(p, m));
    }
    if (p->failures)
        p->failures(true);
}

static inline void play_on_send(void *ctx, fcc_bytes wire)
{
    play_heard(ctx, wire);
}

static inline void play_on_send_own(void *ctx, void *memory, fcc_bytes wire)
{
    play_heard(ctx, wire);
    free(memory);
}

static inline void play_on_close(void *ctx, const char *reason)
{
    struct play *p = ctx;

    FCC_REQUIRE(!p->closed && reason[0]);
    p->closed = true;
}

static inline void play_on_exhausted(void *ctx)
{
    ((struct play *)ctx)->exhausted = true;
}

/* ---- a run ---- */

/* Each message is a block of exactly its length: reading past its end is seen under asan. */
static inline void play_deliver(struct play *p, fcc_bytes wire)
{
    uint8_t *memory;

    if (p->failures)
        p->failures(false);
    memory = malloc(wire.len ? wire.len : 1);
    FCC_REQUIRE(memory);
    if (p->failures)
        p->failures(true);
    if (wire.len)
        memcpy(memory, wire.data, wire.len);
    if (wire.len >= FCC__LARGE_BYTES) {
        fcc__session_receive_own(p->session, memory, fcc_bytes_of(memory, wire.len));
    } else {
        fcc__session_receive(p->session, fcc_bytes_of(memory, wire.len));
        free(memory);
    }
}

static inline bool play_open(struct play *p)
{
    static const fcc__session_events events = {
        .send = play_on_send,
        .close = play_on_close,
        .send_own = play_on_send_own,
        .exhausted = play_on_exhausted,
    };
    fcc__session_options options = { .stacks = p->stacks, .memory_bytes = 8 * 1024 * 1024 };

    return fcc__session_new(&play_chaincode, FCC_LIT("cc:01"), &options, &events, p, &p->session) == FCC_OK;
}

/* The conversation as far as it goes. */
static inline void play_talk(struct play *p)
{
    while (p->said < p->queued && !p->closed) {
        size_t i = p->said++;
        bool here = p->disturbance != UNDISTURBED && p->at == i;

        if (here && (p->disturbance == LEAVE || p->disturbance == FREE))
            return;
        if (here && p->disturbance == INSERT)
            play_deliver(p, p->wire);
        play_deliver(p, here && p->disturbance == REPLACE ? p->wire : p->queue[i]);
        if (here && p->disturbance == TWICE)
            play_deliver(p, p->queue[i]);
    }
}

static inline void play_prepare(struct play *p)
{
    play_handlers.begun = play_handlers.ended = play_handlers.wrongly = 0;
    play_handlers.gone = false;
    p->arena = fcc__arena_new(SIZE_MAX);
    p->stacks = fcc__co_pool_new(0, 8);
    FCC_REQUIRE(p->arena && p->stacks);
}

/* The stream is gone, and the session: everything that began has ended. */
static inline void play_end(struct play *p)
{
    play_handlers.gone = true;
    if (p->disturbance != FREE && p->session) {
        fcc__session_closed(p->session);
        FCC_REQUIRE(fcc__session_running(p->session) == 0);
    }
    fcc__session_free(p->session);
    if (p->failures)
        p->failures(false);
    FCC_REQUIRE(fcc__co_pool_active(p->stacks) == 0);
    FCC_REQUIRE(play_handlers.begun == play_handlers.ended);
    FCC_REQUIRE(play_handlers.wrongly == 0);
    fcc__co_pool_free(p->stacks);
}

/* A run with the disturbance that is set in `p`, which else is empty. */
static inline void play_run(struct play *p)
{
    play_prepare(p);
    if (p->failures)
        p->failures(true);
    p->begun = play_open(p);
    if (p->begun)
        play_talk(p);
    play_end(p);
}

static inline void play_clear(struct play *p)
{
    fcc__arena_free(p->arena);
}

#endif
