/* peer.h: a peer's side of a session, in memory: what a test says is received, what is sent is kept until taken. */
#ifndef TEST_UNIT_SHIM_CORE_PEER_H
#define TEST_UNIT_SHIM_CORE_PEER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/session.h"

#include "base/arena.h"
#include "base/buf.h"
#include "protos/unpack.h"

#include "common/common.pb-c.h"
#include "peer/chaincode.pb-c.h"
#include "peer/chaincode_shim.pb-c.h"
#include "peer/proposal.pb-c.h"
#include "peer/proposal_response.pb-c.h"

enum { PEER_QUEUE = 4096 };

#define TYPE(name) PROTOS__CHAINCODE_MESSAGE__TYPE__##name
#define NONE fcc_bytes_of(NULL, 0)

struct peer {
    fcc__arena *arena; /* all messages, both ways */
    fcc__co_pool *stacks;
    bool stacks_are_anothers;
    fcc__session *session;
    Protos__ChaincodeMessage *sent[PEER_QUEUE];
    fcc_bytes sent_wire[PEER_QUEUE];
    size_t sent_count;
    size_t taken;
    char closed[512]; /* the reason, once the session ended the stream */
    int drained;
    int overdue, held;
    int turned_away[FCC__AWAY_REASONS];
    struct {
        fcc_bytes body;
        void (*give_back)(void *lent);
        void *handle;
    } lent[8]; /* pieces of messages, given back at the end */
    size_t lent_count;
};

static inline void peer_on_send(void *ctx, fcc_bytes wire)
{
    struct peer *p = ctx;
    size_t i = p->sent_count++;

    assert_in_range(i, 0, PEER_QUEUE - 1);
    assert_true(fcc__arena_copy(p->arena, wire, &p->sent_wire[i]));
    assert_int_equal(FCC__UNPACK(protos__chaincode_message, wire, p->arena, &p->sent[i]), FCC_OK);
}

static inline void peer_on_pieces(void *ctx, const fcc_bytes pieces[3], void (*give_back)(void *lent), void *lent)
{
    struct peer *p = ctx;
    fcc__buf whole;

    fcc__buf_init(&whole, 1u << 30);
    for (int i = 0; i < 3; i++)
        fcc__buf_add(&whole, pieces[i]);
    peer_on_send(p, fcc__buf_bytes(&whole));
    fcc__buf_clear(&whole);
    assert_in_range(p->lent_count, 0, 7);
    p->lent[p->lent_count].body = pieces[1];
    p->lent[p->lent_count].give_back = give_back;
    p->lent[p->lent_count++].handle = lent;
}

static inline void peer_on_close(void *ctx, const char *reason)
{
    struct peer *p = ctx;

    assert_string_equal(p->closed, "");
    snprintf(p->closed, sizeof(p->closed), "%s", reason);
}

static inline void peer_on_drained(void *ctx)
{
    ((struct peer *)ctx)->drained++;
}

static inline void peer_on_turned_away(void *ctx, fcc__away why)
{
    ((struct peer *)ctx)->turned_away[why]++;
}

static inline void peer_on_overdue(void *ctx, const fcc__seen *seen, bool held)
{
    struct peer *p = ctx;

    assert_true(seen->tx_id.len > 0);
    *(held ? &p->held : &p->overdue) += 1;
}

static inline void peer_start(struct peer *p, const fcc_chaincode *chaincode, fcc__session_options options)
{
    static const fcc__session_events events = {
        .send = peer_on_send,
        .send_pieces = peer_on_pieces,
        .close = peer_on_close,
        .drained = peer_on_drained,
        .overdue = peer_on_overdue,
        .turned_away = peer_on_turned_away,
    };

    p->arena = fcc__arena_new(1u << 30);
    options.stacks = p->stacks;
    assert_int_equal(fcc__session_new(chaincode, FCC_LIT("cc:0123"), &options, &events, p, &p->session), FCC_OK);
}

static inline void peer_open(struct peer *p, const fcc_chaincode *chaincode, fcc__session_options options)
{
    memset(p, 0, sizeof(*p));
    p->stacks = fcc__co_pool_new(0, 8);
    peer_start(p, chaincode, options);
}

/* In the same process as `other`, which is to be closed later. */
static inline void peer_open_beside(struct peer *p, const struct peer *other, const fcc_chaincode *chaincode,
                                    fcc__session_options options)
{
    memset(p, 0, sizeof(*p));
    p->stacks = other->stacks;
    p->stacks_are_anothers = true;
    peer_start(p, chaincode, options);
}

static inline void peer_close(struct peer *p)
{
    fcc__session_free(p->session);
    if (!p->stacks_are_anothers) {
        assert_int_equal(fcc__co_pool_active(p->stacks), 0);
        fcc__co_pool_free(p->stacks);
    }
    for (size_t i = 0; i < p->lent_count; i++)
        p->lent[i].give_back(p->lent[i].handle);
    fcc__arena_free(p->arena);
}

/* ---- what the session sent ---- */

static inline bool peer_has(const struct peer *p)
{
    return p->taken < p->sent_count;
}

static inline Protos__ChaincodeMessage *peer_take(struct peer *p)
{
    assert_true(peer_has(p));
    return p->sent[p->taken++];
}

static inline Protos__ChaincodeMessage *peer_take_type(struct peer *p, Protos__ChaincodeMessage__Type type)
{
    Protos__ChaincodeMessage *m = peer_take(p);

    assert_int_equal(m->type, type);
    return m;
}

#define PEER_PAYLOAD(p, type, message, out) \
    assert_int_equal(FCC__UNPACK(type, fcc__of_pb((message)->payload), (p)->arena, out), FCC_OK)

static inline void assert_bytes(fcc_bytes actual, fcc_bytes expected)
{
    if (actual.len != expected.len)
        print_error("got \"" FCC_FMT "\"\n", FCC_ARG(actual));
    assert_int_equal(actual.len, expected.len);
    if (actual.len)
        assert_memory_equal(actual.data, expected.data, actual.len);
}

static inline void assert_text(fcc_bytes actual, const char *expected)
{
    assert_bytes(actual, fcc_str(expected));
}

/* ---- what the peer says ---- */

static inline void peer_say(struct peer *p, const Protos__ChaincodeMessage *m)
{
    fcc_bytes wire;

    assert_int_equal(fcc__pack(m, p->arena, &wire), FCC_OK);
    fcc__session_receive(p->session, wire);
}

static inline void peer_say_type(struct peer *p, Protos__ChaincodeMessage__Type type, const char *tx_id,
                                 fcc_bytes payload)
{
    Protos__ChaincodeMessage m = PROTOS__CHAINCODE_MESSAGE__INIT;

    m.type = type;
    m.txid = fcc__pb(fcc_str(tx_id));
    m.channel_id = fcc__pb(*tx_id ? FCC_LIT("ch") : NONE);
    m.payload = fcc__pb(payload);
    peer_say(p, &m);
}

static inline void peer_respond(struct peer *p, const char *tx_id, fcc_bytes payload)
{
    peer_say_type(p, TYPE(RESPONSE), tx_id, payload);
}

static inline void peer_refuse(struct peer *p, const char *tx_id, const char *text)
{
    peer_say_type(p, TYPE(ERROR), tx_id, fcc_str(text));
}

static inline fcc_bytes peer_pack(struct peer *p, const void *message)
{
    fcc_bytes wire;

    assert_int_equal(fcc__pack(message, p->arena, &wire), FCC_OK);
    return wire;
}

/* REGISTERED and READY with this offer; REGISTER is taken. */
static inline void peer_ready(struct peer *p, fcc_bytes offer)
{
    peer_take_type(p, TYPE(REGISTER));
    peer_say_type(p, TYPE(REGISTERED), "", NONE);
    peer_say_type(p, TYPE(READY), "", offer);
    assert_false(peer_has(p));
}

/* INIT or TRANSACTION without a proposal; the arguments end with NULL. */
static inline fcc_bytes peer_input(struct peer *p, const char *const *args)
{
    Protos__ChaincodeInput input = PROTOS__CHAINCODE_INPUT__INIT;
    ProtobufCBinaryData wire_args[16];

    input.args = wire_args;
    for (; *args; args++)
        wire_args[input.n_args++] = fcc__pb(fcc_str(*args));
    return peer_pack(p, &input);
}

#define peer_call(p, tx_id, ...) \
    peer_say_type(p, TYPE(TRANSACTION), tx_id, peer_input(p, (const char *const[]){ __VA_ARGS__, NULL }))

/* The transaction has ended with COMPLETED. */
static inline Protos__Response *peer_completed(struct peer *p, const char *tx_id)
{
    Protos__ChaincodeMessage *m = peer_take_type(p, TYPE(COMPLETED));
    Protos__Response *r;

    assert_text(fcc__of_pb(m->txid), tx_id);
    assert_text(fcc__of_pb(m->channel_id), "ch");
    PEER_PAYLOAD(p, protos__response, m, &r);
    return r;
}

static inline void peer_expect(struct peer *p, const char *tx_id, int32_t status, const char *message,
                               const char *payload)
{
    Protos__Response *r = peer_completed(p, tx_id);

    assert_text(fcc__of_pb(r->message), message);
    assert_int_equal(r->status, status);
    assert_text(fcc__of_pb(r->payload), payload);
}

#endif
